//! Entities, relationships and facts.

use std::collections::BTreeSet;

use sigil_core::{
    Direction, Entity, EntityQuery, Fact, FactQuery, Graph, KnowledgeStore, Page, Relationship,
    RelationshipQuery, Result, Traversal,
};

use super::table::{Order, Row, page};
use super::{TwinWorkspace, WorkspaceData, not_found, taken, wanted};

const LIMIT: Option<i64> = Some(100);

impl WorkspaceData {
    fn name(&mut self, id: &str) {
        self.named.put(|there| there == id, id.to_owned());
    }

    fn put_entity(&mut self, entity: &Entity) {
        self.name(&entity.id);
        self.entities.put(|there| there.id == entity.id, entity.clone());
    }

    fn has_entity(&self, id: &str) -> Result<()> {
        let found = self.entities.contains(|entity| entity.id == id);
        if found { Ok(()) } else { Err(not_found("entity", id)) }
    }

    fn put_relationship(&mut self, put: &Relationship) -> Result<()> {
        let key = |r: &Relationship| (r.from_id.clone(), r.to_id.clone(), r.kind.clone());
        self.has_entity(&put.from_id)?;
        if self.relationships.contains(|r| r.id == put.id && key(r) != key(put)) {
            return Err(taken("relationship", &put.id));
        }
        self.name(&put.to_id);
        self.relationships.put(|r| key(r) == key(put), put.clone());
        Ok(())
    }

    fn put_fact(&mut self, put: &Fact) -> Result<()> {
        let key = |f: &Fact| (f.entity_id.clone(), f.predicate.clone(), f.value.clone());
        if self.facts.contains(|fact| fact.id == put.id && key(fact) != key(put)) {
            return Err(taken("fact", &put.id));
        }
        self.facts.put(|fact| key(fact) == key(put), put.clone());
        Ok(())
    }

    fn delete_entity(&mut self, id: &str) -> i64 {
        let deleted = self.entities.remove(|entity| entity.id == id);
        if deleted > 0 {
            self.named.remove(|named| named == id);
            self.relationships.remove(|r| r.from_id == id || r.to_id == id);
        }
        deleted
    }

    fn traverse(&self, start: &str, traversal: &Traversal) -> Result<Graph> {
        self.has_entity(start)?;
        let mut reached = BTreeSet::from([start]);
        let walked = |kind: &String| traversal.types.is_empty() || traversal.types.contains(kind);
        for _ in 0..traversal.steps() {
            let before = reached.clone();
            for r in self.relationships.iter().filter(|r| walked(&r.kind)) {
                for (one, other) in [(&*r.from_id, &*r.to_id), (&*r.to_id, &*r.from_id)] {
                    if before.contains(one) {
                        reached.insert(other);
                    }
                }
            }
            if reached == before {
                break;
            }
        }
        let entities = self.entities.iter().filter(|entity| reached.contains(&*entity.id));
        let relationships = self.relationships.iter();
        let relationships =
            relationships.filter(|r| reached.contains(&*r.from_id) && reached.contains(&*r.to_id));
        let mut graph = Graph {
            entities: entities.cloned().collect(),
            relationships: relationships.cloned().collect(),
        };
        graph.entities.sort_by(|a, b| a.id.cmp(&b.id));
        graph.relationships.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(graph)
    }
}

impl KnowledgeStore for TwinWorkspace {
    fn put_entity(&self, entity: &Entity) -> Result<()> {
        self.put_entities(std::slice::from_ref(entity))
    }

    fn put_entities(&self, entities: &[Entity]) -> Result<()> {
        entities.iter().try_for_each(Entity::validate)?;
        self.data.write(|data| {
            entities.iter().for_each(|entity| data.put_entity(entity));
            Ok(())
        })
    }

    fn entity(&self, id: &str) -> Result<Entity> {
        self.data.read(|data| {
            let found = data.entities.find(|entity| entity.id == id);
            found.cloned().ok_or_else(|| not_found("entity", id))
        })
    }

    fn find_entities(&self, query: &EntityQuery) -> Result<Page<Entity>> {
        let prefix = query.name_prefix.as_deref().unwrap_or_default().to_ascii_lowercase();
        self.data.read(|data| {
            let found = |entity: &Entity| {
                wanted(&entity.kind, query.kind.as_deref())
                    && entity.name.to_ascii_lowercase().starts_with(&prefix)
            };
            let rows = data.entities.sorted(|entity| entity.created_at, found);
            let mut rows: Vec<Row<Entity>> = rows
                .into_iter()
                .map(|row| Row { seq: data.named.place(|id| *id == row.record.id), ..row })
                .collect();
            rows.sort_by_key(|row| (row.time, row.seq));
            Ok(page(rows, Order::OldestFirst, &query.paging, LIMIT))
        })
    }

    fn delete_entities(&self, ids: &[&str]) -> Result<i64> {
        self.data.write(|data| Ok(ids.iter().map(|id| data.delete_entity(id)).sum()))
    }

    fn put_relationship(&self, relationship: &Relationship) -> Result<()> {
        self.put_relationships(std::slice::from_ref(relationship))
    }

    fn put_relationships(&self, relationships: &[Relationship]) -> Result<()> {
        relationships.iter().try_for_each(Relationship::validate)?;
        self.data.write(|data| relationships.iter().try_for_each(|r| data.put_relationship(r)))
    }

    fn relationships(
        &self,
        entity_id: &str,
        query: &RelationshipQuery,
    ) -> Result<Page<Relationship>> {
        self.data.read(|data| {
            data.has_entity(entity_id)?;
            let found = |r: &Relationship| {
                let outgoing = r.from_id == entity_id && query.direction != Direction::Incoming;
                let incoming = r.to_id == entity_id && query.direction != Direction::Outgoing;
                (outgoing || incoming) && wanted(&r.kind, query.kind.as_deref())
            };
            let rows = data.relationships.sorted(|r| r.created_at, found);
            Ok(page(rows, Order::OldestFirst, &query.paging, LIMIT))
        })
    }

    fn delete_relationships(&self, ids: &[&str]) -> Result<i64> {
        self.data.write(|data| Ok(data.relationships.remove(|r| ids.contains(&&*r.id))))
    }

    fn put_fact(&self, fact: &Fact) -> Result<()> {
        self.put_facts(std::slice::from_ref(fact))
    }

    fn put_facts(&self, facts: &[Fact]) -> Result<()> {
        facts.iter().try_for_each(Fact::validate)?;
        self.data.write(|data| facts.iter().try_for_each(|fact| data.put_fact(fact)))
    }

    fn find_facts(&self, query: &FactQuery) -> Result<Page<Fact>> {
        self.data.read(|data| {
            let found = |fact: &Fact| {
                wanted(&fact.entity_id, query.entity_id.as_deref())
                    && wanted(&fact.predicate, query.predicate.as_deref())
                    && wanted(&fact.source, query.source.as_deref())
            };
            let rows = data.facts.sorted(|fact| fact.created_at, found);
            Ok(page(rows, Order::NewestFirst, &query.paging, LIMIT))
        })
    }

    fn delete_facts_by_source(&self, source: &str) -> Result<i64> {
        self.data.write(|data| Ok(data.facts.remove(|fact| fact.source == source)))
    }

    fn delete_facts(&self, ids: &[&str]) -> Result<i64> {
        self.data.write(|data| Ok(data.facts.remove(|fact| ids.contains(&&*fact.id))))
    }

    fn traverse(&self, start: &str, traversal: &Traversal) -> Result<Graph> {
        self.data.read(|data| data.traverse(start, traversal))
    }
}
