//! From a request to the plan that is shown: pure, so that the same call right before the
//! act proves that nothing which the plan is bound to has moved.

mod mend;
pub mod sql;
mod stall;
mod window;

use crate::domain::activity::{Backend, BackendKey};
use crate::domain::age;
use crate::domain::backup::Inventory;
use crate::domain::config::Policy;
use crate::domain::graph::Trouble;
use crate::domain::hazard::{Answer, Hazard};
use crate::domain::identity::{Class, Identity};
use crate::domain::loss::Loss;
use crate::domain::mend::{self as left, Invalid};
use crate::domain::plan::{
    Action, Command, Digest, Direction, Plan, Preview, Risk, Signal, Timeouts,
};
use crate::domain::quantity::{Period, size};
use crate::domain::recount::Count;
use crate::domain::reversal::Kind as Reversal;
use crate::domain::signal;
use crate::domain::snapshot::Snapshot;
use crate::domain::untrusted::Untrusted;
use crate::tools::{Act, Intent, Migration, Script, Tool, Tree};

use super::effect::{Previewed, Request};
use super::facts::Migrations;
use super::making::{self, Making, Parts};
use super::procedure::up_to::{self, Next};
use super::proving;
use super::rehearsing::{self, Rehearsing};
use super::restore::{self, Restoring};
use super::salvaging;
use super::sending;
use super::staging;
use super::tending;

/// What a plan stands on, all of it read for this plan.
pub struct Ground<'a> {
    /// Who answers.
    pub identity: &'a Identity,
    /// How much care it asks for.
    pub class: Class,
    /// The configuration's values.
    pub policy: &'a Policy,
    /// The activity.
    pub snapshot: Option<&'a Snapshot>,
    /// The migrations, or why they cannot be read.
    pub project: Result<Ways<'a>, &'a str>,
    /// The directory in which commands run.
    pub cwd: &'a str,
    /// What stands before the command of a tool that is no part of this program.
    pub prefix: &'a [String],
    /// The names of the variables that are set for commands.
    pub env: &'a [String],
    /// Who would stand in the act's way now, a line each.
    pub holders: &'a dyn Fn(&[Hazard]) -> Vec<String>,
    /// What a backup stands on, if one is asked for.
    pub making: Option<&'a Making>,
    /// The backups, if one of them is to be proven or tended.
    pub backups: Option<&'a Inventory>,
    /// The indexes that no query uses.
    pub invalid: &'a [Invalid],
    /// What a restore stands on, if one is asked for.
    pub restoring: Option<&'a Restoring>,
    /// What a rehearsal stands on, if one is asked for.
    pub rehearsing: Option<&'a Rehearsing>,
}

/// The migrations with the tool that runs them and the files that it reads.
#[derive(Clone, Copy)]
pub struct Ways<'a> {
    /// The tool.
    pub tool: &'a dyn Tool,
    /// What it has.
    pub migrations: &'a Migrations,
    /// Its files.
    pub tree: &'a dyn Tree,
}

/// Plans `request` on what is so now.
#[must_use]
pub fn plan(request: &Request, ground: &Ground<'_>) -> Previewed {
    let planned = match request {
        Request::Signal { backend, signal } => signal_plan(*backend, *signal, ground),
        Request::Migrate { direction, goal, risk } => {
            return migrate(*direction, goal, *risk, ground);
        }
        Request::Command { argv, risk } => command(argv, *risk, ground),
        Request::Sql { text, risk } => sql::plan(text, &[], *risk, ground),
        Request::Bound { text, binds, risk } => sql::plan(text, binds, *risk, ground),
        Request::Http { job, risk } => sending::plan(job, *risk, ground),
        Request::Tend { tending, backup } => tending::plan(*tending, backup.as_deref(), ground),
        Request::Mend(what) => mend::plan(what, ground),
        Request::VerifyBackup { backup, level } => proving::plan(backup, *level, ground),
        Request::Rehearse(of) => match ground.rehearsing {
            Some(stands) => rehearsing::plan(*of, stands, ground),
            None => Err("what a rehearsal needs was not read".into()),
        },
        Request::Backup { scope, .. } | Request::BackupOf(Parts { scope, .. }) => {
            match ground.making {
                Some(making) => making::plan(*scope, making, ground),
                None => Err("what a backup needs was not read".into()),
            }
        }
        Request::Tables(_) => Err("what the tables hold was not read".into()),
        Request::Restore(order) => match ground.restoring {
            Some(restoring) => restore::plan(order, restoring, ground),
            None => Err("what a restore needs was not read".into()),
        },
    };
    match planned {
        Ok(plan) => Previewed::Plan(Box::new(plan)),
        Err(why) => Previewed::Impossible(why),
    }
}

pub(super) fn bare(action: Action, risk: Risk, ground: &Ground<'_>) -> Plan {
    Plan {
        action,
        target: ground.identity.clone(),
        class: ground.class,
        command: None,
        files: Vec::new(),
        revision_before: Vec::new(),
        timeouts: Timeouts::default(),
        attempts: 1,
        risk,
        approvals: 0,
        preview: Preview::default(),
    }
}

fn signal_plan(key: BackendKey, signal: Signal, ground: &Ground<'_>) -> Result<Plan, String> {
    let snapshot = ground.snapshot.ok_or("the sessions are not known yet")?;
    let backend = snapshot
        .backends
        .iter()
        .find(|backend| backend.key() == key)
        .ok_or_else(|| format!("pid {} has ended meanwhile", key.pid))?;
    let advice = signal::advice(backend, signal);
    if let Err(refused) = advice.possible {
        return Err(refused.text());
    }
    let mut plan =
        bare(Action::Signal { backend: key, signal }, signal_risk(backend, signal), ground);
    plan.preview = Preview {
        rehearsal: false,
        title: format!("{} pid {}", signal.word(), key.pid),
        sql: vec![signal_sql(key, signal)],
        touches: vec![who(backend, snapshot)],
        now: advice.notes.iter().map(|note| note.text().to_owned()).collect(),
        takes: None,
        stall: None,
        counts: Vec::new(),
        back: signal_back(backend, signal),
    };
    Ok(plan)
}

/// Ending a session that has written, or of which that cannot be told, loses its work.
fn signal_risk(backend: &Backend, signal: Signal) -> Risk {
    match (signal, backend.has_written) {
        (Signal::Cancel, _) | (Signal::Terminate, Some(false)) => Risk::Safe,
        (Signal::Terminate, _) => Risk::Lossy,
    }
}

fn signal_sql(key: BackendKey, signal: Signal) -> String {
    let began = key.backend_start.map_or_else(|| "?".to_owned(), |at| at.to_rfc3339());
    format!("SELECT pg_{}_backend({}) only if it began at {began}", signal.word(), key.pid)
}

fn who(backend: &Backend, snapshot: &Snapshot) -> String {
    let mut words = Vec::new();
    words.extend(backend.user.as_ref().map(Untrusted::one_line));
    words.push(backend.application.one_line());
    // Applications are often named as their role is.
    words.dedup();
    words.extend(backend.state.map(|state| state.word().to_owned()));
    let open = backend.xact_start.map(|at| age::rough(snapshot.taken_at - at));
    words.extend(open.map(|age| format!("transaction open for {age}")));
    words.push(match backend.has_written {
        Some(true) => "has written".to_owned(),
        Some(false) => "has written nothing".to_owned(),
        None => "cannot tell whether it has written".to_owned(),
    });
    let node = snapshot.forest.node_of(backend.pid);
    words.extend(node.map(|node| format!("{} sessions wait behind it", node.victims)));
    words.retain(|word| !word.is_empty());
    words.join(" · ")
}

fn signal_back(backend: &Backend, signal: Signal) -> String {
    match (signal, backend.has_written) {
        (Signal::Cancel, _) => "none needed: its client sees an error and can try again",
        (_, Some(false)) => "none needed: nothing was written; its client has to reconnect",
        (_, _) => "none: what it wrote is rolled back, and its client has to do it again",
    }
    .to_owned()
}

/// Plans a command: one of our own children by what it does, any other as a program of which
/// nobody can tell that it only reads.
fn command(argv: &[String], risk: Risk, ground: &Ground<'_>) -> Result<Plan, String> {
    match (staging::Job::of(argv), salvaging::Job::of(argv)) {
        (Some(job), _) => staging::plan(&job, ground),
        (_, Some(job)) => salvaging::plan(&job, ground),
        _ => Ok(command_plan(argv, risk.max(Risk::Safe), ground)),
    }
}

fn command_plan(argv: &[String], risk: Risk, ground: &Ground<'_>) -> Plan {
    let mut plan = bare(Action::Command, risk, ground);
    plan.command =
        Some(Command { argv: argv.to_vec(), env: ground.env.to_vec(), cwd: ground.cwd.to_owned() });
    plan.preview = Preview {
        title: argv.first().cloned().unwrap_or_default(),
        back: "unknown: the runbook names none".to_owned(),
        ..Preview::default()
    };
    plan
}

fn migrate(
    direction: Direction,
    goal: &super::effect::Goal,
    declared: Risk,
    ground: &Ground<'_>,
) -> Previewed {
    let ways = match ground.project {
        Ok(ways) => ways,
        Err(why) => return Previewed::Impossible(format!("the migrations cannot be read: {why}")),
    };
    if !ground.identity.primary {
        let text = "this server is a replica: migrations run on the primary; connect there";
        return Previewed::Impossible(text.to_owned());
    }
    let project = &ways.migrations.project;
    if !project.connected {
        let untold = project.problems.iter().find(|p| p.kind == Trouble::VersionTable);
        let why = untold.map_or("what the database has cannot be read", |p| p.detail.as_str());
        return Previewed::Impossible(why.to_owned());
    }
    match up_to::next(direction, goal, &project.graph) {
        Next::Done(why) => Previewed::Nothing(why),
        Next::Impossible(why) => Previewed::Impossible(why),
        Next::Step(intent) => match migration_plan(&intent, declared, ways, ground) {
            Ok(plan) => Previewed::Plan(Box::new(plan)),
            Err(why) => Previewed::Impossible(why),
        },
    }
}

fn migration_plan(
    intent: &Intent,
    declared: Risk,
    ways: Ways<'_>,
    ground: &Ground<'_>,
) -> Result<Plan, String> {
    let project = &ways.migrations.project;
    let act = ways.tool.act(project, intent).map_err(|refused| refused.to_string())?;
    let migration = project.migration(intent.migration()).ok_or("its file cannot be read")?;
    let script = match intent {
        Intent::Up(_) => &migration.up,
        Intent::Down(_) => migration.down.as_ref().ok_or("it has no way down")?,
    };
    let risk = declared.max(migration_risk(intent, migration, ways.migrations));
    let action = Action::Migrate {
        tool: ways.tool.name().to_owned(),
        direction: intent.direction(),
        migration: intent.migration().to_owned(),
        after: act.after.clone(),
    };
    let mut plan = bare(action, risk, ground);
    plan.files = digests(act.files.iter().map(String::as_str), ways.tree)?;
    plan.timeouts = stall::timeouts(&act, script, ground.policy);
    plan.attempts = stall::attempts(&plan.timeouts, ground.policy);
    plan.preview = migration_preview(intent, migration, script, &act, ways.migrations, ground);
    let hazards = ways.migrations.hazards(&migration.id, intent.direction());
    plan.preview.stall = stall::worst(&plan, hazards);
    plan.revision_before.clone_from(&act.before);
    plan.command = Some(Command {
        argv: prefixed(ground.prefix, act.command.argv),
        env: ground.env.to_vec(),
        cwd: ground.cwd.to_owned(),
    });
    Ok(plan)
}

/// Puts what the configuration says before a tool's command; this program needs nothing.
#[must_use]
pub fn prefixed(prefix: &[String], argv: Vec<String>) -> Vec<String> {
    match argv.first().map(String::as_str) {
        Some("lockkeeper") => argv,
        _ => prefix.iter().cloned().chain(argv).collect(),
    }
}

/// Returns the digests of the files that a plan stands on: another content is another plan.
///
/// # Errors
/// When one cannot be read: nothing is planned on what nobody has seen.
pub(super) fn digests<'a>(
    paths: impl Iterator<Item = &'a str>,
    tree: &dyn Tree,
) -> Result<Vec<Digest>, String> {
    let read = |path: &str| match tree.read(path) {
        Ok(bytes) => Ok(Digest::of(path, &bytes)),
        Err(error) => Err(error.to_string()),
    };
    paths.map(read).collect()
}

fn milliseconds(period: Period) -> u64 {
    u64::try_from(period.duration().as_millis()).unwrap_or(u64::MAX)
}

/// Going up is destructive where it destroys rows; going down is never called safe.
fn migration_risk(intent: &Intent, migration: &Migration, known: &Migrations) -> Risk {
    match intent {
        Intent::Up(_) if known.losses(&migration.id, Direction::Up).next().is_some() => {
            Risk::Destructive
        }
        Intent::Up(_) if migration.up.is_understood() => Risk::Safe,
        Intent::Up(_) => Risk::Lossy,
        Intent::Down(_) => match migration.reversal.kind {
            Reversal::Reversible => Risk::Lossy,
            _ => Risk::Destructive,
        },
    }
}

fn migration_preview(
    intent: &Intent,
    migration: &Migration,
    script: &Script,
    act: &Act,
    known: &Migrations,
    ground: &Ground<'_>,
) -> Preview {
    let direction = intent.direction();
    let hazards = known.hazards(&migration.id, direction);
    let name = known.name(&migration.id);
    let mut now = (ground.holders)(hazards);
    now.extend(left::in_the_way(&script.statements, ground.invalid));
    now.extend(known.obstacles(&migration.id, direction).filter_map(refusal));
    now.extend(act.no_lock_timeout.clone());
    let until = match direction {
        Direction::Up => window::until(&migration.id, known, ground),
        Direction::Down => Ok(None),
    };
    let until = until.unwrap_or_else(|against| {
        now.push(against);
        None
    });
    if !script.is_understood() {
        now.push("not all of what it does is understood: more may happen than is shown".to_owned());
    }
    Preview {
        rehearsal: false,
        title: format!("{} {} {name}", direction.word(), migration.id),
        sql: script.statements.iter().map(|statement| statement.sql.clone()).collect(),
        touches: hazards.iter().map(touch).collect(),
        now,
        takes: both(rehearsed_takes(intent, known).or_else(|| takes(hazards)), until),
        stall: None,
        counts: counts(known, &migration.id, direction),
        back: back(intent, migration, known) + &rehearsed_back(intent, known, ground),
    }
}

/// Returns how long it takes and until when it may, as far as there is something to say.
fn both(takes: Option<String>, until: Option<String>) -> Option<String> {
    let all: Vec<String> = takes.into_iter().chain(until).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// Returns the rows that were counted for one way of a migration.
fn counts(known: &Migrations, id: &str, direction: Direction) -> Vec<Count> {
    let losses = known.losses(id, direction).chain(known.obstacles(id, direction));
    losses.filter_map(Loss::count).collect()
}

/// Returns why rows make the migration fail, where some are or nobody can tell.
fn refusal(obstacle: &Loss) -> Option<String> {
    let counted = obstacle.counted()?;
    (obstacle.rows != Some(0))
        .then(|| format!("line {}: fails on {}: {counted}", obstacle.line, obstacle.what))
}

/// Returns one line about a statement: what it locks, and what that does to others.
fn touch(hazard: &Hazard) -> String {
    let locks: Vec<String> = hazard
        .locks
        .iter()
        .map(|held| {
            let may = if held.may { " (perhaps)" } else { "" };
            format!("{} {}{may}", held.relation, held.mode.words())
        })
        .collect();
    let locks = if locks.is_empty() { "no lock".to_owned() } else { locks.join(", ") };
    format!("line {}: {locks} · {} · blocks {}", hazard.line, hazard.cost(), hazard.blocks)
}

/// Returns how long it took on a copy, which is more than any size tells.
fn rehearsed_takes(intent: &Intent, known: &Migrations) -> Option<String> {
    match intent {
        Intent::Up(id) => {
            known.rehearsed.as_ref()?.takes(id).map(|took| format!("rehearsed: {took}"))
        }
        Intent::Down(_) => None,
    }
}

/// Returns what the way back has shown on a copy.
fn rehearsed_back(intent: &Intent, known: &Migrations, ground: &Ground<'_>) -> String {
    let now = ground.snapshot.map(|snapshot| snapshot.taken_at);
    let told = known.rehearsed.as_ref().zip(now);
    let told = told.and_then(|(standing, now)| standing.told(intent.migration(), now));
    told.map_or_else(String::new, |told| format!("; rehearsed: {told}"))
}

/// Returns how much its work is, and that its duration is not known: where it was measured, the
/// rehearsal tells.
fn takes(hazards: &[Hazard]) -> Option<String> {
    let works = hazards.iter().filter(|hazard| hazard.rewrite.max(hazard.scan) != Answer::No);
    let sizes: Option<Vec<u64>> = works.map(|hazard| hazard.bytes).collect();
    let all = match sizes {
        Some(sizes) if sizes.is_empty() => return None,
        Some(sizes) => format!("{} to go through", size(sizes.iter().sum())),
        None => "its size is unknown".to_owned(),
    };
    Some(format!("not measured: {all}; a rehearsal tells"))
}

fn back(intent: &Intent, migration: &Migration, known: &Migrations) -> String {
    let lost: Vec<String> = known
        .losses(&migration.id, intent.direction())
        .map(|loss| match loss.counted() {
            Some(counted) => format!("{} ({counted} now)", loss.what),
            None => loss.what.clone(),
        })
        .collect();
    let lost = if lost.is_empty() { String::new() } else { format!("LOSES {}; ", lost.join(", ")) };
    match intent {
        Intent::Up(_) => {
            let reversal = &migration.reversal;
            let line = reversal.line.map(|line| format!(" (line {line})")).unwrap_or_default();
            format!("{lost}the way down is {}: {}{line}", reversal.kind.words(), reversal.why)
        }
        Intent::Down(_) => format!("{lost}the way back is up again, without what is lost"),
    }
}
