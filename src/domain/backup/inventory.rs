//! All backups that were found, and what they come to for one database.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::Backup;
use crate::domain::evidence::Level;
use crate::domain::identity::Identity;
use crate::domain::quantity::Period;

/// What was found where backups are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inventory {
    /// The backups, the one that one would restore first.
    pub backups: Vec<Backup>,
    /// What could not be read, or is no backup though it should be; safe to show.
    pub problems: Vec<String>,
    /// The level that a backup is asked to have passed.
    pub required: Level,
    /// The age up to which one is recent.
    pub max_age: Period,
    /// When it was read.
    pub read_at: Option<DateTime<Utc>>,
    /// Runs that are not over, and the places of backups that they name.
    pub held: BTreeSet<String>,
}

impl Inventory {
    /// Returns an inventory in which nothing was found yet.
    #[must_use]
    pub fn empty(required: Level, max_age: Period) -> Self {
        Self {
            backups: Vec::new(),
            problems: Vec::new(),
            required,
            max_age,
            read_at: None,
            held: BTreeSet::new(),
        }
    }

    /// Returns the backup at a location.
    #[must_use]
    pub fn at(&self, location: &str) -> Option<&Backup> {
        self.backups.iter().find(|backup| backup.location == location)
    }

    /// Returns the newest full dump that is known to be of `identity`, whatever it is worth;
    /// one of unknown age is never the newest. The levels are for dumps: what another program
    /// keeps is neither verified nor restored from here.
    #[must_use]
    pub fn newest<'a>(&'a self, identity: &'a Identity) -> Option<&'a Backup> {
        let ours = self.full_of(identity);
        ours.max_by_key(|backup| backup.snapshot_started_at)
    }

    /// Returns the newest full backup that is known to be of `identity`, complete, and to have
    /// passed the required level without a failure.
    #[must_use]
    pub fn newest_verified<'a>(&'a self, identity: &'a Identity) -> Option<&'a Backup> {
        let required = Some(self.required);
        let good = self
            .full_of(identity)
            .filter(|backup| backup.complete == Some(true) && backup.level() >= required);
        good.max_by_key(|backup| backup.snapshot_started_at)
    }

    fn full_of<'a>(&'a self, identity: &'a Identity) -> impl Iterator<Item = &'a Backup> {
        let ours = self.backups.iter().filter(|b| b.is_of(identity) == Some(true));
        ours.filter(|backup| {
            let is_dump = !backup.kind.is_physical();
            is_dump && backup.is_full() && backup.snapshot_started_at.is_some()
        })
    }
}
