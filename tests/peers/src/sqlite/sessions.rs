//! Sessions and the messages of their conversations.

use std::time::SystemTime;

use rusqlite::{Connection, named_params, params};

use super::rows::{self, MESSAGE};
use crate::error::{Error, Result};
use crate::model::{Message, Session, SessionStatus, TokenBudget, ToolBudget};

/// The sessions of a workspace.
#[derive(Debug, Clone, Copy)]
pub struct Sessions<'c>(pub(super) &'c Connection);

impl Sessions<'_> {
    /// Adds a session under a new id.
    ///
    /// # Errors
    ///
    /// If the id is taken, or the database fails.
    pub fn create(&self, session: &Session) -> Result<()> {
        self.0
            .prepare_cached(
                "INSERT INTO sessions (id, workspace_id, user_id, summary, last_compaction,
                   model_override, status, tool_max_per_turn, tool_max_per_session, tool_used,
                   token_max_session, token_max_hour, token_max_day, token_used_session,
                   token_used_hour, token_used_day, updated_at, created_at)
                 VALUES (:id, :workspace, :user, :summary, :compaction, :model, :status,
                   :tool_turn, :tool_session, :tool_used, :token_session, :token_hour,
                   :token_day, :used_session, :used_hour, :used_day, :updated, :created)",
            )
            .and_then(|mut insert| {
                insert.execute(named_params! {
                    ":id": session.id,
                    ":workspace": session.workspace_id,
                    ":user": session.user_id,
                    ":summary": session.summary,
                    ":compaction": session.last_compaction.map(rows::text_of_time).unwrap_or_default(),
                    ":model": session.model_override,
                    ":status": session.status.name(),
                    ":tool_turn": session.tool_budget.max_per_turn,
                    ":tool_session": session.tool_budget.max_per_session,
                    ":tool_used": session.tool_budget.used,
                    ":token_session": session.token_budget.max_session,
                    ":token_hour": session.token_budget.max_hour,
                    ":token_day": session.token_budget.max_day,
                    ":used_session": session.token_budget.used_session,
                    ":used_hour": session.token_budget.used_hour,
                    ":used_day": session.token_budget.used_day,
                    ":updated": rows::text_of_time(session.updated_at),
                    ":created": rows::text_of_time(session.created_at),
                })
            })?;
        Ok(())
    }

    /// The session of an id.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], or if the database fails.
    pub fn get(&self, id: &str) -> Result<Session> {
        let mut select = self.0.prepare_cached(
            "SELECT id, workspace_id, user_id, summary, last_compaction, model_override, status,
               tool_max_per_turn, tool_max_per_session, tool_used, token_max_session,
               token_max_hour, token_max_day, token_used_session, token_used_hour,
               token_used_day, created_at, updated_at
             FROM sessions WHERE id = ?1",
        )?;
        let mut found = select.query([id])?;
        let row = found.next()?.ok_or_else(|| Error::NotFound(format!("session {id:?}")))?;
        let compaction = rows::text(row, 4)?;
        Ok(Session {
            id: row.get(0)?,
            workspace_id: row.get(1)?,
            user_id: row.get(2)?,
            summary: row.get(3)?,
            last_compaction: if compaction.is_empty() {
                None
            } else {
                Some(rows::time_of_text(compaction)?)
            },
            model_override: row.get(5)?,
            status: rows::named(row, 6, SessionStatus::from_name)?,
            tool_budget: ToolBudget {
                max_per_turn: row.get(7)?,
                max_per_session: row.get(8)?,
                used: row.get(9)?,
            },
            token_budget: TokenBudget {
                max_session: row.get(10)?,
                max_hour: row.get(11)?,
                max_day: row.get(12)?,
                used_session: row.get(13)?,
                used_hour: row.get(14)?,
                used_day: row.get(15)?,
            },
            created_at: rows::time(row, 16)?,
            updated_at: rows::time(row, 17)?,
        })
    }

    /// Writes every field of a session but its id and when it began; the time of the update is now.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], or if the database fails.
    pub fn update(&self, session: &Session) -> Result<()> {
        let mut update = self.0.prepare_cached(
            "UPDATE sessions SET workspace_id = ?2, user_id = ?3, summary = ?4,
               last_compaction = ?5, model_override = ?6, status = ?7, tool_max_per_turn = ?8,
               tool_max_per_session = ?9, tool_used = ?10, token_max_session = ?11,
               token_max_hour = ?12, token_max_day = ?13, token_used_session = ?14,
               token_used_hour = ?15, token_used_day = ?16, updated_at = ?17
             WHERE id = ?1",
        )?;
        let updated = update.execute(params![
            session.id,
            session.workspace_id,
            session.user_id,
            session.summary,
            session.last_compaction.map(rows::text_of_time).unwrap_or_default(),
            session.model_override,
            session.status.name(),
            session.tool_budget.max_per_turn,
            session.tool_budget.max_per_session,
            session.tool_budget.used,
            session.token_budget.max_session,
            session.token_budget.max_hour,
            session.token_budget.max_day,
            session.token_budget.used_session,
            session.token_budget.used_hour,
            session.token_budget.used_day,
            rows::text_of_time(SystemTime::now()),
        ])?;
        if updated == 0 {
            return Err(Error::NotFound(format!("session {:?}", session.id)));
        }
        Ok(())
    }

    /// Adds a message to a session, whatever session the message names.
    ///
    /// # Errors
    ///
    /// If there is no such session, the message's id is taken, or the database fails.
    pub fn append_message(&self, session: &str, message: &Message) -> Result<()> {
        self.0
            .prepare_cached(
                "INSERT INTO session_messages (id, session_id, role, content, tool_call_id,
                   tool_name, origin, threat, created_at, metadata)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?
            .execute(params![
                message.id,
                session,
                message.role.name(),
                message.content,
                message.tool_call_id,
                message.tool_name,
                rows::origin_name(message.origin),
                rows::json(message.threat.as_ref())?,
                rows::text_of_time(message.created_at),
                rows::json(message.metadata.as_ref())?,
            ])?;
        Ok(())
    }

    /// The newest `limit` messages of a session, oldest first; none if there is no such session.
    ///
    /// # Errors
    ///
    /// If a row cannot be read, or the database fails.
    pub fn active_window(&self, session: &str, limit: usize) -> Result<Vec<Message>> {
        let mut select = self.0.prepare_cached(&format!(
            "SELECT {MESSAGE} FROM session_messages m WHERE m.session_id = ?1
             ORDER BY m.created_at DESC, m.seq DESC LIMIT ?2"
        ))?;
        let mut found = select.query(params![session, rows::count(limit)?])?;
        let mut window = Vec::with_capacity(limit.min(1_000));
        while let Some(row) = found.next()? {
            window.push(rows::message(row)?);
        }
        window.reverse();
        Ok(window)
    }
}
