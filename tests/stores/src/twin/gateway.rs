//! Users, pairings and the audit log.

use sigil_core::{
    AuditEntry, AuditQuery, AuditStore, Error, ErrorKind, Page, Paging, Paired, Pairing,
    PairingStatus, PairingStore, Result, User, UserStore, new_id,
};

use super::table::{Order, page, records};
use super::{GatewayData, TwinGateway, not_found, taken, wanted};

impl GatewayData {
    /// Fails when an identity of the user is another's, or is there twice.
    fn check_identities(&self, user: &User) -> Result<()> {
        for (at, identity) in user.identities.iter().enumerate() {
            let same = |other: &sigil_core::Identity| {
                other.platform == identity.platform
                    && other.platform_user_id == identity.platform_user_id
            };
            let others = self.users.iter().filter(|other| other.id != user.id);
            if others.flat_map(|other| &other.identities).any(same)
                || user.identities[..at].iter().any(same)
            {
                return Err(Error::new(ErrorKind::Conflict, "the identity belongs to a user"));
            }
        }
        Ok(())
    }
}

/// The user as it reads back.
fn as_stored(user: &User) -> User {
    let mut user = user.clone();
    user.identities.sort();
    user
}

impl UserStore for TwinGateway {
    fn create(&self, user: &User) -> Result<()> {
        user.validate()?;
        self.data.write(|data| {
            if data.users.contains(|there| there.id == user.id) {
                return Err(taken("user", &user.id));
            }
            data.check_identities(user)?;
            data.users.push(as_stored(user));
            Ok(())
        })
    }

    fn get(&self, id: &str) -> Result<User> {
        self.data.read(|data| {
            let found = data.users.find(|user| user.id == id);
            found.cloned().ok_or_else(|| not_found("user", id))
        })
    }

    fn get_by_identity(&self, platform: &str, platform_user_id: &str) -> Result<User> {
        self.data.read(|data| {
            let found = data.users.find(|user| {
                user.identities.iter().any(|identity| {
                    identity.platform == platform && identity.platform_user_id == platform_user_id
                })
            });
            found.cloned().ok_or_else(|| not_found("user", platform_user_id))
        })
    }

    fn update(&self, user: &User) -> Result<()> {
        user.validate()?;
        self.data.write(|data| {
            let there = data.users.find(|there| there.id == user.id);
            let there = there.ok_or_else(|| not_found("user", &user.id))?;
            let updated = User { created_at: there.created_at, ..as_stored(user) };
            data.check_identities(user)?;
            data.users.put(|there| there.id == user.id, updated);
            Ok(())
        })
    }

    fn list(&self, paging: &Paging) -> Result<Page<User>> {
        self.data.read(|data| {
            let rows = data.users.sorted(|user| user.created_at, |_| true);
            Ok(page(rows, Order::OldestFirst, paging, Some(100)))
        })
    }

    fn delete(&self, id: &str) -> Result<()> {
        self.data.write(|data| {
            if data.users.remove(|user| user.id == id) == 0 {
                return Err(not_found("user", id));
            }
            data.pairings.remove(|pairing| pairing.user_id == id);
            Ok(())
        })
    }
}

impl PairingStore for TwinGateway {
    fn create(&self, pairing: &Pairing) -> Result<Paired> {
        pairing.validate()?;
        let id = match &*pairing.id {
            "" => new_id(&*self.host),
            id => id.to_owned(),
        };
        self.data.write(|data| {
            let same = |there: &Pairing| {
                there.channel_type == pairing.channel_type && there.channel_id == pairing.channel_id
            };
            if let Some(there) = data.pairings.find(same) {
                return Ok(Paired { id: there.id.clone(), inserted: false });
            }
            if !data.users.contains(|user| user.id == pairing.user_id) {
                return Err(not_found("user", &pairing.user_id));
            }
            if data.pairings.contains(|there| there.id == id) {
                return Err(taken("pairing", &id));
            }
            data.pairings.push(Pairing { id: id.clone(), ..pairing.clone() });
            Ok(Paired { id, inserted: true })
        })
    }

    fn get_by_channel(&self, channel_type: &str, channel_id: &str) -> Result<Pairing> {
        self.data.read(|data| {
            let found = data
                .pairings
                .find(|there| there.channel_type == channel_type && there.channel_id == channel_id);
            found.cloned().ok_or_else(|| not_found("pairing of channel", channel_id))
        })
    }

    fn get_by_user(&self, user_id: &str) -> Result<Vec<Pairing>> {
        self.data.read(|data| {
            let found = |pairing: &Pairing| pairing.user_id == user_id;
            Ok(records(data.pairings.sorted(|pairing| pairing.created_at, found)))
        })
    }

    fn set_status(&self, id: &str, status: PairingStatus) -> Result<()> {
        self.data.write(|data| {
            let there = data.pairings.find(|pairing| pairing.id == id).cloned();
            let there = there.ok_or_else(|| not_found("pairing", id))?;
            data.pairings.put(|pairing| pairing.id == id, Pairing { status, ..there });
            Ok(())
        })
    }

    fn delete(&self, id: &str) -> Result<()> {
        self.data.write(|data| match data.pairings.remove(|pairing| pairing.id == id) {
            0 => Err(not_found("pairing", id)),
            _ => Ok(()),
        })
    }
}

impl AuditStore for TwinGateway {
    fn append(&self, entry: &AuditEntry) -> Result<()> {
        entry.validate()?;
        self.data.write(|data| {
            if data.audit.contains(|there| there.id == entry.id) {
                return Err(taken("audit entry", &entry.id));
            }
            data.audit.push(entry.clone());
            Ok(())
        })
    }

    fn query(&self, query: &AuditQuery) -> Result<Page<AuditEntry>> {
        let found = |entry: &AuditEntry| {
            wanted(&entry.action, query.action.as_deref())
                && wanted(&entry.actor, query.actor.as_deref())
                && wanted(&entry.plugin, query.plugin.as_deref())
                && wanted(&entry.workspace_id, query.workspace_id.as_deref())
                && wanted(&entry.session_id, query.session_id.as_deref())
                && query.range.from.is_none_or(|from| entry.timestamp >= from)
                && query.range.to.is_none_or(|to| entry.timestamp < to)
        };
        self.data.read(|data| {
            let rows = data.audit.sorted(|entry| entry.timestamp, found);
            Ok(page(rows, Order::OldestFirst, &query.paging, Some(1_000)))
        })
    }
}
