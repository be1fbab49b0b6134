//! Which documents of a segment have a phrase, and how often.

use super::Scope;
use super::phrase;
use super::plan::Leaf;
use crate::error::Result;
use crate::text::builder::{GRAM, beginning};
use crate::text::segment::List;
use crate::text::segment::positions::Positions;
use crate::text::segment::postings::{END, Postings};

/// A document with a phrase, and how often it has it: times the weight of the column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Match {
    pub(super) doc: u32,
    pub(super) freq: f64,
}

/// The documents of a segment that have a phrase.
#[derive(Debug)]
pub(super) enum Matches {
    /// Those of the list, of which dead ones are not counted, each with this weight.
    List { list: List, weight: f64, living: u32 },
    /// These, ascending, all living.
    Docs(Vec<Match>),
}

impl Matches {
    pub(super) const NONE: Matches = Matches::Docs(Vec::new());

    /// How many living documents there are.
    pub(super) fn count(&self) -> u64 {
        match self {
            Matches::List { living, .. } => u64::from(*living),
            Matches::Docs(docs) => docs.len() as u64,
        }
    }
}

/// Finds the documents that have a phrase.
pub(super) fn find(leaf: &Leaf, scope: &Scope<'_>) -> Result<Matches> {
    match &leaf.terms[..] {
        [_] if !leaf.initial => {
            let mut lists = Vec::new();
            for column in &leaf.columns {
                let weight = scope.weight(*column);
                for (list, closeness) in expansions(leaf, 0, *column, scope)? {
                    lists.push((list, weight * closeness));
                }
            }
            union(lists, scope)
        }
        _ => {
            let mut found = Vec::new();
            for column in &leaf.columns {
                phrase::find(leaf, *column, scope, &mut |doc, starts| {
                    let freq = scope.weight(*column) * starts.len() as f64;
                    found.push(Match { doc, freq });
                })?;
            }
            // In one column they come in order already.
            found.sort_by_key(|found| found.doc);
            Ok(Matches::Docs(summed(found)))
        }
    }
}

/// The lists of the terms that a term of a phrase stands for, and how near each comes to it.
pub(super) fn expansions(
    leaf: &Leaf,
    term: usize,
    column: u8,
    scope: &Scope<'_>,
) -> Result<Vec<(List, f64)>> {
    let term = &leaf.terms[term];
    let key = |head: u8| [&[head], term.term.as_bytes()].concat();
    let reader = &scope.reader;
    let mut lists = Vec::new();
    if term.prefix {
        let chars = term.term.chars().count();
        let has_list = scope.grams.iter().any(|gram| usize::from(*gram) == chars);
        if has_list && leaf.terms.len() == 1 && !leaf.initial {
            debug_assert!(beginning(&term.term, chars).is_some());
            lists.extend(reader.find(&key(GRAM | column))?.map(|list| (list, 1.0)));
            return Ok(lists);
        }
        let prefix = key(column);
        let mut walk = reader.walk(&prefix)?;
        while walk.next()? {
            if walk.term().starts_with(&prefix) {
                lists.push((reader.list(&walk)?, 1.0));
            } else if *walk.term() > *prefix {
                break;
            }
        }
        return Ok(lists);
    }
    if scope.typos > 0 && leaf.terms.len() == 1 {
        return super::typo::expansions(&term.term, column, scope);
    }
    lists.extend(reader.find(&key(column))?.map(|list| (list, 1.0)));
    Ok(lists)
}

/// The documents of all lists together.
fn union(mut lists: Vec<(List, f64)>, scope: &Scope<'_>) -> Result<Matches> {
    if lists.len() <= 1 {
        let Some((list, weight)) = lists.pop() else { return Ok(Matches::NONE) };
        let living = list.count - dead_in(&list, scope)?;
        return Ok(Matches::List { list, weight, living });
    }
    let total: usize = lists.iter().map(|(list, _)| list.count as usize).sum();
    let documents = scope.documents.len();
    // A number for every document is cheaper than sorting, unless they are few.
    if total >= documents / 8 {
        // A weight of 0 makes no document one that does not match.
        const NONE: f64 = -1.0;
        let mut freqs = vec![NONE; documents];
        for (list, weight) in &lists {
            each(list, scope, |doc, freq| {
                if let Some(sum) = freqs.get_mut(doc as usize) {
                    *sum = sum.max(0.0) + weight * f64::from(freq);
                }
            })?;
        }
        let found = (0..).zip(freqs).filter(|(_, freq)| *freq > NONE);
        return Ok(Matches::Docs(found.map(|(doc, freq)| Match { doc, freq }).collect()));
    }
    let mut found = Vec::with_capacity(total);
    for (list, weight) in &lists {
        each(list, scope, |doc, freq| {
            found.push(Match { doc, freq: weight * f64::from(freq) });
        })?;
    }
    found.sort_by_key(|found| found.doc);
    Ok(Matches::Docs(summed(found)))
}

/// Calls `f` with each living document of a list, and with the occurrences in it.
fn each(list: &List, scope: &Scope<'_>, mut f: impl FnMut(u32, u32)) -> Result<()> {
    let mut postings = Postings::new(&list.docs, list.count);
    while postings.doc() != END {
        let (docs, freqs) = postings.rest_of_block();
        for (doc, freq) in docs.iter().zip(freqs) {
            if !scope.dead.contains(*doc) {
                f(*doc, *freq);
            }
        }
        postings.next_block();
    }
    scope.reader.check(postings.is_whole())
}

/// Puts together what stands side by side for the same document.
fn summed(mut found: Vec<Match>) -> Vec<Match> {
    found.dedup_by(|next, kept| {
        let is_same = next.doc == kept.doc;
        if is_same {
            kept.freq += next.freq;
        }
        is_same
    });
    found
}

/// How many dead documents a list has.
fn dead_in(list: &List, scope: &Scope<'_>) -> Result<u32> {
    // A step to a document far off costs about as much as reading a block of others.
    const STEP: u32 = 64;
    if scope.dead.is_empty() {
        return Ok(0);
    }
    let mut postings = Postings::new(&list.docs, list.count);
    let mut count = 0_u32;
    if scope.dead.count() < list.count / STEP {
        for doc in scope.dead.iter() {
            count += u32::from(postings.seek(doc) == doc);
        }
    } else {
        while postings.doc() != END {
            let (docs, _) = postings.rest_of_block();
            count += docs.iter().map(|doc| u32::from(scope.dead.contains(*doc))).sum::<u32>();
            postings.next_block();
        }
    }
    scope.reader.check(postings.is_whole())?;
    Ok(count.min(list.count))
}

/// A list of documents with the positions beside it.
#[derive(Debug)]
pub(super) struct WithPositions<'a> {
    pub(super) postings: Postings<'a>,
    pub(super) positions: Positions<'a>,
}

impl WithPositions<'_> {
    pub(super) fn is_whole(&self) -> bool {
        self.postings.is_whole() && self.positions.is_whole()
    }
}
