//! Searching messages for a phrase.
//!
//! The text index proposes: every hit is read from its row and compared with the phrase, because
//! the index finds writing without spaces by its parts, which this search does not.

use std::borrow::Cow;

use super::message::{TABLE, WITH_SESSION, read};
use super::rows::{Columns, read_one};
use super::texts::Texts;
use crate::error::Result;
use crate::params;
use crate::store::Store;
use crate::stores::{Cursor, Message, Page, Paging};
use crate::text::{TextQuery, words};
use crate::text_index::{TextCursor, TextIndex, TextRanking, TextSearchOptions};

/// How many messages there are on a page when nobody says.
const LIMIT: i64 = 50;

/// The messages with the words of `phrase` in a row, newest first.
pub(super) fn search(
    store: &Store,
    texts: &Texts,
    phrase: &str,
    paging: &Paging,
) -> Result<Page<Message>> {
    let mut page = Page { items: Vec::new(), next: None };
    let wanted: Vec<String> = words(phrase).map(Cow::into_owned).collect();
    if wanted.is_empty() {
        return Ok(page);
    }
    // Words without what separates them, which may be much.
    let query = TextQuery::phrase(&wanted.join(" "))?;
    let index = TextIndex::new(store, texts.messages.clone());
    let limit = if paging.limit > 0 { paging.limit } else { LIMIT };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut offset = usize::try_from(paging.offset.max(0)).unwrap_or(usize::MAX);
    let after = paging.after.as_ref();
    let mut after = after.map(|Cursor { time, seq }| TextCursor::by_time(*time, *seq));
    let sql = format!("SELECT created_at, {WITH_SESSION} FROM sigil_message WHERE seq = ?");
    let mut last = None;
    loop {
        // One more, to know whether there is another page.
        let count = limit.saturating_add(offset).saturating_add(1);
        let ranking = TextRanking::Newest;
        let options = TextSearchOptions { ranking, after, ..TextSearchOptions::default() };
        let hits = index.search(&query, count, &options)?;
        for hit in &hits {
            let read = |columns: &mut Columns<'_>| Ok((columns.time()?, read(columns)?));
            let found = read_one(store.database(), TABLE, &sql, params![hit.key], read)?;
            let Some((time, message)) = found.filter(|(_, found)| holds(&found.content, &wanted))
            else {
                continue;
            };
            if offset > 0 {
                offset -= 1;
            } else if page.items.len() == limit {
                page.next = last;
                return Ok(page);
            } else {
                last = Some(Cursor { time, seq: hit.key });
                page.items.push(message);
            }
        }
        match hits.last() {
            Some(hit) if hits.len() == count => after = Some(hit.cursor()),
            _ => return Ok(page),
        }
    }
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
