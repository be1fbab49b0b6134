//! Where pages come from.

use std::collections::BTreeMap;

use super::{DATABASE_HEADER_LEN, DatabaseHeader};
use crate::error::{Error, ErrorKind, Result};
use crate::files::File;
use crate::wal::{self, FRAME_HEADER_LEN, WAL_HEADER_LEN, WalTail};

/// Gives the pages of a database, numbered from 1.
pub trait Pages {
    /// How many pages there are.
    fn page_count(&self) -> u32;

    /// Makes `page` the bytes of page `number`, all of them, reserved ones included.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] when there is no such page, and what the host reports.
    fn read_page(&self, number: u32, page: &mut Vec<u8>) -> Result<()>;
}

impl<P: Pages + ?Sized> Pages for &P {
    fn page_count(&self) -> u32 {
        (**self).page_count()
    }

    fn read_page(&self, number: u32, page: &mut Vec<u8>) -> Result<()> {
        (**self).read_page(number, page)
    }
}

/// The pages of a database file, with the commits of a write-ahead log in place.
///
/// The log is held in memory, the file is read as pages are asked for. Neither is changed, and
/// nothing keeps another program from changing them meanwhile.
#[derive(Debug)]
pub struct FilePages<'a> {
    file: &'a dyn File,
    page_bytes: usize,
    pages: u32,
    wal: Vec<u8>,
    /// Where in the log the last version of a page stands.
    logged: BTreeMap<u32, usize>,
}

impl<'a> FilePages<'a> {
    /// The pages of `file`, with those of the write-ahead log `wal` in place: the whole `-wal`
    /// file, empty when there is none. What is not committed in it does not count.
    ///
    /// # Errors
    /// [`ErrorKind::NotADatabase`] for an empty file and other files that are no database,
    /// [`ErrorKind::Corrupt`] for a log that is damaged before its last commits or that belongs to
    /// another database, and what the host reports.
    pub fn open(file: &'a dyn File, wal: Vec<u8>) -> Result<FilePages<'a>> {
        let scan = wal::scan(&wal);
        if let WalTail::Damaged { offset, later_commits } = scan.tail {
            return Err(Error::corrupt(format!(
                "the write-ahead log is damaged at byte {offset}, before {later_commits} commits"
            )));
        }
        let committed = usize::try_from(scan.committed_len).unwrap_or(0);
        let mut head = vec![0; DATABASE_HEADER_LEN];
        match wal::last_version(&wal[..committed], 1) {
            Some(page) => head.copy_from_slice(&page[..DATABASE_HEADER_LEN]),
            None => {
                let n = file.read_at(0, &mut head)?;
                head.truncate(n);
            }
        }
        let header = DatabaseHeader::parse(&head)?;
        let page_bytes = header.page_bytes;
        if committed > 0 && scan.page_size as usize != page_bytes {
            return Err(Error::corrupt(format!(
                "the write-ahead log has pages of {} bytes and the database of {page_bytes}: it \
                 belongs to another",
                scan.page_size
            )));
        }
        let frame_len = FRAME_HEADER_LEN + page_bytes;
        let logged = wal::frame_pages(&wal[..committed])
            .enumerate()
            .map(|(at, page)| (page, WAL_HEADER_LEN + at * frame_len + FRAME_HEADER_LEN))
            .collect();
        let pages = match (scan.db_pages, header.pages) {
            (0, 0) => u32::try_from(file.len()? / page_bytes as u64)
                .map_err(|_| Error::new(ErrorKind::Limit, "the database has too many pages"))?,
            (0, counted) => counted,
            (logged, _) => logged,
        };
        Ok(FilePages { file, page_bytes, pages, wal, logged })
    }

    /// The size of a page, in bytes.
    pub fn page_bytes(&self) -> usize {
        self.page_bytes
    }
}

impl Pages for FilePages<'_> {
    fn page_count(&self) -> u32 {
        self.pages
    }

    fn read_page(&self, number: u32, page: &mut Vec<u8>) -> Result<()> {
        if number == 0 || number > self.pages {
            return Err(Error::corrupt(format!(
                "page {number} is asked for, and the database has {}",
                self.pages
            )));
        }
        page.clear();
        if let Some(at) = self.logged.get(&number) {
            page.extend_from_slice(&self.wal[*at..*at + self.page_bytes]);
            return Ok(());
        }
        page.resize(self.page_bytes, 0);
        let n = self.file.read_at(u64::from(number - 1) * self.page_bytes as u64, page)?;
        if n < self.page_bytes {
            return Err(Error::corrupt(format!("the database file ends before page {number}")));
        }
        Ok(())
    }
}
