//! Figures on the terminal.

#![expect(clippy::print_stdout, reason = "a benchmark reports on the terminal")]

use std::time::Duration;

/// The times of one run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Run {
    /// The median, in microseconds.
    pub p50: f64,
    /// What 95 of 100 stayed under, in microseconds.
    pub p95: f64,
    /// All together, in microseconds.
    pub total: f64,
}

impl Run {
    /// The figures of the times of a run, which may be in any order.
    pub fn of(mut times: Vec<Duration>) -> Run {
        times.sort_unstable();
        let at = |percent: usize| {
            let last = times.len().saturating_sub(1);
            times.get((times.len() * percent / 100).min(last)).map_or(0.0, |time| micros(*time))
        };
        Run { p50: at(50), p95: at(95), total: micros(times.iter().sum()) }
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

/// A time in a unit that suits it.
fn time(micros: f64) -> String {
    match micros {
        small if small < 1e3 => format!("{small:.1} us"),
        medium if medium < 1e6 => format!("{:.3} ms", medium / 1e3),
        large => format!("{:.3} s", large / 1e6),
    }
}

/// Prints a line.
pub fn line(text: &str) {
    println!("{text}");
}

/// Prints what a case cost each side: the medians of the runs, the spread of their totals, and the
/// median ratio of each further side to the first within a run.
pub fn case(name: &str, sides: &[(&str, Vec<Run>)]) {
    for (side, runs) in sides {
        let totals = runs.iter().map(|run| run.total);
        let least = totals.clone().fold(f64::INFINITY, f64::min);
        let most = totals.clone().fold(0.0, f64::max);
        let mut text = format!(
            "{name:<44} {side:<10} p50 {:>11}  p95 {:>11}  total {:>11}  ({} to {})",
            time(median(runs.iter().map(|run| run.p50))),
            time(median(runs.iter().map(|run| run.p95))),
            time(median(totals)),
            time(least),
            time(most),
        );
        if let Some((first, base)) = sides.first()
            && first != side
        {
            let ratio = |figure: fn(&Run) -> f64| {
                median(runs.iter().zip(base).map(|(run, base)| figure(run) / figure(base)))
            };
            text.push_str(&format!(
                "  p50 {:.2} x, total {:.2} x {first}",
                ratio(|run| run.p50),
                ratio(|run| run.total)
            ));
        }
        println!("{text}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_has_the_middle_the_95th_and_the_sum() {
        let times = (1..=100).rev().map(Duration::from_micros).collect();
        let run = Run::of(times);
        assert_eq!((run.p50.round(), run.p95.round(), run.total.round()), (51.0, 96.0, 5_050.0));
        assert_eq!(Run::of(Vec::new()).total, 0.0);
    }

    #[test]
    fn times_have_units() {
        assert_eq!(time(12.34), "12.3 us");
        assert_eq!(time(12_340.0), "12.340 ms");
        assert_eq!(time(12_340_000.0), "12.340 s");
    }
}
