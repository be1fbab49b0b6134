//! Tests that go through the public API.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bad_input;
mod bad_text;
mod bad_vectors;
mod cli;
mod conformance;
mod data_directory;
mod forget;
mod hybrid;
mod image_crash;
mod image_fault;
mod kill;
mod migrate;
mod migrate_source;
mod model;
mod model_stores;
mod model_vector_engine;
mod model_vectors;
mod page;
mod scrub;
mod store_crash;
mod store_fault;
mod stores;
mod stores_crash;
mod stores_fault;
mod text_crash;
mod text_damage;
mod text_fault;
mod text_fts5;
mod vector_fixtures;
mod verify;
mod workspace_fixture;
