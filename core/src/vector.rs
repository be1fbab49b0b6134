//! Vectors by id, with metadata: an index that works alone and under a collection in SQL.
//!
//! [`VectorIndex`] holds everything in memory: one contiguous array of floats, and beside each row
//! its id, its [`Metadata`] and its squared norm. A search scans the rows that its [`Filter`]
//! lets through. The index knows nothing of files, transactions or SQL.

use std::borrow::Cow;

use crate::error::{Error, ErrorKind, Result};

mod attributes;
mod cells;
mod chunked;
mod codec;
mod codes;
mod distance;
mod elements;
mod filter;
mod ids;
mod kernels;
mod metadata;
mod metric;
mod precision;
mod rotation;
mod scan;
mod search;

pub use cells::Effort;
pub use codec::SnapshotMark;
pub use filter::Filter;
pub use metadata::{MetaValue, Metadata};
pub use metric::Metric;
pub use precision::Precision;
pub use search::{Because, Explanation, HitCursor, Plan, Recall, SearchOptions};
pub(crate) use search::{Matching, Tally, Wanted};

pub(crate) use attributes::{Attributes, Selection, ValueCounts};
use cells::{Cells, Source};
use chunked::Chunked;
use distance::RowNorm;
use elements::Elements;
use ids::Ids;

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
    // Each by slot, of which there are at most `u32::MAX`, so that their number fits too.
    ids: Ids,
    attributes: Attributes,
    norms: Chunked<RowNorm>,
    elements: Elements,
    /// Once there are enough vectors.
    cells: Option<Cells>,
}

/// From so many vectors on, codes pay.
const CELLS_FROM: usize = 1_000;

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
#[derive(Debug, Clone, PartialEq)]
pub struct VectorRef<'a> {
    /// The id it was added under.
    pub id: &'a str,
    /// Its elements, as the index [keeps](Precision) them.
    pub vector: Cow<'a, [f32]>,
    /// Its metadata.
    pub metadata: Metadata,
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
        VectorIndex::with_precision(dimensions, metric, Precision::F32)
    }

    /// An empty index that keeps the elements of its vectors in this precision.
    ///
    /// # Errors
    /// As [`new`](VectorIndex::new).
    pub fn with_precision(
        dimensions: usize,
        metric: Metric,
        precision: Precision,
    ) -> Result<VectorIndex> {
        if !(1..=VectorIndex::DIMENSIONS_MAX).contains(&dimensions) {
            return Err(Error::invalid(format!(
                "vectors of {dimensions} dimensions: give a number from 1 to {}",
                VectorIndex::DIMENSIONS_MAX
            )));
        }
        Ok(VectorIndex {
            metric,
            dimensions,
            ids: Ids::default(),
            attributes: Attributes::default(),
            norms: Chunked::new(1),
            elements: Elements::new(precision, dimensions),
            cells: None,
        })
    }

    /// The metric it was created with.
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// The precision it was created with.
    pub fn precision(&self) -> Precision {
        self.elements.precision()
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
        self.ids.len() == 0
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
        self.precision().check(vector)?;
        let replaced = self.ids.slot(id);
        let slot = match replaced {
            Some(slot) => {
                self.elements.set(slot as usize, vector);
                self.attributes.set(slot, &metadata);
                slot
            }
            None => {
                let slot = self.count();
                if slot == u32::MAX {
                    return Err(Error::new(
                        ErrorKind::Limit,
                        "an index holds less than 2^32 vectors: start another one",
                    ));
                }
                self.reserve(1)?;
                self.ids.push(id);
                self.attributes.push(&metadata);
                self.norms.push([RowNorm::default()]);
                self.elements.push(vector);
                slot
            }
        };
        self.norms.row_mut(slot as usize)[0] = match &self.elements {
            Elements::Floats(_) => RowNorm::of(vector),
            rounded => RowNorm::of(&rounded.get(slot as usize)),
        };
        self.recode(slot, replaced.is_some());
        Ok(replaced.is_some())
    }

    /// Keeps the cells in step with the vector in `slot`, which is new there.
    fn recode(&mut self, slot: u32, replaced: bool) {
        let source = Source { elements: &self.elements, metric: self.metric };
        match &mut self.cells {
            Some(cells) if replaced => cells.set(source, slot),
            Some(cells) => cells.push(source, slot),
            None => self.start_cells(),
        }
    }

    /// Makes cells of all vectors once there are enough.
    fn start_cells(&mut self) {
        if self.len() >= CELLS_FROM {
            let source = Source { elements: &self.elements, metric: self.metric };
            self.cells = Some(Cells::new(source, self.count(), SEED));
        }
    }

    /// Makes room for `additional` more ids.
    fn reserve_ids(&mut self, additional: usize) -> Result<()> {
        self.ids.reserve(additional).map_err(|error| {
            Error::new(
                ErrorKind::Full,
                format!("out of memory for {additional} more ids: {error:?}"),
            )
        })
    }

    /// Makes room for `additional` more vectors, so that adding them takes little more memory.
    ///
    /// # Errors
    /// [`Full`](ErrorKind::Full) when there is not enough memory; nothing has changed then.
    pub fn reserve(&mut self, additional: usize) -> Result<()> {
        let full = |error: Box<dyn std::error::Error + Send + Sync>| {
            Error::with_source(
                ErrorKind::Full,
                format!("out of memory for {additional} more vectors"),
                error,
            )
        };
        self.reserve_ids(additional)?;
        self.attributes.reserve(additional)?;
        self.norms.reserve(additional).map_err(|error| full(error.into()))?;
        self.elements.reserve(additional).map_err(|error| full(error.into()))
    }

    /// Removes the vector under `id`, and says whether there was one.
    ///
    /// Takes the same time however many vectors there are: the last row takes the freed place.
    pub fn remove(&mut self, id: &str) -> bool {
        let Some(slot) = self.ids.slot(id) else {
            return false;
        };
        if let Some(cells) = &mut self.cells {
            cells.swap_remove(Source { elements: &self.elements, metric: self.metric }, slot);
        }
        self.ids.swap_remove(slot);
        self.attributes.swap_remove(slot);
        let slot = slot as usize;
        self.norms.swap_remove(slot);
        self.elements.swap_remove(slot);
        if self.ids.len() < CELLS_FROM / 2 {
            self.cells = None;
        }
        true
    }

    /// The vector under `id`.
    pub fn get(&self, id: &str) -> Option<VectorRef<'_>> {
        self.ids.slot(id).map(|slot| self.at(slot))
    }

    /// Removes every vector and gives their memory back.
    pub fn clear(&mut self) {
        self.ids = Ids::default();
        self.attributes.clear();
        self.norms = Chunked::new(1);
        self.elements = Elements::new(self.precision(), self.dimensions);
        self.cells = None;
    }

    /// Every vector once, in an order that follows from the additions and removals so far.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = VectorRef<'_>> {
        (0..self.len()).map(|slot| self.at(u32::try_from(slot).unwrap_or(u32::MAX)))
    }

    /// How many bytes the index holds, apart from what the allocator adds.
    pub fn memory(&self) -> usize {
        let cells = self.cells.as_ref().map_or(0, Cells::memory);
        cells
            + self.ids.memory()
            + self.attributes.memory()
            + self.norms.memory()
            + self.elements.memory()
    }

    /// Whether there are so many vectors that searches need not compare all.
    pub(crate) fn has_cells(&self) -> bool {
        self.cells.is_some()
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

    fn at(&self, slot: u32) -> VectorRef<'_> {
        VectorRef {
            id: self.ids.get(slot),
            vector: self.elements.get(slot as usize),
            metadata: self.attributes.get(slot),
        }
    }
}

/// Where the random rotation of codes comes from; any number does.
const SEED: u64 = 1;

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
