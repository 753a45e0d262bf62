//! An act as data: previewed, confirmed, journaled and resumed from the same value.

mod confirm;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::activity::BackendKey;
use super::backup::Tending;
use super::identity::{Class, Identity};
use super::mend::Mend;
use super::recount::Count;
use super::rehearsal::{self, Material};
use super::restore;

pub use confirm::{Answer, Confirmed, Means, Need, Refused};

/// What can be lost by an act; the worse of declared and computed counts.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// SQL in a READ ONLY transaction over allow-listed functions.
    Read,
    /// Changes something, and nothing is lost by it or by going back.
    #[default]
    Safe,
    /// Loses something that somebody may miss: written rows, another's transaction.
    Lossy,
    /// Cannot be undone.
    Destructive,
}

impl Risk {
    /// Returns the word for the screen.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Safe => "safe",
            Self::Lossy => "lossy",
            Self::Destructive => "destructive",
        }
    }
}

/// Which way a migration goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Towards the heads.
    Up,
    /// Back.
    Down,
}

impl Direction {
    /// Returns `up` or `down`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// What is sent to a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Signal {
    /// `pg_cancel_backend`: ends its statement, not its transaction's locks.
    Cancel,
    /// `pg_terminate_backend`: ends the session and rolls its transaction back.
    Terminate,
}

impl Signal {
    /// Returns `cancel` or `terminate`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Terminate => "terminate",
        }
    }
}

/// The smallest unit that is confirmed, journaled and classified after a crash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Action {
    /// One guarded statement on our control connection.
    Signal {
        /// Who is meant: pid and start of the process.
        backend: BackendKey,
        /// What is sent.
        signal: Signal,
    },
    /// One migration, one direction.
    Migrate {
        /// The migration tool's name.
        tool: String,
        /// Which way.
        direction: Direction,
        /// The migration that runs.
        migration: String,
        /// The revisions that the database must be at when the act has succeeded.
        after: Vec<String>,
    },
    /// SQL of a runbook's step, or that mends what a failure has left.
    Sql {
        /// The statements, exactly as they will be sent.
        text: String,
        /// What they mend, if they are no step's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mends: Option<Mend>,
        /// The values of `$1`, `$2`…, in their order.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        binds: Vec<Bind>,
    },
    /// A command of a runbook's step.
    Command,
    /// A backup.
    Backup {
        /// `full`, `schema`, `tables` or `csv`.
        scope: String,
        /// Where it goes.
        location: String,
    },
    /// A proof of a backup.
    VerifyBackup {
        /// The backup's file.
        file: String,
        /// The level asked for, `L0` to `L6`.
        level: String,
    },
    /// A rehearsal of what is pending, on a copy of the target.
    Rehearse {
        /// The migration tool's name.
        tool: String,
        /// What the copy is made of.
        of: Material,
        /// What is rehearsed, in its order.
        pending: Vec<String>,
    },
    /// Something done to backups that are there.
    Tend {
        /// What.
        tending: Tending,
        /// Where they lie.
        backups: Vec<String>,
    },
    /// One act of a restore.
    Restore {
        /// Which of the procedure's acts.
        act: restore::Act,
        /// The goal of the whole procedure; a backup's location in full.
        goal: restore::Goal,
        /// The database that it makes, fills, swaps in or drops.
        database: String,
        /// That database's OID, once there is one: beside the target's it names both sides of
        /// a swap.
        oid: Option<u32>,
        /// What a person has said that nobody can measure.
        #[serde(default)]
        stated: restore::Stated,
    },
    /// A request to an HTTP endpoint: maintenance mode, notifications.
    Http {
        /// The method.
        method: String,
        /// The address, without secrets.
        url: String,
    },
}

impl Action {
    /// Returns true if the schema is compared around it: what stays of its failure is told.
    #[must_use]
    pub fn is_compared(&self) -> bool {
        matches!(self, Self::Migrate { .. } | Self::Sql { .. })
    }
}

/// A value that a statement is run with. It goes to the server beside the text, never in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    /// The value, as it is read for the type that the server gives its parameter.
    pub value: String,
    /// The name that it was written by, e.g. `{var.count}`; none for one that is written out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// The program that an act runs. Values of the environment are never part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// The program and its arguments; never a shell line, never a secret.
    pub argv: Vec<String>,
    /// The names of the variables that are set for it.
    pub env: Vec<String>,
    /// The directory that it runs in.
    pub cwd: String,
}

impl Command {
    /// Returns the command as a person would type it.
    #[must_use]
    pub fn line(&self) -> String {
        self.argv.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
    }
}

/// Quotes a word for a POSIX shell, for reading only.
fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@+,%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// The content of a file that the act executes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// The file, relative to the project where it lies inside it.
    pub path: String,
    /// SHA-256 of its bytes in hexadecimal.
    pub sha256: String,
}

impl Digest {
    /// Returns the digest of `bytes` under the name `path`.
    #[must_use]
    pub fn of(path: impl Into<String>, bytes: &[u8]) -> Self {
        Self { path: path.into(), sha256: sha256_hex(bytes) }
    }
}

/// Limits that are in force while an act runs, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeouts {
    /// `lock_timeout`; `None`: none is set (CONCURRENTLY would leave an invalid index).
    pub lock_ms: Option<u64>,
    /// `statement_timeout`.
    pub statement_ms: Option<u64>,
    /// How long our own backend may wait for a lock until we cancel its statement; `None`: we
    /// do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_ms: Option<u64>,
    /// The pause before the second attempt; each later one is twice as long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause_ms: Option<u64>,
}

/// What a person is told before the yes. Not hashed: some of it is measured live.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// What the act is called, in a few words.
    pub title: String,
    /// The SQL as it will run, where it is known.
    pub sql: Vec<String>,
    /// Locks and relations: one line each.
    pub touches: Vec<String>,
    /// Who would stand in its way now, or what else is true at this moment.
    pub now: Vec<String>,
    /// Why policy would not have it begin now, told in `now` too: right before the act this is
    /// looked at again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untimely: Option<String>,
    /// How long it takes, and how that is known.
    pub takes: Option<String>,
    /// How long others may queue behind its waits for locks at worst.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stall: Option<String>,
    /// The way back.
    pub back: String,
    /// Whether it is an act of a rehearsal, on a copy of the target.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rehearsal: bool,
    /// The rows that are lost, or that refuse the act, as they were counted for this plan: right
    /// before the act they are counted again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counts: Vec<Count>,
}

/// One act with everything that it is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// What is done.
    pub action: Action,
    /// Where it is done.
    pub target: Identity,
    /// How much care the target asks for.
    pub class: Class,
    /// The program that runs, if one does.
    pub command: Option<Command>,
    /// The files that it executes.
    pub files: Vec<Digest>,
    /// The revisions that the database is at; empty: none, or no migration is involved.
    pub revision_before: Vec<String>,
    /// Limits.
    pub timeouts: Timeouts,
    /// How often it is tried at most when it fails by lock timeout and was rolled back.
    pub attempts: u32,
    /// The worse of declared and computed.
    pub risk: Risk,
    /// How many people other than the executor have to approve it by policy.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub approvals: u32,
    /// What the person is told.
    pub preview: Preview,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The SHA-256 of a plan, in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hash(String);

impl Hash {
    /// Wraps a hash that somebody gave, e.g. `--confirm HASH`; it proves nothing by itself.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns all 64 digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the form for the screen, e.g. `3f9a·c1d0`.
    #[must_use]
    pub fn short(&self) -> String {
        let part = |from: usize, to: usize| self.0.get(from..to).unwrap_or_default();
        format!("{}·{}", part(0, 4), part(4, 8))
    }
}

impl std::fmt::Display for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Plan {
    /// Returns the SHA-256 of what the plan is bound to: everything but the preview,
    /// as JSON without white space with the fields in the order of their declaration.
    #[must_use]
    pub fn hash(&self) -> Hash {
        let bound = (
            &self.action,
            (
                &self.target.system_identifier,
                &self.target.database,
                self.target.database_oid,
                &self.target.host,
                self.target.port,
                &self.target.role,
                self.target.primary,
            ),
            (self.class, &self.command, &self.files, &self.revision_before),
            (self.timeouts, self.attempts, self.risk),
        );
        let json = serde_json::to_vec(&bound).expect("a plan holds nothing that JSON lacks");
        Hash(sha256_hex(&json))
    }

    /// Returns how its target is named to a person: by its class, and whether it is only a copy.
    #[must_use]
    pub fn place(&self) -> String {
        rehearsal::place(self.class, self.preview.rehearsal)
    }

    /// Returns true if it is the last act of its procedure, whatever was asked for; of a
    /// migration only what the database has then tells.
    #[must_use]
    pub fn ends_procedure(&self) -> bool {
        matches!(&self.action, Action::Restore { act, goal, .. } if !act.is_followed(goal))
    }
}

/// Returns the SHA-256 of `bytes` in lower-case hexadecimal.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to a String cannot fail");
        hex
    })
}
