//! Forgetting.

use sigil_core::{
    ErrorKind, Fact, FactQuery, Forget, Forgotten, Message, Metadata, Paging, Result,
    SearchOptions, Session, Summary, SummaryStatus, Workspace,
};

use super::fixture::{
    HOME, assert_fails, edge, entity, fact, ids, message, metadata, of, session, summary,
};
use crate::dump;
use crate::subject::Subject;

/// One session `s` of a user, with everything that can come of it. The records of a session are
/// named after it.
fn fill(workspace: &Workspace, s: &str, user: &str) -> Result<()> {
    let said = |id: &str| Message { session_id: s.to_owned(), ..message(&format!("{s}-{id}"), s, 0) };
    workspace.sessions().create(&of(workspace, Session { user_id: user.to_owned(), ..session(s, 0) }))?;
    workspace.sessions().append(s, &said("transcript"))?;
    workspace.messages().append(&said("memory"))?;
    // One covers the session, one a message of it, and one has nothing to do with it.
    for (id, session_ids, message_ids) in [
        ("by-session", vec![s.to_owned()], vec![format!("{s}-gone")]),
        ("by-message", vec![], vec![format!("{s}-transcript")]),
        ("other", vec![format!("{s}-other")], vec![]),
    ] {
        let id = format!("{s}-{id}");
        let summary = summary(&id, 0, 1, SummaryStatus::Committed);
        workspace.summaries().store(&Summary { session_ids, message_ids, ..summary })?;
        workspace.vectors().store(&id, &[1.0; 3], &Metadata::new())?;
    }
    let sourced = |id: &str, source: &str| Fact {
        source: source.to_owned(),
        ..fact(id, id, "is", "x")
    };
    workspace.knowledge().put_facts(&[
        sourced(&format!("{s}-from-session"), s),
        sourced(&format!("{s}-from-message"), &format!("{s}-memory")),
        sourced(&format!("{s}-by-session-fact-1"), "compaction"),
        sourced(&format!("{s}-other-fact-1"), "compaction"),
        // Nearly, but not.
        sourced(&format!("{s}-by-session-facts"), "compaction"),
        sourced(&format!("{s}-from-user"), user),
    ])?;
    workspace.knowledge().put_entity(&entity(s, "thing", s))?;
    workspace.knowledge().put_relationship(&edge(s, s, "is", s))?;
    let named = |json: &str| metadata(&json.replace("ID", s).replace("USER", user));
    for (id, json) in [
        (format!("{s}-memory"), "{}"),
        (s.to_owned(), "{}"),
        (format!("{s}-named"), r#"{"session_id": "ID"}"#),
        (format!("{s}-named-too"), r#"{"sessionId": "ID"}"#),
        (format!("{s}-of-user"), r#"{"user_id": "USER"}"#),
        (format!("{s}-elsewhere"), r#"{"other": "ID", "session_id": ["ID"]}"#),
    ] {
        workspace.vectors().store(&id, &[1.0; 3], &named(json)?)?;
    }
    Ok(())
}

fn vectors(workspace: &Workspace) -> Result<Vec<String>> {
    let hits = workspace.vectors().search(&[1.0; 3], 99, &SearchOptions::default())?;
    Ok(hits.into_iter().map(|hit| hit.id).collect())
}

pub fn a_session_is_forgotten_with_all_that_came_of_it(subject: &dyn Subject) -> Result<()> {
    let (workspace, alone) = (subject.workspace(HOME)?, subject.workspace("alone")?);
    fill(&workspace, "s", "ada")?;
    fill(&workspace, "t", "bob")?;
    let forgotten = workspace.forget(&Forget::Session("s".to_owned()))?;
    let expected = Forgotten {
        sessions: 1,
        transcript: 1,
        messages: 1,
        summaries: 2,
        entities: 0,
        relationships: 0,
        facts: 3,
        vectors: 6,
    };
    assert_eq!(forgotten, expected);
    assert_fails(workspace.sessions().get("s"), ErrorKind::NotFound);
    assert!(workspace.sessions().active_window("s", 9)?.is_empty());
    let summaries = workspace.summaries().latest(-1)?;
    assert_eq!(
        ids(&summaries, |s| &s.id),
        ["t-other", "t-by-message", "t-by-session", "s-other"]
    );
    let facts = workspace.knowledge().find_facts(&FactQuery::default())?;
    let of_s = facts.iter().filter(|fact| fact.id.starts_with('s')).map(|fact| &*fact.id);
    let kept = ["s-from-user", "s-by-session-facts", "s-other-fact-1"];
    assert_eq!(of_s.collect::<Vec<_>>(), kept);
    let of_s: Vec<String> =
        vectors(&workspace)?.into_iter().filter(|id| id.starts_with('s')).collect();
    assert_eq!(of_s, ["s-elsewhere", "s-of-user", "s-other"]);
    assert!(workspace.messages().search("s", &Paging::default())?.is_empty());
    // Nothing of the other session is missing.
    fill(&alone, "t", "bob")?;
    let only = dump::workspace(&alone)?.replace("\"alone\"", "\"home\"");
    let all = dump::workspace(&workspace)?;
    let missing: Vec<&str> =
        only.lines().filter(|line| !line.starts_with("vectors") && !all.contains(line)).collect();
    assert_eq!(missing, [""; 0]);
    Ok(())
}

pub fn a_user_is_forgotten_with_all_sessions(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    fill(&workspace, "s", "ada")?;
    fill(&workspace, "t", "bob")?;
    let before = dump::workspace(&workspace)?;
    fill(&workspace, "u", "ada")?;
    let forgotten = workspace.forget(&Forget::User("ada".to_owned()))?;
    let expected = Forgotten {
        sessions: 2,
        transcript: 2,
        messages: 2,
        summaries: 4,
        entities: 0,
        relationships: 0,
        facts: 8,
        vectors: 14,
    };
    assert_eq!(forgotten, expected);
    let left = dump::workspace(&workspace)?;
    assert!(!left.contains("\"ada\""), "{left}");
    let bobs = before.lines().filter(|line| line.contains("\"bob\"") || line.contains("\"t-"));
    assert!(bobs.clone().count() > 15 && bobs.clone().all(|line| left.contains(line)));
    // A user of no session is no error.
    assert_eq!(workspace.forget(&Forget::User("eve".to_owned()))?, Forgotten::default());
    assert_eq!(dump::workspace(&workspace)?, left);
    Ok(())
}

pub fn a_workspace_is_forgotten_wholly_and_goes_on(subject: &dyn Subject) -> Result<()> {
    let (workspace, other) = (subject.workspace(HOME)?, subject.workspace("other")?);
    for workspace in [&workspace, &other] {
        workspace.sessions().create(&of(workspace, session("plain", 0)))?;
        workspace.knowledge().put_entity(&entity("e", "thing", "e"))?;
        workspace.knowledge().put_relationship(&edge("dangling", "e", "to", "nobody"))?;
    }
    fill(&workspace, "s", "ada")?;
    let elsewhere = dump::workspace(&other)?;
    let forgotten = workspace.forget(&Forget::Workspace)?;
    let expected = Forgotten {
        sessions: 2,
        transcript: 1,
        messages: 1,
        summaries: 3,
        entities: 2,
        relationships: 2,
        facts: 6,
        vectors: 9,
    };
    assert_eq!(forgotten, expected);
    assert_eq!(dump::workspace(&workspace)?, "vectors 0\n");
    assert_eq!(workspace.forget(&Forget::Workspace)?, Forgotten::default());
    assert_eq!(dump::workspace(&other)?, elsewhere);
    fill(&workspace, "s", "ada")?;
    let again = dump::workspace(&workspace)?;
    workspace.close()?;
    drop(workspace);
    assert_eq!(dump::workspace(&subject.workspace(HOME)?)?, again);
    Ok(())
}

pub fn forgetting_what_is_not_there(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    fill(&workspace, "s", "ada")?;
    let before = dump::workspace(&workspace)?;
    let nobody = workspace.forget(&Forget::Session("nobody".to_owned()));
    assert_fails(nobody, ErrorKind::NotFound);
    // Facts and vectors alone make no session.
    workspace.knowledge().put_fact(&Fact { source: "ghost".to_owned(), ..fact("f", "f", "f", "f") })?;
    assert_fails(workspace.forget(&Forget::Session("ghost".to_owned())), ErrorKind::NotFound);
    workspace.knowledge().delete_facts(&["f"])?;
    assert_eq!(dump::workspace(&workspace)?, before);
    // Messages of a session that was deleted do.
    workspace.sessions().delete("s")?;
    let forgotten = workspace.forget(&Forget::Session("s".to_owned()))?;
    assert_eq!((forgotten.sessions, forgotten.transcript, forgotten.messages), (0, 0, 1));
    Ok(())
}

pub fn forgetting_nobody_is_refused(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    workspace.knowledge().put_fact(&Fact { source: String::new(), ..fact("f", "f", "f", "f") })?;
    workspace.vectors().store("v", &[1.0; 3], &metadata(r#"{"user_id": "", "session_id": ""}"#)?)?;
    let before = dump::workspace(&workspace)?;
    for nobody in [Forget::User(String::new()), Forget::Session(String::new())] {
        assert_fails(workspace.forget(&nobody), ErrorKind::InvalidInput);
    }
    assert_eq!(dump::workspace(&workspace)?, before);
    Ok(())
}

pub fn forgetting_in_a_transaction_is_busy(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    fill(&workspace, "s", "ada")?;
    let before = dump::workspace(&workspace)?;
    workspace.transaction(|workspace| {
        assert_fails(workspace.forget(&Forget::Workspace), ErrorKind::Busy);
        Ok(())
    })?;
    assert_eq!(dump::workspace(&workspace)?, before);
    Ok(())
}
