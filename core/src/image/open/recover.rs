//! What can still be had of a store whose newest state is damaged.

use super::{Found, ImageOpener, OpenReport, Stop};
use crate::container::StoreId;
use crate::error::{Error, ErrorKind};
use crate::image::manifest::{IndexRef, Manifest, TailRef};
use crate::image::{BlobName, Contents};

impl ImageOpener {
    /// What can be had when `newest` cannot, for the reason `error`: the state before it, or as
    /// much of either as is whole from the beginning of its WAL on.
    pub(super) fn recover(
        &self,
        store: StoreId,
        newest: &Manifest,
        older: Option<&Manifest>,
        error: &Error,
        mut report: OpenReport,
    ) -> Result<Found, Stop> {
        report.given_up.push(format!("generation {}: {error}", newest.generation));
        if let Some(older) = older {
            match self.load(store, older) {
                Ok(()) => {
                    report.generation = older.generation;
                    let contents = Contents::of(older);
                    let kept = older.generation;
                    let mut found = Found { store, contents, kept, repair: true, report };
                    retire_given_up(newest, &mut found.contents);
                    self.drop_indexes(&mut found)?;
                    return Ok(found);
                }
                Err(Stop::Failed(error)) if error.kind() == ErrorKind::Corrupt => {
                    report.given_up.push(format!("generation {}: {error}", older.generation));
                }
                Err(stop) => return Err(stop),
            }
        }
        for manifest in [Some(newest), older].into_iter().flatten() {
            let mut contents = Contents::of(manifest);
            let Some(whole) = self.whole_tails(store, manifest) else { continue };
            let next = newest.generation + 1;
            contents.retire_tails(whole, next);
            // An index snapshot may be ahead of the data that is left.
            for (key, index) in std::mem::take(&mut contents.indexes) {
                contents.retire(index.name(), next);
                let why = "it may be ahead of the data that was recovered".to_owned();
                report.dropped_indexes.insert(key, why);
            }
            report.generation = manifest.generation;
            report.given_up.push(format!(
                "generation {}: its WAL from byte {} on",
                manifest.generation,
                contents.wal_len()
            ));
            let kept = manifest.generation;
            if kept < newest.generation {
                retire_given_up(newest, &mut contents);
            }
            return Ok(Found { store, contents, kept, repair: true, report });
        }
        Err(Stop::Failed(error.clone().context("no state of the store is left to recover")))
    }

    /// How many tails of `manifest` are whole, from the first on; `None` without its base.
    fn whole_tails(&self, store: StoreId, manifest: &Manifest) -> Option<usize> {
        self.check_base(store, manifest).ok()?;
        let whole = |tail: &&TailRef| self.check_tail(store, manifest.epoch, tail).is_ok();
        Some(manifest.tails.iter().take_while(whole).count())
    }
}

/// Retires what `given_up` names beside `contents`.
fn retire_given_up(given_up: &Manifest, contents: &mut Contents) {
    let given_up = Contents::of(given_up);
    let names = [BlobName::Base { epoch: given_up.epoch }].into_iter();
    let names = names.chain(given_up.tails.iter().map(|tail| given_up.tail_name(tail)));
    let names = names.chain(given_up.indexes.values().map(IndexRef::name));
    let names = names.chain(given_up.retired.iter().map(|retired| retired.name));
    for name in names.filter(|name| !contents.needs(*name)).collect::<Vec<_>>() {
        contents.retire(name, 0);
    }
}
