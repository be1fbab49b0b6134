//! One open store.

mod collections;
mod image;
mod texts;
mod transfer;
mod typed;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use js_sys::{Array, Uint8Array};
use serde::{Deserialize, Serialize};
use sigil_core::{
    Database, DatabaseOptions, Error, ErrorKind, Files, MemoryFiles, MemoryStorage, Result,
    SlotStorage, SnapshotStorage, Store, StoreParts, TextIndexInfo,
};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::convert::{RowEncoder, params_from_js};
use crate::error::{JsResult, throwing, to_js};
use crate::files::{JsFiles, Meter, SyncFiles};
use crate::host::JsHost;
use crate::storage::{JsSnapshots, SyncSnapshots};
use image::Imaged;
pub use image::WasmImageOpener;
use typed::Typed;

/// How the TypeScript opens a store.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct Settings {
    /// Pages of 4 KiB kept in memory.
    cache_pages: Option<u32>,
    /// How long a statement may run, in milliseconds.
    time_limit_ms: Option<f64>,
    /// Whether to open an older state when the newest is damaged.
    recover: bool,
}

impl Settings {
    fn from_js(value: JsValue) -> Result<Settings> {
        serde_wasm_bindgen::from_value(value)
            .map_err(|error| Error::invalid(format!("the settings of a store: {error}")))
    }

    fn database_options(&self) -> DatabaseOptions {
        let mut options = DatabaseOptions::default();
        if let Some(pages) = self.cache_pages {
            options.cache_pages = pages;
        }
        options.recover = self.recover;
        options
    }
}

/// What a store has written, as JavaScript sees it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    bytes: f64,
    /// In milliseconds since 1970.
    last_sync: Option<f64>,
}

/// One open store, on files of the host or in memory.
#[wasm_bindgen]
pub struct WasmStore {
    holder: Holder,
    files: Arc<dyn Files>,
    meter: Arc<Meter>,
    in_transaction: Cell<bool>,
    last_insert_rowid: Cell<i64>,
    typed: Typed,
    /// The text indexes that were asked of outside a transaction.
    known_texts: RefCell<BTreeMap<String, TextIndexInfo>>,
}

impl fmt::Debug for WasmStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WasmStore").field("holder", &self.holder).finish_non_exhaustive()
    }
}

#[wasm_bindgen]
impl WasmStore {
    /// Opens the store in `files`, creating it when there is none; `import` is the database a new
    /// store starts from. Its index snapshots are in `snapshots`, or in `slots` files of their own.
    ///
    /// # Errors
    /// As [`Store::open`]; `conflict` for an `import` into a store that is not new.
    #[wasm_bindgen(js_name = openFiles)]
    pub fn open_files(
        files: SyncFiles,
        snapshots: Option<SyncSnapshots>,
        slots: u8,
        import: Option<Uint8Array>,
        settings: JsValue,
    ) -> JsResult<WasmStore> {
        let meter = Arc::new(Meter::default());
        let files: Arc<dyn Files> = Arc::new(JsFiles::new(files, Arc::clone(&meter)));
        let snapshots: Box<dyn SnapshotStorage + Send> = match snapshots {
            Some(snapshots) => Box::new(JsSnapshots::new(snapshots, Arc::clone(&meter))),
            None => Box::new(SlotStorage::new(Arc::clone(&files), slots)),
        };
        throwing(|| WasmStore::open(files, snapshots, meter, import, settings))
    }

    /// Opens a new store in memory.
    ///
    /// # Errors
    /// As [`Store::open`], for an `import`.
    #[wasm_bindgen(js_name = openMemory)]
    pub fn open_memory(import: Option<Uint8Array>, settings: JsValue) -> JsResult<WasmStore> {
        let files = Arc::new(MemoryFiles::new());
        let snapshots = Box::new(MemoryStorage::new());
        throwing(|| {
            if let Some(bytes) = import {
                transfer::import_to_memory(&files, &bytes)?;
            }
            WasmStore::open(files, snapshots, Arc::default(), None, settings)
        })
    }

    /// Runs one statement, or several when there are no parameters, and gives how many rows they
    /// changed.
    ///
    /// # Errors
    /// As [`sigil_core::Database::execute`]; `unsupported` for a text that leaves a transaction
    /// open, which is rolled back.
    pub fn exec(&self, sql: &str, params: &JsValue) -> JsResult<f64> {
        #[cfg(feature = "test-panic")]
        assert!(sql != "PANIC", "asked to panic, for a test");
        self.throwing(|store| {
            let db = store.database();
            let outcome = match params.is_undefined() {
                true => self.run_batch(db, sql),
                false => self.run_one(db, sql, params),
            };
            self.refuse_open_transaction(db, outcome)
        })
    }

    /// The rowid of the last row inserted.
    #[wasm_bindgen(js_name = lastInsertRowid)]
    pub fn last_insert_rowid(&self) -> i64 {
        self.last_insert_rowid.get()
    }

    /// Runs one statement and gives its rows, as [`RowEncoder`] packs them.
    ///
    /// # Errors
    /// As [`WasmStore::exec`].
    pub fn table(&self, sql: &str, params: &JsValue) -> JsResult<Array> {
        self.throwing(|store| {
            let mut rows = RowEncoder::default();
            let db = store.database();
            let outcome = params_from_js(params).and_then(|params| {
                db.query_table(sql, params, |row| {
                    rows.push_row(row);
                    Ok(())
                })
            });
            let columns = self.refuse_open_transaction(db, outcome)?;
            Ok(rows.finish(&columns))
        })
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// As [`Store::begin`].
    pub fn begin(&self) -> JsResult<()> {
        self.throwing(Store::begin)?;
        self.in_transaction.set(true);
        Ok(())
    }

    /// Commits the transaction.
    ///
    /// # Errors
    /// As [`sigil_core::Database::commit`], after which it is rolled back.
    pub fn commit(&self) -> JsResult<()> {
        self.in_transaction.set(false);
        self.throwing(|store| store.commit())
    }

    /// Rolls the transaction back.
    ///
    /// # Errors
    /// As [`sigil_core::Database::rollback`].
    pub fn rollback(&self) -> JsResult<()> {
        self.in_transaction.set(false);
        self.throwing(|store| store.database().rollback())
    }

    /// Limits how long each statement may run, in milliseconds; 0 lifts the limit.
    #[wasm_bindgen(js_name = setTimeLimit)]
    pub fn set_time_limit(&self, ms: f64) {
        let limit = (ms > 0.0).then(|| Duration::try_from_secs_f64(ms / 1e3).ok()).flatten();
        self.with(|store| store.database().set_time_limit(limit));
    }

    /// Folds the write-ahead log into the database file.
    ///
    /// # Errors
    /// As [`sigil_core::Database::checkpoint`].
    pub fn checkpoint(&self) -> JsResult<()> {
        self.throwing(|store| store.database().checkpoint())
    }

    /// What is wrong with the database: nothing, when it is sound.
    ///
    /// # Errors
    /// As [`sigil_core::Database::integrity_check`].
    #[wasm_bindgen(js_name = integrityCheck)]
    pub fn integrity_check(&self) -> JsResult<Vec<String>> {
        self.throwing(|store| store.database().integrity_check())
    }

    /// Why the handle is of no more use, if it is not.
    pub fn poisoned(&self) -> JsValue {
        let poison = self.with(|store| store.database().poisoned());
        poison.map_or(JsValue::UNDEFINED, |error| to_js(&error))
    }

    /// How much was written to the host's files, and when they were last synced.
    ///
    /// # Errors
    /// None.
    pub fn written(&self) -> JsResult<JsValue> {
        let written = Written {
            bytes: self.meter.bytes_written() as f64,
            last_sync: self.meter.last_sync_ms(),
        };
        Ok(serde_wasm_bindgen::to_value(&written)?)
    }

    /// Saves the snapshots of indexes that are due, and says how many there were.
    ///
    /// # Errors
    /// As [`Store::save_indexes`].
    #[wasm_bindgen(js_name = saveIndexes)]
    pub fn save_indexes(&self) -> JsResult<usize> {
        self.throwing(Store::save_indexes)
    }

    /// Saves indexes, checkpoints and closes.
    ///
    /// # Errors
    /// As [`Store::close`]; the store is closed all the same.
    pub fn close(&self) -> JsResult<()> {
        self.throwing(Store::close)
    }
}

/// What holds the store.
#[derive(Debug)]
enum Holder {
    Store(Box<Store>),
    Image(Box<RefCell<Imaged>>),
}

impl WasmStore {
    fn open(
        files: Arc<dyn Files>,
        snapshots: Box<dyn SnapshotStorage + Send>,
        meter: Arc<Meter>,
        import: Option<Uint8Array>,
        settings: JsValue,
    ) -> Result<WasmStore> {
        crate::panic::install();
        let settings = Settings::from_js(settings)?;
        let options = settings.database_options();
        let open = || {
            let host = Arc::new(JsHost);
            let parts = StoreParts { files: Arc::clone(&files), host, snapshots };
            Store::open(parts, options)
        };
        let store = match import {
            Some(bytes) => transfer::import(files.as_ref(), &bytes, open)?,
            None => open()?,
        };
        Ok(WasmStore::new(Holder::Store(Box::new(store)), files, meter, &settings))
    }

    fn new(
        holder: Holder,
        files: Arc<dyn Files>,
        meter: Arc<Meter>,
        settings: &Settings,
    ) -> WasmStore {
        let store = WasmStore {
            holder,
            files,
            meter,
            in_transaction: Cell::new(false),
            last_insert_rowid: Cell::new(0),
            typed: Typed::default(),
            known_texts: RefCell::default(),
        };
        store.set_time_limit(settings.time_limit_ms.unwrap_or(0.0));
        store
    }

    /// Calls `f` on the store.
    fn with<T>(&self, f: impl FnOnce(&Store) -> T) -> T {
        match &self.holder {
            Holder::Store(store) => f(store),
            Holder::Image(image) => f(image.borrow().store()),
        }
    }

    /// Calls `f` on the store, and throws its error.
    fn throwing<T>(&self, f: impl FnOnce(&Store) -> Result<T>) -> JsResult<T> {
        throwing(|| self.with(f))
    }

    fn run_one(&self, db: &Database, sql: &str, params: &JsValue) -> Result<f64> {
        let executed = db.execute(sql, params_from_js(params)?)?;
        self.last_insert_rowid.set(executed.last_insert_rowid);
        Ok(executed.changes as f64)
    }

    fn run_batch(&self, db: &Database, sql: &str) -> Result<f64> {
        let executed = db.execute_batch(sql)?;
        self.last_insert_rowid.set(executed.last_insert_rowid);
        Ok(executed.changes as f64)
    }

    /// Rolls back what a BEGIN in the SQL of a user left open: the calls of others would land in it.
    fn refuse_open_transaction<T>(&self, db: &Database, outcome: Result<T>) -> Result<T> {
        if self.in_transaction.get() || !db.in_transaction() {
            return outcome;
        }
        db.execute("ROLLBACK", ())?;
        outcome.and(Err(Error::new(
            ErrorKind::Unsupported,
            "the SQL text leaves a transaction open, which was rolled back: use store.transaction()",
        )))
    }
}
