//! Pages after the first.

use super::{Asked, Rounded};
use crate::error::Result;
use crate::vector::{Explanation, Hit, HitCursor};

/// So many times as many results as are wanted, and at least so many, are compared on either side
/// of a page because the order of the index differs from that of what is stored.
const AROUND: usize = 4;
const AROUND_MIN: usize = 200;

/// How often the part before a page is halved when too many are in it.
const HALVINGS: usize = 4;

/// Results with how far each is as the index holds it, and as it is stored.
#[derive(Debug, Default)]
struct Compared(Vec<(f64, Hit)>);

impl Rounded<'_> {
    /// What comes next after a cursor; `None` when nothing less than comparing everything tells.
    ///
    /// The cursor is a place in the order of what is stored. Where it is in the order of the index
    /// says the vector it names, and how much the orders differ say the vectors around it. Those
    /// that the index has a little before the cursor are compared too. `held` searches the index.
    pub(super) fn page(
        &self,
        query: &[f32],
        asked: Asked<'_>,
        cursor: &HitCursor,
        held: impl Fn(Option<HitCursor>, usize) -> Result<(Vec<Hit>, Explanation)>,
    ) -> Result<Option<(Vec<Hit>, Explanation)>> {
        let (pool, wanted) = (asked.pool(), asked.wanted());
        let around = wanted.saturating_mul(AROUND).max(AROUND_MIN);
        let known = self.place(query, cursor)?;
        let distance = known.unwrap_or(cursor.distance);
        let usual = cursor.distance - distance;
        let place = HitCursor { distance, ..cursor.clone() };
        let (mut hits, how) = held(Some(place.clone()), wanted)?;
        let mut near = Compared::default();
        near.add(self, query, &hits)?;
        let spread = near.spread(usual);
        if known.is_some() {
            let nearer = before(&place, spread, around, &held)?;
            near.add(self, query, &nearer)?;
        } else {
            // Many may be as far as the cursor, and only comparing tells which are behind it.
            near = Compared::default();
            (hits, _) = held(Some(start(&place, spread)), wanted)?;
            near.add(self, query, &hits)?;
        }
        let (mut more, mut ahead) = (wanted, 0);
        loop {
            let found = near.behind(cursor);
            let farthest = found.get(pool.saturating_sub(1)).map(|hit| hit.distance);
            let last = hits.last().filter(|_| hits.len() == more);
            let reaches = |farthest| {
                ahead >= around || last.is_none_or(|it| it.distance >= farthest - usual + spread)
            };
            if pool == 0 || farthest.is_some_and(reaches) {
                return Ok(Some((found, how)));
            }
            let Some(last) = last else {
                return Ok(None);
            };
            let after =
                HitCursor { distance: last.distance, id: last.id.clone(), seen: cursor.seen };
            more = more.saturating_mul(2);
            (hits, _) = held(Some(after), more)?;
            near.add(self, query, &hits)?;
            ahead += hits.len();
        }
    }

    /// How far the vector that a cursor names is from the query as the index holds it; `None` when
    /// it is gone or another one.
    fn place(&self, query: &[f32], cursor: &HitCursor) -> Result<Option<f64>> {
        let Some(distance) = self.vectors.distance(query, &cursor.id) else {
            return Ok(None);
        };
        let stored = self.stored(&[&cursor.id])?.distance(query, &cursor.id);
        Ok(stored.filter(|stored| *stored == cursor.distance).map(|_| distance))
    }
}

/// What the index has so little before a place, or as much of it as may be compared.
fn before(
    place: &HitCursor,
    mut spread: f64,
    most: usize,
    held: impl Fn(Option<HitCursor>, usize) -> Result<(Vec<Hit>, Explanation)>,
) -> Result<Vec<Hit>> {
    for _ in 0..HALVINGS {
        let (mut hits, _) = held(Some(start(place, spread)), most)?;
        hits.retain(|hit| !place.is_before(hit.distance, &hit.id));
        if hits.len() < most {
            return Ok(hits);
        }
        spread /= 2.0;
    }
    Ok(Vec::new())
}

fn start(place: &HitCursor, spread: f64) -> HitCursor {
    HitCursor { distance: place.distance - spread, id: String::new(), seen: place.seen }
}

impl Compared {
    fn add(&mut self, rounded: &Rounded<'_>, query: &[f32], held: &[Hit]) -> Result<()> {
        let mut hits = rounded.compared(query, held)?;
        hits.sort_by(|a, b| a.id.cmp(&b.id));
        let mut held: Vec<&Hit> = held.iter().collect();
        held.sort_by(|a, b| a.id.cmp(&b.id));
        self.0.extend(held.iter().map(|held| held.distance).zip(hits));
        Ok(())
    }

    /// How much more or less than `usual` the distances differ, and others hardly do.
    fn spread(&self, usual: f64) -> f64 {
        let spreads = self.0.iter().map(|(held, hit)| (hit.distance - held - usual).abs());
        2.0 * spreads.fold(0.0, f64::max)
    }

    /// What is behind a cursor, nearest first.
    fn behind(&self, cursor: &HitCursor) -> Vec<Hit> {
        let hits = self.0.iter().map(|(_, hit)| hit);
        let mut hits: Vec<Hit> =
            hits.filter(|hit| cursor.is_before(hit.distance, &hit.id)).cloned().collect();
        super::sort(&mut hits);
        hits
    }
}
