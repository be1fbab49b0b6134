//! The page reader against databases that the C SQLite made, as far as they are from ours.

use std::fs;
use std::path::Path;
use std::process::Command;

use sigil_core::page::{DatabaseHeader, FilePages, PageReader, Pages, TextEncoding};
use sigil_core::{
    DATABASE_FILE, Database, DatabaseOptions, ErrorKind, Files, FixedHost, MemoryFiles, Result,
    ValueRef,
};
use sigil_tests::c_sqlite;
use sigil_tests::scratch::Scratch;

/// Runs `statements` one by one in the C SQLite; with `-` last the log is left behind, as a crash
/// would.
fn make(database: &Path, statements: &[&str]) {
    let script = "import sqlite3, sys, os\n\
                  c = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
                  for s in sys.argv[2:]:\n    os._exit(0) if s == '-' else c.execute(s).fetchall()";
    let made = Command::new("python3").args(["-c", script]).arg(database).args(statements).output();
    let made = made.unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// The file as it lies, with its log.
struct Image {
    files: MemoryFiles,
    wal: Vec<u8>,
}

impl Image {
    fn read(database: &Path) -> Image {
        let files = MemoryFiles::new();
        files.put("db", fs::read(database).unwrap());
        let wal = fs::read(format!("{}-wal", database.display())).unwrap_or_default();
        Image { files, wal }
    }

    fn with<T>(&self, f: impl FnOnce(&PageReader<FilePages<'_>>) -> T) -> Result<T> {
        let file = self.files.open("db", false)?;
        let reader = PageReader::new(FilePages::open(file.as_ref(), self.wal.clone())?)?;
        Ok(f(&reader))
    }
}

fn shown(value: ValueRef<'_>) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
    match value {
        ValueRef::Null => "null:".to_owned(),
        ValueRef::Integer(value) => format!("integer:{}", hex(value.to_string().as_bytes())),
        ValueRef::Real(value) => format!("real:{}", hex(format!("{value:.1}").as_bytes())),
        ValueRef::Text(value) => format!("text:{}", hex(value.as_bytes())),
        ValueRef::Blob(value) => format!("blob:{}", hex(value)),
    }
}

/// The rows of a table, the rowid first, as [`shown`].
fn rows<P: Pages>(reader: &PageReader<P>, table: &str) -> Result<Vec<String>> {
    let schema = reader.schema()?;
    let root = schema.iter().find(|entry| entry.name == table).unwrap().root;
    let row = |row: Result<sigil_core::page::TableRow>| {
        let row = row?;
        let record = row.record()?;
        let mut line = row.rowid.to_string();
        for index in 0..record.len() {
            line.push('|');
            line.push_str(&shown(record.value(index)?));
        }
        Ok(line)
    };
    reader.table(root)?.map(row).collect()
}

/// What the C SQLite says of the same.
fn expected(database: &Path, table: &str, columns: &[&str]) -> Vec<String> {
    let shown: String =
        columns.iter().map(|c| format!(", typeof({c}) || ':' || hex({c})")).collect();
    c_sqlite::query(database, &format!("SELECT rowid{shown} FROM {table} ORDER BY rowid")).unwrap()
}

const ROWS: &[&str] = &[
    "CREATE TABLE t (a, b TEXT, c BLOB)",
    "CREATE INDEX t_b ON t (b)",
    "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 700)
     INSERT INTO t (rowid, a, b, c) SELECT i * i - 5000,
       CASE i % 6 WHEN 0 THEN NULL WHEN 1 THEN i * i * i * (i % 4 - 2) WHEN 2 THEN i + 0.5
                  WHEN 3 THEN i % 2 WHEN 4 THEN x'00ff' ELSE 9223372036854775807 - i END,
       substr(hex(zeroblob(i)), 1, i), CASE WHEN i % 50 = 0 THEN zeroblob(i * 30) END FROM n",
    "DELETE FROM t WHERE rowid % 3 = 0",
    "INSERT INTO t (rowid, b) VALUES (9223372036854775807, 'last'), (-9223372036854775807, 'e' || char(233))",
];

const COLUMNS: &[&str] = &["a", "b", "c"];

#[test]
fn every_page_size_and_reserved_bytes_are_read() {
    for reserved in [0, 8] {
        for shift in 9..=16 {
            let scratch = Scratch::new("page-sizes");
            fs::create_dir(scratch.path()).unwrap();
            let database = scratch.join("x.db");
            if reserved > 0 {
                // A database of ours reserves bytes, and keeps them when C makes it anew.
                let files = MemoryFiles::new();
                let (on, host) = (files.clone().into(), FixedHost::new(1).into());
                let ours = open(on, host);
                ours.execute("CREATE TABLE ours (a)", ()).unwrap();
                ours.close().unwrap();
                fs::write(&database, files.bytes(DATABASE_FILE).unwrap()).unwrap();
            }
            let size = format!("PRAGMA page_size = {}", 1 << shift);
            let vacuum = if shift % 2 == 0 { "PRAGMA auto_vacuum = FULL" } else { "SELECT 1" };
            make(&database, &["PRAGMA journal_mode = DELETE", &size, vacuum, "VACUUM"]);
            make(&database, ROWS);
            let image = Image::read(&database);
            let expected = expected(&database, "t", COLUMNS);
            assert!(expected.len() > 400);
            image
                .with(|reader| {
                    let header = reader.header();
                    assert_eq!((header.page_bytes, header.reserved_bytes), (1 << shift, reserved));
                    assert_eq!(header.pointer_maps, shift % 2 == 0);
                    assert!(rows(reader, "t").unwrap() == expected, "{header:?}");
                    let free = reader.freelist().unwrap();
                    let listed = free.trunks.len() + free.leaves.len();
                    assert_eq!(listed, header.free_pages as usize);
                })
                .unwrap();
        }
    }
}

fn open(files: std::sync::Arc<MemoryFiles>, host: std::sync::Arc<FixedHost>) -> Database {
    Database::open(files, host, DatabaseOptions::default()).unwrap()
}

#[test]
fn a_log_that_was_left_behind_is_read_with_the_file() {
    let scratch = Scratch::new("page-log");
    fs::create_dir(scratch.path()).unwrap();
    let database = scratch.join("x.db");
    make(&database, &["PRAGMA journal_mode = WAL", "CREATE TABLE before (a)"]);
    let mut left = ROWS.to_vec();
    left.extend(["BEGIN", "PRAGMA cache_size = 1", "UPDATE t SET b = 'not committed'", "-"]);
    make(&database, &left);
    let image = Image::read(&database);
    assert!(image.wal.len() > 100_000);
    // The judge works on a copy and recovers the log.
    let expected = expected(&database, "t", COLUMNS);
    assert!(expected.len() > 400);
    image.with(|reader| assert!(rows(reader, "t").unwrap() == expected)).unwrap();
    let file = Image { wal: Vec::new(), ..image };
    file.with(|reader| assert!(reader.schema().unwrap().iter().all(|e| e.name != "t"))).unwrap();
}

#[test]
fn shadow_tables_of_virtual_tables_are_read() {
    let scratch = Scratch::new("page-fts");
    fs::create_dir(scratch.path()).unwrap();
    let database = scratch.join("x.db");
    make(
        &database,
        &[
            "CREATE TABLE message (id TEXT PRIMARY KEY, text TEXT)",
            "CREATE VIRTUAL TABLE found USING fts5(text)",
            "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 300)
             INSERT INTO found (text) SELECT 'word' || i || ' and ' || hex(zeroblob(i)) FROM n",
            "CREATE TABLE pairs (a PRIMARY KEY, b) WITHOUT ROWID",
            "INSERT INTO pairs VALUES (1, 2)",
            "ALTER TABLE message ADD COLUMN later DEFAULT 7",
            "CREATE TRIGGER t AFTER INSERT ON message BEGIN SELECT 1; END",
        ],
    );
    let image = Image::read(&database);
    let content = expected(&database, "found_content", &["c0"]);
    let doc = expected(&database, "found_docsize", &["sz"]);
    image
        .with(|reader| {
            // The key stands in the record as NULL, where the rowid is its value.
            let without_key = |rows: Vec<String>| -> Vec<String> {
                rows.into_iter().map(|row| row.replacen("|null:", "", 1)).collect()
            };
            assert!(without_key(rows(reader, "found_content").unwrap()) == content);
            assert!(without_key(rows(reader, "found_docsize").unwrap()) == doc);
            assert_eq!(content.len(), 300);
            let schema = reader.schema().unwrap();
            let found = schema.iter().find(|entry| entry.name == "found").unwrap();
            assert_eq!((found.kind.as_str(), found.root), ("table", 0));
            assert!(found.sql.as_deref().unwrap().contains("VIRTUAL"));
            let automatic = schema.iter().find(|entry| entry.kind == "index").unwrap();
            assert_eq!((automatic.table.as_str(), automatic.sql.as_deref()), ("message", None));
            let trigger = schema.iter().find(|entry| entry.kind == "trigger").unwrap();
            assert_eq!((trigger.table.as_str(), trigger.root), ("message", 0));
            let refused = rows(reader, "pairs").unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Unsupported);
        })
        .unwrap();
}

#[test]
fn utf_16_and_other_files_are_refused() {
    let scratch = Scratch::new("page-utf16");
    fs::create_dir(scratch.path()).unwrap();
    let database = scratch.join("x.db");
    make(&database, &["PRAGMA encoding = 'UTF-16be'", "CREATE TABLE t (a)"]);
    let image = Image::read(&database);
    assert_eq!(image.with(|_| ()).unwrap_err().kind(), ErrorKind::Unsupported);
    let bytes = image.files.bytes("db").unwrap();
    assert_eq!(DatabaseHeader::parse(&bytes).unwrap().encoding, TextEncoding::Utf16Be);
    for bytes in [&b""[..], b"text", &[0; 5000], &bytes[..99]] {
        image.files.put("db", bytes.to_vec());
        assert_eq!(image.with(|_| ()).unwrap_err().kind(), ErrorKind::NotADatabase);
    }
}
