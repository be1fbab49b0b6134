//! The portable implementation, and the definition that the others are tested against.

use super::rows::{Row, Rows};
use super::{Kernels, LANES, lookup, rotate};

pub(super) static KERNELS: Kernels = Kernels {
    name: "scalar",
    rows: each_precision!(sums),
    pair: |a, b| sum::<false, _>(a, b),
    lookup: lookup::scalar,
    keys: lookup::keys,
    table: lookup::table,
    rotate: rotate::rotate,
};

fn sums<'a, const SQUARED_L2: bool, R: Row<'a>>(query: &[f32], rows: Rows<'a, R>, out: &mut [f32]) {
    for (at, out) in out.iter_mut().enumerate() {
        *out = sum::<SQUARED_L2, R>(query, rows.row(at));
    }
}

fn sum<'a, const SQUARED_L2: bool, R: Row<'a>>(query: &[f32], row: R) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let (blocks, rest) = query.as_chunks::<LANES>();
    for (block, q) in blocks.iter().enumerate() {
        for (at, (lane, q)) in lanes.iter_mut().zip(q).enumerate() {
            *lane += term::<SQUARED_L2>(*q, row.element(block * LANES + at));
        }
    }
    for (at, (lane, q)) in lanes.iter_mut().zip(rest).enumerate() {
        *lane += term::<SQUARED_L2>(*q, row.element(blocks.len() * LANES + at));
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
