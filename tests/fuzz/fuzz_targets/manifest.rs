//! A store whose manifests are arbitrary bytes in valid containers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sigil_core::container::{self, BlobHeader, BlobKind, StoreId};
use sigil_core::image::{FlushInput, ImageOpener, OpenOptions};

/// The first two numbers of a manifest, generation and epoch, which its container repeats.
fn numbers(payload: &[u8]) -> Option<(u64, u64)> {
    let mut bytes = payload.iter();
    let mut number = || {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = bytes.next()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    };
    Some((number()?, number()?))
}

fn blob(kind: BlobKind, generation: u64, epoch: u64, offset: u64, payload: &[u8]) -> Vec<u8> {
    let header = BlobHeader { kind, store: StoreId([3; 16]), generation, epoch, offset };
    container::encode(&header, payload)
}

// The first byte says which slots hold a manifest, whether to recover, and where the input is
// divided between the slots.
fuzz_target!(|bytes: &[u8]| {
    let Some((choice, payload)) = bytes.split_first() else { return };
    let cut = payload.len() * usize::from(choice >> 3) / 32;
    let options = OpenOptions::default().with_recover(choice & 1 != 0);
    let mut opener = ImageOpener::new(options, StoreId([3; 16]));
    for (slot, payload) in [("manifest-a", &payload[..cut]), ("manifest-b", &payload[cut..])] {
        let (generation, epoch) = numbers(payload).unwrap_or((1, 1));
        let manifest = blob(BlobKind::Manifest, generation, epoch, 0, payload);
        opener.supply(slot.to_owned(), (!payload.is_empty()).then_some(manifest));
    }
    // What is asked for exists, as what its name says, or does not.
    loop {
        let Ok(names) = opener.wanted() else { return };
        if names.is_empty() {
            break;
        }
        for name in names {
            assert!(name.len() <= 64, "{name}");
            let mut parts = name.split('-');
            let kind = parts.next().unwrap_or_default();
            let mut number = || parts.next().and_then(|part| part.parse().ok()).unwrap_or(0);
            let (first, second) = (number(), number());
            let bytes = match kind {
                "base" => Some(blob(BlobKind::Image, 1, first, 0, b"")),
                "wal" => Some(blob(BlobKind::WalTail, second, first, 0, b"x")),
                _ => None,
            };
            opener.supply(name, bytes.filter(|_| choice & 2 != 0));
        }
    }
    let mut image = opener.finish().expect("nothing more is wanted").image;
    // Whatever was opened can be flushed.
    let input = FlushInput { database: Some(b"database"), wal: b"wal", ..FlushInput::default() };
    for _ in 0..3 {
        match image.plan(&input) {
            Ok(Some(flush)) => image.committed(flush),
            Ok(None) | Err(_) => break,
        }
    }
});
