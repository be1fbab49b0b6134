//! Storing what is fresh, and merging what is stored: a bounded piece at a time.

use super::following::TextFollower;
use super::parts::{self, Stored};
use crate::changes;
use crate::engine::Database;
use crate::error::{Error, ErrorKind, Result};
use crate::params;
use crate::text::{Dead, Head, Merge, Segment, SegmentWriter, merging};

/// Fresh segments are stored when they have so many documents or bytes together, or when so many
/// documents died.
const STORE_DOCUMENTS: u64 = 2048;
const STORE_BYTES: u64 = 256 << 10;

/// And at the end when they have so many: fewer are read again faster.
const STORE_DOCUMENTS_LAST: u64 = 256;

/// What one step of a merge writes, in bytes.
pub(super) const STEP_BYTES: usize = 256 << 10;

/// How many steps of a merge go with each time that fresh segments are stored: a document is
/// written again once for each level.
const STEPS: usize = 4;

/// And at the end.
const STEPS_LAST: usize = 4 * STEPS;

/// A merge of stored segments into one that is being written.
#[derive(Debug)]
pub(crate) struct Merging {
    /// The segments, and their dead when it began.
    inputs: Vec<(i64, Dead)>,
    output: i64,
    merge: Merge,
}

impl TextFollower {
    /// Stores what is fresh and merges a piece, if there is enough of it.
    pub(super) fn keep_up(&mut self, db: &Database) -> Result<()> {
        let fresh = &self.inverted;
        let changed = fresh.fresh_documents().max(fresh.fresh_dead());
        if changed < STORE_DOCUMENTS && fresh.fresh_bytes() < STORE_BYTES {
            return Ok(());
        }
        self.store(db)?;
        self.merge_some(db, STEPS)
    }

    /// Stores what is fresh, unless it is as fast to read it again.
    ///
    /// One that nobody has searched, and few have written to, is left as it is.
    pub(crate) fn save(&mut self, db: &Database) -> Result<bool> {
        if self.seen_changes.is_none() && !self.is_far_behind(db)? {
            return Ok(false);
        }
        self.catch_up(db)?;
        let changed = self.inverted.fresh_documents().max(self.inverted.fresh_dead());
        let due = changed >= STORE_DOCUMENTS_LAST;
        if due {
            self.store(db)?;
            // What is under way takes room twice until it is done.
            self.merge_some(db, STEPS_LAST)?;
        }
        Ok(due)
    }

    /// Stores what is fresh and what died, with how far the table was read, in one commit.
    pub(super) fn store(&mut self, db: &Database) -> Result<()> {
        let was_current = self.is_current(db);
        let segment = self.inverted.gather()?;
        let mut stored = None;
        db.transaction(|tx| {
            if let Some(segment) = &segment {
                let id = parts::next_id(tx)?;
                let bytes = segment.parts();
                parts::write(tx, id, (0..).zip(bytes.iter().map(|part| &**part)))?;
                parts::add(tx, self.info.id, id, segment.head(), &Dead::default())?;
                stored = Some(id);
            }
            for (id, dead) in self.inverted.unsaved_dead() {
                parts::write_dead(tx, id, dead)?;
            }
            let sql = "UPDATE sigil_text_index SET watermark = ?, read_to = ?, read_hash = ?
                       WHERE id = ?";
            let hash = self.hash_of_last();
            tx.execute(sql, params![self.watermark, self.read_to, hash, self.info.id])?;
            changes::trim(tx, self.info.source, self.watermark)
        })?;
        if let (Some(id), Some(segment)) = (stored, segment) {
            self.inverted.stored(id, segment.head().clone());
        }
        self.inverted.dead_stored();
        self.note_own_changes(db, was_current);
        Ok(())
    }

    /// What the index writes is nothing that it has to read.
    fn note_own_changes(&mut self, db: &Database, was_current: bool) {
        if was_current {
            self.seen_changes = Some(db.total_changes());
        }
    }

    /// Merges at most so many pieces.
    pub(super) fn merge_some(&mut self, db: &Database, steps: usize) -> Result<()> {
        for _ in 0..steps {
            if !self.merge_step(db)? {
                break;
            }
        }
        Ok(())
    }

    /// Merges one piece; whether there was anything to merge.
    pub(super) fn merge_step(&mut self, db: &Database) -> Result<bool> {
        let was_current = self.is_current(db);
        let merging = match self.merging.take() {
            Some(merging) => Some(merging),
            None => self.resume(db)?,
        };
        let mut merging = match merging {
            Some(merging) => merging,
            None => match self.inverted.worth_merging() {
                Some(ids) => self.begin(db, &ids)?,
                None => return Ok(false),
            },
        };
        // When this fails the next one goes on from what is stored.
        if self.write_step(db, &mut merging)? {
            self.merging = None;
        } else {
            self.merging = Some(merging);
        }
        self.note_own_changes(db, was_current);
        Ok(true)
    }

    /// Deletes what a merge has written so far.
    pub(super) fn abandon(&self, db: &Database) -> Result<()> {
        db.transaction(|tx| {
            parts::clear_of(tx, -self.info.id)?;
            let sql = "UPDATE sigil_text_index SET merging = NULL
                       WHERE id = ? AND merging IS NOT NULL";
            tx.execute(sql, params![self.info.id]).map(drop)
        })
    }

    /// Merges all stored segments into one, without their dead.
    pub(super) fn merge_all(&mut self, db: &Database) -> Result<()> {
        self.finish_merge(db)?;
        let ids = self.inverted.worth_optimizing();
        if ids.is_empty() {
            return Ok(());
        }
        let was_current = self.is_current(db);
        let mut merging = self.begin(db, &ids)?;
        while !self.write_step(db, &mut merging)? {}
        self.note_own_changes(db, was_current);
        Ok(())
    }

    /// Does the rest of a merge that is under way, also of one from before the store was opened.
    pub(super) fn finish_merge(&mut self, db: &Database) -> Result<()> {
        if self.merging.is_none() {
            self.merging = self.resume(db)?;
        }
        while self.merging.is_some() {
            self.merge_step(db)?;
        }
        Ok(())
    }

    fn begin(&self, db: &Database, ids: &[i64]) -> Result<Merging> {
        let source = Stored(db);
        let inputs = self.inverted.inputs(ids, &source)?;
        let merge = Merge::begin(&inputs)?;
        let dead = inputs.iter().map(|(_, dead)| (*dead).clone());
        let inputs: Vec<(i64, Dead)> = ids.iter().copied().zip(dead).collect();
        let output = db.transaction(|tx| {
            let output = parts::next_id(tx)?;
            parts::add(tx, -self.info.id, output, &Head::default(), &Dead::default())?;
            self.write_state(tx, &inputs, output, &[])?;
            Ok(output)
        })?;
        Ok(Merging { inputs, output, merge })
    }

    /// Goes on with a merge that was begun before the store was opened.
    fn resume(&self, db: &Database) -> Result<Option<Merging>> {
        let sql = "SELECT merging FROM sigil_text_index WHERE id = ?";
        let rows = db.query(sql, params![self.info.id])?;
        let Some(state) = rows.single()?.as_blob() else { return Ok(None) };
        let resumed = self.read_state(db, state);
        if let Ok(Some(merging)) = resumed {
            return Ok(Some(merging));
        }
        self.abandon(db)?;
        resumed
            .or_else(|error| if error.kind() == ErrorKind::Corrupt { Ok(None) } else { Err(error) })
    }

    fn read_state(&self, db: &Database, state: &[u8]) -> Result<Option<Merging>> {
        let damaged = || Error::corrupt("the state of a merge of a text index is damaged");
        let state = merging::State::decode(state).ok_or_else(damaged)?;
        let sql = "SELECT head FROM sigil_text_segment WHERE id = ?";
        let rows = db.query(sql, params![state.output])?;
        let head = Head::decode(rows.single()?.as_blob().ok_or_else(damaged)?)?;
        let source = Stored(db);
        let ids: Vec<i64> = state.inputs.iter().map(|(id, _)| *id).collect();
        let living = self.inverted.inputs(&ids, &source)?;
        if living.len() != ids.len() {
            return Ok(None);
        }
        let mut inputs = Vec::with_capacity(ids.len());
        for ((id, bytes), (reader, _)) in state.inputs.iter().zip(&living) {
            let dead = Dead::decode(bytes, reader.head().documents).ok_or_else(damaged)?;
            inputs.push((*id, dead));
        }
        let readers = living.iter().zip(&inputs).map(|((reader, _), (_, dead))| (*reader, dead));
        let readers: Vec<_> = readers.collect();
        let writer = SegmentWriter::resume(head);
        let merge = Merge::resume(&readers, writer, state.after.to_vec())?;
        Ok(Some(Merging { inputs, output: state.output, merge }))
    }

    fn write_state(
        &self,
        tx: &Database,
        inputs: &[(i64, Dead)],
        output: i64,
        after: &[u8],
    ) -> Result<()> {
        let encoded = merging::State::encode(inputs, output, after);
        let sql = "UPDATE sigil_text_index SET merging = ? WHERE id = ?";
        tx.execute(sql, params![encoded, self.info.id]).map(drop)
    }

    /// Writes the next piece in one commit; whether it was the last.
    fn write_step(&mut self, db: &Database, merging: &mut Merging) -> Result<bool> {
        let ids: Vec<i64> = merging.inputs.iter().map(|(id, _)| *id).collect();
        let source = Stored(db);
        let inputs = self.inverted.inputs(&ids, &source)?;
        let readers: Vec<_> = inputs.iter().map(|(reader, _)| *reader).collect();
        let is_done = merging.merge.step(&readers, self.step_bytes)?;
        let mut dead = Dead::default();
        if is_done {
            for (input, ((_, now), (_, before))) in inputs.iter().zip(&merging.inputs).enumerate() {
                let new = now.iter().filter(|doc| !before.contains(*doc));
                for doc in new.filter_map(|doc| merging.merge.number(input, doc)) {
                    dead.insert(doc);
                }
            }
        }
        let (head, written) = merging.merge.writer.take();
        let head = head.clone();
        db.transaction(|tx| {
            let output = merging.output;
            parts::write(tx, output, written.iter().map(|(part, bytes)| (*part, &**bytes)))?;
            parts::write_head(tx, output, &head, &dead)?;
            if !is_done {
                return self.write_state(tx, &merging.inputs, output, merging.merge.after());
            }
            ids.iter().try_for_each(|id| parts::delete(tx, *id))?;
            parts::adopt(tx, output, self.info.id)?;
            let sql = "UPDATE sigil_text_index SET merging = NULL WHERE id = ?";
            tx.execute(sql, params![self.info.id]).map(drop)
        })?;
        if is_done {
            self.inverted.replace(&ids, Segment::new(merging.output, head), dead);
        }
        Ok(is_done)
    }
}
