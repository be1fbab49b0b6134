//! The stores on SQLite: one database file per workspace and one for the gateway.
//!
//! Durability: WAL with `synchronous=FULL`, so a commit is on the disk when it returns, and
//! checkpoints at SQLite's own pace (every 1,000 pages). Foreign keys are on. Statements are
//! prepared once. The stores lock the files for themselves as ours does (`locking_mode=EXCLUSIVE`
//! keeps the WAL's index in memory), cache 64 MiB of pages and read through a memory map, which
//! is what one does for a server's database with one process.

mod compaction;
mod gateway;
mod knowledge;
mod messages;
mod rows;
mod schema;
mod sessions;
mod side;
mod summaries;
mod vectors;

use std::path::Path;
use std::sync::Once;

use rusqlite::{Connection, Transaction, TransactionBehavior, ffi};

pub use gateway::Gateway;
pub use knowledge::Knowledge;
pub use messages::Messages;
pub use sessions::Sessions;
pub use side::Side;
pub use summaries::Summaries;
pub use vectors::Vectors;

use crate::error::{Error, Result};

/// The stores of one workspace, in one file.
#[derive(Debug)]
pub struct Workspace {
    connection: Connection,
    dimensions: usize,
}

impl Workspace {
    /// Opens or creates the workspace's file for vectors of `dimensions` numbers.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened, or holds vectors of another length.
    pub fn open(path: &Path, dimensions: usize) -> Result<Workspace> {
        let connection = open(path)?;
        schema::create_workspace(&connection, dimensions)?;
        Ok(Workspace { connection, dimensions })
    }

    /// Sessions and their messages.
    pub fn sessions(&self) -> Sessions<'_> {
        Sessions(&self.connection)
    }

    /// The searchable messages.
    pub fn messages(&self) -> Messages<'_> {
        Messages(&self.connection)
    }

    /// Summaries of compacted messages.
    pub fn summaries(&self) -> Summaries<'_> {
        Summaries(&self.connection)
    }

    /// Entities, relationships and facts.
    pub fn knowledge(&self) -> Knowledge<'_> {
        Knowledge(&self.connection)
    }

    /// Vectors.
    pub fn vectors(&self) -> Vectors<'_> {
        Vectors { connection: &self.connection, dimensions: self.dimensions }
    }

    /// Does what `work` does in one transaction: all of it, or nothing if it fails.
    ///
    /// # Errors
    ///
    /// What `work` fails with, or the commit.
    pub fn transaction<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        atomically(&self.connection, work)
    }

    /// The connection, for SQL of one's own.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }
}

/// Opens a file with the settings of this module.
///
/// # Errors
///
/// If it cannot be opened.
pub fn open(path: &Path) -> Result<Connection> {
    static EXTENSION: Once = Once::new();
    EXTENSION.call_once(register_vectors);
    let connection = Connection::open(path)?;
    connection.set_prepared_statement_cache_capacity(128);
    connection.execute_batch(
        "PRAGMA locking_mode = EXCLUSIVE;
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -65536;
         PRAGMA mmap_size = 1073741824;",
    )?;
    Ok(connection)
}

/// Makes sqlite-vec part of every connection that is opened from now on.
#[expect(unsafe_code, reason = "the documented way to link sqlite-vec into rusqlite")]
fn register_vectors() {
    type EntryPoint = unsafe extern "C" fn(
        *mut ffi::sqlite3,
        *mut *mut std::ffi::c_char,
        *const ffi::sqlite3_api_routines,
    ) -> std::ffi::c_int;
    // SAFETY: sqlite3_vec_init is an entry point of that signature; its crate declares it without.
    unsafe {
        ffi::sqlite3_auto_extension(Some(std::mem::transmute::<*const (), EntryPoint>(
            sqlite_vec::sqlite3_vec_init as *const (),
        )));
    }
}

/// Runs `work` in a transaction, or in the one that is open.
fn atomically<T>(connection: &Connection, work: impl FnOnce() -> Result<T>) -> Result<T> {
    if !connection.is_autocommit() {
        return work();
    }
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let result = work()?;
    transaction.commit()?;
    Ok(result)
}

/// Runs `work` on one state of the database.
fn consistently<T>(connection: &Connection, work: impl FnOnce() -> Result<T>) -> Result<T> {
    if !connection.is_autocommit() {
        return work();
    }
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Deferred)?;
    let result = work()?;
    transaction.finish()?;
    Ok(result)
}

/// Writes everything back into the database file and empties the WAL.
///
/// # Errors
///
/// If somebody reads it, or the database fails.
pub fn checkpoint(connection: &Connection) -> Result<()> {
    let busy: i64 =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy == 0 { Ok(()) } else { Err(Error::Input("the checkpoint was kept from ending".into())) }
}
