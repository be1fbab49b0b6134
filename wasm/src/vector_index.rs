//! A vector index without SQL and without a store.

use js_sys::{Array, Float32Array};
use sigil_core::{Metadata, Metric, Precision, VectorIndex};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::{JsResult, throwing};
use crate::search::{
    Asked, all_hits_to_js, borrowed, explained_to_js, hits_to_js, queries, recall_to_js,
};

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
    /// As [`VectorIndex::with_precision`], [`Metric::parse`] and [`Precision::parse`].
    pub fn create(dimensions: usize, metric: &str, precision: &str) -> JsResult<WasmVectorIndex> {
        crate::panic::install();
        throwing(|| {
            let (metric, precision) = (Metric::parse(metric)?, Precision::parse(precision)?);
            let index = VectorIndex::with_precision(dimensions, metric, precision)?;
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

    /// How precisely elements are kept.
    pub fn precision(&self) -> String {
        self.index.precision().as_str().to_owned()
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

    /// The nearest vectors, as [`hits_to_js`] packs them.
    ///
    /// # Errors
    /// As [`VectorIndex::search`] and [`Asked::from_js`].
    pub fn search(&self, query: &[f32], options: JsValue) -> JsResult<Array> {
        throwing(|| {
            let Asked { k, options } = Asked::from_js(options)?;
            Ok(hits_to_js(self.index.search(query, k, &options)?))
        })
    }

    /// The nearest vectors to each of several queries, which come one after another.
    ///
    /// # Errors
    /// As [`VectorIndex::search_many`], [`Asked::from_js`] and [`queries`].
    #[wasm_bindgen(js_name = searchMany)]
    pub fn search_many(&self, elements: &[f32], options: JsValue) -> JsResult<Array> {
        throwing(|| {
            let Asked { k, options } = Asked::from_js(options)?;
            let queries = queries(elements, self.index.dimensions())?;
            Ok(all_hits_to_js(self.index.search_many(&queries, k, &options)?))
        })
    }

    /// The vectors within a distance; of the options the filter and the cursor count.
    ///
    /// # Errors
    /// As [`VectorIndex::within`] and [`Asked::from_js`].
    pub fn within(&self, query: &[f32], distance: f64, options: JsValue) -> JsResult<Array> {
        throwing(|| {
            let Asked { options, .. } = Asked::from_js(options)?;
            Ok(hits_to_js(self.index.within(query, distance, &options)?))
        })
    }

    /// The vectors nearest to the one under `id`.
    ///
    /// # Errors
    /// As [`VectorIndex::search_like`] and [`Asked::from_js`].
    #[wasm_bindgen(js_name = searchLike)]
    pub fn search_like(&self, id: &str, options: JsValue) -> JsResult<Array> {
        throwing(|| {
            let Asked { k, options } = Asked::from_js(options)?;
            Ok(hits_to_js(self.index.search_like(id, k, &options)?))
        })
    }

    /// The vectors nearest to some and away from others, all given by their ids.
    ///
    /// # Errors
    /// As [`VectorIndex::recommend`] and [`Asked::from_js`].
    pub fn recommend(
        &self,
        positive: Vec<String>,
        negative: Vec<String>,
        options: JsValue,
    ) -> JsResult<Array> {
        throwing(|| {
            let Asked { k, options } = Asked::from_js(options)?;
            let (positive, negative) = (borrowed(&positive), borrowed(&negative));
            Ok(hits_to_js(self.index.recommend(&positive, &negative, k, &options)?))
        })
    }

    /// As [`WasmVectorIndex::search`], and how the results were found.
    ///
    /// # Errors
    /// As [`WasmVectorIndex::search`].
    pub fn explain(&self, query: &[f32], options: JsValue) -> JsResult<Array> {
        explained_to_js(throwing(|| {
            let Asked { k, options } = Asked::from_js(options)?;
            self.index.explain(query, k, &options)
        })?)
    }

    /// Compares usual searches with exact ones.
    ///
    /// # Errors
    /// None.
    #[wasm_bindgen(js_name = recallCheck)]
    pub fn recall_check(&self, sample: usize, k: usize) -> JsResult<JsValue> {
        recall_to_js(self.index.recall_check(sample, k))
    }

    /// How many bytes it takes.
    pub fn memory(&self) -> usize {
        self.index.memory()
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
