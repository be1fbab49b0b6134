//! sigil-store on native targets.

mod directory;
mod files;
mod host;
mod lock;

pub use directory::DirectoryStorage;
pub use files::DirectoryFiles;
pub use host::SystemHost;
pub use lock::DirectoryLock;
