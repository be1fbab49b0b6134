use std::collections::BTreeMap;

use super::*;
use crate::host::{FixedHost, Host};
use crate::testing::test;

/// Reproducible numbers for random tests.
struct Random(FixedHost);

impl Random {
    fn below(&self, n: usize) -> usize {
        let mut bytes = [0; 4];
        self.0.fill_random(&mut bytes);
        u32::from_le_bytes(bytes) as usize % n
    }

    /// Small whole numbers, so that equal distances are common.
    fn vector(&self, dimensions: usize) -> Vec<f32> {
        (0..dimensions).map(|_| f32::from(u8::try_from(self.below(5)).unwrap()) - 2.0).collect()
    }
}

fn metadata(text: &str) -> Metadata {
    Metadata::from_json(text).unwrap()
}

fn ids(hits: &[Hit]) -> Vec<&str> {
    hits.iter().map(|hit| &*hit.id).collect()
}

fn all() -> SearchOptions {
    SearchOptions::default()
}

#[test]
fn add_replace_get_and_remove() {
    let mut index = VectorIndex::new(2, Metric::L2).unwrap();
    assert!(!index.add("a", &[1.0, 0.0], metadata(r#"{"n": 1}"#)).unwrap());
    assert!(!index.add("b", &[2.0, 0.0], Metadata::new()).unwrap());
    assert!(!index.add("c", &[3.0, 0.0], Metadata::new()).unwrap());
    assert!(index.add("a", &[4.0, 0.0], metadata(r#"{"n": 2}"#)).unwrap());
    assert_eq!(index.len(), 3);
    let a = index.get("a").unwrap();
    assert_eq!((a.id, &*a.vector), ("a", &[4.0, 0.0][..]));
    assert_eq!(a.metadata.to_json(), r#"{"n":2}"#);
    assert_eq!(ids(&index.search(&[0.0, 0.0], 9, &all()).unwrap()), ["b", "c", "a"]);
    assert!(index.remove("a"));
    assert!(!index.remove("a"));
    assert_eq!(index.get("a"), None);
    assert_eq!(*index.get("c").unwrap().vector, [3.0, 0.0]);
    assert_eq!(ids(&index.search(&[0.0, 0.0], 9, &all()).unwrap()), ["b", "c"]);
    assert!(index.remove("c") && index.remove("b"));
    assert!(index.is_empty());
    assert_eq!(index.search(&[0.0, 0.0], 9, &all()).unwrap(), []);
    index.add("d", &[1.0, 1.0], Metadata::new()).unwrap();
    index.clear();
    assert_eq!(index.iter().len(), 0);
    assert_eq!(index.get("d"), None);
}

#[test]
fn bad_input_is_refused_and_changes_nothing() {
    for dimensions in [0, 65_537] {
        let error = VectorIndex::new(dimensions, Metric::Dot).unwrap_err();
        assert!(error.to_string().contains(&format!("{dimensions} dimensions")), "{error}");
    }
    assert!(VectorIndex::new(65_536, Metric::Dot).is_ok());
    let mut index = VectorIndex::new(2, Metric::Dot).unwrap();
    index.add("a", &[1.0, 2.0], Metadata::new()).unwrap();
    let long = "x".repeat(513);
    let cases: [(&str, &[f32], &str); 7] = [
        ("", &[1.0, 2.0], "an id is empty"),
        (&long, &[1.0, 2.0], "513 bytes: give at most 512"),
        ("a\0b", &[1.0, 2.0], r#"the id "a\u{0}b" holds a NUL"#),
        ("a", &[1.0], r#"the vector of id "a" has 1 dimensions, but the index has 2"#),
        ("a", &[1.0, 2.0, 3.0], "has 3 dimensions, but the index has 2"),
        ("a", &[1.0, f32::NAN], "has NaN at position 1"),
        ("a", &[f32::NEG_INFINITY, 1.0], "has -inf at position 0"),
    ];
    for (id, vector, says) in cases {
        let error = index.add(id, vector, Metadata::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(says), "{error}");
    }
    assert_eq!((index.len(), &*index.get("a").unwrap().vector), (1, &[1.0, 2.0][..]));
    assert!(index.add(&long[1..], &[0.0, 0.0], Metadata::new()).is_ok());
    assert!(index.add("\u{7}\n \u{fe0f}'\"", &[0.0, 0.0], Metadata::new()).is_ok());
    let error = index.search(&[1.0], 1, &all()).unwrap_err();
    assert!(error.to_string().contains("the query has 1 dimensions, but the index has 2"));
    let error = index.search(&[1.0, f32::INFINITY], 0, &all()).unwrap_err();
    assert!(error.to_string().contains("the query has inf at position 1"));
}

#[test]
fn counts_are_exact_and_ties_go_by_id() {
    let mut index = VectorIndex::new(1, Metric::Cosine).unwrap();
    for id in ["d", "b", "e", "a", "c"] {
        index.add(id, &[1.0], metadata(&format!(r#"{{"odd": {}}}"#, "ace".contains(id)))).unwrap();
    }
    assert_eq!(ids(&index.search(&[2.0], 3, &all()).unwrap()), ["a", "b", "c"]);
    assert_eq!(index.search(&[2.0], 0, &all()).unwrap(), []);
    assert_eq!(index.search(&[2.0], usize::MAX, &all()).unwrap().len(), 5);
    let filter = Some(Filter::from_json(r#"{"odd": true}"#).unwrap());
    let odd = SearchOptions { filter, exact: true, ..all() };
    assert_eq!(ids(&index.search(&[2.0], 2, &odd).unwrap()), ["a", "c"]);
    assert_eq!(ids(&index.search(&[2.0], 9, &odd).unwrap()), ["a", "c", "e"]);
    let none = Some(Filter::from_json(r#"{"odd": 1}"#).unwrap());
    assert!(index.search(&[2.0], 9, &SearchOptions { filter: none, ..all() }).unwrap().is_empty());
}

#[test]
fn nothing_is_nan_and_the_order_holds_at_the_ends_of_the_range() {
    for metric in [Metric::Cosine, Metric::L2, Metric::Dot] {
        let mut index = VectorIndex::new(3, metric).unwrap();
        let scales = [0.0, 1e-45, 1e-38, 1e-20, 1e-10, 1.0, 1e10, 1e20, 3e38];
        for (i, scale) in scales.iter().enumerate() {
            index.add(&format!("p{i}"), &[*scale, *scale, 0.0], Metadata::new()).unwrap();
            index.add(&format!("n{i}"), &[-scale, 0.0, -scale], Metadata::new()).unwrap();
        }
        for scale in scales {
            let query = [scale, scale, 0.0];
            let hits = index.search(&query, 99, &all()).unwrap();
            assert_eq!(hits.len(), 18);
            assert!(hits.iter().all(|hit| hit.distance.is_finite()), "{metric} {scale}");
            assert!(hits.is_sorted_by(|a, b| (a.distance, &a.id) <= (b.distance, &b.id)));
            for k in 1..=18 {
                assert_eq!(index.search(&query, k, &all()).unwrap(), hits[..k], "{metric} {scale}");
            }
        }
        let order = ids(&index.search(&[1.0, 1.0, 0.0], 99, &all()).unwrap()).join(" ");
        match metric {
            Metric::Dot => assert!(order.starts_with("p8 p7 p6 p5") && order.ends_with("n7 n8")),
            Metric::L2 => assert!(order.starts_with("p5 ") && order.ends_with("p6 n7 p7 n8 p8")),
            Metric::Cosine => assert!(order.starts_with("p1 p2") && order.contains("n0 p0")),
        }
    }
}

/// Additions, replacements, removals, searches and snapshots against a map and a full sort.
#[test]
fn random_operations_agree_with_a_model() {
    for seed in 0..30 {
        let random = Random(FixedHost::new(seed));
        let metric = Metric::ALL[random.below(3)];
        let dimensions = 1 + random.below(70);
        let mut index = VectorIndex::new(dimensions, metric).unwrap();
        let mut model: BTreeMap<String, (Vec<f32>, Metadata)> = BTreeMap::new();
        for step in 0..300 {
            let id = format!("id{}", random.below(60));
            match random.below(10) {
                0..6 => {
                    let vector = random.vector(dimensions);
                    let metadata = metadata(&format!(r#"{{"n": {}}}"#, random.below(4)));
                    let replaced = index.add(&id, &vector, metadata.clone()).unwrap();
                    let before = model.insert(id, (vector, metadata));
                    assert_eq!(replaced, before.is_some(), "seed {seed} step {step}");
                }
                6..8 => {
                    let removed = model.remove(&id).is_some();
                    assert_eq!(index.remove(&id), removed, "seed {seed} step {step}");
                }
                8 => index = VectorIndex::from_bytes(&index.to_bytes().unwrap()).unwrap(),
                _ => check_search(&index, &model, &random, &format!("seed {seed} step {step}")),
            }
            assert_eq!(index.len(), model.len());
        }
        let mut seen: Vec<VectorRef<'_>> = index.iter().collect();
        seen.sort_by_key(|entry| entry.id);
        let expected: Vec<VectorRef<'_>> = model
            .iter()
            .map(|(id, (vector, metadata))| VectorRef {
                id,
                vector: vector.into(),
                metadata: metadata.clone(),
            })
            .collect();
        assert_eq!(seen, expected, "seed {seed}");
    }
}

fn check_search(
    index: &VectorIndex,
    model: &BTreeMap<String, (Vec<f32>, Metadata)>,
    random: &Random,
    at: &str,
) {
    let query = random.vector(index.dimensions());
    let k = random.below(12);
    let filter = [None, Some(r#"{"n": 1}"#), Some(r#"{"n": {"$ne": 1}}"#)][random.below(3)]
        .map(|text| Filter::from_json(text).unwrap());
    let mut expected: Vec<(f64, &str)> = model
        .iter()
        .filter(|(_, (_, metadata))| filter.as_ref().is_none_or(|filter| filter.matches(metadata)))
        .map(|(id, (vector, _))| (plain_distance(index.metric(), &query, vector), &**id))
        .collect();
    expected.sort_by(|a, b| a.partial_cmp(b).unwrap());
    expected.truncate(k);
    let hits = index.search(&query, k, &SearchOptions { filter, exact: true, ..all() }).unwrap();
    let found: Vec<(f64, &str)> = hits.iter().map(|hit| (hit.distance, &*hit.id)).collect();
    assert_eq!(found, expected, "{at}");
    for hit in &hits {
        assert_eq!(hit.metadata, model[&hit.id].1, "{at}");
    }
}

/// Small whole numbers make every sum exact, so distances must agree to the bit.
fn plain_distance(metric: Metric, a: &[f32], b: &[f32]) -> f64 {
    let sum = |term: fn(f64, f64) -> f64| -> f64 {
        a.iter().zip(b).map(|(a, b)| term(f64::from(*a), f64::from(*b))).sum::<f64>() + 0.0
    };
    let dot = sum(|a, b| a * b);
    match metric {
        Metric::Dot => 0.0 - dot,
        Metric::L2 => sum(|a, b| (a - b) * (a - b)).sqrt(),
        Metric::Cosine => {
            let norms = sum(|a, _| a * a) * sum(|_, b| b * b);
            if norms == 0.0 { 1.0 } else { 1.0 - (dot / norms.sqrt()).clamp(-1.0, 1.0) }
        }
    }
}

/// Enough rows for several blocks, with filters of every selectivity.
#[test]
fn blocks_runs_and_filters_find_what_a_full_sort_finds() {
    let random = Random(FixedHost::new(99));
    let mut index = VectorIndex::new(33, Metric::L2).unwrap();
    let mut model = BTreeMap::new();
    for i in 0..1500 {
        let vector = random.vector(33);
        let metadata = metadata(&format!(r#"{{"n": {}}}"#, if i < 700 { 1 } else { i % 5 }));
        index.add(&format!("v{i}"), &vector, metadata.clone()).unwrap();
        model.insert(format!("v{i}"), (vector, metadata));
    }
    for search in 0..60 {
        check_search(&index, &model, &random, &format!("search {search}"));
    }
}
