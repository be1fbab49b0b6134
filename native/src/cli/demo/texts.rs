//! Searching the sample by words, and by words and nearness at once.

use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use sigil_native::SystemHost;
use sigil_native::core::{
    Fact, KnowledgeStore, MemoryHit, MemoryRecord, MemorySearch, Metric, Result, SqlWorkspace,
    Store, TextHit, TextIndexOptions, TextQuery, TextSearchOptions, Timestamp, WorkspaceOptions,
    WorkspaceStores, params,
};

use super::super::Outcome;
use super::super::sample::{DIMENSIONS, Synset};
use super::{describe, ms, short};

const INDEX: &str = "glosses";
/// How many results.
const K: usize = 5;

/// What was found by words, and by words and nearness, for each query.
pub(super) type Answers = (Vec<Vec<TextHit>>, Vec<Vec<MemoryHit>>);

/// The memory of the demo: each synset is a fact, whose vector has its id.
pub(super) fn memory(store: &Store) -> Outcome<SqlWorkspace<&Store>> {
    let options = WorkspaceOptions { dimensions: DIMENSIONS, metric: Metric::Cosine };
    Ok(SqlWorkspace::open(store, Arc::new(SystemHost::new()), "demo", options)?)
}

/// Notes every synset as a fact.
pub(super) fn note(memory: &SqlWorkspace<&Store>, synsets: &[Synset]) -> Result<()> {
    let facts: Vec<Fact> = synsets
        .iter()
        .map(|Synset { id, pos, words, gloss, .. }| Fact {
            id: id.clone(),
            entity_id: words.clone(),
            predicate: pos.clone(),
            value: gloss.clone(),
            confidence: 1.0,
            source: "WordNet".to_owned(),
            created_at: Timestamp::from_unix_ns(memory.host().now_ns()),
        })
        .collect();
    memory.put_facts(&facts)
}

/// Indexes the table, asks everything, shows some of it, and gives all answers.
pub(super) fn search(store: &Store, queries: &[Synset], out: &mut dyn Write) -> Outcome<Answers> {
    let began = Instant::now();
    let options = TextIndexOptions::new("synset", ["words", "gloss"]);
    store.create_text_index(INDEX, &options)?;
    writeln!(out, "\ntext index of words and glosses made in {:.1} ms", ms(began))?;
    let began = Instant::now();
    let by_words = by_words(store, queries)?;
    let each = each(began, queries);
    writeln!(out, "\n{} searches by words: {each} ms each, best BM25 first", queries.len())?;
    for (query, hits) in queries.iter().zip(&by_words).take(3) {
        writeln!(out, "  for \"{}\"", typed(query))?;
        for hit in hits.iter().take(3) {
            let id = id_of(store, hit.key)?;
            let (pos, words, gloss) = describe(store, &id)?;
            writeln!(out, "    {:>6.3}  {pos:<4} {words}: {}", hit.score, short(&gloss))?;
        }
    }
    let began = Instant::now();
    let by_both = by_both(store, queries)?;
    let each = self::each(began, queries);
    writeln!(
        out,
        "\n{} searches by words and nearness: {each} ms each, best of both ranks first",
        queries.len()
    )?;
    for (query, hits) in queries.iter().zip(&by_both).take(3) {
        writeln!(out, "  for \"{}\", near \"{}\"", typed(query), query.words)?;
        for hit in hits.iter().take(3) {
            show(hit, out)?;
        }
    }
    Ok((by_words, by_both))
}

/// The same questions again.
pub(super) fn again(store: &Store, queries: &[Synset]) -> Outcome<Answers> {
    Ok((by_words(store, queries)?, by_both(store, queries)?))
}

fn each(began: Instant, queries: &[Synset]) -> String {
    format!("{:.2}", ms(began) / f64::from(u32::try_from(queries.len()).unwrap_or(1)))
}

/// What a person might type to find a synset: the longest words of its gloss, any of them.
fn typed(query: &Synset) -> String {
    const WORDS: usize = 3;
    let letters = |word: &&str| word.len() > 3 && word.chars().all(char::is_alphabetic);
    let mut words: Vec<&str> = query.gloss.split_whitespace().filter(letters).collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words.truncate(WORDS);
    words.join(" OR ")
}

fn by_words(store: &Store, queries: &[Synset]) -> Outcome<Vec<Vec<TextHit>>> {
    let index = store.text_index(INDEX)?;
    let options = TextSearchOptions::default();
    let ask = |query| Ok(index.search(&TextQuery::typed(&typed(query)), K, &options)?);
    queries.iter().map(ask).collect()
}

fn by_both(store: &Store, queries: &[Synset]) -> Outcome<Vec<Vec<MemoryHit>>> {
    let memory = memory(store)?;
    let ask = |query: &Synset| {
        let mut search = MemorySearch::new(K);
        search.text = Some(TextQuery::typed(&typed(query)));
        search.vector = Some(query.embedding.clone());
        Ok(memory.search(&search)?)
    };
    queries.iter().map(ask).collect()
}

fn id_of(store: &Store, key: i64) -> Outcome<String> {
    let rows = store.database().query("SELECT id FROM synset WHERE rowid = ?", params![key])?;
    Ok(rows.single()?.as_str().unwrap_or_default().to_owned())
}

fn show(hit: &MemoryHit, out: &mut dyn Write) -> Outcome<()> {
    let text = hit
        .text
        .map_or_else(|| "-".to_owned(), |found| format!("{}. {:.3}", found.rank, found.score));
    let near = hit
        .vector
        .map_or_else(|| "-".to_owned(), |found| format!("{}. {:.3}", found.rank, found.distance));
    let MemoryRecord::Fact(Fact { entity_id, predicate, value, .. }) = &hit.record else {
        return Ok(());
    };
    writeln!(
        out,
        "    {:.4}  words {text:<11} near {near:<10} {predicate:<4} {entity_id}: {}",
        hit.score,
        short(value)
    )?;
    Ok(())
}
