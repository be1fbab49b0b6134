//! Metadata: the JSON object that goes with a vector, in a form that filters read fast.

use std::cmp::Ordering;
use std::fmt;
use std::io;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::quoted;
use crate::error::{Error, ErrorKind, Result};

mod decode;
mod json;

/// A JSON value, kept compactly and in one order.
///
/// Integers of 64 bits stay integers, floats are finite, and the members of an object are sorted
/// by key. In readable formats it serialises as plain JSON; in binary ones as a tagged enum.
#[derive(Debug, Clone)]
pub enum MetaValue {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number written without fraction or exponent, within 64 bits.
    Int(i64),
    /// Any other number; always finite.
    Float(f64),
    /// A string.
    Text(Box<str>),
    /// An array.
    Array(Box<[MetaValue]>),
    /// An object.
    Object(Metadata),
}

/// The JSON object attached to a vector: what a [`Filter`](crate::Filter) looks at.
///
/// ```
/// use sigil_core::{MetaValue, Metadata};
/// let metadata = Metadata::from_json(r#"{"tags": ["a", "b"], "year": 1998}"#)?;
/// assert!(matches!(metadata.get("year"), Some(MetaValue::Int(1998))));
/// assert_eq!(metadata.to_json(), r#"{"tags":["a","b"],"year":1998}"#);
/// # Ok::<(), sigil_core::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Metadata {
    /// Sorted by key, no key twice.
    entries: Box<[(Box<str>, MetaValue)]>,
}

impl Metadata {
    /// The most bytes one vector's metadata may take as JSON text, as [`to_json`] writes it.
    ///
    /// [`to_json`]: Metadata::to_json
    pub const JSON_BYTES_MAX: usize = 64 * 1024;

    /// How deep arrays and objects may nest, the metadata object itself counted as one.
    pub const DEPTH_MAX: usize = 16;

    /// An empty object; it takes no memory of its own.
    pub fn new() -> Metadata {
        Metadata::default()
    }

    /// Reads a JSON object from its text.
    ///
    /// Of a key that is there twice, the last wins.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) when the text is not JSON, is not an object, or
    /// holds an integer that neither 64 bits nor a float can keep exactly;
    /// [`Limit`](ErrorKind::Limit) past [`JSON_BYTES_MAX`](Metadata::JSON_BYTES_MAX) or
    /// [`DEPTH_MAX`](Metadata::DEPTH_MAX).
    pub fn from_json(text: &str) -> Result<Metadata> {
        if let Some(metadata) = json::read(text) {
            // Few characters can become eight, as 1e9 does; none becomes more.
            const GROWTH_MAX: usize = 8;
            if text.len() > Metadata::JSON_BYTES_MAX / GROWTH_MAX {
                metadata.check_size()?;
            }
            return Ok(metadata);
        }
        let value: Value = serde_json::from_str(text).map_err(|error| {
            Error::with_source(
                ErrorKind::InvalidInput,
                format!("metadata is not JSON: {error}"),
                error,
            )
        })?;
        Metadata::from_value(&value)
    }

    /// Takes over a JSON object.
    ///
    /// # Errors
    /// Those of [`from_json`](Metadata::from_json).
    pub fn from_value(value: &Value) -> Result<Metadata> {
        let Value::Object(members) = value else {
            return Err(Error::invalid(format!(
                "metadata must be a JSON object such as {{\"key\": \"value\"}}, not {}",
                json_type(value)
            )));
        };
        let metadata = object_from_json(members, Metadata::DEPTH_MAX)?;
        metadata.check_size()?;
        Ok(metadata)
    }

    /// The object as JSON text without spaces, keys in the order of their UTF-8 bytes.
    pub fn to_json(&self) -> String {
        // Cannot fail: every key is a string and writing to memory works.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The object as a [`serde_json::Value`].
    pub fn to_value(&self) -> Value {
        let members = self.iter().map(|(key, value)| (key.to_owned(), value.to_value()));
        Value::Object(members.collect())
    }

    /// The value of the top-level member `key`.
    pub fn get(&self, key: &str) -> Option<&MetaValue> {
        // Among few keys most differ in length alone, which is cheaper to see than their order.
        const FEW: usize = 16;
        if self.entries.len() <= FEW {
            return self.entries.iter().find(|(name, _)| **name == *key).map(|(_, value)| value);
        }
        let at = self.entries.binary_search_by(|(name, _)| (**name).cmp(key)).ok()?;
        self.entries.get(at).map(|(_, value)| value)
    }

    /// The members, sorted by key.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &MetaValue)> {
        self.entries.iter().map(|(key, value)| (&**key, value))
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Sorts `entries` and keeps the last of equal keys.
    pub(crate) fn from_entries(mut entries: Vec<(Box<str>, MetaValue)>) -> Metadata {
        // Stable, so that of equal keys the last one read stands last.
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        entries.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                std::mem::swap(later, kept);
            }
            same
        });
        Metadata { entries: entries.into_boxed_slice() }
    }

    /// Refuses what is longer as JSON than [`JSON_BYTES_MAX`](Metadata::JSON_BYTES_MAX).
    pub(crate) fn check_size(&self) -> Result<()> {
        let mut counter = Counter { left: Metadata::JSON_BYTES_MAX };
        serde_json::to_writer(&mut counter, self).map_err(|_| {
            Error::new(
                ErrorKind::Limit,
                format!(
                    "metadata takes more than {} bytes as JSON: keep long texts elsewhere and \
                     refer to them by id",
                    Metadata::JSON_BYTES_MAX
                ),
            )
        })
    }
}

/// A writer that only counts, and fails once the limit is passed.
struct Counter {
    left: usize,
}

impl io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.left = self
            .left
            .checked_sub(bytes.len())
            .ok_or_else(|| io::Error::from(io::ErrorKind::FileTooLarge))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MetaValue {
    /// Takes over a JSON value whose arrays and objects nest at most `depth_left` deep.
    pub(super) fn from_json(value: &Value, depth_left: usize) -> Result<MetaValue> {
        Ok(match value {
            Value::Null => MetaValue::Null,
            Value::Bool(value) => MetaValue::Bool(*value),
            Value::Number(number) => number_from_json(number)?,
            Value::String(text) => MetaValue::Text(text.as_str().into()),
            Value::Array(items) => {
                let depth_left = deeper(depth_left)?;
                let items: Result<Vec<MetaValue>> =
                    items.iter().map(|item| MetaValue::from_json(item, depth_left)).collect();
                MetaValue::Array(items?.into_boxed_slice())
            }
            Value::Object(members) => MetaValue::Object(object_from_json(members, depth_left)?),
        })
    }

    /// The value as a [`serde_json::Value`].
    pub fn to_value(&self) -> Value {
        match self {
            MetaValue::Null => Value::Null,
            MetaValue::Bool(value) => Value::from(*value),
            MetaValue::Int(value) => Value::from(*value),
            MetaValue::Float(value) => Value::from(*value),
            MetaValue::Text(text) => Value::from(&**text),
            MetaValue::Array(items) => items.iter().map(MetaValue::to_value).collect(),
            MetaValue::Object(object) => object.to_value(),
        }
    }

    /// A total order: null, booleans, numbers by value, texts by their bytes, arrays, objects.
    ///
    /// Integers and floats compare by their exact values, so `1` and `1.0` are equal and
    /// 9007199254740993 is more than 9007199254740992.0.
    pub(crate) fn compare(&self, other: &MetaValue) -> Ordering {
        use MetaValue::{Array, Bool, Float, Int, Object, Text};
        match (self, other) {
            (Bool(a), Bool(b)) => a.cmp(b),
            (Int(a), Int(b)) => a.cmp(b),
            (Float(a), Float(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
            (Int(a), Float(b)) => compare_int_float(*a, *b),
            (Float(a), Int(b)) => compare_int_float(*b, *a).reverse(),
            (Text(a), Text(b)) => a.cmp(b),
            (Array(a), Array(b)) => {
                compare_all(a.iter().zip(b), a.len(), b.len(), |(a, b)| a.compare(b))
            }
            (Object(a), Object(b)) => {
                let pairs = a.entries.iter().zip(&b.entries);
                compare_all(pairs, a.len(), b.len(), |((x, a), (y, b))| {
                    x.cmp(y).then_with(|| a.compare(b))
                })
            }
            _ => self.rank().cmp(&other.rank()),
        }
    }

    /// Whether the two are of the same JSON type.
    pub(super) fn same_type(&self, other: &MetaValue) -> bool {
        self.rank() == other.rank()
    }

    fn rank(&self) -> u8 {
        match self {
            MetaValue::Null => 0,
            MetaValue::Bool(_) => 1,
            MetaValue::Int(_) | MetaValue::Float(_) => 2,
            MetaValue::Text(_) => 3,
            MetaValue::Array(_) => 4,
            MetaValue::Object(_) => 5,
        }
    }
}

/// Equality by value: `1` equals `1.0`.
impl PartialEq for MetaValue {
    fn eq(&self, other: &MetaValue) -> bool {
        self.compare(other) == Ordering::Equal
    }
}

impl Eq for MetaValue {}

impl PartialEq for Metadata {
    fn eq(&self, other: &Metadata) -> bool {
        self.entries == other.entries
    }
}

impl Eq for Metadata {}

/// Compares pair by pair, then by length.
fn compare_all<P>(
    mut pairs: impl Iterator<Item = P>,
    a_len: usize,
    b_len: usize,
    compare: impl Fn(P) -> Ordering,
) -> Ordering {
    pairs.by_ref().map(compare).find(|order| order.is_ne()).unwrap_or_else(|| a_len.cmp(&b_len))
}

/// Compares an integer with a finite float by their exact values.
fn compare_int_float(int: i64, float: f64) -> Ordering {
    const TWO_POW_63: f64 = 9_223_372_036_854_775_808.0;
    if float >= TWO_POW_63 {
        return Ordering::Less;
    }
    if float < -TWO_POW_63 {
        return Ordering::Greater;
    }
    #[expect(clippy::cast_possible_truncation, reason = "the range was checked just above")]
    let whole = float.trunc() as i64;
    // A float with a fraction is below 2^53, so its whole part and the rest are both exact.
    int.cmp(&whole).then_with(|| 0.0_f64.partial_cmp(&float.fract()).unwrap_or(Ordering::Equal))
}

fn number_from_json(number: &serde_json::Number) -> Result<MetaValue> {
    if let Some(int) = number.as_i64() {
        return Ok(MetaValue::Int(int));
    }
    let float = number.as_f64().filter(|float| float.is_finite());
    let exact = match (number.as_u64(), float) {
        // From 2^63 on, where this is reached, a float keeps an integer whose low 11 bits are zero.
        (Some(int), Some(_)) => int.trailing_zeros() >= 11,
        (None, Some(_)) => true,
        (_, None) => false,
    };
    float.filter(|_| exact).map(MetaValue::Float).ok_or_else(|| {
        Error::invalid(format!(
            "the number {} cannot be kept exactly in 64 bits: write it as a string",
            quoted(&number.to_string())
        ))
    })
}

fn object_from_json(
    members: &serde_json::Map<String, Value>,
    depth_left: usize,
) -> Result<Metadata> {
    let depth_left = deeper(depth_left)?;
    let entries: Result<Vec<(Box<str>, MetaValue)>> = members
        .iter()
        .map(|(key, value)| Ok((key.as_str().into(), MetaValue::from_json(value, depth_left)?)))
        .collect();
    Ok(Metadata::from_entries(entries?))
}

fn deeper(depth_left: usize) -> Result<usize> {
    depth_left.checked_sub(1).ok_or_else(|| {
        Error::new(
            ErrorKind::Limit,
            format!(
                "arrays and objects nest more than {} deep: flatten the metadata",
                Metadata::DEPTH_MAX
            ),
        )
    })
}

/// What a JSON value is, for messages.
pub(super) fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

impl fmt::Display for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_json())
    }
}

impl Serialize for Metadata {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.entries.len()))?;
        for (key, value) in &self.entries {
            map.serialize_entry(&**key, value)?;
        }
        map.end()
    }
}

impl Serialize for MetaValue {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return decode::serialize_tagged(self, serializer);
        }
        match self {
            MetaValue::Null => serializer.serialize_unit(),
            MetaValue::Bool(value) => serializer.serialize_bool(*value),
            MetaValue::Int(value) => serializer.serialize_i64(*value),
            MetaValue::Float(value) => serializer.serialize_f64(*value),
            MetaValue::Text(text) => serializer.serialize_str(text),
            MetaValue::Array(items) => {
                let mut seq = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    seq.serialize_element(item)?;
                }
                seq.end()
            }
            MetaValue::Object(object) => object.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<Metadata, D::Error> {
        use serde::de::Error as _;
        if deserializer.is_human_readable() {
            let value = Value::deserialize(deserializer)?;
            return Metadata::from_value(&value).map_err(D::Error::custom);
        }
        let metadata = decode::metadata(deserializer)?;
        metadata.check_size().map_err(D::Error::custom)?;
        Ok(metadata)
    }
}

#[cfg(test)]
mod tests;
