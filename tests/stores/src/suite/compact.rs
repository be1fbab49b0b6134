//! Compaction.

use std::cell::RefCell;

use sigil_core::{
    Batch, COMPACTION_SOURCE, Compacted, Compactor, Digest, Embedder, Error, ErrorKind,
    ExtractedFact, Fact, FactExtractor, FactQuery, Filter, ID_BYTES_MAX, Message, Metadata, Paging,
    Result, SearchOptions, Summarizer, Workspace,
};

use super::fixture::{HOME, assert_fails, at, ids, message, messages};
use crate::dump;
use crate::subject::Subject;

/// Summarises, embeds and extracts without thinking, and fails where it is told to.
#[derive(Default)]
struct Machine<'a> {
    fails_at: &'static str,
    vector: Option<Vec<f32>>,
    facts: RefCell<Vec<ExtractedFact>>,
    /// Done while the batch is summarised.
    meanwhile: Option<&'a dyn Fn() -> Result<()>>,
}

impl Machine<'_> {
    fn step(&self, name: &str) -> Result<()> {
        if self.fails_at == name {
            return Err(Error::new(ErrorKind::Timeout, format!("the {name} gave up")));
        }
        Ok(())
    }
}

impl Summarizer for Machine<'_> {
    fn summarize(&self, messages: &[Message]) -> Result<String> {
        self.meanwhile.map_or(Ok(()), |meanwhile| meanwhile())?;
        self.step("summarizer")?;
        Ok(messages.iter().map(|message| &*message.id).collect::<Vec<_>>().join("+"))
    }
}

impl Embedder for Machine<'_> {
    fn embed(&self, text: &str) -> Result<Vec<f32>> {
        self.step("embedder")?;
        let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
        Ok(self.vector.clone().unwrap_or_else(|| vec![f32::from(length), 0.0, 1.0]))
    }
}

impl FactExtractor for Machine<'_> {
    fn extract(&self, messages: &[Message]) -> Result<Vec<ExtractedFact>> {
        self.step("extractor")?;
        let mut facts = vec![extracted("batch", "begins with", &messages[0].id)];
        facts.extend(self.facts.borrow().iter().cloned());
        Ok(facts)
    }
}

fn extracted(entity: &str, predicate: &str, value: &str) -> ExtractedFact {
    ExtractedFact {
        entity_id: entity.to_owned(),
        predicate: predicate.to_owned(),
        value: value.to_owned(),
        confidence: 0.75,
    }
}

fn compact(workspace: &Workspace, machine: &Machine<'_>, batch: usize) -> Result<Vec<Compacted>> {
    workspace.compact(&Compactor {
        batch,
        passes_max: 1,
        summarizer: machine,
        embedder: machine,
        extractor: Some(machine),
    })
}

fn facts(workspace: &Workspace) -> Result<Vec<Fact>> {
    let query = FactQuery { paging: Paging::limit(i64::MAX), ..FactQuery::default() };
    Ok(workspace.knowledge().find_facts(&query)?.items)
}

pub fn a_pass_leaves_a_summary_a_vector_and_facts(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let mut said = messages(5);
    said[1].session_id = "s2".to_owned();
    workspace.messages().append_many(&said)?;
    let passes = compact(&workspace, &Machine::default(), 3)?;
    let [pass] = &*passes else { panic!("{passes:?}") };
    assert_eq!((pass.messages, pass.facts), (3, 1));
    let summary = workspace.summaries().get(&pass.summary_id)?;
    assert_eq!(workspace.summaries().latest(-1)?, std::slice::from_ref(&summary));
    assert_eq!(summary.message_ids, ["m0", "m1", "m2"]);
    assert_eq!(summary.session_ids, ["s1", "s2"]);
    assert_eq!((summary.from_time, summary.to_time), (at(0), at(2)));
    assert_eq!(summary.content, "m0+m1+m2");
    assert_eq!(ids(&workspace.messages().oldest(9)?, |message| &message.id), ["m3", "m4"]);
    let filter = Filter::from_json(r#"{"kind": "summary", "workspace_id": "home"}"#)?;
    let options = SearchOptions { filter: Some(filter), ..Default::default() };
    let hits = workspace.vectors().search(&[8.0, 0.0, 1.0], 9, &options)?;
    assert_eq!((hits.len(), &hits[0].id, hits[0].distance), (1, &summary.id, 0.0));
    let [fact] = &*facts(&workspace)? else { panic!("one fact was expected") };
    assert_eq!((&*fact.entity_id, &*fact.value), ("batch", "m0"));
    assert_eq!((&*fact.source, fact.confidence), (COMPACTION_SOURCE, 0.75));
    dump::check_compaction(&workspace).map(drop)
}

pub fn too_few_messages_are_left_alone(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    assert_eq!(compact(&workspace, &Machine::default(), 1)?, []);
    workspace.messages().append_many(&messages(4))?;
    let before = dump::workspace(&workspace)?;
    let never = Machine { fails_at: "summarizer", ..Machine::default() };
    assert_eq!(compact(&workspace, &never, 5)?, []);
    assert_eq!(compact(&workspace, &never, usize::MAX)?, []);
    assert_eq!(dump::workspace(&workspace)?, before);
    // As many as a batch are enough.
    assert_eq!(compact(&workspace, &Machine::default(), 4)?.len(), 1);
    Ok(())
}

pub fn a_batch_of_none_is_refused(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    workspace.messages().append_many(&messages(1))?;
    assert_fails(compact(&workspace, &Machine::default(), 0), ErrorKind::InvalidInput);
    assert_fails(Batch::of(Vec::new()), ErrorKind::InvalidInput);
    Ok(())
}

pub fn each_pass_takes_the_oldest_batch(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let mut said = messages(11);
    said.reverse();
    workspace.messages().append_many(&said)?;
    let machine = Machine::default();
    let passes = workspace.compact(&Compactor {
        batch: 3,
        passes_max: 100,
        summarizer: &machine,
        embedder: &machine,
        extractor: None,
    })?;
    let contents: Vec<String> = passes
        .iter()
        .map(|pass| Ok(workspace.summaries().get(&pass.summary_id)?.content))
        .collect::<Result<_>>()?;
    assert_eq!(contents, ["m0+m1+m2", "m3+m4+m5", "m6+m7+m8"]);
    assert_eq!(ids(&workspace.messages().oldest(9)?, |message| &message.id), ["m9", "m10"]);
    assert!(facts(&workspace)?.is_empty());
    dump::check_compaction(&workspace).map(drop)
}

pub fn messages_appended_meanwhile_stay(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    workspace.messages().append_many(&messages(3))?;
    // One of them is older than all of the batch.
    let append = || {
        workspace.messages().append(&message("old", "from before", -9))?;
        workspace.messages().append(&message("new", "from now", 9))
    };
    let machine = Machine { meanwhile: Some(&append), ..Machine::default() };
    assert_eq!(compact(&workspace, &machine, 3)?[0].messages, 3);
    assert_eq!(ids(&workspace.messages().oldest(9)?, |message| &message.id), ["old", "new"]);
    dump::check_compaction(&workspace).map(drop)
}

pub fn a_failing_callback_changes_nothing(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    workspace.messages().append_many(&messages(3))?;
    let before = dump::workspace(&workspace)?;
    for fails_at in ["summarizer", "embedder", "extractor"] {
        let machine = Machine { fails_at, ..Machine::default() };
        assert_fails(compact(&workspace, &machine, 3), ErrorKind::Timeout);
        assert_eq!(dump::workspace(&workspace)?, before, "{fails_at}");
    }
    assert_eq!(compact(&workspace, &Machine::default(), 3)?.len(), 1);
    Ok(())
}

pub fn a_wrong_vector_changes_nothing(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    workspace.messages().append_many(&messages(3))?;
    let before = dump::workspace(&workspace)?;
    for vector in [vec![], vec![0.0], vec![0.0, f32::NAN, 0.0], vec![0.0; 4]] {
        let machine = Machine { vector: Some(vector), ..Machine::default() };
        assert_fails(compact(&workspace, &machine, 3), ErrorKind::InvalidInput);
        assert_eq!(dump::workspace(&workspace)?, before);
    }
    Ok(())
}

pub fn a_batch_that_changed_is_a_conflict_and_changes_nothing(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    workspace.messages().append_many(&messages(3))?;
    let gone = || workspace.messages().delete(&["m1"]).map(drop);
    let machine = Machine { meanwhile: Some(&gone), ..Machine::default() };
    assert_fails(compact(&workspace, &machine, 3), ErrorKind::Conflict);
    assert_eq!(ids(&workspace.messages().oldest(9)?, |message| &message.id), ["m0", "m2"]);
    // Another message has taken the id.
    let replaced = || {
        workspace.messages().delete(&["m0"])?;
        workspace.messages().append(&message("m0", "another", 0))
    };
    let machine = Machine { meanwhile: Some(&replaced), ..Machine::default() };
    assert_fails(compact(&workspace, &machine, 2), ErrorKind::Conflict);
    assert!(workspace.summaries().latest(-1)?.is_empty() && facts(&workspace)?.is_empty());
    assert_eq!((workspace.vectors().count()?, workspace.messages().count()?), (0, 2));
    Ok(())
}

pub fn two_passes_of_one_batch_make_one_summary(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    workspace.messages().append_many(&messages(4))?;
    let batches = [2, 2].map(|size| Batch::take(workspace.stores(), size));
    let digest = Digest { summary: "short".to_owned(), vector: vec![0.0; 3], facts: Vec::new() };
    for (n, batch) in (0..).zip(batches) {
        let batch = batch?.ok_or_else(|| Error::invalid("no batch"))?;
        assert_eq!(ids(batch.messages(), |message| &message.id), ["m0", "m1"]);
        match n {
            0 => assert_eq!(batch.commit(workspace.stores(), &digest)?.messages, 2),
            _ => assert_fails(batch.commit(workspace.stores(), &digest), ErrorKind::Conflict),
        }
    }
    assert_eq!(workspace.summaries().latest(-1)?.len(), 1);
    dump::check_compaction(&workspace).map(drop)
}

pub fn facts_are_made_whole_before_they_are_stored(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    workspace.messages().append_many(&messages(1))?;
    let sure = |confidence: f64, value: &str| ExtractedFact {
        confidence,
        ..extracted("e", "sure", value)
    };
    // Two bytes a character: the limits fall between characters, or within one.
    let long = "\u{e9}".repeat(5_000);
    let machine = Machine::default();
    *machine.facts.borrow_mut() = vec![
        extracted("", "about", "nothing"),
        extracted("says", "", "nothing"),
        extracted("nul\0", "in", "an id"),
        extracted("twice", "is", "said"),
        extracted("twice", "is", "said"),
        sure(f64::NAN, "nan"),
        sure(f64::INFINITY, "inf"),
        sure(f64::NEG_INFINITY, "-inf"),
        sure(-0.5, "negative"),
        sure(7.0, "seven"),
        extracted(&format!("x{long}"), &format!("x{long}"), &format!("x{long}")),
    ];
    assert_eq!(compact(&workspace, &machine, 1)?[0].facts, 8);
    let stored = facts(&workspace)?;
    let confidence = |value: &str| {
        stored.iter().find(|fact| fact.value == value).map(|fact| fact.confidence)
    };
    assert_eq!(confidence("nan"), Some(0.0));
    assert_eq!(confidence("inf"), Some(1.0));
    assert_eq!(confidence("-inf"), Some(0.0));
    assert_eq!(confidence("negative"), Some(0.0));
    assert_eq!(confidence("seven"), Some(1.0));
    let cut = stored.iter().find(|fact| fact.value.starts_with('x'));
    let lengths = cut.map(|fact| [&fact.entity_id, &fact.predicate, &fact.value].map(|t| t.len()));
    assert_eq!(lengths, Some([ID_BYTES_MAX - 1, ID_BYTES_MAX - 1, 4_095]));
    assert!(stored.iter().all(|fact| fact.validate().is_ok()));
    dump::check_compaction(&workspace).map(drop)
}

pub fn a_hundred_facts_at_most(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    workspace.messages().append_many(&messages(1))?;
    let machine = Machine::default();
    *machine.facts.borrow_mut() = (0..150).map(|n| extracted("e", "has", &n.to_string())).collect();
    assert_eq!(compact(&workspace, &machine, 1)?[0].facts, 100);
    let stored = facts(&workspace)?;
    assert_eq!(stored.len(), 100);
    // The first ones are kept.
    assert!(stored.iter().any(|fact| fact.value == "98") && stored.iter().all(|f| f.value != "99"));
    Ok(())
}

pub fn vectors_of_the_messages_go_with_them(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    workspace.messages().append_many(&messages(3))?;
    for id in ["m0", "m2", "other"] {
        workspace.vectors().store(id, &[1.0; 3], &Metadata::new())?;
    }
    let passes = compact(&workspace, &Machine::default(), 2)?;
    let hits = workspace.vectors().search(&[1.0; 3], 9, &SearchOptions::default())?;
    let mut found = ids(&hits, |hit| &hit.id);
    found.sort_unstable();
    assert_eq!(found, ["m2", "other", &passes[0].summary_id]);
    Ok(())
}

pub fn compacting_in_a_transaction_is_busy(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    workspace.messages().append_many(&messages(2))?;
    workspace.transaction(|workspace| {
        assert_fails(compact(workspace, &Machine::default(), 2), ErrorKind::Busy);
        workspace.messages().append(&message("kept", "x", 0))
    })?;
    assert_eq!(workspace.messages().count()?, 3);
    assert!(workspace.summaries().latest(-1)?.is_empty());
    Ok(())
}
