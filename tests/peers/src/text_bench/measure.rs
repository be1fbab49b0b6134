//! The sides take turns on the same work, so that what else the machine does falls on all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sigil_peers::report::Run;
use sigil_peers::{Error, Result};

use crate::contender::{Side, Size, TextContender, sides};
use crate::input::{Doc, Query};

/// So many transactions, or queries, or single documents are a side's turn.
const TURN: usize = 25;
/// Scores that differ by less, relatively, are ties.
const TIE: f64 = 1e-6;

/// Keys and scores, the best first.
pub(crate) type Hits = Vec<(String, f64)>;

struct Lane {
    side: Side,
    directory: PathBuf,
    // None only while it is opened anew.
    contender: Option<Box<dyn TextContender>>,
}

impl Lane {
    fn contender(&mut self) -> Result<&mut dyn TextContender> {
        match &mut self.contender {
            Some(contender) => Ok(&mut **contender),
            None => Err(Error::Input(format!("{} is closed", self.side.name))),
        }
    }

    fn open(&mut self) -> Result<()> {
        self.contender = None;
        self.contender = Some((self.side.open)(&self.directory)?);
        Ok(())
    }
}

/// Every side, in a directory of its own.
pub(crate) struct Lanes(Vec<Lane>);

/// What the queries took and found, by side and query.
pub(crate) struct Asked {
    times: Vec<Vec<Vec<Duration>>>,
    pub(crate) answers: Vec<Vec<Hits>>,
}

impl Lanes {
    pub(crate) fn open(directory: &Path) -> Result<Lanes> {
        let mut lanes = Vec::new();
        for side in sides() {
            let directory = directory.join(side.name);
            let mut lane = Lane { side, directory, contender: None };
            lane.open()?;
            lanes.push(lane);
        }
        Ok(Lanes(lanes))
    }

    /// The same sides with nothing in them.
    pub(crate) fn emptied(mut self) -> Result<Lanes> {
        for lane in &mut self.0 {
            lane.contender = None;
            std::fs::remove_dir_all(&lane.directory)?;
            lane.open()?;
        }
        Ok(self)
    }

    /// Adds the documents in transactions of `batch`; the seconds that it took each side.
    pub(crate) fn index(&mut self, docs: &[Doc], batch: usize) -> Result<Vec<f64>> {
        let batches: Vec<&[Doc]> = docs.chunks(batch).collect();
        let times = self.turns(&batches, |contender, batch| contender.index(batch))?;
        Ok(times.iter().map(|each| each.iter().sum::<Duration>().as_secs_f64()).collect())
    }

    /// Adds documents one by one, each durable; the times of each side in microseconds.
    pub(crate) fn append(&mut self, docs: &[Doc]) -> Result<Vec<Value>> {
        let docs: Vec<&Doc> = docs.iter().collect();
        let times = self.turns(&docs, |contender, doc| contender.append_one(doc))?;
        Ok(times.into_iter().map(figures).collect())
    }

    pub(crate) fn settle(&mut self) -> Result<()> {
        self.0.iter_mut().try_for_each(|lane| lane.contender()?.settle())
    }

    pub(crate) fn sizes(&mut self) -> Result<Vec<Size>> {
        self.0.iter_mut().map(|lane| lane.contender()?.size_bytes()).collect()
    }

    /// Opens each side anew, `rounds` times, and asks it one query; microseconds, by median.
    pub(crate) fn reopen(&mut self, rounds: usize, query: &Query, k: usize) -> Result<Vec<Value>> {
        let mut figures = Vec::new();
        for lane in &mut self.0 {
            let (mut opened, mut answered) = (Vec::new(), Vec::new());
            for _ in 0..rounds {
                lane.contender = None;
                let began = Instant::now();
                lane.open()?;
                opened.push(began.elapsed());
                lane.contender()?.query(query, k)?;
                answered.push(began.elapsed());
            }
            figures.push(json!({
                "open": Run::of(opened).p50,
                "with_first_query": Run::of(answered).p50,
            }));
        }
        Ok(figures)
    }

    /// Asks every query `rounds` times after once without being timed.
    pub(crate) fn queries(&mut self, queries: &[Query], rounds: usize, k: usize) -> Result<Asked> {
        let mut asked = Asked {
            times: vec![vec![Vec::new(); queries.len()]; self.0.len()],
            answers: vec![Vec::new(); self.0.len()],
        };
        for (lane, answers) in self.0.iter_mut().zip(&mut asked.answers) {
            for query in queries {
                answers.push(lane.contender()?.query(query, k)?);
            }
        }
        let each: Vec<&Query> = queries.iter().collect();
        for _ in 0..rounds {
            let round = self.turns(&each, |contender, query| {
                std::hint::black_box(contender.query(query, k)?);
                Ok(())
            })?;
            for (times, round) in asked.times.iter_mut().zip(round) {
                for (times, time) in times.iter_mut().zip(round) {
                    times.push(time);
                }
            }
        }
        Ok(asked)
    }

    /// Every side does every piece of work, in turns, the first side of a turn changing.
    fn turns<W: Copy>(
        &mut self,
        pieces: &[W],
        mut work: impl FnMut(&mut dyn TextContender, W) -> Result<()>,
    ) -> Result<Vec<Vec<Duration>>> {
        let count = self.0.len();
        let mut times = vec![Vec::with_capacity(pieces.len()); count];
        for (number, turn) in pieces.chunks(TURN).enumerate() {
            for place in 0..count {
                let which = (number + place) % count;
                let contender = self.0[which].contender()?;
                for piece in turn {
                    let began = Instant::now();
                    work(contender, *piece)?;
                    times[which].push(began.elapsed());
                }
            }
        }
        Ok(times)
    }
}

impl Asked {
    /// The figures of one side by group of queries; a query's time is the median of its rounds.
    pub(crate) fn of(&self, side: usize, queries: &[Query]) -> Value {
        let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (number, query) in queries.iter().enumerate() {
            groups.entry(query.group()).or_default().push(number);
        }
        let (times, answers) = (&self.times[side], &self.answers[side]);
        let figures = groups.into_iter().map(|(group, numbers)| {
            let medians = numbers.iter().map(|number| median(&times[*number])).collect();
            let mut found = figures(medians);
            let hits = numbers.iter().map(|number| answers[*number].len()).sum::<usize>();
            let empty = numbers.iter().filter(|number| answers[**number].is_empty()).count();
            let alike = numbers
                .iter()
                .filter(|number| alike(&self.answers[0][**number], &answers[**number]));
            found["queries"] = json!(numbers.len());
            found["hits"] = json!(hits);
            found["without_hits"] = json!(empty);
            // As many hits as the first side has, and the same ones but for ties at the end.
            found["as_many_as_first"] = json!(
                numbers
                    .iter()
                    .filter(|number| self.answers[0][**number].len() == answers[**number].len())
                    .count()
            );
            found["same_as_first"] = json!(alike.count());
            (group, found)
        });
        Value::Object(figures.collect())
    }
}

/// Whether two answers name the same keys, but for those that tie with the last.
fn alike(one: &[(String, f64)], other: &[(String, f64)]) -> bool {
    let Some((_, last)) = one.last() else { return other.is_empty() };
    let mut surely = one.iter().filter(|(_, score)| *score > last + last.abs() * TIE);
    one.len() == other.len() && surely.all(|(key, _)| other.iter().any(|(theirs, _)| theirs == key))
}

fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn figures(times: Vec<Duration>) -> Value {
    let count = u32::try_from(times.len().max(1)).unwrap_or(u32::MAX);
    let run = Run::of(times);
    json!({ "p50": run.p50, "p95": run.p95, "mean": run.total / f64::from(count) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(rows: &[(&str, f64)]) -> Hits {
        rows.iter().map(|(key, score)| ((*key).to_owned(), *score)).collect()
    }

    #[test]
    fn answers_are_alike_that_differ_only_where_scores_tie_with_the_last() {
        let one = hits(&[("a", 3.0), ("b", 2.0), ("c", 2.0)]);
        assert!(alike(&one, &hits(&[("a", 3.1), ("c", 2.0), ("d", 2.0)])));
        assert!(!alike(&one, &hits(&[("e", 3.1), ("c", 2.0), ("b", 2.0)])));
        assert!(!alike(&one, &hits(&[("a", 3.0), ("b", 2.0)])));
        assert!(alike(&Hits::new(), &Hits::new()));
    }
}
