//! NEON: one group at a time.

#![expect(unsafe_code, reason = "loads and stores through raw pointers")]

use std::arch::aarch64::{
    vaddw_high_u8, vaddw_u8, vandq_u8, vdupq_n_u8, vdupq_n_u16, vget_low_u8, vld1q_u8, vqtbl1q_u8,
    vshrq_n_u8, vst1q_u16,
};

use super::{GROUP_BYTES, Sums};

/// # Safety
/// The processor must have NEON, and the arguments must pass [`check`](super::check).
#[target_feature(enable = "neon")]
pub(in super::super) unsafe fn neon(blocks: &[u8], table: &[u8], out: &mut [Sums]) {
    let low_half = vdupq_n_u8(15);
    for (number, sums) in out.iter_mut().enumerate() {
        let block = &blocks[number * table.len()..][..table.len()];
        let mut lanes = [vdupq_n_u16(0); 4];
        for (codes, entries) in block.chunks_exact(GROUP_BYTES).zip(table.chunks_exact(GROUP_BYTES))
        {
            // SAFETY: both have 16 bytes.
            let (codes, entries) =
                unsafe { (vld1q_u8(codes.as_ptr()), vld1q_u8(entries.as_ptr())) };
            let low = vqtbl1q_u8(entries, vandq_u8(codes, low_half));
            let high = vqtbl1q_u8(entries, vshrq_n_u8::<4>(codes));
            lanes[0] = vaddw_u8(lanes[0], vget_low_u8(low));
            lanes[1] = vaddw_high_u8(lanes[1], low);
            lanes[2] = vaddw_u8(lanes[2], vget_low_u8(high));
            lanes[3] = vaddw_high_u8(lanes[3], high);
        }
        for (lanes, sums) in lanes.into_iter().zip(sums.as_chunks_mut::<8>().0) {
            // SAFETY: eight sums.
            unsafe { vst1q_u16(sums.as_mut_ptr(), lanes) };
        }
    }
}
