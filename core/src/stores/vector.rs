//! The vectors of a workspace's memory.

use super::Result;
use crate::collection::{CollectionOptions, VectorRecord};
use crate::vector::{Hit, Metadata, SearchOptions};

/// A vector to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorEntry {
    /// Its id.
    pub id: String,
    /// Its elements: as many as the workspace's dimensions, each finite.
    pub vector: Vec<f32>,
    /// What goes with it, for filters.
    pub metadata: Metadata,
}

/// The vectors of one workspace.
///
/// Distances are those of the workspace's metric: lower is nearer, and ties are in the order of
/// their ids. A search sees what is committed, so inside a transaction not the transaction's own
/// writes.
pub trait VectorStore {
    /// The dimensions and the metric, fixed when the workspace was made.
    fn options(&self) -> CollectionOptions;

    /// Stores a vector under its id, replacing the one that is there, metadata included.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for an id that is empty, too long or holds
    /// a NUL, for wrong dimensions, or an element that is not finite.
    fn store(&self, id: &str, vector: &[f32], metadata: &Metadata) -> Result<()>;

    /// Stores many vectors, all or none, with one commit; of those with the same id, the last.
    ///
    /// # Errors
    /// As [`store`](VectorStore::store).
    fn store_many(&self, entries: &[VectorEntry]) -> Result<()>;

    /// The vector with this id, or `None`.
    ///
    /// # Errors
    /// Storage kinds.
    fn get(&self, id: &str) -> Result<Option<VectorRecord>>;

    /// The `k` vectors nearest to `query` that match the filter, nearest first: exactly `k`, or
    /// all that match when they are fewer.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for wrong dimensions or an element that is
    /// not finite; [`Busy`](crate::ErrorKind::Busy) where the first search of an open workspace is
    /// in a transaction that has stored or deleted vectors already: search before that.
    fn search(&self, query: &[f32], k: usize, options: &SearchOptions) -> Result<Vec<Hit>>;

    /// Deletes the vectors with these ids, with one commit, and says how many there were.
    ///
    /// # Errors
    /// Storage kinds.
    fn delete(&self, ids: &[&str]) -> Result<i64>;

    /// How many there are.
    ///
    /// # Errors
    /// Storage kinds.
    fn count(&self) -> Result<i64>;
}
