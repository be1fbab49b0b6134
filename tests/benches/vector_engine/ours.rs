//! Every call of the index's API in this benchmark, so that a new setting is added here alone:
//! in [`Ours::new`] if an index is made with it, in [`Asked`] if a search is asked with it.

use std::fs;
use std::path::Path;

use serde_json::Value;
use sigil_core::{Effort, Filter, Hit, Metadata, Metric, Precision, SearchOptions, VectorIndex};

use crate::Result;

/// An index of this project, with the number of its row as the id of each vector.
pub(crate) struct Ours {
    index: VectorIndex,
}

/// How to search, ready to be asked again and again.
pub(crate) struct Asked {
    k: usize,
    options: SearchOptions,
}

impl Ours {
    /// What the figures were measured with, for the heading.
    pub(crate) fn about() -> String {
        format!("kernels {}", VectorIndex::kernels())
    }

    /// An empty index; `variant` names a precision.
    pub(crate) fn new(variant: &str, dimensions: usize) -> Result<Ours> {
        let precision = Precision::parse(variant)?;
        Ok(Ours { index: VectorIndex::with_precision(dimensions, Metric::Cosine, precision)? })
    }

    /// Metadata as the index takes them, from a line of JSON.
    pub(crate) fn tags(json: &str) -> Result<Metadata> {
        Ok(Metadata::from_json(json)?)
    }

    pub(crate) fn add(&mut self, row: usize, vector: &[f32], tags: Metadata) -> Result<()> {
        self.index.add(&row.to_string(), vector, tags)?;
        Ok(())
    }

    pub(crate) fn remove(&mut self, row: usize) -> bool {
        self.index.remove(&row.to_string())
    }

    /// `effort` is null for the default, or `{"scanned", "candidates"}`, where all vectors are
    /// scanned if `scanned` is no number; `filter` is null or `{"field", "op", "value"}`.
    pub(crate) fn asked(&self, command: &Value) -> Result<Asked> {
        let k = crate::number(command, "k")?;
        let effort = match &command["effort"] {
            Value::Null => None,
            it => Some(Effort {
                scanned: crate::number(it, "scanned").unwrap_or(self.index.len()),
                candidates: crate::number(it, "candidates")?,
            }),
        };
        let filter = match &command["filter"] {
            Value::Null => None,
            it => {
                let field = it["field"].as_str().ok_or("a filter without a field")?;
                let op = it["op"].as_str().ok_or("a filter without an operator")?;
                let json = serde_json::json!({ field: { op: it["value"] } });
                Some(Filter::from_json(&json.to_string())?)
            }
        };
        let exact = command["exact"] == true;
        Ok(Asked { k, options: SearchOptions { filter, exact, effort, ..Default::default() } })
    }

    pub(crate) fn search(&self, query: &[f32], asked: &Asked) -> Result<Vec<Hit>> {
        Ok(self.index.search(query, asked.k, &asked.options)?)
    }

    /// How a search is carried out, in words.
    pub(crate) fn explain(&self, query: &[f32], asked: &Asked) -> Result<String> {
        Ok(self.index.explain(query, asked.k, &asked.options)?.1.to_string())
    }

    /// The rows that were found.
    pub(crate) fn rows(found: &[Hit]) -> Result<Vec<usize>> {
        found.iter().map(|hit| Ok(hit.id.parse()?)).collect()
    }

    /// How many bytes the index says it takes.
    pub(crate) fn memory(&self) -> usize {
        self.index.memory()
    }

    pub(crate) fn save(&self, path: &Path) -> Result<()> {
        Ok(fs::write(path, self.index.to_bytes()?)?)
    }

    pub(crate) fn open(bytes: &[u8]) -> Result<Ours> {
        Ok(Ours { index: VectorIndex::from_bytes(bytes)? })
    }
}
