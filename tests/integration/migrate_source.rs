//! Directories of the program before are read row for row as the C SQLite reads them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use serde_json::{Value, json};
use sigil_core::{ErrorKind, Result};
use sigil_native::migrate::{Cell, LegacyDatabase, LegacyFile, vec0};
use sigil_tests::legacy::{ExpectedRow, Legacy};
use sigil_tests::scratch::Scratch;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The cell as the generator writes it down.
fn exact(cell: &Cell) -> Value {
    match cell {
        Cell::Absent | Cell::Null => Value::Null,
        Cell::Integer(value) => json!(value),
        Cell::Real(value) => json!(value),
        Cell::Text(text) => json!(text),
        Cell::BrokenText(bytes) => json!({ "text": hex(bytes) }),
        Cell::Blob(bytes) => json!({ "blob": hex(bytes) }),
    }
}

fn table(database: &LegacyDatabase<'_>, file: &str, name: &str) -> Result<Vec<ExpectedRow>> {
    let of =
        |rowid: i64, row| ExpectedRow { file: file.to_owned(), table: name.to_owned(), rowid, row };
    let mut rows = Vec::new();
    if name == "vectors" {
        vec0::read(database, |vector| {
            assert!(vector.is_valid, "{vector:?}");
            let floats = vector.vector.unwrap();
            let bytes: Vec<u8> = floats.iter().flat_map(|float| float.to_le_bytes()).collect();
            let row = [
                ("id".to_owned(), exact(&vector.id.unwrap())),
                ("embedding".to_owned(), exact(&Cell::Blob(bytes))),
            ];
            rows.push(of(0, row.into_iter().collect()));
            Ok(())
        })?;
        return Ok(rows);
    }
    let names = database.columns(name)?;
    let wanted: Vec<&str> = names.iter().map(String::as_str).collect();
    for row in database.rows(name, &wanted)? {
        let row = row?;
        let cells = names.iter().cloned().zip(row.cells.iter().map(exact));
        rows.push(of(row.rowid, cells.collect()));
    }
    Ok(rows)
}

/// By file and table, in the order of the rowids; vectors, which have none, by id.
fn grouped(rows: Vec<ExpectedRow>) -> BTreeMap<(String, String), Vec<ExpectedRow>> {
    let mut groups: BTreeMap<_, Vec<ExpectedRow>> = BTreeMap::new();
    for row in rows {
        groups.entry((row.file.clone(), row.table.clone())).or_default().push(row);
    }
    for group in groups.values_mut() {
        group.sort_by_key(|row| (row.rowid, row.row.get("id").map(Value::to_string)));
    }
    groups
}

/// The directory is read as the C SQLite read it, and is afterwards as it was.
#[track_caller]
fn check(legacy: &Legacy) -> usize {
    let before = legacy.state();
    let expected = grouped(legacy.expected());
    let mut count = 0;
    for ((file, name), rows) in &expected {
        let opened = LegacyFile::open(&legacy.data().join(file)).unwrap();
        let database = LegacyDatabase::open(&opened).unwrap();
        let found = grouped(table(&database, file, name).unwrap());
        let found = found.into_values().next().unwrap_or_default();
        assert_eq!(found.len(), rows.len(), "{file}: {name}");
        for (found, expected) in found.iter().zip(rows) {
            assert_eq!(found, expected);
        }
        count += rows.len();
        opened.unchanged().unwrap();
    }
    assert!(legacy.state() == before, "the source was touched");
    count
}

#[test]
fn the_committed_directories_are_read_row_for_row() {
    assert_eq!(check(&Legacy::fixture("everything")), 243);
    assert_eq!(check(&Legacy::fixture("old-schema")), 21);
}

#[test]
fn directories_of_every_shape_are_read_row_for_row() {
    let seed = std::process::id().to_string();
    eprintln!("seed {seed}");
    let unicode = "\u{6771}\u{4eac} \u{1f980}";
    for options in [
        &["--schema", "current"][..],
        &["--schema", "old", "--page-size", "65536"],
        &["--schema", "altered", "--wal", "--page-size", "1024", "--workspace", "personal:u1"],
        &["--size", "small", "--wal", "--workspace", unicode, "--workspace", "team/alpha"],
        &["--size", "small", "--page-size", "512", "--dimensions", "1536", "--wal"],
    ] {
        let options = [&["--seed", &seed], options].concat();
        assert!(check(&Legacy::generate(&options)) > 100, "{options:?}");
    }
}

#[test]
fn several_chunks_of_vectors_with_holes_are_read() {
    let legacy =
        Legacy::generate(&["--size", "large", "--file", "vectors.db", "--dimensions", "16"]);
    assert!(check(&legacy) > 2 * 2 * 2000);
}

#[test]
fn a_transaction_that_was_not_committed_is_not_read() {
    let legacy = Legacy::generate(&["--wal", "--workspace", "w"]);
    let log = legacy.data().join("gateway.db-wal");
    let whole = std::fs::read(&log).unwrap();
    let mut counts = Vec::new();
    for part in 0..=20 {
        std::fs::write(&log, &whole[..whole.len() * part / 20]).unwrap();
        let file = LegacyFile::open(&legacy.data().join("gateway.db")).unwrap();
        let database = LegacyDatabase::open(&file).unwrap();
        let rows = table(&database, "gateway.db", "audit_log").unwrap();
        let mut expected = legacy.expected();
        expected.retain(|row| row.table == "audit_log");
        assert_eq!(rows[..], expected[..rows.len()], "part {part}");
        counts.push(rows.len());
    }
    assert!(counts.is_sorted() && counts[0] == 0 && counts[20] > counts[19], "{counts:?}");
}

#[test]
fn a_file_without_a_byte_has_no_tables_and_a_missing_one_is_an_error() {
    let directory = Scratch::new("legacy-empty");
    std::fs::create_dir(directory.path()).unwrap();
    let path = directory.join("sessions.db");
    assert_eq!(LegacyFile::open(&path).unwrap_err().kind(), ErrorKind::NotFound);
    std::fs::write(&path, b"").unwrap();
    let file = LegacyFile::open(&path).unwrap();
    let database = LegacyDatabase::open(&file).unwrap();
    assert_eq!(database.definition("sessions"), None);
    assert_eq!(database.rows("sessions", &["id"]).unwrap().count(), 0);
    assert_eq!(vec0::dimensions(&database).unwrap(), None);
}

#[test]
fn what_is_no_database_is_refused() {
    let directory = Scratch::new("legacy-noise");
    std::fs::create_dir(directory.path()).unwrap();
    let path = directory.join("memory.db");
    std::fs::write(&path, [0x5a; 4096]).unwrap();
    let file = LegacyFile::open(&path).unwrap();
    let error = LegacyDatabase::open(&file).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotADatabase);
    assert!(error.to_string().contains("memory.db"), "{error}");
}

#[test]
fn a_file_that_is_written_while_it_is_read_is_known() {
    let legacy = Legacy::generate(&["--workspace", "w"]);
    let path = legacy.data().join("gateway.db");
    let file = LegacyFile::open(&path).unwrap();
    file.unchanged().unwrap();
    std::fs::write(format!("{}-wal", path.display()), b"new").unwrap();
    assert_eq!(file.unchanged().unwrap_err().kind(), ErrorKind::Busy);
    std::fs::write(format!("{}-journal", path.display()), b"half").unwrap();
    assert_eq!(LegacyFile::open(&path).unwrap_err().kind(), ErrorKind::Busy);
}

/// Reads all there is, without caring what.
fn read_all(path: &Path) -> Result<usize> {
    let file = LegacyFile::open(path)?;
    let database = LegacyDatabase::open(&file)?;
    let mut count = 0;
    for name in
        ["sessions", "messages", "memory_messages", "summaries", "triples", "vector_metadata"]
    {
        for row in database.rows(name, &["id", "metadata", "created_at"])? {
            row?;
            count += 1;
        }
    }
    vec0::read(&database, |_| {
        count += 1;
        Ok(())
    })?;
    Ok(count)
}

#[test]
fn damage_anywhere_is_an_error_or_another_value_and_never_a_panic() {
    let seed = u64::from(std::process::id());
    eprintln!("seed {seed}");
    let mut random = sigil_tests::random::Random::new(seed);
    let directory = Scratch::new("legacy-damage");
    std::fs::create_dir(directory.path()).unwrap();
    let path = directory.join("damaged.db");
    let legacy = Legacy::fixture("everything");
    let mut failed = 0;
    for round in 0..1200 {
        let name = ["sessions.db", "memory.db", "knowledge.db", "vectors.db"][round % 4];
        let mut bytes = std::fs::read(legacy.data().join("workspaces/home").join(name)).unwrap();
        for _ in 0..=random.below(4) {
            let at = random.below(bytes.len());
            bytes[at] = [0, 0xff, 0x80, bytes[at] ^ 1][random.below(4)];
        }
        bytes.truncate(bytes.len() - random.below(2) * random.below(bytes.len()));
        std::fs::write(&path, bytes).unwrap();
        failed += usize::from(read_all(&path).is_err());
    }
    assert!(failed > 100, "{failed}");
}
