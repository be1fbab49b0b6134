//! Power cuts under a text index: what is found afterwards is what the rows say.

use std::sync::Arc;

use sigil_core::{MemoryFiles, Severity, verify_files};
use sigil_tests::crash::{self, CrashFiles, Cut};
use sigil_tests::text_workload::{STEPS, assert_sound, open, step};

fn run(files: &CrashFiles) -> usize {
    let Ok(store) = open(Arc::new(files.clone())) else { return 0 };
    let done = (0..STEPS).take_while(|n| step(&store, *n).is_ok()).count();
    if done == STEPS {
        let _ = store.close();
    }
    done
}

fn check(left: &MemoryFiles, acknowledged: usize, context: &str) {
    let reopen = || open(Arc::new(left.clone())).unwrap_or_else(|e| panic!("{context}: {e}"));
    let store = reopen();
    assert_sound(&store, context);
    let last = format!("SELECT 1 FROM note WHERE id >= {}", acknowledged.saturating_sub(1) * 100);
    let rows = store.database().query(&last, ()).unwrap();
    assert!(acknowledged == 0 || !rows.is_empty(), "{context}: an acknowledged step is lost");
    // It goes on, also with a merge that was under way.
    step(&store, 3).unwrap_or_else(|error| panic!("{context}, going on: {error}"));
    assert_sound(&store, context);
    store.close().unwrap_or_else(|error| panic!("{context}, going on: {error}"));
    assert_sound(&reopen(), context);
    let findings = verify_files(left).unwrap();
    assert!(findings.iter().all(|f| f.severity == Severity::Note), "{context}: {findings:?}");
}

/// Every so manieth, begun at another one in each run.
fn sampled(test: &str, count: u64, most: u64) -> impl Iterator<Item = u64> {
    let stride = count.div_ceil(most).max(1);
    let first = 1 + u64::from(std::process::id()) % stride;
    eprintln!("{test}: from {first} on every {stride}. of {count}");
    (first..=count).step_by(usize::try_from(stride).unwrap())
}

#[test]
fn a_text_index_cut_at_operations_finds_what_the_rows_say() {
    let (operations, _) = crash::totals(STEPS, run);
    assert!(operations > 100, "the workload became too small to mean much: {operations}");
    let cuts = sampled("operations", operations, 40).map(Cut::Operation);
    crash::sweep(cuts, 1, run, check);
}

#[test]
fn a_text_index_cut_at_syncs_finds_what_the_rows_say() {
    let (_, syncs) = crash::totals(STEPS, run);
    assert!(syncs > 30, "the workload became too small to mean much: {syncs}");
    crash::sweep(sampled("syncs", syncs, 30).map(Cut::Sync), 1, run, check);
}
