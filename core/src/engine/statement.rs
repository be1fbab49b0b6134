//! One prepared statement: binding, stepping, and the cache that keeps it.

use std::collections::VecDeque;
use std::num::NonZero;
use std::sync::Arc;

use turso_core::{LimboError, Numeric, StepResult};

use super::fault::from_engine;
use super::guard::StatementKind;
use crate::error::{Error, ErrorKind, Result};
use crate::value::{Params, Row, Value, ValueRef};

/// How many statements stay prepared.
const CACHED_STATEMENTS_MAX: usize = 160;

/// How often in a row the engine may ask for I/O that has long completed before it counts as hung.
const IDLE_STEPS_MAX: u32 = 1_000_000;

/// A prepared statement.
pub(crate) struct Prepared {
    statement: turso_core::Statement,
    sql: String,
    pub(crate) kind: StatementKind,
    /// Of the schema it was checked against.
    pub(crate) generation: u64,
    columns: Option<Arc<[String]>>,
}

/// What one step gave.
pub(crate) enum Step {
    Row,
    Done,
}

impl Prepared {
    pub(crate) fn new(
        statement: turso_core::Statement,
        sql: &str,
        kind: StatementKind,
        generation: u64,
    ) -> Prepared {
        Prepared { statement, sql: sql.to_owned(), kind, generation, columns: None }
    }

    /// The names of the columns.
    pub(crate) fn columns(&mut self) -> Arc<[String]> {
        // A statement re-prepares itself when the schema changes, so the count is checked.
        let count = self.statement.num_columns();
        match &self.columns {
            Some(columns) if columns.len() == count => Arc::clone(columns),
            _ => {
                let columns: Arc<[String]> =
                    (0..count).map(|i| self.statement.get_column_name(i).into_owned()).collect();
                self.columns = Some(Arc::clone(&columns));
                columns
            }
        }
    }

    /// Binds `params`, every one of them and nothing else.
    pub(crate) fn bind(&mut self, params: Params) -> Result<()> {
        let wanted = self.statement.parameters_count();
        match params {
            Params::None if wanted == 0 => Ok(()),
            Params::None => Err(wrong_count(wanted, 0)),
            Params::Positional(values) => {
                if values.len() != wanted {
                    return Err(wrong_count(wanted, values.len()));
                }
                for (index, value) in values.into_iter().enumerate() {
                    self.bind_one(index, value)?;
                }
                Ok(())
            }
            Params::Named(values) => self.bind_named(wanted, values),
        }
    }

    fn bind_named(&mut self, wanted: usize, values: Vec<(String, Value)>) -> Result<()> {
        let mut bound = vec![false; wanted];
        for (name, value) in values {
            let bare = name.trim_start_matches([':', '@', '$']);
            let index = [":", "@", "$"]
                .iter()
                .find_map(|prefix| self.statement.parameter_index(&format!("{prefix}{bare}")));
            let Some(index) = index else {
                return Err(Error::invalid(format!(
                    "the statement has no parameter named '{bare}'"
                )));
            };
            let index = index.get() - 1;
            match bound.get_mut(index) {
                Some(bound) if *bound => {
                    return Err(Error::invalid(format!("parameter '{bare}' was given twice")));
                }
                Some(bound) => *bound = true,
                None => return Err(wrong_count(wanted, index + 1)),
            }
            self.bind_one(index, value)?;
        }
        match bound.iter().position(|bound| !bound) {
            None => Ok(()),
            Some(missing) => Err(Error::invalid(format!(
                "parameter {} of {wanted} was not given a value",
                missing + 1
            ))),
        }
    }

    fn bind_one(&mut self, index: usize, value: Value) -> Result<()> {
        let value = to_engine(value)
            .ok_or_else(|| Error::invalid(format!("parameter {} is NaN", index + 1)))?;
        let index = NonZero::new(index + 1)
            .ok_or_else(|| Error::invalid("parameters are numbered from 1"))?;
        self.statement.bind_at(index, value).map_err(from_engine)
    }

    /// Runs to the next row or to the end.
    pub(crate) fn step(&mut self) -> Result<Step> {
        let mut idle = 0;
        loop {
            match self.statement.step().map_err(from_engine)? {
                StepResult::Row => return Ok(Step::Row),
                StepResult::Done => return Ok(Step::Done),
                StepResult::Interrupt => return Err(from_engine(LimboError::Interrupt)),
                StepResult::Busy | StepResult::Sleep { .. } => {
                    return Err(from_engine(LimboError::Busy));
                }
                StepResult::IO | StepResult::Yield => {
                    idle += 1;
                    if idle > IDLE_STEPS_MAX {
                        return Err(Error::new(
                            ErrorKind::Engine,
                            "the engine waits for input that has long completed",
                        ));
                    }
                }
            }
        }
    }

    /// The row of the last step.
    pub(crate) fn row(&self) -> Result<RowRef<'_>> {
        self.statement
            .row()
            .map(|row| RowRef { row })
            .ok_or_else(|| Error::new(ErrorKind::Engine, "the engine lost the row it announced"))
    }

    /// How many rows the statement changed.
    pub(crate) fn changes(&self) -> i64 {
        self.statement.n_change()
    }

    /// Makes the statement ready to run again.
    pub(crate) fn reset(&mut self) -> Result<()> {
        let outcome = self.statement.reset().map_err(from_engine);
        self.statement.clear_bindings();
        outcome
    }
}

fn wrong_count(wanted: usize, given: usize) -> Error {
    Error::invalid(format!("the statement takes {wanted} parameters, {given} were given"))
}

/// The engine's value for ours; `None` for NaN, which SQL would silently make NULL.
fn to_engine(value: Value) -> Option<turso_core::Value> {
    Some(match value {
        Value::Null => turso_core::Value::Null,
        Value::Integer(value) => turso_core::Value::from_i64(value),
        Value::Real(value) if value.is_nan() => return None,
        Value::Real(value) => turso_core::Value::from_f64(value),
        Value::Text(value) => turso_core::Value::build_text(value),
        Value::Blob(value) => turso_core::Value::Blob(value),
    })
}

/// A row that lives until the next step, read without copying.
#[derive(Clone, Copy)]
pub struct RowRef<'a> {
    row: &'a turso_core::Row,
}

impl std::fmt::Debug for RowRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries((0..self.len()).map(|i| self.value(i))).finish()
    }
}

impl<'a> RowRef<'a> {
    /// The number of columns.
    pub fn len(&self) -> usize {
        self.row.len()
    }

    /// Whether the row has no column.
    pub fn is_empty(&self) -> bool {
        self.row.len() == 0
    }

    /// The value of column `index`, NULL when there is no such column.
    pub fn value(&self, index: usize) -> ValueRef<'a> {
        if index >= self.row.len() {
            return ValueRef::Null;
        }
        match self.row.get_value(index) {
            turso_core::Value::Null => ValueRef::Null,
            turso_core::Value::Numeric(Numeric::Integer(value)) => ValueRef::Integer(*value),
            turso_core::Value::Numeric(Numeric::Float(value)) => ValueRef::Real((*value).into()),
            turso_core::Value::Text(text) => ValueRef::Text(text.as_str()),
            turso_core::Value::Blob(bytes) => ValueRef::Blob(bytes),
        }
    }

    /// The integer in column `index`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when the column holds something else.
    pub fn get_i64(&self, index: usize) -> Result<i64> {
        match self.value(index) {
            ValueRef::Integer(value) => Ok(value),
            other => Err(wrong_type(index, "an integer", other)),
        }
    }

    /// The text in column `index`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when the column holds something else.
    pub fn get_str(&self, index: usize) -> Result<&'a str> {
        match self.value(index) {
            ValueRef::Text(value) => Ok(value),
            other => Err(wrong_type(index, "text", other)),
        }
    }

    /// The bytes in column `index`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when the column holds something else.
    pub fn get_blob(&self, index: usize) -> Result<&'a [u8]> {
        match self.value(index) {
            ValueRef::Blob(value) => Ok(value),
            other => Err(wrong_type(index, "a blob", other)),
        }
    }

    /// An owned copy.
    pub fn to_row(&self) -> Row {
        Row { values: (0..self.len()).map(|i| self.value(i).to_value()).collect() }
    }
}

#[cold]
fn wrong_type(index: usize, wanted: &str, found: ValueRef<'_>) -> Error {
    let found = match found {
        ValueRef::Null => "NULL",
        ValueRef::Integer(_) => "an integer",
        ValueRef::Real(_) => "a real",
        ValueRef::Text(_) => "text",
        ValueRef::Blob(_) => "a blob",
    };
    Error::invalid(format!("column {index} was expected to hold {wanted}, it holds {found}"))
}

/// Prepared statements that are not running, the most recently used last.
#[derive(Default)]
pub(crate) struct StatementCache {
    idle: VecDeque<Prepared>,
}

impl StatementCache {
    /// Takes the statement for `sql`, so that nobody else runs it meanwhile.
    pub(crate) fn take(&mut self, sql: &str) -> Option<Prepared> {
        let index = self.idle.iter().rposition(|prepared| prepared.sql == sql)?;
        self.idle.remove(index)
    }

    /// Keeps a statement for later, dropping the one unused for longest.
    pub(crate) fn put(&mut self, prepared: Prepared) {
        if self.idle.len() >= CACHED_STATEMENTS_MAX {
            self.idle.pop_front();
        }
        self.idle.push_back(prepared);
    }

    pub(crate) fn clear(&mut self) {
        self.idle.clear();
    }
}
