//! Power cuts under all typed stores, at every operation and at every sync.

use std::sync::Arc;

use sigil_core::{MemoryFiles, Severity, StoreAccess, verify_files};
use sigil_tests::crash::{self, CrashFiles, Cut};
use sigil_tests::store_workload::{STEPS, Stores, assert_holds, states};

/// Runs the workload until it is done or the power is cut; gives the acknowledged steps.
fn run(files: &CrashFiles) -> usize {
    let Ok(stores) = Stores::open(Arc::new(files.clone())) else { return 0 };
    let done = (0..STEPS).take_while(|n| stores.step(*n).is_ok()).count();
    if done == STEPS {
        let _ = stores.workspace.close();
    }
    done
}

/// Reopens what survived, checks it, goes on with it, and checks that too.
fn check(left: &MemoryFiles, states: &[String], acknowledged: usize, context: &str) {
    let open = |context: &str| {
        Stores::open(Arc::new(left.clone())).unwrap_or_else(|error| panic!("{context}: {error}"))
    };
    let stores = open(context);
    let held = assert_holds(&stores, states, acknowledged, context);
    let after = format!("{context}, and going on");
    if held < STEPS {
        stores.step(held).unwrap_or_else(|error| panic!("{after}: {error}"));
    }
    stores.workspace.close().unwrap_or_else(|error| panic!("{after}: {error}"));
    drop(stores);
    let findings = verify_files(left).unwrap();
    assert!(findings.iter().all(|f| f.severity == Severity::Note), "{after}: {findings:?}");
    let goal = (held + 1).min(STEPS);
    assert_eq!(assert_holds(&open(&after), states, goal, &after), goal);
}

fn sweep(cuts: impl Iterator<Item = Cut>, draws: u64) {
    let states = states();
    crash::sweep(cuts, draws, run, |left, acknowledged, context| {
        check(left, &states, acknowledged, context);
    });
}

#[test]
fn stores_cut_at_every_operation_keep_every_acknowledged_step() {
    let (operations, _) = crash::totals(STEPS, run);
    assert!(operations > 150, "the workload became too small to mean much: {operations}");
    sweep((1..=operations).map(Cut::Operation), 1);
}

#[test]
fn stores_cut_at_every_sync_keep_every_acknowledged_step() {
    let (_, syncs) = crash::totals(STEPS, run);
    assert!(syncs > 35, "the workload became too small to mean much: {syncs}");
    sweep((1..=syncs).map(Cut::Sync), 2);
}

#[test]
fn a_poisoned_store_says_so_in_every_store() {
    let files = CrashFiles::new(Cut::Sync(20), 0);
    let stores = Stores::open(Arc::new(files.clone())).unwrap();
    let done = (0..STEPS).take_while(|n| stores.step(*n).is_ok()).count();
    assert!(files.is_down() && done < STEPS);
    let refused = stores.dump().unwrap_err();
    assert_eq!(refused.kind(), sigil_core::ErrorKind::Poisoned);
    let refused = stores.gateway.transaction(|_| Ok(())).unwrap_err();
    assert_eq!(refused.kind(), sigil_core::ErrorKind::Poisoned);
    assert!(stores.store.with(|store| Ok(store.database().poisoned().is_some())).unwrap());
}
