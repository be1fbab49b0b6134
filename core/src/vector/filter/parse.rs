//! Reads filters from JSON, with bounds on depth and size and errors that name the place.

use serde_json::{Map, Value};

use super::{Filter, Node, Test};
use crate::error::{Error, ErrorKind, Result};
use crate::vector::metadata::{MetaValue, Metadata, json_type};
use crate::vector::quoted;

const KEY_OPERATORS: &str = "$eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $exists and $not";

impl Filter {
    /// Reads a filter from a JSON value.
    ///
    /// Takes time in proportion to the size of `value`, and its recursion is bounded.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput), naming the place as a path from `$` (the filter
    /// itself) and saying what to write instead: for an unknown operator, an operand of the wrong
    /// type, an empty `$and` or `$or`, operators mixed with plain keys, and past
    /// [`DEPTH_MAX`](Filter::DEPTH_MAX) or [`NODES_MAX`](Filter::NODES_MAX).
    pub fn parse(value: &Value) -> Result<Filter> {
        let mut parser = Parser { nodes_left: Filter::NODES_MAX };
        let here = Path { parent: None, step: Step::Root };
        Ok(Filter { root: parser.filter(value, &here, Filter::DEPTH_MAX)? })
    }

    /// Reads a filter from JSON text.
    ///
    /// # Errors
    /// Those of [`parse`](Filter::parse), and [`InvalidInput`](ErrorKind::InvalidInput) when the
    /// text is not JSON.
    pub fn from_json(text: &str) -> Result<Filter> {
        let value: Value = serde_json::from_str(text).map_err(|error| {
            Error::with_source(
                ErrorKind::InvalidInput,
                format!("filter is not JSON: {error}"),
                error,
            )
        })?;
        Filter::parse(&value)
    }
}

/// Where in the filter the parser stands: a list from the leaf to the root on the stack, so that
/// a path costs nothing until an error needs it.
struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: Step<'a>,
}

enum Step<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

impl<'a> Path<'a> {
    fn key(&'a self, key: &'a str) -> Path<'a> {
        Path { parent: Some(self), step: Step::Key(key) }
    }

    fn index(&'a self, index: usize) -> Path<'a> {
        Path { parent: Some(self), step: Step::Index(index) }
    }

    #[cold]
    fn error(&self, says: impl std::fmt::Display) -> Error {
        let mut steps = Vec::new();
        let mut path = Some(self);
        while let Some(here) = path {
            steps.push(match here.step {
                Step::Root => "$".to_owned(),
                Step::Key(key) if is_plain(key) => format!(".{key}"),
                Step::Key(key) => format!("[{}]", quoted(key)),
                Step::Index(index) => format!("[{index}]"),
            });
            path = here.parent;
        }
        steps.reverse();
        Error::invalid(format!("filter at {}: {says}", steps.concat()))
    }
}

/// Whether a key can stand in a path without quotes.
fn is_plain(key: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '$');
    !key.is_empty() && key.len() <= 40 && key.chars().all(word)
}

struct Parser {
    nodes_left: usize,
}

impl Parser {
    fn count(&mut self, nodes: usize, here: &Path<'_>) -> Result<()> {
        self.nodes_left = self.nodes_left.checked_sub(nodes).ok_or_else(|| {
            here.error(format!(
                "more than {} conditions and values: split the search, or mark the vectors with a \
                 key of their own",
                Filter::NODES_MAX
            ))
        })?;
        Ok(())
    }

    fn filter(&mut self, value: &Value, here: &Path<'_>, depth_left: usize) -> Result<Node> {
        let depth_left = deeper(depth_left, here)?;
        let Value::Object(members) = value else {
            return Err(here.error(format!(
                "a filter is an object such as {{\"key\": \"value\"}}, not {}",
                json_type(value)
            )));
        };
        self.count(1, here)?;
        let mut nodes = Vec::new();
        for (key, value) in members {
            let here = here.key(key);
            nodes.push(match key.as_str() {
                "$and" => Node::All(self.filters(value, &here, depth_left)?),
                "$or" => Node::Any(self.filters(value, &here, depth_left)?),
                "$not" => Node::Not(Box::new(self.filter(value, &here, depth_left)?)),
                key if key.starts_with('$') => return Err(misplaced(key, &here)),
                key => {
                    Node::Key { key: key.into(), tests: self.condition(value, &here, depth_left)? }
                }
            });
        }
        // One condition needs no list around it.
        Ok(if nodes.len() == 1 { nodes.remove(0) } else { Node::All(nodes) })
    }

    fn filters(&mut self, value: &Value, here: &Path<'_>, depth_left: usize) -> Result<Vec<Node>> {
        match value {
            Value::Array(items) if !items.is_empty() => items
                .iter()
                .enumerate()
                .map(|(index, item)| self.filter(item, &here.index(index), depth_left))
                .collect(),
            Value::Array(_) => {
                Err(here.error("an empty list of filters: give one, or leave the operator out"))
            }
            _ => Err(here.error(format!(
                "takes an array of filters such as [{{\"key\": 1}}, {{\"key\": 2}}], not {}",
                json_type(value)
            ))),
        }
    }

    /// What stands after a key: operators, or a plain value for equality.
    fn condition(
        &mut self,
        value: &Value,
        here: &Path<'_>,
        depth_left: usize,
    ) -> Result<Vec<Test>> {
        match value {
            Value::Object(members) if members.keys().any(|key| key.starts_with('$')) => {
                self.operators(members, here, depth_left)
            }
            _ => Ok(vec![Test::Equal(self.literal(value, here)?)]),
        }
    }

    fn operators(
        &mut self,
        members: &Map<String, Value>,
        here: &Path<'_>,
        depth_left: usize,
    ) -> Result<Vec<Test>> {
        if let Some(plain) = members.keys().find(|key| !key.starts_with('$')) {
            return Err(here.key(plain).error(
                "a plain key beside operators: use {\"$eq\": {..}} to compare with a whole object",
            ));
        }
        members
            .iter()
            .map(|(name, value)| self.operator(name, value, &here.key(name), depth_left))
            .collect()
    }

    fn operator(
        &mut self,
        name: &str,
        value: &Value,
        here: &Path<'_>,
        depth_left: usize,
    ) -> Result<Test> {
        Ok(match name {
            "$eq" => Test::Equal(self.literal(value, here)?),
            "$ne" => Test::NotEqual(self.literal(value, here)?),
            "$gt" => Test::Greater(self.bound(value, here)?),
            "$gte" => Test::GreaterOrEqual(self.bound(value, here)?),
            "$lt" => Test::Less(self.bound(value, here)?),
            "$lte" => Test::LessOrEqual(self.bound(value, here)?),
            "$in" => Test::In(self.list(value, here)?),
            "$nin" => Test::NotIn(self.list(value, here)?),
            "$exists" => {
                self.count(1, here)?;
                Test::Exists(value.as_bool().ok_or_else(|| {
                    here.error(format!("takes true or false, not {}", json_type(value)))
                })?)
            }
            "$not" => {
                let depth_left = deeper(depth_left, here)?;
                self.count(1, here)?;
                match value {
                    Value::Object(members) if !members.is_empty() => {
                        Test::Not(self.operators(members, here, depth_left)?)
                    }
                    _ => {
                        return Err(here.error(
                            "takes an object of operators such as {\"$gt\": 3}; for a plain value \
                             use $ne",
                        ));
                    }
                }
            }
            "$and" | "$or" => return Err(misplaced(name, here)),
            _ => {
                return Err(here.error(format!(
                    "no such operator: the operators of a key are {KEY_OPERATORS}"
                )));
            }
        })
    }

    /// An operand of equality: any JSON value.
    fn literal(&mut self, value: &Value, here: &Path<'_>) -> Result<MetaValue> {
        self.count(1, here)?;
        MetaValue::from_json(value, Metadata::DEPTH_MAX)
            .map_err(|error| Error::new(ErrorKind::InvalidInput, here.error(&error).to_string()))
    }

    /// An operand of order: a number, a string or a boolean.
    fn bound(&mut self, value: &Value, here: &Path<'_>) -> Result<MetaValue> {
        match value {
            Value::Null | Value::Array(_) | Value::Object(_) => Err(here
                .error(format!("takes a number, a string or a boolean, not {}", json_type(value)))),
            _ => self.literal(value, here),
        }
    }

    fn list(&mut self, value: &Value, here: &Path<'_>) -> Result<Vec<MetaValue>> {
        let Value::Array(items) = value else {
            return Err(here.error(format!(
                "takes an array of values such as [1, 2], not {}",
                json_type(value)
            )));
        };
        self.count(1, here)?;
        let mut list: Vec<MetaValue> = items
            .iter()
            .enumerate()
            .map(|(index, item)| self.literal(item, &here.index(index)))
            .collect::<Result<_>>()?;
        list.sort_by(MetaValue::compare);
        list.dedup();
        Ok(list)
    }
}

fn deeper(depth_left: usize, here: &Path<'_>) -> Result<usize> {
    depth_left.checked_sub(1).ok_or_else(|| {
        here.error(format!("filters nest more than {} deep: flatten them", Filter::DEPTH_MAX))
    })
}

/// The error for an operator that stands where another kind belongs.
#[cold]
fn misplaced(name: &str, here: &Path<'_>) -> Error {
    match name {
        "$eq" | "$ne" | "$gt" | "$gte" | "$lt" | "$lte" | "$in" | "$nin" | "$exists" => here.error(
            format!("belongs inside a key, such as {{\"key\": {{\"{name}\": ..}}}}"),
        ),
        "$and" | "$or" => here.error(format!(
            "belongs around whole filters, such as {{\"{name}\": [{{\"key\": ..}}, {{\"key\": ..}}]}}"
        )),
        _ => here.error(
            "no such operator: beside keys there are $and, $or and $not, and a key that starts \
             with '$' cannot be asked for",
        ),
    }
}
