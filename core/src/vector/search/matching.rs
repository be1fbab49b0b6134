//! What a collection needs of its index to compare vectors as they are stored.

use super::plan::{Because, Explanation, Plan};
use super::wanted::Wanted;
use super::{Request, SearchOptions, VectorIndex};
use crate::error::Result;
use crate::vector::filter::Filter;
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
    /// Everything that matches the filter, less some ids.
    pub(crate) fn matching(&self, filter: Option<&Filter>, without: &[&str]) -> Matching<'_> {
        let without = self.slots_of(without);
        let wanted = Wanted::new(self, filter, &without);
        let (mut is_left, mut len) = (vec![false; self.len()], 0);
        for slot in wanted.slots() {
            is_left[slot as usize] = true;
            len += 1;
        }
        let explanation = wanted.explanation(Plan::Exact(Because::Asked), len);
        Matching { index: self, is_left, len, explanation }
    }

    /// As [`explain`](VectorIndex::explain), less some ids.
    pub(crate) fn explain_without(
        &self,
        query: &[f32],
        k: usize,
        options: &SearchOptions,
        without: &[&str],
    ) -> Result<(Vec<Hit>, Explanation)> {
        self.check_query(query)?;
        let without = self.slots_of(without);
        let found = self.find(Request { query, k, options, without: &without })?;
        Ok((self.hits(found.nearest), found.explanation))
    }

    /// The metadata of the vector under `id`.
    pub(crate) fn metadata(&self, id: &str) -> Option<Metadata> {
        self.ids.slot(id).map(|slot| self.attributes.get(slot))
    }

    fn slots_of(&self, ids: &[&str]) -> Vec<u32> {
        ids.iter().filter_map(|id| self.ids.slot(id)).collect()
    }

    /// How far the vector under `id` is from a finite query, as it is held.
    pub(crate) fn distance(&self, query: &[f32], id: &str) -> Option<f64> {
        let slot = self.ids.slot(id)?;
        scan::distances(self, query, &[slot]).pop()
    }
}
