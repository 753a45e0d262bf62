//! From what the server has now to the next act: what happened meanwhile decides, not a list
//! that was made before.

use super::{Act, Goal, Mark, State, beside};

/// A database that a restore made or put aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its name.
    pub name: String,
    /// Its OID.
    pub oid: u32,
    /// What it is; `None`: it has the name of one of ours and no mark, since the restore was
    /// cut off right after it had been made.
    pub mark: Option<Mark>,
    /// Whether a restore that lives is loading it: it holds the lock of that name.
    pub busy: bool,
}

impl Found {
    /// Returns true if all of the backup is in it.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        matches!(&self.mark, Some(Mark::New { state, .. }) if *state >= State::Loaded)
    }
}

/// What a server has for one database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct World {
    /// The OID of the database that has the name.
    pub oid: u32,
    /// The name.
    pub name: String,
    /// What restores have left beside it.
    pub found: Vec<Found>,
    /// The names of all databases of the server.
    pub taken: Vec<String>,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// This act, on this database; `None`: one that it makes.
    Act(Act, Option<Found>),
    /// There is no way from here.
    Impossible(String),
}

impl World {
    /// Returns the new databases that are to take this one's place, are not in it, and that
    /// no restore is loading.
    pub fn left_over(&self) -> impl Iterator<Item = &Found> {
        self.waiting().filter(|found| !found.busy)
    }

    /// Returns the new databases that a restore is loading at this moment.
    pub fn under_way(&self) -> impl Iterator<Item = &Found> {
        self.waiting().filter(|found| found.busy)
    }

    fn waiting(&self) -> impl Iterator<Item = &Found> {
        self.found.iter().filter(|found| match &found.mark {
            Some(Mark::New { name, .. }) => *name == self.name,
            // These were live once: what was written there is nowhere else.
            Some(Mark::Old { .. } | Mark::Undone { .. }) => false,
            None => self.is_named_for(&found.name),
        })
    }

    /// Returns true if a restore of this database gives that name, and of no other one here: of
    /// long names only their beginning is in it.
    fn is_named_for(&self, name: &str) -> bool {
        let Some((_, stamp)) = name.rsplit_once("_restore_") else { return false };
        let is_of = |database: &str| beside(database, "restore", stamp) == name;
        let others = self.taken.iter().filter(|other| **other != self.name);
        is_of(&self.name) && !others.into_iter().any(|other| is_of(other))
    }

    /// Returns the database from before the last swap, if this one took its place.
    #[must_use]
    pub fn old(&self) -> Option<(&Found, &Mark)> {
        let mut olds = self.found.iter().filter_map(|found| match &found.mark {
            Some(mark @ Mark::Old { by, .. }) if *by == self.oid => Some((found, mark)),
            _ => None,
        });
        olds.next()
    }

    /// Returns how far the restore of `backup` is.
    fn begun(&self, backup: &str) -> Option<(&Found, State)> {
        let ours = self.found.iter().filter_map(|found| match &found.mark {
            Some(Mark::New { of, backup: from, state, .. })
                if *of == self.oid && from == backup =>
            {
                Some((found, *state))
            }
            _ => None,
        });
        ours.max_by_key(|(_, state)| *state)
    }
}

/// Returns the next act towards `goal`; of a backup, its location is already known.
#[must_use]
pub fn next(goal: &Goal, world: &World) -> Next {
    match goal {
        Goal::Backup(backup) => match world.begun(backup) {
            None => Next::Act(Act::Load, None),
            Some((found, State::Loading)) if found.busy => Next::Impossible(format!(
                "{} is being loaded from this backup by another restore: wait for its end",
                found.name
            )),
            Some((found, State::Loading)) => Next::Act(Act::Drop, Some(found.clone())),
            Some((found, State::Loaded)) => Next::Act(Act::Settle, Some(found.clone())),
            Some((found, State::Settled)) => Next::Act(Act::Swap, Some(found.clone())),
        },
        Goal::Undo => match world.old() {
            Some((found, _)) => Next::Act(Act::Undo, Some(found.clone())),
            None => Next::Impossible(format!(
                "there is no database from before a swap of {}: nothing can be taken back",
                world.name
            )),
        },
        Goal::Drop(name) => match world.left_over().find(|found| found.name == *name) {
            Some(found) => Next::Act(Act::Drop, Some(found.clone())),
            None => Next::Impossible(format!(
                "{name} is nothing that a restore of {} has left over; what was live once is \
                 never dropped from here",
                world.name
            )),
        },
    }
}
