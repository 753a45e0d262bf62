//! The graph of revisions, in the order in which Alembic walks it.
//!
//! What is an ancestor, what is a head and what comes first are the rules of
//! `alembic.script.revision.RevisionMap` 1.20.

use std::collections::HashMap;

use fixedbitset::FixedBitSet;

/// A revision's place, by number: the order in which Alembic loads the files.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    /// `down_revision`.
    pub down: Vec<usize>,
    /// `depends_on`, without what an ancestor depends on already.
    pub depends: Vec<usize>,
}

impl Place {
    /// Returns what has to run before.
    pub(super) fn before(&self) -> impl Iterator<Item = usize> + '_ {
        let extra = self.depends.iter().filter(|at| !self.down.contains(at));
        self.down.iter().chain(extra).copied()
    }
}

/// All revisions.
#[derive(Clone, Debug, Default)]
pub(super) struct Map {
    pub places: Vec<Place>,
    /// What follows by `down_revision`.
    next: Vec<Vec<usize>>,
    /// What follows in either way.
    all_next: Vec<Vec<usize>>,
}

/// What refers to what, by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Named {
    pub id: String,
    pub down: Vec<String>,
    pub depends: Vec<String>,
    pub labels: Vec<String>,
}

impl Map {
    /// Connects the revisions; returns those that refer to what is not there, with its name.
    pub(super) fn of(all: &[Named]) -> (Self, Vec<(usize, String)>) {
        let mut names: HashMap<&str, usize> = HashMap::new();
        for (at, one) in all.iter().enumerate() {
            names.extend(one.labels.iter().map(|label| (label.as_str(), at)));
        }
        names.extend(all.iter().enumerate().map(|(at, one)| (one.id.as_str(), at)));
        let mut missing = Vec::new();
        let mut find = |at: usize, wanted: &[String]| {
            let mut found = Vec::new();
            for name in wanted {
                match names.get(name.as_str()) {
                    Some(other) if found.contains(other) => {}
                    Some(other) => found.push(*other),
                    None => missing.push((at, name.clone())),
                }
            }
            found
        };
        let places = all
            .iter()
            .enumerate()
            .map(|(at, one)| Place { down: find(at, &one.down), depends: find(at, &one.depends) });
        let mut map = Self { places: places.collect(), ..Self::default() };
        map.connect();
        if map.cycle().is_empty() {
            map.normalize();
        }
        (map, missing)
    }

    fn connect(&mut self) {
        let count = self.places.len();
        (self.next, self.all_next) = (vec![Vec::new(); count], vec![Vec::new(); count]);
        for (at, place) in self.places.iter().enumerate() {
            place.down.iter().for_each(|down| self.next[*down].push(at));
            place.before().for_each(|before| self.all_next[before].push(at));
        }
    }

    /// Leaves out what an ancestor depends on already.
    fn normalize(&mut self) {
        let full: Vec<Vec<usize>> = self.places.iter().map(|p| p.depends.clone()).collect();
        for at in 0..self.places.len() {
            if full[at].is_empty() {
                continue;
            }
            let lineage = self.reached([at], |map, at| map.places[at].down.clone());
            let inherited: Vec<usize> =
                lineage.ones().filter(|other| *other != at).flat_map(|o| full[o].clone()).collect();
            self.places[at].depends.retain(|other| !inherited.contains(other));
        }
    }

    fn reached(
        &self,
        from: impl IntoIterator<Item = usize>,
        step: impl Fn(&Self, usize) -> Vec<usize>,
    ) -> FixedBitSet {
        let mut seen = FixedBitSet::with_capacity(self.places.len());
        let mut open: Vec<usize> = from.into_iter().collect();
        while let Some(at) = open.pop() {
            if !seen.put(at) {
                open.extend(step(self, at));
            }
        }
        seen
    }

    /// Returns these and all that has to run before them.
    pub(super) fn ancestors(&self, from: impl IntoIterator<Item = usize>) -> FixedBitSet {
        self.reached(from, |map, at| map.places[at].before().collect())
    }

    /// Returns the lineage by `down_revision` alone, these included.
    pub(super) fn lineage(&self, from: usize) -> FixedBitSet {
        self.reached([from], |map, at| map.places[at].down.clone())
    }

    /// Returns these and all that follows them.
    pub(super) fn descendants(&self, from: impl IntoIterator<Item = usize>) -> FixedBitSet {
        self.reached(from, |map, at| map.all_next[at].clone())
    }

    /// Returns what follows nothing by `down_revision`.
    pub(super) fn bases(&self) -> Vec<usize> {
        (0..self.places.len()).filter(|at| self.places[*at].down.is_empty()).collect()
    }

    /// Returns what `alembic heads` shows.
    pub(super) fn heads(&self) -> Vec<usize> {
        (0..self.places.len()).filter(|at| self.next[*at].is_empty()).collect()
    }

    /// Returns what `alembic upgrade heads` goes to.
    pub(super) fn real_heads(&self) -> Vec<usize> {
        (0..self.places.len()).filter(|at| self.all_next[*at].is_empty()).collect()
    }

    /// Returns the revisions of which each follows another for ever; empty if there are none.
    pub(super) fn cycle(&self) -> Vec<usize> {
        let mut waits = vec![0_usize; self.places.len()];
        self.all_next.iter().flatten().for_each(|next| waits[*next] += 1);
        let mut free: Vec<usize> = (0..waits.len()).filter(|at| waits[*at] == 0).collect();
        while let Some(at) = free.pop() {
            for next in &self.all_next[at] {
                waits[*next] -= 1;
                if waits[*next] == 0 {
                    free.push(*next);
                }
            }
        }
        (0..waits.len()).filter(|at| waits[*at] > 0).collect()
    }

    /// Returns the revisions of `among` in the order of `alembic upgrade`, which walks down
    /// from `heads` one branch after the other and turns that around.
    pub(super) fn order(&self, among: &FixedBitSet, heads: &[usize]) -> Vec<usize> {
        let mut todo = among.clone();
        let mut current: Vec<usize> = heads.iter().copied().filter(|h| todo.contains(*h)).collect();
        current.sort_unstable();
        current.dedup();
        let mut behind: Vec<FixedBitSet> =
            current.iter().map(|head| self.ancestors([*head])).collect();
        let mut order = Vec::new();
        let mut at = 0;
        while !current.is_empty() {
            let candidate = current[at];
            let other = (0..behind.len()).find(|o| *o != at && behind[*o].contains(candidate));
            if let Some(other) = other {
                at = other;
                continue;
            }
            if todo.contains(candidate) {
                order.push(candidate);
                todo.set(candidate, false);
            }
            let place = &self.places[candidate];
            let more: Vec<usize> =
                place.before().filter(|b| todo.contains(*b) && !current.contains(b)).collect();
            let Some((first, others)) = more.split_first() else {
                current.remove(at);
                behind.remove(at);
                at = at.saturating_sub(1);
                continue;
            };
            current[at] = *first;
            if place.depends.is_empty() && place.down.len() == 1 {
                behind[at].set(candidate, false);
            } else {
                behind[at] = self.ancestors([*first]);
                current.extend(others);
                behind.extend(others.iter().map(|other| self.ancestors([*other])));
            }
        }
        order.reverse();
        order
    }

    /// Returns what `alembic downgrade` drops of `active` on the way to `target` (`None`:
    /// base), where `branch` names one of the branches that begin there.
    pub(super) fn dropped(
        &self,
        target: Option<usize>,
        branch: Option<usize>,
        active: &FixedBitSet,
    ) -> FixedBitSet {
        let mut roots = target.map_or_else(|| self.bases(), |at| self.next[at].clone());
        if let Some(branch) = branch.filter(|_| roots.len() > 1) {
            let lineage = self.lineage(branch);
            roots.retain(|root| lineage.contains(*root));
        }
        let mut dropped = self.descendants(roots);
        dropped.intersect_with(active);
        dropped
    }
}
