//! Ids that the stores accept, made of ids that they would refuse.

use std::collections::HashSet;

use sigil_core::ID_BYTES_MAX;

/// What an empty id becomes.
pub(crate) const EMPTY: &str = "legacy-empty";

/// The id to use for `id`: `id` itself where the stores accept it.
///
/// The same id always gives the same, so what refers to a record still finds it. Different ones
/// may give the same, which [`Taken`] tells apart.
pub(crate) fn clean(id: &str) -> String {
    let mut clean = if id.is_empty() { EMPTY.to_owned() } else { id.replace('\0', "\u{2400}") };
    if clean.len() > ID_BYTES_MAX {
        let mark = format!("~{:016x}", fnv1a(id.as_bytes()));
        let mut end = ID_BYTES_MAX - mark.len() - SUFFIX_BYTES_MAX;
        while !clean.is_char_boundary(end) {
            end -= 1;
        }
        clean.truncate(end);
        clean.push_str(&mark);
    }
    clean
}

/// The room that is left for the number of [`Taken::claim`].
const SUFFIX_BYTES_MAX: usize = 21;

/// FNV-1a (Fowler, Noll, Vo): the marks must not change between versions.
fn fnv1a(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

/// The ids that are taken already, for one kind of record in one place.
#[derive(Debug, Default)]
pub(crate) struct Taken(HashSet<Box<str>>);

impl Taken {
    /// Takes `id`, or the first of `id~2`, `id~3` and so on that is free, and gives what it took.
    pub(crate) fn claim(&mut self, id: String) -> String {
        if self.0.insert(id.as_str().into()) {
            return id;
        }
        let mut base = id;
        let mut end = base.len().min(ID_BYTES_MAX - SUFFIX_BYTES_MAX);
        while !base.is_char_boundary(end) {
            end -= 1;
        }
        base.truncate(end);
        let mut number = 2_u64;
        loop {
            let other = format!("{base}~{number}");
            if self.0.insert(other.as_str().into()) {
                return other;
            }
            number += 1;
        }
    }

    /// Whether `id` is taken.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.0.contains(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_are_fine_stay_and_others_become_fine() {
        assert_eq!(clean("a~2 \u{1f980}"), "a~2 \u{1f980}");
        assert_eq!(clean(""), EMPTY);
        assert_eq!(clean("a\0b"), "a\u{2400}b");
        let long = "\u{e4}".repeat(1000);
        assert!(clean(&long).len() <= ID_BYTES_MAX && clean(&long) == clean(&long));
        assert_ne!(clean(&long), clean(&format!("{long}x")));
        assert_eq!(clean(&"x".repeat(ID_BYTES_MAX)).len(), ID_BYTES_MAX);
    }

    #[test]
    fn what_is_taken_gets_a_number() {
        let mut taken = Taken::default();
        let mut claim = |id: &str| taken.claim(id.to_owned());
        assert_eq!(
            [claim("a"), claim("a"), claim("a~2"), claim("a")],
            ["a", "a~2", "a~2~2", "a~3"]
        );
        let long = "\u{e4}".repeat(ID_BYTES_MAX / 2);
        let (first, second) = (claim(&long), claim(&long));
        assert!(first != second && second.len() <= ID_BYTES_MAX);
    }
}
