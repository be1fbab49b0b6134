//! How long the write-ahead log and its file are.
//!
//! A file whose length changes with every commit makes the file system write down its new length at
//! every sync. So the file is made longer by a step of zeros at a time, which no reader of the format
//! takes for frames: a frame of zeros is of page 0. And the checkpoint that follows a commit lets
//! the file keep its length: the next log is written over the last one, whose frames are told
//! from its own by their salts. What a crash leaves of either is cut off when the database is
//! opened.
//!
//! A frame that is half this log's and half the last one's would look like a damaged commit. So
//! zeros are put over the old frames before a write, all but the first header, which says that
//! they are old: a process killed at any byte then leaves what [`crate::wal::scan`] knows to be
//! unfinished. Both writes are to the same pages and are made durable together.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::Result;
use crate::files::File;
use crate::wal::{FRAME_HEADER_LEN, RESTARTED, WAL_HEADER_LEN};

/// The state of the log, which its file and the database share.
#[derive(Debug)]
pub(super) struct Log {
    /// By how much the file is made longer at a time; 0 for as much as is written.
    step: u64,
    /// Up to where the engine has written.
    len: AtomicU64,
    /// Up to where the file goes.
    file_len: AtomicU64,
    /// The longest file that is kept when the log is emptied.
    kept_len: AtomicU64,
    /// Up to where the file may have frames of an older log.
    stale_len: AtomicU64,
}

impl Log {
    /// A log without anything in it yet.
    pub(super) fn new(step: u32) -> Log {
        Log {
            step: u64::from(step),
            len: AtomicU64::new(0),
            file_len: AtomicU64::new(0),
            kept_len: AtomicU64::new(0),
            stale_len: AtomicU64::new(0),
        }
    }

    /// The length of the log in bytes.
    pub(super) fn len(&self) -> u64 {
        self.len.load(Ordering::Relaxed)
    }

    /// Has `empty` empty the log, after which its file keeps its length unless it is far longer
    /// than `usual` bytes.
    pub(super) fn keeping_file<T>(&self, usual: u64, empty: impl FnOnce() -> T) -> T {
        if self.step > 0 {
            self.kept_len.store(usual.saturating_add(usual.max(self.step)), Ordering::Relaxed);
        }
        let outcome = empty();
        self.kept_len.store(0, Ordering::Relaxed);
        outcome
    }

    /// Takes note of a file of `len` bytes, all of them log.
    pub(super) fn set(&self, len: u64) {
        self.len.store(len, Ordering::Relaxed);
        self.file_len.store(len, Ordering::Relaxed);
        self.stale_len.store(0, Ordering::Relaxed);
    }

    /// Prepares a write of `len` bytes at `pos`: no frame will be part new and part old.
    pub(super) fn writing(&self, file: &dyn File, pos: u64, len: u64) -> Result<()> {
        let from = pos.max(WAL_HEADER_LEN as u64) + FRAME_HEADER_LEN as u64;
        let until = (pos + len).min(self.stale_len.load(Ordering::Relaxed));
        match usize::try_from(until.saturating_sub(from)) {
            Ok(stale) if stale > 0 => file.write_at(from, &vec![0; stale]),
            _ => Ok(()),
        }
    }

    /// Takes note of a write that ends at `end`, and makes room for the next ones.
    pub(super) fn written(&self, file: &dyn File, end: u64) {
        self.len.fetch_max(end, Ordering::Relaxed);
        if end <= self.file_len.load(Ordering::Relaxed) {
            return;
        }
        self.file_len.store(end, Ordering::Relaxed);
        // A multiple of the step, which the write may have reached by itself.
        let until = end.div_ceil(self.step.max(1)) * self.step;
        let zeros = usize::try_from(until.saturating_sub(end)).unwrap_or(0);
        if zeros == 0 {
            return;
        }
        // Without room for it the log grows by what is written, as long as that fits.
        match file.write_at(end, &vec![0; zeros]) {
            Ok(()) => self.file_len.store(until, Ordering::Relaxed),
            Err(_) => drop(file.truncate(end)),
        }
    }

    /// Ends the log at `len`, and its file too unless that is to be kept.
    pub(super) fn truncate(&self, file: &dyn File, len: u64) -> Result<()> {
        let file_len = self.file_len.load(Ordering::Relaxed);
        if len == 0 && file_len > 0 && file_len <= self.kept_len.load(Ordering::Relaxed) {
            // The header of the next log must not be torn between it and the last one's.
            file.write_at(0, &RESTARTED)?;
            self.stale_len.fetch_max(self.len(), Ordering::Relaxed);
            self.len.store(0, Ordering::Relaxed);
            return Ok(());
        }
        file.truncate(len)?;
        self.set(len);
        Ok(())
    }
}
