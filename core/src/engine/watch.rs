//! What stops a running statement: an interrupt, the time limit, or a stack that runs out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::host::Host;

/// How many virtual machine steps pass between two looks at the stack and the interrupt flag: fewer
/// than a foreign key action takes to run the next one inside itself.
pub(super) const STEPS_PER_WATCH: u64 = 8;

/// How many of these looks pass between two at the clock.
const WATCHES_PER_CLOCK: u64 = 128;

/// How much stack a statement may take, in bytes: half of what the smallest thread has by default.
///
/// Only a foreign key action that runs itself, row after row of a chain, takes more.
const STACK_BYTES_MAX: usize = 1 << 20;

/// What can stop a running statement.
#[derive(Debug)]
pub(super) struct Watch {
    host: Arc<dyn Host>,
    pub(super) interrupted: AtomicBool,
    pub(super) timed_out: AtomicBool,
    /// Where the stack was when the statement began.
    stack_base: AtomicUsize,
    pub(super) too_deep: AtomicBool,
    looks: AtomicU64,
    /// On the host's monotonic clock; 0 for none.
    deadline_ns: AtomicU64,
}

impl Watch {
    pub(super) fn new(host: Arc<dyn Host>) -> Watch {
        Watch {
            host,
            interrupted: AtomicBool::new(false),
            timed_out: AtomicBool::new(false),
            stack_base: AtomicUsize::new(0),
            too_deep: AtomicBool::new(false),
            looks: AtomicU64::new(0),
            deadline_ns: AtomicU64::new(0),
        }
    }

    pub(super) fn start(&self, limit: Option<Duration>) {
        self.interrupted.store(false, Ordering::Relaxed);
        self.timed_out.store(false, Ordering::Relaxed);
        self.too_deep.store(false, Ordering::Relaxed);
        self.stack_base.store(stack_address(), Ordering::Relaxed);
        let deadline = limit.map_or(0, |limit| {
            let limit = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
            self.host.monotonic_ns().saturating_add(limit).max(1)
        });
        self.deadline_ns.store(deadline, Ordering::Relaxed);
    }

    pub(super) fn should_stop(&self) -> bool {
        if self.interrupted.load(Ordering::Relaxed) {
            return true;
        }
        if self.stack_base.load(Ordering::Relaxed).abs_diff(stack_address()) > STACK_BYTES_MAX {
            self.too_deep.store(true, Ordering::Relaxed);
            return true;
        }
        self.looks.fetch_add(1, Ordering::Relaxed).is_multiple_of(WATCHES_PER_CLOCK)
            && self.is_late()
    }

    /// Whether the time is over, for what does much between two looks.
    pub(super) fn is_late(&self) -> bool {
        let deadline = self.deadline_ns.load(Ordering::Relaxed);
        let late = deadline != 0 && self.host.monotonic_ns() >= deadline;
        if late {
            self.timed_out.store(true, Ordering::Relaxed);
        }
        late
    }
}

/// An address on the stack, here.
#[inline(never)]
fn stack_address() -> usize {
    let here = 0u8;
    std::hint::black_box(&raw const here).addr()
}

/// Stops the statement that a [`Database`](crate::Database) is running, from another thread or from inside a
/// callback.
#[derive(Debug, Clone)]
pub struct Interrupt {
    pub(super) watch: Arc<Watch>,
}

impl Interrupt {
    /// Makes the running statement fail with [`ErrorKind::Interrupted`](crate::ErrorKind::Interrupted); nothing when none runs.
    pub fn interrupt(&self) {
        self.watch.interrupted.store(true, Ordering::Relaxed);
    }
}
