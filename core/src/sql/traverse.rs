//! Walking the graph.

use std::collections::{BTreeMap, HashSet};

use super::knowledge::{ENTITY_COLUMNS, entity_key, read_entity};
use super::rows::{read_all, read_one};
use crate::engine::Database;
use crate::error::Result;
use crate::params;
use crate::stores::{Graph, Relationship, Traversal};

/// What is reached from `start`, level by level. Every number of an entity is visited once.
pub(super) fn traverse(db: &Database, start: &str, traversal: &Traversal) -> Result<Graph> {
    let start = entity_key(db, start)?;
    let types: HashSet<&str> = traversal.types.iter().map(String::as_str).collect();
    let mut reached = HashSet::from([start]);
    let mut frontier = vec![start];
    for _ in 0..traversal.steps() {
        let mut next = Vec::new();
        for key in frontier {
            for sql in [
                "SELECT to_entity, type FROM sigil_relationship WHERE from_entity = ?",
                "SELECT from_entity, type FROM sigil_relationship WHERE to_entity = ?",
            ] {
                db.query_each(sql, params![key], |row| {
                    let other = row.get_i64(0)?;
                    let walked = types.is_empty() || types.contains(row.get_str(1)?);
                    if walked && reached.insert(other) {
                        next.push(other);
                    }
                    Ok(())
                })?;
            }
        }
        if next.is_empty() {
            break;
        }
        frontier = next;
    }
    read(db, &reached)
}

fn read(db: &Database, reached: &HashSet<i64>) -> Result<Graph> {
    let mut ids = BTreeMap::new();
    let mut graph = Graph::default();
    let entity =
        format!("SELECT {ENTITY_COLUMNS} FROM sigil_entity WHERE seq = ? AND type IS NOT NULL");
    for key in reached {
        if let Some(entity) = read_one(db, "sigil_entity", &entity, params![*key], read_entity)? {
            ids.insert(*key, entity.id.clone());
            graph.entities.push(entity);
        } else {
            let sql = "SELECT id FROM sigil_entity WHERE seq = ?";
            let found = read_one(db, "sigil_entity", sql, params![*key], |row| row.text())?;
            ids.insert(*key, found.unwrap_or_default());
        }
    }
    let edges =
        "SELECT to_entity, id, type, metadata FROM sigil_relationship WHERE from_entity = ?";
    for (key, from_id) in &ids {
        let out = read_all(db, "sigil_relationship", edges, params![*key], |columns| {
            let Some(to_id) = ids.get(&columns.int()?) else { return Ok(None) };
            Ok(Some(Relationship {
                id: columns.text()?,
                from_id: from_id.clone(),
                to_id: to_id.clone(),
                kind: columns.text()?,
                metadata: columns.metadata()?,
            }))
        })?;
        graph.relationships.extend(out.into_iter().flatten());
    }
    graph.entities.sort_by(|a, b| a.id.cmp(&b.id));
    graph.relationships.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(graph)
}
