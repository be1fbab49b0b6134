//! Cells: vectors that lie near each other, with their codes, around a centre of their own.
//!
//! A search looks into the cells whose centres are nearest to the query (inverted lists; Jegou,
//! Douze and Schmid, "Product quantization for nearest neighbor search", TPAMI 2011). Cells are
//! small, and stay so: one that grows too large is split in two, one that gets too small goes to
//! its neighbours (after Xu et al., "SPFresh: incremental in-place update for billion-scale vector
//! search", SOSP 2023). So no step ever touches more than a few hundred vectors, nothing has to be
//! trained, and what was removed leaves no trace.

use super::codes::{Blocks, Code, Encoder, Query, Ranking};
use super::elements::Elements;
use super::kernels::Kernels;
use super::metric::Metric;
use super::precision::Precision;

mod codec;
mod probe;
mod split;

pub use probe::Effort;

/// A cell with more vectors than this is split.
const CELL_MAX: usize = 128;

/// And with more than this where there are [so many](FINER_FROM) cells: finding the right ones costs
/// more then, but what is in them comes from memory that is far, and of smaller ones less is needed.
const FINE_CELL_MAX: usize = 64;
const FINER_FROM: usize = 768;

/// A cell with fewer vectors than this is given up, unless it is the only one.
const CELL_MIN: usize = 16;

/// What is in the place of a cell's number for a vector that no code stands for.
const NO_CELL: u32 = u32::MAX;

/// Of so many cells that are nearest by their codes, the nearest is taken for a new vector.
const NEAREST: usize = 16;

/// All vectors of an index, by cell.
#[derive(Debug, Clone)]
pub(super) struct Cells {
    metric: Metric,
    encoder: Encoder,
    cells: Vec<Cell>,
    /// The centres, by cell, in the precision that codes are made with.
    centres: Elements,
    /// And their codes, made so that keys rank cells.
    centre_codes: Blocks,
    facts: Vec<CentreFacts>,
    /// The cell of each slot.
    places: Vec<u32>,
    /// Slots that no code stands for.
    uncoded: Vec<u32>,
    /// A rotated vector of zeros.
    zeros: Vec<f32>,
    scratch: Scratch,
}

#[derive(Debug, Clone, Default)]
struct Cell {
    slots: Vec<u32>,
    codes: Blocks,
}

/// What is known of a centre beside its elements.
#[derive(Debug, Clone, Copy)]
struct CentreFacts {
    square: f32,
    /// The inner product with the origin.
    origin: f32,
}

/// Room that is used again and again.
#[derive(Debug, Clone, Default)]
struct Scratch {
    vector: Vec<f32>,
    rotated: Vec<f32>,
    code: Code,
}

/// Where the vectors of slots come from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) elements: &'a Elements,
    pub(super) metric: Metric,
}

impl Source<'_> {
    /// The vector that a code is made of.
    fn coded(self, slot: u32, out: &mut Vec<f32>) {
        coded(self.metric, &self.elements.get(slot as usize), out);
    }
}

/// The vector that codes are made of: under cosine one of length 1.
pub(super) fn coded(metric: Metric, vector: &[f32], out: &mut Vec<f32>) {
    out.clear();
    out.extend_from_slice(vector);
    if metric != Metric::Cosine {
        return;
    }
    let squared_norm = super::distance::squared_norm(vector);
    if squared_norm == 0.0 {
        return;
    }
    let length = squared_norm.sqrt();
    #[expect(clippy::cast_possible_truncation, reason = "back to the precision it had")]
    out.iter_mut().for_each(|x| *x = (f64::from(*x) / length) as f32);
}

impl Cells {
    /// Cells of the vectors in all of the slots there are.
    pub(super) fn new(source: Source<'_>, slots: u32, seed: u64) -> Cells {
        let (origin, unit) = origin(source, slots);
        let encoder = Encoder::new(origin, unit, seed);
        let padded = encoder.padded();
        let mut cells = Cells {
            metric: source.metric,
            encoder,
            cells: Vec::new(),
            centres: Elements::new(Precision::Int8, padded),
            centre_codes: Blocks::default(),
            facts: Vec::new(),
            places: Vec::new(),
            uncoded: Vec::new(),
            zeros: vec![0.0; padded],
            scratch: Scratch::default(),
        };
        cells.push_cell(&vec![0.0; padded]);
        for slot in 0..slots {
            cells.push(source, slot);
        }
        cells
    }

    /// Prepares a query; `None` when it is so large or so small that codes say nothing of it.
    pub(super) fn query(&self, kernels: &Kernels, coded: &[f32]) -> Option<Query> {
        self.encoder.query(kernels, coded)
    }

    /// What keys of vectors rank.
    fn ranking(&self) -> Ranking {
        if self.metric == Metric::L2 { Ranking::Squared } else { Ranking::Inner }
    }

    /// What keys of cells rank: vectors are near a query where their centre is, unless their
    /// lengths matter too.
    fn cell_ranking(&self) -> Ranking {
        if self.metric == Metric::Dot { Ranking::Inner } else { Ranking::Squared }
    }

    /// A cell with more vectors than this is split.
    fn cell_max(&self) -> usize {
        if self.cells.len() < FINER_FROM { CELL_MAX } else { FINE_CELL_MAX }
    }

    /// Takes in the vector of the slot after the last.
    pub(super) fn push(&mut self, source: Source<'_>, slot: u32) {
        debug_assert_eq!(slot as usize, self.places.len());
        if self.places.len() == self.places.capacity() {
            self.places.reserve_exact(self.places.len() / 8 + 16);
        }
        self.places.push(NO_CELL);
        self.place(source, slot);
    }

    /// Takes note that another vector is in `slot` now.
    pub(super) fn set(&mut self, source: Source<'_>, slot: u32) {
        self.take_out(source, slot);
        self.place(source, slot);
    }

    /// Forgets the vector in `slot`, whose place the last one takes, before `source` does.
    pub(super) fn swap_remove(&mut self, source: Source<'_>, slot: u32) {
        self.take_out(source, slot);
        let last = u32::try_from(self.places.len() - 1).unwrap_or(u32::MAX);
        let cell = self.places.swap_remove(slot as usize);
        debug_assert!(slot != last || cell == NO_CELL);
        if slot == last {
            return;
        }
        let slots = match self.places[slot as usize] {
            NO_CELL => &mut self.uncoded,
            cell => &mut self.cells[cell as usize].slots,
        };
        if let Some(place) = slots.iter_mut().find(|it| **it == last) {
            *place = slot;
        }
    }

    /// Puts a vector into the cell it is nearest to.
    fn place(&mut self, source: Source<'_>, slot: u32) {
        let mut scratch = std::mem::take(&mut self.scratch);
        source.coded(slot, &mut scratch.vector);
        self.encoder.rotate(&scratch.vector, &mut scratch.rotated);
        let cell = self.nearest_cell(&scratch.rotated);
        let full = match cell {
            Some((cell, _)) => self.put(cell, slot, &scratch.rotated, &mut scratch.code),
            None => self.put_uncoded(slot),
        };
        self.scratch = scratch;
        if let Some(full) = full {
            self.split(source, full);
        }
    }

    /// Adds a slot to a cell, and says which cell is too large then.
    fn put(&mut self, cell: usize, slot: u32, rotated: &[f32], code: &mut Code) -> Option<usize> {
        let centre = self.centres.get(cell);
        if !self.encoder.encode(self.ranking(), rotated, &centre, code) {
            return self.put_uncoded(slot);
        }
        self.places[slot as usize] = u32::try_from(cell).unwrap_or(NO_CELL);
        let most = self.cell_max();
        let cell_ref = &mut self.cells[cell];
        cell_ref.push(slot, code);
        (cell_ref.slots.len() > most).then_some(cell)
    }

    fn put_uncoded(&mut self, slot: u32) -> Option<usize> {
        self.places[slot as usize] = NO_CELL;
        self.uncoded.push(slot);
        None
    }

    /// Takes a slot out of its cell, which is given up when it gets too small.
    fn take_out(&mut self, source: Source<'_>, slot: u32) {
        let cell = std::mem::replace(&mut self.places[slot as usize], NO_CELL);
        if cell == NO_CELL {
            let place = self.uncoded.iter().position(|it| *it == slot);
            place.map(|place| self.uncoded.swap_remove(place));
            return;
        }
        let cell = cell as usize;
        let of = &mut self.cells[cell];
        if let Some(place) = of.slots.iter().position(|it| *it == slot) {
            of.slots.swap_remove(place);
            of.codes.swap_remove(place);
        }
        if of.slots.len() < CELL_MIN && self.cells.len() > 1 {
            self.dissolve(source, cell);
        }
    }

    /// Gives up a cell; its vectors go to their next nearest ones.
    fn dissolve(&mut self, source: Source<'_>, cell: usize) {
        let gone = self.cells.swap_remove(cell);
        self.centres.swap_remove(cell);
        self.centre_codes.swap_remove(cell);
        self.facts.swap_remove(cell);
        if let Some(moved) = self.cells.get(cell) {
            for slot in &moved.slots {
                self.places[*slot as usize] = u32::try_from(cell).unwrap_or(NO_CELL);
            }
        }
        for slot in gone.slots {
            self.place(source, slot);
        }
    }

    /// The cell whose centre is nearest to a rotated vector, and the square of how far it is; none
    /// for a vector that is beyond measure.
    fn nearest_cell(&self, rotated: &[f32]) -> Option<(usize, f32)> {
        self.nearest_of(rotated, &self.near(rotated, NEAREST))
    }

    /// The `most` cells whose centres are nearest to a rotated vector by their codes.
    fn near(&self, rotated: &[f32], most: usize) -> Vec<u32> {
        let kernels = Kernels::best();
        let all = 0..u32::try_from(self.cells.len()).unwrap_or(u32::MAX);
        if self.cells.len() <= most {
            return all.collect();
        }
        match Query::new(kernels, rotated.to_vec()) {
            Some(query) => self.near_query(kernels, &query, most),
            // Beyond measure.
            None => all.collect(),
        }
    }

    /// The nearest of some cells, as [`nearest_cell`](Cells::nearest_cell).
    fn nearest_of(&self, rotated: &[f32], near: &[u32]) -> Option<(usize, f32)> {
        let mut distances = vec![0.0; near.len()];
        self.centres.squared_l2(Kernels::best(), rotated, near, &mut distances);
        let nearest = distances.iter().zip(near).filter(|(distance, _)| distance.is_finite());
        let nearest = nearest.min_by(|a, b| a.0.total_cmp(b.0).then(a.1.cmp(b.1)));
        nearest.map(|(distance, cell)| (*cell as usize, *distance))
    }

    fn push_cell(&mut self, centre: &[f32]) -> usize {
        let cell = self.cells.len();
        self.cells.push(Cell::default());
        self.centres.push(centre);
        let (code, facts) = self.facts_of(cell);
        self.centre_codes.push(&code);
        self.facts.push(facts);
        cell
    }

    /// Empties a cell and gives it another centre.
    fn reset_cell(&mut self, cell: usize, centre: &[f32]) {
        self.cells[cell] = Cell::default();
        self.centres.set(cell, centre);
        let (code, facts) = self.facts_of(cell);
        self.centre_codes.set(cell, &code);
        self.facts[cell] = facts;
    }

    fn facts_of(&self, cell: usize) -> (Code, CentreFacts) {
        let kernels = Kernels::best();
        let centre = self.centres.get(cell);
        let mut code = Code::default();
        self.encoder.encode(self.cell_ranking(), &centre, &self.zeros, &mut code);
        let square = kernels.dot(&centre, &centre);
        (code, CentreFacts { square, origin: self.encoder.dot_origin(kernels, &centre) })
    }

    /// How many bytes are held.
    pub(super) fn memory(&self) -> usize {
        let cells = self.cells.iter().map(|cell| cell.slots.capacity() * 4 + cell.codes.memory());
        cells.sum::<usize>()
            + self.cells.capacity() * size_of::<Cell>()
            + self.centres.memory()
            + self.centre_codes.memory()
            + self.facts.capacity() * size_of::<CentreFacts>()
            + (self.places.capacity() + self.uncoded.capacity()) * size_of::<u32>()
    }
}

impl Cell {
    fn push(&mut self, slot: u32, code: &Code) {
        if self.slots.len() == self.slots.capacity() {
            self.slots.reserve_exact(32);
        }
        self.slots.push(slot);
        self.codes.push(code);
    }
}

/// The mean of the vectors that codes are made of, and what to multiply them by.
fn origin(source: Source<'_>, slots: u32) -> (Vec<f32>, f32) {
    let mut sums: Vec<f64> = Vec::new();
    let mut vector = Vec::new();
    for slot in 0..slots {
        source.coded(slot, &mut vector);
        sums.resize(vector.len(), 0.0);
        for (sum, x) in sums.iter_mut().zip(&vector) {
            *sum += f64::from(*x);
        }
    }
    let mut spread = 0.0_f64;
    for slot in 0..slots {
        source.coded(slot, &mut vector);
        for (sum, x) in sums.iter().zip(&vector) {
            let distance = f64::from(*x) - sum / f64::from(slots);
            spread += distance * distance / f64::from(slots);
        }
    }
    // A power of two, so that multiplying by it rounds nothing.
    let exponent = (spread.sqrt().max(f64::MIN_POSITIVE)).log2().round().clamp(-100.0, 100.0);
    #[expect(clippy::cast_possible_truncation, reason = "a mean, and a power of two in range")]
    let unit = (-exponent).exp2() as f32;
    #[expect(clippy::cast_possible_truncation, reason = "a mean")]
    let origin = sums.iter().map(|sum| (sum / f64::from(slots)) as f32).collect();
    (origin, unit)
}

#[cfg(test)]
mod tests;
