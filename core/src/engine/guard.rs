//! What a statement is, and which statements are refused before the engine sees them.
//!
//! The engine would abort a wasm instance, write past our files, or break the protocol that
//! persists its WAL, on the statements refused here. They are refused on every target, so that a
//! store behaves the same everywhere.

use turso_parser::ast::{Cmd, CreateTableBody, PragmaBody, QualifiedName, Stmt};
use turso_parser::lexer::Lexer;
use turso_parser::parser::Parser;
use turso_parser::token::TokenType;

use crate::error::{Error, ErrorKind, Result};

/// The longest SQL text that is accepted, in bytes: SQLite's own default.
pub(crate) const SQL_BYTES_MAX: usize = 1_000_000;

/// The deepest nesting of parentheses that is accepted.
pub(super) const NESTING_MAX: u32 = 100;

/// The most SELECTs in one statement, compounds, subqueries and common table expressions together.
const SELECTS_MAX: u32 = 200;

/// What a statement does to the transaction it runs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StatementKind {
    /// BEGIN, COMMIT, SAVEPOINT, RELEASE.
    TransactionControl,
    /// ROLLBACK, also to a savepoint.
    Rollback,
    /// `PRAGMA wal_checkpoint`, which the store runs in its own way.
    Checkpoint,
    /// CREATE, DROP and ALTER.
    Schema,
    /// Everything else.
    Other,
}

/// The first statement of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parsed {
    pub(crate) kind: StatementKind,
    /// Whether it can run triggers and foreign key actions.
    pub(crate) writes: bool,
    /// How many bytes of the text it takes, its semicolon included.
    pub(crate) len: usize,
}

/// Refuses text so long or so nested that the engine's recursive parser and planner could overflow
/// the stack, which cannot be caught.
///
/// # Errors
/// [`ErrorKind::Limit`] with the limit that was passed, [`ErrorKind::Sql`] for a NUL character,
/// [`ErrorKind::Unsupported`] for OR FAIL.
pub(crate) fn check_shape(sql: &str) -> Result<()> {
    if sql.len() > SQL_BYTES_MAX {
        return Err(Error::new(
            ErrorKind::Limit,
            format!("the SQL text has {} bytes, at most {SQL_BYTES_MAX} are accepted", sql.len()),
        ));
    }
    if sql.contains('\0') {
        return Err(Error::new(ErrorKind::Sql, "the SQL text contains a NUL character"));
    }
    let (mut nesting, mut selects) = (0u32, 0u32);
    let mut before = TokenType::TK_SEMI;
    // A text that cannot be split into tokens is the parser's to refuse.
    for token in Lexer::new(sql.as_bytes()).map_while(std::result::Result::ok) {
        match token.token_type {
            // Inside a transaction the engine keeps the rows before the failing one even when they
            // break a foreign key, and commits them.
            TokenType::TK_FAIL if matches!(before, TokenType::TK_OR | TokenType::TK_CONFLICT) => {
                return Err(refuse("OR FAIL", "use OR ABORT, which undoes the whole statement"));
            }
            TokenType::TK_LP => nesting += 1,
            TokenType::TK_RP => nesting = nesting.saturating_sub(1),
            TokenType::TK_SELECT | TokenType::TK_VALUES => selects += 1,
            TokenType::TK_SEMI => (nesting, selects) = (0, 0),
            _ => {}
        }
        if token.token_type != TokenType::TK_NONE {
            before = token.token_type;
        }
        if nesting > NESTING_MAX || selects > SELECTS_MAX {
            return Err(too_nested());
        }
    }
    Ok(())
}

/// Parses the first statement of `sql`, which has passed [`check_shape`], or gives `None` when only white space and comments are
/// left.
///
/// # Errors
/// [`ErrorKind::Sql`] for text that is not SQL, [`ErrorKind::Unsupported`] for a statement that is
/// refused.
pub(crate) fn first_statement(sql: &str) -> Result<Option<Parsed>> {
    let mut parser = Parser::new(sql.as_bytes());
    let cmd = match parser.next_cmd() {
        Ok(Some(cmd)) => cmd,
        Ok(None) => return Ok(None),
        Err(error) => return Err(Error::new(ErrorKind::Sql, format!("{error}"))),
    };
    let len = parser.offset().min(sql.len());
    let (Cmd::Stmt(stmt) | Cmd::Explain(stmt) | Cmd::ExplainQueryPlan { stmt, .. }) = &cmd;
    let kind = check(stmt)?;
    // The body of a new trigger is counted as what runs it will be.
    let writes = !matches!(stmt, Stmt::Select(..) | Stmt::CreateView { .. });
    Ok(Some(Parsed { kind, writes, len }))
}

#[cold]
fn refuse(what: &str, instead: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("{what} is not supported: {instead}"))
}

fn check(stmt: &Stmt) -> Result<StatementKind> {
    match stmt {
        Stmt::Begin { .. }
        | Stmt::Commit { .. }
        | Stmt::Savepoint { .. }
        | Stmt::Release { .. } => Ok(StatementKind::TransactionControl),
        Stmt::Rollback { .. } => Ok(StatementKind::Rollback),
        Stmt::Attach { .. } | Stmt::Detach { .. } => {
            Err(refuse("ATTACH", "a store is one database; open the other one beside it"))
        }
        Stmt::Vacuum { .. } => {
            Err(refuse("VACUUM", "export the store and import it again to compact it"))
        }
        Stmt::Pragma { name, body } => check_pragma(name, body.as_ref()),
        Stmt::CreateTable { temporary: true, .. }
        | Stmt::CreateView { temporary: true, .. }
        | Stmt::CreateTrigger { temporary: true, .. } => Err(refuse_temp()),
        Stmt::CreateTable { tbl_name, body, .. } => {
            if matches!(body, CreateTableBody::AsSelect(_)) {
                return Err(refuse(
                    "CREATE TABLE AS SELECT",
                    "create the table first, then INSERT INTO it SELECT",
                ));
            }
            check_schema(tbl_name)
        }
        Stmt::CreateView { view_name, .. } => check_schema(view_name),
        Stmt::CreateTrigger { trigger_name, .. } => check_schema(trigger_name),
        Stmt::CreateIndex { idx_name, using, .. } => {
            if using.is_some() {
                return Err(refuse("CREATE INDEX USING", "use a plain index or a collection"));
            }
            check_schema(idx_name)
        }
        Stmt::CreateVirtualTable(_) => {
            Err(refuse("CREATE VIRTUAL TABLE", "the engine has no loadable modules here"))
        }
        Stmt::CreateMaterializedView { .. } => {
            Err(refuse("CREATE MATERIALIZED VIEW", "use a plain view, or a table and triggers"))
        }
        Stmt::AlterTable { .. }
        | Stmt::DropIndex { .. }
        | Stmt::DropTable { .. }
        | Stmt::DropTrigger { .. }
        | Stmt::DropView { .. } => Ok(StatementKind::Schema),
        _ => Ok(StatementKind::Other),
    }
}

/// The error for a statement that nests too deep or holds too much.
#[cold]
pub(super) fn too_nested() -> Error {
    Error::new(
        ErrorKind::Limit,
        format!(
            "a statement may nest {NESTING_MAX} parentheses and hold {SELECTS_MAX} SELECTs, with \
             the views and triggers it reaches in place of their names: split it"
        ),
    )
}

pub(super) fn refuse_temp() -> Error {
    refuse("a TEMP object", "use a common table expression, or a plain table that you drop")
}

/// The engine opens a private in-memory database for `temp`, on a clock that does not exist on
/// wasm.
fn check_schema(name: &QualifiedName) -> Result<StatementKind> {
    match &name.namespace {
        Some(namespace) if namespace.as_str().eq_ignore_ascii_case("temp") => Err(refuse_temp()),
        _ => Ok(StatementKind::Schema),
    }
}

/// Pragmas that only read.
const READING: &[&str] = &[
    "application_id",
    "auto_vacuum",
    "busy_timeout",
    "cache_size",
    "cache_spill",
    "collation_list",
    "compile_options",
    "data_sync_retry",
    "database_list",
    "encoding",
    "foreign_key_list",
    "foreign_keys",
    "freelist_count",
    "function_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "journal_mode",
    "locking_mode",
    "max_page_count",
    "module_list",
    "page_count",
    "page_size",
    "pragma_list",
    "query_only",
    "quick_check",
    "schema_version",
    "synchronous",
    "table_info",
    "table_list",
    "table_xinfo",
    "temp_store",
    "user_version",
];

/// Pragmas whose value in the text is an argument, not something to set.
const ARGUMENT: &[&str] = &[
    "foreign_key_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "quick_check",
    "table_info",
    "table_list",
    "table_xinfo",
];

/// Pragmas that a user may set: they are part of the database, or of a query's safety.
const SETTING: &[&str] = &["user_version", "query_only"];

fn check_pragma(name: &QualifiedName, body: Option<&PragmaBody>) -> Result<StatementKind> {
    check_schema(name)?;
    let pragma = name.name.as_str().to_ascii_lowercase();
    if pragma == "wal_checkpoint" {
        return Ok(StatementKind::Checkpoint);
    }
    let known = READING.contains(&pragma.as_str());
    let accepted = match body {
        None => known,
        Some(_) => ARGUMENT.contains(&pragma.as_str()) || SETTING.contains(&pragma.as_str()),
    };
    if accepted {
        return Ok(StatementKind::Other);
    }
    if known {
        return Err(refuse(
            &format!("setting PRAGMA {pragma}"),
            "the store sets it when it is opened",
        ));
    }
    Err(refuse(&format!("PRAGMA {pragma}"), "the engine has no such setting, or the store owns it"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::test;

    fn kind(sql: &str) -> std::result::Result<StatementKind, ErrorKind> {
        first_statement(sql).map(|parsed| parsed.unwrap().kind).map_err(|error| error.kind())
    }

    #[test]
    fn statements_are_told_apart() {
        assert_eq!(kind("begin immediate"), Ok(StatementKind::TransactionControl));
        assert_eq!(kind("SAVEPOINT a"), Ok(StatementKind::TransactionControl));
        assert_eq!(kind("select 1"), Ok(StatementKind::Other));
        assert_eq!(kind("pragma wal_checkpoint(TRUNCATE)"), Ok(StatementKind::Checkpoint));
        assert_eq!(kind("pragma table_info(t)"), Ok(StatementKind::Other));
        assert_eq!(kind("pragma user_version = 3"), Ok(StatementKind::Other));
        assert_eq!(kind("selekt 1"), Err(ErrorKind::Sql));
        assert_eq!(first_statement(" -- nothing\n /* here */ ;").unwrap(), None);
    }

    #[test]
    fn dangerous_statements_are_refused_with_advice() {
        for sql in [
            "create temp table t (a)",
            "create table temp.t (a)",
            "CREATE TEMPORARY VIEW v AS SELECT 1",
            "attach ':memory:' as m",
            "detach m",
            "vacuum",
            "vacuum into 'x'",
            "pragma journal_mode = mvcc",
            "pragma synchronous = off",
            "pragma page_size = 512",
            "pragma hexkey = 'aa'",
            "pragma nonsense",
            "explain create temp table t (a)",
            "create table t as select 1",
        ] {
            let error = first_statement(sql).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{sql}: {error}");
            assert!(error.to_string().contains(": "), "{sql}: {error}");
        }
    }

    #[test]
    fn the_first_statement_is_measured() {
        let sql = "select ';' ; select 2";
        let parsed = first_statement(sql).unwrap().unwrap();
        assert_eq!(&sql[parsed.len..].trim_start(), &"select 2");
    }
}
