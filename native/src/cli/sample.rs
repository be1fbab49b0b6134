//! The bundled sample: synsets of WordNet 3.0 with their embeddings. See `sample/README.md`.

use serde_json::Value;
use sigil_native::core::{Error, ErrorKind, Result};

/// How many elements an embedding has.
pub(super) const DIMENSIONS: usize = 384;

const SYNSETS: &str = include_str!("../../sample/synsets.jsonl");
const SYNSET_EMBEDDINGS: &[u8] = include_bytes!("../../sample/synsets.f16");
const QUERIES: &str = include_str!("../../sample/queries.jsonl");
const QUERY_EMBEDDINGS: &[u8] = include_bytes!("../../sample/queries.f16");

/// A set of synonymous words with its definition.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Synset {
    pub(super) id: String,
    /// Part of speech: `noun`, `verb`, `adj` or `adv`.
    pub(super) pos: String,
    /// The number of WordNet's lexicographer file, a coarse topic.
    pub(super) lex: i64,
    pub(super) words: String,
    pub(super) gloss: String,
    pub(super) embedding: Vec<f32>,
}

/// The synsets that are loaded.
pub(super) fn synsets() -> Result<Vec<Synset>> {
    parse(SYNSETS, SYNSET_EMBEDDINGS)
}

/// Held-out synsets to search with.
pub(super) fn queries() -> Result<Vec<Synset>> {
    parse(QUERIES, QUERY_EMBEDDINGS)
}

fn parse(lines: &str, embeddings: &[u8]) -> Result<Vec<Synset>> {
    let damaged =
        || Error::new(ErrorKind::Corrupt, "the bundled sample is damaged: build it again");
    let rows = embeddings.chunks_exact(DIMENSIONS * 2);
    lines
        .lines()
        .zip(rows)
        .map(|(line, row)| {
            let json: Value = serde_json::from_str(line).map_err(|_| damaged())?;
            let text = |key: &str| json[key].as_str().map(str::to_owned).ok_or_else(damaged);
            let (halves, _) = row.as_chunks::<2>();
            Ok(Synset {
                id: text("id")?,
                pos: text("pos")?,
                lex: json["lex"].as_i64().ok_or_else(damaged)?,
                words: text("words")?,
                gloss: text("gloss")?,
                embedding: halves.iter().map(|half| from_half(u16::from_le_bytes(*half))).collect(),
            })
        })
        .collect()
}

/// The number that an IEEE 754 half-precision float stands for.
fn from_half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let exponent = i32::from(bits >> 10 & 0x1f);
    let fraction = f32::from(bits & 0x3ff) / 1024.0;
    sign * match exponent {
        0 => fraction * 2f32.powi(-14),
        31 => f32::NAN,
        _ => (1.0 + fraction) * 2f32.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_read() {
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333_251_95),
            (0x0001, 5.960_464_5e-8),
            (0, 0.0),
        ] {
            assert_eq!(from_half(bits), value);
        }
    }

    #[test]
    fn the_sample_is_whole() {
        let synsets = synsets().unwrap();
        assert_eq!((synsets.len(), queries().unwrap().len()), (2500, 20));
        for synset in &synsets {
            let norm: f32 = synset.embedding.iter().map(|x| x * x).sum();
            assert!((norm - 1.0).abs() < 0.01, "{}: {norm}", synset.id);
        }
    }
}
