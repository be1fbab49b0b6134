//! Searches: by nearness to a query, to vectors that are there, within a distance, page by page.

use super::cells::Effort;
use super::filter::Filter;
use super::kernels::Kernels;
use super::scan::{self, Candidate, Limits};
use super::{Hit, VectorIndex, check_vector};
use crate::error::{Error, ErrorKind, Result};

mod diversity;
mod matching;
mod plan;
mod recall;
mod recommend;
mod wanted;

pub(crate) use matching::Matching;
pub use plan::{Because, Explanation, Plan};
pub use recall::Recall;
pub(crate) use recall::Tally;
pub(crate) use wanted::Wanted;

use plan::Choice;

/// What a search may be asked beside the query and the count.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SearchOptions {
    /// Only vectors whose metadata match are looked at, and returned.
    pub filter: Option<Filter>,
    /// Compare with every matching vector, whatever faster way there may be.
    pub exact: bool,
    /// How hard to look when not exactly; as hard as recall@10 of about .99 takes (.98 from a
    /// hundred thousand vectors on) when not given.
    pub effort: Option<Effort>,
    /// Only what comes after the results so far.
    ///
    /// What a page missed that was not exact, or passed over for results that differ more, comes on
    /// no later one.
    pub after: Option<HitCursor>,
    /// From 0 to 1, how much results should differ from each other rather than be near the query:
    /// maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998) among four times as many.
    pub diversity: Option<f64>,
}

impl SearchOptions {
    /// Refuses what no search can heed.
    pub(crate) fn check(&self) -> Result<()> {
        match self.diversity {
            Some(diversity) if !(0.0..=1.0).contains(&diversity) => Err(Error::invalid(format!(
                "a diversity of {diversity}: give a number from 0 (nearest) to 1 (most different)"
            ))),
            _ => Ok(()),
        }
    }

    /// Refuses what a search for everything within a distance cannot heed.
    pub(crate) fn check_within(&self, distance: f64) -> Result<()> {
        if distance.is_nan() {
            return Err(Error::invalid("a distance is not a number: give how far to look"));
        }
        if self.diversity.is_some() {
            return Err(Error::invalid(
                "a search within a distance returns everything there is: leave the diversity out",
            ));
        }
        Ok(())
    }
}

/// A place in the results of a search, after which the next page starts.
///
/// Results are ordered by distance and id, so that no page repeats what was on one before, even
/// when vectors are added and removed meanwhile. Pages of an exact search are all of its results;
/// what a page missed that was not exact, or passed over for results that differ more
/// ([`diversity`](SearchOptions::diversity)), comes on no later one.
///
/// ```
/// use sigil_core::{HitCursor, Metadata, Metric, SearchOptions, VectorIndex};
/// let mut index = VectorIndex::new(1, Metric::L2)?;
/// for n in 0..5_u8 {
///     index.add(&n.to_string(), &[f32::from(n)], Metadata::new())?;
/// }
/// let mut options = SearchOptions::default();
/// let mut ids = Vec::new();
/// loop {
///     let page = index.search(&[0.0], 2, &options)?;
///     let Some(next) = HitCursor::after(&page, options.after.as_ref()) else { break };
///     ids.extend(page.into_iter().map(|hit| hit.id));
///     options.after = Some(next);
/// }
/// assert_eq!(ids, ["0", "1", "2", "3", "4"]);
/// # Ok::<(), sigil_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct HitCursor {
    /// The distance of the farthest result so far.
    pub distance: f64,
    /// Its id.
    pub id: String,
    /// How many results there were so far.
    pub seen: usize,
}

impl HitCursor {
    /// Whether a result comes after this place.
    pub(crate) fn is_before(&self, distance: f64, id: &str) -> bool {
        let order = distance.total_cmp(&self.distance);
        order.then_with(|| id.cmp(&self.id)).is_gt()
    }

    /// The place after a page of results, where there were any, given the place before it.
    pub fn after(page: &[Hit], before: Option<&HitCursor>) -> Option<HitCursor> {
        // Where results were chosen to differ they are not in order.
        let order = |a: &&Hit, b: &&Hit| a.distance.total_cmp(&b.distance).then(a.id.cmp(&b.id));
        let last = page.iter().max_by(order)?;
        let seen = before.map_or(0, |it| it.seen).saturating_add(page.len());
        Some(HitCursor { distance: last.distance, id: last.id.clone(), seen })
    }
}

/// A search as it is carried out.
#[derive(Debug, Clone, Copy)]
struct Request<'a> {
    query: &'a [f32],
    k: usize,
    options: &'a SearchOptions,
    /// By the filter of the options.
    wanted: &'a Wanted<'a>,
}

/// What a search found, and how.
#[derive(Debug)]
struct Found<'a> {
    nearest: Vec<Candidate<'a>>,
    explanation: Explanation,
}

impl VectorIndex {
    /// The `k` vectors nearest to `query` among those that match the filter, nearest first.
    ///
    /// Exactly `k` results, or as many as match if these are fewer. Equal distances are ordered by
    /// the bytes of their ids. The same index and query give the same result, to the bit, on every
    /// target. Distances are computed from sums in 32-bit floats; where such a sum would overflow
    /// or lose itself among subnormals, in 64-bit ones.
    ///
    /// From some thousands of vectors on, which of them are compared is estimated from codes of
    /// one bit an element, unless [`exact`](SearchOptions::exact) is asked for: all but about one
    /// in a hundred of the true results are found (two from a hundred thousand vectors on), and [`Effort`] says how hard to look.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for a query of another length, or with an element
    /// that is infinite or not a number, and for a diversity outside 0 to 1.
    pub fn search(&self, query: &[f32], k: usize, options: &SearchOptions) -> Result<Vec<Hit>> {
        self.explain(query, k, options).map(|(hits, _)| hits)
    }

    /// As [`search`](VectorIndex::search), and how the results were found.
    ///
    /// ```
    /// use sigil_core::{Because, Metadata, Metric, Plan, SearchOptions, VectorIndex};
    /// let mut index = VectorIndex::new(2, Metric::Cosine)?;
    /// index.add("a", &[1.0, 0.0], Metadata::new())?;
    /// let (hits, how) = index.explain(&[1.0, 1.0], 10, &SearchOptions::default())?;
    /// assert_eq!(hits.len(), 1);
    /// assert_eq!((how.plan, how.compared), (Plan::Exact(Because::Few), 1));
    /// println!("{how}");
    /// # Ok::<(), sigil_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`search`](VectorIndex::search).
    pub fn explain(
        &self,
        query: &[f32],
        k: usize,
        options: &SearchOptions,
    ) -> Result<(Vec<Hit>, Explanation)> {
        self.check_query(query)?;
        self.explain_among(query, k, options, &self.wanted(options, &[]))
    }

    /// Searches for each of some queries; the results are those of [`search`](VectorIndex::search).
    ///
    /// # Errors
    /// As [`search`](VectorIndex::search), before any is searched for, and without queries too.
    pub fn search_many(
        &self,
        queries: &[&[f32]],
        k: usize,
        options: &SearchOptions,
    ) -> Result<Vec<Vec<Hit>>> {
        options.check()?;
        self.check_queries(queries)?;
        let wanted = &self.wanted(options, &[]).for_many();
        let find = |query: &&[f32]| self.find(Request { query, k, options, wanted });
        queries.iter().map(|query| find(query).map(|found| self.hits(found.nearest))).collect()
    }

    pub(crate) fn check_query(&self, query: &[f32]) -> Result<()> {
        check_vector(self.dimensions, query, || "the query".to_owned())
    }

    /// Refuses the first query that is none, by its number.
    pub(crate) fn check_queries(&self, queries: &[&[f32]]) -> Result<()> {
        for (number, query) in queries.iter().enumerate() {
            check_vector(self.dimensions, query, || format!("query {number}"))?;
        }
        Ok(())
    }

    /// The `k` vectors nearest to the one under `id`, which is not among them.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) when there is no such vector; those of
    /// [`search`](VectorIndex::search).
    pub fn search_like(&self, id: &str, k: usize, options: &SearchOptions) -> Result<Vec<Hit>> {
        let slot = self.known_slot(id)?;
        let query = self.elements.get(slot as usize);
        let wanted = &Wanted::new(self, options.filter.as_ref(), vec![slot]);
        let found = self.find(Request { query: &query, k, options, wanted })?;
        Ok(self.hits(found.nearest))
    }

    /// Every vector that matches the filter and is no farther than `distance`, nearest first.
    ///
    /// None is missing: each matching vector is compared, as if it was asked to be
    /// [`exact`](SearchOptions::exact), so that an [`effort`](SearchOptions::effort) means nothing.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) as for [`search`](VectorIndex::search), for a
    /// distance that is not a number, and for a [`diversity`](SearchOptions::diversity): there is
    /// nothing to choose where everything is returned.
    pub fn within(
        &self,
        query: &[f32],
        distance: f64,
        options: &SearchOptions,
    ) -> Result<Vec<Hit>> {
        self.check_query(query)?;
        options.check_within(distance)?;
        let wanted = &self.wanted(options, &[]);
        let request = Request { query, k: self.len(), options, wanted };
        let limits = Limits { after: options.after.as_ref(), farthest: distance };
        let plan = Plan::Exact(Because::Asked);
        Ok(self.hits(self.compare_all(request, limits, plan).nearest))
    }

    fn known_slot(&self, id: &str) -> Result<u32> {
        self.ids.slot(id).ok_or_else(|| {
            Error::new(
                ErrorKind::NotFound,
                format!("no vector has the id {}: add it first", super::quoted(id)),
            )
        })
    }

    fn find(&self, request: Request<'_>) -> Result<Found<'_>> {
        request.options.check()?;
        Ok(match request.options.diversity {
            None => self.find_nearest(request),
            Some(diversity) => self.find_diverse(request, diversity),
        })
    }

    /// The `k` nearest, by the plan that promises to be the fastest.
    fn find_nearest(&self, request: Request<'_>) -> Found<'_> {
        let wanted = request.wanted;
        let limits = Limits { after: request.options.after.as_ref(), ..Limits::NONE };
        match self.plan(&request) {
            Choice::Codes { cells, query, effort } => {
                let candidates =
                    cells.candidates(Kernels::best(), &query, effort, |slot| wanted.has(slot));
                let compared = candidates.slots.len();
                let slots = candidates.slots.into_iter();
                let nearest = scan::nearest_of(self, request.query, request.k, limits, slots);
                if nearest.len() >= request.k || candidates.complete {
                    let (scanned, cells) = (candidates.scanned, candidates.cells);
                    let explanation = wanted.explanation(Plan::Codes { scanned, cells }, compared);
                    return Found { nearest, explanation };
                }
                // What lies behind the cursor was not among the candidates.
                self.compare_all(request, limits, Plan::Exact(Because::TooFew))
            }
            Choice::Exact(because) => self.compare_all(request, limits, Plan::Exact(because)),
        }
    }

    /// Compares every vector that is wanted.
    fn compare_all(&self, request: Request<'_>, limits: Limits<'_>, plan: Plan) -> Found<'_> {
        let mut compared = 0;
        let slots = request.wanted.slots().inspect(|_| compared += 1);
        let nearest = scan::nearest_of(self, request.query, request.k, limits, slots);
        Found { nearest, explanation: request.wanted.explanation(plan, compared) }
    }

    fn hits(&self, nearest: Vec<Candidate<'_>>) -> Vec<Hit> {
        let hit = |found: Candidate<'_>| Hit {
            id: found.id.to_owned(),
            distance: found.distance,
            metadata: self.attributes.get(found.slot),
        };
        nearest.into_iter().map(hit).collect()
    }
}

#[cfg(test)]
mod tests;
