//! The naive twin of a store: maps and a brute-force search, to compare the real one with.
//!
//! Nothing here shares code with the library: filters are evaluated as their documentation reads,
//! and distances are summed in 64-bit floats.

mod filter;
mod nearest;

use std::collections::BTreeMap;

use serde_json::Value;
use sigil_core::{ErrorKind, Metric};

use crate::random::Random;
pub use filter::{matches, random_filter, random_metadata};
pub use nearest::{Row, check_hits, distance};

/// A row of the table `owner`.
#[derive(Debug, Clone, PartialEq)]
pub struct Owner {
    /// UNIQUE.
    pub name: String,
    /// No constraint.
    pub score: Option<f64>,
}

/// A row of the table `item`, which goes with its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// REFERENCES owner, ON DELETE CASCADE.
    pub owner: i64,
    /// UNIQUE together with the owner; CHECK that it is below 90.
    pub slot: i64,
}

/// A vector collection.
#[derive(Debug, Clone)]
pub struct Vectors {
    /// How distances are measured.
    pub metric: Metric,
    /// The elements of each vector.
    pub dimensions: usize,
    /// Vector and metadata by id.
    pub rows: BTreeMap<String, Row>,
}

/// What the store should hold.
#[derive(Debug, Clone, Default)]
pub struct Twin {
    /// The table `owner`.
    pub owners: BTreeMap<i64, Owner>,
    /// The table `item`.
    pub items: BTreeMap<i64, Item>,
    /// The table `badge`, whose rows keep their owner from being deleted.
    pub badges: BTreeMap<i64, i64>,
    /// The collections by name.
    pub collections: BTreeMap<String, Vectors>,
}

/// The user's tables.
pub const SCHEMA: &str = "
    CREATE TABLE owner (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, score REAL);
    CREATE TABLE item (
      id INTEGER PRIMARY KEY,
      owner INTEGER NOT NULL REFERENCES owner (id) ON DELETE CASCADE ON UPDATE CASCADE,
      slot INTEGER NOT NULL CHECK (slot < 90),
      UNIQUE (owner, slot)
    );
    CREATE TABLE badge (id INTEGER PRIMARY KEY, owner INTEGER NOT NULL REFERENCES owner (id));
    CREATE INDEX badge_owner ON badge (owner);";

/// A statement on the user's tables.
#[derive(Debug, Clone)]
pub enum Write {
    /// Plain INSERT of an owner.
    Owner(i64, Owner),
    /// INSERT .. ON CONFLICT (name) DO UPDATE SET score, the rowid left to the engine.
    UpsertOwner(Owner),
    /// Gives an owner another id, which its items follow.
    RenumberOwner(i64, i64),
    /// UPDATE of the name.
    RenameOwner(i64, String),
    /// DELETE, with the items.
    DeleteOwner(i64),
    /// One INSERT of several items: all or none.
    Items(Vec<(i64, Item)>),
    /// INSERT OR REPLACE of one item.
    ReplaceItem(i64, Item),
    /// UPDATE of a range of items.
    MoveItems(i64, i64, i64),
    /// DELETE of a range of items.
    DeleteItems(i64, i64),
    /// Plain INSERT of a badge.
    Badge(i64, i64),
    /// DELETE of a badge.
    DeleteBadge(i64),
}

impl Write {
    /// A statement that meets what is there often, and breaks a constraint now and then.
    pub fn random(random: &mut Random) -> Write {
        let id = number(random, 30);
        let name = format!("n{}", random.below(25));
        match random.below(14) {
            0 | 1 => Write::Owner(id, owner(random, name)),
            2 | 3 => Write::UpsertOwner(owner(random, name)),
            4 => Write::RenumberOwner(id, number(random, 30)),
            5 => Write::RenameOwner(id, name),
            6 => Write::DeleteOwner(id),
            7 | 8 => {
                let items = (0..1 + random.below(4)).map(|_| (number(random, 200), item(random)));
                Write::Items(items.collect())
            }
            9 => Write::ReplaceItem(number(random, 200), item(random)),
            10 => Write::MoveItems(number(random, 200), number(random, 200), number(random, 60)),
            11 => Write::DeleteItems(number(random, 200), number(random, 200)),
            12 => Write::Badge(number(random, 12), id),
            _ => Write::DeleteBadge(number(random, 12)),
        }
    }

    /// The statement with its values in it.
    pub fn sql(&self) -> String {
        match self {
            Write::Owner(id, owner) => {
                format!("INSERT INTO owner VALUES ({id}, '{}', {})", owner.name, score(owner.score))
            }
            Write::UpsertOwner(owner) => format!(
                "INSERT INTO owner (name, score) VALUES ('{}', {})
                 ON CONFLICT (name) DO UPDATE SET score = excluded.score",
                owner.name,
                score(owner.score)
            ),
            Write::RenumberOwner(id, to) => format!("UPDATE owner SET id = {to} WHERE id = {id}"),
            Write::RenameOwner(id, to) => format!("UPDATE owner SET name = '{to}' WHERE id = {id}"),
            Write::DeleteOwner(id) => format!("DELETE FROM owner WHERE id = {id}"),
            Write::Items(items) => {
                let rows: Vec<String> = items
                    .iter()
                    .map(|(id, item)| format!("({id}, {}, {})", item.owner, item.slot))
                    .collect();
                format!("INSERT INTO item VALUES {}", rows.join(", "))
            }
            Write::ReplaceItem(id, item) => {
                format!("INSERT OR REPLACE INTO item VALUES ({id}, {}, {})", item.owner, item.slot)
            }
            Write::MoveItems(low, high, by) => {
                format!("UPDATE item SET slot = slot + {by} WHERE id BETWEEN {low} AND {high}")
            }
            Write::DeleteItems(low, high) => {
                format!("DELETE FROM item WHERE id BETWEEN {low} AND {high}")
            }
            Write::Badge(id, owner) => format!("INSERT INTO badge VALUES ({id}, {owner})"),
            Write::DeleteBadge(id) => format!("DELETE FROM badge WHERE id = {id}"),
        }
    }
}

fn number(random: &mut Random, below: usize) -> i64 {
    1 + i64::try_from(random.below(below)).unwrap_or_default()
}

fn owner(random: &mut Random, name: String) -> Owner {
    let scores = [None, Some(0.5), Some(-3.0), Some(1e300)];
    Owner { name, score: scores[random.below(scores.len())] }
}

fn item(random: &mut Random) -> Item {
    Item { owner: number(random, 30), slot: number(random, 95) }
}

fn score(score: Option<f64>) -> String {
    score.map_or_else(|| "NULL".to_owned(), |score| format!("{score:?}"))
}

/// The kinds of error a statement may end with; none when it has to succeed.
pub type Refusals = Vec<ErrorKind>;

impl Twin {
    /// Does what a statement does: the rows it changes, or the kinds of error to expect.
    ///
    /// # Errors
    /// Every kind that a broken constraint would justify, with nothing changed.
    pub fn write(&mut self, write: &Write) -> Result<i64, Refusals> {
        let mut next = self.clone();
        let changes = next.try_write(write)?;
        let mut refusals = Refusals::new();
        for item in next.items.values() {
            if !next.owners.contains_key(&item.owner) {
                refusals.push(ErrorKind::ConstraintForeignKey);
            }
            if item.slot >= 90 {
                refusals.push(ErrorKind::ConstraintCheck);
            }
        }
        if next.badges.values().any(|owner| !next.owners.contains_key(owner)) {
            refusals.push(ErrorKind::ConstraintForeignKey);
        }
        let twice =
            |(id, item): (&i64, &Item)| next.items.range(id + 1..).any(|(_, other)| other == item);
        if next.items.iter().any(twice) {
            refusals.push(ErrorKind::ConstraintUnique);
        }
        if !refusals.is_empty() {
            return Err(refusals);
        }
        *self = next;
        Ok(changes)
    }

    fn try_write(&mut self, write: &Write) -> Result<i64, Refusals> {
        let unique = || Err(vec![ErrorKind::ConstraintUnique]);
        match write {
            Write::Owner(id, owner) => {
                if self.owners.contains_key(id) || self.named(&owner.name).is_some() {
                    return unique();
                }
                self.owners.insert(*id, owner.clone());
                Ok(1)
            }
            Write::UpsertOwner(owner) => {
                let next = self.owners.last_key_value().map_or(1, |(id, _)| id + 1);
                let id = self.named(&owner.name).unwrap_or(next);
                self.owners.insert(id, owner.clone());
                Ok(1)
            }
            Write::RenumberOwner(id, to) => {
                let Some(owner) = self.owners.remove(id) else { return Ok(0) };
                if self.owners.insert(*to, owner).is_some() {
                    return Err(vec![ErrorKind::ConstraintUnique, ErrorKind::ConstraintForeignKey]);
                }
                for item in self.items.values_mut().filter(|item| item.owner == *id) {
                    item.owner = *to;
                }
                Ok(1)
            }
            Write::RenameOwner(id, to) => {
                let named = self.named(to);
                let Some(owner) = self.owners.get_mut(id) else { return Ok(0) };
                if named.is_some_and(|named| named != *id) {
                    return unique();
                }
                owner.name.clone_from(to);
                Ok(1)
            }
            Write::DeleteOwner(id) => {
                self.items.retain(|_, item| item.owner != *id);
                Ok(i64::from(self.owners.remove(id).is_some()))
            }
            Write::Items(items) => {
                for (id, item) in items {
                    if self.items.insert(*id, item.clone()).is_some() {
                        return Err(vec![
                            ErrorKind::ConstraintUnique,
                            ErrorKind::ConstraintCheck,
                            ErrorKind::ConstraintForeignKey,
                        ]);
                    }
                }
                Ok(count(items.len()))
            }
            Write::ReplaceItem(id, item) => {
                self.items.retain(|other, held| other == id || held != item);
                self.items.insert(*id, item.clone());
                Ok(1)
            }
            Write::MoveItems(low, high, by) => Ok(self.move_items(*low, *high, *by)?),
            Write::DeleteItems(low, high) => {
                let before = self.items.len();
                self.items.retain(|id, _| !(*low..=*high).contains(id));
                Ok(count(before - self.items.len()))
            }
            Write::Badge(id, owner) => match self.badges.insert(*id, *owner) {
                Some(_) => Err(vec![ErrorKind::ConstraintUnique, ErrorKind::ConstraintForeignKey]),
                None => Ok(1),
            },
            Write::DeleteBadge(id) => Ok(i64::from(self.badges.remove(id).is_some())),
        }
    }

    /// SQL checks uniqueness row by row, so a move may meet a row that has yet to move.
    fn move_items(&mut self, low: i64, high: i64, by: i64) -> Result<i64, Refusals> {
        let ids: Vec<i64> =
            self.items.keys().copied().filter(|id| (low..=high).contains(id)).collect();
        for id in &ids {
            let mut moved = self.items[id].clone();
            moved.slot += by;
            if moved.slot >= 90
                || self.items.iter().any(|(other, item)| other != id && *item == moved)
            {
                return Err(vec![ErrorKind::ConstraintUnique, ErrorKind::ConstraintCheck]);
            }
            self.items.insert(*id, moved);
        }
        Ok(count(ids.len()))
    }

    fn named(&self, name: &str) -> Option<i64> {
        self.owners.iter().find(|(_, owner)| owner.name == name).map(|(id, _)| *id)
    }
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Elements whose sums are exact in 32-bit floats, so that distances agree and ties are common.
pub fn small_vector(random: &mut Random, dimensions: usize) -> Vec<f32> {
    (0..dimensions)
        .map(|_| f32::from(u8::try_from(random.below(7)).unwrap_or_default()) - 3.0)
        .collect()
}

/// The metadata of a row as the library takes it.
///
/// # Panics
/// When the library refuses what [`random_metadata`] makes.
pub fn to_metadata(value: &Value) -> sigil_core::Metadata {
    sigil_core::Metadata::from_value(value)
        .unwrap_or_else(|error| panic!("the metadata {value} was refused: {error}"))
}
