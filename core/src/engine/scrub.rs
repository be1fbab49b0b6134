//! Overwriting what deleted rows left in the database file.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::preflight::{CHECKSUM_BYTES, checksum_holds, page_mark, seal};
use super::{DATABASE_FILE, Database, WAL_FILE};
use crate::error::{Error, Result};
use crate::files::File;
use crate::page::{FilePages, Pages};
use crate::scrub::{is_of_the_database, leftovers};
use crate::wal;

/// How many bytes of pages are gathered and made durable at a time.
const BATCH_BYTES: usize = 4 << 20;

impl Database {
    /// Makes sure that nothing that was deleted is in the database file or its log, and says how
    /// many pages it cleaned.
    ///
    /// A power cut at any point leaves the database as it was, but for what is unused. The file
    /// keeps its length. The keys of deleted rows may stay behind as the rowids by which the
    /// interior pages of a table are told apart.
    ///
    /// The engine makes new pages of memory that held others, without overwriting it, so it is
    /// started anew.
    ///
    /// # Errors
    /// [`Busy`](crate::ErrorKind::Busy) inside a transaction, [`Corrupt`](crate::ErrorKind::Corrupt)
    /// when the database is damaged, with nothing lost; and storage kinds, which poison.
    pub(crate) fn scrub(&self) -> Result<u64> {
        self.statements.borrow_mut().clear();
        self.checkpoint()?;
        match self.clean_file() {
            Ok(cleaned) => self.restart().map(|()| cleaned),
            Err(error) => {
                if !is_of_the_database(&error) {
                    self.poison_with(&error);
                }
                Err(error)
            }
        }
    }

    /// Cleans the database file; the log is empty before and after.
    fn clean_file(&self) -> Result<u64> {
        let file = self.files.open(DATABASE_FILE, false)?;
        let source = FilePages::open(file.as_ref(), Vec::new())?;
        let pages = source.page_count();
        let mut batch = Batch {
            file: file.as_ref(),
            log: self.files.open(WAL_FILE, true)?,
            salts: [0; 8],
            checked: self.checked_pages,
            db_pages: pages,
            pages: Vec::new(),
            bytes: 0,
        };
        self.host.fill_random(&mut batch.salts);
        let source = CheckedPages { source, checked: self.checked_pages };
        let cleaned = leftovers(&source, &mut |number, page| batch.add(number, page))?;
        batch.write()?;
        let end = u64::from(pages) * source.source.page_bytes() as u64;
        if file.len()? > end {
            file.truncate(end)?;
            file.sync()?;
        }
        Ok(cleaned)
    }

    /// Starts the engine anew on the same files, without anything that it holds in memory.
    ///
    /// What SQL says of the last row inserted and of how many were changed begins anew; what this
    /// handle says goes on.
    fn restart(&self) -> Result<()> {
        let old = self.connection();
        let outcome = self.guarded(|| {
            let (new, _) = super::open_engine(
                &self.files,
                &self.host,
                &self.options,
                &self.watch,
                &self.faults,
                &self.log,
            )?;
            new.set_foreign_keys_enabled(old.foreign_keys_enabled());
            new.set_query_only(old.get_query_only());
            Ok(new)
        });
        let new = outcome.inspect_err(|error| self.poison_with(error))?;
        self.changes_before.set(self.total_changes());
        self.rowid_before.set(self.last_insert_rowid());
        self.generation.set(self.generation.get() + 1);
        self.connection.replace(new);
        catch_unwind(AssertUnwindSafe(|| drop(old))).map_err(|panic| {
            let error = super::from_panic(&*panic);
            self.poison_with(&error);
            error
        })
    }
}

/// The pages of the file, each held to its checksum.
struct CheckedPages<'a> {
    source: FilePages<'a>,
    checked: bool,
}

impl Pages for CheckedPages<'_> {
    fn page_count(&self) -> u32 {
        self.source.page_count()
    }

    fn read_page(&self, number: u32, page: &mut Vec<u8>) -> Result<()> {
        self.source.read_page(number, page)?;
        let holds = match page.as_slice().try_into() {
            Ok(page) if self.checked => checksum_holds(u64::from(number), page),
            _ => !self.checked,
        };
        if !holds {
            return Err(Error::corrupt(format!(
                "page {number} of '{DATABASE_FILE}' does not match its checksum: restore the \
                 store from an export"
            )));
        }
        Ok(())
    }
}

/// Pages on their way into the database file.
///
/// A write in place may be torn, so the pages are first made durable as one transaction of the
/// log, which any open carries out. That is a checkpoint, without an engine.
struct Batch<'a> {
    file: &'a dyn File,
    log: Arc<dyn File>,
    salts: [u8; 8],
    checked: bool,
    db_pages: u32,
    pages: Vec<(u32, Vec<u8>)>,
    bytes: usize,
}

impl Batch<'_> {
    fn add(&mut self, number: u32, mut page: Vec<u8>) -> Result<()> {
        if self.checked {
            seal(&mut page);
        }
        self.bytes += page.len();
        self.pages.push((number, page));
        if self.bytes >= BATCH_BYTES { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<()> {
        if self.pages.is_empty() {
            return Ok(());
        }
        let mut pages = std::mem::take(&mut self.pages);
        self.bytes = 0;
        pages.sort_unstable_by_key(|(number, _)| *number);
        // Two logs in one file must not be taken for one.
        let count = u64::from_le_bytes(self.salts).wrapping_add(1);
        self.salts = count.to_le_bytes();
        self.log.truncate(0)?;
        self.log.write_at(0, &wal::transaction(self.salts, self.db_pages, &pages))?;
        self.log.sync()?;
        for (number, mut page) in pages {
            let at = u64::from(number - 1) * page.len() as u64;
            if self.checked {
                let checksum = page.len() - CHECKSUM_BYTES;
                let mark = page_mark(u64::from(number));
                page[checksum..].iter_mut().zip(mark).for_each(|(byte, mark)| *byte ^= mark);
            }
            self.file.write_at(at, &page)?;
        }
        self.file.sync()?;
        self.log.truncate(0)?;
        self.log.sync()
    }
}
