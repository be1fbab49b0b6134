//! A host whose nth operation fails, once and for ever, under all typed stores.

use std::sync::Arc;

use sigil_core::{ErrorKind, Files, MemoryFiles, StoreAccess};
use sigil_tests::fault::{Fault, FaultyFiles};
use sigil_tests::store_workload::{FORGETTING, STEPS, Stores, assert_holds, states};

/// Runs the workload until a step fails for good.
///
/// What may happen then is documented: the store is poisoned, and refuses everything; or it is
/// not, and then it holds exactly what was acknowledged, and goes on.
fn run(stores: &Stores, states: &[String], fault: &Fault, context: &str) -> usize {
    let mut done = 0;
    while done < STEPS {
        let Err(error) = stores.step(done) else {
            done += 1;
            continue;
        };
        let poisoned = stores.store.with(|store| Ok(store.database().poisoned().is_some()));
        if poisoned.unwrap() {
            assert_eq!(stores.dump().unwrap_err().kind(), ErrorKind::Poisoned, "{context}");
            let refused = stores.workspace.transaction(|_| Ok(())).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Poisoned, "{context}");
            return done;
        }
        assert_eq!(error.kind(), fault.kind, "{context}: {error}");
        if fault.for_ever {
            return done;
        }
        // The fault is over, and so is the step that met it.
        let found = stores.dump().unwrap_or_else(|error| panic!("{context}: {error}"));
        if FORGETTING.contains(&done) && found == states[done + 1] {
            done += 1;
            continue;
        }
        let same = found == states[done];
        assert!(same, "{context}: step {done} failed with {error} and left something behind");
    }
    done
}

fn sweep(for_ever: bool, kind: ErrorKind, applied: bool, first: u64) {
    // Every fifth operation, begun at another one by each test.
    const STRIDE: usize = 5;
    let states = states();
    let none = Arc::new(FaultyFiles::new(Arc::new(MemoryFiles::new()), Fault::NONE));
    let stores = Stores::open(Arc::clone(&none) as Arc<dyn Files>).unwrap();
    assert_eq!(run(&stores, &states, &Fault::NONE, "no fault"), STEPS);
    drop(stores);
    let operations = none.operations();
    assert!(operations > 200, "the workload became too small to mean much: {operations}");
    for nth in (first..=operations).step_by(STRIDE) {
        let fault = Fault { nth, for_ever, kind, applied };
        let context = format!("{fault:?} of {operations}");
        let files = MemoryFiles::new();
        let faulty = Arc::new(FaultyFiles::new(Arc::new(files.clone()), fault));
        let acknowledged = match Stores::open(Arc::clone(&faulty) as Arc<dyn Files>) {
            Ok(stores) => {
                let done = run(&stores, &states, &fault, &context);
                let _ = stores.workspace.close();
                done
            }
            Err(error) => {
                assert_eq!(error.kind(), kind, "{context}: {error}");
                0
            }
        };
        assert!(faulty.failures() > 0, "{context}: never met");
        let stores = Stores::open(Arc::new(files)).unwrap_or_else(|e| panic!("{context}: {e}"));
        assert_holds(&stores, &states, acknowledged, &context);
    }
}

#[test]
fn stores_failing_once_lose_nothing_acknowledged() {
    sweep(false, ErrorKind::Storage, false, 1);
}

#[test]
fn stores_failing_once_after_the_fact_lose_nothing_acknowledged() {
    sweep(false, ErrorKind::Storage, true, 2);
}

#[test]
fn stores_failing_for_ever_lose_nothing_acknowledged() {
    sweep(true, ErrorKind::Full, false, 3);
}
