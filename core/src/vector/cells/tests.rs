use super::*;
use crate::testing::test;

/// Reproducible numbers.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % n
    }

    fn vector(&mut self, dimensions: usize) -> Vec<f32> {
        // Around one of a few centres, so that there is something to find.
        let centre = self.below(9);
        let element = |at: usize, x: usize| {
            let towards = if at % 9 == centre { 1.0 } else { 0.0 };
            f32::from(u16::try_from(x).unwrap()) / 1000.0 - 0.5 + towards
        };
        (0..dimensions).map(|at| element(at, self.below(1000))).collect()
    }
}

/// Checks what holds of cells whatever happened to them.
fn check(cells: &Cells, source: Source<'_>, at: &str) {
    assert_eq!(cells.places.len(), source.elements.len(), "{at}");
    assert_eq!(cells.centres.len(), cells.cells.len(), "{at}");
    assert_eq!(cells.facts.len(), cells.cells.len(), "{at}");
    let mut seen = vec![false; cells.places.len()];
    let (mut vector, mut rotated, mut code) = (Vec::new(), Vec::new(), Code::default());
    for (number, cell) in (0..).zip(&cells.cells) {
        assert!(cell.slots.len() <= CELL_MAX, "{at}: {} vectors in a cell", cell.slots.len());
        let small = cell.slots.len() < CELL_MIN && cells.cells.len() > 1;
        assert!(!small, "{at}: {} vectors in one of {}", cell.slots.len(), cells.cells.len());
        let centre = cells.centres.get(number as usize);
        let mut expected = Blocks::default();
        for slot in &cell.slots {
            assert!(!std::mem::replace(&mut seen[*slot as usize], true), "{at}: twice");
            assert_eq!(cells.places[*slot as usize], number, "{at}");
            source.coded(*slot, &mut vector);
            cells.encoder.rotate(&vector, &mut rotated);
            cells.encoder.encode(cells.ranking(), &rotated, &centre, &mut code);
            expected.push(&code);
        }
        assert_eq!(cell.codes, expected, "{at}: the codes of cell {number}");
    }
    for slot in &cells.uncoded {
        assert!(!std::mem::replace(&mut seen[*slot as usize], true), "{at}: twice");
        assert_eq!(cells.places[*slot as usize], NO_CELL, "{at}");
    }
    assert!(seen.into_iter().all(|it| it), "{at}: a slot in no cell");
}

#[test]
fn cells_stay_whole_whatever_is_added_replaced_and_removed() {
    for (seed, metric) in (1..).zip([Metric::Cosine, Metric::L2, Metric::Dot]) {
        let mut random = Random(seed);
        let dimensions = [17, 70, 40][random.below(3)];
        let mut elements = Elements::new(Precision::F32, dimensions);
        (0..300).for_each(|_| elements.push(&random.vector(dimensions)));
        let mut cells = Cells::new(Source { elements: &elements, metric }, 300, 7);
        check(&cells, Source { elements: &elements, metric }, "new");
        for step in 0..1500 {
            // It grows, shrinks to a few, and grows again.
            let grows = !(600..1200).contains(&step);
            let special = match random.below(40) {
                0 => Some(vec![0.0; dimensions]),
                1 => Some(vec![3e38; dimensions]),
                2 => Some(vec![1e-45; dimensions]),
                3..8 => Some(vec![0.25; dimensions]),
                _ => None,
            };
            let vector = special.unwrap_or_else(|| random.vector(dimensions));
            let slot = u32::try_from(random.below(elements.len())).unwrap();
            match random.below(10) {
                0..2 => {
                    elements.set(slot as usize, &vector);
                    cells.set(Source { elements: &elements, metric }, slot);
                }
                2..8 if grows => {
                    elements.push(&vector);
                    let slot = u32::try_from(elements.len() - 1).unwrap();
                    cells.push(Source { elements: &elements, metric }, slot);
                }
                _ if elements.len() > 20 => {
                    cells.swap_remove(Source { elements: &elements, metric }, slot);
                    elements.swap_remove(slot as usize);
                }
                _ => {}
            }
            if step % 100 == 99 {
                let source = Source { elements: &elements, metric };
                check(&cells, source, &format!("seed {seed} step {step}"));
                let mut bytes = Vec::new();
                cells.encode(&mut bytes);
                let back = Cells::decode(source, elements.len(), &bytes).unwrap();
                check(&back, source, "decoded");
                let mut again = Vec::new();
                back.encode(&mut again);
                assert_eq!(again, bytes);
            }
        }
    }
}

#[test]
fn many_equal_vectors_are_cells_too() {
    let many = if cfg!(miri) { 500 } else { 5_000 };
    let mut elements = Elements::new(Precision::F16, 2);
    (0..many).for_each(|_| elements.push(&[0.5, -1.0]));
    let source = Source { elements: &elements, metric: Metric::L2 };
    let cells = Cells::new(source, many, 7);
    check(&cells, source, "equal");
    // Cells of equal ones are cut in two, not to nothing.
    assert!(cells.cells.len() < 2 * many as usize / CELL_MIN);
}

#[test]
fn damaged_cells_are_told() {
    let mut random = Random(5);
    let mut elements = Elements::new(Precision::F32, 10);
    (0..200).for_each(|_| elements.push(&random.vector(10)));
    elements.push(&[3e38; 10]);
    let source = Source { elements: &elements, metric: Metric::Cosine };
    let cells = Cells::new(source, 201, 7);
    let mut bytes = Vec::new();
    cells.encode(&mut bytes);
    for at in 0..bytes.len() {
        assert!(Cells::decode(source, 201, &bytes[..at]).is_none(), "cut at {at}");
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        // What is not told of is still whole: every slot is in one place.
        if let Some(cells) = Cells::decode(source, 201, &damaged) {
            let found = cells.cells.iter().map(|cell| cell.slots.len()).sum::<usize>();
            assert_eq!(found + cells.uncoded.len(), 201, "byte {at}");
        }
    }
    assert!(Cells::decode(source, 200, &bytes).is_none());
    bytes.push(0);
    assert!(Cells::decode(source, 201, &bytes).is_none());
}
