//! What is asked of a text index, and what it found, on their way from and to JavaScript.

mod shown;

pub(crate) use shown::{facets_to_json, highlights_to_js, snippet_options, snippet_to_js};

use js_sys::{Array, BigInt64Array, Float64Array};
use serde::{Deserialize, Serialize};
use sigil_core::{
    Error, ErrorKind, Filter, Result, TextCursor, TextHit, TextIndexInfo, TextIndexOptions,
    TextQuery, TextRank, TextRanking, TextSearchOptions, Timestamp,
};
use wasm_bindgen::JsValue;

use crate::convert::SAFE_INTEGER_MAX;

/// A text index as JavaScript sees it.
#[derive(Debug, Serialize)]
pub(crate) struct Info<'a> {
    name: &'a str,
    /// JSON.
    options: String,
}

impl<'a> Info<'a> {
    pub(crate) fn new(info: &'a TextIndexInfo) -> Result<Info<'a>> {
        let options = serde_json::to_string(&info.options)
            .map_err(|error| Error::invalid(format!("writing down a text index: {error}")))?;
        Ok(Info { name: &info.name, options })
    }
}

/// What a text index is made for, of JSON.
///
/// # Errors
/// `InvalidInput`.
pub(crate) fn options_from_json(json: &str) -> Result<TextIndexOptions> {
    serde_json::from_str(json)
        .map_err(|error| Error::invalid(format!("the options of a text index: {error}")))
}

/// How a query is given; the numbers are known to ts/text-query.ts.
mod form {
    pub(super) const LANGUAGE: u8 = 0;
    pub(super) const TYPED: u8 = 1;
}

/// A query that was put together, as JSON.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Built {
    Query(String),
    Typed(String),
    Phrase(String),
    Prefix(String),
    Near { phrases: Vec<String>, distance: u32 },
    And(Vec<Built>),
    Or(Vec<Built>),
    Not(Box<(Built, Built)>),
    Columns { names: Vec<String>, query: Box<Built> },
}

impl Built {
    fn query(self) -> Result<TextQuery> {
        match self {
            Built::Query(text) => TextQuery::parse(&text),
            Built::Typed(text) => Ok(TextQuery::typed(&text)),
            Built::Phrase(text) => TextQuery::phrase(&text),
            Built::Prefix(text) => TextQuery::prefix(&text),
            Built::Near { phrases, distance } => TextQuery::near(phrases, distance),
            Built::And(parts) => combined(parts, TextQuery::and),
            Built::Or(parts) => combined(parts, TextQuery::or),
            Built::Not(parts) => parts.0.query()?.without(parts.1.query()?),
            Built::Columns { names, query } => query.query()?.in_columns(names),
        }
    }
}

fn combined(
    parts: Vec<Built>,
    combine: impl Fn(TextQuery, TextQuery) -> Result<TextQuery>,
) -> Result<TextQuery> {
    let mut parts = parts.into_iter().map(Built::query);
    let first = parts.next().unwrap_or_else(|| {
        Err(Error::invalid("a text query for all or any of nothing: give queries to combine"))
    })?;
    parts.try_fold(first, |query, part| combine(query, part?))
}

/// The query that JavaScript gave in this form.
///
/// # Errors
/// As [`TextQuery::parse`] and what else makes a query.
pub(crate) fn query_from_js(form: u8, text: &str) -> Result<TextQuery> {
    match form {
        form::LANGUAGE => TextQuery::parse(text),
        form::TYPED => Ok(TextQuery::typed(text)),
        _ => serde_json::from_str::<Built>(text)
            .map_err(|error| Error::invalid(format!("a text query: {error}")))?
            .query(),
    }
}

/// How to search, as JavaScript gives it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Given {
    ranking: Option<GivenRanking>,
    weights: Vec<f64>,
    named: Vec<(String, f64)>,
    typos: u8,
    from: Option<String>,
    to: Option<String>,
    /// JSON.
    filter: Option<String>,
    after: Option<GivenCursor>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum GivenRanking {
    Newest,
    #[serde(rename_all = "camelCase")]
    Recent {
        now: String,
        half_life_ms: f64,
        weight: f64,
    },
}

#[derive(Debug, Deserialize)]
struct GivenCursor {
    key: i64,
    score: Option<f64>,
    time: Option<String>,
}

/// How to search, with the rows that alone are wanted.
///
/// # Errors
/// `InvalidInput` for what is not of its type, and weights of columns that there are not.
pub(crate) fn search_options(
    options: JsValue,
    keys: Option<Vec<i64>>,
    columns: &[String],
) -> Result<TextSearchOptions> {
    let mut asked = TextSearchOptions::default();
    asked.keys = keys;
    if options.is_undefined() {
        return Ok(asked);
    }
    let given: Given = serde_wasm_bindgen::from_value(options)
        .map_err(|error| Error::invalid(format!("the options of a search of text: {error}")))?;
    if let Some(ranking) = given.ranking {
        asked.ranking = ranking.read()?;
    }
    asked.weights = given.weights;
    for (name, weight) in given.named {
        let column = columns.iter().position(|column| column.eq_ignore_ascii_case(&name));
        let Some(column) = column else {
            return Err(Error::invalid(format!(
                "there is a weight for '{name}', which is no column of the text index: it has {}",
                columns.join(", ")
            )));
        };
        asked.weights.resize(columns.len(), 1.0);
        asked.weights[column] = weight;
    }
    asked.typos = given.typos;
    asked.time.from = given.from.map(|time| time.parse()).transpose()?;
    asked.time.to = given.to.map(|time| time.parse()).transpose()?;
    asked.filter = given.filter.as_deref().map(Filter::from_json).transpose()?;
    asked.after = given.after.map(GivenCursor::read).transpose()?;
    Ok(asked)
}

impl GivenRanking {
    #[expect(clippy::cast_possible_truncation, reason = "a whole number within 53 bits")]
    fn read(self) -> Result<TextRanking> {
        Ok(match self {
            GivenRanking::Newest => TextRanking::Newest,
            GivenRanking::Recent { now, half_life_ms, weight } => {
                TextRanking::Recent { now: now.parse()?, half_life_ms: half_life_ms as i64, weight }
            }
        })
    }
}

impl GivenCursor {
    fn read(self) -> Result<TextCursor> {
        let rank = match (self.score, self.time) {
            (Some(score), None) => TextRank::Score(score),
            (_, time) => TextRank::Time(time.unwrap_or_default().parse::<Timestamp>()?),
        };
        Ok(TextCursor::new(rank, self.key))
    }
}

/// Hits in their order: the key, the score and the rank of each, one after another. Where doubles
/// cannot hold them all, an array: of these, of the keys, and of the times that are the ranks.
pub(crate) fn hits_to_js(hits: &[TextHit]) -> JsValue {
    let mut numbers = Vec::with_capacity(hits.len() * 3);
    let mut times = Vec::new();
    let mut is_exact = true;
    for hit in hits {
        is_exact &= hit.key.unsigned_abs() <= SAFE_INTEGER_MAX.unsigned_abs();
        let rank = match hit.rank() {
            TextRank::Score(score) => score,
            TextRank::Time(time) => {
                times.push(time.to_string());
                f64::NAN
            }
        };
        numbers.extend([hit.key as f64, hit.score, rank]);
    }
    let numbers = Float64Array::from(numbers.as_slice());
    if is_exact && times.is_empty() {
        return numbers.into();
    }
    let keys: Vec<i64> = hits.iter().map(|hit| hit.key).collect();
    let times: Array = times.iter().map(|time| JsValue::from_str(time)).collect();
    Array::of3(&numbers, &BigInt64Array::from(keys.as_slice()), &times).into()
}

/// Whether an error says that a text index is not there any more.
pub(crate) fn is_gone(error: &Error) -> bool {
    error.kind() == ErrorKind::NotFound
}
