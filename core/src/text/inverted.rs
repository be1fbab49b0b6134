//! All segments of an index: those that are stored, and the fresh ones that are not yet.
//!
//! What is written comes as small fresh segments, which are merged among themselves until they are
//! worth storing. A document that is replaced or deleted dies in the segment that has it. Nothing
//! here reads or writes a database: what has to be stored is handed out, and what is stored comes
//! back as segments whose parts a [`Source`] reads.

use std::sync::Arc;

use super::analyzer::Analyzer;
use super::builder::Builder;
use super::dead::Dead;
use super::merge::Merge;
use super::search::{Corpus, Part};
use super::segment::head::Head;
use super::segment::{Nowhere, Segment, SegmentReader, Source};
use crate::error::Result;

/// So many segments of about the same size become one.
pub(crate) const FANOUT: usize = 4;

/// Without a limit to what one step of a merge writes.
const AT_ONCE: usize = usize::MAX;

/// A segment of an index.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) segment: Arc<Segment>,
    pub(crate) dead: Dead,
    /// How many documents died since the dead were last stored.
    unsaved_dead: u32,
}

impl Member {
    pub(crate) fn living(&self) -> u32 {
        self.segment.head().documents - self.dead.count()
    }

    fn is_fresh(&self) -> bool {
        self.segment.id() < 0
    }
}

/// The segments of an index.
#[derive(Debug, Default)]
pub(crate) struct Inverted {
    pub(crate) members: Vec<Member>,
    documents: u64,
    tokens: u64,
    /// How many fresh segments there ever were; they count downwards.
    fresh_ids: i64,
}

impl Inverted {
    /// An index of stored segments.
    pub(crate) fn of(
        members: impl IntoIterator<Item = (i64, Head, Dead)>,
        source: &dyn Source,
    ) -> Result<Inverted> {
        let mut inverted = Inverted::default();
        for (id, head, dead) in members {
            let segment = Segment::new(id, head);
            inverted.documents += u64::from(segment.head().documents - dead.count());
            inverted.tokens += segment.head().tokens;
            if !dead.is_empty() {
                let documents = segment.open(source).documents()?;
                let lens = documents.lens();
                let gone = dead.iter().filter_map(|doc| lens.get(doc as usize));
                inverted.tokens -= gone.map(|len| u64::from(*len)).sum::<u64>();
            }
            inverted.members.push(Member { segment: Arc::new(segment), dead, unsaved_dead: 0 });
        }
        Ok(inverted)
    }

    /// How many documents there are.
    pub(crate) fn len(&self) -> u64 {
        self.documents
    }

    /// How many documents are in segments that are not stored.
    pub(crate) fn fresh_documents(&self) -> u64 {
        self.fresh().map(|member| u64::from(member.living())).sum()
    }

    /// How many bytes the segments have that are not stored.
    pub(crate) fn fresh_bytes(&self) -> u64 {
        self.fresh().map(|member| member.segment.head().bytes()).sum()
    }

    /// How many documents of stored segments died since the dead were last stored.
    pub(crate) fn fresh_dead(&self) -> u64 {
        self.members.iter().map(|member| u64::from(member.unsaved_dead)).sum()
    }

    fn fresh(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.is_fresh())
    }

    /// How many bytes of memory it takes.
    pub(crate) fn memory(&self) -> usize {
        let each = |member: &Member| member.segment.memory() + member.dead.memory();
        self.members.iter().map(each).sum()
    }

    /// Forgets what was read of stored segments, when it is more than so many bytes.
    pub(crate) fn forget_beyond(&self, bytes: usize) {
        let stored = || self.members.iter().filter(|member| !member.is_fresh());
        if stored().map(|member| member.segment.parts_memory()).sum::<usize>() > bytes {
            stored().for_each(|member| member.segment.forget());
        }
    }

    /// What a search searches.
    pub(crate) fn parts(&self) -> Vec<Part<'_>> {
        let members = self.members.iter();
        members.map(|member| Part { segment: &member.segment, dead: &member.dead }).collect()
    }

    /// All of it, to be searched.
    pub(crate) fn corpus<'a>(
        &self,
        parts: &'a [Part<'a>],
        source: &'a dyn Source,
        grams: &'a [u8],
    ) -> Corpus<'a> {
        Corpus { parts, source, documents: self.documents, tokens: self.tokens, grams }
    }

    fn place_of(&self, key: i64, source: &dyn Source) -> Result<Option<(usize, u32)>> {
        for (index, member) in self.members.iter().enumerate() {
            let found = member.segment.open(source).documents()?.find(key);
            if let Some(doc) = found.filter(|doc| !member.dead.contains(*doc)) {
                return Ok(Some((index, doc)));
            }
        }
        Ok(None)
    }

    /// Takes the document with this key out; whether there was one.
    pub(crate) fn remove(&mut self, key: i64, source: &dyn Source) -> Result<bool> {
        let Some((index, doc)) = self.place_of(key, source)? else { return Ok(false) };
        let member = &mut self.members[index];
        let document = member.segment.open(source).documents()?.get(doc);
        member.dead.insert(doc);
        member.unsaved_dead += u32::from(!member.is_fresh());
        self.documents -= 1;
        self.tokens -= u64::from(document.len);
        Ok(true)
    }

    /// The highest key up to `limit` of a document that is there.
    pub(crate) fn last_key(&self, limit: i64, source: &dyn Source) -> Result<Option<i64>> {
        let mut last = None;
        for member in &self.members {
            let documents = member.segment.open(source).documents()?;
            let end = documents.keys().partition_point(|key| *key <= limit);
            let living = (0..end)
                .rev()
                .find(|doc| u32::try_from(*doc).is_ok_and(|doc| !member.dead.contains(doc)));
            last = last.max(living.and_then(|doc| documents.keys().get(doc).copied()));
        }
        Ok(last)
    }

    /// A builder of the next fresh segment.
    pub(crate) fn builder<'a>(analyzer: &'a Analyzer, grams: &'a [u8]) -> Builder<'a> {
        Builder::new(analyzer, grams)
    }

    /// Adds documents of which none is there.
    pub(crate) fn add(&mut self, builder: Builder<'_>) -> Result<()> {
        if builder.len() == 0 {
            return Ok(());
        }
        let segment = builder.finish(self.next_fresh());
        self.documents += u64::from(segment.head().documents);
        self.tokens += segment.head().tokens;
        self.put(segment);
        self.merge_fresh()
    }

    fn put(&mut self, segment: Segment) {
        self.members.push(Member {
            segment: Arc::new(segment),
            dead: Dead::default(),
            unsaved_dead: 0,
        });
    }

    fn next_fresh(&mut self) -> i64 {
        self.fresh_ids -= 1;
        self.fresh_ids
    }

    /// Merges the last fresh segments as long as there are enough of about the same size.
    fn merge_fresh(&mut self) -> Result<()> {
        loop {
            let fresh: Vec<usize> =
                (0..self.members.len()).filter(|n| self.members[*n].is_fresh()).collect();
            let Some(last) = fresh.last() else { return Ok(()) };
            let level = level(self.members[*last].living().into());
            let is_same = |n: &&usize| self::level(self.members[**n].living().into()) <= level;
            let same: Vec<usize> = fresh.iter().rev().take_while(is_same).copied().collect();
            if same.len() < FANOUT {
                return Ok(());
            }
            self.merge_whole(&same)?;
        }
    }

    /// Makes one fresh segment of these fresh ones.
    fn merge_whole(&mut self, which: &[usize]) -> Result<()> {
        let segment = self.merged(which, &Nowhere)?;
        let mut index = 0;
        self.members.retain(|_| {
            index += 1;
            !which.contains(&(index - 1))
        });
        if segment.head().documents > 0 {
            self.put(segment);
        }
        Ok(())
    }

    fn merged(&mut self, which: &[usize], source: &dyn Source) -> Result<Segment> {
        let id = self.next_fresh();
        let inputs: Vec<_> = which
            .iter()
            .map(|n| (self.members[*n].segment.open(source), &self.members[*n].dead))
            .collect();
        let mut merge = Merge::begin(&inputs)?;
        let readers: Vec<_> = inputs.iter().map(|(reader, _)| *reader).collect();
        while !merge.step(&readers, AT_ONCE)? {}
        let (head, parts) = merge.writer.take();
        let head = head.clone();
        Ok(Segment::in_memory(id, head, parts, merge.into_documents()))
    }

    /// Makes one segment of all fresh ones and gives it, to be stored; `None` when there is
    /// nothing to store.
    pub(crate) fn gather(&mut self) -> Result<Option<Arc<Segment>>> {
        let fresh: Vec<usize> =
            (0..self.members.len()).filter(|n| self.members[*n].is_fresh()).collect();
        let has_dead = fresh.iter().any(|n| !self.members[*n].dead.is_empty());
        if fresh.len() > 1 || has_dead {
            self.merge_whole(&fresh)?;
        }
        Ok(self.fresh().next().map(|member| Arc::clone(&member.segment)))
    }

    /// Takes note that the fresh segments are stored now, as one with this id.
    pub(crate) fn stored(&mut self, id: i64, head: Head) {
        if let Some(member) = self.members.iter_mut().find(|member| member.is_fresh()) {
            // Its documents are read already, and its parts are read again when they are needed.
            let segment = Segment::new(id, head);
            segment.adopt(&member.segment);
            member.segment = Arc::new(segment);
        }
    }

    /// Takes note that the dead are stored.
    pub(crate) fn dead_stored(&mut self) {
        self.members.iter_mut().for_each(|member| member.unsaved_dead = 0);
    }

    /// Puts a merged segment in the place of these, with what died meanwhile.
    pub(crate) fn replace(&mut self, ids: &[i64], merged: Segment, dead: Dead) {
        let at = self.members.iter().position(|member| ids.contains(&member.segment.id()));
        self.members.retain(|member| !ids.contains(&member.segment.id()));
        let member = Member { segment: Arc::new(merged), dead, unsaved_dead: 0 };
        self.members.insert(at.unwrap_or(0).min(self.members.len()), member);
    }

    /// Whether any segment is stored.
    pub(crate) fn has_stored(&self) -> bool {
        self.members.iter().any(|member| !member.is_fresh())
    }

    /// Whether a stored segment has documents that are dead.
    pub(crate) fn has_stored_dead(&self) -> bool {
        self.members.iter().any(|member| !member.is_fresh() && !member.dead.is_empty())
    }

    /// The stored segments, unless there is but one without dead.
    pub(crate) fn worth_optimizing(&self) -> Vec<i64> {
        let stored: Vec<&Member> =
            self.members.iter().filter(|member| !member.is_fresh()).collect();
        match stored[..] {
            [only] if only.dead.is_empty() => Vec::new(),
            _ => stored.iter().map(|member| member.segment.id()).collect(),
        }
    }

    /// The stored segments whose dead are not stored as they are.
    pub(crate) fn unsaved_dead(&self) -> impl Iterator<Item = (i64, &Dead)> {
        let unsaved = self.members.iter().filter(|member| member.unsaved_dead > 0);
        unsaved.map(|member| (member.segment.id(), &member.dead))
    }

    /// Those of these segments that are there, to be merged.
    pub(crate) fn inputs<'a>(
        &'a self,
        ids: &[i64],
        source: &'a dyn Source,
    ) -> Result<Vec<(SegmentReader<'a>, &'a Dead)>> {
        let member = |id: &i64| self.members.iter().find(|member| member.segment.id() == *id);
        let found = ids.iter().filter_map(member);
        Ok(found.map(|member| (member.segment.open(source), &member.dead)).collect())
    }

    /// The same segments, whose dead are this one's own.
    pub(crate) fn copied(&self) -> Inverted {
        let copy = |member: &Member| Member {
            segment: Arc::clone(&member.segment),
            dead: member.dead.clone(),
            unsaved_dead: member.unsaved_dead,
        };
        Inverted {
            members: self.members.iter().map(copy).collect(),
            documents: self.documents,
            tokens: self.tokens,
            fresh_ids: self.fresh_ids,
        }
    }

    /// The segments.
    pub(crate) fn members(&self) -> &[Member] {
        &self.members
    }

    /// Which stored segments should become one next: enough of about the same size, or one that is
    /// mostly dead.
    pub(crate) fn worth_merging(&self) -> Option<Vec<i64>> {
        let stored = || self.members.iter().filter(|member| !member.is_fresh());
        let mut levels: Vec<(u32, i64)> = stored()
            .map(|member| (level(member.segment.head().bytes() / 1024), member.segment.id()))
            .collect();
        levels.sort_unstable();
        // The lowest level that is full, with all below it.
        for (level, _) in &levels {
            let here: Vec<i64> =
                levels.iter().filter(|(other, _)| other <= level).map(|(_, id)| *id).collect();
            if here.len() >= FANOUT {
                return Some(here);
            }
        }
        let mostly_dead = |member: &&Member| member.dead.count() > member.living();
        stored().find(mostly_dead).map(|member| vec![member.segment.id()])
    }
}

/// The size class of a segment.
fn level(size: u64) -> u32 {
    size.max(1).ilog2() / FANOUT.ilog2()
}
