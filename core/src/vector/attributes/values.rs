//! How often each value occurs under a key.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;

use super::Attributes;
use super::columns::Columns;
use super::packed::{Packed, Reader};
use crate::vector::metadata::MetaValue;

/// How many slots have each of the values under a key: for an array each of its elements.
#[derive(Debug, Clone, Default)]
pub(crate) struct ValueCounts {
    counts: BTreeMap<Value, u64>,
}

/// A value in the order of all values.
#[derive(Debug, Clone)]
struct Value(MetaValue);

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        self.0 == other.0
    }
}

impl Eq for Value {}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Value) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Value) -> Ordering {
        self.0.compare(&other.0)
    }
}

impl ValueCounts {
    /// How many different values there are.
    pub(crate) fn len(&self) -> usize {
        self.counts.len()
    }

    /// At most so many of the values that occur most often, with how often; of equally frequent
    /// ones the lower first.
    pub(crate) fn most_frequent(self, most: usize) -> Vec<(MetaValue, u64)> {
        let mut all: Vec<(Value, u64)> = self.counts.into_iter().collect();
        let order = |(value, count): &(Value, u64), (other, other_count): &(Value, u64)| {
            Reverse(count).cmp(&Reverse(other_count)).then_with(|| value.cmp(other))
        };
        if most < all.len() && most > 0 {
            all.select_nth_unstable_by(most - 1, order);
        }
        all.truncate(most);
        all.sort_unstable_by(order);
        all.into_iter().map(|(Value(value), count)| (value, count)).collect()
    }

    fn add(&mut self, value: MetaValue, count: u64) {
        let value = match value {
            // The two zeros are equal, and their sum is the positive one.
            MetaValue::Float(float) => MetaValue::Float(float + 0.0),
            value => value,
        };
        // An integer and a float can be equal too: the integer stands for both.
        let is_int = matches!(value, MetaValue::Int(_));
        let value = Value(value);
        if is_int && let Some(count_before) = self.counts.remove(&value) {
            self.counts.insert(value, count_before + count);
            return;
        }
        *self.counts.entry(value).or_default() += count;
    }
}

impl Attributes {
    /// Counts the values that these slots have under a key.
    pub(crate) fn count_values(
        &self,
        key: &str,
        slots: impl IntoIterator<Item = u32>,
        counts: &mut ValueCounts,
    ) {
        let columns = &self.columns;
        if columns.keys.find(key).is_none() {
            return;
        }
        // What is frequent is a term.
        let mut terms = vec![0_u64; columns.terms.end() as usize];
        for slot in slots {
            match columns.find(self.rows.get(slot), key) {
                None => {}
                Some(Packed::Term(term)) => {
                    if let Some(count) = terms.get_mut(term as usize) {
                        *count += 1;
                    }
                }
                Some(Packed::Array(items)) => {
                    let distinct = distinct(columns, items);
                    distinct.into_iter().for_each(|item| counts.add(item, 1));
                }
                Some(value) => counts.add(columns.unpack(value), 1),
            }
        }
        for (term, count) in (0..).zip(terms).filter(|(_, count)| *count > 0) {
            counts.add(columns.unpack(Packed::Term(term)), count);
        }
    }
}

/// The elements of an array, each once.
fn distinct(columns: &Columns, items: &[u8]) -> Vec<MetaValue> {
    let mut items = Reader::new(items);
    let items = std::iter::from_fn(|| items.value().map(|item| columns.unpack(item)));
    let mut items: Vec<MetaValue> = items.collect();
    // Of an integer and a float that are equal the integer is kept.
    items.sort_by(|a, b| a.compare(b).then_with(|| is_float(a).cmp(&is_float(b))));
    items.dedup();
    items
}

fn is_float(value: &MetaValue) -> bool {
    matches!(value, MetaValue::Float(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Metadata;
    use crate::testing::test;

    #[test]
    fn each_value_is_counted_once_a_slot() {
        let mut attributes = Attributes::default();
        for n in 0..100 {
            let text = match n % 4 {
                0 => format!(r#"{{"a": ["x", "y", "x", 1, 1.0], "b": {n}}}"#),
                1 => r#"{"a": "x", "c": null}"#.to_owned(),
                2 => r#"{"a": 1.0, "c": {"d": 2}}"#.to_owned(),
                _ => r#"{"a": [], "c": -0.0}"#.to_owned(),
            };
            attributes.push(&Metadata::from_json(&text).unwrap());
        }
        let count = |key: &str, slots: std::ops::Range<u32>, most: usize| {
            let mut counts = ValueCounts::default();
            attributes.count_values(key, slots, &mut counts);
            let len = counts.len();
            let shown = |(value, count): (MetaValue, u64)| format!("{}: {count}", value.to_value());
            (len, counts.most_frequent(most).into_iter().map(shown).collect::<Vec<_>>().join(", "))
        };
        assert_eq!(count("a", 0..100, 9), (3, r#"1: 50, "x": 50, "y": 25"#.to_owned()));
        assert_eq!(count("a", 0..2, 9), (3, r#""x": 2, 1: 1, "y": 1"#.to_owned()));
        assert_eq!(count("a", 0..100, 1), (3, "1: 50".to_owned()));
        assert_eq!(count("a", 0..100, 0), (3, String::new()));
        assert_eq!(count("b", 0..100, 2), (25, "0: 1, 4: 1".to_owned()));
        assert_eq!(count("c", 0..100, 9), (3, r#"null: 25, 0.0: 25, {"d":2}: 25"#.to_owned()));
        assert_eq!(count("d", 0..100, 9), (0, String::new()));
    }
}
