//! Keeping an index in memory in step with a table.
//!
//! New rows have the highest numbers and are read by those; rows that were changed or deleted are
//! in the change sequence, and are read again. The index is built when it is first asked, and is
//! gone with the store: nothing of it is saved.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use super::rows::Columns;
use crate::changes::{self, Seq};
use crate::engine::Database;
use crate::error::Result;
use crate::params;

/// An index over the rows of a table, by their numbers.
pub(crate) trait TableIndex: Default {
    /// The table's number in the change sequence.
    const SOURCE: i64;

    /// The table, whose INTEGER PRIMARY KEY is `seq`.
    const TABLE: &'static str;

    /// What [`add`](TableIndex::add) reads of a row.
    const COLUMNS: &'static str;

    /// Whether the row `seq` is in the index.
    fn holds(&self, seq: i64) -> bool;

    /// Puts the row `seq`, which is not in the index, into it.
    fn add(&mut self, seq: i64, columns: &mut Columns<'_>) -> Result<()>;

    /// Takes the row `seq` out, if it is in the index.
    fn remove(&mut self, seq: i64);
}

/// An index, and how far it has followed its table.
#[derive(Debug, Default)]
pub(crate) struct Following<I> {
    pub(super) index: I,
    /// Rows up to this number have been read.
    read_to: i64,
    watermark: Seq,
    /// [`Database::total_changes`] when the table was last read.
    seen_changes: Option<i64>,
}

impl<I: TableIndex> Following<I> {
    /// Reads what was committed since the last call; must not be called inside a transaction.
    pub(super) fn catch_up(&mut self, db: &Database) -> Result<()> {
        if self.is_current(db) {
            return Ok(());
        }
        let total = db.total_changes();
        let last = changes::last_seq(db)?;
        if last > self.watermark {
            // An index that has read nothing yet has nothing to correct.
            if self.read_to > 0 {
                self.correct(db)?;
            }
            self.watermark = last;
        }
        self.read(db, ">", self.read_to)?;
        self.seen_changes = Some(total);
        Ok(())
    }

    /// Whether nothing was written since the index was last brought up to date.
    pub(super) fn is_current(&self, db: &Database) -> bool {
        self.seen_changes == Some(db.total_changes())
    }

    /// Whether it has ever read its table.
    pub(super) fn is_built(&self) -> bool {
        self.seen_changes.is_some()
    }

    /// Reads again what was changed, and forgets what was deleted.
    fn correct(&mut self, db: &Database) -> Result<()> {
        let changed = self.changed(db)?;
        let read_to = self.unchanged_to(&changed);
        self.read_to = read_to;
        changed.iter().for_each(|seq| self.index.remove(*seq));
        for seq in changed.range(..=read_to) {
            self.read(db, "=", *seq)?;
        }
        self.read_to = read_to;
        Ok(())
    }

    /// Adds the rows whose number compares like that with `seq`.
    fn read(&mut self, db: &Database, compare: &str, seq: i64) -> Result<()> {
        let (columns, table) = (I::COLUMNS, I::TABLE);
        let sql = format!("SELECT seq, {columns} FROM {table} WHERE seq {compare} ? ORDER BY seq");
        db.query_each(&sql, params![seq], |row| {
            let mut columns = Columns::new(row, table);
            let seq = columns.int()?;
            self.index.remove(seq);
            self.index.add(seq, &mut columns)?;
            self.read_to = seq;
            Ok(())
        })
    }

    /// The numbers of the rows that were changed or deleted since the index last read the log.
    pub(super) fn changed(&self, db: &Database) -> Result<BTreeSet<i64>> {
        let (keys, _) = changes::keys_since(db, I::SOURCE, self.watermark, changes::ALL)?;
        Ok(keys.iter().filter_map(|key| key.parse().ok()).collect())
    }

    /// The last number up to which there can be no row that is neither in the index nor in
    /// `changed`.
    ///
    /// A new row gets the number behind the last one there is. When the last ones are deleted
    /// their numbers are given again, and so are those before them that were free already; but
    /// none before a row that stayed.
    pub(super) fn unchanged_to(&self, changed: &BTreeSet<i64>) -> i64 {
        let stayed = |seq: &i64| self.index.holds(*seq) && !changed.contains(seq);
        (1..=self.read_to).rev().find(stayed).unwrap_or(0)
    }

    /// Forgets those logged changes that the index does not need to learn of any more.
    pub(crate) fn trim_log(&self, db: &Database) -> Result<()> {
        let through = if self.is_built() { self.watermark } else { Seq::MAX };
        let sql = "SELECT 1 FROM sigil_change WHERE source = ? AND seq <= ? LIMIT 1";
        match db.query(sql, params![I::SOURCE, through])?.is_empty() {
            true => Ok(()),
            false => changes::trim(db, I::SOURCE, through),
        }
    }
}

/// A hash for row numbers, which nobody chooses so that they collide.
#[derive(Debug, Default)]
pub(super) struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, n: u64) {
        // Fibonacci hashing: 2^64 divided by the golden ratio. The table takes the high bits too.
        let mixed = (self.0 ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }

    fn write_i64(&mut self, n: i64) {
        self.write_u64(n.cast_unsigned());
    }
}

/// Row numbers.
pub(super) type KeySet = HashSet<i64, BuildHasherDefault<KeyHasher>>;

/// Something for each of some row numbers.
pub(super) type KeyMap<V> = HashMap<i64, V, BuildHasherDefault<KeyHasher>>;
