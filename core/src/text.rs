//! Full text: the words of a text, and inverted indexes of many.

mod analyzer;
mod bitpack;
mod builder;
mod check;
mod dead;
mod inverted;
mod merge;
pub(crate) mod merging;
pub(crate) mod query;
mod search;
mod segment;
mod snippet;
mod varint;

use std::borrow::Cow;

pub(crate) use analyzer::Analyzer;
pub use analyzer::{Language, TextOptions};
pub(crate) use builder::{Builder, COLUMNS_MAX};
pub(crate) use check::{attack, check};
pub(crate) use dead::Dead;
pub(crate) use inverted::Inverted;
pub(crate) use merge::Merge;
pub use query::TextQuery;
pub(crate) use search::{Corpus, Judge, Part, Plan, Rank, Ranked, TYPOS_MAX, Top, Weights, search};
pub(crate) use segment::documents::Documents;
pub(crate) use segment::head::Head;
pub(crate) use segment::postings::END;
pub(crate) use segment::writer::SegmentWriter;
pub(crate) use segment::{Segment, SegmentReader, Source};
pub(crate) use snippet::Marker;

/// The words of `text` in lower case and without diacritics, in order: what SQLite's FTS5 makes
/// of it by default.
pub(crate) fn words(text: &str) -> impl Iterator<Item = Cow<'_, str>> + Clone {
    let mut at = 0;
    std::iter::from_fn(move || {
        let mut folded = String::new();
        let word = analyzer::next_word(text, at, &mut folded)?;
        at = word.end;
        Some(match word.same {
            true => Cow::Borrowed(word.term(text, "")),
            false => Cow::Owned(folded),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::test;

    #[test]
    fn words_have_neither_case_nor_diacritics() {
        let split = |text: &'static str| words(text).collect::<Vec<_>>();
        assert_eq!(split("Hello, WORLD!"), ["hello", "world"]);
        assert_eq!(split("cluster:main"), split("cluster-main"));
        assert_eq!(
            split("Se\u{f1}or r\u{e9}sum\u{e9} re\u{301}sume\u{301}"),
            ["senor", "resume", "resume"]
        );
        assert_eq!(split("a\0b"), ["a", "b"]);
        assert_eq!(split("\u{4f60}\u{597d} 42"), ["\u{4f60}\u{597d}", "42"]);
        assert_eq!(split("  .,;\u{301} "), [""; 0]);
        assert_eq!(split(""), [""; 0]);
    }

    #[test]
    fn words_are_borrowed_where_folding_changes_nothing() {
        let borrowed =
            |text: &'static str| words(text).all(|word| matches!(word, Cow::Borrowed(_)));
        assert!(borrowed("plain text, \u{444}\u{43e}\u{442}\u{43e} \u{4f60}\u{597d} 42"));
        assert!(!borrowed("Plain"));
    }
}
