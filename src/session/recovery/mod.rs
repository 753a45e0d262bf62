//! What to do about each migration whose way back loses something or does not exist: which
//! backup is from before it, how far that one is proven, which steps, which checks.

mod page;
mod steps;

use std::cmp::Reverse;
use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::backup::{Backup, Inventory, Scope};
use crate::domain::config::Config;
use crate::domain::evidence::Level;
use crate::domain::graph::State;
use crate::domain::identity::Identity;
use crate::domain::loss::Loss;
use crate::domain::plan::Direction;
use crate::domain::problem::Place;
use crate::domain::reversal::Kind;
use crate::tools::Project;
use crate::tools::status::{Entry, Status};

pub use page::markdown;
use steps::{doing, steps};

/// What the document stands on.
pub struct Ground<'a> {
    /// The migrations.
    pub project: &'a Project,
    /// The same, with hazards and losses.
    pub status: &'a Status,
    /// The backups.
    pub inventory: &'a Inventory,
    /// Who answers; `None`: the database was not asked.
    pub identity: Option<&'a Identity>,
    /// Contacts, escalation, what is asked of backups.
    pub config: &'a Config,
    /// When this is written.
    pub now: DateTime<Utc>,
}

/// The document: `recovery-doc --json`.
#[derive(Clone, Debug, Serialize)]
pub struct Document {
    /// The version of the document.
    pub schema: u32,
    /// When it was written.
    pub generated_at: DateTime<Utc>,
    /// The migration tool.
    pub tool: String,
    /// The directory of the migrations.
    pub directory: String,
    /// The database, if it answered.
    pub database: Option<Database>,
    /// How many migrations there are.
    pub count: usize,
    /// Those that need a plan, in their order.
    pub migrations: Vec<Plan>,
    /// Problems of the project: while there are some, this may not be all.
    pub problems: Vec<String>,
    /// People.
    pub contacts: Vec<Contact>,
    /// Levels of escalation.
    pub escalation: Vec<Step>,
    /// Dashboards and documents.
    pub links: Vec<Link>,
    /// What nobody has filled in, by its key in the configuration.
    pub placeholders: Vec<String>,
}

/// The database that the document is about.
#[derive(Clone, Debug, Serialize)]
pub struct Database {
    /// Its name.
    pub name: String,
    /// Its host, or the directory of its socket.
    pub host: String,
    /// Its cluster.
    pub system_identifier: String,
}

/// One migration with its recovery plan.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// The migration.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Its file.
    pub file: Option<String>,
    /// Whether the database has it; `None`: it was not asked.
    pub state: Option<State>,
    /// When it ran, if the tool says so.
    pub applied_at: Option<DateTime<Utc>>,
    /// What its way down is.
    pub reversal: Kind,
    /// Why.
    pub why: String,
    /// What is lost on both ways.
    pub losses: Vec<Loss>,
    /// The backup that is from before it; `None`: there is none that is known to be.
    pub backup: Option<Before>,
    /// What is to be said of the backup, or of its lack.
    pub backup_says: String,
    /// What to do, in this order.
    pub steps: Vec<Doing>,
    /// What must hold afterwards.
    pub checks: Vec<Doing>,
}

/// A backup from before a migration.
#[derive(Clone, Debug, Serialize)]
pub struct Before {
    /// Where it lies.
    pub location: String,
    /// What it is.
    pub kind: &'static str,
    /// The revisions that a restore leads to.
    pub revision: Vec<String>,
    /// How far it is proven.
    pub level: Option<Level>,
    /// When its snapshot was taken, if that is known.
    pub snapshot_started_at: Option<DateTime<Utc>>,
    /// Whether it is known to be of this very database.
    pub is_ours: Option<bool>,
}

/// Something to do or to look at.
#[derive(Clone, Debug, Serialize)]
pub struct Doing {
    /// What.
    pub text: String,
    /// The command, or the SQL.
    pub command: Option<String>,
}

/// Somebody to call.
#[derive(Clone, Debug, Serialize)]
pub struct Contact {
    /// The name that escalation uses.
    pub role: String,
    /// Who.
    pub name: String,
    /// How to reach them.
    pub reach: String,
}

/// A level of escalation.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// Its name.
    pub level: String,
    /// Names of contacts.
    pub contacts: Vec<String>,
    /// When to go there.
    pub when: Vec<String>,
}

/// A link.
#[derive(Clone, Debug, Serialize)]
pub struct Link {
    /// What it is.
    pub title: String,
    /// Where.
    pub address: String,
}

impl Document {
    /// Returns the document of what is so now.
    #[must_use]
    pub fn of(ground: &Ground<'_>) -> Self {
        let (status, config) = (ground.status, ground.config);
        let needs = status.migrations.iter().filter(|entry| needs_a_plan(entry));
        let restorable = restorable(ground);
        let problem =
            |problem: &crate::domain::graph::Problem| format!("{}: {}", problem.id, problem.detail);
        Self {
            schema: 1,
            generated_at: ground.now,
            tool: status.tool.clone(),
            directory: status.directory.clone(),
            database: ground.identity.map(|found| Database {
                name: found.database.clone(),
                host: found.host.clone(),
                system_identifier: found.system_identifier.clone(),
            }),
            count: status.migrations.len(),
            migrations: needs.map(|entry| plan(entry, &restorable, ground)).collect(),
            problems: status.problems.iter().map(problem).collect(),
            contacts: contacts(config),
            escalation: escalation(config),
            links: links(config),
            placeholders: config.placeholders().iter().map(Place::to_string).collect(),
        }
    }
}

/// Returns true if going back brings not everything back: its way down is none, or loses
/// something, or the way up has destroyed what no way down has.
fn needs_a_plan(entry: &Entry) -> bool {
    let destroys = entry.losses.iter().any(|loss| loss.direction == Direction::Up);
    entry.reversal.kind != Kind::Reversible || destroys
}

fn plan(entry: &Entry, restorable: &[Restorable<'_>], ground: &Ground<'_>) -> Plan {
    let found = before(&entry.id, restorable);
    let backup = found.map(|backup| Before {
        location: backup.location.clone(),
        kind: backup.kind.word(),
        revision: backup.revisions.clone().unwrap_or_default(),
        level: backup.level(),
        snapshot_started_at: backup.snapshot_started_at,
        is_ours: ground.identity.and_then(|identity| backup.is_of(identity)),
    });
    Plan {
        id: entry.id.clone(),
        name: entry.name.clone(),
        file: entry.file.clone(),
        state: entry.state,
        applied_at: entry.applied_at,
        reversal: entry.reversal.kind,
        why: entry.reversal.why.clone(),
        losses: entry.losses.clone(),
        backup_says: says(entry, found, ground),
        steps: steps(entry, found, ground),
        checks: checks(entry, found),
        backup,
    }
}

/// A backup that can be restored as a whole, with all migrations that are in it.
struct Restorable<'a> {
    backup: &'a Backup,
    migrations: BTreeSet<String>,
}

/// Returns the backups that a restore would put before a migration: whole, not damaged, of this
/// database as far as that can be told, and at revisions that are all known. What has the most
/// migrations is the first; of several such the one that is worth the most.
fn restorable<'a>(ground: &Ground<'a>) -> Vec<Restorable<'a>> {
    let graph = &ground.project.graph;
    let fits = |backup: &&Backup| {
        let is_other = ground.identity.is_some_and(|one| backup.is_of(one) == Some(false));
        backup.scope == Some(Scope::Full) && !backup.is_bad() && !is_other
    };
    let of = |backup: &'a Backup| {
        let revisions = backup.revisions.as_ref()?;
        revisions.iter().all(|id| graph.find(id).is_some()).then(|| Restorable {
            backup,
            migrations: revisions.iter().flat_map(|id| graph.ancestors(id)).collect(),
        })
    };
    let all = ground.inventory.backups.iter().filter(fits).filter_map(of);
    let mut all: Vec<Restorable<'_>> = all.collect();
    all.sort_by_key(|one| Reverse(one.migrations.len()));
    all
}

/// Returns the backup that is the nearest before a migration: neither it nor what follows it is
/// in there.
fn before<'a>(id: &str, restorable: &[Restorable<'a>]) -> Option<&'a Backup> {
    restorable.iter().find(|one| !one.migrations.contains(id)).map(|one| one.backup)
}

fn says(entry: &Entry, found: Option<&Backup>, ground: &Ground<'_>) -> String {
    let required = ground.inventory.required;
    let pending = entry.state == Some(State::Pending);
    let Some(backup) = found else {
        return match pending {
            true => "NONE yet: it has not run. Take and prove a backup right before it.".to_owned(),
            false => "NONE: no whole backup in the inventory is known to be from before it. What \
                      it destroyed cannot be brought back from here: look for copies elsewhere \
                      (replicas with a delay, storage snapshots, exports), or go forward."
                .to_owned(),
        };
    };
    let mut says = vec![match backup.level() {
        Some(level) if level >= required => format!("proven to {level}"),
        Some(level) => format!("proven to {level} only, {required} is asked for: prove it first"),
        None => format!("NOT PROVEN, {required} is asked for: prove it first"),
    }];
    if ground.identity.and_then(|one| backup.is_of(one)).is_none() {
        says.push("whether it is of this very database cannot be told".to_owned());
    }
    says.push(match backup.age(ground.now) {
        Some(age) => format!("{} old", crate::domain::age::rough(age)),
        None => "of unknown age".to_owned(),
    });
    if pending {
        says.push("what is written until the migration runs is not in it".to_owned());
    } else {
        says.push("everything written since is not in it".to_owned());
    }
    says.join("; ")
}

/// How many tables' rows are named as checks, the largest first.
const FEW: usize = 10;

fn checks(entry: &Entry, found: Option<&Backup>) -> Vec<Doing> {
    let mut checks: Vec<Doing> = entry
        .losses
        .iter()
        .filter(|loss| loss.direction == Direction::Up)
        .filter_map(|loss| {
            let probe = loss.probe.clone()?;
            Some(doing(format!("{} is there again", loss.what), Some(probe)))
        })
        .collect();
    if entry.state == Some(State::Pending) {
        return checks;
    }
    if let Some(backup) = found {
        let revision = match backup.revisions.as_deref() {
            Some([]) | None => "no migration".to_owned(),
            Some(ids) => ids.join(", "),
        };
        checks.push(doing(
            format!("The restored database is at {revision}"),
            Some("lockkeeper status".to_owned()),
        ));
        let mut rows: Vec<(&String, u64)> =
            backup.rows.iter().filter_map(|(table, rows)| Some((table, (*rows)?))).collect();
        rows.sort_by_key(|(table, rows)| (Reverse(*rows), (*table).clone()));
        checks.extend(
            rows.into_iter()
                .take(FEW)
                .map(|(table, rows)| doing(format!("{table} holds {rows} rows"), None)),
        );
    }
    checks.push(doing(
        "No index is invalid, no constraint unvalidated, the application's own checks pass",
        Some("lockkeeper run validate".to_owned()),
    ));
    checks
}

fn contacts(config: &Config) -> Vec<Contact> {
    let contact = |(role, one): (&String, &crate::domain::config::Contact)| Contact {
        role: role.clone(),
        name: one.name.clone(),
        reach: one.reach.clone(),
    };
    config.contacts.iter().map(contact).collect()
}

fn escalation(config: &Config) -> Vec<Step> {
    let step = |one: &crate::domain::config::Escalation| Step {
        level: one.level.clone(),
        contacts: one.contacts.clone(),
        when: one.when.clone(),
    };
    config.escalation.iter().map(step).collect()
}

fn links(config: &Config) -> Vec<Link> {
    let link = |(title, address): (&String, &String)| Link {
        title: title.clone(),
        address: address.clone(),
    };
    config.links.iter().map(link).collect()
}
