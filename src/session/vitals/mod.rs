//! How the run stands to the time before it: the health of the application, the baseline,
//! and the triggers that compare them.

mod gauge;
mod offer;
mod watched;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::baseline::{Baseline, Rows};
use crate::domain::counters::Surroundings;
use crate::domain::evidence::{Builtin, Value};
use crate::domain::health::{Health, Role, median};
use crate::domain::journal::{Kind, Record};
use crate::domain::outcome::Ending;
use crate::domain::plan::{Action, Direction, Timeouts};
use crate::domain::quantity::Period;
use crate::domain::trigger::{State, Trigger};
use crate::domain::verdict::Level;

use super::acting::{after, pause_before};
use super::facts::{Facts, Point};

pub use gauge::Gauge;
use watched::{Source, Watched};

/// A baseline of fewer refreshes than this would be an accident.
const ENOUGH: usize = 5;
/// The rate of now is the median of so many refreshes.
const NOW: usize = 10;
/// A refresh older than this says nothing about now.
const STALE: TimeDelta = TimeDelta::seconds(10);
/// An attempt begins so long after its pause at the latest: what is read before it takes time.
const LATE: TimeDelta = TimeDelta::seconds(30);
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
    /// The migration that runs, or ran last.
    migration: Option<Going>,
    /// Records from before this console are those of an earlier one.
    opened: DateTime<Utc>,
}

/// A migration, over all its attempts.
#[derive(Debug)]
struct Going {
    /// Its act.
    act: Option<String>,
    /// When its first attempt began.
    since: DateTime<Utc>,
    /// Until when it goes on, whatever is heard; `None`: an attempt runs.
    until: Option<DateTime<Utc>>,
    /// The plan's limits, and how often it is tried at most.
    timeouts: Timeouts,
    attempts: u32,
}

impl Going {
    /// Takes the end of an attempt: after a lock timeout that leaves attempts it goes on, and
    /// the application waits for all of it.
    fn ends(&mut self, record: &Record) {
        let attempt = record.attempt.unwrap_or(1);
        let ending = serde_json::from_value::<Ending>(record.data["ending"].clone());
        let again = ending.is_ok_and(|it| it == Ending::LockTimeout) && attempt < self.attempts;
        self.until = Some(match again {
            true => after(after(record.at, pause_before(&self.timeouts, attempt + 1)), LATE),
            false => record.at,
        });
    }

    /// Returns how long it has gone on; nothing if it is over.
    fn age(&self, now: DateTime<Utc>) -> TimeDelta {
        match self.until {
            Some(until) if until <= now => TimeDelta::zero(),
            _ => now - self.since,
        }
    }
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
                if let Ok(read) = serde_json::from_value::<Baseline>(record.data.clone()) {
                    // Another run's time before ends with the first way up of this one.
                    let renews = self.vitals.renews && read.run.is_some();
                    self.vitals.begin(Some(read));
                    self.vitals.renews = renews;
                }
            }
            Kind::Trigger => self.put_aside(&record.data),
            Kind::Intent if migrates(record) => return self.migration_begins(record),
            Kind::Outcome | Kind::Resolved => {
                if let Some(going) = self.vitals.migration.as_mut().filter(|g| g.act == record.act)
                {
                    going.ends(record);
                }
            }
            // An attempt that was still to come is given up.
            Kind::Stop | Kind::Ended | Kind::Closed => {
                let waits = self.vitals.migration.as_mut().and_then(|going| going.until.as_mut());
                if let Some(until) = waits {
                    *until = (*until).min(record.at);
                }
            }
            _ => {}
        }
        None
    }

    /// Takes the time before the newest migration that another run has measured. Returns it if
    /// nothing nearer is known: it has to be recorded then.
    pub(super) fn remembered(&mut self, earlier: Baseline) -> Option<Baseline> {
        if self.vitals.baseline.is_some() {
            return None;
        }
        let renews = self.vitals.renews;
        self.vitals.begin(Some(earlier.clone()));
        self.vitals.renews = renews;
        Some(earlier)
    }

    fn migration_begins(&mut self, record: &Record) -> Option<Baseline> {
        let again = self.vitals.migration.as_ref().filter(|going| going.act == record.act);
        let since = again.map_or(record.at, |going| going.since);
        let plan = record.plan();
        self.vitals.migration = Some(Going {
            act: record.act.clone(),
            since,
            until: None,
            timeouts: plan.as_ref().map(|plan| plan.timeouts).unwrap_or_default(),
            attempts: plan.map_or(1, |plan| plan.attempts),
        });
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
            rows: self.touched(|slow| &slow.rows),
            counts: self.touched(|slow| &slow.counts),
            probes: self.vitals.health.medians(),
            transactions: self.snapshot.value().and_then(|now| now.counters.transactions),
            run: None,
        })
    }

    /// Returns what is known of the tables that the pending migrations touch.
    fn touched<T: Copy>(
        &self,
        of: impl FnOnce(&Surroundings) -> &BTreeMap<String, T>,
    ) -> BTreeMap<String, T> {
        let Some((slow, known)) = self.slow.value().zip(self.project.value()) else {
            return BTreeMap::new();
        };
        let entries = known.status.pending.iter().flatten().filter_map(|id| known.entry(id));
        let locks = entries.flat_map(|entry| &entry.hazards).flat_map(|hazard| &hazard.locks);
        let names: Vec<&str> = locks.map(|held| held.relation.as_str()).collect();
        let is_touched = |name: &str| {
            names.iter().any(|wanted| {
                *wanted == name || name.split_once('.').is_some_and(|(_, bare)| *wanted == bare)
            })
        };
        let touched = of(slow).iter().filter(|(name, _)| is_touched(name));
        touched.map(|(name, known)| (name.clone(), *known)).collect()
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
        self.vitals.baseline.as_ref()?.rows(self.slow.value()?, transactions)
    }

    /// Returns what a builtin says that compares with the time before; `None` for the others.
    #[must_use]
    pub fn vital(&self, builtin: Builtin) -> Option<Value> {
        let vitals = &self.vitals;
        let none = || {
            Value::unknown(
                "there is no baseline: no migration has begun in this run, and no run before it \
                 has measured one here",
            )
        };
        let since = vitals.baseline.as_ref().map(|baseline| baseline.until);
        Some(match builtin {
            Builtin::Duration => {
                let age = vitals.migration.as_ref().map(|going| going.age(self.now));
                let age = age.and_then(|age| age.to_std().ok()).unwrap_or_default();
                Value::Period(Period::from_secs(age.as_secs()))
            }
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
    record.plan().map(|plan| plan.action)
}

fn migrates(record: &Record) -> bool {
    matches!(planned(record), Some(Action::Migrate { .. }))
}

fn goes_up(record: &Record) -> bool {
    matches!(planned(record), Some(Action::Migrate { direction: Direction::Up, .. }))
}
