//! What was deleted is gone from every byte of a store once it was scrubbed, and nothing else is.

mod crash;

use std::collections::HashSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use sigil_core::container::StoreId;
use sigil_core::{
    CollectionOptions, DATABASE_FILE, DatabaseOptions, ErrorKind, Files, FixedHost, ImageStore,
    MemoryFiles, MemoryStorage, Metadata, Metric, Result, SearchOptions, SlotStorage,
    SnapshotStorage, Store, StoreParts, WAL_FILE, image, params, verify_files, verify_store,
};
use sigil_tests::c_sqlite;
use sigil_tests::random::Random;
use sigil_tests::scratch::Scratch;

/// How many bytes in a row count as a trace: a marker that is half overwritten is one too.
const TRACE: usize = 8;

const DIMENSIONS: usize = 8;

fn seeded(test: &str) -> Random {
    let seed = u64::from(std::process::id()) ^ 0x5c12_0b0b;
    eprintln!("{test}: seed {seed}");
    Random::new(seed)
}

/// Text that occurs nowhere else.
fn marker(random: &mut Random) -> String {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    (0..24).map(|_| char::from(LETTERS[random.below(LETTERS.len())])).collect()
}

/// A row that is to be found in many places, and what to look for.
struct Item {
    id: i64,
    title: String,
    body: String,
    vector: Vec<f32>,
    markers: Vec<Vec<u8>>,
}

impl Item {
    /// `len` is about how long its text is.
    fn new(id: i64, len: usize, random: &mut Random) -> Item {
        let title = marker(random);
        // One in about every 300 bytes, so that no page that the text is on goes without.
        let parts: Vec<String> = (0..=len / 300).map(|_| marker(random)).collect();
        let body = parts.join(&" ".repeat(280));
        let bits = |random: &mut Random| u16::try_from(random.next_u64() >> 48).unwrap();
        let vector: Vec<f32> =
            (0..DIMENSIONS).map(|_| f32::from(bits(random)) / 7.0 + 1.0).collect();
        let bytes = vector.iter().flat_map(|element| element.to_le_bytes()).collect();
        let texts = parts.iter().chain([&title]).map(|text| text.as_bytes().to_vec());
        let markers = texts.chain([bytes]).collect();
        Item { id, title, body, vector, markers }
    }

    fn put(&self, store: &Store) -> Result<()> {
        let database = store.database();
        let row = params![self.id, self.title.as_str(), self.body.as_str()];
        database.execute("INSERT INTO note VALUES (?, ?, ?)", row)?;
        let metadata = Metadata::from_json(&format!(r#"{{"title": "{}"}}"#, self.title))?;
        store.collection("notes")?.store(&self.title, &self.vector, &metadata)
    }

    fn delete(&self, store: &Store) -> Result<()> {
        store.database().execute("DELETE FROM note WHERE id = ?", params![self.id])?;
        store.collection("notes")?.delete([self.title.as_str()]).map(drop)
    }
}

/// What is in a store, and what was.
struct Items {
    kept: Vec<Item>,
    gone: Vec<Item>,
}

/// The length of a text: most are short, some take many pages.
fn text_len(random: &mut Random) -> usize {
    match random.below(20) {
        0 => 3_000 + random.below(40_000),
        1..=4 => random.below(3_000),
        _ => random.below(200),
    }
}

/// Fills a store with `count` items and deletes about two in three, in several ways.
fn fill(store: &Store, count: i64, random: &mut Random) -> Result<Items> {
    store.database().execute_batch(
        "CREATE TABLE note (id INTEGER PRIMARY KEY, title TEXT NOT NULL UNIQUE, body TEXT);
         CREATE INDEX note_body ON note (body);
         CREATE TABLE dropped (title TEXT, body TEXT);",
    )?;
    store.create_collection("notes", CollectionOptions::new(DIMENSIONS, Metric::L2))?;
    let other = store.create_collection("dropped", CollectionOptions::new(2, Metric::L2))?;
    let mut items: Vec<Item> =
        (0..count).map(|id| Item::new(id, text_len(random), random)).collect();
    for batch in items.chunks(100) {
        store.transaction(|store| batch.iter().try_for_each(|item| item.put(store)))?;
    }
    // A table and a collection that go as a whole, with their index saved.
    let whole: Vec<Item> =
        (0..4 + count / 30).map(|_| Item::new(-1, text_len(random), random)).collect();
    store.transaction(|store| {
        whole.iter().try_for_each(|item| {
            let row = params![item.title.as_str(), item.body.as_str()];
            store.database().execute("INSERT INTO dropped VALUES (?, ?)", row)?;
            other.store(&item.title, &[1.0, 2.0], &Metadata::new())
        })?;
        // Enough for its index to be worth a snapshot, if there are enough.
        items.iter().try_for_each(|item| other.store(&item.title, &[3.0, 4.0], &Metadata::new()))
    })?;
    // Only an index that was used is saved.
    assert_eq!(store.collection("notes")?.count()? + whole.len(), other.count()?);
    let saved = store.save_indexes()?;
    assert_eq!(saved, if count >= 256 { 2 } else { 0 });
    store.database().checkpoint()?;
    store.database().execute("DROP TABLE dropped", ())?;
    // In a transaction the snapshot of its index stays behind.
    store.transaction(|store| store.drop_collection("dropped"))?;
    let mut gone = whole;
    gone.iter_mut().for_each(|item| {
        // The vector was another one.
        item.markers.pop();
    });
    // A stretch of neighbours leaves free pages, single rows leave gaps.
    let (from, to) = (items.len() / 4, items.len() / 2);
    let mut kept = Vec::new();
    for (at, item) in items.drain(..).enumerate() {
        let goes = (from..to).contains(&at) || random.below(2) == 0;
        if goes { gone.push(item) } else { kept.push(item) }
    }
    for batch in gone.chunks(50) {
        store.transaction(|store| {
            batch.iter().filter(|item| item.id >= 0).try_for_each(|item| item.delete(store))
        })?;
    }
    Ok(Items { kept, gone })
}

/// Every stretch of [`TRACE`] bytes of what was deleted.
struct Traces {
    all: HashSet<u64>,
    /// Which of the lowest 16 bits occur, since looking into a set at each byte is slow.
    low: Vec<bool>,
}

fn traces(items: &Items) -> Traces {
    let windows = |items: &[Item]| -> HashSet<u64> {
        let markers = items.iter().flat_map(|item| &item.markers);
        let windows = markers.flat_map(|marker| marker.windows(TRACE));
        windows.map(|window| u64::from_le_bytes(window.try_into().unwrap())).collect()
    };
    let kept = windows(&items.kept);
    let mut all = windows(&items.gone);
    all.retain(|window| !kept.contains(window));
    let mut low = vec![false; 1 << 16];
    all.iter().for_each(|window| low[usize::from(low_bits(*window))] = true);
    Traces { all, low }
}

fn low_bits(window: u64) -> u16 {
    u16::try_from(window & 0xffff).unwrap_or(0)
}

/// How many of `traces` are in `bytes`.
fn count(bytes: &[u8], traces: &Traces) -> usize {
    let (mut last, mut found) = (0u64, 0);
    for byte in bytes {
        last = last >> 8 | u64::from(*byte) << 56;
        found += usize::from(traces.low[usize::from(low_bits(last))] && traces.all.contains(&last));
    }
    found
}

fn count_in_files(files: &MemoryFiles, traces: &Traces) -> usize {
    let bytes = files.names().into_iter().filter_map(|name| files.bytes(&name));
    bytes.map(|bytes| count(&bytes, traces)).sum()
}

fn count_in_blobs(storage: &MemoryStorage, traces: &Traces) -> usize {
    let bytes = storage.names().into_iter().filter_map(|name| storage.read(&name).unwrap());
    bytes.map(|bytes| count(&bytes, traces)).sum()
}

fn count_in_directory(directory: &Path, traces: &Traces) -> usize {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| match entry.file_type().unwrap().is_dir() {
            true => count_in_directory(&entry.path(), traces),
            false => count(&fs::read(entry.path()).unwrap(), traces),
        })
        .sum()
}

/// Asserts that a store holds just what is kept, and is sound.
fn assert_kept(store: &Store, items: &Items, context: &str) {
    let fails = |error: sigil_core::Error| -> ! { panic!("{context}: {error}") };
    let rows = store.database().query("SELECT id, title, body FROM note ORDER BY id", ());
    let rows = rows.unwrap_or_else(|error| fails(error));
    assert_eq!(rows.len(), items.kept.len(), "{context}");
    for (row, item) in rows.rows().iter().zip(&items.kept) {
        let expected = params![item.id, item.title.as_str(), item.body.as_str()];
        assert!(row.values() == expected.as_slice(), "{context}: row {}", item.id);
    }
    let notes = store.collection("notes").unwrap_or_else(|error| fails(error));
    assert_eq!(notes.count().unwrap_or_else(|error| fails(error)), items.kept.len(), "{context}");
    for item in items.kept.iter().step_by(7) {
        let hits = notes.search(&item.vector, 1, &SearchOptions::default());
        assert_eq!(hits.unwrap_or_else(|error| fails(error))[0].id, item.title, "{context}");
    }
    let findings = verify_store(store).unwrap_or_else(|error| fails(error));
    assert!(findings.is_empty(), "{context}: {findings:?}");
}

fn options() -> DatabaseOptions {
    let mut options = DatabaseOptions::default();
    // Less than a batch of the pages that a scrub writes.
    options.checkpoint_at_bytes = Some(1 << 20);
    options
}

/// Opens a store with everything that it keeps in `files`.
fn open(files: Arc<dyn Files>) -> Result<Store> {
    let parts = StoreParts {
        files: Arc::clone(&files),
        host: Arc::new(FixedHost::new(11)),
        snapshots: Box::new(SlotStorage::new(files, 6)),
    };
    Store::open(parts, options())
}

fn open_image(storage: &dyn SnapshotStorage) -> Result<ImageStore> {
    let opened = image::open(storage, image::OpenOptions::default(), StoreId([3; 16]))?;
    ImageStore::open(opened, Arc::new(FixedHost::new(11)), DatabaseOptions::default())
}

/// A store whose deleted rows are still all over its files; it was closed if `close`.
fn dirty(items: i64, close: bool, random: &mut Random) -> (MemoryFiles, Items) {
    let files = MemoryFiles::new();
    let store = open(Arc::new(files.clone())).unwrap();
    let items = fill(&store, items, random).unwrap();
    if close {
        store.close().unwrap();
    }
    (files, items)
}

#[test]
fn scrubbed_files_hold_no_trace_of_what_was_deleted() {
    let mut random = seeded("scrubbed files");
    for close in [true, false] {
        let (files, items) = dirty(1_500, close, &mut random);
        let traces = traces(&items);
        let found = count_in_files(&files, &traces);
        assert!(found > 100_000, "too little is left to mean much: {found}");
        assert!(count(&files.bytes(DATABASE_FILE).unwrap(), &traces) > 50_000);
        let store = open(Arc::new(files.clone())).unwrap();
        store.scrub().unwrap();
        assert_eq!(count_in_files(&files, &traces), 0);
        assert_eq!(files.bytes(WAL_FILE).unwrap(), b"");
        assert!(verify_files(&files).unwrap().is_empty());
        assert_kept(&store, &items, "after a scrub");
        // What is written now must not bring back what the engine had in memory.
        touch(&store, &items);
        grow(&store, &mut random);
        assert_eq!(count_in_files(&files, &traces), 0, "after going on");
        assert_eq!(store.database().integrity_check().unwrap(), Vec::<String>::new());
        store.close().unwrap();
        assert_eq!(count_in_files(&files, &traces), 0, "after closing");
    }
}

/// Writes pages that were there, without changing what they say.
fn touch(store: &Store, items: &Items) {
    for item in items.kept.iter().step_by(3) {
        let row = params![item.body.as_str(), item.id];
        store.database().execute("UPDATE note SET body = ? WHERE id = ?", row).unwrap();
    }
    store.database().checkpoint().unwrap();
}

/// Makes many new pages.
fn grow(store: &Store, random: &mut Random) {
    let database = store.database();
    database.execute("CREATE TABLE more (a TEXT, b TEXT)", ()).unwrap();
    database.execute("CREATE INDEX more_a ON more (a)", ()).unwrap();
    for _ in 0..400 {
        let (a, b) = ("a".repeat(random.below(900)), "b".repeat(random.below(9_000)));
        database.execute("INSERT INTO more VALUES (?, ?)", params![a, b]).unwrap();
    }
    database.checkpoint().unwrap();
}

#[test]
fn a_scrub_right_after_the_deletion_is_as_good_as_one_after_opening() {
    let mut random = seeded("a scrub right after the deletion");
    let files = MemoryFiles::new();
    let store = open(Arc::new(files.clone())).unwrap();
    let items = fill(&store, 1_500, &mut random).unwrap();
    let traces = traces(&items);
    let (before, cookie) = (store.database().total_changes(), store.database().checkpoints());
    store.scrub().unwrap();
    assert_eq!(count_in_files(&files, &traces), 0);
    assert!(store.database().total_changes() >= before);
    assert!(store.database().checkpoints() > cookie);
    touch(&store, &items);
    grow(&store, &mut random);
    assert_eq!(count_in_files(&files, &traces), 0);
    assert_kept(&store, &items, "after going on");
    // A second time there is nothing to do, and the file is not written.
    store.scrub().unwrap();
    let bytes = files.bytes(DATABASE_FILE).unwrap();
    store.scrub().unwrap();
    assert!(files.bytes(DATABASE_FILE).unwrap() == bytes);
    // The last change keeps its number: an index that saw it must not take a new one for it.
    let notes = store.collection("notes").unwrap();
    notes.store("new", &[0.5; DIMENSIONS], &Metadata::new()).unwrap();
    assert_eq!(notes.count().unwrap(), items.kept.len() + 1);
    drop(store);
    let store = open(Arc::new(files)).unwrap();
    assert_eq!(store.collection("notes").unwrap().count().unwrap(), items.kept.len() + 1);
}

#[test]
fn pages_made_after_a_scrub_hold_nothing_that_was_in_memory() {
    let mut random = seeded("pages made after a scrub");
    let files = MemoryFiles::new();
    let store = open(Arc::new(files.clone())).unwrap();
    // More pages than the engine has room for in one piece: the others it takes from, and gives
    // back to, a place that outlives it. On each page something stays behind it, so that none is free.
    let items: Vec<Item> = (0..1_500).map(|id| Item::new(id, 1_500, &mut random)).collect();
    let database = store.database();
    database.execute("CREATE TABLE note (body TEXT, secret)", ()).unwrap();
    let insert = |body: &str, secret: bool| {
        database.execute("INSERT INTO note VALUES (?, ?)", params![body, secret]).map(drop)
    };
    let kept = "k".repeat(1_800);
    let pair = |item: &Item| insert(&kept, false).and_then(|()| insert(&item.body, true));
    store.transaction(|_| items.iter().try_for_each(pair)).unwrap();
    let items = Items { kept: Vec::new(), gone: items };
    let traces = traces(&items);
    assert!(count_in_files(&files, &traces) > 100_000);
    database.execute("DELETE FROM note WHERE secret", ()).unwrap();
    store.scrub().unwrap();
    assert_eq!(count_in_files(&files, &traces), 0);
    // The front half of each of these pages is not used, which is where the secrets were.
    let body = "x".repeat(2_200);
    let rows = || (0..2_000).try_for_each(|_| insert(&body, false));
    store.transaction(|_| rows()).unwrap();
    assert_eq!(count_in_files(&files, &traces), 0);
}

#[test]
fn rows_of_one_store_never_get_into_the_files_of_another() {
    let mut random = seeded("rows of one store");
    let one = open(Arc::new(MemoryFiles::new())).unwrap();
    let items: Vec<Item> = (0..1_500).map(|id| Item::new(id, 3_000, &mut random)).collect();
    let create = "CREATE TABLE note (body TEXT)";
    let insert = "INSERT INTO note VALUES (?)";
    one.database().execute(create, ()).unwrap();
    let put = |store: &Store, body: &str| store.database().execute(insert, params![body]).map(drop);
    one.transaction(|one| items.iter().try_for_each(|item| put(one, &item.body))).unwrap();
    one.database().checkpoint().unwrap();
    drop(one);
    let files = MemoryFiles::new();
    let other = open(Arc::new(files.clone())).unwrap();
    other.database().execute(create, ()).unwrap();
    let body = "x".repeat(2_200);
    other.transaction(|other| (0..1_500).try_for_each(|_| put(other, &body))).unwrap();
    let traces = traces(&Items { kept: Vec::new(), gone: items });
    assert_eq!(count_in_files(&files, &traces), 0);
}

#[test]
fn a_scrubbed_directory_holds_no_trace_and_c_sqlite_finds_it_sound() {
    let mut random = seeded("a scrubbed directory");
    let scratch = Scratch::new("scrub");
    let store = sigil_native::open(scratch.path()).unwrap();
    let items = fill(&store, 1_200, &mut random).unwrap();
    let traces = traces(&items);
    assert!(count_in_directory(scratch.path(), &traces) > 50_000);
    store.scrub().unwrap();
    assert_eq!(count_in_directory(scratch.path(), &traces), 0);
    assert_kept(&store, &items, "the directory");
    let database = scratch.join(DATABASE_FILE);
    assert_eq!(c_sqlite::integrity_check(&database).unwrap(), ["ok"]);
    let kept = c_sqlite::query(&database, "SELECT title FROM note ORDER BY id").unwrap();
    assert!(kept.iter().eq(items.kept.iter().map(|item| &item.title)));
    drop(store);
    let findings = sigil_native::verify(scratch.path()).unwrap();
    assert!(findings.is_empty(), "{findings:?}");
}

/// Has the C SQLite make a database and delete two items in three from it.
fn make_with_c_sqlite(database: &Path, page_bytes: u32, random: &mut Random) -> Items {
    let items: Vec<Item> = (0..400).map(|id| Item::new(id, text_len(random), random)).collect();
    let mut sql = format!(
        "PRAGMA page_size = {page_bytes};
         PRAGMA secure_delete = OFF;
         PRAGMA synchronous = OFF;
         PRAGMA journal_mode = WAL;
         CREATE TABLE note (id INTEGER PRIMARY KEY, title TEXT NOT NULL UNIQUE, body TEXT);
         CREATE INDEX note_body ON note (body);
         CREATE TABLE pairs (title PRIMARY KEY) WITHOUT ROWID;"
    );
    for Item { id, title, body, .. } in &items {
        sql.push_str(&format!("INSERT INTO note VALUES ({id}, '{title}', '{body}');"));
        sql.push_str(&format!("INSERT INTO pairs VALUES ('{title}');"));
    }
    let (mut gone, kept): (Vec<Item>, Vec<Item>) =
        items.into_iter().partition(|item| item.id % 3 != 0);
    for Item { id, title, markers, .. } in &mut gone {
        sql.push_str(&format!("DELETE FROM pairs WHERE title = '{title}';"));
        sql.push_str(&format!("DELETE FROM note WHERE id = {id};"));
        if *id % 5 == 0 {
            // What is shorter leaves the end of a page behind it.
            let text = "-".repeat(random.below(10_000));
            sql.push_str(&format!("INSERT INTO note VALUES ({}, '{id}', '{text}');", 1_000 + *id));
        }
        // There are no vectors.
        markers.pop();
    }
    let program = "import sqlite3,sys\n\
                   c=sqlite3.connect(sys.argv[1],isolation_level=None)\n\
                   c.executescript(sys.stdin.read())";
    let mut python = Command::new("python3");
    let python = python.args(["-c", program]).arg(database).stdin(Stdio::piped());
    let mut python = python.spawn().unwrap();
    python.stdin.take().unwrap().write_all(sql.as_bytes()).unwrap();
    assert!(python.wait().unwrap().success());
    Items { kept, gone }
}

#[test]
fn a_file_of_c_sqlite_is_scrubbed_too() {
    let mut random = seeded("a file of C SQLite");
    for page_bytes in [1024, 4096, 65536] {
        let scratch = Scratch::new("scrub-c");
        fs::create_dir(scratch.path()).unwrap();
        let database = scratch.join(DATABASE_FILE);
        let items = make_with_c_sqlite(&database, page_bytes, &mut random);
        let traces = traces(&items);
        assert!(count_in_directory(scratch.path(), &traces) > 10_000);
        let before = c_sqlite::query(&database, "SELECT * FROM note ORDER BY id").unwrap();
        let store = sigil_native::open(scratch.path()).unwrap();
        store.scrub().unwrap();
        assert_eq!(count_in_directory(scratch.path(), &traces), 0, "{page_bytes}");
        assert_eq!(store.database().integrity_check().unwrap(), Vec::<String>::new());
        store.close().unwrap();
        drop(store);
        assert_eq!(c_sqlite::integrity_check(&database).unwrap(), ["ok"]);
        assert!(c_sqlite::query(&database, "SELECT * FROM note ORDER BY id").unwrap() == before);
        let pairs = c_sqlite::query(&database, "SELECT count(*) FROM pairs").unwrap();
        assert_eq!(pairs, [items.kept.len().to_string()]);
    }
}

#[test]
fn a_scrubbed_image_holds_no_trace_in_any_blob() {
    let mut random = seeded("a scrubbed image");
    let storage = MemoryStorage::new();
    let mut store = open_image(&storage).unwrap();
    let items = fill(store.store(), 600, &mut random).unwrap();
    store.flush(&storage).unwrap();
    for n in 0..5 {
        store.store().database().execute("PRAGMA user_version = 1", ()).unwrap();
        let sql = format!("CREATE TABLE t{n} (a)");
        store.store().database().execute(&sql, ()).unwrap();
        store.flush(&storage).unwrap();
    }
    let traces = traces(&items);
    assert!(count_in_blobs(&storage, &traces) > 10_000);
    store.scrub(&storage).unwrap();
    assert_eq!(count_in_blobs(&storage, &traces), 0);
    assert_kept(store.store(), &items, "the image");
    let mut store = open_image(&storage).unwrap();
    assert_kept(store.store(), &items, "the image, opened again");
    // Once more on one that was just opened, by the steps of an asynchronous host.
    items.kept[0].delete(store.store()).unwrap();
    store.flush(&storage).unwrap();
    let gone =
        Items { kept: Vec::new(), gone: vec![Item { ..items.kept.into_iter().next().unwrap() }] };
    let traces = self::traces(&gone);
    assert!(count_in_blobs(&storage, &traces) > 0);
    store.begin_scrub().unwrap();
    let mut flushes = 0;
    while let Some(flush) = store.plan_flush().unwrap() {
        for (name, bytes) in &flush.writes {
            storage.replace(name, bytes).unwrap();
        }
        storage.replace(&flush.manifest.0, &flush.manifest.1).unwrap();
        let removals = flush.removals.clone();
        store.flushed(flush);
        for name in removals {
            storage.remove(&name).unwrap();
            store.removed(&name);
        }
        flushes += 1;
    }
    assert_eq!((flushes, store.image().retired().count()), (2, 0));
    assert_eq!(count_in_blobs(&storage, &traces), 0);
}

#[test]
fn what_cannot_be_removed_is_said() {
    let mut random = seeded("what cannot be removed");
    let storage = MemoryStorage::new();
    let mut store = open_image(&storage).unwrap();
    let items = fill(store.store(), 60, &mut random).unwrap();
    store.flush(&storage).unwrap();
    let stuck = Stuck(&storage);
    let error = store.scrub(&stuck).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert!(error.to_string().contains("'base-1'"), "{error}");
    assert_kept(store.store(), &items, "with an old blob");
    store.scrub(&storage).unwrap();
    assert_eq!(count_in_blobs(&storage, &traces(&items)), 0);
}

/// A storage that removes nothing.
#[derive(Debug)]
struct Stuck<'a>(&'a MemoryStorage);

impl SnapshotStorage for Stuck<'_> {
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.0.read(name)
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.0.replace(name, bytes)
    }

    fn remove(&self, _: &str) -> Result<()> {
        Err(sigil_core::Error::new(ErrorKind::Storage, "nothing is removed"))
    }
}

#[test]
fn a_scrub_waits_for_what_is_open() {
    let store = Store::in_memory().unwrap();
    store.database().execute("CREATE TABLE t (a)", ()).unwrap();
    store.database().execute("INSERT INTO t VALUES (1), (2)", ()).unwrap();
    let refused = store.transaction(|store| store.scrub()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Busy);
    let mut seen = 0;
    let each = |_: sigil_core::RowRef<'_>| {
        seen += 1;
        assert_eq!(store.scrub().unwrap_err().kind(), ErrorKind::Busy);
        Ok(())
    };
    store.database().query_each("SELECT a FROM t", (), each).unwrap();
    assert_eq!(seen, 2);
    assert!(store.database().poisoned().is_none());
    let inserted = store.database().execute("INSERT INTO t VALUES (3)", ()).unwrap();
    store.scrub().unwrap();
    // The handle goes on where it was.
    let updated = store.database().execute("UPDATE t SET a = 4 WHERE a = 3", ()).unwrap();
    assert_eq!(updated.last_insert_rowid, inserted.last_insert_rowid);
    store.close().unwrap();
    assert_eq!(store.scrub().unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn a_damaged_database_is_refused_and_left_alone() {
    let mut random = seeded("a damaged database");
    let (files, items) = dirty(200, true, &mut random);
    let mut bytes = files.bytes(DATABASE_FILE).unwrap();
    // A page in the middle, which opening does not read.
    let at = bytes.len() / 4096 / 2 * 4096 + 2_000;
    bytes[at] ^= 1;
    files.put(DATABASE_FILE, bytes.clone());
    let store = open(Arc::new(files.clone())).unwrap();
    let error = store.scrub().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    drop(store);
    bytes[at] ^= 1;
    let damaged = files.bytes(DATABASE_FILE).unwrap();
    assert_eq!(damaged.len(), bytes.len());
    assert!(damaged[at] == bytes[at] ^ 1);
    let mut mended = damaged;
    mended[at] ^= 1;
    files.put(DATABASE_FILE, mended);
    assert_kept(&open(Arc::new(files)).unwrap(), &items, "with the damage undone");
}
