//! Deleting what is to be forgotten.

use std::collections::HashSet;

use super::message::ids_of_session;
use super::rows::read_all;
use super::{SqlWorkspace, StoreAccess, summary};
use crate::collection::Collection;
use crate::engine::Database;
use crate::error::Result;
use crate::forget::{Forget, Forgotten};
use crate::params;
use crate::store::Store;
use crate::stores::{Summary, check_id, not_found};

/// Deletes what is to be forgotten, inside a transaction.
pub(super) fn forget<A: StoreAccess>(
    workspace: &SqlWorkspace<A>,
    store: &Store,
    what: &Forget,
) -> Result<Forgotten> {
    if let Forget::Session(id) | Forget::User(id) = what {
        // Facts and vectors that name nobody are not nobody's to be forgotten.
        check_id("the id of what is to be forgotten", id)?;
    }
    let deletion = Deletion { db: store.database(), vectors: workspace.memory_in(store) };
    match what {
        Forget::Workspace => deletion.everything(),
        Forget::Session(id) => deletion.session(id),
        Forget::User(id) => deletion.user(id),
    }
}

struct Deletion<'a> {
    db: &'a Database,
    vectors: Collection<'a>,
}

impl Deletion<'_> {
    fn delete(&self, sql: &str, params: impl Into<crate::Params>) -> Result<i64> {
        Ok(self.db.execute(sql, params)?.changes)
    }

    fn count(&self, table: &str) -> Result<i64> {
        let rows = self.db.query(&format!("SELECT count(*) FROM {table}"), ())?;
        Ok(rows.single()?.as_i64().unwrap_or(0))
    }

    fn everything(&self) -> Result<Forgotten> {
        let transcript = self.count("sigil_transcript")?;
        let entities = self.count("sigil_entity WHERE type IS NOT NULL")?;
        // Relationships before the entities they refer to.
        let relationships = self.delete("DELETE FROM sigil_relationship", ())?;
        self.delete("DELETE FROM sigil_entity", ())?;
        Ok(Forgotten {
            transcript,
            entities,
            relationships,
            sessions: self.delete("DELETE FROM sigil_session", ())?,
            messages: self.delete("DELETE FROM sigil_message", ())?,
            summaries: self.delete("DELETE FROM sigil_summary", ())?,
            facts: self.delete("DELETE FROM sigil_fact", ())?,
            vectors: self.delete(&format!("DELETE FROM {}", self.vectors.info().table()), ())?,
        })
    }

    fn user(&self, id: &str) -> Result<Forgotten> {
        let sql = "SELECT id FROM sigil_session WHERE user_id = ?";
        let sessions = read_all(self.db, "sigil_session", sql, params![id], |row| row.text())?;
        let mut forgotten = self.sessions(&sessions)?;
        forgotten.facts += self.delete("DELETE FROM sigil_fact WHERE source = ?", params![id])?;
        forgotten.vectors += self.vectors_of(&["user_id", "userId"], id)?;
        Ok(forgotten)
    }

    fn session(&self, id: &str) -> Result<Forgotten> {
        let forgotten = self.sessions(&[id.to_owned()])?;
        if forgotten.sessions == 0 && forgotten.messages == 0 {
            return Err(not_found("session", id));
        }
        Ok(forgotten)
    }

    fn sessions(&self, sessions: &[String]) -> Result<Forgotten> {
        let mut forgotten = Forgotten::default();
        let mut messages = HashSet::new();
        for id in sessions {
            messages.extend(ids_of_session(self.db, id)?);
            forgotten.vectors += self.vectors_of(&["session_id", "sessionId"], id)?;
        }
        for summary in self.summaries_of(sessions, &messages)? {
            forgotten.facts += self.facts_of_summary(&summary)?;
            forgotten.vectors += self.vector(&summary)?;
            let sql = "DELETE FROM sigil_summary WHERE id = ?";
            forgotten.summaries += self.delete(sql, params![summary])?;
        }
        for id in messages.iter().chain(sessions) {
            forgotten.facts +=
                self.delete("DELETE FROM sigil_fact WHERE source = ?", params![id])?;
            forgotten.vectors += self.vector(id)?;
        }
        for id in sessions {
            let sql = "DELETE FROM sigil_transcript
                       WHERE session = (SELECT seq FROM sigil_session WHERE id = ?)";
            forgotten.transcript += self.delete(sql, params![id])?;
            let sql = "DELETE FROM sigil_message WHERE session_id = ?";
            forgotten.messages += self.delete(sql, params![id])?;
            let sql = "DELETE FROM sigil_session WHERE id = ?";
            forgotten.sessions += self.delete(sql, params![id])?;
        }
        Ok(forgotten)
    }

    /// The summaries that cover one of the sessions, or one of the messages.
    fn summaries_of(&self, sessions: &[String], messages: &HashSet<String>) -> Result<Vec<String>> {
        let covers = |summary: &Summary| {
            summary.session_ids.iter().any(|id| sessions.contains(id))
                || summary.message_ids.iter().any(|id| messages.contains(id))
        };
        let sql = format!("SELECT {} FROM sigil_summary", summary::COLUMNS);
        let all = read_all(self.db, "sigil_summary", &sql, (), summary::read)?;
        Ok(all.into_iter().filter(covers).map(|summary| summary.id).collect())
    }

    /// Deletes the facts that were extracted together with a summary.
    fn facts_of_summary(&self, summary: &str) -> Result<i64> {
        let prefix = crate::compact::fact_id_prefix(summary);
        // Every id with this prefix, and no other, lies before the prefix with its last byte
        // raised by one.
        let end = crate::compact::fact_id_prefix_end(summary);
        self.delete("DELETE FROM sigil_fact WHERE id >= ? AND id < ?", params![prefix, end])
    }

    fn vector(&self, id: &str) -> Result<i64> {
        Ok(i64::try_from(self.vectors.delete([id])?).unwrap_or(0))
    }

    /// Deletes the vectors whose metadata have `id` under one of the `keys`.
    fn vectors_of(&self, keys: &[&str], id: &str) -> Result<i64> {
        let table = self.vectors.info().table();
        let mut deleted = 0;
        for key in keys {
            let sql = format!("DELETE FROM {table} WHERE json_extract(metadata, '$.{key}') = ?");
            deleted += self.delete(&sql, params![id])?;
        }
        Ok(deleted)
    }
}
