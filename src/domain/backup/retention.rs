//! Which backups may go.

use serde::{Deserialize, Serialize};

use super::{Backup, Kind, Scope};
use crate::domain::evidence::Level;
use crate::domain::untrusted::Untrusted;

/// Whether a backup may go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Retention {
    /// It stays.
    #[default]
    Keep,
    /// Enough newer ones of the same kind are proven: it may go.
    Prunable,
    /// Somebody said that it stays.
    Pinned,
}

/// What backups can stand in for each other: cluster, database and scope.
type Group<'a> = (&'a str, &'a Untrusted, Kind, Option<Scope>);

/// Marks what may go: only a registered backup of known age behind which `keep` newer ones
/// of the same cluster, database and scope are complete and have passed `required`. What is
/// not known to be superseded stays, and so does every pinned one.
pub fn mark(backups: &mut [Backup], keep: u32, required: Level) {
    let keep = usize::try_from(keep.max(1)).unwrap_or(usize::MAX);
    let prunable: Vec<bool> = backups
        .iter()
        .map(|old| {
            let Some(group) = group(old).filter(|_| old.registered) else { return false };
            let newer = backups.iter().filter(|new| {
                new.complete == Some(true)
                    && new.level() >= Some(required)
                    && self::group(new).as_ref() == Some(&group)
                    && new.snapshot_started_at > old.snapshot_started_at
            });
            old.snapshot_started_at.is_some() && newer.count() >= keep
        })
        .collect();
    for (backup, prunable) in backups.iter_mut().zip(prunable) {
        if prunable && backup.retention == Retention::Keep {
            backup.retention = Retention::Prunable;
        }
    }
}

fn group(backup: &Backup) -> Option<Group<'_>> {
    let cluster = backup.system_identifier.as_deref()?;
    Some((cluster, backup.database.as_ref()?, backup.kind, backup.scope))
}
