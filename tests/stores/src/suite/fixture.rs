//! Records for the rules, and what they expect.

use std::fmt::Debug;

use sigil_core::{
    AuditEntry, Entity, ErrorKind, Fact, FixedHost, Identity, Message, Metadata, Pairing,
    PairingStatus, Relationship, Result, Role, Session, Summary, SummaryStatus, Timestamp, User,
    Workspace,
};

/// `ms` milliseconds after the beginning of all tests.
pub(super) fn at(ms: i64) -> Timestamp {
    Timestamp::from_unix_ns(FixedHost::START_NS).plus_ms(ms)
}

/// The workspace most rules use.
pub(super) const HOME: &str = "home";

pub(super) fn session(id: &str, ms: i64) -> Session {
    Session::new(id, HOME, "ada", at(ms))
}

pub(super) fn message(id: &str, content: &str, ms: i64) -> Message {
    Message::new(id, "s1", Role::User, content, at(ms))
}

/// The same session in another workspace.
pub(super) fn of(workspace: &Workspace, session: Session) -> Session {
    Session { workspace_id: workspace.id().to_owned(), ..session }
}

/// `count` messages `m0`, `m1`, .. a millisecond apart.
pub(super) fn messages(count: i64) -> Vec<Message> {
    (0..count).map(|n| message(&format!("m{n}"), &format!("message number {n}"), n)).collect()
}

pub(super) fn summary(id: &str, from: i64, to: i64, status: SummaryStatus) -> Summary {
    Summary {
        id: id.to_owned(),
        from_time: at(from),
        to_time: at(to),
        content: format!("what {id} says"),
        message_ids: vec![format!("{id}-b"), format!("{id}-a")],
        session_ids: vec!["s1".to_owned()],
        status,
        created_at: at(to),
    }
}

pub(super) fn entity(id: &str, kind: &str, name: &str) -> Entity {
    Entity::new(id, kind, name, at(0))
}

pub(super) fn edge(id: &str, from: &str, kind: &str, to: &str) -> Relationship {
    Relationship::new(id, from, kind, to, at(0))
}

pub(super) fn fact(id: &str, entity: &str, predicate: &str, value: &str) -> Fact {
    Fact {
        id: id.to_owned(),
        entity_id: entity.to_owned(),
        predicate: predicate.to_owned(),
        value: value.to_owned(),
        confidence: 0.5,
        source: "test".to_owned(),
        created_at: at(0),
    }
}

pub(super) fn metadata(json: &str) -> Result<Metadata> {
    Metadata::from_json(json)
}

pub(super) fn identity(platform: &str, id: &str, name: &str) -> Identity {
    Identity {
        platform: platform.to_owned(),
        platform_user_id: id.to_owned(),
        display_name: name.to_owned(),
    }
}

pub(super) fn user(id: &str, ms: i64) -> User {
    User::new(id, format!("name of {id}"), at(ms))
}

pub(super) fn pairing(id: &str, user: &str, kind: &str, channel: &str) -> Pairing {
    Pairing {
        id: id.to_owned(),
        user_id: user.to_owned(),
        channel_type: kind.to_owned(),
        channel_id: channel.to_owned(),
        workspace_id: HOME.to_owned(),
        status: PairingStatus::Pending,
        created_at: at(0),
    }
}

pub(super) fn entry(id: &str, ms: i64) -> AuditEntry {
    AuditEntry::new(id, at(ms), "act", "ada")
}

/// The ids of records, as `ids(&page, |record| &record.id)`.
pub(super) fn ids<T>(records: &[T], id: impl Fn(&T) -> &String) -> Vec<&str> {
    records.iter().map(|record| &**id(record)).collect()
}

/// Asserts that a call failed in this way.
#[track_caller]
pub(super) fn assert_fails<T: Debug>(result: Result<T>, kind: ErrorKind) {
    match result {
        Err(error) => assert_eq!(error.kind(), kind, "{error}"),
        Ok(value) => panic!("{kind} was expected, not {value:?}"),
    }
}

/// Asserts that a call failed in this way, and says so.
#[track_caller]
pub(super) fn assert_says<T: Debug>(result: Result<T>, kind: ErrorKind, what: &str) {
    match result {
        Err(error) => {
            assert_eq!(error.kind(), kind, "{error}");
            let text = error.to_string();
            assert!(text.contains(what), "'{what}' is not in: {text}");
        }
        Ok(value) => panic!("{kind} was expected, not {value:?}"),
    }
}
