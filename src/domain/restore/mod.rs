//! A full restore: beside the live database, and swapped in by its name.
//!
//! Measured on PostgreSQL 15: in place, `pg_restore --clean` shows empty tables to whoever
//! reads meanwhile; a new database and two renames cost each client one reconnect.

mod mark;
mod next;
mod preflight;
mod properties;
mod swapped;

use serde::{Deserialize, Serialize};

use super::backup::Backup;

pub use mark::{Mark, State};
pub use next::{Found, Next, World, next};
pub use preflight::{Extension, Pooler, Preflight, Replica, Rights, Way};
pub use properties::{Grant, Properties, Setting};
pub use swapped::swapped_with;

/// One act of a restore.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Proves the backup, makes the new database, loads and checks it.
    Load,
    /// Gives the new database what belongs to the old one and is in no dump.
    Settle,
    /// Swaps the names.
    Swap,
    /// Swaps them back.
    Undo,
    /// Drops what a restore has left that came to no end.
    Drop,
}

impl Act {
    /// Every act, in the order of the procedure.
    pub const ALL: [Self; 5] = [Self::Load, Self::Settle, Self::Swap, Self::Undo, Self::Drop];

    /// Returns the word of the child's command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Settle => "settle",
            Self::Swap => "swap",
            Self::Undo => "undo",
            Self::Drop => "drop",
        }
    }

    /// Reads [`Act::word`].
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|act| act.word() == word)
    }

    /// Returns true if another act of the procedure follows once this one is done.
    #[must_use]
    pub fn is_followed(self, goal: &Goal) -> bool {
        match self {
            Self::Load | Self::Settle => true,
            // What was half made is dropped first, on the way to a backup.
            Self::Drop => matches!(goal, Goal::Backup(_)),
            Self::Swap | Self::Undo => false,
        }
    }

    /// Returns true if the database that answers under the name is another one afterwards.
    #[must_use]
    pub fn swaps(self) -> bool {
        matches!(self, Self::Swap | Self::Undo)
    }
}

/// What a restore is to lead to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// The database is what this backup holds: where it lies, or `newest`.
    Backup(String),
    /// The database is the one from before the last swap.
    Undo,
    /// The left-over database of this name is gone.
    Drop(String),
}

/// What no statement can tell, and a person has said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stated {
    /// Bytes that are free where the server keeps the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free: Option<u64>,
    /// Nobody reads on replicas, and a pooler is paused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub drained: bool,
}

/// A restore that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Order {
    /// What it leads to.
    pub goal: Goal,
    /// What a person has said.
    pub stated: Stated,
    /// The name that the new database gets; `None`: one is made of the time.
    pub name: Option<String>,
}

impl Order {
    /// Returns the order that leads to `goal`.
    #[must_use]
    pub fn to(goal: Goal) -> Self {
        Self { goal, stated: Stated::default(), name: None }
    }
}

/// What restores have left here, and what speaks against another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What they have left.
    pub world: World,
    /// What speaks against one.
    pub preflight: Preflight,
}

/// The longest name of a database, in bytes (`NAMEDATALEN` less one).
const LONGEST: usize = 63;

/// Returns the name of the new database: `shop_restore_20261121t031500`, by the time of the
/// backup's snapshot, with a number where a database of that stamp is there already. It does not
/// change while a plan waits for its yes.
#[must_use]
pub fn fresh(world: &World, backup: Option<&Backup>) -> String {
    let at = backup.and_then(|backup| {
        backup.snapshot_started_at.map(|at| at.naive_utc()).or(backup.created_local)
    });
    let stamp = at
        .map_or_else(|| "00000000t000000".to_owned(), |at| at.format("%Y%m%dt%H%M%S").to_string());
    let mut stamps = (1_u32..).map(|number| match number {
        1 => stamp.clone(),
        number => format!("{stamp}_{number}"),
    });
    let is_free = |stamp: &String| {
        // As the acts name them: of a long name each may keep another part.
        let new = beside(&world.name, "restore", stamp);
        let old = aside(Act::Swap, &new);
        let undone = aside(Act::Undo, &old);
        [new, old, undone].iter().all(|name| !world.taken.contains(name))
    };
    let stamp = stamps.find(is_free).unwrap_or_default();
    beside(&world.name, "restore", &stamp)
}

/// Returns the name of a database beside `database`.
fn beside(database: &str, what: &str, stamp: &str) -> String {
    let suffix = format!("_{what}_{stamp}");
    let mut end = database.len().min(LONGEST.saturating_sub(suffix.len()));
    while !database.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{suffix}", &database[..end])
}

/// Returns the name under which a swap puts the live database aside, told from the name of the
/// one that takes its place: of `shop_restore_20261121t031500`, `shop_old_20261121t031500`.
#[must_use]
pub fn aside(act: Act, database: &str) -> String {
    let (from, to) = match act {
        Act::Undo => ("_old_", "_undone_"),
        _ => ("_restore_", "_old_"),
    };
    let Some((base, stamp)) = database.rsplit_once(from) else {
        return format!("{database}{to}");
    };
    let mut end = base.len().min(LONGEST.saturating_sub(to.len() + stamp.len()));
    while !base.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{to}{stamp}", &base[..end])
}

/// Returns an identifier as SQL takes it, quoted in any case.
#[must_use]
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Returns a text as SQL takes it.
#[must_use]
pub fn literal(text: &str) -> String {
    // An E string means the same whatever standard_conforming_strings is.
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}
