//! The exact search: every row that the filter lets through, in blocks.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::ops::Range;

use super::VectorIndex;
use super::distance::{Bound, Measure};
use super::filter::Filter;

/// Rows per call of the kernels: enough to forget the cost of the call, few enough for the sums to
/// stay in the first-level cache.
const BLOCK_ROWS: usize = 256;

/// A row that may be among the nearest. Ordered by distance, then by id.
#[derive(Debug)]
pub(super) struct Candidate<'a> {
    pub(super) distance: f64,
    pub(super) id: &'a str,
    pub(super) slot: usize,
}

impl Ord for Candidate<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.distance.total_cmp(&other.distance).then_with(|| self.id.cmp(other.id))
    }
}

impl PartialOrd for Candidate<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Candidate<'_> {}

/// The `k` nearest rows to a finite query, nearest first.
pub(super) fn nearest<'a>(
    index: &'a VectorIndex,
    query: &[f32],
    k: usize,
    filter: Option<&Filter>,
) -> Vec<Candidate<'a>> {
    let mut scan = Scan {
        index,
        measure: Measure::new(index.metric, query),
        k: k.min(index.len()),
        nearest: BinaryHeap::new(),
        bound: Bound::NONE,
    };
    if scan.k == 0 {
        return Vec::new();
    }
    match filter {
        None => scan.rows(0..index.len()),
        Some(filter) => {
            let matches = |slot: &usize| filter.matches(&index.metadata[*slot]);
            let mut slots = (0..index.len()).filter(matches).peekable();
            // Matching rows that lie together are compared together.
            while let Some(start) = slots.next() {
                let mut end = start + 1;
                while slots.next_if_eq(&end).is_some() {
                    end += 1;
                }
                scan.rows(start..end);
            }
        }
    }
    scan.nearest.into_sorted_vec()
}

struct Scan<'a, 'q> {
    index: &'a VectorIndex,
    measure: Measure<'q>,
    /// At least one.
    k: usize,
    /// The farthest on top.
    nearest: BinaryHeap<Candidate<'a>>,
    /// Of the farthest, once there are `k`.
    bound: Bound,
}

impl Scan<'_, '_> {
    fn rows(&mut self, slots: Range<usize>) {
        let mut sums = [0.0_f32; BLOCK_ROWS];
        for start in slots.clone().step_by(BLOCK_ROWS) {
            let block = start..slots.end.min(start + BLOCK_ROWS);
            let dimensions = self.index.dimensions;
            let rows = &self.index.vectors[block.start * dimensions..block.end * dimensions];
            let sums = &mut sums[..block.len()];
            self.measure.sums(rows, sums);
            for ((slot, sum), norm) in
                block.clone().zip(&*sums).zip(&self.index.squared_norms[block])
            {
                if !self.measure.is_beyond(self.bound, *sum, *norm) {
                    self.offer(slot, *sum, *norm);
                }
            }
        }
    }

    fn offer(&mut self, slot: usize, sum: f32, squared_norm: f64) {
        let distance = self.measure.distance(sum, squared_norm, self.index.row(slot));
        let candidate = Candidate { distance, id: &self.index.ids[slot], slot };
        if self.nearest.len() < self.k {
            self.nearest.push(candidate);
        } else if let Some(mut farthest) = self.nearest.peek_mut()
            && candidate < *farthest
        {
            *farthest = candidate;
        } else {
            return;
        }
        if self.nearest.len() == self.k
            && let Some(farthest) = self.nearest.peek()
        {
            self.bound = self.measure.bound(farthest.distance);
        }
    }
}
