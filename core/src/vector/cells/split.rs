//! Splitting a cell in two.

use super::{CELL_MIN, Cells, Code, NO_CELL, Source};
use crate::vector::kernels::Kernels;

/// How often the two centres are moved to the means of their halves.
const ROUNDS: usize = 6;

/// So many cells around each half are looked at for one nearer to its vectors.
const NEIGHBOURS: usize = 48;

/// The smaller half has at least one in so many.
const SMALLEST: usize = 6;

impl Cells {
    /// Splits a cell between two centres, and lets its vectors find the cell they are nearest to.
    pub(super) fn split(&mut self, source: Source<'_>, cell: usize) {
        let slots = std::mem::take(&mut self.cells[cell].slots);
        slots.iter().for_each(|slot| self.places[*slot as usize] = NO_CELL);
        let padded = self.zeros.len();
        let mut rows = Vec::with_capacity(slots.len() * padded);
        let (mut vector, mut rotated) = (Vec::new(), Vec::new());
        for slot in &slots {
            source.coded(*slot, &mut vector);
            self.encoder.rotate(&vector, &mut rotated);
            rows.extend_from_slice(&rotated);
        }
        let halves = Halves::of(&rows, padded);
        self.reset_cell(cell, &halves.centres[0]);
        let other = self.push_cell(&halves.centres[1]);
        let near = self.around(&halves.centres);
        let mut code = Code::default();
        let second_len = halves.second.iter().filter(|second| **second).count();
        let mut staying = [slots.len() - second_len, second_len];
        for ((slot, row), second) in slots.iter().zip(rows.chunks(padded)).zip(&halves.second) {
            let half = if *second { other } else { cell };
            let staying = &mut staying[usize::from(*second)];
            let nearer = self.nearer_cell(row, half, &near).filter(|_| *staying > CELL_MIN);
            *staying -= usize::from(nearer.is_some());
            self.put(nearer.unwrap_or(half), *slot, row, &mut code);
        }
    }

    /// The cells around some centres.
    fn around(&self, centres: &[Vec<f32>]) -> Vec<u32> {
        let near = centres.iter().flat_map(|centre| self.near(centre, NEIGHBOURS));
        let mut near: Vec<u32> = near.collect();
        near.sort_unstable();
        near.dedup();
        near
    }

    /// The nearest of some cells to a row, where it is nearer than this one and has room. Since a
    /// cell was made, others may have come nearer to what is in it.
    fn nearer_cell(&self, row: &[f32], cell: usize, near: &[u32]) -> Option<usize> {
        let (nearest, distance) = self.nearest_of(row, near)?;
        let mut own = [0.0];
        let slot = u32::try_from(cell).unwrap_or(u32::MAX);
        self.centres.squared_l2(Kernels::best(), row, &[slot], &mut own);
        (distance < own[0] && self.cells[nearest].slots.len() < self.cell_max()).then_some(nearest)
    }
}

/// Some rows in two halves.
struct Halves {
    centres: [Vec<f32>; 2],
    /// Whether a row is in the second one.
    second: Vec<bool>,
}

impl Halves {
    /// The halves of rows of so many elements.
    fn of(rows: &[f32], width: usize) -> Halves {
        let kernels = Kernels::best();
        let all = rows.len() / width;
        let mean = mean(rows.chunks(width), width);
        let farthest = |from: &[f32]| {
            let distance = |row: &[f32]| squared_distance(row, from);
            let rows = rows.chunks(width);
            rows.max_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap_or_default().to_vec()
        };
        let one = farthest(&mean);
        let mut centres = [farthest(&one), one];
        let mut second = vec![false; all];
        for _ in 0..ROUNDS {
            let towards: Vec<f32> =
                centres[1].iter().zip(&centres[0]).map(|(b, a)| b - a).collect();
            let middle: f32 = 0.5
                * (kernels.dot(&centres[1], &centres[1]) - kernels.dot(&centres[0], &centres[0]));
            let mut sides: Vec<(f32, usize)> = rows
                .chunks(width)
                .map(|row| kernels.dot(row, &towards) - middle)
                .zip(0..)
                .collect();
            sides.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let least = (all / SMALLEST).max(1);
            let cut = sides.partition_point(|(side, _)| *side <= 0.0).clamp(least, all - least);
            let before = second.clone();
            for (at, (_, row)) in sides.iter().enumerate() {
                second[*row] = at >= cut;
            }
            for (half, centre) in centres.iter_mut().enumerate() {
                let of_half = rows.chunks(width).zip(&second).filter(|(_, it)| **it == (half == 1));
                *centre = self::mean(of_half.map(|(row, _)| row), width);
            }
            if before == second {
                break;
            }
        }
        Halves { centres, second }
    }
}

fn mean<'a>(rows: impl Iterator<Item = &'a [f32]>, width: usize) -> Vec<f32> {
    let mut sums = vec![0.0_f32; width];
    let mut count = 0_u16;
    for row in rows {
        sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        count += 1;
    }
    let share = f32::from(count.max(1)).recip();
    sums.iter_mut().for_each(|sum| *sum *= share);
    sums
}

fn squared_distance(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}
