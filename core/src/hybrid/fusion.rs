//! Bringing two rankings together.

use crate::error::{Error, Result};

/// What words count, and what nearness.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MemoryWeights {
    /// Of what is found by words.
    pub text: f64,
    /// Of what is found by nearness.
    pub vector: f64,
}

impl Default for MemoryWeights {
    /// Both the same.
    fn default() -> MemoryWeights {
        MemoryWeights { text: 1.0, vector: 1.0 }
    }
}

impl MemoryWeights {
    pub(super) fn validate(self) -> Result<()> {
        let is_weight = |weight: f64| weight >= 0.0 && weight.is_finite();
        if is_weight(self.text) && is_weight(self.vector) {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "weights of {} and {}: give finite numbers from 0 on",
            self.text, self.vector
        )))
    }
}

/// How two rankings are brought together.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Fusion {
    /// Reciprocal rank fusion (Cormack, Clarke and Buettcher, SIGIR 2009): a record gets the weight
    /// divided by `k` and its rank, of each ranking that has it. Scores of different kinds need not
    /// be comparable.
    ReciprocalRank {
        /// The larger, the less the first places stand out.
        k: f64,
    },
    /// The weighted mean of the scores, each brought to between 0, for the last candidate, and 1,
    /// for the best.
    Scores,
}

impl Default for Fusion {
    /// Reciprocal ranks with 60.
    fn default() -> Fusion {
        Fusion::ReciprocalRank { k: 60.0 }
    }
}

impl Fusion {
    pub(super) fn validate(self) -> Result<()> {
        match self {
            Fusion::ReciprocalRank { k } if !(k >= 0.0 && k.is_finite()) => {
                Err(Error::invalid(format!("a k of {k} for reciprocal ranks: give one from 0 on")))
            }
            _ => Ok(()),
        }
    }
}

/// Where one thing is in a ranking, and how good it is there: the higher, the better.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ranked {
    /// From 1.
    pub(crate) rank: usize,
    pub(crate) score: f64,
}

/// The scores of things out of their places in two rankings.
pub(crate) fn fuse(
    places: &[[Option<Ranked>; 2]],
    weights: MemoryWeights,
    fusion: Fusion,
) -> Vec<f64> {
    let weights = [weights.text, weights.vector];
    let spans = [0, 1].map(|list| {
        let scores = || places.iter().filter_map(|place| place[list]).map(|found| found.score);
        (scores().fold(f64::INFINITY, f64::min), scores().fold(f64::NEG_INFINITY, f64::max))
    });
    let total: f64 = weights.iter().sum();
    let part = |list: usize, found: Ranked| match fusion {
        Fusion::ReciprocalRank { k } => weights[list] / (k + found.rank as f64),
        Fusion::Scores => {
            let (least, most) = spans[list];
            // Of equal ones all are the best.
            let share = if most > least { (found.score - least) / (most - least) } else { 1.0 };
            weights[list] * share / if total > 0.0 { total } else { 1.0 }
        }
    };
    let score = |place: &[Option<Ranked>; 2]| {
        let parts = place.iter().enumerate();
        parts.filter_map(|(list, found)| found.map(|found| part(list, found))).sum()
    };
    places.iter().map(score).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::test;

    fn place(rank: usize, score: f64) -> Option<Ranked> {
        Some(Ranked { rank, score })
    }

    #[test]
    fn what_both_find_comes_first_by_rank() {
        let places =
            [[place(1, 9.0), None], [place(2, 8.0), place(1, -0.1)], [None, place(2, -0.2)]];
        let scores = fuse(&places, MemoryWeights::default(), Fusion::default());
        assert_eq!(scores, [1.0 / 61.0, 1.0 / 62.0 + 1.0 / 61.0, 1.0 / 62.0]);
        let text_only = MemoryWeights { text: 1.0, vector: 0.0 };
        assert_eq!(fuse(&places, text_only, Fusion::default())[2], 0.0);
    }

    #[test]
    fn scores_are_brought_to_the_same_scale() {
        let places = [
            [place(1, 30.0), None],
            [place(2, 20.0), place(2, -4.0)],
            [place(3, 10.0), place(1, -2.0)],
        ];
        let weights = MemoryWeights { text: 3.0, vector: 1.0 };
        assert_eq!(fuse(&places, weights, Fusion::Scores), [0.75, 0.375, 0.25]);
        let alone = [[place(1, 5.0), None]];
        assert_eq!(fuse(&alone, MemoryWeights::default(), Fusion::Scores), [0.5]);
    }
}
