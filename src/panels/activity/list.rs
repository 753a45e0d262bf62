//! Which backends the list shows, in which order.

use std::collections::HashSet;

use super::Activity;
use crate::domain::activity::filter::Filter;
use crate::domain::activity::{Backend, BackendKey, sort};
use crate::domain::locks::Forest;
use crate::domain::snapshot::Snapshot;
use crate::panels::Scene;

/// The list as it stands now.
pub(super) struct List<'a> {
    /// Where it comes from.
    pub snapshot: &'a Snapshot,
    /// The shown backends, in order.
    pub backends: Vec<&'a Backend>,
    /// Their names, in the same order.
    pub keys: Vec<BackendKey>,
    /// All backends of the snapshot.
    pub total: usize,
    /// Those that wait for a lock.
    pub waiting: usize,
    /// Those left out as idle.
    pub hidden: usize,
    /// Those left out by the filter.
    pub filtered: usize,
}

impl<'a> List<'a> {
    /// Returns the list, if anything was read yet.
    pub fn of(scene: &Scene<'a>, panel: &Activity) -> Option<Self> {
        let snapshot = scene.facts.snapshot.value()?;
        let awake = Filter::new("", !panel.idle);
        let words = Filter::new(scene.filter, false);
        let blockers = blockers(&snapshot.forest);
        let is_filtered = !scene.filter.trim().is_empty();
        let (mut hidden, mut filtered) = (0, 0);
        let mut backends = Vec::with_capacity(snapshot.backends.len());
        for backend in &snapshot.backends {
            let kept = blockers.contains(&backend.pid) || panel.came_for == Some(backend.key());
            if is_filtered && !words.shows(backend, kept) {
                filtered += 1;
            } else if !panel.idle && !awake.shows(backend, kept) {
                hidden += 1;
            } else {
                backends.push(backend);
            }
        }
        sort::sort(&mut backends, panel.column, panel.direction);
        let keys = backends.iter().map(|backend| backend.key()).collect();
        let (total, waiting) = (snapshot.backends.len(), snapshot.forest.blocked);
        Some(Self { snapshot, backends, keys, total, waiting, hidden, filtered })
    }

    /// Returns what is said where no row is shown.
    pub fn empty(&self) -> &'static str {
        if self.filtered > 0 && self.hidden > 0 {
            "only idle sessions match the filter; i shows them, Esc leaves the filter"
        } else if self.filtered > 0 {
            "no session matches the filter; Esc shows everything"
        } else {
            "nobody does anything; i shows who is idle"
        }
    }
}

/// Returns everybody whom somebody waits for.
fn blockers(forest: &Forest) -> HashSet<i32> {
    let blocking = forest.nodes.iter().filter(|node| node.victims > 0 || !node.members.is_empty());
    blocking.flat_map(|node| node.pid().into_iter().chain(node.members.iter().copied())).collect()
}
