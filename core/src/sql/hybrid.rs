//! Searching messages, summaries, facts and vectors together.
//!
//! Words and nearness each find candidates of their own. Candidates are known by their ids; records
//! are read only where they are needed to judge a candidate, and of those that are found.

use std::collections::{HashMap, HashSet};

use super::rows::{Columns, read_all, read_one};
use super::{SqlWorkspace, StoreAccess, knowledge, message, summary};
use crate::engine::Database;
use crate::error::Result;
use crate::hybrid::{
    Features, MemoryHit, MemoryRecord, MemorySearch, MemorySource, MemoryVector, Ranked,
    TextComponent, VectorComponent, diversify, fuse,
};
use crate::params;
use crate::store::Store;
use crate::stores::Message;
use crate::text::words;
use crate::text_index::{TextIndex, TextIndexInfo, TextSearchOptions};
use crate::vector::{Filter, Hit, HitCursor, MetaValue, Metadata, SearchOptions};

/// Where a record is: its table, and its number there.
type Row = (MemorySource, i64);

/// What is known of a record: as little as has to be.
#[derive(Debug, Default)]
struct Known {
    row: Option<Row>,
    record: Option<MemoryRecord>,
}

/// A record that may be found.
#[derive(Debug)]
struct Candidate {
    id: String,
    text: Option<TextComponent>,
    vector: Option<VectorComponent>,
    /// What goes with its vector.
    metadata: Option<Metadata>,
    /// Where its row is, when that is known.
    row: Option<Row>,
    record: Option<MemoryRecord>,
    recency: Option<f64>,
    score: f64,
}

/// A search under way.
struct Search<'a, A> {
    workspace: &'a SqlWorkspace<A>,
    store: &'a Store,
    wanted: &'a MemorySearch,
}

/// The records that are found.
pub(super) fn search<A: StoreAccess>(
    workspace: &SqlWorkspace<A>,
    store: &Store,
    wanted: &MemorySearch,
) -> Result<Vec<MemoryHit>> {
    wanted.validate()?;
    let search = Search { workspace, store, wanted };
    let mut candidates = search.by_words()?;
    search.by_nearness(&mut candidates)?;
    search.score(&mut candidates)?;
    let chosen = search.choose(candidates)?;
    chosen.into_iter().map(|candidate| search.hit(candidate)).collect()
}

impl<A: StoreAccess> Search<'_, A> {
    /// What the index of a source has to select; `None` where nothing can count.
    fn filter_of(&self, source: MemorySource) -> Option<Option<Filter>> {
        let MemorySearch { session, role, filter, .. } = self.wanted;
        let mut parts: Vec<Filter> = filter.iter().cloned().collect();
        match source {
            MemorySource::Messages => {
                parts.extend(session.iter().map(|id| Filter::equals("session_id", id)));
                parts.extend(role.iter().map(|role| Filter::equals("role", role.as_str())));
            }
            _ if role.is_some() => return None,
            MemorySource::Facts => {
                parts.extend(session.iter().map(|id| Filter::equals("source", id)));
            }
            _ => {}
        }
        Some(parts.into_iter().reduce(Filter::and))
    }

    fn by_words(&self) -> Result<Vec<Candidate>> {
        let Some(query) = &self.wanted.text else { return Ok(Vec::new()) };
        let texts = &self.workspace.texts;
        let mut found = Vec::new();
        for (source, info) in [
            (MemorySource::Messages, &texts.messages),
            (MemorySource::Summaries, &texts.summaries),
            (MemorySource::Facts, &texts.facts),
        ] {
            if self.wanted.looks_in(source) {
                self.in_index(source, info, query, &mut found)?;
            }
        }
        found.sort_by(|(a, row, _), (b, other, _)| b.total_cmp(a).then(row.cmp(other)));
        found.truncate(self.wanted.pool());
        let mut candidates = Vec::with_capacity(found.len());
        for (n, (score, (source, seq), record)) in found.into_iter().enumerate() {
            let id = match &record {
                Some(record) => record.id().to_owned(),
                None => match id_of(self.store.database(), source, seq)? {
                    Some(id) => id,
                    None => continue,
                },
            };
            candidates.push(Candidate {
                id,
                text: Some(TextComponent { rank: n + 1, score }),
                vector: None,
                metadata: None,
                row: Some((source, seq)),
                record,
                recency: None,
                score: 0.0,
            });
        }
        Ok(candidates)
    }

    /// The best rows of one index that count.
    fn in_index(
        &self,
        source: MemorySource,
        info: &TextIndexInfo,
        query: &crate::TextQuery,
        found: &mut Vec<(f64, Row, Option<MemoryRecord>)>,
    ) -> Result<()> {
        let index = TextIndex::new(self.store, info.clone());
        let pool = self.wanted.pool();
        let Some(filter) = self.filter_of(source) else { return Ok(()) };
        let mut options = TextSearchOptions {
            typos: self.wanted.typos,
            time: self.wanted.time,
            filter,
            ..TextSearchOptions::default()
        };
        // Which sessions a summary is of is in no attribute.
        let must_read = self.wanted.session.is_some() && source == MemorySource::Summaries;
        let mut count = 0;
        loop {
            let hits = index.search(query, pool, &options)?;
            for hit in &hits {
                let record = match must_read {
                    false => None,
                    true => match read_record(self.store.database(), source, hit.key)? {
                        Some(record) if self.belongs(&record) => Some(record),
                        _ => continue,
                    },
                };
                found.push((hit.score, (source, hit.key), record));
                count += 1;
            }
            match hits.last() {
                Some(hit) if hits.len() == pool && count < pool => {
                    options.after = Some(hit.cursor());
                }
                _ => return Ok(()),
            }
        }
    }

    /// Adds what is near, or notes how near a candidate is that is there.
    fn by_nearness(&self, candidates: &mut Vec<Candidate>) -> Result<()> {
        let Some(query) = &self.wanted.vector else { return Ok(()) };
        let mut known: HashMap<String, usize> = HashMap::new();
        for (n, candidate) in candidates.iter().enumerate() {
            known.entry(candidate.id.clone()).or_insert(n);
        }
        let pool = self.wanted.pool();
        let memory = self.workspace.memory_in(self.store);
        let mut options =
            SearchOptions { filter: self.wanted.filter.clone(), ..SearchOptions::default() };
        let mut rank = 0;
        loop {
            let hits = memory.search(query, pool, &options)?;
            let is_last = hits.len() < pool;
            let after = HitCursor::after(&hits, options.after.as_ref());
            for hit in hits {
                let place = known.get(&hit.id).copied();
                let Some(Known { row, record }) = self.stands_for(&hit, place.is_some())? else {
                    continue;
                };
                rank += 1;
                let component = VectorComponent { rank, distance: hit.distance };
                match place {
                    Some(place) => {
                        candidates[place].vector = Some(component);
                        candidates[place].metadata = Some(hit.metadata);
                    }
                    None => candidates.push(Candidate {
                        id: hit.id,
                        text: None,
                        vector: Some(component),
                        metadata: Some(hit.metadata),
                        row,
                        record,
                        recency: None,
                        score: 0.0,
                    }),
                }
                if rank == pool {
                    return Ok(());
                }
            }
            if is_last {
                return Ok(());
            }
            options.after = after;
        }
    }

    /// The record that a vector stands for, as far as it has to be known; `None` when it does not
    /// count.
    fn stands_for(&self, hit: &Hit, is_known: bool) -> Result<Option<Known>> {
        if is_known {
            return Ok(Some(Known::default()));
        }
        let looks_everywhere = self.wanted.sources.is_empty();
        let MemorySearch { session, role, time, .. } = self.wanted;
        let is_timed = time.from.is_some() || time.to.is_some();
        if looks_everywhere && session.is_none() && role.is_none() && !is_timed {
            return Ok(Some(Known::default()));
        }
        let found = resolve(self.store.database(), &hit.id)?;
        let Some((row, record)) = found else {
            let names_session = session.as_ref().is_none_or(|id| names(&hit.metadata, id));
            let counts = self.wanted.looks_in(MemorySource::Vectors)
                && names_session
                && role.is_none()
                && !is_timed;
            return Ok(counts.then(Known::default));
        };
        let counts = self.wanted.looks_in(row.0) && self.belongs(&record);
        Ok(counts.then_some(Known { row: Some(row), record: Some(record) }))
    }

    /// Whether session, role and time are those that are asked for.
    fn belongs(&self, record: &MemoryRecord) -> bool {
        let MemorySearch { session, role, time, .. } = self.wanted;
        let in_session = session.as_ref().is_none_or(|session| match record {
            MemoryRecord::Message(message) => message.session_id == *session,
            MemoryRecord::Summary(summary) => summary.session_ids.contains(session),
            MemoryRecord::Fact(fact) => fact.source == *session,
            MemoryRecord::Vector(vector) => names(&vector.metadata, session),
        });
        let of_role = role.is_none_or(
            |role| matches!(record, MemoryRecord::Message(message) if message.role == role),
        );
        let in_time = record.time().map_or(time.from.is_none() && time.to.is_none(), |at| {
            time.from.is_none_or(|from| at >= from) && time.to.is_none_or(|to| at < to)
        });
        in_session && of_role && in_time
    }

    fn score(&self, candidates: &mut [Candidate]) -> Result<()> {
        let place = |candidate: &Candidate| {
            let text = candidate.text.map(|found| Ranked { rank: found.rank, score: found.score });
            let vector = candidate.vector;
            let vector = vector.map(|found| Ranked { rank: found.rank, score: -found.distance });
            [text, vector]
        };
        let places: Vec<_> = candidates.iter().map(place).collect();
        let scores = fuse(&places, self.wanted.weights, self.wanted.fusion);
        for (candidate, score) in candidates.iter_mut().zip(scores) {
            candidate.score = score;
            if self.wanted.recency.is_some() {
                self.read(candidate)?;
                let time = candidate.record.as_ref().and_then(MemoryRecord::time);
                candidate.recency = self.wanted.recency_factor(time);
                candidate.score *= candidate.recency.unwrap_or(1.0);
            }
        }
        candidates.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.id.cmp(&b.id)));
        Ok(())
    }

    /// The candidates that are found, in order.
    fn choose(&self, mut candidates: Vec<Candidate>) -> Result<Vec<Candidate>> {
        let k = self.wanted.k;
        if self.wanted.distinct {
            let mut seen = HashSet::new();
            let mut distinct = Vec::new();
            for mut candidate in candidates {
                let text = text_of(self.read(&mut candidate)?);
                let words: Vec<_> = words(&text).collect();
                if words.is_empty() || seen.insert(words.join(" ")) {
                    distinct.push(candidate);
                }
            }
            candidates = distinct;
        }
        let Some(diversity) = self.wanted.diversity else {
            candidates.truncate(k);
            return Ok(candidates);
        };
        let memory = self.workspace.memory_in(self.store);
        let mut features = Vec::with_capacity(candidates.len());
        for candidate in &mut candidates {
            let text = text_of(self.read(candidate)?);
            features.push(Features {
                vector: memory.get(&candidate.id)?.map(|record| record.vector),
                words: words(&text).map(std::borrow::Cow::into_owned).collect(),
            });
        }
        let scores: Vec<f64> = candidates.iter().map(|candidate| candidate.score).collect();
        let order = diversify(&scores, &features, diversity, k);
        let mut candidates: Vec<Option<Candidate>> = candidates.into_iter().map(Some).collect();
        Ok(order.into_iter().filter_map(|n| candidates.get_mut(n)?.take()).collect())
    }

    /// The record of a candidate.
    fn read<'c>(&self, candidate: &'c mut Candidate) -> Result<&'c MemoryRecord> {
        if candidate.record.is_none() {
            let db = self.store.database();
            candidate.record = match candidate.row {
                Some((source, seq)) => read_record(db, source, seq)?,
                None => resolve(db, &candidate.id)?.map(|(_, record)| record),
            };
        }
        Ok(candidate.record.get_or_insert_with(|| {
            MemoryRecord::Vector(MemoryVector {
                id: candidate.id.clone(),
                metadata: candidate.metadata.clone().unwrap_or_default(),
            })
        }))
    }

    fn hit(&self, mut candidate: Candidate) -> Result<MemoryHit> {
        let record = self.read(&mut candidate)?.clone();
        let (mut before, mut after) = (Vec::new(), Vec::new());
        if let MemoryRecord::Message(message) = &record
            && self.wanted.window > 0
        {
            before = self.neighbours(message, "<", "DESC")?;
            before.reverse();
            after = self.neighbours(message, ">", "ASC")?;
        }
        let Candidate { text, vector, recency, score, .. } = candidate;
        Ok(MemoryHit { record, score, text, vector, recency, before, after })
    }

    /// The messages next to one in its session.
    fn neighbours(&self, of: &Message, compare: &str, order: &str) -> Result<Vec<Message>> {
        let sql = format!(
            "SELECT {} FROM sigil_message WHERE session_id = ?1 AND created_at {compare}= ?2
               AND (created_at {compare} ?2
                 OR seq {compare} (SELECT seq FROM sigil_message WHERE id = ?3))
             ORDER BY created_at {order}, seq {order} LIMIT ?4",
            message::WITH_SESSION
        );
        let window = i64::try_from(self.wanted.window).unwrap_or(i64::MAX);
        let params = params![&of.session_id, of.created_at, &of.id, window];
        read_all(self.store.database(), message::TABLE, &sql, params, message::read)
    }
}

/// The table of a source, and its columns.
fn table_of(source: MemorySource) -> (&'static str, &'static str) {
    match source {
        MemorySource::Messages | MemorySource::Vectors => (message::TABLE, message::WITH_SESSION),
        MemorySource::Summaries => (summary::TABLE, summary::COLUMNS),
        MemorySource::Facts => ("sigil_fact", knowledge::FACT_COLUMNS),
    }
}

fn read_as(source: MemorySource, columns: &mut Columns<'_>) -> Result<MemoryRecord> {
    Ok(match source {
        MemorySource::Messages | MemorySource::Vectors => {
            MemoryRecord::Message(message::read(columns)?)
        }
        MemorySource::Summaries => MemoryRecord::Summary(summary::read(columns)?),
        MemorySource::Facts => MemoryRecord::Fact(knowledge::read_fact(columns)?),
    })
}

fn id_of(db: &Database, source: MemorySource, seq: i64) -> Result<Option<String>> {
    let (table, _) = table_of(source);
    let sql = format!("SELECT id FROM {table} WHERE seq = ?");
    read_one(db, table, &sql, params![seq], |columns| columns.text())
}

fn read_record(db: &Database, source: MemorySource, seq: i64) -> Result<Option<MemoryRecord>> {
    let (table, columns) = table_of(source);
    let sql = format!("SELECT {columns} FROM {table} WHERE seq = ?");
    read_one(db, table, &sql, params![seq], |columns| read_as(source, columns))
}

/// The record with this id, and where it is.
fn resolve(db: &Database, id: &str) -> Result<Option<(Row, MemoryRecord)>> {
    for source in [MemorySource::Messages, MemorySource::Summaries, MemorySource::Facts] {
        let (table, columns) = table_of(source);
        let sql = format!("SELECT seq, {columns} FROM {table} WHERE id = ?");
        let read = |columns: &mut Columns<'_>| {
            let row = (source, columns.int()?);
            Ok((row, read_as(source, columns)?))
        };
        let found = read_one(db, table, &sql, params![id], read)?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Whether the metadata of a vector name a session.
fn names(metadata: &Metadata, session: &str) -> bool {
    ["session_id", "sessionId"]
        .iter()
        .any(|key| matches!(metadata.get(key), Some(MetaValue::Text(found)) if **found == *session))
}

/// What the text of a record is.
fn text_of(record: &MemoryRecord) -> String {
    match record {
        MemoryRecord::Message(message) => message.content.clone(),
        MemoryRecord::Summary(summary) => summary.content.clone(),
        MemoryRecord::Fact(fact) => format!("{} {} {}", fact.entity_id, fact.predicate, fact.value),
        MemoryRecord::Vector(_) => String::new(),
    }
}
