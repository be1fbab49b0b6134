use super::*;
use crate::testing::test;
use crate::vector::{Metadata, Metric, Precision};

/// Reproducible numbers.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % n
    }

    /// Near one of many centres, of which the low dimensions make the most.
    fn vector(&mut self, dimensions: usize) -> Vec<f32> {
        let mut centre = Random(self.below(300) as u64 + 1000);
        let small = |random: &mut Random| {
            f32::from(u16::try_from(random.below(1 << 16)).unwrap()) / 65536.0 - 0.5
        };
        (0..dimensions)
            .map(|at| {
                let weight = 4.0 / (1.0 + f32::from(u16::try_from(at).unwrap()) / 8.0);
                (small(&mut centre) * 1.5 + small(self)) * weight
            })
            .collect()
    }
}

const DIMENSIONS: usize = 48;

/// Some thousands of vectors with `n` from 0 to 999 and, for one in a hundred, `rare`.
fn index(count: usize, metric: Metric, precision: Precision) -> VectorIndex {
    let mut random = Random(11);
    let mut index = VectorIndex::with_precision(DIMENSIONS, metric, precision).unwrap();
    for number in 0..count {
        let rare = if number % 100 == 7 { r#", "rare": true"# } else { "" };
        let text = format!(r#"{{"n": {}{rare}}}"#, random.below(1000));
        let metadata = Metadata::from_json(&text).unwrap();
        index.add(&format!("v{number}"), &random.vector(DIMENSIONS), metadata).unwrap();
    }
    index
}

fn filter(text: &str) -> Option<Filter> {
    Some(Filter::from_json(text).unwrap())
}

fn exact(options: &SearchOptions) -> SearchOptions {
    SearchOptions { exact: true, ..options.clone() }
}

/// The share of the true results that searches with these options find, and checks that none
/// finds fewer.
fn recall(index: &VectorIndex, options: &SearchOptions, k: usize) -> f64 {
    let mut random = Random(77);
    let (mut found, mut wanted) = (0, 0);
    for _ in 0..30 {
        let query = random.vector(DIMENSIONS);
        let true_ones = index.search(&query, k, &exact(options)).unwrap();
        let hits = index.search(&query, k, options).unwrap();
        assert_eq!(hits.len(), true_ones.len(), "{options:?}");
        assert!(hits.is_sorted_by(|a, b| (a.distance, &a.id) < (b.distance, &b.id)));
        found += hits.iter().filter(|hit| true_ones.contains(hit)).count();
        wanted += true_ones.len();
    }
    f64::from(u32::try_from(found).unwrap()) / f64::from(u32::try_from(wanted.max(1)).unwrap())
}

#[test]
fn searches_find_nearly_all_in_every_metric_and_precision() {
    for metric in Metric::ALL {
        for precision in Precision::ALL {
            let index = index(6_000, *metric, *precision);
            let recall = recall(&index, &SearchOptions::default(), 10);
            assert!(recall > 0.97, "{metric} {precision}: {recall}");
            let some = SearchOptions {
                effort: Some(Effort { scanned: 2_000, candidates: 60 }),
                ..SearchOptions::default()
            };
            let (_, how) = index.explain(&[0.5; DIMENSIONS], 10, &some).unwrap();
            let Plan::Codes { scanned, cells } = how.plan else { panic!("{how}") };
            assert!((2_000..2_200).contains(&scanned) && cells < 60, "{how}");
            assert!(how.compared <= 60, "{how}");
        }
    }
}

#[test]
fn filters_leave_no_result_out_whatever_they_select() {
    let index = index(9_000, Metric::Cosine, Precision::F32);
    for (text, least) in [
        (r#"{"n": {"$lt": 500}}"#, 0.97),
        (r#"{"n": {"$gte": 900}}"#, 0.97),
        (r#"{"rare": true}"#, 1.0),
        (r#"{"n": 3}"#, 1.0),
        (r#"{"n": {"$ne": 3}, "$not": {"rare": true}}"#, 0.97),
        (r#"{"n": {"$gt": 700.5}, "rare": {"$exists": true}}"#, 1.0),
        (r#"{"absent": 1}"#, 0.0),
        (r#"{"n": "text"}"#, 0.0),
        (r#"{"absent": {"$exists": false}}"#, 0.97),
    ] {
        let options = SearchOptions { filter: filter(text), ..SearchOptions::default() };
        for k in [1, 10] {
            let recall = recall(&index, &options, k);
            assert!(recall >= least, "{text}, k {k}: {recall}");
        }
        let all = index.search(&[0.1; DIMENSIONS], usize::MAX, &options).unwrap();
        let matching = index.iter().filter(|it| {
            options.filter.as_ref().is_some_and(|filter| filter.matches(&it.metadata))
        });
        assert_eq!(all.len(), matching.count(), "{text}");
    }
}

#[test]
fn the_plan_follows_from_what_a_filter_leaves() {
    let index = index(9_000, Metric::L2, Precision::F32);
    let plan = |text: Option<&str>, k| {
        let options = SearchOptions { filter: text.and_then(filter), ..SearchOptions::default() };
        index.explain(&[0.2; DIMENSIONS], k, &options).unwrap().1
    };
    let how = plan(None, 10);
    assert!(matches!(how.plan, Plan::Codes { .. }) && how.to_string().contains("codes: "), "{how}");
    let how = plan(Some(r#"{"n": 3}"#), 10);
    assert_eq!(how.plan, Plan::Exact(Because::Selective));
    assert!(how.listed < 40 && how.compared == how.listed && !how.tested, "{how}");
    assert!(how.to_string().contains("the filter lists"), "{how}");
    assert_eq!(plan(Some(r#"{"absent": 1}"#), 10).compared, 0);
    assert_eq!(plan(None, 9_000).plan, Plan::Exact(Because::Many));
    let zero = index.explain(&[0.0; DIMENSIONS], 10, &SearchOptions::default()).unwrap().1;
    assert!(matches!(zero.plan, Plan::Codes { .. } | Plan::Exact(Because::Query)), "{zero}");
    let asked = SearchOptions { exact: true, ..SearchOptions::default() };
    let how = index.explain(&[0.2; DIMENSIONS], 10, &asked).unwrap().1;
    assert_eq!((how.plan, how.compared), (Plan::Exact(Because::Asked), 9_000));
}

#[test]
fn pages_go_through_everything_once() {
    let index = index(3_000, Metric::Cosine, Precision::F32);
    for text in [None, Some(r#"{"n": {"$lt": 100}}"#)] {
        for is_exact in [true, false] {
            let mut options = SearchOptions {
                filter: text.and_then(filter),
                exact: is_exact,
                ..SearchOptions::default()
            };
            let all = index.search(&[0.3; DIMENSIONS], 3_000, &exact(&options)).unwrap();
            let mut seen = Vec::new();
            loop {
                let page = index.search(&[0.3; DIMENSIONS], 97, &options).unwrap();
                let Some(next) = HitCursor::after(&page, options.after.as_ref()) else { break };
                seen.extend(page);
                options.after = Some(next);
                assert_eq!(options.after.as_ref().map(|it| it.seen), Some(seen.len()));
            }
            assert!(seen.is_sorted_by(|a, b| (a.distance, &a.id) < (b.distance, &b.id)));
            let found = seen.iter().filter(|hit| all.contains(hit)).count();
            assert_eq!(found, seen.len());
            if is_exact {
                assert_eq!(seen, all);
            } else {
                assert!(found * 100 >= all.len() * 95, "{found} of {}", all.len());
            }
        }
    }
}

#[test]
fn everything_within_a_distance_is_found() {
    for metric in Metric::ALL {
        let index = index(3_000, *metric, Precision::F32);
        let query = [0.2; DIMENSIONS];
        let all = index.search(&query, 3_000, &exact(&SearchOptions::default())).unwrap();
        for farthest in [0, 1, 50, 2_999] {
            let distance = all[farthest].distance;
            let hits = index.within(&query, distance, &SearchOptions::default()).unwrap();
            assert_eq!(hits, all[..hits.len()]);
            assert!(hits.len() > farthest, "{metric}");
            assert!(all.get(hits.len()).is_none_or(|next| next.distance > distance));
        }
        let some = SearchOptions { filter: filter(r#"{"n": 3}"#), ..SearchOptions::default() };
        let hits = index.within(&query, f64::INFINITY, &some).unwrap();
        assert_eq!(hits, index.search(&query, 3_000, &exact(&some)).unwrap());
        assert!(index.within(&query, f64::NEG_INFINITY, &some).unwrap().is_empty());
        let error = index.within(&query, f64::NAN, &some).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}

#[test]
fn searches_by_id_leave_it_out() {
    let index = index(2_000, Metric::Cosine, Precision::F32);
    let options = SearchOptions::default();
    let vector = index.get("v42").unwrap().vector.into_owned();
    let like = index.search_like("v42", 5, &exact(&options)).unwrap();
    assert_eq!(like, index.search(&vector, 6, &exact(&options)).unwrap()[1..]);
    assert_eq!(index.search_like("v42", 5, &options).unwrap().len(), 5);
    assert_eq!(index.search_like("v42", 9_999, &options).unwrap().len(), 1_999);
    let error = index.search_like("absent", 5, &options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains(r#"no vector has the id "absent""#), "{error}");
}

#[test]
fn recommendations_go_towards_some_and_away_from_others() {
    let mut index = VectorIndex::new(2, Metric::L2).unwrap();
    for (id, vector) in [
        ("a", [0.0, 0.0]),
        ("b", [2.0, 0.0]),
        ("c", [1.0, 1.0]),
        ("d", [1.0, -1.0]),
        ("e", [1.0, -3.0]),
    ] {
        index.add(id, &vector, Metadata::new()).unwrap();
    }
    let options = SearchOptions::default();
    let ids = |positive: &[&str], negative: &[&str]| -> String {
        let hits = index.recommend(positive, negative, 9, &options).unwrap();
        hits.into_iter().map(|hit| hit.id).collect()
    };
    // Of (1, 0), and of (1, 0) away from (1, 1).
    assert_eq!(ids(&["a", "b"], &[]), "cde");
    assert_eq!(ids(&["a", "b"], &["c"]), "de");
    assert_eq!(ids(&["a", "b"], &["e"]), "cd");
    for (positive, negative, kind) in [
        (&[][..], &["a"][..], ErrorKind::InvalidInput),
        (&["absent"], &[], ErrorKind::NotFound),
        (&["a"], &["absent"], ErrorKind::NotFound),
    ] {
        let error = index.recommend(positive, negative, 1, &options).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
    index.add("far", &[3e38, 0.0], Metadata::new()).unwrap();
    index.add("farther", &[-3e38, 0.0], Metadata::new()).unwrap();
    let error = index.recommend(&["far"], &["farther"], 1, &options).unwrap_err();
    assert!(error.to_string().contains("too large"), "{error}");
}

#[test]
fn diverse_results_differ_from_each_other() {
    let mut index = VectorIndex::new(2, Metric::Cosine).unwrap();
    for (id, vector) in
        [("a", [1.0, 0.02]), ("b", [1.0, 0.021]), ("c", [1.0, 0.022]), ("d", [1.0, -0.9])]
    {
        index.add(id, &vector, Metadata::new()).unwrap();
    }
    let ids = |diversity| -> String {
        let options = SearchOptions { diversity, ..SearchOptions::default() };
        let hits = index.search(&[1.0, 0.0], 2, &options).unwrap();
        hits.into_iter().map(|hit| hit.id).collect()
    };
    assert_eq!(ids(None), "ab");
    assert_eq!(ids(Some(0.0)), "ab");
    assert_eq!(ids(Some(0.7)), "ad");
    for wrong in [-0.1, 1.1, f64::NAN] {
        let options = SearchOptions { diversity: Some(wrong), ..SearchOptions::default() };
        assert!(index.search(&[1.0, 0.0], 2, &options).is_err());
    }
    let many = self::index(3_000, Metric::Dot, Precision::F32);
    let options = SearchOptions { diversity: Some(0.5), ..SearchOptions::default() };
    let hits = many.search(&[0.2; DIMENSIONS], 20, &options).unwrap();
    let mut distinct: Vec<&str> = hits.iter().map(|hit| &*hit.id).collect();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), 20);
    assert_eq!(hits[0], many.search(&[0.2; DIMENSIONS], 1, &exact(&options)).unwrap()[0]);
}

#[test]
fn many_searches_are_the_searches() {
    let index = index(2_000, Metric::L2, Precision::Int8);
    let mut random = Random(3);
    let queries: Vec<Vec<f32>> = (0..10).map(|_| random.vector(DIMENSIONS)).collect();
    let slices: Vec<&[f32]> = queries.iter().map(Vec::as_slice).collect();
    let options = SearchOptions { filter: filter(r#"{"n": {"$gt": 100}}"#), ..Default::default() };
    let together = index.search_many(&slices, 7, &options).unwrap();
    for (query, hits) in queries.iter().zip(together) {
        assert_eq!(hits, index.search(query, 7, &options).unwrap());
    }
    let error = index.search_many(&[&queries[0], &[1.0]], 7, &options).unwrap_err();
    assert!(error.to_string().contains("query 1 has 1 dimensions"), "{error}");
}

/// Every tenth row has a text that is too long to be indexed, so that each row has to be tested.
#[test]
fn many_searches_answer_their_filter_once() {
    const ROWS: usize = 2_000;
    const QUERIES: usize = 5;
    let mut random = Random(5);
    let mut index = VectorIndex::new(DIMENSIONS, Metric::L2).unwrap();
    let (long, other) = ("long ".repeat(200), "other ".repeat(200));
    for number in 0..ROWS {
        let text = if number % 10 == 3 { &long } else { &other };
        let metadata = Metadata::from_json(&format!(r#"{{"text": "{text}"}}"#)).unwrap();
        index.add(&format!("v{number}"), &random.vector(DIMENSIONS), metadata).unwrap();
    }
    let queries: Vec<Vec<f32>> = (0..QUERIES).map(|_| random.vector(DIMENSIONS)).collect();
    let slices: Vec<&[f32]> = queries.iter().map(Vec::as_slice).collect();
    let usual = SearchOptions {
        filter: filter(&format!(r#"{{"text": "{long}"}}"#)),
        ..SearchOptions::default()
    };
    for options in [exact(&usual), usual] {
        let count = |f: &dyn Fn() -> Vec<Vec<Hit>>| {
            let before = index.filters_answered();
            let hits = f();
            let after = index.filters_answered();
            (hits, after.0 - before.0, after.1 - before.1)
        };
        let (hits, selected, tested) = count(&|| index.search_many(&slices, 7, &options).unwrap());
        let (each, selected_each, tested_each) =
            count(&|| slices.iter().map(|q| index.search(q, 7, &options).unwrap()).collect());
        assert_eq!(hits, each);
        assert_eq!((selected, selected_each), (1, QUERIES));
        if options.exact {
            assert_eq!((tested, tested_each), (ROWS, ROWS * QUERIES));
        } else {
            assert!(tested < tested_each, "{tested} of {tested_each}");
        }
    }
}

#[test]
fn recall_is_measured_on_what_is_there() {
    let index = index(6_000, Metric::Cosine, Precision::F32);
    let check = index.recall_check(50, 10);
    assert_eq!((check.searches, check.k), (50, 10));
    assert!(check.recall > 0.97 && check.recall <= 1.0, "{check:?}");
    let empty = VectorIndex::new(3, Metric::Dot).unwrap().recall_check(50, 10);
    assert_eq!((empty.searches, empty.recall), (0, 1.0));
}
