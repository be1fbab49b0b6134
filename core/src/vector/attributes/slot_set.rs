//! Sets of slots, compact for few slots and for many.

/// A set of slots.
///
/// Very few are in place, and more are listed. Still more are kept by their upper 16 bits in
/// chunks, each of which is a list or, where that is shorter, one bit for each slot up to the last.
/// Roaring bitmaps do the same; these give their words away, which a selection is made of, and take
/// a fraction of the memory for a few.
#[derive(Debug, Clone)]
pub(super) enum SlotSet {
    Few(Few),
    /// Sorted.
    List(Vec<u32>),
    Many {
        len: usize,
        /// Sorted by `high`, none of them empty.
        chunks: Vec<Chunk>,
    },
}

/// Up to [`FEW_MAX`] slots.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Few {
    len: u8,
    /// The first `len` of them, sorted. Unless there are none, the rest repeat the last one, so that
    /// nobody has to ask how many there are to set their bits.
    slots: [u32; FEW_MAX],
}

/// As many as fit where the other sets have their pointers.
const FEW_MAX: usize = 5;
/// So many listed slots or less have room in place.
const FEW_TO: usize = 3;

/// The slots that have these upper 16 bits.
#[derive(Debug, Clone)]
pub(super) struct Chunk {
    high: u16,
    low: Low,
}

/// The lower 16 bits of slots.
#[derive(Debug, Clone)]
enum Low {
    /// Sorted.
    Sparse(Vec<u16>),
    Dense {
        len: usize,
        /// Bit `i % 64` of word `i / 64`; the last word is not zero.
        words: Vec<u64>,
    },
}

/// From so many slots on, a set has chunks.
const CHUNKS_FROM: usize = 64;
/// And below so many none any more.
const CHUNKS_TO: usize = 32;
/// The words of bits that a whole chunk would take.
const CHUNK_WORDS: usize = 1 << 10;
/// A list of more slots for each word that bits would take becomes bits, which are shorter then.
const DENSE_FROM: usize = 4;
/// Bits with fewer slots a word become a list.
const DENSE_TO: usize = 2;
/// Shorter lists stay lists.
const DENSE_MIN: usize = 32;

impl Default for SlotSet {
    fn default() -> SlotSet {
        SlotSet::Few(Few::default())
    }
}

impl Few {
    fn slots(&self) -> &[u32] {
        &self.slots[..usize::from(self.len)]
    }

    /// Whether there was room.
    fn insert(&mut self, slot: u32) -> bool {
        let len = usize::from(self.len);
        match self.slots().binary_search(&slot) {
            Ok(_) => true,
            Err(_) if len == FEW_MAX => false,
            Err(at) => {
                self.slots.copy_within(at..FEW_MAX - 1, at + 1);
                self.slots[at] = slot;
                self.len += 1;
                self.repeat_last();
                true
            }
        }
    }

    fn remove(&mut self, slot: u32) {
        if let Ok(at) = self.slots().binary_search(&slot) {
            self.slots.copy_within(at + 1.., at);
            self.len -= 1;
            self.repeat_last();
        }
    }

    fn repeat_last(&mut self) {
        if let Some(last) = self.slots().last().copied() {
            self.slots[usize::from(self.len)..].fill(last);
        }
    }
}

impl SlotSet {
    pub(super) fn len(&self) -> usize {
        match self {
            SlotSet::Few(few) => few.slots().len(),
            SlotSet::List(slots) => slots.len(),
            SlotSet::Many { len, .. } => *len,
        }
    }

    /// The one slot, if there is no other.
    pub(super) fn only(&self) -> Option<u32> {
        match self {
            SlotSet::Few(few) if few.len == 1 => few.slots().first().copied(),
            _ => None,
        }
    }

    pub(super) fn insert(&mut self, slot: u32) {
        match self {
            SlotSet::Few(few) => {
                if !few.insert(slot) {
                    let mut slots = few.slots.to_vec();
                    insert_sorted(&mut slots, slot);
                    *self = SlotSet::List(slots);
                }
            }
            SlotSet::List(slots) => {
                insert_sorted(slots, slot);
                if slots.len() >= CHUNKS_FROM {
                    let slots = std::mem::take(slots);
                    *self = SlotSet::Many { len: 0, chunks: Vec::new() };
                    slots.into_iter().for_each(|slot| self.insert(slot));
                }
            }
            SlotSet::Many { len, chunks } => {
                let (high, low) = split(slot);
                let at = match find(chunks, high) {
                    Ok(at) => at,
                    Err(at) => {
                        chunks.insert(at, Chunk { high, low: Low::Sparse(Vec::new()) });
                        at
                    }
                };
                *len += usize::from(chunks[at].low.insert(low));
            }
        }
    }

    pub(super) fn remove(&mut self, slot: u32) {
        match self {
            SlotSet::Few(few) => few.remove(slot),
            SlotSet::List(slots) => {
                remove_sorted(slots, slot);
                if slots.len() <= FEW_TO {
                    let mut few = Few::default();
                    slots.iter().for_each(|slot| {
                        few.insert(*slot);
                    });
                    *self = SlotSet::Few(few);
                }
            }
            SlotSet::Many { len, chunks } => {
                let (high, low) = split(slot);
                let Ok(at) = find(chunks, high) else {
                    return;
                };
                *len -= usize::from(chunks[at].low.remove(low));
                if chunks[at].low.len() == 0 {
                    chunks.remove(at);
                }
                if *len < CHUNKS_TO {
                    let mut slots = Vec::with_capacity(*len);
                    self.each(|slot| slots.push(slot));
                    *self = SlotSet::List(slots);
                }
            }
        }
    }

    /// What going through it once costs, in slots listed and words of bits.
    pub(super) fn steps(&self) -> usize {
        match self {
            SlotSet::Few(few) => few.slots().len(),
            SlotSet::List(slots) => slots.len(),
            SlotSet::Many { chunks, .. } => chunks.iter().map(|chunk| chunk.low.steps()).sum(),
        }
    }

    /// Sets the bits of its slots; there is a word for each of them.
    pub(super) fn add_to(&self, words: &mut [u64]) {
        self.merge_into(words, |word, bits| *word |= bits);
    }

    /// Clears the bits of its slots; there is a word for each of them.
    pub(super) fn take_from(&self, words: &mut [u64]) {
        self.merge_into(words, |word, bits| *word &= !bits);
    }

    fn merge_into(&self, words: &mut [u64], merge: impl Fn(&mut u64, u64)) {
        let mut listed = |slots: &[u32]| {
            for slot in slots {
                merge(&mut words[*slot as usize / 64], 1 << (slot % 64));
            }
        };
        match self {
            SlotSet::Few(Few { len: 0, .. }) => {}
            SlotSet::Few(few) => listed(&few.slots),
            SlotSet::List(slots) => listed(slots),
            SlotSet::Many { chunks, .. } => {
                for chunk in chunks {
                    let words = &mut words[usize::from(chunk.high) * CHUNK_WORDS..];
                    match &chunk.low {
                        Low::Sparse(lows) => {
                            for low in lows {
                                merge(&mut words[usize::from(*low) / 64], 1 << (low % 64));
                            }
                        }
                        Low::Dense { words: bits, .. } => {
                            words.iter_mut().zip(bits).for_each(|(word, bits)| merge(word, *bits));
                        }
                    }
                }
            }
        }
    }

    /// Calls `seen` with each slot in order.
    pub(super) fn each(&self, mut seen: impl FnMut(u32)) {
        match self {
            SlotSet::Few(few) => few.slots().iter().copied().for_each(seen),
            SlotSet::List(slots) => slots.iter().copied().for_each(seen),
            SlotSet::Many { chunks, .. } => {
                for chunk in chunks {
                    let high = u32::from(chunk.high) << 16;
                    chunk.low.each(|low| seen(high | u32::from(low)));
                }
            }
        }
    }

    /// The bytes held on the heap.
    pub(super) fn memory(&self) -> usize {
        match self {
            SlotSet::Few(_) => 0,
            SlotSet::List(slots) => slots.capacity() * size_of::<u32>(),
            SlotSet::Many { chunks, .. } => {
                let lows = chunks.iter().map(|chunk| match &chunk.low {
                    Low::Sparse(lows) => lows.capacity() * size_of::<u16>(),
                    Low::Dense { words, .. } => words.capacity() * size_of::<u64>(),
                });
                chunks.capacity() * size_of::<Chunk>() + lows.sum::<usize>()
            }
        }
    }
}

impl Low {
    fn len(&self) -> usize {
        match self {
            Low::Sparse(lows) => lows.len(),
            Low::Dense { len, .. } => *len,
        }
    }

    fn steps(&self) -> usize {
        match self {
            Low::Sparse(lows) => lows.len(),
            Low::Dense { words, .. } => words.len(),
        }
    }

    /// Whether it was not there.
    fn insert(&mut self, low: u16) -> bool {
        match self {
            Low::Sparse(lows) => {
                let added = insert_sorted(lows, low);
                let words = lows.last().map_or(0, |last| usize::from(*last) / 64 + 1);
                if lows.len() >= DENSE_MIN && lows.len() > words * DENSE_FROM {
                    let mut bits = vec![0; words];
                    for low in &*lows {
                        bits[usize::from(*low) / 64] |= 1 << (low % 64);
                    }
                    *self = Low::Dense { len: lows.len(), words: bits };
                }
                added
            }
            Low::Dense { len, words } => {
                let at = usize::from(low) / 64;
                if at >= words.len() {
                    words.resize(at + 1, 0);
                }
                let before = words[at];
                words[at] |= 1 << (low % 64);
                let added = words[at] != before;
                *len += usize::from(added);
                added
            }
        }
    }

    /// Whether it was there.
    fn remove(&mut self, low: u16) -> bool {
        match self {
            Low::Sparse(lows) => remove_sorted(lows, low),
            Low::Dense { len, words } => {
                let Some(word) = words.get_mut(usize::from(low) / 64) else {
                    return false;
                };
                let before = *word;
                *word &= !(1 << (low % 64));
                let removed = *word != before;
                *len -= usize::from(removed);
                while words.last() == Some(&0) {
                    words.pop();
                }
                if *len < words.len() * DENSE_TO || *len < DENSE_MIN / 2 {
                    let mut lows = Vec::with_capacity(*len);
                    self.each(|low| lows.push(low));
                    *self = Low::Sparse(lows);
                } else {
                    give_back(words);
                }
                removed
            }
        }
    }

    fn each(&self, mut seen: impl FnMut(u16)) {
        match self {
            Low::Sparse(lows) => lows.iter().copied().for_each(seen),
            Low::Dense { words, .. } => {
                // Never more than a chunk's words, so the steps stay within 16 bits.
                for (start, word) in (0..=u16::MAX).step_by(64).zip(words) {
                    let mut word = *word;
                    while word != 0 {
                        seen(start | u16::try_from(word.trailing_zeros()).unwrap_or(0));
                        word &= word - 1;
                    }
                }
            }
        }
    }
}

/// The upper and the lower 16 bits.
fn split(slot: u32) -> (u16, u16) {
    let [a, b, c, d] = slot.to_be_bytes();
    (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))
}

/// Where the chunk is, or belongs; the last one is the most likely.
fn find(chunks: &[Chunk], high: u16) -> Result<usize, usize> {
    match chunks.last() {
        Some(last) if last.high == high => Ok(chunks.len() - 1),
        _ => chunks.binary_search_by_key(&high, |chunk| chunk.high),
    }
}

/// Whether `item` was not there.
fn insert_sorted<T: Ord + Copy>(items: &mut Vec<T>, item: T) -> bool {
    if items.last().is_none_or(|last| *last < item) {
        items.push(item);
        return true;
    }
    let place = items.binary_search(&item);
    if let Err(at) = place {
        items.insert(at, item);
    }
    place.is_err()
}

/// Whether `item` was there.
fn remove_sorted<T: Ord + Copy>(items: &mut Vec<T>, item: T) -> bool {
    let Ok(at) = items.binary_search(&item) else {
        return false;
    };
    items.remove(at);
    give_back(items);
    true
}

/// Gives memory back that removals have left over.
fn give_back<T>(items: &mut Vec<T>) {
    if items.len() < items.capacity() / 2 {
        items.shrink_to(items.len() + items.len() / 4 + 1);
    }
}

#[cfg(test)]
mod tests;
