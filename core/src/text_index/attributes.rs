//! What filters may ask for of a row.

use super::definition::TextIndexOptions;
use crate::engine::RowRef;
use crate::value::ValueRef;
use crate::vector::{MetaValue, Metadata};

impl TextIndexOptions {
    /// Whether filters may ask for anything.
    pub(super) fn has_attributes(&self) -> bool {
        !self.attributes.is_empty() || self.metadata.is_some()
    }

    /// What filters may ask for of a row that was read; `None` where they may ask for nothing.
    pub(super) fn attributes_of(&self, row: RowRef<'_>) -> Option<Metadata> {
        if !self.has_attributes() {
            return None;
        }
        // Behind the number of the row, the texts and the time.
        let first = 1 + self.columns.len() + usize::from(self.time.is_some());
        let mut bytes = 0;
        let mut entries = Vec::with_capacity(self.attributes.len());
        if self.metadata.is_some()
            && let ValueRef::Text(text) = row.value(first + self.attributes.len())
            && let Ok(metadata) = Metadata::from_json(text)
        {
            bytes += text.len();
            entries.extend(metadata.iter().map(|(key, value)| (key.into(), value.clone())));
        }
        // Behind the members, because of two of the same name the last one counts.
        for (column, name) in (first..).zip(&self.attributes) {
            let value = value_of(row.value(column));
            bytes += name.len() + value.as_ref().map_or(0, size);
            let is_member = |(key, _): &(Box<str>, MetaValue)| **key == **name;
            match value {
                Some(value) => entries.push((name.as_str().into(), value)),
                None => entries.retain(|entry| !is_member(entry)),
            }
        }
        let metadata = Metadata::from_entries(entries);
        // As JSON a byte of a text is six at most.
        match bytes > Metadata::JSON_BYTES_MAX / 8 {
            true => Some(without_the_longest(metadata)),
            false => Some(metadata),
        }
    }
}

/// A value of SQL that can be asked for.
fn value_of(value: ValueRef<'_>) -> Option<MetaValue> {
    match value {
        ValueRef::Integer(number) => Some(MetaValue::Int(number)),
        ValueRef::Real(number) => number.is_finite().then_some(MetaValue::Float(number)),
        ValueRef::Text(text) => {
            (text.len() <= Metadata::JSON_BYTES_MAX).then(|| MetaValue::Text(text.into()))
        }
        ValueRef::Null | ValueRef::Blob(_) => None,
    }
}

fn size(value: &MetaValue) -> usize {
    match value {
        MetaValue::Text(text) => text.len(),
        _ => 8,
    }
}

/// What is left when the longest values are taken away until the rest may be kept.
fn without_the_longest(mut metadata: Metadata) -> Metadata {
    while metadata.check_size().is_err() {
        let len = |value: &MetaValue| value.to_value().to_string().len();
        let mut entries: Vec<(Box<str>, MetaValue)> =
            metadata.iter().map(|(key, value)| (key.into(), value.clone())).collect();
        let longest = (0..entries.len()).max_by_key(|at| len(&entries[*at].1));
        longest.map(|at| entries.remove(at));
        metadata = Metadata::from_entries(entries);
    }
    metadata
}
