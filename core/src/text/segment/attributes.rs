//! The attributes of a segment's documents: what filters ask for.
//!
//! A part has those of some documents that follow each other, as [`Attributes`] are written down:
//! of at most 16,384, or fewer where they are long. The head says of each part where it ends.

use std::ops::Range;
use std::sync::Arc;

use super::SegmentReader;
use super::{documents, head};
use crate::error::Result;
use crate::vector::{Attributes, MetaValue, Metadata};

/// The most documents in one part; few in tests, so that their segments have several parts.
const PART_DOCUMENTS: usize = if cfg!(test) { 16 } else { documents::PART_DOCUMENTS };

/// A part is closed when what it has takes about so many bytes without being packed.
const PART_BYTES: usize = 2 << 20;

/// The documents of a part with attributes, and which of these parts it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) index: usize,
    pub(crate) documents: Range<u32>,
}

/// The attributes that become a part.
#[derive(Debug, Default)]
pub(crate) struct AttributesWriter {
    attributes: Attributes,
    bytes: usize,
}

impl AttributesWriter {
    /// Adds those of the next document.
    pub(crate) fn push(&mut self, metadata: &Metadata) {
        self.attributes.push(metadata);
        self.bytes += size(metadata);
    }

    pub(crate) fn is_full(&self) -> bool {
        self.attributes.len() >= PART_DOCUMENTS || self.bytes >= PART_BYTES
    }

    /// About how many bytes it has.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The bytes of the part, unless it would be empty; it begins anew then.
    pub(crate) fn take(&mut self) -> Option<Vec<u8>> {
        let AttributesWriter { attributes, .. } = std::mem::take(self);
        let mut bytes = Vec::new();
        (attributes.len() > 0).then(|| attributes.encode(&mut bytes))?;
        Some(bytes)
    }
}

/// About how many bytes metadata have.
fn size(metadata: &Metadata) -> usize {
    metadata.iter().map(|(key, value)| key.len() + size_of_value(value)).sum()
}

fn size_of_value(value: &MetaValue) -> usize {
    match value {
        MetaValue::Null | MetaValue::Bool(_) => 1,
        MetaValue::Int(_) | MetaValue::Float(_) => 8,
        MetaValue::Text(text) => text.len(),
        MetaValue::Array(items) => items.iter().map(size_of_value).sum(),
        MetaValue::Object(metadata) => size(metadata),
    }
}

impl SegmentReader<'_> {
    /// Whether its documents have attributes.
    pub(crate) fn has_attributes(&self) -> bool {
        !self.segment.attributes.is_empty()
    }

    /// How many parts have attributes.
    pub(crate) fn chunks(&self) -> usize {
        self.segment.attributes.len()
    }

    /// The part that has the attributes of a document.
    pub(crate) fn chunk_of(&self, doc: u32) -> Result<Chunk> {
        let ends = &self.segment.attributes;
        let index = ends.partition_point(|(end, _)| *end <= doc);
        let start = index.checked_sub(1).and_then(|before| ends.get(before));
        let start = start.map_or(0, |(end, _)| *end);
        let end = ends.get(index).map(|(end, _)| *end);
        let end = end.filter(|end| *end <= self.segment.head.documents && start <= doc);
        let end = end.ok_or_else(|| self.segment.damaged())?;
        Ok(Chunk { index, documents: start..end })
    }

    /// The attributes of a part, which are kept.
    pub(crate) fn attributes(&self, chunk: &Chunk) -> Result<Arc<Attributes>> {
        if let Some(attributes) = self.kept(chunk) {
            return Ok(attributes);
        }
        let attributes = Arc::new(self.decode(chunk)?);
        let mut read = self.segment.read.lock();
        if let Some(place) = read.attributes.get_mut(chunk.index)
            && place.is_none()
        {
            *place = Some(Arc::clone(&attributes));
            read.bytes += attributes.memory();
        }
        Ok(attributes)
    }

    /// The attributes of a part, to be read once.
    pub(crate) fn attributes_once(&self, chunk: &Chunk) -> Result<Arc<Attributes>> {
        match self.kept(chunk) {
            Some(attributes) => Ok(attributes),
            None => self.decode(chunk).map(Arc::new),
        }
    }

    fn kept(&self, chunk: &Chunk) -> Option<Arc<Attributes>> {
        self.segment.read.lock().attributes.get(chunk.index).cloned().flatten()
    }

    /// Reads a part without keeping its bytes, unless they are kept already.
    fn decode(&self, chunk: &Chunk) -> Result<Attributes> {
        let damaged = || self.segment.damaged();
        let (_, number) = self.segment.attributes.get(chunk.index).ok_or_else(damaged)?;
        let part = self.segment.head.parts.get(*number as usize).ok_or_else(damaged)?;
        let cached = self.segment.read.lock().parts.get(*number as usize).cloned().flatten();
        let decode = |bytes: &[u8]| {
            Attributes::decode(bytes, chunk.documents.len()).map_err(|error| match error.kind() {
                crate::ErrorKind::Corrupt => damaged(),
                _ => error,
            })
        };
        if let Some(bytes) = cached {
            return decode(&bytes);
        }
        let bytes = self.source.read(self.segment.id, *number)?;
        self.check(head::checksum(&bytes) == part.checksum)?;
        decode(&bytes)
    }
}
