//! Which backup one would reach for first.

use std::cmp::Reverse;

use chrono::{DateTime, NaiveDateTime, Utc};

use super::Backup;

/// What a backup is good for, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Worth {
    /// Complete, and decoded or restored (L3 and above), or verified by its own program,
    /// without a failure.
    Proven,
    /// All of it is there; whether it decodes nobody has tried.
    Complete,
    /// Whether all of it is there is not known.
    Unknown,
    /// Damaged or cut off.
    Bad,
}

impl Worth {
    /// Returns what a backup is good for.
    #[must_use]
    pub fn of(backup: &Backup) -> Self {
        match backup.complete {
            _ if backup.is_bad() => Self::Bad,
            Some(true) if backup.is_proven() => Self::Proven,
            Some(true) => Self::Complete,
            _ => Self::Unknown,
        }
    }
}

/// Sorts `backups` so that the one that one would restore stands first: by worth, the whole
/// database before parts of it, then the newest snapshot, and an unknown age after every known.
pub fn by_worth(backups: &mut [Backup]) {
    backups.sort_by(|a, b| key(a).cmp(&key(b)).then_with(|| a.location.cmp(&b.location)));
}

type Key = (Worth, Reverse<bool>, Reverse<Option<DateTime<Utc>>>, Reverse<Option<NaiveDateTime>>);

fn key(backup: &Backup) -> Key {
    (
        Worth::of(backup),
        Reverse(backup.is_full()),
        Reverse(backup.snapshot_started_at),
        Reverse(backup.created_local),
    )
}
