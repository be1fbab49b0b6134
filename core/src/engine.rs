//! The SQL database: turso_core on our own synchronous [`Files`], with its traps handled.
//!
//! This module and its children are the only code that names the engine's types. One connection
//! serves one database, in WAL mode, with every automatic checkpoint switched off: when the WAL
//! is folded into the database file is decided here, because the manifest protocol relies on the
//! WAL growing only at its end between checkpoints.

mod buffers;
mod connect;
mod dialect;
mod expansion;
mod fault;
mod guard;
mod io;
mod log;
mod preflight;
mod read_ahead;
mod run;
mod scrub;
mod statement;
mod transaction;
mod watch;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use turso_core::{CheckpointMode, Connection};

use crate::error::{Error, ErrorKind, Result};
use crate::files::Files;
use crate::host::Host;
use crate::value::{Params, Row, Rows, Value};
use expansion::Expansion;
use fault::from_engine;
use guard::{check_shape, first_statement};
use io::{EngineIo, Faults};
use log::Log;
pub(crate) use preflight::missing_pages;
pub use preflight::{PAGE_BYTES, PageFault, check_pages};
pub use statement::RowRef;
use statement::StatementCache;
pub use watch::Interrupt;
use watch::Watch;

/// The name of the database file among its [`Files`].
pub const DATABASE_FILE: &str = "sigil.db";

/// The name of the write-ahead log beside the database file.
pub const WAL_FILE: &str = "sigil.db-wal";

/// How a [`Database`] is opened.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DatabaseOptions {
    /// Whether every commit is synced (`synchronous=FULL`, the default) or only checkpoints are
    /// (`NORMAL`: a power cut may lose the last commits, never the database).
    pub sync_every_commit: bool,
    /// Pages of 4 KiB that are kept in memory.
    pub cache_pages: u32,
    /// The length of the WAL, in bytes, at which a commit is followed by a checkpoint; `None`
    /// when the caller checkpoints.
    pub checkpoint_at_bytes: Option<u64>,
    /// By how many bytes the file of the WAL is made longer at a time, so that most commits do not
    /// change its length, which halves the time of a sync on common file systems. The checkpoint
    /// that follows a commit leaves it that long, with the older log in it until that is written
    /// over; one that is asked for cuts it off, as closing does. 0 for as much as is written.
    pub wal_step_bytes: u32,
    /// Opens a database whose WAL is damaged in the middle with the commits before the damage,
    /// which is otherwise refused. The commits after it are given up.
    pub recover: bool,
}

impl Default for DatabaseOptions {
    fn default() -> DatabaseOptions {
        DatabaseOptions {
            sync_every_commit: true,
            cache_pages: 4_000,
            checkpoint_at_bytes: Some(4 << 20),
            wal_step_bytes: 256 << 10,
            recover: false,
        }
    }
}

/// What a statement that gives no rows did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Executed {
    /// How many rows it inserted, updated or deleted.
    pub changes: i64,
    /// The rowid of the last row inserted on this handle.
    pub last_insert_rowid: i64,
}

/// One SQL database.
///
/// A handle is used from one thread at a time; it may move between threads. Every call completes
/// before it returns, and a write that returned `Ok` outside a transaction is as durable as
/// [`File::sync`](crate::File::sync) of the files makes it.
///
/// After the storage failed, or a panic was caught inside the engine, the handle is poisoned: what
/// the host and the engine hold is unknown, so every further call gives [`ErrorKind::Poisoned`] until the
/// database is opened again, which recovers every acknowledged commit.
///
/// ```
/// use std::sync::Arc;
/// use sigil_core::{params, Database, DatabaseOptions, FixedHost, MemoryFiles};
///
/// let db = Database::open(
///     Arc::new(MemoryFiles::new()),
///     Arc::new(FixedHost::new(1)),
///     DatabaseOptions::default(),
/// )?;
/// db.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL)", ())?;
/// db.execute("INSERT INTO note (text) VALUES (?1)", params!["hello"])?;
/// let rows = db.query("SELECT text FROM note", ())?;
/// assert_eq!(rows.single()?.as_str(), Some("hello"));
/// # Ok::<(), sigil_core::Error>(())
/// ```
pub struct Database {
    // Declared before the connection, so that statements are dropped before it.
    statements: RefCell<StatementCache>,
    connection: RefCell<Arc<Connection>>,
    files: Arc<dyn Files>,
    host: Arc<dyn Host>,
    /// Whether the pages of the file carry checksums.
    checked_pages: bool,
    log: Arc<Log>,
    faults: Arc<Faults>,
    watch: Arc<Watch>,
    time_limit: Cell<Option<Duration>>,
    poison: RefCell<Option<Error>>,
    closed: Cell<bool>,
    in_transaction_call: Cell<bool>,
    /// What the schema puts in place of names, read when it is first needed.
    expansion: RefCell<Option<Arc<Expansion>>>,
    /// Counts the changes of the schema.
    generation: Cell<u64>,
    /// Whether the open transaction changed the schema.
    schema_in_transaction: Cell<bool>,
    /// [`Database::total_changes`] when the open transaction began.
    changes_at_begin: Cell<i64>,
    checkpoints: Cell<u64>,
    /// [`Database::total_changes`] when the engine was last started.
    changes_before: Cell<i64>,
    /// The rowid of the last row inserted before the engine was last started.
    rowid_before: Cell<i64>,
    options: DatabaseOptions,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("options", &self.options)
            .field("poison", &self.poison.borrow())
            .finish_non_exhaustive()
    }
}

impl Database {
    /// Opens the database in `files`, creating it when there is none.
    ///
    /// # Errors
    /// [`ErrorKind::NotADatabase`] for a file of something else, [`ErrorKind::Corrupt`] for a
    /// truncated or damaged one and for a WAL that is damaged before its last commit,
    /// [`ErrorKind::NewerFormat`] for a later file format, and what the host reports. Nothing is
    /// changed when opening fails.
    pub fn open(
        files: Arc<dyn Files>,
        host: Arc<dyn Host>,
        options: DatabaseOptions,
    ) -> Result<Database> {
        let faults = Arc::new(Faults::default());
        let watch = Arc::new(Watch::new(Arc::clone(&host)));
        let log = Arc::new(Log::new(options.wal_step_bytes));
        let opened = open_engine(&files, &host, &options, &watch, &faults, &log);
        let (connection, checked_pages) = opened?;
        Ok(Database {
            statements: RefCell::default(),
            connection: RefCell::new(connection),
            files,
            host,
            checked_pages,
            log,
            faults,
            watch,
            time_limit: Cell::new(None),
            poison: RefCell::default(),
            closed: Cell::new(false),
            in_transaction_call: Cell::new(false),
            expansion: RefCell::default(),
            generation: Cell::new(0),
            schema_in_transaction: Cell::new(false),
            changes_at_begin: Cell::new(0),
            checkpoints: Cell::new(0),
            changes_before: Cell::new(0),
            rowid_before: Cell::new(0),
            options,
        })
    }

    fn connection(&self) -> Arc<Connection> {
        Arc::clone(&self.connection.borrow())
    }

    fn last_insert_rowid(&self) -> i64 {
        match self.connection.borrow().last_insert_rowid() {
            0 => self.rowid_before.get(),
            rowid => rowid,
        }
    }

    /// Runs one statement to its end and says what it changed; rows it gives are dropped.
    ///
    /// # Errors
    /// [`ErrorKind::Sql`] for wrong SQL, [`ErrorKind::InvalidInput`] for wrong parameters or a
    /// second statement in `sql`, a constraint kind when the schema refuses the write,
    /// [`ErrorKind::Unsupported`] for a statement that is refused, and storage kinds.
    pub fn execute(&self, sql: &str, params: impl Into<Params>) -> Result<Executed> {
        self.run_statement(sql, params.into(), None, &mut |_| Ok(()))
    }

    /// Runs every statement of `sql` in order, each in a transaction of its own unless the text
    /// begins one; stops at the first error. Says how many rows all of them changed.
    ///
    /// # Errors
    /// As [`execute`](Database::execute); the statements before the failing one have run.
    pub fn execute_batch(&self, sql: &str) -> Result<Executed> {
        let last_insert_rowid = self.last_insert_rowid();
        let mut executed = Executed { changes: 0, last_insert_rowid };
        self.for_each_statement(sql, |statement| {
            let one = self.execute(statement, ())?;
            executed = Executed { changes: executed.changes + one.changes, ..one };
            Ok(())
        })?;
        Ok(executed)
    }

    fn for_each_statement(&self, sql: &str, mut run: impl FnMut(&str) -> Result<()>) -> Result<()> {
        self.usable()?;
        check_shape(sql)?;
        let mut rest = sql;
        while let Some(parsed) = first_statement(rest)? {
            let (first, tail) = rest.split_at(parsed.len);
            run(first)?;
            rest = tail;
        }
        Ok(())
    }

    /// Runs one statement and collects its rows.
    ///
    /// # Errors
    /// As [`execute`](Database::execute).
    pub fn query(&self, sql: &str, params: impl Into<Params>) -> Result<Rows> {
        let mut rows = Vec::new();
        let mut columns: Arc<[String]> = Arc::new([]);
        self.run_statement(sql, params.into(), Some(&mut columns), &mut |row| {
            rows.push(row.to_row());
            Ok(())
        })?;
        Ok(Rows { columns, rows })
    }

    /// Runs every statement of `sql` in order, as [`execute_batch`](Database::execute_batch), and
    /// calls `each` on the rows of each.
    ///
    /// # Errors
    /// As [`execute_batch`](Database::execute_batch), and whatever `each` returns.
    pub fn query_batch(&self, sql: &str, mut each: impl FnMut(Rows) -> Result<()>) -> Result<()> {
        self.for_each_statement(sql, |statement| each(self.query(statement, ())?))
    }

    /// Runs one statement and calls `each` on every row, without collecting or copying them.
    ///
    /// # Errors
    /// As [`execute`](Database::execute), and whatever `each` returns, which ends the statement.
    pub fn query_each(
        &self,
        sql: &str,
        params: impl Into<Params>,
        mut each: impl FnMut(RowRef<'_>) -> Result<()>,
    ) -> Result<()> {
        self.run_statement(sql, params.into(), None, &mut each).map(|_| ())
    }

    /// As [`query_each`](Database::query_each), and gives the names of the columns.
    ///
    /// # Errors
    /// As [`query_each`](Database::query_each).
    pub fn query_table(
        &self,
        sql: &str,
        params: impl Into<Params>,
        mut each: impl FnMut(RowRef<'_>) -> Result<()>,
    ) -> Result<Arc<[String]>> {
        let mut columns: Arc<[String]> = Arc::new([]);
        self.run_statement(sql, params.into(), Some(&mut columns), &mut each)?;
        Ok(columns)
    }

    /// Folds the WAL into the database file, after which the file alone is the whole database.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] inside a transaction, and storage kinds.
    pub fn checkpoint(&self) -> Result<()> {
        self.usable()?;
        if self.in_transaction() {
            return Err(Error::new(
                ErrorKind::Busy,
                "a transaction is open on this handle: end it before a checkpoint",
            ));
        }
        self.empty_log()
    }

    fn empty_log(&self) -> Result<()> {
        self.checkpoints.set(self.checkpoints.get() + 1);
        self.guarded(|| {
            let mode = CheckpointMode::Truncate { upper_bound_inclusive: None };
            self.connection().checkpoint(mode).map(|_| ()).map_err(from_engine)
        })
    }

    /// What `PRAGMA integrity_check` finds wrong: empty when the database is sound.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] when a page cannot even be read.
    pub fn integrity_check(&self) -> Result<Vec<String>> {
        let rows = self.query("PRAGMA integrity_check", ())?;
        let texts = rows.into_iter().flat_map(Row::into_values).filter_map(|value| match value {
            Value::Text(text) => Some(text),
            _ => None,
        });
        Ok(texts.filter(|text| text != "ok").collect())
    }

    /// The handle that interrupts this database's statements from elsewhere.
    pub fn interrupt_handle(&self) -> Interrupt {
        Interrupt { watch: Arc::clone(&self.watch) }
    }

    /// Limits how long each statement may run; `None` lifts the limit.
    ///
    /// A statement over it fails with [`ErrorKind::Timeout`] and changes nothing.
    pub fn set_time_limit(&self, limit: Option<Duration>) {
        self.time_limit.set(limit);
    }

    /// Whether foreign keys are enforced from here on.
    pub(crate) fn set_foreign_keys(&self, enforced: bool) {
        self.connection().set_foreign_keys_enabled(enforced);
    }

    /// The length of the write-ahead log in bytes.
    pub fn wal_bytes(&self) -> u64 {
        self.log.len()
    }

    /// How many checkpoints were begun on this handle: while two readings are equal, the WAL has
    /// only grown and the database file has not changed.
    pub fn checkpoints(&self) -> u64 {
        self.checkpoints.get()
    }

    /// How many rows were changed on this handle since it was opened; it never goes back, so two
    /// equal readings mean that nothing was written between them.
    pub fn total_changes(&self) -> i64 {
        self.changes_before.get() + self.connection.borrow().total_changes()
    }

    /// What [`total_changes`](Database::total_changes) was when the open transaction began.
    pub(crate) fn changes_at_begin(&self) -> i64 {
        self.changes_at_begin.get()
    }

    /// The error that poisoned this handle, if it is poisoned.
    pub fn poisoned(&self) -> Option<Error> {
        self.poison.borrow().clone()
    }

    /// Makes every further call on this handle fail with [`ErrorKind::Poisoned`] because of
    /// `error`; for owners whose own storage failed.
    pub fn poison_with(&self, error: &Error) {
        let mut poison = self.poison.borrow_mut();
        if poison.is_none() {
            *poison = Some(error.clone());
        }
    }

    /// Checkpoints and closes the database.
    ///
    /// Dropping a handle without closing it loses nothing: the next open reads the WAL.
    ///
    /// # Errors
    /// As [`checkpoint`](Database::checkpoint); the handle is closed all the same, and an open
    /// transaction is rolled back.
    pub fn close(&self) -> Result<()> {
        if self.closed.get() {
            return Ok(());
        }
        self.abandon();
        let outcome = match self.usable() {
            Ok(()) => self.checkpoint(),
            Err(_) => Ok(()),
        };
        self.statements.borrow_mut().clear();
        self.closed.set(true);
        outcome
    }

    /// The error every call gives when the handle is poisoned or closed.
    pub(crate) fn usable(&self) -> Result<()> {
        if let Some(error) = &*self.poison.borrow() {
            return Err(Error::with_source(
                ErrorKind::Poisoned,
                format!("an earlier failure poisoned this handle, open the store again: {error}"),
                error.clone(),
            ));
        }
        if self.closed.get() {
            return Err(Error::new(ErrorKind::Closed, "the database was closed"));
        }
        Ok(())
    }

    /// Runs `f` inside the engine: catches its panics, and reports the storage's own errors.
    fn guarded<T>(&self, f: impl FnOnce() -> Result<T>) -> Result<T> {
        self.usable()?;
        buffers::keep_none();
        let outcome = catch_unwind(AssertUnwindSafe(f));
        // A failed write leaves the files in doubt. A failed read leaves the engine's page cache
        // in doubt, which goes on reporting it after the host has recovered.
        if let Some(error) = self.faults.take() {
            self.poison_with(&error);
            return Err(error);
        }
        match outcome {
            Ok(outcome) => outcome,
            Err(panic) => {
                let error = from_panic(&*panic);
                self.poison_with(&error);
                Err(error)
            }
        }
    }
}

/// Checks the files and starts the engine on them; gives its connection, and whether the pages of
/// the database carry checksums.
fn open_engine(
    files: &Arc<dyn Files>,
    host: &Arc<dyn Host>,
    options: &DatabaseOptions,
    watch: &Arc<Watch>,
    faults: &Arc<Faults>,
    log: &Arc<Log>,
) -> Result<(Arc<Connection>, bool)> {
    // Without a sync at each commit a power cut may lose any of the last ones, in any order.
    let recover = options.recover || !options.sync_every_commit;
    let checked = preflight::check(files.as_ref(), recover)?;
    buffers::keep_none();
    let (files, host) = (Arc::clone(files), Arc::clone(host));
    let (faults_of_io, log) = (Arc::clone(faults), Arc::clone(log));
    let io = EngineIo::new(files, host, faults_of_io, log, checked);
    let opened = catch_unwind(AssertUnwindSafe(|| connect::connect(Arc::new(io), options, watch)));
    let connection = match (opened, faults.take()) {
        (_, Some(error)) => return Err(error.context("opening the database")),
        (Ok(opened), None) => opened?,
        (Err(panic), None) => return Err(from_panic(&*panic)),
    };
    Ok((connection, checked))
}

#[cold]
fn from_panic(panic: &(dyn std::any::Any + Send)) -> Error {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    Error::new(ErrorKind::Engine, format!("the engine panicked: {text}"))
}

#[cfg(test)]
mod tests;
