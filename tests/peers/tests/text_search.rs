//! Searches of a text index beside the same ones of FTS5, which they must equal row by row and
//! score by score, whatever was written before.
//!
//! What FTS5 finds is also recorded, for the tests of the core that run without C. To record it
//! anew:
//!
//! ```text
//! SIGIL_RECORD=1 cargo test --manifest-path tests/peers/Cargo.toml --test text_search
//! ```
//!
//! With `SIGIL_BENCH_DATA` set to a directory with `wordnet-50k.jsonl` its glosses are searched too.

#![expect(clippy::unwrap_used, reason = "tests, and what they share")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use cases::{Change, Hit, Queries, Query, RECORDED_SEED, Random, Row, WEIGHTS};
use rusqlite::Connection;
use sigil_native::core::{
    DatabaseOptions, FixedHost, MemoryFiles, MemoryStorage, Store, StoreParts, TextIndexOptions,
    TextQuery, TextSearchOptions, params,
};

#[path = "../../../core/src/text_index/tests/cases.rs"]
#[expect(clippy::cast_possible_truncation, reason = "numbers below a bound")]
mod cases;

/// The same rows in a table of FTS5, and in one with a text index.
struct Tables {
    fts5: Connection,
    files: MemoryFiles,
    store: Store,
    /// Whether there are two columns, or both texts are in one.
    has_columns: bool,
    rows: BTreeMap<i64, Row>,
}

fn open(files: &MemoryFiles) -> Store {
    let parts = StoreParts {
        files: Arc::new(files.clone()),
        host: Arc::new(FixedHost::new(3)),
        snapshots: Box::new(MemoryStorage::new()),
    };
    Store::open(parts, DatabaseOptions::default()).unwrap()
}

impl Tables {
    fn new(has_columns: bool) -> Tables {
        let columns: &[&str] = if has_columns { &["a", "b"] } else { &["a"] };
        let fts5 = Connection::open_in_memory().unwrap();
        let create = format!("CREATE VIRTUAL TABLE t USING fts5({})", columns.join(", "));
        fts5.execute_batch(&create).unwrap();
        let files = MemoryFiles::new();
        let store = open(&files);
        let create = format!("CREATE TABLE t (id INTEGER PRIMARY KEY, {})", columns.join(", "));
        store.database().execute(&create, ()).unwrap();
        let options = TextIndexOptions::new("t", columns.iter().copied());
        store.create_text_index("t", &options).unwrap();
        Tables { fts5, files, store, has_columns, rows: BTreeMap::new() }
    }

    fn reopen(&mut self, is_closed: bool) {
        if is_closed {
            self.store.close().unwrap();
        }
        self.store = open(&self.files);
    }

    /// Both do the same to a row; which of the ways to replace it is taken follows from its number.
    fn change(&mut self, change: &Change) {
        match change {
            Change::Put(key, [a, b]) => {
                let is_new = self.rows.insert(*key, [a.clone(), b.clone()]).is_none();
                let one = format!("{a}: {b}");
                let texts: &[&str] = if self.has_columns { &[a, b] } else { &[&one] };
                let values = ["", ", ?3"][usize::from(self.has_columns)];
                let sets = ["", ", b = ?3"][usize::from(self.has_columns)];
                let update = format!("UPDATE t SET a = ?2{sets} WHERE rowid = ?1");
                let insert = format!("INSERT INTO t VALUES (?1, ?2{values})");
                let replace = insert.replacen("INSERT", "INSERT OR REPLACE", 1);
                let delete = "DELETE FROM t WHERE rowid = ?1";
                let statements = match (is_new, key % 3) {
                    (true, _) => vec![insert],
                    (false, 0) => vec![update],
                    (false, 1) => vec![delete.to_owned(), insert],
                    (false, _) => vec![replace],
                };
                for statement in statements {
                    self.execute(&statement, *key, texts);
                }
            }
            Change::Delete(key) => {
                self.rows.remove(key).unwrap();
                self.execute("DELETE FROM t WHERE rowid = ?1", *key, &[]);
            }
        }
    }

    fn execute(&self, sql: &str, key: i64, texts: &[&str]) {
        let columns = ["(rowid, a)", "(rowid, a, b)"][usize::from(self.has_columns)];
        let fts5 = sql.replacen("INTO t", &format!("INTO t {columns}"), 1);
        let is_delete = sql.starts_with("DELETE");
        let database = self.store.database();
        let mut values = vec![rusqlite::types::Value::from(key)];
        match texts {
            [a, b] if !is_delete => {
                database.execute(sql, params![key, *a, *b]).unwrap();
                values.extend([(*a).to_owned().into(), (*b).to_owned().into()]);
            }
            [a] if !is_delete => {
                database.execute(sql, params![key, *a]).unwrap();
                values.push((*a).to_owned().into());
            }
            _ => drop(database.execute(sql, params![key]).unwrap()),
        }
        let mut statement = self.fts5.prepare_cached(&fts5).unwrap();
        assert_eq!(statement.execute(rusqlite::params_from_iter(values)).unwrap(), 1, "{sql}");
    }

    /// One transaction in both.
    fn write(&mut self, changes: &[Change]) {
        self.fts5.execute_batch("BEGIN").unwrap();
        self.store.begin().unwrap();
        changes.iter().for_each(|change| self.change(change));
        self.store.database().commit().unwrap();
        self.fts5.execute_batch("COMMIT").unwrap();
    }

    fn theirs(&self, query: &str, weights: &[f64]) -> Vec<Hit> {
        let weights: String = weights.iter().map(|weight| format!(", {weight:?}")).collect();
        let sql = format!("SELECT rowid, -bm25(t{weights}) FROM t WHERE t MATCH ? ORDER BY rowid");
        let mut statement = self.fts5.prepare_cached(&sql).unwrap();
        let hits = statement.query_map([query], |row| Ok((row.get(0)?, row.get(1)?)));
        let hits: rusqlite::Result<Vec<Hit>> = hits.unwrap().collect();
        hits.unwrap_or_else(|error| panic!("{query}: {error}"))
    }

    fn ours(&self, query: &str, weights: &[f64], k: usize) -> Vec<Hit> {
        let parsed = TextQuery::parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
        let mut options = TextSearchOptions::default();
        options.weights = weights.to_vec();
        let index = self.store.text_index("t").unwrap();
        let hits = index.search(&parsed, k, &options);
        let hits = hits.unwrap_or_else(|error| panic!("{query}: {error}"));
        hits.iter().map(|hit| (hit.key, hit.score)).collect()
    }

    /// Rows that FTS5 may score with something else than what matches.
    fn doubtful(&self, query: &Query) -> BTreeSet<i64> {
        let rows = |query: &str| self.theirs(query, &[]).into_iter().map(|(key, _)| key).collect();
        query.doubts.iter().flat_map(|doubt| doubt.rows(&rows)).collect()
    }

    /// Compares a query, and gives how many rows it finds and how many of the scores are doubtful.
    fn compare(&self, query: &Query, weights: &[f64]) -> (usize, usize) {
        let text = &query.text;
        let theirs = self.theirs(text, weights);
        let best = self.ours(text, weights, self.rows.len() + 1);
        let is_sorted = |(a, b): (&Hit, &Hit)| a.1 > b.1 || a.1 == b.1 && a.0 < b.0;
        assert!(best.iter().zip(&best[1.min(best.len())..]).all(is_sorted), "{text}");
        let mut ours = best.clone();
        ours.sort_by_key(|(key, _)| *key);
        let keys = |hits: &[Hit]| hits.iter().map(|(key, _)| *key).collect::<Vec<_>>();
        assert_eq!(keys(&ours), keys(&theirs), "{text}");
        let doubtful = self.doubtful(query);
        let mut doubts = 0;
        for ((key, our), (_, their)) in ours.iter().zip(&theirs) {
            if doubtful.contains(key) {
                doubts += 1;
            } else {
                assert!(
                    cases::is_same(*their, *our),
                    "{text} with {weights:?} in row {key}: {our}, FTS5 has {their}: {:?}",
                    self.rows[key]
                );
            }
        }
        // Without the rest the first ones are the same.
        assert_eq!(self.ours(text, weights, 7), best[..best.len().min(7)], "{text}");
        (ours.len(), doubts)
    }

    fn compare_many(&self, queries: &mut Queries<'_>, count: usize, context: &str) {
        let (mut found, mut hits, mut doubts) = (0, 0, 0);
        for n in 0..count {
            let query = queries.next();
            let weights = WEIGHTS[n % WEIGHTS.len()];
            let weights = &weights[..weights.len().min(1 + usize::from(self.has_columns))];
            let (rows, doubtful) = self.compare(&query, weights);
            found += usize::from(rows > 0);
            hits += rows;
            doubts += doubtful;
        }
        eprintln!("{context}: {found} of {count} queries found {hits} rows, {doubts} left out");
        assert!(found > count / 5, "{context}: only {found} of {count} queries found anything");
        assert!(doubts < hits / 3, "{context}: {doubts} of {hits} scores are not compared");
    }
}

/// Writes the history of the documents a fourth at a time, with another kind of upkeep each time.
fn sweep(documents: &[Row], queries: usize, seed: u64) {
    for has_columns in [true, false] {
        let mut random = Random(seed);
        let history = cases::history(documents, &mut random);
        let mut queries_of = Queries::new(documents, has_columns, random.0);
        let mut tables = Tables::new(has_columns);
        for (n, transactions) in history.chunks(history.len().div_ceil(4)).enumerate() {
            transactions.iter().for_each(|changes| tables.write(changes));
            let context = format!("seed {seed}, part {n}, columns: {has_columns}");
            match n {
                0 => {}
                1 => {
                    let index = tables.store.text_index("t").unwrap();
                    while !index.prepare(500).unwrap() {}
                }
                2 => tables.reopen(true),
                _ => {
                    tables.compare_many(&mut queries_of, queries / 2, &context);
                    tables.reopen(false);
                    tables.store.text_index("t").unwrap().optimize().unwrap();
                    tables.fts5.execute_batch("INSERT INTO t(t) VALUES('optimize')").unwrap();
                }
            }
            tables.compare_many(&mut queries_of, queries, &context);
            let index = tables.store.text_index("t").unwrap();
            assert_eq!(index.count().unwrap(), tables.rows.len() as u64);
        }
    }
}

#[test]
fn searches_of_the_sample_are_those_of_fts5() {
    sweep(&cases::documents(), 500, 1);
}

#[test]
fn searches_of_few_different_words_are_those_of_fts5() {
    for seed in 2..5 {
        let documents = cases::random_documents(1_500, &mut Random(seed));
        sweep(&documents, 300, seed);
    }
}

#[test]
fn searches_of_many_glosses_are_those_of_fts5() {
    let Some(directory) = std::env::var_os("SIGIL_BENCH_DATA") else { return };
    let text = std::fs::read_to_string(Path::new(&directory).join("wordnet-50k.jsonl")).unwrap();
    let documents = text.lines().map(|line| {
        let json: serde_json::Value = serde_json::from_str(line).unwrap();
        ["words", "gloss"].map(|name| match json[name].as_str() {
            Some(text) => text.to_owned(),
            None => json[name].to_string(),
        })
    });
    sweep(&documents.collect::<Vec<_>>(), 100, 9);
}

/// Within a transaction both see what it has written.
#[test]
fn searches_within_a_transaction_are_those_of_fts5() {
    let documents = cases::random_documents(800, &mut Random(77));
    let history = cases::history(&documents, &mut Random(78));
    let mut queries = Queries::new(&documents, true, 79);
    let mut tables = Tables::new(true);
    let (last, before) = history.split_last().unwrap();
    before.iter().for_each(|changes| tables.write(changes));
    tables.compare_many(&mut queries, 40, "before");
    let rows = tables.rows.clone();
    tables.fts5.execute_batch("BEGIN").unwrap();
    tables.store.begin().unwrap();
    let half = last.len() / 2;
    last[..half].iter().for_each(|change| tables.change(change));
    tables.compare_many(&mut queries, 40, "half of it");
    last[half..].iter().for_each(|change| tables.change(change));
    tables.compare_many(&mut queries, 40, "all of it");
    tables.fts5.execute_batch("ROLLBACK").unwrap();
    tables.store.database().rollback().unwrap();
    tables.rows = rows;
    tables.compare_many(&mut queries, 40, "rolled back");
}

#[test]
fn what_fts5_finds_is_what_was_recorded() {
    const QUERIES: usize = 900;
    let documents = cases::documents();
    let mut random = Random(RECORDED_SEED);
    let history = cases::history(&documents, &mut random);
    let mut tables = Tables::new(true);
    history.iter().for_each(|changes| tables.write(changes));
    let mut queries = Queries::new(&documents, true, random.0);
    let (mut answers, mut recorded) = (String::new(), 0);
    while recorded < QUERIES {
        let query = queries.next();
        let weights = recorded % WEIGHTS.len();
        let (rows, doubts) = tables.compare(&query, WEIGHTS[weights]);
        // What finds nothing is found by nothing else either: a few are enough.
        if doubts == 0 && (rows > 0 || recorded % 10 == 0) {
            let hits = tables.theirs(&query.text, WEIGHTS[weights]);
            answers.push_str(&cases::answer(&query.text, weights, &hits));
            answers.push('\n');
            recorded += 1;
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/text/search.txt");
    if std::env::var_os("SIGIL_RECORD").is_some() {
        std::fs::write(&path, &answers).unwrap();
    }
    let recorded = std::fs::read_to_string(&path).unwrap();
    for (answer, recorded) in answers.lines().zip(recorded.lines()) {
        assert_eq!(answer, recorded, "record the answers anew");
    }
    assert_eq!(answers.lines().count(), recorded.lines().count(), "record the answers anew");
}

/// The rows that are left out above: each [`cases::Doubt`] in its smallest form.
#[test]
fn fts5_counts_what_does_not_match_where_it_is_documented() {
    let mut tables = Tables::new(false);
    let texts = ["x y z", "x far far far y z", "x u", "w u v", "z v w"];
    for (key, text) in (1..).zip(texts) {
        tables.write(&[Change::Put(key, [text.to_owned(), String::new()])]);
    }
    for key in 6..40 {
        tables.write(&[Change::Put(key, ["other words".to_owned(), String::new()])]);
    }
    let score = |hits: Vec<Hit>, key: i64| {
        hits.iter().find(|(other, _)| *other == key).map(|(_, score)| *score).unwrap()
    };
    let of = |query: &str, key: i64| {
        (score(tables.theirs(query, &[]), key), score(tables.ours(query, &[], 100), key))
    };
    let z = of("z", 2).0;
    // The words are too far from each other to be the phrase, so that x is counted, and not y.
    for query in ["z OR NEAR(x \"x y\", 3)", "z NOT NEAR(x \"x y\", 3)"] {
        let (theirs, ours) = of(query, 2);
        assert!(theirs > z && cases::is_same(ours, z), "{query}: {theirs} {ours}");
    }
    // An AND above makes FTS5 forget them, and there are none of a NEAR of single words.
    for query in ["z OR (y AND NEAR(x \"x y\", 3))", "z OR NEAR(x y, 2)"] {
        let (theirs, ours) = of(query, 2);
        assert!(cases::is_same(theirs, z) && cases::is_same(ours, z), "{query}: {theirs} {ours}");
    }
    // In row 4 the AND meets words that are no phrase, when z stands on row 5 already.
    let query = "far OR ((z OR u) AND \"v w\")";
    let (theirs, ours) = of(query, 5);
    assert!(theirs < ours && cases::is_same(ours, of("z AND \"v w\"", 5).0), "{theirs} {ours}");
    // Nothing has the left side of the NOT, and the first row of the right one is counted.
    let query = "z OR (none NOT x)";
    let ((theirs, ours), (second, _)) = (of(query, 1), of(query, 2));
    assert!(theirs > ours && cases::is_same(ours, of("z", 1).0), "{theirs} {ours}");
    assert!(cases::is_same(second, z), "{second}");
}
