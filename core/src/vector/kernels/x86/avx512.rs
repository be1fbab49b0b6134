//! 32 lanes as two registers of sixteen.

use std::arch::x86_64::{
    __m512, _mm_loadu_si128, _mm256_add_ps, _mm256_loadu_si256, _mm512_add_ps,
    _mm512_castps512_ps256, _mm512_cvtepi8_epi32, _mm512_cvtepi32_ps, _mm512_cvtph_ps,
    _mm512_loadu_ps, _mm512_mul_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_shuffle_f32x4,
    _mm512_sub_ps,
};

use super::super::registers::{Load, prefetch_rows, sums_by_registers};
use super::super::rows::{Row, Rows, ScaledRow};
use super::super::{Kernels, LANES, lookup, rotate};
use super::avx2::sum_eight;

static KERNELS: Kernels = Kernels {
    name: "avx512",
    rows: each_precision!(sums),
    pair,
    // SAFETY: `KERNELS` is private and handed out by `detected` alone, and `Kernels` checks.
    lookup: |blocks, table, out| unsafe { lookup::x86::avx512(blocks, table, out) },
    // SAFETY: as above.
    keys: |sums, add, scale, line, bound, out| unsafe { keys(sums, add, scale, line, bound, out) },
    // SAFETY: as above.
    table: |elements, per_step, out| unsafe { table(elements, per_step, out) },
    // SAFETY: as above.
    rotate: |elements, signs, window, scratch| unsafe { rotate(elements, signs, window, scratch) },
};

/// The implementation, if the processor has AVX-512 F and BW.
pub(super) fn detected() -> Option<&'static Kernels> {
    (is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx2"))
    .then_some(&KERNELS)
}

portable!("avx512f,avx512bw");

sums_by_registers! {
    #[target_feature(enable = "avx512f,avx2")]
    register: __m512,
    width: 16,
    // 8 accumulators hide the latency of the additions.
    rows: 4,
    zero: _mm512_setzero_ps(),
    add: _mm512_add_ps,
    subtract: _mm512_sub_ps,
    multiply: _mm512_mul_ps,
    reduce: reduce,
}

impl<'a> Load<'a, __m512> for &'a [f32] {
    #[inline]
    #[target_feature(enable = "avx512f,avx2")]
    unsafe fn load(self, at: usize) -> __m512 {
        // SAFETY: the caller's.
        unsafe { _mm512_loadu_ps(self.as_ptr().add(at)) }
    }
}

impl<'a> Load<'a, __m512> for &'a [u16] {
    #[inline]
    #[target_feature(enable = "avx512f,avx2")]
    unsafe fn load(self, at: usize) -> __m512 {
        // SAFETY: the caller's.
        _mm512_cvtph_ps(unsafe { _mm256_loadu_si256(self.as_ptr().add(at).cast()) })
    }
}

impl<'a> Load<'a, __m512> for ScaledRow<'a> {
    #[inline]
    #[target_feature(enable = "avx512f,avx2")]
    unsafe fn load(self, at: usize) -> __m512 {
        // SAFETY: the caller's.
        let bytes = unsafe { _mm_loadu_si128(self.elements.as_ptr().add(at).cast()) };
        let integers = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes));
        _mm512_mul_ps(integers, _mm512_set1_ps(self.scale))
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx2")]
fn reduce([a, b]: [__m512; REGISTERS]) -> f32 {
    let sixteen = _mm512_add_ps(a, b);
    // The upper eight lanes in the place of the lower ones.
    let upper = _mm512_shuffle_f32x4::<0b11_10_11_10>(sixteen, sixteen);
    sum_eight(_mm256_add_ps(_mm512_castps512_ps256(sixteen), _mm512_castps512_ps256(upper)))
}
