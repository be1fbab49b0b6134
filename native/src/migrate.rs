//! Takes over the data directories of the program that this library's stores come from.
//!
//! Such a directory holds `gateway.db` and, for each workspace, `sessions.db`, `memory.db`,
//! `knowledge.db` and `vectors.db`, which a C SQLite with FTS5 and sqlite-vec wrote. [`migrate`]
//! reads them without touching them and writes what is in them into a
//! [`DataDirectory`](crate::DataDirectory). Every row is taken over; what the stores of this
//! library would refuse is repaired, and the [`Report`] says what and how, with what stood there.

mod batch;
mod columns;
mod columns_of;
mod entities;
mod fields;
mod file;
mod gateway;
mod ids;
mod json;
mod knowledge;
mod memory;
mod messages;
mod report;
mod run;
mod sessions;
mod state;
mod survey;
mod table;
mod target;
pub mod vec0;
mod vectors;

use std::path::Path;

use sigil_core::Result;

pub use file::LegacyFile;
pub use report::{FileOutcome, FileReport, Progress, Repair, Report};
pub use table::{Cell, LegacyDatabase, LegacyRow};
pub use target::{DirectoryTarget, NOTES, Target};

use run::Run;
use state::State;
use survey::{Kind, SourceFile, Survey};

/// Migrates the data directory `source` into the data directory `target`.
///
/// The source is opened for reading alone; the program that uses it should be stopped, and the
/// migration fails when it finds that a file was changed meanwhile. Nothing is written as long as
/// a file of the source cannot be read. The target must be empty, or hold an earlier run of the
/// same migration: one that was cut off anywhere is continued, and one that was finished is said
/// to be.
///
/// `progress` is told of every row; an error of its own stops the migration, to be continued by
/// another call.
///
/// # Errors
/// [`NotFound`](sigil_core::ErrorKind::NotFound) when the source holds no such directory, [`Conflict`](sigil_core::ErrorKind::Conflict) when
/// the target holds something else or the source changed since the migration was begun,
/// [`InvalidInput`](sigil_core::ErrorKind::InvalidInput) when the target lies in the source, [`Busy`](sigil_core::ErrorKind::Busy) when the
/// source is changed meanwhile, [`Locked`](sigil_core::ErrorKind::Locked) when another migration into the target runs,
/// and storage kinds. A file that cannot be read is told in the [`Report`].
///
/// ```no_run
/// let report = sigil_native::migrate::migrate("old-data", "new-data", &mut |_| Ok(()))?;
/// for repair in &report.repairs {
///     println!("{repair}");
/// }
/// # Ok::<(), sigil_core::Error>(())
/// ```
pub fn migrate(
    source: impl AsRef<Path>,
    target: impl AsRef<Path>,
    progress: &mut dyn FnMut(Progress<'_>) -> Result<()>,
) -> Result<Report> {
    let (source, target) = (source.as_ref(), target.as_ref());
    let survey = Survey::of(source)?;
    if !survey.is_readable() {
        return Ok(report(&survey, Vec::new(), |_| not_begun()));
    }
    let target = DirectoryTarget::open(source, target)?;
    write(&survey, source, &target, progress)
}

/// As [`migrate`], into any target.
///
/// # Errors
/// As [`migrate`].
pub fn migrate_into(
    source: impl AsRef<Path>,
    target: &dyn Target,
    progress: &mut dyn FnMut(Progress<'_>) -> Result<()>,
) -> Result<Report> {
    let source = source.as_ref();
    let survey = Survey::of(source)?;
    if !survey.is_readable() {
        return Ok(report(&survey, Vec::new(), |_| not_begun()));
    }
    write(&survey, source, target, progress)
}

/// What [`migrate`] would say of `source`, without a target.
///
/// # Errors
/// As [`migrate`], as far as they concern the source.
pub fn rehearse(
    source: impl AsRef<Path>,
    progress: &mut dyn FnMut(Progress<'_>) -> Result<()>,
) -> Result<Report> {
    let survey = Survey::of(source.as_ref())?;
    if !survey.is_readable() {
        return Ok(report(&survey, Vec::new(), |_| not_begun()));
    }
    let mut repairs = survey.left_out.clone();
    let mut run = Run::new(&survey, false, progress);
    gateway::migrate(&mut run, None)?;
    for workspace in &survey.workspaces {
        unit(&mut run, workspace, None)?;
    }
    repairs.extend(run.take_repairs());
    unchanged(&survey)?;
    Ok(report(&survey, repairs, |_| FileOutcome::Migrated))
}

fn not_begun() -> FileOutcome {
    let why = "not begun, because another file cannot be read: repair that one, or move it away";
    FileOutcome::Failed(why.to_owned())
}

/// The name of the gateway among the workspaces, none of which has an empty id.
const GATEWAY: &str = "";

fn write(
    survey: &Survey,
    source: &Path,
    target: &dyn Target,
    progress: &mut dyn FnMut(Progress<'_>) -> Result<()>,
) -> Result<Report> {
    let mut state = State::open(target.notes(), source, survey)?;
    let was_finished = state.is_finished(survey);
    let mut run = Run::new(survey, state.was_there(), progress);
    if survey.files.iter().any(|file| file.kind == Kind::Gateway) && !state.has(GATEWAY) {
        let gateway = target.gateway()?;
        gateway::migrate(&mut run, Some(&gateway))
            .map_err(|error| error.context("migrating the gateway"))?;
        survey.files_of(GATEWAY).try_for_each(SourceFile::unchanged)?;
        target.close_gateway(&gateway)?;
        state.finish(target.notes(), GATEWAY, run.take_repairs())?;
    }
    for workspace in &survey.workspaces {
        if state.has(workspace) {
            continue;
        }
        let opened = target.workspace(workspace, survey.dimensions(workspace))?;
        unit(&mut run, workspace, Some(&opened))
            .map_err(|error| error.context(format!("migrating the workspace '{workspace}'")))?;
        survey.files_of(workspace).try_for_each(SourceFile::unchanged)?;
        target.close_workspace(&opened)?;
        state.finish(target.notes(), workspace, run.take_repairs())?;
    }
    let repairs = [survey.left_out.clone(), state.into_repairs()].concat();
    let outcome = if was_finished { FileOutcome::AlreadyMigrated } else { FileOutcome::Migrated };
    Ok(report(survey, repairs, |_| outcome.clone()))
}

fn unit(run: &mut Run<'_>, id: &str, target: Option<&sigil_core::Workspace>) -> Result<()> {
    sessions::migrate(run, id, target)?;
    memory::migrate(run, id, target)?;
    knowledge::migrate(run, id, target)?;
    vectors::migrate(run, id, target)
}

fn unchanged(survey: &Survey) -> Result<()> {
    survey.files.iter().try_for_each(|file| file.unchanged())
}

fn report(
    survey: &Survey,
    repairs: Vec<Repair>,
    outcome: impl Fn(&SourceFile) -> FileOutcome,
) -> Report {
    let mut files = survey.others.clone();
    for file in &survey.files {
        if !files.iter().any(|other| other.file == file.place) {
            let outcome = outcome(file);
            files.push(FileReport { file: file.place.clone(), rows: file.rows, outcome });
        }
    }
    files.sort_by(|a, b| a.file.cmp(&b.file));
    Report { files, repairs }
}
