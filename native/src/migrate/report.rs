//! What a migration says of itself: every file, and everything that could not be taken over as it
//! was.

use std::fmt;

use serde_json::{Value, json};

use super::table::Cell;

/// Where rows come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The file, by its path in the source directory.
    pub(crate) file: String,
    /// The table.
    pub(crate) table: &'static str,
}

/// Something that could not be taken over as it was, and what was done about it.
///
/// What stood there before is in `was`, so nothing is lost even where no store can hold it.
#[derive(Debug, Clone, PartialEq)]
pub struct Repair {
    /// The file, by its path in the source directory.
    pub file: String,
    /// The table.
    pub table: String,
    /// The row's rowid; 0 where something other than a row is meant.
    pub rowid: i64,
    /// The id of the record that was made of it, or its old one where none was.
    pub id: String,
    /// What was wrong.
    pub wrong: String,
    /// What was done.
    pub done: String,
    /// What stood there: JSON, with bytes as `{"blob": HEX}` and text that is not UTF-8 as
    /// `{"text": HEX}`.
    pub was: Value,
}

impl Repair {
    /// The repair as JSON.
    pub fn to_value(&self) -> Value {
        json!({
            "file": self.file, "table": self.table, "rowid": self.rowid, "id": self.id,
            "wrong": self.wrong, "done": self.done, "was": self.was,
        })
    }

    pub(crate) fn from_value(value: &Value) -> Option<Repair> {
        let text = |name: &str| value.get(name)?.as_str().map(str::to_owned);
        Some(Repair {
            file: text("file")?,
            table: text("table")?,
            rowid: value.get("rowid")?.as_i64()?,
            id: text("id")?,
            wrong: text("wrong")?,
            done: text("done")?,
            was: value.get("was")?.clone(),
        })
    }
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Repair { file, table, id, wrong, done, .. } = self;
        write!(f, "{file}: {table} '{}': {wrong}; {done}", id.escape_debug())
    }
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileOutcome {
    /// All of its rows are in the target.
    Migrated,
    /// An earlier run had migrated it.
    AlreadyMigrated,
    /// It could not be read, or its rows could not be written; why.
    Failed(String),
    /// It is not one that a migration knows, and was left alone.
    LeftOut(String),
}

/// One file of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileReport {
    /// The file, by its path in the source directory.
    pub file: String,
    /// How many rows it has.
    pub rows: u64,
    /// What became of it.
    pub outcome: FileOutcome,
}

impl FileReport {
    /// The report as JSON.
    pub fn to_value(&self) -> Value {
        let (outcome, why) = match &self.outcome {
            FileOutcome::Migrated => ("migrated", None),
            FileOutcome::AlreadyMigrated => ("already migrated", None),
            FileOutcome::Failed(why) => ("failed", Some(why)),
            FileOutcome::LeftOut(why) => ("left out", Some(why)),
        };
        let mut value = json!({ "file": self.file, "rows": self.rows, "outcome": outcome });
        if let (Some(object), Some(why)) = (value.as_object_mut(), why) {
            object.insert("why".to_owned(), json!(why));
        }
        value
    }
}

impl fmt::Display for FileReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FileReport { file, rows, outcome } = self;
        match outcome {
            FileOutcome::Migrated => write!(f, "{file}: {rows} rows migrated"),
            FileOutcome::AlreadyMigrated => write!(f, "{file}: already migrated, {rows} rows"),
            FileOutcome::Failed(why) => write!(f, "{file}: failed: {why}"),
            FileOutcome::LeftOut(why) => write!(f, "{file}: left out: {why}"),
        }
    }
}

/// What a migration did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// Every file, in the order of their names.
    pub files: Vec<FileReport>,
    /// Everything that had to be changed.
    pub repairs: Vec<Repair>,
}

impl Report {
    /// Whether every file that is known was migrated, by this run or an earlier one.
    pub fn is_complete(&self) -> bool {
        !self.files.iter().any(|file| matches!(file.outcome, FileOutcome::Failed(_)))
    }

    /// The report as JSON: an object with `complete`, `files` and `repairs`.
    pub fn to_value(&self) -> Value {
        let files: Vec<Value> = self.files.iter().map(FileReport::to_value).collect();
        let repairs: Vec<Value> = self.repairs.iter().map(Repair::to_value).collect();
        json!({ "complete": self.is_complete(), "files": files, "repairs": repairs })
    }
}

/// How far a migration is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The file whose rows are being written.
    pub file: &'a str,
    /// How many rows are done.
    pub done: u64,
    /// How many there are in all files.
    pub total: u64,
}

/// The cell as JSON, told apart from every other.
pub(crate) fn exact(cell: &Cell) -> Value {
    match cell {
        Cell::Absent | Cell::Null => Value::Null,
        Cell::Integer(value) => json!(value),
        Cell::Real(value) => json!(value),
        Cell::Text(text) => json!(text),
        Cell::BrokenText(bytes) => json!({ "text": hex(bytes) }),
        Cell::Blob(bytes) => json!({ "blob": hex(bytes) }),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}
