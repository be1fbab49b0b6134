//! How large a statement becomes once its views, common table expressions, triggers and foreign
//! key actions are put in place of their names.
//!
//! The engine's planner recurses into each of them and copies each as often as it is named: a
//! thousand views on top of each other overflow the stack, which cannot be caught, and thirty that
//! name the one before twice never finish. Names are matched wherever they stand in the text, so a
//! column named like a view counts as that view: the result may be too large, never too small.

use std::collections::HashMap;

use turso_parser::lexer::Lexer;
use turso_parser::token::TokenType;

use super::guard::{NESTING_MAX, too_nested};
use crate::error::{Error, ErrorKind, Result};

/// The most SELECTs and trigger programs in one statement, everything put in place.
const EXPANDED_MAX: u32 = 1_000;

/// What a trigger or a foreign key action counts for, in levels of parentheses, by the stack the
/// engine takes for it.
const PROGRAM_NESTING: u32 = 4;

/// What the text of a statement, view or trigger holds and names.
#[derive(Debug, Default, Clone)]
struct Shape {
    nesting: u32,
    selects: u32,
    /// What is named, and how deep in parentheses.
    names: Vec<(String, u32)>,
}

/// A common table expression.
#[derive(Debug, Default)]
struct Expression {
    body: Shape,
    used: bool,
}

/// What writing to a table runs.
#[derive(Debug, Default)]
struct Writes {
    triggers: Vec<Shape>,
    /// The tables whose foreign keys act when this one changes.
    children: Vec<String>,
}

/// The views of a database, and what its triggers and foreign keys do.
#[derive(Debug, Default)]
pub(crate) struct Expansion {
    views: HashMap<String, Shape>,
    writes: HashMap<String, Writes>,
}

/// A row of `sqlite_schema`.
#[derive(Debug)]
pub(crate) struct SchemaRow {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) table: String,
    pub(crate) sql: String,
}

/// How far a statement has been expanded.
struct Budget<'a> {
    selects: u32,
    /// The views and tables on the way to here: the engine itself refuses views in a circle and
    /// runs no trigger inside itself.
    path: Vec<&'a str>,
}

impl Expansion {
    /// Reads what the schema defines.
    pub(crate) fn of(schema: &[SchemaRow]) -> Expansion {
        let mut expansion = Expansion::default();
        for row in schema {
            match row.kind.as_str() {
                "view" => {
                    expansion.views.insert(lower(&row.name), Shape::of(&row.sql));
                }
                "trigger" => {
                    let writes = expansion.writes.entry(lower(&row.table)).or_default();
                    writes.triggers.push(Shape::of(&row.sql));
                }
                "table" => {
                    for parent in acting_parents(&row.sql) {
                        let writes = expansion.writes.entry(parent).or_default();
                        writes.children.push(lower(&row.name));
                    }
                }
                _ => {}
            }
        }
        expansion
    }

    /// Refuses a statement that would become too large; `writes` says whether it can run triggers.
    ///
    /// # Errors
    /// [`ErrorKind::Limit`].
    pub(crate) fn check(&self, sql: &str, writes: bool) -> Result<()> {
        let mut budget = Budget { selects: 0, path: Vec::new() };
        self.expand(&Shape::of(sql), 0, writes, &mut budget)
    }

    fn expand<'a>(
        &'a self,
        shape: &Shape,
        depth: u32,
        writes: bool,
        budget: &mut Budget<'a>,
    ) -> Result<()> {
        if depth.saturating_add(shape.nesting) > NESTING_MAX {
            return Err(too_nested());
        }
        budget.add(shape.selects)?;
        for (name, at) in &shape.names {
            if let Some((name, view)) = self.views.get_key_value(name) {
                budget.enter(name, |budget| self.expand(view, depth + at + 1, writes, budget))?;
            }
            if writes && let Some((name, program)) = self.writes.get_key_value(name) {
                budget.enter(name, |budget| self.run(program, depth + at, budget))?;
            }
        }
        Ok(())
    }

    /// Expands what a write to one table runs.
    fn run<'a>(&'a self, writes: &'a Writes, depth: u32, budget: &mut Budget<'a>) -> Result<()> {
        let depth = depth + PROGRAM_NESTING;
        for trigger in &writes.triggers {
            budget.add(1)?;
            self.expand(trigger, depth, true, budget)?;
        }
        for child in &writes.children {
            budget.add(1)?;
            if depth > NESTING_MAX {
                return Err(too_nested());
            }
            if let Some((name, writes)) = self.writes.get_key_value(child) {
                budget.enter(name, |budget| self.run(writes, depth, budget))?;
            }
        }
        Ok(())
    }
}

impl<'a> Budget<'a> {
    fn add(&mut self, selects: u32) -> Result<()> {
        self.selects = self.selects.saturating_add(selects);
        if self.selects > EXPANDED_MAX {
            return Err(Error::new(
                ErrorKind::Limit,
                format!(
                    "with its views, common table expressions, triggers and foreign key actions \
                     in place the statement holds more than {EXPANDED_MAX} SELECTs: split it"
                ),
            ));
        }
        Ok(())
    }

    fn enter(&mut self, name: &'a str, expand: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        if self.path.contains(&name) {
            return Ok(());
        }
        self.path.push(name);
        let outcome = expand(self);
        self.path.pop();
        outcome
    }
}

/// A token as this module looks at it.
struct Token {
    kind: TokenType,
    text: String,
}

fn tokens(sql: &str) -> Vec<Token> {
    Lexer::new(sql.as_bytes())
        .map_while(std::result::Result::ok)
        // White space and comments.
        .filter(|token| token.token_type != TokenType::TK_NONE)
        .map(|token| Token {
            kind: token.token_type,
            text: lower(&String::from_utf8_lossy(token.value)),
        })
        .collect()
}

/// A name without its quotes, as names are compared.
fn lower(name: &str) -> String {
    let bare = name.trim_matches(['"', '`', '\'', '[', ']']);
    bare.replace("\"\"", "\"").to_lowercase()
}

impl Shape {
    fn of(sql: &str) -> Shape {
        let mut expressions = HashMap::new();
        let mut shape = Shape::of_tokens(&tokens(sql), &mut expressions);
        for unused in expressions.into_values().filter(|expression| !expression.used) {
            shape.put(&unused.body, 1);
        }
        shape
    }

    /// The shape of some tokens; `expressions` are the common table expressions seen so far, which
    /// count where they are named.
    fn of_tokens(tokens: &[Token], expressions: &mut HashMap<String, Expression>) -> Shape {
        let mut shape = Shape::default();
        let (mut depth, mut at) = (0u32, 0);
        while let Some(token) = tokens.get(at) {
            if let Some((name, range)) = expression_at(tokens, at) {
                at = range.end;
                let body = Shape::of_tokens(&tokens[range], expressions);
                shape.nesting = shape.nesting.max(depth + 1 + body.nesting);
                let known = expressions.entry(name).or_default();
                // Of two with one name the larger counts for both.
                if known.body.selects.max(known.body.nesting) <= body.selects.max(body.nesting) {
                    known.body = body;
                }
                // What follows is the parenthesis that closes the body.
                at += 1;
                continue;
            }
            match token.kind {
                TokenType::TK_LP => depth += 1,
                TokenType::TK_RP => depth = depth.saturating_sub(1),
                TokenType::TK_SELECT | TokenType::TK_VALUES => shape.selects += 1,
                _ => match expressions.get_mut(&token.text) {
                    Some(expression) => {
                        expression.used = true;
                        shape.put(&expression.body, depth + 1);
                    }
                    None => shape.names.push((token.text.clone(), depth)),
                },
            }
            shape.nesting = shape.nesting.max(depth);
            at += 1;
        }
        shape
    }

    /// Puts `inner` in, `depth` parentheses deep, as long as the whole may still be accepted.
    fn put(&mut self, inner: &Shape, depth: u32) {
        self.nesting = self.nesting.max(inner.nesting.saturating_add(depth));
        self.selects = self.selects.saturating_add(inner.selects);
        if self.selects <= EXPANDED_MAX {
            let names = inner.names.iter().map(|(name, at)| (name.clone(), at + depth));
            self.names.extend(names);
        }
    }
}

/// The common table expression whose `AS` stands at `at`: its name, and the tokens of its body.
fn expression_at(tokens: &[Token], at: usize) -> Option<(String, std::ops::Range<usize>)> {
    let kind = |at: usize| tokens.get(at).map(|token| token.kind);
    if kind(at)? != TokenType::TK_AS {
        return None;
    }
    let mut open = at + 1;
    if kind(open)? == TokenType::TK_NOT {
        open += 1;
    }
    if kind(open)? == TokenType::TK_MATERIALIZED {
        open += 1;
    }
    let begins =
        matches!(kind(open + 1)?, TokenType::TK_SELECT | TokenType::TK_VALUES | TokenType::TK_WITH);
    if kind(open)? != TokenType::TK_LP || !begins {
        return None;
    }
    let end = matching(tokens, open)?;
    let before = at.checked_sub(1)?;
    let name = match kind(before)? {
        // The names of its columns stand between its own and the AS.
        TokenType::TK_RP => {
            (0..before).rev().find(|at| kind(*at) == Some(TokenType::TK_LP))?.checked_sub(1)?
        }
        _ => before,
    };
    Some((tokens[name].text.clone(), open + 1..end))
}

/// Where the parenthesis that opens at `open` closes.
fn matching(tokens: &[Token], open: usize) -> Option<usize> {
    let mut depth = 0u32;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.kind {
            TokenType::TK_LP => depth += 1,
            TokenType::TK_RP => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// The tables that a table's foreign keys refer to with an action such as CASCADE.
fn acting_parents(sql: &str) -> Vec<String> {
    let tokens = tokens(sql);
    let mut parents: Vec<String> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if token.kind != TokenType::TK_REFERENCES {
            continue;
        }
        let Some(parent) = tokens.get(at + 1) else { continue };
        let rest = tokens[at + 1..].iter();
        let acts = rest
            .take_while(|token| token.kind != TokenType::TK_REFERENCES)
            .any(|token| matches!(token.kind, TokenType::TK_CASCADE | TokenType::TK_SET));
        if acts && !parents.contains(&parent.text) {
            parents.push(parent.text.clone());
        }
    }
    parents
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::test;

    fn row(kind: &str, name: &str, table: &str, sql: &str) -> SchemaRow {
        let [kind, name, table, sql] = [kind, name, table, sql].map(str::to_owned);
        SchemaRow { kind, name, table, sql }
    }

    fn view(name: &str, sql: &str) -> SchemaRow {
        row("view", name, name, &format!("CREATE VIEW {name} AS {sql}"))
    }

    fn refused(schema: &[SchemaRow], sql: &str, writes: bool) -> bool {
        Expansion::of(schema).check(sql, writes).is_err()
    }

    #[test]
    fn chains_of_views_are_counted_and_circles_are_left_to_the_engine() {
        let chain = |n: usize| -> Vec<SchemaRow> {
            let next = |i| view(&format!("v{}", i + 1), &format!("SELECT a FROM \"V{i}\""));
            (0..n).map(next).collect()
        };
        assert!(!refused(&chain(90), "SELECT * FROM v90", false));
        assert!(refused(&chain(120), "SELECT * FROM v120", false));
        assert!(!refused(&chain(120), "SELECT * FROM v5", false));
        let circle = [view("a", "SELECT * FROM b"), view("b", "SELECT * FROM a")];
        assert!(!refused(&circle, "SELECT * FROM a", false));
    }

    #[test]
    fn what_doubles_at_each_step_is_refused() {
        let next = |i| {
            view(&format!("v{}", i + 1), &format!("SELECT x.a FROM v{i} x JOIN v{i} y USING (a)"))
        };
        let doubling: Vec<SchemaRow> = (0..40).map(next).collect();
        assert!(!refused(&doubling, "SELECT * FROM v8", false));
        assert!(refused(&doubling, "SELECT * FROM v40", false));
        let mut sql = "WITH c0 AS (SELECT 1 AS a)".to_owned();
        for i in 0..30 {
            sql +=
                &format!(", c{} (a) AS NOT MATERIALIZED (SELECT x.a FROM c{i} x, c{i} y)", i + 1);
        }
        assert!(refused(&[], &format!("{sql} SELECT * FROM c30"), false));
        let recursive =
            "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c";
        assert!(!refused(&[], recursive, false));
    }

    #[test]
    fn triggers_and_actions_count_for_writes_only() {
        let mut schema = Vec::new();
        for i in 0..40 {
            let body = format!("INSERT INTO t{} VALUES (1)", i + 1);
            let sql = format!("CREATE TRIGGER g{i} AFTER INSERT ON t{i} BEGIN {body}; END");
            schema.push(row("trigger", &format!("g{i}"), &format!("t{i}"), &sql));
            let references = format!("REFERENCES k{i} (id) ON DELETE CASCADE");
            let sql = format!("CREATE TABLE k{} (id PRIMARY KEY {references})", i + 1);
            schema.push(row("table", &format!("k{}", i + 1), "", &sql));
        }
        assert!(refused(&schema, "INSERT INTO t0 VALUES (1)", true));
        assert!(!refused(&schema, "INSERT INTO t30 VALUES (1)", true));
        assert!(!refused(&schema, "SELECT * FROM t0, k0", false));
        assert!(refused(&schema, "DELETE FROM k0", true));
        assert!(!refused(&schema, "DELETE FROM k30", true));
    }
}
