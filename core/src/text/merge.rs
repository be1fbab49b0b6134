//! Making one segment of several, without their dead documents, in steps.

mod attributes;

use super::dead::Dead;
use super::segment::documents::Documents;
use super::segment::positions::Positions;
use super::segment::postings::{END, Posting, Postings};
use super::segment::writer::SegmentWriter;
use super::segment::{SegmentReader, TermWalk};
use crate::error::Result;
use attributes::Gathering;

/// A merge that is under way.
#[derive(Debug)]
pub(crate) struct Merge {
    /// For each segment and each of its documents its number in the merged one, or [`END`].
    numbers: Vec<Vec<u32>>,
    documents: Documents,
    attributes: Gathering,
    pub(crate) writer: SegmentWriter,
    /// The last term that was written.
    after: Vec<u8>,
}

impl Merge {
    /// Begins to merge the living documents of these segments, which have no key in common.
    pub(crate) fn begin(inputs: &[(SegmentReader<'_>, &Dead)]) -> Result<Merge> {
        Merge::resume(inputs, SegmentWriter::default(), Vec::new())
    }

    /// Goes on with a merge of these segments behind the last term that was written.
    pub(crate) fn resume(
        inputs: &[(SegmentReader<'_>, &Dead)],
        writer: SegmentWriter,
        after: Vec<u8>,
    ) -> Result<Merge> {
        let (numbers, documents) = number(inputs)?;
        let attributes = Gathering::resume(&numbers, writer.attributes_end());
        Ok(Merge { numbers, documents, attributes, writer, after })
    }

    /// The last term that was written.
    pub(crate) fn after(&self) -> &[u8] {
        &self.after
    }

    /// The number that a document of a segment has in the merged one, unless it was dead.
    pub(crate) fn number(&self, input: usize, doc: u32) -> Option<u32> {
        let number = self.numbers.get(input)?.get(doc as usize).copied();
        number.filter(|number| *number != END)
    }

    /// Merges what is next, until so many bytes wait to be taken from the writer, and says whether
    /// that was all: first attributes, which the head says how far they are, then terms, and at the
    /// end the documents.
    pub(crate) fn step(&mut self, inputs: &[SegmentReader<'_>], bytes: usize) -> Result<bool> {
        while self.writer.waiting() < bytes
            && let Some((end, part)) = self.attributes.part(inputs, &self.numbers)?
        {
            self.writer.add_attributes(end, part);
        }
        self.merge_terms(inputs, bytes)
    }

    fn merge_terms(&mut self, inputs: &[SegmentReader<'_>], bytes: usize) -> Result<bool> {
        let mut walks = Vec::with_capacity(inputs.len());
        for (input, reader) in inputs.iter().enumerate() {
            let mut walk = reader.walk(&self.after)?;
            if advance(&mut walk, &self.after)? {
                walks.push((input, walk));
            }
        }
        let (mut list, mut term) = (Lists::default(), Vec::new());
        while self.writer.waiting() < bytes {
            let Some(first) = walks.iter().map(|(_, walk)| walk.term()).min() else {
                self.writer.add_documents(&self.documents);
                return Ok(true);
            };
            // Terms that are out of order would be merged again and again.
            if let Some(reader) = inputs.first() {
                reader.check(self.after.is_empty() || *first > *self.after)?;
            }
            term.clear();
            term.extend_from_slice(first);
            list.clear();
            let mut ended = false;
            for (input, walk) in &mut walks {
                if walk.term() == term {
                    list.add(&inputs[*input], walk, &self.numbers[*input])?;
                    if !walk.next()? {
                        // Marked by a term that no text has.
                        ended = true;
                    }
                }
            }
            if ended {
                walks.retain(|(_, walk)| walk.count() > 0);
            }
            list.write(&term, self.documents.lens(), &mut self.writer);
            std::mem::swap(&mut self.after, &mut term);
        }
        Ok(false)
    }

    /// The merged documents.
    pub(crate) fn into_documents(self) -> Documents {
        self.documents
    }
}

/// Goes behind `after`; whether there is a term.
fn advance(walk: &mut TermWalk<'_>, after: &[u8]) -> Result<bool> {
    while walk.next()? {
        if walk.term() > after {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Numbers the living documents of all segments in the order of their keys.
fn number(inputs: &[(SegmentReader<'_>, &Dead)]) -> Result<(Vec<Vec<u32>>, Documents)> {
    let mut all = Vec::with_capacity(inputs.len());
    for (reader, _) in inputs {
        all.push(reader.documents()?);
    }
    let mut numbers: Vec<Vec<u32>> = all.iter().map(|docs| vec![END; docs.len()]).collect();
    let mut merged = Documents::default();
    let mut places = vec![0_u32; inputs.len()];
    loop {
        let first = places.iter().enumerate().filter_map(|(input, place)| {
            all[input].keys().get(*place as usize).map(|key| (*key, input))
        });
        let Some((_, input)) = first.min() else { return Ok((numbers, merged)) };
        // As far as the others let it: mostly to its end.
        let limit = places.iter().enumerate().filter(|(other, _)| *other != input);
        let limit = limit.filter_map(|(other, place)| all[other].keys().get(*place as usize)).min();
        let keys = &all[input].keys()[places[input] as usize..];
        let run = limit.map_or(keys.len(), |limit| keys.partition_point(|key| key < limit).max(1));
        for doc in (places[input]..).take(run) {
            if !inputs[input].1.contains(doc) {
                numbers[input][doc as usize] = u32::try_from(merged.len()).unwrap_or(END);
                merged.push(all[input].get(doc));
            }
        }
        places[input] += u32::try_from(run).unwrap_or(u32::MAX);
    }
}

/// The lists of one term, merged.
#[derive(Debug, Default)]
struct Lists {
    /// Documents and occurrences, and where their distances begin.
    postings: Vec<(u32, u32, usize)>,
    distances: Vec<u32>,
}

impl Lists {
    fn clear(&mut self) {
        self.postings.clear();
        self.distances.clear();
    }

    /// Adds the living documents of the list on which a walk stands.
    fn add(
        &mut self,
        reader: &SegmentReader<'_>,
        walk: &TermWalk<'_>,
        numbers: &[u32],
    ) -> Result<()> {
        let list = reader.list(walk)?;
        let beside = reader.positions(&list)?;
        let (mut postings, mut positions) =
            (Postings::new(&list.docs, list.count), Positions::new(&beside));
        let mut before = None;
        while postings.doc() != END {
            // What is written must ascend.
            reader.check(before < Some(postings.doc()))?;
            before = Some(postings.doc());
            let number = numbers.get(postings.doc() as usize).copied().unwrap_or(END);
            if number != END {
                let freq = postings.freq();
                self.postings.push((number, freq, self.distances.len()));
                if !beside.is_empty() {
                    self.distances.extend_from_slice(positions.distances(&mut postings));
                }
            }
            postings.next();
        }
        reader.check(postings.is_whole() && positions.is_whole())
    }

    /// Writes the list, unless no document of it lives.
    fn write(&mut self, term: &[u8], lens: &[u32], writer: &mut SegmentWriter) {
        if self.postings.is_empty() {
            return;
        }
        let len = |doc: u32| lens.get(doc as usize).copied().unwrap_or(0);
        let posting =
            |(doc, freq, _): &(u32, u32, usize)| Posting { doc: *doc, freq: *freq, len: len(*doc) };
        if self.postings.is_sorted_by(|a, b| a.0 < b.0) {
            let postings: Vec<Posting> = self.postings.iter().map(posting).collect();
            return writer.add(term, &postings, &self.distances);
        }
        self.postings.sort_unstable_by_key(|(doc, ..)| *doc);
        let postings: Vec<Posting> = self.postings.iter().map(posting).collect();
        let mut distances = Vec::with_capacity(self.distances.len());
        if !self.distances.is_empty() {
            for (_, freq, start) in &self.postings {
                distances.extend_from_slice(&self.distances[*start..][..*freq as usize]);
            }
        }
        writer.add(term, &postings, &distances);
    }
}
