use serde_json::{Map, Value, json};

use super::*;
use crate::error::ErrorKind;
use crate::testing::test;

mod model;

fn metadata(value: &Value) -> Metadata {
    Metadata::from_value(value).unwrap()
}

fn filter(value: &Value) -> Filter {
    Filter::parse(value).unwrap()
}

fn attributes(rows: &[Value]) -> Attributes {
    let mut attributes = Attributes::default();
    rows.iter().for_each(|row| attributes.push(&metadata(row)));
    attributes
}

/// The slots that a selection comes to once the tests it asks for are made.
fn selected(attributes: &Attributes, filter: &Filter, budget: usize) -> Vec<u32> {
    let Selection { slots, residual } = attributes.select(filter, budget);
    let all = 0..u32::try_from(attributes.len()).unwrap();
    let slots: Vec<u32> = slots.map_or_else(|| all.collect(), |slots| slots.iter().collect());
    slots.into_iter().filter(|slot| !residual || attributes.matches(*slot, filter)).collect()
}

/// How many slots are selected, all of them for certain.
#[track_caller]
fn exactly(attributes: &Attributes, value: Value) -> usize {
    let selection = attributes.select(&filter(&value), usize::MAX);
    assert!(!selection.residual, "{value}");
    selection.slots.map_or(attributes.len(), |slots| slots.count())
}

/// How many slots have to be tested.
#[track_caller]
fn at_most(attributes: &Attributes, value: Value) -> usize {
    let selection = attributes.select(&filter(&value), usize::MAX);
    assert!(selection.residual, "{value}");
    selection.slots.map_or(attributes.len(), |slots| slots.count())
}

#[test]
fn rows_take_few_bytes() {
    let pos = ["noun", "verb", "adj", "adv"];
    let rows: Vec<Value> =
        (0..10_000).map(|n| json!({"pos": pos[n % 7 % 4], "lex": n % 45})).collect();
    let frequent = attributes(&rows);
    assert!(frequent.rows.memory() < 10_000 * 6, "{}", frequent.rows.memory());
    assert!(frequent.memory() < 10_000 * 12, "{}", frequent.memory());
    // Unique ones stay in their rows, and once more in the dictionary.
    let rows: Vec<Value> = (0..10_000).map(|n| json!({"id": format!("{n:016}")})).collect();
    let unique = attributes(&rows);
    assert_eq!(unique.columns.terms.end(), 0);
    assert!(unique.memory() < 10_000 * 70, "{}", unique.memory());
    let empty = attributes(&vec![json!({}); 10_000]);
    assert!(empty.memory() < 10_000 * 4, "{}", empty.memory());
}

#[test]
fn selections_are_exact_where_values_are_indexed() {
    let rows: Vec<Value> = (0..1_000)
        .map(|n| match n % 4 {
            0 => json!({"n": n, "kind": "a", "tags": ["x", n % 3]}),
            1 => json!({"n": f64::from(n), "kind": "b"}),
            2 => json!({"n": n.to_string(), "kind": null}),
            _ => json!({"n": [n], "o": {"p": n}}),
        })
        .collect();
    let attributes = attributes(&rows);
    assert_eq!(exactly(&attributes, json!({})), 1_000);
    assert_eq!(exactly(&attributes, json!({"kind": "a"})), 250);
    assert_eq!(exactly(&attributes, json!({"kind": {"$ne": "a"}})), 750);
    assert_eq!(exactly(&attributes, json!({"kind": {"$in": ["a", null, "c"]}})), 500);
    assert_eq!(exactly(&attributes, json!({"kind": {"$nin": ["a", null, "c"]}})), 500);
    assert_eq!(exactly(&attributes, json!({"kind": {"$exists": true}})), 750);
    assert_eq!(exactly(&attributes, json!({"kind": {"$exists": false}})), 250);
    assert_eq!(exactly(&attributes, json!({"none": 1})), 0);
    assert_eq!(exactly(&attributes, json!({"none": {"$ne": 1}})), 1_000);
    assert_eq!(exactly(&attributes, json!({"none": {"$not": {"$gt": 1}}})), 1_000);
    assert_eq!(exactly(&attributes, json!({"tags": 0})), 84);
    assert_eq!(exactly(&attributes, json!({"tags": "x"})), 250);
    // Of [3], 3 is an element, and no element has an order.
    assert_eq!(exactly(&attributes, json!({"n": 3})), 1);
    assert_eq!(exactly(&attributes, json!({"n": {"$gte": 0, "$lt": 100}})), 50);
    assert_eq!(
        exactly(&attributes, json!({"$and": [{"n": {"$gte": 0}}, {"n": {"$lt": 100}}]})),
        50
    );
    assert_eq!(exactly(&attributes, json!({"n": {"$not": {"$gte": 0, "$lt": 100}}})), 950);
    assert_eq!(exactly(&attributes, json!({"n": {"$gte": "0"}})), 250);
    assert_eq!(exactly(&attributes, json!({"n": {"$gte": 0, "$lte": "9"}})), 0);
    assert_eq!(exactly(&attributes, json!({"$or": [{"n": 1}, {"n": 2}, {"kind": "a"}]})), 251);
    assert_eq!(exactly(&attributes, json!({"$not": {"$or": [{"n": 1}, {"kind": "a"}]}})), 749);
    assert_eq!(exactly(&attributes, json!({"kind": "a", "n": {"$lt": 500}})), 125);
    let all = attributes.select(&filter(&json!({"n": {"$exists": true}})), usize::MAX);
    assert!(all.slots.is_none() && !all.residual);
    assert_eq!(exactly(&attributes, json!({"kind": "a", "$not": {"n": {"$lt": 500}}})), 125);
}

#[test]
fn what_is_not_indexed_is_tested_where_it_may_be() {
    let long = "x".repeat(200);
    let rows: Vec<Value> = (0..1_000)
        .map(|n| match n % 10 {
            0 => json!({"v": long, "even": true}),
            1 => json!({"v": {"a": n}}),
            2 => json!({"v": [n, [n]]}),
            3 => json!({"v": [n]}),
            _ => json!({"v": "short", "even": n % 2 == 0}),
        })
        .collect();
    let attributes = attributes(&rows);
    assert_eq!(at_most(&attributes, json!({"v": long})), 300);
    assert_eq!(at_most(&attributes, json!({"v": {"$eq": {"a": 11}}})), 300);
    assert_eq!(at_most(&attributes, json!({"v": {"$eq": [13]}})), 200);
    assert_eq!(at_most(&attributes, json!({"v": {"$ne": long}})), 1_000);
    assert_eq!(at_most(&attributes, json!({"v": {"$in": [long, "short"]}})), 900);
    assert_eq!(at_most(&attributes, json!({"v": {"$nin": [long, "short"]}})), 400);
    assert_eq!(at_most(&attributes, json!({"v": {"$gt": "a"}})), 800);
    assert_eq!(at_most(&attributes, json!({"v": long, "even": true})), 100);
    assert_eq!(at_most(&attributes, json!({"$not": {"$or": [{"v": long}, {"even": true}]}})), 600);
    // One condition of which all slots are certain makes the others idle.
    assert_eq!(exactly(&attributes, json!({"$or": [{"v": long}, {"none": {"$ne": 1}}]})), 1_000);
    // Nothing else is indexed under these, so nothing is left to be tested.
    assert_eq!(exactly(&attributes, json!({"even": {"$eq": {"a": 1}}})), 0);
    assert_eq!(exactly(&attributes, json!({"even": {"$nin": [long, [1]]}})), 1_000);
    assert_eq!(exactly(&attributes, json!({"v": {"$eq": {"a": 11}}, "none": 1})), 0);
}

#[test]
fn a_selection_costs_no_more_than_its_budget() {
    let rows: Vec<Value> = (0..20_000)
        .map(|n| match n {
            ..6_000 => json!({"n": n, "half": n % 2, "few": n}),
            _ => json!({"n": n, "half": n % 2}),
        })
        .collect();
    let attributes = attributes(&rows);
    let range = json!({"n": {"$gte": 5_000}});
    assert_eq!(at_most(&attributes, json!({"half": 1, "n": {"$in": [3, 4]}})), 2);
    assert_eq!(exactly(&attributes, range.clone()), 15_000);
    let selection = attributes.select(&filter(&range), 10_000);
    assert!(selection.slots.is_none() && selection.residual);
    // What is cheap is still done.
    let both = json!({"half": 1, "n": {"$gte": 5_000}});
    let selection = attributes.select(&filter(&both), 10_000);
    assert_eq!(selection.slots.unwrap().count(), 10_000);
    assert!(selection.residual);
    // Nor does what is too expensive keep others from being done.
    let any = json!({"half": 1, "few": {"$gte": 0}, "n": {"$exists": true}});
    let selection = attributes.select(&filter(&any), 3_000);
    assert_eq!(selection.slots.unwrap().count(), 10_000);
    let selection = attributes.select(&filter(&json!({"half": 1})), 0);
    assert!(selection.slots.is_none() && selection.residual);
    // So many sets that their number matters, not only the number of values.
    let many: Vec<Value> = (0..2_000).map(|n| json!({"half": n})).collect();
    let selection = attributes.select(&filter(&json!({"$or": many})), 10_000);
    assert!(selection.slots.is_none() && selection.residual);
}

#[test]
fn of_a_conjunction_the_smallest_condition_decides_what_is_worth_doing() {
    let rows: Vec<Value> =
        (0..20_000).map(|n| json!({"n": n, "rare": n / 4_000 % 5 * n})).collect();
    let attributes = attributes(&rows);
    let narrow = json!({"n": {"$gte": 0, "$lt": 20_000}, "rare": 5_000});
    assert_eq!(at_most(&attributes, narrow), 1);
    let nothing = json!({"n": {"$gte": 0}, "rare": -1, "$or": [{"n": [1]}, {"n": {"$lt": 50}}]});
    assert_eq!(exactly(&attributes, nothing), 0);
}

#[test]
fn what_is_taken_out_leaves_nothing_behind() {
    let rows: Vec<Value> = (0..2_000)
        .map(|n| {
            json!({
                "frequent": n % 5, "unique": n, "same": [n % 3, "t", "t", n], "long": "x".repeat(n % 300),
                "o": {format!("inner{}", n % 100): 1}, format!("key{n}"): [[], {}]
            })
        })
        .collect();
    let mut attributes = attributes(&rows);
    let full = attributes.memory();
    assert!(attributes.columns.terms.end() > 8);
    for n in 0..2_000 {
        let slot = u32::try_from(n * 7919 % attributes.len()).unwrap();
        attributes.swap_remove(slot);
    }
    let Columns { keys, terms, sets, .. } = &attributes.columns;
    assert_eq!((attributes.len(), keys.end(), terms.end(), sets.count()), (0, 0, 0, 0));
    assert!(attributes.memory() < full / 50, "{} of {full}", attributes.memory());
    attributes.push(&metadata(&rows[0]));
    assert_eq!(selected(&attributes, &filter(&json!({"frequent": 0})), usize::MAX), [0]);
    // A key that is only nested any more has no column.
    attributes.push(&metadata(&json!({"o": {"frequent": 1}})));
    let number = attributes.columns.keys.find("frequent").unwrap();
    assert!(attributes.columns.keys.column(number).is_some());
    attributes.swap_remove(0);
    assert!(attributes.columns.keys.column(number).is_none());
    attributes.set(0, &Metadata::new());
    assert_eq!(attributes.columns.keys.end(), 0);
    attributes.clear();
    assert_eq!(attributes.len(), 0);
    attributes.reserve(1_000_000).unwrap();
    assert!(attributes.memory() > 1_000_000);
    assert_eq!(attributes.reserve(usize::MAX).unwrap_err().kind(), ErrorKind::Full);
}

#[test]
fn many_keys_and_texts_cost_each_of_them_alone() {
    let mut attributes = Attributes::default();
    for n in 0..20_000 {
        attributes.push(&metadata(
            &json!({format!("key{n}"): format!("text {n}"), "o": {format!("k{n}"): n}}),
        ));
    }
    assert!(attributes.memory() < 20_000 * 700, "{} bytes", attributes.memory());
    for n in (0..20_000).step_by(997) {
        let one = filter(&json!({format!("key{n}"): format!("text {n}")}));
        assert_eq!(selected(&attributes, &one, 10_000), [n]);
        attributes.set(n, &metadata(&json!({"key7": "text 7"})));
    }
    assert_eq!(exactly(&attributes, json!({"key7": "text 7"})), 22);
}

#[test]
fn a_wide_row_gives_each_member() {
    let members: Map<String, Value> = (0..5_000).map(|n| (format!("k{n}"), json!(n))).collect();
    let row = Value::Object(members);
    let mut attributes = attributes(&[json!({}), row.clone(), json!({"k3": 4})]);
    assert_eq!(attributes.get(1).to_value(), row);
    for n in 0..5_000 {
        assert!(attributes.matches(1, &filter(&json!({format!("k{n}"): n}))), "{n}");
        assert!(!attributes.matches(1, &filter(&json!({format!("k{n}."): n}))), "{n}");
        assert_eq!(attributes.matches(2, &filter(&json!({format!("k{n}"): n + 1}))), n == 3);
    }
    attributes.swap_remove(0);
    assert_eq!(attributes.get(0).to_value(), json!({"k3": 4}));
    assert_eq!(attributes.get(1).to_value(), row);
}

#[test]
fn an_integer_stays_one_among_equal_floats() {
    let rows: Vec<Value> =
        (0..100).map(|n| if n % 3 == 0 { json!({"n": 1.0}) } else { json!({"n": 1}) }).collect();
    let mut attributes = attributes(&rows);
    for zero in [json!({"n": 0.0}), json!({"n": -0.0}), json!({"n": 0})].iter().cycle().take(100) {
        attributes.push(&metadata(zero));
    }
    assert!(attributes.columns.terms.end() >= 2);
    assert_eq!(exactly(&attributes, json!({"n": 1})), 100);
    assert_eq!(exactly(&attributes, json!({"n": 0.0})), 100);
    for (slot, row) in (0..).zip(&rows) {
        assert_eq!(attributes.get(slot).to_json(), metadata(row).to_json());
    }
    assert_eq!(attributes.get(100).to_json(), r#"{"n":0.0}"#);
    assert_eq!(attributes.get(101).to_json(), r#"{"n":-0.0}"#);
    assert_eq!(attributes.get(102).to_json(), r#"{"n":0}"#);
}
