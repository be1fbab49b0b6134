//! Reads the columns of a table from the statement that made it.
//!
//! `ALTER TABLE ADD COLUMN` appends to that statement, so the order of the columns is that of the
//! text, and a row written before it has fewer values than the table has columns: the rest are
//! their defaults (<https://www.sqlite.org/lang_altertable.html>).

use sigil_core::{Error, ErrorKind, Result};

use super::table::Cell;

/// A column of a table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// What a row has that was written before the column was added.
    pub(crate) default: Cell,
    /// Whether it is another name of the rowid.
    pub(crate) is_rowid: bool,
}

/// A word of SQL, as far as a table definition needs it told apart.
#[derive(Debug, Clone, PartialEq)]
enum Token {
    /// A bare word or number.
    Word(String),
    /// A name in double quotes, backticks or brackets.
    Name(String),
    /// Text in single quotes.
    Text(String),
    /// Anything else, one character.
    Mark(char),
}

impl Token {
    fn is(&self, word: &str) -> bool {
        matches!(self, Token::Word(text) if text.eq_ignore_ascii_case(word))
    }

    fn into_text(self) -> String {
        match self {
            Token::Word(text) | Token::Name(text) | Token::Text(text) => text,
            Token::Mark(mark) => mark.to_string(),
        }
    }
}

/// The columns of the table that `sql` makes.
///
/// # Errors
/// [`ErrorKind::Unsupported`] for a text that is no table's, or a table WITHOUT ROWID.
pub(crate) fn parse(sql: &str) -> Result<Vec<Column>> {
    let unsupported =
        || Error::new(ErrorKind::Unsupported, format!("this makes no table with rows: {sql}"));
    let tokens = tokens(sql);
    let open =
        tokens.iter().position(|token| *token == Token::Mark('(')).ok_or_else(unsupported)?;
    let (parts, end) = parts(&tokens[open + 1..]).ok_or_else(unsupported)?;
    let rest = &tokens[open + 1 + end..];
    if rest.iter().any(|token| token.is("WITHOUT")) {
        return Err(unsupported());
    }
    let mut columns: Vec<(Column, String)> = Vec::new();
    for part in parts {
        if is_constraint(part) {
            name_rowid(part, &mut columns);
        } else if let Some(column) = column(part) {
            columns.push(column);
        }
    }
    if columns.is_empty() {
        return Err(unsupported());
    }
    Ok(columns.into_iter().map(|(column, _)| column).collect())
}

/// The arguments of the virtual table that `sql` makes, if its module is `module`.
pub(crate) fn virtual_arguments(sql: &str, module: &str) -> Option<Vec<String>> {
    let tokens = tokens(sql);
    let using = tokens.iter().position(|token| token.is("USING"))?;
    let name = tokens.get(using + 1)?.clone().into_text();
    if !name.eq_ignore_ascii_case(module) || tokens.get(using + 2) != Some(&Token::Mark('(')) {
        return None;
    }
    let (parts, _) = parts(&tokens[using + 3..])?;
    let join = |part: &[Token]| {
        let words: Vec<String> = part.iter().cloned().map(Token::into_text).collect();
        words.join(" ")
    };
    Some(parts.into_iter().map(join).collect())
}

/// What stands between commas up to the parenthesis that closes, and where that stands.
fn parts(tokens: &[Token]) -> Option<(Vec<&[Token]>, usize)> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0_usize);
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Mark('(') => depth += 1,
            Token::Mark(')') if depth == 0 => {
                parts.push(&tokens[start..at]);
                return Some((parts, at));
            }
            Token::Mark(')') => depth -= 1,
            Token::Mark(',') if depth == 0 => {
                parts.push(&tokens[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    None
}

fn is_constraint(part: &[Token]) -> bool {
    let starts = ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"];
    part.first().is_some_and(|first| starts.iter().any(|word| first.is(word)))
}

/// A column, and its type in capitals.
fn column(part: &[Token]) -> Option<(Column, String)> {
    let name = part.first()?.clone().into_text();
    let ends = [
        "CONSTRAINT",
        "PRIMARY",
        "NOT",
        "NULL",
        "UNIQUE",
        "CHECK",
        "DEFAULT",
        "COLLATE",
        "REFERENCES",
        "GENERATED",
        "AS",
    ];
    let rest = &part[1..];
    let type_len =
        rest.iter().position(|token| ends.iter().any(|word| token.is(word))).unwrap_or(rest.len());
    let words: Vec<String> = rest[..type_len].iter().cloned().map(Token::into_text).collect();
    let type_ = words.join(" ").to_ascii_uppercase();
    let constraints = &rest[type_len..];
    let primary = constraints.iter().position(|token| token.is("PRIMARY"));
    let descending =
        primary.is_some_and(|at| constraints.get(at + 2).is_some_and(|token| token.is("DESC")));
    let is_rowid = type_ == "INTEGER" && primary.is_some() && !descending;
    let default = constraints
        .iter()
        .position(|token| token.is("DEFAULT"))
        .map_or(Cell::Null, |at| literal(&constraints[at + 1..], &type_));
    Some((Column { name, default, is_rowid }, type_))
}

/// `PRIMARY KEY (column)` of a column of type INTEGER makes it the rowid, too.
fn name_rowid(part: &[Token], columns: &mut [(Column, String)]) {
    let Some(at) = part.iter().position(|token| token.is("PRIMARY")) else { return };
    let Some([Token::Mark('('), name, Token::Mark(')'), ..]) = part.get(at + 2..) else { return };
    let name = name.clone().into_text();
    for (column, type_) in columns {
        column.is_rowid |= type_ == "INTEGER" && column.name.eq_ignore_ascii_case(&name);
    }
}

/// The constant that a default begins with, as a column of `type_` stores it.
fn literal(tokens: &[Token], type_: &str) -> Cell {
    let is_integer = type_.contains("INT");
    let is_text = !is_integer && ["CHAR", "CLOB", "TEXT"].iter().any(|word| type_.contains(word));
    let number = |text: &str, sign: i64| match text.parse::<i64>() {
        Ok(value) if !is_text => Cell::Integer(value * sign),
        Ok(value) => Cell::Text((value * sign).to_string()),
        Err(_) => match text.parse::<f64>() {
            #[expect(clippy::cast_precision_loss, reason = "the sign is 1 or -1")]
            Ok(value) if !is_text => Cell::Real(value * sign as f64),
            _ => Cell::Text(text.to_owned()),
        },
    };
    match tokens {
        [Token::Mark('('), rest @ ..] => literal(rest, type_),
        [Token::Mark('-'), Token::Word(text), ..] => number(text, -1),
        [Token::Mark('+'), Token::Word(text), ..] => number(text, 1),
        [Token::Word(x), Token::Text(hex), ..] if x.eq_ignore_ascii_case("x") => blob(hex),
        [Token::Word(text), ..] if text.eq_ignore_ascii_case("null") => Cell::Null,
        [Token::Word(text), ..] if text.eq_ignore_ascii_case("true") => number("1", 1),
        [Token::Word(text), ..] if text.eq_ignore_ascii_case("false") => number("0", 1),
        [Token::Word(text), ..] => number(text, 1),
        [Token::Text(text) | Token::Name(text), ..] if is_integer => number(text, 1),
        [Token::Text(text) | Token::Name(text), ..] => Cell::Text(text.clone()),
        _ => Cell::Null,
    }
}

fn blob(hex: &str) -> Cell {
    let digits: Vec<u32> = hex.chars().filter_map(|char| char.to_digit(16)).collect();
    let bytes = digits.chunks_exact(2).filter_map(|pair| u8::try_from(pair[0] << 4 | pair[1]).ok());
    Cell::Blob(bytes.collect())
}

fn tokens(sql: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let skip = |text: &str| rest.len() - text.len();
        if rest.starts_with("--") {
            rest = rest.split_once('\n').map_or("", |(_, after)| after);
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, after)| after);
        } else if first.is_whitespace() {
            rest = rest.trim_start();
        } else if matches!(first, '\'' | '"' | '`' | '[') {
            let (text, after) = quoted(&rest[1..], if first == '[' { ']' } else { first });
            tokens.push(if first == '\'' { Token::Text(text) } else { Token::Name(text) });
            rest = &rest[skip(after)..];
        } else if is_word(first) {
            let after = rest.trim_start_matches(is_word);
            tokens.push(Token::Word(rest[..skip(after)].to_owned()));
            rest = after;
        } else {
            tokens.push(Token::Mark(first));
            rest = &rest[first.len_utf8()..];
        }
    }
    tokens
}

fn is_word(char: char) -> bool {
    char.is_alphanumeric() || matches!(char, '_' | '$' | '.') || !char.is_ascii()
}

/// What stands up to the quote that closes, and what is behind that; a doubled quote is one.
fn quoted(text: &str, quote: char) -> (String, &str) {
    let (mut inside, mut rest) = (String::new(), text);
    loop {
        let Some((before, after)) = rest.split_once(quote) else {
            return (inside + rest, "");
        };
        inside.push_str(before);
        match after.strip_prefix(quote) {
            Some(more) if quote != ']' => {
                inside.push(quote);
                rest = more;
            }
            _ => return (inside, after),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sql: &str) -> Vec<(String, Cell, bool)> {
        let columns = parse(sql).unwrap().into_iter();
        columns.map(|column| (column.name, column.default, column.is_rowid)).collect()
    }

    fn text(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }

    #[test]
    fn columns_stand_in_the_order_of_the_text_with_their_defaults() {
        let columns = of("CREATE TABLE IF NOT EXISTS \"a\"\"b(\" ( -- a comment, with (marks\n\
            rowid INTEGER PRIMARY KEY AUTOINCREMENT, /* another, */ id TEXT UNIQUE NOT NULL,\n\
            \"quo,ted\" VARCHAR(20, 3) DEFAULT 'it''s, (so)', [in brackets] INT DEFAULT -5,\n\
            `tick` REAL DEFAULT (2.5) CHECK (`tick` IN (1, 2)), number TEXT DEFAULT 7,\n\
            yes BOOLEAN DEFAULT TRUE, bytes BLOB DEFAULT x'00fF', word DEFAULT active,\n\
            none DEFAULT NULL, count INTEGER DEFAULT '12',\n\
            FOREIGN KEY (id) REFERENCES other(id) ON DELETE CASCADE, UNIQUE (id, word)\n\
            , origin TEXT DEFAULT '', threat_info TEXT DEFAULT '{}')");
        let expected = [
            ("rowid", Cell::Null, true),
            ("id", Cell::Null, false),
            ("quo,ted", text("it's, (so)"), false),
            ("in brackets", Cell::Integer(-5), false),
            ("tick", Cell::Real(2.5), false),
            ("number", text("7"), false),
            ("yes", Cell::Integer(1), false),
            ("bytes", Cell::Blob(vec![0, 255]), false),
            ("word", text("active"), false),
            ("none", Cell::Null, false),
            ("count", Cell::Integer(12), false),
            ("origin", text(""), false),
            ("threat_info", text("{}"), false),
        ];
        assert_eq!(columns, expected.map(|(name, cell, rowid)| (name.to_owned(), cell, rowid)));
    }

    #[test]
    fn the_rowid_is_known_by_its_other_name_only_where_it_is() {
        for (sql, is_rowid) in [
            ("CREATE TABLE t (a integer primary key)", true),
            ("CREATE TABLE t (a INTEGER, PRIMARY KEY (a))", true),
            ("CREATE TABLE t (a INTEGER, CONSTRAINT k PRIMARY KEY (\"A\"))", true),
            ("CREATE TABLE t (a INT PRIMARY KEY)", false),
            ("CREATE TABLE t (a INTEGER PRIMARY KEY DESC)", false),
            ("CREATE TABLE t (a INTEGER, b, PRIMARY KEY (a, b))", false),
            ("CREATE TABLE t (a PRIMARY KEY)", false),
        ] {
            assert_eq!(of(sql)[0].2, is_rowid, "{sql}");
        }
    }

    #[test]
    fn what_is_no_table_with_rows_is_refused() {
        for sql in [
            "",
            "CREATE VIEW v AS SELECT 1",
            "CREATE TABLE t (a",
            "CREATE TABLE t ()",
            "CREATE TABLE t (a PRIMARY KEY) WITHOUT ROWID",
            "CREATE TABLE \"t(",
            "(((((",
        ] {
            assert_eq!(parse(sql).unwrap_err().kind(), ErrorKind::Unsupported, "{sql}");
        }
    }

    #[test]
    fn arguments_of_a_virtual_table_are_read() {
        let sql = "CREATE VIRTUAL TABLE vectors USING vec0(\n  id TEXT PRIMARY KEY,\n  embedding \
                   float32[1536]\n)";
        let arguments = virtual_arguments(sql, "vec0").unwrap();
        assert_eq!(arguments, ["id TEXT PRIMARY KEY", "embedding float32 1536"]);
        assert_eq!(virtual_arguments(sql, "fts5"), None);
    }
}
