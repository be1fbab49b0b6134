//! Where a migration writes.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sigil_core::{
    BackendConfig, Error, ErrorKind, Gateway, Metric, Result, SnapshotStorage, Workspace,
};

use crate::{DataDirectory, DirectoryLock, DirectoryStorage};

/// The directory in a data directory where a migration keeps its notes: how far it is, and what
/// it repaired.
pub const NOTES: &str = "migration";

/// Where a migration writes.
pub trait Target {
    /// Opens the gateway, making it when there is none.
    ///
    /// # Errors
    /// Whatever opening it fails with.
    fn gateway(&self) -> Result<Arc<Gateway>>;

    /// Opens the workspace `id`, making it when there is none: for vectors of `dimensions`
    /// elements, or however many are usual, compared by the euclidean distance.
    ///
    /// # Errors
    /// Whatever opening it fails with.
    fn workspace(&self, id: &str, dimensions: Option<usize>) -> Result<Arc<Workspace>>;

    /// Where the migration keeps notes of how far it is, and its report.
    fn notes(&self) -> &dyn SnapshotStorage;

    /// Closes the gateway, all of which is written.
    ///
    /// # Errors
    /// Whatever closing it fails with.
    fn close_gateway(&self, gateway: &Gateway) -> Result<()> {
        gateway.close()
    }

    /// Closes a workspace, all of which is written.
    ///
    /// # Errors
    /// Whatever closing it fails with.
    fn close_workspace(&self, workspace: &Workspace) -> Result<()> {
        workspace.close()
    }
}

/// A data directory as the target of a migration, which nobody else may be migrating into.
#[derive(Debug)]
pub struct DirectoryTarget {
    root: PathBuf,
    notes: DirectoryStorage,
    _lock: DirectoryLock,
}

impl DirectoryTarget {
    /// Opens the directory `root`, creating it when it is missing, as the target of a migration
    /// from `source`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when it lies in the source or the source in it,
    /// [`ErrorKind::Conflict`] when it holds something else than a migration,
    /// [`ErrorKind::Locked`] when another one is running, and what the host reports.
    pub fn open(source: &Path, root: &Path) -> Result<DirectoryTarget> {
        apart(source, root)?;
        let notes = root.join(NOTES);
        if !notes.is_dir() && !is_empty(root)? {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!(
                    "'{}' is not empty and holds no migration: name a directory that does not \
                     exist yet",
                    root.display()
                ),
            ));
        }
        // The directory itself is made with it.
        let lock = DirectoryLock::acquire(&notes)?;
        let notes = DirectoryStorage::open(&notes)?;
        Ok(DirectoryTarget { root: root.to_owned(), notes, _lock: lock })
    }

    fn data(&self, dimensions: Option<usize>) -> Result<DataDirectory> {
        let vector_dimensions = match dimensions {
            None => 0,
            Some(dimensions) => i64::try_from(dimensions)
                .map_err(|_| Error::invalid(format!("{dimensions} dimensions are too many")))?,
        };
        let config =
            BackendConfig { vector_dimensions, metric: Metric::L2, ..BackendConfig::default() };
        DataDirectory::open(&self.root, config)
    }
}

impl Target for DirectoryTarget {
    fn gateway(&self) -> Result<Arc<Gateway>> {
        self.data(None)?.gateway()
    }

    fn workspace(&self, id: &str, dimensions: Option<usize>) -> Result<Arc<Workspace>> {
        self.data(dimensions)?.workspace(id)
    }

    fn notes(&self) -> &dyn SnapshotStorage {
        &self.notes
    }
}

fn is_empty(directory: &Path) -> Result<bool> {
    match fs::read_dir(directory) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(Error::io(format!("listing '{}'", directory.display()), error)),
    }
}

/// Makes sure that neither directory lies in the other.
fn apart(source: &Path, target: &Path) -> Result<()> {
    let failed = |error| Error::io(format!("looking at '{}'", source.display()), error);
    let source = fs::canonicalize(source).map_err(failed)?;
    // Of a directory that does not exist yet, the nearest that does says where it is.
    let absolute = std::path::absolute(target)
        .map_err(|error| Error::io(format!("looking at '{}'", target.display()), error))?;
    let found = absolute.ancestors().find_map(|path| {
        let rest = absolute.strip_prefix(path).ok()?;
        fs::canonicalize(path).ok().map(|there| there.join(rest))
    });
    let there = found.unwrap_or(absolute);
    if there.starts_with(&source) || source.starts_with(&there) {
        return Err(Error::invalid(format!(
            "the target '{}' and the source '{}' lie in each other: a migration leaves its source \
             alone, so name another directory",
            there.display(),
            source.display()
        )));
    }
    Ok(())
}
