//! Entities, the relationships between them, and facts.

use std::collections::HashMap;
use std::time::SystemTime;

use rusqlite::{Connection, OptionalExtension, params};

use super::{atomically, consistently, rows};
use crate::error::{Error, Result};
use crate::model::{Entity, Fact, Graph, Relationship};

/// What is known in a workspace.
#[derive(Debug, Clone, Copy)]
pub struct Knowledge<'c>(pub(super) &'c Connection);

impl Knowledge<'_> {
    /// Puts entities in one transaction, each in place of what its id had before.
    ///
    /// # Errors
    ///
    /// If the database fails; then none is put.
    pub fn put_entities(&self, entities: &[Entity]) -> Result<()> {
        atomically(self.0, || {
            let mut put = self.0.prepare_cached(
                "INSERT INTO entities (id, type, name, properties, created_at, updated_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (id) DO UPDATE SET type = excluded.type, name = excluded.name,
                   properties = excluded.properties, created_at = excluded.created_at,
                   updated_at = excluded.updated_at",
            )?;
            for entity in entities {
                put.execute(params![
                    entity.id,
                    entity.kind,
                    entity.name,
                    rows::json(entity.properties.as_ref())?,
                    rows::text_of_time(entity.created_at),
                    rows::text_of_time(entity.updated_at),
                ])?;
            }
            Ok(())
        })
    }

    /// Puts relationships in one transaction, each in place of one with the same ends and type.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if one begins at an entity that does not exist, or if the database
    /// fails; then none is put.
    pub fn put_relationships(&self, relationships: &[Relationship]) -> Result<()> {
        atomically(self.0, || {
            let created = rows::text_of_time(SystemTime::now());
            let mut put = self.0.prepare_cached(
                "INSERT INTO relationships (from_key, to_key, type, id, metadata, created_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (from_key, to_key, type) DO UPDATE SET id = excluded.id,
                   metadata = excluded.metadata, created_at = excluded.created_at",
            )?;
            for relationship in relationships {
                put.execute(params![
                    self.entity_key(&relationship.from_id)?,
                    self.key_for(&relationship.to_id)?,
                    relationship.kind,
                    relationship.id,
                    rows::json(relationship.metadata.as_ref())?,
                    created,
                ])?;
            }
            Ok(())
        })
    }

    /// Puts facts in one transaction, each in place of one with the same entity, predicate and value.
    ///
    /// # Errors
    ///
    /// If the database fails; then none is put.
    pub fn put_facts(&self, facts: &[Fact]) -> Result<()> {
        atomically(self.0, || {
            let mut put = self.0.prepare_cached(
                "INSERT INTO facts (id, entity_id, predicate, value, confidence, source, created_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT (entity_id, predicate, value) DO UPDATE SET id = excluded.id,
                   confidence = excluded.confidence, source = excluded.source,
                   created_at = excluded.created_at",
            )?;
            for fact in facts {
                put.execute(params![
                    fact.id,
                    fact.entity_id,
                    fact.predicate,
                    fact.value,
                    fact.confidence,
                    fact.source,
                    rows::text_of_time(fact.created_at),
                ])?;
            }
            Ok(())
        })
    }

    /// What is reached from an entity in at most `depth` steps along relationships in either
    /// direction, and every relationship with both ends among it. Depth 0 counts as 1.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if there is no such entity, or if the database fails.
    pub fn traverse(&self, start: &str, depth: usize) -> Result<Graph> {
        consistently(self.0, || {
            let reached = self.reached(self.entity_key(start)?, depth.max(1))?;
            self.graph(&reached)
        })
    }

    /// The keys within `depth` steps of an entity, and itself.
    fn reached(&self, start: i64, depth: usize) -> Result<Vec<i64>> {
        let mut walk = self.0.prepare_cached(
            "WITH RECURSIVE reach (key, depth) AS (
               VALUES (?1, 0)
               UNION
               SELECT r.to_key, reach.depth + 1
                 FROM reach CROSS JOIN relationships r ON r.from_key = reach.key
                 WHERE reach.depth < ?2
               UNION
               SELECT r.from_key, reach.depth + 1
                 FROM reach CROSS JOIN relationships r ON r.to_key = reach.key
                 WHERE reach.depth < ?2)
             SELECT DISTINCT key FROM reach",
        )?;
        let mut found = walk.query(params![start, rows::count(depth)?])?;
        let mut keys = Vec::new();
        while let Some(row) = found.next()? {
            keys.push(row.get(0)?);
        }
        // Neighbouring keys lie on neighbouring pages.
        keys.sort_unstable();
        Ok(keys)
    }

    /// The entities of keys, and the relationships among them.
    fn graph(&self, keys: &[i64]) -> Result<Graph> {
        let mut graph = Graph::default();
        let mut ids = HashMap::with_capacity(keys.len());
        let mut entity = self.0.prepare_cached(
            "SELECT id, type, name, properties, created_at, updated_at FROM entities WHERE key = ?1",
        )?;
        for key in keys {
            let mut found = entity.query([key])?;
            let Some(row) = found.next()? else { continue };
            let id: String = row.get(0)?;
            ids.insert(*key, id.clone());
            // An end that nothing else is known of is walked through, but is no entity.
            let Some(kind) = row.get(1)? else { continue };
            graph.entities.push(Entity {
                id,
                kind,
                name: row.get(2)?,
                properties: rows::optional(row, 3)?,
                created_at: rows::time(row, 4)?,
                updated_at: rows::time(row, 5)?,
            });
        }
        let mut outgoing = self.0.prepare_cached(
            "SELECT to_key, type, id, metadata FROM relationships WHERE from_key = ?1",
        )?;
        for key in keys {
            let Some(from) = ids.get(key) else { continue };
            let mut found = outgoing.query([key])?;
            while let Some(row) = found.next()? {
                let Some(to) = ids.get(&row.get(0)?) else { continue };
                graph.relationships.push(Relationship {
                    id: row.get(2)?,
                    from_id: from.clone(),
                    to_id: to.clone(),
                    kind: row.get(1)?,
                    metadata: rows::optional(row, 3)?,
                });
            }
        }
        Ok(graph)
    }

    /// The number of an id, given to it if it has none.
    fn key_for(&self, id: &str) -> Result<i64> {
        let known: Option<i64> = self
            .0
            .prepare_cached("SELECT key FROM entities WHERE id = ?1")?
            .query_row([id], |row| row.get(0))
            .optional()?;
        if let Some(key) = known {
            return Ok(key);
        }
        self.0.prepare_cached("INSERT INTO entities (id) VALUES (?1)")?.execute([id])?;
        Ok(self.0.last_insert_rowid())
    }

    /// The number of an entity that exists.
    fn entity_key(&self, id: &str) -> Result<i64> {
        self.0
            .prepare_cached("SELECT key FROM entities WHERE id = ?1 AND type IS NOT NULL")?
            .query_row([id], |row| row.get(0))
            .optional()?
            .ok_or_else(|| Error::NotFound(format!("entity {id:?}")))
    }
}
