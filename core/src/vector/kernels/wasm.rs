//! simd128, when the module is built with it: 32 lanes as eight registers of four.

#![expect(unsafe_code, reason = "loads from raw pointers")]

use std::arch::wasm32::{
    f32x4_add, f32x4_convert_i32x4, f32x4_extract_lane, f32x4_mul, f32x4_splat, f32x4_sub,
    i16x8_extend_low_i8x16, i32x4_extend_low_i16x8, u32x4_load_extend_u16x4, u32x4_shl,
    u32x4_splat, v128, v128_and, v128_load, v128_load32_zero, v128_or,
};

use super::rows::{HALF_SCALE, Row, Rows, ScaledRow};
use super::{Kernels, LANES, Sums, lookup, rotate};

static KERNELS: Kernels = Kernels {
    name: "simd128",
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
    // SAFETY: `Kernels` checks that they are of one length.
    pair: |a, b| unsafe { sums_of::<false, _, 1>(a, [b]) }[0],
    lookup: lookup::wasm::simd128,
    keys: lookup::keys,
    table: lookup::table,
    rotate: rotate::rotate,
};

/// The implementation; it needs no test at run time.
pub(super) fn all() -> [Option<&'static Kernels>; 1] {
    [Some(&KERNELS)]
}

/// Rows at a time. Two would share each load of the query, but their 16 accumulators leave no
/// register of an x86-64 host free, and spilling them takes twice the time.
const ROWS: usize = 1;
const WIDTH: usize = 4;
const REGISTERS: usize = LANES / WIDTH;

fn sums<'a, const SQUARED_L2: bool, R: Load<'a>>(
    query: &[f32],
    rows: Rows<'a, R>,
    out: &mut [f32],
) {
    rows.by_groups::<ROWS>(
        out,
        // SAFETY: every row is as long as the query.
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
    unsafe fn load(self, at: usize) -> v128;
}

impl<'a> Load<'a> for &'a [f32] {
    #[inline]
    unsafe fn load(self, at: usize) -> v128 {
        // SAFETY: the caller's; no alignment is needed.
        unsafe { v128_load(self.as_ptr().add(at).cast()) }
    }
}

impl<'a> Load<'a> for &'a [u16] {
    #[inline]
    unsafe fn load(self, at: usize) -> v128 {
        // SAFETY: the caller's; no alignment is needed.
        let bits = unsafe { u32x4_load_extend_u16x4(self.as_ptr().add(at)) };
        let magnitude = u32x4_shl(v128_and(bits, u32x4_splat(0x7fff)), 13);
        let sign = u32x4_shl(v128_and(bits, u32x4_splat(0x8000)), 16);
        v128_or(f32x4_mul(magnitude, f32x4_splat(HALF_SCALE)), sign)
    }
}

impl<'a> Load<'a> for ScaledRow<'a> {
    #[inline]
    unsafe fn load(self, at: usize) -> v128 {
        // SAFETY: the caller's; no alignment is needed.
        let bytes = unsafe { v128_load32_zero(self.elements.as_ptr().add(at).cast()) };
        let integers = i32x4_extend_low_i16x8(i16x8_extend_low_i8x16(bytes));
        f32x4_mul(f32x4_convert_i32x4(integers), f32x4_splat(self.scale))
    }
}

/// The sums of `N` rows.
///
/// # Safety
/// Each of `rows` must be as long as `query`.
#[inline]
unsafe fn sums_of<'a, const SQUARED_L2: bool, R: Load<'a>, const N: usize>(
    query: &[f32],
    rows: [R; N],
) -> [f32; N] {
    let n = query.len();
    debug_assert!(rows.iter().all(|row| row.len() == n));
    let whole = n - n % LANES;
    let mut lanes = [[f32x4_splat(0.0); REGISTERS]; N];
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
