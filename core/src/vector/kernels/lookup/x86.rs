//! AVX2 and AVX-512: two groups, and four, at a time.

#![expect(unsafe_code, reason = "loads from raw pointers, and calls behind a feature test")]

use std::arch::x86_64::{
    __m128i, __m256i, __m512i, _mm_add_epi16, _mm_storeu_si128, _mm_unpackhi_epi16,
    _mm_unpacklo_epi16, _mm256_add_epi16, _mm256_and_si256, _mm256_castsi256_si128,
    _mm256_extracti128_si256, _mm256_loadu_si256, _mm256_set1_epi8, _mm256_setzero_si256,
    _mm256_shuffle_epi8, _mm256_slli_epi16, _mm256_srli_epi16, _mm256_sub_epi16, _mm512_add_epi16,
    _mm512_and_si512, _mm512_castsi512_si256, _mm512_extracti64x4_epi64, _mm512_loadu_si512,
    _mm512_set1_epi8, _mm512_setzero_si512, _mm512_shuffle_epi8, _mm512_slli_epi16,
    _mm512_srli_epi16, _mm512_sub_epi16,
};

use super::{BLOCK, GROUP_BYTES, Sums};

/// # Safety
/// The processor must have AVX2, and the arguments must pass [`check`](super::check).
#[target_feature(enable = "avx2")]
pub(in super::super) unsafe fn avx2(blocks: &[u8], table: &[u8], out: &mut [Sums]) {
    const WIDTH: usize = 32;
    let whole = table.len() - table.len() % WIDTH;
    let low_half = _mm256_set1_epi8(15);
    for (number, sums) in out.iter_mut().enumerate() {
        let block = &blocks[number * table.len()..][..table.len()];
        let mut lanes = [_mm256_setzero_si256(); 4];
        for at in (0..whole).step_by(WIDTH) {
            // SAFETY: `at + WIDTH <= whole`, which is at most the length of both.
            let (codes, entries) = unsafe {
                (
                    _mm256_loadu_si256(block.as_ptr().add(at).cast()),
                    _mm256_loadu_si256(table.as_ptr().add(at).cast()),
                )
            };
            let low = _mm256_and_si256(codes, low_half);
            let high = _mm256_and_si256(_mm256_srli_epi16::<4>(codes), low_half);
            let low = _mm256_shuffle_epi8(entries, low);
            let high = _mm256_shuffle_epi8(entries, high);
            // Sums of pairs of bytes, of which the odd ones are taken out again at the end.
            lanes[0] = _mm256_add_epi16(lanes[0], low);
            lanes[1] = _mm256_add_epi16(lanes[1], _mm256_srli_epi16::<8>(low));
            lanes[2] = _mm256_add_epi16(lanes[2], high);
            lanes[3] = _mm256_add_epi16(lanes[3], _mm256_srli_epi16::<8>(high));
        }
        for half in 0..2 {
            let odd = lanes[half * 2 + 1];
            let even = _mm256_sub_epi16(lanes[half * 2], _mm256_slli_epi16::<8>(odd));
            store(fold_256(even), fold_256(odd), sums, half);
        }
        rest(&block[whole..], &table[whole..], sums);
    }
}

/// # Safety
/// The processor must have AVX-512 F and BW and AVX2, and the arguments must pass
/// [`check`](super::check).
#[target_feature(enable = "avx512f,avx512bw,avx2")]
pub(in super::super) unsafe fn avx512(blocks: &[u8], table: &[u8], out: &mut [Sums]) {
    const WIDTH: usize = 64;
    let whole = table.len() - table.len() % WIDTH;
    let low_half = _mm512_set1_epi8(15);
    for (number, sums) in out.iter_mut().enumerate() {
        let block = &blocks[number * table.len()..][..table.len()];
        let mut lanes = [_mm512_setzero_si512(); 4];
        for at in (0..whole).step_by(WIDTH) {
            // SAFETY: `at + WIDTH <= whole`, which is at most the length of both.
            let (codes, entries) = unsafe {
                (
                    _mm512_loadu_si512(block.as_ptr().add(at).cast()),
                    _mm512_loadu_si512(table.as_ptr().add(at).cast()),
                )
            };
            let low = _mm512_and_si512(codes, low_half);
            let high = _mm512_and_si512(_mm512_srli_epi16::<4>(codes), low_half);
            let low = _mm512_shuffle_epi8(entries, low);
            let high = _mm512_shuffle_epi8(entries, high);
            lanes[0] = _mm512_add_epi16(lanes[0], low);
            lanes[1] = _mm512_add_epi16(lanes[1], _mm512_srli_epi16::<8>(low));
            lanes[2] = _mm512_add_epi16(lanes[2], high);
            lanes[3] = _mm512_add_epi16(lanes[3], _mm512_srli_epi16::<8>(high));
        }
        for half in 0..2 {
            let odd = lanes[half * 2 + 1];
            let even = _mm512_sub_epi16(lanes[half * 2], _mm512_slli_epi16::<8>(odd));
            store(fold_512(even), fold_512(odd), sums, half);
        }
        rest(&block[whole..], &table[whole..], sums);
    }
}

/// Adds the groups that do not fill a register.
fn rest(block: &[u8], table: &[u8], sums: &mut Sums) {
    if block.is_empty() {
        return;
    }
    let mut more = [[0; BLOCK]];
    super::scalar(block, table, &mut more);
    for (sum, more) in sums.iter_mut().zip(more[0]) {
        *sum = sum.wrapping_add(more);
    }
}

/// Adds the two groups of a register.
#[inline]
#[target_feature(enable = "avx2")]
fn fold_256(lanes: __m256i) -> __m128i {
    _mm_add_epi16(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256::<1>(lanes))
}

/// Adds the four groups of a register.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx2")]
fn fold_512(lanes: __m512i) -> __m128i {
    let upper = _mm512_extracti64x4_epi64::<1>(lanes);
    fold_256(_mm256_add_epi16(_mm512_castsi512_si256(lanes), upper))
}

/// Stores the sums of 16 vectors, given those of the even and of the odd ones.
#[inline]
#[target_feature(enable = "avx2")]
fn store(even: __m128i, odd: __m128i, sums: &mut Sums, half: usize) {
    let sums = &mut sums[half * GROUP_BYTES..][..GROUP_BYTES];
    // SAFETY: two times eight sums fit into the 16.
    unsafe {
        _mm_storeu_si128(sums.as_mut_ptr().cast(), _mm_unpacklo_epi16(even, odd));
        _mm_storeu_si128(sums.as_mut_ptr().add(8).cast(), _mm_unpackhi_epi16(even, odd));
    }
}
