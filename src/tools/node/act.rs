//! One migration up or down.

use crate::domain::graph::{State, Trouble};
use crate::tools::{Act, Intent, Project, Refused, Script, linear};

use super::{command, files};

/// How a tool goes.
pub(crate) struct Turn<'a> {
    /// The words for one migration, behind the program.
    pub words: &'a [&'a str],
    /// True if a row without file keeps the tool from running anything.
    pub orphans_stop: bool,
    /// True if a pending migration before one that has run does.
    pub order_stops: bool,
}

/// Returns the command of one act.
pub(crate) fn act(project: &Project, intent: &Intent, turn: &Turn<'_>) -> Result<Act, Refused> {
    if !project.connected {
        return Err(Refused::UnknownState);
    }
    if let Some(why) = refusal(project, intent, turn) {
        return Err(Refused::Problem(why));
    }
    let script = match intent {
        Intent::Up(id) => up(project, intent, id)?,
        Intent::Down(id) => down(project, intent, id)?,
    };
    if let Some(why) = files::cannot_run(script) {
        return Err(Refused::Problem(why));
    }
    if let Some(why) = &project.setup.unrunnable {
        return Err(Refused::Problem(why.clone()));
    }
    let waiting = script.no_lock_timeout();
    let own = std::iter::once(script.file.clone());
    Ok(Act {
        command: command(project, turn.words),
        before: project.graph.current(),
        after: after(project, intent),
        files: own.chain(project.setup.files.iter().cloned()).collect(),
        no_lock_timeout: waiting.or_else(|| project.setup.no_timeouts.clone()),
    })
}

/// Returns the problem for which the tool would refuse, or run something else.
fn refusal(project: &Project, intent: &Intent, turn: &Turn<'_>) -> Option<String> {
    let is_known = |id: &str| project.migration(id).is_some();
    let problem = project.problems.iter().find(|problem| match problem.kind {
        Trouble::OutOfOrder => turn.order_stops,
        Trouble::Orphan => turn.orphans_stop,
        Trouble::Syntax | Trouble::Unreachable if is_known(&problem.id) => {
            problem.kind == Trouble::Syntax && problem.id == intent.migration()
        }
        _ => true,
    })?;
    Some(format!("{}: {}", problem.id, problem.detail))
}

fn up<'a>(project: &'a Project, intent: &Intent, id: &str) -> Result<&'a Script, Refused> {
    let (_, migration) = linear::expect(project, intent)?;
    let first = project.graph.pending().next().map_or(id, |node| node.id.as_str());
    if first != id {
        return Err(Refused::NotNext { id: id.to_owned(), first: first.to_owned() });
    }
    Ok(&migration.up)
}

fn down<'a>(project: &'a Project, intent: &Intent, id: &str) -> Result<&'a Script, Refused> {
    let (_, migration) = linear::expect(project, intent)?;
    let last = project.last().map_or(id, |migration| migration.id.as_str());
    if last != id {
        return Err(Refused::NotNext { id: id.to_owned(), first: last.to_owned() });
    }
    migration.down.as_ref().ok_or_else(|| Refused::NoWayDown(id.to_owned()))
}

/// Returns where the database is when it has succeeded.
fn after(project: &Project, intent: &Intent) -> Vec<String> {
    let mut graph = project.graph.clone();
    for node in graph.nodes.iter_mut().filter(|node| node.id == intent.migration()) {
        node.state = match intent {
            Intent::Up(_) => State::Applied,
            Intent::Down(_) => State::Pending,
        };
    }
    graph.current()
}
