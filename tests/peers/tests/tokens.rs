//! The tokenizer of the full-text engine against FTS5, which it must equal word by word.
//!
//! What FTS5 answers is also recorded, for the tests of the core that run without C. To record it
//! anew:
//!
//! ```text
//! SIGIL_RECORD=1 cargo test --manifest-path tests/peers/Cargo.toml --test tokens
//! ```

#![expect(clippy::unwrap_used, reason = "tests, and what they share")]

use std::path::Path;

use cases::{Random, Word};
use tokenizer::pieces;

#[path = "../../../core/src/text/analyzer/cases.rs"]
#[expect(
    clippy::cast_possible_truncation,
    reason = "few words, and numbers that are cut on purpose"
)]
mod cases;
#[path = "../../../core/src/text/analyzer/script.rs"]
mod script;
#[path = "../../../core/src/text/analyzer/tokenizer.rs"]
#[expect(dead_code, reason = "the core uses all of it")]
mod tokenizer;
#[path = "../../../core/src/text/analyzer/unicode.rs"]
mod unicode;

fn ours(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    pieces::<false>(text, |piece| words.push((Vec::from(piece.term), piece.position)));
    words
}

/// What FTS5 says, and we must say too.
fn theirs(texts: &[String]) -> Vec<Vec<Word>> {
    let theirs = sigil_peers::fts5::words(texts.iter().map(String::as_str)).unwrap();
    for (text, theirs) in texts.iter().zip(&theirs) {
        assert_eq!(&ours(text), theirs, "{text:?}");
    }
    theirs
}

#[test]
fn every_word_is_that_of_fts5() {
    // Of all cases at once: making a table takes longer than filling it.
    let cases = cases::cases();
    let texts: Vec<String> = cases.iter().flat_map(|case| case.texts.clone()).collect();
    let mut words = theirs(&texts).into_iter();
    let mut answers = String::new();
    for case in &cases {
        let words: Vec<_> = words.by_ref().take(case.texts.len()).collect();
        answers.push_str(&cases::answer(case, &words));
        answers.push('\n');
    }
    let path = "../fixtures/text/tokens.txt";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("SIGIL_RECORD").is_some() {
        std::fs::write(&path, &answers).unwrap();
    }
    let recorded = std::fs::read_to_string(&path).unwrap();
    for (answer, recorded) in answers.lines().zip(recorded.lines()) {
        assert_eq!(answer, recorded, "record the answers anew");
    }
    assert_eq!(answers.lines().count(), recorded.lines().count(), "record the answers anew");
}

#[test]
fn random_texts_have_the_words_of_fts5() {
    let mut random = Random(0x5eed);
    let texts: Vec<String> = (0..50_000).map(|_| random.text()).collect();
    theirs(&texts);
}

#[test]
fn long_words_are_cut_off_where_fts5_cuts_them() {
    let long = |start: &str, part: &str| format!("{start}{} end", part.repeat(40_000 / part.len()));
    let texts = [long("", "x"), long("X", "y"), long("", "\u{436}"), long("", "\u{e9}")];
    assert!(theirs(&texts).iter().all(|words| words.len() == 2));
    // FTS5 also cuts through a character, of which we keep nothing.
    let text = long("a", "\u{436}");
    let theirs = sigil_peers::fts5::words([text.as_str()]).unwrap();
    let (ours, theirs) = (&ours(&text)[0].0, &theirs[0][0].0);
    assert_eq!((ours.len(), theirs.len()), (32_767, 32_768));
    assert!(theirs.starts_with(ours) && str::from_utf8(theirs).is_err());
}
