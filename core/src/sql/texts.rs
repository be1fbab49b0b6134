//! The text indexes of a workspace: messages, summaries and facts.

use super::schema::{FACT_SOURCE, MESSAGE_SOURCE, SUMMARY_SOURCE};
use crate::engine::Database;
use crate::error::Result;
use crate::store::Store;
use crate::text_index::{self, NewRows, TextIndexInfo, TextIndexOptions};

/// The text indexes of a workspace, whose hits are numbers of rows.
#[derive(Debug)]
pub(super) struct Texts {
    pub(super) messages: TextIndexInfo,
    pub(super) summaries: TextIndexInfo,
    pub(super) facts: TextIndexInfo,
}

impl Texts {
    /// Opens them, inside a transaction, and makes those that are not there or were made otherwise.
    pub(super) fn open(tx: &Database) -> Result<Texts> {
        let texts = |table: &str, columns: &[&str]| {
            let mut options = TextIndexOptions::new(table, columns.iter().copied());
            options.time = Some("created_at".to_owned());
            options.text.bigrams = true;
            options
        };
        let mut messages = texts("sigil_message", &["content"]);
        messages.attributes =
            ["session_id", "role", "origin", "tool_name"].map(str::to_owned).to_vec();
        messages.metadata = Some("metadata".to_owned());
        let mut summaries = texts("sigil_summary", &["content"]);
        summaries.attributes = vec!["status".to_owned()];
        let mut facts = texts("sigil_fact", &["entity_id", "predicate", "value"]);
        facts.attributes =
            ["entity_id", "predicate", "confidence", "source"].map(str::to_owned).to_vec();
        let known = text_index::list(tx)?;
        let open = |name: &str, options: &TextIndexOptions, source: i64| {
            if let Some(info) = known.iter().find(|info| info.name == name) {
                if info.options == *options && info.source == source {
                    return Ok(info.clone());
                }
                text_index::remove(tx, info)?;
            }
            text_index::create(tx, name, options, NewRows::Highest(source))
        };
        Ok(Texts {
            messages: open("sigil_message", &messages, MESSAGE_SOURCE)?,
            summaries: open("sigil_summary", &summaries, SUMMARY_SOURCE)?,
            facts: open("sigil_fact", &facts, FACT_SOURCE)?,
        })
    }

    /// Lets them follow what was written, when it has become much.
    pub(super) fn follow(&self, store: &Store) {
        if store.database().in_transaction() {
            return;
        }
        for info in [&self.messages, &self.summaries, &self.facts] {
            // The write is done; an index that cannot be opened says so when it is searched.
            let _ = store.open_text_index(info);
        }
        store.after_write();
    }
}
