//! Points in time, written so that their text sorts as they do.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};

/// A point in time, to the nanosecond, in the years 0000 to 9999 UTC.
///
/// Its text is RFC 3339 in UTC and always has nine digits of a second: 30 bytes whose order as
/// bytes is the order in time. Reading takes any RFC 3339 text, whatever its fraction and offset.
///
/// ```
/// use sigil_core::Timestamp;
/// let noon: Timestamp = "2026-03-01T12:00:00+01:00".parse()?;
/// assert_eq!(noon.to_string(), "2026-03-01T11:00:00.000000000Z");
/// assert!(noon < "2026-03-01T11:00:00.5Z".parse()?);
/// assert!("2026/03/01".parse::<Timestamp>().is_err());
/// # Ok::<(), sigil_core::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(DateTime<Utc>);

impl Timestamp {
    /// The zero time of the Go language, 0001-01-01T00:00:00Z: what an unset time becomes where a
    /// time is required.
    pub const ZERO: Timestamp = match DateTime::from_timestamp(-62_135_596_800, 0) {
        Some(time) => Timestamp(time),
        None => panic!("the year 1 is in range"),
    };

    /// The time `ns` nanoseconds after 1970-01-01T00:00:00Z; before it, when negative.
    ///
    /// ```
    /// use sigil_core::Timestamp;
    /// assert_eq!(Timestamp::from_unix_ns(1).to_string(), "1970-01-01T00:00:00.000000001Z");
    /// ```
    pub fn from_unix_ns(ns: i64) -> Timestamp {
        Timestamp(DateTime::from_timestamp_nanos(ns))
    }

    /// The time `ms` milliseconds after 1970-01-01T00:00:00Z; before it, when negative.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) outside the years 0000 to 9999.
    pub fn from_unix_ms(ms: i64) -> Result<Timestamp> {
        let time = DateTime::from_timestamp_millis(ms);
        time.and_then(Timestamp::in_range).ok_or_else(|| {
            Error::invalid(format!("{ms} ms since 1970 is outside the years 0000 to 9999"))
        })
    }

    /// Milliseconds since 1970-01-01T00:00:00Z, rounded down.
    pub fn unix_ms(self) -> i64 {
        self.0.timestamp_millis()
    }

    /// The time `ms` milliseconds later, or earlier when negative; the last or first there is
    /// where that is out of range.
    #[must_use]
    pub fn plus_ms(self, ms: i64) -> Timestamp {
        let moved = chrono::TimeDelta::try_milliseconds(ms)
            .and_then(|delta| self.0.checked_add_signed(delta))
            .and_then(Timestamp::in_range);
        let end = if ms < 0 { "0000-01-01T00:00:00Z" } else { "9999-12-31T23:59:59.999999999Z" };
        moved.or_else(|| end.parse().ok()).unwrap_or(self)
    }

    fn in_range(time: DateTime<Utc>) -> Option<Timestamp> {
        (0..=9999).contains(&time.year()).then_some(Timestamp(time))
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    fn from_str(text: &str) -> Result<Timestamp> {
        let parsed = DateTime::parse_from_rfc3339(text).ok();
        parsed.and_then(|time| Timestamp::in_range(time.with_timezone(&Utc))).ok_or_else(|| {
            let shown: String = text.chars().take(40).collect();
            Error::invalid(format!(
                "parsing timestamp '{}': use RFC 3339, such as 2026-03-01T12:00:00Z",
                shown.escape_debug()
            ))
        })
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Nanos, true))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Timestamp> for crate::Value {
    fn from(time: Timestamp) -> crate::Value {
        crate::Value::Text(time.to_string())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn parse(text: &str) -> Result<Timestamp> {
        text.parse()
    }

    #[test]
    fn text_sorts_as_time_does() {
        // In the order of time; written with as few digits as possible, they sort otherwise.
        let texts = [
            "0000-01-01T00:00:00Z",
            "0001-01-01T00:00:00Z",
            "1969-12-31T23:59:59.999999999Z",
            "2026-03-01T12:00:00Z",
            "2026-03-01T12:00:00.12Z",
            "2026-03-01T12:00:00.123Z",
            "2026-03-01T12:00:00.5Z",
            "2026-03-01T15:00:00+02:00",
            "9999-12-31T23:59:59.999999999Z",
        ];
        let times: Vec<Timestamp> = texts.iter().map(|text| parse(text).unwrap()).collect();
        assert!(times.is_sorted());
        let written: Vec<String> = times.iter().map(ToString::to_string).collect();
        assert!(written.is_sorted());
        for (time, text) in times.iter().zip(&written) {
            assert_eq!(text.len(), 30);
            assert_eq!(parse(text).unwrap(), *time);
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "not-a-timestamp",
            "2024-13-01T00:00:00Z",
            "2024/01/01",
            "2024-01-01",
            "2024-01-01T00:00:00",
            "0000-01-01T00:00:00+01:00",
            "9999-12-31T23:59:59-01:00",
            "10000-01-01T00:00:00Z",
            "2024-01-01T00:00:00Z\0",
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.to_string().contains("parsing timestamp"), "{text}: {error}");
        }
    }

    #[test]
    fn moving_stays_in_range() {
        let noon = parse("2026-03-01T12:00:00Z").unwrap();
        assert_eq!(noon.plus_ms(1).to_string(), "2026-03-01T12:00:00.001000000Z");
        assert_eq!(noon.plus_ms(i64::MAX).to_string(), "9999-12-31T23:59:59.999999999Z");
        assert_eq!(noon.plus_ms(i64::MIN).to_string(), "0000-01-01T00:00:00.000000000Z");
        assert_eq!(Timestamp::from_unix_ms(noon.unix_ms()).unwrap(), noon);
        assert!(Timestamp::from_unix_ms(i64::MAX).is_err());
        assert_eq!(Timestamp::ZERO.to_string(), "0001-01-01T00:00:00.000000000Z");
    }
}
