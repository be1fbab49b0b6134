//! 32 lanes as four registers of eight.

use std::arch::x86_64::{
    __m256, _mm_add_ps, _mm_add_ss, _mm_cvtss_f32, _mm_loadl_epi64, _mm_loadu_si128, _mm_movehl_ps,
    _mm_shuffle_ps, _mm256_add_ps, _mm256_castps256_ps128, _mm256_cvtepi8_epi32,
    _mm256_cvtepi32_ps, _mm256_cvtph_ps, _mm256_extractf128_ps, _mm256_loadu_ps, _mm256_mul_ps,
    _mm256_set1_ps, _mm256_setzero_ps, _mm256_sub_ps,
};

use super::super::registers::{Load, prefetch_rows, sums_by_registers};
use super::super::rows::{Row, Rows, ScaledRow};
use super::super::{Kernels, LANES, lookup, rotate};

static KERNELS: Kernels = Kernels {
    name: "avx2",
    rows: each_precision!(sums),
    pair,
    // SAFETY: `KERNELS` is private and handed out by `detected` alone, and `Kernels` checks.
    lookup: |blocks, table, out| unsafe { lookup::x86::avx2(blocks, table, out) },
    // SAFETY: as above.
    keys: |sums, add, scale, line, bound, out| unsafe { keys(sums, add, scale, line, bound, out) },
    // SAFETY: as above.
    table: |elements, per_step, out| unsafe { table(elements, per_step, out) },
    // SAFETY: as above.
    rotate: |elements, signs, window, scratch| unsafe { rotate(elements, signs, window, scratch) },
};

/// The implementation, if the processor has AVX2 and F16C.
pub(super) fn detected() -> Option<&'static Kernels> {
    (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("f16c")).then_some(&KERNELS)
}

portable!("avx2");

sums_by_registers! {
    #[target_feature(enable = "avx2,f16c")]
    register: __m256,
    width: 8,
    // 8 accumulators, so that the 16 registers hold all that is live.
    rows: 2,
    zero: _mm256_setzero_ps(),
    add: _mm256_add_ps,
    subtract: _mm256_sub_ps,
    multiply: _mm256_mul_ps,
    reduce: reduce,
}

impl<'a> Load<'a, __m256> for &'a [f32] {
    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    unsafe fn load(self, at: usize) -> __m256 {
        // SAFETY: the caller's.
        unsafe { _mm256_loadu_ps(self.as_ptr().add(at)) }
    }
}

impl<'a> Load<'a, __m256> for &'a [u16] {
    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    unsafe fn load(self, at: usize) -> __m256 {
        // SAFETY: the caller's.
        _mm256_cvtph_ps(unsafe { _mm_loadu_si128(self.as_ptr().add(at).cast()) })
    }
}

impl<'a> Load<'a, __m256> for ScaledRow<'a> {
    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    unsafe fn load(self, at: usize) -> __m256 {
        // SAFETY: the caller's.
        let bytes = unsafe { _mm_loadl_epi64(self.elements.as_ptr().add(at).cast()) };
        let integers = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
        _mm256_mul_ps(integers, _mm256_set1_ps(self.scale))
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn reduce([a, b, c, d]: [__m256; REGISTERS]) -> f32 {
    sum_eight(_mm256_add_ps(_mm256_add_ps(a, c), _mm256_add_ps(b, d)))
}

/// The last three steps of the reduction tree.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn sum_eight(lanes: __m256) -> f32 {
    let four = _mm_add_ps(_mm256_castps256_ps128(lanes), _mm256_extractf128_ps::<1>(lanes));
    let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
}
