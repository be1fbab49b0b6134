//! The documents and queries, which are lines of JSON.

use std::io::{BufRead, BufReader};
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use sigil_peers::{Error, Result};

/// A document.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Doc {
    pub(crate) key: String,
    /// From 0 to 9; a filter on one leaves a tenth.
    pub(crate) tag: i64,
    pub(crate) text: String,
}

/// What a query asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// One term.
    Term,
    /// Two terms, both of them.
    And,
    /// Two terms, any of them.
    Or,
    /// Two terms, one after the other.
    Phrase,
    /// What begins with so many letters.
    Prefix4,
    Prefix3,
    Prefix2,
    /// One term, among the documents of a tag.
    Filtered,
}

/// A query.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Query {
    pub(crate) kind: Kind,
    /// Of which frequency its terms are.
    pub(crate) class: String,
    /// One or two; of a prefix, its letters.
    pub(crate) terms: Vec<String>,
    pub(crate) tag: Option<i64>,
}

impl Query {
    /// What queries that are measured together have in common.
    pub(crate) fn group(&self) -> String {
        format!("{:?} {}", self.kind, self.class).to_lowercase()
    }
}

/// Reads a file of lines.
pub(crate) fn lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    let file = std::fs::File::open(path)
        .map_err(|error| Error::Input(format!("{}: {error}", path.display())))?;
    let rows: Vec<T> = BufReader::new(file)
        .lines()
        .map(|line| Ok(serde_json::from_str(&line?)?))
        .collect::<Result<_>>()?;
    if rows.is_empty() {
        return Err(Error::Input(format!("{} is empty", path.display())));
    }
    Ok(rows)
}
