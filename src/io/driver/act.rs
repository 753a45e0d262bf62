//! Performing a confirmed act: a signal by one guarded statement, everything else as a job
//! that outlives this program.

use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, sleep};

use super::{Inner, environment};
use crate::domain::change::{Change, Statement};
use crate::domain::hazard::Transactions;
use crate::domain::outcome::{Ending, Outcome};
use crate::domain::plan::{Action, Confirmed, Direction, Hash, Plan, Timeouts};
use crate::domain::resolve::{self, After};
use crate::domain::untrusted::Untrusted;
use crate::io::act::{Batch, Environment, Stop};
use crate::io::journal::Journal;
use crate::io::perform::{self, Act, Finished, Performed, Setting};
use crate::io::postgres::Control;
use crate::io::postgres::control::Signalled;
use crate::session::effect::{Event, How};
use crate::session::facts::Migrations;
use crate::session::news::News;
use crate::tools::{self, Failure, FailureKind, Script};

/// How long each signal to a program has before a harder one follows.
const GRACE: Duration = Duration::from_secs(10);
/// How long the server may work on after the program of an act has failed.
const LINGERS: Duration = Duration::from_secs(10);
/// How often the server is looked at for what has to be cancelled, or to end.
const LOOK: Duration = Duration::from_millis(100);

/// Why a job was not started.
const STOPPED: &str = "it was stopped before it started";

/// What a job works with, beside its confirmation.
pub(super) struct Hand {
    act: Act,
    /// How it was asked to stop.
    asked: watch::Receiver<Option<How>>,
    /// A connection of its own: cancelling our act waits for no other task.
    pub control: Mutex<Option<Control>>,
}

impl Hand {
    /// Waits until it is asked to stop.
    async fn stopped(&self) {
        if self.asked.clone().wait_for(Option::is_some).await.is_err() {
            // Nobody is left who could ask.
            pending::<()>().await;
        }
    }

    /// Cancels what the server does under `application`; returns true if there was anything.
    async fn cancel(&self, application: &str) -> bool {
        let mut control = self.control.lock().await;
        let Some(control) = control.as_mut() else { return false };
        let Ok(sessions) = control.find_application(application).await else { return false };
        let mut cancelled = false;
        for session in sessions {
            let sent = control.cancel_own(session.pid, application).await;
            cancelled |= matches!(sent, Ok(Signalled::Sent));
        }
        cancelled
    }
}

impl Inner {
    /// Performs `confirmed` and tells how it ended.
    pub(super) async fn perform(
        &self,
        act: Act,
        confirmed: Confirmed,
        asked: watch::Receiver<Option<How>>,
    ) {
        let id = act.id.clone();
        let (outcome, confirmed, unrecorded) =
            match self.journal_of(&act, &confirmed.plan().target).await {
                Ok(journal) => {
                    let performed = self.perform_in(&journal, act, confirmed, asked).await;
                    let unrecorded = performed.unrecorded.map(|error| error.to_string());
                    (performed.outcome, performed.confirmed, unrecorded)
                }
                Err(why) => (Outcome::new(Ending::NotRun, why.clone()), confirmed, Some(why)),
            };
        self.set_down(&id);
        // First: what cannot be recorded is followed by nothing.
        if let Some(why) = unrecorded {
            self.tell(News::Event(Event::RecordFailed(why)));
        }
        if matches!(confirmed.plan().action, Action::Backup { .. } | Action::VerifyBackup { .. }) {
            // Whoever hears that it is done finds it in the list.
            self.refresh_backups().await;
        }
        let confirmed = Some(confirmed);
        self.tell(News::Event(Event::Performed { act: id, outcome, confirmed }));
    }

    async fn perform_in(
        &self,
        journal: &Journal,
        act: Act,
        confirmed: Confirmed,
        asked: watch::Receiver<Option<How>>,
    ) -> Performed {
        let hand = Hand { act, asked, control: Mutex::default() };
        let performed = perform::perform(
            journal,
            &hand.act,
            confirmed,
            async |confirmed: &Confirmed| {
                tokio::select! {
                    biased;
                    () = hand.stopped() => Err(STOPPED.to_owned()),
                    checked = self.recheck(confirmed, &hand) => checked,
                }
            },
            async |confirmed: &Confirmed| {
                self.publish(journal);
                match confirmed.plan().action {
                    Action::Signal { backend, signal } => {
                        self.signal(confirmed.plan(), backend, signal).await
                    }
                    _ => self.run_job(journal, &hand, confirmed).await,
                }
            },
        )
        .await;
        self.note_deploy(journal, performed.confirmed.plan(), &performed.outcome).await;
        self.publish(journal);
        performed
    }

    async fn run_job(&self, journal: &Journal, hand: &Hand, confirmed: &Confirmed) -> Outcome {
        if hand.asked.borrow().is_some() {
            return Outcome::new(Ending::NotRun, STOPPED);
        }
        let plan = confirmed.plan();
        let application = application(&hand.act.id, plan, confirmed.hash());
        let (spec, config) = (&self.site.target.spec, self.site.config());
        let setting = Setting {
            env: match plan.action {
                Action::Backup { .. } => environment::for_backup(spec, &application, journal.run()),
                // It reads a file, and asks no server.
                Action::VerifyBackup { .. } => Environment::new(),
                _ => environment::variables(spec, config, &application, limits(plan)),
            },
            grace: GRACE,
            lockkeeper: self.site.program.clone(),
        };
        let (stop, stopped) = watch::channel(Stop::No);
        let print = |batch: Batch| self.print(&hand.act.id, batch);
        let classify = async |finished: Finished| match linger(hand, &application, &finished).await
        {
            Ok(()) if is_backup(plan) => {
                Self::backup_ended(journal, &hand.act, confirmed, &finished)
            }
            Ok(()) => self.classify(plan, &finished).await,
            Err(why) => Outcome::new(Ending::Unknown, why),
        };
        let job =
            perform::in_child(journal, &hand.act, confirmed, &setting, print, stopped, classify);
        tokio::select! {
            outcome = job => outcome,
            never = halt(hand, &application, &stop) => match never {},
        }
    }

    fn print(&self, act: &str, batch: Batch) {
        let Batch { lines, dropped } = batch;
        if !lines.is_empty() || dropped > 0 {
            self.tell(News::Output { act: act.to_owned(), lines, dropped });
        }
    }

    /// Tells what became of a job from its exit, its words and the revision after it.
    async fn classify(&self, plan: &Plan, finished: &Finished) -> Outcome {
        let after = self.after(plan, &finished.output, finished.exit.code).await;
        if let Action::Migrate { after, .. } = &plan.action {
            *self.led_to() = Some(after.clone());
        }
        resolve::classify(&finished.exit, &after)
    }

    /// Reads what is known beside a job's exit: what its last lines say, and where the
    /// database is.
    pub(super) async fn after(&self, plan: &Plan, said: &[Untrusted], code: Option<i32>) -> After {
        let after = match &plan.action {
            Action::Migrate { after, .. } => after,
            Action::Sql { text } => return after_sql(text, said, code),
            _ => {
                let message = said.last().cloned().unwrap_or_default();
                return After { message, ..After::default() };
            }
        };
        let output = said.iter().map(Untrusted::raw).collect::<Vec<_>>().join("\n");
        let read = self.migrations().await;
        let failure = read.as_ref().ok().map(|(tool, _)| tool.explain(&output, code));
        let script = read.as_ref().ok().and_then(|(_, known)| script(plan, known));
        let shape = script.map_or(Transactions::Unknown, |script| script.transactions);
        let ran = failure.as_ref().is_some_and(|failure| !had_not_begun(failure.kind));
        let stays = script.filter(|_| code != Some(0) && ran).and_then(may_stay);
        let said = |failure: Failure| match &stays {
            Some(stays) => format!("{}\n{stays}", failure.line),
            None => failure.line,
        };
        After {
            failure: failure.as_ref().and_then(|failure| kind(failure, shape)),
            before: plan.revision_before.clone(),
            expected: Some(after.clone()),
            revision: self.revision().await,
            message: failure
                .filter(|_| code != Some(0))
                .map(|failure| Untrusted::new(said(failure)))
                .unwrap_or_default(),
        }
    }
}

/// What became of SQL is known from its words alone: it has no revision.
fn after_sql(text: &str, said: &[Untrusted], code: Option<i32>) -> After {
    let output = said.iter().map(Untrusted::raw).collect::<Vec<_>>().join("\n");
    let failure = tools::sql::explain(&output, code);
    let shape = tools::sql::script(text).transactions;
    After {
        failure: kind(&failure, shape),
        message: Untrusted::new(failure.line),
        ..After::default()
    }
}

/// Stops the job whenever that is asked for: cancels the statement that runs, as soon as one
/// does, and ends its program if that is asked for too. Goes on for ever.
async fn halt(hand: &Hand, application: &str, stop: &watch::Sender<Stop>) -> Infallible {
    let mut asked = hand.asked.clone();
    asked.mark_changed();
    let mut to_cancel = false;
    loop {
        tokio::select! {
            Ok(()) = asked.changed() => {
                let how = *asked.borrow_and_update();
                to_cancel |= how.is_some();
                if how == Some(How::Kill) {
                    stop.send_replace(Stop::Interrupt);
                }
            }
            // Until one was hit, and not again: that would be what the tool does to clean up.
            () = sleep(LOOK), if to_cancel => to_cancel = !hand.cancel(application).await,
            else => pending::<()>().await,
        }
    }
}

/// Waits until the server does nothing any more for a program that has failed: the end of a
/// client ends no statement, and one that waits for a lock would still run later.
async fn linger(hand: &Hand, application: &str, finished: &Finished) -> Result<(), String> {
    if finished.exit.code == Some(0) || finished.exit.not_started.is_some() {
        return Ok(());
    }
    let end = Instant::now() + LINGERS;
    loop {
        let found = match hand.control.lock().await.as_mut() {
            Some(control) => control.find_application(application).await,
            None => return Ok(()),
        };
        let why = match found {
            Ok(sessions) => match sessions.first() {
                None => return Ok(()),
                Some(session) => format!("the server still works on it in pid {}", session.pid),
            },
            Err(error) => format!("whether the server still works on it cannot be told: {error}"),
        };
        if Instant::now() >= end {
            return Err(format!("its program has ended ({}), but {why}", finished.exit.words()));
        }
        sleep(LOOK).await;
    }
}

/// Returns the limits that the plan's program runs under; a command's are its own.
fn limits(plan: &Plan) -> Option<Timeouts> {
    matches!(plan.action, Action::Migrate { .. } | Action::Sql { .. }).then_some(plan.timeouts)
}

/// What the names of every act's backends begin with.
pub(super) const ACTS: [&str; 2] = [MIGRATE, BACKUP];
const MIGRATE: &str = "lockkeeper/migrate ";
const BACKUP: &str = "lockkeeper/backup ";

/// Returns the name that an act's backend bears on the server, in ASCII and below the 63
/// bytes that `application_name` keeps: how it is found, also after a crash.
pub(super) fn application(act: &str, plan: &Plan, hash: &Hash) -> String {
    let kind = if is_backup(plan) { BACKUP } else { MIGRATE };
    let digits = hash.as_str();
    format!("{kind}{act} {}", digits.get(..8).unwrap_or(digits))
}

fn is_backup(plan: &Plan) -> bool {
    matches!(plan.action, Action::Backup { .. })
}

/// Returns true if all that the plan's migration does is one transaction, the row of its
/// version included.
pub(super) fn is_whole(plan: &Plan, known: &Migrations) -> bool {
    script(plan, known).is_some_and(|script| script.transactions == Transactions::One)
}

/// Returns the script that the plan runs.
pub(super) fn script<'a>(plan: &Plan, known: &'a Migrations) -> Option<&'a Script> {
    let Action::Migrate { direction, migration, .. } = &plan.action else { return None };
    let migration = known.project.migration(migration)?;
    match direction {
        Direction::Up => Some(&migration.up),
        Direction::Down => migration.down.as_ref(),
    }
}

/// Returns what to look for when a script that commits on its way has failed.
fn may_stay(script: &Script) -> Option<String> {
    let why = match script.transactions {
        Transactions::One => return None,
        Transactions::Unknown => "in which transactions it ran is not known",
        Transactions::None | Transactions::Mixed => "it commits on its way",
    };
    let does = |statement: &&Statement| !statement.changes.iter().all(Change::is_read);
    let lines: Vec<String> = script
        .statements
        .iter()
        .filter(does)
        .map(|statement| format!("line {} {}", statement.line, statement.kind))
        .collect();
    Some(format!(
        "{why}, and its version is the one from before: before anything runs again, look whether \
         these are there: {}",
        lines.join("; ")
    ))
}

/// Returns what a failure left behind, where its words and the transaction tell.
fn kind(failure: &Failure, shape: Transactions) -> Option<resolve::Failure> {
    let whole = shape == Transactions::One;
    match failure.kind {
        kind if had_not_begun(kind) => Some(resolve::Failure::RolledBack),
        FailureKind::LockTimeout if whole => Some(resolve::Failure::LockTimeout),
        FailureKind::Other => None,
        _ if whole => Some(resolve::Failure::RolledBack),
        // What stands before the commit stays, whatever failed after it.
        _ if shape == Transactions::Mixed => Some(resolve::Failure::Partial),
        _ => None,
    }
}

/// Returns true for a failure before anything ran.
fn had_not_begun(kind: FailureKind) -> bool {
    matches!(
        kind,
        FailureKind::Moved
            | FailureKind::Connection
            | FailureKind::MissingFile
            | FailureKind::Changed
            | FailureKind::Dirty
    )
}
