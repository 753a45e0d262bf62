//! `lockkeeper.toml`: projects, targets, backups, policy. The defaults serve without a file.

mod armed;
mod backups;
mod check;
mod named;
mod policy;
mod target;

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use named::POLICY_NAMES;
pub use policy::{Own, Policy, Triggers};
pub use target::{Dsn, Source, Target};

use super::evidence::{Level, Probe};
use super::quantity::Period;

/// The whole configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The migrations and their tool.
    pub project: Project,
    /// The databases, by the name that `--target` takes.
    pub targets: BTreeMap<String, Target>,
    /// Where backups are, and what is asked of them.
    pub backups: Backups,
    /// The values of the shipped gates.
    pub policy: Policy,
    /// What is checked before a migration.
    pub checks: Checks,
    /// Health probes by name; `health`, `auth` and `disk` feed the triggers and checks.
    pub probes: BTreeMap<String, Probe>,
    /// Commands by name that runbooks refer to by it, as argument vectors: what only this
    /// team's platform knows, e.g. `maintenance_on`.
    pub commands: BTreeMap<String, Vec<String>>,
    /// When to offer a rollback.
    pub triggers: Triggers,
    /// People by the name that escalation uses.
    pub contacts: BTreeMap<String, Contact>,
    /// Whom to call when.
    pub escalation: Vec<Escalation>,
    /// Dashboards and documents: title to address.
    pub links: BTreeMap<String, String>,
    /// The screen.
    pub ui: Ui,
}

/// What is checked before a migration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Checks {
    /// Checks that `check` lets be, by their id, each with the reason: it is shown with them.
    pub waived: BTreeMap<String, String>,
}

/// The migrations and their tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Project {
    /// The project's name, for headers and reports.
    pub name: Option<String>,
    /// Where the migration tool lives, relative to the file.
    pub directory: PathBuf,
    /// The tool; detected when left out.
    pub tool: Option<Tool>,
    /// What stands before the tool's command, e.g. `["poetry", "run"]`.
    pub prefix: Vec<String>,
    /// How the tool learns its database: names and values; `${target.url}` as a
    /// whole value is the target's URL; `${target.url+psycopg2}` the same with that driver of
    /// SQLAlchemy, whose 2.1 takes psycopg 3 where none is named. Never passed in argv.
    pub environment: BTreeMap<String, String>,
    /// The table in which the tool keeps what the database has, where it cannot be read from
    /// the project: without its schema, as the server has it.
    pub version_table: Option<String>,
    /// The schema of that table; left out: as the project or the role's `search_path` says.
    pub version_table_schema: Option<String>,
    /// The commands of a tool of one's own.
    pub command: Option<Commands>,
}

impl Default for Project {
    fn default() -> Self {
        Self {
            name: None,
            directory: PathBuf::from("."),
            tool: None,
            prefix: Vec::new(),
            environment: BTreeMap::new(),
            version_table: None,
            version_table_schema: None,
            command: None,
        }
    }
}

/// A migration tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tool {
    /// Alembic (Python).
    Alembic,
    /// sqlx (Rust).
    Sqlx,
    /// Sequelize's umzug or sequelize-cli (JavaScript).
    Sequelize,
    /// Django (Python).
    Django,
    /// Knex (JavaScript).
    Knex,
    /// node-pg-migrate (JavaScript).
    NodePgMigrate,
    /// dbmate.
    Dbmate,
    /// golang-migrate.
    GolangMigrate,
    /// goose.
    Goose,
    /// Flyway.
    Flyway,
    /// Liquibase.
    Liquibase,
    /// Prisma Migrate.
    Prisma,
    /// A Makefile or script of one's own: [`Commands`].
    Command,
}

/// The commands of a tool of one's own, each an argument vector; `{revision}` is
/// replaced as a whole element.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Commands {
    /// All pending migrations.
    pub up: Vec<String>,
    /// The next migration.
    pub up_one: Vec<String>,
    /// The last migration back.
    pub down_one: Vec<String>,
    /// Back to a revision.
    pub down_to: Vec<String>,
    /// Prints the current revision.
    pub current: Vec<String>,
}

/// Where backups are, and what is asked of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Backups {
    /// Directories of dumps, relative to the file; the first takes new ones.
    pub directories: Vec<PathBuf>,
    /// Object stores, e.g. `s3://bucket/prefix`.
    pub objects: Vec<String>,
    /// pgBackRest's stanza.
    pub pgbackrest: Option<Pgbackrest>,
    /// Barman's server.
    pub barman: Option<Barman>,
    /// WAL-G.
    pub walg: Option<Walg>,
    /// Snapshots of the provider, written down by hand.
    pub managed: Vec<Managed>,
    /// How many complete and verified backups are kept.
    pub keep: u32,
    /// The age up to which a backup counts as recent.
    pub max_age: Period,
    /// The level that a backup must have passed.
    pub required_level: Level,
}

impl Default for Backups {
    fn default() -> Self {
        Self {
            directories: vec![PathBuf::from("backups")],
            objects: Vec::new(),
            pgbackrest: None,
            barman: None,
            walg: None,
            managed: Vec::new(),
            keep: 3,
            max_age: Period::from_mins(24 * 60),
            required_level: Level::L3,
        }
    }
}

/// pgBackRest's part of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pgbackrest {
    /// The stanza of the target's cluster.
    pub stanza: String,
    /// What stands before `pgbackrest`, e.g. `["ssh", "repo1", "sudo", "-u", "postgres"]`.
    #[serde(default)]
    pub prefix: Vec<String>,
}

/// Barman's part of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Barman {
    /// The server's name in Barman.
    pub server: String,
    /// What stands before `barman`.
    #[serde(default)]
    pub prefix: Vec<String>,
}

/// WAL-G's part of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Walg {
    /// What stands before `wal-g`, e.g. `["envdir", "/etc/wal-g.d/env"]`.
    pub prefix: Vec<String>,
}

/// A snapshot of the provider, which nobody but a person can tell of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Managed {
    /// Its name at the provider, e.g. `rds:shop-2026-11-20`.
    pub name: String,
    /// When it was taken, in RFC 3339 with its zone.
    pub taken_at: DateTime<Utc>,
    /// The cluster that it is of, if somebody has looked: `pg_control_system()` tells it.
    #[serde(default)]
    pub system_identifier: Option<String>,
    /// Who wrote it down.
    #[serde(default)]
    pub by: Option<String>,
}

/// A person or a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// Who.
    pub name: String,
    /// How to reach them.
    pub reach: String,
}

/// One level of escalation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Escalation {
    /// Its name, e.g. `L2`.
    pub level: String,
    /// Names of [`Config::contacts`].
    pub contacts: Vec<String>,
    /// When to go there.
    pub when: Vec<String>,
}

/// The screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ui {
    /// The colours.
    pub theme: Theme,
    /// Whether the mouse is captured, which breaks selecting text.
    pub mouse: bool,
    /// The time between two refreshes.
    pub refresh: Period,
}

impl Default for Ui {
    fn default() -> Self {
        Self { theme: Theme::Default, mouse: false, refresh: Period::from_secs(1) }
    }
}

/// The colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Theme {
    /// On the terminal's own background.
    #[default]
    Default,
    /// Brighter.
    HighContrast,
    /// Without colour.
    Mono,
}
