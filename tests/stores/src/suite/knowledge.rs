//! Entities, relationships and facts.

use sigil_core::{
    Direction, Entity, EntityQuery, ErrorKind, Fact, FactQuery, Graph, Paging, RelationshipQuery,
    Result, Traversal, Workspace,
};

use super::fixture::{HOME, assert_fails, at, edge, entity, fact, metadata};
use crate::subject::Subject;

fn entities(workspace: &Workspace, kind: &str, prefix: &str) -> Result<Vec<String>> {
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let query = EntityQuery { kind: some(kind), name_prefix: some(prefix), ..Default::default() };
    let page = workspace.knowledge().find_entities(&query)?;
    Ok(page.into_iter().map(|entity| entity.id).collect())
}

fn edges(workspace: &Workspace, id: &str, direction: Direction) -> Result<Vec<String>> {
    let query = RelationshipQuery { direction, ..Default::default() };
    let page = workspace.knowledge().relationships(id, &query)?;
    Ok(page.into_iter().map(|edge| edge.id).collect())
}

fn facts(workspace: &Workspace, query: FactQuery) -> Result<Vec<String>> {
    Ok(workspace.knowledge().find_facts(&query)?.into_iter().map(|fact| fact.id).collect())
}

/// Entities `e0`, `e1`, .. each with an edge `r0`, `r1`, .. to the next.
fn chain(workspace: &Workspace, length: usize) -> Result<()> {
    for n in 0..length {
        workspace.knowledge().put_entity(&entity(&format!("e{n}"), "node", "x"))?;
    }
    for n in 1..length {
        let (id, from, to) = (format!("r{}", n - 1), format!("e{}", n - 1), format!("e{n}"));
        workspace.knowledge().put_relationship(&edge(&id, &from, "next", &to))?;
    }
    Ok(())
}

fn walk(workspace: &Workspace, depth: i64, max_depth: i64) -> Result<(usize, usize)> {
    let traversal = Traversal { depth, max_depth, types: Vec::new() };
    let Graph { entities, relationships } = workspace.knowledge().traverse("e0", &traversal)?;
    Ok((entities.len(), relationships.len()))
}

pub fn an_entity_reads_back_as_it_was_put(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let properties = r#"{"a": 1, "b": [true, null, 2.5], "c": {"d": "e"}, "prop:x": "", "": 0}"#;
    let full = Entity {
        properties: metadata(properties)?,
        created_at: at(1),
        updated_at: at(2),
        ..entity("full", "person", "Ada")
    };
    let bare = entity("bare", "thing", "");
    workspace.knowledge().put_entities(&[full.clone(), bare.clone()])?;
    assert_eq!(workspace.knowledge().entity("full")?, full);
    assert_eq!(workspace.knowledge().entity("bare")?, bare);
    assert_fails(workspace.knowledge().entity("nobody"), ErrorKind::NotFound);
    Ok(())
}

pub fn putting_an_entity_again_replaces_all_of_it(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let zed = Entity { properties: metadata(r#"{"old": 1, "kept": 1}"#)?, ..entity("e", "a", "Zed") };
    workspace.knowledge().put_entity(&zed)?;
    let al = Entity {
        properties: metadata(r#"{"kept": 2}"#)?,
        created_at: at(3),
        updated_at: at(4),
        ..entity("e", "b", "Al")
    };
    workspace.knowledge().put_entity(&al)?;
    assert_eq!(workspace.knowledge().entity("e")?, al);
    assert_eq!(entities(&workspace, "a", "")?, [""; 0]);
    assert_eq!(entities(&workspace, "b", "")?, ["e"]);
    assert_eq!(entities(&workspace, "", "Zed")?, [""; 0]);
    Ok(())
}

pub fn entities_are_found_by_type_and_by_the_beginning_of_their_name(
    subject: &dyn Subject,
) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    for (id, kind, name) in [("1", "person", "Ada"), ("2", "person", "Alan"), ("3", "city", "Adana")]
    {
        workspace.knowledge().put_entity(&entity(id, kind, name))?;
    }
    assert_eq!(entities(&workspace, "person", "")?, ["1", "2"]);
    assert_eq!(entities(&workspace, "", "Ada")?, ["1", "3"]);
    assert_eq!(entities(&workspace, "person", "aDa")?, ["1"]);
    assert_eq!(entities(&workspace, "", "")?, ["1", "2", "3"]);
    assert_eq!(entities(&workspace, "Person", "")?, [""; 0]);
    assert_eq!(entities(&workspace, "", "Adanas")?, [""; 0]);
    Ok(())
}

pub fn the_beginning_of_a_name_is_taken_literally(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let names = ["100% sure", "100 sure", "a_b", "axb", "back\\slash", "\u{c9}cole", "*", "a\0b"];
    for (n, name) in names.iter().enumerate() {
        workspace.knowledge().put_entity(&entity(&n.to_string(), "t", name))?;
    }
    assert_eq!(entities(&workspace, "", "100%")?, ["0"]);
    assert_eq!(entities(&workspace, "", "%")?, [""; 0]);
    assert_eq!(entities(&workspace, "", "a_")?, ["2"]);
    assert_eq!(entities(&workspace, "", "BACK\\S")?, ["4"]);
    assert_eq!(entities(&workspace, "", "\u{c9}c")?, ["5"]);
    // Only ASCII letters match in either case.
    assert_eq!(entities(&workspace, "", "\u{e9}c")?, [""; 0]);
    assert_eq!(entities(&workspace, "", "*")?, ["6"]);
    assert_eq!(entities(&workspace, "", "a\0B")?, ["7"]);
    assert_eq!(entities(&workspace, "", "a\0c")?, [""; 0]);
    Ok(())
}

pub fn entities_are_listed_oldest_first_a_hundred_by_default(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let many: Vec<Entity> = (0..120)
        .map(|n: i64| Entity { created_at: at(n / 3), ..entity(&format!("e{n}"), "t", "x") })
        .collect();
    workspace.knowledge().put_entities(&many)?;
    let page = workspace.knowledge().find_entities(&EntityQuery::default())?;
    assert_eq!(page.items, many[..100]);
    let paging = Paging { after: page.next, ..Paging::default() };
    let rest = EntityQuery { paging, ..Default::default() };
    assert_eq!(workspace.knowledge().find_entities(&rest)?.items, many[100..]);
    Ok(())
}

pub fn a_relationship_needs_the_entity_it_goes_out_from(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let knowledge = workspace.knowledge();
    assert_fails(knowledge.put_relationship(&edge("r", "a", "knows", "b")), ErrorKind::NotFound);
    knowledge.put_entity(&entity("a", "t", "x"))?;
    knowledge.put_relationship(&edge("r", "a", "knows", "b"))?;
    assert_eq!(edges(&workspace, "a", Direction::Both)?, ["r"]);
    // The other end is not stored by being named.
    assert_fails(knowledge.entity("b"), ErrorKind::NotFound);
    assert_eq!(entities(&workspace, "", "")?, ["a"]);
    let query = RelationshipQuery::default();
    assert_fails(knowledge.relationships("b", &query), ErrorKind::NotFound);
    assert_fails(knowledge.put_relationship(&edge("s", "b", "knows", "a")), ErrorKind::NotFound);
    knowledge.put_entity(&entity("b", "t", "x"))?;
    assert_eq!(edges(&workspace, "b", Direction::Incoming)?, ["r"]);
    Ok(())
}

pub fn relationships_are_found_by_direction_and_type(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let knowledge = workspace.knowledge();
    knowledge.put_entities(&[entity("a", "t", "x"), entity("b", "t", "x")])?;
    let mut out = edge("out", "a", "knows", "b");
    out.metadata = metadata(r#"{"since": 1998, "how": ["met"]}"#)?;
    knowledge.put_relationship(&out)?;
    knowledge.put_relationships(&[edge("in", "b", "likes", "a"), edge("self", "a", "is", "a")])?;
    assert_eq!(edges(&workspace, "a", Direction::Outgoing)?, ["out", "self"]);
    assert_eq!(edges(&workspace, "a", Direction::Incoming)?, ["in", "self"]);
    assert_eq!(edges(&workspace, "a", Direction::Both)?, ["out", "in", "self"]);
    let knows = RelationshipQuery { kind: Some("knows".to_owned()), ..Default::default() };
    assert_eq!(knowledge.relationships("a", &knows)?.items, [out]);
    assert_eq!(knowledge.delete_relationships(&["out", "nobody"])?, 1);
    assert_eq!(knowledge.delete_relationships(&[])?, 0);
    assert_eq!(edges(&workspace, "a", Direction::Both)?, ["in", "self"]);
    Ok(())
}

pub fn a_relationship_replaces_the_one_with_the_same_ends_and_type(
    subject: &dyn Subject,
) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let knowledge = workspace.knowledge();
    knowledge.put_entity(&entity("a", "t", "x"))?;
    knowledge.put_relationship(&edge("first", "a", "knows", "b"))?;
    let mut second = edge("second", "a", "knows", "b");
    second.metadata = metadata(r#"{"n": 2}"#)?;
    knowledge.put_relationship(&second)?;
    knowledge.put_relationship(&second)?;
    knowledge.put_relationship(&edge("other", "a", "likes", "b"))?;
    let all = knowledge.relationships("a", &RelationshipQuery::default())?;
    assert_eq!(all.items, [second, edge("other", "a", "likes", "b")]);
    Ok(())
}

pub fn a_relationship_id_belongs_to_one(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let knowledge = workspace.knowledge();
    knowledge.put_entity(&entity("a", "t", "x"))?;
    knowledge.put_relationships(&[edge("1", "a", "p", "b"), edge("2", "a", "q", "b")])?;
    for taken in [edge("1", "a", "new", "b"), edge("1", "a", "q", "b")] {
        assert_fails(knowledge.put_relationship(&taken), ErrorKind::Conflict);
    }
    assert_eq!(edges(&workspace, "a", Direction::Both)?, ["1", "2"]);
    Ok(())
}

pub fn deleting_an_entity_takes_its_relationships_and_leaves_facts(
    subject: &dyn Subject,
) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    chain(&workspace, 4)?;
    workspace.knowledge().put_fact(&fact("f", "e1", "is", "here"))?;
    assert_eq!(workspace.knowledge().delete_entities(&["e1", "nobody", "e1"])?, 1);
    assert_eq!(workspace.knowledge().delete_entities(&[])?, 0);
    assert_fails(workspace.knowledge().entity("e1"), ErrorKind::NotFound);
    assert_eq!(edges(&workspace, "e0", Direction::Both)?, [""; 0]);
    assert_eq!(edges(&workspace, "e2", Direction::Both)?, ["r2"]);
    assert_eq!(facts(&workspace, FactQuery::default())?, ["f"]);
    // It can come back, without what it had.
    workspace.knowledge().put_entity(&entity("e1", "node", "x"))?;
    assert_eq!(edges(&workspace, "e1", Direction::Both)?, [""; 0]);
    Ok(())
}

pub fn a_fact_replaces_the_one_with_the_same_triple(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    workspace.knowledge().put_fact(&fact("first", "ada", "is", "engineer"))?;
    let newer = Fact {
        confidence: -7.25,
        source: String::new(),
        created_at: at(9),
        ..fact("second", "ada", "is", "engineer")
    };
    workspace.knowledge().put_fact(&newer)?;
    for _ in 0..2 {
        let found = workspace.knowledge().find_facts(&FactQuery::default())?;
        assert_eq!(found.items, std::slice::from_ref(&newer));
        workspace.knowledge().put_fact(&newer)?;
    }
    Ok(())
}

pub fn a_fact_id_belongs_to_one(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let two = [fact("1", "a", "is", "x"), fact("2", "a", "is", "y")];
    workspace.knowledge().put_facts(&two)?;
    for taken in [fact("1", "a", "is", "z"), fact("1", "a", "is", "y")] {
        assert_fails(workspace.knowledge().put_fact(&taken), ErrorKind::Conflict);
    }
    assert_eq!(facts(&workspace, FactQuery::default())?, ["2", "1"]);
    Ok(())
}

pub fn facts_are_found_newest_first(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    for (id, entity, predicate, source, ms) in [
        ("old", "a", "is", "x", 0),
        ("tie-1", "a", "has", "y", 5),
        ("tie-2", "b", "is", "x", 5),
        ("new", "b", "has", "", 9),
    ] {
        let source = source.to_owned();
        let put = Fact { source, created_at: at(ms), ..fact(id, entity, predicate, "v") };
        workspace.knowledge().put_fact(&put)?;
    }
    let query = |entity: &str, predicate: &str, source: &str| FactQuery {
        entity_id: Some(entity.to_owned()),
        predicate: Some(predicate.to_owned()),
        source: Some(source.to_owned()),
        ..FactQuery::default()
    };
    let all = ["new", "tie-2", "tie-1", "old"];
    assert_eq!(facts(&workspace, FactQuery::default())?, all);
    assert_eq!(facts(&workspace, query("", "", ""))?, all);
    assert_eq!(facts(&workspace, query("a", "", ""))?, ["tie-1", "old"]);
    assert_eq!(facts(&workspace, query("", "is", ""))?, ["tie-2", "old"]);
    assert_eq!(facts(&workspace, query("", "", "x"))?, ["tie-2", "old"]);
    assert_eq!(facts(&workspace, query("b", "is", "x"))?, ["tie-2"]);
    assert_eq!(facts(&workspace, query("b", "is", "y"))?, [""; 0]);
    let some = FactQuery { paging: Paging { limit: 2, offset: 1, after: None }, ..query("", "", "") };
    assert_eq!(facts(&workspace, some)?, ["tie-2", "tie-1"]);
    Ok(())
}

pub fn a_batch_of_facts_is_stored_wholly_or_not_at_all(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let knowledge = workspace.knowledge();
    knowledge.put_facts(&[])?;
    knowledge.put_facts(&[fact("1", "a", "is", "x"), fact("2", "a", "is", "y")])?;
    let infinite = Fact { confidence: f64::INFINITY, ..fact("4", "a", "is", "w") };
    let broken = [fact("3", "a", "is", "z"), infinite];
    assert_fails(knowledge.put_facts(&broken), ErrorKind::InvalidInput);
    let taken = [fact("3", "a", "is", "z"), fact("1", "a", "is", "w")];
    assert_fails(knowledge.put_facts(&taken), ErrorKind::Conflict);
    assert_eq!(facts(&workspace, FactQuery::default())?, ["2", "1"]);
    let dangling = [edge("1", "a", "p", "b"), edge("2", "nobody", "p", "b")];
    knowledge.put_entity(&entity("a", "t", "x"))?;
    assert_fails(knowledge.put_relationships(&dangling), ErrorKind::NotFound);
    assert_eq!(edges(&workspace, "a", Direction::Both)?, [""; 0]);
    let broken = [entity("b", "t", "x"), entity("c", "", "x")];
    assert_fails(knowledge.put_entities(&broken), ErrorKind::InvalidInput);
    assert_fails(knowledge.entity("b"), ErrorKind::NotFound);
    Ok(())
}

pub fn facts_are_deleted_by_source_also_beside_entities(subject: &dyn Subject) -> Result<()> {
    let (workspace, other) = (subject.workspace(HOME)?, subject.workspace("other")?);
    let sourced = |id: &str, source: &str| Fact {
        source: source.to_owned(),
        ..fact(id, id, "is", "x")
    };
    for workspace in [&workspace, &other] {
        chain(workspace, 3)?;
        let facts = [sourced("1", "chat"), sourced("2", "chat"), sourced("3", "book")];
        workspace.knowledge().put_facts(&facts)?;
        workspace.knowledge().put_fact(&sourced("4", ""))?;
    }
    assert_eq!(workspace.knowledge().delete_facts_by_source("chat")?, 2);
    assert_eq!(workspace.knowledge().delete_facts_by_source("chat")?, 0);
    assert_eq!(facts(&workspace, FactQuery::default())?, ["4", "3"]);
    // A fact without a source is one from the source without a name.
    assert_eq!(workspace.knowledge().delete_facts_by_source("")?, 1);
    assert_eq!(facts(&workspace, FactQuery::default())?, ["3"]);
    assert_eq!(facts(&other, FactQuery::default())?, ["4", "3", "2", "1"]);
    Ok(())
}

pub fn facts_are_deleted_by_id(subject: &dyn Subject) -> Result<()> {
    let (workspace, other) = (subject.workspace(HOME)?, subject.workspace("other")?);
    for workspace in [&workspace, &other] {
        workspace.knowledge().put_entity(&entity("a", "t", "x"))?;
        workspace.knowledge().put_facts(&[fact("1", "a", "is", "x"), fact("2", "a", "is", "y")])?;
    }
    assert_eq!(workspace.knowledge().delete_facts(&[])?, 0);
    assert_eq!(workspace.knowledge().delete_facts(&["1", "nobody", "1"])?, 1);
    assert_eq!(facts(&workspace, FactQuery::default())?, ["2"]);
    assert_eq!(facts(&other, FactQuery::default())?, ["2", "1"]);
    Ok(())
}

pub fn facts_may_have_any_predicate(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    workspace.knowledge().put_entity(&entity("a", "person", "Ada"))?;
    workspace.knowledge().put_relationship(&edge("r", "a", "knows", "b"))?;
    for predicate in ["type", "name", "prop:x", "PROP:x", "knows"] {
        workspace.knowledge().put_fact(&fact(predicate, "a", predicate, "b"))?;
    }
    assert_eq!(workspace.knowledge().entity("a")?, entity("a", "person", "Ada"));
    assert_eq!(edges(&workspace, "a", Direction::Both)?, ["r"]);
    assert_eq!(facts(&workspace, FactQuery::default())?.len(), 5);
    Ok(())
}

pub fn traversal_reaches_as_far_as_asked(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    chain(&workspace, 3)?;
    assert_eq!(walk(&workspace, 2, 0)?, (3, 2));
    assert_eq!(walk(&workspace, 1, 0)?, (2, 1));
    // At least one step is taken.
    assert_eq!(walk(&workspace, 0, 0)?, (2, 1));
    assert_eq!(walk(&workspace, -3, 0)?, (2, 1));
    assert_eq!(walk(&workspace, i64::MAX, 0)?, (3, 2));
    let graph = workspace.knowledge().traverse("e0", &Traversal { depth: 2, ..Default::default() })?;
    let expected = Graph {
        entities: vec![entity("e0", "node", "x"), entity("e1", "node", "x"), entity("e2", "node", "x")],
        relationships: vec![edge("r0", "e0", "next", "e1"), edge("r1", "e1", "next", "e2")],
    };
    assert_eq!(graph, expected);
    Ok(())
}

pub fn traversal_is_capped(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    chain(&workspace, 4)?;
    for (depth, max_depth, nodes) in
        [(10, 1, 2), (10, 2, 3), (10, 0, 4), (3, 1, 2), (1, 5, 2), (10, -1, 4)]
    {
        assert_eq!(walk(&workspace, depth, max_depth)?.0, nodes, "{depth}, {max_depth}");
    }
    Ok(())
}

pub fn traversal_follows_edges_both_ways_and_ends_in_cycles(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    chain(&workspace, 3)?;
    workspace.knowledge().put_relationship(&edge("back", "e2", "next", "e0"))?;
    workspace.knowledge().put_relationship(&edge("self", "e0", "next", "e0"))?;
    // An end that is not stored is walked through, and not shown.
    workspace.knowledge().put_entity(&entity("far", "node", "x"))?;
    workspace.knowledge().put_relationship(&edge("to", "e0", "next", "ghost"))?;
    workspace.knowledge().put_relationship(&edge("from", "far", "next", "ghost"))?;
    assert_eq!(walk(&workspace, 1, 0)?, (3, 5));
    assert_eq!(walk(&workspace, 2, 0)?, (4, 6));
    assert_eq!(walk(&workspace, 1_000_000_000, 0)?, (4, 6));
    Ok(())
}

pub fn traversal_walks_wanted_types_and_shows_all_edges(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    chain(&workspace, 3)?;
    workspace.knowledge().put_relationships(&[
        edge("x", "e0", "other", "e1"),
        edge("y", "e0", "other", "e2"),
    ])?;
    let walk = |types: &[&str]| -> Result<Vec<String>> {
        let types = types.iter().map(ToString::to_string).collect();
        let traversal = Traversal { depth: 1, max_depth: 0, types };
        let graph = workspace.knowledge().traverse("e0", &traversal)?;
        Ok(graph.relationships.into_iter().map(|edge| edge.id).collect())
    };
    assert_eq!(walk(&["next"])?, ["r0", "x"]);
    assert_eq!(walk(&["other"])?, ["r0", "r1", "x", "y"]);
    assert_eq!(walk(&["next", "other"])?, walk(&[])?);
    assert_eq!(walk(&["nothing"])?, [""; 0]);
    Ok(())
}

pub fn facts_are_no_edges(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    for id in ["e0", "e1"] {
        workspace.knowledge().put_entity(&entity(id, "person", id))?;
        workspace.knowledge().put_fact(&fact(id, id, "works as", "engineer"))?;
    }
    assert_eq!(walk(&workspace, 5, 0)?, (1, 0));
    Ok(())
}

pub fn traversal_from_nowhere_is_not_found(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    assert_fails(walk(&workspace, 1, 0), ErrorKind::NotFound);
    workspace.knowledge().put_entity(&entity("a", "t", "x"))?;
    workspace.knowledge().put_relationship(&edge("r", "a", "p", "e0"))?;
    assert_fails(walk(&workspace, 1, 0), ErrorKind::NotFound);
    Ok(())
}

pub fn knowledge_survives_reopening(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    chain(&workspace, 3)?;
    workspace.knowledge().put_fact(&fact("f", "e0", "is", "first"))?;
    workspace.close()?;
    drop(workspace);
    let workspace = subject.workspace(HOME)?;
    assert_eq!(walk(&workspace, 2, 0)?, (3, 2));
    assert_eq!(facts(&workspace, FactQuery::default())?, ["f"]);
    Ok(())
}
