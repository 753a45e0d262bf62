//! What the header says, gathered from facts and session.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::trigger::State;
use crate::domain::untrusted::Untrusted;
use crate::panels::{Command, Id, way_back};
use crate::session::facts::{Lease, Migrations, STALE};
use crate::session::walk::Walk;
use crate::ui::widgets::header::{Age, Header, Mode, Run, Server, Tab, Triggers, Window};

use super::App;

impl App {
    /// Returns what the header says now.
    #[must_use]
    pub fn header(&self) -> Header {
        let facts = &self.facts;
        let identity = facts.identity.value();
        let name = |text: &str| Untrusted::from(text).one_line();
        let target = &facts.target;
        Header {
            class: target.class,
            rehearsal: target.rehearsal,
            database: identity.map_or_else(|| target.database.clone(), |i| name(&i.database)),
            host: identity.map_or_else(|| target.place.clone(), |i| place(&name(&i.host), i.port)),
            role: identity.map_or_else(|| target.role.clone(), |i| name(&i.role)),
            server: identity
                .map(|i| Server { primary: i.primary, version: number(&name(&i.version)) }),
            mode: self.mode(),
            revision: self.revision(),
            recording: self.is_recording(),
            age: self.age(),
            run: self.run(),
            window: self.window(),
            blocked: facts.snapshot.value().map(|snapshot| snapshot.forest.blocked),
            triggers: self.triggers(),
            tabs: Id::ALL.map(|id| Tab { key: id.digit(), label: id.title() }).to_vec(),
            focused: Id::ALL.iter().position(|id| *id == self.focused).unwrap_or(0),
            next: self.next(),
        }
    }

    fn mode(&self) -> Mode {
        match (&self.following, &self.facts.lease) {
            (Some(_), _) => Mode::Following,
            (None, Lease::Held) => Mode::Armed,
            _ => Mode::Watching,
        }
    }

    /// The act that runs, or a run that is not over, is being recorded.
    fn is_recording(&self) -> bool {
        self.following.is_none() && self.session.unrecorded().is_none() && self.session.is_busy()
    }

    fn revision(&self) -> Option<String> {
        self.facts.project.value().map(Migrations::current)
    }

    fn age(&self) -> Age {
        let Some(age) = self.facts.snapshot.age(self.facts.now) else { return Age::Never };
        let (age, old) = (duration(age), age > STALE);
        match () {
            () if self.is_frozen() => Age::Frozen(age),
            () if old => Age::Stale(age),
            () => Age::Fresh(age),
        }
    }

    fn run(&self) -> Option<Run> {
        let walk = self.session.walk().filter(|walk| walk.end().is_none())?;
        Some(Run {
            title: walk.book().id.clone(),
            step: walk.place_of_current(),
            name: walk.current().title.clone(),
            in_step: self.since(walk.step_since()),
            in_run: self.since(walk.since()),
        })
    }

    /// Returns how the triggers stand: those of the configuration, and those of the runbook
    /// while it watches. What both watch counts once.
    fn triggers(&self) -> Triggers {
        let mut all: BTreeMap<String, (State, bool)> = BTreeMap::new();
        let walk = self.session.walk().filter(|walk| walk.end().is_none());
        let armed = walk.map(Walk::armed).unwrap_or_default().into_iter();
        all.extend(armed.map(|one| (one.name, (one.state, one.aside.is_some()))));
        for gauge in self.facts.gauges() {
            let known = all.entry(gauge.name).or_insert((gauge.state, false));
            *known = (worse(known.0, gauge.state), known.1 || gauge.aside.is_some());
        }
        let of = |state| all.values().filter(|(one, _)| *one == state).count();
        let aside = all.values().filter(|one| **one == (State::Fire, true)).count();
        let unknown = of(State::Unknown);
        Triggers { armed: all.len() - unknown, unknown, firing: of(State::Fire) - aside, aside }
    }

    /// Returns the clock of the way back: after a migration of this run, else as long as the
    /// window of an earlier one is open.
    fn window(&self) -> Option<Window> {
        let facts = &self.facts;
        let way_back = facts.way_back()?;
        let left = duration(way_back.left);
        let is_of_run = facts.records.first().is_some_and(|first| way_back.deployed >= first.at);
        if left.is_zero() && !is_of_run {
            return None;
        }
        let written = way_back.written.and_then(|rows| u64::try_from(rows).ok());
        Some(Window { left, written, measured: way_back.measured.map(duration) })
    }

    fn since(&self, at: Option<DateTime<Utc>>) -> Duration {
        at.map_or(Duration::ZERO, |at| duration(self.facts.now - at))
    }

    /// Returns the key that leads on: to who blocks us, to the run's step, to the next act.
    /// Nothing that ends, skips or only looks; and no answer is put before another.
    fn next(&self) -> Option<(String, String)> {
        let go = |id: Id| Some((id.digit().to_string(), id.title().to_owned()));
        let stuck = self.facts.snapshot.value().is_some_and(|now| now.forest.blocked > 0);
        let walked = self.session.walk().is_some_and(|walk| walk.end().is_none());
        let back = way_back::binding(&self.session);
        if !stuck && way_back::is_next(&self.scene()) && back.enabled.is_ok() {
            return Some((back.key.to_string(), back.label.into_owned()));
        }
        match self.focused {
            Id::Watch | Id::Locks | Id::Activity if stuck => {}
            _ if stuck => return go(Id::Watch),
            Id::Runbook | Id::Rollback => {}
            _ if walked => return go(Id::Runbook),
            Id::Journal => return None,
            _ => {}
        }
        let mut own = self.own().into_iter();
        let binding = own.find(|own| own.enabled.is_ok() && leads(&own.command))?;
        Some((binding.key.to_string(), binding.label.into_owned()))
    }
}

/// Returns the state that says more of what is wrong.
fn worse(one: State, other: State) -> State {
    let rank = |state: &State| match state {
        State::Calm => 0,
        State::Unknown => 1,
        State::Warn => 2,
        State::Fire => 3,
    };
    [one, other].into_iter().max_by_key(rank).unwrap_or(one)
}

fn leads(command: &Command) -> bool {
    use Command::{Advance, Begin, Follow, Up};
    matches!(command, Advance | Begin(_) | Follow | Up)
}

fn duration(delta: TimeDelta) -> Duration {
    delta.to_std().unwrap_or_default()
}

/// Packagers append their own words to the version.
pub(super) fn number(version: &str) -> String {
    version.split_whitespace().next().unwrap_or_default().to_owned()
}

/// A socket directory stands for itself; its port only names a file in it.
pub(super) fn place(host: &str, port: u16) -> String {
    if host.starts_with('/') { host.to_owned() } else { format!("{host}:{port}") }
}
