//! Random-access files of the host, by the TypeScript's `SyncFiles`.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sigil_core::{Error, ErrorKind, File, Files, Result};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use crate::error::from_js;
use crate::held::Held;

#[wasm_bindgen]
extern "C" {
    /// The TypeScript's `SyncFiles` (ts/files.ts).
    #[derive(Debug)]
    pub type SyncFiles;

    #[wasm_bindgen(method, catch)]
    fn open(this: &SyncFiles, name: &str, create: bool) -> Result<u32, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn remove(this: &SyncFiles, name: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn exists(this: &SyncFiles, name: &str) -> Result<bool, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn read(this: &SyncFiles, handle: u32, offset: f64, into: &mut [u8]) -> Result<u32, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn write(this: &SyncFiles, handle: u32, offset: f64, bytes: &[u8]) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn truncate(this: &SyncFiles, handle: u32, length: f64) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn sync(this: &SyncFiles, handle: u32) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn size(this: &SyncFiles, handle: u32) -> Result<f64, JsValue>;
}

thread_local! {
    static LAST_SYNC_MS: Cell<Option<f64>> = const { Cell::new(None) };
}

/// How much was written to the host, and when last.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    bytes_written: AtomicU64,
}

impl Meter {
    pub(crate) fn wrote(&self, bytes: usize) {
        self.bytes_written.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn synced(&self) {
        LAST_SYNC_MS.set(Some(js_sys::Date::now()));
    }

    pub(crate) fn bytes_written(&self) -> u64 {
        self.bytes_written.load(Ordering::Relaxed)
    }

    /// In milliseconds since 1970.
    pub(crate) fn last_sync_ms(&self) -> Option<f64> {
        LAST_SYNC_MS.get()
    }
}

/// [`Files`] of the host.
#[derive(Debug, Clone)]
pub(crate) struct JsFiles {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    files: Held,
    meter: Arc<Meter>,
}

impl Inner {
    fn files(&self) -> SyncFiles {
        self.files.get().unchecked_into()
    }
}

impl JsFiles {
    pub(crate) fn new(files: SyncFiles, meter: Arc<Meter>) -> JsFiles {
        JsFiles { inner: Arc::new(Inner { files: Held::new(files.into()), meter }) }
    }
}

impl Files for JsFiles {
    fn open(&self, name: &str, create: bool) -> Result<Arc<dyn File>> {
        let handle = self.inner.files().open(name, create).map_err(from_js)?;
        Ok(Arc::new(JsFile { inner: Arc::clone(&self.inner), handle }))
    }

    fn remove(&self, name: &str) -> Result<()> {
        self.inner.files().remove(name).map_err(from_js)
    }

    fn exists(&self, name: &str) -> Result<bool> {
        self.inner.files().exists(name).map_err(from_js)
    }
}

struct JsFile {
    inner: Arc<Inner>,
    handle: u32,
}

impl fmt::Debug for JsFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsFile").field("handle", &self.handle).finish_non_exhaustive()
    }
}

/// The offset as JavaScript's number, in which it must stay exact.
fn offset(bytes: u64) -> Result<f64> {
    const MAX: u64 = (1 << 53) - 1;
    if bytes > MAX {
        return Err(Error::new(ErrorKind::Limit, "a file has at most 2^53 - 1 bytes here"));
    }
    Ok(bytes as f64)
}

impl File for JsFile {
    fn read_at(&self, at: u64, bytes: &mut [u8]) -> Result<usize> {
        let wanted = bytes.len();
        let n = self.inner.files().read(self.handle, offset(at)?, bytes).map_err(from_js)?;
        // A host that claims more than it was asked for must not lead to a panic.
        Ok(usize::try_from(n).unwrap_or(wanted).min(wanted))
    }

    fn write_at(&self, at: u64, bytes: &[u8]) -> Result<()> {
        self.inner.files().write(self.handle, offset(at)?, bytes).map_err(from_js)?;
        self.inner.meter.wrote(bytes.len());
        Ok(())
    }

    fn truncate(&self, len: u64) -> Result<()> {
        self.inner.files().truncate(self.handle, offset(len)?).map_err(from_js)
    }

    fn sync(&self) -> Result<()> {
        self.inner.files().sync(self.handle).map_err(from_js)?;
        self.inner.meter.synced();
        Ok(())
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a length, which the host keeps below 2^53"
    )]
    fn len(&self) -> Result<u64> {
        Ok(self.inner.files().size(self.handle).map_err(from_js)? as u64)
    }
}
