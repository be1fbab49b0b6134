use std::collections::BTreeSet;

use super::*;
use crate::testing::test;

fn check(set: &SlotSet, model: &BTreeSet<u32>, said: &str) {
    let mut slots = Vec::new();
    set.each(|slot| slots.push(slot));
    assert!(slots.iter().eq(model), "{said}");
    assert_eq!(set.len(), model.len(), "{said}");
    let words = model.last().map_or(0, |last| *last as usize / 64 + 1);
    let (mut bits, mut expected) = (vec![0; words], vec![0; words]);
    for slot in model {
        expected[*slot as usize / 64] |= 1_u64 << (slot % 64);
    }
    set.add_to(&mut bits);
    assert_eq!(bits, expected, "{said}");
    bits.fill(u64::MAX);
    set.take_from(&mut bits);
    assert!(bits.iter().zip(&expected).all(|(bits, expected)| *bits == !expected), "{said}");
    assert!(set.steps() <= model.len().max(words), "{said}: {} steps", set.steps());
}

fn random(state: &mut u64) -> u32 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    u32::try_from(*state >> 33).unwrap()
}

#[test]
fn a_set_is_what_was_put_in_and_not_taken_out() {
    // Within one chunk and over several, from empty to full and back, in order and at random.
    for (seed, range, in_order) in [(1, 100, false), (2, 5_000, true), (3, 150_000, false)] {
        let (mut set, mut model) = (SlotSet::default(), BTreeSet::new());
        let mut state = seed;
        for step in 0..range {
            let slot = if in_order { step } else { random(&mut state) % range };
            set.insert(slot);
            model.insert(slot);
            if step % (range / 10) == 0 {
                check(&set, &model, &format!("seed {seed}, step {step}"));
            }
        }
        assert!(set.memory() < range as usize / 3 + 1_000, "{} bytes", set.memory());
        for step in 0..range * 3 {
            let slot = if in_order { step } else { random(&mut state) % range };
            set.remove(slot);
            model.remove(&slot);
            if step % (range / 10) == 0 {
                check(&set, &model, &format!("seed {seed}, removal {step}"));
            }
        }
        // Down to the last one, some of which may not be there any more.
        let rest: Vec<u32> = model.iter().copied().collect();
        for slot in rest {
            set.remove(slot);
            model.remove(&slot);
            if model.len() < 40 || model.len() % 1_000 == 0 {
                check(&set, &model, &format!("seed {seed}, {} left", model.len()));
            }
        }
        assert_eq!((set.len(), set.only()), (0, None));
        assert_eq!(set.memory(), 0);
    }
}

#[test]
fn far_slots_take_little() {
    let mut set = SlotSet::default();
    let slots: Vec<u32> = (0..70).map(|n| u32::MAX - n * 50_000_000).collect();
    slots.iter().for_each(|slot| set.insert(*slot));
    let mut seen = Vec::new();
    set.each(|slot| seen.push(slot));
    assert!(seen.iter().eq(slots.iter().rev()));
    assert!(set.memory() < 10_000, "{} bytes", set.memory());
    slots.iter().skip(1).for_each(|slot| set.remove(*slot));
    assert_eq!(set.only(), Some(u32::MAX));
}

#[test]
fn many_slots_take_a_bit_each() {
    let mut set = SlotSet::default();
    (0..1_000_000).for_each(|slot| set.insert(slot));
    assert!(set.memory() < 135_000, "{} bytes", set.memory());
    (0..1_000_000).filter(|slot| slot % 100 != 0).for_each(|slot| set.remove(slot));
    assert!(set.memory() < 45_000, "{} bytes", set.memory());
    assert_eq!(set.len(), 10_000);
}
