//! Opening the engine on our files, with the settings everything else relies on.

use std::sync::Arc;

use turso_core::storage::database::DatabaseFile;
use turso_core::{ConnectOpts, Connection, IO, IOResult, OpenDbAsyncState, OpenFlags};

use super::fault::from_engine;
use super::watch::{STEPS_PER_WATCH, Watch};
use super::{DATABASE_FILE, DatabaseOptions, dialect};
use crate::error::Result;

pub(super) fn connect(
    io: Arc<dyn IO>,
    options: &DatabaseOptions,
    watch: &Arc<Watch>,
) -> Result<Arc<Connection>> {
    // Opened past the process-wide registry, which would hand out a live database of another
    // store whose file has the same name.
    let file = io.open_file(DATABASE_FILE, OpenFlags::Create, false).map_err(from_engine)?;
    let open =
        dialect::open_options().flags(OpenFlags::Create).storage(Arc::new(DatabaseFile::new(file)));
    let mut state = OpenDbAsyncState::new();
    let database = loop {
        match turso_core::Database::do_open_async(&mut state, Arc::clone(&io), DATABASE_FILE, &open)
            .map_err(|error| from_engine(*error))?
        {
            IOResult::Done(database) => break database,
            IOResult::IO(wait) => wait.wait(&*io).map_err(from_engine)?,
        }
    };
    let connection = database.connect(ConnectOpts::new()).map_err(from_engine)?;
    connection.wal_auto_actions_disable();
    connection.set_temp_store(turso_core::TempStore::Memory);
    connection.set_data_sync_retry(true);
    connection.set_foreign_keys_enabled(true);
    connection.set_sync_mode(if options.sync_every_commit {
        turso_core::SyncMode::Full
    } else {
        turso_core::SyncMode::Normal
    });
    for pragma in [
        format!("PRAGMA cache_size = {}", options.cache_pages.max(100)),
        // Spilling uncommitted pages into the WAL is where the engine's known corruption bugs
        // are (tursodatabase/turso #5803, #6354, #7536), and a spilled page that is rolled back
        // would sit in the WAL behind the last commit.
        "PRAGMA cache_spill = OFF".to_owned(),
    ] {
        connection.execute(pragma).map_err(from_engine)?;
    }
    let watch = Arc::clone(watch);
    connection.set_progress_handler(STEPS_PER_WATCH, Some(Box::new(move || watch.should_stop())));
    Ok(connection)
}
