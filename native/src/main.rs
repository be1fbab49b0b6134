//! The `sigil` command line.
fn main() {}
