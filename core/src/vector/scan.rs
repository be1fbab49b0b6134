//! The exact search: every row that the filter lets through, in blocks.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::VectorIndex;
use super::distance::{Bound, Measure};
use super::filter::Filter;
use super::kernels::Rows;

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
        None => scan.rows(0..index.count()),
        Some(filter) => {
            let matches = |slot: &u32| filter.matches(&index.metadata[*slot as usize]);
            scan.rows((0..index.count()).filter(matches));
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
    /// Compares the rows with the query, a block at a time.
    fn rows(&mut self, mut slots: impl Iterator<Item = u32>) {
        let mut block = [0; BLOCK_ROWS];
        loop {
            let mut len = 0;
            for (place, slot) in block.iter_mut().zip(slots.by_ref()) {
                *place = slot;
                len += 1;
            }
            if len == 0 {
                return;
            }
            self.block(&block[..len]);
        }
    }

    fn block(&mut self, slots: &[u32]) {
        let mut sums = [0.0_f32; BLOCK_ROWS];
        let sums = &mut sums[..slots.len()];
        let (matrix, dimensions) = (&self.index.vectors, self.index.dimensions);
        self.measure.sums(Rows { matrix, dimensions, slots }, sums);
        for (slot, sum) in slots.iter().zip(&*sums) {
            let slot = *slot as usize;
            let squared_norm = self.index.squared_norms[slot];
            if !self.measure.is_beyond(self.bound, *sum, squared_norm) {
                self.offer(slot, *sum, squared_norm);
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
