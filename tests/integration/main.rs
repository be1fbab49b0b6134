//! Tests that go through the public API.
