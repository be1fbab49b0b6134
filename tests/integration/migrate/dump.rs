//! Everything that a data directory holds, by the stores' own calls.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};
use sigil_core::{
    AuditQuery, BackendConfig, Cursor, Direction, EntityQuery, FactQuery, Gateway, Page, Paging,
    RelationshipQuery, Result, SessionQuery, TimeRange, Workspace,
};
use sigil_native::DataDirectory;

/// The records of a data directory as JSON: by workspace (`None` for the gateway) and kind, in the
/// order of the stores.
pub(super) type Dump = BTreeMap<(Option<String>, &'static str), Vec<Value>>;

/// All pages of a list.
fn all<T: Serialize>(mut read: impl FnMut(&Paging) -> Result<Page<T>>) -> Vec<Value> {
    let (mut records, mut after): (Vec<Value>, Option<Cursor>) = (Vec::new(), None);
    loop {
        let page = read(&Paging { limit: 500, after, ..Paging::default() }).unwrap();
        records.extend(page.items.iter().map(|record| serde_json::to_value(record).unwrap()));
        after = page.next;
        if after.is_none() {
            return records;
        }
    }
}

fn list<T: Serialize>(records: &[T]) -> impl Iterator<Item = Value> {
    records.iter().map(|record| serde_json::to_value(record).unwrap())
}

/// Adds what is in a gateway.
pub(super) fn gateway(gateway: &Gateway, dump: &mut Dump) {
    let mut put = |kind, records| dump.insert((None, kind), records);
    let users = all(|paging| gateway.users().list(paging));
    let pairings = users
        .iter()
        .flat_map(|user| gateway.pairings().get_by_user(user["id"].as_str().unwrap()).unwrap());
    put("pairings", list(&pairings.collect::<Vec<_>>()).collect());
    put("users", users);
    let audit = |paging: &Paging| AuditQuery { paging: paging.clone(), ..AuditQuery::default() };
    put("audit", all(|paging| gateway.audit().query(&audit(paging))));
}

/// Adds what is in a workspace, whose vectors have these ids.
pub(super) fn workspace(workspace: &Workspace, vectors: &[String], dump: &mut Dump) {
    let id = Some(workspace.id().to_owned());
    let mut put = |kind, records| dump.insert((id.clone(), kind), records);
    let query =
        |paging: &Paging| SessionQuery { paging: paging.clone(), ..SessionQuery::default() };
    let sessions = all(|paging| workspace.sessions().list(&query(paging)));
    let transcripts = sessions.iter().flat_map(|session| {
        all(|paging| workspace.sessions().history(session["id"].as_str().unwrap(), paging))
    });
    put("transcripts", transcripts.collect());
    put("sessions", sessions);
    let range = TimeRange::default();
    put("messages", all(|paging| workspace.messages().range(&range, paging)));
    let mut summaries: Vec<Value> = list(&workspace.summaries().range(&range).unwrap()).collect();
    summaries.extend(list(&workspace.summaries().pending().unwrap()));
    put("summaries", summaries);

    let knowledge = workspace.knowledge();
    let query = |paging: &Paging| EntityQuery { paging: paging.clone(), ..EntityQuery::default() };
    let entities = all(|paging| knowledge.find_entities(&query(paging)));
    let relationships = entities.iter().flat_map(|entity| {
        all(|paging| {
            let direction = Direction::Outgoing;
            let query = RelationshipQuery { direction, paging: paging.clone(), kind: None };
            knowledge.relationships(entity["id"].as_str().unwrap(), &query)
        })
    });
    put("relationships", relationships.collect());
    put("entities", entities);
    let query = |paging: &Paging| FactQuery { paging: paging.clone(), ..FactQuery::default() };
    put("facts", all(|paging| knowledge.find_facts(&query(paging))));

    let mut found = Vec::new();
    for id in vectors {
        if let Some(record) = workspace.vectors().get(id).unwrap() {
            let bits: Vec<u32> = record.vector.iter().map(|number| number.to_bits()).collect();
            found.push(json!({ "id": id, "bits": bits, "metadata": record.metadata.to_value() }));
        }
    }
    let count = usize::try_from(workspace.vectors().count().unwrap()).unwrap();
    assert_eq!(found.len(), count, "vectors under other ids");
    put("vectors", found);
}

/// Everything in the data directory `path`, whose vectors have `dimensions` elements and these ids
/// by workspace.
pub(super) fn directory(
    path: &std::path::Path,
    dimensions: &BTreeMap<String, usize>,
    vectors: &BTreeMap<String, Vec<String>>,
) -> Dump {
    let mut dump = Dump::new();
    let open = |dimensions: usize| {
        let vector_dimensions = i64::try_from(dimensions).unwrap();
        let config = BackendConfig { vector_dimensions, ..BackendConfig::default() };
        DataDirectory::open(path, config).unwrap()
    };
    let data = open(0);
    let opened: Arc<Gateway> = data.gateway().unwrap();
    gateway(&opened, &mut dump);
    for id in data.workspaces().unwrap() {
        let data = open(dimensions.get(&id).copied().unwrap_or(0));
        let none = Vec::new();
        workspace(&data.workspace(&id).unwrap(), vectors.get(&id).unwrap_or(&none), &mut dump);
        data.close().unwrap();
    }
    data.close().unwrap();
    dump
}
