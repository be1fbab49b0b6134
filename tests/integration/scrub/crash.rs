//! Power cuts and failures in the middle of a scrub.

use std::sync::Arc;

use sigil_core::{
    ErrorKind, Files, MemoryFiles, MemoryStorage, Severity, SnapshotStorage, image, verify_files,
};
use sigil_tests::crash::{CrashFiles, CrashStorage, Cut};
use sigil_tests::fault::{Fault, FaultyFiles, FaultyStorage};

use super::{
    Items, assert_kept, count_in_blobs, count_in_files, dirty, fill, open, open_image, seeded,
    traces,
};

/// Checks what is left of a scrub that did not come to its end, and that another one does.
fn check_left(left: &MemoryFiles, items: &Items, context: &str) {
    let store = open(Arc::new(left.clone())).unwrap_or_else(|e| panic!("{context}: {e}"));
    assert_kept(&store, items, context);
    store.scrub().unwrap_or_else(|error| panic!("{context}: {error}"));
    assert_eq!(count_in_files(left, &traces(items)), 0, "{context}");
    assert_kept(&store, items, context);
    drop(store);
    let findings = verify_files(left).unwrap();
    assert!(findings.iter().all(|f| f.severity == Severity::Note), "{context}: {findings:?}");
}

#[test]
fn a_scrub_cut_at_any_operation_or_sync_loses_nothing() {
    let mut random = seeded("a scrub cut at any operation");
    let (before, items) = dirty(60, false, &mut random);
    let run = |cut, seed| {
        let files = CrashFiles::with(&before, cut, seed);
        let outcome = open(Arc::new(files.clone())).and_then(|store| store.scrub());
        (files, outcome)
    };
    let (whole, outcome) = run(Cut::Never, 0);
    outcome.unwrap();
    let (operations, syncs) = (whole.operations(), whole.syncs());
    assert!(operations > 40, "the scrub became too small to mean much: {operations}");
    let cuts = (1..=operations).map(Cut::Operation).chain((1..=syncs).map(Cut::Sync));
    for (n, cut) in cuts.enumerate() {
        let (files, outcome) = run(cut, n as u64);
        assert!(files.is_down(), "{cut:?} was never reached");
        outcome.unwrap_err();
        for draw in 0..2 {
            check_left(&files.survivors(), &items, &format!("{cut:?}, draw {draw}"));
        }
    }
}

#[test]
fn a_scrub_that_meets_a_failure_loses_nothing() {
    let mut random = seeded("a scrub that meets a failure");
    let (before, items) = dirty(60, true, &mut random);
    let copy = || {
        let files = MemoryFiles::new();
        before.names().iter().for_each(|name| files.put(name, before.bytes(name).unwrap()));
        files
    };
    let run = |fault: Fault| {
        let files = copy();
        let faulty = Arc::new(FaultyFiles::new(Arc::new(files.clone()), fault));
        let store = match open(Arc::clone(&faulty) as Arc<dyn Files>) {
            Ok(store) => store,
            Err(error) => return (files, faulty.operations(), Err(error)),
        };
        let outcome = store.scrub();
        if outcome.is_err() && store.database().poisoned().is_none() {
            // Nothing is in doubt, so it goes on.
            assert_kept(&store, &items, &format!("{fault:?}"));
        }
        (files, faulty.operations(), outcome)
    };
    let (_, operations, outcome) = run(Fault::NONE);
    outcome.unwrap();
    for nth in (1..=operations).step_by(3) {
        let fault = Fault { nth, for_ever: false, kind: ErrorKind::Full, applied: nth % 2 == 0 };
        let (files, _, outcome) = run(fault);
        // The failed read of a snapshot only has the index rebuilt.
        if let Err(error) = outcome {
            assert_eq!(error.kind(), ErrorKind::Full, "{fault:?}: {error}");
        }
        check_left(&files, &items, &format!("{fault:?}"));
    }
}

#[test]
fn an_image_cut_or_failing_at_any_operation_of_a_scrub_loses_nothing() {
    let mut random = seeded("an image cut at any operation");
    let before = MemoryStorage::new();
    let mut store = open_image(&before).unwrap();
    let items = fill(store.store(), 100, &mut random).unwrap();
    store.flush(&before).unwrap();
    drop(store);
    let copy = || {
        let copy = MemoryStorage::new();
        for name in before.names() {
            copy.replace(&name, &before.read(&name).unwrap().unwrap()).unwrap();
        }
        copy
    };
    let whole = CrashStorage::new(copy(), Cut::Never, 0);
    open_image(&whole).unwrap().scrub(&whole).unwrap();
    let operations = whole.operations();
    assert!(operations >= 5, "{operations}");
    let check = |left: MemoryStorage, context: &str| {
        let mut store = open_image(&left).unwrap_or_else(|e| panic!("{context}: {e}"));
        assert_kept(store.store(), &items, context);
        store.scrub(&left).unwrap_or_else(|e| panic!("{context}: {e}"));
        assert_eq!(count_in_blobs(&left, &traces(&items)), 0, "{context}");
        let findings = image::verify(&left).unwrap();
        assert!(findings.is_empty(), "{context}: {findings:?}");
        assert_kept(open_image(&left).unwrap().store(), &items, context);
    };
    for n in 1..=operations {
        for seed in 0..4 {
            let context = format!("operation {n} of {operations}, seed {seed}");
            let storage = CrashStorage::new(copy(), Cut::Operation(n), seed);
            open_image(&storage).unwrap().scrub(&storage).unwrap_err();
            assert!(storage.is_down(), "{context}");
            check(storage.into_survivors(), &context);
        }
        let fault = Fault { nth: n, for_ever: false, kind: ErrorKind::Full, applied: n % 2 == 0 };
        let left = copy();
        let faulty = FaultyStorage::new(&left, fault);
        let _ = open_image(&faulty).and_then(|mut store| store.scrub(&faulty));
        check(left, &format!("{fault:?}"));
    }
}
