//! What a search of text asks for, before anything is known of the index that answers it.

use crate::error::{Error, ErrorKind, Result};

mod display;
mod lexer;
mod parse;
mod typed;

/// A search of text: phrases, and how they are combined.
///
/// A query is read from the query language ([`parse`](TextQuery::parse)), from what a person types
/// into a search box ([`typed`](TextQuery::typed)), or put together by a program. It knows neither
/// columns nor how text is split into words: the index that it is asked of does, so a text that
/// comes to several words there is a phrase, and one that comes to none matches nothing.
///
/// What [`Display`](std::fmt::Display) writes is in the query language, and parses back to an equal
/// query.
///
/// The query language is that of [SQLite's FTS5](https://sqlite.org/fts5.html#full_text_query_syntax):
///
/// | written | matches |
/// |---|---|
/// | `word`, `"some words"` | the phrase; a quote inside quotes is doubled |
/// | `one + "two three"` | the phrase of all parts |
/// | `wor*`, `"some wor" *` | the phrase, its last word continued or not |
/// | `^word` | the phrase at the beginning of a column |
/// | `NEAR(one "two three", 5)` | the phrases with at most so many words between, 10 if not said |
/// | `title:word`, `{title body}:word`, `-title:word` | only in, or only outside, these columns |
/// | `title:(one OR two)` | so for everything in the parentheses |
/// | `one two`, `one AND two` | both |
/// | `one OR two` | one of them, or both |
/// | `one NOT two` | the one without the other |
///
/// Words may have letters, digits, `_` and all that is not ASCII; everything else needs quotes.
/// `AND`, `OR`, `NOT` and `NEAR` are in upper case. What stands side by side binds tightest, then
/// NOT, AND and OR; a side by side with parentheses needs a written AND. A phrase without any words,
/// such as `"--"`, matches nothing, but among phrases side by side it is passed over.
///
/// ```
/// use sigil_core::TextQuery;
/// let query = TextQuery::parse("title:storage NEAR(page cache, 3) OR wal*")?;
/// assert_eq!(query.to_string(), "(title:storage NEAR(page cache, 3)) OR wal*");
/// let built = TextQuery::term("storage")?.in_columns(["title"])?.or(TextQuery::prefix("wal")?)?;
/// assert_eq!(built, TextQuery::parse("title:storage OR wal *")?);
/// # Ok::<(), sigil_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct TextQuery {
    pub(crate) root: Node,
    /// At least what [`Node::size`] says of the root.
    size: Size,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    /// Phrases with at most `distance` words between them, or a single phrase.
    Near {
        phrases: Vec<Phrase>,
        distance: u32,
    },
    /// `implicit` when written side by side: only [`Near`](Node::Near), and
    /// [`Columns`](Node::Columns) of it, of which those without words are passed over, unless
    /// all are.
    All {
        nodes: Vec<Node>,
        implicit: bool,
    },
    Any(Vec<Node>),
    /// The first without the second.
    Without(Box<Node>, Box<Node>),
    /// Inside other columns: only what both allow. Names differ by more than ASCII case.
    Columns {
        names: Vec<String>,
        exclude: bool,
        node: Box<Node>,
    },
}

/// A phrase: the words of all its parts.
///
/// In a [`Node::Near`] of several, a phrase without words is passed over, unless all are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Phrase {
    pub(crate) parts: Vec<Part>,
    /// Only at the beginning of a column.
    pub(crate) initial: bool,
}

/// Text, which comes to any number of words.
///
/// `prefix` is about the last word of the phrase up to the end of this part: a part without words
/// decides it anew for the word before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) text: String,
    pub(crate) prefix: bool,
}

/// How large a query is, in what the limits count.
#[derive(Debug, Clone, Copy)]
struct Size {
    /// As [`Display`](std::fmt::Display) writes it.
    bytes: usize,
    /// Parts of phrases, and names of columns.
    terms: usize,
    depth: usize,
}

/// The most that combining queries adds to what they take as text: parentheses and ` AND `, or
/// `-{}:`, for both of them.
const SYNTAX_BYTES_MAX: usize = 16;

impl TextQuery {
    /// The most bytes of a query, as it is given and as [`Display`](std::fmt::Display) writes it.
    pub const BYTES_MAX: usize = 128 << 10;

    /// The most texts in a query: words and quoted phrases, and the names of columns.
    pub const TERMS_MAX: usize = 16_384;

    /// How deep a query may nest, by parentheses and by kind of operator.
    pub const DEPTH_MAX: usize = 128;

    /// How many words there may be between the phrases of a `NEAR` that says no number.
    pub const DISTANCE_DEFAULT: u32 = 10;

    /// The largest distance that can be written; [`near`](TextQuery::near) takes a larger one for
    /// this, which is more than any text has words.
    pub const DISTANCE_MAX: u32 = 2_147_483_629;

    /// The query for one word, or for the phrase that `text` comes to.
    ///
    /// Nothing in `text` has a meaning of its own. Text without words matches nothing.
    ///
    /// # Errors
    /// [`Limit`](ErrorKind::Limit) past [`BYTES_MAX`](TextQuery::BYTES_MAX), which quotes count
    /// twice for.
    ///
    /// ```
    /// use sigil_core::TextQuery;
    /// assert_eq!(TextQuery::term("C-3PO")?.to_string(), r#""C-3PO""#);
    /// # Ok::<(), sigil_core::Error>(())
    /// ```
    pub fn term(text: &str) -> Result<TextQuery> {
        TextQuery::measured(Node::phrase(Phrase::new(text, false)))
    }

    /// The query for the words of `text` one after the other.
    ///
    /// # Errors
    /// Those of [`term`](TextQuery::term).
    pub fn phrase(text: &str) -> Result<TextQuery> {
        TextQuery::term(text)
    }

    /// The query for the words of `text` one after the other, the last of which may go on.
    ///
    /// # Errors
    /// Those of [`term`](TextQuery::term).
    ///
    /// ```
    /// use sigil_core::TextQuery;
    /// assert_eq!(TextQuery::prefix("write ah")?.to_string(), r#""write ah"*"#);
    /// # Ok::<(), sigil_core::Error>(())
    /// ```
    pub fn prefix(text: &str) -> Result<TextQuery> {
        TextQuery::measured(Node::phrase(Phrase::new(text, true)))
    }

    /// The query for `phrases` in any order, with at most `distance` words between them.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for no phrase at all, and
    /// [`Limit`](ErrorKind::Limit) past the limits of a query.
    ///
    /// ```
    /// use sigil_core::TextQuery;
    /// let query = TextQuery::near(["page cache", "eviction"], 4)?;
    /// assert_eq!(query.to_string(), r#"NEAR("page cache" eviction, 4)"#);
    /// # Ok::<(), sigil_core::Error>(())
    /// ```
    pub fn near<S: AsRef<str>>(
        phrases: impl IntoIterator<Item = S>,
        distance: u32,
    ) -> Result<TextQuery> {
        let phrases = phrases.into_iter().take(TextQuery::TERMS_MAX + 1);
        let phrases: Vec<_> = phrases.map(|text| Phrase::new(text.as_ref(), false)).collect();
        if phrases.is_empty() {
            return Err(Error::invalid("a text query for nothing near nothing: give phrases"));
        }
        TextQuery::measured(Node::near(phrases, distance.min(TextQuery::DISTANCE_MAX)))
    }

    /// The query for what matches this one and `other`.
    ///
    /// # Errors
    /// [`Limit`](ErrorKind::Limit) past the limits of a query.
    pub fn and(self, other: TextQuery) -> Result<TextQuery> {
        let size = self.size.with(other.size);
        TextQuery::bounded(Node::all(vec![self.root, other.root]), size)
    }

    /// The query for what matches this one, or `other`, or both.
    ///
    /// # Errors
    /// [`Limit`](ErrorKind::Limit) past the limits of a query.
    pub fn or(self, other: TextQuery) -> Result<TextQuery> {
        let size = self.size.with(other.size);
        TextQuery::bounded(Node::any(vec![self.root, other.root]), size)
    }

    /// The query for what matches this one and does not match `other`.
    ///
    /// # Errors
    /// [`Limit`](ErrorKind::Limit) past the limits of a query.
    pub fn without(self, other: TextQuery) -> Result<TextQuery> {
        let size = self.size.with(other.size);
        TextQuery::bounded(self.root.without(other.root), size)
    }

    /// This query, of the columns with these names only.
    ///
    /// What the query says itself of columns stays: a column must be allowed by both.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for no name at all, and
    /// [`Limit`](ErrorKind::Limit) past the limits of a query.
    pub fn in_columns<S: Into<String>>(
        self,
        names: impl IntoIterator<Item = S>,
    ) -> Result<TextQuery> {
        self.columns(names, false)
    }

    /// This query, of all columns but those with these names.
    ///
    /// # Errors
    /// Those of [`in_columns`](TextQuery::in_columns).
    pub fn not_in_columns<S: Into<String>>(
        self,
        names: impl IntoIterator<Item = S>,
    ) -> Result<TextQuery> {
        self.columns(names, true)
    }

    fn columns<S: Into<String>>(
        self,
        names: impl IntoIterator<Item = S>,
        exclude: bool,
    ) -> Result<TextQuery> {
        let names: Vec<String> =
            names.into_iter().take(TextQuery::TERMS_MAX + 1).map(S::into).collect();
        if names.is_empty() {
            return Err(Error::invalid(
                "a text query of no column: name one, or leave it as it is",
            ));
        }
        let filter = Size {
            // As text, even when each byte is a quote.
            bytes: names.iter().fold(0, |sum: usize, name| {
                sum.saturating_add(name.len().saturating_mul(2)).saturating_add(3)
            }),
            terms: names.len(),
            depth: 0,
        };
        let root = Node::Columns { names, exclude, node: Box::new(self.root) };
        TextQuery::bounded(root, self.size.with(filter))
    }

    /// The query, once it is known to keep the limits.
    fn measured(root: Node) -> Result<TextQuery> {
        let size = root.size();
        size.check()?;
        Ok(TextQuery { root, size })
    }

    /// The query, whose size is at most `bound`: many in a row are measured now and then only.
    fn bounded(root: Node, bound: Size) -> Result<TextQuery> {
        match bound.check() {
            Ok(()) => Ok(TextQuery { root, size: bound }),
            Err(_) => TextQuery::measured(root),
        }
    }
}

impl PartialEq for TextQuery {
    fn eq(&self, other: &TextQuery) -> bool {
        self.root == other.root
    }
}

impl Eq for TextQuery {}

impl Size {
    /// At least the size of a combination of both.
    fn with(self, other: Size) -> Size {
        Size {
            bytes: self.bytes.saturating_add(other.bytes).saturating_add(SYNTAX_BYTES_MAX),
            terms: self.terms + other.terms,
            // Two, because what is taken away is gathered in a level of its own.
            depth: self.depth.max(other.depth) + 2,
        }
    }

    fn check(self) -> Result<()> {
        let limit = |message: String| Err(Error::new(ErrorKind::Limit, message));
        if self.terms > TextQuery::TERMS_MAX {
            return limit(format!(
                "a text query of more than {} words, phrases and columns: ask for fewer",
                TextQuery::TERMS_MAX
            ));
        }
        if self.depth > TextQuery::DEPTH_MAX {
            return limit(format!(
                "a text query nested more than {} levels deep: write it flatter",
                TextQuery::DEPTH_MAX
            ));
        }
        if self.bytes > TextQuery::BYTES_MAX {
            return limit(format!(
                "a text query of more than {} bytes: ask for fewer words",
                TextQuery::BYTES_MAX
            ));
        }
        Ok(())
    }
}

impl Node {
    /// What matches nothing.
    fn nothing() -> Node {
        Node::phrase(Phrase::new("", false))
    }

    fn phrase(phrase: Phrase) -> Node {
        Node::near(vec![phrase], TextQuery::DISTANCE_DEFAULT)
    }

    fn near(phrases: Vec<Phrase>, distance: u32) -> Node {
        // Of a single phrase the distance means nothing.
        let distance = if phrases.len() == 1 { TextQuery::DISTANCE_DEFAULT } else { distance };
        Node::Near { phrases, distance }
    }

    /// What is written side by side; see [`Node::All`].
    fn side_by_side(nodes: Vec<Node>) -> Node {
        single(nodes).unwrap_or_else(|nodes| Node::All { nodes, implicit: true })
    }

    fn all(nodes: Vec<Node>) -> Node {
        let inner = |node| match node {
            Node::All { nodes, implicit: false } => Ok(nodes),
            other => Err(other),
        };
        single(flat(nodes, inner)).unwrap_or_else(|nodes| Node::All { nodes, implicit: false })
    }

    fn any(nodes: Vec<Node>) -> Node {
        let inner = |node| match node {
            Node::Any(nodes) => Ok(nodes),
            other => Err(other),
        };
        single(flat(nodes, inner)).unwrap_or_else(Node::Any)
    }

    /// One after the other taken away is all of them taken away.
    fn without(self, other: Node) -> Node {
        match self {
            Node::Without(kept, gone) => {
                Node::Without(kept, Box::new(Node::any(vec![*gone, other])))
            }
            kept => Node::Without(Box::new(kept), Box::new(other)),
        }
    }

    fn size(&self) -> Size {
        let (terms, depth) = self.terms_and_depth();
        Size { bytes: display::len(self), terms, depth }
    }

    fn terms_and_depth(&self) -> (usize, usize) {
        let of_all = |nodes: &[Node]| {
            nodes
                .iter()
                .map(Node::terms_and_depth)
                .fold((0, 0), |(terms, depth), node| (terms + node.0, depth.max(node.1)))
        };
        let (terms, depth) = match self {
            Node::Near { phrases, .. } => {
                (phrases.iter().map(|phrase| phrase.parts.len()).sum(), 0)
            }
            Node::All { nodes, .. } | Node::Any(nodes) => of_all(nodes),
            Node::Without(kept, gone) => {
                let (kept, gone) = (kept.terms_and_depth(), gone.terms_and_depth());
                (kept.0 + gone.0, kept.1.max(gone.1))
            }
            Node::Columns { names, node, .. } => {
                let (terms, depth) = node.terms_and_depth();
                (names.len() + terms, depth)
            }
        };
        (terms, depth + 1)
    }
}

/// The only one of `nodes`, or all of them if there are more.
fn single(mut nodes: Vec<Node>) -> std::result::Result<Node, Vec<Node>> {
    match nodes.pop() {
        Some(node) if nodes.is_empty() => Ok(node),
        last => {
            nodes.extend(last);
            Err(nodes)
        }
    }
}

/// `nodes` with what is `inner` to those of them that are of the same kind in their place.
fn flat(
    nodes: Vec<Node>,
    inner: impl Fn(Node) -> std::result::Result<Vec<Node>, Node>,
) -> Vec<Node> {
    let mut flattened: Vec<Node> = Vec::new();
    for node in nodes {
        match inner(node) {
            // The first is built upon, so that a long row grows by its end.
            Ok(more) if flattened.is_empty() => flattened = more,
            Ok(more) => flattened.extend(more),
            Err(node) => flattened.push(node),
        }
    }
    flattened
}

impl Phrase {
    fn new(text: &str, prefix: bool) -> Phrase {
        Phrase { parts: vec![Part { text: text.to_owned(), prefix }], initial: false }
    }
}

#[cfg(test)]
mod tests;
