//! Searches in a collection: by its index, and where that is rounded by what is stored too.

use super::Collection;
use super::rounded::{Asked, Rounded};
use crate::error::{Error, ErrorKind, Result};
use crate::vector::{Explanation, Hit, Recall, SearchOptions, VectorIndex};

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
        self.by_rounded(|rounded| rounded.search(query, Asked { k, options, without: &[] }))
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
        self.by_rounded(|rounded| rounded.search_many(queries, Asked { k, options, without: &[] }))
    }

    /// Every vector that matches the filter and is no farther than `distance`, nearest first; see
    /// [`VectorIndex::within`] for the options that count.
    ///
    /// # Errors
    /// As [`search`](Collection::search); [`ErrorKind::InvalidInput`] for a distance that is not a
    /// number, and for a diversity.
    pub fn within(
        &self,
        query: &[f32],
        distance: f64,
        options: &SearchOptions,
    ) -> Result<Vec<Hit>> {
        if !self.is_rounded() {
            return self.by_index(|vectors| vectors.within(query, distance, options));
        }
        self.by_rounded(|rounded| rounded.within(query, distance, options))
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
        self.by_rounded(|rounded| {
            let stored = rounded.stored(&[id])?;
            let query = stored.get(id).ok_or_else(|| no_vector(id))?.vector;
            rounded.search(&query, Asked { k, options, without: &[id] }).map(|(hits, _)| hits)
        })
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
        self.by_rounded(|rounded| {
            let stored = rounded.stored(&given)?;
            if let Some(id) = given.iter().find(|id| stored.get(id).is_none()) {
                return Err(no_vector(id));
            }
            let query = stored.recommended(positive, negative)?;
            rounded.search(&query, Asked { k, options, without: &given }).map(|(hits, _)| hits)
        })
    }

    /// Compares usual searches with exact ones of what is stored; see
    /// [`VectorIndex::recall_check`].
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when the collection was dropped, and storage kinds.
    pub fn recall_check(&self, sample: usize, k: usize) -> Result<Recall> {
        if !self.is_rounded() {
            return self.by_index(|vectors| Ok(vectors.recall_check(sample, k)));
        }
        self.by_rounded(|rounded| rounded.recall_check(sample, k))
    }

    /// Whether the index holds vectors less precisely than they are stored.
    fn is_rounded(&self) -> bool {
        self.info.options.resident != self.info.options.precision
    }

    fn by_index<T>(&self, f: impl FnOnce(&VectorIndex) -> Result<T>) -> Result<T> {
        self.store.with_current_index(&self.info, |index| f(index.vectors()))
    }

    fn by_rounded<T>(&self, f: impl FnOnce(&Rounded<'_>) -> Result<T>) -> Result<T> {
        let searched = self.store.with_current_index(&self.info, |index| {
            f(&Rounded::new(self.store.database(), &self.info, index)?)
        });
        searched.map_err(|error| self.explain_error(error))
    }
}

fn no_vector(id: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("no vector is stored under '{id}': store it first"))
}
