//! AVX2 and AVX-512, chosen at run time.

#![expect(unsafe_code, reason = "loads from raw pointers, and calls behind a feature test")]

use super::Kernels;

mod avx2;
mod avx512;

/// The widest implementation this processor has; the test is cached by the standard library.
pub(super) fn best() -> Option<&'static Kernels> {
    avx512::detected().or_else(avx2::detected)
}

/// Every implementation this processor has.
#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = &'static Kernels> {
    avx2::detected().into_iter().chain(avx512::detected())
}
