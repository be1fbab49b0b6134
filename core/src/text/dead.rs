//! Which documents of a segment are not there any more: deleted, or with a newer entry elsewhere.

use super::varint::{self, Reader};

/// A set of documents, one bit for each up to the last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Dead {
    words: Vec<u64>,
    count: u32,
}

impl Dead {
    /// Puts a document into the set; whether it was not in it.
    pub(crate) fn insert(&mut self, doc: u32) -> bool {
        let (word, bit) = (doc as usize / 64, 1 << (doc % 64));
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        let is_new = self.words[word] & bit == 0;
        self.words[word] |= bit;
        self.count += u32::from(is_new);
        is_new
    }

    #[inline]
    pub(crate) fn contains(&self, doc: u32) -> bool {
        self.words.get(doc as usize / 64).is_some_and(|word| word >> (doc % 64) & 1 == 1)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The documents, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        (0..).zip(&self.words).flat_map(|(index, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros())?;
                left &= left - 1;
                Some(index * 64 + bit)
            })
        })
    }

    /// How many bytes are held.
    pub(crate) fn memory(&self) -> usize {
        self.words.capacity() * size_of::<u64>()
    }

    /// The set as bytes: 0 and the distances from each to the next, or 1 and the words of bits,
    /// whichever is shorter.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut list = vec![0];
        let mut before = 0;
        for doc in self.iter() {
            varint::put(&mut list, u64::from(doc - before));
            before = doc;
        }
        if list.len() <= self.words.len() * 8 {
            return list;
        }
        let mut bits = vec![1];
        self.words.iter().for_each(|word| bits.extend(word.to_le_bytes()));
        bits
    }

    /// Reads what [`encode`](Dead::encode) wrote of some of so many documents.
    pub(crate) fn decode(bytes: &[u8], documents: u32) -> Option<Dead> {
        let (kind, rest) = bytes.split_first()?;
        let mut dead = Dead::default();
        match kind {
            0 => {
                let (mut reader, mut doc) = (Reader::new(rest), 0_u32);
                while !reader.is_at_end() {
                    doc = doc.checked_add(reader.u32()?).filter(|doc| *doc < documents)?;
                    dead.insert(doc);
                }
            }
            1 => {
                let (words, rest) = rest.as_chunks::<8>();
                dead.words = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
                dead.count = dead.words.iter().map(|word| word.count_ones()).sum();
                let is_known = dead.iter().last().is_none_or(|last| last < documents);
                if !rest.is_empty() || !is_known {
                    return None;
                }
            }
            _ => return None,
        }
        Some(dead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::test;

    #[test]
    fn a_set_reads_back_whatever_is_in_it() {
        for step in [1_u32, 3, 100, 900] {
            let mut dead = Dead::default();
            assert!((0..1000).step_by(step as usize).all(|doc| dead.insert(doc)));
            assert!(!dead.insert(0));
            let bytes = dead.encode();
            assert!(bytes.len() <= 129);
            assert_eq!(Dead::decode(&bytes, 1000).unwrap(), dead);
            assert_eq!(Dead::decode(&bytes, 900), None);
            assert_eq!(dead.iter().count(), dead.count() as usize);
            assert!((0..1000).all(|doc| dead.contains(doc) == doc.is_multiple_of(step)));
            assert!(!dead.contains(5000));
        }
        assert_eq!(Dead::decode(&Dead::default().encode(), 0).unwrap(), Dead::default());
        for bytes in [&[][..], &[2], &[1, 0], &[0, 0x80], &[1, 0, 0, 0, 0, 0, 0, 0, 0x80]] {
            assert_eq!(Dead::decode(bytes, 10), None, "{bytes:?}");
        }
    }
}
