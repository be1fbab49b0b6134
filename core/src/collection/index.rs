//! The index of one collection, kept in step with its table.

use crate::changes::{self, DerivedIndex, Mark, Seq};
use crate::collection::CollectionInfo;
use crate::container::StoreId;
use crate::engine::{Database, RowRef};
use crate::error::{Error, ErrorKind, Result};
use crate::params;
use crate::vector::{Metadata, SnapshotMark, VectorIndex};

/// Collections below this size are rebuilt faster than a snapshot of them is worth.
const SNAPSHOT_VECTORS_MIN: usize = 256;

/// So many rows are read by one statement.
const ROWS_AT_ONCE: usize = 10_000;

/// A snapshot is due when at least one in this many vectors changed since the last.
const SNAPSHOT_SHARE: usize = 8;

/// A [`VectorIndex`] with the last change it has seen.
#[derive(Debug)]
pub(crate) struct CollectionIndex {
    info: CollectionInfo,
    vectors: VectorIndex,
    watermark: Seq,
    /// While it is made from the table: the rows with keys above this are not in it yet.
    unread: Option<i64>,
    /// How many entries changed since the last snapshot.
    unsaved: usize,
    /// Rows that SQL made into something that is no vector of this collection.
    unindexable: usize,
    /// [`Database::total_changes`] when the log was last read.
    seen_changes: Option<i64>,
    /// How many rows searches have read of the table.
    #[cfg(test)]
    rows_read: std::cell::Cell<usize>,
}

impl CollectionIndex {
    /// Opens the index from its snapshot where that can be trusted, else from the table; either has
    /// to be followed by [`catch_up`](CollectionIndex::catch_up) or [steps](CollectionIndex::step).
    pub(crate) fn open(
        db: &Database,
        store: StoreId,
        info: &CollectionInfo,
        snapshot: Option<&[u8]>,
    ) -> Result<CollectionIndex> {
        let mut index = CollectionIndex {
            info: info.clone(),
            vectors: VectorIndex::with_precision(
                info.options.dimensions,
                info.options.metric,
                info.options.resident,
            )?,
            watermark: 0,
            unread: None,
            unsaved: 0,
            unindexable: 0,
            seen_changes: None,
            #[cfg(test)]
            rows_read: Default::default(),
        };
        let restored = snapshot.is_some_and(|bytes| index.restore_trusted(db, store, bytes));
        if !restored {
            index.start_over(db)?;
        }
        Ok(index)
    }

    /// Restores the snapshot when it is whole, belongs here and the log goes on where it ends.
    fn restore_trusted(&mut self, db: &Database, store: StoreId, bytes: &[u8]) -> bool {
        let Ok(mark) = self.restore(bytes) else { return false };
        let last = changes::last_seq(db).unwrap_or(-1);
        let trusted = mark.store == store
            && mark.source == self.info.id
            && mark.watermark >= self.info.trimmed_seq
            // A snapshot from the future of a database that was restored from a backup.
            && mark.watermark <= last;
        if trusted {
            self.watermark = mark.watermark;
        }
        trusted
    }

    pub(crate) fn info(&self) -> &CollectionInfo {
        &self.info
    }

    /// The vectors, as of the last catch-up.
    pub(crate) fn vectors(&self) -> &VectorIndex {
        &self.vectors
    }

    pub(crate) fn watermark(&self) -> Seq {
        self.watermark
    }

    #[cfg(test)]
    pub(super) fn rows_read(&self) -> &std::cell::Cell<usize> {
        &self.rows_read
    }

    /// Reads what was committed since the last call; must not be called inside a transaction.
    pub(crate) fn catch_up(&mut self, db: &Database) -> Result<()> {
        let total = db.total_changes();
        if self.seen_changes == Some(total) {
            return Ok(());
        }
        while self.unread.is_some() {
            self.read_rows(db, ROWS_AT_ONCE)?;
        }
        self.follow(db, changes::ALL)?;
        self.seen_changes = Some(total);
        Ok(())
    }

    /// As [`catch_up`](CollectionIndex::catch_up), but reads at most so many rows or changes; whether
    /// that was all.
    pub(crate) fn step(&mut self, db: &Database, most: usize) -> Result<bool> {
        let total = db.total_changes();
        if self.unread.is_some() {
            self.read_rows(db, most)?;
            return Ok(false);
        }
        if self.seen_changes == Some(total) {
            return Ok(true);
        }
        let is_all = self.follow(db, most)?;
        if is_all {
            self.seen_changes = Some(total);
        }
        Ok(is_all)
    }

    /// Applies at most so many changes behind the watermark, and moves it; whether there were none.
    fn follow(&mut self, db: &Database, most: usize) -> Result<bool> {
        let (keys, last) = changes::keys_since(db, self.info.id, self.watermark, most)?;
        for key in keys {
            self.apply(db, &key)?;
        }
        let is_all = last == self.watermark;
        self.watermark = last;
        Ok(is_all)
    }

    /// Whether rows of the table were not read yet, ever.
    pub(crate) fn is_partial(&self) -> bool {
        self.unread.is_some()
    }

    /// Forgets all vectors, so that the rows of the table are read from the first on.
    ///
    /// What is written to rows that were read already is in the log, behind the watermark.
    fn start_over(&mut self, db: &Database) -> Result<()> {
        self.watermark = changes::last_seq(db)?;
        self.vectors.clear();
        self.unindexable = 0;
        self.unsaved = 0;
        self.seen_changes = None;
        self.unread = Some(i64::MIN);
        Ok(())
    }

    /// Reads at most so many rows that were not read yet.
    fn read_rows(&mut self, db: &Database, most: usize) -> Result<()> {
        let Some(after) = self.unread else { return Ok(()) };
        let most = i64::try_from(most.max(1)).unwrap_or(i64::MAX);
        let sql = format!(
            "SELECT vector, metadata, id, key FROM {} WHERE key > ? ORDER BY key LIMIT ?",
            self.info.table()
        );
        let (mut last, mut read) = (after, 0);
        let outcome = self.read_each(db, &sql, params![after, most].into(), |key| {
            (last, read) = (key, read + 1);
        });
        // Of a statement that was interrupted what it has read is kept.
        self.unread = (outcome.is_err() || read == most).then_some(last);
        outcome
    }

    /// Adds the rows that a statement gives, and tells of each key.
    fn read_each(
        &mut self,
        db: &Database,
        sql: &str,
        params: crate::Params,
        mut done: impl FnMut(i64),
    ) -> Result<()> {
        db.query_each(sql, params, |row| {
            self.add(row.get_str(2)?, row)?;
            self.unsaved += 1;
            done(row.get_i64(3)?);
            Ok(())
        })
    }

    /// Makes the index forget that it has seen changes behind `watermark`, none of which are to
    /// its own rows; `total` is [`Database::total_changes`] of that moment.
    pub(crate) fn rewind(&mut self, watermark: Seq, total: i64) {
        self.watermark = self.watermark.min(watermark);
        self.seen_changes = Some(total);
    }

    /// Whether it has seen everything up to this reading of [`Database::total_changes`].
    pub(crate) fn has_seen(&self, total_changes: i64) -> bool {
        self.seen_changes == Some(total_changes)
    }

    /// Whether so much changed since the last snapshot that opening would be slow.
    pub(crate) fn snapshot_due(&self) -> bool {
        self.vectors.len() >= SNAPSHOT_VECTORS_MIN
            && self.unsaved * SNAPSHOT_SHARE >= self.vectors.len()
    }

    /// Whether the index differs from its last snapshot.
    pub(crate) fn unsaved(&self) -> usize {
        self.unsaved
    }

    /// How many rows of the table are no vectors of this collection.
    pub(crate) fn unindexable(&self) -> usize {
        self.unindexable
    }

    pub(crate) fn saved(&mut self) {
        self.unsaved = 0;
    }

    /// What is different between the table and this index, which must be current.
    pub(crate) fn compare(&self, db: &Database) -> Result<Vec<String>> {
        const PROBLEMS_MAX: usize = 10;
        let mut problems = Vec::new();
        let mut matching = 0;
        let sql = format!("SELECT vector, metadata, id FROM {} ORDER BY key", self.info.table());
        db.query_each(&sql, (), |row| {
            let id = row.get_str(2)?;
            let problem = match (decode(&self.info, id, row), self.vectors.get(id)) {
                (Err(error), _) => Some(error.to_string()),
                (Ok(_), None) => Some(format!("'{id}' is in the table and not in the index")),
                (Ok((vector, metadata)), Some(indexed)) => {
                    matching += 1;
                    let vector = self.info.options.resident.rounded(vector);
                    let same = indexed.vector == vector && metadata == indexed.metadata;
                    (!same).then(|| format!("'{id}' differs between the table and the index"))
                }
            };
            problems.extend(problem.filter(|_| problems.len() < PROBLEMS_MAX));
            Ok(())
        })?;
        let extra = self.vectors.len().saturating_sub(matching);
        if extra > 0 {
            problems.push(format!("the index holds {extra} vectors that are not in the table"));
        }
        Ok(problems)
    }

    fn add(&mut self, id: &str, row: RowRef<'_>) -> Result<()> {
        let added = decode(&self.info, id, row)
            .and_then(|(vector, metadata)| self.vectors.add(id, &vector, metadata));
        match added {
            Ok(_) => Ok(()),
            // A row that only SQL could have written: the rest of the collection still works, and
            // verify reports it.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::Corrupt | ErrorKind::InvalidInput | ErrorKind::Limit
                ) =>
            {
                self.vectors.remove(id);
                self.unindexable += 1;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

impl DerivedIndex for CollectionIndex {
    fn apply(&mut self, db: &Database, key: &str) -> Result<()> {
        let sql = format!("SELECT vector, metadata FROM {} WHERE id = ?", self.info.table());
        let mut found = false;
        db.query_each(&sql, params![key], |row| {
            found = true;
            self.add(key, row)
        })?;
        if !found {
            self.vectors.remove(key);
        }
        self.unsaved += 1;
        Ok(())
    }

    fn rebuild(&mut self, db: &Database) -> Result<()> {
        self.start_over(db)?;
        self.catch_up(db)
    }

    fn snapshot(&self, mark: Mark) -> Result<Vec<u8>> {
        self.vectors.to_bytes_marked(&SnapshotMark {
            store: mark.store.0,
            collection: u64::try_from(mark.source).unwrap_or(0),
            watermark: u64::try_from(mark.watermark).unwrap_or(0),
        })
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<Mark> {
        let (vectors, mark) = VectorIndex::from_bytes_marked(bytes)?;
        if vectors.dimensions() != self.info.options.dimensions
            || vectors.metric() != self.info.options.metric
            || vectors.precision() != self.info.options.resident
        {
            return Err(Error::corrupt("the index snapshot is of another collection"));
        }
        self.vectors = vectors;
        Ok(Mark {
            store: StoreId(mark.store),
            source: i64::try_from(mark.collection).unwrap_or(-1),
            watermark: i64::try_from(mark.watermark).unwrap_or(i64::MAX),
        })
    }
}

/// The vector and the metadata of a row whose first columns they are.
pub(super) fn decode(
    info: &CollectionInfo,
    id: &str,
    row: RowRef<'_>,
) -> Result<(Vec<f32>, Metadata)> {
    let wrong = |error: Error| {
        Error::corrupt(format!("the row '{id}' of {} is no vector: {error}", info.table()))
    };
    let bytes = row.get_blob(0).map_err(wrong)?;
    let vector = info.options.precision.decode(info.options.dimensions, bytes);
    let Some(vector) = vector else {
        return Err(wrong(Error::corrupt(format!("it has {} bytes", bytes.len()))));
    };
    let metadata = match row.get_str(1).map_err(wrong)? {
        "{}" => Metadata::new(),
        text => Metadata::from_json(text).map_err(wrong)?,
    };
    Ok((vector, metadata))
}

#[cfg(test)]
mod tests;
