//! Which relationships go out from an entity, and which come to it.
//!
//! The index is in memory, and only once walks have read as many rows of the table as building it
//! would: one short walk does not pay for a large graph, and many do not read it again and again.

use std::collections::HashMap;

use super::follow::{KeyMap, TableIndex};
use super::rows::Columns;
use super::schema::RELATIONSHIP_SOURCE;
use crate::error::Result;

/// The most relationships that are kept in memory, at some 130 bytes each.
pub(super) const EDGES_MAX: usize = 1 << 21;

/// A relationship, without what only its row knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Edge {
    /// The entities it joins, by number.
    from: i64,
    to: i64,
    kind: u32,
}

/// A relationship as one of the two entities it joins has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    /// The number of its row.
    pub(super) seq: i64,
    /// The number of the entity at the other end.
    pub(super) other: i64,
    /// What it means, as a number of [`Edges::kind`].
    pub(super) kind: u32,
}

/// The relationships of the graph, by their ends.
#[derive(Debug, Default)]
pub(crate) struct Edges {
    edges: KeyMap<Edge>,
    /// For each entity those that go out from it. What was removed or has other ends by now may
    /// still be among them, and a row may be there twice, once anything is stale.
    out: KeyMap<Vec<Link>>,
    /// The same, for each entity they come to.
    into: KeyMap<Vec<Link>>,
    kinds: HashMap<Box<str>, u32>,
    /// How many links of either side are of no use any more, at most.
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
    pub(super) fn out(&self, entity: i64) -> impl Iterator<Item = &Link> {
        let links = self.out.get(&entity).into_iter().flatten();
        links.filter(move |link| {
            let Link { seq, other, kind } = **link;
            self.holds_edge(seq, Edge { from: entity, to: other, kind })
        })
    }

    /// The relationships that come to an entity, some perhaps twice.
    pub(super) fn into(&self, entity: i64) -> impl Iterator<Item = &Link> {
        let links = self.into.get(&entity).into_iter().flatten();
        links.filter(move |link| {
            let Link { seq, other, kind } = **link;
            self.holds_edge(seq, Edge { from: other, to: entity, kind })
        })
    }

    fn holds_edge(&self, seq: i64, edge: Edge) -> bool {
        self.stale == 0 || self.edges.get(&seq) == Some(&edge)
    }

    fn link(&mut self, seq: i64, Edge { from, to, kind }: Edge) {
        self.out.entry(from).or_default().push(Link { seq, other: to, kind });
        self.into.entry(to).or_default().push(Link { seq, other: from, kind });
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
        let edge = Edge { from, to, kind };
        self.edges.insert(seq, edge);
        self.link(seq, edge);
        Ok(())
    }

    fn remove(&mut self, seq: i64) {
        // Finding it in the lists of an entity with many would take too long.
        const STALE_MIN: usize = 1_000;
        if self.edges.remove(&seq).is_none() {
            return;
        }
        self.stale += 1;
        // Looking up each link costs a walk more than a clean-up now and then.
        if self.stale > self.edges.len() / 8 + STALE_MIN {
            self.stale = 0;
            self.out.clear();
            self.into.clear();
            let edges = std::mem::take(&mut self.edges);
            edges.iter().for_each(|(seq, edge)| self.link(*seq, *edge));
            self.edges = edges;
        }
    }
}
