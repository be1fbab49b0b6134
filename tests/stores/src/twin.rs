//! A second backend, in memory: every store on plain lists, written to be seen through.
//!
//! Nothing here is fast. A transaction is a copy of everything, and a query looks at every record.
//! What a file is to other backends, a [`TwinFile`] is to this one: it outlives its handles.

mod forget;
mod gateway;
mod handle;
mod knowledge;
mod messages;
mod sessions;
mod summaries;
mod table;
mod vectors;
mod words;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sigil_core::{
    AuditEntry, Backend, Entity, Error, ErrorKind, Fact, Forget, Forgotten, Gateway, GatewayStores,
    Host, ID_BYTES_MAX, Message, MessageStore, Metadata, Pairing, Relationship, Result, Session,
    SessionStore, Summary, SummaryStore, User, VectorIndex, VectorStore, Workspace,
    WorkspaceOptions, WorkspaceStores,
};

use handle::Handle;
pub use handle::TwinFile;
use table::Table;

/// The naive backend. What was made in a place is there for as long as the backend is.
#[derive(Debug)]
pub struct TwinBackend {
    host: Arc<dyn Host>,
    workspaces: Mutex<BTreeMap<PathBuf, TwinFile<WorkspaceData>>>,
    gateways: Mutex<BTreeMap<PathBuf, TwinFile<GatewayData>>>,
}

impl TwinBackend {
    /// A backend that holds nothing yet.
    pub fn new(host: Arc<dyn Host>) -> TwinBackend {
        TwinBackend { host, workspaces: Mutex::default(), gateways: Mutex::default() }
    }
}

impl Backend for TwinBackend {
    fn open_workspace(
        &self,
        place: &Path,
        id: &str,
        options: WorkspaceOptions,
    ) -> Result<Workspace> {
        let mut workspaces = self.workspaces.lock().unwrap_or_else(PoisonError::into_inner);
        let file = workspaces.entry(place.to_owned()).or_default();
        let opened = TwinWorkspace::open(file, Arc::clone(&self.host), id, options)?;
        Ok(Workspace::new(Box::new(opened)))
    }

    fn open_gateway(&self, place: &Path) -> Result<Gateway> {
        let mut gateways = self.gateways.lock().unwrap_or_else(PoisonError::into_inner);
        let file = gateways.entry(place.to_owned()).or_default();
        Ok(Gateway::new(Box::new(TwinGateway::open(file, Arc::clone(&self.host)))))
    }
}

/// Everything in a workspace.
#[derive(Debug, Clone, Default)]
pub struct WorkspaceData {
    made: Option<(String, WorkspaceOptions)>,
    sessions: Table<Session>,
    /// Each message has the id of the session whose transcript it is in.
    transcripts: Table<Message>,
    messages: Table<Message>,
    summaries: Table<Summary>,
    /// The ids of entities in the order in which they were first named.
    named: Table<String>,
    entities: Table<Entity>,
    /// Each with the time at which it was put.
    relationships: Table<Relationship>,
    facts: Table<Fact>,
    vectors: BTreeMap<String, Arc<(Vec<f32>, Metadata)>>,
}

/// Everything in a gateway.
#[derive(Debug, Clone, Default)]
pub struct GatewayData {
    users: Table<User>,
    pairings: Table<Pairing>,
    audit: Table<AuditEntry>,
}

/// The naive backend's workspace.
#[derive(Debug)]
pub struct TwinWorkspace {
    id: String,
    options: WorkspaceOptions,
    host: Arc<dyn Host>,
    data: Handle<WorkspaceData>,
}

impl TwinWorkspace {
    /// Opens the workspace `id` in `file`, making it when the file is empty.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) when it holds another workspace, or one with other
    /// options; [`InvalidInput`](ErrorKind::InvalidInput) and [`Limit`](ErrorKind::Limit) for an
    /// id or dimensions that are none.
    pub fn open(
        file: &TwinFile<WorkspaceData>,
        host: Arc<dyn Host>,
        id: &str,
        options: WorkspaceOptions,
    ) -> Result<TwinWorkspace> {
        check_id(id)?;
        let data = Handle::open(file);
        data.write(|data| {
            if data.made.as_ref().is_some_and(|(made, _)| made != id) {
                return Err(Error::new(ErrorKind::Conflict, "the file holds another workspace"));
            }
            VectorIndex::new(options.dimensions, options.metric)?;
            let (_, made) = data.made.get_or_insert_with(|| (id.to_owned(), options));
            if *made != options {
                return Err(Error::new(ErrorKind::Conflict, "the workspace has other vectors"));
            }
            Ok(())
        })?;
        Ok(TwinWorkspace { id: id.to_owned(), options, host, data })
    }
}

impl WorkspaceStores for TwinWorkspace {
    fn id(&self) -> &str {
        &self.id
    }

    fn host(&self) -> &dyn Host {
        &*self.host
    }

    fn sessions(&self) -> &dyn SessionStore {
        self
    }

    fn messages(&self) -> &dyn MessageStore {
        self
    }

    fn summaries(&self) -> &dyn SummaryStore {
        self
    }

    fn knowledge(&self) -> &dyn sigil_core::KnowledgeStore {
        self
    }

    fn vectors(&self) -> &dyn VectorStore {
        self
    }

    fn transaction(&self, body: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        self.data.transaction(body)
    }

    fn forget(&self, what: &Forget) -> Result<Forgotten> {
        let mut forgotten = Forgotten::default();
        self.data.transaction(&mut || {
            forgotten = self.data.write(|data| data.forget(what))?;
            Ok(())
        })?;
        Ok(forgotten)
    }

    fn close(&self) -> Result<()> {
        self.data.close()
    }
}

/// The naive backend's gateway.
#[derive(Debug)]
pub struct TwinGateway {
    host: Arc<dyn Host>,
    data: Handle<GatewayData>,
}

impl TwinGateway {
    /// Opens the gateway in `file`.
    pub fn open(file: &TwinFile<GatewayData>, host: Arc<dyn Host>) -> TwinGateway {
        TwinGateway { host, data: Handle::open(file) }
    }
}

impl GatewayStores for TwinGateway {
    fn host(&self) -> &dyn Host {
        &*self.host
    }

    fn users(&self) -> &dyn sigil_core::UserStore {
        self
    }

    fn pairings(&self) -> &dyn sigil_core::PairingStore {
        self
    }

    fn audit(&self) -> &dyn sigil_core::AuditStore {
        self
    }

    fn transaction(&self, body: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        self.data.transaction(body)
    }

    fn forget_user(&self, id: &str, entry: &AuditEntry) -> Result<()> {
        self.data.transaction(&mut || {
            match sigil_core::UserStore::delete(self, id) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            sigil_core::AuditStore::append(self, entry)
        })
    }

    fn close(&self) -> Result<()> {
        self.data.close()
    }
}

fn check_id(id: &str) -> Result<()> {
    if id.is_empty() || id.contains('\0') {
        return Err(Error::invalid("an id is empty or holds a NUL byte"));
    }
    if id.len() > ID_BYTES_MAX {
        return Err(Error::new(ErrorKind::Limit, "an id is too long"));
    }
    Ok(())
}

fn not_found(what: &str, id: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no {what} '{}'", id.escape_debug()))
}

fn taken(what: &str, id: &str) -> Error {
    Error::new(ErrorKind::Conflict, format!("there is a {what} '{}'", id.escape_debug()))
}

/// How many there are, as the stores count.
fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Whether `value` is the one wanted; nothing wanted, or an empty text, is any.
fn wanted(value: &str, wanted: Option<&str>) -> bool {
    wanted.is_none_or(|wanted| wanted.is_empty() || wanted == value)
}
