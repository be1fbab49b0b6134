//! What is asked of a search, and what it found, on their way from and to JavaScript.

use js_sys::{Array, Float64Array};
use serde::{Deserialize, Serialize};
use sigil_core::{
    Because, Effort, Error, Explanation, Filter, Hit, HitCursor, Plan, Recall, Result,
    SearchOptions,
};
use wasm_bindgen::JsValue;

use crate::error::JsResult;

/// A search beside its query.
#[derive(Debug)]
pub(crate) struct Asked {
    /// How many results.
    pub(crate) k: usize,
    pub(crate) options: SearchOptions,
}

/// [`Asked`] as JavaScript gives it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Given {
    k: usize,
    /// JSON.
    filter: Option<String>,
    exact: bool,
    effort: Option<GivenEffort>,
    after: Option<GivenCursor>,
    diversity: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct GivenEffort {
    scanned: usize,
    candidates: usize,
}

#[derive(Debug, Deserialize)]
struct GivenCursor {
    score: f64,
    id: String,
    seen: usize,
}

impl Asked {
    /// # Errors
    /// `InvalidInput` for what is not of its type, a malformed filter and a cursor that no search
    /// gave.
    pub(crate) fn from_js(options: JsValue) -> Result<Asked> {
        let given: Given = serde_wasm_bindgen::from_value(options)
            .map_err(|error| Error::invalid(format!("the options of a search: {error}")))?;
        let Given { k, filter, exact, effort, after, diversity } = given;
        let effort =
            effort.map(|GivenEffort { scanned, candidates }| Effort { scanned, candidates });
        let options = SearchOptions {
            filter: filter.as_deref().map(Filter::from_json).transpose()?,
            exact,
            effort,
            after: after.map(GivenCursor::check).transpose()?,
            diversity,
        };
        Ok(Asked { k, options })
    }
}

impl GivenCursor {
    fn check(self) -> Result<HitCursor> {
        let GivenCursor { score, id, seen } = self;
        if score.is_nan() {
            return Err(Error::invalid(
                "the score of a cursor is not a number: give what the page before ended with",
            ));
        }
        Ok(HitCursor { distance: score, id, seen })
    }
}

/// Queries that JavaScript gave one after another.
///
/// # Errors
/// `InvalidInput` when they do not come out even.
pub(crate) fn queries(elements: &[f32], dimensions: usize) -> Result<Vec<&[f32]>> {
    if !elements.len().is_multiple_of(dimensions) {
        return Err(Error::invalid(format!(
            "{} numbers do not make queries of {dimensions} dimensions",
            elements.len()
        )));
    }
    Ok(elements.chunks_exact(dimensions).collect())
}

/// Ids as the core's methods take them.
pub(crate) fn borrowed(ids: &[String]) -> Vec<&str> {
    ids.iter().map(String::as_str).collect()
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
    Array::of3(&ids, &Float64Array::from(distances.as_slice()), &metadata)
}

/// The hits of each of several searches.
pub(crate) fn all_hits_to_js(found: Vec<Vec<Hit>>) -> Array {
    found.into_iter().map(hits_to_js).collect()
}

/// How a search was carried out, as JavaScript sees it.
#[derive(Debug, Serialize)]
struct How {
    plan: Way,
    vectors: usize,
    listed: usize,
    tested: bool,
    compared: usize,
    text: String,
}

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Way {
    Exact { because: &'static str },
    Codes { scanned: usize, cells: usize },
}

impl How {
    fn new(explanation: &Explanation) -> How {
        let plan = match explanation.plan {
            Plan::Exact(because) => Way::Exact { because: reason(because) },
            Plan::Codes { scanned, cells } => Way::Codes { scanned, cells },
        };
        let Explanation { vectors, listed, tested, compared, .. } = *explanation;
        How { plan, vectors, listed, tested, compared, text: explanation.to_string() }
    }
}

fn reason(because: Because) -> &'static str {
    match because {
        Because::Asked => "asked",
        Because::Few => "few",
        Because::Selective => "selective",
        Because::Many => "many",
        Because::Query => "query",
        Because::TooFew => "too-few",
    }
}

/// `[hits, explanation]`.
pub(crate) fn explained_to_js((hits, how): (Vec<Hit>, Explanation)) -> JsResult<Array> {
    let how = serde_wasm_bindgen::to_value(&How::new(&how))?;
    Ok(Array::of2(&hits_to_js(hits), &how))
}

/// A check of recall, as JavaScript sees it.
#[derive(Debug, Serialize)]
struct Checked {
    searches: usize,
    k: usize,
    recall: f64,
}

/// `{ searches, k, recall }`.
pub(crate) fn recall_to_js(Recall { searches, k, recall }: Recall) -> JsResult<JsValue> {
    Ok(serde_wasm_bindgen::to_value(&Checked { searches, k, recall })?)
}
