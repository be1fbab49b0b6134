//! A real process is killed while it writes, fifty times, and loses nothing it acknowledged.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use sigil_core::{DatabaseOptions, SearchOptions, Severity};
use sigil_native::open_existing;
use sigil_tests::random::Random;
use sigil_tests::scratch::Scratch;

const KILLS: usize = 50;

/// Runs the writer until it has acknowledged something and `after` has passed, kills it, and gives
/// the last transaction it acknowledged.
fn write_and_kill(directory: &Scratch, after: Duration) -> i64 {
    let mut writer = Command::new(env!("CARGO_BIN_EXE_sigil-test-writer"))
        .arg(directory.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
    let first = lines.next().expect("the writer ended by itself").unwrap();
    let reader = std::thread::spawn(move || {
        // What was written into the pipe before the kill was acknowledged, too.
        lines.map_while(Result::ok).last()
    });
    std::thread::sleep(after);
    writer.kill().unwrap();
    let status = writer.wait().unwrap();
    assert!(!status.success(), "the writer ended by itself");
    let last = reader.join().unwrap().unwrap_or(first);
    last.parse().unwrap()
}

#[test]
fn a_process_killed_fifty_times_in_mid_write_loses_nothing_acknowledged() {
    let seed = u64::from(std::process::id());
    eprintln!("seed {seed}");
    let mut random = Random::new(seed);
    let directory = Scratch::new("kill");
    let mut with_log = 0;
    let mut total = 0;
    for kill in 1..=KILLS {
        let after = Duration::from_micros(random.below(150_000) as u64);
        let acknowledged = write_and_kill(&directory, after);
        let log = std::fs::metadata(directory.join("sigil.db-wal")).unwrap().len();
        with_log += usize::from(log > 0);
        let findings = sigil_native::verify(directory.path()).unwrap();
        let notes = findings.iter().all(|finding| finding.severity == Severity::Note);
        assert!(notes, "kill {kill}: {findings:?}");

        let store = open_existing(directory.path(), DatabaseOptions::default()).unwrap();
        let rows = store
            .database()
            .query(
                "SELECT count(*), coalesce(max(n), 0),
                   (SELECT count(*) FROM event JOIN sigil_vectors_1 ON id = 'v' || n),
                   (SELECT count(*) FROM sigil_vectors_1)
                 FROM event",
                (),
            )
            .unwrap();
        let numbers: Vec<i64> =
            rows.rows()[0].values().iter().map(|value| value.as_i64().unwrap()).collect();
        let [count, last, together, vectors] = numbers[..] else { panic!("{numbers:?}") };
        assert!(last >= acknowledged, "kill {kill}: {acknowledged} acknowledged, {last} there");
        // At most the one that was in flight is there without having been acknowledged.
        assert!(last <= acknowledged + 1, "kill {kill}: {acknowledged} acknowledged, {last} there");
        assert_eq!(
            (count, together, vectors),
            (last, last, last),
            "kill {kill}: half a transaction"
        );
        let events = store.collection("events").unwrap();
        assert_eq!(i64::try_from(events.count().unwrap()).unwrap(), last, "kill {kill}");
        let newest = events.get(&format!("v{last}")).unwrap().unwrap();
        let hits = events.search(&newest.vector, 1, &SearchOptions::default()).unwrap();
        assert!(hits[0].distance < 1e-6, "kill {kill}: {hits:?}");
        // Both ways of going on: from a clean close, and from what the kill left.
        if random.below(2) == 0 {
            store.close().unwrap();
        }
        total = last;
    }
    eprintln!("{total} transactions, {with_log} kills left a log");
    assert!(with_log > KILLS / 4, "only {with_log} kills came between checkpoints");
}
