//! Which backups may go.
//!
//! Only what is complete and proven counts, per cluster, database and what of it is in them;
//! what nobody can tell of a backup keeps it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Backup, Inventory, Scope};
use crate::domain::age;
use crate::domain::evidence::Level;
use crate::domain::identity::Identity;
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

/// What backups can stand in for each other: cluster, database, scope, and the tables where
/// these are not all.
type Group<'a> = (&'a str, &'a Untrusted, Scope, Vec<&'a str>);

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
                counts(new, required)
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

/// Returns true for a backup that others may be pruned in favour of.
fn counts(backup: &Backup, required: Level) -> bool {
    let is_ours = backup.registered && backup.system_identifier.is_some();
    is_ours && !backup.is_bad() && backup.complete == Some(true) && backup.level() >= Some(required)
}

fn group(backup: &Backup) -> Option<Group<'_>> {
    let cluster = backup.system_identifier.as_deref().filter(|_| !backup.kind.is_physical())?;
    let scope = backup.scope?;
    let tables = match scope {
        Scope::Full | Scope::Schema => Vec::new(),
        Scope::Data | Scope::Tables => backup.rows.keys().map(String::as_str).collect(),
    };
    Some((cluster, backup.database.as_ref()?, scope, tables))
}

/// Returns what is pruned of the backups of `identity`, oldest first: what [`mark`] has let go,
/// but for those that a run still needs.
///
/// # Errors
/// Why nothing is: without a good and recent full backup every older one may be needed.
pub fn pruned<'a>(
    inventory: &'a Inventory,
    identity: &Identity,
    now: DateTime<Utc>,
) -> Result<Vec<&'a Backup>, String> {
    let required = inventory.required;
    let max = inventory.max_age;
    let newest = inventory.newest_verified(identity).and_then(|newest| newest.age(now));
    let old = newest.ok_or_else(|| {
        format!("nothing is pruned: no full backup of this database has passed {required}")
    })?;
    if old.to_std().is_ok_and(|old| old > max.duration()) {
        let old = age::rough(old);
        return Err(format!(
            "nothing is pruned: the newest full backup that has passed {required} is {old} old, \
             and none younger than {max} stands in for it (b makes one)"
        ));
    }
    let mut all: Vec<&Backup> = inventory
        .backups
        .iter()
        .filter(|backup| backup.retention == Retention::Prunable)
        .filter(|backup| backup.is_of(identity) == Some(true) && backup.stamp.is_some())
        .filter(|backup| !is_held(backup, &inventory.held))
        .collect();
    all.sort_by_key(|backup| (backup.snapshot_started_at, &backup.location));
    Ok(all)
}

/// Returns true for a backup that an open run has made, or names.
#[must_use]
pub fn is_held(backup: &Backup, held: &BTreeSet<String>) -> bool {
    let by_run = backup.run.as_ref().is_some_and(|run| held.contains(run));
    by_run || held.contains(&backup.location)
}
