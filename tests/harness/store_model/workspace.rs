//! Operations on sessions, messages, summaries and vectors, and on a workspace as a whole.

use sigil_core::{
    Compactor, Filter, Forget, Hit, Result, SearchOptions, SessionQuery, SessionStatus, VectorEntry,
};

use super::records::{self, id, ids, number, paging, time};
use super::{Machine, Run, op, page, some, walk};
use crate::random::Random;

pub(super) fn sessions(random: &mut Random) -> (String, Run) {
    let session = records::session(random);
    let message = records::message(random);
    let (id, paging) = (id(random, "s", 12), paging(random));
    match random.below(10) {
        0..=1 => op(format!("create {session:?}"), move |side| {
            side.workspace.sessions().create(&session)
        }),
        2 => op(format!("update {session:?}"), move |side| {
            side.workspace.sessions().update(&session)
        }),
        3 => op(format!("get session {id:?}"), move |side| side.workspace.sessions().get(&id)),
        4 => {
            let user_id = some(random, |random| records::id(random, "u", 6));
            let status = some(random, |random| SessionStatus::ALL[random.below(3)]);
            let query = SessionQuery { user_id, status, paging };
            op(format!("list {query:?}"), move |side| {
                let walked = walk(&query.paging, |paging| {
                    let query = SessionQuery { paging: paging.clone(), ..query.clone() };
                    side.workspace.sessions().list(&query)
                })?;
                Ok((page(side.workspace.sessions().list(&query)?), walked))
            })
        }
        5 if random.below(3) == 0 => {
            op(format!("delete session {id:?}"), move |side| side.workspace.sessions().delete(&id))
        }
        5 => op(format!("archive {id:?}"), move |side| side.workspace.archive(&id)),
        6..=7 => op(format!("append to {id:?} {message:?}"), move |side| {
            side.workspace.sessions().append(&id, &message)
        }),
        8 => {
            let n = number(random, 8) - 1;
            op(format!("window {n} of {id:?}"), move |side| {
                side.workspace.sessions().active_window(&id, n)
            })
        }
        _ => op(format!("history of {id:?} {paging:?}"), move |side| {
            let history = |paging: &_| side.workspace.sessions().history(&id, paging);
            Ok((page(history(&paging)?), walk(&paging, history)?))
        }),
    }
}

pub(super) fn messages(random: &mut Random) -> (String, Run) {
    let message = records::message(random);
    let paging = paging(random);
    match random.below(12) {
        0..=2 => op(format!("append {message:?}"), move |side| {
            side.workspace.messages().append(&message)
        }),
        3..=4 => {
            let messages = records::messages(random);
            op(format!("append {messages:?}"), move |side| {
                side.workspace.messages().append_many(&messages)
            })
        }
        5 => op(format!("get message {:?}", message.id), move |side| {
            side.workspace.messages().get(&message.id)
        }),
        6..=7 => {
            let words = 1 + random.below(2);
            let text = records::text(random);
            let phrase: Vec<&str> = text.split(' ').take(words).collect();
            let phrase = phrase.join(" ");
            op(format!("search {phrase:?} {paging:?}"), move |side| {
                let search = |paging: &_| side.workspace.messages().search(&phrase, paging);
                Ok((page(search(&paging)?), walk(&paging, search)?))
            })
        }
        8 => {
            let range = records::range(random);
            op(format!("messages of {range:?} {paging:?}"), move |side| {
                let list = |paging: &_| side.workspace.messages().range(&range, paging);
                Ok((page(list(&paging)?), walk(&paging, list)?))
            })
        }
        9 => {
            let n = number(random, 9) - 1;
            op(format!("oldest {n}"), move |side| {
                Ok((side.workspace.messages().count()?, side.workspace.messages().oldest(n)?))
            })
        }
        10 => {
            let ids = ids(random, "m", 80);
            op(format!("delete messages {ids:?}"), move |side| {
                let ids: Vec<&str> = ids.iter().map(|id| &**id).collect();
                side.workspace.messages().delete(&ids)
            })
        }
        _ => {
            let keep = number(random, 120) - 1;
            op(format!("trim to {keep}"), move |side| side.workspace.messages().trim(keep))
        }
    }
}

pub(super) fn summaries(random: &mut Random) -> (String, Run) {
    let summary = records::summary(random);
    let id = id(random, "sum", 15);
    match random.below(8) {
        0..=2 => {
            op(format!("store {summary:?}"), move |side| side.workspace.summaries().store(&summary))
        }
        3 => op(format!("confirm {id:?}"), move |side| side.workspace.summaries().confirm(&id)),
        4 => {
            op(format!("delete summary {id:?}"), move |side| side.workspace.summaries().delete(&id))
        }
        5 => {
            let range = records::range(random);
            op(format!("summaries of {range:?}"), move |side| {
                side.workspace.summaries().range(&range)
            })
        }
        6 => {
            let n = number(random, 6) - 1;
            op(format!("latest {n}, pending, get {id:?}"), move |side| {
                let summaries = side.workspace.summaries();
                Ok((summaries.latest(n)?, summaries.pending()?, summaries.get(&id)?))
            })
        }
        _ => {
            // What compaction made has ids of its own.
            let nth = random.below(4);
            op(format!("delete the summary {nth} from the end"), move |side| {
                match side.workspace.summaries().latest(-1)?.get(nth) {
                    Some(summary) => side.workspace.summaries().delete(&summary.id),
                    None => Ok(false),
                }
            })
        }
    }
}

/// What two backends must agree on: distances to six digits.
fn shown(hits: Vec<Hit>) -> Vec<String> {
    hits.iter()
        .map(|hit| format!("{} {:.6} {}", hit.id, hit.distance, hit.metadata.to_json()))
        .collect()
}

pub(super) fn vectors(random: &mut Random) -> (String, Run) {
    let (id, vector) = (records::vector_id(random), records::vector(random));
    let metadata = records::metadata(random);
    match random.below(8) {
        0..=2 => op(format!("store vector {id:?} {vector:?} {metadata:?}"), move |side| {
            side.workspace.vectors().store(&id, &vector, &metadata)
        }),
        3 => {
            let entries: Vec<VectorEntry> = (0..random.below(4))
                .map(|_| VectorEntry {
                    id: records::vector_id(random),
                    vector: records::vector(random),
                    metadata: records::metadata(random),
                })
                .collect();
            op(format!("store vectors {entries:?}"), move |side| {
                side.workspace.vectors().store_many(&entries)
            })
        }
        4 => op(format!("get vector {id:?}"), move |side| side.workspace.vectors().get(&id)),
        5 => {
            let ids: Vec<String> =
                (0..random.below(4)).map(|_| records::vector_id(random)).collect();
            op(format!("delete vectors {ids:?}"), move |side| {
                let ids: Vec<&str> = ids.iter().map(|id| &**id).collect();
                Ok((side.workspace.vectors().delete(&ids)?, side.workspace.vectors().count()?))
            })
        }
        _ => {
            let filters = [
                "",
                r#"{"kind": "k1"}"#,
                r#"{"n": {"$gte": 2}}"#,
                r#"{"session_id": {"$exists": true}}"#,
            ];
            let (k, filter) = (random.below(12), filters[random.below(4)]);
            op(format!("nearest {k} to {vector:?} {filter}"), move |side| {
                let filter = Some(filter).filter(|filter| !filter.is_empty());
                let filter = filter.map(Filter::from_json).transpose()?;
                let options = SearchOptions { filter, ..SearchOptions::default() };
                side.workspace.vectors().search(&vector, k, &options).map(shown)
            })
        }
    }
}

/// Compaction, forgetting and sweeping.
pub(super) fn whole(random: &mut Random) -> (String, Run) {
    match random.below(10) {
        0..=4 => {
            let (batch, gives_up_at) = (random.below(9), random.below(8));
            op(format!("compact {batch}, giving up at {gives_up_at}"), move |side| {
                let machine = Machine { gives_up_at };
                let passes: Result<_> = side.workspace.compact(&Compactor {
                    batch,
                    passes_max: 1,
                    summarizer: &machine,
                    embedder: &machine,
                    extractor: if batch % 2 == 0 { Some(&machine) } else { None },
                });
                passes
            })
        }
        5..=6 => {
            let before = time(random);
            op(format!("sweep before {before}"), move |side| side.workspace.sweep_pending(before))
        }
        _ => {
            let what = match random.below(20) {
                0 => Forget::Workspace,
                1..=4 => Forget::User(id(random, "u", 6)),
                _ => Forget::Session(id(random, "s", 12)),
            };
            op(format!("forget {what:?}"), move |side| side.workspace.forget(&what))
        }
    }
}
