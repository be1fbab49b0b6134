//! The vectors of the memory.

use sigil_core::{
    CollectionOptions, ErrorKind, Filter, Metadata, Metric, Result, SearchOptions, VectorEntry,
    VectorRecord, Workspace, WorkspaceOptions,
};

use super::fixture::{HOME, assert_fails, metadata};
use crate::subject::Subject;

const X: [f32; 3] = [1.0, 0.0, 0.0];
const NEAR_X: [f32; 3] = [0.9, 0.1, 0.0];
const Y: [f32; 3] = [0.0, 1.0, 0.0];

fn three(workspace: &Workspace) -> Result<()> {
    workspace.vectors().store("y", &Y, &metadata(r#"{"kind": "far", "n": 3}"#)?)?;
    workspace.vectors().store("near", &NEAR_X, &metadata(r#"{"kind": "near", "n": 2}"#)?)?;
    workspace.vectors().store("x", &X, &Metadata::new())
}

fn nearest(workspace: &Workspace, k: usize, filter: Option<&str>) -> Result<Vec<String>> {
    let filter = filter.map(Filter::from_json).transpose()?;
    let options = SearchOptions { filter, ..Default::default() };
    let hits = workspace.vectors().search(&X, k, &options)?;
    Ok(hits.into_iter().map(|hit| hit.id).collect())
}

pub fn the_nearest_come_first_with_their_distances(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    assert_eq!(nearest(&workspace, 5, None)?, [""; 0]);
    three(&workspace)?;
    let hits = workspace.vectors().search(&X, 3, &SearchOptions::default())?;
    let expected = [("x", 0.0), ("near", 0.02_f64.sqrt()), ("y", 2.0_f64.sqrt())];
    for (hit, (id, distance)) in hits.iter().zip(expected) {
        assert_eq!(hit.id, id);
        assert!((hit.distance - distance).abs() < 1e-6, "{hit:?}");
    }
    assert_eq!((hits.len(), &hits[0].metadata), (3, &Metadata::new()));
    assert_eq!(hits[1].metadata, metadata(r#"{"kind": "near", "n": 2}"#)?);
    assert_eq!(nearest(&workspace, 2, None)?, ["x", "near"]);
    Ok(())
}

pub fn storing_again_replaces_vector_and_metadata(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    workspace.vectors().store("v", &Y, &metadata(r#"{"version": 1}"#)?)?;
    assert_eq!(nearest(&workspace, 1, None)?, ["v"]);
    workspace.vectors().store("v", &X, &metadata(r#"{"version": 2}"#)?)?;
    let hits = workspace.vectors().search(&X, 10, &SearchOptions::default())?;
    assert_eq!((hits.len(), hits[0].distance), (1, 0.0));
    assert_eq!(hits[0].metadata, metadata(r#"{"version": 2}"#)?);
    workspace.vectors().store("v", &X, &Metadata::new())?;
    let expected = VectorRecord { id: "v".to_owned(), vector: X.to_vec(), metadata: Metadata::new() };
    assert_eq!(workspace.vectors().get("v")?, Some(expected));
    Ok(())
}

pub fn deleting_takes_what_is_there(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    for id in ["a", "b", "c"] {
        workspace.vectors().store(id, &X, &Metadata::new())?;
    }
    assert_eq!(workspace.vectors().delete(&[])?, 0);
    assert_eq!(workspace.vectors().delete(&["a", "nobody", "c", "a"])?, 2);
    assert_eq!(nearest(&workspace, 10, None)?, ["b"]);
    assert_eq!(workspace.vectors().delete(&["b"])?, 1);
    assert_eq!(nearest(&workspace, 10, None)?, [""; 0]);
    assert_eq!((workspace.vectors().count()?, workspace.vectors().get("b")?), (0, None));
    Ok(())
}

pub fn filters_look_at_metadata(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    three(&workspace)?;
    assert_eq!(nearest(&workspace, 9, Some(r#"{"kind": "far"}"#))?, ["y"]);
    assert_eq!(nearest(&workspace, 9, Some(r#"{"n": {"$gte": 2}}"#))?, ["near", "y"]);
    assert_eq!(nearest(&workspace, 9, Some(r#"{"kind": {"$exists": false}}"#))?, ["x"]);
    assert_eq!(nearest(&workspace, 1, Some(r#"{"kind": {"$ne": "none"}}"#))?, ["x"]);
    assert_eq!(nearest(&workspace, 9, Some("{}"))?.len(), 3);
    assert_eq!(nearest(&workspace, 9, Some(r#"{"kind": "nothing"}"#))?, [""; 0]);
    Ok(())
}

pub fn ties_are_in_the_order_of_ids(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    for id in ["c", "a", "B", "d"] {
        workspace.vectors().store(id, &Y, &Metadata::new())?;
    }
    assert_eq!(nearest(&workspace, 9, None)?, ["B", "a", "c", "d"]);
    assert_eq!(nearest(&workspace, 2, None)?, ["B", "a"]);
    Ok(())
}

pub fn k_is_any_number(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    three(&workspace)?;
    for (k, found) in [(0, 0), (1, 1), (4, 3), (4_097, 3), (usize::MAX, 3)] {
        assert_eq!(nearest(&workspace, k, None)?.len(), found, "{k}");
    }
    Ok(())
}

pub fn wrong_dimensions_are_refused(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    for vector in [&[][..], &[0.0], &[0.0, 1.0], &[0.0, 1.0, 2.0, 3.0]] {
        let stored = workspace.vectors().store("v", vector, &Metadata::new());
        assert_fails(stored, ErrorKind::InvalidInput);
        let found = workspace.vectors().search(vector, 1, &SearchOptions::default());
        assert_fails(found, ErrorKind::InvalidInput);
    }
    assert_eq!(workspace.vectors().count()?, 0);
    assert_eq!(workspace.vectors().options(), CollectionOptions::new(3, Metric::L2));
    Ok(())
}

pub fn numbers_that_are_not_finite_are_refused(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    for element in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let vector = [0.0, element, 0.0];
        let stored = workspace.vectors().store("v", &vector, &Metadata::new());
        assert_fails(stored, ErrorKind::InvalidInput);
        let found = workspace.vectors().search(&vector, 1, &SearchOptions::default());
        assert_fails(found, ErrorKind::InvalidInput);
    }
    assert_eq!(workspace.vectors().count()?, 0);
    Ok(())
}

pub fn a_batch_is_stored_wholly_or_not_at_all(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let entry = |id: &str, vector: &[f32]| VectorEntry {
        id: id.to_owned(),
        vector: vector.to_vec(),
        metadata: Metadata::new(),
    };
    workspace.vectors().store_many(&[])?;
    let broken = [entry("a", &X), entry("b", &[1.0])];
    assert_fails(workspace.vectors().store_many(&broken), ErrorKind::InvalidInput);
    assert_eq!(workspace.vectors().count()?, 0);
    // Of two with one id, the later one is kept.
    workspace.vectors().store_many(&[entry("a", &X), entry("b", &Y), entry("a", &Y)])?;
    assert_eq!(workspace.vectors().count()?, 2);
    assert_eq!(workspace.vectors().get("a")?.map(|found| found.vector), Some(Y.to_vec()));
    Ok(())
}

pub fn a_search_in_a_transaction_sees_what_is_committed(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    three(&workspace)?;
    assert_eq!(nearest(&workspace, 9, None)?, ["x", "near", "y"]);
    workspace.transaction(|workspace| {
        workspace.vectors().delete(&["x"])?;
        workspace.vectors().store("new", &X, &Metadata::new())?;
        assert_eq!(nearest(workspace, 9, None)?, ["x", "near", "y"]);
        // Everything but a search sees the transaction's own writes.
        assert_eq!(workspace.vectors().get("x")?, None);
        assert_eq!(workspace.vectors().count()?, 3);
        Ok(())
    })?;
    assert_eq!(nearest(&workspace, 9, None)?, ["new", "near", "y"]);
    Ok(())
}

pub fn other_dimensions_or_metric_are_a_conflict_on_reopening(subject: &dyn Subject) -> Result<()> {
    let options = |dimensions, metric| WorkspaceOptions { dimensions, metric };
    subject.workspace_with(HOME, options(3, Metric::L2))?.close()?;
    for other in [options(4, Metric::L2), options(3, Metric::Cosine)] {
        assert_fails(subject.workspace_with(HOME, other), ErrorKind::Conflict);
    }
    let too_many = subject.workspace_with("new", options(65_537, Metric::L2));
    assert_fails(too_many, ErrorKind::InvalidInput);
    let workspace = subject.workspace_with(HOME, options(3, Metric::L2))?;
    three(&workspace)?;
    let cosine = subject.workspace_with("cosine", options(2, Metric::Cosine))?;
    cosine.vectors().store("v", &[0.0, 7.0], &Metadata::new())?;
    let hits = cosine.vectors().search(&[5.0, 0.0], 1, &SearchOptions::default())?;
    assert!((hits[0].distance - 1.0).abs() < 1e-6);
    Ok(())
}

pub fn vectors_survive_reopening(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    three(&workspace)?;
    workspace.close()?;
    drop(workspace);
    let workspace = subject.workspace(HOME)?;
    assert_eq!(nearest(&workspace, 9, None)?, ["x", "near", "y"]);
    assert_eq!(nearest(&workspace, 9, Some(r#"{"kind": "near"}"#))?, ["near"]);
    Ok(())
}
