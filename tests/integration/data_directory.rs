//! Data directories: many workspaces and a gateway, their backends, and what goes wrong with them.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use sigil_core::{
    Backend, BackendConfig, DATABASE_FILE, Error, ErrorKind, Fact, FixedHost, Forget, Forgotten,
    Gateway, Host, KnowledgeStore, MessageStore, Metadata, Metric, Registry, Result, Role,
    SessionStore, Shared, SqlWorkspace, Store, SummaryStore, User, VectorStore, Workspace,
    WorkspaceOptions, WorkspaceStores,
};
use sigil_native::{DataDirectory, registry};
use sigil_tests::program::run;
use sigil_tests::scratch::Scratch;

fn config() -> BackendConfig {
    BackendConfig { vector_dimensions: 3, ..BackendConfig::default() }
}

fn open(scratch: &Scratch) -> DataDirectory {
    DataDirectory::open(scratch.path(), config()).unwrap()
}

#[test]
fn ids_of_any_kind_are_workspaces_of_their_own() {
    let scratch = Scratch::new("ids");
    let data = open(&scratch);
    let long = "\u{4f60}".repeat(150);
    let mut ids = vec![
        "home",
        "Home",
        "personal:ada",
        "../../etc/passwd",
        "..",
        ".hidden",
        "a/b",
        "a\\b",
        "con",
        "caf\u{e9} \u{1f600}",
        &long,
    ];
    for id in &ids {
        let workspace = data.workspace(id).unwrap();
        let message = workspace.new_message("s", Role::User, &format!("in {id}"));
        workspace.messages().append(&message).unwrap();
        let again = data.workspace(id).unwrap();
        assert!(Arc::ptr_eq(&workspace, &again), "{id}");
        assert!(data.place(id).unwrap().starts_with(scratch.path().join("workspaces")), "{id}");
    }
    data.close().unwrap();
    // Opened or not, the directory knows them all.
    let data = open(&scratch);
    ids.sort_unstable();
    assert_eq!(data.workspaces().unwrap(), ids);
    for id in &ids {
        let workspace = data.workspace(id).unwrap();
        let found = workspace.messages().oldest(10).unwrap();
        assert_eq!(found.len(), 1, "{id}");
        assert_eq!(found[0].content, format!("in {id}"));
    }
    for (id, kind) in [
        ("", ErrorKind::InvalidInput),
        ("a\0b", ErrorKind::InvalidInput),
        (&"x".repeat(4_000), ErrorKind::Limit),
    ] {
        assert_eq!(data.workspace(id).unwrap_err().kind(), kind);
    }
    assert_eq!(data.workspaces().unwrap(), ids);
    data.close().unwrap();
    // Nothing was made outside.
    let names = fs::read_dir(scratch.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.collect::<Vec<_>>(), ["workspaces"]);
}

#[test]
fn a_directory_that_holds_another_workspace_is_refused() {
    let scratch = Scratch::new("other");
    let data = open(&scratch);
    data.workspace("a").unwrap();
    data.close().unwrap();
    let data = open(&scratch);
    fs::rename(data.place("a").unwrap(), data.place("b").unwrap()).unwrap();
    let error = data.workspace("b").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert!(error.to_string().contains("'a', not 'b'"), "{error}");
    // The failure left nothing open, or locked.
    fs::rename(data.place("b").unwrap(), data.place("a").unwrap()).unwrap();
    data.workspace("a").unwrap();
}

#[test]
fn other_dimensions_are_refused() {
    let scratch = Scratch::new("dimensions");
    let data = open(&scratch);
    data.workspace("a").unwrap();
    data.close().unwrap();
    for config in [
        BackendConfig { vector_dimensions: 4, ..config() },
        BackendConfig { metric: Metric::Cosine, ..config() },
        BackendConfig::default(),
    ] {
        let data = DataDirectory::open(scratch.path(), config).unwrap();
        let error = data.workspace("a").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        assert!(error.to_string().contains("opening the vectors of the workspace"), "{error}");
        // Nothing is left locked.
        let data = open(&scratch);
        assert_eq!(data.workspace("a").unwrap().vectors().options().dimensions, 3);
    }
}

#[test]
fn the_default_backend_has_1536_dimensions() {
    for dimensions in [0, -1, i64::MIN] {
        let scratch = Scratch::new("default");
        let config = BackendConfig { vector_dimensions: dimensions, ..BackendConfig::default() };
        let data = DataDirectory::open(scratch.path(), config).unwrap();
        assert_eq!(data.workspace("a").unwrap().vectors().options().dimensions, 1536);
    }
    let config = BackendConfig { vector_dimensions: 65_537, ..BackendConfig::default() };
    let scratch = Scratch::new("many");
    let data = DataDirectory::open(scratch.path(), config).unwrap();
    assert_eq!(data.workspace("a").unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn an_unknown_backend_is_named() {
    let scratch = Scratch::new("unknown");
    let config = BackendConfig { backend: "lancedb".into(), ..config() };
    let error = DataDirectory::open(scratch.path(), config).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let text = error.to_string();
    assert!(text.contains("'lancedb'") && text.contains("turso"), "{text}");
}

#[test]
fn the_stage_that_fails_is_named() {
    let scratch = Scratch::new("stage");
    let data = open(&scratch);
    // A directory stands where a file has to be.
    let place = data.place("a").unwrap();
    fs::create_dir_all(place.join(DATABASE_FILE)).unwrap();
    fs::create_dir_all(scratch.path().join("gateway").join(DATABASE_FILE)).unwrap();
    let error = data.workspace("a").unwrap_err().to_string();
    assert!(
        error.contains("opening the workspace 'a'") && error.contains(DATABASE_FILE),
        "{error}"
    );
    let error = data.gateway().unwrap_err().to_string();
    assert!(error.contains("opening the gateway") && error.contains(DATABASE_FILE), "{error}");
    // What stood in the way gone, both can be opened: nothing is left locked.
    fs::remove_dir(place.join(DATABASE_FILE)).unwrap();
    fs::remove_dir(scratch.path().join("gateway").join(DATABASE_FILE)).unwrap();
    data.workspace("a").unwrap();
    data.gateway().unwrap();
}

/// A backend in which one workspace cannot be opened.
#[derive(Debug)]
struct Failing(Arc<dyn Backend>);

impl Backend for Failing {
    fn open_workspace(
        &self,
        place: &Path,
        id: &str,
        options: WorkspaceOptions,
    ) -> Result<Workspace> {
        if id == "never" {
            return Err(Error::new(ErrorKind::Storage, "the disk is on fire"));
        }
        self.0.open_workspace(place, id, options)
    }

    fn open_gateway(&self, place: &Path) -> Result<Gateway> {
        self.0.open_gateway(place)
    }
}

#[test]
fn a_registered_backend_is_used_by_its_name() {
    let scratch = Scratch::new("registered");
    let inner = registry().backend(&BackendConfig::default()).unwrap();
    let registry = Arc::new(registry());
    registry.register("failing", Arc::new(Failing(inner)));
    assert_eq!(registry.names(), ["failing", "turso"]);
    let config = BackendConfig { backend: "failing".into(), ..config() };
    let data = DataDirectory::open_with(scratch.path(), config, registry).unwrap();
    data.workspace("a").unwrap();
    let error = data.workspace("never").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert_eq!(error.to_string(), "opening the workspace 'never': the disk is on fire");
}

#[test]
fn registering_is_safe_from_many_threads() {
    let backend = registry().backend(&BackendConfig::default()).unwrap();
    let registry = Registry::new();
    std::thread::scope(|scope| {
        for thread in 0..10 {
            let (registry, backend) = (&registry, &backend);
            scope.spawn(move || {
                for n in 0..10 {
                    registry.register(format!("{thread}-{n}"), Arc::clone(backend));
                    registry.register("shared", Arc::clone(backend));
                    assert!(registry.names().contains(&format!("{thread}-{n}")));
                }
            });
        }
    });
    assert_eq!(registry.names().len(), 101);
}

#[test]
fn many_threads_share_a_workspace_and_a_gateway() {
    let scratch = Scratch::new("threads");
    let data = open(&scratch);
    std::thread::scope(|scope| {
        for thread in 0..10 {
            let data = &data;
            scope.spawn(move || {
                let (workspace, gateway) = (data.workspace("w").unwrap(), data.gateway().unwrap());
                for n in 0..5 {
                    gateway
                        .audit()
                        .append(&gateway.new_entry("act", &format!("t{thread}")))
                        .unwrap();
                    // Two messages or none, whatever the others do meanwhile.
                    let outcome = workspace.transaction(|w| {
                        let session = format!("s{thread}-{n}");
                        w.messages().append(&w.new_message(&session, Role::User, "one"))?;
                        std::thread::yield_now();
                        w.messages().append(&w.new_message(&session, Role::User, "two"))?;
                        if n == 4 { Err(Error::invalid("no")) } else { Ok(()) }
                    });
                    assert_eq!(outcome.is_ok(), n < 4);
                }
            });
        }
    });
    assert_eq!(data.gateway().unwrap().audit().query(&Default::default()).unwrap().len(), 50);
    assert_eq!(data.workspace("w").unwrap().messages().count().unwrap(), 80);
    data.close().unwrap();
    assert_eq!(data.workspace("w").unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn closing_closes_everything() {
    let scratch = Scratch::new("close");
    let data = open(&scratch);
    let (a, b) = (data.workspace("a").unwrap(), data.workspace("b").unwrap());
    let gateway = data.gateway().unwrap();
    data.close().unwrap();
    for error in [
        a.messages().count().unwrap_err(),
        b.sessions().get("x").unwrap_err(),
        gateway.users().get("x").unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Closed);
    }
    // Closed twice is closed.
    data.close().unwrap();
    a.close().unwrap();
}

#[test]
fn a_user_is_forgotten_everywhere() {
    let scratch = Scratch::new("forget");
    let data = open(&scratch);
    let gateway = data.gateway().unwrap();
    let user = gateway.new_user("Ada Lovelace");
    gateway.users().create(&user).unwrap();
    for id in ["a", "b"] {
        let workspace = data.workspace(id).unwrap();
        for owner in [user.id.as_str(), "someone-else"] {
            let session = workspace.new_session(owner);
            workspace.sessions().create(&session).unwrap();
            let message = workspace.new_message(&session.id, Role::User, "a secret");
            workspace.sessions().append(&session.id, &message).unwrap();
            workspace.messages().append(&message).unwrap();
            let about = Metadata::from_json(&format!(r#"{{"user_id": "{owner}"}}"#)).unwrap();
            workspace.vectors().store(owner, &[1.0, 0.0, 0.0], &about).unwrap();
            let fact = Fact {
                id: format!("fact-{owner}"),
                entity_id: "x".into(),
                predicate: "likes".into(),
                value: owner.to_owned(),
                confidence: 1.0,
                source: owner.to_owned(),
                created_at: workspace.now(),
            };
            workspace.knowledge().put_fact(&fact).unwrap();
        }
    }
    let forgotten = data.forget_user(&user.id, "admin").unwrap();
    assert_eq!((forgotten.sessions, forgotten.transcript, forgotten.messages), (2, 2, 2));
    assert_eq!((forgotten.facts, forgotten.vectors), (2, 2));
    assert_eq!(gateway.users().get(&user.id).unwrap_err().kind(), ErrorKind::NotFound);
    for id in ["a", "b"] {
        let workspace = data.workspace(id).unwrap();
        assert_eq!(workspace.messages().count().unwrap(), 1);
        assert_eq!(workspace.vectors().count().unwrap(), 1);
        assert_eq!(workspace.sessions().list(&Default::default()).unwrap().len(), 1);
    }
    let audit = gateway.audit().query(&Default::default()).unwrap();
    assert_eq!(audit.len(), 1);
    assert_eq!((&*audit[0].action, &*audit[0].actor), ("forget.user", "admin"));
    // Again, as after a crash in between.
    data.forget_user(&user.id, "admin").unwrap();
    data.forget_workspace("a", "admin").unwrap();
    assert_eq!(data.workspace("a").unwrap().messages().count().unwrap(), 0);
    assert_eq!(data.forget_workspace("c", "admin").unwrap_err().kind(), ErrorKind::NotFound);
    let missing = data.forget_session("b", "no", "admin").unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    assert_eq!(data.workspaces().unwrap(), ["a", "b"]);
}

#[test]
fn the_command_inspects_verifies_and_forgets() {
    let scratch = Scratch::new("command");
    let directory = scratch.path().to_str().unwrap();
    let data = open(&scratch);
    let workspace = data.workspace("personal:ada").unwrap();
    let sessions = ["ada", "bob"].map(|user| workspace.new_session(user));
    for session in &sessions {
        workspace.sessions().create(session).unwrap();
        let message = workspace.new_message(&session.id, Role::User, "a word");
        workspace.sessions().append(&session.id, &message).unwrap();
    }
    data.gateway().unwrap().users().create(&User::new("ada", "Ada", workspace.now())).unwrap();
    data.close().unwrap();
    let inspect = || -> serde_json::Value {
        let ran = run(["inspect", directory, "--json"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        serde_json::from_str(&ran.out).unwrap()
    };
    let report = inspect();
    assert_eq!(report["gateway"]["records"]["gateway"]["records"]["users"], 1);
    let records = &report["workspaces/personal%3Aada"]["records"]["workspace"];
    assert_eq!(records["id"], "personal:ada");
    assert_eq!(records["records"]["transcript"], 2);
    let shown = run(["inspect", directory]).out;
    assert!(shown.contains("workspace 'personal:ada'") && shown.contains("== gateway"), "{shown}");
    assert_eq!(run(["verify", directory]).out, "ok\n");

    let ran = run(["forget", directory, "--user", "bob", "--actor", "root"]);
    assert!(ran.code == Some(0) && ran.out.contains("1 sessions with 1 messages"), "{ran:?}");
    let ran = run(["forget", directory, "--workspace", "personal:ada", "--session", "no"]);
    assert!(ran.code == Some(2) && ran.err.contains("(not-found)"), "{ran:?}");
    let session = sessions[0].id.as_str();
    let ran = run(["forget", directory, "--workspace", "personal:ada", "--session", session]);
    assert!(ran.code == Some(0) && ran.out.contains("1 sessions"), "{ran:?}");
    let ran = run(["forget", directory, "--workspace", "personal:ada"]);
    assert!(ran.code == Some(0) && ran.out.contains("0 sessions"), "{ran:?}");
    assert_ne!(run(["forget", directory]).code, Some(0));
    assert_ne!(run(["forget", directory, "--user", "a", "--workspace", "b"]).code, Some(0));
    let report = inspect();
    assert_eq!(report["gateway"]["records"]["gateway"]["records"]["audit"], 3);
    let records = &report["workspaces/personal%3Aada"]["records"]["workspace"];
    assert_eq!(records["records"]["sessions"], 0);
    let nothing = Scratch::new("nothing");
    let ran = run(["forget", nothing.path().to_str().unwrap(), "--user", "a"]);
    assert!(ran.code == Some(2) && ran.err.contains("(not-found)"), "{ran:?}");

    // Damage in one of the stores is found, and said of which.
    let path = open(&scratch).place("personal:ada").unwrap().join(DATABASE_FILE);
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.len() - 2_000;
    bytes[at] ^= 1;
    fs::write(&path, bytes).unwrap();
    let ran = run(["verify", directory]);
    assert!(ran.code == Some(1) && ran.out.contains("workspaces/personal%3Aada: "), "{ran:?}");
}

/// A workspace that cannot be closed.
#[derive(Debug)]
struct Stuck(SqlWorkspace<Shared<Box<Store>>>, &'static str);

impl WorkspaceStores for Stuck {
    fn id(&self) -> &str {
        self.0.id()
    }
    fn host(&self) -> &dyn Host {
        self.0.host()
    }
    fn sessions(&self) -> &dyn SessionStore {
        self.0.sessions()
    }
    fn messages(&self) -> &dyn MessageStore {
        self.0.messages()
    }
    fn summaries(&self) -> &dyn SummaryStore {
        self.0.summaries()
    }
    fn knowledge(&self) -> &dyn KnowledgeStore {
        self.0.knowledge()
    }
    fn vectors(&self) -> &dyn VectorStore {
        self.0.vectors()
    }
    fn transaction(&self, body: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        self.0.transaction(body)
    }
    fn forget(&self, what: &Forget) -> Result<Forgotten> {
        self.0.forget(what)
    }
    fn close(&self) -> Result<()> {
        self.0.close()?;
        Err(Error::new(ErrorKind::Full, format!("no room to close {}", self.1)))
    }
}

/// A backend in memory whose workspaces cannot be closed.
#[derive(Debug)]
struct Sticky;

impl Backend for Sticky {
    fn open_workspace(&self, _: &Path, id: &str, options: WorkspaceOptions) -> Result<Workspace> {
        let store = Shared::new(Box::new(Store::in_memory()?));
        let host = Arc::new(FixedHost::new(0));
        let name = if id == "a" { "the first" } else { "the second" };
        Ok(Workspace::new(Box::new(Stuck(SqlWorkspace::open(store, host, id, options)?, name))))
    }

    fn open_gateway(&self, _: &Path) -> Result<Gateway> {
        Gateway::in_memory()
    }
}

#[test]
fn closing_says_everything_that_failed() {
    let scratch = Scratch::new("sticky");
    let registry = Arc::new(Registry::new());
    registry.register("turso", Arc::new(Sticky));
    let data = DataDirectory::open_with(scratch.path(), config(), registry).unwrap();
    let gateway = data.gateway().unwrap();
    data.workspace("b").unwrap();
    data.workspace("a").unwrap();
    let error = data.close().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full);
    let text = error.to_string();
    assert!(text.contains("'a': no room to close the first"), "{text}");
    assert!(text.contains("'b': no room to close the second"), "{text}");
    // What could be closed is.
    assert_eq!(gateway.users().get("x").unwrap_err().kind(), ErrorKind::Closed);
}
