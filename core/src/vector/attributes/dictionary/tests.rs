use std::collections::BTreeMap;

use super::*;
use crate::testing::test;
use crate::vector::attributes::postings::{Change, Sets};

fn random(state: &mut u64) -> u32 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    u32::try_from(*state >> 33).unwrap()
}

/// Slots of single values only.
fn slots(dictionary: &Dictionary, sets: &Sets, low: &[u8], high: &[u8]) -> Vec<u32> {
    let mut found = Vec::new();
    for posting in dictionary.range(low, high).flatten() {
        let mut words = vec![0; 1 << 10];
        sets.add_to(*posting, &mut words);
        let word = words.iter().position(|word| *word != 0).unwrap();
        found.push(u32::try_from(word * 64).unwrap() + words[word].trailing_zeros());
    }
    found
}

fn put(dictionary: &mut Dictionary, sets: &mut Sets, value: &[u8], slot: u32) {
    dictionary.put(value, |posting| sets.insert(posting, slot));
}

#[test]
fn values_are_found_in_order_while_they_come_and_go() {
    for (seed, long) in [(1, false), (2, true), (3, false)] {
        let (mut dictionary, mut model) = (Dictionary::default(), BTreeMap::new());
        let mut sets = Sets::default();
        let mut state = seed;
        for step in 0..6_000 {
            let number = random(&mut state) % 5_000;
            let mut value = number.to_be_bytes().to_vec();
            if long {
                value.resize(4 + number as usize % 125, b'x');
            }
            // Grows first, then shrinks to nothing.
            let goes = random(&mut state) % 8 < if step < 3_000 { 2 } else { 6 };
            if goes {
                dictionary.change(&value, |posting| {
                    sets.change(posting, Change::Remove { slot: number });
                });
                model.remove(&value);
            } else {
                put(&mut dictionary, &mut sets, &value, number);
                model.insert(value.clone(), number);
            }
            if step % 100 == 0 {
                let mut bounds = [(); 2].map(|()| (random(&mut state) % 5_000).to_be_bytes());
                bounds.sort_unstable();
                let expected = model.range(bounds[0].to_vec()..bounds[1].to_vec());
                let found = slots(&dictionary, &sets, &bounds[0], &bounds[1]);
                assert!(found.iter().eq(expected.map(|(_, slot)| slot)), "seed {seed}, {step}");
                assert!(slots(&dictionary, &sets, &bounds[1], &bounds[0]).is_empty());
                assert_eq!(dictionary.get(&value).is_empty(), goes);
            }
        }
        let values: Vec<Vec<u8>> = model.keys().cloned().collect();
        for value in values {
            dictionary.change(&value, |posting| {
                sets.change(posting, Change::Remove { slot: model[&value] });
            });
            model.remove(&value);
            assert_eq!(dictionary.range(&[], &[0xff]).flatten().count(), model.len());
        }
        assert!(dictionary.is_empty() && dictionary.rest.is_empty(), "seed {seed}");
        assert!(dictionary.memory() < 2_000, "{} bytes", dictionary.memory());
    }
}

#[test]
fn values_in_order_fill_their_leaves() {
    let mut sets = Sets::default();
    let (mut one, mut other) = (Dictionary::default(), Dictionary::default());
    for number in 0..10_000_u32 {
        put(&mut one, &mut sets, &number.to_be_bytes(), number);
        let mut posting = Posting::EMPTY;
        sets.insert(&mut posting, number);
        other.push(&number.to_be_bytes(), posting);
    }
    assert_eq!(slots(&one, &sets, &[0], &[1]), (0..10_000).collect::<Vec<_>>());
    assert_eq!(slots(&other, &sets, &[0], &[1]), (0..10_000).collect::<Vec<_>>());
    for dictionary in [one, other] {
        assert!(dictionary.memory() < 10_000 * 12, "{} bytes", dictionary.memory());
    }
}

#[test]
fn thin_leaves_are_joined() {
    let (mut dictionary, mut sets) = (Dictionary::default(), Sets::default());
    (0..10_000_u32).for_each(|n| put(&mut dictionary, &mut sets, &n.to_be_bytes(), n));
    for n in (0..10_000_u32).filter(|n| n % 100 != 0) {
        dictionary.change(&n.to_be_bytes(), |posting| {
            sets.change(posting, Change::Remove { slot: n });
        });
    }
    assert_eq!(slots(&dictionary, &sets, &[0], &[1]).len(), 100);
    assert!(dictionary.rest.len() < 10, "{} leaves", dictionary.rest.len());
}
