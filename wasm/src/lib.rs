//! The wasm bindings of sigil-store.
