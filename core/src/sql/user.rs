//! Users and their identities.

use super::rows::{Columns, Order, PageQuery, read_all, read_one};
use super::{SqlGateway, StoreAccess, explain};
use crate::engine::Database;
use crate::error::{Error, ErrorKind, Result};
use crate::params;
use crate::stores::{Identity, Page, Paging, User, UserStore, not_found, shown, taken};
use crate::value::Value;

const TABLE: &str = "sigil_user";

const COLUMNS: &str = "id, name, role, created_at, updated_at";

fn read(columns: &mut Columns<'_>) -> Result<User> {
    Ok(User {
        id: columns.text()?,
        name: columns.text()?,
        role: columns.text()?,
        identities: Vec::new(),
        created_at: columns.time()?,
        updated_at: columns.time()?,
    })
}

fn read_identity(columns: &mut Columns<'_>) -> Result<Identity> {
    Ok(Identity {
        platform: columns.text()?,
        platform_user_id: columns.text()?,
        display_name: columns.text()?,
    })
}

fn load_identities(db: &Database, user: &mut User) -> Result<()> {
    let sql = "SELECT platform, platform_user_id, display_name FROM sigil_identity
               WHERE user = (SELECT seq FROM sigil_user WHERE id = ?)
               ORDER BY platform, platform_user_id";
    user.identities = read_all(db, "sigil_identity", sql, params![&user.id], read_identity)?;
    Ok(())
}

/// Finds the user for which `condition`, which has the `params`, holds.
fn find(db: &Database, condition: &str, params: impl Into<crate::Params>) -> Result<Option<User>> {
    let sql = format!("SELECT {COLUMNS} FROM sigil_user WHERE {condition}");
    let mut found = read_one(db, TABLE, &sql, params, read)?;
    if let Some(user) = &mut found {
        load_identities(db, user)?;
    }
    Ok(found)
}

fn insert_identities(db: &Database, user: &User) -> Result<()> {
    let sql = "INSERT INTO sigil_identity (user, platform, platform_user_id, display_name)
               VALUES ((SELECT seq FROM sigil_user WHERE id = ?), ?, ?, ?)";
    for identity in &user.identities {
        let Identity { platform, platform_user_id, display_name } = identity;
        db.execute(sql, params![&user.id, platform, platform_user_id, display_name]).map_err(
            |error| {
                explain(error, || {
                    Error::new(
                        ErrorKind::Conflict,
                        format!(
                            "the identity '{}' on '{}' belongs to a user already",
                            shown(platform_user_id),
                            shown(platform)
                        ),
                    )
                })
            },
        )?;
    }
    Ok(())
}

impl<A: StoreAccess> UserStore for SqlGateway<A> {
    fn create(&self, user: &User) -> Result<()> {
        user.validate()?;
        let sql = "INSERT INTO sigil_user (id, name, role, created_at, updated_at)
                   VALUES (?, ?, ?, ?, ?)";
        let values = params![&user.id, &user.name, &user.role, user.created_at, user.updated_at];
        self.access.with(|store| {
            let db = store.database();
            db.atomically(|| {
                db.execute(sql, values)
                    .map_err(|error| explain(error, || taken("user", &user.id)))?;
                insert_identities(db, user)
            })
        })
    }

    fn get(&self, id: &str) -> Result<User> {
        let found = self.access.with(|store| find(store.database(), "id = ?", params![id]))?;
        found.ok_or_else(|| not_found("user", id))
    }

    fn get_by_identity(&self, platform: &str, platform_user_id: &str) -> Result<User> {
        let condition = "seq = (SELECT user FROM sigil_identity
                                WHERE platform = ? AND platform_user_id = ?)";
        let params = params![platform, platform_user_id];
        let found = self.access.with(|store| find(store.database(), condition, params))?;
        found.ok_or_else(|| {
            not_found(&format!("user on '{}' with the id", shown(platform)), platform_user_id)
        })
    }

    fn update(&self, user: &User) -> Result<()> {
        user.validate()?;
        let sql = "UPDATE sigil_user SET name = ?, role = ?, updated_at = ? WHERE id = ?";
        let values = params![&user.name, &user.role, user.updated_at, &user.id];
        let clear = "DELETE FROM sigil_identity
                     WHERE user = (SELECT seq FROM sigil_user WHERE id = ?)";
        self.access.with(|store| {
            let db = store.database();
            db.atomically(|| {
                if db.execute(sql, values)?.changes == 0 {
                    return Err(not_found("user", &user.id));
                }
                db.execute(clear, params![&user.id])?;
                insert_identities(db, user)
            })
        })
    }

    fn list(&self, paging: &Paging) -> Result<Page<User>> {
        const LIMIT: i64 = 100;
        self.access.with(|store| {
            let db = store.database();
            let list = PageQuery::new(COLUMNS, TABLE, "created_at", Order::OldestFirst);
            let mut page = list.run(db, TABLE, paging, LIMIT, read, |user| user.created_at)?;
            page.items.iter_mut().try_for_each(|user| load_identities(db, user))?;
            Ok(page)
        })
    }

    fn delete(&self, id: &str) -> Result<()> {
        let sql = "DELETE FROM sigil_user WHERE id = ?";
        let deleted = self
            .access
            .with(|store| Ok(store.database().execute(sql, [Value::from(id)])?.changes))?;
        if deleted == 0 {
            return Err(not_found("user", id));
        }
        Ok(())
    }
}
