//! One page of a b-tree: its cells, and the room between them.

use std::ops::Range;

use super::record::varint;
use super::{DATABASE_HEADER_LEN, DatabaseHeader, u16_at, u32_at};
use crate::error::{Error, Result};

/// What a page of a b-tree holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageKind {
    /// Pages of a table, told apart by rowid.
    TableInterior,
    /// Rows of a table.
    TableLeaf,
    /// Keys of an index (or of a table WITHOUT ROWID) between pages of it.
    IndexInterior,
    /// Keys of an index (or of a table WITHOUT ROWID).
    IndexLeaf,
}

impl PageKind {
    fn parse(byte: u8) -> Option<PageKind> {
        Some(match byte {
            2 => PageKind::IndexInterior,
            5 => PageKind::TableInterior,
            10 => PageKind::IndexLeaf,
            13 => PageKind::TableLeaf,
            _ => return None,
        })
    }

    /// Whether pages stand below it.
    pub fn is_interior(self) -> bool {
        matches!(self, PageKind::TableInterior | PageKind::IndexInterior)
    }

    /// Whether it belongs to a table with rowids.
    pub fn is_table(self) -> bool {
        matches!(self, PageKind::TableInterior | PageKind::TableLeaf)
    }

    fn header_len(self) -> usize {
        if self.is_interior() { 12 } else { 8 }
    }

    /// The most and the least of a payload that stay on the page.
    fn local_limits(self, usable: usize) -> (usize, usize) {
        let least = (usable - 12) * 32 / 255 - 23;
        match self {
            PageKind::TableLeaf | PageKind::TableInterior => (usable - 35, least),
            PageKind::IndexLeaf | PageKind::IndexInterior => ((usable - 12) * 64 / 255 - 23, least),
        }
    }
}

/// One entry of a b-tree page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell<'a> {
    /// On an interior page, the page of what comes before this entry.
    pub left_child: Option<u32>,
    /// In a table, the key.
    pub rowid: Option<i64>,
    /// The length of the whole record, in bytes; 0 on an interior page of a table.
    pub payload_len: u64,
    /// The part of the record that is on this page.
    pub local: &'a [u8],
    /// The first of the pages that hold the rest.
    pub overflow: Option<u32>,
    /// Where on the page the cell stands.
    pub span: Range<usize>,
}

/// A page of a b-tree.
#[derive(Debug, Clone, Copy)]
pub struct BTreePage<'a> {
    bytes: &'a [u8],
    number: u32,
    usable: usize,
    /// Where the header of the b-tree begins: behind that of the database on page 1.
    start: usize,
    kind: PageKind,
    cells: usize,
}

impl<'a> BTreePage<'a> {
    /// Reads the header of page `number`, whose bytes are `bytes`.
    ///
    /// # Errors
    /// [`Corrupt`](crate::ErrorKind::Corrupt) when it is no page of a b-tree.
    pub fn parse(header: &DatabaseHeader, number: u32, bytes: &'a [u8]) -> Result<BTreePage<'a>> {
        let start = if number == 1 { DATABASE_HEADER_LEN } else { 0 };
        if bytes.len() != header.page_bytes {
            return Err(damaged(number, format!("has {} bytes", bytes.len())));
        }
        let kind = PageKind::parse(bytes[start])
            .ok_or_else(|| damaged(number, format!("is of kind {}", bytes[start])))?;
        let cells = usize::from(u16_at(bytes, start + 3));
        let page = BTreePage { bytes, number, usable: header.usable_bytes(), start, kind, cells };
        if page.pointers_end() > page.usable {
            return Err(damaged(number, format!("claims {cells} cells, more than fit")));
        }
        Ok(page)
    }

    /// What the page holds.
    pub fn kind(&self) -> PageKind {
        self.kind
    }

    /// How many cells it has.
    pub fn len(&self) -> usize {
        self.cells
    }

    /// Whether it has no cell.
    pub fn is_empty(&self) -> bool {
        self.cells == 0
    }

    /// On an interior page, the page of what comes behind its last cell.
    pub fn right_child(&self) -> Option<u32> {
        self.kind.is_interior().then(|| u32_at(self.bytes, self.start + 8))
    }

    /// How many bytes lie scattered between the cells, too few to be a freeblock.
    pub fn fragmented_bytes(&self) -> usize {
        usize::from(self.bytes[self.start + 7])
    }

    /// Where the cells begin that stand furthest to the front.
    pub fn content_start(&self) -> usize {
        match u16_at(self.bytes, self.start + 5) {
            0 => 65536,
            start => usize::from(start),
        }
    }

    fn pointers_end(&self) -> usize {
        self.start + self.kind.header_len() + 2 * self.cells
    }

    /// Cell `index`, counted from 0 in the order of the keys.
    ///
    /// # Errors
    /// [`Corrupt`](crate::ErrorKind::Corrupt) when there is none, or it does not lie on the page.
    pub fn cell(&self, index: usize) -> Result<Cell<'a>> {
        if index >= self.cells {
            return Err(damaged(self.number, format!("has no cell {index}")));
        }
        let pointer = self.start + self.kind.header_len() + 2 * index;
        let start = usize::from(u16_at(self.bytes, pointer));
        if start < self.pointers_end() || start >= self.usable {
            return Err(damaged(self.number, format!("has its cell {index} at {start}")));
        }
        self.cell_at(start).ok_or_else(|| {
            damaged(self.number, format!("ends before its cell {index}, which begins at {start}"))
        })
    }

    fn cell_at(&self, start: usize) -> Option<Cell<'a>> {
        let page: &'a [u8] = &self.bytes[..self.usable];
        let mut at = start;
        let mut left_child = None;
        if self.kind.is_interior() {
            left_child = Some(u32_at(page.get(at..at + 4)?, 0));
            at += 4;
        }
        let mut next_varint = || {
            let (value, len) = varint(page.get(at..)?)?;
            at += len;
            Some(value)
        };
        let payload_len = match self.kind {
            PageKind::TableInterior => 0,
            _ => next_varint()?,
        };
        let rowid = match self.kind.is_table() {
            true => Some(next_varint()?.cast_signed()),
            false => None,
        };
        let local_len = self.local_len(payload_len);
        let local = page.get(at..at.checked_add(local_len)?)?;
        at += local_len;
        let mut overflow = None;
        if local_len as u64 != payload_len {
            overflow = Some(u32_at(page.get(at..at + 4)?, 0));
            at += 4;
        }
        Some(Cell { left_child, rowid, payload_len, local, overflow, span: start..at })
    }

    /// How many bytes of a payload stand on the page itself.
    fn local_len(&self, payload_len: u64) -> usize {
        let (most, least) = self.kind.local_limits(self.usable);
        if let Ok(len) = usize::try_from(payload_len)
            && len <= most
        {
            return len;
        }
        let beyond = (payload_len - least as u64) % (self.usable as u64 - 4);
        match usize::try_from(beyond) {
            Ok(beyond) if least + beyond <= most => least + beyond,
            _ => least,
        }
    }

    /// All cells, in the order of the keys.
    pub fn cells(&self) -> impl Iterator<Item = Result<Cell<'a>>> {
        let page = *self;
        (0..self.cells).map(move |index| page.cell(index))
    }

    /// The freeblocks: stretches of at least four bytes that a deleted cell left, each with the
    /// next one's place and its own length in its first four bytes.
    ///
    /// # Errors
    /// [`Corrupt`](crate::ErrorKind::Corrupt) when they are not in order, or not on the page.
    pub fn freeblocks(&self) -> Result<Vec<Range<usize>>> {
        let mut blocks: Vec<Range<usize>> = Vec::new();
        let mut at = usize::from(u16_at(self.bytes, self.start + 1));
        let mut least = self.pointers_end();
        while at != 0 {
            let len = usize::from(u16_at(self.bytes, at + 2));
            if at < least || len < 4 || at + len > self.usable {
                return Err(damaged(self.number, format!("has a freeblock of {len} at {at}")));
            }
            blocks.push(at..at + len);
            least = at + len;
            at = usize::from(u16_at(self.bytes, at));
        }
        Ok(blocks)
    }

    /// The stretches of the page that hold nothing, in order: what lies between the cell pointers
    /// and the cells, between cells, and in freeblocks behind their first four bytes.
    ///
    /// The bytes that are reserved at the end of the page are none of them.
    ///
    /// # Errors
    /// [`Corrupt`](crate::ErrorKind::Corrupt) when cells or freeblocks overlap or do not lie on
    /// the page.
    pub fn unused(&self) -> Result<Vec<Range<usize>>> {
        let mut used = Vec::with_capacity(self.cells + 1);
        for cell in self.cells() {
            used.push(cell?.span);
        }
        let blocks = self.freeblocks()?;
        used.extend(blocks);
        used.sort_unstable_by_key(|span| span.start);
        let mut unused = Vec::new();
        let mut end = self.pointers_end();
        for span in used {
            if span.start < end {
                let at = span.start;
                return Err(damaged(self.number, format!("uses the bytes at {at} twice")));
            }
            if span.start > end {
                unused.push(end..span.start);
            }
            end = span.end;
        }
        if end < self.usable {
            unused.push(end..self.usable);
        }
        unused.extend(self.freeblocks()?.into_iter().map(|block| block.start + 4..block.end));
        unused.retain(|span| !span.is_empty());
        unused.sort_unstable_by_key(|span| span.start);
        Ok(unused)
    }
}

#[cold]
pub(super) fn damaged(number: u32, what: impl std::fmt::Display) -> Error {
    Error::corrupt(format!("page {number} is damaged: it {what}"))
}
