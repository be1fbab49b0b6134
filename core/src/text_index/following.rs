//! A text index in step with its table.
//!
//! Rows that were changed or deleted are in the change sequence; new rows have numbers above all
//! that were read. What has been read and is not stored yet is in memory, and read again from the
//! table when the store is opened the next time: the row of the index says how far its stored
//! segments go.

use std::borrow::Cow;

use twox_hash::XxHash3_64;

use super::definition::{TextIndexInfo, quoted};
use super::parts::{self, Stored};
use super::upkeep::{Merging, STEP_BYTES};
use crate::changes::{self, Seq};
use crate::engine::{Database, RowRef};
use crate::error::{ErrorKind, Result};
use crate::params;
use crate::text::{Analyzer, Builder, Inverted};
use crate::time::Timestamp;
use crate::value::ValueRef;

/// The most bytes of text in one row that are searched: 16 MiB.
///
/// A row with more is stored like any other, and no search finds it;
/// [`TextIndex::unindexable`](crate::TextIndex::unindexable) says which they are, and so does
/// [`verify_store`](crate::verify_store).
pub const TEXT_ROW_BYTES_MAX: usize = 16 << 20;

/// A batch of rows becomes a segment when it would be about so large, or has so many rows.
const BATCH_BYTES: usize = 1 << 20;
pub(super) const BATCH_ROWS: usize = 4096;

/// A text index, and how far it has followed its table.
#[derive(Debug)]
pub(crate) struct TextFollower {
    pub(crate) info: TextIndexInfo,
    pub(super) analyzer: Analyzer,
    pub(super) inverted: Inverted,
    pub(super) watermark: Seq,
    /// Rows up to this number have been read; `None` for none.
    pub(super) read_to: Option<i64>,
    /// [`Database::total_changes`] when the table was last read.
    pub(super) seen_changes: Option<i64>,
    /// [`Database::total_changes`] when it was opened.
    opened_at: i64,
    /// A merge that was begun.
    pub(super) merging: Option<Merging>,
    /// The row with the highest number that was read, and a hash of what it held: SQL can replace
    /// it without a trigger.
    last_row: Option<(i64, i64)>,
    /// What one step of a merge writes.
    pub(super) step_bytes: usize,
    select: String,
}

impl TextFollower {
    /// Opens an index as it is stored; what cannot be read is made anew from the table.
    pub(super) fn open(db: &Database, info: &TextIndexInfo) -> Result<TextFollower> {
        let read = parts::read(db, info.id);
        let mut columns = vec!["rowid".to_owned()];
        columns.extend(info.options.read_columns().map(|column| quoted(column)));
        let select =
            format!("SELECT {} FROM {} WHERE ", columns.join(", "), quoted(&info.options.table));
        let sql = "SELECT watermark, read_to, read_hash FROM sigil_text_index WHERE id = ?";
        let rows = db.query(sql, params![info.id])?;
        let row = rows.rows().first().ok_or_else(|| super::definition::not_found(&info.name))?;
        let mut follower = TextFollower {
            info: info.clone(),
            analyzer: Analyzer::new(&info.options.text)?,
            inverted: Inverted::default(),
            watermark: row.get(0)?.as_i64().unwrap_or(0),
            read_to: row.get(1)?.as_i64(),
            seen_changes: None,
            opened_at: db.total_changes(),
            merging: None,
            last_row: row.get(1)?.as_i64().zip(row.get(2)?.as_i64()),
            step_bytes: STEP_BYTES,
            select,
        };
        match read {
            Ok(inverted) => follower.inverted = inverted,
            Err(error) if error.kind() == ErrorKind::Corrupt && !db.in_transaction() => {
                follower.start_over(db)?;
            }
            Err(error) => return Err(error),
        }
        // A database that was restored from a backup has a log that ends before.
        if follower.watermark > changes::last_seq(db)? && !db.in_transaction() {
            follower.start_over(db)?;
        }
        Ok(follower)
    }

    /// Throws everything away, so that the table is read from its first row on.
    pub(crate) fn start_over(&mut self, db: &Database) -> Result<()> {
        let last = changes::last_seq(db)?;
        db.transaction(|tx| {
            parts::clear(tx, self.info.id)?;
            let sql = "UPDATE sigil_text_index SET watermark = ? WHERE id = ?";
            tx.execute(sql, params![last, self.info.id]).map(drop)
        })?;
        self.inverted = Inverted::default();
        self.watermark = last;
        self.read_to = None;
        self.seen_changes = None;
        self.merging = None;
        self.last_row = None;
        Ok(())
    }

    /// Whether nothing was written since it was last brought up to date.
    pub(super) fn is_current(&self, db: &Database) -> bool {
        self.seen_changes == Some(db.total_changes())
    }

    /// How many rows were written since, or since it was opened, in any table.
    pub(super) fn behind(&self, db: &Database) -> i64 {
        db.total_changes().saturating_sub(self.seen_changes.unwrap_or(self.opened_at))
    }

    /// Whether so much is in the log that it should be read, whoever needs it.
    pub(super) fn is_far_behind(&self, db: &Database) -> Result<bool> {
        const CHANGES: i64 = 4096;
        Ok(changes::last_seq(db)? - self.watermark >= CHANGES)
    }

    /// Reads at most about so many changes or rows that were committed since the last call, and
    /// says whether that was all; must not be called inside a transaction.
    pub(super) fn step(&mut self, db: &Database, most: usize) -> Result<bool> {
        if self.is_current(db) {
            return Ok(true);
        }
        let total = db.total_changes();
        let mut inverted = std::mem::take(&mut self.inverted);
        let outcome = self.read_changes(db, most, &mut inverted);
        let outcome = match outcome {
            Ok(false) => self.read_new_rows(db, most, &mut inverted),
            outcome => outcome.map(|_| false),
        };
        self.inverted = inverted;
        let is_all = outcome?;
        if is_all {
            self.seen_changes = Some(total);
        }
        Ok(is_all)
    }

    /// Corrects what was changed; whether there was anything in the log.
    fn read_changes(
        &mut self,
        db: &Database,
        most: usize,
        inverted: &mut Inverted,
    ) -> Result<bool> {
        let (keys, last) = changes::keys_since(db, self.info.source, self.watermark, most)?;
        if last == self.watermark && !self.last_row_changed(db) {
            return Ok(false);
        }
        let mut changed: Vec<i64> = keys.iter().filter_map(|key| key.parse().ok()).collect();
        changed.sort_unstable();
        self.correct(db, changed, inverted)?;
        let had_changes = last > self.watermark;
        self.watermark = last;
        Ok(had_changes)
    }

    /// Reads these rows again, and makes sure that new rows with lower numbers are read.
    fn correct(&mut self, db: &Database, changed: Vec<i64>, inverted: &mut Inverted) -> Result<()> {
        let source = Stored(db);
        let Some(read_to) = self.read_to else { return Ok(()) };
        for key in &changed {
            inverted.remove(*key, &source)?;
        }
        // A new row has a number above all rows there are. So no row can have come unnoticed that
        // is not above the highest one that stayed, and none can have been replaced but that one.
        let stayed = inverted.last_key(read_to, &source)?;
        let mut again: Vec<i64> = changed.into_iter().filter(|key| Some(*key) < stayed).collect();
        let is_known = self.last_row.is_some_and(|(key, _)| Some(key) == stayed);
        if let Some(stayed) = stayed.filter(|_| !is_known || self.last_row_changed(db)) {
            inverted.remove(stayed, &source)?;
            again.push(stayed);
        }
        let mut builder = Inverted::builder(&self.analyzer, &self.info.options.text.prefixes);
        let sql = format!("{}rowid = ?", self.select);
        let mut last_row = None;
        for key in again {
            db.query_each(&sql, params![key], |row| {
                self.add(row, &mut builder)?;
                last_row = Some((key, hash_of(row)?));
                Ok(())
            })?;
        }
        inverted.add(builder)?;
        self.read_to = stayed;
        self.last_row = last_row.filter(|(key, _)| Some(*key) == stayed).or(self.last_row);
        Ok(())
    }

    /// Selects what is read of a row by its number.
    pub(super) fn select_row(&self) -> String {
        format!("{}rowid = ?", self.select)
    }

    /// The hash of the last row that was read.
    pub(super) fn hash_of_last(&self) -> Option<i64> {
        self.last_row.filter(|(key, _)| Some(*key) == self.read_to).map(|(_, hash)| hash)
    }

    /// Whether the last row that was read is another one now, or may be.
    fn last_row_changed(&self, db: &Database) -> bool {
        let (Some((key, hash)), sql) = (self.last_row, format!("{}rowid = ?", self.select)) else {
            return self.read_to.is_some();
        };
        let mut now = None;
        let read = db.query_each(&sql, params![key], |row| {
            now = Some(hash_of(row)?);
            Ok(())
        });
        // What cannot be read now cannot be read the next time either, and says so then.
        read.is_err() || now != Some(hash)
    }

    fn read_new_rows(
        &mut self,
        db: &Database,
        most: usize,
        inverted: &mut Inverted,
    ) -> Result<bool> {
        let most = most.min(BATCH_ROWS);
        let sql = format!("{}rowid > ? ORDER BY rowid LIMIT ?", self.select);
        let limit = i64::try_from(most).unwrap_or(i64::MAX);
        let from = self.read_to.unwrap_or(i64::MIN);
        let sql = if self.read_to.is_none() { sql.replacen("> ?", ">= ?", 1) } else { sql };
        let mut builder = Inverted::builder(&self.analyzer, &self.info.options.text.prefixes);
        let (mut read, mut last) = (0, None);
        let mut read_to = self.read_to;
        let mut batches = Vec::new();
        let outcome = db.query_each(&sql, params![from, limit], |row| {
            self.add(row, &mut builder)?;
            read += 1;
            let key = row.get_i64(0)?;
            (read_to, last) = (Some(key), Some((key, hash_of(row)?)));
            if builder.bytes() > BATCH_BYTES {
                let next = Inverted::builder(&self.analyzer, &self.info.options.text.prefixes);
                batches.push(std::mem::replace(&mut builder, next));
            }
            Ok(())
        });
        // Of a statement that was interrupted what it has read is kept.
        batches.push(builder);
        for batch in batches {
            inverted.add(batch)?;
        }
        self.read_to = read_to;
        self.last_row = last.or(self.last_row);
        outcome?;
        Ok(read < most)
    }

    /// The texts of a row, unless they are too long.
    pub(super) fn texts<'r>(&self, row: RowRef<'r>) -> Option<Vec<Cow<'r, str>>> {
        let columns = 1..=self.info.options.columns.len();
        let texts: Vec<_> = columns.map(|column| text_of(row.value(column))).collect();
        let bytes: usize = texts.iter().map(|text| text.len()).sum();
        (bytes <= TEXT_ROW_BYTES_MAX).then_some(texts)
    }

    /// Adds a row to what becomes a segment, unless its texts are too long; whether it did.
    pub(super) fn add(&self, row: RowRef<'_>, builder: &mut Builder<'_>) -> Result<bool> {
        let key = row.get_i64(0)?;
        let columns = self.info.options.columns.len();
        let Some(texts) = self.texts(row) else { return Ok(false) };
        let time = match self.info.options.time {
            None => None,
            Some(_) => {
                let text = text_of(row.value(columns + 1));
                Some(text.parse::<Timestamp>().unwrap_or(Timestamp::ZERO))
            }
        };
        let attributes = self.info.options.attributes_of(row);
        builder.add(key, time, texts.iter().map(|text| &**text), attributes.as_ref());
        Ok(true)
    }

    /// What a transaction has changed so far, as a segment of its own and with the dead of the
    /// others: to be searched instead of what is committed.
    pub(super) fn with_pending(&self, db: &Database) -> Result<Inverted> {
        let source = Stored(db);
        let (keys, _) = changes::keys_since(db, self.info.source, self.watermark, changes::ALL)?;
        let mut inverted = self.inverted.copied();
        let mut changed: Vec<i64> = keys.iter().filter_map(|key| key.parse().ok()).collect();
        changed.sort_unstable();
        for key in &changed {
            inverted.remove(*key, &source)?;
        }
        let mut stayed = None;
        if let Some(read_to) = self.read_to {
            stayed = inverted.last_key(read_to, &source)?;
        }
        changed.retain(|key| Some(*key) < stayed);
        if let Some(stayed) = stayed {
            // It may have been replaced.
            inverted.remove(stayed, &source)?;
            changed.push(stayed);
        }
        let mut builder = Inverted::builder(&self.analyzer, &self.info.options.text.prefixes);
        let sql = format!("{}rowid = ?", self.select);
        for key in changed {
            db.query_each(&sql, params![key], |row| self.add(row, &mut builder).map(drop))?;
        }
        let (compare, from) = match stayed {
            Some(stayed) => (">", stayed),
            None => (">=", i64::MIN),
        };
        let sql = format!("{}rowid {compare} ? ORDER BY rowid", self.select);
        db.query_each(&sql, params![from], |row| self.add(row, &mut builder).map(drop))?;
        inverted.add(builder)?;
        Ok(inverted)
    }

    /// The beginning of a statement that reads rows, up to its conditions.
    pub(super) fn select(&self) -> &str {
        &self.select
    }
}

/// The text of a value, as it is searched.
pub(super) fn text_of(value: ValueRef<'_>) -> Cow<'_, str> {
    match value {
        ValueRef::Text(text) => Cow::Borrowed(text),
        ValueRef::Integer(number) => Cow::Owned(number.to_string()),
        ValueRef::Real(number) => Cow::Owned(number.to_string()),
        ValueRef::Null | ValueRef::Blob(_) => Cow::Borrowed(""),
    }
}

/// A hash of all values of a row.
fn hash_of(row: RowRef<'_>) -> Result<i64> {
    let mut hash = 0_u64;
    for column in 0..row.len() {
        let of = |kind: u64, bytes: &[u8]| XxHash3_64::oneshot_with_seed(hash ^ kind, bytes);
        hash = match row.value(column) {
            ValueRef::Null => of(0, &[]),
            ValueRef::Integer(number) => of(1, &number.to_le_bytes()),
            ValueRef::Real(number) => of(2, &number.to_bits().to_le_bytes()),
            ValueRef::Text(text) => of(3, text.as_bytes()),
            ValueRef::Blob(bytes) => of(4, bytes),
        };
    }
    Ok(hash.cast_signed())
}
