//! Inner products and squared distances, with the same bits on every target.
//!
//! The sum of `n` terms is fixed as follows. Lane `i` of 32 adds the terms `i`, `i + 32`,
//! `i + 64`, .. in this order, starting from `+0.0`; a term is rounded before it is added, so a
//! fused multiply-add is never used. Then lane `i` adds lane `i + 16`, of the 16 that are left
//! lane `i` adds lane `i + 8`, and so on to one. A last block of fewer than 32 terms adds to its
//! lanes alone; since no lane can hold `-0.0`, filling it up with zeros is the same. Every
//! operation is an IEEE 754 binary32 operation, so each implementation gives the same result to
//! the bit, as long as it is finite.

use std::fmt;

mod scalar;

#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
mod neon;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
use neon as simd;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
use wasm as simd;
#[cfg(target_arch = "x86_64")]
use x86 as simd;

// What the implementations in `simd` share.
#[cfg(any(
    target_arch = "x86_64",
    all(target_arch = "aarch64", target_feature = "neon"),
    all(target_arch = "wasm32", target_feature = "simd128")
))]
mod groups;

/// Stands in where there is no other implementation than the scalar one.
#[cfg(not(any(
    target_arch = "x86_64",
    all(target_arch = "aarch64", target_feature = "neon"),
    all(target_arch = "wasm32", target_feature = "simd128")
)))]
mod simd {
    pub(super) fn all() -> [Option<&'static super::Kernels>; 0] {
        []
    }
}

/// How many partial sums there are.
const LANES: usize = 32;

/// Fills `out` with the result for each of the rows, of which there are as many.
type RowsFn = fn(query: &[f32], rows: Rows<'_>, out: &mut [f32]);

/// Some of the rows of a matrix, in any order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows<'a> {
    /// All rows of the matrix, one after another.
    pub(super) matrix: &'a [f32],
    /// How many elements a row has.
    pub(super) dimensions: usize,
    /// Which rows are meant.
    pub(super) slots: &'a [u32],
}

impl<'a> Rows<'a> {
    /// A matrix of one row.
    fn one(row: &'a [f32]) -> Rows<'a> {
        Rows { matrix: row, dimensions: row.len(), slots: &[0] }
    }

    /// The `at`th of these rows.
    #[inline(always)]
    fn row(&self, at: usize) -> &'a [f32] {
        let start = self.slots[at] as usize * self.dimensions;
        &self.matrix[start..start + self.dimensions]
    }
}

/// One implementation of the kernels.
pub(super) struct Kernels {
    name: &'static str,
    dot: RowsFn,
    squared_l2: RowsFn,
}

impl Kernels {
    /// The fastest implementation for the processor this runs on.
    pub(super) fn best() -> &'static Kernels {
        simd::all().into_iter().flatten().next().unwrap_or(&scalar::KERNELS)
    }

    /// What the implementation is called: `"scalar"`, `"avx2"`, `"avx512"`, `"neon"` or
    /// `"simd128"`.
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// The inner product of `query` with each of the rows.
    ///
    /// # Panics
    /// When there are not as many results as rows, the query is of another length, or a slot is
    /// outside the matrix.
    pub(super) fn dot_rows(&self, query: &[f32], rows: Rows<'_>, out: &mut [f32]) {
        check(query, rows, out);
        (self.dot)(query, rows, out);
    }

    /// The squared euclidean distance of `query` to each of the rows.
    ///
    /// # Panics
    /// As [`dot_rows`](Kernels::dot_rows).
    pub(super) fn squared_l2_rows(&self, query: &[f32], rows: Rows<'_>, out: &mut [f32]) {
        check(query, rows, out);
        (self.squared_l2)(query, rows, out);
    }

    /// The inner product of two vectors of one length.
    pub(super) fn dot(&self, a: &[f32], b: &[f32]) -> f32 {
        let mut out = [0.0];
        self.dot_rows(a, Rows::one(b), &mut out);
        out[0]
    }
}

impl fmt::Debug for Kernels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The implementations rely on rows as long as the query for their memory safety.
fn check(query: &[f32], rows: Rows<'_>, out: &[f32]) {
    assert_eq!(query.len(), rows.dimensions, "the query is of another length than the rows");
    assert_eq!(rows.slots.len(), out.len(), "not as many results as rows");
}

#[cfg(test)]
mod tests;
