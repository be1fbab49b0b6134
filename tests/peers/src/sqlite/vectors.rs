//! Vectors with metadata, searched exactly by sqlite-vec.

use rusqlite::{Connection, OptionalExtension, params};
use zerocopy::IntoBytes;

use super::{atomically, rows};
use crate::error::{Error, Result};
use crate::model::{Embedding, Neighbour};

/// The vectors of a workspace.
#[derive(Debug, Clone, Copy)]
pub struct Vectors<'c> {
    pub(super) connection: &'c Connection,
    pub(super) dimensions: usize,
}

impl Vectors<'_> {
    /// Stores vectors in one transaction, each in place of what its id had before.
    ///
    /// # Errors
    ///
    /// If a vector has the wrong length or a number that is not finite, or the database fails; then
    /// none is stored.
    pub fn store(&self, embeddings: &[Embedding]) -> Result<()> {
        atomically(self.connection, || {
            for embedding in embeddings {
                self.check(&embedding.vector)?;
                self.delete_one(&embedding.id)?;
                self.connection
                    .prepare_cached("INSERT INTO vector_ids (id, metadata) VALUES (?1, ?2)")?
                    .execute(params![embedding.id, serde_json::to_string(&embedding.metadata)?])?;
                self.connection
                    .prepare_cached("INSERT INTO vectors (seq, embedding) VALUES (?1, ?2)")?
                    .execute(params![
                        self.connection.last_insert_rowid(),
                        embedding.vector.as_bytes()
                    ])?;
            }
            Ok(())
        })
    }

    /// The `k` nearest vectors, nearest first, equal ones by id.
    ///
    /// # Errors
    ///
    /// If the query has the wrong length or a number that is not finite, or the database fails.
    pub fn search(&self, query: &[f32], k: usize) -> Result<Vec<Neighbour>> {
        self.check(query)?;
        let mut select = self.connection.prepare_cached(
            "SELECT i.id, v.distance, i.metadata
             FROM (SELECT seq, distance FROM vectors WHERE embedding MATCH ?1 AND k = ?2) v
             JOIN vector_ids i ON i.seq = v.seq
             ORDER BY v.distance, i.id",
        )?;
        let mut found = select.query(params![query.as_bytes(), rows::count(k)?])?;
        let mut neighbours = Vec::new();
        while let Some(row) = found.next()? {
            neighbours.push(Neighbour {
                id: row.get(0)?,
                distance: row.get(1)?,
                metadata: rows::optional(row, 2)?.unwrap_or_default(),
            });
        }
        Ok(neighbours)
    }

    /// Deletes vectors in one transaction; unknown ids are skipped.
    ///
    /// # Errors
    ///
    /// If the database fails; then none is deleted.
    pub fn delete<'i>(&self, ids: impl IntoIterator<Item = &'i str>) -> Result<()> {
        atomically(self.connection, || ids.into_iter().try_for_each(|id| self.delete_one(id)))
    }

    fn delete_one(&self, id: &str) -> Result<()> {
        let seq: Option<i64> = self
            .connection
            .prepare_cached("DELETE FROM vector_ids WHERE id = ?1 RETURNING seq")?
            .query_row([id], |row| row.get(0))
            .optional()?;
        if let Some(seq) = seq {
            self.connection.prepare_cached("DELETE FROM vectors WHERE seq = ?1")?.execute([seq])?;
        }
        Ok(())
    }

    fn check(&self, vector: &[f32]) -> Result<()> {
        if vector.len() != self.dimensions {
            return Err(Error::Input(format!(
                "a vector of {} dimensions was given, not {}",
                vector.len(),
                self.dimensions
            )));
        }
        if vector.iter().all(|number| number.is_finite()) {
            Ok(())
        } else {
            Err(Error::Input("a vector has a number that is not finite".into()))
        }
    }
}
