//! Table-level lock modes and what they block.
//!
//! <https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES>

use serde::Serialize;

/// A table-level lock mode, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Lock {
    /// `SELECT`.
    #[serde(rename = "ACCESS SHARE")]
    AccessShare,
    /// `SELECT … FOR UPDATE`.
    #[serde(rename = "ROW SHARE")]
    RowShare,
    /// `INSERT`, `UPDATE`, `DELETE`.
    #[serde(rename = "ROW EXCLUSIVE")]
    RowExclusive,
    /// `VACUUM`, `CREATE INDEX CONCURRENTLY`, `VALIDATE CONSTRAINT`.
    #[serde(rename = "SHARE UPDATE EXCLUSIVE")]
    ShareUpdateExclusive,
    /// `CREATE INDEX`.
    #[serde(rename = "SHARE")]
    Share,
    /// `CREATE TRIGGER`, `ADD FOREIGN KEY`.
    #[serde(rename = "SHARE ROW EXCLUSIVE")]
    ShareRowExclusive,
    /// `REFRESH MATERIALIZED VIEW CONCURRENTLY`.
    #[serde(rename = "EXCLUSIVE")]
    Exclusive,
    /// `DROP`, `TRUNCATE`, most of `ALTER TABLE`.
    #[serde(rename = "ACCESS EXCLUSIVE")]
    AccessExclusive,
}

impl Lock {
    /// All modes, weakest first.
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

    /// Returns the mode in PostgreSQL's words.
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

    /// Returns the mode of these words, as `LOCK TABLE … IN … MODE` has them.
    #[must_use]
    pub fn of_words(words: &str) -> Option<Self> {
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase();
        Self::ALL.into_iter().find(|mode| mode.words() == words)
    }

    /// Returns what stands still while it is held.
    #[must_use]
    pub fn blocks(self) -> &'static str {
        match self {
            Self::AccessShare | Self::RowShare => "nothing",
            Self::RowExclusive => "index builds and schema changes",
            Self::ShareUpdateExclusive => "schema changes and vacuum",
            Self::Share | Self::ShareRowExclusive | Self::Exclusive => "writes",
            Self::AccessExclusive => "reads and writes",
        }
    }

    /// Returns true if writers wait for it.
    #[must_use]
    pub fn blocks_writes(self) -> bool {
        self >= Self::Share
    }
}

/// A lock that a statement takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Held {
    /// The relation, or words for one that only the live catalog can name.
    pub relation: String,
    /// The mode.
    pub mode: Lock,
    /// True if only the live catalog can tell whether it is taken.
    pub may: bool,
}

/// Returns the strongest lock per relation, the strongest relation first.
pub(super) fn merge<'a>(locks: impl Iterator<Item = &'a Held>) -> Vec<Held> {
    let mut merged: Vec<Held> = Vec::new();
    for held in locks {
        match merged.iter_mut().find(|other| other.relation == held.relation) {
            Some(other) => {
                other.may = other.may && held.may;
                other.mode = other.mode.max(held.mode);
            }
            None => merged.push(held.clone()),
        }
    }
    // Stable: among equals the relation that the statement names stays first.
    merged.sort_by_key(|held| (held.may, std::cmp::Reverse(held.mode)));
    merged
}
