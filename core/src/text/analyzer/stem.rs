//! Stems of words.

use std::borrow::Cow;

use frostem::{Algorithm, Stemmer};

use super::Language;

/// The longest word that is stemmed, in bytes. What is longer is no word of a language, and takes
/// time that grows with the square of its length.
const STEMMED_BYTES_MAX: usize = 128;

/// The stem of a folded word, if there is a language to take it in.
pub(super) fn stem(language: Option<Language>, word: &str) -> Cow<'_, str> {
    match language {
        Some(language) if word.len() <= STEMMED_BYTES_MAX => {
            let stem = Stemmer::new(algorithm(language)).stem(word);
            // An index holds no empty terms.
            if stem.is_empty() { Cow::Borrowed(word) } else { stem }
        }
        _ => Cow::Borrowed(word),
    }
}

const fn algorithm(language: Language) -> Algorithm {
    match language {
        Language::Arabic => Algorithm::Arabic,
        Language::Armenian => Algorithm::Armenian,
        Language::Basque => Algorithm::Basque,
        Language::Catalan => Algorithm::Catalan,
        Language::Danish => Algorithm::Danish,
        Language::Dutch => Algorithm::Dutch,
        Language::English => Algorithm::English,
        Language::Finnish => Algorithm::Finnish,
        Language::French => Algorithm::French,
        Language::German => Algorithm::German,
        Language::Greek => Algorithm::Greek,
        Language::Hungarian => Algorithm::Hungarian,
        Language::Indonesian => Algorithm::Indonesian,
        Language::Italian => Algorithm::Italian,
        Language::Norwegian => Algorithm::Norwegian,
        Language::Portuguese => Algorithm::Portuguese,
        Language::Romanian => Algorithm::Romanian,
        Language::Russian => Algorithm::Russian,
        Language::Spanish => Algorithm::Spanish,
        Language::Swedish => Algorithm::Swedish,
        Language::Turkish => Algorithm::Turkish,
    }
}
