//! Points in time, written so that their text sorts as they do.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};

/// How a time is written: only the digits differ.
const WRITTEN: &[u8; 30] = b"0000-00-00T00:00:00.000000000Z";

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

    /// Microseconds since 1970-01-01T00:00:00Z, rounded down.
    pub(crate) fn unix_us(self) -> i64 {
        self.0.timestamp_micros()
    }

    /// The nanoseconds that [`unix_us`](Timestamp::unix_us) leaves out, below 1,000.
    pub(crate) fn nanos_beyond_us(self) -> u32 {
        self.0.timestamp_subsec_nanos() % 1000
    }

    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub(crate) fn unix_ns(self) -> i128 {
        i128::from(self.unix_us()) * 1000 + i128::from(self.nanos_beyond_us())
    }

    /// The time for what [`unix_ns`](Timestamp::unix_ns) gave.
    pub(crate) fn from_unix_ns_wide(ns: i128) -> Timestamp {
        let us = i64::try_from(ns.div_euclid(1000)).ok();
        let beyond = u32::try_from(ns.rem_euclid(1000)).unwrap_or(0);
        us.and_then(|us| Timestamp::from_unix_parts(us, beyond)).unwrap_or(Timestamp::ZERO)
    }

    /// The time so many microseconds and nanoseconds, below 1,000, after 1970-01-01T00:00:00Z;
    /// `None` outside the years 0000 to 9999.
    pub(crate) fn from_unix_parts(us: i64, ns: u32) -> Option<Timestamp> {
        let time = DateTime::from_timestamp_micros(us)?;
        Timestamp::in_range(time + chrono::TimeDelta::nanoseconds(i64::from(ns)))
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

    /// Reads the one form that [`Display`](fmt::Display) writes, which is what stores are full of.
    fn from_written(text: &[u8]) -> Option<Timestamp> {
        let text: &[u8; WRITTEN.len()] = text.try_into().ok()?;
        let number = |range: std::ops::Range<usize>| {
            text[range].iter().try_fold(0u32, |sum, byte| {
                byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0'))
            })
        };
        let punctuation =
            [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.'), (29, b'Z')];
        if punctuation.iter().any(|(at, byte)| text[*at] != *byte) {
            return None;
        }
        let year = i32::try_from(number(0..4)?).ok()?;
        let date = NaiveDate::from_ymd_opt(year, number(5..7)?, number(8..10)?)?;
        let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
        // A leap second has no number of its own; the slow way knows what to do with it.
        let time = date.and_hms_nano_opt(hour, minute, second, number(20..29)?)?;
        Some(Timestamp(time.and_utc()))
    }

    fn in_range(time: DateTime<Utc>) -> Option<Timestamp> {
        (0..=9999).contains(&time.year()).then_some(Timestamp(time))
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    fn from_str(text: &str) -> Result<Timestamp> {
        if let Some(time) = Timestamp::from_written(text.as_bytes()) {
            return Ok(time);
        }
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
        // A leap second is a second with more than 10^9 nanoseconds.
        let (second, nanos) = match self.0.timestamp_subsec_nanos() {
            nanos @ 1_000_000_000.. => (60, nanos - 1_000_000_000),
            nanos => (self.0.second(), nanos),
        };
        let year = self.0.year_ce();
        let year = if year.0 { year.1 } else { 0 };
        let mut text = *WRITTEN;
        let parts = [
            (0..4, year),
            (5..7, self.0.month()),
            (8..10, self.0.day()),
            (11..13, self.0.hour()),
            (14..16, self.0.minute()),
            (17..19, second),
            (20..29, nanos),
        ];
        for (range, mut number) in parts {
            for byte in text[range].iter_mut().rev() {
                *byte = b'0' + u8::try_from(number % 10).unwrap_or(0);
                number /= 10;
            }
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
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
    use crate::testing::test;

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
    fn the_short_way_of_reading_and_writing_is_the_long_one() {
        let texts = [
            "0000-01-01T00:00:00.000000000Z",
            "0000-02-29T23:59:59.999999999Z",
            "0001-01-01T00:00:00.000000000Z",
            "1582-10-15T12:34:56.000000001Z",
            "1969-12-31T23:59:59.999999999Z",
            "1972-06-30T23:59:60.123456789Z",
            "2024-02-29T00:00:00.100000000Z",
            "9999-12-31T23:59:59.999999999Z",
        ];
        for text in texts {
            let long = DateTime::parse_from_rfc3339(text).unwrap().with_timezone(&Utc);
            assert_eq!(parse(text).unwrap().0, long, "{text}");
            assert_eq!(Timestamp(long).to_string(), text);
            assert_eq!(long.to_rfc3339_opts(chrono::SecondsFormat::Nanos, true), text);
        }
        for text in ["2023-02-29T00:00:00.000000000Z", "2024-01-01T24:00:00.000000000Z"] {
            assert!(parse(text).is_err() && DateTime::parse_from_rfc3339(text).is_err(), "{text}");
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
