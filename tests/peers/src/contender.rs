//! What a side of the comparison does. Reads return a [`Tally`] of what was read, not the rows: a
//! side materialises them in full in its own types, and the tallies show that all sides read the
//! same.

use std::path::Path;
use std::time::SystemTime;

use crate::error::Result;
use crate::model::{
    AuditEntry, Digest, Embedding, Entity, Graph, Message, Neighbour, Relationship, Session,
};
use crate::{ours, sqlite};

/// How much was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records: messages, hits, or entities and relationships.
    pub records: usize,
    /// Bytes of what tells them apart: contents, or ids.
    pub bytes: usize,
}

impl Tally {
    /// The tally of messages: their contents.
    pub fn of_messages(messages: &[Message]) -> Tally {
        Tally {
            records: messages.len(),
            bytes: messages.iter().map(|message| message.content.len()).sum(),
        }
    }

    /// The tally of a graph: entities and relationships, and the bytes of names and types.
    pub fn of_graph(graph: &Graph) -> Tally {
        Tally {
            records: graph.entities.len() + graph.relationships.len(),
            bytes: graph.entities.iter().map(|entity| entity.name.len()).sum::<usize>()
                + graph.relationships.iter().map(|edge| edge.kind.len()).sum::<usize>(),
        }
    }

    /// The tally of hits: their ids.
    pub fn of_neighbours(neighbours: &[Neighbour]) -> Tally {
        Tally {
            records: neighbours.len(),
            bytes: neighbours.iter().map(|neighbour| neighbour.id.len()).sum(),
        }
    }
}

/// Where the commits of a chat turn are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commits {
    /// Each call is durable before the next begins.
    EachCall,
    /// The calls on the workspace are one transaction; the audit entry, in another file, is its own.
    OneTransaction,
}

/// One turn of a conversation.
#[derive(Debug, Clone)]
pub struct Turn {
    /// The session that is read and written.
    pub session: String,
    /// What the user says, appended before the window is read.
    pub question: Message,
    /// What the model says, appended at the end.
    pub answer: Message,
    /// How many messages of the session the model is given.
    pub window: usize,
    /// What the call to the model cost, added to the session's counters.
    pub tokens: i64,
    /// The entry in the gateway's log.
    pub audit: AuditEntry,
}

/// A workspace and a gateway of one side. A call that writes is durable when it returns.
pub trait Contender {
    /// Adds sessions in one transaction; not measured.
    ///
    /// # Errors
    ///
    /// If the store fails, as of every method here.
    fn create_sessions(&mut self, sessions: &[Session]) -> Result<()>;

    /// Adds messages to the conversations of their sessions in one transaction; not measured.
    ///
    /// # Errors
    ///
    /// If the store fails.
    fn append_to_sessions(&mut self, messages: &[Message]) -> Result<()>;

    /// Gets the session, appends the question, reads the window, updates the session's counters,
    /// appends the answer and the audit entry. The tally is of the window.
    ///
    /// # Errors
    ///
    /// If the store fails.
    fn chat_turn(&mut self, turn: &Turn, commits: Commits) -> Result<Tally>;

    /// Appends a batch to the searchable messages in one transaction.
    ///
    /// # Errors
    ///
    /// If the store fails.
    fn append(&mut self, messages: &[Message]) -> Result<()>;

    /// Reads the newest `limit` messages of a session.
    ///
    /// # Errors
    ///
    /// If the store fails.
    fn active_window(&mut self, session: &str, limit: usize) -> Result<Tally>;

    /// Reads the searchable messages from a time up to, and without, another.
    ///
    /// # Errors
    ///
    /// If the store fails.
    fn range(&mut self, from: SystemTime, to: SystemTime) -> Result<Tally>;

    /// Searches the messages for a phrase.
    ///
    /// # Errors
    ///
    /// If the store fails.
    fn search(&mut self, phrase: &str, limit: usize) -> Result<Tally>;

    /// Puts entities and relationships in one transaction.
    ///
    /// # Errors
    ///
    /// If the store fails.
    fn put_graph(&mut self, entities: &[Entity], relationships: &[Relationship]) -> Result<()>;

    /// Reads what is within `depth` steps of an entity, and the relationships among it.
    ///
    /// # Errors
    ///
    /// If the store fails.
    fn traverse(&mut self, start: &str, depth: usize) -> Result<Tally>;

    /// Stores vectors in one transaction.
    ///
    /// # Errors
    ///
    /// If the store fails.
    fn store_vectors(&mut self, embeddings: &[Embedding]) -> Result<()>;

    /// Searches the `k` nearest vectors.
    ///
    /// # Errors
    ///
    /// If the store fails.
    fn search_vectors(&mut self, query: &[f32], k: usize) -> Result<Tally>;

    /// Replaces the oldest `batch` messages and their vectors by their digest in one transaction,
    /// and says how many they were.
    ///
    /// # Errors
    ///
    /// If the store fails.
    fn compact(
        &mut self,
        batch: usize,
        digest: &mut dyn FnMut(&[Message]) -> Digest,
    ) -> Result<usize>;

    /// Does now what the store would put off, so that every measurement begins alike; not measured.
    ///
    /// # Errors
    ///
    /// If the store fails.
    fn settle(&mut self) -> Result<()>;
}

/// A way to build the stores.
#[derive(Debug, Clone, Copy)]
pub struct SideKind {
    /// Its name in the report.
    pub name: &'static str,
    /// Opens a workspace, for vectors of so many dimensions, and a gateway in an empty directory.
    pub open: fn(&Path, usize) -> Result<Box<dyn Contender>>,
}

/// Every side; ratios are of the others to the first.
pub fn sides() -> Vec<SideKind> {
    vec![
        SideKind {
            name: "rusqlite",
            open: |directory, dimensions| Ok(Box::new(sqlite::Side::open(directory, dimensions)?)),
        },
        SideKind {
            name: "sigil",
            open: |directory, dimensions| Ok(Box::new(ours::Side::open(directory, dimensions)?)),
        },
    ]
}
