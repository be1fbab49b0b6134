//! Walking the graph, level by level, over the numbers of entities.
//!
//! A recursive query would visit an entity once for every depth it is reached at, and takes ten
//! times as long for the walk alone. No other writer can come in between the statements: the
//! database has one connection, and the call holds it.

use std::collections::HashSet;

use super::edges::{EDGES_MAX, Edges, Link};
use super::follow::{Following, KeyMap, KeySet, TableIndex};
use super::knowledge::{ENTITY_COLUMNS, entity_key, read_entity};
use super::rows::Columns;
use crate::engine::Database;
use crate::error::Result;
use crate::params;
use crate::store::Store;
use crate::stores::{Graph, Relationship, Traversal};
use crate::value::{Params, Value};

/// Rows are looked up by this many keys at a time, and what is left over one by one.
const KEYS_AT_ONCE: [usize; 7] = [256, 128, 64, 32, 16, 8, 4];

/// Reading a whole table is faster than looking up more than one in this many of its rows.
const SCAN_SHARE: usize = 10;

/// What is reached from `start`.
pub(super) fn traverse(store: &Store, start: &str, traversal: &Traversal) -> Result<Graph> {
    let db = store.database();
    let start = entity_key(db, start)?;
    let sizes = Sizes { entities: count(db, "sigil_entity")?, edges: count(db, Edges::TABLE)? };
    let walk = store.with_edges(|edges| match is_usable(edges, db, sizes.edges)? {
        true => Ok(in_memory(&edges.index, start, traversal)),
        false => in_tables(db, start, traversal, sizes, &mut edges.index.rows_read),
    })?;
    read(db, walk, sizes)
}

/// How many rows there may be.
#[derive(Clone, Copy)]
struct Sizes {
    entities: usize,
    edges: usize,
}

/// Whether the index shows what the table says, after it was brought up to date, or built if that
/// is worth it.
fn is_usable(edges: &mut Following<Edges>, db: &Database, rows: usize) -> Result<bool> {
    // What a transaction wrote may yet be rolled back, so the index must not learn of it.
    if db.in_transaction() {
        return Ok(edges.is_built() && edges.is_current(db));
    }
    if rows > EDGES_MAX || edges.index.len() > EDGES_MAX {
        *edges = Following::default();
        return Ok(false);
    }
    if !edges.is_built() && edges.index.rows_read < rows {
        return Ok(false);
    }
    edges.catch_up(db)?;
    Ok(true)
}

/// What a walk found.
struct Walk {
    /// The numbers of the entities that were reached.
    reached: KeySet,
    /// The numbers of the relationships between two of them.
    inside: Vec<i64>,
}

/// Walks over the index.
fn in_memory(edges: &Edges, start: i64, traversal: &Traversal) -> Walk {
    let kinds: HashSet<u32> = traversal.types.iter().filter_map(|name| edges.kind(name)).collect();
    let walked = |link: &&Link| traversal.types.is_empty() || kinds.contains(&link.kind);
    let mut reached = KeySet::from_iter([start]);
    let mut frontier = vec![start];
    for _ in 0..traversal.steps() {
        if frontier.is_empty() {
            break;
        }
        let mut next = Vec::new();
        for entity in frontier {
            let links = edges.out(entity).chain(edges.into(entity)).filter(walked);
            next.extend(links.map(|link| link.other).filter(|other| reached.insert(*other)));
        }
        frontier = next;
    }
    let inside = reached
        .iter()
        .flat_map(|entity| edges.out(*entity))
        .filter(|link| reached.contains(&link.other))
        .map(|link| link.seq)
        .collect();
    Walk { reached, inside }
}

/// Walks over the indexes of the table, and counts the rows it reads.
fn in_tables(
    db: &Database,
    start: i64,
    traversal: &Traversal,
    sizes: Sizes,
    rows: &mut usize,
) -> Result<Walk> {
    let types: HashSet<&str> = traversal.types.iter().map(String::as_str).collect();
    let mut reached = KeySet::from_iter([start]);
    let mut frontier = vec![start];
    // Those that go out from what was reached before the last step, and where they go.
    let mut out = Vec::new();
    for _ in 0..traversal.steps() {
        if frontier.is_empty() {
            break;
        }
        let mut next = Vec::new();
        let mut step = |to: i64, kind: &str| {
            *rows += 1;
            let walked = types.is_empty() || types.contains(kind);
            if walked && reached.insert(to) {
                next.push(to);
            }
        };
        OUT.each(db, &frontier, sizes.entities, |columns| {
            let (to, seq) = (columns.int()?, columns.int()?);
            step(to, columns.str()?);
            out.push((seq, to));
            Ok(())
        })?;
        IN.each(db, &frontier, sizes.entities, |columns| {
            step(columns.int()?, columns.str()?);
            Ok(())
        })?;
        frontier = next;
    }
    let mut inside: Vec<i64> = Vec::new();
    inside.extend(out.into_iter().filter(|(_, to)| reached.contains(to)).map(|(seq, _)| seq));
    OUT.each(db, &frontier, sizes.entities, |columns| {
        *rows += 1;
        let (to, seq) = (columns.int()?, columns.int()?);
        if reached.contains(&to) {
            inside.push(seq);
        }
        Ok(())
    })?;
    Ok(Walk { reached, inside })
}

fn count(db: &Database, table: &str) -> Result<usize> {
    let last = db.query(&format!("SELECT max(seq) FROM {table}"), ())?;
    Ok(last.single()?.as_i64().and_then(|last| usize::try_from(last).ok()).unwrap_or(0))
}

/// Reads rows by a column that has an index.
struct Lookup<'a> {
    table: &'static str,
    key: &'static str,
    columns: &'a str,
}

/// The relationships that go out from entities, from an index alone.
const OUT: Lookup<'_> =
    Lookup { table: "sigil_relationship", key: "from_entity", columns: "to_entity, seq, type" };

/// The relationships that come to entities, from an index alone.
const IN: Lookup<'_> =
    Lookup { table: "sigil_relationship", key: "to_entity", columns: "from_entity, type" };

impl Lookup<'_> {
    /// Calls `each` on the columns of every row with one of `keys`, of `all` that there may be.
    fn each(
        &self,
        db: &Database,
        keys: &[i64],
        all: usize,
        mut each: impl FnMut(&mut Columns<'_>) -> Result<()>,
    ) -> Result<()> {
        let Lookup { table, key, columns } = self;
        if keys.len() > KEYS_AT_ONCE[0] && keys.len().saturating_mul(SCAN_SHARE) > all {
            let wanted: KeySet = keys.iter().copied().collect();
            let sql = format!("SELECT {key}, {columns} FROM {table}");
            return db.query_each(&sql, (), |row| match wanted.contains(&row.get_i64(0)?) {
                true => each(&mut Columns::behind(row, table, 1)),
                false => Ok(()),
            });
        }
        let mut rest = keys;
        for size in KEYS_AT_ONCE {
            if rest.len() < size {
                continue;
            }
            // For `IN (..)` the engine makes an index of the keys first, which takes a quarter of
            // the time; CROSS has it take the keys first.
            let marks = vec!["(?)"; size].join(", ");
            let sql = format!(
                "SELECT {columns} FROM (VALUES {marks}) AS wanted
                 CROSS JOIN {table} ON {key} = wanted.column1"
            );
            let chunks = rest.chunks_exact(size);
            rest = chunks.remainder();
            for chunk in chunks {
                let values = chunk.iter().copied().map(Value::Integer).collect();
                db.query_each(&sql, Params::Positional(values), |row| {
                    each(&mut Columns::new(row, table))
                })?;
            }
        }
        let sql = format!("SELECT {columns} FROM {table} WHERE {key} = ?");
        rest.iter().try_for_each(|key| {
            db.query_each(&sql, params![*key], |row| each(&mut Columns::new(row, table)))
        })
    }
}

/// Reads the entities and the relationships of a walk.
fn read(db: &Database, walk: Walk, sizes: Sizes) -> Result<Graph> {
    let Walk { reached, mut inside } = walk;
    let mut keys: Vec<i64> = reached.iter().copied().collect();
    keys.sort_unstable();
    let mut graph = Graph::default();
    let mut ids: KeyMap<String> = KeyMap::with_capacity_and_hasher(keys.len(), Default::default());
    let columns = format!("seq, {ENTITY_COLUMNS}");
    let lookup = Lookup { table: "sigil_entity", key: "seq", columns: &columns };
    lookup.each(db, &keys, sizes.entities, |columns| {
        let key = columns.int()?;
        // One that is only mentioned has an id, but no type.
        match columns.peek_null(1) {
            true => drop(ids.insert(key, columns.text()?)),
            false => {
                let entity = read_entity(columns)?;
                ids.insert(key, entity.id.clone());
                graph.entities.push(entity);
            }
        }
        Ok(())
    })?;
    inside.sort_unstable();
    inside.dedup();
    let columns = "from_entity, to_entity, id, type, metadata, created_at";
    let lookup = Lookup { table: "sigil_relationship", key: "seq", columns };
    graph.relationships.reserve(inside.len());
    lookup.each(db, &inside, sizes.edges, |columns| {
        let (from, to) = (columns.int()?, columns.int()?);
        let id = |key| ids.get(&key).cloned().unwrap_or_default();
        graph.relationships.push(Relationship {
            id: columns.text()?,
            from_id: id(from),
            to_id: id(to),
            kind: columns.text()?,
            metadata: columns.metadata()?,
            created_at: columns.time()?,
        });
        Ok(())
    })?;
    graph.entities.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    graph.relationships.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    Ok(graph)
}
