//! What a user's SQL could break the engine with: each is an answer or an error, and the handle
//! works afterwards. On wasm an overflowed stack or a panic would end the instance.

use super::*;
use crate::testing::test;

fn number(db: &Database, sql: &str) -> i64 {
    db.query(sql, ()).unwrap().single().unwrap().as_i64().unwrap()
}

/// Creates links of a chain until one is refused, and says how many there are.
fn chain(db: &Database, links: usize, link: &str) -> usize {
    for i in 1..=links {
        let sql = link.replace("$N", &i.to_string()).replace("$P", &(i - 1).to_string());
        if let Err(error) = db.execute_batch(&sql) {
            assert_eq!(error.kind(), ErrorKind::Limit, "{sql}: {error}");
            return i - 1;
        }
    }
    links
}

#[test]
fn views_on_views_end_at_a_limit_and_what_is_below_it_works() {
    for (link, least) in [
        ("CREATE VIEW v$N AS SELECT a FROM v$P", 90),
        ("CREATE VIEW v$N AS SELECT (SELECT max(a) FROM v$P) AS a", 30),
        ("CREATE VIEW v$N AS SELECT abs(abs(abs(a))) AS a FROM (SELECT a FROM v$P) LIMIT 9", 30),
        ("CREATE VIEW v$N AS SELECT x.a FROM v$P x JOIN v$P y ON x.a = y.a", 7),
        ("CREATE VIEW v$N AS SELECT a FROM v$P UNION ALL SELECT a FROM v$P", 7),
        ("CREATE VIEW v$N AS WITH c AS (SELECT a FROM v$P) SELECT max(a) AS a FROM c", 30),
    ] {
        let db = open();
        db.execute_batch("CREATE TABLE t (a); CREATE VIEW v0 AS SELECT a FROM t;").unwrap();
        let made = chain(&db, 1_000, link);
        assert!((least..200).contains(&made), "{made} of {link}");
        // The last may be just too large to be read through one more SELECT.
        db.query(&format!("SELECT count(*) FROM v{}", made - 1), ()).unwrap();
        assert!(db.poisoned().is_none());
    }
}

#[test]
fn a_view_that_grows_under_another_is_measured_again() {
    let db = open();
    db.execute_batch("CREATE TABLE t (a); CREATE VIEW v0 AS SELECT a FROM t;").unwrap();
    let made = chain(&db, 1_000, "CREATE VIEW v$N AS SELECT a FROM v$P");
    let top = format!("SELECT count(*) FROM v{}", made - 3);
    db.query(&top, ()).unwrap();
    let deep = format!("SELECT a FROM {}t{}", "(SELECT a FROM ".repeat(60), ")".repeat(60));
    db.execute("DROP VIEW v0", ()).unwrap();
    db.execute(&format!("CREATE VIEW v0 AS {deep}"), ()).unwrap();
    assert_eq!(kind(db.query(&top, ())), ErrorKind::Limit);
    db.execute("DROP VIEW v0", ()).unwrap();
    db.transaction(|tx| tx.execute("CREATE VIEW v0 AS SELECT a FROM t", ())).unwrap();
    assert_eq!(number(&db, &top), 0);
    let rolled_back = db.transaction(|tx| {
        tx.execute("DROP VIEW v0", ())?;
        tx.execute(&format!("CREATE VIEW v0 AS {deep}"), ())?;
        assert_eq!(kind(tx.query(&top, ())), ErrorKind::Limit);
        tx.query("SELECT nothing", ())
    });
    assert_eq!(kind(rolled_back), ErrorKind::Sql);
    assert_eq!(number(&db, &top), 0);
    db.execute_batch("CREATE VIEW a AS SELECT * FROM b; CREATE VIEW b AS SELECT * FROM a;")
        .unwrap();
    assert_eq!(kind(db.query("SELECT * FROM a", ())), ErrorKind::Sql);
}

#[test]
fn chains_of_triggers_and_foreign_keys_end_at_a_limit() {
    let db = open();
    db.execute("CREATE TABLE t0 (a)", ()).unwrap();
    chain(
        &db,
        60,
        "CREATE TABLE t$N (a);
         CREATE TRIGGER g$N AFTER INSERT ON t$P BEGIN INSERT INTO t$N VALUES (new.a); END;",
    );
    assert_eq!(kind(db.execute("INSERT INTO t0 VALUES (1)", ())), ErrorKind::Limit);
    db.execute("INSERT INTO t45 VALUES (1)", ()).unwrap();
    assert_eq!(number(&db, "SELECT count(*) FROM t60"), 1);
    db.execute_batch("CREATE TABLE k0 (id INTEGER PRIMARY KEY); INSERT INTO k0 VALUES (1);")
        .unwrap();
    chain(
        &db,
        60,
        "CREATE TABLE k$N (id INTEGER PRIMARY KEY REFERENCES k$P (id) ON DELETE CASCADE);
         INSERT INTO k$N VALUES (1);",
    );
    assert_eq!(kind(db.execute("DELETE FROM k0", ())), ErrorKind::Limit);
    db.execute("DELETE FROM k45", ()).unwrap();
    assert_eq!(number(&db, "SELECT count(*) FROM k60"), 0);
    assert_eq!(number(&db, "SELECT count(*) FROM k44"), 1);
}

#[test]
fn a_cascade_along_a_chain_of_rows_works_or_changes_nothing() {
    let db = open();
    db.execute_batch(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, p INTEGER REFERENCES t ON DELETE CASCADE);
         CREATE INDEX t_p ON t (p);
         INSERT INTO t VALUES (0, NULL);
         INSERT INTO t SELECT value, value - 1 FROM generate_series(1, 20000);",
    )
    .unwrap();
    assert_eq!(kind(db.execute("DELETE FROM t WHERE id = 0", ())), ErrorKind::Limit);
    assert_eq!(number(&db, "SELECT count(*) FROM t"), 20_001);
    db.execute("DELETE FROM t WHERE id = 19950", ()).unwrap();
    assert_eq!(number(&db, "SELECT count(*) FROM t"), 19_950);
    assert_eq!(db.integrity_check().unwrap(), Vec::<String>::new());
}

#[test]
fn a_time_limit_inside_a_trigger_is_a_timeout() {
    let db = open();
    db.execute_batch(
        "CREATE TABLE t (a); CREATE TABLE u (a);
         CREATE TRIGGER g AFTER INSERT ON t BEGIN
           INSERT INTO u SELECT n.a FROM n, n AS m; END;
         CREATE TABLE n (a); INSERT INTO n SELECT value FROM generate_series(1, 2000);",
    )
    .unwrap();
    db.set_time_limit(Some(Duration::from_micros(50)));
    let error = db.execute("INSERT INTO t VALUES (1)", ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    db.set_time_limit(None);
    assert_eq!(number(&db, "SELECT (SELECT count(*) FROM t) + (SELECT count(*) FROM u)"), 0);
}

#[test]
fn cached_statements_follow_the_schema() {
    let db = open();
    db.execute_batch("CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 2);").unwrap();
    let columns = || db.query("SELECT * FROM t", ()).unwrap().columns().join(" ");
    assert_eq!(columns(), "a b");
    db.execute("ALTER TABLE t ADD COLUMN c DEFAULT 3", ()).unwrap();
    assert_eq!(columns(), "a b c");
    db.execute("ALTER TABLE t DROP COLUMN b", ()).unwrap();
    assert_eq!(columns(), "a c");
    db.execute("ALTER TABLE t RENAME COLUMN a TO z", ()).unwrap();
    assert_eq!(columns(), "z c");
    db.execute_batch("DROP TABLE t; CREATE TABLE t (only);").unwrap();
    assert_eq!(columns(), "only");
    db.execute("DROP TABLE t", ()).unwrap();
    assert_eq!(kind(db.query("SELECT * FROM t", ())), ErrorKind::Sql);
}

#[test]
fn statements_interleave_and_a_half_read_one_blocks_nothing() {
    let db = open();
    db.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b)", ()).unwrap();
    db.execute("INSERT INTO t SELECT value, value FROM generate_series(1, 1000)", ()).unwrap();
    let (mut outer, mut inner) = (0, 0);
    db.query_each("SELECT a FROM t WHERE a <= 30 ORDER BY a", (), |row| {
        outer += row.get_i64(0)?;
        // The same text again, while the first is being read.
        db.query_each("SELECT a FROM t WHERE a <= 30 ORDER BY a", (), |row| {
            inner += row.get_i64(0)?;
            Ok(())
        })
    })
    .unwrap();
    assert_eq!((outer, inner), (465, 465 * 30));
    for _ in 0..100 {
        let stopped = db.query_each("SELECT a, b FROM t", (), |_| Err(Error::invalid("enough")));
        assert_eq!(kind(stopped), ErrorKind::InvalidInput);
        db.execute("UPDATE t SET b = b + 1 WHERE a = 5", ()).unwrap();
    }
    assert_eq!(number(&db, "SELECT b FROM t WHERE a = 5"), 105);
    // A write while rows are read works or is refused; either way nothing breaks.
    let outcome = db.query_each("SELECT a FROM t ORDER BY a LIMIT 5", (), |row| {
        match db.execute("INSERT INTO t VALUES (?, 0)", params![row.get_i64(0)? + 5_000]) {
            Err(error) if error.kind() != ErrorKind::Busy => Err(error),
            _ => Ok(()),
        }
    });
    outcome.unwrap();
    db.checkpoint().unwrap();
    assert_eq!(db.integrity_check().unwrap(), Vec::<String>::new());
}

#[test]
fn a_large_transaction_with_a_small_cache_rolls_back() {
    let files = MemoryFiles::new();
    let options = DatabaseOptions { cache_pages: 100, ..DatabaseOptions::default() };
    let host = Arc::new(FixedHost::new(1));
    let db = Database::open(Arc::new(files.clone()), host, options).unwrap();
    db.execute_batch(
        "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT); CREATE INDEX i ON t (b);
         INSERT INTO t SELECT value, 'old ' || value FROM generate_series(1, 2000);",
    )
    .unwrap();
    let outcome: Result<()> = db.transaction(|tx| {
        tx.execute(
            "INSERT INTO t SELECT value, printf('%080d', value) FROM generate_series(2001, 52000)",
            (),
        )?;
        tx.execute("UPDATE t SET b = b || 'x' WHERE a % 3 = 0", ())?;
        tx.execute("SAVEPOINT s", ()).unwrap_err();
        Err(Error::invalid("no"))
    });
    assert_eq!(kind(outcome), ErrorKind::InvalidInput);
    assert_eq!(number(&db, "SELECT count(*) FROM t WHERE b LIKE 'old %'"), 2_000);
    assert_eq!(number(&db, "SELECT count(*) FROM t"), 2_000);
    assert_eq!(db.integrity_check().unwrap(), Vec::<String>::new());
    // A savepoint over many pages, begun by SQL.
    for sql in [
        "BEGIN",
        "UPDATE t SET b = 'kept' WHERE a = 1",
        "SAVEPOINT s",
        "INSERT INTO t SELECT value, printf('%080d', value) FROM generate_series(2001, 30000)",
        "DELETE FROM t WHERE a % 2 = 0",
        "ROLLBACK TO s",
        "RELEASE s",
        "COMMIT",
    ] {
        db.execute(sql, ()).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    assert_eq!(number(&db, "SELECT count(*) FROM t"), 2_000);
    assert_eq!(number(&db, "SELECT count(*) FROM t WHERE b = 'kept'"), 1);
    db.close().unwrap();
    let db = open_on(&files).unwrap();
    assert_eq!(number(&db, "SELECT count(*) FROM t"), 2_000);
    assert_eq!(db.integrity_check().unwrap(), Vec::<String>::new());
}

#[test]
fn patterns_and_values_that_blow_up_are_answers_or_errors() {
    let db = open();
    for sql in [
        format!("SELECT '{}' LIKE '{}b'", "a".repeat(100_000), "%a".repeat(2_000)),
        format!("SELECT '{}' GLOB '{}b'", "a".repeat(100_000), "*a".repeat(2_000)),
        format!("SELECT 'a' LIKE '{}'", "%".repeat(300_000)),
        format!("SELECT 'a' GLOB '{}'", "[".repeat(30_000)),
        format!("SELECT 'a' REGEXP '{}a{}'", "(".repeat(10_000), ")".repeat(10_000)),
        "SELECT 'aaa' REGEXP '(a{1000}){1000}'".to_owned(),
        "SELECT length(printf('%2000000000d', 1)), length(printf('%.2000000000f', 1.0))".to_owned(),
        "SELECT randomblob(-5), zeroblob(-1), substr('a', -9223372036854775808, 3)".to_owned(),
        "SELECT value FROM generate_series(9223372036854775806, 9223372036854775807)".to_owned(),
    ] {
        let _ = db.query(&sql, ());
        assert_eq!(number(&db, "SELECT 1"), 1, "{:.80}", sql);
    }
    for sql in [
        "SELECT zeroblob(2000000000)",
        "SELECT randomblob(2000000000)",
        "SELECT length(zeroblob(9000000000000))",
    ] {
        assert_eq!(kind(db.query(sql, ())), ErrorKind::Limit, "{sql}");
    }
    db.set_time_limit(Some(Duration::from_millis(1)));
    for sql in [
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c ORDER BY n",
        "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b",
    ] {
        assert_eq!(kind(db.query(sql, ())), ErrorKind::Timeout, "{sql}");
    }
    assert!(db.poisoned().is_none());
}

#[test]
fn the_schema_and_the_engine_s_own_tables_are_out_of_reach() {
    let db = open();
    db.execute_batch("CREATE TABLE t (a); INSERT INTO t VALUES (1);").unwrap();
    for sql in [
        "SELECT * FROM pragma_wal_checkpoint",
        "SELECT * FROM pragma_journal_mode('delete')",
        "SELECT * FROM pragma_synchronous('off')",
        "SELECT * FROM pragma_foreign_keys(0)",
        "INSERT INTO sqlite_dbpage VALUES (1, zeroblob(4096))",
        "UPDATE sqlite_dbpage SET data = zeroblob(4096) WHERE pgno = 2",
        "SELECT load_extension('/tmp/x.so')",
        "INSERT INTO sqlite_schema VALUES ('table', 'x', 'x', 2, 'CREATE TABLE x (a)')",
        "UPDATE sqlite_schema SET sql = 'junk'",
        "DELETE FROM sqlite_master",
        "DROP TABLE sqlite_schema",
        "CREATE TABLE sqlite_x (a)",
        "CREATE TABLE w (a PRIMARY KEY) WITHOUT ROWID",
        "CREATE TABLE s (a, b GENERATED ALWAYS AS (a + 1) STORED)",
        "BEGIN CONCURRENT",
        "SELECT readfile('/etc/passwd')",
        "VACUUM",
        "INSERT OR FAIL INTO t VALUES (1)",
        "CREATE TABLE f (a UNIQUE ON CONFLICT FAIL)",
    ] {
        let error = db.query(sql, ()).unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Sql | ErrorKind::Unsupported),
            "{sql}: {error:?}"
        );
    }
    assert_eq!(number(&db, "PRAGMA foreign_keys"), 1);
    db.execute_batch(
        "CREATE TABLE g (a, b GENERATED ALWAYS AS (a + 1)); CREATE INDEX gi ON g (b);
         INSERT INTO g (a) VALUES (1); UPDATE g SET a = 5;",
    )
    .unwrap();
    assert_eq!(number(&db, "SELECT a FROM g WHERE b = 6"), 5);
    assert_eq!(db.integrity_check().unwrap(), Vec::<String>::new());
}
