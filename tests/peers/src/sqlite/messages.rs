//! The searchable messages of a workspace.

use std::time::SystemTime;

use rusqlite::{Connection, params};

use super::atomically;
use super::rows::{self, MESSAGE};
use crate::error::{Error, Result};
use crate::model::Message;

/// The messages that were not yet compacted.
#[derive(Debug, Clone, Copy)]
pub struct Messages<'c>(pub(super) &'c Connection);

impl Messages<'_> {
    /// Adds messages in one transaction.
    ///
    /// # Errors
    ///
    /// If an id is taken, or the database fails; then none is added.
    pub fn append(&self, messages: &[Message]) -> Result<()> {
        atomically(self.0, || {
            let mut insert = self.0.prepare_cached(
                "INSERT INTO messages (id, session_id, role, content, tool_call_id, tool_name,
                   origin, threat, created_at, metadata)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?;
            for message in messages {
                insert.execute(params![
                    message.id,
                    message.session_id,
                    message.role.name(),
                    message.content,
                    message.tool_call_id,
                    message.tool_name,
                    rows::origin_name(message.origin),
                    rows::json(message.threat.as_ref())?,
                    rows::text_of_time(message.created_at),
                    rows::json(message.metadata.as_ref())?,
                ])?;
            }
            Ok(())
        })
    }

    /// Messages that contain a phrase, newest first: its words, one after the other.
    ///
    /// # Errors
    ///
    /// If a row cannot be read, or the database fails.
    pub fn search(&self, phrase: &str, limit: usize, offset: usize) -> Result<Vec<Message>> {
        let phrase = format!("\"{}\"", phrase.replace('\0', "").replace('"', "\"\""));
        self.select(
            &format!(
                "SELECT {MESSAGE} FROM messages_text t JOIN messages m ON m.seq = t.rowid
                 WHERE messages_text MATCH ?1
                 ORDER BY m.created_at DESC, m.seq DESC LIMIT ?2 OFFSET ?3"
            ),
            params![phrase, rows::count(limit)?, rows::count(offset)?],
        )
    }

    /// The messages from a time up to, and without, another, oldest first.
    ///
    /// # Errors
    ///
    /// If a row cannot be read, or the database fails.
    pub fn range(&self, from: SystemTime, to: SystemTime) -> Result<Vec<Message>> {
        self.select(
            &format!(
                "SELECT {MESSAGE} FROM messages m WHERE m.created_at >= ?1 AND m.created_at < ?2
                 ORDER BY m.created_at, m.seq"
            ),
            params![rows::text_of_time(from), rows::text_of_time(to)],
        )
    }

    /// The oldest `limit` messages, oldest first.
    ///
    /// # Errors
    ///
    /// If `limit` is 0, a row cannot be read, or the database fails.
    pub fn oldest(&self, limit: usize) -> Result<Vec<Message>> {
        if limit == 0 {
            return Err(Error::Input("the oldest 0 messages were asked for".into()));
        }
        self.select(
            &format!("SELECT {MESSAGE} FROM messages m ORDER BY m.created_at, m.seq LIMIT ?1"),
            params![rows::count(limit)?],
        )
    }

    /// How many messages there are.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn count(&self) -> Result<i64> {
        let mut select = self.0.prepare_cached("SELECT count(*) FROM messages")?;
        Ok(select.query_row([], |row| row.get(0))?)
    }

    /// Deletes messages in one transaction, and says how many there were; unknown ids are skipped.
    ///
    /// # Errors
    ///
    /// If the database fails; then none is deleted.
    pub fn delete_by_ids<'i>(&self, ids: impl IntoIterator<Item = &'i str>) -> Result<usize> {
        atomically(self.0, || {
            let mut delete = self.0.prepare_cached("DELETE FROM messages WHERE id = ?1")?;
            let mut deleted = 0;
            for id in ids {
                deleted += delete.execute([id])?;
            }
            Ok(deleted)
        })
    }

    fn select(&self, sql: &str, params: impl rusqlite::Params) -> Result<Vec<Message>> {
        let mut select = self.0.prepare_cached(sql)?;
        let mut found = select.query(params)?;
        let mut messages = Vec::new();
        while let Some(row) = found.next()? {
            messages.push(rows::message(row)?);
        }
        Ok(messages)
    }
}
