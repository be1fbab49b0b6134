//! The tables of the old program, and the columns that are read of each.

pub(crate) const SESSIONS: &[&str] = &[
    "id",
    "workspace_id",
    "user_id",
    "summary",
    "last_compaction",
    "model_override",
    "tool_budget_max_calls_per_turn",
    "tool_budget_max_calls_per_session",
    "tool_budget_used",
    "token_budget_per_session_limit",
    "token_budget_per_hour_limit",
    "token_budget_per_day_limit",
    "token_budget_used_session",
    "token_budget_used_hour",
    "token_budget_used_day",
    "status",
    "created_at",
    "updated_at",
];

/// The columns of a message; the session stands second.
pub(crate) const MESSAGES: &[&str] = &[
    "id",
    "session_id",
    "role",
    "content",
    "tool_call_id",
    "tool_name",
    "origin",
    "threat_info",
    "created_at",
    "metadata",
];

pub(crate) const MEMORY_MESSAGES: &[&str] = &[
    "id",
    "session_id",
    "role",
    "content",
    "tool_call_id",
    "tool_name",
    "origin",
    "threat_info",
    "created_at",
    "metadata",
    "workspace_id",
];

pub(crate) const SUMMARIES: &[&str] = &[
    "id",
    "workspace_id",
    "from_time",
    "to_time",
    "content",
    "message_ids",
    "status",
    "created_at",
];

pub(crate) const TRIPLES: &[&str] =
    &["subject", "predicate", "object", "workspace", "metadata", "created"];

/// The columns of a vector's metadata: the id, then the JSON.
pub(crate) const VECTOR_METADATA: &[&str] = &["id", "metadata"];

pub(crate) const USERS: &[&str] = &["id", "name", "role", "created_at", "updated_at"];

pub(crate) const IDENTITIES: &[&str] = &["user_id", "platform", "platform_user_id", "display_name"];

pub(crate) const PAIRINGS: &[&str] =
    &["id", "user_id", "channel_type", "channel_id", "workspace_id", "status", "created_at"];

pub(crate) const AUDIT: &[&str] = &[
    "id",
    "timestamp",
    "action",
    "actor",
    "plugin",
    "workspace_id",
    "session_id",
    "details",
    "result",
];

type Tables = &'static [(&'static str, &'static [&'static str])];

pub(crate) const GATEWAY: Tables = &[
    ("users", USERS),
    ("user_identities", IDENTITIES),
    ("pairings", PAIRINGS),
    ("audit_log", AUDIT),
];
pub(crate) const SESSIONS_FILE: Tables = &[("sessions", SESSIONS), ("messages", MESSAGES)];
pub(crate) const MEMORY_FILE: Tables =
    &[("memory_messages", MEMORY_MESSAGES), ("summaries", SUMMARIES)];
pub(crate) const KNOWLEDGE_FILE: Tables = &[("triples", TRIPLES)];
pub(crate) const VECTORS_FILE: Tables = &[("vector_metadata", VECTOR_METADATA)];
