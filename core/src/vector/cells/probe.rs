//! Looking for the vectors nearest to a query by their codes, cell by cell.

use super::{Cells, Ranking};
use crate::vector::codes::{Blocks, Query};
use crate::vector::kernels::lookup::BLOCK;
use crate::vector::kernels::{Kernels, prefetch};

/// How hard a search looks that need not be exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// How many vectors it looks at by their codes.
    pub scanned: usize,
    /// How many of these it compares with the query itself.
    pub candidates: usize,
}

/// What was found by codes.
#[derive(Debug)]
pub(in crate::vector) struct Candidates {
    /// Slots of vectors that are likely the nearest, the nearest first.
    pub(in crate::vector) slots: Vec<u32>,
    /// How many vectors were looked at.
    pub(in crate::vector) scanned: usize,
    /// In how many cells.
    pub(in crate::vector) cells: usize,
    /// Whether there are no others that match.
    pub(in crate::vector) complete: bool,
}

impl Effort {
    /// What finds about 99 of 100 true results, of `k` each, among so many vectors of so many
    /// elements; 98 from a hundred thousand vectors on.
    ///
    /// Measured on text embeddings of 384 elements. The fewer elements, the less their signs say,
    /// and the more have to be compared, each of which costs less. The more vectors, the smaller
    /// the part of them that is looked at, but the more there are in it.
    pub fn of(k: usize, dimensions: usize, vectors: usize) -> Effort {
        let wanted = k.max(10);
        let per_result = 8 * (384 / dimensions.max(1)).clamp(1, 8);
        let usual = Effort {
            scanned: wanted.saturating_mul(1_700),
            candidates: wanted.saturating_mul(per_result),
        };
        usual.times(vectors as f64 / 50_000.0, 0.2)
    }

    /// What is needed for the same recall when only some of all vectors match.
    pub(in crate::vector) fn among(self, matching: usize, all: usize) -> Effort {
        if matching == 0 {
            return self;
        }
        self.times(all as f64 / matching as f64, 0.25)
    }

    /// Looks at `ratio.powf(power)` times as many, where that is more.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate"
    )]
    fn times(self, ratio: f64, power: f64) -> Effort {
        let scanned = self.scanned as f64 * ratio.powf(power).max(1.0);
        Effort { scanned: scanned as usize, ..self }
    }
}

/// How often more candidates than wanted are gathered before the farther ones are dropped.
const SURPLUS: usize = 4;

/// Beside the cells that are to be looked into, one for so many of them is compared by its centre,
/// and some more.
const RANKED_BESIDE: usize = 4;
const RANKED_MORE: usize = 16;

/// So many cells ahead of the one that is looked into.
const NEXT: usize = 2;
const LATER: usize = 6;

/// Candidates that are gathered, each with its key.
#[derive(Debug)]
struct Gathered {
    most: usize,
    found: Vec<(f32, u32)>,
    bound: f32,
}

impl Gathered {
    fn new(most: usize) -> Gathered {
        Gathered {
            most,
            found: Vec::with_capacity(most.saturating_mul(SURPLUS).min(1 << 16) + BLOCK),
            bound: f32::INFINITY,
        }
    }

    fn offer(&mut self, key: f32, number: u32) {
        self.found.push((key, number));
    }

    /// The key that a candidate has to be below.
    fn bound(&mut self) -> f32 {
        if self.found.len() >= self.most.saturating_mul(SURPLUS).max(BLOCK) {
            self.keep_nearest();
        }
        self.bound
    }

    /// Drops all but the nearest.
    fn keep_nearest(&mut self) {
        if self.most == 0 || self.found.len() <= self.most {
            return;
        }
        let order = |a: &(f32, u32), b: &(f32, u32)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
        let (.., bound, _) = self.found.select_nth_unstable_by(self.most - 1, order);
        self.bound = bound.0;
        self.found.truncate(self.most);
    }

    /// The nearest, in order.
    fn into_sorted(mut self) -> Vec<u32> {
        self.keep_nearest();
        self.found.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        self.found.into_iter().map(|(_, number)| number).collect()
    }
}

impl Cells {
    /// The cells nearest to a query by the codes of their centres.
    pub(super) fn near_query(&self, kernels: &Kernels, query: &Query, most: usize) -> Vec<u32> {
        let mut gathered = Gathered::new(most);
        gather(&self.centre_codes, kernels, query, 0.0, &mut gathered, |place| {
            Some(u32::try_from(place).unwrap_or(u32::MAX))
        });
        gathered.into_sorted()
    }

    /// The `most` cells nearest to a query and some more, in no order.
    fn ranked(&self, kernels: &Kernels, query: &Query, most: usize) -> Vec<RankedCell> {
        let cells = u32::try_from(self.cells.len()).unwrap_or(u32::MAX);
        let compared = most.saturating_add(most / RANKED_BESIDE).saturating_add(RANKED_MORE);
        let near: Vec<u32> = match compared < self.cells.len() {
            true => self.near_query(kernels, query, compared),
            false => (0..cells).collect(),
        };
        let mut dots = vec![0.0; near.len()];
        self.centres.dot(kernels, &query.rotated, &near, &mut dots);
        let ranks = near.iter().zip(dots).map(|(cell, dot)| {
            let facts = self.facts[*cell as usize];
            let squared = facts.square - 2.0 * dot;
            let inner = -(dot + facts.origin);
            let of = |ranking| if ranking == Ranking::Squared { squared } else { inner };
            RankedCell { rank: of(self.cell_ranking()), cell: *cell, base: of(self.ranking()) }
        });
        ranks.collect()
    }

    /// The slots of vectors that are likely the nearest among those that match.
    ///
    /// At least as many as `effort` asks for, or all that match when they are fewer.
    pub(in crate::vector) fn candidates(
        &self,
        kernels: &Kernels,
        query: &Query,
        effort: Effort,
        matches: impl Fn(u32) -> bool,
    ) -> Candidates {
        let gathered = Gathered::new(effort.candidates);
        let mut probe =
            Probe { cells: self, kernels, query, effort, gathered, scanned: 0, matches };
        let mean = (self.places.len() / self.cells.len().max(1)).max(1);
        let mut ranked =
            self.ranked(kernels, query, effort.scanned.div_ceil(mean).saturating_add(1));
        let mut visited = probe.visit(&mut ranked);
        if visited == ranked.len() && visited < self.cells.len() {
            let mut is_seen = vec![false; self.cells.len()];
            ranked.iter().for_each(|it| is_seen[it.cell as usize] = true);
            let mut others = self.ranked(kernels, query, usize::MAX);
            others.retain(|it| !is_seen[it.cell as usize]);
            visited += probe.visit(&mut others);
        }
        let Probe { gathered, scanned, matches, .. } = probe;
        let complete = visited == self.cells.len() && gathered.found.len() <= effort.candidates;
        let mut slots = gathered.into_sorted();
        slots.extend(self.uncoded.iter().filter(|slot| matches(**slot)));
        Candidates { slots, scanned, cells: visited, complete }
    }
}

/// A search through cells.
struct Probe<'a, M> {
    cells: &'a Cells,
    kernels: &'a Kernels,
    query: &'a Query,
    effort: Effort,
    gathered: Gathered,
    /// How many vectors were looked at.
    scanned: usize,
    /// Whether the vector in a slot is wanted.
    matches: M,
}

impl<M: Fn(u32) -> bool> Probe<'_, M> {
    /// Asks for what the cells that are next read, and for where those after them have it.
    fn prefetch(&self, cells: &[RankedCell]) {
        let cell = |at: usize| cells.get(at).map(|it| &self.cells.cells[it.cell as usize]);
        if let Some(later) = cell(LATER) {
            prefetch(std::slice::from_ref(later));
        }
        if let Some(next) = cell(NEXT) {
            next.codes.prefetch();
            prefetch(&next.slots);
        }
    }

    fn is_enough(&self) -> bool {
        self.scanned >= self.effort.scanned && self.gathered.found.len() >= self.effort.candidates
    }

    /// Looks into cells, the nearest first, until it is enough, and says into how many.
    fn visit(&mut self, ranked: &mut [RankedCell]) -> usize {
        const AT_ONCE: usize = 64;
        let mut visited = 0;
        while visited < ranked.len() {
            // Only as many are put in order as are needed.
            let rest = &mut ranked[visited..];
            let some = rest.len().min(AT_ONCE);
            if some < rest.len() {
                rest.select_nth_unstable_by(some - 1, RankedCell::order);
            }
            let some = &mut rest[..some];
            some.sort_unstable_by(RankedCell::order);
            for (at, RankedCell { cell, base, .. }) in some.iter().enumerate() {
                if self.is_enough() {
                    return visited;
                }
                self.prefetch(&some[at..]);
                let of = &self.cells.cells[*cell as usize];
                gather(&of.codes, self.kernels, self.query, *base, &mut self.gathered, |place| {
                    Some(of.slots[place]).filter(|slot| (self.matches)(*slot))
                });
                self.scanned += of.slots.len();
                visited += 1;
            }
        }
        visited
    }
}

/// A cell as a query sees it.
#[derive(Debug, Clone, Copy)]
struct RankedCell {
    rank: f32,
    cell: u32,
    base: f32,
}

impl RankedCell {
    fn order(&self, other: &RankedCell) -> std::cmp::Ordering {
        self.rank.total_cmp(&other.rank).then(self.cell.cmp(&other.cell))
    }
}

/// Offers what of some codes is below the bound and has a number.
fn gather(
    codes: &Blocks,
    kernels: &Kernels,
    query: &Query,
    base: f32,
    gathered: &mut Gathered,
    number: impl Fn(usize) -> Option<u32>,
) {
    let bound = gathered.bound;
    codes.scan(kernels, query, base, bound, |places, keys| {
        let bound = gathered.bound;
        for (place, key) in places.zip(keys) {
            if *key < bound
                && let Some(number) = number(place)
            {
                gathered.offer(*key, number);
            }
        }
        gathered.bound()
    });
}
