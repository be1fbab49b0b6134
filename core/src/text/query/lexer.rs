//! The tokens of the query language.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Open,
    Close,
    BraceOpen,
    BraceClose,
    Colon,
    Comma,
    Plus,
    Star,
    Minus,
    Caret,
    And,
    Or,
    Not,
    Word,
    /// With its quotes.
    Quoted,
    /// A quote without its end.
    Unterminated,
    /// A character that no token begins with.
    Stray,
    End,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    /// Its first byte.
    pub(super) at: usize,
    pub(super) text: &'a str,
}

/// Whether `text` needs no quotes, as far as its characters go.
pub(super) fn is_bareword(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_bareword_byte)
}

/// Everything that is not ASCII, and the substitute character, are FTS5's choice.
fn is_bareword_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == 0x1a || !byte.is_ascii()
}

#[derive(Debug, Clone)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    /// Where to go on; on a character boundary.
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Lexer<'a> {
        Lexer { text, at: 0 }
    }

    /// The next token; [`Kind::End`] for ever after the last.
    pub(super) fn next(&mut self) -> Token<'a> {
        let rest = self.rest();
        let start = rest.trim_start_matches([' ', '\t', '\n', '\r']);
        self.at += rest.len() - start.len();
        let (kind, len) = scan(start);
        let token = Token { kind, at: self.at, text: start.get(..len).unwrap_or_default() };
        self.at += token.text.len();
        token
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }
}

/// What `text` begins with, and how long that is.
fn scan(text: &str) -> (Kind, usize) {
    let kind = match text.bytes().next() {
        None => return (Kind::End, 0),
        Some(b'(') => Kind::Open,
        Some(b')') => Kind::Close,
        Some(b'{') => Kind::BraceOpen,
        Some(b'}') => Kind::BraceClose,
        Some(b':') => Kind::Colon,
        Some(b',') => Kind::Comma,
        Some(b'+') => Kind::Plus,
        Some(b'*') => Kind::Star,
        Some(b'-') => Kind::Minus,
        Some(b'^') => Kind::Caret,
        Some(b'"') => {
            return match quoted_len(text) {
                Some(len) => (Kind::Quoted, len),
                None => (Kind::Unterminated, text.len()),
            };
        }
        Some(byte) if is_bareword_byte(byte) => {
            let end = text.bytes().position(|byte| !is_bareword_byte(byte));
            let word = text.get(..end.unwrap_or(text.len())).unwrap_or_default();
            let kind = match word {
                "AND" => Kind::And,
                "OR" => Kind::Or,
                "NOT" => Kind::Not,
                _ => Kind::Word,
            };
            return (kind, word.len());
        }
        Some(_) => Kind::Stray,
    };
    // All of these are ASCII.
    (kind, 1)
}

/// The length of the quoted string that `text` begins with.
fn quoted_len(text: &str) -> Option<usize> {
    let mut bytes = text.bytes().enumerate().skip(1).peekable();
    while let Some((at, byte)) = bytes.next() {
        if byte == b'"' && bytes.next_if(|(_, next)| *next == b'"').is_none() {
            return Some(at + 1);
        }
    }
    None
}
