use serde_json::{Value, json};

use super::*;
use crate::error::ErrorKind;
use crate::testing::test;
use crate::vector::filter::Filter;
use crate::vector::metadata::Metadata;

fn attributes(rows: &[Value]) -> Attributes {
    let mut attributes = Attributes::default();
    rows.iter().for_each(|row| attributes.push(&Metadata::from_value(row).unwrap()));
    attributes
}

/// Of everything something, and numbers that are free.
fn some() -> (Vec<u8>, usize) {
    let mut rows = vec![json!({"k": 1, "gone": 1}); 18];
    for n in 0..3 {
        rows.push(json!({
            "text": "text", "n": n * 100, "tags": [1, n, [1.5], {"inner": "\u{e9}"}], "tenth": 0.1
        }));
    }
    rows.push((0..34).map(|n| (format!("w{n}"), json!(n))).collect());
    rows.push(json!({"long": "x".repeat(130), "tags": [1, "y"]}));
    rows.push(json!({}));
    let mut attributes = attributes(&rows);
    for slot in 0..18 {
        let tags = Metadata::from_value(&json!({"k": 1, "tags": [1, 2]})).unwrap();
        attributes.set(slot, &if slot == 9 { Metadata::new() } else { tags });
    }
    (0..6).rev().for_each(|slot| attributes.swap_remove(slot));
    assert!(attributes.columns.keys.get(0).is_none());
    assert!(attributes.columns.terms.get(0).is_none());
    let mut bytes = Vec::new();
    attributes.encode(&mut bytes);
    (bytes, attributes.len())
}

/// Everything that reads the rows; what is not damage must not make it panic.
fn use_all(mut attributes: Attributes) {
    let filter = Filter::from_json(
        r#"{"$or": [{"n": {"$gte": 100}}, {"tags": [1]}, {"tags": {"$in": ["y", 5]}},
            {"w25": 25}, {"w17": {"$ne": 3}, "long": {"$gt": "x"}, "k": {"$exists": true}}]}"#,
    )
    .unwrap();
    attributes.select(&filter, usize::MAX);
    let slots = u32::try_from(attributes.len()).unwrap();
    for slot in 0..slots {
        let metadata = attributes.get(slot);
        assert_eq!(attributes.matches(slot, &filter), filter.matches(&metadata));
        assert!(metadata.check_size().is_ok());
    }
    attributes.set(0, &Metadata::from_json(r#"{"k": 1, "n": 100}"#).unwrap());
    let mut bytes = Vec::new();
    attributes.encode(&mut bytes);
    assert!(Attributes::decode(&bytes, slots as usize).is_ok());
    (0..slots).for_each(|n| attributes.swap_remove(n % (slots - n)));
    assert_eq!((attributes.columns.keys.end(), attributes.columns.terms.end()), (0, 0));
}

#[test]
fn damage_is_refused_or_harmless() {
    let (bytes, slots) = some();
    use_all(Attributes::decode(&bytes, slots).unwrap());
    let mut refused = 0;
    for at in 0..bytes.len() {
        let error = Attributes::decode(&bytes[..at], slots).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "cut at {at}");
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            match Attributes::decode(&damaged, slots) {
                Ok(attributes) => use_all(attributes),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Corrupt, "bit {bit} of byte {at}");
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > bytes.len() * 3, "{refused} of {}", bytes.len() * 8);
    for slots in [0, slots - 1, slots + 1, usize::MAX] {
        assert_eq!(Attributes::decode(&bytes, slots).unwrap_err().kind(), ErrorKind::Corrupt);
    }
    let mut longer = bytes;
    longer.push(0);
    assert_eq!(Attributes::decode(&longer, slots).unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(Attributes::decode(&[0, 0], 0).unwrap().len(), 0);
}

/// The bytes as they are: a change here is a change of format.
#[test]
fn the_bytes_are_these() {
    let mut attributes = attributes(&[json!({"k": 3, "l": "x"}), json!({})]);
    let mut bytes = vec![9];
    attributes.encode(&mut bytes);
    assert_eq!(bytes, [9, 2, 2, b'k', 2, b'l', 0, 5, 2, 0x83, 4, 0x41, b'x', 0]);
    (0..20).for_each(|_| attributes.push(&Metadata::from_json(r#"{"l": "x"}"#).unwrap()));
    bytes.clear();
    attributes.encode(&mut bytes);
    let mut expected = vec![2, 2, b'k', 2, b'l', 1, 2, 0x41, b'x', 5, 2, 0x83, 4, 0x41, b'x', 0];
    (0..14).for_each(|_| expected.extend([3, 4, 0x41, b'x']));
    (0..6).for_each(|_| expected.extend([1, 1]));
    assert_eq!(bytes, expected);
}

#[test]
fn forged_contents_are_refused() {
    // Keys "a", "b"; no terms; one row.
    let rows = |rows: &[&[u8]]| {
        let mut bytes = vec![2, 2, b'a', 2, b'b', 0];
        for row in rows {
            write_varint(&mut bytes, row.len() as u64);
            bytes.extend_from_slice(row);
        }
        Attributes::decode(&bytes, rows.len()).map_err(|error| error.to_string())
    };
    let both = [2, 0x81, 4, 0x82];
    assert!(rows(&[&both]).is_ok());
    for (row, what) in [
        (&[2, 0x81][..], "a key that no row has"),
        (&[2, 0x81, 4], "a member without a value"),
        (&[4, 0x81, 2, 0x82], "keys out of order"),
        (&[2, 0x81, 2, 0x81, 4, 0x82], "a key twice"),
        (&[2, 0x81, 4, 0x82, 6, 0x83], "a third key"),
        (&[2, 0x81, 4, 0x82, 1], "a term"),
        (&[0, 0, 2, 0x81, 4, 0x82], "a directory of nothing"),
        (&[2, 0x81, 4, 0x42, 0xff, 0xff], "a text that is not UTF-8"),
        (&[2, 0x81, 4, 3, 0, 0, 0, 0, 0, 0, 0xf0, 0x7f], "an infinite float"),
        (&[2, 0x81, 4, 4, 0, 0, 0xc0, 0x7f], "a float that is no number"),
        (&[2, 0x81, 4, 0x09], "a value of no type"),
        (&[2, 0x81, 4, 0x20], "a term as a value"),
        (&[2, 0x81, 4, 6, 1, 0x20], "a term that is not there"),
        (&[2, 0x81, 4, 7, 2, 1, 0x20], "a term in an object"),
        (&[2, 0x81, 4, 7, 4, 4, 0x81, 2, 0x81], "inner keys out of order"),
        (&[2, 0x81, 4, 6, 9, 0x81], "an array longer than the row"),
    ] {
        let error = rows(&[row]).expect_err(what);
        assert!(error.contains("damaged in"), "{what}: {error}");
    }
    assert!(rows(&[&both, &[]]).is_ok());
    // As deep as allowed, and one deeper.
    let deep = |arrays: usize| {
        let mut value = vec![0x81];
        for _ in 0..arrays {
            let mut outer = vec![6];
            write_varint(&mut outer, value.len() as u64);
            outer.append(&mut value);
            value = outer;
        }
        [&[2, 0x81, 4][..], &value].concat()
    };
    assert!(rows(&[&deep(Metadata::DEPTH_MAX - 1)]).is_ok());
    assert!(rows(&[&deep(Metadata::DEPTH_MAX)]).is_err());
    assert!(rows(&[&deep(3_000)]).is_err());
    // Longer than metadata may be.
    let long = |len: u64| {
        let mut row = vec![2, 0x81, 4, 5];
        write_varint(&mut row, len);
        row.resize(row.len() + usize::try_from(len).unwrap(), b'x');
        row
    };
    let least = r#"{"a":1,"b":""}"#.len() as u64;
    assert!(rows(&[&long(Metadata::JSON_BYTES_MAX as u64 - least)]).is_ok());
    assert!(rows(&[&long(Metadata::JSON_BYTES_MAX as u64 - least + 1)]).is_err());
}

#[test]
fn forged_terms_and_keys_are_refused() {
    let decode = |bytes: &[u8]| Attributes::decode(bytes, 1);
    // A key "a", a term of it with the value 1, and a row with the term.
    assert!(decode(&[1, 2, b'a', 1, 1, 0x81, 1, 1]).is_ok());
    assert!(decode(&[1, 2, b'a', 1, 1, 0x81, 4, 2, 6, 1, 0x20]).is_ok());
    for (bytes, what) in [
        (&[1, 2, b'a', 1, 1, 0x81, 2, 2, 0x81][..], "a term without a row"),
        (&[1, 2, b'a', 2, 1, 0x81, 1, 0x81, 2, 1, 3], "a key twice in a row, by two terms"),
        (&[1, 2, b'a', 1, 2, 0x81, 1, 1], "a term of no key"),
        (&[1, 2, b'a', 1, 1, 6, 0, 1, 1], "a term that is an array"),
        (&[1, 2, b'a', 1, 1, 0x20, 1, 1], "a term that is a term"),
        (&[1, 2, b'a', 2, 1, 0x81, 0, 1, 1], "a free number at the end of the terms"),
        (&[2, 2, b'a', 0, 1, 1, 0x81, 1, 1], "a free number at the end of the keys"),
        (&[2, 2, b'a', 2, b'a', 1, 1, 0x81, 1, 1], "a key twice"),
        (&[1, 2, 0xff, 1, 1, 0x81, 1, 1], "a key that is not UTF-8"),
        (&[1, 2, b'a', 1, 1, 4, 0, 0, 0x80, 0x7f, 1, 1], "an infinite term"),
        (&[0xff, 0xff, 0xff, 0xff, 0x0f, 2, b'a'], "four thousand million keys"),
    ] {
        assert_eq!(decode(bytes).expect_err(what).kind(), ErrorKind::Corrupt, "{what}");
    }
    let two = [1, 2, b'a', 2, 1, 0x81, 1, 0x81, 1, 1, 1, 3];
    let error = Attributes::decode(&two, 2).unwrap_err();
    assert!(error.to_string().contains("a term that is there twice"), "{error}");
    // Free numbers in between are kept.
    let gap = [2, 0, 2, b'a', 2, 0, 2, 0x81, 1, 3];
    let attributes = Attributes::decode(&gap, 1).unwrap();
    let mut bytes = Vec::new();
    attributes.encode(&mut bytes);
    assert_eq!(bytes, gap);
    // A term of a key is none in an array of another one.
    let other = [2, 2, b'a', 2, b'b', 1, 1, 0x81, 6, 2, 6, 1, 0x20, 4, 0x81];
    assert!(decode(&other).is_ok());
    let other = [2, 2, b'a', 2, b'b', 1, 2, 0x81, 6, 2, 6, 1, 0x20, 4, 0x81];
    assert!(decode(&other).is_err());
}
