//! The portable core of sigil-store: SQL, vectors and snapshots in pure Rust.
//!
//! The core opens no file, reads no clock, takes no entropy and starts no thread: a host hands it
//! [`Files`], a [`Host`] and a [`SnapshotStorage`]. That is what lets the same code run natively
//! and on wasm32-unknown-unknown, and what makes it deterministic under test.

#![deny(rustdoc::broken_intra_doc_links)]
#![doc(test(attr(deny(warnings))))]

mod error;
mod files;
mod host;
pub mod image;
mod snapshot;
pub mod wal;

pub use error::{Error, ErrorKind, Result};
pub use files::{File, Files, MemoryFiles};
pub use host::{FixedHost, Host};
pub use snapshot::{MemoryStorage, SnapshotStorage, container};
