//! Any bytes as an index snapshot: refused as damage or newer, or an index that works.
//!
//! Checksums would keep the fuzzer from ever reaching the payload, so every input is tried twice:
//! as it is, and as the payload of a header whose checksums hold.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sigil_core::{ErrorKind, SearchOptions, SnapshotMark, VectorIndex};
use twox_hash::XxHash3_64;

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    check(&sealed(bytes));
});

/// `payload` behind a header of version 1.
fn sealed(payload: &[u8]) -> Vec<u8> {
    let mut bytes = b"SIGILVIX\x01\0\0\0".to_vec();
    bytes.extend((payload.len() as u64).to_le_bytes());
    bytes.extend(XxHash3_64::oneshot(payload).to_le_bytes());
    bytes.extend(XxHash3_64::oneshot(&bytes).to_le_bytes());
    bytes.extend(payload);
    bytes
}

fn check(bytes: &[u8]) {
    let (mut index, mark) = match VectorIndex::from_bytes_marked(bytes) {
        Ok(read) => read,
        Err(error) => {
            assert!(
                matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::NewerFormat),
                "{error:?}"
            );
            return;
        }
    };
    assert_eq!(SnapshotMark::from_snapshot(bytes).expect("the mark is there"), mark);

    // What was read is written and read again without a change.
    let written = index.to_bytes_marked(&mark).expect("an index can be written");
    let (again, mark_again) = VectorIndex::from_bytes_marked(&written).expect("and read again");
    assert_eq!(mark_again, mark);
    assert_eq!((again.metric(), again.dimensions()), (index.metric(), index.dimensions()));
    assert!(again.iter().eq(index.iter()));
    assert_eq!(again.to_bytes_marked(&mark).expect("as before"), written);

    // And it is a working index.
    let query = vec![0.5; index.dimensions()];
    let hits = index.search(&query, usize::MAX, &SearchOptions::default()).expect("a search");
    assert_eq!(hits.len(), index.len());
    assert!(hits.iter().all(|hit| !hit.distance.is_nan() && index.get(&hit.id).is_some()));
    let ids: Vec<String> = index.iter().map(|entry| entry.id.to_owned()).collect();
    for id in &ids {
        assert!(index.remove(id), "{id:?}");
    }
    assert!(index.is_empty());
}
