//! Atomic blobs on a fixed pool of files, for hosts whose files are opened before they are named.
//!
//! OPFS gives synchronous handles only to files that were opened asynchronously beforehand, and
//! cannot rename them. Here a blob goes into a slot that holds none, is synced, and only then is
//! the slot of the blob it replaces emptied. A crash in between leaves two slots of one name, of
//! which the later generation counts when it is whole.

use std::sync::Arc;

use twox_hash::XxHash3_64;

use crate::error::{Error, ErrorKind, Result};
use crate::files::Files;
use crate::snapshot::SnapshotStorage;

const MAGIC: &[u8; 8] = b"SIGILSLT";
const VERSION: u16 = 1;
const NAME_BYTES_MAX: usize = 64;
/// Magic 8, version 2, name length 2, generation 8, payload length 8, payload XXH3 8, name 64,
/// XXH3 of all before it 8; little endian.
const HEADER_BYTES: usize = 108;
const HEADER_SUM_AT: usize = HEADER_BYTES - 8;

/// [`SnapshotStorage`] over a fixed number of files named `slot-00`, `slot-01` and so on.
///
/// It holds one blob less than it has slots, since a replacement needs a free one.
///
/// ```
/// use std::sync::Arc;
/// use sigil_core::{MemoryFiles, SlotStorage, SnapshotStorage};
/// let storage = SlotStorage::new(Arc::new(MemoryFiles::new()), 4);
/// storage.replace("a", b"one")?;
/// storage.replace("a", b"two")?;
/// assert_eq!(storage.read("a")?.as_deref(), Some(&b"two"[..]));
/// # Ok::<(), sigil_core::Error>(())
/// ```
#[derive(Debug)]
pub struct SlotStorage {
    files: Arc<dyn Files>,
    slots: u8,
}

/// What the header of a slot says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Slot {
    number: u8,
    name: String,
    generation: u64,
    len: usize,
    sum: u64,
}

impl SlotStorage {
    /// A storage over `slots` slots of `files`.
    pub fn new(files: Arc<dyn Files>, slots: u8) -> SlotStorage {
        SlotStorage { files, slots }
    }

    /// The names of the files that `slots` slots use, for a host that opens them beforehand.
    pub fn file_names(slots: u8) -> Vec<String> {
        (0..slots).map(file_name).collect()
    }

    /// Every slot whose header is whole.
    fn used(&self) -> Result<Vec<Slot>> {
        let mut used = Vec::new();
        for number in 0..self.slots {
            let name = file_name(number);
            if !self.files.exists(&name)? {
                continue;
            }
            let mut header = [0u8; HEADER_BYTES];
            if self.files.open(&name, false)?.read_at(0, &mut header)? == HEADER_BYTES {
                used.extend(parse(number, &header));
            }
        }
        Ok(used)
    }

    /// The payload, if it is the one the header was written for.
    fn payload(&self, slot: &Slot) -> Result<Option<Vec<u8>>> {
        let file = self.files.open(&file_name(slot.number), false)?;
        if file.len()? != (HEADER_BYTES + slot.len) as u64 {
            return Ok(None);
        }
        let mut payload = vec![0u8; slot.len];
        let n = file.read_at(HEADER_BYTES as u64, &mut payload)?;
        Ok((n == slot.len && XxHash3_64::oneshot(&payload) == slot.sum).then_some(payload))
    }

    /// The slots of `name`, the latest first.
    fn slots_of(&self, name: &str) -> Result<Vec<Slot>> {
        let mut slots = self.used()?;
        slots.retain(|slot| slot.name == name);
        slots.sort_by_key(|slot| std::cmp::Reverse(slot.generation));
        Ok(slots)
    }

    /// Empties what a crash left of replacements: all slots of a name but its latest whole one.
    fn empty_superseded(&self) -> Result<()> {
        let used = self.used()?;
        for slot in &used {
            let rivals = used.iter().filter(|other| other.name == slot.name && *other != slot);
            for rival in rivals {
                let later = rival.generation > slot.generation;
                if later && self.payload(rival)?.is_some() {
                    self.empty(slot)?;
                    break;
                }
                if !later && self.payload(slot)?.is_none() {
                    self.empty(slot)?;
                    break;
                }
            }
        }
        Ok(())
    }

    /// Empties the slots that hold something and have no header, such as a blob that a crash left
    /// half-written: nothing can be read from them, and what is in them may have been deleted.
    fn empty_unreadable(&self) -> Result<()> {
        let used = self.used()?;
        for number in (0..self.slots).filter(|n| used.iter().all(|slot| slot.number != *n)) {
            let name = file_name(number);
            if self.files.exists(&name)? && !self.files.open(&name, false)?.is_empty()? {
                self.empty_file(number)?;
            }
        }
        Ok(())
    }

    fn empty(&self, slot: &Slot) -> Result<()> {
        self.empty_file(slot.number)
    }

    fn empty_file(&self, number: u8) -> Result<()> {
        let file = self.files.open(&file_name(number), false)?;
        file.truncate(0)?;
        file.sync()
    }
}

impl SnapshotStorage for SlotStorage {
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let slots = self.slots_of(name)?;
        for slot in &slots {
            if let Some(payload) = self.payload(slot)? {
                return Ok(Some(payload));
            }
        }
        if slots.is_empty() {
            return Ok(None);
        }
        Err(Error::corrupt(format!("the blob '{name}' does not match its checksum")))
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> Result<()> {
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return Err(Error::invalid(format!("the blob name '{name}' has not 1 to 64 bytes")));
        }
        self.empty_superseded()?;
        let used = self.used()?;
        let free = (0..self.slots).find(|number| used.iter().all(|slot| slot.number != *number));
        let Some(number) = free else {
            return Err(Error::new(
                ErrorKind::Limit,
                format!("all {} slots for index snapshots are in use", self.slots),
            ));
        };
        let generation =
            used.iter().map(|slot| slot.generation).max().unwrap_or(0).saturating_add(1);
        let slot = Slot {
            number,
            name: name.to_owned(),
            generation,
            len: bytes.len(),
            sum: XxHash3_64::oneshot(bytes),
        };
        let file = self.files.open(&file_name(number), true)?;
        file.truncate(0)?;
        file.write_at(HEADER_BYTES as u64, bytes)?;
        file.write_at(0, &header(&slot))?;
        file.sync()?;
        for old in used.iter().filter(|slot| slot.name == name) {
            self.empty(old)?;
        }
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<()> {
        self.empty_superseded()?;
        self.empty_unreadable()?;
        // The oldest first: a crash in between must not bring an older blob back to life.
        for slot in self.slots_of(name)?.iter().rev() {
            self.empty(slot)?;
        }
        Ok(())
    }
}

fn file_name(number: u8) -> String {
    format!("slot-{number:02}")
}

fn header(slot: &Slot) -> [u8; HEADER_BYTES] {
    let mut header = [0u8; HEADER_BYTES];
    header[..8].copy_from_slice(MAGIC);
    header[8..10].copy_from_slice(&VERSION.to_le_bytes());
    let name = slot.name.as_bytes();
    header[10] = u8::try_from(name.len()).unwrap_or(0);
    header[12..20].copy_from_slice(&slot.generation.to_le_bytes());
    header[20..28].copy_from_slice(&(slot.len as u64).to_le_bytes());
    header[28..36].copy_from_slice(&slot.sum.to_le_bytes());
    header[36..36 + name.len()].copy_from_slice(name);
    let sum = XxHash3_64::oneshot(&header[..HEADER_SUM_AT]);
    header[HEADER_SUM_AT..].copy_from_slice(&sum.to_le_bytes());
    header
}

fn parse(number: u8, header: &[u8; HEADER_BYTES]) -> Option<Slot> {
    let u64_at = |at: usize| {
        let mut bytes = [0u8; 8];
        bytes.copy_from_slice(&header[at..at + 8]);
        u64::from_le_bytes(bytes)
    };
    let whole = &header[..8] == MAGIC
        && header[8..10] == VERSION.to_le_bytes()
        && u64_at(HEADER_SUM_AT) == XxHash3_64::oneshot(&header[..HEADER_SUM_AT]);
    if !whole {
        return None;
    }
    let name = header[36..HEADER_SUM_AT].get(..usize::from(header[10]))?;
    Some(Slot {
        number,
        name: std::str::from_utf8(name).ok()?.to_owned(),
        generation: u64_at(12),
        len: usize::try_from(u64_at(20)).ok()?,
        sum: u64_at(28),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::MemoryFiles;
    use crate::testing::test;

    #[test]
    fn a_torn_replacement_leaves_the_old_blob() {
        let files = MemoryFiles::new();
        let storage = SlotStorage::new(Arc::new(files.clone()), 3);
        storage.replace("a", b"old").unwrap();
        let old = files.bytes("slot-00").unwrap();
        storage.replace("a", b"newer").unwrap();
        let new = files.bytes("slot-01").unwrap();
        // The crash: the old slot is not emptied yet, and any part of the new one is there.
        for cut in 0..new.len() {
            files.put("slot-00", old.clone());
            files.put("slot-01", new[..cut].to_vec());
            assert_eq!(storage.read("a").unwrap().unwrap(), b"old", "cut at {cut}");
        }
        files.put("slot-01", new.clone());
        assert_eq!(storage.read("a").unwrap().unwrap(), b"newer");
        storage.replace("b", b"other").unwrap();
        storage.replace("a", b"third").unwrap();
        assert_eq!(storage.read("a").unwrap().unwrap(), b"third");
        storage.remove("a").unwrap();
        storage.remove("a").unwrap();
        assert_eq!(storage.read("a").unwrap(), None);
        assert_eq!(storage.read("b").unwrap().unwrap(), b"other");
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let files = MemoryFiles::new();
        let storage = SlotStorage::new(Arc::new(files.clone()), 2);
        storage.replace("a", b"payload").unwrap();
        let bytes = files.bytes("slot-00").unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            files.put("slot-00", flipped);
            assert!(!matches!(storage.read("a"), Ok(Some(_))), "bit {bit}");
        }
    }

    #[test]
    fn a_removal_clears_away_what_crashes_left() {
        let files = MemoryFiles::new();
        let storage = SlotStorage::new(Arc::new(files.clone()), 4);
        storage.replace("a", b"old").unwrap();
        let old = files.bytes("slot-00").unwrap();
        storage.replace("a", b"new").unwrap();
        // A slot that was not emptied, and one whose header was not written.
        files.put("slot-00", old);
        files.put("slot-02", vec![7; 300]);
        storage.remove("nobody's").unwrap();
        assert_eq!(storage.read("a").unwrap().unwrap(), b"new");
        assert_eq!(files.bytes("slot-00").unwrap(), b"");
        assert_eq!(files.bytes("slot-02").unwrap(), b"");
    }

    #[test]
    fn a_full_pool_is_a_limit() {
        let storage = SlotStorage::new(Arc::new(MemoryFiles::new()), 2);
        storage.replace("a", b"1").unwrap();
        storage.replace("b", b"2").unwrap();
        assert_eq!(storage.replace("a", b"3").unwrap_err().kind(), ErrorKind::Limit);
        assert_eq!(storage.read("a").unwrap().unwrap(), b"1");
        assert_eq!(storage.replace("", b"3").unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}
