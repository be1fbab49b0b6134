//! The terms of a segment in the order of their bytes, and where their lists are.
//!
//! A part is blocks of 16 terms, then the start of each block as u32, then the number of blocks as
//! u32. A block starts with where the first of its lists begin in the stream of documents and in
//! that of positions, as varints; the lists of its terms follow each other from there. Then come
//! the terms, each as
//!
//! | what | as |
//! |---|---|
//! | how many bytes it shares with the term before (none, at the start of a block), and how many follow | 4 bits each; 15 says that a varint follows, of what is above 15 |
//! | the bytes that follow | |
//! | the number of documents, twice, and one more when the lists are in place | varint |
//! | in place: both lists | their length as a varint, then documents, then positions |
//! | else: the lengths of both lists | varints |

use std::ops::Range;

use crate::text::varint::{self, Reader};

/// So many terms are in a block.
const BLOCK_TERMS: usize = 16;

/// Lists of so many bytes together are in place.
const IN_PLACE_MAX: usize = 48;

/// Where the lists of a term are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// Here in the part: documents, then positions.
    Here(Range<usize>),
    /// In the two streams.
    There { docs: Range<u64>, positions: Range<u64> },
}

/// What a segment says of a term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// How many documents hold it, dead ones among them.
    pub(crate) count: u32,
    pub(crate) place: Place,
}

/// Writes the terms of a part.
#[derive(Debug, Default)]
pub(super) struct TermsWriter {
    bytes: Vec<u8>,
    starts: Vec<u32>,
    in_block: usize,
    before: Vec<u8>,
    first: Vec<u8>,
}

impl TermsWriter {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len() + 4 * self.starts.len() + 4
    }

    /// Adds a term with its lists, and says whether they are in place; if not, the caller puts
    /// them where `streams` says the two streams end.
    pub(super) fn add(
        &mut self,
        term: &[u8],
        count: u32,
        docs: &[u8],
        positions: &[u8],
        streams: (u64, u64),
    ) -> bool {
        if self.bytes.is_empty() {
            self.first.clear();
            self.first.extend_from_slice(term);
        }
        if self.in_block == 0 {
            self.starts.push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
            varint::put(&mut self.bytes, streams.0);
            varint::put(&mut self.bytes, streams.1);
            self.before.clear();
        }
        let shared = self.before.iter().zip(term).take_while(|(a, b)| a == b).count();
        let rest = &term[shared..];
        let nibble = |n: usize| u8::try_from(n.min(15)).unwrap_or(15);
        self.bytes.push(nibble(shared) << 4 | nibble(rest.len()));
        for n in [shared, rest.len()] {
            if n >= 15 {
                varint::put(&mut self.bytes, n as u64 - 15);
            }
        }
        self.bytes.extend_from_slice(rest);
        self.before.truncate(shared);
        self.before.extend_from_slice(rest);
        self.in_block = (self.in_block + 1) % BLOCK_TERMS;
        let is_here = docs.len() + positions.len() <= IN_PLACE_MAX;
        varint::put(&mut self.bytes, u64::from(count) << 1 | u64::from(is_here));
        if is_here {
            varint::put(&mut self.bytes, (docs.len() + positions.len()) as u64);
            self.bytes.extend_from_slice(docs);
            self.bytes.extend_from_slice(positions);
        } else {
            varint::put(&mut self.bytes, docs.len() as u64);
            varint::put(&mut self.bytes, positions.len() as u64);
        }
        is_here
    }

    /// The part and its first term; the writer begins another.
    pub(super) fn take(&mut self) -> (Vec<u8>, Vec<u8>) {
        let mut bytes = std::mem::take(&mut self.bytes);
        self.starts.iter().for_each(|start| bytes.extend(start.to_le_bytes()));
        bytes.extend(u32::try_from(self.starts.len()).unwrap_or(u32::MAX).to_le_bytes());
        self.starts.clear();
        self.in_block = 0;
        (bytes, std::mem::take(&mut self.first))
    }
}

/// The terms of a part, as [`TermsWriter`] wrote them.
#[derive(Debug, Clone, Copy)]
pub(super) struct TermsPart<'a> {
    blocks: &'a [u8],
    starts: &'a [[u8; 4]],
}

impl<'a> TermsPart<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Option<TermsPart<'a>> {
        let (rest, count) = bytes.split_last_chunk::<4>()?;
        let count = usize::try_from(u32::from_le_bytes(*count)).ok()?;
        let table = rest.len().checked_sub(count.checked_mul(4)?)?;
        let (blocks, starts) = rest.split_at(table);
        Some(TermsPart { blocks, starts: starts.as_chunks().0 })
    }

    /// A scan that begins with a block; `None` behind the last one.
    fn block(self, block: usize) -> Option<Scan> {
        let at = u32::from_le_bytes(*self.starts.get(block)?) as usize;
        let mut reader = self.reader(at)?;
        let streams = (reader.u64()?, reader.u64()?);
        Some(Scan { block, left: BLOCK_TERMS, at: self.offset(reader), streams })
    }

    fn reader(self, at: usize) -> Option<Reader<'a>> {
        self.blocks.get(at..).map(Reader::new)
    }

    /// Where a reader has come to.
    fn offset(self, reader: Reader<'_>) -> usize {
        self.blocks.len() - reader.rest().len()
    }

    /// The first term of a block.
    fn first_of(self, block: usize) -> Option<&'a [u8]> {
        let mut reader = self.reader(self.block(block)?.at)?;
        let (_, rest) = lengths(&mut reader)?;
        reader.bytes(rest)
    }

    /// The scan that begins with the block in which `term` would be, or is first.
    pub(super) fn seek(self, term: &[u8]) -> Option<Scan> {
        let (mut low, mut high) = (0, self.starts.len());
        while high - low > 1 {
            let middle = low.midpoint(high);
            if self.first_of(middle)? <= term {
                low = middle;
            } else {
                high = middle;
            }
        }
        self.block(low)
    }
}

/// How far a walk over the terms of a part has come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scan {
    block: usize,
    /// How many terms of the block are left, unless it is the last one.
    left: usize,
    at: usize,
    streams: (u64, u64),
}

impl Scan {
    /// Reads the next term into `term`, which must hold the one before; `None` at the end of the
    /// part, or where it is damaged, which [`is_at_end`](Scan::is_at_end) tells apart.
    pub(super) fn next(&mut self, part: TermsPart<'_>, term: &mut Vec<u8>) -> Option<Entry> {
        if self.is_at_end(part) {
            return None;
        }
        if self.left == 0 {
            *self = part.block(self.block + 1)?;
        }
        self.left -= 1;
        let mut reader = part.reader(self.at)?;
        let (shared, rest) = lengths(&mut reader)?;
        if shared > term.len() {
            return None;
        }
        term.truncate(shared);
        term.extend_from_slice(reader.bytes(rest)?);
        let entry = self.entry(part, &mut reader);
        self.at = part.offset(reader);
        entry
    }

    /// Whether there is no further term in the part.
    pub(super) fn is_at_end(&self, part: TermsPart<'_>) -> bool {
        let is_last = self.block + 1 >= part.starts.len();
        is_last && (self.left == 0 || self.at >= part.blocks.len())
    }

    fn entry(&mut self, part: TermsPart<'_>, reader: &mut Reader<'_>) -> Option<Entry> {
        let head = reader.u64()?;
        let count = u32::try_from(head >> 1).ok()?;
        let first = reader.usize()?;
        if head & 1 == 1 {
            let start = part.offset(*reader);
            reader.bytes(first)?;
            return Some(Entry { count, place: Place::Here(start..start + first) });
        }
        let (docs, positions) = self.streams;
        self.streams = (docs.checked_add(first as u64)?, positions.checked_add(reader.u64()?)?);
        let place =
            Place::There { docs: docs..self.streams.0, positions: positions..self.streams.1 };
        Some(Entry { count, place })
    }
}

/// How many bytes a term shares with the one before, and how many follow.
fn lengths(reader: &mut Reader<'_>) -> Option<(usize, usize)> {
    let byte = reader.byte()?;
    let mut length = |nibble: u8| match nibble {
        15 => reader.usize()?.checked_add(15),
        n => Some(usize::from(n)),
    };
    Some((length(byte >> 4)?, length(byte & 15)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::test;

    fn part() -> (Vec<Vec<u8>>, Vec<u8>) {
        let mut terms: Vec<Vec<u8>> = (0..100_u32).map(|n| format!("t{}", n * 7).into()).collect();
        terms.push(vec![b'x'; 40]);
        terms.push([&[b'x'; 40][..], b"yyyyyyyyyyyyyyyyyyyy"].concat());
        terms.sort();
        let (mut writer, mut streams) = (TermsWriter::default(), (5, 9));
        for (n, term) in terms.iter().enumerate() {
            let docs = vec![1; n];
            if !writer.add(term, 3, &docs, b"pos", streams) {
                streams = (streams.0 + docs.len() as u64, streams.1 + 3);
            }
        }
        let (bytes, first) = writer.take();
        assert_eq!(first, terms[0]);
        assert!(writer.is_empty());
        (terms, bytes)
    }

    #[test]
    fn terms_read_back_in_order() {
        let (terms, bytes) = part();
        let part = TermsPart::new(&bytes).unwrap();
        let (mut scan, mut term) = (part.seek(b"").unwrap(), Vec::new());
        let (mut docs_end, mut positions_end) = (5, 9);
        for (n, expected) in terms.iter().enumerate() {
            let entry = scan.next(part, &mut term).unwrap();
            assert_eq!((&term, entry.count), (expected, 3));
            match entry.place {
                Place::Here(range) => {
                    assert_eq!(&bytes[range], [&vec![1; n][..], b"pos"].concat());
                }
                Place::There { docs, positions } => {
                    assert!(n + 3 > IN_PLACE_MAX);
                    assert_eq!(docs, docs_end..docs_end + n as u64);
                    assert_eq!(positions, positions_end..positions_end + 3);
                    (docs_end, positions_end) = (docs.end, positions.end);
                }
            }
        }
        assert!(scan.is_at_end(part) && scan.next(part, &mut term).is_none());
    }

    #[test]
    fn a_term_is_found_from_the_block_it_is_in() {
        let (terms, bytes) = part();
        let part = TermsPart::new(&bytes).unwrap();
        for wanted in &terms {
            let (mut scan, mut term, mut steps) = (part.seek(wanted).unwrap(), Vec::new(), 0);
            while term < *wanted {
                scan.next(part, &mut term).unwrap();
                steps += 1;
            }
            assert!(term == *wanted && steps <= BLOCK_TERMS);
        }
    }

    #[test]
    fn damage_ends_a_scan() {
        let (_, bytes) = part();
        for at in 0..bytes.len() {
            for value in [0, 0x7f, 0xff] {
                let mut bytes = bytes.clone();
                bytes[at] = value;
                let Some(part) = TermsPart::new(&bytes) else { continue };
                let Some(mut scan) = part.seek(b"t5") else { continue };
                let mut term = Vec::new();
                while scan.next(part, &mut term).is_some() {}
            }
        }
        assert!(TermsPart::new(&[1, 0, 0]).is_none());
        assert!(TermsPart::new(&[9, 0, 0, 0]).is_none());
    }
}
