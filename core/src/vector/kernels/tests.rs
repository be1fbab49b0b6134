use super::*;
use crate::testing::test;

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

#[test]
fn every_implementation_gives_the_bits_of_the_definition() {
    // Under miri, which is thousands of times slower, the lengths about a block are enough.
    let (lengths, counts): (&[usize], &[usize]) =
        if cfg!(miri) { (&[0, 1, 31, 32, 33, 65], &[0, 1, 6]) } else { (LENGTHS, COUNTS) };
    for &n in lengths {
        for &rows_len in counts {
            for shift in [0, 1, 3] {
                // Slices that start off any alignment.
                let (query, rows) = (values(n + shift, 1), values(n * rows_len + shift, 2));
                let (query, rows) = (&query[shift..], &rows[shift..]);
                let expected = |term: fn(f32, f32) -> f32| -> Vec<u32> {
                    (0..rows_len)
                        .rev()
                        .map(|r| {
                            let row = &rows[r * n..(r + 1) * n];
                            let terms: Vec<f32> =
                                query.iter().zip(row).map(|(q, x)| term(*q, *x)).collect();
                            reference(&terms).to_bits()
                        })
                        .collect()
                };
                let dots = expected(|q, x| q * x);
                let squares = expected(|q, x| (q - x) * (q - x));
                // The last row first, so that the order of the slots matters.
                let slots: Vec<u32> = (0..u32::try_from(rows_len).unwrap()).rev().collect();
                let rows = Rows { matrix: rows, dimensions: n, slots: &slots };
                for kernels in all() {
                    let mut out = vec![f32::NAN; rows_len];
                    kernels.dot_rows(query, rows, &mut out);
                    let bits: Vec<u32> = out.iter().map(|x| x.to_bits()).collect();
                    assert_eq!(bits, dots, "{kernels:?}: dot of {rows_len} x {n}, shift {shift}");
                    kernels.squared_l2_rows(query, rows, &mut out);
                    let bits: Vec<u32> = out.iter().map(|x| x.to_bits()).collect();
                    assert_eq!(bits, squares, "{kernels:?}: l2 of {rows_len} x {n}, shift {shift}");
                }
            }
        }
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
    fn rows<'a>(matrix: &'a [f32], slots: &'a [u32]) -> Rows<'a> {
        Rows { matrix, dimensions: 40, slots }
    }
    let mut out = [0.0; 2];
    Kernels::best().dot_rows(&[1.0; 40], rows(&[1.0; 80], &[1, 0]), &mut out);
    assert_eq!(out, [40.0; 2]);
    #[cfg(not(target_arch = "wasm32"))]
    for kernels in all() {
        let cases: [(usize, usize, &[u32]); 4] =
            [(40, 79, &[0, 1]), (40, 80, &[0, 2]), (41, 80, &[0, 1]), (40, 80, &[0])];
        for (query_len, matrix_len, slots) in cases {
            let result = std::panic::catch_unwind(|| {
                let (query, matrix) = (vec![1.0; query_len], vec![1.0; matrix_len]);
                kernels.dot_rows(&query, rows(&matrix, slots), &mut [0.0; 2]);
            });
            assert!(result.is_err(), "{kernels:?}: {query_len} {matrix_len} {slots:?}");
        }
    }
}
