//! Random operations over all typed stores, for two backends to be compared by.

mod gateway;
mod knowledge;
mod records;
mod workspace;

use std::fmt::Debug;
use std::sync::Arc;

use sigil_core::{
    Embedder, Error, ErrorKind, ExtractedFact, FactExtractor, Gateway, Message, Page, Paging,
    Result, Summarizer, Workspace,
};
use sigil_store_tests::host::StepHost;

use crate::random::Random;

/// One of the two backends.
#[derive(Debug)]
pub struct Side {
    /// What both stores ask for time and entropy.
    pub host: Arc<StepHost>,
    /// A workspace whose vectors have three elements under euclidean distance.
    pub workspace: Workspace,
    /// A gateway.
    pub gateway: Gateway,
}

type Run = Box<dyn Fn(&Side) -> Result<String>>;

/// Something to do to both backends.
pub struct Operation {
    /// What it is, for people.
    pub label: String,
    step: u32,
    run: Run,
}

impl Debug for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.label)
    }
}

impl Operation {
    /// Does it, and gives all that can be seen of the outcome: the value, or the kind of the error.
    pub fn outcome(&self, side: &Side) -> String {
        side.host.at(self.step);
        match (self.run)(side) {
            Ok(value) => value,
            Err(error) => format!("error {}", error.kind()),
        }
    }
}

/// Makes operations.
#[derive(Debug)]
pub struct Operations {
    random: Random,
    step: u32,
}

impl Operations {
    /// Those that follow from `seed`.
    pub fn new(seed: u64) -> Operations {
        Operations { random: Random::new(seed), step: 0 }
    }

    /// The generator, for choices beside the operations.
    pub fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    /// A random operation.
    pub fn next_operation(&mut self) -> Operation {
        const IN_TRANSACTIONS: usize = 12;
        if self.random.below(IN_TRANSACTIONS) == 0 { self.transaction() } else { self.single() }
    }

    fn single(&mut self) -> Operation {
        self.step += 1;
        let random = &mut self.random;
        let (label, run) = match random.below(20) {
            0..=3 => workspace::sessions(random),
            4..=7 => workspace::messages(random),
            8..=9 => workspace::summaries(random),
            10..=13 => knowledge::operation(random),
            14..=15 => workspace::vectors(random),
            16 => workspace::whole(random),
            _ => gateway::operation(random),
        };
        Operation { label, step: self.step, run }
    }

    /// Several operations in one transaction, which may be given up in the end.
    fn transaction(&mut self) -> Operation {
        let inner: Vec<Operation> = (0..1 + self.random.below(8)).map(|_| self.single()).collect();
        let (of_gateway, gives_up) = (self.random.below(4) == 0, self.random.below(3) == 0);
        let label =
            format!("transaction of gateway: {of_gateway}, gives up: {gives_up}, {inner:?}");
        let run = move |side: &Side| {
            let mut outcomes = Vec::new();
            let mut body = || {
                outcomes.extend(inner.iter().map(|operation| operation.outcome(side)));
                if gives_up { Err(Error::new(ErrorKind::Timeout, "gave up")) } else { Ok(()) }
            };
            let ended = if of_gateway {
                side.gateway.transaction(|_| body())
            } else {
                side.workspace.transaction(|_| body())
            };
            Ok(format!("{:?} {outcomes:?}", ended.map_err(|error| error.kind())))
        };
        self.step += 1;
        Operation { label, step: self.step, run: Box::new(run) }
    }
}

/// A value, every other time.
fn some<T>(random: &mut Random, value: impl FnOnce(&mut Random) -> T) -> Option<T> {
    (random.below(2) == 0).then(|| value(random))
}

/// An operation that gives a value.
fn op<T: Debug>(
    label: impl Into<String>,
    run: impl Fn(&Side) -> Result<T> + 'static,
) -> (String, Run) {
    (label.into(), Box::new(move |side| Ok(format!("{:?}", run(side)?))))
}

/// What can be compared of a page: backends number their records as they like.
fn page<T>(page: Page<T>) -> (Vec<T>, bool) {
    (page.items, page.next.is_some())
}

/// Reads some pages of a list, as long as `paging` says, from its offset on.
fn walk<T>(paging: &Paging, list: impl Fn(&Paging) -> Result<Page<T>>) -> Result<Vec<T>> {
    const PAGES: usize = 6;
    let mut paging = paging.clone();
    let mut records = Vec::new();
    for _ in 0..PAGES {
        let Page { items, next } = list(&paging)?;
        records.extend(items);
        if next.is_none() {
            break;
        }
        (paging.after, paging.offset) = (next, 0);
    }
    Ok(records)
}

/// Summarises, embeds and extracts without thinking, and may give up.
#[derive(Debug, Clone, Copy)]
pub struct Machine {
    /// Which of its three jobs it gives up at; 3 for none.
    pub gives_up_at: usize,
}

impl Machine {
    fn job(self, job: usize) -> Result<()> {
        if self.gives_up_at == job {
            return Err(Error::new(ErrorKind::Timeout, "gave up"));
        }
        Ok(())
    }
}

impl Summarizer for Machine {
    fn summarize(&self, messages: &[Message]) -> Result<String> {
        self.job(0)?;
        Ok(messages.iter().map(|message| &*message.content).collect::<Vec<_>>().join(" / "))
    }
}

impl Embedder for Machine {
    fn embed(&self, text: &str) -> Result<Vec<f32>> {
        self.job(1)?;
        let element = |n: usize| f32::from(text.as_bytes().get(n).copied().unwrap_or(0) % 8);
        Ok(vec![element(0), element(1), element(2)])
    }
}

impl FactExtractor for Machine {
    fn extract(&self, messages: &[Message]) -> Result<Vec<ExtractedFact>> {
        self.job(2)?;
        let fact = |message: &Message| ExtractedFact {
            entity_id: message.session_id.clone(),
            predicate: "said".to_owned(),
            value: message.content.clone(),
            confidence: 2.0,
        };
        Ok(messages.iter().map(fact).collect())
    }
}
