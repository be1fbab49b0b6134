//! The audit log: what was done, by whom, and how it ended.

use serde::{Deserialize, Serialize};

use super::{Page, Paging, TimeRange, check_id, check_text};
use crate::error::Result;
use crate::time::Timestamp;
use crate::vector::Metadata;

/// One thing that was done. Everything but id and time may be empty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuditEntry {
    /// Its id.
    pub id: String,
    /// When it was done.
    pub timestamp: Timestamp,
    /// What was done.
    #[serde(default)]
    pub action: String,
    /// Who did it.
    #[serde(default)]
    pub actor: String,
    /// Through which plugin.
    #[serde(default)]
    pub plugin: String,
    /// In which workspace.
    #[serde(default)]
    pub workspace_id: String,
    /// In which session.
    #[serde(default)]
    pub session_id: String,
    /// Whatever else there is to say.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub details: Metadata,
    /// How it ended.
    #[serde(default)]
    pub result: String,
}

impl AuditEntry {
    /// An entry of an action by an actor.
    pub fn new(
        id: impl Into<String>,
        timestamp: Timestamp,
        action: impl Into<String>,
        actor: impl Into<String>,
    ) -> AuditEntry {
        AuditEntry {
            id: id.into(),
            timestamp,
            action: action.into(),
            actor: actor.into(),
            plugin: String::new(),
            workspace_id: String::new(),
            session_id: String::new(),
            details: Metadata::new(),
            result: String::new(),
        }
    }

    /// Checks the rules that a stored entry keeps.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) or [`Limit`](crate::ErrorKind::Limit),
    /// naming the field.
    pub fn validate(&self) -> Result<()> {
        check_id("the audit entry's id", &self.id)?;
        for (what, text) in [
            ("the audit entry's action", &self.action),
            ("the audit entry's actor", &self.actor),
            ("the audit entry's plugin", &self.plugin),
            ("the audit entry's workspace id", &self.workspace_id),
            ("the audit entry's session id", &self.session_id),
            ("the audit entry's result", &self.result),
        ] {
            check_text(what, text)?;
        }
        Ok(())
    }
}

/// Which entries are wanted; everything that is set must match.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AuditQuery {
    /// Only this action.
    pub action: Option<String>,
    /// Only this actor.
    pub actor: Option<String>,
    /// Only this plugin.
    pub plugin: Option<String>,
    /// Only this workspace.
    pub workspace_id: Option<String>,
    /// Only this session.
    pub session_id: Option<String>,
    /// Only this stretch of time, whose end does not belong to it.
    #[serde(flatten)]
    pub range: TimeRange,
    /// Which part of the list; 1,000 by default.
    #[serde(flatten)]
    pub paging: Paging,
}

/// The audit log of one gateway. Entries are added and never changed.
pub trait AuditStore {
    /// Adds an entry.
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) when the id is taken;
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) and [`Limit`](crate::ErrorKind::Limit).
    fn append(&self, entry: &AuditEntry) -> Result<()>;

    /// The entries that match, oldest first.
    ///
    /// # Errors
    /// Storage kinds.
    fn query(&self, query: &AuditQuery) -> Result<Page<AuditEntry>>;
}
