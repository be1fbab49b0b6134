//! Files in memory.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::pieces::Pieces;
use super::{File, Files};
use crate::error::{Error, ErrorKind, Result};

/// [`Files`] in memory, gone when the last handle is dropped.
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
        self.lock().insert(
            name.to_owned(),
            Arc::new(MemoryFile { bytes: RwLock::new(Pieces::from(bytes)) }),
        );
    }

    /// A copy of the bytes of the file `name`.
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        self.with_bytes(name, <[u8]>::to_vec)
    }

    /// Calls `f` on the bytes of the file `name`, which are not copied unless the file has grown
    /// beyond 8 MiB.
    pub fn with_bytes<T>(&self, name: &str, f: impl FnOnce(&[u8]) -> T) -> Option<T> {
        let file = self.lock().get(name).cloned()?;
        let bytes = file.read();
        Some(f(&bytes.joined()))
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
    bytes: RwLock<Pieces>,
}

impl MemoryFile {
    fn read(&self) -> RwLockReadGuard<'_, Pieces> {
        self.bytes.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Pieces> {
        self.bytes.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryFile").field("len", &self.read().len()).finish()
    }
}

/// The offset as an index, or the error for a file that cannot be that long here.
fn index(offset: u64) -> Result<usize> {
    usize::try_from(offset)
        .ok()
        .filter(|offset| *offset <= isize::MAX as usize)
        .ok_or_else(|| Error::new(ErrorKind::Limit, "a file in memory cannot be that large"))
}

impl File for MemoryFile {
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Result<usize> {
        Ok(self.read().read(index(offset)?, bytes))
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        let start = index(offset)?;
        let end = index(offset.saturating_add(bytes.len() as u64))?;
        let mut stored = self.write();
        stored.grow(end)?;
        stored.write(start, bytes);
        Ok(())
    }

    fn truncate(&self, len: u64) -> Result<()> {
        let len = index(len)?;
        let mut stored = self.write();
        stored.grow(len)?;
        stored.cut(len);
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        Ok(())
    }

    fn len(&self) -> Result<u64> {
        Ok(self.read().len() as u64)
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
