//! `sigil demo`: the whole round on real text, from an empty directory and back.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use sigil_native::core::{
    DATABASE_FILE, DatabaseOptions, ErrorKind, Filter, Hit, MEMORY_COLLECTION, Metadata, Row,
    SearchOptions, Store, Value, WAL_FILE, params, verify_store,
};
use sigil_native::{open, open_existing};

use super::output::bytes as size;
use super::progress;
use super::sample::{self, DIMENSIONS, Synset};
use super::{DONE, FOUND, Outcome, file_error, refuse};

mod texts;

const COLLECTION: &str = MEMORY_COLLECTION;
/// Only the demo makes a store with this table, so only that store is made anew.
const MARKER: &str = "sigil_demo";

/// Runs the command.
pub(super) fn run(directory: &Path, out: &mut dyn Write) -> Outcome {
    clear(directory)?;
    let synsets = sample::synsets()?;
    let queries = sample::queries()?;
    writeln!(out, "store in '{}'", directory.display())?;

    let store = open(directory)?;
    load(&store, &synsets, out)?;
    sql(&store, out)?;
    let answers = search(&store, &queries, out)?;
    let texts = texts::search(&store, &queries, out)?;
    single_writes(&store, &synsets, out)?;
    let began = Instant::now();
    store.close()?;
    writeln!(out, "\nclosed in {:.1} ms", ms(began))?;
    drop(store);
    sizes(directory, out)?;
    reopen(directory, &synsets, &queries, (&answers, &texts), out)
}

fn ms(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1e3
}

/// Removes the store that an earlier demo left, and nothing else.
fn clear(directory: &Path) -> Outcome<()> {
    if !directory.join(DATABASE_FILE).is_file() {
        return Ok(());
    }
    let names = {
        let store = open_existing(directory, DatabaseOptions::default())?;
        let marker = store
            .database()
            .query("SELECT 1 FROM sqlite_schema WHERE name = ?", params![MARKER])?;
        if marker.is_empty() {
            return Err(refuse(
                ErrorKind::Conflict,
                format!(
                    "'{}' holds a store that is not the demo's: name another directory with --dir",
                    directory.display()
                ),
            ));
        }
        // The database last, so that what is left of an interruption is still known as the demo's.
        let mut names: Vec<String> =
            store.collections()?.iter().map(|info| info.snapshot_name()).collect();
        names.extend([WAL_FILE.to_owned(), DATABASE_FILE.to_owned()]);
        names
    };
    for name in names {
        let path = directory.join(name);
        match std::fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(file_error(format!("removing '{}'", path.display()), error)),
        }
    }
    Ok(())
}

fn load(store: &Store, synsets: &[Synset], out: &mut dyn Write) -> Outcome<()> {
    let database = store.database();
    database.execute_batch(&format!(
        "CREATE TABLE {MARKER} (made_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
         INSERT INTO {MARKER} DEFAULT VALUES;
         CREATE TABLE synset (
           id TEXT PRIMARY KEY, pos TEXT NOT NULL, lex INTEGER NOT NULL,
           words TEXT NOT NULL, gloss TEXT NOT NULL
         );",
    ))?;
    let memory = texts::memory(store)?;
    let collection = store.collection(COLLECTION)?;
    let bar = progress::bar(synsets.len(), "loading");
    let began = Instant::now();
    store.transaction(|store| {
        for synset in synsets {
            let Synset { id, pos, lex, words, gloss, embedding } = synset;
            store.database().execute(
                "INSERT INTO synset VALUES (?, ?, ?, ?, ?)",
                params![id, pos, *lex, words, gloss],
            )?;
            let metadata = serde_json::json!({ "pos": pos, "lex": lex });
            collection.store(id, embedding, &Metadata::from_value(&metadata)?)?;
            bar.inc(1);
        }
        texts::note(&memory, synsets)
    })?;
    bar.finish_and_clear();
    writeln!(
        out,
        "loaded {} WordNet synsets and their embeddings of {DIMENSIONS} dimensions in {:.0} ms, in \
         one transaction",
        synsets.len(),
        ms(began)
    )?;
    Ok(())
}

fn sql(store: &Store, out: &mut dyn Write) -> Outcome<()> {
    const SQL: &str =
        "SELECT pos, count(*), max(length(gloss)) FROM synset GROUP BY pos ORDER BY 2 DESC";
    let began = Instant::now();
    let rows = store.database().query(SQL, ())?;
    writeln!(out, "\n{SQL}\n  -- {} rows in {:.1} ms", rows.len(), ms(began))?;
    for row in rows {
        let text: Vec<String> = row.values().iter().map(shown).collect();
        writeln!(out, "  {}", text.join(" | "))?;
    }
    Ok(())
}

fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Integer(value) => value.to_string(),
        Value::Real(value) => value.to_string(),
        Value::Null => "NULL".to_owned(),
        Value::Blob(bytes) => format!("{} bytes", bytes.len()),
    }
}

/// The filters that the queries are asked with.
const FILTERS: [Option<&str>; 3] =
    [None, Some(r#"{"pos": "verb"}"#), Some(r#"{"lex": {"$in": [5, 20]}, "pos": {"$ne": "adj"}}"#)];

/// Asks everything, shows some of it, and gives all answers.
fn search(store: &Store, queries: &[Synset], out: &mut dyn Write) -> Outcome<Vec<Vec<Hit>>> {
    let collection = store.collection(COLLECTION)?;
    let began = Instant::now();
    collection.count()?;
    writeln!(out, "\nindex built in {:.1} ms", ms(began))?;
    let mut answers = Vec::new();
    for filter in FILTERS {
        let options = SearchOptions {
            filter: filter.map(Filter::from_json).transpose()?,
            ..SearchOptions::default()
        };
        let began = Instant::now();
        for query in queries {
            answers.push(collection.search(&query.embedding, 5, &options)?);
        }
        let each = ms(began) / f64::from(u32::try_from(queries.len()).unwrap_or(1));
        let shown_filter = filter.unwrap_or("none");
        writeln!(out, "\n{} searches, filter {shown_filter}: {each:.2} ms each", queries.len())?;
        let first = answers.len() - queries.len();
        for (query, hits) in queries.iter().zip(&answers[first..]).take(3) {
            writeln!(out, "  near \"{}\" ({})", query.words, short(&query.gloss))?;
            for hit in hits.iter().take(3) {
                let (pos, words, gloss) = describe(store, &hit.id)?;
                writeln!(out, "    {:.3}  {pos:<4} {words}: {}", hit.distance, short(&gloss))?;
            }
        }
    }
    Ok(answers)
}

fn describe(store: &Store, id: &str) -> Outcome<(String, String, String)> {
    let rows =
        store.database().query("SELECT pos, words, gloss FROM synset WHERE id = ?", params![id])?;
    let texts: Vec<String> =
        rows.into_iter().flat_map(Row::into_values).map(|v| shown(&v)).collect();
    match <[String; 3]>::try_from(texts) {
        Ok([pos, words, gloss]) => Ok((pos, words, gloss)),
        Err(_) => Err(refuse(ErrorKind::Corrupt, format!("the synset '{id}' lost its row"))),
    }
}

fn short(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    match text.char_indices().nth(CHARS_MAX) {
        Some((at, _)) => format!("{}..", &text[..at]),
        None => text.to_owned(),
    }
}

/// Writes one row and one vector at a time, each durable before the next.
fn single_writes(store: &Store, synsets: &[Synset], out: &mut dyn Write) -> Outcome<()> {
    const WRITES: usize = 50;
    let collection = store.collection(COLLECTION)?;
    let mut times: Vec<f64> = Vec::with_capacity(WRITES);
    for synset in synsets.iter().take(WRITES) {
        let began = Instant::now();
        store.transaction(|store| {
            store.database().execute(
                "UPDATE synset SET gloss = gloss || '.' WHERE id = ?",
                params![&synset.id],
            )?;
            let metadata = serde_json::json!({ "pos": synset.pos, "lex": synset.lex });
            collection.store(&synset.id, &synset.embedding, &Metadata::from_value(&metadata)?)
        })?;
        times.push(ms(began));
    }
    times.sort_by(f64::total_cmp);
    writeln!(
        out,
        "\n{WRITES} durable transactions of a row and a vector: median {:.2} ms, slowest {:.2} ms",
        times[WRITES / 2],
        times[WRITES - 1]
    )?;
    Ok(())
}

fn sizes(directory: &Path, out: &mut dyn Write) -> Outcome<()> {
    let failed = |error| file_error(format!("listing '{}'", directory.display()), error);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let len = entry.metadata().map_err(failed)?.len();
        files.push((entry.file_name().to_string_lossy().into_owned(), len));
    }
    files.sort();
    for (name, len) in files {
        writeln!(out, "  {name:<18} {:>10}", size(len))?;
    }
    Ok(())
}

/// How many answers are the same.
fn equal<T: PartialEq>(found: &[T], expected: &[T]) -> usize {
    found.iter().zip(expected).filter(|(found, expected)| found == expected).count()
}

fn reopen(
    directory: &Path,
    synsets: &[Synset],
    queries: &[Synset],
    (answers, texts): (&[Vec<Hit>], &texts::Answers),
    out: &mut dyn Write,
) -> Outcome {
    let began = Instant::now();
    let store = open_existing(directory, DatabaseOptions::default())?;
    let collection = store.collection(COLLECTION)?;
    let vectors = collection.count()?;
    writeln!(out, "\nreopened with its index in {:.1} ms", ms(began))?;
    let rows = store.database().query("SELECT count(*) FROM synset", ())?;
    let rows = rows.single()?.as_i64().and_then(|rows| usize::try_from(rows).ok());
    let mut same = 0;
    for (n, expected) in answers.iter().enumerate() {
        let filter = FILTERS[n / queries.len()].map(Filter::from_json).transpose()?;
        let options = SearchOptions { filter, ..SearchOptions::default() };
        let found = collection.search(&queries[n % queries.len()].embedding, 5, &options)?;
        same += usize::from(found == *expected);
    }
    let (by_words, by_both) = texts::again(&store, queries)?;
    same += equal(&by_words, &texts.0) + equal(&by_both, &texts.1);
    let asked = answers.len() + texts.0.len() + texts.1.len();
    let problems = verify_store(&store)?;
    for problem in &problems {
        writeln!(out, "  {problem}")?;
    }
    store.close()?;
    writeln!(
        out,
        "  {} rows, {vectors} vectors, {same} of {} searches answered as before, {} problems found",
        rows.unwrap_or(0),
        asked,
        problems.len()
    )?;
    let whole = rows == Some(synsets.len())
        && vectors == synsets.len()
        && same == asked
        && problems.is_empty();
    writeln!(out, "{}", if whole { "all of it is still there" } else { "something is missing" })?;
    if whole {
        writeln!(
            out,
            "\ntry: sigil query '{0}' \"SELECT words, gloss FROM synset LIMIT 5\"\n     sigil inspect '{0}'",
            directory.display()
        )?;
    }
    Ok(if whole { DONE } else { FOUND })
}
