//! Snapshots of indexes beside the files, by the TypeScript's `SyncSnapshots`.

use std::sync::Arc;

use sigil_core::{Result, SnapshotStorage};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use crate::error::from_js;
use crate::files::Meter;
use crate::held::Held;

#[wasm_bindgen]
extern "C" {
    /// The TypeScript's `SyncSnapshots` (ts/snapshots.ts).
    #[derive(Debug)]
    pub type SyncSnapshots;

    #[wasm_bindgen(method, catch)]
    fn read(this: &SyncSnapshots, name: &str) -> Result<Option<Vec<u8>>, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn replace(this: &SyncSnapshots, name: &str, bytes: &[u8]) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn remove(this: &SyncSnapshots, name: &str) -> Result<(), JsValue>;
}

/// [`SnapshotStorage`] of the host.
#[derive(Debug)]
pub(crate) struct JsSnapshots {
    snapshots: Held,
    meter: Arc<Meter>,
}

impl JsSnapshots {
    pub(crate) fn new(snapshots: SyncSnapshots, meter: Arc<Meter>) -> JsSnapshots {
        JsSnapshots { snapshots: Held::new(snapshots.into()), meter }
    }

    fn host(&self) -> SyncSnapshots {
        self.snapshots.get().unchecked_into()
    }
}

impl SnapshotStorage for JsSnapshots {
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.host().read(name).map_err(from_js)
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.host().replace(name, bytes).map_err(from_js)?;
        self.meter.wrote(bytes.len());
        self.meter.synced();
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<()> {
        self.host().remove(name).map_err(from_js)
    }
}
