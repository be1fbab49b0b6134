//! NEON, which nearly every aarch64 target has by definition: 32 lanes as eight registers of four.

#![expect(unsafe_code, reason = "loads from raw pointers, and calls with a target feature")]

use std::arch::aarch64::{
    float32x4_t, vadd_f32, vaddq_f32, vdupq_n_f32, vget_high_f32, vget_lane_f32, vget_low_f32,
    vld1q_f32, vmulq_f32, vsubq_f32,
};

use super::groups::{by_rows, tail};
use super::{Kernels, LANES, Rows};

static KERNELS: Kernels = Kernels { name: "neon", dot: rows::<false>, squared_l2: rows::<true> };

/// The implementation; it needs no test at run time.
pub(super) fn all() -> [Option<&'static Kernels>; 1] {
    [Some(&KERNELS)]
}

/// Rows at a time: 16 accumulators of the 32 registers.
const ROWS: usize = 2;
const WIDTH: usize = 4;
const REGISTERS: usize = LANES / WIDTH;

fn rows<const SQUARED_L2: bool>(query: &[f32], rows: Rows<'_>, out: &mut [f32]) {
    // SAFETY: this module is only compiled for targets that have NEON.
    unsafe { rows_neon::<SQUARED_L2>(query, rows, out) }
}

#[target_feature(enable = "neon")]
fn rows_neon<const SQUARED_L2: bool>(query: &[f32], rows: Rows<'_>, out: &mut [f32]) {
    by_rows::<ROWS>(
        rows,
        out,
        // SAFETY: this function has the feature, and every row is as long as the query.
        |rows, _| unsafe { sums::<SQUARED_L2, ROWS>(query, rows) },
        // SAFETY: as above.
        |row| unsafe { sums::<SQUARED_L2, 1>(query, [row]) }[0],
    );
}

/// The sums of `R` rows.
///
/// # Safety
/// Each of `rows` must be as long as `query`.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn sums<const SQUARED_L2: bool, const R: usize>(
    query: &[f32],
    rows: [&[f32]; R],
) -> [f32; R] {
    let n = query.len();
    debug_assert!(rows.iter().all(|row| row.len() == n));
    let whole = n - n % LANES;
    let mut lanes = [[vdupq_n_f32(0.0); REGISTERS]; R];
    for at in (0..whole).step_by(LANES) {
        for j in 0..REGISTERS {
            let at = at + j * WIDTH;
            // SAFETY: `at + WIDTH <= whole <= n`, the length of the query.
            let q = unsafe { vld1q_f32(query.as_ptr().add(at)) };
            for (lanes, row) in lanes.iter_mut().zip(rows) {
                // SAFETY: each row is as long as the query.
                let x = unsafe { vld1q_f32(row.as_ptr().add(at)) };
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
                let q = unsafe { vld1q_f32(query.as_ptr().add(j * WIDTH)) };
                // SAFETY: as above.
                let x = unsafe { vld1q_f32(row.as_ptr().add(j * WIDTH)) };
                *lane = add_term::<SQUARED_L2>(*lane, q, x);
            }
        }
    }
    lanes.map(|lanes| reduce(lanes))
}

#[inline]
#[target_feature(enable = "neon")]
fn add_term<const SQUARED_L2: bool>(
    sum: float32x4_t,
    q: float32x4_t,
    x: float32x4_t,
) -> float32x4_t {
    if SQUARED_L2 {
        let difference = vsubq_f32(q, x);
        vaddq_f32(sum, vmulq_f32(difference, difference))
    } else {
        vaddq_f32(sum, vmulq_f32(q, x))
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn reduce([a, b, c, d, e, f, g, h]: [float32x4_t; REGISTERS]) -> f32 {
    let (a, b, c, d) = (vaddq_f32(a, e), vaddq_f32(b, f), vaddq_f32(c, g), vaddq_f32(d, h));
    let four = vaddq_f32(vaddq_f32(a, c), vaddq_f32(b, d));
    let two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    vget_lane_f32::<0>(two) + vget_lane_f32::<1>(two)
}
