//! What tools share that run files one after the other and keep a row for each.

mod files;
mod turn;
mod way;

use std::cmp::Ordering;

use chrono::{DateTime, Utc};

use super::{Migration, Project, Rows, Setup};
use crate::domain::graph::{Graph, Node, Problem, State, Trouble};

pub(super) use files::{dotenv, entries, named, names, number, place, present, read, text};
pub(super) use turn::{Turn, command, expect, only_one_pending, turn, turn_among};
pub(super) use way::{Sent, Span, Way, whole};

/// A migration of the files, in the tool's order.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub name: String,
    pub file: String,
    pub migration: Migration,
}

/// What the database says of a migration.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub id: String,
    pub name: String,
    pub applied_at: Option<DateTime<Utc>>,
    pub dirty: bool,
}

/// Whose project it is, and what its database holds.
pub(super) struct Place<'a> {
    pub tool: &'static str,
    pub directory: &'a str,
    pub rows: &'a Rows,
}

/// Returns the project that the migrations, in their order, and the rows make.
pub(super) fn project(
    place: &Place,
    steps: Vec<Step>,
    graph: Graph,
    problems: Vec<Problem>,
    setup: Setup,
) -> Project {
    Project {
        tool: place.tool,
        directory: place.directory.to_owned(),
        connected: *place.rows != Rows::Unknown,
        graph,
        migrations: steps.into_iter().map(|step| step.migration).collect(),
        problems,
        setup,
    }
}

/// Joins the files, in their order, and the rows; a row without a file stands before the
/// first file that is `after` it.
pub(super) fn graph(
    steps: &[Step],
    records: &[Record],
    order: impl Fn(&str, &str) -> Ordering,
) -> Graph {
    let mut nodes: Vec<Node> = steps.iter().map(|step| of_file(step, records)).collect();
    let known = |record: &&Record| !steps.iter().any(|step| step.migration.id == record.id);
    for record in records.iter().filter(known) {
        let later = |node: &Node| order(&record.id, &node.id).is_lt();
        let at = nodes.iter().position(later).unwrap_or(nodes.len());
        nodes.insert(at, orphan(record));
    }
    for at in 1..nodes.len() {
        nodes[at].parents = vec![nodes[at - 1].id.clone()];
    }
    Graph { nodes }
}

fn of_file(step: &Step, records: &[Record]) -> Node {
    let record = records.iter().find(|record| record.id == step.migration.id);
    let state = match record {
        None => State::Pending,
        Some(record) if record.dirty => State::Dirty,
        Some(_) => State::Applied,
    };
    Node {
        id: step.migration.id.clone(),
        name: step.name.clone(),
        file: Some(step.file.clone()),
        parents: Vec::new(),
        state,
        applied_at: record.and_then(|record| record.applied_at),
    }
}

fn orphan(record: &Record) -> Node {
    Node {
        id: record.id.clone(),
        name: record.name.clone(),
        file: None,
        parents: Vec::new(),
        state: if record.dirty { State::Dirty } else { State::Orphan },
        applied_at: record.applied_at,
    }
}

/// Orders ids that are numbers.
pub(super) fn by_number(a: &str, b: &str) -> Ordering {
    let number = |text: &str| text.parse::<i128>().ok();
    number(a).cmp(&number(b)).then_with(|| a.cmp(b))
}

/// Returns a problem for each row without a file, for each that did not end, and for each
/// pending file that is older than one that has run; `says` is what the tool makes of it.
pub(super) fn troubles(graph: &Graph, says: &Says) -> Vec<Problem> {
    let mut problems = Vec::new();
    let last = graph.nodes.iter().rposition(|node| node.state != State::Pending);
    for (at, node) in graph.nodes.iter().enumerate() {
        let (kind, detail) = match node.state {
            State::Orphan => (Trouble::Orphan, says.orphan.to_owned()),
            State::Dirty => (Trouble::Dirty, says.dirty.to_owned()),
            State::Pending if Some(at) < last => {
                let ran = last.map(|last| graph.nodes[last].id.as_str()).unwrap_or_default();
                (Trouble::OutOfOrder, format!("{ran} has run already: {}", says.out_of_order))
            }
            _ => continue,
        };
        problems.push(Problem::new(kind, node.id.clone(), detail));
    }
    problems
}

/// What a tool makes of what is wrong, in words that end a sentence.
pub(super) struct Says {
    pub orphan: &'static str,
    pub dirty: &'static str,
    pub out_of_order: &'static str,
}

/// Keeps the first of each id.
pub(super) fn unique(steps: Vec<Step>, tool: &str, problems: &mut Vec<Problem>) -> Vec<Step> {
    let mut kept: Vec<Step> = Vec::new();
    for step in steps {
        let id = step.migration.id.clone();
        match kept.iter().find(|other| other.migration.id == id) {
            None => kept.push(step),
            Some(first) => {
                let detail = format!(
                    "{} and {} have the same version, which {tool} cannot tell apart: give one another version",
                    first.file, step.file
                );
                problems.push(Problem::new(Trouble::DuplicateId, id, detail));
            }
        }
    }
    kept
}

/// Returns a row's column.
pub(super) fn column(row: &[Option<String>], at: usize) -> Option<&str> {
    row.get(at)?.as_deref()
}

/// Returns the SQL for a column of time, as text that [`time`] reads.
pub(super) fn time_of(column: &str, has_zone: bool) -> String {
    let zone = if has_zone { " AT TIME ZONE 'UTC'" } else { "" };
    format!("to_char({column}{zone}, 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
}

/// Returns a row's column of time.
pub(super) fn time(row: &[Option<String>], at: usize) -> Option<DateTime<Utc>> {
    column(row, at)?.parse().ok()
}
