//! How the run stands to the time before it: the health of the application, the baseline,
//! and the triggers that compare them.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::age;
use crate::domain::baseline::{Baseline, Rows};
use crate::domain::evidence::{Builtin, Name, Scope, Value};
use crate::domain::health::{Health, Role, Standing, median};
use crate::domain::journal::{Kind, Record};
use crate::domain::plan::{Action, Plan};
use crate::domain::quantity::Period;
use crate::domain::trigger::{State, Trigger};
use crate::domain::untrusted::Untrusted;
use crate::domain::verdict::{Level, Verdict};

use super::facts::{Facts, Point};

/// Triggers are sampled so often.
const PACE: TimeDelta = TimeDelta::milliseconds(4_900);
/// A baseline of fewer refreshes than this would be an accident.
const ENOUGH: usize = 5;
/// The rate of now is the median of so many refreshes.
const NOW: usize = 10;
/// A refresh older than this says nothing about now.
const STALE: TimeDelta = TimeDelta::seconds(10);
/// A probe that cannot tell for longer than this is worth a word.
const DARK: TimeDelta = TimeDelta::seconds(15);
/// The answers of each probe whose time counts as that of now.
const ANSWERS: usize = 3;

/// What is measured of a run.
#[derive(Debug, Default)]
pub struct Vitals {
    /// The configured probes' latest results.
    pub health: Health,
    baseline: Option<Baseline>,
    watched: Vec<Watched>,
    sampled: Option<DateTime<Utc>>,
    /// The migration that runs, or ran last: its act, since when, and whether it has ended.
    migration: Option<(Option<String>, DateTime<Utc>, bool)>,
    /// Records from before this console are those of an earlier one.
    opened: DateTime<Utc>,
}

/// A trigger with its latest samples.
#[derive(Debug)]
struct Watched {
    trigger: Trigger,
    builtin: Builtin,
    samples: VecDeque<Value>,
    state: State,
    /// That it fires has been told; it is told again once it was calm.
    told: bool,
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

/// The triggers' values are written in the configuration: nothing in them is named.
struct Nothing;

impl Scope for Nothing {
    fn value(&self, _: &Name) -> Option<Value> {
        None
    }
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
        let has = |builtin| match builtin {
            Builtin::HealthFailures => self.health.has(Role::Health),
            Builtin::AuthFailures => self.health.has(Role::Auth),
            _ => true,
        };
        let armed = self.watched.iter().filter(|one| has(one.builtin)).count();
        self.baseline.as_ref().map_or(0, |_| armed)
    }

    /// Returns the state of the trigger on that builtin.
    #[must_use]
    pub fn state(&self, builtin: Builtin) -> Option<State> {
        self.watched.iter().find(|one| one.builtin == builtin).map(|one| one.state)
    }
}

impl Facts {
    /// Arms these triggers, and expects results of these probes.
    pub fn arm(&mut self, triggers: Vec<Trigger>, probes: impl IntoIterator<Item = String>) {
        self.vitals.health = Health::of(probes);
        self.vitals.opened = self.now;
        self.vitals.watched = triggers
            .into_iter()
            .filter_map(|trigger| {
                let builtin = Builtin::parse(&trigger.name)?;
                Some(Watched {
                    trigger,
                    builtin,
                    samples: VecDeque::new(),
                    state: State::Unknown,
                    told: false,
                })
            })
            .collect();
    }

    /// Takes notice of a record: the first act of a run ends the time before it. Returns the
    /// baseline that has to be recorded then.
    pub(super) fn measured(&mut self, record: &Record) -> Option<Baseline> {
        match record.kind {
            Kind::Opened => {
                self.vitals.baseline = None;
                self.vitals.watched.iter_mut().for_each(Watched::begin_anew);
            }
            Kind::Baseline => {
                let read = serde_json::from_value(record.data.clone()).ok();
                self.vitals.baseline = read.or(self.vitals.baseline.take());
            }
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
        // What an earlier console has begun was not measured by this one.
        if self.vitals.baseline.is_some() || record.at < self.vitals.opened {
            return None;
        }
        let baseline = self.before(record.at)?;
        self.vitals.baseline = Some(baseline.clone());
        Some(baseline)
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
                    Value::Period(Period::from((self.now - *since).to_std().unwrap_or_default()))
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

    /// Takes a sample of every trigger if it is time, and judges anew.
    pub(super) fn observe(&mut self) {
        let due = self.vitals.sampled.is_none_or(|last| self.now - last >= PACE);
        if due && !self.vitals.watched.is_empty() {
            self.vitals.sampled = Some(self.now);
            let values: Vec<Option<Value>> =
                self.vitals.watched.iter().map(|one| self.vital(one.builtin)).collect();
            for (one, value) in self.vitals.watched.iter_mut().zip(values) {
                one.take(value.unwrap_or_else(|| Value::unknown("nobody measures it")));
            }
        }
        self.judge();
    }

    /// Judges the locks and what is measured together: a lock's alarm comes first.
    pub(super) fn judge(&mut self) {
        self.verdict = self.locks.clone().map(|locks| locks.joined(self.concern()));
    }

    /// Returns what is wrong beside the locks.
    fn concern(&self) -> Option<Verdict> {
        let mut told: Vec<(Level, String)> = Vec::new();
        told.extend(self.vitals.watched.iter().filter_map(|one| self.fired(one)));
        for (role, word) in [(Role::Health, "health"), (Role::Auth, "authentication")] {
            let fires = told.iter().any(|(_, text)| text.starts_with(word));
            let standing = self.vitals.health.standing(role, self.now);
            told.extend(self.ailing(word, &standing).filter(|_| !fires));
        }
        told.sort_by_key(|(level, _)| std::cmp::Reverse(*level));
        let level = told.first()?.0;
        let texts: Vec<String> = told.into_iter().map(|(_, text)| text).collect();
        let text = Untrusted::new(texts.join("; ")).one_line();
        Some(Verdict { level, text, culprits: Vec::new() })
    }

    /// Returns why the way back is offered: what the triggers that fire say, the worst first.
    #[must_use]
    pub fn offer(&self) -> Option<(Level, String)> {
        let fired = self.vitals.watched.iter().filter_map(|one| self.fired(one));
        let mut fired: Vec<(Level, String)> = fired.collect();
        fired.sort_by_key(|(level, _)| std::cmp::Reverse(*level));
        let level = fired.first()?.0;
        let says: Vec<String> = fired.into_iter().map(|(_, text)| text).collect();
        Some((level, Untrusted::new(says.join("; ")).one_line()))
    }

    /// Returns the triggers that have begun to fire, each once until it was calm.
    pub(super) fn newly_fired(&mut self) -> Vec<Fired> {
        let fired: Vec<_> = self.vitals.watched.iter().map(|one| self.fired(one)).collect();
        let mut newly = Vec::new();
        for (one, fired) in self.vitals.watched.iter_mut().zip(fired) {
            match fired {
                Some((level, says)) if !one.told => {
                    one.told = true;
                    let says = Untrusted::new(says).one_line();
                    newly.push(Fired { trigger: one.trigger.name.clone(), says, level });
                }
                None => one.told &= one.state != State::Calm,
                Some(_) => {}
            }
        }
        newly
    }

    fn fired(&self, one: &Watched) -> Option<(Level, String)> {
        self.vitals.baseline.as_ref().filter(|_| one.state == State::Fire)?;
        let value = one.samples.back()?;
        let limit = &one.trigger.fire;
        let standing = |role| self.vitals.health.standing(role, self.now);
        let (level, text) = match one.builtin {
            Builtin::HealthFailures => {
                let told = failing("health", &standing(Role::Health), self.now);
                (Level::Alarm, format!("{told} ({value} of the last minute, limit {limit})"))
            }
            Builtin::AuthFailures => {
                let told = failing("authentication", &standing(Role::Auth), self.now);
                (Level::Alarm, format!("{told} ({value} of the last minute, limit {limit})"))
            }
            Builtin::Slowdown => {
                (Level::Alarm, format!("{value} fewer transactions than before the run"))
            }
            Builtin::Duration => {
                (Level::Alarm, format!("the migration has run for {value} (limit {limit})"))
            }
            // An estimate: worth a look, and no more.
            _ => {
                let worst = self.rows().and_then(|rows| rows.worst).unwrap_or_default();
                (
                    Level::Warn,
                    format!("{value} rows fewer than before the run in {worst}, by estimate"),
                )
            }
        };
        Some((level, text))
    }

    /// Says that probes fail, or cannot tell for a while.
    fn ailing(&self, word: &str, standing: &Standing) -> Option<(Level, String)> {
        let dark = standing.since.is_some_and(|since| self.now - since >= DARK);
        let is_ill = standing.failing > 0 || (standing.unknown > 0 && dark);
        is_ill.then(|| (Level::Warn, failing(word, standing, self.now)))
    }
}

/// Returns `health 2/5 failing for 0:40: status 500`.
fn failing(word: &str, standing: &Standing, now: DateTime<Utc>) -> String {
    let (count, what) = match standing.failing {
        0 if standing.unknown == 0 => return format!("{word} failed, and is good again"),
        0 => (standing.unknown, "cannot tell"),
        failing => (failing, "failing"),
    };
    let clock = standing.since.map(|since| format!(" for {}", age::clock(now - since)));
    let said = standing.worst.as_ref().map(|(name, said)| format!(": {name}: {}", short(said)));
    format!(
        "{word} {count}/{} {what}{}{}",
        standing.all(),
        clock.unwrap_or_default(),
        said.unwrap_or_default()
    )
}

/// Returns the beginning of what a probe said: the verdict is one line.
fn short(said: &str) -> String {
    match said.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", said[..end].trim_end()),
        None => said.to_owned(),
    }
}

fn migrates(record: &Record) -> bool {
    let plan = serde_json::from_value::<Plan>(record.data["plan"].clone());
    plan.is_ok_and(|plan| matches!(plan.action, Action::Migrate { .. }))
}

impl Watched {
    /// What was sampled was held against another baseline.
    fn begin_anew(&mut self) {
        self.samples.clear();
        (self.state, self.told) = (State::Unknown, false);
    }

    fn take(&mut self, value: Value) {
        if self.samples.len() == self.trigger.samples.max(1) {
            self.samples.pop_front();
        }
        self.samples.push_back(value);
        self.state = self.trigger.evaluate(self.samples.make_contiguous(), &Nothing);
    }
}
