//! What queries come to, and that they keep their limits.

use super::*;
use crate::testing::test;

fn parsed(text: &str) -> String {
    let query = TextQuery::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    let written = query.to_string();
    assert_eq!(TextQuery::parse(&written).unwrap(), query, "{text:?} as {written:?}");
    written
}

fn typed(text: &str) -> String {
    let query = TextQuery::typed(text);
    let written = query.to_string();
    assert_eq!(TextQuery::parse(&written).unwrap(), query, "{text:?} as {written:?}");
    written
}

fn refused(text: &str) -> String {
    let error = TextQuery::parse(text).expect_err(text);
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text:?}");
    error.to_string()
}

fn limited(result: Result<TextQuery>) -> bool {
    result.is_err_and(|error| error.kind() == ErrorKind::Limit)
}

#[test]
fn operators_bind_as_in_fts5() {
    assert_eq!(parsed("a b NOT c d AND e OR f"), "(((a b) NOT (c d)) AND e) OR f");
    assert_eq!(parsed("a OR b AND c NOT d e"), "a OR (b AND (c NOT (d e)))");
    assert_eq!(parsed("a NOT b NOT c"), "a NOT (b OR c)");
    assert_eq!(parsed("a NOT (b NOT c)"), "a NOT (b NOT c)");
    assert_eq!(parsed("(a AND b) AND (c AND d)"), "a AND b AND c AND d");
    assert_eq!(parsed("a AND b c AND d"), "a AND (b c) AND d");
    assert_eq!(parsed("((a OR (b OR c)))"), "a OR b OR c");
    assert_eq!(parsed("a and or not"), "a and or not");
}

#[test]
fn phrases_are_written_in_every_way() {
    assert_eq!(parsed(r#""one ""two"" three"*+four"#), r#""one ""two"" three"* + four"#);
    assert_eq!(parsed(r#"^ a+"b"* ^"NOT""#), r#"^a + b* ^"NOT""#);
    assert_eq!(parsed("NEAR(a b+c*)"), "NEAR(a b + c*)");
    assert_eq!(parsed("NEAR (a \"b c\", 007)x"), "NEAR(a \"b c\", 7) x");
    assert_eq!(parsed("NEAR(a, 3) NEAR"), "a \"NEAR\"");
    assert_eq!(parsed("NEAR(a b, 99999999999999)"), "NEAR(a b, 999999999)");
    assert_eq!(parsed("NEAR(a b, 2147483629)"), "NEAR(a b, 2147483629)");
    assert_eq!(parsed("\u{e4}\u{3000}b _1\u{1a}"), "\u{e4}\u{3000}b _1\u{1a}");
    assert_eq!(parsed("\"a\0b\""), "\"a\0b\"");
    for nothing in ["", " \r\n\t", "\"\""] {
        assert_eq!(parsed(nothing), "\"\"", "{nothing:?}");
    }
}

#[test]
fn columns_are_of_phrases_or_parentheses() {
    assert_eq!(parsed("a:b c -d : NEAR(e f)"), "a:b c -d:NEAR(e f)");
    assert_eq!(parsed("- {a \"b c\"}:(x OR -y:^z)"), "-{a \"b c\"}:(x OR -y:^z)");
    assert_eq!(parsed("{a}:(x) AND \"AND\":y"), "a:x AND \"AND\":y");
    assert_eq!(parsed("a:(b:(c:(x)))"), "a:(b:(c:x))");
}

#[test]
fn errors_name_the_byte_what_is_there_and_what_should_be() {
    let errors = [
        ("a AND", "text query at byte 5: found the end, expected a word, a quoted phrase"),
        ("a b) c", "text query at byte 3: found ')', expected no ')' without its '('"),
        ("(a", "text query at byte 2: found the end, expected AND, OR, NOT or ')'"),
        ("(a) b", "text query at byte 4: found 'b', expected AND, OR or NOT"),
        ("a (b)", "text query at byte 0: found 'a', expected NEAR before '('"),
        ("x a:(b)", "text query at byte 4: found '(', expected a word or a quoted phrase, or AND"),
        ("\u{e4} \"b", "text query at byte 3: found '\"b', which has no closing '\"', expected"),
        ("a.b", "text query at byte 1: found '.', which needs quotes around it, expected"),
        ("a\0b", "text query at byte 1: found '\\0', which only quoted text may have, expected"),
        ("NEAR(a b, \"5\")", "text query at byte 10: found '\"5\"', expected a number of words"),
        ("NEAR(a b, 5 6)", "text query at byte 12: found '6', expected ')'"),
        ("NEAR(a AND b)", "text query at byte 7: found 'AND', expected a word, a quoted phrase, '"),
        ("-a", "text query at byte 2: found the end, expected ':' after the columns"),
        ("{}:a", "text query at byte 1: found '}', expected the name of a column"),
        ("{a b:c", "text query at byte 4: found ':', expected the name of a column or '}'"),
        ("a:b:c", "text query at byte 3: found ':', expected AND, OR or NOT"),
        ("*a", "text query at byte 0: found '*', expected a word"),
        ("NOT a", "text query at byte 0: found 'NOT', expected a word"),
        ("a + *", "text query at byte 4: found '*', expected a word or a quoted phrase after '+'"),
        ("^NEAR(a)", "text query at byte 5: found '(', expected AND, OR or NOT"),
    ];
    for (text, start) in errors {
        let error = refused(text);
        assert!(error.starts_with(start), "{text:?}: {error}");
    }
    let long = refused(&format!("a ) {}", "b".repeat(100_000)));
    assert!(long.len() < 200, "{long}");
    let long = refused(&format!("a \"{}", "\n".repeat(100_000)));
    assert!(long.len() < 300, "{long}");
}

#[test]
fn what_people_type_is_never_an_error() {
    let cases = [
        ("cluster:main", "\"cluster:main\""),
        ("c++ it's foo-bar", "\"c++\" \"it's\" \"foo-bar\""),
        ("-", "\"-\""),
        ("- a", "\"-\" a"),
        ("--flag -x", "\"--flag\" NOT x"),
        ("\"\"", "\"\""),
        ("", "\"\""),
        (" \t\n", "\"\""),
        ("OR", "\"OR\""),
        ("OR OR", "\"OR\""),
        ("a OR", "a"),
        ("OR a OR OR b", "a OR b"),
        ("a or b", "a or b"),
        ("a b OR c -d -\"e f\"", "(a b) OR (c NOT (d OR \"e f\"))"),
        ("-a", "\"\""),
        ("-a -b OR -c", "\"\""),
        ("-a OR b", "b"),
        ("-OR a", "a NOT \"OR\""),
        ("wor* \"some wor\"* * a*b", "wor* \"some wor\"* \"\"* \"a*b\""),
        ("\"write ahead", "\"write ahead\""),
        ("say \"write ahead -log", "say \"write ahead -log\""),
        ("27\" screen", "\"27\"\"\" screen"),
        ("\u{201c}write ahead\u{201d} log", "\"write ahead\" log"),
        ("\"a\"b\"c\"", "a \"b\"\"c\"\"\""),
        ("cats AND dogs NOT (x", "cats \"AND\" dogs \"NOT\" \"(x\""),
        ("NEAR(a b)", "\"NEAR(a\" \"b)\""),
        ("a\u{3000}b\0c", "a \"b\0c\""),
    ];
    for (text, expected) in cases {
        assert_eq!(typed(text), expected, "{text:?}");
    }
}

#[test]
fn what_people_type_is_cut_at_the_limits() {
    let many = TextQuery::typed(&"ab -cd OR \u{e4}* ".repeat(100_000));
    let written = many.to_string();
    assert!((TextQuery::BYTES_MAX / 2..=TextQuery::BYTES_MAX).contains(&written.len()));
    assert_eq!(TextQuery::parse(&written).unwrap(), many);

    let quotes = TextQuery::typed(&"\"".repeat(1_000_000));
    assert_eq!(TextQuery::parse(&quotes.to_string()).unwrap(), quotes);
    // Too long a word to be asked for, and what follows it.
    let long = format!("first {} last", "a".repeat(TextQuery::BYTES_MAX));
    assert_eq!(typed(&long), "first");
    assert_eq!(typed(&long[6..]), "\"\"");
}

#[test]
fn programs_put_together_what_can_be_written() {
    let term = |text: &str| TextQuery::term(text).unwrap();
    let query = term("a").and(term("b").or(term("c")).unwrap()).unwrap();
    assert_eq!(query.to_string(), "a AND (b OR c)");
    let query = query.and(term("d e")).unwrap().without(term("f")).unwrap();
    let query = query.without(TextQuery::prefix("g").unwrap()).unwrap();
    assert_eq!(query.to_string(), "(a AND (b OR c) AND \"d e\") NOT (f OR g*)");
    let query = query.in_columns(["title", "a b"]).unwrap().not_in_columns(["c"]).unwrap();
    let written = "-c:({title \"a b\"}:((a AND (b OR c) AND \"d e\") NOT (f OR g*)))";
    assert_eq!(query.to_string(), written);
    assert_eq!(TextQuery::parse(written).unwrap(), query);

    let near = TextQuery::near(["x", "y \"z\""], u32::MAX).unwrap();
    assert_eq!(near.to_string(), "NEAR(x \"y \"\"z\"\"\", 2147483629)");
    assert_eq!(TextQuery::parse(&near.to_string()).unwrap(), near);
    assert_eq!(TextQuery::near(["x"], 3).unwrap(), term("x"));
    assert_eq!(TextQuery::phrase("x").unwrap(), term("x"));
    let none: [&str; 0] = [];
    assert_eq!(TextQuery::near(none, 3).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(term("x").in_columns(none).unwrap_err().kind(), ErrorKind::InvalidInput);
    let typed = TextQuery::typed("a b").and(TextQuery::typed("c d")).unwrap();
    assert_eq!(typed.to_string(), "(a b) AND (c d)");
    assert_eq!(TextQuery::parse(&typed.to_string()).unwrap(), typed);
}

#[test]
fn a_hundred_kilobytes_are_read() {
    let sides = "storage ".repeat(12_000);
    let TextQuery { root: Node::All { nodes, implicit: true }, .. } =
        TextQuery::parse(&sides).unwrap()
    else {
        panic!("words side by side");
    };
    assert_eq!(nodes.len(), 12_000);
    for operator in ["AND", "OR", "NOT", "+"] {
        let text = format!("word{}", format!(" {operator} w").repeat(10_000));
        assert_eq!(parsed(&text).matches('w').count(), 10_001);
        assert!(TextQuery::parse(&text).unwrap().root.terms_and_depth().1 <= 3, "{operator}");
    }
    let near = format!("NEAR({}, 20000)", "ab ".repeat(16_000));
    assert_eq!(parsed(&near).matches("ab").count(), 16_000);
}

#[test]
fn limits_are_kept() {
    let at_most = |text: &str| TextQuery::parse(text).is_ok();
    assert!(at_most(&"ab ".repeat(TextQuery::TERMS_MAX)));
    assert!(limited(TextQuery::parse(&"ab ".repeat(TextQuery::TERMS_MAX + 1))));
    assert!(limited(TextQuery::parse(&format!("{{{}}}:x", "c ".repeat(TextQuery::TERMS_MAX)))));

    assert!(at_most(&"a".repeat(TextQuery::BYTES_MAX)));
    assert!(limited(TextQuery::parse(&"a".repeat(TextQuery::BYTES_MAX + 1))));
    // Short as it is given, long as it is written.
    assert!(limited(TextQuery::parse(&format!("\".\"{}", "b".repeat(13)).repeat(8_192))));
    assert!(limited(TextQuery::phrase(&"\"".repeat(TextQuery::BYTES_MAX / 2))));
    assert!(limited(TextQuery::near(std::iter::repeat("a"), 1)));
    let column = || TextQuery::term("x").unwrap();
    assert!(limited(column().in_columns(std::iter::repeat("c"))));
    assert!(limited(column().in_columns(["c".repeat(TextQuery::BYTES_MAX)])));

    let deep = |n: usize| format!("{}x{}", "(".repeat(n), ")".repeat(n));
    assert_eq!(parsed(&deep(TextQuery::DEPTH_MAX)), "x");
    assert!(limited(TextQuery::parse(&deep(TextQuery::DEPTH_MAX + 1))));
    assert!(limited(TextQuery::parse(&"(".repeat(100_000))));
    // Several levels to a parenthesis.
    let mixed = |n: usize| format!("{}x y{}", "c:(z OR y AND b NOT ".repeat(n), ")".repeat(n));
    assert!(parsed(&mixed(30)).starts_with("c:(z OR (y AND (b NOT c:("));
    assert!(limited(TextQuery::parse(&mixed(32))));
    assert!(limited(TextQuery::parse(&mixed(127))));
}

#[test]
fn programs_cannot_pass_the_limits() {
    let term = || TextQuery::term("ab").unwrap();
    // Alternately, so that nothing is flat.
    let mut query = term();
    let mut levels = 0;
    for n in 0..1_000_000 {
        let deeper =
            if n % 2 == 0 { query.clone().and(term()) } else { term().without(query.clone()) };
        match deeper {
            Ok(deeper) => query = deeper,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Limit);
                break;
            }
        }
        levels += 1;
    }
    assert_eq!(levels, TextQuery::DEPTH_MAX - 1);
    assert_eq!(TextQuery::parse(&query.to_string()).unwrap(), query);
    assert!(limited(query.in_columns(["c"])));

    // In a row, each is one level.
    for combine in [TextQuery::and, TextQuery::or, TextQuery::without] {
        let mut row = term();
        for _ in 1..TextQuery::TERMS_MAX {
            match combine(row.clone(), term()) {
                Ok(longer) => row = longer,
                Err(error) => panic!("{error}"),
            }
            if row.size.terms > 600 {
                break;
            }
        }
        assert!(row.root.terms_and_depth().1 <= 3);
        assert_eq!(TextQuery::parse(&row.to_string()).unwrap(), row);
    }
    let words = (0..TextQuery::TERMS_MAX).map(|_| term());
    let row = words.clone().try_fold(term().without(term()).unwrap(), TextQuery::or);
    assert!(limited(row));
    let row = words.skip(1).try_fold(term(), TextQuery::or).unwrap();
    assert_eq!(row.size.terms, TextQuery::TERMS_MAX);
    assert!(limited(row.or(term())));
}
