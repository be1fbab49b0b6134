//! Compacting 50 messages in workspaces of three sizes, which stay as large as they are.

use std::time::Duration;

use super::{DIMENSIONS, Options, Runs, fill, lanes, measure};
use crate::contender::Tally;
use crate::error::Result;
use crate::model::{Digest, Embedding, Fact, Message, Properties, Summary};
use crate::text::{Writer, beginning};

const SIZES: [usize; 3] = [1_000, 10_000, 100_000];
const BATCH: usize = 50;
const STEPS: usize = 20;
const FACTS: usize = 8;

/// The digest of the oldest 50 messages is given: what is measured is the store.
///
/// # Errors
///
/// If a store fails.
pub fn run(options: &Options) -> Result<()> {
    for full in SIZES {
        let size = options.scaled(full, 2 * BATCH);
        let mut writer = Writer::new(5);
        let apart = Duration::from_secs(36);
        let total = size + options.runs * STEPS * BATCH;
        let messages = writer.messages("s", total, beginning(), apart);
        let mut embeddings = messages.iter().map(|message| embedding(&mut writer, &message.id));
        let (old, new) = messages.split_at(size);
        let mut lanes = lanes(options)?;
        // Vectors are made for one batch at a time: all of them would be 150 MB.
        for batch in old.chunks(1_000) {
            let vectors: Vec<Embedding> = embeddings.by_ref().take(batch.len()).collect();
            fill(&mut lanes, |side| {
                side.append(batch)?;
                side.store_vectors(&vectors)
            })?;
        }
        let refills: Vec<(&[Message], Vec<Embedding>)> = new
            .chunks(BATCH)
            .map(|batch| (batch, embeddings.by_ref().take(batch.len()).collect()))
            .collect();
        let digests: Vec<Digest> = (0..options.runs * STEPS).map(|_| digest(&mut writer)).collect();
        let mut runs = Runs::new();
        for run in 0..options.runs {
            runs.add(measure(
                &mut lanes,
                STEPS,
                |side, n| {
                    let (messages, vectors) = &refills[run * STEPS + n];
                    side.append(messages)?;
                    side.store_vectors(vectors)
                },
                |side, n| {
                    let mut bytes = 0;
                    let records = side.compact(BATCH, &mut |batch| {
                        bytes = Tally::of_messages(batch).bytes;
                        let mut digest = digests[run * STEPS + n].clone();
                        complete(&mut digest.summary, batch);
                        digest
                    })?;
                    Ok(Tally { records, bytes })
                },
            )?);
        }
        runs.report(&format!("compact {BATCH} of {size} messages"));
    }
    Ok(())
}

fn embedding(writer: &mut Writer, id: &str) -> Embedding {
    let mut metadata = Properties::new();
    metadata.insert("session_id".into(), "s".into());
    Embedding { id: id.to_owned(), vector: writer.vector(DIMENSIONS), metadata }
}

/// A digest whose summary does not yet say what it stands for.
fn digest(writer: &mut Writer) -> Digest {
    let id = format!("sum-{}", writer.random().uuid());
    let facts = (0..FACTS)
        .map(|n| Fact {
            id: format!("{id}-fact-{n}"),
            entity_id: writer.word().to_owned(),
            predicate: writer.word().to_owned(),
            value: writer.prose(10, 60),
            confidence: 0.75,
            source: "compaction".into(),
            created_at: beginning(),
        })
        .collect();
    let embedding = embedding(writer, &id);
    let summary = Summary {
        id,
        from_time: beginning(),
        to_time: beginning(),
        content: writer.prose(600, 1_200),
        message_ids: Vec::new(),
        created_at: beginning(),
        committed: true,
    };
    Digest { summary, facts, embedding }
}

fn complete(summary: &mut Summary, batch: &[Message]) {
    if let (Some(first), Some(last)) = (batch.first(), batch.last()) {
        summary.from_time = first.created_at;
        summary.to_time = last.created_at;
        summary.created_at = last.created_at;
    }
    summary.message_ids = batch.iter().map(|message| message.id.clone()).collect();
}
