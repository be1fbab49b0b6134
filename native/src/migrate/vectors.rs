//! Vectors and their metadata.

use std::collections::HashMap;

use serde_json::json;
use sigil_core::{Result, VectorEntry, Workspace};

use super::batch::{Batch, Records};
use super::columns_of::VECTOR_METADATA;
use super::ids::Taken;
use super::json;
use super::messages;
use super::report::{Place, exact, hex};
use super::run::Run;
use super::survey::{Kind, Stray, text_of};
use super::table::{Cell, LegacyDatabase, LegacyRow};
use super::vec0::{self, LegacyVector};

#[derive(Debug)]
struct Vectors<'w>(&'w Workspace);

impl Records for Vectors<'_> {
    type Record = VectorEntry;

    fn has(&self, entry: &VectorEntry) -> Result<bool> {
        Ok(self.0.vectors().get(&entry.id)?.is_some())
    }

    fn put(&self, entries: &[VectorEntry]) -> Result<()> {
        self.0.vectors().store_many(entries)
    }
}

/// The rows of metadata by file and id.
type AllMetadata = HashMap<(usize, String), LegacyRow>;

/// Takes over the vectors of a workspace.
pub(crate) fn migrate(run: &mut Run<'_>, id: &str, target: Option<&Workspace>) -> Result<()> {
    let survey = run.survey;
    let mut metadata = all_metadata(run, id)?;
    let mut taken = Taken::default();
    let mut batch = Batch::new(target.map(Vectors), run.is_resuming);
    let mut take = |run: &mut Run<'_>, file: usize, vector: LegacyVector| -> Result<()> {
        let place = Place { file: survey.files[file].place.clone(), table: "vectors" };
        let key = (file, vector.id.as_ref().map(text_of).unwrap_or_default());
        let row = vector.id.as_ref().and_then(|_| metadata.remove(&key));
        run.advance(&place.file, 1 + u64::from(row.is_some()))?;
        let entry = entry(run, id, (file, &place), vector, row, &mut taken);
        entry.map_or(Ok(()), |entry| {
            let bytes = 100 + 4 * entry.vector.len() + entry.metadata.to_json().len();
            batch.push(entry, bytes)
        })
    };
    if let Some(index) = survey.own(id, Kind::Vectors) {
        let file = &survey.files[index];
        let opened = file.open()?;
        let database = LegacyDatabase::open(&opened)?;
        vec0::read(&database, |vector| {
            let is_abroad =
                vector.id.as_ref().is_some_and(|id| file.vectors_abroad.contains_key(&text_of(id)));
            if is_abroad { Ok(()) } else { take(run, index, vector) }
        })?;
    }
    for (index, stray) in survey.strays(id, "vectors") {
        if let Stray::Vector(vector) = stray {
            take(run, *index, vector.clone())?;
        }
    }
    batch.flush()?;
    left_over(run, id, metadata)
}

/// The metadata of the vectors of a workspace, wherever they lie.
fn all_metadata(run: &mut Run<'_>, id: &str) -> Result<AllMetadata> {
    let survey = run.survey;
    let mut all = AllMetadata::new();
    run.rows(id, Kind::Vectors, "vector_metadata", |_, file, _, row| {
        all.insert((file, text_of(&row.cells[0])), row);
        Ok(())
    })?;
    for (index, file) in survey.files.iter().enumerate() {
        if file.kind != Kind::Vectors || !file.vectors_abroad.values().any(|of| of == id) {
            continue;
        }
        let opened = file.open()?;
        let database = LegacyDatabase::open(&opened)?;
        for row in database.rows("vector_metadata", VECTOR_METADATA)? {
            let row = row?;
            let key = text_of(&row.cells[0]);
            if file.vectors_abroad.get(&key).is_some_and(|of| of == id) {
                all.insert((index, key), row);
            }
        }
    }
    Ok(all)
}

/// Notes the metadata of vectors that are not there.
fn left_over(run: &mut Run<'_>, id: &str, metadata: AllMetadata) -> Result<()> {
    let mut rest: Vec<((usize, String), LegacyRow)> = metadata.into_iter().collect();
    rest.sort_by_key(|((file, _), row)| (*file, row.rowid));
    for ((file, _), row) in rest {
        let place = Place { file: run.survey.files[file].place.clone(), table: "vector_metadata" };
        let mut fields = run.fields(id, file, &place, VECTOR_METADATA, row);
        let was = fields.row();
        fields.repair("its vector is not there", "left out; the whole row is in this report", was);
        let old = text_of(fields.cell("id"));
        run.keep(fields, &old);
        run.advance(&place.file, 1)?;
    }
    Ok(())
}

fn entry(
    run: &mut Run<'_>,
    workspace: &str,
    (file, place): (usize, &Place),
    found: LegacyVector,
    row: Option<LegacyRow>,
    taken: &mut Taken,
) -> Option<VectorEntry> {
    let LegacyVector { rowid, id, vector, is_valid } = found;
    let metadata =
        row.map_or(Cell::Absent, |row| row.cells.into_iter().nth(1).unwrap_or(Cell::Null));
    let has_metadata = metadata != Cell::Absent;
    let is_keyed = id.is_some();
    let id = id.unwrap_or_else(|| Cell::Text(format!("legacy-rowid-{rowid}")));
    let row = LegacyRow { rowid, cells: vec![id, metadata] };
    let mut fields = run.fields(workspace, file, place, VECTOR_METADATA, row);
    if !is_keyed {
        fields.repair("its id is not there", "its rowid became its id", json!(rowid));
    }
    if !is_valid {
        fields.repair("its chunk says that it was deleted", "kept all the same", json!(null));
    }
    if !has_metadata {
        fields.repair("it has no metadata", "became none", json!(null));
    }
    let id = fields.id("id");
    let id = messages::claim(&mut fields, taken, id);
    let was = exact(fields.cell("metadata"));
    let metadata = json::metadata(&mut fields, "metadata");
    let usable = match &vector {
        Some(vector) if vector.iter().all(|number| number.is_finite()) => true,
        Some(vector) => {
            let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
            let was = json!({ "embedding": { "blob": hex(&bytes) }, "metadata": was });
            fields.repair(
                "it holds numbers that are not finite, which nothing is near to",
                "left out; all of it is in this report",
                was,
            );
            false
        }
        None => {
            let was = json!({ "metadata": was });
            fields.repair("its numbers are not there", "left out", was);
            false
        }
    };
    run.keep(fields, &id);
    vector.filter(|_| usable).map(|vector| VectorEntry { id, vector, metadata })
}
