//! Reads rows: each is checked, and its values are entered.

use super::columns::Columns;
use super::ordered;
use super::packed::{Directory, Head, Packed, Reader, WIDE_FROM, WIDE_STEP};
use super::postings::Posting;
use crate::vector::metadata::Metadata;

/// Enters rows that come from outside, one after the other.
///
/// The values are put in order once all are there, which takes a third of the time of putting one
/// after the other into its place.
#[derive(Debug)]
pub(super) struct Rows<'a> {
    columns: &'a mut Columns,
    /// By the number of the key, for those that have any.
    values: Vec<Option<Box<Values>>>,
    /// The slot of the row at hand.
    slot: u32,
    /// Its metadata take at least so many bytes as JSON,
    json_bytes_min: usize,
    /// and at most so many.
    json_bytes_max: usize,
}

/// Values under a key, with what has each.
#[derive(Debug, Default)]
struct Values {
    /// Ordered bytes, one value behind the other.
    bytes: Vec<u8>,
    /// Where each value ends.
    ends: Vec<usize>,
    holders: Vec<Holder>,
}

/// What has a value: a row, or a term.
#[derive(Debug, Clone, Copy)]
enum Holder {
    Slot(u32),
    Term(u32),
}

/// How deep a value in a row may nest.
const DEPTH_BELOW_ROW: usize = Metadata::DEPTH_MAX - 1;

// All that follows gives `None` for damage.
impl<'a> Rows<'a> {
    /// Enters rows into columns that have their keys and terms, but no values yet.
    pub(super) fn new(columns: &'a mut Columns) -> Rows<'a> {
        let mut values = Vec::new();
        values.resize_with(columns.keys.end() as usize, || None);
        for number in 0..columns.terms.end() {
            if let Some(term) = columns.terms.get(number)
                && ordered::write(&mut columns.value, Packed::of(&term.value))
            {
                let values: &mut Box<Values> = values[term.key as usize].get_or_insert_default();
                values.push(&columns.value, Holder::Term(number));
            }
        }
        Rows { columns, values, slot: 0, json_bytes_min: 0, json_bytes_max: 0 }
    }

    /// Enters the row of the next slot.
    pub(super) fn row(&mut self, row: &[u8]) -> Option<()> {
        (self.json_bytes_min, self.json_bytes_max) = (2, 2);
        self.members(row)?;
        if self.json_bytes_max > Metadata::JSON_BYTES_MAX {
            (self.json_bytes_min <= Metadata::JSON_BYTES_MAX).then_some(())?;
            self.columns.metadata(row).check_size().ok()?;
        }
        self.slot += 1;
        Some(())
    }

    fn members(&mut self, row: &[u8]) -> Option<()> {
        let (directory, mut members) = match Directory::split(row) {
            Some((directory, members)) => (Some(directory), members),
            None => (None, Reader::new(row)),
        };
        let len = members.left();
        let mut before = None;
        let mut index = 0;
        while !members.is_at_end() {
            if let Some(directory) = directory
                && index > 0
                && index % WIDE_STEP == 0
            {
                (directory.entry(index / WIDE_STEP - 1)? == len - members.left()).then_some(())?;
            }
            index += 1;
            before = Some(self.member(&mut members, before)?);
        }
        let entries = directory.map(Directory::len);
        let expected = (index > WIDE_FROM).then(|| (index - 1) / WIDE_STEP);
        (entries == expected).then_some(())
    }

    /// Enters the next member of a row, and gives the number of its key.
    fn member(&mut self, members: &mut Reader<'_>, before: Option<u32>) -> Option<u32> {
        let head = members.head()?;
        let key = match head {
            Head::Term(number) => self.columns.terms.get(number)?.key,
            Head::Key(key) => key,
        };
        self.key(key, before)?;
        let Columns { keys, sets, .. } = &mut *self.columns;
        let column = keys.column_mut(key);
        sets.insert(&mut column.present, self.slot);
        if let Head::Term(number) = head {
            self.term(number);
            return Some(key);
        }
        match members.value()? {
            Packed::Array(items) => {
                sets.insert(&mut column.arrays, self.slot);
                keys.add_use(key);
                self.array(items, key)?;
            }
            value => {
                keys.add_use(key);
                self.value(value, DEPTH_BELOW_ROW)?;
                self.enter(value, key);
            }
        }
        Some(key)
    }

    /// Enters the elements of an array that is the value of a member.
    fn array(&mut self, items: &[u8], key: u32) -> Option<()> {
        self.json(2, 2);
        let mut items = Reader::new(items);
        while !items.is_at_end() {
            self.json(0, 1);
            match items.value()? {
                Packed::Term(number) => {
                    (self.columns.terms.get(number)?.key == key).then_some(())?;
                    self.term(number);
                }
                item => {
                    self.value(item, DEPTH_BELOW_ROW - 1)?;
                    self.enter(item, key);
                }
            }
        }
        Some(())
    }

    /// Enters a term that a member or an element is.
    fn term(&mut self, number: u32) {
        self.columns.add_term_use(number);
        let term = &self.columns.terms[number];
        self.columns.sets.insert_into(term.set, self.slot);
        let (min, max) = json_bytes(Packed::of(&term.value));
        self.json(min, max);
    }

    /// Enters a value that is not a term, or an element.
    fn enter(&mut self, value: Packed<'_>, key: u32) {
        let Columns { keys, sets, value: bytes, .. } = &mut *self.columns;
        if ordered::write(bytes, value) {
            let values = self.values[key as usize].get_or_insert_default();
            values.push(bytes, Holder::Slot(self.slot));
        } else {
            sets.insert(&mut keys.column_mut(key).others, self.slot);
        }
    }

    /// Checks the key of a member that comes behind another one.
    fn key(&mut self, key: u32, before: Option<u32>) -> Option<()> {
        let keys = &self.columns.keys;
        let name = keys.get(key)?;
        before.is_none_or(|before| keys.name(before) < name).then_some(())?;
        // In quotes and with a colon, and a comma behind the value.
        let len = name.len();
        self.json(len + 3, len.saturating_mul(6).saturating_add(4));
        Some(())
    }

    /// Checks a value without terms.
    fn value(&mut self, value: Packed<'_>, depth_left: usize) -> Option<()> {
        let (min, max) = json_bytes(value);
        self.json(min, max);
        match value {
            Packed::Null | Packed::Bool(_) | Packed::Int(_) => {}
            Packed::Float(float) => float.is_finite().then_some(())?,
            Packed::Text(text) => std::str::from_utf8(text).map(|_| ()).ok()?,
            Packed::Array(items) => {
                let depth_left = depth_left.checked_sub(1)?;
                let mut items = Reader::new(items);
                while !items.is_at_end() {
                    self.json(0, 1);
                    self.value(items.value()?, depth_left)?;
                }
            }
            Packed::Object(members) => {
                let depth_left = depth_left.checked_sub(1)?;
                let mut members = Reader::new(members);
                let mut before = None;
                while !members.is_at_end() {
                    let Head::Key(key) = members.head()? else {
                        return None;
                    };
                    self.key(key, before)?;
                    self.columns.keys.add_use(key);
                    before = Some(key);
                    self.value(members.value()?, depth_left)?;
                }
            }
            Packed::Term(_) => return None,
        }
        Some(())
    }

    fn json(&mut self, min: usize, max: usize) {
        self.json_bytes_min = self.json_bytes_min.saturating_add(min);
        self.json_bytes_max = self.json_bytes_max.saturating_add(max);
    }

    /// Puts the values of all rows in order.
    pub(super) fn finish(self) -> Option<()> {
        let Columns { keys, terms, sets, .. } = self.columns;
        for (key, values) in (0..).zip(self.values) {
            let Some(values) = values else {
                continue;
            };
            let values = values.sorted();
            let dictionary = &mut keys.column_mut(key).values;
            let mut at = 0;
            while at < values.ends.len() {
                let value = values.value(at);
                let mut posting = Posting::EMPTY;
                while at < values.ends.len() && values.value(at) == value {
                    match values.holders[at] {
                        Holder::Slot(slot) => sets.insert(&mut posting, slot),
                        // Terms come before slots, so this is the second of two.
                        Holder::Term(_) if !posting.is_empty() => return None,
                        Holder::Term(term) => posting = Posting::of_set(terms[term].set),
                    }
                    at += 1;
                }
                dictionary.push(value, posting);
            }
        }
        Some(())
    }
}

impl Values {
    fn push(&mut self, value: &[u8], holder: Holder) {
        self.bytes.extend_from_slice(value);
        self.ends.push(self.bytes.len());
        self.holders.push(holder);
    }

    fn value(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[index]]
    }

    /// The same in the order of the values, equal ones as they came.
    fn sorted(&self) -> Values {
        let order = self.order();
        let mut sorted = Values {
            bytes: Vec::with_capacity(self.bytes.len()),
            ends: Vec::with_capacity(order.len()),
            holders: Vec::with_capacity(order.len()),
        };
        // They lie far from each other, and are better waited for here, where that is all there is
        // to do: then for many of them at once.
        order
            .into_iter()
            .for_each(|(_, index)| sorted.push(self.value(index), self.holders[index]));
        sorted
    }

    /// The indices in the order of the values, with some of their bytes.
    fn order(&self) -> Vec<(u64, usize)> {
        let Some(end) = self.ends.first() else {
            return Vec::new();
        };
        let first = &self.bytes[..*end];
        let shared = (0..self.ends.len()).fold(first.len(), |shared, index| {
            let pairs = first[..shared].iter().zip(self.value(index));
            pairs.take_while(|(a, b)| a == b).count()
        });
        // The bytes behind those that all of them share tell most values apart, and are at hand.
        let start = |index| {
            let mut start = [0; 8];
            let value: &[u8] = self.value(index);
            start.iter_mut().zip(&value[shared..]).for_each(|(to, from)| *to = *from);
            u64::from_be_bytes(start)
        };
        let mut order: Vec<(u64, usize)> =
            (0..self.ends.len()).map(|index| (start(index), index)).collect();
        order.sort_unstable_by_key(|(start, _)| *start);
        for alike in order.chunk_by_mut(|a, b| a.0 == b.0).filter(|alike| alike.len() > 1) {
            alike.sort_unstable_by(|(_, a), (_, b)| {
                self.value(*a).cmp(self.value(*b)).then(a.cmp(b))
            });
        }
        order
    }
}

/// The least and the most bytes that a value takes as JSON, without what is in it.
fn json_bytes(value: Packed<'_>) -> (usize, usize) {
    match value {
        Packed::Null | Packed::Bool(_) => (4, 5),
        Packed::Int(_) => (1, 20),
        Packed::Float(_) => (3, 25),
        // A control character becomes six.
        Packed::Text(text) => (text.len() + 2, text.len().saturating_mul(6).saturating_add(2)),
        Packed::Array(_) | Packed::Object(_) => (2, 2),
        Packed::Term(_) => (0, 0),
    }
}
