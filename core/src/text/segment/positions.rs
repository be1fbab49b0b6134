//! Where in the documents a term stands.
//!
//! For each [block](super::postings) of documents the positions of all of them, one document after
//! another: the first of a document as it is, the others as the distance from the one before less
//! one. 128 at a time are [packed](super::super::bitpack), the rest are varints.

use super::postings::Postings;
use crate::text::bitpack::{self, BLOCK};
use crate::text::varint::{self, Reader};

/// Adds what belongs to one block of documents to the end of `out`.
pub(super) fn encode(distances: &[u32], out: &mut Vec<u8>) {
    let (blocks, rest) = distances.as_chunks::<BLOCK>();
    blocks.iter().for_each(|block| bitpack::pack(block, out));
    rest.iter().for_each(|distance| varint::put(out, u64::from(*distance)));
}

/// A reader of the positions beside a list of documents.
#[derive(Debug, Clone)]
pub(crate) struct Positions<'a> {
    bytes: &'a [u8],
    /// The block that `distances` are of.
    block: Option<usize>,
    distances: Vec<u32>,
    /// Where each document of the block begins in `distances`, and the end.
    starts: Vec<u32>,
    is_damaged: bool,
}

impl<'a> Positions<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Positions<'a> {
        Positions {
            bytes,
            block: None,
            distances: Vec::new(),
            starts: Vec::new(),
            is_damaged: false,
        }
    }

    /// Whether what was read so far is what [`encode`] writes.
    pub(crate) fn is_whole(&self) -> bool {
        !self.is_damaged
    }

    /// Adds the positions in the document that `postings` stand on to the end of `out`, ascending.
    pub(crate) fn read(&mut self, postings: &mut Postings<'_>, out: &mut Vec<u32>) {
        let mut before = u32::MAX;
        out.extend(self.distances(postings).iter().map(|distance| {
            before = before.wrapping_add(*distance).wrapping_add(1);
            before
        }));
    }

    /// The positions in the document that `postings` stand on, as [`encode`] takes them.
    pub(crate) fn distances(&mut self, postings: &mut Postings<'_>) -> &[u32] {
        let (block, at) = postings.place();
        if self.block != Some(block) {
            self.block = Some(block);
            if self.unpack(postings, block).is_none() {
                self.is_damaged = true;
                self.distances.clear();
                self.starts.clear();
            }
        }
        let (Some(start), Some(end)) = (self.starts.get(at), self.starts.get(at + 1)) else {
            return &[];
        };
        self.distances.get(*start as usize..*end as usize).unwrap_or_default()
    }

    fn unpack(&mut self, postings: &Postings<'_>, block: usize) -> Option<()> {
        let mut reader =
            Reader::new(self.bytes.get(postings.positions_of(block, self.bytes.len()))?);
        self.starts.clear();
        let mut count = 0_u32;
        self.starts.push(0);
        for freq in postings.freqs_of_block() {
            count = count.checked_add(*freq)?;
            self.starts.push(count);
        }
        let count = count as usize;
        // A position takes a bit at least, or so would many an occurrence that is not there.
        if count / BLOCK > reader.rest().len() {
            return None;
        }
        self.distances.clear();
        self.distances.resize(count, 0);
        let (blocks, rest) = self.distances.as_chunks_mut::<BLOCK>();
        for block in blocks {
            bitpack::unpack(&mut reader, block)?;
        }
        for distance in rest {
            *distance = reader.u32()?;
        }
        Some(())
    }
}
