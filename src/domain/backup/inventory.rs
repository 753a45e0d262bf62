//! All backups that were found, and what they come to for one database.

use super::Backup;
use crate::domain::evidence::Level;
use crate::domain::identity::Identity;

/// What was found where backups are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// The backups, the one that one would restore first.
    pub backups: Vec<Backup>,
    /// What could not be read, or is no backup though it should be; safe to show.
    pub problems: Vec<String>,
}

impl Inventory {
    /// Returns the backup of that id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&Backup> {
        self.backups.iter().find(|backup| backup.id == id)
    }

    /// Returns the newest full backup that is known to be of `identity`, whatever it is worth;
    /// one of unknown age is never the newest.
    #[must_use]
    pub fn newest<'a>(&'a self, identity: &'a Identity) -> Option<&'a Backup> {
        let ours = self.full_of(identity);
        ours.max_by_key(|backup| backup.snapshot_started_at)
    }

    /// Returns the newest full backup that is known to be of `identity`, complete, and to have
    /// passed `required` without a failure.
    #[must_use]
    pub fn newest_verified<'a>(
        &'a self,
        identity: &'a Identity,
        required: Level,
    ) -> Option<&'a Backup> {
        let good = self
            .full_of(identity)
            .filter(|backup| backup.complete == Some(true) && backup.level() >= Some(required));
        good.max_by_key(|backup| backup.snapshot_started_at)
    }

    fn full_of<'a>(&'a self, identity: &'a Identity) -> impl Iterator<Item = &'a Backup> {
        let ours = self.backups.iter().filter(|b| b.is_of(identity) == Some(true));
        ours.filter(|backup| backup.is_full() && backup.snapshot_started_at.is_some())
    }
}
