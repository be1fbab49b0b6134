//! Sums of what the codes of 32 vectors select from a table: the inner loop of a scan over codes.
//!
//! A code has four bits for each group of four dimensions, and a table has 16 bytes for each group:
//! what each value of these bits adds. A block holds the codes of 32 vectors, 16 bytes a group:
//! the low half of byte `i` is of vector `i`, the high half of vector `i + 16`. So one instruction
//! that looks up 16 bytes in a register does it for 16 vectors (Andre, Kermarrec and Le Scouarnec,
//! "Cache locality is not enough: high-performance nearest neighbor search with product
//! quantization fast scan", VLDB 2015). The sums are exact.

#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
pub(super) mod neon;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub(super) mod wasm;
#[cfg(target_arch = "x86_64")]
pub(super) mod x86;

/// How many vectors there are in a block.
pub(in crate::vector) const BLOCK: usize = 32;

/// How many bytes of a block, and of a table, belong to a group.
pub(in crate::vector) const GROUP_BYTES: usize = 16;

/// The sums of one block.
pub(in crate::vector) type Sums = [u16; BLOCK];

/// Fills `out` with the sums of as many blocks, of which each is as long as the table.
pub(super) type LookupFn = fn(blocks: &[u8], table: &[u8], out: &mut [Sums]);

/// What turns the sum of a vector into the key it is ranked by:
/// `base + add + scale * (offset + step * sum)`, rounded after each operation.
#[derive(Debug, Clone, Copy)]
pub(in crate::vector) struct Line {
    pub(in crate::vector) base: f32,
    pub(in crate::vector) offset: f32,
    pub(in crate::vector) step: f32,
}

/// Fills `keys` from the sums of a block and its vectors' own `add` and `scale`, each the
/// [upper half](narrowed) of a float, and says whether any is below `bound`.
pub(super) type KeysFn = fn(
    sums: &Sums,
    add: &[u16; BLOCK],
    scale: &[u16; BLOCK],
    line: Line,
    bound: f32,
    keys: &mut [f32; BLOCK],
) -> bool;

/// The upper half of a float, which is nearest to it: 8 bits of its fraction are as much as an
/// estimate can use. Of what is not a number it gives anything.
pub(in crate::vector) fn narrowed(x: f32) -> u16 {
    let bits = x.to_bits();
    u16::try_from(bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16).unwrap_or(u16::MAX)
}

/// The float that an upper half stands for.
#[inline(always)]
pub(in crate::vector) fn widened(upper: u16) -> f32 {
    f32::from_bits(u32::from(upper) << 16)
}

/// A [`KeysFn`] for whatever the compiler has registers for.
#[inline(always)]
pub(super) fn keys(
    sums: &Sums,
    add: &[u16; BLOCK],
    scale: &[u16; BLOCK],
    line: Line,
    bound: f32,
    keys: &mut [f32; BLOCK],
) -> bool {
    let mut any = false;
    for at in 0..BLOCK {
        let signed = line.offset + line.step * f32::from(sums[at]);
        keys[at] = line.base + widened(add[at]) + widened(scale[at]) * signed;
        any |= keys[at] < bound;
    }
    any
}

/// Fills a table from the elements of a query.
pub(super) type TableFn = fn(elements: &[f32], per_step: f32, table: &mut [u8]);

/// A [`TableFn`] for whatever the compiler has registers for.
#[inline(always)]
pub(super) fn table(elements: &[f32], per_step: f32, table: &mut [u8]) {
    let (groups, (entries, _)) =
        (elements.as_chunks::<4>().0, table.as_chunks_mut::<GROUP_BYTES>());
    for (group, entries) in groups.iter().zip(entries) {
        let [a, b, c, d] = group.map(|x| x * per_step);
        let least = a.min(0.0) + b.min(0.0) + (c.min(0.0) + d.min(0.0));
        let start = 0.5 - least;
        for (code, entry) in entries.iter_mut().enumerate() {
            let taken = |bit: usize, x: f32| if code >> bit & 1 == 1 { x } else { 0.0 };
            let sum = start + (taken(0, a) + taken(1, b)) + (taken(2, c) + taken(3, d));
            *entry = quantize(sum);
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and what it is given is within an entry"
)]
#[inline(always)]
fn quantize(entry: f32) -> u8 {
    entry as u8
}

/// The most that an entry of a table of so many groups may be: no sum overflows.
pub(in crate::vector) fn entry_max(groups: usize) -> u8 {
    let most = usize::from(u16::MAX) / groups.max(1);
    u8::try_from(most).unwrap_or(u8::MAX)
}

/// The implementations rely on this for their memory safety.
///
/// # Panics
/// When the blocks are not as many as the sums, or the table is not one of whole groups.
pub(super) fn check(blocks: &[u8], table: &[u8], out: &[Sums]) {
    assert!(table.len().is_multiple_of(GROUP_BYTES), "a table of {} bytes", table.len());
    assert_eq!(blocks.len(), table.len() * out.len(), "not as many blocks as sums");
}

/// The definition that the other implementations are tested against.
pub(super) fn scalar(blocks: &[u8], table: &[u8], out: &mut [Sums]) {
    let groups = table.len() / GROUP_BYTES;
    let blocks = blocks.chunks_exact((groups * GROUP_BYTES).max(1));
    for (block, sums) in blocks.zip(out.iter_mut()) {
        *sums = [0; BLOCK];
        let (low, high) = sums.split_at_mut(GROUP_BYTES);
        for (codes, table) in block.chunks_exact(GROUP_BYTES).zip(table.chunks_exact(GROUP_BYTES)) {
            for ((code, low), high) in codes.iter().zip(&mut *low).zip(&mut *high) {
                *low = low.wrapping_add(u16::from(table[usize::from(code & 15)]));
                *high = high.wrapping_add(u16::from(table[usize::from(code >> 4)]));
            }
        }
    }
    if groups == 0 {
        out.fill([0; BLOCK]);
    }
}
