//! The manifest protocol on hosts that fail.

use sigil_core::{ErrorKind, MemoryStorage};
use sigil_tests::fault::{Fault, FaultyStorage};

use crate::image_crash::{Model, check_final, opened_state, reopen, run, workload};

/// Runs the workload on a host with `fault`, opening the store again after each error.
fn survive(states: &[Model], fault: Fault) {
    let storage = MemoryStorage::new();
    let faulty = FaultyStorage::new(&storage, fault);
    let what = format!("{fault:?}");
    let mut state = 0;
    let mut errors = 0;
    loop {
        let opened = match reopen(&faulty) {
            Ok(opened) => opened,
            Err(error) => {
                assert_eq!(error.kind(), fault.kind, "{what}: {error}");
                errors += 1;
                if errors > 2 {
                    break;
                }
                continue;
            }
        };
        state = opened_state(&opened, states, state, &what);
        let (acknowledged, outcome) = run(opened, &faulty, states, state);
        state = acknowledged;
        match outcome {
            Ok(()) => break,
            Err(error) => {
                assert_eq!(error.kind(), fault.kind, "{what}: {error}");
                errors += 1;
                if errors > 2 {
                    break;
                }
            }
        }
    }
    assert!(errors <= u64::from(!fault.for_ever) || fault.for_ever, "{what}: {errors} errors");
    assert!(faulty.failures() > 0, "{what}: the fault never came");
    // The host is well again: everything acknowledged is there, and the rest can be done.
    let opened = reopen(&storage).unwrap_or_else(|error| panic!("{what}: {error}"));
    let state = opened_state(&opened, states, state, &what);
    run(opened, &storage, states, state).1.unwrap();
    // A removal that failed after the last flush is still to be done, which is listed.
    check_final(&storage, states, &what);
}

#[test]
fn a_failure_of_every_operation_once_and_for_ever_loses_nothing() {
    let states = workload();
    let storage = MemoryStorage::new();
    let counting = FaultyStorage::new(&storage, Fault::NONE);
    run(reopen(&counting).unwrap(), &counting, &states, 0).1.unwrap();
    let operations = counting.operations();
    assert!(operations > 150, "{operations}");
    for nth in 1..=operations {
        for (for_ever, applied) in [(false, false), (false, true), (true, false), (true, true)] {
            let kind = if nth % 2 == 0 { ErrorKind::Full } else { ErrorKind::Storage };
            survive(&states, Fault { nth, for_ever, kind, applied });
        }
    }
}

#[test]
fn a_failed_flush_poisons_and_a_failed_removal_does_not() {
    let states = workload();
    let storage = MemoryStorage::new();
    // The first flush reads four times to open, checks the slot, writes the base and its WAL,
    // checks again and writes the manifest.
    let counting = FaultyStorage::new(&storage, Fault::NONE);
    let opened = reopen(&counting).unwrap();
    let to_open = counting.operations();
    run(opened, &counting, &states[..2], 0).1.unwrap();
    let to_flush = counting.operations() - to_open;
    assert_eq!(to_flush, 5);
    for nth in to_open + 1..=to_open + to_flush {
        let storage = MemoryStorage::new();
        let fault = Fault { nth, for_ever: false, kind: ErrorKind::Full, applied: false };
        let faulty = FaultyStorage::new(&storage, fault);
        let mut opened = reopen(&faulty).unwrap();
        let mut flush =
            || crate::image_crash::flush(&mut opened.image, &faulty, &states[0], &states[1]);
        assert_eq!(flush().unwrap_err().kind(), ErrorKind::Full);
        match flush() {
            // Nothing had been written when the slot was checked first.
            Ok(()) => assert_eq!(nth, to_open + 1),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Poisoned, "{error}");
                assert!(error.to_string().contains("planted fault"), "{error}");
                assert_ne!(nth, to_open + 1);
            }
        }
    }
}
