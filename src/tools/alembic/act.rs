//! One revision up or down: always by full ids, never by `head`, `+1` or `-1`, which fail
//! at branches and merges ("Ambiguous walk").

use std::collections::BTreeSet;

use crate::domain::graph::{Node, State, Trouble};
use crate::domain::plan::Command;
use crate::tools::{Act, Intent, Project, Refused, Script, linear};

use super::files;
use super::map::{Map, Named};

/// Returns a command of Alembic; what stands before it is the configuration's to say.
pub(super) fn command(project: &Project, words: &[&str]) -> Command {
    let mut argv = vec!["alembic".to_owned()];
    if let Some(config) = &project.setup.config {
        argv.extend(["-c".to_owned(), config.clone()]);
    }
    argv.extend(words.iter().map(|word| (*word).to_owned()));
    Command { argv, env: Vec::new(), cwd: String::new() }
}

pub(super) fn act(project: &Project, intent: &Intent) -> Result<Act, Refused> {
    if let Some(why) = refusal(project) {
        return Err(Refused::Problem(why));
    }
    if !project.connected {
        return Err(Refused::UnknownState);
    }
    match intent {
        Intent::Up(id) => up(project, intent, id),
        Intent::Down(id) => down(project, intent, id),
    }
}

/// Returns the problem for which Alembic, or the server, would refuse.
fn refusal(project: &Project) -> Option<String> {
    let stops = |kind: Trouble| match kind {
        // By full ids Alembic goes on.
        Trouble::MultipleHeads | Trouble::OutOfOrder => false,
        // Only one way cannot be run: which, is looked at there.
        Trouble::Unreachable => false,
        _ => true,
    };
    let problem = project.problems.iter().find(|problem| stops(problem.kind))?;
    Some(format!("{}: {}", problem.id, problem.detail))
}

fn up(project: &Project, intent: &Intent, id: &str) -> Result<Act, Refused> {
    let (node, migration) = linear::expect(project, intent)?;
    let waits = |parent: &&String| {
        project.graph.find(parent).is_some_and(|parent| parent.state != State::Applied)
    };
    if node.parents.iter().any(|parent| waits(&parent)) {
        let before = project.graph.ancestors(id);
        let first = project.graph.pending().find(|pending| before.contains(&pending.id));
        let first = first.map(|first| first.id.clone()).unwrap_or_default();
        return Err(Refused::NotNext { id: id.to_owned(), first });
    }
    let mut applied = applied(project);
    applied.insert(id);
    one(project, &["upgrade", id], &applied, &migration.up)
}

fn down(project: &Project, intent: &Intent, id: &str) -> Result<Act, Refused> {
    let (_, migration) = linear::expect(project, intent)?;
    let after = project.graph.descendants(id);
    let behind = project.graph.applied().rev().find(|n| n.id != id && after.contains(&n.id));
    if let Some(last) = behind {
        return Err(Refused::NotNext { id: id.to_owned(), first: last.id.clone() });
    }
    let script = migration.down.as_ref().ok_or_else(|| Refused::NoWayDown(id.to_owned()))?;
    let target = target(project, id).ok_or_else(|| {
        Refused::Problem(format!(
            "{id}: Alembic has no downgrade that takes back this revision and no other one: every target drops more"
        ))
    })?;
    let mut applied = applied(project);
    applied.remove(id);
    one(project, &["downgrade", &target], &applied, script)
}

fn applied(project: &Project) -> BTreeSet<&str> {
    project.graph.applied().map(|node| node.id.as_str()).collect()
}

/// Returns the target for which `alembic downgrade` drops exactly this revision: what it
/// follows, or, where others begin there too, `REVISION@WHAT_IT_FOLLOWS`.
fn target(project: &Project, id: &str) -> Option<String> {
    let nodes = &project.graph.nodes;
    let named: Vec<Named> = nodes.iter().map(|node| named(project, node)).collect();
    let (map, _) = Map::of(&named);
    let own = nodes.iter().position(|node| node.id == id)?;
    let active = (0..nodes.len()).filter(|at| nodes[*at].state == State::Applied).collect();
    let mut parents: Vec<Option<usize>> = map.places[own].down.iter().copied().map(Some).collect();
    if parents.is_empty() {
        parents.push(None);
    }
    let drops = |parent: Option<usize>, branch: Option<usize>| {
        map.dropped(parent, branch, &active).ones().eq([own])
    };
    let word = |parent: Option<usize>| parent.map_or("base", |at| nodes[at].id.as_str());
    let plain = parents.iter().find(|parent| drops(**parent, None));
    if let Some(parent) = plain {
        return Some(word(*parent).to_owned());
    }
    let parent = parents.into_iter().find(|parent| drops(*parent, Some(own)))?;
    Some(format!("{id}@{}", word(parent)))
}

/// Returns a node with what it follows and what it only depends on told apart.
fn named(project: &Project, node: &Node) -> Named {
    let followed = project.setup.follows.get(&node.id);
    let is_followed = |id: &&String| followed.is_none_or(|all| all.contains(id));
    let (down, depends) = node.parents.iter().partition(is_followed);
    let owned = |ids: Vec<&String>| ids.into_iter().cloned().collect();
    Named { id: node.id.clone(), down: owned(down), depends: owned(depends), labels: Vec::new() }
}

fn one(
    project: &Project,
    words: &[&str],
    applied: &BTreeSet<&str>,
    script: &Script,
) -> Result<Act, Refused> {
    if let Some(why) = files::cannot_run(script) {
        return Err(Refused::Problem(why));
    }
    let followed = |id: &str| {
        let mut others =
            project.graph.nodes.iter().filter(|node| applied.contains(node.id.as_str()));
        others.any(|node| node.parents.iter().any(|parent| parent == id))
    };
    let waiting = script.no_lock_timeout();
    let files = std::iter::once(script.file.clone()).chain(project.setup.files.iter().cloned());
    Ok(Act {
        command: command(project, words),
        before: project.graph.current(),
        after: applied.iter().filter(|id| !followed(id)).map(|id| (*id).to_owned()).collect(),
        files: files.collect(),
        no_lock_timeout: waiting.or_else(|| project.setup.no_timeouts.clone()),
    })
}

/// Returns the command that prints the SQL of one revision: from what it follows to it. A
/// merge has no such range.
pub(super) fn printed(project: &Project, intent: &Intent) -> Option<Command> {
    let node = project.graph.find(intent.migration())?;
    let id = node.id.as_str();
    let range = match (intent, node.parents.as_slice()) {
        (Intent::Up(_), []) => format!("base:{id}"),
        (Intent::Up(_), [parent]) => format!("{parent}:{id}"),
        (Intent::Down(_), []) => format!("{id}:base"),
        (Intent::Down(_), [parent]) => format!("{id}:{parent}"),
        _ => return None,
    };
    let way = if matches!(intent, Intent::Up(_)) { "upgrade" } else { "downgrade" };
    Some(command(project, &[way, &range, "--sql"]))
}
