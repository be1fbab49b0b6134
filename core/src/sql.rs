//! The stores on SQL: every record is a row of a [`Store`]'s database.
//!
//! Each child module has the tables' columns and the statements of one store. What is derived, the
//! text indexes and the index of the vectors, follows the rows.

mod access;
mod audit;
mod edges;
mod follow;
mod forget;
mod hybrid;
mod knowledge;
mod message;
mod pairing;
mod rows;
mod schema;
mod search;
mod session;
mod summary;
mod texts;
mod traverse;
mod user;
mod vector;

use std::sync::Arc;

use crate::collection::{CollectionInfo, CollectionOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::forget::{Forget, Forgotten};
use crate::gateway::GatewayStores;
use crate::host::Host;
use crate::hybrid::{MemoryHit, MemorySearch};
use crate::store::Store;
use crate::stores::{
    AuditEntry, AuditStore, KnowledgeStore, MessageStore, PairingStore, SessionStore, SummaryStore,
    UserStore, VectorStore,
};
use crate::vector::Metric;
use crate::workspace::WorkspaceStores;
pub use access::{Shared, StoreAccess};
pub(crate) use edges::Edges;
pub(crate) use follow::Following;
use texts::Texts;

/// The vector collection of a workspace's memory.
pub const MEMORY_COLLECTION: &str = "memory";

/// How many dimensions vectors have when nobody says.
pub const DIMENSIONS_DEFAULT: usize = 1536;

/// How a workspace is made; checked when it is opened again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkspaceOptions {
    /// How many elements its vectors have.
    pub dimensions: usize,
    /// How the distance between two vectors is measured.
    pub metric: Metric,
}

impl Default for WorkspaceOptions {
    /// Vectors of 1,536 elements, compared by the euclidean distance.
    fn default() -> WorkspaceOptions {
        WorkspaceOptions { dimensions: DIMENSIONS_DEFAULT, metric: Metric::L2 }
    }
}

impl WorkspaceOptions {
    /// What the workspace in a store was made with; `None` when there is none.
    ///
    /// # Errors
    /// Storage kinds.
    pub fn of(store: &Store) -> Result<Option<WorkspaceOptions>> {
        match store.collection(MEMORY_COLLECTION) {
            Ok(memory) => {
                let CollectionOptions { dimensions, metric, .. } = memory.info().options;
                Ok(Some(WorkspaceOptions { dimensions, metric }))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The stores of a workspace in the database of a [`Store`].
///
/// A store holds at most one workspace, whose id it remembers.
#[derive(Debug, Clone)]
pub struct SqlWorkspace<A> {
    access: A,
    host: Arc<dyn Host>,
    id: Arc<str>,
    memory: CollectionInfo,
    texts: Arc<Texts>,
}

impl<A: StoreAccess> SqlWorkspace<A> {
    /// The id of the workspace that a store holds and how it was made, if it holds one.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use sigil_core::{FixedHost, Metric, SqlWorkspace, Store, WorkspaceOptions};
    ///
    /// let store = Store::in_memory()?;
    /// assert_eq!(SqlWorkspace::<&Store>::find(&&store)?, None);
    /// let options = WorkspaceOptions { dimensions: 3, metric: Metric::Cosine };
    /// SqlWorkspace::open(&store, Arc::new(FixedHost::new(0)), "home", options)?;
    /// assert_eq!(SqlWorkspace::find(&&store)?, Some(("home".to_owned(), options)));
    /// # Ok::<(), sigil_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Storage kinds.
    pub fn find(access: &A) -> Result<Option<(String, WorkspaceOptions)>> {
        access.with(|store| {
            let Some(id) = schema::workspace_id(store.database())? else { return Ok(None) };
            Ok(WorkspaceOptions::of(store)?.map(|options| (id, options)))
        })
    }

    /// Opens the workspace `id` in a store, making it when the store holds none.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) when the store holds another workspace, or one with other
    /// dimensions or another metric; [`InvalidInput`](ErrorKind::InvalidInput) and
    /// [`Limit`](ErrorKind::Limit) for an id that is none;
    /// [`NewerFormat`](ErrorKind::NewerFormat), and storage kinds.
    pub fn open(
        access: A,
        host: Arc<dyn Host>,
        id: &str,
        options: WorkspaceOptions,
    ) -> Result<SqlWorkspace<A>> {
        crate::stores::check_id("the workspace's id", id)?;
        let (memory, texts) = access.with(|store| {
            store.transaction(|store| {
                schema::open_workspace(store.database(), id)
                    .map_err(|error| error.context("opening the tables of the workspace"))?;
                let wanted = CollectionOptions::new(options.dimensions, options.metric);
                let memory = store
                    .open_collection(MEMORY_COLLECTION, wanted)
                    .map_err(|error| error.context("opening the vectors of the workspace"))?;
                let texts = Texts::open(store.database())
                    .map_err(|error| error.context("opening the texts of the workspace"))?;
                Ok((memory.info().clone(), Arc::new(texts)))
            })
        })?;
        Ok(SqlWorkspace { access, host, id: id.into(), memory, texts })
    }

    /// What gives access to the store.
    pub fn access(&self) -> &A {
        &self.access
    }

    /// The same workspace through another access to the same store.
    #[must_use]
    pub fn with_access<B: StoreAccess>(&self, access: B) -> SqlWorkspace<B> {
        SqlWorkspace {
            access,
            host: Arc::clone(&self.host),
            id: Arc::clone(&self.id),
            memory: self.memory.clone(),
            texts: Arc::clone(&self.texts),
        }
    }

    /// Runs `write` on the store, and lets the text indexes follow when they have to.
    fn write<T>(&self, write: impl FnOnce(&Store) -> Result<T>) -> Result<T> {
        self.access.with(|store| {
            let written = write(store)?;
            self.texts.follow(store);
            Ok(written)
        })
    }
}

impl<A: StoreAccess> WorkspaceStores for SqlWorkspace<A> {
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

    fn knowledge(&self) -> &dyn KnowledgeStore {
        self
    }

    fn vectors(&self) -> &dyn VectorStore {
        self
    }

    fn search(&self, search: &MemorySearch) -> Result<Vec<MemoryHit>> {
        self.access.with(|store| hybrid::search(self, store, search))
    }

    fn transaction(&self, body: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        self.access.with(|store| store.transaction(|_| body()))
    }

    fn forget(&self, what: &Forget) -> Result<Forgotten> {
        self.access.with(|store| {
            let forgotten = store.transaction(|store| forget::forget(self, store, what));
            match &forgotten {
                Err(error) if error.kind() != ErrorKind::NotFound => {}
                // Not there any more, perhaps, because scrubbing failed the time before.
                _ => store.scrub()?,
            }
            forgotten
        })
    }

    fn close(&self) -> Result<()> {
        self.access.with(Store::close)
    }
}

/// The stores of a gateway in the database of a [`Store`].
#[derive(Debug, Clone)]
pub struct SqlGateway<A> {
    access: A,
    host: Arc<dyn Host>,
}

impl<A: StoreAccess> SqlGateway<A> {
    /// Opens the gateway in a store, making it when the store holds none.
    ///
    /// # Errors
    /// [`NewerFormat`](ErrorKind::NewerFormat), and storage kinds.
    pub fn open(access: A, host: Arc<dyn Host>) -> Result<SqlGateway<A>> {
        access.with(|store| {
            store.transaction(|store| {
                schema::open_gateway(store.database())
                    .map_err(|error| error.context("opening the tables of the gateway"))
            })
        })?;
        Ok(SqlGateway { access, host })
    }

    /// What gives access to the store.
    pub fn access(&self) -> &A {
        &self.access
    }

    /// The same gateway through another access to the same store.
    #[must_use]
    pub fn with_access<B: StoreAccess>(&self, access: B) -> SqlGateway<B> {
        SqlGateway { access, host: Arc::clone(&self.host) }
    }
}

impl<A: StoreAccess> GatewayStores for SqlGateway<A> {
    fn host(&self) -> &dyn Host {
        &*self.host
    }

    fn users(&self) -> &dyn UserStore {
        self
    }

    fn pairings(&self) -> &dyn PairingStore {
        self
    }

    fn audit(&self) -> &dyn AuditStore {
        self
    }

    fn transaction(&self, body: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        self.access.with(|store| store.transaction(|_| body()))
    }

    fn forget_user(&self, id: &str, entry: &AuditEntry) -> Result<()> {
        self.access.with(|store| {
            store.transaction(|_| {
                match UserStore::delete(self, id) {
                    Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
                AuditStore::append(self, entry)
            })?;
            store.scrub()
        })
    }

    fn close(&self) -> Result<()> {
        self.access.with(Store::close)
    }
}

/// What a constraint's refusal of a new record means, where it can only mean one thing.
fn explain(error: Error, taken: impl FnOnce() -> Error) -> Error {
    if error.kind() == ErrorKind::ConstraintUnique { taken() } else { error }
}
