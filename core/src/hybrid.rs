//! Searching a workspace's memory by words and by meaning at once.

use serde::Serialize;

use crate::error::{Error, Result};
use crate::stores::{Fact, Message, Role, Summary, TimeRange};
use crate::text::TextQuery;
use crate::time::Timestamp;
use crate::vector::{Filter, Metadata};

mod diversity;
mod fusion;

pub(crate) use diversity::{Features, diversify};
pub use fusion::{Fusion, MemoryWeights};
pub(crate) use fusion::{Ranked, fuse};

/// Where a memory is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum MemorySource {
    /// The messages.
    Messages,
    /// The summaries.
    Summaries,
    /// The facts.
    Facts,
    /// The vectors.
    Vectors,
}

/// All of them.
const SOURCES: [MemorySource; 4] =
    [MemorySource::Messages, MemorySource::Summaries, MemorySource::Facts, MemorySource::Vectors];

/// How much older records count less.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recency {
    /// The moment of the search.
    pub now: Timestamp,
    /// After so many milliseconds a record has lost half of what it can lose.
    pub half_life_ms: i64,
    /// How much a record can lose, from 0 to 1.
    pub weight: f64,
}

impl Recency {
    /// What a score is multiplied by; records without a time lose nothing.
    fn factor(&self, time: Option<Timestamp>) -> f64 {
        let Some(time) = time else { return 1.0 };
        let age = self.now.unix_ms().saturating_sub(time.unix_ms()).max(0);
        let kept = (-(age as f64) / self.half_life_ms as f64).exp2();
        1.0 - self.weight + self.weight * kept
    }
}

/// What to look for in a memory, and how.
///
/// Give a text, a vector, or both: what is found by both comes first. A vector whose id is that of
/// a message, a summary or a fact stands for that record; it and the record are found once.
///
/// ```
/// use sigil_core::{MemoryRecord, MemorySearch, Metadata, Role, TextQuery, Workspace};
///
/// let workspace = Workspace::in_memory("home")?;
/// let session = workspace.new_session("ada");
/// workspace.sessions().create(&session)?;
/// let tea = workspace.new_message(&session.id, Role::User, "I drink tea in the morning");
/// workspace.messages().append(&tea)?;
/// workspace.vectors().store(&tea.id, &[1.0, 0.0, 0.0], &Metadata::new())?;
///
/// let mut search = MemorySearch::new(3);
/// search.text = Some(TextQuery::typed("morning tea"));
/// search.vector = Some(vec![0.9, 0.1, 0.0]);
/// let hits = workspace.search(&search)?;
/// assert_eq!(hits[0].record, MemoryRecord::Message(tea));
/// assert!(hits[0].text.is_some() && hits[0].vector.is_some());
/// # Ok::<(), sigil_core::Error>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MemorySearch {
    /// How many records to find.
    pub k: usize,
    /// The words to look for.
    pub text: Option<TextQuery>,
    /// The vector to look near to.
    pub vector: Option<Vec<f32>>,
    /// Where to look; everywhere, unless some are named.
    pub sources: Vec<MemorySource>,
    /// Only records whose attributes match. What is found by words is held to the attributes of
    /// the record, what is found by nearness to the metadata of the vector: of messages their
    /// metadata and `session_id`, `role`,
    /// `origin` and `tool_name`; of summaries `status`; of facts `entity_id`, `predicate`,
    /// `confidence` and `source`; of vectors their metadata.
    pub filter: Option<Filter>,
    /// Only what belongs to this session: its messages, summaries that name it, facts that come
    /// from it, and vectors of these or whose metadata name it as `session_id` or `sessionId`.
    pub session: Option<String>,
    /// Only messages of this role.
    pub role: Option<Role>,
    /// Only records of this time.
    pub time: TimeRange,
    /// What words count, and what nearness.
    pub weights: MemoryWeights,
    /// How both are brought together.
    pub fusion: Fusion,
    /// How much older records count less.
    pub recency: Option<Recency>,
    /// From 0 to 1, how much results should differ from each other rather than be good: maximal
    /// marginal relevance over their vectors, or over their words where they have none.
    pub diversity: Option<f64>,
    /// Whether of records with the same words only the best is found.
    pub distinct: bool,
    /// How many messages to give from before and after each message in its session.
    pub window: usize,
    /// How many typos a word may have, up to 2.
    pub typos: u8,
    /// How many records are found by each before they are brought together; at least four times
    /// `k`, and fifty, when not given.
    pub candidates: Option<usize>,
}

impl MemorySearch {
    /// A search for `k` records everywhere; give it a text, a vector, or both.
    pub fn new(k: usize) -> MemorySearch {
        MemorySearch {
            k,
            text: None,
            vector: None,
            sources: Vec::new(),
            filter: None,
            session: None,
            role: None,
            time: TimeRange::default(),
            weights: MemoryWeights::default(),
            fusion: Fusion::default(),
            recency: None,
            diversity: None,
            distinct: false,
            window: 0,
            typos: 0,
            candidates: None,
        }
    }

    /// Whether it looks there.
    pub(crate) fn looks_in(&self, source: MemorySource) -> bool {
        let sources = if self.sources.is_empty() { &SOURCES[..] } else { &self.sources };
        sources.contains(&source)
    }

    /// How many records are found by each before they are brought together.
    pub(crate) fn pool(&self) -> usize {
        const POOL_MIN: usize = 50;
        // None would leave no place to go on behind.
        self.candidates.unwrap_or(self.k.saturating_mul(4).max(POOL_MIN)).max(self.k).max(1)
    }

    /// Refuses what no search can heed.
    pub(crate) fn validate(&self) -> Result<()> {
        if self.text.is_none() && self.vector.is_none() {
            return Err(Error::invalid("a search for nothing: give a text, a vector, or both"));
        }
        self.weights.validate()?;
        self.fusion.validate()?;
        if let Some(Recency { half_life_ms, weight, .. }) = self.recency
            && (half_life_ms <= 0 || !(0.0..=1.0).contains(&weight))
        {
            return Err(Error::invalid(format!(
                "a half-life of {half_life_ms} ms with weight {weight}: use a positive one, and a \
                 weight from 0 to 1"
            )));
        }
        match self.diversity {
            Some(diversity) if !(0.0..=1.0).contains(&diversity) => Err(Error::invalid(format!(
                "a diversity of {diversity}: give a number from 0 (best) to 1 (most different)"
            ))),
            _ => Ok(()),
        }
    }

    /// What the score of a record of this time is multiplied by.
    pub(crate) fn recency_factor(&self, time: Option<Timestamp>) -> Option<f64> {
        self.recency.map(|recency| recency.factor(time))
    }
}

/// A record of a memory.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", tag = "source", content = "record")]
#[non_exhaustive]
pub enum MemoryRecord {
    /// A message.
    Message(Message),
    /// A summary.
    Summary(Summary),
    /// A fact.
    Fact(Fact),
    /// A vector with an id that no record has.
    Vector(MemoryVector),
}

/// A vector that stands for no record.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MemoryVector {
    /// Its id.
    pub id: String,
    /// Its metadata.
    pub metadata: Metadata,
}

impl MemoryRecord {
    /// Its id.
    pub fn id(&self) -> &str {
        match self {
            MemoryRecord::Message(message) => &message.id,
            MemoryRecord::Summary(summary) => &summary.id,
            MemoryRecord::Fact(fact) => &fact.id,
            MemoryRecord::Vector(vector) => &vector.id,
        }
    }

    /// When it was made, unless it is a vector.
    pub fn time(&self) -> Option<Timestamp> {
        match self {
            MemoryRecord::Message(message) => Some(message.created_at),
            MemoryRecord::Summary(summary) => Some(summary.created_at),
            MemoryRecord::Fact(fact) => Some(fact.created_at),
            MemoryRecord::Vector(_) => None,
        }
    }
}

/// How a record was found by words.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TextComponent {
    /// Its place among those found by words, from 1.
    pub rank: usize,
    /// Its BM25.
    pub score: f64,
}

/// How a record was found by nearness.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VectorComponent {
    /// Its place among those found by nearness, from 1.
    pub rank: usize,
    /// How far its vector is.
    pub distance: f64,
}

/// A record that was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MemoryHit {
    /// The record.
    #[serde(flatten)]
    pub record: MemoryRecord,
    /// How good it is all in all: the higher, the better.
    pub score: f64,
    /// How it was found by words, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<TextComponent>,
    /// How it was found by nearness, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vector: Option<VectorComponent>,
    /// What its score was multiplied by for its age, if that counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recency: Option<f64>,
    /// The messages before it in its session, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<Message>,
    /// The messages after it in its session.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<Message>,
}
