//! Reading from large stores: windows of sessions, hours of messages, phrases, near vectors.

use std::time::Duration;

use super::chat::sessions;
use super::{DIMENSIONS, Options, Runs, fill, lanes, measure};
use crate::contender::{Contender, Tally};
use crate::error::Result;
use crate::model::{Embedding, Message, Properties};
use crate::random::Random;
use crate::text::{Writer, beginning};

const MESSAGES: usize = 100_000;
const SESSIONS: usize = 200;
const READS: usize = 2_000;
const SEARCHES: usize = 400;
const VECTORS: usize = 10_000;
const VECTOR_SEARCHES: usize = 100;
/// 36 s apart, 100,000 messages are 100 in each of 1,000 hours.
const APART: Duration = Duration::from_secs(36);
const IN_AN_HOUR: usize = 100;

/// 2,000 windows of 50 and 2,000 hours of 1,000 in 100,000 messages; phrases of two words in the
/// same; the 10 nearest of 10,000 vectors.
///
/// # Errors
///
/// If a store fails.
pub fn run(options: &Options) -> Result<()> {
    let mut writer = Writer::new(3);
    let sessions = sessions(&mut writer, SESSIONS);
    let count = options.scaled(MESSAGES, 20 * IN_AN_HOUR);
    let mut messages = writer.messages("", count, beginning(), APART);
    for (n, message) in messages.iter_mut().enumerate() {
        message.session_id.clone_from(&sessions[n % SESSIONS].id);
    }
    let vectors: Vec<Embedding> = (0..options.scaled(VECTORS, 100))
        .map(|_| Embedding {
            id: writer.random().uuid(),
            vector: writer.vector(DIMENSIONS),
            metadata: Properties::new(),
        })
        .collect();
    let mut lanes = lanes(options)?;
    fill(&mut lanes, |side| {
        side.create_sessions(&sessions)?;
        for batch in messages.chunks(1_000) {
            side.append_to_sessions(batch)?;
            side.append(batch)?;
        }
        vectors.chunks(1_000).try_for_each(|batch| side.store_vectors(batch))
    })?;

    let reads = options.scaled(READS, 40);
    let mut case = |name: &str,
                    steps: usize,
                    step: &mut dyn FnMut(&mut dyn Contender, usize) -> Result<Tally>|
     -> Result<()> {
        let mut runs = Runs::new();
        for _ in 0..options.runs {
            runs.add(measure(&mut lanes, steps, |_, _| Ok(()), |side, n| step(side, n))?);
        }
        runs.report(name);
        Ok(())
    };
    let at = |n: usize, bound: usize| Random::new(n as u64).below(bound);
    case("active window of 50", reads, &mut |side, n| {
        side.active_window(&sessions[at(n, SESSIONS)].id, 50)
    })?;
    case("range: one hour, 100 messages", reads, &mut |side, n| {
        let first = at(n, count / IN_AN_HOUR) * IN_AN_HOUR;
        let from = messages[first].created_at;
        side.range(from, from + APART * 100)
    })?;
    let phrases: Vec<String> =
        (0..options.scaled(SEARCHES, 40)).map(|n| phrase(&messages[at(n, count)])).collect();
    case("phrase of two words, 50 newest hits", phrases.len(), &mut |side, n| {
        side.search(&phrases[n], 50)
    })?;
    let queries: Vec<Vec<f32>> =
        (0..options.scaled(VECTOR_SEARCHES, 20)).map(|_| writer.vector(DIMENSIONS)).collect();
    case("10 nearest vectors", queries.len(), &mut |side, n| side.search_vectors(&queries[n], 10))
}

/// Two words from the middle of a message.
fn phrase(message: &Message) -> String {
    let middle = message.content.len() / 2;
    let words: Vec<&str> = message.content[middle..].split(' ').skip(1).take(2).collect();
    words.join(" ")
}
