//! Writes the seeds of the fuzzers that are bytes: a small real store, cut into what each target takes.
//!
//! `cargo run -p sigil-tests --example fuzz_seeds`, after a change of format. The seeds of
//! `filter_parser` and `query_parser` are text and written by hand; `page/c-512` was made by the C
//! SQLite.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::{fs, io};

use sigil_core::container::{self, StoreId};
use sigil_core::image::{self, OpenOptions};
use sigil_core::{
    DATABASE_FILE, Database, DatabaseOptions, FixedHost, ImageStore, MemoryFiles, MemoryStorage,
    Metadata, Metric, Precision, SnapshotMark, SnapshotStorage, Store, TextIndexOptions,
    VectorIndex, WAL_FILE, params,
};

/// The identity that the targets open their stores with.
const STORE: StoreId = StoreId([3; 16]);

/// What stands before the table of the sections of an index snapshot.
const INDEX_HEADER_BYTES: usize = 36;

/// How many sections there are, and how many bytes of the table each takes.
const INDEX_SECTIONS: usize = 5;
const INDEX_ENTRY_BYTES: usize = 16;

fn write(target: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), bytes)
}

/// A store with a base image and one write-ahead log after it, as the blobs that hold it.
fn blobs() -> sigil_core::Result<MemoryStorage> {
    let storage = MemoryStorage::new();
    let opened = image::open(&storage, OpenOptions::default(), STORE)?;
    let mut store =
        ImageStore::open(opened, Arc::new(FixedHost::new(1)), DatabaseOptions::default())?;
    store.store().database().execute("CREATE TABLE t (a)", ())?;
    store.flush(&storage)?;
    store.store().database().execute("INSERT INTO t VALUES (1)", ())?;
    store.flush(&storage)?;
    Ok(storage)
}

/// A database of a few pages and the log on top of it, as `fuzz_targets/page.rs` takes them.
fn database() -> sigil_core::Result<(Vec<u8>, Vec<u8>)> {
    let files = MemoryFiles::new();
    let host = Arc::new(FixedHost::new(1));
    let open = || Database::open(Arc::new(files.clone()), host.clone(), DatabaseOptions::default());
    let database = open()?;
    database.execute_batch(
        "CREATE TABLE t (a, b); CREATE INDEX t_a ON t (a);
         INSERT INTO t VALUES (1, 'one'), (-2.5, x'00ff'), (NULL, hex(zeroblob(3000)));
         INSERT INTO t SELECT value, 'row' FROM generate_series(1, 20);
         DELETE FROM t WHERE b = 'one';",
    )?;
    database.checkpoint()?;
    database.execute("DELETE FROM t WHERE a IS NULL", ())?;
    drop(database);
    let bytes = |name| files.bytes(name).unwrap_or_default();
    Ok((bytes(DATABASE_FILE), bytes(WAL_FILE)))
}

fn index() -> sigil_core::Result<VectorIndex> {
    let mut index = VectorIndex::new(3, Metric::Cosine)?;
    index.add("one", &[1.0, 0.0, 0.0], Metadata::from_json(r#"{"pos": "noun", "lex": 5}"#)?)?;
    index.add("two", &[0.6, 0.8, 0.0], Metadata::from_json(r#"{"tags": ["a", null, true]}"#)?)?;
    Ok(index)
}

/// Enough vectors for cells, of few elements.
fn index_with_cells() -> sigil_core::Result<VectorIndex> {
    let mut index = VectorIndex::with_precision(2, Metric::L2, Precision::Int8)?;
    for n in 0..1_000_u16 {
        let angle = f32::from(n);
        index.add(&n.to_string(), &[angle.sin(), angle.cos()], Metadata::new())?;
    }
    for n in 0..480 {
        index.remove(&n.to_string());
    }
    Ok(index)
}

/// The parts of a small segment, each behind its kind and its length.
fn text_segment() -> sigil_core::Result<Vec<u8>> {
    // Documents, terms, their documents, and positions: in this order they are written.
    const KINDS: [u8; 4] = [3, 0, 1, 2];
    let store = Store::in_memory()?;
    let database = store.database();
    database.execute("CREATE TABLE t (a TEXT, b TEXT)", ())?;
    let index = store.create_text_index("t", &TextIndexOptions::new("t", ["a", "b"]))?;
    for n in 0..300 {
        let text = format!("all of some {} words {}", n % 7, n % 50);
        database.execute("INSERT INTO t VALUES (?, 'other')", params![text])?;
    }
    index.optimize()?;
    let rows = database.query("SELECT bytes FROM sigil_text_part ORDER BY id", ())?;
    let mut seed = Vec::new();
    for (kind, row) in KINDS.iter().zip(rows.rows()) {
        let bytes = row.get(0)?.as_blob().unwrap_or_default();
        seed.push(*kind);
        seed.extend(u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_le_bytes());
        seed.extend_from_slice(bytes);
    }
    Ok(seed)
}

/// A snapshot as `fuzz_targets/index_snapshot.rs` puts one together: the lengths of its sections
/// but the last, and the sections.
fn sections(snapshot: &[u8]) -> Vec<u8> {
    let (table, sections) =
        snapshot[INDEX_HEADER_BYTES..].split_at(INDEX_SECTIONS * INDEX_ENTRY_BYTES);
    let lengths = table.chunks(INDEX_ENTRY_BYTES).take(INDEX_SECTIONS - 1);
    lengths.flat_map(|entry| &entry[..2]).chain(sections).copied().collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let storage = blobs()?;
    for name in storage.names() {
        let Some(bytes) = storage.read(&name)? else { continue };
        let blob = container::decode(&name, &bytes)?;
        if name.starts_with("manifest") {
            // The choice: this manifest in slot b, and every blob that it names is there.
            write("manifest", &name, &[&[2], blob.payload].concat())?;
            write("blob", &name, &bytes)?;
        } else if name.starts_with("wal") {
            write("blob", &name, &bytes)?;
            write("blob", &format!("{name}.log"), blob.payload)?;
        }
    }
    let mark = SnapshotMark { watermark: 2, store: STORE.0, collection: 1 };
    let bytes = index()?.to_bytes_marked(&mark)?;
    write("index_snapshot", "two-vectors", &bytes)?;
    write("index_snapshot", "two-vectors.sections", &sections(&bytes))?;
    let cells = index_with_cells()?.to_bytes_marked(&mark)?;
    write("index_snapshot", "cells.sections", &sections(&cells))?;
    let (database, log) = database()?;
    let cut = u16::try_from(database.len() / 512)?.to_be_bytes();
    write("page", "database", &[&cut, database.as_slice()].concat())?;
    write("page", "with-log", &[&cut, database.as_slice(), &log].concat())?;
    let empty = VectorIndex::new(8, Metric::L2)?.to_bytes_marked(&mark)?;
    write("index_snapshot", "empty.sections", &sections(&empty))?;
    write("text_segment", "three-hundred-documents", &text_segment()?)?;
    Ok(())
}
