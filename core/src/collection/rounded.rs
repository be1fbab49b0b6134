//! Searches by an index that is rounded, whose results are compared with what is stored.

use std::collections::BTreeSet;

use super::CollectionInfo;
use super::index::CollectionIndex;
use crate::changes;
use crate::engine::{Database, RowRef};
use crate::error::Result;
use crate::value::{Params, Value};
use crate::vector::{
    Because, Explanation, Hit, HitCursor, Matching, Metadata, Recall, SearchOptions, Tally,
    VectorIndex, Wanted,
};

mod page;

/// So many more results of the index are compared with what is stored.
const MORE: usize = 10;

/// Rows that are compared at a time: fewer than an index makes codes of.
const ROWS: usize = 500;

/// Rows that one statement reads by their ids.
const IDS: usize = 64;

/// Where one in so many rows is wanted, reading all of them is faster than reading these by id.
const SCAN_SHARE: usize = 4;

/// Queries that are compared with every row at a time, when recall is checked.
const QUERIES: usize = 64;

/// A collection whose index is rounded, as of the last commit.
///
/// What the open transaction has changed is no longer in the table as it was committed; that is
/// compared as the index holds it.
#[derive(Debug)]
pub(super) struct Rounded<'a> {
    db: &'a Database,
    info: &'a CollectionInfo,
    vectors: &'a VectorIndex,
    /// The ids that the open transaction has written to.
    changed: BTreeSet<String>,
    #[cfg(test)]
    rows_read: &'a std::cell::Cell<usize>,
}

/// A search beside its query.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) k: usize,
    pub(super) options: &'a SearchOptions,
    /// Ids that are left out.
    pub(super) without: &'a [&'a str],
}

impl Asked<'_> {
    /// How many of the nearest results are chosen from.
    fn pool(&self) -> usize {
        self.options.pool(self.k)
    }

    /// How many results of the index are compared with what is stored.
    fn wanted(&self) -> usize {
        let pool = self.pool();
        pool.saturating_add(MORE.max(pool / 2))
    }
}

impl<'a> Rounded<'a> {
    pub(super) fn new(
        db: &'a Database,
        info: &'a CollectionInfo,
        index: &'a CollectionIndex,
    ) -> Result<Rounded<'a>> {
        let has_written = db.in_transaction() && db.total_changes() != db.changes_at_begin();
        let changed = match has_written {
            // The index has seen everything up to the beginning of the transaction.
            true => changes::keys_since(db, info.id, index.watermark(), changes::ALL)?.0,
            false => BTreeSet::new(),
        };
        Ok(Rounded {
            db,
            info,
            vectors: index.vectors(),
            changed,
            #[cfg(test)]
            rows_read: index.rows_read(),
        })
    }

    /// The nearest of a collection, and how they were found.
    pub(super) fn search(
        &self,
        query: &[f32],
        asked: Asked<'_>,
    ) -> Result<(Vec<Hit>, Explanation)> {
        self.vectors.check_query(query)?;
        asked.options.check()?;
        self.search_among(query, asked, &self.wanted(asked))
    }

    fn search_among(
        &self,
        query: &[f32],
        asked: Asked<'_>,
        wanted: &Wanted<'_>,
    ) -> Result<(Vec<Hit>, Explanation)> {
        let (mut near, how) = match self.by_index(query, asked, wanted)? {
            Some(found) => found,
            None => self.by_table(query, asked, wanted)?,
        };
        near.truncate(asked.pool());
        Ok((self.chosen(query, asked, near)?, how))
    }

    /// Searches for each of some queries, exactly, with one pass over the table.
    pub(super) fn search_many(
        &self,
        queries: &[&[f32]],
        asked: Asked<'_>,
    ) -> Result<Vec<Vec<Hit>>> {
        asked.options.check()?;
        self.vectors.check_queries(queries)?;
        let wanted = &self.wanted(asked).for_many();
        if !asked.options.exact {
            let search = |query| self.search_among(query, asked, wanted).map(|(hits, _)| hits);
            return queries.iter().copied().map(search).collect();
        }
        let (found, _) = self.nearest_stored(queries, asked, wanted, None)?;
        let chosen = |(query, near): (&&[f32], _)| self.chosen(query, asked, near);
        queries.iter().zip(found).map(chosen).collect()
    }

    /// Everything within a distance.
    pub(super) fn within(
        &self,
        query: &[f32],
        distance: f64,
        options: &SearchOptions,
    ) -> Result<Vec<Hit>> {
        self.vectors.check_query(query)?;
        options.check_within(distance)?;
        let asked = Asked { k: usize::MAX, options, without: &[] };
        let (mut found, _) =
            self.nearest_stored(&[query], asked, &self.wanted(asked), Some(distance))?;
        Ok(self.described(found.pop().unwrap_or_default()))
    }

    /// Compares usual searches with exact ones.
    pub(super) fn recall_check(&self, sample: usize, k: usize) -> Result<Recall> {
        let (usual, mut tally) = (SearchOptions::default(), Tally::new(k));
        let exact = SearchOptions { exact: true, ..SearchOptions::default() };
        for ids in self.vectors.sample(sample).chunks(QUERIES) {
            let stored = self.stored(ids)?;
            let queries = stored.iter().map(|it| it.vector).collect::<Vec<_>>();
            let queries: Vec<&[f32]> = queries.iter().map(|query| &**query).collect();
            let of = |options| self.search_many(&queries, Asked { k, options, without: &[] });
            for (true_ones, got) in of(&exact)?.iter().zip(&of(&usual)?) {
                tally.add(true_ones, got);
            }
        }
        Ok(tally.recall())
    }

    /// An index of some vectors as they are stored, all of which the index has.
    pub(super) fn stored(&self, ids: &[&str]) -> Result<VectorIndex> {
        let mut stored = self.rows()?;
        self.read(ids, &mut |id, vector| stored.add(id, vector, Metadata::new()).map(|_| ()))?;
        Ok(stored)
    }

    /// What is nearest among the results of the index, and all of these; `None` when nothing less
    /// than comparing everything tells.
    fn by_index(
        &self,
        query: &[f32],
        asked: Asked<'_>,
        wanted: &Wanted<'_>,
    ) -> Result<Option<(Vec<Hit>, Explanation)>> {
        // Where most would be compared, all may be.
        if asked.options.exact || asked.wanted() >= self.vectors.len() / 2 {
            return Ok(None);
        }
        let nearest = SearchOptions { diversity: None, ..asked.options.clone() };
        let held = |after: Option<HitCursor>, k| {
            let options = SearchOptions { after, ..nearest.clone() };
            self.vectors.explain_among(query, k, &options, wanted)
        };
        if let Some(after) = &asked.options.after {
            return self.page(query, asked, after, held);
        }
        let (hits, how) = held(None, asked.wanted())?;
        Ok(Some((self.compared(query, &hits)?, how)))
    }

    fn wanted<'s>(&'s self, asked: Asked<'s>) -> Wanted<'s> {
        self.vectors.wanted(asked.options, asked.without)
    }

    /// What is nearest among all rows of the table.
    fn by_table(
        &self,
        query: &[f32],
        asked: Asked<'_>,
        wanted: &Wanted<'_>,
    ) -> Result<(Vec<Hit>, Explanation)> {
        let (mut found, how) = self.nearest_stored(&[query], asked, wanted, None)?;
        Ok((found.pop().unwrap_or_default(), how))
    }

    /// For each query what is nearest to it as it is stored, without metadata.
    fn nearest_stored(
        &self,
        queries: &[&[f32]],
        asked: Asked<'_>,
        wanted: &Wanted<'_>,
        farthest: Option<f64>,
    ) -> Result<(Vec<Vec<Hit>>, Explanation)> {
        let options = asked.options;
        let mut matching = self.vectors.matching(wanted);
        let because = match options.exact {
            true => Because::Asked,
            false if self.vectors.has_cells() => Because::Many,
            false => Because::Few,
        };
        let how = matching.explanation(because);
        let pool = asked.pool();
        let exact =
            SearchOptions { exact: true, after: options.after.clone(), ..SearchOptions::default() };
        let mut found = vec![Vec::new(); queries.len()];
        self.each_rows(
            |add| self.read_matching(&mut matching, add),
            |rows| {
                for (query, near) in queries.iter().zip(&mut found) {
                    near.extend(match farthest {
                        Some(farthest) => rows.within(query, farthest, &exact)?,
                        None => rows.search(query, pool, &exact)?,
                    });
                    sort(near);
                    near.truncate(pool);
                }
                Ok(())
            },
        )?;
        Ok((found, how))
    }

    /// Some results of the index in the order they have as they are stored, without metadata.
    fn compared(&self, query: &[f32], held: &[Hit]) -> Result<Vec<Hit>> {
        let ids: Vec<&str> = held.iter().map(|hit| &*hit.id).collect();
        let exact = SearchOptions { exact: true, ..SearchOptions::default() };
        let mut near = Vec::with_capacity(ids.len());
        self.each_rows(
            |add| self.read(&ids, add),
            |rows| {
                near.extend(rows.search(query, rows.len(), &exact)?);
                Ok(())
            },
        )?;
        sort(&mut near);
        Ok(near)
    }

    /// The results among what is nearest, with their metadata.
    fn chosen(&self, query: &[f32], asked: Asked<'_>, near: Vec<Hit>) -> Result<Vec<Hit>> {
        let Asked { k, options: SearchOptions { diversity, .. }, .. } = asked;
        if diversity.is_none() {
            return Ok(self.described(near));
        }
        let ids: Vec<&str> = near.iter().map(|hit| &*hit.id).collect();
        let diverse =
            SearchOptions { exact: true, diversity: *diversity, ..SearchOptions::default() };
        Ok(self.described(self.stored(&ids)?.search(query, k, &diverse)?))
    }

    fn described(&self, mut hits: Vec<Hit>) -> Vec<Hit> {
        for hit in &mut hits {
            hit.metadata = self.vectors.metadata(&hit.id).unwrap_or_default();
        }
        hits
    }

    /// An empty index for vectors as they are stored.
    fn rows(&self) -> Result<VectorIndex> {
        let options = self.info.options;
        VectorIndex::with_precision(options.dimensions, options.metric, options.precision)
    }

    /// Calls `f` on an index of some of the rows after another that `read` reads.
    fn each_rows(
        &self,
        read: impl FnOnce(&mut Add<'_>) -> Result<()>,
        mut f: impl FnMut(&VectorIndex) -> Result<()>,
    ) -> Result<()> {
        let mut rows = self.rows()?;
        read(&mut |id, vector| {
            rows.add(id, vector, Metadata::new())?;
            if rows.len() == ROWS {
                f(&rows)?;
                rows.clear();
            }
            Ok(())
        })?;
        f(&rows)
    }

    /// Reads what matches, as it is stored.
    fn read_matching(&self, matching: &mut Matching<'_>, add: &mut Add<'_>) -> Result<()> {
        if matching.len() < self.vectors.len() / SCAN_SHARE {
            return self.read(&matching.left(), add);
        }
        let sql = format!("SELECT vector, id FROM {} ORDER BY key", self.info.table());
        self.db.query_each(&sql, (), |row| {
            let id = row.get_str(1)?;
            if self.changed.contains(id) || !matching.take(id) {
                return Ok(());
            }
            match self.decoded(row) {
                Some(vector) => add(id, &vector),
                None => self.read_held(id, add),
            }
        })?;
        matching.left().into_iter().try_for_each(|id| self.read_held(id, add))
    }

    /// Reads the vectors under `ids`, as they are stored.
    fn read(&self, ids: &[&str], add: &mut Add<'_>) -> Result<()> {
        let marks = ["?"; IDS].join(", ");
        let sql = format!("SELECT vector, id FROM {} WHERE id IN ({marks})", self.info.table());
        for ids in ids.chunks(IDS) {
            // One that is given twice is read once.
            let mut left: Vec<&str> =
                ids.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
            let mut asked: Vec<Value> = Vec::with_capacity(IDS);
            let unchanged = ids.iter().filter(|id| !self.changed.contains(**id));
            asked.extend(unchanged.map(|id| Value::from(*id)));
            if let Some(last) = asked.last().cloned() {
                asked.resize(IDS, last);
                self.db.query_each(&sql, Params::Positional(asked), |row| {
                    let id = row.get_str(1)?;
                    let place = left.iter().position(|it| *it == id);
                    match (place, self.decoded(row)) {
                        (Some(place), Some(vector)) => add(left.swap_remove(place), &vector),
                        _ => Ok(()),
                    }
                })?;
            }
            left.into_iter().try_for_each(|id| self.read_held(id, add))?;
        }
        Ok(())
    }

    /// Reads a vector as the index holds it, which may no longer be stored.
    fn read_held(&self, id: &str, add: &mut Add<'_>) -> Result<()> {
        match self.vectors.get(id) {
            Some(held) => add(id, &held.vector),
            None => Ok(()),
        }
    }

    fn decoded(&self, row: RowRef<'_>) -> Option<Vec<f32>> {
        #[cfg(test)]
        self.rows_read.set(self.rows_read.get() + 1);
        let options = self.info.options;
        options.precision.decode(options.dimensions, row.get_blob(0).ok()?)
    }
}

/// Takes a vector under its id.
type Add<'f> = dyn FnMut(&str, &[f32]) -> Result<()> + 'f;

fn sort(hits: &mut [Hit]) {
    hits.sort_by(|a, b| a.distance.total_cmp(&b.distance).then_with(|| a.id.cmp(&b.id)));
}
