//! Named random-access files that complete synchronously: what the engine runs on.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use crate::error::{Error, ErrorKind, Result};

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

/// [`Files`] in memory: growable byte vectors, gone when the last handle is dropped.
///
/// ```
/// use sigil_core::{Files, MemoryFiles};
/// let files = MemoryFiles::new();
/// let file = files.open("a", true)?;
/// file.write_at(2, b"xy")?;
/// assert_eq!(files.bytes("a").as_deref(), Some(&b"\0\0xy"[..]));
/// # Ok::<(), sigil_core::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct MemoryFiles {
    files: Arc<Mutex<BTreeMap<String, Arc<MemoryFile>>>>,
}

impl MemoryFiles {
    /// An empty set of files.
    pub fn new() -> MemoryFiles {
        MemoryFiles::default()
    }

    /// Puts a file with these bytes in place, replacing one of that name.
    ///
    /// A handle that is already open on the replaced file keeps the old one.
    pub fn put(&self, name: &str, bytes: Vec<u8>) {
        self.lock().insert(name.to_owned(), Arc::new(MemoryFile { bytes: RwLock::new(bytes) }));
    }

    /// A copy of the bytes of the file `name`.
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        self.with_bytes(name, <[u8]>::to_vec)
    }

    /// Calls `f` on the bytes of the file `name` without copying them.
    pub fn with_bytes<T>(&self, name: &str, f: impl FnOnce(&[u8]) -> T) -> Option<T> {
        let file = self.lock().get(name).cloned()?;
        let bytes = file.bytes.read().unwrap_or_else(PoisonError::into_inner);
        Some(f(&bytes))
    }

    /// The names of all files, sorted.
    pub fn names(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<MemoryFile>>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Files for MemoryFiles {
    fn open(&self, name: &str, create: bool) -> Result<Arc<dyn File>> {
        let mut files = self.lock();
        if let Some(file) = files.get(name) {
            return Ok(Arc::clone(file) as Arc<dyn File>);
        }
        if !create {
            return Err(Error::new(ErrorKind::NotFound, format!("no file is named '{name}'")));
        }
        let file = Arc::new(MemoryFile::default());
        files.insert(name.to_owned(), Arc::clone(&file));
        Ok(file)
    }

    fn remove(&self, name: &str) -> Result<()> {
        self.lock().remove(name);
        Ok(())
    }

    fn exists(&self, name: &str) -> Result<bool> {
        Ok(self.lock().contains_key(name))
    }
}

#[derive(Default)]
struct MemoryFile {
    bytes: RwLock<Vec<u8>>,
}

impl fmt::Debug for MemoryFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = self.bytes.read().map(|bytes| bytes.len()).unwrap_or_default();
        f.debug_struct("MemoryFile").field("len", &len).finish()
    }
}

/// The offset as an index, or the error for a file that cannot be that long here.
fn index(offset: u64) -> Result<usize> {
    usize::try_from(offset)
        .ok()
        .filter(|offset| *offset <= isize::MAX as usize)
        .ok_or_else(|| Error::new(ErrorKind::Limit, "a file in memory cannot be that large"))
}

/// Grows `bytes` to `len` with zeros, or says that memory is full.
fn grow(bytes: &mut Vec<u8>, len: usize) -> Result<()> {
    if len > bytes.capacity() {
        // Twice as much, as vectors take, would be dear for a large database.
        let room = len.max(bytes.len() + bytes.len() / 4) - bytes.len();
        bytes.try_reserve_exact(room).map_err(|error| {
            Error::with_source(ErrorKind::Full, "out of memory for a file in memory", error)
        })?;
    }
    if len > bytes.len() {
        bytes.resize(len, 0);
    }
    Ok(())
}

impl File for MemoryFile {
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Result<usize> {
        let stored = self.bytes.read().unwrap_or_else(PoisonError::into_inner);
        let start = index(offset)?.min(stored.len());
        let n = bytes.len().min(stored.len() - start);
        bytes[..n].copy_from_slice(&stored[start..start + n]);
        Ok(n)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        let mut stored = self.bytes.write().unwrap_or_else(PoisonError::into_inner);
        let start = index(offset)?;
        let end = index(offset.saturating_add(bytes.len() as u64))?;
        grow(&mut stored, end)?;
        stored[start..end].copy_from_slice(bytes);
        Ok(())
    }

    fn truncate(&self, len: u64) -> Result<()> {
        let mut stored = self.bytes.write().unwrap_or_else(PoisonError::into_inner);
        let len = index(len)?;
        grow(&mut stored, len)?;
        stored.truncate(len);
        if stored.capacity() > len.saturating_mul(2) {
            stored.shrink_to(len);
        }
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        Ok(())
    }

    fn len(&self) -> Result<u64> {
        Ok(self.bytes.read().unwrap_or_else(PoisonError::into_inner).len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::test;

    #[test]
    fn gaps_are_zero_and_the_end_cuts_reads() {
        let files = MemoryFiles::new();
        assert_eq!(files.open("f", false).unwrap_err().kind(), ErrorKind::NotFound);
        let file = files.open("f", true).unwrap();
        file.write_at(3, b"abc").unwrap();
        let mut bytes = [9u8; 8];
        assert_eq!(file.read_at(1, &mut bytes).unwrap(), 5);
        assert_eq!(&bytes[..5], b"\0\0abc");
        assert_eq!(file.read_at(100, &mut bytes).unwrap(), 0);
        file.truncate(4).unwrap();
        file.truncate(6).unwrap();
        assert_eq!(files.bytes("f").unwrap(), b"\0\0\0a\0\0");
        assert_eq!(file.write_at(u64::MAX - 1, b"xy").unwrap_err().kind(), ErrorKind::Limit);
        files.remove("f").unwrap();
        files.remove("f").unwrap();
        assert!(!files.exists("f").unwrap());
    }
}
