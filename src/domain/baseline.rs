//! The time before a migration: what everything after it is held against.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::age;
use super::counters::{Count, Surroundings};
use super::evidence::Value;
use super::health::Health;
use super::quantity::Percent;
use super::untrusted::Untrusted;

/// How things were before the first act of a run; what was not measured is `None`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Baseline {
    /// When the measuring began, by our clock.
    pub since: DateTime<Utc>,
    /// When the first act began: from then on it stands.
    pub until: DateTime<Utc>,
    /// Median of the transactions per second.
    pub tps: Option<f64>,
    /// Median time of the probes' answers, in milliseconds.
    pub latency_ms: Option<f64>,
    /// Share of the health probes that were good, in percent.
    pub health: Option<f64>,
    /// Median number of sessions that waited for a lock.
    pub blocked: Option<f64>,
    /// Estimated rows of the tables that pending migrations touch, by `schema.table`.
    pub rows: BTreeMap<String, i64>,
    /// How those came about, by the same names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub counts: BTreeMap<String, Count>,
    /// Median of what each probe said that a trigger holds against this time, by its name.
    pub probes: BTreeMap<String, f64>,
    /// Transactions that the server had counted: fewer later on means that its statistics
    /// began anew, and the estimates with them.
    pub transactions: Option<i64>,
    /// The run that measured it; `None`: the one that it is recorded in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

/// How the rows stand to the baseline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows {
    /// Rows more, or if negative fewer, over all tables.
    pub change: i64,
    /// Rows fewer, over the tables that have fewer.
    pub lost: u64,
    /// The table that lost the most.
    pub worst: Option<String>,
}

impl Baseline {
    /// Returns where it is from, for one that another run has measured: `before the migration
    /// of 2 h ago (run …)`.
    #[must_use]
    pub fn origin(&self, now: DateTime<Utc>) -> Option<String> {
        let run = self.run.as_deref()?;
        let run = Untrusted::from(run).one_line();
        Some(format!("before the migration of {} ago (run {run})", age::rough(now - self.until)))
    }

    /// Returns the change of `now` against `before` in percent; unknown over nothing.
    #[must_use]
    pub fn change(before: Option<f64>, now: Option<f64>) -> Option<f64> {
        let (before, now) = before.zip(now)?;
        (before > 0.0).then(|| (now - before) / before * 100.0)
    }

    /// Returns by how many percent there are fewer transactions per second now: 0 if there
    /// are as many.
    #[must_use]
    pub fn slowdown(&self, tps: Option<f64>) -> Value {
        match (Self::change(self.tps, tps), tps) {
            (Some(change), _) => Value::Percent(Percent::new((-change).max(0.0)).rounded()),
            (None, None) => Value::unknown("the transactions per second are not known now"),
            (None, Some(_)) => Value::unknown("there was no load before"),
        }
    }

    /// Returns how the rows stand, given what is so now; `None` if they cannot be compared. A
    /// table that is not there any more has lost all of its rows.
    #[must_use]
    pub fn rows(&self, now: &Surroundings, transactions: Option<i64>) -> Option<Rows> {
        let anew = self.transactions.zip(transactions).is_none_or(|(then, now)| now < then);
        if self.rows.is_empty() || now.rows.is_empty() || anew {
            return None;
        }
        let change = |(name, before): (&String, &i64)| {
            let counts = self.counts.get(name).zip(now.counts.get(name));
            let rows = now.rows.get(name).copied().unwrap_or(0);
            (change(*before, rows, counts), name.clone())
        };
        let changes: Vec<(i64, String)> = self.rows.iter().map(change).collect();
        let losses = changes.iter().filter(|(change, _)| *change < 0);
        Some(Rows {
            change: changes.iter().map(|(change, _)| change).sum(),
            lost: losses.clone().map(|(change, _)| change.unsigned_abs()).sum(),
            worst: losses.min().map(|(_, name)| name.clone()),
        })
    }

    /// Returns the share of good probes, in percent.
    #[must_use]
    pub fn share(health: &Health, now: DateTime<Utc>) -> Option<f64> {
        match health.failures(super::health::Role::Health, None, now) {
            Value::Percent(failed) => Some(100.0 - failed.value()),
            _ => None,
        }
    }
}

/// Returns how many rows more, or if negative fewer, there are.
///
/// An estimate falls without a row having gone where `VACUUM` or `ANALYZE` counts anew what was
/// wrong before: rows that a session has loaded and analyzed are counted twice (15.18: 210,000
/// loaded, `n_live_tup` 420,000) until then. Such a fall is believed as far as rows were
/// deleted, where all that is there may have been inserted since, and where hardly any are left:
/// `TRUNCATE` deletes without counting.
fn change(before: i64, now: i64, counts: Option<(&Count, &Count)>) -> i64 {
    let change = now - before;
    match counts {
        Some((then, is)) if is.recounts(then, now) && now > before / HARDLY_ANY => {
            change.max(then.deleted - is.deleted)
        }
        _ => change,
    }
}

/// One in so many rows.
const HARDLY_ANY: i64 = 10;
