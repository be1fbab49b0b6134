//! Messages, of transcripts and of the searchable memory alike, and the store of the latter.

use super::rows::{Columns, Order, PageQuery, delete_each, json_value, read_all, read_one};
use super::{SqlWorkspace, StoreAccess, explain};
use crate::engine::Database;
use crate::error::{Error, Result};
use crate::params;
use crate::stores::{
    Message, MessageStore, Origin, Page, Paging, Role, ThreatInfo, TimeRange, not_found, taken,
};
use crate::value::Value;

pub(super) const TABLE: &str = "sigil_message";

/// The columns that transcripts and messages share, as [`read_in`] takes them.
pub(super) const COLUMNS: &str =
    "id, role, content, tool_call_id, tool_name, origin, threat, metadata, created_at";

/// The columns of a message, as [`read`] takes them.
pub(super) const WITH_SESSION: &str = "session_id, id, role, content, tool_call_id, tool_name,
    origin, threat, metadata, created_at";

const INSERT: &str = "INSERT INTO sigil_message (session_id, id, role, content, tool_call_id,
    tool_name, origin, threat, metadata, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// Fails with NULL where it is not allowed when there is no such session.
pub(super) const INSERT_TRANSCRIPT: &str = "INSERT INTO sigil_transcript (session, id, role,
    content, tool_call_id, tool_name, origin, threat, metadata, created_at)
    VALUES ((SELECT seq FROM sigil_session WHERE id = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// The parameters of both inserts.
pub(super) fn values(session_id: &str, message: &Message) -> Result<Vec<Value>> {
    let threat = message.threat.as_ref().map(json_value).transpose()?;
    let metadata = match message.metadata.is_empty() {
        true => Value::Null,
        false => json_value(&message.metadata)?,
    };
    Ok(params![
        session_id,
        &message.id,
        message.role.as_str(),
        &message.content,
        &message.tool_call_id,
        &message.tool_name,
        message.origin.map(Origin::as_str),
        threat,
        metadata,
        message.created_at,
    ]
    .into())
}

/// Reads the columns [`WITH_SESSION`].
pub(super) fn read(columns: &mut Columns<'_>) -> Result<Message> {
    let session_id = columns.str()?;
    read_in(columns, session_id)
}

/// Reads the columns [`COLUMNS`] of a message of this session.
pub(super) fn read_in(columns: &mut Columns<'_>, session_id: &str) -> Result<Message> {
    Ok(Message {
        session_id: session_id.to_owned(),
        id: columns.text()?,
        role: columns.parsed(Role::parse)?,
        content: columns.text()?,
        tool_call_id: columns.text()?,
        tool_name: columns.text()?,
        origin: columns.optional_parsed(Origin::parse)?,
        threat: columns.json::<ThreatInfo>()?,
        metadata: columns.json()?.unwrap_or_default(),
        created_at: columns.time()?,
    })
}

fn insert(db: &Database, message: &Message) -> Result<()> {
    let inserted = db.execute(INSERT, values(&message.session_id, message)?);
    inserted.map(drop).map_err(|error| explain(error, || taken("message", &message.id)))
}

/// All messages of a session's transcript and of the memory that belong to it, by id.
pub(super) fn ids_of_session(db: &Database, session_id: &str) -> Result<Vec<String>> {
    let sql = "SELECT id FROM sigil_transcript
                 WHERE session = (SELECT seq FROM sigil_session WHERE id = ?1)
               UNION SELECT id FROM sigil_message WHERE session_id = ?1";
    read_all(db, TABLE, sql, params![session_id], |row| row.text())
}

impl<A: StoreAccess> MessageStore for SqlWorkspace<A> {
    fn append(&self, message: &Message) -> Result<()> {
        message.validate()?;
        self.write(|store| insert(store.database(), message))
    }

    fn append_many(&self, messages: &[Message]) -> Result<()> {
        messages.iter().try_for_each(Message::validate)?;
        if messages.is_empty() {
            return Ok(());
        }
        self.write(|store| {
            let db = store.database();
            db.atomically(|| messages.iter().try_for_each(|message| insert(db, message)))
        })
    }

    fn get(&self, id: &str) -> Result<Message> {
        let sql = format!("SELECT {WITH_SESSION} FROM sigil_message WHERE id = ?");
        let found =
            self.access.with(|store| read_one(store.database(), TABLE, &sql, params![id], read))?;
        found.ok_or_else(|| not_found("message", id))
    }

    fn search(&self, phrase: &str, paging: &Paging) -> Result<Page<Message>> {
        self.access.with(|store| super::search::search(store, &self.texts, phrase, paging))
    }

    fn range(&self, range: &TimeRange, paging: &Paging) -> Result<Page<Message>> {
        const UNLIMITED: i64 = -1;
        let mut list = PageQuery::new(WITH_SESSION, TABLE, "created_at", Order::OldestFirst);
        list.filter_some("created_at >= ?", range.from);
        list.filter_some("created_at < ?", range.to);
        self.access.with(|store| {
            list.run(store.database(), TABLE, paging, UNLIMITED, read, |message| message.created_at)
        })
    }

    fn oldest(&self, n: i64) -> Result<Vec<Message>> {
        if n <= 0 {
            return Err(Error::invalid(format!("{n} messages were asked for: ask for at least 1")));
        }
        let list = PageQuery::new(WITH_SESSION, TABLE, "created_at", Order::OldestFirst);
        let paging = Paging::limit(n);
        let page = self.access.with(|store| {
            list.run(store.database(), TABLE, &paging, n, read, |message| message.created_at)
        })?;
        Ok(page.items)
    }

    fn count(&self) -> Result<i64> {
        self.access.with(|store| {
            let rows = store.database().query("SELECT count(*) FROM sigil_message", ())?;
            Ok(rows.single()?.as_i64().unwrap_or(0))
        })
    }

    fn delete(&self, ids: &[&str]) -> Result<i64> {
        let sql = "DELETE FROM sigil_message WHERE id = ?";
        self.write(|store| delete_each(store.database(), sql, ids))
    }

    fn trim(&self, keep: i64) -> Result<i64> {
        if keep < 0 {
            return Ok(0);
        }
        let sql = "DELETE FROM sigil_message WHERE seq IN (SELECT seq FROM sigil_message
                   ORDER BY created_at DESC, seq DESC LIMIT -1 OFFSET ?)";
        self.write(|store| Ok(store.database().execute(sql, params![keep])?.changes))
    }
}
