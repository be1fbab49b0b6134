//! The messages that are searched and compacted.

use std::collections::HashSet;

use sigil_core::{Error, Message, MessageStore, Page, Paging, Result, TimeRange};

use super::table::{Order, newest_first, page, records};
use super::words::words;
use super::{TwinWorkspace, WorkspaceData, not_found, taken};

fn insert(data: &mut WorkspaceData, message: &Message) -> Result<()> {
    if data.messages.contains(|there| there.id == message.id) {
        return Err(taken("message", &message.id));
    }
    data.messages.push(message.clone());
    Ok(())
}

impl MessageStore for TwinWorkspace {
    fn append(&self, message: &Message) -> Result<()> {
        message.validate()?;
        self.data.write(|data| insert(data, message))
    }

    fn append_many(&self, messages: &[Message]) -> Result<()> {
        messages.iter().try_for_each(Message::validate)?;
        self.data.write(|data| messages.iter().try_for_each(|message| insert(data, message)))
    }

    fn get(&self, id: &str) -> Result<Message> {
        self.data.read(|data| {
            let found = data.messages.find(|message| message.id == id);
            found.cloned().ok_or_else(|| not_found("message", id))
        })
    }

    fn search(&self, phrase: &str, paging: &Paging) -> Result<Page<Message>> {
        let phrase = words(phrase);
        self.data.read(|data| {
            let holds = |message: &Message| {
                let words = words(&message.content);
                !phrase.is_empty() && words.windows(phrase.len()).any(|window| window == phrase)
            };
            let rows = data.messages.sorted(|message| message.created_at, holds);
            Ok(page(rows, Order::NewestFirst, paging, Some(50)))
        })
    }

    fn range(&self, range: &TimeRange, paging: &Paging) -> Result<Page<Message>> {
        self.data.read(|data| {
            let inside = |message: &Message| {
                range.from.is_none_or(|from| message.created_at >= from)
                    && range.to.is_none_or(|to| message.created_at < to)
            };
            let rows = data.messages.sorted(|message| message.created_at, inside);
            Ok(page(rows, Order::OldestFirst, paging, None))
        })
    }

    fn oldest(&self, n: i64) -> Result<Vec<Message>> {
        if n <= 0 {
            return Err(Error::invalid("ask for at least one message"));
        }
        self.data.read(|data| {
            let mut messages = records(data.messages.sorted(|m| m.created_at, |_| true));
            messages.truncate(usize::try_from(n).unwrap_or(usize::MAX));
            Ok(messages)
        })
    }

    fn count(&self) -> Result<i64> {
        self.data.read(|data| Ok(data.messages.len()))
    }

    fn delete(&self, ids: &[&str]) -> Result<i64> {
        self.data.write(|data| Ok(data.messages.remove(|message| ids.contains(&&*message.id))))
    }

    fn trim(&self, keep: i64) -> Result<i64> {
        if keep < 0 {
            return Ok(0);
        }
        self.data.write(|data| {
            let all = newest_first(data.messages.sorted(|message| message.created_at, |_| true));
            let keep = usize::try_from(keep).unwrap_or(usize::MAX);
            let gone: HashSet<String> =
                all.into_iter().skip(keep).map(|row| row.record.id).collect();
            Ok(data.messages.remove(|message| gone.contains(&message.id)))
        })
    }
}
