//! How every trigger stands, for showing: nothing that cannot be told is shown as calm.

use super::watched::Watched;
use crate::domain::evidence::{Condition, Operand, Value};
use crate::domain::trigger::State;
use crate::domain::untrusted::Untrusted;
use crate::session::facts::Facts;

/// A trigger as it stands. Its texts are safe to show.
#[derive(Clone, Debug, PartialEq)]
pub struct Gauge {
    /// The name that its samples carry.
    pub name: String,
    /// What it is about.
    pub says: String,
    /// How it stands.
    pub state: State,
    /// The newest sample, or why there is none.
    pub value: String,
    /// Where it fires: `more than 50%`.
    pub limit: String,
    /// How much of the way to the limit the sample has gone; `None` where that is no number.
    pub share: Option<f64>,
    /// Why its offer was put aside, if it was.
    pub aside: Option<String>,
}

impl Facts {
    /// Returns how the triggers stand, once there is something to hold them against.
    #[must_use]
    pub fn gauges(&self) -> Vec<Gauge> {
        if self.vitals.baseline.is_none() {
            return Vec::new();
        }
        self.vitals.watched.iter().map(gauge).collect()
    }
}

fn gauge(one: &Watched) -> Gauge {
    let fire = &one.trigger.fire;
    let limit = match fire.conditions() {
        [condition] => number(condition),
        _ => None,
    };
    let share = one.samples.back().and_then(measure).zip(limit);
    let shown = |text: &str| Untrusted::new(text.to_owned()).one_line();
    Gauge {
        name: one.trigger.name.clone(),
        says: shown(&one.trigger.says),
        state: one.state,
        value: shown(&value(one)),
        limit: shown(&fire.to_string()),
        share: share.filter(|(_, limit)| *limit > 0.0).map(|(value, limit)| value / limit),
        aside: one.aside.as_deref().map(shown),
    }
}

fn value(one: &Watched) -> String {
    match one.samples.back() {
        None => "not sampled yet".to_owned(),
        Some(Value::Unknown(why)) => why.clone(),
        Some(value) if one.state == State::Unknown => {
            format!("{} cannot be compared with {}", said(value), one.trigger.fire)
        }
        Some(value) => said(value),
    }
}

/// Returns a value in words; of an answer that is none of a failure only what it says.
pub(super) fn said(value: &Value) -> String {
    value.answered().as_ref().unwrap_or(value).to_string()
}

fn number(condition: &Condition) -> Option<f64> {
    match condition {
        Condition::Above(Operand::Literal(limit)) | Condition::Min(Operand::Literal(limit)) => {
            measure(limit)
        }
        _ => None,
    }
}

/// Returns a value as a number; a length of time in seconds.
fn measure(value: &Value) -> Option<f64> {
    match value {
        Value::Period(period) => Some(period.duration().as_secs_f64()),
        Value::Answer { .. } => value.answered()?.number(),
        value => value.number(),
    }
}
