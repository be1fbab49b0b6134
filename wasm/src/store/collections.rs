//! The vector collections of an open store.

use js_sys::Array;
use serde::Serialize;
use sigil_core::{
    Collection, CollectionInfo, CollectionOptions, Error, Filter, Hit, Metadata, Metric, Result,
    SearchOptions, Store,
};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::WasmStore;
use crate::error::JsResult;

/// A collection as JavaScript sees it.
#[derive(Debug, Serialize)]
struct Info<'a> {
    name: &'a str,
    dimensions: usize,
    metric: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<usize>,
}

impl<'a> Info<'a> {
    fn new(info: &'a CollectionInfo, count: Option<usize>) -> Info<'a> {
        let CollectionOptions { dimensions, metric, .. } = info.options;
        Info { name: &info.name, dimensions, metric: metric.as_str(), count }
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
    ) -> JsResult<JsValue> {
        let made = self.throwing(|store| {
            let options = CollectionOptions::new(dimensions, Metric::parse(metric)?);
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

    /// The nearest vectors, as [`hits_to_js`] packs them; `filter` is JSON.
    ///
    /// # Errors
    /// As [`Collection::search`], and `invalid-input` for a malformed filter.
    #[wasm_bindgen(js_name = searchVectors)]
    pub fn search_vectors(
        &self,
        collection: &str,
        query: &[f32],
        k: usize,
        filter: Option<String>,
        exact: bool,
    ) -> JsResult<Array> {
        self.throwing(|store| {
            let options = search_options(filter.as_deref(), exact)?;
            Ok(hits_to_js(store.collection(collection)?.search(query, k, &options)?))
        })
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

/// The options of a search whose filter is JSON.
pub(crate) fn search_options(filter: Option<&str>, exact: bool) -> Result<SearchOptions> {
    Ok(SearchOptions {
        filter: filter.map(Filter::from_json).transpose()?,
        exact,
        ..Default::default()
    })
}

/// `[ids, distances, metadata as JSON]`, nearest first.
pub(crate) fn hits_to_js(hits: Vec<Hit>) -> Array {
    let (ids, metadata) = (Array::new(), Array::new());
    let mut distances = Vec::with_capacity(hits.len());
    for hit in hits {
        ids.push(&hit.id.into());
        distances.push(hit.distance);
        metadata.push(&hit.metadata.to_json().into());
    }
    Array::of3(&ids, &js_sys::Float64Array::from(distances.as_slice()), &metadata)
}
