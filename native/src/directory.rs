//! Whole blobs as files of a directory, replaced by renaming.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use sigil_core::{Error, Result, SnapshotStorage};

/// What marks a temporary file; no blob's name has this character in it.
const TEMPORARY: char = '~';

/// [`SnapshotStorage`] over a directory: one file per blob.
///
/// `replace` writes a temporary file in the same directory, has it written out (`fsync`, on macOS
/// `F_FULLFSYNC`, on Windows `FlushFileBuffers`), renames it over the blob and, on unix, has the
/// directory written out. A reader sees the old file or the new one, and a power cut leaves one
/// of them. Windows renames over an existing file too, but has no call that makes the rename
/// durable: there a blob just replaced may be the old one after a power cut (see PLATFORM.md).
///
/// On unix the files are readable by their owner only (0600), and so is a directory that is
/// created (0700).
///
/// ```
/// use sigil_core::SnapshotStorage;
/// use sigil_native::DirectoryStorage;
/// # let directory = std::env::temp_dir().join(format!("sigil-doc-storage-{}", std::process::id()));
/// let storage = DirectoryStorage::open(&directory)?;
/// storage.replace("base-1", b"bytes")?;
/// assert_eq!(storage.read("base-1")?.as_deref(), Some(&b"bytes"[..]));
/// # std::fs::remove_dir_all(&directory).ok();
/// # Ok::<(), sigil_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct DirectoryStorage {
    directory: PathBuf,
}

impl DirectoryStorage {
    /// Opens `directory`, creating it when it is missing, and removes the temporary files that a
    /// crash left in it.
    ///
    /// Hold its [`DirectoryLock`](crate::DirectoryLock) first: the temporary file of a running
    /// writer looks like one that was left.
    ///
    /// # Errors
    /// [`ReadOnly`](sigil_core::ErrorKind::ReadOnly) without the permission to create or list it,
    /// or another kind from the operating system, naming the path.
    pub fn open(directory: impl Into<PathBuf>) -> Result<DirectoryStorage> {
        let directory = directory.into();
        create_directory(&directory)?;
        let listing = || format!("listing the directory '{}'", directory.display());
        for entry in fs::read_dir(&directory).map_err(|error| Error::io(listing(), error))? {
            let entry = entry.map_err(|error| Error::io(listing(), error))?;
            if entry.file_name().to_string_lossy().contains(TEMPORARY) {
                // Where nothing may be removed the store can still be read.
                let _ = fs::remove_file(entry.path());
            }
        }
        Ok(DirectoryStorage { directory })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.directory
    }

    fn write_temporary(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let failed = |error| Error::io(format!("writing '{}'", path.display()), error);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        let mut file = owner_only(&mut options).open(path).map_err(failed)?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)
    }
}

impl SnapshotStorage for DirectoryStorage {
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let path = path_of(&self.directory, name)?;
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io(format!("reading '{}'", path.display()), error)),
        }
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> Result<()> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let path = path_of(&self.directory, name)?;
        // The number of the process keeps two of them apart, the counter two threads.
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let temporary = self
            .directory
            .join(format!("{name}{TEMPORARY}{}{TEMPORARY}{number}", std::process::id()));
        let replaced = self.write_temporary(&temporary, bytes).and_then(|()| {
            rename_over(&temporary, &path)
                .map_err(|error| Error::io(format!("replacing '{}'", path.display()), error))
        });
        if let Err(error) = replaced {
            // It may not exist, and may not be removable; the next open tries again.
            let _ = fs::remove_file(&temporary);
            return Err(error);
        }
        sync_directory(&self.directory)
    }

    fn remove(&self, name: &str) -> Result<()> {
        remove_file(&self.directory, name)
    }
}

/// The path of the file `name` in `directory`.
///
/// # Errors
/// [`InvalidInput`](sigil_core::ErrorKind::InvalidInput) for a name the core does not use, which
/// might lead out of the directory.
pub(crate) fn path_of(directory: &Path, name: &str) -> Result<PathBuf> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if !(1..=64).contains(&name.len()) || !name.chars().all(allowed) || matches!(name, "." | "..") {
        return Err(Error::invalid(format!(
            "'{}' is no name for a file of a store: use 1 to 64 ASCII letters, digits, '.', '-' \
             and '_'",
            name.escape_default()
        )));
    }
    Ok(directory.join(name))
}

/// Removes the file `name` for good; a missing one is no error.
pub(crate) fn remove_file(directory: &Path, name: &str) -> Result<()> {
    let path = path_of(directory, name)?;
    match fs::remove_file(&path) {
        Ok(()) => sync_directory(directory),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::io(format!("removing '{}'", path.display()), error)),
    }
}

/// Creates `directory` and what leads to it, readable by the owner only.
pub(crate) fn create_directory(directory: &Path) -> Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    // What stands in the way may be further up, where creating says something obscure.
    let obstacle = directory.ancestors().find(|path| path.exists()).filter(|path| path.is_file());
    if let Some(obstacle) = obstacle {
        return Err(Error::invalid(format!(
            "'{}' is a file, not a directory: name a directory",
            obstacle.display()
        )));
    }
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory).map_err(|error| {
        Error::io(format!("creating the directory '{}'", directory.display()), error)
    })?;
    match directory.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_directory(parent),
        _ => sync_directory(Path::new(".")),
    }
}

/// Lets only the owner read a file that is created, where files have such permissions.
pub(crate) fn owner_only(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// Returns when the names in `directory` would survive a power cut.
pub(crate) fn sync_directory(directory: &Path) -> Result<()> {
    // Windows has no handle on a directory that could be flushed without privileges.
    if cfg!(windows) {
        return Ok(());
    }
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    match synced {
        Ok(()) => Ok(()),
        // Some network file systems have no such call, and write names through.
        Err(error)
            if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) =>
        {
            Ok(())
        }
        Err(error) => {
            Err(Error::io(format!("syncing the directory '{}'", directory.display()), error))
        }
    }
}

#[cfg(not(windows))]
fn rename_over(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

/// Windows refuses while somebody has the old file open without sharing its removal, which virus
/// scanners and indexers do for a moment.
#[cfg(windows)]
fn rename_over(from: &Path, to: &Path) -> io::Result<()> {
    for pause_ms in [1, 4, 16, 64, 256] {
        match fs::rename(from, to) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                std::thread::sleep(std::time::Duration::from_millis(pause_ms));
            }
            outcome => return outcome,
        }
    }
    fs::rename(from, to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sigil_core::ErrorKind;

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let directory = Path::new("d");
        for name in ["", ".", "..", "../x", "a/b", "a\\b", "c:x", "a b", "\u{e9}", "x~1~2"] {
            assert_eq!(path_of(directory, name).unwrap_err().kind(), ErrorKind::InvalidInput);
        }
        assert_eq!(
            path_of(directory, &"x".repeat(65)).unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
        assert_eq!(path_of(directory, "..a").unwrap(), directory.join("..a"));
    }
}
