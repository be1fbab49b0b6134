//! Random operations on a real store and on its naive twin, on every kind of storage.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use sigil_core::{
    CollectionOptions, DATABASE_FILE, DatabaseOptions, Error, ErrorKind, Files, Filter, FixedHost,
    Hit, ImageStore, MemoryFiles, MemoryStorage, Metric, Result, SearchOptions, SnapshotStorage,
    Store, StoreParts, Value as SqlValue, container::StoreId, image, verify_store,
};
use sigil_native::DirectoryStore;
use sigil_tests::c_sqlite;
use sigil_tests::crash::{CrashFiles, Cut};
use sigil_tests::model::{
    Refusals, Row, SCHEMA, Twin, Vectors, Write, check_hits, random_filter, random_metadata,
    small_vector, to_metadata,
};
use sigil_tests::random::Random;

/// A kind of storage with a store open on it.
trait Place {
    fn store(&self) -> &Store;

    /// Makes what is committed durable, where a commit does not by itself.
    fn flush(&mut self) {}

    /// Whether a commit is durable only after a flush.
    fn needs_flush(&self) -> bool {
        false
    }

    /// Opens the store again, after closing it or as after a crash; between the two, `damage`
    /// meets the snapshots of its indexes.
    fn reopen(&mut self, close: bool, damage: Option<Damage>);

    /// The whole database as one file.
    fn export(&mut self) -> Vec<u8>;
}

/// What is done to the snapshots of indexes while the store is closed.
#[derive(Debug, Clone, Copy)]
enum Damage {
    Flip(usize),
    Cut(usize),
    Remove,
    Swap,
}

impl Damage {
    fn random(random: &mut Random) -> Damage {
        let at = random.below(1 << 20);
        [Damage::Flip(at), Damage::Cut(at), Damage::Remove, Damage::Swap][random.below(4)]
    }

    /// Does it to the snapshots of these names.
    fn apply(self, storage: &dyn SnapshotStorage, names: &[String]) {
        let read = |name: &str| storage.read(name).unwrap();
        for (name, other) in names.iter().zip(names.iter().cycle().skip(1)) {
            // Damage may have left nothing of it before.
            let Some(mut bytes) = read(name).filter(|bytes| !bytes.is_empty()) else { continue };
            match self {
                Damage::Flip(at) => {
                    let at = at % bytes.len();
                    bytes[at] ^= 1;
                }
                Damage::Cut(at) => bytes.truncate(at % bytes.len()),
                Damage::Remove => {
                    storage.remove(name).unwrap();
                    continue;
                }
                Damage::Swap => bytes = read(other).unwrap_or_default(),
            }
            storage.replace(name, &bytes).unwrap();
        }
    }
}

fn snapshot_names(store: &Store) -> Vec<String> {
    store.collections().unwrap().iter().map(|info| info.snapshot_name()).collect()
}

/// A store on named files, in memory or on files that a power cut meets at every reopening
/// without closing.
struct OnFiles {
    files: Arc<dyn Files>,
    crash: Option<CrashFiles>,
    snapshots: Arc<MemoryStorage>,
    store: Option<Store>,
}

impl OnFiles {
    fn new(files: Arc<dyn Files>, crash: Option<CrashFiles>) -> OnFiles {
        let snapshots = Arc::new(MemoryStorage::new());
        let mut place = OnFiles { files, crash, snapshots, store: None };
        place.open();
        place
    }

    fn open(&mut self) {
        let parts = StoreParts {
            files: Arc::clone(&self.files),
            host: Arc::new(FixedHost::new(1)),
            snapshots: Box::new(Arc::clone(&self.snapshots)),
        };
        self.store = Some(Store::open(parts, options()).unwrap());
    }
}

/// Small, so that checkpoints come often.
fn options() -> DatabaseOptions {
    let mut options = DatabaseOptions::default();
    options.checkpoint_at_bytes = Some(256 << 10);
    options.cache_pages = 200;
    options
}

impl Place for OnFiles {
    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    fn reopen(&mut self, close: bool, damage: Option<Damage>) {
        let names = snapshot_names(self.store());
        if close {
            self.store().close().unwrap();
        }
        self.store = None;
        if let Some(crash) = self.crash.take() {
            let after = CrashFiles::with(&crash.survivors(), Cut::Never, 1);
            self.files = Arc::new(after.clone());
            self.crash = Some(after);
        }
        if let Some(damage) = damage {
            damage.apply(self.snapshots.as_ref(), &names);
        }
        self.open();
    }

    fn export(&mut self) -> Vec<u8> {
        sigil_core::export(self.store().database(), self.files.as_ref()).unwrap()
    }
}

/// A store in memory whose image is in blobs.
struct OnBlobs {
    storage: MemoryStorage,
    store: Option<ImageStore>,
}

impl OnBlobs {
    fn new() -> OnBlobs {
        let mut place = OnBlobs { storage: MemoryStorage::new(), store: None };
        place.open();
        place
    }

    fn open(&mut self) {
        let opened = image::open(&self.storage, image::OpenOptions::default(), StoreId([3; 16]));
        let opened = opened.unwrap();
        assert!(opened.report.damaged_manifests.is_empty(), "{:?}", opened.report);
        self.store =
            Some(ImageStore::open(opened, Arc::new(FixedHost::new(1)), options()).unwrap());
    }
}

impl Place for OnBlobs {
    fn store(&self) -> &Store {
        self.store.as_ref().unwrap().store()
    }

    fn flush(&mut self) {
        self.store.as_mut().unwrap().flush(&self.storage).unwrap();
    }

    fn needs_flush(&self) -> bool {
        true
    }

    fn reopen(&mut self, close: bool, damage: Option<Damage>) {
        if close {
            self.flush();
        }
        self.store = None;
        if let Some(damage) = damage {
            // The blobs of indexes are those that hold neither a base, nor a tail, nor a manifest.
            let names: Vec<String> =
                self.storage.names().into_iter().filter(|name| name.contains("index")).collect();
            damage.apply(&self.storage, &names);
        }
        self.open();
    }

    fn export(&mut self) -> Vec<u8> {
        let store = self.store.as_ref().unwrap();
        sigil_core::export(store.store().database(), store.files()).unwrap()
    }
}

/// A store in a directory of the operating system.
struct OnDirectory {
    directory: PathBuf,
    store: Option<DirectoryStore>,
}

impl OnDirectory {
    fn new(seed: u64) -> OnDirectory {
        let name = format!("sigil-model-{}-{seed}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        let store = Some(sigil_native::open_with(&directory, options()).unwrap());
        OnDirectory { directory, store }
    }
}

impl Drop for OnDirectory {
    fn drop(&mut self) {
        self.store = None;
        let _ = fs::remove_dir_all(&self.directory);
    }
}

impl Place for OnDirectory {
    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    fn reopen(&mut self, close: bool, damage: Option<Damage>) {
        let names = snapshot_names(self.store());
        if close {
            self.store().close().unwrap();
        }
        self.store = None;
        if let Some(damage) = damage {
            let storage = sigil_native::DirectoryStorage::open(&self.directory).unwrap();
            damage.apply(&storage, &names);
        }
        self.store = Some(sigil_native::open_with(&self.directory, options()).unwrap());
    }

    fn export(&mut self) -> Vec<u8> {
        self.store().database().checkpoint().unwrap();
        fs::read(self.directory.join(DATABASE_FILE)).unwrap()
    }
}

/// One operation on the vectors of a collection.
#[derive(Debug, Clone)]
enum VectorWrite {
    Create(Metric, usize),
    Drop,
    Store(Vec<(String, Row)>),
    Delete(Vec<String>),
}

/// How a transaction ends.
#[derive(Debug, Clone, Copy)]
enum End {
    Commit,
    Error,
    Panic,
}

/// One operation of a transaction, and what it has to give.
#[derive(Debug)]
enum Step {
    Write { sql: String, expected: Result<i64, Refusals> },
    Vectors { name: &'static str, write: VectorWrite, expected: Result<usize, ErrorKind> },
    Search { name: &'static str, vectors: Option<Vectors>, seed: u64 },
}

impl Step {
    fn run(&self, store: &Store) {
        match self {
            Step::Write { sql, expected } => match (expected, store.database().execute(sql, ())) {
                (Ok(changes), Ok(executed)) => assert_eq!(executed.changes, *changes, "{sql}"),
                (Err(kinds), Err(error)) if kinds.contains(&error.kind()) => {}
                (expected, outcome) => panic!("{sql}: {outcome:?}, expected {expected:?}"),
            },
            Step::Vectors { name, write, expected } => {
                match (expected, apply(store, name, write)) {
                    (Ok(wanted), Ok(n)) => assert_eq!(n, *wanted, "{name}: {write:?}"),
                    (Err(kind), Err(error)) if error.kind() == *kind => {}
                    (expected, outcome) => {
                        panic!("{name}: {write:?}: {outcome:?}, expected {expected:?}")
                    }
                }
            }
            Step::Search { vectors: None, .. } => {}
            Step::Search { name, vectors: Some(vectors), seed } => {
                match search(store, name, vectors, &mut Random::new(*seed)) {
                    // An index that is not open yet waits for the transaction to end.
                    Err(error) if error.kind() == ErrorKind::Busy => {}
                    outcome => outcome.unwrap(),
                }
            }
        }
    }
}

/// The real store, the twin, and what they were told.
struct Run<'p> {
    place: &'p mut dyn Place,
    twin: Twin,
    /// What a reopening without a flush goes back to.
    durable: Twin,
    random: Random,
    log: String,
}

const COLLECTIONS: [&str; 3] = ["notes", "it's", "\u{e9}t\u{e9}"];

impl Run<'_> {
    fn step(&mut self) {
        match self.random.below(100) {
            0..30 => self.write(),
            30..50 => self.vectors(),
            50..70 => self.search(),
            70..86 => self.transaction(),
            86..90 => self.maintain(),
            90..95 => self.reopen(),
            _ => self.check(),
        }
    }

    fn note(&mut self, what: &str) {
        let _ = writeln!(self.log, "{what}");
    }

    /// One statement, in a transaction of its own.
    fn write(&mut self) {
        let step = self.next_write();
        step.run(self.place.store());
    }

    /// Makes a statement, and the twin what it makes of it.
    fn next_write(&mut self) -> Step {
        let write = Write::random(&mut self.random);
        let sql = write.sql();
        self.note(&sql);
        Step::Write { expected: self.twin.write(&write), sql }
    }

    fn vectors(&mut self) {
        let step = self.next_vectors();
        step.run(self.place.store());
    }

    fn next_vectors(&mut self) -> Step {
        let name = COLLECTIONS[self.random.below(3)];
        let write = self.random_vectors(name);
        self.note(&match &write {
            VectorWrite::Store(rows) => format!("{name}: store {} from {:?}", rows.len(), rows[0]),
            other => format!("{name}: {other:?}"),
        });
        let expected = expect(&mut self.twin, name, &write);
        Step::Vectors { name, write, expected }
    }

    fn random_vectors(&mut self, name: &str) -> VectorWrite {
        let random = &mut self.random;
        let known = self.twin.collections.get(name);
        let choice = random.below(40);
        let dimensions = match known {
            Some(vectors) if choice > 1 => vectors.dimensions,
            Some(_) if choice == 0 => return VectorWrite::Drop,
            _ => {
                let metric = Metric::ALL[random.below(3)];
                return VectorWrite::Create(metric, 1 + random.below(20));
            }
        };
        let id = |random: &mut Random| format!("v{:03}", random.below(400));
        match choice {
            2..12 => {
                let ids = (0..1 + random.below(6)).map(|_| id(random));
                VectorWrite::Delete(ids.collect())
            }
            _ => {
                let n = match choice {
                    12..15 => 250 + random.below(100),
                    15..22 => random.below(8) + 2,
                    _ => 1,
                };
                let row = |random: &mut Random| {
                    (id(random), (small_vector(random, dimensions), random_metadata(random)))
                };
                VectorWrite::Store((0..n).map(|_| row(random)).collect())
            }
        }
    }

    fn search(&mut self) {
        let name = COLLECTIONS[self.random.below(3)];
        let Some(vectors) = self.twin.collections.get(name) else {
            let error = self.place.store().collection(name).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
            return;
        };
        search(self.place.store(), name, vectors, &mut self.random).unwrap();
    }

    /// Several operations in one transaction, which commits, fails or panics.
    fn transaction(&mut self) {
        let before = self.twin.clone();
        let end = [End::Commit, End::Commit, End::Error, End::Panic][self.random.below(4)];
        let n = 1 + self.random.below(6);
        self.note(&format!("BEGIN: {n} steps, then {end:?}"));
        let steps: Vec<Step> = (0..n).map(|_| self.next_in_transaction(&before)).collect();
        self.note("END");
        let store = self.place.store();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            store.transaction(|store| {
                steps.iter().for_each(|step| step.run(store));
                match end {
                    End::Commit => Ok(()),
                    End::Error => Err(Error::invalid("changed my mind")),
                    // Not `panic!`, which would print a message.
                    End::Panic => resume_unwind(Box::new(End::Panic)),
                }
            })
        }));
        match (end, outcome) {
            (End::Commit, Ok(outcome)) => outcome.unwrap(),
            (End::Error, Ok(Err(error))) => assert_eq!(error.to_string(), "changed my mind"),
            (End::Panic, Err(panic)) if panic.is::<End>() => {}
            (_, Err(panic)) => resume_unwind(panic),
            (_, Ok(outcome)) => panic!("{end:?} ended as {outcome:?}"),
        }
        assert!(!store.database().in_transaction());
        if !matches!(end, End::Commit) {
            self.twin = before;
        }
    }

    fn next_in_transaction(&mut self, before: &Twin) -> Step {
        match self.random.below(10) {
            0..5 => self.next_write(),
            5..8 => self.next_vectors(),
            _ => {
                let name = COLLECTIONS[self.random.below(3)];
                let there = self.twin.collections.contains_key(name);
                // A search sees what was committed before.
                let vectors = before.collections.get(name).filter(|_| there).cloned();
                Step::Search { name, vectors, seed: self.random.next_u64() }
            }
        }
    }

    fn maintain(&mut self) {
        let store = self.place.store();
        match self.random.below(3) {
            0 => store.database().checkpoint().unwrap(),
            1 => drop(store.save_indexes().unwrap()),
            _ => {
                self.place.flush();
                self.durable = self.twin.clone();
            }
        }
    }

    fn reopen(&mut self) {
        let close = self.random.below(2) == 0;
        let damage = (self.random.below(2) == 0).then(|| Damage::random(&mut self.random));
        self.note(&format!("reopen, closed first: {close}, {damage:?}"));
        self.place.reopen(close, damage);
        if self.place.needs_flush() && !close {
            self.twin = self.durable.clone();
        }
        self.durable = self.twin.clone();
        self.check();
    }

    /// Everything there is, against the twin.
    fn check(&mut self) {
        let store = self.place.store();
        let db = store.database();
        let text = |sql: &str| -> Vec<String> {
            let rows = db.query(sql, ()).unwrap();
            rows.rows().iter().map(|row| format!("{:?}", row.values())).collect()
        };
        let twin = &self.twin;
        let int = |value: i64| SqlValue::from(value);
        let owners = twin.owners.iter().map(|(id, owner)| {
            format!("{:?}", [int(*id), owner.name.as_str().into(), owner.score.into()])
        });
        assert_eq!(text("SELECT * FROM owner ORDER BY id"), owners.collect::<Vec<_>>());
        let items = twin
            .items
            .iter()
            .map(|(id, item)| format!("{:?}", [int(*id), int(item.owner), int(item.slot)]));
        assert_eq!(text("SELECT * FROM item ORDER BY id"), items.collect::<Vec<_>>());
        let badges = twin.badges.iter().map(|(id, owner)| format!("{:?}", [int(*id), int(*owner)]));
        assert_eq!(text("SELECT * FROM badge ORDER BY id"), badges.collect::<Vec<_>>());
        let infos = store.collections().unwrap();
        assert_eq!(infos.len(), twin.collections.len());
        for info in infos {
            let vectors = &twin.collections[&info.name];
            let made = CollectionOptions::new(vectors.dimensions, vectors.metric);
            assert_eq!(info.options, made, "{}", info.name);
            let collection = store.collection(&info.name).unwrap();
            assert_eq!(collection.count().unwrap(), vectors.rows.len(), "{}", info.name);
            for (id, (vector, metadata)) in &vectors.rows {
                let record = collection.get(id).unwrap().unwrap();
                assert_eq!((&record.vector, record.metadata), (vector, to_metadata(metadata)));
            }
        }
        assert_eq!(verify_store(store).unwrap(), []);
    }
}

fn apply(store: &Store, name: &str, write: &VectorWrite) -> Result<usize> {
    match write {
        VectorWrite::Create(metric, dimensions) => {
            store.create_collection(name, CollectionOptions::new(*dimensions, *metric)).map(|_| 0)
        }
        VectorWrite::Drop => store.drop_collection(name).map(|()| 0),
        VectorWrite::Store(rows) => {
            let metadata: Vec<_> = rows.iter().map(|(_, row)| to_metadata(&row.1)).collect();
            let given = rows.iter().zip(&metadata);
            store.collection(name)?.store_many(
                given.map(|((id, row), metadata)| (id.as_str(), row.0.as_slice(), metadata)),
            )
        }
        VectorWrite::Delete(ids) => store.collection(name)?.delete(ids),
    }
}

fn expect(twin: &mut Twin, name: &str, write: &VectorWrite) -> Result<usize, ErrorKind> {
    if let VectorWrite::Create(metric, dimensions) = write {
        if twin.collections.contains_key(name) {
            return Err(ErrorKind::Conflict);
        }
        let made = Vectors { metric: *metric, dimensions: *dimensions, rows: BTreeMap::new() };
        twin.collections.insert(name.to_owned(), made);
        return Ok(0);
    }
    let vectors = twin.collections.get_mut(name).ok_or(ErrorKind::NotFound)?;
    Ok(match write {
        VectorWrite::Store(rows) => {
            vectors.rows.extend(rows.iter().cloned());
            rows.len()
        }
        VectorWrite::Delete(ids) => {
            ids.iter().filter(|id| vectors.rows.remove(id.as_str()).is_some()).count()
        }
        VectorWrite::Drop | VectorWrite::Create(..) => {
            twin.collections.remove(name);
            0
        }
    })
}

/// One random search, compared with a brute-force one.
fn search(store: &Store, name: &str, vectors: &Vectors, random: &mut Random) -> Result<()> {
    let query = small_vector(random, vectors.dimensions);
    let k = [0, 1, 3, 10, 50, usize::MAX][random.below(6)];
    let filter: Option<Value> = (random.below(3) > 0).then(|| random_filter(random));
    let parsed = filter.as_ref().map(|filter| Filter::parse(filter).unwrap());
    let options =
        SearchOptions { filter: parsed, exact: random.below(2) == 0, ..SearchOptions::default() };
    let hits: Vec<Hit> = store.collection(name)?.search(&query, k, &options)?;
    let filter = filter.as_ref();
    if let Err(wrong) = check_hits(vectors.metric, &vectors.rows, &query, k, filter, &hits, true) {
        panic!("{name} ({}): {query:?}, k {k}, {filter:?}: {wrong}", vectors.metric);
    }
    Ok(())
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Runs one store against its twin; a failure names the seed and what led to it.
fn run(
    kind: &str,
    default_seed: u64,
    default_steps: u64,
    place: impl FnOnce(u64) -> Box<dyn Place>,
) {
    let seed = number("SIGIL_MODEL_SEED", default_seed);
    let steps = number("SIGIL_MODEL_STEPS", default_steps);
    eprintln!("{kind}: SIGIL_MODEL_SEED={seed} SIGIL_MODEL_STEPS={steps}");
    let mut place = place(seed);
    place.store().database().execute_batch(SCHEMA).unwrap();
    place.flush();
    let mut run = Run {
        place: place.as_mut(),
        twin: Twin::default(),
        durable: Twin::default(),
        random: Random::new(seed),
        log: String::new(),
    };
    for step in 0..steps {
        let outcome = catch_unwind(AssertUnwindSafe(|| run.step()));
        if let Err(panic) = outcome {
            let from = run.log.len().saturating_sub(4_000);
            let tail: String = run.log.chars().skip(from).collect();
            eprintln!("{kind}: seed {seed} failed at step {step}, after:\n{tail}");
            resume_unwind(panic);
        }
    }
    run.check();
    let image = run.place.export();
    let name = format!("sigil-model-{kind}-{}-{seed}.db", std::process::id());
    let path = std::env::temp_dir().join(name);
    fs::write(&path, image).unwrap();
    let checked = c_sqlite::integrity_check(&path);
    let counted = c_sqlite::query(&path, "SELECT count(*) FROM owner");
    fs::remove_file(&path).unwrap();
    assert_eq!(checked.unwrap(), ["ok"]);
    assert_eq!(counted.unwrap(), [run.twin.owners.len().to_string()]);
}

#[test]
fn a_store_on_memory_files_is_its_twin() {
    run("memory", 11, 900, |_| Box::new(OnFiles::new(Arc::new(MemoryFiles::new()), None)));
}

#[test]
fn a_store_on_files_that_lose_power_is_its_twin() {
    run("crash", 12, 900, |seed| {
        let files = CrashFiles::new(Cut::Never, seed);
        Box::new(OnFiles::new(Arc::new(files.clone()), Some(files)))
    });
}

#[test]
fn a_store_on_blobs_is_its_twin() {
    run("blobs", 13, 900, |_| Box::new(OnBlobs::new()));
}

#[test]
fn a_store_in_a_directory_is_its_twin() {
    run("directory", 14, 600, |seed| Box::new(OnDirectory::new(seed)));
}
