//! Whole blobs with atomic replacement: the three-verb storage trait, and the blob container.

pub mod container;
mod slots;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::Result;
pub use slots::SlotStorage;

/// Holds whole named blobs.
///
/// Names are chosen by the core: ASCII letters, digits, `.`, `-` and `_`, at most 64 bytes.
pub trait SnapshotStorage: fmt::Debug {
    /// The bytes of the blob `name`, or `None` when there is none.
    ///
    /// # Errors
    /// Whatever the host reports; a missing blob is not an error.
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>>;

    /// Puts `bytes` in place of the blob `name`, creating it when it is missing.
    ///
    /// Atomic and durable when it returns `Ok`: from then on, and through a power cut, every
    /// reader sees exactly `bytes`. When it returns an error, a reader sees the old blob or the
    /// new one, whole.
    ///
    /// # Errors
    /// [`Full`](crate::ErrorKind::Full), [`ReadOnly`](crate::ErrorKind::ReadOnly) or
    /// [`Storage`](crate::ErrorKind::Storage).
    fn replace(&self, name: &str, bytes: &[u8]) -> Result<()>;

    /// Removes the blob `name`; a missing blob is not an error.
    ///
    /// # Errors
    /// Whatever the host reports. After an error the blob may or may not be there.
    fn remove(&self, name: &str) -> Result<()>;
}

impl<T: SnapshotStorage + ?Sized> SnapshotStorage for Arc<T> {
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        (**self).read(name)
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> Result<()> {
        (**self).replace(name, bytes)
    }

    fn remove(&self, name: &str) -> Result<()> {
        (**self).remove(name)
    }
}

/// [`SnapshotStorage`] in memory.
///
/// ```
/// use sigil_core::{MemoryStorage, SnapshotStorage};
/// let storage = MemoryStorage::new();
/// storage.replace("a", b"1")?;
/// assert_eq!(storage.read("a")?.as_deref(), Some(&b"1"[..]));
/// # Ok::<(), sigil_core::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct MemoryStorage {
    blobs: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl MemoryStorage {
    /// An empty storage.
    pub fn new() -> MemoryStorage {
        MemoryStorage::default()
    }

    /// The names of all blobs, sorted.
    pub fn names(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.blobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SnapshotStorage for MemoryStorage {
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.lock().get(name).cloned())
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.lock().insert(name.to_owned(), bytes.to_vec());
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<()> {
        self.lock().remove(name);
        Ok(())
    }
}
