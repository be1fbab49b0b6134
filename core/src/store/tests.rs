//! Tests of stores and collections on files in memory; they run natively and on wasm.

use std::sync::Arc;

use super::*;
use crate::ErrorKind;
use crate::testing::test;
use crate::vector::{Filter, Hit, Metadata, Metric, SearchOptions};

/// A store whose parts outlive it.
struct Place {
    files: MemoryFiles,
    snapshots: Arc<MemoryStorage>,
}

impl Place {
    fn new() -> Place {
        Place { files: MemoryFiles::new(), snapshots: Arc::new(MemoryStorage::new()) }
    }

    fn open(&self) -> Store {
        let parts = StoreParts {
            files: Arc::new(self.files.clone()),
            host: Arc::new(FixedHost::new(5)),
            snapshots: Box::new(Arc::clone(&self.snapshots)),
        };
        Store::open(parts, DatabaseOptions::default()).unwrap()
    }
}

const TWO: CollectionOptions = CollectionOptions::new(2, Metric::L2);

fn kind<T: fmt::Debug>(outcome: Result<T>) -> ErrorKind {
    outcome.unwrap_err().kind()
}

fn nearest(store: &Store, name: &str, query: &[f32], k: usize) -> Vec<String> {
    let hits = store.collection(name).unwrap().search(query, k, &SearchOptions::default());
    hits.unwrap().into_iter().map(|hit: Hit| hit.id).collect()
}

fn fill(store: &Store, name: &str, n: u16) {
    let collection = store.open_collection(name, TWO).unwrap();
    let rows: Vec<(String, [f32; 2], Metadata)> = (0..n)
        .map(|i| {
            let metadata = Metadata::from_json(&format!(r#"{{"even": {}}}"#, i % 2 == 0)).unwrap();
            (format!("v{i:05}"), [f32::from(i), 0.0], metadata)
        })
        .collect();
    let stored = collection
        .store_many(rows.iter().map(|(id, vector, metadata)| (&**id, vector.as_slice(), metadata)));
    assert_eq!(stored.unwrap(), usize::from(n));
}

#[test]
fn vectors_are_stored_replaced_found_and_deleted() {
    let place = Place::new();
    let store = place.open();
    fill(&store, "c", 10);
    let c = store.collection("c").unwrap();
    assert_eq!(nearest(&store, "c", &[4.2, 0.0], 3), ["v00004", "v00005", "v00003"]);
    let filter = Some(Filter::from_json(r#"{"even": false}"#).unwrap());
    let options = SearchOptions { filter, ..SearchOptions::default() };
    let hits = c.search(&[4.2, 0.0], 99, &options).unwrap();
    assert_eq!(hits.len(), 5);
    assert_eq!(hits[0].id, "v00005");
    c.store("v00004", &[100.0, 0.0], &Metadata::new()).unwrap();
    assert_eq!(nearest(&store, "c", &[4.2, 0.0], 1), ["v00005"]);
    let record = c.get("v00004").unwrap().unwrap();
    assert_eq!(
        (record.vector.as_slice(), record.metadata.is_empty()),
        (&[100.0f32, 0.0][..], true)
    );
    assert_eq!(c.delete(["v00005", "v00006", "nothing"]).unwrap(), 2);
    assert_eq!(c.count().unwrap(), 8);
    assert_eq!(c.get("v00005").unwrap(), None);
    assert_eq!(nearest(&store, "c", &[4.2, 0.0], 1), ["v00003"]);
    drop(store);
    assert_eq!(nearest(&place.open(), "c", &[4.2, 0.0], 1), ["v00003"]);
}

#[test]
fn bad_input_is_refused_and_changes_nothing() {
    let store = Place::new().open();
    let c = store.create_collection("c", TWO).unwrap();
    let none = Metadata::new();
    assert_eq!(kind(c.store("", &[1.0, 2.0], &none)), ErrorKind::InvalidInput);
    assert_eq!(kind(c.store(&"x".repeat(513), &[1.0, 2.0], &none)), ErrorKind::InvalidInput);
    assert_eq!(kind(c.store("a", &[1.0], &none)), ErrorKind::InvalidInput);
    assert_eq!(kind(c.store("a", &[1.0, f32::NAN], &none)), ErrorKind::InvalidInput);
    assert_eq!(kind(c.store("a", &[1.0, f32::INFINITY], &none)), ErrorKind::InvalidInput);
    let rows = [("a", &[1.0f32, 2.0][..], &none), ("b", &[1.0][..], &none)];
    assert_eq!(kind(c.store_many(rows)), ErrorKind::InvalidInput);
    assert_eq!(c.count().unwrap(), 0);
    let all = SearchOptions::default();
    assert_eq!(kind(c.search(&[1.0], 1, &all)), ErrorKind::InvalidInput);
    assert_eq!(kind(c.search(&[1.0, f32::NAN], 1, &all)), ErrorKind::InvalidInput);
    assert_eq!(kind(store.collection("d")), ErrorKind::NotFound);
    assert_eq!(kind(store.create_collection("c", TWO)), ErrorKind::Conflict);
    assert_eq!(kind(store.create_collection("", TWO)), ErrorKind::InvalidInput);
    let none = CollectionOptions::new(0, Metric::Dot);
    assert_eq!(kind(store.create_collection("z", none)), ErrorKind::InvalidInput);
    let other = CollectionOptions::new(3, Metric::L2);
    assert_eq!(kind(store.open_collection("c", other)), ErrorKind::Conflict);
    let other = CollectionOptions::new(2, Metric::Cosine);
    assert_eq!(kind(store.open_collection("c", other)), ErrorKind::Conflict);
    assert!(store.open_collection("c", TWO).is_ok());
}

#[test]
fn a_search_sees_what_is_committed_and_nothing_else() {
    let store = Place::new().open();
    fill(&store, "c", 3);
    let c = store.collection("c").unwrap();
    assert_eq!(c.count().unwrap(), 3);
    let rolled_back: Result<()> = store.transaction(|_| {
        c.store("new", &[0.0, 0.0], &Metadata::new())?;
        c.delete(["v00000"])?;
        assert_eq!(c.count()?, 3);
        assert!(c.get("new")?.is_some());
        Err(Error::invalid("no"))
    });
    assert!(rolled_back.is_err());
    assert_eq!(nearest(&store, "c", &[0.0, 0.0], 1), ["v00000"]);
    store.transaction(|_| c.store("new", &[-1.0, 0.0], &Metadata::new())).unwrap();
    assert_eq!(nearest(&store, "c", &[-1.0, 0.0], 1), ["new"]);
    c.store("newer", &[-2.0, 0.0], &Metadata::new()).unwrap();
    store.begin().unwrap();
    c.store("newest", &[-3.0, 0.0], &Metadata::new()).unwrap();
    assert_eq!(nearest(&store, "c", &[-3.0, 0.0], 1), ["newer"]);
    assert_eq!(kind(store.begin()), ErrorKind::Busy);
    store.database().rollback().unwrap();
    // An index that is not open yet cannot tell the transaction's own rows from committed ones.
    store.create_collection("fresh", TWO).unwrap();
    let fresh = store.collection("fresh").unwrap();
    let outcome = store.transaction(|_| {
        fresh.store("a", &[0.0, 0.0], &Metadata::new())?;
        assert_eq!(kind(fresh.count()), ErrorKind::Busy);
        Ok(())
    });
    outcome.unwrap();
    assert_eq!(fresh.count().unwrap(), 1);
}

#[test]
fn sql_on_the_table_reaches_the_index() {
    let place = Place::new();
    let store = place.open();
    fill(&store, "c", 5);
    let c = store.collection("c").unwrap();
    assert_eq!(c.count().unwrap(), 5);
    let table = c.info().table();
    let run = |sql: &str| store.database().execute(&sql.replace("TABLE", &table), ()).unwrap();
    run("DELETE FROM TABLE WHERE id = 'v00001'");
    run("UPDATE TABLE SET id = 'renamed' WHERE id = 'v00002'");
    run("UPDATE TABLE SET metadata = '{\"odd\": 1}' WHERE id = 'v00003'");
    run("INSERT INTO TABLE (id, vector) SELECT 'copy', vector FROM TABLE WHERE id = 'v00004'");
    let expected = ["v00000", "renamed", "v00003", "copy", "v00004"];
    assert_eq!(nearest(&store, "c", &[0.0, 0.0], 9), expected);
    let hits = c.search(&[3.0, 0.0], 1, &SearchOptions::default()).unwrap();
    assert_eq!(hits[0].metadata.to_json(), r#"{"odd":1}"#);
    // What is no vector is refused by the table itself, or left out and counted.
    let refused = store
        .database()
        .execute(&format!("INSERT INTO {table} (id, vector) VALUES ('short', x'00')"), ());
    assert_eq!(kind(refused), ErrorKind::ConstraintCheck);
    run("UPDATE TABLE SET vector = x'0000C07F00000000' WHERE id = 'copy'");
    assert_eq!(nearest(&store, "c", &[0.0, 0.0], 9), ["v00000", "renamed", "v00003", "v00004"]);
    assert_eq!(store.index_states().unwrap()[0].unindexable, 1);
}

#[test]
fn a_snapshot_is_saved_when_due_and_trusted_only_where_it_belongs() {
    let place = Place::new();
    let store = place.open();
    fill(&store, "c", 400);
    let name = store.collection("c").unwrap().info().snapshot_name();
    assert_eq!(store.collection("c").unwrap().count().unwrap(), 400);
    store.close().unwrap();
    let snapshot = place.snapshots.read(&name).unwrap().expect("400 new vectors make it due");

    // A few more changes are replayed, and do not make another snapshot due.
    let store = place.open();
    let c = store.collection("c").unwrap();
    c.store("extra", &[-5.0, 0.0], &Metadata::new()).unwrap();
    c.delete(["v00000"]).unwrap();
    assert_eq!(store.index_states().unwrap()[0].unsaved, 2);
    store.close().unwrap();
    assert_eq!(place.snapshots.read(&name).unwrap().unwrap(), snapshot);
    let store = place.open();
    assert_eq!(store.index_states().unwrap()[0].unsaved, 2);
    assert_eq!(nearest(&store, "c", &[-5.0, 0.0], 2), ["extra", "v00001"]);
    store.close().unwrap();

    // Anything else than the right snapshot is rebuilt.
    let mut flipped = snapshot.clone();
    flipped[snapshot.len() / 2] ^= 1;
    let other = Place::new();
    fill(&other.open(), "c", 500);
    other.open().collection("c").unwrap().count().unwrap();
    let store = other.open();
    store.collection("c").unwrap().count().unwrap();
    store.close().unwrap();
    let foreign = other.snapshots.read(&name).unwrap().unwrap();
    for bad in [b"".to_vec(), b"junk".to_vec(), flipped, snapshot[..100].to_vec(), foreign] {
        place.snapshots.replace(&name, &bad).unwrap();
        let store = place.open();
        let state = &store.index_states().unwrap()[0];
        assert_eq!((state.vectors, state.unsaved), (400, 400));
        assert_eq!(nearest(&store, "c", &[-5.0, 0.0], 2), ["extra", "v00001"]);
    }
}

#[test]
fn a_snapshot_older_than_the_log_is_rebuilt() {
    let place = Place::new();
    let store = place.open();
    fill(&store, "c", 300);
    store.close().unwrap();
    let store = place.open();
    let name = store.collection("c").unwrap().info().snapshot_name();
    store.collection("c").unwrap().count().unwrap();
    store.close().unwrap();
    let old = place.snapshots.read(&name).unwrap().unwrap();
    let store = place.open();
    fill(&store, "c", 299);
    store.collection("c").unwrap().delete(["v00299"]).unwrap();
    store.collection("c").unwrap().count().unwrap();
    store.close().unwrap();
    assert_ne!(place.snapshots.read(&name).unwrap().unwrap(), old);
    // The changes between the two snapshots are gone from the log.
    place.snapshots.replace(&name, &old).unwrap();
    let store = place.open();
    assert_eq!(store.collection("c").unwrap().count().unwrap(), 299);
    // Numbers go on where they were, although the log was trimmed.
    let last = changes::last_seq(store.database()).unwrap();
    store.collection("c").unwrap().delete(["v00000"]).unwrap();
    assert_eq!(changes::last_seq(store.database()).unwrap(), last + 1);
}

#[test]
fn a_dropped_collection_is_gone_and_its_number_is_not_given_again() {
    let place = Place::new();
    let store = place.open();
    fill(&store, "c", 300);
    let old = store.collection("c").unwrap();
    old.count().unwrap();
    store.save_indexes().unwrap();
    let name = old.info().snapshot_name();
    assert!(place.snapshots.read(&name).unwrap().is_some());
    store.drop_collection("c").unwrap();
    assert!(place.snapshots.read(&name).unwrap().is_none());
    assert_eq!(kind(store.drop_collection("c")), ErrorKind::NotFound);
    let none = Metadata::new();
    assert_eq!(kind(old.store("a", &[0.0, 0.0], &none)), ErrorKind::NotFound);
    assert_eq!(kind(old.search(&[0.0, 0.0], 1, &SearchOptions::default())), ErrorKind::NotFound);
    fill(&store, "c", 3);
    assert_ne!(store.collection("c").unwrap().info().table(), old.info().table());
    assert_eq!(store.collection("c").unwrap().count().unwrap(), 3);
    let names: Vec<String> = store.collections().unwrap().into_iter().map(|c| c.name).collect();
    assert_eq!(names, ["c"]);
    // A drop that is rolled back did not happen.
    let outcome: Result<()> = store.transaction(|store| {
        store.drop_collection("c")?;
        Err(Error::invalid("no"))
    });
    assert!(outcome.is_err());
    assert_eq!(store.collection("c").unwrap().count().unwrap(), 3);
}

#[test]
fn the_first_search_may_be_in_a_transaction_that_wrote_nothing_to_the_collection() {
    let files = MemoryFiles::new();
    let open = || {
        let parts = StoreParts {
            files: Arc::new(files.clone()),
            host: Arc::new(FixedHost::new(3)),
            snapshots: Box::new(MemoryStorage::new()),
        };
        Store::open(parts, DatabaseOptions::default()).unwrap()
    };
    let search = |store: &Store, name: &str| {
        let hits = store.collection(name)?.search(&[0.0, 0.0], 9, &SearchOptions::default())?;
        Ok::<_, Error>(hits.into_iter().map(|hit| hit.id).collect::<Vec<_>>())
    };
    let put = |store: &Store, name: &str, id: &str| {
        store.collection(name).and_then(|it| it.store(id, &[1.0, 1.0], &Metadata::new()))
    };
    let store = open();
    for name in ["a", "b"] {
        store.create_collection(name, CollectionOptions::new(2, Metric::L2)).unwrap();
        put(&store, name, "old").unwrap();
    }
    store.close().unwrap();

    let store = open();
    let failed = store.transaction(|store| {
        // Its own changes to another collection take numbers of the sequence.
        put(store, "b", "x")?;
        put(store, "b", "y")?;
        assert_eq!(search(store, "a")?, ["old"]);
        assert_eq!(search(store, "b").unwrap_err().kind(), ErrorKind::Busy);
        put(store, "a", "rolled back")?;
        assert_eq!(search(store, "a")?, ["old"]);
        Err::<(), _>(Error::invalid("no"))
    });
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::InvalidInput);
    // The numbers that were rolled back are given again, and what has them is seen.
    put(&store, "a", "new").unwrap();
    assert_eq!(search(&store, "a").unwrap(), ["new", "old"]);
    assert_eq!(search(&store, "b").unwrap(), ["old"]);
    store.transaction(|store| put(store, "a", "last")).unwrap();
    assert_eq!(search(&store, "a").unwrap(), ["last", "new", "old"]);
    store.close().unwrap();

    // A collection that is made in the transaction has nothing that could be searched yet.
    let store = open();
    let made = store.transaction(|store| {
        store.create_collection("c", CollectionOptions::new(2, Metric::L2))?;
        assert_eq!(search(store, "c").unwrap_err().kind(), ErrorKind::Busy);
        assert_eq!(search(store, "a").unwrap_err().kind(), ErrorKind::Busy);
        Ok(())
    });
    made.unwrap();
    assert_eq!(search(&store, "c").unwrap(), [""; 0]);
    // Begun by SQL, nobody took note of what was committed before.
    store.database().execute("BEGIN", ()).unwrap();
    assert_eq!(search(&store, "b").unwrap_err().kind(), ErrorKind::Busy);
    store.database().execute("ROLLBACK", ()).unwrap();
    assert_eq!(search(&store, "b").unwrap(), ["old"]);
}
