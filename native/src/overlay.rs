//! Files whose changes stay in memory, for looking at a store without touching it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sigil_core::{Error, ErrorKind, File, Files, Result};

/// The bytes of a block that is copied before it is written.
const BLOCK: usize = 4096;

/// [`Files`] that read from others and keep what is written in memory.
///
/// Nothing below is created, written or removed. What is written costs memory, in blocks of
/// 4 KiB.
#[derive(Debug)]
pub(crate) struct OverlayFiles {
    below: Arc<dyn Files>,
    files: Mutex<BTreeMap<String, Option<Arc<OverlayFile>>>>,
}

impl OverlayFiles {
    /// Files that begin as those `below`.
    pub(crate) fn new(below: Arc<dyn Files>) -> OverlayFiles {
        OverlayFiles { below, files: Mutex::default() }
    }

    /// The file `name`, or `None` when there is none.
    fn find(&self, name: &str) -> Result<Option<Arc<OverlayFile>>> {
        let mut files = lock(&self.files);
        if let Some(file) = files.get(name) {
            return Ok(file.clone());
        }
        if !self.below.exists(name)? {
            return Ok(None);
        }
        let file = Arc::new(OverlayFile::over(self.below.open(name, false)?)?);
        files.insert(name.to_owned(), Some(Arc::clone(&file)));
        Ok(Some(file))
    }
}

impl Files for OverlayFiles {
    fn open(&self, name: &str, create: bool) -> Result<Arc<dyn File>> {
        if let Some(file) = self.find(name)? {
            return Ok(file);
        }
        if !create {
            return Err(Error::new(ErrorKind::NotFound, format!("no file is named '{name}'")));
        }
        let file = Arc::new(OverlayFile { below: None, state: Mutex::default() });
        lock(&self.files).insert(name.to_owned(), Some(Arc::clone(&file)));
        Ok(file)
    }

    fn remove(&self, name: &str) -> Result<()> {
        lock(&self.files).insert(name.to_owned(), None);
        Ok(())
    }

    fn exists(&self, name: &str) -> Result<bool> {
        self.find(name).map(|file| file.is_some())
    }
}

#[derive(Debug)]
struct OverlayFile {
    below: Option<Arc<dyn File>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    len: u64,
    /// How much of the file below is still seen.
    below_len: u64,
    blocks: BTreeMap<u64, Box<[u8]>>,
}

impl OverlayFile {
    fn over(below: Arc<dyn File>) -> Result<OverlayFile> {
        let len = below.len()?;
        let state = Mutex::new(State { len, below_len: len, blocks: BTreeMap::new() });
        Ok(OverlayFile { below: Some(below), state })
    }

    /// What stands below at `offset`; zeros where nothing does.
    fn read_below(&self, state: &State, offset: u64, bytes: &mut [u8]) -> Result<()> {
        bytes.fill(0);
        let seen = state.below_len.saturating_sub(offset);
        let seen = usize::try_from(seen).unwrap_or(usize::MAX).min(bytes.len());
        match &self.below {
            Some(below) if seen > 0 => below.read_at(offset, &mut bytes[..seen]).map(drop),
            _ => Ok(()),
        }
    }
}

/// The parts of `len` bytes at `offset`: the number of the block, where in it, and how much.
fn parts(offset: u64, len: usize) -> impl Iterator<Item = (u64, usize, usize)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = offset + done as u64;
        let within = usize::try_from(at % BLOCK as u64).unwrap_or(0);
        let part = (len - done).min(BLOCK - within);
        done += part;
        (part > 0).then_some((at / BLOCK as u64, within, part))
    })
}

impl File for OverlayFile {
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Result<usize> {
        let state = lock(&self.state);
        let left = usize::try_from(state.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let len = bytes.len().min(left);
        let mut done = 0;
        for (number, within, part) in parts(offset, len) {
            let into = &mut bytes[done..done + part];
            match state.blocks.get(&number) {
                Some(block) => into.copy_from_slice(&block[within..within + part]),
                None => self.read_below(&state, number * BLOCK as u64 + within as u64, into)?,
            }
            done += part;
        }
        Ok(done)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        let state = &mut *lock(&self.state);
        let mut done = 0;
        for (number, within, part) in parts(offset, bytes.len()) {
            if !state.blocks.contains_key(&number) {
                let mut block = vec![0; BLOCK].into_boxed_slice();
                self.read_below(state, number * BLOCK as u64, &mut block)?;
                state.blocks.insert(number, block);
            }
            if let Some(block) = state.blocks.get_mut(&number) {
                block[within..within + part].copy_from_slice(&bytes[done..done + part]);
            }
            done += part;
        }
        state.len = state.len.max(offset + bytes.len() as u64);
        Ok(())
    }

    fn truncate(&self, len: u64) -> Result<()> {
        let state = &mut *lock(&self.state);
        state.len = len;
        state.below_len = state.below_len.min(len);
        state.blocks.retain(|number, _| number * (BLOCK as u64) < len);
        // What is cut off must read as zeros when the file grows again.
        let within = usize::try_from(len % BLOCK as u64).unwrap_or(0);
        if let Some(block) = state.blocks.get_mut(&(len / BLOCK as u64)) {
            block[within..].fill(0);
        }
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        Ok(())
    }

    fn len(&self) -> Result<u64> {
        Ok(lock(&self.state).len)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sigil_core::MemoryFiles;

    #[test]
    fn it_reads_and_writes_as_a_file_does_and_leaves_what_is_below_alone() {
        let before: Vec<u8> = (0..10_000u32).map(|i| i.to_le_bytes()[0]).collect();
        let (below, model) = (MemoryFiles::new(), MemoryFiles::new());
        below.put("a", before.clone());
        model.put("a", before.clone());
        let overlay = OverlayFiles::new(Arc::new(below.clone()));
        let (file, model) = (overlay.open("a", false).unwrap(), model.open("a", false).unwrap());
        let same = |what: &str| {
            let (mut a, mut b) = (vec![1; 30_000], vec![1; 30_000]);
            let n = file.read_at(0, &mut a).unwrap();
            assert_eq!(n, model.read_at(0, &mut b).unwrap(), "{what}");
            assert_eq!(a[..n], b[..n], "{what}");
            assert_eq!(file.len().unwrap(), model.len().unwrap(), "{what}");
        };
        for (offset, len) in [(0, 1), (4_090, 20), (9_999, 3), (12_000, 9_000), (100, 8_192)] {
            let bytes = vec![0xee; len];
            file.write_at(offset, &bytes).unwrap();
            model.write_at(offset, &bytes).unwrap();
            same(&format!("write of {len} at {offset}"));
        }
        for len in [20_500, 5_000, 9_000, 4_096, 8_200, 0, 100] {
            file.truncate(len).unwrap();
            model.truncate(len).unwrap();
            same(&format!("cut at {len}"));
        }
        let mut byte = [0];
        assert_eq!(file.read_at(u64::MAX, &mut byte).unwrap(), 0);
        overlay.remove("a").unwrap();
        assert!(!overlay.exists("a").unwrap());
        assert_eq!(overlay.open("a", false).unwrap_err().kind(), ErrorKind::NotFound);
        overlay.open("b", true).unwrap().write_at(0, b"new").unwrap();
        assert!(overlay.exists("b").unwrap() && !below.exists("b").unwrap());
        assert_eq!(below.bytes("a").unwrap(), before);
    }
}
