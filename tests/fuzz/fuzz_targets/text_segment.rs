//! Any bytes as what is stored of a text index: refused as damage, or read to the end.
//!
//! Checksums would keep the fuzzer from what they cover, so the head is made to fit the parts.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| sigil_core::attack_text_segment(bytes));
