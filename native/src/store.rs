//! A store in a directory.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sigil_core::{
    DATABASE_FILE, DatabaseOptions, Error, ErrorKind, PAGE_BYTES, Result, Store, StoreParts,
};

use crate::verify::holds_image;
use crate::{DirectoryFiles, DirectoryLock, DirectoryStorage, SystemHost};

/// A [`Store`] whose directory is locked until it is closed or dropped.
///
/// It dereferences to the store.
#[derive(Debug)]
pub struct DirectoryStore {
    store: Store,
    directory: PathBuf,
}

impl DirectoryStore {
    /// The data directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

impl Deref for DirectoryStore {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

/// Opens the store in `directory`, creating both when they do not exist.
///
/// # Errors
/// [`ErrorKind::Locked`] when another process has it open, [`ErrorKind::Conflict`] when the
/// directory holds a store that is kept as blobs, [`ErrorKind::Corrupt`] when it holds a store
/// whose database is missing or cut off, and those of [`Store::open`].
///
/// ```
/// # let directory = std::env::temp_dir().join(format!("sigil-doc-{}", std::process::id()));
/// let store = sigil_native::open(&directory)?;
/// store.database().execute("CREATE TABLE IF NOT EXISTS note (text TEXT)", ())?;
/// store.close()?;
/// # std::fs::remove_dir_all(&directory).ok();
/// # Ok::<(), sigil_native::core::Error>(())
/// ```
pub fn open(directory: impl AsRef<Path>) -> Result<DirectoryStore> {
    open_with(directory, DatabaseOptions::default())
}

/// Opens the store in `directory` with `options`, creating both when they do not exist.
///
/// # Errors
/// Those of [`open`].
pub fn open_with(directory: impl AsRef<Path>, options: DatabaseOptions) -> Result<DirectoryStore> {
    let directory = directory.as_ref();
    let within = |error: Error| error.context(format!("opening '{}'", directory.display()));
    let lock = DirectoryLock::acquire(directory).map_err(within)?;
    refuse_lost(directory).map_err(within)?;
    let parts = StoreParts {
        files: Arc::new(DirectoryFiles::open(directory).map_err(within)?),
        host: Arc::new(SystemHost::new()),
        snapshots: Box::new(DirectoryStorage::open(directory).map_err(within)?),
    };
    let store = Store::open(parts, options).map_err(within)?;
    store.hold(Box::new(lock));
    Ok(DirectoryStore { store, directory: directory.to_owned() })
}

/// Opens the store in `directory`, which has to be there.
///
/// # Errors
/// [`ErrorKind::NotFound`] when there is no store, and those of [`open`].
pub fn open_existing(
    directory: impl AsRef<Path>,
    options: DatabaseOptions,
) -> Result<DirectoryStore> {
    let directory = directory.as_ref();
    if !directory.join(DATABASE_FILE).is_file() && !holds_image(directory) {
        return Err(Error::new(
            ErrorKind::NotFound,
            format!("there is no store in '{}': check the path", directory.display()),
        ));
    }
    open_with(directory, options)
}

/// Refuses to make a new store where there is one already: one that is kept as blobs, or one that
/// lost its database.
fn refuse_lost(directory: &Path) -> Result<()> {
    let database = std::fs::metadata(directory.join(DATABASE_FILE));
    if database.is_ok_and(|database| database.len() >= PAGE_BYTES as u64) {
        return Ok(());
    }
    if holds_image(directory) {
        return Err(Error::new(
            ErrorKind::Conflict,
            "the directory holds a store that is kept as blobs: export it, and import it into \
             another directory",
        ));
    }
    let failed = |error| Error::io("listing it", error);
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("vectors-") && name.ends_with(".index") {
            return Err(Error::corrupt(format!(
                "'{name}' is the index of a store, but '{DATABASE_FILE}' is missing or cut off: \
                 restore it from a backup or an export, or remove the index to start empty"
            )));
        }
    }
    Ok(())
}
