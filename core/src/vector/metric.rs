//! The three distances a collection can be built on.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// How far apart two vectors are: always a distance, so lower is nearer.
///
/// The metric of an index is fixed when it is created. Serialised, it is its
/// [name](Metric::as_str) in readable formats and its [code](Metric::code) in binary ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Metric {
    /// One minus the cosine of the angle: 0 for the same direction, 1 for a right angle, 2 for
    /// the opposite one.
    ///
    /// Exactly 0 between equal vectors. A vector of zeros has no direction: its distance to every
    /// vector, itself included, is exactly 1.
    #[default]
    Cosine,
    /// The euclidean distance, square root taken; exactly 0 between equal vectors.
    L2,
    /// The inner product, negated so that lower is nearer; it can be negative.
    Dot,
}

impl Metric {
    /// Every metric, in the order of their codes.
    pub const ALL: &'static [Metric] = &[Metric::Cosine, Metric::L2, Metric::Dot];

    /// The metric's name: `"cosine"`, `"l2"` or `"dot"`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Metric::Cosine => "cosine",
            Metric::L2 => "l2",
            Metric::Dot => "dot",
        }
    }

    /// The metric that is [named](Metric::as_str) `name`.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) naming the three there are.
    ///
    /// ```
    /// use sigil_core::Metric;
    /// assert_eq!(Metric::parse("l2")?, Metric::L2);
    /// assert!(Metric::parse("manhattan").is_err());
    /// # Ok::<(), sigil_core::Error>(())
    /// ```
    pub fn parse(name: &str) -> Result<Metric> {
        Metric::ALL.iter().copied().find(|metric| metric.as_str() == name).ok_or_else(|| {
            Error::invalid(format!(
                "no metric is named {}: use \"cosine\", \"l2\" or \"dot\"",
                super::quoted(name)
            ))
        })
    }

    /// The number that stands for the metric in stored bytes; it never changes.
    pub const fn code(self) -> u8 {
        match self {
            Metric::Cosine => 1,
            Metric::L2 => 2,
            Metric::Dot => 3,
        }
    }

    /// The metric whose [`code`](Metric::code) is `code`, if there is one.
    pub fn from_code(code: u8) -> Option<Metric> {
        Metric::ALL.iter().copied().find(|metric| metric.code() == code)
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Metric {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(self.as_str())
        } else {
            serializer.serialize_u8(self.code())
        }
    }
}

impl<'de> Deserialize<'de> for Metric {
    fn deserialize<D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<Metric, D::Error> {
        use serde::de::Error as _;
        if deserializer.is_human_readable() {
            let name = String::deserialize(deserializer)?;
            Metric::parse(&name).map_err(D::Error::custom)
        } else {
            let code = u8::deserialize(deserializer)?;
            Metric::from_code(code)
                .ok_or_else(|| D::Error::custom(format!("no metric has the code {code}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::test;

    #[test]
    fn names_and_codes_are_stable() {
        let listed: Vec<(u8, &str)> =
            Metric::ALL.iter().map(|metric| (metric.code(), metric.as_str())).collect();
        assert_eq!(listed, [(1, "cosine"), (2, "l2"), (3, "dot")]);
        for metric in Metric::ALL {
            assert_eq!(Metric::parse(metric.as_str()).unwrap(), *metric);
            assert_eq!(Metric::from_code(metric.code()), Some(*metric));
            let json = serde_json::to_string(metric).unwrap();
            assert_eq!(json, format!("\"{metric}\""));
            assert_eq!(serde_json::from_str::<Metric>(&json).unwrap(), *metric);
            let bytes = postcard::to_allocvec(metric).unwrap();
            assert_eq!(bytes, [metric.code()]);
            assert_eq!(postcard::from_bytes::<Metric>(&bytes).unwrap(), *metric);
        }
        assert_eq!(Metric::from_code(0), None);
        let message = Metric::parse("Cosine").unwrap_err().to_string();
        assert!(message.contains("\"cosine\", \"l2\" or \"dot\""), "{message}");
    }
}
