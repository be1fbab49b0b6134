//! What is forgotten is in no file any more, and what is not is all there.

use std::fs;
use std::path::Path;

use sigil_core::{
    BackendConfig, Batch, Digest, Entity, ExtractedFact, Fact, Identity, Metadata, Relationship,
    Role, SearchOptions, Summary, SummaryStatus, Workspace,
};
use sigil_native::DataDirectory;
use sigil_tests::scratch::Scratch;

/// Text that is nowhere else: a word no other call gives, many times over.
fn marked(owner: &str, what: &str, repeats: usize) -> String {
    format!("{owner}{what}MARK ").repeat(repeats)
}

/// Everything there is of one session of `owner`.
fn live(workspace: &Workspace, owner: &str) -> String {
    let mut session = workspace.new_session(&format!("{owner}userMARK"));
    session.id = format!("{owner}sessionMARK");
    session.summary = marked(owner, "shortsummary", 3);
    workspace.sessions().create(&session).unwrap();
    for n in 0..60 {
        let mut message = workspace.new_message(&session.id, Role::User, "x");
        message.id = format!("{owner}messageMARK{n}");
        // Some of them fill pages of their own.
        message.content = marked(owner, "content", if n % 10 == 0 { 900 } else { 4 });
        message.metadata.insert("note".into(), marked(owner, "metadata", 2));
        workspace.sessions().append(&session.id, &message).unwrap();
        workspace.messages().append(&message).unwrap();
        let about =
            format!(r#"{{"session_id": "{}", "text": "{owner}vectormetaMARK"}}"#, session.id);
        let about = Metadata::from_json(&about).unwrap();
        let vector = [f32::from(owner.as_bytes()[0]), n as f32, 0.5];
        workspace.vectors().store(&message.id, &vector, &about).unwrap();
    }
    let mut said = workspace.sessions().active_window(&session.id, -1).unwrap();
    said.truncate(20);
    let batch = Batch::of(said).unwrap();
    let fact = |what: &str| ExtractedFact {
        entity_id: format!("{owner}entityMARK"),
        predicate: "likes".into(),
        value: marked(owner, what, 2),
        confidence: 0.5,
    };
    let digest = Digest {
        summary: marked(owner, "summary", 30),
        vector: vec![f32::from(owner.as_bytes()[0]), 99.0, 0.25],
        facts: vec![fact("fact"), fact("otherfact")],
    };
    batch.commit(workspace.stores(), &digest).unwrap();
    workspace
        .summaries()
        .store(&Summary {
            id: format!("{owner}summaryidMARK"),
            from_time: workspace.now(),
            to_time: workspace.now(),
            content: marked(owner, "handmade", 3),
            message_ids: vec![format!("{owner}messageMARK30")],
            session_ids: vec![],
            status: SummaryStatus::Pending,
            created_at: workspace.now(),
        })
        .unwrap();
    let facts =
        [&session.id, &format!("{owner}messageMARK40"), &session.user_id].map(|source| Fact {
            id: format!("{owner}factof{source}"),
            entity_id: "world".into(),
            predicate: "is".into(),
            value: marked(owner, "direct", 2) + source,
            confidence: 1.0,
            source: source.clone(),
            created_at: workspace.now(),
        });
    workspace.knowledge().put_facts(&facts).unwrap();
    session.id
}

/// How often each of the markers of `owner` stands in the files under `directory`.
fn found(directory: &Path, owner: &str) -> usize {
    let mut found = 0;
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found += self::found(&path, owner);
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        // Every marker has one of these in its middle, and no other text has.
        for part in [
            "session", "user", "short", "message", "cont", "metad", "vectorm", "entity", "summary",
            "fact", "otherf", "handm", "direct",
        ] {
            let part = format!("{owner}{part}");
            found += bytes.windows(part.len()).filter(|at| *at == part.as_bytes()).count();
        }
    }
    found
}

fn open(scratch: &Scratch) -> DataDirectory {
    let config = BackendConfig { vector_dimensions: 3, ..BackendConfig::default() };
    DataDirectory::open(scratch.path(), config).unwrap()
}

#[test]
fn a_forgotten_session_leaves_no_byte_behind() {
    let scratch = Scratch::new("forget-session");
    let data = open(&scratch);
    let home = data.workspace("home").unwrap();
    // One after the other, so that their rows share pages.
    let session = live(&home, "ada");
    live(&home, "bob");
    let before = (found(scratch.path(), "ada"), found(scratch.path(), "bob"));
    assert!(before.0 > 1_000 && before.1 > 1_000, "{before:?}");

    let forgotten = data.forget_session("home", &session, "admin").unwrap();
    assert_eq!((forgotten.sessions, forgotten.transcript, forgotten.messages), (1, 60, 40));
    // The two that compaction made and the one that names a message; their facts, and two by source.
    assert_eq!((forgotten.summaries, forgotten.facts), (2, 4));
    assert_eq!(forgotten.vectors, 41);
    // Whose source is the user is the user's, and the audit log says of whom the session was.
    let left = found(&scratch.path().join("workspaces"), "ada");
    assert_eq!(left, ada_left(&home), "{left}");
    data.forget_user("adauserMARK", "admin").unwrap();
    assert_eq!(found(&scratch.path().join("workspaces"), "ada"), 0);
    data.close().unwrap();
    assert_eq!(found(&scratch.path().join("workspaces"), "ada"), 0);

    let data = open(&scratch);
    let home = data.workspace("home").unwrap();
    assert_eq!(home.sessions().active_window("bobsessionMARK", -1).unwrap().len(), 60);
    assert_eq!(home.messages().search("bobcontentMARK", &Default::default()).unwrap().len(), 40);
    assert_eq!(home.messages().search("adacontentMARK", &Default::default()).unwrap().len(), 0);
    let hits = home.vectors().search(&[98.0, 25.0, 0.5], 100, &SearchOptions::default()).unwrap();
    assert_eq!(hits.len(), 41);
    assert_eq!(home.summaries().latest(-1).unwrap().len(), 1);
    data.close().unwrap();
    assert_eq!(sigil_native::verify(data.place("home").unwrap()).unwrap(), []);
}

/// How often markers stand in the one fact that is not the session's.
fn ada_left(workspace: &Workspace) -> usize {
    let facts = workspace.knowledge().find_facts(&sigil_core::FactQuery {
        source: Some("adauserMARK".into()),
        ..Default::default()
    });
    let facts = facts.unwrap();
    assert_eq!(facts.len(), 1);
    // In the row: the id (twice), the value (twice a marker and the source) and the source. In the
    // indexes: the id, the value once more, and the source.
    let in_id = 2;
    let in_value = 3;
    let in_source = 1;
    2 * (in_id + in_value + in_source)
}

#[test]
fn a_forgotten_user_and_a_forgotten_workspace_leave_no_byte_behind() {
    let scratch = Scratch::new("forget-all");
    let data = open(&scratch);
    let (home, work) = (data.workspace("home").unwrap(), data.workspace("work").unwrap());
    let gateway = data.gateway().unwrap();
    for owner in ["ada", "bob"] {
        let mut user = gateway.new_user(&marked(owner, "entityname", 1));
        user.id = format!("{owner}userMARK");
        user.identities.push(Identity {
            platform: "telegram".into(),
            platform_user_id: format!("{owner}directMARK"),
            display_name: format!("{owner}shortMARK"),
        });
        gateway.users().create(&user).unwrap();
        live(&home, owner);
        live(&work, owner);
    }
    data.forget_user("adauserMARK", "admin").unwrap();
    assert_eq!(found(&scratch.path().join("workspaces"), "ada"), 0);
    // The audit log keeps whom it was about, and nothing else does.
    let kept = gateway.audit().query(&Default::default()).unwrap();
    assert_eq!(kept.len(), 1);
    assert!(kept[0].details.to_json().contains("adauserMARK"));
    assert_eq!(found(&scratch.path().join("gateway"), "ada"), 1);
    assert!(found(&scratch.path().join("gateway"), "bob") >= 3);

    let now = work.now();
    work.knowledge()
        .put_entity(&Entity::new("bobentityMARK", "person", "bobshortMARK", now))
        .unwrap();
    let knows =
        Relationship::new("bobdirectMARK", "bobentityMARK", "knows", "bobuserMARKelsewhere", now);
    work.knowledge().put_relationship(&knows).unwrap();
    let forgotten = data.forget_workspace("work", "admin").unwrap();
    assert_eq!((forgotten.entities, forgotten.relationships), (1, 1));
    assert_eq!(found(&data.place("work").unwrap(), "bob"), 0);
    assert!(found(&data.place("home").unwrap(), "bob") > 1_000);
    // The workspace goes on.
    live(&work, "eve");
    data.close().unwrap();
    assert_eq!(found(&data.place("work").unwrap(), "bob"), 0);
    for id in ["home", "work"] {
        assert_eq!(sigil_native::verify(data.place(id).unwrap()).unwrap(), []);
    }
}
