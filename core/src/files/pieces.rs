//! Bytes that are not copied as they grow.

use std::borrow::Cow;

use crate::error::{Error, ErrorKind, Result};

/// The first bytes are one piece as long as they are so few. A write-ahead log is hardly longer.
const HEAD_BYTES_MAX: usize = 8 << 20;
/// Of what follows, each piece but the last has this length. Pages do not straddle pieces.
const PIECE_BYTES: usize = 1 << 20;

/// The bytes of a file in pieces: one vector would have to be moved, and need twice the memory
/// meanwhile, again and again as a database grows.
pub(super) struct Pieces {
    head: Vec<u8>,
    /// The head does not grow beyond this.
    head_max: usize,
    /// Empty as long as the head may grow.
    tail: Vec<Vec<u8>>,
}

impl Default for Pieces {
    fn default() -> Pieces {
        Pieces::from(Vec::new())
    }
}

impl From<Vec<u8>> for Pieces {
    fn from(head: Vec<u8>) -> Pieces {
        let head_max = head.len().max(HEAD_BYTES_MAX);
        Pieces { head, head_max, tail: Vec::new() }
    }
}

impl Pieces {
    pub(super) fn len(&self) -> usize {
        match self.tail.last() {
            None => self.head.len(),
            Some(last) => self.head.len() + (self.tail.len() - 1) * PIECE_BYTES + last.len(),
        }
    }

    /// All bytes in a row, copied where they are several pieces.
    pub(super) fn joined(&self) -> Cow<'_, [u8]> {
        if self.tail.is_empty() {
            return Cow::Borrowed(&self.head);
        }
        let mut bytes = Vec::with_capacity(self.len());
        bytes.extend_from_slice(&self.head);
        self.tail.iter().for_each(|piece| bytes.extend_from_slice(piece));
        Cow::Owned(bytes)
    }

    /// Fills `bytes` with what begins at `at`, and says how many there were.
    pub(super) fn read(&self, mut at: usize, bytes: &mut [u8]) -> usize {
        let mut read = 0;
        while read < bytes.len() {
            let piece = self.rest(at);
            let n = piece.len().min(bytes.len() - read);
            if n == 0 {
                break;
            }
            bytes[read..read + n].copy_from_slice(&piece[..n]);
            (read, at) = (read + n, at + n);
        }
        read
    }

    /// Writes over what begins at `at`, as far as there is something.
    pub(super) fn write(&mut self, mut at: usize, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let piece = self.rest_mut(at);
            let n = piece.len().min(bytes.len());
            if n == 0 {
                break;
            }
            piece[..n].copy_from_slice(&bytes[..n]);
            (bytes, at) = (&bytes[n..], at + n);
        }
    }

    /// Fills up to `len` with zeros; what is longer stays as it is.
    ///
    /// # Errors
    /// [`ErrorKind::Full`] when memory is.
    pub(super) fn grow(&mut self, len: usize) -> Result<()> {
        if self.head.is_empty() {
            // What has its length at once is one piece.
            self.head_max = len.max(HEAD_BYTES_MAX);
        }
        if self.tail.is_empty() {
            extend(&mut self.head, len.min(self.head_max))?;
        }
        let behind = len.saturating_sub(self.head_max);
        if behind == 0 {
            return Ok(());
        }
        if let Some(last) = self.tail.len().checked_sub(1) {
            let at_most = behind - (last * PIECE_BYTES).min(behind);
            extend(&mut self.tail[last], at_most.min(PIECE_BYTES))?;
        }
        while self.tail.len() * PIECE_BYTES < behind {
            let mut piece = Vec::new();
            piece.try_reserve_exact(PIECE_BYTES).map_err(no_room)?;
            piece.resize((behind - self.tail.len() * PIECE_BYTES).min(PIECE_BYTES), 0);
            self.tail.push(piece);
        }
        Ok(())
    }

    /// Drops what is behind `len` bytes.
    pub(super) fn cut(&mut self, len: usize) {
        let behind = len.saturating_sub(self.head.len());
        self.tail.truncate(behind.div_ceil(PIECE_BYTES));
        if let Some(last) = self.tail.len().checked_sub(1) {
            self.tail[last].truncate(behind - last * PIECE_BYTES);
        }
        self.head.truncate(len);
        if self.head.capacity() > len.saturating_mul(2) {
            self.head.shrink_to(len);
        }
    }

    /// What follows from `at` in its piece, empty at the end.
    fn rest(&self, at: usize) -> &[u8] {
        if let Some(rest) = self.head.get(at..).filter(|rest| !rest.is_empty()) {
            return rest;
        }
        let behind = at.saturating_sub(self.head.len());
        let piece = self.tail.get(behind / PIECE_BYTES);
        piece.and_then(|piece| piece.get(behind % PIECE_BYTES..)).unwrap_or_default()
    }

    fn rest_mut(&mut self, at: usize) -> &mut [u8] {
        let head = self.head.len();
        if at < head {
            return &mut self.head[at..];
        }
        let behind = at - head;
        let piece = self.tail.get_mut(behind / PIECE_BYTES);
        piece.and_then(|piece| piece.get_mut(behind % PIECE_BYTES..)).unwrap_or_default()
    }
}

fn extend(piece: &mut Vec<u8>, len: usize) -> Result<()> {
    if len > piece.len() {
        piece.try_reserve(len - piece.len()).map_err(no_room)?;
        piece.resize(len, 0);
    }
    Ok(())
}

fn no_room(error: std::collections::TryReserveError) -> Error {
    Error::with_source(ErrorKind::Full, "out of memory for a file in memory", error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::test;

    /// Does the same to pieces and to a vector.
    struct Both(Pieces, Vec<u8>);

    impl Both {
        fn write(&mut self, at: usize, bytes: &[u8]) {
            let end = at + bytes.len();
            self.0.grow(end).unwrap();
            self.0.write(at, bytes);
            self.1.resize(self.1.len().max(end), 0);
            self.1[at..end].copy_from_slice(bytes);
        }

        fn truncate(&mut self, len: usize) {
            self.0.grow(len).unwrap();
            self.0.cut(len);
            self.1.resize(len, 0);
        }

        fn compare(&self) {
            assert_eq!(self.0.len(), self.1.len());
            assert!(self.0.joined() == self.1);
            for at in [0, HEAD_BYTES_MAX, HEAD_BYTES_MAX + PIECE_BYTES, self.1.len()] {
                for at in [at.saturating_sub(3), at, at + 2] {
                    let mut bytes = [7; 9];
                    let n = self.0.read(at, &mut bytes);
                    let there = self.1.get(at..).unwrap_or_default();
                    assert_eq!(bytes[..n], there[..there.len().min(9)]);
                }
            }
        }
    }

    #[test]
    fn pieces_are_as_one_vector_across_their_edges() {
        let mut both = Both(Pieces::default(), Vec::new());
        both.write(3, b"begins");
        both.compare();
        for edge in [HEAD_BYTES_MAX, HEAD_BYTES_MAX + PIECE_BYTES] {
            both.write(edge - 2, b"over the edge");
            both.compare();
        }
        // Over three pieces, and beyond the end with a gap before it.
        both.write(HEAD_BYTES_MAX - 5, &vec![9; PIECE_BYTES + 10]);
        both.write(HEAD_BYTES_MAX + 4 * PIECE_BYTES + 17, b"far");
        both.compare();
        let ends = [1, 0, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES];
        for len in ends.into_iter().rev().map(|end| HEAD_BYTES_MAX + end).chain([5, 0]) {
            both.truncate(len);
            both.compare();
            both.truncate(len + 7);
            both.compare();
        }
        both.truncate(0);
        // At once, and then more.
        both.truncate(2 * HEAD_BYTES_MAX);
        assert!(both.0.tail.is_empty());
        both.write(2 * HEAD_BYTES_MAX - 1, b"more");
        both.compare();
        both.truncate(2 * HEAD_BYTES_MAX - 1);
        both.write(2 * HEAD_BYTES_MAX - 1, &vec![3; 2 * PIECE_BYTES]);
        both.compare();
    }
}
