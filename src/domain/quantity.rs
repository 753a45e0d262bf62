//! Quantities as people write them in files: `"5m"`, `"24h"`, `"50%"`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// A length of time written with its unit: `"200ms"`, `"5s"`, `"60m"`, `"24h"`, `"7d"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period(Duration);

/// The units of a [`Period`] and their milliseconds, longest first.
const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl Period {
    /// Returns the period of so many seconds.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// Returns the period of so many minutes.
    #[must_use]
    pub const fn from_mins(minutes: u64) -> Self {
        Self(Duration::from_secs(minutes * 60))
    }

    /// Returns twice the period.
    #[must_use]
    pub const fn doubled(self) -> Self {
        Self(self.0.saturating_mul(2))
    }

    /// Returns the period as the standard library's type.
    #[must_use]
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl From<Duration> for Period {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("\"{text}\" is not a length of time: write \"5s\", \"5m\" or \"24h\"");
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        let number: u64 = number.parse().map_err(|_| wrong())?;
        Ok(Self(Duration::from_millis(number.checked_mul(*scale).ok_or_else(wrong)?)))
    }
}

/// The largest unit that divides the period, as in `24h` or `90s`.
impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let whole =
            |(_, scale): &&(&str, u64)| millis > 0 && millis.is_multiple_of(u128::from(*scale));
        // Days only from two on: people say "24h".
        let two_days = |(name, _): &&(&str, u64)| *name != "d" || millis >= 2 * 86_400_000;
        match UNITS.iter().filter(two_days).find(whole) {
            Some((name, scale)) => write!(f, "{}{name}", millis / u128::from(*scale)),
            None => f.write_str("0s"),
        }
    }
}

/// A share written with its sign: `"50%"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Percent(f64);

impl Percent {
    /// Returns so many percent.
    #[must_use]
    pub const fn new(percent: f64) -> Self {
        Self(percent)
    }

    /// Returns the number before the sign: 50 for `"50%"`.
    #[must_use]
    pub const fn value(self) -> f64 {
        self.0
    }

    /// Returns the percentage with one digit behind the point: more is not measured.
    #[must_use]
    pub fn rounded(self) -> Self {
        Self((self.0 * 10.0).round() / 10.0)
    }

    /// Returns the share of one: 0.5 for `"50%"`.
    #[must_use]
    pub fn fraction(self) -> f64 {
        self.0 / 100.0
    }
}

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is not a percentage: write \"50%\"");
        let number: f64 = text.strip_suffix('%').ok_or_else(wrong)?.parse().map_err(|_| wrong())?;
        if number.is_finite() && number >= 0.0 { Ok(Self(number)) } else { Err(wrong()) }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

/// Reads a quantity from its text, so that a bare number gets the advice too.
struct Written<T> {
    advice: &'static str,
    kind: std::marker::PhantomData<T>,
}

impl<T: FromStr<Err = String>> Visitor<'_> for Written<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.advice)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let advice = "a length of time with its unit, such as \"5s\"";
        deserializer.deserialize_str(Written { advice, kind: std::marker::PhantomData })
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let advice = "a percentage such as \"50%\"";
        deserializer.deserialize_str(Written { advice, kind: std::marker::PhantomData })
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

const BYTES: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];

/// Returns an amount of bytes in the largest unit that leaves at least one, in the units of
/// `pg_size_pretty`: `812 B`, `1.4 GB`.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a size on the screen needs no more digits")]
pub fn size(bytes: u64) -> String {
    let mut size = bytes as f64;
    if size < 1024.0 {
        return format!("{size:.0} B");
    }
    let mut unit = 0;
    size /= 1024.0;
    while size >= 1024.0 && unit + 1 < BYTES.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", BYTES[unit])
}
