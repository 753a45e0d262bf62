//! Reading what a plan stands on, fresh each time it is asked for.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::{Inner, environment, rehearsed};
use crate::domain::age;
use crate::domain::backup::Inventory;
use crate::domain::hazard::Hazard;
use crate::domain::identity::Identity;
use crate::domain::locks::Mode;
use crate::domain::loss::Loss;
use crate::domain::mend::{Invalid, Mend};
use crate::domain::plan::{Action, Direction};
use crate::domain::snapshot::Snapshot;
use crate::io::blocking::blocking;
use crate::io::poll::Answer;
use crate::io::postgres::reader::Holding;
use crate::session::effect::{Previewed, Request};
use crate::session::facts::Migrations;
use crate::session::making::{Making, Parts};
use crate::session::preview::{self, Ground, Ways};
use crate::session::rehearsing::Rehearsing;
use crate::session::restore::Restoring;
use crate::tools::status::{Entry, Status};
use crate::tools::{self, Tool};

/// How long the monitor may take to answer a question; it may have to connect first.
const LIMIT: Duration = Duration::from_secs(10);

/// What was read for one plan.
pub struct Gathered {
    /// Who answers.
    pub identity: Identity,
    /// The activity.
    pub snapshot: Option<Snapshot>,
    /// The tool and its migrations.
    pub project: Result<(&'static dyn Tool, Migrations), String>,
    /// Who holds or awaits what the migrations need.
    pub holders: Result<Vec<Holding>, String>,
    /// What a backup stands on, if one was asked for.
    pub making: Option<Making>,
    /// The backups, if one of them is to be proven or tended.
    pub backups: Option<Inventory>,
    /// The indexes that no query uses.
    pub invalid: Vec<Invalid>,
    /// What a restore stands on, if one was asked for.
    pub restoring: Option<Restoring>,
    /// What a rehearsal stands on, if one was asked for.
    pub rehearsing: Option<Rehearsing>,
}

impl Inner {
    /// Returns who answers, if it is the pinned target, and the one that was bound first.
    pub async fn identity(&self) -> Result<Identity, String> {
        let found = self.reader.lock().await.identity().await.map_err(|e| e.to_string())?;
        self.check(found)
    }

    /// Returns the same for what `action` is about to reach: a signal goes through the
    /// control connection, the program of any other act opens one of its own.
    pub async fn identity_for(&self, action: &Action) -> Result<Identity, String> {
        let found = match action {
            Action::Signal { .. } => return self.identity_of_control().await,
            _ => self.reader.lock().await.identity_anew().await,
        };
        self.check(found.map_err(|error| error.to_string())?)
    }

    async fn identity_of_control(&self) -> Result<Identity, String> {
        let found = self.control().await?.identity().await;
        self.check(found.map_err(|error| error.to_string())?)
    }

    fn check(&self, found: Identity) -> Result<Identity, String> {
        self.site.target.check(&found).map_err(|refused| refused.to_string())?;
        self.bound.check(&found).map_err(|refused| refused.to_string())?;
        Ok(found)
    }

    /// Asks the monitor what is so now; the target that is bound is believed, and no other one
    /// that the monitor has come back to.
    pub async fn activity(&self) -> Answer {
        let (question, answer) = oneshot::channel();
        self.questions.send(question).map_err(|_| "the monitor has ended".to_owned())?;
        match timeout(LIMIT, answer).await {
            Ok(Ok(read)) => {
                let (snapshot, slow) = read?;
                self.check(snapshot.server.clone())?;
                Ok((snapshot, slow))
            }
            Ok(Err(_)) => Err("the connection to the server was lost".to_owned()),
            Err(_) => Err(format!("no answer within {} s", LIMIT.as_secs())),
        }
    }

    /// Reads files, version table and schema.
    pub async fn migrations(&self) -> Result<(&'static dyn Tool, Migrations), String> {
        let (tool, detected) = blocking(|| self.site.tool())?;
        let tree = self.site.tree();
        let query = blocking(|| tool.version_query(&tree));
        let mut reader = self.reader.lock().await;
        let rows = reader.version_rows(&query).await;
        let rows = rows.map_err(|e| format!("{} cannot be read: {e}", query.table))?;
        let version = self.bound.get().map(|identity| identity.version_num);
        let version = match version {
            Some(version) => version,
            None => reader.identity().await.map_err(|e| e.to_string())?.version_num,
        };
        let catalog = reader.catalog(version).await.map_err(|e| e.to_string())?;
        drop(reader);
        let project = blocking(|| {
            let mut project = tool.load(&tree, &detected.directory, &rows);
            self.history().hint(&self.site.project, &mut project);
            project
        });
        let mut status = Status::of(&project, &catalog);
        let rehearsed = self.rehearsed(tool, &project, &catalog).await;
        if let Some(rehearsed) = &rehearsed {
            status.estimate(rehearsed);
        }
        Ok((tool, Migrations { project, status, rehearsed }))
    }

    /// Returns the revisions that the database is at.
    pub async fn revision(&self) -> Option<Vec<String>> {
        let (tool, detected) = blocking(|| self.site.tool()).ok()?;
        let tree = self.site.tree();
        let query = blocking(|| tool.version_query(&tree));
        let rows = self.reader.lock().await.version_rows(&query).await.ok()?;
        blocking(|| tool.load(&tree, &detected.directory, &rows)).revision()
    }

    /// Reads all that a plan stands on.
    pub async fn gather(&self, request: &Request) -> Result<Gathered, String> {
        let identity = match request {
            Request::Signal { .. } => self.identity_of_control().await?,
            _ => self.identity().await?,
        };
        let snapshot = self.activity().await.ok().map(|(snapshot, _)| snapshot);
        let mut project = Err("not asked for".to_owned());
        let mut holders = Ok(Vec::new());
        if let Request::Migrate { direction, .. } = request {
            project = self.migrations().await;
            if let Ok((_, migrations)) = &mut project {
                holders = self.holders(migrations, *direction).await;
                if let Some(next) = migrations.next(*direction).map(str::to_owned) {
                    self.counted(migrations, &next, *direction).await;
                }
            }
        }
        if let Request::Http { job, .. } = request {
            job.variables().iter().try_for_each(|name| environment::secret(name).map(drop))?;
        }
        if let Request::Sql { text, .. } | Request::Bound { text, .. } = request {
            let script = blocking(|| tools::sql::script(text));
            let hazards = preview::sql::hazards(&script, Some(identity.version_num));
            holders = self.holders_of(&hazards).await;
        }
        if matches!(request, Request::Mend(Mend::Mark) | Request::Rehearse(_)) {
            project = self.migrations().await;
        }
        let invalid = match request {
            Request::Migrate { .. } | Request::Mend(Mend::Index { .. }) => {
                let read = self.reader.lock().await.invalid_indexes().await;
                read.map_err(|error| error.to_string())?
            }
            _ => Vec::new(),
        };
        let making = match request {
            Request::Backup { scope, to } => {
                let (scope, to) = (*scope, to.clone());
                let parts = Parts { scope, to, tables: Vec::new(), csv: Vec::new() };
                Some(Box::pin(self.making(&identity, &parts)).await)
            }
            Request::BackupOf(parts) => Some(Box::pin(self.making(&identity, parts)).await),
            _ => None,
        };
        let backups = match request {
            Request::VerifyBackup { .. } => Some(self.inventory().await?),
            Request::Tend { .. } => Some(self.inventory_with_runs().await?),
            _ => None,
        };
        let restoring = match request {
            Request::Restore(order) => Some(Box::pin(self.restoring(&identity, order)).await?),
            _ => None,
        };
        let rehearsing = match request {
            Request::Rehearse(_) => Some(self.rehearsing(&identity).await),
            _ => None,
        };
        Ok(Gathered {
            identity,
            snapshot,
            project,
            holders,
            making,
            backups,
            invalid,
            restoring,
            rehearsing,
        })
    }

    /// Returns who holds what the migrations that may come next would lock.
    pub async fn holders(
        &self,
        migrations: &Migrations,
        direction: Direction,
    ) -> Result<Vec<Holding>, String> {
        let Some(next) = migrations.next(direction) else { return Ok(Vec::new()) };
        self.holders_of(migrations.hazards(next, direction)).await
    }

    /// Counts what one way of a migration would lose or be refused by, and returns it.
    pub async fn counted(
        &self,
        migrations: &mut Migrations,
        id: &str,
        direction: Direction,
    ) -> Vec<Loss> {
        let of = |entry: &&mut Entry| entry.id == id;
        let Some(entry) = migrations.status.migrations.iter_mut().find(of) else {
            return Vec::new();
        };
        let mut counted: Vec<Loss> = entry.countable(direction).map(|loss| loss.clone()).collect();
        self.reader.lock().await.count(&mut counted).await;
        entry.learn(&counted);
        counted
    }

    async fn holders_of(&self, hazards: &[Hazard]) -> Result<Vec<Holding>, String> {
        let mut names: Vec<String> =
            hazards.iter().flat_map(|h| &h.locks).map(|held| held.relation.clone()).collect();
        names.sort_unstable();
        names.dedup();
        let read = self.reader.lock().await.holders(&names).await;
        read.map_err(|error| error.to_string())
    }

    /// Plans a request for showing it.
    pub async fn preview(&self, request: &Request) -> Previewed {
        let mut previewed = self.planned(request).await;
        if let Previewed::Plan(plan) = &mut previewed {
            self.shown_again(plan);
        }
        previewed
    }

    /// Plans a request on what is so now.
    pub(super) async fn planned(&self, request: &Request) -> Previewed {
        if let Err(why) = self.allowed(request) {
            return Previewed::Impossible(why);
        }
        if let Request::Tables(order) = request {
            return Box::pin(self.next_of_tables(order)).await;
        }
        match self.gather(request).await {
            Ok(gathered) => blocking(|| self.plan(request, &gathered)),
            Err(why) => Previewed::Impossible(why),
        }
    }

    /// A checkout's file that names commands must have been allowed.
    fn allowed(&self, request: &Request) -> Result<(), String> {
        // None of them runs a command of the file.
        let by_clients =
            matches!(request, Request::Backup { .. } | Request::BackupOf(_) | Request::Restore(_));
        let by_none = matches!(
            request,
            Request::Signal { .. }
                | Request::VerifyBackup { .. }
                | Request::Tend { .. }
                | Request::Mend(_)
                | Request::Http { .. }
        );
        if by_none || (by_clients && self.site.config().backups.client.is_none()) {
            return Ok(());
        }
        let allowed = self.site.loaded.commands_allowed(&self.allowed);
        allowed.map_err(|refused| refused.to_string())
    }

    /// Plans a request on what was read.
    pub fn plan(&self, request: &Request, gathered: &Gathered) -> Previewed {
        let tree = self.site.tree();
        let cwd = self.site.project.display().to_string();
        let env = environment::names(&self.site.target.spec, self.site.config());
        let in_the_way = |hazards: &[Hazard]| match &gathered.holders {
            Ok(holders) => in_the_way(hazards, holders),
            Err(why) => vec![format!("cannot tell who holds what it needs: {why}")],
        };
        let project = match &gathered.project {
            Ok((tool, migrations)) => Ok(Ways { tool: *tool, migrations, tree: &tree }),
            Err(why) => Err(why.as_str()),
        };
        let ground = Ground {
            identity: &gathered.identity,
            class: self.site.target.class,
            policy: &self.site.config().policy,
            snapshot: gathered.snapshot.as_ref(),
            project,
            cwd: &cwd,
            prefix: &self.site.config().project.prefix,
            env: &env,
            holders: &in_the_way,
            making: gathered.making.as_ref(),
            backups: gathered.backups.as_ref(),
            invalid: &gathered.invalid,
            restoring: gathered.restoring.as_ref(),
            rehearsing: gathered.rehearsing.as_ref(),
        };
        let mut previewed = preview::plan(request, &ground);
        if let (Previewed::Plan(plan), Some(rehearsal)) = (&mut previewed, &self.site.rehearsal) {
            rehearsed::mark(plan, rehearsal);
        }
        previewed
    }
}

/// Returns a line for each session that stands in the way of a statement now.
#[must_use]
pub fn in_the_way(hazards: &[Hazard], holders: &[Holding]) -> Vec<String> {
    let mut lines = Vec::new();
    for holding in holders {
        let wanted = hazards.iter().flat_map(|hazard| &hazard.locks).filter(|held| {
            held.relation == holding.relation.name || held.relation == holding.relation.quoted()
        });
        let Some(mode) = Mode::parse(&holding.mode) else { continue };
        let conflicts = wanted.into_iter().any(|held| held.mode.conflicts(mode));
        if conflicts {
            lines.push(line(holding, mode));
        }
    }
    lines.dedup();
    lines
}

fn line(holding: &Holding, mode: Mode) -> String {
    format!("{}: this waits behind it, and others behind this", who(holding, mode))
}

/// Returns who holds or awaits what, and for how long.
pub(super) fn who(holding: &Holding, mode: Mode) -> String {
    let who = match holding.pid {
        Some(pid) => format!("pid {pid} {}", holding.application.one_line()),
        None => "a prepared transaction".to_owned(),
    };
    let state = holding.state.as_deref().map(|state| format!(", {state}")).unwrap_or_default();
    let verb = if holding.granted { "holds" } else { "waits for" };
    let open = holding
        .open_s
        .and_then(|seconds| {
            chrono::TimeDelta::from_std(Duration::try_from_secs_f64(seconds).ok()?).ok()
        })
        .map(|open| format!(", open for {}", age::rough(open)))
        .unwrap_or_default();
    let relation =
        crate::domain::untrusted::Untrusted::from(holding.relation.name.as_str()).one_line();
    format!("{who}{state} {verb} {} on {relation}{open}", mode.short())
}
