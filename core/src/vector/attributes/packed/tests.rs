use super::*;
use crate::testing::test;

fn read(bytes: &[u8]) -> Packed<'_> {
    let mut reader = Reader::new(bytes);
    let value = reader.value().unwrap();
    assert!(reader.is_at_end(), "{bytes:?}");
    value
}

#[test]
fn scalars_come_back_as_they_were_in_few_bytes() {
    let long = [b'x'; 300];
    let mut out = Vec::new();
    for (value, len) in [
        (Packed::Null, 1),
        (Packed::Bool(false), 1),
        (Packed::Bool(true), 1),
        (Packed::Int(0), 1),
        (Packed::Int(127), 1),
        (Packed::Int(128), 3),
        (Packed::Int(-1), 2),
        (Packed::Int(-128), 2),
        (Packed::Int(-129), 3),
        (Packed::Int(32_767), 3),
        (Packed::Int(1_700_000_000), 5),
        (Packed::Int(i64::MAX), 9),
        (Packed::Int(i64::MIN), 9),
        (Packed::Float(0.5), 5),
        (Packed::Float(0.1), 9),
        (Packed::Float(-1e300), 9),
        (Packed::Text(b""), 1),
        (Packed::Text(b"noun"), 5),
        (Packed::Text(&long[..63]), 64),
        (Packed::Text(&long[..64]), 66),
        (Packed::Text(&long), 303),
        (Packed::Term(31), 1),
        (Packed::Term(32), 2),
        (Packed::Term(u32::MAX), 6),
    ] {
        out.clear();
        write_scalar(&mut out, value);
        assert_eq!((read(&out), out.len()), (value, len));
        for cut in 0..out.len() {
            assert_eq!(Reader::new(&out[..cut]).value(), None, "{value:?} cut at {cut}");
        }
    }
    for float in [0.0, -0.0, f64::MIN_POSITIVE, 1e-40, f64::MAX, f64::from(f32::MAX)] {
        out.clear();
        write_scalar(&mut out, Packed::Float(float));
        let Packed::Float(back) = read(&out) else { panic!("{float} is no float any more") };
        assert_eq!(back.to_bits(), float.to_bits());
    }
}

#[test]
fn varints_and_heads_come_back() {
    for value in [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
        let mut out = Vec::new();
        write_varint(&mut out, value);
        assert_eq!(Reader::new(&out).varint(), Some(value));
    }
    for head in [Head::Key(0), Head::Key(u32::MAX - 1), Head::Term(0), Head::Term(u32::MAX)] {
        let mut out = Vec::new();
        write_head(&mut out, head);
        assert_eq!(Reader::new(&out).head(), Some(head));
    }
    assert_eq!(Reader::new(&[0]).head(), None);
    assert_eq!(Reader::new(&[0xff; 9]).varint(), None);
    let mut over = [0xff; 10];
    over[9] = 2;
    assert_eq!(Reader::new(&over).varint(), None);
    assert_eq!(Reader::new(&[0x80; 11]).varint(), None);
}

#[test]
fn a_wide_row_is_entered_near_each_member() {
    for members in [0, 1, 32, 33, 48, 49, 1_000] {
        let mut row = Vec::new();
        let directory = DirectoryWriter::start(&mut row, members);
        for index in 0..members {
            directory.member(&mut row, index);
            write_head(&mut row, Head::Key(u32::try_from(index).unwrap() * 2));
            write_scalar(&mut row, Packed::Text(&b"some text"[..index % 10]));
        }
        assert_eq!(Directory::split(&row).is_some(), members > WIDE_FROM);
        let mut reader = Reader::members(&row);
        for index in 0..u32::try_from(members).unwrap() {
            assert_eq!(reader.head(), Some(Head::Key(index * 2)), "of {members}");
            reader.value().unwrap();
            let Some((directory, _)) = Directory::split(&row) else { continue };
            for wanted in [index * 2, index * 2 + 1] {
                let mut near = directory.seek(|mut at| match at.head() {
                    Some(Head::Key(number)) => number <= wanted,
                    _ => false,
                });
                let mut steps = 1;
                while near.head() != Some(Head::Key(index * 2)) {
                    near.value().unwrap();
                    steps += 1;
                }
                assert!(steps <= WIDE_STEP, "{steps} steps to {index} of {members}");
            }
        }
        assert!(reader.is_at_end());
    }
}
