//! What is shown of the rows that match, on its way to JavaScript.

use std::ops::Range;

use js_sys::{Array, Uint32Array};
use serde::Serialize;
use sigil_core::{Error, Facet, Facets, Highlighted, MetaValue, Result, Snippet, SnippetOptions};
use wasm_bindgen::JsValue;

/// How the words of a query are shown in a row.
pub(crate) fn snippet_options(tokens: u32, typos: u8) -> SnippetOptions {
    let mut options = SnippetOptions::default();
    options.tokens = tokens;
    options.typos = typos;
    options
}

/// `[text, places of what matches]` of each column.
pub(crate) fn highlights_to_js(columns: &[Highlighted]) -> Array {
    let column = |column: &Highlighted| {
        Array::of2(&JsValue::from_str(&column.text), &units(&column.text, &column.ranges))
    };
    columns.iter().map(column).collect()
}

/// `[column, text, places of what matches, whether there is more before, and behind]`.
pub(crate) fn snippet_to_js(snippet: &Snippet) -> Array {
    let parts: [JsValue; 5] = [
        JsValue::from_f64(snippet.column as f64),
        JsValue::from_str(&snippet.text),
        units(&snippet.text, &snippet.ranges).into(),
        JsValue::from_bool(snippet.before),
        JsValue::from_bool(snippet.after),
    ];
    parts.into_iter().collect()
}

/// Where ranges of bytes begin and end in UTF-16 units, one after another. The ranges ascend.
fn units(text: &str, ranges: &[Range<usize>]) -> Uint32Array {
    let mut places = Vec::with_capacity(ranges.len() * 2);
    let (mut bytes, mut units) = (0, 0_u32);
    for at in ranges.iter().flat_map(|range| [range.start, range.end]) {
        let between = text.get(bytes..at).unwrap_or_default();
        units += between.chars().map(|char| if char.len_utf16() == 2 { 2 } else { 1 }).sum::<u32>();
        places.push(units);
        bytes = at;
    }
    Uint32Array::from(places.as_slice())
}

#[derive(Debug, Serialize)]
struct ShownFacets<'a> {
    rows: u64,
    facets: Vec<ShownFacet<'a>>,
}

#[derive(Debug, Serialize)]
struct ShownFacet<'a> {
    key: &'a str,
    values: Vec<ShownValue<'a>>,
    distinct: u64,
}

#[derive(Debug, Serialize)]
struct ShownValue<'a> {
    value: &'a MetaValue,
    rows: u64,
}

/// Facets as JSON, which is what JavaScript sees.
///
/// # Errors
/// `InvalidInput` for what JSON cannot hold, which no value is.
pub(crate) fn facets_to_json(facets: &Facets) -> Result<String> {
    let shown = ShownFacets {
        rows: facets.rows,
        facets: facets.keys.iter().map(ShownFacet::new).collect(),
    };
    serde_json::to_string(&shown)
        .map_err(|error| Error::invalid(format!("writing down facets: {error}")))
}

impl<'a> ShownFacet<'a> {
    fn new(facet: &'a Facet) -> ShownFacet<'a> {
        let values = facet.values.iter().map(|(value, rows)| ShownValue { value, rows: *rows });
        ShownFacet { key: &facet.key, values: values.collect(), distinct: facet.distinct }
    }
}
