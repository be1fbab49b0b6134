//! Reads the query language, token by token and without recursion.

use super::lexer::{Kind, Lexer, Token};
use super::{Node, Part, Phrase, TextQuery};
use crate::error::{Error, ErrorKind, Result};

/// How much of a token an error shows.
const SHOWN_CHARS_MAX: usize = 32;

const OPERAND: &str = "a word, a quoted phrase, NEAR(), a column filter or '('";
const TEXT: &str = "a word or a quoted phrase";
const NAME: &str = "the name of a column";

impl TextQuery {
    /// Reads a query from the query language, in time in proportion to its length.
    ///
    /// Takes what FTS5 takes, with these differences: the empty query, and one of only spaces,
    /// matches nothing instead of being an error; there are no special queries that begin with
    /// `*`; a NUL does not end the query but is an error, except in quotes, where it is part of
    /// the text; columns are looked up by the index that is asked, not here; and the limits are
    /// those below, where FTS5 takes fewer parentheses and any number of bytes.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput), naming the byte, what was found there and what
    /// was expected; [`Limit`](ErrorKind::Limit) past [`BYTES_MAX`](TextQuery::BYTES_MAX),
    /// [`TERMS_MAX`](TextQuery::TERMS_MAX) or [`DEPTH_MAX`](TextQuery::DEPTH_MAX).
    ///
    /// ```
    /// use sigil_core::TextQuery;
    /// let query = TextQuery::parse(r#"(red OR "dark blue") AND car* NOT -title:toy"#)?;
    /// assert_eq!(query.to_string(), r#"(red OR "dark blue") AND (car* NOT -title:toy)"#);
    /// let error = TextQuery::parse("red AND )").unwrap_err();
    /// assert!(error.to_string().starts_with("text query at byte 8: found ')', expected a word"));
    /// # Ok::<(), sigil_core::Error>(())
    /// ```
    pub fn parse(text: &str) -> Result<TextQuery> {
        if text.len() > TextQuery::BYTES_MAX {
            return Err(Error::new(
                ErrorKind::Limit,
                format!(
                    "a text query of {} bytes, more than {}: ask for fewer words",
                    text.len(),
                    TextQuery::BYTES_MAX
                ),
            ));
        }
        let mut lexer = Lexer::new(text);
        let (here, ahead) = (lexer.next(), lexer.next());
        let mut parser = Parser { lexer, here, ahead, terms_left: TextQuery::TERMS_MAX };
        if parser.here.kind == Kind::End {
            return TextQuery::measured(Node::nothing());
        }
        TextQuery::measured(parser.query()?)
    }
}

/// Which columns a filter is about.
struct Columns {
    names: Vec<String>,
    exclude: bool,
}

impl Columns {
    fn of(self, node: Node) -> Node {
        Node::Columns { names: self.names, exclude: self.exclude, node: Box::new(node) }
    }
}

/// What stands between two parentheses, as far as it is read: the operands of the operators that
/// may still get more of them, from the loosest to the tightest.
#[derive(Default)]
struct Level {
    /// The filter before the parenthesis.
    columns: Option<Columns>,
    any: Vec<Node>,
    all: Vec<Node>,
    kept: Option<Node>,
    gone: Vec<Node>,
}

impl Level {
    /// Takes an operand, which follows a NOT unless it is the first since AND or OR.
    fn take(&mut self, node: Node) {
        match self.kept {
            None => self.kept = Some(node),
            Some(_) => self.gone.push(node),
        }
    }

    fn and(&mut self) {
        let gone = std::mem::take(&mut self.gone);
        self.all.extend(self.kept.take().map(|kept| match gone.is_empty() {
            true => kept,
            false => kept.without(Node::any(gone)),
        }));
    }

    fn or(&mut self) {
        self.and();
        self.any.push(Node::all(std::mem::take(&mut self.all)));
    }

    fn finish(mut self) -> Node {
        self.or();
        let node = Node::any(self.any);
        match self.columns {
            Some(columns) => columns.of(node),
            None => node,
        }
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    here: Token<'a>,
    ahead: Token<'a>,
    terms_left: usize,
}

impl<'a> Parser<'a> {
    fn query(&mut self) -> Result<Node> {
        let mut outer: Vec<Level> = Vec::new();
        let mut level = Level::default();
        loop {
            let columns = self.columns()?;
            if self.here.kind == Kind::Open {
                if outer.len() == TextQuery::DEPTH_MAX {
                    return Err(self.limit("levels of parentheses", TextQuery::DEPTH_MAX));
                }
                self.advance();
                outer.push(std::mem::replace(&mut level, Level { columns, ..Level::default() }));
                continue;
            }
            level.take(self.side_by_side(columns)?);
            while self.here.kind == Kind::Close {
                let Some(parent) = outer.pop() else {
                    return Err(self.unexpected("no ')' without its '('"));
                };
                self.advance();
                let node = std::mem::replace(&mut level, parent).finish();
                level.take(node);
            }
            match self.here.kind {
                Kind::And => level.and(),
                Kind::Or => level.or(),
                Kind::Not => {}
                Kind::End if outer.is_empty() => return Ok(level.finish()),
                Kind::End => return Err(self.unexpected("AND, OR, NOT or ')'")),
                // Also a phrase: none is put side by side with a parenthesis.
                _ => return Err(self.unexpected("AND, OR or NOT")),
            }
            self.advance();
        }
    }

    /// Phrases one after the other, the first of them of `columns`.
    fn side_by_side(&mut self, mut columns: Option<Columns>) -> Result<Node> {
        let mut nodes = Vec::new();
        loop {
            let node = self.near()?;
            nodes.push(match columns.take() {
                Some(columns) => columns.of(node),
                None => node,
            });
            match self.here.kind {
                Kind::Word | Kind::Quoted | Kind::Caret | Kind::Minus | Kind::BraceOpen => {}
                _ => return Ok(Node::side_by_side(nodes)),
            }
            columns = self.columns()?;
            if self.here.kind == Kind::Open {
                return Err(self.unexpected("a word or a quoted phrase, or AND, OR or NOT before"));
            }
        }
    }

    /// A filter with its colon, if there is one.
    fn columns(&mut self) -> Result<Option<Columns>> {
        let exclude = self.here.kind == Kind::Minus;
        if exclude {
            self.advance();
        }
        let mut names = Vec::new();
        match (self.here.kind, self.ahead.kind) {
            (Kind::BraceOpen, _) => {
                self.advance();
                names.push(self.text(NAME)?);
                while self.here.kind != Kind::BraceClose {
                    names.push(self.text("the name of a column or '}'")?);
                }
                self.advance();
            }
            (Kind::Word | Kind::Quoted, Kind::Colon) => names.push(self.text(NAME)?),
            _ if exclude => {
                names.push(self.text("the name of a column or '{' (a word is left out by NOT)")?);
            }
            _ => return Ok(None),
        }
        self.expect(Kind::Colon, "':' after the columns")?;
        Ok(Some(Columns { names, exclude }))
    }

    /// A phrase, or phrases near each other.
    fn near(&mut self) -> Result<Node> {
        if self.here.kind == Kind::Caret {
            self.advance();
            let phrase = Phrase { initial: true, ..self.phrase(TEXT)? };
            return Ok(Node::phrase(phrase));
        }
        let is_text = matches!(self.here.kind, Kind::Word | Kind::Quoted);
        if !is_text || self.ahead.kind != Kind::Open {
            return Ok(Node::phrase(self.phrase(OPERAND)?));
        }
        if self.here.text != "NEAR" {
            return Err(self.unexpected("NEAR before '(', or AND, OR or NOT between"));
        }
        self.advance();
        self.advance();
        let mut phrases = vec![self.phrase(TEXT)?];
        while !matches!(self.here.kind, Kind::Comma | Kind::Close) {
            phrases.push(self.phrase("a word, a quoted phrase, ',' or ')'")?);
        }
        let mut distance = TextQuery::DISTANCE_DEFAULT;
        if self.here.kind == Kind::Comma {
            self.advance();
            distance = self.distance()?;
        }
        self.expect(Kind::Close, "')'")?;
        Ok(Node::near(phrases, distance))
    }

    fn distance(&mut self) -> Result<u32> {
        let text = self.here.text;
        if self.here.kind != Kind::Word || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(self.unexpected("a number of words"));
        }
        self.advance();
        Ok(text.bytes().fold(0, |number, digit| match number < TextQuery::DISTANCE_MAX / 10 + 1 {
            true => number * 10 + u32::from(digit - b'0'),
            // What is too large anyway, as FTS5 has it.
            false => number,
        }))
    }

    fn phrase(&mut self, expected: &str) -> Result<Phrase> {
        let mut parts = vec![self.part(expected)?];
        while self.here.kind == Kind::Plus {
            self.advance();
            parts.push(self.part("a word or a quoted phrase after '+'")?);
        }
        Ok(Phrase { parts, initial: false })
    }

    fn part(&mut self, expected: &str) -> Result<Part> {
        let text = self.text(expected)?;
        let prefix = self.here.kind == Kind::Star;
        if prefix {
            self.advance();
        }
        Ok(Part { text, prefix })
    }

    fn text(&mut self, expected: &str) -> Result<String> {
        let text = match self.here.kind {
            Kind::Word => self.here.text.to_owned(),
            Kind::Quoted => {
                let inner = self.here.text.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
                inner.unwrap_or_default().replace("\"\"", "\"")
            }
            _ => return Err(self.unexpected(expected)),
        };
        if self.terms_left == 0 {
            return Err(self.limit("words, phrases and columns", TextQuery::TERMS_MAX));
        }
        self.terms_left -= 1;
        self.advance();
        Ok(text)
    }

    fn expect(&mut self, kind: Kind, expected: &str) -> Result<()> {
        if self.here.kind != kind {
            return Err(self.unexpected(expected));
        }
        self.advance();
        Ok(())
    }

    fn advance(&mut self) {
        self.here = std::mem::replace(&mut self.ahead, self.lexer.next());
    }

    #[cold]
    fn unexpected(&self, expected: &str) -> Error {
        let Token { kind, at, text } = self.here;
        let (found, advice) = match kind {
            Kind::End => ("the end".to_owned(), ""),
            Kind::Unterminated => (shown(text), ", which has no closing '\"'"),
            Kind::Stray if text == "\0" => (shown(text), ", which only quoted text may have"),
            Kind::Stray => (shown(text), ", which needs quotes around it"),
            _ => (shown(text), ""),
        };
        Error::invalid(format!(
            "text query at byte {at}: found {found}{advice}, expected {expected}"
        ))
    }

    #[cold]
    fn limit(&self, what: &str, max: usize) -> Error {
        Error::new(
            ErrorKind::Limit,
            format!("text query at byte {}: more than {max} {what}: ask for fewer", self.here.at),
        )
    }
}

/// `text` for people, without what does not print.
fn shown(text: &str) -> String {
    let mut start = String::from("'");
    for char in text.chars().take(SHOWN_CHARS_MAX) {
        match char {
            '"' => start.push(char),
            _ => start.extend(char.escape_debug()),
        }
    }
    let rest = if text.chars().nth(SHOWN_CHARS_MAX).is_some() { "...'" } else { "'" };
    start + rest
}
