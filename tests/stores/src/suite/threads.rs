//! Several threads, and panics, neither of which wasm has.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use sigil_core::{
    AuditQuery, Compactor, Embedder, ErrorKind, Message, Paging, Result, Summarizer,
};

use super::fixture::{HOME, assert_fails, entry, message, messages, session};
use crate::dump;
use crate::subject::Subject;

fn panics(f: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(f)).is_err()
}

pub fn a_panic_in_a_transaction_rolls_it_back(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    workspace.messages().append(&message("m", "kept", 0))?;
    let before = dump::workspace(&workspace)?;
    let panicked = panics(|| {
        let outcome: Result<()> = workspace.transaction(|workspace| {
            workspace.messages().append(&message("n", "lost", 0))?;
            workspace.sessions().create(&session("s", 0))?;
            panic!("on purpose")
        });
        assert!(outcome.is_err(), "the panic was swallowed");
    });
    assert!(panicked);
    assert_eq!(dump::workspace(&workspace)?, before);
    assert!(workspace.messages().search("lost", &Paging::default())?.is_empty());
    // The handle is as good as before.
    workspace.transaction(|workspace| workspace.messages().append(&message("n", "kept", 0)))?;
    assert_eq!(workspace.messages().count()?, 2);
    Ok(())
}

struct Panicky;

impl Summarizer for Panicky {
    fn summarize(&self, _: &[Message]) -> Result<String> {
        panic!("on purpose")
    }
}

impl Embedder for Panicky {
    fn embed(&self, _: &str) -> Result<Vec<f32>> {
        panic!("on purpose")
    }
}

pub fn a_panic_in_a_callback_of_compaction_changes_nothing(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    workspace.messages().append_many(&messages(3))?;
    let before = dump::workspace(&workspace)?;
    let compactor = Compactor {
        batch: 2,
        passes_max: 1,
        summarizer: &Panicky,
        embedder: &Panicky,
        extractor: None,
    };
    assert!(panics(|| assert!(workspace.compact(&compactor).is_err())));
    assert_eq!(dump::workspace(&workspace)?, before);
    workspace.messages().append(&message("later", "x", 9))
}

pub fn ten_threads_append_to_one_audit_log(subject: &dyn Subject) -> Result<()> {
    let gateway = subject.gateway()?;
    std::thread::scope(|scope| {
        let gateway = &gateway;
        let append = |thread: i64| {
            move || (0..5).try_for_each(|n| gateway.audit().append(&entry(&format!("{thread}-{n}"), n)))
        };
        let threads: Vec<_> = (0..10).map(|thread| scope.spawn(append(thread))).collect();
        for thread in threads {
            assert!(matches!(thread.join(), Ok(Ok(()))));
        }
    });
    assert_eq!(gateway.audit().query(&AuditQuery::default())?.len(), 50);
    Ok(())
}

pub fn a_transaction_keeps_other_threads_out(subject: &dyn Subject) -> Result<()> {
    let workspace = subject.workspace(HOME)?;
    let entered = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (other, entered) = (&workspace, &entered);
        let outcome = workspace.transaction(|workspace| {
            workspace.messages().append(&message("first", "x", 0))?;
            let thread = scope.spawn(move || {
                let waited = other.transaction(|other| {
                    entered.store(true, Ordering::SeqCst);
                    other.messages().append(&message("second", "x", 1))
                });
                waited.and_then(|()| other.messages().count())
            });
            // Long enough for the other thread to come in, if it could.
            std::thread::sleep(std::time::Duration::from_millis(50));
            assert!(!entered.load(Ordering::SeqCst));
            assert_eq!(workspace.messages().count()?, 1);
            Ok(thread)
        });
        let waited = outcome.map(|thread| thread.join());
        assert!(matches!(waited, Ok(Ok(Ok(2)))), "{waited:?}");
    });
    // Each thread may end what it began, whatever the others did.
    assert_fails(workspace.sessions().get("nobody"), ErrorKind::NotFound);
    Ok(())
}
