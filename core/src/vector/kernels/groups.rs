//! Walks over rows in groups, for implementations that take several rows at a time.

use super::{LANES, Rows};

/// Calls `many` on as many groups of `R` rows as there are and `one` on each row that is left.
///
/// `many` is told the rows of the next group too, so that it can ask for them early.
#[inline(always)]
pub(super) fn by_rows<const R: usize>(
    rows: Rows<'_>,
    out: &mut [f32],
    many: impl Fn([&[f32]; R], [&[f32]; R]) -> [f32; R],
    one: impl Fn(&[f32]) -> f32,
) {
    let whole = out.len() - out.len() % R;
    let (groups, rest) = out.as_chunks_mut::<R>();
    let mut next = std::array::from_fn(|r| if r < whole { rows.row(r) } else { &[][..] });
    for (group, out) in groups.iter_mut().enumerate() {
        let now = next;
        let start = (group + 1) * R;
        if start < whole {
            next = std::array::from_fn(|r| rows.row(start + r));
        }
        *out = many(now, next);
    }
    for (at, out) in rest.iter_mut().enumerate() {
        *out = one(rows.row(whole + at));
    }
}

/// The last block of a vector, filled up with zeros.
#[inline(always)]
pub(super) fn tail(rest: &[f32]) -> [f32; LANES] {
    let mut block = [0.0; LANES];
    block[..rest.len()].copy_from_slice(rest);
    block
}
