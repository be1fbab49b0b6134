//! The messages that are searched and compacted.

use sigil_core::{ErrorKind, Message, Paging, Result, TimeRange, Workspace};

use super::fixture::{HOME, assert_fails, at, ids, message, messages, session};
use crate::subject::Subject;

fn found(workspace: &Workspace, phrase: &str) -> Result<Vec<String>> {
    let page = workspace.messages().search(phrase, &Paging::default())?;
    Ok(page.into_iter().map(|message| message.id).collect())
}

pub fn a_message_reads_back_as_it_was_appended(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let messages = messages(3);
    workspace.messages().append(&messages[0])?;
    workspace.messages().append_many(&messages[1..])?;
    assert_eq!(workspace.messages().oldest(9)?, messages);
    assert_eq!(workspace.messages().get("m1")?, messages[1]);
    assert_eq!(workspace.messages().count()?, 3);
    assert_fails(workspace.messages().get("m3"), ErrorKind::NotFound);
    Ok(())
}

pub fn a_taken_id_is_a_conflict(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    workspace.messages().append(&message("m", "first", 0))?;
    assert_fails(workspace.messages().append(&message("m", "second", 1)), ErrorKind::Conflict);
    assert_eq!(workspace.messages().get("m")?.content, "first");
    assert_eq!(found(&workspace, "second")?, [""; 0]);
    Ok(())
}

pub fn a_batch_is_stored_wholly_or_not_at_all(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    workspace.messages().append_many(&[])?;
    workspace.messages().append(&message("m1", "there", 0))?;
    assert_fails(workspace.messages().append_many(&messages(3)), ErrorKind::Conflict);
    let invalid = [message("a", "fine", 0), message("b", "", 0)];
    assert_fails(workspace.messages().append_many(&invalid), ErrorKind::InvalidInput);
    let twice = [message("a", "one", 0), message("a", "two", 0)];
    assert_fails(workspace.messages().append_many(&twice), ErrorKind::Conflict);
    assert_eq!(workspace.messages().count()?, 1);
    Ok(())
}

pub fn search_finds_words_in_a_row_and_nothing_else(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    workspace.messages().append(&message("m1", "The quick brown fox", 0))?;
    workspace.messages().append(&message("m2", "a brown quick fox", 1))?;
    workspace.messages().append(&message("m3", "quickly", 2))?;
    assert_eq!(found(&workspace, "quick brown")?, ["m1"]);
    assert_eq!(found(&workspace, "quick")?, ["m2", "m1"]);
    assert_eq!(found(&workspace, "fox the")?, [""; 0]);
    assert_eq!(found(&workspace, "qui")?, [""; 0]);
    assert_eq!(found(&workspace, "elephant")?, [""; 0]);
    assert_eq!(found(&workspace, "the quick brown fox jumps")?, [""; 0]);
    Ok(())
}

pub fn search_takes_no_text_for_an_operator(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let texts = [
        "The Kubernetes cluster is running smoothly",
        "Deploy Terraform configuration",
        "Update NOT required for this release",
        "Special asterisk* character here",
        "She said \"quoted\" text",
        "Handle (carefully) please",
        "Connect to cluster:main now",
    ];
    for (n, text) in (0..).zip(texts) {
        workspace.messages().append(&message(&format!("m{n}"), text, n))?;
    }
    for (phrase, hits) in [
        ("Kubernetes OR Terraform", 0),
        ("Update NOT required", 1),
        ("running NEAR/5 smoothly", 0),
        ("cluster:main", 1),
        ("\"quoted\"", 1),
        ("asterisk*", 1),
        ("(carefully)", 1),
        ("cluster-smoothly", 0),
        ("Kubernetes", 1),
        ("Kubernetes cluster", 1),
        ("\"Kubernetes\" OR \"Terraform\"", 0),
        ("content:Kubernetes", 0),
        ("^Deploy", 1),
        ("'; DROP TABLE sigil_message; --", 0),
        ("%", 0),
        ("Kub*", 0),
        ("\"", 0),
        ("AND", 0),
    ] {
        assert_eq!(found(&workspace, phrase)?.len(), hits, "{phrase}");
    }
    Ok(())
}

pub fn search_ignores_case_accents_and_punctuation(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    workspace.messages().append(&message("m1", "Caf\u{e9} cr\u{e8}me, 42!", 0))?;
    workspace.messages().append(&message("m2", "cafe\u{301}-CREME", 1))?;
    workspace.messages().append(&message("m3", "before\0after", 2))?;
    for phrase in ["cafe creme", "CAFE\u{301}: creme", "  caf\u{e9}...Cr\u{e8}me  "] {
        assert_eq!(found(&workspace, phrase)?, ["m2", "m1"], "{phrase}");
    }
    assert_eq!(found(&workspace, "creme 42")?, ["m1"]);
    assert_eq!(found(&workspace, "before after")?, ["m3"]);
    assert_eq!(found(&workspace, "before\0after")?, ["m3"]);
    Ok(())
}

pub fn search_without_words_finds_nothing(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    workspace.messages().append(&message("m1", "... !!", 0))?;
    for phrase in ["", " ", "...", "\"\"", "\0", "*", "()"] {
        assert_eq!(found(&workspace, phrase)?, [""; 0], "{phrase:?}");
    }
    Ok(())
}

pub fn search_is_newest_first_and_fifty_by_default(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    // Two at a time are of the same moment.
    let said = |n: i64| message(&format!("m{n}"), "the same words", n / 2);
    workspace.messages().append_many(&(0..60).map(said).collect::<Vec<_>>())?;
    let page = workspace.messages().search("same words", &Paging::default())?;
    assert_eq!((page.len(), page.next.is_some()), (50, true));
    assert_eq!((page[0].id.as_str(), page[49].id.as_str()), ("m59", "m10"));
    let some = Paging { limit: 3, offset: 2, after: None };
    let some = workspace.messages().search("same", &some)?;
    assert_eq!(ids(&some, |m| &m.id), ["m57", "m56", "m55"]);
    let rest = Paging { after: page.next.clone(), ..Paging::default() };
    let rest = workspace.messages().search("same words", &rest)?;
    assert_eq!((rest.len(), rest[0].id.as_str(), &rest.next), (10, "m9", &None));
    Ok(())
}

pub fn search_follows_deletions_and_sees_the_transaction(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let store = workspace.messages();
    store.append_many(&messages(3))?;
    assert_eq!(found(&workspace, "message")?, ["m2", "m1", "m0"]);
    store.delete(&["m2"])?;
    assert_eq!(found(&workspace, "message")?, ["m1", "m0"]);
    // A number in the order of storing may come again: what had it before must not be found.
    store.append(&message("other", "something else", 9))?;
    assert_eq!(found(&workspace, "message")?, ["m1", "m0"]);
    assert_eq!(found(&workspace, "something else")?, ["other"]);
    let failed: Result<()> = workspace.transaction(|workspace| {
        workspace.messages().append(&message("new", "a message too", 20))?;
        workspace.messages().delete(&["m0"])?;
        assert_eq!(found(workspace, "message")?, ["new", "m1"]);
        Err(sigil_core::Error::invalid("changed my mind"))
    });
    assert_fails(failed, ErrorKind::InvalidInput);
    assert_eq!(found(&workspace, "message")?, ["m1", "m0"]);
    workspace.transaction(|workspace| {
        workspace.messages().append(&message("kept", "one more message", 20))
    })?;
    assert_eq!(found(&workspace, "message")?, ["kept", "m1", "m0"]);
    Ok(())
}

pub fn search_finds_what_takes_the_place_of_deleted_messages(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let store = workspace.messages();
    let said = |id: &str| message(id, "word", 0);
    store.append_many(&["a", "b", "c"].map(said))?;
    assert_eq!(found(&workspace, "word")?, ["c", "b", "a"]);
    store.delete(&["a", "b"])?;
    assert_eq!(found(&workspace, "word")?, ["c"]);
    // Backends that number their messages may begin again.
    store.delete(&["c"])?;
    store.append_many(&["d", "e"].map(said))?;
    assert_eq!(found(&workspace, "word")?, ["e", "d"]);
    // The same, and the transaction is the first to look.
    store.delete(&["d"])?;
    assert_eq!(found(&workspace, "word")?, ["e"]);
    workspace.transaction(|workspace| {
        workspace.messages().delete(&["e"])?;
        workspace.messages().append_many(&["f", "g", "h"].map(said))?;
        assert_eq!(found(workspace, "word")?, ["h", "g", "f"]);
        workspace.messages().delete(&["h"])?;
        workspace.messages().append(&message("i", "word", 5))?;
        assert_eq!(found(workspace, "word")?, ["i", "g", "f"]);
        Ok(())
    })?;
    assert_eq!(found(&workspace, "word")?, ["i", "g", "f"]);
    Ok(())
}

pub fn search_works_after_reopening(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    workspace.messages().append_many(&messages(3))?;
    workspace.close()?;
    drop(workspace);
    let workspace = subject.workspace(HOME)?;
    workspace.messages().delete(&["m1"])?;
    // The first search may be one inside a transaction.
    workspace.transaction(|workspace| {
        workspace.messages().append(&message("m3", "message number 3", 3))?;
        assert_eq!(found(workspace, "message")?, ["m3", "m2", "m0"]);
        Ok(())
    })?;
    assert_eq!(found(&workspace, "message")?, ["m3", "m2", "m0"]);
    Ok(())
}

fn range(from: Option<i64>, to: Option<i64>) -> TimeRange {
    TimeRange { from: from.map(at), to: to.map(at) }
}

pub fn a_range_leaves_its_end_out(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    workspace.messages().append_many(&messages(5))?;
    let list = |from, to, limit| -> Result<Vec<String>> {
        let page = workspace.messages().range(&range(from, to), &Paging::limit(limit))?;
        Ok(page.into_iter().map(|message| message.id).collect())
    };
    assert_eq!(list(Some(1), Some(4), 0)?, ["m1", "m2", "m3"]);
    assert_eq!(list(Some(1), Some(4), 2)?, ["m1", "m2"]);
    assert_eq!(list(None, Some(2), 0)?, ["m0", "m1"]);
    assert_eq!(list(Some(3), None, 0)?, ["m3", "m4"]);
    assert_eq!(list(Some(3), Some(3), 0)?, [""; 0]);
    assert_eq!(list(Some(4), Some(1), 0)?, [""; 0]);
    Ok(())
}

pub fn an_open_range_has_every_message(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    workspace.messages().append_many(&messages(120))?;
    let page = workspace.messages().range(&TimeRange::default(), &Paging::default())?;
    assert_eq!((page.len(), &page.next), (120, &None));
    assert_eq!(page.items, messages(120));
    Ok(())
}

pub fn the_oldest_come_oldest_first(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    assert!(workspace.messages().oldest(5)?.is_empty());
    for (id, ms) in [("late", 9), ("tie-b", 3), ("early", 1), ("tie-a", 3)] {
        workspace.messages().append(&message(id, "x", ms))?;
    }
    let oldest = workspace.messages().oldest(3)?;
    assert_eq!(ids(&oldest, |m| &m.id), ["early", "tie-b", "tie-a"]);
    assert_eq!(workspace.messages().oldest(i64::MAX)?.len(), 4);
    Ok(())
}

pub fn asking_for_no_oldest_is_refused(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    for n in [0, -1, i64::MIN] {
        assert_fails(workspace.messages().oldest(n), ErrorKind::InvalidInput);
    }
    Ok(())
}

pub fn deleting_counts_what_was_there(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    workspace.messages().append_many(&messages(4))?;
    assert_eq!(workspace.messages().delete(&[])?, 0);
    assert_eq!(workspace.messages().delete(&["m0", "nobody", "m2"])?, 2);
    assert_eq!(workspace.messages().delete(&["m0", "m1", "m1"])?, 1);
    assert_eq!(ids(&workspace.messages().oldest(9)?, |m| &m.id), ["m3"]);
    Ok(())
}

pub fn a_thousand_ids_are_deleted_at_once(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let messages = messages(1_005);
    workspace.messages().append_many(&messages)?;
    let ids = ids(&messages, |message| &message.id);
    assert_eq!(workspace.messages().delete(&ids[..1_001])?, 1_001);
    assert_eq!(workspace.messages().count()?, 4);
    Ok(())
}

pub fn trimming_keeps_the_newest(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let store = workspace.messages();
    // The last stored is not the newest, and there are ties.
    let said = |n: i64| message(&format!("m{n}"), "x", -(n / 2));
    store.append_many(&(0..10).map(said).collect::<Vec<_>>())?;
    assert_eq!(store.trim(-1)?, 0);
    assert_eq!(store.trim(10)?, 0);
    assert_eq!(store.trim(i64::MAX)?, 0);
    assert_eq!(store.trim(3)?, 7);
    assert_eq!(ids(&store.oldest(9)?, |m: &Message| &m.id), ["m3", "m0", "m1"]);
    assert_eq!(store.trim(0)?, 3);
    assert_eq!(store.count()?, 0);
    Ok(())
}

pub fn messages_and_transcripts_are_apart(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    workspace.sessions().create(&session("s1", 0))?;
    workspace.sessions().append("s1", &message("m", "in the transcript", 0))?;
    workspace.messages().append(&message("m", "in the memory", 0))?;
    assert_eq!(found(&workspace, "transcript")?, [""; 0]);
    workspace.sessions().delete("s1")?;
    assert_eq!(workspace.messages().get("m")?.content, "in the memory");
    Ok(())
}
