//! Summaries: what a batch of messages came down to.

use serde::{Deserialize, Serialize};

use super::{MESSAGE_BYTES_MAX, TimeRange, check_id, check_len, named};
use crate::error::{Error, ErrorKind, Result};
use crate::time::Timestamp;

/// The most messages one summary may name.
pub(crate) const SUMMARY_MESSAGES_MAX: usize = 100_000;

named! {
    /// Whether a summary is finished.
    SummaryStatus, "status of a summary" {
        /// Being made; readers do not see it.
        Pending = "pending",
        /// Finished.
        Committed = "committed",
    }
}

/// What a batch of messages came down to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Summary {
    /// Its id.
    pub id: String,
    /// The time of the first message.
    pub from_time: Timestamp,
    /// The time of the last message; not before the first.
    pub to_time: Timestamp,
    /// The text.
    #[serde(default)]
    pub content: String,
    /// The messages it was made of, in their order.
    #[serde(default)]
    pub message_ids: Vec<String>,
    /// The sessions those messages belong to; forgetting one of them forgets the summary.
    #[serde(default)]
    pub session_ids: Vec<String>,
    /// Whether it is finished.
    pub status: SummaryStatus,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Summary {
    /// Checks the rules that a stored summary keeps.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) or [`Limit`](ErrorKind::Limit), naming the field.
    pub fn validate(&self) -> Result<()> {
        check_id("the summary's id", &self.id)?;
        check_len("the summary's content", &self.content, MESSAGE_BYTES_MAX)?;
        if self.from_time > self.to_time {
            return Err(Error::invalid(format!(
                "the summary ends at {}, before it begins at {}",
                self.to_time, self.from_time
            )));
        }
        for (what, ids) in [("message", &self.message_ids), ("session", &self.session_ids)] {
            if ids.len() > SUMMARY_MESSAGES_MAX {
                return Err(Error::new(
                    ErrorKind::Limit,
                    format!(
                        "the summary names {} {what}s, the limit is {SUMMARY_MESSAGES_MAX}: make \
                         several summaries",
                        ids.len()
                    ),
                ));
            }
            ids.iter().try_for_each(|id| check_id("an id that the summary names", id))?;
        }
        Ok(())
    }
}

/// The summaries of one workspace.
///
/// A summary is stored pending or committed. A pending one is seen by
/// [`get`](SummaryStore::get) and [`pending`](SummaryStore::pending) alone, until it is confirmed.
pub trait SummaryStore {
    /// Stores a summary.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) and [`Limit`](ErrorKind::Limit);
    /// [`Conflict`](ErrorKind::Conflict) when the id is taken.
    fn store(&self, summary: &Summary) -> Result<()>;

    /// The summary with this id, whatever its status.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound).
    fn get(&self, id: &str) -> Result<Summary>;

    /// Makes a pending summary a committed one.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound), and [`Conflict`](ErrorKind::Conflict) when it is
    /// committed already.
    fn confirm(&self, id: &str) -> Result<()>;

    /// Deletes a summary, whatever its status, and says whether it was there.
    ///
    /// # Errors
    /// Storage kinds.
    fn delete(&self, id: &str) -> Result<bool>;

    /// The committed summaries that lie wholly in a stretch of time, both ends belonging to it, in
    /// the order of where they begin.
    ///
    /// # Errors
    /// Storage kinds.
    fn range(&self, range: &TimeRange) -> Result<Vec<Summary>>;

    /// The newest `n` committed summaries, newest first: all of them when `n` is negative.
    ///
    /// # Errors
    /// Storage kinds.
    fn latest(&self, n: i64) -> Result<Vec<Summary>>;

    /// The pending summaries, oldest first.
    ///
    /// # Errors
    /// Storage kinds.
    fn pending(&self) -> Result<Vec<Summary>>;
}
