//! A vector index without SQL and without a store.

use js_sys::{Array, Float32Array};
use sigil_core::{Metadata, Metric, VectorIndex};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::{JsResult, throwing};
use crate::store::{hits_to_js, search_options};

/// One index in memory.
#[wasm_bindgen]
#[derive(Debug)]
pub struct WasmVectorIndex {
    index: VectorIndex,
}

#[wasm_bindgen]
impl WasmVectorIndex {
    /// An empty index.
    ///
    /// # Errors
    /// As [`VectorIndex::new`] and [`Metric::parse`].
    pub fn create(dimensions: usize, metric: &str) -> JsResult<WasmVectorIndex> {
        crate::panic::install();
        throwing(|| {
            let index = VectorIndex::new(dimensions, Metric::parse(metric)?)?;
            Ok(WasmVectorIndex { index })
        })
    }

    /// The index that [`WasmVectorIndex::to_bytes`] gave, here or on another host.
    ///
    /// # Errors
    /// As [`VectorIndex::from_bytes`].
    #[wasm_bindgen(js_name = fromBytes)]
    pub fn from_bytes(bytes: &[u8]) -> JsResult<WasmVectorIndex> {
        crate::panic::install();
        throwing(|| Ok(WasmVectorIndex { index: VectorIndex::from_bytes(bytes)? }))
    }

    /// How many elements each vector has.
    pub fn dimensions(&self) -> usize {
        self.index.dimensions()
    }

    /// How distances are measured.
    pub fn metric(&self) -> String {
        self.index.metric().as_str().to_owned()
    }

    /// How many vectors there are.
    pub fn size(&self) -> usize {
        self.index.len()
    }

    /// Puts a vector under `id`; `metadata` is JSON.
    ///
    /// # Errors
    /// As [`VectorIndex::add`] and [`Metadata::from_json`].
    pub fn add(&mut self, id: &str, vector: &[f32], metadata: &str) -> JsResult<bool> {
        throwing(|| self.index.add(id, vector, Metadata::from_json(metadata)?))
    }

    /// Removes the vector under `id`, and says whether there was one.
    pub fn remove(&mut self, id: &str) -> bool {
        self.index.remove(id)
    }

    /// `[vector, metadata as JSON]` of what is under `id`, or `undefined`.
    pub fn get(&self, id: &str) -> Option<Array> {
        let found = self.index.get(id)?;
        let vector = Float32Array::from(&*found.vector);
        Some(Array::of2(&vector, &found.metadata.to_json().into()))
    }

    /// The nearest vectors, packed as those of a collection; `filter` is JSON.
    ///
    /// # Errors
    /// As [`VectorIndex::search`], and `invalid-input` for a malformed filter.
    pub fn search(
        &self,
        query: &[f32],
        k: usize,
        filter: Option<String>,
        exact: bool,
    ) -> JsResult<Array> {
        throwing(|| {
            let options = search_options(filter.as_deref(), exact)?;
            Ok(hits_to_js(self.index.search(query, k, &options)?))
        })
    }

    /// The whole index as bytes.
    ///
    /// # Errors
    /// As [`VectorIndex::to_bytes`].
    #[wasm_bindgen(js_name = toBytes)]
    pub fn to_bytes(&self) -> JsResult<Vec<u8>> {
        throwing(|| self.index.to_bytes())
    }
}
