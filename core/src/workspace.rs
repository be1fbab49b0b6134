//! A workspace: the stores of one agent's memory, which commit together.

use std::fmt;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::forget::{Forget, Forgotten};
use crate::host::Host;
use crate::hybrid::{MemoryHit, MemorySearch};
use crate::stores::{
    KnowledgeStore, Message, MessageStore, Role, Session, SessionStatus, SessionStore,
    SummaryStore, VectorStore, check_id, new_id, now, value_of,
};
use crate::time::Timestamp;

/// The stores of one workspace, as a backend brings them.
///
/// An implementation keeps what [`stores`](crate::stores) says of each store, and in
/// [`transaction`](WorkspaceStores::transaction) commits whatever was written to any of them, or
/// nothing.
pub trait WorkspaceStores: fmt::Debug {
    /// The id of the workspace.
    fn id(&self) -> &str;

    /// The time and the entropy that the stores use.
    fn host(&self) -> &dyn Host;

    /// The sessions.
    fn sessions(&self) -> &dyn SessionStore;

    /// The messages that are searched and compacted.
    fn messages(&self) -> &dyn MessageStore;

    /// The summaries.
    fn summaries(&self) -> &dyn SummaryStore;

    /// The knowledge.
    fn knowledge(&self) -> &dyn KnowledgeStore;

    /// The vectors.
    fn vectors(&self) -> &dyn VectorStore;

    /// Finds records by words, by nearness, or by both.
    ///
    /// A backend may be without this.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a search without text and vector, wrong
    /// dimensions, and numbers out of range; [`Unsupported`](crate::ErrorKind::Unsupported) by a
    /// backend without it; [`Interrupted`](crate::ErrorKind::Interrupted) and
    /// [`Timeout`](crate::ErrorKind::Timeout); those of [`VectorStore::search`], and storage kinds.
    fn search(&self, search: &MemorySearch) -> Result<Vec<MemoryHit>> {
        search.validate()?;
        Err(Error::new(ErrorKind::Unsupported, "this backend has no search by words and nearness"))
    }

    /// Runs `body` once, in one transaction over all stores: commits when it returns `Ok`, rolls
    /// back when it returns an error or panics.
    ///
    /// # Errors
    /// [`Busy`](crate::ErrorKind::Busy) inside another transaction;
    /// [`Closed`](crate::ErrorKind::Closed) when `body` closed the stores, and nothing was kept;
    /// whatever `body` or the commit returns.
    fn transaction(&self, body: &mut dyn FnMut() -> Result<()>) -> Result<()>;

    /// Deletes what is to be forgotten, in one commit, and sees to it that its bytes are in none
    /// of the files any more.
    ///
    /// # Errors
    /// [`Busy`](crate::ErrorKind::Busy) inside a transaction,
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) and [`Limit`](crate::ErrorKind::Limit) for
    /// an id that is none, [`NotFound`](crate::ErrorKind::NotFound) for a session of which there is
    /// neither the session nor a message, and storage kinds. After one of the last the deletion may
    /// have been committed and its bytes still be there: open the workspace again and repeat the
    /// call.
    fn forget(&self, what: &Forget) -> Result<Forgotten>;

    /// Closes everything, trying all of it, and gives the first error with the others in its text.
    ///
    /// # Errors
    /// Storage kinds; everything is closed all the same.
    fn close(&self) -> Result<()>;
}

/// One workspace: sessions, messages, summaries, knowledge and vectors.
///
/// It may be used from several threads at once. A [`transaction`](Workspace::transaction) belongs
/// to the thread that began it, and the others wait for its end.
///
/// ```
/// use sigil_core::{Role, Workspace};
///
/// let workspace = Workspace::in_memory("home")?;
/// let session = workspace.new_session("ada");
/// workspace.sessions().create(&session)?;
/// let hello = workspace.new_message(&session.id, Role::User, "hello");
/// // Both or neither.
/// workspace.transaction(|w| {
///     w.sessions().append(&session.id, &hello)?;
///     w.messages().append(&hello)
/// })?;
/// assert_eq!(workspace.sessions().active_window(&session.id, 50)?, [hello]);
/// # Ok::<(), sigil_core::Error>(())
/// ```
pub struct Workspace {
    stores: Box<dyn WorkspaceStores + Send + Sync>,
}

impl fmt::Debug for Workspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workspace").field("id", &self.id()).finish_non_exhaustive()
    }
}

impl Workspace {
    /// The workspace with these stores.
    pub fn new(stores: Box<dyn WorkspaceStores + Send + Sync>) -> Workspace {
        Workspace { stores }
    }

    /// A workspace in memory, with a fixed clock, fixed entropy and vectors of three elements, for
    /// examples and tests.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for an id that is none.
    pub fn in_memory(id: &str) -> Result<Workspace> {
        let options = crate::WorkspaceOptions { dimensions: 3, ..Default::default() };
        let host = Arc::new(crate::FixedHost::new(0));
        let store = crate::Shared::new(Box::new(crate::Store::in_memory()?));
        Ok(Workspace::new(Box::new(crate::SqlWorkspace::open(store, host, id, options)?)))
    }

    /// Its stores, as the functions take them that work on any.
    pub fn stores(&self) -> &dyn WorkspaceStores {
        &*self.stores
    }

    /// Its id.
    pub fn id(&self) -> &str {
        self.stores.id()
    }

    /// The sessions, each with its transcript.
    pub fn sessions(&self) -> &dyn SessionStore {
        self.stores.sessions()
    }

    /// The messages that are searched and compacted.
    pub fn messages(&self) -> &dyn MessageStore {
        self.stores.messages()
    }

    /// The summaries.
    pub fn summaries(&self) -> &dyn SummaryStore {
        self.stores.summaries()
    }

    /// The knowledge: entities, relationships and facts.
    pub fn knowledge(&self) -> &dyn KnowledgeStore {
        self.stores.knowledge()
    }

    /// The vectors.
    pub fn vectors(&self) -> &dyn VectorStore {
        self.stores.vectors()
    }

    /// Finds records by words, by nearness, or by both: messages, summaries, facts and vectors, the
    /// best first, each once, in one consistent read.
    ///
    /// Inside a transaction what it wrote is found by words, and by nearness once it is committed.
    /// [`MemorySearch`] has an example.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a search without text and vector, wrong
    /// dimensions, and numbers out of range; [`Unsupported`](crate::ErrorKind::Unsupported) by a
    /// backend without it; [`Interrupted`](crate::ErrorKind::Interrupted) and
    /// [`Timeout`](crate::ErrorKind::Timeout); those of [`VectorStore::search`], and storage kinds.
    pub fn search(&self, search: &MemorySearch) -> Result<Vec<MemoryHit>> {
        self.stores.search(search)
    }

    /// Runs `body` in one transaction over all stores: commits when it returns `Ok`, rolls back
    /// when it returns an error or panics.
    ///
    /// # Errors
    /// [`Busy`](crate::ErrorKind::Busy) inside another transaction; whatever `body` or the commit
    /// returns.
    pub fn transaction<T>(&self, body: impl FnOnce(&Workspace) -> Result<T>) -> Result<T> {
        value_of(|run| self.stores.transaction(run), || body(self))
    }

    /// Deletes what is to be forgotten, in one commit, and sees to it that its bytes are in none
    /// of the files any more.
    ///
    /// # Errors
    /// [`Busy`](crate::ErrorKind::Busy) inside a transaction,
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) and [`Limit`](crate::ErrorKind::Limit) for
    /// an id that is none, [`NotFound`](crate::ErrorKind::NotFound) for a session of which there is
    /// neither the session nor a message, and storage kinds. After one of the last the deletion may
    /// have been committed and its bytes still be there: open the workspace again and repeat the
    /// call.
    pub fn forget(&self, what: &Forget) -> Result<Forgotten> {
        self.stores.forget(what)
    }

    /// A session with a user that begins now, with a new id; not stored yet.
    pub fn new_session(&self, user_id: &str) -> Session {
        Session::new(self.new_id(), self.id(), user_id, self.now())
    }

    /// A message that is said now, with a new id; not stored yet.
    pub fn new_message(&self, session_id: &str, role: Role, content: &str) -> Message {
        Message::new(self.new_id(), session_id, role, content, self.now())
    }

    /// A new random id.
    pub fn new_id(&self) -> String {
        new_id(self.stores.host())
    }

    /// The host's time.
    pub fn now(&self) -> Timestamp {
        now(self.stores.host())
    }

    /// Sets the status of a session to archived.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound), and storage kinds.
    pub fn archive(&self, session_id: &str) -> Result<()> {
        check_id("the session's id", session_id)?;
        self.transaction(|workspace| {
            let mut session = workspace.sessions().get(session_id)?;
            session.status = SessionStatus::Archived;
            workspace.sessions().update(&session).map(drop)
        })
    }

    /// Closes everything.
    ///
    /// # Errors
    /// Storage kinds; everything is closed all the same.
    pub fn close(&self) -> Result<()> {
        self.stores.close()
    }
}
