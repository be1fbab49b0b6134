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

use rows::{Row, Rows, ScaledRow};

/// The sums of an implementation over rows of each precision, given the function that takes them
/// of any, as [`RowSums`].
macro_rules! each_precision {
    ($sums:ident) => {
        $crate::vector::kernels::RowSums {
            floats: each_precision!(one, $sums),
            halves: each_precision!(one, $sums),
            scaled: each_precision!(one, $sums),
        }
    };
    (one, $sums:ident) => {
        $crate::vector::kernels::Sums {
            dot: |query, rows, out| $sums::<false, _>(query, rows, out),
            squared_l2: |query, rows, out| $sums::<true, _>(query, rows, out),
        }
    };
}

pub(super) mod lookup;
#[cfg(any(
    target_arch = "x86_64",
    all(target_arch = "aarch64", target_feature = "neon"),
    all(target_arch = "wasm32", target_feature = "simd128")
))]
mod registers;
mod rotate;
pub(super) mod rows;
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

/// Asks for values that are read soon, where there is a way to.
#[inline]
pub(super) fn prefetch<T>(values: &[T]) {
    #[cfg(target_arch = "x86_64")]
    x86::prefetch_values(values);
    #[cfg(not(target_arch = "x86_64"))]
    let _ = values;
}

/// How many partial sums there are.
const LANES: usize = 32;

/// What is summed over each of some rows of one precision.
struct Sums<F> {
    dot: F,
    squared_l2: F,
}

/// Fills `out` with the result for each of the rows, of which there are as many.
type FloatsFn = for<'a> fn(query: &[f32], rows: Rows<'a, &'a [f32]>, out: &mut [f32]);
type HalvesFn = for<'a> fn(query: &[f32], rows: Rows<'a, &'a [u16]>, out: &mut [f32]);
type ScaledFn = for<'a> fn(query: &[f32], rows: Rows<'a, ScaledRow<'a>>, out: &mut [f32]);

/// The sums over rows of each precision.
struct RowSums {
    floats: Sums<FloatsFn>,
    halves: Sums<HalvesFn>,
    scaled: Sums<ScaledFn>,
}

/// One implementation of the kernels.
pub(super) struct Kernels {
    name: &'static str,
    rows: RowSums,
    /// The inner product of two vectors of one length.
    pair: fn(&[f32], &[f32]) -> f32,
    lookup: lookup::LookupFn,
    keys: lookup::KeysFn,
    table: lookup::TableFn,
    rotate: rotate::RotateFn,
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
    pub(super) fn dot_rows<'a, R: Precise<'a>>(
        &self,
        query: &[f32],
        rows: Rows<'a, R>,
        out: &mut [f32],
    ) {
        check(query, &rows, out);
        R::dot(self, query, rows, out);
    }

    /// The squared euclidean distance of `query` to each of the rows.
    ///
    /// # Panics
    /// As [`dot_rows`](Kernels::dot_rows).
    pub(super) fn squared_l2_rows<'a, R: Precise<'a>>(
        &self,
        query: &[f32],
        rows: Rows<'a, R>,
        out: &mut [f32],
    ) {
        check(query, &rows, out);
        R::squared_l2(self, query, rows, out);
    }

    /// What the codes of each block select from the table, summed for each vector.
    ///
    /// # Panics
    /// When the blocks are not as many as the sums, or the table is not one of whole groups.
    pub(super) fn lookup_sums(&self, blocks: &[u8], table: &[u8], out: &mut [lookup::Sums]) {
        lookup::check(blocks, table, out);
        (self.lookup)(blocks, table, out);
    }

    /// Fills `keys` from the sums of a block, and says whether any is below `bound`.
    pub(super) fn keys(
        &self,
        sums: &lookup::Sums,
        add: &[u16; lookup::BLOCK],
        scale: &[u16; lookup::BLOCK],
        line: lookup::Line,
        bound: f32,
        keys: &mut [f32; lookup::BLOCK],
    ) -> bool {
        (self.keys)(sums, add, scale, line, bound, keys)
    }

    /// The table of a query: for each four elements what each value of a code adds, times
    /// `per_step`, counted from the least and rounded.
    ///
    /// # Panics
    /// When the table has not 16 bytes for each four elements.
    pub(super) fn table(&self, elements: &[f32], per_step: f32, table: &mut [u8]) {
        assert_eq!(elements.len() * 4, table.len(), "a table of another size");
        (self.table)(elements, per_step, table);
    }

    /// Rotates `elements` by signs for each of some rounds.
    ///
    /// # Panics
    /// When there are fewer elements than the window has.
    pub(super) fn rotate(
        &self,
        elements: &mut [f32],
        signs: &[f32],
        window: usize,
        scratch: &mut [f32],
    ) {
        (self.rotate)(elements, signs, window, scratch);
    }

    /// The inner product of two vectors of one length.
    ///
    /// # Panics
    /// When they are not of one length.
    pub(super) fn dot(&self, a: &[f32], b: &[f32]) -> f32 {
        assert_eq!(a.len(), b.len(), "vectors of two lengths");
        (self.pair)(a, b)
    }
}

impl fmt::Debug for Kernels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Rows of a precision that there are kernels for.
pub(super) trait Precise<'a>: Row<'a> {
    fn dot(kernels: &Kernels, query: &[f32], rows: Rows<'a, Self>, out: &mut [f32]);
    fn squared_l2(kernels: &Kernels, query: &[f32], rows: Rows<'a, Self>, out: &mut [f32]);
}

/// Rows of one precision go to the kernels of that precision.
macro_rules! precise {
    ($row:ty, $sums:ident) => {
        impl<'a> Precise<'a> for $row {
            fn dot(kernels: &Kernels, query: &[f32], rows: Rows<'a, Self>, out: &mut [f32]) {
                (kernels.rows.$sums.dot)(query, rows, out);
            }

            fn squared_l2(kernels: &Kernels, query: &[f32], rows: Rows<'a, Self>, out: &mut [f32]) {
                (kernels.rows.$sums.squared_l2)(query, rows, out);
            }
        }
    };
}

precise!(&'a [f32], floats);
precise!(&'a [u16], halves);
precise!(ScaledRow<'a>, scaled);

/// The implementations rely on rows as long as the query for their memory safety.
fn check<'a, R: Row<'a>>(query: &[f32], rows: &Rows<'a, R>, out: &[f32]) {
    assert_eq!(query.len(), rows.dimensions, "the query is of another length than the rows");
    assert_eq!(rows.slots.len(), out.len(), "not as many results as rows");
}

#[cfg(test)]
mod tests;
