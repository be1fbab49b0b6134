//! Running one statement, from its text to its last row.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::expansion::{Expansion, SchemaRow};
use super::fault::from_engine;
use super::guard::{StatementKind, check_shape, first_statement};
use super::statement::{Prepared, RowRef, Step};
use super::{Database, Executed};
use crate::error::{Error, ErrorKind, Result};
use crate::value::Params;

/// What views, triggers and foreign keys there are; the only statement that is not checked
/// against them.
const SCHEMA_SQL: &str = "SELECT type, name, tbl_name, sql FROM sqlite_schema
    WHERE type IN ('view', 'trigger', 'table') AND sql IS NOT NULL";

impl Database {
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
        let statement = self.guarded(|| self.connection().prepare(first).map_err(from_engine))?;
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

    pub(super) fn run_statement(
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
        Ok(Executed { changes, last_insert_rowid: self.last_insert_rowid() })
    }

    /// Runs what is no statement under the watch of one: it looks by
    /// [`check_watch`](Database::check_watch) whether it has to stop.
    pub(crate) fn watched<T>(&self, run: impl FnOnce() -> Result<T>) -> Result<T> {
        self.usable()?;
        self.watch.start(self.time_limit.get());
        run()
    }

    /// Fails when what is running was interrupted, or has run for too long.
    pub(crate) fn check_watch(&self) -> Result<()> {
        match self.watch.should_stop() || self.watch.is_late() {
            true => Err(self.stopped(Error::new(ErrorKind::Interrupted, "the search was stopped"))),
            false => Ok(()),
        }
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

    /// Folds a log that has become long into the database file, and keeps the log's file: the
    /// commits that come next need not make it longer again.
    fn checkpoint_when_due(&self) -> Result<()> {
        let Some(limit) = self.options.checkpoint_at_bytes else { return Ok(()) };
        if self.in_transaction() || self.wal_bytes() < limit {
            return Ok(());
        }
        match self.log.keeping_file(limit, || self.empty_log()) {
            // A query that is being read holds the WAL; a later commit tries again.
            Err(error) if error.kind() == ErrorKind::Busy => Ok(()),
            outcome => outcome,
        }
    }
}
