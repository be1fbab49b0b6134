//! Vectors by id, with metadata: an index that works alone and under a collection in SQL.
//!
//! [`VectorIndex`] holds everything in memory: one contiguous array of floats, and beside each row
//! its id, its [`Metadata`] and its squared norm. A search scans the rows that its [`Filter`]
//! lets through. The index knows nothing of files, transactions or SQL.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::BuildHasherDefault;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};

mod codec;
mod distance;
mod filter;
mod kernels;
mod metadata;
mod metric;
mod scan;

pub use codec::SnapshotMark;
pub use filter::Filter;
pub use metadata::{MetaValue, Metadata};
pub use metric::Metric;

/// Where each id lives. Never iterated, so its order is never seen; the keys are hashed without
/// entropy, which the core does not take.
type Slots = HashMap<Arc<str>, u32, BuildHasherDefault<DefaultHasher>>;

/// Vectors of one length under one [`Metric`], searched by nearness and by metadata.
///
/// ```
/// use sigil_core::{Filter, Metadata, Metric, SearchOptions, VectorIndex};
/// let mut index = VectorIndex::new(2, Metric::L2)?;
/// index.add("a", &[0.0, 0.0], Metadata::from_json(r#"{"kind": "origin"}"#)?)?;
/// index.add("b", &[3.0, 4.0], Metadata::new())?;
/// let hits = index.search(&[0.0, 0.0], 10, &SearchOptions::default())?;
/// assert_eq!(hits[1].id, "b");
/// assert_eq!(hits[1].distance, 5.0);
///
/// let filter = Some(Filter::from_json(r#"{"kind": {"$exists": false}}"#)?);
/// let hits = index.search(&[0.0, 0.0], 10, &SearchOptions { filter, ..Default::default() })?;
/// assert_eq!(hits.len(), 1);
/// # Ok::<(), sigil_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct VectorIndex {
    metric: Metric,
    dimensions: usize,
    /// At most `u32::MAX` of them, so that their number fits too.
    slots: Slots,
    // The row of slot `i` is element `i` of each of these; `vectors` has `dimensions` floats a row.
    ids: Vec<Arc<str>>,
    metadata: Vec<Metadata>,
    squared_norms: Vec<f64>,
    vectors: Vec<f32>,
}

/// What a search may be asked beside the query and the count.
#[derive(Debug, Clone, Default)]
pub struct SearchOptions {
    /// Only vectors whose metadata match are looked at, and returned.
    pub filter: Option<Filter>,
    /// Compare with every matching vector, whatever faster way there may be.
    pub exact: bool,
}

/// One result of a search.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The id the vector was added under.
    pub id: String,
    /// How far it is from the query, in the index's [`Metric`]; lower is nearer.
    pub distance: f64,
    /// The metadata it was added with.
    pub metadata: Metadata,
}

/// A vector in an index.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VectorRef<'a> {
    /// The id it was added under.
    pub id: &'a str,
    /// Its elements, as they were given.
    pub vector: &'a [f32],
    /// Its metadata.
    pub metadata: &'a Metadata,
}

impl VectorIndex {
    /// The most elements a vector may have.
    pub const DIMENSIONS_MAX: usize = 65_536;

    /// The most bytes an id may have, in UTF-8.
    pub const ID_BYTES_MAX: usize = 512;

    /// An empty index for vectors of `dimensions` elements.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) unless `dimensions` is within
    /// 1..=[`DIMENSIONS_MAX`](VectorIndex::DIMENSIONS_MAX).
    pub fn new(dimensions: usize, metric: Metric) -> Result<VectorIndex> {
        if !(1..=VectorIndex::DIMENSIONS_MAX).contains(&dimensions) {
            return Err(Error::invalid(format!(
                "vectors of {dimensions} dimensions: give a number from 1 to {}",
                VectorIndex::DIMENSIONS_MAX
            )));
        }
        Ok(VectorIndex {
            metric,
            dimensions,
            slots: Slots::default(),
            ids: Vec::new(),
            metadata: Vec::new(),
            squared_norms: Vec::new(),
            vectors: Vec::new(),
        })
    }

    /// The metric it was created with.
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// How many elements each vector has.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// How many vectors there are.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are no vectors.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Puts a vector and its metadata under `id`, and says whether it replaced another.
    ///
    /// An id is any text of 1 to [`ID_BYTES_MAX`](VectorIndex::ID_BYTES_MAX) bytes without the
    /// NUL character. After an error the index is as it was.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for an id outside these bounds, a vector of
    /// another length, or an element that is infinite or not a number;
    /// [`Full`](ErrorKind::Full) when memory runs out; [`Limit`](ErrorKind::Limit) at 2^32 - 1
    /// vectors.
    pub fn add(&mut self, id: &str, vector: &[f32], metadata: Metadata) -> Result<bool> {
        check_row(self.dimensions, id, vector)?;
        let squared_norm = distance::squared_norm(vector);
        if let Some(slot) = self.slot(id) {
            self.row_mut(slot).copy_from_slice(vector);
            self.metadata[slot] = metadata;
            self.squared_norms[slot] = squared_norm;
            return Ok(true);
        }
        let slot = self.count();
        if slot == u32::MAX {
            return Err(Error::new(
                ErrorKind::Limit,
                "an index holds less than 2^32 vectors: start another one",
            ));
        }
        self.reserve(1)?;
        let id: Arc<str> = id.into();
        self.slots.insert(Arc::clone(&id), slot);
        self.ids.push(id);
        self.metadata.push(metadata);
        self.squared_norms.push(squared_norm);
        self.vectors.extend_from_slice(vector);
        Ok(false)
    }

    /// Makes room for `additional` more vectors, so that adding them takes no more memory.
    ///
    /// # Errors
    /// [`Full`](ErrorKind::Full) when there is not enough memory; nothing has changed then.
    pub fn reserve(&mut self, additional: usize) -> Result<()> {
        let full = |error| {
            Error::with_source(
                ErrorKind::Full,
                format!("out of memory for {additional} more vectors"),
                error,
            )
        };
        self.slots.try_reserve(additional).map_err(full)?;
        self.ids.try_reserve(additional).map_err(full)?;
        self.metadata.try_reserve(additional).map_err(full)?;
        self.squared_norms.try_reserve(additional).map_err(full)?;
        self.vectors.try_reserve(additional.saturating_mul(self.dimensions)).map_err(full)
    }

    /// Removes the vector under `id`, and says whether there was one.
    ///
    /// Takes the same time however many vectors there are: the last row takes the freed place.
    pub fn remove(&mut self, id: &str) -> bool {
        let Some(slot) = self.slots.remove(id) else {
            return false;
        };
        let slot_idx = slot as usize;
        let last = self.len() - 1;
        self.ids.swap_remove(slot_idx);
        self.metadata.swap_remove(slot_idx);
        self.squared_norms.swap_remove(slot_idx);
        let row = self.row_range(last);
        self.vectors.copy_within(row.clone(), slot_idx * self.dimensions);
        self.vectors.truncate(row.start);
        if let Some(moved) = self.ids.get(slot_idx)
            && let Some(place) = self.slots.get_mut(moved)
        {
            *place = slot;
        }
        true
    }

    /// The vector under `id`.
    pub fn get(&self, id: &str) -> Option<VectorRef<'_>> {
        self.slot(id).map(|slot| self.at(slot))
    }

    /// Removes every vector and gives their memory back.
    pub fn clear(&mut self) {
        self.slots = Slots::default();
        self.ids = Vec::new();
        self.metadata = Vec::new();
        self.squared_norms = Vec::new();
        self.vectors = Vec::new();
    }

    /// Every vector once, in an order that follows from the additions and removals so far.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = VectorRef<'_>> {
        (0..self.len()).map(|slot| self.at(slot))
    }

    /// The `k` vectors nearest to `query` among those that match the filter, nearest first.
    ///
    /// Exactly `k` results, or as many as match if these are fewer. Equal distances are ordered by
    /// the bytes of their ids. The same index and query give the same result, to the bit, on every
    /// target. Distances are computed from sums in 32-bit floats; where such a sum would overflow
    /// or lose itself among subnormals, in 64-bit ones.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for a query of another length, or with an element
    /// that is infinite or not a number.
    pub fn search(&self, query: &[f32], k: usize, options: &SearchOptions) -> Result<Vec<Hit>> {
        check_vector(self.dimensions, query, || "the query".to_owned())?;
        let nearest = scan::nearest(self, query, k, options.filter.as_ref());
        Ok(nearest
            .into_iter()
            .map(|found| Hit {
                id: found.id.to_owned(),
                distance: found.distance,
                metadata: self.metadata[found.slot].clone(),
            })
            .collect())
    }

    /// The name of the distance kernels in use on this processor: `"avx512"`, `"avx2"`, `"neon"`,
    /// `"simd128"` or `"scalar"`. All of them give the same results.
    pub fn kernels() -> &'static str {
        kernels::Kernels::best().name()
    }

    /// The number of vectors, as slots are counted.
    fn count(&self) -> u32 {
        u32::try_from(self.len()).unwrap_or(u32::MAX)
    }

    fn slot(&self, id: &str) -> Option<usize> {
        self.slots.get(id).map(|slot| *slot as usize)
    }

    fn row_range(&self, slot: usize) -> std::ops::Range<usize> {
        slot * self.dimensions..(slot + 1) * self.dimensions
    }

    fn row(&self, slot: usize) -> &[f32] {
        &self.vectors[self.row_range(slot)]
    }

    fn row_mut(&mut self, slot: usize) -> &mut [f32] {
        let range = self.row_range(slot);
        &mut self.vectors[range]
    }

    fn at(&self, slot: usize) -> VectorRef<'_> {
        VectorRef { id: &self.ids[slot], vector: self.row(slot), metadata: &self.metadata[slot] }
    }
}

/// Refuses what no index of `dimensions` could hold.
pub(crate) fn check_row(dimensions: usize, id: &str, vector: &[f32]) -> Result<()> {
    check_id(id)?;
    check_vector(dimensions, vector, || format!("the vector of id {}", quoted(id)))
}

fn check_vector(dimensions: usize, vector: &[f32], what: impl Fn() -> String) -> Result<()> {
    if vector.len() != dimensions {
        return Err(Error::invalid(format!(
            "{} has {} dimensions, but the index has {dimensions}: give a vector of the same model",
            what(),
            vector.len(),
        )));
    }
    if let Some((at, element)) = vector.iter().enumerate().find(|(_, x)| !x.is_finite()) {
        return Err(Error::invalid(format!(
            "{} has {element} at position {at}: every element must be a finite number",
            what()
        )));
    }
    Ok(())
}

fn check_id(id: &str) -> Result<()> {
    if id.is_empty() {
        return Err(Error::invalid(format!(
            "an id is empty: give 1 to {} bytes",
            VectorIndex::ID_BYTES_MAX
        )));
    }
    if id.len() > VectorIndex::ID_BYTES_MAX {
        return Err(Error::invalid(format!(
            "the id {} has {} bytes: give at most {}",
            quoted(id),
            id.len(),
            VectorIndex::ID_BYTES_MAX
        )));
    }
    if id.contains('\0') {
        return Err(Error::invalid(format!(
            "the id {} holds a NUL character: leave it out",
            quoted(id)
        )));
    }
    Ok(())
}

/// `text` in double quotes and ASCII for a message, cut when it is long.
fn quoted(text: &str) -> String {
    const CHARS_MAX: usize = 40;
    let cut: String = text.chars().take(CHARS_MAX).collect();
    let dots = if cut.len() < text.len() { ".." } else { "" };
    format!("\"{}{dots}\"", cut.escape_default())
}

#[cfg(test)]
mod tests;
