//! NEON, which nearly every aarch64 target has by definition: 32 lanes as eight registers of four.

#![expect(unsafe_code, reason = "loads from raw pointers, and calls with a target feature")]

use std::arch::aarch64::{
    float32x4_t, vadd_f32, vaddq_f32, vandq_u32, vcvtq_f32_s32, vdup_n_s32, vdupq_n_f32,
    vdupq_n_u32, vget_high_f32, vget_lane_f32, vget_low_f32, vget_low_s16, vld1_u16, vld1q_f32,
    vmovl_s8, vmovl_s16, vmovl_u16, vmulq_f32, vorrq_u32, vreinterpret_s8_s32,
    vreinterpretq_f32_u32, vreinterpretq_u32_f32, vshlq_n_u32, vsubq_f32,
};

use super::rows::{HALF_SCALE, Row, Rows, ScaledRow};
use super::{Kernels, LANES, Sums, lookup, rotate};

static KERNELS: Kernels = Kernels {
    name: "neon",
    floats: Sums {
        dot: |query, rows, out| sums::<false, _>(query, rows, out),
        squared_l2: |query, rows, out| sums::<true, _>(query, rows, out),
    },
    halves: Sums {
        dot: |query, rows, out| sums::<false, _>(query, rows, out),
        squared_l2: |query, rows, out| sums::<true, _>(query, rows, out),
    },
    scaled: Sums {
        dot: |query, rows, out| sums::<false, _>(query, rows, out),
        squared_l2: |query, rows, out| sums::<true, _>(query, rows, out),
    },
    // SAFETY: this module is only compiled for targets that have NEON, and `Kernels` checks.
    pair: |a, b| unsafe { sums_of::<false, _, 1>(a, [b]) }[0],
    // SAFETY: as above.
    lookup: |blocks, table, out| unsafe { lookup::neon::neon(blocks, table, out) },
    keys: lookup::keys,
    table: lookup::table,
    rotate: rotate::rotate,
};

/// The implementation; it needs no test at run time.
pub(super) fn all() -> [Option<&'static Kernels>; 1] {
    [Some(&KERNELS)]
}

/// Rows at a time: 16 accumulators of the 32 registers.
const ROWS: usize = 2;
const WIDTH: usize = 4;
const REGISTERS: usize = LANES / WIDTH;

fn sums<'a, const SQUARED_L2: bool, R: Load<'a>>(
    query: &[f32],
    rows: Rows<'a, R>,
    out: &mut [f32],
) {
    // SAFETY: this module is only compiled for targets that have NEON.
    unsafe { sums_neon::<SQUARED_L2, R>(query, rows, out) }
}

#[target_feature(enable = "neon")]
fn sums_neon<'a, const SQUARED_L2: bool, R: Load<'a>>(
    query: &[f32],
    rows: Rows<'a, R>,
    out: &mut [f32],
) {
    rows.by_groups::<ROWS>(
        out,
        // SAFETY: this function has the feature, and every row is as long as the query.
        |rows, _| unsafe { sums_of::<SQUARED_L2, R, ROWS>(query, rows) },
        // SAFETY: as above.
        |row| unsafe { sums_of::<SQUARED_L2, R, 1>(query, [row]) }[0],
    );
}

/// Rows whose elements can be loaded four at a time.
trait Load<'a>: Row<'a> {
    /// The four elements from a position on.
    ///
    /// # Safety
    /// The row must have four elements from there on.
    unsafe fn load(self, at: usize) -> float32x4_t;
}

impl<'a> Load<'a> for &'a [f32] {
    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn load(self, at: usize) -> float32x4_t {
        // SAFETY: the caller's.
        unsafe { vld1q_f32(self.as_ptr().add(at)) }
    }
}

impl<'a> Load<'a> for &'a [u16] {
    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn load(self, at: usize) -> float32x4_t {
        // SAFETY: the caller's.
        let bits = vmovl_u16(unsafe { vld1_u16(self.as_ptr().add(at)) });
        let magnitude = vshlq_n_u32::<13>(vandq_u32(bits, vdupq_n_u32(0x7fff)));
        let sign = vshlq_n_u32::<16>(vandq_u32(bits, vdupq_n_u32(0x8000)));
        let value = vmulq_f32(vreinterpretq_f32_u32(magnitude), vdupq_n_f32(HALF_SCALE));
        vreinterpretq_f32_u32(vorrq_u32(vreinterpretq_u32_f32(value), sign))
    }
}

impl<'a> Load<'a> for ScaledRow<'a> {
    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn load(self, at: usize) -> float32x4_t {
        // SAFETY: the caller's; no alignment is needed.
        let four = unsafe { self.elements.as_ptr().add(at).cast::<i32>().read_unaligned() };
        let bytes = vreinterpret_s8_s32(vdup_n_s32(four));
        let integers = vmovl_s16(vget_low_s16(vmovl_s8(bytes)));
        vmulq_f32(vcvtq_f32_s32(integers), vdupq_n_f32(self.scale))
    }
}

/// The sums of `N` rows.
///
/// # Safety
/// Each of `rows` must be as long as `query`.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn sums_of<'a, const SQUARED_L2: bool, R: Load<'a>, const N: usize>(
    query: &[f32],
    rows: [R; N],
) -> [f32; N] {
    let n = query.len();
    debug_assert!(rows.iter().all(|row| row.len() == n));
    let whole = n - n % LANES;
    let mut lanes = [[vdupq_n_f32(0.0); REGISTERS]; N];
    for at in (0..whole).step_by(LANES) {
        for j in 0..REGISTERS {
            let at = at + j * WIDTH;
            // SAFETY: `at + WIDTH <= whole <= n`, the length of the query.
            let q = unsafe { query.load(at) };
            for (lanes, row) in lanes.iter_mut().zip(rows) {
                // SAFETY: each row is as long as the query.
                let x = unsafe { row.load(at) };
                lanes[j] = add_term::<SQUARED_L2>(lanes[j], q, x);
            }
        }
    }
    if whole < n {
        let query = query.tail(whole);
        for (lanes, row) in lanes.iter_mut().zip(rows) {
            let row = row.tail(whole);
            for (j, lane) in lanes.iter_mut().enumerate() {
                // SAFETY: both arrays hold `LANES = REGISTERS * WIDTH` elements.
                let q = unsafe { query.as_slice().load(j * WIDTH) };
                // SAFETY: as above.
                let x = unsafe { row.as_slice().load(j * WIDTH) };
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
