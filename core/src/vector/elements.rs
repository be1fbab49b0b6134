//! The elements of vectors, by slot, in the precision of the index.

use std::borrow::Cow;
use std::collections::TryReserveError;

use super::chunked::Chunked;
use super::kernels::Kernels;
use super::kernels::rows::{Rows, SCALE_BYTES, ScaledRow, half_to_f32};
use super::precision::Precision;

/// What makes a half-precision float infinite.
pub(super) const HALF_BOUND: f32 = 65_520.0;

/// The largest integer that an element is kept as.
const SCALED_MAX: f32 = 127.0;

/// The vectors of an index.
#[derive(Debug, Clone)]
pub(super) enum Elements {
    Floats(Chunked<f32>),
    Halves(Chunked<u16>),
    /// After the integers of a row the bytes of its scale.
    Scaled(Chunked<i8>),
}

/// Does the same with the rows, of whatever type they are.
macro_rules! each {
    ($self:expr, $rows:ident => $call:expr) => {
        match $self {
            Elements::Floats($rows) => $call,
            Elements::Halves($rows) => $call,
            Elements::Scaled($rows) => $call,
        }
    };
}

impl Elements {
    pub(super) fn new(precision: Precision, dimensions: usize) -> Elements {
        match precision {
            Precision::F32 => Elements::Floats(Chunked::new(dimensions)),
            Precision::F16 => Elements::Halves(Chunked::new(dimensions)),
            Precision::Int8 => Elements::Scaled(Chunked::new(dimensions + SCALE_BYTES)),
        }
    }

    /// How many vectors there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        each!(self, rows => rows.len())
    }

    /// How many elements a vector has.
    pub(super) fn dimensions(&self) -> usize {
        match self {
            Elements::Floats(rows) => rows.width(),
            Elements::Halves(rows) => rows.width(),
            Elements::Scaled(rows) => rows.width() - SCALE_BYTES,
        }
    }

    pub(super) fn precision(&self) -> Precision {
        match self {
            Elements::Floats(_) => Precision::F32,
            Elements::Halves(_) => Precision::F16,
            Elements::Scaled(_) => Precision::Int8,
        }
    }

    /// Makes room for `additional` more vectors.
    pub(super) fn reserve(&mut self, additional: usize) -> Result<(), TryReserveError> {
        each!(self, rows => rows.reserve(additional))
    }

    /// Adds a vector, rounded to the precision, in the slot after the last.
    pub(super) fn push(&mut self, vector: &[f32]) {
        match self {
            Elements::Floats(rows) => rows.push(vector.iter().copied()),
            Elements::Halves(rows) => rows.push(vector.iter().map(|x| half_from_f32(*x))),
            Elements::Scaled(rows) => rows.push(scaled_row(vector)),
        }
    }

    /// Puts another vector in the place of the one in `slot`.
    pub(super) fn set(&mut self, slot: usize, vector: &[f32]) {
        match self {
            Elements::Floats(rows) => rows.row_mut(slot).copy_from_slice(vector),
            Elements::Halves(rows) => {
                for (place, x) in rows.row_mut(slot).iter_mut().zip(vector) {
                    *place = half_from_f32(*x);
                }
            }
            Elements::Scaled(rows) => {
                for (place, x) in rows.row_mut(slot).iter_mut().zip(scaled_row(vector)) {
                    *place = x;
                }
            }
        }
    }

    /// Removes the vector in `slot`, whose place the last one takes.
    pub(super) fn swap_remove(&mut self, slot: usize) {
        each!(self, rows => rows.swap_remove(slot));
    }

    /// The vector in `slot`.
    pub(super) fn get(&self, slot: usize) -> Cow<'_, [f32]> {
        match self {
            Elements::Floats(rows) => rows.row(slot).into(),
            Elements::Halves(rows) => rows.row(slot).iter().map(|x| half_to_f32(*x)).collect(),
            Elements::Scaled(rows) => {
                let row = ScaledRow::new(rows.row(slot));
                row.elements.iter().map(|x| f32::from(*x) * row.scale).collect()
            }
        }
    }

    /// Fills `out` with the inner products of `query` and the vectors in `slots`.
    pub(super) fn dot(&self, kernels: &Kernels, query: &[f32], slots: &[u32], out: &mut [f32]) {
        let dimensions = query.len();
        match self {
            Elements::Floats(rows) => {
                let rows: Rows<'_, &[f32]> = Rows { matrix: rows.rows(), dimensions, slots };
                kernels.dot_rows(query, rows, out);
            }
            Elements::Halves(rows) => {
                let rows: Rows<'_, &[u16]> = Rows { matrix: rows.rows(), dimensions, slots };
                kernels.dot_rows(query, rows, out);
            }
            Elements::Scaled(rows) => {
                let rows: Rows<'_, ScaledRow<'_>> = Rows { matrix: rows.rows(), dimensions, slots };
                kernels.dot_rows(query, rows, out);
            }
        }
    }

    /// As [`dot`](Elements::dot), the squared euclidean distances.
    pub(super) fn squared_l2(
        &self,
        kernels: &Kernels,
        query: &[f32],
        slots: &[u32],
        out: &mut [f32],
    ) {
        let dimensions = query.len();
        match self {
            Elements::Floats(rows) => {
                let rows: Rows<'_, &[f32]> = Rows { matrix: rows.rows(), dimensions, slots };
                kernels.squared_l2_rows(query, rows, out);
            }
            Elements::Halves(rows) => {
                let rows: Rows<'_, &[u16]> = Rows { matrix: rows.rows(), dimensions, slots };
                kernels.squared_l2_rows(query, rows, out);
            }
            Elements::Scaled(rows) => {
                let rows: Rows<'_, ScaledRow<'_>> = Rows { matrix: rows.rows(), dimensions, slots };
                kernels.squared_l2_rows(query, rows, out);
            }
        }
    }

    /// Adds the bytes of every vector to the end of `out`.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        each!(self, rows => rows.encode(out));
    }

    /// Reads vectors from the bytes of [`encode`](Elements::encode); `None` when they are no whole
    /// ones. Their elements may be infinite, or not numbers.
    pub(super) fn decode(
        precision: Precision,
        dimensions: usize,
        bytes: &[u8],
    ) -> Option<Elements> {
        Some(match precision {
            Precision::F32 => Elements::Floats(Chunked::decode(dimensions, bytes)?),
            Precision::F16 => Elements::Halves(Chunked::decode(dimensions, bytes)?),
            Precision::Int8 => Elements::Scaled(Chunked::decode(dimensions + SCALE_BYTES, bytes)?),
        })
    }

    /// How many bytes are held.
    pub(super) fn memory(&self) -> usize {
        each!(self, rows => rows.memory())
    }
}

/// The integers of a vector, and after them the bytes of what they are multiplied by.
fn scaled_row(vector: &[f32]) -> impl Iterator<Item = i8> {
    let most = vector.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
    // The scale of the largest float of all would be infinite after rounding.
    let most = most.min(f32::MAX.next_down());
    // What comes back must give the same scale again, which a quotient alone need not.
    let scale = (most / SCALED_MAX * SCALED_MAX) / SCALED_MAX;
    let bytes = scale.to_le_bytes().map(u8::cast_signed);
    vector.iter().map(move |x| scaled(*x, scale)).chain(bytes)
}

#[expect(clippy::cast_possible_truncation, reason = "clamped to what fits")]
fn scaled(x: f32, scale: f32) -> i8 {
    /// Where floats of this size are whole numbers: adding it rounds, halves to even, which a
    /// processor's least has no instruction for.
    const NO_FRACTION: f32 = 12_582_912.0;
    // A scale of zero is that of zeros, or of what is too small for any.
    if scale == 0.0 {
        0
    } else {
        ((x / scale).clamp(-SCALED_MAX, SCALED_MAX) + NO_FRACTION - NO_FRACTION) as i8
    }
}

/// The nearest half-precision float to one below [`HALF_BOUND`], as its bits; of two equally near
/// ones the even.
fn half_from_f32(x: f32) -> u16 {
    /// The least that is not subnormal in half precision.
    const NORMAL_MIN: f32 = f32::from_bits((127 - 14) << 23);
    /// How many of the least subnormals make one.
    const SUBNORMALS: f32 = f32::from_bits((127 + 24) << 23);
    /// The exponents are counted from here.
    const EXPONENTS: u32 = (127 - 15) << 10;
    let bits = x.to_bits() & !(1 << 31);
    let half = if x.abs() < NORMAL_MIN {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "up to 1024")]
        let subnormals = (x.abs() * SUBNORMALS).round_ties_even() as u32;
        subnormals
    } else {
        ((bits + 0xfff + (bits >> 13 & 1)) >> 13) - EXPONENTS
    };
    let sign = x.to_bits() >> 16 & 0x8000;
    u16::try_from(half | sign).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::test;

    #[test]
    fn every_half_survives_and_what_lies_between_goes_to_the_nearest() {
        for bits in 0..0x7c00_u16 {
            let value = half_to_f32(bits);
            assert_eq!(half_from_f32(value), bits);
            assert_eq!(half_from_f32(-value), bits | 0x8000);
            if bits > 0 {
                let below = half_to_f32(bits - 1);
                let middle = f32::midpoint(below, value);
                let even = if bits % 2 == 0 { bits } else { bits - 1 };
                assert_eq!(half_from_f32(middle), even, "between {below} and {value}");
                assert_eq!(half_from_f32(middle.next_up()), bits);
                assert_eq!(half_from_f32(middle.next_down()), bits - 1);
            }
        }
        assert_eq!(half_to_f32(0x7bff), 65_504.0);
        assert_eq!(half_from_f32(HALF_BOUND.next_down()), 0x7bff);
        assert_eq!(half_from_f32(1e-45), 0);
    }

    #[test]
    fn each_precision_keeps_what_it_can() {
        let vector = [0.25, -1.0, 0.0, 1e-3, 100.1, -127.0];
        let expected: [&[f32]; 3] = [
            &vector,
            &[0.25, -1.0, 0.0, half_to_f32(half_from_f32(1e-3)), 100.125, -127.0],
            &[0.0, -1.0, 0.0, 0.0, 100.0, -127.0],
        ];
        for (precision, expected) in Precision::ALL.iter().zip(expected) {
            let mut elements = Elements::new(*precision, vector.len());
            elements.push(&[0.0; 6]);
            elements.push(&vector);
            elements.swap_remove(0);
            assert_eq!(*elements.get(0), *expected, "{precision}");
            elements.set(0, &[1.0; 6]);
            assert_eq!(*elements.get(0), [1.0; 6], "{precision}");
            let kernels = Kernels::best();
            let mut out = [0.0];
            elements.dot(kernels, &vector, &[0], &mut out);
            assert_eq!(out[0], vector.iter().sum::<f32>());
            elements.squared_l2(kernels, &[2.0; 6], &[0], &mut out);
            assert_eq!(out[0], 6.0);
            assert_eq!(elements.precision(), *precision);
        }
    }

    #[test]
    fn integers_of_the_largest_floats_stay_finite() {
        for vector in [[f32::MAX, -1.0], [-f32::MAX, f32::MAX], [f32::MAX.next_down(), 0.0]] {
            let mut elements = Elements::new(Precision::Int8, 2);
            elements.push(&vector);
            let kept = elements.get(0).into_owned();
            for (kept, given) in kept.iter().zip(vector) {
                assert!((kept - given).abs() <= f32::MAX / 250.0, "{kept} of {given}");
            }
            elements.set(0, &kept);
            assert_eq!(*elements.get(0), *kept);
        }
    }
}
