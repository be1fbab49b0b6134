//! Turns of a conversation: the session is read and updated, two messages are appended, a window of
//! 50 is read, and an audit entry is written.

use std::time::Duration;

use serde_json::json;

use super::{Options, Runs, fill, lanes, measure};
use crate::contender::{Commits, Turn};
use crate::error::Result;
use crate::model::{
    AuditEntry, Message, Properties, Role, Session, SessionStatus, TokenBudget, ToolBudget,
};
use crate::text::{Writer, beginning};

const SESSIONS: usize = 200;
const MESSAGES_IN_EACH: usize = 20;
const TURNS: usize = 1_000;
const WINDOW: usize = 50;

/// 1,000 turns of one session in a workspace of 200, for each way to commit.
///
/// # Errors
///
/// If a store fails.
pub fn run(options: &Options) -> Result<()> {
    let mut writer = Writer::new(1);
    let sessions = sessions(&mut writer, SESSIONS);
    let history: Vec<Message> = sessions
        .iter()
        .flat_map(|session| {
            writer.messages(&session.id, MESSAGES_IN_EACH, beginning(), Duration::from_secs(60))
        })
        .collect();
    let turns = turns(&mut writer, &sessions[0].id, options.scaled(TURNS, 40));
    for (name, commits) in [
        ("chat turn, each call its own commit", Commits::EachCall),
        ("chat turn, the workspace in one transaction", Commits::OneTransaction),
    ] {
        let mut runs = Runs::new();
        for _ in 0..options.runs {
            let mut lanes = lanes(options)?;
            fill(&mut lanes, |side| {
                side.create_sessions(&sessions)?;
                side.append_to_sessions(&history)
            })?;
            runs.add(measure(
                &mut lanes,
                turns.len(),
                |_, _| Ok(()),
                |side, n| side.chat_turn(&turns[n], commits),
            )?);
        }
        runs.report(name);
    }
    Ok(())
}

/// Active sessions with budgets.
pub(super) fn sessions(writer: &mut Writer, count: usize) -> Vec<Session> {
    (0..count)
        .map(|n| Session {
            id: writer.random().uuid(),
            workspace_id: "personal:bench".into(),
            user_id: format!("user-{}", n % 7),
            summary: writer.prose(100, 400),
            last_compaction: None,
            model_override: String::new(),
            tool_budget: ToolBudget { max_per_turn: 10, max_per_session: 1_000, used: 0 },
            token_budget: TokenBudget { max_session: 100_000_000, ..TokenBudget::default() },
            status: SessionStatus::Active,
            created_at: beginning(),
            updated_at: beginning(),
        })
        .collect()
}

fn turns(writer: &mut Writer, session: &str, count: usize) -> Vec<Turn> {
    let mut now = beginning() + Duration::from_secs(86_400);
    (0..count)
        .map(|n| {
            let asked = now;
            let answered = asked + Duration::from_millis(4_321);
            now += Duration::from_secs(30);
            let mut details = Properties::new();
            details.insert("model".into(), json!("large"));
            details.insert("tokens".into(), json!(1_234 + n));
            details.insert("excerpt".into(), json!(writer.prose(40, 120)));
            Turn {
                session: session.to_owned(),
                question: writer.message(session, Role::User, asked),
                answer: writer.message(session, Role::Assistant, answered),
                window: WINDOW,
                tokens: 1_234,
                audit: AuditEntry {
                    id: format!("aud-{}-{n}", 1_767_225_600_000_000_000_u64 + n as u64),
                    timestamp: answered,
                    action: "chat.turn".into(),
                    actor: "user-0".into(),
                    plugin: "core".into(),
                    workspace_id: "personal:bench".into(),
                    session_id: session.to_owned(),
                    details,
                    result: "ok".into(),
                },
            }
        })
        .collect()
}
