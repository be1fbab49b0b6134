//! The workloads, and what they have in common: sides that take turns on the same steps.

pub mod append;
pub mod chat;
pub mod compact;
pub mod reads;
pub mod traverse;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::contender::{Contender, Tally, sides};
use crate::error::{Error, Result};
use crate::report::{self, Run};

/// The length of all vectors.
pub const DIMENSIONS: usize = 384;

/// How the workloads are run.
#[derive(Debug, Clone)]
pub struct Options {
    /// How often each is measured.
    pub runs: usize,
    /// Where the databases are put; emptied afterwards.
    pub directory: PathBuf,
    /// The share of the full sizes, from 1 to 100.
    pub percent: usize,
}

impl Options {
    /// A full size scaled down, at least `least`.
    pub fn scaled(&self, full: usize, least: usize) -> usize {
        (full * self.percent / 100).max(least)
    }
}

/// A workload by its name.
pub type Workload = (&'static str, fn(&Options) -> Result<()>);

/// All of them, in the order in which they run.
pub const ALL: [Workload; 5] = [
    ("chat", chat::run),
    ("append", append::run),
    ("reads", reads::run),
    ("traverse", traverse::run),
    ("compact", compact::run),
];

/// One side with its stores open. Dropping it removes them.
pub(crate) struct Lane {
    name: &'static str,
    // Taken before the directory goes.
    contender: Option<Box<dyn Contender>>,
    directory: PathBuf,
}

impl Lane {
    fn contender(&mut self) -> Result<&mut dyn Contender> {
        match &mut self.contender {
            Some(contender) => Ok(&mut **contender),
            None => Err(Error::Input(format!("{} is closed", self.name))),
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.contender = None;
        if let Err(error) = std::fs::remove_dir_all(&self.directory) {
            report::line(&format!("{} is left behind: {error}", self.directory.display()));
        }
    }
}

/// Every side with empty stores.
pub(crate) fn lanes(options: &Options) -> Result<Vec<Lane>> {
    sides()
        .into_iter()
        .map(|side| {
            let directory = options.directory.join(side.name);
            if directory.exists() {
                std::fs::remove_dir_all(&directory)?;
            }
            let contender = Some((side.open)(&directory, DIMENSIONS)?);
            Ok(Lane { name: side.name, contender, directory })
        })
        .collect()
}

/// Fills the stores of every side, and lets them settle.
pub(crate) fn fill(
    lanes: &mut [Lane],
    mut work: impl FnMut(&mut dyn Contender) -> Result<()>,
) -> Result<()> {
    for lane in lanes {
        let contender = lane.contender()?;
        work(contender)?;
        contender.settle()?;
    }
    Ok(())
}

/// Runs `steps` steps on every side, in turns of a twentieth of them so that what else the machine
/// does falls on all, the first side of a turn changing. `before` is not measured.
///
/// Fails where the sides did not read the same.
pub(crate) fn measure(
    lanes: &mut [Lane],
    steps: usize,
    mut before: impl FnMut(&mut dyn Contender, usize) -> Result<()>,
    mut step: impl FnMut(&mut dyn Contender, usize) -> Result<Tally>,
) -> Result<Vec<Run>> {
    let turn = steps.div_ceil(20).max(1);
    let mut times: Vec<Vec<Duration>> = lanes.iter().map(|_| Vec::with_capacity(steps)).collect();
    for (count, first) in (0..steps).step_by(turn).enumerate() {
        let mut tallies = Vec::with_capacity(lanes.len());
        for place in 0..lanes.len() {
            let which = (count + place) % lanes.len();
            let contender = lanes[which].contender()?;
            let mut sum = Tally::default();
            for n in first..(first + turn).min(steps) {
                before(contender, n)?;
                let began = Instant::now();
                let tally = step(contender, n)?;
                times[which].push(began.elapsed());
                sum.records += tally.records;
                sum.bytes += tally.bytes;
            }
            tallies.push((lanes[which].name, sum));
        }
        if let Some(other) = tallies.iter().find(|tally| tally.1 != tallies[0].1) {
            return Err(Error::Input(format!(
                "the sides did not read the same: {:?}, {other:?}",
                tallies[0]
            )));
        }
    }
    Ok(times.into_iter().map(Run::of).collect())
}

/// The runs of every side, gathered run by run.
#[derive(Debug)]
pub(crate) struct Runs(Vec<(&'static str, Vec<Run>)>);

impl Runs {
    pub(crate) fn new() -> Runs {
        Runs(sides().iter().map(|side| (side.name, Vec::new())).collect())
    }

    pub(crate) fn add(&mut self, runs: Vec<Run>) {
        for ((_, gathered), run) in self.0.iter_mut().zip(runs) {
            gathered.push(run);
        }
    }

    pub(crate) fn report(&self, case: &str) {
        report::case(case, &self.0);
    }
}

/// The file system that holds a directory, by the kernel's list of mounts; none where there is no
/// such list.
pub fn file_system(directory: &Path) -> Result<Option<String>> {
    let Ok(mounts) = std::fs::read_to_string("/proc/mounts") else { return Ok(None) };
    let directory = directory.canonicalize()?;
    let holder = mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ').skip(1);
            Some((fields.next()?, fields.next()?))
        })
        .filter(|(point, _)| directory.starts_with(point))
        .max_by_key(|(point, _)| point.len());
    Ok(holder.map(|(_, kind)| kind.to_owned()))
}
