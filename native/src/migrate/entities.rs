//! Entities, put together from the triples that define them.
//!
//! The old program added triples where an entity changed and left the old ones, so there may be
//! several names and types. The newest counts; the others are kept as properties.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value, json};
use sigil_core::{Entity, Result, TEXT_BYTES_MAX, Timestamp};

use super::columns_of::TRIPLES;
use super::fields::Fields;
use super::ids::{self, Taken};
use super::json;
use super::knowledge::{CREATED, OBJECT, PREDICATE, SUBJECT, Triple, cell_text, legacy_key};
use super::messages::{claim, is_kept};
use super::report::Place;
use super::run::Run;
use super::survey::{Kind, text_of};
use super::table::{Cell, LegacyRow};

/// Whether a triple with this predicate is part of an entity, unless its metadata say otherwise.
pub(crate) fn is_definition(predicate: &str) -> bool {
    ["type", "name"].contains(&predicate) || predicate.starts_with("prop:")
}

/// The entities of a workspace.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) entities: Vec<Entity>,
    ids: HashMap<String, String>,
}

impl Known {
    /// The id that the entity has now whose id was `old`.
    pub(crate) fn id_of(&self, old: &str) -> String {
        self.ids.get(old).cloned().unwrap_or_else(|| ids::clean(old))
    }
}

/// One of the values that an entity has for something.
#[derive(Debug)]
struct Candidate {
    created: Option<Timestamp>,
    order: usize,
    object: Cell,
    file: usize,
    place: Place,
    row: LegacyRow,
}

/// The triples of an entity.
#[derive(Debug, Default)]
struct Parts {
    types: Vec<Candidate>,
    names: Vec<Candidate>,
    properties: BTreeMap<String, Vec<Candidate>>,
}

/// Reads the entities of a workspace, and makes those that relationships go out from and that are
/// not there.
pub(crate) fn read(run: &mut Run<'_>, id: &str) -> Result<Known> {
    let mut parts: HashMap<String, Parts> = HashMap::new();
    let mut subjects: Vec<String> = Vec::new();
    let mut sources: Vec<(String, usize, Place, LegacyRow)> = Vec::new();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut order = 0;
    run.rows(id, Kind::Knowledge, "triples", |run, file, place, row| {
        let subject = text_of(&row.cells[SUBJECT]);
        match Triple::of(&row) {
            Triple::Definition => {}
            Triple::Relationship | Triple::Both => {
                if seen.insert(subject.clone()) {
                    sources.push((subject, file, place.clone(), row));
                }
                return Ok(());
            }
            _ => return Ok(()),
        }
        run.advance(&place.file, 1)?;
        order += 1;
        let entity = parts.entry(subject.clone()).or_insert_with(|| {
            subjects.push(subject);
            Parts::default()
        });
        let predicate = text_of(&row.cells[PREDICATE]);
        let candidates = match predicate.strip_prefix("prop:") {
            Some(key) => entity.properties.entry(key.to_owned()).or_default(),
            None if predicate == "type" => &mut entity.types,
            None => &mut entity.names,
        };
        candidates.push(Candidate {
            created: text_of(&row.cells[CREATED]).parse().ok(),
            order,
            object: row.cells[OBJECT].clone(),
            file,
            place: place.clone(),
            row,
        });
        Ok(())
    })?;
    let mut known = Known::default();
    let mut taken = Taken::default();
    for subject in subjects {
        let Some(entity) = parts.remove(&subject) else { continue };
        put_together(run, id, &subject, entity, &mut taken, &mut known);
    }
    for (subject, file, place, row) in sources {
        if !known.ids.contains_key(&subject) {
            missing(run, id, (subject, file, &place, row), &mut taken, &mut known);
        }
    }
    Ok(known)
}

/// Makes the entity that a relationship goes out from.
fn missing(
    run: &mut Run<'_>,
    workspace: &str,
    (subject, file, place, row): (String, usize, &Place, LegacyRow),
    taken: &mut Taken,
    known: &mut Known,
) {
    let created = text_of(&row.cells[CREATED]).parse().unwrap_or(Timestamp::ZERO);
    let mut fields = run.fields(workspace, file, place, TRIPLES, row);
    let id = fields.clean("subject", &subject);
    let id = claim(&mut fields, taken, id);
    fields.repair(
        "a relationship goes out from an entity that is not there",
        "an entity of the type 'unknown' was made for it",
        json!(subject),
    );
    let entity = Entity::new(&id, "unknown", "", created);
    run.keep(fields, &id);
    known.ids.insert(subject, id);
    known.entities.push(entity);
}

/// Sorts the newest of several values to the front.
fn newest_first(candidates: &mut [Candidate]) {
    candidates.sort_by_key(|candidate| std::cmp::Reverse((candidate.created, candidate.order)));
}

fn put_together(
    run: &mut Run<'_>,
    workspace: &str,
    subject: &str,
    mut parts: Parts,
    taken: &mut Taken,
    known: &mut Known,
) {
    newest_first(&mut parts.types);
    newest_first(&mut parts.names);
    let Parts { types, names, mut properties } = parts;
    let groups = [&types, &names].into_iter().chain(properties.values());
    let Some(first) = groups.filter_map(|group| group.first()).next() else { return };
    let (file, place, row) = (first.file, first.place.clone(), first.row.clone());
    let created = first.created;
    let mut fields = run.fields(workspace, file, &place, TRIPLES, row);
    let id = fields.clean("subject", subject);
    let id = claim(&mut fields, taken, id);
    let mut members = Map::new();
    let kind = match types.first() {
        Some(newest) => {
            let text = cell_text(&mut fields, "type", &newest.object);
            fields.clean("type", &text)
        }
        None => {
            fields.repair("it has no type", "became 'unknown'", Value::Null);
            "unknown".to_owned()
        }
    };
    let name = match names.first() {
        Some(newest) => cell_text(&mut fields, "name", &newest.object),
        None => {
            fields.repair("it has no name", "left empty", Value::Null);
            String::new()
        }
    };
    let name = fields.cut("name", name, TEXT_BYTES_MAX);
    older(&mut fields, "type", &types, &mut members);
    older(&mut fields, "name", &names, &mut members);
    for (key, candidates) in &mut properties {
        newest_first(candidates);
        if let Some(newest) = candidates.first() {
            let value = property(&mut fields, key, &newest.object);
            members.insert(key.clone(), value);
        }
        older(&mut fields, &format!("prop:{key}"), candidates, &mut members);
    }
    let (created_at, updated_at) = times(&mut fields, types.first(), created);
    let properties = json::object(&mut fields, "properties", &Value::Object(members));
    let entity = Entity { id: id.clone(), kind, name, properties, created_at, updated_at };
    let is_kept = is_kept(&mut fields, entity.validate());
    run.keep(fields, &id);
    if is_kept {
        known.ids.insert(subject.to_owned(), id);
        known.entities.push(entity);
    }
}

/// Keeps the values that are no longer the newest as a property.
fn older(
    fields: &mut Fields<'_>,
    what: &str,
    candidates: &[Candidate],
    members: &mut Map<String, Value>,
) {
    let Some((newest, older)) = candidates.split_first() else { return };
    if older.is_empty() {
        return;
    }
    let values: Vec<Value> = older.iter().map(|other| json!(text_of(&other.object))).collect();
    let key = legacy_key(what);
    fields.repair(
        format!("it has {} values for '{what}'", candidates.len()),
        format!(
            "'{}' is the newest, the others became the property '{key}'",
            text_of(&newest.object).chars().take(80).collect::<String>()
        ),
        json!(values),
    );
    members.insert(key, Value::Array(values));
}

/// The value of a property: JSON, or the text itself where it is none.
fn property(fields: &mut Fields<'_>, key: &str, object: &Cell) -> Value {
    let text = cell_text(fields, &format!("property '{key}'"), object);
    serde_json::from_str(&text).unwrap_or_else(|_| {
        let wrong = format!("the value of the property '{key}' is no JSON");
        fields.repair(wrong, "became its text", json!(text));
        json!(text)
    })
}

/// When the entity was created and updated: as the metadata of its type say, or when that triple
/// was.
fn times(
    fields: &mut Fields<'_>,
    newest: Option<&Candidate>,
    created: Option<Timestamp>,
) -> (Timestamp, Timestamp) {
    let fallback = created.unwrap_or(Timestamp::ZERO);
    let Some(newest) = newest else { return (fallback, fallback) };
    let text = text_of(&newest.row.cells[super::knowledge::METADATA]);
    let Ok(Value::Object(members)) = serde_json::from_str(&text) else {
        let done = format!("its times became {fallback}, when the triple was made");
        fields.repair("the metadata of its type are no JSON object", done, json!(text));
        return (fallback, fallback);
    };
    let mut time = |name: &str| {
        let text = members.get(name).and_then(Value::as_str).unwrap_or_default();
        text.parse().unwrap_or_else(|_| {
            let done = format!("became {fallback}, when the triple was made");
            let was = members.get(name).cloned().unwrap_or_default();
            fields.repair(format!("{name} is no time"), done, was);
            fallback
        })
    };
    (time("created_at"), time("updated_at"))
}
