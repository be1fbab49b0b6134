//! The attributes as bytes: the keys, the terms, and the rows as they are in memory.
//!
//! | what | as |
//! |---|---|
//! | the number of keys | varint |
//! | for each number of a key | the length of the key plus one as a varint and the key, or a zero if no key has the number |
//! | the number of terms | varint |
//! | for each number of a term | the number of its key plus one as a varint and its value, or a zero |
//! | for each slot | the length of its row as a varint, and the [row](super::packed) |
//!
//! What the postings hold follows from the rows, and is built anew.

use super::Attributes;
use super::columns::{Columns, Term};
use super::ordered;
use super::packed::{Packed, Reader, write_scalar, write_varint};
use super::rows::Rows;
use crate::error::{Error, Result};

impl Attributes {
    /// Adds everything to the end of `out`, for [`decode`](Attributes::decode).
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let Columns { keys, terms, .. } = &self.columns;
        write_varint(out, u64::from(keys.end()));
        for number in 0..keys.end() {
            match keys.get(number) {
                Some(name) => {
                    write_varint(out, name.len() as u64 + 1);
                    out.extend_from_slice(name.as_bytes());
                }
                None => out.push(0),
            }
        }
        write_varint(out, u64::from(terms.end()));
        for number in 0..terms.end() {
            match terms.get(number) {
                Some(term) => {
                    write_varint(out, u64::from(term.key) + 1);
                    write_scalar(out, Packed::of(&term.value));
                }
                None => out.push(0),
            }
        }
        self.rows.encode(out);
    }

    /// Reads the attributes of so many slots from the bytes of [`encode`](Attributes::encode).
    ///
    /// Takes memory in proportion to the bytes.
    ///
    /// # Errors
    /// [`Corrupt`](crate::ErrorKind::Corrupt) unless they are what `encode` could have written;
    /// [`Full`](crate::ErrorKind::Full) when memory runs out.
    pub(crate) fn decode(bytes: &[u8], slots: usize) -> Result<Attributes> {
        let mut attributes = Attributes::default();
        let mut reader = Reader::new(bytes);
        let columns = &mut attributes.columns;
        columns.decode_keys(&mut reader).ok_or_else(|| damaged("their keys"))?;
        columns.decode_terms(&mut reader).ok_or_else(|| damaged("their terms"))?;
        // The least row is the length of an empty one.
        if slots > reader.left() || u32::try_from(slots).is_err() {
            return Err(damaged("their number"));
        }
        attributes.rows.reserve(slots)?;
        let mut rows = Rows::new(&mut attributes.columns);
        for _ in 0..slots {
            let row = reader.block().ok_or_else(|| damaged("a row's length"))?;
            rows.row(row).ok_or_else(|| damaged("a row"))?;
            attributes.rows.push(row);
        }
        rows.finish().ok_or_else(|| damaged("a term that is there twice"))?;
        if !reader.is_at_end() {
            return Err(damaged("their length"));
        }
        let Columns { keys, terms, .. } = &attributes.columns;
        if !keys.are_used() || !terms.iter().all(|term| term.uses > 0) {
            return Err(damaged("a key or term that no row has"));
        }
        Ok(attributes)
    }
}

impl Columns {
    fn decode_keys(&mut self, reader: &mut Reader<'_>) -> Option<()> {
        for _ in 0..count(reader)? {
            let name = match reader.varint()?.checked_sub(1) {
                Some(len) => {
                    let name = reader.bytes(usize::try_from(len).ok()?)?;
                    Some(std::str::from_utf8(name).ok()?)
                }
                None => None,
            };
            self.keys.append(name).then_some(())?;
        }
        // Free numbers are forgotten at the end.
        self.keys
            .end()
            .checked_sub(1)
            .is_none_or(|last| self.keys.get(last).is_some())
            .then_some(())
    }

    fn decode_terms(&mut self, reader: &mut Reader<'_>) -> Option<()> {
        for number in 0..count(reader)? {
            let Some(key) = reader.varint()?.checked_sub(1) else {
                self.terms.append(None);
                continue;
            };
            let key = u32::try_from(key).ok()?;
            self.keys.get(key)?;
            let value = reader.value()?;
            let is_valid = match value {
                Packed::Float(float) => float.is_finite(),
                Packed::Text(text) => std::str::from_utf8(text).is_ok(),
                _ => true,
            };
            (is_valid && ordered::write(&mut self.value, value)).then_some(())?;
            let set = self.sets.make_named(number);
            let value = self.unpack(value);
            self.terms.append(Some(Term { key, value, uses: 0, set }));
        }
        self.terms
            .end()
            .checked_sub(1)
            .is_none_or(|last| self.terms.get(last).is_some())
            .then_some(())
    }
}

/// A number of things of at least one byte each.
fn count(reader: &mut Reader<'_>) -> Option<u32> {
    let count = reader.varint()?;
    u32::try_from(count).ok().filter(|_| count <= reader.left() as u64)
}

/// The error for attributes in which `what` does not hold.
#[cold]
fn damaged(what: &str) -> Error {
    Error::corrupt(format!(
        "the metadata of an index snapshot are damaged in {what}: rebuild the index"
    ))
}

#[cfg(test)]
mod tests;
