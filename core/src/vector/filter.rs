//! Metadata filters: which vectors a search may return.

use super::metadata::{MetaValue, Metadata};

mod parse;

/// A condition on the [`Metadata`] of a vector, written as JSON.
///
/// A filter is an object. Each member names a top-level key of the metadata, literally, and what
/// its value must be: a plain JSON value for equality, or an object of operators. Several members,
/// and several operators, must all hold; the empty object matches everything.
///
/// | operator | holds when |
/// |---|---|
/// | `$eq`, or a plain value | the value equals, or is an array with an element that equals |
/// | `$ne` | `$eq` does not hold, so also when the key is absent |
/// | `$gt`, `$gte`, `$lt`, `$lte` | the value is of the same type and lies on that side |
/// | `$in` (an array) | `$eq` holds for one of the values |
/// | `$nin` (an array) | `$in` does not hold, so also when the key is absent |
/// | `$exists` (a boolean) | the key is there, or is not |
/// | `$not` (an object of operators) | they do not all hold |
///
/// In place of a key, `$and` and `$or` take an array of filters and `$not` takes one filter, so a
/// key that starts with `$` cannot be asked for. Integers and floats compare by their exact
/// values, texts by their UTF-8 bytes, `false` is less than `true`, and values of different types
/// are neither equal nor ordered. `{"a": null}` asks for an explicit null and
/// `{"a": {"$exists": false}}` for an absent key.
///
/// ```
/// use sigil_core::{Filter, Metadata};
/// let filter = Filter::from_json(
///     r#"{"lang": "en", "year": {"$gte": 1990, "$lt": 2000}, "$not": {"tags": {"$in": ["draft"]}}}"#,
/// )?;
/// let metadata = Metadata::from_json(r#"{"lang": "en", "year": 1998, "tags": ["old", "map"]}"#)?;
/// assert!(filter.matches(&metadata));
/// # Ok::<(), sigil_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    root: Node,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Key { key: Box<str>, tests: Vec<Test> },
}

/// One operator with its operand; `None` stands for an absent key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Test {
    Equal(MetaValue),
    NotEqual(MetaValue),
    Greater(MetaValue),
    GreaterOrEqual(MetaValue),
    Less(MetaValue),
    LessOrEqual(MetaValue),
    /// Sorted, so that a long list costs a binary search.
    In(Vec<MetaValue>),
    NotIn(Vec<MetaValue>),
    Exists(bool),
    Not(Vec<Test>),
}

impl Filter {
    /// How deep filters may nest by `$and`, `$or` and `$not`.
    pub const DEPTH_MAX: usize = 32;

    /// The most conditions and operand values a filter may have together.
    pub const NODES_MAX: usize = 4096;

    /// The filter for a text under a key.
    pub(crate) fn equals(key: &str, text: &str) -> Filter {
        let tests = vec![Test::Equal(MetaValue::Text(text.into()))];
        Filter { root: Node::Key { key: key.into(), tests } }
    }

    /// What both select.
    pub(crate) fn and(self, other: Filter) -> Filter {
        Filter { root: Node::All(vec![self.root, other.root]) }
    }

    /// Whether `metadata` satisfies the filter.
    pub fn matches(&self, metadata: &Metadata) -> bool {
        self.root.matches(metadata)
    }

    pub(super) fn root(&self) -> &Node {
        &self.root
    }
}

impl Node {
    fn matches(&self, metadata: &Metadata) -> bool {
        match self {
            Node::All(nodes) => nodes.iter().all(|node| node.matches(metadata)),
            Node::Any(nodes) => nodes.iter().any(|node| node.matches(metadata)),
            Node::Not(node) => !node.matches(metadata),
            Node::Key { key, tests } => {
                let value = metadata.get(key);
                tests.iter().all(|test| test.holds(value))
            }
        }
    }
}

impl Test {
    fn holds(&self, value: Option<&MetaValue>) -> bool {
        match self {
            Test::Equal(operand) => equals(value, operand),
            Test::NotEqual(operand) => !equals(value, operand),
            Test::Greater(operand) => ordered(value, operand, std::cmp::Ordering::is_gt),
            Test::GreaterOrEqual(operand) => ordered(value, operand, std::cmp::Ordering::is_ge),
            Test::Less(operand) => ordered(value, operand, std::cmp::Ordering::is_lt),
            Test::LessOrEqual(operand) => ordered(value, operand, std::cmp::Ordering::is_le),
            Test::In(operands) => is_in(value, operands),
            Test::NotIn(operands) => !is_in(value, operands),
            Test::Exists(wanted) => value.is_some() == *wanted,
            Test::Not(tests) => !tests.iter().all(|test| test.holds(value)),
        }
    }
}

/// Calls `holds` on the value, and on its elements when it is an array, until one holds.
fn any_of(value: Option<&MetaValue>, holds: impl Fn(&MetaValue) -> bool) -> bool {
    match value {
        Some(MetaValue::Array(items)) => items.iter().any(&holds) || value.is_some_and(holds),
        Some(value) => holds(value),
        None => false,
    }
}

fn equals(value: Option<&MetaValue>, operand: &MetaValue) -> bool {
    any_of(value, |value| value == operand)
}

fn is_in(value: Option<&MetaValue>, operands: &[MetaValue]) -> bool {
    any_of(value, |value| operands.binary_search_by(|operand| operand.compare(value)).is_ok())
}

fn ordered(
    value: Option<&MetaValue>,
    operand: &MetaValue,
    side: impl Fn(std::cmp::Ordering) -> bool,
) -> bool {
    value.is_some_and(|value| value.same_type(operand) && side(value.compare(operand)))
}

#[cfg(test)]
mod tests;
