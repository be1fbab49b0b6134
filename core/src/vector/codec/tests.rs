use super::*;
use crate::testing::test;
use crate::vector::Metadata;

fn small() -> VectorIndex {
    let mut index = VectorIndex::new(3, Metric::L2).unwrap();
    let metadata = Metadata::from_json(r#"{"a": [1, null, {"b": -2.5}], "t": "x"}"#).unwrap();
    index.add("one", &[1.0, -0.0, 1e-45], metadata).unwrap();
    index.add("two", &[f32::MAX, f32::MIN, 0.5], Metadata::new()).unwrap();
    index
}

fn contents(index: &VectorIndex) -> Vec<(String, Vec<u32>, String)> {
    index
        .iter()
        .map(|entry| {
            let bits = entry.vector.iter().map(|x| x.to_bits()).collect();
            (entry.id.to_owned(), bits, entry.metadata.to_json())
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

fn one() -> (VectorIndex, SnapshotMark) {
    let mut index = VectorIndex::new(1, Metric::Dot).unwrap();
    index.add("a", &[1.5], Metadata::from_json(r#"{"k": 3}"#).unwrap()).unwrap();
    (index, SnapshotMark { watermark: 5, store: [9; 16], collection: 300 })
}

/// A header as every version has it, before a body.
fn headed(version: u16, checked: &[u8], body: &[u8]) -> Vec<u8> {
    let mut bytes = b"SIGILVIX".to_vec();
    bytes.extend(version.to_le_bytes());
    bytes.extend([0, 0]);
    bytes.extend((body.len() as u64).to_le_bytes());
    bytes.extend(XxHash3_64::oneshot(checked).to_le_bytes());
    bytes.extend(XxHash3_64::oneshot(&bytes).to_le_bytes());
    bytes.extend(body);
    bytes
}

/// A snapshot of these sections whose checksums hold.
fn forged(sections: [&[u8]; SECTIONS]) -> Vec<u8> {
    let mut table = Vec::new();
    for section in sections {
        table.extend((section.len() as u64).to_le_bytes());
        table.extend(XxHash3_64::oneshot(section).to_le_bytes());
    }
    headed(2, &table, &[&table[..], &sections.concat()].concat())
}

/// The bytes of version 2 as they were first released: a change here is a change of format.
#[test]
fn the_bytes_of_version_2_are_these() {
    let (index, mark) = one();
    let bytes = index.to_bytes_marked(&mark).unwrap();
    let mut head = vec![3, 1, 1, 1, 5];
    head.extend([9; 16]);
    head.extend([0xac, 0x02]);
    let mut attributes = Vec::new();
    index.attributes.encode(&mut attributes);
    let expected = forged([&head, &[1, 0, b'a'], &attributes, &[0, 0, 0xc0, 0x3f], &[]]);
    assert_eq!(bytes, expected);
}

/// Snapshots of the first release open for ever.
#[test]
fn version_1_is_read() {
    let (index, mark) = one();
    let mut payload = vec![3, 1, 1, 5];
    payload.extend([9; 16]);
    payload.extend([0xac, 0x02]);
    payload.extend([1, b'a', 1, 1, b'k', 2, 6]);
    payload.extend([0, 0, 0xc0, 0x3f]);
    let bytes = headed(1, &payload, &payload);
    let (back, read) = VectorIndex::from_bytes_marked(&bytes).unwrap();
    assert_eq!((contents(&back), read), (contents(&index), mark));
    assert_eq!(SnapshotMark::from_snapshot(&bytes).unwrap(), mark);
    for at in 0..bytes.len() {
        assert_eq!(kind(&bytes[..at]), ErrorKind::Corrupt, "cut at {at}");
    }
    let forged = |rest: &[u8]| {
        let payload = [&payload[..22], rest].concat();
        kind(&headed(1, &payload, &payload))
    };
    for rest in [
        &[1, b'a', 0, 0, 0, 0xc0, 0x7f][..],
        &[0, 0, 0, 0, 0, 0],
        &[1, 0xff, 0, 0, 0, 0, 0],
        &[1, b'a', 0, 0, 0, 0, 0, 0],
        &[1, b'a', 0, 0, 0],
    ] {
        assert_eq!(forged(rest), ErrorKind::Corrupt, "{rest:?}");
    }
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
    bytes[8..10].copy_from_slice(&3_u16.to_le_bytes());
    assert_eq!(kind(&bytes), ErrorKind::Corrupt);
    let checksum = XxHash3_64::oneshot(&bytes[..28]);
    bytes[28..36].copy_from_slice(&checksum.to_le_bytes());
    assert_eq!(kind(&bytes), ErrorKind::NewerFormat);
    assert_eq!(SnapshotMark::from_snapshot(&bytes).unwrap_err().kind(), ErrorKind::NewerFormat);
    let error = VectorIndex::from_bytes(&bytes).unwrap_err();
    assert!(error.to_string().contains("format 3, and this release reads up to 2"), "{error}");
}

#[test]
fn forged_contents_are_refused() {
    let head = |dimensions, count| {
        let mark = SnapshotMark::default();
        let precision = Precision::F32;
        let head = Head { metric: Metric::Dot, precision, dimensions, count, mark };
        postcard::to_allocvec(&head).unwrap()
    };
    let attributes = |count| {
        let mut attributes = Attributes::default();
        (0..count).for_each(|_| attributes.push(&Metadata::new()));
        let mut bytes = Vec::new();
        attributes.encode(&mut bytes);
        bytes
    };
    let one = 1.0_f32.to_le_bytes();
    let (ones, none, two) = (attributes(1), attributes(0), attributes(2));
    let whole: [&[u8]; SECTIONS] = [&head(1, 1), &[1, 0, b'a'], &ones, &one, &[]];
    assert!(VectorIndex::from_bytes(&forged(whole)).is_ok());
    let pair: [&[u8]; SECTIONS] = [&head(1, 2), &[1, 0, 1, 0, b'a', b'b'], &two, &[0; 8], &[]];
    assert!(VectorIndex::from_bytes(&forged(pair)).is_ok());
    let long_id = [&513_u16.to_le_bytes()[..], &[b'x'; 513]].concat();
    let cases: [(usize, &[u8]); 16] = [
        (0, &head(0, 0)),
        (0, &head(65_537, 0)),
        (0, &head(u32::MAX, u32::MAX)),
        (0, &head(65_536, u32::MAX)),
        (0, &head(1, 2)),
        (0, &head(1, 0)),
        (0, &[&head(1, 1)[..], &[0]].concat()),
        (1, &[0, 0]),
        (1, &[1, 0, 0]),
        (1, &long_id),
        (1, &[1, 0, 0xff]),
        (1, &[2, 0, b'a']),
        (1, &[1, 0, b'a', b'b']),
        (2, &none),
        (3, &f32::NAN.to_le_bytes()),
        (3, &f32::INFINITY.to_le_bytes()),
    ];
    for (section, bytes) in cases {
        let mut sections = whole;
        sections[section] = bytes;
        assert_eq!(kind(&forged(sections)), ErrorKind::Corrupt, "section {section}: {bytes:?}");
    }
    let mut twice = pair;
    twice[1] = &[1, 0, 1, 0, b'a', b'a'];
    assert_eq!(kind(&forged(twice)), ErrorKind::Corrupt);
}
