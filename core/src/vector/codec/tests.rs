use super::*;
use crate::testing::test;

fn small() -> VectorIndex {
    let mut index = VectorIndex::new(3, Metric::L2).unwrap();
    let metadata = Metadata::from_json(r#"{"a": [1, null, {"b": -2.5}], "t": "x"}"#).unwrap();
    index.add("one", &[1.0, -0.0, 1e-45], metadata).unwrap();
    index.add("two", &[f32::MAX, f32::MIN, 0.5], Metadata::new()).unwrap();
    index
}

fn contents(index: &VectorIndex) -> Vec<(String, Vec<u32>, String, u64)> {
    index
        .iter()
        .zip(&index.squared_norms)
        .map(|(entry, norm)| {
            let bits = entry.vector.iter().map(|x| x.to_bits()).collect();
            (entry.id.to_owned(), bits, entry.metadata.to_json(), norm.to_bits())
        })
        .collect()
}

fn kind(bytes: &[u8]) -> ErrorKind {
    VectorIndex::from_bytes(bytes).unwrap_err().kind()
}

#[test]
fn everything_comes_back_and_the_bytes_are_stable() {
    let mark = SnapshotMark { watermark: 1 << 40, store: *b"0123456789abcdef", collection: 7 };
    let index = small();
    let bytes = index.to_bytes_marked(&mark).unwrap();
    let (back, read) = VectorIndex::from_bytes_marked(&bytes).unwrap();
    assert_eq!((read, back.metric(), back.dimensions()), (mark, Metric::L2, 3));
    assert_eq!(contents(&back), contents(&index));
    assert_eq!(back.to_bytes_marked(&mark).unwrap(), bytes);
    assert_eq!(SnapshotMark::from_snapshot(&bytes).unwrap(), mark);
    let (_, none) = VectorIndex::from_bytes_marked(&index.to_bytes().unwrap()).unwrap();
    assert_eq!(none, SnapshotMark::default());
    for metric in Metric::ALL {
        let empty = VectorIndex::new(65_536, *metric).unwrap();
        let back = VectorIndex::from_bytes(&empty.to_bytes().unwrap()).unwrap();
        assert_eq!((back.len(), back.dimensions(), back.metric()), (0, 65_536, *metric));
    }
}

/// The bytes of version 1 as they were first released: a change here is a change of format.
#[test]
fn the_bytes_of_version_1_are_these() {
    let mut index = VectorIndex::new(1, Metric::Dot).unwrap();
    index.add("a", &[1.5], Metadata::from_json(r#"{"k": 3}"#).unwrap()).unwrap();
    let mark = SnapshotMark { watermark: 5, store: [9; 16], collection: 300 };
    let bytes = index.to_bytes_marked(&mark).unwrap();
    assert_eq!(&bytes[..12], b"SIGILVIX\x01\0\0\0");
    assert_eq!(bytes[12..20], 33_u64.to_le_bytes());
    let mut payload = vec![3, 1, 1, 5];
    payload.extend([9; 16]);
    payload.extend([0xac, 0x02]);
    payload.extend([1, b'a', 1, 1, b'k', 2, 6]);
    payload.extend([0, 0, 0xc0, 0x3f]);
    assert_eq!(bytes[36..], payload);
    assert_eq!(bytes[20..28], XxHash3_64::oneshot(&payload).to_le_bytes());
    assert_eq!(bytes[28..36], XxHash3_64::oneshot(&bytes[..28]).to_le_bytes());
}

#[test]
fn each_flipped_bit_and_each_truncation_is_found() {
    let bytes = small().to_bytes().unwrap();
    for at in 0..bytes.len() {
        assert_eq!(kind(&bytes[..at]), ErrorKind::Corrupt, "cut at {at}");
        assert!(SnapshotMark::from_snapshot(&bytes[..at]).is_err(), "cut at {at}");
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            assert_eq!(kind(&damaged), ErrorKind::Corrupt, "bit {bit} of byte {at}");
        }
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert_eq!(kind(&longer), ErrorKind::Corrupt);
    assert_eq!(kind(&[bytes.clone(), bytes].concat()), ErrorKind::Corrupt);
    assert_eq!(kind(b""), ErrorKind::Corrupt);
}

#[test]
fn a_newer_format_is_told_from_damage() {
    let mut bytes = small().to_bytes().unwrap();
    bytes[8..10].copy_from_slice(&2_u16.to_le_bytes());
    assert_eq!(kind(&bytes), ErrorKind::Corrupt);
    let checksum = XxHash3_64::oneshot(&bytes[..28]);
    bytes[28..36].copy_from_slice(&checksum.to_le_bytes());
    assert_eq!(kind(&bytes), ErrorKind::NewerFormat);
    assert_eq!(SnapshotMark::from_snapshot(&bytes).unwrap_err().kind(), ErrorKind::NewerFormat);
    let error = VectorIndex::from_bytes(&bytes).unwrap_err();
    assert!(error.to_string().contains("format 2, and this release reads up to 1"), "{error}");
}

/// A snapshot around this payload whose checksums hold.
fn forged(head: &Head, rest: &[u8]) -> Vec<u8> {
    let mut bytes = append(head, vec![0; HEADER_BYTES]).unwrap();
    bytes.extend_from_slice(rest);
    seal(&mut bytes);
    bytes
}

#[test]
fn forged_contents_are_refused() {
    let head = |dimensions, count| Head {
        metric: Metric::Dot,
        dimensions,
        count,
        mark: SnapshotMark::default(),
    };
    let row = |id: &str, x: f32| {
        let mut bytes = append(&(id, Metadata::new()), Vec::new()).unwrap();
        bytes.extend(x.to_le_bytes());
        bytes
    };
    assert!(VectorIndex::from_bytes(&forged(&head(1, 1), &row("a", 1.0))).is_ok());
    let two = [1, b'a', 0, 1, b'b', 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert!(VectorIndex::from_bytes(&forged(&head(1, 2), &two)).is_ok());
    let twice = [1, b'a', 0, 1, b'a', 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let cases = [
        forged(&head(0, 0), b""),
        forged(&head(65_537, 0), b""),
        forged(&head(u32::MAX, u32::MAX), &row("a", 1.0)),
        forged(&head(65_536, u32::MAX), &row("a", 1.0)),
        forged(&head(1, 2), &row("a", 1.0)),
        forged(&head(1, 0), &row("a", 1.0)),
        forged(&head(1, 1), &row("a", f32::NAN)),
        forged(&head(1, 1), &row("a", f32::INFINITY)),
        forged(&head(1, 1), &row("", 1.0)),
        forged(&head(1, 1), &row("\0", 1.0)),
        forged(&head(1, 1), &row(&"x".repeat(513), 1.0)),
        forged(&head(1, 2), &twice),
        forged(&head(1, 1), &[1, 0xff, 0, 0, 0, 0, 0]),
        forged(&head(1, 1), &[0xff; 40]),
    ];
    for (case, bytes) in cases.iter().enumerate() {
        assert_eq!(kind(bytes), ErrorKind::Corrupt, "case {case}");
    }
}
