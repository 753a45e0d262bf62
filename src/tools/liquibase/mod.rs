//! Liquibase 4: a changelog that includes others, and a row per changeset.
//!
//! Formatted SQL is read, and of XML the changes whose SQL is known; YAML and JSON are listed
//! and not read. A changeset is known by its id, its author and its file; the id alone names it
//! where no other has it, else `file::id::author`, as Liquibase prints it. Checksums of
//! formatted SQL are compared. JDBC heeds neither `PGAPPNAME` nor `PGOPTIONS`: only where it
//! takes its URL from `${target.url+jdbc}`, which says both, can it be seen on the server, and
//! be run. Of the commands that connect, `history` alone creates no table (4.4.0, 4.28.0).

mod change;
mod changelog;
mod checksum;
mod formatted;
mod rows;
mod xml;

use super::linear::{self, Place, Says, Step};
use super::{
    Act, Detected, Failure, FailureKind, Intent, Migration, Project, Refused, Rows, Script, Setup,
    Tool, Tree, VersionQuery,
};
use crate::domain::change::{Change, Name, Statement};
use crate::domain::graph::{Graph, Problem, Trouble};
use crate::domain::hazard::Transactions;
use crate::domain::plan::Command;
use crate::domain::reversal::{self, Kind, Reversal};
use crate::domain::untrusted::Untrusted;
use changelog::{Changelog, Root};
use checksum::Sum;

const SAYS: Says = Says {
    orphan: "the database has it and no changelog does: Liquibase passes over it, and rollbackCount fails there; bring the file back, e.g. from version control",
    dirty: "it failed with failOnError:false and was passed over: look at what it did",
    out_of_order: "Liquibase will now run this older one",
};

/// Returns the tool.
#[must_use]
pub fn tool() -> &'static dyn Tool {
    &Liquibase
}

struct Liquibase;

impl Tool for Liquibase {
    fn name(&self) -> &'static str {
        "liquibase"
    }

    fn detect(&self, tree: &dyn Tree) -> Option<Detected> {
        let root = Root::find(tree)?;
        Some(Detected { directory: root.directory(), why: root.why })
    }

    fn version_table(&self, tree: &dyn Tree) -> Name {
        rows::table(&Root::find(tree).unwrap_or_default())
    }

    fn query(&self, table: &Name, tree: &dyn Tree) -> VersionQuery {
        rows::query(table, &Root::find(tree).unwrap_or_default())
    }

    fn read(&self, tree: &dyn Tree, directory: &str, rows: &Rows) -> Project {
        load(tree, directory, rows)
    }

    fn act(&self, project: &Project, intent: &Intent) -> Result<Act, Refused> {
        act(project, intent)
    }

    fn probe(&self, project: &Project) -> Option<Command> {
        let argv = ["liquibase".to_owned(), changelog_file(project), "history".to_owned()];
        Some(Command { argv: argv.into(), env: Vec::new(), cwd: String::new() })
    }

    fn explain(&self, output: &str, _exit: Option<i32>) -> Failure {
        const OWN: &[(&str, FailureKind)] = &[
            // Before 4.2x, and since.
            ("change sets check sum", FailureKind::Changed),
            ("changesets check sum", FailureKind::Changed),
            ("had duplicate identifiers", FailureKind::Moved),
            ("Could not acquire change log lock", FailureKind::Dirty),
            ("Waiting for changelog lock", FailureKind::Dirty),
            // Before 4.2x, and since.
            ("No inverse to ", FailureKind::Raised),
            ("does not support automatic rollback generation", FailureKind::Raised),
        ];
        let failure = Failure::of(output, OWN);
        // Behind it stands only how more is asked for.
        let named = |line: &&str| line.contains("Unexpected error running Liquibase");
        let line = output.lines().rev().find(named).filter(|_| failure.kind == FailureKind::Other);
        match line {
            Some(line) => Failure { line: line.trim().to_owned(), ..failure },
            None => failure,
        }
    }
}

/// A changeset, as a changelog holds it.
#[derive(Clone, Debug, Default)]
struct Changeset {
    id: String,
    author: String,
    /// The changelog, as the table calls it.
    file: String,
    /// Its path in the project.
    path: String,
    text: String,
    line: usize,
    up: Vec<Statement>,
    down: Vec<Statement>,
    /// True if each is all that it does.
    complete: (bool, bool),
    /// False for `runInTransaction:false`.
    transaction: bool,
    /// Why it may run again, or not at all, whatever its row says.
    uncertain: Option<&'static str>,
    /// True if it is run again where it was changed, instead of being refused.
    reruns: bool,
    comment: String,
    /// What its checksum is made of, if that is known.
    sum: Option<Sum>,
}

impl Changeset {
    /// Returns how Liquibase prints it.
    fn full(&self) -> String {
        format!("{}::{}::{}", self.file, self.id, self.author)
    }

    fn script(&self, statements: &[Statement], complete: bool) -> Script {
        Script {
            file: self.path.clone(),
            text: Untrusted::new(self.text.clone()),
            statements: statements.to_vec(),
            transactions: self.transactions(statements),
            complete,
        }
    }

    fn transactions(&self, statements: &[Statement]) -> Transactions {
        let splits = |s: &Statement| s.changes.iter().any(Change::splits_transaction);
        match self.transaction {
            false => Transactions::None,
            true if statements.iter().any(splits) => Transactions::Mixed,
            true => Transactions::One,
        }
    }

    fn step(&self, id: String, problems: &mut Vec<Problem>) -> Step {
        let up = self.script(&self.up, self.complete.0);
        let down = self.script(&self.down, self.complete.1);
        for script in [&up, &down] {
            if let Some(statement) = script.refusing().filter(|_| self.transaction) {
                let detail = format!(
                    "{}:{}: {} cannot run in a transaction: give the changeset runInTransaction:false",
                    self.path, statement.line, statement.kind
                );
                problems.push(Problem::new(Trouble::Unreachable, id.clone(), detail));
            }
        }
        let reversal = judged(&up, &down);
        let migration = Migration { id, up, down: Some(down), reversal };
        let name = if self.comment.is_empty() { self.author.clone() } else { self.comment.clone() };
        Step { name, file: self.path.clone(), migration }
    }
}

fn judged(up: &Script, down: &Script) -> Reversal {
    let mut judged = reversal::judge(&up.statements, Some(&down.statements));
    let inverse = down.statements.iter().find(|s| s.changes == [Change::Raise(false)]);
    if let Some(statement) = inverse.filter(|_| judged.kind == Kind::Raises) {
        judged.why = format!("there is no rollback, and Liquibase fails: {}", statement.kind);
    } else if judged.kind == Kind::Reversible && !down.is_understood() {
        judged.kind = Kind::Unknown;
        "not all of the way down is known".clone_into(&mut judged.why);
    }
    judged
}

/// Returns the statement that stands for what has no inverse.
fn no_inverse(line: usize, sql: &str, change: &str) -> Statement {
    let kind = format!("No inverse to {change}");
    Statement { line, sql: sql.to_owned(), kind, changes: vec![Change::Raise(false)] }
}

fn load(tree: &dyn Tree, directory: &str, rows: &Rows) -> Project {
    let mut problems = Vec::new();
    let root = Root::find(tree).unwrap_or_default();
    let mut changelog = Changelog::default();
    changelog.read(tree, &root, &root.file, &mut problems);
    let sets = changelog.unique(&mut problems);
    let ids: Vec<String> = sets.iter().map(|set| name(set, &sets)).collect();
    let unrunnable = sets.iter().zip(&ids).find_map(|(set, id)| Some((set.uncertain?, id)));
    let setup = Setup {
        config: Some(root.file.clone()),
        files: changelog.files.iter().cloned().chain(root.properties.clone()).collect(),
        no_timeouts: Some(
            "Liquibase connects through JDBC, which takes no heed of PGOPTIONS: lock_timeout is not in force, and statement_timeout only where its URL is ${target.url+jdbc}"
                .into(),
        ),
        unrunnable: unrunnable.map(|(why, id)| format!("{id} {why}")),
        ..Setup::default()
    };
    let held = rows::Held::of(rows, &sets, &ids, &changelog.unread, &mut problems);
    let steps: Vec<Step> =
        sets.iter().zip(ids).map(|(set, id)| set.step(id, &mut problems)).collect();
    let place = |id: &str| steps.iter().position(|step| step.migration.id == id);
    // A row without changeset stands before the first that is pending.
    let ran = |id: &str| held.records.iter().any(|record| record.id == id);
    let mut graph = linear::graph(&steps, &held.records, |row, file| {
        if place(row).is_none() && !ran(file) {
            std::cmp::Ordering::Less
        } else {
            std::cmp::Ordering::Greater
        }
    });
    held.settle(&mut graph);
    problems.extend(linear::troubles(&graph, &SAYS));
    problems.extend(disordered(&graph, &held));
    let place = Place { tool: "liquibase", directory, rows };
    linear::project(&place, steps, graph, problems, setup)
}

/// `rollbackCount` takes back what ran last, which may stand further up in the changelog.
fn disordered(graph: &Graph, held: &rows::Held) -> Option<Problem> {
    let last = held.records.last()?;
    let end = graph.applied().next_back()?;
    (end.id != last.id).then(|| {
        let detail = format!(
            "it ran after {}, which follows it in the changelog: Liquibase takes it back first",
            end.id
        );
        Problem::new(Trouble::OutOfOrder, last.id.clone(), detail)
    })
}

fn name(set: &Changeset, all: &[Changeset]) -> String {
    let alike = all.iter().filter(|other| other.id == set.id).count();
    if alike > 1 { set.full() } else { set.id.clone() }
}

/// Returns the option that names the changelog.
fn changelog_file(project: &Project) -> String {
    format!("--changeLogFile={}", project.setup.config.as_deref().unwrap_or_default())
}

fn act(project: &Project, intent: &Intent) -> Result<Act, Refused> {
    let up = matches!(intent, Intent::Up(_));
    // Going up, an older one is next; going down, the last that ran is.
    let stops = |problem: &Problem| match problem.kind {
        Trouble::OutOfOrder => !up,
        Trouble::Orphan => !up,
        // Liquibase compares them itself before it runs anything.
        Trouble::Uncompared => false,
        _ => true,
    };
    let turn = linear::turn(project, intent, stops)?;
    if let Some(why) = &project.setup.unrunnable {
        return Err(Refused::Problem(format!(
            "{why}: which changeset runs next cannot be told; run Liquibase by hand"
        )));
    }
    let changelog = changelog_file(project);
    let word = if up { "updateCount" } else { "rollbackCount" };
    let mut act = turn.act(&["liquibase", &changelog, word, "1"]);
    let more = project.setup.files.iter().filter(|file| !act.files.contains(file));
    let more: Vec<String> = more.cloned().collect();
    act.files.extend(more);
    act.no_lock_timeout = act.no_lock_timeout.or_else(|| project.setup.no_timeouts.clone());
    Ok(act)
}
