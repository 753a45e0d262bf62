//! Triggers: when to *offer* a rollback. Firing never acts.

use super::evidence::{Expect, Probe, Scope, Value, Verdict};
use super::quantity::Percent;

/// A probe that is watched, and the values at which it warns and fires.
#[derive(Clone, Debug, PartialEq)]
pub struct Trigger {
    /// What it means when it fires, in words.
    pub says: String,
    /// The name that its readings carry.
    pub name: String,
    /// What is watched.
    pub probe: Probe,
    /// What each sample is held against.
    pub against: Against,
    /// Values that this holds for warn.
    pub warn: Option<Expect>,
    /// Values that this holds for fire.
    pub fire: Expect,
    /// So many samples in a row must agree before it fires; at least 1.
    pub samples: usize,
    /// The section that is offered when it fires.
    pub offer: String,
}

/// What the samples of a trigger are held against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Against {
    /// The value as it is.
    #[default]
    Threshold,
    /// The change against the value before the migration, in percent; a rise is positive.
    Baseline,
}

/// What a trigger shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The last sample cannot tell: shown as unknown, never as calm.
    Unknown,
    /// Nothing to see.
    Calm,
    /// The last sample warns, or would fire if the next ones agree.
    Warn,
    /// Enough samples in a row agree: the offer is made.
    Fire,
}

impl Trigger {
    /// Returns the sample that a value makes, given the value before the migration.
    #[must_use]
    pub fn sample(&self, value: &Value, baseline: Option<&Value>) -> Value {
        match self.against {
            Against::Threshold => value.clone(),
            Against::Baseline => change(value, baseline),
        }
    }

    /// Returns the state after these samples, the newest last.
    ///
    /// A sample that cannot tell breaks a row: the trigger neither fires on it nor
    /// calms down.
    #[must_use]
    pub fn evaluate(&self, samples: &[Value], scope: &dyn Scope) -> State {
        let fire = self.fire.resolved(scope);
        let Some(newest) = samples.last() else { return State::Unknown };
        let row = samples.iter().rev().take_while(|one| fire.test(one) == Verdict::Pass).count();
        let warns = self.warn.as_ref().map(|warn| warn.resolved(scope).test(newest));
        if row >= self.samples.max(1) {
            State::Fire
        } else if row > 0 || warns == Some(Verdict::Pass) {
            State::Warn
        } else if fire.test(newest) == Verdict::Unknown || warns == Some(Verdict::Unknown) {
            State::Unknown
        } else {
            State::Calm
        }
    }
}

fn change(value: &Value, baseline: Option<&Value>) -> Value {
    let answered = value.answered();
    let number = answered.as_ref().unwrap_or(value).number();
    let numbers = number.zip(baseline.and_then(Value::number));
    match numbers {
        Some((_, 0.0)) => Value::unknown("the baseline is 0"),
        Some((now, before)) => Value::Percent(Percent::new((now - before) / before.abs() * 100.0)),
        None if value.is_unknown() => value.clone(),
        None if number.is_none() => Value::unknown(format!("{value} is no number")),
        None => Value::unknown("there is no baseline"),
    }
}
