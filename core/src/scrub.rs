//! Finds what deleted rows left in the pages of a database.
//!
//! SQLite frees room without overwriting it: what was deleted stays in free pages, in the gaps
//! between the cells of a page, and behind the end of a record on its last overflow page. This
//! walks everything that is in use, from the schema down, and gives each page that holds more than
//! that as it should be, with zeros for the rest.

use std::iter::once;
use std::ops::Range;

use crate::error::{Error, ErrorKind, Result};
use crate::page::{BTreePage, Cell, PageReader, Pages};

/// Calls `each` with the number and the cleaned bytes of every page that holds leftovers, once
/// each, and says how many there were.
///
/// A page that nothing refers to is a leftover as a whole. The reserved bytes at the end of a page
/// are left as they are, so a checksum there has to be computed anew.
///
/// # Errors
/// [`ErrorKind::Corrupt`] when the pages do not make a database, and what `pages` or `each` give.
pub(crate) fn leftovers<P: Pages>(
    pages: P,
    each: &mut dyn FnMut(u32, Vec<u8>) -> Result<()>,
) -> Result<u64> {
    let reader = PageReader::new(pages)?;
    let count = reader.pages().page_count();
    let mut walk = Walk {
        usable: reader.header().usable_bytes(),
        seen: Seen::new(count),
        trees: Vec::new(),
        reader,
        each,
        cleaned: 0,
    };
    walk.trees()?;
    walk.free_pages()?;
    walk.unused_pages(count)?;
    Ok(walk.cleaned)
}

struct Walk<'e, P> {
    reader: PageReader<P>,
    usable: usize,
    seen: Seen,
    /// Pages of b-trees still to be read, and whether the tree is a table's; unknown for a root.
    trees: Vec<(u32, Option<bool>)>,
    each: &'e mut dyn FnMut(u32, Vec<u8>) -> Result<()>,
    cleaned: u64,
}

impl<P: Pages> Walk<'_, P> {
    /// Reads a page that nothing else refers to.
    fn read(&mut self, number: u32) -> Result<Vec<u8>> {
        let mut page = Vec::new();
        self.reader.read_page(number, &mut page)?;
        if self.reader.header().is_pointer_map(number) || !self.seen.insert(number) {
            return Err(Error::corrupt(format!("page {number} is used for two things")));
        }
        Ok(page)
    }

    /// Hands on a page if zeroing `unused` changes it.
    fn clean(
        &mut self,
        number: u32,
        mut page: Vec<u8>,
        unused: impl IntoIterator<Item = Range<usize>>,
    ) -> Result<()> {
        let mut changed = false;
        for span in unused {
            let bytes = page.get_mut(span).unwrap_or_default();
            changed |= bytes.iter().any(|byte| *byte != 0);
            bytes.fill(0);
        }
        if changed {
            self.cleaned += 1;
            (self.each)(number, page)?;
        }
        Ok(())
    }

    fn trees(&mut self) -> Result<()> {
        self.trees.push((1, Some(true)));
        for entry in self.reader.schema()? {
            if entry.root > 0 {
                self.trees.push((entry.root, None));
            }
        }
        while let Some((number, is_table)) = self.trees.pop() {
            self.tree_page(number, is_table)?;
        }
        Ok(())
    }

    fn tree_page(&mut self, number: u32, is_table: Option<bool>) -> Result<()> {
        let bytes = self.read(number)?;
        let page = BTreePage::parse(self.reader.header(), number, &bytes)?;
        let kind = page.kind().is_table();
        if is_table.is_some_and(|expected| expected != kind) {
            return Err(Error::corrupt(format!("page {number} is of another kind than its tree")));
        }
        for cell in page.cells() {
            let cell = cell?;
            self.trees.extend(cell.left_child.map(|child| (child, Some(kind))));
            self.chain(&cell)?;
        }
        self.trees.extend(page.right_child().map(|child| (child, Some(kind))));
        let unused = page.unused()?;
        self.clean(number, bytes, unused)
    }

    /// Follows the overflow pages of a record, the last of which may not be full.
    fn chain(&mut self, cell: &Cell<'_>) -> Result<()> {
        let room = self.usable as u64 - 4;
        let mut missing = cell.payload_len - cell.local.len() as u64;
        let mut next = cell.overflow;
        while let Some(number) = next {
            let page = self.read(number)?;
            if missing > room {
                missing -= room;
                next = page.first_chunk().map(|next| u32::from_be_bytes(*next));
                continue;
            }
            let end = 4 + usize::try_from(missing).unwrap_or(0);
            return self.clean(number, page, once(end..self.usable));
        }
        Ok(())
    }

    fn free_pages(&mut self) -> Result<()> {
        let list = self.reader.freelist()?;
        let listed = list.trunks.len() + list.leaves.len();
        if listed != self.reader.header().free_pages as usize {
            return Err(Error::corrupt(format!(
                "the database says that {} pages are free, and lists {listed}",
                self.reader.header().free_pages
            )));
        }
        for (number, leaves) in list.trunks {
            let page = self.read(number)?;
            self.clean(number, page, once(8 + 4 * leaves as usize..self.usable))?;
        }
        for number in list.leaves {
            let page = self.read(number)?;
            self.clean(number, page, once(0..self.usable))?;
        }
        Ok(())
    }

    /// Cleans the pages that are neither in use nor free; a sound database has none.
    fn unused_pages(&mut self, count: u32) -> Result<()> {
        let header = *self.reader.header();
        for number in 1..=count {
            if number == header.lock_page()
                || header.is_pointer_map(number)
                || self.seen.contains(number)
            {
                continue;
            }
            let page = self.read(number)?;
            self.clean(number, page, once(0..self.usable))?;
        }
        Ok(())
    }
}

/// A set of page numbers, one bit each.
struct Seen {
    bits: Vec<u64>,
}

impl Seen {
    fn new(count: u32) -> Seen {
        Seen { bits: vec![0; count as usize / 64 + 1] }
    }

    fn contains(&self, number: u32) -> bool {
        let word = self.bits.get(number as usize / 64);
        word.is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    /// Whether it was not in there.
    fn insert(&mut self, number: u32) -> bool {
        let new = !self.contains(number);
        if let Some(word) = self.bits.get_mut(number as usize / 64) {
            *word |= 1 << (number % 64);
        }
        new
    }
}

/// Whether an error of [`leftovers`] says that the database itself is the problem, and nothing of
/// the storage or the engine.
pub(crate) fn is_of_the_database(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Corrupt | ErrorKind::Unsupported | ErrorKind::NotADatabase | ErrorKind::Limit
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{DATABASE_FILE, Database, DatabaseOptions};
    use crate::files::{Files, MemoryFiles};
    use crate::host::FixedHost;
    use crate::page::FilePages;
    use crate::testing::test;
    use std::collections::BTreeMap;
    use std::sync::Arc;

    const PAGE: usize = 4096;

    /// A database with pages of every kind, and what was deleted still in them.
    fn dirty() -> Vec<u8> {
        let files = MemoryFiles::new();
        let host = Arc::new(FixedHost::new(1));
        let db = Database::open(Arc::new(files.clone()), host, DatabaseOptions::default()).unwrap();
        db.execute_batch(
            "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT); CREATE INDEX t_b ON t (b);
             CREATE TABLE gone (b TEXT);
             INSERT INTO t SELECT value, 'row' || hex(zeroblob(value)) FROM generate_series(1, 300);
             INSERT INTO t VALUES (1000, hex(zeroblob(9000)));
             INSERT INTO gone SELECT hex(zeroblob(9000)) FROM generate_series(1, 3);
             DROP TABLE gone; DELETE FROM t WHERE a % 3 = 0;",
        )
        .unwrap();
        db.close().unwrap();
        files.bytes(DATABASE_FILE).unwrap()
    }

    fn cleaned(bytes: &[u8]) -> Result<BTreeMap<u32, Vec<u8>>> {
        let files = MemoryFiles::new();
        files.put("db", bytes.to_vec());
        let file = files.open("db", false)?;
        let mut pages = BTreeMap::new();
        let count = leftovers(FilePages::open(file.as_ref(), Vec::new())?, &mut |number, page| {
            assert!(pages.insert(number, page).is_none(), "page {number} comes twice");
            Ok(())
        })?;
        assert_eq!(count, pages.len() as u64);
        Ok(pages)
    }

    #[test]
    fn what_was_cleaned_is_clean_and_the_rest_is_as_it_was() {
        let mut bytes = dirty();
        let pages = cleaned(&bytes).unwrap();
        assert!(pages.len() > 3 && pages.len() < bytes.len() / PAGE, "{}", pages.len());
        for (number, page) in &pages {
            let old = &mut bytes[(*number as usize - 1) * PAGE..][..PAGE];
            let only_zeroed = old.iter().zip(page).all(|(old, new)| old == new || *new == 0);
            assert!(only_zeroed && old != page.as_slice(), "page {number}");
            old.copy_from_slice(page);
        }
        assert!(cleaned(&bytes).unwrap().is_empty());
    }

    #[test]
    fn a_page_that_nothing_refers_to_is_emptied() {
        let mut bytes = dirty();
        let number = u32::try_from(bytes.len() / PAGE).unwrap() + 1;
        bytes.extend([0x77; PAGE]);
        bytes[28..32].copy_from_slice(&number.to_be_bytes());
        let pages = cleaned(&bytes).unwrap();
        // The reserved bytes are not the b-tree's.
        assert_eq!(pages[&number], [[0; PAGE - 8].as_slice(), &[0x77; 8]].concat());
    }

    #[test]
    fn a_page_that_is_used_twice_and_a_wrong_count_are_damage() {
        let bytes = dirty();
        let list = u32::from_be_bytes(*bytes[32..].first_chunk().unwrap()) as usize;
        // The first page that is listed as free is page 2, which is the root of a table.
        let mut twice = bytes.clone();
        twice[(list - 1) * PAGE + 8..][..4].copy_from_slice(&2u32.to_be_bytes());
        assert_eq!(cleaned(&twice).unwrap_err().kind(), ErrorKind::Corrupt);
        let mut count = bytes;
        count[39] ^= 1;
        assert_eq!(cleaned(&count).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}
