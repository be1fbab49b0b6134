use super::*;
use crate::testing::test;
use crate::vector::{Filter, Hit, HitCursor, SearchOptions};

const DIMENSIONS: usize = 20;

/// Reproducible elements between -1 and 1.
fn vector(seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..DIMENSIONS)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            f32::from(u16::try_from(state >> 48).unwrap()) / 32768.0 - 1.0
        })
        .collect()
}

fn store_of(options: CollectionOptions, count: u64) -> Store {
    let store = Store::in_memory().unwrap();
    let collection = store.create_collection("some", options).unwrap();
    let put = |n: u64| {
        let metadata = Metadata::from_json(&format!(r#"{{"n": {}}}"#, n % 10)).unwrap();
        (format!("v{n}"), vector(n), metadata)
    };
    let rows: Vec<(String, Vec<f32>, Metadata)> = (0..count).map(put).collect();
    collection
        .store_many(rows.iter().map(|(id, row, metadata)| (&**id, &**row, metadata)))
        .unwrap();
    store
}

fn ids(hits: &[Hit]) -> Vec<&str> {
    hits.iter().map(|hit| &*hit.id).collect()
}

#[test]
fn each_precision_is_what_is_stored_and_given_back() {
    for precision in Precision::ALL {
        let options = CollectionOptions::new(DIMENSIONS, Metric::Cosine).stored(*precision);
        let store = store_of(options, 50);
        let some = store.collection("some").unwrap();
        assert_eq!(some.info().options, options);
        let record = some.get("v7").unwrap().unwrap();
        assert_eq!(record.vector, precision.rounded(vector(7)));
        let sql = format!("SELECT max(length(vector)) FROM {}", some.info().table());
        let bytes = store.database().query(&sql, ()).unwrap().single().unwrap().as_i64();
        assert_eq!(bytes, i64::try_from(precision.vector_bytes(DIMENSIONS)).ok());
        let hits = some.search(&record.vector, 1, &SearchOptions::default()).unwrap();
        assert_eq!((ids(&hits), hits[0].distance), (vec!["v7"], 0.0));
        some.rebuild().unwrap();
        assert_eq!(some.search(&record.vector, 1, &SearchOptions::default()).unwrap(), hits);
    }
    let store = Store::in_memory().unwrap();
    let halves = CollectionOptions::new(2, Metric::L2).stored(Precision::F16);
    let error = store.create_collection("finer", halves.held(Precision::F32)).unwrap_err();
    assert!(error.to_string().contains("stored as f16 cannot hold them as f32"), "{error}");
    let some = store.create_collection("halves", halves).unwrap();
    let error = some.store("a", &[65_520.0, 0.0], &Metadata::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let error = store.open_collection("halves", CollectionOptions::new(2, Metric::L2)).unwrap_err();
    assert!(error.to_string().contains("stored as f16 and held as f16"), "{error}");
}

/// What is held as integers of eight bits is compared with what is stored.
#[test]
fn a_rounded_index_gives_the_results_of_what_is_stored() {
    let plain = CollectionOptions::new(DIMENSIONS, Metric::L2);
    let (whole, rounded) = (store_of(plain, 1_500), store_of(plain.held(Precision::Int8), 1_500));
    let (whole, rounded) = (whole.collection("some").unwrap(), rounded.collection("some").unwrap());
    let filter = Some(Filter::from_json(r#"{"n": {"$lt": 4}}"#).unwrap());
    let exact = SearchOptions { exact: true, ..SearchOptions::default() };
    for seed in 5_000..5_020 {
        let query = vector(seed);
        for options in [
            exact.clone(),
            SearchOptions { filter: filter.clone(), ..exact.clone() },
            SearchOptions { diversity: Some(0.3), ..exact.clone() },
        ] {
            let expected = whole.search(&query, 10, &options).unwrap();
            assert_eq!(rounded.search(&query, 10, &options).unwrap(), expected);
            let usual = SearchOptions { exact: false, ..options };
            let found = rounded.search(&query, 10, &usual).unwrap();
            let missed = expected.iter().filter(|hit| !found.contains(hit)).count();
            assert!(found.len() == 10 && missed <= 2, "{missed} of {expected:?}");
        }
        let distance = whole.search(&query, 30, &exact).unwrap()[29].distance;
        let within = rounded.within(&query, distance, &SearchOptions::default()).unwrap();
        assert_eq!(within.len(), 30);
        assert_eq!(within, whole.search(&query, 30, &exact).unwrap());
        let first = rounded.search(&query, 10, &exact).unwrap();
        let after = HitCursor::after(&first, None);
        let second = rounded.search(&query, 10, &SearchOptions { after, ..exact.clone() }).unwrap();
        assert_eq!([first, second].concat(), whole.search(&query, 20, &exact).unwrap());
    }
    let like = rounded.search_like("v3", 5, &exact).unwrap();
    assert_eq!(like, whole.search_like("v3", 5, &exact).unwrap());
    let recommended = |of: &Collection<'_>| of.recommend(&["v3", "v4"], &["v5"], 5, &exact);
    assert_eq!(recommended(&rounded).unwrap(), recommended(&whole).unwrap());
    for of in [&whole, &rounded] {
        let error = of.search_like("absent", 5, &exact).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        assert!(of.recall_check(20, 10).unwrap().recall > 0.95);
        let (hits, how) = of.explain(&vector(1), 3, &SearchOptions::default()).unwrap();
        assert_eq!((hits.len(), how.vectors), (3, 1_500));
        let many = of.search_many(&[&vector(1), &vector(2)], 3, &SearchOptions::default()).unwrap();
        assert_eq!(many[0], hits);
    }
    assert!(rounded.memory().unwrap() < whole.memory().unwrap());
}

#[test]
fn a_transaction_that_deletes_gets_no_fewer_results() {
    let options = CollectionOptions::new(DIMENSIONS, Metric::Cosine).held(Precision::Int8);
    let store = store_of(options, 40);
    let some = store.collection("some").unwrap();
    let before = some.search(&vector(1), 5, &SearchOptions::default()).unwrap();
    store
        .transaction(|_| {
            some.delete([&before[0].id])?;
            let hits = some.search(&vector(1), 5, &SearchOptions::default())?;
            assert_eq!(ids(&hits), ids(&before));
            Ok(())
        })
        .unwrap();
    let after = some.search(&vector(1), 5, &SearchOptions::default()).unwrap();
    assert_eq!(ids(&after)[..4], ids(&before)[1..]);
}
