//! Tests of the database on files in memory; they run natively and on wasm.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::files::{File, MemoryFiles};
use crate::host::FixedHost;
use crate::params;
use crate::testing::test;

mod traps;

fn open_on(files: &MemoryFiles) -> Result<Database> {
    Database::open(Arc::new(files.clone()), Arc::new(FixedHost::new(1)), DatabaseOptions::default())
}

fn open() -> Database {
    open_on(&MemoryFiles::new()).unwrap()
}

fn kind<T: fmt::Debug>(outcome: Result<T>) -> ErrorKind {
    outcome.unwrap_err().kind()
}

#[test]
fn rows_survive_reopening() {
    let files = MemoryFiles::new();
    let db = open_on(&files).unwrap();
    db.execute_batch("CREATE TABLE t (a INTEGER PRIMARY KEY, b); INSERT INTO t (b) VALUES ('x');")
        .unwrap();
    drop(db);
    let db = open_on(&files).unwrap();
    let executed = db.execute("INSERT INTO t (b) VALUES (?)", params![2.5]).unwrap();
    assert_eq!(executed, Executed { changes: 1, last_insert_rowid: 2 });
    db.close().unwrap();
    assert_eq!(files.bytes(WAL_FILE).unwrap(), b"");
    let db = open_on(&files).unwrap();
    let rows = db.query("SELECT a, b FROM t ORDER BY a", ()).unwrap();
    assert_eq!(rows.columns(), ["a", "b"]);
    assert_eq!(rows.rows()[0].values(), params![1, "x"]);
    assert_eq!(rows.rows()[1].values(), params![2, 2.5]);
    assert_eq!(db.integrity_check().unwrap(), Vec::<String>::new());
}

#[test]
fn the_file_of_the_log_is_kept_by_the_checkpoints_between_commits_alone() {
    const LIMIT: u64 = 64 << 10;
    let files = MemoryFiles::new();
    let wal = || files.bytes(WAL_FILE).unwrap();
    let options = DatabaseOptions { checkpoint_at_bytes: Some(LIMIT), ..Default::default() };
    let host = Arc::new(FixedHost::new(1));
    let db = Database::open(Arc::new(files.clone()), host, options).unwrap();
    db.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b)", ()).unwrap();
    let secret = "s3cret ".repeat(200);
    let (mut checkpoints, mut emptied) = (0, 0);
    while checkpoints < 3 {
        db.execute("INSERT INTO t (b) VALUES (?)", params![&secret]).unwrap();
        // Whoever opens the files now finds every commit, and a log that is sound.
        let copy = MemoryFiles::new();
        for name in files.names() {
            copy.open(&name, true).unwrap().write_at(0, &files.bytes(&name).unwrap()).unwrap();
        }
        assert_eq!(crate::verify_files(&copy).unwrap(), [], "after {checkpoints} checkpoints");
        let rows = open_on(&copy).unwrap().query("SELECT count(*) FROM t", ()).unwrap();
        assert_eq!(rows.single().unwrap().as_i64(), Some(db.last_insert_rowid()));
        if db.checkpoints() > checkpoints {
            checkpoints = db.checkpoints();
            assert_eq!(db.wal_bytes(), 0);
            assert_eq!(wal().len(), 256 << 10, "the file keeps its length");
            emptied += 1;
        }
    }
    assert_eq!(emptied, 3);
    // One by hand leaves nothing of what was deleted, even when the log is empty.
    assert!(wal().windows(7).any(|bytes| bytes == b"s3cret "));
    db.checkpoint().unwrap();
    assert_eq!(wal(), b"");
    // The file of a long log is not kept.
    db.execute("INSERT INTO t (b) VALUES (zeroblob(1000000))", ()).unwrap();
    assert_eq!((db.wal_bytes(), wal().len()), (0, 0));
}

#[test]
fn every_value_type_round_trips() {
    let db = open();
    let values = params![
        i64::MIN,
        i64::MAX,
        f64::MAX,
        f64::INFINITY,
        -0.0,
        "",
        "a\u{1F600}\u{0}b",
        Vec::<u8>::new(),
        vec![0u8, 255],
        None::<i64>,
        true
    ];
    let marks = vec!["?"; values.len()].join(", ");
    let rows = db.query(&format!("SELECT {marks}"), values.clone()).unwrap();
    assert_eq!(rows.rows()[0].values(), values);
    assert_eq!(kind(db.query("SELECT ?", params![f64::NAN])), ErrorKind::InvalidInput);
}

#[test]
fn parameters_are_checked() {
    let db = open();
    assert_eq!(kind(db.query("SELECT ?, ?", params![1])), ErrorKind::InvalidInput);
    assert_eq!(kind(db.query("SELECT 1", params![1])), ErrorKind::InvalidInput);
    assert_eq!(kind(db.query("SELECT ?", ())), ErrorKind::InvalidInput);
    let named =
        db.query("SELECT :a, @b, $c, :a", [("a", 1.into()), (":b", 2.into()), ("c", 3.into())]);
    assert_eq!(named.unwrap().rows()[0].values(), params![1, 2, 3, 1]);
    assert_eq!(kind(db.query("SELECT :a", [("b", Value::Null)])), ErrorKind::InvalidInput);
    assert_eq!(kind(db.query("SELECT :a, :b", [("a", Value::Null)])), ErrorKind::InvalidInput);
    let twice = [("a", Value::Null), (":a", Value::Null)];
    assert_eq!(kind(db.query("SELECT :a", twice)), ErrorKind::InvalidInput);
    assert_eq!(db.query("SELECT ?2, ?1", params![1, 2]).unwrap().rows()[0].values(), params![2, 1]);
}

#[test]
fn constraint_kinds_are_told_apart() {
    let db = open();
    db.execute_batch(
        "CREATE TABLE p (id INTEGER PRIMARY KEY, u TEXT UNIQUE, n TEXT NOT NULL DEFAULT '',
           c INTEGER CHECK (c > 0));
         CREATE TABLE k (p INTEGER NOT NULL REFERENCES p (id));
         CREATE TABLE s (a INTEGER) STRICT;
         CREATE TRIGGER r BEFORE INSERT ON p WHEN new.u = 'bad'
           BEGIN SELECT RAISE(ABORT, 'never bad'); END;
         INSERT INTO p (id, u) VALUES (1, 'a');",
    )
    .unwrap();
    let fails = |sql: &str| kind(db.execute(sql, ()));
    assert_eq!(fails("INSERT INTO p (u) VALUES ('a')"), ErrorKind::ConstraintUnique);
    assert_eq!(fails("INSERT INTO p (id) VALUES (1)"), ErrorKind::ConstraintUnique);
    assert_eq!(fails("INSERT INTO p (n) VALUES (NULL)"), ErrorKind::ConstraintNotNull);
    assert_eq!(fails("INSERT INTO p (c) VALUES (0)"), ErrorKind::ConstraintCheck);
    assert_eq!(fails("INSERT INTO k VALUES (9)"), ErrorKind::ConstraintForeignKey);
    assert_eq!(fails("INSERT INTO s VALUES ('x')"), ErrorKind::Constraint);
    assert_eq!(fails("INSERT INTO p (u) VALUES ('bad')"), ErrorKind::Constraint);
    assert_eq!(fails("SELECT * FROM nowhere"), ErrorKind::Sql);
    assert_eq!(fails("SELECT nothing FROM p"), ErrorKind::Sql);
    assert_eq!(fails("INSERT INTO p (id) VALUES (1, 2)"), ErrorKind::Sql);
    assert_eq!(fails(""), ErrorKind::Sql);
    assert_eq!(fails("SELECT 1; SELECT 2"), ErrorKind::InvalidInput);
    assert_eq!(db.query("SELECT count(*) FROM p", ()).unwrap().single().unwrap().as_i64(), Some(1));
    assert!(db.poisoned().is_none());
}

#[test]
fn a_failed_body_rolls_back() {
    let db = open();
    db.execute("CREATE TABLE t (a UNIQUE)", ()).unwrap();
    let outcome = db.transaction(|tx| {
        tx.execute("INSERT INTO t VALUES (1)", ())?;
        assert!(tx.in_transaction());
        assert_eq!(kind(tx.execute("COMMIT", ())), ErrorKind::Busy);
        assert_eq!(kind(tx.begin()), ErrorKind::Busy);
        assert_eq!(kind(tx.checkpoint()), ErrorKind::Busy);
        tx.execute("INSERT INTO t VALUES (1)", ())
    });
    assert_eq!(kind(outcome), ErrorKind::ConstraintUnique);
    assert!(!db.in_transaction());
    assert_eq!(db.query("SELECT count(*) FROM t", ()).unwrap().single().unwrap().as_i64(), Some(0));
    // A failed statement inside leaves the rest of the transaction alone.
    db.transaction(|tx| {
        tx.execute("INSERT INTO t VALUES (1), (2)", ())?;
        assert_eq!(
            kind(tx.execute("INSERT INTO t VALUES (3), (2)", ())),
            ErrorKind::ConstraintUnique
        );
        Ok(())
    })
    .unwrap();
    assert_eq!(db.query("SELECT count(*) FROM t", ()).unwrap().single().unwrap().as_i64(), Some(2));
    assert_eq!(kind(db.commit()), ErrorKind::InvalidInput);
}

#[test]
fn a_deferred_foreign_key_fails_the_commit_and_rolls_back() {
    let db = open();
    db.execute_batch(
        "CREATE TABLE p (id INTEGER PRIMARY KEY);
         CREATE TABLE k (p REFERENCES p (id) DEFERRABLE INITIALLY DEFERRED);",
    )
    .unwrap();
    let outcome = db.transaction(|tx| tx.execute("INSERT INTO k VALUES (1)", ()));
    assert_eq!(kind(outcome), ErrorKind::ConstraintForeignKey);
    assert!(!db.in_transaction());
    assert!(db.query("SELECT * FROM k", ()).unwrap().is_empty());
}

#[test]
#[cfg(not(target_arch = "wasm32"))]
fn a_panicking_body_rolls_back_and_leaves_the_handle_usable() {
    let db = open();
    db.execute("CREATE TABLE t (a)", ()).unwrap();
    let caught = catch_unwind(AssertUnwindSafe(|| {
        db.transaction(|tx| -> Result<()> {
            tx.execute("INSERT INTO t VALUES (1)", ())?;
            panic!("on purpose");
        })
    }));
    assert!(caught.is_err());
    assert!(!db.in_transaction());
    assert!(db.query("SELECT * FROM t", ()).unwrap().is_empty());
}

#[test]
fn a_row_callback_may_stop_the_query_and_run_others() {
    let db = open();
    let sql = "SELECT value FROM generate_series(1, 1000000)";
    let mut seen = 0;
    let outcome = db.query_each(sql, (), |row| {
        seen += row.get_i64(0)?;
        assert_eq!(db.query("SELECT 7", ())?.single()?.as_i64(), Some(7));
        if seen > 10 { Err(Error::invalid("enough")) } else { Ok(()) }
    });
    assert_eq!(kind(outcome), ErrorKind::InvalidInput);
    assert_eq!(seen, 15);
    db.checkpoint().unwrap();
}

#[test]
fn statements_stop_on_interrupt_and_at_the_time_limit() {
    const ENDLESS: &str =
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT max(n) FROM c";
    let db = open();
    db.set_time_limit(Some(Duration::from_millis(1)));
    assert_eq!(kind(db.query(ENDLESS, ())), ErrorKind::Timeout);
    db.set_time_limit(None);
    let handle = db.interrupt_handle();
    let mut n = 0;
    let outcome = db.query_each("SELECT value FROM generate_series(1, 100000000)", (), |_| {
        n += 1;
        if n == 5 {
            handle.interrupt();
        }
        Ok(())
    });
    assert_eq!(kind(outcome), ErrorKind::Interrupted);
    assert_eq!(db.query("SELECT 1", ()).unwrap().single().unwrap().as_i64(), Some(1));
}

#[test]
fn an_interrupted_write_changes_nothing() {
    let db = open();
    db.execute("CREATE TABLE t (a)", ()).unwrap();
    db.set_time_limit(Some(Duration::from_micros(50)));
    let sql = "INSERT INTO t SELECT value FROM generate_series(1, 1000000)";
    assert_eq!(kind(db.execute(sql, ())), ErrorKind::Timeout);
    db.set_time_limit(None);
    assert!(!db.in_transaction());
    assert_eq!(db.query("SELECT count(*) FROM t", ()).unwrap().single().unwrap().as_i64(), Some(0));
    assert_eq!(db.integrity_check().unwrap(), Vec::<String>::new());
}

/// The traps of the engine that a user's SQL could step into: each works or is refused, and none
/// panics, which on wasm would end the instance.
#[test]
fn sql_that_reads_the_clock_or_entropy_works() {
    let db = open();
    for sql in [
        "SELECT datetime('now')",
        "SELECT date('now', '-1 day'), time('now'), julianday('now'), unixepoch('now')",
        "SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')",
        "SELECT CURRENT_TIMESTAMP, CURRENT_DATE, CURRENT_TIME",
        "SELECT datetime('now', 'localtime'), datetime('now', 'utc')",
        "SELECT random(), hex(randomblob(16)), uuid4_str(), uuid7_str()",
        "SELECT timediff('2026-01-02', 'now')",
    ] {
        let rows = db.query(sql, ()).unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(rows.len(), 1, "{sql}");
    }
    let now = db.query("SELECT datetime(?)", params!["now"]).unwrap();
    assert!(now.single().unwrap().as_str().unwrap().starts_with("2026-01-01 00:00:"), "{now:?}");
    db.execute_batch(
        "CREATE TABLE t (a, at TEXT DEFAULT CURRENT_TIMESTAMP); INSERT INTO t (a) VALUES (1);",
    )
    .unwrap();
    assert_eq!(db.query("SELECT at FROM t", ()).unwrap().len(), 1);
}

#[test]
fn refused_statements_leave_the_handle_usable() {
    let db = open();
    for sql in [
        "CREATE TEMP TABLE t (a)",
        "CREATE TABLE temp.t (a)",
        "ATTACH ':memory:' AS m",
        "VACUUM",
        "VACUUM INTO '/tmp/x'",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA synchronous = OFF",
    ] {
        assert_eq!(kind(db.execute(sql, ())), ErrorKind::Unsupported, "{sql}");
    }
    for sql in [
        "SELECT * FROM temp.sqlite_schema",
        "INSERT INTO temp.t VALUES (1)",
        "DROP TABLE temp.t",
        "SELECT * FROM sqlite_temp_schema",
        "CREATE INDEX temp.i ON t (a)",
        "SELECT load_extension('x')",
        "ALTER TABLE temp.t RENAME TO u",
        "PRAGMA temp.table_info(t)",
        "CREATE VIRTUAL TABLE v USING fts5(a)",
    ] {
        // Refused, not found, or empty; never an abort.
        if let Err(error) = db.query(sql, ()) {
            let kind = error.kind();
            assert!(matches!(kind, ErrorKind::Unsupported | ErrorKind::Sql), "{sql}: {error:?}");
        }
        assert_eq!(db.query("SELECT 1", ()).unwrap().single().unwrap().as_i64(), Some(1), "{sql}");
    }
    assert!(db.poisoned().is_none());
    // A table of that name is a table like any other.
    db.execute_batch("CREATE TABLE temp (a); INSERT INTO temp VALUES (7);").unwrap();
    let rows = db.query("SELECT temp.a FROM temp", ()).unwrap();
    assert_eq!(rows.single().unwrap().as_i64(), Some(7));
}

#[test]
fn deep_and_long_sql_is_an_error_or_an_answer() {
    let db = open();
    for depth in [10, 100, 500, 1_000, 5_000, 50_000] {
        let sql = format!("SELECT {}1{}", "(".repeat(depth), ")".repeat(depth));
        let _ = db.query(&sql, ());
        let sql = format!("SELECT {}1", "1+".repeat(depth));
        let _ = db.query(&sql, ());
        let sql = format!("SELECT {}1", "-".repeat(depth).replace("--", "- -"));
        let _ = db.query(&sql, ());
        let sql = format!(
            "SELECT {}1{}",
            "(SELECT ".repeat(depth.min(20_000)),
            ")".repeat(depth.min(20_000))
        );
        let _ = db.query(&sql, ());
        let sql = format!("SELECT {}1{}", "abs(".repeat(depth), ")".repeat(depth));
        let _ = db.query(&sql, ());
        let sql = format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(depth));
        let _ = db.query(&sql, ());
        let sql = format!("SELECT json('{}{}')", "[".repeat(depth), "]".repeat(depth));
        let _ = db.query(&sql, ());
        let sql = format!(
            "SELECT CASE WHEN 1 THEN {}1 END{}",
            "CASE WHEN 1 THEN ".repeat(depth),
            " END".repeat(depth)
        );
        let _ = db.query(&sql, ());
        let sql = format!("SELECT NOT {}1", "NOT ".repeat(depth));
        let _ = db.query(&sql, ());
        let sql = format!("SELECT 1 WHERE 1 {}", "AND 1 ".repeat(depth));
        let _ = db.query(&sql, ());
    }
    assert_eq!(
        kind(db.query(&format!("SELECT '{}'", "x".repeat(2_000_000)), ())),
        ErrorKind::Limit
    );
    assert_eq!(db.query("SELECT 1", ()).unwrap().single().unwrap().as_i64(), Some(1));
}

#[test]
fn two_databases_of_one_name_are_two_databases() {
    let (a, b) = (open(), open());
    a.execute("CREATE TABLE only_in_a (x)", ()).unwrap();
    assert_eq!(kind(b.query("SELECT * FROM only_in_a", ())), ErrorKind::Sql);
}

#[test]
fn sorting_and_grouping_leave_no_files_behind() {
    let files = MemoryFiles::new();
    let db = open_on(&files).unwrap();
    db.execute("CREATE TABLE t (a, b)", ()).unwrap();
    db.execute(
        "INSERT INTO t SELECT value * 7919 % 10007, printf('%0500d', value)
         FROM generate_series(1, 4000)",
        (),
    )
    .unwrap();
    let n = db.query("SELECT count(*) FROM (SELECT DISTINCT b FROM t ORDER BY a, b DESC)", ());
    assert_eq!(n.unwrap().single().unwrap().as_i64(), Some(4000));
    db.query("SELECT b FROM t UNION SELECT b || 'x' FROM t ORDER BY 1", ()).unwrap();
    assert_eq!(files.names(), [DATABASE_FILE, WAL_FILE]);
}

#[test]
fn files_that_are_no_database_are_refused_and_left_alone() {
    let refuse = |bytes: &[u8]| {
        let files = MemoryFiles::new();
        files.put(DATABASE_FILE, bytes.to_vec());
        let kind = open_on(&files).unwrap_err().kind();
        assert_eq!(files.bytes(DATABASE_FILE).unwrap(), bytes);
        kind
    };
    assert_eq!(refuse(b"hello"), ErrorKind::NotADatabase);
    assert_eq!(refuse(&[7u8; 8192]), ErrorKind::NotADatabase);
    assert_eq!(refuse(b"SQLite format 3\0"), ErrorKind::Corrupt);
    assert_eq!(refuse(b"S"), ErrorKind::Corrupt);
    let files = MemoryFiles::new();
    let db = open_on(&files).unwrap();
    db.execute_batch(
        "CREATE TABLE t (a); INSERT INTO t SELECT randomblob(500) FROM generate_series(1, 100);",
    )
    .unwrap();
    db.close().unwrap();
    let bytes = files.bytes(DATABASE_FILE).unwrap();
    assert_eq!(refuse(&bytes[..bytes.len() - 4096]), ErrorKind::Corrupt);
    let mut newer = bytes.clone();
    newer[18] = 3;
    // A flipped bit, since the checksum is that of the page before.
    assert_eq!(refuse(&newer), ErrorKind::Corrupt);
    let sum = twox_hash::XxHash3_64::oneshot(&newer[..PAGE_BYTES - 8]);
    newer[PAGE_BYTES - 8..PAGE_BYTES].copy_from_slice(&sum.to_le_bytes());
    assert_eq!(refuse(&newer), ErrorKind::NewerFormat);
    // A log whose database is gone is not thrown away, as the engine would.
    let db = open_on(&files).unwrap();
    db.execute("INSERT INTO t VALUES (1)", ()).unwrap();
    drop(db);
    let orphan = MemoryFiles::new();
    orphan.put(DATABASE_FILE, Vec::new());
    orphan.put(WAL_FILE, files.bytes(WAL_FILE).unwrap());
    assert_eq!(kind(open_on(&orphan)), ErrorKind::Corrupt);
    assert_eq!(orphan.bytes(WAL_FILE), files.bytes(WAL_FILE));
}

#[test]
fn a_creation_that_was_cut_off_is_begun_again() {
    let files = MemoryFiles::new();
    drop(open_on(&files).unwrap());
    let page = files.bytes(DATABASE_FILE).unwrap();
    assert_eq!(page.len(), PAGE_BYTES);
    // The file gets its length first, so what a power cut leaves is nothing, or a part and zeros.
    let torn = |n: usize| [&page[..n], &vec![0; PAGE_BYTES - n]].concat();
    for left in [Vec::new(), torn(0), torn(1), torn(27), torn(105), torn(4090), page.clone()] {
        let files = MemoryFiles::new();
        files.put(DATABASE_FILE, left);
        let db = open_on(&files).unwrap();
        db.execute("CREATE TABLE t (a)", ()).unwrap();
        db.close().unwrap();
        open_on(&files).unwrap().query("SELECT * FROM t", ()).unwrap();
    }
}

#[test]
fn every_page_carries_a_checksum() {
    let files = MemoryFiles::new();
    let db = open_on(&files).unwrap();
    db.execute_batch(
        "CREATE TABLE t (a); INSERT INTO t SELECT randomblob(900) FROM generate_series(1, 300);
         DELETE FROM t WHERE rowid % 3 > 0; CREATE INDEX i ON t (a); DROP INDEX i;",
    )
    .unwrap();
    db.close().unwrap();
    let check = |bytes: Vec<u8>| {
        files.put("copy", bytes);
        check_pages(files.open("copy", false).unwrap().as_ref() as &dyn File).unwrap().unwrap()
    };
    let bytes = files.bytes(DATABASE_FILE).unwrap();
    assert!(bytes.len() > 40 * PAGE_BYTES);
    assert_eq!(check(bytes.clone()), []);
    for page in 0..bytes.len() / PAGE_BYTES {
        let mut flipped = bytes.clone();
        // Byte 200 is past the header, whose own fields are tested below.
        flipped[page * PAGE_BYTES + 200] ^= 0x10;
        assert_eq!(check(flipped), [PageFault { page: page as u64 + 1 }]);
    }
}

#[test]
fn a_damaged_page_is_an_error_not_an_answer() {
    let files = MemoryFiles::new();
    let db = open_on(&files).unwrap();
    db.execute_batch(
        "CREATE TABLE t (a); INSERT INTO t SELECT randomblob(900) FROM generate_series(1, 300);",
    )
    .unwrap();
    db.close().unwrap();
    let mut bytes = files.bytes(DATABASE_FILE).unwrap();
    let last = bytes.len() - 300;
    bytes[last] ^= 1;
    let files = MemoryFiles::new();
    files.put(DATABASE_FILE, bytes);
    let db = open_on(&files).unwrap();
    assert_eq!(kind(db.query("SELECT sum(length(a)) FROM t", ())), ErrorKind::Corrupt);
}
