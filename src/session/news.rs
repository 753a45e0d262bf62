//! What the outside tells: every loop hears the same, and facts and machine take it in
//! one place.

use chrono::{DateTime, Utc};

use crate::domain::activity::BackendKey;
use crate::domain::backup::Inventory;
use crate::domain::baseline::Baseline;
use crate::domain::counters::Surroundings;
use crate::domain::deploy::Deploy;
use crate::domain::evidence::{Probe, Reading, Sense};
use crate::domain::health::Sample;
use crate::domain::identity::Identity;
use crate::domain::journal::{Kind, Record};
use crate::domain::loss::Loss;
use crate::domain::restore::Standing;
use crate::domain::snapshot::Snapshot;
use crate::domain::untrusted::Untrusted;

use super::effect::{Event, Ticket};
use super::facts::{Facts, Lease, Migrations, Proof};
use super::walk::Walk;

/// Everything about one backend, read on request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendDetail {
    /// Who.
    pub backend: BackendKey,
    /// The whole query.
    pub query: Untrusted,
    /// Its locks, a line each: mode, object, granted or waiting.
    pub locks: Vec<String>,
}

/// What is new of a run that somebody else executes.
#[derive(Debug)]
pub struct Followed {
    /// The run.
    pub run: String,
    /// The new records.
    pub records: Vec<Record>,
    /// Where its walk stands after them; `None`: it walks no runbook that can be shown.
    pub walk: Option<Box<Walk>>,
    /// How its journal stands.
    pub stand: Stand,
}

/// How the journal of a run that is followed stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stand {
    /// The run is not over.
    Open,
    /// A record is not finished.
    Torn,
    /// The run is over, and how.
    Over(String),
    /// It cannot be followed any further, and why.
    Broken(String),
}

/// Something that the outside told.
#[derive(Debug)]
pub enum News {
    /// Something for the machine.
    Event(Event),
    /// A refresh, or why there is none.
    Snapshot(Result<Box<Snapshot>, String>),
    /// The slow facts, or why there are none.
    Slow(Result<Box<Surroundings>, String>),
    /// The migrations, or why they cannot be read.
    Project(Result<Box<Migrations>, String>),
    /// Rows of a migration were counted: its id, and what was counted.
    Counted(String, Vec<Loss>),
    /// Who answers, or why nobody does.
    Identity(Result<Identity, String>),
    /// What answers is not what is pinned.
    Mismatch(Option<String>),
    /// The time before the newest migration of this target, as another run has measured it.
    Earlier(Box<Baseline>),
    /// Whether we are the one writer.
    Lease(Lease),
    /// A record was written.
    Recorded(Box<Record>),
    /// Somebody else's run has recorded something.
    Followed(Box<Followed>),
    /// This console has let go of the run that it was walking: it was handed over.
    Released(String),
    /// The running act printed something.
    Output {
        /// The act.
        act: String,
        /// Whole lines, without their newlines; together, so that a flood of them is few news.
        lines: Vec<Untrusted>,
        /// Bytes that are only in the act's file.
        dropped: u64,
    },
    /// The version of the `pg_dump` that works with the server, or why none does.
    Dumper(Result<String, String>),
    /// The backups, or why they cannot be read.
    Backups(Result<Box<Inventory>, String>),
    /// What restores have left here, or why that cannot be read.
    Restore(Result<Box<Standing>, String>),
    /// The proof of the backup at a location.
    Proof(String, Proof),
    /// A configured probe was sampled.
    Health {
        /// The probe.
        name: String,
        /// What came of it.
        sample: Sample,
    },
    /// Probes of a step were read; those that compare with the time before are still open.
    Probed {
        /// The request.
        ticket: Ticket,
        /// The probes.
        probes: Vec<Probe>,
        /// What they said, in the same order.
        readings: Vec<Reading>,
    },
    /// The last migration that was applied, with what was counted by then.
    Deploy(Box<Deploy>),
    /// A backend's details, or why they cannot be read.
    Backend(Result<BackendDetail, String>),
}

impl Facts {
    /// Fills in what the probes say that compare with the time before.
    fn compared(&self, probes: &[Probe], readings: Vec<Reading>) -> Vec<Reading> {
        let compared = |(probe, reading): (&Probe, Reading)| match probe.sense {
            Sense::Builtin(builtin) => match self.vital(builtin) {
                Some(value) => Reading { value, ..reading },
                None => reading,
            },
            _ => reading,
        };
        probes.iter().zip(readings).map(compared).collect()
    }

    fn offered(&mut self) -> Option<Event> {
        let fired = self.newly_fired();
        (!fired.is_empty()).then_some(Event::Fired(fired))
    }

    /// Takes what the outside told at `at` of our clock. Returns what the machine must hear.
    pub fn hear(&mut self, news: News, at: DateTime<Utc>) -> Option<Event> {
        self.now = at;
        match news {
            News::Event(event) => return Some(event),
            News::Snapshot(Ok(snapshot)) => {
                self.snapshot_arrived(*snapshot, at);
                return self.offered();
            }
            News::Snapshot(Err(error)) => self.snapshot.failed(error),
            News::Slow(Ok(slow)) => self.slow.arrived(*slow, at),
            News::Slow(Err(error)) => self.slow.failed(error),
            News::Project(Ok(project)) => self.project_arrived(*project, at),
            News::Counted(id, rows) => self.project.amend(|known| known.learn(&id, &rows)),
            News::Project(Err(error)) => self.project.failed(error),
            News::Identity(Ok(identity)) => self.identity.arrived(identity, at),
            News::Identity(Err(error)) => self.identity.failed(error),
            News::Mismatch(why) => self.mismatch = why,
            News::Earlier(earlier) => {
                return self.remembered(*earlier).map(|one| Event::Measured(Box::new(one)));
            }
            News::Lease(lease) => self.lease = lease,
            News::Released(run) => return Some(Event::Released(run)),
            // Whoever follows shows it; nothing of it is ours.
            News::Followed(_) => {}
            News::Recorded(record) => {
                let baseline = self.measured(&record);
                if is_foreign_approval(&record) {
                    self.record_arrived((*record).clone());
                    return Some(Event::Approved(record));
                }
                self.record_arrived(*record);
                return baseline.map(|baseline| Event::Measured(Box::new(baseline)));
            }
            News::Health { name, sample } => {
                self.vitals.health.take(&name, sample);
                self.observe();
                return self.offered();
            }
            News::Probed { ticket, probes, readings } => {
                return Some(Event::Probed(ticket, self.compared(&probes, readings)));
            }
            News::Output { act, lines, dropped } => self.output_arrived(&act, lines, dropped),
            News::Dumper(Ok(version)) => self.dumper.arrived(version, at),
            News::Dumper(Err(error)) => self.dumper.failed(error),
            News::Backups(Ok(inventory)) => self.backups.arrived(*inventory, at),
            News::Backups(Err(error)) => self.backups.failed(error),
            News::Restore(Ok(standing)) => self.restore.arrived(*standing, at),
            News::Restore(Err(error)) => self.restore.failed(error),
            News::Proof(location, proof) => {
                self.proofs.insert(location, proof);
            }
            News::Deploy(deploy) => self.deploy = Some(*deploy),
            News::Backend(Ok(detail)) => self.backend.arrived(detail, at),
            News::Backend(Err(error)) => self.backend.failed(error),
        }
        None
    }
}

/// Returns true for an approval that `lockkeeper approve` has appended beside the console.
fn is_foreign_approval(record: &Record) -> bool {
    record.kind == Kind::Approved && record.data["login"].is_object()
}
