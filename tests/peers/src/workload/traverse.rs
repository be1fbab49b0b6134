//! Walking 100,000 relationships between 20,000 entities.

use super::{Options, Runs, fill, lanes, measure};
use crate::error::Result;
use crate::graph;
use crate::text::Writer;

const ENTITIES: usize = 20_000;
const RELATIONSHIPS: usize = 100_000;
const STARTS: usize = 200;

/// 200 starts at depths 1 to 4, where all entities are alike and where some are hubs.
///
/// # Errors
///
/// If a store fails.
pub fn run(options: &Options) -> Result<()> {
    for (name, skew) in [("random", 1), ("hubs", 3)] {
        let mut writer = Writer::new(4);
        let entities = graph::entities(&mut writer, options.scaled(ENTITIES, 500));
        let count = options.scaled(RELATIONSHIPS, 2_500);
        let relationships = graph::relationships(&mut writer, &entities, count, skew);
        let starts: Vec<&str> = (0..options.scaled(STARTS, 20))
            .map(|_| &*entities[writer.random().below(entities.len())].id)
            .collect();
        let mut lanes = lanes(options)?;
        fill(&mut lanes, |side| side.put_graph(&entities, &relationships))?;
        for depth in 1..=4 {
            let mut runs = Runs::new();
            for _ in 0..options.runs {
                runs.add(measure(
                    &mut lanes,
                    starts.len(),
                    |_, _| Ok(()),
                    |side, n| side.traverse(starts[n], depth),
                )?);
            }
            runs.report(&format!("traverse, {name}, depth {depth}"));
        }
    }
    Ok(())
}
