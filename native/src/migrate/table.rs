//! The tables of a database of the old program, read from its pages.
//!
//! The engine refuses databases with virtual tables, and the C library would write beside the
//! file. The pages are read instead, with what is committed in the log in place.

use std::collections::BTreeMap;

use sigil_core::page::{FilePages, PageReader, SchemaEntry, TableRow};
use sigil_core::wal;
use sigil_core::{Error, ErrorKind, Result, ValueRef};

use super::columns::{self, Column};
use super::file::LegacyFile;

/// One value of a row, as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// The table has no such column.
    Absent,
    /// NULL.
    Null,
    /// An integer.
    Integer(i64),
    /// A number with a fraction.
    Real(f64),
    /// Text.
    Text(String),
    /// Text that is not UTF-8: its bytes.
    BrokenText(Vec<u8>),
    /// Bytes.
    Blob(Vec<u8>),
}

/// One row: its rowid, and the cells that were asked for, in that order.
#[derive(Debug, Clone, PartialEq)]
pub struct LegacyRow {
    /// The rowid; rows that were only ever added have rising ones.
    pub rowid: i64,
    /// The cells.
    pub cells: Vec<Cell>,
}

/// A database of the old program.
#[derive(Debug)]
pub struct LegacyDatabase<'f> {
    /// `None` for a file that was created and never written.
    reader: Option<PageReader<FilePages<'f>>>,
    schema: BTreeMap<String, SchemaEntry>,
}

impl<'f> LegacyDatabase<'f> {
    /// Reads the schema of `file`.
    ///
    /// A file without a byte in it or its log is a database without tables.
    ///
    /// # Errors
    /// [`ErrorKind::NotADatabase`] for other files, [`ErrorKind::Corrupt`] for a damaged one or a
    /// damaged log, [`ErrorKind::Unsupported`] for one in UTF-16, and what the host reports.
    pub fn open(file: &'f LegacyFile) -> Result<LegacyDatabase<'f>> {
        let within = |error: Error| error.context(format!("reading '{}'", file.path().display()));
        let log = file.log()?;
        if sigil_core::File::is_empty(file)? && wal::scan(&log).commits == 0 {
            return Ok(LegacyDatabase { reader: None, schema: BTreeMap::new() });
        }
        let pages = FilePages::open(file, log).map_err(within)?;
        let reader = PageReader::new(pages).map_err(within)?;
        let schema = reader.schema().map_err(within)?.into_iter();
        let schema = schema
            .filter(|entry| entry.kind == "table")
            .map(|entry| (entry.name.to_ascii_lowercase(), entry))
            .collect();
        Ok(LegacyDatabase { reader: Some(reader), schema })
    }

    /// The statement that made the table `name`, virtual tables included; `None` when there is
    /// no such table.
    pub fn definition(&self, name: &str) -> Option<&str> {
        self.schema.get(&name.to_ascii_lowercase())?.sql.as_deref()
    }

    /// The names of all tables, virtual ones and those they keep their rows in included.
    pub fn tables(&self) -> impl Iterator<Item = &str> {
        self.schema.values().map(|entry| entry.name.as_str())
    }

    /// The names of the columns of the table `name`; none when there is no such table.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for a virtual table or one WITHOUT ROWID.
    pub fn columns(&self, name: &str) -> Result<Vec<String>> {
        let Some((columns, _)) = self.table(name)? else { return Ok(Vec::new()) };
        Ok(columns.into_iter().map(|column| column.name).collect())
    }

    fn table(&self, name: &str) -> Result<Option<(Vec<Column>, u32)>> {
        let Some(entry) = self.schema.get(&name.to_ascii_lowercase()) else { return Ok(None) };
        if entry.root == 0 {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("'{name}' is a virtual table, which has no rows of its own"),
            ));
        }
        let columns = columns::parse(entry.sql.as_deref().unwrap_or_default())
            .map_err(|error| error.context(format!("in table '{name}'")))?;
        Ok(Some((columns, entry.root)))
    }

    /// The rows of the table `name` by rising rowid, each with the cells of `names` in that
    /// order; no rows when there is no such table.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for a virtual table or one WITHOUT ROWID, [`ErrorKind::Corrupt`]
    /// for a damaged one, also from the rows, and what the host reports.
    pub fn rows(
        &self,
        name: &str,
        names: &[&str],
    ) -> Result<impl Iterator<Item = Result<LegacyRow>> + use<'_, 'f>> {
        let (mut wanted, mut rows) = (Vec::new(), None);
        if let (Some((columns, root)), Some(reader)) = (self.table(name)?, &self.reader) {
            wanted = names
                .iter()
                .map(|name| {
                    let is_it = |column: &Column| column.name.eq_ignore_ascii_case(name);
                    columns.iter().position(is_it).map(|at| (at, columns[at].clone()))
                })
                .collect();
            let within = |error: Error| error.context(format!("in table '{name}'"));
            rows = Some(reader.table(root).map_err(within)?);
        }
        let table = name.to_owned();
        Ok(rows.into_iter().flatten().map(move |row| {
            let read = |row: TableRow| -> Result<LegacyRow> {
                let record = row.record()?;
                let cells = wanted.iter().map(|column| match column {
                    None => Cell::Absent,
                    Some((_, column)) if column.is_rowid => Cell::Integer(row.rowid),
                    Some((at, column)) if *at >= record.len() => column.default.clone(),
                    Some((at, _)) => match record.value(*at) {
                        Ok(value) => Cell::from(value),
                        Err(_) => Cell::BrokenText(record.bytes(*at).unwrap_or_default().to_vec()),
                    },
                });
                Ok(LegacyRow { rowid: row.rowid, cells: cells.collect() })
            };
            row.and_then(read).map_err(|error| error.context(format!("in table '{table}'")))
        }))
    }
}

impl From<ValueRef<'_>> for Cell {
    fn from(value: ValueRef<'_>) -> Cell {
        match value {
            ValueRef::Null => Cell::Null,
            ValueRef::Integer(value) => Cell::Integer(value),
            ValueRef::Real(value) => Cell::Real(value),
            ValueRef::Text(text) => Cell::Text(text.to_owned()),
            ValueRef::Blob(bytes) => Cell::Blob(bytes.to_vec()),
        }
    }
}
