//! A host whose answers follow from the step a test is at.

use std::sync::{Mutex, PoisonError};

use sigil_core::{FixedHost, Host};

/// A [`Host`] that says the same at the same step, however often it was asked before: two
/// backends that are taken through the same steps make the same ids and times.
///
/// Time goes on by a millisecond a step, and by a microsecond a reading within one.
#[derive(Debug, Default)]
pub struct StepHost {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    step: u32,
    readings: u32,
    draws: u32,
}

impl StepHost {
    /// Goes to a step.
    pub fn at(&self, step: u32) {
        *self.lock() = State { step, readings: 0, draws: 0 };
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Host for StepHost {
    fn now_ns(&self) -> i64 {
        let mut state = self.lock();
        state.readings += 1;
        FixedHost::START_NS + i64::from(state.step) * 1_000_000 + i64::from(state.readings) * 1_000
    }

    fn monotonic_ns(&self) -> u64 {
        0
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        const ID_BYTES: usize = 16;
        let mut state = self.lock();
        // Ids only count among themselves; what else a backend draws is its own affair.
        let (draw, stream) = match bytes.len() {
            ID_BYTES => {
                state.draws += 1;
                (state.draws, 0)
            }
            other => (0, u64::try_from(other).unwrap_or(u64::MAX)),
        };
        let seed = (u64::from(state.step) << 32 | u64::from(draw)) ^ stream << 20;
        FixedHost::new(seed).fill_random(bytes);
    }
}
