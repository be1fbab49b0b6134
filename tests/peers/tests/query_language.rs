//! The query language beside FTS5's own: the same texts are queries, and they match the same rows.

#![expect(clippy::unwrap_used, reason = "tests, and what they share")]

use std::fmt::Write as _;

use rusqlite::Connection;
use sigil_peers::random::Random;
use text::query::{Node, Phrase, TextQuery};

/// The parser itself, because what it makes of a query is nobody's business but the core's.
#[path = "../../../core/src/text"]
#[expect(unreachable_pub, reason = "public in the crate that it is part of")]
mod text {
    pub(crate) mod query;
}

mod error {
    pub(crate) use sigil_native::core::{Error, ErrorKind, Result};
}

mod testing {
    pub(crate) use core::prelude::v1::test;
}

const COLUMNS: [&str; 3] = ["a", "b", "title"];
const ROWS: usize = 200;
const QUERIES: usize = 20_000;

/// What text is drawn from, when it need not make sense.
const SYNTAX: [&str; 36] = [
    "\"", "\"", "\"\"", "(", ")", "(", ")", "*", "+", "-", "^", ":", ":", "{", "}", ",", " ", " ",
    "\t", "\n", "AND", "OR", "NOT", "NEAR(", "and", "x", "y", "a", "b", "title", "1", "\u{e4}",
    "\u{3000}", "\u{1a}", "_", ".",
];

/// Columns of a few words.
type Row = [Vec<String>; COLUMNS.len()];

/// A table in FTS5, and what is in it.
struct Table {
    connection: Connection,
    rows: Vec<Row>,
}

impl Table {
    fn new(random: &mut Random) -> Table {
        let connection = Connection::open_in_memory().unwrap();
        let create = "CREATE VIRTUAL TABLE t USING fts5(a, b, title, tokenize = 'ascii')";
        connection.execute(create, ()).unwrap();
        let mut rows = Vec::new();
        for _ in 0..ROWS {
            let row: [String; COLUMNS.len()] = std::array::from_fn(|_| {
                let words = (0..random.below(9)).map(|_| *word(random, &["x", "y", "xy", "Yx"]));
                words.collect::<Vec<_>>().join(" ")
            });
            connection.execute("INSERT INTO t VALUES (?, ?, ?)", row.each_ref()).unwrap();
            rows.push(row.map(|text| words(&text)));
        }
        Table { connection, rows }
    }

    /// The rows that FTS5 finds, or what it has against the query.
    fn rows_of_fts5(&self, query: &str) -> Result<Vec<usize>, String> {
        let sql = "SELECT rowid FROM t WHERE t MATCH ? ORDER BY rowid";
        let mut select = self.connection.prepare_cached(sql).unwrap();
        let rows = select.query_map([query], |row| row.get::<_, i64>(0)).unwrap();
        let rows: rusqlite::Result<Vec<i64>> = rows.collect();
        match rows {
            Ok(rows) => Ok(rows.into_iter().map(|row| usize::try_from(row).unwrap()).collect()),
            Err(rusqlite::Error::SqliteFailure(_, Some(message))) => Err(message),
            Err(error) => panic!("{query:?}: {error}"),
        }
    }

    fn rows_of(&self, query: &TextQuery) -> Vec<usize> {
        let found = |row: &Row| matches(&query.root, [true; COLUMNS.len()], row);
        (1..).zip(&self.rows).filter(|(_, row)| found(row)).map(|(rowid, _)| rowid).collect()
    }
}

/// What the tokenizer `ascii` makes of a text.
fn words(text: &str) -> Vec<String> {
    text.split(|char: char| char.is_ascii() && !char.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect()
}

fn word<'a>(random: &mut Random, words: &'a [&'a str]) -> &'a &'a str {
    &words[random.below(words.len())]
}

fn matches(node: &Node, columns: [bool; COLUMNS.len()], row: &Row) -> bool {
    match node {
        Node::Near { phrases, distance } => row.iter().zip(columns).any(|(column, allowed)| {
            allowed && near(phrases, usize::try_from(*distance).unwrap(), column)
        }),
        Node::All { nodes, implicit } => {
            let asked: Vec<_> = nodes.iter().filter(|node| !implicit || has_words(node)).collect();
            !asked.is_empty() && asked.iter().all(|node| matches(node, columns, row))
        }
        Node::Any(nodes) => nodes.iter().any(|node| matches(node, columns, row)),
        Node::Without(kept, gone) => matches(kept, columns, row) && !matches(gone, columns, row),
        Node::Columns { names, exclude, node } => {
            let named = |n: usize| names.iter().any(|name| name.eq_ignore_ascii_case(COLUMNS[n]));
            matches(node, std::array::from_fn(|n| columns[n] && named(n) != *exclude), row)
        }
    }
}

fn has_words(node: &Node) -> bool {
    match node {
        Node::Near { phrases, .. } => phrases.iter().any(|phrase| !tokens(phrase).is_empty()),
        Node::Columns { node, .. } => has_words(node),
        _ => panic!("side by side are phrases only: {node:?}"),
    }
}

/// Words, and whether they may go on.
fn tokens(phrase: &Phrase) -> Vec<(String, bool)> {
    let mut tokens: Vec<(String, bool)> = Vec::new();
    for part in &phrase.parts {
        tokens.extend(words(&part.text).into_iter().map(|word| (word, false)));
        if let Some(last) = tokens.last_mut() {
            last.1 = part.prefix;
        }
    }
    tokens
}

/// Whether the phrases begin at most `distance` and their own words before the last of them.
fn near(phrases: &[Phrase], distance: usize, column: &[String]) -> bool {
    let mut found: Vec<(usize, Vec<usize>)> = Vec::new();
    for phrase in phrases {
        let tokens = tokens(phrase);
        if tokens.is_empty() {
            continue;
        }
        let at = |start: usize| {
            tokens.iter().enumerate().all(|(n, (token, prefix))| match column.get(start + n) {
                Some(word) if *prefix => word.starts_with(token),
                Some(word) => word == token,
                None => false,
            })
        };
        let starts = if phrase.initial { 1 } else { column.len() };
        found.push((tokens.len(), (0..starts).filter(|start| at(*start)).collect()));
    }
    let ends = found.iter().flat_map(|(_, starts)| starts);
    ends.into_iter().any(|end| {
        found.iter().all(|(len, starts)| {
            starts.iter().any(|start| start <= end && start + len + distance >= *end)
        })
    })
}

/// Whether the table has the columns that the query names.
fn columns_are_known(node: &Node) -> bool {
    match node {
        Node::Near { .. } => true,
        Node::All { nodes, .. } | Node::Any(nodes) => nodes.iter().all(columns_are_known),
        Node::Without(kept, gone) => columns_are_known(kept) && columns_are_known(gone),
        Node::Columns { names, node, .. } => {
            let known = |name: &String| COLUMNS.iter().any(|c| c.eq_ignore_ascii_case(name));
            names.iter().all(known) && columns_are_known(node)
        }
    }
}

/// Makes up queries, most of which FTS5 takes.
struct Generator {
    random: Random,
    text: String,
}

impl Generator {
    fn query(&mut self) -> String {
        self.text.clear();
        match self.random.below(10) {
            0 => self.noise(),
            _ => self.expression(3),
        }
        if self.random.below(3) == 0 {
            for _ in 0..=self.random.below(2) {
                self.mutate();
            }
        }
        self.text.clone()
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.random.below(n) == 0
    }

    /// The token, and the space after it.
    fn put(&mut self, token: &str) {
        self.text.push_str(token);
        let space = *word(&mut self.random, &[" ", " ", " ", " ", " ", "", "\t", "\n\r", "  "]);
        self.text.push_str(space);
    }

    fn noise(&mut self) {
        for _ in 0..self.random.below(12) {
            let token = match self.random.below(4) {
                0 => char::from(u8::try_from(1 + self.random.below(127)).unwrap()).to_string(),
                _ => (*word(&mut self.random, &SYNTAX)).to_owned(),
            };
            self.text.push_str(&token);
        }
    }

    /// Damages one place.
    fn mutate(&mut self) {
        let mut chars: Vec<char> = self.text.chars().collect();
        let at = self.random.below(chars.len());
        match self.random.below(4) {
            0 if !chars.is_empty() => drop(chars.remove(at)),
            1 if at + 1 < chars.len() => chars.swap(at, at + 1),
            2 => chars.truncate(at),
            _ => {
                let token = *word(&mut self.random, &SYNTAX);
                chars.splice(at..at, token.chars());
            }
        }
        self.text = chars.into_iter().collect();
    }

    fn expression(&mut self, depth: usize) {
        match if depth == 0 { 0 } else { self.random.below(9) } {
            0..=2 => self.side_by_side(),
            3..=6 => {
                self.expression(depth - 1);
                let operator = *word(&mut self.random, &["AND", "OR", "NOT"]);
                self.text.push(' ');
                self.put(operator);
                self.expression(depth - 1);
            }
            kind => {
                if kind == 7 {
                    self.columns();
                }
                self.put("(");
                self.expression(depth - 1);
                self.put(")");
            }
        }
    }

    fn side_by_side(&mut self) {
        for _ in 0..=self.random.below(3) {
            if self.one_in(5) {
                self.columns();
            }
            if self.one_in(8) {
                self.put("^");
                self.phrase();
            } else if self.one_in(4) {
                self.near();
            } else {
                self.phrase();
            }
            // So that a word does not run into the next one more often than not.
            self.text.push(' ');
        }
    }

    fn columns(&mut self) {
        if self.one_in(3) {
            self.put("-");
        }
        if self.one_in(3) {
            self.put("{");
            for _ in 0..=self.random.below(4) {
                self.column();
                self.text.push(' ');
            }
            self.put("}");
        } else {
            self.column();
        }
        self.put(":");
    }

    fn column(&mut self) {
        let names = ["a", "a", "b", "b", "title", "TITLE", "\"title\"", "A"];
        let name = if self.one_in(60) { "c" } else { word(&mut self.random, &names) };
        self.put(name);
    }

    fn near(&mut self) {
        self.put("NEAR");
        self.put("(");
        for _ in 0..=self.random.below(3) {
            self.phrase();
            self.text.push(' ');
        }
        if !self.one_in(3) {
            self.put(",");
            let numbers = ["0", "1", "2", "3", "007", "99999999999", "4294967297", "2147483648"];
            let number = *word(&mut self.random, &numbers);
            self.put(number);
        }
        self.put(")");
    }

    fn phrase(&mut self) {
        self.string();
        while self.one_in(4) {
            self.put("+");
            self.string();
        }
    }

    fn string(&mut self) {
        let barewords =
            ["x", "x", "x", "y", "y", "xy", "X", "Y", "yx", "_", "x_y", "NEAR", "or", "\u{e4}"];
        let quoted = [
            "",
            "",
            "--",
            "x y",
            "y x",
            "x",
            "XY",
            "x-y x",
            "\"\"x\"\"",
            ".y",
            "AND",
            "(",
            "x\u{1a}y",
        ];
        let string = match self.random.below(3) {
            0 => format!("\"{}\"", word(&mut self.random, &quoted)),
            _ => (*word(&mut self.random, &barewords)).to_owned(),
        };
        self.put(&string);
        if self.one_in(5) {
            self.put("*");
        }
    }
}

#[test]
fn queries_are_those_of_fts5_and_mean_the_same() {
    let mut random = Random::new(0x6674_7335);
    let table = Table::new(&mut random);
    let mut generator = Generator { random, text: String::new() };
    let (mut refused, mut none, mut some) = (0, 0, 0);
    for _ in 0..QUERIES {
        let text = generator.query();
        let ours = TextQuery::parse(&text);
        if text.trim_matches([' ', '\t', '\n', '\r']).is_empty() {
            // The first of the differences that are meant.
            assert!(table.rows_of_fts5(&text).unwrap_err().contains("syntax error"), "{text:?}");
            assert_eq!(table.rows_of(&ours.unwrap()), [0; 0], "{text:?}");
            continue;
        }
        let known = ours.as_ref().is_ok_and(|query| columns_are_known(&query.root));
        match (table.rows_of_fts5(&text), ours) {
            (Ok(rows), Ok(query)) => {
                assert!(known, "{text:?}");
                assert_eq!(table.rows_of(&query), rows, "{text:?} is {query:?}");
                let written = query.to_string();
                assert_eq!(TextQuery::parse(&written).unwrap(), query, "{text:?} is {written:?}");
                assert_eq!(table.rows_of_fts5(&written), Ok(rows.clone()), "{text:?}: {written:?}");
                *if rows.is_empty() { &mut none } else { &mut some } += 1;
            }
            (Err(message), Ok(query)) => {
                assert!(message.contains("no such column"), "{text:?} is {query:?}: {message}");
                assert!(!known, "{text:?}: {message}");
            }
            (Ok(_), Err(error)) => panic!("{text:?} is a query: {error}"),
            (Err(_), Err(error)) => {
                assert_eq!(error.kind(), error::ErrorKind::InvalidInput, "{text:?}: {error}");
                refused += 1;
            }
        }
    }
    // All of it is tried.
    let shares = format!("{refused} refused, {none} without a row, {some} with some");
    assert!(refused > QUERIES / 10 && none > QUERIES / 10 && some > QUERIES / 4, "{shares}");
}

#[test]
fn what_people_type_means_in_fts5_what_it_means_here() {
    let mut random = Random::new(0x7479_7065);
    let table = Table::new(&mut random);
    let mut generator = Generator { random, text: String::new() };
    let mut some = 0;
    for _ in 0..QUERIES / 4 {
        let text = generator.query();
        let query = TextQuery::typed(&text);
        let written = query.to_string();
        assert_eq!(TextQuery::parse(&written).unwrap(), query, "{text:?} is {written:?}");
        let rows = table.rows_of(&query);
        assert_eq!(table.rows_of_fts5(&written), Ok(rows.clone()), "{text:?} is {written:?}");
        some += usize::from(!rows.is_empty());
    }
    assert!(some > QUERIES / 40, "{some}");
}

#[test]
fn the_differences_are_those_that_are_documented() {
    let table = Table::new(&mut Random::new(1));
    let fts5 = |text: &str| table.rows_of_fts5(text);

    // What begins with a star asks FTS5 about itself.
    assert_eq!(fts5("*reads").map(|rows| rows.len()), Ok(1));
    assert!(fts5("*x").unwrap_err().contains("unknown special query"));
    TextQuery::parse("*reads").unwrap_err();

    // A NUL ends a query of FTS5.
    assert_eq!(fts5("x\0)"), fts5("x"));
    TextQuery::parse("x\0)").unwrap_err();

    // FTS5 takes fewer parentheses, and a shorter chain of NOT, of which it keeps each as a level.
    let nested = |n: usize| format!("{}x{}", "(".repeat(n), ")".repeat(n));
    assert_eq!(fts5(&nested(90)), fts5("x"));
    assert!(fts5(&nested(TextQuery::DEPTH_MAX)).unwrap_err().contains("stack overflow"));
    let deepest = TextQuery::parse(&nested(TextQuery::DEPTH_MAX)).unwrap();
    assert_eq!(deepest, TextQuery::parse("x").unwrap());
    let mut chain = String::from("x");
    for _ in 0..300 {
        chain.write_str(" NOT y").unwrap();
    }
    assert!(fts5(&chain).unwrap_err().contains("too large"));
    let query = TextQuery::parse(&chain).unwrap();
    assert_eq!(Ok(table.rows_of(&query)), fts5("x NOT y"));

    // Only the length limits FTS5 otherwise.
    let many = "x ".repeat(TextQuery::TERMS_MAX + 1);
    assert_eq!(fts5(&many), fts5("x"));
    TextQuery::parse(&many).unwrap_err();
}
