//! Texts that FTS5 and this tokenizer must cut alike, and the answers as they are recorded in
//! `tests/fixtures/text/tokens.txt`.
//!
//! `tests/peers/tests/tokens.rs` makes this file one of its modules: it asks FTS5, which is in C,
//! and the tests of this crate hold themselves to what it answered on every target.
//! `tests/integration/text_fts5.rs` asks the FTS5 that is installed whether it answers that too.

use std::fmt::Write as _;

const MULTILINGUAL: &str = include_str!("../../../../tests/fixtures/text/multilingual.txt");
const SYNSETS: &str = include_str!("../../../../native/sample/synsets.jsonl");

/// A word, as the bytes that are indexed, and its place.
pub(crate) type Word = (Vec<u8>, u32);

/// Texts whose words are recorded together.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) texts: Vec<String>,
}

/// All cases.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = characters();
    for (at, line) in MULTILINGUAL.lines().enumerate() {
        cases.push(Case { name: format!("multilingual {}", at + 1), texts: vec![line.into()] });
    }
    cases.push(Case { name: "multilingual".into(), texts: vec![MULTILINGUAL.into()] });
    for (at, lines) in SYNSETS.lines().collect::<Vec<_>>().chunks(100).enumerate() {
        let texts = lines.iter().copied().map(String::from).collect();
        cases.push(Case { name: format!("synsets {}", at + 1), texts });
    }
    for seed in 1..=30 {
        let mut random = Random(seed);
        let texts = (0..100).map(|_| random.text()).collect();
        cases.push(Case { name: format!("random {seed}"), texts });
    }
    cases
}

/// Every character alone, between letters, behind a letter and twice.
fn characters() -> Vec<Case> {
    const TOGETHER: u32 = 1024;
    let texts = |code: u32| {
        let char = char::from_u32(code)?;
        Some([format!("{char}"), format!("a{char}b"), format!("a{char}"), format!("{char}{char}")])
    };
    (0..=u32::from(char::MAX) / TOGETHER)
        .map(|block| {
            let first = block * TOGETHER;
            let texts = (first..first + TOGETHER).filter_map(texts).flatten().collect();
            Case { name: format!("U+{first:04X}"), texts }
        })
        .filter(|case: &Case| !case.texts.is_empty())
        .collect()
}

/// The answer to a case: the words themselves of a line of text, a checksum of others.
pub(crate) fn answer(case: &Case, words: &[Vec<Word>]) -> String {
    let count: usize = words.iter().map(Vec::len).sum();
    let mut answer = format!("{}: {count}", case.name);
    if let [words] = words
        && case.name != "multilingual"
    {
        for (place, (term, position)) in words.iter().enumerate() {
            let _ = write!(answer, " {}", String::from_utf8_lossy(term));
            if place as u32 != *position {
                let _ = write!(answer, "@{position}");
            }
        }
        return answer;
    }
    let mut sum = Fnv::default();
    for words in words {
        sum.add(&(words.len() as u32).to_le_bytes());
        for (term, position) in words {
            sum.add(&position.to_le_bytes());
            sum.add(&(term.len() as u32).to_le_bytes());
            sum.add(term);
        }
    }
    let _ = write!(answer, " {:016x}", sum.0);
    answer
}

/// FNV-1a of 64 bits (Fowler, Noll, Vo).
#[derive(Debug)]
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Fnv {
        Fnv(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 32) as u32 % bound
    }

    /// Up to 80 characters of all there are, those with rules of their own more often.
    pub(crate) fn text(&mut self) -> String {
        (0..self.below(81)).map(|_| self.char()).collect()
    }

    fn char(&mut self) -> char {
        let code = match self.below(12) {
            0..=2 => self.below(0x80),
            3 => u32::from('a') + self.below(26),
            4 => 0x80 + self.below(0x500),
            5 => 0x300 + self.below(0x70),
            6 => 0x600 + self.below(0x1200),
            7 => 0x1e00 + self.below(0x400),
            8 => 0x2000 + self.below(0x1200),
            9 => self.below(0x1_0000),
            10 => 0x1_0000 + self.below(0x1_0000),
            _ => self.below(0x11_0000),
        };
        char::from_u32(code).unwrap_or(' ')
    }
}
