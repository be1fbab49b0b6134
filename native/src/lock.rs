//! One process at a time on a directory.

mod node;

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sigil_core::{Error, ErrorKind, Result};

use crate::directory::{create_directory, owner_only};

const LOCK_FILE: &str = "sigil.lock";
/// How often the holder's number is looked for: it writes that just after it has the lock.
const PID_READS_MAX: u32 = 5;

/// Holds a directory for this process until it is dropped.
///
/// A lock of the operating system on the file `sigil.lock` (`flock`; on Windows `LockFileEx`), so
/// it goes with the process, however that ends. The file stays, with the number of the process
/// that holds or last held the lock. It binds those who ask for it, on one machine.
///
/// The npm package has no such lock and creates the file `sigil.node-lock` instead. Both programs
/// publish their own lock first and look for the other's after, so of two that start together at
/// least one gives way. A lock file whose process is gone is removed, where that can be seen: on
/// Linux, in the same pid namespace.
///
/// ```
/// use sigil_core::ErrorKind;
/// use sigil_native::DirectoryLock;
/// # let directory = std::env::temp_dir().join(format!("sigil-doc-lock-{}", std::process::id()));
/// let lock = DirectoryLock::acquire(&directory)?;
/// assert_eq!(DirectoryLock::acquire(&directory).unwrap_err().kind(), ErrorKind::Locked);
/// drop(lock);
/// DirectoryLock::acquire(&directory)?;
/// # std::fs::remove_dir_all(&directory).ok();
/// # Ok::<(), sigil_core::Error>(())
/// ```
#[derive(Debug)]
pub struct DirectoryLock {
    directory: PathBuf,
    file: File,
}

impl DirectoryLock {
    /// Takes the lock on `directory`, creating the directory when it is missing; does not wait.
    ///
    /// # Errors
    /// [`ErrorKind::Locked`] naming the directory and the process that holds it;
    /// [`ErrorKind::Unsupported`] on a file system without locks; [`ErrorKind::ReadOnly`] or
    /// another kind from the operating system.
    pub fn acquire(directory: impl Into<PathBuf>) -> Result<DirectoryLock> {
        let directory = directory.into();
        create_directory(&directory)?;
        let path = directory.join(LOCK_FILE);
        let failed = |error| Error::io(format!("locking '{}'", path.display()), error);
        let mut options = OpenOptions::new();
        // Not truncated: the number in it is the holder's.
        options.read(true).write(true).create(true).truncate(false);
        let mut file = owner_only(&mut options).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held(&directory, &mut file)),
            Err(TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Unsupported => {
                return Err(Error::with_source(
                    ErrorKind::Unsupported,
                    format!(
                        "the file system of '{}' has no locks, so two processes could damage a \
                         store there: use another directory",
                        directory.display()
                    ),
                    error,
                ));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let pid = format!("{}\n", std::process::id());
        let written = file.set_len(0).and_then(|()| file.write_all(pid.as_bytes()));
        written.map_err(failed)?;
        // Only now, so that whoever starts at the same time sees this lock.
        node::give_way(&directory)?;
        Ok(DirectoryLock { directory, file })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.directory
    }
}

impl Drop for DirectoryLock {
    fn drop(&mut self) {
        // Closing the file is not enough: a process that another thread is just starting shares
        // the lock until it becomes another program. Without a lock to give back nothing is lost.
        let _ = self.file.unlock();
    }
}

/// The error for a directory that another holds, whose number stands in the file it locked.
fn held(directory: &Path, file: &mut File) -> Error {
    let pid = (0..PID_READS_MAX).find_map(|n| {
        if n > 0 {
            std::thread::sleep(Duration::from_millis(2));
        }
        let mut text = String::new();
        // On Windows the lock keeps others from reading, so there the holder stays unknown.
        file.rewind().and_then(|()| (&*file).take(64).read_to_string(&mut text)).ok()?;
        text.trim().parse::<u32>().ok()
    });
    let holder = match pid {
        Some(pid) if pid == std::process::id() => "this process".to_owned(),
        Some(pid) => format!("process {pid}"),
        None => "another process".to_owned(),
    };
    Error::new(
        ErrorKind::Locked,
        format!(
            "{holder} has the directory '{}' open: close it there, or wait for it to end",
            directory.display()
        ),
    )
}
