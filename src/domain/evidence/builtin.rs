//! The probes that the program brings along, by the names that runbooks write.

use serde::{Deserialize, Serialize};

use super::{Expect, Value};

/// A probe that the program brings along; the kind of its value stands in brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Builtin {
    /// The server answers on the monitor connection (bool).
    Connection,
    /// What answers is the pinned target (bool; unknown without a pin).
    IdentityPinned,
    /// The server is a primary, `not pg_is_in_recovery()` (bool).
    Primary,
    /// `pg_database_size(current_database())`, in bytes (count).
    DatabaseSize,
    /// Client backends of this database that run a query now (count).
    ActiveSessions,
    /// Client backends of this database other than our own (count).
    OtherClientBackends,
    /// Transactions of this database that have been open for more than 5 minutes (count).
    LongTransactions,
    /// Queries of this database that have been running for more than 5 minutes (count).
    LongQueries,
    /// Sessions that wait for a lock now (count).
    BlockedSessions,
    /// Sessions and prepared transactions that hold a lock which conflicts with what
    /// the next migration asks for (list; unknown if its locks are).
    LockHoldersConflicting,
    /// Rows of `pg_prepared_xacts` in this database (count).
    PreparedTransactions,
    /// Indexes with `pg_index.indisvalid` false (list of names).
    InvalidIndexes,
    /// Constraints with `pg_constraint.convalidated` false (list of names).
    UnvalidatedConstraints,
    /// The greatest time by which a replica is behind, by the LSN probe: a WAL
    /// position of now and the time until the replica has replayed past it
    /// (length of time; `replay_lag` reads 0 while replay is stalled).
    ReplicasLag,
    /// Replication slots that hold WAL back and have no reader (list of names).
    InactiveSlots,
    /// Share of the data directory's disk that is free (percentage). SQL cannot tell:
    /// unknown unless the configuration has a probe named `disk`.
    DiskFree,
    /// Migrations that the tool would run now (count).
    PendingMigrations,
    /// What the tool's directory and version table are at odds about (list).
    ToolProblems,
    /// Pending migrations that cannot be undone without loss (list of ids).
    IrreversibleMigrations,
    /// Every pending migration went up and came back on a copy of what is here now (bool;
    /// unknown if none was rehearsed, or anything has changed since).
    Rehearsed,
    /// The verdict of the last rehearsal on the last migration (text, as a reversal is named in
    /// capitals; unknown if it was not rehearsed, or anything has changed since).
    DownRehearsed,
    /// How long all that is pending takes at most, as it was rehearsed, on relations as large as
    /// they are here (length of time; unknown if it was not rehearsed).
    PendingTakes,
    /// How long the maintenance window of policy that is open now stays so; none is open: 0
    /// (length of time; unknown without `windows` in `[policy]`).
    WindowLeft,
    /// All that is pending ends before that window closes (bool; unknown wherever one of the
    /// two lengths is).
    FitsWindow,
    /// The database is at the migration before the one that this run brought it to (bool).
    RevisionIsPrevious,
    /// The database is at the migration that this run's last act was to bring it to (bool).
    RevisionIsNext,
    /// The tables that the configuration or the baseline names are there (bool).
    RequiredTables,
    /// Time since the last migration of this target was applied (length of time).
    DeployAge,
    /// Rows written since then that the way down would lose (count).
    WrittenSince,
    /// The way down of the last migration: `reversible`, `lossy`, `no_op`, `raises`,
    /// `conditional`, `missing` or `unknown` (text).
    Reversal,
    /// The highest level that the newest full backup has passed (level).
    BackupLevel,
    /// Age of the newest full, verified backup, from the start of its snapshot
    /// (length of time).
    BackupAge,
    /// No proof of the newest full backup has failed (bool; unknown if none was tried).
    BackupSound,
    /// Rows fewer than in the baseline, over all of its tables (count).
    RowsLostSinceBaseline,
    /// Foreign keys whose rows point to nothing, counted by query (count).
    OrphanRows,
    /// The journal of the run can be written and synced (bool).
    JournalWritable,
    /// Nobody else holds the target's lease (bool).
    LeaseFree,
    /// Time since the migration that runs now began (length of time).
    Duration,
    /// Share of health probes that failed since the baseline (percentage).
    HealthFailures,
    /// Share of authentication probes that failed since the baseline (percentage).
    AuthFailures,
    /// Loss of transactions per second against the baseline (percentage).
    Slowdown,
    /// Rows and values that the way down of the last migration destroys, counted now; at least
    /// so many where counting all takes too long (count).
    DownLoses,
    /// Rows that would refuse that way down: NULLs, duplicates, rows without a parent, counted
    /// now (count).
    DownRefused,
    /// Rows and values that the next migration destroys, counted now (count).
    UpLoses,
    /// Rows that would refuse the next migration, counted now (count).
    UpRefused,
}

impl Builtin {
    /// Returns every builtin, in the order of their declaration.
    #[must_use]
    pub fn all() -> &'static [Self] {
        &[
            Self::Connection,
            Self::IdentityPinned,
            Self::Primary,
            Self::DatabaseSize,
            Self::ActiveSessions,
            Self::OtherClientBackends,
            Self::LongTransactions,
            Self::LongQueries,
            Self::BlockedSessions,
            Self::LockHoldersConflicting,
            Self::PreparedTransactions,
            Self::InvalidIndexes,
            Self::UnvalidatedConstraints,
            Self::ReplicasLag,
            Self::InactiveSlots,
            Self::DiskFree,
            Self::PendingMigrations,
            Self::ToolProblems,
            Self::IrreversibleMigrations,
            Self::Rehearsed,
            Self::DownRehearsed,
            Self::PendingTakes,
            Self::WindowLeft,
            Self::FitsWindow,
            Self::RevisionIsPrevious,
            Self::RevisionIsNext,
            Self::RequiredTables,
            Self::DeployAge,
            Self::WrittenSince,
            Self::Reversal,
            Self::BackupLevel,
            Self::BackupAge,
            Self::BackupSound,
            Self::RowsLostSinceBaseline,
            Self::OrphanRows,
            Self::JournalWritable,
            Self::LeaseFree,
            Self::Duration,
            Self::HealthFailures,
            Self::AuthFailures,
            Self::Slowdown,
            Self::DownLoses,
            Self::DownRefused,
            Self::UpLoses,
            Self::UpRefused,
        ]
    }

    /// Returns what is good without being said: yes, none, or nothing of what should
    /// not be there; `None` where only policy can say.
    #[must_use]
    pub fn good(self) -> Option<Expect> {
        match self {
            Self::Connection
            | Self::IdentityPinned
            | Self::Primary
            | Self::Rehearsed
            | Self::FitsWindow
            | Self::RevisionIsPrevious
            | Self::RevisionIsNext
            | Self::RequiredTables
            | Self::BackupSound
            | Self::JournalWritable
            | Self::LeaseFree => Some(Expect::equals(Value::Bool(true))),
            Self::OtherClientBackends
            | Self::LongTransactions
            | Self::LongQueries
            | Self::BlockedSessions
            | Self::LockHoldersConflicting
            | Self::PreparedTransactions
            | Self::InvalidIndexes
            | Self::UnvalidatedConstraints
            | Self::InactiveSlots
            | Self::ToolProblems
            | Self::IrreversibleMigrations
            | Self::WrittenSince
            | Self::RowsLostSinceBaseline
            | Self::OrphanRows
            | Self::DownLoses
            | Self::DownRefused
            | Self::UpLoses
            | Self::UpRefused => Some(Expect::nothing()),
            Self::DatabaseSize
            | Self::ActiveSessions
            | Self::ReplicasLag
            | Self::DiskFree
            | Self::PendingMigrations
            | Self::PendingTakes
            | Self::WindowLeft
            | Self::DeployAge
            | Self::Reversal
            | Self::DownRehearsed
            | Self::BackupLevel
            | Self::BackupAge
            | Self::Duration
            | Self::HealthFailures
            | Self::AuthFailures
            | Self::Slowdown => None,
        }
    }

    /// Returns the name that runbooks write.
    #[must_use]
    pub fn name(self) -> String {
        // serde's names are the contract; a second table of them would drift.
        let name = serde_json::to_value(self).ok();
        name.and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// Returns the builtin of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let text: serde::de::value::StrDeserializer<'_, serde::de::value::Error> =
            serde::de::IntoDeserializer::into_deserializer(name);
        Self::deserialize(text).ok()
    }
}
