//! `[triggers]` as what is watched during a run.

use super::policy::{Own, Triggers};
use crate::domain::evidence::{Builtin, Expect, Probe, Sense, Value};
use crate::domain::quantity::Percent;
use crate::domain::trigger::{Against, Trigger};

/// So many samples in a row must agree before a trigger about load or health fires.
const IN_A_ROW: usize = 3;

/// The section that a fired trigger offers.
const OFFER: &str = "assess";

impl Triggers {
    /// Returns the five triggers with the values of the file, each of which fires above its
    /// value, then those of one's own.
    #[must_use]
    pub fn armed(&self) -> Vec<Trigger> {
        let rows = Value::Int(i64::try_from(self.rows_lost).unwrap_or(i64::MAX));
        let any = || Some(Expect::above(Value::Percent(Percent::new(0.0))));
        let percent = |limit: Percent| Expect::above(Value::Percent(limit));
        let duration = Expect::above(Value::Period(self.duration));
        let mut all = vec![
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
        ];
        all.extend(self.own.iter().map(|(name, own)| own.armed(name)));
        all
    }
}

impl Own {
    fn armed(&self, name: &str) -> Trigger {
        let sense = Sense::Configured(self.probe.clone());
        let timeout = Probe::builtin(Builtin::Connection).timeout;
        Trigger {
            says: self.says.clone().unwrap_or_else(|| name.to_owned()),
            name: name.to_owned(),
            probe: Probe { sense, timeout, expect: None },
            against: self.against,
            warn: self.warn.clone(),
            fire: self.fire.clone(),
            samples: self.samples.unwrap_or(IN_A_ROW),
            offer: OFFER.to_owned(),
        }
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
