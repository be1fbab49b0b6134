//! What is checked about the files before the engine opens them, and the page checksums.

use twox_hash::XxHash3_64;

use super::{DATABASE_FILE, WAL_FILE};
use crate::error::{Error, ErrorKind, Result};
use crate::files::{File, Files};
use crate::wal::{self, WalTail};

/// The size of a page of every database this library creates, in bytes.
pub const PAGE_BYTES: usize = 4096;

const MAGIC: &[u8; 16] = b"SQLite format 3\0";
const HEADER_BYTES: usize = 100;
/// Bytes that the engine reserves at the end of each page for its checksum.
const CHECKSUM_BYTES: usize = 8;

/// What the header of a database file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Header {
    page_bytes: u64,
    reserved_bytes: u8,
    /// The number of pages, where the header vouches for it.
    pages: Option<u64>,
}

fn parse_header(bytes: &[u8; HEADER_BYTES]) -> Result<Header> {
    if &bytes[..16] != MAGIC {
        return Err(Error::new(
            ErrorKind::NotADatabase,
            format!("'{DATABASE_FILE}' is not a database: its first bytes are not SQLite's"),
        ));
    }
    let be32 =
        |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    if bytes[18] > 2 || bytes[19] > 2 {
        return Err(Error::new(
            ErrorKind::NewerFormat,
            format!(
                "'{DATABASE_FILE}' has file format {}, this version reads up to 2: use a newer version",
                bytes[18].max(bytes[19])
            ),
        ));
    }
    let page_bytes = match u16::from_be_bytes([bytes[16], bytes[17]]) {
        1 => 65_536,
        size if size >= 512 && size.is_power_of_two() => u64::from(size),
        size => {
            return Err(Error::corrupt(format!(
                "the header of '{DATABASE_FILE}' names pages of {size} bytes, which cannot be"
            )));
        }
    };
    // Zero in files of SQLite before 3.7, which did not keep it.
    let pages = Some(u64::from(be32(28))).filter(|pages| *pages > 0);
    Ok(Header { page_bytes, reserved_bytes: bytes[20], pages })
}

fn read_header(file: &dyn File) -> Result<Option<Header>> {
    let len = file.len()?;
    if len == 0 {
        return Ok(None);
    }
    let mut bytes = [0u8; HEADER_BYTES];
    let n = file.read_at(0, &mut bytes)?;
    if n < HEADER_BYTES {
        let kind = if MAGIC.starts_with(&bytes[..n.min(16)]) {
            ErrorKind::Corrupt
        } else {
            ErrorKind::NotADatabase
        };
        return Err(Error::new(
            kind,
            format!("'{DATABASE_FILE}' has {len} bytes, which is less than a database's header"),
        ));
    }
    parse_header(&bytes).map(Some)
}

/// Refuses files that the engine would misread, before it can change anything.
pub(super) fn check(files: &dyn Files, recover: bool) -> Result<()> {
    let wal_bytes = match files.exists(WAL_FILE)? {
        true => files.open(WAL_FILE, false)?.len()?,
        false => 0,
    };
    let header = match files.exists(DATABASE_FILE)? {
        true => read_header(files.open(DATABASE_FILE, false)?.as_ref())?,
        false => None,
    };
    let Some(header) = header else {
        // The engine would delete the WAL; whatever emptied the file did not.
        if wal_bytes > 32 {
            return Err(Error::corrupt(format!(
                "'{DATABASE_FILE}' is empty or missing but '{WAL_FILE}' holds {wal_bytes} bytes: \
                 restore both from one backup, or remove the log to start empty"
            )));
        }
        return Ok(());
    };
    let len = files.open(DATABASE_FILE, false)?.len()?;
    if let Some(pages) = header.pages.filter(|_| wal_bytes == 0) {
        let wanted = pages * header.page_bytes;
        if len < wanted {
            return Err(Error::corrupt(format!(
                "'{DATABASE_FILE}' has {len} bytes, its header says {wanted}: it was cut off; \
                 restore it from a backup or an export"
            )));
        }
    }
    if wal_bytes > 0 && !recover {
        check_wal(files)?;
    }
    Ok(())
}

/// Refuses a WAL that is damaged before its last commits, which the engine would silently drop.
fn check_wal(files: &dyn Files) -> Result<()> {
    let file = files.open(WAL_FILE, false)?;
    let len = usize::try_from(file.len()?)
        .map_err(|_| Error::new(ErrorKind::Limit, format!("'{WAL_FILE}' is too long to read")))?;
    let mut bytes = vec![0; len];
    let n = file.read_at(0, &mut bytes)?;
    match wal::scan(&bytes[..n]).tail {
        WalTail::Damaged { offset, later_commits } => Err(Error::corrupt(format!(
            "'{WAL_FILE}' is damaged at byte {offset}, and opening it would drop {later_commits} \
             commits: restore a backup, or open with the recover option to keep what is before"
        ))),
        WalTail::Nothing | WalTail::Unfinished { .. } | WalTail::Torn { .. } => Ok(()),
    }
}

/// A page whose checksum does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageFault {
    /// The number of the page, from 1.
    pub page: u64,
}

/// Checks the checksum of every page of a database file, free pages included.
///
/// Gives `None` for a database whose pages carry no checksums, such as one made by another
/// program. The checksum is the engine's: XXH3-64 of the first 4,088 bytes of a page, in its last
/// eight, little endian.
///
/// # Errors
/// [`ErrorKind::NotADatabase`] or [`ErrorKind::Corrupt`] when the header cannot be read, and what
/// the host reports.
pub fn check_pages(file: &dyn File) -> Result<Option<Vec<PageFault>>> {
    let Some(header) = read_header(file)? else { return Ok(Some(Vec::new())) };
    if header.page_bytes != PAGE_BYTES as u64
        || usize::from(header.reserved_bytes) != CHECKSUM_BYTES
    {
        return Ok(None);
    }
    let len = file.len()?;
    let mut faults = Vec::new();
    let mut page = [0u8; PAGE_BYTES];
    for number in 1..=len.div_ceil(header.page_bytes) {
        let n = file.read_at((number - 1) * header.page_bytes, &mut page)?;
        let (data, stored) = page.split_at(PAGE_BYTES - CHECKSUM_BYTES);
        if n < PAGE_BYTES || XxHash3_64::oneshot(data).to_le_bytes() != stored {
            faults.push(PageFault { page: number });
        }
    }
    Ok(Some(faults))
}
