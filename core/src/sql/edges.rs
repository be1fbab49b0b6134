//! Which relationships go out from an entity, and which come to it.
//!
//! The index is in memory, and only once walks have read as many rows of the table as building it
//! would: one short walk does not pay for a large graph, and many do not read it again and again.

use std::collections::HashMap;

use super::follow::{KeyMap, TableIndex};
use super::rows::Columns;
use super::schema::RELATIONSHIP_SOURCE;
use crate::error::Result;

/// The most relationships that are kept in memory, at some 100 bytes each.
pub(super) const EDGES_MAX: usize = 1 << 21;

/// A relationship, without what only its row knows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    /// The number of its row.
    pub(super) seq: i64,
    /// The entities it joins, by number.
    pub(super) from: i64,
    pub(super) to: i64,
    /// What it means, as a number of [`Edges::kind`].
    pub(super) kind: u32,
}

/// The relationships of the graph, by their ends.
#[derive(Debug, Default)]
pub(crate) struct Edges {
    edges: KeyMap<Edge>,
    /// The numbers of the rows, for each entity they go out from. What was removed or has other
    /// ends by now may still be among them, and a row may be there twice.
    out: KeyMap<Vec<i64>>,
    /// The same, for each entity they come to.
    into: KeyMap<Vec<i64>>,
    kinds: HashMap<Box<str>, u32>,
    /// How many entries of the lists are of no use any more, at most.
    stale: usize,
    /// How many rows walks have read without this index.
    pub(super) rows_read: usize,
}

impl Edges {
    /// How many relationships there are.
    pub(super) fn len(&self) -> usize {
        self.edges.len()
    }

    /// The number of a type of relationship; `None` for one that no relationship has.
    pub(super) fn kind(&self, name: &str) -> Option<u32> {
        self.kinds.get(name).copied()
    }

    /// The relationships that go out from an entity, some perhaps twice.
    pub(super) fn out(&self, entity: i64) -> impl Iterator<Item = &Edge> {
        let rows = self.out.get(&entity).into_iter().flatten();
        rows.filter_map(|seq| self.edges.get(seq)).filter(move |edge| edge.from == entity)
    }

    /// The relationships that come to an entity, some perhaps twice.
    pub(super) fn into(&self, entity: i64) -> impl Iterator<Item = &Edge> {
        let rows = self.into.get(&entity).into_iter().flatten();
        rows.filter_map(|seq| self.edges.get(seq)).filter(move |edge| edge.to == entity)
    }

    fn link(&mut self, edge: Edge) {
        self.out.entry(edge.from).or_default().push(edge.seq);
        self.into.entry(edge.to).or_default().push(edge.seq);
    }
}

impl TableIndex for Edges {
    const SOURCE: i64 = RELATIONSHIP_SOURCE;
    const TABLE: &'static str = "sigil_relationship";
    const COLUMNS: &'static str = "from_entity, to_entity, type";

    fn holds(&self, seq: i64) -> bool {
        self.edges.contains_key(&seq)
    }

    fn add(&mut self, seq: i64, columns: &mut Columns<'_>) -> Result<()> {
        let (from, to, name) = (columns.int()?, columns.int()?, columns.str()?);
        let kind = match self.kinds.get(name) {
            Some(kind) => *kind,
            None => {
                let kind = u32::try_from(self.kinds.len()).unwrap_or(u32::MAX);
                self.kinds.insert(name.into(), kind);
                kind
            }
        };
        let edge = Edge { seq, from, to, kind };
        self.edges.insert(seq, edge);
        self.link(edge);
        Ok(())
    }

    fn remove(&mut self, seq: i64) {
        // Finding it in the lists of an entity with many would take too long.
        const STALE_MIN: usize = 1_000;
        if self.edges.remove(&seq).is_none() {
            return;
        }
        self.stale += 1;
        if self.stale > self.edges.len() + STALE_MIN {
            self.stale = 0;
            self.out.clear();
            self.into.clear();
            for edge in self.edges.values().copied().collect::<Vec<_>>() {
                self.link(edge);
            }
        }
    }
}
