//! Evidence: what is sensed, what is expected of it, and the verdict.
//!
//! Unknown is never good: a probe that failed, timed out or answered something
//! that cannot be compared gives [`Verdict::Unknown`], and nothing passes on it.

mod builtin;
mod expect;
mod probe;
mod value;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use builtin::Builtin;
pub use expect::{Condition, Expect};
pub use probe::{Claim, Measure, Probe, Sense};
pub use value::{Level, Name, Operand, Scope, Value, Word};

use super::quantity::Period;

/// What a comparison came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As expected.
    Pass,
    /// Known, and not as expected.
    Fail,
    /// Cannot tell.
    Unknown,
}

impl Verdict {
    /// Returns the verdict of both together: a failure decides, then what is unknown.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Fail, _) | (_, Self::Fail) => Self::Fail,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            _ => Self::Pass,
        }
    }

    /// Returns the verdict of either: a pass decides, then what is unknown.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Pass, _) | (_, Self::Pass) => Self::Pass,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            _ => Self::Fail,
        }
    }

    /// Returns the word for screens and reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Unknown => "cannot tell",
        }
    }
}

/// One value with the moment at which it was sensed.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// What was sensed; [`Value::Unknown`] if the probe failed or timed out.
    pub value: Value,
    /// When, by the clock that the caller's `now` comes from.
    pub at: DateTime<Utc>,
}

impl Reading {
    /// Returns the value, or unknown if it is older than `limit` at `now`, or so far
    /// in the future that a clock must have jumped.
    #[must_use]
    pub fn fresh(&self, now: DateTime<Utc>, limit: Period) -> Value {
        let age = now - self.at;
        if age.abs().to_std().is_ok_and(|age| age <= limit.duration()) {
            return self.value.clone();
        }
        Value::unknown(format!("measured {} s ago", age.num_seconds()))
    }
}
