//! `sigil verify`: looks for damage, first in the files as they lie, then in the open store.

use std::io::Write;
use std::path::Path;

use sigil_native::core::container::StoreId;
use sigil_native::core::image::{self, OpenOptions};
use sigil_native::core::{
    DATABASE_FILE, DatabaseOptions, ErrorKind, Finding, ImageStore, Severity, verify_files,
    verify_image, verify_snapshots, verify_store,
};
use sigil_native::{DirectoryFiles, DirectoryLock, DirectoryStorage, SystemHost, open_existing};

use super::{DONE, FOUND, Outcome, refuse};

/// Runs the command.
pub(super) fn run(directory: &Path, out: &mut dyn Write) -> Outcome {
    let findings = if directory.join(DATABASE_FILE).is_file() {
        verify_directory(directory)?
    } else if is_image(directory) {
        verify_blobs(directory)?
    } else {
        return Err(refuse(
            ErrorKind::NotFound,
            format!("there is no store in '{}': check the path", directory.display()),
        ));
    };
    for finding in &findings {
        writeln!(out, "{finding}")?;
    }
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let (damage, warnings) = (count(Severity::Damage), count(Severity::Warning));
    if damage + warnings == 0 {
        writeln!(out, "ok")?;
        return Ok(DONE);
    }
    writeln!(out, "{damage} damaged, {warnings} warnings")?;
    Ok(FOUND)
}

/// Whether the directory holds a store that was persisted as blobs.
pub(super) fn is_image(directory: &Path) -> bool {
    ["manifest-a", "manifest-b"].iter().any(|name| directory.join(name).is_file())
}

fn verify_directory(directory: &Path) -> Outcome<Vec<Finding>> {
    let mut findings = {
        let _lock = DirectoryLock::acquire(directory)?;
        verify_files(&DirectoryFiles::open(directory)?)?
    };
    // Opening a damaged store could change it: the log is folded into the database.
    if findings.iter().any(|finding| finding.severity == Severity::Damage) {
        return Ok(findings);
    }
    match open_existing(directory, DatabaseOptions::default()) {
        Ok(store) => {
            findings.extend(verify_snapshots(&store, &DirectoryStorage::open(directory)?)?);
            findings.extend(verify_store(&store)?);
            store.close()?;
        }
        Err(error) if error.kind() == ErrorKind::Locked => return Err(error.into()),
        Err(error) => {
            findings.push(Finding::new(Severity::Damage, DATABASE_FILE, error.to_string()));
        }
    }
    Ok(findings)
}

fn verify_blobs(directory: &Path) -> Outcome<Vec<Finding>> {
    let _lock = DirectoryLock::acquire(directory)?;
    let storage = DirectoryStorage::open(directory)?;
    let mut findings = verify_image(&storage)?;
    if findings.iter().any(|finding| finding.severity == Severity::Damage) {
        return Ok(findings);
    }
    let opened = image::open(&storage, OpenOptions::default(), StoreId([0; 16]))?;
    let host = std::sync::Arc::new(SystemHost::new());
    let store = ImageStore::open(opened, host, DatabaseOptions::default())?;
    findings.extend(verify_files(store.files())?);
    findings.extend(verify_store(store.store())?);
    Ok(findings)
}
