//! Power cuts: storage that forgets what was not made durable.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sigil_core::SnapshotStorage;
use sigil_core::{Error, ErrorKind, File, Files, MemoryFiles, MemoryStorage, Result};

use crate::random::Random;

/// When the power is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Never.
    Never,
    /// At the nth operation that changes anything, counted from 1.
    Operation(u64),
    /// At the nth sync, counted from 1, before it has any effect.
    Sync(u64),
}

fn power_cut() -> Error {
    Error::new(ErrorKind::Storage, "the power was cut")
}

/// [`Files`] whose writes are volatile until the file is synced.
///
/// The operations counted are those that change something: creating, writing, truncating,
/// syncing, removing. At the cut, each write since the last sync of its file survives entirely,
/// not at all, or torn to a prefix, independently of the others, as the seed has it; every later
/// operation fails. Creating and removing a file is durable at once, which is what
/// [`Files`] promises of directories.
#[derive(Debug, Clone)]
pub struct CrashFiles {
    state: Arc<Mutex<CrashState>>,
}

#[derive(Debug)]
struct CrashState {
    cut: Cut,
    random: Random,
    operations: u64,
    syncs: u64,
    down: bool,
    files: BTreeMap<String, Content>,
}

#[derive(Debug, Clone, Default)]
struct Content {
    live: Vec<u8>,
    durable: Vec<u8>,
    volatile: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Truncate { len: usize },
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Change::Write { offset, bytes } => {
                let end = offset + bytes.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[*offset..end].copy_from_slice(bytes);
            }
            Change::Truncate { len } => content.resize(*len, 0),
        }
    }

    /// What is left of it after a power cut.
    fn survivor(&self, random: &mut Random) -> Option<Change> {
        match (self, random.below(3)) {
            (_, 0) => None,
            (Change::Write { offset, bytes }, 1) => {
                let bytes = bytes[..random.below(bytes.len() + 1)].to_vec();
                Some(Change::Write { offset: *offset, bytes })
            }
            _ => Some(self.clone()),
        }
    }
}

impl CrashFiles {
    /// An empty set of files whose power is cut at `cut`; what survives follows from `seed`.
    pub fn new(cut: Cut, seed: u64) -> CrashFiles {
        CrashFiles::with(&MemoryFiles::new(), cut, seed)
    }

    /// The same, starting with the durable files `before`.
    pub fn with(before: &MemoryFiles, cut: Cut, seed: u64) -> CrashFiles {
        let files = before.names().into_iter().filter_map(|name| {
            let live = before.bytes(&name)?;
            Some((name, Content { durable: live.clone(), live, volatile: Vec::new() }))
        });
        let state = CrashState {
            cut,
            random: Random::new(seed),
            operations: 0,
            syncs: 0,
            down: false,
            files: files.collect(),
        };
        CrashFiles { state: Arc::new(Mutex::new(state)) }
    }

    /// How many changing operations there have been.
    pub fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// How many syncs there have been.
    pub fn syncs(&self) -> u64 {
        self.lock().syncs
    }

    /// Whether the power was cut.
    pub fn is_down(&self) -> bool {
        self.lock().down
    }

    /// Cuts the power now, and gives what is left of the files.
    ///
    /// What survives is drawn anew at each call, so several outcomes of one crash can be had.
    pub fn survivors(&self) -> MemoryFiles {
        let mut state = self.lock();
        state.down = true;
        let CrashState { random, files, .. } = &mut *state;
        let left = MemoryFiles::new();
        for (name, content) in files {
            let mut bytes = content.durable.clone();
            for change in &content.volatile {
                if let Some(change) = change.survivor(random) {
                    change.apply(&mut bytes);
                }
            }
            left.put(name, bytes);
        }
        left
    }

    fn lock(&self) -> MutexGuard<'_, CrashState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CrashState {
    /// Counts one changing operation: whether the power goes at it. Fails when it has gone.
    fn count(&mut self, sync: bool) -> Result<bool> {
        if self.down {
            return Err(power_cut());
        }
        self.operations += 1;
        self.syncs += u64::from(sync);
        self.down = match self.cut {
            Cut::Never => false,
            Cut::Operation(nth) => self.operations == nth,
            Cut::Sync(nth) => sync && self.syncs == nth,
        };
        Ok(self.down)
    }

    /// A change to one file. At the cut it is one more that may survive.
    fn change(&mut self, name: &str, change: Change) -> Result<()> {
        let cut = self.count(false)?;
        let content = self.files.entry(name.to_owned()).or_default();
        change.apply(&mut content.live);
        content.volatile.push(change);
        if cut { Err(power_cut()) } else { Ok(()) }
    }
}

impl Files for CrashFiles {
    fn open(&self, name: &str, create: bool) -> Result<Arc<dyn File>> {
        let mut state = self.lock();
        if state.down {
            return Err(power_cut());
        }
        if !state.files.contains_key(name) {
            if !create {
                return Err(Error::new(ErrorKind::NotFound, format!("no file is named '{name}'")));
            }
            let cut = state.count(false)?;
            // At the cut, the file may have been created or not.
            if !cut || state.random.below(2) == 0 {
                state.files.insert(name.to_owned(), Content::default());
            }
            if cut {
                return Err(power_cut());
            }
        }
        Ok(Arc::new(CrashFile { files: self.clone(), name: name.to_owned() }))
    }

    fn remove(&self, name: &str) -> Result<()> {
        let mut state = self.lock();
        let cut = state.count(false)?;
        if !cut || state.random.below(2) == 0 {
            state.files.remove(name);
        }
        if cut { Err(power_cut()) } else { Ok(()) }
    }

    fn exists(&self, name: &str) -> Result<bool> {
        let state = self.lock();
        if state.down { Err(power_cut()) } else { Ok(state.files.contains_key(name)) }
    }
}

struct CrashFile {
    files: CrashFiles,
    name: String,
}

impl fmt::Debug for CrashFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CrashFile").field(&self.name).finish()
    }
}

impl CrashFile {
    fn with<T>(&self, f: impl FnOnce(&Content) -> T) -> Result<T> {
        let state = self.files.lock();
        if state.down {
            return Err(power_cut());
        }
        state.files.get(&self.name).map(f).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("the file '{}' was removed", self.name))
        })
    }
}

fn index(offset: u64) -> Result<usize> {
    usize::try_from(offset)
        .ok()
        .filter(|offset| *offset < 1 << 40)
        .ok_or_else(|| Error::new(ErrorKind::Limit, "a file in memory cannot be that large"))
}

impl File for CrashFile {
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Result<usize> {
        self.with(|content| {
            let start = usize::try_from(offset)
                .map_or(content.live.len(), |offset| offset.min(content.live.len()));
            let n = bytes.len().min(content.live.len() - start);
            bytes[..n].copy_from_slice(&content.live[start..start + n]);
            n
        })
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        let offset = index(offset)?;
        let change = Change::Write { offset, bytes: bytes.to_vec() };
        self.files.lock().change(&self.name, change)
    }

    fn truncate(&self, len: u64) -> Result<()> {
        let len = index(len)?;
        self.files.lock().change(&self.name, Change::Truncate { len })
    }

    fn sync(&self) -> Result<()> {
        let mut state = self.files.lock();
        if state.count(true)? {
            return Err(power_cut());
        }
        if let Some(content) = state.files.get_mut(&self.name) {
            content.durable.clone_from(&content.live);
            content.volatile.clear();
        }
        Ok(())
    }

    fn len(&self) -> Result<u64> {
        self.with(|content| content.live.len() as u64)
    }
}

/// How many operations and syncs there are in a `run` that is not cut, which has to take all `steps`.
///
/// # Panics
/// When it does not.
pub fn totals(steps: usize, run: impl Fn(&CrashFiles) -> usize) -> (u64, u64) {
    let files = CrashFiles::new(Cut::Never, 0);
    assert_eq!(run(&files), steps);
    (files.operations(), files.syncs())
}

/// Cuts a `run`, which gives how many steps were acknowledged, at each of `cuts`, and has `check`
/// look at what survived, with a context for its messages: `draws` times a cut, because what was
/// not synced survives by chance.
///
/// # Panics
/// When a cut is not reached.
pub fn sweep(
    cuts: impl Iterator<Item = Cut>,
    draws: u64,
    run: impl Fn(&CrashFiles) -> usize,
    check: impl Fn(&MemoryFiles, usize, &str),
) {
    for (n, cut) in cuts.enumerate() {
        let files = CrashFiles::new(cut, n as u64);
        let acknowledged = run(&files);
        assert!(files.is_down(), "{cut:?} was never reached");
        for draw in 0..draws {
            check(&files.survivors(), acknowledged, &format!("{cut:?}, draw {draw}"));
        }
    }
}

/// [`SnapshotStorage`] whose power is cut at the nth change.
///
/// Harsher than the trait: what survives of the blob that is being replaced at the cut is the old
/// one, the new one, or, unless its name begins with `manifest`, a part of the new one. The
/// manifest protocol asks for no more than that.
#[derive(Debug)]
pub struct CrashStorage {
    inner: MemoryStorage,
    state: Mutex<StorageState>,
}

#[derive(Debug)]
struct StorageState {
    cut: Cut,
    random: Random,
    operations: u64,
    down: bool,
    written: u64,
}

/// How a replaced or removed blob comes out of the cut.
enum Outcome {
    Whole,
    Untouched,
    Torn,
}

impl CrashStorage {
    /// A storage that starts as `before` and is cut at `cut`; what survives follows from `seed`.
    pub fn new(before: MemoryStorage, cut: Cut, seed: u64) -> CrashStorage {
        let random = Random::new(seed);
        let state = StorageState { cut, random, operations: 0, down: false, written: 0 };
        CrashStorage { inner: before, state: Mutex::new(state) }
    }

    /// How many changes there have been.
    pub fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// How many bytes were put in place.
    pub fn written(&self) -> u64 {
        self.lock().written
    }

    /// Whether the power was cut.
    pub fn is_down(&self) -> bool {
        self.lock().down
    }

    /// What is left.
    pub fn into_survivors(self) -> MemoryStorage {
        self.inner
    }

    fn lock(&self) -> MutexGuard<'_, StorageState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a change, and says how it comes out if the power goes at it.
    fn count(&self, tearable: bool) -> Result<Option<Outcome>> {
        let mut state = self.lock();
        if state.down {
            return Err(power_cut());
        }
        state.operations += 1;
        if state.cut != Cut::Operation(state.operations) {
            return Ok(None);
        }
        state.down = true;
        Ok(Some(match state.random.below(if tearable { 4 } else { 2 }) {
            0 => Outcome::Whole,
            1 => Outcome::Untouched,
            _ => Outcome::Torn,
        }))
    }

    fn torn(&self, bytes: &[u8]) -> Vec<u8> {
        let random = &mut self.lock().random;
        let mut torn = bytes[..random.below(bytes.len() + 1)].to_vec();
        // A file system may extend a file before its bytes arrive.
        if random.below(2) == 0 {
            torn.resize(bytes.len(), 0);
        }
        torn
    }
}

impl SnapshotStorage for CrashStorage {
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        if self.lock().down { Err(power_cut()) } else { self.inner.read(name) }
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> Result<()> {
        match self.count(!name.starts_with("manifest"))? {
            None => {
                self.lock().written += bytes.len() as u64;
                return self.inner.replace(name, bytes);
            }
            Some(Outcome::Whole) => self.inner.replace(name, bytes)?,
            Some(Outcome::Untouched) => {}
            Some(Outcome::Torn) => self.inner.replace(name, &self.torn(bytes))?,
        }
        Err(power_cut())
    }

    fn remove(&self, name: &str) -> Result<()> {
        match self.count(false)? {
            None => return self.inner.remove(name),
            Some(Outcome::Whole) => self.inner.remove(name)?,
            Some(_) => {}
        }
        Err(power_cut())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn what_is_synced_survives_and_what_is_not_survives_in_any_part() {
        let files = CrashFiles::new(Cut::Sync(2), 1);
        let file = files.open("f", true).unwrap();
        file.write_at(0, b"synced").unwrap();
        file.sync().unwrap();
        file.write_at(6, b"ABC").unwrap();
        file.truncate(8).unwrap();
        file.write_at(0, b"xyz").unwrap();
        assert_eq!(file.sync().unwrap_err().to_string(), "the power was cut");
        assert!(files.is_down() && file.len().is_err() && files.open("f", false).is_err());
        assert_eq!((files.operations(), files.syncs()), (7, 2));
        let outcomes: BTreeSet<Vec<u8>> =
            (0..500).map(|_| files.survivors().bytes("f").unwrap()).collect();
        for expected in [&b"synced"[..], b"syncedABC", b"syncedAB", b"xynced", b"xyzced\0\0"] {
            assert!(outcomes.contains(expected), "never {:?}", expected.escape_ascii());
        }
        assert!(outcomes.iter().all(|left| left[3..6] == *b"ced"), "something synced was lost");
    }

    #[test]
    fn a_cut_write_may_be_any_part_of_it() {
        let outcomes: BTreeSet<Option<Vec<u8>>> = (0..100)
            .map(|seed| {
                let files = CrashFiles::new(Cut::Operation(2), seed);
                files.open("f", true).unwrap().write_at(0, b"ab").unwrap_err();
                files.survivors().bytes("f")
            })
            .collect();
        let expected = [&b""[..], b"a", b"ab"].map(|left| Some(left.to_vec()));
        assert_eq!(outcomes, BTreeSet::from(expected));
    }
}
