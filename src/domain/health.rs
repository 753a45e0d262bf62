//! The health of what uses the database: the probes of the configuration, sampled again
//! and again, each with the ring of its latest results.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};

use super::evidence::{Probe, Value, Verdict};
use super::quantity::Percent;

/// How many results of each probe are kept.
const RING: usize = 60;
/// Shares are of so many of the latest results: a minute, at the pace of the sampling.
const WINDOW: usize = 12;
/// A result older than this says nothing about now.
const STALE: TimeDelta = TimeDelta::seconds(60);

/// One result of a probe.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// What was sensed; unknown after an error or a timeout.
    pub value: Value,
    /// Whether that is as expected. Never a pass of what is unknown.
    pub verdict: Verdict,
    /// How long the answer took, in milliseconds; `None` if none came.
    pub took_ms: Option<f64>,
    /// When, by our clock.
    pub at: DateTime<Utc>,
}

impl Sample {
    /// Returns the result of `probe` that came to `value` in `took_ms`.
    #[must_use]
    pub fn new(probe: &Probe, value: Value, took_ms: f64, at: DateTime<Utc>) -> Self {
        // Without an expectation nobody can say whether it is good: that it came must do.
        let came = || if value.is_unknown() { Verdict::Unknown } else { Verdict::Pass };
        let verdict = probe.expected().map_or_else(came, |expect| expect.test(&value));
        // The text of a failure is compared with nothing: it is a failure nevertheless.
        let is_error = matches!(value, Value::Answer { .. }) && value.answered().is_none();
        let failed = is_error && verdict == Verdict::Unknown;
        let verdict = if failed { Verdict::Fail } else { verdict };
        let took_ms = (!value.is_unknown()).then_some(took_ms);
        Self { value, verdict, took_ms, at }
    }
}

/// What a configured probe is about, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The application's health: every name that is none of the others.
    Health,
    /// Authentication: `auth`, and names that begin with `auth_`.
    Auth,
    /// The disk of the server: `disk`. A value, not a health.
    Disk,
    /// What the steps of a runbook look at: `maintenance`, `log`, and names that begin with
    /// `log_`. It says nothing of the application's health.
    Steps,
}

impl Role {
    /// Returns the role of the probe of that name.
    #[must_use]
    pub fn of(name: &str) -> Self {
        match name {
            "auth" => Self::Auth,
            "disk" => Self::Disk,
            "maintenance" | "log" => Self::Steps,
            name if name.starts_with("log_") => Self::Steps,
            name if name.starts_with("auth_") => Self::Auth,
            _ => Self::Health,
        }
    }
}

/// How the probes of a role stand now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    /// As expected.
    pub good: usize,
    /// Known, and not as expected.
    pub failing: usize,
    /// Cannot tell, or not sampled yet.
    pub unknown: usize,
    /// Since when the first of those that are worst (failing, else unknown) has not been good.
    pub since: Option<DateTime<Utc>>,
    /// The name of the first that is not good, and what it says.
    pub worst: Option<(String, String)>,
}

impl Standing {
    /// Returns how many probes there are.
    #[must_use]
    pub fn all(&self) -> usize {
        self.good + self.failing + self.unknown
    }
}

/// The latest results of every configured probe.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health {
    rings: BTreeMap<String, VecDeque<Sample>>,
    /// Probes that bring a value, which a trigger judges, and no health.
    values: BTreeSet<String>,
}

impl Health {
    /// Returns the health of these probes, of which nothing is known yet.
    pub fn of(names: impl IntoIterator<Item = String>) -> Self {
        let rings = names.into_iter().map(|name| (name, VecDeque::new())).collect();
        Self { rings, values: BTreeSet::new() }
    }

    /// Returns the same, in which these probes bring values: what a trigger of one's own
    /// judges is counted as nobody's health. The probe named `health` stays what it is called.
    #[must_use]
    pub fn with_values(mut self, names: impl IntoIterator<Item = String>) -> Self {
        let is_other = |name: &String| Role::of(name) == Role::Health && name != "health";
        self.values = names.into_iter().filter(is_other).collect();
        self
    }

    /// Returns true if that probe is sampled.
    #[must_use]
    pub fn samples(&self, name: &str) -> bool {
        self.rings.contains_key(name)
    }

    /// Returns what that probe says at `now`, or why that cannot be told.
    #[must_use]
    pub fn value(&self, name: &str, now: DateTime<Utc>) -> Value {
        let Some(ring) = self.rings.get(name) else {
            return Value::unknown(format!("the configuration has no probe {name}"));
        };
        match ring.back() {
            None => Value::unknown("not sampled yet"),
            Some(one) if now - one.at > STALE => {
                Value::unknown(format!("sampled {} s ago", (now - one.at).num_seconds()))
            }
            Some(one) => one.value.clone(),
        }
    }

    /// Returns the median of the numbers that each probe with a value has said.
    #[must_use]
    pub fn medians(&self) -> BTreeMap<String, f64> {
        let numbers = |ring: &VecDeque<Sample>| {
            let values = ring.iter().map(|one| one.value.answered().unwrap_or(one.value.clone()));
            median(values.filter_map(|value| value.number()).collect::<Vec<_>>().into_iter())
        };
        let rings = self.rings.iter();
        rings.filter_map(|(name, ring)| Some((name.clone(), numbers(ring)?))).collect()
    }

    /// Takes a result.
    pub fn take(&mut self, name: &str, sample: Sample) {
        let ring = self.rings.entry(name.to_owned()).or_default();
        if ring.len() == RING {
            ring.pop_front();
        }
        ring.push_back(sample);
    }

    /// Returns true if no probe is configured.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rings.is_empty()
    }

    /// Returns true if there is a probe of that role.
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.of_role(role).next().is_some()
    }

    /// Returns the newest result of a probe.
    #[must_use]
    pub fn newest(&self, name: &str) -> Option<&Sample> {
        self.rings.get(name)?.back()
    }

    fn of_role(&self, role: Role) -> impl Iterator<Item = (&String, &VecDeque<Sample>)> {
        let is_one = move |name: &str| Role::of(name) == role && !self.values.contains(name);
        self.rings.iter().filter(move |(name, _)| is_one(name))
    }

    /// Returns how the probes of a role stand at `now`.
    #[must_use]
    pub fn standing(&self, role: Role, now: DateTime<Utc>) -> Standing {
        let mut standing = Standing::default();
        let mut worst = Verdict::Pass;
        for (name, ring) in self.of_role(role) {
            let (verdict, said) = judge(ring.back(), now);
            match verdict {
                Verdict::Pass => standing.good += 1,
                Verdict::Fail => standing.failing += 1,
                Verdict::Unknown => standing.unknown += 1,
            }
            if verdict == Verdict::Pass {
                continue;
            }
            let since = ring.iter().rev().take_while(|one| one.verdict != Verdict::Pass).last();
            let since = since.map(|one| one.at);
            if worst == Verdict::Pass || (worst, verdict) == (Verdict::Unknown, Verdict::Fail) {
                (worst, standing.worst) = (verdict, Some((name.clone(), said)));
                standing.since = since;
            } else if worst == verdict {
                standing.since = [standing.since, since].into_iter().flatten().min();
            }
        }
        standing
    }

    /// Returns the share of failures among the latest results of a role since `since`, or
    /// why it cannot be told. What is unknown counts as neither.
    #[must_use]
    pub fn failures(&self, role: Role, since: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Value {
        if !self.has(role) {
            return Value::unknown("no probe is configured for it");
        }
        let standing = self.standing(role, now);
        if standing.unknown == standing.all() {
            let why =
                standing.worst.map_or_else(String::new, |(name, said)| format!("{name}: {said}"));
            return Value::unknown(why);
        }
        // Each probe counts as much as any other, however often it has answered.
        let shares = self.of_role(role).filter_map(|(_, ring)| failed_share(ring, since));
        let (sum, probes) = shares.fold((0.0, 0.0), |(sum, probes), one| (sum + one, probes + 1.0));
        if probes == 0.0 {
            return Value::unknown("not sampled since the baseline");
        }
        Value::Percent(Percent::new(sum / probes * 100.0).rounded())
    }

    /// Returns the median time of the latest `last` answers of each probe that asks the
    /// application, in milliseconds, as of `now`.
    #[must_use]
    pub fn latency_ms(&self, last: usize, now: DateTime<Utc>) -> Option<f64> {
        let of_app = |name: &str| {
            matches!(Role::of(name), Role::Health | Role::Auth) && !self.values.contains(name)
        };
        let asks = self.rings.iter().filter(|(name, _)| of_app(name));
        let latest = asks.flat_map(|(_, ring)| ring.iter().rev().take(last));
        let answered = latest.filter(|one| now - one.at <= STALE * 5);
        median(answered.filter_map(|one| one.took_ms))
    }
}

/// Returns the share of failures among the latest known results of a probe since `since`.
fn failed_share(ring: &VecDeque<Sample>, since: Option<DateTime<Utc>>) -> Option<f64> {
    let latest = ring.iter().rev().take(WINDOW);
    let known = latest
        .filter(|one| since.is_none_or(|since| one.at >= since))
        .filter(|one| one.verdict != Verdict::Unknown);
    let (all, failed) = known.fold((0_u32, 0_u32), |(all, failed), one| {
        (all + 1, failed + u32::from(one.verdict == Verdict::Fail))
    });
    (all > 0).then(|| f64::from(failed) / f64::from(all))
}

fn judge(newest: Option<&Sample>, now: DateTime<Utc>) -> (Verdict, String) {
    match newest {
        None => (Verdict::Unknown, "not sampled yet".to_owned()),
        Some(one) if now - one.at > STALE => {
            (Verdict::Unknown, format!("sampled {} s ago", (now - one.at).num_seconds()))
        }
        Some(Sample { value: Value::Unknown(why), .. }) => (Verdict::Unknown, why.clone()),
        Some(one) => (one.verdict, one.value.to_string()),
    }
}

/// Returns the value in the middle; of two, the one between them.
#[must_use]
pub fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut all: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    all.sort_by(f64::total_cmp);
    let (middle, odd) = (all.len() / 2, all.len() % 2 == 1);
    match all.as_slice() {
        [] => None,
        all if odd => Some(all[middle]),
        all => Some(f64::midpoint(all[middle - 1], all[middle])),
    }
}
