//! Pairings: which user a channel belongs to.

use serde::{Deserialize, Serialize};

use super::{ID_BYTES_MAX, check_id, check_len, named};
use crate::error::Result;
use crate::time::Timestamp;

named! {
    /// Whether a channel may be used.
    PairingStatus, "status of a pairing" {
        /// It may.
        Active = "active",
        /// Nobody has decided yet.
        Pending = "pending",
        /// It may not.
        Denied = "denied",
    }
}

/// A channel that belongs to a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pairing {
    /// Its id; when it is empty, storing the pairing makes one.
    #[serde(default)]
    pub id: String,
    /// The user.
    pub user_id: String,
    /// The kind of channel.
    pub channel_type: String,
    /// The channel, among those of its kind.
    pub channel_id: String,
    /// The workspace that the channel talks to; may be empty.
    #[serde(default)]
    pub workspace_id: String,
    /// Whether it may be used.
    pub status: PairingStatus,
    /// When it was asked for.
    pub created_at: Timestamp,
}

impl Pairing {
    /// Checks the rules that a stored pairing keeps; an empty id is one that is still to be made.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) or [`Limit`](crate::ErrorKind::Limit),
    /// naming the field.
    pub fn validate(&self) -> Result<()> {
        if !self.id.is_empty() {
            check_id("the pairing's id", &self.id)?;
        }
        check_id("the pairing's user id", &self.user_id)?;
        check_id("the pairing's channel type", &self.channel_type)?;
        check_id("the pairing's channel id", &self.channel_id)?;
        check_len("the pairing's workspace id", &self.workspace_id, ID_BYTES_MAX)
    }
}

/// What became of a pairing that was to be created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Paired {
    /// The id of the pairing that the channel has now.
    pub id: String,
    /// Whether it is the one that was given; else the channel had one already, which stays.
    pub inserted: bool,
}

/// The pairings of one gateway. A channel has at most one.
pub trait PairingStore {
    /// Stores a pairing, unless its channel has one already.
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) when the id is taken by another channel's;
    /// [`NotFound`](crate::ErrorKind::NotFound) when there is no such user;
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) and [`Limit`](crate::ErrorKind::Limit).
    fn create(&self, pairing: &Pairing) -> Result<Paired>;

    /// The pairing of a channel.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound).
    fn get_by_channel(&self, channel_type: &str, channel_id: &str) -> Result<Pairing>;

    /// The pairings of a user, oldest first.
    ///
    /// # Errors
    /// Storage kinds.
    fn get_by_user(&self, user_id: &str) -> Result<Vec<Pairing>>;

    /// Says whether a channel may be used.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound).
    fn set_status(&self, id: &str, status: PairingStatus) -> Result<()>;

    /// Deletes a pairing.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound).
    fn delete(&self, id: &str) -> Result<()>;
}
