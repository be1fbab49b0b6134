//! Reading all of a segment, to find damage.

use super::segment::SegmentReader;
use super::segment::positions::Positions;
use super::segment::postings::{END, Postings};
use crate::error::Result;

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
        while postings.doc() != END {
            reader.check((postings.doc() as usize) < documents)?;
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
