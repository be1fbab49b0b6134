//! Looking for damage in the blobs of a store, those of the state before the newest included.

use std::collections::BTreeSet;

use super::manifest::Manifest;
use super::{BlobName, Contents, ImageOpener, OpenOptions, Slot};
use crate::container::StoreId;
use crate::error::Result;
use crate::snapshot::SnapshotStorage;
use crate::verify::{Finding, Severity};
use crate::wal::{self, WalTail};

/// Checks both manifests of the store in `storage` and every blob they name, and that its WAL is
/// whole commits; changes nothing.
///
/// Damage to what only the older manifest names is a warning, since nothing is lost by it until
/// the newest state is damaged too. The pages of the database are not looked into.
///
/// ```
/// use sigil_core::MemoryStorage;
/// assert!(sigil_core::image::verify(&MemoryStorage::new())?.is_empty());
/// # Ok::<(), sigil_core::Error>(())
/// ```
///
/// # Errors
/// What the storage reports when it cannot be read.
pub fn verify(storage: &dyn SnapshotStorage) -> Result<Vec<Finding>> {
    let mut opener = ImageOpener::new(OpenOptions::default(), StoreId([0; 16]));
    let mut findings = Vec::new();
    loop {
        match opener.wanted() {
            Ok(names) if names.is_empty() => break,
            Ok(names) => read(&mut opener, storage, names)?,
            Err(error) => {
                findings.push(Finding::new(Severity::Damage, "store", error.to_string()));
                break;
            }
        }
    }
    let mut manifests: Vec<(StoreId, Manifest)> = Vec::new();
    for slot in [Slot::A, Slot::B] {
        match opener.blob(slot.name()).map(|bytes| Manifest::decode(slot, bytes)) {
            Some(Ok(manifest)) => manifests.push(manifest),
            Some(Err(error)) => {
                findings.push(Finding::new(Severity::Warning, slot.name(), error.to_string()));
            }
            None => {}
        }
    }
    manifests.sort_by_key(|(_, manifest)| std::cmp::Reverse(manifest.generation));
    let mut checked = BTreeSet::new();
    for (place, (store, manifest)) in manifests.iter().enumerate() {
        let names = names(manifest);
        read(&mut opener, storage, names.iter().map(BlobName::to_string))?;
        for name in names.into_iter().filter(|name| checked.insert(*name)) {
            if let Err(error) = opener.check_named(*store, manifest, name) {
                let derived = matches!(name, BlobName::Index { .. });
                let severity =
                    if derived || place > 0 { Severity::Warning } else { Severity::Damage };
                findings.push(Finding::new(severity, name.to_string(), error.to_string()));
            }
        }
    }
    if let Ok(opened) = opener.finish() {
        let report = opened.report;
        let missing = report.damaged_manifests.into_iter();
        let missing = missing.filter(|message| !findings.iter().any(|f| f.message == *message));
        let missing: Vec<String> = missing.collect();
        findings.extend(
            missing.into_iter().map(|message| Finding::new(Severity::Warning, "manifest", message)),
        );
        let left = report.leftovers.into_iter();
        findings.extend(left.map(|name| {
            Finding::new(Severity::Note, name, "a crash left it; the next flush removes it")
        }));
        let tail = wal::scan(&opened.wal).tail;
        if tail != WalTail::Nothing {
            let message = format!("the stored WAL does not end with a commit: {tail:?}");
            findings.push(Finding::new(Severity::Damage, "wal", message));
        }
    }
    Ok(findings)
}

/// Has the blobs read that are not known yet.
fn read(
    opener: &mut ImageOpener,
    storage: &dyn SnapshotStorage,
    names: impl IntoIterator<Item = String>,
) -> Result<()> {
    for name in names {
        if !opener.blobs.contains_key(&name) {
            let bytes = storage.read(&name)?;
            opener.supply(name, bytes);
        }
    }
    Ok(())
}

/// All blobs that `manifest` says make the store.
fn names(manifest: &Manifest) -> Vec<BlobName> {
    let contents = Contents::of(manifest);
    let mut names = vec![BlobName::Base { epoch: contents.epoch }];
    names.extend(contents.tails.iter().map(|tail| contents.tail_name(tail)));
    names.extend(contents.indexes.values().map(super::IndexRef::name));
    names
}

impl ImageOpener {
    /// Checks the blob `name`, which `manifest` names.
    fn check_named(&self, store: StoreId, manifest: &Manifest, name: BlobName) -> Result<()> {
        match name {
            BlobName::Base { .. } => self.check_base(store, manifest),
            BlobName::Tail { generation, .. } => manifest
                .tails
                .iter()
                .filter(|tail| tail.generation == generation)
                .try_for_each(|tail| self.check_tail(store, manifest.epoch, tail)),
            BlobName::Index { .. } => manifest
                .indexes
                .values()
                .filter(|index| index.name() == name)
                .try_for_each(|index| self.check_index(store, manifest.epoch, index)),
        }
    }
}
