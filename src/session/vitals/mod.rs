//! How the run stands to the time before it: the health of the application, the baseline,
//! and the triggers that compare them.

mod gauge;
mod offer;
mod watched;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::baseline::{Baseline, Rows};
use crate::domain::evidence::{Builtin, Value};
use crate::domain::health::{Health, Role, median};
use crate::domain::journal::{Kind, Record};
use crate::domain::plan::{Action, Direction, Plan};
use crate::domain::quantity::Period;
use crate::domain::trigger::{State, Trigger};
use crate::domain::verdict::Level;

use super::facts::{Facts, Point};

pub use gauge::Gauge;
use watched::{Source, Watched};

/// A baseline of fewer refreshes than this would be an accident.
const ENOUGH: usize = 5;
/// The rate of now is the median of so many refreshes.
const NOW: usize = 10;
/// A refresh older than this says nothing about now.
const STALE: TimeDelta = TimeDelta::seconds(10);
/// The answers of each probe whose time counts as that of now.
const ANSWERS: usize = 3;

/// What is measured of a run.
#[derive(Debug, Default)]
pub struct Vitals {
    /// The configured probes' latest results.
    pub health: Health,
    baseline: Option<Baseline>,
    /// Another run was opened since: its first way up begins a time of its own.
    renews: bool,
    watched: Vec<Watched>,
    sampled: Option<DateTime<Utc>>,
    /// The migration that runs, or ran last: its act, since when, and whether it has ended.
    migration: Option<(Option<String>, DateTime<Utc>, bool)>,
    /// Records from before this console are those of an earlier one.
    opened: DateTime<Utc>,
}

/// A trigger that has begun to fire: the way back is offered, and nothing is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fired {
    /// The trigger's name.
    pub trigger: String,
    /// What is wrong, in words that are safe to show.
    pub says: String,
    /// How bad it is: what is only an estimate is worth a look, and interrupts nobody.
    pub level: Level,
}

impl Vitals {
    /// Returns how things were before the first act of the run, once one has begun.
    #[must_use]
    pub fn baseline(&self) -> Option<&Baseline> {
        self.baseline.as_ref()
    }

    /// Returns how many triggers are armed: none before a run has a baseline, and never one
    /// whose probe is not configured.
    #[must_use]
    pub fn armed(&self) -> usize {
        let armed = self.watched.iter().filter(|one| self.measures(&one.source)).count();
        self.baseline.as_ref().map_or(0, |_| armed)
    }

    /// Returns true if something is there that measures it.
    fn measures(&self, source: &Source) -> bool {
        match source {
            Source::Builtin(Builtin::HealthFailures) => self.health.has(Role::Health),
            Source::Builtin(Builtin::AuthFailures) => self.health.has(Role::Auth),
            Source::Builtin(_) => true,
            Source::Probe(name) => self.health.samples(name),
        }
    }

    /// Begins to hold everything against another time, unless it is the same.
    fn begin(&mut self, baseline: Option<Baseline>) {
        self.renews = false;
        if self.baseline != baseline {
            self.watched.iter_mut().for_each(Watched::begin_anew);
            self.baseline = baseline;
        }
    }

    /// Returns the state of the trigger on that builtin.
    #[must_use]
    pub fn state(&self, builtin: Builtin) -> Option<State> {
        let of = |one: &&Watched| one.source == Source::Builtin(builtin);
        self.watched.iter().find(of).map(|one| one.state)
    }
}

impl Facts {
    /// Arms these triggers, and expects results of these probes.
    pub fn arm(&mut self, triggers: Vec<Trigger>, probes: impl IntoIterator<Item = String>) {
        let watched: Vec<Watched> = triggers.into_iter().filter_map(Watched::new).collect();
        let values = watched.iter().filter_map(|one| one.source.probe());
        self.vitals.health = Health::of(probes).with_values(values);
        self.vitals.opened = self.now;
        self.vitals.watched = watched;
    }

    /// Takes notice of a record: the first act of a run ends the time before it. Returns the
    /// baseline that has to be recorded then.
    pub(super) fn measured(&mut self, record: &Record) -> Option<Baseline> {
        match record.kind {
            // Whoever goes back in a run of its own weighs what was lost since the time before
            // the migration: only the next way up ends that time.
            Kind::Opened => self.vitals.renews = true,
            Kind::Baseline => {
                if let Ok(read) = serde_json::from_value(record.data.clone()) {
                    self.vitals.begin(Some(read));
                }
            }
            Kind::Trigger => self.put_aside(&record.data),
            Kind::Intent if migrates(record) => return self.migration_begins(record),
            Kind::Outcome | Kind::Resolved => {
                if let Some((act, _, ended)) = &mut self.vitals.migration {
                    *ended |= *act == record.act;
                }
            }
            _ => {}
        }
        None
    }

    fn migration_begins(&mut self, record: &Record) -> Option<Baseline> {
        let again = self.vitals.migration.as_ref().filter(|(act, ..)| *act == record.act);
        let since = again.map_or(record.at, |(_, since, _)| *since);
        self.vitals.migration = Some((record.act.clone(), since, false));
        let renews = self.vitals.renews && goes_up(record);
        // What an earlier console has begun was not measured by this one.
        if (self.vitals.baseline.is_some() && !renews) || record.at < self.vitals.opened {
            return None;
        }
        let baseline = self.before(record.at);
        self.vitals.begin(baseline.clone());
        baseline
    }

    /// Returns how things have been until now; `None` if they were not watched long enough.
    fn before(&self, until: DateTime<Utc>) -> Option<Baseline> {
        if self.history.len() < ENOUGH {
            return None;
        }
        let seconds = i64::try_from(self.history.len()).unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "a median needs no more digits")]
        let blocked = median(self.history.iter().map(|point| point.blocked as f64));
        let health = &self.vitals.health;
        Some(Baseline {
            since: (until - TimeDelta::seconds(seconds)).max(self.vitals.opened),
            until,
            tps: median(self.history.iter().filter_map(|point| point.tps)),
            latency_ms: health.latency_ms(usize::MAX, self.now),
            health: Baseline::share(health, self.now),
            blocked,
            rows: self.touched(),
            probes: self.vitals.health.medians(),
            transactions: self.snapshot.value().and_then(|now| now.counters.transactions),
        })
    }

    /// Returns the estimated rows of the tables that the pending migrations touch.
    fn touched(&self) -> std::collections::BTreeMap<String, i64> {
        let Some((slow, known)) = self.slow.value().zip(self.project.value()) else {
            return std::collections::BTreeMap::new();
        };
        let entries = known.status.pending.iter().flatten().filter_map(|id| known.entry(id));
        let locks = entries.flat_map(|entry| &entry.hazards).flat_map(|hazard| &hazard.locks);
        let names: Vec<&str> = locks.map(|held| held.relation.as_str()).collect();
        let is_touched = |name: &str| {
            names.iter().any(|wanted| {
                *wanted == name || name.split_once('.').is_some_and(|(_, bare)| *wanted == bare)
            })
        };
        let rows = slow.rows.iter().filter(|(name, _)| is_touched(name));
        rows.map(|(name, rows)| (name.clone(), *rows)).collect()
    }

    /// Returns the transactions per second of now.
    #[must_use]
    pub fn tps(&self) -> Option<f64> {
        self.snapshot.age(self.now).filter(|age| *age <= STALE)?;
        median(self.history.iter().rev().take(NOW).filter_map(|point: &Point| point.tps))
    }

    /// Returns the time that the probes' latest answers took, in milliseconds.
    #[must_use]
    pub fn latency_ms(&self) -> Option<f64> {
        self.vitals.health.latency_ms(ANSWERS, self.now)
    }

    /// Returns how the rows of the touched tables stand to the baseline, by estimate.
    #[must_use]
    pub fn rows(&self) -> Option<Rows> {
        let transactions = self.snapshot.value()?.counters.transactions;
        self.vitals.baseline.as_ref()?.rows(&self.slow.value()?.rows, transactions)
    }

    /// Returns what a builtin says that compares with the time before; `None` for the others.
    #[must_use]
    pub fn vital(&self, builtin: Builtin) -> Option<Value> {
        let vitals = &self.vitals;
        let none = || Value::unknown("there is no baseline: no migration has begun in this run");
        let since = vitals.baseline.as_ref().map(|baseline| baseline.until);
        Some(match builtin {
            Builtin::Duration => match &vitals.migration {
                Some((_, since, false)) => {
                    let age = (self.now - *since).to_std().unwrap_or_default();
                    Value::Period(Period::from_secs(age.as_secs()))
                }
                _ => Value::Period(Period::default()),
            },
            Builtin::HealthFailures => vitals.health.failures(Role::Health, since, self.now),
            Builtin::AuthFailures => vitals.health.failures(Role::Auth, since, self.now),
            Builtin::Slowdown => {
                vitals.baseline.as_ref().map_or_else(none, |before| before.slowdown(self.tps()))
            }
            Builtin::RowsLostSinceBaseline if vitals.baseline.is_none() => none(),
            Builtin::RowsLostSinceBaseline => self.rows().map_or_else(
                || Value::unknown("the rows cannot be compared with those of the baseline"),
                |rows| Value::Int(i64::try_from(rows.lost).unwrap_or(i64::MAX)),
            ),
            _ => return None,
        })
    }
}

fn planned(record: &Record) -> Option<Action> {
    let plan = serde_json::from_value::<Plan>(record.data["plan"].clone());
    plan.ok().map(|plan| plan.action)
}

fn migrates(record: &Record) -> bool {
    matches!(planned(record), Some(Action::Migrate { .. }))
}

fn goes_up(record: &Record) -> bool {
    matches!(planned(record), Some(Action::Migrate { direction: Direction::Up, .. }))
}
