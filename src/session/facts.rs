//! What is known of the outside, each feed with its age and its error.
//!
//! Dead data stays, and says how old it is: nothing here is ever emptied because a
//! refresh failed.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::activity::{Backend, BackendKey};
use crate::domain::backup::Inventory;
use crate::domain::config::Policy;
use crate::domain::counters::Counters;
use crate::domain::counters::Surroundings;
use crate::domain::deploy::Deploy;
use crate::domain::hazard::Hazard;
use crate::domain::identity::{Class, Identity};
use crate::domain::journal::Record;
use crate::domain::locks::Id;
use crate::domain::loss::Loss;
use crate::domain::plan::Direction;
use crate::domain::rehearsal::{Live, Standing};
use crate::domain::restore::Standing as Restore;
use crate::domain::snapshot::Snapshot;
use crate::domain::untrusted::Untrusted;
use crate::domain::verdict::{self, Verdict};
use crate::domain::verify::Report;
use crate::tools::Project;
use crate::tools::status::{Entry, Status};

use super::news::BackendDetail;
use super::vitals::Vitals;

/// The newest value of something that is read again and again.
#[derive(Clone, Debug)]
pub struct Feed<T> {
    value: Option<T>,
    at: Option<DateTime<Utc>>,
    error: Option<String>,
}

impl<T> Default for Feed<T> {
    fn default() -> Self {
        Self { value: None, at: None, error: None }
    }
}

impl<T> Feed<T> {
    /// Takes a new value, read at `at` of our clock.
    pub fn arrived(&mut self, value: T, at: DateTime<Utc>) {
        *self = Self { value: Some(value), at: Some(at), error: None };
    }

    /// Changes the newest value; it becomes no younger by it.
    pub fn amend(&mut self, change: impl FnOnce(&mut T)) {
        if let Some(value) = &mut self.value {
            change(value);
        }
    }

    /// Notes that reading failed; the last value stays.
    pub fn failed(&mut self, error: impl Into<String>) {
        self.error = Some(error.into());
    }

    /// Returns the newest value, however old it is.
    #[must_use]
    pub fn value(&self) -> Option<&T> {
        self.value.as_ref()
    }

    /// Returns why the last reading failed, if it did.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Returns how old the value is.
    #[must_use]
    pub fn age(&self, now: DateTime<Utc>) -> Option<TimeDelta> {
        self.at.map(|at| (now - at).max(TimeDelta::zero()))
    }
}

/// How the target is named on the screen, known before anything answers. No secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// How much care it asks for.
    pub class: Class,
    /// Whether it is only a copy, on which a runbook is rehearsed.
    pub rehearsal: bool,
    /// The database's name.
    pub database: String,
    /// Host and port, or the socket directory.
    pub place: String,
    /// The role that we connect as.
    pub role: String,
    /// What else is worth knowing: where the target comes from, how TLS is set.
    pub notes: Vec<String>,
    /// The configuration's policy.
    pub policy: Policy,
    /// Whom to call, a line each.
    pub contacts: Vec<String>,
}

/// A refresh older than this is stale: a few were missed.
pub const STALE: TimeDelta = TimeDelta::seconds(3);

/// How many refreshes the sparklines remember.
const HISTORY: usize = 120;

/// One point of the sparklines.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Transactions per second of this database since the point before; `None`: not known.
    pub tps: Option<f64>,
    /// WAL bytes per second since the point before; `None`: not known.
    pub wal: Option<f64>,
    /// Waiting sessions.
    pub blocked: usize,
}

/// The lines that the running act has printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// The act.
    pub act: String,
    /// The last lines.
    pub lines: VecDeque<Untrusted>,
    /// Bytes that are only in the file.
    pub dropped: u64,
}

/// How many lines of output the screen keeps; the file keeps all.
const OUTPUT_LINES: usize = 2_000;

/// The migrations, as the files and the version table tell them.
#[derive(Clone, Debug)]
pub struct Migrations {
    /// Order, state and content.
    pub project: Project,
    /// The same as a document, with hazards and losses judged by the live catalog.
    pub status: Status,
    /// What the last rehearsal of this target says, if there was one.
    pub rehearsed: Option<Standing>,
}

impl Migrations {
    /// Returns what is known of a migration.
    #[must_use]
    pub fn entry(&self, id: &str) -> Option<&Entry> {
        self.status.migrations.iter().find(|entry| entry.id == id)
    }

    /// Returns a migration's name for people, or its id.
    #[must_use]
    pub fn name<'a>(&'a self, id: &'a str) -> &'a str {
        self.entry(id).map_or(id, |entry| entry.name.as_str())
    }

    /// Returns what each statement of one way does to others.
    #[must_use]
    pub fn hazards(&self, id: &str, direction: Direction) -> &[Hazard] {
        let Some(entry) = self.entry(id) else { return &[] };
        match direction {
            Direction::Up => &entry.hazards,
            Direction::Down => &entry.down_hazards,
        }
    }

    /// Returns what one way loses.
    pub fn losses(&self, id: &str, direction: Direction) -> impl Iterator<Item = &Loss> {
        let losses = self.entry(id).map(|entry| entry.losses.as_slice()).unwrap_or_default();
        losses.iter().filter(move |loss| loss.direction == direction)
    }

    /// Returns the rows that would refuse one way.
    pub fn obstacles(&self, id: &str, direction: Direction) -> impl Iterator<Item = &Loss> {
        let all = self.entry(id).map(|entry| entry.obstacles.as_slice()).unwrap_or_default();
        all.iter().filter(move |one| one.direction == direction)
    }

    /// Returns what may run next: the first that is pending going up, the last that is applied
    /// going down.
    #[must_use]
    pub fn next(&self, direction: Direction) -> Option<&str> {
        let next = match direction {
            Direction::Up => self.project.next(),
            Direction::Down => self.project.last(),
        };
        next.map(|migration| migration.id.as_str())
    }

    /// Takes what was counted of a migration's rows.
    pub fn learn(&mut self, id: &str, counted: &[Loss]) {
        let entries = self.status.migrations.iter_mut();
        entries.filter(|entry| entry.id == id).for_each(|entry| entry.learn(counted));
    }

    /// Takes over what was counted before, which says its age.
    fn remember(&mut self, before: &Self) {
        for entry in &before.status.migrations {
            let all = entry.losses.iter().chain(&entry.obstacles);
            let counted: Vec<Loss> = all.filter(|one| one.counted_at.is_some()).cloned().collect();
            self.learn(&entry.id, &counted);
        }
    }

    /// Returns the revisions that the database is at, in words.
    #[must_use]
    pub fn current(&self) -> String {
        match self.status.current.as_slice() {
            [] => "nothing applied".to_owned(),
            ids => ids
                .iter()
                .map(|id| format!("{id} {}", self.name(id)))
                .collect::<Vec<_>>()
                .join(", "),
        }
    }
}

/// All that is known of the outside.
#[derive(Debug, Default)]
pub struct Facts {
    /// Our clock, as the last event brought it.
    pub now: DateTime<Utc>,
    /// What we were asked to watch.
    pub target: Target,
    /// Who answered; bound at the first connection.
    pub identity: Feed<Identity>,
    /// Why the pinned identity is not what answered: nothing may run.
    pub mismatch: Option<String>,
    /// The fast refresh.
    pub snapshot: Feed<Snapshot>,
    /// What the last refresh comes to, with what is measured beside it.
    pub verdict: Option<Verdict>,
    /// Whom a verdict named last, while that session lasts: it will be in the way again.
    pub named: Option<BackendKey>,
    /// The slow one.
    pub slow: Feed<Surroundings>,
    /// The migrations, or why there are none to see.
    pub project: Feed<Migrations>,
    /// The sparklines' points, oldest first.
    pub history: VecDeque<Point>,
    /// The records of the run that is open, or of the last one.
    pub records: Vec<Record>,
    /// The newest act's output.
    pub output: Output,
    /// How far the rehearsal has come whose output came last.
    pub rehearsal: Option<Live>,
    /// Whether we are the one writer of this target.
    pub lease: Lease,
    /// The version of the `pg_dump` that a backup would run, or why none can.
    pub dumper: Feed<String>,
    /// The backups that were found.
    pub backups: Feed<Inventory>,
    /// What restores have left here, and which ways to restore are open.
    pub restore: Feed<Restore>,
    /// What backups were asked to prove, by their location.
    pub proofs: BTreeMap<String, Proof>,
    /// The last migration that was applied here, with what was counted by then.
    pub deploy: Option<Deploy>,
    /// The directory that backups go to where none is named.
    pub backup_directory: Option<String>,
    /// The backend that was looked at last.
    pub backend: Feed<BackendDetail>,
    /// What is measured of the run and of the time before it.
    pub vitals: Vitals,
    /// What the last refresh's locks come to.
    pub(super) locks: Option<Verdict>,
    previous: Option<Counters>,
}

/// Returns the session whose end would resolve what the verdict says.
fn named(verdict: &Verdict, snapshot: &Snapshot) -> Option<BackendKey> {
    let Some(Id::Session(pid)) = verdict.culprits.first() else { return None };
    snapshot.backend(*pid).filter(|backend| !backend.ours).map(Backend::key)
}

/// A proof of a backup that was asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Proof {
    /// It runs: what it does now, in words.
    Running(String),
    /// What it came to.
    Done(Box<Report>),
    /// Why nothing could be proven.
    Failed(String),
}

/// Whether we are the one writer of this target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Lease {
    /// Not asked for yet: watching.
    #[default]
    Watching,
    /// Ours.
    Held,
    /// Ours no more, or refused; and why.
    Refused(String),
}

/// How the way back stands by policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WayBack {
    /// When the last migration was applied.
    pub deployed: DateTime<Utc>,
    /// What is left of the policy's window.
    pub left: TimeDelta,
    /// Rows written since; `None`: it cannot be told.
    pub written: Option<i64>,
    /// How long ago that was measured.
    pub measured: Option<TimeDelta>,
}

impl Facts {
    /// Returns what is known before anything answered.
    #[must_use]
    pub fn new(target: Target, now: DateTime<Utc>) -> Self {
        Self { now, target, ..Self::default() }
    }

    /// Returns how old the newest refresh is, once another should have taken its place.
    #[must_use]
    pub fn stale(&self) -> Option<TimeDelta> {
        let age = self.snapshot.age(self.now)?;
        (self.snapshot.error().is_some() || age > STALE).then_some(age)
    }

    /// Takes a refresh.
    pub fn snapshot_arrived(&mut self, snapshot: Snapshot, at: DateTime<Utc>) {
        if let Some(point) = self.point(&snapshot) {
            if self.history.len() == HISTORY {
                self.history.pop_front();
            }
            self.history.push_back(point);
        }
        self.previous = Some(snapshot.counters.clone());
        let verdict = verdict::verdict(&snapshot);
        self.named = named(&verdict, &snapshot).or(self.named);
        self.named = self.named.filter(|key| snapshot.backends.iter().any(|b| b.key() == *key));
        self.locks = Some(verdict);
        self.snapshot.arrived(snapshot, at);
        self.observe();
    }

    /// Takes the migrations; what was counted of their rows stays with its age.
    pub fn project_arrived(&mut self, mut project: Migrations, at: DateTime<Utc>) {
        if let Some(before) = self.project.value() {
            project.remember(before);
        }
        self.project.arrived(project, at);
    }

    /// Returns the deploy of the migration that was applied last, if it was noted.
    #[must_use]
    pub fn last_deploy(&self) -> Option<&Deploy> {
        let last = self.project.value()?.project.last()?;
        let here = |deploy: &&Deploy| self.identity.value().is_none_or(|id| deploy.is_of(id));
        self.deploy.as_ref().filter(|deploy| deploy.migration == last.id).filter(here)
    }

    /// Returns when the migration that was applied last was applied, if that is known: as the
    /// tool says, else as it was noted.
    #[must_use]
    pub fn deployed_at(&self) -> Option<DateTime<Utc>> {
        let project = &self.project.value()?.project;
        let told = project.graph.applied().filter_map(|node| node.applied_at).max();
        told.or_else(|| self.last_deploy().map(|deploy| deploy.at))
    }

    /// Returns how the way back stands: what policy leaves of its window, and what was written
    /// since the migration that was applied last; `None` where it is not known when that was.
    #[must_use]
    pub fn way_back(&self) -> Option<WayBack> {
        let deployed = self.deployed_at()?;
        let within = TimeDelta::from_std(self.target.policy.rollback_within.duration());
        let left = within.unwrap_or(TimeDelta::MAX) - (self.now - deployed);
        let counted = self.last_deploy().zip(self.slow.value());
        let written = counted.and_then(|(deploy, slow)| deploy.written_since(&slow.written).ok());
        Some(WayBack {
            deployed,
            left: left.max(TimeDelta::zero()),
            measured: written.as_ref().and_then(|_| self.slow.age(self.now)),
            written: written.map(|(rows, _)| rows),
        })
    }

    /// Returns the rates since the refresh before, once there was one.
    fn point(&self, snapshot: &Snapshot) -> Option<Point> {
        let rates = snapshot.counters.since(self.previous.as_ref()?);
        Some(Point { tps: rates.transactions, wal: rates.wal, blocked: snapshot.forest.blocked })
    }

    /// Takes lines of an act's output, and how many bytes are only in its file.
    pub fn output_arrived(&mut self, act: &str, lines: Vec<Untrusted>, dropped: u64) {
        if self.output.act != act {
            self.output = Output { act: act.to_owned(), ..Output::default() };
        }
        self.output.dropped += dropped;
        for line in &lines {
            self.rehearsal_heard(act, &line.one_line());
        }
        self.output.lines.extend(lines);
        let over = self.output.lines.len().saturating_sub(OUTPUT_LINES);
        let left_out = self.output.lines.drain(..over).map(|line| line.raw().len() as u64 + 1);
        self.output.dropped += left_out.sum::<u64>();
    }

    fn rehearsal_heard(&mut self, act: &str, line: &str) {
        if self.rehearsal.as_ref().is_none_or(|live| live.act != act) {
            if !Live::knows(line) {
                return;
            }
            self.rehearsal = Some(Live::new(act, self.now));
        }
        if let Some(live) = &mut self.rehearsal {
            live.hear(line, self.now);
        }
    }

    /// Takes a record of the run that is open; the first of a run replaces the last run's.
    pub fn record_arrived(&mut self, record: Record) {
        if self.records.last().is_some_and(|last| last.run != record.run) {
            self.records.clear();
        }
        self.records.push(record);
    }
}
