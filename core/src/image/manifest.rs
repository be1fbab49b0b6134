//! What a manifest says, and its bytes: postcard in a container.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{BlobName, Contents, MAX_INDEX_KEY_LEN, MAX_INDEXES, MAX_RETIRED, MAX_TAILS, Slot};
use crate::container::{self, BlobHeader, BlobKind, StoreId};
use crate::error::{Error, ErrorKind, Result};

/// The base image a manifest names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseRef {
    /// The flush that wrote it.
    pub generation: u64,
    /// Its length without the container, in bytes.
    pub len: u64,
    /// XXH3-64 of its bytes.
    pub checksum: u64,
}

/// A piece of WAL a manifest names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TailRef {
    /// The flush that wrote it.
    pub generation: u64,
    /// Where in the WAL its first byte stands.
    pub offset: u64,
    /// Its length without the container, in bytes.
    pub len: u64,
    /// XXH3-64 of its bytes.
    pub checksum: u64,
}

/// An index snapshot a manifest names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexRef {
    /// The flush that wrote it.
    pub generation: u64,
    /// Which one of those the flush wrote.
    pub number: u32,
    /// Its length without the container, in bytes.
    pub len: u64,
    /// XXH3-64 of its bytes.
    pub checksum: u64,
}

impl IndexRef {
    /// The name of its blob.
    pub fn name(&self) -> BlobName {
        BlobName::Index { generation: self.generation, number: self.number }
    }
}

/// A blob that is no longer part of the store since a flush, and may still exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Retired {
    pub(super) name: BlobName,
    pub(super) since: u64,
}

/// The blobs of one generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) generation: u64,
    pub(super) epoch: u64,
    pub(super) base: BaseRef,
    pub(super) tails: Vec<TailRef>,
    pub(super) indexes: BTreeMap<String, IndexRef>,
    pub(super) retired: Vec<Retired>,
}

impl Manifest {
    /// The manifest of `contents`, of which the base must be known.
    pub(super) fn new(generation: u64, base: BaseRef, contents: &Contents) -> Manifest {
        Manifest {
            generation,
            epoch: contents.epoch,
            base,
            tails: contents.tails.clone(),
            indexes: contents.indexes.clone(),
            retired: contents.retired.clone(),
        }
    }

    pub(super) fn encode(&self, store: StoreId) -> Result<Vec<u8>> {
        let payload = postcard::to_stdvec(self).map_err(|error| {
            Error::with_source(ErrorKind::Engine, "a manifest could not be encoded", error)
        })?;
        let header = BlobHeader {
            kind: BlobKind::Manifest,
            store,
            generation: self.generation,
            epoch: self.epoch,
            offset: 0,
        };
        Ok(container::encode(&header, &payload))
    }

    /// Reads the manifest in `slot`, and checks all that can be checked without other blobs.
    pub(super) fn decode(slot: Slot, bytes: &[u8]) -> Result<(StoreId, Manifest)> {
        let name = slot.name();
        let blob = container::decode_as(name, bytes, BlobKind::Manifest, None)?;
        let manifest = match postcard::take_from_bytes::<Manifest>(blob.payload) {
            Ok((manifest, [])) => manifest,
            Ok((_, rest)) => {
                return Err(Error::corrupt(format!(
                    "blob '{name}' has {} bytes behind the manifest",
                    rest.len()
                )));
            }
            Err(error) => {
                return Err(Error::with_source(
                    ErrorKind::Corrupt,
                    format!("blob '{name}' holds no manifest: {error}"),
                    error,
                ));
            }
        };
        let said = (blob.header.generation, blob.header.epoch, blob.header.offset);
        let problem = if said != (manifest.generation, manifest.epoch, 0) {
            Some("its container is of another generation".to_owned())
        } else if Slot::of(manifest.generation) != slot {
            Some(format!("generation {} belongs in the other slot", manifest.generation))
        } else {
            manifest.problem()
        };
        match problem {
            None => Ok((blob.header.store, manifest)),
            Some(problem) => Err(Error::corrupt(format!(
                "blob '{name}' holds an impossible manifest: {problem}"
            ))),
        }
    }

    /// What in it cannot be, if anything.
    fn problem(&self) -> Option<String> {
        // The bound leaves room to count on from any number without an overflow.
        const MAX: u64 = u64::MAX >> 8;
        if self.generation == 0 || self.generation > MAX {
            return Some(format!("generation {}", self.generation));
        }
        if self.epoch == 0 || self.epoch > self.generation {
            return Some(format!("epoch {} in generation {}", self.epoch, self.generation));
        }
        let counts = [
            (self.tails.len(), MAX_TAILS, "WAL tails"),
            (self.indexes.len(), MAX_INDEXES, "index snapshots"),
            (self.retired.len(), MAX_RETIRED, "retired blobs"),
        ];
        if let Some((count, max, what)) = counts.into_iter().find(|(count, max, _)| count > max) {
            return Some(format!("{count} {what}, more than {max}"));
        }
        let generations = (self.tails.iter().map(|tail| tail.generation))
            .chain(self.indexes.values().map(|index| index.generation))
            .chain([self.base.generation]);
        if let Some(later) = generations.max().filter(|later| *later > self.generation) {
            return Some(format!("a blob of the later generation {later}"));
        }
        let mut end = 0;
        for tail in &self.tails {
            if tail.offset != end || tail.len == 0 || tail.len > MAX - end {
                return Some(format!(
                    "a WAL tail of {} bytes at {} where {end} was expected",
                    tail.len, tail.offset
                ));
            }
            end += tail.len;
        }
        self.indexes
            .keys()
            .find(|key| key.is_empty() || key.len() > MAX_INDEX_KEY_LEN)
            .map(|key| format!("an index key of {} bytes", key.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::test;

    fn manifest() -> Manifest {
        let tail = |generation, offset, len| TailRef { generation, offset, len, checksum: 3 };
        Manifest {
            generation: 5,
            epoch: 2,
            base: BaseRef { generation: 3, len: 4096, checksum: 1 },
            tails: vec![tail(4, 0, 100), tail(5, 100, 50)],
            indexes: BTreeMap::from([(
                "docs".to_owned(),
                IndexRef { generation: 5, number: 0, len: 9, checksum: 2 },
            )]),
            retired: vec![Retired { name: BlobName::Base { epoch: 1 }, since: 3 }],
        }
    }

    #[test]
    fn a_manifest_comes_back_as_it_went() {
        let store = StoreId([9; 16]);
        let bytes = manifest().encode(store).unwrap();
        assert_eq!(Manifest::decode(Slot::A, &bytes).unwrap(), (store, manifest()));
        let error = Manifest::decode(Slot::B, &bytes).unwrap_err();
        assert!(error.to_string().contains("other slot"), "{error}");
    }

    #[test]
    fn impossible_manifests_are_refused() {
        let changes: [fn(&mut Manifest); 10] = [
            |m| m.generation = u64::MAX,
            |m| m.epoch = 0,
            |m| m.epoch = 6,
            |m| m.tails[0].offset = 1,
            |m| m.tails[1].offset = 99,
            |m| m.tails[1].len = u64::MAX,
            |m| m.tails[1].len = 0,
            |m| m.base.generation = 6,
            |m| m.tails = vec![m.tails[0]; MAX_TAILS + 1],
            |m| {
                let index = m.indexes["docs"];
                m.indexes.insert("k".repeat(MAX_INDEX_KEY_LEN + 1), index);
            },
        ];
        for (number, change) in changes.iter().enumerate() {
            let mut wrong = manifest();
            change(&mut wrong);
            let bytes = wrong.encode(StoreId([9; 16])).unwrap();
            let error = Manifest::decode(Slot::A, &bytes).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "change {number}");
        }
    }
}
