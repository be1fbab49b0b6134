//! A random rotation that takes n log n steps, the same on every target.
//!
//! Codes of one bit an element say least about vectors whose length is in few elements; after a
//! random rotation it is spread over all of them. A dense random matrix would take n^2 steps and
//! 4 n^2 bytes. Here six rounds each flip signs at random, mix as many elements as a power of two
//! has with a Walsh-Hadamard transform, once the first of them and once the last, and mix the two
//! halves with each other (the rotator of the RaBitQ library, after Kac's random walk, with two
//! rounds more: where the windows hardly overlap, four leave a tenth of a vector of one element in one). Every step
//! keeps lengths and inner products, and is made of additions and multiplications alone, one an
//! element, so that every target gives the same bits.

use std::f32::consts::FRAC_1_SQRT_2;

use super::kernels::Kernels;

/// Fewer elements than this say too little in a bit each: short vectors are filled up with zeros.
const ELEMENTS_MIN: usize = 64;

/// Rotated vectors are a multiple of this long, four groups of a code.
const MULTIPLE: usize = 16;

const ROUNDS: usize = 6;

/// A rotation that follows from its seed.
#[derive(Debug, Clone)]
pub(super) struct Rotation {
    padded: usize,
    /// How many elements the transform mixes, a power of two.
    window: usize,
    /// A sign for each element, round after round, times what the transform makes up for.
    signs: Vec<f32>,
}

impl Rotation {
    /// A rotation of vectors of `dimensions` elements.
    pub(super) fn new(dimensions: usize, seed: u64) -> Rotation {
        let padded = dimensions.max(ELEMENTS_MIN).next_multiple_of(MULTIPLE);
        let stages = padded.ilog2();
        let window = 1 << stages;
        // Each stage makes vectors longer by the root of two.
        let halvings = (0..stages / 2).fold(1.0, |length: f32, _| length * 0.5);
        let shorter = if stages.is_multiple_of(2) { halvings } else { halvings * FRAC_1_SQRT_2 };
        let mut state = seed;
        let mut bits = 0_u64;
        let signs = (0..ROUNDS * padded).map(|at| {
            if at % 64 == 0 {
                bits = next_random(&mut state);
            }
            let start = if (at / padded).is_multiple_of(2) { 0 } else { padded - window };
            let in_window = (start..start + window).contains(&(at % padded));
            let length = if in_window { shorter } else { 1.0 };
            if bits >> (at % 64) & 1 == 1 { -length } else { length }
        });
        Rotation { padded, window, signs: signs.collect() }
    }

    /// How many elements a rotated vector has.
    pub(super) fn padded(&self) -> usize {
        self.padded
    }

    /// Rotates `vector`, filled up with zeros, into `out`.
    pub(super) fn apply(&self, vector: &[f32], out: &mut Vec<f32>) {
        out.clear();
        out.extend_from_slice(vector);
        self.rotate(out);
    }

    /// Rotates a vector in place, filling it up with zeros.
    pub(super) fn rotate(&self, out: &mut Vec<f32>) {
        out.resize(self.padded, 0.0);
        // Behind it, room for a window.
        out.resize(self.padded + self.window, 0.0);
        let (elements, scratch) = out.split_at_mut(self.padded);
        Kernels::best().rotate(elements, &self.signs, self.window, scratch);
        out.truncate(self.padded);
    }
}

/// The next number of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", OOPSLA 2014).
fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::test;

    fn dot(a: &[f32], b: &[f32]) -> f64 {
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    }

    #[test]
    fn lengths_and_inner_products_stay() {
        for dimensions in [1, 2, 3, 63, 64, 65, 100, 384, 1000, 1536, 65_536] {
            let rotation = Rotation::new(dimensions, 7);
            let vector = |seed: u64| -> Vec<f32> {
                let mut state = seed;
                let small = |n: u64| f32::from(u16::try_from(n >> 48).unwrap()) / 65536.0 - 0.5;
                (0..dimensions).map(|_| small(next_random(&mut state))).collect()
            };
            let (a, b) = (vector(1), vector(2));
            let (mut rotated_a, mut rotated_b) = (Vec::new(), Vec::new());
            rotation.apply(&a, &mut rotated_a);
            rotation.apply(&b, &mut rotated_b);
            assert_eq!(rotated_a.len(), rotation.padded());
            let length = dot(&a, &a);
            assert!((dot(&rotated_a, &rotated_a) - length).abs() < 1e-5 * length);
            assert!((dot(&rotated_a, &rotated_b) - dot(&a, &b)).abs() < 1e-5 * length);
        }
    }

    #[test]
    fn one_element_is_spread_over_all() {
        for dimensions in [3, 100, 384, 768] {
            let rotation = Rotation::new(dimensions, 7);
            let mut rotated = Vec::new();
            for at in 0..dimensions {
                let mut vector = vec![0.0; dimensions];
                vector[at] = 1.0;
                rotation.apply(&vector, &mut rotated);
                let most = rotated.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
                // A random direction seldom has more than five times its share in one element.
                #[expect(clippy::cast_precision_loss, reason = "some hundreds")]
                let share = (rotation.padded() as f32).sqrt().recip();
                assert!(most < 8.0 * share, "{dimensions}, {at}: {most} of {share}");
            }
        }
    }

    #[test]
    fn every_target_gives_the_same_bits() {
        let rotation = Rotation::new(100, 42);
        let vector: Vec<f32> = (0..100_u8).map(|at| f32::from(at) / 7.0 - 6.5).collect();
        let mut rotated = Vec::new();
        rotation.apply(&vector, &mut rotated);
        let sum = rotated.iter().fold(0_u32, |sum, x| sum.rotate_left(5) ^ x.to_bits());
        assert_eq!(sum, 164_823_679);
    }
}
