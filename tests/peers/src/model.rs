//! The records of the stores.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

macro_rules! names {
    ($(#[$doc:meta])* $type:ident { $($(#[$variant_doc:meta])* $variant:ident = $name:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $type {
            $($(#[$variant_doc])* #[serde(rename = $name)] $variant),+
        }

        impl $type {
            /// The name under which it is stored.
            pub fn name(self) -> &'static str {
                match self { $($type::$variant => $name),+ }
            }

            /// The value of a stored name.
            pub fn from_name(name: &str) -> Option<$type> {
                match name { $($name => Some($type::$variant),)+ _ => None }
            }
        }
    };
}

names!(
    /// Whether a session takes messages.
    SessionStatus {
        /// It does.
        Active = "active",
        /// Not for now.
        Paused = "paused",
        /// Never again.
        Archived = "archived",
    }
);

names!(
    /// Who speaks.
    Role {
        /// The user.
        User = "user",
        /// The model.
        Assistant = "assistant",
        /// The program.
        System = "system",
        /// A tool that the model called.
        Tool = "tool",
    }
);

names!(
    /// Where a message came from.
    Origin {
        /// Typed by a user.
        UserInput = "user_input",
        /// Written by the program.
        System = "system",
        /// Returned by a tool.
        ToolOutput = "tool_output",
    }
);

names!(
    /// At which stage a message was scanned.
    Stage {
        /// On its way in.
        Input = "input",
        /// Around a tool.
        Tool = "tool",
        /// On its way out.
        Output = "output",
    }
);

/// How many tool calls a session may make, and has made. 0 means without a limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ToolBudget {
    /// At most in one turn.
    pub max_per_turn: i64,
    /// At most in the session.
    pub max_per_session: i64,
    /// So far.
    pub used: i64,
}

/// How many tokens a session may use, and has used: in all, this hour, today. 0 means no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenBudget {
    /// At most in the session.
    pub max_session: i64,
    /// At most in an hour.
    pub max_hour: i64,
    /// At most in a day.
    pub max_day: i64,
    /// So far in the session.
    pub used_session: i64,
    /// So far this hour.
    pub used_hour: i64,
    /// So far today.
    pub used_day: i64,
}

/// A conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: String,
    /// Its workspace.
    pub workspace_id: String,
    /// Whose it is.
    pub user_id: String,
    /// What was said so far, in short.
    pub summary: String,
    /// When it was last compacted.
    pub last_compaction: Option<SystemTime>,
    /// A model other than the usual one.
    pub model_override: String,
    /// Its tool calls.
    pub tool_budget: ToolBudget,
    /// Its tokens.
    pub token_budget: TokenBudget,
    /// Whether it takes messages.
    pub status: SessionStatus,
    /// When it began.
    pub created_at: SystemTime,
    /// When it was last written; set by the store on update.
    pub updated_at: SystemTime,
}

/// What the scanner made of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Threat {
    /// Whether it was scanned.
    pub scanned: bool,
    /// Whether anything was found.
    pub detected: bool,
    /// By which rules.
    pub rules: Option<Vec<String>>,
    /// At which stage.
    pub stage: Stage,
    /// Whether scanning was bypassed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bypassed: bool,
    /// How many matches.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub match_count: i64,
    /// The worst of them.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub highest_severity: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id.
    pub id: String,
    /// Its session.
    pub session_id: String,
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
    /// The tool call it answers, if any.
    pub tool_call_id: String,
    /// The tool of that call.
    pub tool_name: String,
    /// Where it came from; none in old messages.
    pub origin: Option<Origin>,
    /// What the scanner made of it; none if it never ran.
    pub threat: Option<Threat>,
    /// When it was said.
    pub created_at: SystemTime,
    /// Anything else.
    pub metadata: Option<BTreeMap<String, String>>,
}

/// A summary of messages that are no longer kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Its id.
    pub id: String,
    /// The time of the first message.
    pub from_time: SystemTime,
    /// The time of the last message.
    pub to_time: SystemTime,
    /// The summary.
    pub content: String,
    /// The messages it stands for.
    pub message_ids: Vec<String>,
    /// When it was made.
    pub created_at: SystemTime,
    /// Whether readers see it.
    pub committed: bool,
}

/// Properties of an entity or metadata of a relationship.
pub type Properties = serde_json::Map<String, serde_json::Value>;

/// Something that is known of.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity {
    /// Its id.
    pub id: String,
    /// Its type.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its properties.
    pub properties: Option<Properties>,
    /// When it was first put.
    pub created_at: SystemTime,
    /// When it was last put.
    pub updated_at: SystemTime,
}

/// A typed edge from one entity to another.
#[derive(Debug, Clone, PartialEq)]
pub struct Relationship {
    /// Its id.
    pub id: String,
    /// Where it begins.
    pub from_id: String,
    /// Where it ends.
    pub to_id: String,
    /// Its type.
    pub kind: String,
    /// Its metadata.
    pub metadata: Option<Properties>,
}

/// A statement about an entity.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// Its id.
    pub id: String,
    /// The entity.
    pub entity_id: String,
    /// What is stated of it.
    pub predicate: String,
    /// The value.
    pub value: String,
    /// How sure, from 0 to 1.
    pub confidence: f64,
    /// Where it is from.
    pub source: String,
    /// When it was stated.
    pub created_at: SystemTime,
}

/// What a traversal reached: entities, and the relationships among them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Graph {
    /// The entities, the start included.
    pub entities: Vec<Entity>,
    /// Every relationship with both ends reached.
    pub relationships: Vec<Relationship>,
}

/// A vector to be stored under an id.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// The id.
    pub id: String,
    /// The vector.
    pub vector: Vec<f32>,
    /// Its metadata.
    pub metadata: Properties,
}

/// A hit of a vector search.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbour {
    /// The id.
    pub id: String,
    /// The L2 distance: 0 is the same.
    pub distance: f64,
    /// The stored metadata.
    pub metadata: Properties,
}

/// A line of the audit log.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Its id.
    pub id: String,
    /// When.
    pub timestamp: SystemTime,
    /// What was done.
    pub action: String,
    /// By whom.
    pub actor: String,
    /// By which plugin.
    pub plugin: String,
    /// In which workspace.
    pub workspace_id: String,
    /// In which session.
    pub session_id: String,
    /// Anything else.
    pub details: Properties,
    /// How it went.
    pub result: String,
}

/// What is kept of a batch of messages: a summary, facts, and the summary's vector.
#[derive(Debug, Clone, PartialEq)]
pub struct Digest {
    /// The summary, which stands for the whole batch.
    pub summary: Summary,
    /// Facts found in the batch.
    pub facts: Vec<Fact>,
    /// The vector of the summary, under the summary's id.
    pub embedding: Embedding,
}
