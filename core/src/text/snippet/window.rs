//! The part of a text that shows best what was found in it.

use std::ops::Range;

use crate::text::analyzer::Analyzer;

/// A phrase in a text: the positions of its first and its last word.
#[derive(Debug, Clone, Copy)]
pub(super) struct Occurrence {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) phrase: usize,
}

/// The words that have to be shown, and how good they are.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Best {
    phrases: usize,
    occurrences: usize,
    /// The positions of the first and the last of them.
    start: u32,
    end: u32,
}

impl Best {
    pub(super) fn is_better_than(&self, other: &Best) -> bool {
        (self.phrases, self.occurrences) > (other.phrases, other.occurrences)
    }
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) column: usize,
    /// Where it is in the text of the column, in bytes.
    pub(crate) bytes: Range<usize>,
    /// What is to be marked, in bytes of the part.
    pub(crate) ranges: Vec<Range<usize>>,
}

/// The first of the parts of at most so many words that have the most different phrases and then
/// the most occurrences; these are ordered by where they start.
pub(super) fn best(occurrences: &[Occurrence], words: u32, phrases: usize) -> Option<Best> {
    // What is longer than the part counts where it begins.
    let end_of = |occurrence: &Occurrence| {
        occurrence.end.min(occurrence.start.saturating_add(words.saturating_sub(1)))
    };
    let mut by_end: Vec<&Occurrence> = occurrences.iter().collect();
    by_end.sort_by_key(|occurrence| end_of(occurrence));
    let mut ends = by_end.into_iter().peekable();
    let mut counts = vec![0_usize; phrases];
    let mut here = Best::default();
    let mut best: Option<Best> = None;
    for group in occurrences.chunk_by(|a, b| a.start == b.start) {
        let Some(start) = group.first().map(|first| first.start) else { continue };
        let behind = start.saturating_add(words);
        while let Some(next) = ends.next_if(|next| end_of(next) < behind) {
            here.end = here.end.max(end_of(next));
            here.occurrences += 1;
            if let Some(count) = counts.get_mut(next.phrase) {
                here.phrases += usize::from(*count == 0);
                *count += 1;
            }
        }
        here.start = start;
        if best.as_ref().is_none_or(|best| here.is_better_than(best)) {
            best = Some(here);
        }
        for gone in group {
            here.occurrences -= 1;
            if let Some(count) = counts.get_mut(gone.phrase) {
                *count -= 1;
                here.phrases -= usize::from(*count == 0);
            }
        }
    }
    best
}

/// A word around the best ones.
#[derive(Debug)]
struct Place {
    position: u32,
    bytes: Range<usize>,
    is_sentence: bool,
}

/// Chooses where the part begins: with the sentence, if that leaves room for the best words, or
/// else so that they are in the middle.
pub(super) fn place(
    text: &str,
    analyzer: &Analyzer,
    best: Best,
    words: u32,
    column: usize,
    ranges: &[Range<usize>],
) -> Window {
    let (mut places, mut count) = (Vec::new(), 0);
    let (lowest, highest) = (best.start.saturating_sub(words), best.start.saturating_add(words));
    let mut before = 0;
    analyzer.each_place(text, |position, bytes| {
        count = position.saturating_add(1);
        if (lowest..highest).contains(&position) {
            let is_sentence = begins_sentence(text.get(before..bytes.start).unwrap_or_default());
            let is_sentence = position == 0 || is_sentence;
            places.push(Place { position, bytes: bytes.clone(), is_sentence });
        }
        before = bytes.end;
    });
    let needed = best.end.saturating_sub(best.start).saturating_add(1);
    let room = words.saturating_sub(needed);
    let earliest = best.start.saturating_sub(room);
    let can_begin = |place: &&Place| (earliest..=best.start).contains(&place.position);
    let sentence = places.iter().filter(can_begin).rfind(|place| place.is_sentence);
    // At the end of the text there is more room in front.
    let last = count.saturating_sub(words);
    let start = match sentence {
        Some(place) => place.position,
        None => best.start.saturating_sub(room / 2).min(last).max(earliest),
    };
    let end = start.saturating_add(words);
    let mut shown = places.iter().filter(|place| (start..end).contains(&place.position));
    let first = shown.next();
    let bytes_end = shown.next_back().or(first).map_or(text.len(), |last| last.bytes.end);
    let bytes_start = first.filter(|_| start > 0).map_or(0, |first| first.bytes.start);
    let bytes = bytes_start..if end >= count { text.len() } else { bytes_end };
    let clipped = |range: &Range<usize>| {
        let start = range.start.max(bytes.start) - bytes.start;
        start..(range.end.min(bytes.end).max(bytes.start) - bytes.start).max(start)
    };
    let from = ranges.partition_point(|range| range.end <= bytes.start);
    let within = ranges.iter().skip(from).take_while(|range| range.start < bytes.end);
    let ranges = within.map(clipped).filter(|range| !range.is_empty()).collect();
    Window { column, bytes, ranges }
}

/// Whether a sentence or a line begins behind what stands between two words.
fn begins_sentence(between: &str) -> bool {
    let is_end = |char: char| {
        matches!(
            char,
            '.' | ':'
                | '!'
                | '?'
                | '\n'
                | '\u{2026}'
                | '\u{3002}'
                | '\u{ff01}'
                | '\u{ff1f}'
                | '\u{61f}'
                | '\u{6d4}'
                | '\u{964}'
        )
    };
    let mut chars = between.chars();
    match chars.rfind(|char| !is_open(*char)) {
        // A dot inside a word, as of a number or an address, ends no sentence.
        Some(last) => is_end(last) && (between.contains(char::is_whitespace) || !last.is_ascii()),
        None => false,
    }
}

/// Whether the character may stand between the end of a sentence and the first word of the next.
fn is_open(char: char) -> bool {
    char == ' '
        || char == '\t'
        || char == '\r'
        || char == '\u{3000}'
        || matches!(char, '"' | '\'' | '(' | '[' | '*' | '_' | '\u{201c}' | '\u{2018}' | '\u{ab}')
}
