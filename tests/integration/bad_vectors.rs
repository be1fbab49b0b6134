//! Vectors, queries and counts at the ends of what is allowed, in an index alone and in
//! collections of every precision: always as many results as there are, and never a panic.

use std::collections::BTreeSet;

use sigil_core::{
    Collection, CollectionOptions, ErrorKind, Filter, Hit, HitCursor, Metadata, Metric, Precision,
    Result, SearchOptions, Store, VectorIndex,
};
use sigil_tests::random::Random;

/// An index, or a collection: what both can do.
enum Searched<'a> {
    Index(Box<VectorIndex>),
    Collection(Collection<'a>),
}

type Rows = Vec<(String, Vec<f32>, Metadata)>;

impl Searched<'_> {
    fn put(&mut self, rows: &Rows) -> Result<()> {
        match self {
            Searched::Index(index) => rows.iter().try_for_each(|(id, vector, metadata)| {
                index.add(id, vector, metadata.clone()).map(|_| ())
            }),
            Searched::Collection(collection) => {
                let rows = rows.iter().map(|(id, vector, metadata)| (&**id, &**vector, metadata));
                collection.store_many(rows).map(|_| ())
            }
        }
    }

    fn delete(&mut self, ids: &[String]) -> usize {
        match self {
            Searched::Index(index) => ids.iter().filter(|id| index.remove(id)).count(),
            Searched::Collection(collection) => collection.delete(ids).unwrap(),
        }
    }

    fn len(&self) -> usize {
        match self {
            Searched::Index(index) => index.len(),
            Searched::Collection(collection) => collection.count().unwrap(),
        }
    }

    fn search(&self, query: &[f32], k: usize, options: &SearchOptions) -> Vec<Hit> {
        let found = match self {
            Searched::Index(index) => index.search(query, k, options),
            Searched::Collection(collection) => collection.search(query, k, options),
        };
        found.unwrap()
    }

    fn within(&self, query: &[f32], distance: f64, options: &SearchOptions) -> Vec<Hit> {
        let found = match self {
            Searched::Index(index) => index.within(query, distance, options),
            Searched::Collection(collection) => collection.within(query, distance, options),
        };
        found.unwrap()
    }

    fn like(&self, id: &str, k: usize) -> Vec<Hit> {
        let options = SearchOptions::default();
        let found = match self {
            Searched::Index(index) => index.search_like(id, k, &options),
            Searched::Collection(collection) => collection.search_like(id, k, &options),
        };
        found.unwrap()
    }
}

/// Calls `f` on an index and a collection of every precision, held in every precision too.
fn each(dimensions: usize, metric: Metric, mut f: impl FnMut(&mut Searched<'_>, &str)) {
    for stored in Precision::ALL {
        let index = VectorIndex::with_precision(dimensions, metric, *stored).unwrap();
        let name = format!("an index under {metric} of {stored}");
        f(&mut Searched::Index(Box::new(index)), &name);
        for held in Precision::ALL.iter().filter(|held| *held >= stored) {
            let options = CollectionOptions::new(dimensions, metric).stored(*stored).held(*held);
            let store = Store::in_memory().unwrap();
            let collection = store.create_collection("some", options).unwrap();
            let name = format!("a collection of {options}");
            f(&mut Searched::Collection(collection), &name);
        }
    }
}

fn exact() -> SearchOptions {
    SearchOptions { exact: true, ..SearchOptions::default() }
}

fn filtered(text: &str) -> SearchOptions {
    SearchOptions { filter: Some(Filter::from_json(text).unwrap()), ..SearchOptions::default() }
}

fn ids(hits: &[Hit]) -> BTreeSet<&str> {
    hits.iter().map(|hit| &*hit.id).collect()
}

fn check_order(hits: &[Hit], at: &str) {
    assert!(hits.iter().all(|hit| hit.distance.is_finite()), "{at}");
    let is_before = |a: &Hit, b: &Hit| (a.distance, &a.id) < (b.distance, &b.id);
    assert!(hits.is_sorted_by(is_before), "{at}");
    assert_eq!(ids(hits).len(), hits.len(), "{at}");
}

/// However many are asked for, there are that many, or all that match.
fn check_counts(of: &Searched<'_>, query: &[f32], options: &SearchOptions, all: usize, at: &str) {
    for exact in [false, true] {
        let options = SearchOptions { exact, ..options.clone() };
        for k in [0, 1, 10, all.saturating_sub(1), all, all + 1, usize::MAX] {
            let hits = of.search(query, k, &options);
            assert_eq!(hits.len(), k.min(all), "{at}, k {k}, {options:?}");
            check_order(&hits, at);
        }
        let diverse = SearchOptions { diversity: Some(0.5), ..options };
        assert_eq!(ids(&of.search(query, 20, &diverse)).len(), all.min(20), "{at}");
    }
    let hits = of.within(query, f64::INFINITY, options);
    assert_eq!(hits.len(), all, "{at}");
    check_order(&hits, at);
}

/// Pages through everything, calling `between` after each, and checks that each page is as long as
/// what is behind its cursor allows.
fn pages(
    of: &mut Searched<'_>,
    query: &[f32],
    k: usize,
    options: &SearchOptions,
    mut between: impl FnMut(&mut Searched<'_>, &[Hit]),
) -> Vec<Hit> {
    let mut options = options.clone();
    let mut seen: Vec<Hit> = Vec::new();
    loop {
        let behind = of.within(query, f64::INFINITY, &options).len();
        let page = of.search(query, k, &options);
        assert_eq!(page.len(), k.min(behind), "after {:?}", options.after);
        let Some(next) = HitCursor::after(&page, options.after.as_ref()) else { break };
        options.after = Some(next);
        seen.extend_from_slice(&page);
        between(of, &page);
    }
    check_order(&seen, "pages");
    seen
}

fn small(random: &mut Random) -> f32 {
    f32::from(u16::try_from(random.below(2_001)).unwrap()) / 1_000.0 - 1.0
}

fn rows(count: usize, mut vector: impl FnMut(usize) -> Vec<f32>) -> Rows {
    (0..count).map(|n| (format!("v{n}"), vector(n), Metadata::new())).collect()
}

#[test]
fn vectors_of_one_element_and_of_the_most() {
    for metric in Metric::ALL {
        each(1, *metric, |of, at| {
            let mut random = Random::new(1);
            of.put(&rows(1_200, |_| vec![small(&mut random)])).unwrap();
            check_counts(of, &[0.3], &SearchOptions::default(), 1_200, at);
        });
    }
    let most = VectorIndex::DIMENSIONS_MAX;
    each(most, Metric::L2, |of, at| {
        let mut random = Random::new(2);
        let some = rows(12, |_| (0..most).map(|_| small(&mut random)).collect());
        of.put(&some).unwrap();
        check_counts(of, &vec![0.1; most], &SearchOptions::default(), 12, at);
        assert_eq!(of.search(&some[7].1, 1, &SearchOptions::default())[0].id, "v7", "{at}");
    });
}

#[test]
fn zeros_are_at_one_from_everything_in_large_collections_too() {
    each(8, Metric::Cosine, |of, at| {
        let mut random = Random::new(3);
        let mixed = rows(1_500, |n| match n % 3 {
            0 => vec![0.0; 8],
            _ => (0..8).map(|_| small(&mut random)).collect(),
        });
        of.put(&mixed).unwrap();
        for query in [[0.0; 8], [-0.0; 8], [0.5; 8]] {
            check_counts(of, &query, &SearchOptions::default(), 1_500, at);
            let hits = of.search(&query, 1_500, &SearchOptions::default());
            for hit in &hits {
                let is_zero = hit.id[1..].parse::<usize>().unwrap().is_multiple_of(3);
                let is_at_one = is_zero || query[0] == 0.0;
                assert!(!is_at_one || hit.distance.to_bits() == 1.0_f64.to_bits(), "{at}: {hit:?}");
            }
        }
        assert_eq!(of.like("v0", 2_000).len(), 1_499, "{at}");
        // Then there are only zeros.
        let others: Vec<String> =
            mixed.iter().map(|it| it.0.clone()).filter(|id| id != "v0" && id != "v3").collect();
        assert_eq!(of.delete(&others), 1_498, "{at}");
        of.put(&rows(1_300, |_| vec![0.0; 8])).unwrap();
        check_counts(of, &[0.5; 8], &SearchOptions::default(), 1_300, at);
        assert_eq!(pages(of, &[0.5; 8], 301, &exact(), |_, _| {}).len(), 1_300, "{at}");
    });
}

#[test]
fn one_vector_many_times_is_searched_paged_and_deleted() {
    let vector = vec![0.25, -1.0, 0.5, 0.125];
    let mut of = Searched::Index(Box::new(VectorIndex::new(4, Metric::Cosine).unwrap()));
    let many = rows(100_000, |_| vector.clone());
    of.put(&many).unwrap();
    for options in [SearchOptions::default(), exact()] {
        for k in [1, 10, 1_000] {
            let hits = of.search(&vector, k, &options);
            assert!(hits.len() == k && hits.iter().all(|hit| hit.distance == 0.0));
        }
        assert_eq!(of.search(&[1.0; 4], usize::MAX, &options).len(), 100_000);
    }
    assert_eq!(pages(&mut of, &vector, 9_000, &exact(), |_, _| {}).len(), 100_000);
    pages(&mut of, &vector, 9_000, &SearchOptions::default(), |_, _| {});
    let half: Vec<String> = many.iter().step_by(2).map(|row| row.0.clone()).collect();
    assert_eq!(of.delete(&half), 50_000);
    assert_eq!(of.len(), 50_000);
    for k in [10, 49_999, 100_000] {
        assert_eq!(of.search(&vector, k, &SearchOptions::default()).len(), k.min(50_000));
    }
    let Searched::Index(index) = of else { unreachable!() };
    let again = VectorIndex::from_bytes(&index.to_bytes().unwrap()).unwrap();
    let found = again.search(&vector, 100, &SearchOptions::default()).unwrap();
    assert_eq!(found, index.search(&vector, 100, &SearchOptions::default()).unwrap());
}

#[test]
fn one_vector_many_times_in_collections() {
    let vector = vec![0.3, -1.0, 0.7, 0.1];
    each(4, Metric::L2, |of, at| {
        let many = rows(3_000, |_| vector.clone());
        of.put(&many).unwrap();
        check_counts(of, &[1.0; 4], &SearchOptions::default(), 3_000, at);
        assert_eq!(pages(of, &vector, 450, &exact(), |_, _| {}).len(), 3_000, "{at}");
        pages(of, &[1.0; 4], 100, &SearchOptions::default(), |_, _| {});
        let half: Vec<String> = many.iter().step_by(2).map(|row| row.0.clone()).collect();
        assert_eq!((of.delete(&half), of.len()), (1_500, 1_500), "{at}");
        check_counts(of, &vector, &SearchOptions::default(), 1_500, at);
    });
}

#[test]
fn subnormal_and_huge_elements_are_found_as_others_are() {
    let scales = [1e-45, 1e-40, f32::MIN_POSITIVE, 1e-20, 1.0, 1e18, 1e20, 3e38, f32::MAX];
    for metric in Metric::ALL {
        each(6, *metric, |of, at| {
            if at.contains("f16") {
                return;
            }
            let mut random = Random::new(4);
            let wild = rows(1_800, |n| {
                let scale = scales[n % scales.len()];
                (0..6).map(|_| small(&mut random) * scale).collect()
            });
            of.put(&wild).unwrap();
            for scale in scales {
                let query = [scale, -scale, scale / 2.0, 0.0, scale, scale];
                check_counts(of, &query, &SearchOptions::default(), 1_800, at);
            }
            assert_eq!(of.like("v8", 3_000).len(), 1_799, "{at}");
        });
    }
}

#[test]
fn what_no_half_can_hold_is_refused_where_vectors_are_stored_or_held_as_such() {
    each(1, Metric::L2, |of, at| {
        let row = |id: &str, x| vec![(id.to_owned(), vec![x], Metadata::new())];
        if at.contains("f16") {
            for refused in [65_520.0, -65_520.0, f32::MAX] {
                let error = of.put(&row("a", refused)).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidInput, "{at}: {error}");
            }
        }
        of.put(&row("a", 65_519.996)).unwrap();
        of.put(&row("b", 1e-45)).unwrap();
        check_counts(of, &[f32::MAX], &SearchOptions::default(), 2, at);
    });
}

#[test]
fn filters_on_what_is_absent_or_of_other_types_leave_all_that_match() {
    let values = [r#""1""#, "1", "1.5", "true", "null", r#""""#, "-9007199254740993"];
    each(3, Metric::Cosine, |of, at| {
        let mut random = Random::new(5);
        let mixed: Rows = (0..1_400)
            .map(|n| {
                // One in eight has no `x`.
                let value = values.get(n % 8).map(|value| format!(r#""x": {value}, "#));
                let text = format!(r#"{{{}"n": {n}}}"#, value.unwrap_or_default());
                let vector = (0..3).map(|_| small(&mut random)).collect();
                (format!("v{n}"), vector, Metadata::from_json(&text).unwrap())
            })
            .collect();
        of.put(&mixed).unwrap();
        for text in [
            "{}",
            r#"{"n": {"$gte": 0}}"#,
            r#"{"n": {"$lt": 0}}"#,
            r#"{"n": "1"}"#,
            r#"{"n": 1.0}"#,
            r#"{"absent": 1}"#,
            r#"{"absent": {"$exists": false}}"#,
            r#"{"absent": {"$ne": 1}}"#,
            r#"{"x": 1}"#,
            r#"{"x": "1"}"#,
            r#"{"x": true}"#,
            r#"{"x": {"$ne": 1}}"#,
            r#"{"x": {"$gt": 1}}"#,
            r#"{"x": {"$lte": ""}}"#,
            r#"{"x": {"$in": [1, "1", true, 1.5]}}"#,
            r#"{"x": {"$in": []}}"#,
            r#"{"$not": {"x": {"$exists": true}}}"#,
            r#"{"$or": [{"x": 1.5}, {"absent": 3}, {"n": 7}]}"#,
        ] {
            let options = filtered(text);
            let filter = options.filter.as_ref().unwrap();
            let matching: BTreeSet<&str> =
                mixed.iter().filter(|row| filter.matches(&row.2)).map(|row| &*row.0).collect();
            check_counts(of, &[0.5; 3], &options, matching.len(), &format!("{at}: {text}"));
            assert_eq!(ids(&of.search(&[0.5; 3], 2_000, &options)), matching, "{at}: {text}");
        }
    });
}

#[test]
fn ids_are_any_text_of_1_to_512_bytes() {
    let texts = ["a", " ", "\u{7f}", "'", "\"", "%", "\u{e9}", "e\u{301}", "\u{10ffff}"];
    let mut given: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    given.extend(["x".repeat(512), "\u{e9}".repeat(256), "\u{1f600}".repeat(128)]);
    let refused = [String::new(), "x".repeat(513), "\u{1f600}".repeat(129), "a\0".to_owned()];
    each(2, Metric::L2, |of, at| {
        let row = |id: &String| (id.clone(), vec![1.0, 0.5], Metadata::new());
        of.put(&given.iter().map(row).collect()).unwrap();
        for id in &refused {
            let error = of.put(&vec![row(id)]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{at}: {error}");
        }
        check_counts(of, &[1.0, 0.5], &SearchOptions::default(), given.len(), at);
        // Of equal distances the order is that of the bytes.
        let found = pages(of, &[1.0, 0.5], 1, &SearchOptions::default(), |_, _| {});
        let mut sorted = given.clone();
        sorted.sort();
        assert_eq!(found.into_iter().map(|hit| hit.id).collect::<Vec<_>>(), sorted, "{at}");
        for id in &given {
            assert!(of.like(id, 99).iter().all(|hit| hit.id != *id), "{at}: {id}");
        }
        assert_eq!(of.delete(&refused), 0, "{at}");
        assert_eq!((of.delete(&given), of.len()), (given.len(), 0), "{at}");
    });
}

#[test]
fn deletes_while_a_search_pages_lose_and_repeat_nothing_else() {
    each(5, Metric::Cosine, |of, at| {
        let mut random = Random::new(6);
        // Some of them the same, so that cursors stand among equal distances.
        let all = rows(1_600, |n| match n % 4 {
            0 => vec![0.5; 5],
            _ => (0..5).map(|_| small(&mut random)).collect(),
        });
        of.put(&all).unwrap();
        let query = [0.4, 0.5, 0.6, 0.5, 0.4];
        let mut deleted = BTreeSet::new();
        let mut seen_first = BTreeSet::new();
        let seen = pages(of, &query, 90, &exact(), |of, page| {
            seen_first.extend(page.iter().map(|hit| hit.id.clone()));
            // The place of the cursor, some of the page, and some that may be behind it.
            let mut gone: Vec<String> = page.iter().step_by(7).map(|it| it.id.clone()).collect();
            gone.extend(page.last().map(|hit| hit.id.clone()));
            gone.extend((0..20).map(|_| format!("v{}", random.below(1_600))));
            of.delete(&gone);
            deleted.extend(gone.into_iter().filter(|id| !seen_first.contains(id)));
        });
        let expected = all.iter().map(|row| &*row.0).filter(|id| !deleted.contains(*id));
        assert_eq!(ids(&seen), expected.collect(), "{at}");
        of.put(&all).unwrap();
        pages(of, &query, 90, &SearchOptions::default(), |of, page| {
            let gone: Vec<String> = page.iter().map(|hit| hit.id.clone()).collect();
            assert_eq!(of.delete(&gone), page.len(), "{at}");
        });
        let rest: Vec<String> = all.iter().map(|row| row.0.clone()).collect();
        of.delete(&rest);
        assert!(of.search(&query, 90, &SearchOptions::default()).is_empty(), "{at}");
    });
}

#[test]
fn cursors_that_no_search_gave_are_places_all_the_same() {
    each(4, Metric::L2, |of, at| {
        let mut random = Random::new(7);
        of.put(&rows(1_500, |_| (0..4).map(|_| small(&mut random)).collect())).unwrap();
        let query = [0.1; 4];
        let all = of.search(&query, 1_500, &exact());
        let (middle, far) = (all[700].distance, all[1_499].distance);
        for (distance, behind) in [
            (f64::NEG_INFINITY, 1_500),
            (-f64::NAN, 1_500),
            (-1.0, 1_500),
            (middle, 800),
            (far * 2.0, 0),
            (f64::INFINITY, 0),
            (f64::NAN, 0),
        ] {
            for (id, seen) in [("", 0), ("v1", 3), ("\u{10ffff}", usize::MAX)] {
                let after = Some(HitCursor { distance, id: id.to_owned(), seen });
                for exact in [false, true] {
                    let options =
                        SearchOptions { after: after.clone(), exact, ..SearchOptions::default() };
                    let hits = of.search(&query, 30, &options);
                    assert_eq!(hits.len(), behind.min(30), "{at}: {options:?}");
                    assert!(hits.iter().all(|hit| hit.distance >= distance || distance.is_nan()));
                }
            }
        }
    });
}
