//! The engine's `IO` over our [`Files`] and [`Host`]: everything completes before it returns.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use turso_core::io::{Buffer, Clock, Completion, File as EngineFile, FileId, FileSyncType};
use turso_core::{CompletionError, IO, LimboError, MonotonicInstant, OpenFlags, WallClockInstant};

use super::log::Log;
use super::preflight::{CHECKSUM_BYTES, PAGE_BYTES, page_mark};
use super::read_ahead::ReadAhead;
use super::{DATABASE_FILE, WAL_FILE};
use crate::error::Error;
use crate::files::{File, Files};
use crate::host::Host;

/// The first storage failure since it was last asked for.
///
/// The engine reports a failed read or write as an `io::ErrorKind` and a word, and a failed write
/// while it checkpoints not at all, so the file layer keeps the real error here.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    first: Mutex<Option<Error>>,
}

impl Faults {
    /// Takes the recorded failure.
    pub(crate) fn take(&self) -> Option<Error> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn record(&self, error: &Error) {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert_with(|| error.clone());
    }
}

/// The engine's view of the host.
pub(crate) struct EngineIo {
    files: Arc<dyn Files>,
    host: Arc<dyn Host>,
    faults: Arc<Faults>,
    log: Arc<Log>,
    /// Whether the pages of the database carry checksums, which are then bound to their place.
    checked_pages: bool,
}

impl EngineIo {
    pub(crate) fn new(
        files: Arc<dyn Files>,
        host: Arc<dyn Host>,
        faults: Arc<Faults>,
        log: Arc<Log>,
        checked_pages: bool,
    ) -> EngineIo {
        EngineIo { files, host, faults, log, checked_pages }
    }
}

impl fmt::Debug for EngineIo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineIo").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Clock for EngineIo {
    fn current_time_monotonic(&self) -> MonotonicInstant {
        MonotonicInstant::from_nanos(u128::from(self.host.monotonic_ns()))
    }

    fn current_time_wall_clock(&self) -> WallClockInstant {
        let now = self.host.now_ns();
        let micros = u32::try_from(now.rem_euclid(1_000_000_000) / 1_000).unwrap_or(0);
        WallClockInstant { secs: now.div_euclid(1_000_000_000), micros }
    }
}

impl IO for EngineIo {
    fn open_file(
        &self,
        path: &str,
        flags: OpenFlags,
        _direct: bool,
    ) -> turso_core::Result<Arc<dyn EngineFile>> {
        let opened = self.files.open(path, flags.contains(OpenFlags::Create)).and_then(|file| {
            let mut log = None;
            if path == WAL_FILE {
                self.log.set(file.len()?);
                log = Some(Arc::clone(&self.log));
            }
            let is_database = path == DATABASE_FILE;
            let marked = self.checked_pages && is_database;
            let ahead = is_database.then(ReadAhead::default);
            Ok(OpenFile { file, faults: Arc::clone(&self.faults), log, marked, ahead })
        });
        match opened {
            Ok(file) => Ok(Arc::new(file)),
            Err(error) => {
                self.faults.record(&error);
                Err(LimboError::CompletionError(completion_error("open")))
            }
        }
    }

    fn remove_file(&self, path: &str) -> turso_core::Result<()> {
        self.files.remove(path).map_err(|error| {
            self.faults.record(&error);
            LimboError::CompletionError(completion_error("remove"))
        })
    }

    fn generate_random_number(&self) -> i64 {
        let mut bytes = [0u8; 8];
        self.host.fill_random(&mut bytes);
        i64::from_le_bytes(bytes)
    }

    fn fill_bytes(&self, dest: &mut [u8]) {
        self.host.fill_random(dest);
    }

    // One connection on one thread: there is nobody to wait for, and the default would abort a
    // wasm instance.
    fn yield_now(&self) {}

    fn sleep(&self, _duration: std::time::Duration) {}

    // The default asks the operating system about a path that is only a name here. Databases are
    // opened past the engine's process-wide registry, so the id is never compared.
    fn file_id(&self, path: &str) -> turso_core::Result<FileId> {
        Ok(FileId::from_path_hash(path))
    }
}

fn completion_error(what: &'static str) -> CompletionError {
    CompletionError::IOError(std::io::ErrorKind::Other, what)
}

/// One open file as the engine sees it.
struct OpenFile {
    file: Arc<dyn File>,
    faults: Arc<Faults>,
    /// The state of the write-ahead log, if it is this file.
    log: Option<Arc<Log>>,
    /// Whether the checksums of its pages are bound to their place.
    marked: bool,
    /// Pages that were read together, if it is the database.
    ahead: Option<ReadAhead>,
}

/// Adds the mark of its place to the checksum of each whole page in `bytes`, or takes it away.
///
/// The engine's checksum does not say which page it is of, so it holds for a page that was written
/// to, or read from, the wrong place.
fn toggle_marks(pos: u64, bytes: &mut [u8]) {
    if !pos.is_multiple_of(PAGE_BYTES as u64) {
        return;
    }
    let first = pos / PAGE_BYTES as u64 + 1;
    for (number, page) in (first..).zip(bytes.chunks_exact_mut(PAGE_BYTES)) {
        let checksum = &mut page[PAGE_BYTES - CHECKSUM_BYTES..];
        for (byte, mark) in checksum.iter_mut().zip(page_mark(number)) {
            *byte ^= mark;
        }
    }
}

impl OpenFile {
    fn read(&self, pos: u64, bytes: &mut [u8]) -> crate::Result<usize> {
        let n = match &self.ahead {
            Some(ahead) => ahead.read_at(self.file.as_ref(), pos, bytes)?,
            None => self.file.read_at(pos, bytes)?,
        };
        if self.marked {
            toggle_marks(pos, &mut bytes[..n]);
        }
        Ok(n)
    }

    fn write(&self, pos: u64, bytes: &[u8]) -> crate::Result<usize> {
        self.forget_ahead();
        if let Some(log) = &self.log {
            log.writing(self.file.as_ref(), pos, bytes.len() as u64)?;
        }
        if self.marked {
            let mut marked = bytes.to_vec();
            toggle_marks(pos, &mut marked);
            self.file.write_at(pos, &marked)?;
        } else {
            self.file.write_at(pos, bytes)?;
        }
        if let Some(log) = &self.log {
            log.written(self.file.as_ref(), pos + bytes.len() as u64);
        }
        Ok(bytes.len())
    }

    fn forget_ahead(&self) {
        if let Some(ahead) = &self.ahead {
            ahead.forget();
        }
    }

    /// Ends `completion` with the outcome of an operation.
    fn end(
        &self,
        completion: Completion,
        outcome: crate::Result<usize>,
        what: &'static str,
    ) -> Completion {
        match outcome.and_then(|n| {
            i32::try_from(n).map_err(|_| Error::invalid("an operation passed two gigabytes"))
        }) {
            Ok(n) => completion.complete(n),
            Err(error) => {
                self.faults.record(&error);
                completion.error(completion_error(what));
            }
        }
        completion
    }
}

impl EngineFile for OpenFile {
    // The host locks the store as a whole before it is opened.
    fn lock_file(&self, _exclusive: bool) -> turso_core::Result<()> {
        Ok(())
    }

    fn unlock_file(&self) -> turso_core::Result<()> {
        Ok(())
    }

    fn pread(&self, pos: u64, c: Completion) -> turso_core::Result<Completion> {
        let outcome = self.read(pos, c.as_read().buf().as_mut_slice());
        Ok(self.end(c, outcome, "pread"))
    }

    fn pwrite(
        &self,
        pos: u64,
        buffer: Arc<Buffer>,
        c: Completion,
    ) -> turso_core::Result<Completion> {
        let bytes = buffer.as_slice();
        let outcome = self.write(pos, bytes);
        Ok(self.end(c, outcome, "pwrite"))
    }

    // The default leaves the parent pending for ever when one part fails. The parts are joined,
    // because one write of a commit's frames is one system call and one crossing into JavaScript.
    fn pwritev(
        &self,
        pos: u64,
        buffers: Vec<Arc<Buffer>>,
        c: Completion,
    ) -> turso_core::Result<Completion> {
        if let [buffer] = buffers.as_slice() {
            return self.pwrite(pos, Arc::clone(buffer), c);
        }
        let mut bytes = Vec::with_capacity(buffers.iter().map(|buffer| buffer.len()).sum());
        for buffer in &buffers {
            bytes.extend_from_slice(buffer.as_slice());
        }
        let outcome = self.write(pos, &bytes);
        Ok(self.end(c, outcome, "pwritev"))
    }

    fn sync(&self, c: Completion, _sync_type: FileSyncType) -> turso_core::Result<Completion> {
        let outcome = self.file.sync().map(|()| 0);
        Ok(self.end(c, outcome, "sync"))
    }

    fn size(&self) -> turso_core::Result<u64> {
        if let Some(log) = &self.log {
            return Ok(log.len());
        }
        self.file.len().map_err(|error| {
            self.faults.record(&error);
            LimboError::CompletionError(completion_error("size"))
        })
    }

    fn truncate(&self, len: u64, c: Completion) -> turso_core::Result<Completion> {
        self.forget_ahead();
        let outcome = match &self.log {
            Some(log) => log.truncate(self.file.as_ref(), len),
            None => self.file.truncate(len),
        };
        Ok(self.end(c, outcome.map(|()| 0), "truncate"))
    }
}
