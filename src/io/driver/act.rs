//! Performing a confirmed act: a signal by one guarded statement, everything else as a job
//! that outlives this program.

use std::sync::OnceLock;
use std::time::Duration;

use tokio::sync::watch;

use super::hand::{Hand, halt, linger};
use super::schema::Before;
use super::waits;
use super::{Inner, environment};
use crate::domain::outcome::{Ending, Outcome};
use crate::domain::plan::{Action, Confirmed, Hash, Plan, Timeouts};
use crate::domain::resolve;
use crate::io::act::{Batch, Environment, Stop};
use crate::io::journal::Journal;
use crate::io::perform::{self, Act, Finished, Performed, Setting};
use crate::session::effect::{Event, How};
use crate::session::news::News;

/// How long each signal to a program has before a harder one follows.
const GRACE: Duration = Duration::from_secs(10);

/// Why a job was not started.
const STOPPED: &str = "it was stopped before it started";

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
        let hand = Hand::new(act, asked);
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
        let env = match self.environment(plan, &application, journal.run()) {
            Ok(env) => env,
            Err(why) => return Outcome::new(Ending::NotRun, why),
        };
        let setting = Setting { env, grace: GRACE, lockkeeper: self.site.program.clone() };
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

    /// Returns what the plan's program is given to find what it works on.
    fn environment(
        &self,
        plan: &Plan,
        application: &str,
        run: &str,
    ) -> Result<Environment, String> {
        let (site, spec) = (&self.site, &self.site.target.spec);
        Ok(match plan.action {
            Action::Backup { .. } => environment::for_backup(spec, application, run),
            // It asks no server but its own, which is registered where the next sweep looks.
            Action::VerifyBackup { .. } => environment::for_proof(&site.paths.state),
            Action::Rehearse { .. } => {
                environment::for_rehearsal(spec, application, &site.paths.state)
            }
            // It reads files, and asks no server.
            Action::Tend { .. } => Vec::new(),
            Action::Http { .. } => environment::for_request(plan)?,
            Action::Restore { .. } => {
                environment::for_backup(&self.maintenance(), application, run)
            }
            _ => environment::variables(spec, site.config(), application, limits(plan)),
        })
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
