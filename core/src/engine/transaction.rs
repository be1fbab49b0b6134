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
    pub(super) fn abandon(&self) {
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
        !self.connection.borrow().get_auto_commit()
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
