//! Searching messages by the words in them.
//!
//! The index is in memory: which messages hold a word. It is built when it is first asked, and
//! follows the table after that. It only proposes: every hit is read from its row and compared
//! with the phrase, so nothing stale or rolled back is ever shown.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use super::message::{TABLE, WITH_SESSION, read};
use super::rows::{Columns, read_all, read_one};
use super::schema::MESSAGE_SOURCE;
use crate::changes::{self, Seq};
use crate::engine::Database;
use crate::error::Result;
use crate::params;
use crate::store::Store;
use crate::stores::{Cursor, Message, Page, Paging};
use crate::text::words;
use crate::time::Timestamp;

/// A message in the order of a list: its time, and its number.
type Place = (Timestamp, i64);

/// Which messages hold which words.
#[derive(Debug, Default)]
pub(crate) struct MessageWords {
    /// For each word the numbers of the messages, as indexes into `places`, ascending.
    postings: HashMap<Box<str>, Vec<u32>>,
    /// `None` for a message that was removed or has a newer entry.
    places: Vec<Option<Place>>,
    /// The entry of each message.
    entries: HashMap<i64, u32>,
    /// Messages up to this number have been read.
    read_to: i64,
    watermark: Seq,
    /// [`Database::total_changes`] when the table was last read.
    seen_changes: Option<i64>,
}

impl MessageWords {
    /// Reads what was committed since the last call; must not be called inside a transaction.
    fn catch_up(&mut self, db: &Database) -> Result<()> {
        let total = db.total_changes();
        if self.seen_changes == Some(total) {
            return Ok(());
        }
        let last = changes::last_seq(db)?;
        if last > self.watermark {
            // An index that has read nothing yet has nothing to correct.
            if self.read_to > 0 {
                self.correct(db)?;
            }
            self.watermark = last;
        }
        let new = "SELECT seq, created_at, content FROM sigil_message WHERE seq > ? ORDER BY seq";
        db.query_each(new, params![self.read_to], |row| {
            let mut columns = Columns::new(row, TABLE);
            let (seq, time) = (columns.int()?, columns.time()?);
            self.add((time, seq), columns.str()?);
            self.read_to = seq;
            Ok(())
        })?;
        self.seen_changes = Some(total);
        Ok(())
    }

    /// Reads again what was changed, and forgets what was deleted.
    fn correct(&mut self, db: &Database) -> Result<()> {
        let changed = changed(db, self.watermark)?;
        self.read_to = self.unchanged_to(&changed);
        changed.iter().for_each(|seq| self.remove(*seq));
        let sql = "SELECT seq, created_at, content FROM sigil_message WHERE seq = ?";
        for seq in changed.range(..=self.read_to) {
            db.query_each(sql, params![*seq], |row| {
                let mut columns = Columns::new(row, TABLE);
                let (seq, time) = (columns.int()?, columns.time()?);
                self.add((time, seq), columns.str()?);
                Ok(())
            })?;
        }
        Ok(())
    }

    /// The last number up to which there can be no message that is neither in the index nor in
    /// `changed`.
    ///
    /// A new message gets the number behind the last one there is. When the last ones are deleted
    /// their numbers are given again, and so are those before them that were free already; but
    /// none before a message that stayed.
    fn unchanged_to(&self, changed: &BTreeSet<i64>) -> i64 {
        let stayed = |seq: &i64| self.entries.contains_key(seq) && !changed.contains(seq);
        (1..=self.read_to).rev().find(stayed).unwrap_or(0)
    }

    /// Forgets those logged changes that no index in memory needs to learn of any more.
    pub(crate) fn trim_log(&self, db: &Database) -> Result<()> {
        let through = if self.seen_changes.is_some() { self.watermark } else { Seq::MAX };
        let sql = "SELECT 1 FROM sigil_change WHERE source = ? AND seq <= ? LIMIT 1";
        match db.query(sql, params![MESSAGE_SOURCE, through])?.is_empty() {
            true => Ok(()),
            false => changes::trim(db, MESSAGE_SOURCE, through),
        }
    }

    fn add(&mut self, place: Place, content: &str) {
        // More than four billion messages would not fit into memory by far.
        let Ok(entry) = u32::try_from(self.places.len()) else { return };
        self.remove(place.1);
        self.places.push(Some(place));
        self.entries.insert(place.1, entry);
        for word in words(content) {
            match self.postings.get_mut(&*word) {
                Some(postings) if postings.last() == Some(&entry) => {}
                Some(postings) => postings.push(entry),
                None => {
                    self.postings.insert(word.into_owned().into(), vec![entry]);
                }
            }
        }
    }

    fn remove(&mut self, seq: i64) {
        if let Some(entry) = self.entries.remove(&seq)
            && let Some(place) = self.places.get_mut(entry as usize)
        {
            *place = None;
        }
    }

    /// The messages that hold all of `words`.
    fn candidates(&self, words: &[String]) -> Vec<Place> {
        let mut postings = Vec::with_capacity(words.len());
        for word in words {
            match self.postings.get(word.as_str()) {
                Some(entries) => postings.push(entries),
                None => return Vec::new(),
            }
        }
        postings.sort_by_key(|entries| entries.len());
        let Some((rarest, others)) = postings.split_first() else { return Vec::new() };
        let in_all =
            |entry: &&u32| others.iter().all(|entries| entries.binary_search(entry).is_ok());
        rarest.iter().filter(in_all).filter_map(|entry| self.places[*entry as usize]).collect()
    }
}

/// The numbers of messages that were changed or deleted after `seq`.
fn changed(db: &Database, seq: Seq) -> Result<BTreeSet<i64>> {
    let keys = changes::keys_since(db, MESSAGE_SOURCE, seq)?;
    Ok(keys.iter().filter_map(|key| key.parse().ok()).collect())
}

/// The messages with the words of `phrase` in a row, newest first.
pub(super) fn search(store: &Store, phrase: &str, paging: &Paging) -> Result<Page<Message>> {
    const LIMIT: i64 = 50;
    let wanted: Vec<String> = words(phrase).map(Cow::into_owned).collect();
    if wanted.is_empty() {
        return Ok(Page { items: Vec::new(), next: None });
    }
    let db = store.database();
    let mut candidates = store.with_words(|index| {
        if !db.in_transaction() {
            index.catch_up(db)?;
            return Ok(index.candidates(&wanted));
        }
        // What the transaction wrote may yet be rolled back, so the index must not learn of it.
        let changed = changed(db, index.watermark)?;
        let read_to = index.unchanged_to(&changed);
        let mut candidates = index.candidates(&wanted);
        candidates.retain(|(_, seq)| *seq <= read_to && !changed.contains(seq));
        let new = "SELECT created_at, seq FROM sigil_message WHERE seq > ?";
        candidates.extend(read_all(db, TABLE, new, params![read_to], place)?);
        let one = "SELECT created_at, seq FROM sigil_message WHERE seq = ?";
        for seq in changed.range(..=read_to) {
            candidates.extend(read_one(db, TABLE, one, params![*seq], place)?);
        }
        Ok(candidates)
    })?;
    candidates.sort_unstable_by_key(|place| Reverse(*place));
    if let Some(Cursor { time, seq }) = paging.after {
        candidates.retain(|place| *place < (time, seq));
    }
    let limit = if paging.limit > 0 { paging.limit } else { LIMIT };
    verified(db, &wanted, candidates, limit, paging.offset.max(0))
}

fn place(columns: &mut Columns<'_>) -> Result<Place> {
    Ok((columns.time()?, columns.int()?))
}

/// Those of the candidates that hold the phrase, from `offset` on.
fn verified(
    db: &Database,
    wanted: &[String],
    candidates: Vec<Place>,
    limit: i64,
    mut offset: i64,
) -> Result<Page<Message>> {
    let sql = format!("SELECT {WITH_SESSION} FROM sigil_message WHERE seq = ?");
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut page = Page { items: Vec::new(), next: None };
    let mut last = None;
    for (time, seq) in candidates {
        let Some(message) = read_one(db, TABLE, &sql, params![seq], read)? else { continue };
        if message.created_at != time || !holds(&message.content, wanted) {
            continue;
        }
        if offset > 0 {
            offset -= 1;
        } else if page.items.len() == limit {
            page.next = last;
            break;
        } else {
            last = Some(Cursor { time, seq });
            page.items.push(message);
        }
    }
    Ok(page)
}

/// Whether the words `wanted` stand in `content` one after another.
fn holds(content: &str, wanted: &[String]) -> bool {
    let Some((first, others)) = wanted.split_first() else { return false };
    let mut rest = words(content);
    while let Some(word) = rest.next() {
        // A phrase may begin again inside itself, so the words behind are looked at on a copy.
        let mut behind = rest.clone();
        if word == first.as_str()
            && others.iter().all(|other| behind.next().is_some_and(|word| word == other.as_str()))
        {
            return true;
        }
    }
    false
}
