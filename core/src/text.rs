//! The words of a text.

use std::borrow::Cow;

use icu_normalizer::properties::{CanonicalDecompositionBorrowed, Decomposed};

/// The words of `text` in lower case and without diacritics, in order: every run of letters and
/// digits.
///
/// This is what SQLite's unicode61 tokenizer does, as far as Rust's idea of letters and digits
/// goes.
pub(crate) fn words(text: &str) -> impl Iterator<Item = Cow<'_, str>> + Clone {
    text.split(|char: char| match char.is_ascii() {
        true => !char.is_ascii_alphanumeric(),
        false => !char.is_alphanumeric() && !is_mark(char),
    })
    .filter(|word| !word.is_empty())
    .map(fold)
    .filter(|word| !word.is_empty())
}

fn fold(word: &str) -> Cow<'_, str> {
    if word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
        return Cow::Borrowed(word);
    }
    if word.is_ascii() {
        return Cow::Owned(word.to_ascii_lowercase());
    }
    // Only borrows tables that are part of the program.
    let decomposition = CanonicalDecompositionBorrowed::new();
    let mut folded = String::with_capacity(word.len());
    for char in word.chars().filter(|char| !is_mark(*char)) {
        // The base of the base, as of a letter with two diacritics.
        let mut base = char;
        loop {
            base = match decomposition.decompose(base) {
                Decomposed::Expansion(first, second) if is_mark(second) => first,
                Decomposed::Singleton(other) => other,
                _ => break,
            };
        }
        folded.extend(base.to_lowercase().filter(|char| !is_mark(*char)));
    }
    Cow::Owned(folded)
}

/// The diacritics that follow the letter they belong to.
fn is_mark(char: char) -> bool {
    matches!(char, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}')
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
        // A letter with two diacritics, composed.
        assert_eq!(split("\u{1ebf}"), ["e"]);
        assert_eq!(split("a\0b"), ["a", "b"]);
        assert_eq!(split("\u{4f60}\u{597d} 42"), ["\u{4f60}\u{597d}", "42"]);
        assert_eq!(split("  .,;\u{301} "), [""; 0]);
        assert_eq!(split(""), [""; 0]);
    }
}
