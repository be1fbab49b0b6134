//! One error for the stores and the benchmark.

use std::fmt;

/// What went wrong.
#[derive(Debug)]
pub enum Error {
    /// The database refused or failed.
    Sqlite(rusqlite::Error),
    /// No row has this id.
    NotFound(String),
    /// A stored value cannot be read back.
    Stored(String),
    /// The caller asked for something that makes no sense.
    Input(String),
    /// The file system failed.
    Io(std::io::Error),
}

/// The usual result.
pub type Result<T> = std::result::Result<T, Error>;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Sqlite(error) => write!(f, "sqlite: {error}"),
            Error::NotFound(what) => write!(f, "{what} was not found"),
            Error::Stored(what) => write!(f, "a stored value cannot be read: {what}"),
            Error::Input(what) => write!(f, "{what}"),
            Error::Io(error) => write!(f, "file system: {error}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Error {
        Error::Sqlite(error)
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Error {
        Error::Io(error)
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Error {
        Error::Stored(format!("JSON: {error}"))
    }
}
