//! A merge that is under way, written down, so that it can go on after the store was closed.
//!
//! The segment that is written, as a varint; how many are read, and for each its number and a blob
//! of its documents that were dead when the merge began; the last term that was written, as a blob.

use super::dead::Dead;
use super::varint::{self, Reader};

/// What [`encode`](State::encode) wrote.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct State<'a> {
    pub(crate) inputs: Vec<(i64, &'a [u8])>,
    pub(crate) output: i64,
    pub(crate) after: &'a [u8],
}

impl<'a> State<'a> {
    pub(crate) fn encode(inputs: &[(i64, Dead)], output: i64, after: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        varint::put(&mut out, output.cast_unsigned());
        varint::put(&mut out, inputs.len() as u64);
        for (id, dead) in inputs {
            varint::put(&mut out, id.cast_unsigned());
            varint::put_blob(&mut out, &dead.encode());
        }
        varint::put_blob(&mut out, after);
        out
    }

    pub(crate) fn decode(bytes: &'a [u8]) -> Option<State<'a>> {
        let mut reader = Reader::new(bytes);
        let output = reader.u64()?.cast_signed();
        let count = reader.usize()?;
        let mut inputs = Vec::new();
        for _ in 0..count {
            inputs.push((reader.u64()?.cast_signed(), reader.blob()?));
        }
        let after = reader.blob()?;
        reader.is_at_end().then_some(State { inputs, output, after })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::test;

    #[test]
    fn a_state_reads_back() {
        let mut dead = Dead::default();
        dead.insert(70);
        let bytes = State::encode(&[(3, dead.clone()), (9, Dead::default())], 12, b"term");
        let state = State::decode(&bytes).unwrap();
        assert_eq!((state.output, state.after), (12, &b"term"[..]));
        assert_eq!(state.inputs[0], (3, &dead.encode()[..]));
        assert!((0..bytes.len()).all(|cut| State::decode(&bytes[..cut]).is_none()));
    }
}
