use std::collections::BTreeMap;

use super::*;
use crate::testing::test;

#[expect(
    dead_code,
    clippy::cast_possible_truncation,
    reason = "FTS5 is asked elsewhere, and numbers are below a bound"
)]
mod cases;
mod fts5;
use crate::{Filter, Metadata, TextQuery, Value, params};

mod attributes;

mod naive;

use naive::{Naive, Row};

/// A linear congruential generator, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    fn text(&mut self) -> String {
        let words = ["red", "green", "blue", "bluish", "a", "b", "c", "redder", "grey", "of"];
        let len = self.below(12);
        let word = |random: &mut Random| {
            // Some words are rare.
            let at = random.below(10).min(random.below(10));
            words[usize::try_from(at).unwrap()]
        };
        (0..len).map(|_| word(self)).collect::<Vec<_>>().join(" ")
    }

    fn query(&mut self) -> String {
        let simple = [
            "red",
            "green",
            "blue",
            "a",
            "of",
            "re*",
            "blu*",
            "\"a b\"",
            "\"red red\"",
            "\"a re\"*",
            "t : red",
            "u : a*",
            "^red",
            "NEAR(a b, 2)",
            "NEAR(red green blue, 5)",
            "-t:grey",
            "zzz",
        ];
        let pick = |random: &mut Random| {
            let count = u64::try_from(simple.len()).unwrap();
            simple[usize::try_from(random.below(count)).unwrap()]
        };
        let (a, b, c) = (pick(self), pick(self), pick(self));
        match self.below(6) {
            0 | 1 => a.to_owned(),
            2 => format!("{a} AND {b}"),
            3 => format!("{a} OR {b} OR {c}"),
            4 => format!("({a} OR {b}) AND {c}"),
            _ => format!("({a}) NOT ({b})"),
        }
    }

    /// Something for the columns that filters ask for, and what they may find.
    fn attributes(&mut self) -> ([Value; 2], Metadata) {
        let one = self.below(4);
        let column = match self.below(8) {
            0 => Value::Null,
            1 => Value::Blob(b"x".to_vec()),
            2 => Value::Real(f64::INFINITY),
            3 | 4 => Value::Integer(one.cast_signed()),
            5 => Value::Real(one as f64 / 2.0),
            6 => Value::Text(["x", "y", "", "xy"][usize::try_from(one).unwrap()].to_owned()),
            _ => Value::Text(LONG.repeat(10)),
        };
        let mut text = match self.below(8) {
            0 => return self.only(column, Value::Null),
            1 => return self.only(column, Value::Text("no JSON".to_owned())),
            2 => return self.only(column, Value::Text("[1, 2]".to_owned())),
            3 => return self.only(column, Value::Integer(7)),
            _ => format!(r#"{{"n": {}"#, self.below(5)),
        };
        if self.below(2) == 0 {
            let tags = ["\"x\"", "\"y\"", "1", "1.0", "\"x\"", "null"];
            let from = usize::try_from(self.below(6)).unwrap();
            text.push_str(&format!(r#", "tags": [{}]"#, tags[from..].join(", ")));
        }
        if self.below(2) == 0 {
            text.push_str(r#", "a": "member", "o": {"p": [1]}"#);
        }
        text.push('}');
        self.only(column, Value::Text(text))
    }

    fn only(&self, column: Value, json: Value) -> ([Value; 2], Metadata) {
        let mut object = serde_json::Map::new();
        if let Some(serde_json::Value::Object(members)) =
            json.as_str().and_then(|text| serde_json::from_str(text).ok())
        {
            object = members;
        }
        object.remove("a");
        match &column {
            Value::Integer(n) => drop(object.insert("a".to_owned(), (*n).into())),
            Value::Real(n) if n.is_finite() => drop(object.insert("a".to_owned(), (*n).into())),
            Value::Text(text) => drop(object.insert("a".to_owned(), text.as_str().into())),
            _ => {}
        }
        let metadata = Metadata::from_value(&serde_json::Value::Object(object)).unwrap();
        ([column, json], metadata)
    }

    fn filter(&mut self) -> Option<Filter> {
        let long = format!(r#"{{"a": "{}"}}"#, LONG.repeat(10));
        let simple = [
            "{}",
            r#"{"a": 1}"#,
            r#"{"a": "x"}"#,
            r#"{"a": {"$gte": 1}}"#,
            r#"{"a": {"$exists": false}}"#,
            r#"{"tags": "x"}"#,
            r#"{"tags": {"$in": ["y", 1]}}"#,
            r#"{"n": {"$lt": 3}}"#,
            r#"{"$not": {"a": {"$in": [0, "y"]}}}"#,
            &long,
            r#"{"a": {"$gt": "w"}}"#,
            r#"{"none": 1}"#,
            r#"{"o": {"p": [1]}}"#,
            r#"{"a": "member"}"#,
            r#"{"n": {"$ne": 2}, "tags": {"$ne": null}}"#,
        ];
        let mut pick = || {
            let count = u64::try_from(simple.len()).unwrap();
            simple[usize::try_from(self.below(count)).unwrap()]
        };
        let (a, b) = (pick(), pick());
        let text = match self.below(5) {
            0 => return None,
            1 => format!(r#"{{"$or": [{a}, {b}]}}"#),
            2 => format!(r#"{{"$and": [{a}, {b}]}}"#),
            _ => a.to_owned(),
        };
        Some(Filter::from_json(&text).unwrap())
    }
}

/// With others of its kind too long to be in a dictionary.
const LONG: &str = "twenty letters long!";

fn options() -> TextIndexOptions {
    let mut options = TextIndexOptions::new("doc", ["t", "u"]);
    options.attributes = vec!["a".to_owned()];
    options.metadata = Some("m".to_owned());
    options
}

fn store_with_table() -> Store {
    let store = Store::in_memory().unwrap();
    store.database().execute("CREATE TABLE doc (key INTEGER PRIMARY KEY, t, u, a, m)", ()).unwrap();
    let options = options();
    store.create_text_index("docs", &options).unwrap();
    store
}

fn compare(store: &Store, naive: &Naive, random: &mut Random) {
    let index = store.text_index("docs").unwrap();
    assert_eq!(index.count().unwrap(), naive.rows.len() as u64);
    for _ in 0..4 {
        let text = random.query();
        let query = TextQuery::parse(&text).unwrap();
        let k = usize::try_from(random.below(40)).unwrap();
        let weights = match random.below(3) {
            0 => Vec::new(),
            1 => vec![3.0, 0.5],
            _ => vec![0.0, 2.0],
        };
        let filter = random.filter();
        let text = format!("{text} {filter:?}");
        let expected = naive.search(&query, &weights, filter.as_ref());
        let options = TextSearchOptions { weights, filter, ..Default::default() };
        let found = index.search(&query, k, &options).unwrap();
        let shown = |hits: &[(i64, f64)]| format!("{hits:?}");
        let got: Vec<(i64, f64)> = found.iter().map(|hit| (hit.key, hit.score)).collect();
        assert_eq!(
            got.len(),
            k.min(expected.len()),
            "{text}: {} of {}",
            shown(&got),
            shown(&expected)
        );
        for (got, expected) in got.iter().zip(&expected) {
            assert!((got.1 - expected.1).abs() < 1e-9, "{text}: {got:?} {expected:?}");
        }
        let all = index.search(&query, 1000, &options).unwrap();
        let mut keys: Vec<i64> = all.iter().map(|hit| hit.key).collect();
        let mut wanted: Vec<i64> = expected.iter().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(keys, wanted, "{text}");
        assert!(all.starts_with(&found), "{text}");
        assert_eq!(index.count_matching(&query, &options).unwrap(), wanted.len() as u64, "{text}");
        let facets = index.facets(&query, &options, &["a", "tags", "n", "none"], k).unwrap();
        assert_eq!(facets.rows, wanted.len() as u64, "{text}");
        for facet in facets.keys {
            let mut expected = naive.facet(&wanted, &facet.key);
            assert_eq!(facet.distinct, expected.len() as u64, "{text}");
            expected.truncate(k);
            assert_eq!(facet.values, expected, "{text} {}", facet.key);
        }
    }
}

fn write(store: &Store, rows: &mut BTreeMap<i64, Row>, random: &mut Random) {
    let db = store.database();
    let any = |random: &mut Random| i64::try_from(random.below(60)).unwrap();
    match random.below(9) {
        0..=2 => {
            let texts = [random.text(), random.text()];
            let ([a, m], attributes) = random.attributes();
            let sql = "INSERT INTO doc (t, u, a, m) VALUES (?, ?, ?, ?)";
            let values = params![&*texts[0], &*texts[1], a, m];
            let key = db.execute(sql, values).unwrap().last_insert_rowid;
            rows.insert(key, Row { texts, attributes });
        }
        3 => {
            let (key, texts) = (any(random) - 5, [random.text(), random.text()]);
            let ([a, m], attributes) = random.attributes();
            let sql = "INSERT OR REPLACE INTO doc VALUES (?, ?, ?, ?, ?)";
            db.execute(sql, params![key, &*texts[0], &*texts[1], a, m]).unwrap();
            rows.insert(key, Row { texts, attributes });
        }
        4 => {
            let (key, text) = (any(random), random.text());
            db.execute("UPDATE doc SET u = ? WHERE key = ?", params![&*text, key]).unwrap();
            if let Some(row) = rows.get_mut(&key) {
                row.texts[1] = text;
            }
        }
        5 => {
            let key = any(random);
            db.execute("DELETE FROM doc WHERE key = ?", params![key]).unwrap();
            rows.remove(&key);
        }
        7 => {
            let (key, ([a, m], attributes)) = (any(random), random.attributes());
            db.execute("UPDATE doc SET a = ?, m = ? WHERE key = ?", params![a, m, key]).unwrap();
            if let Some(row) = rows.get_mut(&key) {
                row.attributes = attributes;
            }
        }
        6 => {
            // The highest ones, whose numbers are given again.
            let Some(last) = rows.keys().last().copied() else { return };
            let from = last - i64::try_from(random.below(4)).unwrap();
            db.execute("DELETE FROM doc WHERE key >= ?", params![from]).unwrap();
            rows.retain(|key, _| *key < from);
        }
        _ => {
            let (from, to) = (any(random), any(random) + 100);
            if rows.contains_key(&from) && !rows.contains_key(&to) {
                db.execute("UPDATE doc SET key = ? WHERE key = ?", params![to, from]).unwrap();
                let row = rows.remove(&from).unwrap();
                rows.insert(to, row);
            }
        }
    }
}

fn keep(store: &Store, random: &mut Random) {
    let info = store.text_index("docs").unwrap().info().clone();
    match random.below(20) {
        0 => store.text_index("docs").unwrap().optimize().unwrap(),
        1 => store.text_index("docs").unwrap().rebuild().unwrap(),
        2 => store.forget_text_index(info.id),
        3..=9 => store
            .with_text_index(&info, |follower, db| {
                follower.step_bytes = 200;
                follower.catch_up(db)?;
                follower.store(db)
            })
            .unwrap(),
        10..=14 => store
            .with_text_index(&info, |follower, db| {
                follower.step_bytes = 200;
                follower.merge_some(db, 2)
            })
            .unwrap(),
        15 => drop(store.text_index("docs").unwrap().prepare(3).unwrap()),
        _ => {}
    }
}

#[test]
fn searches_find_what_a_naive_search_finds_whatever_happened_before() {
    let mut random = Random(11);
    for _ in 0..4 {
        let store = store_with_table();
        let mut naive = Naive::default();
        for _ in 0..120 {
            for _ in 0..random.below(6) {
                write(&store, &mut naive.rows, &mut random);
            }
            if random.below(4) == 0 {
                let mut pending = naive.clone();
                let kept = random.below(2) == 0;
                store.begin().unwrap();
                for _ in 0..random.below(6) {
                    write(&store, &mut pending.rows, &mut random);
                }
                compare(&store, &pending, &mut random);
                if kept {
                    store.database().commit().unwrap();
                    naive = pending;
                } else {
                    store.database().rollback().unwrap();
                }
            }
            keep(&store, &mut random);
            compare(&store, &naive, &mut random);
        }
    }
}

#[test]
fn a_scrub_leaves_no_word_of_what_was_deleted_in_any_segment() {
    let mut random = Random(5);
    let store = store_with_table();
    let db = store.database();
    let info = store.text_index("docs").unwrap().info().clone();
    let mut words = Vec::new();
    for key in 0..200 {
        let letters = (0..16).map(|_| char::from(b'a' + u8::try_from(random.below(26)).unwrap()));
        let word: String = letters.collect();
        db.execute("INSERT INTO doc (key, t, u) VALUES (?, ?, 'kept')", params![key, &*word])
            .unwrap();
        words.push(word);
        if key % 40 == 39 {
            let store_now = |follower: &mut TextFollower, db: &Database| {
                follower.step_bytes = 300;
                follower.catch_up(db)?;
                follower.store(db)?;
                follower.merge_some(db, 2)
            };
            store.with_text_index(&info, store_now).unwrap();
        }
    }
    let held = || {
        let rows = db.query("SELECT bytes FROM sigil_text_part", ()).unwrap();
        let blobs: Vec<u8> = rows
            .rows()
            .iter()
            .flat_map(|row| row.get(0).unwrap().as_blob().unwrap().to_vec())
            .collect();
        let is_held = |word: &&String| {
            word.as_bytes().windows(8).any(|trace| blobs.windows(8).any(|bytes| bytes == trace))
        };
        words.iter().filter(is_held).count()
    };
    assert_eq!(held(), 200);
    db.execute("DELETE FROM doc WHERE key % 4 = 1", ()).unwrap();
    store.scrub().unwrap();
    assert_eq!(held(), 150);
    let index = store.text_index("docs").unwrap();
    let query = TextQuery::parse("kept").unwrap();
    let hits = index.search(&query, 1000, &TextSearchOptions::default()).unwrap();
    assert_eq!(hits.len(), 150);
}

#[test]
fn rows_are_shown_as_they_are_now_inside_a_transaction_too() {
    let store = store_with_table();
    let db = store.database();
    db.execute("INSERT INTO doc (key, t, u) VALUES (1, 'red x', 42), (2, NULL, 'green red')", ())
        .unwrap();
    let index = store.text_index("docs").unwrap();
    let (query, options) = (TextQuery::parse("red OR 42").unwrap(), SnippetOptions::default());
    let shown = |key| {
        let columns = index.highlight(&query, key, &options).unwrap();
        columns.map(|columns| columns.iter().map(|c| c.marked("[", "]")).collect::<Vec<_>>())
    };
    assert_eq!(shown(1).unwrap(), ["[red] x", "[42]"]);
    assert_eq!(shown(2).unwrap(), ["", "green [red]"]);
    store.begin().unwrap();
    db.execute("UPDATE doc SET t = 'blue' WHERE key = 1", ()).unwrap();
    db.execute("DELETE FROM doc WHERE key = 2", ()).unwrap();
    db.execute("INSERT INTO doc (key, t, u) VALUES (3, 'x', 'red')", ()).unwrap();
    assert_eq!(shown(1).unwrap(), ["blue", "[42]"]);
    assert_eq!(shown(2), None);
    let snippet = index.snippet(&query, 3, &options).unwrap().unwrap();
    assert_eq!((snippet.column, &*snippet.marked("[", "]", "...")), (1, "[red]"));
    db.rollback().unwrap();
    assert_eq!(shown(2).unwrap(), ["", "green [red]"]);
    assert_eq!(index.snippet(&query, 3, &options).unwrap(), None);
}

#[test]
fn snippets_refuse_what_cannot_be() {
    let store = store_with_table();
    let index = store.text_index("docs").unwrap();
    let query = TextQuery::parse("red").unwrap();
    let of = |texts: &[&str], options| {
        index.snippet_of(&query, texts, &options).map_err(|error| error.kind())
    };
    let good = SnippetOptions::default();
    assert_eq!(of(&["", "a red"], good.clone()).unwrap().text, "a red");
    assert_eq!(of(&["a"], good.clone()), Err(ErrorKind::InvalidInput));
    for tokens in [0, 65] {
        assert_eq!(
            of(&["", ""], SnippetOptions { tokens, ..good.clone() }),
            Err(ErrorKind::InvalidInput)
        );
    }
    assert_eq!(
        of(&["", ""], SnippetOptions { typos: 3, ..good.clone() }),
        Err(ErrorKind::InvalidInput)
    );
    let long = "a".repeat(TEXT_ROW_BYTES_MAX);
    assert_eq!(of(&[&long, "b"], good), Err(ErrorKind::Limit));
}

#[test]
fn a_deeply_nested_query_takes_no_longer_than_a_flat_one() {
    let store = store_with_table();
    store.database().execute("INSERT INTO doc (t) VALUES ('word other')", ()).unwrap();
    let index = store.text_index("docs").unwrap();
    // Twice as much at each level would never end.
    let nested = (0..120).fold("word".to_owned(), |query, level| match level % 2 {
        0 => format!("({query}) AND other"),
        _ => format!("({query}) OR nothing"),
    });
    let query = TextQuery::parse(&nested).unwrap();
    assert_eq!(index.search(&query, 10, &TextSearchOptions::default()).unwrap().len(), 1);
}

#[test]
fn what_was_open_of_an_index_that_was_rolled_back_is_not_taken_for_another() {
    let store = store_with_table();
    let db = store.database();
    db.execute("INSERT INTO doc (t, u) VALUES ('one', 'two')", ()).unwrap();
    let query = TextQuery::parse("two").unwrap();
    for (column, hits) in [("u", 1), ("t", 0)] {
        store.begin().unwrap();
        let index =
            store.create_text_index("again", &TextIndexOptions::new("doc", [column])).unwrap();
        assert_eq!(index.search(&query, 10, &TextSearchOptions::default()).unwrap().len(), hits);
        db.rollback().unwrap();
    }
}
