//! What the rows hold under each key, and the writing of rows.

use super::keys::Keys;
use super::numbered::Numbered;
use super::ordered;
use super::packed::{
    Directory, DirectoryWriter, Head, Packed, Reader, WIDE_FROM, close, open_array, open_object,
    write_head, write_scalar,
};
use super::postings::{Change, Sets};
use crate::vector::metadata::{MetaValue, Metadata};

/// Everything that rows refer to, and which slots hold which values.
#[derive(Debug, Clone, Default)]
pub(super) struct Columns {
    pub(super) keys: Keys,
    pub(super) terms: Numbered<Term>,
    pub(super) sets: Sets,
    /// The ordered bytes of the value at hand.
    pub(super) value: Vec<u8>,
}

/// A key and a value that many rows have together: these rows say its number only.
///
/// It is known when a row is written whether its value is frequent, from the slots that hold it. So
/// unique values never become terms, and a term goes with the last row that says its number.
#[derive(Debug, Clone)]
pub(super) struct Term {
    pub(super) key: u32,
    pub(super) value: MetaValue,
    /// How many rows and elements of arrays say its number.
    pub(super) uses: usize,
    /// The set of the slots that hold the value, whether or not their rows say the number.
    pub(super) set: u32,
}

impl Default for Term {
    fn default() -> Term {
        Term { key: 0, value: MetaValue::Null, uses: 0, set: 0 }
    }
}

/// A value that so many slots hold becomes a term: it then saves the memory it takes, and the next
/// ones save time.
const TERM_FROM: usize = 16;

impl Columns {
    /// Writes the row of a slot to the end of `row`, and enters its values.
    pub(super) fn add(&mut self, slot: u32, metadata: &Metadata, row: &mut Vec<u8>) {
        let directory = DirectoryWriter::start(row, metadata.len());
        for (index, (name, value)) in metadata.iter().enumerate() {
            directory.member(row, index);
            let key = self.keys.number_at(name, index);
            self.add_member(slot, key, value, row);
        }
    }

    fn add_member(&mut self, slot: u32, key: u32, value: &MetaValue, row: &mut Vec<u8>) {
        let column = self.keys.column_mut(key);
        self.sets.insert(&mut column.present, slot);
        match value {
            MetaValue::Array(items) => {
                self.sets.insert(&mut column.arrays, slot);
                self.keys.add_use(key);
                write_head(row, Head::Key(key));
                let start = open_array(row);
                for item in items {
                    match self.add_value(slot, key, item) {
                        Some(term) => write_scalar(row, Packed::Term(term)),
                        None => self.write_value(row, item),
                    }
                }
                close(row, start);
            }
            value => match self.add_value(slot, key, value) {
                Some(term) => write_head(row, Head::Term(term)),
                None => {
                    self.keys.add_use(key);
                    write_head(row, Head::Key(key));
                    self.write_value(row, value);
                }
            },
        }
    }

    /// Enters a value, or an element of an array; gives its term if it has or now becomes one.
    fn add_value(&mut self, slot: u32, key: u32, value: &MetaValue) -> Option<u32> {
        let Columns { keys, terms, sets, value: bytes } = self;
        let column = keys.column_mut(key);
        if !ordered::write(bytes, Packed::of(value)) {
            sets.insert(&mut column.others, slot);
            return None;
        }
        let number = column.values.put(bytes, |posting| {
            sets.insert(posting, slot);
            match posting.set().and_then(|set| sets.term(set)) {
                None if sets.len(*posting) >= TERM_FROM => {
                    let term = Term { key, value: value.clone(), uses: 0, set: 0 };
                    let number = terms.insert(term);
                    terms[number].set = sets.name(posting, number);
                    Some(number)
                }
                term => term,
            }
        })?;
        // An integer and a float that are equal have one posting, and a term is only one of them.
        if !is_same(&terms[number].value, value) {
            return None;
        }
        self.add_term_use(number);
        Some(number)
    }

    pub(super) fn add_term_use(&mut self, number: u32) {
        let term = &mut self.terms[number];
        term.uses += 1;
        if term.uses == 1 {
            self.keys.add_use(term.key);
        }
    }

    /// Writes a value without terms.
    fn write_value(&mut self, row: &mut Vec<u8>, value: &MetaValue) {
        match value {
            MetaValue::Array(items) => {
                let start = open_array(row);
                items.iter().for_each(|item| self.write_value(row, item));
                close(row, start);
            }
            MetaValue::Object(object) => {
                let start = open_object(row);
                for (name, value) in object.iter() {
                    let key = self.keys.number(name);
                    self.keys.add_use(key);
                    write_head(row, Head::Key(key));
                    self.write_value(row, value);
                }
                close(row, start);
            }
            scalar => write_scalar(row, Packed::of(scalar)),
        }
    }

    /// Takes the values of a row out, or moves them to another slot.
    pub(super) fn change(&mut self, row: &[u8], change: Change) {
        let mut reader = Reader::members(row);
        while let Some(head) = reader.head() {
            let key = match head {
                Head::Term(term) => self.terms[term].key,
                Head::Key(key) => key,
            };
            self.sets.change(&mut self.keys.column_mut(key).present, change);
            // The key shall not go while its column is at hand.
            self.keys.add_use(key);
            match head {
                Head::Term(term) => self.change_term(term, change),
                Head::Key(_) => {
                    match reader.value() {
                        Some(Packed::Array(items)) => self.change_array(key, items, change),
                        Some(value) => self.change_value(key, value, change),
                        None => {}
                    }
                    if let Change::Remove { .. } = change {
                        self.keys.remove_use(key);
                    }
                }
            }
            self.keys.settle(key);
            self.keys.remove_use(key);
        }
    }

    fn change_array(&mut self, key: u32, items: &[u8], change: Change) {
        self.sets.change(&mut self.keys.column_mut(key).arrays, change);
        let mut items = Reader::new(items);
        while let Some(item) = items.value() {
            match item {
                Packed::Term(term) => self.change_term(term, change),
                item => self.change_value(key, item, change),
            }
        }
    }

    /// Of a value, or an element of an array, that is not a term.
    fn change_value(&mut self, key: u32, value: Packed<'_>, change: Change) {
        if let Change::Remove { .. } = change {
            self.remove_nested(value);
        }
        let Columns { keys, sets, value: bytes, .. } = self;
        let column = keys.column_mut(key);
        if ordered::write(bytes, value) {
            column.values.change(bytes, |posting| sets.change(posting, change));
        } else {
            sets.change(&mut column.others, change);
        }
    }

    fn change_term(&mut self, number: u32, change: Change) {
        self.sets.change_set(self.terms[number].set, change);
        if let Change::Remove { .. } = change {
            self.terms[number].uses -= 1;
            if self.terms[number].uses == 0 {
                self.remove_term(number);
            }
        }
    }

    fn remove_term(&mut self, number: u32) {
        let term = self.terms.remove(number);
        self.sets.unname(term.set);
        ordered::write(&mut self.value, Packed::of(&term.value));
        let values = &mut self.keys.column_mut(term.key).values;
        values.change(&self.value, |posting| self.sets.settle(posting));
        self.keys.remove_use(term.key);
    }

    /// Takes back the uses of keys within a value.
    fn remove_nested(&mut self, value: Packed<'_>) {
        match value {
            Packed::Array(items) => {
                let mut items = Reader::new(items);
                while let Some(item) = items.value() {
                    self.remove_nested(item);
                }
            }
            Packed::Object(members) => {
                let mut members = Reader::new(members);
                while let (Some(Head::Key(key)), Some(value)) = (members.head(), members.value()) {
                    self.remove_nested(value);
                    self.keys.remove_use(key);
                }
            }
            _ => {}
        }
    }

    /// The value of a top-level member of a row.
    pub(super) fn find<'a>(&'a self, row: &'a [u8], name: &str) -> Option<Packed<'a>> {
        let mut reader = match Directory::split(row) {
            Some((directory, _)) => {
                directory.seek(|mut at| at.head().is_some_and(|it| self.name_of(it) <= name))
            }
            None => Reader::new(row),
        };
        // More there are neither in a row nor from one entry of a directory to the next.
        for _ in 0..WIDE_FROM {
            let head = reader.head()?;
            let found = *self.name_of(head) == *name;
            match head {
                Head::Term(term) if found => return Some(Packed::Term(term)),
                Head::Term(_) => {}
                Head::Key(_) => {
                    let value = reader.value()?;
                    if found {
                        return Some(value);
                    }
                }
            }
        }
        None
    }

    pub(super) fn name_of(&self, head: Head) -> &str {
        self.keys.name(match head {
            Head::Key(key) => key,
            Head::Term(term) => self.terms[term].key,
        })
    }

    /// The row as it was before it was packed.
    pub(super) fn metadata(&self, row: &[u8]) -> Metadata {
        self.object(Reader::members(row))
    }

    fn object(&self, mut members: Reader<'_>) -> Metadata {
        let mut entries = Vec::new();
        while let Some(head) = members.head() {
            let value = match head {
                Head::Term(term) => Some(Packed::Term(term)),
                Head::Key(_) => members.value(),
            };
            let value = value.map_or(MetaValue::Null, |value| self.unpack(value));
            entries.push((self.name_of(head).into(), value));
        }
        Metadata::from_entries(entries)
    }

    pub(super) fn unpack(&self, value: Packed<'_>) -> MetaValue {
        match value {
            Packed::Null => MetaValue::Null,
            Packed::Bool(value) => MetaValue::Bool(value),
            Packed::Int(int) => MetaValue::Int(int),
            Packed::Float(float) => MetaValue::Float(float),
            Packed::Text(text) => MetaValue::Text(String::from_utf8_lossy(text).into()),
            Packed::Array(items) => {
                let mut items = Reader::new(items);
                let items = std::iter::from_fn(|| items.value().map(|item| self.unpack(item)));
                MetaValue::Array(items.collect())
            }
            Packed::Object(members) => MetaValue::Object(self.object(Reader::new(members))),
            Packed::Term(term) => self.terms[term].value.clone(),
        }
    }

    pub(super) fn memory(&self) -> usize {
        let texts = self.terms.iter().map(|term| match &term.value {
            MetaValue::Text(text) => text.len(),
            _ => 0,
        });
        self.keys.memory()
            + self.terms.memory()
            + texts.sum::<usize>()
            + self.sets.memory()
            + self.value.capacity()
    }
}

/// Whether two scalars are equal and of one type, to the sign of a zero.
fn is_same(a: &MetaValue, b: &MetaValue) -> bool {
    match (a, b) {
        (MetaValue::Float(a), MetaValue::Float(b)) => a.to_bits() == b.to_bits(),
        (MetaValue::Int(_), MetaValue::Float(_)) | (MetaValue::Float(_), MetaValue::Int(_)) => {
            false
        }
        (a, b) => a == b,
    }
}
