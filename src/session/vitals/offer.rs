//! What the triggers offer: the way back, told once, and put aside for a reason.

use chrono::{DateTime, TimeDelta, Utc};

use super::gauge::said;
use super::watched::{Source, Watched};
use super::{Fired, Vitals};
use crate::domain::age;
use crate::domain::evidence::{Builtin, Value};
use crate::domain::health::{Role, Standing};
use crate::domain::trigger::State;
use crate::domain::untrusted::Untrusted;
use crate::domain::verdict::{Level, Verdict};
use crate::session::facts::Facts;

/// Triggers are sampled so often.
const PACE: TimeDelta = TimeDelta::milliseconds(4_900);
/// A probe that cannot tell for longer than this is worth a word.
const DARK: TimeDelta = TimeDelta::seconds(15);

impl Facts {
    /// Takes a sample of every trigger if it is time, and judges anew.
    pub(in crate::session) fn observe(&mut self) {
        let due = self.vitals.sampled.is_none_or(|last| self.now - last >= PACE);
        if due && !self.vitals.watched.is_empty() {
            self.vitals.sampled = Some(self.now);
            let values: Vec<Value> =
                self.vitals.watched.iter().map(|one| self.measure(&one.source)).collect();
            let Vitals { watched, baseline, .. } = &mut self.vitals;
            for (one, value) in watched.iter_mut().zip(values) {
                one.take(&value, baseline.as_ref());
            }
        }
        self.judge();
    }

    fn measure(&self, source: &Source) -> Value {
        match source {
            Source::Builtin(builtin) => {
                self.vital(*builtin).unwrap_or_else(|| Value::unknown("nobody measures it"))
            }
            Source::Probe(name) => self.vitals.health.value(name, self.now),
        }
    }

    /// Takes notice that the offer of triggers was put aside, and why.
    pub(super) fn put_aside(&mut self, data: &serde_json::Value) {
        let Some(names) = data["aside"].as_array() else { return };
        let reason = data["reason"].as_str().unwrap_or_default();
        for one in &mut self.vitals.watched {
            if names.iter().any(|name| *name == one.trigger.name) {
                one.aside = Some(reason.to_owned());
            }
        }
        self.judge();
    }

    /// Returns the names of the triggers whose offer stands.
    #[must_use]
    pub fn offering(&self) -> Vec<String> {
        let offers = self.vitals.watched.iter().filter(|one| one.aside.is_none());
        let fires = offers.filter(|one| self.fired(one).is_some());
        fires.map(|one| one.trigger.name.clone()).collect()
    }

    /// Judges the locks and what is measured together: a lock's alarm comes first.
    pub(in crate::session) fn judge(&mut self) {
        self.verdict = self.locks.clone().map(|locks| locks.joined(self.concern()));
    }

    /// Returns what is wrong beside the locks.
    fn concern(&self) -> Option<Verdict> {
        let mut told: Vec<(Level, String)> = Vec::new();
        told.extend(self.vitals.watched.iter().filter_map(|one| {
            let (level, text) = self.fired(one)?;
            // Somebody knows it, and said why it is left: it stays in sight, and calls nobody.
            match &one.aside {
                Some(reason) => Some((Level::Warn, format!("{text}; put aside: {reason}"))),
                None => Some((level, text)),
            }
        }));
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
        let offers = self.vitals.watched.iter().filter(|one| one.aside.is_none());
        let mut fired: Vec<(Level, String)> = offers.filter_map(|one| self.fired(one)).collect();
        fired.sort_by_key(|(level, _)| std::cmp::Reverse(*level));
        let level = fired.first()?.0;
        let says: Vec<String> = fired.into_iter().map(|(_, text)| text).collect();
        Some((level, Untrusted::new(says.join("; ")).one_line()))
    }

    /// Returns the triggers that have begun to fire, each once until it was calm.
    pub(in crate::session) fn newly_fired(&mut self) -> Vec<Fired> {
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
        let Source::Builtin(builtin) = &one.source else {
            let says = &one.trigger.says;
            return Some((Level::Alarm, format!("{says}: {} (limit {limit})", said(value))));
        };
        let (level, text) = match builtin {
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
