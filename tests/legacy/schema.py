"""The schemas of the data directories that `sigil migrate` reads, as their program creates them.

`OLD` leaves out the columns that came later; `ALTERED` adds them to a table that has rows, which
is where records are shorter than their table.
"""

SESSIONS = """
CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    summary TEXT DEFAULT '',
    last_compaction TEXT DEFAULT '',
    model_override TEXT DEFAULT '',
    tool_budget_max_calls_per_turn INTEGER DEFAULT 0,
    tool_budget_max_calls_per_session INTEGER DEFAULT 0,
    tool_budget_used INTEGER DEFAULT 0,
    token_budget_per_session_limit INTEGER DEFAULT 0,
    token_budget_per_hour_limit INTEGER DEFAULT 0,
    token_budget_per_day_limit INTEGER DEFAULT 0,
    token_budget_used_session INTEGER DEFAULT 0,
    token_budget_used_hour INTEGER DEFAULT 0,
    token_budget_used_day INTEGER DEFAULT 0,
    status TEXT DEFAULT 'active',
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_sessions_workspace ON sessions(workspace_id);
CREATE TABLE IF NOT EXISTS messages (
    id TEXT PRIMARY KEY,
    session_id TEXT NOT NULL,
    role TEXT NOT NULL,
    content TEXT DEFAULT '',
    tool_call_id TEXT DEFAULT '',
    tool_name TEXT DEFAULT '',
    {origin_and_threat}created_at TEXT NOT NULL,
    metadata TEXT DEFAULT '{{}}',
    FOREIGN KEY (session_id) REFERENCES sessions(id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS idx_messages_session ON messages(session_id, created_at);
"""

MEMORY = """
CREATE TABLE IF NOT EXISTS memory_messages (
    rowid INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT UNIQUE NOT NULL,
    workspace_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    role TEXT NOT NULL,
    content TEXT DEFAULT '',
    tool_call_id TEXT DEFAULT '',
    tool_name TEXT DEFAULT '',
    {origin_and_threat}created_at TEXT NOT NULL,
    metadata TEXT DEFAULT '{{}}'
);
CREATE INDEX IF NOT EXISTS idx_memory_workspace ON memory_messages(workspace_id);
CREATE INDEX IF NOT EXISTS idx_memory_created ON memory_messages(workspace_id, created_at);
CREATE VIRTUAL TABLE IF NOT EXISTS memory_messages_fts USING fts5(
    content, content='memory_messages', content_rowid='rowid'
);
CREATE TRIGGER IF NOT EXISTS memory_messages_ai AFTER INSERT ON memory_messages BEGIN
    INSERT INTO memory_messages_fts(rowid, content) VALUES (new.rowid, new.content);
END;
CREATE TRIGGER IF NOT EXISTS memory_messages_ad AFTER DELETE ON memory_messages BEGIN
    INSERT INTO memory_messages_fts(memory_messages_fts, rowid, content)
        VALUES ('delete', old.rowid, old.content);
END;
CREATE TRIGGER IF NOT EXISTS memory_messages_au AFTER UPDATE ON memory_messages BEGIN
    INSERT INTO memory_messages_fts(memory_messages_fts, rowid, content)
        VALUES ('delete', old.rowid, old.content);
    INSERT INTO memory_messages_fts(rowid, content) VALUES (new.rowid, new.content);
END;
CREATE TABLE IF NOT EXISTS summaries (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL,
    from_time TEXT NOT NULL,
    to_time TEXT NOT NULL,
    content TEXT DEFAULT '',
    message_ids TEXT DEFAULT '[]',
    {status}created_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_summaries_workspace ON summaries(workspace_id);
CREATE INDEX IF NOT EXISTS idx_summaries_range ON summaries(workspace_id, from_time, to_time);
CREATE INDEX IF NOT EXISTS idx_summaries_created ON summaries(workspace_id, created_at);
"""

KNOWLEDGE = """
CREATE TABLE IF NOT EXISTS triples (
    subject TEXT NOT NULL,
    predicate TEXT NOT NULL,
    object TEXT NOT NULL,
    workspace TEXT NOT NULL,
    metadata TEXT,
    created TEXT NOT NULL,
    UNIQUE(workspace, subject, predicate, object)
);
CREATE INDEX IF NOT EXISTS idx_spo ON triples(workspace, subject, predicate, object);
CREATE INDEX IF NOT EXISTS idx_pos ON triples(workspace, predicate, object, subject);
CREATE INDEX IF NOT EXISTS idx_osp ON triples(workspace, object, subject, predicate);
"""

VECTORS = """
CREATE VIRTUAL TABLE IF NOT EXISTS vectors USING vec0(
    id TEXT PRIMARY KEY,
    embedding float32[{dimensions}]
);
CREATE TABLE IF NOT EXISTS vector_metadata (
    id TEXT PRIMARY KEY,
    metadata TEXT DEFAULT '{{}}'
);
"""

GATEWAY = """
CREATE TABLE IF NOT EXISTS users (
    id TEXT PRIMARY KEY,
    name TEXT DEFAULT '',
    role TEXT DEFAULT '',
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS user_identities (
    user_id TEXT NOT NULL,
    platform TEXT NOT NULL,
    platform_user_id TEXT NOT NULL,
    display_name TEXT DEFAULT '',
    PRIMARY KEY (user_id, platform, platform_user_id),
    FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS idx_identities ON user_identities(platform, platform_user_id);
CREATE TABLE IF NOT EXISTS pairings (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    channel_type TEXT NOT NULL,
    channel_id TEXT NOT NULL,
    workspace_id TEXT DEFAULT '',
    status TEXT DEFAULT 'pending',
    created_at TEXT NOT NULL,
    UNIQUE (channel_type, channel_id),
    FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS idx_pairings_user ON pairings(user_id);
CREATE TABLE IF NOT EXISTS audit_log (
    id TEXT PRIMARY KEY,
    timestamp TEXT NOT NULL,
    action TEXT DEFAULT '',
    actor TEXT DEFAULT '',
    plugin TEXT DEFAULT '',
    workspace_id TEXT DEFAULT '',
    session_id TEXT DEFAULT '',
    details TEXT DEFAULT '{}',
    result TEXT DEFAULT ''
);
CREATE INDEX IF NOT EXISTS idx_audit_timestamp ON audit_log(timestamp);
CREATE INDEX IF NOT EXISTS idx_audit_action ON audit_log(action);
CREATE INDEX IF NOT EXISTS idx_audit_actor ON audit_log(actor);
"""

CURRENT, OLD, ALTERED = "current", "old", "altered"
VERSIONS = (CURRENT, OLD, ALTERED)

# file: the statements that add what came later.
LATER_COLUMNS = {
    "sessions.db": [
        "ALTER TABLE messages ADD COLUMN threat_info TEXT DEFAULT '{}'",
        "ALTER TABLE messages ADD COLUMN origin TEXT DEFAULT ''",
    ],
    "memory.db": [
        "ALTER TABLE memory_messages ADD COLUMN origin TEXT DEFAULT ''",
        "ALTER TABLE memory_messages ADD COLUMN threat_info TEXT DEFAULT '{}'",
        "ALTER TABLE summaries ADD COLUMN status TEXT DEFAULT 'committed'",
    ],
}

# file: its tables in the order of a dump.
TABLES = {
    "gateway.db": ["users", "user_identities", "pairings", "audit_log"],
    "sessions.db": ["sessions", "messages"],
    "memory.db": ["memory_messages", "summaries"],
    "knowledge.db": ["triples"],
    "vectors.db": ["vectors", "vector_metadata"],
}


def text(file, version, dimensions):
    """The statements that create `file`."""
    if file == "gateway.db":
        return GATEWAY
    if file == "knowledge.db":
        return KNOWLEDGE
    if file == "vectors.db":
        return VECTORS.format(dimensions=dimensions)
    later = {"origin_and_threat": "", "status": ""}
    if version == CURRENT:
        later = {
            "origin_and_threat": "origin TEXT DEFAULT '',\n    threat_info TEXT DEFAULT '{}',\n    ",
            "status": "status TEXT DEFAULT 'committed',\n    ",
        }
    return (SESSIONS if file == "sessions.db" else MEMORY).format(**later)
