//! Filters on packed rows: what `Filter::matches` says of the metadata, without unpacking them.

use std::cmp::Ordering;

use super::columns::Columns;
use super::packed::{Packed, Reader};
use crate::vector::filter::{Node, Test};
use crate::vector::metadata::{MetaValue, Metadata};

impl Columns {
    /// Whether the row satisfies the filter.
    pub(super) fn matches(&self, row: &[u8], node: &Node) -> bool {
        match node {
            Node::All(nodes) => nodes.iter().all(|node| self.matches(row, node)),
            Node::Any(nodes) => nodes.iter().any(|node| self.matches(row, node)),
            Node::Not(node) => !self.matches(row, node),
            Node::Key { key, tests } => {
                let value = self.find(row, key);
                tests.iter().all(|test| self.holds(value, test))
            }
        }
    }

    fn holds(&self, value: Option<Packed<'_>>, test: &Test) -> bool {
        match test {
            Test::Equal(operand) => self.equals(value, operand),
            Test::NotEqual(operand) => !self.equals(value, operand),
            Test::Greater(operand) => self.is_ordered(value, operand, Ordering::is_gt),
            Test::GreaterOrEqual(operand) => self.is_ordered(value, operand, Ordering::is_ge),
            Test::Less(operand) => self.is_ordered(value, operand, Ordering::is_lt),
            Test::LessOrEqual(operand) => self.is_ordered(value, operand, Ordering::is_le),
            Test::In(operands) => self.is_in(value, operands),
            Test::NotIn(operands) => !self.is_in(value, operands),
            Test::Exists(wanted) => value.is_some() == *wanted,
            Test::Not(tests) => !tests.iter().all(|test| self.holds(value, test)),
        }
    }

    fn equals(&self, value: Option<Packed<'_>>, operand: &MetaValue) -> bool {
        any_of(value, |value| self.compare(value, operand).is_eq())
    }

    fn is_in(&self, value: Option<Packed<'_>>, operands: &[MetaValue]) -> bool {
        let is_in = |value| {
            operands.binary_search_by(|operand| self.compare(value, operand).reverse()).is_ok()
        };
        any_of(value, is_in)
    }

    fn is_ordered(
        &self,
        value: Option<Packed<'_>>,
        operand: &MetaValue,
        side: impl Fn(Ordering) -> bool,
    ) -> bool {
        value.is_some_and(|value| {
            self.stand_in(value).same_type(operand) && side(self.compare(value, operand))
        })
    }

    /// As `MetaValue::compare` of the value.
    fn compare(&self, value: Packed<'_>, operand: &MetaValue) -> Ordering {
        match (value, operand) {
            (Packed::Text(text), MetaValue::Text(operand)) => text.cmp(operand.as_bytes()),
            (Packed::Array(items), MetaValue::Array(operands)) => {
                let mut items = Reader::new(items);
                for operand in operands {
                    let Some(item) = items.value() else {
                        return Ordering::Less;
                    };
                    let order = self.compare(item, operand);
                    if order.is_ne() {
                        return order;
                    }
                }
                if items.is_at_end() { Ordering::Equal } else { Ordering::Greater }
            }
            (Packed::Object(members), MetaValue::Object(operands)) => {
                let mut members = Reader::new(members);
                for (name, operand) in operands.iter() {
                    let (Some(head), Some(value)) = (members.head(), members.value()) else {
                        return Ordering::Less;
                    };
                    let order =
                        self.name_of(head).cmp(name).then_with(|| self.compare(value, operand));
                    if order.is_ne() {
                        return order;
                    }
                }
                if members.is_at_end() { Ordering::Equal } else { Ordering::Greater }
            }
            (Packed::Term(term), operand) => self.terms[term].value.compare(operand),
            // Of different types, or a scalar that takes no memory to build.
            (value, operand) => self.stand_in(value).compare(operand),
        }
    }

    /// A value of the same type: the same one, but for the contents of texts, arrays and objects.
    fn stand_in(&self, value: Packed<'_>) -> MetaValue {
        match value {
            Packed::Null => MetaValue::Null,
            Packed::Bool(value) => MetaValue::Bool(value),
            Packed::Int(int) => MetaValue::Int(int),
            Packed::Float(float) => MetaValue::Float(float),
            Packed::Text(_) => MetaValue::Text(Box::default()),
            Packed::Array(_) => MetaValue::Array(Box::default()),
            Packed::Object(_) => MetaValue::Object(Metadata::new()),
            Packed::Term(term) => self.stand_in(Packed::of(&self.terms[term].value)),
        }
    }
}

/// Calls `holds` on the value, and on its elements when it is an array, until one holds.
fn any_of<'a>(value: Option<Packed<'a>>, holds: impl Fn(Packed<'a>) -> bool) -> bool {
    if let Some(Packed::Array(items)) = value {
        let mut items = Reader::new(items);
        while let Some(item) = items.value() {
            if holds(item) {
                return true;
            }
        }
    }
    value.is_some_and(holds)
}
