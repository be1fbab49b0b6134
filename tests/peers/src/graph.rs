//! Made-up knowledge: entities and random relationships between them.

use serde_json::json;

use crate::model::{Entity, Properties, Relationship};
use crate::text::{Writer, beginning};

const TYPES: [&str; 6] = ["person", "project", "place", "document", "tool", "topic"];
const KINDS: [&str; 8] =
    ["knows", "works_on", "located_in", "wrote", "uses", "mentions", "part_of", "depends_on"];

/// Entities with two properties each; their ids are UUIDs.
pub fn entities(writer: &mut Writer, count: usize) -> Vec<Entity> {
    (0..count)
        .map(|_| {
            let mut properties = Properties::new();
            properties.insert("note".into(), json!(writer.prose(20, 120)));
            properties.insert("rank".into(), json!(writer.random().below(100)));
            let given = writer.word().to_owned();
            let name = format!("{given} {}", writer.word());
            Entity {
                id: writer.random().uuid(),
                kind: TYPES[writer.random().below(TYPES.len())].to_owned(),
                name,
                properties: Some(properties),
                created_at: beginning(),
                updated_at: beginning(),
            }
        })
        .collect()
}

/// Relationships between entities, every fourth with metadata. With `skew` 1 each entity is as
/// likely an end as any other; with 3 the first few are hubs.
pub fn relationships(
    writer: &mut Writer,
    entities: &[Entity],
    count: usize,
    skew: i32,
) -> Vec<Relationship> {
    (0..count)
        .map(|n| {
            let random = writer.random();
            let from = random.skewed(entities.len(), skew);
            let to = random.skewed(entities.len(), skew);
            let kind = KINDS[random.below(KINDS.len())].to_owned();
            let metadata = (n % 4 == 0).then(|| {
                let mut metadata = Properties::new();
                metadata.insert("weight".into(), json!(random.below(1_000)));
                metadata
            });
            Relationship {
                id: random.uuid(),
                from_id: entities[from].id.clone(),
                to_id: entities[to].id.clone(),
                kind,
                metadata,
            }
        })
        .collect()
}
