//! The methods of a workspace by name. A record that is stored comes back as it was stored.

use sigil_core::{
    Batch, Entity, EntityQuery, Fact, FactQuery, Forget, KnowledgeStore, Message, MessageStore,
    Paging, Relationship, RelationshipQuery, Session, SessionQuery, SessionStatus, SessionStore,
    Summary, SummaryStore, TimeRange, Timestamp, Traversal, VectorStore, WorkspaceStores,
};

use super::{Answered, Args, answer, answer_messages, answer_page, answer_stored};
use crate::search::borrowed;

pub(super) fn call(
    workspace: &dyn WorkspaceStores,
    part: &str,
    call: &str,
    args: &Args<'_>,
) -> Answered {
    match part {
        "sessions" => sessions(workspace.sessions(), call, args),
        "messages" => messages(workspace.messages(), call, args),
        "summaries" => summaries(workspace.summaries(), call, args),
        "knowledge" => match call {
            "deleteEntities" | "deleteRelationships" | "deleteFacts" | "deleteFactsBySource" => {
                knowledge_deletions(workspace.knowledge(), call, args)
            }
            _ => knowledge(workspace.knowledge(), call, args),
        },
        "vectors" => vectors(workspace.vectors(), call, args),
        "compaction" => compaction(workspace, call, args),
        "workspace" => whole(workspace, call, args),
        _ => args.unknown(),
    }
}

fn sessions(store: &dyn SessionStore, call: &str, args: &Args<'_>) -> Answered {
    match call {
        "create" => {
            let session: Session = args.one()?;
            store.create(&session)?;
            answer(&session)
        }
        "get" => answer(&store.get(&args.one::<String>()?)?),
        "update" => {
            let session: Session = args.one()?;
            store.update(&session)?;
            answer(&store.get(&session.id)?)
        }
        "list" => answer(&store.list(&args.one::<SessionQuery>()?)?),
        "delete" => store.delete(&args.one::<String>()?).map(|()| None),
        "append" => {
            let message: Message = args.one()?;
            store.append(&message.session_id, &message)?;
            answer_stored(vec![message])
        }
        "activeWindow" => {
            let (id, n): (String, i64) = args.parse()?;
            answer_messages(store.active_window(&id, n)?)
        }
        "history" => {
            let (id, paging): (String, Paging) = args.parse()?;
            answer_page(store.history(&id, &paging)?)
        }
        _ => args.unknown(),
    }
}

fn messages(store: &dyn MessageStore, call: &str, args: &Args<'_>) -> Answered {
    match call {
        "append" => {
            let message: Message = args.one()?;
            store.append(&message)?;
            answer_stored(vec![message])
        }
        "appendMany" => {
            let messages: Vec<Message> = args.one()?;
            store.append_many(&messages)?;
            answer_stored(messages)
        }
        "get" => answer(&store.get(&args.one::<String>()?)?),
        "search" => {
            let (phrase, paging): (String, Paging) = args.parse()?;
            answer_page(store.search(&phrase, &paging)?)
        }
        "range" => {
            let (range, paging): (TimeRange, Paging) = args.parse()?;
            answer_page(store.range(&range, &paging)?)
        }
        "oldest" => answer_messages(store.oldest(args.one()?)?),
        "count" => answer(&store.count()?),
        "delete" => answer(&store.delete(&borrowed(&args.one::<Vec<String>>()?))?),
        "trim" => answer(&store.trim(args.one()?)?),
        _ => args.unknown(),
    }
}

fn summaries(store: &dyn SummaryStore, call: &str, args: &Args<'_>) -> Answered {
    match call {
        "store" => {
            let summary: Summary = args.one()?;
            store.store(&summary)?;
            answer(&summary)
        }
        "get" => answer(&store.get(&args.one::<String>()?)?),
        "confirm" => store.confirm(&args.one::<String>()?).map(|()| None),
        "delete" => answer(&store.delete(&args.one::<String>()?)?),
        "range" => answer(&store.range(&args.one::<TimeRange>()?)?),
        "latest" => answer(&store.latest(args.one()?)?),
        "pending" => answer(&store.pending()?),
        _ => args.unknown(),
    }
}

fn knowledge(store: &dyn KnowledgeStore, call: &str, args: &Args<'_>) -> Answered {
    match call {
        "putEntities" => {
            let entities: Vec<Entity> = args.one()?;
            store.put_entities(&entities)?;
            answer(&entities)
        }
        "entity" => answer(&store.entity(&args.one::<String>()?)?),
        "findEntities" => answer(&store.find_entities(&args.one::<EntityQuery>()?)?),
        "putRelationships" => {
            let relationships: Vec<Relationship> = args.one()?;
            store.put_relationships(&relationships)?;
            answer(&relationships)
        }
        "relationships" => {
            let (id, query): (String, RelationshipQuery) = args.parse()?;
            answer(&store.relationships(&id, &query)?)
        }
        "putFacts" => {
            let facts: Vec<Fact> = args.one()?;
            store.put_facts(&facts)?;
            answer(&facts)
        }
        "findFacts" => answer(&store.find_facts(&args.one::<FactQuery>()?)?),
        "traverse" => {
            let (start, traversal): (String, Traversal) = args.parse()?;
            answer(&store.traverse(&start, &traversal)?)
        }
        _ => args.unknown(),
    }
}

fn knowledge_deletions(store: &dyn KnowledgeStore, call: &str, args: &Args<'_>) -> Answered {
    if call == "deleteFactsBySource" {
        return answer(&store.delete_facts_by_source(&args.one::<String>()?)?);
    }
    let ids: Vec<String> = args.one()?;
    let ids = borrowed(&ids);
    match call {
        "deleteEntities" => answer(&store.delete_entities(&ids)?),
        "deleteRelationships" => answer(&store.delete_relationships(&ids)?),
        "deleteFacts" => answer(&store.delete_facts(&ids)?),
        _ => args.unknown(),
    }
}

/// What the collection of the vectors has no function for, or another one.
fn vectors(store: &dyn VectorStore, call: &str, args: &Args<'_>) -> Answered {
    match call {
        "delete" => answer(&store.delete(&borrowed(&args.one::<Vec<String>>()?))?),
        "count" => answer(&store.count()?),
        _ => args.unknown(),
    }
}

fn compaction(workspace: &dyn WorkspaceStores, call: &str, args: &Args<'_>) -> Answered {
    match call {
        "take" => match Batch::take(workspace, args.one()?)? {
            Some(batch) => answer(&batch.messages()),
            None => Ok(None),
        },
        "sweepPending" => answer(&sigil_core::sweep_pending(workspace, args.one::<Timestamp>()?)?),
        _ => args.unknown(),
    }
}

fn whole(workspace: &dyn WorkspaceStores, call: &str, args: &Args<'_>) -> Answered {
    match call {
        "forget" => answer(&workspace.forget(&args.one::<Forget>()?)?),
        "archive" => {
            let id: String = args.one()?;
            let sessions = workspace.sessions();
            workspace.transaction(&mut || {
                let mut session = sessions.get(&id)?;
                session.status = SessionStatus::Archived;
                sessions.update(&session).map(drop)
            })?;
            answer(&sessions.get(&id)?)
        }
        _ => args.unknown(),
    }
}
