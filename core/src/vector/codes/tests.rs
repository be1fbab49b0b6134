use super::*;
use crate::testing::test;

/// Reproducible values about 0, more of them small than large.
fn vectors(n: usize, dimensions: usize, seed: u64) -> Vec<Vec<f32>> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        f32::from(u16::try_from(state >> 48).unwrap()) / 32768.0 - 1.0
    };
    (0..n).map(|_| (0..dimensions).map(|_| next() * next() + 0.1).collect()).collect()
}

/// Codes of some vectors around a centre, their encoder, and the centre, rotated.
fn coded(rows: &[Vec<f32>], ranking: Ranking) -> (Encoder, Vec<f32>, Blocks) {
    let dimensions = rows[0].len();
    let encoder = Encoder::new(vec![0.05; dimensions], 0.5, 7);
    let mut centre = Vec::new();
    encoder.rotate(&vec![0.12; dimensions], &mut centre);
    let (mut blocks, mut rotated, mut code) = (Blocks::default(), Vec::new(), Code::default());
    for row in rows {
        encoder.rotate(row, &mut rotated);
        assert!(encoder.encode(ranking, &rotated, &centre, &mut code));
        blocks.push(&code);
    }
    (encoder, centre, blocks)
}

#[test]
fn estimates_are_unbiased_and_within_the_bound_of_the_paper() {
    for (dimensions, ranking) in [
        (3, Ranking::Squared),
        (100, Ranking::Inner),
        (384, Ranking::Squared),
        (384, Ranking::Inner),
    ] {
        let (rows, queries) = (vectors(500, dimensions, 1), vectors(20, dimensions, 2));
        let (encoder, centre, blocks) = coded(&rows, ranking);
        let kernels = Kernels::best();
        let rotated = |vector: &[f32]| {
            let mut rotated = Vec::new();
            encoder.rotate(vector, &mut rotated);
            rotated
        };
        let dot = |a: &[f32], b: &[f32]| -> f64 {
            a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
        };
        let (mut outside, mut bias, mut spread, mut count) = (0_u32, 0.0, 0.0, 0_u32);
        for query in &queries {
            let prepared = encoder.query(kernels, query).unwrap();
            blocks.scan(kernels, &prepared, 0.0, f32::INFINITY, |places, keys| {
                for (place, key) in places.zip(keys) {
                    let x = rotated(&rows[place]);
                    let d: Vec<f32> = x.iter().zip(&centre).map(|(x, c)| x - c).collect();
                    let (factors, known) = match ranking {
                        Ranking::Squared => (-2.0, dot(&d, &d) + 2.0 * dot(&d, &centre)),
                        Ranking::Inner => (-1.0, -dot(&d, &encoder.rotated_origin)),
                    };
                    let truth = dot(&d, &prepared.rotated);
                    let estimate = (f64::from(*key) - known) / factors;
                    // Theorem 3.2, with its usual constant of 1.9.
                    let n = d.len() as f64;
                    let sum: f64 = d.iter().map(|x| f64::from(x.abs())).sum();
                    let cosine_squared = sum * sum / (dot(&d, &d) * n);
                    let error = (dot(&d, &d) * (1.0 - cosine_squared) / cosine_squared / (n - 1.0)
                        * dot(&prepared.rotated, &prepared.rotated))
                    .sqrt();
                    outside +=
                        u32::from((truth - estimate).abs() > 1.9 * error + 0.01 * known.abs());
                    bias += estimate - truth;
                    spread += (estimate - truth).abs();
                    count += 1;
                }
                f32::INFINITY
            });
        }
        assert_eq!(count, 500 * 20);
        assert!(outside < count / 10, "{dimensions}: {outside} of {count} outside their bound");
        assert!(bias.abs() < spread / 5.0, "{dimensions}: {bias} of {spread}");
    }
}

#[test]
fn blocks_follow_from_the_codes_in_them() {
    let rows = vectors(150, 24, 3);
    let (_, _, all) = coded(&rows, Ranking::Squared);
    let encoded = |rows: &[Vec<f32>]| coded(rows, Ranking::Squared).2;
    let mut blocks = encoded(&rows[..70]);
    let mut twin: Vec<Vec<f32>> = rows[..70].to_vec();
    for (step, row) in rows[70..].iter().enumerate() {
        blocks.push(&code_of(row));
        twin.push(row.clone());
        for place in [step * 11 % twin.len(), twin.len() - 2] {
            blocks.swap_remove(place);
            twin.swap_remove(place);
        }
        assert_eq!(blocks, encoded(&twin), "after step {step}");
        let mut bytes = Vec::new();
        blocks.encode(&mut bytes);
        assert_eq!(bytes.len(), Blocks::bytes(twin.len(), 64));
        assert_eq!(Blocks::decode(twin.len(), 64, &bytes), Some(blocks.clone()));
        if twin.len() < 3 {
            break;
        }
    }
    assert_ne!(all, blocks);
}

fn code_of(row: &[f32]) -> Code {
    let (encoder, centre, _) = coded(&[row.to_vec()], Ranking::Squared);
    let (mut rotated, mut code) = (Vec::new(), Code::default());
    encoder.rotate(row, &mut rotated);
    encoder.encode(Ranking::Squared, &rotated, &centre, &mut code);
    code
}

#[test]
fn what_cannot_be_estimated_is_told() {
    let encoder = Encoder::new(vec![0.0; 16], 1.0, 7);
    let kernels = Kernels::best();
    let (mut rotated, mut code) = (Vec::new(), Code::default());
    for (row, usable) in [(vec![3e38; 16], false), (vec![0.0; 16], true), (vec![1e-45; 16], true)] {
        encoder.rotate(&row, &mut rotated);
        let zeros = vec![0.0; rotated.len()];
        for ranking in [Ranking::Squared, Ranking::Inner] {
            assert_eq!(encoder.encode(ranking, &rotated, &zeros, &mut code), usable, "{row:?}");
        }
    }
    for (query, usable) in [(3e38, false), (1e-42, false), (0.0, true), (1.0, true)] {
        assert_eq!(encoder.query(kernels, &[query; 16]).is_some(), usable, "{query}");
    }
}
