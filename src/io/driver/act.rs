//! Performing a confirmed act: a signal by one guarded statement, everything else as a job
//! that outlives this program.

use std::convert::Infallible;
use std::future::pending;
use std::sync::OnceLock;
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, sleep};

use super::schema::Before;
use super::waits;
use super::{Inner, environment};
use crate::domain::change::{Change, Statement};
use crate::domain::fingerprint::{self, Compared};
use crate::domain::hazard::Transactions;
use crate::domain::outcome::{Ending, Outcome};
use crate::domain::plan::{Action, Confirmed, Direction, Hash, Plan, Timeouts};
use crate::domain::resolve::{self, After};
use crate::domain::untrusted::Untrusted;
use crate::io::act::{Batch, Stop};
use crate::io::child::{NOT_RUN, UNHEARD};
use crate::io::journal::Journal;
use crate::io::perform::{self, Act, Finished, Performed, Setting};
use crate::io::postgres::Control;
use crate::io::postgres::control::Signalled;
use crate::session::effect::{Event, How};
use crate::session::facts::Migrations;
use crate::session::news::News;
use crate::session::staging;
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
    pub act: Act,
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

    /// Cancels what the server does under `application`, `again` only what has run for a while;
    /// returns true if there was anything.
    async fn cancel(&self, application: &str, again: bool) -> bool {
        let mut control = self.control.lock().await;
        let Some(control) = control.as_mut() else { return false };
        let Ok(sessions) = control.find_application(application).await else { return false };
        let mut cancelled = false;
        for session in sessions {
            let sent = control.cancel_own(session.pid, application, again).await;
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
        let (outcome, confirmed, began, unrecorded) = match self
            .journal_of(&act, &confirmed.plan().target)
            .await
        {
            Ok(journal) => {
                let Performed { outcome, confirmed, began, unrecorded } =
                    self.perform_in(&journal, act, confirmed, asked).await;
                (outcome, confirmed, began, unrecorded.map(|error| error.to_string()))
            }
            Err(why) => (Outcome::new(Ending::NotRun, why.clone()), confirmed, false, Some(why)),
        };
        self.set_down(&id);
        // First: what cannot be recorded is followed by nothing.
        if let Some(why) = unrecorded {
            self.tell(News::Event(Event::RecordFailed(why)));
        }
        if began {
            self.after_swap(confirmed.plan()).await;
        }
        if let Action::Backup { .. } | Action::VerifyBackup { .. } | Action::Tend { .. } =
            confirmed.plan().action
        {
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
                    () = hand.stopped() => Err(Outcome::new(Ending::NotRun, STOPPED)),
                    checked = self.recheck(confirmed, &hand) => {
                        checked.map_err(|why| self.refused(confirmed, why))
                    }
                }
            },
            async |confirmed: &Confirmed| {
                self.publish(journal);
                self.before_swap(confirmed.plan());
                if let Some(outcome) = self.kept_back(confirmed.plan(), &hand.act) {
                    return outcome;
                }
                match confirmed.plan().action {
                    Action::Signal { backend, signal } => {
                        self.signal(confirmed.plan(), backend, signal).await
                    }
                    // What it keeps for the whole run of a program lies on the heap.
                    _ => Box::pin(self.run_job(journal, &hand, confirmed)).await,
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
        let before = match plan.action.is_compared() {
            true => self.schema_before(journal, &hand.act, confirmed).await,
            false => Ok(None),
        };
        let before = match before {
            Ok(before) => before,
            Err(why) => return Outcome::new(Ending::NotRun, why),
        };
        let application = application(&hand.act.id, plan, confirmed.hash());
        let (spec, config) = (&self.site.target.spec, self.site.config());
        let setting = Setting {
            env: match plan.action {
                Action::Backup { .. } => environment::for_backup(spec, &application, journal.run()),
                // It asks no server but its own, which is registered where the next sweep looks.
                Action::VerifyBackup { .. } => environment::for_proof(&self.site.paths.state),
                Action::Rehearse { .. } => {
                    environment::for_rehearsal(spec, &application, &self.site.paths.state)
                }
                // It reads files, and asks no server.
                Action::Tend { .. } => Vec::new(),
                Action::Http { .. } => match environment::for_request(plan) {
                    Ok(environment) => environment,
                    Err(why) => return Outcome::new(Ending::NotRun, why),
                },
                Action::Restore { .. } => {
                    environment::for_backup(&self.maintenance(), &application, journal.run())
                }
                _ => environment::variables(spec, config, &application, limits(plan)),
            },
            grace: GRACE,
            lockkeeper: self.site.program.clone(),
        };
        let (stop, stopped) = watch::channel(Stop::No);
        let cancelled = OnceLock::new();
        let bound = waits::Bound {
            journal,
            hand,
            attempt: confirmed.attempt(),
            application: &application,
            limit: plan.timeouts.cancel_ms.map(Duration::from_millis),
            cancelled: &cancelled,
        };
        let print = |batch: Batch| self.print(&hand.act.id, batch);
        let classify = async |finished: Finished| match linger(hand, &application, &finished).await
        {
            Ok(()) if is_backup(plan) => {
                Self::backup_ended(journal, &hand.act, confirmed, &finished)
            }
            Ok(()) if matches!(plan.action, Action::Restore { .. }) => {
                self.restore_ended(plan, &finished).await
            }
            Ok(()) => {
                let waited = cancelled.get().map(String::as_str);
                self.classify(plan, &finished, before.as_ref(), waited).await
            }
            Err(why) => Outcome::new(Ending::Unknown, why),
        };
        let job =
            perform::in_child(journal, &hand.act, confirmed, &setting, print, stopped, classify);
        tokio::select! {
            outcome = job => outcome,
            never = halt(hand, &application, &stop, goes_with_its_program(plan)) => match never {},
            never = bound.keep() => match never {},
        }
    }

    fn print(&self, act: &str, batch: Batch) {
        let Batch { lines, dropped } = batch;
        if !lines.is_empty() || dropped > 0 {
            self.tell(News::Output { act: act.to_owned(), lines, dropped });
        }
    }

    /// Tells what became of a job from its exit, its words, and the revision and the schema
    /// after it.
    async fn classify(
        &self,
        plan: &Plan,
        finished: &Finished,
        before: Option<&Before>,
        waited: Option<&str>,
    ) -> Outcome {
        let mut after = self.after(plan, &finished.output, finished.exit.code, before).await;
        if let Some(waited) = waited.filter(|_| finished.exit.code != Some(0)) {
            after = after.waited(waited);
        }
        if let Action::Migrate { after, .. } = &plan.action {
            *self.led_to() = Some(after.clone());
        }
        resolve::classify(&finished.exit, &after)
    }

    /// Reads what is known beside a job's exit: what its last lines say, and where the
    /// database is.
    pub(super) async fn after(
        &self,
        plan: &Plan,
        said: &[Untrusted],
        code: Option<i32>,
        before: Option<&Before>,
    ) -> After {
        let schema = self.compared(before).await;
        let after = match &plan.action {
            Action::Migrate { after, .. } => after,
            Action::Sql { text, .. } => return After { schema, ..after_sql(text, said, code) },
            _ => {
                let message = said.last().cloned().unwrap_or_default();
                let failure = match plan.action {
                    Action::Http { .. } => unanswered(code),
                    _ if stages(plan) && code == Some(i32::from(UNHEARD)) => {
                        Some(resolve::Failure::Unanswered)
                    }
                    _ => None,
                };
                return After { failure, message, ..After::default() };
            }
        };
        let output = said.iter().map(Untrusted::raw).collect::<Vec<_>>().join("\n");
        let read = self.migrations().await;
        let revision = match &read {
            Ok((_, known)) => known.project.revision(),
            // The version table may be readable where the schema is not.
            Err(_) => self.revision().await,
        };
        let failure = read.as_ref().ok().map(|(tool, _)| tool.explain(&output, code));
        let script = read.as_ref().ok().and_then(|(_, known)| script(plan, known));
        let shape = script.map_or(Transactions::Unknown, |script| script.transactions);
        let ran = failure.as_ref().is_some_and(|failure| !had_not_begun(failure.kind));
        // What is compared needs no list of what to look for.
        let blind = schema == Compared::Unknown;
        let stays = script.filter(|_| code != Some(0) && ran && blind).and_then(may_stay);
        let said = |failure: Failure| match &stays {
            Some(stays) => format!("{}\n{stays}", failure.line),
            None => failure.line,
        };
        After {
            failure: failure.as_ref().and_then(|failure| kind(failure, shape)),
            scenario: failure.as_ref().and_then(|failure| failure.kind.scenario()),
            rows: script.is_none_or(may_move_rows),
            alters: script.is_some_and(alters),
            schema,
            before: plan.revision_before.clone(),
            expected: Some(after.clone()),
            revision,
            message: failure
                .filter(|_| code != Some(0))
                .map(|failure| Untrusted::new(said(failure)))
                .unwrap_or_default(),
        }
    }
}

/// Returns true if the plan's program is ours that stages a table.
fn stages(plan: &Plan) -> bool {
    plan.command.as_ref().is_some_and(|command| staging::Job::of(&command.argv).is_some())
}

/// Returns what an exit code of the program that sends a request says: one that was ended in
/// the middle may have sent it.
fn unanswered(code: Option<i32>) -> Option<resolve::Failure> {
    match code {
        Some(0 | 1) => None,
        Some(code) if code == i32::from(NOT_RUN) => Some(resolve::Failure::NotSent),
        _ => Some(resolve::Failure::Unanswered),
    }
}

/// What became of SQL is known from its words alone: it has no revision.
fn after_sql(text: &str, said: &[Untrusted], code: Option<i32>) -> After {
    let output = said.iter().map(Untrusted::raw).collect::<Vec<_>>().join("\n");
    let failure = tools::sql::explain(&output, code);
    let script = tools::sql::script(text);
    After {
        failure: kind(&failure, script.transactions),
        scenario: failure.kind.scenario(),
        rows: may_move_rows(&script),
        alters: alters(&script),
        message: Untrusted::new(failure.line),
        ..After::default()
    }
}

/// Stops the job whenever that is asked for: cancels the statement that runs, as soon as one
/// does, and ends its program if that is asked for too. Goes on for ever.
async fn halt(
    hand: &Hand,
    application: &str,
    stop: &watch::Sender<Stop>,
    goes_with_its_program: bool,
) -> Infallible {
    let mut asked = hand.asked.clone();
    asked.mark_changed();
    let (mut to_cancel, mut was_hit) = (false, false);
    loop {
        tokio::select! {
            Ok(()) = asked.changed() => {
                let how = *asked.borrow_and_update();
                to_cancel |= how.is_some();
                // Of some the target knows nothing: only the program can be ended.
                if how == Some(How::Kill) || (goes_with_its_program && how.is_some()) {
                    stop.send_replace(Stop::Interrupt);
                }
            }
            // After the first hit only what lasts: the rest is what the tool does to clean up.
            // One is not enough: the server drops a cancel that comes between two statements.
            () = sleep(LOOK), if to_cancel => was_hit |= hand.cancel(application, was_hit).await,
            else => pending::<()>().await,
        }
    }
}

/// Waits until the server does nothing any more for a program that has ended: the end of a
/// client ends no statement, and one that waits for a lock would still run later. After a
/// success only its session may still be leaving, and the next act would take it for another.
async fn linger(hand: &Hand, application: &str, finished: &Finished) -> Result<(), String> {
    if finished.exit.not_started.is_some() {
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
        if Instant::now() >= end && finished.exit.code == Some(0) {
            return Ok(());
        }
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
    let kind = match plan.action {
        Action::Backup { .. } => BACKUP.to_owned(),
        Action::Restore { .. } => restoring(plan.target.database_oid),
        _ => MIGRATE.to_owned(),
    };
    let digits = hash.as_str();
    format!("{kind}{act} {}", digits.get(..8).unwrap_or(digits))
}

/// Returns what the names of a restore's backends begin with: they work beside the database
/// that they are for.
pub(super) fn restoring(oid: u32) -> String {
    format!("lockkeeper/restore {oid} ")
}

fn is_backup(plan: &Plan) -> bool {
    matches!(plan.action, Action::Backup { .. })
}

/// Returns true for what has nothing of ours on the target's server, or only reads there:
/// whatever is left of it goes with its program.
fn goes_with_its_program(plan: &Plan) -> bool {
    matches!(
        plan.action,
        Action::VerifyBackup { .. } | Action::Rehearse { .. } | Action::Http { .. }
    )
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

/// Returns true if a failure of the script may leave something that a fingerprint does not
/// tell: rows that it committed on its way.
fn may_move_rows(script: &Script) -> bool {
    let tells = |statement: &Statement| statement.changes.iter().all(fingerprint::tells);
    !script.is_understood() || !script.statements.iter().all(tells)
}

/// Returns true if all of the script is known, and some of it shows in a fingerprint.
fn alters(script: &Script) -> bool {
    let alters = |statement: &Statement| statement.changes.iter().any(fingerprint::alters);
    script.is_understood() && script.statements.iter().any(alters)
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
