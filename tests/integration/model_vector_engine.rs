//! A million operations on one vector index, against looking at every vector there is.
//!
//! The index is large enough for codes and cells, and grows, shrinks and is replaced over and over.
//! What it finds may miss some of the true results, but few, and never be too few, wrong or out of
//! order.

use std::collections::HashMap;

use sigil_core::{Effort, Filter, Metadata, Metric, Precision, SearchOptions, VectorIndex};
use sigil_tests::random::Random;

const DIMENSIONS: usize = 32;
const IDS: usize = 12_000;
const STEPS: u64 = 1_000_000;

/// A vector and the number that filters ask for.
type Row = (Vec<f32>, usize);

/// Near one of many centres that move slowly, so that cells have to follow.
fn vector(random: &mut Random, step: u64) -> Vec<f32> {
    let centre = random.below(200) as u64;
    let mut towards = Random::new(centre + 1 + step / 100_000 * 1_000);
    let small = |random: &mut Random| random.below(65_536) as f64 / 65_536.0 - 0.5;
    let element = |_| {
        let x = 2.0 * small(&mut towards) + small(random);
        #[expect(clippy::cast_possible_truncation, reason = "rounding to 32 bits is meant")]
        let x = x as f32;
        x
    };
    (0..DIMENSIONS).map(element).collect()
}

fn distance(metric: Metric, a: &[f32], b: &[f32]) -> f64 {
    let sum = |a: &[f32], b: &[f32], term: fn(f64, f64) -> f64| -> f64 {
        a.iter().zip(b).map(|(a, b)| term(f64::from(*a), f64::from(*b))).sum()
    };
    let dot = |a: &[f32], b: &[f32]| sum(a, b, |a, b| a * b);
    match metric {
        Metric::Cosine => 1.0 - dot(a, b) / (dot(a, a) * dot(b, b)).sqrt(),
        Metric::L2 => sum(a, b, |a, b| (a - b) * (a - b)).sqrt(),
        Metric::Dot => -dot(a, b),
    }
}

struct Run {
    metric: Metric,
    index: VectorIndex,
    rows: HashMap<String, Row>,
    random: Random,
    found: usize,
    wanted: usize,
}

impl Run {
    fn step(&mut self, step: u64) {
        let id = format!("id-{}", self.random.below(IDS));
        // It grows for a while, and shrinks for a while.
        let adds = if (step / 50_000).is_multiple_of(2) { 80 } else { 40 };
        if self.random.below(100) < adds {
            let vector = vector(&mut self.random, step);
            let n = self.random.below(100);
            let metadata = Metadata::from_json(&format!(r#"{{"n": {n}}}"#)).unwrap();
            let replaced = self.index.add(&id, &vector, metadata).unwrap();
            assert_eq!(self.rows.insert(id, (vector, n)).is_some(), replaced);
        } else {
            assert_eq!(self.index.remove(&id), self.rows.remove(&id).is_some());
        }
        assert_eq!(self.index.len(), self.rows.len());
        if step % 1_000 == 999 {
            self.search(step);
        }
        if step % 200_000 == 199_999 {
            self.check_contents();
            let bytes = self.index.to_bytes().unwrap();
            self.index = VectorIndex::from_bytes(&bytes).unwrap();
            assert_eq!(self.index.to_bytes().unwrap(), bytes);
        }
    }

    fn search(&mut self, step: u64) {
        let query = vector(&mut self.random, step);
        let k = [1, 10, 10, 30][self.random.below(4)];
        let below = [100, 100, 50, 10, 1, 0][self.random.below(6)];
        let text = format!(r#"{{"n": {{"$lt": {below}}}}}"#);
        let filter = (below < 100).then(|| Filter::from_json(&text).unwrap());
        // As hard as usual, which for so few vectors is to look at all, or into a part of the cells.
        let part = Effort { scanned: 1_500, candidates: 40 * k };
        let effort = (self.random.below(4) > 0).then_some(part);
        let options = SearchOptions { filter, effort, ..SearchOptions::default() };
        let matching = self.rows.iter().filter(|(_, (_, n))| *n < below);
        let mut true_ones: Vec<f64> =
            matching.map(|(_, (row, _))| distance(self.metric, &query, row)).collect();
        true_ones.sort_by(f64::total_cmp);
        true_ones.truncate(k);
        let hits = self.index.search(&query, k, &options).unwrap();
        assert_eq!(hits.len(), true_ones.len(), "k {k}, n below {below}");
        assert!(hits.is_sorted_by(|a, b| (a.distance, &a.id) < (b.distance, &b.id)));
        let farthest = true_ones.last().copied().unwrap_or(0.0);
        for hit in &hits {
            let (row, n) = &self.rows[&hit.id];
            assert!(*n < below, "{hit:?}");
            let expected = distance(self.metric, &query, row);
            assert!((hit.distance - expected).abs() < 1e-4, "{hit:?}: {expected}");
            self.found += usize::from(hit.distance <= farthest + 1e-4);
        }
        self.wanted += true_ones.len();
    }

    fn check_contents(&self) {
        for held in self.index.iter() {
            let (row, n) = &self.rows[held.id];
            assert_eq!(*held.vector, row[..], "{}", held.id);
            assert_eq!(held.metadata.to_json(), format!(r#"{{"n":{n}}}"#), "{}", held.id);
        }
    }
}

#[test]
fn a_million_operations_find_what_looking_at_every_vector_finds() {
    let number = |name: &str, default| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (seed, steps) = (number("SIGIL_MODEL_SEED", 1), number("SIGIL_MODEL_STEPS", STEPS));
    eprintln!("vector engine: SIGIL_MODEL_SEED={seed} SIGIL_MODEL_STEPS={steps}");
    let mut random = Random::new(seed);
    let metric = Metric::ALL[random.below(3)];
    let index = VectorIndex::with_precision(DIMENSIONS, metric, Precision::F32).unwrap();
    let mut run = Run { metric, index, rows: HashMap::new(), random, found: 0, wanted: 0 };
    (0..steps).for_each(|step| run.step(step));
    run.check_contents();
    let (found, wanted) = (run.found, run.wanted);
    eprintln!("{metric}: found {found} of {wanted}, {} vectors at the end", run.rows.len());
    assert!(found * 1_000 >= wanted * 985, "{metric}: found {found} of {wanted}");
}
