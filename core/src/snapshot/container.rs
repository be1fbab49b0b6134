//! The container around every blob the core writes: what it is, whose it is, and whether it is whole.
//!
//! A fixed header of 80 bytes, little-endian, then the payload, then nothing:
//!
//! | at | bytes | field |
//! |---|---|---|
//! | 0 | 8 | magic `89 "sigil" 0d 0a` |
//! | 8 | 2 | format version, now 1 |
//! | 10 | 1 | kind: 1 image, 2 WAL tail, 3 index snapshot, 4 manifest |
//! | 11 | 5 | reserved, zero |
//! | 16 | 16 | store id |
//! | 32 | 8 | generation: the flush that wrote the blob |
//! | 40 | 8 | epoch: the number of the base image it belongs to |
//! | 48 | 8 | offset (see [`BlobHeader::offset`]) |
//! | 56 | 8 | payload length |
//! | 64 | 8 | XXH3-64 of the payload |
//! | 72 | 8 | XXH3-64 of bytes 0..72 |
//!
//! The layout of the header and its checksum are the same in every version of the format, so a
//! flipped bit in the version is told from a blob of a newer library.

use std::fmt;

use twox_hash::XxHash3_64;

use crate::error::{Error, ErrorKind, Result};

/// The length of the header that stands before every payload, in bytes.
pub const HEADER_LEN: usize = 80;

/// The newest format version this library reads, and the one it writes.
pub const FORMAT_VERSION: u16 = 1;

// The first byte is no ASCII and the last two are a line end, so that transfers that mangle
// either are caught by the magic (the idea is PNG's).
const MAGIC: [u8; 8] = *b"\x89sigil\r\n";

/// The identity of one store, random at its creation and never changed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StoreId(pub [u8; 16]);

impl fmt::Display for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreId({self})")
    }
}

/// What the payload of a blob is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BlobKind {
    /// A whole database file, as it is after a checkpoint.
    Image,
    /// A piece of the write-ahead log that belongs to an image.
    WalTail,
    /// The opaque snapshot of a derived index.
    IndexSnapshot,
    /// A manifest, which names the blobs of one generation.
    Manifest,
}

impl BlobKind {
    const ALL: [BlobKind; 4] =
        [BlobKind::Image, BlobKind::WalTail, BlobKind::IndexSnapshot, BlobKind::Manifest];

    const fn byte(self) -> u8 {
        match self {
            BlobKind::Image => 1,
            BlobKind::WalTail => 2,
            BlobKind::IndexSnapshot => 3,
            BlobKind::Manifest => 4,
        }
    }
}

impl fmt::Display for BlobKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BlobKind::Image => "database image",
            BlobKind::WalTail => "WAL tail",
            BlobKind::IndexSnapshot => "index snapshot",
            BlobKind::Manifest => "manifest",
        })
    }
}

/// What a container says about its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobHeader {
    /// What the payload is.
    pub kind: BlobKind,
    /// The store it belongs to.
    pub store: StoreId,
    /// The flush that wrote it.
    pub generation: u64,
    /// The number of the base image it is, or belongs to.
    pub epoch: u64,
    /// Of a WAL tail, where in the WAL its first byte stands. Of an image, how many bytes of WAL
    /// the same flush wrote beside it. Otherwise zero.
    pub offset: u64,
}

/// A container that was read and found whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blob<'a> {
    /// What the container says about the payload.
    pub header: BlobHeader,
    /// The payload.
    pub payload: &'a [u8],
    /// XXH3-64 of the payload.
    pub checksum: u64,
}

/// XXH3-64 of `bytes`: the checksum of every format of the core.
pub fn checksum(bytes: &[u8]) -> u64 {
    XxHash3_64::oneshot(bytes)
}

/// Wraps `payload` in a container.
///
/// ```
/// use sigil_core::container::{self, BlobHeader, BlobKind, StoreId};
/// let header =
///     BlobHeader { kind: BlobKind::WalTail, store: StoreId([7; 16]), generation: 3, epoch: 1, offset: 32 };
/// let bytes = container::encode(&header, b"frames");
/// let blob = container::decode("wal-1-3", &bytes)?;
/// assert_eq!((blob.header, blob.payload), (header, &b"frames"[..]));
/// # Ok::<(), sigil_core::Error>(())
/// ```
pub fn encode(header: &BlobHeader, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_LEN + payload.len());
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    bytes.push(header.kind.byte());
    bytes.extend_from_slice(&[0; 5]);
    bytes.extend_from_slice(&header.store.0);
    for word in
        [header.generation, header.epoch, header.offset, payload.len() as u64, checksum(payload)]
    {
        bytes.extend_from_slice(&word.to_le_bytes());
    }
    bytes.extend_from_slice(&checksum(&bytes).to_le_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// Reads the container of the blob `name`, which must be whole to the last bit.
///
/// # Errors
/// [`ErrorKind::NewerFormat`] when a newer version of this library wrote it;
/// [`ErrorKind::Corrupt`] when it is no container, is cut off, has bytes behind its end, or a
/// checksum does not hold. The message names the blob.
pub fn decode<'a>(name: &str, bytes: &'a [u8]) -> Result<Blob<'a>> {
    let corrupt = |what: String| Error::corrupt(format!("blob '{name}' {what}"));
    let Some((head, payload)) = bytes.split_at_checked(HEADER_LEN) else {
        return Err(corrupt(format!(
            "is cut off: expected at least {HEADER_LEN} bytes, found {}",
            bytes.len()
        )));
    };
    if head[..8] != MAGIC {
        return Err(corrupt(format!(
            "is not a blob of sigil-store: expected the magic {:02x?}, found {:02x?}",
            MAGIC,
            &head[..8]
        )));
    }
    let (expected, found) = (word(head, 72), checksum(&head[..72]));
    if expected != found {
        return Err(corrupt(format!(
            "has a damaged header: expected the checksum {expected:016x}, found {found:016x}"
        )));
    }
    let version = u16::from_le_bytes([head[8], head[9]]);
    if version > FORMAT_VERSION {
        return Err(Error::new(
            ErrorKind::NewerFormat,
            format!(
                "blob '{name}' is of format {version}, and this version of sigil-store reads up \
                 to {FORMAT_VERSION}: open it with a newer version"
            ),
        ));
    }
    let kind = BlobKind::ALL.into_iter().find(|kind| kind.byte() == head[10]);
    let (Some(kind), 1.., [0, 0, 0, 0, 0]) = (kind, version, &head[11..16]) else {
        return Err(corrupt(format!(
            "has an impossible header: version {version}, kind {}, reserved {:02x?}",
            head[10],
            &head[11..16]
        )));
    };
    let expected = word(head, 56);
    if expected != payload.len() as u64 {
        return Err(corrupt(format!(
            "has the wrong length: expected {expected} bytes after the header, found {}",
            payload.len()
        )));
    }
    let (expected, found) = (word(head, 64), checksum(payload));
    if expected != found {
        return Err(corrupt(format!(
            "is damaged: expected the checksum {expected:016x}, found {found:016x}"
        )));
    }
    let mut store = [0; 16];
    store.copy_from_slice(&head[16..32]);
    let header = BlobHeader {
        kind,
        store: StoreId(store),
        generation: word(head, 32),
        epoch: word(head, 40),
        offset: word(head, 48),
    };
    Ok(Blob { header, payload, checksum: expected })
}

/// [`decode`], and the blob must be of `kind` and, when one is given, of `store`.
///
/// # Errors
/// As [`decode`]; [`ErrorKind::Corrupt`] naming the blob, what was expected and what was found
/// when it is of another kind or another store.
pub fn decode_as<'a>(
    name: &str,
    bytes: &'a [u8],
    kind: BlobKind,
    store: Option<StoreId>,
) -> Result<Blob<'a>> {
    let blob = decode(name, bytes)?;
    if blob.header.kind != kind {
        return Err(Error::corrupt(format!(
            "blob '{name}' is of the wrong kind: expected a {kind}, found a {}",
            blob.header.kind
        )));
    }
    if let Some(store) = store.filter(|store| *store != blob.header.store) {
        return Err(Error::corrupt(format!(
            "blob '{name}' is of another store: expected {store}, found {}",
            blob.header.store
        )));
    }
    Ok(blob)
}

/// The little-endian word at `at`, which the caller knows to be inside.
fn word(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::test;

    const HEADER: BlobHeader = BlobHeader {
        kind: BlobKind::Image,
        store: StoreId([0xa5; 16]),
        generation: 7,
        epoch: 2,
        offset: 0x0102_0304_0506,
    };

    #[test]
    fn the_layout_is_fixed() {
        let bytes = encode(&HEADER, b"xy");
        assert_eq!(bytes.len(), HEADER_LEN + 2);
        assert_eq!(&bytes[..16], b"\x89sigil\r\n\x01\0\x01\0\0\0\0\0");
        assert_eq!(&bytes[16..32], &[0xa5; 16]);
        assert_eq!(&bytes[32..40], &[7, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(&bytes[40..48], &[2, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(&bytes[48..56], &[6, 5, 4, 3, 2, 1, 0, 0]);
        assert_eq!(&bytes[56..64], &[2, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(&bytes[80..], b"xy");
        assert_eq!(decode("b", &bytes).unwrap().header, HEADER);
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_detected() {
        for len in [0, 1, 7, 300] {
            let payload: Vec<u8> = (0..len).map(|i: u32| i.to_le_bytes()[0] ^ 0x5a).collect();
            let bytes = encode(&HEADER, &payload);
            assert_eq!(decode("b", &bytes).unwrap().payload, payload);
            for bit in 0..bytes.len() * 8 {
                let mut flipped = bytes.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                let error = decode("b", &flipped).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Corrupt, "bit {bit}: {error}");
            }
            for cut in 0..bytes.len() {
                assert_eq!(decode("b", &bytes[..cut]).unwrap_err().kind(), ErrorKind::Corrupt);
            }
            let mut longer = bytes.clone();
            longer.push(0);
            assert_eq!(decode("b", &longer).unwrap_err().kind(), ErrorKind::Corrupt);
        }
    }

    /// `bytes` with `at` set to `value` and the header's checksum made good again.
    fn forged(bytes: &[u8], at: usize, value: u8) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        bytes[at] = value;
        let sum = checksum(&bytes[..72]);
        bytes[72..80].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    #[test]
    fn newer_foreign_and_impossible_blobs_are_told_apart() {
        let bytes = encode(&HEADER, b"payload");
        let kind_of = |bytes: &[u8]| decode("b", bytes).unwrap_err().kind();
        assert_eq!(kind_of(&forged(&bytes, 8, 2)), ErrorKind::NewerFormat);
        assert_eq!(kind_of(&forged(&bytes, 9, 1)), ErrorKind::NewerFormat);
        assert_eq!(kind_of(&forged(&bytes, 8, 0)), ErrorKind::Corrupt);
        assert_eq!(kind_of(&forged(&bytes, 10, 5)), ErrorKind::Corrupt);
        assert_eq!(kind_of(&forged(&bytes, 13, 1)), ErrorKind::Corrupt);
        let error = decode_as("b", &bytes, BlobKind::Manifest, None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "blob 'b' is of the wrong kind: expected a manifest, found a database image"
        );
        let other = Some(StoreId([0; 16]));
        let error = decode_as("b", &bytes, BlobKind::Image, other).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains("expected 0000"), "{error}");
        assert!(error.to_string().contains("found a5a5"), "{error}");
        assert!(decode_as("b", &bytes, BlobKind::Image, Some(HEADER.store)).is_ok());
    }
}
