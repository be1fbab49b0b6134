//! A list of records in the order of storing.

use std::cmp::Reverse;
use std::sync::Arc;

use sigil_core::{Cursor, Page, Paging, Timestamp};

use super::number;

/// Records, each with its number in the order of storing.
#[derive(Debug, Clone)]
pub(super) struct Table<T> {
    last: i64,
    rows: Vec<(i64, Arc<T>)>,
}

impl<T> Default for Table<T> {
    fn default() -> Table<T> {
        Table { last: 0, rows: Vec::new() }
    }
}

impl<T: Clone> Table<T> {
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.rows.iter().map(|(_, record)| &**record)
    }

    pub(super) fn find(&self, found: impl Fn(&T) -> bool) -> Option<&T> {
        self.iter().find(|record| found(record))
    }

    /// The number of the first record that is found; 0 when there is none.
    pub(super) fn place(&self, found: impl Fn(&T) -> bool) -> i64 {
        self.rows.iter().find(|(_, record)| found(record)).map_or(0, |(seq, _)| *seq)
    }

    pub(super) fn contains(&self, found: impl Fn(&T) -> bool) -> bool {
        self.find(found).is_some()
    }

    pub(super) fn len(&self) -> i64 {
        number(self.rows.len())
    }

    pub(super) fn push(&mut self, record: T) {
        self.last += 1;
        self.rows.push((self.last, Arc::new(record)));
    }

    /// Puts a record in the place of the one that is the same, or at the end.
    pub(super) fn put(&mut self, same: impl Fn(&T) -> bool, record: T) {
        match self.rows.iter_mut().find(|(_, there)| same(there)) {
            Some((_, there)) => *there = Arc::new(record),
            None => self.push(record),
        }
    }

    /// Removes records, and says how many there were.
    pub(super) fn remove(&mut self, gone: impl Fn(&T) -> bool) -> i64 {
        let before = self.len();
        self.rows.retain(|(_, record)| !gone(record));
        before - self.len()
    }

    /// The records that `kept` lets through, oldest first.
    pub(super) fn sorted(
        &self,
        time: impl Fn(&T) -> Timestamp,
        kept: impl Fn(&T) -> bool,
    ) -> Vec<Row<T>> {
        let rows = self.rows.iter().filter(|(_, record)| kept(record));
        let mut rows: Vec<Row<T>> = rows
            .map(|(seq, record)| Row { time: time(record), seq: *seq, record: T::clone(record) })
            .collect();
        rows.sort_by_key(|row| (row.time, row.seq));
        rows
    }
}

/// A record in a list that is ordered by time.
#[derive(Debug)]
pub(super) struct Row<T> {
    pub(super) time: Timestamp,
    pub(super) seq: i64,
    pub(super) record: T,
}

/// The records alone.
pub(super) fn records<T>(rows: Vec<Row<T>>) -> Vec<T> {
    rows.into_iter().map(|row| row.record).collect()
}

/// Turns a list round.
pub(super) fn newest_first<T>(mut rows: Vec<Row<T>>) -> Vec<Row<T>> {
    rows.sort_by_key(|row| Reverse((row.time, row.seq)));
    rows
}

/// Which way a list goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    OldestFirst,
    NewestFirst,
}

/// A page of a list that is given oldest first; `default` is its length when none is asked for,
/// `None` for the whole list.
pub(super) fn page<T>(
    mut rows: Vec<Row<T>>,
    order: Order,
    paging: &Paging,
    default: Option<i64>,
) -> Page<T> {
    if let Some(Cursor { time, seq }) = paging.after {
        rows.retain(|row| match order {
            Order::OldestFirst => (row.time, row.seq) > (time, seq),
            Order::NewestFirst => (row.time, row.seq) < (time, seq),
        });
    }
    if order == Order::NewestFirst {
        rows = newest_first(rows);
    }
    let limit = if paging.limit > 0 { Some(paging.limit) } else { default };
    let mut page = Page { items: Vec::new(), next: None };
    let mut last = None;
    let mut skip = paging.offset.max(0);
    for row in rows {
        if skip > 0 {
            skip -= 1;
        } else if limit == Some(number(page.items.len())) {
            page.next = last;
            break;
        } else {
            last = Some(Cursor { time: row.time, seq: row.seq });
            page.items.push(row.record);
        }
    }
    page
}
