//! The live view: probes read again and again for a minimum time, triggers armed.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::domain::evidence::{Builtin, Probe, Reading, Sense, Value, Verdict};
use crate::domain::journal::Kind as Recorded;
use crate::domain::runbook::{Kind, Watch};
use crate::domain::trigger::{Against, State, Trigger};

use super::{Evidence, Means, Phase, Walk, Want};

/// How often the probes of a live view are read: they cost the server something each time.
const EVERY: TimeDelta = TimeDelta::seconds(10);

/// So many samples of a trigger are kept; none asks for more in a row.
const SAMPLES: usize = 100;

/// A live view as far as it went.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Watching {
    since: Option<DateTime<Utc>>,
    read: Option<DateTime<Utc>>,
    /// Asked for and not come back: one at a time.
    reading: bool,
    samples: BTreeMap<String, Vec<Value>>,
    /// The triggers whose fire was recorded; again once they were calm.
    told: BTreeSet<String>,
    /// Why the offer of these was put aside; until they are calm.
    aside: BTreeMap<String, String>,
}

/// A trigger that is armed, as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Armed {
    /// The name that its readings carry.
    pub name: String,
    /// What it means when it fires.
    pub says: String,
    /// How it stands.
    pub state: State,
    /// The newest sample in words.
    pub found: String,
    /// The section that it offers.
    pub offer: String,
    /// Why its offer was put aside, if it was.
    pub aside: Option<String>,
}

impl Walk {
    pub(super) fn begin_watch(&mut self, watch: &Watch) -> Vec<Want> {
        self.phase = Phase::Watching;
        self.watching = Some(Watching { since: self.now, ..Watching::default() });
        self.read_watch(watch)
    }

    /// Begins the time of the live view anew: nobody has watched during a pause.
    pub(super) fn watch_anew(&mut self) {
        if let Some(watching) = &mut self.watching {
            watching.since = self.now;
        }
    }

    fn live(&self) -> Option<&Watch> {
        match &self.current().kind {
            Kind::Watch(watch) => Some(watch),
            _ => None,
        }
    }

    /// Returns how long the live view goes on at least; `None` outside of one.
    #[must_use]
    pub fn watch_left(&self, now: DateTime<Utc>) -> Option<TimeDelta> {
        let (watch, since) = (self.live()?, self.watching.as_ref()?.since?);
        let least = TimeDelta::from_std(watch.min_duration.duration()).unwrap_or(TimeDelta::MAX);
        Some((least - (now - since)).max(TimeDelta::zero()))
    }

    fn is_long_enough(&self) -> bool {
        self.now.and_then(|now| self.watch_left(now)).is_some_and(|left| left.is_zero())
    }

    /// Reads again when it is time, and once more at the end.
    pub(super) fn watch_on(&mut self) -> Vec<Want> {
        let (Some(now), Some(watching)) = (self.now, &mut self.watching) else {
            return Vec::new();
        };
        if watching.since.is_none() {
            watching.since = Some(now);
        }
        let (reading, read) = (watching.reading, watching.read);
        let is_due = read.is_none_or(|read| {
            let before = self.watch_left(read).is_some_and(|left| !left.is_zero());
            now - read >= EVERY || (before && self.is_long_enough())
        });
        match self.live().cloned() {
            Some(watch) if is_due && !reading => self.read_watch(&watch),
            _ => Vec::new(),
        }
    }

    fn read_watch(&mut self, watch: &Watch) -> Vec<Want> {
        let mut named: Vec<(String, Probe)> = watch.probes.clone();
        named.extend(watch.until.iter().map(|claim| (claim.name.clone(), claim.probe.clone())));
        let armed = self.book.triggers.values();
        named.extend(armed.map(|trigger| (trigger.name.clone(), trigger.probe.clone())));
        let mut seen = Vec::new();
        named.retain(|(name, _)| {
            let is_new = !seen.contains(name);
            seen.push(name.clone());
            is_new
        });
        if named.is_empty() {
            // Nothing to read: only the time counts.
            return self.judge_watch();
        }
        let (names, probes) = named.into_iter().unzip();
        self.asked = names;
        if let Some(watching) = &mut self.watching {
            watching.reading = true;
        }
        vec![Want::Probe(probes)]
    }

    /// Takes what was read for the live view.
    pub(super) fn watched(&mut self, readings: Vec<Reading>) -> Vec<Want> {
        let Some(watching) = self.watching.as_mut().filter(|watching| watching.reading) else {
            return Vec::new();
        };
        watching.reading = false;
        watching.read = self.now;
        self.asked.iter().for_each(|name| drop(self.readings.remove(name)));
        let named: Vec<(String, Reading)> = self.asked.drain(..).zip(readings).collect();
        for (name, reading) in &named {
            self.readings.insert(name.clone(), reading.clone());
        }
        self.evidence =
            named.into_iter().map(|(label, reading)| Evidence { label, reading }).collect();
        self.sample();
        let mut wants = self.record_fired();
        if !self.paused {
            wants.extend(self.judge_watch());
        }
        wants
    }

    /// Records each trigger that has begun to fire, once until it was calm.
    fn record_fired(&mut self) -> Vec<Want> {
        let armed = self.armed();
        let Some(watching) = self.watching.as_mut() else { return Vec::new() };
        let mut newly = Vec::new();
        for one in armed {
            match one.state {
                State::Calm => {
                    watching.told.remove(&one.name);
                    watching.aside.remove(&one.name);
                }
                State::Fire if watching.told.insert(one.name.clone()) => newly.push(one),
                _ => {}
            }
        }
        let record = |one: Armed| {
            let says = format!("{}: {}", one.says, one.found);
            let data = json!({ "trigger": one.name, "says": says, "offer": one.offer });
            self.record(Recorded::Trigger, data)
        };
        newly.into_iter().map(record).collect()
    }

    /// Puts the offers of the triggers that fire aside. Returns their names.
    pub(in crate::session) fn put_aside(&mut self, reason: &str) -> Vec<String> {
        let names: Vec<String> = self.firing().map(|armed| armed.name).collect();
        if let Some(watching) = &mut self.watching {
            let aside = names.iter().map(|name| (name.clone(), reason.to_owned()));
            watching.aside.extend(aside);
        }
        names
    }

    /// Keeps a sample for each armed trigger.
    fn sample(&mut self) {
        let taken: Vec<(String, Value)> = self
            .book
            .triggers
            .iter()
            .map(|(name, trigger)| {
                let value = match self.readings.get(&trigger.name) {
                    Some(reading) => reading.value.clone(),
                    None => Value::unknown("it was not read"),
                };
                (name.clone(), trigger.sample(&value, self.before(trigger).as_ref()))
            })
            .collect();
        let Some(watching) = self.watching.as_mut() else { return };
        for (name, sample) in taken {
            let samples = watching.samples.entry(name).or_default();
            samples.push(sample);
            let over = samples.len().saturating_sub(SAMPLES);
            samples.drain(..over);
        }
    }

    /// Returns what a trigger is held against: of what is measured all the time the recorded
    /// baseline, of everything else what was read before the first act of the run. What was
    /// first read after it says nothing about before.
    fn before(&self, trigger: &Trigger) -> Option<Value> {
        match trigger.probe.sense {
            Sense::Builtin(Builtin::BlockedSessions) => {
                self.baseline.as_ref()?.blocked.map(Value::Float)
            }
            _ => self.before.get(&trigger.name).cloned(),
        }
    }

    /// Returns the probes of the triggers that compare with the time before, as long as it
    /// is that time: before the first act of the run.
    pub(super) fn probes_before(&self) -> Vec<(String, Probe)> {
        if !self.before.is_empty() || !self.done.is_empty() || self.steps_acted() > 0 {
            return Vec::new();
        }
        let compared = self.book.triggers.values().filter(|t| t.against == Against::Baseline);
        let probes = compared.map(|t| (t.name.clone(), t.probe.clone()));
        probes.collect()
    }

    /// Keeps what was read for the triggers before the first act.
    pub(super) fn keep_before(&mut self, names: &[String]) {
        let read = names
            .iter()
            .filter_map(|name| Some((name.clone(), self.readings.get(name)?.value.clone())));
        self.before.extend(read);
    }

    /// Ends the live view when it has lasted long enough and what it waits for holds.
    fn judge_watch(&mut self) -> Vec<Want> {
        if !self.is_long_enough() || !self.fired().is_empty() {
            return Vec::new();
        }
        let Some(watch) = self.live().cloned() else { return Vec::new() };
        let mut wants = Vec::new();
        if let Some(claim) = &watch.until {
            let evidence = self.evidence.clone();
            let (verdict, want) = self.test(claim);
            self.evidence = evidence;
            if verdict != Verdict::Pass {
                return Vec::new();
            }
            wants.push(want);
        }
        let value = format!("watched for {}{}", watch.min_duration, self.untold());
        wants.extend(self.pass(Means::Sensed, value));
        wants
    }

    /// Returns the triggers that cannot tell, as an addition to what was watched.
    fn untold(&self) -> String {
        let armed = self.armed().into_iter().filter(|armed| armed.state == State::Unknown);
        let names: BTreeSet<String> = armed.map(|armed| armed.name).collect();
        if names.is_empty() {
            return String::new();
        }
        format!("; cannot tell: {}", names.into_iter().collect::<Vec<_>>().join(", "))
    }

    /// Returns the triggers that are armed: those of the runbook, while it is watched.
    #[must_use]
    pub fn armed(&self) -> Vec<Armed> {
        let Some(watching) = &self.watching else { return Vec::new() };
        let triggers = self.book.triggers.iter().map(|(name, trigger)| {
            let samples = watching.samples.get(name).map(Vec::as_slice).unwrap_or_default();
            Armed {
                name: trigger.name.clone(),
                aside: watching.aside.get(&trigger.name).cloned(),
                says: trigger.says.clone(),
                state: trigger.evaluate(samples, self),
                found: samples.last().map_or_else(|| "not read yet".into(), ToString::to_string),
                offer: trigger.offer.clone(),
            }
        });
        triggers.collect()
    }

    /// Returns the triggers that fire and whose offer was not put aside.
    fn firing(&self) -> impl Iterator<Item = Armed> + use<> {
        let fires = |armed: &Armed| armed.state == State::Fire && armed.aside.is_none();
        self.armed().into_iter().filter(fires)
    }

    /// Returns what the triggers that fire say.
    pub(super) fn fired(&self) -> Vec<String> {
        self.firing().map(|armed| armed.says).collect()
    }

    pub(super) fn fired_offers(&self) -> Vec<String> {
        if self.phase != Phase::Watching {
            return Vec::new();
        }
        let mut offers: Vec<String> = self.firing().map(|armed| armed.offer).collect();
        offers.sort_unstable();
        offers.dedup();
        offers
    }
}
