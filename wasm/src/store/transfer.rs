//! A whole database as bytes, into a new store and out of an open one.

use js_sys::Uint8Array;
use sigil_core::{
    DATABASE_FILE, Error, ErrorKind, File, Files, MemoryFiles, Result, Store, WAL_FILE, check_pages,
};
use wasm_bindgen::prelude::wasm_bindgen;

use super::WasmStore;
use crate::error::JsResult;

/// How much is copied at a time, so that a database need not fit in the module's memory twice.
const CHUNK_BYTES: u32 = 1 << 20;

/// The header of a database file begins with this, and no file without it is one.
const MAGIC_BYTES: u32 = 16;

#[wasm_bindgen]
impl WasmStore {
    /// The whole store as one SQLite database file.
    ///
    /// # Errors
    /// As [`sigil_core::Database::checkpoint`].
    #[wasm_bindgen(js_name = exportDatabase)]
    pub fn export_database(&self) -> JsResult<Uint8Array> {
        self.throwing(|store| {
            store.database().checkpoint()?;
            read_all(self.files.open(DATABASE_FILE, false)?.as_ref())
        })
    }
}

fn read_all(file: &dyn File) -> Result<Uint8Array> {
    let len = u32::try_from(file.len()?).map_err(|_| {
        Error::new(ErrorKind::Limit, "a database of 4 GiB or more cannot be exported as one array")
    })?;
    let bytes = Uint8Array::new_with_length(len);
    let mut chunk = vec![0; CHUNK_BYTES as usize];
    let mut at = 0;
    while at < len {
        let part = &mut chunk[..(len - at).min(CHUNK_BYTES) as usize];
        if file.read_at(u64::from(at), part)? < part.len() {
            return Err(Error::corrupt(format!("the database ends before its {len} bytes")));
        }
        let end = at + (len - at).min(CHUNK_BYTES);
        bytes.subarray(at, end).copy_from(part);
        at = end;
    }
    Ok(bytes)
}

/// Puts `bytes` in place as the database of a new store and opens it, or leaves the store as new as
/// it was.
///
/// The magic of the file is written last. A file without it is what a crash left of an earlier
/// import, and still counts as new here.
pub(super) fn import(
    files: &dyn Files,
    bytes: &Uint8Array,
    open: impl FnOnce() -> Result<Store>,
) -> Result<Store> {
    if !is_new(files)? {
        return Err(not_new());
    }
    let imported = write_all(files, bytes).and_then(|()| open());
    if imported.is_err() {
        // The error that is reported is the import's.
        let _ = files.remove(WAL_FILE);
        let _ = files.remove(DATABASE_FILE);
    }
    imported
}

/// As [`import`], for files in memory: nothing is written twice, and nothing is left of a failure.
pub(super) fn import_to_memory(files: &MemoryFiles, bytes: &Uint8Array) -> Result<()> {
    check_len(bytes.length())?;
    files.put(DATABASE_FILE, copied(bytes)?);
    check_file(files.open(DATABASE_FILE, false)?.as_ref())
}

fn copied(bytes: &Uint8Array) -> Result<Vec<u8>> {
    let len = bytes.length() as usize;
    // An allocation that fails aborts in to_vec(); the block that is let go here is there for it.
    Vec::<u8>::new().try_reserve_exact(len).map_err(|error| {
        Error::with_source(ErrorKind::Full, "out of memory for the import", error)
    })?;
    Ok(bytes.to_vec())
}

pub(super) fn not_new() -> Error {
    Error::new(
        ErrorKind::Conflict,
        "the store exists already, and an import makes a new one: choose another name",
    )
}

fn is_new(files: &dyn Files) -> Result<bool> {
    if !files.exists(DATABASE_FILE)? {
        return Ok(true);
    }
    let mut magic = [0; MAGIC_BYTES as usize];
    files.open(DATABASE_FILE, false)?.read_at(0, &mut magic)?;
    Ok(magic == [0; MAGIC_BYTES as usize])
}

fn write_all(files: &dyn Files, bytes: &Uint8Array) -> Result<()> {
    let len = bytes.length();
    check_len(len)?;
    let file = files.open(DATABASE_FILE, true)?;
    // What has its length at once is not copied as it grows.
    file.truncate(0)?;
    file.truncate(u64::from(len))?;
    let write = |mut at: u32, end: u32| {
        while at < end {
            let next = at + (end - at).min(CHUNK_BYTES);
            file.write_at(u64::from(at), &bytes.subarray(at, next).to_vec())?;
            at = next;
        }
        file.sync()
    };
    write(MAGIC_BYTES, len)?;
    write(0, MAGIC_BYTES)?;
    check_file(file.as_ref())
}

/// Refuses bytes that are no sound database.
pub(super) fn check_import(bytes: &[u8]) -> Result<()> {
    check_len(u32::try_from(bytes.len()).unwrap_or(u32::MAX))?;
    let files = MemoryFiles::new();
    files.put(DATABASE_FILE, bytes.to_vec());
    check_file(files.open(DATABASE_FILE, false)?.as_ref())
}

fn check_len(len: u32) -> Result<()> {
    if len <= MAGIC_BYTES {
        return Err(Error::new(
            ErrorKind::NotADatabase,
            format!("the import has {len} bytes, which is less than a database's header"),
        ));
    }
    Ok(())
}

fn check_file(file: &dyn File) -> Result<()> {
    match check_pages(file)?.unwrap_or_default().first() {
        None => Ok(()),
        Some(fault) => Err(Error::corrupt(format!(
            "page {} of the import does not match its checksum: use another copy",
            fault.page
        ))),
    }
}
