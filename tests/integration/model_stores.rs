//! Random operations over all typed stores, on SQL and on the naive backend: both say the same.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use sigil_core::{
    DatabaseOptions, Files, Gateway, Host, MemoryFiles, MemoryStorage, Metric, Result,
    SearchOptions, Shared, SqlGateway, SqlWorkspace, Store, StoreParts, Workspace,
    WorkspaceOptions, verify_store,
};
use sigil_store_tests::dump;
use sigil_store_tests::host::StepHost;
use sigil_store_tests::subject::{Registered, Subject};
use sigil_tests::scratch::Scratch;
use sigil_tests::store_model::{Operation, Operations, Side};

const OPTIONS: WorkspaceOptions = WorkspaceOptions { dimensions: 3, metric: Metric::L2 };

/// Something that a store can be opened on again and again.
trait Place {
    fn host(&self) -> &Arc<StepHost>;

    fn open(&self, name: &str) -> Result<Store>;
}

/// Small, so that checkpoints come often.
fn options() -> DatabaseOptions {
    let mut options = DatabaseOptions::default();
    options.checkpoint_at_bytes = Some(256 << 10);
    options
}

#[derive(Default)]
struct InMemory {
    files: [(&'static str, MemoryFiles); 2],
    snapshots: Arc<MemoryStorage>,
    host: Arc<StepHost>,
}

impl Place for InMemory {
    fn host(&self) -> &Arc<StepHost> {
        &self.host
    }

    fn open(&self, name: &str) -> Result<Store> {
        let (_, files) = self.files.iter().find(|(of, _)| *of == name).unwrap();
        let files: Arc<dyn Files> = Arc::new(files.clone());
        // The gateway has no index, so that one storage will do.
        let snapshots = Box::new(Arc::clone(&self.snapshots));
        let host = Arc::clone(&self.host) as Arc<dyn Host>;
        Store::open(StoreParts { files, host, snapshots }, options())
    }
}

struct OnDirectory {
    scratch: Scratch,
    host: Arc<StepHost>,
}

impl Place for OnDirectory {
    fn host(&self) -> &Arc<StepHost> {
        &self.host
    }

    fn open(&self, name: &str) -> Result<Store> {
        let directory: PathBuf = self.scratch.join(name);
        std::fs::create_dir_all(&directory).unwrap();
        let parts = StoreParts {
            files: Arc::new(sigil_native::DirectoryFiles::open(&directory)?),
            host: Arc::clone(&self.host) as Arc<dyn Host>,
            snapshots: Box::new(sigil_native::DirectoryStorage::open(&directory)?),
        };
        Store::open(parts, options())
    }
}

/// One thing to do to both.
#[derive(Debug)]
enum Step {
    Operation(Operation),
    Reopen { close: bool },
    Check,
}

/// The two backends, and how they are opened again.
struct Run<'a> {
    place: &'a dyn Place,
    twins: Registered,
    sql: Side,
    twin: Side,
}

fn open_sql(place: &dyn Place) -> Result<Side> {
    let host = place.host();
    let shared = |name| Ok::<_, sigil_core::Error>(Shared::new(Box::new(place.open(name)?)));
    let of = || Arc::clone(host) as Arc<dyn Host>;
    let workspace = SqlWorkspace::open(shared("home")?, of(), "home", OPTIONS)?;
    let gateway = SqlGateway::open(shared("gateway")?, of())?;
    let workspace = Workspace::new(Box::new(workspace));
    // A transaction cannot be the first to search.
    workspace.vectors().search(&[0.0; 3], 1, &SearchOptions::default())?;
    Ok(Side { host: Arc::clone(host), workspace, gateway: Gateway::new(Box::new(gateway)) })
}

fn open_twin(twins: &Registered, host: &Arc<StepHost>) -> Result<Side> {
    let (workspace, gateway) = (twins.workspace("home")?, twins.gateway()?);
    Ok(Side { host: Arc::clone(host), workspace, gateway })
}

impl<'a> Run<'a> {
    fn new(place: &'a dyn Place) -> Run<'a> {
        let twin_host = Arc::new(StepHost::default());
        let twins = Registered::twin(Arc::clone(&twin_host) as Arc<dyn Host>);
        let twin = open_twin(&twins, &twin_host).unwrap();
        Run { place, twins, sql: open_sql(place).unwrap(), twin }
    }

    fn reopen(&mut self, close: bool) {
        for side in [&self.sql, &self.twin] {
            if close {
                side.workspace.close().unwrap();
                side.gateway.close().unwrap();
            }
        }
        let twin_host = Arc::clone(&self.twin.host);
        // Given up before the store is opened again, which there may be only once.
        self.sql = open_twin(&self.twins, &twin_host).unwrap();
        self.sql = open_sql(self.place).unwrap();
        self.twin = open_twin(&self.twins, &twin_host).unwrap();
    }

    fn apply(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Reopen { close } => {
                self.reopen(*close);
                Ok(())
            }
            Step::Check => self.check(),
            Step::Operation(operation) => {
                let (sql, twin) = (operation.outcome(&self.sql), operation.outcome(&self.twin));
                if sql == twin {
                    return Ok(());
                }
                Err(format!("{operation:?}\n SQL:  {sql}\n twin: {twin}"))
            }
        }
    }

    fn check(&self) -> Result<(), String> {
        let both = |side: &Side| {
            (dump::workspace(&side.workspace).unwrap(), dump::gateway(&side.gateway).unwrap())
        };
        let (sql, twin) = (both(&self.sql), both(&self.twin));
        if sql == twin {
            return Ok(());
        }
        let lines = |dump: (String, String)| dump.0 + &dump.1;
        let (sql, twin) = (lines(sql), lines(twin));
        let only = |a: &str, b: &str| -> Vec<String> {
            a.lines()
                .filter(|line| !b.lines().any(|other| other == *line))
                .map(str::to_owned)
                .collect()
        };
        Err(format!("only SQL: {:#?}\nonly twin: {:#?}", only(&sql, &twin), only(&twin, &sql)))
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Makes the steps of one run, one after another.
struct Steps {
    operations: Operations,
    left: u64,
    made: u64,
    reopens: bool,
}

impl Iterator for Steps {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        if std::mem::take(&mut self.reopens) {
            let close = self.operations.random().below(2) == 0;
            return Some(Step::Reopen { close });
        }
        self.made += 1;
        if self.made.is_multiple_of(1_000) {
            return Some(Step::Check);
        }
        self.left = self.left.checked_sub(1)?;
        let operation = self.operations.next_operation();
        self.reopens = self.operations.random().below(2_000) == 0;
        Some(Step::Operation(operation))
    }
}

/// The first step at which the two differ, and how.
fn first_difference<'s>(
    place: &dyn Fn() -> Box<dyn Place>,
    steps: impl Iterator<Item = &'s Step>,
) -> Option<(usize, String)> {
    let place = place();
    let mut run = Run::new(&*place);
    steps.enumerate().find_map(|(n, step)| Some((n, run.apply(step).err()?)))
}

/// Leaves out of failing steps what the failure does not need.
fn shrink(place: &dyn Fn() -> Box<dyn Place>, mut steps: Vec<Step>) -> Vec<Step> {
    const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);
    let began = Instant::now();
    let mut chunk = steps.len() / 2;
    while chunk > 0 && began.elapsed() < PATIENCE {
        let mut from = 0;
        while from + chunk <= steps.len() {
            let rest = || steps[..from].iter().chain(&steps[from + chunk..]);
            if first_difference(place, rest()).is_some() {
                steps.drain(from..from + chunk);
            } else {
                from += chunk;
            }
        }
        chunk /= 2;
    }
    steps
}

fn run(kind: &str, seed: u64, steps: u64, place: &dyn Fn() -> Box<dyn Place>) {
    let seed = number("SIGIL_MODEL_SEED", seed);
    let left = number("SIGIL_MODEL_STEPS", steps);
    eprintln!("{kind}: SIGIL_MODEL_SEED={seed} SIGIL_MODEL_STEPS={left}");
    let began = Instant::now();
    let steps = || Steps { operations: Operations::new(seed), left, made: 0, reopens: false };
    let on = place();
    let mut run = Run::new(&*on);
    for (n, step) in steps().chain([Step::Check]).enumerate() {
        if let Err(wrong) = run.apply(&step) {
            let shrunk = shrink(place, steps().chain([Step::Check]).take(n + 1).collect());
            panic!("{kind}: seed {seed}, step {n}: {wrong}\nneeded for a difference: {shrunk:#?}");
        }
    }
    drop(run);
    let findings = verify_store(&on.open("home").unwrap()).unwrap();
    assert!(findings.is_empty(), "{findings:?}");
    eprintln!("{kind}: {left} operations in {:.1} s", began.elapsed().as_secs_f64());
}

#[test]
fn stores_on_memory_files_are_their_twin() {
    run("stores in memory", 21, 90_000, &|| {
        let files = ["home", "gateway"].map(|name| (name, MemoryFiles::new()));
        Box::new(InMemory { files, ..InMemory::default() })
    });
}

#[test]
fn stores_in_a_directory_are_their_twin() {
    run("stores in a directory", 22, 10_000, &|| {
        Box::new(OnDirectory { scratch: Scratch::new("model-stores"), host: Arc::default() })
    });
}
