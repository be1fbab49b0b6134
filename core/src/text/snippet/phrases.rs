//! Where phrases stand among the words of a text.

use std::collections::HashMap;

use super::wanted::{Wanted, allowed};
use super::{Check, checked};
use crate::error::Result;
use crate::text::analyzer::{Analyzer, Token};
use crate::text::search::Leaf;

/// All phrases of a query, each once, as a tree of their words.
///
/// A text is walked over once: from each of its words on, only phrases that begin as the text does
/// there are followed, however many there are.
#[derive(Debug, Default)]
pub(super) struct Phrases {
    wanted: Wanted,
    nodes: Vec<Node>,
    /// From a node, so many positions on, by the number of a word to the next node.
    edges: HashMap<(u32, u32, u32), u32>,
    count: usize,
}

#[derive(Debug, Default)]
struct Node {
    /// How far the next words of phrases are behind the word of this one.
    gaps: Vec<u32>,
    /// The phrase that ends here, and the one that only the beginning of a column will do for.
    phrase: Option<usize>,
    initial: Option<usize>,
}

/// A word of a text that some phrase looks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit {
    pub(super) position: u32,
    /// Where it is in the text, in bytes.
    pub(super) start: usize,
    pub(super) end: usize,
    /// Its place in [`Hits::words`].
    word: usize,
}

/// The words of a text that phrases look for.
#[derive(Debug, Default)]
pub(super) struct Hits {
    pub(super) all: Vec<Hit>,
    /// The numbers of what each different word will do for.
    words: Vec<Vec<u32>>,
}

impl Phrases {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Adds a phrase if it is new, and returns its number.
    pub(super) fn add(&mut self, leaf: &Leaf, typos: u8) -> usize {
        let typos = allowed(&leaf.terms, typos);
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        let (mut node, mut offset) = (0_u32, 0);
        for term in &leaf.terms {
            let gap = term.offset.saturating_sub(offset);
            offset = term.offset;
            let number = self.wanted.number(term, typos);
            let next = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
            let reached = *self.edges.entry((node, gap, number)).or_insert(next);
            if reached == next {
                self.nodes.push(Node::default());
            }
            if let Some(node) = self.nodes.get_mut(node as usize)
                && !node.gaps.contains(&gap)
            {
                node.gaps.push(gap);
            }
            node = reached;
        }
        let count = &mut self.count;
        let mut number = || {
            *count += 1;
            *count - 1
        };
        match self.nodes.get_mut(node as usize) {
            Some(Node { initial, .. }) if leaf.initial => *initial.get_or_insert_with(number),
            Some(Node { phrase, .. }) => *phrase.get_or_insert_with(number),
            None => number(),
        }
    }

    /// Looks every word of a text up.
    pub(super) fn hits(&self, text: &str, analyzer: &Analyzer, check: Check<'_>) -> Result<Hits> {
        let mut hits = Hits::default();
        let mut known: HashMap<Box<str>, Option<usize>> = HashMap::new();
        let (mut steps, mut outcome) = (0, Ok(()));
        analyzer.each(text, |Token { term, position, start, end }| {
            if outcome.is_err() {
                return;
            }
            outcome = checked(&mut steps, check);
            let word = known.get(term).copied().unwrap_or_else(|| {
                let numbers = self.wanted.of(term);
                let word = (!numbers.is_empty()).then_some(hits.words.len());
                if word.is_some() || self.wanted.is_slow() {
                    known.insert(Box::from(term), word);
                }
                hits.words.extend(word.map(|_| numbers));
                word
            });
            hits.all.extend(word.map(|word| Hit { position, start, end, word }));
        });
        outcome.map(|()| hits)
    }

    /// Calls `f` with each occurrence: the phrase, and its first and last word among the hits;
    /// ascending by the first.
    pub(super) fn each(
        &self,
        hits: &Hits,
        check: Check<'_>,
        mut f: impl FnMut(usize, Hit, Hit),
    ) -> Result<()> {
        let mut steps = 0;
        // The node that was reached, how far on the next word must be, and where it is.
        let mut open: Vec<(u32, u32, usize)> = Vec::new();
        for (first, hit) in hits.all.iter().enumerate() {
            open.push((0, 0, first));
            while let Some((node, gap, at)) = open.pop() {
                checked(&mut steps, check)?;
                let Some(last) = hits.all.get(at) else { continue };
                for number in hits.words.get(last.word).into_iter().flatten() {
                    let Some(next) = self.edges.get(&(node, gap, *number)) else { continue };
                    let Some(reached) = self.nodes.get(*next as usize) else { continue };
                    if let Some(phrase) = reached.phrase {
                        f(phrase, *hit, *last);
                    }
                    if let Some(phrase) = reached.initial.filter(|_| hit.position == 0) {
                        f(phrase, *hit, *last);
                    }
                    for gap in &reached.gaps {
                        open.extend(hits.behind(at, *gap).map(|at| (*next, *gap, at)));
                    }
                }
            }
        }
        Ok(())
    }
}

impl Hits {
    /// The hit that is so many positions behind this one.
    fn behind(&self, at: usize, gap: u32) -> Option<usize> {
        let wanted = self.all.get(at)?.position.checked_add(gap)?;
        let rest = self.all.get(at + 1..)?;
        // One for each position at most.
        let rest = rest.get(..gap as usize).unwrap_or(rest);
        let found = rest.binary_search_by_key(&wanted, |hit| hit.position).ok()?;
        Some(at + 1 + found)
    }
}
