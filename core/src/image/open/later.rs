//! The flush after the newest manifest: whether it is complete without its own.

use super::{Found, ImageOpener, Stop};
use crate::container::{self, Blob, BlobKind, HEADER_LEN, StoreId};
use crate::error::{Error, ErrorKind, Result};
use crate::image::BlobName;
use crate::image::manifest::{BaseRef, TailRef};

/// What there is of a later flush.
enum Later {
    Nothing,
    Broken(Error),
    Tail(usize, TailRef),
    Base(BaseRef, Option<TailRef>),
}

impl ImageOpener {
    /// Takes in the flush after the one found, if it is complete. When the other manifest is
    /// `lost`, what there is of that flush must be complete.
    pub(super) fn roll_forward(&self, lost: bool, found: &mut Found) -> Result<(), Stop> {
        let generation = found.kept + 1;
        let names = self.want_later(found.contents.epoch, generation)?;
        found.report.generation = generation;
        found.report.rolled_forward = true;
        match self.later(found, generation) {
            Later::Tail(first, tail) => found.contents.extend(first, tail),
            Later::Base(base, tail) => {
                found.contents.rebase(base);
                if let Some(tail) = tail {
                    found.contents.extend(0, tail);
                }
            }
            later => {
                found.report.generation = found.kept;
                found.report.rolled_forward = false;
                match later {
                    Later::Broken(error) if error.kind() == ErrorKind::NewerFormat => {
                        return Err(Stop::Failed(error));
                    }
                    Later::Broken(error) if lost && self.options.recover => {
                        found.report.given_up.push(format!("generation {generation}: {error}"));
                    }
                    Later::Broken(error) if lost => {
                        return Err(Stop::Failed(lost_flush(found.kept, &error)));
                    }
                    _ => {}
                }
            }
        }
        found.repair |= found.report.rolled_forward;
        self.note_leftovers(found, &names);
        Ok(())
    }

    /// Has all blobs read that a flush of `generation` may have written, and names them.
    fn want_later(&self, epoch: u64, generation: u64) -> Result<Vec<BlobName>, Stop> {
        let mut names = later_names(epoch, generation).to_vec();
        self.want(names.iter().map(BlobName::to_string))?;
        let mut number = 0;
        while self.blob(&BlobName::Index { generation, number }.to_string()).is_some() {
            number += 1;
            let next = BlobName::Index { generation, number };
            self.want([next.to_string()])?;
            names.push(next);
        }
        Ok(names)
    }

    /// Retires those of `names` that exist and are not needed: a crash left them.
    fn note_leftovers(&self, found: &mut Found, names: &[BlobName]) {
        let Found { contents, report, .. } = found;
        for name in names.iter().copied() {
            if self.blob(&name.to_string()).is_some() && !contents.needs(name) {
                contents.retire(name, 0);
                report.leftovers.push(name.to_string());
            }
        }
    }

    /// What there is of the flush `generation` on top of what was found.
    fn later(&self, found: &Found, generation: u64) -> Later {
        let tail = self.later_tail(found, generation);
        let base = self.later_base(found, generation);
        match (tail, base) {
            (Later::Tail(..), Later::Base(..)) => Later::Broken(Error::corrupt(format!(
                "there are two complete flushes of generation {generation}: two writers had the \
                 store open at once"
            ))),
            (whole @ Later::Tail(..), _) | (_, whole @ Later::Base(..)) => whole,
            (broken @ Later::Broken(_), _) | (_, broken) => broken,
        }
    }

    fn later_tail(&self, found: &Found, generation: u64) -> Later {
        let contents = &found.contents;
        if contents.base.is_none() {
            return Later::Nothing;
        }
        let name = BlobName::Tail { epoch: contents.epoch, generation };
        let Some(bytes) = self.blob(&name.to_string()) else { return Later::Nothing };
        let blob = match self.later_blob(found.store, name, bytes, BlobKind::WalTail) {
            Ok(blob) => blob,
            Err(error) => return Later::Broken(error),
        };
        let tail = tail_ref(&blob);
        let first = contents.tails.iter().take_while(|old| old.offset < tail.offset).count();
        let start = contents.tails.get(first).map_or(contents.wal_len(), |old| old.offset);
        let covered = contents.tails[first..].iter().try_fold(blob.payload, |rest, old| {
            let old = self.blob(&contents.tail_name(old).to_string())?.get(HEADER_LEN..)?;
            rest.strip_prefix(old)
        });
        let ours = (blob.header.epoch, blob.header.generation) == (contents.epoch, generation);
        match covered {
            Some(new) if ours && start == tail.offset && !new.is_empty() => {
                Later::Tail(first, tail)
            }
            _ => Later::Broken(Error::corrupt(format!(
                "blob '{name}' does not continue the WAL of generation {}: it starts at {}, \
                 and the WAL is {} bytes long",
                found.kept,
                tail.offset,
                contents.wal_len()
            ))),
        }
    }

    fn later_base(&self, found: &Found, generation: u64) -> Later {
        let epoch = found.contents.epoch + 1;
        let name = BlobName::Base { epoch };
        let Some(bytes) = self.blob(&name.to_string()) else { return Later::Nothing };
        let blob = match self.later_blob(found.store, name, bytes, BlobKind::Image) {
            Ok(blob) => blob,
            Err(error) => return Later::Broken(error),
        };
        // A base of another generation is what an earlier crash left.
        if (blob.header.epoch, blob.header.generation) != (epoch, generation) {
            return Later::Nothing;
        }
        let base = BaseRef { generation, len: blob.payload.len() as u64, checksum: blob.checksum };
        let wal_len = blob.header.offset;
        if wal_len == 0 {
            return Later::Base(base, None);
        }
        let name = BlobName::Tail { epoch, generation };
        let Some(bytes) = self.blob(&name.to_string()) else {
            return Later::Broken(Error::corrupt(format!("blob '{name}' is missing")));
        };
        match self.later_blob(found.store, name, bytes, BlobKind::WalTail) {
            Err(error) => Later::Broken(error),
            Ok(blob) => {
                let tail = tail_ref(&blob);
                let expected = (epoch, generation, 0, wal_len);
                let found = (blob.header.epoch, tail.generation, tail.offset, tail.len);
                if found == expected {
                    Later::Base(base, Some(tail))
                } else {
                    Later::Broken(Error::corrupt(format!(
                        "blob '{name}' does not belong to 'base-{epoch}': expected {expected:?} \
                         as epoch, generation, offset and length, found {found:?}"
                    )))
                }
            }
        }
    }

    fn later_blob<'a>(
        &self,
        store: StoreId,
        name: BlobName,
        bytes: &'a [u8],
        kind: BlobKind,
    ) -> Result<Blob<'a>> {
        container::decode_as(&name.to_string(), bytes, kind, Some(store))
    }
}

/// The blobs a flush of `generation` on top of `epoch` may have written, but for further indexes.
pub(super) fn later_names(epoch: u64, generation: u64) -> [BlobName; 4] {
    [
        BlobName::Tail { epoch, generation },
        BlobName::Base { epoch: epoch + 1 },
        BlobName::Tail { epoch: epoch + 1, generation },
        BlobName::Index { generation, number: 0 },
    ]
}

fn tail_ref(blob: &Blob<'_>) -> TailRef {
    TailRef {
        generation: blob.header.generation,
        offset: blob.header.offset,
        len: blob.payload.len() as u64,
        checksum: blob.checksum,
    }
}

fn lost_flush(kept: u64, error: &Error) -> Error {
    error.clone().context(format!(
        "a manifest is damaged, and so is what the flush after generation {kept} wrote (restore \
         either, or open with 'recover' to go back to generation {kept})"
    ))
}
