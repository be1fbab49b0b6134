//! A bit for each slot.

/// A set of the slots below some number, as one bit each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bitmap {
    /// Bit `i % 64` of word `i / 64` is slot `i`; no bit is set behind the last slot.
    words: Vec<u64>,
    /// How many slots there are, in the set or not.
    slots: usize,
}

impl Bitmap {
    pub(super) fn empty(slots: usize) -> Bitmap {
        Bitmap { words: vec![0; slots.div_ceil(64)], slots }
    }

    /// Bit `i % 64` of word `i / 64` is slot `i`; no bit is set behind the last slot.
    pub(in crate::vector) fn words(&self) -> &[u64] {
        &self.words
    }

    pub(super) fn words_mut(&mut self) -> &mut [u64] {
        &mut self.words
    }

    pub(crate) fn contains(&self, slot: u32) -> bool {
        let word = self.words.get(slot as usize / 64);
        word.is_some_and(|word| word & 1 << (slot % 64) != 0)
    }

    /// The first slot in it from this one on.
    pub(crate) fn first_from(&self, slot: u32) -> Option<u32> {
        let at = slot as usize / 64;
        let rest = self.words.get(at..)?;
        // Of the first word without the bits before.
        let words = rest.iter().enumerate().map(|(n, word)| match n {
            0 => word & (u64::MAX << (slot % 64)),
            _ => *word,
        });
        let (index, word) = (at..).zip(words).find(|(_, word)| *word != 0)?;
        u32::try_from(index * 64).ok().map(|start| start + word.trailing_zeros())
    }

    /// How many slots are in it.
    pub(in crate::vector) fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The slots in it, in order.
    pub(in crate::vector) fn iter(&self) -> impl Iterator<Item = u32> {
        (0..=u32::MAX).step_by(64).zip(&self.words).flat_map(|(start, word)| {
            let mut word = *word;
            std::iter::from_fn(move || {
                let bit = (word != 0).then(|| word.trailing_zeros())?;
                word &= word - 1;
                Some(start + bit)
            })
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    pub(super) fn unite(&mut self, other: &Bitmap) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word |= other);
    }

    pub(super) fn intersect(&mut self, other: &Bitmap) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word &= other);
    }

    pub(super) fn complement(&mut self) {
        self.words.iter_mut().for_each(|word| *word = !*word);
        if let Some(last) = self.words.last_mut()
            && !self.slots.is_multiple_of(64)
        {
            *last &= (1 << (self.slots % 64)) - 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::test;

    fn of(slots: &[u32], len: usize) -> Bitmap {
        let mut bitmap = Bitmap::empty(len);
        slots.iter().for_each(|slot| bitmap.words_mut()[*slot as usize / 64] |= 1 << (slot % 64));
        bitmap
    }

    #[test]
    fn the_bits_behind_the_last_slot_stay_clear() {
        for len in [0, 1, 63, 64, 65, 128, 200] {
            let mut bitmap = Bitmap::empty(len);
            assert!(bitmap.is_empty());
            bitmap.complement();
            assert_eq!(bitmap.count(), len);
            assert!(bitmap.iter().eq(0..u32::try_from(len).unwrap()));
            assert!(!bitmap.contains(u32::try_from(len).unwrap()));
            bitmap.complement();
            assert!(bitmap.is_empty());
        }
    }

    #[test]
    fn the_next_slot_is_found_from_any_other() {
        let bitmap = of(&[1, 63, 64, 190], 200);
        for slot in 0..300 {
            let expected = bitmap.iter().find(|it| *it >= slot);
            assert_eq!(bitmap.first_from(slot), expected, "{slot}");
        }
        assert_eq!(of(&[], 0).first_from(0), None);
    }

    #[test]
    fn sets_are_united_and_intersected() {
        let (one, other) = (of(&[0, 64, 129], 130), of(&[1, 64, 128], 130));
        let mut both = one.clone();
        both.intersect(&other);
        assert_eq!((both.iter().collect::<Vec<_>>(), both.words()), (vec![64], &[0, 1, 0][..]));
        let mut either = one.clone();
        either.unite(&other);
        assert_eq!(either, of(&[0, 1, 64, 128, 129], 130));
        assert!(either.contains(128) && !either.contains(127) && !one.contains(128));
    }
}
