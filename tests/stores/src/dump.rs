//! Everything a user could see, as text.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Debug, Write};

use sigil_core::{
    AuditQuery, COMPACTION_SOURCE, EntityQuery, Error, FactQuery, Gateway, Page, Paging,
    RelationshipQuery, Result, SearchOptions, SessionQuery, SummaryStatus, TimeRange, Workspace,
};

fn all() -> Paging {
    Paging::limit(i64::MAX)
}

fn list<T: Debug>(text: &mut String, what: &str, records: impl IntoIterator<Item = T>) {
    for record in records {
        let _ = writeln!(text, "{what} {record:?}");
    }
}

/// Every record of a workspace, in the orders of its lists; equal when the workspaces are.
///
/// # Errors
/// Whatever the workspace reports.
pub fn workspace(workspace: &Workspace) -> Result<String> {
    let mut text = String::new();
    let sessions: Page<_> =
        workspace.sessions().list(&SessionQuery { paging: all(), ..Default::default() })?;
    for session in &sessions {
        list(&mut text, "transcript", workspace.sessions().history(&session.id, &all())?);
    }
    list(&mut text, "session", &sessions);
    list(&mut text, "message", workspace.messages().range(&TimeRange::default(), &all())?);
    list(&mut text, "summary", workspace.summaries().range(&TimeRange::default())?);
    list(&mut text, "latest", workspace.summaries().latest(-1)?.iter().map(|s| &s.id));
    list(&mut text, "pending", workspace.summaries().pending()?);
    let knowledge = workspace.knowledge();
    let entities = knowledge.find_entities(&EntityQuery { paging: all(), ..Default::default() })?;
    for entity in &entities {
        let query = RelationshipQuery { paging: all(), ..Default::default() };
        list(&mut text, "relationship", knowledge.relationships(&entity.id, &query)?);
    }
    list(&mut text, "entity", entities);
    list(
        &mut text,
        "fact",
        knowledge.find_facts(&FactQuery { paging: all(), ..Default::default() })?,
    );
    let origin = vec![0.0; workspace.vectors().options().dimensions];
    let mut hits = workspace.vectors().search(&origin, usize::MAX, &SearchOptions::default())?;
    hits.sort_by(|a, b| a.id.cmp(&b.id));
    list(&mut text, "vectors", [workspace.vectors().count()?]);
    for hit in hits {
        list(&mut text, "vector", workspace.vectors().get(&hit.id)?);
    }
    Ok(text)
}

/// Every record of a gateway, in the orders of its lists; equal when the gateways are.
///
/// # Errors
/// Whatever the gateway reports.
pub fn gateway(gateway: &Gateway) -> Result<String> {
    let mut text = String::new();
    let users = gateway.users().list(&all())?;
    for user in &users {
        list(&mut text, "pairing", gateway.pairings().get_by_user(&user.id)?);
    }
    list(&mut text, "user", users);
    let query = AuditQuery { paging: all(), ..Default::default() };
    list(&mut text, "audit", gateway.audit().query(&query)?);
    Ok(text)
}

/// Whether compaction left nothing half-done: every summary of the kind that it makes has its
/// vector and the other way round, every fact it extracted has its summary, and no message is both
/// there and summarised, nor summarised twice. Gives how many messages each summary covers.
///
/// # Errors
/// [`Corrupt`](sigil_core::ErrorKind::Corrupt) saying what does not fit, and whatever the
/// workspace reports.
pub fn check_compaction(workspace: &Workspace) -> Result<BTreeMap<String, usize>> {
    let wrong = |what: String| Err(Error::corrupt(what));
    let summaries = workspace.summaries().range(&TimeRange::default())?;
    let made = summaries.iter().filter(|summary| summary.id.starts_with("sum-"));
    let made: BTreeMap<&str, usize> =
        made.map(|summary| (&*summary.id, summary.message_ids.len())).collect();
    let mut covered = BTreeSet::new();
    for summary in &summaries {
        if summary.status != SummaryStatus::Committed {
            return wrong(format!("{} is listed and {}", summary.id, summary.status));
        }
        for id in &summary.message_ids {
            if !covered.insert(id) {
                return wrong(format!("the message {id} is summarised twice"));
            }
        }
    }
    for message in workspace.messages().range(&TimeRange::default(), &all())? {
        if covered.contains(&message.id) {
            return wrong(format!("the message {} is summarised and still there", message.id));
        }
    }
    let origin = vec![0.0; workspace.vectors().options().dimensions];
    let kind = sigil_core::Filter::from_json(r#"{"kind": "summary"}"#)?;
    let options = SearchOptions { filter: Some(kind), ..Default::default() };
    let vectors = workspace.vectors().search(&origin, usize::MAX, &options)?;
    let vectors: BTreeSet<&str> = vectors.iter().map(|hit| &*hit.id).collect();
    if !vectors.iter().eq(made.keys()) {
        return wrong(format!("there are summaries {made:?} and vectors {vectors:?}"));
    }
    let query = FactQuery {
        source: Some(COMPACTION_SOURCE.to_owned()),
        paging: all(),
        ..Default::default()
    };
    for fact in workspace.knowledge().find_facts(&query)? {
        if !made.keys().any(|id| fact.id.starts_with(&format!("{id}-fact-"))) {
            return wrong(format!("the fact {} has no summary", fact.id));
        }
    }
    if !workspace.summaries().pending()?.is_empty() {
        return wrong("a summary is pending".to_owned());
    }
    Ok(made.into_iter().map(|(id, covers)| (id.to_owned(), covers)).collect())
}
