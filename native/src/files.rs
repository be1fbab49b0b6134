//! Random-access files of a directory.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sigil_core::{Error, File, Files, Result};

use crate::directory::{create_directory, owner_only, path_of, remove_file, sync_directory};

/// [`Files`] over a directory.
///
/// Reads and writes carry their position, so handles share no cursor. `sync` is `fdatasync`
/// (macOS: `F_FULLFSYNC`; Windows: `FlushFileBuffers`): POSIX has it write out the data and all
/// that is needed to read it back, the length included, and leave out only times, which nothing
/// here reads. That a file exists is made durable when it is created, by a sync of the directory.
///
/// On unix the files are readable by their owner only (0600), and so is a directory that is
/// created (0700).
///
/// ```
/// use sigil_core::Files;
/// use sigil_native::DirectoryFiles;
/// # let directory = std::env::temp_dir().join(format!("sigil-doc-files-{}", std::process::id()));
/// let files = DirectoryFiles::open(&directory)?;
/// let file = files.open("notes", true)?;
/// file.write_at(0, b"bytes")?;
/// file.sync()?;
/// assert_eq!(file.len()?, 5);
/// # std::fs::remove_dir_all(&directory).ok();
/// # Ok::<(), sigil_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct DirectoryFiles {
    directory: PathBuf,
}

impl DirectoryFiles {
    /// Opens `directory`, creating it when it is missing.
    ///
    /// # Errors
    /// [`ReadOnly`](sigil_core::ErrorKind::ReadOnly) without the permission to create it, or
    /// another kind from the operating system, naming the path.
    pub fn open(directory: impl Into<PathBuf>) -> Result<DirectoryFiles> {
        let directory = directory.into();
        create_directory(&directory)?;
        Ok(DirectoryFiles { directory })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.directory
    }
}

impl Files for DirectoryFiles {
    fn open(&self, name: &str, create: bool) -> Result<Arc<dyn File>> {
        let path = path_of(&self.directory, name)?;
        let failed = |error| Error::io(format!("opening '{}'", path.display()), error);
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        let file = match options.open(&path) {
            Err(error) if create && error.kind() == io::ErrorKind::NotFound => {
                // Not `create_new`: should somebody else create it meanwhile, it is theirs.
                let file = owner_only(options.create(true)).open(&path).map_err(failed)?;
                sync_directory(&self.directory)?;
                file
            }
            opened => opened.map_err(failed)?,
        };
        Ok(Arc::new(DirectoryFile { file, path }))
    }

    fn remove(&self, name: &str) -> Result<()> {
        remove_file(&self.directory, name)
    }

    fn exists(&self, name: &str) -> Result<bool> {
        let path = path_of(&self.directory, name)?;
        fs::exists(&path)
            .map_err(|error| Error::io(format!("looking for '{}'", path.display()), error))
    }
}

#[derive(Debug)]
struct DirectoryFile {
    file: fs::File,
    path: PathBuf,
}

impl DirectoryFile {
    fn failed(&self, what: &str, error: io::Error) -> Error {
        Error::io(format!("{what} '{}'", self.path.display()), error)
    }
}

impl File for DirectoryFile {
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while filled < bytes.len() {
            // Behind the largest offset of the host there can be nothing.
            let Some(at) = offset.checked_add(filled as u64).filter(|at| *at <= OFFSET_MAX) else {
                break;
            };
            match read_some(&self.file, &mut bytes[filled..], at) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed("reading", error)),
            }
        }
        Ok(filled)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        let mut written = 0;
        while written < bytes.len() {
            let at = offset.saturating_add(written as u64);
            match write_some(&self.file, &bytes[written..], at) {
                Ok(0) => return Err(self.failed("writing", io::ErrorKind::WriteZero.into())),
                Ok(n) => written += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed("writing", error)),
            }
        }
        Ok(())
    }

    fn truncate(&self, len: u64) -> Result<()> {
        self.file.set_len(len).map_err(|error| self.failed("cutting", error))
    }

    fn sync(&self) -> Result<()> {
        self.file.sync_data().map_err(|error| self.failed("syncing", error))
    }

    fn len(&self) -> Result<u64> {
        let metadata = self.file.metadata();
        metadata.map(|metadata| metadata.len()).map_err(|error| self.failed("measuring", error))
    }
}

/// The largest offset of a file: offsets are signed on every host.
const OFFSET_MAX: u64 = i64::MAX as u64;

#[cfg(unix)]
pub(crate) fn read_some(file: &fs::File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, bytes, offset)
}

#[cfg(unix)]
fn write_some(file: &fs::File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::write_at(file, bytes, offset)
}

// These move the cursor of the handle, which nothing here uses.
#[cfg(windows)]
pub(crate) fn read_some(file: &fs::File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, bytes, offset)
}

#[cfg(windows)]
fn write_some(file: &fs::File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_write(file, bytes, offset)
}
