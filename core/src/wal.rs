//! Reads the bytes of an SQLite write-ahead log: how far it is committed, and what lies behind.
//!
//! The format is <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>: a header of 32
//! bytes, then frames of 24 bytes and a page. Each frame carries the header's salts and a
//! checksum that rolls over all frames before it, and a frame with a database size is a commit.
//!
//! A reader of the format stops silently at the first frame that does not hold, which is right
//! for a write that a power cut cut off and loses acknowledged commits when a bit rotted in the
//! middle. [`scan`] tells the two apart: since a frame's checksum is seeded with the one stored in
//! the frame before it, the frames behind a bad one can still be proved to have been written.

mod restart;
mod writer;

pub(crate) use restart::RESTARTED;
pub(crate) use writer::transaction;

/// The length of the header of a WAL, in bytes.
pub const WAL_HEADER_LEN: usize = 32;

/// The length of the header before each page of a WAL, in bytes.
pub const FRAME_HEADER_LEN: usize = 24;

const MAGIC: u32 = 0x377f_0682;
/// The length of the checksum that ends each page of ours.
const PAGE_END_LEN: usize = 8;

const FORMAT: u32 = 3_007_000;
const PAGE_SIZES: std::ops::RangeInclusive<u32> = 512..=65536;

/// What lies behind the last commit of a WAL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WalTail {
    /// Room for what comes next, if that: zeros, or frames of an older log that was written over.
    Nothing,
    /// A header or whole frames of a transaction without its commit, or part of a frame: `len`
    /// bytes of a transaction that is running, was rolled back, or whose write was cut off.
    Unfinished {
        /// How many bytes there are behind the last commit.
        len: u64,
    },
    /// A frame that does not hold, and behind it at most one commit.
    ///
    /// A write that a power cut cut off looks like this, since a disk may keep the end of a write
    /// and lose its beginning; so do frames left over from before a rollback or a restart of the
    /// WAL. Under `synchronous=FULL` no acknowledged commit is lost by a power cut here. Damage
    /// that hits only the last transaction looks the same and cannot be told from it.
    Torn {
        /// Where the frame (or the header, at 0) stands.
        offset: u64,
        /// How many commits are provably behind it: 0 or 1.
        later_commits: u64,
    },
    /// A frame that does not hold, and at least two commits at or behind it: damage.
    ///
    /// Under `synchronous=FULL` each commit was durable before the next was begun, so at least
    /// one acknowledged commit would be dropped. (Under NORMAL, a power cut may do this too.)
    Damaged {
        /// Where the frame (or the header, at 0) stands.
        offset: u64,
        /// How many commits are provably at or behind it: 2 or more.
        later_commits: u64,
    },
}

/// What [`scan`] found in a WAL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WalScan {
    /// The page size in bytes, or 0 when nothing is committed.
    pub page_size: u32,
    /// How many bytes there are up to the end of the last commit; 0 when nothing is committed.
    pub committed_len: u64,
    /// How many transactions are committed.
    pub commits: u64,
    /// How many frames are committed.
    pub frames: u64,
    /// How many pages the database has after the last commit, or 0 when nothing is committed.
    pub db_pages: u32,
    /// What lies behind the last commit.
    pub tail: WalTail,
}

/// Reads the whole WAL in `bytes`.
///
/// Never fails: what is no WAL has nothing committed in it.
///
/// ```
/// use sigil_core::wal::{WalTail, scan};
/// let found = scan(b"");
/// assert_eq!((found.committed_len, found.tail), (0, WalTail::Nothing));
/// ```
pub fn scan(bytes: &[u8]) -> WalScan {
    let mut scanner = WalScanner::new();
    let tail = scanner.advance(bytes);
    WalScan {
        page_size: scanner.committed.page_size,
        committed_len: scanner.committed.len,
        commits: scanner.committed.commits,
        frames: scanner.committed.frames,
        db_pages: scanner.committed.db_pages,
        tail,
    }
}

/// The numbers of the pages that the frames of a WAL hold, in order, with repetitions.
///
/// Only headers are read: give it the committed part of a WAL that [`scan`] has checked.
///
/// ```
/// assert_eq!(sigil_core::wal::frame_pages(b"").count(), 0);
/// ```
pub fn frame_pages(committed: &[u8]) -> impl Iterator<Item = u32> {
    let format = committed.get(..WAL_HEADER_LEN).and_then(Format::parse);
    let frame_len = format.map_or(1, |(format, _)| format.frame_len());
    let frames = committed.get(WAL_HEADER_LEN..).filter(|_| format.is_some()).unwrap_or_default();
    frames.chunks_exact(frame_len).map(|frame| Frame(frame).page_number())
}

/// The last version of page `number` in a WAL, or `None` when no frame holds it.
///
/// As with [`frame_pages`], give it the committed part.
pub fn last_version(committed: &[u8], number: u32) -> Option<&[u8]> {
    let (format, _) = committed.get(..WAL_HEADER_LEN).and_then(Format::parse)?;
    let frames = committed.get(WAL_HEADER_LEN..)?.chunks_exact(format.frame_len());
    let last = frames.rev().find(|frame| Frame(frame).page_number() == number)?;
    last.get(FRAME_HEADER_LEN..)
}

/// Follows a WAL as it grows, looking only at what is new.
///
/// Its position is the end of the last commit, because the frames behind it may still be
/// overwritten. A WAL that is truncated or restarted needs a new scanner.
///
/// ```
/// use sigil_core::wal::WalScanner;
/// let mut scanner = WalScanner::new();
/// scanner.advance(&[]);
/// assert_eq!(scanner.committed_len(), 0);
/// ```
#[derive(Debug, Clone, Default)]
pub struct WalScanner {
    format: Option<Format>,
    checksum: Checksum,
    committed: Committed,
}

#[derive(Debug, Clone, Copy, Default)]
struct Committed {
    page_size: u32,
    len: u64,
    commits: u64,
    frames: u64,
    db_pages: u32,
}

impl WalScanner {
    /// A scanner at the beginning of a WAL.
    pub fn new() -> WalScanner {
        WalScanner::default()
    }

    /// How many bytes are known to be committed: where the next [`advance`](Self::advance) starts.
    pub fn committed_len(&self) -> u64 {
        self.committed.len
    }

    /// How many transactions are known to be committed.
    pub fn commits(&self) -> u64 {
        self.committed.commits
    }

    /// How many pages the database has after the last known commit.
    pub fn db_pages(&self) -> u32 {
        self.committed.db_pages
    }

    /// Reads on: `bytes` are those of the WAL from [`committed_len`](Self::committed_len) to its
    /// end.
    pub fn advance(&mut self, bytes: &[u8]) -> WalTail {
        let (format, mut checksum, mut at) = match self.format.filter(|_| self.committed.len > 0) {
            Some(format) => (format, self.checksum, 0),
            None => {
                if written_len(bytes) == 0 {
                    return WalTail::Nothing;
                }
                let Some(head) = bytes.get(..WAL_HEADER_LEN) else {
                    return WalTail::Unfinished { len: bytes.len() as u64 };
                };
                match Format::parse(head) {
                    Some((format, checksum)) => (format, checksum, WAL_HEADER_LEN),
                    None if restart::is_restarted(bytes) => return WalTail::Nothing,
                    None => return judge(0, commits_without_header(head, bytes)),
                }
            }
        };
        let start = self.committed.len;
        let mut frames = 0;
        let mut rest = 0;
        let mut bytes = bytes;
        while let Some(bytes_of_frame) = bytes.get(at..at + format.frame_len()) {
            let frame = Frame(bytes_of_frame);
            let sum = frame.sum(&format, checksum);
            if frame.salts() != format.salts || frame.page_number() == 0 || sum != frame.checksum()
            {
                let later = commits_behind(&format, checksum, &bytes[at..]);
                if later == 0 && restart::is_older(frame, &format) {
                    bytes = &bytes[..at];
                    break;
                }
                // Whole pages do not end in zeros: the last bytes are the page's own checksum. So
                // this is a write that was cut off, into room behind the log or over an older one.
                if later == 0 && frame.0.ends_with(&[0; PAGE_END_LEN]) {
                    bytes = &bytes[..at + format.frame_len()];
                    break;
                }
                return judge(start + at as u64, later);
            }
            checksum = sum;
            frames += 1;
            at += format.frame_len();
            if frame.db_pages() > 0 {
                rest = at;
                self.format = Some(format);
                self.checksum = checksum;
                self.committed = Committed {
                    page_size: format.page_size,
                    len: start + at as u64,
                    commits: self.committed.commits + 1,
                    frames: self.committed.frames + frames,
                    db_pages: frame.db_pages(),
                };
                frames = 0;
            }
        }
        match at + written_len(&bytes[at..]) - rest {
            0 => WalTail::Nothing,
            len => WalTail::Unfinished { len: len as u64 },
        }
    }
}

/// How many bytes there are without the zeros at their end, which may be room that was made for the
/// log and is not used yet.
fn written_len(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}

fn judge(offset: u64, later_commits: u64) -> WalTail {
    if later_commits >= 2 {
        WalTail::Damaged { offset, later_commits }
    } else {
        WalTail::Torn { offset, later_commits }
    }
}

/// The rolling checksum: two sums that are weighted by position, like Fletcher's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Checksum(u32, u32);

impl Checksum {
    /// The sums after `bytes`, a multiple of eight of them.
    fn over(self, big_endian: bool, bytes: &[u8]) -> Checksum {
        let word = if big_endian { be_word } else { le_word };
        let Checksum(mut a, mut b) = self;
        for pair in bytes.chunks_exact(8) {
            a = a.wrapping_add(word(&pair[..4])).wrapping_add(b);
            b = b.wrapping_add(word(&pair[4..])).wrapping_add(a);
        }
        Checksum(a, b)
    }

    fn stored(bytes: &[u8]) -> Checksum {
        Checksum(be_word(&bytes[..4]), be_word(&bytes[4..8]))
    }
}

fn be_word(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).fold(0, |word, byte| word << 8 | u32::from(*byte))
}

fn le_word(bytes: &[u8]) -> u32 {
    be_word(bytes).swap_bytes()
}

/// What the header of a WAL fixes for all its frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Format {
    page_size: u32,
    big_endian: bool,
    salts: [u8; 8],
}

impl Format {
    /// What the header says, whether it holds or not.
    fn of(head: &[u8]) -> Format {
        let mut salts = [0; 8];
        salts.copy_from_slice(&head[16..24]);
        let (magic, page_size) = (be_word(&head[..4]), be_word(&head[8..12]));
        Format { page_size, big_endian: magic & 1 == 1, salts }
    }

    /// The format and the first seed, when the header holds.
    fn parse(head: &[u8]) -> Option<(Format, Checksum)> {
        let format = Format::of(head);
        let checksum = Checksum::default().over(format.big_endian, &head[..24]);
        let holds = be_word(&head[..4]) & !1 == MAGIC
            && be_word(&head[4..8]) == FORMAT
            && format.page_size.is_power_of_two()
            && PAGE_SIZES.contains(&format.page_size)
            && checksum == Checksum::stored(&head[24..]);
        holds.then_some((format, checksum))
    }

    fn frame_len(&self) -> usize {
        FRAME_HEADER_LEN + self.page_size as usize
    }
}

#[derive(Clone, Copy)]
struct Frame<'a>(&'a [u8]);

impl Frame<'_> {
    fn page_number(&self) -> u32 {
        be_word(&self.0[..4])
    }

    fn db_pages(&self) -> u32 {
        be_word(&self.0[4..8])
    }

    fn salts(&self) -> [u8; 8] {
        let mut salts = [0; 8];
        salts.copy_from_slice(&self.0[8..16]);
        salts
    }

    fn checksum(&self) -> Checksum {
        Checksum::stored(&self.0[16..24])
    }

    fn sum(&self, format: &Format, seed: Checksum) -> Checksum {
        seed.over(format.big_endian, &self.0[..8])
            .over(format.big_endian, &self.0[FRAME_HEADER_LEN..])
    }

    /// Whether one flipped bit took away the mark that made this frame a commit.
    fn lost_its_mark(&self, format: &Format, seed: Checksum) -> bool {
        let mut bytes = self.0.to_vec();
        self.db_pages() == 0
            && (0..32).any(|bit| {
                bytes[4 + bit / 8] = 1 << (bit % 8);
                let repaired = Frame(&bytes).sum(format, seed) == self.checksum();
                bytes[4 + bit / 8] = 0;
                repaired
            })
    }
}

/// How many commits stand in `bytes`, whose first frame does not hold after `seed`.
///
/// A frame behind it counts as written when its salts are the WAL's and its checksum follows from
/// the one stored in the frame before (or, right behind the bad frame, from the one that frame
/// should have stored). The header of a frame counts as intact when the frame was written, or
/// when the one behind it follows from it.
fn commits_behind(format: &Format, seed: Checksum, bytes: &[u8]) -> u64 {
    let mut frames = bytes.chunks_exact(format.frame_len()).map(Frame);
    let Some(bad) = frames.next() else { return 0 };
    let proper = bad.sum(format, seed);
    let marked = bad.db_pages() > 0 || bad.lost_its_mark(format, seed);
    written_commits(format, &[bad.checksum(), proper], marked, frames)
}

/// The commits in `frames`, the first of which follows one of `seeds`; and one more for the frame
/// before them if it is a commit (`marked`) and the first frame proves it.
fn written_commits<'a>(
    format: &Format,
    seeds: &[Checksum],
    marked: bool,
    frames: impl Iterator<Item = Frame<'a>>,
) -> u64 {
    let mut commits = 0;
    // Whether the frame before is a commit that nothing has proved yet.
    let mut unproved = marked;
    let mut stored = None;
    for frame in frames {
        let follows = |seed: &Checksum| frame.sum(format, *seed) == frame.checksum();
        let written = frame.salts() == format.salts
            && match &stored {
                Some(seed) => follows(seed),
                None => seeds.iter().any(follows),
            };
        commits += u64::from(written && unproved);
        let commit = frame.db_pages() > 0 && frame.page_number() > 0;
        commits += u64::from(written && commit);
        unproved = commit && !written;
        stored = Some(frame.checksum());
    }
    commits
}

/// How many commits stand behind a header that does not hold, under the reading of it that finds
/// the most.
fn commits_without_header(head: &[u8], bytes: &[u8]) -> u64 {
    let frames = &bytes[WAL_HEADER_LEN..];
    let sizes = (9..=16).map(|shift| 1u32 << shift);
    sizes
        .flat_map(|page_size| [false, true].map(|big_endian| (page_size, big_endian)))
        .filter_map(|(page_size, big_endian)| {
            let mut salts = [0; 8];
            salts.copy_from_slice(frames.get(8..16)?);
            let format = Format { page_size, big_endian, salts };
            let seeds =
                [Checksum::stored(&head[24..]), Checksum::default().over(big_endian, &head[..24])];
            let frames = frames.chunks_exact(format.frame_len()).map(Frame);
            Some(written_commits(&format, &seeds, false, frames))
        })
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests;
