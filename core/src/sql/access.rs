//! Who may use a store: its owner, or several threads in turn.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use parking_lot::ReentrantMutex;

use crate::error::Result;
use crate::store::Store;

/// Gives access to a [`Store`], one thread at a time.
pub trait StoreAccess: fmt::Debug {
    /// Calls `f` on the store.
    ///
    /// A call inside `f` must not wait for itself.
    ///
    /// # Errors
    /// Whatever `f` returns.
    fn with<T>(&self, f: impl FnOnce(&Store) -> Result<T>) -> Result<T>;
}

impl StoreAccess for &Store {
    fn with<T>(&self, f: impl FnOnce(&Store) -> Result<T>) -> Result<T> {
        f(self)
    }
}

/// A store that several threads use in turn.
///
/// A thread that is inside may enter again, so that the calls of a transaction's body, which go
/// through the same handle, do not wait for the transaction.
pub struct Shared<S> {
    store: Arc<ReentrantMutex<S>>,
}

impl<S> Shared<S> {
    /// Shares `store`.
    pub fn new(store: S) -> Shared<S> {
        Shared { store: Arc::new(ReentrantMutex::new(store)) }
    }
}

impl<S> Clone for Shared<S> {
    fn clone(&self) -> Shared<S> {
        Shared { store: Arc::clone(&self.store) }
    }
}

impl<S: fmt::Debug> fmt::Debug for Shared<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Shared").field(&*self.store.lock()).finish()
    }
}

impl<S: Deref<Target = Store> + fmt::Debug> StoreAccess for Shared<S> {
    fn with<T>(&self, f: impl FnOnce(&Store) -> Result<T>) -> Result<T> {
        let store = self.store.lock();
        f(&store)
    }
}
