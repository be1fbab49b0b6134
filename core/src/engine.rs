//! The SQL database: turso_core on our own synchronous [`Files`], with its traps handled.
//!
//! This module and its children are the only code that names the engine's types. One connection
//! serves one database, in WAL mode, with every automatic checkpoint switched off: when the WAL
//! is folded into the database file is decided here, because the manifest protocol relies on the
//! WAL growing only at its end between checkpoints.

mod dialect;
mod expansion;
mod fault;
mod guard;
mod io;
mod preflight;
mod statement;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use turso_core::storage::database::DatabaseFile;
use turso_core::{
    CheckpointMode, ConnectOpts, Connection, IO, IOResult, OpenDbAsyncState, OpenFlags,
};

use crate::error::{Error, ErrorKind, Result};
use crate::files::Files;
use crate::host::Host;
use crate::value::{Params, Row, Rows, Value};
use expansion::{Expansion, SchemaRow};
use fault::from_engine;
use guard::{StatementKind, check_shape, first_statement};
use io::{EngineIo, Faults};
pub(crate) use preflight::missing_pages;
pub use preflight::{PAGE_BYTES, PageFault, check_pages};
pub use statement::RowRef;
use statement::{Prepared, StatementCache, Step};

/// The name of the database file among its [`Files`].
pub const DATABASE_FILE: &str = "sigil.db";

/// The name of the write-ahead log beside the database file.
pub const WAL_FILE: &str = "sigil.db-wal";

/// What views, triggers and foreign keys there are; the only statement that is not checked
/// against them.
const SCHEMA_SQL: &str = "SELECT type, name, tbl_name, sql FROM sqlite_schema
    WHERE type IN ('view', 'trigger', 'table') AND sql IS NOT NULL";

/// How many virtual machine steps pass between two looks at the stack and the interrupt flag: fewer
/// than a foreign key action takes to run the next one inside itself.
const STEPS_PER_WATCH: u64 = 8;

/// How many of these looks pass between two at the clock.
const WATCHES_PER_CLOCK: u64 = 128;

/// How much stack a statement may take, in bytes: half of what the smallest thread has by default.
///
/// Only a foreign key action that runs itself, row after row of a chain, takes more.
const STACK_BYTES_MAX: usize = 1 << 20;

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
    connection: Arc<Connection>,
    wal_bytes: Arc<AtomicU64>,
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

/// What can stop a running statement.
#[derive(Debug)]
struct Watch {
    host: Arc<dyn Host>,
    interrupted: AtomicBool,
    timed_out: AtomicBool,
    /// Where the stack was when the statement began.
    stack_base: AtomicUsize,
    too_deep: AtomicBool,
    looks: AtomicU64,
    /// On the host's monotonic clock; 0 for none.
    deadline_ns: AtomicU64,
}

impl Watch {
    fn start(&self, limit: Option<Duration>) {
        self.interrupted.store(false, Ordering::Relaxed);
        self.timed_out.store(false, Ordering::Relaxed);
        self.too_deep.store(false, Ordering::Relaxed);
        self.stack_base.store(stack_address(), Ordering::Relaxed);
        let deadline = limit.map_or(0, |limit| {
            let limit = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
            self.host.monotonic_ns().saturating_add(limit).max(1)
        });
        self.deadline_ns.store(deadline, Ordering::Relaxed);
    }

    fn should_stop(&self) -> bool {
        if self.interrupted.load(Ordering::Relaxed) {
            return true;
        }
        if self.stack_base.load(Ordering::Relaxed).abs_diff(stack_address()) > STACK_BYTES_MAX {
            self.too_deep.store(true, Ordering::Relaxed);
            return true;
        }
        if !self.looks.fetch_add(1, Ordering::Relaxed).is_multiple_of(WATCHES_PER_CLOCK) {
            return false;
        }
        let deadline = self.deadline_ns.load(Ordering::Relaxed);
        let late = deadline != 0 && self.host.monotonic_ns() >= deadline;
        if late {
            self.timed_out.store(true, Ordering::Relaxed);
        }
        late
    }
}

/// An address on the stack, here.
#[inline(never)]
fn stack_address() -> usize {
    let here = 0u8;
    std::hint::black_box(&raw const here).addr()
}

/// Stops the statement that a [`Database`] is running, from another thread or from inside a
/// callback.
#[derive(Debug, Clone)]
pub struct Interrupt {
    watch: Arc<Watch>,
}

impl Interrupt {
    /// Makes the running statement fail with [`ErrorKind::Interrupted`]; nothing when none runs.
    pub fn interrupt(&self) {
        self.watch.interrupted.store(true, Ordering::Relaxed);
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
        // Without a sync at each commit a power cut may lose any of the last ones, in any order.
        let recover = options.recover || !options.sync_every_commit;
        let checked = preflight::check(files.as_ref(), recover)?;
        let faults = Arc::new(Faults::default());
        let watch = Arc::new(Watch {
            host: Arc::clone(&host),
            interrupted: AtomicBool::new(false),
            timed_out: AtomicBool::new(false),
            stack_base: AtomicUsize::new(0),
            too_deep: AtomicBool::new(false),
            looks: AtomicU64::new(0),
            deadline_ns: AtomicU64::new(0),
        });
        let wal_bytes = Arc::new(AtomicU64::new(0));
        let io = EngineIo::new(files, host, Arc::clone(&faults), Arc::clone(&wal_bytes), checked);
        let opened = catch_unwind(AssertUnwindSafe(|| connect(Arc::new(io), &options, &watch)));
        let connection = match (opened, faults.take()) {
            (_, Some(error)) => return Err(error.context("opening the database")),
            (Ok(opened), None) => opened?,
            (Err(panic), None) => return Err(from_panic(&*panic)),
        };
        Ok(Database {
            statements: RefCell::default(),
            connection,
            wal_bytes,
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
            options,
        })
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
        let last_insert_rowid = self.connection.last_insert_rowid();
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

    /// Runs `body` in one transaction: commits when it returns `Ok`, rolls back when it returns
    /// an error or panics.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] inside another transaction; whatever `body` or the commit returns.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use sigil_core::{Database, DatabaseOptions, Error, FixedHost, MemoryFiles};
    /// # let db = Database::open(Arc::new(MemoryFiles::new()), Arc::new(FixedHost::new(1)), DatabaseOptions::default())?;
    /// db.execute("CREATE TABLE t (a)", ())?;
    /// let failed: Result<(), Error> = db.transaction(|tx| {
    ///     tx.execute("INSERT INTO t VALUES (1)", ())?;
    ///     Err(Error::invalid("changed my mind"))
    /// });
    /// assert!(failed.is_err());
    /// assert_eq!(db.query("SELECT count(*) FROM t", ())?.single()?.as_i64(), Some(0));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn transaction<T>(&self, body: impl FnOnce(&Database) -> Result<T>) -> Result<T> {
        self.begin()?;
        let rollback = RollbackOnDrop { database: self };
        let value = body(self)?;
        std::mem::forget(rollback);
        self.commit()?;
        Ok(value)
    }

    /// Begins a write transaction that ends with [`commit`](Database::commit) or
    /// [`rollback`](Database::rollback); [`transaction`](Database::transaction) is the safer form.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] inside another transaction.
    pub fn begin(&self) -> Result<()> {
        self.usable()?;
        if self.in_transaction() {
            return Err(Error::new(
                ErrorKind::Busy,
                "a transaction is open on this handle: end it before beginning another",
            ));
        }
        self.execute("BEGIN IMMEDIATE", ())?;
        self.in_transaction_call.set(true);
        Ok(())
    }

    /// Commits the transaction that [`begin`](Database::begin) began.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when none is open; what the commit reports, after which the
    /// transaction is rolled back.
    pub fn commit(&self) -> Result<()> {
        self.end_transaction("COMMIT").inspect_err(|_| self.abandon())
    }

    /// Rolls back the transaction that [`begin`](Database::begin) began.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when none is open.
    pub fn rollback(&self) -> Result<()> {
        self.end_transaction("ROLLBACK")
    }

    fn end_transaction(&self, sql: &str) -> Result<()> {
        if !self.in_transaction_call.replace(false) {
            return Err(Error::invalid("no transaction was begun on this handle"));
        }
        self.execute(sql, ()).map(|_| ())
    }

    /// Rolls back whatever is open, when the error that led here matters more than this one's.
    fn abandon(&self) {
        self.in_transaction_call.set(false);
        if self.in_transaction()
            && self.usable().is_ok()
            && let Err(error) = self.execute("ROLLBACK", ())
        {
            self.poison_with(&error);
        }
    }

    /// Whether a transaction is open on this handle.
    pub fn in_transaction(&self) -> bool {
        !self.connection.get_auto_commit()
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
        self.checkpoints.set(self.checkpoints.get() + 1);
        self.guarded(|| {
            let mode = CheckpointMode::Truncate { upper_bound_inclusive: None };
            self.connection.checkpoint(mode).map(|_| ()).map_err(from_engine)
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
        self.connection.set_foreign_keys_enabled(enforced);
    }

    /// The length of the write-ahead log in bytes.
    pub fn wal_bytes(&self) -> u64 {
        self.wal_bytes.load(Ordering::Relaxed)
    }

    /// How many checkpoints were begun on this handle: while two readings are equal, the WAL has
    /// only grown and the database file has not changed.
    pub fn checkpoints(&self) -> u64 {
        self.checkpoints.get()
    }

    /// How many rows were changed on this handle since it was opened; it never goes back, so two
    /// equal readings mean that nothing was written between them.
    pub fn total_changes(&self) -> i64 {
        self.connection.total_changes()
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

    fn prepare(&self, sql: &str) -> Result<Prepared> {
        if let Some(prepared) = self.statements.borrow_mut().take(sql) {
            return Ok(prepared);
        }
        check_shape(sql)?;
        let Some(parsed) = first_statement(sql)? else {
            return Err(Error::new(ErrorKind::Sql, "the SQL text holds no statement"));
        };
        let (first, tail) = sql.split_at(parsed.len);
        if first_statement(tail)?.is_some() {
            return Err(Error::invalid(
                "the SQL text holds more than one statement: run them one by one, or as a batch",
            ));
        }
        if sql != SCHEMA_SQL {
            self.expansion()?.check(first, parsed.writes)?;
        }
        let statement = self.guarded(|| self.connection.prepare(first).map_err(from_engine))?;
        Ok(Prepared::new(statement, sql, parsed.kind, self.generation.get()))
    }

    /// What the schema puts in place of names.
    fn expansion(&self) -> Result<Arc<Expansion>> {
        if let Some(expansion) = &*self.expansion.borrow() {
            return Ok(Arc::clone(expansion));
        }
        let mut schema = Vec::new();
        let mut prepared = self.prepare(SCHEMA_SQL)?;
        // The limit of the statement before is not this one's.
        self.watch.start(None);
        let read = self.drive(&mut prepared, &mut |row| {
            let [kind, name, table, sql] = [0, 1, 2, 3].map(|at| row.get_str(at));
            let [kind, name, table, sql] = [kind?, name?, table?, sql?].map(str::to_owned);
            schema.push(SchemaRow { kind, name, table, sql });
            Ok(())
        });
        self.finish(prepared, read)?;
        let expansion = Arc::new(Expansion::of(&schema));
        *self.expansion.borrow_mut() = Some(Arc::clone(&expansion));
        Ok(expansion)
    }

    /// Forgets what was known of a schema that has changed, and every statement checked against it:
    /// the engine would prepare them anew by itself, unchecked.
    fn note_schema_change(&self, kind: StatementKind) {
        let changed = match kind {
            StatementKind::Schema => {
                self.schema_in_transaction.set(self.in_transaction());
                true
            }
            StatementKind::Rollback => self.schema_in_transaction.get(),
            _ => false,
        };
        if changed {
            self.generation.set(self.generation.get() + 1);
            self.expansion.borrow_mut().take();
            self.statements.borrow_mut().clear();
        }
    }

    fn run_statement(
        &self,
        sql: &str,
        params: Params,
        columns: Option<&mut Arc<[String]>>,
        each: &mut dyn FnMut(RowRef<'_>) -> Result<()>,
    ) -> Result<Executed> {
        self.usable()?;
        let mut prepared = self.prepare(sql)?;
        match prepared.kind {
            StatementKind::Checkpoint => {
                self.checkpoint()?;
                return Ok(Executed { changes: 0, last_insert_rowid: 0 });
            }
            StatementKind::TransactionControl | StatementKind::Rollback
                if self.in_transaction_call.get() =>
            {
                return Err(Error::new(
                    ErrorKind::Busy,
                    "the open transaction is ended by the call that began it, not by SQL",
                ));
            }
            _ => {}
        }
        if let Some(columns) = columns {
            *columns = prepared.columns();
        }
        prepared.bind(params)?;
        let was_in_transaction = self.in_transaction();
        if !was_in_transaction {
            self.changes_at_begin.set(self.total_changes());
        }
        let wal_bytes = self.wal_bytes();
        self.watch.start(self.time_limit.get());
        let kind = prepared.kind;
        let outcome = self.drive(&mut prepared, each);
        let outcome = self.finish(prepared, outcome);
        self.note_schema_change(kind);
        if !was_in_transaction && outcome.is_err() {
            self.abandon();
        }
        let changes = outcome?;
        // Not after a read: a store on a full disk can still be opened and read.
        if self.wal_bytes() != wal_bytes {
            self.checkpoint_when_due()?;
        }
        Ok(Executed { changes, last_insert_rowid: self.connection.last_insert_rowid() })
    }

    /// Steps the statement to its end. The callback runs outside the guard: its panic is its
    /// owner's, and says nothing about the engine.
    fn drive(
        &self,
        prepared: &mut Prepared,
        each: &mut dyn FnMut(RowRef<'_>) -> Result<()>,
    ) -> Result<i64> {
        while let Step::Row = self.guarded(|| prepared.step())? {
            each(prepared.row()?)?;
        }
        Ok(prepared.changes())
    }

    /// Resets the statement and keeps it, unless it failed in a way that leaves it in doubt.
    fn finish(&self, mut prepared: Prepared, outcome: Result<i64>) -> Result<i64> {
        if self.poison.borrow().is_some() {
            return outcome;
        }
        let reset = self.guarded(|| prepared.reset());
        if reset.is_ok() && prepared.generation == self.generation.get() {
            self.statements.borrow_mut().put(prepared);
        }
        match outcome {
            // Inside a trigger or a foreign key action the engine calls an interrupt busy.
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::Busy) => {
                Err(self.stopped(error))
            }
            Err(error) => Err(error),
            // A reset reports the error of a statement that already failed.
            Ok(changes) => reset.map(|()| changes),
        }
    }

    fn stopped(&self, error: Error) -> Error {
        if self.watch.too_deep.load(Ordering::Relaxed) {
            return Error::new(
                ErrorKind::Limit,
                "a foreign key action runs itself too deep, row after row of a chain: delete or \
                 change the rows from the end of the chain",
            );
        }
        if self.watch.timed_out.load(Ordering::Relaxed) {
            let limit = self.time_limit.get().unwrap_or_default();
            return Error::new(
                ErrorKind::Timeout,
                format!("the statement ran longer than its limit of {limit:?} and was stopped"),
            );
        }
        if self.watch.interrupted.load(Ordering::Relaxed) {
            return Error::new(ErrorKind::Interrupted, "the statement was interrupted");
        }
        error
    }

    fn checkpoint_when_due(&self) -> Result<()> {
        let Some(limit) = self.options.checkpoint_at_bytes else { return Ok(()) };
        if self.in_transaction() || self.wal_bytes() < limit {
            return Ok(());
        }
        match self.checkpoint() {
            // A query that is being read holds the WAL; a later commit tries again.
            Err(error) if error.kind() == ErrorKind::Busy => Ok(()),
            outcome => outcome,
        }
    }
}

/// Rolls a transaction back when its body fails or panics.
struct RollbackOnDrop<'a> {
    database: &'a Database,
}

impl Drop for RollbackOnDrop<'_> {
    fn drop(&mut self) {
        self.database.abandon();
    }
}

fn connect(
    io: Arc<dyn IO>,
    options: &DatabaseOptions,
    watch: &Arc<Watch>,
) -> Result<Arc<Connection>> {
    // Opened past the process-wide registry, which would hand out a live database of another
    // store whose file has the same name.
    let file = io.open_file(DATABASE_FILE, OpenFlags::Create, false).map_err(from_engine)?;
    let open =
        dialect::open_options().flags(OpenFlags::Create).storage(Arc::new(DatabaseFile::new(file)));
    let mut state = OpenDbAsyncState::new();
    let database = loop {
        match turso_core::Database::do_open_async(&mut state, Arc::clone(&io), DATABASE_FILE, &open)
            .map_err(|error| from_engine(*error))?
        {
            IOResult::Done(database) => break database,
            IOResult::IO(wait) => wait.wait(&*io).map_err(from_engine)?,
        }
    };
    let connection = database.connect(ConnectOpts::new()).map_err(from_engine)?;
    connection.wal_auto_actions_disable();
    connection.set_temp_store(turso_core::TempStore::Memory);
    connection.set_data_sync_retry(true);
    connection.set_foreign_keys_enabled(true);
    connection.set_sync_mode(if options.sync_every_commit {
        turso_core::SyncMode::Full
    } else {
        turso_core::SyncMode::Normal
    });
    for pragma in [
        format!("PRAGMA cache_size = {}", options.cache_pages.max(100)),
        // Spilling uncommitted pages into the WAL is where the engine's known corruption bugs
        // are (tursodatabase/turso #5803, #6354, #7536), and a spilled page that is rolled back
        // would sit in the WAL behind the last commit.
        "PRAGMA cache_spill = OFF".to_owned(),
    ] {
        connection.execute(pragma).map_err(from_engine)?;
    }
    let watch = Arc::clone(watch);
    connection.set_progress_handler(STEPS_PER_WATCH, Some(Box::new(move || watch.should_stop())));
    Ok(connection)
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
