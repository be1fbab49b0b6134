use std::time::Duration;

use crate::error::ErrorKind;
use crate::testing::test;
use crate::vector::{Metadata, Metric, SearchOptions};
use crate::{Collection, CollectionOptions, Store};

fn put(collection: &Collection<'_>, n: u16) {
    let row = [f32::from(n), 1.0];
    collection.store(&format!("v{n}"), &row, &Metadata::new()).unwrap();
}

fn put_all(collection: &Collection<'_>, numbers: std::ops::Range<u16>) {
    let rows: Vec<_> = numbers.map(|n| (format!("v{n}"), [f32::from(n), 1.0])).collect();
    let metadata = Metadata::new();
    collection.store_many(rows.iter().map(|(id, row)| (&**id, &row[..], &metadata))).unwrap();
}

/// A store with `count` vectors in a collection whose index is not open.
fn store_of(count: u16) -> Store {
    let store = Store::in_memory().unwrap();
    let options = CollectionOptions::new(2, Metric::L2);
    let collection = store.create_collection("some", options).unwrap();
    put_all(&collection, 0..count);
    store
}

fn nearest(collection: &Collection<'_>, n: u16) -> String {
    let hits = collection.search(&[f32::from(n), 1.0], 1, &SearchOptions::default()).unwrap();
    hits[0].id.clone()
}

#[test]
fn an_index_that_is_made_in_steps_has_what_is_written_in_between() {
    for step in [1, 7, 100, 1_000] {
        let store = store_of(1_500);
        let collection = store.collection("some").unwrap();
        let mut steps: u16 = 0;
        while !collection.prepare(step).unwrap() {
            steps += 1;
            if steps < 200 {
                // Rows that were read, rows that were not, and rows that are new.
                collection
                    .delete([format!("v{}", steps * 2), format!("v{}", 1_499 - steps)])
                    .unwrap();
                let moved = [f32::from(steps), 9.0];
                collection.store(&format!("v{}", steps * 3), &moved, &Metadata::new()).unwrap();
                put(&collection, 2_000 + steps);
            }
        }
        assert!(usize::from(steps) >= 1_500 / step, "{steps} steps of {step}");
        assert!(collection.prepare(1).unwrap());
        assert_eq!(store.compare_index(collection.info()).unwrap(), Vec::<String>::new());
        let rows = store.database().query("SELECT count(*) FROM sigil_vectors_1", ()).unwrap();
        let rows = usize::try_from(rows.single().unwrap().as_i64().unwrap()).unwrap();
        assert_eq!(collection.count().unwrap(), rows);
        // Changes are read in steps, too.
        put_all(&collection, 3_000..3_050);
        while !collection.prepare(step).unwrap() {}
        assert_eq!(collection.count().unwrap(), rows + 50);
        assert_eq!(store.compare_index(collection.info()).unwrap(), Vec::<String>::new());
    }
}

#[test]
fn a_search_does_not_wait_for_the_steps_that_are_left() {
    let store = store_of(500);
    let collection = store.collection("some").unwrap();
    assert!(!collection.prepare(10).unwrap());
    collection.delete(["v400"]).unwrap();
    assert_eq!(nearest(&collection, 499), "v499");
    assert_eq!(collection.count().unwrap(), 499);
    assert!(collection.prepare(10).unwrap());
}

#[test]
fn a_transaction_searches_what_was_there_before_it_though_steps_are_left() {
    let store = store_of(500);
    let collection = store.collection("some").unwrap();
    assert!(!collection.prepare(10).unwrap());
    store
        .transaction(|_| {
            assert_eq!(collection.prepare(10).unwrap_err().kind(), ErrorKind::Busy);
            assert_eq!(nearest(&collection, 499), "v499");
            put(&collection, 900);
            assert_eq!(nearest(&collection, 900), "v499");
            Ok(())
        })
        .unwrap();
    assert_eq!(nearest(&collection, 900), "v900");
    assert_eq!(store.compare_index(collection.info()).unwrap(), Vec::<String>::new());
}

#[test]
fn searches_that_are_stopped_while_the_index_is_made_get_on_with_it() {
    let store = store_of(2_000);
    let collection = store.collection("some").unwrap();
    // The clock of a store in memory goes on by a microsecond each time it is read.
    store.database().set_time_limit(Some(Duration::from_micros(4)));
    let stopped = (0..2_000)
        .take_while(|_| {
            match collection.search(&[3.0, 1.0], 1, &SearchOptions::default()) {
                Ok(hits) => assert_eq!(hits[0].id, "v3"),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Timeout);
                    return true;
                }
            }
            false
        })
        .count();
    assert!((1..2_000).contains(&stopped), "{stopped} searches were stopped");
    store.database().set_time_limit(None);
    assert_eq!(collection.count().unwrap(), 2_000);
    assert_eq!(store.compare_index(collection.info()).unwrap(), Vec::<String>::new());
    assert_eq!(store.index_states().unwrap()[0].unsaved, 2_000);
}

#[test]
fn what_is_half_made_is_not_saved() {
    let store = store_of(500);
    let collection = store.collection("some").unwrap();
    assert!(!collection.prepare(300).unwrap());
    assert_eq!(store.save_indexes().unwrap(), 0);
    while !collection.prepare(300).unwrap() {}
    assert_eq!(store.save_indexes().unwrap(), 1);
    store.drop_collection("some").unwrap();
    assert_eq!(collection.prepare(1).unwrap_err().kind(), ErrorKind::NotFound);
}
