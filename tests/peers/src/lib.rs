//! The typed stores as a competent Rust developer would write them by hand on rusqlite, FTS5 and
//! sqlite-vec, and the workloads that measure them.
//!
//! ```text
//! cargo run --release --manifest-path tests/peers/Cargo.toml -- [OPTION...] [WORKLOAD...]
//! ```
//!
//! Without a workload all of them run: `chat`, `append`, `reads`, `traverse`, `compact`.
//! `--runs N` sets how often each is measured (5), `--dir DIR` where the databases are put (the
//! directory for temporary files; a file system in memory is refused), `--percent N` scales the
//! sizes down for a quick look.
//!
//! [`sqlite`] holds the stores, [`contender`] what a side of the comparison must be able to do,
//! [`workload`] what is measured. A second side is a second implementation of
//! [`Contender`](contender::Contender) and a line in [`contender::sides`].

pub mod contender;
pub mod error;
pub mod fts5;
pub mod graph;
pub mod model;
pub mod ours;
pub mod random;
pub mod report;
pub mod sqlite;
pub mod text;
pub mod workload;

pub use error::{Error, Result};
