//! 32 lanes as two registers of sixteen.

use std::arch::x86_64::{
    __m512, _mm256_add_ps, _mm512_add_ps, _mm512_castps512_ps256, _mm512_loadu_ps, _mm512_mul_ps,
    _mm512_setzero_ps, _mm512_shuffle_f32x4, _mm512_sub_ps,
};

use super::super::groups::{by_rows, tail};
use super::super::{Kernels, LANES, Rows};
use super::avx2::sum_eight;
use super::prefetch;

static KERNELS: Kernels = Kernels { name: "avx512", dot: rows::<false>, squared_l2: rows::<true> };

/// Rows at a time: 8 accumulators hide the latency of the additions.
const ROWS: usize = 4;
const WIDTH: usize = 16;
const REGISTERS: usize = LANES / WIDTH;

/// The implementation, if the processor has AVX-512 F.
pub(super) fn detected() -> Option<&'static Kernels> {
    (is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx2")).then_some(&KERNELS)
}

fn rows<const SQUARED_L2: bool>(query: &[f32], rows: Rows<'_>, out: &mut [f32]) {
    // SAFETY: `KERNELS`, the only way here, is private and handed out by `detected` alone.
    unsafe { rows_avx512::<SQUARED_L2>(query, rows, out) }
}

#[target_feature(enable = "avx512f,avx2")]
fn rows_avx512<const SQUARED_L2: bool>(query: &[f32], rows: Rows<'_>, out: &mut [f32]) {
    by_rows::<ROWS>(
        rows,
        out,
        // SAFETY: this function has the features; every row is as long as the query.
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
#[target_feature(enable = "avx512f,avx2")]
unsafe fn sums<const SQUARED_L2: bool, const R: usize>(
    query: &[f32],
    rows: [&[f32]; R],
    next: [&[f32]; R],
) -> [f32; R] {
    let n = query.len();
    debug_assert!(rows.iter().all(|row| row.len() == n));
    let whole = n - n % LANES;
    let mut lanes = [[_mm512_setzero_ps(); REGISTERS]; R];
    for at in (0..whole).step_by(LANES) {
        prefetch(next, at);
        for j in 0..REGISTERS {
            let at = at + j * WIDTH;
            // SAFETY: `at + WIDTH <= whole <= n`, the length of the query.
            let q = unsafe { _mm512_loadu_ps(query.as_ptr().add(at)) };
            for (lanes, row) in lanes.iter_mut().zip(rows) {
                // SAFETY: each row is as long as the query.
                let x = unsafe { _mm512_loadu_ps(row.as_ptr().add(at)) };
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
                let q = unsafe { _mm512_loadu_ps(query.as_ptr().add(j * WIDTH)) };
                // SAFETY: as above.
                let x = unsafe { _mm512_loadu_ps(row.as_ptr().add(j * WIDTH)) };
                *lane = add_term::<SQUARED_L2>(*lane, q, x);
            }
        }
    }
    lanes.map(|[a, b]| {
        let sixteen = _mm512_add_ps(a, b);
        // The upper eight lanes in the place of the lower ones.
        let upper = _mm512_shuffle_f32x4::<0b11_10_11_10>(sixteen, sixteen);
        sum_eight(_mm256_add_ps(_mm512_castps512_ps256(sixteen), _mm512_castps512_ps256(upper)))
    })
}

#[inline]
#[target_feature(enable = "avx512f,avx2")]
fn add_term<const SQUARED_L2: bool>(sum: __m512, q: __m512, x: __m512) -> __m512 {
    if SQUARED_L2 {
        let difference = _mm512_sub_ps(q, x);
        _mm512_add_ps(sum, _mm512_mul_ps(difference, difference))
    } else {
        _mm512_add_ps(sum, _mm512_mul_ps(q, x))
    }
}
