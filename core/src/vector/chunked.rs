//! Rows of equal width in chunks, so that growth copies little and no doubling lies idle.

use std::collections::TryReserveError;

/// The most bytes of a chunk, unless one row takes more.
const CHUNK_BYTES: usize = 1 << 20;

/// While a chunk is not full, it has room for one more row in so many.
const SPARE: usize = 8;

/// Rows by slot.
#[derive(Debug, Clone)]
pub(super) struct Chunked<T> {
    /// All full but the last, and none empty.
    chunks: Vec<Vec<T>>,
    /// Elements to a row, at least one.
    width: usize,
    /// A chunk has two to the power of this many rows.
    shift: u32,
    /// How many rows there are.
    len: usize,
}

/// A look at all rows.
#[derive(Debug, Clone, Copy)]
pub(in crate::vector) struct ChunkedRows<'a, T> {
    chunks: &'a [Vec<T>],
    width: usize,
    shift: u32,
}

impl<'a, T> ChunkedRows<'a, T> {
    /// The row in `slot`.
    ///
    /// # Panics
    /// When there is none.
    #[inline(always)]
    pub(super) fn row(self, slot: usize) -> &'a [T] {
        let at = (slot & ((1 << self.shift) - 1)) * self.width;
        &self.chunks[slot >> self.shift][at..at + self.width]
    }
}

impl<T: Copy + Default> Chunked<T> {
    pub(super) fn new(width: usize) -> Chunked<T> {
        let row_bytes = (width * size_of::<T>()).max(1);
        let shift = (CHUNK_BYTES / row_bytes).max(1).ilog2();
        Chunked { chunks: Vec::new(), width: width.max(1), shift, len: 0 }
    }

    /// How many elements a row has.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn rows(&self) -> ChunkedRows<'_, T> {
        ChunkedRows { chunks: &self.chunks, width: self.width, shift: self.shift }
    }

    pub(super) fn row(&self, slot: usize) -> &[T] {
        self.rows().row(slot)
    }

    pub(super) fn row_mut(&mut self, slot: usize) -> &mut [T] {
        let at = (slot & (self.chunk_rows() - 1)) * self.width;
        &mut self.chunks[slot >> self.shift][at..at + self.width]
    }

    fn chunk_rows(&self) -> usize {
        1 << self.shift
    }

    /// Makes room for one more row, or for `additional` in one go.
    pub(super) fn reserve(&mut self, additional: usize) -> Result<(), TryReserveError> {
        let mut left = additional;
        let chunk_rows = self.chunk_rows();
        if let Some(last) = self.chunks.last_mut() {
            let used = last.len() / self.width;
            let wanted = left.min(chunk_rows - used);
            if last.capacity() < (used + wanted) * self.width {
                let spare = (used / SPARE).max(1).min(chunk_rows - used);
                last.try_reserve_exact(wanted.max(spare) * self.width)?;
            }
            left -= wanted;
        }
        self.chunks.try_reserve(left.div_ceil(chunk_rows))
    }

    /// Adds a row, in the place that [`reserve`](Chunked::reserve) made where it was called.
    pub(super) fn push(&mut self, row: impl IntoIterator<Item = T>) {
        let chunk_len = self.chunk_rows() * self.width;
        let spare = ((self.len & (self.chunk_rows() - 1)) / SPARE + 1) * self.width;
        match self.chunks.last_mut().filter(|last| last.len() < chunk_len) {
            Some(last) => {
                if last.capacity() < last.len() + self.width {
                    last.reserve_exact(spare.min(chunk_len - last.len()));
                }
                last.extend(row);
            }
            None => self.chunks.push(row.into_iter().collect()),
        }
        self.len += 1;
        debug_assert_eq!(self.chunks.last().map(|last| last.len() % self.width), Some(0));
    }

    /// Removes the row in `slot`, whose place the last one takes.
    pub(super) fn swap_remove(&mut self, slot: usize) {
        let last_slot = self.len - 1;
        if let Some(mut last) = self.chunks.pop() {
            let start = last.len() - self.width;
            if slot >> self.shift == last_slot >> self.shift {
                let at = (slot & (self.chunk_rows() - 1)) * self.width;
                last.copy_within(start.., at);
            } else {
                self.row_mut(slot).copy_from_slice(&last[start..]);
            }
            last.truncate(start);
            if last.capacity() > 2 * last.len() {
                last.shrink_to(last.len() + last.len() / SPARE);
            }
            if !last.is_empty() {
                self.chunks.push(last);
            }
        }
        self.len = last_slot;
    }

    /// Adds the bytes of every row to the end of `out`.
    pub(super) fn encode(&self, out: &mut Vec<u8>)
    where
        T: Plain,
    {
        for chunk in &self.chunks {
            out.extend(chunk.iter().flat_map(|x| x.to_bytes()));
        }
    }

    /// Reads rows of so many elements from the bytes of [`encode`](Chunked::encode); `None` when
    /// they are no whole rows.
    pub(super) fn decode(width: usize, bytes: &[u8]) -> Option<Chunked<T>>
    where
        T: Plain,
    {
        let mut rows = Chunked::new(width);
        let row_bytes = rows.width * size_of::<T>();
        if !bytes.len().is_multiple_of(row_bytes) {
            return None;
        }
        rows.len = bytes.len() / row_bytes;
        let chunks = bytes.chunks(row_bytes << rows.shift);
        rows.chunks = chunks.map(T::from_bytes).collect();
        Some(rows)
    }

    /// How many bytes are held.
    pub(super) fn memory(&self) -> usize {
        let rows: usize = self.chunks.iter().map(Vec::capacity).sum();
        rows * size_of::<T>() + self.chunks.capacity() * size_of::<Vec<T>>()
    }
}

/// Numbers that are kept as their little-endian bytes.
pub(super) trait Plain: Copy {
    /// The bytes of one.
    fn to_bytes(self) -> impl IntoIterator<Item = u8>;
    /// As many as the bytes hold.
    fn from_bytes(bytes: &[u8]) -> Vec<Self>;
}

macro_rules! plain {
    ($($number:ty),*) => {$(
        impl Plain for $number {
            fn to_bytes(self) -> impl IntoIterator<Item = u8> {
                self.to_le_bytes()
            }

            fn from_bytes(bytes: &[u8]) -> Vec<$number> {
                bytes.as_chunks().0.iter().map(|bytes| <$number>::from_le_bytes(*bytes)).collect()
            }
        }
    )*};
}

plain!(f32, u32, u16, i8);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::test;

    #[test]
    fn rows_stay_where_a_plain_vector_has_them() {
        for width in [1, 3, CHUNK_BYTES / 4, CHUNK_BYTES] {
            let mut chunked = Chunked::<u32>::new(width);
            let mut twin: Vec<u32> = Vec::new();
            let mut state = 1_u32;
            let most = if width > 3 { 6 } else { 3 * CHUNK_BYTES / 4 };
            while twin.len() < most {
                twin.push(state);
                chunked.push(std::iter::repeat_n(state, width));
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                if state.is_multiple_of(8) {
                    let slot = state as usize / 8 % twin.len();
                    twin.swap_remove(slot);
                    chunked.swap_remove(slot);
                }
            }
            assert_eq!(chunked.len(), twin.len());
            for (slot, row) in twin.iter().enumerate() {
                assert!(chunked.row(slot).iter().all(|x| x == row), "{slot} of width {width}");
            }
            assert!(chunked.memory() <= twin.len() * width * 4 * 9 / 8 + 4096 * width.min(64));
            while chunked.len() > 0 {
                chunked.swap_remove(chunked.len() / 2);
            }
            assert!(chunked.chunks.is_empty());
        }
    }

    #[test]
    fn reserved_rows_take_no_more_memory() {
        let mut chunked = Chunked::<u8>::new(1000);
        chunked.reserve(10).unwrap();
        for _ in 0..2000 {
            chunked.reserve(1).unwrap();
            let before = chunked.memory();
            chunked.push([1; 1000]);
            assert!(chunked.memory() <= before + CHUNK_BYTES);
        }
        // As many as an address can hold are too many.
        #[cfg(target_pointer_width = "64")]
        assert!(chunked.reserve(usize::MAX / 4).is_err());
    }
}
