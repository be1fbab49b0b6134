//! The suite of the typed stores, on each backend there is.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use sigil_core::{DatabaseOptions, Gateway, Result, Workspace, WorkspaceOptions};
use sigil_native::DirectoryStore;
use sigil_store_tests::subject::{Owner, SqlBackend, SqlSubject, Subject};
use sigil_tests::scratch::Scratch;

/// The SQL backend, each store in a directory of its own.
struct OnDirectories {
    backend: Box<dyn SqlSubject>,
    _scratch: Scratch,
}

impl fmt::Debug for OnDirectories {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnDirectories").finish_non_exhaustive()
    }
}

fn on_directories() -> OnDirectories {
    let scratch = Scratch::new("stores");
    let root = scratch.path().to_owned();
    let open = move |name: &str| -> Result<DirectoryStore> {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let mut options = DatabaseOptions::default();
        // The suite is about what the stores do; what a commit survives is tested elsewhere.
        options.sync_every_commit = false;
        sigil_native::open_with(root.join(format!("{:016x}", hasher.finish())), options)
    };
    OnDirectories { backend: Box::new(SqlBackend::new(open)), _scratch: scratch }
}

impl Subject for OnDirectories {
    fn workspace_with(&self, id: &str, options: WorkspaceOptions) -> Result<Workspace> {
        self.backend.workspace_with(id, options)
    }

    fn gateway(&self) -> Result<Gateway> {
        self.backend.gateway()
    }
}

impl SqlSubject for OnDirectories {
    fn run(&self, of: Owner<'_>, sql: &str) -> Result<()> {
        self.backend.run(of, sql)
    }
}

mod sql_in_memory {
    use sigil_store_tests::subject::sql_in_memory;

    sigil_store_tests::every_rule!(test, super::sql_in_memory());
    sigil_store_tests::every_native_rule!(test, super::sql_in_memory());
    sigil_store_tests::every_sql_rule!(test, super::sql_in_memory());
}

mod sql_on_directories {
    sigil_store_tests::every_rule!(test, super::super::on_directories());
    sigil_store_tests::every_native_rule!(test, super::super::on_directories());
    sigil_store_tests::every_sql_rule!(test, super::super::on_directories());
}

mod registered_twin {
    use sigil_store_tests::subject::Registered;

    sigil_store_tests::every_rule!(test, super::Registered::default());
    sigil_store_tests::every_native_rule!(test, super::Registered::default());
}
