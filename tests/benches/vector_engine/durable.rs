//! Single durable inserts into a collection of a store on files.

use std::path::Path;
use std::time::Instant;

use sigil_core::{CollectionOptions, Metadata, Metric};
use sigil_native::DirectoryStore;

use crate::rows::{self, Rows};
use crate::{DIMENSIONS, Result};

/// A store with one collection.
pub(crate) struct Durable {
    store: DirectoryStore,
    tags: Metadata,
}

impl Durable {
    /// A new store with the first `count` rows of a file.
    pub(crate) fn fill(directory: &Path, file: &Path, count: usize) -> Result<Durable> {
        let store = sigil_native::open(directory)?;
        let options = CollectionOptions::new(DIMENSIONS, Metric::Cosine);
        let collection = store.open_collection("c", options)?;
        let tags = Metadata::from_json(r#"{"kind": "bench", "n": 1}"#)?;
        let mut rows = Rows::open(file, 0, count)?;
        let mut row = 0;
        loop {
            let next = rows.next(1000)?;
            if next.is_empty() {
                break;
            }
            let named: Vec<(String, &[f32])> = next
                .chunks_exact(DIMENSIONS)
                .enumerate()
                .map(|(i, vector)| ((row + i).to_string(), vector))
                .collect();
            row += named.len();
            collection.store_many(named.iter().map(|(id, vector)| (&**id, *vector, &tags)))?;
        }
        collection.count()?;
        drop(collection);
        Ok(Durable { store, tags })
    }

    /// Stores rows of a file one by one, and gives the milliseconds each took.
    pub(crate) fn store(&self, file: &Path, first: usize, count: usize) -> Result<Vec<f64>> {
        let mut times = Vec::new();
        let rows = rows::read(file, first, count)?;
        for (i, vector) in rows.chunks_exact(DIMENSIONS).enumerate() {
            let id = (first + i).to_string();
            let began = Instant::now();
            self.store.collection("c")?.store(&id, vector, &self.tags)?;
            times.push(began.elapsed().as_secs_f64() * 1e3);
        }
        Ok(times)
    }
}
