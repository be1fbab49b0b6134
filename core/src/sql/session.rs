//! Sessions and their transcripts.

use super::message::{self, COLUMNS as MESSAGE_COLUMNS};
use super::rows::{Columns, Order, PageQuery, read_all, read_one};
use super::{SqlWorkspace, StoreAccess, explain};
use crate::error::{Error, ErrorKind, Result};
use crate::params;
use crate::stores::{
    Message, Page, Paging, Session, SessionQuery, SessionStatus, SessionStore, TokenBudget,
    TokenCount, ToolBudget, check_id, not_found, now, shown, taken,
};
use crate::time::Timestamp;
use crate::value::Value;

const TABLE: &str = "sigil_session";

const COLUMNS: &str = "id, user_id, summary, last_compaction, model_override, status,
    tool_max_per_turn, tool_max_per_session, tool_used, token_session_max, token_session_used,
    token_hour_max, token_hour_used, token_day_max, token_day_used, created_at, updated_at";

const INSERT: &str = "INSERT INTO sigil_session (id, user_id, summary, last_compaction,
    model_override, status, tool_max_per_turn, tool_max_per_session, tool_used, token_session_max,
    token_session_used, token_hour_max, token_hour_used, token_day_max, token_day_used, updated_at,
    created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

const UPDATE: &str = "UPDATE sigil_session SET id = ?1, user_id = ?2, summary = ?3,
    last_compaction = ?4, model_override = ?5, status = ?6, tool_max_per_turn = ?7,
    tool_max_per_session = ?8, tool_used = ?9, token_session_max = ?10, token_session_used = ?11,
    token_hour_max = ?12, token_hour_used = ?13, token_day_max = ?14, token_day_used = ?15,
    updated_at = ?16 WHERE id = ?1";

/// The newest first, because that is the end of the index; the caller turns them round.
const WINDOW: &str = "SELECT ?1, t.id, t.role, t.content, t.tool_call_id, t.tool_name, t.origin,
    t.threat, t.metadata, t.created_at
    FROM sigil_transcript t WHERE t.session = (SELECT seq FROM sigil_session WHERE id = ?1)
    ORDER BY t.created_at DESC, t.seq DESC LIMIT ?2";

/// The parameters of [`UPDATE`]; [`INSERT`] takes one more.
fn values(session: &Session, updated_at: Timestamp) -> Vec<Value> {
    let Session { tool_budget: tool, token_budget: token, .. } = session;
    params![
        &session.id,
        &session.user_id,
        &session.summary,
        session.last_compaction,
        &session.model_override,
        session.status.as_str(),
        tool.max_per_turn,
        tool.max_per_session,
        tool.used,
        token.session.max,
        token.session.used,
        token.hour.max,
        token.hour.used,
        token.day.max,
        token.day.used,
        updated_at,
    ]
    .into()
}

fn read(columns: &mut Columns<'_>, workspace: &str) -> Result<Session> {
    Ok(Session {
        workspace_id: workspace.to_owned(),
        id: columns.text()?,
        user_id: columns.text()?,
        summary: columns.text()?,
        last_compaction: columns.optional_time()?,
        model_override: columns.text()?,
        status: columns.parsed(SessionStatus::parse)?,
        tool_budget: ToolBudget {
            max_per_turn: columns.int()?,
            max_per_session: columns.int()?,
            used: columns.int()?,
        },
        token_budget: TokenBudget {
            session: TokenCount { max: columns.int()?, used: columns.int()? },
            hour: TokenCount { max: columns.int()?, used: columns.int()? },
            day: TokenCount { max: columns.int()?, used: columns.int()? },
        },
        created_at: columns.time()?,
        updated_at: columns.time()?,
    })
}

impl<A: StoreAccess> SqlWorkspace<A> {
    fn check_session(&self, session: &Session) -> Result<()> {
        session.validate()?;
        if *session.workspace_id != *self.id {
            return Err(Error::invalid(format!(
                "the session is of the workspace '{}', this one is '{}'",
                shown(&session.workspace_id),
                shown(&self.id)
            )));
        }
        Ok(())
    }
}

impl<A: StoreAccess> SessionStore for SqlWorkspace<A> {
    fn create(&self, session: &Session) -> Result<()> {
        self.check_session(session)?;
        let mut values = values(session, session.updated_at);
        values.push(session.created_at.into());
        self.access.with(|store| {
            let inserted = store.database().execute(INSERT, values);
            inserted.map(drop).map_err(|error| explain(error, || taken("session", &session.id)))
        })
    }

    fn get(&self, id: &str) -> Result<Session> {
        let sql = format!("SELECT {COLUMNS} FROM sigil_session WHERE id = ?");
        let found = self.access.with(|store| {
            read_one(store.database(), TABLE, &sql, params![id], |row| read(row, &self.id))
        })?;
        found.ok_or_else(|| not_found("session", id))
    }

    fn update(&self, session: &Session) -> Result<Timestamp> {
        self.check_session(session)?;
        let updated_at = now(&*self.host);
        let values = values(session, updated_at);
        let updated =
            self.access.with(|store| Ok(store.database().execute(UPDATE, values)?.changes))?;
        if updated == 0 {
            return Err(not_found("session", &session.id));
        }
        Ok(updated_at)
    }

    fn list(&self, query: &SessionQuery) -> Result<Page<Session>> {
        const LIMIT: i64 = 100;
        let mut list = PageQuery::new(COLUMNS, TABLE, "created_at", Order::NewestFirst);
        list.filter_some("user_id = ?", query.user_id.as_deref());
        list.filter_some("status = ?", query.status.map(SessionStatus::as_str));
        self.access.with(|store| {
            let read = |row: &mut Columns<'_>| read(row, &self.id);
            list.run(store.database(), TABLE, &query.paging, LIMIT, read, |it| it.created_at)
        })
    }

    fn delete(&self, id: &str) -> Result<()> {
        let sql = "DELETE FROM sigil_session WHERE id = ?";
        let deleted =
            self.access.with(|store| Ok(store.database().execute(sql, params![id])?.changes))?;
        if deleted == 0 {
            return Err(not_found("session", id));
        }
        Ok(())
    }

    fn append(&self, id: &str, message: &Message) -> Result<()> {
        check_id("the session's id", id)?;
        message.validate()?;
        let values = message::values(id, message)?;
        self.access.with(|store| {
            let inserted = store.database().execute(message::INSERT_TRANSCRIPT, values);
            inserted.map(drop).map_err(|error| match error.kind() {
                ErrorKind::ConstraintNotNull => not_found("session", id),
                ErrorKind::ConstraintUnique => taken("message", &message.id),
                _ => error,
            })
        })
    }

    fn active_window(&self, id: &str, n: i64) -> Result<Vec<Message>> {
        let params = params![id, n];
        let mut messages = self.access.with(|store| {
            read_all(store.database(), "sigil_transcript", WINDOW, params, message::read)
        })?;
        messages.reverse();
        Ok(messages)
    }

    fn history(&self, id: &str, paging: &Paging) -> Result<Page<Message>> {
        const LIMIT: i64 = 100;
        let mut list =
            PageQuery::new(MESSAGE_COLUMNS, "sigil_transcript", "created_at", Order::OldestFirst);
        list.filter("session = (SELECT seq FROM sigil_session WHERE id = ?)", id);
        self.access.with(|store| {
            let read = |row: &mut Columns<'_>| message::read_in(row, id);
            list.run(store.database(), "sigil_transcript", paging, LIMIT, read, |it| it.created_at)
        })
    }
}
