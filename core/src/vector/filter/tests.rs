use serde_json::{Value, json};

use super::*;
use crate::error::ErrorKind;
use crate::testing::test;

fn metadata() -> Metadata {
    Metadata::from_value(&json!({
        "s": "m", "i": 5, "f": 2.5, "b": true, "z": null, "tags": ["x", 3, ["in"], {"o": 1}],
        "o": {"p": 1, "q": [2]}, "big": 9_007_199_254_740_993_i64, "a.b": 1, "e": []
    }))
    .unwrap()
}

#[track_caller]
fn check(filter: Value, expected: bool) {
    let parsed = Filter::parse(&filter).unwrap();
    assert_eq!(parsed.matches(&metadata()), expected, "{filter}");
    let negated = Filter::parse(&json!({ "$not": filter })).unwrap();
    assert_eq!(negated.matches(&metadata()), !expected, "not {filter}");
    let double = Filter::parse(&json!({ "$and": [filter, {}], "$or": [filter] })).unwrap();
    assert_eq!(double.matches(&metadata()), expected, "twice {filter}");
}

#[test]
fn equality() {
    check(json!({}), true);
    check(json!({"s": "m"}), true);
    check(json!({"s": "M"}), false);
    check(json!({"i": 5.0, "b": true}), true);
    check(json!({"i": 5, "b": false}), false);
    check(json!({"i": "5"}), false);
    check(json!({"f": {"$eq": 2.5}}), true);
    check(json!({"a.b": 1}), true);
    check(json!({"big": 9_007_199_254_740_992_i64}), false);
    check(json!({"big": 9_007_199_254_740_992.0}), false);
    check(json!({"big": 9_007_199_254_740_993_i64}), true);
    check(json!({"tags": "x"}), true);
    check(json!({"tags": 3.0}), true);
    check(json!({"tags": ["in"]}), true);
    check(json!({"tags": "in"}), false);
    check(json!({"tags": ["x", 3, ["in"], {"o": 1}]}), true);
    check(json!({"tags": ["x", 3]}), false);
    check(json!({"tags": {"o": 1}}), true);
    check(json!({"o": {"q": [2], "p": 1}}), true);
    check(json!({"o": {"p": 1}}), false);
    check(json!({"e": []}), true);
    check(json!({"o": {}}), false);
}

#[test]
fn absence_and_null_differ() {
    check(json!({"z": null}), true);
    check(json!({"none": null}), false);
    check(json!({"z": {"$exists": true}}), true);
    check(json!({"z": {"$exists": false}}), false);
    check(json!({"none": {"$exists": false}}), true);
    check(json!({"none": {"$ne": 1}}), true);
    check(json!({"none": {"$nin": [1]}}), true);
    check(json!({"none": {"$in": [null]}}), false);
    check(json!({"none": {"$gt": 0}}), false);
    check(json!({"none": {"$not": {"$gt": 0}}}), true);
    check(json!({"none": {"$nin": []}}), true);
    check(json!({"i": {"$in": []}}), false);
}

#[test]
fn order_and_lists() {
    check(json!({"i": {"$gt": 4.5, "$lt": 5.5}}), true);
    check(json!({"i": {"$gt": 5}}), false);
    check(json!({"i": {"$gte": 5, "$lte": 5}}), true);
    check(json!({"i": {"$gt": "4"}}), false);
    check(json!({"i": {"$lt": "6"}}), false);
    check(json!({"s": {"$gt": "l", "$lt": "n"}}), true);
    check(json!({"s": {"$gt": "m"}}), false);
    check(json!({"b": {"$gt": false}}), true);
    check(json!({"z": {"$gte": 0}}), false);
    check(json!({"tags": {"$gt": 2}}), false);
    check(json!({"big": {"$gt": 9_007_199_254_740_992.0}}), true);
    check(json!({"i": {"$in": [9, "5", 5.0]}}), true);
    check(json!({"i": {"$in": [9, "5"]}}), false);
    check(json!({"tags": {"$in": ["y", "x"]}}), true);
    check(json!({"tags": {"$nin": ["y", "x"]}}), false);
    check(json!({"tags": {"$ne": "x"}}), false);
    check(json!({"i": {"$not": {"$gt": 4, "$lt": 5}}}), true);
    check(json!({"i": {"$not": {"$not": {"$eq": 5}}}}), true);
    check(json!({"$or": [{"i": 4}, {"s": "m"}]}), true);
    check(json!({"$or": [{"i": 4}, {"s": "n"}], "b": true}), false);
    check(json!({"$and": [{"i": 5}, {"$not": {"s": "m"}}]}), false);
}

#[test]
fn errors_name_the_place_and_the_remedy() {
    for (filter, says) in [
        (json!([]), "filter at $: a filter is an object"),
        (json!({"$and": []}), "filter at $.$and: an empty list"),
        (json!({"$or": {}}), "filter at $.$or: takes an array of filters"),
        (json!({"$or": [{"a": 1}, 3]}), "filter at $.$or[1]: a filter is an object"),
        (json!({"$nor": []}), "filter at $.$nor: no such operator: beside keys there are $and"),
        (json!({"$gt": 1}), "filter at $.$gt: belongs inside a key"),
        (json!({"a": {"$or": []}}), "filter at $.a.$or: belongs around whole filters"),
        (json!({"a": {"$regex": "x"}}), "filter at $.a.$regex: no such operator"),
        (json!({"a": {"$gt": 1, "b": 2}}), "filter at $.a.b: a plain key beside operators"),
        (json!({"a": {"$gt": null}}), "filter at $.a.$gt: takes a number, a string or a boolean"),
        (json!({"a": {"$in": 1}}), "filter at $.a.$in: takes an array of values"),
        (json!({"a": {"$exists": 1}}), "filter at $.a.$exists: takes true or false, not a number"),
        (json!({"a": {"$not": 1}}), "filter at $.a.$not: takes an object of operators"),
        (json!({"a": {"$not": {}}}), "filter at $.a.$not: takes an object of operators"),
        (json!({"a": {"$not": {"b": 1}}}), "filter at $.a.$not.b: a plain key beside operators"),
        (json!({"a b": {"$no": 1}}), "filter at $[\"a b\"].$no: no such operator"),
        (json!({"a": u64::MAX}), "filter at $.a: the number"),
    ] {
        let error = Filter::parse(&filter).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{filter}");
        assert!(error.to_string().starts_with(says), "{filter}: {error}");
    }
    let error = Filter::from_json("{").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[test]
fn depth_and_size_are_bounded() {
    let wrap = |depth: usize| (1..depth).fold(json!({"a": 1}), |f, _| json!({"$not": f}));
    assert!(Filter::parse(&wrap(Filter::DEPTH_MAX)).is_ok());
    let error = Filter::parse(&wrap(Filter::DEPTH_MAX + 1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().ends_with("more than 32 deep: flatten them"), "{error}");
    let inner = |depth: usize| (1..depth).fold(json!({"$eq": 1}), |t, _| json!({"$not": t}));
    assert!(Filter::parse(&json!({ "a": inner(Filter::DEPTH_MAX) })).is_ok());
    assert!(Filter::parse(&json!({ "a": inner(Filter::DEPTH_MAX + 1) })).is_err());
    let literal = (0..17).fold(json!(1), |v, _| json!([v]));
    let error = Filter::parse(&json!({ "a": literal })).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);

    // The object and the list are one node each.
    let list: Vec<usize> = (0..Filter::NODES_MAX - 2).collect();
    let filter = Filter::parse(&json!({"i": {"$in": list}})).unwrap();
    assert!(filter.matches(&metadata()));
    let list: Vec<usize> = (0..Filter::NODES_MAX - 1).collect();
    let error = Filter::parse(&json!({"i": {"$in": list}})).unwrap_err();
    assert!(error.to_string().contains("more than 4096 conditions"), "{error}");
    let many: Vec<Value> = (0..3000).map(|i| json!({"k": i})).collect();
    assert!(Filter::parse(&json!({ "$or": many })).is_err());
    let keys: serde_json::Map<String, Value> =
        (0..5000).map(|i| (format!("k{i}"), json!(i))).collect();
    assert!(Filter::parse(&Value::Object(keys)).is_err());
}
