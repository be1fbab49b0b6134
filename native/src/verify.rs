//! Looking for damage in a directory, without changing anything in it.

use std::path::Path;
use std::sync::Arc;

use sigil_core::container::StoreId;
use sigil_core::{
    DATABASE_FILE, DatabaseOptions, Error, ErrorKind, Files, Finding, ImageStore, Result, Severity,
    SnapshotStorage, Store, StoreParts, WAL_FILE, image, verify_files, verify_snapshots,
    verify_store,
};

use crate::overlay::OverlayFiles;
use crate::{DirectoryFiles, DirectoryLock, DirectoryStorage, SystemHost};

/// Looks for damage in the store in `directory`: first in the bytes as they lie, then, when those
/// are sound, in what the store says when it is opened on a copy in memory.
///
/// The store is not changed; a log that a crash left is not folded in. It is locked meanwhile.
/// One flipped bit anywhere in a file or blob of the store is found, and is at least a
/// [`Severity::Warning`]; a sound store gives nothing above a [`Severity::Note`].
///
/// # Errors
/// [`ErrorKind::NotFound`] when there is no store, [`ErrorKind::Locked`] when another process has
/// it open, [`ErrorKind::NewerFormat`] for a store of a later version, and what the host reports
/// when it cannot even read.
///
/// ```
/// # let directory = std::env::temp_dir().join(format!("sigil-doc-verify-{}", std::process::id()));
/// let store = sigil_native::open(&directory)?;
/// store.database().execute("CREATE TABLE note (text TEXT)", ())?;
/// store.close()?;
/// drop(store);
/// assert_eq!(sigil_native::verify(&directory)?, []);
/// # std::fs::remove_dir_all(&directory).ok();
/// # Ok::<(), sigil_native::core::Error>(())
/// ```
pub fn verify(directory: impl AsRef<Path>) -> Result<Vec<Finding>> {
    let directory = directory.as_ref();
    let files = [DATABASE_FILE, WAL_FILE].iter().any(|name| directory.join(name).exists());
    if !files && !holds_image(directory) {
        return Err(Error::new(
            ErrorKind::NotFound,
            format!("there is no store in '{}': check the path", directory.display()),
        ));
    }
    let within = |error: Error| error.context(format!("verifying '{}'", directory.display()));
    let _lock = DirectoryLock::acquire(directory).map_err(within)?;
    let storage = DirectoryStorage::open(directory).map_err(within)?;
    let findings = if files {
        let files = DirectoryFiles::open(directory).map_err(within)?;
        verify_on_files(Arc::new(files), storage)
    } else {
        verify_on_blobs(&storage)
    };
    findings.map_err(within)
}

/// Whether the directory holds a store that is kept as blobs, such as the npm package writes.
pub(crate) fn holds_image(directory: &Path) -> bool {
    ["manifest-a", "manifest-b", "base-1"].iter().any(|name| directory.join(name).is_file())
}

/// As [`verify`], for a database on `files` whose index snapshots are in `snapshots`.
///
/// # Errors
/// [`ErrorKind::NewerFormat`] for a store of a later version, and what the host reports when it
/// cannot even read.
pub fn verify_on_files(
    files: Arc<dyn Files>,
    snapshots: impl SnapshotStorage + Send + Sync + 'static,
) -> Result<Vec<Finding>> {
    let mut findings = verify_files(files.as_ref())?;
    if is_damaged(&findings) {
        return Ok(findings);
    }
    let snapshots = Arc::new(snapshots);
    let parts = StoreParts {
        files: Arc::new(OverlayFiles::new(files)),
        host: Arc::new(SystemHost::new()),
        snapshots: Box::new(Unwritten(Arc::clone(&snapshots))),
    };
    match Store::open(parts, DatabaseOptions::default()) {
        Ok(store) => {
            findings.extend(verify_snapshots(&store, &*snapshots)?);
            findings.extend(verify_store(&store)?);
        }
        Err(error) if error.kind() == ErrorKind::NewerFormat => return Err(error),
        Err(error) => {
            findings.push(Finding::new(Severity::Damage, DATABASE_FILE, error.to_string()));
        }
    }
    Ok(findings)
}

/// As [`verify`], for a store whose blobs are in `storage`.
///
/// # Errors
/// As [`verify_on_files`].
pub fn verify_on_blobs(storage: &dyn SnapshotStorage) -> Result<Vec<Finding>> {
    let mut findings = image::verify(storage)?;
    if is_damaged(&findings) {
        return Ok(findings);
    }
    let opened = image::open(storage, image::OpenOptions::default(), StoreId([0; 16]))?;
    match ImageStore::open(opened, Arc::new(SystemHost::new()), DatabaseOptions::default()) {
        Ok(store) => {
            findings.extend(verify_files(store.files())?);
            findings.extend(verify_store(store.store())?);
        }
        Err(error) if error.kind() == ErrorKind::NewerFormat => return Err(error),
        Err(error) => findings.push(Finding::new(Severity::Damage, "image", error.to_string())),
    }
    Ok(findings)
}

fn is_damaged(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Damage)
}

/// Snapshots that are read and never written.
#[derive(Debug)]
struct Unwritten<T>(Arc<T>);

impl<T: SnapshotStorage> SnapshotStorage for Unwritten<T> {
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.0.read(name)
    }

    fn replace(&self, _name: &str, _bytes: &[u8]) -> Result<()> {
        Ok(())
    }

    fn remove(&self, _name: &str) -> Result<()> {
        Ok(())
    }
}
