//! Which words of a text the phrases of a query look for.

use std::collections::HashMap;

use twox_hash::XxHash3_64;

use crate::text::analyzer::PhraseTerm;
use crate::text::search::typos_in;

/// So many characters at the beginning of two words are compared before the words are.
const HEAD_CHARS: usize = 8;

/// The words that phrases look for, each with a number.
///
/// A word of a text is looked up in time proportional to its length, however many are wanted.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    exact: HashMap<Box<str>, u32>,
    prefixes: Prefixes,
    typos: Typos,
    count: u32,
}

impl Wanted {
    /// The number of a term, which the only one of a phrase may be so many typos off.
    pub(super) fn number(&mut self, term: &PhraseTerm, typos: usize) -> u32 {
        let known = match (term.prefix, typos) {
            (true, _) => self.prefixes.slot(&term.term),
            (false, 0) => self.exact.entry(Box::from(&*term.term)).or_insert(u32::MAX),
            (false, _) => self.typos.slot(&term.term, typos),
        };
        if *known == u32::MAX {
            *known = self.count;
            self.count += 1;
        }
        *known
    }

    /// Whether looking a word up takes so long that it is worth keeping what came of it.
    pub(super) fn is_slow(&self) -> bool {
        !self.typos.words.is_empty()
    }

    /// The numbers of all that this word of a text will do for.
    pub(super) fn of(&self, word: &str) -> Vec<u32> {
        let mut numbers = Vec::new();
        numbers.extend(self.exact.get(word));
        self.prefixes.of(word, &mut numbers);
        self.typos.of(word, &mut numbers);
        numbers
    }
}

/// Beginnings of words, as a tree of their bytes.
#[derive(Debug, Default)]
struct Prefixes {
    /// From a node and a byte to the next node; the root is 0.
    edges: HashMap<(u32, u8), u32>,
    /// The numbers of the nodes from 1 on, `u32::MAX` where no beginning ends.
    numbers: Vec<u32>,
    root: u32,
}

impl Prefixes {
    fn slot(&mut self, prefix: &str) -> &mut u32 {
        let mut node = 0;
        for byte in prefix.bytes() {
            node = *self.edges.entry((node, byte)).or_insert_with(|| {
                self.numbers.push(u32::MAX);
                u32::try_from(self.numbers.len()).unwrap_or(u32::MAX)
            });
        }
        // No term is empty, so that it ends in a node.
        (node as usize)
            .checked_sub(1)
            .and_then(|at| self.numbers.get_mut(at))
            .unwrap_or(&mut self.root)
    }

    fn of(&self, word: &str, numbers: &mut Vec<u32>) {
        if self.edges.is_empty() {
            return;
        }
        let mut node = 0;
        for byte in word.bytes() {
            let Some(next) = self.edges.get(&(node, byte)) else { return };
            node = *next;
            let number = self.numbers.get(node as usize - 1);
            numbers.extend(number.filter(|number| **number != u32::MAX));
        }
    }
}

/// Words that may be written with typos.
///
/// Two words that are few typos apart begin with the same characters once as many of the first
/// [`HEAD_CHARS`] are left out of each. So words are found by these, and then compared.
#[derive(Debug, Default)]
struct Typos {
    words: Vec<Typo>,
    by_word: HashMap<Box<str>, usize>,
    by_head: HashMap<u64, Vec<usize>>,
    most: usize,
}

#[derive(Debug)]
struct Typo {
    chars: Vec<char>,
    most: usize,
    number: u32,
}

impl Typos {
    fn slot(&mut self, word: &str, most: usize) -> &mut u32 {
        let at = *self.by_word.entry(Box::from(word)).or_insert_with(|| {
            let chars: Vec<char> = word.chars().collect();
            for head in heads(&chars, most) {
                self.by_head.entry(head).or_default().push(self.words.len());
            }
            self.most = self.most.max(most);
            self.words.push(Typo { chars, most, number: u32::MAX });
            self.words.len() - 1
        });
        &mut self.words[at].number
    }

    fn of(&self, word: &str, numbers: &mut Vec<u32>) {
        if self.words.is_empty() {
            return;
        }
        let chars: Vec<char> = word.chars().collect();
        let heads = heads(&chars, self.most);
        let mut near: Vec<usize> =
            heads.iter().filter_map(|head| self.by_head.get(head)).flatten().copied().collect();
        near.sort_unstable();
        near.dedup();
        let near = near.into_iter().filter_map(|at| self.words.get(at));
        numbers.extend(
            near.filter(|typo| within(&chars, &typo.chars, typo.most)).map(|typo| typo.number),
        );
    }
}

/// How many typos this word of a phrase may have.
pub(super) fn allowed(terms: &[PhraseTerm], typos: u8) -> usize {
    match terms {
        [only] if !only.prefix => typos_in(only.term.chars().count(), typos),
        _ => 0,
    }
}

/// Hashes of the beginning of a word without up to `most` of its characters.
fn heads(word: &[char], most: usize) -> Vec<u64> {
    let head = word.get(..HEAD_CHARS).unwrap_or(word);
    let mut hashes = Vec::new();
    let mut add = |without: [usize; 2]| {
        let kept = head.iter().enumerate().filter(|(at, _)| !without.contains(at));
        let kept: String = kept.map(|(_, char)| *char).collect();
        hashes.push(XxHash3_64::oneshot(kept.as_bytes()));
    };
    const NONE: usize = usize::MAX;
    add([NONE; 2]);
    if most > 0 {
        (0..head.len()).for_each(|one| add([one, NONE]));
    }
    if most > 1 {
        (0..head.len()).for_each(|one| (0..one).for_each(|two| add([one, two])));
    }
    hashes.sort_unstable();
    hashes.dedup();
    hashes
}

/// Whether the words are at most so many typos apart, as the search counts them.
fn within(mut a: &[char], mut b: &[char], most: usize) -> bool {
    if a.len().abs_diff(b.len()) > most {
        return false;
    }
    while let ([x, rest_a @ ..], [y, rest_b @ ..]) = (a, b)
        && x == y
    {
        (a, b) = (rest_a, rest_b);
    }
    if a.is_empty() && b.is_empty() {
        return true;
    }
    let Some(most) = most.checked_sub(1) else { return false };
    let (less_a, less_b) = (a.get(1..).unwrap_or_default(), b.get(1..).unwrap_or_default());
    let is_swapped = |(a, b): (&[char], &[char])| match (a, b) {
        ([v, w, a @ ..], [x, y, b @ ..]) => v == y && w == x && within(a, b, most),
        _ => false,
    };
    within(less_a, less_b, most)
        || within(less_a, b, most)
        || within(a, less_b, most)
        || is_swapped((a, b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::test;

    fn term(term: &str, prefix: bool) -> PhraseTerm {
        PhraseTerm { term: term.into(), offset: 0, prefix }
    }

    /// The whole table of distances.
    fn distance(a: &[char], b: &[char]) -> usize {
        let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
        for i in 0..=a.len() {
            for j in 0..=b.len() {
                let mut least = if i == 0 || j == 0 { i + j } else { usize::MAX };
                if i > 0 && j > 0 {
                    let other = usize::from(a[i - 1] != b[j - 1]);
                    least = (rows[i - 1][j - 1] + other).min(rows[i - 1][j] + 1);
                    least = least.min(rows[i][j - 1] + 1);
                    if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                        least = least.min(rows[i - 2][j - 2] + 1);
                    }
                }
                rows[i][j] = least;
            }
        }
        rows[a.len()][b.len()]
    }

    #[test]
    fn words_with_typos_are_found_just_as_the_table_of_distances_says() {
        let mut state = 5_u64;
        let mut below = |n: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            usize::try_from((state >> 33) % n).unwrap()
        };
        let mut word = |len: usize| (0..len).map(|_| ['a', 'b', 'c'][below(3)]).collect::<String>();
        let words: Vec<String> = (0..400).map(|n| word(4 + n % 9)).collect();
        let mut near = [0; 3];
        for wanted in &words[..60] {
            let chars: Vec<char> = wanted.chars().collect();
            let mut all = Wanted::default();
            let most = allowed(&[term(wanted, false)], 2);
            let number = all.number(&term(wanted, false), most);
            for word in &words {
                let apart = distance(&word.chars().collect::<Vec<_>>(), &chars);
                assert_eq!(all.of(word) == [number], apart <= most, "{wanted} {word}");
                if apart <= most {
                    near[apart] += 1;
                }
            }
        }
        assert!(near.iter().all(|count| *count > 20), "{near:?}");
    }

    #[test]
    fn a_word_is_found_by_itself_and_by_its_beginnings() {
        let mut wanted = Wanted::default();
        let (re, red, exact) = (
            wanted.number(&term("re", true), 0),
            wanted.number(&term("red", true), 0),
            wanted.number(&term("red", false), 0),
        );
        assert_eq!(wanted.number(&term("re", true), 0), re);
        assert_eq!(wanted.of("red"), [exact, re, red]);
        assert_eq!(wanted.of("reds"), [re, red]);
        assert_eq!(wanted.of("r"), [0; 0]);
        assert_eq!(wanted.of("green"), [0; 0]);
    }

    #[test]
    fn long_words_are_compared_in_time_that_grows_with_their_length() {
        let long = "x".repeat(32_768);
        let mut wanted = Wanted::default();
        let number = wanted.number(&term(&long, false), 2);
        assert_eq!(wanted.of(&format!("y{}y", &long[2..])), [number]);
        assert_eq!(wanted.of(&format!("y{}yy", &long[3..])), [0; 0]);
    }
}
