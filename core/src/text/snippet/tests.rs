use super::*;
use crate::testing::test;
use crate::text::{Language, TextOptions, TextQuery};

fn columns(count: usize) -> Vec<String> {
    ["a", "b", "c"][..count].iter().map(|name| String::from(*name)).collect()
}

fn with<T>(
    query: &str,
    texts: &[&str],
    options: &TextOptions,
    typos: u8,
    f: impl FnOnce(&Marker<'_>) -> T,
) -> T {
    let analyzer = Analyzer::new(options).unwrap();
    let query = TextQuery::parse(query).unwrap();
    let plan = Plan::new(&query, &analyzer, &columns(texts.len())).unwrap();
    f(&Marker::new(&plan, &analyzer, typos))
}

/// The text with brackets around what is marked.
fn bracketed(text: &str, ranges: &[Range<usize>]) -> String {
    let mut out = String::new();
    let mut at = 0;
    for range in ranges {
        assert!(at <= range.start && range.start < range.end, "{ranges:?}");
        out.extend([&text[at..range.start], "[", &text[range.clone()], "]"]);
        at = range.end;
    }
    out + &text[at..]
}

fn highlighted(query: &str, texts: &[&str], options: &TextOptions, typos: u8) -> Vec<String> {
    let ranges = with(query, texts, options, typos, |marker| marker.ranges(texts, &|| Ok(())));
    texts.iter().zip(ranges.unwrap()).map(|(text, ranges)| bracketed(text, &ranges)).collect()
}

fn plain(query: &str, text: &str) -> String {
    highlighted(query, &[text], &TextOptions::default(), 0).remove(0)
}

fn window(query: &str, texts: &[&str], words: u32) -> (usize, String) {
    let found = with(query, texts, &TextOptions::default(), 0, |marker| {
        marker.window(texts, words, &|| Ok(())).unwrap()
    });
    (found.column, bracketed(&texts[found.column][found.bytes], &found.ranges))
}

#[test]
fn phrases_are_marked_as_fts5_marks_them() {
    let cases = [
        ("b", "a b c B.", "a [b] c [B]."),
        ("\"b c\"", "a b c d b", "a [b c] d b"),
        // Phrases that share a word are one range, neighbours are two.
        ("\"a b\" AND \"b c\"", "a b c a b", "[a b c] [a b]"),
        ("a b", "a b c", "[a] [b] c"),
        ("\"a a\"", "a a a, a", "[a a a, a]"),
        ("\"a b c\" OR b", "a b c b", "[a b c] [b]"),
        ("^a", "a b a", "[a] b a"),
        ("^a OR \"a b\"", "a b a b a", "[a b] [a b] a"),
        ("wor*", "wor word sword", "[wor] [word] sword"),
        ("\"a wor\"*", "a word a b wor", "[a word] a b wor"),
        ("zzz", "a b", "a b"),
        ("a", "", ""),
        ("\"--\"", "a --", "a --"),
    ];
    for (query, text, expected) in cases {
        assert_eq!(plain(query, text), expected, "{query}");
    }
}

#[test]
fn only_what_makes_the_row_match_is_marked() {
    let cases = [
        ("(a AND b) OR c", "a c", "a [c]"),
        ("(a AND b) OR c", "a b c", "[a] [b] [c]"),
        ("a NOT b", "a c", "[a] c"),
        ("c OR (a NOT b)", "a b c", "a b [c]"),
        ("NEAR(a b, 1)", "a x b x x x a", "[a] x [b] x x x a"),
        ("NEAR(a b, 1) OR a", "a x b x x x a", "[a] x [b] x x x [a]"),
        ("NEAR(a b, 0) OR x", "a x b", "a [x] b"),
        // What does not match at all shows what is there.
        ("a AND z", "a b", "[a] b"),
        ("a NOT b", "a b", "[a] b"),
    ];
    for (query, text, expected) in cases {
        assert_eq!(plain(query, text), expected, "{query}");
    }
    let options = TextOptions::default();
    assert_eq!(highlighted("b:x OR y", &["x y", "x y"], &options, 0), ["x [y]", "[x] [y]"]);
    assert_eq!(highlighted("NEAR(x y, 5)", &["x z", "y x"], &options, 0), ["x z", "[y] [x]"]);
}

#[test]
fn stems_pairs_stop_words_and_typos_are_marked_as_they_are_found() {
    let stems = TextOptions {
        stemming: Some(Language::English),
        stop_words: vec!["the".into(), "of".into()],
        ..TextOptions::default()
    };
    let of = |query, text: &str, typos| highlighted(query, &[text], &stems, typos).remove(0);
    assert_eq!(of("running", "He runs, running.", 0), "He [runs], [running].");
    assert_eq!(
        of("\"king of the hill\"", "kings in a hill, king of the hills", 0),
        "[kings in a hill], [king of the hills]"
    );
    assert_eq!(of("the", "the hill", 0), "the hill");
    let plain = TextOptions::default();
    let typed = |query, text: &str, typos| highlighted(query, &[text], &plain, typos).remove(0);
    assert_eq!(typed("kitten", "Kiten kitchen mitten", 1), "[Kiten] kitchen [mitten]");
    assert_eq!(typed("databases", "datbase databasse", 2), "[datbase] [databasse]");
    assert_eq!(typed("\"kitten sat\"", "kiten sat", 2), "kiten sat");
    assert_eq!(typed("cat", "cut", 2), "cut");
    let pairs = TextOptions { bigrams: true, ..TextOptions::default() };
    let text = "\u{65e5}\u{672c}\u{8a9e} ok";
    let ok = |query| highlighted(query, &[text], &pairs, 0).remove(0);
    assert_eq!(ok("\u{672c}\u{8a9e}"), "\u{65e5}[\u{672c}\u{8a9e}] ok");
    assert_eq!(ok("\u{65e5}\u{672c}\u{8a9e}"), "[\u{65e5}\u{672c}\u{8a9e}] ok");
}

#[test]
fn ranges_end_between_characters_in_every_script() {
    let cases = [
        (
            "shalom",
            "\u{5e9}\u{5b8}\u{5dc}\u{5d5}\u{5b9}\u{5dd} shalom",
            "\u{5e9}\u{5b8}\u{5dc}\u{5d5}\u{5b9}\u{5dd} [shalom]",
        ),
        (
            "\u{5e9}\u{5dc}\u{5d5}\u{5dd}",
            "x \u{5e9}\u{5dc}\u{5d5}\u{5dd}!",
            "x [\u{5e9}\u{5dc}\u{5d5}\u{5dd}]!",
        ),
        (
            "resume",
            "re\u{301}sume\u{301}! R\u{c9}SUM\u{c9}",
            "[re\u{301}sume\u{301}]! [R\u{c9}SUM\u{c9}]",
        ),
        (
            "b",
            "\u{1f600}b\u{1f468}\u{200d}\u{1f469} b",
            "\u{1f600}[b]\u{1f468}\u{200d}\u{1f469} [b]",
        ),
    ];
    for (query, text, expected) in cases {
        assert_eq!(plain(query, text), expected, "{query}");
    }
}

#[test]
fn a_snippet_has_the_most_phrases_and_begins_with_a_sentence() {
    let text = "One two three. Four x five six. Seven y x eight nine ten eleven.";
    assert_eq!(window("x y", &[text], 4), (0, "Seven [y] [x] eight".into()));
    assert_eq!(window("x", &[text], 4), (0, "Four [x] five six".into()));
    assert_eq!(window("ten", &[text], 3), (0, "nine [ten] eleven.".into()));
    assert_eq!(window("eleven", &[text], 3), (0, "nine ten [eleven].".into()));
    assert_eq!(window("\"two three four x\"", &[text], 2), (0, "[two three]".into()));
    assert_eq!(window("x y", &["x", "x y"], 8), (1, "[x] [y]".into()));
    assert_eq!(window("x", &["a", "-x-", "x"], 8), (1, "-[x]-".into()));
    assert_eq!(window("zzz", &["-", "a b c d"], 2), (1, "a b".into()));
    assert_eq!(window("zzz", &["", ""], 2), (0, String::new()));
}

#[test]
fn large_texts_and_queries_take_no_more_than_their_share() {
    let long = "x".repeat(1 << 20);
    let (_, shown) = window("b", &[&format!("a {long} b")], 2);
    assert_eq!(shown.len(), long.len() + 4);
    // Ten thousand phrases, all of which begin alike.
    let query: Vec<String> = (0..10_000).map(|n| format!("\"a {n}\"")).collect();
    let text = "a a 9999 ".repeat(20_000);
    let ranges = with(&query.join(" OR "), &[&text], &TextOptions::default(), 0, |marker| {
        marker.ranges(&[&text], &|| Ok(())).unwrap()
    });
    assert_eq!(ranges[0].len(), 20_000);
    assert_eq!(ranges[0][1], 11..17);
}

#[test]
fn an_error_of_the_check_ends_it() {
    let text = "a ".repeat(1 << 16);
    let stop = || Err(crate::Error::invalid("stopped"));
    let found =
        with("a", &[&text], &TextOptions::default(), 0, |marker| marker.ranges(&[&text], &stop));
    assert_eq!(found.unwrap_err().to_string(), crate::Error::invalid("stopped").to_string());
}
