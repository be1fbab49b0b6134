//! Making a segment of texts.

use hashbrown::HashTable;
use twox_hash::XxHash3_64;

use super::analyzer::Analyzer;
use super::segment::Segment;
use super::segment::attributes::AttributesWriter;
use super::segment::documents::{Document, Documents};
use super::segment::postings::Posting;
use super::segment::writer::SegmentWriter;
use crate::time::Timestamp;
use crate::vector::Metadata;

/// The first byte of a term is the number of its column, and of the beginning of a term this much
/// more.
pub(crate) const GRAM: u8 = 0x80;

/// The most columns of an index.
pub(crate) const COLUMNS_MAX: usize = 64;

/// Texts that become a segment.
#[derive(Debug)]
pub(crate) struct Builder<'a> {
    analyzer: &'a Analyzer,
    /// The lengths in characters of the beginnings that have lists of their own.
    grams: &'a [u8],
    terms: Terms,
    documents: Documents,
    attributes: AttributesWriter,
    /// Parts of attributes that are full, and where each ends.
    full: Vec<(u32, Vec<u8>)>,
    /// Each token: its term, its document and its position.
    tokens: Vec<[u32; 3]>,
}

impl<'a> Builder<'a> {
    pub(crate) fn new(analyzer: &'a Analyzer, grams: &'a [u8]) -> Builder<'a> {
        Builder {
            analyzer,
            grams,
            terms: Terms::default(),
            documents: Documents::default(),
            attributes: AttributesWriter::default(),
            full: Vec::new(),
            tokens: Vec::new(),
        }
    }

    /// How many documents there are.
    pub(crate) fn len(&self) -> usize {
        self.documents.len()
    }

    /// About how many bytes the segment will have.
    pub(crate) fn bytes(&self) -> usize {
        let full: usize = self.full.iter().map(|(_, part)| part.len()).sum();
        self.tokens.len() * 3 + self.terms.bytes.len() + full + self.attributes.bytes()
    }

    /// Adds a document of these texts, one for each column; its key must be above the last one.
    /// Either all documents have attributes or none.
    pub(crate) fn add<'t>(
        &mut self,
        key: i64,
        time: Option<Timestamp>,
        texts: impl IntoIterator<Item = &'t str>,
        attributes: Option<&Metadata>,
    ) {
        let doc = u32::try_from(self.documents.len()).unwrap_or(u32::MAX);
        let mut len = 0_u32;
        let Builder { analyzer, grams, terms, tokens, .. } = self;
        for (column, text) in (0_u8..).zip(texts) {
            analyzer.each(text, |token| {
                len = len.saturating_add(1);
                tokens.push([terms.number(column, token.term), doc, token.position]);
                for gram in grams.iter() {
                    if let Some(start) = beginning(token.term, usize::from(*gram)) {
                        tokens.push([terms.number(GRAM | column, start), doc, 0]);
                    }
                }
            });
        }
        self.documents.push(Document { key, len, time });
        if let Some(metadata) = attributes {
            self.attributes.push(metadata);
            if self.attributes.is_full() {
                self.close_attributes();
            }
        }
    }

    fn close_attributes(&mut self) {
        let end = u32::try_from(self.documents.len()).unwrap_or(u32::MAX);
        self.full.extend(self.attributes.take().map(|bytes| (end, bytes)));
    }

    /// The segment.
    pub(crate) fn finish(mut self, id: i64) -> Segment {
        self.close_attributes();
        let Builder { terms, documents, tokens, full, .. } = self;
        // The tokens of each term together, in the order in which they came.
        let mut starts = vec![0_u32; terms.ends.len() + 1];
        tokens.iter().for_each(|[term, ..]| starts[*term as usize + 1] += 1);
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let mut places = starts.clone();
        let mut grouped = vec![(0, 0); tokens.len()];
        for [term, doc, position] in tokens {
            let place = &mut places[term as usize];
            grouped[*place as usize] = (doc, position);
            *place += 1;
        }
        let mut writer = SegmentWriter::default();
        full.into_iter().for_each(|(end, bytes)| writer.add_attributes(end, bytes));
        let (mut postings, mut distances) = (Vec::new(), Vec::new());
        for number in terms.sorted() {
            let term = terms.get(number);
            let tokens = starts[number as usize] as usize..starts[number as usize + 1] as usize;
            let is_gram = term[0] & GRAM != 0;
            list(&grouped[tokens], documents.lens(), is_gram, &mut postings, &mut distances);
            writer.add(term, &postings, &distances);
        }
        writer.add_documents(&documents);
        let (head, parts) = writer.take();
        Segment::in_memory(id, head.clone(), parts, documents)
    }
}

/// The documents and positions of a term from its tokens.
fn list(
    tokens: &[(u32, u32)],
    lens: &[u32],
    is_gram: bool,
    postings: &mut Vec<Posting>,
    distances: &mut Vec<u32>,
) {
    postings.clear();
    distances.clear();
    for document in tokens.chunk_by(|(a, _), (b, _)| a == b) {
        let doc = document[0].0;
        let freq = u32::try_from(document.len()).unwrap_or(u32::MAX);
        postings.push(Posting { doc, freq, len: lens.get(doc as usize).copied().unwrap_or(0) });
        if !is_gram {
            let mut before = u32::MAX;
            for (_, position) in document {
                distances.push(position.wrapping_sub(before).wrapping_sub(1));
                before = *position;
            }
        }
    }
}

/// The first so many characters of a term that has more, or as many.
pub(crate) fn beginning(term: &str, chars: usize) -> Option<&str> {
    let mut ends = term.char_indices().map(|(at, char)| at + char.len_utf8());
    ends.nth(chars.checked_sub(1)?).and_then(|end| term.get(..end))
}

/// The terms that have occurred, by number.
#[derive(Debug, Default)]
struct Terms {
    numbers: HashTable<u32>,
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl Terms {
    fn get(&self, number: u32) -> &[u8] {
        term_of(&self.bytes, &self.ends, number)
    }

    fn number(&mut self, column: u8, term: &str) -> u32 {
        let Terms { numbers, bytes, ends } = self;
        let hash = |column: u8, term: &[u8]| XxHash3_64::oneshot_with_seed(column.into(), term);
        let is_it = |number: &u32| {
            let found = term_of(bytes, ends, *number);
            found[0] == column && found[1..] == *term.as_bytes()
        };
        let key = hash(column, term.as_bytes());
        if let Some(number) = numbers.find(key, is_it) {
            return *number;
        }
        let number = u32::try_from(ends.len()).unwrap_or(u32::MAX);
        bytes.push(column);
        bytes.extend_from_slice(term.as_bytes());
        ends.push(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        numbers.insert_unique(key, number, |number| {
            let found = term_of(bytes, ends, *number);
            hash(found[0], &found[1..])
        });
        number
    }

    /// All numbers in the order of their terms.
    fn sorted(&self) -> Vec<u32> {
        // Eight bytes tell most of them apart without a look at the rest.
        let mut keyed: Vec<(u64, u32)> = (0..)
            .zip(&self.ends)
            .map(|(number, _)| {
                let term = self.get(number);
                let mut first = [0; 8];
                let len = term.len().min(8);
                first[..len].copy_from_slice(&term[..len]);
                (u64::from_be_bytes(first), number)
            })
            .collect();
        keyed.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| self.get(a.1).cmp(self.get(b.1))));
        keyed.into_iter().map(|(_, number)| number).collect()
    }
}

fn term_of<'b>(bytes: &'b [u8], ends: &[u32], number: u32) -> &'b [u8] {
    let number = number as usize;
    let start = number.checked_sub(1).map_or(0, |before| ends[before]);
    &bytes[start as usize..ends[number] as usize]
}
