//! The keys of all rows by number, and what is known of the values under each.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::BuildHasherDefault;
use std::sync::Arc;

use super::dictionary::Dictionary;
use super::numbered::Numbered;
use super::postings::Posting;

/// The keys of all rows, nested ones too, each once.
#[derive(Debug, Clone, Default)]
pub(super) struct Keys {
    keys: Numbered<Key>,
    /// Never iterated, so its order is never seen, and hashed without entropy.
    numbers: HashMap<Arc<str>, u32, BuildHasherDefault<DefaultHasher>>,
    /// The numbers of the keys that rows have first, second and so on, as it was last: the next row
    /// likely has the same.
    usual: [u32; USUAL],
}

/// For so many members the usual key is noted.
const USUAL: usize = 16;

#[derive(Debug, Clone, Default)]
struct Key {
    name: Arc<str>,
    /// How often it stands in the rows and terms; it goes when it does not any more.
    uses: usize,
    /// Unless no row has it on its top level.
    column: Option<Box<Column>>,
}

/// What the rows have under a key on their top level.
#[derive(Debug, Clone, Default)]
pub(super) struct Column {
    /// The values that can be indexed, and those elements of arrays.
    pub(super) values: Dictionary,
    /// The slots that have the key.
    pub(super) present: Posting,
    /// The slots whose value is an array.
    pub(super) arrays: Posting,
    /// The slots with something that is not in `values`: a long text or an object, or an array
    /// with an element that is one or an array.
    pub(super) others: Posting,
}

impl Keys {
    /// The number of a key that is the member of this index in a row; a new one if need be.
    pub(super) fn number_at(&mut self, name: &str, index: usize) -> u32 {
        let usual = self.usual.get(index).and_then(|number| self.keys.get(*number));
        if usual.is_some_and(|key| *key.name == *name) {
            return self.usual[index];
        }
        let number = self.number(name);
        if let Some(usual) = self.usual.get_mut(index) {
            *usual = number;
        }
        number
    }

    /// The number of a key; a new one if need be.
    pub(super) fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let name: Arc<str> = name.into();
        let key = Key { name: Arc::clone(&name), uses: 0, column: None };
        let number = self.keys.insert(key);
        self.numbers.insert(name, number);
        number
    }

    pub(super) fn find(&self, name: &str) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    pub(super) fn name(&self, number: u32) -> &str {
        &self.keys[number].name
    }

    /// The name of a key, if there is one of this number.
    pub(super) fn get(&self, number: u32) -> Option<&str> {
        self.keys.get(number).map(|key| &*key.name)
    }

    /// The number after the last one.
    pub(super) fn end(&self) -> u32 {
        self.keys.end()
    }

    /// Gives the next number to a key that is not there yet, or leaves it free; whether it could.
    pub(super) fn append(&mut self, name: Option<&str>) -> bool {
        let name: Option<Arc<str>> = name.map(Into::into);
        let number = self.end();
        let key = |name| Key { name, uses: 0, column: None };
        self.keys.append(name.clone().map(key));
        name.is_none_or(|name| self.numbers.insert(name, number).is_none())
    }

    /// Whether every key is in use.
    pub(super) fn are_used(&self) -> bool {
        self.keys.iter().all(|key| key.uses > 0)
    }

    pub(super) fn add_use(&mut self, number: u32) {
        self.keys[number].uses += 1;
    }

    /// Takes back what [`add_use`](Keys::add_use) did, and drops a key without uses.
    pub(super) fn remove_use(&mut self, number: u32) {
        let key = &mut self.keys[number];
        key.uses -= 1;
        if key.uses == 0 {
            self.numbers.remove(&*self.keys.remove(number).name);
            if self.numbers.len() < self.numbers.capacity() / 4 {
                self.numbers.shrink_to(self.numbers.len() * 2);
            }
        }
    }

    pub(super) fn column(&self, number: u32) -> Option<&Column> {
        self.keys[number].column.as_deref()
    }

    /// The column of a key; an empty one if there was none.
    pub(super) fn column_mut(&mut self, number: u32) -> &mut Column {
        self.keys[number].column.get_or_insert_default()
    }

    /// Drops the column of a key if no row is left in it.
    pub(super) fn settle(&mut self, number: u32) {
        let column = &mut self.keys[number].column;
        if column.as_ref().is_some_and(|column| column.present.is_empty()) {
            debug_assert!(column.as_ref().is_none_or(|column| column.values.is_empty()));
            *column = None;
        }
    }

    pub(super) fn memory(&self) -> usize {
        let keys = self.keys.iter().map(|key| {
            let column = key.column.as_ref();
            let column = column.map_or(0, |it| size_of::<Column>() + it.values.memory());
            // With the counts that the text has beside it.
            key.name.len() + 2 * size_of::<usize>() + column
        });
        // A hash table has a byte more for each place, and an eighth of them stay free.
        let numbers = self.numbers.capacity() * (size_of::<(Arc<str>, u32)>() + 1) * 8 / 7;
        self.keys.memory() + keys.sum::<usize>() + numbers
    }
}
