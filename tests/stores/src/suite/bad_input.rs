//! What is refused, and how.

use std::collections::BTreeMap;

use sigil_core::{
    AuditEntry, AuditQuery, Direction, Entity, EntityQuery, ErrorKind, Fact, FactQuery, Forget,
    ID_BYTES_MAX, MESSAGE_BYTES_MAX, Message, MessageStore, Metadata, Origin, Paging, PairingStatus,
    Result, Role, SearchOptions, Session, SessionQuery, SessionStatus, Summary, SummaryStatus,
    TEXT_BYTES_MAX, ThreatInfo, ThreatStage, TimeRange, Timestamp, TokenBudget, TokenCount,
    ToolBudget, User,
};

use super::fixture::{
    HOME, assert_fails, assert_says, at, edge, entity, entry, fact, identity, message, metadata,
    pairing, session, summary, user,
};
use crate::dump;
use crate::subject::Subject;

/// Ids that are none, and what they fail with.
fn no_ids() -> [(String, ErrorKind); 4] {
    [
        (String::new(), ErrorKind::InvalidInput),
        ("a\0b".to_owned(), ErrorKind::InvalidInput),
        ("x".repeat(ID_BYTES_MAX + 1), ErrorKind::Limit),
        ("\u{e9}".repeat(ID_BYTES_MAX / 2 + 1), ErrorKind::Limit),
    ]
}

/// Ids that look as if they were none.
fn odd_ids() -> Vec<String> {
    let odd = [" ", ".", "..", "a/b", "a\\b", "a:b", "'; DROP TABLE x; --", "%", "\n", "NULL"];
    let mut ids: Vec<String> = odd.iter().map(ToString::to_string).collect();
    ids.push("\u{1f600} \u{4f60}\u{597d} \u{202e}".to_owned());
    ids.push("x".repeat(ID_BYTES_MAX));
    ids
}

pub fn ids_are_neither_empty_nor_long_nor_hold_nul(subject: &dyn Subject) -> Result<()> {
    let (workspace, gateway) = (subject.workspace(HOME)?, subject.gateway()?);
    let (sessions, knowledge) = (workspace.sessions(), workspace.knowledge());
    sessions.create(&session("s1", 0))?;
    knowledge.put_entity(&entity("e", "t", "x"))?;
    gateway.users().create(&user("ada", 0))?;
    let before = (dump::workspace(&workspace)?, dump::gateway(&gateway)?);
    for (id, kind) in no_ids() {
        let id = &*id;
        assert_fails(sessions.create(&session(id, 0)), kind);
        let of_nobody = Session { user_id: id.to_owned(), ..session("s2", 0) };
        assert_fails(sessions.create(&of_nobody), kind);
        assert_fails(sessions.append("s1", &message(id, "x", 0)), kind);
        assert_fails(sessions.append(id, &message("m", "x", 0)), kind);
        assert_fails(workspace.archive(id), kind);
        assert_fails(workspace.messages().append(&message(id, "x", 0)), kind);
        let of_nothing = Message { session_id: id.to_owned(), ..message("m", "x", 0) };
        assert_fails(workspace.messages().append(&of_nothing), kind);
        let stored = summary(id, 0, 1, SummaryStatus::Pending);
        assert_fails(workspace.summaries().store(&stored), kind);
        let message_ids = vec!["m".to_owned(), id.to_owned()];
        let stored = Summary { message_ids, ..summary("s", 0, 1, SummaryStatus::Pending) };
        assert_fails(workspace.summaries().store(&stored), kind);
        assert_fails(knowledge.put_entity(&entity(id, "t", "x")), kind);
        assert_fails(knowledge.put_entity(&entity("x", id, "x")), kind);
        for edge in [edge(id, "e", "t", "f"), edge("r", id, "t", "f"), edge("r", "e", id, "f")] {
            assert_fails(knowledge.put_relationship(&edge), kind);
        }
        assert_fails(knowledge.put_relationship(&edge("r", "e", "t", id)), kind);
        for fact in [fact(id, "e", "is", "x"), fact("f", id, "is", "x"), fact("f", "e", id, "x")] {
            assert_fails(knowledge.put_fact(&fact), kind);
        }
        // Vectors refuse every id that is none in one way.
        let stored = workspace.vectors().store(id, &[0.0; 3], &Metadata::new());
        assert_fails(stored, ErrorKind::InvalidInput);
        assert_fails(workspace.forget(&Forget::Session(id.to_owned())), kind);
        assert_fails(workspace.forget(&Forget::User(id.to_owned())), kind);
        assert_fails(gateway.users().create(&user(id, 0)), kind);
        for identity in [identity(id, "x", "x"), identity("x", id, "x")] {
            let user = User { identities: vec![identity], ..user("bob", 0) };
            assert_fails(gateway.users().create(&user), kind);
        }
        for pairing in [pairing("p", id, "x", "x"), pairing("p", "ada", id, "x"), pairing("p", "ada", "x", id)] {
            assert_fails(gateway.pairings().create(&pairing), kind);
        }
        assert_fails(gateway.audit().append(&entry(id, 0)), kind);
        // An empty id of a pairing is one that is still to be made.
        if !id.is_empty() {
            let created = gateway.pairings().create(&pairing(id, "ada", "x", "x"));
            assert_fails(created, kind);
        }
    }
    assert_eq!((dump::workspace(&workspace)?, dump::gateway(&gateway)?), before);
    Ok(())
}

pub fn unknown_ids_are_nothing_special(subject: &dyn Subject) -> Result<()> {
    let (workspace, gateway) = (subject.workspace(HOME)?, subject.gateway()?);
    // Where nothing can be stored under them, ids that are none are only not there.
    for id in no_ids().into_iter().map(|(id, _)| id).chain(odd_ids()) {
        let id = &*id;
        assert_fails(workspace.sessions().get(id), ErrorKind::NotFound);
        assert_fails(workspace.sessions().delete(id), ErrorKind::NotFound);
        assert!(workspace.sessions().active_window(id, 9)?.is_empty());
        assert!(workspace.sessions().history(id, &Paging::default())?.is_empty());
        assert_fails(workspace.messages().get(id), ErrorKind::NotFound);
        assert_eq!(workspace.messages().delete(&[id])?, 0);
        assert_fails(workspace.summaries().get(id), ErrorKind::NotFound);
        assert_fails(workspace.summaries().confirm(id), ErrorKind::NotFound);
        assert!(!workspace.summaries().delete(id)?);
        let knowledge = workspace.knowledge();
        assert_fails(knowledge.entity(id), ErrorKind::NotFound);
        assert_fails(knowledge.relationships(id, &Default::default()), ErrorKind::NotFound);
        assert_fails(knowledge.traverse(id, &Default::default()), ErrorKind::NotFound);
        assert_eq!(knowledge.delete_entities(&[id])?, 0);
        assert_eq!(knowledge.delete_relationships(&[id])?, 0);
        assert_eq!(knowledge.delete_facts(&[id])?, 0);
        assert_eq!(knowledge.delete_facts_by_source(id)?, 0);
        assert_eq!(workspace.vectors().get(id)?, None);
        assert_eq!(workspace.vectors().delete(&[id])?, 0);
        assert_fails(gateway.users().get(id), ErrorKind::NotFound);
        assert_fails(gateway.users().delete(id), ErrorKind::NotFound);
        assert_fails(gateway.users().get_by_identity(id, id), ErrorKind::NotFound);
        assert_fails(gateway.pairings().get_by_channel(id, id), ErrorKind::NotFound);
        assert_fails(gateway.pairings().delete(id), ErrorKind::NotFound);
        let set = gateway.pairings().set_status(id, PairingStatus::Active);
        assert_fails(set, ErrorKind::NotFound);
    }
    // And odd ones are ids like any other.
    for id in odd_ids() {
        workspace.sessions().create(&session(&id, 0))?;
        workspace.sessions().append(&id, &message(&id, "x", 0))?;
        workspace.messages().append(&message(&id, "x", 0))?;
        workspace.knowledge().put_entity(&entity(&id, &id, &id))?;
        workspace.knowledge().put_relationship(&edge(&id, &id, &id, &id))?;
        workspace.vectors().store(&id, &[0.0; 3], &Metadata::new())?;
        gateway.users().create(&User { identities: vec![identity(&id, &id, &id)], ..user(&id, 0) })?;
        assert_eq!(workspace.sessions().get(&id)?, session(&id, 0));
        assert_eq!(workspace.messages().get(&id)?.id, id);
        assert_eq!(workspace.knowledge().traverse(&id, &Default::default())?.relationships.len(), 1);
        assert_eq!(gateway.users().get_by_identity(&id, &id)?.id, id);
        assert_eq!(workspace.messages().delete(&[&id])?, 1);
    }
    Ok(())
}

pub fn workspace_ids_are_any_text(subject: &dyn Subject) -> Result<()> {
    for (n, id) in odd_ids().iter().enumerate() {
        let workspace = subject.workspace(id)?;
        assert_eq!(workspace.id(), id);
        let session = Session::new("s", id, "ada", at(0));
        workspace.sessions().create(&session)?;
        workspace.messages().append(&message(&n.to_string(), "x", 0))?;
        workspace.close()?;
    }
    for (n, id) in odd_ids().iter().enumerate() {
        let workspace = subject.workspace(id)?;
        assert_eq!(workspace.sessions().get("s")?.workspace_id, *id);
        assert_eq!(workspace.messages().oldest(9)?[0].id, n.to_string());
    }
    for (id, kind) in no_ids().into_iter().chain([("w".repeat(4_000), ErrorKind::Limit)]) {
        assert_fails(subject.workspace(&id), kind);
    }
    Ok(())
}

pub fn long_contents_are_refused_by_name(subject: &dyn Subject) -> Result<()> {
    let (workspace, gateway) = (subject.workspace(HOME)?, subject.gateway()?);
    let long = |max: usize| "x".repeat(max + 1);
    let limit = |max: usize| format!("the limit is {max}");
    let says = |result: Result<()>, what: &str, max: usize| {
        let text = result.as_ref().err().map(ToString::to_string).unwrap_or_default();
        assert!(text.contains(what), "'{what}' is not in: {text}");
        assert_says(result, ErrorKind::Limit, &limit(max));
    };
    let store = workspace.messages();
    says(store.append(&message("m", &long(MESSAGE_BYTES_MAX), 0)), "content", MESSAGE_BYTES_MAX);
    let tool = Message { tool_call_id: long(TEXT_BYTES_MAX), tool_name: "t".to_owned(), ..message("m", "x", 0) };
    says(store.append(&tool), "tool call id", TEXT_BYTES_MAX);
    let pairs = BTreeMap::from([("key".to_owned(), long(64 << 10))]);
    let tagged = Message { metadata: pairs, ..message("m", "x", 0) };
    says(store.append(&tagged), "metadata", 64 << 10);
    let said = Session { summary: long(MESSAGE_BYTES_MAX), ..session("s", 0) };
    says(workspace.sessions().create(&said), "summary", MESSAGE_BYTES_MAX);
    let model = Session { model_override: long(TEXT_BYTES_MAX), ..session("s", 0) };
    says(workspace.sessions().create(&model), "model", TEXT_BYTES_MAX);
    let content = long(MESSAGE_BYTES_MAX);
    let told = Summary { content, ..summary("s", 0, 1, SummaryStatus::Committed) };
    says(workspace.summaries().store(&told), "content", MESSAGE_BYTES_MAX);
    let message_ids = vec!["m".to_owned(); 100_001];
    let wide = Summary { message_ids, ..summary("s", 0, 1, SummaryStatus::Committed) };
    says(workspace.summaries().store(&wide), "100001 messages", 100_000);
    let named = entity("e", "t", &long(TEXT_BYTES_MAX));
    says(workspace.knowledge().put_entity(&named), "name", TEXT_BYTES_MAX);
    let valued = fact("f", "e", "is", &long(1 << 20));
    says(workspace.knowledge().put_fact(&valued), "value", 1 << 20);
    let sourced = Fact { source: long(TEXT_BYTES_MAX), ..fact("f", "e", "is", "x") };
    says(workspace.knowledge().put_fact(&sourced), "source", TEXT_BYTES_MAX);
    let role = User { role: long(TEXT_BYTES_MAX), ..user("ada", 0) };
    says(gateway.users().create(&role), "role", TEXT_BYTES_MAX);
    let identities = (0..1_001).map(|n| identity("p", &n.to_string(), "")).collect();
    let many = User { identities, ..user("ada", 0) };
    assert_says(gateway.users().create(&many), ErrorKind::Limit, "1000 identities");
    let acted = AuditEntry { action: long(TEXT_BYTES_MAX), ..entry("a", 0) };
    says(gateway.audit().append(&acted), "action", TEXT_BYTES_MAX);
    // What is just as long as the limit is stored.
    store.append(&message("m", &"x".repeat(MESSAGE_BYTES_MAX), 0))?;
    assert_eq!(store.get("m")?.content.len(), MESSAGE_BYTES_MAX);
    store.append(&Message { metadata: BTreeMap::from([("k".to_owned(), "x".repeat((64 << 10) - 1))]), ..message("n", "x", 0) })?;
    gateway.audit().append(&AuditEntry { action: "x".repeat(TEXT_BYTES_MAX), ..entry("a", 0) })
}

pub fn nul_in_texts_is_kept(subject: &dyn Subject) -> Result<()> {
    let (workspace, gateway) = (subject.workspace(HOME)?, subject.gateway()?);
    let nul = "before\0after";
    let pairs = BTreeMap::from([(nul.to_owned(), nul.to_owned())]);
    let said = Message { metadata: pairs, ..message("m", nul, 0) };
    workspace.messages().append(&said)?;
    assert_eq!(workspace.messages().get("m")?, said);
    let named = Entity { properties: metadata(r#"{"a\u0000b": "c\u0000d"}"#)?, ..entity("e", "t", nul) };
    workspace.knowledge().put_entity(&named)?;
    assert_eq!(workspace.knowledge().entity("e")?, named);
    let known = Fact { source: nul.to_owned(), ..fact("f", "e", "is", nul) };
    workspace.knowledge().put_fact(&known)?;
    let query = FactQuery { source: Some(nul.to_owned()), ..Default::default() };
    assert_eq!(workspace.knowledge().find_facts(&query)?.items, [known]);
    let other = FactQuery { source: Some("before".to_owned()), ..Default::default() };
    assert!(workspace.knowledge().find_facts(&other)?.is_empty());
    workspace.vectors().store("v", &[0.0; 3], &named.properties)?;
    let hits = workspace.vectors().search(&[0.0; 3], 1, &SearchOptions::default())?;
    assert_eq!(hits[0].metadata, named.properties);
    let acted = AuditEntry { action: nul.to_owned(), ..entry("a", 0) };
    gateway.audit().append(&acted)?;
    let query = AuditQuery { action: Some(nul.to_owned()), ..Default::default() };
    assert_eq!(gateway.audit().query(&query)?.items, [acted]);
    Ok(())
}

pub fn budgets_are_not_broken(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let tool = |max_per_turn, max_per_session, used| Session {
        tool_budget: ToolBudget { max_per_turn, max_per_session, used },
        ..session("s", 0)
    };
    let token = |max, used| TokenCount { max, used };
    let zero = TokenCount::default();
    let tokens = |session_tokens, hour, day| Session {
        token_budget: TokenBudget { session: session_tokens, hour, day },
        ..session("s", 0)
    };
    let broken = [
        tool(-1, 0, 0),
        tool(0, -1, 0),
        tool(0, 0, -1),
        tool(0, 3, 4),
        tool(i64::MIN, 0, 0),
        tokens(token(-1, 0), zero, zero),
        tokens(zero, token(0, -1), zero),
        tokens(zero, zero, token(7, 8)),
        tokens(token(1, 2), zero, zero),
        tokens(zero, token(1, 2), zero),
    ];
    for session in &broken {
        assert_says(workspace.sessions().create(session), ErrorKind::InvalidInput, "budget");
    }
    workspace.sessions().create(&session("s", 0))?;
    for session in &broken {
        assert_says(workspace.sessions().update(session), ErrorKind::InvalidInput, "budget");
    }
    assert_eq!(workspace.sessions().get("s")?, session("s", 0));
    // 0 is unlimited, everything may be used up, and calls per turn are no limit of the session.
    for whole in [tool(0, 0, i64::MAX), tool(1, 3, 3), tokens(token(5, 5), token(0, 9), zero)] {
        workspace.sessions().update(&whole)?;
    }
    Ok(())
}

pub fn threats_do_not_contradict_themselves(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    workspace.sessions().create(&session("s1", 0))?;
    let rules = vec!["rule".to_owned()];
    let none = ThreatInfo::default;
    let long = "x".repeat(TEXT_BYTES_MAX + 1);
    let broken = [
        ThreatInfo { rules: rules.clone(), ..none() },
        ThreatInfo { scanned: true, rules: rules.clone(), ..none() },
        ThreatInfo { scanned: true, detected: true, ..none() },
        ThreatInfo { detected: true, rules: rules.clone(), ..none() },
        ThreatInfo { bypassed: true, scanned: true, ..none() },
        ThreatInfo { bypassed: true, detected: true, rules: rules.clone(), ..none() },
        ThreatInfo { bypassed: true, rules, ..none() },
    ];
    for threat in broken {
        let said = Message { threat: Some(threat), ..message("m", "x", 0) };
        assert_says(workspace.messages().append(&said), ErrorKind::InvalidInput, "threat");
        assert_says(workspace.sessions().append("s1", &said), ErrorKind::InvalidInput, "threat");
    }
    let severe = ThreatInfo { highest_severity: long.clone(), ..ThreatInfo::clean(ThreatStage::Tool) };
    let ruled = ThreatInfo { scanned: true, detected: true, rules: vec![long], ..none() };
    for threat in [severe, ruled] {
        let said = Message { threat: Some(threat), ..message("m", "x", 0) };
        assert_says(workspace.messages().append(&said), ErrorKind::Limit, "threat");
    }
    assert_eq!(workspace.messages().count()?, 0);
    Ok(())
}

pub fn messages_say_something_and_tools_are_named_whole(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let store: &dyn MessageStore = workspace.messages();
    for role in [Role::User, Role::Assistant, Role::System] {
        let silent = Message { role, ..message("m", "", 0) };
        assert_says(store.append(&silent), ErrorKind::InvalidInput, "content");
    }
    store.append(&Message { role: Role::Tool, ..message("m", "", 0) })?;
    for (id, name) in [("call", ""), ("", "name")] {
        let half = Message {
            tool_call_id: id.to_owned(),
            tool_name: name.to_owned(),
            ..message("n", "x", 0)
        };
        assert_says(store.append(&half), ErrorKind::InvalidInput, "tool");
    }
    assert_eq!(store.count()?, 1);
    Ok(())
}

pub fn summaries_do_not_end_before_they_begin(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let stored = workspace.summaries().store(&summary("s", 2, 1, SummaryStatus::Committed));
    assert_says(stored, ErrorKind::InvalidInput, "before it begins");
    workspace.summaries().store(&summary("s", 1, 1, SummaryStatus::Committed))
}

pub fn numbers_that_are_not_finite_are_refused(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    for confidence in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let unsure = Fact { confidence, ..fact("f", "e", "is", "x") };
        assert_says(workspace.knowledge().put_fact(&unsure), ErrorKind::InvalidInput, "confidence");
    }
    for confidence in [f64::MAX, f64::MIN_POSITIVE, -0.5, 1e-310] {
        let sure = Fact { confidence, ..fact("f", "e", "is", "x") };
        workspace.knowledge().put_fact(&sure)?;
        let found = workspace.knowledge().find_facts(&FactQuery::default())?;
        assert_eq!(found[0].confidence.to_bits(), confidence.to_bits(), "{confidence}");
    }
    assert_fails(metadata(r#"{"a": 1e999}"#), ErrorKind::InvalidInput);
    assert_fails(metadata(r#"{"a": NaN}"#), ErrorKind::InvalidInput);
    Ok(())
}

pub fn names_of_no_value_are_refused(_: &dyn Subject) -> Result<()> {
    for name in ["", "Active", "active ", "nothing", "activ\0e"] {
        assert_says(SessionStatus::parse(name), ErrorKind::InvalidInput, "archived");
        assert_says(Role::parse(name), ErrorKind::InvalidInput, "assistant");
        assert_says(Origin::parse(name), ErrorKind::InvalidInput, "tool_output");
        assert_says(ThreatStage::parse(name), ErrorKind::InvalidInput, "output");
        assert_says(SummaryStatus::parse(name), ErrorKind::InvalidInput, "pending");
        assert_says(PairingStatus::parse(name), ErrorKind::InvalidInput, "denied");
        assert_says(Direction::parse(name), ErrorKind::InvalidInput, "incoming");
    }
    for status in SessionStatus::ALL {
        assert_eq!(SessionStatus::parse(status.as_str())?, *status);
    }
    // What comes in as JSON is held to the same.
    let session = serde_json::to_string(&session("s", 0)).unwrap_or_default();
    let read = |text: &str| serde_json::from_str::<Session>(text);
    assert!(read(&session).is_ok());
    assert!(read(&session.replace("\"active\"", "\"lively\"")).is_err());
    assert!(read(&session.replace("\"id\"", "\"idd\"")).is_err());
    assert!(read(&session.replace("2026-", "2026/")).is_err());
    Ok(())
}

pub fn texts_that_are_no_time_are_refused(_: &dyn Subject) -> Result<()> {
    for text in ["", "not-a-timestamp", "2024-13-01T00:00:00Z", "2024/01/01", "2024-01-01", "0", "\0"] {
        assert_says(text.parse::<Timestamp>(), ErrorKind::InvalidInput, "parsing timestamp");
    }
    for text in ["2024-01-01T00:00:00Z", "2024-01-01T00:00:00.123456789Z", "2024-01-01T01:00:00+01:00"] {
        assert_eq!(text.parse::<Timestamp>()?.to_string()[..19], *"2024-01-01T00:00:00");
    }
    Ok(())
}

pub fn limits_and_offsets_are_any_number(subject: &dyn Subject) -> Result<()> {
    let (workspace, gateway) = (subject.workspace(HOME)?, subject.gateway()?);
    workspace.sessions().create(&session("s", 0))?;
    workspace.knowledge().put_entity(&entity("e", "t", "x"))?;
    for id in ["a", "b", "c"] {
        workspace.sessions().append("s", &message(id, "word", 0))?;
        workspace.messages().append(&message(id, "word", 0))?;
        workspace.knowledge().put_relationship(&edge(id, "e", id, id))?;
        workspace.knowledge().put_fact(&fact(id, id, id, id))?;
        gateway.audit().append(&entry(id, 0))?;
    }
    let everything = [i64::MIN, -1, 0, 3, 1 << 31, 1 << 32, (1 << 32) + 1, i64::MAX - 1, i64::MAX];
    for limit in everything {
        for (offset, left) in [(i64::MIN, 3), (-1, 3), (0, 3), (2, 1), (3, 0), (1 << 32, 0), (i64::MAX, 0)] {
            let paging = Paging { limit, offset, after: None };
            let context = format!("{paging:?}");
            let sessions = SessionQuery { paging: paging.clone(), ..Default::default() };
            assert_eq!(workspace.sessions().list(&sessions)?.is_empty(), offset > 0, "{context}");
            assert_eq!(workspace.sessions().history("s", &paging)?.len(), left, "{context}");
            assert_eq!(workspace.messages().search("word", &paging)?.len(), left, "{context}");
            let range = workspace.messages().range(&TimeRange::default(), &paging)?;
            assert_eq!((range.len(), range.next), (left, None), "{context}");
            let entities = EntityQuery { paging: paging.clone(), ..Default::default() };
            let entities = workspace.knowledge().find_entities(&entities)?;
            assert_eq!(entities.is_empty(), offset > 0, "{context}");
            let edges = sigil_core::RelationshipQuery { paging: paging.clone(), ..Default::default() };
            assert_eq!(workspace.knowledge().relationships("e", &edges)?.len(), left, "{context}");
            let facts = FactQuery { paging: paging.clone(), ..Default::default() };
            assert_eq!(workspace.knowledge().find_facts(&facts)?.len(), left, "{context}");
            let entries = AuditQuery { paging: paging.clone(), ..Default::default() };
            assert_eq!(gateway.audit().query(&entries)?.len(), left, "{context}");
            assert!(gateway.users().list(&paging)?.is_empty());
        }
    }
    Ok(())
}

pub fn too_much_metadata_is_refused(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let long = format!(r#"{{"a": "{}"}}"#, "x".repeat(Metadata::JSON_BYTES_MAX));
    assert_fails(metadata(&long), ErrorKind::Limit);
    let deep = format!("{}1{}", r#"{"a":"#.repeat(17), "}".repeat(17));
    assert_fails(metadata(&deep), ErrorKind::Limit);
    for wrong in ["", "[]", "1", "null", "{", r#"{"a": }"#] {
        assert_fails(metadata(wrong), ErrorKind::InvalidInput);
    }
    let fits = format!(r#"{{"a":"{}"}}"#, "x".repeat(Metadata::JSON_BYTES_MAX - 8));
    workspace.vectors().store("v", &[0.0; 3], &metadata(&fits)?)?;
    workspace.knowledge().put_entity(&Entity { properties: metadata(&fits)?, ..entity("e", "t", "x") })?;
    assert_eq!(workspace.knowledge().entity("e")?.properties, metadata(&fits)?);
    Ok(())
}

pub fn a_closed_handle_says_so(subject: &dyn Subject) -> Result<()> {
    let (workspace, gateway) = (subject.workspace(HOME)?, subject.gateway()?);
    workspace.sessions().create(&session("s", 0))?;
    workspace.messages().append(&message("m", "x", 0))?;
    workspace.close()?;
    gateway.close()?;
    let closed = ErrorKind::Closed;
    assert_fails(workspace.sessions().create(&session("t", 0)), closed);
    assert_fails(workspace.sessions().get("s"), closed);
    assert_fails(workspace.sessions().update(&session("s", 0)), closed);
    assert_fails(workspace.sessions().list(&Default::default()), closed);
    assert_fails(workspace.sessions().delete("s"), closed);
    assert_fails(workspace.sessions().append("s", &message("m", "x", 0)), closed);
    assert_fails(workspace.sessions().active_window("s", 1), closed);
    assert_fails(workspace.sessions().history("s", &Paging::default()), closed);
    assert_fails(workspace.messages().append(&message("n", "x", 0)), closed);
    assert_fails(workspace.messages().get("m"), closed);
    assert_fails(workspace.messages().search("x", &Paging::default()), closed);
    assert_fails(workspace.messages().range(&TimeRange::default(), &Paging::default()), closed);
    assert_fails(workspace.messages().oldest(1), closed);
    assert_fails(workspace.messages().count(), closed);
    assert_fails(workspace.messages().delete(&["m"]), closed);
    assert_fails(workspace.messages().trim(1), closed);
    assert_fails(workspace.summaries().get("s"), closed);
    assert_fails(workspace.summaries().confirm("s"), closed);
    assert_fails(workspace.summaries().range(&TimeRange::default()), closed);
    assert_fails(workspace.knowledge().put_entity(&entity("e", "t", "x")), closed);
    assert_fails(workspace.knowledge().entity("e"), closed);
    assert_fails(workspace.knowledge().delete_entities(&["e"]), closed);
    assert_fails(workspace.knowledge().traverse("e", &Default::default()), closed);
    assert_fails(workspace.vectors().store("v", &[0.0; 3], &Metadata::new()), closed);
    assert_fails(workspace.vectors().search(&[0.0; 3], 1, &SearchOptions::default()), closed);
    assert_fails(workspace.vectors().count(), closed);
    assert_fails(workspace.transaction(|_| Ok(())), closed);
    assert_fails(workspace.forget(&Forget::Workspace), closed);
    assert_fails(workspace.sweep_pending(at(0)), closed);
    assert_fails(gateway.users().get("ada"), closed);
    assert_fails(gateway.users().list(&Paging::default()), closed);
    assert_fails(gateway.pairings().get_by_user("ada"), closed);
    assert_fails(gateway.pairings().create(&pairing("p", "ada", "x", "x")), closed);
    assert_fails(gateway.audit().append(&entry("a", 0)), closed);
    assert_fails(gateway.audit().query(&AuditQuery::default()), closed);
    assert_fails(gateway.forget_user("ada", "root"), closed);
    assert_fails(gateway.transaction(|_| Ok(())), closed);
    drop((workspace, gateway));
    // What was stored is there, and what was refused is not.
    let workspace = subject.workspace(HOME)?;
    assert_eq!(workspace.sessions().get("s")?, session("s", 0));
    assert_eq!(workspace.messages().count()?, 1);
    Ok(())
}

pub fn closing_twice_is_closing_once(subject: &dyn Subject) -> Result<()> {
    let (workspace, gateway) = (subject.workspace(HOME)?, subject.gateway()?);
    for _ in 0..2 {
        workspace.close()?;
        gateway.close()?;
    }
    Ok(())
}
