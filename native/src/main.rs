//! `sigil`, the command line of sigil-store.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
