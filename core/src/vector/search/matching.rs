//! What a collection needs of its index to compare vectors as they are stored.

use super::plan::{Because, Explanation, Plan};
use super::{Request, SearchOptions, VectorIndex, Wanted};
use crate::error::Result;
use crate::vector::scan;
use crate::vector::{Hit, Metadata};

/// The vectors that match a filter, less those that were taken.
#[derive(Debug)]
pub(crate) struct Matching<'a> {
    index: &'a VectorIndex,
    /// By slot.
    is_left: Vec<bool>,
    len: usize,
    explanation: Explanation,
}

impl<'a> Matching<'a> {
    /// How many matched.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Takes the vector under `id`, and says whether it was there.
    pub(crate) fn take(&mut self, id: &str) -> bool {
        let place = self.index.ids.slot(id).and_then(|slot| self.is_left.get_mut(slot as usize));
        place.is_some_and(std::mem::take)
    }

    /// The ids of those that were not taken.
    pub(crate) fn left(&self) -> Vec<&'a str> {
        let index = self.index;
        let slots = (0..index.count()).zip(&self.is_left).filter(|(_, is_left)| **is_left);
        slots.map(|(slot, _)| index.ids.get(slot)).collect()
    }

    /// What a search says that compares all of them.
    pub(crate) fn explanation(&self, because: Because) -> Explanation {
        Explanation { plan: Plan::Exact(because), ..self.explanation }
    }
}

impl VectorIndex {
    /// What matches the filter of a search, less some ids.
    pub(crate) fn wanted<'a>(&'a self, options: &'a SearchOptions, without: &[&str]) -> Wanted<'a> {
        let without = without.iter().filter_map(|id| self.ids.slot(id)).collect();
        Wanted::new(self, options.filter.as_ref(), without)
    }

    /// Everything that is wanted, to be taken one by one.
    pub(crate) fn matching(&self, wanted: &Wanted<'_>) -> Matching<'_> {
        let (mut is_left, mut len) = (vec![false; self.len()], 0);
        for slot in wanted.slots() {
            is_left[slot as usize] = true;
            len += 1;
        }
        let explanation = wanted.explanation(Plan::Exact(Because::Asked), len);
        Matching { index: self, is_left, len, explanation }
    }

    /// As [`explain`](VectorIndex::explain) of a query that was checked, given what is wanted by the
    /// filter of the options.
    pub(crate) fn explain_among(
        &self,
        query: &[f32],
        k: usize,
        options: &SearchOptions,
        wanted: &Wanted<'_>,
    ) -> Result<(Vec<Hit>, Explanation)> {
        let found = self.find(Request { query, k, options, wanted })?;
        Ok((self.hits(found.nearest), found.explanation))
    }

    /// How often filters were answered from the columns, and for one row from that row.
    #[cfg(test)]
    pub(crate) fn filters_answered(&self) -> (usize, usize) {
        let answered = &self.attributes.answered;
        let count =
            |of: &std::sync::atomic::AtomicUsize| of.load(std::sync::atomic::Ordering::Relaxed);
        (count(&answered.selected), count(&answered.tested))
    }

    /// The metadata of the vector under `id`.
    pub(crate) fn metadata(&self, id: &str) -> Option<Metadata> {
        self.ids.slot(id).map(|slot| self.attributes.get(slot))
    }

    /// How far the vector under `id` is from a finite query, as it is held.
    pub(crate) fn distance(&self, query: &[f32], id: &str) -> Option<f64> {
        let slot = self.ids.slot(id)?;
        scan::distances(self, query, &[slot]).pop()
    }
}
