//! Looking for damage: in the files as they lie, and in what an open store says.

use std::collections::BTreeSet;
use std::fmt;

use crate::collection::CollectionInfo;
use crate::engine::{DATABASE_FILE, PageFault, WAL_FILE, check_pages, missing_pages};
use crate::error::{Error, ErrorKind, Result};
use crate::files::Files;
use crate::snapshot::SnapshotStorage;
use crate::store::Store;
use crate::text_index::{self, TEXT_ROW_BYTES_MAX};
use crate::vector::VectorIndex;
use crate::wal::{self, WalTail};

/// How bad a [`Finding`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is wrong: what an interrupted write leaves, which the next open cleans up.
    Note,
    /// Something derived is damaged; the next open rebuilds it and nothing is lost.
    Warning,
    /// Data is damaged.
    Damage,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Damage => "damage",
        })
    }
}

/// One thing that a verification found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The file, blob or collection it concerns.
    pub part: String,
    /// What is wrong, and what to do.
    pub message: String,
}

impl Finding {
    /// A finding of `severity` in `part`.
    pub fn new(severity: Severity, part: impl Into<String>, message: impl Into<String>) -> Finding {
        Finding { severity, part: part.into(), message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.severity, self.part, self.message)
    }
}

/// Checks the database file and the WAL as they lie, without opening or changing them.
///
/// Every page has a checksum, and so has every frame of the WAL, so that one flipped bit anywhere
/// is found. A bit that flipped in the very last commit of a WAL that a crash left behind cannot
/// be told from a write that was cut off; it is found and reported as damage all the same.
///
/// # Errors
/// What the host reports when it cannot even read.
pub fn verify_files(files: &dyn Files) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let covered = verify_wal(files, &mut findings)?;
    if !files.exists(DATABASE_FILE)? {
        findings.push(match files.exists(WAL_FILE)? {
            true => Finding::new(
                Severity::Damage,
                DATABASE_FILE,
                format!("is missing, but '{WAL_FILE}' is there: restore both from a backup"),
            ),
            false => Finding::new(Severity::Note, DATABASE_FILE, "there is no database yet"),
        });
        return Ok(findings);
    }
    let file = files.open(DATABASE_FILE, false)?;
    if file.is_empty()? {
        findings.push(Finding::new(
            Severity::Warning,
            DATABASE_FILE,
            "is empty: a store that was only just created looks like this, and so does one that \
             lost everything",
        ));
        return Ok(findings);
    }
    match missing_pages(files) {
        Ok(0) => {}
        Ok(missing) => findings.push(Finding::new(
            Severity::Damage,
            DATABASE_FILE,
            format!("was cut off: it lacks {missing} pages; restore the store from an export"),
        )),
        // What is wrong with the header is said below.
        Err(error) if error.kind() == ErrorKind::Corrupt => {}
        Err(error) if error.kind() == ErrorKind::NotADatabase => {}
        Err(error) => return Err(error),
    }
    match check_pages(file.as_ref()) {
        Err(error) => {
            findings.push(Finding::new(Severity::Damage, DATABASE_FILE, error.to_string()))
        }
        Ok(None) => findings.push(Finding::new(
            Severity::Warning,
            DATABASE_FILE,
            "its pages carry no checksums, so damage may go unseen: export and import it",
        )),
        Ok(Some(faults)) => {
            let (logged, lost): (Vec<PageFault>, Vec<PageFault>) =
                faults.into_iter().partition(|fault| covered.contains(&fault.page));
            describe_faults(Severity::Damage, &lost, LOST, &mut findings);
            describe_faults(Severity::Warning, &logged, LOGGED, &mut findings);
        }
    }
    Ok(findings)
}

const LOST: &str = "does not match its checksum: restore the store from an export";
const LOGGED: &str = "does not match its checksum, which a checkpoint that was cut off leaves and \
                      damage too; the log holds the page, and the next close writes it anew";

fn describe_faults(
    severity: Severity,
    faults: &[PageFault],
    what: &str,
    findings: &mut Vec<Finding>,
) {
    const PAGES_NAMED_MAX: usize = 10;
    findings.extend(
        faults.iter().take(PAGES_NAMED_MAX).map(|fault| {
            Finding::new(severity, DATABASE_FILE, format!("page {} {what}", fault.page))
        }),
    );
    if let Some(more) = faults.len().checked_sub(PAGES_NAMED_MAX).filter(|more| *more > 0) {
        let message = format!("so it is with {more} more pages");
        findings.push(Finding::new(severity, DATABASE_FILE, message));
    }
}

/// Checks the WAL and gives the pages that its commits hold.
fn verify_wal(files: &dyn Files, findings: &mut Vec<Finding>) -> Result<BTreeSet<u64>> {
    if !files.exists(WAL_FILE)? {
        return Ok(BTreeSet::new());
    }
    let file = files.open(WAL_FILE, false)?;
    let mut bytes = vec![0; usize::try_from(file.len()?).unwrap_or(usize::MAX)];
    let n = file.read_at(0, &mut bytes)?;
    bytes.truncate(n);
    let scan = wal::scan(&bytes);
    let finding = match scan.tail {
        WalTail::Nothing => None,
        WalTail::Unfinished { len } => Some(Finding::new(
            Severity::Note,
            WAL_FILE,
            format!("ends in {len} bytes of a transaction that was not committed"),
        )),
        WalTail::Torn { offset, .. } => Some(Finding::new(
            Severity::Damage,
            WAL_FILE,
            format!(
                "does not match its checksums from byte {offset} on: if the machine lost power \
                 while writing this is the commit that was cut off, and opening drops it; if not, \
                 that commit is damaged, and a backup has it"
            ),
        )),
        WalTail::Damaged { offset, later_commits } => Some(Finding::new(
            Severity::Damage,
            WAL_FILE,
            format!(
                "is damaged at byte {offset}, with {later_commits} commits from there on: restore \
                 it from a backup"
            ),
        )),
    };
    findings.extend(finding);
    let committed = usize::try_from(scan.committed_len).unwrap_or(0);
    Ok(wal::frame_pages(&bytes[..committed]).map(u64::from).collect())
}

/// Checks an open store: the database's structure, and every index against its table.
///
/// What cannot be read is a finding, not an error.
///
/// # Errors
/// None today; callers are to be ready for them.
pub fn verify_store(store: &Store) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    match store.database().integrity_check() {
        Ok(problems) => findings.extend(
            problems
                .into_iter()
                .map(|problem| Finding::new(Severity::Damage, DATABASE_FILE, problem)),
        ),
        Err(error) => {
            findings.push(Finding::new(Severity::Damage, DATABASE_FILE, error.to_string()));
        }
    }
    for info in collections(store, &mut findings) {
        let part = format!("collection '{}'", info.name);
        match store.compare_index(&info) {
            Ok(problems) => findings.extend(
                problems
                    .into_iter()
                    .map(|problem| Finding::new(Severity::Damage, part.clone(), problem)),
            ),
            Err(error) => findings.push(Finding::new(Severity::Damage, part, error.to_string())),
        }
    }
    verify_text_indexes(store, &mut findings);
    Ok(findings)
}

/// Reads the stored segments of each text index, and compares its documents with the rows.
fn verify_text_indexes(store: &Store, findings: &mut Vec<Finding>) {
    let indexes = store.text_indexes().unwrap_or_else(|error| {
        let part = "the list of text indexes";
        findings.push(Finding::new(Severity::Damage, part, error.to_string()));
        Vec::new()
    });
    for info in indexes {
        let part = format!("text index '{}'", info.name);
        let mut add = |severity, problems: Result<Vec<String>>, rest: &str| match problems {
            Ok(problems) => {
                let is_sound = problems.is_empty();
                let finding = |problem| Finding::new(severity, &*part, format!("{problem}{rest}"));
                findings.extend(problems.into_iter().map(finding));
                is_sound
            }
            Err(error) => {
                findings.push(Finding::new(Severity::Damage, &*part, error.to_string()));
                false
            }
        };
        let stored = text_index::problems(store.database(), &info);
        if add(Severity::Warning, stored, "; it is made anew when it is next used") {
            let compared = store.compare_text_index(&info);
            if add(Severity::Damage, compared, ": rebuild the index") {
                let long = store.text_index_of(&info).unindexable();
                let row =
                    |key| format!("row {key} has more than {TEXT_ROW_BYTES_MAX} bytes of text");
                let long = long.map(|keys| keys.into_iter().map(row).collect());
                add(Severity::Note, long, ", so that no search finds it");
            }
        }
    }
}

/// The collections; that they cannot be read is a finding.
fn collections(store: &Store, findings: &mut Vec<Finding>) -> Vec<CollectionInfo> {
    store.collections().unwrap_or_else(|error| {
        findings.push(Finding::new(Severity::Damage, "the list of collections", error.to_string()));
        Vec::new()
    })
}

/// Checks the snapshots of the collections' indexes as they lie.
///
/// # Errors
/// None today; callers are to be ready for them.
pub fn verify_snapshots(store: &Store, snapshots: &dyn SnapshotStorage) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for info in collections(store, &mut findings) {
        let name = info.snapshot_name();
        let checked = snapshots.read(&name).and_then(|bytes| match bytes {
            Some(bytes) => VectorIndex::from_bytes(&bytes).map(|_| ()),
            // Changes are forgotten once a snapshot has seen them, so there has been one.
            None if info.trimmed_seq > 0 => Err(Error::corrupt("the index snapshot is missing")),
            None => Ok(()),
        });
        if let Err(error) = checked {
            let message = format!("{error}; it is rebuilt when it is next used");
            findings.push(Finding::new(Severity::Warning, name, message));
        }
    }
    Ok(findings)
}
