//! The gateway: users, pairings and the audit log, which commit together.

use std::fmt;
use std::sync::Arc;

use crate::error::Result;
use crate::host::Host;
use crate::stores::{AuditEntry, AuditStore, PairingStore, User, UserStore, new_id, now, value_of};
use crate::time::Timestamp;

/// The stores of a gateway, as a backend brings them.
///
/// An implementation keeps what [`stores`](crate::stores) says of each store, and in
/// [`transaction`](GatewayStores::transaction) commits whatever was written to any of them, or
/// nothing.
pub trait GatewayStores: fmt::Debug {
    /// The time and the entropy that the stores use.
    fn host(&self) -> &dyn Host;

    /// The users.
    fn users(&self) -> &dyn UserStore;

    /// The pairings.
    fn pairings(&self) -> &dyn PairingStore;

    /// The audit log.
    fn audit(&self) -> &dyn AuditStore;

    /// Runs `body` once, in one transaction over all stores: commits when it returns `Ok`, rolls
    /// back when it returns an error or panics.
    ///
    /// # Errors
    /// [`Busy`](crate::ErrorKind::Busy) inside another transaction; whatever `body` or the commit
    /// returns.
    fn transaction(&self, body: &mut dyn FnMut() -> Result<()>) -> Result<()>;

    /// Deletes a user with all identities and pairings and adds `entry` to the audit log, in one
    /// commit, and sees to it that the deleted bytes are in none of the files any more. What the
    /// audit log says of the user stays. A user that is not there is none to delete.
    ///
    /// # Errors
    /// [`Busy`](crate::ErrorKind::Busy) inside a transaction, and storage kinds.
    fn forget_user(&self, id: &str, entry: &AuditEntry) -> Result<()>;

    /// Closes everything.
    ///
    /// # Errors
    /// Storage kinds; everything is closed all the same.
    fn close(&self) -> Result<()>;
}

/// The gateway of a data directory: users, pairings and the audit log.
///
/// It may be used from several threads at once, as a [`Workspace`](crate::Workspace) may.
///
/// ```
/// use sigil_core::Gateway;
///
/// let gateway = Gateway::in_memory()?;
/// let ada = gateway.new_user("Ada");
/// gateway.users().create(&ada)?;
/// gateway.audit().append(&gateway.new_entry("user.create", "admin"))?;
/// assert_eq!(gateway.users().get(&ada.id)?.name, "Ada");
/// # Ok::<(), sigil_core::Error>(())
/// ```
pub struct Gateway {
    stores: Box<dyn GatewayStores + Send + Sync>,
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").finish_non_exhaustive()
    }
}

impl Gateway {
    /// The gateway with these stores.
    pub fn new(stores: Box<dyn GatewayStores + Send + Sync>) -> Gateway {
        Gateway { stores }
    }

    /// A gateway in memory, with a fixed clock and fixed entropy, for examples and tests.
    ///
    /// # Errors
    /// None that outside input could cause.
    pub fn in_memory() -> Result<Gateway> {
        let host = Arc::new(crate::FixedHost::new(0));
        let store = crate::Shared::new(Box::new(crate::Store::in_memory()?));
        Ok(Gateway::new(Box::new(crate::SqlGateway::open(store, host)?)))
    }

    /// Its stores, as the functions take them that work on any.
    pub fn stores(&self) -> &dyn GatewayStores {
        &*self.stores
    }

    /// The users.
    pub fn users(&self) -> &dyn UserStore {
        self.stores.users()
    }

    /// The pairings.
    pub fn pairings(&self) -> &dyn PairingStore {
        self.stores.pairings()
    }

    /// The audit log.
    pub fn audit(&self) -> &dyn AuditStore {
        self.stores.audit()
    }

    /// Runs `body` in one transaction over all stores: commits when it returns `Ok`, rolls back
    /// when it returns an error or panics.
    ///
    /// # Errors
    /// [`Busy`](crate::ErrorKind::Busy) inside another transaction; whatever `body` or the commit
    /// returns.
    pub fn transaction<T>(&self, body: impl FnOnce(&Gateway) -> Result<T>) -> Result<T> {
        value_of(|run| self.stores.transaction(run), || body(self))
    }

    /// Forgets a user: see [`GatewayStores::forget_user`]. The entry in the audit log has the
    /// action `forget.user`, the given actor and the user's id.
    ///
    /// # Errors
    /// As [`GatewayStores::forget_user`].
    pub fn forget_user(&self, id: &str, actor: &str) -> Result<()> {
        forget_user(self.stores(), id, actor)
    }

    /// A user who becomes known now, with a new id; not stored yet.
    pub fn new_user(&self, name: &str) -> User {
        User::new(self.new_id(), name, self.now())
    }

    /// An audit entry of now, with a new id; not stored yet.
    pub fn new_entry(&self, action: &str, actor: &str) -> AuditEntry {
        AuditEntry::new(self.new_id(), self.now(), action, actor)
    }

    /// A new random id.
    pub fn new_id(&self) -> String {
        new_id(self.stores.host())
    }

    /// The host's time.
    pub fn now(&self) -> Timestamp {
        now(self.stores.host())
    }

    /// Closes everything.
    ///
    /// # Errors
    /// Storage kinds; everything is closed all the same.
    pub fn close(&self) -> Result<()> {
        self.stores.close()
    }
}

/// Forgets a user: see [`Gateway::forget_user`].
///
/// # Errors
/// As [`GatewayStores::forget_user`].
pub fn forget_user(stores: &dyn GatewayStores, id: &str, actor: &str) -> Result<()> {
    let host = stores.host();
    let mut entry = AuditEntry::new(new_id(host), now(host), "forget.user", actor);
    entry.details = crate::Metadata::from_value(&serde_json::json!({ "userId": id }))?;
    entry.result = "ok".to_owned();
    stores.forget_user(id, &entry)
}
