//! Results that differ from each other.
//!
//! Maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998): one result after the other is
//! chosen, by how good it is and how like what was chosen already it is not.

use std::collections::BTreeSet;

/// What the likeness of two results is told by.
#[derive(Debug, Clone, Default)]
pub(crate) struct Features {
    pub(crate) vector: Option<Vec<f32>>,
    pub(crate) words: BTreeSet<String>,
}

impl Features {
    /// From 0, nothing in common, to 1, the same.
    fn likeness(&self, other: &Features) -> f64 {
        if let (Some(a), Some(b)) = (&self.vector, &other.vector) {
            let sum = |a: &[f32], b: &[f32]| -> f64 {
                a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
            };
            let norms = (sum(a, a) * sum(b, b)).sqrt();
            return if norms > 0.0 { (sum(a, b) / norms).clamp(0.0, 1.0) } else { 0.0 };
        }
        let shared = self.words.intersection(&other.words).count() as f64;
        let all = self.words.union(&other.words).count();
        if all == 0 { 0.0 } else { shared / all as f64 }
    }
}

/// The places of the `k` results to give, in the order in which they are chosen.
///
/// `scores` are from the best on.
pub(crate) fn diversify(
    scores: &[f64],
    features: &[Features],
    diversity: f64,
    k: usize,
) -> Vec<usize> {
    let best = scores.first().copied().unwrap_or(1.0);
    let relevance = |n: usize| if best > 0.0 { scores[n] / best } else { 0.0 };
    let mut left: Vec<(usize, f64)> = (0..scores.len()).map(|n| (n, 0.0)).collect();
    let mut chosen = Vec::new();
    while chosen.len() < k && !left.is_empty() {
        let value = |(n, like): &(usize, f64)| (1.0 - diversity) * relevance(*n) - diversity * like;
        let mut next = 0;
        for at in 1..left.len() {
            // Of equal ones the better one.
            if value(&left[at]) > value(&left[next]) {
                next = at;
            }
        }
        let (n, _) = left.remove(next);
        for (other, like) in &mut left {
            *like = like.max(features[n].likeness(&features[*other]));
        }
        chosen.push(n);
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::test;

    fn words(text: &str) -> Features {
        Features { vector: None, words: text.split(' ').map(str::to_owned).collect() }
    }

    #[test]
    fn what_was_said_already_comes_later() {
        let features = [words("red fox"), words("red fox"), words("blue whale")];
        let scores = [1.0, 0.9, 0.5];
        assert_eq!(diversify(&scores, &features, 0.0, 3), [0, 1, 2]);
        assert_eq!(diversify(&scores, &features, 0.5, 3), [0, 2, 1]);
        assert_eq!(diversify(&scores, &features, 0.5, 1), [0]);
        assert_eq!(diversify(&[], &[], 0.5, 3), [0; 0]);
    }

    #[test]
    fn vectors_tell_more_than_words() {
        let vector = |a, b| Features { vector: Some(vec![a, b]), ..words("same words") };
        let features = [vector(1.0, 0.0), vector(0.9, 0.1), vector(0.0, 1.0)];
        assert_eq!(diversify(&[1.0, 1.0, 0.9], &features, 0.5, 2), [0, 2]);
    }
}
