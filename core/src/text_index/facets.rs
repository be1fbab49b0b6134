//! How many rows match, and what they have.

use super::TextIndex;
use super::search::{Asked, Chosen, TextSearchOptions};
use crate::error::Result;
use crate::text::{Documents, Judge, Rank, SegmentReader, TextQuery, Top, search};
use crate::vector::{MetaValue, ValueCounts};

/// What the rows that match have under some keys.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Facets {
    /// How many rows match.
    pub rows: u64,
    /// For each key that was asked for, in that order.
    pub keys: Vec<Facet>,
}

/// What the rows that match have under a key.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Facet {
    /// The key.
    pub key: String,
    /// The values with how many rows have each, the most frequent first, and of equally frequent
    /// ones the lower. An array has all its elements as values, and not itself.
    pub values: Vec<(MetaValue, u64)>,
    /// How many different values there are, also of those that are not among `values`.
    pub distinct: u64,
}

impl TextIndex<'_> {
    /// How many rows match.
    ///
    /// It does not matter by what `options` rank, nor behind which hit they go on.
    ///
    /// # Errors
    /// As [`search`](TextIndex::search).
    pub fn count_matching(&self, query: &TextQuery, options: &TextSearchOptions) -> Result<u64> {
        self.store.with_text_index(&self.info, |follower, db| {
            let mut rows = 0;
            follower.asked(db, query, options, |asked| {
                rows = 0;
                each(asked, |_, _| rows += 1)
            })?;
            Ok(rows)
        })
    }

    /// What the rows that match have under each of some keys, names of attributes or of members of
    /// the metadata: at most `most` values a key.
    ///
    /// Integers and floats that are equal are one value. It does not matter by what `options` rank,
    /// nor behind which hit they go on.
    ///
    /// # Errors
    /// As [`search`](TextIndex::search), and [`ErrorKind::InvalidInput`] for an index without
    /// attributes and metadata.
    ///
    /// [`ErrorKind::InvalidInput`]: crate::ErrorKind::InvalidInput
    ///
    /// ```
    /// use sigil_core::{Filter, MetaValue, Store, TextIndexOptions, TextQuery, TextSearchOptions};
    ///
    /// let store = Store::in_memory()?;
    /// let db = store.database();
    /// db.execute_batch(
    ///     "CREATE TABLE word (id INTEGER PRIMARY KEY, gloss TEXT, pos TEXT);
    ///      INSERT INTO word (gloss, pos) VALUES
    ///        ('a large body of water', 'noun'), ('to water a plant', 'verb'), ('a pond', 'noun'),
    ///        ('water that is frozen', 'noun');",
    /// )?;
    /// let mut options = TextIndexOptions::new("word", ["gloss"]);
    /// options.attributes = vec!["pos".to_owned()];
    /// let words = store.create_text_index("words", &options)?;
    /// let query = TextQuery::parse("water")?;
    /// let mut search = TextSearchOptions::default();
    /// let facets = words.facets(&query, &search, &["pos"], 10)?;
    /// let values = &facets.keys[0].values;
    /// assert_eq!(values[..], [(MetaValue::Text("noun".into()), 2), (MetaValue::Text("verb".into()), 1)]);
    /// search.filter = Some(Filter::from_json(r#"{"pos": "noun"}"#)?);
    /// assert_eq!(words.count_matching(&query, &search)?, 2);
    /// # Ok::<(), sigil_core::Error>(())
    /// ```
    pub fn facets(
        &self,
        query: &TextQuery,
        options: &TextSearchOptions,
        keys: &[&str],
        most: usize,
    ) -> Result<Facets> {
        if !self.info.options.has_attributes() {
            return Err(TextIndex::without_attributes(&self.info.name));
        }
        self.store.with_text_index(&self.info, |follower, db| {
            let mut facets = Facets::default();
            follower.asked(db, query, options, |asked| {
                facets = count(asked, keys, most)?;
                Ok(())
            })?;
            Ok(facets)
        })
    }
}

/// Calls `f` with each document that matches, and with the place of its segment.
fn each(asked: Asked<'_>, f: impl FnMut(usize, u32)) -> Result<()> {
    let Asked { db, plan, corpus, weights, chosen } = asked;
    let mut judge = Each { chosen, f };
    // Nothing is ranked.
    let mut none = Top::new(0, None);
    db.watched(|| search(plan, corpus, weights, &mut judge, &mut none))
}

fn count(asked: Asked<'_>, keys: &[&str], most: usize) -> Result<Facets> {
    let (db, corpus) = (asked.db, asked.corpus);
    let mut found: Vec<Vec<u32>> = vec![Vec::new(); corpus.parts.len()];
    each(asked, |part, doc| {
        if let Some(docs) = found.get_mut(part) {
            docs.push(doc);
        }
    })?;
    let mut counts: Vec<ValueCounts> = vec![ValueCounts::default(); keys.len()];
    db.watched(|| {
        for (part, docs) in corpus.parts.iter().zip(&found) {
            count_in(&part.segment.open(corpus.source), docs, keys, &mut counts)?;
            db.check_watch()?;
        }
        Ok(())
    })?;
    let facet = |(key, counts): (&&str, ValueCounts)| Facet {
        key: (*key).to_owned(),
        distinct: counts.len() as u64,
        values: counts.most_frequent(most),
    };
    Ok(Facets {
        rows: found.iter().map(|docs| docs.len() as u64).sum(),
        keys: keys.iter().zip(counts).map(facet).collect(),
    })
}

/// Counts what documents of a segment have, which ascend.
fn count_in(
    reader: &SegmentReader<'_>,
    docs: &[u32],
    keys: &[&str],
    counts: &mut [ValueCounts],
) -> Result<()> {
    let mut rest = docs;
    while let Some(first) = rest.first() {
        let chunk = reader.chunk_of(*first)?;
        let (here, behind) = rest.split_at(rest.partition_point(|doc| *doc < chunk.documents.end));
        let attributes = reader.attributes(&chunk)?;
        for (key, counts) in keys.iter().zip(&mut *counts) {
            let slots = here.iter().map(|doc| doc - chunk.documents.start);
            attributes.count_values(key, slots, counts);
        }
        rest = behind;
    }
    Ok(())
}

/// A judge that takes note of all that match, whatever their scores.
struct Each<'a, F> {
    chosen: Chosen<'a>,
    f: F,
}

impl<F: FnMut(usize, u32)> Judge for Each<'_, F> {
    fn judge(&mut self, part: usize, documents: &Documents, doc: u32, score: f64) -> Option<Rank> {
        self.chosen.judge(part, documents, doc, score)?;
        (self.f)(part, doc);
        None
    }

    fn next(&mut self, part: usize, doc: u32) -> u32 {
        self.chosen.next(part, doc)
    }

    fn prunes(&self) -> bool {
        false
    }

    fn check(&mut self) -> Result<()> {
        self.chosen.check()
    }
}
