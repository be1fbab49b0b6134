//! Comparing rows with a query, in blocks.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::VectorIndex;
use super::distance::{Bound, Measure, RowNorm};
use super::search::HitCursor;

/// Rows per call of the kernels: enough to forget the cost of the call, few enough for the sums to
/// stay in the first-level cache.
const BLOCK_ROWS: usize = 256;

/// A row that may be among the nearest. Ordered by distance, then by id.
#[derive(Debug)]
pub(super) struct Candidate<'a> {
    pub(super) distance: f64,
    pub(super) id: &'a str,
    pub(super) slot: u32,
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

/// What is asked of results beside being near.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits<'a> {
    /// They come after this.
    pub(super) after: Option<&'a HitCursor>,
    /// They are no farther than this.
    pub(super) farthest: f64,
}

impl Limits<'_> {
    pub(super) const NONE: Limits<'static> = Limits { after: None, farthest: f64::INFINITY };

    fn hold(&self, candidate: &Candidate<'_>) -> bool {
        let comes_after = |cursor: &HitCursor| cursor.is_before(candidate.distance, candidate.id);
        candidate.distance <= self.farthest && self.after.is_none_or(comes_after)
    }
}

/// The `k` nearest of some rows to a finite query, nearest first.
pub(super) fn nearest_of<'a>(
    index: &'a VectorIndex,
    query: &[f32],
    k: usize,
    limits: Limits<'_>,
    slots: impl Iterator<Item = u32>,
) -> Vec<Candidate<'a>> {
    let measure = Measure::new(index.metric, query);
    let bound =
        if limits.farthest.is_finite() { measure.bound(limits.farthest) } else { Bound::NONE };
    let k = k.min(index.len());
    let mut scan = Scan { index, measure, k, limits, nearest: BinaryHeap::new(), bound };
    if scan.k > 0 {
        scan.rows(slots);
    }
    scan.nearest.into_sorted_vec()
}

/// How far each of some rows is from a finite query.
pub(super) fn distances(index: &VectorIndex, query: &[f32], slots: &[u32]) -> Vec<f64> {
    let measure = Measure::new(index.metric, query);
    let mut sums = vec![0.0; slots.len()];
    measure.sums(&index.elements, slots, &mut sums);
    let distance = |(slot, sum): (&u32, f32)| {
        let at = *slot as usize;
        measure.distance(sum, index.norms.row(at)[0], || index.elements.get(at))
    };
    slots.iter().zip(sums).map(distance).collect()
}

struct Scan<'a, 'q> {
    index: &'a VectorIndex,
    measure: Measure<'q>,
    /// At least one.
    k: usize,
    limits: Limits<'q>,
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
        self.measure.sums(&self.index.elements, slots, sums);
        for (slot, sum) in slots.iter().zip(&*sums) {
            let norm = self.index.norms.row(*slot as usize)[0];
            if !self.measure.is_beyond(self.bound, *sum, norm) {
                self.offer(*slot, *sum, norm);
            }
        }
    }

    fn offer(&mut self, slot: u32, sum: f32, norm: RowNorm) {
        let row = || self.index.elements.get(slot as usize);
        let distance = self.measure.distance(sum, norm, row);
        let candidate = Candidate { distance, id: self.index.ids.get(slot), slot };
        if !self.limits.hold(&candidate) {
            return;
        }
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
