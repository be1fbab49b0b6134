//! JavaScript values that Rust types hold by number.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use wasm_bindgen::JsValue;

thread_local! {
    static VALUES: RefCell<Values> = const { RefCell::new(Values { next: 0, by_number: BTreeMap::new() }) };
}

struct Values {
    next: u32,
    by_number: BTreeMap<u32, JsValue>,
}

/// A JavaScript value kept alive until this is dropped.
///
/// The core's traits ask for `Send` and `Sync`, which a [`JsValue`] is not: it belongs to the
/// thread that made it. The number of one belongs to no thread, and finds nothing on another.
pub(crate) struct Held(u32);

impl Held {
    pub(crate) fn new(value: JsValue) -> Held {
        VALUES.with_borrow_mut(|values| {
            let number = values.next;
            values.next = values.next.wrapping_add(1);
            values.by_number.insert(number, value);
            Held(number)
        })
    }

    /// The value; `undefined` on another thread than its own.
    pub(crate) fn get(&self) -> JsValue {
        VALUES.with_borrow(|values| values.by_number.get(&self.0).cloned()).unwrap_or_default()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Dropped after the borrow, because a value's own drop may run code.
        let value = VALUES
            .try_with(|values| values.try_borrow_mut().ok()?.by_number.remove(&self.0))
            .ok()
            .flatten();
        drop(value);
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Held({})", self.0)
    }
}
