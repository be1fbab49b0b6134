use super::*;
use crate::testing::test;
use crate::vector::chunked::Chunked;

/// Every implementation that runs here, the scalar one first.
fn all() -> Vec<&'static Kernels> {
    std::iter::once(&scalar::KERNELS).chain(simd::all().into_iter().flatten()).collect()
}

/// Reproducible values between -1 and 1 whose sums depend on the order of addition.
fn values(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    (0..n)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let bits = u16::try_from(state >> 48).unwrap();
            f32::from(bits) / 32768.0 - 1.0
        })
        .collect()
}

/// The definition in the module's documentation, word for word, in one dimension after another.
fn reference(terms: &[f32]) -> f32 {
    let mut lanes = vec![0.0_f32; 32];
    for (i, term) in terms.iter().enumerate() {
        lanes[i % 32] += term;
    }
    while lanes.len() > 1 {
        let half = lanes.len() / 2;
        lanes = (0..half).map(|i| lanes[i] + lanes[i + half]).collect();
    }
    lanes[0]
}

const LENGTHS: &[usize] = &[
    0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 23, 31, 32, 33, 40, 47, 63, 64, 65, 95, 96, 100, 127,
    128, 255, 256, 257, 300, 383, 384, 385, 512, 768, 1000, 1024, 1536, 1537, 3072,
];

const COUNTS: &[usize] = &[0, 1, 2, 3, 4, 5, 9];

/// Checks the sums over some rows, given as what their elements mean, against the definition.
fn check_rows<'a, R: Precise<'a>>(query: &[f32], meant: &[Vec<f32>], rows: Rows<'a, R>, at: &str) {
    let expected = |term: fn(f32, f32) -> f32| -> Vec<u32> {
        rows.slots
            .iter()
            .map(|slot| {
                let pairs = query.iter().zip(&meant[*slot as usize]);
                let terms: Vec<f32> = pairs.map(|(q, x)| term(*q, *x)).collect();
                reference(&terms).to_bits()
            })
            .collect()
    };
    let dots = expected(|q, x| q * x);
    let squares = expected(|q, x| (q - x) * (q - x));
    for kernels in all() {
        let mut out = vec![f32::NAN; rows.slots.len()];
        kernels.dot_rows(query, rows, &mut out);
        let bits: Vec<u32> = out.iter().map(|x| x.to_bits()).collect();
        assert_eq!(bits, dots, "{kernels:?}: dot, {at}");
        kernels.squared_l2_rows(query, rows, &mut out);
        let bits: Vec<u32> = out.iter().map(|x| x.to_bits()).collect();
        assert_eq!(bits, squares, "{kernels:?}: l2, {at}");
    }
}

#[test]
fn every_implementation_gives_the_bits_of_the_definition_in_every_precision() {
    // Under miri, which is thousands of times slower, the lengths about a block are enough.
    let (lengths, counts): (&[usize], &[usize]) =
        if cfg!(miri) { (&[0, 1, 31, 32, 33, 65], &[0, 1, 6]) } else { (LENGTHS, COUNTS) };
    for &n in lengths {
        for &count in counts {
            // Queries that start off any alignment.
            let query = values(n + 1, 1);
            let query = &query[1..];
            let width = n.max(1);
            let floats: Vec<Vec<f32>> = (0..count).map(|row| values(n, row as u64 + 2)).collect();
            // The last row first, so that the order of the slots matters.
            let slots: Vec<u32> = (0..u32::try_from(count).unwrap()).rev().collect();
            let slots = if n == 0 { &[] } else { &slots[..] };
            let at = format!("{count} x {n}");
            let mut matrix = Chunked::<f32>::new(width);
            floats.iter().for_each(|row| matrix.push(row.iter().copied()));
            let rows: Rows<'_, &[f32]> = Rows { matrix: matrix.rows(), dimensions: n, slots };
            check_rows(query, &floats, rows, &at);

            // Of the bits of every half, subnormal ones too, those that are finite.
            let halves: Vec<Vec<u16>> = floats
                .iter()
                .map(|row| row.iter().map(|x| (x.to_bits() >> 3 & 0xbbff) as u16).collect())
                .collect();
            let mut matrix = Chunked::<u16>::new(width);
            halves.iter().for_each(|row| matrix.push(row.iter().copied()));
            let meant: Vec<Vec<f32>> = halves
                .iter()
                .map(|row| row.iter().map(|bits| rows::half_to_f32(*bits)).collect())
                .collect();
            let rows: Rows<'_, &[u16]> = Rows { matrix: matrix.rows(), dimensions: n, slots };
            check_rows(query, &meant, rows, &at);

            let scales = values(count, 9);
            let mut matrix = Chunked::<i8>::new(width + rows::SCALE_BYTES);
            let mut meant = Vec::new();
            for (seed, scale) in scales.iter().enumerate() {
                let integers: Vec<i8> =
                    bytes(width, seed as u64).into_iter().map(u8::cast_signed).collect();
                let scale_bytes = scale.to_le_bytes().map(u8::cast_signed);
                matrix.push(integers.iter().copied().chain(scale_bytes));
                meant.push(integers.iter().map(|x| f32::from(*x) * scale).collect());
            }
            let rows: Rows<'_, ScaledRow<'_>> =
                Rows { matrix: matrix.rows(), dimensions: n, slots };
            check_rows(query, &meant, rows, &at);
        }
    }
}

#[test]
fn every_implementation_rotates_and_tabulates_alike() {
    for (len, window) in [(64, 64), (96, 64), (384, 256), (1040, 1024)] {
        // What keeps lengths as they are.
        let length = f32::from(u16::try_from(window).unwrap()).sqrt().recip();
        let signs: Vec<f32> = values(len * 6, 5).iter().map(|x| length.copysign(*x)).collect();
        let table_of = |kernels: &Kernels, elements: &[f32]| {
            let mut table = vec![0; elements.len() * 4];
            kernels.table(elements, 30.0, &mut table);
            table
        };
        let rotated = |kernels: &Kernels| {
            let (mut elements, mut scratch) = (values(len, 6), vec![0.0; window]);
            kernels.rotate(&mut elements, &signs, window, &mut scratch);
            elements
        };
        let expected = rotated(&scalar::KERNELS);
        let table = table_of(&scalar::KERNELS, &expected);
        for kernels in all() {
            assert_eq!(rotated(kernels), expected, "{kernels:?}");
            assert_eq!(table_of(kernels, &expected), table, "{kernels:?}");
        }
        // Each entry is the sum of what its code takes, above the least of them.
        for (group, entries) in expected.chunks(4).zip(table.chunks(16)) {
            let sum = |code: usize| -> f64 {
                let taken = group.iter().enumerate().filter(|(at, _)| code >> at & 1 == 1);
                taken.map(|(_, x)| f64::from(*x) * 30.0).sum()
            };
            let least = (0..16).map(sum).fold(0.0, f64::min);
            for (code, entry) in entries.iter().enumerate() {
                let meant = (sum(code) - least).min(255.0);
                assert!(
                    (f64::from(*entry) - meant).abs() <= 0.51,
                    "{entry} for {meant}, {code} of {group:?}"
                );
            }
        }
    }
}

#[test]
fn every_implementation_makes_the_same_keys() {
    use lookup::{BLOCK, Line, narrowed, widened};
    let factors = |seed| -> [u16; BLOCK] {
        let values = values(BLOCK, seed);
        std::array::from_fn(|at| narrowed(values[at] * 100.0))
    };
    let (add, scale) = (factors(1), factors(2));
    let sums: [u16; BLOCK] = std::array::from_fn(|at| u16::try_from(at * 2047).unwrap());
    let line = Line { base: -3.7, offset: -900.1, step: 0.013 };
    let expected: [f32; BLOCK] = std::array::from_fn(|at| {
        let signed = line.offset + line.step * f32::from(sums[at]);
        line.base + widened(add[at]) + widened(scale[at]) * signed
    });
    let least = expected.iter().fold(f32::INFINITY, |least, key| least.min(*key));
    for kernels in all() {
        let mut keys = [0.0; BLOCK];
        assert!(kernels.keys(&sums, &add, &scale, line, least.next_up(), &mut keys));
        assert_eq!(keys.map(f32::to_bits), expected.map(f32::to_bits), "{kernels:?}");
        assert!(!kernels.keys(&sums, &add, &scale, line, least, &mut keys), "{kernels:?}");
    }
    for x in [0.0, -0.0, 1.0, 1.003_906_3, -1e-37, 3e38, f32::MAX, f32::NEG_INFINITY] {
        let back = widened(narrowed(x));
        assert!((back - x).abs() <= x.abs() / 256.0 || back == x || x == f32::MAX, "{x}: {back}");
    }
}

#[test]
fn extreme_values_agree_too() {
    let extremes =
        [0.0, -0.0, 1.0, -1.0, f32::MIN_POSITIVE, -f32::MIN_POSITIVE, 1e-45, 1e-20, 1e18, -1e18];
    let row: Vec<f32> = (0..77).map(|i| extremes[i % extremes.len()]).collect();
    let query: Vec<f32> = (0..77).map(|i| extremes[(i * 7 + 3) % extremes.len()]).collect();
    let dot = scalar::KERNELS.dot(&query, &row);
    for kernels in all() {
        assert_eq!(kernels.dot(&query, &row).to_bits(), dot.to_bits(), "{kernels:?}");
        assert_eq!(kernels.dot(&[-0.0; 40], &[1.0; 40]).to_bits(), 0, "{kernels:?}");
        assert_eq!(kernels.dot(&[1e30; 40], &[1e30; 40]), f32::INFINITY, "{kernels:?}");
    }
}

#[test]
fn wrong_lengths_are_caught_before_memory_is_read() {
    let mut matrix = Chunked::<f32>::new(40);
    (0..2).for_each(|_| matrix.push([1.0; 40]));
    fn rows<'a>(
        matrix: &'a Chunked<f32>,
        dimensions: usize,
        slots: &'a [u32],
    ) -> Rows<'a, &'a [f32]> {
        Rows { matrix: matrix.rows(), dimensions, slots }
    }
    let mut out = [0.0; 2];
    Kernels::best().dot_rows(&[1.0; 40], rows(&matrix, 40, &[1, 0]), &mut out);
    assert_eq!(out, [40.0; 2]);
    #[cfg(not(target_arch = "wasm32"))]
    for kernels in all() {
        let cases: [(usize, usize, &[u32]); 4] =
            [(39, 39, &[0, 1]), (40, 40, &[0, 2]), (41, 40, &[0, 1]), (40, 40, &[0])];
        for (query_len, dimensions, slots) in cases {
            let result = std::panic::catch_unwind(|| {
                let query = vec![1.0; query_len];
                kernels.dot_rows(&query, rows(&matrix, dimensions, slots), &mut [0.0; 2]);
            });
            assert!(result.is_err(), "{kernels:?}: {query_len} {dimensions} {slots:?}");
        }
        assert!(std::panic::catch_unwind(|| kernels.dot(&[1.0; 3], &[1.0; 4])).is_err());
    }
}

/// Reproducible bytes.
fn bytes(n: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    (0..n)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            u8::try_from(state >> 56).unwrap()
        })
        .collect()
}

#[test]
fn every_implementation_looks_up_the_same_sums() {
    use lookup::{BLOCK, GROUP_BYTES, entry_max};
    let groups: &[usize] = if cfg!(miri) {
        &[0, 1, 3, 5]
    } else {
        &[0, 1, 2, 3, 4, 5, 7, 8, 96, 97, 257, 258, 384, 16_384]
    };
    for &groups in groups {
        // Every entry at its most, too: no sum overflows.
        let most = entry_max(groups);
        for table in [
            vec![most; groups * GROUP_BYTES],
            bytes(groups * GROUP_BYTES, 3).iter().map(|byte| byte % most.max(1)).collect(),
        ] {
            for (blocks, shift) in [(0, 0), (1, 0), (3, 1)] {
                let codes = bytes(blocks * groups * GROUP_BYTES + shift, 4);
                let codes = &codes[shift..];
                let mut expected = vec![[0_u32; BLOCK]; blocks];
                for (block, sums) in expected.iter_mut().enumerate() {
                    for (vector, sum) in sums.iter_mut().enumerate() {
                        for group in 0..groups {
                            let at = group * GROUP_BYTES + vector % GROUP_BYTES;
                            let byte = codes[block * groups * GROUP_BYTES + at];
                            let code = if vector < GROUP_BYTES { byte & 15 } else { byte >> 4 };
                            *sum += u32::from(table[group * GROUP_BYTES + usize::from(code)]);
                        }
                    }
                }
                for kernels in all() {
                    let mut sums = vec![[7; BLOCK]; blocks];
                    kernels.lookup_sums(codes, &table, &mut sums);
                    for (sums, expected) in sums.iter().zip(&expected) {
                        assert_eq!(sums.map(u32::from), *expected, "{kernels:?}, {groups} groups");
                    }
                }
            }
        }
    }
}
