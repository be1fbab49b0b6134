//! The vector collections of an open store.

use js_sys::Array;
use serde::Serialize;
use sigil_core::{
    Collection, CollectionInfo, CollectionOptions, Error, Metadata, Metric, Precision, Result,
    Store,
};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::WasmStore;
use crate::error::JsResult;
use crate::search::{
    Asked, all_hits_to_js, borrowed, explained_to_js, hits_to_js, queries, recall_to_js,
};

/// A collection as JavaScript sees it.
#[derive(Debug, Serialize)]
struct Info<'a> {
    name: &'a str,
    dimensions: usize,
    metric: &'static str,
    precision: &'static str,
    resident: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<usize>,
}

impl<'a> Info<'a> {
    fn new(info: &'a CollectionInfo, count: Option<usize>) -> Info<'a> {
        let CollectionOptions { dimensions, metric, precision, resident } = info.options;
        Info {
            name: &info.name,
            dimensions,
            metric: metric.as_str(),
            precision: precision.as_str(),
            resident: resident.as_str(),
            count,
        }
    }
}

/// The state of a collection's index as JavaScript sees it.
#[derive(Debug, Serialize)]
struct State<'a> {
    collection: &'a str,
    vectors: usize,
    unsaved: usize,
    unindexable: usize,
}

#[wasm_bindgen]
impl WasmStore {
    /// Creates a collection, or opens the one there is if it is in this shape.
    ///
    /// # Errors
    /// As [`sigil_core::Store::open_collection`].
    #[wasm_bindgen(js_name = createCollection)]
    pub fn create_collection(
        &self,
        name: &str,
        dimensions: usize,
        metric: &str,
        precision: &str,
        resident: &str,
    ) -> JsResult<JsValue> {
        let made = self.throwing(|store| {
            let options = CollectionOptions::new(dimensions, Metric::parse(metric)?)
                .stored(Precision::parse(precision)?)
                .held(Precision::parse(resident)?);
            Ok(store.open_collection(name, options)?.info().clone())
        })?;
        Ok(serde_wasm_bindgen::to_value(&Info::new(&made, None))?)
    }

    /// The shape of a collection.
    ///
    /// # Errors
    /// As [`sigil_core::Store::collection`].
    pub fn collection(&self, name: &str) -> JsResult<JsValue> {
        let found = self.throwing(|store| Ok(store.collection(name)?.info().clone()))?;
        Ok(serde_wasm_bindgen::to_value(&Info::new(&found, None))?)
    }

    /// Drops a collection.
    ///
    /// # Errors
    /// As [`sigil_core::Store::drop_collection`].
    #[wasm_bindgen(js_name = dropCollection)]
    pub fn drop_collection(&self, name: &str) -> JsResult<()> {
        self.throwing(|store| store.drop_collection(name))
    }

    /// Every collection by name, with its count.
    ///
    /// # Errors
    /// As [`sigil_core::Store::collections`].
    pub fn collections(&self) -> JsResult<JsValue> {
        let counted = self.throwing(|store| {
            let counted = |info: CollectionInfo| {
                let count = store.collection(&info.name)?.count()?;
                Ok((info, count))
            };
            store.collections()?.into_iter().map(counted).collect::<Result<Vec<_>>>()
        })?;
        let infos: Vec<_> =
            counted.iter().map(|(info, count)| Info::new(info, Some(*count))).collect();
        Ok(serde_wasm_bindgen::to_value(&infos)?)
    }

    /// The state of every collection's index.
    ///
    /// # Errors
    /// As [`sigil_core::Store::index_states`].
    #[wasm_bindgen(js_name = indexStates)]
    pub fn index_states(&self) -> JsResult<JsValue> {
        let states = self.throwing(Store::index_states)?;
        let states: Vec<_> = states
            .iter()
            .map(|state| State {
                collection: &state.collection.name,
                vectors: state.vectors,
                unsaved: state.unsaved,
                unindexable: state.unindexable,
            })
            .collect();
        Ok(serde_wasm_bindgen::to_value(&states)?)
    }

    /// Stores vectors under `ids`, all or none; `vectors` holds one after another, and `metadata`
    /// is JSON, one text a vector.
    ///
    /// # Errors
    /// As [`Collection::store_many`].
    #[wasm_bindgen(js_name = storeVectors)]
    pub fn store_vectors(
        &self,
        collection: &str,
        ids: Vec<String>,
        vectors: &[f32],
        metadata: Vec<String>,
    ) -> JsResult<()> {
        self.throwing(|store| {
            let collection = store.collection(collection)?;
            let dimensions = collection.info().options.dimensions;
            if vectors.len() != dimensions * ids.len() || metadata.len() != ids.len() {
                return Err(Error::invalid(format!(
                    "{} ids, {} numbers and {} metadata do not make vectors of {dimensions} \
                     dimensions",
                    ids.len(),
                    vectors.len(),
                    metadata.len()
                )));
            }
            let metadata: Vec<Metadata> =
                metadata.iter().map(|json| Metadata::from_json(json)).collect::<Result<_>>()?;
            let rows = ids.iter().zip(vectors.chunks_exact(dimensions)).zip(&metadata);
            collection
                .store_many(rows.map(|((id, vector), metadata)| (&**id, vector, metadata)))?;
            Ok(())
        })
    }

    /// `[vector, metadata as JSON]` of what is stored under `id`, or `undefined`.
    ///
    /// # Errors
    /// As [`Collection::get`].
    #[wasm_bindgen(js_name = getVector)]
    pub fn get_vector(&self, collection: &str, id: &str) -> JsResult<Option<Array>> {
        self.throwing(|store| {
            let Some(record) = store.collection(collection)?.get(id)? else {
                return Ok(None);
            };
            let vector = js_sys::Float32Array::from(record.vector.as_slice());
            Ok(Some(Array::of2(&vector, &record.metadata.to_json().into())))
        })
    }

    /// Deletes what is stored under `ids`, and says how many there were.
    ///
    /// # Errors
    /// As [`Collection::delete`].
    #[wasm_bindgen(js_name = deleteVectors)]
    pub fn delete_vectors(&self, collection: &str, ids: Vec<String>) -> JsResult<usize> {
        self.throwing(|store| store.collection(collection)?.delete(ids))
    }

    /// The nearest vectors, as [`hits_to_js`] packs them.
    ///
    /// # Errors
    /// As [`Collection::search`] and [`Asked::from_js`].
    #[wasm_bindgen(js_name = searchVectors)]
    pub fn search_vectors(
        &self,
        collection: &str,
        query: &[f32],
        options: JsValue,
    ) -> JsResult<Array> {
        self.throwing(|store| {
            let Asked { k, options } = Asked::from_js(options)?;
            Ok(hits_to_js(store.collection(collection)?.search(query, k, &options)?))
        })
    }

    /// The nearest vectors to each of several queries, which come one after another.
    ///
    /// # Errors
    /// As [`Collection::search_many`], [`Asked::from_js`] and [`queries`].
    #[wasm_bindgen(js_name = searchManyVectors)]
    pub fn search_many_vectors(
        &self,
        collection: &str,
        elements: &[f32],
        options: JsValue,
    ) -> JsResult<Array> {
        self.throwing(|store| {
            let Asked { k, options } = Asked::from_js(options)?;
            let collection = store.collection(collection)?;
            let queries = queries(elements, collection.info().options.dimensions)?;
            Ok(all_hits_to_js(collection.search_many(&queries, k, &options)?))
        })
    }

    /// The vectors within a distance; of the options the filter and the cursor count.
    ///
    /// # Errors
    /// As [`Collection::within`] and [`Asked::from_js`].
    #[wasm_bindgen(js_name = vectorsWithin)]
    pub fn vectors_within(
        &self,
        collection: &str,
        query: &[f32],
        distance: f64,
        options: JsValue,
    ) -> JsResult<Array> {
        self.throwing(|store| {
            let Asked { options, .. } = Asked::from_js(options)?;
            Ok(hits_to_js(store.collection(collection)?.within(query, distance, &options)?))
        })
    }

    /// The vectors nearest to the one under `id`.
    ///
    /// # Errors
    /// As [`Collection::search_like`] and [`Asked::from_js`].
    #[wasm_bindgen(js_name = vectorsLike)]
    pub fn vectors_like(&self, collection: &str, id: &str, options: JsValue) -> JsResult<Array> {
        self.throwing(|store| {
            let Asked { k, options } = Asked::from_js(options)?;
            Ok(hits_to_js(store.collection(collection)?.search_like(id, k, &options)?))
        })
    }

    /// The vectors nearest to some and away from others, all given by their ids.
    ///
    /// # Errors
    /// As [`Collection::recommend`] and [`Asked::from_js`].
    #[wasm_bindgen(js_name = recommendVectors)]
    pub fn recommend_vectors(
        &self,
        collection: &str,
        positive: Vec<String>,
        negative: Vec<String>,
        options: JsValue,
    ) -> JsResult<Array> {
        self.throwing(|store| {
            let Asked { k, options } = Asked::from_js(options)?;
            let (positive, negative) = (borrowed(&positive), borrowed(&negative));
            let collection = store.collection(collection)?;
            Ok(hits_to_js(collection.recommend(&positive, &negative, k, &options)?))
        })
    }

    /// As [`WasmStore::search_vectors`], and how the index found them.
    ///
    /// # Errors
    /// As [`WasmStore::search_vectors`].
    #[wasm_bindgen(js_name = explainVectors)]
    pub fn explain_vectors(
        &self,
        collection: &str,
        query: &[f32],
        options: JsValue,
    ) -> JsResult<Array> {
        explained_to_js(self.throwing(|store| {
            let Asked { k, options } = Asked::from_js(options)?;
            store.collection(collection)?.explain(query, k, &options)
        })?)
    }

    /// Compares usual searches of the index with exact ones.
    ///
    /// # Errors
    /// As [`Collection::recall_check`].
    #[wasm_bindgen(js_name = checkRecall)]
    pub fn check_recall(&self, collection: &str, sample: usize, k: usize) -> JsResult<JsValue> {
        let check = |store: &Store| store.collection(collection)?.recall_check(sample, k);
        recall_to_js(self.throwing(check)?)
    }

    /// Brings the index of a collection up to date by at most so many rows; whether that was all.
    ///
    /// # Errors
    /// As [`Collection::prepare`].
    #[wasm_bindgen(js_name = prepareVectors)]
    pub fn prepare_vectors(&self, collection: &str, most: usize) -> JsResult<bool> {
        self.throwing(|store| store.collection(collection)?.prepare(most))
    }

    /// How many bytes the index of a collection takes.
    ///
    /// # Errors
    /// As [`Collection::memory`].
    #[wasm_bindgen(js_name = vectorMemory)]
    pub fn vector_memory(&self, collection: &str) -> JsResult<usize> {
        self.throwing(|store| store.collection(collection)?.memory())
    }

    /// How many vectors a collection holds.
    ///
    /// # Errors
    /// As [`Collection::count`].
    #[wasm_bindgen(js_name = countVectors)]
    pub fn count_vectors(&self, collection: &str) -> JsResult<usize> {
        self.throwing(|store| {
            store.collection(collection).and_then(|found: Collection<'_>| found.count())
        })
    }
}
