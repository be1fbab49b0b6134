//! Which documents a filter lets through.

use std::ops::Range;
use std::sync::Arc;

use super::TextIndex;
use crate::error::{Error, ErrorKind, Result};
use crate::text::{END, Part, SegmentReader, Source};
use crate::vector::{Attributes, Filter, Selection};

/// For each document a filter may take this many steps to be answered, and some more.
const STEPS_PER_DOCUMENT: usize = 2;
const STEPS_MIN: usize = 2000;

/// The answer to a filter in all segments, as far as it was asked for.
#[derive(Debug)]
pub(super) struct Filtered<'a> {
    filter: &'a Filter,
    segments: Vec<Asked<'a>>,
    /// Why it could not be answered.
    error: Option<Error>,
}

/// The answer in one segment.
#[derive(Debug)]
struct Asked<'a> {
    reader: SegmentReader<'a>,
    /// By the parts with attributes.
    answers: Vec<Option<Answer>>,
    /// Which of them was asked last.
    last: usize,
}

/// The answer for the documents of a part.
#[derive(Debug)]
struct Answer {
    documents: Range<u32>,
    attributes: Arc<Attributes>,
    selection: Selection,
}

impl<'a> Filtered<'a> {
    pub(super) fn new(
        filter: &'a Filter,
        parts: &'a [Part<'a>],
        source: &'a dyn Source,
    ) -> Filtered<'a> {
        let asked = |part: &Part<'a>| {
            let reader = part.segment.open(source);
            let answers = (0..reader.chunks()).map(|_| None).collect();
            Asked { reader, answers, last: 0 }
        };
        Filtered { filter, segments: parts.iter().map(asked).collect(), error: None }
    }

    /// The first document from `doc` on that may be let through; not so far that it would have to
    /// ask another part for it.
    pub(super) fn next(&mut self, segment: usize, doc: u32) -> u32 {
        let Some(answer) = self.answer(segment, doc) else { return END };
        match &answer.selection.slots {
            None => doc,
            Some(slots) => {
                let found = slots.first_from(doc - answer.documents.start);
                found.map_or(answer.documents.end, |slot| answer.documents.start + slot)
            }
        }
    }

    /// Whether a document is let through.
    pub(super) fn has(&mut self, segment: usize, doc: u32) -> bool {
        let filter = self.filter;
        let Some(Answer { documents, attributes, selection }) = self.answer(segment, doc) else {
            return false;
        };
        let slot = doc - documents.start;
        selection.slots.as_ref().is_none_or(|slots| slots.contains(slot))
            && (!selection.residual || attributes.matches(slot, filter))
    }

    /// Fails when something could not be answered.
    pub(super) fn check(&mut self) -> Result<()> {
        self.error.take().map_or(Ok(()), Err)
    }

    /// The answer for a document; `None` behind the last document, and when there was an error, for
    /// all of them from then on.
    #[inline]
    fn answer(&mut self, segment: usize, doc: u32) -> Option<&Answer> {
        let filter = self.filter;
        let asked = self.segments.get_mut(segment)?;
        if self.error.is_some() || doc >= asked.reader.head().documents {
            return None;
        }
        let last = asked.answers.get(asked.last).and_then(Option::as_ref);
        if !last.is_some_and(|answer| answer.documents.contains(&doc))
            && let Err(error) = asked.ask(filter, doc)
        {
            self.error = Some(error);
            return None;
        }
        asked.answers.get(asked.last).and_then(Option::as_ref)
    }
}

impl Asked<'_> {
    /// Answers for the part that has this document.
    #[cold]
    fn ask(&mut self, filter: &Filter, doc: u32) -> Result<()> {
        let chunk = self.reader.chunk_of(doc)?;
        self.last = chunk.index;
        if let Some(place @ None) = self.answers.get_mut(chunk.index) {
            let attributes = self.reader.attributes(&chunk)?;
            let budget = chunk.documents.len() * STEPS_PER_DOCUMENT + STEPS_MIN;
            let selection = attributes.select(filter, budget);
            *place = Some(Answer { documents: chunk.documents, attributes, selection });
        }
        Ok(())
    }
}

impl TextIndex<'_> {
    /// The error for asking what rows have beside their texts of an index that does not know.
    #[cold]
    pub(super) fn without_attributes(name: &str) -> Error {
        Error::new(
            ErrorKind::InvalidInput,
            format!(
                "the text index '{name}' has nothing to filter by: name attributes or a column of \
                 metadata when it is made"
            ),
        )
    }
}
