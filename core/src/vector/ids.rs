//! The ids of vectors: which slot has which, and which id has which slot.
//!
//! The texts of 32 slots lie together, so that a short id takes little more than its bytes; a hash
//! table of slots alone, four bytes each, finds them.

use hashbrown::HashTable;
use twox_hash::XxHash3_64;

/// Slots whose ids lie together.
const PAGE: usize = 32;

/// How many tables there are, a power of two: in one, the millionth id would take 90 ms.
const TABLES: usize = 16;

/// The ids of slots 0, 1, .., none of them twice.
#[derive(Debug, Clone, Default)]
pub(super) struct Ids {
    pages: Vec<Page>,
    len: usize,
    /// Hashed without entropy, which the core does not take; never iterated, so that no order of
    /// it is ever seen. Several tables, since one that grows moves all that is in it at once.
    tables: [HashTable<u32>; TABLES],
}

/// Some ids, one after another.
#[derive(Debug, Clone, Default)]
struct Page {
    text: String,
    /// Where each ends.
    ends: Vec<u16>,
}

impl Page {
    fn range(&self, place: usize) -> std::ops::Range<usize> {
        let start = place.checked_sub(1).map_or(0, |before| usize::from(self.ends[before]));
        start..usize::from(self.ends[place])
    }

    fn get(&self, place: usize) -> &str {
        &self.text[self.range(place)]
    }

    fn push(&mut self, id: &str) {
        self.text.reserve_exact(id.len());
        self.text.push_str(id);
        if self.ends.len() == self.ends.capacity() {
            self.ends.reserve_exact(PAGE / 4);
        }
        self.ends.push(u16::try_from(self.text.len()).unwrap_or(u16::MAX));
    }

    fn set(&mut self, place: usize, id: &str) {
        let range = self.range(place);
        let (before, now) = (range.len(), id.len());
        self.text.replace_range(range, id);
        for end in &mut self.ends[place..] {
            let moved = usize::from(*end) - before + now;
            *end = u16::try_from(moved).unwrap_or(u16::MAX);
        }
    }

    fn pop(&mut self) -> Option<String> {
        let last = self.ends.pop()?;
        let start = self.ends.last().map_or(0, |end| usize::from(*end));
        debug_assert_eq!(usize::from(last), self.text.len());
        Some(self.text.split_off(start))
    }
}

impl Ids {
    /// The most bytes of an id: a page of them fits into 16 bits.
    pub(super) const BYTES_MAX: usize = 512;

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Makes room for `additional` more ids, their texts aside.
    pub(super) fn reserve(&mut self, additional: usize) -> Result<(), hashbrown::TryReserveError> {
        let Ids { pages, tables, .. } = self;
        // Ids are spread evenly, but for chance.
        let each = additional / TABLES + additional.isqrt() / 2;
        let mut tables = tables.iter_mut();
        tables.try_for_each(|table| table.try_reserve(each, |slot| hash(get(pages, *slot))))
    }

    /// The id in `slot`.
    ///
    /// # Panics
    /// When there is no such slot.
    pub(super) fn get(&self, slot: u32) -> &str {
        get(&self.pages, slot)
    }

    /// The slot that an id is in.
    pub(super) fn slot(&self, id: &str) -> Option<u32> {
        let hash = hash(id);
        self.tables[table_of(hash)].find(hash, |slot| self.get(*slot) == id).copied()
    }

    /// Adds an id, which must not be there yet, in the slot after the last.
    pub(super) fn push(&mut self, id: &str) {
        debug_assert!(id.len() <= Ids::BYTES_MAX && self.slot(id).is_none());
        let slot = u32::try_from(self.len).unwrap_or(u32::MAX);
        if self.len.is_multiple_of(PAGE) {
            self.pages.push(Page::default());
        }
        if let Some(page) = self.pages.last_mut() {
            page.push(id);
        }
        self.len += 1;
        let Ids { pages, tables, .. } = self;
        let new = hash(id);
        tables[table_of(new)].insert_unique(new, slot, |slot| hash(get(pages, *slot)));
    }

    /// Removes the id in `slot`, whose place the last one takes.
    pub(super) fn swap_remove(&mut self, slot: u32) {
        let last = u32::try_from(self.len - 1).unwrap_or(u32::MAX);
        self.forget(slot);
        let moved = self.pages.last_mut().and_then(Page::pop).unwrap_or_default();
        self.len -= 1;
        if self.len.is_multiple_of(PAGE) {
            self.pages.pop();
        }
        if slot == last {
            return;
        }
        let hash = hash(&moved);
        if let Ok(mut entry) = self.tables[table_of(hash)].find_entry(hash, |it| *it == last) {
            *entry.get_mut() = slot;
        }
        let (page, place) = place(slot);
        self.pages[page].set(place, &moved);
    }

    /// Takes a slot out of the table.
    fn forget(&mut self, slot: u32) {
        let hash = hash(get(&self.pages, slot));
        if let Ok(entry) = self.tables[table_of(hash)].find_entry(hash, |it| *it == slot) {
            entry.remove();
        }
    }

    /// Adds the length of every id to the end of `out`, and after them their texts.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        for page in &self.pages {
            let mut start = 0;
            for end in &page.ends {
                out.extend((end - start).to_le_bytes());
                start = *end;
            }
        }
        for page in &self.pages {
            out.extend(page.text.as_bytes());
        }
    }

    /// How many bytes are held.
    pub(super) fn memory(&self) -> usize {
        let pages: usize =
            self.pages.iter().map(|page| page.text.capacity() + 2 * page.ends.capacity()).sum();
        let tables: usize = self.tables.iter().map(HashTable::allocation_size).sum();
        pages + self.pages.capacity() * size_of::<Page>() + tables
    }
}

fn place(slot: u32) -> (usize, usize) {
    (slot as usize / PAGE, slot as usize % PAGE)
}

fn get(pages: &[Page], slot: u32) -> &str {
    let (page, place) = place(slot);
    pages[page].get(place)
}

fn hash(id: &str) -> u64 {
    XxHash3_64::oneshot(id.as_bytes())
}

/// By bits that a table uses neither for the place of an entry nor for its mark.
fn table_of(hash: u64) -> usize {
    usize::from((hash >> 40).to_le_bytes()[0]) % TABLES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::test;

    #[test]
    fn ids_and_slots_name_each_other_whatever_is_removed() {
        let mut ids = Ids::default();
        let mut twin: Vec<String> = Vec::new();
        let mut state = 7_u64;
        for step in 0..5000_usize {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let random = usize::try_from(state >> 40).unwrap();
            if random.is_multiple_of(3) && !twin.is_empty() {
                let slot = random % twin.len();
                twin.swap_remove(slot);
                ids.swap_remove(u32::try_from(slot).unwrap());
            } else {
                // From one byte to the most there may be, of one to four bytes a character.
                let filler = ["", "x", "\u{e9}", "\u{1f600}"][random % 4];
                let longest = if step % 50 == 0 { 120 } else { 3 };
                let id = format!("{step}{}", filler.repeat(random / 4 % longest));
                ids.push(&id);
                twin.push(id);
            }
            assert_eq!(ids.len(), twin.len());
        }
        for (slot, id) in twin.iter().enumerate() {
            let slot = u32::try_from(slot).unwrap();
            assert_eq!(ids.get(slot), id);
            assert_eq!(ids.slot(id), Some(slot));
        }
        assert_eq!(ids.slot("absent"), None);
        let held: usize = twin.iter().map(String::len).sum();
        assert!(ids.memory() < held + 16 * twin.len() + 4096, "{} for {held}", ids.memory());
        while ids.len() > 0 {
            ids.swap_remove(0);
        }
        assert_eq!(ids.slot(&twin[0]), None);
    }

    #[test]
    fn a_page_of_the_longest_ids_fits() {
        let mut ids = Ids::default();
        for n in 0..100 {
            ids.push(&format!("{n:>512}"));
        }
        for n in 0..100 {
            assert_eq!(ids.slot(&format!("{n:>512}")), Some(n));
        }
        ids.swap_remove(3);
        assert_eq!(ids.get(3).trim(), "99");
    }
}
