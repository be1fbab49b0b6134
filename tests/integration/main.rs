//! Tests that go through the public API.

mod conformance;
mod image_crash;
mod image_fault;
