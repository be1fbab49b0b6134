//! Results that differ from each other.

use super::{Found, Request, SearchOptions, VectorIndex};
use crate::vector::metric::Metric;
use crate::vector::scan::{self, Candidate};

/// Results are chosen from so many times more.
const POOL: usize = 4;

impl SearchOptions {
    /// How many of the nearest `k` results are chosen from.
    pub(crate) fn pool(&self, k: usize) -> usize {
        if self.diversity.is_some() { k.saturating_mul(POOL) } else { k }
    }
}

impl VectorIndex {
    /// Chooses one result after another: the nearest first, then what is near the query and far
    /// from those chosen, weighed by `diversity`.
    pub(super) fn find_diverse(&self, request: Request<'_>, diversity: f64) -> Found<'_> {
        let Request { k, .. } = request;
        let wider = Request { k: request.options.pool(k), ..request };
        let mut found = self.find_nearest(wider);
        let mut pool = std::mem::take(&mut found.nearest);
        // How near each of the pool is to the nearest of those chosen.
        let mut nearest_chosen = vec![f64::NEG_INFINITY; pool.len()];
        while found.nearest.len() < k && !pool.is_empty() {
            let score = |at: &usize| {
                let relevance = similarity(self.metric, pool[*at].distance);
                if nearest_chosen[*at] == f64::NEG_INFINITY {
                    return relevance;
                }
                (1.0 - diversity) * relevance - diversity * nearest_chosen[*at]
            };
            // Of equal ones the nearest, which comes first.
            let best = (0..pool.len()).rev().max_by(|a, b| score(a).total_cmp(&score(b)));
            let Some(best) = best else { break };
            nearest_chosen.remove(best);
            let chosen = pool.remove(best);
            for (near, similar) in nearest_chosen.iter_mut().zip(self.similar(&chosen, &pool)) {
                *near = near.max(similar);
            }
            found.nearest.push(chosen);
        }
        found
    }

    /// How similar one vector is to each of some others.
    fn similar(&self, one: &Candidate<'_>, others: &[Candidate<'_>]) -> Vec<f64> {
        let vector = self.elements.get(one.slot as usize);
        let slots: Vec<u32> = others.iter().map(|other| other.slot).collect();
        let distances = scan::distances(self, &vector, &slots);
        distances.into_iter().map(|distance| similarity(self.metric, distance)).collect()
    }
}

/// How similar two vectors at a distance are: the more the nearer.
fn similarity(metric: Metric, distance: f64) -> f64 {
    match metric {
        Metric::Cosine => 1.0 - distance,
        Metric::L2 => (1.0 + distance).recip(),
        Metric::Dot => -distance,
    }
}
