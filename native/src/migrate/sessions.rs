//! Sessions and their transcripts.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::json;
use sigil_core::{
    MESSAGE_BYTES_MAX, Message, Paging, Result, Session, SessionStatus, Timestamp, TokenBudget,
    TokenCount, ToolBudget, Workspace,
};

use super::batch::{Batch, Records, found};
use super::columns_of::{MESSAGES, SESSIONS};
use super::fields::Fields;
use super::ids::{self, Taken};
use super::messages;
use super::report::Place;
use super::run::Run;
use super::survey::{Kind, text_of};
use super::table::LegacyRow;

#[derive(Debug)]
struct Sessions<'w>(&'w Workspace);

impl Records for Sessions<'_> {
    type Record = Session;

    fn has(&self, session: &Session) -> Result<bool> {
        found(self.0.sessions().get(&session.id))
    }

    fn put(&self, sessions: &[Session]) -> Result<()> {
        self.0.transaction(|workspace| {
            sessions.iter().try_for_each(|session| workspace.sessions().create(session))
        })
    }
}

#[derive(Debug)]
struct Transcripts<'w>(&'w Workspace);

/// A message, and how many its session has before it.
type Said = (Message, i64);

impl Records for Transcripts<'_> {
    type Record = Said;

    fn has(&self, (message, before): &Said) -> Result<bool> {
        let paging = Paging { limit: 1, offset: *before, ..Paging::default() };
        Ok(!self.0.sessions().history(&message.session_id, &paging)?.is_empty())
    }

    fn put(&self, said: &[Said]) -> Result<()> {
        self.0.transaction(|workspace| {
            said.iter().try_for_each(|(message, _)| {
                workspace.sessions().append(&message.session_id, message)
            })
        })
    }
}

/// What became of the sessions, by their file and their old id.
type Became = HashMap<(usize, String), String>;

/// Takes over the sessions of a workspace with all their messages.
pub(crate) fn migrate(run: &mut Run<'_>, id: &str, target: Option<&Workspace>) -> Result<()> {
    let mut taken = Taken::default();
    let mut became = Became::new();
    let mut batch = Batch::new(target.map(Sessions), run.is_resuming);
    run.rows(id, Kind::Sessions, "sessions", |run, file, place, row| {
        let old = text_of(&row.cells[0]);
        let mut fields = run.fields(id, file, place, SESSIONS, row);
        let session = session(&mut fields, id, &mut taken);
        became.insert((file, old), session.id.clone());
        run.keep(fields, &session.id);
        run.advance(&place.file, 1)?;
        batch.push(session, 400)
    })?;
    for session in lost(run, id, &mut taken, &mut became)? {
        batch.push(session, 400)?;
    }
    batch.flush()?;
    transcripts(run, id, target, &became)
}

fn transcripts(
    run: &mut Run<'_>,
    id: &str,
    target: Option<&Workspace>,
    became: &Became,
) -> Result<()> {
    let mut taken = Taken::default();
    let mut counts: HashMap<String, i64> = HashMap::new();
    let mut batch = Batch::new(target.map(Transcripts), run.is_resuming);
    run.rows(id, Kind::Sessions, "messages", |run, file, place, row| {
        let old = text_of(&row.cells[1]);
        let session = became.get(&(file, old.clone())).cloned().unwrap_or_else(|| ids::clean(&old));
        let mut fields = run.fields(id, file, place, MESSAGES, row);
        if session != old {
            let done = format!("the message is in '{session}'");
            fields.repair("its session has another id now", done, json!(old));
        }
        run.advance(&place.file, 1)?;
        let Some(message) = messages::read(&mut fields, &mut taken, session) else {
            run.keep(fields, "");
            return Ok(());
        };
        run.keep(fields, &message.id);
        let count = counts.entry(message.session_id.clone()).or_default();
        let bytes = messages::bytes(&message);
        let said = (message, *count);
        *count += 1;
        batch.push(said, bytes)
    })?;
    batch.flush()
}

/// Sessions for the messages whose session is not there.
fn lost(
    run: &mut Run<'_>,
    id: &str,
    taken: &mut Taken,
    became: &mut Became,
) -> Result<Vec<Session>> {
    let mut first: BTreeMap<(usize, String), (Place, LegacyRow)> = BTreeMap::new();
    let there: HashSet<(usize, String)> = became.keys().cloned().collect();
    run.rows(id, Kind::Sessions, "messages", |_, file, place, row| {
        let key = (file, text_of(&row.cells[1]));
        if !there.contains(&key) {
            first.entry(key).or_insert_with(|| (place.clone(), row));
        }
        Ok(())
    })?;
    let mut sessions = Vec::new();
    for ((file, old), (place, row)) in first {
        let mut fields = Fields::new(&place, MESSAGES, row);
        let time: Option<Timestamp> = text_of(fields.cell("created_at")).parse().ok();
        let new = messages::claim(&mut fields, taken, ids::clean(&old));
        let done = format!("an archived session '{new}' was made for it");
        fields.repair("the session of the message is not there", done, json!(old));
        run.keep(fields, &new);
        became.insert((file, old), new.clone());
        let mut session = Session::new(new, id, ids::EMPTY, time.unwrap_or(Timestamp::ZERO));
        session.status = SessionStatus::Archived;
        sessions.push(session);
    }
    Ok(sessions)
}

fn session(fields: &mut Fields<'_>, workspace: &str, taken: &mut Taken) -> Session {
    let id = fields.id("id");
    let id = messages::claim(fields, taken, id);
    let status = fields.text("status");
    let status = SessionStatus::parse(&status).unwrap_or_else(|_| {
        fields.repair("status has no known meaning", "became 'paused'", json!(status));
        SessionStatus::Paused
    });
    let summary = fields.text("summary");
    Session {
        id,
        workspace_id: workspace.to_owned(),
        user_id: fields.id("user_id"),
        summary: fields.cut("summary", summary, MESSAGE_BYTES_MAX),
        last_compaction: fields.time("last_compaction"),
        model_override: fields.short_text("model_override"),
        tool_budget: ToolBudget {
            max_per_turn: number(fields, "tool_budget_max_calls_per_turn"),
            max_per_session: number(fields, "tool_budget_max_calls_per_session"),
            used: used(fields, "tool_budget_used", "tool_budget_max_calls_per_session"),
        },
        token_budget: TokenBudget {
            session: count(fields, "token_budget_per_session_limit", "token_budget_used_session"),
            hour: count(fields, "token_budget_per_hour_limit", "token_budget_used_hour"),
            day: count(fields, "token_budget_per_day_limit", "token_budget_used_day"),
        },
        status,
        created_at: fields.required_time("created_at"),
        updated_at: fields.required_time("updated_at"),
    }
}

fn count(fields: &mut Fields<'_>, max: &str, used_: &str) -> TokenCount {
    let used = used(fields, used_, max);
    TokenCount { max: number(fields, max), used }
}

fn number(fields: &mut Fields<'_>, name: &str) -> i64 {
    let value = fields.integer(name);
    if value < 0 {
        fields.repair(format!("{name} is negative"), "became 0", json!(value));
    }
    value.max(0)
}

/// What is used of a budget. What is used beyond it is cut: it stays used up, and the limit, which
/// somebody decided on, stays what it was.
fn used(fields: &mut Fields<'_>, name: &str, max: &str) -> i64 {
    let value = number(fields, name);
    let super::table::Cell::Integer(max) = *fields.cell(max) else { return value };
    if max > 0 && value > max {
        fields.repair(format!("{name} is past its limit"), format!("became {max}"), json!(value));
        return max;
    }
    value
}
