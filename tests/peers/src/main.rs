//! Measures the workloads; the head of the library says how to call it.

use std::path::PathBuf;
use std::process::ExitCode;

use sigil_peers::contender::sides;
use sigil_peers::workload::{ALL, Options, Workload, file_system};
use sigil_peers::{Error, Result, report};

fn main() -> ExitCode {
    match measure(std::env::args().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: impl Iterator<Item = String>) -> Result<()> {
    let (mut options, workloads) = parse(arguments)?;
    options.directory = options.directory.join(format!("sigil-peers-{}", std::process::id()));
    std::fs::create_dir_all(&options.directory)?;
    let outcome = measure_in(&options, &workloads);
    std::fs::remove_dir_all(&options.directory)?;
    outcome
}

fn measure_in(options: &Options, workloads: &[Workload]) -> Result<()> {
    let kind = file_system(&options.directory)?;
    if let Some("tmpfs" | "ramfs") = kind.as_deref() {
        return Err(Error::Input(format!(
            "{} is in memory, where durability costs nothing: give --dir a directory on a disk",
            options.directory.display()
        )));
    }
    let names: Vec<&str> = sides().iter().map(|side| side.name).collect();
    report::line(&format!(
        "{}; {} runs, medians; sizes {} %; on {}; SQLite {}",
        names.join(", "),
        options.runs,
        options.percent,
        kind.as_deref().unwrap_or("an unknown file system"),
        rusqlite::version(),
    ));
    workloads.iter().try_for_each(|(_, run)| run(options))
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<(Options, Vec<Workload>)> {
    let mut options = Options { runs: 5, directory: std::env::temp_dir(), percent: 100 };
    let mut workloads = Vec::new();
    while let Some(argument) = arguments.next() {
        let mut value =
            || arguments.next().ok_or_else(|| Error::Input(format!("{argument} needs a value")));
        match &*argument {
            "--runs" => options.runs = number(&value()?, 1_000)?,
            "--percent" => options.percent = number(&value()?, 100)?,
            "--dir" => options.directory = PathBuf::from(value()?),
            name => {
                workloads.push(*ALL.iter().find(|(known, _)| *known == name).ok_or_else(|| {
                    let known = ALL.map(|(known, _)| known).join(", ");
                    Error::Input(format!("no workload is named {name:?}: choose from {known}"))
                })?)
            }
        }
    }
    if workloads.is_empty() {
        workloads = ALL.to_vec();
    }
    Ok((options, workloads))
}

fn number(text: &str, most: usize) -> Result<usize> {
    text.parse()
        .ok()
        .filter(|number| (1..=most).contains(number))
        .ok_or_else(|| Error::Input(format!("{text:?} is not a number from 1 to {most}")))
}
