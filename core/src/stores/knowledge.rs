//! Knowledge: entities, the relationships between them, and facts.

use serde::{Deserialize, Serialize};

use super::{Page, Paging, check_id, check_len, check_text, named};
use crate::error::{Error, Result};
use crate::time::Timestamp;
use crate::vector::Metadata;

/// The longest value of a fact, in bytes of UTF-8.
const FACT_VALUE_BYTES_MAX: usize = 1 << 20;

/// A thing that is known of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entity {
    /// Its id.
    pub id: String,
    /// What kind of thing it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// What else is known of it.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub properties: Metadata,
    /// When it became known.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Entity {
    /// An entity without properties that becomes known at `now`.
    pub fn new(
        id: impl Into<String>,
        kind: impl Into<String>,
        name: impl Into<String>,
        now: Timestamp,
    ) -> Entity {
        Entity {
            id: id.into(),
            kind: kind.into(),
            name: name.into(),
            properties: Metadata::new(),
            created_at: now,
            updated_at: now,
        }
    }

    /// Checks the rules that a stored entity keeps.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) or [`Limit`](crate::ErrorKind::Limit),
    /// naming the field.
    pub fn validate(&self) -> Result<()> {
        check_id("the entity's id", &self.id)?;
        check_id("the entity's type", &self.kind)?;
        check_text("the entity's name", &self.name)
    }
}

/// A directed, typed edge from one entity to another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Relationship {
    /// Its id.
    pub id: String,
    /// The entity it goes out from.
    pub from_id: String,
    /// The entity it goes to, which need not be stored yet.
    pub to_id: String,
    /// What it means.
    #[serde(rename = "type")]
    pub kind: String,
    /// What else is known of it.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
    /// When it became known.
    pub created_at: Timestamp,
}

impl Relationship {
    /// A relationship without metadata that becomes known at `now`.
    pub fn new(
        id: impl Into<String>,
        from_id: impl Into<String>,
        kind: impl Into<String>,
        to_id: impl Into<String>,
        now: Timestamp,
    ) -> Relationship {
        Relationship {
            id: id.into(),
            from_id: from_id.into(),
            to_id: to_id.into(),
            kind: kind.into(),
            metadata: Metadata::new(),
            created_at: now,
        }
    }

    /// Checks the rules that a stored relationship keeps.
    ///
    /// # Errors
    /// As [`Entity::validate`].
    pub fn validate(&self) -> Result<()> {
        check_id("the relationship's id", &self.id)?;
        check_id("the relationship's from id", &self.from_id)?;
        check_id("the relationship's to id", &self.to_id)?;
        check_id("the relationship's type", &self.kind)
    }
}

/// A statement about something: subject, predicate, value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fact {
    /// Its id.
    pub id: String,
    /// What it is about; need not be a stored entity.
    pub entity_id: String,
    /// What is said of it.
    pub predicate: String,
    /// The value.
    #[serde(default)]
    pub value: String,
    /// How sure it is; finite, usually between 0 and 1.
    #[serde(default)]
    pub confidence: f64,
    /// Where it comes from, by which it can be deleted; may be empty.
    #[serde(default)]
    pub source: String,
    /// When it became known.
    pub created_at: Timestamp,
}

impl Fact {
    /// Checks the rules that a stored fact keeps.
    ///
    /// # Errors
    /// As [`Entity::validate`]; a confidence that is not finite is
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput).
    pub fn validate(&self) -> Result<()> {
        check_id("the fact's id", &self.id)?;
        check_id("the fact's entity id", &self.entity_id)?;
        check_id("the fact's predicate", &self.predicate)?;
        check_len("the fact's value", &self.value, FACT_VALUE_BYTES_MAX)?;
        check_text("the fact's source", &self.source)?;
        if !self.confidence.is_finite() {
            return Err(Error::invalid("the fact's confidence is not a finite number"));
        }
        Ok(())
    }
}

/// Which entities are wanted; everything that is set must match.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EntityQuery {
    /// Only those of this type.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Only those whose name begins with this text; ASCII letters match in either case, and no
    /// character is special.
    pub name_prefix: Option<String>,
    /// Which part of the list; 100 by default.
    #[serde(flatten)]
    pub paging: Paging,
}

named! {
    /// Which relationships of an entity.
    #[derive(Default)]
    Direction, "direction" {
        /// Those that go out from it and those that come to it.
        #[default]
        Both = "both",
        /// Those that go out from it.
        Outgoing = "outgoing",
        /// Those that come to it.
        Incoming = "incoming",
    }
}

/// Which relationships are wanted; everything that is set must match.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RelationshipQuery {
    /// Only those of this type.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Which way they go.
    pub direction: Direction,
    /// Which part of the list; 100 by default.
    #[serde(flatten)]
    pub paging: Paging,
}

/// Which facts are wanted; everything that is set must match.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FactQuery {
    /// Only those about this.
    pub entity_id: Option<String>,
    /// Only those that say this.
    pub predicate: Option<String>,
    /// Only those from here.
    pub source: Option<String>,
    /// Which part of the list; 100 by default.
    #[serde(flatten)]
    pub paging: Paging,
}

/// How to walk from an entity along its relationships.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Traversal {
    /// How many steps; 0 or less is one.
    pub depth: i64,
    /// A cap on `depth`; 0 or less is none.
    pub max_depth: i64,
    /// Walk only relationships of these types; any, when empty.
    pub types: Vec<String>,
}

impl Traversal {
    /// How many steps to take: at least one.
    pub fn steps(&self) -> i64 {
        let depth = self.depth.max(1);
        if self.max_depth > 0 { depth.min(self.max_depth) } else { depth }
    }
}

/// Part of the graph.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Graph {
    /// The entities, each once, in the order of their ids.
    pub entities: Vec<Entity>,
    /// The relationships between what was reached, each once, in the order of their ids.
    pub relationships: Vec<Relationship>,
}

/// The knowledge of one workspace.
pub trait KnowledgeStore {
    /// Stores an entity in place of the one with its id, if there is one.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) and [`Limit`](crate::ErrorKind::Limit).
    fn put_entity(&self, entity: &Entity) -> Result<()>;

    /// Stores many entities, all or none, with one commit.
    ///
    /// # Errors
    /// As [`put_entity`](KnowledgeStore::put_entity).
    fn put_entities(&self, entities: &[Entity]) -> Result<()>;

    /// The entity with this id.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound).
    fn entity(&self, id: &str) -> Result<Entity>;

    /// The entities that match, oldest first. Among those of the same time, one that a relationship
    /// named before it was stored has its place from then.
    ///
    /// # Errors
    /// Storage kinds.
    fn find_entities(&self, query: &EntityQuery) -> Result<Page<Entity>>;

    /// Deletes entities with all their relationships, with one commit, and says how many entities
    /// there were. Facts about them stay.
    ///
    /// # Errors
    /// Storage kinds.
    fn delete_entities(&self, ids: &[&str]) -> Result<i64>;

    /// Stores a relationship in place of the one with the same ends and type, if there is one.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) when the entity it goes out from is not stored;
    /// [`Conflict`](crate::ErrorKind::Conflict) when another relationship has its id;
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) and [`Limit`](crate::ErrorKind::Limit).
    fn put_relationship(&self, relationship: &Relationship) -> Result<()>;

    /// Stores many relationships, all or none, with one commit.
    ///
    /// # Errors
    /// As [`put_relationship`](KnowledgeStore::put_relationship).
    fn put_relationships(&self, relationships: &[Relationship]) -> Result<()>;

    /// The relationships of an entity, oldest first.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) when the entity is not stored.
    fn relationships(
        &self,
        entity_id: &str,
        query: &RelationshipQuery,
    ) -> Result<Page<Relationship>>;

    /// Deletes relationships, with one commit, and says how many there were.
    ///
    /// # Errors
    /// Storage kinds.
    fn delete_relationships(&self, ids: &[&str]) -> Result<i64>;

    /// Stores a fact in place of the one with the same entity, predicate and value, if there is
    /// one.
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) when another fact has its id;
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) and [`Limit`](crate::ErrorKind::Limit).
    fn put_fact(&self, fact: &Fact) -> Result<()>;

    /// Stores many facts, all or none, with one commit.
    ///
    /// # Errors
    /// As [`put_fact`](KnowledgeStore::put_fact).
    fn put_facts(&self, facts: &[Fact]) -> Result<()>;

    /// The facts that match, newest first.
    ///
    /// # Errors
    /// Storage kinds.
    fn find_facts(&self, query: &FactQuery) -> Result<Page<Fact>>;

    /// Deletes the facts from this source, with one commit, and says how many there were. The
    /// empty source is that of the facts that have none.
    ///
    /// # Errors
    /// Storage kinds.
    fn delete_facts_by_source(&self, source: &str) -> Result<i64>;

    /// Deletes facts, with one commit, and says how many there were.
    ///
    /// # Errors
    /// Storage kinds.
    fn delete_facts(&self, ids: &[&str]) -> Result<i64>;

    /// What can be reached from an entity in so many steps along relationships, in either
    /// direction: the entities, itself included, and every relationship, of whatever type, between
    /// two of what was reached. One consistent read.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) when the start is not stored.
    fn traverse(&self, start: &str, traversal: &Traversal) -> Result<Graph>;
}
