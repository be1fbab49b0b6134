//! Filters, made at random and evaluated as their documentation reads.

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

use crate::random::Random;

const KEYS: [&str; 5] = ["a", "b", "c", "kind", "long key"];

/// A metadata object whose values meet those of [`random_filter`].
pub fn random_metadata(random: &mut Random) -> Value {
    let mut object = Map::new();
    for key in KEYS {
        if random.below(5) < 3 {
            object.insert(key.to_owned(), value(random, 2));
        }
    }
    Value::Object(object)
}

fn scalar(random: &mut Random) -> Value {
    match random.below(16) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(false),
        3..=6 => json!(random.below(4)),
        7 => json!(-1),
        8 => json!(1.0),
        9 => json!(2.5),
        10 => json!(9_007_199_254_740_993_i64),
        11 => json!(9_007_199_254_740_992.0),
        12 => json!(""),
        13 => json!("\u{e9}"),
        n => json!(["one", "two"][n - 14]),
    }
}

fn value(random: &mut Random, depth: usize) -> Value {
    match random.below(8) {
        0 | 1 if depth > 0 => (0..random.below(4)).map(|_| value(random, depth - 1)).collect(),
        2 if depth > 0 => json!({ "in": value(random, depth - 1) }),
        _ => scalar(random),
    }
}

/// A filter, some of which match little and some nearly everything.
pub fn random_filter(random: &mut Random) -> Value {
    filter(random, 3)
}

fn filter(random: &mut Random, depth: usize) -> Value {
    let mut object = Map::new();
    for _ in 0..random.below(3) {
        let key = KEYS[random.below(KEYS.len())];
        object.insert(key.to_owned(), condition(random));
    }
    if depth > 0 {
        let filters = |random: &mut Random| -> Value {
            (0..1 + random.below(3)).map(|_| filter(random, depth - 1)).collect()
        };
        match random.below(6) {
            0 => drop(object.insert("$and".to_owned(), filters(random))),
            1 => drop(object.insert("$or".to_owned(), filters(random))),
            2 => drop(object.insert("$not".to_owned(), filter(random, depth - 1))),
            _ => {}
        }
    }
    Value::Object(object)
}

fn condition(random: &mut Random) -> Value {
    if random.below(4) == 0 {
        // An object would be read as operators.
        let plain = value(random, 1);
        return if plain.is_object() { json!({ "$eq": plain }) } else { plain };
    }
    Value::Object(operators(random, 2))
}

fn operators(random: &mut Random, depth: usize) -> Map<String, Value> {
    let mut object = Map::new();
    for _ in 0..1 + random.below(2) {
        let ordered = loop {
            let operand = scalar(random);
            if !operand.is_null() {
                break operand;
            }
        };
        let list: Value = (0..random.below(4)).map(|_| value(random, 1)).collect();
        let (name, operand) = match random.below(11) {
            0 => ("$eq", value(random, 1)),
            1 => ("$ne", value(random, 1)),
            2 => ("$gt", ordered),
            3 => ("$gte", ordered),
            4 => ("$lt", ordered),
            5 => ("$lte", ordered),
            6 | 7 => ("$in", list),
            8 => ("$nin", list),
            9 if depth > 0 => ("$not", Value::Object(operators(random, depth - 1))),
            _ => ("$exists", json!(random.below(2) == 0)),
        };
        object.insert(name.to_owned(), operand);
    }
    object
}

/// Whether `metadata` satisfies `filter`.
///
/// # Panics
/// On a filter that [`random_filter`] does not make.
pub fn matches(filter: &Value, metadata: &Value) -> bool {
    let members = filter.as_object().unwrap_or_else(|| panic!("{filter} is no filter"));
    members.iter().all(|(key, operand)| {
        let all = |operand: &Value| operand.as_array().cloned().unwrap_or_default();
        match key.as_str() {
            "$and" => all(operand).iter().all(|filter| matches(filter, metadata)),
            "$or" => all(operand).iter().any(|filter| matches(filter, metadata)),
            "$not" => !matches(operand, metadata),
            key => holds(operand, metadata.get(key)),
        }
    })
}

fn holds(condition: &Value, value: Option<&Value>) -> bool {
    match condition {
        Value::Object(operators) => {
            operators.iter().all(|(name, operand)| operator(name, operand, value))
        }
        plain => equals(value, plain),
    }
}

fn operator(name: &str, operand: &Value, value: Option<&Value>) -> bool {
    let is_in = || operand.as_array().is_some_and(|list| list.iter().any(|one| equals(value, one)));
    let side = |wanted: &[Ordering]| {
        value.and_then(|value| order(value, operand)).is_some_and(|order| wanted.contains(&order))
    };
    match name {
        "$eq" => equals(value, operand),
        "$ne" => !equals(value, operand),
        "$gt" => side(&[Ordering::Greater]),
        "$gte" => side(&[Ordering::Greater, Ordering::Equal]),
        "$lt" => side(&[Ordering::Less]),
        "$lte" => side(&[Ordering::Less, Ordering::Equal]),
        "$in" => is_in(),
        "$nin" => !is_in(),
        "$exists" => operand == &json!(value.is_some()),
        "$not" => !holds(operand, value),
        _ => panic!("{name} is no operator"),
    }
}

/// The value equals, or is an array with an element that equals.
fn equals(value: Option<&Value>, operand: &Value) -> bool {
    let Some(value) = value else { return false };
    let element = value.as_array().is_some_and(|items| items.iter().any(|one| same(one, operand)));
    element || same(value, operand)
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (Value::Null, Value::Null) => true,
        _ => order(a, b) == Some(Ordering::Equal),
    }
}

/// How two scalars of one type compare.
fn order(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::String(a), Value::String(b)) => Some(a.as_bytes().cmp(b.as_bytes())),
        (Value::Number(_), Value::Number(_)) => Some(halves(a).cmp(&halves(b))),
        _ => None,
    }
}

/// Twice the number: every number made here is an integer or one and a half of one.
fn halves(number: &Value) -> i128 {
    if let Some(int) = number.as_i64() {
        return i128::from(int) * 2;
    }
    let float = number.as_f64().unwrap_or_default();
    #[expect(clippy::cast_possible_truncation, reason = "these floats are small or whole")]
    let doubled = (float * 2.0) as i128;
    doubled
}
