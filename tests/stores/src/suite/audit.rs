//! The audit log.

use sigil_core::{AuditEntry, AuditQuery, ErrorKind, Gateway, Paging, Result, TimeRange, Timestamp};

use super::fixture::{assert_fails, at, entry, ids, metadata};
use crate::subject::Subject;

fn found(gateway: &Gateway, query: AuditQuery) -> Result<Vec<String>> {
    Ok(gateway.audit().query(&query)?.into_iter().map(|entry| entry.id).collect())
}

fn full(id: &str, ms: i64) -> Result<AuditEntry> {
    Ok(AuditEntry {
        plugin: "tool".to_owned(),
        workspace_id: "home".to_owned(),
        session_id: "s1".to_owned(),
        details: metadata(r#"{"text": "x", "number": 42, "nested": {"a": [1.5, null]}}"#)?,
        result: "ok".to_owned(),
        ..entry(id, ms)
    })
}

pub fn an_entry_reads_back_as_it_was_appended(subject: &dyn Subject) -> Result<()> {
    let gateway = subject.gateway()?;
    let bare = AuditEntry { action: String::new(), actor: String::new(), ..entry("bare", 1) };
    let entries = [full("full", 0)?, bare];
    entries.iter().try_for_each(|entry| gateway.audit().append(entry))?;
    assert_eq!(gateway.audit().query(&AuditQuery::default())?.items, entries);
    Ok(())
}

pub fn a_taken_id_is_a_conflict(subject: &dyn Subject) -> Result<()> {
    let gateway = subject.gateway()?;
    gateway.audit().append(&entry("a", 0))?;
    assert_fails(gateway.audit().append(&full("a", 5)?), ErrorKind::Conflict);
    assert_eq!(gateway.audit().query(&AuditQuery::default())?.items, [entry("a", 0)]);
    Ok(())
}

pub fn every_field_of_the_query_filters(subject: &dyn Subject) -> Result<()> {
    let gateway = subject.gateway()?;
    let entries = [
        full("1", 0)?,
        AuditEntry { action: "other".to_owned(), ..full("2", 1)? },
        AuditEntry { actor: "other".to_owned(), ..full("3", 2)? },
        AuditEntry { plugin: "other".to_owned(), ..full("4", 3)? },
        AuditEntry { workspace_id: "other".to_owned(), ..full("5", 4)? },
        AuditEntry { session_id: "other".to_owned(), ..full("6", 5)? },
    ];
    entries.iter().try_for_each(|entry| gateway.audit().append(entry))?;
    let other = || Some("other".to_owned());
    let none = AuditQuery::default;
    assert_eq!(found(&gateway, AuditQuery { action: other(), ..none() })?, ["2"]);
    assert_eq!(found(&gateway, AuditQuery { actor: other(), ..none() })?, ["3"]);
    assert_eq!(found(&gateway, AuditQuery { plugin: other(), ..none() })?, ["4"]);
    assert_eq!(found(&gateway, AuditQuery { workspace_id: other(), ..none() })?, ["5"]);
    assert_eq!(found(&gateway, AuditQuery { session_id: other(), ..none() })?, ["6"]);
    let both = AuditQuery { action: Some("act".to_owned()), actor: other(), ..none() };
    assert_eq!(found(&gateway, both)?, ["3"]);
    let neither = AuditQuery { action: other(), actor: other(), ..none() };
    assert_eq!(found(&gateway, neither)?, [""; 0]);
    let empty = || Some(String::new());
    let any = AuditQuery { action: empty(), actor: empty(), session_id: empty(), ..none() };
    assert_eq!(found(&gateway, any)?.len(), 6);
    Ok(())
}

pub fn a_range_leaves_its_end_out(subject: &dyn Subject) -> Result<()> {
    let gateway = subject.gateway()?;
    for n in 0..5 {
        gateway.audit().append(&entry(&format!("a{n}"), n * 500))?;
    }
    let within = |from: Option<i64>, to: Option<i64>| {
        let range = TimeRange { from: from.map(at), to: to.map(at) };
        found(&gateway, AuditQuery { range, ..AuditQuery::default() })
    };
    assert_eq!(within(Some(500), Some(1_500))?, ["a1", "a2"]);
    assert_eq!(within(None, Some(500))?, ["a0"]);
    assert_eq!(within(Some(1_501), None)?, ["a4"]);
    assert_eq!(within(Some(500), Some(500))?, [""; 0]);
    Ok(())
}

pub fn entries_are_oldest_first_and_a_thousand_by_default(subject: &dyn Subject) -> Result<()> {
    let gateway = subject.gateway()?;
    gateway.transaction(|gateway| {
        (0..1_010).try_for_each(|n| gateway.audit().append(&entry(&format!("a{n}"), n / 7)))
    })?;
    let page = gateway.audit().query(&AuditQuery::default())?;
    assert_eq!((page.len(), page.next.is_some()), (1_000, true));
    assert_eq!((page[0].id.as_str(), page[999].id.as_str()), ("a0", "a999"));
    let paged = |limit, offset| AuditQuery {
        paging: Paging { limit, offset, after: None },
        ..AuditQuery::default()
    };
    assert_eq!(found(&gateway, paged(2, 0))?, ["a0", "a1"]);
    assert_eq!(found(&gateway, paged(2, 1_008))?, ["a1008", "a1009"]);
    assert_eq!(found(&gateway, paged(-5, -5))?.len(), 1_000);
    Ok(())
}

pub fn times_within_one_second_sort_as_they_are(subject: &dyn Subject) -> Result<()> {
    let gateway = subject.gateway()?;
    let times = [
        "2026-03-01T12:00:00Z",
        "2026-03-01T12:00:00.000000001Z",
        "2026-03-01T12:00:00.12Z",
        "2026-03-01T12:00:00.123Z",
        "2026-03-01T14:00:00.5+02:00",
        "2026-03-01T12:00:01Z",
    ];
    for time in times.iter().rev() {
        gateway.audit().append(&AuditEntry { timestamp: time.parse()?, ..entry(time, 0) })?;
    }
    assert_eq!(found(&gateway, AuditQuery::default())?, times);
    let from: Timestamp = times[1].parse()?;
    let range = TimeRange { from: Some(from), to: Some(times[5].parse()?) };
    let within = AuditQuery { range, ..AuditQuery::default() };
    assert_eq!(found(&gateway, within)?, times[1..5]);
    Ok(())
}

pub fn the_order_stays_after_a_refused_entry(subject: &dyn Subject) -> Result<()> {
    let gateway = subject.gateway()?;
    gateway.audit().append(&entry("a", 0))?;
    assert_fails(gateway.audit().append(&entry("a", 0)), ErrorKind::Conflict);
    assert_fails(gateway.audit().append(&entry("", 0)), ErrorKind::InvalidInput);
    for id in ["c", "b"] {
        gateway.audit().append(&entry(id, 0))?;
    }
    let page = gateway.audit().query(&AuditQuery::default())?;
    assert_eq!(ids(&page, |entry| &entry.id), ["a", "c", "b"]);
    Ok(())
}

pub fn audit_entries_survive_reopening(subject: &dyn Subject) -> Result<()> {
    let gateway = subject.gateway()?;
    gateway.audit().append(&full("a", 0)?)?;
    gateway.close()?;
    drop(gateway);
    let gateway = subject.gateway()?;
    assert_eq!(gateway.audit().query(&AuditQuery::default())?.items, [full("a", 0)?]);
    Ok(())
}
