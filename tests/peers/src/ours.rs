//! Our stores as a side of the comparison.
//!
//! Records are converted from the benchmark's types inside what is measured.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use sigil_native::DataDirectory;
use sigil_native::core as sigil;
use sigil_native::core::{
    Gateway, Metadata, Paging, SearchOptions, TimeRange, Timestamp, Workspace,
};

use crate::contender::{Commits, Contender, Tally, Turn};
use crate::error::{Error, Result};
use crate::model::{self, Digest, Embedding, Message, Origin, Role, Session, SessionStatus};

const WORKSPACE: &str = "personal:bench";

/// A workspace and a gateway.
#[derive(Debug)]
pub struct Side {
    data: DataDirectory,
    workspace: std::sync::Arc<Workspace>,
    gateway: std::sync::Arc<Gateway>,
}

impl From<sigil::Error> for Error {
    fn from(error: sigil::Error) -> Error {
        Error::Input(format!("{error:?}"))
    }
}

impl Side {
    /// Opens or creates both stores in a directory.
    ///
    /// # Errors
    ///
    /// If one cannot be opened.
    pub fn open(directory: &Path, dimensions: usize) -> Result<Side> {
        let config = sigil::BackendConfig {
            vector_dimensions: i64::try_from(dimensions).unwrap_or(0),
            ..sigil::BackendConfig::default()
        };
        let data = DataDirectory::open(directory, config)?;
        Ok(Side { workspace: data.workspace(WORKSPACE)?, gateway: data.gateway()?, data })
    }

    fn turn_in_workspace(&self, turn: &Turn) -> Result<Tally> {
        let sessions = self.workspace.sessions();
        let mut session = sessions.get(&turn.session)?;
        sessions.append(&turn.session, &message(&turn.question))?;
        let window = sessions.active_window(&turn.session, count(turn.window))?;
        session.token_budget.session.used += turn.tokens;
        session.token_budget.hour.used += turn.tokens;
        session.token_budget.day.used += turn.tokens;
        sessions.update(&session)?;
        sessions.append(&turn.session, &message(&turn.answer))?;
        Ok(tally(&window))
    }
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn time(time: SystemTime) -> Timestamp {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_ns(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

fn system_time(time: Timestamp) -> SystemTime {
    UNIX_EPOCH + std::time::Duration::from_millis(time.unix_ms().unsigned_abs())
}

fn metadata(properties: &model::Properties) -> Result<Metadata> {
    Ok(Metadata::from_value(&serde_json::Value::Object(properties.clone()))?)
}

fn tally(messages: &[sigil::Message]) -> Tally {
    Tally {
        records: messages.len(),
        bytes: messages.iter().map(|message| message.content.len()).sum(),
    }
}

fn message(message: &Message) -> sigil::Message {
    sigil::Message {
        id: message.id.clone(),
        session_id: message.session_id.clone(),
        role: match message.role {
            Role::User => sigil::Role::User,
            Role::Assistant => sigil::Role::Assistant,
            Role::System => sigil::Role::System,
            Role::Tool => sigil::Role::Tool,
        },
        content: message.content.clone(),
        tool_call_id: message.tool_call_id.clone(),
        tool_name: message.tool_name.clone(),
        origin: message.origin.map(|origin| match origin {
            Origin::UserInput => sigil::Origin::UserInput,
            Origin::System => sigil::Origin::System,
            Origin::ToolOutput => sigil::Origin::ToolOutput,
        }),
        threat: message.threat.as_ref().map(|threat| sigil::ThreatInfo {
            scanned: threat.scanned,
            detected: threat.detected,
            rules: threat.rules.clone().unwrap_or_default(),
            stage: Some(match threat.stage {
                model::Stage::Input => sigil::ThreatStage::Input,
                model::Stage::Tool => sigil::ThreatStage::Tool,
                model::Stage::Output => sigil::ThreatStage::Output,
            }),
            bypassed: threat.bypassed,
            match_count: u32::try_from(threat.match_count).unwrap_or(0),
            highest_severity: threat.highest_severity.clone(),
        }),
        created_at: time(message.created_at),
        metadata: message.metadata.clone().unwrap_or_default(),
    }
}

/// What a digest is made of: the text, and what tells one message from another.
fn back(message: &sigil::Message) -> Message {
    Message {
        id: message.id.clone(),
        session_id: message.session_id.clone(),
        role: match message.role {
            sigil::Role::Assistant => Role::Assistant,
            sigil::Role::System => Role::System,
            sigil::Role::Tool => Role::Tool,
            _ => Role::User,
        },
        content: message.content.clone(),
        tool_call_id: message.tool_call_id.clone(),
        tool_name: message.tool_name.clone(),
        origin: None,
        threat: None,
        created_at: system_time(message.created_at),
        metadata: None,
    }
}

fn session(session: &Session) -> sigil::Session {
    let (tool, token) = (&session.tool_budget, &session.token_budget);
    let tokens = |max, used| sigil::TokenCount { max, used };
    sigil::Session {
        id: session.id.clone(),
        workspace_id: session.workspace_id.clone(),
        user_id: session.user_id.clone(),
        summary: session.summary.clone(),
        last_compaction: session.last_compaction.map(time),
        model_override: session.model_override.clone(),
        tool_budget: sigil::ToolBudget {
            max_per_turn: tool.max_per_turn,
            max_per_session: tool.max_per_session,
            used: tool.used,
        },
        token_budget: sigil::TokenBudget {
            session: tokens(token.max_session, token.used_session),
            hour: tokens(token.max_hour, token.used_hour),
            day: tokens(token.max_day, token.used_day),
        },
        status: match session.status {
            SessionStatus::Active => sigil::SessionStatus::Active,
            SessionStatus::Paused => sigil::SessionStatus::Paused,
            SessionStatus::Archived => sigil::SessionStatus::Archived,
        },
        created_at: time(session.created_at),
        updated_at: time(session.updated_at),
    }
}

impl Contender for Side {
    fn create_sessions(&mut self, sessions: &[Session]) -> Result<()> {
        Ok(self.workspace.transaction(|workspace| {
            sessions.iter().try_for_each(|it| workspace.sessions().create(&session(it)))
        })?)
    }

    fn append_to_sessions(&mut self, messages: &[Message]) -> Result<()> {
        Ok(self.workspace.transaction(|workspace| {
            let sessions = workspace.sessions();
            messages.iter().try_for_each(|it| sessions.append(&it.session_id, &message(it)))
        })?)
    }

    fn chat_turn(&mut self, turn: &Turn, commits: Commits) -> Result<Tally> {
        let tally = match commits {
            Commits::EachCall => self.turn_in_workspace(turn)?,
            Commits::OneTransaction => self.workspace.transaction(|_| {
                self.turn_in_workspace(turn)
                    .map_err(|error| sigil::Error::invalid(error.to_string()))
            })?,
        };
        let audit = &turn.audit;
        self.gateway.audit().append(&sigil::AuditEntry {
            id: audit.id.clone(),
            timestamp: time(audit.timestamp),
            action: audit.action.clone(),
            actor: audit.actor.clone(),
            plugin: audit.plugin.clone(),
            workspace_id: audit.workspace_id.clone(),
            session_id: audit.session_id.clone(),
            details: metadata(&audit.details)?,
            result: audit.result.clone(),
        })?;
        Ok(tally)
    }

    fn append(&mut self, messages: &[Message]) -> Result<()> {
        let messages: Vec<sigil::Message> = messages.iter().map(message).collect();
        Ok(self.workspace.messages().append_many(&messages)?)
    }

    fn active_window(&mut self, session: &str, limit: usize) -> Result<Tally> {
        Ok(tally(&self.workspace.sessions().active_window(session, count(limit))?))
    }

    fn range(&mut self, from: SystemTime, to: SystemTime) -> Result<Tally> {
        let range = TimeRange { from: Some(time(from)), to: Some(time(to)) };
        Ok(tally(&self.workspace.messages().range(&range, &Paging::default())?))
    }

    fn search(&mut self, phrase: &str, limit: usize) -> Result<Tally> {
        Ok(tally(&self.workspace.messages().search(phrase, &Paging::limit(count(limit)))?))
    }

    fn put_graph(
        &mut self,
        entities: &[model::Entity],
        relationships: &[model::Relationship],
    ) -> Result<()> {
        let entities = entities.iter().map(|it| {
            Ok(sigil::Entity {
                id: it.id.clone(),
                kind: it.kind.clone(),
                name: it.name.clone(),
                properties: metadata(&it.properties.clone().unwrap_or_default())?,
                created_at: time(it.created_at),
                updated_at: time(it.updated_at),
            })
        });
        let entities: Vec<sigil::Entity> = entities.collect::<Result<_>>()?;
        let relationships = relationships.iter().map(|it| {
            Ok(sigil::Relationship {
                id: it.id.clone(),
                from_id: it.from_id.clone(),
                to_id: it.to_id.clone(),
                kind: it.kind.clone(),
                metadata: metadata(&it.metadata.clone().unwrap_or_default())?,
                created_at: Timestamp::from_unix_ns(0),
            })
        });
        let relationships: Vec<sigil::Relationship> = relationships.collect::<Result<_>>()?;
        Ok(self.workspace.transaction(|workspace| {
            workspace.knowledge().put_entities(&entities)?;
            workspace.knowledge().put_relationships(&relationships)
        })?)
    }

    fn traverse(&mut self, start: &str, depth: usize) -> Result<Tally> {
        let traversal = sigil::Traversal { depth: count(depth), ..sigil::Traversal::default() };
        let graph = self.workspace.knowledge().traverse(start, &traversal)?;
        Ok(Tally {
            records: graph.entities.len() + graph.relationships.len(),
            bytes: graph.entities.iter().map(|entity| entity.name.len()).sum::<usize>()
                + graph.relationships.iter().map(|edge| edge.kind.len()).sum::<usize>(),
        })
    }

    fn store_vectors(&mut self, embeddings: &[Embedding]) -> Result<()> {
        let entries = embeddings.iter().map(|it| {
            Ok(sigil::VectorEntry {
                id: it.id.clone(),
                vector: it.vector.clone(),
                metadata: metadata(&it.metadata)?,
            })
        });
        Ok(self.workspace.vectors().store_many(&entries.collect::<Result<Vec<_>>>()?)?)
    }

    fn search_vectors(&mut self, query: &[f32], k: usize) -> Result<Tally> {
        let hits = self.workspace.vectors().search(query, k, &SearchOptions::default())?;
        Ok(Tally { records: hits.len(), bytes: hits.iter().map(|hit| hit.id.len()).sum() })
    }

    fn compact(
        &mut self,
        batch: usize,
        digest: &mut dyn FnMut(&[Message]) -> Digest,
    ) -> Result<usize> {
        let stores = self.workspace.stores();
        let Some(batch) = sigil::Batch::take(stores, batch)? else { return Ok(0) };
        let messages: Vec<Message> = batch.messages().iter().map(back).collect();
        let Digest { summary, facts, embedding } = digest(&messages);
        let facts = facts.into_iter().map(|fact| sigil::ExtractedFact {
            entity_id: fact.entity_id,
            predicate: fact.predicate,
            value: fact.value,
            confidence: fact.confidence,
        });
        let compacted = batch.commit(
            stores,
            &sigil::Digest {
                summary: summary.content,
                vector: embedding.vector,
                facts: facts.collect(),
            },
        )?;
        Ok(usize::try_from(compacted.messages).unwrap_or(0))
    }

    fn settle(&mut self) -> Result<()> {
        // Closing folds the log into the database and saves the indexes.
        let dimensions = self.workspace.vectors().options().dimensions;
        let path = self.data.path().to_owned();
        self.data.close()?;
        *self = Side::open(&path, dimensions)?;
        Ok(())
    }
}
