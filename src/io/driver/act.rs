//! Performing a confirmed act: a signal by one guarded statement, everything else as a job
//! that outlives this program.

use std::sync::PoisonError;
use std::time::Duration;

use tokio::sync::watch;

use super::{Inner, Running, environment};
use crate::domain::activity::BackendKey;
use crate::domain::hazard::Transactions;
use crate::domain::outcome::{Ending, Outcome};
use crate::domain::plan::{Action, Confirmed, Direction, Hash, Plan, Signal};
use crate::domain::resolve::{self, After};
use crate::domain::untrusted::Untrusted;
use crate::io::act::{Batch, Stop};
use crate::io::journal::Journal;
use crate::io::perform::{self, Act, Finished, Performed, Setting};
use crate::io::postgres::control::{Aim, Signalled};
use crate::io::postgres::prove::{self, Proof};
use crate::session::effect::{Event, Goal, Previewed, Request};
use crate::session::facts::Migrations;
use crate::session::news::News;
use crate::tools::{Failure, FailureKind};

/// How long a signalled backend has before it is said to be still there.
const GONE: Duration = Duration::from_secs(5);
/// How long each signal to a program has before a harder one follows.
const GRACE: Duration = Duration::from_secs(10);
/// How long a tool may take until it is seen on the server.
const PROOF: Duration = Duration::from_secs(10);

impl Inner {
    /// Performs `confirmed` and tells how it ended.
    pub(super) async fn perform(&self, act: String, step: Option<String>, confirmed: Confirmed) {
        let journal = match self.journal(&confirmed.plan().target) {
            Ok(journal) => journal,
            Err(why) => {
                let outcome = Outcome::new(Ending::NotRun, why.clone());
                self.ended(act, outcome, confirmed);
                self.tell(News::Event(Event::RecordFailed(why)));
                return;
            }
        };
        let act = Act { id: act, step };
        let performed = self.perform_in(&journal, &act, confirmed).await;
        self.publish(&journal);
        let Performed { outcome, confirmed, unrecorded } = performed;
        self.ended(act.id, outcome, confirmed);
        if let Some(error) = unrecorded {
            self.tell(News::Event(Event::RecordFailed(error.to_string())));
        }
    }

    fn ended(&self, act: String, outcome: Outcome, confirmed: Confirmed) {
        let confirmed = Some(confirmed);
        self.tell(News::Event(Event::Performed { act, outcome, confirmed }));
    }

    async fn perform_in(&self, journal: &Journal, act: &Act, confirmed: Confirmed) -> Performed {
        perform::perform(
            journal,
            act,
            confirmed,
            async |confirmed: &Confirmed| self.recheck(confirmed).await,
            async |confirmed: &Confirmed| {
                self.publish(journal);
                match confirmed.plan().action {
                    Action::Signal { backend, signal } => self.signal(backend, signal).await,
                    _ => self.run_job(journal, act, confirmed).await,
                }
            },
        )
        .await
    }

    /// Looks again, right before the start: the same target, the same plan, one writer, and
    /// a tool that is seen on this very server.
    async fn recheck(&self, confirmed: &Confirmed) -> Result<(), String> {
        let plan = confirmed.plan();
        let found = self.identity_for(&plan.action).await?;
        if !plan.target.same_target(&found) {
            return Err("another target answers than the one that was confirmed".to_owned());
        }
        if matches!(plan.action, Action::Signal { .. }) {
            // The guard is in the statement itself; whoever waits at three in the morning
            // must not wait for a lease.
            return Ok(());
        }
        self.hold_lease(&found).await?;
        let again = self.preview(&request(plan)).await;
        match again {
            Previewed::Plan(again) if again.hash() == *confirmed.hash() => {}
            Previewed::Plan(_) => {
                return Err(
                    "what was confirmed has changed meanwhile (files, revision or limits): \
                            nothing was run; look at the plan again"
                        .to_owned(),
                );
            }
            Previewed::Nothing(why) | Previewed::Impossible(why) => {
                return Err(format!("it can no longer be run: {why}"));
            }
        }
        if matches!(plan.action, Action::Migrate { .. }) {
            self.prove(plan).await?;
        }
        Ok(())
    }

    /// Proves once that the tool connects to our server and database.
    async fn prove(&self, plan: &Plan) -> Result<(), String> {
        let mut proven = self.proven.lock().await;
        if *proven {
            return Ok(());
        }
        let (tool, migrations) = self.migrations().await?;
        let Some(command) = tool.probe(&migrations.project) else {
            return Err(format!("{} has no command that shows where it connects", tool.name()));
        };
        let probe = prove::Probe {
            argv: self.own_program(&command.argv),
            directory: self.site.project.clone(),
            environment: self.proof_environment(),
            output: None,
        };
        let mut control = self.control().await?;
        let proof = prove::child_target(&mut control, &probe, &plan.target, PROOF).await;
        match proof.map_err(|error| error.to_string())? {
            Proof::Proven { .. } => {
                *proven = true;
                Ok(())
            }
            Proof::ElsewhereOnServer { database, .. } => Err(format!(
                "{} connects to the database {} of this server, not to {}: correct its configuration",
                tool.name(),
                database.one_line(),
                plan.target.database
            )),
            Proof::CannotTell(reason) => {
                Err(format!("cannot tell where {} connects: {}", tool.name(), reason.text()))
            }
        }
    }

    fn proof_environment(&self) -> std::collections::BTreeMap<String, String> {
        use crate::io::act::Value;
        use secrecy::ExposeSecret as _;
        let variables = environment::variables(
            &self.site.target.spec,
            self.site.config(),
            "",
            crate::domain::plan::Timeouts::default(),
        );
        let expose = |value: Value| match value {
            Value::Plain(text) => text,
            Value::Secret(secret) => secret.expose_secret().to_owned(),
        };
        let own = variables
            .into_iter()
            .filter(|(name, _)| name != "PGAPPNAME")
            .map(|(name, value)| (name, expose(value)))
            .collect();
        let inherited = crate::io::postgres::target::environment();
        prove::environment(&inherited, &own)
    }

    /// Puts our own program in the place of its name.
    fn own_program(&self, argv: &[String]) -> Vec<String> {
        let own = |word: &String| match word.as_str() {
            "lockkeeper" => self.site.program.display().to_string(),
            _ => word.clone(),
        };
        argv.iter().take(1).map(own).chain(argv.iter().skip(1).cloned()).collect()
    }

    async fn signal(&self, backend: BackendKey, signal: Signal) -> Outcome {
        let mut control = match self.control().await {
            Ok(control) => control,
            Err(why) => return Outcome::new(Ending::NotRun, why),
        };
        let query_start = None;
        let sent = match control.signal(signal, backend).await {
            Ok(sent) => sent,
            Err(error) => return Outcome::new(Ending::Unknown, error.to_string()),
        };
        let not_run = |why: String| Outcome::new(Ending::NotRun, why);
        match sent {
            Signalled::Sent => {}
            Signalled::Gone => return Outcome::new(Ending::Done, "it had ended by itself"),
            Signalled::Reused(began) => {
                return not_run(format!(
                    "pid {} is another backend now, begun at {began}",
                    backend.pid
                ));
            }
            Signalled::Hidden => return not_run("its start is hidden from our role".to_owned()),
            Signalled::Ours => return not_run("it is one of our own connections".to_owned()),
            Signalled::NotPermitted(why) => return not_run(why),
            Signalled::NotDelivered => return not_run("the server did not deliver it".to_owned()),
        }
        let aim = match (signal, query_start) {
            (Signal::Cancel, Some(began)) => Aim::StatementEnds(began),
            (Signal::Cancel, None) => return Outcome::new(Ending::Done, "delivered"),
            (Signal::Terminate, _) => Aim::SessionEnds,
        };
        match control.check_gone(backend, aim, GONE).await {
            Ok(crate::io::postgres::control::After::Done) => {
                Outcome::new(Ending::Done, "it is gone")
            }
            Ok(crate::io::postgres::control::After::Still) => Outcome::new(
                Ending::Failed,
                format!("delivered, but it is still there after {} s", GONE.as_secs()),
            ),
            Err(error) => Outcome::new(Ending::Unknown, error.to_string()),
        }
    }

    async fn run_job(&self, journal: &Journal, act: &Act, confirmed: &Confirmed) -> Outcome {
        let plan = confirmed.plan();
        let application = application(&act.id, confirmed.hash());
        let setting = Setting {
            env: environment::variables(
                &self.site.target.spec,
                self.site.config(),
                &application,
                plan.timeouts,
            ),
            grace: GRACE,
            lockkeeper: self.site.program.clone(),
        };
        let (stop, stopped) = watch::channel(Stop::No);
        self.set_running(Some(Running { stop, application }));
        let print = |batch: Batch| {
            for line in batch.lines {
                self.tell(News::Output { act: act.id.clone(), line });
            }
        };
        let classify = async |finished: Finished| self.classify(plan, &finished).await;
        let outcome =
            perform::in_child(journal, act, confirmed, &setting, print, stopped, classify).await;
        self.set_running(None);
        outcome
    }

    fn set_running(&self, running: Option<Running>) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = running;
    }

    /// Tells what became of a job from its exit, its words and the revision after it.
    async fn classify(&self, plan: &Plan, finished: &Finished) -> Outcome {
        let after = self.after(plan, &finished.output, finished.exit.code).await;
        if let (Action::Migrate { after, .. }, Ok(mut led_to)) = (&plan.action, self.led_to.lock())
        {
            *led_to = Some(after.clone());
        }
        resolve::classify(&finished.exit, &after)
    }

    /// Reads what is known beside a job's exit: what its last lines say, and where the
    /// database is.
    pub(super) async fn after(&self, plan: &Plan, said: &[Untrusted], code: Option<i32>) -> After {
        let Action::Migrate { after, .. } = &plan.action else {
            let message = said.last().cloned().unwrap_or_default();
            return After { message, ..After::default() };
        };
        let output = said.iter().map(Untrusted::raw).collect::<Vec<_>>().join("\n");
        let read = self.migrations().await;
        let failure = read.as_ref().ok().map(|(tool, _)| tool.explain(&output, code));
        let whole = read.as_ref().is_ok_and(|(_, known)| is_whole(plan, known));
        After {
            failure: failure.as_ref().and_then(|failure| kind(failure, whole)),
            before: plan.revision_before.clone(),
            expected: Some(after.clone()),
            revision: self.revision().await,
            message: failure
                .filter(|_| code != Some(0))
                .map(|failure| Untrusted::new(failure.line))
                .unwrap_or_default(),
        }
    }
}

/// Returns the name that an act's backend bears on the server, in ASCII and below the 63
/// bytes that `application_name` keeps: how it is found, also after a crash.
pub(super) fn application(act: &str, plan: &Hash) -> String {
    let digits = plan.as_str();
    format!("lockkeeper/migrate {act} {}", digits.get(..8).unwrap_or(digits))
}

/// Returns true if all that the plan's migration does is one transaction, the row of its
/// version included.
pub(super) fn is_whole(plan: &Plan, known: &Migrations) -> bool {
    let Action::Migrate { direction, migration, .. } = &plan.action else { return false };
    let migration = known.project.migration(migration);
    let script = migration.and_then(|migration| match direction {
        Direction::Up => Some(&migration.up),
        Direction::Down => migration.down.as_ref(),
    });
    script.is_some_and(|script| script.transactions == Transactions::One)
}

/// Returns what a failure left behind, where its words and the transaction tell.
fn kind(failure: &Failure, whole: bool) -> Option<resolve::Failure> {
    match failure.kind {
        // Nothing had begun.
        FailureKind::Moved
        | FailureKind::Connection
        | FailureKind::MissingFile
        | FailureKind::Changed
        | FailureKind::Dirty => Some(resolve::Failure::RolledBack),
        FailureKind::LockTimeout if whole => Some(resolve::Failure::LockTimeout),
        FailureKind::Other => None,
        _ if whole => Some(resolve::Failure::RolledBack),
        _ => None,
    }
}

/// Returns the request that leads to exactly this plan, if nothing has moved.
fn request(plan: &Plan) -> Request {
    match &plan.action {
        Action::Signal { backend, signal } => {
            Request::Signal { backend: *backend, signal: *signal }
        }
        Action::Migrate { direction, .. } => {
            Request::Migrate { direction: *direction, goal: Goal::One, risk: plan.risk }
        }
        _ => {
            let argv = plan.command.as_ref().map(|command| command.argv.clone());
            Request::Command { argv: argv.unwrap_or_default(), risk: plan.risk }
        }
    }
}
