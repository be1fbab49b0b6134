//! The clock and the entropy of the JavaScript host.

use sigil_core::Host;
use wasm_bindgen::prelude::wasm_bindgen;

/// The most bytes that `getRandomValues` fills in one call.
const RANDOM_BYTES_MAX: usize = 65_536;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;

    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues)]
    fn get_random_values(bytes: &mut [u8]);
}

/// [`Host`] by `Date`, `performance` and `crypto`, which every JavaScript host has.
#[derive(Debug)]
pub(crate) struct JsHost;

const NS_PER_MS: f64 = 1e6;

impl Host for JsHost {
    #[expect(clippy::cast_possible_truncation, reason = "saturates, in the year 2262")]
    fn now_ns(&self) -> i64 {
        // Whole milliseconds times 10^6 would lose digits in a double.
        (js_sys::Date::now() as i64).saturating_mul(1_000_000)
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "never negative, and saturates after 584 years"
    )]
    fn monotonic_ns(&self) -> u64 {
        (performance_now() * NS_PER_MS) as u64
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(RANDOM_BYTES_MAX) {
            get_random_values(chunk);
        }
    }
}
