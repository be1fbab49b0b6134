//! Comparing a text index with its table, and what of it is not in the index.

use std::collections::BTreeSet;

use super::definition::quoted;
use super::following::TextFollower;
use super::parts::Stored;
use crate::engine::Database;
use crate::error::Result;
use crate::text::Inverted;
use crate::value::Value;

/// So many differences are named.
const NAMED_MAX: usize = 10;

impl TextFollower {
    /// The rows of the table whose texts are too long to be in the index, ascending.
    pub(super) fn unindexable(&mut self, db: &Database) -> Result<Vec<i64>> {
        let indexed = self.with_current(db, |inverted| Ok(inverted.len()))?;
        let count = format!("SELECT count(*) FROM {}", quoted(&self.info.options.table));
        let count = db.query(&count, ())?;
        let rows = count.rows().first().map(|row| row.get(0)).transpose()?;
        // Counting reads no texts, and mostly it is all there is to do.
        if rows.and_then(Value::as_i64) == i64::try_from(indexed).ok() {
            return Ok(Vec::new());
        }
        let mut keys = Vec::new();
        db.query_each(&format!("{}true ORDER BY rowid", self.select()), (), |row| {
            if self.texts(row).is_none() {
                keys.push(row.get_i64(0)?);
            }
            Ok(())
        })?;
        Ok(keys)
    }

    /// What is different between the table and the index: nothing when they agree.
    pub(crate) fn compare(&mut self, db: &Database) -> Result<Vec<String>> {
        self.catch_up(db)?;
        let (mut keys, mut twice) = (BTreeSet::new(), Vec::new());
        for member in self.inverted.members() {
            let documents = member.segment.open(&Stored(db)).documents()?;
            for (doc, key) in (0..).zip(documents.keys()) {
                if !member.dead.contains(doc) && !keys.insert(*key) {
                    twice.push(*key);
                }
            }
        }
        let mut missing = Vec::new();
        let sql = format!("{}true", self.select());
        db.query_each(&sql, (), |row| {
            let key = row.get_i64(0)?;
            let prefixes = &self.info.options.text.prefixes;
            // Texts that are too long are not in it.
            if !keys.remove(&key)
                && self.add(row, &mut Inverted::builder(&self.analyzer, prefixes))?
            {
                missing.push(key);
            }
            Ok(())
        })?;
        let mut problems = Vec::new();
        let kinds = [
            ("twice in the index", twice),
            ("not in the index", missing),
            ("in the index and not in the table", keys.into_iter().collect()),
        ];
        for (what, keys) in kinds {
            problems.extend(keys.iter().take(NAMED_MAX).map(|key| format!("row {key} is {what}")));
            if let Some(more) = keys.len().checked_sub(NAMED_MAX).filter(|more| *more > 0) {
                problems.push(format!("and so are {more} more"));
            }
        }
        Ok(problems)
    }
}
