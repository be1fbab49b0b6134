//! The registry: which backends there are, and what opens a workspace or a gateway in each.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, RwLock};

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::gateway::Gateway;
use crate::sql::{DIMENSIONS_DEFAULT, WorkspaceOptions};
use crate::vector::Metric;
use crate::workspace::Workspace;

/// The backend that is meant when none is named: the one this library brings.
pub const BACKEND_DEFAULT: &str = "turso";

/// Opens workspaces and gateways of one kind of storage.
pub trait Backend: fmt::Debug + Send + Sync {
    /// Opens the workspace `id` in `place`, making it when there is none.
    ///
    /// # Errors
    /// Whatever opening fails with, saying at what stage; nothing is left open then.
    fn open_workspace(
        &self,
        place: &Path,
        id: &str,
        options: WorkspaceOptions,
    ) -> Result<Workspace>;

    /// Opens the gateway in `place`, making it when there is none.
    ///
    /// # Errors
    /// Whatever opening fails with, saying at what stage; nothing is left open then.
    fn open_gateway(&self, place: &Path) -> Result<Gateway>;
}

/// Which backend to use, and what workspaces are made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct BackendConfig {
    /// The name the backend was registered under; empty for [`BACKEND_DEFAULT`].
    pub backend: String,
    /// How many elements the vectors of a workspace have; 0 or less for 1,536.
    pub vector_dimensions: i64,
    /// How the distance between two vectors is measured.
    pub metric: Metric,
}

impl Default for BackendConfig {
    /// The default backend, and vectors of 1,536 elements compared by the euclidean distance.
    fn default() -> BackendConfig {
        BackendConfig { backend: String::new(), vector_dimensions: 0, metric: Metric::L2 }
    }
}

impl BackendConfig {
    /// The name of the backend.
    pub fn name(&self) -> &str {
        if self.backend.is_empty() { BACKEND_DEFAULT } else { &self.backend }
    }

    /// What workspaces are made with.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for more dimensions than this host can count.
    pub fn workspace_options(&self) -> Result<WorkspaceOptions> {
        let dimensions = match self.vector_dimensions {
            ..=0 => DIMENSIONS_DEFAULT,
            dimensions => usize::try_from(dimensions).map_err(|_| {
                Error::invalid(format!("{dimensions} dimensions are more than this host can count"))
            })?,
        };
        Ok(WorkspaceOptions { dimensions, metric: self.metric })
    }
}

/// The backends that are known by name. It may be used from several threads at once.
///
/// ```
/// use std::path::Path;
/// use sigil_core::{BackendConfig, ErrorKind, Registry};
///
/// let registry = Registry::new();
/// let config = BackendConfig { backend: "flat-files".into(), ..BackendConfig::default() };
/// let error = registry.open_gateway(&config, Path::new("data")).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Unsupported);
/// assert!(error.to_string().contains("'flat-files'"));
/// ```
#[derive(Debug, Default)]
pub struct Registry {
    backends: RwLock<BTreeMap<String, Arc<dyn Backend>>>,
}

impl Registry {
    /// A registry without any backend.
    pub fn new() -> Registry {
        Registry::default()
    }

    /// Registers a backend, in place of the one with this name if there is one.
    pub fn register(&self, name: impl Into<String>, backend: Arc<dyn Backend>) {
        let mut backends = self.backends.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        backends.insert(name.into(), backend);
    }

    /// The names of the backends.
    pub fn names(&self) -> Vec<String> {
        let backends = self.backends.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        backends.keys().cloned().collect()
    }

    /// The backend that `config` names.
    ///
    /// # Errors
    /// [`Unsupported`](ErrorKind::Unsupported) with the name, and those there are.
    pub fn backend(&self, config: &BackendConfig) -> Result<Arc<dyn Backend>> {
        let backends = self.backends.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        backends.get(config.name()).cloned().ok_or_else(|| {
            let known: Vec<&str> = backends.keys().map(String::as_str).collect();
            Error::new(
                ErrorKind::Unsupported,
                format!(
                    "no backend is registered as '{}': there is {}",
                    crate::stores::shown(config.name()),
                    if known.is_empty() { "none".to_owned() } else { known.join(", ") }
                ),
            )
        })
    }

    /// Opens the workspace `id` in `place` with the backend that `config` names.
    ///
    /// # Errors
    /// As [`Registry::backend`] and [`Backend::open_workspace`].
    pub fn open_workspace(
        &self,
        config: &BackendConfig,
        place: &Path,
        id: &str,
    ) -> Result<Workspace> {
        let backend = self.backend(config)?;
        backend.open_workspace(place, id, config.workspace_options()?).map_err(|error| {
            error.context(format!("opening the workspace '{}'", crate::stores::shown(id)))
        })
    }

    /// Opens the gateway in `place` with the backend that `config` names.
    ///
    /// # Errors
    /// As [`Registry::backend`] and [`Backend::open_gateway`].
    pub fn open_gateway(&self, config: &BackendConfig, place: &Path) -> Result<Gateway> {
        let backend = self.backend(config)?;
        backend.open_gateway(place).map_err(|error| error.context("opening the gateway"))
    }
}
