//! Transactions of a database.

use super::Database;
use crate::error::{Error, ErrorKind, Result};

impl Database {
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
        self.schema_in_transaction.set(false);
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

    /// Runs `body` so that what it writes is kept wholly or not at all: in a transaction of its
    /// own, or in a savepoint of the one that is open, whose owner may go on after an error.
    ///
    /// # Errors
    /// Whatever `body` or the commit returns.
    pub(crate) fn atomically<T>(&self, body: impl FnOnce() -> Result<T>) -> Result<T> {
        if !self.in_transaction() {
            return self.transaction(|_| body());
        }
        self.control("SAVEPOINT sigil_atomic")?;
        let undo = UndoOnDrop { database: self };
        let value = body()?;
        std::mem::forget(undo);
        self.control("RELEASE sigil_atomic")?;
        Ok(value)
    }

    /// Runs a statement that controls a transaction, also inside one that a call began.
    fn control(&self, sql: &str) -> Result<()> {
        let in_call = self.in_transaction_call.replace(false);
        let outcome = self.execute(sql, ());
        self.in_transaction_call.set(in_call);
        outcome.map(drop)
    }

    fn end_transaction(&self, sql: &str) -> Result<()> {
        self.usable()?;
        if !self.in_transaction_call.replace(false) {
            return Err(Error::invalid("no transaction was begun on this handle"));
        }
        self.execute(sql, ()).map(|_| ())
    }

    /// Rolls back whatever is open, when the error that led here matters more than this one's.
    pub(super) fn abandon(&self) {
        self.in_transaction_call.set(false);
        if self.in_transaction()
            && self.usable().is_ok()
            && let Err(error) = self.execute("ROLLBACK", ())
        {
            self.poison_with(&error);
        }
    }

    /// Whether the transaction that is open may have changed the schema.
    pub(crate) fn schema_changed(&self) -> bool {
        self.schema_in_transaction.get()
    }

    /// Whether a transaction is open on this handle.
    pub fn in_transaction(&self) -> bool {
        !self.connection.borrow().get_auto_commit()
    }
}

/// Undoes a savepoint when its body fails or panics.
struct UndoOnDrop<'a> {
    database: &'a Database,
}

impl Drop for UndoOnDrop<'_> {
    fn drop(&mut self) {
        let db = self.database;
        // An error may have ended the whole transaction already.
        if !db.in_transaction() || db.usable().is_err() {
            return;
        }
        let undone = db.control("ROLLBACK TO sigil_atomic");
        if let Err(error) = undone.and_then(|()| db.control("RELEASE sigil_atomic")) {
            db.poison_with(&error);
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
