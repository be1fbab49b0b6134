//! Documents in which words stand one after another.

use super::Scope;
use super::leaf::{WithPositions, expansions};
use super::plan::Leaf;
use crate::error::Result;
use crate::text::segment::positions::Positions;
use crate::text::segment::postings::{END, Postings};
use crate::text::segment::{List, Slice};

/// Calls `f` with each living document that has a phrase in a column, ascending, and with the
/// positions at which the phrase starts.
pub(super) fn find(
    leaf: &Leaf,
    column: u8,
    scope: &Scope<'_>,
    f: &mut dyn FnMut(u32, &[u32]),
) -> Result<()> {
    // For each term its offset and its lists: one, or all that begin with it.
    let mut terms: Vec<(u32, Vec<(List, Slice)>)> = Vec::with_capacity(leaf.terms.len());
    for (at, term) in leaf.terms.iter().enumerate() {
        let mut lists = Vec::new();
        for (list, _) in expansions(leaf, at, column, scope)? {
            let positions = scope.reader.positions(&list)?;
            lists.push((list, positions));
        }
        if lists.is_empty() {
            return Ok(());
        }
        terms.push((term.offset, lists));
    }
    let mut words: Vec<(u32, Occurrences<'_>)> = Vec::with_capacity(terms.len());
    for (offset, lists) in &terms {
        words.push((*offset, Occurrences::new(lists, scope)?));
    }
    words.sort_by_key(|(_, word)| word.count());
    let initial = leaf.initial;
    let (mut starts, mut others) = (Vec::new(), Vec::new());
    let mut doc = 0;
    'documents: loop {
        let mut first = doc;
        for (_, word) in &mut words {
            let found = word.seek(doc);
            if found == END {
                break 'documents;
            }
            first = first.max(found);
            if found > doc {
                break;
            }
        }
        if first > doc {
            doc = first;
            continue;
        }
        if !scope.dead.contains(doc) {
            place(&mut words, initial, &mut starts, &mut others);
            if !starts.is_empty() {
                f(doc, &starts);
            }
        }
        doc += 1;
    }
    scope.reader.check(words.iter().all(|(_, word)| word.is_whole()))
}

/// Finds where the phrase starts in the document that all words stand on.
fn place(
    words: &mut [(u32, Occurrences<'_>)],
    initial: bool,
    starts: &mut Vec<u32>,
    others: &mut Vec<u32>,
) {
    starts.clear();
    for (n, (offset, word)) in words.iter_mut().enumerate() {
        if n == 0 {
            word.read(starts);
            starts.retain_mut(|position| match position.checked_sub(*offset) {
                Some(start) => {
                    *position = start;
                    !initial || start == 0
                }
                None => false,
            });
        } else {
            others.clear();
            word.read(others);
            let mut rest = &others[..];
            starts.retain(|start| {
                let wanted = start.saturating_add(*offset);
                let behind = rest.iter().take_while(|position| **position < wanted).count();
                rest = &rest[behind..];
                rest.first() == Some(&wanted)
            });
        }
        if starts.is_empty() {
            return;
        }
    }
}

/// Where one word of a phrase stands.
#[derive(Debug)]
enum Occurrences<'a> {
    /// Boxed for its blocks.
    One(Box<WithPositions<'a>>),
    /// Documents and positions of many words, in order.
    Many { tokens: Vec<(u32, u32)>, at: usize },
}

impl<'a> Occurrences<'a> {
    fn new(lists: &'a [(List, Slice)], scope: &Scope<'_>) -> Result<Occurrences<'a>> {
        let open = |(list, positions): &'a (List, Slice)| WithPositions {
            postings: Postings::new(&list.docs, list.count),
            positions: Positions::new(positions),
        };
        if let [one] = lists {
            return Ok(Occurrences::One(Box::new(open(one))));
        }
        let (mut tokens, mut positions) = (Vec::new(), Vec::new());
        for list in lists {
            let mut list = open(list);
            while list.postings.doc() != END {
                positions.clear();
                list.positions.read(&mut list.postings, &mut positions);
                tokens.extend(positions.iter().map(|position| (list.postings.doc(), *position)));
                list.postings.next();
            }
            scope.reader.check(list.is_whole())?;
        }
        tokens.sort_unstable();
        Ok(Occurrences::Many { tokens, at: 0 })
    }

    fn count(&self) -> usize {
        match self {
            Occurrences::One(list) => list.postings.count() as usize,
            Occurrences::Many { tokens, .. } => tokens.len(),
        }
    }

    fn seek(&mut self, target: u32) -> u32 {
        match self {
            Occurrences::One(list) => list.postings.seek(target),
            Occurrences::Many { tokens, at } => {
                let rest = &tokens[*at..];
                *at += rest.partition_point(|(doc, _)| *doc < target);
                tokens.get(*at).map_or(END, |(doc, _)| *doc)
            }
        }
    }

    /// Adds the positions in the document it stands on.
    fn read(&mut self, out: &mut Vec<u32>) {
        match self {
            Occurrences::One(list) => list.positions.read(&mut list.postings, out),
            Occurrences::Many { tokens, at } => {
                let Some((doc, _)) = tokens.get(*at) else { return };
                let here = tokens[*at..].iter().take_while(|(other, _)| other == doc);
                out.extend(here.map(|(_, position)| *position));
            }
        }
    }

    fn is_whole(&self) -> bool {
        match self {
            Occurrences::One(list) => list.is_whole(),
            Occurrences::Many { .. } => true,
        }
    }
}
