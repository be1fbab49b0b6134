//! The words of a text, for texts in Latin letters.

/// Runs of letters and digits, in lower case and without the accents of Latin-1.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for char in text.chars().filter(|char| !('\u{300}'..='\u{36f}').contains(char)) {
        match (char.is_alphanumeric(), words.last_mut()) {
            (true, Some(word)) => word.extend(char.to_lowercase().map(plain)),
            _ => words.push(String::new()),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// A letter without its accent.
fn plain(char: char) -> char {
    match char {
        '\u{e0}'..='\u{e5}' => 'a',
        '\u{e7}' => 'c',
        '\u{e8}'..='\u{eb}' => 'e',
        '\u{ec}'..='\u{ef}' => 'i',
        '\u{f1}' => 'n',
        '\u{f2}'..='\u{f6}' => 'o',
        '\u{f9}'..='\u{fc}' => 'u',
        '\u{fd}' | '\u{ff}' => 'y',
        other => other,
    }
}
