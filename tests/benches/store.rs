//! What a store costs: durable single writes at two sizes, opening with and without an index
//! snapshot, and flushes of a large image. `cargo bench -p sigil-tests --bench store`

#![expect(clippy::print_stdout, reason = "a benchmark reports on the terminal")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use sigil_core::container::StoreId;
use sigil_core::{
    CollectionOptions, DatabaseOptions, ImageStore, MemoryStorage, Metadata, Metric, Store, image,
    params,
};
use sigil_native::SystemHost;
use sigil_tests::random::Random;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const DIMENSIONS: usize = 384;

fn main() -> Result<()> {
    let directory = std::env::temp_dir().join(format!("sigil-bench-{}", std::process::id()));
    let outcome = single_writes(&directory)
        .and_then(|()| opening(&directory.join("opening")))
        .and_then(|()| flushes());
    std::fs::remove_dir_all(&directory)?;
    outcome
}

fn vector(random: &mut Random) -> Vec<f32> {
    (0..DIMENSIONS)
        .map(|_| f32::from(i16::try_from(random.below(2001)).unwrap_or(0) - 1000) / 1000.0)
        .collect()
}

fn fill(store: &Store, vectors: usize) -> Result<()> {
    let options = CollectionOptions::new(DIMENSIONS, Metric::Cosine);
    let collection = store.open_collection("c", options)?;
    let metadata = Metadata::from_json(r#"{"kind": "bench", "n": 1}"#)?;
    let mut random = Random::new(7);
    for first in (0..vectors).step_by(1000) {
        let rows: Vec<(String, Vec<f32>)> = (first..(first + 1000).min(vectors))
            .map(|n| (format!("id-{n:07}"), vector(&mut random)))
            .collect();
        collection.store_many(rows.iter().map(|(id, v)| (&**id, v.as_slice(), &metadata)))?;
    }
    Ok(())
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Stores one vector durably, in stores of 1,000 and 100,000, taking turns; a plain append and
/// fsync of as many bytes stands beside them.
fn single_writes(directory: &Path) -> Result<()> {
    const WRITES: usize = 200;
    let small = sigil_native::open(directory.join("small"))?;
    let large = sigil_native::open(directory.join("large"))?;
    fill(&small, 1_000)?;
    fill(&large, 100_000)?;
    let metadata = Metadata::from_json(r#"{"kind": "bench", "n": 2}"#)?;
    let mut random = Random::new(9);
    let mut file = std::fs::File::create(directory.join("append"))?;
    let page = vec![7u8; 6 * 4096];
    let (mut of_small, mut of_large, mut of_file) = (Vec::new(), Vec::new(), Vec::new());
    // The order turns, because a sync also pays for what the one before it left in the journal.
    for n in 0..WRITES {
        for turn in 0..3 {
            let which = (n + turn) % 3;
            let (store, times) = match which {
                0 => (&small, &mut of_small),
                1 => (&large, &mut of_large),
                _ => {
                    let began = Instant::now();
                    std::io::Write::write_all(&mut file, &page)?;
                    file.sync_data()?;
                    of_file.push(began.elapsed().as_secs_f64() * 1e3);
                    continue;
                }
            };
            let vector = vector(&mut random);
            let collection = store.collection("c")?;
            let began = Instant::now();
            collection.store(&format!("new-{n}"), &vector, &metadata)?;
            times.push(began.elapsed().as_secs_f64() * 1e3);
        }
    }
    let (small, large, file) = (median(&mut of_small), median(&mut of_large), median(&mut of_file));
    println!("store one vector durably, median of {WRITES}, taking turns");
    println!("  into   1,000 vectors  {small:.3} ms");
    println!("  into 100,000 vectors  {large:.3} ms, {:.2} x", large / small);
    println!("  append 24 KiB and sync {file:.3} ms");
    Ok(())
}

/// Opens a store of 20,000 vectors until its index is ready, with the index's snapshot and without.
fn opening(directory: &Path) -> Result<()> {
    const ROUNDS: usize = 7;
    {
        let store = sigil_native::open(directory)?;
        fill(&store, 20_000)?;
        store.collection("c")?.count()?;
        store.close()?;
    }
    let open = || -> Result<f64> {
        let began = Instant::now();
        let store = sigil_native::open(directory)?;
        // Brings the index up; a search would add its own time to both sides.
        let vectors = store.collection("c")?.count()?;
        let ms = began.elapsed().as_secs_f64() * 1e3;
        assert_eq!(vectors, 20_000);
        Ok(ms)
    };
    let name = directory.join("vectors-1.index");
    let aside = directory.join("vectors-1.aside");
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        with.push(open()?);
        std::fs::rename(&name, &aside)?;
        without.push(open()?);
        std::fs::rename(&aside, &name)?;
    }
    let (with, without) = (median(&mut with), median(&mut without));
    println!("open 20,000 x {DIMENSIONS} with their index ready, median of {ROUNDS}, taking turns");
    println!("  with its index snapshot  {with:.1} ms");
    println!("  rebuilding               {without:.1} ms");
    println!("  the snapshot takes {:.1} % of the rebuild", 100.0 * with / without);
    Ok(())
}

/// Flushes after one small write each, on an image of 50 MB.
fn flushes() -> Result<()> {
    const FLUSHES: usize = 1000;
    let storage = MemoryStorage::new();
    let opened = image::open(&storage, image::OpenOptions::default(), StoreId([1; 16]))?;
    let host = Arc::new(SystemHost::new());
    let mut store = ImageStore::open(opened, host, DatabaseOptions::default())?;
    store.store().database().execute("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)", ())?;
    store.store().database().execute(
        "INSERT INTO t (text) SELECT hex(randomblob(500)) FROM generate_series(1, 48000)",
        (),
    )?;
    store.flush(&storage)?;
    let base = store.image().base().map_or(0, |base| base.len);
    let mut bytes = Vec::new();
    let mut times = Vec::new();
    for n in 0..FLUSHES {
        let row = params![format!("small write {n}")];
        store.store().database().execute("INSERT INTO t (text) VALUES (?)", row)?;
        let began = Instant::now();
        let flushed = store.flush(&storage)?;
        times.push(began.elapsed().as_secs_f64() * 1e3);
        bytes.push(flushed.map_or(0, |flushed| flushed.bytes));
    }
    bytes.sort_unstable();
    let total: u64 = bytes.iter().sum();
    let below = bytes.iter().filter(|bytes| **bytes < 64 << 10).count();
    println!(
        "flush after one small write each, image of {:.1} MB, {FLUSHES} flushes",
        base as f64 / 1e6
    );
    println!(
        "  bytes written: p50 {}, p90 {}, p99 {}, most {}, mean {}; {:.1} % under 64 KiB",
        bytes[FLUSHES / 2],
        bytes[FLUSHES * 9 / 10],
        bytes[FLUSHES * 99 / 100],
        bytes[FLUSHES - 1],
        total / FLUSHES as u64,
        100.0 * below as f64 / FLUSHES as f64,
    );
    println!("  median {:.3} ms beside the host's own time", median(&mut times));
    Ok(())
}
