//! Searching segments: which documents match a query, and which of them come first.
//!
//! A search goes over all segments twice. First each phrase is looked up, to know how many living
//! documents have it, which its worth depends on; then the documents that match are walked over in
//! order, a block at a time, and blocks that cannot hold one of the first are passed over (block-max
//! pruning: Ding and Suel, SIGIR 2011). So a score does not depend on how documents are spread over
//! segments, to the last bit.

use std::sync::Arc;

mod bm25;
mod leaf;
mod near;
mod phrase;
mod plan;
mod top;
mod typo;
mod walk;

use super::dead::Dead;
use super::segment::documents::Documents;
use super::segment::postings::END;
use super::segment::{Segment, SegmentReader, Source};
use crate::error::Result;
use bm25::Bm25;
use leaf::Matches;
pub(super) use near::{Spot, near};
pub(crate) use plan::Plan;
pub(super) use plan::{Leaf, Step};
pub(crate) use top::{Rank, Ranked, Top};
pub(crate) use typo::TYPOS_MAX;
pub(super) use typo::allowed as typos_in;
use walk::{Found, Walk};

/// So many documents are looked at between two looks at whether to stop.
const DOCUMENTS_PER_CHECK: usize = 1 << 13;

/// A bound that was summed up another way than the score may be too low by less than this.
const ROUNDING: f64 = 1.0 + 1e-9;

/// A segment with those of its documents that do not count.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'a> {
    pub(crate) segment: &'a Segment,
    pub(crate) dead: &'a Dead,
}

/// What is searched.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Corpus<'a> {
    pub(crate) parts: &'a [Part<'a>],
    pub(crate) source: &'a dyn Source,
    /// How many documents live, and how many tokens they have.
    pub(crate) documents: u64,
    pub(crate) tokens: u64,
    /// The lengths of beginnings that have lists of their own.
    pub(crate) grams: &'a [u8],
}

/// What ranks the documents, and which of them count.
pub(crate) trait Judge {
    /// Whether a document may be found, and what it is ranked by instead of its score.
    fn judge(&mut self, part: usize, documents: &Documents, doc: u32, score: f64) -> Option<Rank>;

    /// The first document from `doc` on that may be found, as far as that can be said without going
    /// through the documents.
    fn next(&mut self, _part: usize, doc: u32) -> u32 {
        doc
    }

    /// Whether nothing is ranked higher than its score, so that low scores can be passed over.
    fn prunes(&self) -> bool;

    /// Called now and then: an error ends the search.
    fn check(&mut self) -> Result<()>;
}

/// How phrases count.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Weights<'a> {
    /// What an occurrence in a column is worth, 1 where there is none.
    pub(crate) columns: &'a [f64],
    /// How many typos a word may have.
    pub(crate) typos: u8,
}

/// One segment while it is searched.
#[derive(Debug)]
struct Scope<'a> {
    reader: SegmentReader<'a>,
    dead: &'a Dead,
    documents: Arc<Documents>,
    grams: &'a [u8],
    columns: &'a [f64],
    typos: u8,
}

impl Scope<'_> {
    fn weight(&self, column: u8) -> f64 {
        self.columns.get(usize::from(column)).copied().unwrap_or(1.0)
    }
}

/// Gives the documents that match to `top`, as far as they may be among the first.
pub(crate) fn search(
    plan: &Plan,
    corpus: Corpus<'_>,
    weights: Weights<'_>,
    judge: &mut dyn Judge,
    top: &mut Top,
) -> Result<()> {
    let mut scopes = Vec::with_capacity(corpus.parts.len());
    let mut founds = Vec::with_capacity(corpus.parts.len());
    let mut hits = vec![0_u64; plan.leaves.len()];
    for part in corpus.parts {
        let reader = part.segment.open(corpus.source);
        let scope = Scope {
            reader,
            dead: part.dead,
            documents: reader.documents()?,
            grams: corpus.grams,
            columns: weights.columns,
            typos: weights.typos,
        };
        let found = resolve(plan, &scope, &mut hits, judge)?;
        founds.push(found);
        scopes.push(scope);
    }
    let bm25 = Bm25::new(corpus.documents, corpus.tokens);
    let idfs: Vec<f64> = hits.iter().map(|hits| Bm25::idf(corpus.documents, *hits)).collect();
    for (part, (scope, found)) in scopes.iter().zip(&founds).enumerate() {
        let walk = Walk::new(&plan.root, found, &idfs, scope.documents.lens(), &bm25);
        let at_once = (DOCUMENTS_PER_CHECK / plan.leaves.len().max(1)).max(1);
        Collector { part, scope, bm25: &bm25, judge, top, at_once }.collect(walk)?;
    }
    Ok(())
}

/// Looks every phrase up, and counts the documents that have it.
fn resolve(
    plan: &Plan,
    scope: &Scope<'_>,
    hits: &mut [u64],
    judge: &mut dyn Judge,
) -> Result<Found> {
    let nears = plan.nears();
    let mut is_near = vec![false; plan.leaves.len()];
    nears.iter().for_each(|(range, _)| is_near[range.clone()].fill(true));
    let mut leaves: Vec<Matches> = Vec::with_capacity(plan.leaves.len());
    for (number, leaf) in plan.leaves.iter().enumerate() {
        judge.check()?;
        // Those of a NEAR are looked up together.
        let matches = match is_near[number] {
            true => Matches::NONE,
            false => leaf::find(leaf, scope)?,
        };
        hits[number] += matches.count();
        leaves.push(matches);
    }
    for (range, distance) in nears {
        judge.check()?;
        let found = near::find(&plan.leaves[range.clone()], distance, scope)?;
        for (leaf, (count, docs)) in range.zip(found) {
            hits[leaf] += count;
            leaves[leaf] = Matches::Docs(docs);
        }
    }
    Ok(Found { leaves })
}

struct Collector<'c, 'a> {
    part: usize,
    scope: &'c Scope<'a>,
    bm25: &'c Bm25,
    judge: &'c mut dyn Judge,
    top: &'c mut Top,
    /// After so many documents it is time to ask whether to go on.
    at_once: usize,
}

impl Collector<'_, '_> {
    fn collect(mut self, mut walk: Walk<'_>) -> Result<()> {
        let prunes = self.judge.prunes();
        let mut doc = walk.seek(0);
        let mut looked = 0_usize;
        while doc != END {
            let (mut bound, mut until) = (f64::INFINITY, END);
            if prunes {
                // Further and further, without reading a list.
                (bound, until) = walk.bound_from(doc, self.bm25);
                while bound * ROUNDING < self.top.least() && until != END {
                    doc = until + 1;
                    (bound, until) = walk.bound_from(doc, self.bm25);
                }
            }
            if bound * ROUNDING < self.top.least() {
                break;
            }
            let next = self.judge.next(self.part, doc);
            if next > doc {
                // Its block may have a lower bound.
                doc = next;
                continue;
            }
            doc = match &mut walk {
                Walk::List(list) => {
                    list.postings.seek(doc);
                    self.take_block(list)
                }
                walk => {
                    let mut doc = walk.seek(doc);
                    while doc <= until && doc != END {
                        let next = self.judge.next(self.part, doc);
                        if next > doc {
                            doc = walk.seek(next);
                            continue;
                        }
                        self.take(walk, doc);
                        looked += 1;
                        if looked.is_multiple_of(self.at_once) {
                            self.judge.check()?;
                        }
                        doc = walk.seek(doc + 1);
                    }
                    doc
                }
            };
        }
        self.judge.check()?;
        self.scope.reader.check(walk.is_whole())
    }

    fn take(&mut self, walk: &mut Walk<'_>, doc: u32) {
        if self.scope.dead.contains(doc) {
            return;
        }
        let Some(len) = self.scope.documents.lens().get(doc as usize) else { return };
        let mut score = 0.0;
        walk.add_score(doc, *len, self.bm25, &mut score);
        self.give(doc, score);
    }

    /// Takes the rest of a block of a list, and gives the document behind it.
    fn take_block(&mut self, list: &mut walk::ListWalk<'_>) -> u32 {
        let (weight, idf) = (list.weight, list.idf);
        let lens = self.scope.documents.lens();
        let (docs, freqs) = list.postings.rest_of_block();
        let mut next = 0;
        for (doc, freq) in docs.iter().zip(freqs) {
            if *doc < next {
                continue;
            }
            let Some(len) = lens.get(*doc as usize) else { continue };
            let score = 0.0 + self.bm25.score(idf, f64::from(*freq) * weight, *len);
            if (score >= self.top.least() || !self.judge.prunes())
                && !self.scope.dead.contains(*doc)
            {
                next = self.judge.next(self.part, *doc);
                if next == *doc {
                    self.give(*doc, score);
                }
            }
        }
        list.postings.next_block()
    }

    #[inline]
    fn give(&mut self, doc: u32, score: f64) {
        let documents = &self.scope.documents;
        if self.judge.prunes() && score < self.top.least() {
            return;
        }
        if let Some(rank) = self.judge.judge(self.part, documents, doc, score) {
            let key = documents.key(doc);
            self.top.add(Ranked { rank, key, score, segment: self.part, doc });
        }
    }
}
