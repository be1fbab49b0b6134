//! Power cuts under a store, at every operation and at every sync.

use std::sync::Arc;

use sigil_core::container::StoreId;
use sigil_core::{
    DatabaseOptions, FixedHost, ImageStore, MemoryFiles, MemoryStorage, Severity, SlotStorage,
    Store, StoreParts, image, verify_files,
};
use sigil_tests::crash::{self, CrashFiles, CrashStorage, Cut};
use sigil_tests::workload::{STEPS, assert_holds, states, step};

const SLOTS: u8 = 4;

fn options() -> DatabaseOptions {
    let mut options = DatabaseOptions::default();
    // Small, so that the workload checkpoints by itself too.
    options.checkpoint_at_bytes = Some(200_000);
    options
}

fn open(files: Arc<dyn sigil_core::Files>) -> sigil_core::Result<Store> {
    let parts = StoreParts {
        files: Arc::clone(&files),
        host: Arc::new(FixedHost::new(11)),
        snapshots: Box::new(SlotStorage::new(files, SLOTS)),
    };
    Store::open(parts, options())
}

/// Runs the workload until it is done or the power is cut; gives the acknowledged steps.
fn run(files: &CrashFiles) -> usize {
    let Ok(store) = open(Arc::new(files.clone())) else { return 0 };
    let done = (0..STEPS).take_while(|n| step(&store, *n).is_ok()).count();
    if done == STEPS {
        let _ = store.close();
    }
    done
}

/// Reopens what survived, checks it, goes on with it, and checks that too.
fn check(left: &MemoryFiles, states: &[String], acknowledged: usize, context: &str) {
    let store = open(Arc::new(left.clone())).unwrap_or_else(|error| panic!("{context}: {error}"));
    let held = assert_holds(&store, states, acknowledged, context);
    let after = format!("{context}, and going on");
    if held < STEPS {
        step(&store, held).unwrap_or_else(|error| panic!("{after}: {error}"));
    }
    store.close().unwrap_or_else(|error| panic!("{after}: {error}"));
    drop(store);
    let findings = verify_files(left).unwrap();
    assert!(findings.iter().all(|f| f.severity == Severity::Note), "{after}: {findings:?}");
    let store = open(Arc::new(left.clone())).unwrap_or_else(|error| panic!("{after}: {error}"));
    assert_eq!(assert_holds(&store, states, (held + 1).min(STEPS), &after), (held + 1).min(STEPS));
}

fn sweep(cuts: impl Iterator<Item = Cut>, draws: u64) {
    let states = states();
    crash::sweep(cuts, draws, run, |left, acknowledged, context| {
        check(left, &states, acknowledged, context);
    });
}

#[test]
fn files_cut_at_every_operation_keep_every_acknowledged_step() {
    let (operations, _) = crash::totals(STEPS, run);
    assert!(operations > 100, "the workload became too small to mean much: {operations}");
    sweep((1..=operations).map(Cut::Operation), 2);
}

#[test]
fn files_cut_at_every_sync_keep_every_acknowledged_step() {
    let (_, syncs) = crash::totals(STEPS, run);
    assert!(syncs > 45, "the workload became too small to mean much: {syncs}");
    sweep((1..=syncs).map(Cut::Sync), 3);
}

/// Opens the image, or says why not.
fn open_image(storage: &dyn sigil_core::SnapshotStorage) -> sigil_core::Result<ImageStore> {
    let opened = image::open(storage, image::OpenOptions::default(), StoreId([3; 16]))?;
    ImageStore::open(opened, Arc::new(FixedHost::new(11)), DatabaseOptions::default())
}

fn run_image(storage: &CrashStorage) -> usize {
    let Ok(mut store) = open_image(storage) else { return 0 };
    let mut done = 0;
    while done < STEPS {
        // A step counts when the flush behind it is done.
        if step(store.store(), done).is_err() || store.flush(storage).is_err() {
            break;
        }
        done += 1;
    }
    done
}

#[test]
fn images_cut_at_every_operation_keep_every_acknowledged_step() {
    let states = states();
    let whole = CrashStorage::new(MemoryStorage::new(), Cut::Never, 0);
    assert_eq!(run_image(&whole), STEPS);
    let operations = whole.operations();
    assert!(operations > 60, "the workload became too small to mean much: {operations}");
    for n in 1..=operations {
        for seed in 0..3 {
            let context = format!("operation {n} of {operations}, seed {seed}");
            let storage = CrashStorage::new(MemoryStorage::new(), Cut::Operation(n), seed);
            let acknowledged = run_image(&storage);
            assert!(storage.is_down(), "{context}: never reached");
            let left = storage.into_survivors();
            let mut store = open_image(&left).unwrap_or_else(|e| panic!("{context}: {e}"));
            let held = assert_holds(store.store(), &states, acknowledged, &context);
            if held < STEPS {
                step(store.store(), held).unwrap_or_else(|e| panic!("{context}: {e}"));
            }
            store.flush(&left).unwrap_or_else(|e| panic!("{context}: {e}"));
            let findings = image::verify(&left).unwrap();
            assert!(
                findings.iter().all(|f| f.severity < Severity::Damage),
                "{context}: {findings:?}"
            );
            let store = open_image(&left).unwrap_or_else(|e| panic!("{context}: {e}"));
            assert_holds(store.store(), &states, (held + 1).min(STEPS), &context);
        }
    }
}
