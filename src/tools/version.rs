//! What a tool says of its own version.

use super::{Project, Tool};
use crate::domain::plan::Command;

/// Returns the command that prints the tool's version and touches no database; `None` for one
/// that has none: a program of the project's own, and our own.
#[must_use]
pub fn command(tool: &dyn Tool, project: &Project) -> Option<Command> {
    let mut command = tool.probe(project)?;
    let words = match (tool.name(), command.argv.first()?.as_str()) {
        ("django", _) => 2,
        (name, program) if program.rsplit('/').next() == Some(name) => 1,
        ("sequelize", program) if program.ends_with("sequelize-cli") => 1,
        _ => return None,
    };
    command.argv.truncate(words);
    command.argv.push("--version".to_owned());
    Some(command)
}
