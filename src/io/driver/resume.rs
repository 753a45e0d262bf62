//! What became of the acts of a run that was interrupted: looked for in the order in which
//! evidence is believed, and never run again from here.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::act::application;
use super::after::is_whole;
use super::making::left_behind;
use super::schema::recorded;
use super::{Driver, Inner};
use crate::domain::identity::Identity;
use crate::domain::journal::{Entry, Open, Record};
use crate::domain::outcome::{Ending, Outcome};
use crate::domain::plan::{Action, Plan, Signal};
use crate::domain::resolve::{self, After, Backend, Evidence, Postcondition, Resolution};
use crate::domain::restore::{Standing, swapped_with};
use crate::domain::untrusted::Untrusted;
use crate::io::act::{self, Batch, Job, Stop, Tail, adopt};
use crate::io::blocking::blocking;
use crate::io::journal::Journal;
use crate::io::postgres::{Purpose, connect, query_error};
use crate::io::tables;

/// How often an act that is still running is looked at.
const LOOK: Duration = Duration::from_millis(200);

impl Driver {
    /// Returns who answers.
    ///
    /// # Errors
    /// Why nobody does, or not the pinned target.
    pub async fn identity(&self) -> Result<Identity, String> {
        self.inner.identity().await
    }

    /// Takes up a run that was interrupted, as its one writer.
    ///
    /// # Errors
    /// When the target is not the run's, somebody else is at work on it, or the run's
    /// journal is damaged.
    pub async fn take_up(&self, run: &str) -> Result<Interrupted, String> {
        let journal = self.inner.take_up_run(run).await?;
        Ok(Interrupted { inner: self.inner.clone(), journal })
    }
}

/// A run that was interrupted.
pub struct Interrupted {
    inner: Arc<Inner>,
    journal: Journal,
}

impl Interrupted {
    /// Returns what was recorded.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn records(&self) -> Result<Vec<Record>, String> {
        self.journal.read().map(|reading| reading.records).map_err(|error| error.to_string())
    }

    /// Returns the acts of which nobody knows what became of them.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn open(&self) -> Result<Vec<Open>, String> {
        self.journal.read().map(|reading| reading.open()).map_err(|error| error.to_string())
    }

    /// Looks for what became of an act, with the operator's verdict if there is one. An act
    /// that nobody has claimed can never start after this.
    pub async fn resolve(&self, open: &Open, verdict: Option<Ending>) -> Resolution {
        resolve::resolve(&self.inner.evidence(&self.journal, open, verdict).await)
    }

    /// Follows an act that is still running to its end. Dropping the future ends nothing.
    pub async fn follow(&self, open: &Open, mut print: impl FnMut(Untrusted) + Send) {
        if let Ok(job) = Job::of(self.journal.dir(), &open.act, open.attempt)
            && matches!(adopt(&job), resolve::Job::Running { .. })
        {
            let (_keep, stop) = watch::channel(Stop::No);
            let mut each = |batch: Batch| {
                let lines = batch.lines.iter();
                lines.map(|line| masked(&self.journal, line)).for_each(&mut print);
            };
            // What cannot be read is found out by the next look.
            drop(act::follow(&job, None, &mut each, stop).await);
        }
        while let Resolution::StillRunning { .. } = self.resolve(open, None).await {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Records what became of an act: as its outcome if evidence says so, as resolved if
    /// a person does.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn record(&self, open: &Open, outcome: &Outcome, by_person: bool) -> Result<(), String> {
        let entry = if by_person {
            Entry::resolved(outcome, open)
        } else {
            Entry::outcome(outcome, &open.act, open.attempt, open.step.as_deref())
        };
        self.append(entry)
    }

    /// Appends to the run's journal.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn append(&self, entry: Entry) -> Result<(), String> {
        self.journal.append(entry).map(drop).map_err(|error| error.to_string())
    }

    /// Returns the revisions that the database is at; `None`: they cannot be read.
    pub async fn revision(&self) -> Option<Vec<String>> {
        self.inner.revision().await
    }

    /// Returns the tables that lie staged in the target.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn staged(&self) -> Result<Vec<String>, String> {
        let opened = connect(&self.inner.site.target.spec, Purpose::Reader).await;
        let mut connection = opened.map_err(|error| error.to_string())?;
        tables::staged(&mut connection).await.map_err(|error| query_error(&error))
    }

    /// Returns what restores have left here, read now.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn standing(&self) -> Result<Standing, String> {
        self.inner.standing().await
    }
}

impl Inner {
    /// Opens the journal of an interrupted run on the same target, under the lease.
    pub(super) async fn take_up_run(&self, run: &str) -> Result<Journal, String> {
        let runs = self.site.paths.runs();
        let file = crate::io::journal::path(&runs, run);
        let reading = crate::io::journal::read(&file).map_err(|error| error.to_string())?;
        if let Some(version) = reading.newer {
            return Err(format!(
                "the run {run} is in format {version}, newer than this lockkeeper knows: use the newer one; nothing was done"
            ));
        }
        // A swap of the run may still be under way.
        for oid in swapped_with(&reading.records) {
            self.bound.admit(oid);
        }
        let identity = self.identity().await?;
        same_target(run, &reading.records, &identity)?;
        self.hold_lease(&identity).await?;
        let journal = Journal::open(&runs, run).map_err(|error| error.to_string())?;
        self.keep_secrets(&journal);
        Ok(journal)
    }

    async fn evidence(&self, journal: &Journal, open: &Open, verdict: Option<Ending>) -> Evidence {
        let Some(plan) = &open.plan else {
            return cannot_read("its plan cannot be read by this version", verdict);
        };
        if let Action::Signal { backend, signal } = plan.action {
            return self.evidence_of_signal(backend, signal, verdict).await;
        }
        let job = match Job::of(journal.dir(), &open.act, open.attempt) {
            Ok(job) => job,
            Err(error) => return cannot_read(&error.to_string(), verdict),
        };
        let mut left = adopt(&job);
        if matches!(plan.action, Action::Restore { .. }) && has_failed(&left) {
            // Its end alone does not tell which database has the name: the server does.
            left = resolve::Job::Dead;
        }
        // First the backend: once it is gone, the revision moves no more.
        let backend = self.backend_of(open, plan).await;
        let seen = Evidence {
            job: left,
            backend,
            postcondition: Postcondition::CannotTell,
            verdict,
            after: After::default(),
        };
        if let Resolution::StillRunning { .. } = resolve::resolve(&seen) {
            // Whatever else could be read says nothing before its end.
            return seen;
        }
        let code = match &seen.job {
            resolve::Job::Exited(exit) => exit.code,
            _ => None,
        };
        let said = said(journal, &job);
        let records = blocking(|| journal.read()).map(|reading| reading.records);
        let before = records.ok().and_then(|records| recorded(&records, open));
        let after = self.after(plan, &said, code, before.as_ref()).await;
        let postcondition = match plan.action {
            Action::Backup { .. } => left_behind(plan, &job),
            Action::Restore { .. } => self.left_by(plan).await,
            _ => self.postcondition(plan, &after).await,
        };
        Evidence { postcondition, after, ..seen }
    }

    /// The statement ended with its console's connection; whether it was sent shows in the
    /// session that it was meant for.
    async fn evidence_of_signal(
        &self,
        key: crate::domain::activity::BackendKey,
        signal: Signal,
        verdict: Option<Ending>,
    ) -> Evidence {
        let postcondition = match (signal, self.activity().await) {
            (Signal::Terminate, Ok((snapshot, _)))
                if !snapshot.backends.iter().any(|backend| backend.key().may_be(key)) =>
            {
                Postcondition::Holds
            }
            _ => Postcondition::CannotTell,
        };
        Evidence {
            job: resolve::Job::InProcess,
            backend: Backend::Gone,
            postcondition,
            verdict,
            after: After::default(),
        }
    }

    async fn backend_of(&self, open: &Open, plan: &Plan) -> Backend {
        let name = application(&open.act, plan, &plan.hash());
        let Ok(mut control) = self.control().await else { return Backend::CannotTell };
        match control.find_application(&name).await {
            Ok(found) => match (found.first(), &plan.action) {
                (Some(session), _) => Backend::Present { pid: session.pid },
                // The program was seen under its name before the act; of a backup both programs
                // bear it by our own hand; a proof asks no server, nor does who tends a file.
                (
                    None,
                    Action::Migrate { .. }
                    | Action::Sql { .. }
                    | Action::Backup { .. }
                    | Action::VerifyBackup { .. }
                    | Action::Rehearse { .. }
                    | Action::Tend { .. }
                    | Action::Http { .. }
                    | Action::Restore { .. },
                ) => Backend::Gone,
                (None, _) => Backend::CannotTell,
            },
            Err(_) => Backend::CannotTell,
        }
    }

    async fn postcondition(&self, plan: &Plan, after: &After) -> Postcondition {
        let is_whole = match self.migrations().await {
            Ok((_, known)) => is_whole(plan, &known),
            Err(_) => false,
        };
        after.postcondition(is_whole)
    }
}

/// Returns true if a run belongs to what answers: to its target, or to the database that its
/// own swap has put under the same name.
#[must_use]
pub fn is_of(records: &[Record], found: &Identity) -> bool {
    let Some(opened) = target(records) else { return false };
    let by_swap = swapped_with(records).contains(&found.database_oid);
    let as_opened = Identity { database_oid: opened.database_oid, ..found.clone() };
    opened.same_target(found) || (by_swap && opened.same_target(&as_opened))
}

fn has_failed(job: &resolve::Job) -> bool {
    matches!(job, resolve::Job::Exited(exit) if exit.not_started.is_none() && exit.code != Some(0))
}

fn cannot_read(why: &str, verdict: Option<Ending>) -> Evidence {
    Evidence {
        job: resolve::Job::Unreadable(why.to_owned()),
        backend: Backend::CannotTell,
        postcondition: Postcondition::CannotTell,
        verdict,
        after: After::default(),
    }
}

/// Returns the last lines that the program of an act printed.
fn said(journal: &Journal, job: &Job) -> Vec<Untrusted> {
    let batch = Tail::new(job.out()).finish().unwrap_or_default();
    batch.lines.iter().map(|line| masked(journal, line)).collect()
}

fn masked(journal: &Journal, line: &Untrusted) -> Untrusted {
    journal.redact_output(line)
}

/// Checks that a run belongs to what answers.
fn same_target(run: &str, records: &[Record], found: &Identity) -> Result<(), String> {
    let Some(opened) = target(records) else {
        return Err(format!("the run {run} does not say on which target it was begun"));
    };
    if is_of(records, found) {
        return Ok(());
    }
    let name = |id: &Identity| {
        let text = format!(
            "{} @ {}:{} as {}, system {}",
            id.database, id.host, id.port, id.role, id.system_identifier
        );
        Untrusted::new(text).one_line()
    };
    Err(format!(
        "the run {run} belongs to another target ({}) than what answers ({}); nothing was done: \
         name its target with --target or --dsn",
        name(&opened),
        name(found)
    ))
}

/// Returns the target of a run, from its first record.
#[must_use]
pub fn target(records: &[Record]) -> Option<Identity> {
    serde_json::from_value(records.first()?.data.get("target")?.clone()).ok()
}
