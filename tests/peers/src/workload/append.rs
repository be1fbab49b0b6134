//! Appending to the searchable messages, a transaction a batch.

use std::time::Duration;

use super::{Options, Runs, fill, lanes, measure};
use crate::contender::Tally;
use crate::error::Result;
use crate::text::{Writer, beginning};

const MESSAGES: usize = 100_000;
const BATCH: usize = 100;

/// 100,000 messages in batches of 100, into an empty store.
///
/// # Errors
///
/// If a store fails.
pub fn run(options: &Options) -> Result<()> {
    let count = options.scaled(MESSAGES, 20 * BATCH);
    let messages = Writer::new(2).messages("s", count, beginning(), Duration::from_secs(36));
    let batches: Vec<_> = messages.chunks(BATCH).collect();
    let mut runs = Runs::new();
    for _ in 0..options.runs {
        let mut lanes = lanes(options)?;
        fill(&mut lanes, |_| Ok(()))?;
        runs.add(measure(
            &mut lanes,
            batches.len(),
            |_, _| Ok(()),
            |side, n| side.append(batches[n]).map(|()| Tally::of_messages(batches[n])),
        )?);
    }
    runs.report(&format!("append {count} messages, a batch of {BATCH}"));
    Ok(())
}
