//! Deleting what is to be forgotten.

use std::collections::BTreeSet;

use sigil_core::{Forget, Forgotten, MetaValue, Metadata, Result, Summary};

use super::{WorkspaceData, check_id, not_found, number};

impl WorkspaceData {
    pub(super) fn forget(&mut self, what: &Forget) -> Result<Forgotten> {
        match what {
            Forget::Workspace => Ok(self.forget_everything()),
            Forget::Session(id) => {
                check_id(id)?;
                let forgotten = self.forget_sessions(&BTreeSet::from([id.clone()]));
                if forgotten.sessions == 0 && forgotten.messages == 0 {
                    return Err(not_found("session", id));
                }
                Ok(forgotten)
            }
            Forget::User(id) => {
                check_id(id)?;
                let of_user = self.sessions.iter().filter(|session| session.user_id == *id);
                let sessions = of_user.map(|session| session.id.clone()).collect();
                let mut forgotten = self.forget_sessions(&sessions);
                forgotten.facts += self.facts.remove(|fact| fact.source == *id);
                forgotten.vectors += self.forget_vectors(|_, metadata| {
                    ["user_id", "userId"].iter().any(|key| is_text(metadata, key, id))
                });
                Ok(forgotten)
            }
        }
    }

    fn forget_everything(&mut self) -> Forgotten {
        let forgotten = Forgotten {
            sessions: self.sessions.len(),
            transcript: self.transcripts.len(),
            messages: self.messages.len(),
            summaries: self.summaries.len(),
            entities: self.entities.len(),
            relationships: self.relationships.len(),
            facts: self.facts.len(),
            vectors: number(self.vectors.len()),
        };
        *self = WorkspaceData { made: self.made.take(), ..WorkspaceData::default() };
        forgotten
    }

    fn forget_sessions(&mut self, sessions: &BTreeSet<String>) -> Forgotten {
        let of_session = |session: &String| sessions.contains(session);
        let messages = self.transcripts.iter().chain(self.messages.iter());
        let messages: BTreeSet<String> = messages
            .filter(|message| of_session(&message.session_id))
            .map(|message| message.id.clone())
            .collect();
        let covers = |summary: &Summary| {
            summary.session_ids.iter().any(of_session)
                || summary.message_ids.iter().any(|id| messages.contains(id))
        };
        let summaries = self.summaries.iter().filter(|summary| covers(summary));
        let summaries: BTreeSet<String> = summaries.map(|summary| summary.id.clone()).collect();
        let extracted =
            |fact: &str| summaries.iter().any(|id| fact.starts_with(&format!("{id}-fact-")));
        let named =
            |id: &String| sessions.contains(id) || messages.contains(id) || summaries.contains(id);
        Forgotten {
            facts: self.facts.remove(|fact| {
                sessions.contains(&fact.source)
                    || messages.contains(&fact.source)
                    || extracted(&fact.id)
            }),
            vectors: self.forget_vectors(|id, metadata| {
                let keys = ["session_id", "sessionId"];
                let names = |key: &&str| sessions.iter().any(|id| is_text(metadata, key, id));
                named(id) || keys.iter().any(names)
            }),
            summaries: self.summaries.remove(|summary| summaries.contains(&summary.id)),
            transcript: self.transcripts.remove(|message| of_session(&message.session_id)),
            messages: self.messages.remove(|message| of_session(&message.session_id)),
            sessions: self.sessions.remove(|session| of_session(&session.id)),
            ..Forgotten::default()
        }
    }

    fn forget_vectors(&mut self, gone: impl Fn(&String, &Metadata) -> bool) -> i64 {
        let before = number(self.vectors.len());
        self.vectors.retain(|id, found| !gone(id, &found.1));
        before - number(self.vectors.len())
    }
}

fn is_text(metadata: &Metadata, key: &str, text: &str) -> bool {
    matches!(metadata.get(key), Some(MetaValue::Text(found)) if **found == *text)
}
