//! What every backend of the typed stores must do, as a suite that runs on each of them, and a
//! second backend to run it on: naive, in memory, written from what the traits promise.
//!
//! Nothing here asks an operating system for anything, so that all of it runs on wasm too.

pub mod dump;
pub mod host;
pub mod subject;
pub mod suite;
pub mod twin;
