//! Sizes and durations as people write them in settings.

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use std::fmt;
use std::time::Duration;

/// A number of bytes. As a setting: a whole number of bytes, or a string such as `"512"`, `"1MiB"`, `"1.5 GB"`; units of 1000
/// (`B`, `kB`, `MB`, `GB`, `TB`) and of 1024 (`KiB`, `MiB`, `GiB`, `TiB`), upper or lower case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct HumanSize(pub u64);

/// A length of time. As a setting: a whole number of milliseconds, or a string such as `"250ms"`, `"1.5s"`, `"1h 30m"`; units `us`, `ms`,
/// `s`, `m`, `h` and `d`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct HumanDuration(pub Duration);

const SIZES: &[(&str, u64)] = &[
    ("", 1),
    ("b", 1),
    ("kb", 1000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
];

/// In microseconds.
const TIMES: &[(&str, u64)] = &[("us", 1), ("ms", 1000), ("s", 1_000_000), ("m", 60_000_000), ("h", 3_600_000_000), ("d", 86_400_000_000)];

/// Reads one quantity off the front of a text: digits, perhaps a fraction, a unit. Answers it in the smallest unit, rounded down,
/// and what follows.
fn quantity<'a>(text: &'a str, units: &[(&str, u64)]) -> Option<(u64, &'a str)> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    // Without a panic on the way: its words are three kilobytes of a component.
    let (whole, rest) = text.split_at_checked(digits(text))?;
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at_checked(digits(rest))?,
        None => ("", rest),
    };
    let rest = rest.trim_ascii_start();
    let (unit, rest) = rest.split_at_checked(rest.bytes().take_while(u8::is_ascii_alphabetic).count())?;
    let (_, scale) = units.iter().find(|(name, _)| unit.eq_ignore_ascii_case(name))?;
    // Six digits are finer than any size or time that matters, and the product still fits.
    let fraction = fraction.get(..fraction.len().min(6))?;
    let part = if fraction.is_empty() { 0 } else { fraction.parse::<u64>().ok()? * scale / 10_u64.pow(fraction.len() as u32) };
    let value = whole.parse::<u64>().ok()?.checked_mul(*scale)?.checked_add(part)?;
    Some((value, rest.trim_ascii_start()))
}

fn size(text: &str) -> Option<u64> {
    quantity(text.trim_ascii(), SIZES).filter(|(_, rest)| rest.is_empty()).map(|(bytes, _)| bytes)
}

fn microseconds(text: &str) -> Option<u64> {
    let (mut sum, mut rest) = quantity(text.trim_ascii(), TIMES)?;
    while !rest.is_empty() {
        let (more, after) = quantity(rest, TIMES)?;
        (sum, rest) = (sum.checked_add(more)?, after);
    }
    Some(sum)
}

/// Takes a whole number as it is, or a text by the function.
struct Human {
    expected: &'static str,
    number: fn(u64) -> Option<u64>,
    text: fn(&str) -> Option<u64>,
}

impl Visitor<'_> for Human {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<u64, E> {
        (self.number)(value).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Unsigned(value), &self))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<u64, E> {
        (self.text)(value).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(value), &self))
    }
}

impl<'de> Deserialize<'de> for HumanSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let human = Human { expected: "a number of bytes or a size such as \"1MiB\"", number: Some, text: size };
        deserializer.deserialize_any(human).map(Self)
    }
}

impl<'de> Deserialize<'de> for HumanDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let human = Human {
            expected: "a number of milliseconds or a duration such as \"250ms\"",
            number: |milliseconds| milliseconds.checked_mul(1000),
            text: microseconds,
        };
        deserializer.deserialize_any(human).map(|microseconds| Self(Duration::from_micros(microseconds)))
    }
}

#[cfg(test)]
mod tests {
    use super::{HumanDuration, HumanSize};
    use crate::parse_settings;
    use std::time::Duration;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (json, bytes) in [
            ("0", 0),
            ("4096", 4096),
            (r#""512""#, 512),
            (r#""512 B""#, 512),
            (r#""1kB""#, 1000),
            (r#"" 1 MiB ""#, 1 << 20),
            (r#""1.5GiB""#, 3 << 29),
            (r#""0.25mb""#, 250_000),
            (r#""16777215TiB""#, 16_777_215 << 40),
        ] {
            assert_eq!(parse_settings::<HumanSize>(json).unwrap().0, bytes, "{json}");
        }
    }

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (json, milliseconds) in [
            ("250", 250),
            (r#""250ms""#, 250),
            (r#""1.5s""#, 1500),
            (r#""1h 30m""#, 5_400_000),
            (r#""1m30s""#, 90_000),
            (r#""2d""#, 172_800_000),
            (r#""0s""#, 0),
        ] {
            assert_eq!(parse_settings::<HumanDuration>(json).unwrap().0, Duration::from_millis(milliseconds), "{json}");
        }
    }

    #[test]
    fn what_is_no_quantity_is_an_error_that_shows_an_example() {
        for json in [r#""""#, r#""MiB""#, r#""1 potato""#, r#""-1""#, "-1", "1.5", r#""1MiB 2""#, r#""99999999TiB""#, "true", "[]"] {
            let error = parse_settings::<HumanSize>(json).unwrap_err();
            assert!(error.message.contains("\"1MiB\""), "{json}: {error}");
        }
        for json in [r#""""#, r#""5""#, r#""5 parsecs""#, r#""1s 2""#, "18446744073709551615", r#""999999999999d""#] {
            let error = parse_settings::<HumanDuration>(json).unwrap_err();
            assert!(error.message.contains("\"250ms\""), "{json}: {error}");
        }
    }
}
