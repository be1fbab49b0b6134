//! simd128, when the module is built with it: 32 lanes as eight registers of four.

#![expect(unsafe_code, reason = "loads from raw pointers")]

use std::arch::wasm32::{
    f32x4_add, f32x4_convert_i32x4, f32x4_extract_lane, f32x4_mul, f32x4_splat, f32x4_sub,
    i16x8_extend_low_i8x16, i32x4_extend_low_i16x8, u32x4_load_extend_u16x4, u32x4_shl,
    u32x4_splat, v128, v128_and, v128_load, v128_load32_zero, v128_or,
};

use super::registers::{Load, prefetch_rows, sums_by_registers};
use super::rows::{HALF_SCALE, Row, Rows, ScaledRow};
use super::{Kernels, LANES, lookup, rotate};

static KERNELS: Kernels = Kernels {
    name: "simd128",
    rows: each_precision!(sums),
    pair,
    lookup: lookup::wasm::simd128,
    keys: lookup::keys,
    table: lookup::table,
    rotate: rotate::rotate,
};

/// The implementation; it needs no test at run time.
pub(super) fn all() -> [Option<&'static Kernels>; 1] {
    [Some(&KERNELS)]
}

sums_by_registers! {
    register: v128,
    width: 4,
    // Two would share each load of the query, but their 16 accumulators leave no register of an
    // x86-64 host free, and spilling them takes twice the time.
    rows: 1,
    zero: f32x4_splat(0.0),
    add: f32x4_add,
    subtract: f32x4_sub,
    multiply: f32x4_mul,
    reduce: reduce,
}

impl<'a> Load<'a, v128> for &'a [f32] {
    #[inline]
    unsafe fn load(self, at: usize) -> v128 {
        // SAFETY: the caller's; no alignment is needed.
        unsafe { v128_load(self.as_ptr().add(at).cast()) }
    }
}

impl<'a> Load<'a, v128> for &'a [u16] {
    #[inline]
    unsafe fn load(self, at: usize) -> v128 {
        // SAFETY: the caller's; no alignment is needed.
        let bits = unsafe { u32x4_load_extend_u16x4(self.as_ptr().add(at)) };
        let magnitude = u32x4_shl(v128_and(bits, u32x4_splat(0x7fff)), 13);
        let sign = u32x4_shl(v128_and(bits, u32x4_splat(0x8000)), 16);
        v128_or(f32x4_mul(magnitude, f32x4_splat(HALF_SCALE)), sign)
    }
}

impl<'a> Load<'a, v128> for ScaledRow<'a> {
    #[inline]
    unsafe fn load(self, at: usize) -> v128 {
        // SAFETY: the caller's; no alignment is needed.
        let bytes = unsafe { v128_load32_zero(self.elements.as_ptr().add(at).cast()) };
        let integers = i32x4_extend_low_i16x8(i16x8_extend_low_i8x16(bytes));
        f32x4_mul(f32x4_convert_i32x4(integers), f32x4_splat(self.scale))
    }
}

#[inline]
fn reduce([a, b, c, d, e, f, g, h]: [v128; REGISTERS]) -> f32 {
    let (a, b, c, d) = (f32x4_add(a, e), f32x4_add(b, f), f32x4_add(c, g), f32x4_add(d, h));
    let four = f32x4_add(f32x4_add(a, c), f32x4_add(b, d));
    (f32x4_extract_lane::<0>(four) + f32x4_extract_lane::<2>(four))
        + (f32x4_extract_lane::<1>(four) + f32x4_extract_lane::<3>(four))
}
