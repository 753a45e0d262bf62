//! One confirmed act from its intent to its outcome, in the order that a crash at any
//! place can be told from: intent, sync, look again, start, end, outcome.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tokio::process::Child;
use tokio::sync::watch;

use super::act::{self, Batch, Environment, Followed, Job, Spec, Stop};
use super::blocking::blocking;
use super::failpoint;
use super::journal::{self, Journal};
use crate::domain::journal::Entry;
use crate::domain::outcome::{Ending, Outcome};
use crate::domain::plan::Confirmed;
use crate::domain::resolve::Exit;
use crate::domain::untrusted::Untrusted;

/// How many of the last lines of output are kept for telling what went wrong.
const KEPT_LINES: usize = 200;

/// Which act of the run this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// Its number within its run.
    pub id: String,
    /// The runbook's step, if it is one's.
    pub step: Option<String>,
}

/// An act that was performed, or refused.
#[derive(Debug)]
pub struct Performed {
    /// How it ended.
    pub outcome: Outcome,
    /// The ticket, given back for [`Confirmed::next_attempt`].
    pub confirmed: Confirmed,
    /// It was begun: the look before the start refused nothing.
    pub began: bool,
    /// Why the intent (then nothing ran) or the outcome is not in the journal.
    pub unrecorded: Option<journal::Error>,
}

/// Performs a confirmed act: `run` is called at most once, and only after the intent is
/// on the disk and `recheck` found the target and the plan unchanged; otherwise it says how the
/// act ended before it began.
pub async fn perform(
    journal: &Journal,
    act: &Act,
    confirmed: Confirmed,
    recheck: impl AsyncFnOnce(&Confirmed) -> Result<(), Outcome>,
    run: impl AsyncFnOnce(&Confirmed) -> Outcome,
) -> Performed {
    let step = act.step.as_deref();
    failpoint::hit("act.before_intent");
    let intent = Entry::intent(&confirmed, &act.id, step);
    if let Err(error) = blocking(|| journal.append(intent)) {
        let outcome = Outcome::new(Ending::NotRun, error.to_string());
        return Performed { outcome, confirmed, began: false, unrecorded: Some(error) };
    }
    failpoint::hit("act.after_sync");
    let (began, outcome) = match recheck(&confirmed).await {
        Ok(()) => (true, run(&confirmed).await),
        Err(refused) => (false, refused),
    };
    failpoint::hit("act.before_outcome");
    let entry = Entry::outcome(&outcome, &act.id, confirmed.attempt(), step);
    let unrecorded = blocking(|| journal.append(entry)).err();
    failpoint::hit("act.after_outcome");
    Performed { outcome, confirmed, began, unrecorded }
}

/// What the program of an act is given beside its plan.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The values of the variables that the plan names.
    pub env: Environment,
    /// How long each signal of a stop has before a harder one follows.
    pub grace: Duration,
    /// The lockkeeper that runs the job; [`act::this_program`].
    pub lockkeeper: PathBuf,
}

/// A program that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// How.
    pub exit: Exit,
    /// Its last lines, secrets masked.
    pub output: Vec<Untrusted>,
}

/// Runs the plan's program as a job of the run, for [`perform`]'s `run`.
///
/// `on_output` gets the lines as they come, secrets masked. `classify` is asked once the
/// program ended: it reads the revision and the tool's words
/// ([`crate::domain::resolve::classify`] says what follows from them).
pub async fn in_child(
    journal: &Journal,
    act: &Act,
    confirmed: &Confirmed,
    setting: &Setting,
    mut on_output: impl FnMut(Batch) + Send,
    stop: watch::Receiver<Stop>,
    classify: impl AsyncFnOnce(Finished) -> Outcome,
) -> Outcome {
    for secret in setting.env.iter().filter_map(|(_, value)| value.secret()) {
        journal.keep_secret(secret);
    }
    let (job, child) = match blocking(|| start(journal, act, confirmed, setting)) {
        Ok(started) => started,
        Err(why) => return Outcome::new(Ending::NotRun, why),
    };
    let mut kept = Kept::default();
    let mut each = |batch: Batch| on_output(kept.keep(masked(journal, batch)));
    match act::follow(&job, Some(child), &mut each, stop).await {
        Ok(Followed::Exited(exit)) => classify(Finished { exit, output: kept.into() }).await,
        Ok(Followed::NeverStarted(why)) => Outcome::new(Ending::NotRun, never_started(&why)),
        Ok(Followed::Lost) => Outcome::new(Ending::Unknown, "its process died without a word"),
        Err(error) => Outcome::new(Ending::Unknown, format!("{}: {error}", job.dir().display())),
    }
}

/// Starts the job; nothing of the program ran if this fails.
fn start(
    journal: &Journal,
    act: &Act,
    confirmed: &Confirmed,
    setting: &Setting,
) -> Result<(Job, Child), String> {
    let spec = spec(act, confirmed, setting)?;
    let started = Job::of(journal.dir(), &act.id, confirmed.attempt()).and_then(|job| {
        failpoint::hit("act.before_spawn");
        let child = act::launch(&setting.lockkeeper, &job, &spec, &setting.env)?;
        failpoint::hit("act.after_spawn");
        Ok((job, child))
    });
    started.map_err(|error: io::Error| format!("its process could not be started: {error}"))
}

/// Returns the job's description, if the variables are those that the plan names.
fn spec(act: &Act, confirmed: &Confirmed, setting: &Setting) -> Result<Spec, String> {
    let plan = confirmed.plan();
    let command = plan.command.as_ref().ok_or("the plan has no program to run")?;
    let given = setting.env.iter().map(|(name, _)| name);
    if let Some(unknown) = given.clone().find(|name| !command.env.contains(name)) {
        return Err(format!("the plan does not say that {unknown} is set: nothing was run"));
    }
    if let Some(missing) = command.env.iter().find(|name| !given.clone().any(|n| n == *name)) {
        return Err(format!("the plan says that {missing} is set, but it has no value"));
    }
    Ok(Spec {
        act: act.id.clone(),
        attempt: confirmed.attempt(),
        plan: confirmed.hash().to_string(),
        argv: command.argv.clone(),
        env: command.env.clone(),
        cwd: PathBuf::from(&command.cwd),
        grace_ms: u64::try_from(setting.grace.as_millis()).unwrap_or(u64::MAX),
    })
}

fn never_started(why: &Untrusted) -> Untrusted {
    if why.is_empty() {
        return "it was stopped before it started".into();
    }
    why.clone()
}

fn masked(journal: &Journal, batch: Batch) -> Batch {
    let mask = |line: Untrusted| journal.redact_output(&line);
    Batch { lines: batch.lines.into_iter().map(mask).collect(), ..batch }
}

/// The last lines.
#[derive(Default)]
struct Kept(VecDeque<Untrusted>);

impl Kept {
    fn keep(&mut self, batch: Batch) -> Batch {
        self.0.extend(batch.lines.iter().cloned());
        self.0.drain(..self.0.len().saturating_sub(KEPT_LINES));
        batch
    }
}

impl From<Kept> for Vec<Untrusted> {
    fn from(kept: Kept) -> Self {
        kept.0.into()
    }
}
