//! The vectors of a sqlite-vec table, read from its shadow tables.
//!
//! sqlite-vec 0.1 (<https://github.com/asg017/sqlite-vec>) keeps a table `vectors` in
//! `vectors_chunks` (one row a chunk: how many slots it has, a bit for each that is taken, least
//! significant first, and the rowid of each as a little-endian integer), `vectors_rowids` (the
//! text key of a rowid, its chunk and its slot) and `vectors_vector_chunks00` (one row a chunk,
//! under the chunk's number as rowid: all slots one behind the other, little-endian floats). A
//! deleted row leaves its slot as it was, with the bit cleared.

use std::collections::BTreeMap;

use sigil_core::{Error, ErrorKind, Result};

use super::columns::virtual_arguments;
use super::table::{Cell, LegacyDatabase};

/// How many numbers a vector may have: what sqlite-vec allows.
const DIMENSIONS_MAX: usize = 8192;

/// A vector, or what is left of one.
#[derive(Debug, Clone, PartialEq)]
pub struct LegacyVector {
    /// Its rowid, which rises with each that is stored.
    pub rowid: i64,
    /// Its key; `None` when a slot is taken and no key belongs to it.
    pub id: Option<Cell>,
    /// The numbers; `None` when there is no slot for it.
    pub vector: Option<Vec<f32>>,
    /// Whether its chunk says that the slot is taken.
    pub is_valid: bool,
}

#[derive(Debug)]
struct Slot {
    offset: i64,
    rowid: i64,
    id: Cell,
}

#[derive(Debug)]
struct Chunk {
    size: usize,
    validity: Vec<u8>,
    rowids: Vec<u8>,
}

impl Chunk {
    fn is_taken(&self, slot: usize) -> bool {
        self.validity.get(slot / 8).is_some_and(|byte| byte >> (slot % 8) & 1 == 1)
    }

    fn rowid(&self, slot: usize) -> Option<i64> {
        let bytes = self.rowids.get(slot * 8..slot * 8 + 8)?;
        Some(i64::from_le_bytes(<[u8; 8]>::try_from(bytes).ok()?))
    }
}

/// How many numbers each vector of the table `vectors` has; `None` when there is no such table.
///
/// # Errors
/// [`ErrorKind::Unsupported`] when it is no table of sqlite-vec with one column of 32-bit floats.
pub fn dimensions(database: &LegacyDatabase<'_>) -> Result<Option<usize>> {
    let Some(sql) = database.definition("vectors") else { return Ok(None) };
    let unsupported = || {
        Error::new(
            ErrorKind::Unsupported,
            format!("'vectors' is no table of sqlite-vec with one column of floats: {sql}"),
        )
    };
    let arguments = virtual_arguments(sql, "vec0").ok_or_else(unsupported)?;
    let column = |argument: &String| {
        let words: Vec<&str> = argument.split_whitespace().collect();
        let [_, type_, count, ..] = words[..] else { return None };
        let is_float =
            ["float", "float32", "f32"].iter().any(|name| type_.eq_ignore_ascii_case(name));
        if is_float {
            count.parse::<usize>().ok().filter(|count| (1..=DIMENSIONS_MAX).contains(count))
        } else {
            None
        }
    };
    let mut found = arguments.iter().filter_map(column);
    match (found.next(), found.next()) {
        (Some(dimensions), None) if arguments.len() == 2 => Ok(Some(dimensions)),
        _ => Err(unsupported()),
    }
}

/// Hands each vector of the table `vectors` to `visit`, chunk by chunk, in the order of the slots.
///
/// One chunk is in memory at a time, and all keys.
///
/// # Errors
/// [`ErrorKind::Unsupported`] for a table of another shape, [`ErrorKind::Corrupt`] for a damaged
/// one, those of `visit`, and what the host reports.
pub fn read(
    database: &LegacyDatabase<'_>,
    mut visit: impl FnMut(LegacyVector) -> Result<()>,
) -> Result<()> {
    let Some(dimensions) = dimensions(database)? else { return Ok(()) };
    let mut keys = keys(database)?;
    let chunks = chunks(database)?;
    for row in database.rows("vectors_vector_chunks00", &["vectors"])? {
        let row = row?;
        let [Cell::Blob(floats)] = &row.cells[..] else {
            return Err(Error::corrupt(format!("chunk {} of the vectors is no blob", row.rowid)));
        };
        let slots = keys.remove(&row.rowid).unwrap_or_default();
        let empty = Chunk { size: 0, validity: Vec::new(), rowids: Vec::new() };
        chunk(chunks.get(&row.rowid).unwrap_or(&empty), slots, floats, dimensions, &mut visit)?;
    }
    // Keys whose chunk is not there.
    for slot in keys.into_values().flatten() {
        visit(LegacyVector {
            rowid: slot.rowid,
            id: Some(slot.id),
            vector: None,
            is_valid: false,
        })?;
    }
    Ok(())
}

fn chunk(
    chunk: &Chunk,
    slots: Vec<Slot>,
    floats: &[u8],
    dimensions: usize,
    visit: &mut impl FnMut(LegacyVector) -> Result<()>,
) -> Result<()> {
    let vector = |slot: usize| {
        let bytes = floats.get(slot.checked_mul(dimensions * 4)?..)?.get(..dimensions * 4)?;
        let float =
            |bytes: &[u8]| f32::from_le_bytes(<[u8; 4]>::try_from(bytes).unwrap_or_default());
        Some(bytes.chunks_exact(4).map(float).collect::<Vec<f32>>())
    };
    let mut keyed = vec![false; chunk.size];
    for Slot { offset, rowid, id } in slots {
        let slot = usize::try_from(offset).ok();
        if let Some(keyed) = slot.and_then(|slot| keyed.get_mut(slot)) {
            *keyed = true;
        }
        let is_valid =
            slot.is_some_and(|slot| chunk.is_taken(slot) && chunk.rowid(slot) == Some(rowid));
        visit(LegacyVector { rowid, id: Some(id), vector: slot.and_then(vector), is_valid })?;
    }
    for slot in (0..chunk.size).filter(|slot| !keyed[*slot] && chunk.is_taken(*slot)) {
        let rowid = chunk.rowid(slot).unwrap_or(0);
        visit(LegacyVector { rowid, id: None, vector: vector(slot), is_valid: true })?;
    }
    Ok(())
}

/// The keys by chunk, in the order of the slots; those without a chunk under -1.
fn keys(database: &LegacyDatabase<'_>) -> Result<BTreeMap<i64, Vec<Slot>>> {
    let mut keys: BTreeMap<i64, Vec<Slot>> = BTreeMap::new();
    for row in database.rows("vectors_rowids", &["id", "chunk_id", "chunk_offset"])? {
        let row = row?;
        let [id, chunk, offset] = <[Cell; 3]>::try_from(row.cells).unwrap_or(NOTHING);
        let number = |cell: &Cell| if let Cell::Integer(value) = cell { *value } else { -1 };
        let slot = Slot { offset: number(&offset), rowid: row.rowid, id };
        keys.entry(number(&chunk)).or_default().push(slot);
    }
    for slots in keys.values_mut() {
        slots.sort_by_key(|slot| slot.offset);
    }
    Ok(keys)
}

const NOTHING: [Cell; 3] = [Cell::Null, Cell::Null, Cell::Null];

fn chunks(database: &LegacyDatabase<'_>) -> Result<BTreeMap<i64, Chunk>> {
    let mut chunks = BTreeMap::new();
    for row in database.rows("vectors_chunks", &["size", "validity", "rowids"])? {
        let row = row?;
        let [size, validity, rowids] = <[Cell; 3]>::try_from(row.cells).unwrap_or(NOTHING);
        let (Cell::Integer(size), Cell::Blob(validity), Cell::Blob(rowids)) =
            (size, validity, rowids)
        else {
            return Err(Error::corrupt(format!("chunk {} of the vectors is malformed", row.rowid)));
        };
        // A size that does not hold must not allocate.
        let size = usize::try_from(size).unwrap_or(0).min(validity.len() * 8);
        chunks.insert(row.rowid, Chunk { size, validity, rowids });
    }
    Ok(chunks)
}
