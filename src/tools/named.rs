//! A version table that the configuration names, where the project does not tell.

use std::sync::{Mutex, PoisonError};

use super::{
    Act, Advisory, Detected, Failure, Intent, Project, Refused, Rows, Tool, Tree, VersionQuery,
    by_name,
};
use crate::domain::change::Name;
use crate::domain::graph::Trouble;
use crate::domain::plan::Command;

/// What stands between a tool's name and the table in [`Tool::word`].
const SIGN: char = ':';

/// The tools that were named a table so far: a configuration does not change while we run.
static NAMED: Mutex<Vec<&'static Named>> = Mutex::new(Vec::new());

/// Returns the tool with this version table instead of the one that the project tells.
#[must_use]
pub fn named(tool: &'static dyn Tool, table: Name) -> &'static dyn Tool {
    let mut known = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
    // The address tells two apart that have one name; those that take no room may share one.
    let same = |one: &&&'static Named| {
        one.table == table
            && one.tool.name() == tool.name()
            && std::ptr::addr_eq(std::ptr::from_ref(one.tool), tool)
    };
    if let Some(one) = known.iter().find(same) {
        return *one;
    }
    let one: &'static Named = Box::leak(Box::new(Named { tool, table }));
    known.push(one);
    one
}

/// Returns the tool that [`Tool::word`] means.
#[must_use]
pub fn by_word(word: &str) -> Option<&'static dyn Tool> {
    match word.split_once(SIGN) {
        Some((name, table)) => Some(named(by_name(name)?, Name::parse(table))),
        None => by_name(word),
    }
}

struct Named {
    tool: &'static dyn Tool,
    table: Name,
}

impl Tool for Named {
    fn name(&self) -> &'static str {
        self.tool.name()
    }

    fn word(&self) -> String {
        format!("{}{SIGN}{}", self.tool.name(), self.table.quoted())
    }

    fn detect(&self, tree: &dyn Tree) -> Option<Detected> {
        self.tool.detect(tree)
    }

    fn version_table(&self, _tree: &dyn Tree) -> Name {
        self.table.clone()
    }

    fn query(&self, table: &Name, tree: &dyn Tree) -> VersionQuery {
        self.tool.query(table, tree)
    }

    fn locks_with(&self, lock: &Advisory, table: &Name) -> Option<&'static str> {
        self.tool.locks_with(lock, table)
    }

    fn read(&self, tree: &dyn Tree, directory: &str, rows: &Rows) -> Project {
        let mut project = self.tool.read(tree, directory, rows);
        project.problems.retain(|problem| problem.kind != Trouble::VersionTable);
        let written = [self.table.schema.as_deref(), Some(self.table.name.as_str())];
        let written: Vec<&str> = written.into_iter().flatten().collect();
        project.setup.table = Some(written.join("."));
        project
    }

    fn act(&self, project: &Project, intent: &Intent) -> Result<Act, Refused> {
        self.tool.act(project, intent)
    }

    fn probe(&self, project: &Project) -> Option<Command> {
        self.tool.probe(project)
    }

    fn printed(&self, project: &Project, intent: &Intent) -> Option<Command> {
        self.tool.printed(project, intent)
    }

    fn explain(&self, output: &str, exit: Option<i32>) -> Failure {
        self.tool.explain(output, exit)
    }
}
