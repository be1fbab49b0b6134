//! Data directories for `sigil migrate`, really made with the C SQLite, FTS5 and sqlite-vec.
//!
//! Some are committed; others are made by `tests/legacy/generate.py`, whose head says what they
//! hold and how it is written down.
//!
//! The committed ones were made with
//!
//! ```text
//! tools/legacy-directory tests/fixtures/legacy/everything --seed 1 --schema altered --page-size 512 --workspace home
//! tools/legacy-directory tests/fixtures/legacy/old-schema --seed 2 --schema old --page-size 512 --plain \
//!     --workspace old --file sessions.db --file memory.db
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use serde_json::{Map, Value};

use crate::scratch::Scratch;

/// A data directory with what is known of it.
#[derive(Debug)]
pub struct Legacy {
    root: PathBuf,
    _scratch: Option<Scratch>,
}

/// A row as the C SQLite reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpectedRow {
    /// The file, by its path in the data directory.
    pub file: String,
    /// The table.
    pub table: String,
    /// The rowid; 0 for a vector.
    pub rowid: i64,
    /// The columns; bytes as `{"blob": HEX}`, text that is not UTF-8 as `{"text": HEX}`.
    pub row: Map<String, Value>,
}

/// What is odd about a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Oddity {
    /// The file, by its path in the data directory.
    pub file: String,
    /// The table.
    pub table: String,
    /// The row's id; several columns are joined by U+001F.
    pub id: String,
    /// A word for what is odd.
    pub what: String,
}

impl Legacy {
    /// The committed directory `name`.
    ///
    /// # Panics
    /// When there is none.
    pub fn fixture(name: &str) -> Legacy {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/legacy").join(name);
        assert!(root.is_dir(), "there is no fixture '{}'", root.display());
        Legacy { root, _scratch: None }
    }

    /// A new directory, made with `options`.
    ///
    /// # Panics
    /// When it cannot be made: `tools/setup.sh legacy` installs what that needs.
    pub fn generate(options: &[&str]) -> Legacy {
        let scratch = Scratch::new("legacy");
        let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/legacy-directory");
        let output = Command::new(tool).arg(scratch.path()).args(options).output();
        let output = output.unwrap_or_else(|error| panic!("the generator could not run: {error}"));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Legacy { root: scratch.path().to_owned(), _scratch: Some(scratch) }
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    /// Every row of every table.
    ///
    /// # Panics
    /// When they cannot be read.
    pub fn expected(&self) -> Vec<ExpectedRow> {
        let row = |mut record: Map<String, Value>| ExpectedRow {
            file: text(&record, "file"),
            table: text(&record, "table"),
            rowid: record["rowid"].as_i64().unwrap_or(0),
            row: match record.remove("row") {
                Some(Value::Object(row)) => row,
                other => panic!("a row is {other:?}"),
            },
        };
        self.lines("expected.jsonl").into_iter().map(row).collect()
    }

    /// Everything that is odd about it.
    ///
    /// # Panics
    /// When it cannot be read.
    pub fn oddities(&self) -> Vec<Oddity> {
        let oddity = |record: Map<String, Value>| Oddity {
            file: text(&record, "file"),
            table: text(&record, "table"),
            id: text(&record, "id"),
            what: text(&record, "what"),
        };
        self.lines("odd.jsonl").into_iter().map(oddity).collect()
    }

    fn lines(&self, name: &str) -> Vec<Map<String, Value>> {
        let text = fs::read_to_string(self.root.join(name));
        let text = text.unwrap_or_else(|error| panic!("reading {name}: {error}"));
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}"));
        text.lines().map(parse).collect()
    }

    /// Every file of the directory with its bytes and the time it was written, to see that
    /// nothing changed.
    ///
    /// # Panics
    /// When it cannot be read.
    pub fn state(&self) -> BTreeMap<PathBuf, (Vec<u8>, Option<SystemTime>)> {
        let mut state = BTreeMap::new();
        add_state(&self.data(), &mut state).unwrap_or_else(|error| panic!("{error}"));
        state
    }
}

fn add_state(
    directory: &Path,
    state: &mut BTreeMap<PathBuf, (Vec<u8>, Option<SystemTime>)>,
) -> std::io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let written = entry.metadata()?.modified().ok();
        if entry.file_type()?.is_dir() {
            state.insert(entry.path(), (Vec::new(), written));
            add_state(&entry.path(), state)?;
        } else {
            state.insert(entry.path(), (fs::read(entry.path())?, written));
        }
    }
    Ok(())
}

fn text(record: &Map<String, Value>, name: &str) -> String {
    record.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}
