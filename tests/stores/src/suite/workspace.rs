//! What holds across the stores of a workspace, and of a gateway.

use std::fmt::Debug;

use sigil_core::{
    AuditQuery, Cursor, EntityQuery, Error, ErrorKind, FactQuery, Gateway, Message, Metadata, Page,
    Paging, RelationshipQuery, Result, Role, SearchOptions, SessionQuery, Summary, SummaryStatus,
    TimeRange, VectorEntry, Workspace,
};

use super::fixture::{
    HOME, assert_fails, at, edge, entity, entry, fact, ids, message, messages, of, pairing, session,
    summary, user,
};
use crate::dump;
use crate::subject::Subject;

/// Writes one record of each kind, whose ids begin with `name`.
fn one_of_each(workspace: &Workspace, name: &str) -> Result<()> {
    workspace.sessions().create(&of(workspace, session(name, 0)))?;
    workspace.sessions().append(name, &message(name, "in a transcript", 0))?;
    workspace.messages().append(&message(name, "in the memory", 0))?;
    let names_own = Summary {
        message_ids: vec![format!("{name}-0")],
        ..summary(name, 0, 1, SummaryStatus::Committed)
    };
    workspace.summaries().store(&names_own)?;
    workspace.knowledge().put_entity(&entity(name, "thing", name))?;
    workspace.knowledge().put_relationship(&edge(name, name, "is", name))?;
    workspace.knowledge().put_fact(&fact(name, name, "is", name))?;
    workspace.vectors().store(name, &[1.0, 2.0, 3.0], &Metadata::new())
}

fn changed_my_mind<T>() -> Result<T> {
    Err(Error::invalid("changed my mind"))
}

pub fn workspaces_do_not_see_each_other(subject: &dyn Subject) -> Result<()> {
    let home = subject.workspace(HOME)?;
    let other = subject.workspace("other")?;
    one_of_each(&home, "x")?;
    let empty = dump::workspace(&other)?;
    assert_eq!(empty, "vectors 0\n");
    assert_fails(other.sessions().get("x"), ErrorKind::NotFound);
    assert_eq!(other.messages().count()?, 0);
    assert!(other.messages().search("memory", &Paging::default())?.is_empty());
    assert_eq!(other.messages().delete(&["x"])?, 0);
    assert_eq!(other.messages().trim(0)?, 0);
    assert_eq!(other.vectors().delete(&["x"])?, 0);
    let before = dump::workspace(&home)?;
    // The same ids are free there, and what is done there is done there alone.
    other.messages().append(&message("x", "in the other memory", 0))?;
    other.vectors().store("x", &[0.0; 3], &Metadata::new())?;
    other.knowledge().put_entity(&entity("x", "thing", "y"))?;
    assert_eq!(dump::workspace(&home)?, before);
    assert_eq!((home.id(), other.id()), (HOME, "other"));
    Ok(())
}

pub fn a_transaction_commits_every_store_together(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let value = workspace.transaction(|workspace| {
        one_of_each(workspace, "x")?;
        Ok(42)
    })?;
    assert_eq!(value, 42);
    let committed = dump::workspace(&workspace)?;
    for record in
        ["session", "transcript", "message", "summary", "entity", "relationship", "fact", "vector"]
    {
        let records = committed.lines().filter(|line| line.starts_with(&format!("{record} ")));
        assert_eq!(records.count(), 1, "{record}");
    }
    workspace.close()?;
    drop(workspace);
    assert_eq!(dump::workspace(&subject.workspace(HOME)?)?, committed);
    Ok(())
}

pub fn a_failed_transaction_leaves_every_store_as_it_was(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    one_of_each(&workspace, "x")?;
    let before = dump::workspace(&workspace)?;
    let failed: Result<()> = workspace.transaction(|workspace| {
        one_of_each(workspace, "y")?;
        workspace.sessions().delete("x")?;
        workspace.messages().trim(0)?;
        workspace.summaries().delete("x")?;
        workspace.knowledge().delete_entities(&["x"])?;
        workspace.knowledge().delete_facts(&["x"])?;
        workspace.vectors().delete(&["x"])?;
        changed_my_mind()
    });
    assert_fails(failed, ErrorKind::InvalidInput);
    assert_eq!(dump::workspace(&workspace)?, before);
    assert_eq!(workspace.messages().search("memory", &Paging::default())?.len(), 1);
    // And it can be done again.
    workspace.transaction(|workspace| one_of_each(workspace, "y"))?;
    assert_eq!(workspace.vectors().search(&[0.0; 3], 9, &SearchOptions::default())?.len(), 2);
    Ok(())
}

pub fn an_error_caught_in_a_transaction_leaves_the_earlier_writes(
    subject: &dyn Subject,
) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    workspace.transaction(|workspace| {
        one_of_each(workspace, "x")?;
        assert_fails(workspace.sessions().create(&session("x", 0)), ErrorKind::Conflict);
        assert_fails(workspace.sessions().get("nobody"), ErrorKind::NotFound);
        let nowhere = workspace.sessions().append("nobody", &message("m", "x", 0));
        assert_fails(nowhere, ErrorKind::NotFound);
        assert_fails(workspace.messages().append(&message("x", "y", 0)), ErrorKind::Conflict);
        let stored = workspace.summaries().store(&summary("x", 0, 1, SummaryStatus::Pending));
        assert_fails(stored, ErrorKind::Conflict);
        assert_fails(workspace.summaries().confirm("x"), ErrorKind::Conflict);
        let put = workspace.knowledge().put_relationship(&edge("r", "nobody", "is", "x"));
        assert_fails(put, ErrorKind::NotFound);
        assert_fails(workspace.knowledge().put_fact(&fact("x", "y", "z", "w")), ErrorKind::Conflict);
        let stored = workspace.vectors().store("v", &[1.0], &Metadata::new());
        assert_fails(stored, ErrorKind::InvalidInput);
        workspace.messages().append(&message("last", "still in the memory", 9))
    })?;
    let found = workspace.messages().search("memory", &Paging::default())?;
    assert_eq!(ids(&found, |message| &message.id), ["last", "x"]);
    let alone = subject.workspace("alone")?;
    one_of_each(&alone, "x")?;
    alone.messages().append(&message("last", "still in the memory", 9))?;
    // Only the id of the workspace tells the two apart.
    let expected = dump::workspace(&alone)?;
    let expected = expected.replace("workspace_id: \"alone\"", "workspace_id: \"home\"");
    assert_eq!(dump::workspace(&workspace)?, expected);
    Ok(())
}

pub fn a_failed_batch_in_a_transaction_leaves_nothing_of_itself(
    subject: &dyn Subject,
) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    workspace.transaction(|workspace| {
        one_of_each(workspace, "x")?;
        let batch = [message("a", "one", 0), message("x", "two", 0)];
        assert_fails(workspace.messages().append_many(&batch), ErrorKind::Conflict);
        let batch = [fact("a", "a", "a", "a"), fact("x", "b", "b", "b")];
        assert_fails(workspace.knowledge().put_facts(&batch), ErrorKind::Conflict);
        let batch = [edge("a", "x", "a", "a"), edge("b", "nobody", "a", "a")];
        assert_fails(workspace.knowledge().put_relationships(&batch), ErrorKind::NotFound);
        let batch = [("a", 3), ("b", 2)].map(|(id, length)| VectorEntry {
            id: id.to_owned(),
            vector: vec![0.0; length],
            metadata: Metadata::new(),
        });
        assert_fails(workspace.vectors().store_many(&batch), ErrorKind::InvalidInput);
        assert_eq!(workspace.messages().count()?, 1);
        Ok(())
    })?;
    assert_eq!(workspace.messages().count()?, 1);
    assert_eq!(workspace.vectors().count()?, 1);
    assert_eq!(workspace.knowledge().find_facts(&FactQuery::default())?.len(), 1);
    let edges = workspace.knowledge().relationships("x", &RelationshipQuery::default())?;
    assert_eq!(ids(&edges, |edge| &edge.id), ["x"]);
    Ok(())
}

pub fn a_transaction_in_a_transaction_is_busy(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    workspace.transaction(|outer| {
        outer.messages().append(&message("outer", "x", 0))?;
        let inner = outer.transaction(|inner| inner.messages().append(&message("inner", "x", 0)));
        assert_fails(inner, ErrorKind::Busy);
        assert_fails(outer.sweep_pending(at(0)), ErrorKind::Busy);
        assert_fails(outer.archive("s"), ErrorKind::Busy);
        Ok(())
    })?;
    assert_eq!(ids(&workspace.messages().oldest(9)?, |message| &message.id), ["outer"]);
    let gateway = subject.gateway()?;
    let inner = gateway.transaction(|gateway| gateway.transaction(|_| Ok(())));
    assert_fails(inner, ErrorKind::Busy);
    // Nothing is left open.
    workspace.transaction(|_| Ok(()))?;
    gateway.transaction(|_| Ok(()))
}

pub fn a_gateway_commits_its_stores_together(subject: &dyn Subject) -> Result<()> {
    let gateway = subject.gateway()?;
    let write = |gateway: &Gateway| {
        gateway.users().create(&user("ada", 0))?;
        gateway.pairings().create(&pairing("p", "ada", "chat", "c"))?;
        gateway.audit().append(&entry("a", 0))
    };
    let failed: Result<()> = gateway.transaction(|gateway| {
        write(gateway)?;
        assert_eq!(gateway.users().get("ada")?, user("ada", 0));
        changed_my_mind()
    });
    assert_fails(failed, ErrorKind::InvalidInput);
    assert_eq!(dump::gateway(&gateway)?, "");
    gateway.transaction(|gateway| {
        write(gateway)?;
        assert_fails(gateway.users().create(&user("ada", 0)), ErrorKind::Conflict);
        assert_fails(gateway.audit().append(&entry("a", 0)), ErrorKind::Conflict);
        gateway.audit().append(&entry("b", 0))
    })?;
    assert_eq!(dump::gateway(&gateway)?.lines().count(), 4);
    Ok(())
}

pub fn a_transaction_reads_its_own_writes(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let failed: Result<()> = workspace.transaction(|workspace| {
        one_of_each(workspace, "x")?;
        assert_eq!(workspace.sessions().get("x")?, session("x", 0));
        assert_eq!(workspace.sessions().active_window("x", 9)?.len(), 1);
        assert_eq!(workspace.messages().count()?, 1);
        assert_eq!(workspace.messages().search("memory", &Paging::default())?.len(), 1);
        assert_eq!(workspace.summaries().latest(9)?.len(), 1);
        assert_eq!(workspace.knowledge().traverse("x", &Default::default())?.entities.len(), 1);
        assert_eq!(workspace.knowledge().find_facts(&FactQuery::default())?.len(), 1);
        assert_eq!(workspace.vectors().count()?, 1);
        changed_my_mind()
    });
    assert_fails(failed, ErrorKind::InvalidInput);
    assert_eq!(dump::workspace(&workspace)?, "vectors 0\n");
    Ok(())
}

pub fn closing_in_a_transaction_rolls_it_back(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let closed = workspace.transaction(|workspace| {
        workspace.messages().append(&message("m", "x", 0))?;
        workspace.close()?;
        assert_fails(workspace.messages().count(), ErrorKind::Closed);
        Ok(())
    });
    assert_fails(closed, ErrorKind::Closed);
    drop(workspace);
    assert_eq!(subject.workspace(HOME)?.messages().count()?, 0);
    Ok(())
}

/// Walks a list page by page and gives every record, in its order.
fn walk<T: Debug>(limit: i64, page: impl Fn(&Paging) -> Result<Page<T>>) -> Result<Vec<T>> {
    let mut records = Vec::new();
    let mut paging = Paging::limit(limit);
    loop {
        let Page { items, next } = page(&paging)?;
        let full = items.len() as u64 == limit.unsigned_abs();
        assert!(full || next.is_none(), "a short page is the last: {items:?}");
        records.extend(items);
        paging.after = next;
        if paging.after.is_none() {
            return Ok(records);
        }
    }
}

/// Asserts that walking a list gives what the whole list is.
fn check_walk<T: Debug + PartialEq>(page: impl Fn(&Paging) -> Result<Page<T>>) -> Result<()> {
    let whole = page(&Paging::limit(i64::MAX))?;
    assert_eq!((whole.len(), &whole.next), (20, &None));
    for limit in [1, 3, 10, 19, 20, 21] {
        assert_eq!(walk(limit, &page)?, whole.items, "in pages of {limit}");
    }
    Ok(())
}

pub fn cursors_walk_every_list_once_over_ties(subject: &dyn Subject) -> Result<()> {
    let (workspace, gateway) = (subject.workspace(HOME)?, subject.gateway()?);
    let knowledge = workspace.knowledge();
    knowledge.put_entity(&entity("hub", "hub", "x"))?;
    workspace.sessions().create(&session("long", -9))?;
    gateway.transaction(|gateway| {
        workspace.transaction(|workspace| {
            for n in 0..20 {
                // Three moments, not in the order of storing.
                let (id, ms) = (format!("{}", n * 7 % 20), n % 3);
                let mut session = session(&id, ms);
                session.user_id = "walker".to_owned();
                workspace.sessions().create(&session)?;
                workspace.sessions().append("long", &message(&id, "word", ms))?;
                workspace.messages().append(&message(&id, "word", ms))?;
                let mut entity = entity(&id, "spoke", "x");
                entity.created_at = at(ms);
                knowledge.put_entity(&entity)?;
                knowledge.put_relationship(&edge(&id, "hub", "to", &id))?;
                let mut fact = fact(&id, &id, "is", "x");
                fact.created_at = at(ms);
                knowledge.put_fact(&fact)?;
                gateway.users().create(&user(&id, ms))?;
                gateway.audit().append(&entry(&id, ms))?;
            }
            Ok(())
        })
    })?;
    let all = TimeRange::default();
    let walker = Some("walker".to_owned());
    check_walk(|paging| {
        let query = SessionQuery { user_id: walker.clone(), paging: paging.clone(), status: None };
        workspace.sessions().list(&query)
    })?;
    check_walk(|paging| workspace.sessions().history("long", paging))?;
    check_walk(|paging| workspace.messages().range(&all, paging))?;
    check_walk(|paging| workspace.messages().search("word", paging))?;
    check_walk(|paging| {
        let kind = Some("spoke".to_owned());
        knowledge.find_entities(&EntityQuery { kind, paging: paging.clone(), name_prefix: None })
    })?;
    check_walk(|paging| {
        let query = RelationshipQuery { paging: paging.clone(), ..Default::default() };
        knowledge.relationships("hub", &query)
    })?;
    check_walk(|paging| {
        knowledge.find_facts(&FactQuery { paging: paging.clone(), ..Default::default() })
    })?;
    check_walk(|paging| gateway.users().list(paging))?;
    check_walk(|paging| {
        gateway.audit().query(&AuditQuery { paging: paging.clone(), ..Default::default() })
    })
}

pub fn a_cursor_stays_good_while_records_come_and_go(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let said = |id: &str, ms| message(id, "word", ms);
    workspace.messages().append_many(&messages(6))?;
    let page = workspace.messages().range(&TimeRange::default(), &Paging::limit(3))?;
    assert_eq!(ids(&page, |message| &message.id), ["m0", "m1", "m2"]);
    // The record the cursor stands on goes, and so does one before and one behind it.
    workspace.messages().delete(&["m0", "m2", "m4"])?;
    workspace.messages().append_many(&[said("before", 1), said("behind", 3), said("last", 9)])?;
    let rest = Paging { after: page.next.clone(), ..Paging::default() };
    let rest = workspace.messages().range(&TimeRange::default(), &rest)?;
    assert_eq!(ids(&rest, |message| &message.id), ["m3", "behind", "m5", "last"]);
    // A cursor from nowhere is a place like any other.
    for (seq, found) in [(i64::MIN, 6), (i64::MAX, 4)] {
        let after = Some(Cursor { time: at(1), seq });
        let paging = Paging { after, ..Paging::default() };
        let page = workspace.messages().range(&TimeRange::default(), &paging)?;
        assert_eq!(page.len(), found, "{seq}");
    }
    Ok(())
}

pub fn new_records_have_new_ids_and_the_hosts_time(subject: &dyn Subject) -> Result<()> {
    let (workspace, gateway) = (subject.workspace(HOME)?, subject.gateway()?);
    let before = workspace.now();
    let session = workspace.new_session("ada");
    workspace.sessions().create(&session)?;
    let said: Vec<Message> = ["one", "two"]
        .map(|text| workspace.new_message(&session.id, Role::User, text))
        .to_vec();
    workspace.messages().append_many(&said)?;
    assert_eq!(workspace.messages().oldest(9)?, said);
    assert!(before <= session.created_at && session.created_at <= said[0].created_at);
    assert_eq!(session.workspace_id, HOME);
    let ada = gateway.new_user("Ada");
    gateway.users().create(&ada)?;
    gateway.audit().append(&gateway.new_entry("user.create", &ada.id))?;
    gateway.audit().append(&gateway.new_entry("user.create", &ada.id))?;
    assert_eq!(gateway.audit().query(&AuditQuery::default())?.len(), 2);
    Ok(())
}
