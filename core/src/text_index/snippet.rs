//! What was found of a query in a row.

use std::ops::Range;

use super::following::{TEXT_ROW_BYTES_MAX, TextFollower, text_of};
use super::search::check_typos;
use super::{TextIndex, TextQuery};
use crate::engine::Database;
use crate::error::{Error, ErrorKind, Result};
use crate::params;
use crate::text::{Marker, Plan};

/// The most words of a snippet, as in FTS5.
const WORDS_MAX: u32 = 64;

/// How the words of a query are shown in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnippetOptions {
    /// How many words a snippet has at most, from 1 to 64; 24 by default.
    pub tokens: u32,
    /// How many typos a word may have, as in
    /// [`TextSearchOptions::typos`](crate::TextSearchOptions::typos).
    pub typos: u8,
}

impl Default for SnippetOptions {
    fn default() -> SnippetOptions {
        SnippetOptions { tokens: 24, typos: 0 }
    }
}

/// The whole text of a column, and what of it matches.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Highlighted {
    /// The text.
    pub text: String,
    /// The bytes of `text` that match: between characters, ascending, and apart from each other.
    pub ranges: Vec<Range<usize>>,
}

/// The part of a row that shows best why it matches.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snippet {
    /// The place of its column among those of the index, from 0.
    pub column: usize,
    /// The part.
    pub text: String,
    /// The bytes of `text` that match: between characters, ascending, and apart from each other.
    pub ranges: Vec<Range<usize>>,
    /// Whether the text of the column has more in front of it.
    pub before: bool,
    /// Whether the text of the column has more behind it.
    pub after: bool,
}

impl Highlighted {
    /// The text with `open` and `close` around each match.
    ///
    /// Nothing in the text is escaped: for HTML, escape the parts between [`ranges`](Self::ranges).
    pub fn marked(&self, open: &str, close: &str) -> String {
        marked(&self.text, &self.ranges, open, close)
    }
}

impl Snippet {
    /// The part with `open` and `close` around each match, and `ellipsis` where more was cut off.
    ///
    /// Nothing in the text is escaped: for HTML, escape the parts between [`ranges`](Self::ranges).
    pub fn marked(&self, open: &str, close: &str, ellipsis: &str) -> String {
        let around = |cut: bool| if cut { ellipsis } else { "" };
        let text = marked(&self.text, &self.ranges, open, close);
        [around(self.before), &text, around(self.after)].concat()
    }
}

fn marked(text: &str, ranges: &[Range<usize>], open: &str, close: &str) -> String {
    let mut out = String::with_capacity(text.len() + ranges.len() * (open.len() + close.len()));
    let mut at = 0;
    for range in ranges {
        out.push_str(text.get(at..range.start).unwrap_or_default());
        out.push_str(open);
        out.push_str(text.get(range.clone()).unwrap_or_default());
        out.push_str(close);
        at = range.end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

impl TextIndex<'_> {
    /// The texts of the row numbered `key`, one for each column, and what of them matches; `None`
    /// when there is no such row.
    ///
    /// A phrase is marked as a whole, and phrases that share a word together, as FTS5's
    /// `highlight()` does it; also words that stemming, a star or typos make match. Of
    /// `(a AND b) OR c` nothing of `a AND b` is marked unless both are there, and nothing behind a
    /// NOT. Of a row that does not match at all, everything that is there is marked.
    ///
    /// FTS5 marks the same, but for rare rows in which it also marks, and scores, words of a NEAR
    /// below an OR that does not match, or behind a NOT without anything in front of it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a column that the index does not have, and options out of
    /// their bounds; [`ErrorKind::Limit`] for more text than is searched
    /// ([`TEXT_ROW_BYTES_MAX`]); [`ErrorKind::Interrupted`] and [`ErrorKind::Timeout`];
    /// [`ErrorKind::NotFound`] when the index was dropped, and storage kinds.
    ///
    /// ```
    /// use sigil_core::{SnippetOptions, Store, TextIndexOptions, TextQuery};
    ///
    /// let store = Store::in_memory()?;
    /// store.database().execute("CREATE TABLE note (id INTEGER PRIMARY KEY, body)", ())?;
    /// let notes = store.create_text_index("notes", &TextIndexOptions::new("note", ["body"]))?;
    /// store.database().execute("INSERT INTO note VALUES (7, 'Pages, and a Page cache')", ())?;
    /// let query = TextQuery::parse("page* OR \"page cache\"")?;
    /// let options = SnippetOptions::default();
    /// let columns = notes.highlight(&query, 7, &options)?.expect("the row is there");
    /// assert_eq!(columns[0].marked("[", "]"), "[Pages], and a [Page cache]");
    /// assert!(notes.highlight(&query, 8, &options)?.is_none());
    /// # Ok::<(), sigil_core::Error>(())
    /// ```
    pub fn highlight(
        &self,
        query: &TextQuery,
        key: i64,
        options: &SnippetOptions,
    ) -> Result<Option<Vec<Highlighted>>> {
        self.store.with_text_index(&self.info, |follower, db| {
            let Some(texts) = follower.texts_of(db, key)? else { return Ok(None) };
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            follower.highlight(db, query, &texts, options).map(Some)
        })
    }

    /// [`highlight`](TextIndex::highlight) of these texts, one for each column of the index.
    ///
    /// # Errors
    /// As [`highlight`](TextIndex::highlight), and [`ErrorKind::InvalidInput`] for another number
    /// of texts.
    pub fn highlight_of(
        &self,
        query: &TextQuery,
        texts: &[&str],
        options: &SnippetOptions,
    ) -> Result<Vec<Highlighted>> {
        self.store.with_text_index(&self.info, |follower, db| {
            follower.highlight(db, query, texts, options)
        })
    }

    /// The part of the row numbered `key` that shows best why it matches; `None` when there is no
    /// such row.
    ///
    /// It is the part of at most [`tokens`](SnippetOptions::tokens) words with the most different
    /// phrases, then with the most occurrences, then the first of all columns. It begins with a
    /// sentence if that leaves room for these. What is marked is what
    /// [`highlight`](TextIndex::highlight) marks; when that is nothing, it is the beginning of the
    /// first column with words.
    ///
    /// # Errors
    /// As [`highlight`](TextIndex::highlight).
    ///
    /// ```
    /// use sigil_core::{SnippetOptions, Store, TextIndexOptions, TextQuery, params};
    ///
    /// let store = Store::in_memory()?;
    /// store.database().execute("CREATE TABLE note (id INTEGER PRIMARY KEY, body)", ())?;
    /// let notes = store.create_text_index("notes", &TextIndexOptions::new("note", ["body"]))?;
    /// let body = "It was late. We wrote the log first, and then the pages. Nobody slept.";
    /// store.database().execute("INSERT INTO note VALUES (7, ?)", params![body])?;
    /// let mut options = SnippetOptions::default();
    /// options.tokens = 6;
    /// let found = notes.snippet(&TextQuery::parse("log")?, 7, &options)?;
    /// let snippet = found.expect("the row is there");
    /// assert_eq!(snippet.marked("[", "]", "..."), "...We wrote the [log] first, and...");
    /// # Ok::<(), sigil_core::Error>(())
    /// ```
    pub fn snippet(
        &self,
        query: &TextQuery,
        key: i64,
        options: &SnippetOptions,
    ) -> Result<Option<Snippet>> {
        self.store.with_text_index(&self.info, |follower, db| {
            let Some(texts) = follower.texts_of(db, key)? else { return Ok(None) };
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            follower.snippet(db, query, &texts, options).map(Some)
        })
    }

    /// [`snippet`](TextIndex::snippet) of these texts, one for each column of the index.
    ///
    /// # Errors
    /// As [`snippet`](TextIndex::snippet), and [`ErrorKind::InvalidInput`] for another number of
    /// texts.
    pub fn snippet_of(
        &self,
        query: &TextQuery,
        texts: &[&str],
        options: &SnippetOptions,
    ) -> Result<Snippet> {
        self.store
            .with_text_index(&self.info, |follower, db| follower.snippet(db, query, texts, options))
    }
}

impl TextFollower {
    /// The texts of a row as they are now.
    fn texts_of(&self, db: &Database, key: i64) -> Result<Option<Vec<String>>> {
        let columns = self.info.options.columns.len();
        let mut texts = None;
        db.query_each(&self.select_row(), params![key], |row| {
            let of = |column| text_of(row.value(column)).into_owned();
            texts = Some((1..=columns).map(of).collect());
            Ok(())
        })?;
        Ok(texts)
    }

    fn highlight(
        &self,
        db: &Database,
        query: &TextQuery,
        texts: &[&str],
        options: &SnippetOptions,
    ) -> Result<Vec<Highlighted>> {
        let plan = self.planned(query, texts, options)?;
        let marker = Marker::new(&plan, &self.analyzer, options.typos);
        let ranges = db.watched(|| marker.ranges(texts, &|| db.check_watch()))?;
        let of = |(text, ranges): (&&str, _)| Highlighted { text: (*text).to_owned(), ranges };
        Ok(texts.iter().zip(ranges).map(of).collect())
    }

    fn snippet(
        &self,
        db: &Database,
        query: &TextQuery,
        texts: &[&str],
        options: &SnippetOptions,
    ) -> Result<Snippet> {
        let plan = self.planned(query, texts, options)?;
        let marker = Marker::new(&plan, &self.analyzer, options.typos);
        let found = db.watched(|| marker.window(texts, options.tokens, &|| db.check_watch()))?;
        let text = texts.get(found.column).copied().unwrap_or_default();
        Ok(Snippet {
            column: found.column,
            before: found.bytes.start > 0,
            after: found.bytes.end < text.len(),
            text: text.get(found.bytes).unwrap_or_default().to_owned(),
            ranges: found.ranges,
        })
    }

    fn planned(&self, query: &TextQuery, texts: &[&str], options: &SnippetOptions) -> Result<Plan> {
        check_typos(options.typos)?;
        if !(1..=WORDS_MAX).contains(&options.tokens) {
            return Err(Error::invalid(format!(
                "a snippet has from 1 to {WORDS_MAX} words, not {}",
                options.tokens
            )));
        }
        let columns = &self.info.options.columns;
        if texts.len() != columns.len() {
            return Err(Error::invalid(format!(
                "{} texts for {} columns: give one for each of {}",
                texts.len(),
                columns.len(),
                columns.join(", ")
            )));
        }
        let bytes = texts.iter().fold(0_usize, |sum, text| sum.saturating_add(text.len()));
        if bytes > TEXT_ROW_BYTES_MAX {
            return Err(Error::new(
                ErrorKind::Limit,
                format!("{bytes} bytes of text: rows are searched up to {TEXT_ROW_BYTES_MAX}"),
            ));
        }
        Plan::new(query, &self.analyzer, columns)
    }
}
