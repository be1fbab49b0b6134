//! Messages: what was said, by whom, and what was found in it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Page, Paging, TimeRange, check_id, check_len, check_text, named};
use crate::error::{Error, Result};
use crate::time::Timestamp;

/// The longest content of a message, and of a summary, in bytes of UTF-8.
pub const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// The longest metadata of a message, keys and values together, in bytes of UTF-8.
const METADATA_BYTES_MAX: usize = 64 << 10;

named! {
    /// Who said a message.
    Role, "role" {
        /// The person.
        User = "user",
        /// The agent.
        Assistant = "assistant",
        /// The program around both.
        System = "system",
        /// A tool, answering a call of the agent.
        Tool = "tool",
    }
}

named! {
    /// Where the text of a message comes from.
    Origin, "origin" {
        /// A person typed it.
        UserInput = "user_input",
        /// The program wrote it.
        System = "system",
        /// A tool gave it.
        ToolOutput = "tool_output",
    }
}

named! {
    /// Where a message was scanned for threats.
    ThreatStage, "stage of a scan" {
        /// On its way in.
        Input = "input",
        /// As the answer of a tool.
        Tool = "tool",
        /// On its way out.
        Output = "output",
    }
}

/// What a scanner for threats found in a message. A message that was never scanned has none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ThreatInfo {
    /// Whether the scanner ran.
    pub scanned: bool,
    /// Whether it found something.
    pub detected: bool,
    /// The rules that matched, in the scanner's order.
    #[serde(deserialize_with = "null_is_empty")]
    pub rules: Vec<String>,
    /// Where the message was scanned.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "empty_is_none")]
    pub stage: Option<ThreatStage>,
    /// Whether scanning was left out on purpose, which must not be read as clean.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub bypassed: bool,
    /// How often rules matched.
    #[serde(alias = "match_count", skip_serializing_if = "is_zero")]
    pub match_count: u32,
    /// The worst of what matched, in the scanner's words; empty for none.
    #[serde(alias = "highest_severity", skip_serializing_if = "String::is_empty")]
    pub highest_severity: String,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

fn null_is_empty<'de, D: serde::Deserializer<'de>>(rules: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::deserialize(rules)?.unwrap_or_default())
}

fn empty_is_none<'de, D: serde::Deserializer<'de>>(
    stage: D,
) -> Result<Option<ThreatStage>, D::Error> {
    let stage: Option<String> = Option::deserialize(stage)?;
    let stage = stage.filter(|name| !name.is_empty());
    stage.map(|name| ThreatStage::parse(&name).map_err(serde::de::Error::custom)).transpose()
}

impl ThreatInfo {
    /// The scanner ran at `stage` and found nothing.
    pub fn clean(stage: ThreatStage) -> ThreatInfo {
        ThreatInfo { scanned: true, stage: Some(stage), ..ThreatInfo::default() }
    }

    /// Checks that the flags do not contradict each other.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) saying which do.
    pub fn validate(&self) -> Result<()> {
        let wrong = |what: &str| Err(Error::invalid(format!("the threat info {what}")));
        match self {
            ThreatInfo { detected: true, bypassed: true, .. } => wrong("is detected and bypassed"),
            ThreatInfo { scanned: true, bypassed: true, .. } => wrong("is scanned and bypassed"),
            ThreatInfo { detected: true, scanned: false, .. } => wrong("is detected, not scanned"),
            ThreatInfo { detected: true, rules, .. } if rules.is_empty() => {
                wrong("is detected, but no rule matched")
            }
            ThreatInfo { detected: false, rules, .. } if !rules.is_empty() => {
                wrong("has rules that matched, but is not detected")
            }
            _ => {
                let rules: usize = self.rules.iter().map(String::len).sum();
                check_text("the threat info's severity", &self.highest_severity)?;
                limit("the threat info's rules", rules)
            }
        }
    }
}

fn limit(what: &str, bytes: usize) -> Result<()> {
    if bytes <= METADATA_BYTES_MAX {
        return Ok(());
    }
    Err(Error::new(
        crate::ErrorKind::Limit,
        format!("{what} have {bytes} bytes, the limit is {METADATA_BYTES_MAX}: shorten them"),
    ))
}

/// One message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Message {
    /// Its id.
    pub id: String,
    /// The session it belongs to.
    pub session_id: String,
    /// Who said it.
    pub role: Role,
    /// What was said; only a tool may say nothing.
    #[serde(default)]
    pub content: String,
    /// The call a tool answers; empty, or set together with the tool's name.
    #[serde(default)]
    pub tool_call_id: String,
    /// The tool; empty, or set together with the call's id.
    #[serde(default)]
    pub tool_name: String,
    /// Where the text comes from; `None` in data from before it was noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// What the scanner found; `None` when it never ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threat: Option<ThreatInfo>,
    /// When it was said.
    pub created_at: Timestamp,
    /// Whatever else there is to say of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

impl Message {
    /// A message without tool, origin, threat and metadata.
    ///
    /// ```
    /// use sigil_core::{Message, Role, Timestamp};
    /// let message = Message::new("m1", "s1", Role::User, "hello", Timestamp::from_unix_ns(0));
    /// assert!(message.validate().is_ok());
    /// assert!(Message { content: String::new(), ..message }.validate().is_err());
    /// ```
    pub fn new(
        id: impl Into<String>,
        session_id: impl Into<String>,
        role: Role,
        content: impl Into<String>,
        now: Timestamp,
    ) -> Message {
        Message {
            id: id.into(),
            session_id: session_id.into(),
            role,
            content: content.into(),
            tool_call_id: String::new(),
            tool_name: String::new(),
            origin: None,
            threat: None,
            created_at: now,
            metadata: BTreeMap::new(),
        }
    }

    /// Checks the rules that a stored message keeps.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) or [`Limit`](crate::ErrorKind::Limit),
    /// naming the field.
    pub fn validate(&self) -> Result<()> {
        check_id("the message's id", &self.id)?;
        check_id("the message's session id", &self.session_id)?;
        if self.content.is_empty() && self.role != Role::Tool {
            return Err(Error::invalid("the message's content is empty: only a tool's may be"));
        }
        check_len("the message's content", &self.content, MESSAGE_BYTES_MAX)?;
        if self.tool_call_id.is_empty() != self.tool_name.is_empty() {
            return Err(Error::invalid(
                "the message has a tool's name or its call's id, but not both: set both or none",
            ));
        }
        check_text("the message's tool call id", &self.tool_call_id)?;
        check_text("the message's tool name", &self.tool_name)?;
        let pairs = self.metadata.iter();
        limit("the message's metadata", pairs.map(|(key, value)| key.len() + value.len()).sum())?;
        self.threat.as_ref().map_or(Ok(()), ThreatInfo::validate)
    }
}

/// The messages of one workspace that are searched, and compacted into summaries.
pub trait MessageStore {
    /// Stores a message.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) and [`Limit`](crate::ErrorKind::Limit);
    /// [`Conflict`](crate::ErrorKind::Conflict) when the id is taken.
    fn append(&self, message: &Message) -> Result<()>;

    /// Stores many messages, all or none, with one commit.
    ///
    /// # Errors
    /// As [`append`](MessageStore::append).
    fn append_many(&self, messages: &[Message]) -> Result<()>;

    /// The message with this id.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound).
    fn get(&self, id: &str) -> Result<Message>;

    /// The messages that hold the words of `phrase` next to each other and in this order, newest
    /// first, 50 by default.
    ///
    /// Words are what SQLite's unicode61 tokenizer makes of a text: letters and digits, without
    /// case and diacritics. Everything else separates words and means nothing, so no text of a
    /// query is an error; one without words matches nothing.
    ///
    /// # Errors
    /// Storage kinds.
    fn search(&self, phrase: &str, paging: &Paging) -> Result<Page<Message>>;

    /// The messages of a stretch of time whose end does not belong to it, oldest first, without
    /// limit by default.
    ///
    /// # Errors
    /// Storage kinds.
    fn range(&self, range: &TimeRange, paging: &Paging) -> Result<Page<Message>>;

    /// The oldest `n` messages, oldest first.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) when `n` is not positive.
    fn oldest(&self, n: i64) -> Result<Vec<Message>>;

    /// How many there are.
    ///
    /// # Errors
    /// Storage kinds.
    fn count(&self) -> Result<i64>;

    /// Deletes the messages with these ids, with one commit, and says how many there were.
    ///
    /// # Errors
    /// Storage kinds.
    fn delete(&self, ids: &[&str]) -> Result<i64>;

    /// Deletes all but the newest `keep` messages, and says how many those were: all of them when
    /// `keep` is 0, none when it is negative.
    ///
    /// # Errors
    /// Storage kinds.
    fn trim(&self, keep: i64) -> Result<i64>;
}
