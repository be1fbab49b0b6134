//! What a suite runs on: a backend, with what it keeps between one handle and the next.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use sigil_core::{
    BackendConfig, Files, FixedHost, Gateway, Host, MemoryFiles, MemoryStorage, Metric, Registry,
    Result, Shared, SqlGateway, SqlWorkspace, Store, StoreParts, Workspace, WorkspaceOptions,
};

use crate::twin::TwinBackend;

/// A backend under test. What is opened again holds what it held when it was closed.
pub trait Subject {
    /// Opens a workspace; the last handle on it is closed.
    ///
    /// # Errors
    /// Those of the backend.
    fn workspace_with(&self, id: &str, options: WorkspaceOptions) -> Result<Workspace>;

    /// Opens the gateway; the last handle on it is closed.
    ///
    /// # Errors
    /// Those of the backend.
    fn gateway(&self) -> Result<Gateway>;

    /// Opens a workspace whose vectors have three elements, compared by euclidean distance.
    ///
    /// # Errors
    /// Those of the backend.
    fn workspace(&self, id: &str) -> Result<Workspace> {
        self.workspace_with(id, WorkspaceOptions { dimensions: 3, metric: Metric::L2 })
    }
}

/// A backend that keeps its records in tables.
pub trait SqlSubject: Subject {
    /// Runs SQL on the database of a workspace, or of the gateway, while it is closed.
    ///
    /// # Errors
    /// Those of the database.
    fn run(&self, of: Owner<'_>, sql: &str) -> Result<()>;
}

/// Whose database it is.
#[derive(Debug, Clone, Copy)]
pub enum Owner<'a> {
    /// The workspace with this id.
    Workspace(&'a str),
    /// The gateway.
    Gateway,
}

impl Owner<'_> {
    /// A name for it that no other owner has.
    pub fn name(self) -> String {
        match self {
            Owner::Workspace(id) => format!("workspace {id}"),
            Owner::Gateway => "gateway".to_owned(),
        }
    }
}

/// The SQL backend, on whatever opens a store.
pub struct SqlBackend<O> {
    open: O,
    host: Arc<dyn Host>,
}

impl<O> fmt::Debug for SqlBackend<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlBackend").finish_non_exhaustive()
    }
}

impl<O, S> SqlBackend<O>
where
    O: Fn(&str) -> Result<S>,
    S: std::ops::Deref<Target = Store> + fmt::Debug + Send + 'static,
{
    /// The backend on the stores that `open` opens by the names of their owners.
    pub fn new(open: O) -> SqlBackend<O> {
        SqlBackend { open, host: Arc::new(FixedHost::new(1)) }
    }

    fn shared(&self, of: Owner<'_>) -> Result<Shared<S>> {
        Ok(Shared::new((self.open)(&of.name())?))
    }
}

impl<O, S> Subject for SqlBackend<O>
where
    O: Fn(&str) -> Result<S>,
    S: std::ops::Deref<Target = Store> + fmt::Debug + Send + 'static,
{
    fn workspace_with(&self, id: &str, options: WorkspaceOptions) -> Result<Workspace> {
        let store = self.shared(Owner::Workspace(id))?;
        let opened = SqlWorkspace::open(store, Arc::clone(&self.host), id, options)?;
        Ok(Workspace::new(Box::new(opened)))
    }

    fn gateway(&self) -> Result<Gateway> {
        let store = self.shared(Owner::Gateway)?;
        Ok(Gateway::new(Box::new(SqlGateway::open(store, Arc::clone(&self.host))?)))
    }
}

impl<O, S> SqlSubject for SqlBackend<O>
where
    O: Fn(&str) -> Result<S>,
    S: std::ops::Deref<Target = Store> + fmt::Debug + Send + 'static,
{
    fn run(&self, of: Owner<'_>, sql: &str) -> Result<()> {
        let store = (self.open)(&of.name())?;
        store.database().execute_batch(sql)?;
        store.close()
    }
}

/// The SQL backend on files in memory, as every host has them.
pub fn sql_in_memory() -> impl SqlSubject {
    let kept: Mutex<BTreeMap<String, MemoryFiles>> = Mutex::default();
    SqlBackend::new(move |name: &str| {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let files = kept.entry(name.to_owned()).or_default().clone();
        open_store(Arc::new(files), Arc::new(FixedHost::new(2))).map(Box::new)
    })
}

/// A store on `files`, whose snapshots are not kept.
///
/// # Errors
/// Those of [`Store::open`].
pub fn open_store(files: Arc<dyn Files>, host: Arc<dyn Host>) -> Result<Store> {
    let parts = StoreParts { files, host, snapshots: Box::new(MemoryStorage::new()) };
    Store::open(parts, sigil_core::DatabaseOptions::default())
}

/// Whatever backend is registered under a name, opened through its registry.
#[derive(Debug)]
pub struct Registered {
    registry: Registry,
    name: &'static str,
}

impl Registered {
    /// The naive backend, registered as `memory-twin` and holding nothing yet.
    pub fn twin(host: Arc<dyn Host>) -> Registered {
        let (registry, name) = (Registry::new(), "memory-twin");
        registry.register(name, Arc::new(TwinBackend::new(host)));
        Registered { registry, name }
    }

    fn config(&self, options: WorkspaceOptions) -> BackendConfig {
        BackendConfig {
            backend: self.name.to_owned(),
            vector_dimensions: i64::try_from(options.dimensions).unwrap_or(i64::MAX),
            metric: options.metric,
        }
    }
}

impl Default for Registered {
    fn default() -> Registered {
        Registered::twin(Arc::new(FixedHost::new(1)))
    }
}

impl Subject for Registered {
    fn workspace_with(&self, id: &str, options: WorkspaceOptions) -> Result<Workspace> {
        let place = Owner::Workspace(id).name();
        self.registry.open_workspace(&self.config(options), Path::new(&place), id)
    }

    fn gateway(&self) -> Result<Gateway> {
        let config = self.config(WorkspaceOptions::default());
        self.registry.open_gateway(&config, Path::new(&Owner::Gateway.name()))
    }
}
