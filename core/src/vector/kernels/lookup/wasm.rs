//! simd128: one group at a time.

#![expect(unsafe_code, reason = "loads and stores through raw pointers")]

use std::arch::wasm32::{
    i8x16_swizzle, i16x8_add, i16x8_shl, i16x8_shuffle, i16x8_sub, u8x16_shr, u8x16_splat,
    u16x8_shr, u16x8_splat, v128, v128_and, v128_load, v128_store,
};

use super::{GROUP_BYTES, Sums};

pub(in super::super) fn simd128(blocks: &[u8], table: &[u8], out: &mut [Sums]) {
    let low_half = u8x16_splat(15);
    for (number, sums) in out.iter_mut().enumerate() {
        let block = &blocks[number * table.len()..][..table.len()];
        let mut lanes = [u16x8_splat(0); 4];
        for (codes, entries) in block.chunks_exact(GROUP_BYTES).zip(table.chunks_exact(GROUP_BYTES))
        {
            // SAFETY: both have 16 bytes; no alignment is needed.
            let (codes, entries) =
                unsafe { (v128_load(codes.as_ptr().cast()), v128_load(entries.as_ptr().cast())) };
            let low = i8x16_swizzle(entries, v128_and(codes, low_half));
            let high = i8x16_swizzle(entries, u8x16_shr(codes, 4));
            // Sums of pairs of bytes, of which the odd ones are taken out again at the end.
            lanes[0] = i16x8_add(lanes[0], low);
            lanes[1] = i16x8_add(lanes[1], u16x8_shr(low, 8));
            lanes[2] = i16x8_add(lanes[2], high);
            lanes[3] = i16x8_add(lanes[3], u16x8_shr(high, 8));
        }
        for half in 0..2 {
            let odd = lanes[half * 2 + 1];
            let even = i16x8_sub(lanes[half * 2], i16x8_shl(odd, 8));
            store(even, odd, sums, half);
        }
    }
}

/// Stores the sums of 16 vectors, given those of the even and of the odd ones.
#[inline]
fn store(even: v128, odd: v128, sums: &mut Sums, half: usize) {
    let sums = &mut sums[half * GROUP_BYTES..][..GROUP_BYTES];
    let first = i16x8_shuffle::<0, 8, 1, 9, 2, 10, 3, 11>(even, odd);
    let second = i16x8_shuffle::<4, 12, 5, 13, 6, 14, 7, 15>(even, odd);
    // SAFETY: two times eight sums fit into the 16.
    unsafe {
        v128_store(sums.as_mut_ptr().cast(), first);
        v128_store(sums.as_mut_ptr().add(8).cast(), second);
    }
}
