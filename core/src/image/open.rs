//! Opening a store: which blobs to read, and what they amount to.

mod later;
mod recover;

use std::collections::BTreeMap;

use super::manifest::{BaseRef, IndexRef, Manifest, TailRef};
use super::{BlobName, Contents, Image, Slot};
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
    /// Whether that flush was found without its manifest.
    pub rolled_forward: bool,
    /// What is wrong with a manifest slot; the next flush repairs it.
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
    pub(super) blobs: BTreeMap<String, Option<Vec<u8>>>,
    found: Option<Found>,
}

/// What the blobs amount to.
#[derive(Debug)]
struct Found {
    store: StoreId,
    contents: Contents,
    kept: u64,
    repair: bool,
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
        let Some(Found { store, contents, kept, repair, report }) = self.found.take() else {
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
            repair,
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
    pub(super) fn blob(&self, name: &str) -> Option<&[u8]> {
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
        let previous = older.as_ref().map_or(0, |older| older.generation);
        let lost = previous + 1 != newest.generation;
        if lost && report.damaged_manifests.is_empty() {
            report.damaged_manifests.push(format!(
                "'{}' should hold generation {} and {}",
                Slot::of(newest.generation).other().name(),
                newest.generation - 1,
                match previous {
                    0 => "is missing".to_owned(),
                    _ => format!("holds {previous}"),
                }
            ));
        }
        // A slot that should be empty and is not counts as lost, too.
        let lost = !report.damaged_manifests.is_empty();
        let (contents, kept) = match self.load(store, &newest) {
            Ok(()) => (Contents::of(&newest), newest.generation),
            Err(Stop::Failed(error)) if error.kind() == ErrorKind::Corrupt => {
                if self.options.recover {
                    return self.recover(store, &newest, older.as_ref(), &error, report);
                }
                return Err(Stop::Failed(error.context(
                    "the newest state of the store is damaged (restore the blob, or open with \
                     'recover' to go back to the state before it)",
                )));
            }
            Err(stop) => return Err(stop),
        };
        let mut found = Found { store, contents, kept, repair: lost, report };
        self.roll_forward(lost, &mut found)?;
        self.drop_indexes(&mut found)?;
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
        let contents = Contents::default();
        let mut found = Found { store, contents, kept: 0, repair: false, report };
        self.roll_forward(strict, &mut found)?;
        if found.contents.base.is_none() {
            if strict {
                return Err(Stop::Failed(no_manifest()));
            }
            found.store = self.fresh;
            found.report.fresh = true;
        }
        Ok(found)
    }

    /// Checks that the base and the tails of `manifest` are whole, and has its indexes read.
    fn load(&self, store: StoreId, manifest: &Manifest) -> Result<(), Stop> {
        let contents = Contents::of(manifest);
        let base = BlobName::Base { epoch: contents.epoch };
        let names = [base].into_iter();
        let names = names.chain(contents.tails.iter().map(|tail| contents.tail_name(tail)));
        let names = names.chain(contents.indexes.values().map(IndexRef::name));
        let names = names.chain(later::later_names(contents.epoch, manifest.generation + 1));
        self.want(names.map(|name| name.to_string()))?;
        self.check_base(store, manifest)?;
        for tail in &manifest.tails {
            self.check_tail(store, manifest.epoch, tail)?;
        }
        Ok(())
    }

    pub(super) fn check_base(&self, store: StoreId, manifest: &Manifest) -> Result<()> {
        let BaseRef { generation, len, checksum } = manifest.base;
        let name = BlobName::Base { epoch: manifest.epoch };
        self.check(store, manifest.epoch, name, (generation, len, checksum)).map(drop)
    }

    pub(super) fn check_tail(&self, store: StoreId, epoch: u64, tail: &TailRef) -> Result<()> {
        let name = BlobName::Tail { epoch, generation: tail.generation };
        let said = (tail.generation, tail.len, tail.checksum);
        let offset = self.check(store, epoch, name, said)?.header.offset;
        if offset == tail.offset {
            return Ok(());
        }
        Err(Error::corrupt(format!(
            "blob '{name}' is for another place in the WAL: expected {}, found {offset}",
            tail.offset
        )))
    }

    pub(super) fn check_index(&self, store: StoreId, epoch: u64, index: &IndexRef) -> Result<()> {
        let said = (index.generation, index.len, index.checksum);
        self.check(store, epoch, index.name(), said).map(drop)
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

    /// Drops the index snapshots that do not hold.
    fn drop_indexes(&self, found: &mut Found) -> Result<(), Stop> {
        let Found { store, contents, report, .. } = found;
        let epoch = contents.epoch;
        let mut dropped = Vec::new();
        for (key, index) in &contents.indexes {
            self.want([index.name().to_string()])?;
            if let Err(error) = self.check_index(*store, epoch, index) {
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
