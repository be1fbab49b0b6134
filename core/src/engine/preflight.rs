//! What is checked about the files before the engine opens them, and the page checksums.

use std::collections::BTreeSet;

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
pub(super) const CHECKSUM_BYTES: usize = 8;

/// What the stored checksum of page `number` differs in from the engine's, which is the same for
/// a page at any place. That of page 1 is the engine's own.
pub(super) fn page_mark(number: u64) -> [u8; CHECKSUM_BYTES] {
    // An odd factor keeps the marks of all pages apart.
    number.wrapping_sub(1).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes()
}

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
    let mut page = [0u8; PAGE_BYTES];
    let n = file.read_at(0, &mut page)?;
    let Some(header) = page.first_chunk::<HEADER_BYTES>().filter(|_| n >= HEADER_BYTES) else {
        let kind = if MAGIC.starts_with(&page[..n.min(16)]) {
            ErrorKind::Corrupt
        } else {
            ErrorKind::NotADatabase
        };
        return Err(Error::new(
            kind,
            format!("'{DATABASE_FILE}' has {len} bytes, which is less than a database's header"),
        ));
    };
    if is_ours_but_for_its_format(&page) {
        return Err(Error::corrupt(format!(
            "the header of '{DATABASE_FILE}' is damaged: restore it from a backup or an export"
        )));
    }
    parse_header(header).map(Some)
}

/// Whether only the bytes that say what format the file has differ from a page of this library's.
///
/// Damage there would hide that the pages have checksums, and shift what the engine reads.
fn is_ours_but_for_its_format(page: &[u8; PAGE_BYTES]) -> bool {
    let mut ours = *page;
    ours[..16].copy_from_slice(MAGIC);
    // Pages of 4,096 bytes, WAL mode twice, and the reserved bytes.
    ours[16..21].copy_from_slice(&[0x10, 0, 2, 2, 8]);
    ours != *page && checksum_holds(1, &ours)
}

/// Refuses files that the engine would misread, mends what a power cut left, creates the database
/// where there is none, and says whether its pages carry checksums.
pub(super) fn check(files: &dyn Files, recover: bool) -> Result<bool> {
    let wal_bytes = match files.exists(WAL_FILE)? {
        true => files.open(WAL_FILE, false)?.len()?,
        false => 0,
    };
    if !files.exists(DATABASE_FILE)? || creation_was_cut_off(files)? {
        create(files, wal_bytes)?;
        return Ok(true);
    }
    restore_first_page(files)?;
    let Some(header) = read_header(files.open(DATABASE_FILE, false)?.as_ref())? else {
        return Ok(true);
    };
    // With a log that may have lost commits the length that was committed is unknown.
    if wal_bytes == 0 || !recover {
        let missing = missing_pages(files)?;
        if missing > 0 {
            return Err(Error::corrupt(format!(
                "'{DATABASE_FILE}' was cut off, {missing} of its pages of {} bytes are missing: \
                 restore it from a backup or an export",
                header.page_bytes
            )));
        }
    }
    if wal_bytes > 0 {
        check_wal(files, recover)?;
    }
    Ok(has_checksums(header))
}

/// How many pages are neither in the database file nor in its log, because the file was cut off.
pub(crate) fn missing_pages(files: &dyn Files) -> Result<u64> {
    let file = files.open(DATABASE_FILE, false)?;
    let Some(header) = read_header(file.as_ref())? else { return Ok(0) };
    let wal = match files.exists(WAL_FILE)? {
        true => read_wal(files)?,
        false => Vec::new(),
    };
    let scan = wal::scan(&wal);
    let wanted = match scan.commits {
        0 => header.pages.unwrap_or(0),
        _ => u64::from(scan.db_pages),
    };
    let whole = file.len()? / header.page_bytes;
    if whole >= wanted {
        return Ok(0);
    }
    let committed = usize::try_from(scan.committed_len).unwrap_or(0);
    let logged: BTreeSet<u64> = wal::frame_pages(&wal[..committed]).map(u64::from).collect();
    Ok(wanted - whole - logged.range(whole + 1..=wanted).count() as u64)
}

/// Creates the database file: one page, with no table in it.
///
/// The file is brought to its length first, so that however the page is torn the file is a part of
/// it and zeros, which no database that was cut off later can be mistaken for.
fn create(files: &dyn Files, wal_bytes: u64) -> Result<()> {
    if wal_bytes > 0 {
        // The engine would delete the WAL; whatever took the database away did not.
        if wal_has_commits(files)? {
            return Err(Error::corrupt(format!(
                "'{DATABASE_FILE}' is empty or missing but '{WAL_FILE}' holds {wal_bytes} bytes: \
                 restore both from one backup, or remove the log to start empty"
            )));
        }
        let wal = files.open(WAL_FILE, false)?;
        wal.truncate(0)?;
        wal.sync()?;
    }
    let file = files.open(DATABASE_FILE, true)?;
    file.truncate(PAGE_BYTES as u64)?;
    file.sync()?;
    file.write_at(0, &empty_database())?;
    file.sync()
}

/// Whether the file is what [`create`] leaves when it does not come to its end.
fn creation_was_cut_off(files: &dyn Files) -> Result<bool> {
    let file = files.open(DATABASE_FILE, false)?;
    let len = file.len()?;
    if len == 0 {
        return Ok(true);
    }
    if len != PAGE_BYTES as u64 {
        return Ok(false);
    }
    let mut page = [0u8; PAGE_BYTES];
    file.read_at(0, &mut page)?;
    let whole = empty_database();
    let written = page.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    Ok(page != whole && page[..written] == whole[..written] && !wal_has_commits(files)?)
}

/// Page 1 of a database without tables, as the engine would write it: 4 KiB pages in WAL mode,
/// UTF-8, eight reserved bytes.
fn empty_database() -> [u8; PAGE_BYTES] {
    let mut page = [0u8; PAGE_BYTES];
    let mut put = |at: usize, bytes: &[u8]| page[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, MAGIC);
    put(16, &4096u16.to_be_bytes());
    // WAL mode twice, the reserved bytes, and three fractions that never change.
    put(18, &[2, 2, 8, 64, 32, 32]);
    // The change counter, and the number of pages.
    put(24, &1u32.to_be_bytes());
    put(28, &1u32.to_be_bytes());
    // The schema format, a suggested cache of 2,000 KiB, and UTF-8.
    put(44, &4u32.to_be_bytes());
    put(48, &(-2000i32).to_be_bytes());
    put(56, &1u32.to_be_bytes());
    // The change counter for which the number of pages is valid, and the version of the format.
    put(92, &1u32.to_be_bytes());
    put(96, &3_047_000u32.to_be_bytes());
    // A leaf of the schema table, whose content ends where the reserved bytes begin.
    put(100, &[13]);
    put(105, &4088u16.to_be_bytes());
    // The mark of page 1 is zero.
    seal(&mut page);
    page
}

/// Takes page 1 from the WAL when a power cut tore it in the middle of a checkpoint.
///
/// Every other page is read from the WAL while it is there, but the engine reads the first page of
/// the file before it looks at the WAL. This is the write that the checkpoint was about to make.
fn restore_first_page(files: &dyn Files) -> Result<()> {
    let file = files.open(DATABASE_FILE, false)?;
    let mut page = [0u8; PAGE_BYTES];
    let n = file.read_at(0, &mut page)?;
    // A torn page 1 still begins like one; a file of something else is not ours to mend.
    if n == 0 || !MAGIC.starts_with(&page[..n.min(MAGIC.len())]) || !files.exists(WAL_FILE)? {
        return Ok(());
    }
    let header = page.first_chunk::<HEADER_BYTES>().map_or(Ok(None), |h| parse_header(h).map(Some));
    let whole = match header {
        _ if is_ours_but_for_its_format(&page) => false,
        Ok(Some(header)) if has_checksums(header) => n == PAGE_BYTES && checksum_holds(1, &page),
        Ok(header) => header.is_some(),
        Err(_) => false,
    };
    if whole {
        return Ok(());
    }
    let wal = read_wal(files)?;
    let committed = usize::try_from(wal::scan(&wal).committed_len).unwrap_or(0);
    let Some(page) = wal::last_version(&wal[..committed], 1) else { return Ok(()) };
    file.write_at(0, page)?;
    file.sync()
}

/// Puts the engine's checksum at the end of a page, without the mark of its place.
pub(super) fn seal(page: &mut [u8]) {
    let (data, stored) = page.split_at_mut(page.len().saturating_sub(CHECKSUM_BYTES));
    let checksum = XxHash3_64::oneshot(data).to_le_bytes();
    stored.iter_mut().zip(checksum).for_each(|(stored, byte)| *stored = byte);
}

fn has_checksums(header: Header) -> bool {
    header.page_bytes == PAGE_BYTES as u64 && usize::from(header.reserved_bytes) == CHECKSUM_BYTES
}

/// Whether the checksum of page `number` holds.
pub(super) fn checksum_holds(number: u64, page: &[u8; PAGE_BYTES]) -> bool {
    let (data, stored) = page.split_at(PAGE_BYTES - CHECKSUM_BYTES);
    let checksum = XxHash3_64::oneshot(data) ^ u64::from_le_bytes(page_mark(number));
    checksum.to_le_bytes() == stored
}

fn wal_has_commits(files: &dyn Files) -> Result<bool> {
    if !files.exists(WAL_FILE)? {
        return Ok(false);
    }
    Ok(wal::scan(&read_wal(files)?).committed_len > 0)
}

fn read_wal(files: &dyn Files) -> Result<Vec<u8>> {
    let file = files.open(WAL_FILE, false)?;
    let len = usize::try_from(file.len()?)
        .map_err(|_| Error::new(ErrorKind::Limit, format!("'{WAL_FILE}' is too long to read")))?;
    let mut bytes = vec![0; len];
    let n = file.read_at(0, &mut bytes)?;
    bytes.truncate(n);
    Ok(bytes)
}

/// Refuses a WAL that is damaged before its last commits, which the engine would silently drop,
/// and cuts off what a power cut left behind the last commit.
///
/// The engine would write over the remains and leave those that are longer in place, where they
/// could later look like commits behind a damaged one.
fn check_wal(files: &dyn Files, recover: bool) -> Result<()> {
    let bytes = read_wal(files)?;
    let scan = wal::scan(&bytes);
    match scan.tail {
        WalTail::Nothing if scan.committed_len == bytes.len() as u64 => return Ok(()),
        WalTail::Nothing | WalTail::Unfinished { .. } | WalTail::Torn { .. } => {}
        WalTail::Damaged { .. } if recover => {}
        WalTail::Damaged { offset, later_commits } => {
            return Err(Error::corrupt(format!(
                "'{WAL_FILE}' is damaged at byte {offset}, and opening it would drop \
                 {later_commits} commits: restore a backup, or open with the recover option to \
                 keep what is before"
            )));
        }
    }
    let file = files.open(WAL_FILE, false)?;
    file.truncate(scan.committed_len)?;
    file.sync()
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
/// program. The checksum is the engine's, XXH3-64 of the first 4,088 bytes of a page, XORed with
/// 0x9e3779b97f4a7c15 times the number of the page counted from 0, so that it also holds the page to
/// its place; it stands in the last eight bytes, little endian.
///
/// # Errors
/// [`ErrorKind::NotADatabase`] or [`ErrorKind::Corrupt`] when the header cannot be read, and what
/// the host reports.
pub fn check_pages(file: &dyn File) -> Result<Option<Vec<PageFault>>> {
    let Some(header) = read_header(file)? else { return Ok(Some(Vec::new())) };
    if !has_checksums(header) {
        return Ok(None);
    }
    let len = file.len()?;
    let mut faults = Vec::new();
    let mut page = [0u8; PAGE_BYTES];
    for number in 1..=len.div_ceil(header.page_bytes) {
        let n = file.read_at((number - 1) * header.page_bytes, &mut page)?;
        if n < PAGE_BYTES || !checksum_holds(number, &page) {
            faults.push(PageFault { page: number });
        }
    }
    Ok(Some(faults))
}
