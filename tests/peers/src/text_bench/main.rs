//! The native half of `tests/benches/text`: full text indexes fill and answer side by side.
//!
//! ```text
//! text-bench --docs FILE --queries FILE --appended FILE [--dir DIR] [--rounds N] [--answers FILE]
//! ```
//!
//! The files are JSON lines as `tests/benches/text_bench` makes them. What was measured is one JSON
//! object on the standard output. `--answers` keeps what the first side found, for others to be
//! checked against.

#![expect(clippy::print_stdout, reason = "the figures go there")]

mod contender;
mod fts5;
mod input;
mod measure;
mod ours;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};
use sigil_peers::workload::file_system;
use sigil_peers::{Error, Result};

use contender::sides;
use input::{Doc, Query};
use measure::Lanes;

/// How many hits a query asks for.
const K: usize = 10;
/// How many documents a transaction adds.
const BATCH: usize = 100;

#[derive(Debug, Default)]
struct Options {
    docs: PathBuf,
    queries: PathBuf,
    appended: PathBuf,
    directory: PathBuf,
    answers: Option<PathBuf>,
    rounds: usize,
}

fn main() -> ExitCode {
    match parse(std::env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(figures) => {
            println!("{figures}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<Value> {
    if let Some("tmpfs" | "ramfs") = file_system(&options.directory)?.as_deref() {
        let directory = options.directory.display();
        return Err(Error::Input(format!(
            "{directory} is in memory, where durability costs nothing: give --dir a directory on a disk"
        )));
    }
    let docs: Vec<Doc> = input::lines(&options.docs)?;
    let queries: Vec<Query> = input::lines(&options.queries)?;
    let appended: Vec<Doc> = input::lines(&options.appended)?;
    let directory = options.directory.join(format!("text-bench-{}", std::process::id()));
    std::fs::create_dir_all(&directory)?;
    let outcome = measured(options, &directory, &docs, &queries, &appended);
    std::fs::remove_dir_all(&directory)?;
    outcome
}

fn measured(
    options: &Options,
    directory: &std::path::Path,
    docs: &[Doc],
    queries: &[Query],
    appended: &[Doc],
) -> Result<Value> {
    let mut lanes = Lanes::open(directory)?;
    let mut indexing = vec![Vec::new(); sides().len()];
    for round in 0..options.rounds {
        eprintln!("  indexing, round {} of {}", round + 1, options.rounds);
        lanes = lanes.emptied()?;
        for (times, seconds) in indexing.iter_mut().zip(lanes.index(docs, BATCH)?) {
            times.push(seconds);
        }
    }
    lanes.settle()?;
    let sizes = lanes.sizes()?;
    let opening = lanes.reopen(options.rounds, &queries[0], K)?;
    eprintln!("  {} queries, {} rounds", queries.len(), options.rounds);
    let asked = lanes.queries(queries, options.rounds, K)?;
    if let Some(path) = &options.answers {
        let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
        for hits in &asked.answers[0] {
            writeln!(file, "{}", json!(hits))?;
        }
        file.flush()?;
    }
    eprintln!("  appending {} singly", appended.len());
    let appending = lanes.append(appended)?;
    let found = sides().into_iter().enumerate().map(|(at, side)| {
        json!({
            "name": side.name,
            "indexing_seconds": indexing[at],
            "index_bytes": sizes[at].index,
            "file_bytes": sizes[at].all,
            "open_us": opening[at],
            "append_us": appending[at],
            "queries": asked.of(at, queries),
        })
    });
    Ok(json!({
        "docs": docs.len(),
        "text_bytes": docs.iter().map(|doc| doc.text.len()).sum::<usize>(),
        "appended": appended.len(),
        "rounds": options.rounds,
        "sqlite": rusqlite::version(),
        "sides": found.collect::<Vec<Value>>(),
    }))
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Options> {
    let mut options = Options { directory: std::env::temp_dir(), rounds: 3, ..Options::default() };
    while let Some(argument) = arguments.next() {
        let value =
            arguments.next().ok_or_else(|| Error::Input(format!("{argument} needs a value")))?;
        match &*argument {
            "--docs" => options.docs = value.into(),
            "--queries" => options.queries = value.into(),
            "--appended" => options.appended = value.into(),
            "--dir" => options.directory = value.into(),
            "--answers" => options.answers = Some(value.into()),
            "--rounds" => {
                options.rounds =
                    value
                        .parse()
                        .ok()
                        .filter(|rounds| (1..=1_000).contains(rounds))
                        .ok_or_else(|| Error::Input(format!("{value:?} is no number of rounds")))?;
            }
            _ => return Err(Error::Input(format!("there is no option {argument}"))),
        }
    }
    Ok(options)
}
