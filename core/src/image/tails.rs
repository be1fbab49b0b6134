//! Which pieces of WAL a flush merges with the new one.

/// How many pieces of one size class come together before they are merged.
const FAN: usize = 16;

/// Pieces below this many bytes times [`FAN`] are all of the smallest class.
const UNIT: u64 = 4096;

/// The size class of a piece: each is [`FAN`] times the one before.
fn class(len: u64) -> u32 {
    (len / UNIT).max(1).ilog2() / FAN.ilog2()
}

/// From which of the pieces of length `lens` on all are merged with a new one of `new` bytes.
///
/// The new piece takes in every smaller class at the end, and its own class when that has come to
/// [`FAN`]. So classes never rise from the front to the back and hold fewer than [`FAN`] pieces
/// each, which bounds their number by `15 * classes`; and each time a byte is written again its
/// class has risen, which bounds how often it is by `log16(total / 4096)`. A merge is never larger
/// than `cap`: beyond that a checkpoint is the cheaper way.
pub(super) fn first_merged(lens: &[u64], new: u64, cap: u64) -> usize {
    let (mut first, mut size) = (lens.len(), new);
    loop {
        let own = class(size);
        let smaller = lens[..first].iter().rev().take_while(|len| class(**len) < own).count();
        let level = first - smaller;
        let same = lens[..level].iter().rev().take_while(|len| class(**len) == own).count();
        let start = if same + 1 >= FAN { level - same } else { level };
        let merged = size + lens[start..first].iter().sum::<u64>();
        if start == first || merged > cap {
            return first;
        }
        (first, size) = (start, merged);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::test;

    /// Appends pieces of the given sizes; the most pieces there were, and the bytes written.
    fn run(sizes: impl Iterator<Item = u64>, cap: u64) -> (usize, u64, u64) {
        let mut lens: Vec<u64> = Vec::new();
        let (mut most, mut written, mut total) = (0, 0, 0);
        for size in sizes {
            let first = first_merged(&lens, size, cap);
            let merged = size + lens.split_off(first).iter().sum::<u64>();
            lens.push(merged);
            total += size;
            written += merged;
            most = most.max(lens.len());
            assert_eq!(lens.iter().sum::<u64>(), total);
        }
        (most, written, total)
    }

    #[test]
    fn few_pieces_at_logarithmic_cost() {
        let cap = 64 << 20;
        for size in [4_152, 12_360, 40_000] {
            let (most, written, total) = run((0..2_000).map(|_| size), cap);
            let classes = u64::from(class(total)) + 1;
            assert!(most as u64 <= 15 * classes, "{most} pieces of {size}");
            assert!(written <= total * (classes + 1), "{written} bytes written for {total}");
        }
    }

    #[test]
    fn mixed_sizes_are_bounded_too() {
        // A multiplicative walk through sizes from 4 kB to 4 MB.
        let mut state = 1u64;
        let sizes = (0..2_000).map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            4_096 << (state >> 60).min(10)
        });
        let (most, written, total) = run(sizes, u64::MAX);
        let classes = u64::from(class(total)) + 1;
        assert!(most as u64 <= 15 * classes, "{most} pieces");
        assert!(written <= total * (classes + 1), "{written} bytes written for {total}");
    }

    #[test]
    fn no_merge_is_larger_than_the_cap() {
        let lens = [1 << 20; 20];
        assert_eq!(first_merged(&lens, 1 << 20, 4 << 20), 20);
        assert_eq!(first_merged(&[], 5 << 20, 1 << 20), 0);
    }
}
