//! JSON of the old program, as the stores take it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use sigil_core::{Metadata, ThreatInfo, ThreatStage};

use super::fields::Fields;

/// The prefix of the keys under which is kept what has no other place.
pub(crate) const LEGACY: &str = "legacy.";

/// How much of a message's metadata the stores take, keys and values together.
const PAIRS_BYTES_MAX: usize = 64 << 10;

/// The metadata of a message in column `name`, text by text.
pub(crate) fn string_map(fields: &mut Fields<'_>, name: &str) -> BTreeMap<String, String> {
    let mut map = BTreeMap::new();
    match fields.json(name) {
        Ok(None | Some(Value::Null)) => {}
        Ok(Some(Value::Object(members))) => {
            let mut others = Map::new();
            for (key, value) in members {
                let text = match value {
                    Value::String(text) => text,
                    other => {
                        let text = other.to_string();
                        others.insert(key.clone(), other);
                        text
                    }
                };
                map.insert(key, text);
            }
            if !others.is_empty() {
                let done = "became the text of their JSON";
                fields.repair(format!("{name} has values that are no text"), done, others.into());
            }
        }
        Ok(Some(other)) => {
            let key = keep_text(fields, name, "is no JSON object", &other.to_string());
            map.insert(key, other.to_string());
        }
        Err(text) => {
            let key = keep_text(fields, name, "is no JSON", &text);
            map.insert(key, text);
        }
    }
    map
}

/// Notes that `text`, which has no other place, is kept in the metadata, and gives the key.
pub(crate) fn keep_text(fields: &mut Fields<'_>, name: &str, wrong: &str, text: &str) -> String {
    let key = format!("{LEGACY}{name}");
    fields.repair(format!("{name} {wrong}"), format!("kept as '{key}' in metadata"), json!(text));
    key
}

/// `map` with its longest values cut until it is as short as it must be.
pub(crate) fn shortened(
    fields: &mut Fields<'_>,
    name: &str,
    mut map: BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let bytes = |map: &BTreeMap<String, String>| -> usize {
        map.iter().map(|(key, value)| key.len() + value.len()).sum()
    };
    if bytes(&map) <= PAIRS_BYTES_MAX {
        return map;
    }
    let wrong = format!("{name} has {} bytes, more than {PAIRS_BYTES_MAX}", bytes(&map));
    fields.repair(wrong, "the longest values were cut; the whole is in this report", json!(map));
    while bytes(&map) > PAIRS_BYTES_MAX {
        let longest = map.iter().max_by_key(|(key, value)| key.len() + value.len());
        let Some(key) = longest.map(|(key, _)| key.clone()) else { break };
        match map.get_mut(&key) {
            Some(value) if !value.is_empty() => *value = halved(value),
            _ => drop(map.remove(&key)),
        }
    }
    map
}

/// The first half of a text, at least; less than all of it.
fn halved(text: &str) -> String {
    let mut end = text.len() / 2;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

/// The JSON object in column `name`: empty for none, and with what is no object under a key of
/// its own.
pub(crate) fn metadata(fields: &mut Fields<'_>, name: &str) -> Metadata {
    match fields.json(name) {
        Ok(None | Some(Value::Null)) => Metadata::new(),
        Ok(Some(value @ Value::Object(_))) => object(fields, name, &value),
        Ok(Some(other)) => {
            let key = keep_text(fields, name, "is no JSON object", &other.to_string());
            object(fields, name, &json!({ key: other }))
        }
        Err(text) => {
            let key = keep_text(fields, name, "is no JSON", &text);
            object(fields, name, &json!({ key: text }))
        }
    }
}

/// `value`, a JSON object, as metadata that the stores take.
pub(crate) fn object(fields: &mut Fields<'_>, name: &str, value: &Value) -> Metadata {
    let first = match Metadata::from_value(value) {
        Ok(metadata) => return metadata,
        Err(error) => error,
    };
    fields.repair(
        format!("{name} cannot be kept as it is: {first}"),
        "numbers were rounded, what nests too deep became text, the longest texts were cut; the \
         whole is in this report",
        value.clone(),
    );
    let mut fitting = fit(value, Metadata::DEPTH_MAX);
    let mut text_max = Metadata::JSON_BYTES_MAX;
    loop {
        match Metadata::from_value(&fitting) {
            Ok(metadata) => return metadata,
            Err(_) if text_max > 0 => {
                text_max /= 2;
                fitting = cut(fitting, text_max);
            }
            // Too many members even without their texts.
            Err(_) => return Metadata::new(),
        }
    }
}

fn fit(value: &Value, depth: usize) -> Value {
    match value {
        Value::Number(number) if number.as_i64().is_none() => {
            number.as_f64().map_or_else(|| json!(number.to_string()), |float| json!(float))
        }
        Value::Array(_) | Value::Object(_) if depth == 0 => json!(value.to_string()),
        Value::Array(items) => items.iter().map(|item| fit(item, depth - 1)).collect(),
        Value::Object(members) => {
            let fitted = |(key, value): (&String, &Value)| (key.clone(), fit(value, depth - 1));
            Value::Object(members.iter().map(fitted).collect())
        }
        other => other.clone(),
    }
}

fn cut(value: Value, text_max: usize) -> Value {
    match value {
        Value::String(mut text) => {
            while text.len() > text_max {
                text = halved(&text);
            }
            Value::String(text)
        }
        Value::Array(items) => items.into_iter().map(|item| cut(item, text_max)).collect(),
        Value::Object(members) => Value::Object(
            members.into_iter().map(|(key, value)| (key, cut(value, text_max))).collect(),
        ),
        other => other,
    }
}

/// What a scanner found, in column `name`: `None` when it never ran; what cannot be read is added
/// to the metadata.
pub(crate) fn threat(
    fields: &mut Fields<'_>,
    name: &str,
    metadata: &mut BTreeMap<String, String>,
) -> Option<ThreatInfo> {
    let members = match fields.json(name) {
        Ok(None | Some(Value::Null)) => return None,
        Ok(Some(Value::Object(members))) if members.is_empty() => return None,
        Ok(Some(Value::Object(members))) => members,
        Ok(Some(other)) => {
            let text = other.to_string();
            metadata.insert(keep_text(fields, name, "is no result of a scan", &text), text);
            return None;
        }
        Err(text) => {
            metadata.insert(keep_text(fields, name, "is no JSON", &text), text);
            return None;
        }
    };
    let whole = Value::Object(members.clone());
    let (threat, is_understood) = read_threat(&members);
    let mut sound = threat.clone();
    if sound.validate().is_err() {
        // Whatever speaks of a threat outweighs what speaks against it.
        sound.detected |= !sound.rules.is_empty();
        sound.bypassed &= !sound.detected && !sound.scanned;
        sound.scanned |= sound.detected;
        if sound.detected && sound.rules.is_empty() {
            sound.rules.push("legacy-unknown".to_owned());
        }
    }
    if sound.validate().is_err() {
        // The rules are too long.
        sound.rules = vec!["legacy-unknown".to_owned()];
        sound.highest_severity.clear();
    }
    if sound != threat {
        let done = "made to say that there is a threat where anything said so";
        fields.repair(format!("{name} contradicts itself or is too long"), done, whole.clone());
    }
    if !is_understood {
        metadata.insert(
            keep_text(fields, name, "has parts of no known meaning", &whole.to_string()),
            whole.to_string(),
        );
    }
    Some(sound)
}

/// What of a scan's result can be read, and whether that is all of it.
fn read_threat(members: &Map<String, Value>) -> (ThreatInfo, bool) {
    let mut threat = ThreatInfo::default();
    let mut is_understood = true;
    for (key, value) in members {
        is_understood &= read_member(&mut threat, key, value).is_some();
    }
    (threat, is_understood)
}

/// Reads one member of a scan's result; `None` when it has no known meaning.
fn read_member(threat: &mut ThreatInfo, key: &str, value: &Value) -> Option<()> {
    match (key, value) {
        ("rules", Value::Null) => {}
        ("scanned", _) => threat.scanned = value.as_bool()?,
        ("detected", _) => threat.detected = value.as_bool()?,
        ("bypassed", _) => threat.bypassed = value.as_bool()?,
        ("rules", _) => {
            let texts = value.as_array()?.iter().map(|rule| rule.as_str().map(str::to_owned));
            threat.rules = texts.collect::<Option<Vec<String>>>()?;
        }
        ("stage", _) => {
            let stage = value.as_str()?;
            threat.stage = match stage {
                "" => None,
                _ => Some(ThreatStage::parse(stage).ok()?),
            };
        }
        ("match_count", _) => threat.match_count = u32::try_from(value.as_u64()?).ok()?,
        ("highest_severity", _) => value.as_str()?.clone_into(&mut threat.highest_severity),
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::report::Place;
    use crate::migrate::table::{Cell, LegacyRow};

    /// What becomes of a cell, and of what it was told that it was something else.
    fn of<T>(text: &str, read: impl FnOnce(&mut Fields<'_>) -> T) -> (T, Vec<Value>) {
        let place = Place { file: "memory.db".to_owned(), table: "memory_messages" };
        let row = LegacyRow { rowid: 1, cells: vec![Cell::Text(text.to_owned())] };
        let mut fields = Fields::new(&place, &["it"], row);
        let value = read(&mut fields);
        (value, fields.into_repairs("id").map(|repair| repair.was).collect())
    }

    #[test]
    fn metadata_too_long_or_too_deep_are_cut_and_told_whole() {
        let long = "\u{e4}".repeat(50_000);
        let deep = "[".repeat(40) + &"]".repeat(40);
        let many: Map<String, Value> = (0..9000).map(|n| (format!("key{n}"), json!(n))).collect();
        for value in [
            json!({ "content": long, "n": 1 }),
            json!({ "a": long, "b": { "c": [long, long] } }),
            json!({ "deep": serde_json::from_str::<Value>(&deep).unwrap() }),
            json!({ "number": 12_345_678_901_234_567_890_u64, "small": 7 }),
            Value::Object(many),
        ] {
            let (metadata, told) = of(&value.to_string(), |fields| metadata(fields, "it"));
            assert_eq!(told, std::slice::from_ref(&value));
            assert!(metadata.to_json().len() <= Metadata::JSON_BYTES_MAX);
            let kept = metadata.to_value();
            for key in ["n", "small"] {
                assert_eq!(kept.get(key), value.get(key));
            }
        }
        let (kept, told) = of(r#"{"a":{"b":[1,null,2.5]},"c":true}"#, |f| metadata(f, "it"));
        assert_eq!((kept.len(), told.len()), (2, 0));
    }

    #[test]
    fn pairs_too_long_lose_the_longest_first() {
        let long = "x".repeat(80_000);
        let text = json!({ "a": "short", "b": long }).to_string();
        let (map, told) = of(&text, |fields| {
            let map = string_map(fields, "it");
            shortened(fields, "it", map)
        });
        assert_eq!((map["a"].as_str(), map["b"].len()), ("short", 40_000));
        assert_eq!(told, [json!({ "a": "short", "b": long })]);
    }

    #[test]
    fn what_speaks_of_a_threat_outweighs_the_rest() {
        let read = |text: &str| {
            let mut metadata = BTreeMap::new();
            let (threat, told) = of(text, |fields| threat(fields, "it", &mut metadata));
            if let Some(threat) = &threat {
                threat.validate().unwrap();
            }
            (threat, told.len(), metadata.len())
        };
        for none in ["", "{}", "null"] {
            assert_eq!(read(none), (None, 0, 0), "{none}");
        }
        assert_eq!(read("[1]"), (None, 1, 1));
        assert_eq!(read("{"), (None, 1, 1));
        let threat = |text| read(text).0.unwrap();
        assert!(threat(r#"{"scanned":false,"detected":true,"rules":null}"#).scanned);
        assert!(threat(r#"{"scanned":true,"rules":["r"]}"#).detected);
        assert!(!threat(r#"{"bypassed":true,"detected":true,"rules":["r"]}"#).bypassed);
        assert!(!threat(r#"{"bypassed":true,"scanned":true}"#).bypassed);
        let (sound, told, kept) = read(r#"{"scanned":true,"stage":"later","match_count":-1}"#);
        assert_eq!(
            (sound, told, kept),
            (Some(ThreatInfo { scanned: true, ..ThreatInfo::default() }), 1, 1)
        );
    }
}
