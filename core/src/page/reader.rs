//! Walks over whole b-trees: the rows of a table, the schema, the free pages.

use super::btree::{BTreePage, PageKind, damaged};
use super::record::Record;
use super::source::Pages;
use super::{DatabaseHeader, TextEncoding, u32_at};
use crate::error::{Error, ErrorKind, Result};
use crate::value::ValueRef;

/// How many levels a b-tree may have: what SQLite allows, and far more than any file needs.
const DEPTH_MAX: usize = 20;

/// Reads the tables of a database from its pages; the [module](super) has an example.
#[derive(Debug)]
pub struct PageReader<P> {
    pages: P,
    header: DatabaseHeader,
}

/// One entry of `sqlite_schema`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaEntry {
    /// `table`, `index`, `view` or `trigger`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The table or view it belongs to; a table's own name.
    pub table: String,
    /// The first page of its b-tree; 0 for views, triggers and virtual tables.
    pub root: u32,
    /// The statement that made it; `None` for an index that a constraint made.
    pub sql: Option<String>,
}

/// The pages that are free.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Freelist {
    /// The pages that list others, and how many each lists.
    pub trunks: Vec<(u32, u32)>,
    /// The pages that are listed, whose content means nothing.
    pub leaves: Vec<u32>,
}

/// One row of a table: its key and its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRow {
    /// The key.
    pub rowid: i64,
    /// The bytes of the record.
    pub payload: Vec<u8>,
}

impl TableRow {
    /// The values of the row.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] when the record does not hold.
    pub fn record(&self) -> Result<Record<'_>> {
        Record::parse(&self.payload)
            .map_err(|error| error.context(format_args!("in row {}", self.rowid)))
    }
}

impl<P: Pages> PageReader<P> {
    /// Reads the database header from page 1.
    ///
    /// # Errors
    /// As [`DatabaseHeader::parse`]; [`ErrorKind::Unsupported`] for text in UTF-16; and what the
    /// host reports.
    pub fn new(pages: P) -> Result<PageReader<P>> {
        let mut page = Vec::new();
        pages.read_page(1, &mut page)?;
        let header = DatabaseHeader::parse(&page)?;
        if header.encoding != TextEncoding::Utf8 {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the database holds its text in UTF-16: dump it into a new one, which is UTF-8",
            ));
        }
        Ok(PageReader { pages, header })
    }

    /// What the database's header says.
    pub fn header(&self) -> &DatabaseHeader {
        &self.header
    }

    /// Where the pages come from.
    pub fn pages(&self) -> &P {
        &self.pages
    }

    /// Reads page `number` into `page`.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] when there is none, and what the host reports.
    pub fn read_page(&self, number: u32, page: &mut Vec<u8>) -> Result<()> {
        if number == 0 || number > self.pages.page_count() || number == self.header.lock_page() {
            return Err(Error::corrupt(format!(
                "the database refers to page {number}, and has {}",
                self.pages.page_count()
            )));
        }
        self.pages.read_page(number, page)?;
        if page.len() != self.header.page_bytes {
            return Err(damaged(number, format_args!("has {} bytes", page.len())));
        }
        Ok(())
    }

    /// The entries of `sqlite_schema`, in the order they are stored.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] when it is damaged, and what the host reports.
    pub fn schema(&self) -> Result<Vec<SchemaEntry>> {
        self.table(1)?.map(|row| schema_entry(&row?)).collect()
    }

    /// The rows of the table whose b-tree begins at page `root`, by ascending rowid.
    ///
    /// After an error the walk is over.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for a table WITHOUT ROWID (or an index), which has no such rows;
    /// [`ErrorKind::Corrupt`] when there is no such page, and what the host reports.
    pub fn table(&self, root: u32) -> Result<TableRows<'_, P>> {
        let mut rows = TableRows {
            reader: self,
            path: Vec::new(),
            left: self.pages.page_count(),
            last: None,
            done: false,
        };
        rows.descend(root)?;
        Ok(rows)
    }

    /// The pages that are free.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] when the list does not hold, and what the host reports.
    pub fn freelist(&self) -> Result<Freelist> {
        let mut list = Freelist::default();
        let mut page = Vec::new();
        let mut left = self.pages.page_count();
        let mut next = self.header.first_free_trunk;
        while next != 0 {
            self.read_page(next, &mut page)?;
            let trunk = next;
            let leaves = u32_at(&page, 4);
            let room = u32::try_from(self.header.usable_bytes() / 4 - 2).unwrap_or(0);
            // A trunk and its leaves are so many pages less.
            match left.checked_sub(leaves.saturating_add(1)) {
                Some(rest) if leaves <= room => left = rest,
                _ => return Err(damaged(trunk, format_args!("lists {leaves} free pages"))),
            }
            list.trunks.push((trunk, leaves));
            list.leaves.extend((0..leaves as usize).map(|at| u32_at(&page, 8 + 4 * at)));
            next = u32_at(&page, 0);
        }
        Ok(list)
    }
}

fn schema_entry(row: &TableRow) -> Result<SchemaEntry> {
    let record = row.record()?;
    let text = |index| match record.value(index)? {
        ValueRef::Text(text) => Ok(Some(text.to_owned())),
        ValueRef::Null => Ok(None),
        _ => Err(Error::corrupt("the schema holds something else than text")),
    };
    let root = match record.value(3)? {
        ValueRef::Null => Some(0),
        ValueRef::Integer(root) => u32::try_from(root).ok(),
        _ => None,
    };
    let root = root.ok_or_else(|| Error::corrupt("the schema names a root page that cannot be"))?;
    let named = |index| {
        text(index)?.ok_or_else(|| Error::corrupt("the schema has an entry without a name"))
    };
    Ok(SchemaEntry { kind: named(0)?, name: named(1)?, table: named(2)?, root, sql: text(4)? })
}

/// The rows of a table; see [`PageReader::table`].
#[derive(Debug)]
pub struct TableRows<'r, P> {
    reader: &'r PageReader<P>,
    /// From the root to where the walk is.
    path: Vec<Level>,
    /// How many pages may still be read: the walk reads none twice.
    left: u32,
    last: Option<i64>,
    done: bool,
}

/// A page on the way down, and the next of its cells.
#[derive(Debug)]
struct Level {
    number: u32,
    page: Vec<u8>,
    next: usize,
}

impl<P: Pages> TableRows<'_, P> {
    fn descend(&mut self, number: u32) -> Result<()> {
        if self.path.len() >= DEPTH_MAX {
            return Err(damaged(number, "stands below more pages than any b-tree has"));
        }
        let page = self.read(number)?;
        let kind = BTreePage::parse(&self.reader.header, number, &page)?.kind();
        if !kind.is_table() {
            return Err(match self.path.is_empty() {
                true => Error::new(
                    ErrorKind::Unsupported,
                    format!("page {number} is not that of a table with rowids"),
                ),
                false => damaged(number, "is of an index and stands in a table"),
            });
        }
        self.path.push(Level { number, page, next: 0 });
        Ok(())
    }

    /// Reads a page that no other part of the table may have.
    fn read(&mut self, number: u32) -> Result<Vec<u8>> {
        self.left = self
            .left
            .checked_sub(1)
            .ok_or_else(|| damaged(number, "stands in the table more than once"))?;
        let mut page = Vec::new();
        self.reader.read_page(number, &mut page)?;
        Ok(page)
    }

    fn step(&mut self) -> Result<Option<TableRow>> {
        while let Some(mut level) = self.path.pop() {
            let page = BTreePage::parse(&self.reader.header, level.number, &level.page)?;
            let at = level.next;
            level.next += 1;
            match page.kind() {
                PageKind::TableLeaf if at < page.len() => {
                    let row = self.row(&page, level.number, at)?;
                    self.path.push(level);
                    return Ok(Some(row));
                }
                PageKind::TableInterior if at <= page.len() => {
                    let child = match at < page.len() {
                        true => page.cell(at)?.left_child,
                        false => page.right_child(),
                    };
                    self.path.push(level);
                    self.descend(child.unwrap_or(0))?;
                }
                _ => {}
            }
        }
        Ok(None)
    }

    fn row(&mut self, page: &BTreePage<'_>, number: u32, at: usize) -> Result<TableRow> {
        let cell = page.cell(at)?;
        let rowid = cell.rowid.unwrap_or(0);
        if self.last.replace(rowid).is_some_and(|last| last >= rowid) {
            return Err(damaged(number, format_args!("has row {rowid} out of order")));
        }
        // A length that does not hold must not allocate: the pages that are there bound it.
        let mut payload = cell.local.to_vec();
        let room = self.reader.header.usable_bytes() - 4;
        let mut next = cell.overflow;
        while let Some(number) = next {
            let page = self.read(number)?;
            let missing = cell.payload_len - payload.len() as u64;
            let taken = usize::try_from(missing).map_or(room, |missing| missing.min(room));
            payload.extend_from_slice(&page[4..4 + taken]);
            next = Some(u32_at(&page, 0)).filter(|_| taken == room && missing > room as u64);
        }
        Ok(TableRow { rowid, payload })
    }
}

impl<P: Pages> Iterator for TableRows<'_, P> {
    type Item = Result<TableRow>;

    fn next(&mut self) -> Option<Result<TableRow>> {
        if self.done {
            return None;
        }
        let row = self.step();
        self.done = !matches!(row, Ok(Some(_)));
        row.transpose()
    }
}
