//! Writes records in batches, each one transaction, and finds out what an earlier run has written.

use sigil_core::{ErrorKind, Result};

/// How many records, or about how many bytes of them, make one transaction.
const RECORDS_MAX: usize = 1000;
const BYTES_MAX: usize = 4 << 20;

/// How a kind of record is looked for and written.
pub(crate) trait Records {
    /// The record.
    type Record;

    /// Whether the target has this record.
    fn has(&self, record: &Self::Record) -> Result<bool>;

    /// Writes these records, all or none.
    fn put(&self, records: &[Self::Record]) -> Result<()>;
}

/// Records on their way into the target.
///
/// What an earlier run has written needs no mark of its own: batches are committed one after the
/// other, so once the last record of a batch is missing, no later one is there.
#[derive(Debug)]
pub(crate) struct Batch<R: Records> {
    /// `None` when nothing is to be written.
    records: Option<R>,
    waiting: Vec<R::Record>,
    bytes: usize,
    is_resuming: bool,
}

impl<R: Records> Batch<R> {
    /// A batch for `records`; with `is_resuming`, the target may have some of them.
    pub(crate) fn new(records: Option<R>, is_resuming: bool) -> Batch<R> {
        Batch { records, waiting: Vec::new(), bytes: 0, is_resuming }
    }

    /// Adds a record of about `bytes` bytes.
    pub(crate) fn push(&mut self, record: R::Record, bytes: usize) -> Result<()> {
        if self.records.is_none() {
            return Ok(());
        }
        self.waiting.push(record);
        self.bytes += bytes;
        if self.waiting.len() < RECORDS_MAX && self.bytes < BYTES_MAX {
            return Ok(());
        }
        self.flush()
    }

    /// Writes what waits.
    pub(crate) fn flush(&mut self) -> Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        self.bytes = 0;
        let (Some(records), Some(last)) = (&self.records, waiting.last()) else { return Ok(()) };
        if !self.is_resuming {
            return records.put(&waiting);
        }
        if records.has(last)? {
            return Ok(());
        }
        self.is_resuming = false;
        // The earlier run may have been of a version that made other batches.
        let mut missing = Vec::new();
        for record in waiting {
            if !records.has(&record)? {
                missing.push(record);
            }
        }
        records.put(&missing)
    }
}

/// Whether something was found.
pub(crate) fn found<T>(got: Result<T>) -> Result<bool> {
    match got {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[derive(Debug)]
    struct Numbers<'a>(&'a RefCell<Vec<usize>>, usize);

    impl Records for Numbers<'_> {
        type Record = usize;

        fn has(&self, record: &usize) -> Result<bool> {
            Ok(self.0.borrow().contains(record))
        }

        fn put(&self, records: &[usize]) -> Result<()> {
            if self.0.borrow().len() + records.len() > self.1 {
                return Err(sigil_core::Error::new(ErrorKind::Full, "no room"));
            }
            self.0.borrow_mut().extend(records);
            Ok(())
        }
    }

    #[test]
    fn what_is_cut_off_anywhere_goes_on_and_writes_everything_once() {
        let run = |there: &RefCell<Vec<usize>>, room| -> Result<()> {
            let is_resuming = !there.borrow().is_empty();
            let mut batch = Batch::new(Some(Numbers(there, room)), is_resuming);
            (0..4500).try_for_each(|number| batch.push(number, 1))?;
            batch.flush()
        };
        // As left by a version with other batches, too.
        for begun in [0, 1, 999, 1000, 1001, 2500, 4499, 4500] {
            let there = RefCell::new((0..begun).collect());
            for room in [1500, 2500, 4600] {
                let _ = run(&there, room);
            }
            assert_eq!(*there.borrow(), (0..4500).collect::<Vec<usize>>(), "{begun}");
        }
    }
}
