//! SQL values, the parameters of a statement, and the rows it gives.

use std::sync::Arc;

use crate::error::{Error, Result};

/// One SQL value, in SQLite's five storage classes.
///
/// ```
/// use sigil_core::Value;
/// assert_eq!(Value::from(3), Value::Integer(3));
/// assert_eq!(Value::from(None::<i64>), Value::Null);
/// assert_eq!(Value::from("a").as_str(), Some("a"));
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// SQL NULL.
    #[default]
    Null,
    /// A 64-bit signed integer.
    Integer(i64),
    /// A double; never NaN, which SQL has no value for.
    Real(f64),
    /// UTF-8 text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl Value {
    /// The integer, if this is one.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Value::Integer(value) => Some(*value),
            _ => None,
        }
    }

    /// The number as a double, if this is an integer or a real.
    #[expect(clippy::cast_precision_loss, reason = "SQLite's own conversion to REAL")]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Integer(value) => Some(*value as f64),
            Value::Real(value) => Some(*value),
            _ => None,
        }
    }

    /// The text, if this is text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Text(value) => Some(value),
            _ => None,
        }
    }

    /// The bytes, if this is a blob.
    pub fn as_blob(&self) -> Option<&[u8]> {
        match self {
            Value::Blob(value) => Some(value),
            _ => None,
        }
    }

    /// Whether this is NULL.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// A borrowed view of this value.
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Value::Null => ValueRef::Null,
            Value::Integer(value) => ValueRef::Integer(*value),
            Value::Real(value) => ValueRef::Real(*value),
            Value::Text(value) => ValueRef::Text(value),
            Value::Blob(value) => ValueRef::Blob(value),
        }
    }
}

macro_rules! value_from {
    ($($from:ty => |$value:ident| $to:expr;)*) => {
        $(impl From<$from> for Value {
            fn from($value: $from) -> Value {
                $to
            }
        })*
    };
}

value_from! {
    i64 => |value| Value::Integer(value);
    i32 => |value| Value::Integer(i64::from(value));
    u32 => |value| Value::Integer(i64::from(value));
    bool => |value| Value::Integer(i64::from(value));
    f64 => |value| Value::Real(value);
    String => |value| Value::Text(value);
    &str => |value| Value::Text(value.to_owned());
    &String => |value| Value::Text(value.clone());
    Vec<u8> => |value| Value::Blob(value);
    &[u8] => |value| Value::Blob(value.to_vec());
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
}

/// A [`Value`] borrowed from the row that holds it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ValueRef<'a> {
    /// SQL NULL.
    Null,
    /// A 64-bit signed integer.
    Integer(i64),
    /// A double.
    Real(f64),
    /// UTF-8 text.
    Text(&'a str),
    /// Bytes.
    Blob(&'a [u8]),
}

impl ValueRef<'_> {
    /// An owned copy.
    pub fn to_value(self) -> Value {
        match self {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(value) => Value::Integer(value),
            ValueRef::Real(value) => Value::Real(value),
            ValueRef::Text(value) => Value::Text(value.to_owned()),
            ValueRef::Blob(value) => Value::Blob(value.to_vec()),
        }
    }
}

/// The parameters of a statement: none, by position (`?`, `?1`), or by name (`:a`, `@a`, `$a`).
///
/// Names are given without their prefix. Every parameter of the statement must be given, and
/// nothing else.
///
/// ```
/// use sigil_core::{params, Params, Value};
/// let by_position = Params::from(params![1, "two", None::<i64>]);
/// let by_name = Params::from([("id", Value::from(1))]);
/// # let _ = (by_position, by_name);
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Params {
    /// No parameters.
    #[default]
    None,
    /// In the order of their numbers, the first for `?1`.
    Positional(Vec<Value>),
    /// Name and value, in any order.
    Named(Vec<(String, Value)>),
}

impl From<()> for Params {
    fn from((): ()) -> Params {
        Params::None
    }
}

impl From<Vec<Value>> for Params {
    fn from(values: Vec<Value>) -> Params {
        Params::Positional(values)
    }
}

impl From<&[Value]> for Params {
    fn from(values: &[Value]) -> Params {
        Params::Positional(values.to_vec())
    }
}

impl<const N: usize> From<[Value; N]> for Params {
    fn from(values: [Value; N]) -> Params {
        Params::Positional(values.into())
    }
}

impl From<Vec<(String, Value)>> for Params {
    fn from(values: Vec<(String, Value)>) -> Params {
        Params::Named(values)
    }
}

impl<const N: usize> From<[(&str, Value); N]> for Params {
    fn from(values: [(&str, Value); N]) -> Params {
        Params::Named(values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }
}

/// Positional parameters out of anything that converts into a [`Value`].
///
/// ```
/// use sigil_core::{params, Value};
/// assert_eq!(params![1, "a"], [Value::Integer(1), Value::Text("a".into())]);
/// ```
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => { [$($crate::Value::from($value)),*] };
}

/// One row of a result, owned.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub(crate) values: Vec<Value>,
}

impl Row {
    /// The values, in the order of the columns.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// The values, given away.
    pub fn into_values(self) -> Vec<Value> {
        self.values
    }

    /// The value of column `index`.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) when there is no such column.
    pub fn get(&self, index: usize) -> Result<&Value> {
        self.values.get(index).ok_or_else(|| {
            Error::invalid(format!("the row has {} columns, no column {index}", self.values.len()))
        })
    }
}

/// The rows of a query and the names of their columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    pub(crate) columns: Arc<[String]>,
    pub(crate) rows: Vec<Row>,
}

impl Rows {
    /// The names of the columns, in order; two columns may have the same name.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The rows, in order.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The single value of a result of one row and one column, such as a count.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) when the result has another shape.
    pub fn single(&self) -> Result<&Value> {
        match self.rows.as_slice() {
            [row] if row.values.len() == 1 => Ok(&row.values[0]),
            rows => Err(Error::invalid(format!(
                "one row of one column was expected, the query gave {} rows of {}",
                rows.len(),
                self.columns.len()
            ))),
        }
    }
}

impl IntoIterator for Rows {
    type Item = Row;
    type IntoIter = std::vec::IntoIter<Row>;

    fn into_iter(self) -> Self::IntoIter {
        self.rows.into_iter()
    }
}
