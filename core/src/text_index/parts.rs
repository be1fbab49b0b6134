//! Segments in the database: a row for each segment, and one for each of its parts.

use crate::engine::Database;
use crate::error::{Error, ErrorKind, Result};
use crate::params;
use crate::text::{Dead, Head, Inverted, Source, check};

/// The numbers of a segment's parts are below this; so their rows follow each other.
const PARTS: i64 = 1 << 20;

/// The database as the place where parts are read from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored<'a>(pub(super) &'a Database);

impl Source for Stored<'_> {
    fn read(&self, segment: i64, part: u32) -> Result<Vec<u8>> {
        let mut bytes = None;
        let sql = "SELECT bytes FROM sigil_text_part WHERE id = ?";
        self.0.query_each(sql, params![segment * PARTS + i64::from(part)], |row| {
            bytes = Some(row.get_blob(0)?.to_vec());
            Ok(())
        })?;
        bytes.ok_or_else(|| {
            Error::corrupt(format!("part {part} of segment {segment} of a text index is missing"))
        })
    }
}

/// The segments of an index.
pub(super) fn read(db: &Database, index: i64) -> Result<Inverted> {
    let mut members = Vec::new();
    let sql = "SELECT id, head, dead FROM sigil_text_segment WHERE text_index = ? ORDER BY id";
    db.query_each(sql, params![index], |row| {
        let head = Head::decode(row.get_blob(1)?)?;
        let dead = Dead::decode(row.get_blob(2)?, head.documents);
        let dead = dead.ok_or_else(|| {
            Error::corrupt("the dead documents of a segment of a text index are damaged")
        })?;
        members.push((row.get_i64(0)?, head, dead));
        Ok(())
    })?;
    Inverted::of(members, &Stored(db))
}

/// What is damaged of an index as it lies, segment by segment: nothing when all of it reads.
pub(super) fn problems(db: &Database, index: i64) -> Result<Vec<String>> {
    let inverted = read(db, index)?;
    let mut problems = Vec::new();
    for member in inverted.members() {
        match check(member.segment.open(&Stored(db))) {
            Err(error) if error.kind() == ErrorKind::Corrupt => problems.push(error.to_string()),
            checked => checked?,
        }
        member.segment.forget();
    }
    Ok(problems)
}

/// A number for a segment that no other one has.
pub(super) fn next_id(tx: &Database) -> Result<i64> {
    let sql = "SELECT max(id) FROM sigil_text_segment";
    Ok(tx.query(sql, ())?.single()?.as_i64().unwrap_or(0) + 1)
}

/// Writes parts of a segment.
pub(super) fn write<'p>(
    tx: &Database,
    segment: i64,
    parts: impl IntoIterator<Item = (u32, &'p [u8])>,
) -> Result<()> {
    let sql = "INSERT INTO sigil_text_part (id, bytes) VALUES (?, ?)";
    for (part, bytes) in parts {
        tx.execute(sql, params![segment * PARTS + i64::from(part), bytes])?;
    }
    Ok(())
}

/// Writes the row of a segment.
pub(super) fn add(tx: &Database, index: i64, id: i64, head: &Head, dead: &Dead) -> Result<()> {
    let sql = "INSERT INTO sigil_text_segment (id, text_index, head, dead) VALUES (?, ?, ?, ?)";
    tx.execute(sql, params![id, index, head.encode(), dead.encode()]).map(drop)
}

/// Writes which documents of a segment are dead.
pub(super) fn write_dead(tx: &Database, id: i64, dead: &Dead) -> Result<()> {
    let sql = "UPDATE sigil_text_segment SET dead = ? WHERE id = ?";
    tx.execute(sql, params![dead.encode(), id]).map(drop)
}

/// Deletes a segment with its parts.
pub(super) fn delete(tx: &Database, id: i64) -> Result<()> {
    let sql = "DELETE FROM sigil_text_part WHERE id >= ? AND id < ?";
    tx.execute(sql, params![id * PARTS, (id + 1) * PARTS])?;
    tx.execute("DELETE FROM sigil_text_segment WHERE id = ?", params![id]).map(drop)
}

/// Writes the head of a segment that is being merged, and its dead.
pub(super) fn write_head(tx: &Database, id: i64, head: &Head, dead: &Dead) -> Result<()> {
    let sql = "UPDATE sigil_text_segment SET head = ?, dead = ? WHERE id = ?";
    tx.execute(sql, params![head.encode(), dead.encode(), id]).map(drop)
}

/// Makes a segment one of an index.
pub(super) fn adopt(tx: &Database, id: i64, index: i64) -> Result<()> {
    let sql = "UPDATE sigil_text_segment SET text_index = ? WHERE id = ?";
    tx.execute(sql, params![index, id]).map(drop)
}

/// Deletes everything of an index, and the segment that is being merged.
pub(super) fn clear(tx: &Database, index: i64) -> Result<()> {
    clear_of(tx, index)?;
    clear_of(tx, -index)?;
    let sql = "UPDATE sigil_text_index SET watermark = 0, read_to = NULL, read_hash = NULL,
               merging = NULL WHERE id = ?";
    tx.execute(sql, params![index]).map(drop)
}

/// Deletes all segments of this index, or with a negative number those it is merging.
pub(super) fn clear_of(tx: &Database, index: i64) -> Result<()> {
    let mut ids = Vec::new();
    let sql = "SELECT id FROM sigil_text_segment WHERE text_index = ?";
    tx.query_each(sql, params![index], |row| {
        ids.push(row.get_i64(0)?);
        Ok(())
    })?;
    ids.into_iter().try_for_each(|id| delete(tx, id))
}
