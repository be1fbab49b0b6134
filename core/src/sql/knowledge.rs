//! Entities, relationships and facts.
//!
//! Relationships name their ends by the entities' numbers, which makes walking cheap. An end that
//! is not stored yet is a row of `sigil_entity` without a type, which readers do not see.

use super::rows::{Columns, Order, PageQuery, delete_each, metadata_value, read_one};
use super::traverse;
use super::{SqlWorkspace, StoreAccess, explain};
use crate::engine::Database;
use crate::error::{ErrorKind, Result};
use crate::params;
use crate::stores::{
    Direction, Entity, EntityQuery, Fact, FactQuery, Graph, KnowledgeStore, Page, Relationship,
    RelationshipQuery, Traversal, not_found, taken,
};

const LIMIT: i64 = 100;

pub(super) const ENTITY_COLUMNS: &str = "id, type, name, properties, created_at, updated_at";

const RELATIONSHIP_COLUMNS: &str = "id,
    (SELECT id FROM sigil_entity e WHERE e.seq = from_entity),
    (SELECT id FROM sigil_entity e WHERE e.seq = to_entity), type, metadata, created_at";

pub(super) const FACT_COLUMNS: &str =
    "id, entity_id, predicate, value, confidence, source, created_at";

pub(super) fn read_entity(columns: &mut Columns<'_>) -> Result<Entity> {
    Ok(Entity {
        id: columns.text()?,
        kind: columns.text()?,
        name: columns.text()?,
        properties: columns.metadata()?,
        created_at: columns.time()?,
        updated_at: columns.time()?,
    })
}

fn read_relationship(columns: &mut Columns<'_>) -> Result<Relationship> {
    Ok(Relationship {
        id: columns.text()?,
        from_id: columns.text()?,
        to_id: columns.text()?,
        kind: columns.text()?,
        metadata: columns.metadata()?,
        created_at: columns.time()?,
    })
}

pub(super) fn read_fact(columns: &mut Columns<'_>) -> Result<Fact> {
    Ok(Fact {
        id: columns.text()?,
        entity_id: columns.text()?,
        predicate: columns.text()?,
        value: columns.text()?,
        confidence: columns.real()?,
        source: columns.text()?,
        created_at: columns.time()?,
    })
}

fn put_entity(db: &Database, entity: &Entity) -> Result<()> {
    let sql = "INSERT INTO sigil_entity (id, type, name, properties, created_at, updated_at)
               VALUES (?, ?, ?, ?, ?, ?)
               ON CONFLICT (id) DO UPDATE SET type = excluded.type, name = excluded.name,
                 properties = excluded.properties, created_at = excluded.created_at,
                 updated_at = excluded.updated_at";
    let values = params![
        &entity.id,
        &entity.kind,
        &entity.name,
        metadata_value(&entity.properties),
        entity.created_at,
        entity.updated_at,
    ];
    db.execute(sql, values).map(drop)
}

/// The number of the entity `id`, which has to be stored.
pub(super) fn entity_key(db: &Database, id: &str) -> Result<i64> {
    let sql = "SELECT seq FROM sigil_entity WHERE id = ? AND type IS NOT NULL";
    let key = read_one(db, "sigil_entity", sql, params![id], |row| row.int())?;
    key.ok_or_else(|| not_found("entity", id))
}

fn put_relationship(db: &Database, relationship: &Relationship) -> Result<()> {
    const PLACE: &str = "INSERT INTO sigil_entity (id) VALUES (?) ON CONFLICT (id) DO NOTHING";
    const INSERT: &str = "INSERT INTO sigil_relationship (id, from_entity, to_entity, type,
            metadata, created_at)
        VALUES (?, (SELECT seq FROM sigil_entity WHERE id = ? AND type IS NOT NULL),
            (SELECT seq FROM sigil_entity WHERE id = ?), ?, ?, ?)
        ON CONFLICT (from_entity, to_entity, type) DO UPDATE SET id = excluded.id,
            metadata = excluded.metadata, created_at = excluded.created_at";
    let Relationship { id, from_id, to_id, kind, metadata, created_at } = relationship;
    db.execute(PLACE, params![to_id])?;
    let values = params![id, from_id, to_id, kind, metadata_value(metadata), *created_at];
    db.execute(INSERT, values).map(drop).map_err(|error| match error.kind() {
        ErrorKind::ConstraintNotNull => not_found("entity", from_id),
        _ => explain(error, || taken("relationship", id)),
    })
}

fn put_fact(db: &Database, fact: &Fact) -> Result<()> {
    let sql = "INSERT INTO sigil_fact (id, entity_id, predicate, value, confidence, source,
                 created_at) VALUES (?, ?, ?, ?, ?, ?, ?)
               ON CONFLICT (entity_id, predicate, value) DO UPDATE SET id = excluded.id,
                 confidence = excluded.confidence, source = excluded.source,
                 created_at = excluded.created_at";
    let values = params![
        &fact.id,
        &fact.entity_id,
        &fact.predicate,
        &fact.value,
        fact.confidence,
        &fact.source,
        fact.created_at,
    ];
    let put = db.execute(sql, values);
    put.map(drop).map_err(|error| explain(error, || taken("fact", &fact.id)))
}

impl<A: StoreAccess> SqlWorkspace<A> {
    /// Writes many records, all or none.
    fn put_all<T>(
        &self,
        records: &[T],
        validate: impl Fn(&T) -> Result<()>,
        put: impl Fn(&Database, &T) -> Result<()>,
    ) -> Result<()> {
        records.iter().try_for_each(validate)?;
        if records.is_empty() {
            return Ok(());
        }
        self.access.with(|store| {
            let db = store.database();
            db.atomically(|| records.iter().try_for_each(|record| put(db, record)))
        })
    }
}

impl<A: StoreAccess> KnowledgeStore for SqlWorkspace<A> {
    fn put_entity(&self, entity: &Entity) -> Result<()> {
        entity.validate()?;
        self.access.with(|store| put_entity(store.database(), entity))
    }

    fn put_entities(&self, entities: &[Entity]) -> Result<()> {
        self.put_all(entities, Entity::validate, put_entity)
    }

    fn entity(&self, id: &str) -> Result<Entity> {
        let sql =
            format!("SELECT {ENTITY_COLUMNS} FROM sigil_entity WHERE id = ? AND type IS NOT NULL");
        let found = self.access.with(|store| {
            read_one(store.database(), "sigil_entity", &sql, params![id], read_entity)
        })?;
        found.ok_or_else(|| not_found("entity", id))
    }

    fn find_entities(&self, query: &EntityQuery) -> Result<Page<Entity>> {
        let mut list =
            PageQuery::new(ENTITY_COLUMNS, "sigil_entity", "created_at", Order::OldestFirst);
        match query.kind.as_deref() {
            Some(kind) if !kind.is_empty() => list.filter("type = ?", kind),
            _ => list.require("type IS NOT NULL"),
        }
        if let Some(prefix) = query.name_prefix.as_deref()
            && !prefix.is_empty()
        {
            // As bytes, because LIKE and the collations end a text at a NUL.
            let prefix = prefix.to_ascii_lowercase().into_bytes();
            list.filter("instr(CAST(lower(name) AS BLOB), ?) = 1", prefix);
        }
        self.access.with(|store| {
            list.run(store.database(), "sigil_entity", &query.paging, LIMIT, read_entity, |it| {
                it.created_at
            })
        })
    }

    fn delete_entities(&self, ids: &[&str]) -> Result<i64> {
        if ids.is_empty() {
            return Ok(0);
        }
        self.access.with(|store| {
            let db = store.database();
            db.atomically(|| {
                let mut deleted = 0;
                for id in ids {
                    let key = match entity_key(db, id) {
                        Err(error) if error.kind() == ErrorKind::NotFound => continue,
                        key => key?,
                    };
                    for end in ["from_entity", "to_entity"] {
                        let sql = format!("DELETE FROM sigil_relationship WHERE {end} = ?");
                        db.execute(&sql, params![key])?;
                    }
                    let sql = "DELETE FROM sigil_entity WHERE seq = ?";
                    deleted += db.execute(sql, params![key])?.changes;
                }
                Ok(deleted)
            })
        })
    }

    fn put_relationship(&self, relationship: &Relationship) -> Result<()> {
        self.put_relationships(std::slice::from_ref(relationship))
    }

    fn put_relationships(&self, relationships: &[Relationship]) -> Result<()> {
        self.put_all(relationships, Relationship::validate, put_relationship)
    }

    fn relationships(
        &self,
        entity_id: &str,
        query: &RelationshipQuery,
    ) -> Result<Page<Relationship>> {
        const TABLE: &str = "sigil_relationship";
        self.access.with(|store| {
            let db = store.database();
            let key = entity_key(db, entity_id)?;
            let mut list =
                PageQuery::new(RELATIONSHIP_COLUMNS, TABLE, "created_at", Order::OldestFirst);
            match query.direction {
                Direction::Outgoing => list.filter("from_entity = ?", key),
                Direction::Incoming => list.filter("to_entity = ?", key),
                Direction::Both => {
                    list.filter(
                        "seq IN (SELECT seq FROM sigil_relationship WHERE from_entity = ?1
                         UNION SELECT seq FROM sigil_relationship WHERE to_entity = ?1)",
                        key,
                    );
                }
            }
            list.filter_some("type = ?", query.kind.as_deref());
            list.run(db, TABLE, &query.paging, LIMIT, read_relationship, |it| it.created_at)
        })
    }

    fn delete_relationships(&self, ids: &[&str]) -> Result<i64> {
        let sql = "DELETE FROM sigil_relationship WHERE id = ?";
        self.access.with(|store| delete_each(store.database(), sql, ids))
    }

    fn put_fact(&self, fact: &Fact) -> Result<()> {
        fact.validate()?;
        self.write(|store| put_fact(store.database(), fact))
    }

    fn put_facts(&self, facts: &[Fact]) -> Result<()> {
        self.put_all(facts, Fact::validate, put_fact)
    }

    fn find_facts(&self, query: &FactQuery) -> Result<Page<Fact>> {
        let mut list = PageQuery::new(FACT_COLUMNS, "sigil_fact", "created_at", Order::NewestFirst);
        list.filter_some("entity_id = ?", query.entity_id.as_deref());
        list.filter_some("predicate = ?", query.predicate.as_deref());
        list.filter_some("source = ?", query.source.as_deref());
        self.access.with(|store| {
            list.run(store.database(), "sigil_fact", &query.paging, LIMIT, read_fact, |it| {
                it.created_at
            })
        })
    }

    fn delete_facts_by_source(&self, source: &str) -> Result<i64> {
        let sql = "DELETE FROM sigil_fact WHERE source = ?";
        self.write(|store| delete_each(store.database(), sql, &[source]))
    }

    fn delete_facts(&self, ids: &[&str]) -> Result<i64> {
        let sql = "DELETE FROM sigil_fact WHERE id = ?";
        self.write(|store| delete_each(store.database(), sql, ids))
    }

    fn traverse(&self, start: &str, traversal: &Traversal) -> Result<Graph> {
        self.access.with(|store| traverse::traverse(store, start, traversal))
    }
}
