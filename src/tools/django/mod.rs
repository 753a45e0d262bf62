//! Django 5: `manage.py`, `APP/migrations/*.py` and a row per migration.
//!
//! Order, squashes and what it refuses are those of `django.db.migrations` 5.2. Migrations of
//! installed packages (`auth`) are no files of the project: they are not listed.
//! `showmigrations` creates no table, so that it serves to show where Django connects.
//! `sqlmigrate` asks the database which migrations have run: it prints nothing offline.

mod act;
mod files;
mod plan;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::domain::change::Name;
use crate::domain::graph::{Graph, Node, Problem, State, Trouble};
use crate::domain::plan::Command;
use crate::source::python::django::Key;

use super::{
    Act, Detected, Failure, FailureKind, Intent, Project, Refused, Rows, Setup, Tool, Tree,
    VersionQuery, linear,
};
use files::File;
use plan::Plan;

const TABLE: &str = "django_migrations";

/// Returns the tool.
#[must_use]
pub fn tool() -> &'static dyn Tool {
    &Django
}

struct Django;

impl Tool for Django {
    fn name(&self) -> &'static str {
        "django"
    }

    fn detect(&self, tree: &dyn Tree) -> Option<Detected> {
        let directory = files::place(tree)?;
        let why = format!("{} is Django's", super::join(&directory, "manage.py"));
        Some(Detected { directory, why })
    }

    fn version_table(&self, _tree: &dyn Tree) -> Name {
        Name::new(TABLE)
    }

    fn query(&self, table: &Name, _tree: &dyn Tree) -> VersionQuery {
        let time = linear::time_of("applied", true);
        let columns = format!("app::text, name::text, {time}");
        VersionQuery::of(table, &columns, "ORDER BY id")
    }

    fn read(&self, tree: &dyn Tree, directory: &str, rows: &Rows) -> Project {
        load(tree, directory, rows)
    }

    fn act(&self, project: &Project, intent: &Intent) -> Result<Act, Refused> {
        act::act(project, intent)
    }

    fn probe(&self, project: &Project) -> Option<Command> {
        Some(act::command(project, &["showmigrations"]))
    }

    fn explain(&self, output: &str, _exit: Option<i32>) -> Failure {
        const OWN: &[(&str, FailureKind)] = &[
            ("Conflicting migrations detected", FailureKind::Moved),
            ("InconsistentMigrationHistory", FailureKind::Moved),
            ("NodeNotFoundError", FailureKind::MissingFile),
            ("IrreversibleError", FailureKind::Raised),
        ];
        Failure::of(output, OWN)
    }
}

/// Returns the id of a migration, as Django writes it.
fn id(key: &Key) -> String {
    format!("{}.{}", key.0, key.1)
}

/// A row of the table.
struct Row {
    key: Key,
    applied_at: Option<DateTime<Utc>>,
}

fn load(tree: &dyn Tree, directory: &str, rows: &Rows) -> Project {
    let mut problems = Vec::new();
    let mut files = files::read(tree, directory, &mut problems);
    let held = held(rows, &mut problems);
    let ran: BTreeSet<Key> = held.iter().map(|row| row.key.clone()).collect();
    let all: BTreeSet<Key> = files.iter().map(|file| file.key.clone()).collect();
    let plan = Plan::of(&mut files, &ran, &mut problems);
    let migrations = files::compile(&files, &plan, &mut problems);
    let mut nodes: Vec<Node> =
        plan.order.iter().map(|at| node(&files[*at], &plan, *at, &files, &held)).collect();
    problems.extend(inconsistent(&nodes));
    if *rows != Rows::Unknown {
        problems.extend(waiting(&files, &plan, &ran));
    }
    let orphans = orphans(&held, &files, &all, &plan);
    problems.extend(orphans.iter().map(|node| {
        let detail = "the database has it and no file does: Django passes over it; bring the file back if something of it is still needed";
        Problem::new(Trouble::Orphan, node.id.clone(), detail)
    }));
    let first_pending = nodes.iter().position(|node| node.state == State::Pending);
    let at = first_pending.unwrap_or(nodes.len());
    nodes.splice(at..at, orphans);
    Project {
        tool: "django",
        directory: directory.to_owned(),
        connected: *rows != Rows::Unknown,
        graph: Graph { nodes },
        migrations,
        problems,
        setup: Setup { files: vec![super::join(directory, "manage.py")], ..Setup::default() },
    }
}

fn held(rows: &Rows, problems: &mut Vec<Problem>) -> Vec<Row> {
    let Rows::Read(rows) = rows else { return Vec::new() };
    let mut held = Vec::new();
    for row in rows {
        if let (Some(app), Some(name)) = (linear::column(row, 0), linear::column(row, 1)) {
            let key = (app.to_owned(), name.to_owned());
            held.push(Row { key, applied_at: linear::time(row, 2) });
        } else {
            let detail = format!("a row of {TABLE} cannot be read: {row:?}");
            problems.push(Problem::new(Trouble::Dirty, TABLE, detail));
        }
    }
    held
}

fn node(file: &File, plan: &Plan, at: usize, files: &[File], held: &[Row]) -> Node {
    let row = held.iter().find(|row| row.key == file.key);
    let applied = row.is_some() || plan.squashed.contains(&at);
    let name = linear::number(&file.key.1).map_or(file.key.1.as_str(), |(_, rest)| rest);
    Node {
        id: id(&file.key),
        name: name.trim_start_matches('_').replace('_', " "),
        file: Some(file.path.clone()),
        parents: plan.parents[at].iter().map(|parent| id(&files[*parent].key)).collect(),
        state: if applied { State::Applied } else { State::Pending },
        applied_at: row.and_then(|row| row.applied_at),
    }
}

/// Django refuses as soon as one has run whose parent has not.
fn inconsistent(nodes: &[Node]) -> Vec<Problem> {
    let pending =
        |id: &&String| nodes.iter().any(|node| node.id == **id && node.state == State::Pending);
    let wrong = nodes.iter().filter(|node| node.state == State::Applied).filter_map(|node| {
        let parent = node.parents.iter().find(pending)?;
        let detail = format!(
            "{} has run and follows it: Django refuses (InconsistentMigrationHistory)",
            node.id
        );
        Some(Problem::new(Trouble::OutOfOrder, parent.clone(), detail))
    });
    wrong.collect()
}

/// What comes from an installed package runs along with it.
fn waiting(files: &[File], plan: &Plan, ran: &BTreeSet<Key>) -> Vec<Problem> {
    let has_run = |key: &Key| match key.1.as_str() {
        "__first__" | "__latest__" => ran.iter().any(|other| other.0 == key.0),
        _ => ran.contains(key),
    };
    let of = |at: &usize| {
        let file = &files[*at];
        if ran.contains(&file.key) {
            return None;
        }
        let foreign = plan.foreign[*at].iter().find(|key| !has_run(key))?;
        let detail = format!(
            "{} depends on {} of an installed package, which has not run: Django would run it, and what it follows, along with it; run `migrate {}` first",
            id(&file.key),
            id(foreign),
            foreign.0
        );
        Some(Problem::new(Trouble::Unreachable, id(&file.key), detail))
    };
    plan.order.iter().filter_map(of).collect()
}

fn orphans(held: &[Row], files: &[File], all: &BTreeSet<Key>, plan: &Plan) -> Vec<Node> {
    let apps: BTreeSet<&str> = files.iter().map(|file| file.key.0.as_str()).collect();
    let gone = |row: &&Row| {
        let replaced = plan.replaced.contains(&row.key);
        apps.contains(row.key.0.as_str()) && !all.contains(&row.key) && !replaced
    };
    let nodes = held.iter().filter(gone).map(|row| Node {
        id: id(&row.key),
        name: String::new(),
        file: None,
        parents: Vec::new(),
        state: State::Orphan,
        applied_at: row.applied_at,
    });
    nodes.collect()
}
