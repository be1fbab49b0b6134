//! The distinct values under a key, in order, with the slots that hold them.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::postings::Posting;

/// Values as [ordered](super::ordered) bytes, each with its posting.
///
/// They lie in leaves of about a hundred, side by side, so that a value that is there once takes
/// little more than its bytes, and going through many of them is going through memory in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Dictionary {
    /// The least values; in place, because few keys have more.
    first: Leaf,
    /// The other leaves by a value that is above all of the leaf before and below none of its own.
    /// None of them is empty.
    rest: BTreeMap<Box<[u8]>, Leaf>,
}

#[derive(Debug, Clone, Default)]
struct Leaf {
    /// All values, one behind the other.
    bytes: Vec<u8>,
    /// Where each value ends in `bytes`.
    ends: Vec<u16>,
    /// None of them is empty.
    postings: Vec<Posting>,
}

/// A leaf has at most so many values,
const LEAF_VALUES_MAX: usize = 128;
/// and at most so many bytes.
const LEAF_BYTES_MAX: usize = 4096;
/// A leaf of at most so many values goes into the one before it,
const THIN_VALUES: usize = LEAF_VALUES_MAX / 4;
/// if the two have at most half of what a leaf may have.
const MERGED_VALUES_MAX: usize = LEAF_VALUES_MAX / 2;
const MERGED_BYTES_MAX: usize = LEAF_BYTES_MAX / 2;

impl Dictionary {
    /// Changes the posting of a value, which is put in first if it is not there.
    ///
    /// The posting must not be empty afterwards.
    pub(super) fn put<T>(&mut self, value: &[u8], change: impl FnOnce(&mut Posting) -> T) -> T {
        loop {
            let leaf = find(&mut self.first, &mut self.rest, value);
            let at = match leaf.search(value) {
                Ok(at) => at,
                Err(at) if leaf.has_room(value) => leaf.insert(at, value),
                Err(_) => {
                    self.make_room(value);
                    continue;
                }
            };
            return change(&mut leaf.postings[at]);
        }
    }

    /// Puts in a value above all others, with a posting that is not empty.
    pub(super) fn push(&mut self, value: &[u8], posting: Posting) {
        let mut entry = self.rest.last_entry();
        let last = entry.as_mut().map_or(&mut self.first, |entry| entry.get_mut());
        let leaf = if last.has_room(value) {
            last
        } else {
            last.shrink();
            self.rest.entry(value.into()).or_default()
        };
        let at = leaf.insert(leaf.len(), value);
        leaf.postings[at] = posting;
    }

    /// Changes the posting of a value if it is there, and takes the value out if the posting is
    /// empty afterwards.
    pub(super) fn change(&mut self, value: &[u8], change: impl FnOnce(&mut Posting)) {
        let leaf = find(&mut self.first, &mut self.rest, value);
        let Ok(at) = leaf.search(value) else {
            return;
        };
        change(&mut leaf.postings[at]);
        if leaf.postings[at].is_empty() {
            leaf.remove(at);
            if leaf.len() <= THIN_VALUES {
                self.merge(value);
            }
        }
    }

    /// The slots that hold this value.
    pub(super) fn get(&self, value: &[u8]) -> Posting {
        let at_or_below = (Bound::Unbounded, Bound::Included(value));
        let leaf = match self.rest.range::<[u8], _>(at_or_below).next_back() {
            Some((_, leaf)) => leaf,
            None => &self.first,
        };
        leaf.search(value).map_or(Posting::EMPTY, |at| leaf.postings[at])
    }

    /// The postings of the values from `low` on and below `high`, in order, by leaf.
    pub(super) fn range(&self, low: &[u8], high: &[u8]) -> impl Iterator<Item = &[Posting]> {
        // The leaf that `low` belongs to starts at or below it. An upper end below the lower one
        // would panic.
        let from = self.rest.range::<[u8], _>((Bound::Unbounded, Bound::Included(low))).next_back();
        let start = from.map_or(Bound::Unbounded, |(start, _)| Bound::Included(&**start));
        let end = Bound::Excluded(high.max(low));
        let first = from.is_none().then_some(&self.first);
        let rest = self.rest.range::<[u8], _>((start, end)).map(|(_, leaf)| leaf);
        first.into_iter().chain(rest).map(|leaf| {
            let end = leaf.start(high);
            &leaf.postings[leaf.start(low).min(end)..end]
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.len() == 0 && self.rest.is_empty()
    }

    pub(super) fn memory(&self) -> usize {
        // The nodes of the tree have room for eleven and are two thirds full, one way or another.
        let node = (size_of::<Leaf>() + size_of::<Box<[u8]>>()) * 3 / 2;
        let rest = self.rest.iter().map(|(start, leaf)| node + start.len() + leaf.memory());
        self.first.memory() + rest.sum::<usize>()
    }

    /// Splits the leaf that `value` belongs to, which has no room for it. One half may have most of
    /// the bytes, and no room again.
    fn make_room(&mut self, value: &[u8]) {
        let is_last = match self.rest.last_key_value() {
            Some((start, _)) => **start <= *value,
            None => true,
        };
        let leaf = find(&mut self.first, &mut self.rest, value);
        let at = leaf.start(value);
        if is_last && at == leaf.len() {
            // Values that come in order shall not leave half of each leaf empty.
            leaf.shrink();
            self.rest.insert(value.into(), Leaf::default());
            return;
        }
        let upper = leaf.split_off(leaf.len() / 2);
        self.rest.insert(upper.value(0).into(), upper);
    }

    /// Joins the leaf that `value` belongs to with the one before it, if both are thin.
    fn merge(&mut self, value: &[u8]) {
        let below = (Bound::Unbounded, Bound::Included(value));
        let mut leaves = self.rest.range_mut::<[u8], _>(below);
        let Some((start, leaf)) = leaves.next_back() else {
            return;
        };
        let before = leaves.next_back().map_or(&mut self.first, |(_, before)| before);
        let fits = leaf.len() + before.len() <= MERGED_VALUES_MAX
            && leaf.bytes.len() + before.bytes.len() <= MERGED_BYTES_MAX;
        if fits || leaf.len() == 0 {
            before.append(leaf);
            let start = start.clone();
            self.rest.remove(&start);
        }
    }
}

/// The leaf that `value` belongs to.
fn find<'a>(
    first: &'a mut Leaf,
    rest: &'a mut BTreeMap<Box<[u8]>, Leaf>,
    value: &[u8],
) -> &'a mut Leaf {
    let at_or_below = (Bound::Unbounded, Bound::Included(value));
    match rest.range_mut::<[u8], _>(at_or_below).next_back() {
        Some((_, leaf)) => leaf,
        None => first,
    }
}

impl Leaf {
    fn len(&self) -> usize {
        self.postings.len()
    }

    fn has_room(&self, value: &[u8]) -> bool {
        self.len() < LEAF_VALUES_MAX && self.bytes.len() + value.len() <= LEAF_BYTES_MAX
    }

    /// Where a value starts in `bytes`.
    fn place(&self, at: usize) -> usize {
        at.checked_sub(1).map_or(0, |before| usize::from(self.ends[before]))
    }

    fn value(&self, at: usize) -> &[u8] {
        &self.bytes[self.place(at)..usize::from(self.ends[at])]
    }

    /// Where a value is, or belongs.
    fn search(&self, value: &[u8]) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            match self.value(middle).cmp(value) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Ok(middle),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    /// The index of the first value that is not below `value`.
    fn start(&self, value: &[u8]) -> usize {
        // Of the leaves of a long range all but two are in it as a whole.
        match self.len().checked_sub(1) {
            Some(last) if self.value(last) < value => self.len(),
            Some(_) if self.value(0) < value => self.search(value).unwrap_or_else(|at| at),
            _ => 0,
        }
    }

    /// Puts in a value with an empty posting, and gives its index back.
    fn insert(&mut self, at: usize, value: &[u8]) -> usize {
        let place = self.place(at);
        let end = self.bytes.len();
        // A leaf's bytes are few, so their number has 16 bits.
        let len = u16::try_from(value.len()).unwrap_or(0);
        self.bytes.extend_from_slice(value);
        if place < end {
            self.bytes.copy_within(place..end, place + value.len());
            self.bytes[place..place + value.len()].copy_from_slice(value);
        }
        self.ends[at..].iter_mut().for_each(|end| *end += len);
        self.ends.insert(at, u16::try_from(place).unwrap_or(0) + len);
        self.postings.insert(at, Posting::EMPTY);
        at
    }

    fn remove(&mut self, at: usize) {
        let place = self.place(at);
        let end = usize::from(self.ends[at]);
        let len = self.ends[at] - u16::try_from(place).unwrap_or(0);
        self.bytes.copy_within(end.., place);
        self.bytes.truncate(self.bytes.len() - usize::from(len));
        self.ends.remove(at);
        self.ends[at..].iter_mut().for_each(|end| *end -= len);
        self.postings.remove(at);
        if self.len() < self.postings.capacity() / 4 {
            self.shrink();
        }
    }

    /// Takes the values from this index on out into another leaf.
    fn split_off(&mut self, at: usize) -> Leaf {
        let place = self.place(at);
        let start = u16::try_from(place).unwrap_or(0);
        let upper = Leaf {
            bytes: self.bytes[place..].to_vec(),
            ends: self.ends[at..].iter().map(|end| end - start).collect(),
            postings: self.postings[at..].to_vec(),
        };
        self.bytes.truncate(place);
        self.ends.truncate(at);
        self.postings.truncate(at);
        self.shrink();
        upper
    }

    /// Moves all values of a leaf that belongs behind this one over.
    fn append(&mut self, upper: &mut Leaf) {
        let start = u16::try_from(self.bytes.len()).unwrap_or(0);
        self.bytes.append(&mut upper.bytes);
        self.ends.extend(upper.ends.drain(..).map(|end| end + start));
        self.postings.append(&mut upper.postings);
    }

    fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
        self.ends.shrink_to_fit();
        self.postings.shrink_to_fit();
    }

    fn memory(&self) -> usize {
        self.bytes.capacity()
            + self.ends.capacity() * size_of::<u16>()
            + self.postings.capacity() * size_of::<Posting>()
    }
}

#[cfg(test)]
mod tests;
