//! What runs when its turn has come.

use crate::domain::graph::{Node, Problem, State, Trouble};
use crate::domain::plan::Command;
use crate::tools::{Act, Intent, Migration, Project, Refused, Script};

/// What runs when its turn has come.
pub(in crate::tools) struct Turn<'a> {
    pub script: &'a Script,
    pub before: Vec<String>,
    pub after: Vec<String>,
    /// The id of what ran before it in the row.
    pub previous: Option<&'a str>,
}

impl Turn<'_> {
    /// Returns the act by which `argv` runs it, in words that hold no secret.
    pub(in crate::tools) fn act(self, argv: &[&str]) -> Act {
        let no_lock_timeout = self.script.no_lock_timeout();
        Act {
            command: command(argv),
            before: self.before,
            after: self.after,
            files: vec![self.script.file.clone()],
            no_lock_timeout,
        }
    }
}

/// Returns a command in the project's directory.
pub(in crate::tools) fn command(argv: &[&str]) -> Command {
    let argv = argv.iter().map(|word| (*word).to_owned()).collect();
    Command { argv, ..Command::default() }
}

/// Returns what runs, if it is its turn and no problem that `stops` it is there.
pub(in crate::tools) fn turn<'a>(
    project: &'a Project,
    intent: &Intent,
    stops: impl Fn(&Problem) -> bool,
) -> Result<Turn<'a>, Refused> {
    turn_among(project, intent, stops, |_| true)
}

/// Returns what runs, as [`turn`] does, where only some have a place in the row.
pub(in crate::tools) fn turn_among<'a>(
    project: &'a Project,
    intent: &Intent,
    stops: impl Fn(&Problem) -> bool,
    counts: impl Fn(&&Node) -> bool,
) -> Result<Turn<'a>, Refused> {
    if !project.connected {
        return Err(Refused::UnknownState);
    }
    let id = intent.migration();
    let (node, migration) = expect(project, intent)?;
    let refuses = |problem: &&Problem| match problem.kind {
        // Of one file only: the others run. A file that is no migration at all stops all.
        Trouble::Syntax | Trouble::Unreachable if project.migration(&problem.id).is_some() => {
            problem.id == id
        }
        _ => stops(problem),
    };
    if let Some(problem) = project.problems.iter().find(refuses) {
        return Err(Refused::Problem(format!("{}: {}", problem.id, problem.detail)));
    }
    let first = match intent {
        Intent::Up(_) => project.graph.pending().next(),
        Intent::Down(_) => project.graph.applied().rfind(&counts),
    };
    if let Some(first) = first.filter(|first| first.id != id) {
        return Err(Refused::NotNext { id: id.to_owned(), first: first.id.clone() });
    }
    let script = match intent {
        Intent::Up(_) => &migration.up,
        Intent::Down(_) => {
            migration.down.as_ref().ok_or_else(|| Refused::NoWayDown(id.to_owned()))?
        }
    };
    let mut then = project.graph.clone();
    if let Some(moved) = then.nodes.iter_mut().find(|other| other.id == id) {
        moved.state = match intent {
            Intent::Up(_) => State::Applied,
            Intent::Down(_) => State::Pending,
        };
    }
    let mut ran = project.graph.applied().filter(&counts);
    let previous = ran.rfind(|other| other.id != node.id).map(|other| other.id.as_str());
    Ok(Turn { script, before: project.graph.current(), after: then.current(), previous })
}

/// Returns a migration, if it has the state that it must have.
pub(in crate::tools) fn expect<'a>(
    project: &'a Project,
    intent: &Intent,
) -> Result<(&'a Node, &'a Migration), Refused> {
    let id = intent.migration();
    let missing = || Refused::NoSuchMigration(id.to_owned());
    let node = project.graph.find(id).ok_or_else(missing)?;
    let (wanted, direction) = match intent {
        Intent::Up(_) => (State::Pending, "up"),
        Intent::Down(_) => (State::Applied, "down"),
    };
    if node.state != wanted {
        return Err(Refused::WrongState {
            id: id.to_owned(),
            state: format!("{:?}", node.state).to_lowercase(),
            direction: direction.to_owned(),
        });
    }
    Ok((node, project.migration(id).ok_or_else(missing)?))
}

/// Returns an error if the tool, which always runs all that is pending, would run more
/// than this one.
pub(in crate::tools) fn only_one_pending(project: &Project, command: &str) -> Result<(), Refused> {
    let pending: Vec<&str> = project.graph.pending().map(|node| node.id.as_str()).collect();
    if pending.len() < 2 {
        return Ok(());
    }
    Err(Refused::Problem(format!(
        "`{command}` would run all {} pending migrations together: {}; it can be run from here only when one is pending",
        pending.len(),
        pending.join(", ")
    )))
}
