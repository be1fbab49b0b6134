use super::*;
use crate::testing::test;

fn nested(depth: usize) -> String {
    // The object itself is one level.
    format!("{{\"a\":{}1{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1))
}

#[test]
fn json_goes_through_unchanged_and_sorted() {
    let text = r#"{"b":[1,-2,3.5,true,null,"x\n\u0001"],"a":{"z":1.0,"y":{}},"":9223372036854775807,"c":1e300}"#;
    let metadata = Metadata::from_json(text).unwrap();
    let sorted = r#"{"":9223372036854775807,"a":{"y":{},"z":1.0},"b":[1,-2,3.5,true,null,"x\n\u0001"],"c":1e+300}"#;
    assert_eq!(metadata.to_json(), sorted);
    assert_eq!(Metadata::from_json(sorted).unwrap(), metadata);
    assert_eq!(metadata.to_value(), serde_json::from_str::<Value>(text).unwrap());
    let bytes = postcard::to_allocvec(&metadata).unwrap();
    let back: Metadata = postcard::from_bytes(&bytes).unwrap();
    assert_eq!(back.to_json(), sorted);
    let readable: Metadata = serde_json::from_str(text).unwrap();
    assert_eq!(readable, metadata);
    assert_eq!(metadata.len(), 4);
    assert!(metadata.get("zz").is_none());
}

#[test]
fn every_key_is_found_among_few_and_many() {
    for n in [0_i64, 1, 5, 16, 17, 100] {
        let members = (0..n).map(|i| (format!("key{i}"), Value::from(i)));
        let metadata = Metadata::from_value(&Value::Object(members.collect())).unwrap();
        for i in 0..n {
            assert_eq!(metadata.get(&format!("key{i}")), Some(&MetaValue::Int(i)), "of {n}");
        }
        assert_eq!((metadata.get("key"), metadata.get("key00")), (None, None));
    }
}

#[test]
fn limits_have_clear_errors() {
    assert!(Metadata::from_json(&nested(Metadata::DEPTH_MAX)).is_ok());
    let error = Metadata::from_json(&nested(Metadata::DEPTH_MAX + 1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert!(error.to_string().contains("16 deep"), "{error}");

    let exactly = "x".repeat(Metadata::JSON_BYTES_MAX - r#"{"k":""}"#.len());
    assert!(Metadata::from_json(&format!(r#"{{"k": "{exactly}"}}"#)).is_ok());
    let error = Metadata::from_json(&format!(r#"{{"k":"{exactly}x"}}"#)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert!(error.to_string().contains("65536 bytes"), "{error}");

    for (text, says) in [
        ("[1]", "not an array"),
        ("3", "not a number"),
        ("{", "not JSON"),
        (r#"{"n": 18446744073709551615}"#, "write it as a string"),
    ] {
        let error = Metadata::from_json(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(says), "{error}");
    }
    let kept = Metadata::from_json(r#"{"n": 9223372036854775808}"#).unwrap();
    assert_eq!(kept.get("n"), Some(&MetaValue::Float(9_223_372_036_854_775_808.0)));
    assert!(Metadata::from_json(r#"{"n": 9223372036854775809}"#).is_err());
    assert!(Metadata::from_json(r#"{"n": 18446744073709549568}"#).is_ok());
    assert!(Metadata::from_json(r#"{"n": 18446744073709549569}"#).is_err());
}

#[test]
fn binary_metadata_is_bounded() {
    // Arrays of one array each, far deeper than allowed: refused, and the stack holds.
    let mut bytes = vec![1, 1, b'a'];
    for _ in 0..1_000_000 {
        bytes.extend([5, 1]);
    }
    assert!(postcard::from_bytes::<Metadata>(&bytes).is_err());
    // A length of nearly 2^32 with nothing behind it.
    assert!(
        postcard::from_bytes::<Metadata>(&[1, 1, b'a', 5, 0xff, 0xff, 0xff, 0xff, 0x0f]).is_err()
    );
    // Keys out of order, a key twice, a float that is not finite, an unknown type.
    assert!(postcard::from_bytes::<Metadata>(&[2, 1, b'b', 0, 1, b'a', 0]).is_err());
    assert!(postcard::from_bytes::<Metadata>(&[2, 1, b'a', 0, 1, b'a', 0]).is_err());
    assert!(postcard::from_bytes::<Metadata>(&[2, 1, b'a', 0, 1, b'b', 0]).is_ok());
    let mut nan = vec![1, 1, b'a', 3];
    nan.extend(f64::NAN.to_le_bytes());
    assert!(postcard::from_bytes::<Metadata>(&nan).is_err());
    assert!(postcard::from_bytes::<Metadata>(&[1, 1, b'a', 7]).is_err());
}

#[test]
fn numbers_compare_by_their_exact_value() {
    use MetaValue::{Float, Int};
    let ordered = [
        Float(-1e300),
        Int(i64::MIN),
        Int(-9_007_199_254_740_993),
        Float(-9_007_199_254_740_992.0),
        Float(-1.5),
        Int(-1),
        Float(-0.5),
        Int(0),
        Float(0.5),
        Int(1),
        Float(1.5),
        Int(2),
        Float(9_007_199_254_740_992.0),
        Int(9_007_199_254_740_993),
        Float(9_007_199_254_740_994.0),
        Int(i64::MAX),
        Float(9_223_372_036_854_775_808.0),
    ];
    for (i, a) in ordered.iter().enumerate() {
        for (j, b) in ordered.iter().enumerate() {
            assert_eq!(a.compare(b), i.cmp(&j), "{a:?} against {b:?}");
        }
    }
    assert_eq!(Int(1), Float(1.0));
    assert_eq!(Int(0), Float(-0.0));
    assert_eq!(Int(i64::MIN), Float(-9_223_372_036_854_775_808.0));
}

#[test]
fn the_quick_reader_reads_what_the_thorough_one_does() {
    let texts = [
        "{}",
        r#"{"a":null,"b":true,"c":-1,"d":0.5,"e":"x","f":[1,[2,{}]],"g":{"h":{}}}"#,
        r#" { "b" : 1 , "a" : 2 } "#,
        r#"{"a":1,"a":2,"b":3,"a":{"x":4}}"#,
        r#"{"a":9223372036854775807,"b":-9223372036854775808}"#,
        r#"{"a":9223372036854775808}"#,
        r#"{"a":9007199254740993.0}"#,
        r#"{"a":18446744073709551617}"#,
        r#"{"a":1e5,"b":1E300,"c":-0.0,"d":1e-400,"e":0}"#,
        r#"{"a":1e999}"#,
        r#"{"a":"\u0000\ud83d\ude00","\n":1}"#,
        r#"{"a":"\ud83d"}"#,
        "[]",
        "1",
        "null",
        "",
        "{",
        "{} {}",
        r#"{"a":01}"#,
        r#"{"a":NaN}"#,
    ];
    let nested = |depth: usize| format!("{}{{}}{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    let deep = [nested(14), nested(15), nested(16), nested(200)];
    for text in texts.into_iter().map(str::to_owned).chain(deep) {
        let thorough = serde_json::from_str::<Value>(&text)
            .map_err(|error| error.to_string())
            .and_then(|value| Metadata::from_value(&value).map_err(|error| error.to_string()));
        match (json::read(&text), thorough) {
            // It may leave a text to the thorough one, and never takes one that is refused.
            (Some(quick), thorough) => assert_eq!(Ok(quick), thorough, "{text}"),
            (None, thorough) => {
                let left = ["{\"a\":92233", "{\"a\":9007", "{\"a\":1844", "{\"a\":1e5"];
                let left = left.iter().any(|start| text.starts_with(start));
                assert!(thorough.is_err() || left, "{text}");
            }
        }
    }
    // As long as it gets: every character of the number becomes several.
    let short =
        format!("{{{}}}", (0..99).map(|n| format!("\"{n}\":1e15")).collect::<Vec<_>>().join(","));
    assert!(Metadata::from_json(&short).unwrap().to_json().len() < short.len() * 8);
    let grows = format!("{{\"a\":[{}]}}", vec!["1e15"; 5_000].join(","));
    assert_eq!(Metadata::from_json(&grows).unwrap_err().kind(), ErrorKind::Limit);
}
