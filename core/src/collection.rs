//! Vector collections: rows of one table each, and an index derived from them.

mod index;
mod rounded;
mod search;

use crate::changes;
use crate::engine::Database;
use crate::error::{Error, ErrorKind, Result};
use crate::params;
use crate::store::Store;
use crate::vector::{Metadata, Metric, Precision, VectorIndex};
pub(crate) use index::CollectionIndex;

/// The longest name of a collection, in bytes of UTF-8.
pub const COLLECTION_NAME_BYTES_MAX: usize = 128;

/// What a collection is made for; fixed when it is created, and checked when it is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CollectionOptions {
    /// How many elements every vector has, from 1 to 65,536.
    pub dimensions: usize,
    /// How the distance between two vectors is measured.
    pub metric: Metric,
    /// How precisely vectors are stored: they are rounded to it when they come in.
    pub precision: Precision,
    /// How precisely the index holds them in memory, which is not more precisely than they are
    /// stored. When it is less, what a search finds is compared once more with what is stored.
    pub resident: Precision,
}

impl CollectionOptions {
    /// Vectors of `dimensions` elements compared by `metric`, stored and held as they are given.
    pub const fn new(dimensions: usize, metric: Metric) -> CollectionOptions {
        let precision = Precision::F32;
        CollectionOptions { dimensions, metric, precision, resident: precision }
    }

    /// The same for vectors stored in this precision, and held in memory in no finer one.
    ///
    /// ```
    /// use sigil_core::{CollectionOptions, Metric, Precision};
    /// let options = CollectionOptions::new(384, Metric::Cosine).stored(Precision::F16);
    /// assert_eq!(options.resident, Precision::F16);
    /// ```
    #[must_use]
    pub fn stored(self, precision: Precision) -> CollectionOptions {
        CollectionOptions { precision, resident: self.resident.max(precision), ..self }
    }

    /// The same for vectors held in memory in this precision.
    ///
    /// With [`Precision::Int8`] an index takes a quarter of the memory: about 490 bytes for a
    /// vector of 384 elements with its id, its metadata and its code.
    #[must_use]
    pub fn held(self, resident: Precision) -> CollectionOptions {
        CollectionOptions { resident, ..self }
    }
}

impl std::fmt::Display for CollectionOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let CollectionOptions { dimensions, metric, precision, resident } = self;
        write!(f, "{dimensions} dimensions and metric {metric}")?;
        if *precision != Precision::F32 || *resident != Precision::F32 {
            write!(f, ", stored as {precision} and held as {resident}")?;
        }
        Ok(())
    }
}

/// What the catalogue says of a collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectionInfo {
    /// Its name.
    pub name: String,
    /// What it was made for.
    pub options: CollectionOptions,
    /// Its number, which is never given to another collection.
    pub(crate) id: i64,
    /// Changes up to this number are no longer in the log.
    pub(crate) trimmed_seq: i64,
}

impl CollectionInfo {
    /// The table that holds the vectors.
    ///
    /// Its columns are `id`, `vector` and `metadata` (JSON). A vector is its elements, little-endian
    /// and in the collection's precision; behind those of eight bits is what they are multiplied
    /// by, a 32-bit float. The table may be read and written with SQL; the index follows.
    pub fn table(&self) -> String {
        format!("sigil_vectors_{}", self.id)
    }

    /// The name of the snapshot of its index.
    pub fn snapshot_name(&self) -> String {
        snapshot_name(self.id)
    }
}

/// The name of the snapshot of the index of collection `id`.
pub(crate) fn snapshot_name(id: i64) -> String {
    format!("vectors-{id}.index")
}

/// A vector as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorRecord {
    /// The id it was stored under.
    pub id: String,
    /// Its elements.
    pub vector: Vec<f32>,
    /// Its metadata; empty when it was stored without.
    pub metadata: Metadata,
}

/// A named collection of vectors, open in a [`Store`].
///
/// Writes go to the store's database and are durable when they return, or commit with the
/// transaction they are made in. A search sees every committed write and none that is not: inside
/// a transaction it does not see the transaction's own. Where the index holds vectors less precisely
/// than they are stored, those that the transaction has written to are compared as the index holds
/// them.
///
/// ```
/// use sigil_core::{CollectionOptions, Metadata, Metric, SearchOptions, Store};
///
/// let store = Store::in_memory()?;
/// let notes = store.create_collection("notes", CollectionOptions::new(3, Metric::Cosine))?;
/// notes.store("a", &[1.0, 0.0, 0.0], &Metadata::from_json(r#"{"kind": "fact"}"#)?)?;
/// notes.store("b", &[0.0, 1.0, 0.0], &Metadata::new())?;
/// let hits = notes.search(&[0.9, 0.1, 0.0], 1, &SearchOptions::default())?;
/// assert_eq!(hits[0].id, "a");
/// # Ok::<(), sigil_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Collection<'a> {
    store: &'a Store,
    info: CollectionInfo,
}

impl<'a> Collection<'a> {
    pub(crate) fn new(store: &'a Store, info: CollectionInfo) -> Collection<'a> {
        Collection { store, info }
    }

    /// Its name, dimensions and metric.
    pub fn info(&self) -> &CollectionInfo {
        &self.info
    }

    /// Stores a vector under `id`, replacing the one that is there, metadata included.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for an id that is empty or too long, wrong dimensions or an
    /// element that is not finite, or beyond the precision that vectors are stored or held in;
    /// [`ErrorKind::NotFound`] when the collection was dropped; and storage kinds.
    pub fn store(&self, id: &str, vector: &[f32], metadata: &Metadata) -> Result<()> {
        self.check(id, vector)?;
        self.put(id, vector, metadata)
    }

    /// Stores many vectors, all or none, in one transaction (or in the one that is open).
    ///
    /// # Errors
    /// As [`store`](Collection::store), naming the first vector that is refused.
    pub fn store_many<'v>(
        &self,
        vectors: impl IntoIterator<Item = (&'v str, &'v [f32], &'v Metadata)>,
    ) -> Result<usize> {
        let put_all = || {
            let mut stored = 0;
            for (id, vector, metadata) in vectors {
                self.check(id, vector)?;
                self.put(id, vector, metadata)?;
                stored += 1;
            }
            Ok(stored)
        };
        self.store.database().atomically(put_all)
    }

    fn check(&self, id: &str, vector: &[f32]) -> Result<()> {
        crate::vector::check_row(self.info.options.dimensions, id, vector)?;
        self.info.options.precision.check(vector)?;
        // Else it would be stored and never found.
        self.info.options.resident.check(vector)
    }

    fn put(&self, id: &str, vector: &[f32], metadata: &Metadata) -> Result<()> {
        let bytes = self.info.options.precision.encode(vector);
        let sql = format!(
            "INSERT INTO {} (id, vector, metadata) VALUES (?1, ?2, ?3)
             ON CONFLICT (id) DO UPDATE SET vector = excluded.vector, metadata = excluded.metadata",
            self.info.table()
        );
        self.run(&sql, params![id, bytes, metadata.to_json()]).map(|_| ())
    }

    /// Runs a statement on the collection's table, which is gone when the collection is.
    fn run(&self, sql: &str, params: impl Into<crate::Params>) -> Result<i64> {
        match self.store.database().execute(sql, params) {
            Ok(executed) => Ok(executed.changes),
            Err(error) => Err(self.explain_error(error)),
        }
    }

    fn explain_error(&self, error: Error) -> Error {
        if error.kind() == ErrorKind::Sql && error.to_string().contains("no such table") {
            return not_found(&self.info.name);
        }
        error
    }

    /// The vector stored under `id`, with the transaction's own writes.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] for a row that SQL made into something else, and storage kinds.
    pub fn get(&self, id: &str) -> Result<Option<VectorRecord>> {
        let sql = format!("SELECT vector, metadata FROM {} WHERE id = ?", self.info.table());
        let mut found = None;
        self.store
            .database()
            .query_each(&sql, params![id], |row| {
                let (vector, metadata) = index::decode(&self.info, id, row)?;
                found = Some(VectorRecord { id: id.to_owned(), vector, metadata });
                Ok(())
            })
            .map_err(|error| self.explain_error(error))?;
        Ok(found)
    }

    /// Deletes the vectors stored under `ids`, in one transaction, and says how many there were.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when the collection was dropped, and storage kinds.
    pub fn delete<I: AsRef<str>>(&self, ids: impl IntoIterator<Item = I>) -> Result<usize> {
        let sql = format!("DELETE FROM {} WHERE id = ?", self.info.table());
        self.store.database().atomically(|| {
            let mut deleted = 0;
            for id in ids {
                deleted += usize::try_from(self.run(&sql, params![id.as_ref()])?).unwrap_or(0);
            }
            Ok(deleted)
        })
    }

    /// How many vectors are stored.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when the collection was dropped, and storage kinds.
    pub fn count(&self) -> Result<usize> {
        self.store.with_current_index(&self.info, |index| Ok(index.vectors().len()))
    }

    /// Brings the index up to date by reading at most `most` rows or changes, and says whether that
    /// was all.
    ///
    /// Every search does this by itself, and all at once. A caller on a thread that must not be
    /// held up, such as that of a page, does it in steps before its first search and after large
    /// transactions, and lets others have their turn in between. Whatever is written between two
    /// steps is in the index in the end; a step that fails is done again by the next one.
    ///
    /// ```
    /// use sigil_core::{CollectionOptions, Metadata, Metric, Store};
    /// let store = Store::in_memory()?;
    /// let vectors = store.create_collection("v", CollectionOptions::new(1, Metric::L2))?;
    /// for n in 0..100_u8 {
    ///     vectors.store(&n.to_string(), &[f32::from(n)], &Metadata::new())?;
    /// }
    /// let mut steps = 1;
    /// while !vectors.prepare(30)? {
    ///     steps += 1;
    /// }
    /// assert!(steps > 3);
    /// # Ok::<(), sigil_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] inside a transaction, [`ErrorKind::NotFound`] when the collection was
    /// dropped, and storage kinds.
    pub fn prepare(&self, most: usize) -> Result<bool> {
        self.store.prepare_index(&self.info, most)
    }

    /// How many bytes the index takes in memory, apart from what the allocator adds.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when the collection was dropped, and storage kinds.
    pub fn memory(&self) -> Result<usize> {
        self.store.with_current_index(&self.info, |index| Ok(index.vectors().memory()))
    }

    /// Throws the index away and builds it again from the table.
    ///
    /// Nothing needs this: an index that cannot be trusted is rebuilt when it is opened.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] inside a transaction, and storage kinds.
    pub fn rebuild(&self) -> Result<()> {
        self.store.rebuild_index(&self.info)
    }
}

pub(crate) fn not_found(name: &str) -> Error {
    Error::new(
        ErrorKind::NotFound,
        format!("no vector collection is named '{name}': create it first"),
    )
}

/// Reads the catalogue.
pub(crate) fn list(db: &Database) -> Result<Vec<CollectionInfo>> {
    let mut collections = Vec::new();
    db.query_each(
        "SELECT id, name, dimensions, metric, trimmed_seq, precision, resident
         FROM sigil_collection ORDER BY name",
        (),
        |row| {
            let dimensions = usize::try_from(row.get_i64(2)?).unwrap_or(0);
            collections.push(CollectionInfo {
                id: row.get_i64(0)?,
                name: row.get_str(1)?.to_owned(),
                options: CollectionOptions {
                    dimensions,
                    metric: Metric::parse(row.get_str(3)?)?,
                    precision: Precision::parse(row.get_str(5)?)?,
                    resident: Precision::parse(row.get_str(6)?)?,
                },
                trimmed_seq: row.get_i64(4)?,
            });
            Ok(())
        },
    )?;
    Ok(collections)
}

/// How many collections there ever were: the highest number that was given to one.
pub(crate) fn given_ids(db: &Database) -> Result<i64> {
    let rows = db.query("SELECT value FROM sigil_meta WHERE key = 'collections'", ())?;
    Ok(rows.single()?.as_i64().unwrap_or(0))
}

/// Creates the catalogue entry, the table and its triggers, inside a transaction.
pub(crate) fn create(tx: &Database, name: &str, options: CollectionOptions) -> Result<()> {
    check_name(name)?;
    // Only to have the dimensions checked where they are defined.
    VectorIndex::new(options.dimensions, options.metric)?;
    if options.resident < options.precision {
        return Err(Error::invalid(format!(
            "a collection of vectors stored as {} cannot hold them as {}: hold them no finer",
            options.precision, options.resident
        )));
    }
    let dimensions = i64::try_from(options.dimensions).unwrap_or(i64::MAX);
    // Counted here and not by AUTOINCREMENT, for which the engine keeps a table that no SQLite
    // knows. A number is never used again, since snapshots of a dropped collection may linger.
    let counted =
        "UPDATE sigil_meta SET value = value + 1 WHERE key = 'collections' RETURNING value";
    let id = tx.query(counted, ())?.single()?.as_i64().unwrap_or(0);
    let inserted = tx.execute(
        "INSERT INTO sigil_collection (id, name, dimensions, metric, precision, resident)
         VALUES (?, ?, ?, ?, ?, ?)",
        params![
            id,
            name,
            dimensions,
            options.metric.as_str(),
            options.precision.as_str(),
            options.resident.as_str()
        ],
    );
    match inserted {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConstraintUnique => {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("a vector collection named '{name}' exists already: open it"),
            ));
        }
        Err(error) => return Err(error),
    }
    let table = format!("sigil_vectors_{id}");
    tx.execute_batch(&format!(
        "CREATE TABLE {table} (
           key INTEGER PRIMARY KEY,
           id TEXT NOT NULL UNIQUE CHECK (length(id) > 0),
           vector BLOB NOT NULL CHECK (typeof(vector) = 'blob' AND length(vector) = {bytes}),
           metadata TEXT NOT NULL DEFAULT '{{}}' CHECK (json_valid(metadata))
         );
         {triggers}",
        bytes = options.precision.vector_bytes(options.dimensions),
        triggers = changes::triggers(&table, "id", id),
    ))?;
    Ok(())
}

/// Removes everything that [`create`] made, and the collection's changes, inside a transaction.
pub(crate) fn drop_collection(tx: &Database, info: &CollectionInfo) -> Result<()> {
    tx.execute(&format!("DROP TABLE {}", info.table()), ())?;
    tx.execute("DELETE FROM sigil_collection WHERE id = ?", params![info.id])?;
    changes::trim(tx, info.id, i64::MAX)
}

fn check_name(name: &str) -> Result<()> {
    if name.is_empty() || name.len() > COLLECTION_NAME_BYTES_MAX || name.contains('\0') {
        return Err(Error::invalid(format!(
            "a collection's name has 1 to {COLLECTION_NAME_BYTES_MAX} bytes and no NUL, this one \
             has {} bytes",
            name.len()
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
