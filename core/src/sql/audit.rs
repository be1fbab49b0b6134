//! The audit log.

use super::rows::{Columns, Order, PageQuery, metadata_value};
use super::{SqlGateway, StoreAccess, explain};
use crate::error::Result;
use crate::params;
use crate::stores::{AuditEntry, AuditQuery, AuditStore, Page, taken};

const TABLE: &str = "sigil_audit";

const COLUMNS: &str =
    "id, timestamp, action, actor, plugin, workspace_id, session_id, details, result";

const INSERT: &str = "INSERT INTO sigil_audit (id, timestamp, action, actor, plugin, workspace_id,
    session_id, details, result) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";

fn read(columns: &mut Columns<'_>) -> Result<AuditEntry> {
    Ok(AuditEntry {
        id: columns.text()?,
        timestamp: columns.time()?,
        action: columns.text()?,
        actor: columns.text()?,
        plugin: columns.text()?,
        workspace_id: columns.text()?,
        session_id: columns.text()?,
        details: columns.metadata()?,
        result: columns.text()?,
    })
}

impl<A: StoreAccess> AuditStore for SqlGateway<A> {
    fn append(&self, entry: &AuditEntry) -> Result<()> {
        entry.validate()?;
        let values = params![
            &entry.id,
            entry.timestamp,
            &entry.action,
            &entry.actor,
            &entry.plugin,
            &entry.workspace_id,
            &entry.session_id,
            metadata_value(&entry.details),
            &entry.result,
        ];
        self.access.with(|store| {
            let inserted = store.database().execute(INSERT, values);
            inserted.map(drop).map_err(|error| explain(error, || taken("audit entry", &entry.id)))
        })
    }

    fn query(&self, query: &AuditQuery) -> Result<Page<AuditEntry>> {
        const LIMIT: i64 = 1_000;
        let mut list = PageQuery::new(COLUMNS, TABLE, "timestamp", Order::OldestFirst);
        list.filter_some("action = ?", query.action.as_deref());
        list.filter_some("actor = ?", query.actor.as_deref());
        list.filter_some("plugin = ?", query.plugin.as_deref());
        list.filter_some("workspace_id = ?", query.workspace_id.as_deref());
        list.filter_some("session_id = ?", query.session_id.as_deref());
        list.filter_some("timestamp >= ?", query.range.from);
        list.filter_some("timestamp < ?", query.range.to);
        self.access.with(|store| {
            list.run(store.database(), TABLE, &query.paging, LIMIT, read, |entry| entry.timestamp)
        })
    }
}
