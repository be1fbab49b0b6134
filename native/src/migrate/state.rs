//! The notes of a migration: what it is of, and what of it is finished.
//!
//! One note says the source and how its files were when the migration was begun. One more for each
//! workspace, and for the gateway, is written when all of it is in the target; it holds the
//! repairs, so that the report is whole also when it took several runs.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use sigil_core::{Error, ErrorKind, Result, SnapshotStorage};

use super::GATEWAY;
use super::report::Repair;
use super::survey::{Kind, Survey};

const BEGUN: &str = "begun.json";
const VERSION: u64 = 1;

/// How far a migration is.
#[derive(Debug)]
pub(crate) struct State {
    was_there: bool,
    /// The gateway and the workspaces in order, whose places name their notes.
    units: Vec<String>,
    finished: BTreeMap<String, Vec<Repair>>,
}

impl State {
    /// Reads the notes, or begins them.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] when they are of another source, or of this one as it was before;
    /// [`ErrorKind::Corrupt`] when they cannot be read, and what the host reports.
    pub(crate) fn open(
        notes: &dyn SnapshotStorage,
        source: &Path,
        survey: &Survey,
    ) -> Result<State> {
        let source = std::fs::canonicalize(source)
            .map_err(|error| Error::io(format!("looking at '{}'", source.display()), error))?;
        let files: BTreeMap<&str, String> =
            survey.files.iter().map(|file| (file.place.as_str(), file.stamp().text())).collect();
        let begun = json!({
            "version": VERSION,
            "source": source.to_string_lossy(),
            "files": files,
        });
        let units: Vec<String> =
            [GATEWAY].into_iter().map(str::to_owned).chain(survey.workspaces.clone()).collect();
        let mut state = State { was_there: false, units, finished: BTreeMap::new() };
        let Some(bytes) = notes.read(BEGUN)? else {
            notes.replace(BEGUN, begun.to_string().as_bytes())?;
            return Ok(state);
        };
        let before = parse(BEGUN, &bytes)?;
        if before.get("version") != begun.get("version") {
            return Err(Error::new(
                ErrorKind::NewerFormat,
                "the migration was begun by another version: finish it with that one",
            ));
        }
        for (what, name) in [
            ("is of another directory", "source"),
            (
                "is of files that have \
            changed since, or are others",
                "files",
            ),
        ] {
            if before.get(name) != begun.get(name) {
                let (then, now) = (before.get(name), begun.get(name));
                return Err(Error::new(
                    ErrorKind::Conflict,
                    format!(
                        "the target holds a migration that {what}: migrate into a new directory \
                         (then {}, now {})",
                        then.unwrap_or(&Value::Null),
                        now.unwrap_or(&Value::Null)
                    ),
                ));
            }
        }
        state.was_there = true;
        for unit in state.units.clone() {
            let name = state.note(&unit);
            if let Some(bytes) = notes.read(&name)? {
                let note = parse(&name, &bytes)?;
                let repairs = note.get("repairs").and_then(Value::as_array);
                let repairs = repairs.map(|repairs| repairs.iter().map(Repair::from_value));
                let repairs: Option<Vec<Repair>> = repairs.and_then(Iterator::collect);
                let repairs = repairs.ok_or_else(|| {
                    Error::corrupt(format!("the note '{name}' of the migration is no note"))
                })?;
                state.finished.insert(unit, repairs);
            }
        }
        Ok(state)
    }

    /// Whether an earlier run began it.
    pub(crate) fn was_there(&self) -> bool {
        self.was_there
    }

    /// Whether all of a workspace is in the target.
    pub(crate) fn has(&self, unit: &str) -> bool {
        self.finished.contains_key(unit)
    }

    /// Whether everything is in the target.
    pub(crate) fn is_finished(&self, survey: &Survey) -> bool {
        let has_gateway = survey.files.iter().any(|file| file.kind == Kind::Gateway);
        let mut units = self.units.iter().filter(|unit| has_gateway || *unit != GATEWAY);
        units.all(|unit| self.has(unit))
    }

    /// Notes that all of a workspace is in the target, and what was repaired in it.
    ///
    /// # Errors
    /// What the host reports.
    pub(crate) fn finish(
        &mut self,
        notes: &dyn SnapshotStorage,
        unit: &str,
        repairs: Vec<Repair>,
    ) -> Result<()> {
        let values: Vec<Value> = repairs.iter().map(Repair::to_value).collect();
        let note = json!({ "workspace": unit, "repairs": values });
        notes.replace(&self.note(unit), note.to_string().as_bytes())?;
        self.finished.insert(unit.to_owned(), repairs);
        Ok(())
    }

    /// All repairs, in the order of the workspaces.
    pub(crate) fn into_repairs(self) -> Vec<Repair> {
        self.finished.into_values().flatten().collect()
    }

    fn note(&self, unit: &str) -> String {
        let number = self.units.iter().position(|other| other == unit).unwrap_or(0);
        format!("finished-{number}.json")
    }
}

fn parse(name: &str, bytes: &[u8]) -> Result<Value> {
    serde_json::from_slice(bytes).map_err(|error| {
        Error::with_source(
            ErrorKind::Corrupt,
            format!("the note '{name}' of the migration cannot be read: {error}"),
            error,
        )
    })
}
