//! Exact search over 20,000 x 384 on one thread, beside numpy's matrix product and top-k.
//!
//! `cargo bench -p sigil-tests --bench vector_exact`, with these variables:
//!
//! - `SIGIL_BENCH_DATA`: a directory with `wordnet-50k.f16` and `queries-1k.f16`, rows of 384
//!   little-endian half-precision floats. Without it the data are synthetic: 64 random centres,
//!   and rows of centre plus noise of the same size, scaled to unit length.
//! - `SIGIL_BENCH_NUMPY`: a Python interpreter that has numpy. The two then take turns on the same
//!   bytes, round by round, and the ids they find are compared.

#![expect(clippy::print_stdout, reason = "a benchmark reports on the terminal")]

use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use sigil_core::{Filter, FixedHost, Host, Metadata, Metric, SearchOptions, VectorIndex};

const ROWS: usize = 20_000;
const DIMENSIONS: usize = 384;
const QUERIES: usize = 200;
const K: usize = 10;
const ROUNDS: usize = 7;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let (source, rows, queries) = data()?;
    println!(
        "{ROWS} x {DIMENSIONS} ({source}), k = {K}, {QUERIES} queries a round, {ROUNDS} rounds, \
         kernels {}",
        VectorIndex::kernels()
    );
    let index = build(Metric::Dot, &rows)?;
    let all = SearchOptions::default();
    let numpy = std::env::var_os("SIGIL_BENCH_NUMPY")
        .map(|python| Numpy::new(python, &rows, &queries))
        .transpose()?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(round(&index, &queries, &all)?);
        if let Some(numpy) = &numpy {
            theirs.push(numpy.round(&index, &queries)?);
        }
    }
    let dot = median(&mut ours);
    report("dot", dot);
    if numpy.is_some() {
        let numpy = median(&mut theirs);
        report("numpy X @ q + argpartition", numpy);
        println!("numpy's time is {:.2} x ours", numpy / dot);
    }
    for metric in [Metric::Cosine, Metric::L2] {
        let index = build(metric, &rows)?;
        report(metric.as_str(), rounds(&index, &queries, &all)?);
    }
    for (name, text) in [
        ("dot, filter on 50 %", r#"{"n": {"$lt": 50}}"#),
        ("dot, filter on 10 %", r#"{"n": {"$lt": 10}}"#),
        ("dot, filter on 1 %", r#"{"n": 0}"#),
    ] {
        let filter = Some(Filter::from_json(text)?);
        report(
            name,
            rounds(&index, &queries, &SearchOptions { filter, exact: true, ..all.clone() })?,
        );
    }
    snapshot(&index)
}

/// Encoding and decoding, beside a plain copy of the same bytes.
fn snapshot(index: &VectorIndex) -> Result<()> {
    let bytes = index.to_bytes()?;
    report("to_bytes", time(|| index.to_bytes()));
    report("from_bytes", time(|| VectorIndex::from_bytes(&bytes)));
    report("copy of the same bytes", time(|| bytes.clone()));
    println!("snapshot: {} bytes", bytes.len());
    Ok(())
}

/// The median time of one call of `f`, in milliseconds.
fn time<T>(f: impl Fn() -> T) -> f64 {
    let mut times: Vec<f64> = (0..3 * ROUNDS)
        .map(|_| {
            let start = Instant::now();
            std::hint::black_box(f());
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    median(&mut times)
}

fn build(metric: Metric, rows: &[Vec<f32>]) -> Result<VectorIndex> {
    let mut index = VectorIndex::new(DIMENSIONS, metric)?;
    for (i, row) in rows.iter().enumerate() {
        let metadata = format!(r#"{{"n": {}, "kind": "note"}}"#, i * 7919 % 100);
        index.add(&i.to_string(), row, Metadata::from_json(&metadata)?)?;
    }
    Ok(index)
}

/// The median time of one query in this round, in milliseconds.
fn round(index: &VectorIndex, queries: &[Vec<f32>], options: &SearchOptions) -> Result<f64> {
    let mut times = Vec::new();
    for query in queries {
        let start = Instant::now();
        let hits = index.search(query, K, options)?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
        assert_eq!(hits.len(), K);
    }
    Ok(median(&mut times))
}

fn rounds(index: &VectorIndex, queries: &[Vec<f32>], options: &SearchOptions) -> Result<f64> {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        times.push(round(index, queries, options)?);
    }
    Ok(median(&mut times))
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn report(name: &str, ms: f64) {
    println!("{name:<28} {ms:>9.3} ms");
}

/// The same search in numpy, in a process of its own each round.
struct Numpy {
    python: OsString,
    directory: PathBuf,
}

impl Numpy {
    fn new(python: OsString, rows: &[Vec<f32>], queries: &[Vec<f32>]) -> Result<Numpy> {
        let directory = std::env::temp_dir().join(format!("sigil-bench-{}", std::process::id()));
        fs::create_dir_all(&directory)?;
        for (name, vectors) in [("rows.f32", rows), ("queries.f32", queries)] {
            let bytes: Vec<u8> = vectors.iter().flatten().flat_map(|x| x.to_le_bytes()).collect();
            fs::write(directory.join(name), bytes)?;
        }
        Ok(Numpy { python, directory })
    }

    fn round(&self, index: &VectorIndex, queries: &[Vec<f32>]) -> Result<f64> {
        let output = Command::new(&self.python)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/numpy_exact.py"))
            .args([self.directory.join("rows.f32"), self.directory.join("queries.f32")])
            .args([DIMENSIONS.to_string(), K.to_string()])
            .envs([
                ("OPENBLAS_NUM_THREADS", "1"),
                ("OMP_NUM_THREADS", "1"),
                ("MKL_NUM_THREADS", "1"),
            ])
            .output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
        }
        let text = String::from_utf8(output.stdout)?;
        let mut lines = text.lines();
        let ms: f64 = lines.next().ok_or("numpy_exact.py printed nothing")?.parse()?;
        let mut same = 0;
        for (query, line) in queries.iter().zip(lines) {
            let hits = index.search(query, K, &SearchOptions::default())?;
            same += line.split(' ').filter(|id| hits.iter().any(|hit| hit.id == *id)).count();
        }
        // Rounding may swap a pair at the tenth place, no more.
        assert!(same * 1000 >= queries.len() * K * 998, "only {same} ids are the same");
        Ok(ms)
    }
}

impl Drop for Numpy {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

type Data = (&'static str, Vec<Vec<f32>>, Vec<Vec<f32>>);

fn data() -> Result<Data> {
    if let Some(directory) = std::env::var_os("SIGIL_BENCH_DATA") {
        let directory = PathBuf::from(directory);
        let rows = halves(&directory.join("wordnet-50k.f16"), ROWS)?;
        return Ok(("wordnet", rows, halves(&directory.join("queries-1k.f16"), QUERIES)?));
    }
    let host = FixedHost::new(1);
    let gaussian = || {
        // The sum of twelve uniform numbers, less its mean (Irwin-Hall).
        let mut bytes = [0; 12];
        host.fill_random(&mut bytes);
        bytes.iter().map(|byte| (f32::from(*byte) - 127.5) / 256.0).sum::<f32>()
    };
    let vector = || -> Vec<f32> { (0..DIMENSIONS).map(|_| gaussian()).collect() };
    let centres: Vec<Vec<f32>> = (0..64).map(|_| vector()).collect();
    let mut mixture = (0..ROWS + QUERIES).map(|i| {
        let row: Vec<f32> = vector().iter().zip(&centres[i % 64]).map(|(x, c)| x + c).collect();
        let norm = row.iter().map(|x| x * x).sum::<f32>().sqrt();
        row.iter().map(|x| x / norm).collect()
    });
    let rows = mixture.by_ref().take(ROWS).collect();
    Ok(("synthetic mixture", rows, mixture.collect()))
}

/// The first `count` rows of a file of little-endian half-precision floats.
fn halves(path: &Path, count: usize) -> Result<Vec<Vec<f32>>> {
    let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (pairs, _) = bytes.as_chunks::<2>();
    let rows: Vec<Vec<f32>> = pairs
        .chunks_exact(DIMENSIONS)
        .take(count)
        .map(|row| row.iter().map(|pair| half(u16::from_le_bytes(*pair))).collect())
        .collect();
    if rows.len() < count {
        return Err(format!("{} has fewer than {count} rows", path.display()).into());
    }
    Ok(rows)
}

/// The value of an IEEE 754 half-precision float.
fn half(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let exponent = i32::from((bits >> 10) & 0x1f);
    let fraction = f32::from(bits & 0x3ff) / 1024.0;
    sign * match exponent {
        0 => fraction * 2.0_f32.powi(-14),
        _ => (1.0 + fraction) * 2.0_f32.powi(exponent - 15),
    }
}
