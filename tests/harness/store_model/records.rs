//! Random records, most of them valid, over few ids and few times.

use std::collections::BTreeMap;

use sigil_core::{
    AuditEntry, Entity, Fact, FixedHost, Identity, Message, Metadata, Origin, Paging, Pairing,
    PairingStatus, Relationship, Role, Session, SessionStatus, Summary, SummaryStatus, ThreatInfo,
    ThreatStage, TimeRange, Timestamp, TokenCount, User,
};

use crate::random::Random;

/// An id out of `count` with this prefix; now and then one that is none.
pub(super) fn id(random: &mut Random, prefix: &str, count: usize) -> String {
    match random.below(300) {
        0 => String::new(),
        1 => "n\0l".to_owned(),
        2 => "x".repeat(600),
        _ => format!("{prefix}{}", random.below(count)),
    }
}

pub(super) fn ids(random: &mut Random, prefix: &str, count: usize) -> Vec<String> {
    (0..random.below(6)).map(|_| id(random, prefix, count)).collect()
}

/// Mostly one of few times, so that many are equal.
pub(super) fn time(random: &mut Random) -> Timestamp {
    let ms = i64::try_from(random.below(8)).unwrap_or(0);
    let ns = if random.below(4) == 0 { i64::try_from(random.below(1_000)).unwrap_or(0) } else { 0 };
    Timestamp::from_unix_ns(FixedHost::START_NS + ms * 1_000_000 + ns)
}

pub(super) fn range(random: &mut Random) -> TimeRange {
    let end = |random: &mut Random| (random.below(3) > 0).then(|| time(random));
    TimeRange { from: end(random), to: end(random) }
}

pub(super) fn number(random: &mut Random, below: usize) -> i64 {
    i64::try_from(random.below(below)).unwrap_or(0)
}

pub(super) fn paging(random: &mut Random) -> Paging {
    let offset = if random.below(3) == 0 { number(random, 6) - 1 } else { 0 };
    Paging { limit: number(random, 12) - 1, offset, after: None }
}

const WORDS: [&str; 10] =
    ["the", "cat", "sat", "Caf\u{e9}", "cafe\u{301}", "MAT", "42", "a-b", "na\u{ef}ve", "it's"];

pub(super) fn text(random: &mut Random) -> String {
    let words: Vec<&str> = (0..1 + random.below(6)).map(|_| WORDS[random.below(10)]).collect();
    words.join([" ", ", ", "\0", "..."][random.below(4)])
}

/// Texts that the stores keep as they are; now and then too long, or empty.
pub(super) fn name(random: &mut Random) -> String {
    match random.below(200) {
        0 => "x".repeat(70_000),
        1..=20 => String::new(),
        _ => ["alpha", "Alphabet", "al%a", "al_a", "\u{c9}al", "b\0c"][random.below(6)].to_owned(),
    }
}

pub(super) fn metadata(random: &mut Random) -> Metadata {
    let json = match random.below(8) {
        0..=3 => "{}".to_owned(),
        4 => format!(r#"{{"kind": "k{}", "n": {}}}"#, random.below(3), random.below(4)),
        5 => format!(r#"{{"session_id": "s{}"}}"#, random.below(12)),
        6 => format!(r#"{{"userId": "u{}", "x": [1.5, null]}}"#, random.below(6)),
        _ => format!(r#"{{"user_id": {}, "sessionId": "s{}"}}"#, random.below(6), random.below(12)),
    };
    Metadata::from_json(&json).unwrap_or_default()
}

pub(super) fn session(random: &mut Random) -> Session {
    let workspace = if random.below(60) == 0 { "other" } else { "home" };
    let mut session =
        Session::new(id(random, "s", 12), workspace, id(random, "u", 6), time(random));
    session.summary = name(random);
    session.last_compaction = (random.below(2) == 0).then(|| time(random));
    session.status = SessionStatus::ALL[random.below(3)];
    session.updated_at = time(random);
    session.tool_budget.max_per_session = number(random, 9);
    session.tool_budget.used = number(random, 4);
    let max = i64::MAX - number(random, 3);
    session.token_budget.day = TokenCount { max, used: max - 1 };
    session.token_budget.hour.used = if random.below(50) == 0 { -1 } else { number(random, 5) };
    session
}

fn threat(random: &mut Random) -> Option<ThreatInfo> {
    match random.below(10) {
        0 => Some(ThreatInfo::default()),
        1 => Some(ThreatInfo::clean(ThreatStage::ALL[random.below(3)])),
        2 => Some(ThreatInfo {
            scanned: true,
            detected: random.below(9) > 0,
            rules: vec!["b".to_owned(), "a".to_owned()],
            match_count: 2,
            ..ThreatInfo::default()
        }),
        _ => None,
    }
}

pub(super) fn message(random: &mut Random) -> Message {
    let (id, session) = (id(random, "m", 80), id(random, "s", 12));
    let mut message = Message::new(id, session, Role::User, text(random), time(random));
    message.role = Role::ALL[random.below(4)];
    if random.below(40) == 0 {
        message.content.clear();
    }
    if message.role == Role::Tool {
        (message.tool_call_id, message.tool_name) = ("call".to_owned(), "tool".to_owned());
        if random.below(30) == 0 {
            message.tool_name.clear();
        }
    }
    message.origin = (random.below(2) == 0).then(|| Origin::ALL[random.below(3)]);
    message.threat = threat(random);
    if random.below(4) == 0 {
        message.metadata = BTreeMap::from([("k".to_owned(), text(random))]);
    }
    message
}

pub(super) fn messages(random: &mut Random) -> Vec<Message> {
    (0..random.below(5)).map(|_| message(random)).collect()
}

pub(super) fn summary(random: &mut Random) -> Summary {
    let (from, to) = (time(random), time(random));
    let (from, to) = if random.below(30) == 0 { (from, to) } else { (from.min(to), from.max(to)) };
    Summary {
        id: id(random, "sum", 15),
        from_time: from,
        to_time: to,
        content: name(random),
        message_ids: ids(random, "m", 80),
        session_ids: ids(random, "s", 12),
        status: SummaryStatus::ALL[random.below(2)],
        created_at: time(random),
    }
}

pub(super) fn entity(random: &mut Random) -> Entity {
    let kind = id(random, "kind", 3);
    let mut entity = Entity::new(id(random, "e", 16), kind, name(random), time(random));
    entity.properties = metadata(random);
    entity
}

pub(super) fn relationship(random: &mut Random) -> Relationship {
    let kind = id(random, "edge", 3);
    let (from, to) = (id(random, "e", 16), id(random, "e", 20));
    let mut relationship = Relationship::new(id(random, "r", 60), from, kind, to, time(random));
    relationship.metadata = metadata(random);
    relationship
}

/// Sources that are also the ids of sessions, messages and users.
pub(super) fn source(random: &mut Random) -> String {
    match random.below(5) {
        0 => String::new(),
        1 => format!("s{}", random.below(12)),
        2 => format!("m{}", random.below(80)),
        3 => format!("u{}", random.below(6)),
        _ => "compaction".to_owned(),
    }
}

pub(super) fn fact(random: &mut Random) -> Fact {
    let fact = id(random, "f", 60);
    let made_of = format!("sum{}-fact-{}", random.below(15), random.below(3));
    Fact {
        id: if random.below(4) == 0 { made_of } else { fact },
        entity_id: id(random, "e", 16),
        predicate: id(random, "p", 4),
        value: name(random),
        confidence: if random.below(60) == 0 { f64::NAN } else { 0.25 },
        source: source(random),
        created_at: time(random),
    }
}

/// Small whole numbers, whose distances are exact in any arithmetic.
pub(super) fn vector(random: &mut Random) -> Vec<f32> {
    let length = if random.below(60) == 0 { 2 } else { 3 };
    let mut vector: Vec<f32> =
        (0..length).map(|_| f32::from(u8::try_from(random.below(6)).unwrap_or(0))).collect();
    if random.below(90) == 0 {
        vector[0] = f32::INFINITY;
    }
    vector
}

pub(super) fn vector_id(random: &mut Random) -> String {
    let (prefix, count) = [("v", 20), ("m", 80), ("s", 12), ("sum", 15)][random.below(4)];
    id(random, prefix, count)
}

pub(super) fn user(random: &mut Random) -> User {
    let mut user = User::new(id(random, "u", 6), name(random), time(random));
    user.role = name(random);
    user.updated_at = time(random);
    let identity = |random: &mut Random| Identity {
        platform: id(random, "platform", 2),
        platform_user_id: id(random, "i", 8),
        display_name: name(random),
    };
    user.identities = (0..random.below(3)).map(|_| identity(random)).collect();
    user
}

pub(super) fn pairing(random: &mut Random) -> Pairing {
    let made_up = random.below(4) == 0;
    Pairing {
        id: if made_up { String::new() } else { id(random, "pair", 14) },
        user_id: id(random, "u", 6),
        channel_type: id(random, "channel", 2),
        channel_id: id(random, "c", 8),
        workspace_id: String::new(),
        status: PairingStatus::ALL[random.below(3)],
        created_at: time(random),
    }
}

pub(super) fn entry(random: &mut Random) -> AuditEntry {
    let mut entry = AuditEntry::new(id(random, "a", 400), time(random), name(random), name(random));
    entry.session_id = format!("s{}", random.below(3));
    entry.details = metadata(random);
    entry
}
