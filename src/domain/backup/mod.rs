//! Backups: what is known of each, what it is worth, what may go.
//!
//! Nothing here is guessed: a time whose zone nobody wrote down is no age, a table that
//! could not be decoded has no known revision.

pub mod content;
mod document;
mod inventory;
pub mod manifest;
pub mod name;
pub mod object;
pub mod retention;
mod room;
mod tending;
mod worth;

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::evidence::Level;
use super::identity::Identity;
use super::untrusted::Untrusted;

pub use document::{Document, SCHEMA};
pub use inventory::Inventory;
pub use manifest::Manifest;
pub use retention::Retention;
pub use room::Room;
pub use tending::Tending;
pub use worth::{Worth, by_worth};

/// What a backup is, told from its bytes and never from its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// `pg_dump -Fc`.
    Custom,
    /// `pg_dump -Fd`.
    Directory,
    /// `pg_dump -Ft`.
    Tar,
    /// `pg_dump -Fp`, compressed or not.
    Plain,
    /// `pg_basebackup`.
    Base,
    /// A backup in a pgBackRest repository.
    Pgbackrest,
    /// A backup of Barman.
    Barman,
    /// A backup of WAL-G.
    Walg,
    /// A snapshot of the provider, of which only what somebody wrote down is known.
    Managed,
}

impl Kind {
    /// Returns the word of the documents and the screen.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Custom => "custom",
            Self::Directory => "directory",
            Self::Tar => "tar",
            Self::Plain => "plain",
            Self::Base => "base",
            Self::Pgbackrest => "pgbackrest",
            Self::Barman => "barman",
            Self::Walg => "walg",
            Self::Managed => "managed",
        }
    }

    /// Returns true for a copy of the cluster's files: its own program makes, proves, keeps and
    /// restores it, and the levels L0 to L6 mean nothing for it.
    #[must_use]
    pub fn is_physical(self) -> bool {
        matches!(self, Self::Base | Self::Pgbackrest | Self::Barman | Self::Walg | Self::Managed)
    }
}

/// How much of the database is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Schema and data of the whole database.
    Full,
    /// Definitions only.
    Schema,
    /// Rows only.
    Data,
    /// Some tables.
    Tables,
}

impl Scope {
    /// Returns the word of the documents and the screen.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Schema => "schema",
            Self::Data => "data",
            Self::Tables => "tables",
        }
    }
}

/// What one attempt to prove a backup came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// What was tried.
    pub level: Level,
    /// When it ended.
    pub at: DateTime<Utc>,
    /// Whether the backup passed.
    pub ok: bool,
}

/// What the program that made a backup says of it, or who wrote it down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// The program, with its version where that is known, or the person.
    pub by: String,
    /// What its last proof came to; `None`: it has told of none.
    pub ok: Option<bool>,
    /// When that was.
    pub at: Option<DateTime<Utc>>,
    /// In words that are safe to show.
    pub what: String,
}

/// One backup, as far as it is known. `None` is always "not known".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Its name among the others: the manifest's, else the location.
    pub id: String,
    /// What it is.
    pub kind: Kind,
    /// Where it lies: a path, or a repository and label.
    pub location: String,
    /// The database that it is of.
    pub database: Option<Untrusted>,
    /// The cluster that it is of, which only a manifest tells of a dump.
    pub system_identifier: Option<String>,
    /// When it was finished, which only a manifest tells of a dump.
    pub created_at: Option<DateTime<Utc>>,
    /// What an archive's header says: the local time of the machine that ran `pg_dump`,
    /// whose zone is nowhere in it (PostgreSQL's `WriteHead`, `struct tm` field by field).
    pub created_local: Option<NaiveDateTime>,
    /// When its snapshot was taken: its age counts from here.
    pub snapshot_started_at: Option<DateTime<Utc>>,
    /// Bytes that it takes where it lies.
    pub size: Option<u64>,
    /// The version of the server that it is of.
    pub server_version: Option<Untrusted>,
    /// The version of the program that made it.
    pub tool_version: Option<Untrusted>,
    /// How much of the database is in it.
    pub scope: Option<Scope>,
    /// The revisions that a restore would put the database at; empty: nothing had run;
    /// `None`: there is no version table that is known, or it could not be read.
    pub revisions: Option<Vec<String>>,
    /// Tables whose rows are in it.
    pub tables: Option<usize>,
    /// Rows by table, counted in its own snapshot, which only a manifest tells.
    pub rows: BTreeMap<String, Option<u64>>,
    /// Whether all of it is there.
    pub complete: Option<bool>,
    /// Every proof that was tried, oldest first.
    pub verified: Vec<Proof>,
    /// What its own program says of it, where it is not a dump.
    pub judged: Option<Judged>,
    /// The run that made it, which only a manifest tells.
    pub run: Option<String>,
    /// What its manifest says that nobody can prove, since it was adopted.
    pub unproven: Vec<String>,
    /// What tells that it is still the same: size, place on the disk and last change, in a
    /// form that is only compared.
    pub stamp: Option<String>,
    /// Whether it may go.
    pub retention: Retention,
    /// Whether it has a manifest of ours beside it; without one it is adopted.
    pub registered: bool,
    /// What is wrong with it, or cannot be told, in sentences that are safe to show.
    pub problems: Vec<String>,
}

impl Backup {
    /// Returns a backup of which nothing is known but what and where it is.
    pub fn at(location: impl Into<String>, kind: Kind) -> Self {
        let location = location.into();
        Self {
            id: location.clone(),
            kind,
            location,
            database: None,
            system_identifier: None,
            created_at: None,
            created_local: None,
            snapshot_started_at: None,
            size: None,
            server_version: None,
            tool_version: None,
            scope: None,
            revisions: None,
            tables: None,
            rows: BTreeMap::new(),
            complete: None,
            verified: Vec::new(),
            judged: None,
            run: None,
            unproven: Vec::new(),
            stamp: None,
            retention: Retention::Keep,
            registered: false,
            problems: Vec::new(),
        }
    }

    /// Returns how old it is, from the start of its snapshot; `None` is never recent.
    #[must_use]
    pub fn age(&self, now: DateTime<Utc>) -> Option<TimeDelta> {
        self.snapshot_started_at.map(|at| (now - at).max(TimeDelta::zero()))
    }

    /// Returns the last attempt at `level`, if there was one.
    #[must_use]
    pub fn proof(&self, level: Level) -> Option<&Proof> {
        self.verified.iter().filter(|proof| proof.level == level).max_by_key(|proof| proof.at)
    }

    /// Returns the levels whose last attempt was passed, weakest first. They are a set:
    /// L1 does not apply to an adopted file.
    pub fn passed(&self) -> impl Iterator<Item = Level> {
        Level::ALL.into_iter().filter(|level| self.proof(*level).is_some_and(|proof| proof.ok))
    }

    /// Returns the highest level whose last attempt was passed, if nothing failed.
    #[must_use]
    pub fn level(&self) -> Option<Level> {
        if self.has_failed() { None } else { self.passed().last() }
    }

    /// Returns true if the last attempt at some level failed.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        Level::ALL.into_iter().any(|level| self.proof(level).is_some_and(|proof| !proof.ok))
    }

    /// Returns true if it is known to be damaged or cut off.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        let judged = self.judged.as_ref().and_then(|judged| judged.ok);
        self.complete == Some(false) || self.has_failed() || judged == Some(false)
    }

    /// Returns true if its program has proven it, or it has passed L3 or more.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        let judged = self.judged.as_ref().and_then(|judged| judged.ok);
        !self.is_bad() && (judged == Some(true) || self.level() >= Some(Level::L3))
    }

    /// Returns whether it is of that database of that cluster; a dump without manifest tells
    /// only the database's name, and a copy of a cluster holds all of its databases.
    #[must_use]
    pub fn is_of(&self, identity: &Identity) -> Option<bool> {
        if self.kind.is_physical() && self.database.is_none() {
            let cluster = self.system_identifier.as_ref();
            return cluster.map(|cluster| *cluster == identity.system_identifier);
        }
        let database = self.database.as_ref().map(|name| name.raw() == identity.database);
        let cluster = self.system_identifier.as_ref().map(|id| *id == identity.system_identifier);
        match (database, cluster) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        }
    }

    /// Returns true if it is a file or directory on this machine.
    #[must_use]
    pub fn is_here(&self) -> bool {
        !self.kind.is_physical() && !object::is_elsewhere(&self.location)
    }

    /// Returns true if it holds schema and data of the whole database.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.kind.is_physical() || self.scope == Some(Scope::Full)
    }
}
