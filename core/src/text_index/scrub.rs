//! Leaving no word in a text index of what was deleted.

use super::following::TextFollower;
use super::{definition::TextIndexInfo, parts};
use crate::engine::Database;
use crate::error::Result;
use crate::params;

impl TextFollower {
    /// Writes every segment anew that holds documents which are not there any more, and deletes
    /// what a merge that is under way has written; must not be called inside a transaction.
    pub(crate) fn scrub(&mut self, db: &Database) -> Result<()> {
        self.merging = None;
        self.abandon(db)?;
        if !self.inverted.has_stored() {
            return Ok(());
        }
        self.catch_up(db)?;
        // Fresh segments are merged before they are stored.
        self.store(db)?;
        if self.inverted.has_stored_dead() { self.merge_all(db) } else { Ok(()) }
    }
}

/// Deletes the segments of an index whose table is gone; whether it is.
pub(crate) fn clear_without_table(db: &Database, info: &TextIndexInfo) -> Result<bool> {
    let sql = "SELECT 1 FROM pragma_table_info(?) LIMIT 1";
    let is_gone = db.query(sql, params![&*info.options.table])?.is_empty();
    if is_gone {
        db.transaction(|tx| parts::clear(tx, info.id))?;
    }
    Ok(is_gone)
}
