//! Walking over the documents that match, in order.

use super::bm25::Bm25;
use super::leaf::{Match, Matches};
use super::plan::Step;
use crate::text::segment::postings::{END, Postings};

/// From so many alternatives on their scores are summed up beforehand.
const ALTERNATIVES_MAX: usize = 8;

/// What the leaves of a plan come to in one segment.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) leaves: Vec<Matches>,
}

/// The documents that match a step of a plan, and the scores for it.
#[derive(Debug)]
pub(super) enum Walk<'a> {
    List(ListWalk<'a>),
    Docs {
        docs: &'a [Match],
        at: usize,
        idf: f64,
    },
    /// Documents with their scores.
    Scored {
        docs: Vec<(u32, f64)>,
        at: usize,
        most: f64,
        is_whole: bool,
    },
    /// With the order in which they are asked, the rarest first.
    All {
        walks: Vec<Walk<'a>>,
        order: Vec<usize>,
    },
    Any(Vec<Walk<'a>>),
    Without(Box<Walk<'a>>, Box<Walk<'a>>),
    Nothing,
}

/// A walk over the list of a term.
#[derive(Debug)]
pub(super) struct ListWalk<'a> {
    /// Boxed for its blocks.
    pub(super) postings: Box<Postings<'a>>,
    pub(super) weight: f64,
    pub(super) idf: f64,
}

impl ListWalk<'_> {
    /// The most that a document of the block can score which has the first document from `target`
    /// on, and the last document of that block; infinity when it is not known.
    #[inline]
    pub(super) fn bound_from(&mut self, target: u32, bm25: &Bm25) -> (f64, u32) {
        let (weight, idf) = (self.weight, self.idf);
        match self.postings.bound_from(target) {
            Some((bound, last)) => {
                (bound.score(|freq, len| bm25.score(idf, freq * weight, len)), last)
            }
            // A list without a table, or at its end, which adds nothing.
            None if self.postings.doc() == END => (0.0, END),
            None => (bm25.score(idf, f64::from(u32::MAX), 0), END),
        }
    }

    #[inline]
    fn score(&mut self, len: u32, bm25: &Bm25) -> f64 {
        bm25.score(self.idf, f64::from(self.postings.freq()) * self.weight, len)
    }
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        step: &Step,
        found: &'a Found,
        idfs: &[f64],
        lens: &[u32],
        bm25: &Bm25,
    ) -> Walk<'a> {
        let several = |steps: &[Step]| -> Vec<Walk<'a>> {
            steps.iter().map(|step| Walk::new(step, found, idfs, lens, bm25)).collect()
        };
        match step {
            Step::Leaf(leaf) => Walk::leaf(*leaf, found, idfs),
            Step::Near { leaves, .. } => {
                Walk::all(leaves.clone().map(|leaf| Walk::leaf(leaf, found, idfs)).collect())
            }
            Step::All(steps) => Walk::all(several(steps)),
            Step::Any(steps) if steps.len() > ALTERNATIVES_MAX => {
                let walks = steps.iter().map(|step| Walk::new(step, found, idfs, lens, bm25));
                Walk::scored(walks, lens, bm25)
            }
            Step::Any(steps) => Walk::Any(several(steps)),
            Step::Without(step, other) => Walk::Without(
                Box::new(Walk::new(step, found, idfs, lens, bm25)),
                Box::new(Walk::new(other, found, idfs, lens, bm25)),
            ),
            Step::Nothing => Walk::Nothing,
        }
    }

    fn all(walks: Vec<Walk<'a>>) -> Walk<'a> {
        let mut order: Vec<usize> = (0..walks.len()).collect();
        order.sort_by_key(|walk| walks[*walk].most_documents());
        Walk::All { walks, order }
    }

    /// How many documents there can be at most.
    fn most_documents(&self) -> usize {
        match self {
            Walk::List(list) => list.postings.count() as usize,
            Walk::Docs { docs, .. } => docs.len(),
            Walk::Scored { docs, .. } => docs.len(),
            Walk::All { walks, .. } => walks.iter().map(Walk::most_documents).min().unwrap_or(0),
            Walk::Any(walks) => walks.iter().map(Walk::most_documents).sum(),
            Walk::Without(walk, _) => walk.most_documents(),
            Walk::Nothing => 0,
        }
    }

    /// The documents of any, each walked over once.
    fn scored(walks: impl Iterator<Item = Walk<'a>>, lens: &[u32], bm25: &Bm25) -> Walk<'a> {
        let mut scores = vec![(false, 0.0); lens.len()];
        let mut is_whole = true;
        for mut walk in walks {
            let mut doc = walk.seek(0);
            while let Some((is_match, score)) = scores.get_mut(doc as usize) {
                *is_match = true;
                walk.add_score(doc, lens[doc as usize], bm25, score);
                doc = walk.seek(doc + 1);
            }
            is_whole &= walk.is_whole();
        }
        let docs = (0..).zip(scores).filter(|(_, (is_match, _))| *is_match);
        let docs: Vec<(u32, f64)> = docs.map(|(doc, (_, score))| (doc, score)).collect();
        let most = docs.iter().map(|(_, score)| *score).fold(0.0, f64::max);
        Walk::Scored { docs, at: 0, most, is_whole }
    }

    fn leaf(leaf: usize, found: &'a Found, idfs: &[f64]) -> Walk<'a> {
        let idf = idfs.get(leaf).copied().unwrap_or(0.0);
        match found.leaves.get(leaf) {
            Some(Matches::List { list, weight, .. }) => Walk::List(ListWalk {
                postings: Box::new(Postings::new(&list.docs, list.count)),
                weight: *weight,
                idf,
            }),
            Some(Matches::Docs(docs)) => Walk::Docs { docs, at: 0, idf },
            None => Walk::Nothing,
        }
    }

    /// The document it stands on, or [`END`].
    #[inline]
    pub(super) fn doc(&self) -> u32 {
        match self {
            Walk::List(list) => list.postings.doc(),
            Walk::Docs { docs, at, .. } => docs.get(*at).map_or(END, |found| found.doc),
            Walk::Scored { docs, at, .. } => docs.get(*at).map_or(END, |(doc, _)| *doc),
            Walk::All { walks, .. } => walks.first().map_or(END, Walk::doc),
            Walk::Any(walks) => walks.iter().map(Walk::doc).min().unwrap_or(END),
            Walk::Without(walk, _) => walk.doc(),
            Walk::Nothing => END,
        }
    }

    /// Goes to the first document from `target` on; not back.
    #[inline]
    pub(super) fn seek(&mut self, target: u32) -> u32 {
        match self {
            Walk::List(list) => list.postings.seek(target),
            Walk::Docs { docs, at, .. } => {
                *at += ahead(&docs[*at..], |found| found.doc < target);
                docs.get(*at).map_or(END, |found| found.doc)
            }
            Walk::Scored { docs, at, .. } => {
                *at += ahead(&docs[*at..], |(doc, _)| *doc < target);
                docs.get(*at).map_or(END, |(doc, _)| *doc)
            }
            Walk::All { walks, order } => seek_all(walks, order, target),
            Walk::Any(walks) => walks.iter_mut().map(|walk| walk.seek(target)).min().unwrap_or(END),
            Walk::Without(walk, other) => {
                let mut doc = walk.seek(target);
                while doc != END && other.seek(doc) == doc {
                    doc = walk.seek(doc + 1);
                }
                doc
            }
            Walk::Nothing => END,
        }
    }

    /// Adds what the document gets that it stands on, which is `doc` unless it does not match.
    pub(super) fn add_score(&mut self, doc: u32, len: u32, bm25: &Bm25, score: &mut f64) {
        match self {
            Walk::List(list) => {
                if list.postings.doc() == doc {
                    *score += list.score(len, bm25);
                }
            }
            Walk::Docs { docs, at, idf } => {
                if let Some(found) = docs.get(*at)
                    && found.doc == doc
                {
                    *score += bm25.score(*idf, found.freq, len);
                }
            }
            Walk::Scored { docs, at, .. } => {
                if let Some((found, sum)) = docs.get(*at)
                    && *found == doc
                {
                    *score += sum;
                }
            }
            Walk::All { walks, .. } => {
                // One of them may stand on it while the others do not.
                if walks.iter().all(|walk| walk.doc() == doc) {
                    walks.iter_mut().for_each(|walk| walk.add_score(doc, len, bm25, score));
                }
            }
            Walk::Any(walks) => {
                walks.iter_mut().for_each(|walk| walk.add_score(doc, len, bm25, score));
            }
            Walk::Without(walk, _) => walk.add_score(doc, len, bm25, score),
            Walk::Nothing => {}
        }
    }

    /// The most that any document from `target` to the second one can score.
    pub(super) fn bound_from(&mut self, target: u32, bm25: &Bm25) -> (f64, u32) {
        match self {
            Walk::List(list) => list.bound_from(target, bm25),
            Walk::Docs { idf, .. } => (bm25.score(*idf, f64::from(u32::MAX), 0), END),
            Walk::Scored { most, .. } => (*most, END),
            Walk::All { walks, .. } | Walk::Any(walks) => {
                walks.iter_mut().fold((0.0, END), |(sum, until), walk| {
                    let (bound, last) = walk.bound_from(target, bm25);
                    (sum + bound, until.min(last))
                })
            }
            Walk::Without(walk, _) => walk.bound_from(target, bm25),
            Walk::Nothing => (0.0, END),
        }
    }

    /// Whether what was read so far was not damaged.
    pub(super) fn is_whole(&self) -> bool {
        match self {
            Walk::List(list) => list.postings.is_whole(),
            Walk::All { walks, .. } | Walk::Any(walks) => walks.iter().all(Walk::is_whole),
            Walk::Without(walk, other) => walk.is_whole() && other.is_whole(),
            Walk::Scored { is_whole, .. } => *is_whole,
            Walk::Docs { .. } | Walk::Nothing => true,
        }
    }
}

/// How many of the first ones are behind: mostly few.
#[inline]
fn ahead<T>(rest: &[T], is_behind: impl Fn(&T) -> bool) -> usize {
    match rest.iter().take(4).take_while(|item| is_behind(item)).count() {
        4 => {
            // Twice as far each time, and then between the last two.
            let mut far = 4;
            while rest.get(far).is_some_and(&is_behind) {
                far *= 2;
            }
            let near = far / 2;
            near + rest[near..rest.len().min(far)].partition_point(is_behind)
        }
        near => near,
    }
}

/// The first document from `target` on that all have.
#[inline]
fn seek_all(walks: &mut [Walk<'_>], order: &[usize], mut target: u32) -> u32 {
    'again: loop {
        for walk in order {
            let doc = walks[*walk].seek(target);
            if doc == END {
                // The first one is asked where all of them stand. One that is there already must
                // not be sent again: at each level of a nested query that would be twice as much.
                if let Some(first) = walks.first_mut().filter(|first| first.doc() != END) {
                    first.seek(END);
                }
                return END;
            }
            if doc > target {
                target = doc;
                continue 'again;
            }
        }
        return if walks.is_empty() { END } else { target };
    }
}
