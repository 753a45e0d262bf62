//! The probes that the program brings along, by the names that runbooks write.

use serde::{Deserialize, Serialize};

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
    /// the next migration asks for (count; unknown if its locks are).
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
}

impl Builtin {
    /// Returns true if a bad value is never overridden: identity and the journal.
    ///
    /// A backup known bad is the third; there the value decides, see
    /// [`crate::domain::gate::Gate::evaluate`].
    #[must_use]
    pub fn is_beyond_override(self) -> bool {
        matches!(self, Self::IdentityPinned | Self::JournalWritable)
    }

    /// Returns true if it speaks of a backup.
    #[must_use]
    pub fn is_of_a_backup(self) -> bool {
        matches!(self, Self::BackupLevel | Self::BackupAge)
    }
}
