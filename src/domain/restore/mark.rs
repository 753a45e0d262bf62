//! What a restore writes down on the server itself, in the comment of a database that it
//! made or put aside: whoever comes after a crash reads there what it is.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What a mark begins with, in the comment of a database.
const BEGINS: &str = "lockkeeper restore ";

/// How far a new database is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is being loaded, or loading it was interrupted.
    Loading,
    /// It holds what the backup holds: counted.
    Loaded,
    /// It has the old one's properties too.
    Settled,
}

/// What a database is to a restore.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Mark {
    /// A new database that is to take the place of another one.
    New {
        /// The OID of the database whose place it takes.
        of: u32,
        /// That one's name.
        name: String,
        /// The backup that is in it.
        backup: String,
        /// How far it is.
        state: State,
    },
    /// The database from before a swap.
    Old {
        /// The OID of the one that took its place.
        by: u32,
        /// The name that both have had.
        name: String,
        /// When the names were swapped.
        at: DateTime<Utc>,
        /// Rows that had been written into the new one by then, as the server counts them.
        written: Option<u64>,
    },
    /// A restored database whose swap was taken back.
    Undone {
        /// The name that it has had.
        name: String,
        /// When.
        at: DateTime<Utc>,
    },
}

impl Mark {
    /// Reads a database's comment; `None`: it is no mark, or not one that is understood.
    #[must_use]
    pub fn read(comment: &str) -> Option<Self> {
        serde_json::from_str(comment.strip_prefix(BEGINS)?).ok()
    }

    /// Returns the mark of the same database once a DROP of it has begun: nothing in it counts
    /// as loaded any more.
    #[must_use]
    pub fn given_up(self) -> Self {
        match self {
            Self::New { of, name, backup, .. } => {
                Self::New { of, name, backup, state: State::Loading }
            }
            was_live => was_live,
        }
    }

    /// Returns the comment.
    #[must_use]
    pub fn text(&self) -> String {
        let json = serde_json::to_string(self).expect("a mark holds nothing that JSON lacks");
        format!("{BEGINS}{json}")
    }
}
