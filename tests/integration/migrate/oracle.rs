//! What a migration must have made of each row, worked out from the rows as plain SQL gave them.
//!
//! The conversions here are strict: what they do not take has to be told in the report, with what
//! stood there. Everything else must be in the target as it was.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value, json};
use sigil_core::{Metadata, ThreatInfo, Timestamp};
use sigil_native::migrate::{Repair, Report};
use sigil_tests::legacy::{ExpectedRow, Legacy};

use super::dump::Dump;

/// A field of a record, the columns it comes from, and what it must be; `None` for what no store
/// takes.
type Expected = (&'static str, &'static [&'static str], Option<Value>);

type Key = (Option<String>, &'static str);

/// A migrated directory.
pub(super) struct Migrated<'a> {
    legacy: &'a Legacy,
    report: &'a Report,
    dump: &'a Dump,
    /// The records by what they are and by id.
    records: BTreeMap<&'a Key, HashMap<&'a str, &'a Value>>,
    /// The repairs by file, table and rowid.
    repairs: HashMap<(String, String, i64), Vec<&'a Repair>>,
}

impl<'a> Migrated<'a> {
    pub(super) fn new(legacy: &'a Legacy, report: &'a Report, dump: &'a Dump) -> Migrated<'a> {
        let by_id = |records: &'a Vec<Value>| {
            let ids = records.iter().map(|record| (record["id"].as_str().unwrap(), record));
            let by_id: HashMap<&str, &Value> = ids.collect();
            assert_eq!(by_id.len(), records.len(), "ids are there twice");
            by_id
        };
        let records = dump.iter().map(|(key, records)| (key, by_id(records))).collect();
        let mut repairs: HashMap<_, Vec<&Repair>> = HashMap::new();
        for repair in &report.repairs {
            let key = (repair.file.clone(), repair.table.clone(), repair.rowid);
            repairs.entry(key).or_default().push(repair);
        }
        Migrated { legacy, report, dump, records, repairs }
    }
}

/// The workspace of a file.
fn home(file: &str) -> String {
    let inner = file.strip_prefix("workspaces/").unwrap_or_default();
    inner.rsplit_once('/').map_or(String::new(), |(home, _)| home.to_owned())
}

fn text(row: &ExpectedRow, column: &str) -> Option<Value> {
    match row.row.get(column) {
        None => Some(json!("")),
        Some(Value::String(text)) => Some(json!(text)),
        Some(_) => None,
    }
}

/// Text of which an empty one is none.
fn id(row: &ExpectedRow, column: &str) -> Option<Value> {
    text(row, column).filter(|id| id != "" && !id.as_str().unwrap().contains('\0'))
}

fn time(row: &ExpectedRow, column: &str) -> Option<Value> {
    let time: Option<Timestamp> = row.row.get(column)?.as_str()?.parse().ok();
    time.map(|time| json!(time))
}

fn count(row: &ExpectedRow, column: &str) -> Option<Value> {
    let count = row.row.get(column)?.as_i64().filter(|count| *count >= 0)?;
    Some(if count < 1 << 53 { json!(count) } else { json!(count.to_string()) })
}

fn one_of(row: &ExpectedRow, column: &str, names: &[&str]) -> Option<Value> {
    text(row, column).filter(|text| names.contains(&text.as_str().unwrap()))
}

/// Metadata that need no repair, as the stores give them back.
fn metadata(row: &ExpectedRow, column: &str) -> Option<Value> {
    match row.row.get(column).and_then(Value::as_str) {
        None | Some("" | "null" | "{}") => Some(json!({})),
        Some(text) => Metadata::from_json(text).ok().map(|metadata| metadata.to_value()),
    }
}

fn string_map(row: &ExpectedRow) -> Option<Value> {
    let text = row.row["metadata"].as_str()?;
    let map: Option<BTreeMap<String, String>> = serde_json::from_str(text).ok()?;
    Some(json!(map.unwrap_or_default()))
}

fn threat(row: &ExpectedRow) -> Option<Value> {
    let text = row.row.get("threat_info").map_or(Some("{}"), Value::as_str)?;
    if ["", "{}"].contains(&text) {
        return Some(Value::Null);
    }
    let threat: ThreatInfo = serde_json::from_str(text).ok()?;
    threat.validate().ok().map(|()| json!(threat))
}

fn session(row: &ExpectedRow, workspace: &str) -> Vec<Expected> {
    let all = |pairs: &[(&str, &str)]| -> Option<Value> {
        let members: Option<Map<String, Value>> = pairs
            .iter()
            .map(|(key, column)| Some(((*key).to_owned(), count(row, column)?)))
            .collect();
        members.map(Value::Object)
    };
    let tools = all(&[
        ("maxPerTurn", "tool_budget_max_calls_per_turn"),
        ("maxPerSession", "tool_budget_max_calls_per_session"),
        ("used", "tool_budget_used"),
    ]);
    let tokens = |name: &str| {
        let (limit, used) =
            (format!("token_budget_per_{name}_limit"), format!("token_budget_used_{name}"));
        all(&[("max", &limit), ("used", &used)])
    };
    let tokens = (|| {
        Some(
            json!({ "session": tokens("session")?, "hour": tokens("hour")?, "day": tokens("day")? }),
        )
    })();
    let compaction = match row.row["last_compaction"].as_str() {
        Some("") => Some(Value::Null),
        _ => time(row, "last_compaction"),
    };
    vec![
        ("workspaceId", &[], Some(json!(workspace))),
        ("userId", &["user_id"], id(row, "user_id")),
        ("summary", &["summary"], text(row, "summary")),
        ("lastCompaction", &["last_compaction"], compaction),
        ("modelOverride", &["model_override"], text(row, "model_override")),
        ("toolBudget", &["tool_budget"], tools),
        ("tokenBudget", &["token_budget"], tokens),
        ("status", &["status"], one_of(row, "status", &["active", "paused", "archived"])),
        ("createdAt", &["created_at"], time(row, "created_at")),
        ("updatedAt", &["updated_at"], time(row, "updated_at")),
    ]
}

fn message(row: &ExpectedRow) -> Vec<Expected> {
    let origin = match text(row, "origin") {
        Some(Value::String(origin)) if origin.is_empty() => Some(Value::Null),
        _ => one_of(row, "origin", &["user_input", "system", "tool_output"]),
    };
    let content = text(row, "content").filter(|content| content != "" || row.row["role"] == "tool");
    let paired = (row.row["tool_call_id"] == "") == (row.row["tool_name"] == "");
    vec![
        ("sessionId", &["session"], id(row, "session_id")),
        ("role", &["role"], one_of(row, "role", &["user", "assistant", "system", "tool"])),
        ("content", &["content"], content),
        ("toolCallId", &["tool's call"], text(row, "tool_call_id").filter(|_| paired)),
        ("toolName", &["tool's call"], text(row, "tool_name").filter(|_| paired)),
        ("origin", &["origin"], origin),
        ("threat", &["threat_info"], threat(row)),
        ("createdAt", &["created_at"], time(row, "created_at")),
        ("metadata", &["metadata"], string_map(row)),
    ]
}

fn summary(row: &ExpectedRow) -> Vec<Expected> {
    let ids = match row.row["message_ids"].as_str() {
        Some("" | "null") => Some(json!([])),
        Some(text) => serde_json::from_str::<Vec<String>>(text).ok().map(|ids| json!(ids)),
        None => None,
    };
    let status = match row.row.get("status") {
        None => Some(json!("committed")),
        Some(_) => one_of(row, "status", &["pending", "committed"]),
    };
    let (from, to) = (time(row, "from_time"), time(row, "to_time"));
    let in_order = from.as_ref().map(Value::to_string) <= to.as_ref().map(Value::to_string);
    vec![
        ("fromTime", &["from_time", "ends before"], from.filter(|_| in_order)),
        ("toTime", &["to_time", "ends before"], to.filter(|_| in_order)),
        ("content", &["content"], text(row, "content")),
        ("messageIds", &["message_ids"], ids),
        ("status", &["status"], status),
        ("createdAt", &["created_at"], time(row, "created_at")),
    ]
}

fn user(row: &ExpectedRow) -> Vec<Expected> {
    vec![
        ("name", &["name"], text(row, "name")),
        ("role", &["role"], text(row, "role")),
        ("createdAt", &["created_at"], time(row, "created_at")),
        ("updatedAt", &["updated_at"], time(row, "updated_at")),
    ]
}

fn pairing(row: &ExpectedRow) -> Vec<Expected> {
    vec![
        ("userId", &["user"], id(row, "user_id")),
        ("channelType", &["channel_type"], id(row, "channel_type")),
        ("channelId", &["channel_id"], id(row, "channel_id")),
        ("workspaceId", &["workspace_id"], text(row, "workspace_id")),
        ("status", &["status"], one_of(row, "status", &["active", "pending", "denied"])),
        ("createdAt", &["created_at"], time(row, "created_at")),
    ]
}

fn audit(row: &ExpectedRow) -> Vec<Expected> {
    vec![
        ("timestamp", &["timestamp"], time(row, "timestamp")),
        ("action", &["action"], text(row, "action")),
        ("actor", &["actor"], text(row, "actor")),
        ("plugin", &["plugin"], text(row, "plugin")),
        ("workspaceId", &["workspace_id"], text(row, "workspace_id")),
        ("sessionId", &["session_id"], text(row, "session_id")),
        ("details", &["details"], metadata(row, "details")),
        ("result", &["result"], text(row, "result")),
    ]
}

fn fact(row: &ExpectedRow, members: &Map<String, Value>) -> Vec<Expected> {
    let source = members.get("source").cloned().unwrap_or(json!(""));
    let confidence = members.get("confidence").and_then(Value::as_f64).map(|number| json!(number));
    vec![
        ("entityId", &["subject"], id(row, "subject")),
        ("predicate", &["predicate"], id(row, "predicate")),
        ("value", &["object"], text(row, "object")),
        ("confidence", &["confidence"], confidence),
        ("source", &["source"], Some(source)),
        ("createdAt", &["created"], time(row, "created")),
    ]
}

fn relationship(row: &ExpectedRow, members: &Map<String, Value>) -> Vec<Expected> {
    let metadata = match members.get("metadata") {
        None | Some(Value::Null) => Some(json!({})),
        Some(value) => Metadata::from_value(value).ok().map(|metadata| metadata.to_value()),
    };
    vec![
        ("fromId", &["subject"], id(row, "subject")),
        ("toId", &["object"], id(row, "object")),
        ("type", &["predicate"], id(row, "predicate")),
        ("metadata", &["metadata"], metadata),
        ("createdAt", &["created"], time(row, "created")),
    ]
}

/// A record without its empty members, which may be written or left out.
fn full(value: &Value) -> Value {
    let is_empty = |value: &Value| {
        value.is_null() || *value == json!({}) || *value == json!([]) || *value == json!("")
    };
    match value {
        Value::Object(members) => {
            let kept = members.iter().filter(|(_, value)| !is_empty(value));
            Value::Object(kept.map(|(key, value)| (key.clone(), value.clone())).collect())
        }
        other => other.clone(),
    }
}

impl Migrated<'_> {
    /// Checks every row, and gives how many there were.
    pub(super) fn check(&self) -> usize {
        let rows = self.legacy.expected();
        let mut counts: BTreeMap<Key, usize> = BTreeMap::new();
        let sessions = self.sessions_abroad(&rows);
        let metadata: HashMap<(&str, &str), &str> = rows
            .iter()
            .filter(|row| row.table == "vector_metadata")
            .map(|row| ((&*row.file, row.row["id"].as_str().unwrap()), row))
            .map(|(key, row)| (key, row.row["metadata"].as_str().unwrap()))
            .collect();
        for row in &rows {
            let named = row.row.get("workspace_id").or_else(|| row.row.get("workspace"));
            let named = named.and_then(Value::as_str).filter(|id| !id.is_empty());
            let mut workspace = named.map_or_else(|| home(&row.file), str::to_owned);
            if row.table == "messages" {
                let session = row.row["session_id"].as_str().unwrap().to_owned();
                workspace =
                    sessions.get(&(row.file.clone(), session)).cloned().unwrap_or(workspace);
            }
            let of = Some(workspace.clone());
            let mut found = |key: Key, expected: Vec<Expected>, id| {
                *counts.entry(key.clone()).or_default() += 1;
                self.record(row, &key, &id, &expected);
            };
            let id = row.row.get("id").cloned().unwrap_or_default();
            match row.table.as_str() {
                "sessions" => found((of, "sessions"), session(row, &workspace), id),
                "messages" => found((of, "transcripts"), message(row), id),
                "memory_messages" => found((of, "messages"), message(row), id),
                "summaries" => found((of, "summaries"), summary(row), id),
                "users" => found((None, "users"), user(row), id),
                "pairings" => found((None, "pairings"), pairing(row), id),
                "audit_log" => found((None, "audit"), audit(row), id),
                "triples" => self.triple(row, &workspace, &mut found),
                "user_identities" => self.identity(row),
                "vectors" => self.vector(row, &metadata, &mut counts),
                "vector_metadata" => {}
                other => panic!("a table '{other}'"),
            }
        }
        self.count(counts);
        rows.len()
    }

    /// As many records as rows, but for those that were made for others.
    fn count(&self, counts: BTreeMap<Key, usize>) {
        let made = |key: &Key| {
            let done = match key.1 {
                "sessions" => "an archived session",
                "users" => "a user was made",
                "entities" => "an entity of the type 'unknown' was made",
                _ => return 0,
            };
            let is_here = |repair: &&Repair| {
                key.0.is_none() || key.0.as_deref() == Some(home(&repair.file).as_str())
            };
            let repairs = self.report.repairs.iter().filter(is_here);
            repairs.filter(|repair| repair.done.starts_with(done)).count()
        };
        for (key, records) in self.dump {
            if key.1 == "entities" {
                continue;
            }
            let rows = counts.get(key).copied().unwrap_or(0);
            assert_eq!(records.len(), rows + made(key), "{key:?}");
        }
        assert!(counts.keys().all(|key| self.dump.contains_key(key)), "{counts:?}");
    }

    /// The workspaces of the sessions by file and id.
    fn sessions_abroad(&self, rows: &[ExpectedRow]) -> BTreeMap<(String, String), String> {
        let sessions = rows.iter().filter(|row| row.table == "sessions");
        let text = |row: &ExpectedRow, name: &str| row.row[name].as_str().unwrap().to_owned();
        sessions
            .map(|row| ((row.file.clone(), text(row, "id")), text(row, "workspace_id")))
            .collect()
    }

    fn repairs(&self, row: &ExpectedRow) -> &[&Repair] {
        self.repairs
            .get(&(row.file.clone(), row.table.clone(), row.rowid))
            .map_or(&[], Vec::as_slice)
    }

    /// Checks the record that was made of a row.
    fn record(&self, row: &ExpectedRow, key: &Key, id: &Value, expected: &[Expected]) {
        let repairs = self.repairs(row);
        let records = self.records.get(key).unwrap_or_else(|| panic!("no {key:?}: {row:?}"));
        // Two rows may have had the same id, which one of them lost.
        let ids = id.as_str().into_iter().chain(repairs.iter().map(|repair| repair.id.as_str()));
        let found: Vec<&Value> = ids.filter_map(|id| records.get(id).copied()).collect();
        let wrong: Vec<Vec<String>> =
            found.iter().map(|record| differences(record, expected, repairs)).collect();
        assert!(
            wrong.iter().any(Vec::is_empty),
            "{row:?}\nbecame {found:?}\nwrong are {wrong:?}\nrepairs {repairs:?}"
        );
    }

    fn triple(
        &self,
        row: &ExpectedRow,
        workspace: &str,
        found: &mut impl FnMut(Key, Vec<Expected>, Value),
    ) {
        let metadata = row.row["metadata"].as_str().unwrap_or_default();
        let members: Map<String, Value> = serde_json::from_str(metadata).unwrap_or_default();
        let of = || Some(workspace.to_owned());
        let (relation, statement) = (members.get("rel_id"), members.get("fact_id"));
        if let Some(id) = relation {
            found((of(), "relationships"), relationship(row, &members), id.clone());
        }
        if let Some(id) = statement {
            found((of(), "facts"), fact(row, &members), id.clone());
        }
        if relation.is_some() || statement.is_some() {
            return;
        }
        let predicate = row.row["predicate"].as_str().unwrap();
        let object = &row.row["object"];
        let property = predicate.strip_prefix("prop:");
        if property.is_none() && !["type", "name"].contains(&predicate) {
            let source = json!({ "source": "legacy", "confidence": 0.0 });
            let members = source.as_object().unwrap();
            return found((of(), "facts"), fact(row, members), Value::Null);
        }
        let entities = &self.records[&(of(), "entities")];
        let subject = id(row, "subject");
        let ids = match subject.as_ref().and_then(Value::as_str) {
            Some(subject) => vec![subject],
            None => vec!["legacy-empty", "nul\u{2400}entity"],
        };
        let entities: Vec<&Value> = ids.iter().filter_map(|id| entities.get(id).copied()).collect();
        let clean = |value: &Value| json!(value.as_str().unwrap().replace('\0', "\u{2400}"));
        let holds = entities.iter().any(|entity| {
            let older = &entity["properties"][format!("legacy.{predicate}")];
            let is_older = older.as_array().is_some_and(|values| values.contains(object));
            is_older
                || match property {
                    None => entity[predicate] == *object || entity[predicate] == clean(object),
                    Some(key) => {
                        let text = object.as_str().unwrap();
                        let value: Value = serde_json::from_str(text).unwrap_or(json!(text));
                        Metadata::from_value(&json!({ "v": value })).unwrap().to_value()["v"]
                            == entity["properties"][key]
                    }
                }
        });
        assert!(holds, "{row:?} became {entities:?}");
    }

    fn identity(&self, row: &ExpectedRow) {
        let users = &self.records[&(None, "users")];
        let owner = row.row["user_id"].as_str().unwrap();
        let repairs = self.repairs(row);
        let identities = users[owner];
        let name = json!({
            "platform": row.row["platform"],
            "platformUserId": row.row["platform_user_id"],
            "displayName": row.row["display_name"],
        });
        let identities = identities["identities"].as_array().unwrap();
        let is_as_it_was = identities.contains(&name);
        let is_kept = identities
            .iter()
            .any(|identity| identity["displayName"] == name["displayName"] && !repairs.is_empty());
        assert!(is_as_it_was || is_kept, "{row:?} became {identities:?}");
    }

    fn vector(
        &self,
        row: &ExpectedRow,
        metadata: &HashMap<(&str, &str), &str>,
        counts: &mut BTreeMap<Key, usize>,
    ) {
        let id = row.row["id"].as_str().unwrap();
        let bytes = row.row["embedding"]["blob"].as_str().unwrap();
        let text = metadata.get(&(&*row.file, id)).copied();
        let members: Value =
            text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let workspace =
            members["workspace_id"].as_str().map_or_else(|| home(&row.file), str::to_owned);
        let key = (Some(workspace), "vectors");
        let repairs: Vec<&Repair> = self
            .report
            .repairs
            .iter()
            .filter(|repair| repair.file == row.file && repair.table == "vectors")
            .filter(|repair| repair.id == id.replace('\0', "\u{2400}") || repair.was == *id)
            .collect();
        if repairs.iter().any(|repair| repair.done.starts_with("left out")) {
            let was = repairs.iter().map(|repair| repair.was.to_string()).collect::<String>();
            assert!(was.contains(bytes), "{row:?}: {was}");
            return;
        }
        *counts.entry(key.clone()).or_default() += 1;
        let number = |at: usize| u32::from_str_radix(&bytes[at..at + 8], 16).unwrap().swap_bytes();
        let bits: Vec<u32> = (0..bytes.len()).step_by(8).map(number).collect();
        let ids = [id].into_iter().chain(repairs.iter().map(|repair| repair.id.as_str()));
        let found = ids.filter_map(|id| self.records[&key].get(id).copied()).next();
        let found = found.unwrap_or_else(|| panic!("{row:?} is lost"));
        assert_eq!(found["bits"], json!(bits), "{row:?}");
        match text.and_then(|text| Metadata::from_json(text).ok()) {
            Some(metadata) => assert_eq!(found["metadata"], metadata.to_value(), "{row:?}"),
            None => assert!(!repairs.is_empty(), "{row:?}"),
        }
    }
}

/// What is wrong with a record.
fn differences(record: &Value, expected: &[Expected], repairs: &[&Repair]) -> Vec<String> {
    let record = full(record);
    let mut wrong = Vec::new();
    for (field, columns, expected) in expected {
        let is_told = repairs.iter().any(|repair| {
            columns.iter().any(|column| repair.wrong.contains(column)) && !repair.was.is_null()
                || repair.wrong.ends_with("is NULL")
        });
        let actual = record.get(*field).cloned().unwrap_or_default();
        let is_equal = expected.as_ref().is_some_and(|expected| {
            let expected = full(expected);
            let expected =
                if *field == "metadata" && expected == json!({}) { Value::Null } else { expected };
            let is_empty = [json!(""), json!([]), json!({})].contains(&expected);
            full(&actual) == expected || is_empty && actual.is_null()
        });
        // What was kept for other fields does not change what was there.
        let is_more = *field == "metadata"
            && expected.as_ref().and_then(Value::as_object).is_some_and(|expected| {
                let actual = actual.as_object().cloned().unwrap_or_default();
                let added: BTreeSet<&String> =
                    actual.keys().filter(|key| !expected.contains_key(*key)).collect();
                expected.iter().all(|(key, value)| actual.get(key) == Some(value))
                    && added.iter().all(|key| key.starts_with("legacy.") && !repairs.is_empty())
            });
        if !is_equal && !is_more && !is_told {
            wrong.push(format!("{field}: {actual} should be {expected:?}"));
        }
    }
    wrong
}
