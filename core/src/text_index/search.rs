//! Searching a text index.

use super::TextIndex;
use super::definition::TextIndexOptions;
use super::filtered::Filtered;
use super::following::TextFollower;
use super::parts::Stored;
use crate::engine::Database;
use crate::error::{Error, ErrorKind, Result};
use crate::stores::TimeRange;
use crate::text::{
    Corpus, Documents, Inverted, Judge, Plan, Rank, Ranked, TYPOS_MAX, TextQuery, Top, Weights,
    search,
};
use crate::time::Timestamp;
use crate::vector::Filter;

/// So many bytes of stored parts are kept in memory between searches, beside the documents.
const PARTS_BYTES_MAX: usize = 32 << 20;

/// What hits are ranked by.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub enum TextRanking {
    /// By BM25 as SQLite's FTS5 computes it, the higher the better.
    #[default]
    Relevance,
    /// By time, the newest first.
    Newest,
    /// By BM25 times a factor that is 1 for a row of this moment and lower for older ones, in half
    /// for each `half_life_ms`, down to `1 - weight`.
    Recent {
        /// The moment.
        now: Timestamp,
        /// After so many milliseconds a row has lost half of what it can lose.
        half_life_ms: i64,
        /// How much a row can lose, from 0 to 1.
        weight: f64,
    },
}

/// How a text index is searched; the default is by relevance in everything.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct TextSearchOptions {
    /// What hits are ranked by.
    pub ranking: TextRanking,
    /// What an occurrence in each of the columns is worth, in their order; 1 where there is none.
    pub weights: Vec<f64>,
    /// How many typos a word may have, up to 2: one from 4 letters on, two from 8. Words of phrases
    /// and beginnings of words are taken as they are.
    pub typos: u8,
    /// Only rows of this time.
    pub time: TimeRange,
    /// Only these rows, in any order.
    pub keys: Option<Vec<i64>>,
    /// Only rows whose attributes and metadata match.
    pub filter: Option<Filter>,
    /// Only what comes behind this in the ranking.
    pub after: Option<TextCursor>,
}

/// A row that matches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TextHit {
    /// The number of the row.
    pub key: i64,
    /// How relevant it is: the higher, the more; the negative of FTS5's `bm25()`.
    pub score: f64,
    rank: Rank,
}

/// What a hit has its place by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TextRank {
    /// The score, less what its age took of it.
    Score(f64),
    /// The time, of which rows without one have [`Timestamp::ZERO`].
    Time(Timestamp),
}

/// A place in the hits of a search, to go on behind it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TextCursor {
    rank: Rank,
    key: i64,
}

impl TextCursor {
    /// The place of a row in a ranking by time.
    pub(crate) fn by_time(time: Timestamp, key: i64) -> TextCursor {
        TextCursor { rank: Rank::Time(time.unix_ns()), key }
    }
}

impl TextHit {
    /// The place of this hit.
    pub fn cursor(&self) -> TextCursor {
        TextCursor { rank: self.rank, key: self.key }
    }

    /// What the place of this hit is by.
    pub fn rank(&self) -> TextRank {
        match self.rank {
            Rank::Score(score) => TextRank::Score(score),
            Rank::Time(ns) => TextRank::Time(Timestamp::from_unix_ns_wide(ns)),
        }
    }
}

impl TextCursor {
    /// The place of a hit that was ranked by `rank` and had this key: for hosts that keep cursors
    /// as something else.
    ///
    /// ```
    /// use sigil_core::{Store, TextCursor, TextIndexOptions, TextQuery, TextSearchOptions};
    ///
    /// let store = Store::in_memory()?;
    /// store.database().execute_batch("CREATE TABLE t (a); INSERT INTO t VALUES ('one'), ('one')")?;
    /// let index = store.create_text_index("t", &TextIndexOptions::new("t", ["a"]))?;
    /// let hit = index.search(&TextQuery::term("one")?, 1, &TextSearchOptions::default())?[0];
    /// assert_eq!(TextCursor::new(hit.rank(), hit.key), hit.cursor());
    /// # Ok::<(), sigil_core::Error>(())
    /// ```
    pub fn new(rank: TextRank, key: i64) -> TextCursor {
        let rank = match rank {
            TextRank::Score(score) => Rank::Score(score),
            TextRank::Time(time) => Rank::Time(time.unix_ns()),
        };
        TextCursor { rank, key }
    }
}

impl TextIndex<'_> {
    /// The best `k` rows that match, or all when they are fewer; of equal ones the lower number
    /// first, and by time the higher.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a column that the index does not have, weights that are
    /// negative or not finite, a ranking by time without times, a cursor of another ranking, or a
    /// filter without attributes; [`ErrorKind::Interrupted`] and [`ErrorKind::Timeout`];
    /// [`ErrorKind::NotFound`] when the index was dropped, and storage kinds.
    pub fn search(
        &self,
        query: &TextQuery,
        k: usize,
        options: &TextSearchOptions,
    ) -> Result<Vec<TextHit>> {
        self.store
            .with_text_index(&self.info, |follower, db| follower.search(db, query, k, options))
    }
}

impl TextFollower {
    fn search(
        &mut self,
        db: &Database,
        query: &TextQuery,
        k: usize,
        options: &TextSearchOptions,
    ) -> Result<Vec<TextHit>> {
        let mut top = None;
        self.asked(db, query, options, |mut asked| {
            let mut best = Top::new(k, options.after.map(|after| (after.rank, after.key)));
            asked.db.watched(|| {
                search(asked.plan, asked.corpus, asked.weights, &mut asked.chosen, &mut best)
            })?;
            top = Some(best);
            Ok(())
        })?;
        let top = top.unwrap_or_else(|| Top::new(0, None));
        let hit = |Ranked { key, score, rank, .. }| TextHit { key, score, rank };
        Ok(top.into_sorted().into_iter().map(hit).collect())
    }
}

impl TextSearchOptions {
    fn validate(&self, index: &TextIndexOptions) -> Result<()> {
        if let Some(weight) =
            self.weights.iter().find(|weight| !(**weight >= 0.0 && weight.is_finite()))
        {
            return Err(Error::invalid(format!(
                "the weight {weight} of a column is no finite number from 0 on"
            )));
        }
        check_typos(self.typos)?;
        let by_time = self.ranking != TextRanking::Relevance || self.time != TimeRange::default();
        if by_time && index.time.is_none() {
            return Err(Error::invalid(
                "the text index has no times to search by: name a column of times when it is made",
            ));
        }
        let is_by_time = |cursor: TextCursor| matches!(cursor.rank, Rank::Time(_));
        if self.after.is_some_and(|it| is_by_time(it) != (self.ranking == TextRanking::Newest)) {
            return Err(Error::invalid(
                "the cursor is of a search with another ranking: go on with the same one",
            ));
        }
        match self.ranking {
            TextRanking::Recent { half_life_ms, weight, .. }
                if half_life_ms <= 0 || !(0.0..=1.0).contains(&weight) =>
            {
                Err(Error::invalid(format!(
                    "a half-life of {half_life_ms} ms with weight {weight} ranks nothing: use a \
                     positive one, and a weight from 0 to 1"
                )))
            }
            _ => Ok(()),
        }
    }
}

/// What a query asks of all segments.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) db: &'a Database,
    pub(super) plan: &'a Plan,
    pub(super) corpus: Corpus<'a>,
    pub(super) weights: Weights<'a>,
    pub(super) chosen: Chosen<'a>,
}

impl TextFollower {
    /// Calls `f` with a query of all that is there, a second time if what it read was damaged.
    pub(super) fn asked(
        &mut self,
        db: &Database,
        query: &TextQuery,
        options: &TextSearchOptions,
        mut f: impl FnMut(Asked<'_>) -> Result<()>,
    ) -> Result<()> {
        options.validate(&self.info.options)?;
        if options.filter.is_some() && !self.info.options.has_attributes() {
            return Err(TextIndex::without_attributes(&self.info.name));
        }
        let plan = Plan::new(query, &self.analyzer, &self.info.options.columns)?;
        if db.in_transaction() {
            return self.ask(db, &self.with_pending(db)?, &plan, options, &mut f);
        }
        self.catch_up(db)?;
        self.inverted.forget_beyond(PARTS_BYTES_MAX);
        match self.ask(db, &self.inverted, &plan, options, &mut f) {
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                // The rows are the truth.
                self.start_over(db)?;
                self.catch_up(db)?;
                self.ask(db, &self.inverted, &plan, options, &mut f)
            }
            found => found,
        }
    }

    fn ask(
        &self,
        db: &Database,
        inverted: &Inverted,
        plan: &Plan,
        options: &TextSearchOptions,
        f: &mut dyn FnMut(Asked<'_>) -> Result<()>,
    ) -> Result<()> {
        let source = Stored(db);
        let parts = inverted.parts();
        let corpus = inverted.corpus(&parts, &source, &self.info.options.text.prefixes);
        let weights = Weights { columns: &options.weights, typos: options.typos };
        let chosen = Chosen::new(db, options, corpus);
        f(Asked { db, plan, corpus, weights, chosen })
    }
}

pub(super) fn check_typos(typos: u8) -> Result<()> {
    match typos {
        0..=TYPOS_MAX => Ok(()),
        _ => Err(Error::invalid(format!(
            "{typos} typos are more than the {TYPOS_MAX} that are looked for"
        ))),
    }
}

/// Which rows a search may find, and how they are ranked.
#[derive(Debug)]
pub(super) struct Chosen<'a> {
    db: &'a Database,
    ranking: TextRanking,
    time: TimeRange,
    /// Sorted.
    keys: Option<Vec<i64>>,
    filter: Option<Filtered<'a>>,
}

impl<'a> Chosen<'a> {
    fn new(db: &'a Database, options: &'a TextSearchOptions, corpus: Corpus<'a>) -> Chosen<'a> {
        let filter = options.filter.as_ref();
        let filter = filter.map(|filter| Filtered::new(filter, corpus.parts, corpus.source));
        let keys = options.keys.clone().map(|mut keys| {
            keys.sort_unstable();
            keys
        });
        Chosen { db, ranking: options.ranking, time: options.time, keys, filter }
    }
}

impl Judge for Chosen<'_> {
    fn judge(&mut self, part: usize, documents: &Documents, doc: u32, score: f64) -> Option<Rank> {
        if let Some(keys) = &self.keys {
            keys.binary_search(&documents.key(doc)).ok()?;
        }
        let time = documents.time(doc).unwrap_or(Timestamp::ZERO);
        let TimeRange { from, to } = self.time;
        if from.is_some_and(|from| time < from) || to.is_some_and(|to| time >= to) {
            return None;
        }
        if let Some(filter) = &mut self.filter
            && !filter.has(part, doc)
        {
            return None;
        }
        Some(match self.ranking {
            TextRanking::Relevance => Rank::Score(score),
            TextRanking::Newest => Rank::Time(time.unix_ns()),
            TextRanking::Recent { now, half_life_ms, weight } => {
                let age = now.unix_ms().saturating_sub(time.unix_ms()).max(0);
                let kept = (-(age as f64) / half_life_ms as f64).exp2();
                Rank::Score(score * (1.0 - weight + weight * kept))
            }
        })
    }

    fn next(&mut self, part: usize, doc: u32) -> u32 {
        self.filter.as_mut().map_or(doc, |filter| filter.next(part, doc))
    }

    fn prunes(&self) -> bool {
        !matches!(self.ranking, TextRanking::Newest)
    }

    fn check(&mut self) -> Result<()> {
        self.filter.as_mut().map_or(Ok(()), Filtered::check)?;
        self.db.check_watch()
    }
}
