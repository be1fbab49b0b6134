//! What a text index is made for.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::tokenizer::{Kind, pieces};
use crate::error::{Error, Result};
use crate::stores::{named, shown};

/// The most stop words.
const STOP_WORDS_MAX: usize = 4096;

/// The longest stop word, in bytes.
const STOP_WORD_BYTES_MAX: usize = 128;

/// The longest prefix that is indexed, in characters.
const PREFIX_MAX: u8 = 16;

named! {
    /// A language whose words are stemmed, by its Snowball algorithm.
    ///
    /// Words are stemmed without their diacritics, so that a word is found however it is
    /// accented. The algorithms then miss endings that they know with a diacritic only, as of the
    /// Portuguese nouns in `\u{e7}\u{e3}o`, whose plural is not found by the singular.
    ///
    /// ```
    /// use sigil_core::Language;
    /// assert_eq!(Language::parse("english")?, Language::English);
    /// assert_eq!(Language::French.as_str(), "french");
    /// assert!(Language::parse("klingon").is_err());
    /// # Ok::<(), sigil_core::Error>(())
    /// ```
    Language, "language with a stemmer" {
        /// Arabic.
        Arabic = "arabic",
        /// Armenian.
        Armenian = "armenian",
        /// Basque.
        Basque = "basque",
        /// Catalan.
        Catalan = "catalan",
        /// Danish.
        Danish = "danish",
        /// Dutch.
        Dutch = "dutch",
        /// English.
        English = "english",
        /// Finnish.
        Finnish = "finnish",
        /// French.
        French = "french",
        /// German.
        German = "german",
        /// Greek.
        Greek = "greek",
        /// Hungarian.
        Hungarian = "hungarian",
        /// Indonesian.
        Indonesian = "indonesian",
        /// Italian.
        Italian = "italian",
        /// Norwegian, Bokmal and Nynorsk.
        Norwegian = "norwegian",
        /// Portuguese.
        Portuguese = "portuguese",
        /// Romanian.
        Romanian = "romanian",
        /// Russian.
        Russian = "russian",
        /// Spanish.
        Spanish = "spanish",
        /// Swedish.
        Swedish = "swedish",
        /// Turkish.
        Turkish = "turkish",
    }
}

/// How the words of a text index are made from its texts.
///
/// The default is what SQLite's FTS5 does by default: a word is a run of letters and digits,
/// in lower case and without diacritics.
///
/// ```
/// use sigil_core::{Language, TextOptions};
/// let mut options = TextOptions::default();
/// options.stemming = Some(Language::English);
/// options.stop_words = vec!["the".into(), "of".into()];
/// options.validate()?;
/// # Ok::<(), sigil_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct TextOptions {
    /// The language that words are stemmed in, so that `running` finds `runs`. Without one words
    /// are found as they are.
    pub stemming: Option<Language>,
    /// Words that are left out, at most 4,096 of at most 128 bytes each. They are folded like the
    /// texts, so case and diacritics do not matter. The words around them stay as far apart as
    /// they were.
    pub stop_words: Vec<String>,
    /// Whether writing without spaces (Han, Hiragana, Katakana, Thai, Lao, Khmer, Myanmar) is cut
    /// into pairs of characters, so that it is found from any character on.
    ///
    /// Vowel signs, tone marks and digits of these scripts are characters like the letters, and
    /// what is searched for is found where it stands with just the same ones. Spaces of no
    /// width, joiners and variation selectors between them do not matter. Without pairs such
    /// writing is cut as FTS5 cuts it: a run of Han or Kana is one word, and most vowel signs and
    /// tone marks of the others end a word and are lost.
    pub bigrams: bool,
    /// The lengths in characters of the prefixes that are indexed, from 1 to 16, ascending, so
    /// that searching for them is fast.
    pub prefixes: Vec<u8>,
}

impl TextOptions {
    /// Checks that an index can be made with these options.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) saying which option cannot be, and why.
    pub fn validate(&self) -> Result<()> {
        self.folded_stop_words()?;
        if let Some(length) =
            self.prefixes.iter().find(|length| !(1..=PREFIX_MAX).contains(*length))
        {
            return Err(Error::invalid(format!(
                "a prefix of {length} characters cannot be indexed: use 1 to {PREFIX_MAX}"
            )));
        }
        if !self.prefixes.is_sorted_by(|one, next| one < next) {
            return Err(Error::invalid(format!(
                "the lengths of prefixes are {:?}: put them in ascending order, each once",
                self.prefixes
            )));
        }
        Ok(())
    }

    /// The stop words as they are in a text once it is cut into words.
    pub(super) fn folded_stop_words(&self) -> Result<HashSet<Box<str>>> {
        if self.stop_words.len() > STOP_WORDS_MAX {
            return Err(Error::invalid(format!(
                "there are {} stop words, the limit is {STOP_WORDS_MAX}: use fewer",
                self.stop_words.len()
            )));
        }
        self.stop_words.iter().map(|word| self.folded_stop_word(word)).collect()
    }

    fn folded_stop_word(&self, word: &str) -> Result<Box<str>> {
        if word.len() > STOP_WORD_BYTES_MAX {
            return Err(Error::invalid(format!(
                "the stop word '{}' has {} bytes, the limit is {STOP_WORD_BYTES_MAX}: shorten it",
                shown(word),
                word.len()
            )));
        }
        let mut words = Vec::new();
        let mut pairs = false;
        pieces::<true>(word, |piece| pairs |= piece.kind != Kind::Word);
        pieces::<false>(word, |piece| words.push(Box::from(piece.term)));
        if self.bigrams && pairs {
            return Err(Error::invalid(format!(
                "the stop word '{}' is written without spaces, and pairs of characters are not \
                 left out: use words of other scripts, or no bigrams",
                shown(word)
            )));
        }
        let count = words.len();
        match words.pop() {
            Some(only) if count == 1 => Ok(only),
            _ => Err(Error::invalid(format!(
                "the stop word '{}' is {count} words to a search: give each word on its own",
                shown(word)
            ))),
        }
    }
}
