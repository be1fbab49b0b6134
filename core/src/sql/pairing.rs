//! Pairings.

use super::rows::{Columns, read_all, read_one};
use super::{SqlGateway, StoreAccess};
use crate::error::{ErrorKind, Result};
use crate::params;
use crate::stores::{
    Paired, Pairing, PairingStatus, PairingStore, new_id, not_found, shown, taken,
};

const TABLE: &str = "sigil_pairing";

const SELECT: &str = "SELECT p.id, u.id, p.channel_type, p.channel_id, p.workspace_id, p.status,
    p.created_at FROM sigil_pairing p JOIN sigil_user u ON u.seq = p.user";

const INSERT: &str = "INSERT INTO sigil_pairing (id, user, channel_type, channel_id, workspace_id,
    status, created_at) VALUES (?, (SELECT seq FROM sigil_user WHERE id = ?), ?, ?, ?, ?, ?)";

fn read(columns: &mut Columns<'_>) -> Result<Pairing> {
    Ok(Pairing {
        id: columns.text()?,
        user_id: columns.text()?,
        channel_type: columns.text()?,
        channel_id: columns.text()?,
        workspace_id: columns.text()?,
        status: columns.parsed(PairingStatus::parse)?,
        created_at: columns.time()?,
    })
}

impl<A: StoreAccess> PairingStore for SqlGateway<A> {
    fn create(&self, pairing: &Pairing) -> Result<Paired> {
        pairing.validate()?;
        let id = match pairing.id.as_str() {
            "" => new_id(&*self.host),
            id => id.to_owned(),
        };
        let there = "SELECT id FROM sigil_pairing WHERE channel_type = ? AND channel_id = ?";
        let channel = params![&pairing.channel_type, &pairing.channel_id];
        let values = params![
            &id,
            &pairing.user_id,
            &pairing.channel_type,
            &pairing.channel_id,
            &pairing.workspace_id,
            pairing.status.as_str(),
            pairing.created_at,
        ];
        self.access.with(|store| {
            let db = store.database();
            db.atomically(|| {
                if let Some(id) = read_one(db, TABLE, there, channel, |row| row.text())? {
                    return Ok(Paired { id, inserted: false });
                }
                match db.execute(INSERT, values) {
                    Ok(_) => Ok(Paired { id, inserted: true }),
                    Err(error) => Err(match error.kind() {
                        ErrorKind::ConstraintNotNull => not_found("user", &pairing.user_id),
                        ErrorKind::ConstraintUnique => taken("pairing", &id),
                        _ => error,
                    }),
                }
            })
        })
    }

    fn get_by_channel(&self, channel_type: &str, channel_id: &str) -> Result<Pairing> {
        let sql = format!("{SELECT} WHERE p.channel_type = ? AND p.channel_id = ?");
        let params = params![channel_type, channel_id];
        let found =
            self.access.with(|store| read_one(store.database(), TABLE, &sql, params, read))?;
        let what = || format!("pairing of the {} channel", shown(channel_type));
        found.ok_or_else(|| not_found(&what(), channel_id))
    }

    fn get_by_user(&self, user_id: &str) -> Result<Vec<Pairing>> {
        let sql = format!("{SELECT} WHERE u.id = ? ORDER BY p.created_at, p.seq");
        self.access.with(|store| read_all(store.database(), TABLE, &sql, params![user_id], read))
    }

    fn set_status(&self, id: &str, status: PairingStatus) -> Result<()> {
        let sql = "UPDATE sigil_pairing SET status = ? WHERE id = ?";
        let params = params![status.as_str(), id];
        self.one_pairing(id, sql, params)
    }

    fn delete(&self, id: &str) -> Result<()> {
        self.one_pairing(id, "DELETE FROM sigil_pairing WHERE id = ?", params![id])
    }
}

impl<A: StoreAccess> SqlGateway<A> {
    /// Runs a statement that changes the pairing `id`, which has to be there.
    fn one_pairing(&self, id: &str, sql: &str, params: impl Into<crate::Params>) -> Result<()> {
        let changed =
            self.access.with(|store| Ok(store.database().execute(sql, params)?.changes))?;
        if changed == 0 {
            return Err(not_found("pairing", id));
        }
        Ok(())
    }
}
