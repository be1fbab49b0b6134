//! The best of many.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// A document in the order of a ranking: the greater comes first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ranked {
    /// What it is ranked by; never NaN.
    pub(crate) rank: Rank,
    pub(crate) key: i64,
    pub(crate) score: f64,
    /// The segment and the document in it.
    pub(crate) segment: usize,
    pub(crate) doc: u32,
}

/// What documents are ranked by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Rank {
    /// The higher first, and of the same the lower key.
    Score(f64),
    /// The later first, and of the same the higher key: nanoseconds since 1970.
    Time(i128),
}

/// A place in a ranking: before it is what was seen already.
pub(crate) type Place = (Rank, i64);

pub(crate) fn compare((rank, key): Place, (other, other_key): Place) -> Ordering {
    match (rank, other) {
        (Rank::Score(a), Rank::Score(b)) => a.total_cmp(&b).then(other_key.cmp(&key)),
        (Rank::Time(a), Rank::Time(b)) => a.cmp(&b).then(key.cmp(&other_key)),
        (Rank::Score(_), Rank::Time(_)) => Ordering::Less,
        (Rank::Time(_), Rank::Score(_)) => Ordering::Greater,
    }
}

impl Eq for Ranked {}

impl Ord for Ranked {
    fn cmp(&self, other: &Ranked) -> Ordering {
        compare((self.rank, self.key), (other.rank, other.key))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Ranked) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The first `k` of a ranking, from a place on.
#[derive(Debug)]
pub(crate) struct Top {
    k: usize,
    after: Option<Place>,
    heap: BinaryHeap<Reverse<Ranked>>,
    /// Lower scores need not be looked at.
    least: f64,
}

impl Top {
    pub(crate) fn new(k: usize, after: Option<Place>) -> Top {
        let least = if k == 0 { f64::INFINITY } else { f64::NEG_INFINITY };
        Top { k, after, heap: BinaryHeap::new(), least }
    }

    /// A score below this is none of the first, whatever the key.
    #[inline]
    pub(crate) fn least(&self) -> f64 {
        self.least
    }

    pub(crate) fn add(&mut self, ranked: Ranked) {
        let place = (ranked.rank, ranked.key);
        let is_before = |after: Place| compare(place, after) != Ordering::Less;
        if self.k == 0 || self.after.is_some_and(is_before) {
            return;
        }
        if self.heap.len() < self.k {
            self.heap.push(Reverse(ranked));
        } else if let Some(mut worst) = self.heap.peek_mut()
            && ranked > worst.0
        {
            *worst = Reverse(ranked);
        }
        if self.heap.len() == self.k
            && let Some(Reverse(Ranked { rank: Rank::Score(score), .. })) = self.heap.peek()
        {
            self.least = *score;
        }
    }

    /// The first ones, best first.
    pub(crate) fn into_sorted(self) -> Vec<Ranked> {
        self.heap.into_sorted_vec().into_iter().map(|Reverse(ranked)| ranked).collect()
    }
}
