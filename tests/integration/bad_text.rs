//! Texts and queries that nobody means: what is refused is refused by its kind, the rest is
//! answered, and neither takes for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sigil_core::{
    ErrorKind, Filter, Severity, SnippetOptions, Store, TEXT_ROW_BYTES_MAX, TextIndex,
    TextIndexOptions, TextQuery, TextSearchOptions, params, verify_store,
};
use sigil_native::open;
use sigil_tests::scratch::Scratch;

/// Much more than anything here takes, also in a debug build on a machine with other work.
const LONG: Duration = Duration::from_secs(60);

const HEBREW: &str = "\u{5e9}\u{5dc}\u{5d5}\u{5dd}";

fn store(rows: usize, change: impl FnOnce(&mut TextIndexOptions)) -> Store {
    let store = Store::in_memory().unwrap();
    fill(&store, rows, change);
    store
}

fn fill(store: &Store, rows: usize, change: impl FnOnce(&mut TextIndexOptions)) {
    let db = store.database();
    db.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, title, body, kind)", ()).unwrap();
    let mut options = TextIndexOptions::new("note", ["title", "body"]);
    options.attributes = vec!["kind".into()];
    change(&mut options);
    store.create_text_index("notes", &options).unwrap();
    store.begin().unwrap();
    for n in 0..rows {
        let body = format!("the word{} stands near word{} and {HEBREW}", n % 997, n % 499);
        let row = params![format!("title {n}"), body, i64::try_from(n % 7).unwrap()];
        db.execute("INSERT INTO note (title, body, kind) VALUES (?, ?, ?)", row).unwrap();
    }
    db.commit().unwrap();
}

/// The number of hits of a query, or why there are none; and whatever shows them goes on too.
fn found(index: &TextIndex<'_>, query: &TextQuery, typos: u8) -> Result<usize, ErrorKind> {
    let start = Instant::now();
    let mut options = TextSearchOptions::default();
    options.typos = typos;
    let hits = index.search(query, 50, &options);
    let mut shown = SnippetOptions::default();
    shown.typos = typos;
    for hit in hits.iter().flatten().take(2) {
        let marked = index.highlight(query, hit.key, &shown).unwrap().unwrap();
        assert_eq!(marked.len(), 2);
        index.snippet(query, hit.key, &shown).unwrap().unwrap();
    }
    assert!(start.elapsed() < LONG, "{:?}", start.elapsed());
    hits.map(|hits| hits.len()).map_err(|error| error.kind())
}

/// Texts that are hardly queries.
fn texts() -> Vec<String> {
    let many = |count: usize, word: fn(usize) -> String, between: &str| {
        (0..count).map(word).collect::<Vec<_>>().join(between)
    };
    let word = |n: usize| format!("word{}", n % 997);
    let mut texts = vec![
        many(10_000, word, " "),
        many(10_000, word, " OR "),
        many(10_000, word, " AND "),
        many(10_000, word, " NOT "),
        many(10_000, |n| format!("w{}*", n % 10), " OR "),
        format!("NEAR({}, 5)", many(10_000, word, " ")),
        format!("\"{}\"", many(10_000, word, " ")),
        format!("{{{}}}:x", many(10_000, |_| "title".into(), " ")),
        "word1 ".repeat(100_000 / 6),
        "x".repeat(100_000),
        "x".repeat(1 << 20),
        format!("{}x{}", "(".repeat(100), ")".repeat(100)),
        format!("{}x{}", "(".repeat(50_000), ")".repeat(50_000)),
        "\"".repeat(99_999),
        "\"".repeat(100_000),
        "the".into(),
        "the the \"the\" NOT the".into(),
        "NEAR(the the)".into(),
        "word1\0".into(),
        "\"word1\0word2\"".into(),
        "\0".into(),
        HEBREW.into(),
        format!("\u{202e}{HEBREW}\u{202c} OR \u{200f}\"{HEBREW}\"*"),
        "\u{301}".into(),
        "\u{301}".repeat(50_000),
        format!("wo{}rd1", "\u{301}".repeat(40_000)),
        format!("\"{}\"", "e\u{301}\u{327}\u{1f468}\u{200d}".repeat(7_000)),
        "no_such_column:x".into(),
        "title:body:title:x".into(),
        "NEAR(a b, 99999999999999999999999)".into(),
        "a NOT".into(),
        "AND".into(),
        "*".into(),
        "-".into(),
        "^^x".into(),
    ];
    for unbalanced in
        ["\"word1", "word1\"", "(word1", "word1)", "NEAR(word1", "{title:x", "\"a\"\""]
    {
        texts.push(unbalanced.into());
    }
    texts
}

#[test]
fn any_query_is_answered_or_refused_by_its_kind() {
    let store = store(2_000, |options| options.text.stop_words = vec!["the".into()]);
    let index = store.text_index("notes").unwrap();
    let (mut refused, mut answered) = (0, 0);
    for text in texts() {
        let shown: String = text.chars().take(60).collect();
        // What a person types is always a query, and one of a bounded size.
        let typed = found(&index, &TextQuery::typed(&text), 0);
        assert!(typed.is_ok(), "{shown}: {typed:?}");
        let outcome = TextQuery::parse(&text)
            .map_err(|error| error.kind())
            .and_then(|query| found(&index, &query, 0).and(found(&index, &query, 2)));
        match outcome {
            Ok(_) => answered += 1,
            Err(ErrorKind::InvalidInput | ErrorKind::Limit) => refused += 1,
            Err(other) => panic!("{shown}: {other:?}"),
        }
    }
    assert!(refused > 10 && answered > 10, "{refused} refused, {answered} answered");
    let parsed = |text: &str| TextQuery::parse(text).unwrap();
    assert_eq!(found(&index, &parsed("the"), 0), Ok(0));
    assert_eq!(found(&index, &parsed(HEBREW), 0), Ok(50));
    assert_eq!(found(&index, &parsed("wo\u{301}rd1"), 0), Ok(7));
}

#[test]
fn texts_of_one_endless_word_are_found_and_shown() {
    let store = store(10, |_| {});
    let db = store.database();
    let index = store.text_index("notes").unwrap();
    let words = ["x", "\u{e9}", "\u{5d0}", "\u{6771}", "e\u{301}"];
    let insert = "INSERT INTO note (id, title, body) VALUES (?, ?, ?)";
    for (key, word) in (100..).zip(words) {
        let long = word.repeat((1 << 20) / word.len());
        db.execute(insert, params![key, format!("endless {word}"), long]).unwrap();
    }
    db.execute(insert, params![200, "endless", "a\0b \u{301} \u{202e}c".to_owned()]).unwrap();
    assert_eq!(found(&index, &TextQuery::parse("endless").unwrap(), 0), Ok(6));
    assert_eq!(found(&index, &TextQuery::parse("endless AND b").unwrap(), 0), Ok(1));
    // By its beginning, of which a word has only so much.
    assert_eq!(found(&index, &TextQuery::parse("body:xxx*").unwrap(), 0), Ok(1));
    assert_eq!(found(&index, &TextQuery::parse("body:xxxxxxxxxxxx").unwrap(), 2), Ok(0));
    let long = "x".repeat(TextQuery::BYTES_MAX);
    assert_eq!(found(&index, &TextQuery::parse(&long).unwrap(), 2), Ok(1));
    index.optimize().unwrap();
    assert_eq!(found(&index, &TextQuery::parse("endless").unwrap(), 0), Ok(6));
}

#[test]
fn rows_of_too_much_text_are_kept_and_named_and_not_found() {
    let directory = Scratch::new("long-text");
    let notes = |store: &Store| store.text_index("notes").unwrap().unindexable().unwrap();
    let find = |store: &Store, query: &str| {
        found(&store.text_index("notes").unwrap(), &TextQuery::parse(query).unwrap(), 0).unwrap()
    };
    let store = open(directory.path()).unwrap();
    let db = store.database();
    db.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, title, body)", ()).unwrap();
    let options = TextIndexOptions::new("note", ["title", "body"]);
    let index = store.create_text_index("notes", &options).unwrap();
    let insert = "INSERT INTO note VALUES (?, ?, ?)";
    // Of few words, which take long to read.
    let words = |bytes: usize| format!("word{}", " ".repeat(bytes - 4));
    let (half, all) = (words(TEXT_ROW_BYTES_MAX / 2), words(TEXT_ROW_BYTES_MAX));
    for (key, title, bytes) in [(1, "short", 5), (2, "long", 20 << 20), (3, "longer", 24 << 20)] {
        db.execute(insert, params![key, title, words(bytes)]).unwrap();
    }
    // It is the texts of a row together that count.
    db.execute(insert, params![4, &*half, &*half]).unwrap();
    db.execute(insert, params![5, "both", &*all]).unwrap();
    assert_eq!((notes(&store), index.count().unwrap()), (vec![2, 3, 5], 2));
    assert_eq!((find(&store, "word"), find(&store, "long OR longer OR both")), (2, 0));
    let error = index.highlight(&TextQuery::parse("word").unwrap(), 3, &SnippetOptions::default());
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Limit);

    // So it is after all else that makes an index, and in a transaction.
    store.close().unwrap();
    let store = open(directory.path()).unwrap();
    let index = store.text_index("notes").unwrap();
    assert_eq!((notes(&store), find(&store, "word")), (vec![2, 3, 5], 2));
    index.rebuild().unwrap();
    let findings = verify_store(&store).unwrap();
    assert_eq!(findings.len(), 3, "{findings:?}");
    for (finding, row) in findings.iter().zip(["row 2 ", "row 3 ", "row 5 "]) {
        assert_eq!(finding.severity, Severity::Note, "{finding:?}");
        assert!(finding.message.contains(row), "{finding:?}");
    }
    let db = store.database();
    store.begin().unwrap();
    db.execute("UPDATE note SET body = 'word' WHERE id = 2", ()).unwrap();
    db.execute("UPDATE note SET body = ? WHERE id = 1", params![&*all]).unwrap();
    db.execute("DELETE FROM note WHERE id = 3", ()).unwrap();
    assert_eq!((notes(&store), find(&store, "long")), (vec![1, 5], 1));
    db.commit().unwrap();
    assert_eq!((notes(&store), find(&store, "long"), find(&store, "short")), (vec![1, 5], 1, 0));
    db.execute("DELETE FROM note WHERE id IN (1, 5)", ()).unwrap();
    assert_eq!((notes(&store), index.count().unwrap()), (vec![], 2));
}

#[test]
fn filters_nest_as_deep_as_they_may() {
    let store = store(700, |_| {});
    let index = store.text_index("notes").unwrap();
    let query = TextQuery::parse("title").unwrap();
    let nested = |levels: usize| {
        let mut json = r#"{"kind": 3}"#.to_owned();
        for level in 0..levels {
            json = match level % 3 {
                0 => format!(r#"{{"$and": [{json}, {{"kind": {{"$gte": 0}}}}]}}"#),
                1 => format!(r#"{{"$not": {json}}}"#),
                _ => format!(r#"{{"$not": {{"$or": [{json}]}}}}"#),
            };
        }
        Filter::from_json(&json).map_err(|error| error.kind())
    };
    let deepest = (1..).take_while(|levels| nested(*levels).is_ok()).last().unwrap();
    assert!((Filter::DEPTH_MAX / 2..=Filter::DEPTH_MAX).contains(&deepest), "{deepest}");
    for levels in 0..=deepest {
        let mut options = TextSearchOptions::default();
        options.filter = Some(nested(levels).unwrap());
        let hits = index.search(&query, 1_000, &options).unwrap();
        assert_eq!(hits.len(), if levels % 3 == 2 { 600 } else { 100 }, "{levels}");
    }
    for levels in [deepest + 1, 1_000, 20_000] {
        let kind = nested(levels).unwrap_err();
        assert!(matches!(kind, ErrorKind::InvalidInput | ErrorKind::Limit), "{levels}: {kind:?}");
    }
}

#[test]
fn a_search_ends_when_it_is_interrupted_or_out_of_time() {
    // In memory there is no clock.
    let directory = Scratch::new("text-in-time");
    let store = open(directory.path()).unwrap();
    fill(&store, 20_000, |_| {});
    let index = store.text_index("notes").unwrap();
    while !index.prepare(5_000).unwrap() {}
    let words: Vec<String> = (0..3_000).map(|n| format!("word{}* t*", n % 700)).collect();
    let query = TextQuery::parse(&words.join(" OR ")).unwrap();
    let all = TextSearchOptions::default();
    let search = || index.search(&query, 20_000, &all).map(|hits| hits.len());

    store.database().set_time_limit(Some(Duration::from_millis(5)));
    let start = Instant::now();
    assert_eq!(search().unwrap_err().kind(), ErrorKind::Timeout);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    store.database().set_time_limit(None);

    let handle = store.database().interrupt_handle();
    let is_over = Arc::new(AtomicBool::new(false));
    let over = Arc::clone(&is_over);
    // Again and again, because an interruption before it has begun is none.
    let interrupter = std::thread::spawn(move || {
        while !over.load(Ordering::Relaxed) {
            handle.interrupt();
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    let start = Instant::now();
    let outcome = search();
    is_over.store(true, Ordering::Relaxed);
    interrupter.join().unwrap();
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Interrupted);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    // And the next one is whole.
    assert_eq!(found(&index, &TextQuery::parse("title").unwrap(), 0), Ok(50));
}
