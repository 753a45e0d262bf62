//! One migration up or down: `migrate APP NAME`, down by what stays.

use std::collections::BTreeSet;

use crate::domain::graph::{Problem, State, Trouble};
use crate::domain::plan::Command;
use crate::tools::{Act, Intent, Project, Refused, join, linear};

/// Returns a command of `manage.py`; what stands before it is the configuration's to say.
pub(super) fn command(project: &Project, words: &[&str]) -> Command {
    let manage = join(&project.directory, "manage.py");
    linear::command(&[&["python", &manage][..], words].concat())
}

pub(super) fn act(project: &Project, intent: &Intent) -> Result<Act, Refused> {
    let id = intent.migration();
    let (node, migration) = linear::expect(project, intent)?;
    if !project.connected {
        return Err(Refused::UnknownState);
    }
    let stops = |problem: &&Problem| match problem.kind {
        // Django passes over them.
        Trouble::Orphan => false,
        Trouble::Unreachable => problem.id == id,
        _ => true,
    };
    if let Some(problem) = project.problems.iter().find(stops) {
        return Err(Refused::Problem(format!("{}: {}", problem.id, problem.detail)));
    }
    let not_next = |first: &str| Refused::NotNext { id: id.to_owned(), first: first.to_owned() };
    let (target, script) = match intent {
        Intent::Up(_) => {
            let before = project.graph.ancestors(id);
            let mut waiting = project.graph.pending();
            if let Some(first) = waiting.find(|other| other.id != id && before.contains(&other.id))
            {
                return Err(not_next(&first.id));
            }
            (Some(node.id.clone()), &migration.up)
        }
        Intent::Down(_) => {
            let after = project.graph.descendants(id);
            let mut others = project.graph.applied().rev();
            if let Some(last) = others.find(|other| other.id != id && after.contains(&other.id)) {
                return Err(not_next(&last.id));
            }
            let script =
                migration.down.as_ref().ok_or_else(|| Refused::NoWayDown(id.to_owned()))?;
            (target(project, id)?, script)
        }
    };
    let mut after = project.graph.clone();
    if let Some(moved) = after.nodes.iter_mut().find(|other| other.id == id) {
        moved.state = if matches!(intent, Intent::Up(_)) { State::Applied } else { State::Pending };
    }
    let turn = linear::Turn {
        script,
        before: project.graph.current(),
        after: after.current(),
        previous: None,
    };
    let mut act = turn.act(&[]);
    let (app, _) = id.split_once('.').unwrap_or((id, ""));
    let name = target.as_deref().and_then(|target| target.split_once('.'));
    let name = name.map_or("zero", |(_, name)| name);
    act.command = command(project, &["migrate", app, name, "--no-input"]);
    act.files.extend(project.setup.files.iter().cloned());
    Ok(act)
}

/// Returns the migration of the same app to which going back takes back exactly this one;
/// `None` for what Django calls zero. Django takes back all that follows the target in the
/// app, and what follows that.
fn target(project: &Project, id: &str) -> Result<Option<String>, Refused> {
    let app = |id: &str| id.split_once('.').map(|(app, _)| app.to_owned());
    let own = app(id);
    let applied = |id: &str| project.graph.find(id).is_some_and(|n| n.state == State::Applied);
    let taken = |roots: Vec<&str>| -> BTreeSet<String> {
        let all = roots.into_iter().flat_map(|root| project.graph.descendants(root));
        all.filter(|id| applied(id)).collect()
    };
    let of_app = || project.graph.nodes.iter().filter(|node| app(&node.id) == own);
    let only = BTreeSet::from([id.to_owned()]);
    let parents = project.graph.find(id).map(|node| node.parents.as_slice()).unwrap_or_default();
    let parents: Vec<&String> = parents.iter().filter(|parent| app(parent) == own).collect();
    for parent in &parents {
        let children = of_app().filter(|node| node.parents.contains(parent));
        if taken(children.map(|node| node.id.as_str()).collect()) == only {
            return Ok(Some((*parent).clone()));
        }
    }
    if parents.is_empty() && taken(of_app().map(|node| node.id.as_str()).collect()) == only {
        return Ok(None);
    }
    Err(Refused::Problem(format!(
        "{id}: Django has no target that takes back this one and no other: what follows the same migration goes with it"
    )))
}
