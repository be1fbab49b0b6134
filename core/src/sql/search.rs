//! Searching messages by the words in them.
//!
//! The index is in memory: which messages hold a word. It is built when it is first asked, and
//! follows the table after that. It only proposes: every hit is read from its row and compared
//! with the phrase, so nothing stale or rolled back is ever shown.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::HashMap;

use super::follow::{KeyMap, TableIndex};
use super::message::{TABLE, WITH_SESSION, read};
use super::rows::{Columns, read_all, read_one};
use super::schema::MESSAGE_SOURCE;
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
    entries: KeyMap<u32>,
}

impl TableIndex for MessageWords {
    const SOURCE: i64 = MESSAGE_SOURCE;
    const TABLE: &'static str = TABLE;
    const COLUMNS: &'static str = "created_at, content";

    fn holds(&self, seq: i64) -> bool {
        self.entries.contains_key(&seq)
    }

    fn add(&mut self, seq: i64, columns: &mut Columns<'_>) -> Result<()> {
        let time = columns.time()?;
        // More than four billion messages would not fit into memory by far.
        let Ok(entry) = u32::try_from(self.places.len()) else { return Ok(()) };
        self.places.push(Some((time, seq)));
        self.entries.insert(seq, entry);
        for word in words(columns.str()?) {
            match self.postings.get_mut(&*word) {
                Some(postings) if postings.last() == Some(&entry) => {}
                Some(postings) => postings.push(entry),
                None => {
                    self.postings.insert(word.into_owned().into(), vec![entry]);
                }
            }
        }
        Ok(())
    }

    fn remove(&mut self, seq: i64) {
        if let Some(entry) = self.entries.remove(&seq)
            && let Some(place) = self.places.get_mut(entry as usize)
        {
            *place = None;
        }
    }
}

impl MessageWords {
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

/// The messages with the words of `phrase` in a row, newest first.
pub(super) fn search(store: &Store, phrase: &str, paging: &Paging) -> Result<Page<Message>> {
    const LIMIT: i64 = 50;
    let wanted: Vec<String> = words(phrase).map(Cow::into_owned).collect();
    if wanted.is_empty() {
        return Ok(Page { items: Vec::new(), next: None });
    }
    let db = store.database();
    let mut candidates = store.with_words(|words| {
        if !db.in_transaction() {
            words.catch_up(db)?;
            return Ok(words.index.candidates(&wanted));
        }
        // What the transaction wrote may yet be rolled back, so the index must not learn of it.
        let changed = words.changed(db)?;
        let read_to = words.unchanged_to(&changed);
        let mut candidates = words.index.candidates(&wanted);
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
