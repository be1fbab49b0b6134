//! What a query comes to in one index: its words as the index has them, in which columns.

use crate::error::{Error, Result};
use crate::text::analyzer::{Analyzer, PhraseTerm};
use crate::text::query::{Node, Phrase, TextQuery};

/// One phrase of a query.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Leaf {
    /// The columns it may be in, ascending.
    pub(crate) columns: Vec<u8>,
    /// At least one.
    pub(crate) terms: Vec<PhraseTerm>,
    /// Only at the beginning of a column.
    pub(crate) initial: bool,
}

/// How phrases are combined; they are numbered in the order in which the query has them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    Leaf(usize),
    Near { leaves: std::ops::Range<usize>, distance: u32 },
    All(Vec<Step>),
    Any(Vec<Step>),
    Without(Box<Step>, Box<Step>),
    Nothing,
}

/// A query for one index.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    pub(crate) leaves: Vec<Leaf>,
    pub(crate) root: Step,
}

impl Plan {
    /// Prepares a query for an index with these columns.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a column that the index does not have.
    pub(crate) fn new(query: &TextQuery, analyzer: &Analyzer, columns: &[String]) -> Result<Plan> {
        let mut planner = Planner { analyzer, names: columns, leaves: Vec::new() };
        let all: Vec<u8> = (0..).take(columns.len()).collect();
        let root = planner.step(&query.root, &all)?;
        Ok(Plan { leaves: planner.leaves, root })
    }

    /// The phrases of each NEAR, and its distance.
    pub(crate) fn nears(&self) -> Vec<(std::ops::Range<usize>, u32)> {
        let (mut nears, mut steps) = (Vec::new(), vec![&self.root]);
        while let Some(step) = steps.pop() {
            match step {
                Step::Near { leaves, distance } => nears.push((leaves.clone(), *distance)),
                Step::All(inner) | Step::Any(inner) => steps.extend(inner),
                Step::Without(inner, other) => steps.extend([&**inner, &**other]),
                Step::Leaf(_) | Step::Nothing => {}
            }
        }
        nears
    }
}

struct Planner<'a> {
    analyzer: &'a Analyzer,
    names: &'a [String],
    leaves: Vec<Leaf>,
}

impl Planner<'_> {
    /// Queries are bounded in depth where they are made.
    fn step(&mut self, node: &Node, columns: &[u8]) -> Result<Step> {
        Ok(match node {
            Node::Near { phrases, distance } => self.near(phrases, *distance, columns),
            Node::All { nodes, implicit } => {
                let mut steps = self.steps(nodes, columns)?;
                if *implicit {
                    steps.retain(|step| *step != Step::Nothing);
                }
                match steps.contains(&Step::Nothing) {
                    true => Step::Nothing,
                    false => several(steps, Step::All),
                }
            }
            Node::Any(nodes) => {
                let mut steps = self.steps(nodes, columns)?;
                steps.retain(|step| *step != Step::Nothing);
                several(steps, Step::Any)
            }
            Node::Without(node, other) => {
                let (step, other) = (self.step(node, columns)?, self.step(other, columns)?);
                match (step, other) {
                    (step, Step::Nothing) | (step @ Step::Nothing, _) => step,
                    (step, other) => Step::Without(Box::new(step), Box::new(other)),
                }
            }
            Node::Columns { names, exclude, node } => {
                let columns = self.chosen(names, *exclude, columns)?;
                self.step(node, &columns)?
            }
        })
    }

    fn steps(&mut self, nodes: &[Node], columns: &[u8]) -> Result<Vec<Step>> {
        nodes.iter().map(|node| self.step(node, columns)).collect()
    }

    fn near(&mut self, phrases: &[Phrase], distance: u32, columns: &[u8]) -> Step {
        let start = self.leaves.len();
        for phrase in phrases {
            let terms = self.terms(phrase);
            if !terms.is_empty() && columns.is_empty() {
                // It asks for something, unlike a phrase without words.
                return Step::Any(Vec::new());
            }
            if !terms.is_empty() {
                let columns = columns.to_vec();
                self.leaves.push(Leaf { columns, terms, initial: phrase.initial });
            }
        }
        match self.leaves.len() - start {
            0 => Step::Nothing,
            1 => Step::Leaf(start),
            _ => Step::Near { leaves: start..self.leaves.len(), distance },
        }
    }

    fn terms(&self, phrase: &Phrase) -> Vec<PhraseTerm> {
        let mut terms: Vec<PhraseTerm> = Vec::new();
        let mut end = 0;
        for part in &phrase.parts {
            let found = self.analyzer.phrase(&part.text, part.prefix);
            if found.is_empty() {
                if let Some(last) = terms.last_mut() {
                    last.prefix = part.prefix;
                }
                continue;
            }
            let start = end;
            for term in found {
                end = end.max(start + term.offset + 1);
                terms.push(PhraseTerm { offset: start + term.offset, ..term });
            }
        }
        // A word that is left out at the front leaves no gap there.
        let first = terms.first().map_or(0, |term| term.offset);
        terms.iter_mut().for_each(|term| term.offset -= first);
        terms
    }

    fn chosen(&self, names: &[String], exclude: bool, columns: &[u8]) -> Result<Vec<u8>> {
        let mut named = Vec::with_capacity(names.len());
        for name in names {
            let column = self.names.iter().position(|known| known.eq_ignore_ascii_case(name));
            named.push(column.ok_or_else(|| self.unknown(name))?);
        }
        let is_chosen = |column: &&u8| named.contains(&usize::from(**column)) != exclude;
        Ok(columns.iter().filter(is_chosen).copied().collect())
    }

    fn unknown(&self, name: &str) -> Error {
        Error::invalid(format!(
            "the text index has no column '{}': it has {}",
            crate::stores::shown(name),
            self.names.join(", ")
        ))
    }
}

fn several(mut steps: Vec<Step>, join: impl FnOnce(Vec<Step>) -> Step) -> Step {
    match steps.len() {
        0 => Step::Nothing,
        1 => steps.remove(0),
        _ => join(steps),
    }
}
