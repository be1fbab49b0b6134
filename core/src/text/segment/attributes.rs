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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::test;
    use crate::text::segment::{Nowhere, Segment};
    use crate::text::{Analyzer, Builder, Dead, Head, Merge, SegmentWriter, TextOptions};

    fn attributes(key: i64) -> Metadata {
        // Some are long, so that they fill a part before there are many.
        let long = if key % 50 == 0 { "l".repeat(60_000) } else { String::new() };
        Metadata::from_json(&format!(r#"{{"key": {key}, "long": "{long}"}}"#)).unwrap()
    }

    fn segment(id: i64, keys: impl Iterator<Item = i64>) -> Segment {
        let analyzer = Analyzer::new(&TextOptions::default()).unwrap();
        let mut builder = Builder::new(&analyzer, &[]);
        keys.for_each(|key| builder.add(key, None, ["a text"], Some(&attributes(key))));
        builder.finish(id)
    }

    fn check(segment: &Segment) -> usize {
        let reader = segment.open(&Nowhere);
        let documents = reader.documents().unwrap();
        for (doc, key) in (0..).zip(documents.keys()) {
            let chunk = reader.chunk_of(doc).unwrap();
            assert!(chunk.documents.contains(&doc) && chunk.documents.len() <= PART_DOCUMENTS);
            let found = reader.attributes(&chunk).unwrap();
            assert_eq!(found.len(), chunk.documents.len());
            assert_eq!(found.get(doc - chunk.documents.start), attributes(*key));
        }
        let end = u32::try_from(documents.len()).unwrap();
        assert!(reader.chunk_of(end).is_err());
        reader.chunks()
    }

    #[test]
    fn a_part_is_closed_when_it_is_full() {
        assert_eq!(check(&segment(-1, 1..2)), 1);
        assert_eq!(check(&segment(-1, 1..17)), 1);
        assert_eq!(check(&segment(-1, 1..18)), 2);
        let mut writer = AttributesWriter::default();
        let long = Metadata::from_json(&format!(r#"{{"a": "{}"}}"#, "l".repeat(60_000))).unwrap();
        assert_eq!(writer.take(), None);
        writer.push(&long);
        assert!(!writer.is_full() && writer.bytes() > 60_000);
        writer.bytes += PART_BYTES - 60_000;
        assert!(writer.is_full());
        assert!(writer.take().is_some_and(|bytes| bytes.len() > 60_000));
        assert_eq!((writer.take(), writer.bytes()), (None, 0));
    }

    #[test]
    fn a_merge_that_is_resumed_at_every_step_merges_the_same() {
        let segments = [
            segment(1, (0..200).step_by(3)),
            segment(2, 300..340),
            segment(3, (1..300).step_by(3)),
        ];
        let mut dead = [Dead::default(), Dead::default(), Dead::default()];
        [0, 5, 17, 66].into_iter().for_each(|doc| assert!(dead[0].insert(doc)));
        (0..40).for_each(|doc| assert!(dead[1].insert(doc)));
        let inputs: Vec<(SegmentReader<'_>, &Dead)> =
            segments.iter().zip(&dead).map(|(it, dead)| (it.open(&Nowhere), dead)).collect();
        let readers: Vec<SegmentReader<'_>> = inputs.iter().map(|(reader, _)| *reader).collect();
        let whole = |bytes: usize, is_resumed: bool| {
            let mut merge = Merge::begin(&inputs).unwrap();
            let (mut parts, mut steps) = (Vec::new(), 0);
            loop {
                let is_done = merge.step(&readers, bytes).unwrap();
                let (head, written) = merge.writer.take();
                let head = Head::decode(&head.encode()).unwrap();
                parts.extend(written);
                steps += 1;
                if is_done {
                    return (Segment::in_memory(9, head, parts, merge.into_documents()), steps);
                }
                if is_resumed {
                    let writer = SegmentWriter::resume(head);
                    merge = Merge::resume(&inputs, writer, merge.after().to_vec()).unwrap();
                }
            }
        };
        let (at_once, steps) = whole(usize::MAX, false);
        assert_eq!((at_once.head().documents, steps), (67 - 4 + 100, 1));
        assert_eq!(check(&at_once), 163_usize.div_ceil(PART_DOCUMENTS));
        for is_resumed in [false, true] {
            let (stepwise, steps) = whole(16, is_resumed);
            assert!(steps > 11, "{steps}");
            check(&stepwise);
            // The terms are in parts of their own then, the attributes in the same.
            let of_attributes = |segment: &Segment| {
                let parts = segment.head().parts.iter();
                let parts = parts.filter(|part| part.attributes_end().is_some());
                parts.cloned().collect::<Vec<_>>()
            };
            assert_eq!(of_attributes(&stepwise), of_attributes(&at_once));
        }
    }
}
