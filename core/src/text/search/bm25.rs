//! Okapi BM25 as FTS5 computes it (Robertson et al., TREC-3, 1994; k1 = 1.2, b = 0.75).

const K1: f64 = 1.2;
const B: f64 = 0.75;

/// Shorter documents are looked up.
const TABLE: u32 = 512;

/// What a score depends on beside the phrase.
#[derive(Debug, Clone)]
pub(super) struct Bm25 {
    /// How many tokens a document has on average.
    average: f64,
    /// What the length of a document does, for each of the short ones.
    norms: Vec<f64>,
}

impl Bm25 {
    /// For so many documents with so many tokens.
    pub(super) fn new(documents: u64, tokens: u64) -> Bm25 {
        let average = tokens as f64 / documents.max(1) as f64;
        let norms = (0..TABLE).map(|len| norm(len, average)).collect();
        Bm25 { average, norms }
    }

    /// What a phrase is worth that `hits` of so many documents have.
    pub(super) fn idf(documents: u64, hits: u64) -> f64 {
        let (documents, hits) = (documents as f64, hits as f64);
        let idf = ((documents - hits + 0.5) / (hits + 0.5)).ln();
        // One that more than half of them have would count against them.
        if idf <= 0.0 { 1e-6 } else { idf }
    }

    /// What a document of `len` tokens gets for having `freq` times a phrase that is worth `idf`.
    #[inline]
    pub(super) fn score(&self, idf: f64, freq: f64, len: u32) -> f64 {
        let norm = match self.norms.get(len as usize) {
            Some(norm) => *norm,
            None => norm(len, self.average),
        };
        idf * ((freq * (K1 + 1.0)) / (freq + norm))
    }
}

fn norm(len: u32, average: f64) -> f64 {
    K1 * (1.0 - B + B * f64::from(len) / average)
}
