//! The engine's errors as ours.

use turso_core::{CompletionError, LimboError};

use super::dialect::REFUSAL;
use super::guard::refuse_temp;
use crate::error::{Error, ErrorKind};

/// The [`Error`] for a failure that the engine reports.
#[cold]
pub(crate) fn from_engine(error: LimboError) -> Error {
    let message = error.to_string();
    if message.contains(REFUSAL) {
        return refuse_temp();
    }
    let kind = match &error {
        LimboError::Constraint(text) => constraint(text),
        LimboError::ConstraintViolation(violation) => constraint(&violation.message),
        LimboError::ForeignKeyConstraint(_) => ErrorKind::ConstraintForeignKey,
        LimboError::Raise(..) => ErrorKind::Constraint,
        LimboError::Corrupt(_) => ErrorKind::Corrupt,
        LimboError::NotADB => ErrorKind::NotADatabase,
        LimboError::DatabaseFull => ErrorKind::Full,
        LimboError::TooBig | LimboError::OutOfMemory => ErrorKind::Limit,
        LimboError::ReadOnly => ErrorKind::ReadOnly,
        LimboError::Interrupt => ErrorKind::Interrupted,
        LimboError::Busy
        | LimboError::BusySnapshot
        | LimboError::TableLocked
        | LimboError::StatementsInProgress(_) => ErrorKind::Busy,
        LimboError::LockingError(_) => ErrorKind::Locked,
        LimboError::UnsupportedEncoding(_) => ErrorKind::Unsupported,
        LimboError::CompletionError(error) => return from_completion(error),
        LimboError::InternalError(text) => return internal(text),
        LimboError::CacheError(_) | LimboError::Page1NotAlloc => ErrorKind::Engine,
        _ => ErrorKind::Sql,
    };
    Error::with_source(kind, lower_first(&message), error)
}

/// The kind of a constraint from SQLite's stable wording, the only place where it stands.
fn constraint(text: &str) -> ErrorKind {
    let text = text.trim_start_matches("Runtime error: ");
    let starts =
        |prefix: &str| text.get(..prefix.len()).is_some_and(|s| s.eq_ignore_ascii_case(prefix));
    if starts("UNIQUE") || starts("PRIMARY KEY") {
        ErrorKind::ConstraintUnique
    } else if starts("NOT NULL") {
        ErrorKind::ConstraintNotNull
    } else if starts("CHECK") {
        ErrorKind::ConstraintCheck
    } else if starts("FOREIGN KEY") {
        ErrorKind::ConstraintForeignKey
    } else {
        ErrorKind::Constraint
    }
}

fn from_completion(error: &CompletionError) -> Error {
    let kind = match error {
        CompletionError::ChecksumMismatch { page_id, .. } => {
            return Error::corrupt(format!(
                "page {page_id} of the database does not match its checksum: run a verify and \
                 restore the store from an export"
            ));
        }
        CompletionError::ShortRead { .. }
        | CompletionError::ShortReadWalFrame { .. }
        | CompletionError::WalFramePageMismatch { .. } => ErrorKind::Corrupt,
        _ => ErrorKind::Storage,
    };
    Error::with_source(kind, lower_first(&error.to_string()), *error)
}

fn internal(text: &str) -> Error {
    Error::new(ErrorKind::Engine, format!("the engine failed: {text}"))
}

fn lower_first(message: &str) -> String {
    // Constraint messages begin with SQLite's capitals, which people search for.
    let mut chars = message.chars();
    match (chars.next(), chars.next()) {
        (Some(first), Some(second))
            if first.is_ascii_uppercase() && second.is_ascii_lowercase() =>
        {
            format!("{}{}", first.to_ascii_lowercase(), &message[1..])
        }
        _ => message.to_owned(),
    }
}
