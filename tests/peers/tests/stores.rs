//! What the stores on SQLite do, so that a comparison with them is one with stores that work.

#![expect(clippy::unwrap_used, reason = "tests, and what they share")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sigil_peers::contender::{Commits, Contender, Turn};
use sigil_peers::model::{
    AuditEntry, Digest, Embedding, Fact, Message, Properties, Role, Session, SessionStatus,
    Summary, TokenBudget, ToolBudget,
};
use sigil_peers::sqlite::{Gateway, Side, Workspace};
use sigil_peers::text::{Writer, beginning};
use sigil_peers::{Error, graph};

const MINUTE: Duration = Duration::from_secs(60);

fn workspace() -> (tempfile::TempDir, Workspace) {
    let directory = tempfile::tempdir().unwrap();
    let workspace = Workspace::open(&directory.path().join("workspace.db"), 3).unwrap();
    (directory, workspace)
}

fn session(id: &str) -> Session {
    Session {
        id: id.into(),
        workspace_id: "w".into(),
        user_id: "u".into(),
        summary: "so far".into(),
        last_compaction: Some(beginning() + Duration::new(7, 120)),
        model_override: "large".into(),
        tool_budget: ToolBudget { max_per_turn: 1, max_per_session: 2, used: 3 },
        token_budget: TokenBudget {
            max_session: 4,
            max_hour: 5,
            max_day: 6,
            used_session: 7,
            used_hour: 8,
            used_day: 9,
        },
        status: SessionStatus::Paused,
        created_at: beginning(),
        updated_at: beginning(),
    }
}

fn contents(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| &*message.content).collect()
}

fn embedding(id: &str, vector: &[f32]) -> Embedding {
    let mut metadata = Properties::new();
    metadata.insert("of".into(), id.into());
    Embedding { id: id.into(), vector: vector.to_vec(), metadata }
}

#[test]
fn a_commit_is_synced_and_foreign_keys_are_on() {
    let (_directory, workspace) = workspace();
    let setting = |name: &str| -> String {
        let sql = format!("SELECT CAST((SELECT * FROM pragma_{name}) AS TEXT)");
        workspace.connection().query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(setting("journal_mode"), "wal");
    assert_eq!(setting("synchronous"), "2", "FULL");
    assert_eq!(setting("foreign_keys"), "1");
}

#[test]
fn sessions_come_back_as_they_were() {
    let (_directory, workspace) = workspace();
    let sessions = workspace.sessions();
    let mut session = session("s");
    sessions.create(&session).unwrap();
    assert_eq!(sessions.get("s").unwrap(), session);
    assert!(matches!(sessions.create(&session), Err(Error::Sqlite(_))));
    session.last_compaction = None;
    session.token_budget.used_day = 1_000;
    session.status = SessionStatus::Active;
    sessions.update(&session).unwrap();
    let mut updated = sessions.get("s").unwrap();
    assert!(updated.updated_at > session.updated_at);
    updated.updated_at = session.updated_at;
    assert_eq!(updated, session);
    session.id = "t".into();
    assert!(matches!(sessions.update(&session), Err(Error::NotFound(_))));
    assert!(matches!(sessions.get("t"), Err(Error::NotFound(_))));
}

#[test]
fn a_window_is_the_newest_in_the_order_of_insertion_where_times_are_equal() {
    let (_directory, workspace) = workspace();
    let sessions = workspace.sessions();
    sessions.create(&session("s")).unwrap();
    let messages = Writer::new(1).messages("s", 6, beginning(), Duration::ZERO);
    for message in &messages {
        sessions.append_message("s", message).unwrap();
    }
    assert_eq!(sessions.active_window("s", 4).unwrap(), messages[2..]);
    assert_eq!(sessions.active_window("s", 100).unwrap(), messages);
    assert!(sessions.active_window("nobody", 4).unwrap().is_empty());
    assert!(matches!(sessions.append_message("nobody", &messages[0]), Err(Error::Sqlite(_))));
}

#[test]
fn messages_are_found_by_time_and_by_phrase() {
    let (_directory, workspace) = workspace();
    let store = workspace.messages();
    let mut messages = Writer::new(2).messages("s", 5, beginning(), MINUTE);
    // A short fraction sorts after none.
    messages[1].created_at = beginning() + Duration::from_millis(500);
    messages[0].content = "Update NOT required; the Kubernetes cluster:main is \"quoted\"".into();
    messages[3].content = "a Kubernetes cluster-main".into();
    store.append(&messages).unwrap();
    assert_eq!(store.count().unwrap(), 5);
    assert_eq!(store.oldest(2).unwrap(), messages[..2]);
    assert!(matches!(store.oldest(0), Err(Error::Input(_))));
    assert_eq!(store.range(beginning(), beginning() + MINUTE * 3).unwrap(), messages[..3]);
    for (phrase, hits) in [
        ("kubernetes CLUSTER", 2),
        ("cluster:main", 2),
        ("\"quoted\"", 1),
        ("Update NOT required", 1),
        ("Kubernetes OR cluster", 0),
        ("cluster Kubernetes", 0),
        ("Kuber*", 0),
        ("...", 0),
        ("", 0),
        ("quo\0ted", 1),
    ] {
        assert_eq!(store.search(phrase, 50, 0).unwrap().len(), hits, "{phrase:?}");
    }
    let newest_first = store.search("kubernetes", 50, 0).unwrap();
    assert_eq!(contents(&newest_first), [&*messages[3].content, &*messages[0].content]);
    assert_eq!(store.search("kubernetes", 1, 1).unwrap(), messages[..1]);
    // A batch with an id that is taken adds nothing.
    let mut again = Writer::new(3).messages("s", 2, beginning(), MINUTE);
    again[1].id.clone_from(&messages[0].id);
    assert!(store.append(&again).is_err());
    assert_eq!(store.count().unwrap(), 5);
    let gone = [&*messages[0].id, "nobody", &*messages[4].id];
    assert_eq!(store.delete_by_ids(gone).unwrap(), 2);
    assert_eq!(store.search("kubernetes", 50, 0).unwrap().len(), 1);
}

#[test]
fn a_traversal_is_what_a_walk_by_hand_reaches() {
    for seed in 0..20 {
        let (_directory, workspace) = workspace();
        let mut writer = Writer::new(seed);
        let skew = if seed % 2 == 0 { 1 } else { 3 };
        let entities = graph::entities(&mut writer, 60);
        let mut edges = graph::relationships(&mut writer, &entities, 70, skew);
        // An end of which nothing is known is walked through, but is no entity.
        edges[0].to_id = "unknown".into();
        edges[1].to_id = "unknown".into();
        let knowledge = workspace.knowledge();
        knowledge.put_entities(&entities).unwrap();
        knowledge.put_relationships(&edges).unwrap();
        // Put again, an edge with the same ends and type replaces the one before.
        let edges: BTreeMap<_, _> =
            edges.iter().map(|e| ((&e.from_id, &e.to_id, &e.kind), e)).collect();
        for depth in 0..=5 {
            let start = &entities[writer.random().below(60)].id;
            let mut reached = BTreeSet::from([start]);
            for _ in 0..depth.max(1) {
                let known = reached.clone();
                for (from, to, _) in edges.keys() {
                    if known.contains(from) || known.contains(to) {
                        reached.extend([*from, *to]);
                    }
                }
            }
            let mut graph = knowledge.traverse(start, depth).unwrap();
            graph.entities.sort_by(|a, b| a.id.cmp(&b.id));
            let mut expected: Vec<_> =
                entities.iter().filter(|entity| reached.contains(&entity.id)).cloned().collect();
            expected.sort_by(|a, b| a.id.cmp(&b.id));
            assert_eq!(graph.entities, expected, "seed {seed}, depth {depth}");
            graph.relationships.sort_by(|a, b| a.id.cmp(&b.id));
            let mut expected: Vec<_> = edges
                .values()
                .filter(|e| reached.contains(&e.from_id) && reached.contains(&e.to_id))
                .map(|e| (*e).clone())
                .collect();
            expected.sort_by(|a, b| a.id.cmp(&b.id));
            assert_eq!(graph.relationships, expected, "seed {seed}, depth {depth}");
        }
        assert!(matches!(knowledge.traverse("unknown", 2), Err(Error::NotFound(_))));
        let mut lost = edges.values().next().map(|e| (*e).clone()).unwrap();
        lost.from_id = "nobody".into();
        assert!(matches!(knowledge.put_relationships(&[lost]), Err(Error::NotFound(_))));
    }
}

#[test]
fn vectors_are_found_by_distance_replaced_and_deleted() {
    let (directory, workspace) = workspace();
    let vectors = workspace.vectors();
    let a = embedding("a", &[1.0, 0.0, 0.0]);
    vectors
        .store(&[a, embedding("b", &[0.9, 0.1, 0.0]), embedding("c", &[0.0, 1.0, 0.0])])
        .unwrap();
    let ids = |query: &[f32], k| -> Vec<String> {
        vectors.search(query, k).unwrap().into_iter().map(|hit| hit.id).collect()
    };
    assert_eq!(ids(&[1.0, 0.0, 0.0], 2), ["a", "b"]);
    let hits = vectors.search(&[1.0, 0.0, 0.0], 10).unwrap();
    assert_eq!(hits.len(), 3);
    assert_eq!(hits[1].metadata.get("of").and_then(|of| of.as_str()), Some("b"));
    assert!((hits[1].distance - 0.1414).abs() < 1e-4);
    vectors.store(&[embedding("a", &[0.0, 0.0, 1.0])]).unwrap();
    assert_eq!(ids(&[0.0, 0.0, 1.0], 1), ["a"]);
    vectors.delete(["a", "nobody"]).unwrap();
    assert_eq!(ids(&[0.0, 0.0, 1.0], 10).len(), 2);
    assert!(vectors.store(&[embedding("d", &[1.0])]).is_err());
    assert!(vectors.store(&[embedding("d", &[f32::NAN, 0.0, 0.0])]).is_err());
    drop(workspace);
    assert!(Workspace::open(&directory.path().join("workspace.db"), 4).is_err());
}

#[test]
fn compaction_replaces_the_oldest_or_changes_nothing() {
    let (_directory, workspace) = workspace();
    let messages = Writer::new(6).messages("s", 120, beginning(), MINUTE);
    workspace.messages().append(&messages).unwrap();
    let vectors: Vec<Embedding> =
        messages.iter().map(|message| embedding(&message.id, &[1.0, 0.0, 0.0])).collect();
    workspace.vectors().store(&vectors).unwrap();
    let mut pass = 0;
    let mut digest = |batch: &[Message]| {
        pass += 1;
        let id = format!("sum-{}", pass.min(2));
        Digest {
            summary: Summary {
                id: id.clone(),
                from_time: batch[0].created_at,
                to_time: batch[49].created_at,
                content: "in short".into(),
                message_ids: batch.iter().map(|message| message.id.clone()).collect(),
                created_at: batch[49].created_at,
                committed: true,
            },
            facts: vec![Fact {
                id: format!("{id}-fact"),
                entity_id: "e".into(),
                predicate: "p".into(),
                value: "v".into(),
                confidence: 0.5,
                source: "compaction".into(),
                created_at: beginning(),
            }],
            embedding: embedding(&id, &[0.0, 1.0, 0.0]),
        }
    };
    assert_eq!(workspace.compact(50, &mut digest).unwrap(), 50);
    assert_eq!(workspace.compact(50, &mut digest).unwrap(), 50);
    assert_eq!(workspace.compact(50, &mut digest).unwrap(), 0, "20 are not a batch");
    assert_eq!(workspace.messages().oldest(100).unwrap(), messages[100..]);
    assert_eq!(workspace.vectors().search(&[1.0, 0.0, 0.0], 200).unwrap().len(), 22);
    let summaries = workspace.summaries().latest(5).unwrap();
    assert_eq!(summaries.len(), 2);
    assert_eq!(summaries[0].message_ids.len(), 50);
    assert_eq!(summaries[1].from_time, messages[0].created_at);
    let rows =
        |sql: &str| -> i64 { workspace.connection().query_row(sql, [], |row| row.get(0)).unwrap() };
    assert_eq!(rows("SELECT count(*) FROM facts"), 1, "the same fact twice is one");
    // The summary's id is taken: nothing of the pass stays.
    workspace.messages().append(&Writer::new(7).messages("s", 50, beginning(), MINUTE)).unwrap();
    assert!(workspace.compact(50, &mut digest).is_err());
    assert_eq!(workspace.messages().count().unwrap(), 70);
    assert_eq!(workspace.vectors().search(&[1.0, 0.0, 0.0], 200).unwrap().len(), 22);
    workspace
        .connection()
        .execute_batch(
            "INSERT INTO messages_text (messages_text, rank) VALUES ('integrity-check', 1)",
        )
        .unwrap();
    assert_eq!(rows("SELECT count(*) FROM vectors"), rows("SELECT count(*) FROM vector_ids"));
}

#[test]
fn a_turn_is_the_same_however_it_is_committed() {
    for commits in [Commits::EachCall, Commits::OneTransaction] {
        let directory = tempfile::tempdir().unwrap();
        let mut writer = Writer::new(8);
        let turn = Turn {
            session: "s".into(),
            question: writer.message("s", Role::User, beginning()),
            answer: writer.message("s", Role::Assistant, beginning() + MINUTE),
            window: 50,
            tokens: 11,
            audit: AuditEntry {
                id: "aud-1".into(),
                timestamp: beginning(),
                action: "chat.turn".into(),
                actor: "u".into(),
                plugin: "core".into(),
                workspace_id: "w".into(),
                session_id: "s".into(),
                details: Properties::new(),
                result: "ok".into(),
            },
        };
        {
            let mut side = Side::open(directory.path(), 3).unwrap();
            side.create_sessions(&[session("s")]).unwrap();
            let tally = side.chat_turn(&turn, commits).unwrap();
            assert_eq!((tally.records, tally.bytes), (1, turn.question.content.len()));
            // A second entry of that id is refused, after the turn in the workspace was committed.
            assert!(side.chat_turn(&turn, commits).is_err());
        }
        let workspace = Workspace::open(&directory.path().join("workspace.db"), 3).unwrap();
        assert_eq!(
            workspace.sessions().active_window("s", 50).unwrap(),
            [turn.question.clone(), turn.answer.clone()]
        );
        assert_eq!(workspace.sessions().get("s").unwrap().token_budget.used_day, 9 + 11);
        let gateway = Gateway::open(&directory.path().join("gateway.db")).unwrap();
        let entries: i64 = gateway
            .connection()
            .query_row("SELECT count(*) FROM audit_log WHERE actor = 'u'", [], |row| row.get(0))
            .unwrap();
        assert_eq!(entries, 1);
    }
}
