//! Text indexes of tables: full text search that commits with the rows.

mod attributes;
mod definition;
mod facets;
mod filtered;
mod following;
mod parts;
mod scrub;
mod search;
mod snippet;
mod upkeep;
mod verify;

use std::borrow::Cow;

use crate::engine::Database;
use crate::error::{ErrorKind, Result};
use crate::store::Store;
use crate::text::{Inverted, TextQuery};
pub(crate) use definition::{NewRows, create, list, not_found, remove};
pub use definition::{TEXT_INDEX_NAME_BYTES_MAX, TextIndexInfo, TextIndexOptions};
pub use facets::{Facet, Facets};
pub use following::TEXT_ROW_BYTES_MAX;
pub(crate) use following::TextFollower;
pub(crate) use scrub::clear_without_table;
pub use search::{TextCursor, TextHit, TextRank, TextRanking, TextSearchOptions};
pub use snippet::{Highlighted, Snippet, SnippetOptions};

/// So many rows are read at once, and what is due is stored in between.
const ROWS_AT_ONCE: usize = 4096;

/// A full text index of a table, open in a [`Store`].
///
/// It follows its table by itself, whoever writes to it: a search sees every committed change, and
/// inside a transaction the transaction's own too. Hits are numbers of rows (`rowid`, or the
/// table's INTEGER PRIMARY KEY), to be looked up or joined with SQL.
///
/// ```
/// use sigil_core::{Store, TextIndexOptions, TextQuery, TextSearchOptions};
///
/// let store = Store::in_memory()?;
/// let db = store.database();
/// db.execute("CREATE TABLE article (id INTEGER PRIMARY KEY, title, body)", ())?;
/// let options = TextIndexOptions::new("article", ["title", "body"]);
/// let articles = store.create_text_index("articles", &options)?;
/// db.execute("INSERT INTO article VALUES (7, 'Storage', 'Pages and a write-ahead log')", ())?;
/// let query = TextQuery::parse("pages NOT title:log")?;
/// let hits = articles.search(&query, 10, &TextSearchOptions::default())?;
/// assert_eq!(hits[0].key, 7);
/// # Ok::<(), sigil_core::Error>(())
/// ```
#[derive(Debug)]
pub struct TextIndex<'a> {
    store: &'a Store,
    info: Cow<'a, TextIndexInfo>,
}

impl<'a> TextIndex<'a> {
    pub(crate) fn new(store: &'a Store, info: TextIndexInfo) -> TextIndex<'a> {
        TextIndex { store, info: Cow::Owned(info) }
    }

    /// Its name, and what it is of.
    pub fn info(&self) -> &TextIndexInfo {
        &self.info
    }

    /// How many rows are in it: all of the table but those that are
    /// [`unindexable`](TextIndex::unindexable).
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when the index was dropped, and storage kinds.
    pub fn count(&self) -> Result<u64> {
        self.store.with_text_index(&self.info, |follower, db| {
            follower.with_current(db, |inverted| Ok(inverted.len()))
        })
    }

    /// The numbers of the rows that no search finds because their texts have more than
    /// [`TEXT_ROW_BYTES_MAX`] bytes, ascending.
    ///
    /// Mostly there are none, which takes the time of counting the rows; otherwise all texts of
    /// the table are read.
    ///
    /// # Errors
    /// [`ErrorKind::Interrupted`] and [`ErrorKind::Timeout`], and as [`count`](TextIndex::count).
    ///
    /// ```
    /// use sigil_core::{Store, TEXT_ROW_BYTES_MAX, TextIndexOptions, params};
    ///
    /// let store = Store::in_memory()?;
    /// store.database().execute("CREATE TABLE note (id INTEGER PRIMARY KEY, body)", ())?;
    /// let notes = store.create_text_index("notes", &TextIndexOptions::new("note", ["body"]))?;
    /// let long = "x".repeat(TEXT_ROW_BYTES_MAX + 1);
    /// store.database().execute("INSERT INTO note VALUES (7, 'a'), (8, ?)", params![long])?;
    /// assert_eq!((notes.count()?, notes.unindexable()?), (1, vec![8]));
    /// # Ok::<(), sigil_core::Error>(())
    /// ```
    pub fn unindexable(&self) -> Result<Vec<i64>> {
        self.store.with_text_index(&self.info, |follower, db| follower.unindexable(db))
    }

    /// Brings the index up to date by reading at most about `most` rows or changes, and says
    /// whether that was all.
    ///
    /// Every search does this by itself, and all at once; see
    /// [`Collection::prepare`](crate::Collection::prepare).
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] inside a transaction, and as [`count`](TextIndex::count).
    pub fn prepare(&self, most: usize) -> Result<bool> {
        self.store.refuse_in_transaction("preparing a text index")?;
        self.store.with_text_index(&self.info, |follower, db| {
            let is_all = follower.step(db, most.max(1))?;
            follower.keep_up(db)?;
            Ok(is_all)
        })
    }

    /// Makes one segment of all, without anything that was deleted: what searches fastest, and
    /// takes the least room.
    ///
    /// Nothing needs this: segments are merged as rows are written.
    ///
    /// # Errors
    /// As [`prepare`](TextIndex::prepare).
    pub fn optimize(&self) -> Result<()> {
        self.store.refuse_in_transaction("optimizing a text index")?;
        self.store.with_text_index(&self.info, |follower, db| {
            follower.catch_up(db)?;
            follower.store(db)?;
            follower.merge_all(db)
        })
    }

    /// Throws the index away and makes it again from the table.
    ///
    /// # Errors
    /// As [`prepare`](TextIndex::prepare).
    pub fn rebuild(&self) -> Result<()> {
        self.store.refuse_in_transaction("rebuilding a text index")?;
        self.store.with_text_index(&self.info, |follower, db| {
            follower.start_over(db)?;
            follower.catch_up(db)
        })
    }

    /// How many bytes of memory the index takes now, apart from what the allocator adds.
    ///
    /// # Errors
    /// As [`count`](TextIndex::count).
    pub fn memory(&self) -> Result<usize> {
        self.store.with_text_index(&self.info, |follower, _| Ok(follower.inverted.memory()))
    }
}

impl TextFollower {
    /// Reads all that was committed; must not be called inside a transaction.
    pub(crate) fn catch_up(&mut self, db: &Database) -> Result<()> {
        while !self.step(db, ROWS_AT_ONCE)? {
            // Without room it stays in memory, and is read from the table again the next time.
            let _ = self.keep_up(db);
        }
        Ok(())
    }

    /// Calls `f` with all that is committed, and inside a transaction with what it wrote.
    fn with_current<T>(
        &mut self,
        db: &Database,
        f: impl FnOnce(&Inverted) -> Result<T>,
    ) -> Result<T> {
        if db.in_transaction() {
            return f(&self.with_pending(db)?);
        }
        self.catch_up(db)?;
        f(&self.inverted)
    }

    /// Does what is due after something was written, a bounded piece of it.
    pub(crate) fn after_write(&mut self, db: &Database) -> Result<()> {
        /// So many rows are not worth it yet.
        const ROWS: i64 = 256;
        if self.behind(db) < ROWS {
            return Ok(());
        }
        self.step(db, ROWS_AT_ONCE)?;
        self.keep_up(db)
    }
}

/// What is damaged in the stored segments of an index; they are made anew when it is next used.
pub(crate) fn problems(db: &Database, info: &TextIndexInfo) -> Result<Vec<String>> {
    match parts::problems(db, info.id) {
        Err(error) if error.kind() == ErrorKind::Corrupt => Ok(vec![error.to_string()]),
        found => found,
    }
}

impl Store {
    /// Creates a full text index of a table; its rows are read when it is first used.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] when the name is taken, [`ErrorKind::NotFound`] without such a
    /// table, [`ErrorKind::InvalidInput`] for columns that it does not have or a table without row
    /// numbers, and storage kinds.
    pub fn create_text_index(
        &self,
        name: &str,
        options: &TextIndexOptions,
    ) -> Result<TextIndex<'_>> {
        let db = self.database();
        let info = db.atomically(|| create(db, name, options, NewRows::Logged))?;
        Ok(TextIndex::new(self, info))
    }

    /// Opens the text index named `name`.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is none.
    pub fn text_index(&self, name: &str) -> Result<TextIndex<'_>> {
        let found = self.text_indexes()?.into_iter().find(|info| info.name == name);
        found.map(|info| TextIndex::new(self, info)).ok_or_else(|| not_found(name))
    }

    /// The text index that `info` is of, without looking it up: for callers that keep what
    /// [`text_index`](Store::text_index) found, outside a transaction.
    ///
    /// Once it was dropped, every call on it says [`ErrorKind::NotFound`].
    ///
    /// ```
    /// use sigil_core::{Store, TextIndexOptions};
    ///
    /// let store = Store::in_memory()?;
    /// store.database().execute("CREATE TABLE note (text)", ())?;
    /// let options = TextIndexOptions::new("note", ["text"]);
    /// let info = store.create_text_index("notes", &options)?.info().clone();
    /// assert_eq!(store.text_index_of(&info).count()?, 0);
    /// # Ok::<(), sigil_core::Error>(())
    /// ```
    pub fn text_index_of<'a>(&'a self, info: &'a TextIndexInfo) -> TextIndex<'a> {
        TextIndex { store: self, info: Cow::Borrowed(info) }
    }

    /// The text indexes, by name.
    ///
    /// # Errors
    /// Storage kinds.
    pub fn text_indexes(&self) -> Result<Vec<TextIndexInfo>> {
        list(self.database())
    }

    /// Drops a text index; its table stays.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is none, and storage kinds.
    pub fn drop_text_index(&self, name: &str) -> Result<()> {
        let info = self.text_index(name)?.info().clone();
        let db = self.database();
        db.atomically(|| remove(db, &info))?;
        self.forget_text_index(info.id);
        Ok(())
    }
}

/// Opens an index as it is stored.
pub(crate) fn open(db: &Database, info: &TextIndexInfo) -> Result<TextFollower> {
    match TextFollower::open(db, info) {
        Err(error) if error.kind() == ErrorKind::Sql => Err(error.context(format!(
            "opening the text index '{}' of the table '{}'",
            info.name, info.options.table
        ))),
        opened => opened,
    }
}

#[cfg(test)]
mod tests;
