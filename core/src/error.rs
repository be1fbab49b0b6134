//! The one error of the core: a stable [`ErrorKind`], a message for people, and a cause.

use std::fmt;
use std::sync::Arc;

/// The result of everything that can fail in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure an [`Error`] is, for code to match on.
///
/// Kinds are stable: a kind is never renamed and never changes its meaning, and
/// [`ErrorKind::code`] is the same string in every language binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument is outside what the call accepts; nothing was changed.
    InvalidInput,
    /// The SQL text is wrong, or names something that does not exist.
    Sql,
    /// A UNIQUE or PRIMARY KEY constraint refused the write.
    ConstraintUnique,
    /// A FOREIGN KEY constraint refused the write.
    ConstraintForeignKey,
    /// A NOT NULL constraint refused the write.
    ConstraintNotNull,
    /// A CHECK constraint refused the write.
    ConstraintCheck,
    /// Another constraint refused the write: a datatype of a STRICT table, a trigger's RAISE.
    Constraint,
    /// The named thing does not exist.
    NotFound,
    /// The thing exists already, or in another shape than the one asked for.
    Conflict,
    /// The request is understood but refused on this host or by this engine.
    Unsupported,
    /// The bytes are of a format newer than this version reads.
    NewerFormat,
    /// The file is not a database of this library or of SQLite.
    NotADatabase,
    /// Stored bytes are damaged: a checksum, a length or a structure does not hold.
    Corrupt,
    /// The disk or the host's quota is full.
    Full,
    /// The storage may not be written.
    ReadOnly,
    /// Another process or handle holds the store.
    Locked,
    /// This handle is in the middle of something else, such as a transaction.
    Busy,
    /// A named limit of size or count was passed.
    Limit,
    /// The host's storage failed in another way.
    Storage,
    /// The operation was interrupted on request.
    Interrupted,
    /// The operation ran into its time limit.
    Timeout,
    /// An earlier failure left this handle unusable: open the store again.
    Poisoned,
    /// The handle was closed.
    Closed,
    /// The engine failed in a way that is its own fault.
    Engine,
}

impl ErrorKind {
    /// Every kind, in declaration order.
    pub const ALL: &'static [ErrorKind] = &[
        ErrorKind::InvalidInput,
        ErrorKind::Sql,
        ErrorKind::ConstraintUnique,
        ErrorKind::ConstraintForeignKey,
        ErrorKind::ConstraintNotNull,
        ErrorKind::ConstraintCheck,
        ErrorKind::Constraint,
        ErrorKind::NotFound,
        ErrorKind::Conflict,
        ErrorKind::Unsupported,
        ErrorKind::NewerFormat,
        ErrorKind::NotADatabase,
        ErrorKind::Corrupt,
        ErrorKind::Full,
        ErrorKind::ReadOnly,
        ErrorKind::Locked,
        ErrorKind::Busy,
        ErrorKind::Limit,
        ErrorKind::Storage,
        ErrorKind::Interrupted,
        ErrorKind::Timeout,
        ErrorKind::Poisoned,
        ErrorKind::Closed,
        ErrorKind::Engine,
    ];

    /// The kind as a kebab-case string, the same in every binding.
    ///
    /// ```
    /// assert_eq!(sigil_core::ErrorKind::ConstraintNotNull.code(), "constraint-not-null");
    /// ```
    pub const fn code(self) -> &'static str {
        match self {
            ErrorKind::InvalidInput => "invalid-input",
            ErrorKind::Sql => "sql",
            ErrorKind::ConstraintUnique => "constraint-unique",
            ErrorKind::ConstraintForeignKey => "constraint-foreign-key",
            ErrorKind::ConstraintNotNull => "constraint-not-null",
            ErrorKind::ConstraintCheck => "constraint-check",
            ErrorKind::Constraint => "constraint",
            ErrorKind::NotFound => "not-found",
            ErrorKind::Conflict => "conflict",
            ErrorKind::Unsupported => "unsupported",
            ErrorKind::NewerFormat => "newer-format",
            ErrorKind::NotADatabase => "not-a-database",
            ErrorKind::Corrupt => "corrupt",
            ErrorKind::Full => "full",
            ErrorKind::ReadOnly => "read-only",
            ErrorKind::Locked => "locked",
            ErrorKind::Busy => "busy",
            ErrorKind::Limit => "limit",
            ErrorKind::Storage => "storage",
            ErrorKind::Interrupted => "interrupted",
            ErrorKind::Timeout => "timeout",
            ErrorKind::Poisoned => "poisoned",
            ErrorKind::Closed => "closed",
            ErrorKind::Engine => "engine",
        }
    }

    /// The kind whose [`code`](ErrorKind::code) is `code`, if there is one.
    ///
    /// ```
    /// use sigil_core::ErrorKind;
    /// assert_eq!(ErrorKind::from_code("full"), Some(ErrorKind::Full));
    /// assert_eq!(ErrorKind::from_code("teapot"), None);
    /// ```
    pub fn from_code(code: &str) -> Option<ErrorKind> {
        ErrorKind::ALL.iter().copied().find(|kind| kind.code() == code)
    }

    /// Whether a constraint of the schema refused the write.
    pub const fn is_constraint(self) -> bool {
        matches!(
            self,
            ErrorKind::ConstraintUnique
                | ErrorKind::ConstraintForeignKey
                | ErrorKind::ConstraintNotNull
                | ErrorKind::ConstraintCheck
                | ErrorKind::Constraint
        )
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A failure: its [`ErrorKind`], a message that says what, which and what to do, and its cause.
///
/// One word wide and cheap to clone, so a poisoned handle can keep the error that
/// poisoned it and hand it out again.
///
/// ```
/// use sigil_core::{Error, ErrorKind};
/// let error = Error::new(ErrorKind::NotFound, "no collection is named 'notes': create it first");
/// assert_eq!(error.kind(), ErrorKind::NotFound);
/// assert_eq!(error.to_string(), "no collection is named 'notes': create it first");
/// ```
#[derive(Clone)]
pub struct Error {
    inner: Arc<ErrorInner>,
}

#[derive(Debug)]
struct ErrorInner {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync + 'static>>,
}

impl Error {
    /// An error of `kind` whose message is `message`: lower case, no final dot.
    #[cold]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error { inner: Arc::new(ErrorInner { kind, message: message.into(), source: None }) }
    }

    /// An error of `kind` that `source` caused.
    #[cold]
    pub fn with_source(
        kind: ErrorKind,
        message: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync + 'static>>,
    ) -> Error {
        Error {
            inner: Arc::new(ErrorInner {
                kind,
                message: message.into(),
                source: Some(source.into()),
            }),
        }
    }

    /// The same kind of error with `context` said before its message.
    ///
    /// ```
    /// use sigil_core::{Error, ErrorKind};
    /// let error = Error::new(ErrorKind::Full, "the disk is full").context("writing 'image.db'");
    /// assert_eq!(error.to_string(), "writing 'image.db': the disk is full");
    /// assert_eq!(error.kind(), ErrorKind::Full);
    /// ```
    #[cold]
    #[must_use]
    pub fn context(self, context: impl fmt::Display) -> Error {
        let message = format!("{context}: {self}");
        let kind = self.kind();
        Error::with_source(kind, message, self)
    }

    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// [`InvalidInput`](ErrorKind::InvalidInput) with `message`.
    #[cold]
    pub fn invalid(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::InvalidInput, message)
    }

    /// [`Corrupt`](ErrorKind::Corrupt) with `message`.
    #[cold]
    pub fn corrupt(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Corrupt, message)
    }

    /// Maps an I/O error of the host to the kind it means, naming the file or blob it concerns.
    ///
    /// A full disk or quota is [`Full`](ErrorKind::Full), a refused write or read
    /// [`ReadOnly`](ErrorKind::ReadOnly), a missing file [`NotFound`](ErrorKind::NotFound), and
    /// anything else [`Storage`](ErrorKind::Storage).
    #[cold]
    pub fn io(what: impl fmt::Display, error: std::io::Error) -> Error {
        use std::io::ErrorKind as Io;
        let (kind, advice) = match error.kind() {
            Io::StorageFull | Io::QuotaExceeded | Io::FileTooLarge => {
                (ErrorKind::Full, ": free some space and open the store again")
            }
            Io::PermissionDenied | Io::ReadOnlyFilesystem => {
                (ErrorKind::ReadOnly, ": check the permissions of the data directory")
            }
            Io::NotFound => (ErrorKind::NotFound, ""),
            _ => (ErrorKind::Storage, ""),
        };
        Error::with_source(kind, format!("{what}: {error}{advice}"), error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.inner.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.inner.kind, self.inner.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.inner.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::test;

    #[test]
    fn codes_are_kebab_case_and_unique() {
        let codes: std::collections::BTreeSet<&str> =
            ErrorKind::ALL.iter().map(|kind| kind.code()).collect();
        assert_eq!(codes.len(), ErrorKind::ALL.len());
        for kind in ErrorKind::ALL {
            assert!(kind.code().chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{kind}");
            assert_eq!(ErrorKind::from_code(kind.code()), Some(*kind));
        }
    }

    #[test]
    fn io_errors_keep_their_meaning() {
        let io = |kind: std::io::ErrorKind| Error::io("writing 'x'", kind.into()).kind();
        assert_eq!(io(std::io::ErrorKind::StorageFull), ErrorKind::Full);
        assert_eq!(io(std::io::ErrorKind::QuotaExceeded), ErrorKind::Full);
        assert_eq!(io(std::io::ErrorKind::PermissionDenied), ErrorKind::ReadOnly);
        assert_eq!(io(std::io::ErrorKind::NotFound), ErrorKind::NotFound);
        assert_eq!(io(std::io::ErrorKind::BrokenPipe), ErrorKind::Storage);
    }
}
