//! A bit an element for each vector, from which its distance to a query is estimated.
//!
//! RaBitQ (Gao and Long, "RaBitQ: quantizing high-dimensional vectors with a theoretical error bound
//! for approximate nearest neighbor search", SIGMOD 2024): of the difference to a centre, rotated
//! at random, only the signs are kept, and two numbers that make the estimate of an inner product
//! unbiased. The query is kept in eight bits for each four elements, as the table of
//! [`lookup`](super::kernels::lookup).
//!
//! Everything is seen from one origin, the mean of some vectors, and rotated: `x` below stands for
//! a vector less the origin `o`, rotated. A code holds the difference `d = x - c` to a centre `c`
//! that many codes share. With `s` the signs of `d`, the estimate of its inner product with a query
//! is `<d, q> = |d|^2 / sum |d_i| <s, q>`, and the key that ranks it
//!
//! - for squared distances `|d + c - q|^2 = |q - c|^2 + (|d|^2 + 2 <d, c>) - 2 <d, q>`,
//! - for inner products `-<d + c + o, q + o> = -<c + o, q + o> - <d, o> - <d, q>`;
//!
//! of which the first term is the same for all that share the centre, the second is
//! [`Factors::add`], and the third is what is estimated.

use super::chunked::Plain;
use super::kernels::Kernels;
use super::kernels::lookup::{GROUP_BYTES, entry_max, narrowed, widened};
use super::rotation::Rotation;

mod blocks;

pub(super) use blocks::Blocks;

/// Elements in a group of a code.
const GROUP: usize = 4;

/// What keys are made to rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ranking {
    /// Squared distances.
    Squared,
    /// Inner products, negated.
    Inner,
}

/// What is known of a vector beside the signs: its key is the base of its centre and
/// `add + scale * <s, q>`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Factors {
    /// Each the [upper half](narrowed) of a float.
    pub(super) add: u16,
    pub(super) scale: u16,
}

impl Factors {
    fn are_finite(self) -> bool {
        widened(self.add).is_finite() && widened(self.scale).is_finite()
    }
}

/// The code of one vector.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Code {
    /// The signs of four elements each, one bit for each that is positive.
    groups: Vec<u8>,
    factors: Factors,
}

/// Rotates vectors and makes codes of them.
#[derive(Debug, Clone)]
pub(super) struct Encoder {
    seed: u64,
    rotation: Rotation,
    /// What vectors are seen from, not rotated.
    origin: Vec<f32>,
    /// And rotated.
    rotated_origin: Vec<f32>,
    /// What all elements are multiplied by so that squares neither overflow nor vanish.
    unit: f32,
}

/// A query as a scan takes it.
#[derive(Debug)]
pub(super) struct Query {
    /// The query, seen from the origin and rotated.
    pub(super) rotated: Vec<f32>,
    /// For each group what each value of a code adds to a sum.
    table: Vec<u8>,
    /// The sum of signed elements is `offset + step * sum`.
    offset: f32,
    step: f32,
}

impl Encoder {
    /// An encoder for vectors seen from `origin`, whose elements are about `1 / unit` long.
    pub(super) fn new(origin: Vec<f32>, unit: f32, seed: u64) -> Encoder {
        let rotation = Rotation::new(origin.len(), seed);
        let scaled: Vec<f32> = origin.iter().map(|x| x * unit).collect();
        let mut rotated_origin = Vec::new();
        rotation.apply(&scaled, &mut rotated_origin);
        Encoder { seed, rotation, origin, rotated_origin, unit }
    }

    /// Adds what the encoder follows from to the end of `out`: its seed, unit and origin.
    pub(super) fn encode_to(&self, out: &mut Vec<u8>) {
        out.extend(self.seed.to_le_bytes());
        out.extend(self.unit.to_le_bytes());
        out.extend(self.origin.iter().flat_map(|x| x.to_le_bytes()));
    }

    /// Reads an encoder of vectors of so many elements, and gives the bytes behind it; `None` when
    /// it is none.
    pub(super) fn decode(dimensions: usize, bytes: &[u8]) -> Option<(Encoder, &[u8])> {
        let (seed, rest) = bytes.split_first_chunk()?;
        let (unit, rest) = rest.split_first_chunk()?;
        let (origin, rest) = rest.split_at_checked(dimensions.checked_mul(4)?)?;
        let (unit, origin) = (f32::from_le_bytes(*unit), f32::from_bytes(origin));
        let is_sound = unit.is_normal() && unit > 0.0 && origin.iter().all(|x| x.is_finite());
        is_sound.then(|| (Encoder::new(origin, unit, u64::from_le_bytes(*seed)), rest))
    }

    /// How many elements a rotated vector has.
    pub(super) fn padded(&self) -> usize {
        self.rotation.padded()
    }

    /// The vector, seen from the origin and rotated.
    pub(super) fn rotate(&self, vector: &[f32], out: &mut Vec<f32>) {
        out.clear();
        out.extend(vector.iter().zip(&self.origin).map(|(x, o)| (x - o) * self.unit));
        self.rotation.rotate(out);
    }

    /// The inner product of a rotated vector with the origin.
    pub(super) fn dot_origin(&self, kernels: &Kernels, rotated: &[f32]) -> f32 {
        kernels.dot(&self.rotated_origin, rotated)
    }

    /// Makes the code of a rotated vector seen from `centre`; whether estimates from it mean
    /// anything.
    pub(super) fn encode(
        &self,
        ranking: Ranking,
        rotated: &[f32],
        centre: &[f32],
        code: &mut Code,
    ) -> bool {
        let (mut square, mut sum, mut cross) = (0.0_f32, 0.0_f32, 0.0_f32);
        code.groups.clear();
        let other = match ranking {
            Ranking::Squared => centre,
            Ranking::Inner => &self.rotated_origin,
        };
        let groups = |vector| <[f32]>::as_chunks::<GROUP>(vector).0;
        let (rotated, centre, other) = (groups(rotated), groups(centre), groups(other));
        for ((x, c), o) in rotated.iter().zip(centre).zip(other) {
            let mut signs = 0;
            let d: [f32; GROUP] = std::array::from_fn(|at| x[at] - c[at]);
            for (at, d) in d.iter().enumerate() {
                signs |= u8::from(*d > 0.0) << at;
            }
            square += d[0] * d[0] + d[1] * d[1] + (d[2] * d[2] + d[3] * d[3]);
            sum += d[0].abs() + d[1].abs() + (d[2].abs() + d[3].abs());
            cross += d[0] * o[0] + d[1] * o[1] + (d[2] * o[2] + d[3] * o[3]);
            code.groups.push(signs);
        }
        let slope = if sum > 0.0 { square / sum } else { 0.0 };
        let (add, scale) = match ranking {
            Ranking::Squared => (square + 2.0 * cross, -2.0 * slope),
            Ranking::Inner => (-cross, -slope),
        };
        code.factors = Factors { add: narrowed(add), scale: narrowed(scale) };
        add.is_finite() && scale.is_finite() && code.factors.are_finite()
    }

    /// Prepares a query; `None` when it is so large or so small that estimates would mean nothing.
    pub(super) fn query(&self, kernels: &Kernels, query: &[f32]) -> Option<Query> {
        let mut rotated = Vec::new();
        self.rotate(query, &mut rotated);
        Query::new(kernels, rotated)
    }
}

impl Query {
    /// Prepares a rotated query.
    pub(super) fn new(kernels: &Kernels, rotated: Vec<f32>) -> Option<Query> {
        let square = kernels.dot(&rotated, &rotated);
        let groups = rotated.as_chunks::<GROUP>().0;
        let (mut least_sum, mut range, mut total) = (0.0_f32, 0.0_f32, 0.0_f32);
        for [a, b, c, d] in groups {
            let least = a.min(0.0) + b.min(0.0) + (c.min(0.0) + d.min(0.0));
            let most = a.max(0.0) + b.max(0.0) + (c.max(0.0) + d.max(0.0));
            least_sum += least;
            total += least + most;
            range = range.max(most - least);
        }
        let step = range / f32::from(entry_max(groups.len()));
        // The query at the origin itself has no elements: its keys are what is added.
        let per_step = if square == 0.0 && range == 0.0 { 0.0 } else { step.recip() };
        let usable = [square, least_sum, per_step].iter().all(|x| x.is_finite());
        if !usable {
            return None;
        }
        let mut table = vec![0; groups.len() * GROUP_BYTES];
        kernels.table(&rotated, per_step, &mut table);
        let offset = 2.0 * least_sum - total;
        Some(Query { rotated, table, offset, step: 2.0 * step })
    }
}

#[cfg(test)]
mod tests;
