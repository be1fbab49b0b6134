//! Writing a segment, term by term.

use super::head::{Head, Kind, Part, checksum};
use super::postings::{self, Posting};
use super::terms::TermsWriter;
use super::{documents, positions};
use crate::text::bitpack::BLOCK;
use crate::text::varint;

/// A part is closed when it would get longer than this; a longer list has a part of its own.
pub(crate) const PART_BYTES: usize = 32 * 1024;

/// Writes the lists of a segment's terms into parts.
#[derive(Debug, Default)]
pub(crate) struct SegmentWriter {
    head: Head,
    /// Parts that are finished: their number and their bytes.
    done: Vec<(u32, Vec<u8>)>,
    terms: TermsWriter,
    docs: Vec<u8>,
    positions: Vec<u8>,
    /// Where the two streams end.
    ends: (u64, u64),
    /// The term that is being written.
    list: Vec<u8>,
    beside: Vec<u8>,
    blocks: Vec<u32>,
}

impl SegmentWriter {
    /// Goes on with a segment whose parts so far are written.
    pub(crate) fn resume(head: Head) -> SegmentWriter {
        let end = |kind| {
            let parts = head.parts.iter().filter(|part| part.kind == kind);
            parts.map(|part| part.len).sum()
        };
        let ends = (end(Kind::Postings), end(Kind::Positions));
        SegmentWriter { head, ends, ..SegmentWriter::default() }
    }

    /// Adds a term, which must be behind the one before: its documents, ascending, and for those
    /// one after another the first position and the distances from each to the next less one; no
    /// distances at all for a term without positions.
    pub(crate) fn add(&mut self, term: &[u8], postings: &[Posting], distances: &[u32]) {
        self.list.clear();
        self.beside.clear();
        self.blocks.clear();
        if !distances.is_empty() {
            let mut rest = distances;
            for block in postings.chunks(BLOCK) {
                let count: usize = block.iter().map(|posting| posting.freq as usize).sum();
                let (block, behind) = rest.split_at(count.min(rest.len()));
                positions::encode(block, &mut self.beside);
                self.blocks.push(u32::try_from(self.beside.len()).unwrap_or(u32::MAX));
                rest = behind;
            }
        }
        let end_of = |block: usize| self.blocks.get(block).copied().unwrap_or(0);
        postings::encode(postings, end_of, &mut self.list);
        let count = u32::try_from(postings.len()).unwrap_or(u32::MAX);
        if !self.terms.add(term, count, &self.list, &self.beside, self.ends) {
            if !self.docs.is_empty() && self.docs.len() + self.list.len() > PART_BYTES {
                close(&mut self.head, &mut self.done, Kind::Postings, &mut self.docs);
            }
            self.docs.extend_from_slice(&self.list);
            if !self.positions.is_empty() && self.positions.len() + self.beside.len() > PART_BYTES {
                close(&mut self.head, &mut self.done, Kind::Positions, &mut self.positions);
            }
            self.positions.extend_from_slice(&self.beside);
            self.ends.0 += self.list.len() as u64;
            self.ends.1 += self.beside.len() as u64;
        }
        if self.terms.len() >= PART_BYTES {
            self.close_terms();
        }
    }

    fn close_terms(&mut self) {
        if !self.terms.is_empty() {
            let (bytes, first) = self.terms.take();
            put(&mut self.head, &mut self.done, Kind::Terms, bytes, first.into());
        }
    }

    /// Adds a part of attributes, of the documents behind those before up to `end`.
    pub(crate) fn add_attributes(&mut self, end: u32, bytes: Vec<u8>) {
        let mut mark = Vec::new();
        varint::put(&mut mark, end.into());
        put(&mut self.head, &mut self.done, Kind::Attributes, bytes, mark.into());
    }

    /// Of how many documents it has the attributes.
    pub(crate) fn attributes_end(&self) -> u32 {
        self.head.parts.iter().rev().find_map(Part::attributes_end).unwrap_or(0)
    }

    /// Adds the documents, and notes how many they are and how long.
    pub(crate) fn add_documents(&mut self, documents: &documents::Documents) {
        self.head.documents = u32::try_from(documents.len()).unwrap_or(u32::MAX);
        self.head.tokens = documents.lens().iter().map(|len| u64::from(*len)).sum();
        for start in (0..documents.len()).step_by(documents::PART_DOCUMENTS) {
            let end = documents.len().min(start + documents::PART_DOCUMENTS);
            let bytes = documents.encode(start..end);
            put(&mut self.head, &mut self.done, Kind::Documents, bytes, Box::default());
        }
    }

    /// How many bytes wait to be taken.
    pub(crate) fn waiting(&self) -> usize {
        let done: usize = self.done.iter().map(|(_, bytes)| bytes.len()).sum();
        done + self.terms.len() + self.docs.len() + self.positions.len()
    }

    /// Closes the open parts, and gives those that were not given before, with the head so far.
    pub(crate) fn take(&mut self) -> (&Head, Vec<(u32, Vec<u8>)>) {
        self.close_terms();
        for (kind, bytes) in
            [(Kind::Postings, &mut self.docs), (Kind::Positions, &mut self.positions)]
        {
            if !bytes.is_empty() {
                close(&mut self.head, &mut self.done, kind, bytes);
            }
        }
        (&self.head, std::mem::take(&mut self.done))
    }
}

fn close(head: &mut Head, done: &mut Vec<(u32, Vec<u8>)>, kind: Kind, bytes: &mut Vec<u8>) {
    put(head, done, kind, std::mem::take(bytes), Box::default());
}

fn put(
    head: &mut Head,
    done: &mut Vec<(u32, Vec<u8>)>,
    kind: Kind,
    bytes: Vec<u8>,
    mark: Box<[u8]>,
) {
    let number = u32::try_from(head.parts.len()).unwrap_or(u32::MAX);
    let (len, checksum) = (bytes.len() as u64, checksum(&bytes));
    head.parts.push(Part { kind, len, checksum, mark });
    done.push((number, bytes));
}
