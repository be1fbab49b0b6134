//! What the documents of a block can score at most, in three bytes.

/// How often the term stands in the documents of a block, and how short they are.
///
/// Documents with the term once are apart from the others: nearly all are such, and a bound that
/// put the shortest of all beside the most occurrences of any would be far off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bound {
    /// The code of the shortest length of those with the term once.
    once: u8,
    /// The most occurrences in any other, at most 255, which stands for more too.
    most: u8,
    /// The code of the shortest length of those.
    more: u8,
}

/// No document.
const NONE: u8 = 255;

impl Default for Bound {
    fn default() -> Bound {
        Bound { once: NONE, most: 0, more: NONE }
    }
}

impl Bound {
    pub(super) const BYTES: usize = 3;

    /// Takes in a document with the term `freq` times and of `len` tokens.
    pub(super) fn add(&mut self, freq: u32, len: u32) {
        let len = code(len);
        if freq == 1 {
            self.once = self.once.min(len);
        } else {
            self.most = self.most.max(u8::try_from(freq).unwrap_or(u8::MAX));
            self.more = self.more.min(len);
        }
    }

    pub(super) fn to_bytes(self) -> [u8; Bound::BYTES] {
        [self.once, self.most, self.more]
    }

    pub(super) fn from_bytes([once, most, more]: [u8; Bound::BYTES]) -> Bound {
        Bound { once, most, more }
    }

    /// The most that `score` of occurrences and a length gives for any of the documents, when it
    /// grows with the former and shrinks with the latter.
    #[inline]
    pub(crate) fn score(self, score: impl Fn(f64, u32) -> f64) -> f64 {
        let mut most = 0.0_f64;
        if self.once != NONE {
            most = score(1.0, length(self.once));
        }
        if self.more != NONE {
            let freq = if self.most == u8::MAX { f64::from(u32::MAX) } else { self.most.into() };
            most = most.max(score(freq, length(self.more)));
        }
        most
    }
}

/// Up to here a length is its own code.
const EXACT: u32 = 16;

/// A length rounded down to four significant bits, as a byte: never [`NONE`].
fn code(len: u32) -> u8 {
    let code = if len < EXACT {
        len
    } else {
        let exponent = len.ilog2();
        EXACT + (exponent - 4) * 8 + ((len >> (exponent - 3)) & 7)
    };
    u8::try_from(code).unwrap_or(NONE - 1)
}

/// The least length that has this code.
fn length(code: u8) -> u32 {
    let code = u32::from(code);
    if code < EXACT {
        return code;
    }
    let (exponent, mantissa) = ((code - EXACT) / 8 + 4, (code - EXACT) % 8);
    (8 + mantissa).checked_shl(exponent - 3).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::test;

    #[test]
    fn a_length_is_rounded_down_and_not_far() {
        for len in (0..5_000).chain([65_535, 1 << 20, u32::MAX]) {
            let rounded = length(code(len));
            assert!(rounded <= len && len - rounded <= len / 8, "{len} became {rounded}");
            assert_eq!(code(rounded), code(len));
            assert_ne!(code(len), NONE);
        }
    }

    #[test]
    fn no_document_scores_more_than_the_bound() {
        let score = |freq: f64, len: u32| freq / (freq + f64::from(len));
        let documents = [(1, 30), (1, 12), (3, 40), (300, 1000)];
        let mut bound = Bound::default();
        assert_eq!(bound.score(score), 0.0);
        documents.iter().for_each(|(freq, len)| bound.add(*freq, *len));
        let bound = Bound::from_bytes(bound.to_bytes());
        for (freq, len) in documents {
            assert!(score(f64::from(freq), len) <= bound.score(score));
        }
        let mut once = Bound::default();
        once.add(1, 12);
        assert_eq!(once.score(score), score(1.0, 12));
    }
}
