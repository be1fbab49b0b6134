//! A store: one database, the vector collections in it, and the snapshots of their indexes.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::sync::Arc;

use crate::changes::{self, DerivedIndex, Mark, Seq};
use crate::collection::{self, Collection, CollectionIndex, CollectionInfo, CollectionOptions};
use crate::container::StoreId;
use crate::engine::{Database, DatabaseOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::files::{Files, MemoryFiles};
use crate::host::{FixedHost, Host};
use crate::params;
use crate::schema;
use crate::snapshot::{MemoryStorage, SnapshotStorage};
use crate::sql::{Edges, Following};
use crate::text_index::{self, TextFollower, TextIndexInfo};

/// What a host hands a [`Store`].
#[derive(Debug)]
pub struct StoreParts {
    /// The files the database runs on.
    pub files: Arc<dyn Files>,
    /// The clock and the entropy.
    pub host: Arc<dyn Host>,
    /// Where the snapshots of derived indexes are kept.
    pub snapshots: Box<dyn SnapshotStorage + Send>,
}

/// How a derived index came to be when it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexState {
    /// The collection it belongs to.
    pub collection: CollectionInfo,
    /// How many vectors it holds.
    pub vectors: usize,
    /// The last change it has seen.
    pub watermark: i64,
    /// How many entries changed since its last snapshot.
    pub unsaved: usize,
    /// Rows of the table that are no vectors of this collection; only SQL can write those.
    pub unindexable: usize,
}

/// One database with its vector collections.
///
/// A handle is used from one thread at a time; it may move between threads.
///
/// ```
/// use sigil_core::{CollectionOptions, Metadata, Metric, Store, params};
///
/// let store = Store::in_memory()?;
/// store.database().execute("CREATE TABLE note (id TEXT PRIMARY KEY, text TEXT)", ())?;
/// let notes = store.create_collection("notes", CollectionOptions::new(2, Metric::L2))?;
/// // Rows and vectors commit together, or not at all.
/// store.transaction(|store| {
///     store.database().execute("INSERT INTO note VALUES (?, ?)", params!["n1", "hello"])?;
///     notes.store("n1", &[0.5, 0.5], &Metadata::new())
/// })?;
/// assert_eq!(notes.count()?, 1);
/// # Ok::<(), sigil_core::Error>(())
/// ```
pub struct Store {
    database: Database,
    snapshots: Box<dyn SnapshotStorage + Send>,
    id: StoreId,
    indexes: RefCell<BTreeMap<i64, CollectionIndex>>,
    texts: RefCell<BTreeMap<i64, TextFollower>>,
    edges: RefCell<Following<Edges>>,
    /// What [`Database::total_changes`] and the change sequence were when the last transaction of
    /// this store began.
    begun_at: Cell<Option<(i64, Seq)>>,
    /// Declared last: given free after everything else.
    held: RefCell<Option<Box<dyn Any + Send>>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("database", &self.database).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the store in `parts`, creating it when there is none.
    ///
    /// Indexes are opened when their collection is first used.
    ///
    /// # Errors
    /// As [`Database::open`], and [`ErrorKind::NewerFormat`] for a store that a later version of
    /// the library changed.
    pub fn open(parts: StoreParts, options: DatabaseOptions) -> Result<Store> {
        let database = Database::open(parts.files, Arc::clone(&parts.host), options)?;
        let id = schema::migrate(&database, parts.host.as_ref())?;
        Ok(Store {
            database,
            snapshots: parts.snapshots,
            id,
            indexes: RefCell::default(),
            texts: RefCell::default(),
            edges: RefCell::default(),
            begun_at: Cell::new(None),
            held: RefCell::default(),
        })
    }

    /// A store in memory with a fixed clock and fixed entropy, for examples and tests.
    ///
    /// # Errors
    /// None that outside input could cause.
    pub fn in_memory() -> Result<Store> {
        let parts = StoreParts {
            files: Arc::new(MemoryFiles::new()),
            host: Arc::new(FixedHost::new(0)),
            snapshots: Box::new(MemoryStorage::new()),
        };
        Store::open(parts, DatabaseOptions::default())
    }

    /// Keeps `guard`, such as the lock of a directory, until the store is closed or dropped.
    pub fn hold(&self, guard: Box<dyn Any + Send>) {
        self.held.replace(Some(guard));
    }

    /// The SQL database.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// The identity of this store: 16 random bytes made when it was created.
    pub fn id(&self) -> StoreId {
        self.id
    }

    /// Runs `body` in one transaction over SQL and collections: commits when it returns `Ok`,
    /// rolls back when it returns an error or panics.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] inside another transaction; whatever `body` or the commit returns.
    pub fn transaction<T>(&self, body: impl FnOnce(&Store) -> Result<T>) -> Result<T> {
        self.catch_up_open_indexes();
        let done = self.database.transaction(|_| {
            self.note_begin()?;
            body(self)
        })?;
        self.after_write();
        Ok(done)
    }

    /// Begins a transaction over SQL and collections that ends with [`commit`](Store::commit) or
    /// [`Database::rollback`]; [`transaction`](Store::transaction) is the safer form.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] inside another transaction.
    pub fn begin(&self) -> Result<()> {
        self.catch_up_open_indexes();
        self.database.begin()?;
        self.note_begin().inspect_err(|_| drop(self.database.rollback()))
    }

    /// Commits the open transaction.
    ///
    /// # Errors
    /// Those of [`Database::commit`].
    pub fn commit(&self) -> Result<()> {
        self.database.commit()?;
        self.after_write();
        Ok(())
    }

    fn note_begin(&self) -> Result<()> {
        let last = changes::last_seq(&self.database)?;
        self.begun_at.set(Some((self.database.changes_at_begin(), last)));
        Ok(())
    }

    /// Creates a vector collection.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] when the name is taken, [`ErrorKind::InvalidInput`] for a name or
    /// dimensions out of range, and storage kinds.
    pub fn create_collection(
        &self,
        name: &str,
        options: CollectionOptions,
    ) -> Result<Collection<'_>> {
        self.database.atomically(|| collection::create(&self.database, name, options))?;
        self.collection(name)
    }

    /// Opens the collection named `name`.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is none.
    pub fn collection(&self, name: &str) -> Result<Collection<'_>> {
        let found = self.collections()?.into_iter().find(|info| info.name == name);
        found.map(|info| Collection::new(self, info)).ok_or_else(|| collection::not_found(name))
    }

    /// Opens the collection named `name`, creating it when there is none, and makes sure that it
    /// is what `options` say.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] when it exists with other dimensions, another metric or another
    /// precision.
    pub fn open_collection(
        &self,
        name: &str,
        options: CollectionOptions,
    ) -> Result<Collection<'_>> {
        let collection = match self.collection(name) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return self.create_collection(name, options);
            }
            found => found?,
        };
        let made = collection.info().options;
        if made != options {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!(
                    "the collection '{name}' has {made}, not {options}: open it with its own \
                     options, or drop it first"
                ),
            ));
        }
        Ok(collection)
    }

    /// Drops a collection with its vectors.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is none, and storage kinds.
    pub fn drop_collection(&self, name: &str) -> Result<()> {
        let info = self.collection(name)?.info().clone();
        self.database.atomically(|| collection::drop_collection(&self.database, &info))?;
        self.indexes.borrow_mut().remove(&info.id);
        if !self.database.in_transaction() {
            // The collection is gone whether or not this works, and its number is not used again.
            let _ = self.snapshots.remove(&info.snapshot_name());
        }
        Ok(())
    }

    /// The collections, by name.
    ///
    /// # Errors
    /// Storage kinds.
    pub fn collections(&self) -> Result<Vec<CollectionInfo>> {
        collection::list(&self.database)
    }

    /// The state of every collection's index, each opened and brought up to date.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] inside a transaction, and storage kinds.
    pub fn index_states(&self) -> Result<Vec<IndexState>> {
        self.refuse_in_transaction("reading the state of the indexes")?;
        let state = |info: CollectionInfo| {
            self.with_current_index(&info, |index| {
                Ok(IndexState {
                    vectors: index.vectors().len(),
                    watermark: index.watermark(),
                    unsaved: index.unsaved(),
                    unindexable: index.unindexable(),
                    collection: info.clone(),
                })
            })
        };
        self.collections()?.into_iter().map(state).collect()
    }

    /// Calls `f` on the index of a collection, with every committed change in it.
    pub(crate) fn with_current_index<T>(
        &self,
        info: &CollectionInfo,
        f: impl FnOnce(&mut CollectionIndex) -> Result<T>,
    ) -> Result<T> {
        self.database.usable()?;
        let mut indexes = self.indexes.borrow_mut();
        let is_partial = indexes.get(&info.id).is_some_and(CollectionIndex::is_partial);
        if is_partial && self.database.in_transaction() {
            // Reading on would show what the transaction wrote.
            indexes.remove(&info.id);
        }
        let index = match indexes.entry(info.id) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) if self.database.in_transaction() => {
                entry.insert(self.open_index_as_of_begin(info)?)
            }
            Entry::Vacant(entry) => entry.insert(self.open_index(info)?),
        };
        // Inside a transaction the log ends with changes that may yet be rolled back.
        if !self.database.in_transaction() {
            index.catch_up(&self.database)?;
        } else if !index.has_seen(self.database.changes_at_begin()) {
            return Err(Error::new(
                ErrorKind::Busy,
                format!(
                    "the index of '{}' has not seen what was committed before this transaction: \
                     begin it with the store's own transaction, or search once before it",
                    info.name
                ),
            ));
        }
        f(index)
    }

    /// Brings the index of a collection up to date by at most so many rows or changes; whether that
    /// was all.
    pub(crate) fn prepare_index(&self, info: &CollectionInfo, most: usize) -> Result<bool> {
        self.refuse_in_transaction("preparing an index")?;
        self.database.usable()?;
        match self.indexes.borrow_mut().entry(info.id) {
            Entry::Occupied(entry) => entry.into_mut().step(&self.database, most),
            Entry::Vacant(entry) => entry.insert(self.open_index(info)?).step(&self.database, most),
        }
    }

    /// Opens the index of a collection inside a transaction that has not written to it.
    ///
    /// The rows are then those that were there when the transaction began. The index must not
    /// count the transaction's own changes, to other tables, as seen: their numbers are given again
    /// when it is rolled back.
    fn open_index_as_of_begin(&self, info: &CollectionInfo) -> Result<CollectionIndex> {
        let begun_at = self.begun_at.get();
        let begun_at = begun_at.filter(|(total, _)| *total == self.database.changes_at_begin());
        match begun_at {
            Some((total, last))
                if !self.database.schema_changed()
                    && changes::keys_since(&self.database, info.id, last, changes::ALL)?
                        .0
                        .is_empty() =>
            {
                let mut index = self.open_index(info)?;
                index.catch_up(&self.database)?;
                index.rewind(last, total);
                Ok(index)
            }
            _ => Err(Error::new(
                ErrorKind::Busy,
                format!(
                    "the index of '{}' cannot be opened in a transaction that wrote to it: search \
                     before the transaction, or before its first write to the collection",
                    info.name
                ),
            )),
        }
    }

    /// Calls `f` on a text index, as it is open.
    pub(crate) fn with_text_index<T>(
        &self,
        info: &TextIndexInfo,
        f: impl FnOnce(&mut TextFollower, &Database) -> Result<T>,
    ) -> Result<T> {
        self.database.usable()?;
        let mut texts = self.texts.borrow_mut();
        // A transaction that was rolled back may have had another one of this number.
        if texts.get(&info.id).is_some_and(|text| text.info != *info) {
            texts.remove(&info.id);
        }
        match texts.entry(info.id) {
            Entry::Occupied(entry) => f(entry.into_mut(), &self.database),
            Entry::Vacant(entry) => {
                f(entry.insert(text_index::open(&self.database, info)?), &self.database)
            }
        }
    }

    /// Forgets what is in memory of a text index.
    pub(crate) fn forget_text_index(&self, id: i64) {
        self.texts.borrow_mut().remove(&id);
    }

    /// Opens a text index, so that what is written is not left to its first search.
    pub(crate) fn open_text_index(&self, info: &TextIndexInfo) -> Result<()> {
        self.with_text_index(info, |_, _| Ok(()))
    }

    /// Lets the text indexes that are open read and store what has become much, a bounded piece of
    /// it; outside a transaction, after something was written.
    pub(crate) fn after_write(&self) {
        if self.database.in_transaction() || self.database.usable().is_err() {
            return;
        }
        for text in self.texts.borrow_mut().values_mut() {
            // The write is done, and an index that cannot follow says so when it is searched.
            let _ = text.after_write(&self.database);
        }
    }

    /// Calls `f` on the index of the relationships.
    pub(crate) fn with_edges<T>(
        &self,
        f: impl FnOnce(&mut Following<Edges>) -> Result<T>,
    ) -> Result<T> {
        self.database.usable()?;
        f(&mut self.edges.borrow_mut())
    }

    /// Shows the open indexes everything that is committed, so that a transaction can search them.
    fn catch_up_open_indexes(&self) {
        if self.database.in_transaction() || self.database.usable().is_err() {
            return;
        }
        // One that is made in steps goes on when it is next asked for.
        for index in self.indexes.borrow_mut().values_mut().filter(|index| !index.is_partial()) {
            // An index that cannot catch up says so when it is searched.
            let _ = index.catch_up(&self.database);
        }
    }

    fn open_index(&self, info: &CollectionInfo) -> Result<CollectionIndex> {
        // The handle may be older than a drop, or than the last trim of the log.
        let current = self.collections()?.into_iter().find(|current| current.id == info.id);
        let current = current.ok_or_else(|| collection::not_found(&info.name))?;
        // A snapshot that cannot be read is one more reason to rebuild, never one to fail.
        let snapshot = self.snapshots.read(&info.snapshot_name()).ok().flatten();
        CollectionIndex::open(&self.database, self.id, &current, snapshot.as_deref())
    }

    /// What is different between a collection's table and its live index: empty when they agree.
    pub(crate) fn compare_index(&self, info: &CollectionInfo) -> Result<Vec<String>> {
        self.refuse_in_transaction("comparing an index with its table")?;
        self.with_current_index(info, |index| index.compare(&self.database))
    }

    /// What is different between a text index and its table: empty when they agree.
    pub(crate) fn compare_text_index(&self, info: &TextIndexInfo) -> Result<Vec<String>> {
        self.refuse_in_transaction("comparing a text index with its table")?;
        self.with_text_index(info, |follower, db| follower.compare(db))
    }

    pub(crate) fn rebuild_index(&self, info: &CollectionInfo) -> Result<()> {
        self.refuse_in_transaction("rebuilding an index")?;
        self.with_current_index(info, |index| index.rebuild(&self.database))
    }

    pub(crate) fn refuse_in_transaction(&self, what: &str) -> Result<()> {
        if self.database.in_transaction() {
            return Err(Error::new(
                ErrorKind::Busy,
                format!("{what} waits for the open transaction: end it first"),
            ));
        }
        Ok(())
    }

    /// Writes a snapshot of every index that changed so much since its last one that opening it
    /// would be slow, and forgets the changes the snapshots have seen.
    ///
    /// [`close`](Store::close) does this by itself. Each snapshot costs what the index is large,
    /// and is due only after a share of it has changed, so the cost per stored vector is constant.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] inside a transaction, and storage kinds.
    pub fn save_indexes(&self) -> Result<usize> {
        self.refuse_in_transaction("saving indexes")?;
        self.database.usable()?;
        let mut saved = 0;
        for (id, index) in self.indexes.borrow_mut().iter_mut() {
            if index.is_partial() {
                continue;
            }
            index.catch_up(&self.database)?;
            if index.snapshot_due() {
                match self.save_index(*id, index) {
                    Ok(()) => saved += 1,
                    // No room for a snapshot costs time at the next open, and nothing else.
                    Err(error) if error.kind() == ErrorKind::Limit => {}
                    Err(error) => return Err(error),
                }
            }
        }
        for text in self.texts.borrow_mut().values_mut() {
            saved += usize::from(text.save(&self.database)?);
        }
        self.edges.borrow().trim_log(&self.database)?;
        Ok(saved)
    }

    fn save_index(&self, id: i64, index: &mut CollectionIndex) -> Result<()> {
        let mark = Mark { store: self.id, source: id, watermark: index.watermark() };
        let bytes = index.snapshot(mark)?;
        self.snapshots.replace(&index.info().snapshot_name(), &bytes)?;
        // Only now: a crash before this leaves a log that is longer than it needs to be.
        self.database.transaction(|tx| {
            tx.execute(
                "UPDATE sigil_collection SET trimmed_seq = ? WHERE id = ?",
                params![mark.watermark, id],
            )?;
            changes::trim(tx, id, mark.watermark)
        })?;
        index.saved();
        Ok(())
    }

    /// Saves the indexes that are due, checkpoints and closes.
    ///
    /// Dropping a store without closing it loses nothing; the next open replays more.
    ///
    /// # Errors
    /// Storage kinds; the store is closed all the same.
    pub fn close(&self) -> Result<()> {
        let closed = self.close_database();
        self.held.take();
        closed
    }

    fn close_database(&self) -> Result<()> {
        if self.database.usable().is_err() {
            return self.database.close();
        }
        let saved = match self.database.in_transaction() {
            true => Ok(0),
            false => self.save_indexes(),
        };
        let closed = self.database.close();
        self.indexes.borrow_mut().clear();
        self.texts.borrow_mut().clear();
        self.edges.take();
        saved.and(closed)
    }
}

mod scrub;
#[cfg(test)]
mod tests;
