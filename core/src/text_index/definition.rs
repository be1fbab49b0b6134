//! What a text index is of, and how it is written down.

use serde::{Deserialize, Serialize};

use crate::changes;
use crate::engine::Database;
use crate::error::{Error, ErrorKind, Result};
use crate::params;
use crate::stores::shown;
use crate::text::{COLUMNS_MAX, TextOptions};

/// The longest name of a text index, in bytes of UTF-8.
pub const TEXT_INDEX_NAME_BYTES_MAX: usize = 128;

/// What a text index is made for; fixed when it is created, and checked when it is opened.
///
/// ```
/// use sigil_core::TextIndexOptions;
/// let options = TextIndexOptions::new("article", ["title", "body"]);
/// assert_eq!(options.columns, ["title", "body"]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct TextIndexOptions {
    /// The table. It must have row numbers, which all tables have that are not WITHOUT ROWID.
    pub table: String,
    /// The columns whose texts are searched, from 1 to 64. Numbers are searched as their text,
    /// NULL and blobs have none.
    pub columns: Vec<String>,
    /// A column with RFC 3339 times, to rank by and to search a range of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Columns that [filters](crate::Filter) may ask for, by their names as they are written here,
    /// which do not begin with `$`. NULL, blobs and infinite numbers are absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<String>,
    /// A column with a JSON object, whose members filters may ask for too, unless an attribute has
    /// the same name; what is no [`Metadata`](crate::Metadata) has none. When members and
    /// attributes of a row take more than
    /// [`JSON_BYTES_MAX`](crate::Metadata::JSON_BYTES_MAX) bytes together, the longest are absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
    /// How texts are cut into words.
    #[serde(default)]
    pub text: TextOptions,
}

impl TextIndexOptions {
    /// Searches these columns of `table` as SQLite's FTS5 would.
    pub fn new<C: Into<String>>(
        table: impl Into<String>,
        columns: impl IntoIterator<Item = C>,
    ) -> TextIndexOptions {
        TextIndexOptions {
            table: table.into(),
            columns: columns.into_iter().map(Into::into).collect(),
            time: None,
            attributes: Vec::new(),
            metadata: None,
            text: TextOptions::default(),
        }
    }

    /// Refuses what no index can be made for, whatever the table.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] and [`ErrorKind::Limit`].
    pub fn validate(&self) -> Result<()> {
        if self.columns.is_empty() || self.columns.len() > COLUMNS_MAX {
            return Err(Error::invalid(format!(
                "a text index has from 1 to {COLUMNS_MAX} columns, this one would have {}",
                self.columns.len()
            )));
        }
        for columns in [&self.columns, &self.attributes] {
            for (n, column) in columns.iter().enumerate() {
                if columns[..n].iter().any(|other| other.eq_ignore_ascii_case(column)) {
                    return Err(Error::invalid(format!(
                        "the column '{}' is named twice for a text index",
                        shown(column)
                    )));
                }
            }
        }
        if let Some(name) = self.attributes.iter().find(|name| name.starts_with('$')) {
            return Err(Error::invalid(format!(
                "no filter can ask for the attribute '{}', whose name begins with '$': rename the \
                 column, or leave it out",
                shown(name)
            )));
        }
        self.text.validate()
    }

    /// All columns that are read.
    pub(super) fn read_columns(&self) -> impl Iterator<Item = &String> {
        let beside = self.time.iter().chain(&self.attributes).chain(&self.metadata);
        self.columns.iter().chain(beside)
    }
}

/// What the catalogue says of a text index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextIndexInfo {
    /// Its name.
    pub name: String,
    /// What it was made for.
    pub options: TextIndexOptions,
    /// Its number.
    pub(crate) id: i64,
    /// The number of its table in the change sequence.
    pub(crate) source: i64,
}

/// How new rows are noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NewRows {
    /// By triggers of the index, since SQL may give a row any number.
    Logged,
    /// By their numbers, which only grow; the table has triggers of this source already.
    Highest(i64),
}

/// The sources of text indexes with triggers of their own are this and below.
const SOURCES_FROM: i64 = -1000;

/// A name in SQL.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Creates the catalogue entry and the triggers, inside a transaction.
pub(crate) fn create(
    tx: &Database,
    name: &str,
    options: &TextIndexOptions,
    new_rows: NewRows,
) -> Result<TextIndexInfo> {
    if name.is_empty() || name.len() > TEXT_INDEX_NAME_BYTES_MAX || name.contains('\0') {
        return Err(Error::invalid(format!(
            "a text index's name has 1 to {TEXT_INDEX_NAME_BYTES_MAX} bytes and no NUL, this one \
             has {} bytes",
            name.len()
        )));
    }
    options.validate()?;
    check_table(tx, options)?;
    let counted = "INSERT INTO sigil_meta (key, value) VALUES ('text_indexes', 1)
         ON CONFLICT (key) DO UPDATE SET value = value + 1 RETURNING value";
    let id = tx.query(counted, ())?.single()?.as_i64().unwrap_or(0);
    let source = match new_rows {
        NewRows::Logged => SOURCES_FROM - id,
        NewRows::Highest(source) => source,
    };
    let definition = serde_json::to_string(options)
        .map_err(|error| Error::invalid(format!("writing down a text index: {error}")))?;
    let inserted = tx.execute(
        "INSERT INTO sigil_text_index (id, name, source, definition) VALUES (?, ?, ?, ?)",
        params![id, name, source, definition],
    );
    match inserted {
        Err(error) if error.kind() == ErrorKind::ConstraintUnique => {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("a text index named '{name}' exists already: open it"),
            ));
        }
        inserted => inserted.map(drop)?,
    }
    if new_rows == NewRows::Logged {
        tx.execute_batch(&triggers(id, source, options))?;
    }
    Ok(TextIndexInfo { name: name.to_owned(), options: options.clone(), id, source })
}

/// The SQL of the triggers that log every change of a row, by its number.
///
/// A new row with the highest number is not logged: whoever has read the rows up to some number
/// finds it behind them.
fn triggers(id: i64, source: i64, options: &TextIndexOptions) -> String {
    let table = quoted(&options.table);
    let log = |row: &str| {
        format!("INSERT INTO sigil_change (source, key) VALUES ({source}, {row}.rowid);")
    };
    let (new, old) = (log("NEW"), log("OLD"));
    let differs = options.read_columns().map(|column| {
        let column = quoted(column);
        format!("OLD.{column} IS NOT NEW.{column}")
    });
    let differs = differs.collect::<Vec<_>>().join(" OR ");
    format!(
        "CREATE TRIGGER sigil_text_{id}_insert AFTER INSERT ON {table}
           WHEN NEW.rowid < (SELECT max(rowid) FROM {table}) BEGIN {new} END;
         CREATE TRIGGER sigil_text_{id}_delete AFTER DELETE ON {table} BEGIN {old} END;
         CREATE TRIGGER sigil_text_{id}_update AFTER UPDATE ON {table}
           WHEN OLD.rowid <> NEW.rowid OR {differs} BEGIN {old} {new} END;"
    )
}

/// Makes sure that the table can be read as the options say.
fn check_table(tx: &Database, options: &TextIndexOptions) -> Result<()> {
    let columns = options.read_columns().map(|column| quoted(column)).collect::<Vec<_>>();
    let sql =
        format!("SELECT rowid, {} FROM {} WHERE 0", columns.join(", "), quoted(&options.table));
    // A name in quotes that is no column would be a text.
    let known = tx.query("SELECT name FROM pragma_table_info(?)", params![&*options.table])?;
    let known: Vec<&str> =
        known.rows().iter().filter_map(|row| row.get(0).ok()?.as_str()).collect();
    if known.is_empty() {
        return Err(Error::new(
            ErrorKind::NotFound,
            format!("there is no table '{}' to make a text index of", shown(&options.table)),
        ));
    }
    for column in options.read_columns() {
        if !known.iter().any(|known| known.eq_ignore_ascii_case(column)) {
            return Err(Error::invalid(format!(
                "the table '{}' has no column '{}' for a text index: it has {}",
                shown(&options.table),
                shown(column),
                known.join(", ")
            )));
        }
    }
    tx.query(&sql, ()).map(drop).map_err(|error| {
        error.context(format!("reading the table '{}' by row number", shown(&options.table)))
    })
}

/// Reads the catalogue.
pub(crate) fn list(db: &Database) -> Result<Vec<TextIndexInfo>> {
    let mut indexes = Vec::new();
    let sql = "SELECT id, name, source, definition FROM sigil_text_index ORDER BY name";
    db.query_each(sql, (), |row| {
        let name = row.get_str(1)?.to_owned();
        let options = serde_json::from_str(row.get_str(3)?).map_err(|error| {
            Error::corrupt(format!("the definition of the text index '{name}' is none: {error}"))
        })?;
        indexes.push(TextIndexInfo { id: row.get_i64(0)?, name, options, source: row.get_i64(2)? });
        Ok(())
    })?;
    Ok(indexes)
}

/// Removes everything that belongs to an index, inside a transaction.
pub(crate) fn remove(tx: &Database, info: &TextIndexInfo) -> Result<()> {
    super::parts::clear(tx, info.id)?;
    tx.execute("DELETE FROM sigil_text_index WHERE id = ?", params![info.id])?;
    if info.source > SOURCES_FROM {
        return Ok(());
    }
    for event in ["insert", "delete", "update"] {
        tx.execute(&format!("DROP TRIGGER IF EXISTS sigil_text_{}_{event}", info.id), ())?;
    }
    changes::trim(tx, info.source, i64::MAX)
}

pub(crate) fn not_found(name: &str) -> Error {
    let name = shown(name);
    Error::new(ErrorKind::NotFound, format!("no text index is named '{name}': create it first"))
}
