//! Failing hosts: storage whose nth operation returns an error.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sigil_core::{Error, ErrorKind, File, Files, Result, SnapshotStorage};

/// Which operation fails, and how.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// The operation that fails, counted from 1 over all operations, reads too; 0 for none.
    pub nth: u64,
    /// Whether every later operation fails as well.
    pub for_ever: bool,
    /// The kind of the error.
    pub kind: ErrorKind,
    /// Whether the operation has its effect nevertheless. A write to a file that fails without
    /// it writes the first half.
    pub applied: bool,
}

impl Fault {
    /// No fault: for counting the operations of a run.
    pub const NONE: Fault =
        Fault { nth: 0, for_ever: false, kind: ErrorKind::Storage, applied: false };
}

#[derive(Debug, Default)]
struct Counter {
    operations: AtomicU64,
    failures: AtomicU64,
}

impl Counter {
    /// Counts an operation; the error it must return, if any.
    fn count(&self, fault: &Fault, what: &str) -> Option<Error> {
        let number = self.operations.fetch_add(1, Ordering::SeqCst) + 1;
        let fails = fault.nth > 0 && (number == fault.nth || fault.for_ever && number > fault.nth);
        fails.then(|| {
            self.failures.fetch_add(1, Ordering::SeqCst);
            Error::new(fault.kind, format!("{what}: planted fault at operation {number}"))
        })
    }
}

/// [`Files`] over others, one operation of which fails.
#[derive(Debug)]
pub struct FaultyFiles {
    inner: Arc<dyn Files>,
    fault: Fault,
    counter: Arc<Counter>,
}

impl FaultyFiles {
    /// Passes everything on to `inner` but for `fault`.
    pub fn new(inner: Arc<dyn Files>, fault: Fault) -> FaultyFiles {
        FaultyFiles { inner, fault, counter: Arc::default() }
    }

    /// How many operations there have been.
    pub fn operations(&self) -> u64 {
        self.counter.operations.load(Ordering::SeqCst)
    }

    /// How many of them failed.
    pub fn failures(&self) -> u64 {
        self.counter.failures.load(Ordering::SeqCst)
    }
}

impl Files for FaultyFiles {
    fn open(&self, name: &str, create: bool) -> Result<Arc<dyn File>> {
        let failure = self.counter.count(&self.fault, "opening a file");
        if let Some(error) = failure {
            if self.fault.applied {
                self.inner.open(name, create)?;
            }
            return Err(error);
        }
        let (fault, counter) = (self.fault, Arc::clone(&self.counter));
        Ok(Arc::new(FaultyFile { inner: self.inner.open(name, create)?, fault, counter }))
    }

    fn remove(&self, name: &str) -> Result<()> {
        match self.counter.count(&self.fault, "removing a file") {
            Some(error) => {
                if self.fault.applied {
                    self.inner.remove(name)?;
                }
                Err(error)
            }
            None => self.inner.remove(name),
        }
    }

    fn exists(&self, name: &str) -> Result<bool> {
        self.counter
            .count(&self.fault, "looking for a file")
            .map_or_else(|| self.inner.exists(name), Err)
    }
}

#[derive(Debug)]
struct FaultyFile {
    inner: Arc<dyn File>,
    fault: Fault,
    counter: Arc<Counter>,
}

impl FaultyFile {
    fn run<T>(
        &self,
        what: &str,
        operation: impl FnOnce() -> Result<T>,
        effect_of_failing: impl FnOnce() -> Result<()>,
    ) -> Result<T> {
        match self.counter.count(&self.fault, what) {
            None => operation(),
            Some(error) if self.fault.applied => operation().and(Err(error)),
            Some(error) => effect_of_failing().and(Err(error)),
        }
    }
}

impl File for FaultyFile {
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Result<usize> {
        self.run("reading", || self.inner.read_at(offset, bytes), || Ok(()))
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        let half = || self.inner.write_at(offset, &bytes[..bytes.len() / 2]);
        self.run("writing", || self.inner.write_at(offset, bytes), half)
    }

    fn truncate(&self, len: u64) -> Result<()> {
        self.run("truncating", || self.inner.truncate(len), || Ok(()))
    }

    fn sync(&self) -> Result<()> {
        self.run("syncing", || self.inner.sync(), || Ok(()))
    }

    fn len(&self) -> Result<u64> {
        self.run("asking for the length", || self.inner.len(), || Ok(()))
    }
}

/// [`SnapshotStorage`] over another, one operation of which fails.
#[derive(Debug)]
pub struct FaultyStorage<'a> {
    inner: &'a dyn SnapshotStorage,
    fault: Fault,
    counter: Counter,
}

impl<'a> FaultyStorage<'a> {
    /// Passes everything on to `inner` but for `fault`.
    pub fn new(inner: &'a dyn SnapshotStorage, fault: Fault) -> FaultyStorage<'a> {
        FaultyStorage { inner, fault, counter: Counter::default() }
    }

    /// How many operations there have been.
    pub fn operations(&self) -> u64 {
        self.counter.operations.load(Ordering::SeqCst)
    }

    /// How many of them failed.
    pub fn failures(&self) -> u64 {
        self.counter.failures.load(Ordering::SeqCst)
    }

    fn change(&self, what: &str, operation: impl FnOnce() -> Result<()>) -> Result<()> {
        match self.counter.count(&self.fault, what) {
            None => operation(),
            Some(error) if self.fault.applied => operation().and(Err(error)),
            Some(error) => Err(error),
        }
    }
}

impl SnapshotStorage for FaultyStorage<'_> {
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        match self.counter.count(&self.fault, "reading a blob") {
            None => self.inner.read(name),
            Some(error) => Err(error),
        }
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.change("replacing a blob", || self.inner.replace(name, bytes))
    }

    fn remove(&self, name: &str) -> Result<()> {
        self.change("removing a blob", || self.inner.remove(name))
    }
}
