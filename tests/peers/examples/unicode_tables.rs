//! Writes `core/src/text/analyzer/unicode.rs`: what FTS5's tokenizer `unicode61` makes of each
//! character.
//!
//! ```text
//! cargo run --manifest-path tests/peers/Cargo.toml --example unicode_tables
//! ```

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::path::Path;

use sigil_peers::{Error, Result, fts5};

/// The characters of a block: as many as a `u64` has bits.
const BLOCK: u32 = 64;

/// From here on there are few separators, and nothing is folded.
const REST: u32 = 0x2_0000;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Class {
    Separator,
    Diacritic,
    Letter(char),
}

/// A block: a bit for each separator, and what each character is folded to if any is.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Block {
    folds: Option<Vec<u16>>,
    separators: u64,
}

fn main() -> Result<()> {
    let classes = classes()?;
    let block = |index: u32| block(&classes, index * BLOCK);
    // Those with folds come first.
    let mut numbers: BTreeMap<(bool, Block), usize> =
        (0..REST / BLOCK).map(|index| ((block(index).folds.is_none(), block(index)), 0)).collect();
    numbers.values_mut().enumerate().for_each(|(at, number)| *number = at);
    let index = (0..REST / BLOCK).map(|index| {
        let block = block(index);
        numbers.get(&(block.folds.is_none(), block)).copied().unwrap_or_default()
    });
    let folds: Vec<_> = numbers.keys().filter_map(|(_, block)| block.folds.as_ref()).collect();

    let mut out = String::from(
        "//! What FTS5's tokenizer `unicode61` makes of each character, in tables.\n\
         //!\n\
         //! Written by `tests/peers/examples/unicode_tables.rs`, which asked FTS5.\n\n\
         /// The characters of a block.\n\
         pub(super) const BLOCK: u32 = 64;\n\n",
    );
    let line = |out: &mut String, text: &str| {
        out.push_str(text);
        out.push('\n');
    };
    line(&mut out, "/// The block of each 64 characters below U+20000.");
    line(&mut out, "#[rustfmt::skip]");
    line(&mut out, &format!("pub(super) static INDEX: [u8; {}] = [", REST / BLOCK));
    wrapped(&mut out, "    ", index);
    line(&mut out, "];\n\n/// The separators of each block, a bit for each character.");
    line(&mut out, "#[rustfmt::skip]");
    line(&mut out, &format!("pub(super) static SEPARATORS: [u64; {}] = [", numbers.len()));
    wrapped(&mut out, "    ", numbers.keys().map(|(_, block)| hex(block.separators)));
    line(
        &mut out,
        "];\n\n/// The low 16 bits of what each character of the first blocks is folded to;",
    );
    line(&mut out, "/// 0 for a diacritic, which goes.\n#[rustfmt::skip]");
    line(&mut out, &format!("pub(super) static FOLDS: [[u16; 64]; {}] = [", folds.len()));
    for fold in &folds {
        line(&mut out, "    [");
        wrapped(&mut out, "        ", fold.iter().map(|to| format!("0x{to:x}")));
        line(&mut out, "    ],");
    }
    line(&mut out, "];\n\n/// The separators from U+20000 on: first and last.");
    let rest = ranges(&classes);
    line(&mut out, &format!("pub(super) static REST: [(u32, u32); {}] =", rest.len()));
    let rest: Vec<_> =
        rest.iter().map(|(first, last)| format!("({}, {})", hex(*first), hex(*last))).collect();
    line(&mut out, &format!("    [{}];", rest.join(", ")));

    let path = "../../core/src/text/analyzer/unicode.rs";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let bytes = REST / BLOCK
        + 8 * u32::try_from(numbers.len()).unwrap_or_default()
        + 128 * u32::try_from(folds.len()).unwrap_or_default();
    #[expect(clippy::print_stdout, reason = "says what it made")]
    {
        println!("{} blocks, {} of them with folds, {bytes} bytes", numbers.len(), folds.len());
    }
    std::fs::write(path, out)?;
    Ok(())
}

/// What FTS5 says of each character, asked by putting it between two letters.
fn classes() -> Result<BTreeMap<u32, Class>> {
    let texts: Vec<String> = ('\0'..=char::MAX).map(|char| format!("a{char}b")).collect();
    let words = fts5::words(texts.iter().map(String::as_str))?;
    ('\0'..=char::MAX)
        .zip(&words)
        .map(|(char, words)| {
            let class = class(words).filter(|class| match class {
                // What the tables cannot hold.
                Class::Letter(to) => {
                    let (code, to) = (u32::from(char), u32::from(*to));
                    to == code || code < REST && code >> 16 == to >> 16 && to & 0xffff != 0
                }
                _ => true,
            });
            let class = class.ok_or_else(|| {
                Error::Stored(format!("no table can say what FTS5 makes of {char:?}: {words:?}"))
            })?;
            Ok((u32::from(char), class))
        })
        .collect()
}

fn class(words: &[fts5::Word]) -> Option<Class> {
    let words: Vec<&str> = words.iter().filter_map(|(term, _)| str::from_utf8(term).ok()).collect();
    match words[..] {
        ["a", "b"] => Some(Class::Separator),
        ["ab"] => Some(Class::Diacritic),
        [word] => {
            let mut chars = word.strip_prefix('a')?.strip_suffix('b')?.chars();
            chars.next().filter(|_| chars.next().is_none()).map(Class::Letter)
        }
        _ => None,
    }
}

fn block(classes: &BTreeMap<u32, Class>, first: u32) -> Block {
    let mut separators = 0;
    let mut folds = Vec::new();
    let mut folded = false;
    for code in first..first + BLOCK {
        // A surrogate is no character, so what is said of it does not matter.
        let class = classes.get(&code).copied().unwrap_or(Class::Separator);
        let same = code & 0xffff;
        let to = match class {
            Class::Letter(to) => u32::from(to) & 0xffff,
            Class::Diacritic => 0,
            Class::Separator => same,
        };
        separators |= u64::from(class == Class::Separator) << (code - first);
        folded |= to != same;
        folds.push(u16::try_from(to).unwrap_or_default());
    }
    Block { folds: folded.then_some(folds), separators }
}

/// The separators from [`REST`] on, as ranges.
fn ranges(classes: &BTreeMap<u32, Class>) -> Vec<(u32, u32)> {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for (code, _) in classes.range(REST..).filter(|(_, class)| **class == Class::Separator) {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *code => *last = *code,
            _ => ranges.push((*code, *code)),
        }
    }
    ranges
}

/// Adds `items` in lines of at most 100 characters.
fn wrapped(out: &mut String, indent: &str, items: impl Iterator<Item = impl Display>) {
    let mut line = String::from(indent);
    for item in items {
        let item = format!("{item},");
        if line.len() + 1 + item.len() > 100 {
            let _ = writeln!(out, "{line}");
            line.truncate(indent.len());
        }
        if line.len() > indent.len() {
            line.push(' ');
        }
        line.push_str(&item);
    }
    let _ = writeln!(out, "{line}");
}

/// In groups of four digits.
fn hex(number: impl Into<u64>) -> String {
    let digits = format!("{:x}", number.into());
    let mut grouped = String::from("0x");
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(4) {
            grouped.push('_');
        }
        grouped.push(digit);
    }
    grouped
}
