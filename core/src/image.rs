//! A whole store on a host that can only replace whole blobs: the manifest protocol.
//!
//! # What is stored
//!
//! | blob | content | written |
//! |---|---|---|
//! | `base-<epoch>` | the database file as of a checkpoint | once per checkpoint |
//! | `wal-<epoch>-<generation>` | a piece of the WAL that has grown on it since | at most one per flush |
//! | `index-<generation>-<number>` | the snapshot of one derived index | when the caller hands one over |
//! | `manifest-a`, `manifest-b` | which of the above make the store, with length and checksum | alternately, last in each flush |
//!
//! Every blob stands in a [container](crate::container) that says whose it is and which flush
//! (generation) wrote it. A flush writes its blobs under new names, then replaces the older of
//! the two manifests, then removes what neither manifest needs. Its cost is that of the new WAL
//! bytes, since pieces are merged only when sixteen of a size have come together.
//!
//! # What is opened
//!
//! The newest manifest that is whole, and on top of it the flush after it if that flush's data is
//! whole. So a flush counts from the moment its last data blob is in place; the manifest only
//! makes that cheap to find, and losing one manifest loses nothing. The rules, with `n` the
//! generation of the newest whole manifest:
//!
//! 1. The flush `n + 1` is complete when there is a WAL piece of that generation, of this store
//!    and epoch, that continues the WAL (it starts where a piece starts or ends, repeats the bytes
//!    it covers, and goes on); or a base of the next epoch and that generation, with all of the
//!    WAL that its header says was written beside it. A complete flush is opened: *rolled forward*.
//! 2. Otherwise, when the other slot holds generation `n - 1` as it should, whatever there is of
//!    `n + 1` is what a crash left of a flush that was never acknowledged: ignored, and removed by
//!    the next flush.
//! 3. When the other slot does not (it is damaged, missing or stale), it may have been `n + 1`.
//!    If there is nothing of that flush, no data can have been lost with it: a flush without data
//!    (of index snapshots only) leaves none. If there is something and it is damaged, the store
//!    is [`Corrupt`](crate::ErrorKind::Corrupt), until it is opened with
//!    [`OpenOptions::recover`].
//! 4. A base or WAL piece that the newest manifest names and that is missing or damaged is
//!    `Corrupt` too. Nothing is changed by failing to open. With `recover` the other manifest is
//!    tried.
//! 5. An index snapshot that is missing or damaged is dropped, since it is derived.
//!
//! # Why that is right at every crash
//!
//! * *While blobs are written*: both manifests are untouched and need none of the new names. If
//!   the data is not whole, rule 2 opens generation `n`; if it is, rule 1 opens the flush that was
//!   in flight. Because a whole one is always taken, no whole flush is ever left lying beside
//!   another of its generation.
//! * *At the manifest*: it is replaced atomically. Should the host tear it nevertheless, the slot
//!   is damaged and the data before it is whole: rule 1.
//! * *While blobs are removed*: only what neither manifest names is removed, so a manifest that is
//!   lost later still has the other one's blobs to fall back on. What was not removed stays listed.
//! * *After opening a store whose slots are not `n` and `n - 1`*: before anything else, the next
//!   flush writes the manifest `n + 1` of what was opened, over the slot that is not `n`
//!   ([`Flush::repairs`]). So no blob is written while a slot is damaged, and a blob that is torn
//!   by a crash is never mistaken for a lost flush; and there is never more than one flush to
//!   roll forward.
//!
//! One damaged or missing blob is thus either made up for or refused by name, and so are a lost
//! manifest and a damaged blob together. Two blobs that vanish together, both manifests or a
//! manifest and the data of its flush, can pass for a crash; no reader could tell.
//!
//! # Drivers
//!
//! Neither [`ImageOpener`] nor [`Image`] touches a storage. They say what to read and what to
//! write, so the same protocol runs under a synchronous Rust driver ([`open`], [`Image::flush`])
//! and an asynchronous one in JavaScript.

mod driver;
mod flush;
mod manifest;
mod open;
mod tails;
mod verify;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::container::StoreId;
use crate::error::{Error, ErrorKind, Result};

pub use driver::{Flushed, open};
pub use flush::{Flush, FlushInput};
pub use manifest::{BaseRef, IndexRef, TailRef};
pub use open::{ImageOpener, OpenOptions, OpenReport, OpenedImage};
pub use verify::verify;

use manifest::{Manifest, Retired};

/// How many pieces of WAL a manifest may name.
pub const MAX_TAILS: usize = 256;

/// How many index snapshots a manifest may name.
pub const MAX_INDEXES: usize = 4096;

/// How long the key of an index snapshot may be, in bytes.
pub const MAX_INDEX_KEY_LEN: usize = 512;

/// How many names of removed blobs a manifest may still list; the oldest are forgotten first.
pub const MAX_RETIRED: usize = 8192;

/// How much WAL may gather before a checkpoint is worth its cost, whatever the database's size.
const CHECKPOINT_MIN: u64 = 1 << 20;

/// One of the two places of a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    A,
    B,
}

impl Slot {
    /// The slot of a generation: they alternate.
    fn of(generation: u64) -> Slot {
        if generation % 2 == 1 { Slot::A } else { Slot::B }
    }

    fn other(self) -> Slot {
        match self {
            Slot::A => Slot::B,
            Slot::B => Slot::A,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Slot::A => "manifest-a",
            Slot::B => "manifest-b",
        }
    }
}

/// The name of a blob that a manifest may list, as the facts it is made of.
///
/// A manifest holds these and not strings, so a forged one cannot name a foreign file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum BlobName {
    /// `base-<epoch>`.
    Base {
        /// The number of the base image.
        epoch: u64,
    },
    /// `wal-<epoch>-<generation>`.
    Tail {
        /// The number of the base image it belongs to.
        epoch: u64,
        /// The flush that wrote it.
        generation: u64,
    },
    /// `index-<generation>-<number>`.
    Index {
        /// The flush that wrote it.
        generation: u64,
        /// Which one of those the flush wrote.
        number: u32,
    },
}

impl fmt::Display for BlobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BlobName::Base { epoch } => write!(f, "base-{epoch}"),
            BlobName::Tail { epoch, generation } => write!(f, "wal-{epoch}-{generation}"),
            BlobName::Index { generation, number } => write!(f, "index-{generation}-{number}"),
        }
    }
}

/// The state of an open store, as its blobs hold it.
///
/// [`plan`](Image::plan) says what a flush would write; a driver writes it and reports back by
/// [`committed`](Image::committed) or [`failed`](Image::failed).
#[derive(Debug)]
pub struct Image {
    store: StoreId,
    contents: Contents,
    /// The generation of the newest manifest that is stored and whole, or 0: its slot and its
    /// blobs are left alone by the next flush.
    kept: u64,
    /// Whether a manifest of what was opened has to be written before anything else.
    repair: bool,
    /// The checksum of what each slot held when it was last seen, to notice another writer.
    slots: [Option<u64>; 2],
    /// The checksum of the first bytes of the WAL that is stored, to notice a restarted one.
    wal_head: Option<u64>,
    poisoned: Option<Error>,
}

/// What a generation consists of.
#[derive(Debug, Clone, Default)]
struct Contents {
    epoch: u64,
    base: Option<BaseRef>,
    tails: Vec<TailRef>,
    indexes: std::collections::BTreeMap<String, IndexRef>,
    retired: Vec<Retired>,
}

impl Contents {
    fn of(manifest: &Manifest) -> Contents {
        Contents {
            epoch: manifest.epoch,
            base: Some(manifest.base),
            tails: manifest.tails.clone(),
            indexes: manifest.indexes.clone(),
            retired: manifest.retired.clone(),
        }
    }

    /// How many bytes of WAL are stored.
    fn wal_len(&self) -> u64 {
        self.tails.last().map_or(0, |tail| tail.offset + tail.len)
    }

    fn tail_name(&self, tail: &TailRef) -> BlobName {
        BlobName::Tail { epoch: self.epoch, generation: tail.generation }
    }

    /// Notes that `name` is no longer part of the store as of the flush `since`.
    fn retire(&mut self, name: BlobName, since: u64) {
        if !self.retired.iter().any(|retired| retired.name == name) {
            self.retired.push(Retired { name, since });
        }
    }

    /// Puts `base` in place of the old base and all of its WAL.
    fn rebase(&mut self, base: BaseRef) {
        if self.base.is_some() {
            self.retire(BlobName::Base { epoch: self.epoch }, base.generation);
        }
        self.retire_tails(0, base.generation);
        self.epoch += 1;
        self.base = Some(base);
    }

    /// Puts `tail` in place of the tails from `first` on.
    fn extend(&mut self, first: usize, tail: TailRef) {
        self.retire_tails(first, tail.generation);
        self.tails.push(tail);
    }

    fn retire_tails(&mut self, first: usize, since: u64) {
        for tail in self.tails.split_off(first) {
            self.retire(self.tail_name(&tail), since);
        }
    }

    /// Whether the store needs the blob `name`.
    fn needs(&self, name: BlobName) -> bool {
        match name {
            BlobName::Base { epoch } => self.base.is_some() && epoch == self.epoch,
            BlobName::Tail { epoch, generation } => {
                epoch == self.epoch && self.tails.iter().any(|tail| tail.generation == generation)
            }
            BlobName::Index { .. } => self.indexes.values().any(|index| index.name() == name),
        }
    }
}

impl Image {
    /// The identity of the store.
    pub fn store_id(&self) -> StoreId {
        self.store
    }

    /// The generation of the newest manifest: 0 before the first flush.
    pub fn generation(&self) -> u64 {
        self.kept
    }

    /// The number of the base image: 0 before the first flush.
    pub fn epoch(&self) -> u64 {
        self.contents.epoch
    }

    /// The base image, once there is one.
    pub fn base(&self) -> Option<BaseRef> {
        self.contents.base
    }

    /// The pieces of WAL, in order.
    pub fn tails(&self) -> &[TailRef] {
        &self.contents.tails
    }

    /// How many bytes of WAL are stored.
    pub fn wal_len(&self) -> u64 {
        self.contents.wal_len()
    }

    /// The index snapshots by key.
    pub fn indexes(&self) -> impl Iterator<Item = (&str, &IndexRef)> {
        self.contents.indexes.iter().map(|(key, index)| (key.as_str(), index))
    }

    /// The blobs that are no longer part of the store and were not yet seen to be removed.
    pub fn retired(&self) -> impl Iterator<Item = BlobName> {
        self.contents.retired.iter().map(|retired| retired.name)
    }

    /// Whether so much WAL has gathered on a database of `db_len` bytes that the next flush
    /// should follow a checkpoint and write a new base: 1 MiB, or half of the database if that
    /// is more.
    pub fn wants_checkpoint(&self, db_len: u64) -> bool {
        self.contents.wal_len() >= CHECKPOINT_MIN.max(db_len / 2)
    }

    /// Whether a flush failed, so that the store has to be opened again.
    pub(crate) fn is_poisoned(&self) -> bool {
        self.poisoned.is_some()
    }

    /// The error of every call after a failed flush, until the store is opened again.
    fn usable(&self) -> Result<()> {
        match &self.poisoned {
            None => Ok(()),
            Some(cause) => Err(Error::with_source(
                ErrorKind::Poisoned,
                format!("an earlier flush failed, so open the store again: {cause}"),
                cause.clone(),
            )),
        }
    }
}
