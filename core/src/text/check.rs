//! Reading all of a segment, to find damage.

use super::dead::Dead;
use super::merge::Merge;
use super::merging::State;
use super::segment::documents::Documents;
use super::segment::head::{Head, Kind, Part, checksum};
use super::segment::positions::Positions;
use super::segment::postings::{END, Postings};
use super::segment::{Segment, SegmentReader, Source};
use super::varint::Reader;
use crate::error::{Error, Result};

/// Reads every part of a segment and every list in it.
///
/// # Errors
/// [`Corrupt`](crate::ErrorKind::Corrupt) when a part is not what the head says of it, or what is
/// behind a checksum does not decode.
pub(crate) fn check(reader: SegmentReader<'_>) -> Result<()> {
    for number in (0..).take(reader.head().parts.len()) {
        reader.part(number)?;
    }
    let documents = reader.documents()?.len();
    let (mut walk, mut before) = (reader.walk(&[])?, Vec::new());
    let mut spots = Vec::new();
    while walk.next()? {
        reader.check(before.as_slice() < walk.term())?;
        before.clear();
        before.extend_from_slice(walk.term());
        let list = reader.list(&walk)?;
        let beside = reader.positions(&list)?;
        let (mut postings, mut positions) =
            (Postings::new(&list.docs, list.count), Positions::new(&beside));
        let mut last = None;
        while postings.doc() != END {
            let doc = postings.doc();
            reader.check((doc as usize) < documents && last < Some(doc))?;
            last = Some(doc);
            if !beside.is_empty() {
                spots.clear();
                positions.read(&mut postings, &mut spots);
            }
            postings.next();
        }
        reader.check(postings.is_whole() && positions.is_whole())?;
    }
    Ok(())
}

/// Parts of a segment for a fuzzer: each is its kind, its length in 16 bits, and its bytes.
#[derive(Debug)]
struct Parts<'a>(Vec<(Kind, &'a [u8])>);

impl Source for Parts<'_> {
    fn read(&self, _: i64, part: u32) -> Result<Vec<u8>> {
        let part = self.0.get(part as usize);
        part.map(|(_, bytes)| bytes.to_vec()).ok_or_else(|| Error::corrupt("no such part"))
    }
}

impl<'a> Parts<'a> {
    fn split(bytes: &'a [u8]) -> Parts<'a> {
        const KINDS: [Kind; 4] = [Kind::Terms, Kind::Postings, Kind::Positions, Kind::Documents];
        let (mut reader, mut parts) = (Reader::new(bytes), Vec::new());
        while let (Some(kind), Some(len)) = (reader.byte(), reader.array().map(u16::from_le_bytes))
        {
            let len = usize::from(len).min(reader.rest().len());
            let kind = KINDS.get(usize::from(kind) % KINDS.len());
            parts.extend(kind.copied().zip(reader.bytes(len).filter(|bytes| !bytes.is_empty())));
        }
        Parts(parts)
    }

    /// A head by which the parts are whole, so that what is behind the checksums is reached.
    fn head(&self) -> Head {
        let mut documents = Documents::default();
        for (_, bytes) in self.0.iter().filter(|(kind, _)| *kind == Kind::Documents) {
            if documents.decode(bytes).is_none() {
                break;
            }
        }
        let part = |(kind, bytes): &(Kind, &[u8])| Part {
            kind: *kind,
            len: bytes.len() as u64,
            checksum: checksum(bytes),
            mark: Box::default(),
        };
        let parts = self.0.iter().map(part).collect();
        Head { documents: u32::try_from(documents.len()).unwrap_or(0), tokens: 0, parts }
    }
}

/// Takes any bytes for everything that is stored of a text index, and reads it.
pub(crate) fn attack(bytes: &[u8]) {
    let _ = Head::decode(bytes);
    if let Some((body, _)) = bytes.split_last_chunk::<8>() {
        let _ = Head::decode(&[body, &checksum(body).to_le_bytes()].concat());
    }
    let _ = State::decode(bytes);
    let parts = Parts::split(bytes);
    let head = parts.head();
    let dead = Dead::decode(bytes, head.documents).unwrap_or_default();
    let segment = Segment::new(1, head);
    let reader = segment.open(&parts);
    let _ = check(reader);
    let _ = Merge::begin(&[(reader, &dead)]).and_then(|mut merge| {
        while !merge.step(&[reader], 4096)? {}
        Ok(())
    });
    for term in [&b""[..], b"\0a", b"\x80ab"] {
        let _ = reader.find(term);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::test;
    use crate::text::{Analyzer, Builder, TextOptions};

    /// A small segment in the form that a fuzzer is given.
    fn seed() -> Vec<u8> {
        let analyzer = Analyzer::new(&TextOptions::default()).unwrap();
        let mut builder = Builder::new(&analyzer, &[2]);
        for key in 0..300_i64 {
            let text = format!("all of some {} words {}", key % 7, key % 50);
            builder.add(key * 2, None, [text.as_str(), "second column"], None);
        }
        let segment = builder.finish(-1);
        let mut bytes = Vec::new();
        for (part, stored) in segment.head().parts.iter().zip(segment.parts()) {
            let kinds = [Kind::Terms, Kind::Postings, Kind::Positions, Kind::Documents];
            let kind = kinds.iter().position(|kind| *kind == part.kind).unwrap();
            bytes.push(u8::try_from(kind).unwrap());
            bytes.extend(u16::try_from(stored.len()).unwrap().to_le_bytes());
            bytes.extend_from_slice(&stored);
        }
        bytes
    }

    #[test]
    fn damage_behind_checksums_is_an_error_and_no_panic() {
        let bytes = seed();
        let parts = Parts::split(&bytes);
        let segment = Segment::new(1, parts.head());
        check(segment.open(&parts)).unwrap();
        let mut state = 5_u32;
        for _ in 0..3_000 {
            let mut bytes = bytes.clone();
            for _ in 0..=state % 3 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let at = (state >> 8) as usize % bytes.len();
                bytes[at] = [0, 0xff, 0x80, 0x7f, 1][(state % 5) as usize];
            }
            attack(&bytes);
        }
        (0..bytes.len()).step_by(37).for_each(|len| attack(&bytes[..len]));
    }
}
