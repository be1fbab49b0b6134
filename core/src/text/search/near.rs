//! Documents in which phrases stand near each other.

use super::Scope;
use super::leaf::Match;
use super::phrase;
use super::plan::Leaf;
use crate::error::Result;

/// A place in a document: its column in the upper half, the position in the lower.
pub(in crate::text) type Spot = u64;

/// For each phrase, how many documents have it, and of the documents that have all of them near
/// each other those of its occurrences that are.
///
/// Near is what FTS5 means by it: when the last phrase of a set begins, each of the others has
/// ended at most `distance` tokens before, in the same column.
pub(super) fn find(
    leaves: &[Leaf],
    distance: u32,
    scope: &Scope<'_>,
) -> Result<Vec<(u64, Vec<Match>)>> {
    let mut places = Vec::with_capacity(leaves.len());
    for leaf in leaves {
        places.push(places_of(leaf, scope)?);
    }
    let spans: Vec<u64> = leaves
        .iter()
        .map(|leaf| leaf.terms.last().map_or(0, |term| u64::from(term.offset) + 1))
        .collect();
    let mut found: Vec<(u64, Vec<Match>)> =
        places.iter().map(|places| (documents_of(places), Vec::new())).collect();
    let mut rests: Vec<&[(u32, Spot)]> = places.iter().map(Vec::as_slice).collect();
    while let Some(doc) = next_common(&mut rests) {
        let here: Vec<Vec<Spot>> = rests.iter_mut().map(|rest| take(rest, doc)).collect();
        let near = near(&here, &spans, u64::from(distance));
        if near.first().is_some_and(|near| !near.is_empty()) {
            for ((_, matches), spots) in found.iter_mut().zip(&near) {
                let freq = spots.iter().map(|spot| scope.weight(column_of(*spot))).sum();
                matches.push(Match { doc, freq });
            }
        }
    }
    Ok(found)
}

/// Where a phrase starts, in all living documents.
fn places_of(leaf: &Leaf, scope: &Scope<'_>) -> Result<Vec<(u32, Spot)>> {
    let mut places = Vec::new();
    for column in &leaf.columns {
        phrase::find(leaf, *column, scope, &mut |doc, starts| {
            let spot = |start: &u32| Spot::from(*column) << 32 | Spot::from(*start);
            places.extend(starts.iter().map(|start| (doc, spot(start))));
        })?;
    }
    places.sort_unstable();
    Ok(places)
}

fn column_of(spot: Spot) -> u8 {
    u8::try_from(spot >> 32).unwrap_or(u8::MAX)
}

fn documents_of(places: &[(u32, Spot)]) -> u64 {
    places.chunk_by(|(a, _), (b, _)| a == b).count() as u64
}

/// The next document that all have, and everything before it dropped.
fn next_common(rests: &mut [&[(u32, Spot)]]) -> Option<u32> {
    let mut doc = 0;
    loop {
        let mut highest = doc;
        for rest in rests.iter_mut() {
            let behind = rest.partition_point(|(other, _)| *other < doc);
            *rest = &rest[behind..];
            highest = highest.max(rest.first()?.0);
        }
        if rests.iter().all(|rest| rest.first().is_some_and(|(other, _)| *other == highest)) {
            return Some(highest);
        }
        doc = highest;
    }
}

fn take(rest: &mut &[(u32, Spot)], doc: u32) -> Vec<Spot> {
    let here = rest.iter().take_while(|(other, _)| *other == doc).count();
    let (taken, behind) = rest.split_at(here);
    *rest = behind;
    taken.iter().map(|(_, spot)| *spot).collect()
}

/// Those of the spots that are in a set with one of each phrase, near each other.
///
/// The sets are found as FTS5 finds them: from the front, the phrase whose next occurrence comes
/// first goes on to it.
pub(in crate::text) fn near(spots: &[Vec<Spot>], spans: &[u64], distance: u64) -> Vec<Vec<Spot>> {
    let mut out: Vec<Vec<Spot>> = vec![Vec::new(); spots.len()];
    let mut at = vec![0_usize; spots.len()];
    let Some(mut latest) = spots.first().and_then(|spots| spots.first()).copied() else {
        return out;
    };
    loop {
        let mut is_set = false;
        while !is_set {
            is_set = true;
            for (phrase, spots) in spots.iter().enumerate() {
                let earliest = latest.saturating_sub(spans[phrase] + distance);
                let Some(mut spot) = spots.get(at[phrase]).copied() else { return out };
                if spot < earliest || spot > latest {
                    is_set = false;
                    while spot < earliest {
                        at[phrase] += 1;
                        let Some(next) = spots.get(at[phrase]).copied() else { return out };
                        spot = next;
                    }
                    latest = latest.max(spot);
                }
            }
        }
        for ((out, spots), at) in out.iter_mut().zip(spots).zip(&at) {
            let spot = spots[*at];
            if out.last() != Some(&spot) {
                out.push(spot);
            }
        }
        let next = |phrase: usize| spots[phrase].get(at[phrase] + 1).copied().unwrap_or(Spot::MAX);
        let phrases = 0..spots.len();
        let Some(first) = phrases.min_by_key(|phrase| next(*phrase)) else { return out };
        at[first] += 1;
        if at[first] >= spots[first].len() {
            return out;
        }
    }
}
