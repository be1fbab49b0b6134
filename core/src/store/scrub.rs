//! Making sure that what was deleted is gone from everything that the store keeps.

use std::collections::BTreeSet;

use super::Store;
use crate::changes;
use crate::collection::{self, CollectionIndex, CollectionInfo};
use crate::error::{ErrorKind, Result};
use crate::params;

impl Store {
    /// Makes sure that what was deleted is in none of the store's files any more.
    ///
    /// Deleting frees room without overwriting it: the bytes stay in unused parts of the database
    /// and its log, in snapshots of indexes, and in the log of changes, until something else is
    /// written there. This saves every index anew that has changed, forgets the keys of changed
    /// rows, and overwrites what is unused. Nothing that a query answers changes, and a power cut
    /// at any point loses nothing.
    ///
    /// It reads the whole database and takes as long. What remains are numbers that a deleted row
    /// of an ordinary table had as its rowid; copies in exports and backups, and what a file
    /// system or a disk keeps of bytes that were overwritten, are out of its reach. A process that
    /// has several stores open on one thread is to scrub all of them, since the engine gives
    /// memory of one to another. For a store that is kept as an image see
    /// [`ImageStore::scrub`](crate::ImageStore::scrub).
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
        changes::forget(&self.database)?;
        self.database.scrub().map(|_| ())
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
