//! The rounds of a rotation: signs, a Walsh-Hadamard transform, and the two halves mixed.

use std::f32::consts::FRAC_1_SQRT_2;

/// Turns `elements` by as many rounds of `signs` as there are, the transform over a window of so
/// many, a power of two, at the start and at the end in turn. What the transform adds to lengths
/// the signs must take off. `scratch` has room for a window.
pub(super) type RotateFn =
    fn(elements: &mut [f32], signs: &[f32], window: usize, scratch: &mut [f32]);

/// A [`RotateFn`] for whatever the compiler has registers for; every operation is rounded by
/// itself, so that all give the same bits.
#[inline(always)]
pub(super) fn rotate(elements: &mut [f32], signs: &[f32], window: usize, scratch: &mut [f32]) {
    let len = elements.len();
    for (round, signs) in signs.chunks_exact(len.max(1)).enumerate() {
        for (element, sign) in elements.iter_mut().zip(signs) {
            *element *= sign;
        }
        let start = if round % 2 == 0 { 0 } else { len - window };
        transform(&mut elements[start..start + window], &mut scratch[..window]);
        let (low, high) = elements.split_at_mut(len / 2);
        for (a, b) in low.iter_mut().zip(high) {
            (*a, *b) = ((*a + *b) * FRAC_1_SQRT_2, (*a - *b) * FRAC_1_SQRT_2);
        }
    }
}

/// The Walsh-Hadamard transform of a power of two of elements.
///
/// Every stage takes neighbours and puts their sum into the first half and their difference into
/// the second, so that all stages are alike and long; after the last each is in its place again.
#[inline(always)]
fn transform(elements: &mut [f32], scratch: &mut [f32]) {
    let stages = elements.len().ilog2();
    for _ in 0..stages / 2 {
        stage(elements, scratch);
        stage(scratch, elements);
    }
    if stages % 2 == 1 {
        stage(elements, scratch);
        elements.copy_from_slice(scratch);
    }
}

#[inline(always)]
fn stage(from: &[f32], to: &mut [f32]) {
    let (sums, differences) = to.split_at_mut(from.len() / 2);
    for (([a, b], sum), difference) in from.as_chunks().0.iter().zip(sums).zip(differences) {
        (*sum, *difference) = (a + b, a - b);
    }
}
