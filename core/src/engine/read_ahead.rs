//! Reading several pages of the database at once when one after another is asked for.
//!
//! A range of a table stands in pages that mostly follow each other, and each read is a call of
//! the operating system, or one into JavaScript.

use std::sync::{Mutex, PoisonError};

use super::preflight::PAGE_BYTES;
use crate::error::Result;
use crate::files::File;

/// How many pages are read at once.
const PAGES: usize = 8;

/// How many pages may lie between two that are read one after another: those of other tables, that
/// were written in turn.
const GAP_MAX: u64 = 3;

/// The pages that were last read ahead.
#[derive(Debug, Default)]
pub(super) struct ReadAhead {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Where the page after the last one that was asked for begins.
    next: u64,
    /// Where `bytes` begins.
    start: u64,
    bytes: Vec<u8>,
}

impl ReadAhead {
    /// As [`File::read_at`] of the file, which is always the same one.
    pub(super) fn read_at(&self, file: &dyn File, pos: u64, page: &mut [u8]) -> Result<usize> {
        if page.len() != PAGE_BYTES {
            return file.read_at(pos, page);
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let gap = pos.checked_sub(state.next);
        let goes_on = gap.is_some_and(|gap| gap <= GAP_MAX * PAGE_BYTES as u64);
        state.next = pos + PAGE_BYTES as u64;
        if state.copy(pos, page) {
            return Ok(PAGE_BYTES);
        }
        if !goes_on {
            return file.read_at(pos, page);
        }
        let mut bytes = std::mem::take(&mut state.bytes);
        bytes.resize(PAGES * PAGE_BYTES, 0);
        let n = file.read_at(pos, &mut bytes)?;
        bytes.truncate(n);
        (state.start, state.bytes) = (pos, bytes);
        // A page that is cut off by the end of the file is read by itself.
        if state.copy(pos, page) { Ok(PAGE_BYTES) } else { file.read_at(pos, page) }
    }

    /// Forgets what was read, before the file changes.
    pub(super) fn forget(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).bytes.clear();
    }
}

impl State {
    /// Copies the page at `pos`, if it is among those read ahead.
    fn copy(&self, pos: u64, page: &mut [u8]) -> bool {
        let found = pos
            .checked_sub(self.start)
            .and_then(|at| usize::try_from(at).ok())
            .and_then(|at| self.bytes.get(at..at.checked_add(page.len())?));
        let Some(found) = found else { return false };
        page.copy_from_slice(found);
        true
    }
}
