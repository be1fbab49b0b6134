//! The gateway's file: the audit log.

use std::path::Path;

use rusqlite::{Connection, params};

use super::{open, rows, schema};
use crate::error::Result;
use crate::model::AuditEntry;

/// What is kept beside the workspaces.
#[derive(Debug)]
pub struct Gateway {
    connection: Connection,
}

impl Gateway {
    /// Opens or creates the gateway's file.
    ///
    /// # Errors
    ///
    /// If it cannot be opened.
    pub fn open(path: &Path) -> Result<Gateway> {
        let connection = open(path)?;
        schema::create_gateway(&connection)?;
        Ok(Gateway { connection })
    }

    /// Adds an entry to the audit log.
    ///
    /// # Errors
    ///
    /// If the id is taken, or the database fails.
    pub fn append_audit(&self, entry: &AuditEntry) -> Result<()> {
        self.connection
            .prepare_cached(
                "INSERT INTO audit_log (id, timestamp, action, actor, plugin, workspace_id,
                   session_id, details, result)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                entry.id,
                rows::text_of_time(entry.timestamp),
                entry.action,
                entry.actor,
                entry.plugin,
                entry.workspace_id,
                entry.session_id,
                serde_json::to_string(&entry.details)?,
                entry.result,
            ])?;
        Ok(())
    }

    /// The connection, for SQL of one's own.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }
}
