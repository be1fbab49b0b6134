//! The vectors of the memory.

use std::sync::Arc;

use sigil_core::{
    CollectionOptions, Error, Hit, ID_BYTES_MAX, Metadata, Metric, Result, SearchOptions,
    VectorEntry, VectorRecord, VectorStore,
};

use super::{TwinWorkspace, number};

impl TwinWorkspace {
    fn check_vector(&self, vector: &[f32]) -> Result<()> {
        if vector.len() != self.options.dimensions {
            return Err(Error::invalid("the vector has other dimensions"));
        }
        if !vector.iter().all(|element| element.is_finite()) {
            return Err(Error::invalid("an element of the vector is no finite number"));
        }
        Ok(())
    }
}

fn distance(metric: Metric, a: &[f32], b: &[f32]) -> f64 {
    let sum = |term: fn(f64, f64) -> f64| -> f64 {
        a.iter().zip(b).map(|(a, b)| term(f64::from(*a), f64::from(*b))).sum()
    };
    let dot = sum(|a, b| a * b);
    match metric {
        Metric::L2 => sum(|a, b| (a - b) * (a - b)).sqrt(),
        Metric::Dot => -dot,
        Metric::Cosine if a == b && dot > 0.0 => 0.0,
        Metric::Cosine => {
            let norms = (sum(|a, _| a * a) * sum(|_, b| b * b)).sqrt();
            if norms > 0.0 { 1.0 - dot / norms } else { 1.0 }
        }
    }
}

impl VectorStore for TwinWorkspace {
    fn options(&self) -> CollectionOptions {
        CollectionOptions::new(self.options.dimensions, self.options.metric)
    }

    fn store(&self, id: &str, vector: &[f32], metadata: &Metadata) -> Result<()> {
        let (id, vector, metadata) = (id.to_owned(), vector.to_owned(), metadata.clone());
        self.store_many(&[VectorEntry { id, vector, metadata }])
    }

    fn store_many(&self, entries: &[VectorEntry]) -> Result<()> {
        for VectorEntry { id, vector, .. } in entries {
            if id.is_empty() || id.len() > ID_BYTES_MAX || id.contains('\0') {
                return Err(Error::invalid("the vector's id is empty, too long, or holds a NUL"));
            }
            self.check_vector(vector)?;
        }
        self.data.write(|data| {
            for VectorEntry { id, vector, metadata } in entries {
                data.vectors.insert(id.clone(), Arc::new((vector.clone(), metadata.clone())));
            }
            Ok(())
        })
    }

    fn get(&self, id: &str) -> Result<Option<VectorRecord>> {
        self.data.read(|data| {
            Ok(data.vectors.get(id).map(|found| {
                let (vector, metadata) = (**found).clone();
                VectorRecord { id: id.to_owned(), vector, metadata }
            }))
        })
    }

    fn search(&self, query: &[f32], k: usize, options: &SearchOptions) -> Result<Vec<Hit>> {
        self.check_vector(query)?;
        self.data.read_committed(|data| {
            let mut hits = Vec::new();
            for (id, found) in &data.vectors {
                let (vector, metadata) = &**found;
                if options.filter.as_ref().is_none_or(|filter| filter.matches(metadata)) {
                    let distance = distance(self.options.metric, query, vector);
                    hits.push(Hit { id: id.clone(), distance, metadata: metadata.clone() });
                }
            }
            hits.sort_by(|a, b| a.distance.total_cmp(&b.distance).then_with(|| a.id.cmp(&b.id)));
            hits.truncate(k);
            Ok(hits)
        })
    }

    fn delete(&self, ids: &[&str]) -> Result<i64> {
        self.data.write(|data| {
            Ok(ids.iter().map(|id| i64::from(data.vectors.remove(*id).is_some())).sum())
        })
    }

    fn count(&self) -> Result<i64> {
        self.data.read(|data| Ok(number(data.vectors.len())))
    }
}
