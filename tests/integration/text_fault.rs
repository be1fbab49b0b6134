//! A host whose nth operation fails under a text index.

use std::sync::Arc;

use sigil_core::{ErrorKind, Files, MemoryFiles};
use sigil_tests::fault::{Fault, FaultyFiles};
use sigil_tests::text_workload::{STEPS, assert_sound, open, step};

fn sweep(for_ever: bool, kind: ErrorKind, applied: bool) {
    let run = |faulty: &Arc<FaultyFiles>, context: &str| {
        let Ok(store) = open(Arc::clone(faulty) as Arc<dyn Files>) else { return };
        let failed = (0..STEPS).find(|n| step(&store, *n).is_err());
        if failed.is_some() && !for_ever && store.database().poisoned().is_none() {
            assert_sound(&store, context);
        }
        let _ = store.close();
    };
    let none = Arc::new(FaultyFiles::new(Arc::new(MemoryFiles::new()), Fault::NONE));
    run(&none, "no fault");
    let operations = none.operations();
    assert!(operations > 100, "the workload became too small to mean much: {operations}");
    let stride = usize::try_from(operations / 40).unwrap().max(1);
    let first = 1 + u64::from(std::process::id()) % stride as u64;
    for nth in (first..=operations).step_by(stride) {
        let fault = Fault { nth, for_ever, kind, applied };
        let context = format!("{fault:?} of {operations}");
        let files = MemoryFiles::new();
        let faulty = Arc::new(FaultyFiles::new(Arc::new(files.clone()), fault));
        run(&faulty, &context);
        assert!(faulty.failures() > 0, "{context}: never met");
        let store = open(Arc::new(files)).unwrap_or_else(|error| panic!("{context}: {error}"));
        assert_sound(&store, &context);
    }
}

#[test]
fn a_text_index_that_meets_a_failure_finds_what_the_rows_say() {
    sweep(false, ErrorKind::Storage, false);
    sweep(false, ErrorKind::Storage, true);
}

#[test]
fn a_text_index_on_a_full_disk_finds_what_the_rows_say() {
    sweep(true, ErrorKind::Full, false);
}
