//! The bytes of all rows, by slot.

use crate::error::{Error, ErrorKind, Result};

/// The bytes of all rows, in pages.
///
/// A page is exactly as long as its rows, so that changing one row writes one page anew, and
/// nothing is ever left over. A row that is longer than a page should have to move is beside it.
#[derive(Debug, Clone, Default)]
pub(super) struct Pages {
    pages: Vec<Page>,
    rows: usize,
}

/// The rows of [`PAGE_ROWS`] slots, fewer in the last page.
#[derive(Debug, Clone)]
struct Page {
    /// How long each row is, or [`LONG`]; zero behind the last row.
    lengths: [u8; PAGE_ROWS],
    bytes: Vec<u8>,
    long: Option<Box<LongRows>>,
}

/// The rows of a page that are not in its bytes, in their order.
#[derive(Debug, Clone, Default)]
struct LongRows {
    rows: Vec<Box<[u8]>>,
}

const PAGE_ROWS: usize = 32;
/// The length of a row that is not in the page's bytes. Shorter ones are.
const LONG: u8 = u8::MAX;

impl Pages {
    pub(super) fn len(&self) -> usize {
        self.rows
    }

    pub(super) fn reserve(&mut self, additional: usize) -> Result<()> {
        let pages = self.rows.saturating_add(additional).div_ceil(PAGE_ROWS) - self.pages.len();
        self.pages.try_reserve(pages).map_err(|error| {
            Error::with_source(
                ErrorKind::Full,
                format!("out of memory for the metadata of {additional} more vectors"),
                error,
            )
        })
    }

    pub(super) fn get(&self, slot: u32) -> &[u8] {
        let (page, at) = split(slot);
        let page = &self.pages[page];
        match page.lengths[at] {
            LONG => page.long(at).unwrap_or_default(),
            len => {
                let start = page.start(at);
                &page.bytes[start..start + usize::from(len)]
            }
        }
    }

    pub(super) fn push(&mut self, row: &[u8]) {
        let at = self.rows % PAGE_ROWS;
        if at == 0 {
            self.pages.push(Page { lengths: [0; PAGE_ROWS], bytes: Vec::new(), long: None });
        }
        self.rows += 1;
        let Some(page) = self.pages.last_mut() else {
            return;
        };
        match u8::try_from(row.len()) {
            Ok(len) if len < LONG => {
                page.bytes.extend_from_slice(row);
                page.lengths[at] = len;
            }
            _ => page.set_long(at, row),
        }
        if at == PAGE_ROWS - 1 {
            page.bytes.shrink_to_fit();
        }
    }

    pub(super) fn set(&mut self, slot: u32, row: &[u8]) {
        let (page, at) = split(slot);
        self.pages[page].set(at, row);
    }

    /// Takes the last row out.
    pub(super) fn pop(&mut self) {
        let Some(last) = self.rows.checked_sub(1) else {
            return;
        };
        let at = last % PAGE_ROWS;
        self.rows = last;
        if at == 0 {
            self.pages.pop();
            if self.pages.len() < self.pages.capacity() / 4 {
                self.pages.shrink_to(self.pages.len() * 2);
            }
        } else if let Some(page) = self.pages.last_mut() {
            page.set(at, &[]);
        }
    }

    /// Adds the rows to `out`, each behind its length as a varint.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        for slot in 0..u32::try_from(self.rows).unwrap_or(u32::MAX) {
            let row = self.get(slot);
            super::packed::write_varint(out, row.len() as u64);
            out.extend_from_slice(row);
        }
    }

    pub(super) fn memory(&self) -> usize {
        let pages = self.pages.iter().map(|page| {
            let long = page.long.as_deref().map_or(0, |long| {
                size_of::<LongRows>()
                    + long.rows.capacity() * size_of::<Box<[u8]>>()
                    + long.rows.iter().map(|row| row.len()).sum::<usize>()
            });
            page.bytes.capacity() + long
        });
        self.pages.capacity() * size_of::<Page>() + pages.sum::<usize>()
    }
}

impl Page {
    /// Where a row starts in the page's bytes.
    fn start(&self, at: usize) -> usize {
        // All of them, because so it is done in a few vector instructions.
        let lengths = self.lengths.iter().enumerate();
        let start: u16 = lengths
            .map(|(row, len)| if row < at && *len != LONG { u16::from(*len) } else { 0 })
            .sum();
        usize::from(start)
    }

    /// The index among the long rows that a row has or would have.
    fn long_at(&self, at: usize) -> usize {
        self.lengths[..at].iter().filter(|len| **len == LONG).count()
    }

    fn long(&self, at: usize) -> Option<&[u8]> {
        self.long.as_deref()?.rows.get(self.long_at(at)).map(|row| &**row)
    }

    fn set(&mut self, at: usize, row: &[u8]) {
        if self.lengths[at] == LONG {
            self.remove_long(at);
        }
        let start = self.start(at);
        let end = start + usize::from(self.lengths[at]);
        match u8::try_from(row.len()) {
            Ok(len) if len < LONG => {
                self.replace(start, end, row);
                self.lengths[at] = len;
            }
            _ => {
                self.replace(start, end, &[]);
                self.set_long(at, row);
            }
        }
    }

    /// Puts a row in place of these bytes.
    fn replace(&mut self, start: usize, end: usize, row: &[u8]) {
        if row.len() != end - start {
            let mut bytes = Vec::with_capacity(self.bytes.len() - (end - start) + row.len());
            bytes.extend_from_slice(&self.bytes[..start]);
            bytes.extend_from_slice(row);
            bytes.extend_from_slice(&self.bytes[end..]);
            self.bytes = bytes;
        } else {
            self.bytes[start..end].copy_from_slice(row);
        }
    }

    /// Puts a row that has no bytes in the page beside it.
    fn set_long(&mut self, at: usize, row: &[u8]) {
        let place = self.long_at(at);
        self.lengths[at] = LONG;
        self.long.get_or_insert_default().rows.insert(place, row.into());
    }

    fn remove_long(&mut self, at: usize) {
        let place = self.long_at(at);
        self.lengths[at] = 0;
        if let Some(long) = &mut self.long {
            long.rows.remove(place);
            if long.rows.is_empty() {
                self.long = None;
            }
        }
    }
}

/// The page of a slot, and where in it.
fn split(slot: u32) -> (usize, usize) {
    (slot as usize / PAGE_ROWS, slot as usize % PAGE_ROWS)
}

#[cfg(test)]
mod tests;
