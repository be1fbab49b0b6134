//! `sigil export` and `sigil import`: a whole store as one portable file.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use sigil_native::core::container::StoreId;
use sigil_native::core::{self, DATABASE_FILE, DatabaseOptions, ErrorKind, ImageStore, image};
use sigil_native::{DirectoryFiles, DirectoryLock, DirectoryStorage, SystemHost, open_existing};

use super::output::bytes as size;
use super::{DONE, Outcome, file_error, is_image, refuse};

/// Writes the store in `directory` into `file`.
pub(super) fn export(directory: &Path, file: &Path, out: &mut dyn Write) -> Outcome {
    let bytes = if is_image(directory) && !directory.join(DATABASE_FILE).is_file() {
        let _lock = DirectoryLock::acquire(directory)?;
        let storage = DirectoryStorage::open(directory)?;
        let opened = image::open(&storage, image::OpenOptions::default(), StoreId([0; 16]))?;
        let host = Arc::new(SystemHost::new());
        let store = ImageStore::open(opened, host, DatabaseOptions::default())?;
        core::export(store.store().database(), store.files())?
    } else {
        let store = open_existing(directory, DatabaseOptions::default())?;
        let bytes = core::export(store.database(), &DirectoryFiles::open(directory)?)?;
        store.close()?;
        bytes
    };
    write_new(file, &bytes)?;
    writeln!(out, "wrote {} to '{}'", size(bytes.len() as u64), file.display())?;
    Ok(DONE)
}

/// Writes a file that must not exist, readable by its owner only, and makes it durable.
fn write_new(file: &Path, bytes: &[u8]) -> Outcome<()> {
    let failed = |error| file_error(format!("writing '{}'", file.display()), error);
    if file.exists() {
        return Err(refuse(
            ErrorKind::Conflict,
            format!("'{}' exists: choose another name, or remove it first", file.display()),
        ));
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut created = options.open(file).map_err(failed)?;
    let written = created.write_all(bytes).and_then(|()| created.sync_all());
    if let Err(error) = written {
        // Half a file would be taken for a whole one.
        let _ = std::fs::remove_file(file);
        return Err(failed(error));
    }
    Ok(())
}

/// Makes a store in `directory` out of `file`.
pub(super) fn import(file: &Path, directory: &Path, out: &mut dyn Write) -> Outcome {
    let bytes = std::fs::read(file)
        .map_err(|error| file_error(format!("reading '{}'", file.display()), error))?;
    let len = bytes.len() as u64;
    if is_image(directory) {
        return Err(refuse(
            ErrorKind::Conflict,
            format!("'{}' holds a store already: import into an empty one", directory.display()),
        ));
    }
    {
        let _lock = DirectoryLock::acquire(directory)?;
        core::import(&DirectoryFiles::open(directory)?, bytes)?;
    }
    let store = open_existing(directory, DatabaseOptions::default())?;
    let problems = core::verify_store(&store)?;
    store.close()?;
    for problem in &problems {
        writeln!(out, "{problem}")?;
    }
    writeln!(out, "imported {} into '{}'", size(len), directory.display())?;
    Ok(if problems.is_empty() { DONE } else { super::FOUND })
}
