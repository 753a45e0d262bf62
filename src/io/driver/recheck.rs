//! The last look before an act starts: the same target, the same plan, one writer, and a
//! tool that is seen on this very server.

use std::ffi::OsString;
use std::time::Duration;

use super::act::{ACTS, restoring};
use super::hand::Hand;
use super::{Inner, environment};
use crate::domain::backup::Tending;
use crate::domain::evidence::Level;
use crate::domain::identity::Identity;
use crate::domain::plan::{Action, Command, Confirmed, Plan};
use crate::domain::restore::Order;
use crate::io::backup;
use crate::io::postgres::Control;
use crate::io::postgres::control;
use crate::io::postgres::prove::{self, Forbidden, Proof, Reason};
use crate::session::effect::{Goal, Previewed, Request};
use crate::session::making::Parts;
use crate::session::preview::prefixed;
use crate::session::sending::Job;
use crate::tools;

/// How long a tool may take until it is seen on the server.
const PROOF: Duration = Duration::from_secs(45);

/// How often a tool is run that ended well and was not seen: the session of a command that
/// only reads lasts some tens of milliseconds, and a busy machine may not look in between.
const LOOKS: u32 = 12;

impl Inner {
    /// Looks again, right before the start.
    pub(super) async fn recheck(&self, confirmed: &Confirmed, hand: &Hand) -> Result<(), String> {
        let plan = confirmed.plan();
        let found = self.identity_for(&plan.action).await?;
        same(plan, &found)?;
        if matches!(plan.action, Action::Signal { .. }) {
            // The guard is in the statement itself; whoever waits at three in the morning
            // must not wait for a lease.
            return Ok(());
        }
        let mut control = self.own_control(plan).await?;
        self.hold_lease(&found).await?;
        nobody_else_acts(&mut control, plan).await?;
        self.replan(confirmed).await?;
        self.prove(plan, &mut control).await?;
        *hand.control.lock().await = Some(control);
        // All this took its time.
        self.still_holds_lease().await
    }

    /// Opens the connection through which the act is watched and cancelled.
    async fn own_control(&self, plan: &Plan) -> Result<Control, String> {
        let is_restore = matches!(plan.action, Action::Restore { .. });
        // A swap ends every session on the target.
        let spec = if is_restore { self.maintenance() } else { self.site.target.spec.clone() };
        let mut control = Control::open(spec).await.map_err(|error| error.to_string())?;
        let found = control.identity().await.map_err(|error| error.to_string())?;
        if !is_restore {
            return same(plan, &found).map(|()| control);
        }
        let is_server = found.system_identifier == plan.target.system_identifier && found.primary;
        if is_server { Ok(control) } else { Err("another server answers".to_owned()) }
    }

    /// Plans the same once more: what the confirmation is bound to must not have moved.
    async fn replan(&self, confirmed: &Confirmed) -> Result<(), String> {
        match self.planned(&request(confirmed.plan())?).await {
            Previewed::Plan(again) if again.hash() == *confirmed.hash() => {
                self.no_worse(confirmed, &again)
            }
            Previewed::Plan(_) => {
                Err("what was confirmed has changed meanwhile (files, revision or limits): \
                            nothing was run; look at the plan again"
                    .to_owned())
            }
            Previewed::Nothing(why) | Previewed::Impossible(why) => {
                Err(format!("it can no longer be run: {why}"))
            }
        }
    }

    /// Proves that the act's program connects to our server and database. Before every act:
    /// what a tool reads to find its database (its settings, a `.env`, whatever its scripts
    /// import) may have changed since the last one, and only a look can tell.
    async fn prove(&self, plan: &Plan, control: &mut Control) -> Result<(), String> {
        let Some((name, command)) = self.where_it_connects(plan).await? else { return Ok(()) };
        // Exactly what the act's program is given, but for its name on the server.
        let (spec, config) = (&self.site.target.spec, self.site.config());
        let probe = prove::Probe {
            argv: self.own_program(command.argv),
            directory: self.site.project.clone(),
            environment: environment::variables(spec, config, "", None),
            output: None,
        };
        let mut forbidden = match self.site.rehearsal.as_ref().and_then(|r| r.forbidden.clone()) {
            Some(real) => Some(Control::open(real).await.map_err(|error| error.to_string())?),
            None => None,
        };
        let proof = proof(control, forbidden.as_mut(), &probe, plan).await;
        if let Some(mut forbidden) = forbidden {
            forbidden.close().await;
        }
        match proof.map_err(|error| error.to_string())? {
            Proof::Proven { .. } => Ok(()),
            Proof::ElsewhereOnServer { database, .. } => Err(format!(
                "{name} connects to the database {} of this server, not to {}: correct its configuration",
                database.one_line(),
                plan.target.database
            )),
            Proof::Forbidden { database, .. } => Err(format!(
                "{name} connects to {} of the real target: in a rehearsal it is not run; let it \
                 take its database from the environment ([project] environment)",
                database.one_line()
            )),
            Proof::CannotTell(reason) => {
                Err(format!("cannot tell where {name} connects: {}", reason.text()))
            }
        }
    }

    /// Returns the program's name and its command that shows where it connects; `None` for
    /// one of which nothing is known: a runbook's command.
    async fn where_it_connects(
        &self,
        plan: &Plan,
    ) -> Result<Option<(&'static str, Command)>, String> {
        match &plan.action {
            Action::Sql { .. } => Ok(Some(("lockkeeper", tools::sql::probe()))),
            Action::Migrate { .. } => {
                let (tool, migrations) = self.migrations().await?;
                let no = || format!("{} has no command that shows where it connects", tool.name());
                let command = tool.probe(&migrations.project).ok_or_else(no)?;
                Ok(Some((tool.name(), command)))
            }
            _ => Ok(None),
        }
    }

    /// Puts our own program in the place of its name, and the prefix before any other one.
    pub(super) fn own_program(&self, argv: Vec<String>) -> Vec<String> {
        let mut argv = prefixed(&self.site.config().project.prefix, argv);
        if let Some(first) = argv.first_mut().filter(|word| *word == "lockkeeper") {
            *first = self.site.program.display().to_string();
        }
        argv
    }
}

/// Looks for the program on the server, again while it may just have been overlooked.
async fn proof(
    control: &mut Control,
    mut forbidden: Option<&mut Control>,
    probe: &prove::Probe,
    plan: &Plan,
) -> Result<Proof, control::Error> {
    let mut looks = 1;
    loop {
        let alone = forbidden.as_deref_mut();
        let alone = alone.map(|control| Forbidden { control, own: None });
        let proof = prove::child_target_alone(control, alone, probe, &plan.target, PROOF).await?;
        match proof {
            Proof::CannotTell(Reason::Ended(Some(0))) if looks < LOOKS => looks += 1,
            proof => return Ok(proof),
        }
    }
}

fn same(plan: &Plan, found: &Identity) -> Result<(), String> {
    if plan.target.same_target(found) {
        return Ok(());
    }
    Err("another target answers than the one that was confirmed".to_owned())
}

/// Refuses while the server works on another act: its console may be gone, and its lease
/// with it, or its program killed and its statement not.
async fn nobody_else_acts(control: &mut Control, plan: &Plan) -> Result<(), String> {
    let mut found = Vec::new();
    for acts in ACTS {
        found.extend(control.find_beginning(acts).await.map_err(|error| error.to_string())?);
    }
    found.retain(|session| session.database_oid == plan.target.database_oid);
    let restores = restoring(plan.target.database_oid);
    let restores = control.find_beginning(&restores).await.map_err(|error| error.to_string())?;
    found.extend(restores);
    match found.first() {
        None => Ok(()),
        Some(session) => Err(format!(
            "another act of a lockkeeper is under way in pid {}: wait for its end, or end it, \
             and look again; nothing was run",
            session.pid
        )),
    }
}

/// Returns the request of a backup from its program's words.
fn backing_up(command: &Command) -> Result<Request, String> {
    let words: Vec<OsString> = command.argv.iter().skip(2).map(OsString::from).collect();
    let backup::Job { scope, directory, tables, csv, .. } = backup::Job::parse(&words)?;
    let to = directory.to_str().map(str::to_owned);
    Ok(Request::BackupOf(Parts { scope, to, tables, csv }))
}

/// Returns the request that leads to exactly this plan, if nothing has moved.
fn request(plan: &Plan) -> Result<Request, String> {
    match (&plan.action, &plan.command) {
        (Action::Signal { backend, signal }, _) => {
            Ok(Request::Signal { backend: *backend, signal: *signal })
        }
        (Action::Migrate { direction, migration, .. }, _) => {
            let goal = Goal::Only(migration.clone());
            Ok(Request::Migrate { direction: *direction, goal, risk: plan.risk })
        }
        (Action::Sql { mends: Some(what), .. }, _) => Ok(Request::Mend(what.clone())),
        (Action::Sql { text, binds, .. }, _) if !binds.is_empty() => {
            Ok(Request::Bound { text: text.clone(), binds: binds.clone(), risk: plan.risk })
        }
        (Action::Sql { text, .. }, _) => Ok(Request::Sql { text: text.clone(), risk: plan.risk }),
        (Action::Http { .. }, Some(command)) => {
            let job = Job::of(&command.argv).ok_or("its request cannot be read")?;
            Ok(Request::Http { job: Box::new(job), risk: plan.risk })
        }
        (Action::Command, Some(command)) => {
            Ok(Request::Command { argv: command.argv.clone(), risk: plan.risk })
        }
        (Action::Backup { .. }, Some(command)) => backing_up(command),
        (Action::VerifyBackup { file, level }, _) => Ok(Request::VerifyBackup {
            backup: file.clone(),
            level: Level::parse(level).ok_or("its level is not known")?,
        }),
        (Action::Rehearse { of, .. }, _) => Ok(Request::Rehearse(*of)),
        (Action::Tend { tending, backups }, _) => Ok(Request::Tend {
            tending: *tending,
            backup: backups.first().filter(|_| *tending != Tending::Prune).cloned(),
        }),
        (Action::Restore { goal, database, stated, .. }, _) => Ok(Request::Restore(Order {
            goal: goal.clone(),
            stated: *stated,
            name: Some(database.clone()),
        })),
        _ => {
            Err("it cannot be planned again to see whether it has changed: nothing was run".into())
        }
    }
}
