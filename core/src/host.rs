//! What the core asks of its host beside storage: the time, a stopwatch and entropy.

use std::fmt;
use std::sync::Mutex;

/// The clock and the entropy of the place the core runs in.
///
/// The core never reads a clock or takes entropy by itself, so a test that hands it a
/// [`FixedHost`] is repeatable to the byte.
pub trait Host: Send + Sync + fmt::Debug {
    /// Wall-clock time in nanoseconds since 1970-01-01T00:00:00Z.
    ///
    /// It may jump; nothing in the core orders by it alone.
    fn now_ns(&self) -> i64;

    /// Nanoseconds of a clock that never goes backwards, from an arbitrary start.
    fn monotonic_ns(&self) -> u64;

    /// Fills `bytes` with entropy fit for salts and random ids.
    fn fill_random(&self, bytes: &mut [u8]);
}

/// A deterministic [`Host`]: its clock advances by a fixed step at each reading, and its
/// "entropy" is SplitMix64 from a seed. For tests and reproducible builds of data only.
///
/// ```
/// use sigil_core::{FixedHost, Host};
/// let (a, b) = (FixedHost::new(7), FixedHost::new(7));
/// assert_eq!(a.now_ns(), b.now_ns());
/// ```
#[derive(Debug)]
pub struct FixedHost {
    state: Mutex<FixedState>,
}

#[derive(Debug)]
struct FixedState {
    now_ns: i64,
    monotonic_ns: u64,
    seed: u64,
}

impl FixedHost {
    /// The wall-clock time at which every fixed host starts: 2026-01-01T00:00:00Z.
    pub const START_NS: i64 = 1_767_225_600_000_000_000;
    const STEP_NS: u32 = 1_000;

    /// A host whose every answer follows from `seed` and the calls made so far.
    pub fn new(seed: u64) -> FixedHost {
        FixedHost {
            state: Mutex::new(FixedState { now_ns: FixedHost::START_NS, monotonic_ns: 0, seed }),
        }
    }

    fn with<T>(&self, f: impl FnOnce(&mut FixedState) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        f(&mut state)
    }
}

impl Host for FixedHost {
    fn now_ns(&self) -> i64 {
        self.with(|state| {
            state.now_ns += i64::from(FixedHost::STEP_NS);
            state.now_ns
        })
    }

    fn monotonic_ns(&self) -> u64 {
        self.with(|state| {
            state.monotonic_ns += u64::from(FixedHost::STEP_NS);
            state.monotonic_ns
        })
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        self.with(|state| {
            for chunk in bytes.chunks_mut(8) {
                // SplitMix64 (Steele, Lea, Flood 2014).
                state.seed = state.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mut z = state.seed;
                z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                z ^= z >> 31;
                chunk.copy_from_slice(&z.to_le_bytes()[..chunk.len()]);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::test;

    #[test]
    fn a_fixed_host_repeats_itself() {
        let (a, b) = (FixedHost::new(1), FixedHost::new(1));
        let (mut x, mut y) = ([0u8; 13], [0u8; 13]);
        a.fill_random(&mut x);
        b.fill_random(&mut y);
        assert_eq!(x, y);
        assert_ne!(x, [0u8; 13]);
        assert!(a.now_ns() < a.now_ns());
        assert!(a.monotonic_ns() < a.monotonic_ns());
    }
}
