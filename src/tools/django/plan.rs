//! The graph, as `django.db.migrations.loader` and `graph` make it.

use std::collections::BTreeSet;

use crate::domain::graph::{Problem, Trouble};
use crate::source::python::django::Key;

use super::files::File;
use super::id;

/// The graph of the files.
pub(super) struct Plan {
    /// The files in the order in which `migrate` runs them.
    pub order: Vec<usize>,
    /// What each follows, sorted.
    pub parents: Vec<Vec<usize>>,
    /// What each depends on in installed packages.
    pub foreign: Vec<Vec<Key>>,
    /// The squashes that count as run, because all that they replace has.
    pub squashed: BTreeSet<usize>,
    /// All that a squash replaces.
    pub replaced: BTreeSet<Key>,
}

impl Plan {
    /// Makes the graph; squashes that do not count, and what the others replace, go.
    pub(super) fn of(
        files: &mut Vec<File>,
        ran: &BTreeSet<Key>,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let replaced = files.iter().flat_map(|file| file.header.replaces.clone()).collect();
        let whole = squash(files, ran, problems);
        let position = |key: &Key| files.iter().position(|file| file.key == *key);
        let squashed = whole.iter().filter_map(position).collect();
        let mut plan = Self {
            order: Vec::new(),
            parents: vec![Vec::new(); files.len()],
            foreign: vec![Vec::new(); files.len()],
            squashed,
            replaced,
        };
        plan.connect(files, problems);
        problems.extend(plan.conflicts(files));
        plan.walk(files, problems);
        plan
    }

    fn connect(&mut self, files: &[File], problems: &mut Vec<Problem>) {
        // Those that name the first or the last of an app have to wait for all others.
        let fixed = |key: &Key| !key.1.starts_with("__");
        for pass in [true, false] {
            for (at, file) in files.iter().enumerate() {
                for key in file.header.dependencies.iter().filter(|key| fixed(key) == pass) {
                    self.depend(at, key, files, problems);
                }
                for key in file.header.run_before.iter().filter(|_| pass) {
                    if let Some(child) = files.iter().position(|file| file.key == *key) {
                        self.parents[child].push(at);
                    }
                }
            }
        }
        for parents in &mut self.parents {
            parents.sort_unstable();
            parents.dedup();
        }
    }

    fn depend(&mut self, at: usize, key: &Key, files: &[File], problems: &mut Vec<Problem>) {
        let of_app: Vec<usize> =
            (0..files.len()).filter(|other| files[*other].key.0 == key.0).collect();
        if of_app.is_empty() {
            self.foreign[at].push(key.clone());
            return;
        }
        let own = |at: usize, other: usize| self.parents[at].contains(&other);
        let target = match key.1.as_str() {
            // Within an app they mean nothing.
            "__first__" | "__latest__" if files[at].key.0 == key.0 => return,
            "__first__" => of_app.iter().find(|one| !of_app.iter().any(|other| own(**one, *other))),
            "__latest__" => {
                of_app.iter().find(|one| !of_app.iter().any(|other| own(*other, **one)))
            }
            _ => of_app.iter().find(|other| files[**other].key == *key),
        };
        if let Some(parent) = target {
            self.parents[at].push(*parent);
            return;
        }
        let detail = format!(
            "{} depends on {}, which no file is: every command of Django fails (NodeNotFoundError); bring that file back, or correct dependencies",
            files[at].path,
            id(key)
        );
        problems.push(Problem::new(Trouble::MissingParent, id(&files[at].key), detail));
    }

    /// Returns the files that no other one of the same app follows.
    fn leaves(&self, files: &[File]) -> Vec<usize> {
        let followed = |at: &usize| {
            let same = |child: &usize| files[*child].key.0 == files[*at].key.0;
            (0..files.len()).filter(same).any(|child| self.parents[child].contains(at))
        };
        (0..files.len()).filter(|at| !followed(at)).collect()
    }

    fn conflicts(&self, files: &[File]) -> Vec<Problem> {
        let leaves = self.leaves(files);
        let mut problems = Vec::new();
        let apps: BTreeSet<&str> = leaves.iter().map(|at| files[*at].key.0.as_str()).collect();
        for app in apps {
            let of_app = leaves.iter().filter(|at| files[**at].key.0 == app);
            let ids: Vec<String> = of_app.map(|at| id(&files[*at].key)).collect();
            if ids.len() > 1 {
                let list = ids.join(", ");
                let detail = format!(
                    "{list} are all leaves of {app}: Django refuses (Conflicting migrations detected); merge them with `makemigrations --merge`"
                );
                problems.push(Problem::new(Trouble::MultipleHeads, list, detail));
            }
        }
        problems
    }

    /// Depth first from each leaf, the last parent first, each after all that it follows.
    fn walk(&mut self, files: &[File], problems: &mut Vec<Problem>) {
        let mut done = vec![false; files.len()];
        for leaf in self.leaves(files).into_iter().chain(0..files.len()) {
            let mut open = vec![(leaf, false)];
            let mut on_the_way = BTreeSet::new();
            while let Some((at, left)) = open.pop() {
                if done[at] {
                    continue;
                }
                if left {
                    done[at] = true;
                    self.order.push(at);
                    continue;
                }
                if !on_the_way.insert(at) {
                    continue;
                }
                open.push((at, true));
                open.extend(self.parents[at].iter().map(|parent| (*parent, false)));
            }
        }
        let place = |at: usize| self.order.iter().position(|other| *other == at);
        let circular = |at: &usize| self.parents[*at].iter().any(|p| place(*p) > place(*at));
        if let Some(at) = (0..files.len()).find(circular) {
            let detail = format!(
                "{} stands in a circle: every command of Django fails (CircularDependencyError)",
                files[at].path
            );
            problems.push(Problem::new(Trouble::MissingParent, id(&files[at].key), detail));
        }
    }
}

/// Removes what does not count: of each squash either itself or what it replaces. Returns the
/// squashes of which all has run.
fn squash(files: &mut Vec<File>, ran: &BTreeSet<Key>, problems: &mut Vec<Problem>) -> Vec<Key> {
    let mut whole = Vec::new();
    let squashes: Vec<(Key, Vec<Key>)> = files
        .iter()
        .filter(|file| !file.header.replaces.is_empty())
        .map(|file| (file.key.clone(), file.header.replaces.clone()))
        .collect();
    for (key, replaces) in squashes {
        let count = replaces.iter().filter(|old| ran.contains(old)).count();
        if count > 0 && count < replaces.len() && !ran.contains(&key) {
            let detail = format!(
                "it replaces {} migrations of which {count} have run: Django goes on with those one by one and passes over it until all have",
                replaces.len()
            );
            problems.push(Problem::new(Trouble::Unreachable, id(&key), detail));
            files.retain(|file| file.key != key);
            continue;
        }
        if count == replaces.len() {
            whole.push(key.clone());
        }
        files.retain(|file| !replaces.contains(&file.key));
        for file in files.iter_mut().filter(|file| file.key != key) {
            for old in file.header.dependencies.iter_mut().filter(|old| replaces.contains(old)) {
                old.clone_from(&key);
            }
        }
        if let Some(own) = files.iter_mut().find(|file| file.key == key) {
            own.header.dependencies.retain(|old| !replaces.contains(old));
        }
    }
    whole
}
