//! sigil-store on native targets: a store in a directory.
//!
//! [`open`] gives a [`Store`](sigil_core::Store) that runs directly on files of a data directory,
//! which it holds locked. Everything else is the core's, re-exported as [`core`].

#![deny(rustdoc::broken_intra_doc_links)]
#![doc(test(attr(deny(warnings))))]

mod data;
mod directory;
mod files;
mod host;
mod lock;
mod overlay;
mod store;
mod verify;

pub use data::{DataDirectory, DirectoryBackend, registry};
pub use directory::DirectoryStorage;
pub use files::DirectoryFiles;
pub use host::SystemHost;
pub use lock::DirectoryLock;
pub use sigil_core as core;
pub use store::{DirectoryStore, open, open_existing, open_with};
pub use verify::{verify, verify_on_blobs, verify_on_files};

// The examples of the README are compiled and run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
