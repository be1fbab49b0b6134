//! Writes the store of vectors that natively built ones are held to, with its questions and answers.
//!
//! `cargo run -p sigil-tests --example vector_fixture`, before the first release after a change of
//! what an index snapshot holds; `tests/js/vector-fixture.mjs` then makes its counterpart.
//!
//! The vectors lie in groups that are far apart, of many more than are asked for, so that a search
//! by codes finds just what an exact one finds; that, and that no two neighbours are as far from a
//! query, is checked of each question.

use std::error::Error;
use std::fs;

use serde_json::{Value, json};
use sigil_core::{
    CollectionOptions, Effort, Explanation, Hit, HitCursor, Metadata, Metric, Precision, Store,
};
use sigil_tests::random::Random;
use sigil_tests::vector_fixture::{answered, ask, folder};

type Outcome<T> = Result<T, Box<dyn Error>>;

const DIMENSIONS: usize = 32;
const PER_GROUP: usize = 50;

/// Two neighbours among the hits of a question are at least so far apart, in parts of a distance.
const GAP: f64 = 1e-6;

/// A collection of the store.
struct Made {
    name: &'static str,
    options: CollectionOptions,
    groups: usize,
}

/// A number from -1 to 1 with few digits, which is exact as a float and short as text.
fn coordinate(random: &mut Random) -> f32 {
    f32::from(i16::try_from(random.below(2_049)).unwrap_or_default() - 1_024) / 1_024.0
}

fn near(random: &mut Random, centre: &[f32]) -> Vec<f32> {
    centre.iter().map(|x| x + coordinate(random) / 4.0).collect()
}

fn centre(group: usize) -> Vec<f32> {
    let mut random = Random::new(1_000 + group as u64);
    (0..DIMENSIONS).map(|_| coordinate(&mut random)).collect()
}

fn fill(store: &Store, made: &Made) -> Outcome<()> {
    let collection = store.create_collection(made.name, made.options)?;
    let mut random = Random::new(made.groups as u64);
    let mut rows = Vec::new();
    for n in 0..made.groups * PER_GROUP {
        // Groups take turns, so that cells are split and filled as in a store that grows.
        let group = n % made.groups;
        let lang = ["en", "de", "fr"][random.below(3)];
        let metadata = json!({ "group": group, "lang": lang, "n": n }).to_string();
        let vector = near(&mut random, &centre(group));
        rows.push((format!("v{n:04}"), vector, Metadata::from_json(&metadata)?));
    }
    collection.store_many(rows.iter().map(|(id, vector, about)| (&**id, &**vector, about)))?;
    Ok(())
}

/// How the searches of a group are asked for.
fn variants(group: usize) -> Vec<Value> {
    let few = Effort { scanned: 300, candidates: 90 };
    let few = json!({ "scanned": few.scanned, "candidates": few.candidates });
    vec![
        json!({}),
        json!({ "exact": true }),
        json!({ "effort": few }),
        json!({ "filter": { "lang": "en" } }),
        json!({ "filter": { "lang": { "$in": ["de", "fr"] } }, "effort": few }),
        json!({ "filter": { "n": { "$lt": 90 } } }),
        json!({ "filter": { "$or": [{ "group": group }, { "n": { "$gte": 1_000 } }] } }),
        json!({ "filter": { "lang": "none" } }),
        json!({ "diversity": 0.4 }),
    ]
}

fn questions(store: &Store, made: &Made) -> Outcome<Vec<Value>> {
    let mut questions = Vec::new();
    let mut random = Random::new(5);
    let mut push = |call: &str, rest: Value| {
        let mut question = json!({ "collection": made.name, "call": call });
        for (name, value) in rest.as_object().into_iter().flatten() {
            question[name] = value.clone();
        }
        questions.push(question);
    };
    for group in (0..made.groups).step_by(5) {
        let query = near(&mut random, &centre(group));
        for options in variants(group) {
            push("search", json!({ "query": query, "k": 8, "options": options }));
        }
        let nearest = json!({ "collection": made.name, "call": "search", "query": query, "k": 30,
            "options": { "exact": true } });
        let (nearest, _) = ask(store, &nearest)?;
        let cursor = HitCursor::after(&nearest[..8], None).ok_or("no hits")?;
        let after = json!({ "score": cursor.distance, "id": cursor.id, "seen": cursor.seen });
        push("search", json!({ "query": query, "k": 8, "options": { "after": after } }));
        let distance = (nearest[19].distance + nearest[20].distance) / 2.0;
        push("within", json!({ "query": query, "distance": distance, "options": {} }));
        let english = json!({ "filter": { "lang": "en" } });
        push("within", json!({ "query": query, "distance": distance, "options": english }));
        let [first, second, third] = [0, 1, 2].map(|at: usize| nearest[at].id.clone());
        push("like", json!({ "id": first, "k": 8, "options": {} }));
        push(
            "recommend",
            json!({ "positive": [first, second], "negative": [third], "k": 8,
            "options": {} }),
        );
    }
    Ok(questions)
}

/// Refuses a question whose answer would depend on how hard a search looks, or on rounding.
fn check(store: &Store, question: &Value, hits: &[Hit], how: Option<&Explanation>) -> Outcome<()> {
    let mut exact = question.clone();
    exact["options"]["exact"] = json!(true);
    if ask(store, &exact)?.0 != hits {
        return Err(format!("not what an exact search finds: {question} {how:?}").into());
    }
    let diverse = question["options"].get("diversity").is_some();
    let close = |pair: &[Hit]| pair[1].distance - pair[0].distance < GAP;
    if !diverse && hits.windows(2).any(close) {
        return Err(format!("two hits are as near: {question}").into());
    }
    Ok(())
}

fn main() -> Outcome<()> {
    let directory = folder().join("vectors-native");
    let _ = fs::remove_dir_all(&directory);
    let plain = CollectionOptions::new(DIMENSIONS, Metric::Cosine);
    let rounded =
        CollectionOptions::new(DIMENSIONS, Metric::L2).stored(Precision::F16).held(Precision::Int8);
    let collections = [
        Made { name: "whole", options: plain, groups: 26 },
        Made { name: "rounded", options: rounded, groups: 22 },
    ];
    let store = sigil_native::open(&directory)?;
    for made in &collections {
        fill(&store, made)?;
    }
    let mut lines = String::new();
    for made in &collections {
        for question in questions(&store, made)? {
            let (hits, how) = ask(&store, &question)?;
            check(&store, &question, &hits, how.as_ref())?;
            lines.push_str(&format!("{}\n", answered(question, &hits)));
        }
    }
    store.close()?;
    fs::remove_file(directory.join("sigil.lock"))?;
    fs::write(folder().join("vectors-native.expect"), lines)?;
    Ok(())
}
