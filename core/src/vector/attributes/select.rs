//! Which slots a filter selects, from the postings of its values.
//!
//! A filter is taken apart into conjunctions and disjunctions of [`Leaf`]s. Negations are pushed
//! down to the leaves, so that whatever is not answered exactly only makes the answer larger.

use std::collections::BTreeMap;

use super::bitmap::Bitmap;
use super::columns::Columns;
use super::keys::Column;
use super::ordered::{self, Interval, Side};
use super::packed::Packed;
use super::postings::Posting;
use crate::vector::filter::{Node, Test};
use crate::vector::metadata::MetaValue;

/// What the index says about a filter.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    /// The slots that may match; `None` for all of them.
    pub(crate) slots: Option<Bitmap>,
    /// Whether each of these has still to be tested.
    pub(crate) residual: bool,
}

/// Finds the slots that `node` may select among the first `slots`, in about `budget` steps: one
/// for each value that is visited, each slot that is listed and each word of bits.
pub(super) fn select(columns: &Columns, slots: usize, node: &Node, budget: usize) -> Selection {
    let mut search = Search { columns, slots, left: budget, bytes: Vec::new() };
    let found = search.part(Part::Node(node), false);
    Selection { slots: found.slots, residual: !found.is_exact }
}

/// Looking a value up costs as much as this many steps.
const LOOKUP_STEPS: usize = 16;
/// And so does going to the next leaf of a dictionary.
const LEAF_STEPS: usize = 16;
/// Testing a row costs about as much as this many steps.
const TEST_STEPS: usize = 32;

/// The slots that a part of a filter may select.
#[derive(Debug)]
struct Found {
    /// `None` for all of them.
    slots: Option<Bitmap>,
    /// Whether each of them is selected.
    is_exact: bool,
}

impl Found {
    const ALL: Found = Found { slots: None, is_exact: true };
    const UNKNOWN: Found = Found { slots: None, is_exact: false };
}

/// What has to hold.
#[derive(Debug, Clone, Copy)]
enum Part<'a> {
    Node(&'a Node),
    /// All tests of the value of this key.
    Tests(&'a str, &'a [Test]),
}

/// A condition without connectives, or with one that is of the other kind than the one around it.
#[derive(Debug)]
enum Leaf<'a> {
    Union(Union),
    /// What is not in the union.
    Outside(Union),
    /// The slots of the column whose value is in the interval, or the ones whose value is not.
    Range {
        column: &'a Column,
        interval: Interval,
        negated: bool,
    },
    Inner {
        part: Part<'a>,
        negated: bool,
    },
    Unknown,
}

/// Slots of several postings together.
#[derive(Debug, Default)]
struct Union {
    postings: Vec<Posting>,
    /// Of these it is not known which are in it.
    others: Vec<Posting>,
}

/// The conditions of a conjunction or a disjunction.
#[derive(Debug, Default)]
struct Leaves<'a> {
    list: Vec<Leaf<'a>>,
    /// Of a disjunction all unions; of a conjunction, what all that is outside is outside of.
    merged: Union,
    /// Of a conjunction, the interval that the value of a key has to be in.
    ranges: BTreeMap<u32, (&'a Column, Interval)>,
}

/// How conditions are connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Connective {
    All,
    Any,
}

impl Connective {
    fn negated_if(self, negated: bool) -> Connective {
        match (self, negated) {
            (Connective::All, false) | (Connective::Any, true) => Connective::All,
            _ => Connective::Any,
        }
    }
}

struct Search<'a> {
    columns: &'a Columns,
    slots: usize,
    /// What is left of the budget.
    left: usize,
    /// The ordered bytes of the operand at hand.
    bytes: Vec<u8>,
}

impl<'a> Search<'a> {
    /// Takes so many steps off the budget, if it allows for them.
    fn spend(&mut self, steps: usize) -> bool {
        let left = self.left.checked_sub(steps);
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }

    fn words(&self) -> usize {
        self.slots.div_ceil(64)
    }

    fn part(&mut self, part: Part<'a>, negated: bool) -> Found {
        let connective = connective(part, negated).unwrap_or(Connective::All);
        let mut leaves = Leaves::default();
        self.gather(part, negated, connective, &mut leaves);
        match connective {
            Connective::All => self.conjunction(leaves),
            Connective::Any => self.disjunction(leaves),
        }
    }

    /// Adds the conditions of a part to those of the connective around it.
    fn gather(
        &mut self,
        part: Part<'a>,
        negated: bool,
        around: Connective,
        leaves: &mut Leaves<'a>,
    ) {
        if !self.spend(1) {
            leaves.list.push(Leaf::Unknown);
            return;
        }
        if connective(part, negated).is_some_and(|it| it != around) {
            leaves.list.push(Leaf::Inner { part, negated });
            return;
        }
        match part {
            Part::Node(Node::All(nodes) | Node::Any(nodes)) => {
                nodes.iter().for_each(|it| self.gather(Part::Node(it), negated, around, leaves));
            }
            Part::Node(Node::Not(node)) => {
                self.gather(Part::Node(node), !negated, around, leaves);
            }
            Part::Node(Node::Key { key, tests }) => {
                self.gather(Part::Tests(key, tests), negated, around, leaves);
            }
            Part::Tests(key, tests) => {
                for test in tests {
                    if let Test::Not(tests) = test {
                        self.gather(Part::Tests(key, tests), !negated, around, leaves);
                    } else {
                        self.test(key, test, negated, around, leaves);
                    }
                }
            }
        }
    }

    /// Adds the condition of one test.
    fn test(
        &mut self,
        key: &str,
        test: &Test,
        negated: bool,
        around: Connective,
        leaves: &mut Leaves<'a>,
    ) {
        if !self.spend(LOOKUP_STEPS) {
            leaves.list.push(Leaf::Unknown);
            return;
        }
        let number = self.columns.keys.find(key);
        let found = number.and_then(|it| Some((it, self.columns.keys.column(it)?)));
        let column = found.map(|(_, column)| column);
        let (side, operand) = match test {
            Test::Equal(operand) | Test::NotEqual(operand) => {
                let negated = negated != matches!(test, Test::NotEqual(_));
                return self.union(column, std::slice::from_ref(operand), negated, around, leaves);
            }
            Test::In(operands) | Test::NotIn(operands) => {
                let negated = negated != matches!(test, Test::NotIn(_));
                return self.union(column, operands, negated, around, leaves);
            }
            Test::Exists(wanted) => {
                let present = column.map(|column| column.present);
                let union = Union { postings: present.into_iter().collect(), others: Vec::new() };
                return leaves.push_union(union, *wanted == negated, around);
            }
            Test::Greater(operand) => (Side::Greater, operand),
            Test::GreaterOrEqual(operand) => (Side::GreaterOrEqual, operand),
            Test::Less(operand) => (Side::Less, operand),
            Test::LessOrEqual(operand) => (Side::LessOrEqual, operand),
            // Taken apart where it was found.
            Test::Not(_) => return leaves.list.push(Leaf::Unknown),
        };
        let Some((number, column)) = found else {
            return leaves.push_union(Union::default(), negated, around);
        };
        match Interval::of(side, operand) {
            None => leaves.list.push(Leaf::Unknown),
            Some(interval) if negated || around == Connective::Any => {
                leaves.list.push(Leaf::Range { column, interval, negated });
            }
            Some(interval) => {
                leaves
                    .ranges
                    .entry(number)
                    .and_modify(|(_, all)| all.intersect(&interval))
                    .or_insert((column, interval));
            }
        }
    }

    /// Adds the condition that a value, or an element of it, equals one of these.
    fn union(
        &mut self,
        column: Option<&Column>,
        operands: &[MetaValue],
        negated: bool,
        around: Connective,
        leaves: &mut Leaves<'a>,
    ) {
        let mut union = Union::default();
        let Some(column) = column else {
            return leaves.push_union(union, negated, around);
        };
        if !self.spend((operands.len().saturating_sub(1)) * LOOKUP_STEPS) {
            return leaves.list.push(Leaf::Unknown);
        }
        for operand in operands {
            if ordered::write(&mut self.bytes, Packed::of(operand)) {
                union.postings.push(column.values.get(&self.bytes));
                continue;
            }
            let other = match operand {
                MetaValue::Array(_) => column.arrays,
                _ => column.others,
            };
            if !union.others.contains(&other) {
                union.others.push(other);
            }
        }
        union.postings.retain(|posting| !posting.is_empty());
        union.others.retain(|posting| !posting.is_empty());
        leaves.push_union(union, negated, around);
    }

    fn conjunction(&mut self, leaves: Leaves<'a>) -> Found {
        let Leaves { mut list, merged, ranges } = leaves;
        let negated = false;
        list.extend(ranges.into_values().map(|(column, interval)| Leaf::Range {
            column,
            interval,
            negated,
        }));
        if !merged.is_empty() {
            list.push(Leaf::Outside(merged));
        }
        if list.len() > 1 {
            list.sort_by_cached_key(|leaf| self.slots_max(leaf));
        }
        let mut found = Found::ALL;
        for leaf in list {
            let Some(slots) = &mut found.slots else {
                let steps = self.steps(&leaf);
                let next = self.evaluate(leaf, steps);
                found = Found { is_exact: found.is_exact && next.is_exact, ..next };
                continue;
            };
            let count = slots.count();
            self.left = self.left.saturating_sub(slots.words().len());
            if count == 0 {
                break;
            }
            let steps = self.steps(&leaf);
            if count.saturating_mul(TEST_STEPS) < steps {
                found.is_exact = false;
                continue;
            }
            let next = self.evaluate(leaf, steps);
            found.is_exact &= next.is_exact;
            if let Some(next) = &next.slots {
                slots.intersect(next);
            }
        }
        // Nothing is left to be tested then.
        found.is_exact |= found.slots.as_ref().is_some_and(Bitmap::is_empty);
        found
    }

    fn disjunction(&mut self, leaves: Leaves<'a>) -> Found {
        let mut found = Found { slots: Some(Bitmap::empty(self.slots)), is_exact: true };
        let merged = (!leaves.merged.is_empty()).then_some(Leaf::Union(leaves.merged));
        for leaf in merged.into_iter().chain(leaves.list) {
            let Some(slots) = &mut found.slots else {
                break;
            };
            let steps = self.steps(&leaf);
            let next = self.evaluate(leaf, steps);
            match &next.slots {
                Some(next) => slots.unite(next),
                None => found.slots = None,
            }
            // All of them are selected for certain if one condition says so.
            found.is_exact = next.is_exact && (found.is_exact || next.slots.is_none());
        }
        found
    }

    /// At most how many slots it has; the more the longer it shall wait.
    fn slots_max(&self, leaf: &Leaf<'_>) -> usize {
        let len = |postings: &[Posting]| -> usize {
            postings.iter().map(|posting| self.columns.sets.len(*posting)).sum()
        };
        match leaf {
            Leaf::Union(union) => len(&union.postings) + len(&union.others),
            Leaf::Range { column, negated: false, .. } => self.columns.sets.len(column.present),
            Leaf::Outside(_) | Leaf::Range { negated: true, .. } => self.slots,
            Leaf::Inner { .. } | Leaf::Unknown => self.slots + 1,
        }
    }

    /// What evaluating it costs at least.
    fn steps(&mut self, leaf: &Leaf<'_>) -> usize {
        let words = self.words();
        let sets = &self.columns.sets;
        let steps = |postings: &[Posting]| -> usize {
            postings.iter().map(|posting| sets.steps(*posting)).sum()
        };
        match leaf {
            Leaf::Union(union) => words + steps(&union.postings) + steps(&union.others),
            Leaf::Outside(union) => words + steps(&union.postings),
            Leaf::Range { column, interval, .. } => {
                let arrays_and_others = steps(&[column.arrays, column.others]);
                words + arrays_and_others + self.range_steps(column, interval)
            }
            Leaf::Inner { .. } => words,
            Leaf::Unknown => 0,
        }
    }

    /// The number of values in an interval, or more than what is left of the budget.
    fn range_steps(&mut self, column: &Column, interval: &Interval) -> usize {
        let mut steps = 0;
        for postings in column.values.range(&interval.low, &interval.high) {
            steps += postings.len();
            // Counting has its price too.
            if !self.spend(LEAF_STEPS) || steps > self.left {
                return usize::MAX / 2;
            }
        }
        steps
    }

    /// The slots of a condition that costs so many steps.
    fn evaluate(&mut self, leaf: Leaf<'a>, steps: usize) -> Found {
        if !self.spend(steps) {
            return Found::UNKNOWN;
        }
        let has_all = |posting: &Posting| self.columns.sets.len(*posting) == self.slots;
        match leaf {
            Leaf::Unknown => Found::UNKNOWN,
            Leaf::Inner { part, negated } => self.part(part, negated),
            Leaf::Union(union) if union.postings.iter().any(has_all) => Found::ALL,
            Leaf::Union(union) => {
                let mut slots = self.of(&union.postings);
                self.add(&union.others, &mut slots);
                Found { slots: Some(slots), is_exact: union.others.is_empty() }
            }
            Leaf::Outside(union) if union.postings.is_empty() => {
                Found { slots: None, is_exact: union.others.is_empty() }
            }
            Leaf::Outside(union) => {
                let mut slots = self.of(&union.postings);
                slots.complement();
                Found { slots: Some(slots), is_exact: union.others.is_empty() }
            }
            Leaf::Range { column, interval, negated } => self.range(column, &interval, negated),
        }
    }

    fn range(&mut self, column: &Column, interval: &Interval, negated: bool) -> Found {
        let mut slots = self.of(&[]);
        for postings in column.values.range(&interval.low, &interval.high) {
            let sets = postings.iter().filter(|posting| posting.set().is_some());
            let steps = sets.map(|posting| self.columns.sets.steps(*posting)).sum();
            if !self.spend(steps) {
                return Found::UNKNOWN;
            }
            self.add(postings, &mut slots);
        }
        let is_exact = column.others.is_empty() || !interval.is_of_texts();
        if !is_exact && !negated {
            self.add(&[column.others], &mut slots);
        }
        // Elements of arrays are indexed too, but have no order with anything.
        self.columns.sets.take_from(column.arrays, slots.words_mut());
        if negated {
            slots.complement();
        }
        Found { slots: Some(slots), is_exact }
    }

    fn of(&self, postings: &[Posting]) -> Bitmap {
        let mut slots = Bitmap::empty(self.slots);
        self.add(postings, &mut slots);
        slots
    }

    fn add(&self, postings: &[Posting], slots: &mut Bitmap) {
        let words = slots.words_mut();
        postings.iter().for_each(|posting| self.columns.sets.add_to(*posting, words));
    }
}

impl Union {
    fn is_empty(&self) -> bool {
        self.postings.is_empty() && self.others.is_empty()
    }

    fn append(&mut self, mut other: Union) {
        self.postings.append(&mut other.postings);
        self.others.append(&mut other.others);
    }
}

impl Leaves<'_> {
    fn push_union(&mut self, union: Union, negated: bool, around: Connective) {
        match (negated, around) {
            (false, Connective::Any) | (true, Connective::All) => self.merged.append(union),
            (false, Connective::All) => self.list.push(Leaf::Union(union)),
            (true, Connective::Any) => self.list.push(Leaf::Outside(union)),
        }
    }
}

/// How the conditions of a part are connected; `None` if there is only one.
fn connective(part: Part<'_>, negated: bool) -> Option<Connective> {
    match part {
        Part::Node(Node::All(_)) => Some(Connective::All.negated_if(negated)),
        Part::Node(Node::Any(_)) => Some(Connective::Any.negated_if(negated)),
        Part::Node(Node::Not(node)) => connective(Part::Node(node), !negated),
        Part::Node(Node::Key { key, tests }) => connective(Part::Tests(key, tests), negated),
        Part::Tests(key, [Test::Not(tests)]) => connective(Part::Tests(key, tests), !negated),
        Part::Tests(_, [_]) => None,
        Part::Tests(..) => Some(Connective::All.negated_if(negated)),
    }
}
