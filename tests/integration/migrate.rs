//! `sigil migrate`: nothing is lost, everything that is changed is told, and a run that is cut off
//! anywhere is finished by the next.

mod dump;
mod oracle;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use sigil_core::{
    Error, ErrorKind, Files, FixedHost, Gateway, MemoryFiles, MemoryStorage, Metric, Result,
    Shared, SnapshotStorage, SqlGateway, SqlWorkspace, Store, StoreParts, Timestamp, Workspace,
    WorkspaceOptions,
};
use sigil_native::migrate::{FileOutcome, Report, Target, migrate, migrate_into, rehearse};
use sigil_tests::fault::{Fault, FaultyFiles, FaultyStorage};
use sigil_tests::legacy::Legacy;
use sigil_tests::program;
use sigil_tests::random::Random;
use sigil_tests::scratch::Scratch;

use dump::Dump;
use oracle::Migrated;

/// Without interest in the progress.
fn silent(_: sigil_native::migrate::Progress<'_>) -> Result<()> {
    Ok(())
}

/// What the target must be opened with: the dimensions of the workspaces, and the ids that their
/// vectors may have.
fn vectors(legacy: &Legacy) -> (BTreeMap<String, usize>, BTreeMap<String, Vec<String>>) {
    let mut ids: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut dimensions: BTreeMap<String, usize> = BTreeMap::new();
    let rows = legacy.expected();
    let of = |row: &sigil_tests::legacy::ExpectedRow| {
        let inner = row.file.strip_prefix("workspaces/").unwrap();
        inner.rsplit_once('/').unwrap().0.to_owned()
    };
    for row in rows.iter().filter(|row| row.table == "vectors") {
        let id = row.row["id"].as_str().unwrap().replace('\0', "\u{2400}");
        let id = if id.is_empty() { "legacy-empty".to_owned() } else { id };
        let count = row.row["embedding"]["blob"].as_str().unwrap().len() / 8;
        for workspace in [of(row), "nowhere: else".to_owned(), "work".to_owned()] {
            dimensions.insert(workspace.clone(), count);
            let ids = ids.entry(workspace).or_default();
            for id in [id.clone(), format!("{id}~2")] {
                if !ids.contains(&id) {
                    ids.push(id);
                }
            }
        }
    }
    (dimensions, ids)
}

fn dumped(legacy: &Legacy, target: &Path) -> Dump {
    let (dimensions, ids) = vectors(legacy);
    dump::directory(target, &dimensions, &ids)
}

/// Migrates the directory, checks every row and that the source is as it was.
#[track_caller]
fn migrated(legacy: &Legacy) -> (Report, Dump, usize) {
    let before = legacy.state();
    let target = Scratch::new("migrated");
    let (mut done, mut total) = (0, 0);
    let report = migrate(legacy.data(), target.path(), &mut |progress| {
        assert!(progress.done >= done && progress.done <= progress.total);
        (done, total) = (progress.done, progress.total);
        Ok(())
    });
    let report = report.unwrap();
    assert!(report.is_complete() && done == total, "{done} of {total}: {:?}", report.files);
    let dump = dumped(legacy, target.path());
    let rows = Migrated::new(legacy, &report, &dump).check();
    assert!(legacy.state() == before, "the source was touched");
    assert_eq!(total, u64::try_from(rows).unwrap());
    assert_eq!(rehearse(legacy.data(), &mut silent).unwrap(), report);
    (report, dump, rows)
}

/// Rows that are odd and need no repair here: the stores take them as they are.
const HARMLESS: &[&str] = &[
    "nul", // of contents, names and values
    "relationship-to-missing",
    "relationship-self",
    "fact-value-empty",
    "metadata-nested",
];

/// Every oddity is told of.
#[track_caller]
fn told(legacy: &Legacy, report: &Report) {
    let rows = legacy.expected();
    for odd in legacy.oddities() {
        if HARMLESS.contains(&odd.what.as_str()) {
            continue;
        }
        let is_row = |row: &&sigil_tests::legacy::ExpectedRow| {
            let text = |name: &str| row.row.get(name).and_then(Value::as_str).unwrap_or_default();
            let keys = match odd.table.as_str() {
                "triples" => vec![
                    text("subject").to_owned(),
                    ["workspace", "subject", "predicate", "object"].map(text).join("\x1f"),
                ],
                "user_identities" => vec![["platform", "platform_user_id"].map(text).join("\x1f")],
                _ => vec![text("id").to_owned()],
            };
            row.file == odd.file && row.table == odd.table && keys.contains(&odd.id)
        };
        let found: Vec<_> = rows.iter().filter(is_row).collect();
        assert!(!found.is_empty(), "{odd:?} is nowhere");
        // Before a column came, what is odd could not be stored.
        let later = [
            ("origin", "origin", ""),
            ("threat", "threat_info", "{}"),
            ("status", "status", "committed"),
        ];
        let is_before = later.iter().any(|(what, column, default)| {
            let value = found[0].row.get(*column);
            odd.what.starts_with(what) && value.is_none_or(|value| value == default)
        });
        if is_before {
            continue;
        }
        let rowids: Vec<i64> = found.iter().map(|row| row.rowid).collect();
        let is_told = report.repairs.iter().any(|repair| {
            let is_row = rowids.contains(&repair.rowid)
                || odd.table == "vectors" && [&repair.id, "legacy-empty"].contains(&odd.id.as_str())
                || odd.table == "vectors" && odd.id.is_empty() && repair.id == "legacy-empty"
                // What is missing was made, and is told once.
                || odd.what == "user-missing" && repair.id == "no-such-user"
                // Of two with one id, one keeps it.
                || odd.what.ends_with("-shared") && repair.wrong.starts_with("another ")
                || odd.what == "session-missing" && repair.id == "no-such-session";
            repair.file == odd.file && is_row
        });
        let is_in_range = odd.what == "fact-confidence" && !odd.id.ends_with("text");
        assert!(is_told || is_in_range, "{odd:?} is not told of");
    }
}

fn get<'a>(dump: &'a Dump, workspace: &str, kind: &'static str, id: &str) -> &'a Value {
    let records = &dump[&(Some(workspace.to_owned()), kind)];
    records.iter().find(|record| record["id"] == id).unwrap_or_else(|| panic!("no {kind} '{id}'"))
}

#[test]
fn the_committed_directories_are_migrated_row_for_row() {
    let legacy = Legacy::fixture("everything");
    let (report, dump, rows) = migrated(&legacy);
    told(&legacy, &report);
    assert_eq!(rows, legacy.expected().len());
    // What the old program read wrongly is right: the newest name, and no fact in the entity.
    let renamed = get(&dump, "home", "entities", "renamed");
    assert_eq!((&renamed["name"], &renamed["type"]), (&json!("Mo"), &json!("robot")));
    assert_eq!(renamed["properties"]["colour"], "blue");
    assert_eq!(renamed["properties"]["legacy.name"], json!(["Al", "Zed"]));
    assert_ne!(get(&dump, "home", "entities", "e0")["type"], "chief");
    // What could be read of a text that is cut within a character is still there.
    let messages = &dump[&(Some("home".to_owned()), "messages")];
    let broken = "tool output \u{fffd}\u{fffd} cut \u{fffd}";
    assert!(messages.iter().any(|message| message["content"] == broken));
    // A role that is not known is trusted the least, and what it was is still there.
    let unknown = |message: &&Value| message["metadata"]["legacy.role"] == "developer";
    assert_eq!(messages.iter().find(unknown).unwrap()["role"], "user");

    let legacy = Legacy::fixture("old-schema");
    let (report, dump, _) = migrated(&legacy);
    assert_eq!(report.repairs, []);
    let summaries = &dump[&(Some("old".to_owned()), "summaries")];
    assert!(summaries.iter().all(|summary| summary["status"] == "committed"), "{summaries:?}");
}

#[test]
fn directories_of_every_shape_are_migrated_row_for_row() {
    let seed = std::process::id().to_string();
    eprintln!("seed {seed}");
    let unicode = "\u{6771}\u{4eac} \u{1f980}";
    for options in [
        &["--schema", "old"][..],
        &["--schema", "altered", "--wal", "--page-size", "1024", "--workspace", "personal:u1"],
        &["--size", "small", "--wal", "--workspace", unicode, "--workspace", "team/alpha"],
        &["--size", "small", "--dimensions", "1536"],
    ] {
        let legacy = Legacy::generate(&[&["--seed", &seed], options].concat());
        let (report, ..) = migrated(&legacy);
        told(&legacy, &report);
    }
}

#[test]
fn a_large_directory_without_oddities_needs_no_repair() {
    let legacy = Legacy::generate(&["--size", "large", "--plain", "--dimensions", "8", "--wal"]);
    let (report, dump, rows) = migrated(&legacy);
    assert_eq!(report.repairs, []);
    assert!(rows > 30_000);
    // In the order of their times, and where these are the same, in that of the rows.
    for (table, kind) in [("memory_messages", "messages"), ("audit_log", "audit")] {
        let mut rows = legacy.expected();
        rows.retain(|row| row.table == table && !row.file.contains("/work/"));
        let time = if table == "audit_log" { "timestamp" } else { "created_at" };
        let parse = |row: &sigil_tests::legacy::ExpectedRow| -> Timestamp {
            row.row[time].as_str().unwrap().parse().unwrap()
        };
        rows.sort_by_key(|row| (parse(row), row.rowid));
        let is_tied = rows.windows(2).any(|pair| parse(&pair[0]) == parse(&pair[1]));
        assert!(is_tied, "no two rows of one time");
        let workspace = (table == "memory_messages").then(|| "home".to_owned());
        let found = dump[&(workspace, kind)].iter().map(|record| &record["id"]);
        assert!(found.eq(rows.iter().map(|row| &row.row["id"])), "{table}");
    }
}

#[test]
fn what_is_finished_is_said_to_be_and_what_changed_since_is_refused() {
    let legacy = Legacy::generate(&["--workspace", "w"]);
    let target = Scratch::new("migrated-twice");
    let first = migrate(legacy.data(), target.path(), &mut silent).unwrap();
    let dump = dumped(&legacy, target.path());
    let second = migrate(legacy.data(), target.path(), &mut |_| panic!("it works")).unwrap();
    assert_eq!(second.repairs, first.repairs);
    assert!(second.files.iter().all(|file| file.outcome == FileOutcome::AlreadyMigrated));
    assert_eq!(dumped(&legacy, target.path()), dump);

    std::fs::write(legacy.data().join("gateway.db-wal"), b"changed").unwrap();
    let error = migrate(legacy.data(), target.path(), &mut silent).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let other = Legacy::fixture("everything");
    let error = migrate(other.data(), target.path(), &mut silent).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
}

#[test]
fn targets_that_are_in_the_way_are_refused() {
    let legacy = Legacy::generate(&["--workspace", "w", "--file", "gateway.db"]);
    let before = legacy.state();
    let scratch = Scratch::new("in-the-way");
    std::fs::create_dir_all(scratch.join("full")).unwrap();
    std::fs::write(scratch.join("full/notes.txt"), b"mine").unwrap();
    for (target, kind) in [
        (scratch.join("full"), ErrorKind::Conflict),
        (legacy.data(), ErrorKind::InvalidInput),
        (legacy.data().join("new/deep"), ErrorKind::InvalidInput),
        (legacy.data().parent().unwrap().to_owned(), ErrorKind::InvalidInput),
        (legacy.data().join("../data/x"), ErrorKind::InvalidInput),
    ] {
        let error = migrate(legacy.data(), &target, &mut silent).unwrap_err();
        assert_eq!(error.kind(), kind, "{}: {error}", target.display());
    }
    let error = migrate(scratch.join("full"), scratch.join("new"), &mut silent).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(legacy.state() == before);
}

#[cfg(unix)]
#[test]
fn links_that_lead_back_are_not_followed() {
    let legacy = Legacy::generate(&["--workspace", "w", "--plain"]);
    let inner = legacy.data().join("workspaces/w");
    std::os::unix::fs::symlink(legacy.data().join("workspaces"), inner.join("back")).unwrap();
    let target = Scratch::new("links");
    let report = migrate(legacy.data(), target.path(), &mut silent).unwrap();
    let left: Vec<&str> = report
        .files
        .iter()
        .filter(|file| matches!(file.outcome, FileOutcome::LeftOut(_)))
        .map(|file| file.file.as_str())
        .collect();
    assert_eq!((left, report.files.len()), (vec!["workspaces/w/back/"], 6));
}

#[test]
fn a_file_that_cannot_be_read_stops_everything_before_it_begins() {
    let legacy = Legacy::generate(&["--workspace", "w"]);
    let path = legacy.data().join("workspaces/w/memory.db");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.truncate(bytes.len() / 2);
    std::fs::write(&path, &bytes).unwrap();
    std::fs::write(legacy.data().join("workspaces/w/notes.txt"), b"mine").unwrap();
    let target = Scratch::new("unreadable");
    let report = migrate(legacy.data(), target.path(), &mut silent).unwrap();
    assert!(!report.is_complete() && !target.path().exists());
    let outcome = |name: &str| {
        let file = report.files.iter().find(|file| file.file == name).unwrap();
        file.outcome.clone()
    };
    let FileOutcome::Failed(why) = outcome("workspaces/w/memory.db") else { panic!("{report:?}") };
    assert!(why.contains("memory.db"), "{why}");
    assert!(matches!(outcome("gateway.db"), FileOutcome::Failed(why) if why.contains("not begun")));
    assert!(matches!(outcome("workspaces/w/notes.txt"), FileOutcome::LeftOut(_)));
    // Out of the way, the rest can be migrated.
    std::fs::remove_file(path).unwrap();
    assert!(migrate(legacy.data(), target.path(), &mut silent).unwrap().is_complete());
}

#[test]
fn the_program_reports_and_rehearses() {
    let legacy = Legacy::fixture("everything");
    let scratch = Scratch::new("migrate-cli");
    let (source, target) = (legacy.data(), scratch.join("new"));
    let run = |more: &[&str]| {
        let paths = [source.to_str().unwrap(), target.to_str().unwrap()];
        let ran = program::run([&["migrate"][..], &paths, more].concat());
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
        ran.out
    };
    let rehearsed = run(&["--dry-run"]);
    assert!(rehearsed.ends_with("repairs; nothing was written, as asked\n"), "{rehearsed}");
    assert!(!target.exists());
    let out = run(&[]);
    assert!(out.contains("workspaces/home/vectors.db: vectors 'nan': "), "{out}");
    assert!(out.contains("\ngateway.db: ") && out.contains(" rows migrated\n"), "{out}");
    let report: Value = serde_json::from_str(&run(&["--json"])).unwrap();
    assert_eq!(report["complete"], true);
    assert_eq!(report["files"][0]["outcome"], "already migrated");
    let repairs = report["repairs"].as_array().unwrap();
    assert_eq!(out.lines().count(), repairs.len() + report["files"].as_array().unwrap().len() + 1);
}

/// The report without what tells the runs apart.
fn repairs_of(report: &Report) -> Value {
    report.to_value()["repairs"].clone()
}

#[test]
fn a_migration_that_is_killed_again_and_again_ends_as_one_that_was_not() {
    let seed = u64::from(std::process::id());
    eprintln!("seed {seed}");
    let mut random = Random::new(seed);
    let odd = Legacy::generate(&["--size", "small", "--seed", &seed.to_string()]);
    let large = ["--size", "large", "--plain", "--dimensions", "4", "--workspace", "w"];
    let kills = kill_until_done(&odd, &mut random, 20_000)
        + kill_until_done(&odd, &mut random, 40_000)
        + kill_until_done(&Legacy::generate(&large), &mut random, 150_000);
    assert!(kills > 8, "{kills} kills");
}

/// Kills migrations after times that grow by `step_us`, until one is done; gives how many it
/// killed.
fn kill_until_done(legacy: &Legacy, random: &mut Random, step_us: usize) -> usize {
    let whole = Scratch::new("unkilled");
    let expected = migrate(legacy.data(), whole.path(), &mut silent).unwrap();
    let expected_dump = dumped(legacy, whole.path());
    let mut kills = 0;
    let target = Scratch::new("killed");
    for round in 1.. {
        let mut child = Command::new(program::path())
            .args(["migrate".as_ref(), legacy.data().as_os_str(), target.path().as_os_str()])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_micros(random.below(round * step_us) as u64));
        child.kill().unwrap();
        let status = child.wait().unwrap();
        if status.success() {
            break;
        }
        assert_eq!(status.code(), None, "it failed by itself");
        kills += 1;
    }
    let report = migrate(legacy.data(), target.path(), &mut silent).unwrap();
    assert_eq!(repairs_of(&report), repairs_of(&expected));
    assert_eq!(dumped(legacy, target.path()), expected_dump);
    kills
}

#[test]
fn a_migration_that_is_stopped_at_any_row_ends_as_one_that_was_not() {
    let legacy = Legacy::fixture("everything");
    let whole = Scratch::new("unstopped");
    let expected = migrate(legacy.data(), whole.path(), &mut silent).unwrap();
    let expected_dump = dumped(&legacy, whole.path());
    let target = Scratch::new("stopped");
    let mut stops = 0;
    loop {
        let mut left = 7 + stops;
        let run = migrate(legacy.data(), target.path(), &mut |_| {
            left -= 1;
            if left == 0 { Err(Error::new(ErrorKind::Interrupted, "enough")) } else { Ok(()) }
        });
        match run {
            Ok(report) => {
                assert_eq!(repairs_of(&report), repairs_of(&expected));
                break;
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}"),
        }
        stops += 1;
    }
    assert!(stops > 20);
    assert_eq!(dumped(&legacy, target.path()), expected_dump);
}

/// A target in memory, whose files fail at some operation.
#[derive(Debug)]
struct Faulty<'a> {
    files: &'a Mutex<BTreeMap<String, MemoryFiles>>,
    notes: FaultyStorage<'a>,
    fault: Fault,
    operations: Mutex<Vec<Arc<FaultyFiles>>>,
}

impl<'a> Faulty<'a> {
    fn new(
        files: &'a Mutex<BTreeMap<String, MemoryFiles>>,
        notes: &'a MemoryStorage,
        fault: Fault,
        notes_fault: Fault,
    ) -> Faulty<'a> {
        let notes = FaultyStorage::new(notes, notes_fault);
        Faulty { files, notes, fault, operations: Mutex::default() }
    }

    fn store(&self, name: &str) -> Result<Shared<Box<Store>>> {
        let below = self.files.lock().unwrap().entry(name.to_owned()).or_default().clone();
        let files = Arc::new(FaultyFiles::new(Arc::new(below), self.fault));
        self.operations.lock().unwrap().push(Arc::clone(&files));
        let parts = StoreParts {
            files: files as Arc<dyn Files>,
            host: Arc::new(FixedHost::new(1)),
            snapshots: Box::new(MemoryStorage::new()),
        };
        Ok(Shared::new(Box::new(Store::open(parts, sigil_core::DatabaseOptions::default())?)))
    }

    /// The most operations that one of the stores saw, and those of the notes.
    fn operations(&self) -> (u64, u64) {
        let stores = self.operations.lock().unwrap();
        let most = stores.iter().map(|files| files.operations()).max();
        (most.unwrap_or(0), self.notes.operations())
    }

    fn dump(&self, legacy: &Legacy) -> Dump {
        let mut dump = Dump::new();
        let (dimensions, ids) = vectors(legacy);
        dump::gateway(&self.gateway().unwrap(), &mut dump);
        let names: Vec<String> = self.files.lock().unwrap().keys().cloned().collect();
        for name in names.iter().filter(|name| !name.is_empty()) {
            let workspace = self.workspace(name, dimensions.get(name).copied()).unwrap();
            dump::workspace(&workspace, &ids[name], &mut dump);
        }
        dump
    }
}

impl Target for Faulty<'_> {
    fn gateway(&self) -> Result<Arc<Gateway>> {
        let gateway = SqlGateway::open(self.store("")?, Arc::new(FixedHost::new(1)))?;
        Ok(Arc::new(Gateway::new(Box::new(gateway))))
    }

    fn workspace(&self, id: &str, dimensions: Option<usize>) -> Result<Arc<Workspace>> {
        let options = WorkspaceOptions { dimensions: dimensions.unwrap_or(3), metric: Metric::L2 };
        let host = Arc::new(FixedHost::new(1));
        let workspace = SqlWorkspace::open(self.store(id)?, host, id, options)?;
        Ok(Arc::new(Workspace::new(Box::new(workspace))))
    }

    fn notes(&self) -> &dyn SnapshotStorage {
        &self.notes
    }
}

#[test]
fn a_target_that_fails_at_any_operation_can_be_gone_on_with() {
    let legacy = Legacy::fixture("everything");
    let (files, notes) = (Mutex::default(), MemoryStorage::new());
    let sound = Faulty::new(&files, &notes, Fault::NONE, Fault::NONE);
    let expected = migrate_into(legacy.data(), &sound, &mut silent).unwrap();
    let (operations, of_notes) = sound.operations();
    let expected_dump = sound.dump(&legacy);
    let mut failed = 0;
    let faults =
        (1..=operations).step_by(7).map(|nth| (nth, 0)).chain((1..=of_notes).map(|nth| (0, nth)));
    for (nth, nth_note) in faults {
        for applied in [false, true] {
            let fault = |nth| Fault { nth, for_ever: nth % 2 == 0, kind: ErrorKind::Full, applied };
            let (files, notes) = (Mutex::default(), MemoryStorage::new());
            let faulty = Faulty::new(&files, &notes, fault(nth), fault(nth_note));
            let run = migrate_into(legacy.data(), &faulty, &mut silent);
            failed += usize::from(run.is_err());
            let sound = Faulty::new(&files, &notes, Fault::NONE, Fault::NONE);
            let report = migrate_into(legacy.data(), &sound, &mut silent).unwrap();
            assert_eq!(repairs_of(&report), repairs_of(&expected), "operation {nth}, {nth_note}");
            assert_eq!(sound.dump(&legacy), expected_dump, "operation {nth}, {nth_note}");
        }
    }
    assert!(failed > 20, "{failed} of the runs failed");
}
