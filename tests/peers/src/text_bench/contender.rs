//! What a side of the comparison must be able to do, and the list of sides.

use std::path::Path;

use sigil_peers::Result;

use crate::input::{Doc, Query};
use crate::{fts5, ours};

/// Bytes on the disk once all is written back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// What the index alone takes, without the documents.
    pub(crate) index: u64,
    /// The whole file or directory.
    pub(crate) all: u64,
}

/// A full text index over documents that it also keeps, each with a key and a tag to filter by.
pub(crate) trait TextContender {
    /// Adds documents in one transaction, durable when it returns.
    fn index(&mut self, docs: &[Doc]) -> Result<()>;

    /// Adds one document, durable when it returns.
    fn append_one(&mut self, doc: &Doc) -> Result<()>;

    /// Does what is due after much writing: it is not measured.
    fn settle(&mut self) -> Result<()>;

    /// How large it is.
    fn size_bytes(&mut self) -> Result<Size>;

    /// The keys of the best `k` documents by BM25 with their scores, the best first; a higher score
    /// is a better one.
    fn query(&mut self, query: &Query, k: usize) -> Result<Vec<(String, f64)>>;
}

/// A side by its name.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) name: &'static str,
    /// Opens what is in a directory, or creates it.
    pub(crate) open: fn(&Path) -> Result<Box<dyn TextContender>>,
}

/// The sides; ratios are to the first.
pub(crate) fn sides() -> Vec<Side> {
    vec![Side { name: "FTS5", open: fts5::open }, Side { name: "sigil", open: ours::open }]
}
