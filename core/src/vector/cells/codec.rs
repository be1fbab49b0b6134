//! The cells in a snapshot of an index.
//!
//! All numbers are little-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | the seed of the rotation |
//! | 4 | the unit, f32 |
//! | 4 a dimension | the origin, f32 |
//! | 4, 4 | how many cells there are, and how many slots without a code |
//! | 4 each | these slots |
//! | 4 a cell | how many vectors are in it |
//! | padded dimensions + 4 a cell | its centre: integers of 8 bits, and their scale, f32 |
//! | 4 a vector | the slots of each cell |
//! | | the codes of each cell, and after them their factors |

use super::{CELL_MAX, Cell, Cells, CentreFacts, NO_CELL, Scratch, Source};
use crate::vector::chunked::Plain;
use crate::vector::codes::{Blocks, Encoder};
use crate::vector::elements::Elements;
use crate::vector::precision::Precision;

impl Cells {
    /// Adds everything to the end of `out`, for [`decode`](Cells::decode).
    pub(in crate::vector) fn encode(&self, out: &mut Vec<u8>) {
        self.encoder.encode_to(out);
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes();
        out.extend(count(self.cells.len()));
        out.extend(count(self.uncoded.len()));
        out.extend(self.uncoded.iter().flat_map(|slot| slot.to_le_bytes()));
        out.extend(self.cells.iter().flat_map(|cell| count(cell.slots.len())));
        self.centres.encode(out);
        let slots = self.cells.iter().flat_map(|cell| &cell.slots);
        out.extend(slots.flat_map(|slot| slot.to_le_bytes()));
        for cell in &self.cells {
            cell.codes.encode(out);
        }
    }

    /// Reads cells of the vectors in so many slots; `None` when the bytes are not those of
    /// [`encode`](Cells::encode).
    pub(in crate::vector) fn decode(
        source: Source<'_>,
        slots: usize,
        bytes: &[u8],
    ) -> Option<Cells> {
        let mut rest = Rest(bytes);
        let (encoder, after) = Encoder::decode(source.elements.dimensions(), bytes)?;
        rest.0 = after;
        let padded = encoder.padded();
        let (cell_count, uncoded_count) = (rest.count()?, rest.count()?);
        let uncoded = rest.numbers(uncoded_count)?;
        let lens = rest.numbers(cell_count)?;
        let row_bytes = Precision::Int8.vector_bytes(padded);
        let centres = rest.take(cell_count.checked_mul(row_bytes)?)?;
        let mut cells = Cells {
            metric: source.metric,
            encoder,
            cells: Vec::with_capacity(lens.len()),
            centres: Elements::decode(Precision::Int8, padded, centres)?,
            centre_codes: Blocks::default(),
            facts: Vec::with_capacity(lens.len()),
            places: vec![NO_CELL; slots],
            uncoded,
            zeros: vec![0.0; padded],
            scratch: Scratch::default(),
        };
        for (number, len) in (0..).zip(lens) {
            let slots = rest.numbers(len as usize)?;
            for slot in &slots {
                let place = cells.places.get_mut(*slot as usize)?;
                (*place == NO_CELL).then(|| *place = number)?;
            }
            (slots.len() <= CELL_MAX).then_some(())?;
            cells.cells.push(Cell { slots, codes: Blocks::default() });
        }
        for number in 0..cells.cells.len() {
            let cell = &mut cells.cells[number];
            let codes_bytes = Blocks::bytes(cell.slots.len(), padded);
            cell.codes = Blocks::decode(cell.slots.len(), padded, rest.take(codes_bytes)?)?;
            let centre = cells.centres.get(number);
            centre.iter().all(|x| x.is_finite()).then_some(())?;
            let (code, facts) = cells.facts_of(number);
            let CentreFacts { square, origin } = facts;
            (square.is_finite() && origin.is_finite()).then_some(())?;
            cells.centre_codes.push(&code);
            cells.facts.push(facts);
        }
        let is_whole = rest.0.is_empty() && !cells.cells.is_empty() && cells.has_every_slot();
        is_whole.then_some(cells)
    }

    /// Whether each slot is either in a cell or without a code, and the latter once.
    fn has_every_slot(&self) -> bool {
        let mut uncoded = self.uncoded.clone();
        uncoded.sort_unstable();
        let missing = (0..).zip(&self.places).filter(|(_, cell)| **cell == NO_CELL);
        missing.map(|(slot, _)| slot).eq(uncoded.into_iter().map(|slot| slot as usize))
    }
}

/// Bytes that are not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn count(&mut self) -> Option<usize> {
        self.numbers(1).map(|numbers| numbers[0] as usize)
    }

    fn numbers(&mut self, count: usize) -> Option<Vec<u32>> {
        self.take(count.checked_mul(4)?).map(u32::from_bytes)
    }
}
