//! Writes a database of another program anew, so that its pages carry checksums.

use std::sync::Arc;

use crate::engine::{DATABASE_FILE, Database, DatabaseOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::files::MemoryFiles;
use crate::host::FixedHost;
use crate::params;
use crate::value::Value;

/// The files of a new database with all that the one in `files` holds.
///
/// # Errors
/// [`ErrorKind::Unsupported`] naming what cannot be carried over, and what the engine reports.
pub(super) fn rewrite(files: &MemoryFiles) -> Result<MemoryFiles> {
    let reading = |error: Error| error.context("reading the file to import");
    let source = open(files).map_err(|error| match error.kind() {
        ErrorKind::Sql | ErrorKind::Engine | ErrorKind::Unsupported => unreadable(files, &error),
        _ => reading(error),
    })?;
    let copy = MemoryFiles::new();
    let target = open(&copy)?;
    let schema = schema(&source).map_err(reading)?;
    // Rows arrive table by table, and a row may refer to one of a later table.
    target.set_foreign_keys(false);
    target.transaction(|target| {
        for object in schema.iter().filter(|object| object.kind == Kind::Table) {
            create(target, object)?;
            copy_rows(&source, target, &object.name)
                .map_err(|error| cannot(object, &error).context("copying its rows"))?;
        }
        copy_sequences(&source, target)?;
        // Not before the rows: an index is built faster at once, and a trigger must not run.
        for kind in [Kind::Index, Kind::View, Kind::Trigger] {
            for object in schema.iter().filter(|object| object.kind == kind) {
                create(target, object)?;
            }
        }
        let version = source.query("PRAGMA user_version", ())?;
        let version = version.single()?.as_i64().unwrap_or(0);
        target.execute(&format!("PRAGMA user_version = {version}"), ()).map(drop)
    })?;
    let problems = target.integrity_check()?;
    if let Some(problem) = problems.first() {
        return Err(Error::new(ErrorKind::Engine, format!("the copy is not sound: {problem}")));
    }
    target.close()?;
    Ok(copy)
}

fn open(files: &MemoryFiles) -> Result<Database> {
    let options = DatabaseOptions { checkpoint_at_bytes: None, ..DatabaseOptions::default() };
    // Nothing that is copied asks for the time or for entropy.
    Database::open(Arc::new(files.clone()), Arc::new(FixedHost::new(0)), options)
}

/// The error for a file whose schema the engine cannot even read, naming the culprit if it can.
#[cold]
fn unreadable(files: &MemoryFiles, error: &Error) -> Error {
    // SQLite stores the text of every virtual table with these words before its name.
    const VIRTUAL: &[u8] = b"CREATE VIRTUAL TABLE ";
    const SHOWN: usize = 60;
    let found = files.with_bytes(DATABASE_FILE, |bytes| {
        let at = bytes.windows(VIRTUAL.len()).position(|window| window == VIRTUAL)?;
        let name = bytes[at + VIRTUAL.len()..].iter().take(SHOWN).copied();
        let name: Vec<u8> = name.take_while(|byte| !matches!(byte, b' ' | b'(' | 0)).collect();
        Some(String::from_utf8_lossy(&name).escape_default().to_string())
    });
    let what = match found.flatten() {
        Some(name) => format!("the virtual table '{name}' cannot be imported, so drop it first"),
        None => "the file to import holds what this engine cannot read, so change it first".into(),
    };
    Error::with_source(ErrorKind::Unsupported, format!("{what}: {error}"), error.clone())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Table,
    Index,
    View,
    Trigger,
}

#[derive(Debug)]
struct Object {
    kind: Kind,
    name: String,
    sql: String,
}

/// What the database consists of, in the order it was made.
fn schema(source: &Database) -> Result<Vec<Object>> {
    let rows = source.query("SELECT type, name, sql FROM sqlite_schema ORDER BY rowid", ())?;
    let mut objects = Vec::new();
    for row in rows {
        let [Value::Text(kind), Value::Text(name), Value::Text(sql)] = row.values() else {
            continue; // the index of a constraint, which comes with its table
        };
        let kind = match kind.as_str() {
            "table" => Kind::Table,
            "index" => Kind::Index,
            "view" => Kind::View,
            "trigger" => Kind::Trigger,
            other => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!("the {other} '{name}' cannot be imported"),
                ));
            }
        };
        // The counters are copied by themselves, and statistics can be made again. The engine
        // keeps something of its own for each AUTOINCREMENT.
        let lower = name.to_ascii_lowercase();
        if !lower.starts_with("sqlite_") && !lower.starts_with("__turso_internal_") {
            objects.push(Object { kind, name: name.clone(), sql: sql.clone() });
        }
    }
    Ok(objects)
}

fn create(target: &Database, object: &Object) -> Result<()> {
    target.execute(&object.sql, ()).map(drop).map_err(|error| cannot(object, &error))
}

#[cold]
fn cannot(object: &Object, error: &Error) -> Error {
    let kind = match object.kind {
        Kind::Table => "table",
        Kind::Index => "index",
        Kind::View => "view",
        Kind::Trigger => "trigger",
    };
    Error::with_source(
        ErrorKind::Unsupported,
        format!(
            "the {kind} '{}' cannot be imported, so remove or change it first: {error}",
            object.name
        ),
        error.clone(),
    )
}

fn copy_rows(source: &Database, target: &Database, table: &str) -> Result<()> {
    let quoted = quote(table);
    let mut columns = Vec::new();
    let mut primary = Vec::new();
    for row in source.query(&format!("PRAGMA table_xinfo({quoted})"), ())? {
        let [_, Value::Text(name), Value::Text(kind), _, _, Value::Integer(key), hidden @ ..] =
            row.values()
        else {
            return Err(Error::new(ErrorKind::Engine, "its columns cannot be listed"));
        };
        // A column that is computed is not written.
        if hidden.first().and_then(Value::as_i64).unwrap_or(0) == 0 {
            columns.push(name.clone());
        }
        if *key > 0 {
            primary.push(kind.clone());
        }
    }
    let is = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
    let rowid = ["rowid", "_rowid_", "oid"]
        .into_iter()
        .find(|alias| !columns.iter().any(|column| is(column, alias)));
    let mut names: Vec<String> = columns.iter().map(|column| quote(column)).collect();
    // An INTEGER PRIMARY KEY is the rowid already.
    let keyed = matches!(&primary[..], [kind] if is(kind, "INTEGER"));
    names.extend(rowid.filter(|_| !keyed).map(str::to_owned));
    let list = names.join(", ");
    let marks = vec!["?"; names.len()].join(", ");
    let insert = format!("INSERT INTO {quoted} ({list}) VALUES ({marks})");
    source.query_each(&format!("SELECT {list} FROM {quoted}"), (), |row| {
        target.execute(&insert, row.to_row().into_values()).map(drop)
    })
}

/// Copies how far the AUTOINCREMENT of each table has counted.
fn copy_sequences(source: &Database, target: &Database) -> Result<()> {
    const THERE: &str = "SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'";
    if source.query(THERE, ())?.is_empty() || target.query(THERE, ())?.is_empty() {
        return Ok(());
    }
    target.execute("DELETE FROM sqlite_sequence", ())?;
    source.query_each("SELECT name, seq FROM sqlite_sequence", (), |row| {
        let (name, seq) = (row.value(0).to_value(), row.value(1).to_value());
        target
            .execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", params![name, seq])
            .map(drop)
    })
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
