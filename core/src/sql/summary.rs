//! Summaries.

use super::rows::{Columns, json_value, read_all, read_one};
use super::{SqlWorkspace, StoreAccess, explain};
use crate::error::{Error, ErrorKind, Result};
use crate::params;
use crate::stores::{Summary, SummaryStatus, SummaryStore, TimeRange, not_found, shown, taken};

pub(super) const TABLE: &str = "sigil_summary";

pub(super) const COLUMNS: &str =
    "id, from_time, to_time, content, message_ids, session_ids, status, created_at";

const INSERT: &str = "INSERT INTO sigil_summary (id, from_time, to_time, content, message_ids,
    session_ids, status, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";

pub(super) fn read(columns: &mut Columns<'_>) -> Result<Summary> {
    Ok(Summary {
        id: columns.text()?,
        from_time: columns.time()?,
        to_time: columns.time()?,
        content: columns.text()?,
        message_ids: columns.json()?.unwrap_or_default(),
        session_ids: columns.json()?.unwrap_or_default(),
        status: columns.parsed(SummaryStatus::parse)?,
        created_at: columns.time()?,
    })
}

impl<A: StoreAccess> SqlWorkspace<A> {
    /// The summaries that `rest` of the statement selects and orders.
    fn read_summaries(&self, rest: &str, params: impl Into<crate::Params>) -> Result<Vec<Summary>> {
        let sql = format!("SELECT {COLUMNS} FROM sigil_summary {rest}");
        self.access.with(|store| read_all(store.database(), TABLE, &sql, params, read))
    }
}

impl<A: StoreAccess> SummaryStore for SqlWorkspace<A> {
    fn store(&self, summary: &Summary) -> Result<()> {
        summary.validate()?;
        let values = params![
            &summary.id,
            summary.from_time,
            summary.to_time,
            &summary.content,
            json_value(&summary.message_ids)?,
            json_value(&summary.session_ids)?,
            summary.status.as_str(),
            summary.created_at,
        ];
        self.write(|store| {
            let inserted = store.database().execute(INSERT, values);
            inserted.map(drop).map_err(|error| explain(error, || taken("summary", &summary.id)))
        })
    }

    fn get(&self, id: &str) -> Result<Summary> {
        let found = self.read_summaries("WHERE id = ?", params![id])?;
        found.into_iter().next().ok_or_else(|| not_found("summary", id))
    }

    fn confirm(&self, id: &str) -> Result<()> {
        let update = "UPDATE sigil_summary SET status = 'committed'
                      WHERE id = ? AND status = 'pending'";
        self.access.with(|store| {
            let db = store.database();
            db.atomically(|| {
                if db.execute(update, params![id])?.changes > 0 {
                    return Ok(());
                }
                let sql = "SELECT status FROM sigil_summary WHERE id = ?";
                let status = read_one(db, TABLE, sql, params![id], |row| row.text())?;
                let status = status.ok_or_else(|| not_found("summary", id))?;
                Err(Error::new(
                    ErrorKind::Conflict,
                    format!("the summary '{}': expected status pending, got {status}", shown(id)),
                ))
            })
        })
    }

    fn delete(&self, id: &str) -> Result<bool> {
        let sql = "DELETE FROM sigil_summary WHERE id = ?";
        self.write(|store| Ok(store.database().execute(sql, params![id])?.changes > 0))
    }

    fn range(&self, range: &TimeRange) -> Result<Vec<Summary>> {
        let from = range.from.map_or_else(String::new, |from| from.to_string());
        // Behind every time there is.
        let to = range.to.map_or_else(|| "~".to_owned(), |to| to.to_string());
        let rest = "WHERE status = 'committed' AND from_time >= ? AND to_time <= ?
                    ORDER BY from_time, seq";
        self.read_summaries(rest, params![from, to])
    }

    fn latest(&self, n: i64) -> Result<Vec<Summary>> {
        let rest = "WHERE status = 'committed' ORDER BY created_at DESC, seq DESC LIMIT ?";
        self.read_summaries(rest, params![n])
    }

    fn pending(&self) -> Result<Vec<Summary>> {
        self.read_summaries("WHERE status = 'pending' ORDER BY created_at, seq", ())
    }
}
