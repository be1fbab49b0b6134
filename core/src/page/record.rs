//! Records: the rows of tables and the keys of indexes.

use crate::error::{Error, Result};
use crate::value::{Value, ValueRef};

/// A variable-length integer at the beginning of `bytes`, and its length of 1 to 9 bytes.
///
/// `None` when the bytes end within it.
pub(super) fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0u64;
    for (at, byte) in bytes.iter().take(9).enumerate() {
        if at == 8 {
            return Some((value << 8 | u64::from(*byte), 9));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, at + 1));
        }
    }
    None
}

/// A record, as a table or an index stores it: the values of its columns, borrowed from its bytes.
///
/// ```
/// use sigil_core::{ValueRef, page::Record};
/// // A header of three bytes: its length, an integer of one byte, and text of two.
/// let record = Record::parse(&[3, 1, 17, 42, b'o', b'k'])?;
/// assert_eq!(record.value(0)?, ValueRef::Integer(42));
/// assert_eq!(record.value(1)?, ValueRef::Text("ok"));
/// assert_eq!(record.len(), 2);
/// # Ok::<(), sigil_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Record<'a> {
    columns: Vec<(u64, &'a [u8])>,
}

impl<'a> Record<'a> {
    /// Takes a record apart.
    ///
    /// # Errors
    /// [`Corrupt`](crate::ErrorKind::Corrupt) when its header does not hold or it ends too early.
    pub fn parse(payload: &'a [u8]) -> Result<Record<'a>> {
        let (header_len, mut at) =
            varint(payload).ok_or_else(|| Error::corrupt("a record is empty"))?;
        let split =
            usize::try_from(header_len).ok().filter(|len| (at..=payload.len()).contains(len));
        let Some(header_len) = split else {
            return Err(Error::corrupt(format!(
                "a record of {} bytes says that its header has {header_len}",
                payload.len()
            )));
        };
        let (header, mut body) = payload.split_at(header_len);
        let mut columns = Vec::with_capacity(header_len - at);
        while at < header.len() {
            let (serial, len) = varint(&header[at..])
                .ok_or_else(|| Error::corrupt("the header of a record ends within a column"))?;
            at += len;
            let (value, rest) = content_len(serial)
                .filter(|len| *len <= body.len())
                .map(|len| body.split_at(len))
                .ok_or_else(|| {
                    Error::corrupt(format!(
                        "column {} of a record has the type {serial}, for which its {} bytes are \
                         too few",
                        columns.len(),
                        payload.len()
                    ))
                })?;
            columns.push((serial, value));
            body = rest;
        }
        Ok(Record { columns })
    }

    /// How many columns are stored.
    ///
    /// Fewer than the table has where columns were added to it since: such a column has its
    /// default.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether no column is stored.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// The value of column `index`, NULL when it is not stored.
    ///
    /// The column of an `INTEGER PRIMARY KEY` is stored as NULL; its value is the rowid. A column
    /// of type REAL may be stored as an integer.
    ///
    /// # Errors
    /// [`Corrupt`](crate::ErrorKind::Corrupt) for text that is not UTF-8, which
    /// [`bytes`](Record::bytes) gives as it is.
    pub fn value(&self, index: usize) -> Result<ValueRef<'a>> {
        let Some((serial, bytes)) = self.columns.get(index) else { return Ok(ValueRef::Null) };
        Ok(match serial {
            0 => ValueRef::Null,
            1..=6 => ValueRef::Integer(integer(bytes)),
            7 => {
                let real = f64::from_bits(bits(bytes));
                // SQL has no NaN, and SQLite reads one as NULL.
                if real.is_nan() { ValueRef::Null } else { ValueRef::Real(real) }
            }
            8 => ValueRef::Integer(0),
            9 => ValueRef::Integer(1),
            blob if blob % 2 == 0 => ValueRef::Blob(bytes),
            _ => ValueRef::Text(std::str::from_utf8(bytes).map_err(|error| {
                Error::corrupt(format!("the text in column {index} is not UTF-8: {error}"))
            })?),
        })
    }

    /// The stored bytes of column `index`, whatever its type; `None` when it is not stored.
    pub fn bytes(&self, index: usize) -> Option<&'a [u8]> {
        self.columns.get(index).map(|(_, bytes)| *bytes)
    }

    /// Copies of all values.
    ///
    /// # Errors
    /// As [`value`](Record::value).
    pub fn to_values(&self) -> Result<Vec<Value>> {
        (0..self.len()).map(|index| self.value(index).map(ValueRef::to_value)).collect()
    }
}

/// How many bytes a value of serial type `serial` takes; `None` for the reserved types.
fn content_len(serial: u64) -> Option<usize> {
    match serial {
        0 | 8 | 9 => Some(0),
        1..=4 => usize::try_from(serial).ok(),
        5 => Some(6),
        6 | 7 => Some(8),
        10 | 11 => None,
        _ => usize::try_from((serial - 12) / 2).ok(),
    }
}

/// The signed big-endian integer of up to eight bytes.
fn integer(bytes: &[u8]) -> i64 {
    let unused = 64 - 8 * u32::try_from(bytes.len().clamp(1, 8)).unwrap_or(8);
    (bits(bytes) << unused).cast_signed() >> unused
}

fn bits(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte))
}
