//! Sessions: conversations with their budgets and their own messages.

use serde::{Deserialize, Serialize};

use super::{Message, Page, Paging, check_id, check_len, check_text, named, wide};
use crate::error::{Error, Result};
use crate::time::Timestamp;

/// The longest summary of a session, in bytes of UTF-8.
pub(crate) const SESSION_SUMMARY_BYTES_MAX: usize = super::MESSAGE_BYTES_MAX;

named! {
    /// Where a session is in its life.
    SessionStatus, "status of a session" {
        /// In use.
        Active = "active",
        /// Set aside.
        Paused = "paused",
        /// Over; kept for reading.
        Archived = "archived",
    }
}

/// How many tool calls a session may make, and has made. 0 means unlimited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ToolBudget {
    /// The most calls in one turn.
    #[serde(with = "wide")]
    pub max_per_turn: i64,
    /// The most calls in the session.
    #[serde(with = "wide")]
    pub max_per_session: i64,
    /// The calls made so far.
    #[serde(with = "wide")]
    pub used: i64,
}

impl ToolBudget {
    /// Checks that no number is negative and that no more is used than the session allows.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) naming the number.
    pub fn validate(&self) -> Result<()> {
        not_negative("the tool budget's max_per_turn", self.max_per_turn)?;
        within("the tool budget's calls per session", self.used, self.max_per_session)
    }
}

/// How many tokens may be used, and are. A maximum of 0 means unlimited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct TokenCount {
    /// The most tokens.
    #[serde(with = "wide")]
    pub max: i64,
    /// The tokens used so far.
    #[serde(with = "wide")]
    pub used: i64,
}

/// The tokens of a session: in all, in this hour, in this day.
///
/// The counters are the caller's; nothing resets them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct TokenBudget {
    /// In the whole session.
    pub session: TokenCount,
    /// In this hour.
    pub hour: TokenCount,
    /// In this day.
    pub day: TokenCount,
}

impl TokenBudget {
    /// Checks that no number is negative and that no more is used than each maximum.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) naming the number.
    pub fn validate(&self) -> Result<()> {
        within("the token budget per session", self.session.used, self.session.max)?;
        within("the token budget per hour", self.hour.used, self.hour.max)?;
        within("the token budget per day", self.day.used, self.day.max)
    }
}

fn not_negative(what: &str, value: i64) -> Result<()> {
    if value < 0 {
        return Err(Error::invalid(format!("{what} is {value}: it must not be negative")));
    }
    Ok(())
}

fn within(what: &str, used: i64, max: i64) -> Result<()> {
    not_negative(what, max)?;
    not_negative(what, used)?;
    if max > 0 && used > max {
        return Err(Error::invalid(format!("{what}: {used} are used of {max}")));
    }
    Ok(())
}

/// One conversation of a user with an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Session {
    /// Its id.
    pub id: String,
    /// The workspace it belongs to: the one it is stored in.
    pub workspace_id: String,
    /// The user it is with.
    pub user_id: String,
    /// What was said so far, in short; may be empty.
    #[serde(default)]
    pub summary: String,
    /// When messages of it were last compacted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_compaction: Option<Timestamp>,
    /// The model to use instead of the usual one; empty for none.
    #[serde(default)]
    pub model_override: String,
    /// Tool calls allowed and made.
    #[serde(default)]
    pub tool_budget: ToolBudget,
    /// Tokens allowed and used.
    #[serde(default)]
    pub token_budget: TokenBudget,
    /// Where it is in its life.
    pub status: SessionStatus,
    /// When it began; never changed by an update.
    pub created_at: Timestamp,
    /// When it was last updated; set by every update.
    pub updated_at: Timestamp,
}

impl Session {
    /// An active session without budgets that begins at `now`.
    ///
    /// ```
    /// use sigil_core::{Session, Timestamp};
    /// let session = Session::new("s1", "home", "ada", Timestamp::from_unix_ns(0));
    /// assert!(session.validate().is_ok());
    /// ```
    pub fn new(
        id: impl Into<String>,
        workspace_id: impl Into<String>,
        user_id: impl Into<String>,
        now: Timestamp,
    ) -> Session {
        Session {
            id: id.into(),
            workspace_id: workspace_id.into(),
            user_id: user_id.into(),
            summary: String::new(),
            last_compaction: None,
            model_override: String::new(),
            tool_budget: ToolBudget::default(),
            token_budget: TokenBudget::default(),
            status: SessionStatus::Active,
            created_at: now,
            updated_at: now,
        }
    }

    /// Checks the rules that a stored session keeps: ids there and within limits, budgets sound.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) or [`Limit`](crate::ErrorKind::Limit),
    /// naming the field.
    pub fn validate(&self) -> Result<()> {
        check_id("the session's id", &self.id)?;
        check_id("the session's workspace id", &self.workspace_id)?;
        check_id("the session's user id", &self.user_id)?;
        check_len("the session's summary", &self.summary, SESSION_SUMMARY_BYTES_MAX)?;
        check_text("the session's model", &self.model_override)?;
        self.tool_budget.validate()?;
        self.token_budget.validate()
    }
}

/// Which sessions are wanted; everything that is set must match.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionQuery {
    /// Only those with this user.
    pub user_id: Option<String>,
    /// Only those with this status.
    pub status: Option<SessionStatus>,
    /// Which part of the list; 100 by default.
    #[serde(flatten)]
    pub paging: Paging,
}

/// The sessions of one workspace, each with its own messages.
///
/// The messages of a session are its transcript. They are not those of the
/// [`MessageStore`](super::MessageStore), which are searched and compacted.
pub trait SessionStore {
    /// Stores a new session.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for one that breaks a rule or is of
    /// another workspace; [`Conflict`](crate::ErrorKind::Conflict) when the id is taken.
    fn create(&self, session: &Session) -> Result<()>;

    /// The session with this id.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound).
    fn get(&self, id: &str) -> Result<Session>;

    /// Replaces everything of a session but its id and when it began, and gives the time of the
    /// update, which becomes its `updated_at` whatever the caller's is. The last writer wins.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound), and as [`create`](SessionStore::create).
    fn update(&self, session: &Session) -> Result<Timestamp>;

    /// The sessions that match, newest first.
    ///
    /// # Errors
    /// Storage kinds.
    fn list(&self, query: &SessionQuery) -> Result<Page<Session>>;

    /// Deletes a session with its messages.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound).
    fn delete(&self, id: &str) -> Result<()>;

    /// Appends a message to the transcript of the session `id`; the message's own session id is
    /// not looked at, and the session's `updated_at` stays.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) when there is no such session;
    /// [`Conflict`](crate::ErrorKind::Conflict) when any session has a message with this id;
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) and [`Limit`](crate::ErrorKind::Limit).
    fn append(&self, id: &str, message: &Message) -> Result<()>;

    /// The newest `n` messages of a session, oldest first: all of them when `n` is negative, none
    /// when it is 0 or there is no such session.
    ///
    /// # Errors
    /// Storage kinds.
    fn active_window(&self, id: &str, n: i64) -> Result<Vec<Message>>;

    /// The messages of a session, oldest first, 100 by default; none when there is no such session.
    ///
    /// # Errors
    /// Storage kinds.
    fn history(&self, id: &str, paging: &Paging) -> Result<Page<Message>>;
}
