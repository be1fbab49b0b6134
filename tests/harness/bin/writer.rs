//! Writes rows and vectors until it is killed, and says after each transaction that it is durable.
//!
//! usage: sigil-test-writer DIRECTORY

#![expect(clippy::unwrap_used, reason = "a writer that cannot go on shows that by failing")]

use std::io::Write;

use sigil_core::{CollectionOptions, DatabaseOptions, Metadata, Metric, params};
use sigil_native::open_with;

fn main() {
    let directory = std::env::args_os().nth(1).unwrap();
    let mut options = DatabaseOptions::default();
    // Checkpoints often, so that many kills come in the middle of one.
    options.checkpoint_at_bytes = Some(96 << 10);
    let store = open_with(&directory, options).unwrap();
    let database = store.database();
    let sql = "CREATE TABLE IF NOT EXISTS event (n INTEGER PRIMARY KEY, text TEXT NOT NULL)";
    database.execute(sql, ()).unwrap();
    let vectors =
        store.open_collection("events", CollectionOptions::new(4, Metric::Cosine)).unwrap();
    let last = database.query("SELECT coalesce(max(n), 0) FROM event", ()).unwrap();
    let mut n = last.single().unwrap().as_i64().unwrap();
    let mut out = std::io::stdout().lock();
    loop {
        n += 1;
        let written = store.transaction(|store| {
            let long = usize::try_from(n % 7).unwrap_or(0) * 700;
            let text = format!("event {n} {}", "x".repeat(long));
            store.database().execute("INSERT INTO event VALUES (?, ?)", params![n, text])?;
            let angle = f32::from(i16::try_from(n % 360).unwrap_or(0)).to_radians();
            vectors.store(&format!("v{n}"), &[angle.cos(), angle.sin(), 0.5, 1.0], &Metadata::new())
        });
        if let Err(error) = written {
            eprintln!("{error:?}");
            // The handle must not be used any more, and says so.
            eprintln!("{:?}", store.database().execute("SELECT 1", ()).unwrap_err());
            std::process::exit(1);
        }
        writeln!(out, "{n}").unwrap();
        out.flush().unwrap();
        if n % 64 == 0 {
            vectors.count().unwrap();
            store.save_indexes().unwrap();
        }
    }
}
