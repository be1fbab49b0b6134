//! The `sigil` program as its users see it.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use sigil_core::container::StoreId;
use sigil_core::{CollectionOptions, DatabaseOptions, ImageStore, Metadata, Metric, Store, image};
use sigil_native::{DirectoryStorage, SystemHost};
use sigil_tests::program::{Ran, run, run_with};
use sigil_tests::scratch::Scratch;
use sigil_tests::{c_sqlite, program};

/// The path as an argument.
fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[track_caller]
fn done(ran: Ran) -> String {
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.err, "", "{ran:?}");
    ran.out
}

/// The command fails with an error of `kind`, and says so on standard error alone.
#[track_caller]
fn refused(ran: &Ran, kind: &str) {
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.starts_with("sigil: ") && ran.err.ends_with(&format!("({kind})\n")), "{ran:?}");
}

/// A store with a table, an index and a small collection.
fn store(name: &str) -> Scratch {
    let directory = Scratch::new(name);
    let store = sigil_native::open(directory.path()).unwrap();
    fill(&store);
    store.close().unwrap();
    directory
}

fn fill(store: &Store) {
    store
        .database()
        .execute_batch(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE, real REAL, bytes BLOB);
             INSERT INTO t VALUES (1, 'one, \"1\"', 1.5, x'00ff'), (2, NULL, -0.25, NULL),
               (9007199254740993, 'big', 2.0, x'');",
        )
        .unwrap();
    let options = CollectionOptions::new(2, Metric::Cosine);
    let collection = store.create_collection("points", options).unwrap();
    collection.store("a", &[1.0, 0.0], &Metadata::new()).unwrap();
    collection.store("b", &[0.0, 1.0], &Metadata::new()).unwrap();
}

#[test]
fn the_demo_runs_twice_and_what_it_says_is_so() {
    let directory = Scratch::new("demo");
    for _ in 0..2 {
        let out = done(run(["demo", "--dir", text(directory.path())]));
        assert!(out.contains("2500 rows, 2500 vectors, 100 of 100 searches answered as before"));
        assert!(out.contains("20 searches by words: ") && out.contains("by words and nearness: "));
        assert!(
            out.contains("0 problems found") && out.contains("all of it is still there"),
            "{out}"
        );
        let sql = "SELECT count(*) FROM synset; SELECT count(*) FROM sigil_vectors_1";
        let out = done(run(["query", text(directory.path()), sql, "--format", "csv"]));
        assert_eq!(out, "count(*)\n2500\ncount(*)\n2500\n");
    }
    assert_eq!(done(run(["verify", text(directory.path())])), "ok\n");
    let integrity = c_sqlite::integrity_check(&directory.join("sigil.db")).unwrap();
    assert_eq!(integrity, ["ok"]);
}

#[test]
fn the_demo_refuses_a_store_that_is_not_its_own() {
    let directory = store("demo-foreign");
    refused(&run(["demo", "--dir", text(directory.path())]), "conflict");
    let out = done(run([
        "query",
        text(directory.path()),
        "SELECT count(*) AS n FROM t",
        "--format",
        "csv",
    ]));
    assert_eq!(out, "n\n3\n");
}

#[test]
fn rows_come_as_a_table_as_json_and_as_csv() {
    let directory = store("formats");
    let directory = text(directory.path());
    let sql = "SELECT * FROM t ORDER BY id";
    let json = done(run(["query", directory, sql, "--format", "json"]));
    assert_eq!(
        json,
        "[\n  {\"bytes\":\"00ff\",\"id\":1,\"name\":\"one, \\\"1\\\"\",\"real\":1.5},\n  \
         {\"bytes\":null,\"id\":2,\"name\":null,\"real\":-0.25},\n  \
         {\"bytes\":\"\",\"id\":9007199254740993,\"name\":\"big\",\"real\":2.0}\n]\n"
    );
    let csv = done(run(["query", directory, sql, "--format", "csv"]));
    assert_eq!(
        csv,
        "id,name,real,bytes\n1,\"one, \"\"1\"\"\",1.5,00ff\n2,,-0.25,\n9007199254740993,big,2,\n"
    );
    let table = done(run(["query", directory, sql]));
    for part in ["one, \"1\"", "x'00ff'", "NULL", "9007199254740993", "3 rows"] {
        assert!(table.contains(part), "{part} in {table}");
    }
    // A statement without rows says nothing, and an empty result still names its columns.
    assert_eq!(done(run(["query", directory, "CREATE TABLE u (a)"])), "");
    assert_eq!(done(run(["query", directory, "SELECT a FROM u", "--format", "csv"])), "a\n");
    assert_eq!(done(run(["query", directory, "SELECT a FROM u", "--format", "json"])), "[\n]\n");
}

#[test]
fn parameters_standard_input_and_several_statements() {
    let directory = store("params");
    let directory = text(directory.path());
    let sql = "SELECT ?1 + 1 AS a, ?2 AS b, typeof(?3) AS c, ?4 AS d";
    let arguments = ["query", directory, sql, "--format", "csv", "--param", "41", "--param", "a'b"];
    let out = done(run(arguments.into_iter().chain(["--param", "NULL", "--param=-1.5"])));
    assert_eq!(out, "a,b,c,d\n42,a'b,null,-1.5\n");
    refused(&run(["query", directory, "SELECT ?1, ?2", "--param", "1"]), "invalid-input");
    refused(&run(["query", directory, "SELECT ?1; SELECT 2", "--param", "1"]), "invalid-input");

    let sql =
        "INSERT INTO t (id) VALUES (50);\n-- why\nSELECT count(*) AS n FROM t;\nSELECT 'x' AS x";
    let out = done(run_with(["query", directory, "--format", "csv"], sql));
    assert_eq!(out, "n\n4\nx\nx\n");
    assert_eq!(done(run_with(["query", directory], "")), "");
    // What ran before the statement that fails stays.
    let ran = run(["query", directory, "INSERT INTO t (id) VALUES (51); SELEC 1; SELECT 2"]);
    refused(&ran, "sql");
    let out = done(run([
        "query",
        directory,
        "SELECT max(id) AS n FROM t WHERE id < 100",
        "--format=csv",
    ]));
    assert_eq!(out, "n\n51\n");
}

#[test]
fn errors_say_what_kind_they_are() {
    let directory = store("errors");
    let path = text(directory.path());
    for (sql, kind) in [
        ("SELECT * FROM missing", "sql"),
        ("INSERT INTO t (id, name) VALUES (7, 'big')", "constraint-unique"),
        ("ATTACH 'x' AS x", "unsupported"),
        ("CREATE TEMP TABLE x (a)", "unsupported"),
    ] {
        let ran = run(["query", path, sql]);
        refused(&ran, kind);
        assert_eq!(ran.out, "", "{sql}");
    }
    let endless =
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r";
    let ran = run(["query", path, endless, "--time-limit-ms", "150"]);
    refused(&ran, "timeout");
    assert!(ran.err.contains("150ms"), "{ran:?}");

    let missing = text(directory.path()).to_owned() + "-missing";
    for command in ["query", "inspect", "verify"] {
        let sql = if command == "query" { Some("SELECT 1") } else { None };
        refused(&run([command, &missing].into_iter().chain(sql)), "not-found");
    }
    assert!(!Path::new(&missing).exists());
    let ran = run(["teapot"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("teapot") && ran.err.contains("--help"), "{ran:?}");
    let help = done(run(["--help"]));
    for command in ["demo", "query", "inspect", "verify", "export", "import"] {
        assert!(help.contains(&format!("  {command} ")), "{command} in {help}");
    }
}

/// Types `lines` at a prompt on a pseudo-terminal, each after the prompt has come, and ends with
/// Ctrl-D. Gives what the terminal showed and the exit code.
fn at_the_prompt(directory: &Path, lines: &[&str]) -> (String, i32) {
    const SCRIPT: &str = r"
import os, pty, select, sys, time
program, directory, *lines = sys.argv[1:]
pid, terminal = pty.fork()
if pid == 0:
    os.environ['TERM'] = 'dumb' if os.environ.get('SIGIL_DUMB') else 'xterm'
    os.execv(program, [program, 'query', directory])
shown = b''
def until(done, seconds=30):
    global shown
    end = time.time() + seconds
    start = len(shown)
    while time.time() < end:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                part = os.read(terminal, 65536)
            except OSError:
                return
            if not part:
                return
            shown += part
        if done(shown[start:]):
            return
def prompted(text):
    return b'sigil> ' in text or b'...> ' in text or b'sigil*> ' in text
until(prompted)
for line in lines:
    # The line is echoed after another prompt, so a fresh one is waited for.
    os.write(terminal, line.encode() + b'\r')
    until(lambda text: b'\n' in text and prompted(text.rpartition(b'\n')[2]))
os.write(terminal, b'\x04')
until(lambda text: False, 10)
_, status = os.waitpid(pid, 0)
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(status))
";
    let ran = Command::new("python3")
        .args(["-c", SCRIPT])
        .arg(program::path())
        .arg(directory)
        .args(lines)
        .output()
        .unwrap();
    assert!(ran.stderr.is_empty(), "{}", String::from_utf8_lossy(&ran.stderr));
    (String::from_utf8_lossy(&ran.stdout).into_owned(), ran.status.code().unwrap_or(-1))
}

#[test]
fn the_prompt_answers_on_a_terminal_and_outlives_errors() {
    let directory = store("prompt");
    let (shown, code) = at_the_prompt(
        directory.path(),
        &[
            "SELECT 40 + 2 AS answer,",
            "  'two lines' AS text;",
            ".tables",
            ".schema t",
            "SELECT * FROM missing;",
            ".format json",
            "SELECT 7 AS seven;",
            ".format xml",
            ".nonsense",
            "BEGIN;",
            "INSERT INTO t (id) VALUES (77);",
            "COMMIT;",
            "SELECT count(*) AS n FROM t WHERE id = 77;",
        ],
    );
    assert_eq!(code, 0, "{shown}");
    for part in [
        "two lines",
        "42",
        "sigil_collection",
        "CREATE TABLE t (",
        "(sql)",
        "{\"seven\":7}",
        "no format is named 'xml'",
        "no command is named '.nonsense'",
        "sigil*> ",
        "{\"n\":1}",
    ] {
        assert!(shown.contains(part), "{part:?} in {shown}");
    }
    let sql = "SELECT count(*) AS n FROM t WHERE id = 77";
    let out = done(run(["query", text(directory.path()), sql, "--format", "csv"]));
    assert_eq!(out, "n\n1\n");
    // Leaving in mid transaction rolls it back.
    let (shown, code) = at_the_prompt(directory.path(), &["BEGIN;", "DELETE FROM t;"]);
    assert_eq!(code, 0, "{shown}");
    let out = done(run(["query", text(directory.path()), sql, "--format", "csv"]));
    assert_eq!(out, "n\n1\n");
}

/// A directory with a store that is kept as blobs.
fn image_store() -> Scratch {
    let directory = Scratch::new("image");
    let storage = DirectoryStorage::open(directory.path()).unwrap();
    let options = image::OpenOptions::default();
    let opened = image::open(&storage, options, StoreId([3; 16])).unwrap();
    let host = Arc::new(SystemHost::new());
    let mut store = ImageStore::open(opened, host, DatabaseOptions::default()).unwrap();
    fill(store.store());
    store.flush(&storage).unwrap();
    store.store().database().execute("INSERT INTO t (id) VALUES (3)", ()).unwrap();
    store.flush(&storage).unwrap();
    directory
}

#[test]
fn inspect_shows_what_is_in_a_store_of_either_mode() {
    for (directory, mode, rows) in [(store("inspect"), "files", 3), (image_store(), "image", 4)] {
        let path = text(directory.path());
        let out = done(run(["inspect", path]));
        for part in ["store ", &format!("mode         {mode}"), "points", "2 vectors of 2 (cosine)"]
        {
            assert!(out.contains(part), "{part} in {out}");
        }
        assert!(
            out.lines().any(|line| line.trim_start().starts_with("t ") && line.ends_with("rows"))
        );
        let json = done(run(["inspect", path, "--json"]));
        let read = Command::new("python3")
            .args(["-c", "import json,sys; d=json.loads(sys.argv[1]); print(d['mode'], len(d['store']), [[t['name'],t['rows']] for t in d['tables']], d['collections'][0]['vectors'], 'manifest' in d)", &json])
            .output()
            .unwrap();
        assert_eq!(
            String::from_utf8_lossy(&read.stdout),
            format!(
                "{mode} 32 [['t', {rows}]] 2 {}\n",
                if mode == "image" { "True" } else { "False" }
            ),
            "{json}"
        );
        assert_eq!(done(run(["verify", path])), "ok\n");
    }
}

#[test]
fn a_directory_of_blobs_is_not_made_a_second_store() {
    let directory = image_store();
    let ran = run(["query", text(directory.path()), "SELECT 1"]);
    refused(&ran, "conflict");
    assert!(ran.err.contains("export"), "{ran:?}");
    assert!(!directory.join("sigil.db").exists());
}

#[test]
fn export_and_import_go_round() {
    let scratch = Scratch::new("portable");
    std::fs::create_dir_all(scratch.path()).unwrap();
    for (n, (directory, rows)) in [(store("export"), "3"), (image_store(), "4")].iter().enumerate()
    {
        let file = scratch.join(format!("{n}.sqlite"));
        let copy = scratch.join(format!("copy-{n}"));
        done(run(["export", text(directory.path()), text(&file)]));
        assert_eq!(c_sqlite::integrity_check(&file).unwrap(), ["ok"]);
        assert_eq!(c_sqlite::query(&file, "SELECT count(*) FROM t").unwrap(), [*rows]);
        // Neither overwrites what is there.
        let before = std::fs::read(&file).unwrap();
        refused(&run(["export", text(directory.path()), text(&file)]), "conflict");
        assert!(std::fs::read(&file).unwrap() == before);
        done(run(["import", text(&file), text(&copy)]));
        refused(&run(["import", text(&file), text(&copy)]), "conflict");
        refused(&run(["import", text(&file), text(directory.path())]), "conflict");
        assert_eq!(done(run(["verify", text(&copy)])), "ok\n");
        let sql = "SELECT count(*) AS n FROM t; SELECT id FROM sigil_vectors_1 ORDER BY id";
        let out = done(run(["query", text(&copy), sql, "--format", "csv"]));
        assert_eq!(out, format!("n\n{rows}\nid\na\nb\n"));
        // A copy that is damaged is refused, and makes nothing.
        let mut damaged = before;
        damaged[5_000] ^= 4;
        let (bad, nowhere) = (scratch.join("bad"), scratch.join("nowhere"));
        std::fs::write(&bad, &damaged).unwrap();
        refused(&run(["import", text(&bad), text(&nowhere)]), "corrupt");
        assert!(!nowhere.join("sigil.db").exists());
        std::fs::write(&bad, b"hello").unwrap();
        refused(&run(["import", text(&bad), text(&nowhere)]), "not-a-database");
        refused(&run(["import", text(&scratch.join("missing")), text(&nowhere)]), "not-found");
    }
}

#[test]
fn a_portable_file_that_another_program_changed_is_imported_as_a_dump() {
    let scratch = Scratch::new("changed");
    std::fs::create_dir_all(scratch.path()).unwrap();
    let (file, dump, copy) = (scratch.join("file"), scratch.join("dump"), scratch.join("copy"));
    done(run(["export", text(store("changed-from").path()), text(&file)]));
    c_database(&file, &["UPDATE t SET name = 'changed' WHERE id = 2"]);
    let ran = run(["import", text(&file), text(&copy)]);
    refused(&ran, "corrupt");
    assert!(ran.err.contains(".dump"), "{ran:?}");
    let script = "import sqlite3,sys\n\
                  sqlite3.connect(sys.argv[2]).executescript(\
                  '\\n'.join(sqlite3.connect(sys.argv[1]).iterdump()))";
    let dumped =
        Command::new("python3").args(["-c", script]).args([&file, &dump]).output().unwrap();
    assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
    done(run(["import", text(&dump), text(&copy)]));
    assert_eq!(done(run(["verify", text(&copy)])), "ok\n");
    // The store is the same one, with its collection.
    let sql = "SELECT name FROM t WHERE id = 2; SELECT name FROM sigil_collection";
    let out = done(run(["query", text(&copy), sql, "--format", "csv"]));
    assert_eq!(out, "name\nchanged\nname\npoints\n");
}

/// Has the C SQLite run `statements` on a new file.
fn c_database(file: &Path, statements: &[&str]) {
    let script = "import sqlite3,sys\nc=sqlite3.connect(sys.argv[1])\n\
                  for s in sys.argv[2:]: c.execute(s)\nc.commit()\nc.close()";
    let made = Command::new("python3").args(["-c", script]).arg(file).args(statements).output();
    let made = made.unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

#[test]
fn a_file_of_the_c_sqlite_is_imported_with_everything_and_gets_checksums() {
    let scratch = Scratch::new("foreign");
    std::fs::create_dir_all(scratch.path()).unwrap();
    let (file, copy) = (scratch.join("foreign.sqlite"), scratch.join("copy"));
    c_database(
        &file,
        &[
            "PRAGMA page_size = 1024",
            "PRAGMA user_version = 7",
            "CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT, x TEXT, b BLOB)",
            "INSERT INTO a (x, b) VALUES ('hi', x'00ff'), ('there', NULL)",
            "DELETE FROM a WHERE id = 2",
            // The child comes before its parent.
            "CREATE TABLE child (p REFERENCES parent (id))",
            "CREATE TABLE parent (id INT PRIMARY KEY)",
            "CREATE TABLE log (text)",
            "INSERT INTO parent VALUES (1)",
            "INSERT INTO child VALUES (1)",
            "CREATE INDEX a_x ON a (x) WHERE x IS NOT NULL",
            "CREATE VIEW v AS SELECT x FROM a",
            "CREATE TRIGGER tr AFTER INSERT ON a BEGIN INSERT INTO log VALUES ('fired'); END",
            "CREATE TABLE \"odd \"\"name\" (rowid TEXT, \"a b\" REAL, z)",
            "INSERT INTO \"odd \"\"name\" (_rowid_, rowid, \"a b\", z)
               VALUES (55, 'r', 1.5, 9223372036854775807)",
            "CREATE TABLE gap (x)",
            "INSERT INTO gap (rowid, x) VALUES (-5, 'neg'), (1000000, 'big')",
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
               INSERT INTO gap (x) SELECT hex(randomblob(20)) FROM n",
            "CREATE TABLE computed (a, twice AS (a * 2))",
            "INSERT INTO computed (a) VALUES (21)",
        ],
    );
    done(run(["import", text(&file), text(&copy)]));
    assert_eq!(done(run(["verify", text(&copy)])), "ok\n");
    let database = copy.join("sigil.db");
    assert_eq!(c_sqlite::integrity_check(&database).unwrap(), ["ok"]);
    for sql in [
        "PRAGMA user_version",
        "SELECT id, x, hex(b) FROM a",
        "SELECT name, seq FROM sqlite_sequence WHERE name = 'a'",
        "SELECT count(*) FROM log",
        "SELECT x FROM v",
        "SELECT _rowid_, rowid, \"a b\", z FROM \"odd \"\"name\"",
        "SELECT rowid, x FROM gap ORDER BY rowid",
        "SELECT a, twice FROM computed",
        "SELECT p FROM child",
        "SELECT type, name FROM sqlite_schema WHERE name NOT LIKE 'sqlite%'
           AND name NOT LIKE 'sigil%' AND name NOT LIKE '%turso_internal%' ORDER BY type, name",
    ] {
        let (before, after) = (c_sqlite::query(&file, sql), c_sqlite::query(&database, sql));
        assert_eq!(before.unwrap(), after.unwrap(), "{sql}");
    }
    // The store goes on where the file ended.
    let sql = "INSERT INTO a (x) VALUES ('new') RETURNING id; SELECT text FROM log";
    assert_eq!(done(run(["query", text(&copy), sql, "--format=csv"])), "id\n3\ntext\nfired\n");
}

#[test]
fn what_cannot_be_imported_is_named() {
    let scratch = Scratch::new("unsupported");
    std::fs::create_dir_all(scratch.path()).unwrap();
    for (n, (sql, named)) in [
        ("CREATE TABLE keyed (a TEXT PRIMARY KEY, b) WITHOUT ROWID", "'keyed'"),
        ("CREATE VIRTUAL TABLE texts USING fts5 (x)", "'texts'"),
        ("CREATE TABLE g (a, b AS (a * 2) STORED)", "generated columns"),
    ]
    .into_iter()
    .enumerate()
    {
        let (file, copy) = (scratch.join(format!("{n}")), scratch.join(format!("copy-{n}")));
        c_database(&file, &["CREATE TABLE other (a)", sql]);
        let ran = run(["import", text(&file), text(&copy)]);
        refused(&ran, "unsupported");
        assert!(ran.err.contains(named), "{ran:?}");
        assert!(!copy.join("sigil.db").exists());
    }
}
