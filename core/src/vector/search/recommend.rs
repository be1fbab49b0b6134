//! Recommendations: vectors like some, and unlike others.

use super::{Hit, Request, SearchOptions, VectorIndex, Wanted};
use crate::error::{Error, Result};
use crate::vector::cells::coded;

impl VectorIndex {
    /// The `k` vectors nearest to those under the `positive` ids and away from those under the
    /// `negative` ones, none of which is among them.
    ///
    /// The query is the mean of the positive ones, moved away from the mean of the negative ones
    /// by as much as these differ; under cosine all of them count the same, whatever their length.
    ///
    /// ```
    /// use sigil_core::{Metadata, Metric, SearchOptions, VectorIndex};
    /// let mut index = VectorIndex::new(2, Metric::Cosine)?;
    /// for (id, vector) in [("a", [1.0, 0.0]), ("b", [0.9, 0.1]), ("c", [0.9, -0.1])] {
    ///     index.add(id, &vector, Metadata::new())?;
    /// }
    /// index.add("not", &[0.0, -1.0], Metadata::new())?;
    /// let hits = index.recommend(&["a"], &["not"], 1, &SearchOptions::default())?;
    /// assert_eq!(hits[0].id, "b");
    /// # Ok::<(), sigil_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) without a positive id, and when the sum is
    /// beyond 32-bit floats; [`NotFound`](crate::ErrorKind::NotFound) for an id that no vector
    /// has; those of [`search`](VectorIndex::search).
    pub fn recommend(
        &self,
        positive: &[&str],
        negative: &[&str],
        k: usize,
        options: &SearchOptions,
    ) -> Result<Vec<Hit>> {
        let query = self.recommended(positive, negative)?;
        let ids = positive.iter().chain(negative);
        let without: Result<Vec<u32>> = ids.map(|id| self.known_slot(id)).collect();
        let wanted = &Wanted::new(self, options.filter.as_ref(), without?);
        let found = self.find(Request { query: &query, k, options, wanted })?;
        Ok(self.hits(found.nearest))
    }

    /// What is searched for to [`recommend`](VectorIndex::recommend).
    pub(crate) fn recommended(&self, positive: &[&str], negative: &[&str]) -> Result<Vec<f32>> {
        if positive.is_empty() {
            return Err(Error::invalid("nothing to recommend from: give at least one positive id"));
        }
        let slots = |ids: &[&str]| -> Result<Vec<u32>> {
            ids.iter().map(|id| self.known_slot(id)).collect()
        };
        let (liked, disliked) = (slots(positive)?, slots(negative)?);
        let mut query = self.mean(&liked);
        if !disliked.is_empty() {
            let away = self.mean(&disliked);
            query.iter_mut().zip(&away).for_each(|(x, away)| *x += *x - away);
        }
        #[expect(clippy::cast_possible_truncation, reason = "what overflows is seen below")]
        let query: Vec<f32> = query.into_iter().map(|x| x as f32).collect();
        if query.iter().any(|x| !x.is_finite()) {
            return Err(Error::invalid(
                "the vectors to recommend from are too large to be added up: scale them down",
            ));
        }
        Ok(query)
    }

    /// The mean of some vectors, under cosine of their directions.
    fn mean(&self, slots: &[u32]) -> Vec<f64> {
        let mut mean = vec![0.0; self.dimensions];
        let mut vector = Vec::new();
        #[expect(clippy::cast_precision_loss, reason = "ids that were given one by one")]
        let count = slots.len() as f64;
        for slot in slots {
            coded(self.metric, &self.elements.get(*slot as usize), &mut vector);
            mean.iter_mut().zip(&vector).for_each(|(sum, x)| *sum += f64::from(*x) / count);
        }
        mean
    }
}
