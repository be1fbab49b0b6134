//! What can be forgotten, and what that takes away.

use serde::{Deserialize, Serialize};

/// What a workspace is to forget.
///
/// Forgetting a session takes its transcript, the messages with its id, every summary that names
/// the session or one of those messages, the facts whose source is the session or one of its
/// messages or that were extracted with such a summary (their ids begin with the summary's and
/// `-fact-`), and the vectors with the id of the session, of one of the messages or of such a
/// summary, or whose metadata name the session as `session_id` or `sessionId`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "scope", content = "id")]
pub enum Forget {
    /// Every session of this user; the facts whose source is the user's id; the vectors whose
    /// metadata name the user as `user_id` or `userId`.
    User(String),
    /// One session.
    Session(String),
    /// Everything.
    Workspace,
}

/// How much was forgotten.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Forgotten {
    /// Sessions.
    pub sessions: i64,
    /// Messages in the transcripts of sessions.
    pub transcript: i64,
    /// Messages that could be searched.
    pub messages: i64,
    /// Summaries.
    pub summaries: i64,
    /// Entities.
    pub entities: i64,
    /// Relationships.
    pub relationships: i64,
    /// Facts.
    pub facts: i64,
    /// Vectors.
    pub vectors: i64,
}

impl Forgotten {
    /// What was forgotten in both.
    #[must_use]
    pub fn plus(&self, other: &Forgotten) -> Forgotten {
        Forgotten {
            sessions: self.sessions + other.sessions,
            transcript: self.transcript + other.transcript,
            messages: self.messages + other.messages,
            summaries: self.summaries + other.summaries,
            entities: self.entities + other.entities,
            relationships: self.relationships + other.relationships,
            facts: self.facts + other.facts,
            vectors: self.vectors + other.vectors,
        }
    }
}
