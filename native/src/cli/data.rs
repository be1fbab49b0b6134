//! Data directories: what is in them, and `sigil forget`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use sigil_native::DataDirectory;
use sigil_native::core::{DATABASE_FILE, ErrorKind, Forgotten, Params, Store};

use super::{DONE, Outcome, file_error, is_image, refuse};

/// What to forget.
#[derive(Debug, Args)]
#[group(id = "what", required = true, multiple = true)]
pub(super) struct What {
    /// A user: the sessions in every workspace, and what came of them
    #[arg(long, value_name = "ID", conflicts_with_all = ["workspace", "session"])]
    user: Option<String>,
    /// A workspace: everything in it, unless a session is named
    #[arg(long, value_name = "ID")]
    workspace: Option<String>,
    /// A session of the workspace, and what came of it
    #[arg(long, value_name = "ID", requires = "workspace")]
    session: Option<String>,
}

/// Runs `sigil forget`.
pub(super) fn forget(directory: &Path, what: &What, actor: &str, out: &mut dyn Write) -> Outcome {
    if !is_data(directory) {
        return Err(refuse(
            ErrorKind::NotFound,
            format!("there are no workspaces in '{}': check the path", directory.display()),
        ));
    }
    let data = open(directory)?;
    let forgotten = match what {
        What { user: Some(user), .. } => data.forget_user(user, actor)?,
        What { workspace: Some(workspace), session: Some(session), .. } => {
            data.forget_session(workspace, session, actor)?
        }
        What { workspace: Some(workspace), .. } => data.forget_workspace(workspace, actor)?,
        _ => return Err(refuse(ErrorKind::InvalidInput, "name a user, or a workspace")),
    };
    data.close()?;
    let Forgotten {
        sessions,
        transcript,
        messages,
        summaries,
        entities,
        relationships,
        facts,
        vectors,
    } = forgotten;
    writeln!(
        out,
        "forgotten: {sessions} sessions with {transcript} messages, {messages} messages of the \
         memory, {summaries} summaries, {facts} facts, {vectors} vectors, {entities} entities, \
         {relationships} relationships"
    )?;
    Ok(DONE)
}

/// Whether the directory holds workspaces or a gateway, rather than a store.
pub(super) fn is_data(directory: &Path) -> bool {
    let is_store = directory.join(DATABASE_FILE).is_file() || is_image(directory);
    !is_store && !stores(directory).unwrap_or_default().is_empty()
}

/// The stores of a data directory: how each is called, and where it is.
pub(super) fn stores(directory: &Path) -> Outcome<Vec<(String, PathBuf)>> {
    let mut stores = Vec::new();
    let gateway = directory.join("gateway");
    if gateway.join(DATABASE_FILE).is_file() {
        stores.push(("gateway".to_owned(), gateway));
    }
    let failed = |error| file_error(format!("listing '{}'", directory.display()), error);
    let workspaces = match std::fs::read_dir(directory.join("workspaces")) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(stores),
        entries => entries.map_err(failed)?,
    };
    let mut found = Vec::new();
    for entry in workspaces {
        let path = entry.map_err(failed)?.path();
        if path.join(DATABASE_FILE).is_file() {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            found.push((format!("workspaces/{name}"), path));
        }
    }
    found.sort();
    stores.extend(found);
    Ok(stores)
}

fn open(directory: &Path) -> Outcome<DataDirectory> {
    Ok(DataDirectory::open_existing(directory)?)
}

/// What the typed stores of a store hold: of a workspace, of a gateway, or of neither.
pub(super) fn records(store: &Store) -> Outcome<Value> {
    const WORKSPACE: [(&str, &str); 7] = [
        ("sessions", "sigil_session"),
        ("transcript", "sigil_transcript"),
        ("messages", "sigil_message"),
        ("summaries", "sigil_summary"),
        ("entities", "sigil_entity WHERE type IS NOT NULL"),
        ("relationships", "sigil_relationship"),
        ("facts", "sigil_fact"),
    ];
    const GATEWAY: [(&str, &str); 4] = [
        ("users", "sigil_user"),
        ("identities", "sigil_identity"),
        ("pairings", "sigil_pairing"),
        ("audit", "sigil_audit"),
    ];
    let database = store.database();
    let meta = database.query(
        "SELECT key, value FROM sigil_meta
         WHERE key IN ('workspace', 'workspace_version', 'gateway_version')",
        Params::None,
    )?;
    let meta = |key: &str| {
        let rows = meta.rows().iter();
        let mut found = rows.filter(|row| row.values()[0].as_str() == Some(key));
        found.next().map(|row| row.values()[1].clone())
    };
    let counts = |tables: &[(&str, &str)]| -> Outcome<Value> {
        let mut counts = serde_json::Map::new();
        for (what, table) in tables {
            let rows = database.query(&format!("SELECT count(*) FROM {table}"), Params::None)?;
            counts.insert((*what).to_owned(), rows.single()?.as_i64().into());
        }
        Ok(Value::Object(counts))
    };
    let mut records = json!({});
    if meta("workspace_version").is_some() {
        let id = meta("workspace").and_then(|id| id.as_str().map(str::to_owned));
        records["workspace"] = json!({ "id": id, "records": counts(&WORKSPACE)? });
    }
    if meta("gateway_version").is_some() {
        records["gateway"] = json!({ "records": counts(&GATEWAY)? });
    }
    Ok(records)
}
