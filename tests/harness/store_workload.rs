//! A fixed workload over all typed stores in steps, each of which commits once, and what each
//! step leaves behind.

use std::sync::Arc;

use sigil_core::{
    AuditEntry, Compactor, DatabaseOptions, Entity, Error, ErrorKind, Fact, Files, FixedHost,
    Forget, Gateway, Host, Identity, Message, Metadata, Metric, Pairing, PairingStatus,
    Relationship, Result, Role, Session, Shared, SlotStorage, SqlGateway, SqlWorkspace, Store,
    StoreAccess, StoreParts, Summary, SummaryStatus, Timestamp, User, VectorEntry, Workspace,
    WorkspaceOptions, verify_store,
};
use sigil_store_tests::dump;
use sigil_store_tests::host::StepHost;

use crate::store_model::Machine;

/// How many steps there are.
pub const STEPS: usize = 36;

/// The steps that delete first and then scrub the files: when the latter fails, the step has failed
/// and is done all the same.
pub const FORGETTING: [usize; 4] = [29, 30, 32, 34];

/// A workspace and a gateway in one store.
#[derive(Debug)]
pub struct Stores {
    /// The store they are in.
    pub store: Shared<Box<Store>>,
    /// The workspace.
    pub workspace: Workspace,
    /// The gateway.
    pub gateway: Gateway,
    host: Arc<StepHost>,
}

impl Stores {
    /// Opens both on `files`.
    ///
    /// # Errors
    /// Whatever opening reports.
    pub fn open(files: Arc<dyn Files>) -> Result<Stores> {
        const SLOTS: u8 = 4;
        let host = Arc::new(StepHost::default());
        let of = || Arc::clone(&host) as Arc<dyn Host>;
        let mut options = DatabaseOptions::default();
        // Small, so that the workload checkpoints by itself too.
        options.checkpoint_at_bytes = Some(200_000);
        let snapshots = Box::new(SlotStorage::new(Arc::clone(&files), SLOTS));
        let store = Store::open(StoreParts { files, host: of(), snapshots }, options)?;
        let store = Shared::new(Box::new(store));
        let options = WorkspaceOptions { dimensions: 3, metric: Metric::L2 };
        let workspace = SqlWorkspace::open(store.clone(), of(), "home", options)?;
        let gateway = SqlGateway::open(store.clone(), of())?;
        Ok(Stores {
            workspace: Workspace::new(Box::new(workspace)),
            gateway: Gateway::new(Box::new(gateway)),
            store,
            host,
        })
    }

    /// Does one step, which is acknowledged when it returns `Ok`.
    ///
    /// # Errors
    /// Whatever the stores report.
    pub fn step(&self, step: usize) -> Result<()> {
        self.host.at(u32::try_from(step).unwrap_or(u32::MAX));
        let (workspace, gateway) = (&self.workspace, &self.gateway);
        match step {
            0..=9 => fill(workspace, gateway, step),
            10 | 13 | 24 | 31 => compact(workspace, 6, 3),
            // A pass that gives up at each of its three jobs leaves nothing.
            11 => (0..3).try_for_each(|job| refused(compact(workspace, 6, job))),
            12 => workspace.transaction(everywhere),
            // Everything of a transaction goes when the last call in it is refused.
            14 => refused(workspace.transaction(|workspace| {
                stale(workspace)?;
                workspace.messages().trim(9)?;
                compact(workspace, 2, 3)
            })),
            15 => workspace.summaries().store(&summary("pending", SummaryStatus::Pending)),
            16 => workspace.summaries().confirm("pending"),
            17 => workspace.transaction(stale),
            18 => workspace.sweep_pending(at(1_000)).map(drop),
            19 => workspace.transaction(caught),
            20 => gateway.transaction(|gateway| {
                gateway.users().update(&User { role: "root".to_owned(), ..user("u1") })?;
                gateway.pairings().set_status("p1", PairingStatus::Active)?;
                gateway.audit().append(&AuditEntry::new("a20", at(20), "promote", "root"))
            }),
            21 => workspace.sessions().update(&session("s1")).map(drop),
            22 => self.store.with(|store| store.database().checkpoint()),
            // Many pages in one commit, and enough vectors for a snapshot of their index.
            23 => workspace.transaction(|workspace| {
                workspace.messages().append_many(&(100..180).map(message).collect::<Vec<_>>())?;
                workspace.vectors().store_many(&(100..180).map(vector).collect::<Vec<_>>())
            }),
            25 => self.store.with(Store::save_indexes).map(drop),
            26 => workspace.messages().trim(60).map(drop),
            27 => workspace.knowledge().delete_entities(&["e1"]).map(drop),
            28 => workspace.knowledge().delete_facts_by_source("talk").map(drop),
            29 => workspace.forget(&Forget::Session("s1".to_owned())).map(drop),
            30 => gateway.forget_user("u1", "root"),
            32 => workspace.forget(&Forget::User("ada".to_owned())).map(drop),
            33 => gateway.users().delete("u2"),
            34 => workspace.forget(&Forget::Workspace).map(drop),
            _ => workspace.transaction(everywhere),
        }
    }

    /// Everything a user could see.
    ///
    /// # Errors
    /// Whatever the stores report.
    pub fn dump(&self) -> Result<String> {
        Ok(dump::workspace(&self.workspace)? + &dump::gateway(&self.gateway)?)
    }
}

/// The first steps: one kind of record each.
fn fill(workspace: &Workspace, gateway: &Gateway, step: usize) -> Result<()> {
    let knowledge = workspace.knowledge();
    match step {
        0 => workspace.transaction(|workspace| {
            ["s1", "s2"].iter().try_for_each(|id| workspace.sessions().create(&session(id)))
        }),
        1 => workspace.sessions().append("s1", &message(1)),
        2 => workspace.messages().append_many(&(1..20).map(message).collect::<Vec<_>>()),
        3 => workspace.vectors().store_many(&(1..20).map(vector).collect::<Vec<_>>()),
        4 => knowledge.put_entities(&["e1", "e2"].map(|id| Entity::new(id, "thing", id, at(4)))),
        5 => knowledge.put_relationships(&[
            Relationship::new("r1", "e1", "knows", "e2", at(4)),
            Relationship::new("r2", "e2", "knows", "nobody", at(4)),
        ]),
        6 => knowledge.put_facts(&["f1", "f2"].map(|id| fact(id, "talk"))),
        7 => gateway.transaction(|gateway| {
            ["u1", "u2"].iter().try_for_each(|id| gateway.users().create(&user(id)))
        }),
        8 => gateway.pairings().create(&pairing()).map(drop),
        _ => gateway.audit().append(&AuditEntry::new("a1", at(9), "begin", "root")),
    }
}

/// A time of the workload.
fn at(ms: i64) -> Timestamp {
    Timestamp::from_unix_ns(FixedHost::START_NS).plus_ms(ms)
}

fn session(id: &str) -> Session {
    let user = if id == "s1" { "ada" } else { "bob" };
    Session::new(id, "home", user, at(0))
}

fn message(n: u16) -> Message {
    let session = if n.is_multiple_of(2) { "s1" } else { "s2" };
    let content = format!("message number {n} of the workload, {}", "long ".repeat(40));
    Message::new(format!("m{n}"), session, Role::User, content, at(i64::from(n)))
}

fn vector(n: u16) -> VectorEntry {
    let vector = vec![f32::from(n), 1.0, 2.0];
    VectorEntry { id: format!("m{n}"), vector, metadata: Metadata::new() }
}

fn summary(id: &str, status: SummaryStatus) -> Summary {
    Summary {
        id: id.to_owned(),
        from_time: at(-9),
        to_time: at(-5),
        content: "from before".to_owned(),
        message_ids: vec![format!("{id}-gone")],
        session_ids: vec!["s0".to_owned()],
        status,
        created_at: at(0),
    }
}

fn fact(id: &str, source: &str) -> Fact {
    Fact {
        id: id.to_owned(),
        entity_id: "e1".to_owned(),
        predicate: "is".to_owned(),
        value: id.to_owned(),
        confidence: 0.5,
        source: source.to_owned(),
        created_at: at(6),
    }
}

fn user(id: &str) -> User {
    let identity = Identity {
        platform: "chat".to_owned(),
        platform_user_id: id.to_owned(),
        display_name: String::new(),
    };
    User { identities: vec![identity], ..User::new(id, id, at(7)) }
}

fn pairing() -> Pairing {
    Pairing {
        id: "p1".to_owned(),
        user_id: "u1".to_owned(),
        channel_type: "chat".to_owned(),
        channel_id: "c1".to_owned(),
        workspace_id: "home".to_owned(),
        status: PairingStatus::Pending,
        created_at: at(8),
    }
}

/// One pass.
fn compact(workspace: &Workspace, batch: usize, gives_up_at: usize) -> Result<()> {
    let machine = Machine { gives_up_at };
    let passes = workspace.compact(&Compactor {
        batch,
        passes_max: 1,
        summarizer: &machine,
        embedder: &machine,
        extractor: Some(&machine),
    })?;
    match passes.len() {
        1 => Ok(()),
        _ => Err(Error::invalid("there was nothing left to compact")),
    }
}

/// Turns the refusal that a step is about into its success.
fn refused(outcome: Result<()>) -> Result<()> {
    match outcome {
        Err(error) if matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Busy) => Ok(()),
        Ok(()) => Err(Error::invalid("nothing was refused")),
        other => other,
    }
}

/// Writes to every store of the workspace, for a transaction.
fn everywhere(workspace: &Workspace) -> Result<()> {
    workspace.sessions().create(&session("s3"))?;
    workspace.sessions().append("s3", &message(60))?;
    workspace.messages().append(&message(61))?;
    workspace.messages().delete(&["m9"])?;
    workspace.summaries().store(&summary("made", SummaryStatus::Committed))?;
    workspace.knowledge().put_entity(&Entity::new("e3", "thing", "e3", at(12)))?;
    workspace.knowledge().put_relationship(&Relationship::new(
        "r3",
        "e3",
        "knows",
        "e1",
        at(12),
    ))?;
    workspace.knowledge().put_fact(&fact("f3", "book"))?;
    workspace.vectors().store("v3", &[3.0, 3.0, 3.0], &Metadata::new())
}

/// What a compaction of another program left behind when it was killed.
fn stale(workspace: &Workspace) -> Result<()> {
    workspace.summaries().store(&summary("stale", SummaryStatus::Pending))?;
    workspace.vectors().store("stale", &[0.0, 0.0, 1.0], &Metadata::new())?;
    workspace.knowledge().put_fact(&fact("stale-fact-1", sigil_core::COMPACTION_SOURCE))
}

/// A transaction that goes on after errors.
fn caught(workspace: &Workspace) -> Result<()> {
    let is = |outcome: Result<()>, kind: ErrorKind| match outcome {
        Err(error) if error.kind() == kind => Ok(()),
        Err(error) => Err(error),
        Ok(()) => Err(Error::invalid("nothing was refused")),
    };
    workspace.messages().append(&message(70))?;
    let batch = [message(71), message(70)];
    is(workspace.messages().append_many(&batch), ErrorKind::Conflict)?;
    is(workspace.sessions().create(&session("s1")), ErrorKind::Conflict)?;
    let nowhere = Relationship::new("r9", "nobody", "knows", "e1", at(12));
    is(workspace.knowledge().put_relationship(&nowhere), ErrorKind::NotFound)?;
    workspace.messages().append(&message(72))
}

/// What [`Stores::dump`] gives after each number of steps, 0 to [`STEPS`], without faults.
///
/// # Panics
/// When the workload fails by itself.
pub fn states() -> Vec<String> {
    let fails = |error: Error| -> ! { panic!("the workload fails without any fault: {error}") };
    let files = Arc::new(sigil_core::MemoryFiles::new());
    let stores = Stores::open(files).unwrap_or_else(|error| fails(error));
    let mut states = vec![stores.dump().unwrap_or_else(|error| fails(error))];
    for n in 0..STEPS {
        stores.step(n).unwrap_or_else(|error| fails(error.context(format!("step {n}"))));
        states.push(stores.dump().unwrap_or_else(|error| fails(error)));
    }
    states
}

/// Asserts that the stores hold exactly the first `acknowledged` steps, or one more, which was in
/// flight; that no compaction is half-done; and that nothing is damaged. Gives the number of steps
/// they hold, the least where two steps leave the same.
///
/// # Panics
/// When that is not so, with `context`.
pub fn assert_holds(
    stores: &Stores,
    states: &[String],
    acknowledged: usize,
    context: &str,
) -> usize {
    let fails = |error: Error| -> ! { panic!("{context}: {error}") };
    let found = stores.dump().unwrap_or_else(|error| fails(error));
    let held = (acknowledged..=(acknowledged + 1).min(STEPS)).find(|n| states[*n] == found);
    let Some(held) = held else {
        let matching: Vec<usize> = (0..=STEPS).filter(|n| states[*n] == found).collect();
        panic!("{context}: {acknowledged} steps were acknowledged, the store holds {matching:?}")
    };
    // A sweep is what such a state is for.
    if !found.contains("\nfact Fact { id: \"stale-fact-1\"") && !found.contains("\npending ") {
        dump::check_compaction(&stores.workspace).unwrap_or_else(|error| fails(error));
    }
    let findings = stores.store.with(verify_store).unwrap_or_else(|error| fails(error));
    assert!(findings.is_empty(), "{context}: {findings:?}");
    held
}
