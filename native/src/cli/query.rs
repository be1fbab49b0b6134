//! `sigil query`: SQL from the arguments, from standard input, or at a prompt.

use std::io::{IsTerminal, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use rustyline::error::ReadlineError;
use sigil_native::core::{Database, DatabaseOptions, ErrorKind, Rows, Value};
use sigil_native::open_existing;

use super::output::{Format, write_rows};
use super::{DONE, Outcome, file_error, refuse};

/// What the flags say.
#[derive(Debug, Clone)]
pub(super) struct Options {
    pub(super) format: Format,
    pub(super) params: Vec<String>,
    pub(super) time_limit_ms: Option<u64>,
}

/// Runs the command.
pub(super) fn run(
    directory: &Path,
    sql: Option<&str>,
    options: &Options,
    out: &mut dyn Write,
) -> Outcome {
    let store = open_existing(directory, DatabaseOptions::default())?;
    let database = store.database();
    database.set_time_limit(options.time_limit_ms.map(Duration::from_millis));
    let outcome = match sql {
        Some(sql) => run_text(database, sql, options, out),
        None if std::io::stdin().is_terminal() => prompt(database, options.format, out),
        None => {
            let mut sql = String::new();
            std::io::stdin()
                .read_to_string(&mut sql)
                .map_err(|error| file_error("reading standard input", error))?;
            run_text(database, &sql, options, out)
        }
    };
    // Whatever went wrong before, what was committed is folded into the database.
    let closed = store.close();
    outcome?;
    closed?;
    Ok(DONE)
}

fn run_text(database: &Database, sql: &str, options: &Options, out: &mut dyn Write) -> Outcome<()> {
    if options.params.is_empty() {
        return run_all(database, sql, options.format, out);
    }
    let params: Vec<Value> = options.params.iter().map(|text| parse_param(text)).collect();
    let rows = database.query(sql, params)?;
    write_rows(&rows, options.format, out)
}

fn run_all(database: &Database, sql: &str, format: Format, out: &mut dyn Write) -> Outcome<()> {
    database.query_batch(sql, |rows: Rows| {
        // A reader that went away is noticed by the next write; the statements still run.
        let _ = write_rows(&rows, format, out);
        Ok(())
    })?;
    out.flush()?;
    Ok(())
}

/// A parameter as people type it: a number where it looks like one, NULL for `NULL`, else text.
fn parse_param(text: &str) -> Value {
    if text == "NULL" {
        return Value::Null;
    }
    if let Ok(value) = text.parse::<i64>() {
        return Value::Integer(value);
    }
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Value::Real(value),
        _ => Value::Text(text.to_owned()),
    }
}

const HELP: &str = "\
Statements end with a semicolon. Commands:
  .tables          the tables
  .schema [TABLE]  how they were made
  .format FORMAT   table, json or csv
  .help            this
  .quit            leave, as does Ctrl-D";

fn prompt(database: &Database, mut format: Format, out: &mut dyn Write) -> Outcome<()> {
    let unusable =
        |error: ReadlineError| refuse(ErrorKind::Storage, format!("using the terminal: {error}"));
    let mut editor = rustyline::DefaultEditor::new().map_err(unusable)?;
    writeln!(out, "sigil {}; .help lists commands", env!("CARGO_PKG_VERSION"))?;
    let mut statement = String::new();
    loop {
        let transaction = if database.in_transaction() { "*" } else { "" };
        let text = if statement.is_empty() { "sigil" } else { "  ..." };
        match editor.readline(&format!("{text}{transaction}> ")) {
            Ok(line) => {
                // A history that cannot be kept is no reason to stop.
                let _ = editor.add_history_entry(&line);
                if statement.is_empty() && line.trim_start().starts_with('.') {
                    match command(database, line.trim(), &mut format, out)? {
                        Next::Quit => return Ok(()),
                        Next::Go => continue,
                    }
                }
                statement.push_str(&line);
                statement.push('\n');
                if is_complete(&statement) {
                    answer(database, &statement, format, out)?;
                    statement.clear();
                }
            }
            Err(ReadlineError::Interrupted) => statement.clear(),
            Err(ReadlineError::Eof) => return Ok(()),
            Err(error) => return Err(unusable(error)),
        }
    }
}

/// Whether the text ends a statement, as far as a prompt needs to know.
fn is_complete(text: &str) -> bool {
    let text = text.trim_end();
    // An unbalanced quote means the semicolon is inside a string; a trigger ends with END.
    let in_string = text.matches('\'').count() % 2 == 1;
    let upper = text.to_ascii_uppercase();
    let trigger = upper.contains("TRIGGER") && upper.contains("BEGIN");
    text.is_empty() || (text.ends_with(';') && !in_string && (!trigger || upper.ends_with("END;")))
}

fn answer(database: &Database, sql: &str, format: Format, out: &mut dyn Write) -> Outcome<()> {
    let began = Instant::now();
    let outcome = run_all(database, sql, format, out);
    match outcome {
        Ok(()) => writeln!(out, "{:.1} ms", began.elapsed().as_secs_f64() * 1e3)?,
        Err(super::Failure::Store(error)) => {
            writeln!(out, "{error} ({})", error.kind())?;
            if let Some(poison) = database.poisoned() {
                return Err(poison.into());
            }
        }
        Err(failure) => return Err(failure),
    }
    Ok(())
}

enum Next {
    Go,
    Quit,
}

fn command(
    database: &Database,
    line: &str,
    format: &mut Format,
    out: &mut dyn Write,
) -> Outcome<Next> {
    let mut words = line.split_whitespace();
    match (words.next().unwrap_or_default(), words.next()) {
        (".quit" | ".exit", _) => return Ok(Next::Quit),
        (".help", _) => writeln!(out, "{HELP}")?,
        (".tables", _) => answer(
            database,
            "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name",
            *format,
            out,
        )?,
        (".schema", table) => {
            let rows = database.query(
                "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND (?1 IS NULL OR tbl_name = ?1)",
                [Value::from(table)],
            )?;
            for row in rows {
                if let Some(sql) = row.values()[0].as_str() {
                    writeln!(out, "{sql};")?;
                }
            }
        }
        (".format", Some(name)) => match <Format as clap::ValueEnum>::from_str(name, true) {
            Ok(chosen) => *format = chosen,
            Err(_) => writeln!(out, "no format is named '{name}': use table, json or csv")?,
        },
        (other, _) => writeln!(out, "no command is named '{other}': .help lists them")?,
    }
    Ok(Next::Go)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_complete_at_their_semicolon() {
        assert!(is_complete("SELECT 1;"));
        assert!(is_complete("SELECT ';';\n"));
        assert!(!is_complete("SELECT 1"));
        assert!(!is_complete("SELECT 'a;"));
        assert!(!is_complete("CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1;"));
        assert!(is_complete("CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END;"));
    }

    #[test]
    fn parameters_are_what_they_look_like() {
        assert_eq!(parse_param("12"), Value::Integer(12));
        assert_eq!(parse_param("1.5"), Value::Real(1.5));
        assert_eq!(parse_param("NULL"), Value::Null);
        assert_eq!(parse_param("inf"), Value::from("inf"));
        assert_eq!(parse_param("a b"), Value::from("a b"));
    }
}
