//! Searches that FTS5 was asked for, as they were recorded: see [`cases`](super::cases).

use super::cases::{self, Change, Hit, Random, WEIGHTS};
use super::*;
use crate::testing::test;
use crate::{TextQuery, params};

const RECORDED: &str = include_str!("../../../../tests/fixtures/text/search.txt");

/// A table after the recorded history, with its index.
fn table() -> Store {
    let store = Store::in_memory().unwrap();
    let db = store.database();
    db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)", ()).unwrap();
    store.create_text_index("t", &TextIndexOptions::new("t", ["a", "b"])).unwrap();
    let documents = cases::documents();
    for changes in cases::history(&documents, &mut Random(cases::RECORDED_SEED)) {
        store.begin().unwrap();
        for change in changes {
            match change {
                Change::Put(key, [a, b]) => {
                    let sql = "INSERT OR REPLACE INTO t VALUES (?, ?, ?)";
                    db.execute(sql, params![key, &*a, &*b]).unwrap();
                }
                Change::Delete(key) => {
                    db.execute("DELETE FROM t WHERE id = ?", params![key]).unwrap();
                }
            }
        }
        db.commit().unwrap();
    }
    store
}

fn check(store: &Store) {
    let index = store.text_index("t").unwrap();
    for line in RECORDED.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [query, weights, count, sum, best] = fields[..] else { panic!("{line}") };
        let weights = WEIGHTS[weights.parse::<usize>().unwrap()].to_vec();
        let options = TextSearchOptions { weights, ..Default::default() };
        let hits = index.search(&TextQuery::parse(query).unwrap(), 10_000, &options).unwrap();
        let mut keys: Vec<i64> = hits.iter().map(|hit| hit.key).collect();
        keys.sort_unstable();
        assert_eq!(keys.len().to_string(), count, "{query}");
        assert_eq!(format!("{:016x}", cases::sum(keys)), sum, "{query}");
        let best = best.split_whitespace().map(|hit| hit.split_once(':').unwrap());
        let best: Vec<Hit> =
            best.map(|(key, score)| (key.parse().unwrap(), score.parse().unwrap())).collect();
        assert_eq!(best.len(), hits.len().min(cases::BEST), "{query}");
        for ((key, score), hit) in best.iter().zip(&hits) {
            // Among equal ones rounding decides which is first.
            assert!(cases::is_same(*score, hit.score), "{query}: {score} {hit:?}");
            let same = hits.iter().find(|hit| hit.key == *key).unwrap();
            assert!(cases::is_same(*score, same.score), "{query}: {score} {same:?}");
        }
    }
}

#[test]
fn searches_find_and_score_what_fts5_was_recorded_to() {
    let store = table();
    check(&store);
    store.text_index("t").unwrap().optimize().unwrap();
    check(&store);
}
