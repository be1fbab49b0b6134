//! Making sure that what was deleted is gone from everything that the store keeps.

use std::collections::BTreeSet;

use super::Store;
use crate::changes;
use crate::collection::{self, CollectionIndex, CollectionInfo};
use crate::error::{ErrorKind, Result};
use crate::params;
use crate::text_index;

impl Store {
    /// Makes sure that what was deleted is in none of the store's files any more.
    ///
    /// Deleting frees room without overwriting it: the bytes stay in unused parts of the database
    /// and its log, in snapshots of indexes, and in the log of changes, until something else is
    /// written there. This saves every index anew that has changed, forgets the keys of changed
    /// rows, and overwrites what is unused. Nothing that a query answers changes, and a power cut
    /// at any point loses nothing.
    ///
    /// It reads the whole database and takes as long. What may remain are the rowids of deleted
    /// rows, which are numbers. Copies in exports and backups, and what a file system or a disk
    /// keeps of bytes that were overwritten, are out of its reach. For a store that is kept as an
    /// image see [`ImageStore::scrub`](crate::ImageStore::scrub).
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] inside a transaction or a query, [`ErrorKind::Corrupt`] for a damaged
    /// database, which stays as it is, and storage kinds. After an error what was deleted may still
    /// be there.
    ///
    /// ```
    /// use sigil_core::{Store, params};
    /// let store = Store::in_memory()?;
    /// store.database().execute("CREATE TABLE note (text TEXT)", ())?;
    /// store.database().execute("INSERT INTO note VALUES (?)", params!["a secret"])?;
    /// store.database().execute("DELETE FROM note", ())?;
    /// store.scrub()?;
    /// # Ok::<(), sigil_core::Error>(())
    /// ```
    pub fn scrub(&self) -> Result<()> {
        self.refuse_in_transaction("scrubbing")?;
        self.database.usable()?;
        let collections = self.collections()?;
        for info in &collections {
            self.save_what_changed(info)?;
        }
        self.remove_stray_snapshots(&collections)?;
        self.scrub_text_indexes()?;
        changes::forget(&self.database)?;
        self.database.scrub().map(|_| ())
    }

    /// Has no text index hold words of what was deleted, neither stored nor in memory.
    fn scrub_text_indexes(&self) -> Result<()> {
        for info in self.text_indexes()? {
            if !text_index::clear_without_table(&self.database, &info)? {
                self.with_text_index(&info, |follower, db| follower.scrub(db))?;
            }
            self.forget_text_index(info.id);
        }
        Ok(())
    }

    /// Saves the index of a collection unless its snapshot holds just what the table does.
    fn save_what_changed(&self, info: &CollectionInfo) -> Result<()> {
        let was_open = self.indexes.borrow().contains_key(&info.id);
        let saved = self.with_current_index(info, |index| {
            let stale = index.unsaved() > 0
                || index.vectors().is_empty()
                || changes::any(&self.database, info.id)?;
            if stale { self.save_or_remove(info, index) } else { Ok(()) }
        });
        if !was_open {
            self.indexes.borrow_mut().remove(&info.id);
        }
        saved
    }

    /// Saves an index, or removes its snapshot where there is no room for a new one.
    fn save_or_remove(&self, info: &CollectionInfo, index: &mut CollectionIndex) -> Result<()> {
        match self.save_index(info.id, index) {
            Err(error) if error.kind() == ErrorKind::Limit => {}
            outcome => return outcome,
        }
        self.snapshots.remove(&info.snapshot_name())?;
        // An older one that comes back must not be trusted, for the log that it needs goes.
        self.database.execute(
            "UPDATE sigil_collection SET trimmed_seq = ? WHERE id = ?",
            params![index.watermark(), info.id],
        )?;
        Ok(())
    }

    /// Removes the snapshots of collections that were dropped, which may have outlived them.
    fn remove_stray_snapshots(&self, collections: &[CollectionInfo]) -> Result<()> {
        let live: BTreeSet<i64> = collections.iter().map(|info| info.id).collect();
        self.indexes.borrow_mut().retain(|id, _| live.contains(id));
        // Numbers begin at 1: the first of these names is nobody's, and removing it only has the
        // storage clear away what a crash left.
        for id in (0..=collection::given_ids(&self.database)?).filter(|id| !live.contains(id)) {
            self.snapshots.remove(&collection::snapshot_name(id))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collection::CollectionOptions;
    use crate::engine::DatabaseOptions;
    use crate::files::MemoryFiles;
    use crate::host::FixedHost;
    use crate::snapshot::{MemoryStorage, SlotStorage, SnapshotStorage};
    use crate::store::StoreParts;
    use crate::testing::test;
    use crate::vector::{Metadata, Metric};
    use std::sync::Arc;

    fn open(snapshots: Box<dyn SnapshotStorage + Send>) -> Store {
        let parts = StoreParts {
            files: Arc::new(MemoryFiles::new()),
            host: Arc::new(FixedHost::new(5)),
            snapshots,
        };
        Store::open(parts, DatabaseOptions::default()).unwrap()
    }

    fn fill(store: &Store, name: &str) {
        let options = CollectionOptions::new(1, Metric::L2);
        let collection = store.open_collection(name, options).unwrap();
        for id in ["a", "b", "c"] {
            collection.store(id, &[1.0], &Metadata::new()).unwrap();
        }
        collection.delete(["c"]).unwrap();
    }

    fn keys(store: &Store) -> Vec<String> {
        let rows = store.database().query("SELECT key FROM sigil_change", ()).unwrap();
        rows.rows().iter().map(|row| row.values()[0].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn indexes_are_saved_and_the_log_forgets_every_key() {
        let snapshots = Arc::new(MemoryStorage::new());
        let store = open(Box::new(Arc::clone(&snapshots)));
        fill(&store, "one");
        fill(&store, "two");
        snapshots.replace("vectors-3.index", b"of a collection yet to come").unwrap();
        store.drop_collection("two").unwrap();
        // As if the removal had been lost.
        snapshots.replace("vectors-2.index", b"left").unwrap();
        store.scrub().unwrap();
        assert_eq!(keys(&store), [""]);
        assert_eq!(snapshots.names(), ["vectors-1.index", "vectors-3.index"]);
        let saved = snapshots.read("vectors-1.index").unwrap().unwrap();
        assert_eq!(crate::VectorIndex::from_bytes(&saved).unwrap().len(), 2);
        // What changes next has a number of its own, which the saved index has not seen.
        let one = store.collection("one").unwrap();
        one.delete(["a"]).unwrap();
        assert_eq!(one.count().unwrap(), 1);
        assert_eq!(keys(&store), ["", "a"]);
        assert_eq!(crate::verify_snapshots(&store, &snapshots).unwrap(), []);
    }

    #[test]
    fn an_index_in_memory_keeps_its_part_of_the_log() {
        let store = Store::in_memory().unwrap();
        let log = |source: i64, key: &str| {
            let sql = "INSERT INTO sigil_change (source, key) VALUES (?, ?)";
            store.database().execute(sql, params![source, key]).unwrap()
        };
        log(-1, "7");
        fill(&store, "one");
        log(-1, "8");
        store.scrub().unwrap();
        assert_eq!(keys(&store), ["7", "8"]);
    }

    #[test]
    fn a_full_pool_costs_a_snapshot_and_no_row() {
        // One slot holds nothing, since replacing needs a free one.
        let store = open(Box::new(SlotStorage::new(Arc::new(MemoryFiles::new()), 2)));
        for name in ["one", "two", "three"] {
            fill(&store, name);
            store.scrub().unwrap();
        }
        assert_eq!(keys(&store), [""]);
        for name in ["one", "two", "three"] {
            assert_eq!(store.collection(name).unwrap().count().unwrap(), 2);
            assert_eq!(store.collection(name).unwrap().get("c").unwrap(), None);
        }
    }

    #[test]
    fn the_handle_keeps_its_settings() {
        let store = Store::in_memory().unwrap();
        let database = store.database();
        database
            .execute_batch(
                "CREATE TABLE parent (id INTEGER PRIMARY KEY);
                 CREATE TABLE child (of INTEGER REFERENCES parent (id));",
            )
            .unwrap();
        let insert = "INSERT INTO child VALUES (7)";
        for enforced in [false, true] {
            database.set_foreign_keys(enforced);
            store.scrub().unwrap();
            let refused = database.execute(insert, ()).err().map(|error| error.kind());
            assert_eq!(refused, enforced.then_some(ErrorKind::ConstraintForeignKey));
        }
        let changes = database.total_changes();
        store.scrub().unwrap();
        assert!(database.total_changes() >= changes);
    }
}
