//! How many of the true results the searches of an index find.

use super::{SearchOptions, VectorIndex};

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
        let searches = sample.min(self.len());
        let (mut found, mut wanted) = (0_usize, 0_usize);
        let usual = SearchOptions::default();
        let exact = SearchOptions { exact: true, ..SearchOptions::default() };
        for number in 0..searches {
            // Spread over all slots.
            let slot = number * self.len() / searches;
            let query = self.elements.get(slot);
            let distances = |options| match self.search(&query, k, options) {
                Ok(hits) => hits.into_iter().map(|hit| hit.distance).collect(),
                Err(_) => Vec::new(),
            };
            let (true_ones, got): (Vec<f64>, Vec<f64>) = (distances(&exact), distances(&usual));
            let farthest = true_ones.last().copied().unwrap_or(f64::INFINITY);
            found += got.iter().filter(|distance| **distance <= farthest).count();
            wanted += true_ones.len();
        }
        #[expect(clippy::cast_precision_loss, reason = "a share of some thousands")]
        let recall = if wanted == 0 { 1.0 } else { found as f64 / wanted as f64 };
        Recall { searches, k, recall }
    }
}
