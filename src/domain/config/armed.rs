//! `[triggers]` as what is watched during a run.

use super::Triggers;
use crate::domain::evidence::{Builtin, Expect, Probe, Value};
use crate::domain::quantity::Percent;
use crate::domain::trigger::{Against, Trigger};

/// So many samples in a row must agree before a trigger about load or health fires.
const IN_A_ROW: usize = 3;

/// The section that a fired trigger offers.
const OFFER: &str = "assess";

impl Triggers {
    /// Returns the five triggers with the values of the file; each fires above its value.
    #[must_use]
    pub fn armed(&self) -> Vec<Trigger> {
        let rows = Value::Int(i64::try_from(self.rows_lost).unwrap_or(i64::MAX));
        let any = || Some(Expect::above(Value::Percent(Percent::new(0.0))));
        let percent = |limit: Percent| Expect::above(Value::Percent(limit));
        let duration = Expect::above(Value::Period(self.duration));
        vec![
            trigger(Builtin::Duration, "duration", None, duration, 1),
            trigger(Builtin::RowsLostSinceBaseline, "rows lost", None, Expect::above(rows), 2),
            trigger(
                Builtin::HealthFailures,
                "health",
                any(),
                percent(self.health_failures),
                IN_A_ROW,
            ),
            trigger(Builtin::Slowdown, "slowdown", None, percent(self.slowdown), IN_A_ROW),
            trigger(
                Builtin::AuthFailures,
                "authentication",
                any(),
                percent(self.auth_failures),
                IN_A_ROW,
            ),
        ]
    }
}

fn trigger(
    builtin: Builtin,
    says: &str,
    warn: Option<Expect>,
    fire: Expect,
    samples: usize,
) -> Trigger {
    Trigger {
        says: says.to_owned(),
        name: builtin.name(),
        probe: Probe::builtin(builtin),
        against: Against::Threshold,
        warn,
        fire,
        samples,
        offer: OFFER.to_owned(),
    }
}
