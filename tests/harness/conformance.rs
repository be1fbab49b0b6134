//! What every adapter has to do, as suites that take one.

use std::sync::Arc;

use sigil_core::{ErrorKind, Files, SnapshotStorage};

use crate::random::Random;

/// A name of the greatest length and of all characters the core uses.
const LONG_NAME: &str = "ABCXYZabcxyz0123456789.-_4567890123456789012345678901234567890ab";

/// The contract of [`SnapshotStorage`]. `reopen` gives a handle on the same, initially empty,
/// blobs each time it is called.
///
/// # Panics
/// When the adapter breaks the contract.
pub fn snapshot_storage<S: SnapshotStorage>(reopen: impl Fn() -> S) {
    let storage = reopen();
    let read = |name: &str| reopen().read(name).expect("reading succeeds");
    assert_eq!(LONG_NAME.len(), 64);
    assert_eq!(read("absent"), None, "a missing blob is no error");
    storage.remove("absent").expect("removing a missing blob is no error");

    storage.replace("a", b"first").expect("creating");
    assert_eq!(read("a").as_deref(), Some(&b"first"[..]));
    storage.replace("a", b"2").expect("replacing by a shorter one");
    assert_eq!(read("a").as_deref(), Some(&b"2"[..]));
    storage.replace("a", b"third and longest").expect("replacing by a longer one");
    assert_eq!(read("a").as_deref(), Some(&b"third and longest"[..]));
    storage.replace("a", b"").expect("replacing by an empty one");
    assert_eq!(read("a").as_deref(), Some(&b""[..]), "an empty blob is not a missing one");

    // Names are whole names: no prefix, suffix or case stands for another.
    for name in [LONG_NAME, "a.tmp", "a-1", "a.b.c", "..a", "-", "_", "wal-1-18446744073709551615"]
    {
        storage.replace(name, name.as_bytes()).expect("any name the core uses");
    }
    for name in [LONG_NAME, "a.tmp", "a-1", "a.b.c", "..a", "-", "_", "wal-1-18446744073709551615"]
    {
        assert_eq!(read(name).as_deref(), Some(name.as_bytes()), "{name}");
    }
    assert_eq!(read("a").as_deref(), Some(&b""[..]));
    assert_eq!(read("a-"), None);

    storage.remove("a-1").expect("removing");
    assert_eq!(read("a-1"), None);
    assert_eq!(read("a.b.c").as_deref(), Some(&b"a.b.c"[..]), "removing removes one blob");
    storage.remove("a-1").expect("removing twice");

    let mut random = Random::new(5);
    let large: Vec<u8> = (0..3 << 17).flat_map(|_| random.next_u64().to_le_bytes()).collect();
    storage.replace("large", &large).expect("3 MiB");
    assert!(read("large").as_ref() == Some(&large), "every byte comes back");
    storage.replace("large", &large[1..]).expect("once more");
    assert!(read("large").as_deref() == Some(&large[1..]));
}

/// The contract of [`Files`] and [`File`](sigil_core::File). `reopen` gives a handle on the same,
/// initially empty, files each time it is called, after the one before was dropped.
///
/// # Panics
/// When the adapter breaks the contract.
pub fn files(reopen: impl Fn() -> Arc<dyn Files>) {
    let files = reopen();
    assert_eq!(files.open("absent", false).expect_err("missing").kind(), ErrorKind::NotFound);
    assert!(!files.exists("absent").expect("looking"), "a failed open creates nothing");
    files.remove("absent").expect("removing a missing file is no error");

    let file = files.open(LONG_NAME, true).expect("creating");
    assert!(files.exists(LONG_NAME).expect("looking"));
    assert!(file.is_empty().expect("length"));
    let mut bytes = [7; 8];
    assert_eq!(file.read_at(0, &mut bytes).expect("reading"), 0);
    assert_eq!(file.read_at(1 << 40, &mut bytes).expect("reading far behind the end"), 0);
    assert_eq!(bytes, [7; 8], "nothing read is nothing changed");

    file.write_at(3, b"abc").expect("writing behind the end");
    assert_eq!(file.len().expect("length"), 6);
    assert_eq!(file.read_at(0, &mut bytes).expect("reading"), 6);
    assert_eq!(&bytes[..6], b"\0\0\0abc", "a gap is zero");
    file.write_at(1, b"xyz").expect("overwriting");
    file.write_at(6, b"").expect("writing nothing");
    assert_eq!(file.read_at(2, &mut bytes[..3]).expect("reading"), 3);
    assert_eq!(&bytes[..3], b"yzb");

    file.truncate(2).expect("cutting");
    file.truncate(5).expect("growing");
    assert_eq!(file.read_at(0, &mut bytes).expect("reading"), 5);
    assert_eq!(&bytes[..5], b"\0x\0\0\0", "what was cut does not come back");
    file.sync().expect("syncing");
    file.sync().expect("syncing twice");

    // Two handles on one file are the same file.
    let again = files.open(LONG_NAME, false).expect("opening again");
    again.write_at(0, b"Z").expect("writing");
    assert_eq!(file.read_at(0, &mut bytes[..2]).expect("reading"), 2);
    assert_eq!(&bytes[..2], b"Zx");

    let mut random = Random::new(11);
    let mut model = vec![0; 1 << 16];
    let large = files.open("large", true).expect("creating");
    large.truncate(1 << 16).expect("growing");
    for _ in 0..200 {
        let start = random.below(model.len());
        let len = random.below(model.len() - start);
        let byte = random.next_u64().to_le_bytes()[0];
        model[start..start + len].fill(byte);
        large.write_at(start as u64, &vec![byte; len]).expect("writing");
    }
    large.sync().expect("syncing");
    drop((file, again, large, files));

    let files = reopen();
    let large = files.open("large", false).expect("it is still there");
    let mut found = vec![0; model.len()];
    assert_eq!(large.read_at(0, &mut found).expect("reading"), model.len());
    assert!(found == model, "every byte comes back");
    drop(large);
    files.remove("large").expect("removing");
    assert!(!files.exists("large").expect("looking"));
    assert_eq!(files.open("large", false).expect_err("removed").kind(), ErrorKind::NotFound);
    assert!(files.open("large", true).expect("creating anew").is_empty().expect("length"));
}
