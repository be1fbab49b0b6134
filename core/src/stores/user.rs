//! Users, and who they are on other platforms.

use serde::{Deserialize, Serialize};

use super::{Page, Paging, check_id, check_text};
use crate::error::{Error, ErrorKind, Result};
use crate::time::Timestamp;

/// The most identities of one user.
const IDENTITIES_MAX: usize = 1_000;

/// Who a user is on another platform.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Identity {
    /// The platform.
    pub platform: String,
    /// The user's id there.
    pub platform_user_id: String,
    /// How the user is called there; may be empty.
    #[serde(default)]
    pub display_name: String,
}

/// A person who talks to agents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct User {
    /// Its id.
    pub id: String,
    /// The name; may be empty.
    #[serde(default)]
    pub name: String,
    /// What the user may do, in the program's own words; may be empty.
    #[serde(default)]
    pub role: String,
    /// Who the user is elsewhere, in the order of platform and id when read.
    #[serde(default)]
    pub identities: Vec<Identity>,
    /// When the user became known; never changed by an update.
    pub created_at: Timestamp,
    /// When the user was last updated, as the caller says.
    pub updated_at: Timestamp,
}

impl User {
    /// A user without role and identities who becomes known at `now`.
    pub fn new(id: impl Into<String>, name: impl Into<String>, now: Timestamp) -> User {
        User {
            id: id.into(),
            name: name.into(),
            role: String::new(),
            identities: Vec::new(),
            created_at: now,
            updated_at: now,
        }
    }

    /// Checks the rules that a stored user keeps.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) or [`Limit`](ErrorKind::Limit), naming the field.
    pub fn validate(&self) -> Result<()> {
        check_id("the user's id", &self.id)?;
        check_text("the user's name", &self.name)?;
        check_text("the user's role", &self.role)?;
        if self.identities.len() > IDENTITIES_MAX {
            return Err(Error::new(
                ErrorKind::Limit,
                format!("a user has at most {IDENTITIES_MAX} identities"),
            ));
        }
        for identity in &self.identities {
            check_id("the identity's platform", &identity.platform)?;
            check_id("the identity's id on its platform", &identity.platform_user_id)?;
            check_text("the identity's display name", &identity.display_name)?;
        }
        Ok(())
    }
}

/// The users of one gateway.
pub trait UserStore {
    /// Stores a new user with all identities.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) when the id or one of the identities is taken;
    /// [`InvalidInput`](ErrorKind::InvalidInput) and [`Limit`](ErrorKind::Limit).
    fn create(&self, user: &User) -> Result<()>;

    /// The user with this id.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound).
    fn get(&self, id: &str) -> Result<User>;

    /// The user with this identity.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound).
    fn get_by_identity(&self, platform: &str, platform_user_id: &str) -> Result<User>;

    /// Replaces name, role, time of update and all identities of a user.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound), and as [`create`](UserStore::create).
    fn update(&self, user: &User) -> Result<()>;

    /// The users, oldest first, 100 by default.
    ///
    /// # Errors
    /// Storage kinds.
    fn list(&self, paging: &Paging) -> Result<Page<User>>;

    /// Deletes a user with all identities and pairings.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound).
    fn delete(&self, id: &str) -> Result<()>;
}
