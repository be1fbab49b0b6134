//! The same search without an index.

use std::collections::{BTreeMap, BTreeSet};

use crate::text::query::{Node, Phrase};
use crate::{Filter, MetaValue, Metadata, TextQuery};

/// Positions of a phrase in each column.
type Spots = Vec<(usize, usize)>;

#[derive(Debug, Clone, Default)]
pub(super) struct Naive {
    pub(super) rows: BTreeMap<i64, Row>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Row {
    pub(super) texts: [String; 2],
    pub(super) attributes: Metadata,
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

fn column(name: &str) -> usize {
    usize::from(name == "u")
}

fn spots(row: &Row, phrase: &Phrase, columns: &BTreeSet<usize>) -> Spots {
    let mut wanted: Vec<(String, bool)> = Vec::new();
    for part in &phrase.parts {
        wanted.extend(words(&part.text).into_iter().map(|word| (word.to_owned(), false)));
        if let Some(last) = wanted.last_mut() {
            last.1 = part.prefix;
        }
    }
    let mut found = Vec::new();
    for column in columns {
        let text = words(&row.texts[*column]);
        for start in 0..text.len() {
            let is_here = wanted.iter().enumerate().all(|(n, (word, prefix))| {
                text.get(start + n).is_some_and(|text| match prefix {
                    true => text.starts_with(word.as_str()),
                    false => text == word,
                })
            });
            if is_here && (start == 0 || !phrase.initial) {
                found.push((*column, start));
            }
        }
    }
    found
}

/// Those that are in a set with one of each, near each other: by trying all sets.
fn near(all: &[Spots], spans: &[usize], distance: usize) -> Vec<Spots> {
    let mut sets: Vec<Vec<(usize, usize)>> = vec![Vec::new()];
    for spots in all {
        let longer = |set: &Vec<(usize, usize)>| {
            let set = set.clone();
            spots.iter().map(move |spot| [&set[..], &[*spot]].concat()).collect::<Vec<_>>()
        };
        sets = sets.iter().flat_map(longer).collect();
    }
    sets.retain(|set| {
        let latest = *set.iter().max().unwrap();
        set.iter()
            .zip(spans)
            .all(|((column, spot), span)| *column == latest.0 && spot + span + distance >= latest.1)
    });
    (0..all.len())
        .map(|n| sets.iter().map(|set| set[n]).collect::<BTreeSet<_>>().into_iter().collect())
        .collect()
}

fn span(phrase: &Phrase) -> usize {
    phrase.parts.iter().map(|part| words(&part.text).len()).sum()
}

impl Naive {
    /// The rows that match with their scores, best first.
    pub(super) fn search(
        &self,
        query: &TextQuery,
        weights: &[f64],
        filter: Option<&Filter>,
    ) -> Vec<(i64, f64)> {
        let count = |row: &Row| row.texts.iter().map(|text| words(text).len()).sum::<usize>();
        let tokens: usize = self.rows.values().map(count).sum();
        let average = tokens as f64 / self.rows.len() as f64;
        let mut hits = Vec::new();
        for (key, row) in &self.rows {
            let Some(phrases) = self.matches(row, &query.root, &BTreeSet::from([0, 1])) else {
                continue;
            };
            let mut score = 0.0;
            for (freqs, having) in phrases {
                let weight = |column: &usize| weights.get(*column).copied().unwrap_or(1.0);
                let freq: f64 = freqs.iter().map(|(column, _)| weight(column)).sum();
                let (all, having) = (self.rows.len() as f64, having as f64);
                let idf = ((all - having + 0.5) / (having + 0.5)).ln();
                let idf = if idf <= 0.0 { 1e-6 } else { idf };
                let len = count(row) as f64;
                score += idf * (freq * 2.2) / (freq + 1.2 * (0.25 + 0.75 * len / average));
            }
            hits.push((*key, score));
        }
        let is_wanted = |key: &i64| filter.is_none_or(|it| it.matches(&self.rows[key].attributes));
        hits.retain(|(key, _)| is_wanted(key));
        hits.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        hits
    }

    /// The values that these rows have under a key, and how many have each.
    pub(super) fn facet(&self, keys: &[i64], name: &str) -> Vec<(MetaValue, u64)> {
        let mut counts: Vec<(MetaValue, u64)> = Vec::new();
        for key in keys {
            let values = match self.rows[key].attributes.get(name) {
                None => Vec::new(),
                Some(MetaValue::Array(items)) => items.to_vec(),
                Some(value) => vec![value.clone()],
            };
            for (n, value) in values.iter().enumerate() {
                match counts.iter_mut().find(|(known, _)| known == value) {
                    _ if values[..n].contains(value) => {}
                    Some((_, count)) => *count += 1,
                    None => counts.push((value.clone(), 1)),
                }
            }
        }
        counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.compare(&b.0)));
        counts
    }

    /// For each phrase that counts where it is, and how many rows have it; `None` unless the row
    /// matches.
    fn matches(
        &self,
        row: &Row,
        node: &Node,
        columns: &BTreeSet<usize>,
    ) -> Option<Vec<(Spots, usize)>> {
        let each = |nodes: &[Node]| -> Vec<Option<Vec<(Spots, usize)>>> {
            nodes.iter().map(|node| self.matches(row, node, columns)).collect()
        };
        match node {
            Node::Near { phrases, distance } => {
                let all: Vec<Spots> =
                    phrases.iter().map(|phrase| spots(row, phrase, columns)).collect();
                if all.iter().any(Vec::is_empty) {
                    return None;
                }
                let spans: Vec<usize> = phrases.iter().map(span).collect();
                let all = match phrases.len() {
                    1 => all,
                    _ => near(&all, &spans, *distance as usize),
                };
                let having = |phrase: &Phrase| {
                    let has = |row: &&Row| !spots(row, phrase, columns).is_empty();
                    self.rows.values().filter(has).count()
                };
                let found: Vec<_> = all.into_iter().zip(phrases.iter().map(having)).collect();
                (!found[0].0.is_empty()).then_some(found)
            }
            Node::All { nodes, .. } => {
                let all: Option<Vec<_>> = each(nodes).into_iter().collect();
                all.map(|found| found.concat())
            }
            Node::Any(nodes) => {
                let found = each(nodes);
                let matching: Vec<_> = found.into_iter().flatten().collect();
                (!matching.is_empty()).then(|| matching.concat())
            }
            Node::Without(node, other) => match self.matches(row, other, columns) {
                Some(_) => None,
                None => self.matches(row, node, columns),
            },
            Node::Columns { names, exclude, node } => {
                let named: BTreeSet<usize> = names.iter().map(|name| column(name)).collect();
                let is_chosen = |column: &&usize| named.contains(column) != *exclude;
                let columns = columns.iter().filter(is_chosen).copied().collect();
                self.matches(row, node, &columns)
            }
        }
    }
}
