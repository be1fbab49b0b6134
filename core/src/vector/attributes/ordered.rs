//! Values as bytes whose order is the order of the values.
//!
//! | first byte | value | after it |
//! |---|---|---|
//! | 01 | null | |
//! | 02, 03 | `false`, `true` | |
//! | 0f | a float below -2^63 | its bits, inverted |
//! | 10..=21 | any other number: 19 for 0, more for each byte of a larger one, less for a smaller one | these bytes of its whole part, rounded down, then what is left of it |
//! | 22 | a float from 2^63 on | its bits |
//! | 30 | a text | its bytes |
//!
//! Bytes of numbers are big-endian. An integer has nothing left behind its whole part, and so comes
//! before the floats that round down to it; equal numbers have the same bytes, whatever their type.

use super::packed::Packed;
use crate::vector::metadata::MetaValue;

/// Longer texts are not indexed.
pub(super) const TEXT_BYTES_MAX: usize = 128;

const NULL: u8 = 0x01;
const FALSE: u8 = 0x02;
const TRUE: u8 = 0x03;
const BELOW: u8 = 0x0f;
const ZERO: u8 = 0x19;
const ABOVE: u8 = 0x22;
const TEXT: u8 = 0x30;

/// Writes the bytes of a scalar in place of what is in `out`; whether it can be indexed.
pub(super) fn write(out: &mut Vec<u8>, value: Packed<'_>) -> bool {
    out.clear();
    match value {
        Packed::Null => out.push(NULL),
        Packed::Bool(value) => out.push(if value { TRUE } else { FALSE }),
        Packed::Int(int) => write_int(out, int),
        Packed::Float(float) => write_float(out, float),
        Packed::Text(text) => {
            if text.len() > TEXT_BYTES_MAX {
                return false;
            }
            write_text(out, text);
        }
        Packed::Array(_) | Packed::Object(_) | Packed::Term(_) => return false,
    }
    true
}

fn write_text(out: &mut Vec<u8>, text: &[u8]) {
    out.push(TEXT);
    out.extend_from_slice(text);
}

fn write_int(out: &mut Vec<u8>, int: i64) {
    // Of a negative number as many bytes as of its complement.
    let size = if int < 0 { !int } else { int };
    let bytes = 8 - size.leading_zeros() / 8;
    let bytes = u8::try_from(bytes).unwrap_or(8);
    out.push(match int {
        // One below zero by itself: -1 has no bytes either.
        ..0 => ZERO - 1 - bytes,
        0.. => ZERO + bytes,
    });
    out.extend_from_slice(&int.to_be_bytes()[8 - usize::from(bytes)..]);
}

fn write_float(out: &mut Vec<u8>, float: f64) {
    const TWO_POW_63: f64 = 9_223_372_036_854_775_808.0;
    if float >= TWO_POW_63 {
        out.push(ABOVE);
        write_rest(out, float.to_bits());
    } else if float < -TWO_POW_63 {
        out.push(BELOW);
        write_rest(out, !float.abs().to_bits());
    } else {
        #[expect(clippy::cast_possible_truncation, reason = "the range was checked just above")]
        let whole = float.trunc() as i64;
        let rest = float.fract();
        if rest < 0.0 {
            // With a fraction it is far above -2^63. Rounded down, the larger rest comes first.
            write_int(out, whole - 1);
            write_rest(out, !rest.abs().to_bits());
        } else {
            write_int(out, whole);
            write_rest(out, rest.to_bits());
        }
    }
}

/// Zeros at the end make no difference to the order, and are left out.
fn write_rest(out: &mut Vec<u8>, bits: u64) {
    let zeros = bits.trailing_zeros() as usize / 8;
    out.extend_from_slice(&bits.to_be_bytes()[..8 - zeros]);
}

/// A run of values of one type: from `low` on, and below `high`; empty if `high` is below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) low: Vec<u8>,
    pub(super) high: Vec<u8>,
}

/// An end of an [`Interval`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Interval {
    /// The values of the type of `operand` on that side of it; `None` for arrays and objects.
    pub(super) fn of(side: Side, operand: &MetaValue) -> Option<Interval> {
        let mut bound = Vec::new();
        let (first, end) = match operand {
            MetaValue::Null => (NULL, NULL + 1),
            MetaValue::Bool(_) => (FALSE, TRUE + 1),
            MetaValue::Int(_) | MetaValue::Float(_) => (BELOW, ABOVE + 1),
            MetaValue::Text(_) => (TEXT, TEXT + 1),
            MetaValue::Array(_) | MetaValue::Object(_) => return None,
        };
        match operand {
            // Compared with whole, however long it is.
            MetaValue::Text(text) => write_text(&mut bound, text.as_bytes()),
            _ => {
                write(&mut bound, Packed::of(operand));
            }
        }
        if matches!(side, Side::Greater | Side::LessOrEqual) {
            // Nothing lies between a value and the value with a zero behind it.
            bound.push(0);
        }
        Some(match side {
            Side::Greater | Side::GreaterOrEqual => Interval { low: bound, high: vec![end] },
            Side::Less | Side::LessOrEqual => Interval { low: vec![first], high: bound },
        })
    }

    /// Drops what is not in `other` too.
    pub(super) fn intersect(&mut self, other: &Interval) {
        if other.low > self.low {
            self.low.clone_from(&other.low);
        }
        if other.high < self.high {
            self.high.clone_from(&other.high);
        }
    }

    /// Whether texts are in it, of which the long ones are not indexed.
    pub(super) fn is_of_texts(&self) -> bool {
        self.low.first() == Some(&TEXT) && self.low < self.high
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::test;

    /// Every value before those of which it is less; in one list if they are equal.
    fn ordered() -> Vec<Vec<MetaValue>> {
        use MetaValue::{Bool, Float, Int, Null};
        let two_pow_63 = 9_223_372_036_854_775_808.0_f64;
        let mut ordered: Vec<Vec<MetaValue>> = vec![
            vec![Null],
            vec![Bool(false)],
            vec![Bool(true)],
            vec![Float(f64::MIN)],
            vec![Float(-two_pow_63 * 2.0)],
            vec![Float((-two_pow_63).next_down())],
            vec![Int(i64::MIN), Float(-two_pow_63)],
            vec![Int(i64::MIN + 1)],
            vec![Float((-two_pow_63).next_up())],
            vec![Int(-9_007_199_254_740_993)],
            vec![Int(-9_007_199_254_740_992), Float(-9_007_199_254_740_992.0)],
            vec![Int(-65_537)],
            vec![Int(-65_536)],
            vec![Int(-257)],
            vec![Float(-256.5)],
            vec![Int(-256), Float(-256.0)],
            vec![Int(-255)],
            vec![Int(-2)],
            vec![Float(-1.75)],
            vec![Float(-1.5)],
            vec![Float((-1.0_f64).next_down())],
            vec![Int(-1), Float(-1.0)],
            vec![Float((-1.0_f64).next_up())],
            vec![Float(-0.5)],
            vec![Float(-f64::MIN_POSITIVE)],
            vec![Float(-5e-324)],
            vec![Int(0), Float(0.0), Float(-0.0)],
            vec![Float(5e-324)],
            vec![Float(0.1)],
            vec![Float(0.5)],
            vec![Float(1.0_f64.next_down())],
            vec![Int(1), Float(1.0)],
            vec![Float(1.0_f64.next_up())],
            vec![Float(1.5)],
            vec![Int(2)],
            vec![Int(255)],
            vec![Int(256), Float(256.0)],
            vec![Float(256.5)],
            vec![Int(65_535)],
            vec![Int(65_536)],
            vec![Int(9_007_199_254_740_992)],
            vec![Int(9_007_199_254_740_993)],
            vec![Float(two_pow_63.next_down())],
            vec![Int(i64::MAX)],
            vec![Float(two_pow_63)],
            vec![Float(f64::MAX)],
        ];
        for text in ["", "\0", "\0a", "a", "a\0", "aa", "b", "\u{e9}", "\u{10000}"] {
            ordered.push(vec![MetaValue::Text(text.into())]);
        }
        ordered
    }

    fn bytes(value: &MetaValue) -> Vec<u8> {
        let mut bytes = vec![9];
        assert!(write(&mut bytes, Packed::of(value)), "{value:?}");
        bytes
    }

    #[test]
    fn bytes_are_ordered_as_values_are() {
        let ordered = ordered();
        for (i, a) in
            ordered.iter().enumerate().flat_map(|(i, set)| set.iter().map(move |a| (i, a)))
        {
            for (j, b) in
                ordered.iter().enumerate().flat_map(|(j, set)| set.iter().map(move |b| (j, b)))
            {
                assert_eq!(a.compare(b), i.cmp(&j), "the list itself: {a:?}, {b:?}");
                assert_eq!(bytes(a).cmp(&bytes(b)), i.cmp(&j), "{a:?}, {b:?}");
            }
        }
        assert_eq!(bytes(&MetaValue::Int(1998)).len(), 3);
        assert!(write(&mut Vec::new(), Packed::Text(&[b'x'; TEXT_BYTES_MAX])));
        assert!(!write(&mut Vec::new(), Packed::Text(&[b'x'; TEXT_BYTES_MAX + 1])));
    }

    #[test]
    fn an_interval_holds_the_values_on_its_side_of_the_same_type() {
        let values: Vec<MetaValue> = ordered().into_iter().flatten().collect();
        for operand in &values {
            for value in &values {
                for (side, holds) in [
                    (Side::Greater, value.compare(operand).is_gt()),
                    (Side::GreaterOrEqual, value.compare(operand).is_ge()),
                    (Side::Less, value.compare(operand).is_lt()),
                    (Side::LessOrEqual, value.compare(operand).is_le()),
                ] {
                    let interval = Interval::of(side, operand).unwrap();
                    let value_bytes = bytes(value);
                    assert_eq!(
                        interval.low <= value_bytes && value_bytes < interval.high,
                        holds && value.same_type(operand),
                        "{value:?} {side:?} than {operand:?}"
                    );
                    // There is none below the empty one.
                    let texts = matches!(operand, MetaValue::Text(text) if !text.is_empty() || side != Side::Less);
                    assert_eq!(interval.is_of_texts(), texts);
                }
            }
        }
        assert_eq!(Interval::of(Side::Less, &MetaValue::Array(Box::default())), None);
    }
}
