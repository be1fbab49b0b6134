//! Entities, relationships and facts, out of the triples that all of them were.

use std::collections::HashSet;

use serde_json::{Map, Value, json};
use sigil_core::{
    Direction, Entity, Fact, FactQuery, Metadata, Paging, Relationship, RelationshipQuery, Result,
    Workspace,
};

use super::batch::{Batch, Records, found};
use super::columns_of::TRIPLES;
use super::entities::{self, Known};
use super::fields::Fields;
use super::ids::{self, Taken};
use super::json::{self, LEGACY};
use super::messages::{claim, is_kept};
use super::run::Run;
use super::survey::{Kind, text_of};
use super::table::{Cell, LegacyRow};

/// The longest value that a fact may have.
const VALUE_BYTES_MAX: usize = 1 << 20;

/// Where [`TRIPLES`] has its columns.
pub(crate) const SUBJECT: usize = 0;
pub(crate) const PREDICATE: usize = 1;
pub(crate) const OBJECT: usize = 2;
pub(crate) const METADATA: usize = 4;
pub(crate) const CREATED: usize = 5;

/// What a triple is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Triple {
    /// Part of an entity: its type, its name or a property.
    Definition,
    Relationship,
    Fact,
    /// Its metadata make it both.
    Both,
    /// Its metadata make it neither.
    Unknown,
}

impl Triple {
    /// What the row is: its metadata say it, and its predicate when they say nothing.
    pub(crate) fn of(row: &LegacyRow) -> Triple {
        let metadata: Option<Map<String, Value>> =
            serde_json::from_str(&text_of(&row.cells[METADATA])).ok();
        let has = |key: &str| metadata.as_ref().is_some_and(|object| object.contains_key(key));
        let predicate = text_of(&row.cells[PREDICATE]);
        match (has("rel_id"), has("fact_id")) {
            (true, true) => Triple::Both,
            (true, false) => Triple::Relationship,
            (false, true) => Triple::Fact,
            (false, false) if entities::is_definition(&predicate) => Triple::Definition,
            (false, false) => Triple::Unknown,
        }
    }

    fn is_relationship(self) -> bool {
        matches!(self, Triple::Relationship | Triple::Both)
    }
}

#[derive(Debug)]
struct Entities<'w>(&'w Workspace);

impl Records for Entities<'_> {
    type Record = Entity;

    fn has(&self, entity: &Entity) -> Result<bool> {
        found(self.0.knowledge().entity(&entity.id))
    }

    fn put(&self, entities: &[Entity]) -> Result<()> {
        self.0.knowledge().put_entities(entities)
    }
}

#[derive(Debug)]
struct Relationships<'w>(&'w Workspace);

impl Records for Relationships<'_> {
    type Record = Relationship;

    fn has(&self, relationship: &Relationship) -> Result<bool> {
        let mut query = RelationshipQuery {
            kind: Some(relationship.kind.clone()),
            direction: Direction::Outgoing,
            paging: Paging::limit(1000),
        };
        loop {
            let page = self.0.knowledge().relationships(&relationship.from_id, &query)?;
            if page.iter().any(|other| other.id == relationship.id) {
                return Ok(true);
            }
            let Some(next) = page.next else { return Ok(false) };
            query.paging.after = Some(next);
        }
    }

    fn put(&self, relationships: &[Relationship]) -> Result<()> {
        self.0.knowledge().put_relationships(relationships)
    }
}

#[derive(Debug)]
struct Facts<'w>(&'w Workspace);

impl Records for Facts<'_> {
    type Record = Fact;

    fn has(&self, fact: &Fact) -> Result<bool> {
        let mut query = FactQuery {
            entity_id: Some(fact.entity_id.clone()),
            predicate: Some(fact.predicate.clone()),
            source: Some(fact.source.clone()),
            paging: Paging::limit(1000),
        };
        loop {
            let page = self.0.knowledge().find_facts(&query)?;
            if page.iter().any(|other| other.id == fact.id) {
                return Ok(true);
            }
            let Some(next) = page.next else { return Ok(false) };
            query.paging.after = Some(next);
        }
    }

    fn put(&self, facts: &[Fact]) -> Result<()> {
        self.0.knowledge().put_facts(facts)
    }
}

/// Takes over the knowledge of a workspace.
pub(crate) fn migrate(run: &mut Run<'_>, id: &str, target: Option<&Workspace>) -> Result<()> {
    let known = entities::read(run, id)?;
    let mut batch = Batch::new(target.map(Entities), run.is_resuming);
    for entity in &known.entities {
        batch.push(entity.clone(), 200 + entity.properties.to_json().len())?;
    }
    batch.flush()?;
    relationships(run, id, target, &known)?;
    facts(run, id, target)
}

fn relationships(
    run: &mut Run<'_>,
    id: &str,
    target: Option<&Workspace>,
    known: &Known,
) -> Result<()> {
    let (mut taken, mut edges) = (Taken::default(), Distinct::default());
    let mut batch = Batch::new(target.map(Relationships), run.is_resuming);
    run.rows(id, Kind::Knowledge, "triples", |run, file, place, row| {
        let triple = Triple::of(&row);
        if !triple.is_relationship() {
            return Ok(());
        }
        let from = known.id_of(&text_of(&row.cells[SUBJECT]));
        let to = known.id_of(&text_of(&row.cells[OBJECT]));
        let mut fields = run.fields(id, file, place, TRIPLES, row);
        if triple == Triple::Both {
            let was = fields.row();
            fields.repair("it is a relationship and a fact", "became one of each", was);
        }
        let relationship = relationship(&mut fields, (from, to), &mut taken, &mut edges);
        run.keep(fields, relationship.as_ref().map_or("", |relationship| &relationship.id));
        if triple != Triple::Both {
            run.advance(&place.file, 1)?;
        }
        relationship.map_or(Ok(()), |relationship| {
            let bytes = 300 + relationship.metadata.to_json().len();
            batch.push(relationship, bytes)
        })
    })?;
    batch.flush()
}

fn relationship(
    fields: &mut Fields<'_>,
    (from_id, to_id): (String, String),
    taken: &mut Taken,
    edges: &mut Distinct,
) -> Option<Relationship> {
    for (name, id) in [("subject", &from_id), ("object", &to_id)] {
        let old = text_of(fields.cell(name));
        if old != **id {
            fields.repair(
                format!("{name} has another id now"),
                format!("became '{id}'"),
                json!(old),
            );
        }
    }
    let kind = fields.id("predicate");
    reserved(fields, &kind);
    let mut members = members(fields);
    let id = own_id(fields, &mut members, "rel_id", "rel", taken);
    let metadata = match members.remove("metadata") {
        None | Some(Value::Null) => Metadata::new(),
        Some(value @ Value::Object(_)) => json::object(fields, "metadata", &value),
        Some(other) => {
            let key = json::keep_text(fields, "metadata", "is no JSON object", &other.to_string());
            json::object(fields, "metadata", &json!({ key: other }))
        }
    };
    unknown_members(fields, &members, &["fact_id", "confidence", "source"]);
    let kind = edges.claim(fields, [&from_id, &to_id], kind, "type");
    let created_at = fields.required_time("created");
    let relationship = Relationship { id, from_id, to_id, kind, metadata, created_at };
    is_kept(fields, relationship.validate()).then_some(relationship)
}

fn facts(run: &mut Run<'_>, id: &str, target: Option<&Workspace>) -> Result<()> {
    let (mut taken, mut said) = (Taken::default(), Distinct::default());
    let mut batch = Batch::new(target.map(Facts), run.is_resuming);
    run.rows(id, Kind::Knowledge, "triples", |run, file, place, row| {
        let triple = Triple::of(&row);
        if !matches!(triple, Triple::Fact | Triple::Both | Triple::Unknown) {
            return Ok(());
        }
        let mut fields = run.fields(id, file, place, TRIPLES, row);
        let fact = match triple {
            Triple::Unknown => unknown(&mut fields, &mut taken, &mut said),
            _ => fact(&mut fields, &mut taken, &mut said),
        };
        run.keep(fields, fact.as_ref().map_or("", |fact| &fact.id));
        run.advance(&place.file, 1)?;
        fact.map_or(Ok(()), |fact| {
            let bytes = 300 + fact.value.len();
            batch.push(fact, bytes)
        })
    })?;
    batch.flush()
}

fn fact(fields: &mut Fields<'_>, taken: &mut Taken, said: &mut Distinct) -> Option<Fact> {
    let mut members = members(fields);
    let id = own_id(fields, &mut members, "fact_id", "fact", taken);
    let confidence = match members.remove("confidence") {
        None => 0.0,
        Some(Value::Number(number)) => number.as_f64().unwrap_or(0.0),
        Some(other) => {
            fields.repair("confidence is no number", "became 0", other);
            0.0
        }
    };
    let source = match members.remove("source") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(source)) => source,
        Some(other) => {
            let text = other.to_string();
            fields.repair("source is no text", format!("became '{text}'"), other);
            text
        }
    };
    unknown_members(fields, &members, &["rel_id", "metadata"]);
    statement(fields, id, confidence, source, said)
}

/// A triple of which nothing says what it is, kept as a fact.
fn unknown(fields: &mut Fields<'_>, taken: &mut Taken, said: &mut Distinct) -> Option<Fact> {
    let was = fields.row();
    let done = "kept as a fact from the source 'legacy'; the whole row is in this report";
    fields.repair("its metadata do not say what it is", done, was);
    let id = taken.claim(format!("legacy-triple-{}", fields.rowid()));
    statement(fields, id, 0.0, "legacy".to_owned(), said)
}

fn statement(
    fields: &mut Fields<'_>,
    id: String,
    confidence: f64,
    source: String,
    said: &mut Distinct,
) -> Option<Fact> {
    let entity_id = fields.id("subject");
    let predicate = fields.id("predicate");
    reserved(fields, &predicate);
    let value = fields.text("object");
    let value = fields.cut("object", value, VALUE_BYTES_MAX);
    let predicate = said.claim(fields, [&entity_id, &value], predicate, "predicate");
    let fact = Fact {
        id,
        entity_id,
        predicate,
        value,
        confidence,
        source: fields.cut("source", source, sigil_core::TEXT_BYTES_MAX),
        created_at: fields.required_time("created"),
    };
    is_kept(fields, fact.validate()).then_some(fact)
}

/// The old program took such a triple for part of an entity.
fn reserved(fields: &mut Fields<'_>, predicate: &str) {
    let prefix = predicate.get(..5).unwrap_or_default();
    if ["type", "name"].contains(&predicate) || prefix.eq_ignore_ascii_case("prop:") {
        fields.repair(
            format!("its predicate '{predicate}' hid it, as if it were part of an entity"),
            "became visible, and is no part of the entity",
            json!(null),
        );
    }
}

/// The members of the metadata.
fn members(fields: &Fields<'_>) -> Map<String, Value> {
    serde_json::from_str(&text_of(fields.cell("metadata"))).unwrap_or_default()
}

/// The record's own id, which stands in the metadata.
fn own_id(
    fields: &mut Fields<'_>,
    members: &mut Map<String, Value>,
    key: &str,
    what: &str,
    taken: &mut Taken,
) -> String {
    let id = match members.remove(key) {
        Some(Value::String(id)) if id.is_empty() => {
            let made = format!("legacy-{what}-{}", fields.rowid());
            fields.repair(format!("{key} is empty"), format!("became '{made}'"), json!(""));
            made
        }
        Some(Value::String(id)) => fields.clean(key, &id),
        other => {
            let other = other.unwrap_or(Value::Null);
            let made = ids::clean(&other.to_string());
            fields.repair(format!("{key} is no text"), format!("became '{made}'"), other);
            made
        }
    };
    claim(fields, taken, id)
}

fn unknown_members(fields: &mut Fields<'_>, members: &Map<String, Value>, others: &[&str]) {
    let unknown: Map<String, Value> = members
        .iter()
        .filter(|(key, _)| !others.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if !unknown.is_empty() {
        let wrong = "its metadata have members of no known meaning";
        fields.repair(wrong, "left out; they are in this report", Value::Object(unknown));
    }
}

/// What may be there only once: two ends, and what is said between them.
#[derive(Debug, Default)]
struct Distinct(HashSet<(Box<str>, Box<str>, Box<str>)>);

impl Distinct {
    /// `word`, or the first of `word~2`, `word~3` and so on that is not yet said of `ends`.
    fn claim(
        &mut self,
        fields: &mut Fields<'_>,
        ends: [&str; 2],
        word: String,
        name: &str,
    ) -> String {
        let (mut claimed, mut number) = (word.clone(), 1_u64);
        while !self.0.insert((ends[0].into(), ends[1].into(), claimed.as_str().into())) {
            number += 1;
            claimed = ids::clean(&format!("{word}~{number}"));
        }
        if claimed != word {
            let done = format!("its {name} became '{claimed}'");
            fields.repair("another file says the same", done, json!(word));
        }
        claimed
    }
}

/// The key under which a property keeps what has no other place.
pub(crate) fn legacy_key(name: &str) -> String {
    format!("{LEGACY}{name}")
}

/// The text of a cell; noted where it is none.
pub(crate) fn cell_text(fields: &mut Fields<'_>, name: &str, cell: &Cell) -> String {
    if let Cell::BrokenText(_) | Cell::Blob(_) = cell {
        let done = "what is not UTF-8 was replaced by U+FFFD";
        fields.repair(format!("{name} is not text in UTF-8"), done, super::report::exact(cell));
    }
    text_of(cell)
}
