//! The scripts that are written without spaces between words.

/// Whether the character belongs to a script written without spaces: Han, Hiragana, Katakana,
/// Thai, Lao, Khmer or Myanmar.
///
/// Vowel signs, tone marks and digits of these scripts are characters like its letters.
/// Punctuation and symbols are not among them. From the scripts of the Unicode Character Database.
pub(super) fn unspaced(char: char) -> bool {
    if char < '\u{e01}' {
        return false;
    }
    matches!(char,
        // Thai.
        '\u{e01}'..='\u{e3a}' | '\u{e40}'..='\u{e4e}' | '\u{e50}'..='\u{e59}'
        // Lao.
        | '\u{e81}'..='\u{ebd}' | '\u{ec0}'..='\u{ece}' | '\u{ed0}'..='\u{ed9}'
        | '\u{edc}'..='\u{edf}'
        // Myanmar.
        | '\u{1000}'..='\u{1049}' | '\u{1050}'..='\u{109d}' | '\u{a9e0}'..='\u{a9fe}'
        | '\u{aa60}'..='\u{aa76}' | '\u{aa7a}'..='\u{aa7f}' | '\u{116d0}'..='\u{116e3}'
        // Khmer.
        | '\u{1780}'..='\u{17d3}' | '\u{17d7}' | '\u{17dc}'..='\u{17dd}' | '\u{17e0}'..='\u{17e9}'
        // Hiragana, with the marks for voiced sounds, and Katakana, with the half-width forms.
        | '\u{3041}'..='\u{309a}' | '\u{309d}'..='\u{309f}'
        | '\u{30a1}'..='\u{30fa}' | '\u{30fc}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}'
        | '\u{ff66}'..='\u{ff9f}' | '\u{1aff0}'..='\u{1afff}' | '\u{1b000}'..='\u{1b16f}'
        // Han: the iteration mark, zero and numerals; ideographs and those for compatibility; the
        // planes 2 and 3, which have nothing else.
        | '\u{3005}' | '\u{3007}' | '\u{3021}'..='\u{3029}' | '\u{3038}'..='\u{303b}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}'
    )
}

/// Whether the character is not seen in writing without spaces: it says where a line may be
/// broken or which form of the character before it is meant. A run goes on behind it.
pub(super) fn invisible(char: char) -> bool {
    matches!(char,
        '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{e0100}'..='\u{e01ef}'
    )
}
