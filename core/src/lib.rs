//! The portable core of sigil-store: SQL, vectors and snapshots in pure Rust.
//!
//! The core opens no file, reads no clock, takes no entropy and starts no thread: a host hands it
//! [`Files`], a [`Host`] and a [`SnapshotStorage`]. That is what lets the same code run natively
//! and on wasm32-unknown-unknown, and what makes it deterministic under test.

#![deny(rustdoc::broken_intra_doc_links)]
#![doc(test(attr(deny(warnings))))]

mod backend;
mod changes;
mod collection;
mod compact;
mod engine;
mod error;
mod files;
mod forget;
mod gateway;
mod host;
mod hybrid;
pub mod image;
mod image_store;
pub mod page;
mod schema;
mod scrub;
mod snapshot;
mod sql;
mod store;
pub mod stores;
#[cfg(test)]
mod testing;
mod text;
mod text_index;
mod time;
mod transfer;
mod value;
mod vector;
mod verify;
pub mod wal;
mod workspace;

pub use backend::{BACKEND_DEFAULT, Backend, BackendConfig, Registry};
pub use collection::{
    COLLECTION_NAME_BYTES_MAX, Collection, CollectionInfo, CollectionOptions, VectorRecord,
};
pub use compact::{
    Batch, COMPACTION_SOURCE, Compacted, Compactor, Digest, Embedder, ExtractedFact, FactExtractor,
    Summarizer, sweep_pending,
};
pub use container::StoreId;
pub use engine::{
    DATABASE_FILE, Database, DatabaseOptions, Executed, Interrupt, PAGE_BYTES, PageFault, RowRef,
    WAL_FILE, check_pages,
};
pub use error::{Error, ErrorKind, Result};
pub use files::{File, Files, MemoryFiles};
pub use forget::{Forget, Forgotten};
pub use gateway::{Gateway, GatewayStores, forget_user};
pub use host::{FixedHost, Host};
pub use hybrid::{
    Fusion, MemoryHit, MemoryRecord, MemorySearch, MemorySource, MemoryVector, MemoryWeights,
    Recency, TextComponent, VectorComponent,
};
pub use image_store::ImageStore;
pub use snapshot::{MemoryStorage, SlotStorage, SnapshotStorage, container};
pub use sql::{
    DIMENSIONS_DEFAULT, MEMORY_COLLECTION, Shared, SqlGateway, SqlWorkspace, StoreAccess,
    WorkspaceOptions,
};
pub use store::{IndexState, Store, StoreParts};
pub use stores::*;
pub use text::{Language, TextOptions, TextQuery};
/// For fuzzing: takes any bytes for what is stored of a text index, and reads it.
#[doc(hidden)]
pub fn attack_text_segment(bytes: &[u8]) {
    text::attack(bytes);
}

pub use text_index::{
    Facet, Facets, Highlighted, Snippet, SnippetOptions, TEXT_INDEX_NAME_BYTES_MAX,
    TEXT_ROW_BYTES_MAX, TextCursor, TextHit, TextIndex, TextIndexInfo, TextIndexOptions, TextRank,
    TextRanking, TextSearchOptions,
};
pub use time::Timestamp;
pub use transfer::{export, import};
pub use value::{Params, Row, Rows, Value, ValueRef};
pub use vector::{
    Because, Effort, Explanation, Filter, Hit, HitCursor, MetaValue, Metadata, Metric, Plan,
    Precision, Recall, SearchOptions, SnapshotMark, VectorIndex, VectorRef,
};
pub use verify::{Finding, Severity, verify_files, verify_snapshots, verify_store};
pub use workspace::{Workspace, WorkspaceStores};
