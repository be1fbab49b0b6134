//! The documents of a segment: their keys, their lengths and their times.
//!
//! Documents are numbered in the order of their keys, from 0 on. A part holds up to 16,384:
//!
//! | what | as |
//! |---|---|
//! | how many documents | varint |
//! | runs of keys that follow each other: the distance of the first key from the end of the run before, and how many keys more than one, twice | zigzag varint of the first distance, varints after it |
//! | the number of tokens of each | varint |
//! | 0 without times; with, the distances of their microseconds since 1970 from the one before | 1, then zigzag varints |
//! | then, for 2 instead of 1, the nanoseconds beyond these of each | varint |

use crate::text::varint::{self, Reader, unzigzag, zigzag};
use crate::time::Timestamp;

/// The most documents in one part.
pub(crate) const PART_DOCUMENTS: usize = 1 << 14;

/// What is known of one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Document {
    /// The number of its row.
    pub(crate) key: i64,
    /// How many tokens it has.
    pub(crate) len: u32,
    /// When it was made, where the index knows.
    pub(crate) time: Option<Timestamp>,
}

/// The documents of a segment in memory.
#[derive(Debug, Clone, Default)]
pub(crate) struct Documents {
    keys: Vec<i64>,
    lens: Vec<u32>,
    /// As many as keys, or none.
    times: Vec<Timestamp>,
}

impl Documents {
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(crate) fn key(&self, doc: u32) -> i64 {
        self.keys.get(doc as usize).copied().unwrap_or(i64::MIN)
    }

    pub(crate) fn keys(&self) -> &[i64] {
        &self.keys
    }

    /// The number of the document with this key.
    pub(crate) fn find(&self, key: i64) -> Option<u32> {
        self.keys.binary_search(&key).ok().and_then(|doc| u32::try_from(doc).ok())
    }

    /// How many tokens each document has.
    pub(crate) fn lens(&self) -> &[u32] {
        &self.lens
    }

    pub(crate) fn time(&self, doc: u32) -> Option<Timestamp> {
        self.times.get(doc as usize).copied()
    }

    pub(crate) fn get(&self, doc: u32) -> Document {
        Document {
            key: self.key(doc),
            len: self.lens.get(doc as usize).copied().unwrap_or(0),
            time: self.time(doc),
        }
    }

    /// Adds a document, whose key must be above that of the last one.
    pub(crate) fn push(&mut self, document: Document) {
        self.keys.push(document.key);
        self.lens.push(document.len);
        self.times.extend(document.time);
    }

    /// How many bytes are held.
    pub(crate) fn memory(&self) -> usize {
        self.keys.capacity() * size_of::<i64>()
            + self.lens.capacity() * size_of::<u32>()
            + self.times.capacity() * size_of::<Timestamp>()
    }

    /// The documents of a range as the bytes of a part.
    pub(crate) fn encode(&self, range: std::ops::Range<usize>) -> Vec<u8> {
        let mut out = Vec::new();
        varint::put(&mut out, range.len() as u64);
        let keys = &self.keys[range.clone()];
        let mut before = 0_i64;
        let is_run = |a: &i64, b: &i64| a.checked_add(1) == Some(*b);
        for (n, run) in keys.chunk_by(is_run).enumerate() {
            let distance = run[0].wrapping_sub(before);
            let distance = if n == 0 { zigzag(distance) } else { distance.cast_unsigned() };
            let more = run.len() as u64 - 1;
            // Most runs are of one where keys are not in a row, and of many where they are.
            if more == 0 && distance >> 63 == 0 {
                varint::put(&mut out, distance << 1);
            } else {
                varint::put(&mut out, (distance << 1) | 1);
                varint::put(&mut out, (more << 1) | (distance >> 63));
            }
            before = run[run.len() - 1].wrapping_add(1);
        }
        self.lens[range.clone()].iter().for_each(|len| varint::put(&mut out, u64::from(*len)));
        encode_times(self.times.get(range).unwrap_or_default(), &mut out);
        out
    }

    /// Adds the documents of a part behind those that are there; `None` when the bytes are none.
    pub(crate) fn decode(&mut self, bytes: &[u8]) -> Option<()> {
        let mut reader = Reader::new(bytes);
        let count = reader.usize().filter(|count| *count <= PART_DOCUMENTS)?;
        let end = self.keys.len() + count;
        self.decode_keys(&mut reader, end)?;
        for _ in 0..count {
            self.lens.push(reader.u32()?);
        }
        self.decode_times(&mut reader, count)?;
        reader.is_at_end().then_some(())
    }

    fn decode_keys(&mut self, reader: &mut Reader<'_>, end: usize) -> Option<()> {
        let (mut before, mut is_first) = (0_i64, true);
        while self.keys.len() < end {
            let head = reader.u64()?;
            let (mut distance, mut more) = (head >> 1, 0);
            if head & 1 == 1 {
                let run = reader.u64()?;
                distance |= (run & 1) << 63;
                more = usize::try_from(run >> 1).ok()?;
            }
            if more >= end - self.keys.len() {
                return None;
            }
            let distance = if is_first { unzigzag(distance) } else { distance.cast_signed() };
            let first = before.wrapping_add(distance);
            // The keys of the segment ascend.
            if self.keys.last().is_some_and(|last| *last >= first) {
                return None;
            }
            let last = first.checked_add(i64::try_from(more).ok()?)?;
            self.keys.extend(first..=last);
            (before, is_first) = (last.wrapping_add(1), false);
        }
        Some(())
    }

    fn decode_times(&mut self, reader: &mut Reader<'_>, count: usize) -> Option<()> {
        let kind = reader.byte()?;
        if kind == 0 {
            return self.times.is_empty().then_some(());
        }
        let start = self.times.len();
        if start + count != self.keys.len() || kind > 2 {
            return None;
        }
        let mut micros = 0_i64;
        for _ in 0..count {
            micros = micros.wrapping_add(unzigzag(reader.u64()?));
            self.times.push(Timestamp::from_unix_parts(micros, 0)?);
        }
        if kind == 2 {
            for time in &mut self.times[start..] {
                let nanos = reader.u32().filter(|nanos| *nanos < 1000)?;
                *time = Timestamp::from_unix_parts(time.unix_us(), nanos)?;
            }
        }
        Some(())
    }
}

fn encode_times(times: &[Timestamp], out: &mut Vec<u8>) {
    if times.is_empty() {
        return out.push(0);
    }
    let has_nanos = times.iter().any(|time| time.nanos_beyond_us() > 0);
    out.push(1 + u8::from(has_nanos));
    let mut before = 0_i64;
    for time in times {
        varint::put(out, zigzag(time.unix_us().wrapping_sub(before)));
        before = time.unix_us();
    }
    if has_nanos {
        times.iter().for_each(|time| varint::put(out, u64::from(time.nanos_beyond_us())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::test;

    fn read_back(documents: &[Document]) {
        let mut all = Documents::default();
        documents.iter().for_each(|document| all.push(*document));
        let mut read = Documents::default();
        let middle = documents.len() / 3;
        for range in [0..middle, middle..documents.len()] {
            let bytes = all.encode(range);
            read.decode(&bytes).unwrap();
            for cut in 0..bytes.len() {
                assert!(Documents::default().decode(&bytes[..cut]).is_none(), "{cut}");
            }
        }
        assert_eq!(read.len(), documents.len());
        for (doc, document) in (0..).zip(documents) {
            assert_eq!(read.get(doc), *document);
            assert_eq!(read.find(document.key), Some(doc));
        }
        assert_eq!(read.find(12_345_678), None);
    }

    #[test]
    fn documents_read_back() {
        let keys = (1..400).chain([500, 502, 503, i64::MAX - 1, i64::MAX]);
        let keys: Vec<i64> = [i64::MIN, -7, -6].into_iter().chain(keys).collect();
        let document =
            |key: i64| Document { key, len: u32::try_from(key & 999).unwrap(), time: None };
        read_back(&keys.iter().map(|key| document(*key)).collect::<Vec<_>>());
        for step in [1_000_000, 1_234_567_891] {
            let timed = keys.iter().zip(-5..).map(|(key, n)| Document {
                time: Some(Timestamp::from_unix_ns(n * step)),
                ..document(*key)
            });
            read_back(&timed.collect::<Vec<_>>());
        }
        let zero = Document { time: Some(Timestamp::ZERO), ..document(3) };
        read_back(&[zero, Document { key: 4, ..zero }]);
    }
}
