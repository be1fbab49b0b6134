//! Writing to a table with a text index, for what interrupts it.

use std::collections::BTreeMap;
use std::sync::Arc;

use sigil_core::{
    DatabaseOptions, ErrorKind, Files, FixedHost, MemoryStorage, Result, Store, StoreParts,
    TextIndexOptions, TextQuery, TextSearchOptions, params, verify_store,
};

use crate::random::Random;

/// How many steps [`step`] knows.
pub const STEPS: usize = 14;

const WORDS: [&str; 12] =
    ["red", "blue", "green", "grey", "a", "b", "of", "rare", "bluish", "redder", "x", "y"];

/// Opens the store, and makes the index the first time.
///
/// # Errors
/// Those of the store.
pub fn open(files: Arc<dyn Files>) -> Result<Store> {
    let parts = StoreParts {
        files,
        host: Arc::new(FixedHost::new(11)),
        snapshots: Box::new(MemoryStorage::new()),
    };
    let mut options = DatabaseOptions::default();
    // Small, so that the workload checkpoints by itself too.
    options.checkpoint_at_bytes = Some(200_000);
    let store = Store::open(parts, options)?;
    match store.text_index("notes") {
        Err(error) if error.kind() == ErrorKind::NotFound => store.transaction(|store| {
            let create = "CREATE TABLE note (id INTEGER PRIMARY KEY, text)";
            store.database().execute(create, ())?;
            store.create_text_index("notes", &TextIndexOptions::new("note", ["text"])).map(drop)
        })?,
        found => drop(found?),
    }
    Ok(store)
}

fn text(random: &mut Random) -> String {
    let len = 1 + random.below(8);
    let word = |_| WORDS[random.below(WORDS.len()).min(random.below(WORDS.len()))];
    (0..len).map(word).collect::<Vec<_>>().join(" ")
}

/// One step: a transaction of rows that come, change and go, and after some of them upkeep.
///
/// # Errors
/// Those of the store.
pub fn step(store: &Store, n: usize) -> Result<()> {
    let mut random = Random::new(n as u64);
    let most = (n as i64 + 1) * 100;
    let any = |random: &mut Random| random.below((n + 1) * 100) as i64;
    store.transaction(|store| {
        let db = store.database();
        for key in most - 100..most {
            let sql = "INSERT OR REPLACE INTO note VALUES (?, ?)";
            db.execute(sql, params![key, text(&mut random)])?;
        }
        for _ in 0..20 {
            let (key, text) = (any(&mut random), text(&mut random));
            db.execute("UPDATE note SET text = ? WHERE id = ?", params![text, key])?;
            db.execute("DELETE FROM note WHERE id = ?", params![any(&mut random)])?;
        }
        Ok(())
    })?;
    match n % 5 {
        1 => store.text_index("notes")?.prepare(70).map(drop),
        2 => store.save_indexes().map(drop),
        3 => store.text_index("notes")?.optimize(),
        4 if n == 9 => store.scrub(),
        _ => Ok(()),
    }
}

/// Asserts that searches find just what the rows say, and that nothing is damaged.
///
/// # Panics
/// When that is not so, with `context`.
pub fn assert_sound(store: &Store, context: &str) {
    let check = || -> Result<()> {
        let rows = store.database().query("SELECT id, text FROM note ORDER BY id", ())?;
        let mut texts = BTreeMap::new();
        for row in rows.rows() {
            texts.insert(row.get(0)?.as_i64(), row.get(1)?.as_str().unwrap_or("").to_owned());
        }
        let index = store.text_index("notes")?;
        assert_eq!(index.count()?, texts.len() as u64, "{context}");
        for word in WORDS {
            let query = TextQuery::parse(word)?;
            let hits = index.search(&query, 10_000, &TextSearchOptions::default())?;
            let mut found: Vec<Option<i64>> = hits.iter().map(|hit| Some(hit.key)).collect();
            found.sort_unstable();
            let has = |text: &str| text.split(' ').any(|other| other == word);
            let expected = texts.iter().filter(|(_, text)| has(text)).map(|(key, _)| *key);
            assert!(found == expected.collect::<Vec<_>>(), "{context}: '{word}' finds other rows");
        }
        let findings = verify_store(store)?;
        assert!(findings.is_empty(), "{context}: {findings:?}");
        Ok(())
    };
    check().unwrap_or_else(|error| panic!("{context}: {error}"));
}
