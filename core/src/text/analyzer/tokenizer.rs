//! Cutting a text into words exactly as FTS5's tokenizer `unicode61` does with its defaults, and,
//! when asked, writing without spaces into pairs of characters.
//!
//! What `unicode61` does, as read from SQLite's source: a word begins with a letter, a number or
//! a character for private use, and everything that FTS5's tables do not know counts as one too.
//! It goes on with more of them and with diacritics, which leave nothing behind; any other
//! character ends it. Letters are folded one by one, by the case folding of the tables, and
//! those that are an ASCII letter with one diacritic become that letter.

use super::script::{invisible, unspaced};
use super::unicode::{BLOCK, FOLDS, INDEX, REST, SEPARATORS};

/// The longest word in bytes, FTS5's `FTS5_MAX_TOKEN_SIZE`; the rest of a longer one is cut off.
///
/// FTS5 cuts between any two bytes, so that it may index a part of a character. Here that
/// character goes.
pub(super) const WORD_BYTES_MAX: usize = 32_768;

/// What a character is in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Stands between words.
    Separator,
    /// Goes on with a word and leaves nothing behind; between words it is a separator.
    Diacritic,
    /// Is part of a word, as this.
    Letter(char),
    /// Is written without spaces; only when those are told apart.
    Unspaced,
}

/// What ASCII characters and the bytes of all others are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Byte {
    Separator,
    /// A digit or a small letter, which is folded to itself.
    Same,
    Capital,
    /// Of a character that is not ASCII.
    Other,
}

static BYTES: [Byte; 256] = {
    let mut bytes = [Byte::Other; 256];
    let mut at = 0;
    while at < 128 {
        bytes[at as usize] = match at {
            b'0'..=b'9' | b'a'..=b'z' => Byte::Same,
            b'A'..=b'Z' => Byte::Capital,
            _ => Byte::Separator,
        };
        at += 1;
    }
    bytes
};

/// What `unicode61` makes of a character.
pub(super) fn class(char: char) -> Class {
    let code = u32::from(char);
    let Some(&block) = INDEX.get((code / BLOCK) as usize) else {
        let separator = REST.iter().any(|(first, last)| (*first..=*last).contains(&code));
        return if separator { Class::Separator } else { Class::Letter(char) };
    };
    let at = code % BLOCK;
    let fold = FOLDS.get(usize::from(block)).and_then(|folds| folds.get(at as usize)).copied();
    if fold == Some(0) {
        return Class::Diacritic;
    }
    if SEPARATORS.get(usize::from(block)).is_none_or(|separators| (separators >> at) & 1 == 1) {
        return Class::Separator;
    }
    let folded = fold.and_then(|low| char::from_u32((code & !0xffff) | u32::from(low)));
    Class::Letter(folded.unwrap_or(char))
}

fn class_of<const PAIRS: bool>(char: char) -> Class {
    if PAIRS && unspaced(char) { Class::Unspaced } else { class(char) }
}

/// A part of a text that takes one place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'p> {
    pub(super) kind: Kind,
    /// The word, folded, or the characters as they are.
    pub(super) term: &'p str,
    pub(super) position: u32,
    /// Where it is in the text, in bytes.
    pub(super) start: usize,
    pub(super) end: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Word,
    /// A character of a run without spaces, and the one behind it.
    Pair,
    /// The last character of a run, which may be its only one.
    Last {
        only: bool,
    },
}

/// Hands every word of `text` to `each` in order; with `PAIRS`, every run of characters that are
/// written without spaces as its pairs and its last character.
pub(super) fn pieces<const PAIRS: bool>(text: &str, mut each: impl FnMut(Piece<'_>)) {
    let mut folded = String::new();
    let mut position = 0_u32;
    let mut at = 0;
    while let Some(found) = next::<PAIRS>(text, at, &mut folded) {
        match found {
            Found::Word(span) => {
                let term = shortened(span.term(text, &folded));
                let Span { start, end, .. } = span;
                each(Piece { kind: Kind::Word, term, position, start, end });
                position = position.saturating_add(1);
                at = end;
            }
            Found::Run(start) => {
                let (end, characters) = run(text, start, position, &mut each);
                position = position.saturating_add(characters);
                // A run has one character at least.
                at = end.max(start + 1);
            }
        }
    }
}

/// What begins next in a text.
enum Found {
    Word(Span),
    /// Characters without spaces from here on.
    Run(usize),
}

/// Where a word is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Whether folding changes nothing about it.
    pub(crate) same: bool,
}

impl Span {
    /// The word, which is in `folded` if it is not in the text.
    pub(crate) fn term<'t>(self, text: &'t str, folded: &'t str) -> &'t str {
        if self.same { text.get(self.start..self.end).unwrap_or_default() } else { folded }
    }
}

/// The next word of `text` from the byte `at` on, put into `folded` if folding changes it.
pub(crate) fn next_word(text: &str, at: usize, folded: &mut String) -> Option<Span> {
    match next::<false>(text, at, folded)? {
        Found::Word(span) => Some(span),
        Found::Run(_) => None,
    }
}

#[inline]
fn next<const PAIRS: bool>(text: &str, mut at: usize, folded: &mut String) -> Option<Found> {
    let bytes = text.as_bytes();
    loop {
        match BYTES[usize::from(*bytes.get(at)?)] {
            Byte::Separator => at += 1,
            Byte::Same | Byte::Capital => break,
            Byte::Other => {
                let char = char_at(text, at)?;
                match class_of::<PAIRS>(char) {
                    Class::Letter(_) => break,
                    Class::Unspaced => return Some(Found::Run(at)),
                    Class::Separator | Class::Diacritic => at += char.len_utf8(),
                }
            }
        }
    }
    let start = at;
    at += same_bytes(bytes.get(at..).unwrap_or_default());
    let word = |end| Some(Found::Word(Span { start, end, same: true }));
    loop {
        match bytes.get(at).map_or(Byte::Separator, |byte| BYTES[usize::from(*byte)]) {
            Byte::Same => at += 1,
            Byte::Separator => return word(at),
            Byte::Capital => break,
            Byte::Other => match char_at(text, at).map(|char| (char, class_of::<PAIRS>(char))) {
                Some((char, Class::Letter(to))) if to == char => at += char.len_utf8(),
                Some((_, Class::Letter(_) | Class::Diacritic)) => break,
                _ => return word(at),
            },
        }
    }
    folded.clear();
    folded.push_str(text.get(start..at).unwrap_or_default());
    let end = fold::<PAIRS>(text, at, folded);
    Some(Found::Word(Span { start, end, same: false }))
}

/// How many bytes at the beginning are small letters and digits of ASCII, counted eight at a time;
/// up to seven at the end are not looked at.
///
/// The lengths of words cannot be foretold by a processor, so a branch for each byte costs more
/// than this.
#[inline]
fn same_bytes(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * ONES;
    // Sets the high bit of each byte that is at least `least`; no byte carries into the next.
    let least = |low: u64, least: u8| low + u64::from(0x80 - least) * ONES;
    let (eights, _) = bytes.as_chunks::<8>();
    for (at, eight) in eights.iter().enumerate() {
        let eight = u64::from_le_bytes(*eight);
        let low = eight & !HIGH;
        let letters = least(low, b'a') & !least(low, b'z' + 1);
        let digits = least(low, b'0') & !least(low, b'9' + 1);
        let others = (!(letters | digits) | eight) & HIGH;
        if others != 0 {
            return at * 8 + others.trailing_zeros() as usize / 8;
        }
    }
    eights.len() * 8
}

/// Adds the rest of the word that `text` has from the byte `at` on, and returns where it ends.
fn fold<const PAIRS: bool>(text: &str, mut at: usize, folded: &mut String) -> usize {
    for char in text.get(at..).unwrap_or_default().chars() {
        match BYTES.get(char as usize).copied().filter(|_| char.is_ascii()) {
            Some(Byte::Separator) => break,
            Some(_) => folded.push(char.to_ascii_lowercase()),
            None => match class_of::<PAIRS>(char) {
                Class::Letter(to) => folded.push(to),
                Class::Diacritic => {}
                Class::Separator | Class::Unspaced => break,
            },
        }
        at += char.len_utf8();
    }
    at
}

fn char_at(text: &str, at: usize) -> Option<char> {
    text.get(at..)?.chars().next()
}

/// The word, or as much of it as is indexed.
fn shortened(word: &str) -> &str {
    if word.len() <= WORD_BYTES_MAX {
        return word;
    }
    let end = (0..=WORD_BYTES_MAX).rev().find(|end| word.is_char_boundary(*end));
    word.get(..end.unwrap_or_default()).unwrap_or_default()
}

/// Hands the run of characters from the byte `start` on to `each`, and returns where it ends and
/// of how many characters it is.
fn run(
    text: &str,
    start: usize,
    mut position: u32,
    each: &mut impl FnMut(Piece<'_>),
) -> (usize, u32) {
    let mut pair = String::with_capacity(8);
    let mut characters = 0;
    // The first of the next pair: where it is.
    let mut first = (start, start);
    for (offset, char) in text.get(start..).unwrap_or_default().char_indices() {
        let at = start + offset;
        let end = at + char.len_utf8();
        if unspaced(char) {
            if characters > 0 {
                pair.clear();
                pair.push_str(text.get(first.0..first.1).unwrap_or_default());
                pair.push(char);
                let kind = Kind::Pair;
                each(Piece { kind, term: &pair, position, start: first.0, end });
                position = position.saturating_add(1);
            }
            characters += 1;
            first = (at, end);
        } else if !invisible(char) && class(char) != Class::Diacritic {
            break;
        }
    }
    let (start, end) = first;
    let term = text.get(start..end).unwrap_or_default();
    each(Piece { kind: Kind::Last { only: characters == 1 }, term, position, start, end });
    (end, characters)
}
