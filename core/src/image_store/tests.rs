//! Tests of stores on blobs in memory; they run natively and on wasm.

use super::*;
use crate::collection::CollectionOptions;
use crate::container::StoreId;
use crate::host::FixedHost;
use crate::image;
use crate::params;
use crate::snapshot::MemoryStorage;
use crate::testing::test;
use crate::vector::{Metadata, Metric, SearchOptions};

fn open(storage: &MemoryStorage) -> ImageStore {
    let opened = image::open(storage, image::OpenOptions::default(), StoreId([9; 16])).unwrap();
    ImageStore::open(opened, Arc::new(FixedHost::new(2)), DatabaseOptions::default()).unwrap()
}

fn count(store: &ImageStore) -> i64 {
    let rows = store.store().database().query("SELECT count(*) FROM t", ()).unwrap();
    rows.single().unwrap().as_i64().unwrap()
}

#[test]
fn what_is_flushed_is_there_and_what_is_not_is_not() {
    let storage = MemoryStorage::new();
    let mut store = open(&storage);
    let db = store.store().database();
    db.execute("CREATE TABLE t (a)", ()).unwrap();
    db.execute("INSERT INTO t VALUES (1)", ()).unwrap();
    assert!(store.flush(&storage).unwrap().unwrap().rebased);
    assert_eq!(store.flush(&storage).unwrap(), None);
    store.store().database().execute("INSERT INTO t VALUES (2)", ()).unwrap();
    let flushed = store.flush(&storage).unwrap().unwrap();
    assert!(!flushed.rebased && flushed.bytes < 20_000, "{flushed:?}");
    store.store().database().execute("INSERT INTO t VALUES (3)", ()).unwrap();
    drop(store);
    let mut store = open(&storage);
    assert_eq!(count(&store), 2);
    assert_eq!(store.store().database().integrity_check().unwrap(), Vec::<String>::new());
    store.store().database().execute("INSERT INTO t VALUES (4)", ()).unwrap();
    store.flush(&storage).unwrap();
    assert_eq!(count(&open(&storage)), 3);
}

#[test]
fn an_open_or_rolled_back_transaction_is_never_flushed() {
    let storage = MemoryStorage::new();
    let mut store = open(&storage);
    store.store().database().execute("CREATE TABLE t (a)", ()).unwrap();
    store.flush(&storage).unwrap();
    store.store().database().begin().unwrap();
    store.store().database().execute("INSERT INTO t VALUES (1)", ()).unwrap();
    assert_eq!(store.flush(&storage).unwrap_err().kind(), ErrorKind::Busy);
    store.store().database().rollback().unwrap();
    store.flush(&storage).unwrap();
    assert_eq!(count(&open(&storage)), 0);
    store.store().database().execute("INSERT INTO t VALUES (1)", ()).unwrap();
    store.flush(&storage).unwrap();
    assert_eq!(count(&open(&storage)), 1);
}

#[test]
fn a_checkpoint_by_anyone_makes_a_new_base() {
    let storage = MemoryStorage::new();
    let mut store = open(&storage);
    store.store().database().execute("CREATE TABLE t (a)", ()).unwrap();
    store.flush(&storage).unwrap();
    for n in 0..5i64 {
        store.store().database().execute("INSERT INTO t VALUES (?)", params![n]).unwrap();
        store.store().database().execute("PRAGMA wal_checkpoint", ()).unwrap();
        store.store().database().execute("INSERT INTO t VALUES (?)", params![n]).unwrap();
        assert!(store.flush(&storage).unwrap().unwrap().rebased);
        let reopened = open(&storage);
        assert_eq!(count(&reopened), 2 * (n + 1));
        assert_eq!(reopened.image().epoch(), u64::try_from(n).unwrap() + 2);
    }
}

#[test]
fn much_writing_is_folded_into_a_new_base_with_its_index() {
    let storage = MemoryStorage::new();
    let mut store = open(&storage);
    let options = CollectionOptions::new(64, Metric::L2);
    store.store().create_collection("c", options).unwrap();
    store.flush(&storage).unwrap();
    let mut rebased = 0;
    for n in 0..40u16 {
        let rows: Vec<(String, Vec<f32>)> =
            (0..50u16).map(|i| (format!("{n}-{i}"), vec![f32::from(n * 50 + i); 64])).collect();
        let none = Metadata::new();
        let c = store.store().collection("c").unwrap();
        c.store_many(rows.iter().map(|(id, vector)| (&**id, vector.as_slice(), &none))).unwrap();
        // Only an index that is open can be saved.
        assert_eq!(c.count().unwrap(), usize::from(n + 1) * 50);
        rebased += u32::from(store.flush(&storage).unwrap().unwrap().rebased);
    }
    assert!((1..10).contains(&rebased), "{rebased}");
    drop(store);
    let store = open(&storage);
    assert!(store.report().is_clean(), "{:?}", store.report());
    let state = &store.store().index_states().unwrap()[0];
    assert_eq!(state.vectors, 2000);
    assert!(state.unsaved < 1500, "the index was not restored: {state:?}");
    let c = store.store().collection("c").unwrap();
    let hits = c.search(&[1234.2; 64], 1, &SearchOptions::default()).unwrap();
    assert_eq!(hits[0].id, "24-34");
}

#[test]
fn a_failed_flush_poisons_and_loses_nothing_flushed() {
    let storage = MemoryStorage::new();
    let mut store = open(&storage);
    store.store().database().execute("CREATE TABLE t (a)", ()).unwrap();
    store.flush(&storage).unwrap();
    store.store().database().execute("INSERT INTO t VALUES (1)", ()).unwrap();
    let flush = store.plan_flush().unwrap().unwrap();
    drop(flush);
    store.failed(&Error::new(ErrorKind::Full, "the quota is full"));
    assert_eq!(store.plan_flush().unwrap_err().kind(), ErrorKind::Poisoned);
    let outcome = store.store().database().execute("INSERT INTO t VALUES (2)", ());
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Poisoned);
    assert_eq!(count(&open(&storage)), 0);
}

/// Does what a flush asks for.
fn carry_out(storage: &MemoryStorage, store: &mut ImageStore, flush: Flush) {
    for (name, bytes) in &flush.writes {
        storage.replace(name, bytes).unwrap();
    }
    storage.replace(&flush.manifest.0, &flush.manifest.1).unwrap();
    store.flushed(flush);
}

#[test]
fn what_is_written_during_a_flush_is_for_the_next_one() {
    let storage = MemoryStorage::new();
    let mut store = open(&storage);
    store.store().database().execute("CREATE TABLE t (a)", ()).unwrap();
    // So many that an index is worth a snapshot.
    let ids: Vec<String> = (0..300).map(|n| n.to_string()).collect();
    let (vector, metadata) = ([1.0f32], Metadata::new());
    for round in 1..=12i64 {
        store.store().database().execute("INSERT INTO t VALUES (1)", ()).unwrap();
        let flush = store.plan_flush().unwrap().unwrap();
        store.store().database().execute("INSERT INTO t VALUES (2)", ()).unwrap();
        if round % 4 == 0 {
            store.store().database().checkpoint().unwrap();
            store.store().database().execute("UPDATE t SET a = a", ()).unwrap();
        }
        let name = format!("c{round}");
        let options = CollectionOptions::new(1, Metric::L2);
        let made = store.store().create_collection(&name, options).unwrap();
        made.store_many(ids.iter().map(|id| (id.as_str(), &vector[..], &metadata))).unwrap();
        made.search(&[1.0], 1, &SearchOptions::default()).unwrap();
        assert_eq!(store.store().save_indexes().unwrap(), 1, "round {round}");
        if round > 1 {
            store.store().drop_collection(&format!("c{}", round - 1)).unwrap();
        }
        carry_out(&storage, &mut store, flush);
        assert_eq!(count(&open(&storage)), 2 * round - 1, "round {round}");
        store.flush(&storage).unwrap().unwrap();
        let reopened = open(&storage);
        assert_eq!(count(&reopened), 2 * round, "round {round}");
        // The snapshot that was saved meanwhile is there, and the one that was dropped is not.
        assert_eq!(reopened.image().indexes().count(), 1, "round {round}");
    }
}

#[test]
fn a_repair_does_not_pass_for_the_flush() {
    let storage = MemoryStorage::new();
    let mut store = open(&storage);
    store.store().database().execute("CREATE TABLE t (a)", ()).unwrap();
    store.flush(&storage).unwrap();
    store.store().database().execute("INSERT INTO t VALUES (1)", ()).unwrap();
    store.flush(&storage).unwrap();
    storage.replace("manifest-a", b"damaged").unwrap();
    let mut store = open(&storage);
    store.store().database().checkpoint().unwrap();
    store.store().database().execute("INSERT INTO t VALUES (2)", ()).unwrap();
    let repair = store.plan_flush().unwrap().unwrap();
    assert!(repair.repairs);
    carry_out(&storage, &mut store, repair);
    let flush = store.plan_flush().unwrap().unwrap();
    assert!(!flush.repairs);
    carry_out(&storage, &mut store, flush);
    assert_eq!(count(&open(&storage)), 2);
}

#[test]
fn a_fresh_image_takes_a_database_to_start_from() {
    let storage = MemoryStorage::new();
    let mut source = open(&storage);
    source.store().database().execute("CREATE TABLE t (a)", ()).unwrap();
    source.store().database().execute("INSERT INTO t VALUES (1)", ()).unwrap();
    let bytes = crate::export(source.store().database(), source.files()).unwrap();
    source.flush(&storage).unwrap();

    let storage = MemoryStorage::new();
    let mut opened =
        image::open(&storage, image::OpenOptions::default(), StoreId([3; 16])).unwrap();
    opened.database = Some(bytes);
    let host = Arc::new(FixedHost::new(2));
    let mut store = ImageStore::open(opened, host, DatabaseOptions::default()).unwrap();
    assert!(store.flush(&storage).unwrap().unwrap().rebased);
    assert_eq!(count(&open(&storage)), 1);
}
