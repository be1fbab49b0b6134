//! 32 lanes as four registers of eight.

use std::arch::x86_64::{
    __m256, _mm_add_ps, _mm_add_ss, _mm_cvtss_f32, _mm_movehl_ps, _mm_shuffle_ps, _mm256_add_ps,
    _mm256_castps256_ps128, _mm256_extractf128_ps, _mm256_loadu_ps, _mm256_mul_ps,
    _mm256_setzero_ps, _mm256_sub_ps,
};

use super::super::groups::{by_rows, tail};
use super::super::{Kernels, LANES, Rows};
use super::prefetch;

static KERNELS: Kernels = Kernels { name: "avx2", dot: rows::<false>, squared_l2: rows::<true> };

/// Rows at a time: 8 accumulators, so that the 16 registers hold all that is live.
const ROWS: usize = 2;
const WIDTH: usize = 8;
const REGISTERS: usize = LANES / WIDTH;

/// The implementation, if the processor has AVX2.
pub(super) fn detected() -> Option<&'static Kernels> {
    is_x86_feature_detected!("avx2").then_some(&KERNELS)
}

fn rows<const SQUARED_L2: bool>(query: &[f32], rows: Rows<'_>, out: &mut [f32]) {
    // SAFETY: `KERNELS`, the only way here, is private and handed out by `detected` alone.
    unsafe { rows_avx2::<SQUARED_L2>(query, rows, out) }
}

#[target_feature(enable = "avx2")]
fn rows_avx2<const SQUARED_L2: bool>(query: &[f32], rows: Rows<'_>, out: &mut [f32]) {
    by_rows::<ROWS>(
        rows,
        out,
        // SAFETY: this function has the feature; every row is as long as the query.
        |rows, next| unsafe { sums::<SQUARED_L2, ROWS>(query, rows, next) },
        // SAFETY: as above.
        |row| unsafe { sums::<SQUARED_L2, 1>(query, [row], [&[]]) }[0],
    );
}

/// The sums of `R` rows, asking for the `next` ones meanwhile.
///
/// # Safety
/// Each of `rows` must be as long as `query`.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn sums<const SQUARED_L2: bool, const R: usize>(
    query: &[f32],
    rows: [&[f32]; R],
    next: [&[f32]; R],
) -> [f32; R] {
    let n = query.len();
    debug_assert!(rows.iter().all(|row| row.len() == n));
    let whole = n - n % LANES;
    let mut lanes = [[_mm256_setzero_ps(); REGISTERS]; R];
    for at in (0..whole).step_by(LANES) {
        prefetch(next, at);
        for j in 0..REGISTERS {
            let at = at + j * WIDTH;
            // SAFETY: `at + WIDTH <= whole <= n`, the length of the query.
            let q = unsafe { _mm256_loadu_ps(query.as_ptr().add(at)) };
            for (lanes, row) in lanes.iter_mut().zip(rows) {
                // SAFETY: each row is as long as the query.
                let x = unsafe { _mm256_loadu_ps(row.as_ptr().add(at)) };
                lanes[j] = add_term::<SQUARED_L2>(lanes[j], q, x);
            }
        }
    }
    if whole < n {
        let query = tail(&query[whole..]);
        for (lanes, row) in lanes.iter_mut().zip(rows) {
            let row = tail(&row[whole..]);
            for (j, lane) in lanes.iter_mut().enumerate() {
                // SAFETY: both arrays hold `LANES = REGISTERS * WIDTH` elements.
                let q = unsafe { _mm256_loadu_ps(query.as_ptr().add(j * WIDTH)) };
                // SAFETY: as above.
                let x = unsafe { _mm256_loadu_ps(row.as_ptr().add(j * WIDTH)) };
                *lane = add_term::<SQUARED_L2>(*lane, q, x);
            }
        }
    }
    lanes.map(|[a, b, c, d]| sum_eight(_mm256_add_ps(_mm256_add_ps(a, c), _mm256_add_ps(b, d))))
}

#[inline]
#[target_feature(enable = "avx2")]
fn add_term<const SQUARED_L2: bool>(sum: __m256, q: __m256, x: __m256) -> __m256 {
    if SQUARED_L2 {
        let difference = _mm256_sub_ps(q, x);
        _mm256_add_ps(sum, _mm256_mul_ps(difference, difference))
    } else {
        _mm256_add_ps(sum, _mm256_mul_ps(q, x))
    }
}

/// The last three steps of the reduction tree.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn sum_eight(lanes: __m256) -> f32 {
    let four = _mm_add_ps(_mm256_castps256_ps128(lanes), _mm256_extractf128_ps::<1>(lanes));
    let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
}
