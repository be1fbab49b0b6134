//! Harnesses that attack the storage: conformance, crash, fault and model.

pub mod c_sqlite;
pub mod conformance;
pub mod crash;
pub mod fault;
pub mod legacy;
pub mod model;
pub mod program;
pub mod random;
pub mod scratch;
pub mod store_model;
pub mod store_workload;
pub mod text_workload;
pub mod vector_fixture;
pub mod wal;
pub mod workload;
