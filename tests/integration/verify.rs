//! `sigil_native::verify` finds every damage that is planted, and opening a damaged store never
//! gives a wrong answer.

use std::sync::Arc;

use sigil_core::container::StoreId;
use sigil_core::{
    CollectionOptions, DATABASE_FILE, DatabaseOptions, ErrorKind, Files, Finding, FixedHost,
    ImageStore, MemoryFiles, MemoryStorage, Metadata, Metric, PAGE_BYTES, Result, SearchOptions,
    Severity, SnapshotStorage, Store, StoreParts, WAL_FILE, image, params, verify_files,
};
use sigil_native::{verify_on_blobs, verify_on_files};
use sigil_tests::random::Random;
use sigil_tests::scratch::Scratch;

const VECTORS: usize = 260;
const SNAPSHOT: &str = "vectors-1.index";

/// Says the seed, so that a failure can be had again.
fn seeded(test: &str) -> Random {
    let seed = u64::from(std::process::id()) ^ 0x5161_7e57;
    eprintln!("{test}: seed {seed}");
    Random::new(seed)
}

/// A small store on which every kind of page occurs: interior, leaf, overflow and free ones.
fn fill(store: &Store) -> Result<()> {
    store.database().execute_batch(
        "CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
         CREATE INDEX note_text ON note (text);
         CREATE TABLE gone (text TEXT);",
    )?;
    for i in 0..8 {
        store.database().execute(
            "INSERT INTO note VALUES (?, ?)",
            params![i, format!("note {i} {}", "x".repeat(200))],
        )?;
    }
    // The first leaves free pages, the others are two chains of overflow pages.
    for (id, len) in [(100, 9_000), (101, 9_000)] {
        let text = ["y", "z"][id % 2].repeat(len);
        store.database().execute(
            "INSERT INTO note VALUES (?, ?)",
            params![i64::try_from(id).unwrap_or(0), text],
        )?;
    }
    store.database().execute("INSERT INTO gone VALUES (?)", params!["overflow ".repeat(600)])?;
    store.database().execute("DELETE FROM gone", ())?;
    let notes = store.create_collection("notes", CollectionOptions::new(2, Metric::L2))?;
    store.transaction(|_| (0..VECTORS).try_for_each(|i| store_vector(&notes, i)))?;
    notes.count().map(drop)
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn store_vector(notes: &sigil_core::Collection<'_>, i: usize) -> Result<()> {
    notes.store(&format!("v{i}"), &[i as f32, 1.0], &Metadata::new())
}

/// Two transactions more, which stay in the log.
fn add_commits(store: &Store) -> Result<()> {
    store.database().execute("UPDATE note SET text = 'short' WHERE id = 3", ())?;
    store.database().execute("INSERT INTO note VALUES (200, 'in the log')", ())?;
    Ok(())
}

/// Everything in the store, read in every way there is.
fn contents(store: &Store) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name IN ('note', 'gone')
                  ORDER BY name";
    for sql in [
        tables,
        "SELECT id, text FROM note ORDER BY id",
        "SELECT text, id FROM note ORDER BY text",
        "SELECT id, text FROM note WHERE text = 'in the log'",
        "SELECT count(*), sum(id) FROM note",
        "SELECT count(*), max(text) FROM gone",
    ] {
        for row in store.database().query(sql, ())? {
            lines.push(format!("{:?}", row.values()));
        }
    }
    let notes = store.collection("notes")?;
    lines.push(format!("{} vectors", notes.count()?));
    for at in [0.2, 17.4, 259.0, 400.0] {
        let hits = notes.search(&[at, 1.0], 4, &SearchOptions::default())?;
        lines.extend(hits.iter().map(|hit| format!("{at}: {} {}", hit.id, hit.distance)));
    }
    for id in ["v0", "v100", "v260"] {
        lines.push(format!("{:?}", notes.get(id)?.map(|record| record.vector)));
    }
    Ok(lines)
}

/// A store on files in memory, with its snapshots.
struct OnFiles {
    files: MemoryFiles,
    snapshots: Arc<MemoryStorage>,
    /// What the store held after each of its last commits, the newest first.
    states: Vec<Vec<String>>,
}

fn open_on(files: &MemoryFiles, snapshots: &Arc<MemoryStorage>) -> Result<Store> {
    let parts = StoreParts {
        files: Arc::new(files.clone()),
        host: Arc::new(FixedHost::new(7)),
        snapshots: Box::new(Arc::clone(snapshots)),
    };
    let mut options = DatabaseOptions::default();
    // Every byte of the log is flipped, and of the room behind it there would be many.
    options.wal_step_bytes = 0;
    Store::open(parts, options)
}

fn copy(files: &MemoryFiles) -> MemoryFiles {
    let copied = MemoryFiles::new();
    for name in files.names() {
        copied.put(&name, files.bytes(&name).unwrap());
    }
    copied
}

/// A store that was closed; with a log, one whose process was killed after a few commits more.
fn on_files(with_log: bool) -> OnFiles {
    let (files, snapshots) = (MemoryFiles::new(), Arc::new(MemoryStorage::new()));
    let store = open_on(&files, &snapshots).unwrap();
    fill(&store).unwrap();
    store.close().unwrap();
    let store = open_on(&files, &snapshots).unwrap();
    let mut states = vec![contents(&store).unwrap()];
    if with_log {
        add_commits(&store).unwrap();
        states.insert(0, contents(&store).unwrap());
        store.database().execute("INSERT INTO gone VALUES ('last')", ()).unwrap();
        states.insert(0, contents(&store).unwrap());
    } else {
        store.close().unwrap();
    }
    // What the files hold now is what a kill would leave.
    let left = copy(&files);
    drop(store);
    assert_eq!(left.bytes(WAL_FILE).unwrap().is_empty(), !with_log);
    assert!(snapshots.read(SNAPSHOT).unwrap().is_some());
    OnFiles { files: left, snapshots, states }
}

/// Whether there is a finding that `sigil verify` fails for.
fn alarming(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity >= Severity::Warning)
}

impl OnFiles {
    /// The findings of the bytes as they lie or, when there is nothing in those, of everything.
    fn verify(&self, files: &MemoryFiles) -> Vec<Finding> {
        match verify_files(files) {
            Ok(findings) if alarming(&findings) => findings,
            _ => verify_on_files(Arc::new(files.clone()), Arc::clone(&self.snapshots)).unwrap(),
        }
    }

    /// Opens a damaged store: it fails and changes nothing, or every answer is right or an error.
    /// `lost` commits may be missing.
    fn open_safely(&self, damaged: &MemoryFiles, lost: usize, what: &str) {
        let files = copy(damaged);
        let store = match open_on(&files, &self.snapshots) {
            Ok(store) => store,
            Err(error) => {
                assert!(is_clear(error.kind()), "{what}: {error:?}");
                for name in damaged.names() {
                    assert!(files.bytes(&name) == damaged.bytes(&name), "{what} changed '{name}'");
                }
                return;
            }
        };
        match contents(&store) {
            Ok(found) => {
                let allowed = &self.states[..=lost.min(self.states.len() - 1)];
                assert!(allowed.contains(&found), "{what}: a wrong answer");
            }
            Err(error) => assert!(is_clear(error.kind()), "{what}: {error:?}"),
        }
    }
}

fn is_clear(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Corrupt | ErrorKind::NotADatabase | ErrorKind::NewerFormat)
}

/// Flips one bit in each byte of the file `name` and gives where that was not found.
fn undetected(store: &OnFiles, name: &str, random: &mut Random) -> Vec<usize> {
    let file = store.files.open(name, false).unwrap();
    let mut missed = Vec::new();
    let mut byte = [0];
    for at in 0..file.len().unwrap() {
        file.read_at(at, &mut byte).unwrap();
        file.write_at(at, &[byte[0] ^ (1 << random.below(8))]).unwrap();
        if !alarming(&store.verify(&store.files)) {
            missed.push(usize::try_from(at).unwrap());
        }
        file.write_at(at, &byte).unwrap();
    }
    missed
}

#[test]
fn a_sound_store_gives_no_alarm() {
    for with_log in [false, true] {
        let store = on_files(with_log);
        let findings = store.verify(&store.files);
        assert!(!alarming(&findings), "{findings:?}");
    }
}

#[test]
fn a_flipped_bit_in_any_byte_of_a_closed_database_is_found() {
    let mut random = seeded("closed database");
    let store = on_files(false);
    assert_eq!(undetected(&store, DATABASE_FILE, &mut random), [0usize; 0]);
}

#[test]
fn a_flipped_bit_in_any_byte_of_a_database_with_a_log_is_found() {
    let mut random = seeded("database with a log");
    let store = on_files(true);
    assert_eq!(undetected(&store, DATABASE_FILE, &mut random), [0usize; 0]);
}

#[test]
fn a_flipped_bit_in_any_byte_of_a_log_is_found() {
    let mut random = seeded("log");
    let store = on_files(true);
    assert_eq!(undetected(&store, WAL_FILE, &mut random), [0usize; 0]);
}

#[test]
fn a_flipped_bit_in_any_byte_of_an_index_snapshot_is_found() {
    let mut random = seeded("index snapshot");
    let store = on_files(false);
    let bytes = store.snapshots.read(SNAPSHOT).unwrap().unwrap();
    let open = open_on(&store.files, &store.snapshots).unwrap();
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << random.below(8);
        store.snapshots.replace(SNAPSHOT, &flipped).unwrap();
        let findings = sigil_core::verify_snapshots(&open, &store.snapshots).unwrap();
        assert!(alarming(&findings), "byte {at}");
    }
    for cut in (0..bytes.len()).step_by(97) {
        store.snapshots.replace(SNAPSHOT, &bytes[..cut]).unwrap();
        assert!(alarming(&store.verify(&store.files)), "cut at {cut}");
        store.open_safely(&store.files, 0, &format!("snapshot cut at {cut}"));
    }
    store.snapshots.remove(SNAPSHOT).unwrap();
    assert!(alarming(&store.verify(&store.files)), "without the snapshot");
    store.open_safely(&store.files, 0, "without the snapshot");
}

#[test]
fn a_damaged_store_opens_with_right_answers_or_not_at_all() {
    let mut random = seeded("open");
    for with_log in [false, true] {
        let store = on_files(with_log);
        let len = store.files.bytes(DATABASE_FILE).unwrap().len();
        // The header of page 1 in full, and some of every page.
        let elsewhere = (100..len).step_by(173).map(|at| (at + random.below(173)).min(len - 1));
        for at in (0..100).chain(elsewhere.collect::<Vec<_>>()) {
            for bit in [random.below(8), random.below(8)] {
                let damaged = flip(&store.files, DATABASE_FILE, at, bit);
                store.open_safely(&damaged, 0, &format!("log {with_log}, byte {at}, bit {bit}"));
            }
        }
    }
    let store = on_files(true);
    let len = store.files.bytes(WAL_FILE).unwrap().len();
    for at in (0..56).chain((56..len).step_by(61)) {
        let damaged = flip(&store.files, WAL_FILE, at, random.below(8));
        // In the last commit it looks like a write that was cut off (see `verify_files`).
        store.open_safely(&damaged, 1, &format!("log, byte {at}"));
    }
}

fn flip(files: &MemoryFiles, name: &str, at: usize, bit: usize) -> MemoryFiles {
    let damaged = copy(files);
    let mut bytes = files.bytes(name).unwrap();
    bytes[at] ^= 1 << bit;
    damaged.put(name, bytes);
    damaged
}

#[test]
fn a_truncated_database_is_found_and_never_opened_short() {
    for with_log in [false, true] {
        let store = on_files(with_log);
        let bytes = store.files.bytes(DATABASE_FILE).unwrap();
        let cuts = (0..bytes.len()).step_by(PAGE_BYTES).chain((1..bytes.len()).step_by(1_021));
        for cut in cuts {
            let damaged = copy(&store.files);
            damaged.put(DATABASE_FILE, bytes[..cut].to_vec());
            let what = format!("log {with_log}, cut at {cut}");
            assert!(alarming(&store.verify(&damaged)), "{what}");
            // Less than a header is what the first moment of a new store leaves.
            if cut >= 100 || with_log {
                store.open_safely(&damaged, 0, &what);
            }
        }
    }
}

#[test]
fn a_truncated_log_is_found_where_it_ends_in_mid_commit() {
    let store = on_files(true);
    let bytes = store.files.bytes(WAL_FILE).unwrap();
    let frame = PAGE_BYTES + 24;
    for cut in (1..bytes.len()).step_by(509) {
        let damaged = copy(&store.files);
        damaged.put(WAL_FILE, bytes[..cut].to_vec());
        let findings = store.verify(&damaged);
        // A log that ends early is what a power cut leaves; it is at least noted.
        if cut % frame != 32 {
            assert!(!findings.is_empty(), "cut at {cut}");
        }
        let commits = store.states.len();
        let files = copy(&damaged);
        match open_on(&files, &store.snapshots) {
            Ok(opened) => assert!(contents(&opened).is_ok(), "cut at {cut}"),
            Err(error) => assert!(is_clear(error.kind()), "cut at {cut}: {error:?} {commits}"),
        }
    }
}

#[test]
fn zeroed_and_swapped_pages_are_found() {
    for with_log in [false, true] {
        let store = on_files(with_log);
        let bytes = store.files.bytes(DATABASE_FILE).unwrap();
        let pages = bytes.len() / PAGE_BYTES;
        let page = |n: usize| n * PAGE_BYTES..(n + 1) * PAGE_BYTES;
        for a in 0..pages {
            let mut zeroed = bytes.clone();
            zeroed[page(a)].fill(0);
            let damaged = copy(&store.files);
            damaged.put(DATABASE_FILE, zeroed);
            let what = format!("log {with_log}, page {} zeroed", a + 1);
            assert!(alarming(&store.verify(&damaged)), "{what}");
            store.open_safely(&damaged, 0, &what);
            for b in a + 1..pages {
                let mut swapped = bytes.clone();
                swapped[page(a)].copy_from_slice(&bytes[page(b)]);
                swapped[page(b)].copy_from_slice(&bytes[page(a)]);
                let damaged = copy(&store.files);
                damaged.put(DATABASE_FILE, swapped);
                let what = format!("log {with_log}, pages {} and {} swapped", a + 1, b + 1);
                assert!(alarming(&store.verify(&damaged)), "{what}");
                store.open_safely(&damaged, 0, &what);
            }
        }
    }
}

/// A store kept as blobs: a base, pieces of log, an index snapshot, and the state before.
fn on_blobs() -> (Arc<MemoryStorage>, Vec<String>) {
    let storage = Arc::new(MemoryStorage::new());
    let mut store = open_image(&*storage).unwrap();
    fill(store.store()).unwrap();
    store.flush(&*storage).unwrap();
    add_commits(store.store()).unwrap();
    store_vector(&store.store().collection("notes").unwrap(), VECTORS).unwrap();
    store.flush(&*storage).unwrap();
    store.store().database().execute("INSERT INTO gone VALUES ('last')", ()).unwrap();
    store.flush(&*storage).unwrap();
    let state = contents(store.store()).unwrap();
    (storage, state)
}

fn open_image(storage: &dyn SnapshotStorage) -> Result<ImageStore> {
    let opened = image::open(storage, image::OpenOptions::default(), StoreId([9; 16]))?;
    ImageStore::open(opened, Arc::new(FixedHost::new(7)), DatabaseOptions::default())
}

/// The findings of the blobs as they lie or, when there is nothing in those, of everything.
fn verify_blobs(storage: &dyn SnapshotStorage) -> Vec<Finding> {
    match image::verify(storage) {
        Ok(findings) if alarming(&findings) => findings,
        _ => verify_on_blobs(storage).unwrap(),
    }
}

/// Opens a store of damaged blobs: it fails, or everything is there.
fn open_image_safely(storage: &dyn SnapshotStorage, state: &[String], what: &str) {
    match open_image(storage).and_then(|store| contents(store.store())) {
        Ok(found) => assert!(found == state, "{what}: a wrong answer"),
        Err(error) => assert!(is_clear(error.kind()), "{what}: {error:?}"),
    }
}

#[test]
fn a_flipped_bit_in_any_byte_of_any_blob_is_found() {
    let mut random = seeded("blobs");
    let (storage, state) = on_blobs();
    assert!(!alarming(&verify_on_blobs(&*storage).unwrap()));
    let names = storage.names();
    for kind in ["manifest-a", "manifest-b", "base-1", "wal-1-", "index-"] {
        assert!(names.iter().any(|name| name.starts_with(kind)), "{kind} among {names:?}");
    }
    for name in names {
        let bytes = storage.read(&name).unwrap().unwrap();
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << random.below(8);
            storage.replace(&name, &flipped).unwrap();
            assert!(alarming(&verify_blobs(&*storage)), "byte {at} of '{name}'");
            if at % 499 == 0 || at < 80 {
                open_image_safely(&*storage, &state, &format!("byte {at} of '{name}'"));
            }
        }
        for cut in (0..bytes.len()).step_by(503) {
            storage.replace(&name, &bytes[..cut]).unwrap();
            assert!(alarming(&verify_blobs(&*storage)), "'{name}' cut at {cut}");
            open_image_safely(&*storage, &state, &format!("'{name}' cut at {cut}"));
        }
        storage.remove(&name).unwrap();
        assert!(alarming(&verify_blobs(&*storage)), "without '{name}'");
        open_image_safely(&*storage, &state, &format!("without '{name}'"));
        storage.replace(&name, &bytes).unwrap();
    }
}

#[test]
fn a_directory_is_verified_as_it_lies_and_not_changed() {
    let directory = Scratch::new("verify");
    for with_log in [false, true] {
        let store = on_files(with_log);
        std::fs::create_dir_all(directory.path()).unwrap();
        let write = |name: &str, bytes: &[u8]| std::fs::write(directory.join(name), bytes).unwrap();
        for name in store.files.names() {
            write(&name, &store.files.bytes(&name).unwrap());
        }
        write(SNAPSHOT, &store.snapshots.read(SNAPSHOT).unwrap().unwrap());
        assert!(!alarming(&sigil_native::verify(directory.path()).unwrap()));
        let mut random = seeded("directory");
        for name in [DATABASE_FILE, WAL_FILE, SNAPSHOT] {
            let bytes = std::fs::read(directory.join(name)).unwrap();
            for _ in 0..if bytes.is_empty() { 0 } else { 40 } {
                let (at, bit) = (random.below(bytes.len()), random.below(8));
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                write(name, &flipped);
                let findings = sigil_native::verify(directory.path()).unwrap();
                assert!(alarming(&findings), "byte {at} of '{name}'");
                assert!(std::fs::read(directory.join(name)).unwrap() == flipped);
            }
            write(name, &bytes);
        }
        let store = sigil_native::open(directory.path()).unwrap();
        assert!(contents(&store).is_ok());
        store.close().unwrap();
    }
    std::fs::remove_file(directory.join(DATABASE_FILE)).unwrap();
    assert!(alarming(&sigil_native::verify(directory.path()).unwrap()));
    // Its index snapshot says that there was a store.
    assert_eq!(sigil_native::open(directory.path()).unwrap_err().kind(), ErrorKind::Corrupt);
    assert!(!directory.join(DATABASE_FILE).exists());
    std::fs::write(directory.join(DATABASE_FILE), b"SQLite format 3").unwrap();
    assert_eq!(sigil_native::open(directory.path()).unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(std::fs::read(directory.join(DATABASE_FILE)).unwrap(), b"SQLite format 3");
}
