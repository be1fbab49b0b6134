//! Summaries.

use sigil_core::{
    COMPACTION_SOURCE, ErrorKind, Fact, FactQuery, Metadata, Result, Summary,
    SummaryStatus::{Committed, Pending},
    TimeRange, Workspace,
};

use super::fixture::{HOME, assert_fails, assert_says, at, fact, ids, summary};
use crate::subject::Subject;

fn range(workspace: &Workspace, from: Option<i64>, to: Option<i64>) -> Result<Vec<String>> {
    let range = TimeRange { from: from.map(at), to: to.map(at) };
    Ok(workspace.summaries().range(&range)?.into_iter().map(|summary| summary.id).collect())
}

pub fn a_summary_reads_back_as_it_was_stored(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let full = summary("full", 0, 10, Committed);
    let bare = Summary {
        content: String::new(),
        message_ids: Vec::new(),
        session_ids: Vec::new(),
        ..summary("bare", 20, 20, Pending)
    };
    workspace.summaries().store(&full)?;
    workspace.summaries().store(&bare)?;
    assert_eq!(workspace.summaries().get("full")?, full);
    assert_eq!(workspace.summaries().get("bare")?, bare);
    assert_eq!(workspace.summaries().range(&TimeRange::default())?, [full]);
    assert_fails(workspace.summaries().get("nobody"), ErrorKind::NotFound);
    Ok(())
}

pub fn a_taken_id_is_a_conflict(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let first = summary("s", 0, 1, Pending);
    workspace.summaries().store(&first)?;
    let second = summary("s", 5, 6, Committed);
    assert_fails(workspace.summaries().store(&second), ErrorKind::Conflict);
    assert_eq!(workspace.summaries().get("s")?, first);
    Ok(())
}

pub fn a_pending_summary_is_hidden_until_confirmed(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let summaries = workspace.summaries();
    summaries.store(&summary("s", 0, 1, Pending))?;
    assert_eq!(range(&workspace, None, None)?, [""; 0]);
    assert!(summaries.latest(-1)?.is_empty());
    assert_eq!(summaries.get("s")?.status, Pending);
    summaries.confirm("s")?;
    assert_eq!(range(&workspace, None, None)?, ["s"]);
    assert_eq!(summaries.latest(1)?, [summary("s", 0, 1, Committed)]);
    assert!(summaries.pending()?.is_empty());
    Ok(())
}

pub fn confirming_twice_is_a_conflict(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    workspace.summaries().store(&summary("s", 0, 1, Pending))?;
    workspace.summaries().confirm("s")?;
    let expected = "expected status pending, got committed";
    assert_says(workspace.summaries().confirm("s"), ErrorKind::Conflict, expected);
    workspace.summaries().store(&summary("t", 0, 1, Committed))?;
    assert_says(workspace.summaries().confirm("t"), ErrorKind::Conflict, expected);
    Ok(())
}

pub fn confirming_what_is_not_there_is_not_found(subject: &dyn Subject) -> Result<()> {
    let (workspace, other) = (subject.workspace(HOME)?, subject.workspace("other")?);
    assert_fails(workspace.summaries().confirm("s"), ErrorKind::NotFound);
    workspace.summaries().store(&summary("s", 0, 1, Pending))?;
    // In another workspace it is another's.
    assert_fails(other.summaries().confirm("s"), ErrorKind::NotFound);
    assert_eq!(workspace.summaries().get("s")?.status, Pending);
    workspace.summaries().delete("s")?;
    assert_fails(workspace.summaries().confirm("s"), ErrorKind::NotFound);
    Ok(())
}

pub fn deleting_says_whether_it_was_there(subject: &dyn Subject) -> Result<()> {
    let (workspace, other) = (subject.workspace(HOME)?, subject.workspace("other")?);
    workspace.summaries().store(&summary("pending", 0, 1, Pending))?;
    workspace.summaries().store(&summary("committed", 0, 1, Committed))?;
    assert!(!other.summaries().delete("pending")?);
    assert!(workspace.summaries().delete("pending")?);
    assert!(!workspace.summaries().delete("pending")?);
    assert!(workspace.summaries().delete("committed")?);
    assert_eq!(range(&workspace, None, None)?, [""; 0]);
    Ok(())
}

pub fn a_range_holds_what_lies_wholly_in_it(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    for (id, from, to) in [("c", 20, 30), ("a", 0, 10), ("b", 10, 20), ("a-too", 0, 5)] {
        workspace.summaries().store(&summary(id, from, to, Committed))?;
    }
    assert_eq!(range(&workspace, None, None)?, ["a", "a-too", "b", "c"]);
    assert_eq!(range(&workspace, Some(0), Some(20))?, ["a", "a-too", "b"]);
    assert_eq!(range(&workspace, Some(1), None)?, ["b", "c"]);
    assert_eq!(range(&workspace, None, Some(19))?, ["a", "a-too"]);
    assert_eq!(range(&workspace, Some(10), Some(20))?, ["b"]);
    assert_eq!(range(&workspace, Some(30), Some(0))?, [""; 0]);
    Ok(())
}

pub fn the_latest_come_newest_first(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    for (id, to) in [("old", 1), ("tie-1", 5), ("new", 9), ("tie-2", 5)] {
        workspace.summaries().store(&summary(id, 0, to, Committed))?;
    }
    workspace.summaries().store(&summary("hidden", 0, 99, Pending))?;
    let latest = |n| -> Result<Vec<String>> {
        Ok(workspace.summaries().latest(n)?.into_iter().map(|summary| summary.id).collect())
    };
    assert_eq!(latest(3)?, ["new", "tie-2", "tie-1"]);
    assert_eq!(latest(-1)?.len(), 4);
    assert_eq!(latest(i64::MAX)?.len(), 4);
    assert_eq!(latest(0)?, [""; 0]);
    Ok(())
}

pub fn pending_ones_are_listed_oldest_first(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    for (id, to) in [("late", 9), ("tie-b", 5), ("tie-a", 5)] {
        workspace.summaries().store(&summary(id, 0, to, Pending))?;
    }
    workspace.summaries().store(&summary("done", 0, 1, Committed))?;
    assert_eq!(ids(&workspace.summaries().pending()?, |s| &s.id), ["tie-b", "tie-a", "late"]);
    Ok(())
}

pub fn a_sweep_takes_old_pending_summaries_with_what_belongs_to_them(
    subject: &dyn Subject,
) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    for (id, to, status) in
        [("stale", 5, Pending), ("fresh", 10, Pending), ("done", 1, Committed)]
    {
        workspace.summaries().store(&summary(id, 0, to, status))?;
        workspace.vectors().store(id, &[1.0, 0.0, 0.0], &Metadata::new())?;
        workspace.knowledge().put_fact(&Fact {
            source: COMPACTION_SOURCE.to_owned(),
            ..fact(&format!("{id}-fact-1"), id, "is", "known")
        })?;
    }
    assert_eq!(workspace.sweep_pending(at(10))?, ["stale"]);
    assert_eq!(workspace.sweep_pending(at(10))?, [""; 0]);
    assert_fails(workspace.summaries().get("stale"), ErrorKind::NotFound);
    assert_eq!(ids(&workspace.summaries().pending()?, |s| &s.id), ["fresh"]);
    assert_eq!(workspace.vectors().get("stale")?, None);
    assert_eq!(workspace.vectors().count()?, 2);
    let facts = workspace.knowledge().find_facts(&FactQuery::default())?;
    assert_eq!(ids(&facts, |fact| &fact.id), ["done-fact-1", "fresh-fact-1"]);
    Ok(())
}

pub fn summaries_survive_reopening(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let stored = [summary("a", 0, 1, Committed), summary("b", 0, 1, Pending)];
    stored.iter().try_for_each(|summary| workspace.summaries().store(summary))?;
    workspace.close()?;
    drop(workspace);
    let workspace = subject.workspace(HOME)?;
    assert_eq!(workspace.summaries().latest(-1)?, stored[..1]);
    assert_eq!(workspace.summaries().pending()?, stored[1..]);
    Ok(())
}
