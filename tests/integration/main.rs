//! Tests that go through the public API.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod conformance;
mod image_crash;
mod image_fault;
