//! The metadata of all slots, packed, and which of them match a filter.
//!
//! Beside the rows there is for each key an ordered dictionary of the values that the rows have
//! under it, with the slots of each value; so a filter is answered by the values it names, and not
//! by the rows. What it does not hold are long texts, objects and arrays as a whole: rows that may
//! have what a filter asks for are tested one by one then.

#[cfg(test)]
use std::sync::Arc;
#[cfg(test)]
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::Result;

use super::filter::Filter;
use super::metadata::Metadata;

mod bitmap;
mod codec;
mod columns;
mod dictionary;
mod keys;
mod matching;
mod numbered;
mod ordered;
mod packed;
mod pages;
mod postings;
mod rows;
mod select;
mod slot_set;
mod values;

use columns::Columns;
use pages::Pages;
use postings::Change;

pub(crate) use select::Selection;
pub(crate) use values::ValueCounts;

/// The metadata of the slots `0..len`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Attributes {
    rows: Pages,
    columns: Columns,
    /// The row that is being written.
    row: Vec<u8>,
    #[cfg(test)]
    pub(super) answered: Answered,
}

/// How often filters were answered.
#[cfg(test)]
#[derive(Debug, Clone, Default)]
pub(super) struct Answered {
    /// From the columns, for all slots.
    pub(super) selected: Arc<AtomicUsize>,
    /// For one slot, from its row.
    pub(super) tested: Arc<AtomicUsize>,
}

/// So much memory the row that is being written may keep.
const ROW_BYTES_KEPT: usize = 4096;

impl Attributes {
    /// How many slots there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Makes room for `additional` more slots, as far as their memory does not depend on what they
    /// will hold.
    ///
    /// # Errors
    /// [`Full`](crate::ErrorKind::Full) when there is not enough memory; nothing has changed then.
    pub(super) fn reserve(&mut self, additional: usize) -> Result<()> {
        self.rows.reserve(additional)
    }

    /// Adds a slot.
    pub(crate) fn push(&mut self, metadata: &Metadata) {
        let slot = u32::try_from(self.len()).unwrap_or(u32::MAX);
        self.columns.add(slot, metadata, &mut self.row);
        self.rows.push(&self.row);
        self.clear_row();
    }

    /// Replaces the metadata of a slot.
    pub(super) fn set(&mut self, slot: u32, metadata: &Metadata) {
        self.columns.change(self.rows.get(slot), Change::Remove { slot });
        self.columns.add(slot, metadata, &mut self.row);
        self.rows.set(slot, &self.row);
        self.clear_row();
    }

    /// Removes a slot; the last one takes its place.
    pub(super) fn swap_remove(&mut self, slot: u32) {
        self.columns.change(self.rows.get(slot), Change::Remove { slot });
        let last = u32::try_from(self.len() - 1).unwrap_or(u32::MAX);
        if slot != last {
            self.row.extend_from_slice(self.rows.get(last));
            self.columns.change(&self.row, Change::Move { from: last, to: slot });
            self.rows.set(slot, &self.row);
            self.clear_row();
        }
        self.rows.pop();
    }

    /// The metadata of a slot, as they were given.
    pub(crate) fn get(&self, slot: u32) -> Metadata {
        self.columns.metadata(self.rows.get(slot))
    }

    /// Removes every slot and gives the memory back.
    pub(super) fn clear(&mut self) {
        *self = Attributes::default();
    }

    /// How many bytes are held, without what the allocator adds to them.
    pub(crate) fn memory(&self) -> usize {
        size_of::<Attributes>() + self.rows.memory() + self.columns.memory() + self.row.capacity()
    }

    /// Whether the metadata of a slot satisfies the filter.
    pub(crate) fn matches(&self, slot: u32, filter: &Filter) -> bool {
        #[cfg(test)]
        self.answered.tested.fetch_add(1, Ordering::Relaxed);
        self.columns.matches(self.rows.get(slot), filter.root())
    }

    /// Which slots may match the filter, found in about `budget` steps, each of a nanosecond or
    /// two: one for each value that is visited, each slot that is listed and each word of bits.
    ///
    /// What takes more is left out, and makes the selection larger. A 64th of the slots is the
    /// least that is of use, and as much as the search without a filter costs is the most.
    pub(crate) fn select(&self, filter: &Filter, budget: usize) -> Selection {
        #[cfg(test)]
        self.answered.selected.fetch_add(1, Ordering::Relaxed);
        select::select(&self.columns, self.len(), filter.root(), budget)
    }

    fn clear_row(&mut self) {
        self.row.clear();
        self.row.shrink_to(ROW_BYTES_KEPT);
    }
}

#[cfg(test)]
mod tests;
