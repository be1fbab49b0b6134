//! The wasm bindings of sigil-store: what the npm package calls.
//!
//! One instance of the module serves one store or one index. Nothing here is meant for
//! applications: the TypeScript around it checks arguments, orders calls and waits for storage.
//! Every failure is thrown as a plain object `{ code, message, cause }`; anything else that is
//! thrown is a trap, after which the instance may not be used again.

mod convert;
mod error;
mod files;
mod held;
mod host;
mod panic;
mod search;
mod storage;
mod store;
mod text;
mod vector_index;

pub use files::SyncFiles;
pub use panic::last_panic;
pub use storage::SyncSnapshots;
pub use store::{WasmImageOpener, WasmStore};
pub use vector_index::WasmVectorIndex;
