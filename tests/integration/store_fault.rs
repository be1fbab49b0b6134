//! A host whose nth operation fails, once and for ever, under a store.

use std::sync::Arc;

use sigil_core::container::StoreId;
use sigil_core::{
    DatabaseOptions, ErrorKind, Files, FixedHost, ImageStore, MemoryFiles, MemoryStorage, Result,
    SlotStorage, SnapshotStorage, Store, StoreParts, image,
};
use sigil_tests::fault::{Fault, FaultyFiles, FaultyStorage};
use sigil_tests::workload::{STEPS, assert_holds, dump, states, step};

fn open(files: Arc<dyn Files>) -> Result<Store> {
    let mut options = DatabaseOptions::default();
    options.checkpoint_at_bytes = Some(200_000);
    let parts = StoreParts {
        files: Arc::clone(&files),
        host: Arc::new(FixedHost::new(11)),
        snapshots: Box::new(SlotStorage::new(files, 4)),
    };
    Store::open(parts, options)
}

/// Runs the workload on a store until a step fails.
///
/// What may happen then is documented: the store is poisoned, and then refuses everything; or it
/// is not, and then it holds exactly what was acknowledged, and goes on.
fn run(store: &Store, states: &[String], fault: &Fault, context: &str) -> usize {
    let mut done = 0;
    while done < STEPS {
        let Err(error) = step(store, done) else {
            done += 1;
            continue;
        };
        if store.database().poisoned().is_some() {
            let refused = store.database().execute("SELECT 1", ()).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Poisoned, "{context}");
            let refused = store.transaction(|_| Ok(())).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Poisoned, "{context}");
            return done;
        }
        assert_eq!(error.kind(), fault.kind, "{context}: {error}");
        if fault.for_ever {
            return done;
        }
        // The fault is over, and so is the step that met it.
        let found = dump(store).unwrap_or_else(|error| panic!("{context}: {error}"));
        let same = found == states[done];
        assert!(same, "{context}: step {done} failed with {error} and left something behind");
    }
    done
}

fn sweep(for_ever: bool, kind: ErrorKind, applied: bool, stride: usize) {
    let states = states();
    let none = FaultyFiles::new(Arc::new(MemoryFiles::new()), Fault::NONE);
    let none = Arc::new(none);
    let store = open(Arc::clone(&none) as Arc<dyn Files>).unwrap();
    assert_eq!(run(&store, &states, &Fault::NONE, "no fault"), STEPS);
    drop(store);
    let operations = none.operations();
    assert!(operations > 150, "the workload became too small to mean much: {operations}");
    for nth in (1..=operations).step_by(stride) {
        let fault = Fault { nth, for_ever, kind, applied };
        let context = format!("{fault:?} of {operations}");
        let files = MemoryFiles::new();
        let faulty = Arc::new(FaultyFiles::new(Arc::new(files.clone()), fault));
        let acknowledged = match open(Arc::clone(&faulty) as Arc<dyn Files>) {
            Ok(store) => {
                let done = run(&store, &states, &fault, &context);
                let _ = store.close();
                done
            }
            Err(error) => {
                assert_eq!(error.kind(), kind, "{context}: {error}");
                0
            }
        };
        assert!(faulty.failures() > 0, "{context}: never met");
        let store = open(Arc::new(files)).unwrap_or_else(|error| panic!("{context}: {error}"));
        assert_holds(&store, &states, acknowledged, &context);
    }
}

#[test]
fn files_failing_once_lose_nothing_acknowledged() {
    sweep(false, ErrorKind::Storage, false, 1);
}

#[test]
fn files_failing_once_after_the_fact_lose_nothing_acknowledged() {
    sweep(false, ErrorKind::Storage, true, 1);
}

#[test]
fn files_failing_for_ever_lose_nothing_acknowledged() {
    sweep(true, ErrorKind::Full, false, 1);
}

fn open_image(storage: &dyn SnapshotStorage) -> Result<ImageStore> {
    let opened = image::open(storage, image::OpenOptions::default(), StoreId([3; 16]))?;
    ImageStore::open(opened, Arc::new(FixedHost::new(11)), DatabaseOptions::default())
}

fn run_image(storage: &dyn SnapshotStorage, kind: ErrorKind, context: &str) -> usize {
    let Ok(mut store) = open_image(storage) else { return 0 };
    for done in 0..STEPS {
        step(store.store(), done).unwrap_or_else(|error| panic!("{context}: {error}"));
        if let Err(error) = store.flush(storage) {
            assert_eq!(error.kind(), kind, "{context}: {error}");
            assert!(store.store().database().poisoned().is_some(), "{context}");
            let refused = store.flush(storage).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Poisoned, "{context}");
            return done;
        }
    }
    STEPS
}

#[test]
fn images_failing_once_or_for_ever_lose_nothing_acknowledged() {
    let states = states();
    let inner = MemoryStorage::new();
    let none = FaultyStorage::new(&inner, Fault::NONE);
    assert_eq!(run_image(&none, ErrorKind::Full, "no fault"), STEPS);
    let operations = none.operations();
    for nth in 1..=operations {
        for (for_ever, applied) in [(false, false), (false, true), (true, false)] {
            let fault = Fault { nth, for_ever, kind: ErrorKind::Full, applied };
            let context = format!("{fault:?} of {operations}");
            let inner = MemoryStorage::new();
            let acknowledged = run_image(&FaultyStorage::new(&inner, fault), fault.kind, &context);
            let store = open_image(&inner).unwrap_or_else(|error| panic!("{context}: {error}"));
            assert_holds(store.store(), &states, acknowledged, &context);
        }
    }
}
