//! Version 1 of the index snapshot.
//!
//! Behind the header, in which bytes 20..28 are the checksum of everything, come in postcard's
//! encoding a [`Head`] and for each vector its id and its metadata; after them the elements of all
//! vectors in the same order as raw little-endian f32.

use serde::Deserialize;

use super::{SnapshotMark, damaged, take};
use crate::error::Result;
use crate::vector::{Metadata, Metric, VectorIndex};

const ELEMENT_BYTES: usize = size_of::<f32>();

#[derive(Debug, Deserialize)]
struct Head {
    metric: Metric,
    dimensions: u32,
    count: u32,
    mark: SnapshotMark,
}

pub(super) fn mark(payload: &[u8]) -> Result<SnapshotMark> {
    take::<Head>(payload).map(|(head, _)| head.mark)
}

pub(super) fn read(payload: &[u8]) -> Result<(VectorIndex, SnapshotMark)> {
    let (head, mut rest) = take::<Head>(payload)?;
    let dimensions = head.dimensions as usize;
    let mut index = VectorIndex::new(dimensions, head.metric)
        .map_err(|error| damaged("its dimensions").context_of(error))?;
    // An id of one byte with its length and empty metadata are the least a row can take.
    let row_bytes_min = 3 + dimensions * ELEMENT_BYTES;
    let count = head.count as usize;
    if count > rest.len() / row_bytes_min {
        return Err(damaged("the number of its vectors").into());
    }
    let mut rows = Vec::with_capacity(count);
    for _ in 0..count {
        let (row, after) = take::<(&str, Metadata)>(rest)?;
        rows.push(row);
        rest = after;
    }
    if rest.len() != count * dimensions * ELEMENT_BYTES {
        return Err(damaged("the length of its vectors").into());
    }
    for ((id, metadata), row) in rows.into_iter().zip(rest.chunks(dimensions * ELEMENT_BYTES)) {
        let elements = row.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
        let vector: Vec<f32> = elements.collect();
        let replaced = index
            .add(id, &vector, metadata)
            .map_err(|error| damaged("a vector").context_of(error))?;
        if replaced {
            return Err(damaged("an id that is there twice").into());
        }
    }
    Ok((index, head.mark))
}
