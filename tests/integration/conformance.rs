//! Every adapter against the suite of its trait, and what only the native ones have.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sigil_core::{ErrorKind, Files, MemoryFiles, MemoryStorage, SlotStorage, SnapshotStorage};
use sigil_native::{DirectoryFiles, DirectoryLock, DirectoryStorage};
use sigil_tests::conformance;
use sigil_tests::crash::{CrashFiles, CrashStorage, Cut};
use sigil_tests::fault::{Fault, FaultyFiles, FaultyStorage};

/// A directory that is removed when it is dropped.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// The name of a directory that does not exist yet.
    pub(crate) fn new() -> Scratch {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let name = format!("sigil-test-{}-{number}", std::process::id());
        Scratch(std::env::temp_dir().join(name))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Many handles on one storage.
#[derive(Debug)]
struct Shared<'a>(&'a dyn SnapshotStorage);

impl SnapshotStorage for Shared<'_> {
    fn read(&self, name: &str) -> sigil_core::Result<Option<Vec<u8>>> {
        self.0.read(name)
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> sigil_core::Result<()> {
        self.0.replace(name, bytes)
    }

    fn remove(&self, name: &str) -> sigil_core::Result<()> {
        self.0.remove(name)
    }
}

fn storage_suite(storage: &dyn SnapshotStorage) {
    conformance::snapshot_storage(|| Shared(storage));
}

#[test]
fn storages_in_memory_conform() {
    storage_suite(&MemoryStorage::new());
    storage_suite(&CrashStorage::new(MemoryStorage::new(), Cut::Never, 1));
    let inner = MemoryStorage::new();
    conformance::snapshot_storage(|| FaultyStorage::new(&inner, Fault::NONE));
}

#[test]
fn slots_in_files_conform() {
    let files: Arc<dyn Files> = Arc::new(MemoryFiles::new());
    conformance::snapshot_storage(|| SlotStorage::new(Arc::clone(&files), 16));
    let scratch = Scratch::new();
    conformance::snapshot_storage(|| {
        SlotStorage::new(Arc::new(DirectoryFiles::open(scratch.path()).unwrap()), 16)
    });
}

#[test]
fn a_directory_of_blobs_conforms() {
    let scratch = Scratch::new();
    conformance::snapshot_storage(|| DirectoryStorage::open(scratch.path()).unwrap());
}

#[test]
fn files_in_memory_conform() {
    let files = MemoryFiles::new();
    conformance::files(|| Arc::new(files.clone()));
    let files = CrashFiles::new(Cut::Never, 1);
    conformance::files(|| Arc::new(files.clone()));
    let files: Arc<dyn Files> = Arc::new(MemoryFiles::new());
    conformance::files(|| Arc::new(FaultyFiles::new(Arc::clone(&files), Fault::NONE)));
}

#[test]
fn a_directory_of_files_conforms() {
    let scratch = Scratch::new();
    conformance::files(|| Arc::new(DirectoryFiles::open(scratch.path()).unwrap()));
}

#[test]
fn what_a_crash_left_half_written_is_removed_and_nothing_else() {
    let scratch = Scratch::new();
    let storage = DirectoryStorage::open(scratch.path()).unwrap();
    storage.replace("base-1", b"whole").unwrap();
    let left = scratch.path().join("base-2~4242~7");
    std::fs::write(&left, b"half").unwrap();
    let storage = DirectoryStorage::open(scratch.path()).unwrap();
    assert!(!left.exists());
    assert_eq!(storage.read("base-1").unwrap().as_deref(), Some(&b"whole"[..]));
}

#[test]
fn the_lock_names_its_holder_and_goes_with_it() {
    let scratch = Scratch::new();
    let lock = DirectoryLock::acquire(scratch.path()).unwrap();
    let error = DirectoryLock::acquire(scratch.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked);
    assert!(error.to_string().contains("this process"), "{error}");
    assert!(error.to_string().contains(&scratch.path().display().to_string()), "{error}");
    // The number in the file is what a refused process reports.
    #[cfg(unix)]
    {
        std::fs::write(scratch.path().join("sigil.lock"), "4242\n").unwrap();
        let error = DirectoryLock::acquire(scratch.path()).unwrap_err();
        assert!(error.to_string().contains("process 4242"), "{error}");
        for junk in ["", "x\n", "\u{ff}", &"9".repeat(1000)] {
            std::fs::write(scratch.path().join("sigil.lock"), junk).unwrap();
            let error = DirectoryLock::acquire(scratch.path()).unwrap_err();
            assert!(error.to_string().contains("another process"), "{error}");
        }
    }
    drop(lock);
    DirectoryLock::acquire(scratch.path()).unwrap();
}

#[cfg(unix)]
mod unix {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn only_the_owner_may_read() {
        let scratch = Scratch::new();
        let inner = scratch.path().join("deeper");
        let storage = DirectoryStorage::open(&inner).unwrap();
        storage.replace("base-1", b"x").unwrap();
        DirectoryFiles::open(&inner).unwrap().open("image", true).unwrap();
        let _lock = DirectoryLock::acquire(&inner).unwrap();
        assert_eq!(mode(scratch.path()), 0o700);
        assert_eq!(mode(&inner), 0o700);
        for name in ["base-1", "image", "sigil.lock"] {
            assert_eq!(mode(&inner.join(name)), 0o600, "{name}");
        }
    }

    /// Whether permissions bind this process. They do not bind root, which some test machines
    /// run as; there a directory that cannot be written is had only from the kernel.
    fn unwritable() -> Option<PathBuf> {
        let proc = PathBuf::from("/proc/sys/kernel");
        proc.is_dir().then_some(proc)
    }

    #[test]
    fn what_may_not_be_written_is_read_only_and_named() {
        let scratch = Scratch::new();
        let storage = DirectoryStorage::open(scratch.path()).unwrap();
        storage.replace("base-1", b"x").unwrap();
        std::fs::set_permissions(scratch.path(), PermissionsExt::from_mode(0o500)).unwrap();
        let bound = std::fs::write(scratch.path().join("probe"), b"").is_err();
        if bound {
            let error = storage.replace("base-1", b"y").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ReadOnly, "{error}");
            assert!(error.to_string().contains("base-1"), "{error}");
            let again = DirectoryStorage::open(scratch.path()).unwrap();
            assert_eq!(again.read("base-1").unwrap().as_deref(), Some(&b"x"[..]));
            let files = DirectoryFiles::open(scratch.path()).unwrap();
            assert_eq!(files.open("new", true).unwrap_err().kind(), ErrorKind::ReadOnly);
            let error = DirectoryLock::acquire(scratch.path()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ReadOnly);
        }
        std::fs::set_permissions(scratch.path(), PermissionsExt::from_mode(0o700)).unwrap();
        if let Some(directory) = unwritable() {
            let storage = DirectoryStorage::open(&directory).unwrap();
            let error = storage.replace("base-1", b"y").unwrap_err();
            assert!(error.to_string().contains("/proc/sys/kernel"), "{error}");
            assert!(matches!(error.kind(), ErrorKind::ReadOnly | ErrorKind::NotFound), "{error:?}");
        }
    }

    #[test]
    fn a_full_disk_is_full() {
        // Linux has a device that is always full.
        if !Path::new("/dev/full").exists() {
            return;
        }
        let scratch = Scratch::new();
        let files = DirectoryFiles::open(scratch.path()).unwrap();
        std::os::unix::fs::symlink("/dev/full", scratch.path().join("image")).unwrap();
        let file = files.open("image", true).unwrap();
        let error = file.write_at(0, b"bytes").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Full, "{error}");
        assert!(error.to_string().contains("image"), "{error}");
    }

    #[test]
    fn a_file_in_the_place_of_the_directory_is_an_error_that_names_it() {
        let scratch = Scratch::new();
        std::fs::write(scratch.path(), b"a file").unwrap();
        for error in [
            DirectoryStorage::open(scratch.path()).unwrap_err(),
            DirectoryFiles::open(scratch.path()).unwrap_err(),
            DirectoryLock::acquire(scratch.path()).unwrap_err(),
        ] {
            assert!(error.to_string().contains("sigil-test-"), "{error}");
        }
        std::fs::remove_file(scratch.path()).unwrap();
    }
}
