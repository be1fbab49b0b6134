//! The index snapshot: one self-contained run of bytes, checksummed by section.
//!
//! | bytes | what |
//! |---|---|
//! | 0..8 | magic `SIGILVIX` |
//! | 8..10 | format version, u16 little-endian: 2 |
//! | 10..12 | zero |
//! | 12..20 | length of everything behind the header, u64 little-endian |
//! | 20..28 | XXH3-64 of the table of sections, u64 little-endian |
//! | 28..36 | XXH3-64 of bytes 0..28, u64 little-endian |
//! | 36..136 | the table: for each section its length and its XXH3-64, u64 little-endian |
//! | 136.. | the sections, one after another |
//!
//! The sections are
//!
//! 1. the [`Head`], in [postcard](https://postcard.jamesmunns.com/wire-format)'s encoding,
//! 2. the ids: the length of each in bytes, u16 little-endian, and after them their texts,
//! 3. the metadata, packed as [`Attributes`] are,
//! 4. the elements of all vectors in their precision: f32 or f16 little-endian, or the bytes of
//!    integers and after those of each vector its scale, f32 little-endian,
//! 5. the [cells](super::cells), or nothing where there are none.
//!
//! Magic, version and the header's checksum stay where they are in every version, so that a newer
//! file can be told from a damaged one. [Version 1](v1) is read too.

use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

use super::attributes::Attributes;
use super::cells::{Cells, Source};
use super::distance::RowNorm;
use super::elements::Elements;
use super::{Metric, Precision, VectorIndex, check_id};
use crate::error::{Error, ErrorKind, Result};

mod v1;

const MAGIC: &[u8; 8] = b"SIGILVIX";
const VERSION: u16 = 2;
const HEADER_BYTES: usize = 36;
const SECTIONS: usize = 5;
const ENTRY_BYTES: usize = 16;
const TABLE_BYTES: usize = SECTIONS * ENTRY_BYTES;

/// Which state of which collection a snapshot of an index holds.
///
/// The index only carries it: all zero means an index that is used alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct SnapshotMark {
    /// The last change that is in the index, by the database's change sequence.
    pub watermark: u64,
    /// The database the index belongs to.
    pub store: [u8; 16],
    /// The collection within that database.
    pub collection: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Head {
    metric: Metric,
    precision: Precision,
    dimensions: u32,
    count: u32,
    mark: SnapshotMark,
}

impl VectorIndex {
    /// The whole index as bytes, for [`from_bytes`](VectorIndex::from_bytes).
    ///
    /// # Errors
    /// [`Full`](ErrorKind::Full) when memory runs out.
    ///
    /// ```
    /// use sigil_core::{Metadata, Metric, VectorIndex};
    /// let mut index = VectorIndex::new(2, Metric::Cosine)?;
    /// index.add("a", &[0.5, 2.0], Metadata::new())?;
    /// let bytes = index.to_bytes()?;
    /// assert_eq!(VectorIndex::from_bytes(&bytes)?.get("a"), index.get("a"));
    /// # Ok::<(), sigil_core::Error>(())
    /// ```
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        self.to_bytes_marked(&SnapshotMark::default())
    }

    /// The whole index as bytes that carry `mark`.
    ///
    /// # Errors
    /// [`Full`](ErrorKind::Full) when memory runs out.
    pub fn to_bytes_marked(&self, mark: &SnapshotMark) -> Result<Vec<u8>> {
        let head = Head {
            metric: self.metric,
            precision: self.precision(),
            dimensions: u32::try_from(self.dimensions).unwrap_or(u32::MAX),
            count: self.count(),
            mark: *mark,
        };
        let mut bytes = vec![0; HEADER_BYTES + TABLE_BYTES];
        let cells = self.cells.as_ref().map_or(0, Cells::memory);
        reserve(&mut bytes, self.elements.memory() + cells + self.len() * 64)?;
        let mut ends = [0; SECTIONS];
        bytes = postcard::to_extend(&head, bytes).map_err(|error| {
            Error::with_source(ErrorKind::Engine, "an index could not be encoded", error)
        })?;
        ends[0] = bytes.len();
        self.ids.encode(&mut bytes);
        ends[1] = bytes.len();
        self.attributes.encode(&mut bytes);
        ends[2] = bytes.len();
        self.elements.encode(&mut bytes);
        ends[3] = bytes.len();
        if let Some(cells) = &self.cells {
            cells.encode(&mut bytes);
        }
        ends[4] = bytes.len();
        seal(&mut bytes, ends);
        Ok(bytes)
    }

    /// Reads an index from the bytes of [`to_bytes`](VectorIndex::to_bytes).
    ///
    /// Every single damaged byte is found, and no more memory is taken than the bytes given can
    /// account for.
    ///
    /// # Errors
    /// [`NewerFormat`](ErrorKind::NewerFormat) for a version this release does not know;
    /// [`Corrupt`](ErrorKind::Corrupt) for anything else that is not a whole, intact snapshot;
    /// [`Full`](ErrorKind::Full) when memory runs out.
    pub fn from_bytes(bytes: &[u8]) -> Result<VectorIndex> {
        VectorIndex::from_bytes_marked(bytes).map(|(index, _)| index)
    }

    /// Reads an index and the mark it was written with.
    ///
    /// # Errors
    /// Those of [`from_bytes`](VectorIndex::from_bytes).
    pub fn from_bytes_marked(bytes: &[u8]) -> Result<(VectorIndex, SnapshotMark)> {
        let sections = match open(bytes)? {
            Opened::V1(payload) => return v1::read(payload),
            Opened::V2(sections) => sections,
        };
        let [head, ids, metadata, elements, cells] = sections;
        let (head, rest) = take::<Head>(head)?;
        let count = head.count as usize;
        let mut index =
            VectorIndex::with_precision(head.dimensions as usize, head.metric, head.precision)
                .map_err(|error| damaged("its dimensions").context_of(error))?;
        if !rest.is_empty() {
            return Err(damaged("the length of its head").into());
        }
        let row_bytes = head.precision.vector_bytes(index.dimensions);
        if count.checked_mul(row_bytes) != Some(elements.len()) {
            return Err(damaged("the length of its vectors").into());
        }
        index.read_ids(ids, count)?;
        index.attributes = Attributes::decode(metadata, count)?;
        index.elements = Elements::decode(head.precision, index.dimensions, elements)
            .ok_or_else(|| damaged("its vectors"))?;
        for slot in 0..count {
            let row = index.elements.get(slot);
            // An infinite or missing element leaves no other trace in 32 bits than this.
            let Some(norm) = RowNorm::checked(&row) else {
                return Err(damaged("an element that is not a finite number").into());
            };
            index.norms.push([norm]);
        }
        if !cells.is_empty() {
            let source = Source { elements: &index.elements, metric: index.metric };
            let cells = Cells::decode(source, count, cells).ok_or_else(|| damaged("its cells"))?;
            index.cells = Some(cells);
        } else if count > 0 {
            index.start_cells();
        }
        Ok((index, head.mark))
    }

    fn read_ids(&mut self, section: &[u8], count: usize) -> Result<()> {
        let lengths_bytes = count.checked_mul(2).filter(|bytes| *bytes <= section.len());
        let Some((lengths, texts)) = lengths_bytes.and_then(|at| section.split_at_checked(at))
        else {
            return Err(damaged("the number of its ids").into());
        };
        let mut texts = std::str::from_utf8(texts)
            .map_err(|error| damaged("the text of its ids").context_of(error))?;
        self.reserve_ids(count)?;
        for length in lengths.as_chunks().0 {
            let length = usize::from(u16::from_le_bytes(*length));
            let Some((id, rest)) = texts.split_at_checked(length) else {
                return Err(damaged("the lengths of its ids").into());
            };
            texts = rest;
            check_id(id).map_err(|error| damaged("an id").context_of(error))?;
            if self.ids.slot(id).is_some() {
                return Err(damaged("an id that is there twice").into());
            }
            self.ids.push(id);
        }
        if texts.is_empty() { Ok(()) } else { Err(damaged("the lengths of its ids").into()) }
    }
}

impl SnapshotMark {
    /// Reads only the mark from the bytes of a snapshot, without building the index.
    ///
    /// # Errors
    /// [`NewerFormat`](ErrorKind::NewerFormat) or [`Corrupt`](ErrorKind::Corrupt), as
    /// [`VectorIndex::from_bytes`]; the checksums of all sections are checked, what they hold is
    /// not.
    pub fn from_snapshot(bytes: &[u8]) -> Result<SnapshotMark> {
        match open(bytes)? {
            Opened::V1(payload) => v1::mark(payload),
            Opened::V2([head, ..]) => take::<Head>(head).map(|(head, _)| head.mark),
        }
    }
}

fn reserve(bytes: &mut Vec<u8>, additional: usize) -> Result<()> {
    bytes.try_reserve_exact(additional).map_err(|error| {
        Error::with_source(ErrorKind::Full, "out of memory for an index snapshot", error)
    })
}

/// Fills in the header and the table before the sections, given where each section ends.
fn seal(bytes: &mut [u8], ends: [usize; SECTIONS]) {
    let (header, body) = bytes.split_at_mut(HEADER_BYTES);
    let (table, sections) = body.split_at_mut(TABLE_BYTES);
    let mut start = 0;
    for (entry, end) in table.as_chunks_mut::<ENTRY_BYTES>().0.iter_mut().zip(ends) {
        let section = &sections[start..end - HEADER_BYTES - TABLE_BYTES];
        entry[..8].copy_from_slice(&(section.len() as u64).to_le_bytes());
        entry[8..].copy_from_slice(&XxHash3_64::oneshot(section).to_le_bytes());
        start += section.len();
    }
    let table_checksum = XxHash3_64::oneshot(table);
    header[0..8].copy_from_slice(MAGIC);
    header[8..10].copy_from_slice(&VERSION.to_le_bytes());
    header[10..12].copy_from_slice(&[0, 0]);
    header[12..20].copy_from_slice(&((TABLE_BYTES + start) as u64).to_le_bytes());
    header[20..28].copy_from_slice(&table_checksum.to_le_bytes());
    let checksum = XxHash3_64::oneshot(&header[..28]);
    header[28..36].copy_from_slice(&checksum.to_le_bytes());
}

/// What is behind a header that is in order.
enum Opened<'a> {
    V1(&'a [u8]),
    V2([&'a [u8]; SECTIONS]),
}

/// Checks the header and the checksums.
fn open(bytes: &[u8]) -> Result<Opened<'_>> {
    let Some((header, body)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
        return Err(damaged("its length, which is less than its header's").into());
    };
    if !header.starts_with(MAGIC) {
        return Err(damaged("its first bytes, which no index snapshot starts with").into());
    }
    if u64_at(header, 28) != XxHash3_64::oneshot(&header[..28]) {
        return Err(damaged("the checksum of its header").into());
    }
    let version = u16::from_le_bytes([header[8], header[9]]);
    if version > VERSION {
        return Err(Error::new(
            ErrorKind::NewerFormat,
            format!(
                "an index snapshot is of format {version}, and this release reads up to \
                 {VERSION}: use a newer release, or rebuild the index"
            ),
        ));
    }
    if version == 0 || header[10..12] != [0, 0] {
        return Err(damaged("its version").into());
    }
    if u64_at(header, 12) != body.len() as u64 {
        return Err(damaged("its length").into());
    }
    let (table, rest) = match version {
        1 => (body, &[][..]),
        _ => body.split_at_checked(TABLE_BYTES).ok_or_else(|| damaged("its length"))?,
    };
    if u64_at(header, 20) != XxHash3_64::oneshot(table) {
        return Err(damaged("its checksum").into());
    }
    if version == 1 { Ok(Opened::V1(body)) } else { sections(table, rest).map(Opened::V2) }
}

/// The sections behind the table, each with the checksum that the table says.
fn sections<'a>(table: &[u8], mut rest: &'a [u8]) -> Result<[&'a [u8]; SECTIONS]> {
    let mut sections = [&[][..]; SECTIONS];
    for (section, entry) in sections.iter_mut().zip(table.as_chunks::<ENTRY_BYTES>().0) {
        let split = usize::try_from(u64_at(entry, 0)).ok().and_then(|at| rest.split_at_checked(at));
        let Some((bytes, after)) = split else {
            return Err(damaged("the length of a section").into());
        };
        if u64_at(entry, 8) != XxHash3_64::oneshot(bytes) {
            return Err(damaged("the checksum of a section").into());
        }
        (*section, rest) = (bytes, after);
    }
    if rest.is_empty() { Ok(sections) } else { Err(damaged("its length").into()) }
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

fn take<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<(T, &'a [u8])> {
    postcard::take_from_bytes(bytes).map_err(|error| damaged("its structure").context_of(error))
}

/// The start of the error for a snapshot in which `what` does not hold.
#[cold]
fn damaged(what: &'static str) -> Damage {
    Damage { what }
}

struct Damage {
    what: &'static str,
}

impl Damage {
    fn message(&self) -> String {
        format!("an index snapshot is damaged in {}: rebuild the index", self.what)
    }

    fn context_of(
        &self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync + 'static>>,
    ) -> Error {
        Error::with_source(ErrorKind::Corrupt, self.message(), source)
    }
}

impl From<Damage> for Error {
    fn from(damage: Damage) -> Error {
        Error::corrupt(damage.message())
    }
}

#[cfg(test)]
mod tests;
