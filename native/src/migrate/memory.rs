//! The messages that are searched, and the summaries.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};
use sigil_core::{Message, Result, Summary, SummaryStatus, Workspace};

use super::batch::{Batch, Records, found};
use super::columns_of::{MEMORY_MESSAGES, SUMMARIES};
use super::fields::Fields;
use super::ids::{self, Taken};
use super::messages::{self, is_kept};
use super::run::Run;
use super::survey::{Kind, text_of};

#[derive(Debug)]
struct Messages<'w>(&'w Workspace);

impl Records for Messages<'_> {
    type Record = Message;

    fn has(&self, message: &Message) -> Result<bool> {
        found(self.0.messages().get(&message.id))
    }

    fn put(&self, messages: &[Message]) -> Result<()> {
        self.0.messages().append_many(messages)
    }
}

#[derive(Debug)]
struct Summaries<'w>(&'w Workspace);

impl Records for Summaries<'_> {
    type Record = Summary;

    fn has(&self, summary: &Summary) -> Result<bool> {
        found(self.0.summaries().get(&summary.id))
    }

    fn put(&self, summaries: &[Summary]) -> Result<()> {
        self.0.transaction(|workspace| {
            summaries.iter().try_for_each(|summary| workspace.summaries().store(summary))
        })
    }
}

/// Takes over the messages and the summaries of a workspace.
pub(crate) fn migrate(run: &mut Run<'_>, id: &str, target: Option<&Workspace>) -> Result<()> {
    let mut taken = Taken::default();
    let mut batch = Batch::new(target.map(Messages), run.is_resuming);
    run.rows(id, Kind::Memory, "memory_messages", |run, file, place, row| {
        let mut fields = run.fields(id, file, place, MEMORY_MESSAGES, row);
        no_workspace(&mut fields, id);
        let session = fields.id("session_id");
        let message = messages::read(&mut fields, &mut taken, session);
        run.keep(fields, message.as_ref().map_or("", |message| &message.id));
        run.advance(&place.file, 1)?;
        message.map_or(Ok(()), |message| {
            let bytes = messages::bytes(&message);
            batch.push(message, bytes)
        })
    })?;
    batch.flush()?;
    let sessions = sessions_of_messages(run, id)?;
    let mut taken = Taken::default();
    let mut batch = Batch::new(target.map(Summaries), run.is_resuming);
    run.rows(id, Kind::Memory, "summaries", |run, file, place, row| {
        let mut fields = run.fields(id, file, place, SUMMARIES, row);
        no_workspace(&mut fields, id);
        let summary = summary(&mut fields, &mut taken, &sessions);
        run.keep(fields, summary.as_ref().map_or("", |summary| &summary.id));
        run.advance(&place.file, 1)?;
        summary.map_or(Ok(()), |summary| {
            let bytes = 300 + summary.content.len() + 40 * summary.message_ids.len();
            batch.push(summary, bytes)
        })
    })?;
    batch.flush()
}

fn no_workspace(fields: &mut Fields<'_>, id: &str) {
    if text_of(fields.cell("workspace_id")).is_empty() {
        fields.repair("workspace_id is empty", format!("became '{id}'"), json!(""));
    }
}

/// The sessions of the messages that summaries name, as far as those messages are still there.
fn sessions_of_messages(run: &mut Run<'_>, id: &str) -> Result<HashMap<String, String>> {
    let mut named: HashSet<String> = HashSet::new();
    run.rows(id, Kind::Memory, "summaries", |_, _, _, row| {
        if let Ok(Value::Array(ids)) = serde_json::from_str(&text_of(&row.cells[5])) {
            named.extend(ids.iter().filter_map(|id| id.as_str().map(ids::clean)));
        }
        Ok(())
    })?;
    let mut sessions = HashMap::new();
    for (kind, table) in [(Kind::Sessions, "messages"), (Kind::Memory, "memory_messages")] {
        run.rows(id, kind, table, |_, _, _, row| {
            let message = ids::clean(&text_of(&row.cells[0]));
            if named.contains(&message) {
                sessions.insert(message, ids::clean(&text_of(&row.cells[1])));
            }
            Ok(())
        })?;
    }
    Ok(sessions)
}

fn summary(
    fields: &mut Fields<'_>,
    taken: &mut Taken,
    sessions: &HashMap<String, String>,
) -> Option<Summary> {
    let id = fields.id("id");
    let id = messages::claim(fields, taken, id);
    let message_ids = message_ids(fields);
    let mut session_ids: Vec<String> = Vec::new();
    for session in message_ids.iter().filter_map(|id| sessions.get(id)) {
        if !session_ids.contains(session) {
            session_ids.push(session.clone());
        }
    }
    let status = match fields.cell("status") {
        // The column came later, and what was there before it was finished.
        super::table::Cell::Absent => SummaryStatus::Committed,
        _ => {
            let status = fields.text("status");
            SummaryStatus::parse(&status).unwrap_or_else(|_| {
                fields.repair("status has no known meaning", "became 'pending'", json!(status));
                SummaryStatus::Pending
            })
        }
    };
    let mut from_time = fields.required_time("from_time");
    let mut to_time = fields.required_time("to_time");
    if from_time > to_time {
        let was = json!({ "from_time": from_time, "to_time": to_time });
        fields.repair("it ends before it begins", "the ends were exchanged", was);
        (from_time, to_time) = (to_time, from_time);
    }
    let summary = Summary {
        id,
        from_time,
        to_time,
        content: fields.content("content"),
        message_ids,
        session_ids,
        status,
        created_at: fields.required_time("created_at"),
    };
    is_kept(fields, summary.validate()).then_some(summary)
}

fn message_ids(fields: &mut Fields<'_>) -> Vec<String> {
    let items = match fields.json("message_ids") {
        Ok(None | Some(Value::Null)) => return Vec::new(),
        Ok(Some(Value::Array(items))) => items,
        Ok(Some(other)) => {
            fields.repair("message_ids is no list", "became an empty one", other);
            return Vec::new();
        }
        Err(text) => {
            fields.repair("message_ids is no JSON", "became an empty list", json!(text));
            return Vec::new();
        }
    };
    let mut ids = Vec::with_capacity(items.len());
    for item in items {
        match item {
            Value::String(id) => ids.push(fields.clean("an id in message_ids", &id)),
            other => {
                let id = ids::clean(&other.to_string());
                fields.repair("an id in message_ids is no text", format!("became '{id}'"), other);
                ids.push(id);
            }
        }
    }
    ids
}
