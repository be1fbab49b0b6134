//! A data directory: one gateway and any number of workspaces, each a store of its own.

mod name;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sigil_core::{
    BACKEND_DEFAULT, Backend, BackendConfig, Error, ErrorKind, Forget, Forgotten, Gateway,
    Registry, Result, Shared, SnapshotStorage, SqlGateway, SqlWorkspace, StoreAccess, Workspace,
    WorkspaceOptions,
};

use crate::directory::create_directory;
use crate::{DirectoryStorage, SystemHost};

/// The directory of the gateway in a data directory.
const GATEWAY: &str = "gateway";

/// The directory of the workspaces in a data directory.
const WORKSPACES: &str = "workspaces";

/// The note of a workspace's id in its directory, when the directory's name does not say it.
const ID_NOTE: &str = "workspace-id";

/// Workspaces and gateways on the files of a directory, with SQL on the engine of this library.
#[derive(Debug, Clone, Copy, Default)]
pub struct DirectoryBackend;

impl Backend for DirectoryBackend {
    fn open_workspace(
        &self,
        place: &Path,
        id: &str,
        options: WorkspaceOptions,
    ) -> Result<Workspace> {
        let store = Shared::new(crate::open(place)?);
        let workspace = SqlWorkspace::open(store, Arc::new(SystemHost::new()), id, options)?;
        Ok(Workspace::new(Box::new(workspace)))
    }

    fn open_gateway(&self, place: &Path) -> Result<Gateway> {
        let store = Shared::new(crate::open(place)?);
        let gateway = SqlGateway::open(store, Arc::new(SystemHost::new()))?;
        Ok(Gateway::new(Box::new(gateway)))
    }
}

/// As [`DirectoryBackend`], but workspaces that are there already keep their dimensions and metric.
#[derive(Debug)]
struct AsMade;

impl Backend for AsMade {
    fn open_workspace(
        &self,
        place: &Path,
        id: &str,
        options: WorkspaceOptions,
    ) -> Result<Workspace> {
        let store = Shared::new(crate::open(place)?);
        let made = store.with(WorkspaceOptions::of)?;
        let host = Arc::new(SystemHost::new());
        let workspace = SqlWorkspace::open(store, host, id, made.unwrap_or(options))?;
        Ok(Workspace::new(Box::new(workspace)))
    }

    fn open_gateway(&self, place: &Path) -> Result<Gateway> {
        DirectoryBackend.open_gateway(place)
    }
}

/// A registry with the backend this library brings, under the name `turso`.
pub fn registry() -> Registry {
    let registry = Registry::new();
    registry.register(BACKEND_DEFAULT, Arc::new(DirectoryBackend));
    registry
}

/// A data directory with its gateway and its workspaces.
///
/// Each is opened when it is first asked for and stays open until the directory is
/// [closed](DataDirectory::close); asking again gives the same one. May be used from several
/// threads at once.
///
/// ```
/// use sigil_native::DataDirectory;
/// use sigil_native::core::{BackendConfig, Role};
/// # let directory = std::env::temp_dir().join(format!("sigil-doc-data-{}", std::process::id()));
///
/// let config = BackendConfig { vector_dimensions: 384, ..BackendConfig::default() };
/// let data = DataDirectory::open(&directory, config)?;
/// let home = data.workspace("personal:ada")?;
/// home.messages().append(&home.new_message("s1", Role::User, "hello"))?;
/// assert_eq!(data.workspaces()?, ["personal:ada"]);
/// data.close()?;
/// # std::fs::remove_dir_all(&directory).ok();
/// # Ok::<(), sigil_native::core::Error>(())
/// ```
#[derive(Debug)]
pub struct DataDirectory {
    root: PathBuf,
    registry: Arc<Registry>,
    config: BackendConfig,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    gateway: Option<Arc<Gateway>>,
    workspaces: BTreeMap<String, Arc<Workspace>>,
    closed: bool,
}

impl DataDirectory {
    /// Opens the data directory `root`, creating it when it is missing.
    ///
    /// # Errors
    /// [`Unsupported`](ErrorKind::Unsupported) for an unknown backend, and what creating the
    /// directory fails with.
    pub fn open(root: impl Into<PathBuf>, config: BackendConfig) -> Result<DataDirectory> {
        DataDirectory::open_with(root, config, Arc::new(registry()))
    }

    /// Opens the data directory `root` with the backends of `registry`.
    ///
    /// # Errors
    /// As [`DataDirectory::open`].
    pub fn open_with(
        root: impl Into<PathBuf>,
        config: BackendConfig,
        registry: Arc<Registry>,
    ) -> Result<DataDirectory> {
        let root = root.into();
        registry.backend(&config)?;
        config.workspace_options()?;
        create_directory(&root)?;
        Ok(DataDirectory { root, registry, config, open: Mutex::default() })
    }

    /// Opens the data directory `root`, which has to be there, with the default backend; its
    /// workspaces are opened with whatever dimensions and metric each was made with.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) when there is neither a workspace nor a gateway in it.
    pub fn open_existing(root: impl Into<PathBuf>) -> Result<DataDirectory> {
        let root = root.into();
        if ![GATEWAY, WORKSPACES].iter().any(|name| root.join(name).is_dir()) {
            return Err(Error::new(
                ErrorKind::NotFound,
                format!("there is no data directory in '{}': check the path", root.display()),
            ));
        }
        let registry = Registry::new();
        registry.register(BACKEND_DEFAULT, Arc::new(AsMade));
        DataDirectory::open_with(root, BackendConfig::default(), Arc::new(registry))
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.root
    }

    fn lock(&self) -> Result<MutexGuard<'_, Open>> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.closed {
            return Err(Error::new(ErrorKind::Closed, "the data directory was closed"));
        }
        Ok(open)
    }

    /// The gateway.
    ///
    /// # Errors
    /// Whatever opening it fails with.
    pub fn gateway(&self) -> Result<Arc<Gateway>> {
        let mut open = self.lock()?;
        if let Some(gateway) = &open.gateway {
            return Ok(Arc::clone(gateway));
        }
        let place = self.root.join(GATEWAY);
        let gateway = Arc::new(self.registry.open_gateway(&self.config, &place)?);
        open.gateway = Some(Arc::clone(&gateway));
        Ok(gateway)
    }

    /// The workspace `id`, made when there is none.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) and [`Limit`](ErrorKind::Limit) for an id that is
    /// none, and whatever opening it fails with.
    pub fn workspace(&self, id: &str) -> Result<Arc<Workspace>> {
        let mut open = self.lock()?;
        if let Some(workspace) = open.workspaces.get(id) {
            return Ok(Arc::clone(workspace));
        }
        let place = self.place(id)?;
        create_directory(&place)?;
        if name::decode(&file_name(&place)).is_none() {
            DirectoryStorage::open(&place)?.replace(ID_NOTE, id.as_bytes())?;
        }
        let workspace = Arc::new(self.registry.open_workspace(&self.config, &place, id)?);
        open.workspaces.insert(id.to_owned(), Arc::clone(&workspace));
        Ok(workspace)
    }

    /// Where the workspace `id` is, or would be.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) and [`Limit`](ErrorKind::Limit) for an id that is
    /// none.
    pub fn place(&self, id: &str) -> Result<PathBuf> {
        Ok(self.root.join(WORKSPACES).join(name::encode(id)?))
    }

    /// The ids of the workspaces there are, opened or not, sorted.
    ///
    /// # Errors
    /// What listing the directory fails with.
    pub fn workspaces(&self) -> Result<Vec<String>> {
        let directory = self.root.join(WORKSPACES);
        let failed = |error| Error::io(format!("listing '{}'", directory.display()), error);
        let entries = match fs::read_dir(&directory) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed)?,
        };
        let mut ids = Vec::new();
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            if path.is_dir() {
                let noted = || fs::read_to_string(path.join(ID_NOTE)).ok();
                ids.extend(name::decode(&file_name(&path)).or_else(noted));
            }
        }
        ids.sort_unstable();
        Ok(ids)
    }

    /// Forgets a user everywhere: in every workspace, then in the gateway, where the audit log
    /// says so.
    ///
    /// Each store commits by itself, the gateway last; after a failure, call it again.
    ///
    /// # Errors
    /// Those of [`Workspace::forget`], naming the workspace, and of [`Gateway::forget_user`].
    pub fn forget_user(&self, user_id: &str, actor: &str) -> Result<Forgotten> {
        let mut all = Forgotten::default();
        for id in self.workspaces()? {
            let forgotten = self.workspace(&id)?.forget(&Forget::User(user_id.to_owned()));
            let context = |error: Error| error.context(format!("in the workspace '{id}'"));
            all = all.plus(&forgotten.map_err(context)?);
        }
        self.gateway()?.forget_user(user_id, actor)?;
        Ok(all)
    }

    /// Forgets a session of a workspace; the audit log says so.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for a workspace or a session that is not there, and those
    /// of [`Workspace::forget`].
    pub fn forget_session(&self, workspace: &str, session: &str, actor: &str) -> Result<Forgotten> {
        let forget = Forget::Session(session.to_owned());
        let forgotten = self.existing(workspace)?.forget(&forget)?;
        self.note_forgotten("forget.session", workspace, session, actor)?;
        Ok(forgotten)
    }

    /// Forgets everything in a workspace, which stays, empty; the audit log says so.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) for a workspace that is not there, and those of
    /// [`Workspace::forget`].
    pub fn forget_workspace(&self, workspace: &str, actor: &str) -> Result<Forgotten> {
        let forgotten = self.existing(workspace)?.forget(&Forget::Workspace)?;
        self.note_forgotten("forget.workspace", workspace, "", actor)?;
        Ok(forgotten)
    }

    fn existing(&self, id: &str) -> Result<Arc<Workspace>> {
        if !self.place(id)?.is_dir() {
            return Err(Error::new(
                ErrorKind::NotFound,
                format!(
                    "there is no workspace '{}' in '{}'",
                    id.escape_debug(),
                    self.root.display()
                ),
            ));
        }
        self.workspace(id)
    }

    fn note_forgotten(
        &self,
        action: &str,
        workspace: &str,
        session: &str,
        actor: &str,
    ) -> Result<()> {
        let gateway = self.gateway()?;
        let mut entry = gateway.new_entry(action, actor);
        entry.workspace_id = workspace.to_owned();
        entry.session_id = session.to_owned();
        entry.result = "ok".to_owned();
        gateway.audit().append(&entry)
    }

    /// Closes everything that is open, trying all of it.
    ///
    /// # Errors
    /// The first error, with the messages of the others in its own; everything is closed all the
    /// same.
    pub fn close(&self) -> Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let closed = Open { closed: true, ..Open::default() };
        let Open { gateway, workspaces, .. } = std::mem::replace(&mut *open, closed);
        let closed = workspaces.into_iter().map(|(id, workspace)| {
            let context = |error: Error| error.context(format!("closing the workspace '{id}'"));
            workspace.close().map_err(context)
        });
        let mut errors: Vec<Error> = closed.filter_map(Result::err).collect();
        let gateway = gateway.map_or(Ok(()), |gateway| gateway.close());
        errors.extend(gateway.err().map(|error| error.context("closing the gateway")));
        let mut errors = errors.into_iter();
        let Some(first) = errors.next() else { return Ok(()) };
        let others: Vec<String> = errors.map(|error| error.to_string()).collect();
        if others.is_empty() {
            return Err(first);
        }
        let message = format!("{first}; and {}", others.join("; and "));
        Err(Error::with_source(first.kind(), message, first))
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
