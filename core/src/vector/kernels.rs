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

#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm;
#[cfg(target_arch = "x86_64")]
mod x86;

/// How many partial sums there are.
const LANES: usize = 32;

/// Fills `out` with the result for each row, given the query and the rows one after another.
type RowsFn = fn(query: &[f32], rows: &[f32], out: &mut [f32]);

/// One implementation of the kernels.
pub(super) struct Kernels {
    name: &'static str,
    dot: RowsFn,
    squared_l2: RowsFn,
}

impl Kernels {
    /// The fastest implementation for the processor this runs on.
    pub(super) fn best() -> &'static Kernels {
        #[cfg(target_arch = "x86_64")]
        return x86::best().unwrap_or(&scalar::KERNELS);
        #[cfg(target_arch = "aarch64")]
        return &neon::KERNELS;
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        return &wasm::KERNELS;
        #[cfg(not(any(
            target_arch = "x86_64",
            target_arch = "aarch64",
            all(target_arch = "wasm32", target_feature = "simd128")
        )))]
        return &scalar::KERNELS;
    }

    /// What the implementation is called: `"scalar"`, `"avx2"`, `"avx512"`, `"neon"` or
    /// `"simd128"`.
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// The inner product of `query` with each of the `out.len()` rows.
    ///
    /// # Panics
    /// When `rows` is not `out.len()` times as long as `query`.
    pub(super) fn dot_rows(&self, query: &[f32], rows: &[f32], out: &mut [f32]) {
        check(query, rows, out);
        (self.dot)(query, rows, out);
    }

    /// The squared euclidean distance of `query` to each of the `out.len()` rows.
    ///
    /// # Panics
    /// When `rows` is not `out.len()` times as long as `query`.
    pub(super) fn squared_l2_rows(&self, query: &[f32], rows: &[f32], out: &mut [f32]) {
        check(query, rows, out);
        (self.squared_l2)(query, rows, out);
    }

    /// The inner product of two vectors of one length.
    pub(super) fn dot(&self, a: &[f32], b: &[f32]) -> f32 {
        let mut out = [0.0];
        self.dot_rows(a, b, &mut out);
        out[0]
    }
}

impl fmt::Debug for Kernels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The implementations rely on these lengths for their memory safety.
fn check(query: &[f32], rows: &[f32], out: &[f32]) {
    assert_eq!(
        query.len().checked_mul(out.len()),
        Some(rows.len()),
        "{} rows of {} elements, but {} elements given",
        out.len(),
        query.len(),
        rows.len()
    );
}

/// Calls `blocks` on as many runs of `R` rows as there are and `one` on each row that is left.
#[inline(always)]
fn by_rows<const R: usize>(
    query: &[f32],
    rows: &[f32],
    out: &mut [f32],
    blocks: impl Fn(&[f32]) -> [f32; R],
    one: impl Fn(&[f32]) -> [f32; 1],
) {
    let n = query.len();
    if n == 0 {
        return out.fill(0.0);
    }
    let (out_blocks, out_rest) = out.as_chunks_mut::<R>();
    let mut row_blocks = rows.chunks_exact(n * R);
    for (rows, out) in row_blocks.by_ref().zip(out_blocks) {
        *out = blocks(rows);
    }
    for (row, out) in row_blocks.remainder().chunks_exact(n).zip(out_rest) {
        [*out] = one(row);
    }
}

/// The last block of a vector, filled up with zeros.
#[inline(always)]
fn tail(rest: &[f32]) -> [f32; LANES] {
    let mut block = [0.0; LANES];
    block[..rest.len()].copy_from_slice(rest);
    block
}

#[cfg(test)]
mod tests;
