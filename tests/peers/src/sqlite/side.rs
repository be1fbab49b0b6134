//! The stores on SQLite as a side of the comparison.

use std::path::Path;
use std::time::SystemTime;

use super::{Gateway, Workspace, checkpoint};
use crate::contender::{Commits, Contender, Tally, Turn};
use crate::error::Result;
use crate::model::{Digest, Embedding, Entity, Message, Relationship, Session};

/// A workspace and a gateway.
#[derive(Debug)]
pub struct Side {
    workspace: Workspace,
    gateway: Gateway,
}

impl Side {
    /// Opens or creates both files in a directory.
    ///
    /// # Errors
    ///
    /// If one cannot be opened.
    pub fn open(directory: &Path, dimensions: usize) -> Result<Side> {
        std::fs::create_dir_all(directory)?;
        Ok(Side {
            workspace: Workspace::open(&directory.join("workspace.db"), dimensions)?,
            gateway: Gateway::open(&directory.join("gateway.db"))?,
        })
    }

    fn turn_in_workspace(&self, turn: &Turn) -> Result<Tally> {
        let sessions = self.workspace.sessions();
        let mut session = sessions.get(&turn.session)?;
        sessions.append_message(&turn.session, &turn.question)?;
        let window = sessions.active_window(&turn.session, turn.window)?;
        session.token_budget.used_session += turn.tokens;
        session.token_budget.used_hour += turn.tokens;
        session.token_budget.used_day += turn.tokens;
        sessions.update(&session)?;
        sessions.append_message(&turn.session, &turn.answer)?;
        Ok(Tally::of_messages(&window))
    }
}

impl Contender for Side {
    fn create_sessions(&mut self, sessions: &[Session]) -> Result<()> {
        self.workspace.transaction(|| {
            sessions.iter().try_for_each(|session| self.workspace.sessions().create(session))
        })
    }

    fn append_to_sessions(&mut self, messages: &[Message]) -> Result<()> {
        let sessions = self.workspace.sessions();
        self.workspace.transaction(|| {
            messages
                .iter()
                .try_for_each(|message| sessions.append_message(&message.session_id, message))
        })
    }

    fn chat_turn(&mut self, turn: &Turn, commits: Commits) -> Result<Tally> {
        let tally = match commits {
            Commits::EachCall => self.turn_in_workspace(turn)?,
            Commits::OneTransaction => {
                self.workspace.transaction(|| self.turn_in_workspace(turn))?
            }
        };
        self.gateway.append_audit(&turn.audit)?;
        Ok(tally)
    }

    fn append(&mut self, messages: &[Message]) -> Result<()> {
        self.workspace.messages().append(messages)
    }

    fn active_window(&mut self, session: &str, limit: usize) -> Result<Tally> {
        Ok(Tally::of_messages(&self.workspace.sessions().active_window(session, limit)?))
    }

    fn range(&mut self, from: SystemTime, to: SystemTime) -> Result<Tally> {
        Ok(Tally::of_messages(&self.workspace.messages().range(from, to)?))
    }

    fn search(&mut self, phrase: &str, limit: usize) -> Result<Tally> {
        Ok(Tally::of_messages(&self.workspace.messages().search(phrase, limit, 0)?))
    }

    fn put_graph(&mut self, entities: &[Entity], relationships: &[Relationship]) -> Result<()> {
        let knowledge = self.workspace.knowledge();
        self.workspace.transaction(|| {
            knowledge.put_entities(entities)?;
            knowledge.put_relationships(relationships)
        })
    }

    fn traverse(&mut self, start: &str, depth: usize) -> Result<Tally> {
        Ok(Tally::of_graph(&self.workspace.knowledge().traverse(start, depth)?))
    }

    fn store_vectors(&mut self, embeddings: &[Embedding]) -> Result<()> {
        self.workspace.vectors().store(embeddings)
    }

    fn search_vectors(&mut self, query: &[f32], k: usize) -> Result<Tally> {
        Ok(Tally::of_neighbours(&self.workspace.vectors().search(query, k)?))
    }

    fn compact(
        &mut self,
        batch: usize,
        digest: &mut dyn FnMut(&[Message]) -> Digest,
    ) -> Result<usize> {
        self.workspace.compact(batch, digest)
    }

    fn settle(&mut self) -> Result<()> {
        checkpoint(self.workspace.connection())?;
        checkpoint(self.gateway.connection())
    }
}
