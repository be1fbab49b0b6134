//! The manifest protocol under power cuts, and against damage.
//!
//! A workload of flushes with real WAL bytes is cut at every single operation, with the blob that
//! is being written torn; then each bit of each blob of small stores is flipped.

use std::collections::BTreeMap;

use sigil_core::container::StoreId;
use sigil_core::image::{self, FlushInput, Image, OpenOptions, OpenReport, OpenedImage, open};
use sigil_core::{ErrorKind, MemoryStorage, Result, SnapshotStorage, wal};
use sigil_tests::crash::{CrashStorage, Cut};
use sigil_tests::random::Random;
use sigil_tests::wal::WalWriter;

/// What a store holds after a flush.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Model {
    /// Counts the checkpoints, so that a new image is told from an unchanged one.
    epoch: u64,
    pub(crate) database: Vec<u8>,
    pub(crate) wal: Vec<u8>,
    pub(crate) indexes: BTreeMap<String, Vec<u8>>,
}

/// The states a workload goes through, the first of which is the empty store.
pub(crate) fn workload() -> Vec<Model> {
    let mut random = Random::new(42);
    let mut states = vec![Model::default()];
    let mut log = WalWriter::new(512, *b"\0\0\0\0salt");
    let mut now = Model::default();
    // c: a commit; C: a larger one; k: a checkpoint; K: one with a commit right after it, in the
    // same flush; i: an index; I: another one; r: the first index is removed; m: commit and index.
    for step in "KcicCcrccccccccckcIckKcmcckmrCcc".chars() {
        if "kK".contains(step) {
            now.epoch += 1;
            now.database = (0..1200).map(|_| random.next_u64().to_le_bytes()[0]).collect();
            let epoch = u8::try_from(now.epoch).unwrap();
            log = WalWriter::new(512, [0, 0, 0, epoch, b's', b'a', b'l', b't']);
            now.wal.clear();
        }
        let pages = match step {
            'c' | 'm' | 'K' => 1,
            'C' => 9,
            _ => 0,
        };
        if pages > 0 {
            log.commit(pages, &mut random);
            now.wal = log.bytes().to_vec();
        }
        let mut index = || (0..100).map(|_| random.next_u64().to_le_bytes()[0]).collect();
        match step {
            'i' | 'm' => drop(now.indexes.insert("first".to_owned(), index())),
            'I' => drop(now.indexes.insert("second index".to_owned(), index())),
            'r' => drop(now.indexes.remove("first")),
            _ => {}
        }
        states.push(now.clone());
    }
    states
}

/// Flushes `to`, where `from` is what is stored.
pub(crate) fn flush(
    image: &mut Image,
    storage: &dyn SnapshotStorage,
    from: &Model,
    to: &Model,
) -> Result<()> {
    let indexes: Vec<(&str, &[u8])> =
        to.indexes.iter().map(|(key, bytes)| (key.as_str(), bytes.as_slice())).collect();
    let stored: Vec<String> = image.indexes().map(|(key, _)| key.to_owned()).collect();
    let removed: Vec<&str> =
        (stored.iter().map(String::as_str)).filter(|key| !to.indexes.contains_key(*key)).collect();
    let input = FlushInput {
        wal: &to.wal,
        database: (from.epoch != to.epoch).then_some(&to.database),
        indexes: &indexes,
        removed_indexes: &removed,
    };
    image.flush(storage, &input).map(drop)
}

pub(crate) fn reopen(storage: &dyn SnapshotStorage) -> Result<OpenedImage> {
    open(storage, OpenOptions::default(), StoreId([8; 16]))
}

/// Whether the data, of which the indexes are no part, is that of `model`.
pub(crate) fn holds(opened: &OpenedImage, model: &Model) -> bool {
    opened.database.as_deref().unwrap_or_default() == model.database && opened.wal == model.wal
}

/// Which of `states` from `acknowledged` on was opened: that one, or the one in flight.
pub(crate) fn opened_state(
    opened: &OpenedImage,
    states: &[Model],
    acknowledged: usize,
    what: &str,
) -> usize {
    let in_flight = (acknowledged + 1).min(states.len() - 1);
    let state = [in_flight, acknowledged].into_iter().find(|state| holds(opened, &states[*state]));
    let Some(state) = state else {
        panic!("{what}: neither state {acknowledged} nor {in_flight}: {:?}", opened.report)
    };
    // An index may lag behind the data, which is what its watermark is for; it is never ahead.
    for (key, bytes) in &opened.indexes {
        let known = states[..=state].iter().any(|state| state.indexes.get(key) == Some(bytes));
        assert!(known, "{what}: index '{key}' is of no earlier state");
    }
    state
}

/// Runs the workload from `state` on, and says which state was acknowledged last.
pub(crate) fn run(
    mut opened: OpenedImage,
    storage: &dyn SnapshotStorage,
    states: &[Model],
    mut state: usize,
) -> (usize, Result<()>) {
    while state + 1 < states.len() {
        if let Err(error) = flush(&mut opened.image, storage, &states[state], &states[state + 1]) {
            return (state, Err(error));
        }
        state += 1;
    }
    (state, Ok(()))
}

/// Checks that `storage` holds the last of `states` and nothing that will never be removed.
pub(crate) fn check_final(storage: &MemoryStorage, states: &[Model], what: &str) {
    let opened = reopen(storage).unwrap();
    let last = states.last().unwrap();
    assert!(holds(&opened, last) && opened.indexes == last.indexes, "{what}: wrong final state");
    assert!(opened.report.is_clean(), "{what}: {:?}", opened.report);
    let image = &opened.image;
    let mut known: Vec<String> = image.retired().map(|name| name.to_string()).collect();
    known.extend(["manifest-a".to_owned(), "manifest-b".to_owned()]);
    known.push(format!("base-{}", image.epoch()));
    let tails = image.tails().iter();
    known.extend(tails.map(|tail| format!("wal-{}-{}", image.epoch(), tail.generation)));
    known.extend(image.indexes().map(|(_, index)| index.name().to_string()));
    for name in storage.names() {
        assert!(known.contains(&name), "{what}: '{name}' is left behind");
    }
}

fn copy(storage: &MemoryStorage) -> MemoryStorage {
    let copy = MemoryStorage::new();
    for name in storage.names() {
        copy.replace(&name, &storage.read(&name).unwrap().unwrap()).unwrap();
    }
    copy
}

/// How many changes the workload makes from `state` on.
fn operations(before: &MemoryStorage, states: &[Model], state: usize) -> u64 {
    let storage = CrashStorage::new(copy(before), Cut::Never, 0);
    let (_, outcome) = run(reopen(&storage).unwrap(), &storage, states, state);
    outcome.unwrap();
    let operations = storage.operations();
    check_final(&storage.into_survivors(), states, "without a cut");
    operations
}

#[test]
fn a_cut_at_every_operation_keeps_every_acknowledged_flush() {
    let states = workload();
    let operations = operations(&MemoryStorage::new(), &states, 0);
    assert!(operations > 90, "{operations}");
    let mut rolled = 0;
    for cut in 1..=operations {
        for seed in 0..6 {
            let what = format!("cut at operation {cut}, seed {seed}");
            let storage =
                CrashStorage::new(MemoryStorage::new(), Cut::Operation(cut), cut * 100 + seed);
            let (acknowledged, _) = run(reopen(&storage).unwrap(), &storage, &states, 0);
            assert!(storage.is_down(), "{what}");
            let left = storage.into_survivors();
            let opened = reopen(&left).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert!(opened.report.is_clean(), "{what}: {:?}", opened.report);
            rolled += u64::from(opened.report.rolled_forward);
            let state = opened_state(&opened, &states, acknowledged, &what);
            let (_, outcome) = run(opened, &left, &states, state);
            outcome.unwrap_or_else(|error| panic!("{what}: going on: {error}"));
            check_final(&left, &states, &what);
        }
    }
    assert!(rolled > 0, "no cut fell between the data and its manifest");
}

#[test]
fn three_cuts_in_a_row_keep_every_acknowledged_flush() {
    let states = workload();
    let mut random = Random::new(7);
    for round in 0..4_000 {
        let mut left = MemoryStorage::new();
        let mut state = 0;
        let mut history = format!("round {round}");
        for _ in 0..4 {
            let cut = 1 + random.next_u64() % 14;
            let storage = CrashStorage::new(left, Cut::Operation(cut), random.next_u64());
            let opened = reopen(&storage).unwrap_or_else(|error| panic!("{history}: {error}"));
            state = opened_state(&opened, &states, state, &history);
            (state, _) = run(opened, &storage, &states, state);
            history += &format!(", cut {cut} operations later in state {state}");
            left = storage.into_survivors();
        }
        let opened = reopen(&left).unwrap_or_else(|error| panic!("{history}: {error}"));
        let state = opened_state(&opened, &states, state, &history);
        run(opened, &left, &states, state).1.unwrap();
        check_final(&left, &states, &history);
    }
}

/// A store that has gone through the first `flushes` of the workload.
fn store_after(states: &[Model], flushes: usize) -> MemoryStorage {
    let storage = MemoryStorage::new();
    let opened = reopen(&storage).unwrap();
    run(opened, &storage, &states[..=flushes], 0).1.unwrap();
    storage
}

/// Opens a damaged store: either all of `model` is there, or there is a clear error.
fn full_or_refused(storage: &MemoryStorage, model: &Model, what: &str) -> Option<OpenReport> {
    match reopen(storage) {
        Ok(opened) => {
            assert!(holds(&opened, model), "{what}: a wrong state, {:?}", opened.report);
            for (key, bytes) in &opened.indexes {
                // An index may be that of the manifest before, when the newest one is lost.
                assert_eq!(bytes.len(), model.indexes.get(key).map_or(100, Vec::len), "{what}");
            }
            Some(opened.report)
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{what}: {error}");
            assert!(error.to_string().contains('\''), "{what}: names no blob: {error}");
            None
        }
    }
}

/// The bits of a blob that are flipped: all of a short one and of the header of a long one, and
/// a sample of the rest, since a checksum of the payload sees every byte alike.
fn bits(len: usize) -> impl Iterator<Item = usize> {
    (0..len * 8).filter(|bit| bit / 8 < 96 || bit % 37 == 0)
}

#[test]
fn a_flipped_bit_anywhere_is_found() {
    let states = workload();
    for flushes in [1, 2, 3, 4, 7, 8, 9, 17, 18, 20, 21, 22, states.len() - 1] {
        let storage = store_after(&states, flushes);
        assert_eq!(image::verify(&storage).unwrap(), [], "{flushes} flushes");
        let image = reopen(&storage).unwrap().image;
        let retired: Vec<String> = image.retired().map(|name| name.to_string()).collect();
        for name in storage.names() {
            let whole = storage.read(&name).unwrap().unwrap();
            for bit in bits(whole.len()) {
                let mut bytes = whole.clone();
                bytes[bit / 8] ^= 1 << (bit % 8);
                storage.replace(&name, &bytes).unwrap();
                let what = format!("{flushes} flushes, bit {bit} of '{name}'");
                let report = full_or_refused(&storage, &states[flushes], &what);
                let silent = report.is_some_and(|report| report.is_clean());
                assert!(!silent || retired.contains(&name), "{what}: not found");
                if bit % 5 == 0 {
                    assert_ne!(image::verify(&storage).unwrap(), [], "{what}: not found");
                }
            }
            storage.replace(&name, &whole).unwrap();
        }
    }
}

#[test]
fn a_missing_or_cut_blob_anywhere_is_found() {
    let states = workload();
    for flushes in 1..states.len() {
        let storage = store_after(&states, flushes);
        for name in storage.names() {
            let whole = storage.read(&name).unwrap().unwrap();
            let what = format!("{flushes} flushes, without '{name}'");
            storage.remove(&name).unwrap();
            full_or_refused(&storage, &states[flushes], &what);
            for len in [0, 1, 79, 80, 81, whole.len() / 2, whole.len() - 1] {
                storage.replace(&name, &whole[..len.min(whole.len() - 1)]).unwrap();
                let what = format!("{flushes} flushes, '{name}' cut to {len}");
                full_or_refused(&storage, &states[flushes], &what);
            }
            storage.replace(&name, &whole).unwrap();
        }
    }
}

#[test]
fn a_lost_manifest_beside_a_damaged_blob_is_never_a_wrong_state() {
    let states = workload();
    for flushes in 1..states.len() {
        let storage = store_after(&states, flushes);
        for manifest in ["manifest-a", "manifest-b"] {
            let Some(lost) = storage.read(manifest).unwrap() else { continue };
            storage.replace(manifest, &lost[..lost.len() - 1]).unwrap();
            for name in storage.names() {
                let whole = storage.read(&name).unwrap().unwrap();
                let mut bytes = whole.clone();
                bytes[whole.len() / 2] ^= 4;
                storage.replace(&name, &bytes).unwrap();
                let what = format!("{flushes} flushes, '{manifest}' and '{name}' damaged");
                full_or_refused(&storage, &states[flushes], &what);
                storage.replace(&name, &whole).unwrap();
            }
            storage.replace(manifest, &lost).unwrap();
        }
    }
}

#[test]
fn a_store_goes_on_after_each_lost_manifest() {
    let states = workload();
    for flushes in 1..states.len() {
        for manifest in ["manifest-a", "manifest-b"] {
            let what = format!("'{manifest}' lost after {flushes} flushes");
            let storage = store_after(&states, flushes);
            let Some(lost) = storage.read(manifest).unwrap() else { continue };
            storage.replace(manifest, &lost[1..]).unwrap();
            let opened = reopen(&storage).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert!(holds(&opened, &states[flushes]), "{what}");
            assert!(!opened.report.damaged_manifests.is_empty(), "{what}");
            // The next flush repairs it; and it may be cut, and its manifest be lost again.
            for cut in 1..6 {
                let storage = CrashStorage::new(copy(&storage), Cut::Operation(cut), cut);
                let (state, _) = run(reopen(&storage).unwrap(), &storage, &states, flushes);
                let left = storage.into_survivors();
                let opened = reopen(&left).unwrap_or_else(|error| panic!("{what}: {error}"));
                opened_state(&opened, &states, state, &what);
            }
            let (_, outcome) = run(opened, &storage, &states, flushes);
            outcome.unwrap();
            if flushes + 1 < states.len() {
                check_final(&storage, &states, &what);
            }
        }
    }
}

#[test]
fn a_manifest_lost_twice_is_made_up_for_twice() {
    let states = workload();
    for flushes in 2..states.len() - 2 {
        let what = format!("after {flushes} flushes");
        let storage = store_after(&states, flushes);
        // Each time the manifest just written is damaged, so its flush is found by its blobs.
        for state in flushes..(flushes + 3).min(states.len() - 1) {
            let mut opened = reopen(&storage).unwrap_or_else(|e| panic!("{what}: {e}"));
            assert!(holds(&opened, &states[state]), "{what}, state {state}: {:?}", opened.report);
            flush(&mut opened.image, &storage, &states[state], &states[state + 1]).unwrap();
            let slot = if opened.image.generation() % 2 == 1 { "manifest-a" } else { "manifest-b" };
            let mut bytes = storage.read(slot).unwrap().unwrap();
            bytes[20] ^= 1;
            storage.replace(slot, &bytes).unwrap();
            let opened = reopen(&storage).unwrap_or_else(|e| panic!("{what}: {e}"));
            assert!(holds(&opened, &states[state + 1]), "{what}, {state}: {:?}", opened.report);
        }
    }
}

#[test]
fn recovering_goes_back_one_flush_and_says_so() {
    let states = workload();
    let mut recovered = 0;
    for flushes in 2..states.len() {
        let storage = store_after(&states, flushes);
        for name in storage.names() {
            let whole = storage.read(&name).unwrap().unwrap();
            storage.remove(&name).unwrap();
            let what = format!("{flushes} flushes, without '{name}'");
            let before = storage.names();
            if let Err(error) = reopen(&storage) {
                assert!(error.to_string().contains(&name), "{what}: {error}");
                assert_eq!(storage.names(), before, "opening changes nothing");
                let again =
                    open(&storage, OpenOptions::default().with_recover(true), StoreId([8; 16]));
                // More given up than one generation: the next test's business.
                if let Some(mut opened) =
                    again.ok().filter(|opened| opened.report.given_up.len() == 1)
                {
                    let back = if holds(&opened, &states[flushes]) { flushes } else { flushes - 1 };
                    assert!(holds(&opened, &states[back]), "{what}: {:?}", opened.report);
                    recovered += 1;
                    // Going on from there works, also when the next manifest is lost.
                    let copy = copy(&storage);
                    flush(&mut opened.image, &copy, &states[back], &states[flushes]).unwrap();
                    let generation = opened.image.generation();
                    let opened = reopen(&copy).unwrap();
                    assert!(holds(&opened, &states[flushes]), "{what}: after recovering");
                    let slot = if generation % 2 == 1 { "manifest-a" } else { "manifest-b" };
                    copy.remove(slot).unwrap();
                    full_or_refused(&copy, &states[flushes], &format!("{what}, then '{slot}'"));
                }
            }
            storage.replace(&name, &whole).unwrap();
        }
    }
    assert!(recovered > 10, "{recovered}");
}

#[test]
fn a_second_writer_is_noticed() {
    let states = workload();
    let storage = store_after(&states, 4);
    let mut one = reopen(&storage).unwrap();
    let mut two = reopen(&storage).unwrap();
    flush(&mut one.image, &storage, &states[4], &states[5]).unwrap();
    let before: Vec<_> = storage.names().iter().map(|n| storage.read(n).unwrap()).collect();
    let error = flush(&mut two.image, &storage, &states[4], &states[6]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    let after: Vec<_> = storage.names().iter().map(|n| storage.read(n).unwrap()).collect();
    assert_eq!(before, after, "the second writer changed something");
    let error = flush(&mut two.image, &storage, &states[4], &states[6]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Poisoned, "{error}");
    flush(&mut one.image, &storage, &states[5], &states[6]).unwrap();
}

#[test]
fn a_small_flush_on_a_large_image_is_small() {
    let storage = CrashStorage::new(MemoryStorage::new(), Cut::Never, 0);
    let mut image = reopen(&storage).unwrap().image;
    let database: Vec<u8> = (0..50u32 << 20).map(|i| i.to_le_bytes()[1]).collect();
    let mut random = Random::new(3);
    let mut log = WalWriter::new(4096, *b"saltsalt");
    let first = FlushInput { database: Some(&database), ..FlushInput::default() };
    image.flush(&storage, &first).unwrap();
    let mut sizes = Vec::new();
    let mut tails_max = 0;
    for _ in 0..1_000 {
        // A row in a table with an index and a change log: three pages.
        log.commit(3, &mut random);
        let input = FlushInput { wal: log.bytes(), ..FlushInput::default() };
        sizes.push(image.flush(&storage, &input).unwrap().unwrap().bytes);
        tails_max = tails_max.max(image.tails().len());
        assert!(!image.wants_checkpoint(database.len() as u64));
    }
    let total: u64 = sizes.iter().sum();
    sizes.sort_unstable();
    let under = sizes.iter().filter(|size| **size < 64 << 10).count();
    println!(
        "1,000 flushes of 3 pages: p50 {} p90 {} p99 {} max {} mean {} bytes, {under} under \
         64 KiB, at most {tails_max} pieces, {} bytes of WAL",
        sizes[499],
        sizes[899],
        sizes[989],
        sizes[999],
        total / 1000,
        log.bytes().len()
    );
    assert!(under >= 930, "only {under} of 1,000 flushes are under 64 KiB");
    assert!(total < 4 * log.bytes().len() as u64, "{total} bytes written");
    assert!(tails_max <= 45, "{tails_max} pieces");
}

#[test]
fn recovering_without_a_whole_state_keeps_the_beginning() {
    let states = workload();
    let mut recovered = 0;
    for flushes in 3..states.len() {
        let storage = store_after(&states, flushes);
        let opened = reopen(&storage).unwrap();
        let shared = opened.image.generation() - 1;
        let tails = opened.image.tails();
        let Some(tail) = tails.iter().rfind(|tail| tail.generation < shared) else { continue };
        // Without a piece of WAL that both manifests name, neither state is whole.
        let name = format!("wal-{}-{}", opened.image.epoch(), tail.generation);
        storage.remove(&name).unwrap();
        let options = OpenOptions::default().with_recover(true);
        let mut opened = open(&storage, options, StoreId([8; 16])).unwrap();
        let what = format!("{flushes} flushes, without '{name}'");
        let report = &opened.report;
        assert!(!report.given_up.is_empty() && report.given_up[0].contains(&name), "{what}");
        assert_eq!(opened.database.as_ref(), Some(&states[flushes].database), "{what}");
        assert!(states[flushes].wal.starts_with(&opened.wal), "{what}");
        assert_eq!(wal::scan(&opened.wal).tail, wal::WalTail::Nothing, "{what}: cut in a commit");
        assert!(opened.indexes.is_empty(), "{what}: an index ahead of its data");
        recovered += 1;
        flush(&mut opened.image, &storage, &Model::default(), &states[flushes]).unwrap();
        let opened = reopen(&storage).unwrap();
        assert!(holds(&opened, &states[flushes]) && opened.report.is_clean(), "{what}");
    }
    assert!(recovered > 10, "{recovered}");
}
