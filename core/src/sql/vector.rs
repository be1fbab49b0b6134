//! The vectors of the memory, which are a collection of the store.

use super::{SqlWorkspace, StoreAccess};
use crate::collection::{Collection, CollectionOptions, VectorRecord};
use crate::error::Result;
use crate::store::Store;
use crate::stores::{VectorEntry, VectorStore};
use crate::vector::{Hit, Metadata, SearchOptions};

impl<A: StoreAccess> SqlWorkspace<A> {
    fn memory<T>(&self, f: impl FnOnce(&Collection<'_>) -> Result<T>) -> Result<T> {
        self.access.with(|store| f(&self.memory_in(store)))
    }

    pub(super) fn memory_in<'a>(&self, store: &'a Store) -> Collection<'a> {
        Collection::new(store, self.memory.clone())
    }
}

impl<A: StoreAccess> VectorStore for SqlWorkspace<A> {
    fn options(&self) -> CollectionOptions {
        self.memory.options
    }

    fn store(&self, id: &str, vector: &[f32], metadata: &Metadata) -> Result<()> {
        self.memory(|memory| memory.store(id, vector, metadata))
    }

    fn store_many(&self, entries: &[VectorEntry]) -> Result<()> {
        self.memory(|memory| {
            let entries = entries.iter();
            memory
                .store_many(entries.map(|entry| (&*entry.id, &*entry.vector, &entry.metadata)))
                .map(drop)
        })
    }

    fn get(&self, id: &str) -> Result<Option<VectorRecord>> {
        self.memory(|memory| memory.get(id))
    }

    fn search(&self, query: &[f32], k: usize, options: &SearchOptions) -> Result<Vec<Hit>> {
        self.memory(|memory| memory.search(query, k, options))
    }

    fn delete(&self, ids: &[&str]) -> Result<i64> {
        if ids.is_empty() {
            return Ok(0);
        }
        let deleted = self.memory(|memory| memory.delete(ids))?;
        Ok(i64::try_from(deleted).unwrap_or(i64::MAX))
    }

    fn count(&self) -> Result<i64> {
        let sql = format!("SELECT count(*) FROM {}", self.memory.table());
        self.access.with(|store| {
            let rows = store.database().query(&sql, ())?;
            Ok(rows.single()?.as_i64().unwrap_or(0))
        })
    }
}
