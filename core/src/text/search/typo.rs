//! Words that are another word but for a few typos.
//!
//! A typo is a character too many, one missing, another one in its place, or two neighbours that
//! changed places (optimal string alignment; Damerau, 1964; Oommen and Loke, 1997). Terms are walked
//! over in order, and of the table of distances the rows are kept that a term shares with the one
//! before; where a whole row is too far off nothing that begins with it is near.

use super::Scope;
use crate::error::Result;
use crate::text::segment::List;

/// What an occurrence of a word with so many typos is worth.
const CLOSENESS: [f64; 3] = [1.0, 0.5, 0.25];

/// The most typos that are looked for.
pub(crate) const TYPOS_MAX: u8 = 2;

/// Longer words are taken as they are: the table of distances grows with the square.
const CHARS_MAX: usize = 64;

/// So long a word may have a typo, and so long two.
const CHARS_MIN: [usize; TYPOS_MAX as usize] = [4, 8];

/// How many typos a word of so many characters may have, when the search allows `typos`.
pub(in crate::text) fn allowed(chars: usize, typos: u8) -> usize {
    if chars > CHARS_MAX {
        return 0;
    }
    let by_length = CHARS_MIN.iter().take_while(|least| chars >= **least).count();
    by_length.min(usize::from(typos))
}

/// The terms that are `word` with at most as many typos as its length and the search allow, and
/// what each is worth.
pub(super) fn expansions(word: &str, column: u8, scope: &Scope<'_>) -> Result<Vec<(List, f64)>> {
    let wanted: Vec<char> = word.chars().collect();
    let most = allowed(wanted.len(), scope.typos);
    let mut lists = Vec::new();
    if most == 0 {
        let key = [&[column], word.as_bytes()].concat();
        lists.extend(scope.reader.find(&key)?.map(|list| (list, CLOSENESS[0])));
        return Ok(lists);
    }
    let mut distances = Distances::new(&wanted);
    let mut walk = scope.reader.walk(&[column])?;
    while walk.next()? {
        let Some((head, term)) = walk.term().split_first() else { continue };
        if *head < column {
            continue;
        }
        if *head > column {
            break;
        }
        let Ok(term) = std::str::from_utf8(term) else { continue };
        if let Some(distance) = distances.to(term, most) {
            lists.push((scope.reader.list(&walk)?, CLOSENESS[distance]));
        }
    }
    Ok(lists)
}

/// The distances of one word to others, of which each mostly begins as the one before.
#[derive(Debug)]
struct Distances<'a> {
    wanted: &'a [char],
    term: Vec<char>,
    /// `rows[i][j]` is the distance of the first `i` characters of the term to the first `j` of
    /// the word.
    rows: Vec<Vec<usize>>,
    /// What begins with so many characters of the term is too far off.
    dead_from: Option<usize>,
}

impl<'a> Distances<'a> {
    fn new(wanted: &'a [char]) -> Distances<'a> {
        let rows = vec![(0..=wanted.len()).collect()];
        Distances { wanted, term: Vec::new(), rows, dead_from: None }
    }

    /// The distance to `term`, when it is at most `most`.
    fn to(&mut self, term: &str, most: usize) -> Option<usize> {
        let shared = self.term.iter().zip(term.chars()).take_while(|(a, b)| **a == *b).count();
        if self.dead_from.is_some_and(|dead| dead <= shared) {
            return None;
        }
        self.dead_from = None;
        self.term.truncate(shared);
        self.rows.truncate(shared + 1);
        for char in term.chars().skip(shared) {
            self.term.push(char);
            let row = self.next_row();
            let is_far = row.iter().all(|distance| *distance > most);
            self.rows.push(row);
            // Two neighbours that changed places skip a row.
            let was_far = self.rows[self.rows.len() - 2].iter().all(|distance| *distance >= most);
            if is_far && was_far {
                self.dead_from = Some(self.term.len());
                return None;
            }
        }
        let distance = *self.rows.last()?.last()?;
        (distance <= most).then_some(distance)
    }

    fn next_row(&self) -> Vec<usize> {
        let at = self.term.len();
        let (char, above) = (self.term[at - 1], &self.rows[at - 1]);
        let mut row = Vec::with_capacity(above.len());
        row.push(at);
        for (n, wanted) in self.wanted.iter().enumerate() {
            let replaced = above[n] + usize::from(*wanted != char);
            let mut least = replaced.min(above[n + 1] + 1).min(row[n] + 1);
            if n > 0 && at > 1 && *wanted == self.term[at - 2] && self.wanted[n - 1] == char {
                least = least.min(self.rows[at - 2][n - 1] + 1);
            }
            row.push(least);
        }
        row
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::test;

    #[test]
    fn distances_are_right_whatever_came_before() {
        let wanted: Vec<char> = "kitten".chars().collect();
        let mut distances = Distances::new(&wanted);
        let terms = [
            ("bitten", Some(1)),
            ("iktten", Some(1)),
            ("kit", None),
            ("kitchen", Some(2)),
            ("kiten", Some(1)),
            ("kitetn", Some(1)),
            ("kitten", Some(0)),
            ("kittens", Some(1)),
            ("kittensss", None),
            ("mitten", Some(1)),
            ("sitting", None),
        ];
        for (term, distance) in terms {
            assert_eq!(distances.to(term, 2), distance, "{term}");
        }
    }

    #[test]
    fn what_is_given_up_on_is_far() {
        // All words of three letters out of four, in order, against the plain table.
        let letters = ['a', 'b', 'c', 'd'];
        let all = (0..256_usize)
            .map(|n| (0..4).rev().map(|at| letters[(n >> (2 * at)) & 3]).collect::<String>());
        let wanted: Vec<char> = "abca".chars().collect();
        let mut distances = Distances::new(&wanted);
        for term in all {
            let fresh = Distances::new(&wanted).to(&term, 99).filter(|distance| *distance <= 1);
            assert_eq!(distances.to(&term, 1), fresh, "{term}");
        }
    }
}
