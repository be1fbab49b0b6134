//! Codes and factors of some vectors, laid out for a scan.

use crate::vector::kernels::lookup::{BLOCK, GROUP_BYTES, Line, Sums, widened};
use crate::vector::kernels::{Kernels, prefetch};

use super::{Code, Factors, GROUP, Query};
use crate::vector::chunked::Plain;

/// The codes of vectors by place, in blocks of [`BLOCK`].
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::vector) struct Blocks {
    len: usize,
    codes: Vec<u8>,
    factors: Vec<BlockFactors>,
}

/// How many bytes the factors of a block are encoded in.
const FACTORS_BYTES: usize = 2 * BLOCK * size_of::<u16>();

#[derive(Debug, Clone, PartialEq)]
struct BlockFactors {
    add: [u16; BLOCK],
    scale: [u16; BLOCK],
}

impl Blocks {
    /// How many bytes of codes there are to a block; nothing without blocks.
    fn block_bytes(&self) -> usize {
        self.codes.len() / self.factors.len().max(1)
    }

    /// Adds a code in the place after the last.
    pub(in crate::vector) fn push(&mut self, code: &Code) {
        let place = self.len;
        self.len += 1;
        if place.is_multiple_of(BLOCK) {
            let bytes = code.groups.len() * GROUP_BYTES;
            self.codes.reserve_exact(bytes);
            self.codes.resize(self.codes.len() + bytes, 0);
            self.factors.reserve_exact(1);
            self.factors.push(BlockFactors { add: [0; BLOCK], scale: [0; BLOCK] });
        }
        self.set(place, code);
    }

    /// Puts another code in the place of the one there.
    pub(in crate::vector) fn set(&mut self, place: usize, code: &Code) {
        self.put_factors(place, code.factors);
        let (start, shift) = self.start_of(place);
        for (byte, signs) in self.codes[start..].iter_mut().step_by(GROUP_BYTES).zip(&code.groups) {
            *byte = *byte & !(15 << shift) | signs << shift;
        }
    }

    /// Removes the code in a place, which the last one takes.
    pub(in crate::vector) fn swap_remove(&mut self, place: usize) {
        let last = self.len - 1;
        let block_bytes = self.block_bytes();
        let moved = self.factors(last);
        // So that what a block holds follows from the codes in it.
        self.put_factors(last, Factors::default());
        let ((from, from_shift), (to, to_shift)) = (self.start_of(last), self.start_of(place));
        for at in (0..block_bytes).step_by(GROUP_BYTES) {
            let signs = self.codes[from + at] >> from_shift & 15;
            self.codes[from + at] &= !(15 << from_shift);
            if place < last {
                let byte = &mut self.codes[to + at];
                *byte = *byte & !(15 << to_shift) | signs << to_shift;
            }
        }
        if place < last {
            self.put_factors(place, moved);
        }
        self.len = last;
        if last.is_multiple_of(BLOCK) {
            self.codes.truncate(self.codes.len() - block_bytes);
            self.factors.pop();
            self.codes.shrink_to_fit();
            self.factors.shrink_to_fit();
        }
    }

    fn factors(&self, place: usize) -> Factors {
        let block = &self.factors[place / BLOCK];
        Factors { add: block.add[place % BLOCK], scale: block.scale[place % BLOCK] }
    }

    fn put_factors(&mut self, place: usize, Factors { add, scale }: Factors) {
        let block = &mut self.factors[place / BLOCK];
        (block.add[place % BLOCK], block.scale[place % BLOCK]) = (add, scale);
    }

    /// Where the first group of a code lies, and how far to the left in each byte.
    fn start_of(&self, place: usize) -> (usize, u32) {
        let (block, lane) = (place / BLOCK, place % BLOCK);
        let start = block * self.block_bytes() + lane % GROUP_BYTES;
        (start, if lane < GROUP_BYTES { 0 } else { 4 })
    }

    /// Calls `each` on the places and keys of every block that has a key below the bound: what
    /// `each` returned last, and `bound` before.
    pub(in crate::vector) fn scan(
        &self,
        kernels: &Kernels,
        query: &Query,
        base: f32,
        mut bound: f32,
        mut each: impl FnMut(std::ops::Range<usize>, &[f32; BLOCK]) -> f32,
    ) -> f32 {
        const AT_ONCE: usize = 8;
        let mut sums: [Sums; AT_ONCE] = [[0; BLOCK]; AT_ONCE];
        let mut keys = [0.0; BLOCK];
        let line = Line { base, offset: query.offset, step: query.step };
        let mut first = 0;
        for factors in self.factors.chunks(AT_ONCE) {
            let block_bytes = query.table.len();
            let start = first / BLOCK * block_bytes;
            let codes = &self.codes[start..start + factors.len() * block_bytes];
            kernels.lookup_sums(codes, &query.table, &mut sums[..factors.len()]);
            for (sums, BlockFactors { add, scale }) in sums.iter().zip(factors) {
                if kernels.keys(sums, add, scale, line, bound, &mut keys) {
                    bound = each(first..self.len.min(first + BLOCK), &keys);
                }
                first += BLOCK;
            }
        }
        bound
    }

    /// Adds all codes to the end of `out`, and after them all factors.
    pub(in crate::vector) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.codes);
        for BlockFactors { add, scale } in &self.factors {
            out.extend(add.iter().chain(scale).flat_map(|factor| factor.to_le_bytes()));
        }
    }

    /// How many bytes so many codes of so many elements are encoded in.
    pub(in crate::vector) fn bytes(len: usize, padded: usize) -> usize {
        len.div_ceil(BLOCK) * (padded / GROUP * GROUP_BYTES + FACTORS_BYTES)
    }

    /// Reads so many codes of so many elements from [so many](Blocks::bytes) bytes; `None` when a
    /// factor is not finite.
    pub(in crate::vector) fn decode(len: usize, padded: usize, bytes: &[u8]) -> Option<Blocks> {
        let blocks = len.div_ceil(BLOCK);
        let (codes, factors) = bytes.split_at_checked(blocks * (padded / GROUP * GROUP_BYTES))?;
        let factors = factors.chunks_exact(FACTORS_BYTES).map(|bytes| {
            let factors = u16::from_bytes(bytes);
            let (add, scale) = factors.split_first_chunk()?;
            let finite = factors.iter().all(|factor| widened(*factor).is_finite());
            finite.then_some(BlockFactors { add: *add, scale: *scale.first_chunk()? })
        });
        let factors: Option<Vec<BlockFactors>> = factors.collect();
        Some(Blocks { len, codes: codes.to_vec(), factors: factors? })
    }

    /// Asks for what a scan reads.
    pub(in crate::vector) fn prefetch(&self) {
        prefetch(&self.codes);
        prefetch(&self.factors);
    }

    /// How many bytes are held.
    pub(in crate::vector) fn memory(&self) -> usize {
        self.codes.capacity() + self.factors.capacity() * size_of::<BlockFactors>()
    }
}
