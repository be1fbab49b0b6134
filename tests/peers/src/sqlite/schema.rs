//! The tables. Times are text: RFC 3339, UTC, nine fraction digits, so that they sort.

use rusqlite::{Connection, OptionalExtension};

use crate::error::{Error, Result};

const WORKSPACE: &str = "
CREATE TABLE IF NOT EXISTS sessions (
  id TEXT PRIMARY KEY,
  workspace_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  summary TEXT NOT NULL DEFAULT '',
  last_compaction TEXT NOT NULL DEFAULT '',
  model_override TEXT NOT NULL DEFAULT '',
  status TEXT NOT NULL DEFAULT 'active',
  tool_max_per_turn INTEGER NOT NULL DEFAULT 0,
  tool_max_per_session INTEGER NOT NULL DEFAULT 0,
  tool_used INTEGER NOT NULL DEFAULT 0,
  token_max_session INTEGER NOT NULL DEFAULT 0,
  token_max_hour INTEGER NOT NULL DEFAULT 0,
  token_max_day INTEGER NOT NULL DEFAULT 0,
  token_used_session INTEGER NOT NULL DEFAULT 0,
  token_used_hour INTEGER NOT NULL DEFAULT 0,
  token_used_day INTEGER NOT NULL DEFAULT 0,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sessions_created ON sessions (created_at);

CREATE TABLE IF NOT EXISTS session_messages (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  role TEXT NOT NULL,
  content TEXT NOT NULL,
  tool_call_id TEXT NOT NULL,
  tool_name TEXT NOT NULL,
  origin TEXT NOT NULL,
  threat TEXT,
  created_at TEXT NOT NULL,
  metadata TEXT
);
CREATE INDEX IF NOT EXISTS session_messages_created ON session_messages (session_id, created_at);

CREATE TABLE IF NOT EXISTS messages (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  session_id TEXT NOT NULL,
  role TEXT NOT NULL,
  content TEXT NOT NULL,
  tool_call_id TEXT NOT NULL,
  tool_name TEXT NOT NULL,
  origin TEXT NOT NULL,
  threat TEXT,
  created_at TEXT NOT NULL,
  metadata TEXT
);
CREATE INDEX IF NOT EXISTS messages_created ON messages (created_at);
CREATE VIRTUAL TABLE IF NOT EXISTS messages_text
  USING fts5 (content, content = 'messages', content_rowid = 'seq');
CREATE TRIGGER IF NOT EXISTS messages_inserted AFTER INSERT ON messages BEGIN
  INSERT INTO messages_text (rowid, content) VALUES (new.seq, new.content);
END;
CREATE TRIGGER IF NOT EXISTS messages_deleted AFTER DELETE ON messages BEGIN
  INSERT INTO messages_text (messages_text, rowid, content) VALUES ('delete', old.seq, old.content);
END;
CREATE TRIGGER IF NOT EXISTS messages_updated AFTER UPDATE ON messages BEGIN
  INSERT INTO messages_text (messages_text, rowid, content) VALUES ('delete', old.seq, old.content);
  INSERT INTO messages_text (rowid, content) VALUES (new.seq, new.content);
END;

CREATE TABLE IF NOT EXISTS summaries (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  from_time TEXT NOT NULL,
  to_time TEXT NOT NULL,
  content TEXT NOT NULL,
  message_ids TEXT NOT NULL,
  status TEXT NOT NULL,
  created_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS summaries_range ON summaries (from_time, to_time);
CREATE INDEX IF NOT EXISTS summaries_created ON summaries (created_at);

-- Edges name their ends by number, which keeps them small. A relationship may end at an id of which
-- nothing else is known: that has a row without a type.
CREATE TABLE IF NOT EXISTS entities (
  key INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  type TEXT,
  name TEXT,
  properties TEXT,
  created_at TEXT,
  updated_at TEXT
);
CREATE INDEX IF NOT EXISTS entities_type ON entities (type);
CREATE INDEX IF NOT EXISTS entities_name ON entities (name);
CREATE TABLE IF NOT EXISTS relationships (
  from_key INTEGER NOT NULL REFERENCES entities (key),
  to_key INTEGER NOT NULL REFERENCES entities (key),
  type TEXT NOT NULL,
  id TEXT NOT NULL,
  metadata TEXT,
  created_at TEXT NOT NULL,
  PRIMARY KEY (from_key, to_key, type)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS relationships_out ON relationships (from_key, to_key);
CREATE INDEX IF NOT EXISTS relationships_in ON relationships (to_key, from_key);
CREATE TABLE IF NOT EXISTS facts (
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
CREATE INDEX IF NOT EXISTS facts_source ON facts (source);
CREATE INDEX IF NOT EXISTS facts_created ON facts (created_at);

CREATE TABLE IF NOT EXISTS vector_ids (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  metadata TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
";

const GATEWAY: &str = "
CREATE TABLE IF NOT EXISTS audit_log (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  timestamp TEXT NOT NULL,
  action TEXT NOT NULL,
  actor TEXT NOT NULL,
  plugin TEXT NOT NULL,
  workspace_id TEXT NOT NULL,
  session_id TEXT NOT NULL,
  details TEXT NOT NULL,
  result TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS audit_timestamp ON audit_log (timestamp);
CREATE INDEX IF NOT EXISTS audit_action ON audit_log (action);
CREATE INDEX IF NOT EXISTS audit_actor ON audit_log (actor);
";

/// Creates what a workspace's file lacks.
pub(super) fn create_workspace(connection: &Connection, dimensions: usize) -> Result<()> {
    connection.execute_batch(WORKSPACE)?;
    let wanted = i64::try_from(dimensions)
        .map_err(|_| Error::Input(format!("{dimensions} dimensions are too many")))?;
    let stored: Option<i64> = connection
        .query_row("SELECT value FROM settings WHERE name = 'dimensions'", [], |row| row.get(0))
        .optional()?;
    match stored {
        Some(stored) if stored == wanted => Ok(()),
        Some(stored) => Err(Error::Input(format!(
            "the workspace has vectors of {stored} dimensions, not {wanted}"
        ))),
        None => {
            connection.execute_batch(&format!(
                "BEGIN;
                 CREATE VIRTUAL TABLE vectors USING vec0 (seq INTEGER PRIMARY KEY, embedding float[{wanted}]);
                 INSERT INTO settings VALUES ('dimensions', {wanted});
                 COMMIT;"
            ))?;
            Ok(())
        }
    }
}

/// Creates what the gateway's file lacks.
pub(super) fn create_gateway(connection: &Connection) -> Result<()> {
    Ok(connection.execute_batch(GATEWAY)?)
}
