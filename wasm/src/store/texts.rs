//! The text indexes of an open store.

use js_sys::Array;
use sigil_core::{Result, SnippetOptions, TextIndex, TextIndexInfo};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::WasmStore;
use crate::error::JsResult;
use crate::search::borrowed;
use crate::text::{
    Info, facets_to_json, highlights_to_js, hits_to_js, is_gone, options_from_json, query_from_js,
    search_options, snippet_options, snippet_to_js,
};

#[wasm_bindgen]
impl WasmStore {
    /// Creates a text index; `options` is JSON.
    ///
    /// # Errors
    /// As [`sigil_core::Store::create_text_index`].
    #[wasm_bindgen(js_name = createTextIndex)]
    pub fn create_text_index(&self, name: &str, options: &str) -> JsResult<JsValue> {
        let info = self.throwing(|store| {
            let options = options_from_json(options)?;
            Ok(store.create_text_index(name, &options)?.info().clone())
        })?;
        self.text_info(&info)
    }

    /// What a text index is of.
    ///
    /// # Errors
    /// As [`sigil_core::Store::text_index`].
    #[wasm_bindgen(js_name = textIndex)]
    pub fn text_index(&self, name: &str) -> JsResult<JsValue> {
        let info = self.throwing(|store| Ok(store.text_index(name)?.info().clone()))?;
        self.text_info(&info)
    }

    /// Every text index by name.
    ///
    /// # Errors
    /// As [`sigil_core::Store::text_indexes`].
    #[wasm_bindgen(js_name = textIndexes)]
    pub fn text_indexes(&self) -> JsResult<JsValue> {
        let infos = self.throwing(|store| store.text_indexes())?;
        let infos = self.throwing(|_| infos.iter().map(Info::new).collect::<Result<Vec<_>>>())?;
        Ok(serde_wasm_bindgen::to_value(&infos)?)
    }

    /// Drops a text index.
    ///
    /// # Errors
    /// As [`sigil_core::Store::drop_text_index`].
    #[wasm_bindgen(js_name = dropTextIndex)]
    pub fn drop_text_index(&self, name: &str) -> JsResult<()> {
        self.known_texts.borrow_mut().remove(name);
        self.throwing(|store| store.drop_text_index(name))
    }

    /// The best rows, as [`hits_to_js`] packs them; `form` is how the query is given.
    ///
    /// # Errors
    /// As [`TextIndex::search`], [`query_from_js`] and [`search_options`].
    #[wasm_bindgen(js_name = searchText)]
    pub fn search_text(
        &self,
        name: &str,
        form: u8,
        query: &str,
        k: usize,
        options: JsValue,
        keys: Option<Vec<i64>>,
    ) -> JsResult<JsValue> {
        self.with_text(name, |index| {
            let query = query_from_js(form, query)?;
            let options = search_options(options, keys, &index.info().options.columns)?;
            Ok(hits_to_js(&index.search(&query, k, &options)?))
        })
    }

    /// How many rows match.
    ///
    /// # Errors
    /// As [`TextIndex::count_matching`], [`query_from_js`] and [`search_options`].
    #[wasm_bindgen(js_name = countMatchingText)]
    pub fn count_matching_text(
        &self,
        name: &str,
        form: u8,
        query: &str,
        options: JsValue,
        keys: Option<Vec<i64>>,
    ) -> JsResult<f64> {
        self.with_text(name, |index| {
            let query = query_from_js(form, query)?;
            let options = search_options(options, keys, &index.info().options.columns)?;
            Ok(index.count_matching(&query, &options)? as f64)
        })
    }

    /// What the rows that match have under the keys of `of`, as JSON: at most `most` values a key.
    ///
    /// # Errors
    /// As [`TextIndex::facets`], [`query_from_js`] and [`search_options`].
    #[expect(clippy::too_many_arguments, reason = "an object of them would have to be read here")]
    #[wasm_bindgen(js_name = textFacets)]
    pub fn text_facets(
        &self,
        name: &str,
        form: u8,
        query: &str,
        of: Vec<String>,
        most: usize,
        options: JsValue,
        keys: Option<Vec<i64>>,
    ) -> JsResult<String> {
        self.with_text(name, |index| {
            let query = query_from_js(form, query)?;
            let options = search_options(options, keys, &index.info().options.columns)?;
            facets_to_json(&index.facets(&query, &options, &borrowed(&of), most)?)
        })
    }

    /// The texts of a row with what of them matches, as [`highlights_to_js`] packs them.
    ///
    /// # Errors
    /// As [`TextIndex::highlight`] and [`query_from_js`].
    #[wasm_bindgen(js_name = highlightRow)]
    pub fn highlight_row(
        &self,
        name: &str,
        form: u8,
        query: &str,
        key: i64,
        typos: u8,
    ) -> JsResult<Option<Array>> {
        let options = snippet_options(SnippetOptions::default().tokens, typos);
        self.with_text(name, |index| {
            let found = index.highlight(&query_from_js(form, query)?, key, &options)?;
            Ok(found.as_deref().map(highlights_to_js))
        })
    }

    /// As [`WasmStore::highlight_row`], of these texts.
    ///
    /// # Errors
    /// As [`TextIndex::highlight_of`] and [`query_from_js`].
    #[wasm_bindgen(js_name = highlightTexts)]
    pub fn highlight_texts(
        &self,
        name: &str,
        form: u8,
        query: &str,
        texts: Vec<String>,
        typos: u8,
    ) -> JsResult<Array> {
        let options = snippet_options(SnippetOptions::default().tokens, typos);
        self.with_text(name, |index| {
            let query = query_from_js(form, query)?;
            Ok(highlights_to_js(&index.highlight_of(&query, &borrowed(&texts), &options)?))
        })
    }

    /// The part of a row that shows best why it matches, as [`snippet_to_js`] packs it.
    ///
    /// # Errors
    /// As [`TextIndex::snippet`] and [`query_from_js`].
    #[wasm_bindgen(js_name = snippetOfRow)]
    pub fn snippet_of_row(
        &self,
        name: &str,
        form: u8,
        query: &str,
        key: i64,
        tokens: u32,
        typos: u8,
    ) -> JsResult<Option<Array>> {
        self.with_text(name, |index| {
            let query = query_from_js(form, query)?;
            let found = index.snippet(&query, key, &snippet_options(tokens, typos))?;
            Ok(found.as_ref().map(snippet_to_js))
        })
    }

    /// As [`WasmStore::snippet_of_row`], of these texts.
    ///
    /// # Errors
    /// As [`TextIndex::snippet_of`] and [`query_from_js`].
    #[wasm_bindgen(js_name = snippetOfTexts)]
    pub fn snippet_of_texts(
        &self,
        name: &str,
        form: u8,
        query: &str,
        texts: Vec<String>,
        tokens: u32,
        typos: u8,
    ) -> JsResult<Array> {
        self.with_text(name, |index| {
            let query = query_from_js(form, query)?;
            let options = snippet_options(tokens, typos);
            Ok(snippet_to_js(&index.snippet_of(&query, &borrowed(&texts), &options)?))
        })
    }

    /// The rows that no search finds.
    ///
    /// # Errors
    /// As [`TextIndex::unindexable`].
    #[wasm_bindgen(js_name = unindexableRows)]
    pub fn unindexable_rows(&self, name: &str) -> JsResult<Vec<i64>> {
        self.with_text(name, |index| index.unindexable())
    }

    /// How many rows are in a text index.
    ///
    /// # Errors
    /// As [`TextIndex::count`].
    #[wasm_bindgen(js_name = countText)]
    pub fn count_text(&self, name: &str) -> JsResult<f64> {
        self.with_text(name, |index| Ok(index.count()? as f64))
    }

    /// Brings a text index up to date by about so many rows; whether that was all.
    ///
    /// # Errors
    /// As [`TextIndex::prepare`].
    #[wasm_bindgen(js_name = prepareText)]
    pub fn prepare_text(&self, name: &str, most: usize) -> JsResult<bool> {
        self.with_text(name, |index| index.prepare(most))
    }

    /// Makes one segment of all.
    ///
    /// # Errors
    /// As [`TextIndex::optimize`].
    #[wasm_bindgen(js_name = optimizeText)]
    pub fn optimize_text(&self, name: &str) -> JsResult<()> {
        self.with_text(name, |index| index.optimize())
    }

    /// Makes a text index again from its table.
    ///
    /// # Errors
    /// As [`TextIndex::rebuild`].
    #[wasm_bindgen(js_name = rebuildText)]
    pub fn rebuild_text(&self, name: &str) -> JsResult<()> {
        self.with_text(name, |index| index.rebuild())
    }

    /// How many bytes of memory a text index takes.
    ///
    /// # Errors
    /// As [`TextIndex::memory`].
    #[wasm_bindgen(js_name = textMemory)]
    pub fn text_memory(&self, name: &str) -> JsResult<usize> {
        self.with_text(name, |index| index.memory())
    }
}

impl WasmStore {
    fn text_info(&self, info: &TextIndexInfo) -> JsResult<JsValue> {
        let info = self.throwing(|_| Info::new(info))?;
        Ok(serde_wasm_bindgen::to_value(&info)?)
    }

    /// Calls `f` on a text index, which outside of transactions is looked up once: reading the
    /// catalogue takes longer than a search.
    fn with_text<T>(&self, name: &str, f: impl FnOnce(&TextIndex<'_>) -> Result<T>) -> JsResult<T> {
        self.throwing(|store| {
            if self.in_transaction.get() {
                return f(&store.text_index(name)?);
            }
            let mut known = self.known_texts.borrow_mut();
            if !known.contains_key(name) {
                known.insert(name.to_owned(), store.text_index(name)?.info().clone());
            }
            let Some(info) = known.get(name) else { return f(&store.text_index(name)?) };
            let outcome = f(&store.text_index_of(info));
            if outcome.as_ref().is_err_and(is_gone) {
                known.remove(name);
            }
            outcome
        })
    }
}
