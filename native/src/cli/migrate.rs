//! `sigil migrate`: takes over a data directory of the program before.

use std::io::Write;
use std::path::Path;

use sigil_native::migrate::{FileOutcome, NOTES, Progress, Report, migrate, rehearse};

use super::{DONE, FOUND, Outcome, progress};

/// How the command was asked to run.
#[derive(Debug)]
pub(super) struct Options {
    /// Only say what would be done.
    pub(super) dry_run: bool,
    /// The report as JSON.
    pub(super) json: bool,
}

/// Runs the command.
pub(super) fn run(source: &Path, target: &Path, options: &Options, out: &mut dyn Write) -> Outcome {
    let bar = progress::bar(0, "migrating");
    let mut show = |progress: Progress<'_>| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
        Ok(())
    };
    let report = if options.dry_run {
        rehearse(source, &mut show)
    } else {
        migrate(source, target, &mut show)
    };
    bar.finish_and_clear();
    let report = report?;
    if options.json {
        writeln!(out, "{}", report.to_value())?;
    } else {
        print(&report, (!options.dry_run).then_some(target), out)?;
    }
    Ok(if report.is_complete() { DONE } else { FOUND })
}

fn print(report: &Report, target: Option<&Path>, out: &mut dyn Write) -> Outcome<()> {
    for repair in &report.repairs {
        writeln!(out, "{repair}")?;
    }
    for file in &report.files {
        writeln!(out, "{file}")?;
    }
    let migrated =
        report.files.iter().filter(|file| !matches!(file.outcome, FileOutcome::LeftOut(_)));
    let rows: u64 = migrated.clone().map(|file| file.rows).sum();
    let (files, repairs) = (migrated.count(), report.repairs.len());
    let end = match (report.is_complete(), target) {
        (true, None) => "; nothing was written, as asked".to_owned(),
        (true, Some(_)) if repairs == 0 => String::new(),
        (true, Some(target)) => {
            let notes = target.join(NOTES);
            format!("; what stood there before each is in '{}'", notes.display())
        }
        (false, _) => "; nothing was written: a file cannot be read".to_owned(),
    };
    writeln!(out, "{rows} rows in {files} files, {repairs} repairs{end}")?;
    Ok(())
}
