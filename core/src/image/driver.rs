//! The protocol over a storage that completes synchronously.

use super::{Flush, FlushInput, Image, ImageOpener, OpenOptions, OpenedImage};
use crate::container::StoreId;
use crate::error::{Error, ErrorKind, Result};
use crate::snapshot::SnapshotStorage;

/// What a flush did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flushed {
    /// The generation that is now stored.
    pub generation: u64,
    /// How many bytes were written, with their containers.
    pub bytes: u64,
    /// Whether the base image was among them.
    pub rebased: bool,
}

/// Opens the store in `storage`; a fresh one gets the id `fresh`, which should be random.
///
/// Reads only. See [the protocol](crate::image).
///
/// ```
/// use sigil_core::MemoryStorage;
/// use sigil_core::container::StoreId;
/// use sigil_core::image::{FlushInput, OpenOptions, open};
/// let storage = MemoryStorage::new();
/// let mut opened = open(&storage, OpenOptions::default(), StoreId([1; 16]))?;
/// let input = FlushInput { database: Some(b"database"), ..FlushInput::default() };
/// opened.image.flush(&storage, &input)?;
/// let opened = open(&storage, OpenOptions::default(), StoreId([2; 16]))?;
/// assert_eq!(opened.database.as_deref(), Some(&b"database"[..]));
/// assert_eq!(opened.image.store_id(), StoreId([1; 16]));
/// # Ok::<(), sigil_core::Error>(())
/// ```
///
/// # Errors
/// As [`ImageOpener::wanted`], and whatever the storage reports.
pub fn open(
    storage: &dyn SnapshotStorage,
    options: OpenOptions,
    fresh: StoreId,
) -> Result<OpenedImage> {
    let mut opener = ImageOpener::new(options, fresh);
    loop {
        let names = opener.wanted()?;
        if names.is_empty() {
            return opener.finish();
        }
        for name in names {
            let bytes = storage.read(&name)?;
            opener.supply(name, bytes);
        }
    }
}

impl Image {
    /// Writes what changed, and returns when it is durable; `None` when nothing had changed.
    ///
    /// # Errors
    /// As [`plan`](Image::plan), with nothing written. [`ErrorKind::Conflict`] when another
    /// writer moved the store on, or whatever the storage reports: from then on every flush is
    /// [`ErrorKind::Poisoned`], since the host may or may not have done what failed. Open the
    /// store again; all that was flushed before is there.
    pub fn flush(
        &mut self,
        storage: &dyn SnapshotStorage,
        input: &FlushInput<'_>,
    ) -> Result<Option<Flushed>> {
        let mut done: Option<Flushed> = None;
        while let Some(flush) = self.plan(input)? {
            let repairs = flush.repairs;
            let bytes = done.map_or(0, |done| done.bytes) + flush.bytes();
            done = Some(Flushed {
                generation: flush.generation,
                bytes,
                rebased: !repairs && input.database.is_some(),
            });
            self.carry_out(storage, flush)?;
            if !repairs {
                break;
            }
        }
        Ok(done)
    }

    /// Removes every blob that is no longer part of the store, which the next flushes would do.
    ///
    /// # Errors
    /// As [`flush`](Image::flush), and [`ErrorKind::Storage`] naming a blob that the storage does
    /// not remove, which harms nothing else.
    pub fn remove_retired(&mut self, storage: &dyn SnapshotStorage) -> Result<()> {
        // Opening may have found that the manifests are to be put in order first.
        for _ in 0..2 {
            let Some(flush) = self.plan_removals()? else { break };
            self.carry_out(storage, flush)?;
        }
        self.retired().next().map_or(Ok(()), |name| {
            Err(Error::new(
                ErrorKind::Storage,
                format!("the blob '{name}' is no longer used and could not be removed: try again"),
            ))
        })
    }

    fn carry_out(&mut self, storage: &dyn SnapshotStorage, flush: Flush) -> Result<()> {
        let (slot, manifest) = &flush.manifest;
        let check = || flush.check(storage.read(slot)?.as_deref());
        // Before anything is written: a second writer's blobs may have the same names. An error
        // of the host is harmless here, for nothing has been tried.
        if let Err(error) = check() {
            if error.kind() == ErrorKind::Conflict {
                self.failed(error.clone());
            }
            return Err(error);
        }
        let written = (flush.writes.iter())
            .try_for_each(|(name, bytes)| storage.replace(name, bytes))
            .and_then(|()| check())
            .and_then(|()| storage.replace(slot, manifest));
        if let Err(error) = written {
            self.failed(error.clone());
            return Err(error);
        }
        let removals = flush.removals.clone();
        self.committed(flush);
        for name in removals {
            // What cannot be removed now is listed in the manifest and tried again.
            if storage.remove(&name).is_ok() {
                self.removed(&name);
            }
        }
        Ok(())
    }
}
