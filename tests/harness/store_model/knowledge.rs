//! Operations on entities, relationships and facts.

use sigil_core::{
    Direction, Entity, EntityQuery, Fact, FactQuery, Relationship, RelationshipQuery, Traversal,
};

use super::records::{self, id, ids, number, paging};
use super::{Run, op, page, some, walk};
use crate::random::Random;

fn few<T>(random: &mut Random, one: impl Fn(&mut Random) -> T) -> Vec<T> {
    (0..random.below(4)).map(|_| one(random)).collect()
}

pub(super) fn operation(random: &mut Random) -> (String, Run) {
    match random.below(3) {
        0 => entities(random),
        1 => relationships(random),
        _ => facts(random),
    }
}

fn entities(random: &mut Random) -> (String, Run) {
    let id = id(random, "e", 16);
    match random.below(8) {
        0..=2 => {
            let entity = records::entity(random);
            op(format!("put {entity:?}"), move |side| {
                side.workspace.knowledge().put_entity(&entity)
            })
        }
        3 => {
            let entities: Vec<Entity> = few(random, records::entity);
            op(format!("put {entities:?}"), move |side| {
                side.workspace.knowledge().put_entities(&entities)
            })
        }
        4 => op(format!("get entity {id:?}"), move |side| side.workspace.knowledge().entity(&id)),
        5..=6 => {
            let prefixes = ["", "al", "ALPHA", "al%", "al_", "\u{c9}", "b\0"];
            let name_prefix = some(random, |random| prefixes[random.below(7)].to_owned());
            let kind = some(random, |random| records::id(random, "kind", 3));
            let query = EntityQuery { kind, name_prefix, paging: paging(random) };
            op(format!("find {query:?}"), move |side| {
                let list = |paging: &_| {
                    let query = EntityQuery { paging: Clone::clone(paging), ..query.clone() };
                    side.workspace.knowledge().find_entities(&query)
                };
                Ok((page(list(&query.paging)?), walk(&query.paging, list)?))
            })
        }
        _ => {
            let ids: Vec<String> = ids(random, "e", 16).into_iter().take(2).collect();
            op(format!("delete entities {ids:?}"), move |side| {
                let ids: Vec<&str> = ids.iter().map(|id| &**id).collect();
                side.workspace.knowledge().delete_entities(&ids)
            })
        }
    }
}

fn relationships(random: &mut Random) -> (String, Run) {
    let id = id(random, "e", 16);
    match random.below(8) {
        0..=2 => {
            let edge = records::relationship(random);
            op(format!("put {edge:?}"), move |side| {
                side.workspace.knowledge().put_relationship(&edge)
            })
        }
        3 => {
            let edges: Vec<Relationship> = few(random, records::relationship);
            op(format!("put {edges:?}"), move |side| {
                side.workspace.knowledge().put_relationships(&edges)
            })
        }
        4 => {
            let kind = some(random, |random| records::id(random, "edge", 3));
            let direction = Direction::ALL[random.below(3)];
            let query = RelationshipQuery { kind, direction, paging: paging(random) };
            op(format!("relationships of {id:?} {query:?}"), move |side| {
                let list = |paging: &_| {
                    let query = RelationshipQuery { paging: Clone::clone(paging), ..query.clone() };
                    side.workspace.knowledge().relationships(&id, &query)
                };
                Ok((page(list(&query.paging)?), walk(&query.paging, list)?))
            })
        }
        5 => {
            let ids = ids(random, "r", 60);
            op(format!("delete relationships {ids:?}"), move |side| {
                let ids: Vec<&str> = ids.iter().map(|id| &**id).collect();
                side.workspace.knowledge().delete_relationships(&ids)
            })
        }
        _ => {
            let types = few(random, |random| records::id(random, "edge", 3));
            let traversal =
                Traversal { depth: number(random, 6) - 1, max_depth: number(random, 4), types };
            op(format!("traverse from {id:?} {traversal:?}"), move |side| {
                side.workspace.knowledge().traverse(&id, &traversal)
            })
        }
    }
}

fn facts(random: &mut Random) -> (String, Run) {
    match random.below(8) {
        0..=2 => {
            let fact = records::fact(random);
            op(format!("put {fact:?}"), move |side| side.workspace.knowledge().put_fact(&fact))
        }
        3 => {
            let facts: Vec<Fact> = few(random, records::fact);
            op(format!("put {facts:?}"), move |side| side.workspace.knowledge().put_facts(&facts))
        }
        4..=5 => {
            let query = FactQuery {
                entity_id: some(random, |random| id(random, "e", 16)),
                predicate: some(random, |random| id(random, "p", 4)),
                source: some(random, records::source),
                paging: paging(random),
            };
            op(format!("find {query:?}"), move |side| {
                let list = |paging: &_| {
                    let query = FactQuery { paging: Clone::clone(paging), ..query.clone() };
                    side.workspace.knowledge().find_facts(&query)
                };
                Ok((page(list(&query.paging)?), walk(&query.paging, list)?))
            })
        }
        6 => {
            let source = records::source(random);
            op(format!("delete facts from {source:?}"), move |side| {
                side.workspace.knowledge().delete_facts_by_source(&source)
            })
        }
        _ => {
            let ids = ids(random, "f", 60);
            op(format!("delete facts {ids:?}"), move |side| {
                let ids: Vec<&str> = ids.iter().map(|id| &**id).collect();
                side.workspace.knowledge().delete_facts(&ids)
            })
        }
    }
}
