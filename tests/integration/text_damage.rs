//! A text index that was damaged, and one that is to forget.

use std::sync::Arc;

use sigil_core::{
    MemoryFiles, Severity, Store, TextQuery, TextSearchOptions, params, verify_store,
};
use sigil_tests::random::Random;
use sigil_tests::text_workload::{STEPS, assert_sound, open, step};

fn count(files: &MemoryFiles, word: &str) -> usize {
    let bytes = files.names().into_iter().filter_map(|name| files.bytes(&name));
    let windows = |bytes: &[u8]| {
        let parts: Vec<&[u8]> = word.as_bytes().windows(8).collect();
        bytes.windows(8).filter(|window| parts.contains(window)).count()
    };
    bytes.map(|bytes| windows(&bytes)).sum()
}

#[test]
fn a_flipped_bit_in_any_part_is_found_and_mended_by_a_search() {
    let files = MemoryFiles::new();
    let store = open(Arc::new(files.clone())).unwrap();
    (0..STEPS).for_each(|n| step(&store, n).unwrap());
    store.text_index("notes").unwrap().optimize().unwrap();
    store.close().unwrap();
    drop(store);
    let pick = |store: &Store, sql: &str| -> Vec<(i64, Vec<u8>)> {
        let rows = store.database().query(sql, ()).unwrap();
        let pair = |row: &sigil_core::Row| {
            (row.get(0).unwrap().as_i64().unwrap(), row.get(1).unwrap().as_blob().unwrap().to_vec())
        };
        rows.rows().iter().map(pair).collect()
    };
    for (table, column) in [("sigil_text_part", "bytes"), ("sigil_text_segment", "head")] {
        let store = open(Arc::new(files.clone())).unwrap();
        let parts = pick(&store, &format!("SELECT id, {column} FROM {table}"));
        assert!(!parts.is_empty());
        for n in 0..parts.len() {
            let store = open(Arc::new(files.clone())).unwrap();
            let parts = pick(&store, &format!("SELECT id, {column} FROM {table}"));
            let Some((id, mut bytes)) = parts.into_iter().nth(n) else { break };
            let at = bytes.len() / 2;
            bytes[at] ^= 1;
            let sql = format!("UPDATE {table} SET {column} = ? WHERE id = ?");
            store.database().execute(&sql, params![bytes, id]).unwrap();
            let findings = verify_store(&store).unwrap();
            let context = format!("{table} {id}: {findings:?}");
            assert_eq!(findings.len(), 1, "{context}");
            assert_eq!(findings[0].severity, Severity::Warning, "{context}");
            assert_eq!(findings[0].part, "text index 'notes'", "{context}");
            drop(store);
            let store = open(Arc::new(files.clone())).unwrap();
            assert_sound_after_searches(&store, &context);
            store.text_index("notes").unwrap().optimize().unwrap();
        }
    }
}

/// A search meets the damage and mends it; only then nothing is to be found.
fn assert_sound_after_searches(store: &Store, context: &str) {
    let index = store.text_index("notes").unwrap();
    for query in ["re*", "\"a b\"", "x y"] {
        let query = TextQuery::parse(query).unwrap();
        index.search(&query, 10, &TextSearchOptions::default()).unwrap();
    }
    assert_sound(store, context);
}

#[test]
fn no_word_of_a_deleted_text_is_left_by_a_scrub() {
    let mut random = Random::new(u64::from(std::process::id()));
    let mut word = || -> String {
        (0..24).map(|_| char::from(b'a' + u8::try_from(random.below(26)).unwrap())).collect()
    };
    let files = MemoryFiles::new();
    let store = open(Arc::new(files.clone())).unwrap();
    let texts: Vec<(i64, String)> = (0..600).map(|key| (key, word())).collect();
    store
        .transaction(|store| {
            let insert = "INSERT INTO note VALUES (?, ?)";
            let mut all = texts.iter();
            all.try_for_each(|(key, text)| {
                store.database().execute(insert, params![*key, &**text]).map(drop)
            })
        })
        .unwrap();
    store.text_index("notes").unwrap().optimize().unwrap();
    let sql = "UPDATE note SET text = 'other' WHERE id % 50 = 0";
    store.database().execute(sql, ()).unwrap();
    store.database().execute("DELETE FROM note WHERE id % 50 = 1", ()).unwrap();
    let gone = || texts.iter().filter(|(key, _)| key % 50 < 2).map(|(_, text)| text);
    assert!(gone().all(|text| count(&files, text) > 0));
    store.scrub().unwrap();
    for text in gone() {
        assert_eq!(count(&files, text), 0, "'{text}' is still there");
    }
    assert!(count(&files, &texts[3].1) > 0);
    assert_sound(&store, "after a scrub");
    assert_eq!(store.text_index("notes").unwrap().count().unwrap(), 588);
    store.database().execute("DROP TABLE note", ()).unwrap();
    store.scrub().unwrap();
    assert_eq!(count(&files, &texts[3].1), 0);
}
