//! The documents that hold a term, and how often.
//!
//! A list of fewer than 128 documents is varints: for each document the distance from the one
//! before, twice, plus one when the term stands in it once; else its number of occurrences less
//! two follows. A longer list is blocks of 128 documents, the rest as varints behind them, and in
//! front of it all a table with an entry for each block, so that blocks can be passed over:
//!
//! | bytes of an entry | what |
//! |---|---|
//! | 4 | the last document of the block |
//! | 4 | where the block ends, from the end of the table |
//! | 4 | where its positions end in the list of positions |
//! | 3 | the [bound](super::bound) of its scores |
//!
//! A block is the distances less one and the occurrences less one, each [packed](super::super::bitpack).

use super::bound::Bound;
use crate::text::bitpack::{self, BLOCK};
use crate::text::varint::{self, Reader};

/// Behind the last document.
pub(crate) const END: u32 = u32::MAX;

const ENTRY: usize = 12 + Bound::BYTES;

/// One document of a list that is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Posting {
    pub(crate) doc: u32,
    pub(crate) freq: u32,
    /// How many tokens the document has.
    pub(crate) len: u32,
}

/// Adds a list to the end of `out`; `positions_end` tells where the positions of each block end.
pub(super) fn encode(
    postings: &[Posting],
    positions_end: impl Fn(usize) -> u32,
    out: &mut Vec<u8>,
) {
    let mut before = END;
    if postings.len() < BLOCK {
        return encode_few(postings, &mut before, out);
    }
    let table = out.len();
    let blocks = postings.chunks(BLOCK);
    out.resize(table + blocks.len() * ENTRY, 0);
    let data = out.len();
    for (block, postings) in blocks.enumerate() {
        let mut bound = Bound::default();
        postings.iter().for_each(|posting| bound.add(posting.freq, posting.len));
        let last = postings.last().map_or(END, |posting| posting.doc);
        match <&[Posting; BLOCK]>::try_from(postings) {
            Ok(postings) => encode_block(postings, &mut before, out),
            Err(_) => encode_few(postings, &mut before, out),
        }
        let end = u32::try_from(out.len() - data).unwrap_or(u32::MAX);
        let entry = &mut out[table + block * ENTRY..][..ENTRY];
        entry[..4].copy_from_slice(&last.to_le_bytes());
        entry[4..8].copy_from_slice(&end.to_le_bytes());
        entry[8..12].copy_from_slice(&positions_end(block).to_le_bytes());
        entry[12..].copy_from_slice(&bound.to_bytes());
    }
}

fn encode_few(postings: &[Posting], before: &mut u32, out: &mut Vec<u8>) {
    for Posting { doc, freq, .. } in postings {
        // From one before the first document the distance is at least one.
        let distance = u64::from(doc.wrapping_sub(*before) - 1);
        varint::put(out, (distance << 1) | u64::from(*freq == 1));
        if *freq != 1 {
            varint::put(out, u64::from(freq.saturating_sub(2)));
        }
        *before = *doc;
    }
}

fn encode_block(postings: &[Posting; BLOCK], before: &mut u32, out: &mut Vec<u8>) {
    let mut distances = [0; BLOCK];
    for (distance, posting) in distances.iter_mut().zip(postings) {
        *distance = posting.doc.wrapping_sub(*before) - 1;
        *before = posting.doc;
    }
    bitpack::pack(&distances, out);
    bitpack::pack(&postings.map(|posting| posting.freq - 1), out);
}

/// A reader of a list, from its first document to its last.
///
/// Bytes that are no list end it early; [`is_whole`](Postings::is_whole) tells.
#[derive(Debug, Clone)]
pub(crate) struct Postings<'a> {
    table: &'a [[u8; ENTRY]],
    data: &'a [u8],
    count: u32,
    /// The block that `docs` are of.
    block: usize,
    /// The block that [`bound_from`](Postings::bound_from) last looked at.
    glance: usize,
    docs: [u32; BLOCK],
    freqs: [u32; BLOCK],
    /// The occurrences of a block of 128, not unpacked yet.
    packed_freqs: Option<Reader<'a>>,
    len: usize,
    at: usize,
    is_damaged: bool,
}

impl<'a> Postings<'a> {
    /// Reads the list of `count` documents, standing on its first one.
    pub(crate) fn new(bytes: &'a [u8], count: u32) -> Postings<'a> {
        let blocks = blocks_of(count);
        let table = blocks * ENTRY;
        let (table, data) = bytes.split_at_checked(table).unwrap_or_default();
        let mut postings = Postings {
            table: table.as_chunks().0,
            data,
            count,
            block: 0,
            glance: 0,
            docs: [0; BLOCK],
            freqs: [0; BLOCK],
            packed_freqs: None,
            len: 0,
            at: 0,
            is_damaged: blocks != table.len() / ENTRY,
        };
        if !postings.is_damaged && count > 0 {
            postings.load(0);
        }
        postings
    }

    /// How many documents the list has.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// Whether what was read so far is a list as [`encode`] writes it.
    pub(crate) fn is_whole(&self) -> bool {
        !self.is_damaged
    }

    /// The document it stands on, or [`END`].
    #[inline]
    pub(crate) fn doc(&self) -> u32 {
        if self.at < self.len { self.docs[self.at % BLOCK] } else { END }
    }

    /// How often the term is in the document it stands on.
    #[inline]
    pub(crate) fn freq(&mut self) -> u32 {
        self.unpack_freqs();
        self.freqs[self.at % BLOCK]
    }

    /// Goes to the next document.
    #[inline]
    pub(crate) fn next(&mut self) -> u32 {
        self.at += 1;
        if self.at >= self.len {
            self.load(self.block + 1);
        }
        self.doc()
    }

    /// Goes to the first document from `target` on; not back.
    #[inline]
    pub(crate) fn seek(&mut self, target: u32) -> u32 {
        if self.doc() >= target {
            return self.doc();
        }
        if self.len == 0 || self.docs[self.len - 1] < target {
            let block = self.block_of(target, self.block + 1);
            self.load(block);
        }
        // The next ones are near as often as not.
        let rest = &self.docs[self.at..self.len];
        let near = rest.iter().take(8).take_while(|doc| **doc < target).count();
        self.at += match near {
            8 => rest.partition_point(|doc| *doc < target),
            near => near,
        };
        if self.at >= self.len {
            // The table and the block do not agree.
            self.is_damaged |= self.len > 0;
            self.len = 0;
        }
        self.doc()
    }

    /// What is left of the block it stands in: documents, and occurrences in them.
    #[inline]
    pub(crate) fn rest_of_block(&mut self) -> (&[u32], &[u32]) {
        self.unpack_freqs();
        let rest = self.at.min(self.len)..self.len;
        (&self.docs[rest.clone()], &self.freqs[rest])
    }

    /// Goes to the first document behind the block it stands in.
    pub(crate) fn next_block(&mut self) -> u32 {
        self.load(self.block + 1);
        self.doc()
    }

    /// The bound of the block that has the first document from `target` on, which is not unpacked,
    /// and the last document of it; `None` when there is no table or no such document.
    #[inline]
    pub(crate) fn bound_from(&mut self, target: u32) -> Option<(Bound, u32)> {
        let from = self.glance.max(self.block);
        self.glance = match self.table.get(from) {
            Some(entry) if last_of(entry) >= target => from,
            _ => self.block_of(target, from),
        };
        let entry = self.table.get(self.glance)?;
        let [.., once, most, more] = *entry;
        Some((Bound::from_bytes([once, most, more]), last_of(entry)))
    }

    /// Which of the blocks it stands in, and which document in it; for [`Positions`].
    ///
    /// [`Positions`]: super::positions::Positions
    pub(super) fn place(&mut self) -> (usize, usize) {
        self.unpack_freqs();
        (self.block, self.at)
    }

    /// The occurrences in each document of the block.
    pub(super) fn freqs_of_block(&self) -> &[u32] {
        &self.freqs[..self.len]
    }

    /// Where the positions of a block are.
    pub(super) fn positions_of(&self, block: usize, all: usize) -> std::ops::Range<usize> {
        let end = |entry: &[u8; ENTRY]| {
            let [_, _, _, _, _, _, _, _, a, b, c, d, ..] = *entry;
            u32::from_le_bytes([a, b, c, d]) as usize
        };
        let start = block.checked_sub(1).and_then(|before| self.table.get(before)).map_or(0, end);
        start..self.table.get(block).map_or(all, end)
    }

    /// The first block from `from` on whose last document is not before `target`.
    fn block_of(&self, target: u32, from: usize) -> usize {
        let rest = self.table.get(from..).unwrap_or_default();
        // Mostly it is not far.
        let near = rest.iter().take(4).take_while(|entry| last_of(entry) < target).count();
        match near {
            4 => from + rest.partition_point(|entry| last_of(entry) < target),
            near => from + near,
        }
    }

    fn load(&mut self, block: usize) {
        self.block = block;
        self.at = 0;
        self.len = 0;
        self.packed_freqs = None;
        if block >= self.table.len().max(1) || self.is_damaged {
            return;
        }
        self.is_damaged = self.unpack(block).is_none();
    }

    fn unpack(&mut self, block: usize) -> Option<()> {
        let len = (self.count as usize - block * BLOCK).min(BLOCK);
        let (mut before, start) = match block.checked_sub(1).map(|before| self.table.get(before)) {
            None => (END, 0),
            Some(entry) => (last_of(entry?), end_of(entry?)),
        };
        let end = self.table.get(block).map_or(self.data.len(), end_of);
        let mut reader = Reader::new(self.data.get(start..end)?);
        if len == BLOCK {
            bitpack::unpack(&mut reader, &mut self.docs)?;
            for doc in &mut self.docs {
                before = before.wrapping_add(*doc).wrapping_add(1);
                *doc = before;
            }
            self.packed_freqs = Some(reader);
        } else {
            for (doc, freq) in self.docs.iter_mut().zip(&mut self.freqs).take(len) {
                let n = reader.u64()?;
                before = before.wrapping_add(u32::try_from(n >> 1).ok()?).wrapping_add(1);
                *doc = before;
                *freq = if n & 1 == 1 { 1 } else { reader.u32()?.saturating_add(2) };
            }
        }
        self.len = len;
        Some(())
    }

    #[inline]
    fn unpack_freqs(&mut self) {
        let Some(mut reader) = self.packed_freqs.take() else { return };
        match bitpack::unpack(&mut reader, &mut self.freqs) {
            Some(()) => self.freqs.iter_mut().for_each(|freq| *freq = freq.saturating_add(1)),
            None => {
                self.is_damaged = true;
                self.len = 0;
            }
        }
    }
}

/// How many bytes a list of fewer than 128 documents has, which begins with `bytes`.
pub(super) fn few_bytes(bytes: &[u8], count: u32) -> Option<usize> {
    if blocks_of(count) > 0 {
        return None;
    }
    let mut reader = Reader::new(bytes);
    for _ in 0..count {
        if reader.u64()? & 1 == 0 {
            reader.u64()?;
        }
    }
    Some(bytes.len() - reader.rest().len())
}

/// How many entries the table of a list has.
fn blocks_of(count: u32) -> usize {
    if (count as usize) < BLOCK { 0 } else { (count as usize).div_ceil(BLOCK) }
}

#[inline]
fn last_of(entry: &[u8; ENTRY]) -> u32 {
    let [a, b, c, d, ..] = *entry;
    u32::from_le_bytes([a, b, c, d])
}

fn end_of(entry: &[u8; ENTRY]) -> usize {
    let [_, _, _, _, a, b, c, d, ..] = *entry;
    u32::from_le_bytes([a, b, c, d]) as usize
}
