//! Which way to search is the cheapest, and what was done.

use std::fmt;

use super::{Request, VectorIndex};
use crate::vector::cells::{self, Cells, Effort};
use crate::vector::codes::Query;
use crate::vector::kernels::Kernels;

/// How a search was carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Every vector that was wanted was compared with the query.
    Exact(Because),
    /// Candidates were chosen by codes, and these were compared.
    Codes {
        /// How many vectors were looked at by their codes.
        scanned: usize,
        /// In how many cells.
        cells: usize,
    },
}

/// Why a search compared every vector that was wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// It was asked to.
    Asked,
    /// There are too few vectors for codes.
    Few,
    /// So few vectors match the filter that comparing them costs less than looking for candidates.
    Selective,
    /// So many results were wanted, or so much effort, that most vectors would have been compared.
    Many,
    /// The query is so large or small that codes say nothing of it.
    Query,
    /// The candidates were fewer than the results that were wanted.
    TooFew,
}

/// What a search did, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explanation {
    /// The way that was taken.
    pub plan: Plan,
    /// How many vectors there are.
    pub vectors: usize,
    /// How many of them may match the filter, by the index of the metadata.
    pub listed: usize,
    /// Whether each of these had to be tested by its metadata, where it was looked at.
    pub tested: bool,
    /// How many vectors were compared with the query element by element.
    pub compared: usize,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Explanation { vectors, listed, compared, .. } = self;
        match self.plan {
            Plan::Exact(because) => {
                let why = match because {
                    Because::Asked => "it was asked for",
                    Because::Few => "there are few vectors",
                    Because::Selective => "the filter leaves few",
                    Because::Many => "most would have been compared anyway",
                    Because::Query => "codes say nothing of this query",
                    Because::TooFew => "the candidates were too few",
                };
                write!(f, "exact, because {why}: compared {compared} of {vectors}")?;
            }
            Plan::Codes { scanned, cells } => {
                write!(
                    f,
                    "codes: looked at {scanned} of {vectors} in {cells} cells, compared {compared}"
                )?;
            }
        }
        if listed < vectors {
            write!(f, "; the filter lists {listed}")?;
        }
        if self.tested {
            write!(f, "; metadata were tested one by one")?;
        }
        Ok(())
    }
}

/// What [`VectorIndex::plan`] chose.
pub(super) enum Choice<'a> {
    Exact(Because),
    Codes { cells: &'a Cells, query: Query, effort: Effort },
}

/// Comparing 64 bytes of a row with a query, in nanoseconds, and coming to the row.
const COMPARE_64_BYTES: f64 = 1.4;
const COMPARE: f64 = 8.0;

/// Testing a row by its metadata.
const TEST: f64 = 40.0;

/// Looking at 64 bytes of codes.
const SCAN_64_BYTES: f64 = 2.0;

/// Preparing a search by codes.
const PREPARE: f64 = 4_000.0;

impl VectorIndex {
    /// Chooses the cheapest way by what each is estimated to cost.
    pub(super) fn plan(&self, request: &Request<'_>) -> Choice<'_> {
        let Request { options, wanted, .. } = *request;
        if options.exact {
            return Choice::Exact(Because::Asked);
        }
        let Some(cells) = &self.cells else {
            return Choice::Exact(Because::Few);
        };
        let seen = options.after.as_ref().map_or(0, |after| after.seen);
        let k = request.k.saturating_add(seen);
        let usual = Effort::of(k, self.dimensions, self.len());
        let effort = options.effort.unwrap_or(usual);
        let matching = if wanted.is_all() { self.len() } else { wanted.estimate() };
        let effort = effort.among(matching, self.len());
        let listed = wanted.listed();
        let test = if wanted.is_tested() { TEST } else { 0.0 };
        #[expect(clippy::cast_precision_loss, reason = "estimates")]
        let (exact, codes) = {
            let bytes = self.precision().vector_bytes(self.dimensions) as f64;
            let compare = COMPARE + bytes / 64.0 * COMPARE_64_BYTES;
            let scan = self.dimensions as f64 / 512.0 * SCAN_64_BYTES;
            let scanned = effort.scanned.min(self.len()) as f64;
            let candidates = effort.candidates.min(matching) as f64;
            (
                matching as f64 * compare + listed as f64 * test,
                PREPARE + scanned * scan + candidates * (compare + test),
            )
        };
        if exact <= codes {
            let selective = listed < self.len() || wanted.is_tested();
            return Choice::Exact(if selective { Because::Selective } else { Because::Many });
        }
        let kernels = Kernels::best();
        let mut coded = Vec::new();
        cells::coded(self.metric, request.query, &mut coded);
        match cells.query(kernels, &coded) {
            Some(query) => Choice::Codes { cells, query, effort },
            None => Choice::Exact(Because::Query),
        }
    }
}
