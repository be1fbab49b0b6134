//! Sessions and their transcripts.

use std::collections::BTreeMap;

use sigil_core::{
    ErrorKind, Message, Origin, Paging, Result, Role, Session, SessionQuery, SessionStatus,
    ThreatInfo, ThreatStage, TokenBudget, TokenCount, ToolBudget,
};

use super::fixture::{HOME, assert_fails, at, ids, message, session};
use crate::subject::Subject;

fn full(id: &str) -> Session {
    Session {
        summary: "so far".to_owned(),
        last_compaction: Some(at(-5)),
        model_override: "small/model".to_owned(),
        tool_budget: ToolBudget { max_per_turn: 1, max_per_session: 3, used: 2 },
        token_budget: TokenBudget {
            session: TokenCount { max: 1 << 60, used: (1 << 53) + 1 },
            hour: TokenCount { max: 6, used: 5 },
            day: TokenCount { max: 8, used: 8 },
        },
        status: SessionStatus::Paused,
        updated_at: at(7),
        ..session(id, 0)
    }
}

pub fn a_session_reads_back_as_it_was_created(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let (plain, full) = (session("plain", 0), full("full"));
    workspace.sessions().create(&plain)?;
    workspace.sessions().create(&full)?;
    assert_eq!(workspace.sessions().get("plain")?, plain);
    assert_eq!(workspace.sessions().get("full")?, full);
    Ok(())
}

pub fn all_budget_numbers_persist_through_create_update_and_list(
    subject: &dyn Subject,
) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let sessions = workspace.sessions();
    let mut session = full("s");
    sessions.create(&session)?;
    let budgets = |session: &Session| (session.tool_budget, session.token_budget);
    assert_eq!(budgets(&sessions.get("s")?), budgets(&session));
    // Unchanged, then changed, then all zeros.
    sessions.update(&session)?;
    assert_eq!(budgets(&sessions.get("s")?), budgets(&session));
    session.tool_budget = ToolBudget { max_per_turn: 9, max_per_session: 0, used: i64::MAX };
    session.token_budget.session = TokenCount { max: i64::MAX, used: i64::MAX - 1 };
    session.token_budget.day = TokenCount { max: 0, used: 10 };
    sessions.update(&session)?;
    assert_eq!(budgets(&sessions.list(&SessionQuery::default())?[0]), budgets(&session));
    (session.tool_budget, session.token_budget) = Default::default();
    sessions.update(&session)?;
    assert_eq!(budgets(&sessions.get("s")?), budgets(&session));
    Ok(())
}

pub fn an_update_replaces_everything_but_id_and_creation(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let sessions = workspace.sessions();
    sessions.create(&session("s", 3))?;
    let changed = Session { user_id: "bob".to_owned(), created_at: at(99), ..full("s") };
    let updated_at = sessions.update(&changed)?;
    let expected = Session { created_at: at(3), updated_at, ..changed };
    assert_eq!(sessions.get("s")?, expected);
    // Everything can be taken back, and the last writer wins.
    let plain = Session { last_compaction: None, ..session("s", 3) };
    let updated_at = sessions.update(&plain)?;
    assert_eq!(sessions.get("s")?, Session { updated_at, ..plain });
    Ok(())
}

pub fn an_update_is_stamped_by_the_host_whatever_the_caller_says(
    subject: &dyn Subject,
) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let mut session = session("s", 0);
    workspace.sessions().create(&session)?;
    session.updated_at = at(-1_000);
    let before = workspace.now();
    let updated_at = workspace.sessions().update(&session)?;
    assert!(before <= updated_at && updated_at <= workspace.now());
    assert_eq!(workspace.sessions().get("s")?.updated_at, updated_at);
    Ok(())
}

pub fn what_is_not_there_is_not_found(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let sessions = workspace.sessions();
    assert_fails(sessions.get("s"), ErrorKind::NotFound);
    assert_fails(sessions.update(&session("s", 0)), ErrorKind::NotFound);
    assert_fails(sessions.delete("s"), ErrorKind::NotFound);
    sessions.create(&session("s", 0))?;
    sessions.delete("s")?;
    assert_fails(sessions.get("s"), ErrorKind::NotFound);
    assert_fails(sessions.delete("s"), ErrorKind::NotFound);
    assert!(sessions.list(&SessionQuery::default())?.is_empty());
    Ok(())
}

pub fn a_taken_id_is_a_conflict_and_changes_nothing(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    workspace.sessions().create(&session("s", 0))?;
    assert_fails(workspace.sessions().create(&full("s")), ErrorKind::Conflict);
    assert_eq!(workspace.sessions().get("s")?, session("s", 0));
    Ok(())
}

pub fn a_session_of_another_workspace_is_refused(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let other = Session { workspace_id: "other".to_owned(), ..session("s", 0) };
    assert_fails(workspace.sessions().create(&other), ErrorKind::InvalidInput);
    workspace.sessions().create(&session("s", 0))?;
    assert_fails(workspace.sessions().update(&other), ErrorKind::InvalidInput);
    assert_eq!(workspace.sessions().get("s")?, session("s", 0));
    Ok(())
}

pub fn the_list_is_newest_first_and_can_be_filtered(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let sessions = workspace.sessions();
    let bobs = |id, ms| Session { user_id: "bob".to_owned(), ..session(id, ms) };
    sessions.create(&session("old", 0))?;
    sessions.create(&bobs("new", 9))?;
    sessions.create(&session("tie-1", 5))?;
    sessions.create(&Session { status: SessionStatus::Archived, ..bobs("tie-2", 5) })?;
    let list = |query: SessionQuery| -> Result<Vec<String>> {
        Ok(sessions.list(&query)?.into_iter().map(|session| session.id).collect())
    };
    let paged = |limit, offset| SessionQuery {
        paging: Paging { limit, offset, after: None },
        ..SessionQuery::default()
    };
    assert_eq!(list(SessionQuery::default())?, ["new", "tie-2", "tie-1", "old"]);
    assert_eq!(list(paged(2, 0))?, ["new", "tie-2"]);
    assert_eq!(list(paged(2, 1))?, ["tie-2", "tie-1"]);
    assert_eq!(list(paged(-1, -1))?, ["new", "tie-2", "tie-1", "old"]);
    assert_eq!(list(paged(0, 4))?, [""; 0]);
    let user_id = Some("bob".to_owned());
    assert_eq!(list(SessionQuery { user_id: user_id.clone(), ..paged(0, 0) })?, ["new", "tie-2"]);
    let status = Some(SessionStatus::Active);
    assert_eq!(list(SessionQuery { status, ..paged(0, 0) })?, ["new", "tie-1", "old"]);
    assert_eq!(list(SessionQuery { status, user_id, ..paged(0, 0) })?, ["new"]);
    // An empty text asks for nothing in particular.
    let anyone = SessionQuery { user_id: Some(String::new()), ..paged(0, 0) };
    assert_eq!(list(anyone)?.len(), 4);
    let nobody = SessionQuery { user_id: Some("eve".to_owned()), ..paged(0, 0) };
    assert_eq!(list(nobody)?, [""; 0]);
    Ok(())
}

pub fn the_list_has_a_hundred_by_default(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    workspace.transaction(|workspace| {
        (0..101).try_for_each(|n| workspace.sessions().create(&session(&format!("s{n}"), n)))
    })?;
    let page = workspace.sessions().list(&SessionQuery::default())?;
    assert_eq!((page.len(), page.next.is_some()), (100, true));
    assert_eq!(page[99].id, "s1");
    Ok(())
}

pub fn deleting_a_session_takes_its_transcript(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let sessions = workspace.sessions();
    sessions.create(&session("s", 0))?;
    sessions.create(&session("t", 0))?;
    sessions.append("s", &message("m1", "of s", 0))?;
    sessions.append("t", &message("m2", "of t", 0))?;
    sessions.delete("s")?;
    assert!(sessions.active_window("s", 10)?.is_empty());
    // The ids are free again, and nothing comes back with them.
    sessions.create(&session("s", 0))?;
    assert!(sessions.history("s", &Paging::default())?.is_empty());
    sessions.append("s", &message("m1", "again", 0))?;
    assert_eq!(ids(&sessions.active_window("t", 10)?, |m| &m.id), ["m2"]);
    Ok(())
}

pub fn the_window_is_the_newest_messages_oldest_first(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let sessions = workspace.sessions();
    sessions.create(&session("s", 0))?;
    // Appended in another order than they were said in.
    for n in [3, 0, 4, 1, 2] {
        sessions.append("s", &message(&format!("m{n}"), "x", n))?;
    }
    let window = |n| -> Result<Vec<String>> {
        Ok(sessions.active_window("s", n)?.into_iter().map(|message| message.id).collect())
    };
    assert_eq!(window(3)?, ["m2", "m3", "m4"]);
    assert_eq!(window(5)?, ["m0", "m1", "m2", "m3", "m4"]);
    assert_eq!(window(i64::MAX)?.len(), 5);
    assert_eq!(window(-1)?.len(), 5);
    assert_eq!(window(i64::MIN)?.len(), 5);
    assert_eq!(window(0)?, [""; 0]);
    assert!(sessions.active_window("nobody", 3)?.is_empty());
    Ok(())
}

pub fn ties_in_the_window_are_in_the_order_of_storing(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let sessions = workspace.sessions();
    sessions.create(&session("s", 0))?;
    for id in ["c", "a", "d", "b"] {
        sessions.append("s", &message(id, "at once", 1))?;
    }
    assert_eq!(ids(&sessions.active_window("s", 3)?, |m| &m.id), ["a", "d", "b"]);
    assert_eq!(ids(&sessions.history("s", &Paging::default())?, |m| &m.id), ["c", "a", "d", "b"]);
    Ok(())
}

pub fn the_argument_says_whose_message_it_is(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let sessions = workspace.sessions();
    sessions.create(&session("s", 0))?;
    let said = Message { session_id: "someone else".to_owned(), ..message("m", "x", 0) };
    sessions.append("s", &said)?;
    let expected = Message { session_id: "s".to_owned(), ..said };
    assert_eq!(sessions.active_window("s", 1)?, [expected]);
    Ok(())
}

pub fn appending_leaves_the_session_as_it_is(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    workspace.sessions().create(&full("s"))?;
    workspace.sessions().append("s", &message("m", "x", 0))?;
    assert_eq!(workspace.sessions().get("s")?, full("s"));
    Ok(())
}

pub fn a_message_to_no_session_is_not_found(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    assert_fails(workspace.sessions().append("s", &message("m", "x", 0)), ErrorKind::NotFound);
    workspace.sessions().create(&session("s", 0))?;
    workspace.sessions().append("s", &message("m", "x", 0))?;
    // Not there and taken: what is missing is said first.
    assert_fails(workspace.sessions().append("t", &message("m", "x", 0)), ErrorKind::NotFound);
    Ok(())
}

pub fn a_message_id_is_taken_across_sessions(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let sessions = workspace.sessions();
    sessions.create(&session("s", 0))?;
    sessions.create(&session("t", 0))?;
    sessions.append("s", &message("m", "x", 0))?;
    assert_fails(sessions.append("t", &message("m", "y", 0)), ErrorKind::Conflict);
    assert_fails(sessions.append("s", &message("m", "y", 0)), ErrorKind::Conflict);
    assert!(sessions.active_window("t", 9)?.is_empty());
    assert_eq!(sessions.active_window("s", 9)?[0].content, "x");
    Ok(())
}

pub fn every_field_of_a_message_reads_back(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let sessions = workspace.sessions();
    sessions.create(&session("s1", 0))?;
    let metadata = [("k", "v"), ("", "empty key"), ("quote \" and \u{1f600}", "")];
    let metadata: BTreeMap<String, String> =
        metadata.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    let mut expected = Vec::new();
    for (n, role) in (0..).zip(Role::ALL) {
        for (k, origin) in (0..).zip([None].into_iter().chain(Origin::ALL.iter().map(Some))) {
            let tool = if *role == Role::Tool { "call" } else { "" };
            expected.push(Message {
                role: *role,
                origin: origin.copied(),
                tool_call_id: tool.to_owned(),
                tool_name: tool.to_owned(),
                metadata: if k == 1 { metadata.clone() } else { BTreeMap::new() },
                ..message(&format!("m{n}-{k}"), "text", n * 10 + k)
            });
        }
    }
    // A tool may answer nothing.
    expected.push(Message { role: Role::Tool, ..message("nothing", "", 999) });
    for message in &expected {
        sessions.append("s1", message)?;
        workspace.messages().append(message)?;
    }
    assert_eq!(sessions.active_window("s1", 99)?, expected);
    assert_eq!(workspace.messages().oldest(99)?, expected);
    Ok(())
}

pub fn every_state_of_a_threat_reads_back(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    workspace.sessions().create(&session("s1", 0))?;
    let bypassed = ThreatInfo { bypassed: true, ..ThreatInfo::default() };
    let detected = ThreatInfo {
        scanned: true,
        detected: true,
        rules: vec!["z-rule".to_owned(), "a-rule".to_owned()],
        stage: Some(ThreatStage::Output),
        match_count: 3,
        highest_severity: "high".to_owned(),
        ..ThreatInfo::default()
    };
    let states = [
        None,
        Some(ThreatInfo::default()),
        Some(ThreatInfo::clean(ThreatStage::Input)),
        Some(ThreatInfo::clean(ThreatStage::Tool)),
        Some(bypassed),
        Some(detected),
    ];
    for (n, threat) in (0..).zip(states) {
        let said = Message { threat, ..message(&format!("m{n}"), "text", n) };
        workspace.sessions().append("s1", &said)?;
        workspace.messages().append(&said)?;
        assert_eq!(workspace.sessions().active_window("s1", 1)?, std::slice::from_ref(&said));
        assert_eq!(workspace.messages().get(&said.id)?, said);
    }
    Ok(())
}

pub fn history_is_paged_oldest_first(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let sessions = workspace.sessions();
    sessions.create(&session("s", 0))?;
    workspace.transaction(|workspace| {
        (0..150).try_for_each(|n| {
            workspace.sessions().append("s", &message(&format!("m{n}"), "x", n / 4))
        })
    })?;
    let first = sessions.history("s", &Paging::default())?;
    assert_eq!((first.len(), first[0].id.as_str(), first[99].id.as_str()), (100, "m0", "m99"));
    let rest = sessions.history("s", &Paging { after: first.next.clone(), ..Paging::default() })?;
    assert_eq!((rest.len(), rest[0].id.as_str(), &rest.next), (50, "m100", &None));
    let some = sessions.history("s", &Paging { limit: 2, offset: 149, after: None })?;
    assert_eq!(ids(&some, |m| &m.id), ["m149"]);
    assert!(sessions.history("nobody", &Paging::default())?.is_empty());
    Ok(())
}

pub fn archiving_changes_the_status_alone(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    workspace.sessions().create(&full("s"))?;
    workspace.archive("s")?;
    let archived = workspace.sessions().get("s")?;
    let expected = Session {
        status: SessionStatus::Archived,
        updated_at: archived.updated_at,
        ..full("s")
    };
    assert_eq!(archived, expected);
    assert_fails(workspace.archive("nobody"), ErrorKind::NotFound);
    Ok(())
}

pub fn sessions_and_transcripts_survive_reopening(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    workspace.sessions().create(&full("s"))?;
    workspace.sessions().append("s", &message("m", "x", 0))?;
    let window = workspace.sessions().active_window("s", 9)?;
    workspace.close()?;
    drop(workspace);
    let workspace = subject.workspace(HOME)?;
    assert_eq!(workspace.sessions().get("s")?, full("s"));
    assert_eq!(workspace.sessions().active_window("s", 9)?, window);
    assert_eq!(window.len(), 1);
    Ok(())
}
