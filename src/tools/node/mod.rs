//! What the migration tools of Node have in common: `package.json`, files in one row, a table
//! with a row for each that has run.

mod act;
mod explain;
mod files;
mod package;
mod probe;

use chrono::{DateTime, Utc};

use crate::domain::graph::{Graph, Node, Problem, State, Trouble};
use crate::domain::plan::Command;

use super::{Migration, Project, Setup, Tree};

pub(super) use act::{Turn, act};
pub(super) use explain::explain;
pub(super) use files::{File, Reading, list, migrations};
pub(super) use package::Package;
pub(super) use probe::probe;

/// A row of the version table.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// As the table holds it.
    pub name: String,
    pub at: Option<DateTime<Utc>>,
}

/// What a tool says of a row without file.
pub(super) type Orphaned = fn(&str) -> String;

/// Joins files and rows in the order of the files.
pub(super) struct Joined<'a> {
    pub tool: &'static str,
    pub directory: &'a str,
    pub connected: bool,
    pub files: &'a [File],
    pub rows: &'a [Row],
    pub orphaned: Orphaned,
}

impl Joined<'_> {
    /// Returns the project.
    pub(super) fn project(
        &self,
        migrations: Vec<Migration>,
        mut problems: Vec<Problem>,
        setup: Setup,
    ) -> Project {
        let nodes = self.nodes(&mut problems);
        Project {
            tool: self.tool,
            directory: self.directory.to_owned(),
            connected: self.connected,
            graph: Graph { nodes },
            migrations,
            problems,
            setup,
        }
    }

    fn nodes(&self, problems: &mut Vec<Problem>) -> Vec<Node> {
        let mut nodes: Vec<Node> = self.files.iter().map(|file| self.of_file(file)).collect();
        for row in self.rows.iter().filter(|row| !self.has_file(row)) {
            let at = nodes.iter().position(|node| node.id > row.name).unwrap_or(nodes.len());
            nodes.insert(at, of_row(row));
            problems.push(Problem::new(Trouble::Orphan, row.name.clone(), self.missing(row)));
        }
        let ids: Vec<String> = nodes.iter().map(|node| node.id.clone()).collect();
        for (node, parent) in nodes.iter_mut().skip(1).zip(ids) {
            node.parents.push(parent);
        }
        nodes
    }

    fn has_file(&self, row: &Row) -> bool {
        self.files.iter().any(|file| file.id == row.name)
    }

    /// A name that differs by its ending is that of a compiled file, or of its source.
    fn missing(&self, row: &Row) -> String {
        let stem = |name: &str| name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned();
        let alike = self.files.iter().find(|file| stem(&file.id) == stem(&row.name));
        let hint = alike.map(|file| {
            format!("; {} differs from it only by its ending: where the compiled files are run, name their place with --project or [project] directory", file.path)
        });
        (self.orphaned)(&row.name) + &hint.unwrap_or_default()
    }

    fn of_file(&self, file: &File) -> Node {
        let row = self.rows.iter().find(|row| row.name == file.id);
        Node {
            id: file.id.clone(),
            name: file.title(),
            file: Some(file.path.clone()),
            parents: Vec::new(),
            state: if row.is_some() { State::Applied } else { State::Pending },
            applied_at: row.and_then(|row| row.at),
        }
    }
}

fn of_row(row: &Row) -> Node {
    Node {
        id: row.name.clone(),
        name: String::new(),
        file: None,
        parents: Vec::new(),
        state: State::Orphan,
        applied_at: row.at,
    }
}

/// Returns a problem for each pending migration that is older than one that has run.
pub(super) fn out_of_order(graph: &Graph, says: impl Fn(&str) -> String) -> Vec<Problem> {
    let Some(last) = graph.nodes.iter().rposition(|node| node.state == State::Applied) else {
        return Vec::new();
    };
    let late = graph.nodes[..last].iter().filter(|node| node.state == State::Pending);
    let later = &graph.nodes[last].id;
    late.map(|node| Problem::new(Trouble::OutOfOrder, node.id.clone(), says(later))).collect()
}

/// Returns a path without `./` before it and `/` behind it.
pub(super) fn relative(path: &str) -> String {
    let path = path.trim_end_matches('/');
    let mut rest = path;
    while let Some(inner) = rest.strip_prefix("./") {
        rest = inner;
    }
    if rest == "." { String::new() } else { rest.to_owned() }
}

/// Returns the words that start a program of the project.
pub(super) fn program(tree: &dyn Tree, name: &str) -> Vec<String> {
    let installed = tree.list("node_modules/.bin").unwrap_or_default();
    match installed.iter().any(|entry| entry.name == name) {
        true => vec![format!("node_modules/.bin/{name}")],
        // Installed further up, or by another package manager: never fetched for a run.
        false => vec!["npx".to_owned(), "--no-install".to_owned(), name.to_owned()],
    }
}

/// Returns a command of the project's program.
pub(super) fn command(project: &Project, words: &[&str]) -> Command {
    let words = words.iter().map(|word| (*word).to_owned());
    let argv = project.setup.program.iter().cloned().chain(words).collect();
    Command { argv, env: Vec::new(), cwd: String::new() }
}
