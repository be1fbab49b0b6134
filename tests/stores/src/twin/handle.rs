//! What a store's data live in, and transactions over it.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::ReentrantMutex;
use sigil_core::{Error, ErrorKind, Result};

/// Data that outlive the handles on them.
pub struct TwinFile<T>(Arc<ReentrantMutex<RefCell<Held<T>>>>);

#[derive(Default)]
struct Held<T> {
    committed: T,
    /// What the open transaction made of it.
    open: Option<T>,
}

impl<T: Default> Default for TwinFile<T> {
    fn default() -> TwinFile<T> {
        TwinFile(Arc::default())
    }
}

impl<T> Clone for TwinFile<T> {
    fn clone(&self) -> TwinFile<T> {
        TwinFile(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for TwinFile<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TwinFile").finish_non_exhaustive()
    }
}

/// An open handle on data.
#[derive(Debug)]
pub(super) struct Handle<T> {
    file: TwinFile<T>,
    closed: AtomicBool,
}

impl<T: Clone> Handle<T> {
    pub(super) fn open(file: &TwinFile<T>) -> Handle<T> {
        Handle { file: file.clone(), closed: AtomicBool::new(false) }
    }

    fn usable(&self) -> Result<()> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Closed, "the store was closed"));
        }
        Ok(())
    }

    /// Looks at the data, with the transaction's own writes.
    pub(super) fn read<R>(&self, f: impl FnOnce(&T) -> Result<R>) -> Result<R> {
        let held = self.file.0.lock();
        self.usable()?;
        let held = held.borrow();
        f(held.open.as_ref().unwrap_or(&held.committed))
    }

    /// Looks at the data without the transaction's own writes.
    pub(super) fn read_committed<R>(&self, f: impl FnOnce(&T) -> Result<R>) -> Result<R> {
        let held = self.file.0.lock();
        self.usable()?;
        f(&held.borrow().committed)
    }

    /// Changes the data, or leaves them as they are when `f` fails.
    pub(super) fn write<R>(&self, f: impl FnOnce(&mut T) -> Result<R>) -> Result<R> {
        let held = self.file.0.lock();
        self.usable()?;
        let mut held = held.borrow_mut();
        let Held { committed, open } = &mut *held;
        let current = open.as_mut().unwrap_or(committed);
        let mut changed = current.clone();
        let value = f(&mut changed)?;
        *current = changed;
        Ok(value)
    }

    pub(super) fn transaction(&self, body: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        let held = self.file.0.lock();
        self.usable()?;
        {
            let mut held = held.borrow_mut();
            if held.open.is_some() {
                return Err(Error::new(ErrorKind::Busy, "a transaction is open"));
            }
            held.open = Some(held.committed.clone());
        }
        let undo = Undo(&held);
        body()?;
        self.usable()?;
        let mut held = undo.0.borrow_mut();
        if let Some(open) = held.open.take() {
            held.committed = open;
        }
        Ok(())
    }

    pub(super) fn close(&self) -> Result<()> {
        let held = self.file.0.lock();
        if !self.closed.swap(true, Ordering::SeqCst) {
            held.borrow_mut().open = None;
        }
        Ok(())
    }
}

/// Ends a transaction without keeping anything, when its body fails or panics.
struct Undo<'a, T>(&'a RefCell<Held<T>>);

impl<T> Drop for Undo<'_, T> {
    fn drop(&mut self) {
        if let Ok(mut held) = self.0.try_borrow_mut() {
            held.open = None;
        }
    }
}
