//! One portable file for a whole store, out and in.
//!
//! The file is the database itself: everything else is derived from it. Any SQLite reads it.

mod foreign;

use crate::engine::{DATABASE_FILE, Database, WAL_FILE, check_pages};
use crate::error::{Error, ErrorKind, Result};
use crate::files::{File, Files, MemoryFiles};

/// The whole database as bytes: the content of a portable file.
///
/// `files` are those that `database` runs on. The WAL is folded into the database file first, so
/// the bytes are complete by themselves.
///
/// # Errors
/// [`ErrorKind::Busy`] inside a transaction, and storage kinds.
pub fn export(database: &Database, files: &dyn Files) -> Result<Vec<u8>> {
    database.checkpoint()?;
    let file = files.open(DATABASE_FILE, false)?;
    let len = usize::try_from(file.len()?)
        .map_err(|_| Error::new(ErrorKind::Limit, "the database does not fit into memory"))?;
    let mut bytes = vec![0; len];
    let n = file.read_at(0, &mut bytes)?;
    bytes.truncate(n);
    Ok(bytes)
}

/// Puts the bytes of a portable file in place as the database of a new store.
///
/// Every page is checked first. What another program wrote carries no checksums and is written
/// anew, table by table, so that every imported store has them: rowids, the counters of
/// AUTOINCREMENT and `user_version` stay, `application_id` and the statistics of ANALYZE do not.
///
/// # Errors
/// [`ErrorKind::Conflict`] when `files` hold a database already; [`ErrorKind::NotADatabase`] and
/// [`ErrorKind::Corrupt`] for bytes that are no sound database; [`ErrorKind::Unsupported`] naming
/// the table, index, view or trigger that this engine cannot carry over. Nothing is written then.
pub fn import(files: &dyn Files, bytes: Vec<u8>) -> Result<()> {
    for name in [DATABASE_FILE, WAL_FILE] {
        if files.exists(name)? && !files.open(name, false)?.is_empty()? {
            return Err(Error::new(
                ErrorKind::Conflict,
                "there is a store already: import into an empty place",
            ));
        }
    }
    let checked = MemoryFiles::new();
    checked.put(DATABASE_FILE, bytes);
    let checked = match check(checked.open(DATABASE_FILE, false)?.as_ref())? {
        Origin::Ours => checked,
        Origin::Foreign => foreign::rewrite(&checked)?,
    };
    let file = files.open(DATABASE_FILE, true)?;
    let written = checked.with_bytes(DATABASE_FILE, |bytes| file.write_at(0, bytes));
    written.unwrap_or(Ok(()))?;
    file.sync()
}

/// Who wrote a file.
enum Origin {
    Ours,
    Foreign,
}

fn check(file: &dyn File) -> Result<Origin> {
    if file.is_empty()? {
        return Err(Error::new(ErrorKind::NotADatabase, "the file to import is empty"));
    }
    let Some(faults) = check_pages(file)? else { return Ok(Origin::Foreign) };
    match faults.first() {
        None => Ok(Origin::Ours),
        Some(fault) => Err(Error::corrupt(format!(
            "page {} of the file to import does not match its checksum: it is damaged, so use \
             another copy, or another program changed it, so import a dump of it \
             (sqlite3 OLD .dump | sqlite3 NEW)",
            fault.page
        ))),
    }
}
