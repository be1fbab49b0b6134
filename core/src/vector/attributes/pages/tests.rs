use super::*;
use crate::testing::test;

fn row(n: usize) -> Vec<u8> {
    // Some empty, some at the limit of a page, some beyond.
    let len = [0, 1, 5, 20, 253, 254, 255, 256, 3_000][n * 7 % 9];
    (0..len).map(|i| u8::try_from((n + i) % 251).unwrap()).collect()
}

#[test]
fn rows_stay_what_they_are_while_others_change() {
    let (mut pages, mut model) = (Pages::default(), Vec::new());
    for step in 0..3_000_usize {
        let n = step * 7919 % 1_009;
        match n % 5 {
            0 if !model.is_empty() => {
                pages.pop();
                model.pop();
            }
            1 | 2 if !model.is_empty() => {
                let slot = n * 31 % model.len();
                pages.set(u32::try_from(slot).unwrap(), &row(n));
                model[slot] = row(n);
            }
            _ => {
                pages.push(&row(n));
                model.push(row(n));
            }
        }
        if step % 50 == 0 {
            assert_eq!(pages.len(), model.len());
            for (slot, row) in (0..).zip(&model) {
                assert_eq!(pages.get(slot), row, "slot {slot} at step {step}");
            }
        }
    }
    let bytes: usize = model.iter().map(Vec::len).sum();
    // Half a kilobyte is what the last page may have to spare.
    assert!(pages.memory() < bytes + model.len() * 14 + 512, "{} of {bytes}", pages.memory());
    (0..model.len()).for_each(|_| pages.pop());
    pages.pop();
    assert_eq!(pages.len(), 0);
    assert!(pages.memory() < 1_000, "{} bytes", pages.memory());
}
