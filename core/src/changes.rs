//! The change sequence, and what a derived index owes the store.
//!
//! Triggers on every indexed table append to `sigil_change`: the number of the change, the table
//! it was made to, and the key of the row. Whoever writes, SQL typed by hand included, the log
//! sees it, commits with it and rolls back with it. A derived index remembers the last number it
//! has seen, its watermark; bringing it up to date is reading the keys behind that number and
//! looking each of them up in the truth. That makes replay idempotent and its order irrelevant.

use std::collections::BTreeSet;

use crate::container::StoreId;
use crate::engine::Database;
use crate::error::Result;
use crate::params;

/// The number of a change; 0 comes before the first.
pub(crate) type Seq = i64;

/// Where a snapshot of a derived index belongs, and what it has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) store: StoreId,
    pub(crate) source: i64,
    pub(crate) watermark: Seq,
}

/// An index that can be thrown away: everything in it follows from a table.
///
/// The owner calls `apply` only with what is committed, so an index never shows a change that is
/// rolled back.
pub(crate) trait DerivedIndex: Sized {
    /// Makes the entry of `key` what the table says now: inserted, replaced or removed.
    fn apply(&mut self, db: &Database, key: &str) -> Result<()>;

    /// Throws everything away and reads the table again.
    fn rebuild(&mut self, db: &Database) -> Result<()>;

    /// The index and its mark as bytes that detect their own damage.
    fn snapshot(&self, mark: Mark) -> Result<Vec<u8>>;

    /// Takes over the index that `bytes` hold, and gives the mark they carry.
    ///
    /// Whatever is wrong with the bytes is an error, and leaves the index as it was.
    fn restore(&mut self, bytes: &[u8]) -> Result<Mark>;
}

/// The number of the last change, of any table.
pub(crate) fn last_seq(db: &Database) -> Result<Seq> {
    let rows = db.query("SELECT max(seq) FROM sigil_change", ())?;
    Ok(rows.single()?.as_i64().unwrap_or(0))
}

/// No limit to the changes that [`keys_since`] reads.
pub(crate) const ALL: usize = usize::MAX;

/// Of the keys of `source` that changed after `seq` those that are among the next `most` changes of
/// any source, and the last of these; `seq` when there are none.
pub(crate) fn keys_since(
    db: &Database,
    source: i64,
    seq: Seq,
    most: usize,
) -> Result<(BTreeSet<String>, Seq)> {
    let (mut keys, mut last) = (BTreeSet::new(), seq);
    let most = i64::try_from(most.max(1)).unwrap_or(i64::MAX);
    let sql = "SELECT source, key, seq FROM sigil_change WHERE seq > ? ORDER BY seq LIMIT ?";
    db.query_each(sql, params![seq, most], |row| {
        if row.get_i64(0)? == source {
            keys.insert(row.get_str(1)?.to_owned());
        }
        last = row.get_i64(2)?;
        Ok(())
    })?;
    Ok((keys, last))
}

/// Forgets the changes of `source` up to `through`, which a durable snapshot has seen.
///
/// The last change of all is kept, so that its number is never given again.
pub(crate) fn trim(db: &Database, source: i64, through: Seq) -> Result<()> {
    db.execute(
        "DELETE FROM sigil_change
         WHERE source = ?1 AND seq <= ?2 AND seq < (SELECT max(seq) FROM sigil_change)",
        params![source, through],
    )?;
    Ok(())
}

/// Whether the log holds the key of a row of `source`.
pub(crate) fn any(db: &Database, source: i64) -> Result<bool> {
    let sql = "SELECT 1 FROM sigil_change WHERE source = ? AND key <> '' LIMIT 1";
    Ok(!db.query(sql, params![source])?.is_empty())
}

/// Forgets every change of the collections, once durable snapshots of their indexes have seen it.
///
/// The last change of all is kept without its key, so that its number is never given again. The
/// sources with negative numbers are left alone: their indexes are in memory, trim for themselves,
/// and have numbers of rows for keys.
pub(crate) fn forget(db: &Database) -> Result<()> {
    db.transaction(|tx| {
        tx.execute(
            "DELETE FROM sigil_change
             WHERE source >= 0 AND seq < (SELECT max(seq) FROM sigil_change)",
            (),
        )?;
        let blank = "UPDATE sigil_change SET key = '' WHERE source >= 0 AND key <> ''";
        tx.execute(blank, ()).map(|_| ())
    })
}

/// The SQL of the triggers that log every change to the column `key` of `table`.
pub(crate) fn triggers(table: &str, key: &str, source: i64) -> String {
    let log = |row: &str| {
        format!("INSERT INTO sigil_change (source, key) VALUES ({source}, {row}.{key});")
    };
    let (new, old) = (log("NEW"), log("OLD"));
    format!(
        "CREATE TRIGGER {table}_insert AFTER INSERT ON {table} BEGIN {new} END;
         CREATE TRIGGER {table}_delete AFTER DELETE ON {table} BEGIN {old} END;
         CREATE TRIGGER {table}_update AFTER UPDATE ON {table} BEGIN {new} END;
         CREATE TRIGGER {table}_rename AFTER UPDATE OF {key} ON {table} WHEN OLD.{key} <> NEW.{key}
           BEGIN {old} END;"
    )
}
