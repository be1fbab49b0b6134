//! Stores of vectors built natively and by the npm package give the same hits when they are opened
//! natively; `tests/js/node/fixtures.test.ts` opens them in wasm.

use sigil_core::Plan;
use sigil_tests::vector_fixture::{ask, committed};

/// Distances are the same to the bit on every target, and text holds them nearly so.
const TOLERANCE: f64 = 1e-12;

fn gives_what_its_builder_found(name: &str) {
    let (directory, questions) = committed(name);
    let store = sigil_native::open(directory.path()).unwrap();
    let mut by_codes = 0;
    for question in &questions {
        let (hits, how) = ask(&store, question).unwrap();
        let ids: Vec<&str> = hits.iter().map(|hit| &*hit.id).collect();
        let expected = question["ids"].as_array().unwrap();
        assert_eq!(ids, expected.iter().map(|id| id.as_str().unwrap()).collect::<Vec<_>>());
        for (hit, score) in hits.iter().zip(question["scores"].as_array().unwrap()) {
            let score = score.as_f64().unwrap();
            assert!((hit.distance - score).abs() <= TOLERANCE, "{} and {score}", hit.distance);
        }
        if let Some(how) = how {
            let codes = matches!(how.plan, Plan::Codes { .. });
            // So little effort costs less than comparing all.
            assert!(codes || question["options"].get("effort").is_none(), "{how}");
            by_codes += usize::from(codes);
        }
    }
    assert!(by_codes >= 20, "{by_codes} of {} by codes", questions.len());
    // The indexes were read as they were written, not made again from the table.
    for state in store.index_states().unwrap() {
        let name = &state.collection.name;
        assert_eq!(state.unsaved, 0, "the index of {name} was made again");
        assert!(state.vectors >= 1_000, "{name} is too small for cells");
    }
    store.close().unwrap();
}

#[test]
fn a_store_built_natively_gives_what_was_found_natively() {
    gives_what_its_builder_found("vectors-native");
}

#[test]
fn a_store_built_by_the_npm_package_gives_what_was_found_in_wasm() {
    gives_what_its_builder_found("vectors-npm");
}
