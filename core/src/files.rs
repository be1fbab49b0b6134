//! Named random-access files that complete synchronously: what the engine runs on.

mod memory;
mod pieces;

use std::fmt;
use std::sync::Arc;

#[cfg(doc)]
use crate::error::ErrorKind;
use crate::error::Result;
pub use memory::MemoryFiles;

/// A flat set of named files.
///
/// Names are chosen by the core: ASCII letters, digits, `.`, `-` and `_`, at most 64 bytes, so
/// an implementation may use them as they are. Every call completes before it returns. One
/// `Files` belongs to one open store; implementers need not expect two.
pub trait Files: Send + Sync + fmt::Debug {
    /// Opens the file `name`, creating an empty one first when `create` is set and it is missing.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when it is missing and `create` is not set;
    /// [`ErrorKind::ReadOnly`], [`ErrorKind::Full`] or [`ErrorKind::Storage`] from the host.
    fn open(&self, name: &str, create: bool) -> Result<Arc<dyn File>>;

    /// Removes the file `name`; a missing file is not an error.
    ///
    /// # Errors
    /// Whatever the host reports.
    fn remove(&self, name: &str) -> Result<()>;

    /// Whether the file `name` exists.
    ///
    /// # Errors
    /// Whatever the host reports.
    fn exists(&self, name: &str) -> Result<bool>;
}

/// One open random-access file.
pub trait File: Send + Sync + fmt::Debug {
    /// Reads at `offset` until `bytes` is full or the file ends, and says how many were read.
    ///
    /// # Errors
    /// Whatever the host reports. The end of the file is no error.
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Result<usize>;

    /// Writes all of `bytes` at `offset`, zero-filling any gap before it.
    ///
    /// # Errors
    /// [`ErrorKind::Full`], [`ErrorKind::ReadOnly`] or [`ErrorKind::Storage`]. After an error any
    /// prefix of `bytes` may have been written.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<()>;

    /// Cuts the file to `len` bytes, or zero-fills it up to them.
    ///
    /// # Errors
    /// Whatever the host reports.
    fn truncate(&self, len: u64) -> Result<()>;

    /// Returns only when everything written so far, and the length, would survive a power cut.
    ///
    /// # Errors
    /// Whatever the host reports. After an error the core treats the store as poisoned, because
    /// what the host wrote is unknown (Rebello et al., "Can applications recover from fsync
    /// failures?", 2020).
    fn sync(&self) -> Result<()>;

    /// The length in bytes.
    ///
    /// # Errors
    /// Whatever the host reports.
    fn len(&self) -> Result<u64>;

    /// Whether the file is empty.
    ///
    /// # Errors
    /// Whatever the host reports.
    fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }
}
