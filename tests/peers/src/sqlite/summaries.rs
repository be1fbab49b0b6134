//! Summaries of messages that were compacted.

use rusqlite::{Connection, params};

use super::rows;
use crate::error::Result;
use crate::model::Summary;

/// The summaries of a workspace.
#[derive(Debug, Clone, Copy)]
pub struct Summaries<'c>(pub(super) &'c Connection);

impl Summaries<'_> {
    /// Adds a summary under a new id.
    ///
    /// # Errors
    ///
    /// If the id is taken, or the database fails.
    pub fn store(&self, summary: &Summary) -> Result<()> {
        self.0
            .prepare_cached(
                "INSERT INTO summaries (id, from_time, to_time, content, message_ids, status,
                   created_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                summary.id,
                rows::text_of_time(summary.from_time),
                rows::text_of_time(summary.to_time),
                summary.content,
                serde_json::to_string(&summary.message_ids)?,
                if summary.committed { "committed" } else { "pending" },
                rows::text_of_time(summary.created_at),
            ])?;
        Ok(())
    }

    /// The newest `limit` committed summaries, newest first.
    ///
    /// # Errors
    ///
    /// If a row cannot be read, or the database fails.
    pub fn latest(&self, limit: usize) -> Result<Vec<Summary>> {
        let mut select = self.0.prepare_cached(
            "SELECT id, from_time, to_time, content, message_ids, created_at FROM summaries
             WHERE status = 'committed' ORDER BY created_at DESC, seq DESC LIMIT ?1",
        )?;
        let mut found = select.query([rows::count(limit)?])?;
        let mut summaries = Vec::new();
        while let Some(row) = found.next()? {
            summaries.push(Summary {
                id: row.get(0)?,
                from_time: rows::time(row, 1)?,
                to_time: rows::time(row, 2)?,
                content: row.get(3)?,
                message_ids: rows::optional(row, 4)?.unwrap_or_default(),
                created_at: rows::time(row, 5)?,
                committed: true,
            });
        }
        Ok(summaries)
    }
}
