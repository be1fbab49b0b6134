//! The tables of the stores, as ordered lists of migrations: one for a workspace, one for a
//! gateway. A store may hold neither, either or both.
//!
//! Times are fixed-width RFC 3339 text, so their order as text is their order in time. `seq` is the
//! order of storing, and breaks ties. Ids are text and unique; rows refer to each other by `seq`.

use crate::engine::Database;
use crate::error::{Error, ErrorKind, Result};
use crate::params;
use crate::stores::shown;

const WORKSPACE: &[&str] = &[
    // 1: sessions, messages, summaries and knowledge. The vectors are a collection.
    "CREATE TABLE sigil_session (
       seq INTEGER PRIMARY KEY,
       id TEXT NOT NULL UNIQUE,
       user_id TEXT NOT NULL,
       summary TEXT NOT NULL,
       last_compaction TEXT,
       model_override TEXT NOT NULL,
       status TEXT NOT NULL,
       tool_max_per_turn INTEGER NOT NULL,
       tool_max_per_session INTEGER NOT NULL,
       tool_used INTEGER NOT NULL,
       token_session_max INTEGER NOT NULL,
       token_session_used INTEGER NOT NULL,
       token_hour_max INTEGER NOT NULL,
       token_hour_used INTEGER NOT NULL,
       token_day_max INTEGER NOT NULL,
       token_day_used INTEGER NOT NULL,
       created_at TEXT NOT NULL,
       updated_at TEXT NOT NULL
     );
     CREATE INDEX sigil_session_created ON sigil_session (created_at);
     CREATE INDEX sigil_session_user ON sigil_session (user_id, created_at);
     CREATE TABLE sigil_transcript (
       seq INTEGER PRIMARY KEY,
       session INTEGER NOT NULL REFERENCES sigil_session (seq) ON DELETE CASCADE,
       id TEXT NOT NULL UNIQUE,
       role TEXT NOT NULL,
       content TEXT NOT NULL,
       tool_call_id TEXT NOT NULL DEFAULT '',
       tool_name TEXT NOT NULL DEFAULT '',
       origin TEXT,
       threat TEXT,
       metadata TEXT,
       created_at TEXT NOT NULL
     );
     CREATE INDEX sigil_transcript_session ON sigil_transcript (session, created_at);
     CREATE TABLE sigil_message (
       seq INTEGER PRIMARY KEY,
       session_id TEXT NOT NULL,
       id TEXT NOT NULL UNIQUE,
       role TEXT NOT NULL,
       content TEXT NOT NULL,
       tool_call_id TEXT NOT NULL DEFAULT '',
       tool_name TEXT NOT NULL DEFAULT '',
       origin TEXT,
       threat TEXT,
       metadata TEXT,
       created_at TEXT NOT NULL
     );
     CREATE INDEX sigil_message_created ON sigil_message (created_at);
     CREATE TRIGGER sigil_message_delete AFTER DELETE ON sigil_message BEGIN
       INSERT INTO sigil_change (source, key) VALUES (-1, OLD.seq);
     END;
     CREATE TRIGGER sigil_message_update AFTER UPDATE ON sigil_message BEGIN
       INSERT INTO sigil_change (source, key) VALUES (-1, OLD.seq), (-1, NEW.seq);
     END;
     CREATE TABLE sigil_summary (
       seq INTEGER PRIMARY KEY,
       id TEXT NOT NULL UNIQUE,
       from_time TEXT NOT NULL,
       to_time TEXT NOT NULL,
       content TEXT NOT NULL,
       message_ids TEXT NOT NULL,
       session_ids TEXT NOT NULL,
       status TEXT NOT NULL,
       created_at TEXT NOT NULL
     );
     CREATE INDEX sigil_summary_time ON sigil_summary (from_time);
     CREATE INDEX sigil_summary_created ON sigil_summary (created_at);
     CREATE TABLE sigil_entity (
       seq INTEGER PRIMARY KEY,
       id TEXT NOT NULL UNIQUE,
       type TEXT,
       name TEXT NOT NULL DEFAULT '',
       properties TEXT,
       created_at TEXT NOT NULL DEFAULT '',
       updated_at TEXT NOT NULL DEFAULT ''
     );
     CREATE INDEX sigil_entity_type ON sigil_entity (type, created_at);
     CREATE INDEX sigil_entity_created ON sigil_entity (created_at);
     CREATE TABLE sigil_relationship (
       seq INTEGER PRIMARY KEY,
       id TEXT NOT NULL UNIQUE,
       from_entity INTEGER NOT NULL REFERENCES sigil_entity (seq),
       to_entity INTEGER NOT NULL REFERENCES sigil_entity (seq),
       type TEXT NOT NULL,
       metadata TEXT,
       created_at TEXT NOT NULL,
       UNIQUE (from_entity, to_entity, type)
     );
     CREATE INDEX sigil_relationship_to ON sigil_relationship (to_entity, from_entity, type);
     CREATE TRIGGER sigil_relationship_delete AFTER DELETE ON sigil_relationship BEGIN
       INSERT INTO sigil_change (source, key) VALUES (-2, OLD.seq);
     END;
     CREATE TRIGGER sigil_relationship_update
       AFTER UPDATE OF seq, from_entity, to_entity, type ON sigil_relationship BEGIN
       INSERT INTO sigil_change (source, key) VALUES (-2, OLD.seq), (-2, NEW.seq);
     END;
     CREATE TABLE sigil_fact (
       seq INTEGER PRIMARY KEY,
       id TEXT NOT NULL UNIQUE,
       entity_id TEXT NOT NULL,
       predicate TEXT NOT NULL,
       value TEXT NOT NULL,
       confidence REAL NOT NULL,
       source TEXT NOT NULL,
       created_at TEXT NOT NULL,
       UNIQUE (entity_id, predicate, value)
     );
     CREATE INDEX sigil_fact_source ON sigil_fact (source);
     CREATE INDEX sigil_fact_created ON sigil_fact (created_at);",
    // 2: what text indexes of summaries and facts have to learn of.
    "CREATE TRIGGER sigil_summary_delete AFTER DELETE ON sigil_summary BEGIN
       INSERT INTO sigil_change (source, key) VALUES (-3, OLD.seq);
     END;
     CREATE TRIGGER sigil_summary_update AFTER UPDATE ON sigil_summary BEGIN
       INSERT INTO sigil_change (source, key) VALUES (-3, OLD.seq), (-3, NEW.seq);
     END;
     CREATE TRIGGER sigil_fact_delete AFTER DELETE ON sigil_fact BEGIN
       INSERT INTO sigil_change (source, key) VALUES (-4, OLD.seq);
     END;
     CREATE TRIGGER sigil_fact_update AFTER UPDATE ON sigil_fact BEGIN
       INSERT INTO sigil_change (source, key) VALUES (-4, OLD.seq), (-4, NEW.seq);
     END;",
];

const GATEWAY: &[&str] = &[
    // 1: users, pairings and the audit log.
    "CREATE TABLE sigil_user (
       seq INTEGER PRIMARY KEY,
       id TEXT NOT NULL UNIQUE,
       name TEXT NOT NULL,
       role TEXT NOT NULL,
       created_at TEXT NOT NULL,
       updated_at TEXT NOT NULL
     );
     CREATE INDEX sigil_user_created ON sigil_user (created_at);
     CREATE TABLE sigil_identity (
       seq INTEGER PRIMARY KEY,
       user INTEGER NOT NULL REFERENCES sigil_user (seq) ON DELETE CASCADE,
       platform TEXT NOT NULL,
       platform_user_id TEXT NOT NULL,
       display_name TEXT NOT NULL,
       UNIQUE (platform, platform_user_id)
     );
     CREATE INDEX sigil_identity_user ON sigil_identity (user, platform, platform_user_id);
     CREATE TABLE sigil_pairing (
       seq INTEGER PRIMARY KEY,
       id TEXT NOT NULL UNIQUE,
       user INTEGER NOT NULL REFERENCES sigil_user (seq) ON DELETE CASCADE,
       channel_type TEXT NOT NULL,
       channel_id TEXT NOT NULL,
       workspace_id TEXT NOT NULL,
       status TEXT NOT NULL,
       created_at TEXT NOT NULL,
       UNIQUE (channel_type, channel_id)
     );
     CREATE INDEX sigil_pairing_user ON sigil_pairing (user, created_at);
     CREATE TABLE sigil_audit (
       seq INTEGER PRIMARY KEY,
       id TEXT NOT NULL UNIQUE,
       timestamp TEXT NOT NULL,
       action TEXT NOT NULL,
       actor TEXT NOT NULL,
       plugin TEXT NOT NULL,
       workspace_id TEXT NOT NULL,
       session_id TEXT NOT NULL,
       details TEXT,
       result TEXT NOT NULL
     );
     CREATE INDEX sigil_audit_timestamp ON sigil_audit (timestamp);
     CREATE INDEX sigil_audit_action ON sigil_audit (action, timestamp);
     CREATE INDEX sigil_audit_actor ON sigil_audit (actor, timestamp);",
];

/// The source of changes to `sigil_message` in the change sequence; those of vector collections
/// are positive. New rows are not logged, since they have the highest numbers.
pub(super) const MESSAGE_SOURCE: i64 = -1;

/// The source of changes to `sigil_relationship`.
pub(super) const RELATIONSHIP_SOURCE: i64 = -2;

/// The source of changes to `sigil_summary`.
pub(super) const SUMMARY_SOURCE: i64 = -3;

/// The source of changes to `sigil_fact`.
pub(super) const FACT_SOURCE: i64 = -4;

/// The id of the workspace that a store holds, if it holds one.
pub(super) fn workspace_id(db: &Database) -> Result<Option<String>> {
    Ok(meta(db, "workspace")?.and_then(|id| id.as_str().map(str::to_owned)))
}

/// Makes or upgrades the tables of a workspace, inside a transaction, and checks whose they are.
pub(super) fn open_workspace(tx: &Database, id: &str) -> Result<()> {
    match meta(tx, "workspace")? {
        Some(found) if found.as_str() == Some(id) => {}
        Some(found) => {
            let found = found.as_str().unwrap_or_default();
            return Err(Error::new(
                ErrorKind::Conflict,
                format!(
                    "the store holds the workspace '{}', not '{}': open it by its own id, or \
                     another store",
                    shown(found),
                    shown(id)
                ),
            ));
        }
        None => put_meta(tx, "workspace", id)?,
    }
    upgrade(tx, "workspace_version", WORKSPACE)
}

/// Makes or upgrades the tables of a gateway, inside a transaction.
pub(super) fn open_gateway(tx: &Database) -> Result<()> {
    upgrade(tx, "gateway_version", GATEWAY)
}

fn upgrade(tx: &Database, key: &str, migrations: &[&str]) -> Result<()> {
    let version = match meta(tx, key)? {
        None => 0,
        Some(version) => {
            version.as_i64().and_then(|version| usize::try_from(version).ok()).ok_or_else(|| {
                Error::corrupt(format!(
                    "the store's own table sigil_meta has no valid '{key}': restore it from an \
                     export"
                ))
            })?
        }
    };
    if version > migrations.len() {
        return Err(Error::new(
            ErrorKind::NewerFormat,
            format!(
                "the store has {key} {version}, this library knows up to {}: use a newer version \
                 of the library",
                migrations.len()
            ),
        ));
    }
    if version == migrations.len() {
        return Ok(());
    }
    for migration in &migrations[version..] {
        tx.execute_batch(migration)?;
    }
    put_meta(tx, key, i64::try_from(migrations.len()).unwrap_or(i64::MAX))
}

fn meta(tx: &Database, key: &str) -> Result<Option<crate::Value>> {
    let rows = tx.query("SELECT value FROM sigil_meta WHERE key = ?", params![key])?;
    rows.into_iter().next().map(|row| row.get(0).cloned()).transpose()
}

fn put_meta(tx: &Database, key: &str, value: impl Into<crate::Value>) -> Result<()> {
    let sql = "INSERT INTO sigil_meta (key, value) VALUES (?, ?)
               ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    tx.execute(sql, params![key, value.into()]).map(drop)
}
