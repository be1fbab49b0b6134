//! The full-text engine beside the FTS5 of the C SQLite that is installed: the same words, the same
//! rows, the same scores and the same marks.
//!
//! Also what is recorded of FTS5 in `tests/fixtures/text`, which holds where there is no C, is what
//! it says here.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use cases::{Change, Hit, Queries, Query, Random, Row, WEIGHTS};
use sigil_core::{SnippetOptions, Store, TextIndexOptions, TextQuery, TextSearchOptions, params};
use sigil_tests::c_sqlite;

#[path = "../../core/src/text_index/tests/cases.rs"]
#[expect(clippy::cast_possible_truncation, reason = "numbers below a bound")]
#[expect(dead_code, reason = "nothing is recorded here")]
mod cases;
#[path = "../../core/src/text/analyzer/cases.rs"]
#[expect(
    clippy::cast_possible_truncation,
    reason = "few words, and numbers that are cut on purpose"
)]
mod texts;

const RECORDED_TOKENS: &str = include_str!("../fixtures/text/tokens.txt");
const RECORDED_SEARCHES: &str = include_str!("../fixtures/text/search.txt");

/// So many of the rows that a query finds are marked.
const MARKED: usize = 12;

/// Statements for one run of SQLite, some of which are questions.
#[derive(Debug, Default)]
struct Script {
    text: String,
    questions: usize,
}

impl Script {
    fn run(&mut self, statement: &str) {
        self.text.push_str(statement);
        self.text.push_str(";\n");
    }

    /// The place of the answer to a SELECT.
    fn ask(&mut self, select: &str) -> usize {
        self.run("SELECT '?'");
        self.run(select);
        self.questions += 1;
        self.questions - 1
    }

    /// The rows of each question.
    fn answers(self) -> Vec<Vec<String>> {
        let lines = c_sqlite::run_with_fts5(self.text).unwrap();
        let mut answers: Vec<Vec<String>> = Vec::with_capacity(self.questions);
        for line in lines {
            match line.as_str() {
                "?" => answers.push(Vec::new()),
                _ => answers.last_mut().expect("only questions are answered").push(line),
            }
        }
        assert_eq!(answers.len(), self.questions);
        answers
    }
}

/// A text in SQL, whatever is in it.
fn literal(text: &str) -> String {
    let hex: String = text.bytes().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    format!("CAST(x'{hex}' AS TEXT)")
}

fn from_hex(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    digits.map(|byte| u8::from_str_radix(str::from_utf8(byte).unwrap(), 16).unwrap()).collect()
}

/// The words of all texts, as FTS5 indexes them.
fn words_of_fts5(texts: &[&str]) -> Vec<Vec<texts::Word>> {
    let mut script = Script::default();
    script.run(
        "CREATE VIRTUAL TABLE t USING fts5(x, content = '', columnsize = 0, tokenize = 'unicode61')",
    );
    script.run("CREATE VIRTUAL TABLE word USING fts5vocab(t, instance)");
    script.run("BEGIN");
    for (chunk, texts) in texts.chunks(1000).enumerate() {
        let rows: Vec<String> = (chunk * 1000..)
            .zip(texts)
            .map(|(key, text)| format!("({key}, {})", literal(text)))
            .collect();
        script.run(&format!("INSERT INTO t (rowid, x) VALUES {}", rows.join(", ")));
    }
    script.run("COMMIT");
    let answer = script.ask("SELECT doc, \"offset\", hex(term) FROM word");
    let mut words = vec![Vec::new(); texts.len()];
    for row in &script.answers()[answer] {
        let (document, word) = row.split_once('|').unwrap();
        let (position, term) = word.split_once('|').unwrap();
        words[document.parse::<usize>().unwrap()]
            .push((from_hex(term), position.parse::<u32>().unwrap()));
    }
    words.iter_mut().for_each(|words| words.sort_unstable_by_key(|(_, position)| *position));
    words
}

/// Whether the texts are asked for in this run: of the blocks of characters far behind, which are
/// mostly empty, every sixteenth, begun at another one in each run.
fn is_asked_for(name: &str) -> bool {
    let Some(code) = name.strip_prefix("U+") else { return true };
    let block = u32::from_str_radix(code, 16).unwrap() / 1024;
    block < 0x2_0000 / 1024
        || block == 0xe_0000 / 1024
        || (block + std::process::id()).is_multiple_of(16)
}

#[test]
fn the_words_that_were_recorded_are_those_of_fts5() {
    let cases = texts::cases();
    assert_eq!(cases.len(), RECORDED_TOKENS.lines().count());
    let asked = cases.iter().zip(RECORDED_TOKENS.lines()).filter(|(it, _)| is_asked_for(&it.name));
    let asked: Vec<_> = asked.collect();
    let texts: Vec<&str> =
        asked.iter().flat_map(|(case, _)| &case.texts).map(String::as_str).collect();
    let mut words = words_of_fts5(&texts).into_iter();
    for (case, recorded) in asked {
        let words: Vec<_> = words.by_ref().take(case.texts.len()).collect();
        assert_eq!(texts::answer(case, &words), recorded);
    }
}

/// The same rows in a table of FTS5, and in one with a text index.
struct Tables {
    name: String,
    /// Whether there are two columns, or both texts are in one.
    has_columns: bool,
    rows: BTreeMap<i64, Row>,
    store: Store,
}

impl Tables {
    fn new(
        script: &mut Script,
        name: &str,
        documents: &[Row],
        has_columns: bool,
        seed: u64,
    ) -> Tables {
        let columns = if has_columns { "a, b" } else { "a" };
        script.run(&format!(
            "CREATE VIRTUAL TABLE {name} USING fts5({columns}, tokenize = 'unicode61')"
        ));
        let store = Store::in_memory().unwrap();
        let db = store.database();
        db.execute(&format!("CREATE TABLE t (id INTEGER PRIMARY KEY, {columns})"), ()).unwrap();
        store.create_text_index("t", &TextIndexOptions::new("t", columns.split(", "))).unwrap();
        let mut rows = BTreeMap::new();
        for changes in cases::history(documents, &mut Random(seed)) {
            store.begin().unwrap();
            script.run("BEGIN");
            for change in changes {
                match change {
                    Change::Put(key, row) => {
                        let texts = if has_columns { row.to_vec() } else { vec![row.join(": ")] };
                        put(script, &store, name, key, &texts);
                        rows.insert(key, row);
                    }
                    Change::Delete(key) => {
                        script.run(&format!("DELETE FROM {name} WHERE rowid = {key}"));
                        db.execute("DELETE FROM t WHERE id = ?", params![key]).unwrap();
                        rows.remove(&key).unwrap();
                    }
                }
            }
            db.commit().unwrap();
            script.run("COMMIT");
        }
        Tables { name: name.into(), has_columns, rows, store }
    }

    /// Asks for the rows of a query, with their scores.
    fn ask(&self, script: &mut Script, query: &str, weights: &[f64]) -> usize {
        let weights: String = weights.iter().map(|weight| format!(", {weight:?}")).collect();
        let Tables { name, .. } = self;
        script.ask(&format!(
            "SELECT rowid, -bm25({name}{weights}) FROM {name} WHERE {name} MATCH {} ORDER BY rowid",
            literal(query)
        ))
    }

    /// Asks for the texts of some of these rows, with marks.
    fn ask_marked(&self, script: &mut Script, query: &str) -> usize {
        let Tables { name, .. } = self;
        let columns = (0..=usize::from(self.has_columns))
            .map(|column| format!(", hex(highlight({name}, {column}, char(1), char(2)))"));
        script.ask(&format!(
            "SELECT rowid{} FROM {name} WHERE {name} MATCH {} ORDER BY rowid LIMIT {MARKED}",
            columns.collect::<String>(),
            literal(query)
        ))
    }

    fn ours(&self, query: &str, weights: &[f64]) -> Vec<Hit> {
        let query = TextQuery::parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
        let mut options = TextSearchOptions::default();
        options.weights = weights.to_vec();
        let index = self.store.text_index("t").unwrap();
        let hits = index.search(&query, self.rows.len() + 1, &options).unwrap();
        let mut hits: Vec<Hit> = hits.iter().map(|hit| (hit.key, hit.score)).collect();
        hits.sort_by_key(|(key, _)| *key);
        hits
    }
}

fn put(script: &mut Script, store: &Store, name: &str, key: i64, texts: &[String]) {
    let db = store.database();
    match texts {
        [a, b] => {
            let values = format!("{key}, {}, {}", literal(a), literal(b));
            script.run(&format!("REPLACE INTO {name} (rowid, a, b) VALUES ({values})"));
            db.execute("REPLACE INTO t VALUES (?, ?, ?)", params![key, &**a, &**b]).unwrap();
        }
        [a] => {
            let values = format!("{key}, {}", literal(a));
            script.run(&format!("REPLACE INTO {name} (rowid, a) VALUES ({values})"));
            db.execute("REPLACE INTO t VALUES (?, ?)", params![key, &**a]).unwrap();
        }
        _ => unreachable!("one column or two"),
    }
}

/// Rows with their scores.
fn hits(answer: &[String]) -> Vec<Hit> {
    let hit = |row: &String| {
        let (key, score) = row.split_once('|').unwrap();
        (key.parse().unwrap(), score.parse().unwrap())
    };
    answer.iter().map(hit).collect()
}

fn keys(hits: &[Hit]) -> Vec<i64> {
    hits.iter().map(|(key, _)| *key).collect()
}

#[test]
fn the_searches_that_were_recorded_are_those_of_fts5() {
    let mut script = Script::default();
    let tables = Tables::new(&mut script, "t", &cases::documents(), true, cases::RECORDED_SEED);
    let asked: Vec<_> = RECORDED_SEARCHES
        .lines()
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let [query, weights, count, sum, best] = fields[..] else { panic!("{line}") };
            let weights = WEIGHTS[weights.parse::<usize>().unwrap()];
            (query, weights, count, sum, best, tables.ask(&mut script, query, weights))
        })
        .collect();
    assert!(asked.len() > 500);
    let answers = script.answers();
    for (query, weights, count, sum, best, answer) in asked {
        let theirs = hits(&answers[answer]);
        assert_eq!(theirs.len().to_string(), count, "{query}");
        assert_eq!(format!("{:016x}", cases::sum(keys(&theirs))), sum, "{query}");
        let best = best.split_whitespace().map(|hit| hit.split_once(':').unwrap());
        let best: Vec<Hit> =
            best.map(|(key, score)| (key.parse().unwrap(), score.parse().unwrap())).collect();
        assert_eq!(best.len(), theirs.len().min(cases::BEST), "{query}");
        let mut scores: Vec<f64> = theirs.iter().map(|(_, score)| *score).collect();
        scores.sort_by(|a, b| b.total_cmp(a));
        for ((key, recorded), score) in best.iter().zip(scores) {
            // Among equal ones rounding decides which is first.
            assert!(cases::is_same(*recorded, score), "{query}: {recorded} {score}");
            let same = theirs.iter().find(|(other, _)| other == key).unwrap();
            assert!(cases::is_same(*recorded, same.1), "{query}: {recorded} {same:?}");
        }
        assert_same(query, &tables.ours(query, weights), &theirs, &BTreeSet::new());
    }
}

/// Compares what was found, and scores apart from those of the rows that are `doubtful`.
fn assert_same(query: &str, ours: &[Hit], theirs: &[Hit], doubtful: &BTreeSet<i64>) {
    assert_eq!(keys(ours), keys(theirs), "{query}");
    for ((key, our), (_, their)) in ours.iter().zip(theirs) {
        let is_same = doubtful.contains(key) || (our - their).abs() <= 1e-6 * their.abs();
        assert!(is_same, "{query} in row {key}: {our}, FTS5 has {their}");
    }
}

/// A query, and the places of the answers to it.
struct Asked {
    query: Query,
    weights: &'static [f64],
    found: usize,
    marked: usize,
}

/// How much was compared.
#[derive(Debug, Default)]
struct Compared {
    found: usize,
    rows: usize,
    doubtful: usize,
    marked: usize,
}

/// Compares made up queries of documents.
fn sweep(documents: &[Row], count: usize, seed: u64) {
    for has_columns in [true, false] {
        let mut script = Script::default();
        let tables = Tables::new(&mut script, "t", documents, has_columns, seed);
        let mut queries = Queries::new(documents, has_columns, seed);
        // What the doubts of a query depend on is asked for with it.
        let about: RefCell<BTreeMap<String, usize>> = RefCell::default();
        let asked: Vec<Asked> = (0..count)
            .map(|n| {
                let query = queries.next();
                let weights = WEIGHTS[n % WEIGHTS.len()];
                let weights = &weights[..weights.len().min(1 + usize::from(has_columns))];
                let cell = RefCell::new(&mut script);
                for doubt in &query.doubts {
                    doubt.rows(&|query| {
                        let place = tables.ask(&mut cell.borrow_mut(), query, &[]);
                        about.borrow_mut().insert(query.into(), place);
                        BTreeSet::new()
                    });
                }
                let found = tables.ask(&mut script, &query.text, weights);
                let marked = tables.ask_marked(&mut script, &query.text);
                Asked { query, weights, found, marked }
            })
            .collect();
        let answers = script.answers();
        let about = about.into_inner();
        let rows =
            |query: &str| hits(&answers[about[query]]).into_iter().map(|hit| hit.0).collect();
        let mut compared = Compared::default();
        for asked in asked {
            let doubts = asked.query.doubts.iter();
            let doubtful: BTreeSet<i64> = doubts.flat_map(|doubt| doubt.rows(&rows)).collect();
            let theirs = hits(&answers[asked.found]);
            let query = &asked.query.text;
            assert_same(query, &tables.ours(query, asked.weights), &theirs, &doubtful);
            compared.found += usize::from(!theirs.is_empty());
            compared.rows += theirs.len();
            compared.doubtful += theirs.iter().filter(|(key, _)| doubtful.contains(key)).count();
            compared.marked += compare_marked(&tables, query, &answers[asked.marked], &doubtful);
        }
        let context = format!("seed {seed}, columns {has_columns}: {count} queries, {compared:?}");
        eprintln!("{context}");
        assert!(compared.found > count / 5 && compared.marked > count, "{context}");
        assert!(compared.doubtful < compared.rows / 3, "{context}");
    }
}

/// Compares what is marked in rows, and says in how many.
fn compare_marked(
    tables: &Tables,
    query: &str,
    rows: &[String],
    doubtful: &BTreeSet<i64>,
) -> usize {
    let index = tables.store.text_index("t").unwrap();
    let parsed = TextQuery::parse(query).unwrap();
    let mut compared = 0;
    for row in rows {
        let (key, texts) = row.split_once('|').unwrap();
        let key = key.parse().unwrap();
        if doubtful.contains(&key) {
            continue;
        }
        let theirs = texts.split('|').map(|text| String::from_utf8(from_hex(text)).unwrap());
        let theirs: Vec<String> = theirs.collect();
        let ours = index.highlight(&parsed, key, &SnippetOptions::default()).unwrap().unwrap();
        let ours: Vec<String> = ours.iter().map(|text| text.marked("\u{1}", "\u{2}")).collect();
        assert_eq!(ours, theirs, "{query} in row {key}");
        compared += 1;
    }
    compared
}

#[test]
fn searches_of_the_sample_are_those_of_fts5() {
    sweep(&cases::documents(), 400, 21);
}

#[test]
fn searches_of_few_different_words_are_those_of_fts5() {
    sweep(&cases::random_documents(800, &mut Random(22)), 200, 22);
}

/// The marks that are left out above: FTS5 marks what its scores count.
#[test]
fn fts5_marks_what_does_not_match_where_it_is_documented() {
    let texts = ["x far far far y z", "none", "x y z"];
    let mut script = Script::default();
    script.run("CREATE VIRTUAL TABLE t USING fts5(a)");
    let store = Store::in_memory().unwrap();
    store.database().execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a)", ()).unwrap();
    let index = store.create_text_index("t", &TextIndexOptions::new("t", ["a"])).unwrap();
    for (key, text) in (1..).zip(texts) {
        put(&mut script, &store, "t", key, &[text.to_owned()]);
    }
    let queries = [
        (r#"z OR NEAR(x "x y", 3)"#, "[x] far far far y [z]", "x far far far y [z]"),
        ("z OR (nowhere NOT x)", "[x] far far far y [z]", "x far far far y [z]"),
        ("z OR (y AND x NOT far)", "x far far far y [z]", "x far far far y [z]"),
    ];
    let asked = queries.map(|(query, ..)| {
        let sql = "SELECT highlight(t, 0, '[', ']') FROM t WHERE rowid = 1 AND t MATCH";
        script.ask(&format!("{sql} {}", literal(query)))
    });
    let answers = script.answers();
    for ((query, theirs, ours), answer) in queries.into_iter().zip(asked) {
        assert_eq!(answers[answer], [theirs], "{query}");
        let parsed = TextQuery::parse(query).unwrap();
        let marked = index.highlight(&parsed, 1, &SnippetOptions::default()).unwrap().unwrap();
        assert_eq!(marked[0].marked("[", "]"), ours, "{query}");
    }
}
