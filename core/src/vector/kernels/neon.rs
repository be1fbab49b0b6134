//! NEON, which nearly every aarch64 target has by definition: 32 lanes as eight registers of four.

#![expect(unsafe_code, reason = "loads from raw pointers, and calls with a target feature")]

use std::arch::aarch64::{
    float32x4_t, vadd_f32, vaddq_f32, vandq_u32, vcvtq_f32_s32, vdup_n_s32, vdupq_n_f32,
    vdupq_n_u32, vget_high_f32, vget_lane_f32, vget_low_f32, vget_low_s16, vld1_u16, vld1q_f32,
    vmovl_s8, vmovl_s16, vmovl_u16, vmulq_f32, vorrq_u32, vreinterpret_s8_s32,
    vreinterpretq_f32_u32, vreinterpretq_u32_f32, vshlq_n_u32, vsubq_f32,
};

use super::registers::{Load, prefetch_rows, sums_by_registers};
use super::rows::{HALF_SCALE, Row, Rows, ScaledRow};
use super::{Kernels, LANES, lookup, rotate};

static KERNELS: Kernels = Kernels {
    name: "neon",
    rows: each_precision!(sums),
    pair,
    // SAFETY: this module is only compiled for targets that have NEON, and `Kernels` checks.
    lookup: |blocks, table, out| unsafe { lookup::neon::neon(blocks, table, out) },
    keys: lookup::keys,
    table: lookup::table,
    rotate: rotate::rotate,
};

/// The implementation; it needs no test at run time.
pub(super) fn all() -> [Option<&'static Kernels>; 1] {
    [Some(&KERNELS)]
}

sums_by_registers! {
    #[target_feature(enable = "neon")]
    register: float32x4_t,
    width: 4,
    // 16 accumulators of the 32 registers.
    rows: 2,
    zero: vdupq_n_f32(0.0),
    add: vaddq_f32,
    subtract: vsubq_f32,
    multiply: vmulq_f32,
    reduce: reduce,
}

impl<'a> Load<'a, float32x4_t> for &'a [f32] {
    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn load(self, at: usize) -> float32x4_t {
        // SAFETY: the caller's.
        unsafe { vld1q_f32(self.as_ptr().add(at)) }
    }
}

impl<'a> Load<'a, float32x4_t> for &'a [u16] {
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

impl<'a> Load<'a, float32x4_t> for ScaledRow<'a> {
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

#[inline]
#[target_feature(enable = "neon")]
fn reduce([a, b, c, d, e, f, g, h]: [float32x4_t; REGISTERS]) -> f32 {
    let (a, b, c, d) = (vaddq_f32(a, e), vaddq_f32(b, f), vaddq_f32(c, g), vaddq_f32(d, h));
    let four = vaddq_f32(vaddq_f32(a, c), vaddq_f32(b, d));
    let two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    vget_lane_f32::<0>(two) + vget_lane_f32::<1>(two)
}
