//! Harnesses that attack the storage: conformance, crash, fault and model.

pub mod c_sqlite;
