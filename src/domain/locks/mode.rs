//! The eight modes of heavyweight locks and which of them exclude each other.

use serde::{Deserialize, Serialize};

/// A lock mode, weakest first (PostgreSQL documentation, "Explicit Locking").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Mode {
    /// `SELECT`.
    #[serde(rename = "AccessShareLock")]
    AccessShare,
    /// `SELECT FOR UPDATE` and its kin.
    #[serde(rename = "RowShareLock")]
    RowShare,
    /// `INSERT`, `UPDATE`, `DELETE`, `MERGE`.
    #[serde(rename = "RowExclusiveLock")]
    RowExclusive,
    /// `VACUUM`, `ANALYZE`, `CREATE INDEX CONCURRENTLY`, `VALIDATE CONSTRAINT`.
    #[serde(rename = "ShareUpdateExclusiveLock")]
    ShareUpdateExclusive,
    /// `CREATE INDEX`; also a wait for a transaction or virtual transaction to end.
    #[serde(rename = "ShareLock")]
    Share,
    /// `CREATE TRIGGER`, adding a foreign key.
    #[serde(rename = "ShareRowExclusiveLock")]
    ShareRowExclusive,
    /// `REFRESH MATERIALIZED VIEW CONCURRENTLY`; a transaction on its own id.
    #[serde(rename = "ExclusiveLock")]
    Exclusive,
    /// Most of `ALTER TABLE`, `DROP`, `TRUNCATE`, `VACUUM FULL`.
    #[serde(rename = "AccessExclusiveLock")]
    AccessExclusive,
}

impl Mode {
    /// Every mode, weakest first.
    pub const ALL: [Self; 8] = [
        Self::AccessShare,
        Self::RowShare,
        Self::RowExclusive,
        Self::ShareUpdateExclusive,
        Self::Share,
        Self::ShareRowExclusive,
        Self::Exclusive,
        Self::AccessExclusive,
    ];

    /// Parses `pg_locks.mode`; `None` for anything else, `SIReadLock` included:
    /// predicate locks never make anybody wait.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }

    /// Returns the name in `pg_locks.mode`, e.g. `AccessExclusiveLock`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AccessShare => "AccessShareLock",
            Self::RowShare => "RowShareLock",
            Self::RowExclusive => "RowExclusiveLock",
            Self::ShareUpdateExclusive => "ShareUpdateExclusiveLock",
            Self::Share => "ShareLock",
            Self::ShareRowExclusive => "ShareRowExclusiveLock",
            Self::Exclusive => "ExclusiveLock",
            Self::AccessExclusive => "AccessExclusiveLock",
        }
    }

    /// Returns the name without its ending, for tables: `AccessExclusive`.
    #[must_use]
    pub fn short(self) -> &'static str {
        self.name().trim_end_matches("Lock")
    }

    /// Returns the words of `LOCK TABLE … IN … MODE`, e.g. `ACCESS EXCLUSIVE`.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::AccessShare => "ACCESS SHARE",
            Self::RowShare => "ROW SHARE",
            Self::RowExclusive => "ROW EXCLUSIVE",
            Self::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
            Self::Share => "SHARE",
            Self::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            Self::Exclusive => "EXCLUSIVE",
            Self::AccessExclusive => "ACCESS EXCLUSIVE",
        }
    }

    /// Returns true if two groups cannot hold `self` and `other` on one object at
    /// the same time.
    #[must_use]
    pub fn conflicts(self, other: Self) -> bool {
        self.conflicting().contains(other)
    }

    /// Returns the modes that exclude this one (documentation, table 13.2).
    #[must_use]
    pub fn conflicting(self) -> Modes {
        Modes(match self {
            Self::AccessShare => 0b1000_0000,
            Self::RowShare => 0b1100_0000,
            Self::RowExclusive => 0b1111_0000,
            Self::ShareUpdateExclusive => 0b1111_1000,
            Self::Share => 0b1110_1100,
            Self::ShareRowExclusive => 0b1111_1100,
            Self::Exclusive => 0b1111_1110,
            Self::AccessExclusive => 0b1111_1111,
        })
    }
}

/// A set of modes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Modes(u8);

impl Modes {
    /// Adds a mode.
    pub fn insert(&mut self, mode: Mode) {
        self.0 |= 1 << mode as u8;
    }

    /// Returns true if `mode` is one of them.
    #[must_use]
    pub fn contains(self, mode: Mode) -> bool {
        self.0 & (1 << mode as u8) != 0
    }

    /// Returns true if there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns true if one of them excludes `mode`.
    #[must_use]
    pub fn conflict_with(self, mode: Mode) -> bool {
        self.0 & mode.conflicting().0 != 0
    }

    /// Returns them, weakest first.
    #[must_use]
    pub fn iter(self) -> impl DoubleEndedIterator<Item = Mode> {
        Mode::ALL.into_iter().filter(move |mode| self.contains(*mode))
    }

    /// Returns the strongest of them that excludes `mode`.
    #[must_use]
    pub fn strongest_against(self, mode: Mode) -> Option<Mode> {
        self.iter().rev().find(|held| held.conflicts(mode))
    }
}
