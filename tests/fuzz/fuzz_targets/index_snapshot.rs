//! Any bytes as an index snapshot: refused as damage or newer, or an index that works.
//!
//! Checksums would keep the fuzzer from ever reaching what they cover, so every input is tried in
//! three ways: as it is, as the payload of version 1, and as the sections of version 2, behind
//! headers whose checksums hold.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sigil_core::{ErrorKind, SearchOptions, SnapshotMark, VectorIndex};
use twox_hash::XxHash3_64;

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    check(&headed(1, bytes, bytes));
    if let Some(sections) = sections(bytes) {
        check(&sections);
    }
});

/// A header before a body, of which some is under its checksum.
fn headed(version: u8, checked: &[u8], body: &[u8]) -> Vec<u8> {
    let mut bytes = b"SIGILVIX".to_vec();
    bytes.extend([version, 0, 0, 0]);
    bytes.extend((body.len() as u64).to_le_bytes());
    bytes.extend(XxHash3_64::oneshot(checked).to_le_bytes());
    bytes.extend(XxHash3_64::oneshot(&bytes).to_le_bytes());
    bytes.extend(body);
    bytes
}

/// Version 2, from the lengths of its sections but the last, 16 bits each, and the sections.
fn sections(bytes: &[u8]) -> Option<Vec<u8>> {
    let (lengths, mut rest) = bytes.split_at_checked(8)?;
    let mut table = Vec::new();
    let mut body = Vec::new();
    let lengths =
        lengths.chunks(2).map(|length| usize::from(u16::from_le_bytes([length[0], length[1]])));
    for length in lengths.chain([usize::MAX]) {
        let (section, after) = rest.split_at(length.min(rest.len()));
        table.extend((section.len() as u64).to_le_bytes());
        table.extend(XxHash3_64::oneshot(section).to_le_bytes());
        body.extend(section);
        rest = after;
    }
    Some(headed(2, &table, &[&table[..], &body].concat()))
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
