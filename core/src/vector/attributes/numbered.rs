//! Things by number, where freed numbers are given out again.

use std::collections::BTreeSet;
use std::ops::{Index, IndexMut};

/// Things by number. The smallest free number is given out first, so that it follows from what is
/// there alone, and numbers stay small.
#[derive(Debug, Clone, Default)]
pub(super) struct Numbered<T> {
    /// What has no number now is at its default.
    items: Vec<T>,
    free: BTreeSet<u32>,
}

impl<T: Default> Numbered<T> {
    pub(super) fn insert(&mut self, item: T) -> u32 {
        if let Some(number) = self.free.pop_first() {
            self[number] = item;
            return number;
        }
        self.items.push(item);
        u32::try_from(self.items.len() - 1).unwrap_or(u32::MAX)
    }

    pub(super) fn remove(&mut self, number: u32) -> T {
        let item = std::mem::take(&mut self[number]);
        self.free.insert(number);
        while self.end() > 0 && self.free.remove(&(self.end() - 1)) {
            self.items.pop();
        }
        if self.items.len() < self.items.capacity() / 4 {
            self.items.shrink_to(self.items.len() * 2);
        }
        item
    }

    /// Gives the next number to `item`, or leaves it free.
    pub(super) fn append(&mut self, item: Option<T>) {
        if item.is_none() {
            self.free.insert(self.end());
        }
        self.items.push(item.unwrap_or_default());
    }

    /// The number after the last one.
    pub(super) fn end(&self) -> u32 {
        u32::try_from(self.items.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn get(&self, number: u32) -> Option<&T> {
        self.items.get(number as usize).filter(|_| !self.free.contains(&number))
    }

    /// All things that have a number.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        (0..self.end()).filter_map(|number| self.get(number))
    }

    /// The bytes held here, without what the things hold themselves.
    pub(super) fn memory(&self) -> usize {
        self.items.capacity() * size_of::<T>() + self.free.len() * 2 * size_of::<u32>()
    }
}

impl<T> Index<u32> for Numbered<T> {
    type Output = T;

    fn index(&self, number: u32) -> &T {
        &self.items[number as usize]
    }
}

impl<T> IndexMut<u32> for Numbered<T> {
    fn index_mut(&mut self, number: u32) -> &mut T {
        &mut self.items[number as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::test;

    #[test]
    fn freed_numbers_are_given_out_again_and_memory_is_given_back() {
        let mut numbered = Numbered::default();
        for n in 0..100 {
            assert_eq!(numbered.insert(n), n);
        }
        assert_eq!((numbered.remove(40), numbered.remove(7)), (40, 7));
        assert_eq!((numbered.get(7), numbered.get(8), numbered.get(100)), (None, Some(&8), None));
        assert_eq!((numbered.insert(1), numbered.insert(2), numbered.insert(3)), (7, 40, 100));
        for n in (0..100).rev() {
            numbered.remove(n);
        }
        assert_eq!(numbered.end(), 101);
        numbered.remove(100);
        assert_eq!((numbered.end(), numbered.memory()), (0, 0));
        numbered.append(None);
        numbered.append(Some(9));
        assert_eq!((numbered.get(0), numbered.get(1)), (None, Some(&9)));
        assert!(numbered.iter().eq(&[9]));
        assert_eq!((numbered.insert(5), numbered.insert(6)), (0, 2));
    }
}
