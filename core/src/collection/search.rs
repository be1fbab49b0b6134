//! Searches in a collection: by its index, and where that is rounded by what is stored too.

use super::{Collection, index};
use crate::error::{Error, ErrorKind, Result};
use crate::params;
use crate::vector::{Explanation, Hit, Recall, SearchOptions, VectorIndex};

/// Of an index that is rounded, so many more results are compared with what is stored.
const MORE: usize = 10;

/// Rows of the table that are compared at a time.
const ROWS: usize = 1_000;

impl Collection<'_> {
    /// The `k` nearest vectors to `query` that match the filter, nearest first, ties by id:
    /// exactly `k` of them, or all that match when they are fewer.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for wrong dimensions or an element that is not finite;
    /// [`ErrorKind::NotFound`] when the collection was dropped; and storage kinds.
    pub fn search(&self, query: &[f32], k: usize, options: &SearchOptions) -> Result<Vec<Hit>> {
        self.explain(query, k, options).map(|(hits, _)| hits)
    }

    /// As [`search`](Collection::search), and how the index found the results.
    ///
    /// # Errors
    /// As [`search`](Collection::search).
    pub fn explain(
        &self,
        query: &[f32],
        k: usize,
        options: &SearchOptions,
    ) -> Result<(Vec<Hit>, Explanation)> {
        if !self.is_rounded() {
            return self.by_index(|vectors| vectors.explain(query, k, options));
        }
        let seen = options.after.as_ref().map_or(0, |after| after.seen);
        let wanted = options.pool(k).saturating_add(seen);
        let wanted = wanted.saturating_add(MORE.max(wanted / 2));
        let nearest = SearchOptions { after: None, diversity: None, ..options.clone() };
        let (hits, how) = self.by_index(|vectors| vectors.explain(query, wanted, &nearest))?;
        if options.exact {
            return Ok((self.by_table(query, k, options)?, how));
        }
        let stored = self.as_stored(hits.iter().map(|hit| &*hit.id))?;
        let exact = SearchOptions { exact: true, filter: None, ..options.clone() };
        let found = stored.search(query, k, &exact)?;
        // Behind a cursor there may be more than the index gave.
        if found.len() < k && hits.len() == wanted {
            return Ok((self.by_table(query, k, options)?, how));
        }
        Ok((found, how))
    }

    /// Searches for each of some queries; the results are those of [`search`](Collection::search).
    ///
    /// # Errors
    /// As [`search`](Collection::search).
    pub fn search_many(
        &self,
        queries: &[&[f32]],
        k: usize,
        options: &SearchOptions,
    ) -> Result<Vec<Vec<Hit>>> {
        if !self.is_rounded() {
            return self.by_index(|vectors| vectors.search_many(queries, k, options));
        }
        queries.iter().map(|query| self.search(query, k, options)).collect()
    }

    /// Every vector that matches the filter and is no farther than `distance`, nearest first.
    ///
    /// # Errors
    /// As [`search`](Collection::search); [`ErrorKind::InvalidInput`] for a distance that is not a
    /// number.
    pub fn within(
        &self,
        query: &[f32],
        distance: f64,
        options: &SearchOptions,
    ) -> Result<Vec<Hit>> {
        if !self.is_rounded() {
            return self.by_index(|vectors| vectors.within(query, distance, options));
        }
        let mut hits = Vec::new();
        self.each_rows(|rows| {
            hits.extend(rows.within(query, distance, options)?);
            Ok(())
        })?;
        sort(&mut hits);
        Ok(hits)
    }

    /// The `k` vectors nearest to the one stored under `id`, which is not among them.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no such vector; those of
    /// [`search`](Collection::search).
    pub fn search_like(&self, id: &str, k: usize, options: &SearchOptions) -> Result<Vec<Hit>> {
        if !self.is_rounded() {
            return self.by_index(|vectors| vectors.search_like(id, k, options));
        }
        let Some(record) = self.get(id)? else {
            return Err(no_vector(id));
        };
        self.search_without(&record.vector, &[id], k, options)
    }

    /// The `k` vectors nearest to those stored under the `positive` ids and away from those under
    /// the `negative` ones, none of which is among them; see [`VectorIndex::recommend`].
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] without a positive id; [`ErrorKind::NotFound`] for an id that no
    /// vector has; those of [`search`](Collection::search).
    pub fn recommend(
        &self,
        positive: &[&str],
        negative: &[&str],
        k: usize,
        options: &SearchOptions,
    ) -> Result<Vec<Hit>> {
        if !self.is_rounded() {
            return self.by_index(|vectors| vectors.recommend(positive, negative, k, options));
        }
        let given = [positive, negative].concat();
        let stored = self.as_stored(given.iter().copied())?;
        let query = stored.recommended(positive, negative)?;
        self.search_without(&query, &given, k, options)
    }

    /// Compares usual searches of the index with exact ones; see [`VectorIndex::recall_check`].
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when the collection was dropped, and storage kinds.
    pub fn recall_check(&self, sample: usize, k: usize) -> Result<Recall> {
        self.by_index(|vectors| Ok(vectors.recall_check(sample, k)))
    }

    /// Whether the index holds vectors less precisely than they are stored.
    fn is_rounded(&self) -> bool {
        self.info.options.resident != self.info.options.precision
    }

    fn by_index<T>(&self, f: impl FnOnce(&VectorIndex) -> Result<T>) -> Result<T> {
        self.store.with_current_index(&self.info, |index| f(index.vectors()))
    }

    /// An index of some vectors as they are stored; those that are not stored as the index has
    /// them, which a transaction may have deleted.
    fn as_stored<'i>(&self, ids: impl Iterator<Item = &'i str>) -> Result<VectorIndex> {
        let mut stored = self.rows()?;
        for id in ids {
            match self.get(id)? {
                Some(record) => stored.add(id, &record.vector, record.metadata)?,
                None => self.by_index(|vectors| match vectors.get(id) {
                    Some(held) => stored.add(id, &held.vector, held.metadata),
                    None => Err(no_vector(id)),
                })?,
            };
        }
        Ok(stored)
    }

    /// An empty index for vectors as they are stored.
    fn rows(&self) -> Result<VectorIndex> {
        let options = self.info.options;
        VectorIndex::with_precision(options.dimensions, options.metric, options.precision)
    }

    fn search_without(
        &self,
        query: &[f32],
        without: &[&str],
        k: usize,
        options: &SearchOptions,
    ) -> Result<Vec<Hit>> {
        let mut hits = self.search(query, k.saturating_add(without.len()), options)?;
        hits.retain(|hit| !without.contains(&&*hit.id));
        hits.truncate(k);
        Ok(hits)
    }

    /// The exact results, from every row of the table.
    fn by_table(&self, query: &[f32], k: usize, options: &SearchOptions) -> Result<Vec<Hit>> {
        let pool = options.pool(k);
        let exact = SearchOptions { exact: true, diversity: None, ..options.clone() };
        let mut hits: Vec<Hit> = Vec::new();
        self.each_rows(|rows| {
            hits.extend(rows.search(query, pool, &exact)?);
            sort(&mut hits);
            hits.truncate(pool);
            Ok(())
        })?;
        if options.diversity.is_none() {
            return Ok(hits);
        }
        let chosen = SearchOptions { exact: true, filter: None, ..options.clone() };
        self.as_stored(hits.iter().map(|hit| &*hit.id))?.search(query, k, &chosen)
    }

    /// Calls `f` on an index of some rows of the table after another, as they are stored.
    fn each_rows(&self, mut f: impl FnMut(&VectorIndex) -> Result<()>) -> Result<()> {
        let sql = format!(
            "SELECT vector, metadata, id, key FROM {} WHERE key > ? ORDER BY key LIMIT {ROWS}",
            self.info.table()
        );
        let mut last = i64::MIN;
        loop {
            let (mut rows, mut read, after) = (self.rows()?, 0, params![last]);
            let each = |row: crate::RowRef<'_>| {
                let id = row.get_str(2)?;
                // A row that only SQL could have written is not in the index either.
                if let Ok((vector, metadata)) = index::decode(&self.info, id, row) {
                    let added = rows.add(id, &vector, metadata);
                    added.or_else(|error| match error.kind() {
                        ErrorKind::InvalidInput => Ok(false),
                        _ => Err(error),
                    })?;
                }
                last = row.get_i64(3)?;
                read += 1;
                Ok(())
            };
            let done = self.store.database().query_each(&sql, after, each);
            done.map_err(|error| self.explain_error(error))?;
            f(&rows)?;
            if read < ROWS {
                return Ok(());
            }
        }
    }
}

fn sort(hits: &mut [Hit]) {
    hits.sort_by(|a, b| a.distance.total_cmp(&b.distance).then_with(|| a.id.cmp(&b.id)));
}

fn no_vector(id: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("no vector is stored under '{id}': store it first"))
}
