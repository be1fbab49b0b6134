//! The attributes of a merged segment, part by part.

use std::sync::Arc;

use crate::error::Result;
use crate::text::segment::SegmentReader;
use crate::text::segment::attributes::{AttributesWriter, Chunk};
use crate::text::segment::postings::END;
use crate::vector::Attributes;

/// How far the attributes of the merged documents are written.
#[derive(Debug)]
pub(super) struct Gathering {
    /// The merged document that is next.
    next: u32,
    cursors: Vec<Cursor>,
}

/// The place in one of the segments, and the part that it is in.
#[derive(Debug, Default)]
struct Cursor {
    /// The first document that the merged segment has from `next` on.
    doc: usize,
    held: Option<(Chunk, Arc<Attributes>)>,
}

impl Gathering {
    /// Goes on at a document of the merged segment.
    pub(super) fn resume(numbers: &[Vec<u32>], next: u32) -> Gathering {
        let first = |numbers: &Vec<u32>| {
            let living = numbers.iter().position(|number| *number != END && *number >= next);
            living.unwrap_or(numbers.len())
        };
        let cursors = numbers.iter().map(|numbers| Cursor { doc: first(numbers), held: None });
        Gathering { next, cursors: cursors.collect() }
    }

    /// The next part and where it ends, if there is one.
    pub(super) fn part(
        &mut self,
        inputs: &[SegmentReader<'_>],
        numbers: &[Vec<u32>],
    ) -> Result<Option<(u32, Vec<u8>)>> {
        if !inputs.iter().any(SegmentReader::has_attributes) {
            return Ok(None);
        }
        let mut part = AttributesWriter::default();
        // The next document is mostly in the same segment as the last one.
        let mut input = 0;
        while !part.is_full() {
            let next = self.next;
            let is_in = |cursors: &[Cursor], input: usize| {
                let doc = cursors.get(input).map(|cursor| cursor.doc);
                doc.and_then(|doc| numbers.get(input)?.get(doc)) == Some(&next)
            };
            if !is_in(&self.cursors, input) {
                let found = (0..inputs.len()).find(|input| is_in(&self.cursors, *input));
                let Some(found) = found else { break };
                input = found;
            }
            let (Some(cursor), Some(reader), Some(numbers)) =
                (self.cursors.get_mut(input), inputs.get(input), numbers.get(input))
            else {
                break;
            };
            cursor.give(reader, &mut part)?;
            let behind = numbers.get(cursor.doc..).unwrap_or_default();
            cursor.doc += behind.iter().take_while(|number| **number == END).count();
            self.next += 1;
        }
        let bytes = part.take();
        if bytes.is_none() {
            // That was all, and the rest of the merge needs none of them.
            self.cursors.iter_mut().for_each(|cursor| cursor.held = None);
        }
        Ok(bytes.map(|bytes| (self.next, bytes)))
    }
}

impl Cursor {
    /// Gives the attributes of the document it stands on, and goes to the next one.
    fn give(&mut self, reader: &SegmentReader<'_>, part: &mut AttributesWriter) -> Result<()> {
        let doc = u32::try_from(self.doc).unwrap_or(END);
        let is_here = |(chunk, _): &&(Chunk, _)| chunk.documents.contains(&doc);
        let (chunk, attributes) = match self.held.take().filter(|held| is_here(&held)) {
            Some(held) => held,
            None => {
                let chunk = reader.chunk_of(doc)?;
                let attributes = reader.attributes_once(&chunk)?;
                (chunk, attributes)
            }
        };
        part.push(&attributes.get(doc - chunk.documents.start));
        self.held = Some((chunk, attributes));
        self.doc += 1;
        Ok(())
    }
}
