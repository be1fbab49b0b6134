//! Planning a flush: what to write, in which order, and what to remove then.

use super::manifest::{BaseRef, IndexRef, Manifest, TailRef};
use super::open::head_checksum;
use super::tails::first_merged;
use super::{
    BlobName, CHECKPOINT_MIN, Contents, Image, MAX_INDEX_KEY_LEN, MAX_INDEXES, MAX_RETIRED,
    MAX_TAILS, Slot,
};
use crate::container::{self, BlobHeader, BlobKind};
use crate::error::{Error, ErrorKind, Result};

/// What a store consists of at the moment of a flush.
#[derive(Debug, Clone, Copy, Default)]
pub struct FlushInput<'a> {
    /// The committed bytes of the current WAL, from its header to the end of its last commit.
    pub wal: &'a [u8],
    /// The database file, when it changed since the last flush: after a checkpoint, and for the
    /// first flush. `wal` is then what was committed since.
    pub database: Option<&'a [u8]>,
    /// The index snapshots that are new, by key.
    pub indexes: &'a [(&'a str, &'a [u8])],
    /// The keys of index snapshots that are no longer of use.
    pub removed_indexes: &'a [&'a str],
}

/// What a driver has to do, in this order: [`check`](Flush::check), the `writes`, `check` again,
/// the `manifest`; then [`Image::committed`], and the `removals`.
#[derive(Debug)]
#[must_use]
pub struct Flush {
    /// The generation this becomes.
    pub generation: u64,
    /// Whether this only puts the manifests in order, so that the same input has to be planned
    /// once more when it is done. Never so twice in a row.
    pub repairs: bool,
    /// Blobs to put in place, in order.
    pub writes: Vec<(String, Vec<u8>)>,
    /// The manifest to put in place when all writes are durable.
    pub manifest: (String, Vec<u8>),
    /// Blobs to remove when the manifest is durable; report each by [`Image::removed`]. To fail
    /// here is no failure of the flush.
    pub removals: Vec<String>,
    /// The checksum of the manifest that is replaced.
    replaces: Option<u64>,
    manifest_checksum: u64,
    contents: Contents,
    wal_head: Option<u64>,
}

impl Flush {
    /// Whether the slot that [`manifest`](Flush::manifest) replaces still holds what this handle
    /// last saw there: `found` is what a read of it gives now.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] when another writer moved the store on. Report it by
    /// [`Image::failed`].
    pub fn check(&self, found: Option<&[u8]>) -> Result<()> {
        if found.map(container::checksum) == self.replaces {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Conflict,
            format!(
                "another writer replaced '{}' since this handle opened the store: nothing was \
                 committed, open the store again",
                self.manifest.0
            ),
        ))
    }

    /// How many bytes there are to write, with their containers.
    pub fn bytes(&self) -> u64 {
        let writes = self.writes.iter().map(|(_, bytes)| bytes.len() as u64);
        writes.sum::<u64>() + self.manifest.1.len() as u64
    }
}

impl Image {
    /// What to write so that the store holds `input`, or `None` when it does already.
    ///
    /// # Errors
    /// [`ErrorKind::Poisoned`] after a failed flush; [`ErrorKind::InvalidInput`] when the WAL is
    /// not the one stored, grown, and no database came with it, or the first flush has no
    /// database; [`ErrorKind::Limit`] for too many or too long index keys.
    pub fn plan(&self, input: &FlushInput<'_>) -> Result<Option<Flush>> {
        self.usable()?;
        self.accept(input)?;
        if self.repair {
            return self.finish(self.contents.clone(), Vec::new(), self.wal_head).map(Some);
        }
        let mut next = Next {
            image: self,
            generation: self.kept + 1,
            contents: self.contents.clone(),
            writes: Vec::new(),
        };
        // The data comes last, so that whoever finds it whole knows the rest is in place.
        let indexes_changed = next.indexes(input)?;
        match input.database {
            Some(database) => next.base(database, input.wal),
            None => next.tail(input.wal),
        }
        if next.writes.is_empty() && !indexes_changed {
            return Ok(None);
        }
        let Next { contents, writes, .. } = next;
        self.finish(contents, writes, head_checksum(input.wal)).map(Some)
    }

    /// What to write so that every blob that is no longer part of the store can be removed now and
    /// not only by later flushes; `None` when there is none.
    ///
    /// It stores nothing new: it puts a manifest in the slot of the one that may still name them.
    ///
    /// # Errors
    /// [`ErrorKind::Poisoned`] after a failed flush.
    pub fn plan_removals(&self) -> Result<Option<Flush>> {
        self.usable()?;
        if self.contents.retired.is_empty() {
            return Ok(None);
        }
        self.finish(self.contents.clone(), Vec::new(), self.wal_head).map(Some)
    }

    /// The flush that makes `contents` the next generation.
    fn finish(
        &self,
        mut contents: Contents,
        writes: Vec<(String, Vec<u8>)>,
        wal_head: Option<u64>,
    ) -> Result<Flush> {
        let Some(base) = contents.base else {
            return Err(Error::invalid("the first flush of a store needs the database"));
        };
        let mut retired = std::mem::take(&mut contents.retired);
        retired.retain(|retired| !contents.needs(retired.name));
        retired.drain(..retired.len().saturating_sub(MAX_RETIRED));
        // What the manifest in the other slot may still name is kept for one more flush.
        let removals = (retired.iter())
            .filter(|retired| retired.since <= self.kept)
            .map(|retired| retired.name.to_string())
            .collect();
        contents.retired = retired;
        let generation = self.kept + 1;
        let manifest = Manifest::new(generation, base, &contents).encode(self.store)?;
        let slot = Slot::of(generation);
        Ok(Flush {
            generation,
            repairs: self.repair,
            writes,
            manifest_checksum: container::checksum(&manifest),
            manifest: (slot.name().to_owned(), manifest),
            removals,
            replaces: self.slots[slot as usize],
            wal_head,
            contents,
        })
    }

    fn accept(&self, input: &FlushInput<'_>) -> Result<()> {
        match input.database {
            Some([]) => return Err(Error::invalid("an empty file is no database image")),
            Some(_) => return Ok(()),
            None => {}
        }
        let stored = self.contents.wal_len();
        let len = input.wal.len() as u64;
        if len < stored {
            return Err(Error::invalid(format!(
                "the WAL has shrunk from {stored} to {len} bytes: a flush after a checkpoint \
                 needs the database"
            )));
        }
        if stored > 0 && head_checksum(input.wal) != self.wal_head {
            return Err(Error::invalid(
                "the WAL was restarted since the last flush: a flush after a checkpoint needs \
                 the database",
            ));
        }
        Ok(())
    }

    /// The flush is done: its manifest is durable.
    pub fn committed(&mut self, flush: Flush) {
        self.kept = flush.generation;
        self.repair = false;
        self.contents = flush.contents;
        self.wal_head = flush.wal_head;
        self.slots[Slot::of(flush.generation) as usize] = Some(flush.manifest_checksum);
    }

    /// The blob `name` was removed, so it need not be listed any longer.
    pub fn removed(&mut self, name: &str) {
        self.contents.retired.retain(|retired| retired.name.to_string() != name);
    }

    /// A flush failed after it began to write. What is stored is unknown until the store is
    /// opened again, and so every further call is refused.
    pub fn failed(&mut self, cause: Error) {
        self.poisoned.get_or_insert(cause);
    }
}

/// A flush in the making.
struct Next<'a> {
    image: &'a Image,
    generation: u64,
    contents: Contents,
    writes: Vec<(String, Vec<u8>)>,
}

impl Next<'_> {
    fn write(&mut self, name: BlobName, kind: BlobKind, offset: u64, payload: &[u8]) {
        let header = BlobHeader {
            kind,
            store: self.image.store,
            generation: self.generation,
            epoch: self.contents.epoch,
            offset,
        };
        self.writes.push((name.to_string(), container::encode(&header, payload)));
    }

    /// Takes in the index snapshots, and says whether any changed.
    fn indexes(&mut self, input: &FlushInput<'_>) -> Result<bool> {
        let mut changed = false;
        for key in input.removed_indexes {
            if let Some(index) = self.contents.indexes.remove(*key) {
                self.contents.retire(index.name(), self.generation);
                changed = true;
            }
        }
        let mut number = 0;
        for (key, bytes) in input.indexes {
            if key.is_empty() || key.len() > MAX_INDEX_KEY_LEN {
                return Err(Error::new(
                    ErrorKind::Limit,
                    format!(
                        "the key of an index snapshot must have 1 to {MAX_INDEX_KEY_LEN} bytes, \
                         this one has {}",
                        key.len()
                    ),
                ));
            }
            let (len, checksum) = (bytes.len() as u64, container::checksum(bytes));
            let old = self.contents.indexes.get(*key);
            if old.is_some_and(|old| (old.len, old.checksum) == (len, checksum)) {
                continue;
            }
            let index = IndexRef { generation: self.generation, number, len, checksum };
            if let Some(old) = self.contents.indexes.insert((*key).to_owned(), index) {
                self.contents.retire(old.name(), self.generation);
            }
            self.write(index.name(), BlobKind::IndexSnapshot, 0, bytes);
            number += 1;
            changed = true;
        }
        if self.contents.indexes.len() > MAX_INDEXES {
            return Err(Error::new(
                ErrorKind::Limit,
                format!("a store holds at most {MAX_INDEXES} index snapshots"),
            ));
        }
        Ok(changed)
    }

    fn base(&mut self, database: &[u8], wal: &[u8]) {
        let base = BaseRef {
            generation: self.generation,
            len: database.len() as u64,
            checksum: container::checksum(database),
        };
        self.contents.rebase(base);
        let name = BlobName::Base { epoch: self.contents.epoch };
        self.write(name, BlobKind::Image, wal.len() as u64, database);
        self.tail(wal);
    }

    fn tail(&mut self, wal: &[u8]) {
        let stored = self.contents.wal_len();
        let new = wal.len() as u64 - stored;
        if new == 0 {
            return;
        }
        let tails = &self.contents.tails;
        let cap = CHECKPOINT_MIN.max(self.contents.base.map_or(0, |base| base.len));
        let lens: Vec<u64> = tails.iter().map(|tail| tail.len).collect();
        let mut first = first_merged(&lens, new, cap);
        if first >= MAX_TAILS {
            first = 0;
        }
        let offset = tails.get(first).map_or(stored, |tail| tail.offset);
        // `offset` is at most the length of `wal`, so it is an index.
        let payload = usize::try_from(offset).map_or(wal, |offset| &wal[offset..]);
        let tail = TailRef {
            generation: self.generation,
            offset,
            len: payload.len() as u64,
            checksum: container::checksum(payload),
        };
        self.contents.extend(first, tail);
        let name = self.contents.tail_name(&tail);
        self.write(name, BlobKind::WalTail, offset, payload);
    }
}
