//! The portable implementation, and the definition that the others are tested against.

use super::{Kernels, LANES, Rows};

pub(super) static KERNELS: Kernels =
    Kernels { name: "scalar", dot: rows::<false>, squared_l2: rows::<true> };

fn rows<const SQUARED_L2: bool>(query: &[f32], rows: Rows<'_>, out: &mut [f32]) {
    for (at, out) in out.iter_mut().enumerate() {
        *out = sum::<SQUARED_L2>(query, rows.row(at));
    }
}

fn sum<const SQUARED_L2: bool>(query: &[f32], row: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let (query_blocks, query_rest) = query.as_chunks::<LANES>();
    let (row_blocks, row_rest) = row.as_chunks::<LANES>();
    for (q, x) in query_blocks.iter().zip(row_blocks) {
        for ((lane, q), x) in lanes.iter_mut().zip(q).zip(x) {
            *lane += term::<SQUARED_L2>(*q, *x);
        }
    }
    for ((lane, q), x) in lanes.iter_mut().zip(query_rest).zip(row_rest) {
        *lane += term::<SQUARED_L2>(*q, *x);
    }
    let mut half = LANES / 2;
    while half > 0 {
        let (low, high) = lanes.split_at_mut(half);
        for (low, high) in low.iter_mut().zip(high) {
            *low += *high;
        }
        half /= 2;
    }
    lanes[0]
}

#[inline(always)]
fn term<const SQUARED_L2: bool>(q: f32, x: f32) -> f32 {
    if SQUARED_L2 {
        let difference = q - x;
        difference * difference
    } else {
        q * x
    }
}
