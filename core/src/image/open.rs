//! Opening a store: which blobs to read, and what they amount to.

use std::collections::BTreeMap;

use super::manifest::{BaseRef, IndexRef, Manifest, TailRef};
use super::{BlobName, Contents, Image, Slot, next_generation};
use crate::container::{self, Blob, BlobKind, HEADER_LEN, StoreId};
use crate::error::{Error, ErrorKind, Result};
use crate::wal::WAL_HEADER_LEN;

/// How to open a store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenOptions {
    /// Open an older state when the newest is damaged, instead of failing.
    ///
    /// What was given up stands in [`OpenReport::given_up`], and is removed by the next flush.
    pub recover: bool,
}

impl OpenOptions {
    /// Sets [`recover`](Self::recover).
    #[must_use]
    pub fn with_recover(mut self, recover: bool) -> OpenOptions {
        self.recover = recover;
        self
    }
}

/// What opening a store found beside its contents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenReport {
    /// Whether there was nothing and the store is new.
    pub fresh: bool,
    /// The generation that was opened, 0 in a fresh store.
    pub generation: u64,
    /// The flushes that were found without their manifest and opened, in order.
    pub rolled_forward: Vec<u64>,
    /// What is wrong with a manifest slot; the next flush repairs one of them.
    pub damaged_manifests: Vec<String>,
    /// What was given up under [`OpenOptions::recover`]: acknowledged changes may be lost.
    pub given_up: Vec<String>,
    /// The index snapshots that were missing or damaged, by key; they have to be rebuilt.
    pub dropped_indexes: BTreeMap<String, String>,
    /// The blobs that a crash left of a flush that was never acknowledged.
    pub leftovers: Vec<String>,
}

impl OpenReport {
    /// Whether nothing is wrong with the store. Leftovers of a crash are nothing wrong.
    pub fn is_clean(&self) -> bool {
        self.damaged_manifests.is_empty()
            && self.given_up.is_empty()
            && self.dropped_indexes.is_empty()
    }
}

/// A store that was opened.
#[derive(Debug)]
pub struct OpenedImage {
    /// Plans the flushes from here on.
    pub image: Image,
    /// The database file, or `None` in a fresh store.
    pub database: Option<Vec<u8>>,
    /// The committed bytes of the write-ahead log that belongs to it.
    pub wal: Vec<u8>,
    /// The index snapshots by key.
    pub indexes: BTreeMap<String, Vec<u8>>,
    /// What was found on the way.
    pub report: OpenReport,
}

/// Opens a store by asking for blobs, without touching a storage.
///
/// ```
/// use sigil_core::container::StoreId;
/// use sigil_core::image::{ImageOpener, OpenOptions};
/// use sigil_core::{MemoryStorage, SnapshotStorage};
/// let storage = MemoryStorage::new();
/// let mut opener = ImageOpener::new(OpenOptions::default(), StoreId([1; 16]));
/// loop {
///     let names = opener.wanted()?;
///     if names.is_empty() {
///         break;
///     }
///     for name in names {
///         let bytes = storage.read(&name)?;
///         opener.supply(name, bytes);
///     }
/// }
/// let opened = opener.finish()?;
/// assert!(opened.report.fresh && opened.database.is_none());
/// # Ok::<(), sigil_core::Error>(())
/// ```
#[derive(Debug)]
pub struct ImageOpener {
    options: OpenOptions,
    fresh: StoreId,
    blobs: BTreeMap<String, Option<Vec<u8>>>,
    found: Option<Found>,
}

/// What the blobs amount to.
#[derive(Debug)]
struct Found {
    store: StoreId,
    contents: Contents,
    kept: u64,
    seen: u64,
    report: OpenReport,
}

/// Why a decision could not be made.
enum Stop {
    /// These blobs have to be read first.
    Wanted(Vec<String>),
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Failed(error)
    }
}

/// What stands in a manifest slot.
enum SlotState {
    Missing,
    Damaged(Error),
    Whole(StoreId, Manifest),
}

/// What there is of a later flush.
enum Later {
    Nothing,
    Broken(Error),
    Tail(usize, TailRef),
    Base(BaseRef, Option<TailRef>),
}

impl ImageOpener {
    /// An opener that has read nothing; a fresh store gets the id `fresh`, which should be random.
    pub fn new(options: OpenOptions, fresh: StoreId) -> ImageOpener {
        ImageOpener { options, fresh, blobs: BTreeMap::new(), found: None }
    }

    /// The names of the blobs to [`supply`](Self::supply) next, or none when it can
    /// [`finish`](Self::finish). They may be read in any order, and at once.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] when acknowledged data is missing or damaged, naming the blob;
    /// [`ErrorKind::NewerFormat`] when a newer version wrote the store.
    pub fn wanted(&mut self) -> Result<Vec<String>> {
        if self.found.is_some() {
            return Ok(Vec::new());
        }
        match self.decide() {
            Ok(found) => {
                self.found = Some(found);
                Ok(Vec::new())
            }
            Err(Stop::Wanted(names)) => Ok(names),
            Err(Stop::Failed(error)) => Err(error),
        }
    }

    /// Hands over the blob `name`, or `None` when there is none.
    pub fn supply(&mut self, name: String, bytes: Option<Vec<u8>>) {
        self.blobs.insert(name, bytes);
    }

    /// The store.
    ///
    /// # Errors
    /// As [`wanted`](Self::wanted); [`ErrorKind::InvalidInput`] when blobs are still wanted.
    pub fn finish(mut self) -> Result<OpenedImage> {
        let names = self.wanted()?;
        let Some(Found { store, contents, kept, seen, report }) = self.found.take() else {
            return Err(Error::invalid(format!(
                "the store cannot be opened before these blobs are supplied: {}",
                names.join(", ")
            )));
        };
        let slots = [Slot::A, Slot::B]
            .map(|slot| self.blobs.get(slot.name())?.as_deref().map(container::checksum));
        let database = contents.base.map(|_| self.take(BlobName::Base { epoch: contents.epoch }));
        let mut wal = Vec::new();
        for tail in &contents.tails {
            let piece = self.take(contents.tail_name(tail));
            if wal.is_empty() {
                wal = piece;
            } else {
                wal.extend_from_slice(&piece);
            }
        }
        let indexes = (contents.indexes.iter())
            .map(|(key, index)| (key.clone(), self.take(index.name())))
            .collect();
        let image = Image {
            store,
            contents,
            kept,
            seen,
            slots,
            wal_head: head_checksum(&wal),
            poisoned: None,
        };
        Ok(OpenedImage { image, database, wal, indexes, report })
    }

    /// The payload of a blob that was found whole, without a copy.
    fn take(&mut self, name: BlobName) -> Vec<u8> {
        let mut bytes = self.blobs.remove(&name.to_string()).flatten().unwrap_or_default();
        bytes.drain(..HEADER_LEN.min(bytes.len()));
        bytes
    }

    /// The blob `name`; call [`want`](Self::want) for it first.
    fn blob(&self, name: &str) -> Option<&[u8]> {
        self.blobs.get(name)?.as_deref()
    }

    /// Stops unless all of these blobs were supplied.
    fn want(&self, names: impl IntoIterator<Item = String>) -> Result<(), Stop> {
        let missing: Vec<String> =
            names.into_iter().filter(|name| !self.blobs.contains_key(name)).collect();
        if missing.is_empty() { Ok(()) } else { Err(Stop::Wanted(missing)) }
    }

    /// Decides what the store is. Starts from the beginning each time more blobs are known.
    fn decide(&self) -> Result<Found, Stop> {
        self.want([Slot::A, Slot::B].map(|slot| slot.name().to_owned()))?;
        let (a, b) = (self.slot(Slot::A)?, self.slot(Slot::B)?);
        let mut report = OpenReport::default();
        for state in [&a, &b] {
            if let SlotState::Damaged(error) = state {
                report.damaged_manifests.push(error.to_string());
            }
        }
        let (store, newest, older) = match (a, b) {
            (SlotState::Whole(store, a), SlotState::Whole(other, b)) => {
                if store != other {
                    return Err(Stop::Failed(Error::corrupt(format!(
                        "'manifest-a' is of the store {store} and 'manifest-b' of {other}: \
                         put back the one that belongs here"
                    ))));
                }
                let (newest, older) = if a.generation > b.generation { (a, b) } else { (b, a) };
                (store, newest, Some(older))
            }
            (SlotState::Whole(store, one), _) | (_, SlotState::Whole(store, one)) => {
                (store, one, None)
            }
            // Only the first flush leaves slot b empty, so the first is all there can be.
            (first, SlotState::Missing) => {
                let strict = !matches!(first, SlotState::Missing);
                return self.without_manifest(strict, report);
            }
            _ => return Err(Stop::Failed(no_manifest())),
        };
        let expected = older.as_ref().map_or(0, |older| older.generation) == newest.previous
            && report.damaged_manifests.is_empty();
        if !expected && report.damaged_manifests.is_empty() {
            report.damaged_manifests.push(format!(
                "'{}' should hold generation {} and {}",
                Slot::of(newest.generation).other().name(),
                newest.previous,
                match &older {
                    Some(older) => format!("holds {}", older.generation),
                    None => "is missing".to_owned(),
                }
            ));
        }
        let seen = newest.generation;
        let kept = match (self.load(store, &newest), older) {
            (Ok(()), _) => newest,
            (Err(Stop::Failed(error)), Some(older))
                if self.options.recover && error.kind() == ErrorKind::Corrupt =>
            {
                // When the older one does not hold either, the newer one's error says more.
                self.load(store, &older).map_err(|stop| match stop {
                    Stop::Failed(_) => Stop::Failed(error.clone()),
                    wanted @ Stop::Wanted(_) => wanted,
                })?;
                report.given_up.push(format!("generation {seen}: {error}"));
                older
            }
            (Err(Stop::Failed(error)), _) if error.kind() == ErrorKind::Corrupt => {
                return Err(Stop::Failed(error.context(
                    "the newest state of the store is damaged (restore the blob, or open with \
                     'recover' to go back to the state before it)",
                )));
            }
            (Err(stop), _) => return Err(stop),
        };
        let mut contents = Contents::of(&kept);
        // What the manifest that was given up names is not needed any more.
        if seen > kept.generation {
            self.retire_given_up(seen, &mut contents);
        }
        let mut found = Found { store, contents, kept: kept.generation, seen, report };
        self.roll_forward(!expected, &mut found)?;
        self.drop_indexes(&mut found)?;
        found.report.generation = found.seen;
        Ok(found)
    }

    fn slot(&self, slot: Slot) -> Result<SlotState> {
        let Some(bytes) = self.blob(slot.name()) else { return Ok(SlotState::Missing) };
        match Manifest::decode(slot, bytes) {
            Ok((store, manifest)) => Ok(SlotState::Whole(store, manifest)),
            Err(error) if error.kind() == ErrorKind::Corrupt => Ok(SlotState::Damaged(error)),
            Err(error) => Err(error),
        }
    }

    /// A store that has no manifest, or only a damaged first one: either nothing, or what the
    /// first flush wrote before it.
    fn without_manifest(&self, strict: bool, report: OpenReport) -> Result<Found, Stop> {
        let base = BlobName::Base { epoch: 1 }.to_string();
        self.want([base.clone()])?;
        let store = (self.blob(&base))
            .and_then(|bytes| container::decode(&base, bytes).ok())
            .map_or(self.fresh, |blob| blob.header.store);
        let mut found = Found { store, contents: Contents::default(), kept: 0, seen: 0, report };
        self.roll_forward(strict, &mut found)?;
        if found.contents.base.is_none() {
            if strict {
                return Err(Stop::Failed(no_manifest()));
            }
            found.store = self.fresh;
            found.report.fresh = true;
        }
        found.report.generation = found.seen;
        Ok(found)
    }

    /// Checks that the base and the tails of `manifest` are whole, and has its indexes read.
    fn load(&self, store: StoreId, manifest: &Manifest) -> Result<(), Stop> {
        let contents = Contents::of(manifest);
        let base = BlobName::Base { epoch: contents.epoch };
        let names = [base].into_iter();
        let names = names.chain(contents.tails.iter().map(|tail| contents.tail_name(tail)));
        let names = names.chain(contents.indexes.values().map(IndexRef::name));
        let names = names.chain(later_names(contents.epoch, manifest.generation + 1));
        self.want(names.map(|name| name.to_string()))?;
        let one = &manifest.base;
        self.check(store, contents.epoch, base, (one.generation, one.len, one.checksum))?;
        for tail in &contents.tails {
            let name = contents.tail_name(tail);
            let said = (tail.generation, tail.len, tail.checksum);
            let offset = self.check(store, contents.epoch, name, said)?.header.offset;
            if offset != tail.offset {
                return Err(Stop::Failed(Error::corrupt(format!(
                    "blob '{name}' is for another place in the WAL: expected {}, found {offset}",
                    tail.offset
                ))));
            }
        }
        Ok(())
    }

    /// The blob `name`, which must be the one a manifest says it is: its generation, length and
    /// checksum.
    fn check(
        &self,
        store: StoreId,
        epoch: u64,
        name: BlobName,
        expected: (u64, u64, u64),
    ) -> Result<Blob<'_>> {
        let kind = match name {
            BlobName::Base { .. } => BlobKind::Image,
            BlobName::Tail { .. } => BlobKind::WalTail,
            BlobName::Index { .. } => BlobKind::IndexSnapshot,
        };
        let name = name.to_string();
        let Some(bytes) = self.blob(&name) else {
            return Err(Error::corrupt(format!("blob '{name}' is missing")));
        };
        let blob = container::decode_as(&name, bytes, kind, Some(store))?;
        let found = (blob.header.generation, blob.payload.len() as u64, blob.checksum);
        if found != expected || (kind != BlobKind::IndexSnapshot && blob.header.epoch != epoch) {
            return Err(Error::corrupt(format!(
                "blob '{name}' is not the one the manifest names: expected generation {}, {} \
                 bytes, checksum {:016x}, found generation {}, {} bytes, checksum {:016x}",
                expected.0, expected.1, expected.2, found.0, found.1, found.2
            )));
        }
        Ok(blob)
    }

    /// Retires what the manifest of the generation `seen` names, which could not be opened.
    fn retire_given_up(&self, seen: u64, contents: &mut Contents) {
        let slot = Slot::of(seen);
        let Some(Ok((_, manifest))) = self.blob(slot.name()).map(|b| Manifest::decode(slot, b))
        else {
            return;
        };
        let given_up = Contents::of(&manifest);
        let names = [BlobName::Base { epoch: given_up.epoch }].into_iter();
        let names = names.chain(given_up.tails.iter().map(|tail| given_up.tail_name(tail)));
        let names = names.chain(given_up.indexes.values().map(IndexRef::name));
        let names = names.chain(given_up.retired.iter().map(|retired| retired.name));
        for name in names.collect::<Vec<_>>() {
            if !contents.needs(name) {
                contents.retire(name, 0);
            }
        }
    }

    /// Takes in every complete flush after the one found. With `strict`, a manifest may have been
    /// lost, so what there is of a later flush must be complete.
    fn roll_forward(&self, strict: bool, found: &mut Found) -> Result<(), Stop> {
        let mut leftovers: Vec<BlobName> = Vec::new();
        loop {
            let mut generation = next_generation(found.kept, found.seen);
            // After a generation was given up, or rolled over, the next one skipped a number. If
            // its manifest is the lost one, it is found behind the gap.
            let last = generation + if strict { 2 } else { 0 };
            let mut advanced = false;
            while !advanced && generation <= last {
                self.want_later(found.contents.epoch, generation, &mut leftovers)?;
                match self.later(found, generation) {
                    Later::Nothing => {}
                    Later::Broken(error) if error.kind() == ErrorKind::NewerFormat => {
                        return Err(Stop::Failed(error));
                    }
                    Later::Broken(error) if strict && !self.options.recover => {
                        return Err(Stop::Failed(lost_flush(found, generation, &error)));
                    }
                    Later::Broken(error) if strict => {
                        found.report.given_up.push(format!("generation {generation}: {error}"));
                        found.seen = generation;
                        return self.note_leftovers(found, &leftovers);
                    }
                    Later::Broken(_) => {}
                    Later::Tail(first, tail) => {
                        found.contents.extend(first, tail);
                        advanced = true;
                    }
                    Later::Base(base, tail) => {
                        found.contents.rebase(base);
                        if let Some(tail) = tail {
                            found.contents.extend(0, tail);
                        }
                        advanced = true;
                    }
                }
                if advanced {
                    found.seen = generation;
                    found.report.rolled_forward.push(generation);
                }
                generation += 2;
            }
            if !advanced {
                return self.note_leftovers(found, &leftovers);
            }
        }
    }

    /// Has the blobs read that a flush of `generation` may have written, and notes them.
    fn want_later(
        &self,
        epoch: u64,
        generation: u64,
        leftovers: &mut Vec<BlobName>,
    ) -> Result<(), Stop> {
        let names = later_names(epoch, generation);
        self.want(names.iter().map(BlobName::to_string))?;
        leftovers.extend(names);
        let mut number = 0;
        while self.blob(&BlobName::Index { generation, number }.to_string()).is_some() {
            number += 1;
            let next = BlobName::Index { generation, number };
            self.want([next.to_string()])?;
            leftovers.push(next);
        }
        Ok(())
    }

    /// Retires what a crash left of flushes that were not taken in.
    fn note_leftovers(&self, found: &mut Found, names: &[BlobName]) -> Result<(), Stop> {
        let Found { contents, report, .. } = found;
        for name in names.iter().copied() {
            if self.blob(&name.to_string()).is_some() && !contents.needs(name) {
                contents.retire(name, 0);
                if !report.leftovers.contains(&name.to_string()) {
                    report.leftovers.push(name.to_string());
                }
            }
        }
        Ok(())
    }

    /// What there is of the flush `generation` on top of what was found.
    fn later(&self, found: &Found, generation: u64) -> Later {
        let tail = self.later_tail(found, generation);
        let base = self.later_base(found, generation);
        match (tail, base) {
            (Later::Tail(..), Later::Base(..)) => Later::Broken(Error::corrupt(format!(
                "there are two complete flushes of generation {generation}: two writers had the \
                 store open at once"
            ))),
            (whole @ Later::Tail(..), _) | (_, whole @ Later::Base(..)) => whole,
            (broken @ Later::Broken(_), _) | (_, broken) => broken,
        }
    }

    fn later_tail(&self, found: &Found, generation: u64) -> Later {
        let contents = &found.contents;
        if contents.base.is_none() {
            return Later::Nothing;
        }
        let name = BlobName::Tail { epoch: contents.epoch, generation };
        let Some(bytes) = self.blob(&name.to_string()) else { return Later::Nothing };
        let blob = match self.later_blob(found.store, name, bytes, BlobKind::WalTail) {
            Ok(blob) => blob,
            Err(error) => return Later::Broken(error),
        };
        let tail = tail_ref(&blob);
        let first = contents.tails.iter().take_while(|old| old.offset < tail.offset).count();
        let start = contents.tails.get(first).map_or(contents.wal_len(), |old| old.offset);
        let covered = contents.tails[first..].iter().try_fold(blob.payload, |rest, old| {
            let old = self.blob(&contents.tail_name(old).to_string())?.get(HEADER_LEN..)?;
            rest.strip_prefix(old)
        });
        let ours = (blob.header.epoch, blob.header.generation) == (contents.epoch, generation);
        match covered {
            Some(new) if ours && start == tail.offset && !new.is_empty() => {
                Later::Tail(first, tail)
            }
            _ => Later::Broken(Error::corrupt(format!(
                "blob '{name}' does not continue the WAL of generation {}: it starts at {}, \
                 and the WAL is {} bytes long",
                found.seen,
                tail.offset,
                contents.wal_len()
            ))),
        }
    }

    fn later_base(&self, found: &Found, generation: u64) -> Later {
        let epoch = found.contents.epoch + 1;
        let name = BlobName::Base { epoch };
        let Some(bytes) = self.blob(&name.to_string()) else { return Later::Nothing };
        let blob = match self.later_blob(found.store, name, bytes, BlobKind::Image) {
            Ok(blob) => blob,
            Err(error) => return Later::Broken(error),
        };
        // A base of another generation is what an earlier crash left.
        if (blob.header.epoch, blob.header.generation) != (epoch, generation) {
            return Later::Nothing;
        }
        let base = BaseRef { generation, len: blob.payload.len() as u64, checksum: blob.checksum };
        let wal_len = blob.header.offset;
        if wal_len == 0 {
            return Later::Base(base, None);
        }
        let name = BlobName::Tail { epoch, generation };
        let Some(bytes) = self.blob(&name.to_string()) else {
            return Later::Broken(Error::corrupt(format!("blob '{name}' is missing")));
        };
        match self.later_blob(found.store, name, bytes, BlobKind::WalTail) {
            Err(error) => Later::Broken(error),
            Ok(blob) => {
                let tail = tail_ref(&blob);
                let expected = (epoch, generation, 0, wal_len);
                let found = (blob.header.epoch, tail.generation, tail.offset, tail.len);
                if found == expected {
                    Later::Base(base, Some(tail))
                } else {
                    Later::Broken(Error::corrupt(format!(
                        "blob '{name}' does not belong to 'base-{epoch}': expected {expected:?} \
                         as epoch, generation, offset and length, found {found:?}"
                    )))
                }
            }
        }
    }

    fn later_blob<'a>(
        &self,
        store: StoreId,
        name: BlobName,
        bytes: &'a [u8],
        kind: BlobKind,
    ) -> Result<Blob<'a>> {
        container::decode_as(&name.to_string(), bytes, kind, Some(store))
    }

    /// Drops the index snapshots that do not hold.
    fn drop_indexes(&self, found: &mut Found) -> Result<(), Stop> {
        let Found { store, contents, report, .. } = found;
        let epoch = contents.epoch;
        let mut dropped = Vec::new();
        for (key, index) in &contents.indexes {
            let said = (index.generation, index.len, index.checksum);
            self.want([index.name().to_string()])?;
            if let Err(error) = self.check(*store, epoch, index.name(), said) {
                report.dropped_indexes.insert(key.clone(), error.to_string());
                dropped.push(key.clone());
            }
        }
        for key in dropped {
            if let Some(index) = contents.indexes.remove(&key) {
                contents.retire(index.name(), 0);
            }
        }
        Ok(())
    }
}

/// The blobs a flush of `generation` on top of `epoch` may have written, but for further indexes.
fn later_names(epoch: u64, generation: u64) -> [BlobName; 4] {
    [
        BlobName::Tail { epoch, generation },
        BlobName::Base { epoch: epoch + 1 },
        BlobName::Tail { epoch: epoch + 1, generation },
        BlobName::Index { generation, number: 0 },
    ]
}

fn tail_ref(blob: &Blob<'_>) -> TailRef {
    TailRef {
        generation: blob.header.generation,
        offset: blob.header.offset,
        len: blob.payload.len() as u64,
        checksum: blob.checksum,
    }
}

/// The checksum of the first bytes of a WAL, which change whenever it is restarted.
pub(super) fn head_checksum(wal: &[u8]) -> Option<u64> {
    wal.get(..WAL_HEADER_LEN.min(wal.len()))
        .filter(|head| !head.is_empty())
        .map(container::checksum)
}

fn no_manifest() -> Error {
    Error::corrupt(
        "neither 'manifest-a' nor 'manifest-b' is whole, so which blobs make the store is \
         unknown: restore one of the two from a backup",
    )
}

fn lost_flush(found: &Found, generation: u64, error: &Error) -> Error {
    error.clone().context(format!(
        "a manifest is damaged, and so is what the flush of generation {generation} wrote \
         (restore either, or open with 'recover' to go back to generation {})",
        found.seen
    ))
}
