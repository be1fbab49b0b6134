//! Rows that no store wrote: SQL by hand, or damage.

use sigil_core::{
    AuditQuery, EntityQuery, ErrorKind, FactQuery, Gateway, Metadata, Paging, Result, TimeRange,
    Workspace,
};

use super::fixture::{
    HOME, assert_fails, assert_says, edge, entity, entry, fact, ids, messages, pairing, session,
    summary, user,
};
use crate::subject::{Owner, SqlSubject};

const WORKSPACE: Owner<'_> = Owner::Workspace(HOME);

/// Fills both with two records of each kind, and closes them.
fn fill(subject: &dyn SqlSubject) -> Result<()> {
    let (workspace, gateway) = (subject.workspace(HOME)?, subject.gateway()?);
    for (n, message) in messages(2).iter().enumerate() {
        let id = format!("{n}");
        workspace.sessions().create(&session(&id, 0))?;
        workspace.sessions().append(&id, message)?;
        workspace.messages().append(message)?;
        workspace.summaries().store(&summary(&id, 0, 1, sigil_core::SummaryStatus::Committed))?;
        workspace.knowledge().put_entity(&entity(&id, "t", "x"))?;
        workspace.knowledge().put_relationship(&edge(&id, &id, "is", &id))?;
        workspace.knowledge().put_fact(&fact(&id, &id, "is", "x"))?;
        workspace.vectors().store(&id, &[0.0; 3], &Metadata::new())?;
        gateway.users().create(&user(&id, 0))?;
        gateway.pairings().create(&pairing(&id, &id, "chat", &id))?;
        gateway.audit().append(&entry(&id, 0))?;
    }
    workspace.close()?;
    gateway.close()
}

/// Reads the first record of a table of the workspace.
fn read(workspace: &Workspace, table: &str) -> Result<()> {
    let any = Paging::default();
    match table {
        "sigil_session" => workspace.sessions().list(&Default::default()).map(drop),
        "sigil_transcript" => workspace.sessions().active_window("0", 9).map(drop),
        "sigil_message" => workspace.messages().range(&TimeRange::default(), &any).map(drop),
        "sigil_summary" => workspace.summaries().latest(-1).map(drop),
        "sigil_entity" => workspace.knowledge().find_entities(&EntityQuery::default()).map(drop),
        "sigil_relationship" => workspace.knowledge().traverse("0", &Default::default()).map(drop),
        _ => workspace.knowledge().find_facts(&FactQuery::default()).map(drop),
    }
}

fn read_gateway(gateway: &Gateway, table: &str) -> Result<()> {
    match table {
        "sigil_user" => gateway.users().list(&Paging::default()).map(drop),
        "sigil_pairing" => gateway.pairings().get_by_user("0").map(drop),
        _ => gateway.audit().query(&AuditQuery::default()).map(drop),
    }
}

/// Puts a value where it does not belong, and expects that whoever reads it says so.
fn check(subject: &dyn SqlSubject, table: &str, column: &str, value: &str) -> Result<()> {
    let context = format!("{table}.{column} = {value}");
    let first = format!("(SELECT min(seq) FROM {table})");
    let save = format!(
        "CREATE TABLE saved (value); \
         INSERT INTO saved SELECT {column} FROM {table} WHERE seq = {first}"
    );
    let break_it = format!("UPDATE {table} SET {column} = {value} WHERE seq = {first}");
    let mend = format!(
        "UPDATE {table} SET {column} = (SELECT value FROM saved) WHERE seq = {first}; DROP TABLE saved"
    );
    let of_gateway = matches!(table, "sigil_user" | "sigil_pairing" | "sigil_audit");
    let owner = if of_gateway { Owner::Gateway } else { WORKSPACE };
    subject.run(owner, &format!("{save}; {break_it}"))?;
    if of_gateway {
        let gateway = subject.gateway()?;
        assert_says(read_gateway(&gateway, table).map(|()| context), ErrorKind::Corrupt, table);
        gateway.close()?;
    } else {
        let workspace = subject.workspace(HOME)?;
        assert_says(read(&workspace, table).map(|()| context), ErrorKind::Corrupt, table);
        workspace.close()?;
    }
    subject.run(owner, &mend)?;
    if of_gateway {
        let gateway = subject.gateway()?;
        read_gateway(&gateway, table)?;
        gateway.close()
    } else {
        let workspace = subject.workspace(HOME)?;
        read(&workspace, table)?;
        workspace.close()
    }
}

pub fn malformed_json_is_corrupt_and_names_the_table(subject: &dyn SqlSubject) -> Result<()> {
    fill(subject)?;
    for (table, column, values) in [
        ("sigil_transcript", "metadata", &["'{'", "'[1]'", "'{\"a\": 1}'", "x'00'", "7"][..]),
        ("sigil_transcript", "threat", &["'nonsense'", "'{\"scanned\": 1}'", "'{\"stage\": \"x\"}'"]),
        ("sigil_message", "metadata", &["''", "'{\"a\": null}'"]),
        ("sigil_message", "threat", &["'{\"unheard\": 1}'", "'7'"]),
        ("sigil_summary", "message_ids", &["'{}'", "'[1]'", "'[\"a\"'"]),
        ("sigil_summary", "session_ids", &["'nonsense'"]),
        ("sigil_entity", "properties", &["'[]'", "'{\"a\"'", "''"]),
        ("sigil_relationship", "metadata", &["'nonsense'", "x'7b7d'"]),
        ("sigil_audit", "details", &["'{'", "'7'"]),
    ] {
        for value in values {
            check(subject, table, column, value)?;
        }
    }
    Ok(())
}

pub fn a_time_that_is_none_is_corrupt(subject: &dyn SqlSubject) -> Result<()> {
    fill(subject)?;
    for (table, column) in [
        ("sigil_session", "created_at"),
        ("sigil_session", "updated_at"),
        ("sigil_session", "last_compaction"),
        ("sigil_transcript", "created_at"),
        ("sigil_message", "created_at"),
        ("sigil_summary", "to_time"),
        ("sigil_entity", "created_at"),
        ("sigil_fact", "created_at"),
        ("sigil_user", "updated_at"),
        ("sigil_pairing", "created_at"),
        ("sigil_audit", "timestamp"),
    ] {
        for value in ["'2024-13-01T00:00:00Z'", "''", "x'00'"] {
            check(subject, table, column, value)?;
        }
    }
    Ok(())
}

pub fn a_name_that_is_no_value_is_corrupt(subject: &dyn SqlSubject) -> Result<()> {
    fill(subject)?;
    for (table, column) in [
        ("sigil_session", "status"),
        ("sigil_transcript", "role"),
        ("sigil_message", "role"),
        ("sigil_message", "origin"),
        ("sigil_pairing", "status"),
    ] {
        for value in ["'nothing'", "''"] {
            check(subject, table, column, value)?;
        }
    }
    check(subject, "sigil_fact", "confidence", "'sure'")
}

pub fn one_broken_row_leaves_the_others_readable(subject: &dyn SqlSubject) -> Result<()> {
    fill(subject)?;
    subject.run(WORKSPACE, "UPDATE sigil_message SET metadata = '{' WHERE id = 'm0'")?;
    let workspace = subject.workspace(HOME)?;
    assert_fails(workspace.messages().get("m0"), ErrorKind::Corrupt);
    assert_eq!(workspace.messages().get("m1")?.id, "m1");
    assert_eq!(workspace.messages().count()?, 2);
    let found = workspace.messages().search("number 1", &Paging::default())?;
    assert_eq!(ids(&found, |message| &message.id), ["m1"]);
    // It can be deleted, after which all is well.
    assert_eq!(workspace.messages().delete(&["m0"])?, 1);
    assert_eq!(workspace.messages().oldest(9)?.len(), 1);
    Ok(())
}

pub fn a_newer_version_is_refused(subject: &dyn SqlSubject) -> Result<()> {
    fill(subject)?;
    for (owner, key, version) in
        [(WORKSPACE, "workspace_version", "2"), (Owner::Gateway, "gateway_version", "1")]
    {
        let set = |value: &str| {
            subject.run(owner, &format!("UPDATE sigil_meta SET value = {value} WHERE key = '{key}'"))
        };
        let open = || match owner {
            Owner::Gateway => subject.gateway().map(drop),
            Owner::Workspace(id) => subject.workspace(id).map(drop),
        };
        set("value + 1")?;
        assert_says(open(), ErrorKind::NewerFormat, key);
        set("value - 1")?;
        open()?;
        set("-1")?;
        assert_says(open(), ErrorKind::Corrupt, key);
        set("'nonsense'")?;
        assert_says(open(), ErrorKind::Corrupt, key);
        set(version)?;
        open()?;
    }
    Ok(())
}

pub fn another_workspace_in_the_file_is_a_conflict(subject: &dyn SqlSubject) -> Result<()> {
    fill(subject)?;
    subject.run(WORKSPACE, "UPDATE sigil_meta SET value = 'away' WHERE key = 'workspace'")?;
    assert_says(subject.workspace(HOME), ErrorKind::Conflict, "away");
    subject.run(WORKSPACE, "UPDATE sigil_meta SET value = 'home' WHERE key = 'workspace'")?;
    assert_eq!(subject.workspace(HOME)?.messages().count()?, 2);
    Ok(())
}

pub fn a_transaction_left_open_is_rolled_back(subject: &dyn SqlSubject) -> Result<()> {
    fill(subject)?;
    // One that its program never ended is rolled back when the store is closed.
    subject.run(WORKSPACE, "BEGIN; DELETE FROM sigil_message")?;
    let workspace = subject.workspace(HOME)?;
    assert_eq!(workspace.messages().count()?, 2);
    workspace.transaction(|workspace| workspace.messages().trim(0).map(drop))
}

pub fn what_cannot_be_looked_up_is_not_taken_for_missing(subject: &dyn SqlSubject) -> Result<()> {
    fill(subject)?;
    subject.run(WORKSPACE, "ALTER TABLE sigil_entity RENAME TO sigil_entity_away")?;
    let workspace = subject.workspace(HOME)?;
    assert_fails(workspace.knowledge().entity("0"), ErrorKind::Sql);
    assert_fails(workspace.knowledge().delete_entities(&["0"]), ErrorKind::Sql);
    workspace.close()?;
    subject.run(WORKSPACE, "ALTER TABLE sigil_entity_away RENAME TO sigil_entity")?;
    assert_eq!(subject.workspace(HOME)?.knowledge().delete_entities(&["0"])?, 1);
    Ok(())
}
