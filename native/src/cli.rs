//! The commands, their arguments and their exit codes.

mod data;
mod demo;
mod inspect;
mod output;
mod progress;
mod query;
mod sample;
mod transfer;
mod verify;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use sigil_native::core::{Error, ErrorKind};

/// Everything was done.
const DONE: u8 = 0;
/// The command ran and what it looked for is wrong: `verify` found damage.
const FOUND: u8 = 1;
/// The command could not do what it was asked.
const FAILED: u8 = 2;

/// Embedded storage for AI agents and local-first apps: SQL and vectors in one directory.
#[derive(Debug, Parser)]
#[command(name = "sigil", version, about, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Load a bundled sample of real text with embeddings, search it, and reopen it
    Demo {
        /// The data directory to make; one that an earlier demo left is made anew
        #[arg(long, default_value = "sigil-demo")]
        dir: PathBuf,
    },
    /// Run SQL on a store, or ask for it at a prompt
    Query {
        /// The data directory
        dir: PathBuf,
        /// The statements; without them they are read from the terminal or from standard input
        sql: Option<String>,
        /// How rows are shown
        #[arg(long, value_enum, default_value_t)]
        format: output::Format,
        /// A value for the next `?` of a single statement; may be given several times
        #[arg(long = "param", value_name = "VALUE")]
        params: Vec<String>,
        /// Stop a statement that runs longer than this many milliseconds
        #[arg(long, value_name = "MS")]
        time_limit_ms: Option<u64>,
    },
    /// Show what is in a store: tables, collections, sizes, watermarks; or in each of many
    Inspect {
        /// The data directory of a store, or of workspaces
        dir: PathBuf,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Look for damage in a store, or in each of many; exits with 1 when there is any
    Verify {
        /// The data directory of a store, or of workspaces
        dir: PathBuf,
    },
    /// Forget a user, a workspace or a session, so that no byte of it is left in the files
    Forget {
        /// The data directory of the workspaces
        dir: PathBuf,
        #[command(flatten)]
        what: data::What,
        /// Who the audit log says did it
        #[arg(long, default_value = "sigil")]
        actor: String,
    },
    /// Write a whole store into one portable file, which is an SQLite database
    Export {
        /// The data directory
        dir: PathBuf,
        /// The file to write; it must not exist yet
        file: PathBuf,
    },
    /// Make a store out of a portable file
    Import {
        /// The file that `export` wrote
        file: PathBuf,
        /// The data directory to make; it must not hold a store yet
        dir: PathBuf,
    },
}

/// Runs the command that the arguments name.
pub(crate) fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let mut out = std::io::stdout().lock();
    let outcome = match arguments.command {
        Command::Demo { dir } => demo::run(&dir, &mut out),
        Command::Query { dir, sql, format, params, time_limit_ms } => query::run(
            &dir,
            sql.as_deref(),
            &query::Options { format, params, time_limit_ms },
            &mut out,
        ),
        Command::Inspect { dir, json } => inspect::run(&dir, json, &mut out),
        Command::Verify { dir } => verify::run(&dir, &mut out),
        Command::Forget { dir, what, actor } => data::forget(&dir, &what, &actor, &mut out),
        Command::Export { dir, file } => transfer::export(&dir, &file, &mut out),
        Command::Import { file, dir } => transfer::import(&file, &dir, &mut out),
    };
    match outcome.and_then(|code| out.flush().map(|()| code).map_err(Failure::from)) {
        Ok(code) => ExitCode::from(code),
        // The reader of a pipe went away, which is its right.
        Err(Failure::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            ExitCode::from(DONE)
        }
        Err(failure) => {
            let mut err = std::io::stderr().lock();
            let _ = match failure {
                Failure::Store(error) => writeln!(err, "sigil: {} ({})", error, error.kind()),
                Failure::Output(error) => writeln!(err, "sigil: writing the output: {error}"),
            };
            ExitCode::from(FAILED)
        }
    }
}

/// Why a command could not do what it was asked.
#[derive(Debug)]
enum Failure {
    Store(Error),
    Output(std::io::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Store(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        Failure::Output(error)
    }
}

/// The outcome of a command: its exit code.
type Outcome<T = u8> = Result<T, Failure>;

/// Whether the directory holds a store that is kept as blobs.
fn is_image(directory: &std::path::Path) -> bool {
    ["manifest-a", "manifest-b"].iter().any(|name| directory.join(name).is_file())
}

/// An error about a file or directory of the user's.
fn file_error(what: impl std::fmt::Display, error: std::io::Error) -> Failure {
    Failure::Store(Error::io(what, error))
}

/// An error about what the user asked.
fn refuse(kind: ErrorKind, message: impl Into<String>) -> Failure {
    Failure::Store(Error::new(kind, message))
}
