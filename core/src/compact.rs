//! Compaction: the oldest messages of a workspace become one summary, its facts and its vector.
//!
//! A pass has two halves, so that whoever summarises may take its time, or be asynchronous:
//! [`Batch::take`] reads the messages, and [`Batch::commit`] writes what they came down to and
//! deletes them, in one transaction. Messages that arrive in between are not touched. When the
//! batch is no longer what it was, because another pass or a deletion came first, nothing is
//! written.

use std::collections::{BTreeSet, HashSet};

use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

use crate::error::{Error, ErrorKind, Result};
use crate::stores::{Fact, ID_BYTES_MAX, Message, Summary, SummaryStatus, new_id, now};
use crate::vector::Metadata;
use crate::workspace::{Workspace, WorkspaceStores};

/// The most facts of one pass; further ones are left out.
const FACTS_MAX: usize = 100;

/// The most bytes of each text of an extracted fact; the rest is cut off. Ids are shorter than
/// texts may be, so those are cut off at their own limit.
const FACT_TEXT_BYTES_MAX: usize = 4_096;

/// Where compaction says that its facts come from.
pub const COMPACTION_SOURCE: &str = "compaction";

/// Makes a summary of messages.
pub trait Summarizer {
    /// What the messages, oldest first, come down to.
    ///
    /// # Errors
    /// Any; the pass then changes nothing.
    fn summarize(&self, messages: &[Message]) -> Result<String>;
}

/// Makes a vector of a text.
pub trait Embedder {
    /// The vector of `text`, with the dimensions of the workspace.
    ///
    /// # Errors
    /// Any; the pass then changes nothing.
    fn embed(&self, text: &str) -> Result<Vec<f32>>;
}

/// Finds facts in messages.
pub trait FactExtractor {
    /// The facts that the messages state.
    ///
    /// # Errors
    /// Any; the pass then changes nothing.
    fn extract(&self, messages: &[Message]) -> Result<Vec<ExtractedFact>>;
}

/// A fact as an extractor gives it. It gets its id, its time and its source when it is committed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExtractedFact {
    /// What it is about; a fact about nothing is left out.
    pub entity_id: String,
    /// What is said of it; a fact that says nothing is left out.
    pub predicate: String,
    /// The value.
    #[serde(default)]
    pub value: String,
    /// How sure it is: what is below 0 or no number becomes 0, what is above 1 becomes 1.
    #[serde(default)]
    pub confidence: f64,
}

/// How to compact.
#[derive(Clone, Copy)]
pub struct Compactor<'a> {
    /// How many messages become one summary; with fewer there is nothing to do.
    pub batch: usize,
    /// The most passes; at least one is tried.
    pub passes_max: usize,
    /// Makes the summaries.
    pub summarizer: &'a dyn Summarizer,
    /// Makes the vectors of the summaries.
    pub embedder: &'a dyn Embedder,
    /// Finds the facts; none are stored without it.
    pub extractor: Option<&'a dyn FactExtractor>,
}

impl std::fmt::Debug for Compactor<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compactor").field("batch", &self.batch).finish_non_exhaustive()
    }
}

/// What one pass did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Compacted {
    /// The summary that was stored; its vector has the same id.
    pub summary_id: String,
    /// How many messages were deleted.
    pub messages: i64,
    /// How many facts were stored.
    pub facts: i64,
}

/// The messages of one pass.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    messages: Vec<Message>,
}

/// What a batch came down to.
#[derive(Debug, Clone, PartialEq)]
pub struct Digest {
    /// The text of the summary.
    pub summary: String,
    /// Its vector.
    pub vector: Vec<f32>,
    /// The facts.
    pub facts: Vec<ExtractedFact>,
}

impl Batch {
    /// The oldest `size` messages; `None` when there are fewer.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for a size of 0, and storage kinds.
    pub fn take(stores: &dyn WorkspaceStores, size: usize) -> Result<Option<Batch>> {
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        let messages = stores.messages().oldest(size)?;
        let whole = i64::try_from(messages.len()).unwrap_or(i64::MAX) == size;
        Ok(whole.then_some(Batch { messages }))
    }

    /// The batch of these messages, which have to be what the workspace holds when it is committed.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for no message.
    pub fn of(messages: Vec<Message>) -> Result<Batch> {
        if messages.is_empty() {
            return Err(Error::invalid("a batch has at least one message"));
        }
        Ok(Batch { messages })
    }

    /// The messages, oldest first.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Stores what the batch came down to and deletes its messages with their vectors, in one
    /// transaction.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) when a message of the batch has changed or gone since it
    /// was taken: take another; [`InvalidInput`](ErrorKind::InvalidInput) for a vector with the
    /// wrong dimensions; [`Busy`](ErrorKind::Busy) inside a transaction. Nothing is written then.
    pub fn commit(&self, stores: &dyn WorkspaceStores, digest: &Digest) -> Result<Compacted> {
        let summary = self.summary(stores, digest);
        let facts = facts(&summary, &digest.facts);
        let metadata = Metadata::from_value(&serde_json::json!({
            "workspace_id": stores.id(),
            "kind": "summary",
            "from_time": summary.from_time.to_string(),
            "to_time": summary.to_time.to_string(),
        }))?;
        let ids: Vec<&str> = self.messages.iter().map(|message| &*message.id).collect();
        let mut deleted = 0;
        stores.transaction(&mut || {
            self.check_unchanged(stores)?;
            stores.summaries().store(&summary)?;
            stores.knowledge().put_facts(&facts)?;
            stores.vectors().store(&summary.id, &digest.vector, &metadata)?;
            stores.vectors().delete(&ids)?;
            deleted = stores.messages().delete(&ids)?;
            Ok(())
        })?;
        let facts = i64::try_from(facts.len()).unwrap_or(i64::MAX);
        Ok(Compacted { summary_id: summary.id, messages: deleted, facts })
    }

    fn check_unchanged(&self, stores: &dyn WorkspaceStores) -> Result<()> {
        for message in &self.messages {
            let unchanged = match stores.messages().get(&message.id) {
                Ok(found) => found == *message,
                Err(error) if error.kind() == ErrorKind::NotFound => false,
                Err(error) => return Err(error),
            };
            if !unchanged {
                return Err(Error::new(
                    ErrorKind::Conflict,
                    format!(
                        "the message '{}' changed or went while its batch was summarised: take \
                         another batch",
                        crate::stores::shown(&message.id)
                    ),
                ));
            }
        }
        Ok(())
    }

    fn summary(&self, stores: &dyn WorkspaceStores, digest: &Digest) -> Summary {
        let times = || self.messages.iter().map(|message| message.created_at);
        let created_at = now(stores.host());
        let sessions: BTreeSet<&str> =
            self.messages.iter().map(|message| &*message.session_id).collect();
        Summary {
            id: format!("sum-{}", new_id(stores.host())),
            from_time: times().min().unwrap_or(created_at),
            to_time: times().max().unwrap_or(created_at),
            content: digest.summary.clone(),
            message_ids: self.messages.iter().map(|message| message.id.clone()).collect(),
            session_ids: sessions.into_iter().map(str::to_owned).collect(),
            status: SummaryStatus::Committed,
            created_at,
        }
    }
}

/// The facts of a summary: whole ones, within limits, each once.
fn facts(summary: &Summary, extracted: &[ExtractedFact]) -> Vec<Fact> {
    let mut seen = HashSet::new();
    let whole = extracted.iter().filter(|fact| {
        let nul = fact.entity_id.contains('\0') || fact.predicate.contains('\0');
        !fact.entity_id.is_empty() && !fact.predicate.is_empty() && !nul
    });
    let facts = whole.map(|fact| Fact {
        id: format!("{}{:016x}", fact_id_prefix(&summary.id), hash(&summary.id, fact)),
        entity_id: cut(&fact.entity_id, ID_BYTES_MAX).to_owned(),
        predicate: cut(&fact.predicate, ID_BYTES_MAX).to_owned(),
        value: cut(&fact.value, FACT_TEXT_BYTES_MAX).to_owned(),
        confidence: if fact.confidence.is_nan() { 0.0 } else { fact.confidence.clamp(0.0, 1.0) },
        source: COMPACTION_SOURCE.to_owned(),
        created_at: summary.created_at,
    });
    facts.filter(|fact| seen.insert(fact.id.clone())).take(FACTS_MAX).collect()
}

/// What tells two facts of a summary apart, before anything is cut off.
fn hash(summary: &str, fact: &ExtractedFact) -> u64 {
    let parts = [summary, &fact.entity_id, &fact.predicate, &fact.value];
    XxHash3_64::oneshot(parts.join("\0").as_bytes())
}

/// `text` without what is past `max` bytes, cut between characters.
fn cut(text: &str, max: usize) -> &str {
    let end = (0..=max.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or(0)]
}

/// How the ids of the facts begin that were extracted together with a summary.
pub(crate) fn fact_id_prefix(summary: &str) -> String {
    format!("{summary}-fact-")
}

/// The first text, in the order of bytes, behind every id that begins like that.
pub(crate) fn fact_id_prefix_end(summary: &str) -> String {
    format!("{summary}-fact.")
}

impl Workspace {
    /// Makes summaries, facts and vectors of the oldest messages and deletes those, a batch a
    /// pass, each pass in one transaction; gives what each pass did.
    ///
    /// Nothing happens while there are fewer messages than a batch. Whatever fails, a pass is
    /// done wholly or not at all, and messages that are appended meanwhile stay.
    ///
    /// # Errors
    /// What the summarizer, the embedder and the extractor return, and those of
    /// [`Batch::commit`]. Passes before the failing one have been done.
    pub fn compact(&self, compactor: &Compactor<'_>) -> Result<Vec<Compacted>> {
        let mut passes = Vec::new();
        for _ in 0..compactor.passes_max.max(1) {
            let Some(batch) = Batch::take(self.stores(), compactor.batch)? else { break };
            let messages = batch.messages();
            let summary = compactor.summarizer.summarize(messages)?;
            let facts = match compactor.extractor {
                Some(extractor) => extractor.extract(messages)?,
                None => Vec::new(),
            };
            let vector = compactor.embedder.embed(&summary)?;
            passes.push(batch.commit(self.stores(), &Digest { summary, vector, facts })?);
        }
        Ok(passes)
    }

    /// Deletes the summaries that were pending before `before`: see [`sweep_pending`].
    ///
    /// # Errors
    /// [`Busy`](ErrorKind::Busy) inside a transaction, and storage kinds.
    pub fn sweep_pending(&self, before: crate::Timestamp) -> Result<Vec<String>> {
        sweep_pending(self.stores(), before)
    }
}

/// Deletes the summaries that were pending before `before`, with their vectors and facts, in one
/// transaction, and gives their ids. Compaction leaves none behind; another program, or data from
/// before, may.
///
/// # Errors
/// [`Busy`](ErrorKind::Busy) inside a transaction, and storage kinds.
pub fn sweep_pending(
    stores: &dyn WorkspaceStores,
    before: crate::Timestamp,
) -> Result<Vec<String>> {
    let mut swept = Vec::new();
    stores.transaction(&mut || {
        let mut stale = stores.summaries().pending()?;
        stale.retain(|summary| summary.created_at < before);
        if stale.is_empty() {
            return Ok(());
        }
        // Read once for all: deleting what another summary took along already is nothing.
        let facts = stores.knowledge().find_facts(&crate::FactQuery {
            source: Some(COMPACTION_SOURCE.to_owned()),
            paging: crate::Paging::limit(i64::MAX),
            ..crate::FactQuery::default()
        })?;
        for summary in stale {
            let prefix = fact_id_prefix(&summary.id);
            let ids = facts.iter().map(|fact| &*fact.id).filter(|id| id.starts_with(&prefix));
            stores.knowledge().delete_facts(&ids.collect::<Vec<_>>())?;
            stores.vectors().delete(&[&summary.id])?;
            stores.summaries().delete(&summary.id)?;
            swept.push(summary.id);
        }
        Ok(())
    })?;
    Ok(swept)
}
