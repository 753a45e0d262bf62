//! What the built-in probes say, from facts that were read for it: pure, and unknown
//! wherever something was not read.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::activity::{Backend, State};
use crate::domain::age;
use crate::domain::backup::Inventory;
use crate::domain::counters::Surroundings;
use crate::domain::deploy::{Deploy, NO_BASELINE, NOT_READ};
use crate::domain::evidence::{Builtin, Value};
use crate::domain::identity::Identity;
use crate::domain::loss::Loss;
use crate::domain::plan::Direction;
use crate::domain::quantity::Period;
use crate::domain::reversal;
use crate::domain::snapshot::Snapshot;
use crate::domain::window::{self, Window};

use super::facts::Migrations;

/// What was read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    /// The activity, read just now.
    pub snapshot: Option<&'a Snapshot>,
    /// Why it was not.
    pub unseen: Option<&'a str>,
    /// The slow facts.
    pub slow: Option<&'a Surroundings>,
    /// The migrations.
    pub migrations: Option<&'a Migrations>,
    /// Whether what answers is the pinned target; `None` without a pin.
    pub pinned: Option<bool>,
    /// Whether the run's journal can be written.
    pub journal: Option<bool>,
    /// Whether we are, or could be, the one writer.
    pub lease: Option<bool>,
    /// Who holds what the next migration asks for, a line each.
    pub conflicting: Option<&'a [String]>,
    /// The revisions that the run's last act was to lead to.
    pub led_to: Option<&'a [String]>,
    /// The backups, read just now, and of whom they have to be.
    pub backups: Option<Backups<'a>>,
    /// What the configuration's probe of the disk says.
    pub disk: Option<&'a Value>,
    /// The last migration that was applied here.
    pub deploy: Option<&'a Deploy>,
    /// When migrations may run.
    pub windows: &'a [Window],
}

/// The backups, and what is asked of them.
#[derive(Clone, Copy, Debug)]
pub struct Backups<'a> {
    /// What was found.
    pub inventory: &'a Inventory,
    /// The database that answers.
    pub identity: &'a Identity,
    /// Our clock.
    pub now: DateTime<Utc>,
}

/// A query or transaction that has lasted longer than this, in seconds, is long.
const LONG_S: f64 = 300.0;

/// Said where nothing more is known.
const UNREAD: &str = "it could not be read, or this version cannot measure it";

/// Returns what `builtin` says of what is known.
#[must_use]
pub fn value(builtin: Builtin, known: &Known<'_>) -> Value {
    of_activity(builtin, known)
        .or_else(|| of_migrations(builtin, known))
        .or_else(|| of_windows(builtin, known))
        .or_else(|| of_surroundings(builtin, known))
        .or_else(|| of_run(builtin, known))
        .or_else(|| of_backups(builtin, known))
        .unwrap_or_else(|| Value::unknown(why_not(builtin, known)))
}

fn why_not<'a>(builtin: Builtin, known: &Known<'a>) -> &'a str {
    match builtin {
        Builtin::IdentityPinned => "no pin is configured for this target",
        Builtin::DiskFree => "SQL cannot tell; configure a probe named disk",
        Builtin::LockHoldersConflicting => "the next migration's locks are not known",
        Builtin::ReplicasLag => "a replica's lag was not measured",
        Builtin::BackupAge => "no full backup of this database is verified and of a known age",
        Builtin::BackupLevel | Builtin::BackupSound => {
            "no full backup is known to be of this database, or nothing of it is proven"
        }
        Builtin::WindowLeft | Builtin::FitsWindow if known.windows.is_empty() => {
            "no maintenance window is configured: windows in [policy]"
        }
        Builtin::Rehearsed | Builtin::DownRehearsed => "no rehearsal of these migrations is known",
        Builtin::Primary
        | Builtin::ActiveSessions
        | Builtin::OtherClientBackends
        | Builtin::LongTransactions
        | Builtin::LongQueries
        | Builtin::BlockedSessions
        | Builtin::PreparedTransactions
        | Builtin::DatabaseSize
        | Builtin::InvalidIndexes
        | Builtin::InactiveSlots => known.unseen.unwrap_or(UNREAD),
        _ => UNREAD,
    }
}

fn of_activity(builtin: Builtin, known: &Known<'_>) -> Option<Value> {
    let snapshot = known.snapshot?;
    let here = |backend: &&Backend| {
        backend.database.as_ref().is_some_and(|name| name.raw() == snapshot.server.database)
            && backend.backend_type == "client backend"
    };
    let clients = || snapshot.backends.iter().filter(here).filter(|backend| !backend.ours);
    let longer = |at: Option<chrono::DateTime<chrono::Utc>>| {
        at.is_some_and(|at| age::seconds(at, snapshot.taken_at) > LONG_S)
    };
    Some(match builtin {
        Builtin::Connection => Value::Bool(true),
        Builtin::Primary => Value::Bool(snapshot.server.primary),
        Builtin::ActiveSessions => {
            count(clients().filter(|backend| backend.state == Some(State::Active)).count())
        }
        Builtin::OtherClientBackends => count(clients().count()),
        Builtin::LongTransactions => {
            count(clients().filter(|backend| longer(backend.xact_start)).count())
        }
        Builtin::LongQueries => {
            let active = clients().filter(|backend| backend.state == Some(State::Active));
            count(active.filter(|backend| longer(backend.query_start)).count())
        }
        Builtin::BlockedSessions if snapshot.forest.partial => return None,
        Builtin::BlockedSessions => count(snapshot.forest.blocked),
        Builtin::PreparedTransactions => {
            let here = snapshot.prepared.iter().filter(|prepared| {
                prepared.database.as_ref().is_some_and(|d| d.raw() == snapshot.server.database)
            });
            count(here.count())
        }
        Builtin::ReplicasLag if snapshot.counters.replicas.is_empty() => {
            Value::Period(Period::from_secs(0))
        }
        _ => return None,
    })
}

fn of_migrations(builtin: Builtin, known: &Known<'_>) -> Option<Value> {
    let migrations = known.migrations?;
    let project = &migrations.project;
    let pending = || project.graph.pending();
    Some(match builtin {
        Builtin::ToolProblems => Value::List(
            project.problems.iter().map(|p| format!("{}: {}", p.id, p.detail)).collect(),
        ),
        _ if !project.connected => return None,
        Builtin::PendingMigrations => count(pending().count()),
        Builtin::Rehearsed => {
            let pending: Vec<&str> = pending().map(|node| node.id.as_str()).collect();
            match &migrations.rehearsed {
                _ if pending.is_empty() => Value::Bool(true),
                Some(standing) => standing.value(&pending),
                None => Value::unknown("nothing was rehearsed here: lockkeeper rehearse"),
            }
        }
        Builtin::DownRehearsed => match &migrations.rehearsed {
            Some(standing) => standing.verdict(&project.last()?.id),
            None => Value::unknown("it was not rehearsed here: lockkeeper rehearse"),
        },
        Builtin::IrreversibleMigrations => Value::List(
            pending()
                .filter_map(|node| project.migration(&node.id))
                .filter(|migration| migration.reversal.kind != reversal::Kind::Reversible)
                .map(|migration| migration.id.clone())
                .collect(),
        ),
        Builtin::Reversal => {
            let kind = project.last()?.reversal.kind;
            let word = serde_json::to_value(kind).ok()?;
            Value::Text(word.as_str()?.to_owned())
        }
        Builtin::DeployAge => {
            let snapshot = known.snapshot?;
            let told = project.graph.applied().filter_map(|node| node.applied_at).max();
            let last = told.or_else(|| deploy(known).map(|deploy| deploy.at))?;
            let age = (snapshot.taken_at - last).to_std().unwrap_or_default();
            Value::Period(Period::from_secs(age.as_secs()))
        }
        Builtin::DownLoses | Builtin::DownRefused | Builtin::UpLoses | Builtin::UpRefused => {
            counted(builtin, migrations)
        }
        Builtin::WrittenSince => {
            let slow = known.slow.ok_or(NOT_READ);
            match deploy(known).ok_or(NO_BASELINE).and_then(|d| d.written_since(&slow?.written)) {
                Ok((rows, _)) => Value::Int(rows),
                Err(why) => Value::unknown(why),
            }
        }
        Builtin::RevisionIsNext | Builtin::RevisionIsPrevious => {
            let mut current = project.graph.current();
            let mut expected = known.led_to?.to_vec();
            current.sort_unstable();
            expected.sort_unstable();
            Value::Bool(current == expected)
        }
        _ => return None,
    })
}

/// By the server's clock: ours may be that of a laptop.
fn of_windows(builtin: Builtin, known: &Known<'_>) -> Option<Value> {
    let left = || {
        let now = known.snapshot?.taken_at;
        (!known.windows.is_empty()).then(|| window::left(known.windows, now))
    };
    Some(match builtin {
        Builtin::PendingTakes => period(pending_takes(known)?),
        Builtin::WindowLeft => period(left()?),
        Builtin::FitsWindow => match (left()?, pending_takes(known)) {
            (left, _) if left.is_zero() => Value::Bool(false),
            (left, Some(takes)) => Value::Bool(takes <= left),
            (_, None) => Value::unknown("how long it takes is not known: lockkeeper rehearse"),
        },
        _ => return None,
    })
}

/// Returns how long all that is pending takes at most; `None` if that of one is not known.
fn pending_takes(known: &Known<'_>) -> Option<TimeDelta> {
    let migrations = known.migrations.filter(|migrations| migrations.project.connected)?;
    let standing = migrations.rehearsed.as_ref();
    let each = migrations.project.graph.pending().map(|node| standing?.at_most(&node.id));
    each.sum()
}

fn period(length: TimeDelta) -> Value {
    Value::Period(Period::from_secs(length.num_seconds().max(0).unsigned_abs()))
}

/// Returns how many rows one way of what may run next destroys, or is refused by: all of them
/// must have been counted.
fn counted(builtin: Builtin, migrations: &Migrations) -> Value {
    let direction = match builtin {
        Builtin::UpLoses | Builtin::UpRefused => Direction::Up,
        _ => Direction::Down,
    };
    let graph = &migrations.project.graph;
    let is_there = match direction {
        Direction::Up => graph.pending().next().is_some(),
        Direction::Down => graph.applied().next_back().is_some(),
    };
    let next = migrations.next(direction);
    let found = next.and_then(|id| Some((id, migrations.project.migration(id)?)));
    let (id, migration) = match found {
        Some(found) => found,
        None if is_there => return Value::unknown("the file of what would run is gone"),
        None => return Value::Int(0),
    };
    let script = match direction {
        Direction::Up => Some(&migration.up),
        Direction::Down => migration.down.as_ref(),
    };
    match script {
        None => return Value::unknown(format!("{id} has no way down")),
        Some(script) if !script.is_understood() => {
            return Value::unknown(format!("not all of what {id} does is understood"));
        }
        Some(_) => {}
    }
    let all: Vec<&Loss> = match builtin {
        Builtin::UpLoses | Builtin::DownLoses => migrations.losses(id, direction).collect(),
        _ => migrations.obstacles(id, direction).collect(),
    };
    if let Some(one) = all.iter().find(|one| one.rows.is_none()) {
        let why = one.unknown.as_deref().unwrap_or("it was not counted");
        return Value::unknown(format!("{}: {why}", one.what));
    }
    let rows = all.iter().filter_map(|one| one.rows).fold(0, u64::saturating_add);
    Value::Int(i64::try_from(rows).unwrap_or(i64::MAX))
}

/// Returns the deploy of the migration that was applied last, if it was noted.
fn deploy<'a>(known: &Known<'a>) -> Option<&'a Deploy> {
    let last = known.migrations?.project.last()?;
    known.deploy.filter(|deploy| deploy.migration == last.id)
}

fn of_surroundings(builtin: Builtin, known: &Known<'_>) -> Option<Value> {
    let slow = known.slow?;
    Some(match builtin {
        Builtin::DatabaseSize => Value::Int(slow.database_bytes?),
        Builtin::InvalidIndexes => {
            Value::List(slow.invalid_indexes.iter().map(|index| index.name.one_line()).collect())
        }
        Builtin::InactiveSlots => {
            let inactive = slow.slots.iter().filter(|slot| !slot.active);
            Value::List(inactive.map(|slot| slot.name.one_line()).collect())
        }
        _ => return None,
    })
}

/// Only a backup that a manifest ties to this very database counts: the name alone is that
/// of many databases, and an age without zone is none.
fn of_backups(builtin: Builtin, known: &Known<'_>) -> Option<Value> {
    let Backups { inventory, identity, now } = known.backups?;
    let newest = || inventory.newest(identity);
    Some(match builtin {
        Builtin::BackupAge => {
            let verified = inventory.newest_verified(identity)?;
            // To the second: nobody reads more of an age.
            Value::Period(Period::from_secs(verified.age(now)?.to_std().ok()?.as_secs()))
        }
        Builtin::BackupLevel => Value::Level(newest()?.level()?),
        Builtin::BackupSound => {
            let newest =
                newest().filter(|newest| newest.is_bad() || !newest.verified.is_empty())?;
            Value::Bool(!newest.is_bad())
        }
        _ => return None,
    })
}

fn of_run(builtin: Builtin, known: &Known<'_>) -> Option<Value> {
    match builtin {
        Builtin::Connection => known.snapshot.is_none().then_some(Value::Bool(false)),
        Builtin::IdentityPinned => known.pinned.map(Value::Bool),
        Builtin::JournalWritable => known.journal.map(Value::Bool),
        Builtin::DiskFree => known.disk.cloned(),
        Builtin::LeaseFree => known.lease.map(Value::Bool),
        Builtin::LockHoldersConflicting => {
            known.conflicting.map(|lines| Value::List(lines.to_vec()))
        }
        _ => None,
    }
}

fn count(n: usize) -> Value {
    Value::Int(i64::try_from(n).unwrap_or(i64::MAX))
}
