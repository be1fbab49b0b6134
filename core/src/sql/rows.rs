//! Reading records out of rows, and pages out of lists.

use std::str::FromStr;

use crate::engine::{Database, RowRef};
use crate::error::{Error, Result};
use crate::stores::{Cursor, Page, Paging};
use crate::time::Timestamp;
use crate::value::{Value, ValueRef};
use crate::vector::Metadata;

/// Reads the columns of a row one after another.
///
/// What is not as the stores write it, which only SQL by hand can bring about, is
/// [`Corrupt`](crate::ErrorKind::Corrupt).
pub(crate) struct Columns<'a> {
    row: RowRef<'a>,
    at: usize,
    table: &'static str,
}

impl<'a> Columns<'a> {
    pub(super) fn new(row: RowRef<'a>, table: &'static str) -> Columns<'a> {
        Columns { row, at: 0, table }
    }

    /// The columns from number `at` on.
    pub(super) fn behind(row: RowRef<'a>, table: &'static str, at: usize) -> Columns<'a> {
        Columns { row, at, table }
    }

    /// Whether the column `ahead` of the next is NULL.
    pub(super) fn peek_null(&self, ahead: usize) -> bool {
        self.row.value(self.at + ahead) == ValueRef::Null
    }

    fn next(&mut self) -> ValueRef<'a> {
        self.at += 1;
        self.row.value(self.at - 1)
    }

    #[cold]
    fn wrong(&self, what: impl std::fmt::Display) -> Error {
        Error::corrupt(format!("a row of {}, column {} of the result: {what}", self.table, self.at))
    }

    pub(super) fn int(&mut self) -> Result<i64> {
        match self.next() {
            ValueRef::Integer(value) => Ok(value),
            _ => Err(self.wrong("no integer")),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "SQLite's own conversion to REAL")]
    pub(super) fn real(&mut self) -> Result<f64> {
        match self.next() {
            ValueRef::Real(value) => Ok(value),
            ValueRef::Integer(value) => Ok(value as f64),
            _ => Err(self.wrong("no number")),
        }
    }

    pub(super) fn str(&mut self) -> Result<&'a str> {
        match self.next() {
            ValueRef::Text(value) => Ok(value),
            _ => Err(self.wrong("no text")),
        }
    }

    pub(super) fn text(&mut self) -> Result<String> {
        self.str().map(str::to_owned)
    }

    pub(super) fn optional(&mut self) -> Result<Option<&'a str>> {
        match self.next() {
            ValueRef::Null => Ok(None),
            ValueRef::Text(value) => Ok(Some(value)),
            _ => Err(self.wrong("neither text nor NULL")),
        }
    }

    pub(super) fn parsed<T>(&mut self, parse: impl FnOnce(&str) -> Result<T>) -> Result<T> {
        let text = self.str()?;
        parse(text).map_err(|error| self.wrong(error))
    }

    pub(super) fn optional_parsed<T>(
        &mut self,
        parse: impl FnOnce(&str) -> Result<T>,
    ) -> Result<Option<T>> {
        let text = self.optional()?;
        text.map(|text| parse(text).map_err(|error| self.wrong(error))).transpose()
    }

    pub(super) fn time(&mut self) -> Result<Timestamp> {
        self.parsed(Timestamp::from_str)
    }

    pub(super) fn optional_time(&mut self) -> Result<Option<Timestamp>> {
        let text = self.optional()?;
        text.map(|text| text.parse().map_err(|error| self.wrong(error))).transpose()
    }

    pub(super) fn json<T: serde::de::DeserializeOwned>(&mut self) -> Result<Option<T>> {
        let text = self.optional()?;
        text.map(|text| serde_json::from_str(text).map_err(|error| self.wrong(error))).transpose()
    }

    /// An object of JSON; NULL is an empty one.
    pub(super) fn metadata(&mut self) -> Result<Metadata> {
        match self.optional()? {
            None => Ok(Metadata::new()),
            Some(text) => Metadata::from_json(text).map_err(|error| self.wrong(error)),
        }
    }
}

/// What is stored for an object of JSON: NULL for an empty one.
pub(super) fn metadata_value(metadata: &Metadata) -> Value {
    if metadata.is_empty() { Value::Null } else { Value::Text(metadata.to_json()) }
}

/// What is stored as JSON.
pub(super) fn json_value(value: &impl serde::Serialize) -> Result<Value> {
    let text = serde_json::to_string(value)
        .map_err(|error| Error::invalid(format!("a field cannot be written as JSON: {error}")))?;
    Ok(Value::Text(text))
}

/// Which way a list is ordered by time and number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    OldestFirst,
    NewestFirst,
}

/// A query for a page of records of one table, put together from what is asked for.
pub(super) struct PageQuery {
    /// The columns of a record. Where there is a limit, the number is put before them.
    pub(super) columns: &'static str,
    /// The table or tables, the records' own first.
    pub(super) from: &'static str,
    /// The column that orders the list; with `seq` it makes the cursor.
    pub(super) time: &'static str,
    pub(super) order: Order,
    clauses: Vec<String>,
    params: Vec<Value>,
}

impl PageQuery {
    pub(super) fn new(
        columns: &'static str,
        from: &'static str,
        time: &'static str,
        order: Order,
    ) -> PageQuery {
        PageQuery { columns, from, time, order, clauses: Vec::new(), params: Vec::new() }
    }

    /// Only records for which `clause`, which has one `?`, holds.
    pub(super) fn filter(&mut self, clause: &str, value: impl Into<Value>) {
        self.clauses.push(clause.to_owned());
        self.params.push(value.into());
    }

    /// Only records for which `clause` holds, when there is a value for its `?`; an empty text is
    /// none.
    pub(super) fn filter_some(&mut self, clause: &str, value: Option<impl Into<Value>>) {
        match value.map(Into::into) {
            None => {}
            Some(Value::Text(text)) if text.is_empty() => {}
            Some(value) => self.filter(clause, value),
        }
    }

    /// Only records for which `clause`, without `?`, holds.
    pub(super) fn require(&mut self, clause: &str) {
        self.clauses.push(clause.to_owned());
    }

    /// Runs the query, and asks a record for its `time`, which the column of that name has. A limit
    /// of 0 or less is `default`; a negative default is no limit.
    pub(super) fn run<T>(
        mut self,
        db: &Database,
        table: &'static str,
        paging: &Paging,
        default: i64,
        mut read: impl FnMut(&mut Columns<'_>) -> Result<T>,
        time: impl Fn(&T) -> Timestamp,
    ) -> Result<Page<T>> {
        let limit = if paging.limit > 0 { paging.limit } else { default };
        let sql = self.sql(paging, limit);
        let mut page = Page { items: Vec::new(), next: None };
        let mut last = 0;
        // A list without limit has no next page, and needs no cursor for it.
        if limit < 0 {
            page.items = read_all(db, table, &sql, self.params, read)?;
            return Ok(page);
        }
        // Where addresses have 32 bits, no list is as long as a limit can be.
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        db.query_each(&sql, self.params, |row| {
            // One more than asked for says that there is more.
            if page.items.len() == limit {
                page.next = page.items.last().map(|item| Cursor { time: time(item), seq: last });
                return Ok(());
            }
            let mut columns = Columns::new(row, table);
            last = columns.int()?;
            page.items.push(read(&mut columns)?);
            Ok(())
        })?;
        Ok(page)
    }

    fn sql(&mut self, paging: &Paging, limit: i64) -> String {
        let PageQuery { columns, from, time, order, .. } = *self;
        let (compare, direction) = match order {
            Order::OldestFirst => (">", "ASC"),
            Order::NewestFirst => ("<", "DESC"),
        };
        if let Some(Cursor { time: at, seq }) = paging.after {
            let clause = format!("{time} {compare}= ? AND ({time} {compare} ? OR seq {compare} ?)");
            self.clauses.push(clause);
            self.params.extend([at.into(), at.into(), Value::Integer(seq)]);
        }
        let condition = if self.clauses.is_empty() { "" } else { " WHERE " };
        let clauses = self.clauses.join(" AND ");
        self.params.push(Value::Integer(if limit < 0 { -1 } else { limit.saturating_add(1) }));
        self.params.push(Value::Integer(paging.offset.max(0)));
        let place = if limit < 0 { "" } else { "seq, " };
        format!(
            "SELECT {place}{columns} FROM {from}{condition}{clauses}
             ORDER BY {time} {direction}, seq {direction} LIMIT ? OFFSET ?"
        )
    }
}

/// Runs `sql` and reads every row.
pub(super) fn read_all<T>(
    db: &Database,
    table: &'static str,
    sql: &str,
    params: impl Into<crate::Params>,
    mut read: impl FnMut(&mut Columns<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    const MOST_ARE_SHORTER: usize = 64;
    let mut records = Vec::with_capacity(MOST_ARE_SHORTER);
    db.query_each(sql, params, |row| {
        records.push(read(&mut Columns::new(row, table))?);
        Ok(())
    })?;
    Ok(records)
}

/// Runs `sql` and reads its first row, if it gives one.
pub(super) fn read_one<T>(
    db: &Database,
    table: &'static str,
    sql: &str,
    params: impl Into<crate::Params>,
    mut read: impl FnMut(&mut Columns<'_>) -> Result<T>,
) -> Result<Option<T>> {
    let mut first = None;
    db.query_each(sql, params, |row| {
        if first.is_none() {
            first = Some(read(&mut Columns::new(row, table))?);
        }
        Ok(())
    })?;
    Ok(first)
}

/// Runs a deletion once for each id, with one commit, and says how many rows it took.
pub(super) fn delete_each(db: &Database, sql: &str, ids: &[&str]) -> Result<i64> {
    if ids.is_empty() {
        return Ok(0);
    }
    db.atomically(|| {
        let mut deleted = 0;
        for id in ids {
            deleted += db.execute(sql, [Value::from(*id)])?.changes;
        }
        Ok(deleted)
    })
}
