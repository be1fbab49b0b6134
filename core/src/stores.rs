//! The typed stores: what is in them, and what every implementation of them owes its callers.
//!
//! Each child module has the records of one store, the rules they must keep, and a trait of the
//! store's calls. The traits can be made into objects, so that a program uses whatever backend its
//! [`Registry`](crate::Registry) was told of; [`SqlWorkspace`](crate::SqlWorkspace) and
//! [`SqlGateway`](crate::SqlGateway) are the ones this crate brings.
//!
//! # What holds for all of them
//!
//! - Records are checked before anything is written; an invalid one is
//!   [`InvalidInput`](ErrorKind::InvalidInput), one past a size limit [`Limit`](ErrorKind::Limit).
//! - An id that is taken is [`Conflict`](ErrorKind::Conflict), one that is not there
//!   [`NotFound`](ErrorKind::NotFound).
//! - A call that writes several records writes all of them or none, also inside a transaction.
//! - Records are in the order of their times; those of the same time, in the order in which they
//!   were stored. A record that replaces another has its place in that order.
//! - An empty text in a query asks for nothing in particular, as if it were not set.
//! - Lists that match nothing are empty, never an error.

mod audit;
mod knowledge;
mod message;
mod pairing;
mod session;
mod summary;
mod user;
mod vector;
mod wide;

use std::ops::Deref;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::host::Host;
use crate::time::Timestamp;

pub use audit::{AuditEntry, AuditQuery, AuditStore};
pub use knowledge::{
    Direction, Entity, EntityQuery, Fact, FactQuery, Graph, KnowledgeStore, Relationship,
    RelationshipQuery, Traversal,
};
pub use message::{
    MESSAGE_BYTES_MAX, Message, MessageStore, Origin, Role, ThreatInfo, ThreatStage,
};
pub use pairing::{Paired, Pairing, PairingStatus, PairingStore};
pub use session::{
    Session, SessionQuery, SessionStatus, SessionStore, TokenBudget, TokenCount, ToolBudget,
};
pub use summary::{Summary, SummaryStatus, SummaryStore};
pub use user::{Identity, User, UserStore};
pub use vector::{VectorEntry, VectorStore};

/// The longest id of anything, in bytes of UTF-8.
pub const ID_BYTES_MAX: usize = 512;

/// The longest short text, such as a name, a role or an action, in bytes of UTF-8.
pub const TEXT_BYTES_MAX: usize = 64 << 10;

/// Which part of a long list is wanted.
///
/// ```
/// use sigil_core::Paging;
/// // The 20 after the first 40.
/// let paging = Paging { limit: 20, offset: 40, ..Paging::default() };
/// # let _ = paging;
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Paging {
    /// The most records to give; 0 or less means the default of the call, which says what it is.
    pub limit: i64,
    /// How many records to leave out first; below 0 is 0.
    pub offset: i64,
    /// Only records behind this place of an earlier [`Page`] of the same list.
    pub after: Option<Cursor>,
}

impl Paging {
    /// At most `limit` records.
    pub fn limit(limit: i64) -> Paging {
        Paging { limit, ..Paging::default() }
    }
}

/// A place in a list that is ordered by time: behind the record with this time and number.
///
/// It stays good while records are added and removed. Only a new record of the very same time may
/// take the number of the last one, when that was removed, and then comes before the cursor. Its
/// text form is for bindings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The time of the last record given.
    pub time: Timestamp,
    /// Its number in the order of storing, among those of the same list.
    pub seq: i64,
}

impl Serialize for Cursor {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}/{}", self.time, self.seq))
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Cursor, D::Error> {
        let text = String::deserialize(deserializer)?;
        let parsed = text.split_once('/').and_then(|(time, seq)| {
            Some(Cursor { time: time.parse().ok()?, seq: seq.parse().ok()? })
        });
        parsed.ok_or_else(|| serde::de::Error::custom("a cursor is the 'next' of an earlier page"))
    }
}

/// Part of a list, and where the rest of it begins.
///
/// It dereferences to the slice of its records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The records.
    pub items: Vec<T>,
    /// Give it as [`Paging::after`] for the next page; `None` when there is nothing left.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next: Option<Cursor>,
}

impl<T> Deref for Page<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.items
    }
}

impl<T> IntoIterator for Page<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a Page<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}

/// A stretch of time; an end that is not given is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TimeRange {
    /// The first time that belongs to it.
    pub from: Option<Timestamp>,
    /// Where it ends; whether this time still belongs to it is said by each call.
    pub to: Option<Timestamp>,
}

/// A new random id: the text of a version 4 UUID (RFC 9562).
///
/// ```
/// use sigil_core::{FixedHost, new_id};
/// let host = FixedHost::new(1);
/// assert_eq!(new_id(&host).len(), 36);
/// assert_ne!(new_id(&host), new_id(&host));
/// ```
pub fn new_id(host: &dyn Host) -> String {
    let mut bytes = [0; 16];
    host.fill_random(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

/// Runs `body` in the `transaction` of a backend, which takes what can be made into an object, and
/// gives its value.
///
/// # Errors
/// Whatever `body` or the transaction returns; [`InvalidInput`](ErrorKind::InvalidInput) from a
/// backend that runs it twice, or not at all.
pub(crate) fn value_of<T>(
    transaction: impl FnOnce(&mut dyn FnMut() -> Result<()>) -> Result<()>,
    body: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let mut body = Some(body);
    let mut value = None;
    transaction(&mut || {
        let body = body.take().ok_or_else(|| Error::invalid("a transaction runs once"))?;
        value = Some(body()?);
        Ok(())
    })?;
    value.ok_or_else(|| Error::invalid("the backend did not run the transaction"))
}

/// The host's time.
pub(crate) fn now(host: &dyn Host) -> Timestamp {
    Timestamp::from_unix_ns(host.now_ns())
}

/// Refuses an id that is empty, too long, or holds a NUL, which would end it in other programs.
pub(crate) fn check_id(what: &str, id: &str) -> Result<()> {
    if id.is_empty() {
        return Err(Error::invalid(format!("{what} is required, and is empty")));
    }
    if id.contains('\0') {
        return Err(Error::invalid(format!("{what} holds a NUL byte: use other ids")));
    }
    check_len(what, id, ID_BYTES_MAX)
}

/// Refuses a short text that is too long.
pub(crate) fn check_text(what: &str, text: &str) -> Result<()> {
    check_len(what, text, TEXT_BYTES_MAX)
}

/// Refuses a text of more than `max` bytes.
pub(crate) fn check_len(what: &str, text: &str, max: usize) -> Result<()> {
    if text.len() <= max {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Limit,
        format!("{what} has {} bytes, the limit is {max}: shorten it", text.len()),
    ))
}

pub(crate) fn not_found(what: &str, id: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no {what} '{}'", shown(id)))
}

pub(crate) fn taken(what: &str, id: &str) -> Error {
    Error::new(ErrorKind::Conflict, format!("there is a {what} '{}' already", shown(id)))
}

/// An id as messages show it: cut off and escaped.
pub(crate) fn shown(id: &str) -> String {
    const SHOWN_CHARS: usize = 80;
    let short: String = id.chars().take(SHOWN_CHARS).collect();
    let dots = if short.len() < id.len() { ".." } else { "" };
    format!("{}{dots}", short.escape_debug())
}

/// Declares an enum whose variants have fixed names in text, in SQL and in JSON alike.
macro_rules! named {
    (
        $(#[$meta:meta])* $name:ident, $what:literal {
            $($(#[$doc:meta])* $variant:ident = $text:literal,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)*
        }

        impl $name {
            /// Every value, in the order of their declaration.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            /// The value's name, as it is stored.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }

            /// The value with this name.
            ///
            /// # Errors
            /// [`InvalidInput`](crate::ErrorKind::InvalidInput) naming those there are.
            pub fn parse(name: &str) -> $crate::Result<$name> {
                $name::ALL.iter().copied().find(|value| value.as_str() == name).ok_or_else(|| {
                    $crate::Error::invalid(format!(
                        "no {} is named '{}': use {}",
                        $what,
                        $crate::stores::shown(name),
                        [$($text),*].join(", ")
                    ))
                })
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use named;
