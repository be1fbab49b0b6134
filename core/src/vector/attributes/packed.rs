//! The bytes of a row: its members in the order of their keys.
//!
//! A member starts with a varint: twice the number of its key plus two, with the value behind it,
//! or twice the number of a term plus one, and a [term](super::columns::Term) is key and value.
//! A row of more than [`WIDE_FROM`] members starts with a directory: a zero, the number of its
//! entries as a varint, and for every 16th member from the 16th on its distance from the first
//! one, as u32.
//!
//! | first byte of a value | value | after it |
//! |---|---|---|
//! | 00 | null | |
//! | 01, 02 | `false`, `true` | |
//! | 03 | a float | f64 |
//! | 04 | a float that 32 bits hold | f32 |
//! | 05 | a text | length in bytes as a varint, the text |
//! | 06 | an array | length in bytes as a varint, its values |
//! | 07 | an object | length in bytes as a varint, its members |
//! | 08 | a term, in an array | its number as a varint |
//! | 10..=17 | an integer of 1 to 8 bytes, its sign in the lowest bit | these bytes |
//! | 20..=3f | a term numbered 0 to 31, in an array | |
//! | 40..=7f | a text of 0 to 63 bytes | the text |
//! | 80..=ff | an integer from 0 to 127 | |
//!
//! All widths are little-endian, and varints have seven bits a byte, the lowest first.

use crate::vector::metadata::MetaValue;

/// Rows of more members have a directory.
pub(super) const WIDE_FROM: usize = 32;
/// Every so many members are in the directory.
pub(super) const WIDE_STEP: usize = 16;

const NULL: u8 = 0x00;
const FALSE: u8 = 0x01;
const TRUE: u8 = 0x02;
const FLOAT: u8 = 0x03;
const FLOAT_SHORT: u8 = 0x04;
const TEXT: u8 = 0x05;
const ARRAY: u8 = 0x06;
const OBJECT: u8 = 0x07;
const TERM: u8 = 0x08;
const INT: u8 = 0x10;
const TERM_SHORT: u8 = 0x20;
const TEXT_SHORT: u8 = 0x40;
const INT_SHORT: u8 = 0x80;

/// What a member starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Head {
    /// The number of its key; its value follows.
    Key(u32),
    /// The number of a term, which is the whole member.
    Term(u32),
}

/// A value in a row, not looked into yet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Packed<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// UTF-8.
    Text(&'a [u8]),
    /// Its values, one behind the other.
    Array(&'a [u8]),
    /// Its members, one behind the other, without a directory.
    Object(&'a [u8]),
    /// The value of the term with this number; only in arrays.
    Term(u32),
}

impl<'a> Packed<'a> {
    /// A scalar as it is in a row; arrays and objects come out empty.
    pub(super) fn of(value: &'a MetaValue) -> Packed<'a> {
        match value {
            MetaValue::Null => Packed::Null,
            MetaValue::Bool(value) => Packed::Bool(*value),
            MetaValue::Int(value) => Packed::Int(*value),
            MetaValue::Float(value) => Packed::Float(*value),
            MetaValue::Text(text) => Packed::Text(text.as_bytes()),
            MetaValue::Array(_) => Packed::Array(&[]),
            MetaValue::Object(_) => Packed::Object(&[]),
        }
    }
}

/// Reads a row, or a part of it, from its front; `None` is its end, or damage.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    /// Of the members of a row, past its directory if it has one.
    pub(super) fn members(row: &'a [u8]) -> Reader<'a> {
        Directory::split(row).map_or(Reader::new(row), |(_, members)| members)
    }

    pub(super) fn is_at_end(self) -> bool {
        self.rest.is_empty()
    }

    /// How many bytes are left.
    pub(super) fn left(self) -> usize {
        self.rest.len()
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    pub(super) fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*bytes)
    }

    pub(super) fn varint(&mut self) -> Option<u64> {
        let first = self.byte()?;
        if first < 0x80 {
            return Some(u64::from(first));
        }
        let mut value = u64::from(first & 0x7f);
        for shift in (7..64).step_by(7) {
            let byte = self.byte()?;
            // Of the tenth byte one bit is left.
            if shift == 63 && byte > 1 {
                return None;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    /// A varint and as many bytes.
    pub(super) fn block(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.varint()?).ok()?;
        self.bytes(len)
    }

    pub(super) fn head(&mut self) -> Option<Head> {
        let head = self.varint()?;
        let number = u32::try_from(head >> 1).ok()?;
        match head & 1 {
            0 => number.checked_sub(1).map(Head::Key),
            _ => Some(Head::Term(number)),
        }
    }

    pub(super) fn value(&mut self) -> Option<Packed<'a>> {
        Some(match self.byte()? {
            NULL => Packed::Null,
            FALSE => Packed::Bool(false),
            TRUE => Packed::Bool(true),
            FLOAT => Packed::Float(f64::from_le_bytes(self.array()?)),
            FLOAT_SHORT => Packed::Float(f64::from(f32::from_le_bytes(self.array()?))),
            TEXT => Packed::Text(self.block()?),
            ARRAY => Packed::Array(self.block()?),
            OBJECT => Packed::Object(self.block()?),
            TERM => Packed::Term(u32::try_from(self.varint()?).ok()?),
            tag @ INT..=0x17 => {
                let mut bytes = [0; 8];
                let len = usize::from(tag - INT) + 1;
                bytes[..len].copy_from_slice(self.bytes(len)?);
                let folded = u64::from_le_bytes(bytes);
                let int = (folded >> 1).cast_signed();
                Packed::Int(if folded & 1 == 0 { int } else { !int })
            }
            tag @ TERM_SHORT..=0x3f => Packed::Term(u32::from(tag - TERM_SHORT)),
            tag @ TEXT_SHORT..=0x7f => Packed::Text(self.bytes(usize::from(tag - TEXT_SHORT))?),
            tag @ INT_SHORT.. => Packed::Int(i64::from(tag - INT_SHORT)),
            _ => return None,
        })
    }
}

pub(super) fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

pub(super) fn write_head(out: &mut Vec<u8>, head: Head) {
    write_varint(
        out,
        match head {
            Head::Key(number) => (u64::from(number) + 1) << 1,
            Head::Term(number) => u64::from(number) << 1 | 1,
        },
    );
}

/// Writes a value that is not an array or object.
pub(super) fn write_scalar(out: &mut Vec<u8>, value: Packed<'_>) {
    match value {
        Packed::Null => out.push(NULL),
        Packed::Bool(value) => out.push(if value { TRUE } else { FALSE }),
        Packed::Int(int) => write_int(out, int),
        Packed::Float(float) => write_float(out, float),
        Packed::Text(text) => {
            match u8::try_from(text.len()) {
                Ok(len @ ..64) => out.push(TEXT_SHORT + len),
                _ => {
                    out.push(TEXT);
                    write_varint(out, text.len() as u64);
                }
            }
            out.extend_from_slice(text);
        }
        Packed::Term(number) => match u8::try_from(number) {
            Ok(number @ ..32) => out.push(TERM_SHORT + number),
            _ => {
                out.push(TERM);
                write_varint(out, u64::from(number));
            }
        },
        Packed::Array(_) | Packed::Object(_) => {}
    }
}

fn write_int(out: &mut Vec<u8>, int: i64) {
    match u8::try_from(int) {
        Ok(small @ ..128) => out.push(INT_SHORT + small),
        _ => {
            let folded = ((int << 1) ^ (int >> 63)).cast_unsigned();
            let spare = folded.leading_zeros() / 8;
            let bytes = &folded.to_le_bytes()[..8 - spare as usize];
            out.push(INT + 7 - u8::try_from(spare).unwrap_or(0));
            out.extend_from_slice(bytes);
        }
    }
}

fn write_float(out: &mut Vec<u8>, float: f64) {
    #[expect(clippy::cast_possible_truncation, reason = "taken only if nothing is lost")]
    let short = float as f32;
    if f64::from(short).to_bits() == float.to_bits() {
        out.push(FLOAT_SHORT);
        out.extend_from_slice(&short.to_le_bytes());
    } else {
        out.push(FLOAT);
        out.extend_from_slice(&float.to_le_bytes());
    }
}

/// Starts an array, and says where [`close`] shall put its length.
pub(super) fn open_array(out: &mut Vec<u8>) -> usize {
    out.push(ARRAY);
    out.len()
}

/// Starts an object, and says where [`close`] shall put its length.
pub(super) fn open_object(out: &mut Vec<u8>) -> usize {
    out.push(OBJECT);
    out.len()
}

/// Ends the array or object whose values or members start at `start`.
pub(super) fn close(out: &mut Vec<u8>, start: usize) {
    let end = out.len();
    write_varint(out, (end - start) as u64);
    let len_bytes = out.len() - end;
    out[start..].rotate_right(len_bytes);
}

/// Where some members of a wide row start, so that none is far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Directory<'a> {
    entries: &'a [[u8; 4]],
    members: &'a [u8],
}

impl<'a> Directory<'a> {
    /// The directory that a row starts with, and its members.
    pub(super) fn split(row: &'a [u8]) -> Option<(Directory<'a>, Reader<'a>)> {
        let (0, rest) = row.split_first()? else {
            return None;
        };
        let mut reader = Reader::new(rest);
        let len = usize::try_from(reader.varint()?).ok()?;
        let (entries, _) = reader.bytes(len.checked_mul(4)?)?.as_chunks();
        Some((Directory { entries, members: reader.rest }, reader))
    }

    /// How many entries there are.
    pub(super) fn len(self) -> usize {
        self.entries.len()
    }

    /// The distance of a member from the first one.
    pub(super) fn entry(self, at: usize) -> Option<usize> {
        self.entries.get(at).map(|entry| u32::from_le_bytes(*entry) as usize)
    }

    /// The members from the last entry on for which `is_before` holds of its member, or all.
    pub(super) fn seek(self, mut is_before: impl FnMut(Reader<'a>) -> bool) -> Reader<'a> {
        let at = self.entries.partition_point(|entry| is_before(self.reader(*entry)));
        match at.checked_sub(1) {
            Some(at) => self.reader(self.entries[at]),
            None => Reader::new(self.members),
        }
    }

    fn reader(self, entry: [u8; 4]) -> Reader<'a> {
        let start = u32::from_le_bytes(entry) as usize;
        Reader::new(self.members.get(start..).unwrap_or_default())
    }
}

/// Writes the directory of a row while its members are written.
#[derive(Debug)]
pub(super) struct DirectoryWriter {
    /// Where the entries start and the members start; `None` for a row without a directory.
    places: Option<(usize, usize)>,
}

impl DirectoryWriter {
    /// Starts a row of so many members at the end of `out`.
    pub(super) fn start(out: &mut Vec<u8>, members: usize) -> DirectoryWriter {
        if members <= WIDE_FROM {
            return DirectoryWriter { places: None };
        }
        let len = (members - 1) / WIDE_STEP;
        out.push(0);
        write_varint(out, len as u64);
        let entries = out.len();
        out.resize(entries + len * 4, 0);
        DirectoryWriter { places: Some((entries, out.len())) }
    }

    /// Says that the member of this index is to be written at the end of `out`.
    pub(super) fn member(&self, out: &mut [u8], index: usize) {
        if let Some((entries, members)) = self.places
            && index.is_multiple_of(WIDE_STEP)
            && index > 0
        {
            let start = u32::try_from(out.len() - members).unwrap_or(u32::MAX);
            let entry = entries + (index / WIDE_STEP - 1) * 4;
            out[entry..entry + 4].copy_from_slice(&start.to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests;
