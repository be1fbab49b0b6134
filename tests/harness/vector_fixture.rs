//! Stores of vectors that are committed with the questions they were asked and what was found.
//!
//! They are `tests/fixtures/v1/vectors-native`, built natively, and `vectors-npm`, built by the npm
//! package in Node. Both have the same vectors, stored in opposite order, and both have to give the
//! same hits wherever they are opened: natively (`tests/integration/vector_fixtures.rs`) and in wasm
//! (`tests/js/node/fixtures.test.ts`). They were made with
//!
//! ```text
//! cargo run -p sigil-tests --example vector_fixture
//! npm --prefix wasm test && node tests/js/vector-fixture.mjs
//! ```
//!
//! Beside each is a file of questions, one a line: an object with the `collection`, the `call`
//! (`search`, `within`, `like` or `recommend`) and its arguments, and the `ids` and `scores` found.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sigil_core::{
    Collection, Effort, Error, Explanation, Filter, Hit, HitCursor, Result, SearchOptions, Store,
};

use crate::scratch::Scratch;

/// The folder of the fixtures.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/v1")
}

/// A copy of the committed store `name`, and the questions that were asked of it.
///
/// # Panics
/// When it is not there.
pub fn committed(name: &str) -> (Scratch, Vec<Value>) {
    let scratch = Scratch::new(name);
    fs::create_dir_all(scratch.path()).expect("a directory to copy to");
    for entry in fs::read_dir(folder().join(name)).expect("the fixture") {
        let entry = entry.expect("an entry of the fixture");
        fs::copy(entry.path(), scratch.join(entry.file_name())).expect("a copy");
    }
    let lines = fs::read_to_string(folder().join(format!("{name}.expect"))).expect("questions");
    let question = |line: &str| serde_json::from_str(line).expect("a question");
    (scratch, lines.lines().map(question).collect())
}

/// `question` with its answer.
pub fn answered(mut question: Value, hits: &[Hit]) -> Value {
    question["ids"] = hits.iter().map(|hit| json!(hit.id)).collect();
    question["scores"] = hits.iter().map(|hit| json!(hit.distance)).collect();
    question
}

/// What a store finds, and how where the call explains itself.
///
/// # Errors
/// Those of the call, and `InvalidInput` for a question that is none.
pub fn ask(store: &Store, question: &Value) -> Result<(Vec<Hit>, Option<Explanation>)> {
    let collection = store.collection(text(&question["collection"]))?;
    let options = options(&question["options"])?;
    let k = whole(&question["k"]);
    match text(&question["call"]) {
        "search" => {
            let (hits, how) = collection.explain(&vector(question), k, &options)?;
            Ok((hits, Some(how)))
        }
        other => Ok((ask_other(&collection, other, question, k, &options)?, None)),
    }
}

fn ask_other(
    collection: &Collection<'_>,
    call: &str,
    question: &Value,
    k: usize,
    options: &SearchOptions,
) -> Result<Vec<Hit>> {
    match call {
        "within" => {
            let distance = question["distance"].as_f64().unwrap_or(f64::NAN);
            collection.within(&vector(question), distance, options)
        }
        "like" => collection.search_like(text(&question["id"]), k, options),
        "recommend" => {
            let (positive, negative) = (ids(&question["positive"]), ids(&question["negative"]));
            collection.recommend(&positive, &negative, k, options)
        }
        _ => Err(Error::invalid(format!("a fixture asks for '{call}', which is no call"))),
    }
}

fn options(given: &Value) -> Result<SearchOptions> {
    let filter = given.get("filter").map(|filter| Filter::from_json(&filter.to_string()));
    let effort = given.get("effort").map(|effort| Effort {
        scanned: whole(&effort["scanned"]),
        candidates: whole(&effort["candidates"]),
    });
    let after = given.get("after").map(|after| HitCursor {
        distance: after["score"].as_f64().unwrap_or(f64::NAN),
        id: text(&after["id"]).to_owned(),
        seen: whole(&after["seen"]),
    });
    Ok(SearchOptions {
        filter: filter.transpose()?,
        exact: given["exact"] == true,
        effort,
        after,
        diversity: given["diversity"].as_f64(),
    })
}

/// The query of a question; its elements have few digits, so that a float holds them.
#[expect(clippy::cast_possible_truncation, reason = "they have few digits")]
fn vector(question: &Value) -> Vec<f32> {
    let elements = question["query"].as_array().into_iter().flatten();
    elements.map(|x| x.as_f64().unwrap_or(f64::NAN) as f32).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn whole(value: &Value) -> usize {
    value.as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or_default()
}

fn ids(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().map(text).collect()
}
