//! How many of the true results the searches of an index find.

use super::{Hit, SearchOptions, VectorIndex};

/// What [`VectorIndex::recall_check`] found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recall {
    /// How many searches were made.
    pub searches: usize,
    /// How many results each was asked for.
    pub k: usize,
    /// The share of the true results that were found, from 0 to 1.
    pub recall: f64,
}

impl VectorIndex {
    /// Compares usual searches with exact ones, for `sample` of the vectors that are there.
    ///
    /// A result counts when it is no farther than the last of the exact ones. Takes as long as
    /// that many exact searches, and can be called at any time.
    ///
    /// ```
    /// use sigil_core::{Metadata, Metric, VectorIndex};
    /// let mut index = VectorIndex::new(1, Metric::L2)?;
    /// index.add("a", &[1.0], Metadata::new())?;
    /// index.add("b", &[2.0], Metadata::new())?;
    /// let check = index.recall_check(10, 5);
    /// assert_eq!((check.searches, check.recall), (2, 1.0));
    /// # Ok::<(), sigil_core::Error>(())
    /// ```
    pub fn recall_check(&self, sample: usize, k: usize) -> Recall {
        let mut tally = Tally::new(k);
        let usual = SearchOptions::default();
        let exact = SearchOptions { exact: true, ..SearchOptions::default() };
        for id in self.sample(sample) {
            let query = self.get(id).map(|held| held.vector).unwrap_or_default();
            let of = |options| self.search(&query, k, options).unwrap_or_default();
            tally.add(&of(&exact), &of(&usual));
        }
        tally.recall()
    }

    /// Some of the ids, spread over all slots.
    pub(crate) fn sample(&self, count: usize) -> Vec<&str> {
        let all = u64::from(self.count());
        let count = u64::try_from(count).unwrap_or(u64::MAX).min(all);
        let slots = (0..count).map(|number| number * all / count);
        slots.map(|slot| self.ids.get(u32::try_from(slot).unwrap_or(u32::MAX))).collect()
    }
}

/// Counts the true results that searches find.
#[derive(Debug)]
pub(crate) struct Tally {
    searches: usize,
    k: usize,
    found: usize,
    wanted: usize,
}

impl Tally {
    pub(crate) fn new(k: usize) -> Tally {
        Tally { searches: 0, k, found: 0, wanted: 0 }
    }

    /// Takes the true results of a search, and those that were found.
    pub(crate) fn add(&mut self, true_ones: &[Hit], got: &[Hit]) {
        let farthest = true_ones.last().map_or(f64::INFINITY, |hit| hit.distance);
        self.searches += 1;
        self.found += got.iter().filter(|hit| hit.distance <= farthest).count();
        self.wanted += true_ones.len();
    }

    pub(crate) fn recall(&self) -> Recall {
        let Tally { searches, k, found, wanted } = *self;
        #[expect(clippy::cast_precision_loss, reason = "a share of some thousands")]
        let recall = if wanted == 0 { 1.0 } else { found as f64 / wanted as f64 };
        Recall { searches, k, recall }
    }
}
