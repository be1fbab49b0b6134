//! Reads the pages of an SQLite database: the low-level reader, without an engine.
//!
//! The format is <https://www.sqlite.org/fileformat2.html>. [`PageReader`] walks the rows of a
//! table by its root page, on pages that a [`Pages`] hands it; [`FilePages`] hands it those of a
//! file with its write-ahead log. Any page size and any number of reserved bytes will do, so that
//! databases can be read that the engine refuses to open, such as those with virtual tables: their
//! shadow tables are tables like others.
//!
//! Nothing here panics or recurses on what is damaged, and no walk takes more pages than the
//! database has: what does not hold is [`ErrorKind::Corrupt`].
//!
//! ```
//! use std::sync::Arc;
//! use sigil_core::page::{FilePages, PageReader};
//! use sigil_core::{DATABASE_FILE, Database, DatabaseOptions, Files, FixedHost, MemoryFiles, ValueRef};
//!
//! let files = MemoryFiles::new();
//! let host = Arc::new(FixedHost::new(1));
//! let database = Database::open(Arc::new(files.clone()), host, DatabaseOptions::default())?;
//! database.execute_batch("CREATE TABLE note (text TEXT); INSERT INTO note VALUES ('hello');")?;
//! database.close()?;
//!
//! let file = files.open(DATABASE_FILE, false)?;
//! let reader = PageReader::new(FilePages::open(file.as_ref(), Vec::new())?)?;
//! let note = reader.schema()?.into_iter().find(|entry| entry.name == "note");
//! let root = note.map_or(0, |entry| entry.root);
//! for row in reader.table(root)? {
//!     let row = row?;
//!     assert_eq!((row.rowid, row.record()?.value(0)?), (1, ValueRef::Text("hello")));
//! }
//! # Ok::<(), sigil_core::Error>(())
//! ```

mod btree;
mod reader;
mod record;
mod source;

use crate::error::{Error, ErrorKind, Result};

pub use btree::{BTreePage, Cell, PageKind};
pub use reader::{Freelist, PageReader, SchemaEntry, TableRow, TableRows};
pub use record::Record;
pub use source::{FilePages, Pages};

/// The length of the header at the beginning of page 1, in bytes.
pub const DATABASE_HEADER_LEN: usize = 100;

/// The least room that a page may have for its b-tree, in bytes.
const USABLE_BYTES_MIN: usize = 480;

/// Where the page begins that SQLite locks and never writes, in bytes.
const LOCK_BYTE: u64 = 1 << 30;

const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// How the text of a database is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextEncoding {
    /// UTF-8, the only one that [`PageReader`] reads.
    Utf8,
    /// UTF-16, little endian.
    Utf16Le,
    /// UTF-16, big endian.
    Utf16Be,
}

/// What the first 100 bytes of a database say about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatabaseHeader {
    /// The size of a page in bytes: a power of two from 512 to 65,536.
    pub page_bytes: usize,
    /// How many bytes at the end of each page belong to an extension, such as a checksum.
    pub reserved_bytes: usize,
    /// How many pages the database has, or 0 when only the length of the file says it (written
    /// by SQLite before 3.7.0).
    pub pages: u32,
    /// The first page of the list of free pages, or 0.
    pub first_free_trunk: u32,
    /// How many pages are free.
    pub free_pages: u32,
    /// How text is encoded.
    pub encoding: TextEncoding,
    /// Whether the file holds pointer maps, as `auto_vacuum` makes them.
    pub pointer_maps: bool,
}

impl DatabaseHeader {
    /// Reads the header from the beginning of a database file.
    ///
    /// # Errors
    /// [`ErrorKind::NotADatabase`] for bytes that are no database, [`ErrorKind::Corrupt`] for one
    /// whose page size or encoding makes no sense.
    ///
    /// ```
    /// use sigil_core::{ErrorKind, page::DatabaseHeader};
    /// assert_eq!(DatabaseHeader::parse(b"text").unwrap_err().kind(), ErrorKind::NotADatabase);
    /// ```
    pub fn parse(bytes: &[u8]) -> Result<DatabaseHeader> {
        let head = bytes
            .get(..DATABASE_HEADER_LEN)
            .filter(|head| head.starts_with(MAGIC))
            .ok_or_else(|| Error::new(ErrorKind::NotADatabase, "this is no SQLite database"))?;
        let page_bytes = match u16_at(head, 16) {
            1 => 65536,
            size => usize::from(size),
        };
        let reserved_bytes = usize::from(head[20]);
        if page_bytes < 512
            || !page_bytes.is_power_of_two()
            || page_bytes - reserved_bytes < USABLE_BYTES_MIN
        {
            return Err(Error::corrupt(format!(
                "the database header says {page_bytes} bytes a page, {reserved_bytes} of them \
                 reserved, which SQLite does not write"
            )));
        }
        let encoding = match u32_at(head, 56) {
            // Nothing was stored yet.
            0 | 1 => TextEncoding::Utf8,
            2 => TextEncoding::Utf16Le,
            3 => TextEncoding::Utf16Be,
            other => {
                return Err(Error::corrupt(format!(
                    "the database header names the text encoding {other}, which does not exist"
                )));
            }
        };
        // Old versions of SQLite change the file without keeping the count.
        let counted = u32_at(head, 24) == u32_at(head, 92);
        Ok(DatabaseHeader {
            page_bytes,
            reserved_bytes,
            pages: if counted { u32_at(head, 28) } else { 0 },
            first_free_trunk: u32_at(head, 32),
            free_pages: u32_at(head, 36),
            encoding,
            pointer_maps: u32_at(head, 52) != 0,
        })
    }

    /// How many bytes of a page the b-tree may use.
    pub fn usable_bytes(&self) -> usize {
        self.page_bytes - self.reserved_bytes
    }

    /// The number of the page that SQLite locks and never writes.
    pub fn lock_page(&self) -> u32 {
        u32::try_from(LOCK_BYTE / self.page_bytes as u64).unwrap_or(u32::MAX - 1) + 1
    }

    /// Whether page `number` is a pointer map.
    pub fn is_pointer_map(&self, number: u32) -> bool {
        if !self.pointer_maps || number < 2 {
            return false;
        }
        // A map tells of as many pages behind it as it has room for, five bytes each.
        let group = u32::try_from(self.usable_bytes() / 5).unwrap_or(u32::MAX - 1) + 1;
        let map = (number - 2) / group * group + 2;
        number == if map == self.lock_page() { map + 1 } else { map }
    }
}

/// The big-endian number at `at`, 0 where there is none.
fn u16_at(bytes: &[u8], at: usize) -> u16 {
    let word = at.checked_add(2).and_then(|end| bytes.get(at..end)).unwrap_or_default();
    word.iter().fold(0, |word, byte| word << 8 | u16::from(*byte))
}

/// The big-endian number at `at`, 0 where there is none.
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let word = at.checked_add(4).and_then(|end| bytes.get(at..end)).unwrap_or_default();
    word.iter().fold(0, |word, byte| word << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests;
