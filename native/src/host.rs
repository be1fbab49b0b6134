//! The clock and the entropy of the operating system.

use std::hash::{BuildHasher, RandomState};
use std::time::{Instant, SystemTime};

use sigil_core::Host;

/// The operating system as a [`Host`].
///
/// ```
/// use sigil_core::Host;
/// use sigil_native::SystemHost;
/// let host = SystemHost::new();
/// assert!(host.monotonic_ns() <= host.monotonic_ns());
/// ```
#[derive(Debug, Clone, Copy)]
pub struct SystemHost {
    start: Instant,
}

impl SystemHost {
    /// A host whose stopwatch starts now.
    pub fn new() -> SystemHost {
        SystemHost { start: Instant::now() }
    }
}

impl Default for SystemHost {
    fn default() -> SystemHost {
        SystemHost::new()
    }
}

impl Host for SystemHost {
    fn now_ns(&self) -> i64 {
        match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
            Err(before) => {
                i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |nanos| -nanos)
            }
        }
    }

    fn monotonic_ns(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        if getrandom::fill(bytes).is_ok() {
            return;
        }
        // Only a process that is forbidden the call gets here. std's hash keys are random per
        // process from another source, and salts and ids need to be distinct, not secret.
        for (number, chunk) in bytes.chunks_mut(8).enumerate() {
            let word = RandomState::new().hash_one((number, self.now_ns(), self.monotonic_ns()));
            chunk.copy_from_slice(&word.to_le_bytes()[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_passes_and_entropy_differs() {
        let host = SystemHost::new();
        // 2025-01-01: a clock before that is not set.
        assert!(host.now_ns() > 1_735_689_600_000_000_000);
        let before = host.monotonic_ns();
        std::thread::sleep(std::time::Duration::from_millis(2));
        assert!(host.monotonic_ns() >= before + 2_000_000);
        let (mut a, mut b) = ([0; 32], [0; 32]);
        host.fill_random(&mut a);
        host.fill_random(&mut b);
        assert_ne!(a, b);
    }
}
