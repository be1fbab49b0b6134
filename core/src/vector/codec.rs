//! The index snapshot: one self-contained, checksummed run of bytes.
//!
//! | bytes | what |
//! |---|---|
//! | 0..8 | magic `SIGILVIX` |
//! | 8..10 | format version, u16 little-endian |
//! | 10..12 | zero |
//! | 12..20 | length of the payload, u64 little-endian |
//! | 20..28 | XXH3-64 of the payload, u64 little-endian |
//! | 28..36 | XXH3-64 of bytes 0..28, u64 little-endian |
//! | 36.. | the payload, to the end |
//!
//! The payload is, in [postcard](https://postcard.jamesmunns.com/wire-format)'s encoding, a
//! [`Head`] and then for each vector its id and its metadata; after them the elements of all
//! vectors in the same order as raw little-endian f32. Magic, version and the header's checksum
//! stay where they are in every later version, so that a newer file can be told from a damaged one.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

use super::{Metadata, Metric, VectorIndex, check_id, distance};
use crate::error::{Error, ErrorKind, Result};

const MAGIC: &[u8; 8] = b"SIGILVIX";
const VERSION: u16 = 1;
const HEADER_BYTES: usize = 36;
const ELEMENT_BYTES: usize = size_of::<f32>();

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
            dimensions: u32::try_from(self.dimensions).unwrap_or(u32::MAX),
            count: self.count(),
            mark: *mark,
        };
        let mut bytes = vec![0; HEADER_BYTES];
        bytes = append(&head, bytes)?;
        for (id, metadata) in self.ids.iter().zip(&self.metadata) {
            bytes = append(&(&**id, metadata), bytes)?;
        }
        append_floats(&self.vectors, &mut bytes)?;
        seal(&mut bytes);
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
        let (head, mut rest) = take::<Head>(open(bytes)?)?;
        let dimensions = head.dimensions as usize;
        let mut index = VectorIndex::new(dimensions, head.metric)
            .map_err(|error| damaged("its dimensions").context_of(error))?;
        // An id of one byte with its length and empty metadata are the least a row can take.
        let row_bytes_min = 3 + dimensions * ELEMENT_BYTES;
        let count = head.count as usize;
        if count > rest.len() / row_bytes_min {
            return Err(damaged("the number of its vectors").into());
        }
        index.reserve(count)?;
        for slot in 0..head.count {
            let ((id, metadata), after) = take::<(&str, Metadata)>(rest)?;
            rest = after;
            check_id(id).map_err(|error| damaged("an id").context_of(error))?;
            let id: Arc<str> = id.into();
            if index.slots.insert(Arc::clone(&id), slot).is_some() {
                return Err(damaged("an id that is there twice").into());
            }
            index.ids.push(id);
            index.metadata.push(metadata);
        }
        if rest.len() != count * dimensions * ELEMENT_BYTES {
            return Err(damaged("the length of its vectors").into());
        }
        // Row by row, so that its norm is taken while the row is in the cache.
        for row in rest.chunks_exact(dimensions * ELEMENT_BYTES) {
            let (elements, _) = row.as_chunks::<ELEMENT_BYTES>();
            let start = index.vectors.len();
            index.vectors.extend(elements.iter().map(|bytes| f32::from_le_bytes(*bytes)));
            let squared_norm = distance::squared_norm(&index.vectors[start..]);
            // Finite elements have a finite sum of squares in 64-bit floats.
            if !squared_norm.is_finite() {
                return Err(damaged("an element that is not a finite number").into());
            }
            index.squared_norms.push(squared_norm);
        }
        Ok((index, head.mark))
    }
}

impl SnapshotMark {
    /// Reads only the mark from the bytes of a snapshot, without building the index.
    ///
    /// # Errors
    /// [`NewerFormat`](ErrorKind::NewerFormat) or [`Corrupt`](ErrorKind::Corrupt), as
    /// [`VectorIndex::from_bytes`]; the checksum of the whole is checked, what it holds is not.
    pub fn from_snapshot(bytes: &[u8]) -> Result<SnapshotMark> {
        take::<Head>(open(bytes)?).map(|(head, _)| head.mark)
    }
}

fn append<T: Serialize>(value: &T, bytes: Vec<u8>) -> Result<Vec<u8>> {
    postcard::to_extend(value, bytes).map_err(|error| {
        Error::with_source(ErrorKind::Engine, "an index could not be encoded", error)
    })
}

fn append_floats(floats: &[f32], bytes: &mut Vec<u8>) -> Result<()> {
    let start = bytes.len();
    let len = floats.len() * ELEMENT_BYTES;
    bytes.try_reserve_exact(len).map_err(|error| {
        Error::with_source(ErrorKind::Full, "out of memory for an index snapshot", error)
    })?;
    bytes.resize(start + len, 0);
    let (elements, _) = bytes[start..].as_chunks_mut::<ELEMENT_BYTES>();
    for (element, float) in elements.iter_mut().zip(floats) {
        *element = float.to_le_bytes();
    }
    Ok(())
}

/// Fills in the header before the payload.
fn seal(bytes: &mut [u8]) {
    let (header, payload) = bytes.split_at_mut(HEADER_BYTES);
    header[0..8].copy_from_slice(MAGIC);
    header[8..10].copy_from_slice(&VERSION.to_le_bytes());
    header[10..12].copy_from_slice(&[0, 0]);
    header[12..20].copy_from_slice(&(payload.len() as u64).to_le_bytes());
    header[20..28].copy_from_slice(&XxHash3_64::oneshot(payload).to_le_bytes());
    let checksum = XxHash3_64::oneshot(&header[..28]);
    header[28..36].copy_from_slice(&checksum.to_le_bytes());
}

/// Checks the header and the checksums, and gives the payload.
fn open(bytes: &[u8]) -> Result<&[u8]> {
    let Some((header, payload)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
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
    if u64_at(header, 12) != payload.len() as u64 {
        return Err(damaged("its length").into());
    }
    if u64_at(header, 20) != XxHash3_64::oneshot(payload) {
        return Err(damaged("its checksum").into());
    }
    Ok(payload)
}

fn u64_at(header: &[u8; HEADER_BYTES], at: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&header[at..at + 8]);
    u64::from_le_bytes(bytes)
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
