//! `sigil inspect`: what is in a store.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use sigil_native::core::container::StoreId;
use sigil_native::core::{
    DATABASE_FILE, DatabaseOptions, ErrorKind, ImageStore, Params, Store, WAL_FILE, image, params,
};
use sigil_native::{DirectoryLock, DirectoryStorage, SystemHost, open_existing};

use super::output::bytes as size;
use super::{DONE, Outcome, data, file_error, is_image, refuse};

/// Runs the command.
pub(super) fn run(directory: &Path, as_json: bool, out: &mut dyn Write) -> Outcome {
    let stores = match data::is_data(directory) {
        true => data::stores(directory)?,
        false => vec![(String::new(), directory.to_owned())],
    };
    let mut reports = serde_json::Map::new();
    for (name, path) in stores {
        reports.insert(name, report(&path)?);
    }
    match (as_json, reports.get("")) {
        (true, Some(report)) => writeln!(out, "{report:#}")?,
        (true, None) => writeln!(out, "{:#}", Value::Object(reports))?,
        (false, Some(report)) => print(report, out)?,
        (false, None) => {
            for (n, (name, report)) in reports.iter().enumerate() {
                writeln!(out, "{}== {name}", if n > 0 { "\n" } else { "" })?;
                print(report, out)?;
            }
        }
    }
    Ok(DONE)
}

/// What is in the store of a directory.
fn report(directory: &Path) -> Outcome<Value> {
    let report = if directory.join(DATABASE_FILE).is_file() {
        let files = files(directory)?;
        let store = open_existing(directory, DatabaseOptions::default())?;
        let mut report = contents(&store, &|name| file_len(&directory.join(name)))?;
        report["mode"] = "files".into();
        report["files"] = files;
        store.close()?;
        report
    } else if is_image(directory) {
        image_report(directory)?
    } else {
        return Err(refuse(
            ErrorKind::NotFound,
            format!("there is no store in '{}': check the path", directory.display()),
        ));
    };
    Ok(report)
}

fn image_report(directory: &Path) -> Outcome<Value> {
    let files = files(directory)?;
    let _lock = DirectoryLock::acquire(directory)?;
    let storage = DirectoryStorage::open(directory)?;
    let opened = image::open(&storage, image::OpenOptions::default(), StoreId([0; 16]))?;
    let host = Arc::new(SystemHost::new());
    let store = ImageStore::open(opened, host, DatabaseOptions::default())?;
    let image = store.image();
    let indexes: Vec<(String, u64)> =
        image.indexes().map(|(key, index)| (key.to_owned(), index.len)).collect();
    let stored = |name: &str| indexes.iter().find(|(key, _)| key == name).map(|(_, len)| *len);
    let mut report = contents(store.store(), &stored)?;
    report["mode"] = "image".into();
    report["files"] = files;
    report["manifest"] = json!({
        "generation": image.generation(),
        "epoch": image.epoch(),
        "base_bytes": image.base().map(|base| base.len),
        "wal_tails": image.tails().len(),
        "wal_bytes": image.wal_len(),
        "clean": store.report().is_clean(),
        "rolled_forward": store.report().rolled_forward,
    });
    Ok(report)
}

/// The files of the directory and their lengths in bytes.
fn files(directory: &Path) -> Outcome<Value> {
    let failed = |error| file_error(format!("listing '{}'", directory.display()), error);
    let mut files = serde_json::Map::new();
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        names.push(entry.map_err(failed)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    for name in names {
        if let Some(len) = file_len(&directory.join(&name)) {
            files.insert(name, len.into());
        }
    }
    Ok(Value::Object(files))
}

fn file_len(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map(|file| file.len())
}

fn contents(store: &Store, snapshot_len: &dyn Fn(&str) -> Option<u64>) -> Outcome<Value> {
    let database = store.database();
    let one = |sql: &str, params: Params| -> Outcome<i64> {
        Ok(database.query(sql, params)?.single()?.as_i64().unwrap_or(0))
    };
    let mut tables = Vec::new();
    let names = database.query(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'
         AND name NOT LIKE 'sigil~_%' ESCAPE '~'
         AND name NOT LIKE '~_~_turso~_internal~_%' ESCAPE '~' ORDER BY name",
        (),
    )?;
    for row in names {
        let name = row.values()[0].as_str().unwrap_or_default().to_owned();
        let quoted = name.replace('"', "\"\"");
        let rows = one(&format!("SELECT count(*) FROM \"{quoted}\""), Params::None)?;
        tables.push(json!({ "name": name, "rows": rows }));
    }
    let mut collections = Vec::new();
    for state in store.index_states()? {
        let info = &state.collection;
        collections.push(json!({
            "name": info.name,
            "table": info.table(),
            "dimensions": info.options.dimensions,
            "metric": info.options.metric.as_str(),
            "vectors": state.vectors,
            "watermark": state.watermark,
            "unsaved": state.unsaved,
            "unindexable": state.unindexable,
            "snapshot_bytes": snapshot_len(&info.snapshot_name()),
        }));
    }
    let id: String = store.id().0.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(json!({
        "store": id,
        "pages": one("PRAGMA page_count", Params::None)?,
        "free_pages": one("PRAGMA freelist_count", Params::None)?,
        "wal_bytes": database.wal_bytes(),
        "last_change": one("SELECT coalesce(max(seq), 0) FROM sigil_change WHERE seq > ?", params![0].into())?,
        "tables": tables,
        "collections": collections,
        "records": data::records(store)?,
    }))
}

fn print(report: &Value, out: &mut dyn Write) -> Outcome<()> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let len = |value: &Value| value.as_u64().map_or_else(|| "none".to_owned(), size);
    writeln!(out, "store        {}", text(&report["store"]))?;
    writeln!(out, "mode         {}", text(&report["mode"]))?;
    writeln!(out, "pages        {} of 4 KiB, {} free", report["pages"], report["free_pages"])?;
    writeln!(out, "last change  {}", report["last_change"])?;
    if let Some(manifest) = report.get("manifest") {
        writeln!(
            out,
            "manifest     generation {}, epoch {}, base {}, {} WAL tails of {}",
            manifest["generation"],
            manifest["epoch"],
            len(&manifest["base_bytes"]),
            manifest["wal_tails"],
            len(&manifest["wal_bytes"]),
        )?;
    }
    writeln!(out, "\nfiles")?;
    for (name, bytes) in report["files"].as_object().into_iter().flatten() {
        writeln!(out, "  {name:<24} {:>10}", len(bytes))?;
    }
    let wal = report["files"].get(WAL_FILE).and_then(Value::as_u64).unwrap_or(0);
    if wal > 0 {
        writeln!(out, "  the log is folded into the database by the next close")?;
    }
    for (what, part) in report["records"].as_object().into_iter().flatten() {
        match &part["id"] {
            Value::String(id) => writeln!(out, "\n{what} '{}'", id.escape_debug())?,
            _ => writeln!(out, "\n{what}")?,
        }
        for (name, count) in part["records"].as_object().into_iter().flatten() {
            writeln!(out, "  {name:<24} {count:>10}")?;
        }
    }
    writeln!(out, "\ntables")?;
    for table in report["tables"].as_array().into_iter().flatten() {
        writeln!(out, "  {:<24} {:>10} rows", text(&table["name"]), table["rows"])?;
    }
    writeln!(out, "\ncollections")?;
    for collection in report["collections"].as_array().into_iter().flatten() {
        writeln!(
            out,
            "  {:<24} {:>10} vectors of {} ({}), watermark {}, index snapshot {}, {} changes since",
            text(&collection["name"]),
            collection["vectors"],
            collection["dimensions"],
            text(&collection["metric"]),
            collection["watermark"],
            len(&collection["snapshot_bytes"]),
            collection["unsaved"],
        )?;
    }
    Ok(())
}
