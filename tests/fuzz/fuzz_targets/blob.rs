//! Arbitrary bytes as a container, as a write-ahead log, and as every blob of a store.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sigil_core::container::{self, StoreId};
use sigil_core::image::{ImageOpener, OpenOptions};
use sigil_core::wal::{self, WalScanner};

fn check_wal(bytes: &[u8]) {
    let found = wal::scan(bytes);
    let len = usize::try_from(found.committed_len).expect("no more than there is");
    // What is committed is a whole log by itself.
    let again = wal::scan(&bytes[..len]);
    assert_eq!((again.committed_len, again.commits), (found.committed_len, found.commits));
    // In two steps it is the same.
    let mut scanner = WalScanner::new();
    scanner.advance(&bytes[..bytes.len() / 2]);
    let from = usize::try_from(scanner.committed_len()).expect("no more than there is");
    scanner.advance(&bytes[from..]);
    assert_eq!(scanner.committed_len(), found.committed_len);
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(blob) = container::decode("fuzzed", bytes) {
        assert_eq!(container::encode(&blob.header, blob.payload), bytes, "one blob, one encoding");
    }
    check_wal(bytes);
    for recover in [false, true] {
        let options = OpenOptions::default().with_recover(recover);
        let mut opener = ImageOpener::new(options, StoreId([3; 16]));
        while let Ok(names) = opener.wanted() {
            if names.is_empty() {
                break;
            }
            for name in names {
                // An endless row of index snapshots would be one that somebody had stored.
                let there = !name.starts_with("index-") || name.ends_with("-0");
                opener.supply(name, there.then(|| bytes.to_vec()));
            }
        }
    }
});
