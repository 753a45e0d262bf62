//! The documents of `status --json` and `lint --json`, as `CLI.md` defines them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::graph::{Node, Problem, State, Trouble};
use crate::domain::hazard::{
    self, Answer, Catalog, Hazard, Held, Relations, Severity, Transactions,
};
use crate::domain::loss::{self, Ahead, Loss};
use crate::domain::plan::Direction;
use crate::domain::rehearsal::Standing;
use crate::domain::reversal::{Kind, Reversal};
use crate::source::sql;
use crate::source::sql::squawk::{self, Opinion};

use super::{Migration, Project};

/// `status --json`.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// The version of the document.
    pub schema: u32,
    /// The tool's name.
    pub tool: String,
    /// The directory of the migrations.
    pub directory: String,
    /// `connected` or `none`.
    pub database: &'static str,
    /// The ids that the database is at.
    pub current: Vec<String>,
    /// The ids that nothing follows.
    pub heads: Vec<String>,
    /// What would run, in this order; `null` if the database was not asked.
    pub pending: Option<Vec<String>>,
    /// Every migration, in order.
    pub migrations: Vec<Entry>,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

/// One migration of `status --json`.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// The tool's own id of it.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// The file of the way up.
    pub file: Option<String>,
    /// The ids that must run before.
    pub parents: Vec<String>,
    /// Whether the database has it; `null` if it was not asked.
    pub state: Option<State>,
    /// When it ran.
    pub applied_at: Option<DateTime<Utc>>,
    /// What the way down is, and why.
    #[serde(flatten)]
    pub reversal: Reversal,
    /// What the way up does to the others.
    pub hazards: Vec<Hazard>,
    /// What the way down does to the others.
    pub down_hazards: Vec<Hazard>,
    /// What is lost, on both ways.
    pub losses: Vec<Loss>,
    /// The rows that would refuse it, on both ways.
    pub obstacles: Vec<Loss>,
    /// How the way up is run.
    pub transaction: Transactions,
    /// Whether what is shown is all that it does: `complete`, `partial`, `none`.
    pub preview: &'static str,
}

impl Status {
    /// Returns the document of a project. `catalog` is the live schema as it is
    /// now; pending migrations are judged by what those before them make of it.
    #[must_use]
    pub fn of(project: &Project, catalog: &Catalog) -> Self {
        let pending = || project.graph.pending().map(|node| node.id.clone()).collect();
        Self {
            schema: 1,
            tool: project.tool.to_owned(),
            directory: project.directory.clone(),
            database: if project.connected { "connected" } else { "none" },
            current: if project.connected { project.graph.current() } else { Vec::new() },
            heads: project.graph.heads(),
            pending: project.connected.then(pending),
            migrations: entries(project, catalog),
            problems: project.problems.clone(),
        }
    }

    /// Takes what a rehearsal that still holds has measured of the ways up.
    pub fn estimate(&mut self, rehearsed: &Standing) {
        for entry in &mut self.migrations {
            rehearsed.estimate(&entry.id, &mut entry.hazards);
        }
    }

    /// Returns true if nothing is pending and nothing is wrong.
    #[must_use]
    pub fn is_up_to_date(&self) -> bool {
        let is_wrong = |problem: &Problem| problem.kind != Trouble::Uncompared;
        !self.problems.iter().any(is_wrong) && self.pending.as_ref().is_some_and(Vec::is_empty)
    }
}

fn entries(project: &Project, catalog: &Catalog) -> Vec<Entry> {
    // The live schema already holds what has run, so only what is pending moves it on.
    let mut ahead = catalog.clone();
    let mut entries = Vec::new();
    let mut migrations: HashMap<&str, &Migration> = HashMap::new();
    for migration in &project.migrations {
        migrations.entry(&migration.id).or_insert(migration);
    }
    for node in &project.graph.nodes {
        let migration = migrations.get(node.id.as_str()).copied();
        let is_ahead = !project.connected || node.state == State::Pending;
        let mut scratch =
            Catalog { complete: false, relations: Relations::default(), ..catalog.clone() };
        let schema = if is_ahead { &mut ahead } else { &mut scratch };
        entries.push(entry(node, migration, project.connected, schema));
        schema.settle();
    }
    entries
}

fn entry(
    node: &Node,
    migration: Option<&Migration>,
    connected: bool,
    catalog: &mut Catalog,
) -> Entry {
    // Before the schema is moved on, as a schema that somebody keeps is copied then.
    let (losses, obstacles) = migration.map(|m| lost(m, catalog)).unwrap_or_default();
    let hazards = migration
        .map(|m| hazard::classify(&m.up.statements, catalog, m.up.transactions))
        .unwrap_or_default();
    // What was not read of it may have made anything.
    catalog.complete &= migration.is_none_or(|migration| migration.up.complete);
    catalog.settle();
    let down = migration.and_then(|migration| migration.down.as_ref());
    let down_hazards = down
        .map(|d| hazard::classify(&d.statements, &mut catalog.clone(), d.transactions))
        .unwrap_or_default();
    Entry {
        id: node.id.clone(),
        name: node.name.clone(),
        file: node.file.clone(),
        parents: node.parents.clone(),
        state: connected.then_some(node.state),
        applied_at: node.applied_at,
        reversal: migration.map_or_else(gone, |migration| migration.reversal.clone()),
        hazards,
        down_hazards,
        losses,
        obstacles,
        transaction: migration.map_or(Transactions::Unknown, |m| m.up.transactions),
        preview: match migration {
            None => "none",
            Some(migration) if migration.up.complete => "complete",
            Some(_) => "partial",
        },
    }
}

fn gone() -> Reversal {
    Reversal::new(Kind::Unknown, "its file is gone", None)
}

/// Returns what a migration loses, and by what it is refused, on both ways, on the schema before
/// its way up.
fn lost(migration: &Migration, before: &Catalog) -> (Vec<Loss>, Vec<Loss>) {
    let up = &migration.up.statements;
    let mut losses = loss::of(up, Direction::Up, before);
    let mut obstacles = loss::obstacles(up, Direction::Up, before);
    if let Some(down) = &migration.down {
        let after = || Ahead::after(before, up);
        losses.extend(loss::of(&down.statements, Direction::Down, after()));
        obstacles.extend(loss::obstacles(&down.statements, Direction::Down, after()));
    }
    (losses, obstacles)
}

impl Entry {
    /// Returns everything of one way whose rows can be counted.
    pub fn countable(&mut self, direction: Direction) -> impl Iterator<Item = &mut Loss> {
        let all = self.losses.iter_mut().chain(&mut self.obstacles);
        all.filter(move |loss| loss.direction == direction)
    }

    /// Takes what was counted of the same rows.
    pub fn learn(&mut self, counted: &[Loss]) {
        for own in self.losses.iter_mut().chain(&mut self.obstacles) {
            if let Some(known) = counted.iter().find(|known| known.is_of(own)) {
                *own = known.clone();
            }
        }
    }
}

/// `lint --json`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Lint {
    /// The version of the document.
    pub schema: u32,
    /// Every statement of every file.
    pub statements: Vec<Linted>,
    /// What could not be parsed.
    pub errors: Vec<LintError>,
}

/// One statement of `lint --json`.
#[derive(Clone, Debug, Serialize)]
pub struct Linted {
    /// The file.
    pub file: String,
    /// The line.
    pub line: usize,
    /// The statement.
    pub sql: String,
    /// What it is.
    pub kind: String,
    /// Its locks.
    pub locks: Vec<Held>,
    /// Whether a relation gets a new file.
    pub rewrite: Answer,
    /// Whether all rows are read.
    pub scan: Answer,
    /// What stands still meanwhile.
    pub blocks: String,
    /// What is lost.
    pub losses: Vec<String>,
    /// How bad it is.
    pub severity: Severity,
    /// What is to be said of it.
    pub findings: Vec<Finding>,
}

/// Something to be said of a statement.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The rule.
    pub rule: String,
    /// Who says it: `lockkeeper` or `squawk`.
    pub source: &'static str,
    /// What.
    pub message: String,
    /// SQL that reaches the same with less.
    pub safe_form: Option<String>,
    /// Where to read about it.
    pub url: Option<String>,
}

/// A place that could not be parsed, or a file that could not be read.
#[derive(Clone, Debug, Serialize)]
pub struct LintError {
    /// The file.
    pub file: String,
    /// The line; none if the file itself cannot be read.
    pub line: Option<usize>,
    /// What the parser, or the system, said.
    pub message: String,
}

impl Lint {
    /// Returns true if a statement stops others for long, or destroys something.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        let bad = |linted: &Linted| linted.severity == Severity::High || !linted.losses.is_empty();
        self.statements.iter().any(bad)
    }

    /// Returns true if every statement was understood.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.errors.is_empty()
    }
}

/// Returns the document of SQL files, in the order given, as if run one after the other.
pub fn lint<'a>(
    files: impl IntoIterator<Item = (&'a str, &'a str)>,
    catalog: &mut Catalog,
) -> Lint {
    let mut document = Lint { schema: 1, ..Lint::default() };
    for (file, text) in files {
        let compiled = sql::compile(text);
        let losses = loss::of(&compiled.statements, Direction::Up, &*catalog);
        let hazards = hazard::classify(&compiled.statements, catalog, Transactions::One);
        let opinions = squawk::opinions(text, catalog.version_num);
        let judged = compiled.statements.iter().zip(hazards).zip(opinions);
        for ((statement, hazard), opinions) in judged {
            let lost = losses.iter().filter(|loss| loss.line == statement.line);
            let lost = lost.map(|loss| loss.what.clone()).collect();
            let mut linted = linted(file, statement.kind.clone(), lost, hazard);
            linted.findings.extend(opinions.into_iter().map(second));
            document.statements.push(linted);
        }
        document.errors.extend(compiled.errors.into_iter().map(|error| LintError {
            file: file.to_owned(),
            line: Some(error.line),
            message: error.message,
        }));
    }
    document
}

fn second(opinion: Opinion) -> Finding {
    Finding {
        rule: opinion.rule,
        source: "squawk",
        message: match opinion.help {
            Some(help) => format!("{} {help}", opinion.message),
            None => opinion.message,
        },
        safe_form: None,
        url: Some(opinion.url),
    }
}

fn linted(file: &str, kind: String, losses: Vec<String>, hazard: Hazard) -> Linted {
    let finding = Finding {
        rule: hazard.rule.to_owned(),
        source: "lockkeeper",
        message: hazard.message,
        safe_form: hazard.safe_form,
        url: None,
    };
    let is_notable = hazard.severity > Severity::Low || finding.safe_form.is_some();
    Linted {
        file: file.to_owned(),
        line: hazard.line,
        sql: hazard.sql,
        kind,
        locks: hazard.locks,
        rewrite: hazard.rewrite,
        scan: hazard.scan,
        blocks: hazard.blocks,
        losses,
        severity: hazard.severity,
        findings: is_notable.then_some(finding).into_iter().collect(),
    }
}
