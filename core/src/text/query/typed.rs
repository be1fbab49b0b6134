//! Reads what a person types into a search box.

use super::{Node, Phrase, TextQuery};

/// The most that a word takes as text besides itself: quotes, a star, its share of the
/// parentheses, and the operator before it.
const WORD_SYNTAX_BYTES_MAX: usize = 10;

impl TextQuery {
    /// Reads a query from what a person types into a search box; nothing is an error.
    ///
    /// All words must be there. Words in quotes are a phrase, a word or phrase with a `*` right
    /// after it may go on, and one with a `-` right before it must not be there. `OR` in upper
    /// case stands between alternatives, each of everything up to the next `OR`. All else is text:
    /// for most texts that means several words one after the other, or none.
    ///
    /// | typed | comes to |
    /// |---|---|
    /// | `cluster:main`, `foo-bar`, `it's` | the phrases `cluster main`, `foo bar` and `it s` |
    /// | `c++` | the word `c` |
    /// | `"write ahead` | the phrase, up to the end of the text: the quote is still to be closed |
    /// | `27" screen` | the words `27` and `screen`: a quote begins only a word |
    /// | `-`, `- a`, `--flag` | nothing, the word `a`, and the word `flag`: such `-` are text |
    /// | `""`, or nothing typed | a query that matches nothing |
    /// | `a ""`, `a & b` | `a`, and `a` with `b`: what comes to no word is passed over |
    /// | `a b OR c -d` | `a` with `b`, or `c` without `d` |
    /// | `a OR`, `OR a` | the word `a`: the other alternative is still to be typed |
    /// | `OR` | the word `or` |
    /// | `-a`, `-a -b` | nothing: there is nothing to leave them out of |
    /// | `-a OR b` | `b` |
    /// | `cats AND dogs` | the words `cats`, `and` and `dogs` |
    ///
    /// Curly quotes are quotes. The words that would take the query past
    /// [`BYTES_MAX`](TextQuery::BYTES_MAX) or [`TERMS_MAX`](TextQuery::TERMS_MAX), and all after
    /// them, are left out.
    ///
    /// ```
    /// use sigil_core::TextQuery;
    /// let query = TextQuery::typed(r#"page "write ahead" -shm OR wal*"#);
    /// assert_eq!(query.to_string(), r#"((page "write ahead") NOT shm) OR wal*"#);
    /// ```
    pub fn typed(text: &str) -> TextQuery {
        let mut alternatives = Vec::new();
        let mut alternative = Alternative::default();
        let mut or_alone = true;
        let (mut bytes, mut terms) = (0, 0);
        for word in (Words { rest: text }) {
            match word {
                Word::Or => {
                    alternatives.extend(std::mem::take(&mut alternative).finish());
                    continue;
                }
                Word::Text { text, prefix, exclude } => {
                    let quotes = text.bytes().filter(|byte| *byte == b'"').count();
                    bytes += text.len() + quotes + WORD_SYNTAX_BYTES_MAX;
                    terms += 1;
                    if bytes > TextQuery::BYTES_MAX || terms > TextQuery::TERMS_MAX {
                        or_alone = false;
                        break;
                    }
                    or_alone = false;
                    let node = Node::phrase(Phrase::new(text, prefix));
                    match exclude {
                        true => alternative.gone.push(node),
                        false => alternative.kept.push(node),
                    }
                }
            }
        }
        alternatives.extend(alternative.finish());
        let root = match alternatives.is_empty() {
            false => Node::any(alternatives),
            true if or_alone && !text.trim().is_empty() => Node::phrase(Phrase::new("OR", false)),
            true => Node::nothing(),
        };
        let size = root.size();
        debug_assert!(size.check().is_ok(), "{size:?}");
        TextQuery { root, size }
    }
}

/// What stands between two `OR`.
#[derive(Default)]
struct Alternative {
    kept: Vec<Node>,
    gone: Vec<Node>,
}

impl Alternative {
    fn finish(self) -> Option<Node> {
        if self.kept.is_empty() {
            return None;
        }
        let kept = Node::side_by_side(self.kept);
        Some(match self.gone.is_empty() {
            true => kept,
            false => kept.without(Node::any(self.gone)),
        })
    }
}

enum Word<'a> {
    Or,
    Text { text: &'a str, prefix: bool, exclude: bool },
}

struct Words<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Words<'a> {
    type Item = Word<'a>;

    fn next(&mut self) -> Option<Word<'a>> {
        let text = self.rest.trim_start();
        if text.is_empty() {
            return None;
        }
        let minus = text.strip_prefix('-').filter(|rest| {
            rest.chars().next().is_some_and(|first| first != '-' && !first.is_whitespace())
        });
        let exclude = minus.is_some();
        let text = minus.unwrap_or(text);
        if let Some(inner) = text.strip_prefix(is_quote) {
            let (text, after) = inner.split_once(is_quote).unwrap_or((inner, ""));
            let rest = after.trim_start_matches('*');
            self.rest = rest;
            return Some(Word::Text { text, prefix: rest.len() < after.len(), exclude });
        }
        let (word, rest) = match text.find(char::is_whitespace) {
            Some(end) => text.split_at(end),
            None => (text, ""),
        };
        self.rest = rest;
        if word == "OR" && !exclude {
            return Some(Word::Or);
        }
        let stem = word.trim_end_matches('*');
        Some(Word::Text { text: stem, prefix: stem.len() < word.len(), exclude })
    }
}

/// Also those that keyboards put in place of the plain one.
fn is_quote(char: char) -> bool {
    matches!(char, '"' | '\u{201c}' | '\u{201d}' | '\u{201e}')
}
