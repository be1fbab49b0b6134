//! AVX2 and AVX-512, chosen at run time.

#![expect(unsafe_code, reason = "loads from raw pointers, and calls behind a feature test")]

use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

use super::rows::Row;
use super::{Kernels, LANES};

/// The portable code as the compiler makes it of the registers that some features bring.
macro_rules! portable {
    ($features:literal) => {
        #[target_feature(enable = $features)]
        fn keys(
            sums: &lookup::Sums,
            add: &[u16; lookup::BLOCK],
            scale: &[u16; lookup::BLOCK],
            line: lookup::Line,
            bound: f32,
            keys: &mut [f32; lookup::BLOCK],
        ) -> bool {
            lookup::keys(sums, add, scale, line, bound, keys)
        }

        #[target_feature(enable = $features)]
        fn table(elements: &[f32], per_step: f32, table: &mut [u8]) {
            lookup::table(elements, per_step, table);
        }

        #[target_feature(enable = $features)]
        fn rotate(elements: &mut [f32], signs: &[f32], window: usize, scratch: &mut [f32]) {
            rotate::rotate(elements, signs, window, scratch);
        }
    };
}

mod avx2;
mod avx512;

/// Asks for a block of the rows that come next.
///
/// The processor guesses what follows within a page of 4 KiB, but not where the next page, or the
/// next row that a filter lets through, lies.
#[inline]
pub(super) fn prefetch_rows<'a, R: Row<'a>, const N: usize>(next: [R; N], at: usize) {
    const LINE: usize = 64;
    for row in next {
        let (here, end) = (row.address(at), row.address(at + LANES));
        for line in (0..end.addr() - here.addr()).step_by(LINE) {
            // SAFETY: a prefetch reads nothing and cannot fault, wherever it points.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(here.wrapping_add(line).cast()) };
        }
    }
}

/// Asks for some values that are read soon.
#[inline]
pub(super) fn prefetch_values<T>(values: &[T]) {
    const LINE: usize = 64;
    let start: *const u8 = values.as_ptr().cast();
    for line in (0..size_of_val(values)).step_by(LINE) {
        // SAFETY: a prefetch reads nothing and cannot fault.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(line).cast()) };
    }
}

/// The implementations this processor has, the widest first.
///
/// The test is cached by the standard library.
pub(super) fn all() -> [Option<&'static Kernels>; 2] {
    [avx512::detected(), avx2::detected()]
}
