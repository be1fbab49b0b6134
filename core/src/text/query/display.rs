//! Queries in the query language.

use std::fmt::{self, Display, Formatter, Write as _};

use super::lexer::is_bareword;
use super::{Node, Phrase, TextQuery};

impl Display for TextQuery {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.root.fmt(f)
    }
}

/// How many bytes `node` takes as text.
pub(super) fn len(node: &Node) -> usize {
    struct Count(usize);
    impl fmt::Write for Count {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0 += text.len();
            Ok(())
        }
    }
    let mut count = Count(0);
    // Counting does not fail.
    let _: fmt::Result = write!(count, "{node}");
    count.0
}

impl Display for Node {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Node::Near { phrases, distance } => match phrases.as_slice() {
                [phrase] => phrase.fmt(f),
                phrases => {
                    f.write_str("NEAR(")?;
                    separated(f, phrases, " ", Phrase::fmt)?;
                    if *distance != TextQuery::DISTANCE_DEFAULT {
                        write!(f, ", {distance}")?;
                    }
                    f.write_str(")")
                }
            },
            Node::All { nodes, implicit: true } => separated(f, nodes, " ", nested),
            Node::All { nodes, implicit: false } => separated(f, nodes, " AND ", nested),
            Node::Any(nodes) => separated(f, nodes, " OR ", nested),
            Node::Without(kept, gone) => {
                nested(kept, f)?;
                f.write_str(" NOT ")?;
                nested(gone, f)
            }
            Node::Columns { names, exclude, node } => {
                if *exclude {
                    f.write_str("-")?;
                }
                match names.as_slice() {
                    [name] => text(f, name)?,
                    names => {
                        f.write_str("{")?;
                        separated(f, names, " ", |name, f| text(f, name))?;
                        f.write_str("}")?;
                    }
                }
                match **node {
                    Node::Near { .. } => write!(f, ":{node}"),
                    _ => write!(f, ":({node})"),
                }
            }
        }
    }
}

impl Display for Phrase {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.initial {
            f.write_str("^")?;
        }
        separated(f, &self.parts, " + ", |part, f| {
            text(f, &part.text)?;
            f.write_str(if part.prefix { "*" } else { "" })
        })
    }
}

/// `node` as an operand, in parentheses unless it is of one piece.
fn nested(node: &Node, f: &mut Formatter<'_>) -> fmt::Result {
    match node {
        Node::Near { .. } | Node::Columns { .. } => write!(f, "{node}"),
        _ => write!(f, "({node})"),
    }
}

fn text(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    if is_bareword(text) && !matches!(text, "AND" | "OR" | "NOT" | "NEAR") {
        return f.write_str(text);
    }
    f.write_str("\"")?;
    for (n, piece) in text.split('"').enumerate() {
        f.write_str(if n == 0 { "" } else { "\"\"" })?;
        f.write_str(piece)?;
    }
    f.write_str("\"")
}

fn separated<T>(
    f: &mut Formatter<'_>,
    items: &[T],
    separator: &str,
    write: impl Fn(&T, &mut Formatter<'_>) -> fmt::Result,
) -> fmt::Result {
    for (n, item) in items.iter().enumerate() {
        f.write_str(if n == 0 { "" } else { separator })?;
        write(item, f)?;
    }
    Ok(())
}
