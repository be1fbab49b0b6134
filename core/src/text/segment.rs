//! Segments: immutable inverted indexes of some documents, in parts of some ten kilobytes.
//!
//! | module | what |
//! |---|---|
//! | [`head`] | the table of contents |
//! | [`terms`] | the terms in order, with where their lists are |
//! | [`postings`], [`bound`] | the documents of a term, and what they can score at most |
//! | [`positions`] | where in them it stands |
//! | [`documents`] | keys, lengths and times of the documents |
//! | [`attributes`] | what filters ask for |
//! | [`writer`] | writing one |
//!
//! Parts are read when they are first needed and kept until the memory is wanted back. What is
//! read is held to its checksum, and damage behind that is an error too, never a panic.

use std::ops::{Deref, Range};
use std::sync::Arc;

use parking_lot::Mutex;

pub(super) mod attributes;
mod bound;
pub(super) mod documents;
pub(super) mod head;
pub(super) mod positions;
pub(super) mod postings;
pub(super) mod terms;
pub(super) mod writer;

use crate::error::{Error, Result};
use crate::vector::Attributes;
use documents::Documents;
use head::{Head, Kind};
use terms::{Entry, Place, Scan, TermsPart};

/// Where the parts of segments are read from.
pub(crate) trait Source {
    /// The bytes of a part.
    fn read(&self, segment: i64, part: u32) -> Result<Vec<u8>>;
}

/// The source of segments that are whole in memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nowhere;

impl Source for Nowhere {
    fn read(&self, _: i64, part: u32) -> Result<Vec<u8>> {
        Err(Error::corrupt(format!("part {part} of a segment in memory is missing")))
    }
}

/// A segment, with those of its parts that were read.
#[derive(Debug)]
pub(crate) struct Segment {
    id: i64,
    head: Head,
    /// The numbers of the parts with terms.
    terms: Vec<u32>,
    /// Where in its stream a part begins, and its number.
    postings: Vec<(u64, u32)>,
    positions: Vec<(u64, u32)>,
    /// The document behind the last one of each part with attributes, and its number.
    attributes: Vec<(u32, u32)>,
    read: Mutex<Read>,
}

/// What was read of a segment.
#[derive(Debug, Clone, Default)]
struct Read {
    parts: Vec<Option<Arc<[u8]>>>,
    /// By the order of their parts.
    attributes: Vec<Option<Arc<Attributes>>>,
    /// How many bytes all these have.
    bytes: usize,
    documents: Option<Arc<Documents>>,
}

impl Segment {
    /// A segment whose parts will be read from a source.
    pub(crate) fn new(id: i64, head: Head) -> Segment {
        let (mut terms, mut postings, mut positions) = (Vec::new(), Vec::new(), Vec::new());
        let (mut postings_end, mut positions_end) = (0, 0);
        let mut attributes = Vec::new();
        for (number, part) in (0..).zip(&head.parts) {
            match part.kind {
                Kind::Terms => terms.push(number),
                Kind::Postings => {
                    postings.push((postings_end, number));
                    postings_end += part.len;
                }
                Kind::Positions => {
                    positions.push((positions_end, number));
                    positions_end += part.len;
                }
                Kind::Documents => {}
                Kind::Attributes => {
                    attributes.extend(part.attributes_end().map(|end| (end, number)));
                }
            }
        }
        let read = Read {
            parts: vec![None; head.parts.len()],
            attributes: vec![None; attributes.len()],
            ..Read::default()
        };
        Segment { id, head, terms, postings, positions, attributes, read: Mutex::new(read) }
    }

    /// A segment that is whole in memory.
    pub(crate) fn in_memory(
        id: i64,
        head: Head,
        parts: impl IntoIterator<Item = (u32, Vec<u8>)>,
        documents: Documents,
    ) -> Segment {
        let segment = Segment::new(id, head);
        for (number, bytes) in parts {
            segment.keep(number, bytes.into());
        }
        segment.read.lock().documents = Some(Arc::new(documents));
        segment
    }

    fn keep(&self, number: u32, bytes: Arc<[u8]>) {
        let mut read = self.read.lock();
        if let Some(place) = read.parts.get_mut(number as usize) {
            let len = bytes.len();
            *place = Some(bytes);
            read.bytes += len;
        }
    }

    pub(crate) fn id(&self) -> i64 {
        self.id
    }

    pub(crate) fn head(&self) -> &Head {
        &self.head
    }

    /// How many bytes of memory what was read takes.
    pub(crate) fn memory(&self) -> usize {
        let read = self.read.lock();
        read.bytes + read.documents.as_ref().map_or(0, |documents| documents.memory())
    }

    /// How many bytes of memory the parts take that were read.
    pub(crate) fn parts_memory(&self) -> usize {
        self.read.lock().bytes
    }

    /// Forgets the parts that were read, which must be of a source.
    pub(crate) fn forget(&self) {
        let mut read = self.read.lock();
        read.parts.fill(None);
        read.attributes.fill(None);
        read.bytes = 0;
    }

    /// Takes over what was read of a segment of the same bytes.
    pub(crate) fn adopt(&self, other: &Segment) {
        let read = other.read.lock().clone();
        *self.read.lock() = read;
    }

    /// The parts of a segment that is whole in memory.
    pub(crate) fn parts(&self) -> Vec<Arc<[u8]>> {
        self.read.lock().parts.iter().flatten().cloned().collect()
    }

    /// The segment, to be read from `source`.
    pub(crate) fn open<'a>(&'a self, source: &'a dyn Source) -> SegmentReader<'a> {
        SegmentReader { segment: self, source }
    }

    pub(crate) fn damaged(&self) -> Error {
        Error::corrupt(format!("segment {} of a text index is damaged: rebuild the index", self.id))
    }
}

/// Some bytes of a part.
#[derive(Debug, Clone)]
pub(crate) struct Slice {
    part: Arc<[u8]>,
    range: Range<usize>,
}

impl Deref for Slice {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.part.get(self.range.clone()).unwrap_or_default()
    }
}

/// The documents that hold a term.
#[derive(Debug, Clone)]
pub(crate) struct List {
    pub(crate) count: u32,
    pub(crate) docs: Slice,
    positions: PositionsPlace,
}

#[derive(Debug, Clone)]
enum PositionsPlace {
    /// Behind the documents.
    Behind,
    There(Range<u64>),
}

/// A segment with the source of its parts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SegmentReader<'a> {
    segment: &'a Segment,
    source: &'a dyn Source,
}

impl std::fmt::Debug for dyn Source + '_ {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Source")
    }
}

impl<'a> SegmentReader<'a> {
    pub(crate) fn head(&self) -> &'a Head {
        &self.segment.head
    }

    /// The error of a segment that is damaged, unless it is whole.
    pub(crate) fn check(&self, is_whole: bool) -> Result<()> {
        if is_whole { Ok(()) } else { Err(self.segment.damaged()) }
    }

    /// The bytes of a part, held to their checksum when they are read.
    pub(crate) fn part(&self, number: u32) -> Result<Arc<[u8]>> {
        let cached = self.segment.read.lock().parts.get(number as usize).cloned().flatten();
        if let Some(bytes) = cached {
            return Ok(bytes);
        }
        let part = self.segment.head.parts.get(number as usize);
        let part = part.ok_or_else(|| self.segment.damaged())?;
        let bytes = self.source.read(self.segment.id, number)?;
        if bytes.len() as u64 != part.len || head::checksum(&bytes) != part.checksum {
            return Err(self.segment.damaged());
        }
        let bytes: Arc<[u8]> = bytes.into();
        self.segment.keep(number, Arc::clone(&bytes));
        Ok(bytes)
    }

    /// The documents.
    pub(crate) fn documents(&self) -> Result<Arc<Documents>> {
        if let Some(documents) = &self.segment.read.lock().documents {
            return Ok(Arc::clone(documents));
        }
        let mut documents = Documents::default();
        for (number, part) in (0..).zip(&self.segment.head.parts) {
            if part.kind == Kind::Documents {
                // Read once, and held in another form from then on.
                let bytes = self.source.read(self.segment.id, number)?;
                let is_whole = head::checksum(&bytes) == part.checksum;
                if !is_whole || documents.decode(&bytes).is_none() {
                    return Err(self.segment.damaged());
                }
            }
        }
        if documents.len() != self.segment.head.documents as usize {
            return Err(self.segment.damaged());
        }
        let documents = Arc::new(documents);
        self.segment.read.lock().documents = Some(Arc::clone(&documents));
        Ok(documents)
    }

    /// The list of a term, if the segment has it.
    pub(crate) fn find(&self, term: &[u8]) -> Result<Option<List>> {
        let mut walk = self.walk(term)?;
        while walk.next()? {
            match walk.term().cmp(term) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => return self.list(&walk).map(Some),
                std::cmp::Ordering::Greater => break,
            }
        }
        Ok(None)
    }

    /// A walk over the terms in order, beginning at most some terms before `from`.
    pub(crate) fn walk(&self, from: &[u8]) -> Result<TermWalk<'a>> {
        let first = |number: &u32| match self.segment.head.parts.get(*number as usize) {
            Some(part) => &*part.mark <= from,
            None => false,
        };
        let index = self.segment.terms.partition_point(first).saturating_sub(1);
        let mut walk = TermWalk { reader: *self, index, part: None, term: Vec::new(), entry: None };
        walk.enter(from)?;
        Ok(walk)
    }

    /// The list of the term on which a walk stands.
    pub(crate) fn list(&self, walk: &TermWalk<'_>) -> Result<List> {
        let damaged = || self.segment.damaged();
        let (Some(entry), Some((part, _))) = (&walk.entry, &walk.part) else {
            return Err(damaged());
        };
        let count = entry.count;
        Ok(match &entry.place {
            Place::Here(range) => {
                let docs = Slice { part: Arc::clone(part), range: range.clone() };
                List { count, docs, positions: PositionsPlace::Behind }
            }
            Place::There { docs, positions } => List {
                count,
                docs: self.stream(&self.segment.postings, docs)?,
                positions: PositionsPlace::There(positions.clone()),
            },
        })
    }

    /// The positions beside a list.
    pub(crate) fn positions(&self, list: &List) -> Result<Slice> {
        match &list.positions {
            PositionsPlace::There(range) => self.stream(&self.segment.positions, range),
            PositionsPlace::Behind => {
                let docs = &list.docs;
                let len = postings::few_bytes(docs, list.count);
                let len = len.ok_or_else(|| self.segment.damaged())?;
                let range = docs.range.start + len..docs.range.end;
                Ok(Slice { part: Arc::clone(&docs.part), range })
            }
        }
    }

    fn stream(&self, parts: &[(u64, u32)], range: &Range<u64>) -> Result<Slice> {
        let damaged = || self.segment.damaged();
        let index = parts.partition_point(|(start, _)| *start <= range.start);
        let (start, number) =
            index.checked_sub(1).and_then(|index| parts.get(index)).ok_or_else(damaged)?;
        let part = self.part(*number)?;
        let within = |at: u64| at.checked_sub(*start).and_then(|at| usize::try_from(at).ok());
        let range = within(range.start).zip(within(range.end)).map(|(start, end)| start..end);
        let range = range.filter(|range| range.end <= part.len()).ok_or_else(damaged)?;
        Ok(Slice { part, range })
    }
}

/// A walk over the terms of a segment.
#[derive(Debug)]
pub(crate) struct TermWalk<'a> {
    reader: SegmentReader<'a>,
    /// Which of the parts with terms.
    index: usize,
    /// The part, and how far it was read.
    part: Option<(Arc<[u8]>, Scan)>,
    term: Vec<u8>,
    entry: Option<Entry>,
}

impl TermWalk<'_> {
    /// The term it stands on.
    pub(crate) fn term(&self) -> &[u8] {
        &self.term
    }

    /// How many documents hold the term it stands on.
    pub(crate) fn count(&self) -> u32 {
        self.entry.as_ref().map_or(0, |entry| entry.count)
    }

    /// Goes to the next term; whether there is one.
    pub(crate) fn next(&mut self) -> Result<bool> {
        loop {
            let Some((bytes, scan)) = &mut self.part else {
                self.entry = None;
                return Ok(false);
            };
            let part = TermsPart::new(bytes).ok_or_else(|| self.reader.segment.damaged())?;
            if let Some(entry) = scan.next(part, &mut self.term) {
                self.entry = Some(entry);
                return Ok(true);
            }
            if !scan.is_at_end(part) {
                return Err(self.reader.segment.damaged());
            }
            self.index += 1;
            self.enter(&[])?;
        }
    }

    /// Reads the part at `index`, if there is one, from the block on in which `from` would be.
    fn enter(&mut self, from: &[u8]) -> Result<()> {
        self.part = None;
        let Some(number) = self.reader.segment.terms.get(self.index) else { return Ok(()) };
        let bytes = self.reader.part(*number)?;
        let scan = TermsPart::new(&bytes).and_then(|part| part.seek(from));
        let scan = scan.ok_or_else(|| self.reader.segment.damaged())?;
        self.part = Some((bytes, scan));
        Ok(())
    }
}
