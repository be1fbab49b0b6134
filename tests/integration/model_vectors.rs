//! The vector index alone against looking at every vector, at the ends of the range too.

use std::collections::BTreeMap;

use serde_json::json;
use sigil_core::{Filter, Metric, SearchOptions, VectorIndex};
use sigil_tests::model::{
    Row, check_hits, random_filter, random_metadata, small_vector, to_metadata,
};
use sigil_tests::random::Random;

/// What the elements of the vectors of one index are like.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Elements {
    /// Small whole numbers: many equal vectors, and sums without rounding.
    Small,
    /// Between minus one and one.
    Unit,
    /// From the smallest subnormal to the largest float, zeros among them.
    Wild,
}

#[expect(clippy::cast_possible_truncation, reason = "rounding to 32 bits is meant")]
fn vector(random: &mut Random, elements: Elements, dimensions: usize) -> Vec<f32> {
    let unit = |random: &mut Random| random.below(2_000_001) as f64 / 1e6 - 1.0;
    match elements {
        Elements::Small => small_vector(random, dimensions),
        Elements::Unit => (0..dimensions).map(|_| unit(random) as f32).collect(),
        Elements::Wild => {
            // One scale a vector mostly, so that a vector is not its largest element alone.
            let scales = [0.0, 1e-45, 1e-40, 1e-38, 1e-25, 1e-20, 1e-10, 1.0, 1e10, 1e19, 3.3e38];
            let scale = scales[random.below(scales.len())];
            let mixed = random.below(4) == 0;
            let element = |random: &mut Random| {
                let scale = if mixed { scales[random.below(scales.len())] } else { scale };
                (unit(random) * scale) as f32
            };
            (0..dimensions).map(|_| element(random)).collect()
        }
    }
}

#[test]
fn an_index_finds_what_looking_at_every_vector_finds() {
    let first = std::env::var("SIGIL_MODEL_SEED").ok().and_then(|text| text.parse().ok());
    let seeds = first.map_or(1..61, |seed: u64| seed..seed + 1);
    for seed in seeds {
        let mut random = Random::new(seed);
        let metric = Metric::ALL[random.below(3)];
        let elements = [Elements::Small, Elements::Unit, Elements::Wild][random.below(3)];
        let dimensions = [1, 2, 3, 7, 8, 16, 17, 33, 100][random.below(9)];
        let at = format!("SIGIL_MODEL_SEED={seed}: {metric}, {elements:?}, {dimensions}");
        let mut index = VectorIndex::new(dimensions, metric).unwrap();
        let mut rows: BTreeMap<String, Row> = BTreeMap::new();
        for step in 0..250 {
            let at = format!("{at}, step {step}");
            match random.below(12) {
                0..7 => {
                    let n = if step % 50 == 0 { 300 } else { 3 };
                    for _ in 0..n {
                        let id = format!("id-{}", random.below(500));
                        let copied = rows.values().next().filter(|_| random.below(8) == 0);
                        let vector = match copied {
                            Some((vector, _)) => vector.clone(),
                            None => vector(&mut random, elements, dimensions),
                        };
                        let metadata = random_metadata(&mut random);
                        let replaced = index.add(&id, &vector, to_metadata(&metadata)).unwrap();
                        assert_eq!(rows.insert(id, (vector, metadata)).is_some(), replaced, "{at}");
                    }
                }
                7 | 8 => {
                    let id = format!("id-{}", random.below(500));
                    assert_eq!(index.remove(&id), rows.remove(&id).is_some(), "{at}");
                }
                9 => index = VectorIndex::from_bytes(&index.to_bytes().unwrap()).unwrap(),
                _ => search(&index, &rows, &mut random, elements, &at),
            }
            assert_eq!(index.len(), rows.len(), "{at}");
        }
        for (id, (vector, metadata)) in &rows {
            let held = index.get(id).unwrap();
            let held = (&*held.vector, held.metadata);
            assert_eq!(held, (&vector[..], to_metadata(metadata)), "{at}");
        }
    }
}

fn search(
    index: &VectorIndex,
    rows: &BTreeMap<String, Row>,
    random: &mut Random,
    elements: Elements,
    at: &str,
) {
    let query = match rows.values().nth(random.below(rows.len().max(1) * 4)) {
        Some((vector, _)) => vector.clone(),
        None => vector(random, elements, index.dimensions()),
    };
    let k = [0, 1, 2, 10, 100, usize::MAX][random.below(6)];
    let filter = (random.below(2) == 0).then(|| random_filter(random));
    let options = SearchOptions {
        filter: filter.as_ref().map(|filter| Filter::parse(filter).unwrap()),
        exact: random.below(2) == 0,
        ..SearchOptions::default()
    };
    let hits = index.search(&query, k, &options).unwrap();
    let exact = elements == Elements::Small;
    let checked = check_hits(index.metric(), rows, &query, k, filter.as_ref(), &hits, exact);
    if let Err(wrong) = checked {
        panic!("{at}: k {k}, {filter:?}, query {query:?}: {wrong}");
    }
    for hit in &hits {
        assert!(hit.distance.is_finite(), "{at}: {hit:?}");
        let equal = rows[&hit.id].0 == query;
        // Equal vectors are at no distance, but for zeros, which have no direction.
        let zero = query.iter().all(|element| *element == 0.0);
        if equal && index.metric() != Metric::Dot && !(zero && index.metric() == Metric::Cosine) {
            assert_eq!(hit.distance, 0.0, "{at}: {hit:?}");
        }
    }
}

#[test]
fn random_filters_agree_with_their_documentation() {
    let mut random = Random::new(5);
    let mut matched = 0;
    for step in 0..20_000 {
        let filter = random_filter(&mut random);
        let metadata = random_metadata(&mut random);
        let parsed = Filter::parse(&filter).unwrap();
        let expected = sigil_tests::model::matches(&filter, &metadata);
        let found = parsed.matches(&to_metadata(&metadata));
        assert_eq!(found, expected, "step {step}: {filter} on {metadata}");
        matched += usize::from(found);
    }
    assert!((2_000..18_000).contains(&matched), "{matched} matched, which tests little");
    assert!(sigil_tests::model::matches(&json!({}), &json!({"a": 1})));
}
