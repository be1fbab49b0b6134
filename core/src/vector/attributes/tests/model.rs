//! Random operations and filters, against metadata that are kept as they are.

use super::*;
use crate::testing::test;

struct Random(u64);

fn one(key: &str, value: Value) -> Map<String, Value> {
    std::iter::once((key.to_owned(), value)).collect()
}

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % n
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    fn scalar(&mut self) -> Value {
        match self.below(16) {
            0 => Value::Null,
            1 => json!(self.below(2) == 0),
            2..6 => json!(self.below(5)),
            6 => json!(-1.0 + 0.5 * f64::from(u8::try_from(self.below(8)).unwrap())),
            7 => json!(-0.0),
            8 => self.pick(&[
                json!(i64::MAX),
                json!(i64::MIN),
                json!(9_007_199_254_740_993_i64),
                json!(9_007_199_254_740_992.0),
                json!(9_223_372_036_854_775_808.0),
                json!(-1e300),
                json!(5e-324),
            ]),
            9 => json!(self.below(1_000_000)),
            10 => json!("y".repeat(100 + self.below(60))),
            _ => json!(self.pick(&["", "a", "b", "b\0", "noun", "\u{fc}", "\u{1f600}", "zz"])),
        }
    }

    fn value(&mut self, depth_left: usize) -> Value {
        match self.below(if depth_left == 0 { 6 } else { 10 }) {
            0..7 => self.scalar(),
            7 | 8 => {
                let len = self.below(5);
                (0..len).map(|_| self.value(depth_left - 1)).collect()
            }
            _ => {
                let len = self.below(3);
                (0..len).map(|_| (self.key().to_owned(), self.value(depth_left - 1))).collect()
            }
        }
    }

    fn key(&mut self) -> &'static str {
        self.pick(&["a", "b", "c", "d", "", "key", "\u{e9}"])
    }

    fn metadata(&mut self) -> Metadata {
        let members: Map<String, Value> = match self.below(60) {
            // Wide, with more and more keys.
            0 => (0..self.below(200)).map(|n| (format!("w{n}"), self.scalar())).collect(),
            // Long.
            1 => one("a", json!("long ".repeat(self.below(10_000)))),
            // A long array, of which most is there twice.
            2 => one("b", (0..self.below(500)).map(|_| self.scalar()).collect()),
            // Deep.
            3 => one("c", (1..15).fold(self.scalar(), |inner, _| json!([inner]))),
            4 => one(&format!("u{}", self.below(1_000)), self.scalar()),
            _ => (0..self.below(5)).map(|_| (self.key().to_owned(), self.value(3))).collect(),
        };
        metadata(&Value::Object(members))
    }

    fn operators(&mut self, depth_left: usize) -> Map<String, Value> {
        let len = 1 + self.below(3) / 2;
        (0..len)
            .map(|_| match self.below(if depth_left == 0 { 9 } else { 10 }) {
                0 => ("$eq", self.value(2)),
                1 => ("$ne", self.value(2)),
                2 => ("$in", (0..self.below(5)).map(|_| self.value(1)).collect()),
                3 => ("$nin", (0..self.below(5)).map(|_| self.value(1)).collect()),
                4 => ("$exists", json!(self.below(2) == 0)),
                5..9 => {
                    let side = self.pick(&["$gt", "$gte", "$lt", "$lte"]);
                    let operand = Some(self.scalar()).filter(|it| !it.is_null());
                    (side, operand.unwrap_or_else(|| json!(self.below(5))))
                }
                _ => ("$not", self.operators(depth_left - 1).into()),
            })
            .map(|(name, operand)| (name.to_owned(), operand))
            .collect()
    }

    fn filter(&mut self, depth_left: usize) -> Value {
        let len = if self.below(20) == 0 { 0 } else { 1 + self.below(4) / 2 };
        (0..len)
            .map(|_| match self.below(if depth_left == 0 { 6 } else { 9 }) {
                0 | 1 => (self.key().to_owned(), self.scalar()),
                2..5 => (self.key().to_owned(), self.operators(2).into()),
                5 => (format!("w{}", self.below(150)), self.scalar()),
                kind => {
                    let filters = (0..=self.below(3)).map(|_| self.filter(depth_left - 1));
                    match kind {
                        6 => ("$and".to_owned(), filters.collect()),
                        7 => ("$or".to_owned(), filters.collect()),
                        _ => ("$not".to_owned(), self.filter(depth_left - 1)),
                    }
                }
            })
            .collect::<Map<String, Value>>()
            .into()
    }
}

/// Changes both in one way, at random.
fn step(random: &mut Random, attributes: &mut Attributes, model: &mut Vec<Metadata>, grow: usize) {
    let slot = random.below(model.len().max(1));
    match random.below(grow + 4) {
        0 | 1 if !model.is_empty() => {
            attributes.swap_remove(u32::try_from(slot).unwrap());
            model.swap_remove(slot);
        }
        2 | 3 if !model.is_empty() => {
            let metadata = random.metadata();
            attributes.set(u32::try_from(slot).unwrap(), &metadata);
            model[slot] = metadata;
        }
        _ => {
            let metadata = random.metadata();
            attributes.push(&metadata);
            model.push(metadata);
        }
    }
}

fn check_filter(random: &mut Random, attributes: &Attributes, model: &[Metadata], said: &str) {
    let value = random.filter(3);
    let filter = filter(&value);
    let matching: Vec<u32> =
        (0..).zip(model).filter(|(_, it)| filter.matches(it)).map(|(slot, _)| slot).collect();
    let slots = 0..u32::try_from(model.len()).unwrap();
    let matches: Vec<u32> = slots.filter(|slot| attributes.matches(*slot, &filter)).collect();
    assert_eq!(matches, matching, "{said}: {value}");
    for budget in [usize::MAX, 3_000, 300, 30, 0] {
        let selected = selected(attributes, &filter, budget);
        assert_eq!(selected, matching, "{said}, budget {budget}: {value}");
    }
}

fn check_rows(attributes: &Attributes, model: &[Metadata], said: &str) {
    assert_eq!(attributes.len(), model.len(), "{said}");
    for (slot, metadata) in (0..).zip(model) {
        assert_eq!(attributes.get(slot).to_json(), metadata.to_json(), "{said}, slot {slot}");
    }
}

#[test]
fn random_operations_and_filters_agree_with_a_model() {
    for seed in 1..=6 {
        let mut random = Random(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let (mut attributes, mut model) = (Attributes::default(), Vec::new());
        for count in 0..900 {
            // First it grows, then it shrinks.
            let grow = if count < 600 { 8 } else { 0 };
            step(&mut random, &mut attributes, &mut model, grow);
            let said = format!("seed {seed}, step {count}");
            if count % 3 == 0 {
                check_filter(&mut random, &attributes, &model, &said);
            }
            if count % 100 == 99 {
                check_rows(&attributes, &model, &said);
                let mut bytes = Vec::new();
                attributes.encode(&mut bytes);
                let back = Attributes::decode(&bytes, model.len()).expect(&said);
                check_rows(&back, &model, &said);
                let mut again = Vec::new();
                back.encode(&mut again);
                assert_eq!(again, bytes, "{said}");
                // It goes on with what was read every other time.
                if count % 200 == 199 {
                    attributes = back;
                }
            }
        }
        while let Some(last) = model.len().checked_sub(1) {
            let slot = random.below(last + 1);
            attributes.swap_remove(u32::try_from(slot).unwrap());
            model.swap_remove(slot);
            if last % 16 == 0 {
                check_filter(
                    &mut random,
                    &attributes,
                    &model,
                    &format!("seed {seed}, {last} left"),
                );
            }
        }
        let Columns { keys, terms, sets, .. } = &attributes.columns;
        assert_eq!((keys.end(), terms.end(), sets.count()), (0, 0, 0), "seed {seed}");
    }
}

#[test]
fn the_same_history_gives_the_same_bytes() {
    let bytes = |seed| {
        let mut random = Random(seed);
        let (mut attributes, mut model) = (Attributes::default(), Vec::new());
        (0..500).for_each(|_| step(&mut random, &mut attributes, &mut model, 4));
        let mut bytes = Vec::new();
        attributes.encode(&mut bytes);
        bytes
    };
    assert_eq!(bytes(17), bytes(17));
    assert_ne!(bytes(17), bytes(18));
}
