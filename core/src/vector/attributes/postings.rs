//! Which slots hold a value: one slot in place, more in a set.

use super::numbered::Numbered;
use super::slot_set::SlotSet;

/// Which slots hold something, in four bytes: none, one, or those of a set in [`Sets`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Posting(u32);

/// Set in a posting that is the number of a set.
const SET: u32 = 1 << 31;

impl Posting {
    pub(super) const EMPTY: Posting = Posting(u32::MAX);

    pub(super) fn is_empty(self) -> bool {
        self == Posting::EMPTY
    }

    /// The slots of a set.
    pub(super) fn of_set(set: u32) -> Posting {
        Posting(set | SET)
    }

    /// The number of its set, unless it holds its only slot itself.
    pub(super) fn set(self) -> Option<u32> {
        (!self.is_empty() && self.0 & SET != 0).then_some(self.0 & !SET)
    }

    fn only(self) -> Option<u32> {
        (self.0 & SET == 0).then_some(self.0)
    }

    /// Holds a slot itself if there is room for its number.
    fn of(slot: u32) -> Option<Posting> {
        (slot & SET == 0).then_some(Posting(slot))
    }
}

impl Default for Posting {
    fn default() -> Posting {
        Posting::EMPTY
    }
}

/// What happens to a slot in postings.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change {
    Remove { slot: u32 },
    Move { from: u32, to: u32 },
}

/// The sets of all postings with more than one slot.
#[derive(Debug, Clone, Default)]
pub(super) struct Sets {
    sets: Numbered<Set>,
}

#[derive(Debug, Clone, Default)]
struct Set {
    slots: SlotSet,
    /// The number of the term of these slots, plus one, or zero. While there is one, the set stays.
    term: u32,
}

impl Sets {
    pub(super) fn change(&mut self, posting: &mut Posting, change: Change) {
        match change {
            Change::Remove { slot } => self.remove(posting, slot),
            Change::Move { from, to } if posting.only() == Some(from) => {
                *posting = Posting::EMPTY;
                self.insert(posting, to);
            }
            Change::Move { from, to } => {
                // In this order, so that the set does not become small in between.
                self.insert(posting, to);
                self.remove(posting, from);
            }
        }
    }

    /// As [`insert`](Sets::insert), for the set of a term.
    pub(super) fn insert_into(&mut self, set: u32, slot: u32) {
        self.sets[set].slots.insert(slot);
    }

    /// As [`change`](Sets::change), for the set of a term.
    pub(super) fn change_set(&mut self, set: u32, change: Change) {
        let slots = &mut self.sets[set].slots;
        match change {
            Change::Remove { slot } => slots.remove(slot),
            Change::Move { from, to } => {
                slots.remove(from);
                slots.insert(to);
            }
        }
    }

    pub(super) fn insert(&mut self, posting: &mut Posting, slot: u32) {
        if let Some(set) = posting.set() {
            self.sets[set].slots.insert(slot);
        } else if posting.only() != Some(slot) {
            match Posting::of(slot) {
                Some(only) if posting.is_empty() => *posting = only,
                _ => self.make_set(posting).insert(slot),
            }
        }
    }

    fn remove(&mut self, posting: &mut Posting, slot: u32) {
        if let Some(set) = posting.set() {
            self.sets[set].slots.remove(slot);
            self.settle(posting);
        } else if posting.only() == Some(slot) {
            *posting = Posting::EMPTY;
        }
    }

    /// Turns a posting without a set into one with a set.
    fn make_set(&mut self, posting: &mut Posting) -> &mut SlotSet {
        let mut slots = SlotSet::default();
        if let Some(only) = posting.only() {
            slots.insert(only);
        }
        let set = self.sets.insert(Set { slots, term: 0 });
        *posting = Posting::of_set(set);
        &mut self.sets[set].slots
    }

    /// Drops the set of a posting that needs none any more.
    pub(super) fn settle(&mut self, posting: &mut Posting) {
        let Some(number) = posting.set() else {
            return;
        };
        let set = &self.sets[number];
        let without = match (set.term, set.slots.len()) {
            (0, 0) => Some(Posting::EMPTY),
            (0, 1) => set.slots.only().and_then(Posting::of),
            _ => None,
        };
        if let Some(without) = without {
            self.sets.remove(number);
            *posting = without;
        }
    }

    /// The number of the term whose slots these are.
    pub(super) fn term(&self, set: u32) -> Option<u32> {
        self.sets[set].term.checked_sub(1)
    }

    /// Gives the set of a posting to a term, and gives its number.
    pub(super) fn name(&mut self, posting: &mut Posting, term: u32) -> u32 {
        if posting.set().is_none() {
            self.make_set(posting);
        }
        let set = posting.0 & !SET;
        self.sets[set].term = term + 1;
        set
    }

    /// A set without slots for a term.
    pub(super) fn make_named(&mut self, term: u32) -> u32 {
        self.name(&mut Posting::default(), term)
    }

    /// Takes a set back from its term; the posting of it has to be settled.
    pub(super) fn unname(&mut self, set: u32) {
        self.sets[set].term = 0;
    }

    pub(super) fn len(&self, posting: Posting) -> usize {
        match posting.set() {
            Some(set) => self.sets[set].slots.len(),
            None => usize::from(!posting.is_empty()),
        }
    }

    /// What going through the slots costs.
    pub(super) fn steps(&self, posting: Posting) -> usize {
        posting.set().map_or(1, |set| self.sets[set].slots.steps())
    }

    /// Sets the bits of the slots.
    pub(super) fn add_to(&self, posting: Posting, words: &mut [u64]) {
        if let Some(slot) = posting.only() {
            words[slot as usize / 64] |= 1 << (slot % 64);
        } else if let Some(set) = posting.set() {
            self.sets[set].slots.add_to(words);
        }
    }

    /// Clears the bits of the slots.
    pub(super) fn take_from(&self, posting: Posting, words: &mut [u64]) {
        if let Some(slot) = posting.only() {
            words[slot as usize / 64] &= !(1 << (slot % 64));
        } else if let Some(set) = posting.set() {
            self.sets[set].slots.take_from(words);
        }
    }

    /// How many sets there are.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.sets.iter().filter(|set| set.slots.len() > 0).count()
    }

    pub(super) fn memory(&self) -> usize {
        self.sets.memory() + self.sets.iter().map(|set| set.slots.memory()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::test;

    fn slots(sets: &Sets, posting: Posting) -> Vec<u32> {
        let mut slots = Vec::from_iter(posting.only());
        if let Some(set) = posting.set() {
            sets.sets[set].slots.each(|slot| slots.push(slot));
        }
        assert_eq!(slots.len(), sets.len(posting));
        slots
    }

    #[test]
    fn a_posting_has_a_set_only_while_it_needs_one() {
        let (mut sets, mut posting) = (Sets::default(), Posting::EMPTY);
        for slot in [7, 7, 3, 7] {
            sets.insert(&mut posting, slot);
        }
        assert_eq!(slots(&sets, posting), [3, 7]);
        assert_eq!(sets.count(), 1);
        sets.change(&mut posting, Change::Move { from: 3, to: 9 });
        // What is not there is not moved twice.
        sets.change(&mut posting, Change::Move { from: 3, to: 9 });
        assert_eq!(slots(&sets, posting), [7, 9]);
        sets.change(&mut posting, Change::Remove { slot: 7 });
        assert_eq!((slots(&sets, posting), sets.count()), (vec![9], 0));
        sets.change(&mut posting, Change::Move { from: 9, to: 0 });
        sets.change(&mut posting, Change::Remove { slot: 9 });
        assert_eq!(slots(&sets, posting), [0]);
        sets.change(&mut posting, Change::Remove { slot: 0 });
        assert!(posting.is_empty());
    }

    #[test]
    fn a_set_stays_for_its_term() {
        let (mut sets, mut posting) = (Sets::default(), Posting::EMPTY);
        sets.insert(&mut posting, 4);
        let set = sets.name(&mut posting, 6);
        assert_eq!((posting.set(), sets.term(set)), (Some(set), Some(6)));
        sets.change_set(set, Change::Move { from: 4, to: 5 });
        assert_eq!(slots(&sets, posting), [5]);
        sets.change(&mut posting, Change::Remove { slot: 5 });
        assert!(!posting.is_empty());
        sets.insert_into(set, 8);
        sets.unname(set);
        sets.settle(&mut posting);
        assert_eq!((slots(&sets, posting), posting.set()), (vec![8], None));
    }

    #[test]
    fn slots_beyond_31_bits_have_room() {
        let (mut sets, mut posting) = (Sets::default(), Posting::EMPTY);
        for slot in [u32::MAX - 1, 1 << 31, 5] {
            sets.insert(&mut posting, slot);
        }
        assert_eq!(slots(&sets, posting), [5, 1 << 31, u32::MAX - 1]);
        sets.change(&mut posting, Change::Remove { slot: 5 });
        sets.change(&mut posting, Change::Remove { slot: 1 << 31 });
        assert_eq!(slots(&sets, posting), [u32::MAX - 1]);
        sets.change(&mut posting, Change::Move { from: u32::MAX - 1, to: 2 });
        assert_eq!((slots(&sets, posting), posting.set()), (vec![2], None));
    }
}
