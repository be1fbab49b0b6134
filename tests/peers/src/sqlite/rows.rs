//! Values on their way into columns and back.

use std::time::SystemTime;

use rusqlite::Row;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::model::{Message, Origin, Role};

/// The columns of both message tables, in the order of [`message`].
pub(super) const MESSAGE: &str = "m.id, m.session_id, m.role, m.content, m.tool_call_id, \
     m.tool_name, m.origin, m.threat, m.created_at, m.metadata";

/// A time as text: RFC 3339, UTC, nine fraction digits.
pub(super) fn text_of_time(time: SystemTime) -> String {
    humantime::format_rfc3339_nanos(time).to_string()
}

/// The time in a text column.
pub(super) fn time(row: &Row<'_>, column: usize) -> Result<SystemTime> {
    time_of_text(text(row, column)?)
}

/// The time that a text stands for.
pub(super) fn time_of_text(text: &str) -> Result<SystemTime> {
    humantime::parse_rfc3339(text).map_err(|error| Error::Stored(format!("time {text:?}: {error}")))
}

/// The text in a column, where it lies in the page.
pub(super) fn text<'r>(row: &'r Row<'_>, column: usize) -> Result<&'r str> {
    row.get_ref(column)?
        .as_str()
        .map_err(|error| Error::Stored(format!("column {column}: {error}")))
}

/// A value as JSON, or NULL.
pub(super) fn json<T: Serialize>(value: Option<&T>) -> Result<Option<String>> {
    Ok(value.map(serde_json::to_string).transpose()?)
}

/// The value in a column of JSON that may be NULL.
pub(super) fn optional<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<Option<T>> {
    match row.get_ref(column)?.as_str_or_null() {
        Ok(None | Some("" | "{}" | "null")) => Ok(None),
        Ok(Some(text)) => Ok(Some(serde_json::from_str(text)?)),
        Err(error) => Err(Error::Stored(format!("column {column}: {error}"))),
    }
}

/// The value of a name in a column.
pub(super) fn named<T>(
    row: &Row<'_>,
    column: usize,
    from_name: impl Fn(&str) -> Option<T>,
) -> Result<T> {
    let name = text(row, column)?;
    from_name(name).ok_or_else(|| Error::Stored(format!("unknown name {name:?}")))
}

/// A message from the columns of [`MESSAGE`].
pub(super) fn message(row: &Row<'_>) -> Result<Message> {
    let origin = text(row, 6)?;
    Ok(Message {
        id: row.get(0)?,
        session_id: row.get(1)?,
        role: named(row, 2, Role::from_name)?,
        content: row.get(3)?,
        tool_call_id: row.get(4)?,
        tool_name: row.get(5)?,
        origin: if origin.is_empty() { None } else { Some(named(row, 6, Origin::from_name)?) },
        threat: optional(row, 7)?,
        created_at: time(row, 8)?,
        metadata: optional(row, 9)?,
    })
}

/// The name of where a message came from, for its column.
pub(super) fn origin_name(origin: Option<Origin>) -> &'static str {
    origin.map_or("", Origin::name)
}

/// A limit or a length as SQLite counts.
pub(super) fn count(number: usize) -> Result<i64> {
    i64::try_from(number).map_err(|_| Error::Input(format!("{number} is too large")))
}
