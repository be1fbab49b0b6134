//! Any text as a query: no panic, no hang, and what a query is written as is that query.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sigil_core::{ErrorKind, TextQuery};

fn survives_its_own_text(query: &TextQuery) {
    let written = query.to_string();
    assert!(written.len() <= TextQuery::BYTES_MAX, "{} bytes", written.len());
    let again = TextQuery::parse(&written).expect("parsing reads what is written");
    assert_eq!(&again, query, "{written:?}");
    assert_eq!(again.to_string(), written);
}

fuzz_target!(|text: &str| {
    let typed = TextQuery::typed(text);
    survives_its_own_text(&typed);
    match TextQuery::phrase(text) {
        Ok(phrase) => survives_its_own_text(&phrase),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Limit, "{error}"),
    }
    let query = match TextQuery::parse(text) {
        Ok(query) => query,
        Err(error) => {
            assert!(matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Limit), "{error}");
            return;
        }
    };
    survives_its_own_text(&query);

    // More levels, which only the limits may refuse.
    let combined = [
        query.clone().and(typed.clone()),
        typed.clone().or(query.clone()),
        query.clone().without(typed.clone()),
        typed.without(query.clone()),
        query.clone().in_columns([text]),
        query.not_in_columns(["a", text]),
    ];
    for result in combined {
        match result {
            Ok(query) => survives_its_own_text(&query),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Limit, "{error}"),
        }
    }
});
