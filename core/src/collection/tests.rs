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
    let twice = |of: &Collection<'_>| of.recommend(&["v3", "v4", "v3"], &["v5", "v5"], 5, &exact);
    assert_eq!(twice(&rounded).unwrap(), twice(&whole).unwrap());
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

/// Two collections of the same vectors: held as they are stored, and rounded.
fn both(count: u64) -> (Store, Store) {
    let plain = CollectionOptions::new(DIMENSIONS, Metric::L2);
    (store_of(plain, count), store_of(plain.held(Precision::Int8), count))
}

fn exact() -> SearchOptions {
    SearchOptions { exact: true, ..SearchOptions::default() }
}

#[test]
fn an_example_does_not_count_among_results_that_differ() {
    let (whole, rounded) = both(1_500);
    let (whole, rounded) = (whole.collection("some").unwrap(), rounded.collection("some").unwrap());
    for options in [exact(), SearchOptions::default()] {
        let options = SearchOptions { diversity: Some(0.5), ..options };
        for n in 0..10 {
            let id = format!("v{n}");
            let like = |of: &Collection<'_>| of.search_like(&id, 5, &options).unwrap();
            assert_eq!(like(&rounded), like(&whole));
            let recommend =
                |of: &Collection<'_>| of.recommend(&[&id, "v20"], &["v21"], 5, &options).unwrap();
            assert_eq!(recommend(&rounded), recommend(&whole));
        }
    }
}

/// Everything that can be asked of a collection, of one vector that is in it and one that is not.
fn everything(of: &Collection<'_>) -> Vec<Vec<Hit>> {
    let filter = Some(Filter::from_json(r#"{"n": 3}"#).unwrap());
    let filtered = SearchOptions { filter, ..exact() };
    let mut found = Vec::new();
    for query in [vector(3), vector(9_999)] {
        for options in [&exact(), &filtered, &SearchOptions::default()] {
            found.push(of.search(&query, 30, options).unwrap());
        }
        found.push(of.within(&query, f64::INFINITY, &SearchOptions::default()).unwrap());
        found.push(of.within(&query, 3.0, &filtered).unwrap());
    }
    found.push(of.search_like("v3", 10, &exact()).unwrap());
    found.push(of.recommend(&["v3", "v43"], &["v4"], 10, &exact()).unwrap());
    found
}

#[test]
fn searches_in_a_transaction_see_what_was_committed_before_it() {
    let (whole, rounded) = both(200);
    for store in [&whole, &rounded] {
        let some = store.collection("some").unwrap();
        let before = everything(&some);
        store
            .transaction(|_| {
                some.delete(["v13", "v14", "v15"])?;
                let other = Metadata::from_json(r#"{"n": 3, "new": true}"#)?;
                some.store("new", &vector(3), &other)?;
                some.store("v23", &vector(3), &other)?;
                let sql =
                    format!("UPDATE {} SET id = 'renamed' WHERE id = 'v33'", some.info().table());
                store.database().execute(&sql, ())?;
                let during = everything(&some);
                for (during, before) in during.iter().zip(&before) {
                    assert_eq!(during.len(), before.len());
                    for hit in during {
                        // What the transaction has changed is compared as the index holds it.
                        let is_same = |it: &&Hit| it.id == hit.id && it.metadata == hit.metadata;
                        let before = before.iter().find(is_same).unwrap();
                        assert!((hit.distance - before.distance).abs() < 0.02, "{hit:?}");
                    }
                }
                let error = some.search_like("new", 1, &exact()).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::NotFound);
                assert_eq!(some.search_like("v14", 3, &exact())?.len(), 3);
                Ok(())
            })
            .unwrap();
        let after = everything(&some);
        assert!(after[3].iter().any(|hit| hit.id == "renamed"));
        assert!(!after[3].iter().any(|hit| hit.id == "v14"));
    }
    let of = |store: &Store| everything(&store.collection("some").unwrap());
    assert_eq!(of(&rounded), of(&whole));
}

/// All pages of a search.
fn pages(of: &Collection<'_>, query: &[f32], k: usize, options: &SearchOptions) -> Vec<Hit> {
    let mut options = options.clone();
    let mut seen = Vec::new();
    loop {
        let page = of.search(query, k, &options).unwrap();
        let Some(next) = HitCursor::after(&page, options.after.as_ref()) else { return seen };
        seen.extend(page);
        options.after = Some(next);
    }
}

#[test]
fn pages_of_a_rounded_collection_go_through_nearly_all_once() {
    let (whole, rounded) = both(3_000);
    let (whole, rounded) = (whole.collection("some").unwrap(), rounded.collection("some").unwrap());
    let filter = Some(Filter::from_json(r#"{"n": {"$lt": 3}}"#).unwrap());
    for filter in [None, filter] {
        let query = vector(9_999);
        let options = SearchOptions { filter, ..SearchOptions::default() };
        let all = whole.search(&query, 3_000, &SearchOptions { exact: true, ..options.clone() });
        let all = all.unwrap();
        for k in [5, 97] {
            let seen = pages(&rounded, &query, k, &options);
            assert!(seen.is_sorted_by(|a, b| (a.distance, &a.id) < (b.distance, &b.id)));
            assert!(seen.iter().all(|hit| all.contains(hit)));
            assert!(seen.len() * 100 >= all.len() * 98, "{} of {}", seen.len(), all.len());
        }
        let options = SearchOptions { exact: true, ..options };
        assert_eq!(pages(&rounded, &query, 250, &options), all);
    }
}

/// How many rows searches have read of the table so far.
fn rows_read(of: &Collection<'_>) -> usize {
    of.store.with_current_index(&of.info, |index| Ok(index.rows_read().get())).unwrap()
}

#[test]
fn a_page_reads_about_what_it_returns() {
    let (_, rounded) = both(3_000);
    let some = rounded.collection("some").unwrap();
    let query = vector(9_999);
    let read = |after: Option<HitCursor>| {
        let before = rows_read(&some);
        let options = SearchOptions { after, ..SearchOptions::default() };
        assert_eq!(some.search(&query, 20, &options).unwrap().len(), 20);
        rows_read(&some) - before
    };
    assert!(read(None) <= 40);
    let deep = some.search(&query, 2_000, &exact()).unwrap();
    let after = HitCursor::after(&deep, None);
    let rows = read(after.clone());
    assert!(rows <= 300, "{rows}");
    // What a cursor says of the number of results so far is not to be trusted.
    let forged = after.map(|after| HitCursor { seen: usize::MAX, ..after });
    let rows = read(forged);
    assert!(rows <= 300, "{rows}");
    // The vector of the cursor may be gone.
    some.delete([&deep[1_999].id]).unwrap();
    let rows = read(HitCursor::after(&deep, None));
    assert!(rows <= 300, "{rows}");
}

#[test]
fn many_searches_answer_their_filter_once() {
    let (_, rounded) = both(1_500);
    let some = rounded.collection("some").unwrap();
    let answered = || {
        let count = |index: &mut CollectionIndex| Ok(index.vectors().filters_answered().0);
        some.store.with_current_index(&some.info, count).unwrap()
    };
    let queries: Vec<Vec<f32>> = (5_000..5_005).map(vector).collect();
    let queries: Vec<&[f32]> = queries.iter().map(Vec::as_slice).collect();
    let filter = Some(Filter::from_json(r#"{"n": {"$lt": 4}}"#).unwrap());
    let usual = SearchOptions { filter, ..SearchOptions::default() };
    let exactly = SearchOptions { exact: true, ..usual.clone() };
    // More than half are as good as all, which are compared as they are stored.
    for (k, options) in [(10, &usual), (800, &usual), (10, &exactly)] {
        let before = answered();
        let together = some.search_many(&queries, k, options).unwrap();
        assert_eq!(answered() - before, 1, "{k}");
        for (query, hits) in queries.iter().zip(together) {
            assert_eq!(hits, some.search(query, k, options).unwrap());
        }
        assert_eq!(answered() - before, 1 + queries.len(), "{k}");
    }
}

#[test]
fn recall_is_measured_against_what_is_stored() {
    // Held as integers, all of these are the same.
    let options = CollectionOptions::new(2, Metric::L2).held(Precision::Int8);
    let store = Store::in_memory().unwrap();
    let some = store.create_collection("some", options).unwrap();
    for n in 0..400_u16 {
        let near = f32::from(n * 7 % 400) / 400_000.0;
        some.store(&format!("v{n:03}"), &[1.0, near], &Metadata::new()).unwrap();
    }
    let recall = some.recall_check(50, 10).unwrap();
    let query = some.get("v200").unwrap().unwrap().vector;
    let of = |options| some.search(&query, 10, &options).unwrap();
    assert_ne!(ids(&of(SearchOptions::default())), ids(&of(exact())));
    assert_eq!((recall.searches, recall.k), (50, 10));
    assert!(recall.recall < 0.5, "{recall:?}");
}

#[test]
fn an_exact_search_says_what_it_compared() {
    let (whole, rounded) = both(1_500);
    let filter = Some(Filter::from_json(r#"{"n": 3}"#).unwrap());
    for options in [exact(), SearchOptions { filter, ..exact() }] {
        let explain = |store: &Store| {
            store.collection("some").unwrap().explain(&vector(1), 10, &options).unwrap()
        };
        assert_eq!(explain(&rounded), explain(&whole));
    }
}

#[test]
fn what_a_search_cannot_heed_is_refused() {
    for store in <[Store; 2]>::from(both(20)) {
        let some = store.collection("some").unwrap();
        let diverse = |diversity| SearchOptions { diversity, ..SearchOptions::default() };
        let error = some.within(&vector(1), 1.0, &diverse(Some(0.5))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("leave the diversity out"), "{error}");
        for queries in [&[][..], &[&*vector(1)]] {
            let error = some.search_many(queries, 1, &diverse(Some(1.5))).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
        }
        assert!(some.search_many(&[], 1, &SearchOptions::default()).unwrap().is_empty());
    }
}
