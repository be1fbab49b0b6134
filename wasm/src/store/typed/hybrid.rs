//! The search of a workspace by words and by nearness.

use js_sys::Array;
use serde::Deserialize;
use sigil_core::{
    Error, Filter, Fusion, MemorySearch, MemorySource, MemoryWeights, Recency, Result, Role,
    TextQuery, TimeRange, Timestamp, WorkspaceStores,
};
use wasm_bindgen::prelude::wasm_bindgen;

use super::{Answer, Args, answer};
use crate::error::JsResult;
use crate::store::WasmStore;

/// [`MemorySearch`] as JavaScript gives it, but for the vector.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Given {
    k: usize,
    text: Option<GivenText>,
    #[serde(default)]
    sources: Vec<String>,
    filter: Option<serde_json::Value>,
    session: Option<String>,
    role: Option<Role>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    weights: Option<GivenWeights>,
    fusion: Option<GivenFusion>,
    recency: Option<GivenRecency>,
    diversity: Option<f64>,
    #[serde(default)]
    distinct: bool,
    #[serde(default)]
    window: usize,
    #[serde(default)]
    typos: u8,
    candidates: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum GivenText {
    /// What a person types.
    Typed(String),
    /// The query language.
    Query(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenWeights {
    text: f64,
    vector: f64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum GivenFusion {
    ReciprocalRank { k: Option<f64> },
    Scores,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GivenRecency {
    now: Timestamp,
    half_life_ms: i64,
    weight: f64,
}

impl Given {
    fn check(self, vector: Option<Vec<f32>>) -> Result<MemorySearch> {
        let mut search = MemorySearch::new(self.k);
        search.text = self.text.map(GivenText::read).transpose()?;
        search.vector = vector;
        search.sources = self.sources.iter().map(|name| source(name)).collect::<Result<_>>()?;
        search.filter = self.filter.as_ref().map(Filter::parse).transpose()?;
        search.session = self.session;
        search.role = self.role;
        search.time = TimeRange { from: self.from, to: self.to };
        if let Some(GivenWeights { text, vector }) = self.weights {
            search.weights = MemoryWeights { text, vector };
        }
        match self.fusion {
            None | Some(GivenFusion::ReciprocalRank { k: None }) => {}
            Some(GivenFusion::ReciprocalRank { k: Some(k) }) => {
                search.fusion = Fusion::ReciprocalRank { k };
            }
            Some(GivenFusion::Scores) => search.fusion = Fusion::Scores,
        }
        search.recency = self.recency.map(|given| {
            let GivenRecency { now, half_life_ms, weight } = given;
            Recency { now, half_life_ms, weight }
        });
        search.diversity = self.diversity;
        search.distinct = self.distinct;
        search.window = self.window;
        search.typos = self.typos;
        search.candidates = self.candidates;
        Ok(search)
    }
}

impl GivenText {
    fn read(self) -> Result<TextQuery> {
        match self {
            GivenText::Typed(text) => Ok(TextQuery::typed(&text)),
            GivenText::Query(text) => TextQuery::parse(&text),
        }
    }
}

fn source(name: &str) -> Result<MemorySource> {
    Ok(match name {
        "messages" => MemorySource::Messages,
        "summaries" => MemorySource::Summaries,
        "facts" => MemorySource::Facts,
        "vectors" => MemorySource::Vectors,
        _ => return Err(Error::invalid(format!("no source of a search is named '{name}'"))),
    })
}

#[wasm_bindgen]
impl WasmStore {
    /// Searches the workspace: `wanted` is JSON, the hits are an [`Answer`].
    ///
    /// # Errors
    /// As [`WorkspaceStores::search`], and `invalid-input` for what is not of its type, a malformed
    /// filter and a malformed query.
    #[wasm_bindgen(js_name = searchMemory)]
    pub fn search_memory(&self, wanted: &str, vector: Option<Vec<f32>>) -> JsResult<Option<Array>> {
        let answer = self.throwing(|store| {
            let wanted: Given = Args { method: "workspace.search", json: wanted }.parse()?;
            let workspace = self.typed.workspace(store)?;
            answer(&workspace.search(&wanted.check(vector)?)?)
        })?;
        Ok(answer.map(Answer::finish))
    }
}
