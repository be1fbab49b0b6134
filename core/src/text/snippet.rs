//! Where the phrases of a query are in the texts of a document, and which part of them has the
//! most.
//!
//! The texts are cut into words anew, so nothing of this is kept in the index. What is marked is
//! what makes the document match, as FTS5's `highlight()` marks it: of `(a AND b) OR c` nothing of
//! `a AND b` unless both are there, and nothing behind a NOT.

mod phrases;
#[cfg(test)]
mod tests;
mod wanted;
mod window;

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::Analyzer;
use super::search::{Leaf, Plan, Spot, Step, near};
use crate::error::Result;
use phrases::{Hits, Phrases};
use window::Window;
use window::{Best, Occurrence};

/// Called now and then: an error ends it all.
pub(crate) type Check<'a> = &'a dyn Fn() -> Result<()>;

/// So many words are looked at between two looks at whether to stop.
const STEPS_PER_CHECK: u32 = 1 << 14;

/// So many occurrences of the phrases of NEAR are compared; when there are more, all are marked.
const NEAR_SPOTS_MAX: usize = 1 << 20;

/// So many occurrences of a column decide which part of it has the most; more are marked only.
const SCORED_MAX: usize = 1 << 20;

fn checked(steps: &mut u32, check: Check<'_>) -> Result<()> {
    *steps += 1;
    if *steps < STEPS_PER_CHECK {
        return Ok(());
    }
    *steps = 0;
    check()
}

/// Finds the phrases of one query.
#[derive(Debug)]
pub(crate) struct Marker<'a> {
    analyzer: &'a Analyzer,
    plan: &'a Plan,
    phrases: Phrases,
    /// The phrase and the columns of each leaf of the plan.
    leaves: Vec<(usize, Columns)>,
    /// The columns that are asked for at all.
    columns: Columns,
}

/// A bit for each column.
type Columns = u64;

fn bit(column: usize) -> Columns {
    u32::try_from(column).ok().and_then(|column| 1_u64.checked_shl(column)).unwrap_or(0)
}

/// Which occurrences are marked.
#[derive(Debug)]
struct Marked {
    /// All of a phrase in these columns.
    all: Vec<Columns>,
    /// And these of it.
    near: HashMap<usize, HashSet<Spot>>,
}

impl Marked {
    fn contains(&self, phrase: usize, spot: Spot, column: Columns) -> bool {
        self.all.get(phrase).is_some_and(|columns| columns & column != 0)
            || self.near.get(&phrase).is_some_and(|spots| spots.contains(&spot))
    }
}

impl<'a> Marker<'a> {
    pub(crate) fn new(plan: &'a Plan, analyzer: &'a Analyzer, typos: u8) -> Marker<'a> {
        let mut phrases = Phrases::default();
        let add = |leaf: &Leaf| {
            let columns = leaf.columns.iter().fold(0, |all, column| all | bit((*column).into()));
            (phrases.add(leaf, typos), columns)
        };
        let leaves: Vec<_> = plan.leaves.iter().map(add).collect();
        let columns = leaves.iter().fold(0, |all, (_, columns)| all | columns);
        Marker { analyzer, plan, phrases, leaves, columns }
    }

    /// What is to be marked in each of the texts of a document, in bytes: ascending, and apart
    /// from each other.
    ///
    /// Occurrences that share a word are one.
    pub(crate) fn ranges(
        &self,
        texts: &[&str],
        check: Check<'_>,
    ) -> Result<Vec<Vec<Range<usize>>>> {
        let hits = self.hits(texts, check)?;
        let marked = self.marked(&hits, check)?;
        let columns = (0..).zip(&hits);
        columns.map(|(column, hits)| Ok(self.column(column, hits, &marked, check)?.0)).collect()
    }

    /// The part of at most so many words that has the most different phrases, then the most
    /// occurrences, then comes first.
    pub(crate) fn window(&self, texts: &[&str], words: u32, check: Check<'_>) -> Result<Window> {
        let hits = self.hits(texts, check)?;
        let marked = self.marked(&hits, check)?;
        let mut best: Option<(Best, usize, Vec<Range<usize>>)> = None;
        for (column, hits) in hits.iter().enumerate() {
            let (ranges, occurrences) = self.column(column, hits, &marked, check)?;
            let Some(found) = window::best(&occurrences, words, self.phrases.len()) else {
                continue;
            };
            if best.as_ref().is_none_or(|(best, ..)| found.is_better_than(best)) {
                best = Some((found, column, ranges));
            }
        }
        let (best, column, ranges) = best.unwrap_or_else(|| {
            let has_words = |text: &&str| {
                let mut any = false;
                self.analyzer.each_place(text, |_, _| any = true);
                any
            };
            let column = texts.iter().position(has_words);
            (Best::default(), column.unwrap_or_default(), Vec::new())
        });
        let text = texts.get(column).copied().unwrap_or_default();
        Ok(window::place(text, self.analyzer, best, words, column, &ranges))
    }

    /// The words of each column that phrases look for.
    fn hits(&self, texts: &[&str], check: Check<'_>) -> Result<Vec<Hits>> {
        let of = |(column, text): (usize, &&str)| match self.columns & bit(column) {
            0 => Ok(Hits::default()),
            _ => self.phrases.hits(text, self.analyzer, check),
        };
        texts.iter().enumerate().map(of).collect()
    }

    /// Finds out what makes the document match.
    fn marked(&self, hits: &[Hits], check: Check<'_>) -> Result<Marked> {
        let mut finder = Finder {
            marker: self,
            seen: vec![0; self.phrases.len()],
            spots: HashMap::new(),
            room: NEAR_SPOTS_MAX,
            near: HashMap::new(),
        };
        for (leaves, _) in self.plan.nears() {
            let leaves = self.leaves.get(leaves).unwrap_or_default();
            finder.spots.extend(leaves.iter().map(|(phrase, _)| (*phrase, Vec::new())));
        }
        for (column, hits) in hits.iter().enumerate() {
            self.phrases.each(hits, check, |phrase, first, _| {
                finder.add(phrase, column, first.position);
            })?;
        }
        finder.room = NEAR_SPOTS_MAX.min(finder.room.saturating_mul(2));
        let mut leaves = finder.found(&self.plan.root, check)?;
        if leaves.is_none() {
            // Nothing makes it match, so whatever is there is worth showing.
            finder.near.clear();
            let mut all = Vec::new();
            wanted_of(&self.plan.root, &mut all);
            leaves = Some(all);
        }
        let mut marked = Marked { all: vec![0; self.phrases.len()], near: HashMap::new() };
        for leaf in leaves.unwrap_or_default() {
            let Some((phrase, columns)) = self.leaves.get(leaf).copied() else { continue };
            match finder.near.remove(&leaf) {
                Some(spots) => marked.near.entry(phrase).or_default().extend(spots),
                None => {
                    if let Some(all) = marked.all.get_mut(phrase) {
                        *all |= columns;
                    }
                }
            }
        }
        Ok(marked)
    }

    /// What is to be marked in a column, and what it consists of.
    fn column(
        &self,
        column: usize,
        hits: &Hits,
        marked: &Marked,
        check: Check<'_>,
    ) -> Result<(Vec<Range<usize>>, Vec<Occurrence>)> {
        let mut ranges: Vec<Range<usize>> = Vec::new();
        let mut occurrences = Vec::new();
        self.phrases.each(hits, check, |phrase, first, last| {
            if !marked.contains(phrase, spot(column, first.position), bit(column)) {
                return;
            }
            match ranges.last_mut() {
                Some(range) if first.start < range.end => range.end = range.end.max(last.end),
                _ => ranges.push(first.start..last.end),
            }
            if occurrences.len() < SCORED_MAX {
                let (start, end) = (first.position, last.position);
                occurrences.push(Occurrence { start, end, phrase });
            }
        })?;
        Ok((ranges, occurrences))
    }
}

fn spot(column: usize, position: u32) -> Spot {
    (column as Spot) << 32 | Spot::from(position)
}

/// All phrases that a document may match by.
fn wanted_of(step: &Step, leaves: &mut Vec<usize>) {
    match step {
        Step::Leaf(leaf) => leaves.push(*leaf),
        Step::Near { leaves: near, .. } => leaves.extend(near.clone()),
        Step::All(steps) | Step::Any(steps) => {
            steps.iter().for_each(|step| wanted_of(step, leaves));
        }
        Step::Without(kept, _) => wanted_of(kept, leaves),
        Step::Nothing => {}
    }
}

/// Finds out by which phrases a document matches.
struct Finder<'m, 'a> {
    marker: &'m Marker<'a>,
    /// In which columns each phrase is.
    seen: Vec<Columns>,
    /// Where the phrases of NEAR are.
    spots: HashMap<usize, Vec<Spot>>,
    /// So many more of them may be looked at.
    room: usize,
    /// The occurrences of leaves that are near the others of their NEAR.
    near: HashMap<usize, Vec<Spot>>,
}

impl Finder<'_, '_> {
    fn add(&mut self, phrase: usize, column: usize, position: u32) {
        if let Some(seen) = self.seen.get_mut(phrase) {
            *seen |= bit(column);
        }
        if self.room > 0
            && let Some(spots) = self.spots.get_mut(&phrase)
        {
            spots.push(spot(column, position));
            self.room -= 1;
        }
    }

    fn has(&self, leaf: usize) -> bool {
        self.marker.leaves.get(leaf).is_some_and(|(phrase, columns)| {
            self.seen.get(*phrase).is_some_and(|seen| seen & columns != 0)
        })
    }

    /// The leaves by which the document matches; `None` when it does not.
    fn found(&mut self, step: &Step, check: Check<'_>) -> Result<Option<Vec<usize>>> {
        Ok(match step {
            Step::Leaf(leaf) => self.has(*leaf).then(|| vec![*leaf]),
            Step::Near { leaves, distance } => {
                check()?;
                self.is_near(leaves.clone(), *distance).then(|| leaves.clone().collect())
            }
            Step::All(steps) => {
                let mut all = Vec::new();
                for step in steps {
                    let Some(found) = self.found(step, check)? else { return Ok(None) };
                    all.extend(found);
                }
                Some(all)
            }
            Step::Any(steps) => {
                let mut any: Option<Vec<usize>> = None;
                for step in steps {
                    if let Some(found) = self.found(step, check)? {
                        any.get_or_insert_default().extend(found);
                    }
                }
                any
            }
            Step::Without(kept, gone) => match self.found(gone, check)? {
                Some(_) => None,
                None => self.found(kept, check)?,
            },
            Step::Nothing => None,
        })
    }

    /// Whether these are all there, near each other as far as can be looked at.
    fn is_near(&mut self, leaves: Range<usize>, distance: u32) -> bool {
        if !leaves.clone().all(|leaf| self.has(leaf)) {
            return false;
        }
        let mut here = Vec::with_capacity(leaves.len());
        let mut spans = Vec::with_capacity(leaves.len());
        for leaf in leaves.clone() {
            let Some((phrase, columns)) = self.marker.leaves.get(leaf) else { return false };
            let Some(terms) = self.marker.plan.leaves.get(leaf) else { return false };
            let spots = self.spots.get(phrase).map(Vec::as_slice).unwrap_or_default();
            if spots.len() >= self.room {
                return true;
            }
            self.room -= spots.len();
            let column_of = |spot: &Spot| usize::try_from(*spot >> 32).unwrap_or(usize::MAX);
            let is_asked = |spot: &&Spot| columns & bit(column_of(spot)) != 0;
            here.push(spots.iter().filter(is_asked).copied().collect::<Vec<Spot>>());
            spans.push(terms.terms.last().map_or(0, |term| u64::from(term.offset) + 1));
        }
        let near = near(&here, &spans, u64::from(distance));
        let is_near = near.first().is_some_and(|near| !near.is_empty());
        if is_near {
            self.near.extend(leaves.zip(near));
        }
        is_near
    }
}
