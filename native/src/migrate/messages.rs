//! A message of the old program as one of ours; transcripts and memory have the same.

use serde_json::json;
use sigil_core::{Message, Origin, Role};

use super::fields::Fields;
use super::ids::Taken;
use super::json;

/// The message of a row, in the session `session_id`; `None` when no store can hold it.
pub(crate) fn read(
    fields: &mut Fields<'_>,
    taken: &mut Taken,
    session_id: String,
) -> Option<Message> {
    let id = fields.id("id");
    let id = claim(fields, taken, id);
    let mut metadata = json::string_map(fields, "metadata");
    let role = fields.text("role");
    let role = Role::parse(&role).unwrap_or_else(|_| {
        metadata.insert(json::keep_text(fields, "role", "has no known meaning", &role), role);
        // The least that a text may be trusted.
        Role::User
    });
    let mut content = fields.content("content");
    if content.is_empty() && role != Role::Tool {
        content = "(no content)".to_owned();
        fields.repair("content is empty", format!("became '{content}'"), json!(""));
    }
    let mut tool_call_id = fields.short_text("tool_call_id");
    let mut tool_name = fields.short_text("tool_name");
    if tool_call_id.is_empty() != tool_name.is_empty() {
        let was = json!({ "tool_call_id": tool_call_id, "tool_name": tool_name });
        let missing = if tool_name.is_empty() { &mut tool_name } else { &mut tool_call_id };
        missing.push_str("unknown");
        fields.repair("it has a tool's call or its name, but not both", "became 'unknown'", was);
    }
    let origin = fields.text("origin");
    let origin = match Origin::parse(&origin) {
        Ok(origin) => Some(origin),
        Err(_) if origin.is_empty() => None,
        Err(_) => {
            metadata
                .insert(json::keep_text(fields, "origin", "has no known meaning", &origin), origin);
            None
        }
    };
    let threat = json::threat(fields, "threat_info", &mut metadata);
    let created_at = fields.required_time("created_at");
    let metadata = json::shortened(fields, "metadata", metadata);
    let message = Message {
        id,
        session_id,
        role,
        content,
        tool_call_id,
        tool_name,
        origin,
        threat,
        created_at,
        metadata,
    };
    is_kept(fields, message.validate()).then_some(message)
}

/// The first id like `id` that is free.
pub(crate) fn claim(fields: &mut Fields<'_>, taken: &mut Taken, id: String) -> String {
    let claimed = taken.claim(id.clone());
    if claimed != id {
        fields.repair("another record has its id", format!("became '{claimed}'"), json!(id));
    }
    claimed
}

/// Whether a record that was `checked` can be stored; notes the whole row where it cannot.
pub(crate) fn is_kept(fields: &mut Fields<'_>, checked: sigil_core::Result<()>) -> bool {
    match checked {
        Ok(()) => true,
        Err(error) => {
            let row = fields.row();
            let wrong = format!("no store can hold it: {error}");
            fields.repair(wrong, "left out; the whole row is in this report", row);
            false
        }
    }
}

/// About how many bytes a message takes.
pub(crate) fn bytes(message: &Message) -> usize {
    let pairs = message.metadata.iter().map(|(key, value)| key.len() + value.len());
    200 + message.content.len() + pairs.sum::<usize>()
}
