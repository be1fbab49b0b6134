//! From a text to the terms it is found by.

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "few words, and numbers cut on purpose")]
mod cases;
mod options;
mod script;
mod stem;
#[cfg(test)]
mod tests;
mod tokenizer;
mod unicode;

use std::collections::HashSet;
use std::ops::Range;

use crate::error::Result;
use tokenizer::{Kind, Piece, pieces};

pub use options::{Language, TextOptions};
pub(super) use tokenizer::next_word;

/// Makes the terms of documents and of what is searched for in them.
#[derive(Clone, Debug)]
pub(crate) struct Analyzer {
    stemming: Option<Language>,
    stop_words: HashSet<Box<str>>,
    /// The longest of them in bytes, so that longer words need not be looked up.
    stop_word_bytes: usize,
    bigrams: bool,
}

/// A term of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'t> {
    /// What the index holds.
    pub(crate) term: &'t str,
    /// Its place among the words of the document, from 0. Stop words have places too.
    pub(crate) position: u32,
    /// Where it begins in the text, in bytes.
    pub(crate) start: usize,
    /// Where it ends in the text, in bytes.
    pub(crate) end: usize,
}

/// A term that a phrase looks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PhraseTerm {
    /// What the index holds, or its beginning.
    pub(crate) term: String,
    /// Its place in the phrase: a document holds the phrase where each term stands this far
    /// behind one and the same position.
    pub(crate) offset: u32,
    /// Whether every term that begins with it will do.
    pub(crate) prefix: bool,
}

impl Analyzer {
    /// An analyzer for these options.
    ///
    /// # Errors
    /// Those of [`TextOptions::validate`].
    pub(crate) fn new(options: &TextOptions) -> Result<Analyzer> {
        let stop_words = options.folded_stop_words()?;
        Ok(Analyzer {
            stemming: options.stemming,
            stop_word_bytes: stop_words.iter().map(|word| word.len()).max().unwrap_or_default(),
            stop_words,
            bigrams: options.bigrams,
        })
    }

    /// Hands every term of a document to `each`, by ascending position.
    ///
    /// Nothing is allocated for a word, unless its stem is not its beginning.
    pub(crate) fn each(&self, text: &str, mut each: impl FnMut(Token<'_>)) {
        self.pieces(text, |piece| {
            let Piece { kind, term, position, start, end } = piece;
            if kind != Kind::Word {
                each(Token { term, position, start, end });
            } else if !self.stops(term) {
                let term = stem::stem(self.stemming, term);
                each(Token { term: &term, position, start, end });
            }
        });
    }

    /// Hands the position of every word of a document to `each`, ascending, and where it is in the
    /// text: of stop words too.
    pub(crate) fn each_place(&self, text: &str, mut each: impl FnMut(u32, Range<usize>)) {
        self.pieces(text, |piece| each(piece.position, piece.start..piece.end));
    }

    /// What a document must hold to hold `text`; nothing when there is no word in it but stop
    /// words, which match everywhere.
    ///
    /// With `prefix`, the last word stands for all words that begin with it, so it is neither
    /// stemmed nor taken for a stop word: `runn` finds `runner`, but `running` no longer finds what
    /// is indexed as `run`. A pair of characters is a whole term already.
    pub(crate) fn phrase(&self, text: &str, prefix: bool) -> Vec<PhraseTerm> {
        let mut terms = Vec::new();
        // A word is only known to be the last when nothing follows.
        let mut last: Option<(String, u32)> = None;
        self.pieces(text, |piece| {
            let Piece { kind, term, position: offset, .. } = piece;
            terms.extend(last.take().and_then(|(word, offset)| self.whole(&word, offset)));
            let term = String::from(term);
            match kind {
                Kind::Word => last = Some((term, offset)),
                Kind::Pair => terms.push(PhraseTerm { term, offset, prefix: false }),
                Kind::Last { only: true } => terms.push(PhraseTerm { term, offset, prefix: true }),
                // The pair before holds it.
                Kind::Last { only: false } => {}
            }
        });
        terms.extend(last.and_then(|(term, offset)| match prefix {
            true => Some(PhraseTerm { term, offset, prefix }),
            false => self.whole(&term, offset),
        }));
        terms
    }

    fn pieces(&self, text: &str, each: impl FnMut(Piece<'_>)) {
        match self.bigrams {
            true => pieces::<true>(text, each),
            false => pieces::<false>(text, each),
        }
    }

    fn whole(&self, word: &str, offset: u32) -> Option<PhraseTerm> {
        let term = || stem::stem(self.stemming, word).into_owned();
        (!self.stops(word)).then(|| PhraseTerm { term: term(), offset, prefix: false })
    }

    fn stops(&self, word: &str) -> bool {
        word.len() <= self.stop_word_bytes && self.stop_words.contains(word)
    }
}
