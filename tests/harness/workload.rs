//! A fixed workload of SQL and vectors in steps, and what each step leaves behind.

use std::fmt::Write;

use sigil_core::{
    CollectionOptions, Error, ErrorKind, Metadata, Metric, Result, Store, params, verify_store,
};

/// How many steps there are.
pub const STEPS: usize = 34;

/// The dimensions of the vectors.
const DIMENSIONS: usize = 8;

/// Does one step, which is acknowledged when it returns `Ok`.
///
/// # Errors
/// Whatever the store reports.
pub fn step(store: &Store, step: usize) -> Result<()> {
    let database = store.database();
    match step {
        0 => database
            .execute("CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE)", ())
            .map(|_| ()),
        1 => store
            .create_collection("notes", CollectionOptions::new(DIMENSIONS, Metric::L2))
            .map(|_| ()),
        // Many pages in one commit, and enough vectors for an index snapshot.
        2 => store.transaction(|store| {
            for id in 1000..1300 {
                put(store, id)?;
            }
            Ok(())
        }),
        9 | 23 => store.save_indexes().map(|_| ()),
        12 | 28 => database.checkpoint(),
        15 => store.transaction(|store| {
            store.database().execute("DELETE FROM note WHERE id < 1100", ())?;
            let ids: Vec<String> = (1000..1100).map(|id| format!("n{id}")).collect();
            store.collection("notes")?.delete(ids).map(|_| ())
        }),
        // A transaction that is rolled back leaves nothing.
        18 => {
            let outcome: Result<()> = store.transaction(|store| {
                put(store, 9_000)?;
                Err(Error::new(ErrorKind::InvalidInput, "rolled back"))
            });
            match outcome {
                Err(error) if error.to_string() == "rolled back" => Ok(()),
                other => other,
            }
        }
        20 => database.execute("CREATE INDEX note_by_text ON note (text)", ()).map(|_| ()),
        25 => {
            store.create_collection("more", CollectionOptions::new(2, Metric::Cosine)).map(|_| ())
        }
        26 => {
            store.collection("more")?.store("only", &[1.0, 2.0], &Metadata::new())?;
            Ok(())
        }
        30 => store.drop_collection("more"),
        _ => {
            let id = i64::try_from(step).unwrap_or(0);
            store.transaction(|store| put(store, id))
        }
    }
}

/// A row and a vector that belong together.
fn put(store: &Store, id: i64) -> Result<()> {
    store
        .database()
        .execute("INSERT INTO note VALUES (?, ?)", params![id, format!("note number {id}")])?;
    let vector: Vec<f32> = (0..DIMENSIONS)
        .map(|i| f32::from(u16::try_from(id * 7 + i64::try_from(i).unwrap_or(0)).unwrap_or(0)))
        .collect();
    let metadata = Metadata::from_json(&format!(r#"{{"even": {}}}"#, id % 2 == 0))?;
    store.collection("notes")?.store(&format!("n{id}"), &vector, &metadata)
}

/// Everything a user could see, as text that is equal when the stores are.
///
/// # Errors
/// Whatever the store reports.
pub fn dump(store: &Store) -> Result<String> {
    let mut text = String::new();
    let tables = store.database().query(
        "SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite%' AND name NOT LIKE 'sigil_vectors%'
         ORDER BY name",
        (),
    )?;
    for table in tables {
        let _ = writeln!(text, "object {:?}", table.values()[0]);
    }
    if text.contains("\"note\"") {
        for row in store.database().query("SELECT id, text FROM note ORDER BY id", ())? {
            let _ = writeln!(text, "{:?}", row.values());
        }
    }
    for info in store.collections()? {
        let collection = store.collection(&info.name)?;
        let _ = writeln!(text, "{} {:?} {}", info.name, info.options, collection.count()?);
        let query = vec![0.0; info.options.dimensions];
        for hit in collection.search(&query, usize::MAX, &sigil_core::SearchOptions::default())? {
            let record = collection.get(&hit.id)?;
            let _ = writeln!(text, "{} {} {:?}", hit.id, hit.distance, record);
        }
    }
    Ok(text)
}

/// What [`dump`] gives after each number of steps, 0 to [`STEPS`], on a store without faults.
///
/// # Panics
/// When the workload fails by itself.
pub fn states() -> Vec<String> {
    let fails = |error: Error| -> ! { panic!("the workload fails without any fault: {error}") };
    let store = Store::in_memory().unwrap_or_else(|error| fails(error));
    let mut states = vec![dump(&store).unwrap_or_else(|error| fails(error))];
    for n in 0..STEPS {
        step(&store, n).unwrap_or_else(|error| fails(error));
        states.push(dump(&store).unwrap_or_else(|error| fails(error)));
    }
    states
}

/// Asserts that the store holds exactly the first `acknowledged` steps, or one more, which was in
/// flight; and that nothing in it is damaged. Gives the number of steps it holds.
///
/// # Panics
/// When that is not so, with `context`.
pub fn assert_holds(store: &Store, states: &[String], acknowledged: usize, context: &str) -> usize {
    let found = dump(store).unwrap_or_else(|error| panic!("{context}: {error}"));
    let held = (acknowledged..=(acknowledged + 1).min(STEPS)).find(|n| states[*n] == found);
    let findings = verify_store(store).unwrap_or_else(|error| panic!("{context}: {error}"));
    assert!(findings.is_empty(), "{context}: {findings:?}");
    held.unwrap_or_else(|| {
        let matching: Vec<usize> = (0..=STEPS).filter(|n| states[*n] == found).collect();
        panic!("{context}: {acknowledged} steps were acknowledged, the store holds {matching:?}")
    })
}
