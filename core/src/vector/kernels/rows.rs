//! Rows of a matrix, in each precision there is, and walks over them in groups.

use super::LANES;
use crate::vector::chunked::ChunkedRows;

/// A row of elements that are 32-bit floats or can be turned into such.
pub(in crate::vector) trait Row<'a>: Copy {
    /// Rows one after another, as many elements each.
    type Matrix: Copy;

    /// The row in `slot` of a matrix.
    ///
    /// # Panics
    /// When it is outside the matrix.
    fn of(matrix: Self::Matrix, slot: usize) -> Self;

    /// A row without elements.
    fn empty() -> Self;

    /// How many elements there are.
    fn len(self) -> usize;

    /// The element at a position within the row.
    fn element(self, at: usize) -> f32;

    /// Where the element at a position lies, or would lie: to be asked for early, never read.
    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "only x86 is told"))]
    fn address(self, at: usize) -> *const u8;

    /// The elements from a position on, fewer than a block, filled up with zeros.
    #[inline(always)]
    fn tail(self, from: usize) -> [f32; LANES] {
        let mut block = [0.0; LANES];
        for (place, at) in block.iter_mut().zip(from..self.len()) {
            *place = self.element(at);
        }
        block
    }
}

impl<'a> Row<'a> for &'a [f32] {
    type Matrix = ChunkedRows<'a, f32>;

    #[inline(always)]
    fn of(matrix: ChunkedRows<'a, f32>, slot: usize) -> &'a [f32] {
        matrix.row(slot)
    }

    #[inline(always)]
    fn empty() -> &'a [f32] {
        &[]
    }

    #[inline(always)]
    fn len(self) -> usize {
        <[f32]>::len(self)
    }

    #[inline(always)]
    fn element(self, at: usize) -> f32 {
        self[at]
    }

    #[inline(always)]
    fn address(self, at: usize) -> *const u8 {
        self.as_ptr().wrapping_add(at).cast()
    }
}

/// Half-precision floats, as their bits; all of them finite.
impl<'a> Row<'a> for &'a [u16] {
    type Matrix = ChunkedRows<'a, u16>;

    #[inline(always)]
    fn of(matrix: ChunkedRows<'a, u16>, slot: usize) -> &'a [u16] {
        matrix.row(slot)
    }

    #[inline(always)]
    fn empty() -> &'a [u16] {
        &[]
    }

    #[inline(always)]
    fn len(self) -> usize {
        <[u16]>::len(self)
    }

    #[inline(always)]
    fn element(self, at: usize) -> f32 {
        half_to_f32(self[at])
    }

    #[inline(always)]
    fn address(self, at: usize) -> *const u8 {
        self.as_ptr().wrapping_add(at).cast()
    }
}

/// Integers of eight bits, each to be multiplied by one scale.
#[derive(Debug, Clone, Copy)]
pub(in crate::vector) struct ScaledRow<'a> {
    pub(in crate::vector) elements: &'a [i8],
    pub(in crate::vector) scale: f32,
}

/// How many bytes after the integers of a row are its scale.
pub(in crate::vector) const SCALE_BYTES: usize = size_of::<f32>();

impl<'a> ScaledRow<'a> {
    /// A row from its integers and the bytes of its scale.
    #[inline(always)]
    pub(in crate::vector) fn new(bytes: &'a [i8]) -> ScaledRow<'a> {
        match bytes.split_last_chunk::<SCALE_BYTES>() {
            Some((elements, scale)) => {
                ScaledRow { elements, scale: f32::from_le_bytes(scale.map(i8::cast_unsigned)) }
            }
            None => ScaledRow::empty(),
        }
    }
}

impl<'a> Row<'a> for ScaledRow<'a> {
    type Matrix = ChunkedRows<'a, i8>;

    #[inline(always)]
    fn of(matrix: ChunkedRows<'a, i8>, slot: usize) -> ScaledRow<'a> {
        ScaledRow::new(matrix.row(slot))
    }

    #[inline(always)]
    fn empty() -> ScaledRow<'a> {
        ScaledRow { elements: &[], scale: 0.0 }
    }

    #[inline(always)]
    fn len(self) -> usize {
        self.elements.len()
    }

    #[inline(always)]
    fn element(self, at: usize) -> f32 {
        f32::from(self.elements[at]) * self.scale
    }

    #[inline(always)]
    fn address(self, at: usize) -> *const u8 {
        self.elements.as_ptr().wrapping_add(at).cast()
    }
}

/// By how much the bits of a half, moved into those of a float, make it too small.
pub(in crate::vector) const HALF_SCALE: f32 = f32::from_bits((127 + 112) << 23);

/// The value of a finite half-precision float.
#[inline(always)]
pub(in crate::vector) fn half_to_f32(bits: u16) -> f32 {
    let magnitude = f32::from_bits(u32::from(bits & 0x7fff) << 13) * HALF_SCALE;
    f32::from_bits(magnitude.to_bits() | u32::from(bits & 0x8000) << 16)
}

/// Some of the rows of a matrix, in any order.
#[derive(Debug, Clone, Copy)]
pub(in crate::vector) struct Rows<'a, R: Row<'a>> {
    /// All rows of the matrix, one after another.
    pub(in crate::vector) matrix: R::Matrix,
    /// How many elements a row has.
    pub(in crate::vector) dimensions: usize,
    /// Which rows are meant.
    pub(in crate::vector) slots: &'a [u32],
}

impl<'a, R: Row<'a>> Rows<'a, R> {
    /// The `at`th of these rows.
    #[inline(always)]
    pub(super) fn row(&self, at: usize) -> R {
        let row = R::of(self.matrix, self.slots[at] as usize);
        // What the implementations rely on for their memory safety.
        assert_eq!(row.len(), self.dimensions, "a row of another length than the query");
        row
    }

    /// Calls `many` on as many groups of `N` rows as there are and `one` on each row that is left.
    ///
    /// `many` is told the rows of the next group too, so that it can ask for them early.
    #[inline(always)]
    #[cfg_attr(
        not(any(
            target_arch = "x86_64",
            all(target_arch = "aarch64", target_feature = "neon"),
            all(target_arch = "wasm32", target_feature = "simd128")
        )),
        expect(dead_code, reason = "the scalar implementation takes one row at a time")
    )]
    pub(super) fn by_groups<const N: usize>(
        &self,
        out: &mut [f32],
        many: impl Fn([R; N], [R; N]) -> [f32; N],
        one: impl Fn(R) -> f32,
    ) {
        let whole = out.len() - out.len() % N;
        let (groups, rest) = out.as_chunks_mut::<N>();
        let mut next = std::array::from_fn(|r| if r < whole { self.row(r) } else { R::empty() });
        for (group, out) in groups.iter_mut().enumerate() {
            let now = next;
            let start = (group + 1) * N;
            if start < whole {
                next = std::array::from_fn(|r| self.row(start + r));
            }
            *out = many(now, next);
        }
        for (at, out) in rest.iter_mut().enumerate() {
            *out = one(self.row(whole + at));
        }
    }
}
