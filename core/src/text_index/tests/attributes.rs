use super::super::*;
use crate::testing::test;
use crate::{Filter, MetaValue, Metadata, TextQuery, params};

fn filtered(text: &str) -> TextSearchOptions {
    TextSearchOptions { filter: Some(Filter::from_json(text).unwrap()), ..Default::default() }
}

fn keys(index: &TextIndex<'_>, query: &str, options: &TextSearchOptions) -> Vec<i64> {
    let query = TextQuery::parse(query).unwrap();
    let mut keys: Vec<i64> =
        index.search(&query, 1000, options).unwrap().iter().map(|hit| hit.key).collect();
    keys.sort_unstable();
    keys
}

fn store_of(rows: i64) -> Store {
    let store = super::store_with_table();
    let db = store.database();
    for key in 1..=rows {
        let sql = "INSERT INTO doc VALUES (?, 'word', 'other', ?, ?)";
        let json = format!(r#"{{"tags": ["{}"]}}"#, if key % 2 == 0 { "even" } else { "odd" });
        db.execute(sql, params![key, key % 10, json]).unwrap();
    }
    store
}

#[test]
fn an_index_without_attributes_says_what_to_do() {
    let store = Store::in_memory().unwrap();
    store.database().execute("CREATE TABLE doc (key INTEGER PRIMARY KEY, t)", ()).unwrap();
    let options = TextIndexOptions::new("doc", ["t"]);
    let index = store.create_text_index("plain", &options).unwrap();
    let query = TextQuery::parse("word").unwrap();
    let errors = [
        index.search(&query, 10, &filtered("{}")).unwrap_err(),
        index.count_matching(&query, &filtered("{}")).unwrap_err(),
        index.facets(&query, &TextSearchOptions::default(), &["a"], 5).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("'plain' has nothing to filter by: name attributes"));
    }
    assert_eq!(index.count_matching(&query, &TextSearchOptions::default()).unwrap(), 0);
    let mut twice = super::options();
    twice.attributes.push("A".to_owned());
    assert_eq!(twice.validate().unwrap_err().kind(), ErrorKind::InvalidInput);
    twice.attributes[1] = "$a".to_owned();
    assert_eq!(twice.validate().unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_filter_inside_a_transaction_sees_what_it_wrote() {
    let store = store_of(50);
    let (index, db) = (store.text_index("docs").unwrap(), store.database());
    let odd_threes = filtered(r#"{"a": 3, "tags": "odd"}"#);
    assert_eq!(keys(&index, "word", &odd_threes), [3, 13, 23, 33, 43]);
    store.begin().unwrap();
    db.execute("UPDATE doc SET a = 4 WHERE key = 13", ()).unwrap();
    db.execute("UPDATE doc SET a = 3 WHERE key IN (4, 5)", ()).unwrap();
    db.execute("DELETE FROM doc WHERE key = 23", ()).unwrap();
    db.execute("INSERT INTO doc VALUES (60, 'a word', '', 3.0, '{\"tags\": [\"odd\"]}')", ())
        .unwrap();
    assert_eq!(keys(&index, "word", &odd_threes), [3, 5, 33, 43, 60]);
    let query = TextQuery::parse("word").unwrap();
    let facets = index.facets(&query, &odd_threes, &["a"], 5).unwrap();
    assert_eq!((facets.rows, &facets.keys[0].values[..]), (5, &[(MetaValue::Int(3), 5)][..]));
    assert!(matches!(facets.keys[0].values[0].0, MetaValue::Int(3)));
    db.rollback().unwrap();
    assert_eq!(keys(&index, "word", &odd_threes), [3, 13, 23, 33, 43]);
}

#[test]
fn damaged_attributes_lead_to_a_rebuild() {
    let damage: [&dyn Fn(Vec<u8>) -> Vec<u8>; 3] =
        [&|bytes| vec![0; bytes.len()], &|bytes| bytes[1..].to_vec(), &|mut bytes| {
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
            bytes
        }];
    for damage in damage {
        let store = store_of(100);
        let info = store.text_index("docs").unwrap().info().clone();
        store.text_index("docs").unwrap().optimize().unwrap();
        store.forget_text_index(info.id);
        let (index, db) = (store.text_index("docs").unwrap(), store.database());
        let sql = "SELECT id, head FROM sigil_text_segment";
        let rows = db.query(sql, ()).unwrap();
        assert_eq!(rows.len(), 1);
        let segment = rows.rows()[0].get(0).unwrap().as_i64().unwrap();
        let head = crate::text::Head::decode(rows.rows()[0].get(1).unwrap().as_blob().unwrap());
        let parts = head.unwrap().parts;
        let of_attributes =
            (0_i64..).zip(&parts).filter(|(_, part)| part.attributes_end().is_some());
        let numbers: Vec<i64> = of_attributes.map(|(number, _)| number).collect();
        assert_eq!(numbers.len(), 100_usize.div_ceil(16));
        let id = segment * (1 << 20) + numbers[2];
        let bytes =
            db.query("SELECT bytes FROM sigil_text_part WHERE id = ?", params![id]).unwrap();
        let bytes = damage(bytes.single().unwrap().as_blob().unwrap().to_vec());
        let sql = "UPDATE sigil_text_part SET bytes = ? WHERE id = ?";
        assert_eq!(db.execute(sql, params![bytes, id]).unwrap().changes, 1);
        // What does not need them does not see it.
        assert_eq!(keys(&index, "word", &TextSearchOptions::default()).len(), 100);
        let after = "SELECT max(id) FROM sigil_text_segment";
        let stored = || db.query(after, ()).unwrap().single().unwrap().as_i64();
        assert_eq!(stored(), Some(segment));
        assert_eq!(keys(&index, "word", &filtered(r#"{"a": 7}"#)).len(), 10);
        assert_ne!(stored(), Some(segment), "rebuilt");
        let query = TextQuery::parse("other").unwrap();
        assert_eq!(index.count_matching(&query, &filtered(r#"{"tags": "odd"}"#)).unwrap(), 50);
    }
}

#[test]
fn what_is_too_long_is_absent_and_the_rest_is_there() {
    let store = store_of(3);
    let (index, db) = (store.text_index("docs").unwrap(), store.database());
    let sql = "UPDATE doc SET a = ?, m = ? WHERE key = ?";
    let long = "l".repeat(Metadata::JSON_BYTES_MAX - 40);
    let object = |text: &str| format!(r#"{{"n": 1, "text": "{text}"}}"#);
    db.execute(sql, params!["\u{1}".repeat(20_000), object("x"), 1]).unwrap();
    db.execute(sql, params!["short", object(&long), 2]).unwrap();
    db.execute(sql, params!["a text of some length, with which it is too much", object(&long), 3])
        .unwrap();
    assert_eq!(keys(&index, "word", &filtered(r#"{"a": {"$exists": true}}"#)), [2, 3]);
    assert_eq!(keys(&index, "word", &filtered(r#"{"text": {"$exists": true}}"#)), [1, 2]);
    assert_eq!(keys(&index, "word", &filtered(r#"{"n": 1}"#)), [1, 2, 3]);
    index.optimize().unwrap();
    store.forget_text_index(index.info().id);
    assert_eq!(keys(&index, "word", &filtered(r#"{"text": {"$gte": "l"}}"#)), [1, 2]);
}

#[test]
fn the_memory_of_attributes_is_counted() {
    let store = store_of(200);
    let index = store.text_index("docs").unwrap();
    index.optimize().unwrap();
    store.forget_text_index(index.info().id);
    keys(&index, "word", &TextSearchOptions::default());
    let before = index.memory().unwrap();
    keys(&index, "word", &filtered(r#"{"a": 7}"#));
    let filtered_once = index.memory().unwrap();
    assert!(filtered_once > before + 200 * 4, "{before} {filtered_once}");
    keys(&index, "word", &filtered(r#"{"a": 8}"#));
    assert_eq!(index.memory().unwrap(), filtered_once);
}
