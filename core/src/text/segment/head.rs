//! The table of contents of a segment.
//!
//! | what | as |
//! |---|---|
//! | `sgtx`, version 1 | 4 bytes, u8 |
//! | the number of documents, and of all their tokens | varints |
//! | for each part: its kind, its length, its mark | u8, varint, blob |
//! | XXH3-64 of its bytes | u64 |
//! | XXH3-64 of everything before | u64 |

use twox_hash::XxHash3_64;

use crate::error::{Error, ErrorKind, Result};
use crate::text::varint::{self, Reader};

const MAGIC: [u8; 4] = *b"sgtx";
const VERSION: u8 = 1;

/// The most parts that a segment may have.
pub(crate) const PARTS_MAX: usize = 1 << 20;

/// What is in a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Terms,
    Postings,
    Positions,
    Documents,
    Attributes,
}

const KINDS: [Kind; 5] =
    [Kind::Terms, Kind::Postings, Kind::Positions, Kind::Documents, Kind::Attributes];

/// What the head says of a part, whose number is its place in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) kind: Kind,
    pub(crate) len: u64,
    pub(crate) checksum: u64,
    /// Of terms the first one; of attributes the number behind the last document they are of, as
    /// a varint; otherwise empty.
    pub(crate) mark: Box<[u8]>,
}

impl Part {
    /// Where a part of attributes ends; behind all documents if it does not say.
    pub(crate) fn attributes_end(&self) -> Option<u32> {
        let end = || Reader::new(&self.mark).u32().unwrap_or(u32::MAX);
        (self.kind == Kind::Attributes).then(end)
    }
}

/// The head of a segment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Head {
    /// How many documents the segment was made with.
    pub(crate) documents: u32,
    /// How many tokens these have.
    pub(crate) tokens: u64,
    pub(crate) parts: Vec<Part>,
}

impl Head {
    /// How many bytes the parts have.
    pub(crate) fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.len).sum()
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.push(VERSION);
        varint::put(&mut out, self.documents.into());
        varint::put(&mut out, self.tokens);
        varint::put(&mut out, self.parts.len() as u64);
        for part in &self.parts {
            out.push((0..).zip(KINDS).find(|(_, kind)| *kind == part.kind).map_or(0, |(n, _)| n));
            varint::put(&mut out, part.len);
            varint::put_blob(&mut out, &part.mark);
            out.extend(part.checksum.to_le_bytes());
        }
        let checksum = checksum(&out);
        out.extend(checksum.to_le_bytes());
        out
    }

    /// Reads what [`encode`](Head::encode) wrote.
    ///
    /// # Errors
    /// [`ErrorKind::NewerFormat`] and [`ErrorKind::Corrupt`].
    pub(crate) fn decode(bytes: &[u8]) -> Result<Head> {
        let damaged = || Error::corrupt("the head of a segment of a text index is damaged");
        let (body, sum) = bytes.split_last_chunk::<8>().ok_or_else(damaged)?;
        if checksum(body) != u64::from_le_bytes(*sum) {
            return Err(damaged());
        }
        let mut reader = Reader::new(body);
        if reader.array() != Some(MAGIC) {
            return Err(damaged());
        }
        match reader.byte() {
            Some(VERSION) => {}
            Some(version) if version > VERSION => {
                return Err(Error::new(
                    ErrorKind::NewerFormat,
                    format!(
                        "a text index has segments of version {version}, this library knows up to \
                         {VERSION}: use a newer version of the library"
                    ),
                ));
            }
            _ => return Err(damaged()),
        }
        Head::decode_body(&mut reader).ok_or_else(damaged)
    }

    fn decode_body(reader: &mut Reader<'_>) -> Option<Head> {
        let (documents, tokens) = (reader.u32()?, reader.u64()?);
        let count = reader.usize().filter(|count| *count <= PARTS_MAX)?;
        let mut parts = Vec::new();
        for _ in 0..count {
            parts.push(Part {
                kind: *KINDS.get(usize::from(reader.byte()?))?,
                len: reader.u64().filter(|len| *len > 0 && *len <= u64::from(u32::MAX))?,
                mark: reader.blob()?.into(),
                checksum: reader.array().map(u64::from_le_bytes)?,
            });
        }
        reader.is_at_end().then_some(Head { documents, tokens, parts })
    }
}

/// XXH3-64 of bytes.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    XxHash3_64::oneshot(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::test;

    #[test]
    fn a_head_reads_back_and_no_flipped_bit_is_missed() {
        let part = |kind, first: &[u8]| Part {
            kind,
            len: 300,
            checksum: 0x0123_4567_89ab_cdef,
            mark: first.into(),
        };
        let parts = KINDS.map(|kind| part(kind, b"term")).to_vec();
        let head = Head { documents: 7, tokens: 1 << 40, parts };
        let bytes = head.encode();
        assert_eq!(Head::decode(&bytes).unwrap(), head);
        assert_eq!(head.bytes(), 1500);
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Head::decode(&bytes).unwrap_err().kind(), ErrorKind::Corrupt);
        }
        assert!(Head::decode(&[]).is_err());
        let mut newer = bytes[..bytes.len() - 8].to_vec();
        newer[4] = 2;
        let sum = checksum(&newer);
        newer.extend(sum.to_le_bytes());
        assert_eq!(Head::decode(&newer).unwrap_err().kind(), ErrorKind::NewerFormat);
    }
}
