//! Distances from the kernels' sums, right also where those overflow or underflow.

use std::borrow::Cow;

use super::elements::Elements;
use super::kernels::Kernels;
use super::metric::Metric;

/// Below this a squared norm or distance in 32-bit floats may have lost terms to underflow: each
/// term is wrong by at most 2^-150, so 65,536 of them by 2^-134, which is nothing beside 2^-100.
const SQUARE_MIN: f32 = f32::from_bits((127 - 100) << 23);

/// Twice [`SQUARE_MIN`]: a squared norm that is at least this was summed in 32-bit floats, for the
/// 64-bit sum that replaces a smaller one is within rounding of it.
const SQUARED_NORM_MIN: f64 = 2.0 * SQUARE_MIN as f64;

/// How far a bound is moved out so that rounding in 64-bit floats never rejects a nearer vector.
const SLACK: f64 = 1e-12;

/// The squared euclidean norm of finite elements; always finite, and zero for zeros only.
pub(super) fn squared_norm(vector: &[f32]) -> f64 {
    let sum = Kernels::best().dot(vector, vector);
    if is_plain_square(sum) { f64::from(sum) } else { dot_f64(vector, vector) }
}

/// The squared norm of a row as an index keeps it, in four bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct RowNorm(f32);

impl RowNorm {
    /// The norm of finite elements.
    pub(super) fn of(vector: &[f32]) -> RowNorm {
        let sum = Kernels::best().dot(vector, vector);
        match is_plain_square(sum) {
            true => RowNorm(sum),
            false if vector.iter().all(|x| *x == 0.0) => RowNorm(0.0),
            // To be summed in 64 bits where it is asked for.
            false => RowNorm(f32::NAN),
        }
    }

    /// As [`of`](RowNorm::of); `None` when an element is not finite.
    pub(super) fn checked(vector: &[f32]) -> Option<RowNorm> {
        let norm = RowNorm::of(vector);
        (norm.wide().is_finite() || vector.iter().all(|x| x.is_finite())).then_some(norm)
    }

    fn is_zero(self) -> bool {
        self.0 == 0.0
    }

    /// The norm, or NaN when 32 bits do not hold it.
    fn wide(self) -> f64 {
        f64::from(self.0)
    }
}

/// A query, ready to be compared with rows.
#[derive(Debug)]
pub(super) struct Measure<'a> {
    metric: Metric,
    kernels: &'static Kernels,
    query: &'a [f32],
    squared_norm: f64,
}

/// A distance that has to be beaten, in the form that costs least to test against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound {
    cutoff: f64,
}

impl Bound {
    /// The bound that rejects nothing: it compares false with everything.
    pub(super) const NONE: Bound = Bound { cutoff: f64::NAN };
}

impl<'a> Measure<'a> {
    pub(super) fn new(metric: Metric, query: &'a [f32]) -> Measure<'a> {
        Measure { metric, kernels: Kernels::best(), query, squared_norm: squared_norm(query) }
    }

    /// Fills `sums` with what [`distance`](Measure::distance) wants to know of each of the rows.
    pub(super) fn sums(&self, elements: &Elements, slots: &[u32], sums: &mut [f32]) {
        match self.metric {
            Metric::Cosine | Metric::Dot => elements.dot(self.kernels, self.query, slots, sums),
            Metric::L2 => elements.squared_l2(self.kernels, self.query, slots, sums),
        }
    }

    /// The distance to a row, given its sum and its [norm](RowNorm), and a way to get at it. Never
    /// NaN, and never `-0.0`.
    pub(super) fn distance<'r>(
        &self,
        sum: f32,
        norm: RowNorm,
        row: impl FnOnce() -> Cow<'r, [f32]>,
    ) -> f64 {
        match self.metric {
            Metric::L2 if is_plain_square(sum) => f64::from(sum).sqrt(),
            Metric::L2 => squared_l2_f64(self.query, &row()).sqrt(),
            Metric::Dot if self.is_plain(sum, norm) => 0.0 - f64::from(sum),
            Metric::Dot if self.squared_norm == 0.0 || norm.is_zero() => 0.0,
            Metric::Dot => 0.0 - dot_f64(self.query, &row()),
            Metric::Cosine => {
                let (dot, square) = if self.squared_norm == 0.0 || norm.is_zero() {
                    (0.0, 1.0)
                } else if self.is_plain(sum, norm) {
                    (f64::from(sum), self.squared_norm * norm.wide())
                } else {
                    let row = row();
                    let norms = dot_f64(self.query, self.query) * dot_f64(&row, &row);
                    (dot_f64(self.query, &row), norms)
                };
                // For equal vectors `square` is `dot * dot`, whose root is `dot` again also after
                // rounding, so that the distance is exactly zero.
                1.0 - (dot / square.sqrt()).clamp(-1.0, 1.0)
            }
        }
    }

    /// Whether a sum of products in 32-bit floats is as good as its rounding.
    fn is_plain(&self, sum: f32, norm: RowNorm) -> bool {
        sum.is_finite() && self.squared_norm >= SQUARED_NORM_MIN && norm.wide() >= SQUARED_NORM_MIN
    }

    /// The bound that a row has to keep to be as near as `distance`.
    pub(super) fn bound(&self, distance: f64) -> Bound {
        let cutoff = match self.metric {
            Metric::Dot => -distance,
            Metric::L2 => distance * distance * (1.0 + SLACK),
            // A row is too far when dot < similarity * norm * norm; squared, for positive ones.
            Metric::Cosine => {
                let similarity = 1.0 - distance - SLACK;
                if similarity <= 0.0 {
                    return Bound::NONE;
                }
                similarity * similarity * self.squared_norm * (1.0 - SLACK)
            }
        };
        Bound { cutoff }
    }

    /// Whether the row is surely farther than `bound`, known from its sum alone.
    #[inline]
    pub(super) fn is_beyond(&self, bound: Bound, sum: f32, norm: RowNorm) -> bool {
        let wide = f64::from(sum);
        match self.metric {
            Metric::L2 => is_plain_square(sum) && wide > bound.cutoff,
            Metric::Dot => self.is_plain(sum, norm) && wide < bound.cutoff,
            Metric::Cosine => {
                self.is_plain(sum, norm) && wide * wide.max(0.0) < bound.cutoff * norm.wide()
            }
        }
    }
}

/// Whether a sum of squares in 32-bit floats is as good as its rounding.
fn is_plain_square(sum: f32) -> bool {
    (SQUARE_MIN..=f32::MAX).contains(&sum)
}

fn dot_f64(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + f64::from(*a) * f64::from(*b))
}

fn squared_l2_f64(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).fold(0.0, |sum, (a, b)| {
        let difference = f64::from(*a) - f64::from(*b);
        sum + difference * difference
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::test;
    use crate::vector::Precision;

    fn distance(metric: Metric, query: &[f32], row: &[f32]) -> f64 {
        let measure = Measure::new(metric, query);
        let mut elements = Elements::new(Precision::F32, row.len());
        elements.push(row);
        let mut sums = [0.0];
        measure.sums(&elements, &[0], &mut sums);
        let norm = RowNorm::of(row);
        let distance = measure.distance(sums[0], norm, || row.into());
        // A row must never be beyond the bound of its own distance.
        assert!(!measure.is_beyond(measure.bound(distance), sums[0], norm), "{query:?} {row:?}");
        assert!(!measure.is_beyond(Bound::NONE, sums[0], norm));
        distance
    }

    #[test]
    fn known_distances() {
        assert_eq!(distance(Metric::L2, &[0.0, 0.0], &[3.0, 4.0]), 5.0);
        assert_eq!(distance(Metric::Dot, &[1.0, 2.0], &[3.0, 4.0]), -11.0);
        assert_eq!(distance(Metric::Cosine, &[1.0, 0.0], &[0.0, 2.0]), 1.0);
        assert_eq!(distance(Metric::Cosine, &[1.0, 0.0], &[-5.0, 0.0]), 2.0);
        assert_eq!(distance(Metric::Cosine, &[1.0, 0.0], &[5.0, 0.0]), 0.0);
        assert_eq!(distance(Metric::Dot, &[1.0], &[-0.0]).to_bits(), 0);
    }

    #[test]
    fn equal_vectors_are_at_zero_at_every_scale() {
        for exponent in -149..=127 {
            let scale = 2.0_f64.powi(exponent);
            #[expect(clippy::cast_possible_truncation, reason = "rounding is meant")]
            let vector: Vec<f32> = (1..40).map(|i| (f64::from(i) / 40.0 * scale) as f32).collect();
            assert_eq!(distance(Metric::L2, &vector, &vector), 0.0, "2^{exponent}");
            let cosine = distance(Metric::Cosine, &vector, &vector);
            let expected = if vector.iter().all(|x| *x == 0.0) { 1.0 } else { 0.0 };
            assert_eq!(cosine, expected, "2^{exponent}");
        }
    }

    #[test]
    fn zeros_are_at_one_from_everything_under_cosine() {
        for other in [[0.0, 0.0], [1.0, 0.0], [1e-45, 0.0], [f32::MAX, f32::MAX]] {
            assert_eq!(distance(Metric::Cosine, &[0.0, 0.0], &other), 1.0);
            assert_eq!(distance(Metric::Cosine, &other, &[0.0, 0.0]), 1.0);
        }
    }

    #[test]
    fn overflow_and_underflow_keep_the_distance() {
        let (huge, tiny) = (3e38_f32, 1e-45_f32);
        assert_eq!(distance(Metric::L2, &[huge, 0.0], &[-huge, 0.0]), 2.0 * f64::from(huge));
        assert_eq!(distance(Metric::L2, &[tiny, 0.0], &[0.0, 0.0]), f64::from(tiny));
        assert_eq!(distance(Metric::Dot, &[huge, huge], &[huge, -huge]), 0.0);
        assert_eq!(distance(Metric::Dot, &[tiny], &[tiny]), -f64::from(tiny) * f64::from(tiny));
        assert_eq!(
            distance(Metric::Dot, &[tiny, 0.0], &[huge, 0.0]),
            -f64::from(tiny) * f64::from(huge)
        );
        let angle = distance(Metric::Cosine, &[1.0, 0.0], &[1.0, 1.0]);
        for (a, b) in [(huge, huge), (tiny, tiny), (huge, tiny), (1.0, tiny), (huge, 1.0)] {
            let scaled = distance(Metric::Cosine, &[a, 0.0], &[b, b]);
            assert!((scaled - angle).abs() < 1e-6, "{a} {b}: {scaled}");
        }
        assert!(distance(Metric::Dot, &[huge; 8], &[huge; 8]) < -7.0 * f64::from(huge) * 1e38);
    }
}
