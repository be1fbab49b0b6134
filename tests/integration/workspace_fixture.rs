//! A workspace as the library wrote it before there were text indexes.
//!
//! The fixture is `workspaces/home` of what `sigil migrate tests/fixtures/legacy/everything/data`
//! made at 443ec56.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use sigil_core::{
    FixedHost, MemorySearch, Metric, Paging, Shared, SqlWorkspace, TextQuery, Workspace,
    WorkspaceOptions,
};
use sigil_tests::scratch::Scratch;

#[test]
fn a_workspace_without_text_indexes_gets_them() {
    let scratch = Scratch::new("workspace-v1");
    fs::create_dir_all(scratch.path()).unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/v1/workspace");
    for entry in fs::read_dir(fixture).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, scratch.path().join(path.file_name().unwrap())).unwrap();
    }
    for _ in 0..2 {
        let store = sigil_native::open(scratch.path()).unwrap();
        let options = WorkspaceOptions { dimensions: 3, metric: Metric::L2 };
        let host = Arc::new(FixedHost::new(0));
        let shared = Shared::new(store);
        let sql = SqlWorkspace::open(shared, host, "home", options).unwrap();
        let workspace = Workspace::new(Box::new(sql));
        assert_eq!(workspace.messages().count().unwrap(), 27);
        let found = workspace.messages().search("cluster main", &Paging::default()).unwrap();
        assert!(!found.is_empty());
        assert!(found.iter().all(|message| message.content.contains("cluster:main")));
        let mut search = MemorySearch::new(100);
        search.text = Some(TextQuery::parse("deploy OR is").unwrap());
        let hits = workspace.search(&search).unwrap();
        let sources: Vec<String> = hits
            .iter()
            .map(|hit| serde_json::to_value(hit).unwrap()["source"].as_str().unwrap().to_owned())
            .collect();
        for source in ["message", "summary", "fact"] {
            assert!(sources.iter().any(|found| found == source), "{source}: {sources:?}");
        }
        workspace.close().unwrap();
    }
}
