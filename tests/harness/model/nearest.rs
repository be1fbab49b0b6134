//! The nearest vectors by looking at all of them, in 64-bit floats.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sigil_core::{Hit, Metric};

use super::filter::matches;

/// A vector and its metadata.
pub type Row = (Vec<f32>, Value);

/// The distance as [`Metric`] defines it.
pub fn distance(metric: Metric, a: &[f32], b: &[f32]) -> f64 {
    let sum = |term: fn(f64, f64) -> f64| -> f64 {
        a.iter().zip(b).map(|(a, b)| term(f64::from(*a), f64::from(*b))).sum()
    };
    match metric {
        Metric::L2 => sum(|a, b| (a - b) * (a - b)).sqrt(),
        // Not the negation, which would make a negative zero.
        Metric::Dot => 0.0 - sum(|a, b| a * b),
        Metric::Cosine => {
            let norms = sum(|a, _| a * a).sqrt() * sum(|_, b| b * b).sqrt();
            if norms == 0.0 { 1.0 } else { 1.0 - sum(|a, b| a * b) / norms }
        }
    }
}

/// How far two computations of one distance may differ.
fn tolerance(metric: Metric, query: &[f32], row: &[f32], exact: bool) -> f64 {
    if exact {
        return 1e-9;
    }
    let norm = |v: &[f32]| v.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
    let relative = 1e-6 * f64::from(u32::try_from(query.len()).unwrap_or(u32::MAX)).sqrt();
    match metric {
        Metric::Cosine => relative,
        Metric::Dot => relative * norm(query) * norm(row) + f64::MIN_POSITIVE,
        Metric::L2 => relative * (norm(query) + norm(row)) + f64::MIN_POSITIVE,
    }
}

/// Compares the hits of a search with what looking at every row finds.
///
/// `exact` says that the sums of these vectors are exact in 32-bit floats: then the ids have to be
/// the same wherever distances differ, and equal distances go by id. Otherwise rows may change
/// places that are nearer to each other than rounding.
///
/// # Errors
/// What is different, for people.
pub fn check_hits(
    metric: Metric,
    rows: &BTreeMap<String, Row>,
    query: &[f32],
    k: usize,
    filter: Option<&Value>,
    hits: &[Hit],
    exact: bool,
) -> Result<(), String> {
    let mut expected: Vec<(f64, &str)> = rows
        .iter()
        .filter(|(_, (_, metadata))| filter.is_none_or(|filter| matches(filter, metadata)))
        .map(|(id, (vector, _))| (distance(metric, query, vector), id.as_str()))
        .collect();
    expected.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(b.1)));
    let matching: BTreeSet<&str> = expected.iter().map(|(_, id)| *id).collect();
    if hits.len() != k.min(expected.len()) {
        return Err(format!("{} hits for k = {k}, {} rows match", hits.len(), expected.len()));
    }
    if !hits.is_sorted_by(|a, b| (a.distance, &a.id) < (b.distance, &b.id)) {
        return Err("the hits are not ordered by distance and id, each once".to_owned());
    }
    for (place, (hit, wanted)) in hits.iter().zip(&expected).enumerate() {
        let at = format!("hit {place}, '{}' at {}", hit.id, hit.distance);
        if !matching.contains(hit.id.as_str()) {
            return Err(format!("{at}: it does not match {filter:?}"));
        }
        let (vector, metadata) = &rows[&hit.id];
        if hit.metadata != super::to_metadata(metadata) {
            return Err(format!("{at}: its metadata are {}, not {metadata}", hit.metadata));
        }
        let naive = distance(metric, query, vector);
        let slack = tolerance(metric, query, vector, exact).max(tolerance(
            metric,
            query,
            &rows[wanted.1].0,
            exact,
        ));
        if (naive - hit.distance).abs() > slack {
            return Err(format!("{at}: its distance is {naive}"));
        }
        if (naive - wanted.0).abs() > slack {
            return Err(format!("{at}: '{}' at {} belongs there", wanted.1, wanted.0));
        }
        // Cosines of parallel vectors are equal, and differ by rounding all the same; that the hits
        // are in the order of their own distances and ids was seen above.
        if exact && metric != Metric::Cosine && hit.id != wanted.1 {
            return Err(format!("{at}: the tie belongs to '{}'", wanted.1));
        }
    }
    Ok(())
}
