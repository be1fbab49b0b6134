use super::cases::{self, Random};
use super::script::{invisible, unspaced};
use super::tokenizer::{Class, class};
use super::*;
use crate::error::ErrorKind;
use crate::testing::test;

/// What FTS5 answers.
const RECORDED: &str = include_str!("../../../../tests/fixtures/text/tokens.txt");

fn options(change: impl FnOnce(&mut TextOptions)) -> TextOptions {
    let mut options = TextOptions::default();
    change(&mut options);
    options
}

fn analyzer(change: impl FnOnce(&mut TextOptions)) -> Analyzer {
    Analyzer::new(&options(change)).unwrap()
}

/// The terms of a document with their positions.
fn terms(analyzer: &Analyzer, text: &str) -> Vec<(String, u32)> {
    let mut terms = Vec::new();
    analyzer.each(text, |token| terms.push((token.term.into(), token.position)));
    terms
}

/// The terms of a phrase, those that are prefixes with a star, and their places.
fn phrase(analyzer: &Analyzer, text: &str, prefix: bool) -> Vec<(String, u32)> {
    let shown = |term: PhraseTerm| match term.prefix {
        true => (term.term + "*", term.offset),
        false => (term.term, term.offset),
    };
    analyzer.phrase(text, prefix).into_iter().map(shown).collect()
}

/// Whether the document holds the phrase.
fn holds(analyzer: &Analyzer, text: &str, wanted: &str, prefix: bool) -> bool {
    let document = terms(analyzer, text);
    let wanted = analyzer.phrase(wanted, prefix);
    let at = |position: u32, wanted: &PhraseTerm| {
        document.iter().any(|(term, place)| {
            let same =
                if wanted.prefix { term.starts_with(&wanted.term) } else { *term == wanted.term };
            same && *place == position + wanted.offset
        })
    };
    let positions = document.last().map_or(0, |(_, position)| position + 1);
    !wanted.is_empty()
        && (0..positions).any(|position| wanted.iter().all(|term| at(position, term)))
}

fn owned(terms: &[(&str, u32)]) -> Vec<(String, u32)> {
    terms.iter().map(|(term, position)| (String::from(*term), *position)).collect()
}

#[test]
fn every_word_is_that_of_fts5() {
    let analyzer = analyzer(|_| {});
    let mut recorded = RECORDED.lines();
    for case in cases::cases() {
        let words: Vec<Vec<cases::Word>> = case
            .texts
            .iter()
            .map(|text| {
                let words = terms(&analyzer, text).into_iter();
                words.map(|(term, position)| (term.into_bytes(), position)).collect()
            })
            .collect();
        assert_eq!(Some(&*cases::answer(&case, &words)), recorded.next());
    }
    assert_eq!(recorded.next(), None);
}

#[test]
fn words_are_folded_and_their_diacritics_go() {
    let analyzer = analyzer(|_| {});
    assert_eq!(
        terms(&analyzer, "Hello, W\u{d6}RLD! e\u{301}te\u{301}2 \u{301}x"),
        owned(&[("hello", 0), ("world", 1), ("ete2", 2), ("x", 3)])
    );
    // Two diacritics on one letter stay, as FTS5 has it.
    assert_eq!(terms(&analyzer, "\u{1ebe}"), owned(&[("\u{1ebf}", 0)]));
    assert_eq!(terms(&analyzer, "a\0b\u{7f}c"), owned(&[("a", 0), ("b", 1), ("c", 2)]));
    // What begins beyond U+FFFF is folded too; what is unknown to FTS5 is a letter.
    assert_eq!(terms(&analyzer, "\u{10400}"), owned(&[("\u{10428}", 0)]));
    assert_eq!(terms(&analyzer, "\u{1f600}\u{1fae0}"), owned(&[("\u{1fae0}", 0)]));
    assert_eq!(terms(&analyzer, " .,\u{301}\u{3000}"), owned(&[]));
}

#[test]
fn tokens_say_where_they_are() {
    let text = "\u{e9}t\u{e9}, e\u{301}T, \u{6771}\u{200b}\u{4eac}a";
    let written = |analyzer: &Analyzer| {
        let mut written = Vec::new();
        analyzer.each(text, |token| written.push(&text[token.start..token.end]));
        written
    };
    let words = analyzer(|_| {});
    assert_eq!(written(&words), ["\u{e9}t\u{e9}", "e\u{301}T", "\u{6771}", "\u{4eac}a"]);
    let pairs = analyzer(|options| options.bigrams = true);
    let pair = "\u{6771}\u{200b}\u{4eac}";
    assert_eq!(written(&pairs), ["\u{e9}t\u{e9}", "e\u{301}T", pair, "\u{4eac}", "a"]);
}

#[test]
fn stop_words_leave_a_gap() {
    let analyzer =
        analyzer(|options| options.stop_words = vec!["The".into(), "\u{c0}".into(), "OF".into()]);
    assert_eq!(
        terms(&analyzer, "the King of \u{e0} theatre"),
        owned(&[("king", 1), ("theatre", 4)])
    );
    assert_eq!(phrase(&analyzer, "King of the th", false), owned(&[("king", 0), ("th", 3)]));
    assert_eq!(phrase(&analyzer, "the", false), owned(&[]));
    // Whoever types "the" may want the theatre.
    assert_eq!(phrase(&analyzer, "the king of the", true), owned(&[("king", 1), ("the*", 3)]));
}

#[test]
fn words_of_a_language_are_found_by_their_stems() {
    let english = analyzer(|options| {
        options.stemming = Some(Language::English);
        options.stop_words = vec!["was".into()];
    });
    assert_eq!(terms(&english, "Running was generously"), owned(&[("run", 0), ("generous", 2)]));
    assert_eq!(phrase(&english, "flying ponies", false), owned(&[("fli", 0), ("poni", 1)]));
    assert_eq!(phrase(&english, "flying ponies", true), owned(&[("fli", 0), ("ponies*", 1)]));
    // Without diacritics too, because those go first.
    let german = analyzer(|options| options.stemming = Some(Language::German));
    assert_eq!(terms(&german, "H\u{e4}user"), terms(&german, "hauser"));
    // What is no word is left alone.
    let long = "running".repeat(100);
    assert_eq!(terms(&english, &long), owned(&[(long.as_str(), 0)]));
}

#[test]
fn every_language_stems() {
    let inflected = [
        (Language::Danish, "husene"),
        (Language::English, "houses"),
        (Language::French, "maisons"),
        (Language::German, "hausern"),
        (Language::Greek, "\u{3c3}\u{3c0}\u{3b9}\u{3c4}\u{3b9}\u{3b1}"),
        (Language::Russian, "\u{434}\u{43e}\u{43c}\u{430}\u{43c}\u{438}"),
        (Language::Spanish, "educaciones"),
        (Language::Turkish, "evlerde"),
    ];
    for (language, word) in inflected {
        let stem = stem::stem(Some(language), word);
        assert!(!stem.is_empty() && stem.len() < word.len(), "{language}: {stem}");
    }
    // No stem of any of them is empty, or ends the program.
    let mut random = Random(7);
    for _ in 0..200 {
        let text = random.text();
        for language in Language::ALL {
            let analyzer = analyzer(|options| options.stemming = Some(*language));
            assert!(terms(&analyzer, &text).iter().all(|(term, _)| !term.is_empty()));
        }
    }
}

const TOKYO: &str = "\u{6771}\u{4eac}\u{90fd}";

#[test]
fn writing_without_spaces_becomes_pairs() {
    let pairs = analyzer(|options| options.bigrams = true);
    assert_eq!(
        terms(&pairs, &format!("in {TOKYO}TOWER")),
        owned(&[
            ("in", 0),
            ("\u{6771}\u{4eac}", 1),
            ("\u{4eac}\u{90fd}", 2),
            ("\u{90fd}", 3),
            ("tower", 4)
        ])
    );
    assert_eq!(
        phrase(&pairs, &format!("in {TOKYO}TOWER"), true),
        owned(&[("in", 0), ("\u{6771}\u{4eac}", 1), ("\u{4eac}\u{90fd}", 2), ("tower*", 4)])
    );
    assert_eq!(phrase(&pairs, TOKYO, true), phrase(&pairs, TOKYO, false));
    assert_eq!(phrase(&pairs, "\u{4eac}", false), owned(&[("\u{4eac}*", 0)]));
    // Hangul has spaces.
    let korean = "\u{d55c}\u{ad6d}\u{c5b4}";
    assert_eq!(terms(&pairs, korean), owned(&[(korean, 0)]));
    let words = analyzer(|_| {});
    assert_eq!(terms(&words, TOKYO), owned(&[(TOKYO, 0)]));
}

#[test]
fn pairs_are_found_from_any_character_on() {
    let pairs = analyzer(|options| options.bigrams = true);
    let text = format!("a {TOKYO} b");
    let chars: Vec<char> = TOKYO.chars().collect();
    for first in 0..chars.len() {
        for last in first..chars.len() {
            let part: String = chars[first..=last].iter().collect();
            assert!(holds(&pairs, &text, &part, false), "{part}");
            assert_eq!(holds(&pairs, &text, &format!("a {part}"), false), first == 0, "{part}");
            let at_end = last + 1 == chars.len();
            assert_eq!(holds(&pairs, &text, &format!("{part} b"), false), at_end, "{part}");
        }
    }
    assert!(!holds(&pairs, &text, "\u{6771}\u{90fd}", false));
    assert!(!holds(&pairs, &text, "\u{5317}", false));
}

#[test]
fn vowel_signs_are_characters_and_what_is_invisible_is_not() {
    let pairs = analyzer(|options| options.bigrams = true);
    // "ti ni" in Thai: a consonant, a vowel sign and a tone mark each.
    let thai = "\u{e17}\u{e35}\u{e48}\u{e19}\u{e35}\u{e48}";
    assert!(holds(&pairs, thai, "\u{e19}\u{e35}\u{e48}", false));
    assert!(!holds(&pairs, thai, "\u{e19}\u{e32}", false));
    assert!(!holds(&analyzer(|_| {}), thai, "\u{e19}\u{e32}\u{e48}", false));
    // Khmer words with a space of no width between them.
    let (one, two) = ("\u{1781}\u{17d2}\u{1789}", "\u{1785}\u{17bc}\u{179b}");
    assert!(holds(&pairs, &format!("{one}\u{200b}{two}"), &format!("{one}{two}"), false));
    assert_eq!(
        terms(&pairs, "\u{845b}\u{e0100}\u{57ce}\u{e0100} a"),
        terms(&pairs, "\u{845b}\u{57ce} a")
    );
    // Punctuation ends a run.
    assert!(!holds(&pairs, "\u{6771}\u{3002}\u{4eac}", "\u{6771}\u{4eac}", false));
}

#[test]
fn characters_of_pairs_need_no_folding() {
    for char in ('\0'..=char::MAX).filter(|char| unspaced(*char)) {
        assert!(matches!(class(char), Class::Separator) || class(char) == Class::Letter(char));
    }
    for char in ('\0'..=char::MAX).filter(|char| invisible(*char)) {
        assert_eq!((class(char), unspaced(char)), (Class::Separator, false));
    }
}

#[test]
fn places_are_ascending_and_between_characters_in_any_text() {
    let mut random = Random(1);
    let mut texts: Vec<String> = (0..2000).map(|_| random.text()).collect();
    texts.extend(
        ["x", "X", "\u{e9}", "e\u{301}", "\u{6771}", "\u{e35}", "\u{301}"]
            .map(|part| part.repeat((1 << 20) / part.len())),
    );
    for analyzer in [
        analyzer(|_| {}),
        analyzer(|options| {
            options.bigrams = true;
            options.stemming = Some(Language::English);
            options.stop_words = vec!["a".into(), "\u{df}".into()];
        }),
    ] {
        for text in &texts {
            let mut before: Option<(u32, usize, usize)> = None;
            analyzer.each(text, |token| {
                let Token { term, position, start, end } = token;
                assert!(!term.is_empty() && term.len() <= tokenizer::WORD_BYTES_MAX);
                assert!(text.get(start..end).is_some_and(|written| !written.is_empty()));
                assert!(before.is_none_or(|(place, begin, close)| {
                    place < position && begin < start && close <= end
                }));
                before = Some((position, start, end));
            });
            for prefix in [false, true] {
                let phrase = analyzer.phrase(text, prefix);
                assert!(phrase.is_sorted_by(|one, next| one.offset < next.offset));
                // A whole word is not the beginning of its stem.
                if text.len() < 1000 && !(prefix && analyzer.stemming.is_some()) {
                    assert!(phrase.is_empty() || holds(&analyzer, text, text, prefix), "{text:?}");
                }
            }
        }
    }
}

#[test]
fn options_are_checked() {
    let refused = |change: fn(&mut TextOptions), says: &str| {
        let options = options(change);
        let error = options.validate().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(says), "{error}");
    };
    refused(|options| options.prefixes = vec![0], "1 to 16");
    refused(|options| options.prefixes = vec![17], "1 to 16");
    refused(|options| options.prefixes = vec![3, 2], "ascending");
    refused(|options| options.prefixes = vec![2, 2], "each once");
    refused(|options| options.stop_words = vec!["a".repeat(129)], "129 bytes");
    refused(|options| options.stop_words = vec!["a".into(); 4097], "4097 stop words");
    refused(|options| options.stop_words = vec!["don't".into()], "2 words");
    refused(|options| options.stop_words = vec![" \u{301} ".into()], "0 words");
    let han = |options: &mut TextOptions| {
        options.stop_words = vec!["\u{7684}".into()];
        options.bigrams = true;
    };
    refused(han, "without spaces");
    let fine = options(|options| {
        options.stop_words = vec!["\u{7684}".into(), "A".repeat(128)];
        options.prefixes = (1..=16).collect();
    });
    fine.validate().unwrap();
    TextOptions::default().validate().unwrap();
}

#[test]
fn options_are_json() {
    let options = options(|options| {
        options.stemming = Some(Language::Norwegian);
        options.stop_words = vec!["og".into()];
        options.bigrams = true;
        options.prefixes = vec![2, 3];
    });
    let json = serde_json::to_string(&options).unwrap();
    assert_eq!(
        json,
        r#"{"stemming":"norwegian","stopWords":["og"],"bigrams":true,"prefixes":[2,3]}"#
    );
    assert_eq!(serde_json::from_str::<TextOptions>(&json).unwrap(), options);
    assert_eq!(serde_json::from_str::<TextOptions>("{}").unwrap(), TextOptions::default());
    // What a newer version records is not taken for less than it says.
    assert!(serde_json::from_str::<TextOptions>(r#"{"synonyms":[]}"#).is_err());
    for language in Language::ALL {
        let name = serde_json::to_string(language).unwrap();
        assert_eq!(name, format!("\"{language}\""));
        assert_eq!(Language::parse(language.as_str()).unwrap(), *language);
    }
}
