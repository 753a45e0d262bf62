//! Judges the ways down once more, by what the migrations before have defined: one file alone
//! does not show which function or view stood before it.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};

use super::{Migration, Project, Script};
use crate::domain::graph::Graph;
use crate::domain::reversal::{self, History, Kind, Reversal};

/// Judges every migration that defines something, and was judged by its own file only.
pub(super) fn judge(project: &mut Project) {
    let places: HashMap<&str, usize> =
        project.migrations.iter().enumerate().rev().map(|(at, m)| (m.id.as_str(), at)).collect();
    let order = project.graph.nodes.iter().filter_map(|node| places.get(node.id.as_str()));
    let order: Vec<usize> = order.copied().collect();
    let parents = Parents::of(&project.graph);
    let mut history = History::default();
    let mut judged: Vec<(usize, Reversal)> = Vec::new();
    for at in order {
        let migration = &project.migrations[at];
        if let Some(down) = defining(migration) {
            let before = OnceCell::new();
            let is_before =
                |id: &str| before.get_or_init(|| parents.ancestors(&migration.id)).contains(id);
            judged.extend(again(migration, down, &history, &is_before).map(|now| (at, now)));
        }
        history.take(&migration.id, &migration.up.statements);
    }
    for (at, reversal) in judged {
        project.migrations[at].reversal = reversal;
    }
}

/// Returns the way down, if the way up defines something.
fn defining(migration: &Migration) -> Option<&Script> {
    let mut changes = migration.up.statements.iter().flat_map(|statement| &statement.changes);
    let is_defining = changes.any(reversal::is_compared);
    migration.down.as_ref().filter(|_| is_defining)
}

/// Judges again; nothing where the tool itself knows better, or what is left out may matter.
fn again(
    migration: &Migration,
    down: &Script,
    history: &History,
    is_before: &dyn Fn(&str) -> bool,
) -> Option<Reversal> {
    let (up, back) = (&migration.up.statements, Some(down.statements.as_slice()));
    let is_alone = reversal::judge(up, back) == migration.reversal;
    let now = is_alone.then(|| reversal::judge_after(up, back, history, is_before))?;
    (down.complete || now.kind != Kind::Reversible).then_some(now)
}

/// What runs before what.
struct Parents<'a>(HashMap<&'a str, &'a [String]>);

impl<'a> Parents<'a> {
    fn of(graph: &'a Graph) -> Self {
        let nodes = graph.nodes.iter();
        Self(nodes.map(|node| (node.id.as_str(), node.parents.as_slice())).collect())
    }

    fn ancestors(&self, id: &'a str) -> HashSet<&'a str> {
        let mut found = HashSet::new();
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            if found.insert(id) {
                open.extend(self.0.get(id).copied().into_iter().flatten().map(String::as_str));
            }
        }
        found
    }
}
