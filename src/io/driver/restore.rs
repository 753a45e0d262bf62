//! What a restore's plan stands on, and what its acts have left on the server.

use std::path::Path;

use chrono::Utc;

use super::{Inner, environment};
use crate::domain::backup::{Backup, Kind};
use crate::domain::connection::Spec;
use crate::domain::identity::Identity;
use crate::domain::outcome::{Ending, Outcome};
use crate::domain::plan::{Action, Plan};
use crate::domain::resolve::{self, After, Postcondition};
use crate::domain::restore::{
    Act, Found, Goal, Mark, Order, Preflight, Standing, State, World, fresh,
};
use crate::io::blocking::blocking;
use crate::io::child::UNHEARD;
use crate::io::perform::Finished;
use crate::io::postgres::{Purpose, connect, query_error};
use crate::io::{restore, store};
use crate::session::news::News;
use crate::session::proving::NEWEST;
use crate::session::restore::Restoring;

/// More connections than this load no faster where the disk is the limit.
const JOBS: usize = 4;

impl Inner {
    /// Returns how the maintenance database is reached: no swap cuts that off.
    pub(super) fn maintenance(&self) -> Spec {
        self.site.target.maintenance()
    }

    /// Reads what a restore stands on.
    pub(super) async fn restoring(
        &self,
        identity: &Identity,
        order: &Order,
    ) -> Result<Restoring, String> {
        let backup = match &order.goal {
            Goal::Backup(named) => Some(self.backup(named, identity).await.map(Box::new)),
            Goal::Undo | Goal::Drop(_) => None,
        };
        // When it is planned again right before the act, nobody looks at the counts.
        let known = backup.as_ref().and_then(|backup| backup.as_deref().ok());
        let archive = known.and_then(|backup| backup.size);
        let goal = known.filter(|_| order.name.is_none());
        let goal = goal.map(|backup| Goal::Backup(backup.location.clone()));
        let maintenance = self.maintenance();
        let look = restore::look(&self.site.target, identity.database_oid, goal.as_ref()).await?;
        let fresh = fresh(&look.world, known);
        let name = order.name.as_ref().unwrap_or(&fresh);
        let env = environment::for_backup(&maintenance, "", "");
        let client = client(backup.as_ref());
        Ok(Restoring {
            client: self.client_program(client, identity.major()).await,
            create: look.properties.create(name),
            backup,
            world: look.world,
            preflight: Ok(Preflight { archive, ..look.preflight }),
            fresh,
            live: look.live,
            written: look.written,
            maintenance: maintenance.database.clone(),
            jobs: std::thread::available_parallelism().map_or(1, |n| n.get().min(JOBS)),
            tool: blocking(|| self.site.tool()).ok().map(|(tool, _)| tool.word()),
            env: env.into_iter().map(|(name, _)| name).collect(),
            now: look.now,
        })
    }

    /// Returns the backup that is meant: the newest, or by its name or place.
    pub(super) async fn backup(&self, named: &str, identity: &Identity) -> Result<Backup, String> {
        let known = self.inventory().await?;
        if named == NEWEST {
            let newest = known.newest(identity).cloned();
            return newest.ok_or_else(|| "no full backup of this database was found".to_owned());
        }
        let is_meant = |backup: &&Backup| backup.location == named || backup.id == named;
        match known.backups.iter().find(is_meant) {
            Some(backup) => Ok(backup.clone()),
            None => blocking(|| store::single(Path::new(named), Utc::now())),
        }
    }

    /// Reads what restores have left here, and which ways to restore are open, and tells it.
    pub(super) async fn refresh_restore(&self) {
        self.tell(News::Restore(self.standing().await.map(Box::new)));
    }

    /// Returns what restores have left here, and which ways to restore are open.
    pub(super) async fn standing(&self) -> Result<Standing, String> {
        let identity = self.identity().await?;
        let look = restore::look(&self.site.target, identity.database_oid, None).await?;
        Ok(Standing { world: look.world, preflight: look.preflight })
    }

    /// Takes either database for the target while our own swap is under way.
    pub(super) fn before_swap(&self, plan: &Plan) {
        if let Some(oid) = swapped_in(plan) {
            self.bound.admit(oid);
        }
    }

    /// Binds what has the name after a swap that was begun, or still has it. While nobody
    /// answers, or another target, both stay admitted: they are the two that the journal names.
    pub(super) async fn after_swap(&self, plan: &Plan) {
        let Some(new) = swapped_in(plan) else { return };
        // These lead to the database from before, or are ended.
        self.sampler.lock().await.close().await;
        if let Some(mut control) = self.control.lock().await.take() {
            control.close().await;
        }
        // Checked as before any act: the OID alone is that of a replica or a copy as well.
        let found = self.identity_for(&plan.action).await;
        if let Ok(found) = found
            && [new, plan.target.database_oid].contains(&found.database_oid)
        {
            self.bound.settle(found.clone());
            self.tell(News::Identity(Ok(found)));
            self.tell(News::Mismatch(None));
        }
    }

    /// Tells what became of an act of a restore from its program's exit and from the server.
    pub(super) async fn restore_ended(&self, plan: &Plan, finished: &Finished) -> Outcome {
        let message = finished.output.last().cloned().unwrap_or_default();
        let outcome = resolve::classify(&finished.exit, &After { message, ..After::default() });
        let ending = match (outcome.ending, self.left_by(plan).await) {
            (Ending::NotRun, _) => Ending::NotRun,
            (_, Postcondition::Holds | Postcondition::Swapped) => Ending::Done,
            (Ending::Done, _) => Ending::Failed,
            _ if finished.exit.code == Some(2) => Ending::NotRun,
            (_, Postcondition::NotSwapped | Postcondition::NothingLeft) => Ending::RolledBack,
            (_, Postcondition::HalfMade) => Ending::Partial,
            _ if swapped_in(plan).is_some() => Ending::Unknown,
            _ if finished.exit.code == Some(i32::from(UNHEARD)) => Ending::Unknown,
            (ending, _) => ending,
        };
        self.held_back(plan, Outcome { ending, ..outcome }).await
    }

    /// Tells with the outcome of a swap if its pooler is left paused: the swap lets its clients go
    /// on itself, unless it was killed before it could.
    pub(super) async fn held_back(&self, plan: &Plan, outcome: Outcome) -> Outcome {
        let argv = plan.command.iter().flat_map(|command| &command.argv);
        let mut words = argv.skip_while(|word| *word != "--pooler").skip(1);
        let Some(console) = words.next().filter(|_| swapped_in(plan).is_some()) else {
            return outcome;
        };
        match restore::left_paused(console, &plan.target.database).await {
            Some(held) => {
                let message = match outcome.message.raw() {
                    "" => held,
                    said if said.contains(&held) => return outcome,
                    said => format!("{said}; {held}"),
                };
                Outcome { message: message.into(), ..outcome }
            }
            None => outcome,
        }
    }

    /// Returns what the server says an act of a restore has come to.
    pub(super) async fn left_by(&self, plan: &Plan) -> Postcondition {
        let Action::Restore { act, database, oid, .. } = &plan.action else {
            return Postcondition::CannotTell;
        };
        let Ok(world) = self.world_of(plan).await else { return Postcondition::CannotTell };
        let found = world.found.iter().find(|found| found.name == *database);
        match act {
            Act::Swap | Act::Undo if *oid == Some(world.oid) => Postcondition::Swapped,
            Act::Swap | Act::Undo if world.oid == plan.target.database_oid => {
                Postcondition::NotSwapped
            }
            Act::Swap | Act::Undo => Postcondition::CannotTell,
            Act::Drop if found.is_none() => Postcondition::Holds,
            // Right before it is dropped it loses the mark of what is loaded.
            Act::Drop => match made(found, State::Loaded) {
                Postcondition::Holds => Postcondition::NotSwapped,
                half => half,
            },
            Act::Load => made(found, State::Loaded),
            Act::Settle => match made(found, State::Settled) {
                Postcondition::HalfMade => Postcondition::NothingLeft,
                made => made,
            },
        }
    }

    async fn world_of(&self, plan: &Plan) -> Result<World, String> {
        let spec = self.maintenance();
        let opened = connect(&spec, Purpose::Reader).await;
        let mut connection = opened.map_err(|error| error.to_string())?;
        let name = &plan.target.database;
        let sql = "SELECT d.oid::int8 FROM pg_catalog.pg_database d WHERE d.datname = $1";
        let oid: i64 = sqlx::query_scalar(sql)
            .bind(name)
            .fetch_one(&mut connection)
            .await
            .map_err(|error| query_error(&error))?;
        let oid = u32::try_from(oid).map_err(|error| error.to_string())?;
        restore::world(&mut connection, oid, name).await.map_err(|error| query_error(&error))
    }
}

/// Returns the database that the plan's act puts under the name, if it puts one there.
pub(super) fn swapped_in(plan: &Plan) -> Option<u32> {
    match plan.action {
        Action::Restore { act, oid, .. } if act.swaps() => oid,
        _ => None,
    }
}

fn made(found: Option<&Found>, wanted: State) -> Postcondition {
    match found.map(|found| &found.mark) {
        None => Postcondition::NothingLeft,
        Some(Some(Mark::New { state, .. })) if *state >= wanted => Postcondition::Holds,
        Some(_) => Postcondition::HalfMade,
    }
}

/// Returns the program that loads such a backup.
fn client(backup: Option<&Result<Box<Backup>, String>>) -> &'static str {
    let is_script = matches!(backup, Some(Ok(backup)) if backup.kind == Kind::Plain);
    if is_script { "psql" } else { "pg_restore" }
}
