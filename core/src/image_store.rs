//! A store in memory whose image is kept on a host that can only replace whole blobs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::engine::{DATABASE_FILE, DatabaseOptions, WAL_FILE};
use crate::error::{Error, ErrorKind, Result};
use crate::files::{Files, MemoryFiles};
use crate::host::Host;
use crate::image::{Flush, FlushInput, Flushed, Image, OpenReport, OpenedImage};
use crate::snapshot::SnapshotStorage;
use crate::store::{Store, StoreParts};
use crate::wal::WalScanner;

/// A [`Store`] in memory, persisted by the [manifest protocol](crate::image).
///
/// A write is durable once a flush that was planned after it is reported as
/// [`flushed`](ImageStore::flushed). A flush writes what was committed since the last one; when
/// that has gathered, it folds it into a new base.
///
/// ```
/// use std::sync::Arc;
/// use sigil_core::{container::StoreId, image, DatabaseOptions, FixedHost, ImageStore, MemoryStorage};
///
/// let storage = MemoryStorage::new();
/// let host = Arc::new(FixedHost::new(1));
/// let opened = image::open(&storage, image::OpenOptions::default(), StoreId([1; 16]))?;
/// let mut store = ImageStore::open(opened, host.clone(), DatabaseOptions::default())?;
/// store.store().database().execute("CREATE TABLE t (a)", ())?;
/// store.flush(&storage)?;
///
/// let opened = image::open(&storage, image::OpenOptions::default(), StoreId([2; 16]))?;
/// let store = ImageStore::open(opened, host, DatabaseOptions::default())?;
/// assert!(store.store().database().query("SELECT * FROM t", ())?.is_empty());
/// # Ok::<(), sigil_core::Error>(())
/// ```
#[derive(Debug)]
pub struct ImageStore {
    store: Store,
    files: MemoryFiles,
    staged: Arc<StagedIndexes>,
    image: Image,
    report: OpenReport,
    scanner: WalScanner,
    /// [`Database::checkpoints`](crate::Database::checkpoints) as of the last flush; `None` while
    /// nothing is stored yet.
    flushed_checkpoints: Option<u64>,
    /// What the flush that is under way will have flushed.
    planned_checkpoints: u64,
    /// How many flushes may still be planned only to have old blobs removed.
    removals_due: u8,
}

/// How many flushes without data it takes, at most, until no manifest names an old blob: one, and
/// one more where opening found the manifests out of order.
const REMOVALS_MAX: u8 = 2;

impl ImageStore {
    /// Opens the store that an image holds, or a fresh one.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open(
        opened: OpenedImage,
        host: Arc<dyn Host>,
        mut options: DatabaseOptions,
    ) -> Result<ImageStore> {
        let OpenedImage { image, database, wal, indexes, report } = opened;
        let files = MemoryFiles::new();
        // A fresh image with a database is an import: nothing of it is stored yet.
        let stored = image.base().is_some();
        if let Some(database) = database {
            files.put(DATABASE_FILE, database);
        }
        if !wal.is_empty() {
            files.put(WAL_FILE, wal);
        }
        // A checkpoint makes the next flush write the whole database, so a flush decides it.
        options.checkpoint_at_bytes = None;
        // Memory has no length to write down.
        options.wal_step_bytes = 0;
        let staged = Arc::new(StagedIndexes::new(indexes));
        let parts = StoreParts {
            files: Arc::new(files.clone()),
            host,
            snapshots: Box::new(Arc::clone(&staged)),
        };
        let store = Store::open(parts, options)?;
        Ok(ImageStore {
            store,
            files,
            staged,
            image,
            report,
            scanner: WalScanner::new(),
            flushed_checkpoints: stored.then_some(0),
            planned_checkpoints: 0,
            removals_due: 0,
        })
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The files in memory that the database runs on.
    pub fn files(&self) -> &MemoryFiles {
        &self.files
    }

    /// The state of the image.
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// What opening the image found.
    pub fn report(&self) -> &OpenReport {
        &self.report
    }

    /// What to write so that everything committed so far is durable; `None` when it is already.
    ///
    /// No other flush may be planned until this one is reported as
    /// [`flushed`](ImageStore::flushed) or [`failed`](ImageStore::failed). What is written to the
    /// store meanwhile is for the next one.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] inside a transaction, and those of the engine and of [`Image::plan`].
    pub fn plan_flush(&mut self) -> Result<Option<Flush>> {
        self.prepare()?;
        let flush = self.with_input(|image, input| image.plan(input))?;
        if flush.is_some() || self.removals_due == 0 {
            return Ok(flush);
        }
        self.removals_due -= 1;
        self.image.plan_removals()
    }

    /// Takes note that everything a flush asked for, but for the removals, is durable.
    ///
    /// When it was a [repair](Flush::repairs) of the manifests, plan again: nothing of the store
    /// itself has been written yet.
    pub fn flushed(&mut self, flush: Flush) {
        let repairs = flush.repairs;
        self.image.committed(flush);
        // Repairing the manifests stores nothing of what is new.
        if !repairs {
            self.note_flushed();
        }
    }

    /// Takes note that a blob of the flush's removals is gone.
    pub fn removed(&mut self, name: &str) {
        self.image.removed(name);
    }

    /// Takes note that a flush failed: what the host holds is unknown, so the store is poisoned
    /// until it is opened again, which finds everything that was flushed before.
    pub fn failed(&mut self, error: &Error) {
        self.image.failed(error.clone());
        self.store.database().poison_with(error);
    }

    /// Makes everything committed so far durable in `storage`.
    ///
    /// # Errors
    /// As [`plan_flush`](ImageStore::plan_flush), and what the storage reports, which poisons the
    /// store.
    pub fn flush(&mut self, storage: &dyn SnapshotStorage) -> Result<Option<Flushed>> {
        self.prepare()?;
        let checkpoints = self.planned_checkpoints;
        let outcome = {
            let ImageStore { files, staged, image, scanner, flushed_checkpoints, .. } = self;
            let rebase = *flushed_checkpoints != Some(checkpoints);
            with_input(files, staged, scanner, rebase, |input| image.flush(storage, input))
        };
        match outcome {
            Ok(flushed) => {
                self.note_flushed();
                Ok(flushed)
            }
            Err(error) => {
                self.store.database().poison_with(&error);
                Err(error)
            }
        }
    }

    /// Makes sure that what was deleted is in none of the store's blobs any more.
    ///
    /// As [`Store::scrub`], and then a flush that writes the whole database, and one that lets go
    /// of the blobs before it.
    ///
    /// # Errors
    /// As [`Store::scrub`] and [`flush`](ImageStore::flush); [`ErrorKind::Storage`] naming an old
    /// blob that the storage does not remove, after which it may be tried again.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use sigil_core::{container::StoreId, image, DatabaseOptions, FixedHost, ImageStore, MemoryStorage};
    /// let storage = MemoryStorage::new();
    /// let opened = image::open(&storage, image::OpenOptions::default(), StoreId([1; 16]))?;
    /// let mut store = ImageStore::open(opened, Arc::new(FixedHost::new(1)), DatabaseOptions::default())?;
    /// store.flush(&storage)?;
    /// store.scrub(&storage)?;
    /// assert_eq!(storage.names(), ["base-2", "manifest-a", "manifest-b"]);
    /// # Ok::<(), sigil_core::Error>(())
    /// ```
    pub fn scrub(&mut self, storage: &dyn SnapshotStorage) -> Result<()> {
        self.begin_scrub()?;
        self.removals_due = 0;
        self.flush(storage)?;
        let removed = self.image.remove_retired(storage);
        if self.image.is_poisoned()
            && let Err(error) = &removed
        {
            self.store.database().poison_with(error);
        }
        removed
    }

    /// The part of [`scrub`](ImageStore::scrub) before anything is stored, for a host whose storage
    /// is asynchronous.
    ///
    /// It is complete once [`plan_flush`](ImageStore::plan_flush) gives `None` and
    /// [`Image::retired`] no blob: until then plan and carry out flushes, of which the last ones
    /// only have old blobs removed.
    ///
    /// # Errors
    /// As [`Store::scrub`].
    pub fn begin_scrub(&mut self) -> Result<()> {
        self.store.scrub()?;
        self.begin_removals();
        Ok(())
    }

    /// The rest of [`begin_scrub`](ImageStore::begin_scrub) for whoever has called
    /// [`Store::scrub`] already, as forgetting does.
    pub fn begin_removals(&mut self) {
        self.removals_due = REMOVALS_MAX;
    }

    fn note_flushed(&mut self) {
        self.staged.flushed();
        self.flushed_checkpoints = Some(self.planned_checkpoints);
    }

    /// Folds the WAL into the database when it is time to write a new base.
    fn prepare(&mut self) -> Result<()> {
        let database = self.store.database();
        database.usable()?;
        if database.in_transaction() {
            return Err(Error::new(
                ErrorKind::Busy,
                "a flush waits for the open transaction: end it first",
            ));
        }
        let len = self.files.open(DATABASE_FILE, true)?.len()?;
        if self.flushed_checkpoints.is_none() || self.image.wants_checkpoint(len) {
            self.store.save_indexes()?;
            database.checkpoint()?;
        }
        self.planned_checkpoints = database.checkpoints();
        if self.flushed_checkpoints != Some(self.planned_checkpoints) {
            self.scanner = WalScanner::new();
        }
        self.staged.begin_flush();
        Ok(())
    }

    fn with_input<T>(&mut self, f: impl FnOnce(&Image, &FlushInput<'_>) -> Result<T>) -> Result<T> {
        let rebase = self.flushed_checkpoints != Some(self.planned_checkpoints);
        let ImageStore { files, staged, image, scanner, .. } = self;
        with_input(files, staged, scanner, rebase, |input| f(image, input))
    }
}

/// Calls `f` with what the store consists of now.
fn with_input<T>(
    files: &MemoryFiles,
    staged: &StagedIndexes,
    scanner: &mut WalScanner,
    rebase: bool,
    f: impl FnOnce(&FlushInput<'_>) -> Result<T>,
) -> Result<T> {
    let missing = || Error::new(ErrorKind::Engine, "the engine lost its database file");
    let with_wal = |wal: &[u8]| {
        let done = usize::try_from(scanner.committed_len()).unwrap_or(0);
        scanner.advance(wal.get(done..).unwrap_or_default());
        let committed = usize::try_from(scanner.committed_len()).unwrap_or(0);
        let wal = &wal[..committed];
        let flush = |database: Option<&[u8]>| {
            let staged = staged.lock();
            let indexes: Vec<(&str, &[u8])> = staged
                .writing
                .iter()
                .map(|(key, bytes)| (key.as_str(), bytes.as_slice()))
                .collect();
            let removed: Vec<&str> = staged.removing.iter().map(String::as_str).collect();
            f(&FlushInput { wal, database, indexes: &indexes, removed_indexes: &removed })
        };
        if !rebase {
            // A large database is not one run of bytes.
            return if files.exists(DATABASE_FILE)? { flush(None) } else { Err(missing()) };
        }
        files
            .with_bytes(DATABASE_FILE, |database| flush(Some(database)))
            .unwrap_or_else(|| Err(missing()))
    };
    if files.exists(WAL_FILE)? {
        files.with_bytes(WAL_FILE, with_wal).unwrap_or_else(|| Err(missing()))
    } else {
        with_wal(&[])
    }
}

/// Index snapshots on their way into and out of an image.
struct StagedIndexes {
    state: Mutex<Staged>,
}

#[derive(Default)]
struct Staged {
    /// Read from the image and not asked for yet.
    stored: BTreeMap<String, Vec<u8>>,
    /// To be written by the next flush.
    new: BTreeMap<String, Vec<u8>>,
    /// To be removed by the next flush.
    removed: BTreeSet<String>,
    /// Being written by the flush that is under way.
    writing: BTreeMap<String, Vec<u8>>,
    /// Being removed by the flush that is under way.
    removing: BTreeSet<String>,
}

impl StagedIndexes {
    fn new(stored: BTreeMap<String, Vec<u8>>) -> StagedIndexes {
        StagedIndexes { state: Mutex::new(Staged { stored, ..Staged::default() }) }
    }

    fn lock(&self) -> MutexGuard<'_, Staged> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands everything staged so far to a flush, with what an earlier one did not get to store.
    fn begin_flush(&self) {
        let mut staged = self.lock();
        let Staged { new, removed, writing, removing, .. } = &mut *staged;
        for name in std::mem::take(removed) {
            writing.remove(&name);
            removing.insert(name);
        }
        for (name, bytes) in std::mem::take(new) {
            removing.remove(&name);
            writing.insert(name, bytes);
        }
    }

    fn flushed(&self) {
        let mut staged = self.lock();
        staged.writing.clear();
        staged.removing.clear();
    }
}

impl fmt::Debug for StagedIndexes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let staged = self.lock();
        f.debug_struct("StagedIndexes")
            .field("stored", &staged.stored.keys())
            .field("new", &staged.new.keys())
            .field("removed", &staged.removed)
            .finish()
    }
}

impl SnapshotStorage for StagedIndexes {
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let mut staged = self.lock();
        if staged.removed.contains(name) {
            return Ok(None);
        }
        let staged_bytes = staged.new.get(name).or_else(|| staged.writing.get(name)).cloned();
        // An index is opened once, so its bytes need not be kept.
        Ok(staged_bytes.or_else(|| staged.stored.remove(name)))
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let mut staged = self.lock();
        staged.stored.remove(name);
        staged.removed.remove(name);
        staged.new.insert(name.to_owned(), bytes.to_vec());
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<()> {
        let mut staged = self.lock();
        staged.stored.remove(name);
        staged.new.remove(name);
        staged.removed.insert(name.to_owned());
        Ok(())
    }
}

#[cfg(test)]
mod tests;
