//! simd128, when the module is built with it: 32 lanes as eight registers of four.

#![expect(unsafe_code, reason = "loads from raw pointers")]

use std::arch::wasm32::{
    f32x4_add, f32x4_extract_lane, f32x4_mul, f32x4_splat, f32x4_sub, v128, v128_load,
};

use super::groups::{by_rows, tail};
use super::{Kernels, LANES, Rows};

static KERNELS: Kernels = Kernels { name: "simd128", dot: rows::<false>, squared_l2: rows::<true> };

/// The implementation; it needs no test at run time.
pub(super) fn all() -> [Option<&'static Kernels>; 1] {
    [Some(&KERNELS)]
}

/// Rows at a time. Two would share each load of the query, but their 16 accumulators leave no
/// register of an x86-64 host free, and spilling them takes twice the time.
const ROWS: usize = 1;
const WIDTH: usize = 4;
const REGISTERS: usize = LANES / WIDTH;

fn rows<const SQUARED_L2: bool>(query: &[f32], rows: Rows<'_>, out: &mut [f32]) {
    by_rows::<ROWS>(
        rows,
        out,
        // SAFETY: every row is as long as the query.
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
unsafe fn sums<const SQUARED_L2: bool, const R: usize>(
    query: &[f32],
    rows: [&[f32]; R],
) -> [f32; R] {
    let n = query.len();
    debug_assert!(rows.iter().all(|row| row.len() == n));
    let whole = n - n % LANES;
    let mut lanes = [[f32x4_splat(0.0); REGISTERS]; R];
    for at in (0..whole).step_by(LANES) {
        for j in 0..REGISTERS {
            let at = at + j * WIDTH;
            // SAFETY: `at + WIDTH <= whole <= n`, the length of the query; no alignment is needed.
            let q = unsafe { v128_load(query.as_ptr().add(at).cast()) };
            for (lanes, row) in lanes.iter_mut().zip(rows) {
                // SAFETY: each row is as long as the query.
                let x = unsafe { v128_load(row.as_ptr().add(at).cast()) };
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
                let q = unsafe { v128_load(query.as_ptr().add(j * WIDTH).cast()) };
                // SAFETY: as above.
                let x = unsafe { v128_load(row.as_ptr().add(j * WIDTH).cast()) };
                *lane = add_term::<SQUARED_L2>(*lane, q, x);
            }
        }
    }
    lanes.map(reduce)
}

#[inline]
fn add_term<const SQUARED_L2: bool>(sum: v128, q: v128, x: v128) -> v128 {
    if SQUARED_L2 {
        let difference = f32x4_sub(q, x);
        f32x4_add(sum, f32x4_mul(difference, difference))
    } else {
        f32x4_add(sum, f32x4_mul(q, x))
    }
}

#[inline]
fn reduce([a, b, c, d, e, f, g, h]: [v128; REGISTERS]) -> f32 {
    let (a, b, c, d) = (f32x4_add(a, e), f32x4_add(b, f), f32x4_add(c, g), f32x4_add(d, h));
    let four = f32x4_add(f32x4_add(a, c), f32x4_add(b, d));
    (f32x4_extract_lane::<0>(four) + f32x4_extract_lane::<2>(four))
        + (f32x4_extract_lane::<1>(four) + f32x4_extract_lane::<3>(four))
}
