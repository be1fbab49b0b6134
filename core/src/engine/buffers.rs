//! Keeps what one database held in memory out of the files of another.

use std::cell::Cell;
use std::sync::Arc;

use turso_core::{BufferPool, IO, MemoryIO};

/// A page size that no database of ours has.
const OTHER_PAGE_BYTES: usize = 512;

/// The least that the engine allots.
const ARENA_BYTES: usize = 64 << 10;

thread_local! {
    static KEEPS_NONE: Cell<bool> = const { Cell::new(false) };
}

/// Has the engine give page buffers back to the allocator, instead of keeping some for this thread.
///
/// Those it keeps go to whichever database on the thread wants one next, and a new page is made of
/// one without overwriting it, so rows of one database ended in the unused parts of another's
/// file. The engine keeps buffers of one page size, that of the last database opened on the thread
/// whose pages have not 4,096 bytes.
pub(super) fn keep_none() {
    if KEEPS_NONE.get() {
        return;
    }
    let io: Arc<dyn IO> = Arc::new(MemoryIO::new());
    let pool = BufferPool::begin_init(&io, ARENA_BYTES);
    KEEPS_NONE.set(pool.finalize_with_page_size(OTHER_PAGE_BYTES).is_ok());
}
