//! A store in memory whose image the TypeScript reads and writes, by the manifest protocol.
//!
//! Neither side of it waits here: the TypeScript asks what to read or write, does it, and reports.

use std::fmt;
use std::sync::Arc;

use js_sys::{Array, Uint8Array};
use sigil_core::image::{Flush, ImageOpener, OpenOptions};
use sigil_core::{Error, ErrorKind, Host, ImageStore, Result, Store, StoreId};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::{Holder, Settings, WasmStore};
use crate::error::{JsResult, from_js, throwing};
use crate::host::JsHost;

/// Asks for the blobs of an image, one round after another.
#[wasm_bindgen]
#[derive(Debug)]
pub struct WasmImageOpener {
    opener: ImageOpener,
    settings: Settings,
}

#[wasm_bindgen]
impl WasmImageOpener {
    /// An opener that has read nothing.
    ///
    /// # Errors
    /// `invalid-input` for settings that are none.
    pub fn create(settings: JsValue) -> JsResult<WasmImageOpener> {
        crate::panic::install();
        throwing(|| {
            let settings = Settings::from_js(settings)?;
            let mut id = [0; 16];
            JsHost.fill_random(&mut id);
            let options = OpenOptions::default().with_recover(settings.recover);
            Ok(WasmImageOpener { opener: ImageOpener::new(options, StoreId(id)), settings })
        })
    }

    /// The blobs to supply next; none when the store can be opened.
    ///
    /// # Errors
    /// As [`ImageOpener::wanted`].
    pub fn wanted(&mut self) -> JsResult<Vec<String>> {
        throwing(|| self.opener.wanted())
    }

    /// Hands over a blob, or that there is none of the name.
    pub fn supply(&mut self, name: String, bytes: Option<Vec<u8>>) {
        self.opener.supply(name, bytes);
    }

    /// Opens the store; `import` is the database a new one starts from.
    ///
    /// # Errors
    /// As [`ImageStore::open`]; `conflict` for an `import` into a store that is not new.
    pub fn open(self, import: Option<Vec<u8>>) -> JsResult<WasmStore> {
        throwing(|| {
            let mut opened = self.opener.finish()?;
            if let Some(bytes) = import {
                if !opened.report.fresh {
                    return Err(super::transfer::not_new());
                }
                super::transfer::check_import(&bytes)?;
                opened.database = Some(bytes);
            }
            let options = self.settings.database_options();
            let store = ImageStore::open(opened, Arc::new(JsHost), options)?;
            let files = Arc::new(store.files().clone());
            let imaged = Imaged { store, flush: None, planned: None };
            let holder = Holder::Image(Box::new(imaged.into()));
            Ok(WasmStore::new(holder, files, Arc::default(), &self.settings))
        })
    }
}

/// How much there is to flush: it changes with every write.
type Extent = (u64, u64);

/// A store with its image.
pub(super) struct Imaged {
    store: ImageStore,
    /// The flush that the TypeScript is carrying out.
    flush: Option<Flush>,
    /// The extent as of the last flush that was planned.
    planned: Option<Extent>,
}

impl fmt::Debug for Imaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Imaged").field("store", &self.store).finish_non_exhaustive()
    }
}

impl Imaged {
    pub(super) fn store(&self) -> &Store {
        self.store.store()
    }

    fn extent(&self) -> Extent {
        let db = self.store().database();
        (db.checkpoints(), db.wal_bytes())
    }

    fn plan(&mut self, save_indexes: bool) -> Result<JsValue> {
        if self.flush.is_some() {
            return Err(Error::new(ErrorKind::Busy, "a flush is under way"));
        }
        if save_indexes {
            self.store().save_indexes()?;
        }
        let planned = self.store.plan_flush()?;
        self.planned = Some(self.extent());
        let Some(flush) = planned else { return Ok(JsValue::UNDEFINED) };
        let packed = pack(&flush);
        self.flush = Some(flush);
        Ok(packed)
    }

    fn under_way(&mut self) -> Result<Flush> {
        self.flush.take().ok_or_else(|| Error::invalid("no flush is under way"))
    }
}

/// `[names, blobs, name of the manifest, manifest, names to remove]`.
fn pack(flush: &Flush) -> JsValue {
    let names: Array = flush.writes.iter().map(|(name, _)| JsValue::from_str(name)).collect();
    let blobs: Array = flush.writes.iter().map(|(_, bytes)| Uint8Array::from(&**bytes)).collect();
    let (slot, manifest) = &flush.manifest;
    let removals: Array = flush.removals.iter().map(|name| JsValue::from_str(name)).collect();
    let parts: [JsValue; 5] = [
        names.into(),
        blobs.into(),
        JsValue::from_str(slot),
        Uint8Array::from(&**manifest).into(),
        removals.into(),
    ];
    parts.into_iter().collect::<Array>().into()
}

#[wasm_bindgen]
impl WasmStore {
    /// Whether anything was written since the last flush was planned.
    pub fn unflushed(&self) -> bool {
        match &self.holder {
            Holder::Store(_) => false,
            Holder::Image(image) => {
                let image = image.borrow();
                image.planned != Some(image.extent())
            }
        }
    }

    /// A number that is another after every write.
    pub fn extent(&self) -> f64 {
        match &self.holder {
            Holder::Store(_) => 0.0,
            Holder::Image(image) => {
                let (checkpoints, wal_bytes) = image.borrow().extent();
                // A log is far shorter than 2^40 bytes, in a memory of 2^32.
                (checkpoints as f64) * f64::from(1u32 << 31) * 512.0 + wal_bytes as f64
            }
        }
    }

    /// What to write so that everything is durable, as [`pack`] packs it; `undefined` when it is
    /// already.
    ///
    /// # Errors
    /// As [`ImageStore::plan_flush`], and as [`Store::save_indexes`] when indexes are saved first.
    #[wasm_bindgen(js_name = planFlush)]
    pub fn plan_flush(&self, save_indexes: bool) -> JsResult<JsValue> {
        self.with_image(|image| image.plan(save_indexes))
    }

    /// Makes sure that nobody else has written: `found` is what the manifest's blob holds.
    ///
    /// # Errors
    /// As [`Flush::check`].
    #[wasm_bindgen(js_name = checkFlush)]
    pub fn check_flush(&self, found: Option<Vec<u8>>) -> JsResult<()> {
        self.with_image(|image| match &image.flush {
            Some(flush) => flush.check(found.as_deref()),
            None => Err(Error::invalid("no flush is under way")),
        })
    }

    /// Everything a flush was to write is durable. Says whether it only repaired the manifests, so
    /// that another has to follow.
    ///
    /// # Errors
    /// `invalid-input` when none was under way.
    pub fn flushed(&self) -> JsResult<bool> {
        self.with_image(|image| {
            let flush = image.under_way()?;
            let repairs = flush.repairs;
            image.store.flushed(flush);
            Ok(repairs)
        })
    }

    /// A blob of a flush's removals is gone.
    ///
    /// # Errors
    /// None.
    pub fn removed(&self, name: &str) -> JsResult<()> {
        self.with_image(|image| {
            image.store.removed(name);
            Ok(())
        })
    }

    /// Overwrites what was deleted, unless that was `done` already, and has the next flushes remove
    /// the blobs that still hold it: carry them out until there is none to plan.
    ///
    /// # Errors
    /// As [`Store::scrub`].
    #[wasm_bindgen(js_name = beginScrub)]
    pub fn begin_scrub(&self, done: bool) -> JsResult<()> {
        if !done {
            self.throwing(Store::scrub)?;
        }
        if let Holder::Image(image) = &self.holder {
            image.borrow_mut().store.begin_removals();
        }
        Ok(())
    }

    /// The blobs that hold an older state and are still to be removed.
    pub fn retired(&self) -> Vec<String> {
        match &self.holder {
            Holder::Store(_) => Vec::new(),
            Holder::Image(image) => {
                image.borrow().store.image().retired().map(|name| name.to_string()).collect()
            }
        }
    }

    /// A flush failed, which poisons the store.
    ///
    /// # Errors
    /// None.
    #[wasm_bindgen(js_name = flushFailed)]
    pub fn flush_failed(&self, error: JsValue) -> JsResult<()> {
        self.with_image(|image| {
            image.flush = None;
            image.store.failed(&from_js(error));
            Ok(())
        })
    }
}

impl WasmStore {
    fn with_image<T>(&self, f: impl FnOnce(&mut Imaged) -> Result<T>) -> JsResult<T> {
        throwing(|| match &self.holder {
            Holder::Image(image) => f(&mut image.borrow_mut()),
            Holder::Store(_) => Err(Error::invalid("the store is not in image mode")),
        })
    }
}
