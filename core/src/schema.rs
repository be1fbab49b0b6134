//! The library's own tables: an ordered list of migrations, and the version a database is at.
//!
//! Everything the library keeps for itself has a name that begins with `sigil_`, so that it never
//! meets a user's table. The version is in `sigil_meta`, not in `PRAGMA user_version`, which is
//! the user's.

use crate::container::StoreId;
use crate::engine::Database;
use crate::error::{Error, ErrorKind, Result};
use crate::host::Host;
use crate::params;

/// Each migration takes a database from the version that is its index to the next.
const MIGRATIONS: &[&str] = &[
    // 1: the change sequence and the catalogue of vector collections.
    "CREATE TABLE sigil_change (
       seq INTEGER PRIMARY KEY,
       source INTEGER NOT NULL,
       key TEXT NOT NULL
     );
     CREATE TABLE sigil_collection (
       id INTEGER PRIMARY KEY,
       name TEXT NOT NULL UNIQUE,
       dimensions INTEGER NOT NULL CHECK (dimensions BETWEEN 1 AND 65536),
       metric TEXT NOT NULL CHECK (metric IN ('cosine', 'l2', 'dot')),
       trimmed_seq INTEGER NOT NULL DEFAULT 0
     );",
    // 2: in which precision a collection stores its vectors, and its index holds them.
    "ALTER TABLE sigil_collection ADD COLUMN precision TEXT NOT NULL DEFAULT 'f32';
     ALTER TABLE sigil_collection ADD COLUMN resident TEXT NOT NULL DEFAULT 'f32';",
    // 3: text indexes: the catalogue, their segments, and the parts of these, numbered 2^20 times
    // the segment's number and up.
    "CREATE TABLE sigil_text_index (
       id INTEGER PRIMARY KEY,
       name TEXT NOT NULL UNIQUE,
       source INTEGER NOT NULL,
       definition TEXT NOT NULL CHECK (json_valid(definition)),
       watermark INTEGER NOT NULL DEFAULT 0,
       read_to INTEGER,
       read_hash INTEGER,
       merging BLOB
     );
     CREATE TABLE sigil_text_segment (
       id INTEGER PRIMARY KEY,
       text_index INTEGER NOT NULL,
       head BLOB NOT NULL,
       dead BLOB NOT NULL
     );
     CREATE TABLE sigil_text_part (
       id INTEGER PRIMARY KEY,
       bytes BLOB NOT NULL
     );",
];

/// Brings the database to the current version and gives its identity.
///
/// # Errors
/// [`ErrorKind::NewerFormat`] for a database of a later version, [`ErrorKind::Corrupt`] when its
/// own tables are not what they should be, and what the engine reports.
pub(crate) fn migrate(db: &Database, host: &dyn Host) -> Result<StoreId> {
    let has_meta = !db
        .query("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'sigil_meta'", ())?
        .is_empty();
    if !has_meta {
        let mut id = StoreId([0; 16]);
        host.fill_random(&mut id.0);
        db.transaction(|tx| {
            tx.execute(
                "CREATE TABLE sigil_meta (key TEXT PRIMARY KEY NOT NULL, value NOT NULL)",
                (),
            )?;
            tx.execute(
                "INSERT INTO sigil_meta VALUES ('version', 0), ('collections', 0), ('store', ?)",
                params![id.0.as_slice()],
            )?;
            upgrade(tx, 0)
        })?;
        return Ok(id);
    }
    let version = meta(db, "version")?
        .as_i64()
        .and_then(|version| usize::try_from(version).ok())
        .ok_or_else(|| damaged("version"))?;
    if version > MIGRATIONS.len() {
        return Err(Error::new(
            ErrorKind::NewerFormat,
            format!(
                "the store has schema version {version}, this library knows up to {}: use a newer \
                 version of the library",
                MIGRATIONS.len()
            ),
        ));
    }
    if version < MIGRATIONS.len() {
        db.transaction(|tx| upgrade(tx, version))?;
    }
    let id = meta(db, "store")?;
    id.as_blob().and_then(|id| id.try_into().ok()).map(StoreId).ok_or_else(|| damaged("store"))
}

fn upgrade(tx: &Database, from: usize) -> Result<()> {
    for migration in &MIGRATIONS[from..] {
        tx.execute_batch(migration)?;
    }
    let version = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    tx.execute("UPDATE sigil_meta SET value = ? WHERE key = 'version'", params![version])?;
    Ok(())
}

fn meta(db: &Database, key: &str) -> Result<crate::Value> {
    let rows = db.query("SELECT value FROM sigil_meta WHERE key = ?", params![key])?;
    rows.single().cloned().map_err(|_| damaged(key))
}

fn damaged(key: &str) -> Error {
    Error::corrupt(format!(
        "the store's own table sigil_meta has no valid '{key}': restore it from an export"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::DatabaseOptions;
    use crate::files::MemoryFiles;
    use crate::host::FixedHost;
    use crate::testing::test;
    use std::sync::Arc;

    #[test]
    fn an_id_is_made_once_and_a_newer_version_is_refused() {
        let host = Arc::new(FixedHost::new(3));
        let db = Database::open(
            Arc::new(MemoryFiles::new()),
            Arc::clone(&host) as Arc<dyn Host>,
            DatabaseOptions::default(),
        )
        .unwrap();
        let id = migrate(&db, &*host).unwrap();
        assert_eq!(migrate(&db, &*host).unwrap(), id);
        db.execute("UPDATE sigil_meta SET value = 99 WHERE key = 'version'", ()).unwrap();
        assert_eq!(migrate(&db, &*host).unwrap_err().kind(), ErrorKind::NewerFormat);
        db.execute("DELETE FROM sigil_meta", ()).unwrap();
        assert_eq!(migrate(&db, &*host).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}
