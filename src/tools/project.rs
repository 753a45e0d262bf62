//! A project as a tool sees it.

use std::collections::BTreeMap;

use crate::domain::change::{Change, Statement};
use crate::domain::graph::{Graph, Problem, State};
use crate::domain::hazard::Transactions;
use crate::domain::reversal::Reversal;
use crate::domain::untrusted::Untrusted;

/// The migrations of a project, and what is wrong with them.
#[derive(Clone, Debug)]
pub struct Project {
    /// The tool's name.
    pub tool: &'static str,
    /// The directory of the migrations, relative to the project.
    pub directory: String,
    /// True if the database was asked what it has.
    pub connected: bool,
    /// Order and state.
    pub graph: Graph,
    /// The content, for every node of the graph that has a file.
    pub migrations: Vec<Migration>,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// What the tool reads at each run, whichever migration runs.
    pub setup: Setup,
}

/// What a tool reads at each run, whichever migration runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setup {
    /// The configuration that has to be named to the tool; `None`: it finds it by itself.
    pub config: Option<String>,
    /// The files that are executed or obeyed at each run, relative to the project.
    pub files: Vec<String>,
    /// Why our `lock_timeout` and `statement_timeout` do not reach the server, if they do not.
    pub no_timeouts: Option<String>,
    /// What a migration follows, where that is not all that has to run before it.
    pub follows: BTreeMap<String, Vec<String>>,
    /// The words that start the project's own program, where it is not one of a fixed name.
    pub program: Vec<String>,
    /// The words that the program takes before a migration's name: up, down, and one that only
    /// looks; empty where they are the tool's own.
    pub verbs: Vec<String>,
    /// The version table that the tool is told, where it is not its usual one.
    pub table: Option<String>,
    /// Why nothing can be run, and what to do, if nothing can.
    pub unrunnable: Option<String>,
}

impl Project {
    /// Returns the content of a migration.
    #[must_use]
    pub fn migration(&self, id: &str) -> Option<&Migration> {
        self.migrations.iter().find(|migration| migration.id == id)
    }

    /// Returns the next migration that the tool would run.
    #[must_use]
    pub fn next(&self) -> Option<&Migration> {
        self.migration(&self.graph.pending().next()?.id)
    }

    /// Returns the migration that going down by one would undo.
    #[must_use]
    pub fn last(&self) -> Option<&Migration> {
        let last = self.graph.applied().rev().find(|node| node.state == State::Applied)?;
        self.migration(&last.id)
    }

    /// Returns the revisions that the database is at; `None`: it was not asked, or what it says
    /// cannot be believed.
    #[must_use]
    pub fn revision(&self) -> Option<Vec<String>> {
        self.connected.then(|| self.graph.current())
    }
}

/// What a migration says.
#[derive(Clone, Debug)]
pub struct Migration {
    /// The tool's own id of it.
    pub id: String,
    /// The way up.
    pub up: Script,
    /// The way down, if there is one.
    pub down: Option<Script>,
    /// What the way down is.
    pub reversal: Reversal,
}

/// One way of a migration.
#[derive(Clone, Debug)]
pub struct Script {
    /// The file, relative to the project.
    pub file: String,
    /// Its text.
    pub text: Untrusted,
    /// What it does.
    pub statements: Vec<Statement>,
    /// How it is run.
    pub transactions: Transactions,
    /// True if `statements` is all that it does.
    pub complete: bool,
}

impl Script {
    /// Returns true if all that it does is known and understood.
    #[must_use]
    pub fn is_understood(&self) -> bool {
        let opaque = |statement: &Statement| statement.changes.iter().any(Change::is_opaque);
        self.complete && !self.statements.iter().any(opaque)
    }

    /// Returns the first statement that PostgreSQL refuses in a transaction.
    #[must_use]
    pub fn refusing(&self) -> Option<&Statement> {
        self.statements.iter().find(|s| s.changes.iter().any(Change::refuses_transaction))
    }

    /// Returns the statement that waits for old transactions, if one does: under
    /// a `lock_timeout` it would leave an invalid index behind.
    #[must_use]
    pub fn waiting(&self) -> Option<&Statement> {
        self.statements.iter().find(|s| s.changes.iter().any(Change::waits_for_transactions))
    }

    /// Returns why no `lock_timeout` may be set, if none may.
    #[must_use]
    pub fn no_lock_timeout(&self) -> Option<String> {
        self.waiting().map(|statement| {
            format!(
                "{} waits for old transactions; a lock_timeout would leave it half done",
                statement.kind
            )
        })
    }
}
