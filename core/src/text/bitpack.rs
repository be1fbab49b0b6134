//! Blocks of 128 integers in as many bits each as the largest of them needs.
//!
//! Four lanes lie beside each other, number `i` in lane `i % 4`, so that one operation on four
//! words packs or unpacks four numbers (SIMD-BP128: Lemire and Boytsov, 2015).

use super::varint::Reader;

/// How many numbers a block has.
pub(super) const BLOCK: usize = 128;

const LANES: usize = 4;
const ROWS: usize = BLOCK / LANES;

/// Adds the block to the end of `out`: a byte with the width, and 16 bytes for each bit of it.
pub(super) fn pack(numbers: &[u32; BLOCK], out: &mut Vec<u8>) {
    let width = u32::BITS - numbers.iter().fold(0, |all, n| all | n).leading_zeros();
    out.push(width.to_le_bytes()[0]);
    let mut words = [[0_u32; LANES]; 33];
    for (row, four) in numbers.as_chunks::<LANES>().0.iter().enumerate() {
        let bit = row * width as usize;
        let (word, shift) = (bit / 32, bit % 32);
        for (lane, number) in four.iter().enumerate() {
            words[word][lane] |= number << shift;
            // The word behind the last is there for numbers that end with the one before.
            if shift > 0 {
                words[word + 1][lane] |= number >> (32 - shift);
            }
        }
    }
    words[..width as usize].iter().flatten().for_each(|word| out.extend(word.to_le_bytes()));
}

/// Reads a block that [`pack`] wrote; `None` when the bytes are too few, or the width too large.
#[inline]
pub(super) fn unpack(reader: &mut Reader<'_>, numbers: &mut [u32; BLOCK]) -> Option<()> {
    let width = usize::from(reader.byte()?);
    if width > 32 {
        return None;
    }
    if width == 0 {
        *numbers = [0; BLOCK];
        return Some(());
    }
    let bytes = reader.bytes(width * LANES * 4)?;
    let mut words = [[0_u32; LANES]; 34];
    for (word, bytes) in words.iter_mut().flatten().zip(bytes.as_chunks::<4>().0) {
        *word = u32::from_le_bytes(*bytes);
    }
    let mask = u32::MAX >> (32 - width);
    for (row, four) in numbers.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
        let bit = row * width;
        let (word, shift) = ((bit / 32).min(32), bit % 32);
        let (low, high) = (words[word], words[word + 1]);
        for lane in 0..LANES {
            // Two shifts, since one by 32 is not allowed.
            four[lane] = ((low[lane] >> shift) | ((high[lane] << 1) << (31 - shift))) & mask;
        }
    }
    debug_assert_eq!(ROWS * LANES, BLOCK);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::test;

    #[test]
    fn every_width_reads_back() {
        let mut state = 7_u32;
        for width in 0..=32_u32 {
            let mut numbers = [0_u32; BLOCK];
            for number in &mut numbers {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *number = if width == 0 { 0 } else { state >> (32 - width) };
            }
            if width > 0 {
                numbers[77] = u32::MAX >> (32 - width);
            }
            let mut bytes = Vec::new();
            pack(&numbers, &mut bytes);
            assert_eq!(bytes.len(), 1 + 16 * width as usize);
            let mut read = [1; BLOCK];
            let mut reader = Reader::new(&bytes);
            unpack(&mut reader, &mut read).unwrap();
            assert!(reader.is_at_end());
            assert_eq!(read, numbers, "{width}");
            bytes.pop();
            assert!(width == 0 || unpack(&mut Reader::new(&bytes), &mut read).is_none());
        }
        assert!(unpack(&mut Reader::new(&[33; 600]), &mut [0; BLOCK]).is_none());
    }
}
