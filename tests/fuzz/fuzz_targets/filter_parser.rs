//! Any text as a filter, and the same text as metadata: no panic, no hang, and the laws hold.
//!
//! The input is the filter; after a newline, if there is one, the metadata it is tried on.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use sigil_core::{ErrorKind, Filter, Metadata};

fuzz_target!(|text: &str| {
    let (filter_text, metadata_text) = text.split_once('\n').unwrap_or((text, "{}"));
    let metadata = match Metadata::from_json(metadata_text) {
        Ok(metadata) => metadata,
        Err(error) => {
            assert!(matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Limit), "{error}");
            Metadata::new()
        }
    };
    let json = metadata.to_json();
    assert!(json.len() <= Metadata::JSON_BYTES_MAX);
    let again = Metadata::from_json(&json).expect("metadata reads what it writes");
    assert_eq!(again, metadata);
    assert_eq!(again.to_json(), json);

    let filter = match Filter::from_json(filter_text) {
        Ok(filter) => filter,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
            assert!(error.to_string().starts_with("filter "), "{error}");
            return;
        }
    };
    let value: Value = serde_json::from_str(filter_text).expect("a filter is JSON");
    assert_eq!(Filter::parse(&value).expect("parsing repeats itself"), filter);
    let matches = filter.matches(&metadata);

    // One level more, which only the limits may refuse.
    let holds = |value: &Value| Filter::parse(value).ok().map(|filter| filter.matches(&metadata));
    assert_ne!(holds(&json!({ "$not": value })), Some(matches));
    assert_ne!(holds(&json!({ "$and": [value] })), Some(!matches));
    assert_ne!(holds(&json!({ "$or": [value] })), Some(!matches));

    // The metadata as a filter: each member equals itself, unless its object looks like operators.
    for (key, member) in metadata.iter().filter(|(key, _)| !key.starts_with('$')) {
        let member = member.to_value();
        for (operator, expected) in [("$eq", true), ("$ne", false)] {
            let condition = json!({ key: { operator: member } });
            assert_ne!(holds(&condition), Some(!expected), "{condition}");
        }
        let condition = json!({ key: { "$in": [member, 1], "$exists": true } });
        assert_ne!(holds(&condition), Some(false), "{condition}");
    }
});
