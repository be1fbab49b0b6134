//! Files of the old program, opened so that nothing about them can change.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sigil_core::{Error, ErrorKind, File, Result};

/// A database file of the old program and its write-ahead log, as they lie on the disk.
///
/// Both are opened for reading alone. No lock is taken and no `-shm` is made, because either
/// would write into the directory; that the program wrote meanwhile is found out by
/// [`unchanged`](LegacyFile::unchanged).
#[derive(Debug)]
pub struct LegacyFile {
    file: fs::File,
    path: PathBuf,
    stamp: Stamp,
}

/// What a write to either file changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp {
    database: (u64, Option<SystemTime>),
    log: Option<(u64, Option<SystemTime>)>,
}

impl LegacyFile {
    /// Opens the database file at `path`.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when it is missing, [`ErrorKind::Busy`] when a rollback journal
    /// lies beside it (a transaction that was cut off, which only SQLite can undo), and what the
    /// host reports.
    pub fn open(path: &Path) -> Result<LegacyFile> {
        let failed = |error| Error::io(format!("opening '{}'", path.display()), error);
        let journal = beside(path, "-journal");
        match fs::metadata(&journal) {
            Ok(metadata) if metadata.len() > 0 => {
                return Err(Error::new(
                    ErrorKind::Busy,
                    format!(
                        "'{}' holds a transaction that was cut off: open the database once with \
                         the program that wrote it, or with sqlite3, and try again",
                        journal.display()
                    ),
                ));
            }
            _ => {}
        }
        let file = fs::File::open(path).map_err(failed)?;
        let stamp = Stamp::of(path)?;
        Ok(LegacyFile { file, path: path.to_owned(), stamp })
    }

    /// The path it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The bytes of the write-ahead log; none when there is no log.
    ///
    /// # Errors
    /// What the host reports.
    pub fn log(&self) -> Result<Vec<u8>> {
        let path = beside(&self.path, "-wal");
        match fs::read(&path) {
            Ok(bytes) => Ok(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(Error::io(format!("reading '{}'", path.display()), error)),
        }
    }

    /// How long the database and its log are together, in bytes.
    pub fn bytes(&self) -> u64 {
        self.stamp.database.0 + self.stamp.log.map_or(0, |log| log.0)
    }

    /// Makes sure that nobody wrote to the file or its log since it was opened.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] when somebody did: what was read may be of two moments.
    pub fn unchanged(&self) -> Result<()> {
        self.stamp.unchanged(&self.path)
    }

    pub(crate) fn stamp(&self) -> &Stamp {
        &self.stamp
    }
}

impl Stamp {
    fn of(path: &Path) -> Result<Stamp> {
        let of = |metadata: &Metadata| (metadata.len(), metadata.modified().ok());
        let failed = |error| Error::io(format!("reading '{}'", path.display()), error);
        let database = of(&fs::metadata(path).map_err(failed)?);
        let log = match fs::metadata(beside(path, "-wal")) {
            Ok(metadata) => Some(of(&metadata)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        Ok(Stamp { database, log })
    }

    /// Makes sure that the files are still those of the stamp.
    pub(crate) fn unchanged(&self, path: &Path) -> Result<()> {
        if Stamp::of(path)? == *self {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Busy,
            format!(
                "'{}' was changed while it was read: stop the program that uses it and try again",
                path.display()
            ),
        ))
    }

    /// The stamp as text, the same as long as the files are.
    pub(crate) fn text(&self) -> String {
        let part = |(len, time): (u64, Option<SystemTime>)| {
            let since = time.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
            format!("{len}@{}", since.map_or(0, |since| since.as_nanos()))
        };
        let log = self.log.map_or_else(|| "-".to_owned(), part);
        format!("{} {log}", part(self.database))
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

impl File for LegacyFile {
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while filled < bytes.len() {
            let at = offset.saturating_add(filled as u64);
            match crate::files::read_some(&self.file, &mut bytes[filled..], at) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(Error::io(format!("reading '{}'", self.path.display()), error));
                }
            }
        }
        Ok(filled)
    }

    fn write_at(&self, _offset: u64, _bytes: &[u8]) -> Result<()> {
        Err(self.read_only())
    }

    fn truncate(&self, _len: u64) -> Result<()> {
        Err(self.read_only())
    }

    fn sync(&self) -> Result<()> {
        Err(self.read_only())
    }

    fn len(&self) -> Result<u64> {
        Ok(self.stamp.database.0)
    }
}

impl LegacyFile {
    fn read_only(&self) -> Error {
        let path = self.path.display();
        Error::new(ErrorKind::ReadOnly, format!("'{path}' is the source of a migration"))
    }
}
