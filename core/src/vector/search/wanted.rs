//! Which vectors a search may return.

use std::cell::OnceCell;

use crate::vector::VectorIndex;
use crate::vector::attributes::Selection;
use crate::vector::filter::Filter;

use super::plan::{Explanation, Plan};

/// So many rows are tested to estimate how many of a set match.
const SAMPLE: usize = 128;

/// For each slot of an index a filter may take this many steps to be answered, and some more.
const STEPS_PER_SLOT: f64 = 1.5;
const STEPS_MIN: f64 = 2_000.0;

/// The slots that match a filter, less some; for any number of searches.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    index: &'a VectorIndex,
    filter: Option<&'a Filter>,
    /// What the attribute index says of the filter.
    selection: Selection,
    /// Few.
    without: Vec<u32>,
    /// Whether more than one search asks.
    is_for_many: bool,
    /// What [`slots`](Wanted::slots) had to test to find, for the next search.
    found: OnceCell<Vec<u32>>,
    estimate: OnceCell<usize>,
}

impl<'a> Wanted<'a> {
    pub(super) fn new(
        index: &'a VectorIndex,
        filter: Option<&'a Filter>,
        without: Vec<u32>,
    ) -> Wanted<'a> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an estimate of what is worth while"
        )]
        let budget = (index.len() as f64 * STEPS_PER_SLOT + STEPS_MIN) as usize;
        let selection = match filter {
            Some(filter) => index.attributes.select(filter, budget),
            None => Selection { slots: None, residual: false },
        };
        Wanted {
            index,
            filter,
            selection,
            without,
            is_for_many: false,
            found: OnceCell::new(),
            estimate: OnceCell::new(),
        }
    }

    /// The same for more than one search: what one has found out the next ones are told.
    pub(crate) fn for_many(self) -> Wanted<'a> {
        Wanted { is_for_many: true, ..self }
    }

    /// Whether a slot is one of them.
    #[inline]
    pub(super) fn has(&self, slot: u32) -> bool {
        self.selection.slots.as_ref().is_none_or(|slots| slots.contains(slot))
            && (!self.selection.residual || self.matches(slot))
            && !self.without.contains(&slot)
    }

    fn matches(&self, slot: u32) -> bool {
        self.filter.is_none_or(|filter| self.index.attributes.matches(slot, filter))
    }

    /// All of them.
    pub(super) fn slots(&self) -> Box<dyn Iterator<Item = u32> + '_> {
        if self.is_for_many && self.selection.residual {
            return Box::new(self.found.get_or_init(|| self.find().collect()).iter().copied());
        }
        self.find()
    }

    fn find(&self) -> Box<dyn Iterator<Item = u32> + '_> {
        let is_rest = |slot: &u32| {
            (!self.selection.residual || self.matches(*slot)) && !self.without.contains(slot)
        };
        match &self.selection.slots {
            Some(slots) => Box::new(slots.iter().filter(is_rest)),
            None if self.selection.residual || !self.without.is_empty() => {
                Box::new((0..self.index.count()).filter(is_rest))
            }
            None => Box::new(0..self.index.count()),
        }
    }

    /// About how many there are.
    pub(super) fn estimate(&self) -> usize {
        *self.estimate.get_or_init(|| self.sampled())
    }

    fn sampled(&self) -> usize {
        let listed = self.listed();
        if !self.selection.residual {
            return listed;
        }
        let step = (listed / SAMPLE).max(1);
        let sample = |slots: &mut dyn Iterator<Item = u32>| {
            let sampled: Vec<u32> = slots.step_by(step).take(SAMPLE).collect();
            let matching = sampled.iter().filter(|slot| self.matches(**slot)).count();
            listed * matching / sampled.len().max(1)
        };
        match &self.selection.slots {
            Some(slots) => sample(&mut slots.iter()),
            None => sample(&mut (0..self.index.count())),
        }
    }

    /// How many have to be tested to find all.
    pub(super) fn listed(&self) -> usize {
        self.selection.slots.as_ref().map_or(self.index.len(), |slots| slots.count())
    }

    /// Whether each has to be tested by its metadata.
    pub(super) fn is_tested(&self) -> bool {
        self.selection.residual
    }

    /// Whether all are wanted but those that are left out.
    pub(super) fn is_all(&self) -> bool {
        self.selection.slots.is_none() && !self.selection.residual
    }

    pub(super) fn explanation(&self, plan: Plan, compared: usize) -> Explanation {
        Explanation {
            plan,
            vectors: self.index.len(),
            listed: self.listed(),
            tested: self.selection.residual,
            compared,
        }
    }
}
