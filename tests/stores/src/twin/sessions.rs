//! Sessions and their transcripts.

use sigil_core::{
    Error, Message, Page, Paging, Result, Session, SessionQuery, SessionStore, Timestamp,
};

use super::table::{Order, page, records};
use super::{TwinWorkspace, check_id, not_found, number, taken, wanted};

impl TwinWorkspace {
    fn check_session(&self, session: &Session) -> Result<()> {
        session.validate()?;
        if session.workspace_id != self.id {
            return Err(Error::invalid("the session is of another workspace"));
        }
        Ok(())
    }
}

impl SessionStore for TwinWorkspace {
    fn create(&self, session: &Session) -> Result<()> {
        self.check_session(session)?;
        self.data.write(|data| {
            if data.sessions.contains(|there| there.id == session.id) {
                return Err(taken("session", &session.id));
            }
            data.sessions.push(session.clone());
            Ok(())
        })
    }

    fn get(&self, id: &str) -> Result<Session> {
        self.data.read(|data| {
            let found = data.sessions.find(|session| session.id == id);
            found.cloned().ok_or_else(|| not_found("session", id))
        })
    }

    fn update(&self, session: &Session) -> Result<Timestamp> {
        self.check_session(session)?;
        let updated_at = Timestamp::from_unix_ns(self.host.now_ns());
        self.data.write(|data| {
            let there = data.sessions.find(|there| there.id == session.id);
            let there = there.ok_or_else(|| not_found("session", &session.id))?;
            let created_at = there.created_at;
            let session = Session { created_at, updated_at, ..session.clone() };
            data.sessions.put(|there| there.id == session.id, session.clone());
            Ok(updated_at)
        })
    }

    fn list(&self, query: &SessionQuery) -> Result<Page<Session>> {
        self.data.read(|data| {
            let rows = data.sessions.sorted(
                |session| session.created_at,
                |session| {
                    wanted(&session.user_id, query.user_id.as_deref())
                        && query.status.is_none_or(|status| status == session.status)
                },
            );
            Ok(page(rows, Order::NewestFirst, &query.paging, Some(100)))
        })
    }

    fn delete(&self, id: &str) -> Result<()> {
        self.data.write(|data| {
            if data.sessions.remove(|session| session.id == id) == 0 {
                return Err(not_found("session", id));
            }
            data.transcripts.remove(|message| message.session_id == id);
            Ok(())
        })
    }

    fn append(&self, id: &str, message: &Message) -> Result<()> {
        check_id(id)?;
        message.validate()?;
        self.data.write(|data| {
            if !data.sessions.contains(|session| session.id == id) {
                return Err(not_found("session", id));
            }
            if data.transcripts.contains(|there| there.id == message.id) {
                return Err(taken("message", &message.id));
            }
            data.transcripts.push(Message { session_id: id.to_owned(), ..message.clone() });
            Ok(())
        })
    }

    fn active_window(&self, id: &str, n: i64) -> Result<Vec<Message>> {
        self.data.read(|data| {
            let all = data.transcripts.sorted(|message| message.created_at, |m| m.session_id == id);
            let mut messages = records(all);
            let keep = usize::try_from(n).unwrap_or(usize::MAX);
            if n >= 0 && number(messages.len()) > n {
                messages.drain(..messages.len() - keep);
            }
            Ok(messages)
        })
    }

    fn history(&self, id: &str, paging: &Paging) -> Result<Page<Message>> {
        self.data.read(|data| {
            let all = data.transcripts.sorted(|message| message.created_at, |m| m.session_id == id);
            Ok(page(all, Order::OldestFirst, paging, Some(100)))
        })
    }
}
