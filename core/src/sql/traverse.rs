//! Walking the graph, level by level, over the numbers of entities.
//!
//! A recursive query would visit an entity once for every depth it is reached at, and takes ten
//! times as long for the walk alone. No other writer can come in between the statements: the
//! database has one connection, and the call holds it.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use super::knowledge::{ENTITY_COLUMNS, entity_key, read_entity};
use super::rows::Columns;
use crate::engine::Database;
use crate::error::Result;
use crate::stores::{Graph, Relationship, Traversal};
use crate::value::{Params, Value};

/// Rows are looked up by this many keys at a time; what is missing to one of these numbers is
/// filled up with a key that is there already.
const KEYS_AT_ONCE: [usize; 4] = [1, 16, 64, 256];

/// Reading a whole table is faster than looking up more than one in this many of its rows.
const SCAN_SHARE: usize = 10;

/// A hash for row numbers, which nobody chooses so that they collide.
#[derive(Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, n: u64) {
        // Fibonacci hashing: 2^64 divided by the golden ratio. The table takes the high bits too.
        let mixed = (self.0 ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }

    fn write_i64(&mut self, n: i64) {
        self.write_u64(n.cast_unsigned());
    }
}

type KeySet = HashSet<i64, BuildHasherDefault<KeyHasher>>;
type KeyMap<V> = HashMap<i64, V, BuildHasherDefault<KeyHasher>>;

/// What is known while walking.
struct Walk {
    /// The numbers of the entities that were reached.
    reached: KeySet,
    /// Those that were reached in the last step.
    frontier: Vec<i64>,
    /// Relationships that go out from the others: their number, and where they go.
    out: Vec<(i64, i64)>,
}

/// What is reached from `start`.
pub(super) fn traverse(db: &Database, start: &str, traversal: &Traversal) -> Result<Graph> {
    let start = entity_key(db, start)?;
    let types: HashSet<&str> = traversal.types.iter().map(String::as_str).collect();
    let entities = count(db, "sigil_entity")?;
    let reached = KeySet::from_iter([start]);
    let mut walk = Walk { reached, frontier: vec![start], out: Vec::new() };
    for _ in 0..traversal.steps() {
        if walk.frontier.is_empty() {
            break;
        }
        let mut next = Vec::new();
        let mut step = |to: i64, kind: &str| {
            let walked = types.is_empty() || types.contains(kind);
            if walked && walk.reached.insert(to) {
                next.push(to);
            }
        };
        OUT.each(db, &walk.frontier, entities, |columns| {
            let (to, seq) = (columns.int()?, columns.int()?);
            step(to, columns.str()?);
            walk.out.push((seq, to));
            Ok(())
        })?;
        IN.each(db, &walk.frontier, entities, |columns| {
            step(columns.int()?, columns.str()?);
            Ok(())
        })?;
        walk.frontier = next;
    }
    read(db, walk, entities)
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
        if keys.len() > KEYS_AT_ONCE[2] && keys.len().saturating_mul(SCAN_SHARE) > all {
            let wanted: KeySet = keys.iter().copied().collect();
            let sql = format!("SELECT {key}, {columns} FROM {table}");
            return db.query_each(&sql, (), |row| match wanted.contains(&row.get_i64(0)?) {
                true => each(&mut Columns::behind(row, table, 1)),
                false => Ok(()),
            });
        }
        let mut rest = keys;
        while let Some(last) = rest.last() {
            let fits = KEYS_AT_ONCE.iter().copied().find(|size| rest.len() <= *size);
            let size = fits.unwrap_or(KEYS_AT_ONCE[KEYS_AT_ONCE.len() - 1]);
            let (now, later) = rest.split_at(rest.len().min(size));
            let mut values: Vec<Value> = now.iter().copied().map(Value::Integer).collect();
            values.resize(size, Value::Integer(*last));
            let marks = vec!["?"; size].join(", ");
            let sql = format!("SELECT {columns} FROM {table} WHERE {key} IN ({marks})");
            db.query_each(&sql, Params::Positional(values), |row| {
                each(&mut Columns::new(row, table))
            })?;
            rest = later;
        }
        Ok(())
    }
}

fn read(db: &Database, walk: Walk, entities: usize) -> Result<Graph> {
    let Walk { reached, frontier, out } = walk;
    let mut keys: Vec<i64> = reached.iter().copied().collect();
    keys.sort_unstable();
    let mut graph = Graph::default();
    let mut ids: KeyMap<String> = KeyMap::with_capacity_and_hasher(keys.len(), Default::default());
    let columns = format!("seq, {ENTITY_COLUMNS}");
    let lookup = Lookup { table: "sigil_entity", key: "seq", columns: &columns };
    lookup.each(db, &keys, entities, |columns| {
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
    let mut inside: Vec<i64> = Vec::new();
    inside.extend(out.into_iter().filter(|(_, to)| reached.contains(to)).map(|(seq, _)| seq));
    OUT.each(db, &frontier, entities, |columns| {
        let (to, seq) = (columns.int()?, columns.int()?);
        if reached.contains(&to) {
            inside.push(seq);
        }
        Ok(())
    })?;
    inside.sort_unstable();
    let columns = "from_entity, to_entity, id, type, metadata";
    let lookup = Lookup { table: "sigil_relationship", key: "seq", columns };
    let relationships = count(db, "sigil_relationship")?;
    graph.relationships.reserve(inside.len());
    lookup.each(db, &inside, relationships, |columns| {
        let (from, to) = (columns.int()?, columns.int()?);
        let id = |key| ids.get(&key).cloned().unwrap_or_default();
        graph.relationships.push(Relationship {
            id: columns.text()?,
            from_id: id(from),
            to_id: id(to),
            kind: columns.text()?,
            metadata: columns.metadata()?,
        });
        Ok(())
    })?;
    graph.entities.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    graph.relationships.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    Ok(graph)
}
